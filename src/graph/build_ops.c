/* Builders of the operations (hebb/ops.h): each makes a node, or composes others. */
#include <string.h>

#include "build.h"

/* ---- elementwise ---- */

#define UNARY(function, ID)                                                                        \
    hebb_tensor *hebb_##function(hebb_tensor *x) { return hb_node(NULL, HB_OP_##ID, &x, 1, NULL); }
#define BINARY(function, ID)                                                                       \
    hebb_tensor *hebb_##function(hebb_tensor *a, hebb_tensor *b) {                                 \
        return hb_node(NULL, HB_OP_##ID, (hebb_tensor *[]){a, b}, 2, NULL);                        \
    }

UNARY(neg, NEG)
UNARY(abs, ABS)
UNARY(sign, SIGN)
UNARY(sqrt, SQRT)
UNARY(exp, EXP)
UNARY(log, LOG)
UNARY(tanh, TANH)
UNARY(sigmoid, SIGMOID)
UNARY(softplus, SOFTPLUS)
UNARY(reciprocal, RECIPROCAL)
UNARY(floor, FLOOR)
UNARY(stop_gradient, STOP_GRADIENT)
BINARY(add, ADD)
BINARY(sub, SUB)
BINARY(mul, MUL)
BINARY(div, DIV)
BINARY(pow, POW)
BINARY(maximum, MAXIMUM)
BINARY(minimum, MINIMUM)
BINARY(equal, EQUAL)
BINARY(not_equal, NOT_EQUAL)
BINARY(less, LESS)
BINARY(less_equal, LESS_EQUAL)
BINARY(greater, GREATER)
BINARY(greater_equal, GREATER_EQUAL)
BINARY(sum_like, SUM_LIKE)
BINARY(matmul, MATMUL)
BINARY(gather, GATHER)

hebb_tensor *hebb_square(hebb_tensor *x) { return hebb_mul(x, x); }

hebb_tensor *hebb_cast(hebb_tensor *x, hebb_dtype dtype) {
    return hb_node(NULL, HB_OP_CAST, &x, 1, &(hb_attrs){.dtype = dtype});
}

hebb_tensor *hebb_select(hebb_tensor *condition, hebb_tensor *a, hebb_tensor *b) {
    return hb_node(NULL, HB_OP_SELECT, (hebb_tensor *[]){condition, a, b}, 3, NULL);
}

/* ---- reductions ---- */

bool hb_take_axes(hebb_tensor *x, hb_op op, const int *axes, int n_axes, hb_attrs *attrs) {
    if (hebb_tensor_is_inert(x)) return true;
    if (n_axes > HEBB_MAX_RANK || n_axes < -1) {
        hb_graph_error(x->graph, HEBB_E_ARGUMENT, "%s: %d axes, where 0 to %d are possible",
                       hb_op_name(op), n_axes, HEBB_MAX_RANK);
        return false;
    }
    if (axes == NULL && n_axes > 0) {
        hb_graph_error(x->graph, HEBB_E_NULL, "%s: the axes are NULL", hb_op_name(op));
        return false;
    }
    attrs->n_axes = n_axes;
    for (int k = 0; k < n_axes; k++) attrs->axes[k] = axes[k];
    return true;
}

hebb_tensor *hb_reduce(hebb_tensor *x, hb_op op, const int *axes, int n_axes, bool keep) {
    hb_attrs attrs = {.keep = keep};
    if (!hb_take_axes(x, op, axes, n_axes, &attrs)) return &x->graph->inert;
    return hb_node(NULL, op, &x, 1, &attrs);
}

hebb_tensor *hebb_sum(hebb_tensor *x, const int *axes, int n_axes, bool keep) {
    return hb_reduce(x, HB_OP_SUM, axes, n_axes, keep);
}

hebb_tensor *hebb_max(hebb_tensor *x, const int *axes, int n_axes, bool keep) {
    return hb_reduce(x, HB_OP_MAX, axes, n_axes, keep);
}

hebb_tensor *hebb_min(hebb_tensor *x, const int *axes, int n_axes, bool keep) {
    return hb_reduce(x, HB_OP_MIN, axes, n_axes, keep);
}

hebb_tensor *hebb_size(hebb_tensor *x, const int *axes, int n_axes, hebb_dtype dtype) {
    hb_attrs attrs = {.dtype = dtype};
    if (!hb_take_axes(x, HB_OP_SIZE, axes, n_axes, &attrs)) return &x->graph->inert;
    return hb_node(NULL, HB_OP_SIZE, &x, 1, &attrs);
}

hebb_tensor *hebb_mean(hebb_tensor *x, const int *axes, int n_axes, bool keep) {
    if (hebb_tensor_is_inert(x)) return x;
    if (hb_half(x->dtype)) /* the sum, or the size, may be more than x's dtype holds */
        return hebb_cast(hebb_mean(hebb_cast(x, HEBB_F32), axes, n_axes, keep), x->dtype);
    if (x->dtype == HEBB_I32 || x->dtype == HEBB_I8 || x->dtype == HEBB_U8) /* likewise */
        return hebb_cast(hebb_mean(hebb_cast(x, HEBB_I64), axes, n_axes, keep), x->dtype);
    return hebb_div(hebb_sum(x, axes, n_axes, keep), hebb_size(x, axes, n_axes, x->dtype));
}

/* The smallest index whose element equals the extremum or is NaN: the extremum is NaN then, and
   equals nothing. */
static hebb_tensor *arg_extremum(hebb_tensor *x, hb_op op, int axis, bool keep) {
    if (hebb_tensor_is_inert(x)) return x;
    hebb_tensor *extremum = hb_reduce(x, op, &axis, 1, true);
    hebb_tensor *found = hebb_or(hebb_equal(x, extremum), hebb_not_equal(x, x));
    hebb_tensor *index = hebb_iota_like(x, axis, HEBB_I32);
    hebb_tensor *none = hebb_scalar_like(index, INT32_MAX);
    return hb_reduce(hebb_select(found, index, none), HB_OP_MIN, &axis, 1, keep);
}

hebb_tensor *hebb_argmax(hebb_tensor *x, int axis, bool keep) {
    return arg_extremum(x, HB_OP_MAX, axis, keep);
}

hebb_tensor *hebb_argmin(hebb_tensor *x, int axis, bool keep) {
    return arg_extremum(x, HB_OP_MIN, axis, keep);
}

/* ---- movement ---- */

hebb_tensor *hebb_reshape(hebb_tensor *x, hebb_shape shape) {
    return hb_node(NULL, HB_OP_RESHAPE, &x, 1, &(hb_attrs){.mode = HB_RESHAPE_TO, .shape = shape});
}

hebb_tensor *hebb_reshape_like(hebb_tensor *x, hebb_tensor *like) {
    return hb_node(NULL, HB_OP_RESHAPE, (hebb_tensor *[]){x, like}, 2,
                   &(hb_attrs){.mode = HB_RESHAPE_LIKE});
}

hebb_tensor *hebb_flatten(hebb_tensor *x) {
    return hb_node(NULL, HB_OP_RESHAPE, &x, 1, &(hb_attrs){.mode = HB_RESHAPE_FLATTEN});
}

hebb_tensor *hebb_expand_dims(hebb_tensor *x, int axis) {
    return hb_node(NULL, HB_OP_RESHAPE, &x, 1,
                   &(hb_attrs){.mode = HB_RESHAPE_EXPAND, .axis = axis});
}

hebb_tensor *hebb_squeeze(hebb_tensor *x, int axis) {
    return hb_node(NULL, HB_OP_RESHAPE, &x, 1,
                   &(hb_attrs){.mode = HB_RESHAPE_SQUEEZE, .axis = axis});
}

hebb_tensor *hebb_transpose(hebb_tensor *x, const int *order, int n) {
    if (hebb_tensor_is_inert(x)) return x;
    int reversed[HEBB_MAX_RANK];
    for (int k = 0; k < x->shape.rank; k++) reversed[k] = x->shape.rank - 1 - k;
    hb_attrs attrs = {0};
    if (!hb_take_axes(x, HB_OP_TRANSPOSE, order == NULL ? reversed : order,
                      order == NULL ? x->shape.rank : n, &attrs))
        return &x->graph->inert;
    return hb_node(NULL, HB_OP_TRANSPOSE, &x, 1, &attrs);
}

hebb_tensor *hebb_broadcast_to(hebb_tensor *x, hebb_shape shape) {
    return hb_node(NULL, HB_OP_BROADCAST, &x, 1, &(hb_attrs){.shape = shape});
}

hebb_tensor *hebb_broadcast_like(hebb_tensor *x, hebb_tensor *like) {
    return hb_node(NULL, HB_OP_BROADCAST, (hebb_tensor *[]){x, like}, 2, &(hb_attrs){0});
}

static bool take_ranges(hebb_tensor *x, hb_op op, const hebb_range *ranges, int n_ranges,
                        hb_attrs *attrs) {
    if (hebb_tensor_is_inert(x)) return true;
    if (n_ranges < 0 || n_ranges > HEBB_MAX_RANK) {
        hb_graph_error(x->graph, HEBB_E_ARGUMENT, "%s: %d ranges, where 0 to %d are possible",
                       hb_op_name(op), n_ranges, HEBB_MAX_RANK);
        return false;
    }
    if (ranges == NULL && n_ranges > 0) {
        hb_graph_error(x->graph, HEBB_E_NULL, "%s: the ranges are NULL", hb_op_name(op));
        return false;
    }
    attrs->n_ranges = n_ranges;
    for (int k = 0; k < n_ranges; k++) {
        attrs->ranges[k] = ranges[k];
        if (ranges[k].step == 0) attrs->ranges[k].step = 1;
    }
    return true;
}

hebb_tensor *hebb_slice(hebb_tensor *x, const hebb_range *ranges, int n_ranges) {
    hb_attrs attrs = {0};
    if (!take_ranges(x, HB_OP_SLICE, ranges, n_ranges, &attrs)) return &x->graph->inert;
    return hb_node(NULL, HB_OP_SLICE, &x, 1, &attrs);
}

hebb_tensor *hebb_slice_scatter(hebb_tensor *base, hebb_tensor *x, const hebb_range *ranges,
                                int n_ranges) {
    hb_attrs attrs = {0};
    if (!take_ranges(base, HB_OP_SLICE_SCATTER, ranges, n_ranges, &attrs))
        return &base->graph->inert;
    return hb_node(NULL, HB_OP_SLICE_SCATTER, (hebb_tensor *[]){base, x}, 2, &attrs);
}

hebb_tensor *hebb_concat_at(const char *file, int line, hebb_tensor *const *tensors, int count,
                            int axis) {
    for (int k = 0; tensors != NULL && k < count; k++) hebb_here_tensor(tensors[k], file, line);
    return hebb_concat(tensors, count, axis);
}

hebb_tensor *hebb_concat(hebb_tensor *const *tensors, int count, int axis) {
    if (tensors == NULL || count < 1) return NULL;
    return hb_node(NULL, HB_OP_CONCAT, tensors, count, &(hb_attrs){.axis = axis});
}

/* ---- indexing ---- */

hebb_tensor *hebb_scatter_add(hebb_tensor *base, hebb_tensor *indices, hebb_tensor *x) {
    return hb_node(NULL, HB_OP_SCATTER_ADD, (hebb_tensor *[]){base, indices, x}, 3, NULL);
}

hebb_tensor *hebb_one_hot(hebb_tensor *indices, int64_t depth, hebb_dtype dtype) {
    if (hebb_tensor_is_inert(indices)) return indices;
    hebb_graph *graph = indices->graph;
    if (indices->dtype != HEBB_I32)
        return hb_graph_error(graph, HEBB_E_DTYPE, "one_hot: indices must be i32, %s is %s",
                              hebb_tensor_name(indices), hebb_dtype_name(indices->dtype));
    if (depth < 0 || depth > INT32_MAX)
        return hb_graph_error(graph, HEBB_E_ARGUMENT, "one_hot: depth %lld is not in 0...2^31-1",
                              (long long)depth);
    hebb_tensor *classes = hebb_full(graph, HEBB_I32, HEBB_SHAPE(depth), 0);
    classes = hebb_iota_like(classes, 0, HEBB_I32);
    return hebb_cast(hebb_equal(hebb_expand_dims(indices, -1), classes), dtype);
}
