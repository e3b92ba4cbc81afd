/* The transforms of convolutions by Winograd's minimal filtering, for CPUs; in between are the
   products of gemm_vector.cl. Included for float, after that.

   F(step x step, taps x taps) as src/backends/cpu/convolutions/winograd_kernels.h gives it, with the
   names that it has there: d, g and y, the matrices B', G and A', and tiles of size x size elements,
   size being step + taps - 1: 4 or 6. Callers pass all three as constants, for loops to be unrolled and
   arrays to be registers.

   Element (i, j) of a transform is plane size * i + j of what is written and read. */

#define HB_WINOGRAD_MOST 6 /* size */

/* Asks for what is read soon, where processors do not foresee the way: to the second cache. */
#if defined(__x86_64__) || defined(__aarch64__)
#define HB_WINOGRAD_ASK(x) __builtin_prefetch((global const char *)(x), 0, 2)
#else
#define HB_WINOGRAD_ASK(x)
#endif

#define HB_WINOGRAD_VECTOR float16
#define HB_WINOGRAD_INLINE static inline
#include "winograd_points.h"

/* ---- CONV and CONV_INPUT: vectors of 16 tiles ---- */

/* Whole vectors, the last of which may begin before the one ahead of it ends. */
static inline void hb_winograd_copy(int n, global const float *from, global float *to) {
    if (n < 8) {
#pragma clang loop vectorize(disable) unroll(disable)
        for (int i = 0; i < n; i++) to[i] = from[i];
    } else if (n < 16) {
        const float8 first = vload8(0, from), last = vload8(0, from + n - 8);
        vstore8(first, 0, to);
        vstore8(last, 0, to + n - 8);
    } else {
#pragma clang loop unroll(disable)
        for (int i = 0; i + 16 <= n; i += 16) vstore16(vload16(0, from + i), 0, to + i);
        vstore16(vload16(0, from + n - 16), 0, to + n - 16);
    }
}

/* Rows [y, y + rows) of a channel that has height x width elements, each to a line of its own, its
   column 0 to column `left`, if that is one. Lines without a row get zeros; the columns on both
   sides have them already. */
static inline void hb_winograd_pad(global const float *x, int height, int width, int y, int left,
                                   int rows, int line, global float *to) {
    const int skipped = max(-left, 0), first = max(left, 0);
    const int n = min(width - skipped, line - first);
    for (int i = 0; i < rows; i++, to += line) {
        if (y + i >= 0 && y + i < height) {
            global const float *from = x + (hb_i64)(y + i) * width + skipped;
            for (int k = 0; k < n; k += 16) HB_WINOGRAD_ASK(from + (hb_i64)height * width + k);
            hb_winograd_copy(n, from, to + first);
        } else {
            for (int k = 0; k < n; k++) to[first + k] = 0;
        }
    }
}

/* The elements of a and b that have even places, and those that have odd ones. */
static inline void hb_winograd_even_odd(float16 a, float16 b, float16 *even, float16 *odd) {
    even->lo = a.even;
    even->hi = b.even;
    odd->lo = a.odd;
    odd->hi = b.odd;
}

/* Each of `rows` lines with its every step-th column in a row of its own, `pitch` apart: of whole
   vectors, for which more is read than lines have. */
static inline void hb_winograd_part(int step, global const float *x, int line, int rows, int pitch,
                                    global float *to) {
    for (int i = 0; i < rows; i++, x += line, to += step * pitch)
        for (int t = 0; t < pitch; t += 16) {
            global const float *from = x + step * t;
            float16 x[4], y[4];
#pragma unroll
            for (int k = 0; k < step; k++) x[k] = vload16(k, from);
            hb_winograd_even_odd(x[0], x[1], y, y + 1);
            if (step == 4) {
                float16 even[2] = {y[0]}, odd[2] = {y[1]};
                hb_winograd_even_odd(x[2], x[3], even + 1, odd + 1);
                hb_winograd_even_odd(even[0], even[1], y, y + 2);
                hb_winograd_even_odd(odd[0], odd[1], y + 1, y + 3);
            }
#pragma unroll
            for (int k = 0; k < step; k++) vstore16(y[k], 0, to + k * pitch + t);
        }
}

/* B' d B of eight tiles side by side from p on, and of eight from q on, to v and w. Their columns
   lie apart. */
static inline void hb_winograd_images(int step, int size, global const float *p,
                                      global const float *q, int pitch, global float *v,
                                      global float *w, hb_i64 plane) {
    float16 once[HB_WINOGRAD_MOST][HB_WINOGRAD_MOST]; /* by row */
#pragma unroll
    for (int i = 0; i < size; i++) {
        float16 d[HB_WINOGRAD_MOST];
#pragma unroll
        for (int k = 0; k < size; k++) {
            const int at = (step * i + k % step) * pitch + k / step;
            d[k].lo = vload8(0, p + at);
            d[k].hi = vload8(0, q + at);
        }
        hb_winograd_image_column(size, d, once[i]);
    }
#pragma unroll
    for (int j = 0; j < size; j++) {
        float16 x[HB_WINOGRAD_MOST], y[HB_WINOGRAD_MOST];
#pragma unroll
        for (int i = 0; i < size; i++) x[i] = once[i][j];
        hb_winograd_image_column(size, x, y);
#pragma unroll
        for (int i = 0; i < size; i++) {
            float halves[16]; /* as Oclgrind takes what .hi is stored from for uninitialized */
            vstore16(y[i], 0, halves);
            vstore8(vload8(0, halves), 0, v + (size * i + j) * plane);
            vstore8(vload8(1, halves), 0, w + (size * i + j) * plane);
        }
    }
}

/* Of tiles [first, first + count) of an image that has `across` side by side and whose columns lie
   apart: to v[plane] and on. Writes up to seven tiles too many. */
static inline void hb_winograd_tiles(int step, int size, global const float *x, int pitch,
                                     int across, int first, int count, global float *v,
                                     hb_i64 plane) {
    const int down = step * step * pitch;
    for (int t = 0, n; t < count; t += n) {
        const int p = first + t, a = min(8, across - p % across);
        const int u = t + a < count ? t + a : t; /* the same eight again if there are no others */
        const int q = first + u, b = min(8, across - q % across);
        hb_winograd_images(step, size, x + p / across * down + p % across,
                           x + q / across * down + q % across, pitch, v + t, v + u, plane);
        n = u + b - t;
    }
}

/* Zeros to 32 elements of every plane. */
static inline void hb_winograd_clear(int planes, global float *v, hb_i64 plane) {
#pragma clang loop unroll(disable)
    for (int e = 0; e < planes; e++) {
        vstore16((float16)0, 0, v + e * plane);
        vstore16((float16)0, 1, v + e * plane);
    }
}

/* Two vectors, element by element in turn. */
static inline void hb_winograd_interleave(float16 a, float16 b, float16 *y) {
    y[0].even = a.lo;
    y[0].odd = b.lo;
    y[1].even = a.hi;
    y[1].odd = b.hi;
}

/* Column k of 16 tiles from y[k], to consecutive elements. */
static inline void hb_winograd_store_columns(int step, const float16 *y, global float *to) {
    float16 z[4];
    if (step == 2) {
        hb_winograd_interleave(y[0], y[1], z);
    } else {
        float16 even[2], odd[2];
        hb_winograd_interleave(y[0], y[2], even);
        hb_winograd_interleave(y[1], y[3], odd);
        hb_winograd_interleave(even[0], odd[0], z);
        hb_winograd_interleave(even[1], odd[1], z + 2);
    }
#pragma unroll
    for (int k = 0; k < step; k++) vstore16(z[k], k, to);
}

/* A' m A of the products m[plane][8][32], of `rows` of the eight rows: y[row][step][32 step], rows
   of tiles' rows. */
static inline void hb_winograd_back(int step, int size, int rows, global const float *m,
                                    global float *y) {
#pragma clang loop unroll(disable)
    for (int h = 0; h < 2 * rows; h++) {                  /* halves of rows */
        float16 once[HB_WINOGRAD_MOST][HB_WINOGRAD_MOST]; /* by column */
#pragma unroll
        for (int j = 0; j < size; j++) {
            float16 x[HB_WINOGRAD_MOST];
#pragma unroll
            for (int i = 0; i < size; i++) x[i] = vload16(h, m + (size * i + j) * 256);
            hb_winograd_collect(size, step, x, once[j]);
        }
#pragma unroll
        for (int i = 0; i < step; i++) {
            float16 x[HB_WINOGRAD_MOST], z[HB_WINOGRAD_MOST];
#pragma unroll
            for (int j = 0; j < size; j++) x[j] = once[j][i];
            hb_winograd_collect(size, step, x, z);
            hb_winograd_store_columns(step, z, y + ((h / 2 * step + i) * 32 + h % 2 * 16) * step);
        }
    }
}

/* G g G' of filters, turned around if `backwards`: of eight rows, `row` apart, and two channels,
   `channel` apart, to u[plane][channel][row]. Of these only `rows` and `channels` exist; what the
   other rows get does not matter. */
static inline void hb_winograd_filters(int taps, int size, global const float *g, hb_i64 row,
                                       int rows, hb_i64 channel, int channels, bool backwards,
                                       global float *u, hb_i64 plane) {
    float lanes[25 * 16];
    float16 once[HB_WINOGRAD_MOST][HB_WINOGRAD_MOST]; /* by row */
    for (int l = 0; l < 16; l++) {
        global const float *from =
            g + min(l / 8, channels - 1) * channel + min(l % 8, rows - 1) * row;
#pragma unroll
        for (int t = 0; t < taps * taps; t++)
            lanes[16 * t + l] = from[backwards ? taps * taps - 1 - t : t];
    }
#pragma unroll
    for (int i = 0; i < taps; i++) {
        float16 x[HB_WINOGRAD_MOST];
#pragma unroll
        for (int j = 0; j < taps; j++) x[j] = vload16(taps * i + j, lanes);
        hb_winograd_evaluate(size, taps, x, once[i]);
        hb_winograd_divide(size, once[i]);
    }
#pragma unroll
    for (int j = 0; j < size; j++) {
        float16 x[HB_WINOGRAD_MOST], y[HB_WINOGRAD_MOST];
#pragma unroll
        for (int i = 0; i < taps; i++) x[i] = once[i][j];
        hb_winograd_evaluate(size, taps, x, y);
        hb_winograd_divide(size, y);
#pragma unroll
        for (int i = 0; i < size; i++) {
            if (channels > 1) vstore16(y[i], 0, u + (size * i + j) * plane);
            else vstore8(y[i].lo, 0, u + (size * i + j) * plane);
        }
    }
}

/* ---- CONV_WEIGHT: vectors of 16 channels of a tile ---- */

/* to[place * pitch + c] = x[c * plane + place] for c < pitch, which are whole vectors; there are
   `channels`, and what the others get does not matter. */
static inline void hb_winograd_turn(global const float *x, hb_i64 plane, int channels, int places,
                                    int pitch, global float *to) {
    if (places < 16) {
        for (int c = 0; c < pitch; c++)
            for (int p = 0; p < places; p++)
                to[p * pitch + c] = x[min(c, channels - 1) * plane + p];
        return;
    }
    for (int p = 0; p < places; p += 16) {
        const int first = min(p, places - 16);
#pragma clang loop unroll(disable)
        for (int c = 0; c < pitch; c += 16) {
            float16 v[16];
#pragma unroll
            for (int i = 0; i < 16; i++) {
                global const float *from = x + min(c + i, channels - 1) * plane + first;
                HB_WINOGRAD_ASK(from + 16);
                v[i] = vload16(0, from);
            }
            hb_vector_turn_f32(v);
#pragma unroll
            for (int i = 0; i < 16; i++) vstore16(v[i], 0, to + (first + i) * pitch + c);
        }
    }
}

/* Sixteen channels of a place of a turned image, zeros outside of it. */
static inline float16 hb_winograd_place(global const float *x, int height, int width, int pitch,
                                        int i, int j) {
    const bool in = i >= 0 && i < height && j >= 0 && j < width;
    return in ? vload16(0, x + (i * width + j) * pitch) : (float16)0;
}

/* B' d B of all channels of the tile that begins at (y, x) of a turned image. */
static inline void hb_winograd_turned_image(int size, global const float *image, int height,
                                            int width, int pitch, int y, int x, global float *v,
                                            hb_i64 plane) {
    const bool inside = y >= 0 && y + size <= height && x >= 0 && x + size <= width;
    for (int c = 0; c < pitch; c += 16) {
        global const float *from = image + (y * width + x) * pitch + c;
        float16 once[HB_WINOGRAD_MOST][HB_WINOGRAD_MOST]; /* by row */
#pragma unroll
        for (int i = 0; i < size; i++) {
            float16 d[HB_WINOGRAD_MOST];
#pragma unroll
            for (int j = 0; j < size; j++)
                d[j] = inside ? vload16(0, from + (i * width + j) * pitch)
                              : hb_winograd_place(image + c, height, width, pitch, y + i, x + j);
            hb_winograd_image_column(size, d, once[i]);
        }
#pragma unroll
        for (int j = 0; j < size; j++) {
            float16 d[HB_WINOGRAD_MOST], z[HB_WINOGRAD_MOST];
#pragma unroll
            for (int i = 0; i < size; i++) d[i] = once[i][j];
            hb_winograd_image_column(size, d, z);
#pragma unroll
            for (int i = 0; i < size; i++) vstore16(z[i], 0, v + c + (size * i + j) * plane);
        }
    }
}

/* A y A' of all rows of the tile that begins at (y, x) of turned results: v[plane][r /
   16][...][16], blocks of sixteen rows `block` apart. */
static inline void hb_winograd_turned_result(int step, int size, global const float *results,
                                             int height, int width, int pitch, int y, int x,
                                             global float *v, hb_i64 plane, hb_i64 block) {
    for (int r = 0; r < pitch; r += 16, v += block) {
        float16 once[HB_WINOGRAD_MOST][HB_WINOGRAD_MOST]; /* by row */
#pragma unroll
        for (int i = 0; i < step; i++) {
            float16 d[HB_WINOGRAD_MOST];
#pragma unroll
            for (int j = 0; j < step; j++)
                d[j] = hb_winograd_place(results + r, height, width, pitch, y + i, x + j);
            hb_winograd_evaluate(size, step, d, once[i]);
        }
#pragma unroll
        for (int j = 0; j < size; j++) {
            float16 d[HB_WINOGRAD_MOST], z[HB_WINOGRAD_MOST];
#pragma unroll
            for (int i = 0; i < step; i++) d[i] = once[i][j];
            hb_winograd_evaluate(size, step, d, z);
#pragma unroll
            for (int i = 0; i < size; i++) vstore16(z[i], 0, v + (size * i + j) * plane);
        }
    }
}

/* G' s G of 16 filters side by side, s being the sum over `parts`, `part` apart; filter c goes to
   g[taps * taps * c ...], the first `filters` of them. */
static inline void hb_winograd_filters_back(int taps, int size, global const float *s, hb_i64 plane,
                                            hb_i64 parts, hb_i64 part, int filters,
                                            global float *g) {
    float lanes[25 * 16];
    float16 once[HB_WINOGRAD_MOST][HB_WINOGRAD_MOST]; /* by column */
#pragma unroll
    for (int j = 0; j < size; j++) {
        float16 x[HB_WINOGRAD_MOST];
#pragma unroll
        for (int i = 0; i < size; i++) {
            x[i] = vload16(0, s + (size * i + j) * plane);
            for (hb_i64 k = 1; k < parts; k++)
                x[i] += vload16(0, s + (size * i + j) * plane + k * part);
        }
        hb_winograd_divide(size, x);
        hb_winograd_collect(size, taps, x, once[j]);
    }
#pragma unroll
    for (int i = 0; i < taps; i++) {
        float16 x[HB_WINOGRAD_MOST], y[HB_WINOGRAD_MOST];
#pragma unroll
        for (int j = 0; j < size; j++) x[j] = once[j][i];
        hb_winograd_divide(size, x);
        hb_winograd_collect(size, taps, x, y);
#pragma unroll
        for (int j = 0; j < taps; j++) vstore16(y[j], taps * i + j, lanes);
    }
    for (int c = 0; c < filters; c++)
#pragma clang loop unroll(disable)
        for (int t = 0; t < taps * taps; t++) g[taps * taps * c + t] = lanes[16 * t + c];
}
