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

/* Of an element, in units of a multiplication in a tile of a product, times some factor: filters of
   2 x 2 taps have the simpler transforms. */
static inline double hb_winograd_transform_cost(const hb_winograd_form *form) {
    return form->taps == 2 ? 4.5 : 9;
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

/* A convolution at a stride of 2 is the sum of four at a stride of 1, its phases: each has every
   second row and column of the image, and of the taps those that meet them, 2 x 2 of 4 x 4. They
   are as many channels more to the results, and results of their own in the gradient of the input.
   Filters over volumes, at a stride of 1, have a phase for each tap along the depth: a plane of
   results is a sum over that many planes. Others at a stride of 1 have one phase. */
enum { HB_WINOGRAD_MOST_STRIDE = 2, HB_WINOGRAD_MOST_PHASES = 5 };
enum {
    HB_WINOGRAD_FILTERS = 16, /* whose taps are taken apart at a time */
    HB_WINOGRAD_FILTER_FLOATS = HB_WINOGRAD_MOST_TAPS * HB_WINOGRAD_MOST_TAPS,
    HB_WINOGRAD_APART_FLOATS =
        HB_WINOGRAD_MOST_PHASES * HB_WINOGRAD_FILTERS * HB_WINOGRAD_FILTER_FLOATS
};

typedef struct hb_winograd_phases {
    int64_t stride, count;
    hb_winograd_image whole;
    hb_winograd_image image[HB_WINOGRAD_MOST_PHASES]; /* row by row, as the results' tiles see it */
    int64_t taps, kernel, filters; /* of a phase, of the kernel; floats of HB_WINOGRAD_FILTERS */
    int place[HB_WINOGRAD_MOST_PHASES * HB_WINOGRAD_FILTER_FLOATS]; /* see hb_winograd_take_apart */
    int64_t band; /* floats for a phase's rows of one channel that some rows of tiles read */
} hb_winograd_phases;

/* Filters of so many taps a phase, the same stride along both axes, dilation of 1, f32. */
bool hb_winograd_fits(const hb_winograd_form *form, const hb_step *step);

/* The plane of a channel of x that phase i of plane `at` of y is made of; with `transposed`, of y
   and x. Fewer than 0 or more than there are: zeros. */
static inline int64_t hb_winograd_plane(const hb_conv *c, bool transposed, int64_t i, int64_t at) {
    const int64_t tap = c->kernel[0] > 1 ? i : 0;
    return transposed ? at + c->before[0] - tap : at - c->before[0] + tap;
}

/* Those of a convolution that fits. */
void hb_winograd_find_phases(const hb_winograd_form *form, const hb_conv *conv,
                             hb_winograd_phases *to);
/* Makes the images those of CONV_INPUT: of each, its part of x is a convolution of y. */
void hb_winograd_transpose_phases(const hb_winograd_form *form, const hb_conv *conv,
                                  hb_winograd_phases *phases);

/* Filters at w, `row` apart, as those of all phases: phase i has filter f at
   to[i * filters + f * taps ...]. Taps that the kernel does not have are left as they are, so that
   they can be 0 from the beginning. And back. */
void hb_winograd_take_apart(const hb_winograd_phases *p, int64_t filters, const float *w,
                            int64_t row, float *to);
void hb_winograd_put_together(const hb_winograd_phases *p, int64_t filters, const float *from,
                              float *w, int64_t row);

/* Sets `band`, for up to `rows` rows of tiles; and takes a channel of x apart, as far as rows
   [first, first + rows) of tiles read it: phase i to to + i * band, which the tiles, counted from
   `first` on, see as image[i]. The channel at `next`, unless that is NULL, follows. */
void hb_winograd_make_bands(const hb_winograd_form *form, int64_t lanes, int64_t rows,
                            hb_winograd_phases *p);
void hb_winograd_split(const hb_cpu_winograd *kernels, const hb_winograd_form *form,
                       const hb_winograd_phases *p, const float *x, const float *next,
                       int64_t first, int64_t rows, float *to, hb_winograd_image *image);

#endif
