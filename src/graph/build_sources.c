/* Builders of values that are not computed from others: inputs, constants, variables, random
 * numbers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "build.h"

/* ---- names ---- */

/* A copy of the name, or of "base", "base_1", ... whichever is free; NULL after recording an error.
 */
static const char *unique_name(hebb_graph *graph, const char *name, const char *base) {
    char text[48];
    if (name != NULL) {
        if (!hb_check_name(graph, base, name)) return NULL;
        if (hebb_graph_find(graph, name) == NULL) return hb_graph_text(graph, name);
        hb_graph_error(graph, HEBB_E_ARGUMENT, "%s: the name \"%s\" is taken%s", base, name,
                       strchr(name, '/') == NULL
                           ? ""
                           : "; layers use the same variables in hebb_share_begin()");
        return NULL;
    }
    snprintf(text, sizeof text, "%s", base);
    for (int k = 1; hebb_graph_find(graph, text) != NULL; k++)
        snprintf(text, sizeof text, "%s_%d", base, k);
    return hb_graph_text(graph, text);
}

/* A node of that name, which hebb_graph_find() does not know yet. */
static hebb_tensor *named_source(hebb_graph *graph, hb_op op, const char *name,
                                 const hb_attrs *attrs) {
    if (graph->error.status != HEBB_OK) return &graph->inert;
    const char *copy = unique_name(graph, name, hb_op_name(op));
    if (copy == NULL) return &graph->inert;
    hebb_tensor *node = hb_node(graph, op, NULL, 0, attrs);
    if (node->op == HB_OP_INERT) return node;
    node->name = copy;
    node->named = true;
    return node;
}

/* ---- inputs and constants ---- */

hebb_tensor *hebb_input(hebb_graph *graph, const char *name, hebb_dtype dtype, hebb_shape shape) {
    if (graph == NULL) return NULL;
    hebb_tensor *input =
        named_source(graph, HB_OP_INPUT, name,
                     &(hb_attrs){.dtype = dtype, .shape = shape, .index = graph->n_inputs});
    if (input->op == HB_OP_INERT || !hb_register_name(input)) return &graph->inert;
    graph->n_inputs++;
    return input;
}

hebb_tensor *hebb_constant(hebb_graph *graph, const hebb_array *array) {
    if (graph == NULL) return NULL;
    if (array == NULL || array->data == NULL)
        return hb_graph_error(graph, HEBB_E_NULL, "constant: the array is NULL or empty");
    hb_attrs attrs = {.dtype = array->dtype, .shape = array->shape, .index = graph->n_constants};
    hebb_tensor *node = hb_node(graph, HB_OP_CONSTANT, NULL, 0, &attrs);
    if (node->op == HB_OP_INERT) return node;
    size_t bytes = hebb_array_bytes(array);
    void *data = hb_graph_memory(graph, bytes > 0 ? bytes : 1);
    if (data == NULL) return &graph->inert;
    if (bytes > 0) memcpy(data, array->data, bytes);
    node->attrs->data = data;
    graph->n_constants++;
    return node;
}

static hebb_tensor *full(hebb_graph *graph, hebb_dtype dtype, hebb_shape shape, hebb_tensor *like,
                         double value) {
    if (!hb_representable(dtype, value))
        return hb_graph_error(graph, HEBB_E_ARGUMENT, "full: %g is not a value of %s", value,
                              hebb_dtype_name(dtype));
    hb_attrs attrs = {.dtype = dtype, .shape = shape, .value = hb_rounded(dtype, value)};
    return hb_node(graph, HB_OP_FULL, &like, like != NULL, &attrs);
}

hebb_tensor *hebb_full(hebb_graph *graph, hebb_dtype dtype, hebb_shape shape, double value) {
    return graph == NULL ? NULL : full(graph, dtype, shape, NULL, value);
}

hebb_tensor *hebb_scalar_like(hebb_tensor *x, double value) {
    if (hebb_tensor_is_inert(x)) return x;
    return full(x->graph, x->dtype, HEBB_SCALAR, NULL, value);
}

hebb_tensor *hebb_full_like(hebb_tensor *like, double value) {
    if (hebb_tensor_is_inert(like)) return like;
    return full(like->graph, like->dtype, (hebb_shape){.rank = 0}, like, value);
}

hebb_tensor *hebb_zeros_like(hebb_tensor *like) { return (hebb_full_like)(like, 0); }
hebb_tensor *hebb_ones_like(hebb_tensor *like) { return (hebb_full_like)(like, 1); }

hebb_tensor *hebb_iota_like(hebb_tensor *like, int axis, hebb_dtype dtype) {
    return hb_node(NULL, HB_OP_IOTA, &like, 1, &(hb_attrs){.dtype = dtype, .axis = axis});
}

/* ---- random numbers ---- */

/* The number of the op among the random ones is its key: the stream does not change when other ops
   are added around it. */
hebb_tensor *hb_random_node(hebb_graph *graph, hb_op op, hebb_dtype dtype, hebb_shape shape,
                            hebb_tensor *like) {
    if (graph == NULL) return NULL;
    hb_attrs attrs = {.dtype = dtype, .shape = shape, .index = graph->n_random};
    hebb_tensor *node = hb_node(graph, op, &like, like != NULL, &attrs);
    if (node->op != HB_OP_INERT) graph->n_random++;
    return node;
}

hebb_tensor *hebb_random_uniform(hebb_graph *graph, hebb_dtype dtype, hebb_shape shape) {
    return hb_random_node(graph, HB_OP_RANDOM_UNIFORM, dtype, shape, NULL);
}

hebb_tensor *hebb_random_normal(hebb_graph *graph, hebb_dtype dtype, hebb_shape shape) {
    return hb_random_node(graph, HB_OP_RANDOM_NORMAL, dtype, shape, NULL);
}

hebb_tensor *hebb_random_uniform_like(hebb_tensor *like) {
    if (hebb_tensor_is_inert(like)) return like;
    return hb_random_node(like->graph, HB_OP_RANDOM_UNIFORM, like->dtype, like->shape, like);
}

hebb_tensor *hebb_random_normal_like(hebb_tensor *like) {
    if (hebb_tensor_is_inert(like)) return like;
    return hb_random_node(like->graph, HB_OP_RANDOM_NORMAL, like->dtype, like->shape, like);
}

/* ---- variables ---- */

/* An input or variable that the value depends on: it has none before the first run. */
static const hebb_tensor *needed_source(const hebb_tensor *value) {
    const hebb_graph *graph = value->graph;
    const hebb_tensor *found = NULL;
    bool *marked = calloc((size_t)value->id + 1, sizeof *marked);
    if (marked == NULL) {
        hb_graph_error(value->graph, HEBB_E_MEMORY, "out of memory: variable");
        return NULL;
    }
    marked[value->id] = true;
    for (int id = value->id; id >= 0 && found == NULL; id--) {
        const hebb_tensor *node = graph->nodes[id];
        if (!marked[id]) continue;
        if (node->op == HB_OP_INPUT || node->op == HB_OP_VARIABLE) found = node;
        for (int k = 0; k < node->n_in; k++) marked[node->in[k]->id] = true;
    }
    free(marked);
    return found;
}

static hebb_status check_initial_tensor(hebb_graph *graph, const hebb_tensor *value) {
    if (value == NULL) hb_graph_error(graph, HEBB_E_NULL, "variable: the initial tensor is NULL");
    else if (value->graph != graph)
        hb_graph_error(graph, HEBB_E_GRAPH, "variable: the initial tensor %s is of another graph",
                       hebb_tensor_name(value));
    else if (value->op != HB_OP_INERT) {
        const hebb_tensor *needs = needed_source(value);
        if (needs != NULL)
            hb_graph_error(
                graph, HEBB_E_ARGUMENT,
                "variable: the initial tensor %s depends on %s, which has no value before the "
                "first run",
                hebb_tensor_name(value), hebb_tensor_name(needs));
    }
    return graph->error.status;
}

/* What sharing layers use again must be what they ask for. */
static hebb_tensor *check_shared(hebb_tensor *shared, hebb_dtype dtype, hebb_shape shape,
                                 bool trainable) {
    char has[160], wanted[160];
    bool same = shared->dtype == dtype && shared->attrs->trainable == trainable;
    if (same && hebb_shape_equal(shared->shape, shape)) return shared;
    return hb_graph_error(
        shared->graph, same ? HEBB_E_SHAPE : HEBB_E_DTYPE,
        "the shared variable %s is %s %s%s, not %s %s%s", shared->name,
        hebb_dtype_name(shared->dtype), hebb_shape_text(shared->shape, has, sizeof has),
        shared->attrs->trainable ? "" : " (not trainable)", hebb_dtype_name(dtype),
        hebb_shape_text(shape, wanted, sizeof wanted), trainable ? "" : " (not trainable)");
}

/* Whether such an initial value is random. */
static bool draws(hebb_initializer_kind kind) {
    return kind != HEBB_INIT_DEFAULT && kind != HEBB_INIT_CONSTANT && kind != HEBB_INIT_IDENTITY &&
           kind != HEBB_INIT_TENSOR;
}

static hebb_tensor *make_variable(hebb_graph *graph, const char *name, hebb_dtype dtype,
                                  hebb_shape shape, hebb_initializer initializer, bool trainable) {
    if (graph == NULL) return NULL;
    if (graph->error.status != HEBB_OK) return &graph->inert;
    if (!hb_check_name(graph, "variable", name))
        return &graph->inert; /* before a scope's is added */
    name = hb_scoped_name(graph, name);
    if (name == NULL && graph->error.status != HEBB_OK) return &graph->inert;
    hebb_tensor *shared = hb_shared_variable(graph, name);
    if (shared != NULL) return check_shared(shared, dtype, shape, trainable);
    if (initializer.kind == HEBB_INIT_TENSOR &&
        check_initial_tensor(graph, initializer.tensor) != HEBB_OK)
        return &graph->inert;
    hb_attrs attrs = {
        .dtype = dtype, .shape = shape, .index = graph->n_variables, .trainable = trainable};
    hebb_tensor *variable = named_source(graph, HB_OP_VARIABLE, name, &attrs);
    if (variable->op == HB_OP_INERT) return variable;
    if (draws(initializer.kind) && !hb_floating(dtype))
        return hb_graph_error(graph, HEBB_E_DTYPE,
                              "variable %s: random initial values are floating, not %s",
                              variable->name, hebb_dtype_name(dtype));
    hebb_tensor *initial = hb_initial_value(graph, dtype, shape, initializer);
    if (initial == NULL || initial->op == HB_OP_INERT) return &graph->inert;
    if (initial->dtype != dtype || !hebb_shape_equal(initial->shape, shape)) {
        char si[160], sv[160];
        hebb_status status = initial->dtype != dtype ? HEBB_E_DTYPE : HEBB_E_SHAPE;
        return hb_graph_error(graph, status, "variable %s %s %s cannot start as %s %s %s",
                              variable->name, hebb_dtype_name(dtype),
                              hebb_shape_text(shape, sv, sizeof sv), hebb_tensor_name(initial),
                              hebb_dtype_name(initial->dtype),
                              hebb_shape_text(initial->shape, si, sizeof si));
    }
    variable->attrs->initial = initial;
    return hb_register_variable(variable) ? variable : &graph->inert;
}

hebb_tensor *hebb_variable(hebb_graph *graph, const char *name, hebb_dtype dtype, hebb_shape shape,
                           hebb_initializer initializer) {
    return make_variable(graph, name, dtype, shape, initializer, true);
}

hebb_tensor *hebb_state(hebb_graph *graph, const char *name, hebb_dtype dtype, hebb_shape shape,
                        hebb_initializer initializer) {
    return make_variable(graph, name, dtype, shape, initializer, false);
}

hebb_tensor *hebb_assign(hebb_tensor *variable, hebb_tensor *value) {
    if (!hebb_tensor_is_inert(variable) && variable->op != HB_OP_VARIABLE)
        return hb_graph_error(variable->graph, HEBB_E_ARGUMENT, "assign: %s is not a variable",
                              hebb_tensor_name(variable));
    return hb_node(NULL, HB_OP_ASSIGN, (hebb_tensor *[]){variable, value}, 2, NULL);
}

hebb_tensor *hebb_group(hebb_graph *graph, hebb_tensor *const *tensors, size_t count) {
    if (graph == NULL) return NULL;
    if (tensors == NULL && count > 0)
        return hb_graph_error(graph, HEBB_E_NULL, "group: the tensors are NULL");
    if (count > 999999) return hb_graph_error(graph, HEBB_E_ARGUMENT, "group: too many tensors");
    return hb_node(graph, HB_OP_GROUP, tensors, (int)count, NULL);
}
