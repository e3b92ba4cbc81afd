/* Builders of convolutions, windows and padding (hebb/conv.h): each checks its options and makes a
   node. Pooling and resizing are composed of these, in build_pool.c. */
#include <math.h>
#include <string.h>

#include "build.h"

/* ---- options ---- */

/* Whether no number is negative or beyond 2^31 - 1. */
static bool in_range(const int64_t *numbers, int n) {
    for (int k = 0; k < n; k++)
        if (numbers[k] < 0 || numbers[k] > INT32_MAX) return false;
    return true;
}

static bool refuse(hebb_tensor *x, const char *op, const char *what) {
    hb_graph_error(x->graph, HEBB_E_ARGUMENT, "%s: %s", op, what);
    return false;
}

/* The options `name`, n numbers of 0 to 2^31 - 1. */
static bool check_numbers(hebb_tensor *x, const char *op, const char *name, const int64_t *numbers,
                          int n) {
    for (int k = 0; k < n; k++)
        if (!in_range(&numbers[k], 1)) {
            hb_graph_error(x->graph, HEBB_E_ARGUMENT,
                           "%s: .%s has a %lld; wanted are 0 to 2^31 - 1", op, name,
                           (long long)numbers[k]);
            return false;
        }
    return true;
}

/* Numbers left out are the ones before. */
static void fill_in(int64_t to[3], const int64_t *from, const int64_t *usual) {
    bool given = from != NULL && (from[0] != 0 || from[1] != 0 || from[2] != 0);
    for (int d = 0; d < 3; d++) {
        to[d] = given ? from[d] : usual != NULL ? usual[d] : 0;
        if (to[d] == 0) to[d] = d > 0 ? to[d - 1] : 1;
    }
}

static bool take_pad(hebb_tensor *x, const hb_window_request *r, hb_window *window) {
    static const int64_t nothing[3][2];
    if (r->padding != HEBB_PADDING_EXPLICIT && r->padding != HEBB_PADDING_VALID &&
        r->padding != HEBB_PADDING_SAME)
        return refuse(x, r->op, "no such padding");
    window->padding = r->padding == HEBB_PADDING_VALID ? HEBB_PADDING_EXPLICIT : r->padding;
    if (r->pad == NULL) return true;
    if (r->padding != HEBB_PADDING_EXPLICIT && memcmp(r->pad, nothing, sizeof nothing) != 0)
        return refuse(x, r->op, ".pad is for HEBB_PADDING_EXPLICIT");
    if (!check_numbers(x, r->op, "pad", &r->pad[0][0], 6)) return false;
    memcpy(window->pad, r->pad, sizeof window->pad);
    return true;
}

bool hb_take_window(hebb_tensor *x, const hb_window_request *r, hb_window *window) {
    *window = (hb_window){.n = r->kernel.rank, .groups = 1};
    if (r->kernel.rank < 0 || r->kernel.rank > 3)
        return refuse(x, r->op, "1 to 3 sizes are wanted");
    for (int d = 0; d < r->kernel.rank; d++) {
        if (r->kernel.dim[d] < 1 || r->kernel.dim[d] > INT32_MAX) {
            hb_graph_error(x->graph, HEBB_E_ARGUMENT,
                           "%s: the window has a size of %lld; wanted are 1 to 2^31 - 1", r->op,
                           (long long)r->kernel.dim[d]);
            return false;
        }
        window->kernel[d] = r->kernel.dim[d];
    }
    if (r->stride != NULL && !check_numbers(x, r->op, "stride", r->stride, 3)) return false;
    if (r->dilation != NULL && !check_numbers(x, r->op, "dilation", r->dilation, 3)) return false;
    fill_in(window->stride, r->stride, r->usual);
    fill_in(window->dilation, r->dilation, NULL);
    return take_pad(x, r, window);
}

/* ---- convolution ---- */

static bool take_conv(hebb_tensor *x, const char *op, const hebb_conv_options *options,
                      hb_window *window) {
    static const hebb_conv_options none;
    if (options == NULL) options = &none;
    hb_window_request request = {.op = op,
                                 .stride = options->stride,
                                 .dilation = options->dilation,
                                 .padding = options->padding,
                                 .pad = options->pad};
    if (!hb_take_window(x, &request, window)) return false;
    if (!check_numbers(x, op, "groups", &options->groups, 1)) return false;
    if (options->groups > 0) window->groups = options->groups;
    memcpy(window->extra, options->output_padding, sizeof window->extra);
    return true;
}

static hebb_tensor *conv_node(hb_op op, hebb_tensor *a, hebb_tensor *b, hebb_tensor *like,
                              const hebb_conv_options *options, bool transposed) {
    static const int64_t nothing[3];
    hb_attrs attrs = {0};
    const char *name = transposed ? "conv_transpose" : hb_op_name(op);
    const bool like_is_input = op == HB_OP_CONV_WEIGHT || (op == HB_OP_CONV_INPUT && !transposed);
    hebb_tensor *in[] = {a, b, like}, *instead;
    const int n_in = like_is_input ? 3 : 2;
    if (!hb_operands(name, in, n_in, &instead)) return instead;
    if (!take_conv(a, name, options, &attrs.window)) return &a->graph->inert;
    const hb_window *window = &attrs.window;
    bool extra = memcmp(window->extra, nothing, sizeof nothing) != 0;
    if (extra && (!transposed || window->padding == HEBB_PADDING_SAME))
        return hb_graph_error(a->graph, HEBB_E_ARGUMENT,
                              "%s: .output_padding is for conv_transpose with explicit padding",
                              name);
    for (int d = 0; d < 3; d++)
        if (window->extra[d] < 0 || window->extra[d] >= window->stride[d])
            return hb_graph_error(a->graph, HEBB_E_ARGUMENT,
                                  "%s: .output_padding must be 0 to stride - 1", name);
    return hb_node(NULL, op, in, n_in, &attrs);
}

hebb_tensor *hebb_conv_with(hebb_tensor *x, hebb_tensor *w, const hebb_conv_options *options) {
    return conv_node(HB_OP_CONV, x, w, NULL, options, false);
}

hebb_tensor *hebb_conv_transpose_with(hebb_tensor *y, hebb_tensor *w,
                                      const hebb_conv_options *options) {
    return conv_node(HB_OP_CONV_INPUT, y, w, NULL, options, true);
}

hebb_tensor *hebb_conv_input_with(hebb_tensor *dy, hebb_tensor *w, hebb_tensor *x,
                                  const hebb_conv_options *options) {
    return conv_node(HB_OP_CONV_INPUT, dy, w, x, options, false);
}

hebb_tensor *hebb_conv_weight_with(hebb_tensor *x, hebb_tensor *dy, hebb_tensor *w,
                                   const hebb_conv_options *options) {
    return conv_node(HB_OP_CONV_WEIGHT, x, dy, w, options, false);
}

/* ---- windows ---- */

hebb_tensor *hebb_windows_with(hebb_tensor *x, hebb_shape kernel,
                               const hebb_window_options *options) {
    hb_attrs attrs = {0};
    if (hebb_tensor_is_inert(x)) return x;
    hb_window_request request = {.op = "windows", .kernel = kernel};
    if (options != NULL) request.stride = options->stride, request.dilation = options->dilation;
    if (kernel.rank < 1)
        return hb_graph_error(x->graph, HEBB_E_ARGUMENT, "windows: 1 to 3 sizes are wanted");
    if (!hb_take_window(x, &request, &attrs.window)) return &x->graph->inert;
    return hb_node(NULL, HB_OP_WINDOWS, &x, 1, &attrs);
}

hebb_tensor *hebb_fold_with(hebb_tensor *y, hebb_shape sizes, const hebb_window_options *options) {
    hb_attrs attrs = {.shape = sizes};
    if (hebb_tensor_is_inert(y)) return y;
    hb_window_request request = {.op = "fold"};
    if (options != NULL) request.stride = options->stride, request.dilation = options->dilation;
    if (sizes.rank < 1 || sizes.rank > 3)
        return hb_graph_error(y->graph, HEBB_E_ARGUMENT, "fold: 1 to 3 sizes are wanted");
    for (int d = 0; d < sizes.rank; d++)
        if (sizes.dim[d] < 0 && sizes.dim[d] != HEBB_ANY)
            return hb_graph_error(y->graph, HEBB_E_ARGUMENT, "fold: a size is negative");
    if (!hb_take_window(y, &request, &attrs.window)) return &y->graph->inert;
    attrs.window.n = sizes.rank;
    return hb_node(NULL, HB_OP_FOLD, &y, 1, &attrs);
}

/* ---- padding ---- */

static hebb_tensor *pad_node(hebb_tensor *x, const hb_attrs *attrs, double value) {
    if (!hb_representable(x->dtype, value))
        return hb_graph_error(x->graph, HEBB_E_ARGUMENT, "pad: %g is not a value of %s", value,
                              hebb_dtype_name(x->dtype));
    hb_attrs own = *attrs;
    own.value = hb_rounded(x->dtype, value);
    return hb_node(NULL, HB_OP_PAD, &x, 1, &own);
}

hebb_tensor *hebb_pad(hebb_tensor *x, const hebb_border *borders, int n_borders, double value) {
    hb_attrs attrs = {.n_borders = n_borders};
    if (hebb_tensor_is_inert(x)) return x;
    if (n_borders < 0 || n_borders > HEBB_MAX_RANK)
        return hb_graph_error(x->graph, HEBB_E_ARGUMENT,
                              "pad: %d borders, where 0 to %d are possible", n_borders,
                              HEBB_MAX_RANK);
    if (borders == NULL && n_borders > 0)
        return hb_graph_error(x->graph, HEBB_E_NULL, "pad: the borders are NULL");
    for (int b = 0; b < n_borders; b++) {
        attrs.borders[b] = borders[b];
        if (!in_range((int64_t[]){borders[b].before, borders[b].after}, 2))
            return hb_graph_error(x->graph, HEBB_E_ARGUMENT,
                                  "pad: a border is negative or out of range");
    }
    return pad_node(x, &attrs, value);
}

bool hb_is_padded(const hb_window *window) {
    static const int64_t nothing[3][2];
    return window->padding != HEBB_PADDING_EXPLICIT ||
           memcmp(window->pad, nothing, (size_t)window->n * sizeof nothing[0]) != 0;
}

hebb_tensor *hb_pad_for(hebb_tensor *x, const hb_window *window, double value) {
    if (!hb_is_padded(window)) return x;
    return pad_node(x, &(hb_attrs){.window = *window}, value);
}
