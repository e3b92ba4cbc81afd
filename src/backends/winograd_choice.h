/* Winograd's filtering: what backends share in choosing it. */
#ifndef HB_WINOGRAD_CHOICE_H
#define HB_WINOGRAD_CHOICE_H

#include "step.h"

/* Whether so much scratch memory is out of proportion: what a small convolution gains is not worth
   many times its operands, which would be most of a plan's memory. */
static inline bool hb_winograd_is_wasteful(const hb_conv *c, int64_t scratch_bytes) {
    enum { SMALL_BYTES = 512 << 10, MOST_TIMES_OPERANDS = 4 };
    const int64_t image = c->in_channels * c->in[0] * c->in[1] * c->in[2];
    const int64_t result = c->out_channels * c->out[0] * c->out[1] * c->out[2];
    const int64_t filters = c->in_channels * c->out_channels * hb_volume(c->kernel);
    const int64_t operands =
        c->groups * (c->batch * (image + result) + filters) * (int64_t)sizeof(float);
    return scratch_bytes > SMALL_BYTES && scratch_bytes > MOST_TIMES_OPERANDS * operands;
}

/* Whether along dimension d every window of a convolution at a stride of 1 meets the image, and
   every tap some element of it. What does not is exactly 0, which larger tiles give only nearly:
   they add and take off what is beside it. */
static inline bool hb_winograd_meets(const hb_conv *c, int d) {
    const int64_t taps = c->kernel[d], before = c->before[d];
    const int64_t after = c->out[d] - 1 + taps - before - c->in[d];
    return before < taps && after < taps && c->in[d] + before >= taps && c->in[d] + after >= taps;
}

#endif
