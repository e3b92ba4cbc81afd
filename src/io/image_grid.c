/* Many images as one picture (hebb/image.h). */
#include <math.h>
#include <string.h>

#include <hebb/image.h>

#include "file.h"

typedef struct grid {
    int64_t n, channels, height, width; /* of images */
    int64_t rows, columns, gap, scale;
    double low, high;
} grid;

static bool take_shape(grid *g, hebb_shape shape) {
    if ((shape.rank != 3 && shape.rank != 4) || hebb_shape_count(shape) < 1) return false;
    g->n = shape.dim[0];
    g->channels = shape.rank == 4 ? shape.dim[1] : 1;
    g->height = shape.dim[shape.rank - 2];
    g->width = shape.dim[shape.rank - 1];
    return g->channels <= 4;
}

static hebb_status take_options(grid *g, const hebb_image_grid_options *o, const report *r) {
    if (o->columns < 0 || o->gap < -1 || o->scale < 0 || !isfinite(o->high - o->low))
        return hb_report(r, HEBB_E_ARGUMENT, "columns %lld, gap %d, scale %d, %g...%g",
                         (long long)o->columns, o->gap, o->scale, o->low, o->high);
    g->columns = o->columns > 0 ? o->columns : (int64_t)ceil(sqrt((double)g->n));
    if (g->columns > g->n) g->columns = g->n;
    g->rows = (g->n + g->columns - 1) / g->columns;
    g->gap = o->gap == 0 ? 2 : o->gap < 0 ? 0 : o->gap;
    g->scale = o->scale == 0 ? 1 : o->scale;
    bool usual = o->low == 0 && o->high == 0;
    g->low = usual ? 0 : o->low;
    g->high = usual ? 1 : o->high;
    if (g->high == g->low) return hb_report(r, HEBB_E_ARGUMENT, "low and high are both %g", g->low);
    return HEBB_OK;
}

static hebb_status make_room(const grid *g, hebb_array *picture, bool dark, const report *r) {
    double height = (double)g->rows * ((double)g->height * (double)g->scale + (double)g->gap);
    double width = (double)g->columns * ((double)g->width * (double)g->scale + (double)g->gap);
    if (height > 1e9 || width > 1e9)
        return hb_report(r, HEBB_E_ARGUMENT, "a picture of %g x %g pixels is too large", width,
                         height);
    hebb_shape shape = HEBB_SHAPE((int64_t)height - g->gap, (int64_t)width - g->gap, g->channels);
    if (g->channels == 1) shape.rank = 2;
    hebb_status status = hebb_array_resize(picture, HEBB_U8, shape);
    if (status != HEBB_OK)
        return hb_report(r, HEBB_E_MEMORY, "no memory for %g x %g pixels", width, height);
    memset(picture->data, dark ? 0 : 255, hebb_array_bytes(picture));
    return HEBB_OK;
}

static unsigned char byte_at(const grid *g, const hebb_array *images, int64_t index) {
    double value = hebb_array_at(images, index);
    if (images->dtype == HEBB_U8) return (unsigned char)value;
    value = (value - g->low) / (g->high - g->low);
    if (!(value > 0)) return 0;
    return value >= 1 ? 255 : (unsigned char)(255 * value + 0.5);
}

/* One row of an image: the first of its `scale` rows, which are then copied. */
static void draw_row(const grid *g, const hebb_array *images, int64_t image, int64_t y,
                     unsigned char *to) {
    for (int64_t c = 0; c < g->channels; c++) {
        int64_t at = ((image * g->channels + c) * g->height + y) * g->width;
        for (int64_t x = 0; x < g->width; x++) {
            unsigned char byte = byte_at(g, images, at + x);
            for (int64_t k = 0; k < g->scale; k++) to[(x * g->scale + k) * g->channels + c] = byte;
        }
    }
}

static void draw(const grid *g, const hebb_array *images, hebb_array *picture) {
    int64_t line = picture->shape.dim[1] * g->channels; /* bytes */
    int64_t size = g->width * g->scale * g->channels;
    for (int64_t image = 0; image < g->n; image++) {
        int64_t top = image / g->columns * (g->height * g->scale + g->gap);
        int64_t left = image % g->columns * (g->width * g->scale + g->gap);
        for (int64_t y = 0; y < g->height; y++) {
            unsigned char *first =
                (unsigned char *)picture->data + (top + y * g->scale) * line + left * g->channels;
            draw_row(g, images, image, y, first);
            for (int64_t k = 1; k < g->scale; k++) memcpy(first + k * line, first, (size_t)size);
        }
    }
}

hebb_status hebb_image_grid_with(const hebb_array *images, hebb_array *picture, char *message,
                                 size_t size, const hebb_image_grid_options *options) {
    static const hebb_image_grid_options defaults = {0};
    report r;
    grid g = {0};
    char text[160];
    if (options == NULL) options = &defaults;
    hb_report_begin(&r, "image grid", message, size);
    if (images == NULL || picture == NULL || images->data == NULL)
        return hb_report(&r, HEBB_E_NULL,
                         picture == NULL ? "the picture is NULL" : "the images are NULL");
    if (!take_shape(&g, images->shape))
        return hb_report(&r, HEBB_E_SHAPE,
                         "images are [n, height, width] or [n, 1...4, height, width], not %s",
                         hebb_shape_text(images->shape, text, sizeof text));
    if (images->dtype != HEBB_U8 && images->dtype != HEBB_BOOL &&
        !hebb_dtype_floating(images->dtype))
        return hb_report(&r, HEBB_E_DTYPE, "images are u8, floats or bool, not %s",
                         hebb_dtype_name(images->dtype));
    hebb_array fresh = {0};
    hebb_status status = take_options(&g, options, &r);
    if (status == HEBB_OK) status = make_room(&g, &fresh, options->dark, &r);
    if (status != HEBB_OK) return status;
    draw(&g, images, &fresh);
    hebb_array_free(picture);
    *picture = fresh;
    return HEBB_OK;
}
