// Opens pictures with gdk-pixbuf, as viewers do.
//
//   try IN OUT.png [SIDE]      writes what IN holds, at most SIDE pixels along each axis
//   try --refuse IN...         nothing of this can be opened; an error each, with a text
//   try --option KEY IN        prints an option of the picture
#include <gdk-pixbuf/gdk-pixbuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
    GError *error = NULL;
    if (argc > 2 && strcmp(argv[1], "--refuse") == 0) {
        for (int i = 2; i < argc; i++) {
            GdkPixbuf *pixbuf = gdk_pixbuf_new_from_file(argv[i], &error);
            if (pixbuf || !error || !error->message[0]) {
                printf("%s: no error\n", argv[i]);
                return 1;
            }
            g_clear_error(&error);
        }
        printf("%d files refused\n", argc - 2);
        return 0;
    }
    if (argc == 4 && strcmp(argv[1], "--option") == 0) {
        GdkPixbuf *pixbuf = gdk_pixbuf_new_from_file(argv[3], &error);
        const char *value = pixbuf ? gdk_pixbuf_get_option(pixbuf, argv[2]) : NULL;
        printf("%s\n", value ? value : "none");
        if (pixbuf) g_object_unref(pixbuf);
        return error != NULL;
    }
    if (argc < 3) return 2;
    int side = argc > 3 ? atoi(argv[3]) : 0;
    GdkPixbuf *pixbuf = side > 0 ? gdk_pixbuf_new_from_file_at_size(argv[1], side, side, &error)
                                 : gdk_pixbuf_new_from_file(argv[1], &error);
    if (!pixbuf || !gdk_pixbuf_save(pixbuf, argv[2], "png", &error, NULL)) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    printf("%d x %d\n", gdk_pixbuf_get_width(pixbuf), gdk_pixbuf_get_height(pixbuf));
    g_object_unref(pixbuf);
    return 0;
}
