// Wavern: pictures and sounds to and from .wvn files. Made from the sources in capi/src by cbindgen: change those.
//
// ERRORS. Whatever can fail returns a WavernStatus, and takes a WavernError, which may be NULL, for the reason in words.
// No state is global: an error belongs to the call. No input makes the library panic across this interface, and where
// a fault of its own stops a call, that is WAVERN_ERROR_INTERNAL; the handle then refuses everything but being freed.
// Where something was to be handed out and the call fails, it is NULL. An allocation that the system refuses ends the
// process; what a file may ask for is bounded by WavernLimits.
//
// THREADS. Different handles are independent. One handle, with what is borrowed from it, is for one thread at a time; it
// may move between threads. Work runs on threads of the library: on one for each core, which all handles share and which
// stay for the rest of the process, or on `threads` of the handle's own. What comes out never depends on it. Callbacks
// run on the thread that made the call, except for WavernProgress. They must return: neither longjmp nor an exception
// may leave them; and they must not use the handle whose call they serve. A child made by fork() needs handles of its
// own, with `threads` at least 1, made when no other thread of the parent was inside the library.
//
// MEMORY. Pixels and samples lie in buffers of the caller, whose sizes are given and checked. What the library hands out
// is freed by its own functions, which take NULL too. Integers of 16 and 32 bits have the byte order of the machine.
//
// STRUCTS begin with their size, so that fields can be added behind without breaking programs that are compiled: set
// `size` to sizeof, or let the _init function do it. The library reads and writes no more than that. A struct that is
// larger than the library knows is taken as long as what it does not know is 0.


#ifndef WAVERN_H
#define WAVERN_H

#include <stddef.h>
#include <stdint.h>

// Rises when a program that was compiled with an older header would no longer work.
#define WAVERN_ABI_VERSION 1

// `WavernInfo.frames` of a sound whose end is missing.
#define WAVERN_FRAMES_UNKNOWN UINT64_MAX

// How a call ended.
typedef enum {
    // As asked.
    WAVERN_OK = 0,
    // The caller is at fault: NULL, a size, an option out of range, samples that are no numbers.
    WAVERN_ERROR_ARGUMENT = 1,
    // Not a Wavern file, or a damaged one.
    WAVERN_ERROR_FORMAT = 2,
    // The file, or what is there of it, ends too early.
    WAVERN_ERROR_TRUNCATED = 3,
    // The file needs a later version of the library.
    WAVERN_ERROR_UNSUPPORTED = 4,
    // More than the limits allow.
    WAVERN_ERROR_LIMIT = 5,
    // The file was made with weights that are not here.
    WAVERN_ERROR_WEIGHTS = 6,
    // A picture where a sound was expected, or the reverse.
    WAVERN_ERROR_KIND = 7,
    // A callback returned something other than 0.
    WAVERN_ERROR_STOPPED = 8,
    // The system refused: a folder of weights could not be read, a thread not be started.
    WAVERN_ERROR_SYSTEM = 9,
    // A fault of the library; please report it.
    WAVERN_ERROR_INTERNAL = 10,
} WavernStatus;

// What a file holds.
typedef enum {
    // A picture.
    WAVERN_KIND_IMAGE = 1,
    // A sound.
    WAVERN_KIND_AUDIO = 2,
} WavernKind;

// What the weights of a picture were trained for.
typedef enum {
    // The smallest squared error.
    WAVERN_TUNE_PSNR = 0,
    // Eyes.
    WAVERN_TUNE_VISUAL = 1,
    // A decoder with half the work.
    WAVERN_TUNE_FAST = 2,
} WavernTune;

// How a sample of a sound is stored. In memory: I16, I32, F32 or F64.
typedef enum {
    // Not a sound.
    WAVERN_SAMPLE_NONE = 0,
    // Integers of 8 bits, 128 added. In files only.
    WAVERN_SAMPLE_U8 = 1,
    // Integers of 16 bits.
    WAVERN_SAMPLE_I16 = 2,
    // Integers of 24 bits. In files only; I32 holds them, times 256.
    WAVERN_SAMPLE_I24 = 3,
    // Integers of 32 bits.
    WAVERN_SAMPLE_I32 = 4,
    // Floats of 32 bits, full scale at 1.
    WAVERN_SAMPLE_F32 = 5,
    // Floats of 64 bits, full scale at 1.
    WAVERN_SAMPLE_F64 = 6,
} WavernSampleFormat;

// What travels beside pixels and samples, kept byte for byte.
typedef enum {
    // ICC profile. At most one.
    WAVERN_METADATA_ICC = 1,
    // EXIF, from the TIFF header on. At most one.
    WAVERN_METADATA_EXIF = 2,
    // XMP packet. At most one.
    WAVERN_METADATA_XMP = 3,
    // Image resources of Photoshop, each beginning with 8BIM. At most one block.
    WAVERN_METADATA_IPTC = 4,
    // Chunks of a PNG: four letters of the type, then the content.
    WAVERN_METADATA_PNG = 5,
    // Chunks of a RIFF file: four letters, 32 bits of length, the content.
    WAVERN_METADATA_RIFF = 6,
    // Metadata blocks of a FLAC: a byte of the type, then the content.
    WAVERN_METADATA_FLAC = 7,
} WavernMetadataKind;

// Bytes that the library hands out.
typedef struct WavernBuffer WavernBuffer;

// A file that is to be decoded, of either kind.
typedef struct WavernDecoder WavernDecoder;

// Encodes any number of pictures and sounds, one after the other.
typedef struct WavernEncoder WavernEncoder;

// How much a file may ask for. Filled by `wavern_limits_init`; the defaults suit files from strangers.
typedef struct {
    // Bytes of this struct.
    size_t size;
    // Pixels of a picture. 2^28.
    uint64_t pixels;
    // Samples of a sound, all channels together. 2^40.
    uint64_t samples;
    // Bytes of metadata. 2^24.
    uint64_t metadata_bytes;
    // Pixels or samples for each byte of the file. 2^16, which the format allows at most.
    uint64_t work_per_byte;
    // Bytes of memory that may be set aside for what a file declares. 2^30. The caller's buffer does not count.
    uint64_t memory_bytes;
    // Pixels along each side of a picture. 2^20.
    uint32_t side;
    // Channels of a sound. 32.
    uint32_t channels;
    // Hertz. 768,000.
    uint32_t sample_rate;
    // Frames of a segment of a sound. 2^20.
    uint32_t segment_frames;
    // Chunks in a file, the segments of a sound not counted. 65,536.
    uint32_t chunks;
    // 0.
    uint32_t reserved;
} WavernLimits;

// Pixels of a picture.
typedef struct {
    // Columns to the left of it.
    uint32_t x;
    // Rows above it.
    uint32_t y;
    // Columns.
    uint32_t width;
    // Rows.
    uint32_t height;
} WavernRegion;

// What a decoder can be asked for. Filled by `wavern_decode_options_init`.
typedef struct {
    // Bytes of this struct.
    size_t size;
    // Bounds on what is read; NULL: the defaults.
    const WavernLimits *limits;
    // A folder with weights that are not in the library, in UTF-8; NULL: none.
    const char *weights_folder;
    // Threads of its own, 1 to 4096; 0: one for each core, shared by all handles.
    uint32_t threads;
    // Pictures: how often the sides are halved, 0 to 3.
    uint32_t halvings;
    // Pictures: only these pixels, counted before halving; all 0: the whole picture. Only what they need is read.
    WavernRegion region;
    // Not 0: what is left of a damaged file is decoded. Lost parts are gray, or silent.
    uint32_t allow_partial;
    // 0.
    uint32_t reserved;
} WavernDecodeOptions;

// Hears the finished part of a search, 0 to 1, and ends it by returning something other than 0; the file is then
// written with the best that was found. Called from threads of the library.
typedef int (*WavernProgress)(void *user, float done);

// What an encoder can be asked for. Filled by `wavern_encode_options_init`.
typedef struct {
    // Bytes of this struct.
    size_t size;
    // Bounds on what is written; NULL: the defaults.
    const WavernLimits *limits;
    // Pictures: hears the progress of a search; NULL: nobody.
    WavernProgress progress;
    // Given to `progress`.
    void *progress_user;
    // Pictures: at most this many bytes; 0: no such target. Of all targets at most one is set; it replaces quality.
    uint64_t target_bytes;
    // Pictures: at most this many bits per pixel; 0: no such target.
    double target_bpp;
    // Pictures: at least this PSNR in dB; 0: no such target.
    double target_psnr;
    // 0 (the smallest file) to 100. 60.
    float quality;
    // How long to search for a smaller file, 1 (not at all) to 9. 1.
    uint32_t effort;
    // Not 0: every sample comes back as it was; quality, targets and tune do not apply.
    uint32_t lossless;
    // Pictures: a WavernTune.
    uint32_t tune;
    // Threads of its own, 1 to 4096; 0: one for each core, shared by all handles.
    uint32_t threads;
    // Pictures: side of the tiles, 256, 512, 1024 or 2048; 0: as the library chooses.
    uint32_t tile_side;
    // Sounds: bits per second; 0: no such target.
    uint32_t bitrate;
    // Pictures: 0 lets colours under alpha 0 continue the visible ones, so that they cost nothing; not 0 keeps them.
    // Without loss and with `max_error` they are always kept.
    uint32_t keep_hidden;
    // Pictures: no colour changes by more than this, in steps of a sample: 1 to 8, in 16 bits 1 to 2056; 0: no such
    // bound. Quality, targets and tune do not apply.
    uint32_t max_error;
    // Sounds, not 0: segments of at most 20 ms, for listeners who wait for no more. Not with lossless.
    uint32_t low_delay;
} WavernEncodeOptions;

// What is known of a file without decoding. What does not belong to its kind is 0.
typedef struct {
    // Bytes of this struct.
    size_t size;
    // Sounds: length in frames, WAVERN_FRAMES_UNKNOWN if the end is missing; 0 from `wavern_probe`.
    uint64_t frames;
    // A WavernKind.
    uint32_t kind;
    // Pictures: pixels in a row, of the region and after halving.
    uint32_t width;
    // Pictures: rows, likewise.
    uint32_t height;
    // Pictures: pixels in a row of the whole picture.
    uint32_t full_width;
    // Pictures: rows of the whole picture.
    uint32_t full_height;
    // Pictures: 1 to 4 as in WavernLayout; `wavern_probe` does not know of alpha. Sounds: samples of a frame.
    uint32_t channels;
    // Pictures: bits of a sample, 8 or 16.
    uint32_t depth;
    // Pictures: 1 if there is alpha; 0 from `wavern_probe`.
    uint32_t has_alpha;
    // 1 if samples come back as they were.
    uint32_t lossless;
    // Quality level as FORMAT.md counts it, of a sound that of the first segment.
    uint32_t level;
    // Sounds: frames per second.
    uint32_t sample_rate;
    // Sounds: a WavernSampleFormat, as which the samples are to be stored.
    uint32_t sample_format;
    // Id of the weights in hexadecimal, ended by a 0 byte.
    char weights[16];
} WavernInfo;

// Why a call failed. It lies with the caller and needs no freeing; every call that is given one fills it, with
// `WAVERN_OK` and an empty text if nothing was wrong. Its size never changes.
typedef struct {
    // What the call returned.
    WavernStatus code;
    // The reason in UTF-8, ended by a 0 byte; cut if it is longer.
    char text[508];
} WavernError;

// What is damaged, as far as decoding has found.
typedef struct {
    // Bytes of this struct.
    size_t size;
    // Tiles of the picture, segments of the sound.
    uint64_t parts;
    // Those of them that are lost.
    uint64_t lost;
    // How many faults `wavern_decoder_fault` has words for.
    uint64_t faults;
} WavernDamage;

// A picture without its pixels: rows from the top, samples of a pixel beside each other, full range.
typedef struct {
    // Bytes of this struct.
    size_t size;
    // Bytes from a row to the next; 0: rows without a gap.
    size_t stride;
    // Pixels in a row.
    uint32_t width;
    // Rows.
    uint32_t height;
    // 1: gray, 2: gray and alpha, 3: red, green, blue, 4: these and alpha. Colour is not multiplied by alpha.
    uint32_t channels;
    // Bits of a sample, 8 or 16.
    uint32_t depth;
} WavernLayout;

// Takes `count` rows, of which `first` is the number of the first; they are there until it returns. What it returns
// other than 0 stops the call with WAVERN_ERROR_STOPPED.
typedef int (*WavernWriteRows)(void *user, const void *rows, uint32_t first, uint32_t count, size_t stride);

// Fills `count` rows, of which `first` is the number of the first. What it returns other than 0 stops the call with
// WAVERN_ERROR_STOPPED.
typedef int (*WavernReadRows)(void *user, void *rows, uint32_t first, uint32_t count, size_t stride);

// A sound without its samples.
typedef struct {
    // Bytes of this struct.
    size_t size;
    // Frames per second, 1 to 768,000.
    uint32_t sample_rate;
    // Samples of a frame, 1 to 32.
    uint32_t channels;
    // A WavernSampleFormat: that of the samples in memory, which are interleaved.
    uint32_t memory_format;
    // A WavernSampleFormat: what a decoder is told to store them as; 0: the same.
    uint32_t file_format;
} WavernAudioLayout;

// Takes the next bytes of a file; they are there until it returns. What it returns other than 0 stops the call with
// WAVERN_ERROR_STOPPED.
typedef int (*WavernWrite)(void *user, const uint8_t *data, size_t size);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// `WAVERN_ABI_VERSION` of the library, which is to be that of the header.
uint32_t wavern_abi_version(void);

// The version of the library, "0.1.0". Static.
const char *wavern_version(void);

// A code in words. Static; of an unknown code, too.
const char *wavern_status_text(int32_t code);

// The bytes of a buffer, until it is freed; NULL for NULL.
const uint8_t *wavern_buffer_data(const WavernBuffer *buffer);

// How many bytes a buffer has; 0 for NULL.
size_t wavern_buffer_size(const WavernBuffer *buffer);

// Frees a buffer.
void wavern_buffer_free(WavernBuffer *buffer);

// Fills limits with their defaults; `size` is sizeof(WavernLimits).
WavernStatus wavern_limits_init(WavernLimits *limits, size_t size);

// Fills options with their defaults; `size` is sizeof(WavernDecodeOptions).
WavernStatus wavern_decode_options_init(WavernDecodeOptions *options, size_t size);

// Fills options with their defaults; `size` is sizeof(WavernEncodeOptions).
WavernStatus wavern_encode_options_init(WavernEncodeOptions *options, size_t size);

// Reads from the first bytes of a file what it holds; 64 bytes suffice. WAVERN_ERROR_TRUNCATED asks for more.
// `limits` may be NULL. Set `info->size`.
WavernStatus wavern_probe(const uint8_t *data,
                          size_t size,
                          const WavernLimits *limits,
                          WavernInfo *info,
                          WavernError *error);

// Opens a file that lies in memory, where it must stay unchanged until the decoder is freed. Header, structure and
// checksums are read; nothing is decoded. `options` may be NULL.
WavernStatus wavern_decoder_new(const uint8_t *data,
                                size_t size,
                                const WavernDecodeOptions *options,
                                WavernDecoder **decoder,
                                WavernError *error);

// Frees a decoder.
void wavern_decoder_free(WavernDecoder *decoder);

// What the file holds. Set `info->size`.
WavernStatus wavern_decoder_info(const WavernDecoder *decoder, WavernInfo *info, WavernError *error);

// Block `index` of a kind of metadata, a WavernMetadataKind; NULL and 0 if there is none. It lies in the file.
WavernStatus wavern_decoder_metadata(const WavernDecoder *decoder,
                                     uint32_t kind,
                                     size_t index,
                                     const uint8_t **data,
                                     size_t *size,
                                     WavernError *error);

// What is damaged, after decoding with `allow_partial`. Set `damage->size`.
WavernStatus wavern_decoder_damage(const WavernDecoder *decoder, WavernDamage *damage, WavernError *error);

// The words for a fault, counted from 0, in place of the text of an error; `fault->code` is WAVERN_ERROR_FORMAT.
WavernStatus wavern_decoder_fault(const WavernDecoder *decoder,
                                  uint64_t index,
                                  WavernError *fault,
                                  WavernError *error);

// The layout that the pixels have by themselves, without gaps. Set `layout->size`.
WavernStatus wavern_decoder_layout(const WavernDecoder *decoder, WavernLayout *layout, WavernError *error);

// Decodes a picture into `pixels`, which has `bytes` bytes. `layout` says how it is to lie there; NULL: as
// `wavern_decoder_layout` does. Width and height are those of WavernInfo; channels and depth may be others, except
// that colour does not become gray: alpha that is missing is opaque, and without channel it is left out. After an
// error the buffer may hold some rows.
WavernStatus wavern_decoder_decode_image(WavernDecoder *decoder,
                                         const WavernLayout *layout,
                                         void *pixels,
                                         size_t bytes,
                                         WavernError *error);

// Decodes a picture row by row, in memory that grows with its width, not with its height, except for alpha and with
// `allow_partial`. `layout` as for `wavern_decoder_decode_image`, without its stride: rows have no gaps.
WavernStatus wavern_decoder_decode_rows(WavernDecoder *decoder,
                                        const WavernLayout *layout,
                                        WavernWriteRows write,
                                        void *user,
                                        WavernError *error);

// Gives the next frames, at most `frames` of them, interleaved, in a WavernSampleFormat for memory. `got` gets how
// many there were: fewer than asked for only at the end, and 0 after it. After an error reading goes on only behind
// `wavern_decoder_seek_audio`.
WavernStatus wavern_decoder_read_audio(WavernDecoder *decoder,
                                       uint32_t format,
                                       void *samples,
                                       size_t frames,
                                       size_t *got,
                                       WavernError *error);

// Goes on at a frame: the next one that `wavern_decoder_read_audio` gives. Only the segment that it lies in is read.
WavernStatus wavern_decoder_seek_audio(WavernDecoder *decoder,
                                       uint64_t frame,
                                       WavernError *error);

// Makes an encoder. `options` may be NULL.
WavernStatus wavern_encoder_new(const WavernEncodeOptions *options,
                                WavernEncoder **encoder,
                                WavernError *error);

// Frees an encoder. A sound that was begun and not finished stays without end.
void wavern_encoder_free(WavernEncoder *encoder);

// Adds a block of a kind of metadata, a WavernMetadataKind, to all files to come; it is copied. Of a kind of which
// there is at most one, it replaces the one before.
WavernStatus wavern_encoder_add_metadata(WavernEncoder *encoder,
                                         uint32_t kind,
                                         const uint8_t *data,
                                         size_t size,
                                         WavernError *error);

// Forgets all metadata.
WavernStatus wavern_encoder_clear_metadata(WavernEncoder *encoder, WavernError *error);

// Encodes the picture in `pixels`, which has `bytes` bytes and is laid out as `layout` says. The file is handed out.
WavernStatus wavern_encoder_encode_image(WavernEncoder *encoder,
                                         const WavernLayout *layout,
                                         const void *pixels,
                                         size_t bytes,
                                         WavernBuffer **file,
                                         WavernError *error);

// Encodes a picture whose rows come from a callback, in order. Beside the file, memory grows with the width, not with
// the height, except with alpha, an effort above 1 or a target, for which all rows are read first. Of `layout` the
// stride is not used: rows have no gaps.
WavernStatus wavern_encoder_encode_rows(WavernEncoder *encoder,
                                        const WavernLayout *layout,
                                        WavernReadRows read_rows,
                                        void *user,
                                        WavernBuffer **file,
                                        WavernError *error);

// Encodes a sound of `frames` frames. The file is handed out.
WavernStatus wavern_encoder_encode_audio(WavernEncoder *encoder,
                                         const WavernAudioLayout *layout,
                                         const void *samples,
                                         size_t frames,
                                         WavernBuffer **file,
                                         WavernError *error);

// Begins a sound that arrives in pieces. Its file goes to `write` while it is coded. Until the sound is finished the
// encoder takes nothing else.
WavernStatus wavern_encoder_begin_audio(WavernEncoder *encoder,
                                        const WavernAudioLayout *layout,
                                        WavernWrite write,
                                        void *user,
                                        WavernError *error);

// Takes the next `frames` frames of the sound that was begun, and codes what they fill. After an error the sound is
// given up.
WavernStatus wavern_encoder_write_audio(WavernEncoder *encoder,
                                        const void *samples,
                                        size_t frames,
                                        WavernError *error);

// Codes what has arrived, as far as it fills segments: for a sound that arrives more slowly than it is coded. The file
// does not depend on it. After an error the sound is given up.
WavernStatus wavern_encoder_flush_audio(WavernEncoder *encoder,
                                        WavernError *error);

// Codes the rest and ends the file. The encoder is then free for the next one.
WavernStatus wavern_encoder_finish_audio(WavernEncoder *encoder, WavernError *error);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* WAVERN_H */
