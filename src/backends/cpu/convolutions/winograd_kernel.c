/* The transforms of Winograd convolutions for one instruction set. Compiled once per instruction
   set with HB_ISA (the suffix of the table's name) and HB_ISA_VECTOR_BYTES; the drivers reach it
   through the tables of winograd_kernels.h. Must not touch devices, steps or threads. */
#include <stdbool.h>
#include <string.h>

#include "../loops/partial.h"
#include "../loops/transpose.h"
#include "winograd_kernels.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)
#define INLINE       static inline __attribute__((always_inline))

enum { LANES = HB_ISA_VECTOR_BYTES / sizeof(float) };
typedef float vector __attribute__((vector_size(HB_ISA_VECTOR_BYTES)));
typedef int32_t indices __attribute__((vector_size(HB_ISA_VECTOR_BYTES)));

#define HB_WINOGRAD_VECTOR vector
#define HB_WINOGRAD_INLINE INLINE
#include "../../../../kernels/winograd_points.h"

#define UNROLL HB_UNROLL

#if HB_ISA_VECTOR_BYTES == 64
#define LANES_ 16
#elif HB_ISA_VECTOR_BYTES == 32
#define LANES_ 8
#else
#define LANES_ 4
#endif
#define EVEN(x, y)         HB_TAKE(HB_EVEN, indices, LANES_, x, y)
#define ODD(x, y)          HB_TAKE(HB_ODD, indices, LANES_, x, y)
#define LOW(x, y)          HB_TAKE(HB_LOW, indices, LANES_, x, y)
#define HIGH(x, y)         HB_TAKE(HB_HIGH, indices, LANES_, x, y)
#define NEXT(x, y)         HB_TAKE(HB_NEXT, indices, LANES_, x, y)
#define NEXT_BUT_ONE(x, y) HB_TAKE(HB_NEXT_BUT_ONE, indices, LANES_, x, y)
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

/* ---- columns of an image, apart by the tiles' step ---- */

enum { MOST = HB_WINOGRAD_MOST_SIZE, MOST_TAPS = HB_WINOGRAD_MOST_TAPS };

/* Where they are: pairs of vectors for every two columns of a tile, and the vector that follows the
   first pair for a third column; or the four vectors that have its first four columns and the one
   that follows these. */
typedef struct tile_columns {
    int64_t at[MOST];
    hb_part part[MOST];
} tile_columns;

INLINE tile_columns columns_at(const hb_winograd_image *image, int step, int size, int64_t tile) {
    tile_columns c;
    const bool pairs = step == 2 && size > 3;
    const int n = pairs ? size : step + 1;
    UNROLL for (int k = 0; k < n; k++) {
        c.at[k] = step * tile + (pairs ? k / 2 * 2 + k % 2 * LANES : k * LANES);
        c.part[k] = columns_from(image, c.at[k]);
    }
    return c;
}

/* Of row y, which the image has: column k of each tile to d[k]. */
INLINE void load_columns(const hb_winograd_image *image, int step, int size, const float *x,
                         int64_t y, const tile_columns *c, vector *d) {
    vector a[MOST];
    const int n = size == step ? step : step == 2 && size > 3 ? size : step + 1;
    UNROLL for (int k = 0; k < n; k++) a[k] =
        hb_load_part(address(image, x, y, c->at[k]), c->part[k]);
    if (step == 2) {
        UNROLL for (int k = 0; k + 1 < size; k += 2) {
            d[k] = EVEN(a[k], a[k + 1]);
            d[k + 1] = ODD(a[k], a[k + 1]);
        }
        if (size == 3) d[2] = NEXT(d[0], a[2]);
        return;
    }
    const vector even[2] = {EVEN(a[0], a[1]), EVEN(a[2], a[3])};
    const vector odd[2] = {ODD(a[0], a[1]), ODD(a[2], a[3])};
    d[0] = EVEN(even[0], even[1]);
    d[1] = EVEN(odd[0], odd[1]);
    d[2] = ODD(even[0], even[1]);
    d[3] = ODD(odd[0], odd[1]);
    if (size == step) return;
    d[4] = NEXT(d[0], a[4]);
    if (size == 6) d[5] = NEXT_BUT_ONE(d[1], a[4]);
}

/* ---- images ---- */

/* A row of an image after the product with B. */
INLINE void image_row(const hb_winograd_image *image, int step, int size, const float *x, int64_t y,
                      const tile_columns *c, vector *out) {
    vector d[MOST];
    UNROLL for (int k = 0; k < size; k++) d[k] = (vector){0};
    if (has_row(image, y)) load_columns(image, step, size, x, y, c, d);
    hb_winograd_image_column(size, d, out);
}

/* Neighboring rows of tiles share rows. The last vector of a row of tiles comes first: what it
   writes too much belongs to the next row. */
INLINE void image_of(int step, int size, const hb_winograd_image *image, const float *x,
                     int64_t first, int64_t rows, int64_t tiles, float *v, int64_t row,
                     int64_t plane) {
    const int shared = size - step;
    for (int64_t t = (tiles - 1) / LANES * LANES; t >= 0; t -= LANES) {
        const tile_columns c = columns_at(image, step, size, t);
        vector half[MOST][MOST]; /* by row */
        UNROLL for (int i = 0; i < shared; i++)
            image_row(image, step, size, x, step * first + i, &c, half[i]);
        for (int64_t r = 0; r < rows; r++) {
            UNROLL for (int i = shared; i < size; i++)
                image_row(image, step, size, x, step * (first + r) + i, &c, half[i]);
            float *to = v + r * row + t;
            UNROLL for (int j = 0; j < size; j++) {
                vector d[MOST], out[MOST];
                UNROLL for (int i = 0; i < size; i++) d[i] = half[i][j];
                hb_winograd_image_column(size, d, out);
                UNROLL for (int i = 0; i < size; i++) store(out[i], to + (size * i + j) * plane);
                UNROLL for (int i = 0; i < shared; i++) half[i][j] = half[i + step][j];
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

/* Column `column` of a tile's rows, which are at d, after the product with B'. */
INLINE void turned_column(int size, const float *const *d, int64_t column, vector *out) {
    vector x[MOST];
    UNROLL for (int i = 0; i < size; i++) x[i] = load(d[i] + column * LANES);
    hb_winograd_image_column(size, x, out);
}

/* The same of a tile, and of what it needs on its left. */
INLINE void channels_of(int step, int size, const hb_winograd_image *image, const float *x,
                        int64_t area, int64_t channels, int64_t first, int64_t rows, int64_t tiles,
                        int64_t line, float *scratch, float *v, int64_t row, int64_t plane) {
    const int shared = size - step;
    for (int64_t r = 0; r < rows; r++) {
        const float *d[MOST];
        for (int i = 0; i < size; i++) {
            const int64_t y = step * (first + r) + i;
            float *turned = scratch + y % size * line;
            if (r == 0 || i >= shared) turn_row(image, x, area, channels, y, line / LANES, turned);
            d[i] = turned;
        }
        vector half[MOST][MOST]; /* by column */
        UNROLL for (int j = 0; j < shared; j++) turned_column(size, d, j, half[j]);
        for (int64_t t = 0; t < tiles; t++, v += row) {
            UNROLL for (int j = shared; j < size; j++)
                turned_column(size, d, step * t + j, half[j]);
            UNROLL for (int i = 0; i < size; i++) {
                vector column[MOST], out[MOST];
                UNROLL for (int j = 0; j < size; j++) column[j] = half[j][i];
                hb_winograd_image_column(size, column, out);
                UNROLL for (int j = 0; j < size; j++) store(out[j], v + (size * i + j) * plane);
                UNROLL for (int j = 0; j < shared; j++) half[j][i] = half[j + step][i];
            }
        }
    }
}

/* ---- results ---- */

INLINE void result_of(int step, int size, const hb_winograd_image *image, const float *x,
                      int64_t first, int64_t rows, int64_t tiles, float *v, int64_t row,
                      int64_t plane) {
    for (int64_t t = (tiles - 1) / LANES * LANES; t >= 0; t -= LANES) {
        const tile_columns c = columns_at(image, step, step, t);
        for (int64_t r = 0; r < rows; r++) {
            vector half[HB_WINOGRAD_MOST_STEP][MOST]; /* by row */
            UNROLL for (int i = 0; i < step; i++) {
                vector y[HB_WINOGRAD_MOST_STEP];
                UNROLL for (int j = 0; j < step; j++) y[j] = (vector){0};
                if (has_row(image, step * (first + r) + i))
                    load_columns(image, step, step, x, step * (first + r) + i, &c, y);
                hb_winograd_evaluate(size, step, y, half[i]);
            }
            float *to = v + r * row + t;
            UNROLL for (int j = 0; j < size; j++) {
                vector y[HB_WINOGRAD_MOST_STEP], out[MOST];
                UNROLL for (int i = 0; i < step; i++) y[i] = half[i][j];
                hb_winograd_evaluate(size, step, y, out);
                UNROLL for (int i = 0; i < size; i++) store(out[i], to + (size * i + j) * plane);
            }
        }
    }
}

/* Column k of each tile from y[k], to consecutive elements. */
INLINE void store_columns(int step, const vector *y, float *to) {
    if (step == 2) {
        store(LOW(y[0], y[1]), to);
        store(HIGH(y[0], y[1]), to + LANES);
        return;
    }
    const vector even[2] = {LOW(y[0], y[2]), HIGH(y[0], y[2])};
    const vector odd[2] = {LOW(y[1], y[3]), HIGH(y[1], y[3])};
    UNROLL for (int k = 0; k < 2; k++) {
        store(LOW(even[k], odd[k]), to + 2 * k * LANES);
        store(HIGH(even[k], odd[k]), to + (2 * k + 1) * LANES);
    }
}

INLINE void back_of(int step, int size, int64_t tiles, const float *m, int64_t plane, float *y,
                    int64_t row) {
    for (int64_t t = 0; t < tiles; t += LANES) {
        vector half[MOST][HB_WINOGRAD_MOST_STEP];
        UNROLL for (int j = 0; j < size; j++) {
            vector x[MOST];
            UNROLL for (int i = 0; i < size; i++) x[i] = load(m + (size * i + j) * plane + t);
            hb_winograd_collect(size, step, x, half[j]);
        }
        UNROLL for (int i = 0; i < step; i++) {
            vector x[MOST], out[HB_WINOGRAD_MOST_STEP];
            UNROLL for (int j = 0; j < size; j++) x[j] = half[j][i];
            hb_winograd_collect(size, step, x, out);
            store_columns(step, out, y + i * row + step * t);
        }
    }
}

/* ---- filters ---- */

/* A vector of them, turned around so that each lane has one. */
INLINE void filter_of(int taps, int size, int64_t rows, const float *g, int64_t row, int backwards,
                      float *u, int64_t plane) {
    const int all = taps * taps;
    for (int64_t first = 0; first < rows; first += LANES, g += LANES * row) {
        const int n = (int)(rows - first < LANES ? rows - first : LANES);
        float turned[MOST_TAPS * MOST_TAPS][LANES];
        memset(turned, 0, (size_t)all * sizeof *turned);
        for (int r = 0; r < n; r++)
            for (int k = 0; k < all; k++) turned[backwards ? all - 1 - k : k][r] = g[r * row + k];
        vector half[MOST_TAPS][MOST]; /* by column */
        UNROLL for (int j = 0; j < taps; j++) {
            vector x[MOST_TAPS];
            UNROLL for (int i = 0; i < taps; i++) x[i] = load(turned[taps * i + j]);
            hb_winograd_evaluate(size, taps, x, half[j]);
            hb_winograd_divide(size, half[j]);
        }
        UNROLL for (int i = 0; i < size; i++) {
            vector x[MOST_TAPS], out[MOST];
            UNROLL for (int j = 0; j < taps; j++) x[j] = half[j][i];
            hb_winograd_evaluate(size, taps, x, out);
            hb_winograd_divide(size, out);
            UNROLL for (int j = 0; j < size; j++)
                hb_store_first(u + (size * i + j) * plane + first, out[j], n);
        }
    }
}

INLINE void filter_back_of(int taps, int size, int64_t columns, const float *s, int64_t plane,
                           float *g) {
    const int all = taps * taps;
    for (int64_t c = 0; c < columns; c += LANES, s += LANES) {
        vector half[MOST][MOST_TAPS]; /* by column */
        UNROLL for (int j = 0; j < size; j++) {
            vector x[MOST];
            UNROLL for (int i = 0; i < size; i++) x[i] = load(s + (size * i + j) * plane);
            hb_winograd_divide(size, x);
            hb_winograd_collect(size, taps, x, half[j]);
        }
        float turned[MOST_TAPS * MOST_TAPS][LANES];
        UNROLL for (int i = 0; i < taps; i++) {
            vector x[MOST], y[MOST_TAPS];
            UNROLL for (int j = 0; j < size; j++) x[j] = half[j][i];
            hb_winograd_divide(size, x);
            hb_winograd_collect(size, taps, x, y);
            UNROLL for (int j = 0; j < taps; j++) store(y[j], turned[taps * i + j]);
        }
        for (int r = 0; r < LANES && c + r < columns; r++, g += all)
            for (int k = 0; k < all; k++) g[k] = turned[k][r];
    }
}

/* ---- the table ---- */

/* Whole vectors, the last of which may begin before the one ahead of it ends. */
static void copy(int64_t n, const float *from, float *to) {
    if (n < LANES) {
        for (int64_t i = 0; i < n; i++) to[i] = from[i];
        return;
    }
    for (int64_t i = 0; i + LANES <= n; i += LANES) store(load(from + i), to + i);
    store(load(from + n - LANES), to + n - LANES);
}

/* Whole vectors are written. */
static void split(int64_t n, const float *from, float *even, float *odd) {
    for (int64_t i = 0; i < n; i += 2 * LANES, even += LANES, odd += LANES) {
        const vector a = hb_load_part(from + i, hb_part_of(0, n - i));
        const vector b = hb_load_part(from + i + LANES, hb_part_of(0, n - i - LANES));
        store(EVEN(a, b), even);
        store(ODD(a, b), odd);
    }
}

/* Whole vectors are read. */
static void zip(int64_t n, const float *even, const float *odd, float *to) {
    for (int64_t i = 0; i < n; i += 2 * LANES, even += LANES, odd += LANES) {
        const vector a = load(even), b = load(odd);
        hb_store_first(to + i, LOW(a, b), n - i);
        hb_store_first(to + i + LANES, HIGH(a, b), n - i - LANES);
    }
}

#define DEFINE(STEP, TAPS)                                                                         \
    enum { SIZE_##STEP##TAPS = (STEP) + (TAPS)-1 };                                                \
    static void image_##STEP##TAPS(const hb_winograd_image *image, const float *x, int64_t first,  \
                                   int64_t rows, int64_t tiles, float *v, int64_t row,             \
                                   int64_t plane) {                                                \
        image_of(STEP, SIZE_##STEP##TAPS, image, x, first, rows, tiles, v, row, plane);            \
    }                                                                                              \
    static void channels_##STEP##TAPS(const hb_winograd_image *image, const float *x,              \
                                      int64_t area, int64_t channels, int64_t first, int64_t rows, \
                                      int64_t tiles, float *scratch, float *v, int64_t row,        \
                                      int64_t plane) {                                             \
        const hb_winograd_form form = {.step = STEP, .taps = TAPS, .size = SIZE_##STEP##TAPS};     \
        const int64_t line = hb_winograd_turned_floats(&form, LANES, tiles) / SIZE_##STEP##TAPS;   \
        channels_of(STEP, SIZE_##STEP##TAPS, image, x, area, channels, first, rows, tiles, line,   \
                    scratch, v, row, plane);                                                       \
    }                                                                                              \
    static void result_##STEP##TAPS(const hb_winograd_image *image, const float *x, int64_t first, \
                                    int64_t rows, int64_t tiles, float *v, int64_t row,            \
                                    int64_t plane) {                                               \
        result_of(STEP, SIZE_##STEP##TAPS, image, x, first, rows, tiles, v, row, plane);           \
    }                                                                                              \
    static void back_##STEP##TAPS(int64_t tiles, const float *m, int64_t plane, float *y,          \
                                  int64_t row) {                                                   \
        back_of(STEP, SIZE_##STEP##TAPS, tiles, m, plane, y, row);                                 \
    }                                                                                              \
    static void filter_##STEP##TAPS(int64_t rows, const float *g, int64_t row, int backwards,      \
                                    float *u, int64_t plane) {                                     \
        filter_of(TAPS, SIZE_##STEP##TAPS, rows, g, row, backwards, u, plane);                     \
    }                                                                                              \
    static void filter_back_##STEP##TAPS(int64_t columns, const float *s, int64_t plane,           \
                                         float *g) {                                               \
        filter_back_of(TAPS, SIZE_##STEP##TAPS, columns, s, plane, g);                             \
    }
DEFINE(2, 2)
DEFINE(4, 2)
DEFINE(2, 3)
DEFINE(4, 3)
DEFINE(2, 5)

#define FORM(STEP, TAPS)                                                                           \
    {                                                                                              \
        .step = STEP, .taps = TAPS, .size = SIZE_##STEP##TAPS, .image = image_##STEP##TAPS,        \
        .image_of_channels = channels_##STEP##TAPS, .result = result_##STEP##TAPS,                 \
        .back = back_##STEP##TAPS, .filter = filter_##STEP##TAPS,                                  \
        .filter_back = filter_back_##STEP##TAPS,                                                   \
    }
const hb_cpu_winograd PASTE(hb_cpu_winograd_, HB_ISA) = {
    .lanes = LANES,
#if HB_ISA_VECTOR_BYTES == 64
    .narrow = &hb_cpu_winograd_avx2,
#endif
    .form = {FORM(2, 2), FORM(4, 2), FORM(2, 3), FORM(4, 3), FORM(2, 5)},
    .ask = ask,
    .copy = copy,
    .split = split,
    .zip = zip,
};
