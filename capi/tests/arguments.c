// Wrong arguments are WAVERN_ERROR_ARGUMENT; nothing is touched that the caller does not have.
//
//   arguments PICTURE.wvn SOUND.wvn FOLDER
#include "common.h"

static int count_rows(void *user, const void *rows, uint32_t first, uint32_t count, size_t stride) {
    uint32_t *left = user;
    (void)rows, (void)first, (void)stride;
    if (*left < count) return -3;
    *left -= count;
    return 0;
}

static void structs(const File *picture) {
    WavernError error;
    WavernDecodeOptions options;
    WavernDecoder *decoder;
    CHECK(wavern_decode_options_init(NULL, sizeof options) == WAVERN_ERROR_ARGUMENT);
    CHECK(wavern_decode_options_init(&options, 3) == WAVERN_ERROR_ARGUMENT);
    CHECK(wavern_encode_options_init(NULL, 0) == WAVERN_ERROR_ARGUMENT);
    CHECK(wavern_limits_init(NULL, 0) == WAVERN_ERROR_ARGUMENT);

    // A size that was never set, one that is too small, and a program newer than the library.
    memset(&options, 0, sizeof options);
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_new(picture->data, picture->size, &options, &decoder, &error));
    CHECK(decoder == NULL);
    options.size = sizeof options - 4;
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_new(picture->data, picture->size, &options, &decoder, &error));
    struct {
        WavernDecodeOptions known;
        uint64_t more;
    } newer;
    CHECK(wavern_decode_options_init(&newer.known, sizeof newer) == WAVERN_OK);
    CHECK(newer.known.size == sizeof newer && newer.more == 0);
    OK(wavern_decoder_new(picture->data, picture->size, &newer.known, &decoder, &error));
    wavern_decoder_free(decoder);
    newer.more = 1;
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_new(picture->data, picture->size, &newer.known, &decoder, &error));

    // Values out of range.
    static const struct { uint32_t threads, halvings, reserved; WavernRegion region; } wrong[] = {
        { 5000, 0, 0, { 0, 0, 0, 0 } },      { 0, 4, 0, { 0, 0, 0, 0 } },
        { 0, 0, 1, { 0, 0, 0, 0 } },         { 0, 0, 0, { 0, 0, 1, 0 } },
        { 0, 0, 0, { 0, 0, 100000, 1 } },    { 0, 0, 0, { 4294967295u, 0, 4294967295u, 1 } },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK(wavern_decode_options_init(&options, sizeof options) == WAVERN_OK);
        options.threads = wrong[i].threads;
        options.halvings = wrong[i].halvings;
        options.reserved = wrong[i].reserved;
        options.region = wrong[i].region;
        FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_new(picture->data, picture->size, &options, &decoder, &error));
    }
    WavernLimits limits;
    CHECK(wavern_limits_init(&limits, sizeof limits) == WAVERN_OK && limits.pixels == 1u << 28);
    CHECK(wavern_decode_options_init(&options, sizeof options) == WAVERN_OK);
    limits.pixels = 10;
    options.limits = &limits;
    FAILS(WAVERN_ERROR_LIMIT, wavern_decoder_new(picture->data, picture->size, &options, &decoder, &error));
    options.limits = NULL;
    options.weights_folder = "\xff\xfe";
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_new(picture->data, picture->size, &options, &decoder, &error));
    static const WavernInfo zero;
    WavernInfo info = zero;
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_probe(picture->data, picture->size, NULL, &info, &error));
    info.size = sizeof info;
    FAILS(WAVERN_ERROR_TRUNCATED, wavern_probe(picture->data, 9, NULL, &info, &error));
    FAILS(WAVERN_ERROR_FORMAT, wavern_probe((const uint8_t *)"no such file", 12, NULL, &info, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_probe(NULL, 12, NULL, &info, &error));
    OK(wavern_probe(picture->data, picture->size, NULL, &info, &error));
}

static void decoding(const File *picture, const File *sound) {
    WavernError error;
    WavernDecoder *decoder, *speaker;
    WavernLayout layout = { .size = sizeof layout };
    WavernInfo info = { .size = sizeof info };
    size_t got;
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_new(NULL, 10, NULL, &decoder, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_new(picture->data, SIZE_MAX, NULL, &decoder, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_new(picture->data, picture->size, NULL, NULL, &error));
    CHECK(wavern_decoder_new(picture->data, 0, NULL, &decoder, &error) != WAVERN_OK && decoder == NULL);
    // Without a place for the reason.
    CHECK(wavern_decoder_new(picture->data, 20, NULL, &decoder, NULL) == WAVERN_ERROR_TRUNCATED);
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_info(NULL, &info, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_layout(NULL, &layout, &error));

    OK(wavern_decoder_new(picture->data, picture->size, NULL, &decoder, &error));
    OK(wavern_decoder_new(sound->data, sound->size, NULL, &speaker, &error));
    OK(wavern_decoder_info(decoder, &info, &error));
    OK(wavern_decoder_layout(decoder, &layout, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_info(decoder, NULL, &error));
    size_t bytes = (size_t)layout.width * layout.height * layout.channels * layout.depth / 8;
    uint8_t *pixels = room(bytes);
    FAILS(WAVERN_ERROR_KIND, wavern_decoder_layout(speaker, &layout, &error));
    FAILS(WAVERN_ERROR_KIND, wavern_decoder_decode_image(speaker, NULL, pixels, bytes, &error));
    FAILS(WAVERN_ERROR_KIND, wavern_decoder_seek_audio(decoder, 0, &error));
    FAILS(WAVERN_ERROR_KIND, wavern_decoder_read_audio(decoder, WAVERN_SAMPLE_F32, pixels, 1, &got, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_decode_image(decoder, NULL, NULL, bytes, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_decode_image(decoder, NULL, pixels, bytes - 1, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_decode_image(NULL, NULL, pixels, bytes, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_decode_rows(decoder, NULL, NULL, NULL, &error));
    WavernLayout wrong[] = { layout, layout, layout, layout, layout, layout, layout, layout };
    wrong[0].width++;
    wrong[1].height = 0;
    wrong[2].channels = 5;
    wrong[3].depth = 10;
    wrong[4].stride = layout.width * layout.channels - 1;
    wrong[5].stride = SIZE_MAX;
    wrong[6].stride = SIZE_MAX / layout.height + 1;
    wrong[7].channels = 1;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_decode_image(decoder, &wrong[i], pixels, bytes, &error));
    }
    // A callback that stops, at the first and at a later row; then all of them.
    for (uint32_t rows = 0; rows < layout.height; rows += layout.height - 1) {
        uint32_t left = rows;
        FAILS(WAVERN_ERROR_STOPPED, wavern_decoder_decode_rows(decoder, NULL, count_rows, &left, &error));
        CHECK(strstr(error.text, "returned -3"));
    }
    uint32_t left = layout.height;
    OK(wavern_decoder_decode_rows(decoder, NULL, count_rows, &left, &error));
    CHECK(left == 0);
    OK(wavern_decoder_decode_image(decoder, NULL, pixels, bytes, &error));

    const uint8_t *data;
    WavernDamage damage = { .size = sizeof damage };
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_metadata(decoder, 0, 0, &data, &got, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_metadata(decoder, 1, 0, NULL, &got, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_metadata(NULL, 1, 0, &data, &got, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_damage(NULL, &damage, &error));
    WavernError fault;
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_fault(decoder, 0, &fault, &error));

    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_read_audio(speaker, WAVERN_SAMPLE_I24, pixels, 1, &got, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_read_audio(speaker, WAVERN_SAMPLE_F64, NULL, 1, &got, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_read_audio(speaker, WAVERN_SAMPLE_F64, pixels, 1, NULL, &error));
    FAILS(WAVERN_ERROR_ARGUMENT,
          wavern_decoder_read_audio(speaker, WAVERN_SAMPLE_F64, pixels, SIZE_MAX / 4, &got, &error));
    OK(wavern_decoder_read_audio(speaker, WAVERN_SAMPLE_F64, NULL, 0, &got, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_decoder_seek_audio(speaker, UINT64_MAX, &error));
    free(pixels);
    wavern_decoder_free(decoder);
    wavern_decoder_free(speaker);
    wavern_decoder_free(NULL);
}

static void damaged_sound(const File *sound) {
    // One segment is damaged behind the header: reading fails once, and goes on behind a seek; in part it is silence.
    WavernError error;
    WavernDecoder *decoder;
    WavernDecodeOptions options;
    WavernInfo info = { .size = sizeof info };
    uint8_t *bytes = room(sound->size), *samples;
    memcpy(bytes, sound->data, sound->size);
    bytes[sound->size / 2] ^= 64;
    CHECK(wavern_decoder_new(bytes, sound->size, NULL, &decoder, &error) == WAVERN_ERROR_FORMAT);
    CHECK(wavern_decode_options_init(&options, sizeof options) == WAVERN_OK);
    options.allow_partial = 1;
    OK(wavern_decoder_new(bytes, sound->size, &options, &decoder, &error));
    OK(wavern_decoder_info(decoder, &info, &error));
    CHECK(read_sound(decoder, WAVERN_SAMPLE_F64, 8, info.channels, &samples) == info.frames);
    WavernDamage damage = { .size = sizeof damage };
    OK(wavern_decoder_damage(decoder, &damage, &error));
    CHECK(damage.lost == 1 && damage.faults >= 1 && damage.parts > 1);
    OK(wavern_decoder_fault(decoder, 0, &error, NULL));
    CHECK(error.code == WAVERN_ERROR_FORMAT && error.text[0]);
    free(samples);
    wavern_decoder_free(decoder);
    free(bytes);
}

static void encoding(void) {
    WavernError error;
    WavernEncoder *encoder;
    WavernBuffer *file = (WavernBuffer *)&error;
    WavernEncodeOptions options;
    uint8_t pixels[12] = { 0 };
    double samples[4] = { 0, 0.5, -0.5, 1e300 };
    WavernLayout layout = { sizeof layout, 0, 2, 2, 3, 8 };
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_new(NULL, NULL, &error));
    for (int i = 0; i < 11; i++) {
        CHECK(wavern_encode_options_init(&options, sizeof options) == WAVERN_OK);
        switch (i) {
        case 0: options.quality = 101; break;
        case 1: options.quality = 0.0f / 0.0f; break;
        case 2: options.effort = 0; break;
        case 3: options.effort = 257; break;
        case 4: options.tune = 3; break;
        case 5: options.tile_side = 300; break;
        case 6: options.target_bpp = -1; break;
        case 7: options.target_bpp = 1, options.target_psnr = 30; break;
        case 9: options.max_error = 70000; break;
        case 10: options.lossless = 1, options.low_delay = 1; break;
        case 8: options.lossless = 1, options.bitrate = 1000; break;
        }
        FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_new(&options, &encoder, &error));
        CHECK(encoder == NULL);
    }
    OK(wavern_encoder_new(NULL, &encoder, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_encode_image(encoder, NULL, pixels, 12, &file, &error));
    CHECK(file == NULL);
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_encode_image(encoder, &layout, NULL, 12, &file, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_encode_image(encoder, &layout, pixels, 11, &file, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_encode_image(encoder, &layout, pixels, 12, NULL, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_encode_image(NULL, &layout, pixels, 12, &file, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_encode_rows(encoder, &layout, NULL, NULL, &file, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_add_metadata(encoder, 1, NULL, 3, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_add_metadata(encoder, 1, pixels, 0, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_add_metadata(encoder, 99, pixels, 3, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_add_metadata(encoder, WAVERN_METADATA_PNG, pixels, 3, &error));
    OK(wavern_encoder_encode_image(encoder, &layout, pixels, 12, &file, &error));
    wavern_buffer_free(file);

    WavernAudioLayout sound = { sizeof sound, 8000, 2, WAVERN_SAMPLE_F64, 0 };
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_encode_audio(encoder, &sound, samples, 2, &file, &error));
    OK(wavern_encoder_encode_audio(encoder, &sound, samples, 1, &file, &error));
    wavern_buffer_free(file);
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_encode_audio(encoder, &sound, NULL, 1, &file, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_encode_audio(encoder, &sound, samples, SIZE_MAX / 2, &file, &error));
    WavernAudioLayout wrong[] = { sound, sound, sound, sound, sound, sound };
    wrong[0].size = 0;
    wrong[1].sample_rate = 0;
    wrong[2].channels = 0;
    wrong[3].channels = 33;
    wrong[4].memory_format = WAVERN_SAMPLE_U8;
    wrong[5].file_format = 7;
    for (size_t i = 0; i < 6; i++) {
        FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_encode_audio(encoder, &wrong[i], samples, 1, &file, &error));
    }
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_write_audio(encoder, samples, 1, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_flush_audio(encoder, &error));
    FAILS(WAVERN_ERROR_ARGUMENT, wavern_encoder_begin_audio(encoder, &sound, NULL, NULL, &error));
    wavern_encoder_free(encoder);
    wavern_encoder_free(NULL);
    wavern_buffer_free(NULL);
    CHECK(wavern_buffer_data(NULL) == NULL && wavern_buffer_size(NULL) == 0);
}

int main(int argc, char **argv) {
    CHECK(argc == 4);
    CHECK(wavern_abi_version() == WAVERN_ABI_VERSION && strchr(wavern_version(), '.'));
    CHECK(strcmp(wavern_status_text(WAVERN_ERROR_LIMIT), "more than the limits allow") == 0);
    CHECK(strcmp(wavern_status_text(-1), wavern_status_text(999)) == 0 && sizeof(WavernError) == 512);
    // What programs are compiled with. A new field goes to the end, and changes one of these on purpose.
    if (sizeof(void *) == 8) {
        CHECK(sizeof(WavernLimits) == 72 && sizeof(WavernDecodeOptions) == 56 && sizeof(WavernEncodeOptions) == 96);
        CHECK(sizeof(WavernInfo) == 80 && sizeof(WavernLayout) == 32 && sizeof(WavernAudioLayout) == 24);
        CHECK(sizeof(WavernDamage) == 32 && sizeof(WavernRegion) == 16);
    }
    File picture = read_file(argv[3], argv[1]), sound = read_file(argv[3], argv[2]);
    structs(&picture);
    decoding(&picture, &sound);
    damaged_sound(&sound);
    encoding();
    free(picture.data);
    free(sound.data);
    puts("arguments: all refused that are wrong");
    return 0;
}
