/* Convolutions whose solvers copy images with zeros around them: whether that can be counted. Both
   backends include it. */
#ifndef HB_CONV_COPIES_H
#define HB_CONV_COPIES_H

#include "step.h"

/* Whether numbers of 64 bits hold whatever is counted of such a copy: strides, dilations and zeros
   may be as large as 2^31 - 1. If not, no memory holds it. */
static inline bool hb_conv_copies_fit(const hb_conv *c) {
    double elements = (double)(c->batch * c->groups) * (double)(c->in_channels + c->out_channels);
    for (int d = 0; d < 3; d++)
        elements *= (double)c->in[d] + (double)(c->out[d] + 1) * (double)c->stride[d] +
                    (double)c->kernel[d] * (double)c->dilation[d] + (double)c->before[d];
    return elements < 0x1p50;
}

#endif
