/* What is done to inputs as part of a model (hebb/preprocessing.h). */
#include <math.h>
#include <stdio.h>

#include <hebb/ops.h>
#include <hebb/preprocessing.h>

static hebb_tensor *not_floating(const char *what, hebb_tensor *x) {
    char message[128];
    snprintf(message, sizeof message, "%s: x is %s, not floating", what,
             hebb_dtype_name(hebb_tensor_dtype(x)));
    return hebb_graph_fail(hebb_tensor_graph(x), HEBB_E_DTYPE, message);
}

hebb_tensor *hebb_rescaling(hebb_tensor *x, double scale, double offset) {
    if (hebb_tensor_is_inert(x)) return x;
    if (!hebb_dtype_floating(hebb_tensor_dtype(x))) x = hebb_cast(x, HEBB_F32);
    return hebb_add(hebb_mul(x, hebb_scalar_like(x, scale)), hebb_scalar_like(x, offset));
}

/* ---- normalization ---- */

/* A constant with what is made of the numbers along one axis, and sizes of 1 along the others. */
static hebb_tensor *along(hebb_tensor *x, int axis, const hebb_array *numbers,
                          double (*make)(double)) {
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_dtype dtype = hebb_tensor_dtype(x) == HEBB_F64 ? HEBB_F64 : HEBB_F32;
    hebb_shape view = {.rank = hebb_tensor_shape(x).rank};
    int64_t count = hebb_array_count(numbers);
    for (int k = 0; k < view.rank; k++) view.dim[k] = k == axis ? count : 1;
    hebb_array array = hebb_array_zeros(dtype, view);
    if (array.data == NULL)
        return hebb_graph_fail(graph, HEBB_E_MEMORY, "normalization: out of memory");
    for (int64_t k = 0; k < count; k++) hebb_array_set(&array, k, make(hebb_array_at(numbers, k)));
    hebb_tensor *constant = hebb_constant(graph, &array);
    hebb_array_free(&array);
    return constant;
}

static double same(double x) { return x; }
static double one_over_deviation(double variance) { return 1 / fmax(sqrt(variance), 1e-7); }

static bool are_fine(const hebb_array *numbers, double least) {
    for (int64_t k = 0; k < hebb_array_count(numbers); k++) {
        double number = hebb_array_at(numbers, k);
        if (!(number >= least) || isinf(number)) return false;
    }
    return true;
}

hebb_tensor *hebb_normalization(hebb_tensor *x, int axis, const hebb_array *mean,
                                const hebb_array *variance) {
    if (hebb_tensor_is_inert(x)) return x;
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_shape shape = hebb_tensor_shape(x);
    if (!hebb_dtype_floating(hebb_tensor_dtype(x))) return not_floating("normalization", x);
    if (mean == NULL || variance == NULL || mean->data == NULL || variance->data == NULL)
        return hebb_graph_fail(graph, HEBB_E_NULL, "normalization: mean or variance is NULL");
    int at = axis < 0 ? axis + shape.rank : axis;
    char message[320], text[160];
    int64_t means = hebb_array_count(mean), variances = hebb_array_count(variance);
    snprintf(message, sizeof message,
             "normalization: %lld means and %lld variances for axis %d of x %s; wanted is one for "
             "each of its places, which are known, or one for all",
             (long long)means, (long long)variances, axis,
             hebb_shape_text(shape, text, sizeof text));
    if (at < 0 || at >= shape.rank) return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    if (means != variances || (means != 1 && means != shape.dim[at]))
        return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    if (!are_fine(mean, -INFINITY) || !are_fine(variance, 0))
        return hebb_graph_fail(
            graph, HEBB_E_ARGUMENT,
            "normalization: a mean or variance is not finite, or a variance below 0");
    hebb_tensor *shift = along(x, at, mean, same),
                *factor = along(x, at, variance, one_over_deviation);
    hebb_tensor *wide = hebb_cast(x, hebb_tensor_dtype(shift));
    return hebb_cast(hebb_mul(hebb_sub(wide, shift), factor), hebb_tensor_dtype(x));
}

/* ---- scaling ---- */

/* A state with the numbers, NULL: all `preset`, as a tensor that fits along that axis of rank. */
static hebb_tensor *numbers_state(hebb_graph *graph, const char *name, hebb_dtype dtype,
                                  const double *numbers, int64_t count, double preset, int axis,
                                  int rank) {
    hebb_array array = hebb_array_zeros(dtype, HEBB_SHAPE(count));
    if (array.data == NULL)
        return hebb_graph_fail(graph, HEBB_E_MEMORY, "scaling_layer: out of memory");
    for (int64_t k = 0; k < count; k++)
        hebb_array_set(&array, k, numbers != NULL ? numbers[k] : preset);
    hebb_tensor *state = hebb_state(graph, name, dtype, HEBB_SHAPE(count),
                                    hebb_initial_tensor(hebb_constant(graph, &array)));
    hebb_array_free(&array);
    hebb_shape along = {.rank = rank};
    for (int k = 0; k < rank; k++) along.dim[k] = k == axis ? count : 1;
    return hebb_reshape(state, along);
}

/* How many features x and the scaling have; -1 if they do not fit. */
static int64_t features_of(hebb_shape x, int axis, const hebb_scaling *scaling) {
    const int64_t own = x.rank < 2 ? 1 : x.dim[axis];
    if (scaling == NULL) return own;
    return scaling->features == 1 || scaling->features == own ? scaling->features : -1;
}

hebb_tensor *hebb_scaling_layer_with(hebb_tensor *x, const hebb_scaling *scaling,
                                     const hebb_scaling_layer_options *options) {
    static const hebb_scaling_layer_options defaults;
    const hebb_scaling_layer_options *o = options != NULL ? options : &defaults;
    if (hebb_tensor_is_inert(x)) return x;
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_shape shape = hebb_tensor_shape(x);
    hebb_dtype dtype = hebb_tensor_dtype(x);
    const int wanted = o->axis == 0 ? 1 : o->axis, axis = wanted < 0 ? wanted + shape.rank : wanted;
    char message[320], text[160];
    if (dtype == HEBB_BOOL)
        return hebb_graph_fail(graph, HEBB_E_DTYPE, "scaling_layer: x is bool, not numeric");
    if (shape.rank > 1 && (axis < 1 || axis >= shape.rank)) {
        snprintf(message, sizeof message, "scaling_layer: x is %s: there is no axis %d of features",
                 hebb_shape_text(shape, text, sizeof text), wanted);
        return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    }
    const int64_t features = features_of(shape, axis, scaling);
    if (features < 1) {
        snprintf(message, sizeof message,
                 "scaling_layer: x is %s, the scaling of %lld features; wanted are as many along "
                 "axis %d, or a scaling of one",
                 hebb_shape_text(shape, text, sizeof text),
                 scaling == NULL ? 0LL : (long long)scaling->features, axis);
        return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    }
    const hebb_dtype wide = dtype == HEBB_F64 ? HEBB_F64 : HEBB_F32;
    const int rank = shape.rank < 2 ? 0 : shape.rank;
    hebb_layer_begin(graph, "scaling", o->name);
    hebb_tensor *shift = numbers_state(
        graph, "shift", wide, scaling != NULL ? scaling->shift : NULL, features, 0, axis, rank);
    hebb_tensor *scale = numbers_state(
        graph, "scale", wide, scaling != NULL ? scaling->scale : NULL, features, 1, axis, rank);
    hebb_tensor *y = hebb_cast(x, wide);
    y = o->undo ? hebb_add(hebb_mul(y, scale), shift) : hebb_div(hebb_sub(y, shift), scale);
    return hebb_layer_end(graph, hebb_dtype_floating(dtype) ? hebb_cast(y, dtype) : y);
}

/* ---- sizes and categories ---- */

hebb_tensor *hebb_center_crop(hebb_tensor *x, hebb_shape sizes) {
    if (hebb_tensor_is_inert(x)) return x;
    hebb_shape shape = hebb_tensor_shape(x);
    hebb_range ranges[3];
    bool fits = sizes.rank >= 1 && sizes.rank <= 3 && sizes.rank <= shape.rank;
    for (int k = 0; fits && k < sizes.rank; k++) {
        int64_t size = shape.dim[shape.rank - sizes.rank + k];
        fits = sizes.dim[k] >= 0 && sizes.dim[k] <= size;
        if (!fits) break;
        int64_t from = (size - sizes.dim[k]) / 2;
        ranges[k] = (hebb_range){k - sizes.rank, from, from + sizes.dim[k], 1};
    }
    if (fits) return hebb_slice(x, ranges, sizes.rank);
    char message[400], had[160], wanted[160];
    snprintf(message, sizeof message,
             "center_crop: %s of x %s; wanted are 1 to 3 sizes, not larger than those of x, which "
             "are known",
             hebb_shape_text(sizes, wanted, sizeof wanted),
             hebb_shape_text(shape, had, sizeof had));
    return hebb_graph_fail(hebb_tensor_graph(x), HEBB_E_SHAPE, message);
}

hebb_tensor *hebb_category_encoding(hebb_tensor *ids, int64_t categories, hebb_category_mode mode) {
    if (hebb_tensor_is_inert(ids)) return ids;
    hebb_graph *graph = hebb_tensor_graph(ids);
    char message[200];
    snprintf(message, sizeof message,
             "category_encoding: ids are %s of rank %d, wanted i32 of rank 1 or more; categories "
             "> 0 (here %lld); a mode that there is (here %d)",
             hebb_dtype_name(hebb_tensor_dtype(ids)), hebb_tensor_shape(ids).rank,
             (long long)categories, (int)mode);
    if (hebb_tensor_dtype(ids) != HEBB_I32) return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    if (categories < 1 || mode < HEBB_MULTI_HOT || mode > HEBB_ONE_HOT)
        return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    if (mode == HEBB_ONE_HOT) return hebb_one_hot(ids, categories, HEBB_F32);
    if (hebb_tensor_shape(ids).rank < 1) return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    hebb_tensor *counts = hebb_sum(hebb_one_hot(ids, categories, HEBB_F32), HEBB_AXES(-2), false);
    return mode == HEBB_COUNT ? counts : hebb_minimum(counts, hebb_scalar_like(counts, 1));
}

hebb_tensor *hebb_discretization(hebb_tensor *x, const double *boundaries, int count) {
    if (hebb_tensor_is_inert(x)) return x;
    hebb_graph *graph = hebb_tensor_graph(x);
    if (!hebb_dtype_floating(hebb_tensor_dtype(x))) return not_floating("discretization", x);
    if (boundaries == NULL)
        return hebb_graph_fail(graph, HEBB_E_NULL, "discretization: the boundaries are NULL");
    char message[128];
    snprintf(message, sizeof message, "discretization: %d boundaries", count);
    if (count < 1) return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    for (int k = 0; k < count; k++) {
        snprintf(message, sizeof message, "discretization: boundary %d, %g, does not rise", k,
                 boundaries[k]);
        if (isnan(boundaries[k]) || (k > 0 && !(boundaries[k] > boundaries[k - 1])))
            return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    }
    hebb_dtype dtype = hebb_tensor_dtype(x) == HEBB_F64 ? HEBB_F64 : HEBB_F32;
    hebb_array array = hebb_array_zeros(dtype, HEBB_SHAPE(count));
    if (array.data == NULL)
        return hebb_graph_fail(graph, HEBB_E_MEMORY, "discretization: out of memory");
    for (int k = 0; k < count; k++) hebb_array_set(&array, k, boundaries[k]);
    hebb_tensor *limits = hebb_constant(graph, &array);
    hebb_array_free(&array);
    hebb_tensor *wide = hebb_expand_dims(hebb_cast(x, dtype), -1);
    hebb_tensor *passed = hebb_cast(hebb_greater_equal(wide, limits), HEBB_I32);
    return hebb_sum(passed, HEBB_AXES(-1), false);
}
