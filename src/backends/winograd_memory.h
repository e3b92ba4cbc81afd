/* Winograd's filtering: what backends share in choosing it. */
#ifndef HB_WINOGRAD_MEMORY_H
#define HB_WINOGRAD_MEMORY_H

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

#endif
