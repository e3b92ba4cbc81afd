/* What the builders of windowed ops share. */
#ifndef HB_BUILD_H
#define HB_BUILD_H

#include "graph.h"

/* The options as a window over the last kernel.rank axes, or over n of them if the weights have the
   kernel (kernel.rank 0); false after recording an error in x's graph, which must exist. Options
   that the op does not have are NULL. `strides` of 0 are those of `usual`. */
typedef struct hb_window_request {
    const char *op;
    hebb_shape kernel;
    const int64_t *stride, *dilation;
    const int64_t *usual; /* strides where none is given; NULL: 1 */
    hebb_padding padding;
    const int64_t (*pad)[2];
} hb_window_request;
bool hb_take_window(hebb_tensor *x, const hb_window_request *request, hb_window *window);

/* Whether no number is negative or beyond 2^31 - 1. */
bool hb_in_range(const int64_t *numbers, int n);

/* x surrounded by `value` as the window wants it; x itself if it wants nothing. */
hebb_tensor *hb_pad_for(hebb_tensor *x, const hb_window *window, double value);

#endif
