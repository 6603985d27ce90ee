// Decodes a picture to PPM, in 8 bits.
//
//   cc wvn_to_ppm.c $(pkg-config --cflags --libs wavern) -o wvn_to_ppm
//   ./wvn_to_ppm photo.wvn photo.ppm
#include <stdio.h>
#include <stdlib.h>
#include <wavern.h>

static unsigned char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    unsigned char *data = NULL;
    size_t room = 0;
    *size = 0;
    while (file && !ferror(file) && !feof(file)) {
        if (*size == room) {
            unsigned char *larger = realloc(data, room = 2 * room + 4096);
            if (!larger) break;
            data = larger;
        }
        *size += fread(data + *size, 1, room - *size, file);
    }
    if (file) fclose(file);
    return data;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: wvn_to_ppm IN.wvn OUT.ppm\n");
        return 2;
    }
    size_t size;
    unsigned char *file = read_file(argv[1], &size);
    if (!file) {
        perror(argv[1]);
        return 1;
    }

    // The file stays in memory until the decoder is freed.
    WavernError error;
    WavernDecoder *decoder;
    WavernLayout layout = { .size = sizeof layout };
    if (wavern_decoder_new(file, size, NULL, &decoder, &error) ||
        wavern_decoder_layout(decoder, &layout, &error)) {
        fprintf(stderr, "%s: %s\n", argv[1], error.text);
        return 1;
    }

    // Whatever the file holds: red, green and blue, 8 bits, rows without gaps.
    layout.channels = 3;
    layout.depth = 8;
    size_t bytes = (size_t)layout.width * layout.height * 3;
    unsigned char *pixels = malloc(bytes);
    if (!pixels) {
        perror("malloc");
        return 1;
    }
    if (wavern_decoder_decode_image(decoder, &layout, pixels, bytes, &error)) {
        fprintf(stderr, "%s: %s\n", argv[1], error.text);
        return 1;
    }
    wavern_decoder_free(decoder);
    free(file);

    FILE *out = fopen(argv[2], "wb");
    int written = out && fprintf(out, "P6\n%u %u\n255\n", layout.width, layout.height) > 0 &&
                  fwrite(pixels, 1, bytes, out) == bytes;
    free(pixels);
    if ((out && fclose(out)) || !written) {
        perror(argv[2]);
        return 1;
    }
    return 0;
}
