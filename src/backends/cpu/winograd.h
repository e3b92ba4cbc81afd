/* What the two Winograd solvers (winograd.c, winograd_weight.c) share: which convolutions they do,
   and rows of images in the form that the transforms read. Only they and the tables of solvers
   include it.
 */
#ifndef HB_CPU_WINOGRAD_H
#define HB_CPU_WINOGRAD_H

#include "conv.h"
#include "winograd_kernels.h"

extern const hb_cpu_solver hb_cpu_winograd_conv, hb_cpu_winograd_weight;

/* So many floats in whole cache lines; and in an odd number of them, so that what lies that far
   apart does not share the same few places of L1. */
enum { HB_WINOGRAD_LINE = 16 };
static inline int64_t hb_winograd_lines(int64_t floats) {
    return hb_conv_up(floats, HB_WINOGRAD_LINE) * HB_WINOGRAD_LINE;
}
static inline int64_t hb_winograd_odd_lines(int64_t floats) {
    return (hb_conv_up(floats, HB_WINOGRAD_LINE) | 1) * HB_WINOGRAD_LINE;
}

/* 3 x 3, strides and dilation of 1, f32. */
bool hb_winograd_fits(const hb_step *step);

/* How rows of a channel are split (hb_split_row): `pairs` elements in each half, and what a vector
   makes of that. */
typedef struct hb_winograd_rows {
    const hb_cpu_winograd *kernels;
    int64_t pairs, room; /* room: floats of a half in memory */
    int64_t height, width, top,
        left;          /* of the image, and zeros before it; fewer than none: left out */
    int64_t low, high; /* columns with the zeros: those that the image has */
} hb_winograd_rows;

hb_winograd_rows hb_winograd_rows_of(const hb_cpu_winograd *kernels, int64_t pairs, int64_t height,
                                     int64_t width, int64_t top, int64_t left);

/* Floats of scratch memory for `rows` rows: their halves, and a row with its zeros. */
static inline int64_t hb_winograd_rows_floats(const hb_winograd_rows *r, int64_t rows) {
    return (2 * rows + 2) * r->room;
}

/* Asks for these rows of a channel, which follow each other in memory. */
static inline void hb_winograd_prefetch(const hb_winograd_rows *r, const float *x, int64_t channel,
                                        int64_t first, int64_t rows) {
    const int64_t low = first - r->top > 0 ? first - r->top : 0;
    const int64_t high = hb_conv_min(r->height, first + rows - r->top);
    const float *from = x + channel + low * r->width, *to = x + channel + high * r->width;
    for (; from < to; from += 16) __builtin_prefetch(from);
}

/* Splits rows [first, first + rows), counted with the zeros above, of the channel that begins at
   element `channel` of the `total` ones at x; row[i] says where row i is in `memory`. */
void hb_winograd_split(const hb_winograd_rows *r, const float *x, int64_t total, int64_t channel,
                       int64_t first, int64_t rows, float *memory, hb_split_row *row);

#endif
