// Encoding gives the bytes of the command, however the samples come; what is kept without loss comes back.
//
//   encode FOLDER      with photo.ppm, sound.wav (16 bits) and what the command makes of them at quality 60 and without
//                      loss: photo-60.wvn, photo-lossless.wvn, sound-60.wvn, sound-lossless.wvn; photo-bound.wvn with errors
//                      of 2 at most
#include "common.h"

static const char *folder;

static void same_as_file(const WavernBuffer *buffer, const char *name) {
    File file = read_file(folder, name);
    CHECK(wavern_buffer_size(buffer) == file.size);
    CHECK(memcmp(wavern_buffer_data(buffer), file.data, file.size) == 0);
    free(file.data);
}

static void same(const WavernBuffer *a, const WavernBuffer *b) {
    CHECK(wavern_buffer_size(a) == wavern_buffer_size(b));
    CHECK(memcmp(wavern_buffer_data(a), wavern_buffer_data(b), wavern_buffer_size(a)) == 0);
}

static WavernEncodeOptions defaults(void) {
    WavernEncodeOptions options;
    CHECK(wavern_encode_options_init(&options, sizeof options) == WAVERN_OK);
    return options;
}

static WavernEncoder *encoder_for(const WavernEncodeOptions *options) {
    WavernError error;
    WavernEncoder *encoder;
    OK(wavern_encoder_new(options, &encoder, &error));
    return encoder;
}

typedef struct Source {
    const uint8_t *pixels;
    uint32_t next, stop_at;
} Source;

static int give(void *user, void *rows, uint32_t first, uint32_t count, size_t stride) {
    Source *source = user;
    CHECK(first == source->next);
    memcpy(rows, source->pixels + first * stride, count * stride);
    source->next += count;
    return source->next > source->stop_at ? 5 : 0;
}

static int stop_search(void *user, float done) {
    CHECK(done >= 0 && done <= 1);
    // Several threads may tell it.
    __atomic_fetch_add((int *)user, 1, __ATOMIC_RELAXED);
    return 1;
}

static void decode_exactly(const WavernBuffer *file, const WavernLayout *layout, const void *pixels, size_t bytes) {
    WavernError error;
    WavernDecoder *decoder;
    uint8_t *decoded = room(bytes);
    OK(wavern_decoder_new(wavern_buffer_data(file), wavern_buffer_size(file), NULL, &decoder, &error));
    OK(wavern_decoder_decode_image(decoder, layout, decoded, bytes, &error));
    CHECK(memcmp(decoded, pixels, bytes) == 0);
    free(decoded);
    wavern_decoder_free(decoder);
}

static void photo(void) {
    WavernError error;
    WavernBuffer *file, *again;
    File ppm = read_file(folder, "photo.ppm");
    unsigned width, height;
    CHECK(sscanf((const char *)ppm.data, "P6 %u %u 255", &width, &height) == 2);
    WavernLayout layout = { .size = sizeof layout, .width = width, .height = height, .channels = 3, .depth = 8 };
    size_t row = 3 * (size_t)width, bytes = row * height;
    const uint8_t *pixels = ppm.data + ppm.size - bytes;

    WavernEncodeOptions options = defaults();
    CHECK(options.quality == 60 && options.effort == 1 && options.size == sizeof options);
    WavernEncoder *encoder = encoder_for(NULL);
    OK(wavern_encoder_encode_image(encoder, &layout, pixels, bytes, &file, &error));
    same_as_file(file, "photo-60.wvn");

    // By rows, and from a buffer with gaps.
    Source source = { pixels, 0, height };
    OK(wavern_encoder_encode_rows(encoder, &layout, give, &source, &again, &error));
    CHECK(source.next == height);
    same(file, again);
    wavern_buffer_free(again);
    layout.stride = row + 13;
    size_t gaps = layout.stride * (height - 1) + row;
    uint8_t *apart = room(gaps);
    for (uint32_t y = 0; y < height; y++) memcpy(apart + y * layout.stride, pixels + y * row, row);
    OK(wavern_encoder_encode_image(encoder, &layout, apart, gaps, &again, &error));
    same(file, again);
    wavern_buffer_free(again);

    // A callback that stops; the encoder goes on with the next picture.
    Source stops = { pixels, 0, height / 2 };
    FAILS(WAVERN_ERROR_STOPPED, wavern_encoder_encode_rows(encoder, &layout, give, &stops, &again, &error));
    CHECK(again == NULL && strstr(error.text, "returned 5"));
    OK(wavern_encoder_encode_image(encoder, &layout, apart, gaps, &again, &error));
    same(file, again);
    wavern_buffer_free(again);
    wavern_encoder_free(encoder);
    free(apart);
    layout.stride = 0;

    // Without loss.
    options.lossless = 1;
    options.threads = 2;
    encoder = encoder_for(&options);
    OK(wavern_encoder_encode_image(encoder, &layout, pixels, bytes, &again, &error));
    same_as_file(again, "photo-lossless.wvn");
    decode_exactly(again, &layout, pixels, bytes);
    wavern_buffer_free(again);
    wavern_encoder_free(encoder);

    // Within a bound: as the command, and no sample farther away.
    options = defaults();
    options.max_error = 2;
    encoder = encoder_for(&options);
    OK(wavern_encoder_encode_image(encoder, &layout, pixels, bytes, &again, &error));
    same_as_file(again, "photo-bound.wvn");
    WavernDecoder *decoder;
    uint8_t *decoded = room(bytes);
    int farthest = 0;
    OK(wavern_decoder_new(wavern_buffer_data(again), wavern_buffer_size(again), NULL, &decoder, &error));
    OK(wavern_decoder_decode_image(decoder, &layout, decoded, bytes, &error));
    for (size_t i = 0; i < bytes; i++) {
        if (abs(decoded[i] - pixels[i]) > farthest) farthest = abs(decoded[i] - pixels[i]);
    }
    CHECK(farthest > 0 && farthest <= 2);
    free(decoded);
    wavern_decoder_free(decoder);
    wavern_buffer_free(again);
    wavern_encoder_free(encoder);

    // A target, and a search that is ended at once, twice: the second is not ended by the first.
    options = defaults();
    options.target_bytes = wavern_buffer_size(file) / 2;
    encoder = encoder_for(&options);
    OK(wavern_encoder_encode_image(encoder, &layout, pixels, bytes, &again, &error));
    CHECK(wavern_buffer_size(again) <= options.target_bytes && wavern_buffer_size(again) > options.target_bytes / 2);
    wavern_buffer_free(again);
    wavern_encoder_free(encoder);
    int told = 0;
    options = defaults();
    options.effort = 6;
    options.progress = stop_search;
    options.progress_user = &told;
    encoder = encoder_for(&options);
    WavernLayout part = layout;
    part.width = part.height = 64;
    part.stride = row;
    for (int i = 0; i < 2; i++) {
        int before = told;
        OK(wavern_encoder_encode_image(encoder, &part, pixels, bytes, &again, &error));
        CHECK(told > before);
        wavern_buffer_free(again);
    }
    wavern_encoder_free(encoder);
    wavern_buffer_free(file);
    free(ppm.data);
}

// Metadata and alpha, 16 bits, without loss.
static void everything(void) {
    WavernError error;
    WavernBuffer *file, *again;
    enum { WIDTH = 45, HEIGHT = 33 };
    static uint16_t pixels[HEIGHT][WIDTH][4];
    uint64_t state = 7;
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            for (int c = 0; c < 4; c++) pixels[y][x][c] = (uint16_t)(dice(&state, 300) + 1000u * x + 100u * c);
        }
    }
    WavernLayout layout = { sizeof layout, 0, WIDTH, HEIGHT, 4, 16 };
    WavernEncodeOptions options = defaults();
    options.lossless = 1;
    WavernEncoder *encoder = encoder_for(&options);
    static const struct { uint32_t kind; const char *text; } blocks[] = {
        { WAVERN_METADATA_ICC, "profile" },  { WAVERN_METADATA_EXIF, "II*.exif" }, { WAVERN_METADATA_XMP, "<x/>" },
        { WAVERN_METADATA_PNG, "tEXtone" },  { WAVERN_METADATA_PNG, "tEXtanother" },
    };
    for (size_t i = 0; i < 5; i++) {
        const uint8_t *data = (const uint8_t *)blocks[i].text;
        OK(wavern_encoder_add_metadata(encoder, blocks[i].kind, data, strlen(blocks[i].text), &error));
    }
    OK(wavern_encoder_encode_image(encoder, &layout, pixels, sizeof pixels, &file, &error));
    Source source = { (const uint8_t *)pixels, 0, HEIGHT };
    OK(wavern_encoder_encode_rows(encoder, &layout, give, &source, &again, &error));
    same(file, again);
    wavern_buffer_free(again);
    decode_exactly(file, &layout, pixels, sizeof pixels);

    WavernDecoder *decoder;
    WavernInfo info = { .size = sizeof info };
    OK(wavern_decoder_new(wavern_buffer_data(file), wavern_buffer_size(file), NULL, &decoder, &error));
    OK(wavern_decoder_info(decoder, &info, &error));
    CHECK(info.kind == WAVERN_KIND_IMAGE && info.width == WIDTH && info.height == HEIGHT && info.channels == 4);
    CHECK(info.depth == 16 && info.has_alpha == 1 && info.lossless == 1 && strlen(info.weights) == 12);
    const uint8_t *data;
    size_t size;
    for (size_t i = 0; i < 5; i++) {
        OK(wavern_decoder_metadata(decoder, blocks[i].kind, i == 4, &data, &size, &error));
        CHECK(size == strlen(blocks[i].text) && memcmp(data, blocks[i].text, size) == 0);
    }
    OK(wavern_decoder_metadata(decoder, WAVERN_METADATA_PNG, 2, &data, &size, &error));
    CHECK(data == NULL && size == 0);
    wavern_decoder_free(decoder);

    // A region, halved: the same pixels as from the whole picture, halved.
    WavernDecodeOptions view;
    CHECK(wavern_decode_options_init(&view, sizeof view) == WAVERN_OK);
    view.halvings = 1;
    uint16_t *halves[2];
    WavernLayout sizes[2];
    for (int i = 0; i < 2; i++) {
        if (i == 1) view.region = (WavernRegion){ 5, 8, 20, 11 };
        OK(wavern_decoder_new(wavern_buffer_data(file), wavern_buffer_size(file), &view, &decoder, &error));
        sizes[i].size = sizeof sizes[i];
        OK(wavern_decoder_layout(decoder, &sizes[i], &error));
        size_t bytes = (size_t)sizes[i].width * sizes[i].height * 8;
        halves[i] = room(bytes);
        OK(wavern_decoder_decode_image(decoder, NULL, halves[i], bytes, &error));
        wavern_decoder_free(decoder);
    }
    CHECK(sizes[0].width == 23 && sizes[0].height == 17 && sizes[1].width == 11 && sizes[1].height == 6);
    // Inside, where the blocks of the region are whole.
    for (uint32_t y = 0; y < 5; y++) {
        for (uint32_t x = 1; x < 10; x++) {
            const uint16_t *whole = halves[0] + ((y + 4) * 23 + x + 2) * 4;
            CHECK(memcmp(halves[1] + (y * 11 + x) * 4, whole, 8) == 0);
        }
    }
    free(halves[0]);
    free(halves[1]);

    OK(wavern_encoder_clear_metadata(encoder, &error));
    OK(wavern_encoder_encode_image(encoder, &layout, pixels, sizeof pixels, &again, &error));
    CHECK(wavern_buffer_size(again) < wavern_buffer_size(file));
    wavern_buffer_free(again);
    wavern_buffer_free(file);
    wavern_encoder_free(encoder);
}

typedef struct Out {
    uint8_t *data;
    size_t size, most;
} Out;

static int append(void *user, const uint8_t *data, size_t size) {
    Out *out = user;
    if (out->size + size > out->most) return 9;
    out->data = realloc(out->data, out->size + size);
    CHECK(out->data);
    memcpy(out->data + out->size, data, size);
    out->size += size;
    return 0;
}

static void sound(void) {
    WavernError error;
    WavernBuffer *file;
    File wav = read_file(folder, "sound.wav");
    // As the test data have it: 44 bytes of header, 16 bits.
    CHECK(wav.size > 44 && memcmp(wav.data + 36, "data", 4) == 0 && wav.data[34] == 16);
    uint32_t channels = wav.data[22];
    uint32_t rate = wav.data[24] | (uint32_t)wav.data[25] << 8 | (uint32_t)wav.data[26] << 16;
    size_t frames = (wav.size - 44) / 2 / channels;
    const uint8_t *samples = wav.data + 44;
    WavernAudioLayout layout = { .size = sizeof layout, .sample_rate = rate, .channels = channels,
                                 .memory_format = WAVERN_SAMPLE_I16 };
    for (int lossless = 0; lossless < 2; lossless++) {
        const char *name = lossless ? "sound-lossless.wvn" : "sound-60.wvn";
        WavernEncodeOptions options = defaults();
        options.lossless = lossless;
        WavernEncoder *encoder = encoder_for(&options);
        OK(wavern_encoder_encode_audio(encoder, &layout, samples, frames, &file, &error));
        same_as_file(file, name);

        // In pieces, with a break on the way.
        Out out = { room(1), 0, 2 * wav.size };
        OK(wavern_encoder_begin_audio(encoder, &layout, append, &out, &error));
        WavernBuffer *none;
        FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_encode_audio(encoder, &layout, samples, 1, &none, &error));
        for (size_t at = 0, piece = 1; at < frames; at += piece, piece = piece * 3 + 7) {
            if (piece > frames - at) piece = frames - at;
            OK(wavern_encoder_write_audio(encoder, samples + at * 2 * channels, piece, &error));
            if (piece > 5000) OK(wavern_encoder_flush_audio(encoder, &error));
        }
        OK(wavern_encoder_finish_audio(encoder, &error));
        CHECK(out.size == wavern_buffer_size(file) && memcmp(out.data, wavern_buffer_data(file), out.size) == 0);

        // A callback that stops gives the sound up.
        Out full = { room(1), 0, 200 };
        OK(wavern_encoder_begin_audio(encoder, &layout, append, &full, &error));
        WavernStatus status = wavern_encoder_write_audio(encoder, samples, frames, &error);
        if (status == WAVERN_OK) status = wavern_encoder_finish_audio(encoder, &error);
        CHECK(status == WAVERN_ERROR_STOPPED && strstr(error.text, "returned 9"));
        FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_finish_audio(encoder, &error));

        WavernDecoder *decoder;
        WavernInfo info = { .size = sizeof info };
        uint8_t *decoded;
        OK(wavern_decoder_new(out.data, out.size, NULL, &decoder, &error));
        OK(wavern_decoder_info(decoder, &info, &error));
        CHECK(info.kind == WAVERN_KIND_AUDIO && info.frames == frames && info.sample_rate == rate);
        CHECK(info.channels == channels && info.sample_format == WAVERN_SAMPLE_I16);
        CHECK(info.lossless == (uint32_t)lossless);
        CHECK(read_sound(decoder, WAVERN_SAMPLE_I16, 2, channels, &decoded) == frames);
        CHECK(!lossless || memcmp(decoded, samples, frames * channels * 2) == 0);
        free(decoded);
        wavern_decoder_free(decoder);

        // Abandoned on the way: nothing leaks. What was collected so far was read above.
        out.size = 0;
        OK(wavern_encoder_begin_audio(encoder, &layout, append, &out, &error));
        OK(wavern_encoder_write_audio(encoder, samples, frames, &error));
        wavern_encoder_free(encoder);
        wavern_buffer_free(file);
        free(out.data);
        free(full.data);
    }
    free(wav.data);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    folder = argv[1];
    photo();
    everything();
    sound();
    puts("encode: the bytes of the command");
    return 0;
}
