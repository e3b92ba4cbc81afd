/* What the files of builders share. */
#ifndef HB_BUILD_H
#define HB_BUILD_H

#include <hebb/einsum.h>
#include <hebb/indexing.h>
#include <hebb/movement.h>
#include <hebb/random.h>
#include <hebb/reductions.h>
#include "graph.h"

/* Fills attrs with the axes; false after recording an error. */
bool hb_take_axes(hebb_tensor *x, hb_op op, const int *axes, int n_axes, hb_attrs *attrs);
/* The reduction `op` over the axes. */
hebb_tensor *hb_reduce(hebb_tensor *x, hb_op op, const int *axes, int n_axes, bool keep);

/* y[i] = x[i - 1] along the axis, or x[i + 1] if `reverse`, and the value where there is none. */
hebb_tensor *hb_shift(hebb_tensor *x, int axis, double value, bool reverse);

/* The axis and the one after it as one. */
hebb_tensor *hb_merge_axes(hebb_tensor *x, int axis);

/* A random op; `like`, if not NULL, gives the shape. */
hebb_tensor *hb_random_node(hebb_graph *graph, hb_op op, hebb_dtype dtype, hebb_shape shape,
                            hebb_tensor *like);

/* ---- windowed ops ---- */

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

/* Whether the window may want something around a tensor. */
bool hb_is_padded(const hb_window *window);
/* The windows of x surrounded by `value`, as n more axes. */
hebb_tensor *hb_windows_of(hebb_tensor *x, const hb_window *window, double value);
/* x surrounded by `value` as the window wants it; x itself if it wants nothing. */
hebb_tensor *hb_pad_for(hebb_tensor *x, const hb_window *window, double value);

/* build_initial.c: the tensor that computes a variable's first value. */
hebb_tensor *hb_initial_value(hebb_graph *graph, hebb_dtype dtype, hebb_shape shape,
                              hebb_initializer initializer);

#endif
