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

/* y[i] = x[i - 1] along the axis, or x[i + 1] if `reverse`, and the value where there is none. */
hebb_tensor *hb_shift(hebb_tensor *x, int axis, double value, bool reverse);

/* A range from start up to stop that must lie within the size of the axis, now or when it is bound;
   negative ones count from the end. */
hebb_tensor *hb_slice_exactly(hebb_tensor *x, int axis, int64_t start, int64_t stop);

/* The axis and the one after it as one. */
hebb_tensor *hb_merge_axes(hebb_tensor *x, int axis);

/* A random op; `like`, if not NULL, gives the shape. */
hebb_tensor *hb_random_node(hebb_graph *graph, hb_op op, hebb_dtype dtype, hebb_shape shape,
                            hebb_tensor *like);

#endif
