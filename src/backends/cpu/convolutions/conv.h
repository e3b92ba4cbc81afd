/* What the convolution solvers (conv.c, conv_shifted.c, conv_weight.c) share. Only they include it.
 */
#ifndef HB_CPU_CONV_H
#define HB_CPU_CONV_H

#include "../../conv_copies.h"
#include "../cpu.h"

extern const hb_cpu_solver hb_cpu_conv_shifted;

static inline size_t hb_conv_aligned(int64_t bytes) {
    return hb_round_up((size_t)bytes, HB_GEMM_ALIGNMENT);
}

static inline const hb_cpu_gemm_type *hb_conv_kernels(const hb_device *device,
                                                      const hb_step *step) {
    const hb_cpu_gemm_kernels *kernels = device->isa->gemm;
    return step->out[0].dtype == HEBB_F64 ? kernels->f64 : kernels->f32;
}

/* Coordinates of the point number `index` of a box. */
static inline void hb_conv_split(int64_t index, const int64_t size[3], int64_t at[3]) {
    at[2] = index % size[2];
    at[1] = index / size[2] % size[1];
    at[0] = index / size[2] / size[1];
}

/* Of j in [0, count), those with 0 <= first + j step < size are [*low, *high). step > 0. */
static inline void hb_conv_inside(int64_t first, int64_t step, int64_t size, int64_t count,
                                  int64_t *low, int64_t *high) {
    *low = first >= 0 ? 0 : hb_ceil_div(-first, step);
    *high = first >= size ? 0 : hb_ceil_div(size - first, step);
    if (*high > count) *high = count;
    if (*low > *high) *low = *high;
}

/* The same convolution over fewer axes: one along which the filter has one element, without strides
   or zeros around, continues the one before it. So the rows of an image under 1 x 1 filters are one
   row. */
static inline hb_conv hb_conv_flat(const hb_conv *conv) {
    hb_conv c = *conv;
    for (int d = 2; d > 0; d--)
        while (c.in[d - 1] > 1 && c.kernel[d] == 1 && c.stride[d] == 1 && c.before[d] == 0 &&
               c.in[d] == c.out[d] && c.stride[d - 1] == 1) {
            const int64_t size = c.in[d];
            c.in[d] *= c.in[d - 1];
            c.out[d] *= c.out[d - 1];
            c.kernel[d] = c.kernel[d - 1];
            c.dilation[d] = c.dilation[d - 1] * size;
            c.before[d] = c.before[d - 1] * size;
            for (int k = d - 1; k >= 0; k--) {
                c.in[k] = k > 0 ? c.in[k - 1] : 1;
                c.out[k] = k > 0 ? c.out[k - 1] : 1;
                c.kernel[k] = k > 0 ? c.kernel[k - 1] : 1;
                c.stride[k] = k > 0 ? c.stride[k - 1] : 1;
                c.dilation[k] = k > 0 ? c.dilation[k - 1] : 1;
                c.before[k] = k > 0 ? c.before[k - 1] : 0;
            }
        }
    return c;
}

/* How many threads a step's scratch memory is for: `shared` bytes and `each` for every thread.
   Their number may have been raised since the memory was asked for. */
static inline int hb_conv_threads(const hb_step *step, size_t shared, size_t each) {
    return (int)((step->scratch_bytes - shared) / each);
}

/* hb_cpu_parallel, or one thread if there is scratch memory for fewer than all; `macs` is the work.
 */
static inline void hb_conv_parallel(const hb_device *device, int threads, int64_t count,
                                    double macs, int lanes, hb_cpu_task *task, void *context) {
    hb_cpu_parallel_within(device, threads, count, 2 * macs / (3.5 * lanes), task, context);
}

#endif
