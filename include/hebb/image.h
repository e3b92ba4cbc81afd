/* Pictures: PNG files, many images as one picture, folders of images.

   Picture and image differ in layout. A picture is what a file holds: u8, [height, width] for gray,
   or [height, width, channels] with 2 (gray, opacity), 3 (red, green, blue) or 4 (and opacity). An
   image is what a network takes: [channels, height, width], usually many, [n, channels, height,
   width]. hebb_image_grid() makes a picture of images.

   All need libpng but hebb_image_grid(); in a build without it they give HEBB_E_UNSUPPORTED. On an
   error, up to `size` bytes of `message` (may be NULL) say what is wrong, with which file. */
#ifndef HEBB_IMAGE_H
#define HEBB_IMAGE_H

#include <hebb/io.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads a PNG file (W3C, Portable Network Graphics) into `picture` (resized; untouched on error),
   with that many channels; 0: as many as the file has, a palette's colors being 3 (or 4). 16 bits
   become 8, fewer bits 8. Color becomes gray by 0.299 red + 0.587 green + 0.114 blue (ITU-R
   BT.601); opacity is dropped or is full where the file has none. HEBB_E_FILE, HEBB_E_FORMAT (no
   PNG, truncated, corrupt; with the byte), HEBB_E_MEMORY, HEBB_E_ARGUMENT (channels not in 0...4).
 */
HEBB_API hebb_status hebb_read_png(const char *path, int channels, hebb_array *picture,
                                   char *message, size_t size);

/* Writes a picture: u8, or floats of which 0 is dark and 1 is full (others are clipped; NaN is 0),
   or bool. The file is written under another name and then renamed: after an error the old one is
   unchanged. HEBB_E_SHAPE, HEBB_E_DTYPE, HEBB_E_FILE, HEBB_E_MEMORY. */
HEBB_API hebb_status hebb_write_png(const char *path, const hebb_array *picture, char *message,
                                    size_t size);

/* The same into memory: `bytes` (resized; untouched on error) becomes u8 [n], what the file would
   hold. */
HEBB_API hebb_status hebb_encode_png(const hebb_array *picture, hebb_array *bytes, char *message,
                                     size_t size);

typedef struct hebb_image_grid_options {
    int64_t columns;  /* images a row; default: as many as make it about square */
    int gap;          /* pixels between images; default 2, -1: none */
    int scale;        /* each pixel becomes scale x scale of them; default 1 */
    bool dark;        /* gaps and empty places are black; default: white */
    double low, high; /* of floats: what is dark and what is full; default 0 and 1 */
    int reserved_;
} hebb_image_grid_options;

/* Images side by side, as a picture (resized; untouched on error): images are [n, height, width] or
   [n, channels, height, width] with 1...4 channels; u8, bool or floats. The result is [H, W] for
   one channel, else [H, W, channels], with H = rows (height scale + gap) - gap, W likewise.
   hebb_image_grid(&images, &picture, message, sizeof message, .columns = 10, .scale = 2).
   HEBB_E_SHAPE, HEBB_E_DTYPE, HEBB_E_ARGUMENT, HEBB_E_MEMORY. */
#define hebb_image_grid(images, picture, message, ...)                                             \
    hebb_image_grid_args(images, picture, message, __VA_ARGS__, .reserved_ = 0)
#define hebb_image_grid_args(images, picture, message, size, ...)                                  \
    hebb_image_grid_with((images), (picture), (message), (size),                                   \
                         &(const hebb_image_grid_options){__VA_ARGS__})
HEBB_API hebb_status hebb_image_grid_with(const hebb_array *images, hebb_array *picture,
                                          char *message, size_t size,
                                          const hebb_image_grid_options *options);

/* Reads a folder of PNG files with a subfolder a class: images u8 [n, channels, height, width] and
   labels i32 [n], the index of the subfolder, whose names, sorted by their bytes, become `classes`
   (labels and classes may be NULL). In a class, files are in the order of their names. What does
   not end in .png, or begins with a dot, is skipped. A folder without subfolders is one class named
   ".". All images must have one size, and for channels = 0 the same channels: otherwise
   HEBB_E_SHAPE, and the message names the file. HEBB_E_FORMAT also if there is no image. Results
   are untouched on error. */
HEBB_API hebb_status hebb_read_png_folder(const char *path, int channels, hebb_array *images,
                                          hebb_array *labels, hebb_names *classes, char *message,
                                          size_t size);

#ifdef __cplusplus
}
#endif
#endif
