/* Normalization layers (hebb/normalization.h): composed from the public operations. */
#include <stdio.h>

#include <hebb/layer.h>
#include <hebb/normalization.h>
#include <hebb/ops.h>
#include <hebb/reductions.h>

#include "nn.h"

/* ---- pieces ---- */

/* NULL if x is floating, of that rank at least, with these sizes known, and the numbers make sense;
   else what the layer returns. */
static hebb_tensor *check(const char *what, hebb_tensor *x, int rank, int from, int to,
                          const hebb_normalization_options *o) {
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_shape shape = hebb_tensor_shape(x);
    char message[320], text[160];
    snprintf(message, sizeof message,
             "%s: x is %s %s; wanted is a floating tensor of rank %d or more", what,
             hebb_dtype_name(hebb_tensor_dtype(x)), hebb_shape_text(shape, text, sizeof text),
             rank);
    if (!hebb_dtype_floating(hebb_tensor_dtype(x)))
        return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    if (shape.rank < rank) return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    for (int k = from; k < to; k++) {
        snprintf(message, sizeof message, "%s: axis %d of x %s must have a known size", what, k,
                 text);
        if (shape.dim[k] == HEBB_ANY) return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    }
    snprintf(message, sizeof message,
             "%s: epsilon is %g and momentum %g; wanted are >= 0 and [0, 1)", what, o->epsilon,
             o->momentum);
    if (!(o->epsilon >= 0) || !(o->momentum >= 0 && o->momentum < 1))
        return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    return NULL;
}

/* y gamma + beta, with variables of `sizes`, seen as `view`. */
static hebb_tensor *scale_and_shift(hebb_tensor *y, hebb_shape sizes, hebb_shape view,
                                    const hebb_normalization_options *o, bool center) {
    hebb_graph *graph = hebb_tensor_graph(y);
    hebb_dtype dtype = hebb_tensor_dtype(y);
    if (!o->no_scale)
        y = hebb_mul(y,
                     hebb_reshape(hebb_variable(graph, "gamma", dtype, sizes, hebb_ones()), view));
    if (center && !o->no_center)
        y = hebb_add(y,
                     hebb_reshape(hebb_variable(graph, "beta", dtype, sizes, hebb_zeros()), view));
    return y;
}

/* x less its mean over its deviation, times gamma, plus beta, with variables of `sizes`, seen as
   `view`. gamma meets the deviations, which are fewer than the elements. */
static hebb_tensor *normalized(hebb_tensor *x, hebb_tensor *mean, hebb_tensor *variance,
                               hebb_shape sizes, hebb_shape view,
                               const hebb_normalization_options *o) {
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_dtype dtype = hebb_tensor_dtype(x);
    hebb_tensor *factor = hebb_rsqrt(plus(variance, or_default(o->epsilon, 1e-3)));
    if (!o->no_scale)
        factor = hebb_mul(
            factor, hebb_reshape(hebb_variable(graph, "gamma", dtype, sizes, hebb_ones()), view));
    hebb_tensor *y = hebb_mul(hebb_sub(x, mean), factor);
    if (!o->no_center)
        y = hebb_add(y,
                     hebb_reshape(hebb_variable(graph, "beta", dtype, sizes, hebb_zeros()), view));
    return y;
}

/* ---- batch ---- */

/* [1, channels, 1, ...], which broadcasts against x. */
static hebb_shape along_channels(hebb_shape x) {
    hebb_shape shape = {.rank = x.rank};
    for (int k = 0; k < x.rank; k++) shape.dim[k] = k == 1 ? x.dim[1] : 1;
    return shape;
}

/* The moving average of a statistic, [channels], and its update by a new value like [1, C, 1, ...].
 */
static hebb_tensor *moving(hebb_tensor *anchor, const char *name, double initial,
                           hebb_tensor *value, double momentum) {
    hebb_graph *graph = hebb_tensor_graph(value);
    hebb_shape shape = HEBB_SHAPE(hebb_tensor_shape(value).dim[1]);
    hebb_tensor *average =
        hebb_state(graph, name, hebb_tensor_dtype(value), shape, hebb_constant_value(initial));
    hebb_tensor *now = hebb_updated(average);
    hebb_tensor *new = hebb_reshape(hebb_stop_gradient(value), shape);
    hebb_tensor *next = hebb_add(hebb_mul(now, hebb_scalar_like(now, momentum)),
                                 hebb_mul(new, hebb_scalar_like(new, 1 - momentum)));
    hebb_attach_update(anchor, hebb_assign(average, next));
    return hebb_reshape(average, hebb_tensor_shape(value));
}

static hebb_tensor *batch_normalization(hebb_tensor *x, const hebb_normalization_options *o) {
    hebb_shape shape = hebb_tensor_shape(x), view = along_channels(shape);
    double momentum = or_default(o->momentum, 0.99);
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_tensor *wide = hebb_cast(x, wide_dtype(x));
    int axes[HEBB_MAX_RANK], n = 0;
    for (int k = 0; k < shape.rank; k++)
        if (k != 1) axes[n++] = k;
    hebb_tensor *mean = hebb_mean(wide, axes, n, true);
    hebb_tensor *variance = hebb_mean(hebb_square(hebb_sub(wide, mean)), axes, n, true);
    /* The update belongs to what comes from the batch's own statistics: losses reach them. */
    hebb_tensor *old_mean = moving(mean, "moving_mean", 0, mean, momentum);
    hebb_tensor *old_variance = moving(variance, "moving_variance", 1, variance, momentum);
    hebb_tensor *training = hebb_training(graph);
    mean = hebb_select(training, mean, old_mean);
    variance = hebb_select(training, variance, old_variance);
    hebb_tensor *y = normalized(wide, mean, variance, HEBB_SHAPE(shape.dim[1]), view, o);
    return hebb_cast(y, hebb_tensor_dtype(x));
}

hebb_tensor *hebb_batch_normalization_with(hebb_tensor *x,
                                           const hebb_normalization_options *options) {
    static const hebb_normalization_options defaults;
    const hebb_normalization_options *o = options != NULL ? options : &defaults;
    if (hebb_tensor_is_inert(x)) return x;
    hebb_tensor *failed = check("batch_normalization", x, 2, 1, 2, o);
    if (failed != NULL) return failed;
    hebb_layer_begin(hebb_tensor_graph(x), "batch_normalization", o->name);
    return hebb_layer_end(hebb_tensor_graph(x), batch_normalization(x, o));
}

/* ---- over the axes of one example ---- */

/* x less its mean over its deviation, along the axes. */
static hebb_tensor *standardized(hebb_tensor *x, const int *axes, int n, double epsilon) {
    hebb_tensor *centered = hebb_sub(x, hebb_mean(x, axes, n, true));
    hebb_tensor *variance = hebb_mean(hebb_square(centered), axes, n, true);
    return hebb_mul(centered, hebb_rsqrt(plus(variance, epsilon)));
}

static hebb_tensor *over_last_axes(hebb_tensor *x, bool rms, const hebb_normalization_options *o) {
    static const char *const names[] = {"layer_normalization", "rms_normalization"};
    if (hebb_tensor_is_inert(x)) return x;
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_shape shape = hebb_tensor_shape(x);
    int n = o->axes == 0 ? 1 : o->axes, axes[HEBB_MAX_RANK];
    if (n < 1 || n > HEBB_MAX_RANK)
        return hebb_graph_fail(graph, HEBB_E_ARGUMENT, "normalization: axes is not in 1 to 8");
    hebb_tensor *failed =
        check(names[rms], x, n, shape.rank - n < 0 ? 0 : shape.rank - n, shape.rank, o);
    if (failed != NULL) return failed;
    hebb_shape sizes = {.rank = n};
    for (int k = 0; k < n; k++) {
        axes[k] = k - n;
        sizes.dim[k] = shape.dim[shape.rank - n + k];
    }
    hebb_layer_begin(graph, names[rms], o->name);
    hebb_tensor *wide = hebb_cast(x, wide_dtype(x)), *y;
    if (rms) {
        hebb_tensor *square = hebb_mean(hebb_square(wide), axes, n, true);
        y = hebb_mul(wide, hebb_rsqrt(plus(square, or_default(o->epsilon, 1e-6))));
    } else {
        y = standardized(wide, axes, n, or_default(o->epsilon, 1e-3));
    }
    y = scale_and_shift(y, sizes, sizes, o, !rms);
    return hebb_layer_end(graph, hebb_cast(y, hebb_tensor_dtype(x)));
}

hebb_tensor *hebb_layer_normalization_with(hebb_tensor *x,
                                           const hebb_normalization_options *options) {
    static const hebb_normalization_options defaults;
    return over_last_axes(x, false, options != NULL ? options : &defaults);
}

hebb_tensor *hebb_rms_normalization_with(hebb_tensor *x,
                                         const hebb_normalization_options *options) {
    static const hebb_normalization_options defaults;
    return over_last_axes(x, true, options != NULL ? options : &defaults);
}

/* ---- groups ---- */

static hebb_tensor *by_groups(hebb_tensor *x, const char *what, int64_t groups,
                              const hebb_normalization_options *o) {
    hebb_shape shape = hebb_tensor_shape(x);
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_tensor *failed = check(what, x, 2, 1, shape.rank, o);
    if (failed != NULL) return failed;
    char message[160];
    int64_t channels = shape.dim[1], places = 1;
    if (groups == 0) groups = channels;
    snprintf(message, sizeof message, "%s: %lld groups do not divide %lld channels", what,
             (long long)groups, (long long)channels);
    if (groups < 1 || channels % groups != 0)
        return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    for (int k = 2; k < shape.rank; k++) places *= shape.dim[k];
    hebb_layer_begin(graph, what, o->name);
    hebb_tensor *wide = hebb_cast(x, wide_dtype(x));
    hebb_tensor *grouped =
        hebb_reshape(wide, HEBB_SHAPE(HEBB_ANY, groups, channels / groups, places));
    hebb_tensor *mean = hebb_mean(grouped, HEBB_AXES(2, 3), true);
    hebb_tensor *variance = hebb_mean(hebb_square(hebb_sub(grouped, mean)), HEBB_AXES(2, 3), true);
    hebb_tensor *y = normalized(grouped, mean, variance, HEBB_SHAPE(channels),
                                HEBB_SHAPE(1, groups, channels / groups, 1), o);
    y = hebb_reshape_like(y, wide);
    return hebb_layer_end(graph, hebb_cast(y, hebb_tensor_dtype(x)));
}

hebb_tensor *hebb_group_normalization_with(hebb_tensor *x, int64_t groups,
                                           const hebb_normalization_options *options) {
    static const hebb_normalization_options defaults;
    if (hebb_tensor_is_inert(x)) return x;
    return by_groups(x, "group_normalization", groups == 0 ? -1 : groups,
                     options != NULL ? options : &defaults);
}

hebb_tensor *hebb_instance_normalization_with(hebb_tensor *x,
                                              const hebb_normalization_options *options) {
    static const hebb_normalization_options defaults;
    if (hebb_tensor_is_inert(x)) return x;
    return by_groups(x, "instance_normalization", 0, options != NULL ? options : &defaults);
}

/* ---- rows and kernels ---- */

hebb_tensor *hebb_unit_normalization(hebb_tensor *x, int axis) {
    if (hebb_tensor_is_inert(x)) return x;
    hebb_tensor *wide = hebb_cast(x, wide_dtype(x));
    hebb_tensor *square = hebb_sum(hebb_square(wide), HEBB_AXES(axis), true);
    square = hebb_maximum(square, hebb_scalar_like(square, 1e-12));
    return hebb_cast(hebb_mul(wide, hebb_rsqrt(square)), hebb_tensor_dtype(x));
}

/* A matrix as its columns: [rows, rest]. */
static hebb_tensor *as_matrix(hebb_tensor *kernel) {
    hebb_shape shape = hebb_tensor_shape(kernel);
    return shape.rank == 2 ? kernel : hebb_reshape(kernel, HEBB_SHAPE(shape.dim[0], HEBB_ANY));
}

hebb_tensor *hebb_spectral_normalization(hebb_tensor *kernel) {
    if (hebb_tensor_is_inert(kernel)) return kernel;
    hebb_graph *graph = hebb_tensor_graph(kernel);
    hebb_shape shape = hebb_tensor_shape(kernel);
    if (shape.rank < 2 || hebb_shape_count(shape) < 1)
        return hebb_graph_fail(graph, HEBB_E_SHAPE,
                               "spectral_normalization: the kernel has no rank of 2 or more, or an "
                               "open size");
    hebb_tensor *matrix = as_matrix(kernel);
    hebb_tensor *u = hebb_state(graph, "u", hebb_tensor_dtype(kernel), HEBB_SHAPE(1, shape.dim[0]),
                                hebb_normal(0, 1));
    hebb_tensor *fixed = hebb_stop_gradient(matrix);
    hebb_tensor *v = hebb_unit_normalization(hebb_matmul(u, fixed), -1); /* [1, rest] */
    hebb_tensor *next =
        hebb_unit_normalization(hebb_matmul(v, hebb_transpose(fixed, HEBB_AXES(1, 0))), -1);
    hebb_tensor *product = hebb_mul(hebb_matmul(next, matrix), v);
    hebb_tensor *sigma = hebb_sum(product, HEBB_ALL_AXES, false);
    hebb_attach_update(kernel, hebb_assign(u, next));
    return hebb_div(kernel, sigma);
}
