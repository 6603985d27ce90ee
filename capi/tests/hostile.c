// Hostile files are errors; mutated goldens are errors or pictures and sounds. Never a crash, a hang, or a fault of the
// library.
//
//   hostile GOLDEN HOSTILE MUTATIONS [SEED [PIXELS]]      HOSTILE may be - for none; larger files are refused
#include "common.h"
#include <unistd.h>

static int pass(void *user, const void *rows, uint32_t first, uint32_t count, size_t stride) {
    // Every byte that was promised is there.
    const uint8_t *bytes = rows;
    uint64_t *sum = user;
    for (size_t i = 0; i < count * stride; i++) *sum = *sum * 31 + bytes[i];
    (void)first;
    return 0;
}

// Pixels of a picture, samples of a sound.
static uint64_t most = 2500000;

// Decodes all of a file, whatever it is.
static WavernStatus decode(const uint8_t *data, size_t size, uint32_t partial, uint64_t *sum) {
    WavernError error;
    WavernDecodeOptions options;
    WavernLimits limits;
    WavernDecoder *decoder;
    WavernInfo info = { .size = sizeof info };
    CHECK(wavern_limits_init(&limits, sizeof limits) == WAVERN_OK);
    CHECK(wavern_decode_options_init(&options, sizeof options) == WAVERN_OK);
    limits.pixels = limits.samples = most;
    limits.memory_bytes = 1 << 28;
    options.limits = &limits;
    options.allow_partial = partial;
    WavernStatus status = wavern_decoder_new(data, size, &options, &decoder, &error);
    if (status == WAVERN_OK) {
        OK(wavern_decoder_info(decoder, &info, &error));
        if (info.kind == WAVERN_KIND_IMAGE) {
            status = wavern_decoder_decode_rows(decoder, NULL, pass, sum, &error);
        } else {
            uint8_t samples[4096];
            size_t got, frames = sizeof samples / 8 / info.channels;
            do {
                status = wavern_decoder_read_audio(decoder, WAVERN_SAMPLE_F64, samples, frames, &got, &error);
                if (status == WAVERN_OK) pass(sum, samples, 0, (uint32_t)got, 8 * info.channels);
            } while (status == WAVERN_OK && got == frames);
        }
        WavernDamage damage = { .size = sizeof damage };
        WavernError about = { .code = status };
        CHECK(wavern_decoder_damage(decoder, &damage, &about) == WAVERN_OK);
        for (uint64_t i = 0; i < damage.faults; i++) {
            WavernError fault;
            CHECK(wavern_decoder_fault(decoder, i, &fault, &about) == WAVERN_OK && fault.text[0]);
        }
    }
    wavern_decoder_free(decoder);
    CHECK(status != WAVERN_ERROR_INTERNAL);
    CHECK(error.code == status && (status == WAVERN_OK) == (error.text[0] == 0));
    return status;
}

// One to four changes: bits, bytes, runs, swaps, splices from another file, repeats, cuts. As in codec/tests.
static size_t mutate(const File *file, const File *other, uint8_t *bytes, uint64_t *state) {
    size_t size = file->size;
    memcpy(bytes, file->data, size);
    for (size_t changes = 1 + dice(state, 4); changes > 0 && size > 0; changes--) {
        // Headers are where the harm is.
        size_t at = dice(state, dice(state, 3) == 0 && size > 64 ? 64 : size);
        size_t length = 1 + dice(state, 64);
        if (length > size - at) length = size - at;
        switch (dice(state, 8)) {
        case 0: bytes[at] ^= (uint8_t)(1 << dice(state, 8)); break;
        case 1: bytes[at] = (uint8_t)dice(state, 256); break;
        case 2: memset(bytes + at, dice(state, 2) ? 255 : 0, length); break;
        case 3: {
            size_t to = dice(state, size);
            uint8_t kept = bytes[at];
            bytes[at] = bytes[to];
            bytes[to] = kept;
            break;
        }
        case 4: {
            size_t from = dice(state, other->size);
            if (length > other->size - from) length = other->size - from;
            memcpy(bytes + at, other->data + from, length);
            break;
        }
        case 5:
            memmove(bytes + at + length, bytes + at, size - at);
            size += length;
            break;
        case 6:
            memmove(bytes + at, bytes + at + length, size - at - length);
            size -= length;
            break;
        default: size = at;
        }
    }
    return size;
}

static void refuse(const char *folder) {
    File *files;
    size_t count = read_folder(folder, &files);
    for (size_t i = 0; i < count; i++) {
        uint64_t sum = 0;
        if (decode(files[i].data, files[i].size, 0, &sum) == WAVERN_OK) {
            fprintf(stderr, "%s: decodes\n", files[i].name);
            exit(1);
        }
        decode(files[i].data, files[i].size, 1, &sum);
    }
    printf("hostile: %zu files, all refused\n", count);
    free_files(files, count);
}

int main(int argc, char **argv) {
    CHECK(argc >= 4);
    size_t mutations = strtoul(argv[3], NULL, 10);
    uint64_t state = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
    if (argc > 5) most = strtoull(argv[5], NULL, 10);
    // A hang ends here.
    alarm(900);
    File *files;
    size_t count;
    if (strcmp(argv[2], "-") != 0) refuse(argv[2]);

    count = read_folder(argv[1], &files);
    size_t refused = 0, same = 0, partial = 0, codes[16] = { 0 };
    for (size_t i = 0; i < mutations; i++) {
        const File *file = &files[i % count], *other = &files[dice(&state, count)];
        uint8_t *bytes = room(file->size + 4 * 64);
        size_t size = mutate(file, other, bytes, &state);
        // As large as the file and no larger, so that a tool sees every byte that is read behind it.
        uint8_t *exact = room(size);
        memcpy(exact, bytes, size);
        free(bytes);
        uint64_t changed = 0, whole = 0;
        WavernStatus status = decode(exact, size, 0, &changed);
        codes[status]++;
        if (status == WAVERN_OK) {
            // What a change leaves readable decodes to the same, or to the other file if that came whole.
            CHECK(decode(file->data, file->size, 0, &whole) == WAVERN_OK && changed == whole);
            same++;
        } else {
            refused++;
        }
        partial += decode(exact, size, 1, &whole) == WAVERN_OK;
        free(exact);
    }
    printf("mutations: %zu refused (%zu as damaged, %zu as cut, %zu unsupported, %zu over a limit), %zu the same; "
           "%zu decoded in part\n",
           refused, codes[WAVERN_ERROR_FORMAT], codes[WAVERN_ERROR_TRUNCATED], codes[WAVERN_ERROR_UNSUPPORTED],
           codes[WAVERN_ERROR_LIMIT], same, partial);
    CHECK(mutations < 1000 || refused > 20 * same);
    free_files(files, count);
    return 0;
}
