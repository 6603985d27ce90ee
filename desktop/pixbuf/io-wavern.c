// Pictures for gdk-pixbuf, and so for viewers and file managers that use it: a module over libwavern.
//
// A file is collected and decoded when it is whole, into 8 bits, as gdk-pixbuf has no more. Its orientation and its ICC
// profile are options of the pixbuf, as with JPEG and PNG; nothing is turned or converted here.
#define GDK_PIXBUF_ENABLE_BACKEND
#include <gdk-pixbuf/gdk-pixbuf.h>
#include <string.h>
#include <wavern.h>

typedef struct {
    GdkPixbufModuleSizeFunc size;
    GdkPixbufModulePreparedFunc prepared;
    GdkPixbufModuleUpdatedFunc updated;
    gpointer user;
    GByteArray *file;
    gboolean probed;
} Loading;

// Takes an error of the library over.
static gboolean fail(GError **error, const WavernError *why) {
    gint code = GDK_PIXBUF_ERROR_CORRUPT_IMAGE;
    if (why->code == WAVERN_ERROR_LIMIT) code = GDK_PIXBUF_ERROR_INSUFFICIENT_MEMORY;
    if (why->code == WAVERN_ERROR_UNSUPPORTED) code = GDK_PIXBUF_ERROR_UNKNOWN_TYPE;
    if (why->code == WAVERN_ERROR_INTERNAL) code = GDK_PIXBUF_ERROR_FAILED;
    g_set_error_literal(error, GDK_PIXBUF_ERROR, code, why->text);
    return FALSE;
}

static guint number(const guint8 *bytes, guint count, gboolean big_endian) {
    guint value = 0;
    for (guint i = 0; i < count; i++) value = value << 8 | bytes[big_endian ? i : count - 1 - i];
    return value;
}

// Which side is up, EXIF's 2 to 8; 0 if that is the first row. The bytes are those of a stranger.
static guint orientation(const guint8 *exif, gsize size) {
    if (size < 8 || (memcmp(exif, "II*", 4) && memcmp(exif, "MM\0*", 4))) return 0;
    gboolean big_endian = exif[0] == 'M';
    gsize at = number(exif + 4, 4, big_endian);
    if (at > size - 2) return 0;
    guint count = number(exif + at, 2, big_endian);
    for (at += 2; count > 0 && size >= 12 && at <= size - 12; count--, at += 12) {
        // Tag 0x112, one number of 16 bits.
        if (number(exif + at, 2, big_endian) == 0x112 && number(exif + at + 2, 2, big_endian) == 3) {
            guint value = number(exif + at + 8, 2, big_endian);
            return value >= 2 && value <= 8 ? value : 0;
        }
    }
    return 0;
}

static void set_options(GdkPixbuf *pixbuf, const WavernDecoder *decoder) {
    const guint8 *data = NULL;
    size_t size = 0;
    WavernError ignored;
    if (!wavern_decoder_metadata(decoder, WAVERN_METADATA_EXIF, 0, &data, &size, &ignored) && data) {
        char text[] = { (char)('0' + orientation(data, size)), 0 };
        if (text[0] != '0') gdk_pixbuf_set_option(pixbuf, "orientation", text);
    }
    if (!wavern_decoder_metadata(decoder, WAVERN_METADATA_ICC, 0, &data, &size, &ignored) && data) {
        char *text = g_base64_encode(data, size);
        gdk_pixbuf_set_option(pixbuf, "icc-profile", text);
        g_free(text);
    }
}

// How often sides can be halved so that both stay at least as long as what was asked for.
static guint halvings(const WavernInfo *info, gint width, gint height) {
    guint times = 0;
    while (times < 3 && width > 0 && height > 0 && info->width >> (times + 1) >= (guint)width &&
           info->height >> (times + 1) >= (guint)height) {
        times++;
    }
    return times;
}

// Decodes a file that is whole. NULL without an error: only the size was wanted.
static GdkPixbuf *decode(const Loading *loading, GError **error) {
    WavernError why;
    WavernDecodeOptions options;
    WavernDecoder *decoder = NULL;
    WavernInfo info = { .size = sizeof info };
    GdkPixbuf *pixbuf = NULL;
    wavern_decode_options_init(&options, sizeof options);
    for (guint pass = 0; pass < 2; pass++) {
        if (wavern_decoder_new(loading->file->data, loading->file->len, &options, &decoder, &why) ||
            wavern_decoder_info(decoder, &info, &why)) {
            fail(error, &why);
            goto done;
        }
        if (info.kind != WAVERN_KIND_IMAGE) {
            g_set_error_literal(error, GDK_PIXBUF_ERROR, GDK_PIXBUF_ERROR_UNKNOWN_TYPE, "the file holds a sound");
            goto done;
        }
        if (pass == 1) break;
        gint width = (gint)info.width, height = (gint)info.height;
        if (loading->size) loading->size(&width, &height, loading->user);
        if (loading->size && (width <= 0 || height <= 0)) goto done;
        options.halvings = halvings(&info, width, height);
        if (options.halvings == 0) break;
        // A smaller picture takes less time; gdk-pixbuf scales the rest.
        wavern_decoder_free(decoder);
        decoder = NULL;
    }
    pixbuf = gdk_pixbuf_new(GDK_COLORSPACE_RGB, info.has_alpha != 0, 8, (int)info.width, (int)info.height);
    if (!pixbuf) {
        g_set_error(error, GDK_PIXBUF_ERROR, GDK_PIXBUF_ERROR_INSUFFICIENT_MEMORY,
                    "no memory for a picture of %u x %u pixels", info.width, info.height);
        goto done;
    }
    WavernLayout layout = { .size = sizeof layout, .stride = (size_t)gdk_pixbuf_get_rowstride(pixbuf),
                            .width = info.width, .height = info.height, .channels = info.has_alpha ? 4 : 3,
                            .depth = 8 };
    if (wavern_decoder_decode_image(decoder, &layout, gdk_pixbuf_get_pixels(pixbuf),
                                    gdk_pixbuf_get_byte_length(pixbuf), &why)) {
        fail(error, &why);
        g_clear_object(&pixbuf);
        goto done;
    }
    set_options(pixbuf, decoder);
done:
    wavern_decoder_free(decoder);
    return pixbuf;
}

static gpointer begin_load(GdkPixbufModuleSizeFunc size, GdkPixbufModulePreparedFunc prepared,
                           GdkPixbufModuleUpdatedFunc updated, gpointer user, GError **error) {
    (void)error;
    Loading *loading = g_new0(Loading, 1);
    *loading = (Loading){ size, prepared, updated, user, g_byte_array_new(), FALSE };
    return loading;
}

static gboolean load_increment(gpointer context, const guchar *bytes, guint count, GError **error) {
    Loading *loading = context;
    // A GByteArray ends the program beyond 2^32 bytes, of which half are asked for at once.
    if (count > G_MAXINT - loading->file->len) {
        g_set_error_literal(error, GDK_PIXBUF_ERROR, GDK_PIXBUF_ERROR_INSUFFICIENT_MEMORY, "a file of 2^31 bytes");
        return FALSE;
    }
    g_byte_array_append(loading->file, bytes, count);
    if (!loading->probed) {
        // What is no picture is not collected.
        WavernError why;
        WavernInfo info = { .size = sizeof info };
        WavernStatus status = wavern_probe(loading->file->data, loading->file->len, NULL, &info, &why);
        if (status && status != WAVERN_ERROR_TRUNCATED) return fail(error, &why);
        loading->probed = !status;
    }
    return TRUE;
}

static gboolean stop_load(gpointer context, GError **error) {
    Loading *loading = context;
    GError *failure = NULL;
    GdkPixbuf *pixbuf = NULL;
    if (loading->file->len == 0) {
        g_set_error_literal(&failure, GDK_PIXBUF_ERROR, GDK_PIXBUF_ERROR_CORRUPT_IMAGE, "an empty file");
    } else {
        pixbuf = decode(loading, &failure);
    }
    if (pixbuf) {
        if (loading->prepared) loading->prepared(pixbuf, NULL, loading->user);
        if (loading->updated) {
            loading->updated(pixbuf, 0, 0, gdk_pixbuf_get_width(pixbuf), gdk_pixbuf_get_height(pixbuf),
                             loading->user);
        }
        g_object_unref(pixbuf);
    }
    g_byte_array_free(loading->file, TRUE);
    g_free(loading);
    if (!failure) return TRUE;
    g_propagate_error(error, failure);
    return FALSE;
}

G_MODULE_EXPORT void fill_vtable(GdkPixbufModule *module) {
    module->begin_load = begin_load;
    module->load_increment = load_increment;
    module->stop_load = stop_load;
}

G_MODULE_EXPORT void fill_info(GdkPixbufFormat *info) {
    static GdkPixbufModulePattern signature[] = { { "\x97WVN\r\n\x1a\nIMGH", NULL, 100 }, { NULL, NULL, 0 } };
    static gchar *types[] = { "image/x-wavern", NULL };
    static gchar *extensions[] = { "wvn", NULL };
    info->name = "wavern";
    info->signature = signature;
    info->description = "Wavern";
    info->mime_types = types;
    info->extensions = extensions;
    info->flags = GDK_PIXBUF_FORMAT_THREADSAFE;
    info->license = "MIT";
}
