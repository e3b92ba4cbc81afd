/* What the two Winograd solvers (winograd.c, winograd_weight.c) share: which convolutions they do,
   and how their memory is laid out. Only they and the tables of solvers include it. */
#ifndef HB_CPU_WINOGRAD_H
#define HB_CPU_WINOGRAD_H

#include "conv.h"
#include "winograd_kernels.h"

extern const hb_cpu_solver hb_cpu_winograd_conv, hb_cpu_winograd_weight;

/* So many floats in whole cache lines; and in an odd number of them, so that what lies that far
   apart does not share the same few places of L1. */
enum { HB_WINOGRAD_LINE = 16 };
static inline int64_t hb_winograd_lines(int64_t floats) {
    return hb_ceil_div(floats, HB_WINOGRAD_LINE) * HB_WINOGRAD_LINE;
}
static inline int64_t hb_winograd_odd_lines(int64_t floats) {
    return (hb_ceil_div(floats, HB_WINOGRAD_LINE) | 1) * HB_WINOGRAD_LINE;
}

/* 3 x 3, strides and dilation of 1, f32. */
bool hb_winograd_fits(const hb_step *step);

#endif
