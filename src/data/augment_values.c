/* Augmentation that computes new values (hebb/augment.h): rotation, zoom, brightness, contrast,
   mix-up. An image is read into doubles, changed, and written back in its dtype. */
#include <math.h>
#include <string.h>

#include "augment.h"

/* ---- reading and writing ---- */

static bool is_arithmetic(hebb_dtype dtype) {
    return dtype == HEBB_U8 || dtype == HEBB_F32 || dtype == HEBB_F64;
}

static void load(const hebb_array *from, int64_t first, int64_t count, double *to) {
    const uint8_t *bytes = from->data;
    const float *floats = from->data;
    const double *doubles = from->data;
    for (int64_t k = 0; k < count; k++)
        to[k] = from->dtype == HEBB_U8    ? bytes[first + k]
                : from->dtype == HEBB_F32 ? (double)floats[first + k]
                                          : doubles[first + k];
}

static uint8_t byte_of(double value) {
    if (!(value > 0)) return 0;
    return value >= 255 ? 255 : (uint8_t)(value + 0.5);
}

static void store(const double *from, hebb_array *to, int64_t first, int64_t count) {
    for (int64_t k = 0; k < count; k++) {
        if (to->dtype == HEBB_U8) ((uint8_t *)to->data)[first + k] = byte_of(from[k]);
        else if (to->dtype == HEBB_F32) ((float *)to->data)[first + k] = (float)from[k];
        else ((double *)to->data)[first + k] = from[k];
    }
}

/* Changes one image, of which `copy` holds the values, as `to`. */
typedef void change(const hebb_transform *self, const hebb_batch *batch, int64_t example,
                    const images *m, const double *copy, double *to);

static hebb_status change_all(const hebb_transform *self, hebb_batch *batch, double high,
                              change *how) {
    images m = {0};
    hebb_status status = hb_take_images(self, batch, 0, high, &m);
    if (status != HEBB_OK) return status;
    if (!is_arithmetic(m.array->dtype))
        return hb_batch_fail(batch, HEBB_E_DTYPE, "images are u8, f32 or f64, not %s",
                             hebb_dtype_name(m.array->dtype));
    double *copy = hebb_batch_scratch(batch, 2 * (size_t)m.pixels * sizeof *copy);
    if (copy == NULL) return hb_batch_fail(batch, HEBB_E_MEMORY, "out of memory");
    for (int64_t i = 0; i < batch->examples; i++) {
        if (!hb_chosen(self, batch, i)) continue;
        load(m.array, i * m.pixels, m.pixels, copy);
        how(self, batch, i, &m, copy, copy + m.pixels);
        store(copy + m.pixels, m.array, i * m.pixels, m.pixels);
    }
    return HEBB_OK;
}

/* ---- rotation, zoom ---- */

/* What a pixel has; outside, the fill. */
static double pixel(const images *m, const double *plane, int64_t x, int64_t y, double fill) {
    return x < 0 || y < 0 || x >= m->width || y >= m->height ? fill : plane[y * m->width + x];
}

static double between(const images *m, const double *plane, double x, double y, double fill) {
    double left = floor(x), top = floor(y), right = x - left, down = y - top;
    int64_t i = (int64_t)left, j = (int64_t)top;
    double above = pixel(m, plane, i, j, fill), below = pixel(m, plane, i, j + 1, fill);
    if (right > 0) {
        above += right * (pixel(m, plane, i + 1, j, fill) - above);
        below += right * (pixel(m, plane, i + 1, j + 1, fill) - below);
    }
    return down > 0 ? above + down * (below - above) : above;
}

/* Pixel (x, y) becomes what is at (u, v) = center + A ((x, y) - center), A = [a, b; -b, a]. */
static void resample(const images *m, const double *from, double *to, double a, double b,
                     double fill) {
    double center_x = 0.5 * (double)(m->width - 1), center_y = 0.5 * (double)(m->height - 1);
    for (int64_t c = 0; c < m->channels; c++, from += m->width * m->height)
        for (int64_t y = 0; y < m->height; y++)
            for (int64_t x = 0; x < m->width; x++) {
                double right = (double)x - center_x, down = (double)y - center_y;
                *to++ = between(m, from, center_x + a * right + b * down,
                                center_y - b * right + a * down, fill);
            }
}

static void rotate(const hebb_transform *self, const hebb_batch *batch, int64_t example,
                   const images *m, const double *copy, double *to) {
    double angle = self->amounts[HB_AMOUNT] * hb_draw(batch, example, 0) * acos(-1) / 180;
    resample(m, copy, to, cos(angle), sin(angle), self->amounts[HB_FILL]);
}

static void zoom(const hebb_transform *self, const hebb_batch *batch, int64_t example,
                 const images *m, const double *copy, double *to) {
    double factor = 1 + self->amounts[HB_AMOUNT] * hb_draw(batch, example, 0);
    resample(m, copy, to, 1 / factor, 0, self->amounts[HB_FILL]);
}

static hebb_status apply_rotate(const hebb_transform *self, hebb_batch *batch) {
    return change_all(self, batch, 180, rotate);
}

static hebb_status apply_zoom(const hebb_transform *self, hebb_batch *batch) {
    return change_all(self, batch, 0.99, zoom);
}

hebb_transform hebb_random_rotate_with(double degrees, const hebb_augment_options *options) {
    return hb_transform("random_rotate", apply_rotate, degrees, options);
}

hebb_transform hebb_random_zoom_with(double amount, const hebb_augment_options *options) {
    return hb_transform("random_zoom", apply_zoom, amount, options);
}

/* ---- brightness, contrast ---- */

static void brighten(const hebb_transform *self, const hebb_batch *batch, int64_t example,
                     const images *m, const double *copy, double *to) {
    double full = m->array->dtype == HEBB_U8 ? 255 : 1;
    double more = full * self->amounts[HB_AMOUNT] * hb_draw(batch, example, 0);
    for (int64_t k = 0; k < m->pixels; k++) to[k] = copy[k] + more;
}

static void contrast(const hebb_transform *self, const hebb_batch *batch, int64_t example,
                     const images *m, const double *copy, double *to) {
    double factor = 1 + self->amounts[HB_AMOUNT] * hb_draw(batch, example, 0);
    int64_t area = m->width * m->height;
    for (int64_t c = 0; c < m->channels; c++, copy += area, to += area) {
        double mean = 0;
        for (int64_t k = 0; k < area; k++) mean += copy[k] / (double)area;
        for (int64_t k = 0; k < area; k++) to[k] = (copy[k] - mean) * factor + mean;
    }
}

static hebb_status apply_brightness(const hebb_transform *self, hebb_batch *batch) {
    return change_all(self, batch, 1, brighten);
}

static hebb_status apply_contrast(const hebb_transform *self, hebb_batch *batch) {
    return change_all(self, batch, 1, contrast);
}

hebb_transform hebb_random_brightness_with(double amount, const hebb_augment_options *options) {
    return hb_transform("random_brightness", apply_brightness, amount, options);
}

hebb_transform hebb_random_contrast_with(double amount, const hebb_augment_options *options) {
    return hb_transform("random_contrast", apply_contrast, amount, options);
}

/* ---- mix-up ---- */

enum { MIX_LABELS = 3 }; /* of the amounts: the column of labels */

/* From the beta distribution of (alpha, alpha), by Joehnk's method: of u and v to the power of 1 /
   alpha, the first pair whose sum is at most 1. */
static double draw_beta(const hebb_batch *batch, int64_t example, double alpha) {
    for (uint32_t draw = 0; draw < 20000; draw += 2) {
        double x = pow(hebb_batch_uniform(batch, example, draw + 32), 1 / alpha);
        double y = pow(hebb_batch_uniform(batch, example, draw + 33), 1 / alpha);
        if (x + y <= 1 && x + y > 0) return x / (x + y);
    }
    return 0.5;
}

static hebb_status mix_column(const hebb_transform *self, hebb_batch *batch, hebb_array *column) {
    int64_t n = batch->examples, row = hebb_array_count(column) / n;
    double *copy = hebb_batch_scratch(batch, (size_t)(n + 1) * (size_t)row * sizeof *copy);
    if (copy == NULL) return hb_batch_fail(batch, HEBB_E_MEMORY, "out of memory");
    double *mixed = copy + n * row;
    load(column, 0, n * row, copy);
    for (int64_t i = 0; i < n; i++) {
        if (!hb_chosen(self, batch, i)) continue;
        double w = draw_beta(batch, i, self->amounts[HB_AMOUNT]);
        const double *one = copy + i * row, *next = copy + (i + 1) % n * row;
        for (int64_t k = 0; k < row; k++) mixed[k] = w * one[k] + (1 - w) * next[k];
        store(mixed, column, i * row, row);
    }
    return HEBB_OK;
}

static hebb_status apply_mix_up(const hebb_transform *self, hebb_batch *batch) {
    double alpha = self->amounts[HB_AMOUNT], probability = self->amounts[HB_PROBABILITY];
    size_t labels = (size_t)self->amounts[MIX_LABELS];
    if (!(alpha > 0 && alpha <= 4) || !(probability >= 0 && probability <= 1))
        return hb_batch_fail(batch, HEBB_E_ARGUMENT, "alpha is %g, the probability %g", alpha,
                             probability);
    if (self->column >= batch->count || labels >= batch->count || labels == self->column)
        return hb_batch_fail(batch, HEBB_E_ARGUMENT, "no columns %zu and %zu: there are %zu",
                             self->column, labels, batch->count);
    hebb_array *x = &batch->columns[self->column], *t = &batch->columns[labels];
    if (!is_arithmetic(x->dtype) || (t->dtype != HEBB_F32 && t->dtype != HEBB_F64))
        return hb_batch_fail(batch, HEBB_E_DTYPE,
                             "it mixes u8, f32 or f64 (%s) with labels of f32 or f64 (%s)",
                             hebb_dtype_name(x->dtype), hebb_dtype_name(t->dtype));
    hebb_status status = mix_column(self, batch, x);
    return status == HEBB_OK ? mix_column(self, batch, t) : status;
}

hebb_transform hebb_mix_up_with(double alpha, const hebb_augment_options *options) {
    hebb_transform t = hb_transform("mix_up", apply_mix_up, alpha, options);
    t.amounts[MIX_LABELS] = options == NULL || options->labels == 0 ? 1 : (double)options->labels;
    return t;
}
