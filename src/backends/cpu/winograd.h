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

static inline int64_t hb_winograd_planes(const hb_winograd_form *form) {
    return form->size * form->size;
}

/* What transforms rows of so many tiles, a vector at a time: the narrower vectors where these leave
   fewer lanes empty. A lane of theirs may take a third more time. */
static inline const hb_cpu_winograd *hb_winograd_by_tiles(const hb_cpu_winograd *kernels,
                                                          int64_t tiles) {
    const hb_cpu_winograd *narrow = kernels->narrow;
    if (narrow == NULL) return kernels;
    const int64_t wide_lanes = hb_ceil_div(tiles, kernels->lanes) * kernels->lanes;
    const int64_t narrow_lanes = hb_ceil_div(tiles, narrow->lanes) * narrow->lanes;
    return 4 * narrow_lanes <= 3 * wide_lanes ? narrow : kernels;
}

/* Filters of so many taps, strides and dilation of 1, f32. */
bool hb_winograd_fits(const hb_winograd_form *form, const hb_step *step);

#endif
