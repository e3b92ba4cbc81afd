/* Convolution layers and what changes sizes (hebb/conv_layers.h): composed from hebb/conv.h. */
#include <stdio.h>

#include <hebb/conv.h>
#include <hebb/conv_layers.h>
#include <hebb/layer.h>
#include <hebb/movement.h>

#include "nn.h"

/* What the layers differ in. */
typedef struct plan {
    const char *kind; /* "conv2d" */
    int dimensions;
    int64_t filters, size;
    bool transposed;
    bool depthwise;
} plan;

hebb_shape hebb_cube(int dimensions, int64_t size) {
    hebb_shape shape = {.rank = dimensions};
    for (int k = 0; k < dimensions && k < HEBB_MAX_RANK; k++) shape.dim[k] = size;
    return shape;
}

/* NULL if the layer can be made of x; else what it returns. */
static hebb_tensor *check(hebb_tensor *x, const plan *p, const hebb_conv_layer_options *o) {
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_shape shape = hebb_tensor_shape(x);
    char message[320], text[160];
    snprintf(message, sizeof message,
             "%s: x is %s %s; wanted is a floating tensor of rank %d with known channels (axis 1)",
             p->kind, hebb_dtype_name(hebb_tensor_dtype(x)),
             hebb_shape_text(shape, text, sizeof text), p->dimensions + 2);
    if (!hebb_dtype_floating(hebb_tensor_dtype(x)))
        return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    if (shape.rank != p->dimensions + 2 || shape.dim[1] == HEBB_ANY)
        return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    int64_t groups = o->groups == 0 ? 1 : o->groups;
    snprintf(message, sizeof message,
             "%s: %lld filters of size %lld in %lld groups of %lld channels; wanted are 1 to "
             "2^31 - 1, and groups that divide filters and channels",
             p->kind, (long long)p->filters, (long long)p->size, (long long)groups,
             (long long)shape.dim[1]);
    bool sizes = hb_is_size(p->filters) && hb_is_size(groups);
    for (int k = 0; k < p->dimensions; k++)
        sizes = sizes && hb_is_size(hb_kernel_size(o->kernel, p->size, k));
    if (!sizes || p->filters % groups != 0 || shape.dim[1] % groups != 0)
        return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
    return NULL;
}

static hebb_shape kernel_shape(const plan *p, const hebb_conv_layer_options *o, int64_t channels,
                               int64_t groups) {
    hebb_shape shape = {.rank = p->dimensions + 2};
    shape.dim[0] = p->transposed ? channels : p->filters;
    shape.dim[1] = (p->transposed ? p->filters : channels) / groups;
    for (int k = 0; k < p->dimensions; k++)
        shape.dim[k + 2] = hb_kernel_size(o->kernel, p->size, k);
    return shape;
}

static hebb_conv_options conv_options(const hebb_conv_layer_options *o, int64_t groups) {
    hebb_conv_options c = {.padding = o->padding, .groups = groups};
    for (int k = 0; k < 3; k++) {
        c.stride[k] = o->stride[k];
        c.dilation[k] = o->dilation[k];
        c.output_padding[k] = o->output_padding[k];
        c.pad[k][0] = o->pad[k][0];
        c.pad[k][1] = o->pad[k][1];
    }
    return c;
}

/* A bias for each channel: [filters], seen as [filters, 1, ...]. */
static hebb_tensor *with_bias(hebb_tensor *y, const plan *p, hebb_initializer initializer) {
    hebb_tensor *bias = hebb_variable(hebb_tensor_graph(y), "bias", hebb_tensor_dtype(y),
                                      HEBB_SHAPE(p->filters), initializer);
    hebb_shape view = hebb_cube(p->dimensions + 1, 1);
    view.dim[0] = p->filters;
    return hebb_add(y, hebb_reshape(bias, view));
}

static hebb_tensor *convolve(hebb_tensor *x, const plan *p, const hebb_conv_layer_options *o) {
    int64_t channels = hebb_tensor_shape(x).dim[1];
    int64_t groups = p->depthwise ? channels : o->groups == 0 ? 1 : o->groups;
    hebb_tensor *kernel = hb_kernel(x, kernel_shape(p, o, channels, groups), o->kernel_initializer,
                                    o->kernel_l1, o->kernel_l2, o->reparameterization);
    hebb_conv_options c = conv_options(o, groups);
    hebb_tensor *y =
        p->transposed ? hebb_conv_transpose_with(x, kernel, &c) : hebb_conv_with(x, kernel, &c);
    if (!o->no_bias) y = with_bias(y, p, o->bias_initializer);
    return o->activation != NULL ? o->activation(y) : y;
}

static hebb_tensor *make(hebb_tensor *x, const plan *p, const hebb_conv_layer_options *options) {
    static const hebb_conv_layer_options defaults;
    const hebb_conv_layer_options *o = options != NULL ? options : &defaults;
    if (hebb_tensor_is_inert(x)) return x;
    hebb_tensor *failed = check(x, p, o);
    if (failed != NULL) return failed;
    hebb_layer_begin(hebb_tensor_graph(x), p->kind, o->name);
    return hebb_layer_end(hebb_tensor_graph(x), convolve(x, p, o));
}

/* "conv2d" of "conv%dd". */
static const char *kind_of(const char *const kinds[3], int dimensions) {
    return kinds[dimensions < 1 || dimensions > 3 ? 0 : dimensions - 1];
}

hebb_tensor *hebb_conv_layer_with(hebb_tensor *x, int dimensions, int64_t filters, int64_t size,
                                  const hebb_conv_layer_options *options) {
    static const char *const kinds[] = {"conv1d", "conv2d", "conv3d"};
    plan p = {kind_of(kinds, dimensions), dimensions, filters, size, false, false};
    return make(x, &p, options);
}

hebb_tensor *hebb_conv_transpose_layer_with(hebb_tensor *x, int dimensions, int64_t filters,
                                            int64_t size, const hebb_conv_layer_options *options) {
    static const char *const kinds[] = {"conv1d_transpose", "conv2d_transpose", "conv3d_transpose"};
    plan p = {kind_of(kinds, dimensions), dimensions, filters, size, true, false};
    return make(x, &p, options);
}

static int64_t depthwise_filters(const hebb_tensor *x, const hebb_conv_layer_options *o) {
    int64_t multiplier = o == NULL || o->multiplier == 0 ? 1 : o->multiplier;
    hebb_shape shape = hebb_tensor_shape(x);
    if (shape.rank < 2 || !hb_is_size(shape.dim[1]) || !hb_is_size(multiplier)) return multiplier;
    return shape.dim[1] * multiplier;
}

hebb_tensor *hebb_depthwise_layer_with(hebb_tensor *x, int dimensions, int64_t size,
                                       const hebb_conv_layer_options *options) {
    static const char *const kinds[] = {"depthwise_conv1d", "depthwise_conv2d", "depthwise_conv3d"};
    plan p = {
        kind_of(kinds, dimensions), dimensions, depthwise_filters(x, options), size, false, true};
    return make(x, &p, options);
}

hebb_tensor *hebb_separable_layer_with(hebb_tensor *x, int dimensions, int64_t filters,
                                       int64_t size, const hebb_conv_layer_options *options) {
    static const char *const kinds[] = {"separable_conv1d", "separable_conv2d", "separable_conv3d"};
    static const hebb_conv_layer_options defaults;
    if (hebb_tensor_is_inert(x)) return x;
    hebb_conv_layer_options deep = options != NULL ? *options : defaults, point = {0};
    point.activation = deep.activation;
    point.no_bias = deep.no_bias;
    point.kernel_initializer = deep.kernel_initializer;
    point.bias_initializer = deep.bias_initializer;
    point.kernel_l1 = deep.kernel_l1;
    point.kernel_l2 = deep.kernel_l2;
    point.name = "pointwise";
    hebb_layer_begin(hebb_tensor_graph(x), kind_of(kinds, dimensions), deep.name);
    deep.activation = NULL;
    deep.no_bias = true;
    deep.name = "depthwise";
    hebb_tensor *y = hebb_depthwise_layer_with(x, dimensions, size, &deep);
    y = hebb_conv_layer_with(y, dimensions, filters, 1, &point);
    return hebb_layer_end(hebb_tensor_graph(x), y);
}

/* ---- sizes ---- */

static hebb_tensor *bad_size(const char *what, hebb_tensor *x, int dimensions, int64_t number) {
    char message[256], text[160];
    snprintf(message, sizeof message, "%s: by %lld over the last %d axes of %s", what,
             (long long)number, dimensions,
             hebb_shape_text(hebb_tensor_shape(x), text, sizeof text));
    return hebb_graph_fail(hebb_tensor_graph(x), HEBB_E_ARGUMENT, message);
}

static bool fits(hebb_tensor *x, int dimensions) {
    return dimensions >= 1 && dimensions <= hebb_tensor_shape(x).rank;
}

/* Whether resizing, which is one pass over memory, makes `times` times as much of the sizes. */
static bool can_resize(hebb_tensor *x, int dimensions, int64_t times) {
    const hebb_shape shape = hebb_tensor_shape(x);
    const hebb_dtype dtype = hebb_tensor_dtype(x);
    bool can = dimensions <= 3 && (dtype == HEBB_F32 || dtype == HEBB_F64);
    for (int k = shape.rank - dimensions; k < shape.rank; k++)
        can = can && shape.dim[k] >= 1 && shape.dim[k] <= INT32_MAX / times;
    return can;
}

hebb_tensor *hebb_up_sampling(hebb_tensor *x, int dimensions, int64_t times) {
    if (hebb_tensor_is_inert(x)) return x;
    if (!fits(x, dimensions) || times < 1) return bad_size("up_sampling", x, dimensions, times);
    const hebb_shape shape = hebb_tensor_shape(x);
    if (can_resize(x, dimensions, times)) {
        hebb_shape sizes = {.rank = dimensions};
        for (int k = 0; k < dimensions; k++)
            sizes.dim[k] = times * shape.dim[shape.rank - dimensions + k];
        return hebb_resize(x, sizes);
    }
    for (int k = shape.rank - dimensions; k < shape.rank; k++) x = hebb_repeat(x, k, times);
    return x;
}

hebb_tensor *hebb_zero_padding(hebb_tensor *x, int dimensions, int64_t width) {
    if (hebb_tensor_is_inert(x)) return x;
    if (!fits(x, dimensions) || width < 0) return bad_size("zero_padding", x, dimensions, width);
    hebb_border borders[HEBB_MAX_RANK];
    for (int k = 0; k < dimensions; k++) borders[k] = (hebb_border){k - dimensions, width, width};
    return hebb_pad(x, borders, dimensions, 0);
}

hebb_tensor *hebb_cropping(hebb_tensor *x, int dimensions, int64_t width) {
    if (hebb_tensor_is_inert(x)) return x;
    if (!fits(x, dimensions) || width < 0) return bad_size("cropping", x, dimensions, width);
    if (width == 0) return x;
    hebb_range ranges[HEBB_MAX_RANK];
    hebb_shape shape = hebb_tensor_shape(x);
    for (int k = 0; k < dimensions; k++) {
        int64_t size = shape.dim[shape.rank - dimensions + k];
        if (size != HEBB_ANY && width > size / 2) return bad_size("cropping", x, dimensions, width);
        ranges[k] = (hebb_range){.axis = k - dimensions, .start = width, .stop = -width, .step = 1};
    }
    return hebb_slice(x, ranges, dimensions);
}
