/* The transforms of Winograd convolutions for one instruction set. Compiled once per instruction
   set with HB_ISA (the suffix of the table's name) and HB_ISA_VECTOR_BYTES; the drivers reach it
   through the tables of winograd_kernels.h. Must not touch devices, steps or threads. */
#include <string.h>

#include "transpose.h"
#include "winograd_kernels.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)
#define INLINE       static inline __attribute__((always_inline))

enum { LANES = HB_ISA_VECTOR_BYTES / sizeof(float) };
typedef float vector __attribute__((vector_size(HB_ISA_VECTOR_BYTES)));
typedef int32_t indices __attribute__((vector_size(HB_ISA_VECTOR_BYTES)));

#define UNROLL             HB_UNROLL
#define SHUFFLE(x, y, ...) HB_SHUFFLE(indices, x, y, __VA_ARGS__)

/* Every second element of two vectors as one list, and halves of both in turns. */
#if HB_ISA_VECTOR_BYTES == 64
#define LANES_     16
#define EVEN(x, y) SHUFFLE(x, y, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODD(x, y)  SHUFFLE(x, y, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#define LOW(x, y)  SHUFFLE(x, y, HB_LOW_16)
#define HIGH(x, y) SHUFFLE(x, y, HB_HIGH_16)
#elif HB_ISA_VECTOR_BYTES == 32
#define LANES_     8
#define EVEN(x, y) SHUFFLE(x, y, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODD(x, y)  SHUFFLE(x, y, 1, 3, 5, 7, 9, 11, 13, 15)
#define LOW(x, y)  SHUFFLE(x, y, HB_LOW_8)
#define HIGH(x, y) SHUFFLE(x, y, HB_HIGH_8)
#else
#define LANES_     4
#define EVEN(x, y) SHUFFLE(x, y, 0, 2, 4, 6)
#define ODD(x, y)  SHUFFLE(x, y, 1, 3, 5, 7)
#define LOW(x, y)  SHUFFLE(x, y, HB_LOW_4)
#define HIGH(x, y) SHUFFLE(x, y, HB_HIGH_4)
#endif
HB_DEFINE_TRANSPOSE_OF(turn, vector, indices, LANES_)

INLINE vector load(const float *from) {
    vector v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE void store(vector v, float *to) { memcpy(to, &v, sizeof v); }

static void split(int64_t pairs, const float *x, float *even, float *odd) {
    for (int64_t t = 0; t < pairs; t += LANES) {
        const vector a = load(x + 2 * t), b = load(x + 2 * t + LANES);
        store(EVEN(a, b), even + t);
        store(ODD(a, b), odd + t);
    }
}

/* B' x for one column of four elements. */
INLINE void image_column(const vector x[4], vector y[4]) {
    y[0] = x[0] - x[2];
    y[1] = x[1] + x[2];
    y[2] = x[2] - x[1];
    y[3] = x[1] - x[3];
}

static void image(int64_t tiles, const hb_split_row d[4], float *v, int64_t plane) {
    for (int64_t t = 0; t < tiles; t += LANES) {
        vector rows[4][4], half[4][4]; /* half[j]: column j after the first product */
        UNROLL for (int i = 0; i < 4; i++) {
            rows[0][i] = load(d[i].even + t);
            rows[1][i] = load(d[i].odd + t);
            rows[2][i] = load(d[i].even + t + 1);
            rows[3][i] = load(d[i].odd + t + 1);
        }
        UNROLL for (int j = 0; j < 4; j++) image_column(rows[j], half[j]);
        UNROLL for (int i = 0; i < 4; i++) {
            const vector x[4] = {half[0][i], half[1][i], half[2][i], half[3][i]};
            vector y[4];
            image_column(x, y);
            UNROLL for (int j = 0; j < 4; j++) store(y[j], v + (4 * i + j) * plane + t);
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

static void result(int64_t tiles, const hb_split_row y[2], float *v, int64_t plane) {
    for (int64_t t = 0; t < tiles; t += LANES) {
        vector half[2][4];
        result_column(load(y[0].even + t), load(y[1].even + t), half[0]);
        result_column(load(y[0].odd + t), load(y[1].odd + t), half[1]);
        UNROLL for (int i = 0; i < 4; i++) {
            vector out[4];
            result_column(half[0][i], half[1][i], out);
            UNROLL for (int j = 0; j < 4; j++) store(out[j], v + (4 * i + j) * plane + t);
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

static void transpose(const float *from, int64_t from_row, float *to, int64_t to_row) {
    vector a[LANES];
    UNROLL for (int i = 0; i < LANES; i++) a[i] = load(from + i * from_row);
    turn(a);
    UNROLL for (int i = 0; i < LANES; i++) store(a[i], to + i * to_row);
}

const hb_cpu_winograd PASTE(hb_cpu_winograd_, HB_ISA) = {
    .lanes = LANES,
    .split = split,
    .image = image,
    .result = result,
    .back = back,
    .filter = filter,
    .filter_back = filter_back,
    .copy = copy,
    .transpose = transpose,
};
