/* What the direct convolutions (conv_direct.c, conv_direct_weight.c) share: the source. Only they
   and the tables of solvers include it. */
#ifndef HB_CPU_CONV_DIRECT_H
#define HB_CPU_CONV_DIRECT_H

#include "conv.h"

extern const hb_cpu_solver hb_cpu_conv_direct, hb_cpu_conv_direct_weight, hb_cpu_conv_depthwise,
    hb_cpu_conv_depthwise_weight;

/* Channels of an image, or of a band of its rows, copied with the zeros around them. Along each
   axis places are taken in turns by as many phases as the step has: place i step + a is element i
   of phase a, and each pair of phases is a plane of rows of one length. So what a tap reads for
   consecutive results is consecutive, whatever the stride. Places are counted with the zeros. */
typedef struct hb_direct_source {
    int64_t channels;
    int64_t size[2], step[2], before[2]; /* height and width: of the image; and zeros before it */
    int64_t length;                      /* of a plane's row */
    int64_t spare;                       /* floats that may be read after a plane's last row */
} hb_direct_source;

/* 2-D at most, f32, not empty, and of a size that can be counted; few channels: with many, products
   are as fast or faster. */
enum { HB_DIRECT_CHANNELS = 16 };
bool hb_direct_fits(const hb_step *step);

/* Floats of a plane with `rows` rows, and between channels. */
static inline int64_t hb_direct_phase(const hb_direct_source *s, int64_t rows) {
    return hb_ceil_div(rows * s->length + s->spare, 16) * 16;
}
static inline int64_t hb_direct_channel(const hb_direct_source *s, int64_t rows) {
    return s->step[0] * s->step[1] * hb_direct_phase(s, rows);
}

/* Where place (y, x) of channel 0 is, counted in floats, if planes have that many rows. */
static inline int64_t hb_direct_offset(const hb_direct_source *s, int64_t rows, int64_t y,
                                       int64_t x) {
    return (y % s->step[0] * s->step[1] + x % s->step[1]) * hb_direct_phase(s, rows) +
           y / s->step[0] * s->length + x / s->step[1];
}

/* Copies rows [first, first + rows) of all planes from the channels at x. */
void hb_direct_copy(const hb_direct_source *s, const hb_cpu_vector *vector, const float *x,
                    int64_t first, int64_t rows, float *to);

#endif
