/* Reads and writes PNG files (hebb/image.h) by libpng. Its errors come back by longjmp, so that
   what must be released lives in a struct, and the function that sets the jump has no variables. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <hebb/image.h>

#include "file.h"

static int channels_of(const hebb_array *picture) {
    return picture->shape.rank == 2 ? 1 : (int)picture->shape.dim[2];
}

#ifndef HEBB_HAVE_PNG

static hebb_status unsupported(const report *r) {
    return hb_report(r, HEBB_E_UNSUPPORTED, "this build of Hebb is without libpng");
}

static hebb_status read_file(const report *r, hebb_array *pixels) { return unsupported(r); }
static hebb_status write_file(const report *r, const hebb_array *picture) { return unsupported(r); }
static hebb_status write_memory(const report *r, const hebb_array *picture, hebb_array *bytes) {
    return unsupported(r);
}

#else

#include <png.h>

/* Deflate makes at most 1032 bytes of one: a header that promises more lies. */
enum { MOST_EXPANSION = 1032 };

typedef struct codec {
    report report;
    png_structp png;
    png_infop info;
    hebb_status status; /* of the first error */
    bool no_memory;
    FILE *file; /* that is read */
    int64_t bytes, offset;
    hebb_array pixels;
    hb_aside aside; /* that is written; or */
    unsigned char *memory;
    size_t used, room;
    unsigned char *row;
} codec;

/* ---- what libpng calls ---- */

static void on_error(png_structp png, png_const_charp words) {
    codec *c = png_get_error_ptr(png);
    if (c->status == HEBB_OK && c->no_memory)
        c->status = hb_report(&c->report, HEBB_E_MEMORY, "out of memory");
    if (c->status == HEBB_OK)
        c->status =
            hb_report(&c->report, HEBB_E_FORMAT, "byte %lld: %s", (long long)c->offset, words);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp words) {}

static png_voidp allocate(png_structp png, png_alloc_size_t size) {
    void *memory = malloc(size);
    if (memory == NULL) ((codec *)png_get_mem_ptr(png))->no_memory = true;
    return memory;
}

static void release(png_structp png, png_voidp memory) { free(memory); }

static void take_bytes(png_structp png, png_bytep bytes, size_t want) {
    codec *c = png_get_io_ptr(png);
    size_t got = fread(bytes, 1, want, c->file);
    c->offset += (int64_t)got;
    if (got == want) return;
    long long offset = (long long)c->offset;
    if (ferror(c->file))
        c->status = hb_report(&c->report, HEBB_E_FILE, "byte %lld: cannot be read: %s", offset,
                              strerror(errno));
    else c->status = hb_report(&c->report, HEBB_E_FORMAT, "truncated at byte %lld", offset);
    png_error(png, "");
}

static void give_bytes(png_structp png, png_bytep bytes, size_t size) {
    codec *c = png_get_io_ptr(png);
    c->status = hb_aside_write(&c->aside, bytes, size);
    if (c->status != HEBB_OK) png_error(png, "");
}

static void keep_bytes(png_structp png, png_bytep bytes, size_t size) {
    codec *c = png_get_io_ptr(png);
    if (size > c->room - c->used) {
        size_t room = 2 * c->room + size;
        unsigned char *grown = realloc(c->memory, room);
        c->no_memory = grown == NULL;
        if (grown == NULL) png_error(png, "");
        c->memory = grown;
        c->room = room;
    }
    memcpy(c->memory + c->used, bytes, size);
    c->used += size;
}

static void flush_bytes(png_structp png) {}

/* ---- reading ---- */

/* Gray or color of 8 bits, with or without opacity. */
static void choose_transforms(codec *c) {
    png_set_expand(c->png);
    png_set_scale_16(c->png);
    png_set_interlace_handling(c->png);
}

static void check_size(codec *c, png_uint_32 width, png_uint_32 height) {
    double packed = (double)png_get_rowbytes(c->png, c->info) * height;
    if (packed <= (double)c->bytes * MOST_EXPANSION) return;
    c->status = hb_report(&c->report, HEBB_E_FORMAT,
                          "the header says %lu x %lu pixels, more than %lld bytes can hold",
                          (unsigned long)width, (unsigned long)height, (long long)c->bytes);
    png_error(c->png, "");
}

static void make_room(codec *c, png_uint_32 width, png_uint_32 height) {
    int64_t channels = png_get_channels(c->png, c->info);
    hebb_status status =
        hebb_array_resize(&c->pixels, HEBB_U8, HEBB_SHAPE(height, width, channels));
    if (status == HEBB_OK) return;
    c->status = hb_report(&c->report, status, "no memory for %lu x %lu pixels",
                          (unsigned long)width, (unsigned long)height);
    png_error(c->png, "");
}

/* Of an interlaced file every pass fills in pixels of the rows that are there. */
static void read_rows(codec *c) {
    size_t row = png_get_rowbytes(c->png, c->info);
    int passes = png_get_interlace_type(c->png, c->info) == PNG_INTERLACE_NONE ? 1 : 7;
    for (int pass = 0; pass < passes; pass++)
        for (int64_t y = 0; y < c->pixels.shape.dim[0]; y++)
            png_read_row(c->png, (png_bytep)c->pixels.data + (size_t)y * row, NULL);
}

static void decode(codec *c) {
    if (setjmp(png_jmpbuf(c->png))) return;
    png_set_read_fn(c->png, c, take_bytes);
    png_read_info(c->png, c->info);
    check_size(c, png_get_image_width(c->png, c->info), png_get_image_height(c->png, c->info));
    choose_transforms(c);
    png_read_update_info(c->png, c->info);
    make_room(c, png_get_image_width(c->png, c->info), png_get_image_height(c->png, c->info));
    read_rows(c);
    png_read_end(c->png, NULL);
}

static hebb_status open_file(codec *c) {
    struct stat about;
    errno = 0;
    c->file = fopen(c->report.path, "rb");
    if (c->file == NULL)
        return hb_report(&c->report, errno == ENOMEM ? HEBB_E_MEMORY : HEBB_E_FILE,
                         "cannot be opened: %s", strerror(errno));
    if (fstat(fileno(c->file), &about) != 0 || !S_ISREG(about.st_mode))
        return hb_report(&c->report, HEBB_E_FILE, "not a regular file");
    c->bytes = about.st_size;
    return HEBB_OK;
}

static hebb_status read_file(const report *r, hebb_array *pixels) {
    codec c = {.report = *r};
    hebb_status status = open_file(&c);
    if (status == HEBB_OK) {
        c.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &c, on_error, on_warning, &c,
                                         allocate, release);
        if (c.png != NULL) c.info = png_create_info_struct(c.png);
        if (c.info != NULL) decode(&c);
        else c.status = hb_report(r, HEBB_E_MEMORY, "out of memory");
        status = c.status;
    }
    png_destroy_read_struct(&c.png, &c.info, NULL);
    if (c.file != NULL) fclose(c.file);
    if (status != HEBB_OK) hebb_array_free(&c.pixels);
    *pixels = c.pixels;
    return status;
}

/* ---- writing ---- */

static unsigned char byte_of(double value) {
    if (!(value > 0)) return 0;
    return value >= 1 ? 255 : (unsigned char)(255 * value + 0.5);
}

static void encode_rows(codec *c, const hebb_array *picture) {
    int64_t row = picture->shape.dim[1] * channels_of(picture);
    for (int64_t y = 0; y < picture->shape.dim[0]; y++) {
        const unsigned char *bytes = picture->data;
        if (picture->dtype == HEBB_U8) bytes += y * row;
        else {
            for (int64_t x = 0; x < row; x++)
                c->row[x] = byte_of(hebb_array_at(picture, y * row + x));
            bytes = c->row;
        }
        png_write_row(c->png, bytes);
    }
}

static void encode(codec *c, const hebb_array *picture, png_rw_ptr give) {
    static const int types[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                PNG_COLOR_TYPE_RGB_ALPHA};
    if (setjmp(png_jmpbuf(c->png))) return;
    png_set_write_fn(c->png, c, give, flush_bytes);
    png_set_IHDR(c->png, c->info, (png_uint_32)picture->shape.dim[1],
                 (png_uint_32)picture->shape.dim[0], 8, types[channels_of(picture) - 1],
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(c->png, c->info);
    encode_rows(c, picture);
    png_write_end(c->png, NULL);
}

static void open_encoder(codec *c, const hebb_array *picture) {
    c->png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, c, on_error, on_warning, c, allocate,
                                       release);
    if (c->png != NULL) c->info = png_create_info_struct(c->png);
    c->row = malloc((size_t)picture->shape.dim[1] * (size_t)channels_of(picture));
    if (c->info == NULL || c->row == NULL)
        c->status = hb_report(&c->report, HEBB_E_MEMORY, "out of memory");
}

static void close_encoder(codec *c) {
    png_destroy_write_struct(&c->png, &c->info);
    free(c->row);
}

static hebb_status write_memory(const report *r, const hebb_array *picture, hebb_array *bytes) {
    codec c = {.report = *r};
    open_encoder(&c, picture);
    if (c.status == HEBB_OK) encode(&c, picture, keep_bytes);
    close_encoder(&c);
    if (c.status == HEBB_OK &&
        hebb_array_resize(bytes, HEBB_U8, HEBB_SHAPE((int64_t)c.used)) != HEBB_OK)
        c.status = hb_report(r, HEBB_E_MEMORY, "out of memory");
    if (c.status == HEBB_OK) memcpy(bytes->data, c.memory, c.used);
    free(c.memory);
    return c.status;
}

static hebb_status write_file(const report *r, const hebb_array *picture) {
    codec c = {.report = *r};
    open_encoder(&c, picture);
    bool begun = c.status == HEBB_OK;
    if (begun) c.status = hb_aside_open(&c.aside, r);
    if (c.status == HEBB_OK) encode(&c, picture, give_bytes);
    close_encoder(&c);
    return begun ? hb_aside_close(&c.aside, c.status) : c.status;
}

#endif

/* ---- pixels ---- */

static unsigned char gray_of(const unsigned char *color) {
    return (unsigned char)((299 * color[0] + 587 * color[1] + 114 * color[2] + 500) / 1000);
}

/* A pixel of `from` channels as one of `to`. */
static void convert(const unsigned char *pixel, int from, unsigned char *result, int to) {
    bool color = from >= 3;
    unsigned char opacity = from % 2 == 0 ? pixel[from - 1] : 255;
    if (to <= 2) result[0] = color ? gray_of(pixel) : pixel[0];
    else
        for (int k = 0; k < 3; k++) result[k] = color ? pixel[k] : pixel[0];
    if (to % 2 == 0) result[to - 1] = opacity;
}

static hebb_status convert_all(const report *r, hebb_array *pixels, int channels) {
    hebb_shape shape = pixels->shape;
    int from = (int)shape.dim[2], to = channels == 0 ? from : channels;
    int64_t count = shape.dim[0] * shape.dim[1];
    if (to != from) {
        hebb_array other = {0};
        hebb_status status =
            hebb_array_resize(&other, HEBB_U8, HEBB_SHAPE(shape.dim[0], shape.dim[1], to));
        if (status != HEBB_OK) return hb_report(r, status, "out of memory");
        for (int64_t k = 0; k < count; k++)
            convert((unsigned char *)pixels->data + k * from, from,
                    (unsigned char *)other.data + k * to, to);
        hebb_array_free(pixels);
        *pixels = other;
    }
    if (to == 1) pixels->shape.rank = 2;
    return HEBB_OK;
}

hebb_status hebb_read_png(const char *path, int channels, hebb_array *picture, char *message,
                          size_t size) {
    report r;
    hebb_status status = hb_report_begin(&r, path, message, size);
    if (status != HEBB_OK) return status;
    if (picture == NULL) return hb_report(&r, HEBB_E_NULL, "the picture is NULL");
    if (channels < 0 || channels > 4)
        return hb_report(&r, HEBB_E_ARGUMENT, "%d channels: not in 0...4", channels);
    hebb_array pixels = {0};
    status = read_file(&r, &pixels);
    if (status == HEBB_OK) status = convert_all(&r, &pixels, channels);
    if (status != HEBB_OK) {
        hebb_array_free(&pixels);
        return status;
    }
    hebb_array_free(picture);
    *picture = pixels;
    return HEBB_OK;
}

static hebb_status check_picture(const report *r, const hebb_array *picture) {
    char text[160];
    if (picture == NULL || picture->data == NULL)
        return hb_report(r, HEBB_E_NULL, "the picture %s",
                         picture == NULL ? "is NULL" : "has no data");
    const hebb_shape *s = &picture->shape;
    if ((s->rank != 2 && s->rank != 3) || hebb_shape_count(*s) < 1 || s->dim[0] > 1000000 ||
        s->dim[1] > 1000000 || channels_of(picture) > 4)
        return hb_report(r, HEBB_E_SHAPE,
                         "a picture is [height, width] or [height, width, 1...4], not %s",
                         hebb_shape_text(*s, text, sizeof text));
    if (picture->dtype != HEBB_U8 && picture->dtype != HEBB_BOOL &&
        !hebb_dtype_floating(picture->dtype))
        return hb_report(r, HEBB_E_DTYPE, "a picture is u8, floats or bool, not %s",
                         hebb_dtype_name(picture->dtype));
    return HEBB_OK;
}

hebb_status hebb_write_png(const char *path, const hebb_array *picture, char *message,
                           size_t size) {
    report r;
    hebb_status status = hb_report_begin(&r, path, message, size);
    if (status == HEBB_OK) status = check_picture(&r, picture);
    return status != HEBB_OK ? status : write_file(&r, picture);
}

hebb_status hebb_encode_png(const hebb_array *picture, hebb_array *bytes, char *message,
                            size_t size) {
    report r;
    hebb_status status = hb_report_begin(&r, "encode_png", message, size);
    if (status == HEBB_OK && bytes == NULL)
        status = hb_report(&r, HEBB_E_NULL, "the result is NULL");
    if (status == HEBB_OK) status = check_picture(&r, picture);
    return status != HEBB_OK ? status : write_memory(&r, picture, bytes);
}
