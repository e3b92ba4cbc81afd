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

/* An image as tiles see it: the first element of its channels is at row `top` and column `left` of
   what the tiles cover; fewer than 0 where these begin inside of it. Elsewhere there are zeros. */
typedef struct hb_winograd_image {
    int64_t height, width, top, left;
} hb_winograd_image;

typedef struct hb_cpu_winograd {
    int lanes; /* so many tiles or channels are done at a time */
    /* Asks for rows [first, first + rows) of the channel at x, which is transformed next:
       processors do not foresee the way from one channel to another. */
    void (*ask)(const hb_winograd_image *image, const float *x, int64_t first, int64_t rows);
    /* B' d B of rows of tiles of the channel at x: tile t of row r has rows 2 (first + r) ... + 3
       and columns 2 t ... + 3. Element e goes to v[e * plane + r * row + t]; after a row's last
       tile, whole vectors are written. */
    void (*image)(const hb_winograd_image *image, const float *x, int64_t first, int64_t rows,
                  int64_t tiles, float *v, int64_t row, int64_t plane);
    /* The same of up to `lanes` channels, `area` elements apart: element e of channel c to
       v[e * plane + (r * tiles + t) * row + c], 0 in the lanes without a channel.
       `scratch` has hb_winograd_turned_floats(). */
    void (*image_of_channels)(const hb_winograd_image *image, const float *x, int64_t area,
                              int64_t channels, int64_t first, int64_t rows, int64_t tiles,
                              float *scratch, float *v, int64_t row, int64_t plane);
    /* A y A' as `image`; tile t of row r has two rows and columns, from 2 (first + r) and 2 t on.
     */
    void (*result)(const hb_winograd_image *image, const float *x, int64_t first, int64_t rows,
                   int64_t tiles, float *v, int64_t row, int64_t plane);
    /* A' m A, m[e * plane + t] being element e of tile t; columns 2 t and 2 t + 1 of two rows. */
    void (*back)(int64_t tiles, const float *m, int64_t plane, float *y0, float *y1);
    /* G g G' of `rows` filters: g[r * row + ...], to u[e * plane + r]; backwards: of g turned
     * around. */
    void (*filter)(int64_t rows, const float *g, int64_t row, int backwards, float *u,
                   int64_t plane);
    /* G' s G of `columns` filters: element e of column c at s[e * plane + c], to g[c * 9 + ...]. */
    void (*filter_back)(int64_t columns, const float *s, int64_t plane, float *g);
    void (*copy)(int64_t n, const float *from, float *to);
} hb_cpu_winograd;

/* Four rows of channels, turned around: a vector of channels at each column. */
static inline int64_t hb_winograd_turned_floats(int64_t lanes, int64_t tiles) {
    return 4 * ((2 * tiles + 2 + lanes - 1) / lanes * lanes) * lanes;
}

extern const hb_cpu_winograd hb_cpu_winograd_baseline;
#ifdef HB_HAVE_X86_ISAS
extern const hb_cpu_winograd hb_cpu_winograd_avx2, hb_cpu_winograd_avx512;
#endif

#endif
