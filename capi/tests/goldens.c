// Every golden file decodes to the numbers that stand beside it, and to what the command makes of it.
//
//   goldens GOLDEN NATIVE      NATIVE has NAME.pam or NAME.wav for each NAME.wvn, decoded by the command
#include "common.h"
#include <math.h>

static uint32_t little(const uint8_t *bytes, int count) {
    uint32_t value = 0;
    for (int i = count; i-- > 0;) value = value << 8 | bytes[i];
    return value;
}

static void same_name(char *out, size_t size, const char *name, const char *extension) {
    snprintf(out, size, "%.*s.%s", (int)strlen(name) - 4, name, extension);
}

// Colours without alpha in 16 bits, as the goldens have them.
static void compare_numbers(const File *expected, const uint16_t *values, size_t count) {
    CHECK(expected->size == 2 * count);
    for (size_t i = 0; i < count; i++) CHECK(values[i] == little(expected->data + 2 * i, 2));
}

static uint16_t *decode_16(const File *file, uint32_t halvings, uint32_t channels, WavernInfo *info) {
    WavernError error;
    WavernDecodeOptions options;
    WavernDecoder *decoder;
    WavernLayout layout = { .size = sizeof layout };
    CHECK(wavern_decode_options_init(&options, sizeof options) == WAVERN_OK);
    options.halvings = halvings;
    OK(wavern_decoder_new(file->data, file->size, &options, &decoder, &error));
    *info = (WavernInfo){ .size = sizeof *info };
    OK(wavern_decoder_info(decoder, info, &error));
    OK(wavern_decoder_layout(decoder, &layout, &error));
    CHECK(layout.width == info->width && layout.height == info->height && layout.channels == info->channels);
    layout.depth = 16;
    if (channels) layout.channels = channels;
    size_t bytes = (size_t)layout.width * layout.height * layout.channels * 2;
    uint16_t *pixels = room(bytes);
    OK(wavern_decoder_decode_image(decoder, &layout, pixels, bytes, &error));
    wavern_decoder_free(decoder);
    return pixels;
}

typedef struct Collected {
    uint8_t *pixels;
    uint32_t rows;
    size_t stride;
} Collected;

static int collect(void *user, const void *rows, uint32_t first, uint32_t count, size_t stride) {
    Collected *collected = user;
    CHECK(first == collected->rows && stride == collected->stride);
    memcpy(collected->pixels + first * stride, rows, count * stride);
    collected->rows += count;
    return 0;
}

static void picture(const char *golden, const char *native, const File *file) {
    WavernError error;
    WavernInfo info;
    char name[300];
    uint16_t *whole = decode_16(file, 0, 0, &info);
    uint32_t channels = info.channels;
    size_t pixels = (size_t)info.width * info.height;

    // The command: binary PAM, which may hold alpha, or PNM, 8 bits or big-endian 16.
    same_name(name, sizeof name, file->name, "pam");
    File pam = read_file(native, name);
    size_t bytes = pixels * channels * info.depth / 8;
    CHECK(pam.size > bytes);
    const uint8_t *data = pam.data + pam.size - bytes;
    CHECK(pam.size - bytes < 200 && data[-1] == '\n');
    for (size_t i = 0; i < pixels * channels; i++) {
        uint16_t expected =
            info.depth == 8 ? (uint16_t)(data[i] * 257) : (uint16_t)(data[2 * i] << 8 | data[2 * i + 1]);
        CHECK(whole[i] == expected);
    }

    // By rows, in the depth of the file; and a damaged file would be decoded otherwise, a whole one to the same.
    for (int partial = 0; partial < 2; partial++) {
        WavernDecodeOptions options;
        WavernDecoder *decoder;
        CHECK(wavern_decode_options_init(&options, sizeof options) == WAVERN_OK);
        options.allow_partial = partial;
        options.threads = 1;
        OK(wavern_decoder_new(file->data, file->size, &options, &decoder, &error));
        Collected collected = { room(bytes), 0, (size_t)info.width * channels * info.depth / 8 };
        OK(wavern_decoder_decode_rows(decoder, NULL, collect, &collected, &error));
        CHECK(collected.rows == info.height);
        for (size_t i = 0; i < pixels * channels; i++) {
            uint16_t value = info.depth == 8 ? collected.pixels[i] * 257 : ((uint16_t *)collected.pixels)[i];
            CHECK(value == whole[i]);
        }
        WavernDamage damage = { .size = sizeof damage };
        OK(wavern_decoder_damage(decoder, &damage, &error));
        CHECK(damage.parts >= 1 && damage.lost == 0 && damage.faults == 0);
        free(collected.pixels);
        wavern_decoder_free(decoder);
    }

    // The numbers of the goldens: colours alone, of a large picture at 1/8.
    same_name(name, sizeof name, file->name, "u16");
    File expected = read_file(golden, name);
    free(whole);
    whole = decode_16(file, pixels > 1 << 16 ? 3 : 0, channels < 3 ? 1 : 3, &info);
    compare_numbers(&expected, whole, (size_t)info.width * info.height * (channels < 3 ? 1 : 3));
    free(whole);
    free(expected.data);
    free(pam.data);
}

static double clamped(double sample, double full) {
    double value = round(sample * full);
    return value < -full ? -full : value > full - 1 ? full - 1 : value;
}

// Samples of a WAV file that the command wrote.
static void compare_wav(const File *wav, const double *samples, size_t count) {
    uint32_t code = 0, bits = 0;
    const uint8_t *data = NULL;
    size_t size = 0;
    for (size_t at = 12; at + 8 <= wav->size;) {
        size_t length = little(wav->data + at + 4, 4);
        if (memcmp(wav->data + at, "fmt ", 4) == 0) {
            code = little(wav->data + at + 8, 2);
            bits = little(wav->data + at + 22, 2);
            if (code == 0xfffe) code = little(wav->data + at + 32, 2);
        } else if (memcmp(wav->data + at, "data", 4) == 0) {
            data = wav->data + at + 8;
            size = length;
        }
        at += 8 + length + length % 2;
    }
    CHECK(data && size == count * bits / 8);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *sample = data + i * bits / 8;
        if (code == 3 && bits == 32) {
            float value;
            memcpy(&value, sample, 4);
            CHECK(value == (float)samples[i]);
        } else if (code == 3) {
            double value;
            memcpy(&value, sample, 8);
            CHECK(bits == 64 && value == samples[i]);
        } else if (bits == 8) {
            CHECK(code == 1 && sample[0] - 128 == clamped(samples[i], 128));
        } else {
            int32_t value = (int32_t)(little(sample, (int)bits / 8) << (32 - bits));
            CHECK(code == 1 && value / (double)(1u << (32 - bits)) == clamped(samples[i], (double)(1u << (bits - 1))));
        }
    }
}

static void sound(const char *golden, const char *native, const File *file) {
    WavernError error;
    WavernDecoder *decoder;
    WavernInfo info = { .size = sizeof info };
    char name[300];
    OK(wavern_decoder_new(file->data, file->size, NULL, &decoder, &error));
    OK(wavern_decoder_info(decoder, &info, &error));
    uint8_t *bytes;
    size_t frames = read_sound(decoder, WAVERN_SAMPLE_F64, 8, info.channels, &bytes);
    const double *samples = (const double *)bytes;
    size_t count = frames * info.channels;
    CHECK(frames == info.frames);

    same_name(name, sizeof name, file->name, "wav");
    File wav = read_file(native, name);
    compare_wav(&wav, samples, count);

    // The goldens hold one channel after the other.
    same_name(name, sizeof name, file->name, "u16");
    File expected = read_file(golden, name);
    uint16_t *values = room(2 * count);
    for (size_t i = 0; i < count; i++) {
        values[i % info.channels * frames + i / info.channels] = (uint16_t)(clamped(samples[i], 32768) + 32768);
    }
    compare_numbers(&expected, values, count);

    // The other formats, after going back to the beginning and to the middle.
    uint8_t *others;
    OK(wavern_decoder_seek_audio(decoder, 0, &error));
    CHECK(read_sound(decoder, WAVERN_SAMPLE_I16, 2, info.channels, &others) == frames);
    for (size_t i = 0; i < count; i++) CHECK(((int16_t *)others)[i] == clamped(samples[i], 32768));
    free(others);
    size_t middle = frames / 2 + 1 <= frames ? frames / 2 + 1 : frames;
    OK(wavern_decoder_seek_audio(decoder, middle, &error));
    CHECK(read_sound(decoder, WAVERN_SAMPLE_I32, 4, info.channels, &others) == frames - middle);
    for (size_t i = middle * info.channels; i < count; i++) {
        CHECK(((int32_t *)others)[i - middle * info.channels] == clamped(samples[i], 2147483648.0));
    }
    free(others);
    OK(wavern_decoder_seek_audio(decoder, frames, &error));
    CHECK(read_sound(decoder, WAVERN_SAMPLE_F32, 4, info.channels, &others) == 0);
    free(others);
    OK(wavern_decoder_seek_audio(decoder, 0, &error));
    CHECK(read_sound(decoder, WAVERN_SAMPLE_F32, 4, info.channels, &others) == frames);
    for (size_t i = 0; i < count; i++) CHECK(((float *)others)[i] == (float)samples[i]);
    free(others);
    free(values);
    free(expected.data);
    free(wav.data);
    free(bytes);
    wavern_decoder_free(decoder);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    File *files;
    size_t count = read_folder(argv[1], &files), pictures = 0;
    for (size_t i = 0; i < count; i++) {
        WavernError error;
        WavernInfo info = { .size = sizeof info };
        size_t head = files[i].size < 64 ? files[i].size : 64;
        OK(wavern_probe(files[i].data, head, NULL, &info, &error));
        if (info.kind == WAVERN_KIND_IMAGE) {
            picture(argv[1], argv[2], &files[i]);
            pictures++;
        } else {
            CHECK(info.kind == WAVERN_KIND_AUDIO);
            sound(argv[1], argv[2], &files[i]);
        }
    }
    printf("goldens: %zu pictures, %zu sounds, as beside them and as the command\n", pictures, count - pictures);
    CHECK(pictures >= 18 && count - pictures >= 16);
    free_files(files, count);
    return 0;
}
