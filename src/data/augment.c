/* Augmentation that moves pixels (hebb/augment.h): flips, crops, shifts, cut-out. Elements are
   copied as they are, whatever their dtype. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "augment.h"

/* ---- what all have in common ---- */

hebb_status hb_batch_fail(hebb_batch *batch, hebb_status status, const char *format, ...) {
    char words[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    return hebb_batch_fail(batch, status, words);
}

hebb_transform hb_transform(const char *name,
                            hebb_status (*apply)(const hebb_transform *, hebb_batch *),
                            double amount, const hebb_augment_options *options) {
    hebb_transform t = {.name = name, .apply = apply};
    t.amounts[HB_AMOUNT] = amount;
    t.amounts[HB_PROBABILITY] = 1;
    if (options == NULL) return t;
    t.column = options->column;
    t.amounts[HB_FILL] = options->fill;
    if (options->probability != 0) t.amounts[HB_PROBABILITY] = options->probability;
    return t;
}

hebb_status hb_take_images(const hebb_transform *self, hebb_batch *batch, double low, double high,
                           images *to) {
    char text[160];
    double amount = self->amounts[HB_AMOUNT], probability = self->amounts[HB_PROBABILITY];
    if (self->column >= batch->count)
        return hb_batch_fail(batch, HEBB_E_ARGUMENT, "no column %zu: there are %zu", self->column,
                             batch->count);
    if (!(amount >= low && amount <= high))
        return hb_batch_fail(batch, HEBB_E_ARGUMENT, "%g is not between %g and %g", amount, low,
                             high);
    if (!(probability >= 0 && probability <= 1))
        return hb_batch_fail(batch, HEBB_E_ARGUMENT, "a probability of %g", probability);
    hebb_array *array = &batch->columns[self->column];
    int rank = array->shape.rank;
    const int64_t *dim = array->shape.dim;
    if (rank != 3 && rank != 4)
        return hb_batch_fail(batch, HEBB_E_SHAPE, "column %zu is %s, but images are %s",
                             self->column, hebb_shape_text(array->shape, text, sizeof text),
                             "[n, height, width] or [n, channels, height, width]");
    *to = (images){array, rank == 4 ? dim[1] : 1,       dim[rank - 2], dim[rank - 1],
                   0,     hebb_dtype_size(array->dtype)};
    to->pixels = to->channels * to->height * to->width;
    return HEBB_OK;
}

bool hb_chosen(const hebb_transform *self, const hebb_batch *batch, int64_t example) {
    double probability = self->amounts[HB_PROBABILITY];
    return probability >= 1 || hebb_batch_uniform(batch, example, HB_CHOICE) < probability;
}

double hb_draw(const hebb_batch *batch, int64_t example, uint32_t draw) {
    return 2 * hebb_batch_uniform(batch, example, draw) - 1;
}

static hebb_status out_of_memory(hebb_batch *batch) {
    return hb_batch_fail(batch, HEBB_E_MEMORY, "out of memory");
}

static char *image_at(const images *m, int64_t example) {
    return (char *)m->array->data + (size_t)(example * m->pixels) * m->size;
}

static void fill_pixels(char *to, int64_t count, const char *fill, size_t size) {
    for (int64_t k = 0; k < count; k++, to += size) memcpy(to, fill, size);
}

/* One element of the dtype, as bytes. */
static void make_fill(const hebb_transform *self, const images *m, char fill[8]) {
    hebb_array one = hebb_array_view(fill, m->array->dtype, HEBB_SCALAR);
    hebb_array_set(&one, 0, self->amounts[HB_FILL]);
}

/* ---- flips ---- */

static void swap(char *a, char *b, size_t size) {
    char kept[8];
    memcpy(kept, a, size);
    memcpy(a, b, size);
    memcpy(b, kept, size);
}

static void flip(const images *m, char *image, bool vertical) {
    int64_t rows = m->channels * m->height;
    for (int64_t y = 0; y < rows; y++) {
        /* Upside down, a row of the upper half changes places with one of the lower half. */
        int64_t in = y % m->height, other = vertical ? y - in + m->height - 1 - in : y;
        if (vertical && in >= m->height / 2) continue;
        char *row = image + (size_t)(y * m->width) * m->size;
        char *opposite = image + (size_t)(other * m->width) * m->size;
        int64_t n = vertical ? m->width : m->width / 2;
        for (int64_t x = 0; x < n; x++)
            swap(row + (size_t)x * m->size,
                 opposite + (size_t)(vertical ? x : m->width - 1 - x) * m->size, m->size);
    }
}

static hebb_status apply_flip(const hebb_transform *self, hebb_batch *batch) {
    images m = {0};
    hebb_status status = hb_take_images(self, batch, 0, 1, &m);
    for (int64_t i = 0; status == HEBB_OK && i < batch->examples; i++)
        if (hb_chosen(self, batch, i)) flip(&m, image_at(&m, i), self->amounts[HB_AMOUNT] != 0);
    return status;
}

hebb_transform hebb_random_flip_with(const hebb_augment_options *options) {
    bool vertical = options != NULL && options->vertical;
    hebb_transform t = hb_transform("random_flip", apply_flip, vertical, options);
    if (options == NULL || options->probability == 0) t.amounts[HB_PROBABILITY] = 0.5;
    return t;
}

/* ---- crops and shifts ---- */

/* to[y][x] = from[y - down][x - right], or the fill where there is no such pixel. */
static void move(const images *m, const char *from, char *to, int64_t right, int64_t down,
                 const char *fill) {
    int64_t before = right > 0 ? right : 0, after = right < 0 ? -right : 0;
    int64_t kept = m->width - before - after;
    for (int64_t y = 0; y < m->channels * m->height; y++, to += (size_t)m->width * m->size) {
        int64_t in = y % m->height - down;
        if (in < 0 || in >= m->height || kept <= 0) {
            fill_pixels(to, m->width, fill, m->size);
            continue;
        }
        fill_pixels(to, before, fill, m->size);
        memcpy(to + (size_t)before * m->size,
               from + (size_t)((y - down) * m->width + after) * m->size, (size_t)kept * m->size);
        fill_pixels(to + (size_t)(before + kept) * m->size, after, fill, m->size);
    }
}

/* A whole number between -most and most. */
static int64_t draw_whole(const hebb_batch *batch, int64_t example, uint32_t draw, int64_t most) {
    return (int64_t)floor(hebb_batch_uniform(batch, example, draw) * (double)(2 * most + 1)) - most;
}

static hebb_status move_all(const hebb_transform *self, hebb_batch *batch, const images *m,
                            int64_t right, int64_t down) {
    char fill[8], *copy = hebb_batch_scratch(batch, (size_t)m->pixels * m->size);
    if (copy == NULL) return out_of_memory(batch);
    make_fill(self, m, fill);
    for (int64_t i = 0; i < batch->examples; i++) {
        if (!hb_chosen(self, batch, i)) continue;
        memcpy(copy, image_at(m, i), (size_t)m->pixels * m->size);
        move(m, copy, image_at(m, i), draw_whole(batch, i, 0, right), draw_whole(batch, i, 1, down),
             fill);
    }
    return HEBB_OK;
}

static hebb_status apply_crop(const hebb_transform *self, hebb_batch *batch) {
    images m = {0};
    int64_t padding = (int64_t)self->amounts[HB_AMOUNT];
    hebb_status status = hb_take_images(self, batch, 0, INT32_MAX, &m);
    return status == HEBB_OK ? move_all(self, batch, &m, padding, padding) : status;
}

hebb_transform hebb_random_crop_with(int64_t padding, const hebb_augment_options *options) {
    return hb_transform("random_crop", apply_crop, (double)padding, options);
}

static hebb_status apply_shift(const hebb_transform *self, hebb_batch *batch) {
    images m = {0};
    double share = self->amounts[HB_AMOUNT];
    hebb_status status = hb_take_images(self, batch, 0, 1, &m);
    if (status != HEBB_OK) return status;
    return move_all(self, batch, &m, (int64_t)floor(share * (double)m.width + 0.5),
                    (int64_t)floor(share * (double)m.height + 0.5));
}

hebb_transform hebb_random_shift_with(double share, const hebb_augment_options *options) {
    return hb_transform("random_shift", apply_shift, share, options);
}

/* ---- cut-out ---- */

static int64_t clip(int64_t k, int64_t most) { return k < 0 ? 0 : k > most ? most : k; }

static hebb_status apply_cut_out(const hebb_transform *self, hebb_batch *batch) {
    images m = {0};
    char fill[8];
    int64_t side = (int64_t)self->amounts[HB_AMOUNT];
    hebb_status status = hb_take_images(self, batch, 0, INT32_MAX, &m);
    if (status != HEBB_OK) return status;
    make_fill(self, &m, fill);
    for (int64_t i = 0; i < batch->examples; i++) {
        if (!hb_chosen(self, batch, i)) continue;
        int64_t left = (int64_t)(hebb_batch_uniform(batch, i, 0) * (double)m.width) - side / 2;
        int64_t top = (int64_t)(hebb_batch_uniform(batch, i, 1) * (double)m.height) - side / 2;
        int64_t right = clip(left + side, m.width), bottom = clip(top + side, m.height);
        left = clip(left, m.width);
        for (int64_t c = 0; c < m.channels; c++)
            for (int64_t y = clip(top, m.height); y < bottom; y++)
                fill_pixels(image_at(&m, i) +
                                (size_t)((c * m.height + y) * m.width + left) * m.size,
                            right - left, fill, m.size);
    }
    return HEBB_OK;
}

hebb_transform hebb_cut_out_with(int64_t side, const hebb_augment_options *options) {
    return hb_transform("cut_out", apply_cut_out, (double)side, options);
}
