/* The innermost loops of direct convolutions, as the drivers (conv_direct.c, conv_direct_weight.c)
   see them: one table of functions per instruction set. The functions are in direct_kernel.c, which
   is compiled once per instruction set. f32; strides and offsets are in elements. */
#ifndef HB_CPU_DIRECT_KERNELS_H
#define HB_CPU_DIRECT_KERNELS_H

#include <stdint.h>

enum {
    HB_DIRECT_ROWS = 4, /* that sum() makes at a time, at most */
    HB_DIRECT_MOST_LANES = 16,
    HB_DIRECT_IMAGES = 16 /* that lie side by side in sum_images() */
};

/* Sums over the taps of some rows; distances are in elements. */
typedef struct hb_direct_images {
    int64_t columns, x_step, y_step; /* results, and from one to the next */
    int64_t taps, x_tap, w_tap;
    int64_t rows, x_row, w_row;
} hb_direct_images;

typedef struct hb_cpu_direct {
    int lanes;
    /* y[k * y_row + p] = sum over t < taps of w[t * rows + k] x[offset[t] + p], in order of t, for
       k < rows and p < points. Whole vectors of x are read. */
    void (*sum)(int rows, int64_t taps, const int64_t *offset, const float *w, const float *x,
                float *y, int64_t y_row, int64_t points);
    /* Of images whose elements lie side by side: y[j * y_step + i] = sum over rows r and taps t of
       w[r * w_row + t * w_tap + i] x[r * x_row + t * x_tap + j * x_step + i] for j < columns and
       all images i. */
    void (*sum_images)(const hb_direct_images *sum, const float *x, const float *w, float *y);
    /* Of images whose elements lie side by side: sum[t, i] += the sum over rows r and columns j of
       dy[r, j, i] x[offset[t] + r * x_row + j * x_step + i] for t < taps and all images i. */
    void (*gradient_images)(int64_t taps, const int64_t *offset, int64_t rows, int64_t x_row,
                            int64_t columns, int64_t x_step, const float *x, const float *dy,
                            float *sum);
    /* sum[(k * sum_row + t) * lanes + l] += the sum over rows r < height and columns j < width with
       j % lanes = l of dy[k * dy_plane + r * width + j] x[offset[t] + r * x_row + j], for k < rows
       and t < taps. Nothing beyond the rows of dy is read, nor what x has there. */
    void (*gradient)(int rows, int taps, const int64_t *offset, const float *x, int64_t x_row,
                     const float *dy, int64_t dy_plane, int64_t height, int64_t width, float *sum,
                     int64_t sum_row);
} hb_cpu_direct;

extern const hb_cpu_direct hb_cpu_direct_baseline;
#ifdef HB_HAVE_X86_ISAS
extern const hb_cpu_direct hb_cpu_direct_avx2, hb_cpu_direct_avx512;
#endif

#endif
