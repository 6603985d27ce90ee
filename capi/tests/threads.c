// Handles in many threads: all open at once, each decodes to what one alone decodes to.
//
//   threads GOLDEN HANDLES THREADS
#include "common.h"
#include <pthread.h>

static File *files;
static size_t count;
static uint64_t *expected;

static int add(void *user, const void *rows, uint32_t first, uint32_t rows_count, size_t stride) {
    uint64_t *sum = user;
    for (size_t i = 0; i < rows_count * stride; i++) *sum = *sum * 31 + ((const uint8_t *)rows)[i];
    (void)first;
    return 0;
}

static WavernDecoder *open_file(size_t index, uint32_t threads) {
    WavernError error;
    WavernDecodeOptions options;
    WavernDecoder *decoder;
    CHECK(wavern_decode_options_init(&options, sizeof options) == WAVERN_OK);
    options.threads = threads;
    OK(wavern_decoder_new(files[index].data, files[index].size, &options, &decoder, &error));
    return decoder;
}

static uint64_t sum_of(WavernDecoder *decoder) {
    WavernError error;
    WavernInfo info = { .size = sizeof info };
    uint64_t sum = 0;
    OK(wavern_decoder_info(decoder, &info, &error));
    if (info.kind == WAVERN_KIND_IMAGE) {
        OK(wavern_decoder_decode_rows(decoder, NULL, add, &sum, &error));
    } else {
        uint8_t *samples;
        size_t frames = read_sound(decoder, WAVERN_SAMPLE_F64, 8, info.channels, &samples);
        add(&sum, samples, 0, 1, frames * info.channels * 8);
        free(samples);
    }
    return sum;
}

typedef struct Work {
    size_t first, handles;
} Work;

static void *work(void *argument) {
    const Work *mine = argument;
    WavernDecoder **decoders = room(mine->handles * sizeof *decoders);
    // Every sixteenth has a thread of its own.
    for (size_t i = 0; i < mine->handles; i++) {
        decoders[i] = open_file((mine->first + i) % count, i % 16 == 0 ? 1 : 0);
    }
    for (size_t i = 0; i < mine->handles; i++) {
        CHECK(sum_of(decoders[i]) == expected[(mine->first + i) % count]);
    }
    for (size_t i = 0; i < mine->handles; i++) wavern_decoder_free(decoders[i]);
    free(decoders);
    return NULL;
}

int main(int argc, char **argv) {
    CHECK(argc == 4);
    size_t handles = strtoul(argv[2], NULL, 10), threads = strtoul(argv[3], NULL, 10);
    count = read_folder(argv[1], &files);
    // Large pictures would take most of the time and show nothing more.
    size_t small = 0;
    for (size_t i = 0; i < count; i++) {
        WavernError error;
        WavernInfo info = { .size = sizeof info };
        OK(wavern_probe(files[i].data, files[i].size, NULL, &info, &error));
        if ((uint64_t)info.width * info.height > 1 << 16) {
            free(files[i].data);
        } else {
            files[small++] = files[i];
        }
    }
    CHECK(small >= 30 && small < count);
    count = small;
    expected = room(count * sizeof *expected);
    for (size_t i = 0; i < count; i++) {
        WavernDecoder *decoder = open_file(i, 1);
        expected[i] = sum_of(decoder);
        wavern_decoder_free(decoder);
    }
    pthread_t *running = room(threads * sizeof *running);
    Work *shares = room(threads * sizeof *shares);
    for (size_t i = 0; i < threads; i++) {
        shares[i] = (Work){ i * 5, handles / threads };
        CHECK(pthread_create(&running[i], NULL, work, &shares[i]) == 0);
    }
    for (size_t i = 0; i < threads; i++) CHECK(pthread_join(running[i], NULL) == 0);
    printf("threads: %zu handles in %zu threads\n", handles / threads * threads, threads);
    free(running);
    free(shares);
    free(expected);
    free_files(files, count);
    return 0;
}
