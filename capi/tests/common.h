// What the tests share: checks, files, a small generator.
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wavern.h>

#define CHECK(condition)                                                                 \
    do {                                                                                 \
        if (!(condition)) {                                                              \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);      \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)

// A call that must succeed.
#define OK(call)                                                                                       \
    do {                                                                                               \
        WavernStatus status_ = (call);                                                                 \
        if (status_ != WAVERN_OK) {                                                                    \
            fprintf(stderr, "%s:%d: %s: %d %s\n", __FILE__, __LINE__, #call, (int)status_, error.text); \
            exit(1);                                                                                   \
        }                                                                                              \
    } while (0)

// A call that must fail in this way, with words for it.
#define FAILS(expected, call)                                                                          \
    do {                                                                                               \
        WavernStatus status_ = (call);                                                                 \
        if (status_ != (expected) || error.code != (expected) || error.text[0] == 0) {                 \
            fprintf(stderr, "%s:%d: %s: %d %s\n", __FILE__, __LINE__, #call, (int)status_, error.text); \
            exit(1);                                                                                   \
        }                                                                                              \
    } while (0)

static inline void *room(size_t size) {
    void *memory = malloc(size ? size : 1);
    CHECK(memory);
    return memory;
}

typedef struct File {
    char name[256];
    uint8_t *data;
    size_t size;
} File;

static inline File read_file(const char *folder, const char *name) {
    File read = { .data = NULL };
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    snprintf(read.name, sizeof read.name, "%s", name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    CHECK(fseek(file, 0, SEEK_END) == 0);
    read.size = (size_t)ftell(file);
    rewind(file);
    read.data = room(read.size);
    CHECK(fread(read.data, 1, read.size, file) == read.size);
    fclose(file);
    return read;
}

static inline int is_wvn(const struct dirent *entry) {
    size_t length = strlen(entry->d_name);
    return length > 4 && strcmp(entry->d_name + length - 4, ".wvn") == 0;
}

// The .wvn files of a folder, in the order of their names.
static inline size_t read_folder(const char *folder, File **files) {
    struct dirent **entries;
    int count = scandir(folder, &entries, is_wvn, alphasort);
    CHECK(count > 0);
    *files = room((size_t)count * sizeof **files);
    for (int i = 0; i < count; i++) {
        (*files)[i] = read_file(folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return (size_t)count;
}

static inline void free_files(File *files, size_t count) {
    for (size_t i = 0; i < count; i++) free(files[i].data);
    free(files);
}

// The same numbers on every machine.
static inline size_t dice(uint64_t *state, size_t bound) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(*state >> 33) % (bound ? bound : 1);
}

// All frames of a sound in a format of `bytes` bytes a sample; the number of frames.
static inline size_t read_sound(WavernDecoder *decoder, uint32_t format, size_t bytes, uint32_t channels,
                                uint8_t **samples) {
    WavernError error;
    size_t frames = 0, got, piece = 1000;
    *samples = room(1);
    do {
        *samples = realloc(*samples, (frames + piece) * channels * bytes);
        CHECK(*samples);
        OK(wavern_decoder_read_audio(decoder, format, *samples + frames * channels * bytes, piece, &got, &error));
        frames += got;
    } while (got == piece);
    return frames;
}
