/* The transforms of Winograd convolutions for one instruction set. Compiled once per instruction
   set with HB_ISA (the suffix of the table's name) and HB_ISA_VECTOR_BYTES; the drivers reach it
   through the tables of winograd_kernels.h. Must not touch devices, steps or threads. */
#include <stdbool.h>
#include <string.h>

#include "partial.h"
#include "transpose.h"
#include "winograd_kernels.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)
#define INLINE       static inline __attribute__((always_inline))

enum { LANES = HB_ISA_VECTOR_BYTES / sizeof(float) };
typedef float vector __attribute__((vector_size(HB_ISA_VECTOR_BYTES)));
typedef int32_t indices __attribute__((vector_size(HB_ISA_VECTOR_BYTES)));

#define UNROLL HB_UNROLL

#if HB_ISA_VECTOR_BYTES == 64
#define LANES_ 16
#elif HB_ISA_VECTOR_BYTES == 32
#define LANES_ 8
#else
#define LANES_ 4
#endif
#define EVEN(x, y) HB_TAKE(HB_EVEN, indices, LANES_, x, y)
#define ODD(x, y)  HB_TAKE(HB_ODD, indices, LANES_, x, y)
#define LOW(x, y)  HB_TAKE(HB_LOW, indices, LANES_, x, y)
#define HIGH(x, y) HB_TAKE(HB_HIGH, indices, LANES_, x, y)
HB_DEFINE_TRANSPOSE_OF(turn, vector, indices, LANES_)

INLINE vector load(const float *from) {
    vector v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE void store(vector v, float *to) { memcpy(to, &v, sizeof v); }

/* ---- images ---- */

INLINE bool has_row(const hb_winograd_image *image, int64_t y) {
    return y >= image->top && y < image->top + image->height;
}

/* Column `column` of row y, which the image has. The column may lie before the image. */
INLINE const float *address(const hb_winograd_image *image, const float *x, int64_t y,
                            int64_t column) {
    return x + ((y - image->top) * image->width + column - image->left);
}

static void ask(const hb_winograd_image *image, const float *x, int64_t first, int64_t rows) {
    enum { LINE = 64 / sizeof(float) };
    const int64_t from = first - image->top, to = from + rows;
    const int64_t end = (to < image->height ? to : image->height) * image->width;
    for (int64_t i = (from > 0 ? from : 0) * image->width; i < end; i += LINE)
        __builtin_prefetch(x + i);
}

INLINE hb_part columns_from(const hb_winograd_image *image, int64_t column) {
    return hb_part_of(image->left - column, image->left + image->width - column);
}

/* Even and odd columns from `column` on. */
typedef struct pairs {
    int64_t column;
    hb_part first, second;
} pairs;

INLINE pairs pairs_from(const hb_winograd_image *image, int64_t column) {
    return (pairs){column, columns_from(image, column), columns_from(image, column + LANES)};
}

INLINE void load_pairs(const hb_winograd_image *image, const float *x, int64_t y, const pairs *p,
                       vector *even, vector *odd) {
    const float *from = address(image, x, y, p->column);
    const vector a = hb_load_part(from, p->first), b = hb_load_part(from + LANES, p->second);
    *even = EVEN(a, b);
    *odd = ODD(a, b);
}

/* B' x for one column of four elements. */
INLINE void image_column(const vector x[4], vector y[4]) {
    y[0] = x[0] - x[2];
    y[1] = x[1] + x[2];
    y[2] = x[2] - x[1];
    y[3] = x[1] - x[3];
}

/* A row of an image after the product with B, from the tiles at p on. */
INLINE void image_row(const hb_winograd_image *image, const float *x, int64_t y, const pairs p[2],
                      vector out[4]) {
    vector d[4] = {{0}};
    if (has_row(image, y)) {
        load_pairs(image, x, y, &p[0], &d[0], &d[1]);
        load_pairs(image, x, y, &p[1], &d[2], &d[3]);
    }
    image_column(d, out);
}

/* Neighboring rows of tiles share two rows. The last vector of a row of tiles comes first: what it
   writes too much belongs to the next row. */
static void image(const hb_winograd_image *image, const float *x, int64_t first, int64_t rows,
                  int64_t tiles, float *v, int64_t row, int64_t plane) {
    for (int64_t t = (tiles - 1) / LANES * LANES; t >= 0; t -= LANES) {
        const pairs p[2] = {pairs_from(image, 2 * t), pairs_from(image, 2 * t + 2)};
        vector half[4][4]; /* by row */
        image_row(image, x, 2 * first, p, half[0]);
        image_row(image, x, 2 * first + 1, p, half[1]);
        for (int64_t r = 0; r < rows; r++) {
            image_row(image, x, 2 * (first + r) + 2, p, half[2]);
            image_row(image, x, 2 * (first + r) + 3, p, half[3]);
            float *to = v + r * row + t;
            UNROLL for (int j = 0; j < 4; j++) {
                const vector d[4] = {half[0][j], half[1][j], half[2][j], half[3][j]};
                vector out[4];
                image_column(d, out);
                UNROLL for (int i = 0; i < 4; i++) store(out[i], to + (4 * i + j) * plane);
                half[0][j] = half[2][j];
                half[1][j] = half[3][j];
            }
        }
    }
}

/* Row y of the channels, turned around. */
static void turn_row(const hb_winograd_image *image, const float *x, int64_t area, int64_t channels,
                     int64_t y, int64_t columns, float *to) {
    if (!has_row(image, y)) {
        memset(to, 0, (size_t)(columns * LANES) * sizeof *to);
        return;
    }
    for (int64_t column = 0; column < columns; column += LANES, to += LANES * LANES) {
        const hb_part p = columns_from(image, column);
        const float *from = address(image, x, y, column);
        vector a[LANES];
        UNROLL for (int i = 0; i < LANES; i++) a[i] =
            i < channels ? hb_load_part(from + i * area, p) : (vector){0};
        turn(a);
        UNROLL for (int i = 0; i < LANES; i++) store(a[i], to + i * LANES);
    }
}

static void image_of_channels(const hb_winograd_image *image, const float *x, int64_t area,
                              int64_t channels, int64_t first, int64_t rows, int64_t tiles,
                              float *scratch, float *v, int64_t row, int64_t plane) {
    const int64_t line = hb_winograd_turned_floats(LANES, tiles) / 4, columns = line / LANES;
    for (int64_t r = 0; r < rows; r++) {
        const float *d[4];
        for (int i = 0; i < 4; i++) {
            const int64_t y = 2 * (first + r) + i;
            float *turned = scratch + (y & 3) * line;
            if (r == 0 || i >= 2) turn_row(image, x, area, channels, y, columns, turned);
            d[i] = turned;
        }
        vector half[4][4]; /* by column */
        for (int64_t t = -1; t < tiles; t++) {
            UNROLL for (int j = 2; j < 4; j++) {
                vector column[4];
                UNROLL for (int i = 0; i < 4; i++) column[i] = load(d[i] + (2 * t + j) * LANES);
                image_column(column, half[j]);
            }
            if (t >= 0) {
                UNROLL for (int i = 0; i < 4; i++) {
                    const vector out_of[4] = {half[0][i], half[1][i], half[2][i], half[3][i]};
                    vector out[4];
                    image_column(out_of, out);
                    UNROLL for (int j = 0; j < 4; j++) store(out[j], v + (4 * i + j) * plane);
                }
                v += row;
            }
            UNROLL for (int i = 0; i < 4; i++) {
                half[0][i] = half[2][i];
                half[1][i] = half[3][i];
            }
        }
    }
}

/* A x for two elements. */
INLINE void result_column(vector x0, vector x1, vector y[4]) {
    y[0] = x0;
    y[1] = x0 + x1;
    y[2] = x0 - x1;
    y[3] = -x1;
}

static void result(const hb_winograd_image *image, const float *x, int64_t first, int64_t rows,
                   int64_t tiles, float *v, int64_t row, int64_t plane) {
    for (int64_t t = (tiles - 1) / LANES * LANES; t >= 0; t -= LANES) {
        const pairs p = pairs_from(image, 2 * t);
        for (int64_t r = 0; r < rows; r++) {
            vector y[2][2] = {{{0}}}, half[2][4]; /* by row */
            UNROLL for (int i = 0; i < 2; i++) {
                if (has_row(image, 2 * (first + r) + i))
                    load_pairs(image, x, 2 * (first + r) + i, &p, &y[i][0], &y[i][1]);
                result_column(y[i][0], y[i][1], half[i]);
            }
            float *to = v + r * row + t;
            UNROLL for (int j = 0; j < 4; j++) {
                vector out[4];
                result_column(half[0][j], half[1][j], out);
                UNROLL for (int i = 0; i < 4; i++) store(out[i], to + (4 * i + j) * plane);
            }
        }
    }
}

/* A' x for four elements. */
INLINE void back_column(const vector x[4], vector y[2]) {
    const vector sum = x[1] + x[2], difference = x[1] - x[2];
    y[0] = x[0] + sum;
    y[1] = difference - x[3];
}

static void back(int64_t tiles, const float *m, int64_t plane, float *y0, float *y1) {
    for (int64_t t = 0; t < tiles; t += LANES) {
        vector half[4][2];
        UNROLL for (int j = 0; j < 4; j++) {
            vector x[4];
            UNROLL for (int i = 0; i < 4; i++) x[i] = load(m + (4 * i + j) * plane + t);
            back_column(x, half[j]);
        }
        UNROLL for (int i = 0; i < 2; i++) {
            const vector x[4] = {half[0][i], half[1][i], half[2][i], half[3][i]};
            vector y[2];
            back_column(x, y);
            float *to = (i == 0 ? y0 : y1) + 2 * t;
            store(LOW(y[0], y[1]), to);
            store(HIGH(y[0], y[1]), to + LANES);
        }
    }
}

/* ---- filters, one by one: there are few ---- */

INLINE void filter_column(const float x[3], float y[4]) {
    const float sum = 0.5f * (x[0] + x[2]), middle = 0.5f * x[1];
    y[0] = x[0];
    y[1] = sum + middle;
    y[2] = sum - middle;
    y[3] = x[2];
}

static void filter(int64_t rows, const float *g, int64_t row, int backwards, float *u,
                   int64_t plane) {
    for (int64_t r = 0; r < rows; r++, g += row) {
        float half[3][4], out[4];
        for (int j = 0; j < 3; j++) {
            float x[3];
            for (int i = 0; i < 3; i++) x[i] = backwards ? g[8 - 3 * i - j] : g[3 * i + j];
            filter_column(x, half[j]);
        }
        for (int i = 0; i < 4; i++) {
            const float x[3] = {half[0][i], half[1][i], half[2][i]};
            filter_column(x, out);
            for (int j = 0; j < 4; j++) u[(4 * i + j) * plane + r] = out[j];
        }
    }
}

INLINE void filter_back_column(const float x[4], float y[3]) {
    const float sum = 0.5f * (x[1] + x[2]);
    y[0] = x[0] + sum;
    y[1] = 0.5f * (x[1] - x[2]);
    y[2] = sum + x[3];
}

static void filter_back(int64_t columns, const float *s, int64_t plane, float *g) {
    for (int64_t c = 0; c < columns; c++, s++, g += 9) {
        float half[4][3];
        for (int j = 0; j < 4; j++) {
            float x[4];
            for (int i = 0; i < 4; i++) x[i] = s[(4 * i + j) * plane];
            filter_back_column(x, half[j]);
        }
        for (int i = 0; i < 3; i++) {
            const float x[4] = {half[0][i], half[1][i], half[2][i], half[3][i]};
            filter_back_column(x, g + 3 * i);
        }
    }
}

/* Whole vectors, the last of which may begin before the one ahead of it ends. */
static void copy(int64_t n, const float *from, float *to) {
    if (n < LANES) {
        for (int64_t i = 0; i < n; i++) to[i] = from[i];
        return;
    }
    for (int64_t i = 0; i + LANES <= n; i += LANES) store(load(from + i), to + i);
    store(load(from + n - LANES), to + n - LANES);
}

const hb_cpu_winograd PASTE(hb_cpu_winograd_, HB_ISA) = {
    .lanes = LANES,
    .ask = ask,
    .image = image,
    .image_of_channels = image_of_channels,
    .result = result,
    .back = back,
    .filter = filter,
    .filter_back = filter_back,
    .copy = copy,
};
