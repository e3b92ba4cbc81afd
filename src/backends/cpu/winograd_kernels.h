/* The innermost loops of 3 x 3 convolutions by Winograd's minimal filtering, as the drivers
   (winograd.c, winograd_weight.c) see them: one table of functions per instruction set. The
   functions are in winograd_kernel.c, which is compiled once per instruction set. f32; strides are
   in elements.

   F(2 x 2, 3 x 3) of Lavin and Gray, "Fast algorithms for convolutional neural networks" (2016): a
   tile of 2 x 2 results y of an image d and a filter g, with 16 multiplications in place of 36, is
       y = A' ((G g G') . (B' d B)) A        ' transposes, . multiplies elements
       B' = 1  0 -1  0    G =  1    0    0    A' = 1  1  1  0
            0  1  1  0        1/2  1/2  1/2        0  1 -1 -1
            0 -1  1  0        1/2 -1/2  1/2
            0  1  0 -1         0    0    1
   with 4 x 4 elements of d, of which neighboring tiles share two rows or columns. Summed over
   channels the middle product is 16 matrix products. The gradient of g is the adjoint of the same:
   G' ((A y A') . (B' d B)) G. */
#ifndef HB_CPU_WINOGRAD_KERNELS_H
#define HB_CPU_WINOGRAD_KERNELS_H

#include <stdint.h>

enum { HB_WINOGRAD_PLANES = 16 }; /* elements of a tile's transform */

/* A row of an image in two: elements 2 t and 2 t + 1. */
typedef struct hb_split_row {
    const float *even, *odd;
} hb_split_row;

typedef struct hb_cpu_winograd {
    int lanes; /* functions work on so many tiles at a time and may write and read that far */
    /* even[t] = x[2 t], odd[t] = x[2 t + 1] for t < pairs. */
    void (*split)(int64_t pairs, const float *x, float *even, float *odd);
    /* B' d B of tiles side by side; tile t has columns 2 t ... 2 t + 3 of four rows. Element e of
       tile t goes to v[e * plane + t]. */
    void (*image)(int64_t tiles, const hb_split_row d[4], float *v, int64_t plane);
    /* A y A' likewise; tile t has columns 2 t and 2 t + 1 of two rows. */
    void (*result)(int64_t tiles, const hb_split_row y[2], float *v, int64_t plane);
    /* A' m A, m[e * plane + t] being element e of tile t; columns 2 t and 2 t + 1 of two rows. */
    void (*back)(int64_t tiles, const float *m, int64_t plane, float *y0, float *y1);
    /* G g G' of `rows` filters: g[r * row + ...], to u[e * plane + r]; backwards: of g turned
     * around. */
    void (*filter)(int64_t rows, const float *g, int64_t row, int backwards, float *u,
                   int64_t plane);
    /* G' s G of `columns` filters: element e of column c at s[e * plane + c], to g[c * 9 + ...]. */
    void (*filter_back)(int64_t columns, const float *s, int64_t plane, float *g);
    void (*copy)(int64_t n, const float *from, float *to);
    /* to[j * to_row + i] = from[i * from_row + j] for i, j < lanes. */
    void (*transpose)(const float *from, int64_t from_row, float *to, int64_t to_row);
} hb_cpu_winograd;

extern const hb_cpu_winograd hb_cpu_winograd_baseline;
#ifdef HB_HAVE_X86_ISAS
extern const hb_cpu_winograd hb_cpu_winograd_avx2, hb_cpu_winograd_avx512;
#endif

#endif
