/* Layers, composed from the public operations (hebb/layers.h). */
#include <stdio.h>

#include "nn.h"

static hebb_tensor *layer_variable(hebb_tensor *x, const char *layer, const char *part,
                                   hebb_shape shape, hebb_initializer initializer) {
    char name[HB_NAME_SIZE];
    hebb_graph *graph = hebb_tensor_graph(x);
    if (hb_part_name(graph, layer, part, name) != HEBB_OK)
        return hebb_graph_fail(graph, HEBB_E_ARGUMENT, "");
    return hebb_variable(graph, name, hebb_tensor_dtype(x), shape, initializer);
}

hebb_tensor *hebb_dense_with(hebb_tensor *x, int64_t units, const hebb_dense_options *options) {
    static const hebb_dense_options defaults;
    const hebb_dense_options *o = options != NULL ? options : &defaults;
    if (hebb_tensor_is_inert(x)) return x;
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

    char fresh[HB_NAME_SIZE];
    hb_fresh_prefix(graph, "dense", (const char *const[]){"kernel", "bias"}, 2, fresh);
    const char *layer = o->name != NULL ? o->name : fresh;
    bool own = o->kernel_initializer.kind != HEBB_INIT_DEFAULT;
    hebb_tensor *kernel =
        layer_variable(x, layer, "kernel", HEBB_SHAPE(shape.dim[shape.rank - 1], units),
                       own ? o->kernel_initializer : hebb_glorot_uniform());
    hebb_tensor *y = hebb_matmul(x, kernel);
    if (!o->no_bias)
        y = hebb_add(y, layer_variable(x, layer, "bias", HEBB_SHAPE(units), o->bias_initializer));
    return o->activation != NULL ? o->activation(y) : y;
}
