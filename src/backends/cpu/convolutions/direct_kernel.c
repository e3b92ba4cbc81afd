/* The loops of direct convolutions for one instruction set. Compiled once per instruction set with
   HB_ISA (the suffix of the table's name) and HB_ISA_VECTOR_BYTES; the drivers reach it through the
   tables of direct_kernels.h. Must not touch devices, steps or threads. */
#include <stdbool.h>
#include <string.h>

#include "direct_kernels.h"
#include "../loops/partial.h"
#include "../loops/transpose.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)
#define INLINE       static inline __attribute__((always_inline))
#define UNROLL       HB_UNROLL

/* Sums in registers: 16 or 27 of 32, 8 or 9 of 16. */
#if HB_ISA_VECTOR_BYTES == 64 || defined(__aarch64__)
enum { POINTS = 4, ALONE = 8, TAPS = 9, ROWS = 3 };
#else
enum { POINTS = 2, ALONE = 4, TAPS = 9, ROWS = 1 };
#endif
enum { LANES = HB_ISA_VECTOR_BYTES / sizeof(float) };
typedef float vector __attribute__((vector_size(HB_ISA_VECTOR_BYTES)));

INLINE vector load(const float *from) {
    vector v;
    memcpy(&v, from, sizeof v);
    return v;
}
INLINE void store(vector v, float *to) { memcpy(to, &v, sizeof v); }

/* ---- sums over taps ---- */

/* Of some vectors of points, of the last one only the first `part` lanes. */
INLINE void sum_points(int rows, int vectors, int part, int64_t taps, const int64_t *offset,
                       const float *w, const float *x, float *y, int64_t y_row) {
    vector sum[HB_DIRECT_ROWS][ALONE];
    UNROLL for (int k = 0; k < rows; k++) UNROLL for (int v = 0; v < vectors; v++) sum[k][v] =
        (vector){0};
    for (int64_t t = 0; t < taps; t++, w += rows) {
        vector in[ALONE];
        UNROLL for (int v = 0; v < vectors; v++) in[v] = load(x + offset[t] + v * LANES);
        UNROLL for (int k = 0; k < rows; k++) UNROLL for (int v = 0; v < vectors; v++) sum[k][v] +=
            w[k] * in[v];
    }
    UNROLL for (int k = 0; k < rows; k++) UNROLL for (int v = 0; v < vectors; v++) {
        float *to = y + k * y_row + v * LANES;
        if (v < vectors - 1 || part == LANES) store(sum[k][v], to);
        else hb_store_first(to, sum[k][v], part);
    }
}

INLINE void sum_rows(int rows, int vectors, int64_t taps, const int64_t *offset, const float *w,
                     const float *x, float *y, int64_t y_row, int64_t points) {
    int64_t p = 0;
    for (; p + vectors * LANES <= points; p += vectors * LANES)
        sum_points(rows, vectors, LANES, taps, offset, w, x + p, y + p, y_row);
    const int left = (int)(points - p), part = left % LANES == 0 ? LANES : left % LANES;
    UNROLL for (int v = 1; v <= vectors; v++) if (left > 0 && (left + LANES - 1) / LANES == v)
        sum_points(rows, v, part, taps, offset, w, x + p, y + p, y_row);
}

static void sum(int rows, int64_t taps, const int64_t *offset, const float *w, const float *x,
                float *y, int64_t y_row, int64_t points) {
    switch (rows) {
    case 1: sum_rows(1, ALONE, taps, offset, w, x, y, y_row, points); break;
    case 2: sum_rows(2, POINTS, taps, offset, w, x, y, y_row, points); break;
    case 3: sum_rows(3, POINTS, taps, offset, w, x, y, y_row, points); break;
    default: sum_rows(4, POINTS, taps, offset, w, x, y, y_row, points); break;
    }
}

/* ---- images side by side ---- */

/* A place of all images is so many vectors; sums of COLUMNS places are in registers. */
enum {
    PARTS = HB_DIRECT_IMAGES / LANES,
    COLUMNS = HB_ISA_VECTOR_BYTES == 64   ? 14
              : HB_ISA_VECTOR_BYTES == 32 ? 6
                                          : 2
};

INLINE void sum_columns(int columns, int64_t x_step, const hb_direct_images *s, const float *x,
                        const float *w, float *y) {
    vector sum[COLUMNS][PARTS];
    UNROLL for (int j = 0; j < columns; j++) UNROLL for (int p = 0; p < PARTS; p++) sum[j][p] =
        (vector){0};
    for (int64_t r = 0; r < s->rows; r++, x += s->x_row, w += s->w_row) {
        const float *from = x, *tap = w;
        for (int64_t t = 0; t < s->taps; t++, from += s->x_tap, tap += s->w_tap)
            UNROLL for (int p = 0; p < PARTS; p++) {
                const vector weight = load(tap + p * LANES);
                UNROLL for (int j = 0; j < columns; j++) sum[j][p] +=
                    weight * load(from + j * x_step + p * LANES);
            }
    }
    UNROLL for (int j = 0; j < columns; j++) UNROLL for (int p = 0; p < PARTS; p++)
        store(sum[j][p], y + j * s->y_step + p * LANES);
}

/* All columns in equal pieces, as far as they can be. */
INLINE void sum_all_columns(int64_t x_step, const hb_direct_images *s, const float *x,
                            const float *w, float *y) {
    const int64_t pieces = (s->columns + COLUMNS - 1) / COLUMNS;
    for (int64_t k = 0; k < pieces; k++) {
        const int64_t j = s->columns * k / pieces, n = s->columns * (k + 1) / pieces - j;
        UNROLL for (int m = 1; m <= COLUMNS; m++) if (n == m)
            sum_columns(m, x_step, s, x + j * x_step, w, y + j * s->y_step);
    }
}

static void sum_images(const hb_direct_images *s, const float *x, const float *w, float *y) {
    switch (s->x_step) { /* distances that are known take no arithmetic */
    case HB_DIRECT_IMAGES: sum_all_columns(HB_DIRECT_IMAGES, s, x, w, y); break;
    case 2 * HB_DIRECT_IMAGES: sum_all_columns(2 * HB_DIRECT_IMAGES, s, x, w, y); break;
    default: sum_all_columns(s->x_step, s, x, w, y);
    }
}

/* ---- gradients of weights ---- */

/* A vector of the places from dy on: whole, or only those of its lanes that a row has left. */
INLINE void add_places(int rows, int taps, bool whole, hb_part left, const int64_t *offset,
                       const float *x, const float *dy, int64_t dy_plane, vector sum[ROWS][TAPS]) {
    vector d[ROWS];
    UNROLL for (int k = 0; k < rows; k++) d[k] =
        whole ? load(dy + k * dy_plane) : hb_load_part(dy + k * dy_plane, left);
    UNROLL for (int t = 0; t < taps; t++) {
        const vector in = whole ? load(x + offset[t]) : hb_load_part(x + offset[t], left);
        UNROLL for (int k = 0; k < rows; k++) sum[k][t] += d[k] * in;
    }
}

INLINE void gradient_of(int rows, int taps, const int64_t *offset, const float *x, int64_t x_row,
                        const float *dy, int64_t dy_plane, int64_t height, int64_t width, float *to,
                        int64_t to_row) {
    vector sum[ROWS][TAPS];
    UNROLL for (int k = 0; k < rows; k++) UNROLL for (int t = 0; t < taps; t++) sum[k][t] =
        load(to + (k * to_row + t) * LANES);
    const hb_part left = hb_part_of(0, width % LANES);
    for (int64_t r = 0; r < height; r++, x += x_row, dy += width) {
        int64_t j = 0;
        for (; j + LANES <= width; j += LANES)
            add_places(rows, taps, true, left, offset, x + j, dy + j, dy_plane, sum);
        if (j < width) add_places(rows, taps, false, left, offset, x + j, dy + j, dy_plane, sum);
    }
    UNROLL for (int k = 0; k < rows; k++) UNROLL for (int t = 0; t < taps; t++)
        store(sum[k][t], to + (k * to_row + t) * LANES);
}

/* By constant numbers of taps: 9, or 3, or 1 at a time. */
INLINE void gradient_rows(int rows, int taps, const int64_t *offset, const float *x, int64_t x_row,
                          const float *dy, int64_t dy_plane, int64_t height, int64_t width,
                          float *to, int64_t to_row) {
    int t = 0;
    for (; t + TAPS <= taps; t += TAPS)
        gradient_of(rows, TAPS, offset + t, x, x_row, dy, dy_plane, height, width, to + t * LANES,
                    to_row);
    for (; t + 3 <= taps; t += 3)
        gradient_of(rows, 3, offset + t, x, x_row, dy, dy_plane, height, width, to + t * LANES,
                    to_row);
    for (; t < taps; t++)
        gradient_of(rows, 1, offset + t, x, x_row, dy, dy_plane, height, width, to + t * LANES,
                    to_row);
}

static void gradient(int rows, int taps, const int64_t *offset, const float *x, int64_t x_row,
                     const float *dy, int64_t dy_plane, int64_t height, int64_t width, float *to,
                     int64_t to_row) {
    for (; rows >= ROWS; rows -= ROWS, dy += ROWS * dy_plane, to += ROWS * to_row * LANES)
        gradient_rows(ROWS, taps, offset, x, x_row, dy, dy_plane, height, width, to, to_row);
    for (; rows > 0; rows--, dy += dy_plane, to += to_row * LANES)
        gradient_rows(1, taps, offset, x, x_row, dy, dy_plane, height, width, to, to_row);
}

/* ---- gradients of weights, images side by side ---- */

/* A vector of the images of a place, for so many taps. */
INLINE void gradient_of_images(int taps, const int64_t *offset, int64_t rows, int64_t x_row,
                               int64_t columns, int64_t x_step, const float *x, const float *dy,
                               float *to) {
    vector sum[TAPS];
    UNROLL for (int t = 0; t < taps; t++) sum[t] = (vector){0};
    for (int64_t r = 0; r < rows; r++, x += x_row)
        for (int64_t j = 0; j < columns; j++, dy += HB_DIRECT_IMAGES) {
            const vector d = load(dy);
            UNROLL for (int t = 0; t < taps; t++) sum[t] += d * load(x + offset[t] + j * x_step);
        }
    UNROLL for (int t = 0; t < taps; t++)
        store(load(to + t * HB_DIRECT_IMAGES) + sum[t], to + t * HB_DIRECT_IMAGES);
}

static void gradient_images(int64_t taps, const int64_t *offset, int64_t rows, int64_t x_row,
                            int64_t columns, int64_t x_step, const float *x, const float *dy,
                            float *to) {
    for (int p = 0; p < PARTS; p++, x += LANES, dy += LANES, to += LANES) {
        int64_t t = 0;
        for (; t + TAPS <= taps; t += TAPS)
            gradient_of_images(TAPS, offset + t, rows, x_row, columns, x_step, x, dy,
                               to + t * HB_DIRECT_IMAGES);
        for (; t + 3 <= taps; t += 3)
            gradient_of_images(3, offset + t, rows, x_row, columns, x_step, x, dy,
                               to + t * HB_DIRECT_IMAGES);
        for (; t < taps; t++)
            gradient_of_images(1, offset + t, rows, x_row, columns, x_step, x, dy,
                               to + t * HB_DIRECT_IMAGES);
    }
}

const hb_cpu_direct PASTE(hb_cpu_direct_, HB_ISA) = {
    .lanes = LANES,
    .sum = sum,
    .sum_images = sum_images,
    .gradient = gradient,
    .gradient_images = gradient_images,
};
