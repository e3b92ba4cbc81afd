/* An LSTM whose products are convolutions (hebb/recurrent.h): those of all inputs before the loop,
   those of states in it. */
#include <stdio.h>

#include <hebb/conv_layers.h>
#include <hebb/layer.h>
#include <hebb/movement.h>
#include <hebb/recurrent.h>

#include "nn.h"

typedef struct conv_lstm {
    const hebb_conv_lstm_options *o;
    int64_t filters, size;
    int dimensions;
    hebb_tensor *recurrent_kernel;
} conv_lstm;

static hebb_tensor *activation(const conv_lstm *l, hebb_tensor *x) {
    return l->o->activation != NULL ? l->o->activation(x) : hebb_tanh(x);
}
static hebb_tensor *recurrent_activation(const conv_lstm *l, hebb_tensor *x) {
    return l->o->recurrent_activation != NULL ? l->o->recurrent_activation(x) : hebb_sigmoid(x);
}

static hebb_tensor *gate(const conv_lstm *l, hebb_tensor *z, int k) {
    return hebb_slice(z, HEBB_RANGES({1, k * l->filters, (k + 1) * l->filters, 1}));
}

static void body(hebb_scan_frame *f) {
    const conv_lstm *l = f->user;
    hebb_conv_options same = {.padding = HEBB_PADDING_SAME};
    hebb_tensor *z = hebb_add(f->in[0], hebb_conv_with(f->state[0], l->recurrent_kernel, &same));
    hebb_tensor *input = recurrent_activation(l, gate(l, z, 0));
    hebb_tensor *forget = recurrent_activation(l, gate(l, z, 1));
    hebb_tensor *candidate = activation(l, gate(l, z, 2));
    hebb_tensor *output = recurrent_activation(l, gate(l, z, 3));
    f->next[1] = hebb_add(hebb_mul(forget, f->state[1]), hebb_mul(input, candidate));
    f->next[0] = f->out[0] = hebb_mul(output, activation(l, f->next[1]));
}

static hebb_tensor *check(hebb_tensor *x, const conv_lstm *l) {
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_shape shape = hebb_tensor_shape(x);
    char message[320], text[160];
    snprintf(message, sizeof message,
             "conv_lstm: x is %s %s, of %lld filters of size %lld; wanted is a floating tensor "
             "[batch, time, channels, 1 to 3 sizes], known but for batch and time, and numbers of "
             "1 to 2^31 - 1",
             hebb_dtype_name(hebb_tensor_dtype(x)), hebb_shape_text(shape, text, sizeof text),
             (long long)l->filters, (long long)l->size);
    if (!hebb_dtype_floating(hebb_tensor_dtype(x)))
        return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    bool known = shape.rank >= 4 && shape.rank <= 6;
    for (int k = 2; known && k < shape.rank; k++) known = shape.dim[k] != HEBB_ANY;
    if (!known) return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    bool sizes = hb_is_size(l->filters);
    for (int k = 0; k < l->dimensions; k++)
        sizes = sizes && hb_is_size(hb_kernel_size(l->o->kernel, l->size, k));
    return sizes ? NULL : hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
}

/* [4 filters, channels, size...] */
static hebb_shape kernel_shape(const conv_lstm *l, int64_t channels) {
    hebb_shape shape = {.rank = l->dimensions + 2, .dim = {4 * l->filters, channels}};
    for (int k = 0; k < l->dimensions; k++)
        shape.dim[k + 2] = hb_kernel_size(l->o->kernel, l->size, k);
    return shape;
}

/* 0 but for the forget gate, which starts open; seen as [4 filters, 1...]. */
static hebb_tensor *bias(hebb_tensor *x, const conv_lstm *l) {
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_dtype dtype = hebb_tensor_dtype(x);
    hebb_tensor *parts[4];
    for (int k = 0; k < 4; k++)
        parts[k] = hebb_full(graph, dtype, HEBB_SHAPE(l->filters),
                             k == 1 && !l->o->no_unit_forget_bias ? 1 : 0);
    hebb_tensor *b = hebb_variable(graph, "bias", dtype, HEBB_SHAPE(4 * l->filters),
                                   hebb_initial_tensor(hebb_concat(parts, 4, 0)));
    hebb_shape view = hebb_cube(l->dimensions + 1, 1);
    view.dim[0] = 4 * l->filters;
    return hebb_reshape(b, view);
}

/* [time, batch, 4 filters, sizes...]: what the inputs give to the gates of all steps. */
static hebb_tensor *convolved(hebb_tensor *x, conv_lstm *l) {
    const hebb_conv_lstm_options *o = l->o;
    hebb_graph *graph = hebb_tensor_graph(x);
    hebb_shape shape = hebb_tensor_shape(x), rows = {.rank = shape.rank - 1, .dim = {HEBB_ANY}};
    for (int k = 2; k < shape.rank; k++) rows.dim[k - 1] = shape.dim[k];
    bool own = o->recurrent_initializer.kind != HEBB_INIT_DEFAULT;
    hebb_tensor *kernel =
        hb_kernel(x, kernel_shape(l, shape.dim[2]), o->kernel_initializer, 0, 0, NULL);
    l->recurrent_kernel =
        hebb_variable(graph, "recurrent_kernel", hebb_tensor_dtype(x), kernel_shape(l, l->filters),
                      own ? o->recurrent_initializer : hebb_orthogonal(1));
    hebb_conv_options c = {.padding = o->padding};
    for (int k = 0; k < 3; k++) {
        c.stride[k] = o->stride[k];
        c.dilation[k] = o->dilation[k];
    }
    hebb_tensor *turned = hebb_swap_axes(x, 0, 1);
    hebb_tensor *z = hebb_conv_with(hebb_reshape(turned, rows), kernel, &c);
    if (!o->no_bias) z = hebb_add(z, bias(x, l));
    if (hebb_tensor_is_inert(z)) return z;
    hebb_shape sizes = hebb_tensor_shape(z);
    return hebb_reshape_like(z, hb_sized(turned, hebb_shape_of(sizes.rank - 1, sizes.dim + 1)));
}

static hebb_tensor *run(hebb_tensor *x, conv_lstm *l) {
    hebb_tensor *z = convolved(x, l), *last[2], *all;
    if (hebb_tensor_is_inert(z)) return z;
    hebb_tensor *zeros = hebb_zeros_like(gate(l, hebb_sum(z, HEBB_AXES(0), false), 0));
    hebb_tensor *first[] = {zeros, zeros};
    hebb_scan(last, &all, .body = body, .user = l, .states = {first, 2}, .sequences = HEBB_LIST(z),
              .n_out = 1, .reverse = l->o->go_backwards);
    return l->o->sequences ? hebb_swap_axes(all, 0, 1) : last[0];
}

hebb_tensor *hebb_conv_lstm_with(hebb_tensor *x, int64_t filters, int64_t size,
                                 const hebb_conv_lstm_options *options) {
    static const hebb_conv_lstm_options defaults;
    static const char *const kinds[] = {"conv_lstm1d", "conv_lstm2d", "conv_lstm3d"};
    if (hebb_tensor_is_inert(x)) return x;
    conv_lstm l = {.o = options != NULL ? options : &defaults,
                   .filters = filters,
                   .size = size,
                   .dimensions = hebb_tensor_shape(x).rank - 3};
    hebb_tensor *failed = check(x, &l);
    if (failed != NULL) return failed;
    hebb_layer_begin(hebb_tensor_graph(x), kinds[l.dimensions - 1], l.o->name);
    return hebb_layer_end(hebb_tensor_graph(x), run(x, &l));
}
