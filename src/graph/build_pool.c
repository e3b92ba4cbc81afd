/* Pooling and resizing (hebb/conv.h). Over windows side by side, these are reductions over windows,
   which are views of x. Other means and resizing are RESAMPLE, linear maps axis by axis, and other
   maxima MAX_POOL, of floating dtypes; of others, windows are of a padded x, and nearest elements
   gathered. */
#include <math.h>
#include <string.h>

#include "build.h"

static hebb_tensor *fail(hebb_tensor *x, hebb_status status, const char *op, const char *what) {
    return hb_graph_error(x->graph, status, "%s: %s", op, what);
}

/* Whether all sizes are possible: HEBB_ANY leaves one as it is. */
static bool are_sizes(hebb_tensor *x, const char *op, hebb_shape sizes, int64_t least) {
    char text[160];
    for (int d = 0; d < sizes.rank; d++) {
        if (sizes.dim[d] == HEBB_ANY || (sizes.dim[d] >= least && sizes.dim[d] <= INT32_MAX))
            continue;
        hb_graph_error(x->graph, HEBB_E_ARGUMENT,
                       "%s: size %d of %s is out of range; wanted are %d to 2^31 - 1", op, d,
                       hebb_shape_text(sizes, text, sizeof text), (int)least);
        return false;
    }
    return true;
}

/* ---- pooling ---- */

static double lowest(hebb_dtype dtype) {
    switch (dtype) {
    case HEBB_I32: return INT32_MIN;
    case HEBB_I64: return -9223372036854775808.0;
    case HEBB_I8: return INT8_MIN;
    case HEBB_U8:
    case HEBB_BOOL: return 0;
    default: return -INFINITY;
    }
}

hebb_tensor *hb_windows_of(hebb_tensor *x, const hb_window *window, double value) {
    hb_attrs attrs = {.window = *window};
    attrs.window.padding = HEBB_PADDING_EXPLICIT; /* x is padded already */
    memset(attrs.window.pad, 0, sizeof attrs.window.pad);
    x = hb_pad_for(x, window, value);
    return hb_node(NULL, HB_OP_WINDOWS, &x, 1, &attrs);
}

static const int last_axes[] = {-1, -2, -3};

/* The last n axes reduced: by their largest, their sum or their mean. */
typedef hebb_tensor *reduction(hebb_tensor *x, const int *axes, int n_axes, bool keep);

static hebb_tensor *reduce_windows(hebb_tensor *x, const hb_window *window, double padding,
                                   reduction *reduce) {
    return reduce(hb_windows_of(x, window, padding), last_axes, window->n, false);
}

static bool take_pool(hebb_tensor *x, const char *op, hebb_shape kernel,
                      const hebb_pool_options *options, hb_window *window) {
    hb_window_request request = {.op = op, .kernel = kernel, .usual = kernel.dim};
    if (options != NULL) {
        request.stride = options->stride;
        request.dilation = options->dilation;
        request.padding = options->padding;
        request.pad = options->pad;
    }
    if (kernel.rank >= 1) return hb_take_window(x, &request, window);
    fail(x, HEBB_E_ARGUMENT, op, "1 to 3 sizes are wanted");
    return false;
}

static bool floating(hebb_tensor *x, const char *op) {
    if (hb_floating(x->dtype)) return true;
    hb_graph_error(x->graph, HEBB_E_DTYPE, "%s: %s is not floating", op, hebb_dtype_name(x->dtype));
    return false;
}

static bool numeric(hebb_tensor *x, const char *op) {
    if (x->dtype != HEBB_BOOL) return true;
    fail(x, HEBB_E_DTYPE, op, "bool is not numeric");
    return false;
}

/* Whether windows lie side by side, without padding. */
static bool is_tiling(const hb_window *window) {
    bool tiles = !hb_is_padded(window);
    for (int d = 0; d < window->n; d++)
        tiles = tiles && window->stride[d] == window->kernel[d] &&
                (window->dilation[d] == 1 || window->kernel[d] == 1);
    return tiles;
}

/* MAX_POOL, or RESAMPLE for means. */
static hebb_tensor *pool_node(hebb_tensor *x, hb_op op, const hb_window *window,
                              bool count_padding) {
    hb_attrs attrs = {
        .axis = -window->n,
        .window = *window,
        .resampling = {.n = window->n, .rule = HB_WINDOWS, .count_padding = count_padding}};
    return hb_node(NULL, op, &x, 1, &attrs);
}

hebb_tensor *hebb_max_pool_with(hebb_tensor *x, hebb_shape kernel,
                                const hebb_pool_options *options) {
    hb_window window;
    if (hebb_tensor_is_inert(x)) return x;
    if (!numeric(x, "max_pool") || !take_pool(x, "max_pool", kernel, options, &window))
        return &x->graph->inert;
    if ((x->dtype == HEBB_F32 || x->dtype == HEBB_F64) && !is_tiling(&window))
        return pool_node(x, HB_OP_MAX_POOL, &window, false);
    return reduce_windows(x, &window, lowest(x->dtype), hebb_max);
}

hebb_tensor *hebb_average_pool_with(hebb_tensor *x, hebb_shape kernel,
                                    const hebb_pool_options *options) {
    hb_window window;
    if (hebb_tensor_is_inert(x)) return x;
    if (!floating(x, "average_pool") || !take_pool(x, "average_pool", kernel, options, &window))
        return &x->graph->inert;
    if (hb_half(x->dtype)) /* as in hebb_mean() */
        return hebb_cast(hebb_average_pool_with(hebb_cast(x, HEBB_F32), kernel, options), x->dtype);
    if (is_tiling(&window)) return reduce_windows(x, &window, 0, hebb_mean);
    return pool_node(x, HB_OP_RESAMPLE, &window, options != NULL && options->count_include_pad);
}

static hebb_tensor *pool_all(hebb_tensor *x, const char *op, reduction *reduce) {
    int axes[] = {2, 3, 4};
    if (hebb_tensor_is_inert(x)) return x;
    if (x->shape.rank < 3 || x->shape.rank > 5)
        return fail(x, HEBB_E_SHAPE, op, "x must have 3 to 5 dimensions");
    return reduce(x, axes, x->shape.rank - 2, true);
}

hebb_tensor *hebb_global_max_pool(hebb_tensor *x) {
    return pool_all(x, "global_max_pool", hebb_max);
}

hebb_tensor *hebb_global_average_pool(hebb_tensor *x) {
    if (!hebb_tensor_is_inert(x) && !floating(x, "global_average_pool")) return &x->graph->inert;
    return pool_all(x, "global_average_pool", hebb_mean);
}

/* ---- adaptive pooling ---- */

static bool take_sizes(hebb_tensor *x, const char *op, hebb_shape sizes, int64_t least) {
    if (sizes.rank < 1 || sizes.rank > 3) fail(x, HEBB_E_ARGUMENT, op, "1 to 3 sizes are wanted");
    else if (x->shape.rank < sizes.rank)
        fail(x, HEBB_E_SHAPE, op, "more sizes than x has dimensions");
    else if (x->shape.rank == HEBB_MAX_RANK)
        fail(x, HEBB_E_SHAPE, op, "x's rank must be less than the most possible");
    return x->graph->error.status == HEBB_OK && are_sizes(x, op, sizes, least);
}

/* A window as large as what each result is made of, if that is the same for all of them. */
static bool even_window(hebb_tensor *x, hebb_shape sizes, hb_window *window) {
    *window = (hb_window){.n = sizes.rank, .groups = 1};
    for (int d = 0; d < sizes.rank; d++) {
        int64_t in = x->shape.dim[x->shape.rank - sizes.rank + d], out = sizes.dim[d];
        if (out == HEBB_ANY) out = in == HEBB_ANY ? 1 : in;
        if (sizes.dim[d] == HEBB_ANY) window->kernel[d] = 1;
        else if (in == HEBB_ANY || in == 0 || in % out != 0 || in / out > INT32_MAX) return false;
        else window->kernel[d] = in / out;
        window->stride[d] = window->kernel[d];
        window->dilation[d] = 1;
    }
    return 2 * sizes.rank + x->shape.rank - sizes.rank <= HEBB_MAX_RANK;
}

/* 0, 1, 2, ..., n - 1 as i64. */
static hebb_tensor *count_to(hebb_tensor *x, int64_t n) {
    hebb_tensor *list = hebb_full(x->graph, HEBB_I64, hebb_shape_of(1, &n), 0);
    return hebb_iota_like(list, 0, HEBB_I64);
}

static hebb_tensor *whole(hebb_tensor *like, int64_t value) {
    return hebb_scalar_like(like, (double)value);
}

/* x with the axis in another place. */
static hebb_tensor *move_axis(hebb_tensor *x, int from, int to) {
    int order[HEBB_MAX_RANK], n = 0;
    if (hebb_tensor_is_inert(x) || from == to) return x;
    for (int k = 0; k < x->shape.rank; k++) {
        if (n == to) order[n++] = from;
        if (k != from) order[n++] = k;
    }
    if (n == to) order[n++] = from;
    return hebb_transpose(x, order, n);
}

/* Along the first of the last n axes and those after it; sizes of HEBB_ANY keep an axis. */
static hebb_tensor *resample(hebb_tensor *x, hb_resample_rule rule, hebb_shape sizes,
                             hebb_coordinates coordinates) {
    hb_attrs attrs = {.axis = -sizes.rank,
                      .resampling = {.n = sizes.rank, .rule = rule, .coordinates = coordinates}};
    memcpy(attrs.resampling.size, sizes.dim, sizeof attrs.resampling.size);
    return hb_node(NULL, HB_OP_RESAMPLE, &x, 1, &attrs);
}

/* Result i of `size` along the last axis of n is over the elements from floor(i n / size) to before
   ceil((i + 1) n / size): the largest of all elements for each result, with the others left out. It
   costs n for each result, and is exact for any size, open ones too. */
static hebb_tensor *largest_of_spans(hebb_tensor *x, int64_t size) {
    hebb_tensor *n = hebb_size(x, HEBB_AXES(-1), HEBB_I64), *i = count_to(x, size);
    hebb_tensor *from = hebb_div(hebb_mul(i, n), whole(i, size));
    hebb_tensor *end = hebb_add(hebb_mul(hebb_add(i, whole(i, 1)), n), whole(i, size - 1));
    hebb_tensor *to = hebb_div(end, whole(i, size));
    hebb_tensor *j = hebb_expand_dims(hebb_iota_like(x, -1, HEBB_I64), -2);
    hebb_tensor *inside = hebb_and(hebb_greater_equal(j, hebb_expand_dims(from, -1)),
                                   hebb_less(j, hebb_expand_dims(to, -1)));
    x = hebb_expand_dims(x, -2);
    if (hebb_tensor_is_inert(x)) return x;
    hebb_tensor *all = hebb_select(inside, x, hebb_scalar_like(x, lowest(x->dtype)));
    return hebb_max(all, last_axes, 1, false);
}

hebb_tensor *hebb_adaptive_max_pool(hebb_tensor *x, hebb_shape sizes) {
    if (hebb_tensor_is_inert(x)) return x;
    if (!numeric(x, "adaptive_max_pool")) return &x->graph->inert;
    hb_window window;
    if (!take_sizes(x, "adaptive_max_pool", sizes, 1)) return &x->graph->inert;
    if (even_window(x, sizes, &window))
        return reduce_windows(x, &window, lowest(x->dtype), hebb_max);
    for (int d = 0; d < sizes.rank && !hebb_tensor_is_inert(x); d++) {
        int axis = x->shape.rank - sizes.rank + d, last = x->shape.rank - 1;
        if (sizes.dim[d] == HEBB_ANY) continue;
        x = move_axis(largest_of_spans(move_axis(x, axis, last), sizes.dim[d]), last, axis);
    }
    return x;
}

hebb_tensor *hebb_adaptive_average_pool(hebb_tensor *x, hebb_shape sizes) {
    if (hebb_tensor_is_inert(x)) return x;
    if (!floating(x, "adaptive_average_pool")) return &x->graph->inert;
    if (hb_half(x->dtype)) /* as in hebb_mean() */
        return hebb_cast(hebb_adaptive_average_pool(hebb_cast(x, HEBB_F32), sizes), x->dtype);
    hb_window window;
    if (!take_sizes(x, "adaptive_average_pool", sizes, 1)) return &x->graph->inert;
    if (even_window(x, sizes, &window)) return reduce_windows(x, &window, 0, hebb_mean);
    return resample(x, HB_SPANS, sizes, HEBB_COORDINATES_DEFAULT);
}

/* ---- resizing ---- */

/* The nearest elements along the first axis, of any dtype: see hb_resample_rule. */
static hebb_tensor *nearest_of_first(hebb_tensor *x, int64_t size, bool half_pixel) {
    hebb_tensor *n = hebb_size(x, HEBB_AXES(0), HEBB_I64), *i = count_to(x, size);
    if (half_pixel) i = hebb_add(hebb_mul(i, whole(i, 2)), whole(i, 1));
    hebb_tensor *place = hebb_div(hebb_mul(i, n), whole(n, half_pixel ? 2 * size : size));
    return hebb_gather(x, hebb_cast(place, HEBB_I32));
}

static hebb_tensor *resize_by_gathering(hebb_tensor *x, hebb_shape sizes, bool half_pixel) {
    for (int d = 0; d < sizes.rank && !hebb_tensor_is_inert(x); d++) {
        int axis = x->shape.rank - sizes.rank + d;
        if (sizes.dim[d] == HEBB_ANY || sizes.dim[d] == x->shape.dim[axis]) continue;
        x = move_axis(nearest_of_first(move_axis(x, axis, 0), sizes.dim[d], half_pixel), 0, axis);
    }
    return x;
}

static bool take_resize(hebb_tensor *x, const hebb_resize_options *options) {
    bool linear = options->method == HEBB_LINEAR;
    if (options->method != HEBB_NEAREST && !linear)
        fail(x, HEBB_E_ARGUMENT, "resize", "no such method");
    else if ((unsigned)options->coordinates > HEBB_COORDINATES_CORNERS)
        fail(x, HEBB_E_ARGUMENT, "resize", "no such coordinates");
    else if (options->coordinates == HEBB_COORDINATES_CORNERS && !linear)
        fail(x, HEBB_E_ARGUMENT, "resize", "corners are for HEBB_LINEAR");
    else if (!linear || floating(x, "resize")) return true;
    return false;
}

hebb_tensor *hebb_resize_with(hebb_tensor *x, hebb_shape sizes,
                              const hebb_resize_options *options) {
    static const hebb_resize_options usual;
    if (hebb_tensor_is_inert(x)) return x;
    if (options == NULL) options = &usual;
    if (!take_resize(x, options)) return &x->graph->inert;
    if (sizes.rank < 1 || sizes.rank > 3)
        return fail(x, HEBB_E_ARGUMENT, "resize", "1 to 3 sizes are wanted");
    if (x->shape.rank < sizes.rank)
        return fail(x, HEBB_E_SHAPE, "resize", "more sizes than x has dimensions");
    if (!are_sizes(x, "resize", sizes, 1)) return &x->graph->inert;
    const bool linear = options->method == HEBB_LINEAR;
    hebb_coordinates c = options->coordinates;
    if (c == HEBB_COORDINATES_DEFAULT)
        c = linear ? HEBB_COORDINATES_HALF_PIXEL : HEBB_COORDINATES_ASYMMETRIC;
    if (hb_floating(x->dtype)) return resample(x, linear ? HB_LINEAR : HB_NEAREST, sizes, c);
    return resize_by_gathering(x, sizes, c == HEBB_COORDINATES_HALF_PIXEL);
}
