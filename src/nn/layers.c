/* Dense layers, embeddings, merging (hebb/layers.h): composed from the public operations. */
#include <math.h>
#include <stdio.h>

#include <hebb/einsum.h>
#include <hebb/indexing.h>
#include <hebb/layer.h>
#include <hebb/movement.h>

#include "nn.h"

bool hb_is_size(int64_t n) { return n >= 1 && n <= INT32_MAX; }

int64_t hb_kernel_size(const int64_t *kernel, int64_t size, int dimension) {
    if (kernel[dimension] != 0) return kernel[dimension];
    return kernel[0] != 0 ? kernel[0] : size;
}

hebb_tensor *hb_penalize(hebb_tensor *x, double l1, double l2) {
    hebb_tensor *penalty = NULL;
    if (hebb_tensor_is_inert(x)) return x;
    if (!(l1 >= 0) || !(l2 >= 0))
        return hebb_graph_fail(hebb_tensor_graph(x), HEBB_E_ARGUMENT,
                               "penalty: l1 or l2 is negative");
    if (l1 > 0) {
        penalty = hebb_sum(hebb_abs(x), HEBB_ALL_AXES, false);
        penalty = hebb_mul(penalty, hebb_scalar_like(penalty, l1));
    }
    if (l2 > 0) {
        hebb_tensor *squares = hebb_sum(hebb_square(x), HEBB_ALL_AXES, false);
        squares = hebb_mul(squares, hebb_scalar_like(squares, l2));
        penalty = penalty == NULL ? squares : hebb_add(penalty, squares);
    }
    return penalty;
}

hebb_tensor *hb_kernel(hebb_tensor *x, hebb_shape shape, hebb_initializer initializer, double l1,
                       double l2, hebb_reparameterization reparameterization) {
    if (initializer.kind == HEBB_INIT_DEFAULT) initializer = hebb_glorot_uniform();
    hebb_tensor *kernel =
        hebb_variable(hebb_tensor_graph(x), "kernel", hebb_tensor_dtype(x), shape, initializer);
    hebb_tensor *penalty = hb_penalize(kernel, l1, l2);
    if (penalty != NULL) hebb_attach_loss(kernel, penalty);
    return reparameterization != NULL ? reparameterization(kernel) : kernel;
}

/* ---- dense ---- */

static hebb_tensor *dense(hebb_tensor *x, int64_t units, const hebb_dense_options *o) {
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_shape shape = hebb_tensor_shape(x);
    hebb_dtype dtype = hebb_tensor_dtype(x);
    char message[256], text[160];
    snprintf(message, sizeof message,
             "dense: x is %s %s; wanted is a floating tensor of rank 2 or more with "
             "a known last size, and units > 0 (here %lld)",
             hebb_dtype_name(dtype), hebb_shape_text(shape, text, sizeof text), (long long)units);
    if (!hebb_dtype_floating(dtype)) return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    if (shape.rank < 2 || shape.dim[shape.rank - 1] == HEBB_ANY)
        return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    if (units <= 0) return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    hebb_shape kernel = HEBB_SHAPE(shape.dim[shape.rank - 1], units);
    hebb_tensor *y = hb_project(
        x, hb_kernel(x, kernel, o->kernel_initializer, o->kernel_l1, o->kernel_l2, o->kernel));
    if (!o->no_bias)
        y = hebb_add(y,
                     hebb_variable(graph, "bias", dtype, HEBB_SHAPE(units), o->bias_initializer));
    return o->activation != NULL ? o->activation(y) : y;
}

hebb_tensor *hebb_dense_with(hebb_tensor *x, int64_t units, const hebb_dense_options *options) {
    static const hebb_dense_options defaults;
    if (hebb_tensor_is_inert(x)) return x;
    if (options == NULL) options = &defaults;
    hebb_layer_begin(hebb_tensor_graph(x), "dense", options->name);
    return hebb_layer_end(hebb_tensor_graph(x), dense(x, units, options));
}

/* ---- prelu ---- */

/* Alpha's sizes: x's after the batch, 1 along the shared axes. Rank -1 if one is not known, or
   there is no such axis. */
static hebb_shape alpha_shape(hebb_shape x, const hebb_prelu_options *o) {
    hebb_shape sizes = hebb_shape_of(x.rank - 1, x.dim + 1);
    for (int k = 0; k < HEBB_MAX_RANK && o->shared_axes[k] != 0; k++) {
        int axis = o->shared_axes[k] < 0 ? o->shared_axes[k] + x.rank : o->shared_axes[k];
        if (axis < 1 || axis >= x.rank) return (hebb_shape){.rank = -1};
        sizes.dim[axis - 1] = 1;
    }
    return hebb_shape_count(sizes) < 0 ? (hebb_shape){.rank = -1} : sizes;
}

hebb_tensor *hebb_prelu_with(hebb_tensor *x, const hebb_prelu_options *options) {
    static const hebb_prelu_options defaults;
    if (hebb_tensor_is_inert(x)) return x;
    const hebb_prelu_options *o = options != NULL ? options : &defaults;
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_shape shape = hebb_tensor_shape(x);
    hebb_dtype dtype = hebb_tensor_dtype(x);
    char message[320], text[160];
    snprintf(message, sizeof message,
             "prelu: x is %s %s; wanted is a floating tensor of rank 2 or more, whose sizes are "
             "known but for the batch and shared axes, which it has",
             hebb_dtype_name(dtype), hebb_shape_text(shape, text, sizeof text));
    if (!hebb_dtype_floating(dtype)) return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    hebb_shape sizes = shape.rank < 2 ? shape : alpha_shape(shape, o);
    if (shape.rank < 2 || sizes.rank < 0) return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    hebb_layer_begin(graph, "prelu", o->name);
    hebb_tensor *alpha = hebb_variable(graph, "alpha", dtype, sizes, o->initializer);
    hebb_tensor *y = hebb_select(hebb_greater(x, hebb_scalar_like(x, 0)), x, hebb_mul(x, alpha));
    return hebb_layer_end(graph, y);
}

/* ---- embedding ---- */

hebb_tensor *hebb_embedding_with(hebb_tensor *ids, int64_t vocabulary, int64_t features,
                                 const hebb_embedding_options *options) {
    static const hebb_embedding_options defaults;
    if (hebb_tensor_is_inert(ids)) return ids;
    const hebb_embedding_options *o = options != NULL ? options : &defaults;
    hebb_graph *graph = hebb_tensor_graph(ids);
    char message[320], text[160];
    snprintf(
        message, sizeof message,
        "embedding: ids are %s %s, of a vocabulary of %lld, %lld features each; wanted are i32 "
        "and numbers > 0",
        hebb_dtype_name(hebb_tensor_dtype(ids)),
        hebb_shape_text(hebb_tensor_shape(ids), text, sizeof text), (long long)vocabulary,
        (long long)features);
    if (hebb_tensor_dtype(ids) != HEBB_I32) return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    if (vocabulary < 1 || features < 1) return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    hebb_layer_begin(graph, "embedding", o->name);
    bool own = o->initializer.kind != HEBB_INIT_DEFAULT;
    hebb_tensor *table = hebb_variable(graph, "table", o->dtype, HEBB_SHAPE(vocabulary, features),
                                       own ? o->initializer : hebb_uniform(-0.05, 0.05));
    hebb_tensor *penalty = hb_penalize(table, 0, o->l2);
    if (penalty != NULL) hebb_attach_loss(table, penalty);
    return hebb_layer_end(graph, hebb_gather(table, ids));
}

/* ---- shapes and merging ---- */

hebb_tensor *hebb_repeat_vector(hebb_tensor *x, int64_t times) {
    return hebb_repeat(hebb_expand_dims(x, 1), 1, times);
}

static hebb_tensor *fold(hebb_tensor_list xs, hebb_tensor *(*join)(hebb_tensor *, hebb_tensor *)) {
    if (xs.count < 1 || xs.at == NULL) return NULL;
    hebb_tensor *all = xs.at[0];
    for (int k = 1; k < xs.count; k++) all = join(all, xs.at[k]);
    return all;
}

hebb_tensor *hebb_sum_of(hebb_tensor_list xs) { return fold(xs, (hebb_add)); }
hebb_tensor *hebb_product_of(hebb_tensor_list xs) { return fold(xs, (hebb_mul)); }
hebb_tensor *hebb_maximum_of(hebb_tensor_list xs) { return fold(xs, (hebb_maximum)); }
hebb_tensor *hebb_minimum_of(hebb_tensor_list xs) { return fold(xs, (hebb_minimum)); }

hebb_tensor *hebb_average_of(hebb_tensor_list xs) {
    hebb_tensor *sum = fold(xs, (hebb_add));
    return sum == NULL ? NULL : hebb_mul(sum, hebb_scalar_like(sum, 1.0 / xs.count));
}

static bool can_dot(hebb_shape x, int *axis) {
    if (*axis < 0) *axis += x.rank;
    return (x.rank == 2 || x.rank == 3) && *axis >= 1 && *axis < x.rank;
}

hebb_tensor *hebb_batch_dot(hebb_tensor *a, hebb_tensor *b, int axis_a, int axis_b,
                            bool normalize) {
    if (hebb_tensor_is_inert(a)) return a;
    if (hebb_tensor_is_inert(b)) return hebb_mul(a, b); /* which says what is wrong */
    hebb_shape sa = hebb_tensor_shape(a), sb = hebb_tensor_shape(b);
    char message[400], ta[160], tb[160];
    snprintf(
        message, sizeof message,
        "batch_dot: axes %d and %d of %s and %s; wanted are ranks of 2 or 3, and not the batch",
        axis_a, axis_b, hebb_shape_text(sa, ta, sizeof ta), hebb_shape_text(sb, tb, sizeof tb));
    if (!can_dot(sa, &axis_a) || !can_dot(sb, &axis_b))
        return hebb_graph_fail(hebb_tensor_graph(a), HEBB_E_SHAPE, message);
    if (normalize) {
        a = hebb_unit_normalization(a, axis_a);
        b = hebb_unit_normalization(b, axis_b);
    }
    a = sa.rank == 2 ? hebb_expand_dims(a, 1) : hebb_move_axis(a, axis_a, 2);
    b = sb.rank == 2 ? hebb_expand_dims(b, 2) : hebb_move_axis(b, axis_b, 1);
    hebb_tensor *y = hebb_matmul(a, b);
    if (sb.rank == 2) return sa.rank == 2 ? hebb_squeeze(y, 2) : hebb_squeeze(y, 2);
    return sa.rank == 2 ? hebb_squeeze(y, 1) : y;
}
