/* The innermost loops of convolutions by Winograd's minimal filtering, as the drivers (winograd.c,
   winograd_weight.c) see them: one table of functions per instruction set. The functions are in
   winograd_kernel.c, which is compiled once per instruction set. f32; strides are in elements.

   F(m x m, r x r) of Lavin and Gray, "Fast algorithms for convolutional neural networks" (2016): a
   tile of m x m results y of an image d and a filter g of r x r taps, with n x n multiplications, n
   being m + r - 1, in place of m m r r, is
       y = A' ((G g G') . (B' d B)) A        ' transposes, . multiplies elements
   with n x n elements of d, of which neighboring tiles share r - 1 rows or columns. Summed over
   channels the middle product is n n matrix products. The gradient of g is the adjoint of the same:
   G' ((A y A') . (B' d B)) G.

   By Toom and Cook, A and G have rows of powers 1, p, p^2, ... of n - 1 points p, and a last one,
   of the point at infinity, 0 ... 0 1. Row p of G is divided by P'(p), P(x) being the product of
   all x
   - p; row p of B' has the coefficients of P(x) / (x - p), the last one those of P(x).
       n = 3, F(2 x 2, 2 x 2): 1, -1
       n = 4, F(2 x 2, 3 x 3): 0, 1, -1 (the first rows of B' and of G with their signs changed)
       n = 5, F(4 x 4, 2 x 2): c, -c, d, -d; c = 5 / 4, d = 2 / 5
       n = 6, F(4 x 4, 3 x 3) and F(2 x 2, 5 x 5): 0, a, -a, b, -b; a = sqrt(2), b = 1 / a
   Rounding errors, as root mean squares, of the results of 64 channels of normal numbers: 0.6 of a
   direct sum's for F(2 x 2, 3 x 3), 1.8 for F(4 x 4, 3 x 3), 1.2 for F(2 x 2, 5 x 5), 0.85 for
   F(2 x 2, 2 x 2), 1.6 for F(4 x 4, 2 x 2). With the points 1 and 2 in place of a and b, which need
   fewer multiplications, they would be twice as large. */
#ifndef HB_CPU_WINOGRAD_KERNELS_H
#define HB_CPU_WINOGRAD_KERNELS_H

#include <stdint.h>

/* An image as tiles see it: the first element of its channels is at row `top` and column `left` of
   what the tiles cover; fewer than 0 where these begin inside of it. Elsewhere there are zeros. */
typedef struct hb_winograd_image {
    int64_t height, width, top, left;
} hb_winograd_image;

/* F(step x step, taps x taps), of tiles of size x size elements. */
typedef struct hb_winograd_form {
    int step, taps, size;
    /* B' d B of rows of tiles of the channel at x: tile t of row r begins at row (first + r) step
       and column t step. Element e goes to v[e * plane + r * row + t]; after a row's last tile,
       whole vectors are written. */
    void (*image)(const hb_winograd_image *image, const float *x, int64_t first, int64_t rows,
                  int64_t tiles, float *v, int64_t row, int64_t plane);
    /* The same of up to `lanes` channels, `area` elements apart: element e of channel c to
       v[e * plane + (r * tiles + t) * row + c], 0 in the lanes without a channel.
       `scratch` has hb_winograd_turned_floats(). */
    void (*image_of_channels)(const hb_winograd_image *image, const float *x, int64_t area,
                              int64_t channels, int64_t first, int64_t rows, int64_t tiles,
                              float *scratch, float *v, int64_t row, int64_t plane);
    /* A y A' as `image`; tiles have step x step elements. */
    void (*result)(const hb_winograd_image *image, const float *x, int64_t first, int64_t rows,
                   int64_t tiles, float *v, int64_t row, int64_t plane);
    /* A' m A, m[e * plane + t] being element e of tile t; row i of the results to y + i * row. */
    void (*back)(int64_t tiles, const float *m, int64_t plane, float *y, int64_t row);
    /* G g G' of `rows` filters: g[r * row + ...], to u[e * plane + r]; backwards: of g turned
     * around. */
    void (*filter)(int64_t rows, const float *g, int64_t row, int backwards, float *u,
                   int64_t plane);
    /* G' s G of `columns` filters: element e of column c at s[e * plane + c], to
       g[c * taps * taps + ...]; whole vectors of columns are read. */
    void (*filter_back)(int64_t columns, const float *s, int64_t plane, float *g);
} hb_winograd_form;

enum {
    HB_WINOGRAD_FORMS = 5,
    HB_WINOGRAD_MOST_STEP = 4,
    HB_WINOGRAD_MOST_SIZE = 6,
    HB_WINOGRAD_MOST_TAPS = 5
};

typedef struct hb_cpu_winograd {
    int lanes;                            /* so many tiles or channels are done at a time */
    const struct hb_cpu_winograd *narrow; /* half as many; or NULL */
    hb_winograd_form form[HB_WINOGRAD_FORMS];
    /* Asks for rows [first, first + rows) of the channel at x, which is transformed next:
       processors do not foresee the way from one channel to another. */
    void (*ask)(const hb_winograd_image *image, const float *x, int64_t first, int64_t rows);
    void (*copy)(int64_t n, const float *from, float *to);
    /* Of n elements those of even and of odd places, in whole vectors: up to `lanes` - 1 elements
       more are written. And back: the n elements of both in turns, of whole vectors. */
    void (*split)(int64_t n, const float *from, float *even, float *odd);
    void (*zip)(int64_t n, const float *even, const float *odd, float *to);
} hb_cpu_winograd;

/* Rows of channels, as many as a tile has, turned around: a vector of channels at each column. */
static inline int64_t hb_winograd_turned_floats(const hb_winograd_form *form, int64_t lanes,
                                                int64_t tiles) {
    const int64_t columns = form->step * tiles + form->taps - 1;
    return form->size * ((columns + lanes - 1) / lanes * lanes) * lanes;
}

extern const hb_cpu_winograd hb_cpu_winograd_baseline;
#ifdef HB_HAVE_X86_ISAS
extern const hb_cpu_winograd hb_cpu_winograd_avx2, hb_cpu_winograd_avx512;
#endif

#endif
