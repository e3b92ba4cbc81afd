/* Builders of users' ops (hebb/custom.h). */
#include <string.h>

#include "graph.h"

/* The graph's copies: equal ops get the same one, so that equal nodes can be told to be equal. */
struct hb_kept_op {
    hb_op kind;
    hebb_elementwise apply;
    hebb_op custom;
    void *options;
    size_t options_size;
    hb_kept_op *next;
};

static bool is_name(const char *text) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return text != NULL && text[0] != '\0' && (text[0] < '0' || text[0] > '9') &&
           text[strspn(text, letters)] == '\0' && strlen(text) <= 64;
}

static hebb_graph *graph_of(hebb_tensor *const *xs, size_t n) {
    for (size_t k = 0; xs != NULL && k < n; k++)
        if (xs[k] != NULL) return xs[k]->graph;
    return NULL;
}

static bool same_text(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static const char *copy_of(hebb_graph *graph, const char *text) {
    return text == NULL ? NULL : hb_graph_text(graph, text);
}

static bool check_op(hebb_graph *graph, const char *name, int n_inputs, int most, size_t n_xs) {
    if (!is_name(name))
        hb_graph_error(graph, HEBB_E_ARGUMENT,
                       "the name of a user's op must be 1 to 64 letters, digits and _");
    else if (n_inputs < 1 || n_inputs > most)
        hb_graph_error(graph, HEBB_E_ARGUMENT, "%s: %d inputs, where 1 to %d are possible", name,
                       n_inputs, most);
    else if (n_xs != (size_t)n_inputs)
        hb_graph_error(graph, HEBB_E_ARGUMENT, "%s: %zu operands where it takes %d", name, n_xs,
                       n_inputs);
    return graph->error.status == HEBB_OK;
}

static hb_kept_op *new_kept(hebb_graph *graph, hb_op kind) {
    hb_kept_op *kept = hb_graph_memory(graph, sizeof *kept);
    if (kept != NULL) kept->kind = kind;
    return kept;
}

/* Puts a complete copy in the list; NULL if memory was out meanwhile. */
static const hb_kept_op *remember(hebb_graph *graph, hb_kept_op *kept) {
    if (graph->error.status != HEBB_OK) return NULL;
    kept->next = graph->kept_ops;
    return graph->kept_ops = kept;
}

/* ---- elementwise ---- */

/* Commas and one: how many names are between the parentheses. */
static int count_parameters(const char *text) {
    if (text == NULL) return 0;
    int n = 1;
    for (; *text != '\0'; text++) n += *text == ',';
    return n;
}

static bool same_elementwise(const hebb_elementwise *a, const hebb_elementwise *b) {
    return a->n_inputs == b->n_inputs && a->f32 == b->f32 && a->f64 == b->f64 &&
           a->gradient == b->gradient && same_text(a->name, b->name) &&
           same_text(a->text, b->text) && same_text(a->parameters, b->parameters);
}

static const hb_kept_op *keep_elementwise(hebb_graph *graph, const hebb_elementwise *op) {
    for (hb_kept_op *k = graph->kept_ops; k != NULL; k = k->next)
        if (k->kind == HB_OP_APPLY && same_elementwise(&k->apply, op)) return k;
    hb_kept_op *kept = new_kept(graph, HB_OP_APPLY);
    if (kept == NULL) return NULL;
    kept->apply = *op;
    kept->apply.name = copy_of(graph, op->name);
    kept->apply.text = copy_of(graph, op->text);
    kept->apply.parameters = copy_of(graph, op->parameters);
    return remember(graph, kept);
}

hebb_tensor *hebb_apply_at(const char *file, int line, const hebb_elementwise *op,
                           hebb_tensor *const *xs, size_t n_xs) {
    hebb_graph *graph = graph_of(xs, n_xs);
    if (graph == NULL) return NULL;
    if (file != NULL) hebb_here_graph(graph, file, line);
    if (graph->error.status != HEBB_OK) return &graph->inert;
    if (op == NULL) return hb_graph_error(graph, HEBB_E_NULL, "apply: the op is NULL");
    if (!check_op(graph, op->name, op->n_inputs, 4, n_xs)) return &graph->inert;
    if (op->text != NULL && count_parameters(op->parameters) != op->n_inputs)
        return hb_graph_error(graph, HEBB_E_ARGUMENT, "%s: %d inputs, but the parameters %s",
                              op->name, op->n_inputs,
                              op->parameters != NULL ? op->parameters : "NULL");
    const hb_kept_op *kept = keep_elementwise(graph, op);
    if (kept == NULL) return &graph->inert;
    return hb_node(graph, HB_OP_APPLY, xs, (int)n_xs, &(hb_attrs){.apply = &kept->apply});
}

/* ---- all others ---- */

static bool same_custom(const hb_kept_op *a, const hebb_op *b, const void *options, size_t size) {
    const hebb_op *op = &a->custom;
    return op->n_inputs == b->n_inputs && op->shape == b->shape && op->gradient == b->gradient &&
           op->cpu == b->cpu && op->launch == b->launch && same_text(op->name, b->name) &&
           same_text(op->source, b->source) && same_text(op->function, b->function) &&
           a->options_size == size && (size == 0 || memcmp(a->options, options, size) == 0);
}

static const hb_kept_op *keep_custom(hebb_graph *graph, const hebb_op *op, const void *options,
                                     size_t size) {
    for (hb_kept_op *k = graph->kept_ops; k != NULL; k = k->next)
        if (k->kind == HB_OP_CUSTOM && same_custom(k, op, options, size)) return k;
    hb_kept_op *kept = new_kept(graph, HB_OP_CUSTOM);
    if (kept == NULL) return NULL;
    kept->custom = *op;
    kept->custom.name = copy_of(graph, op->name);
    kept->custom.source = copy_of(graph, op->source);
    kept->custom.function = copy_of(graph, op->function);
    kept->options_size = size;
    if (size > 0) kept->options = hb_graph_memory(graph, size);
    if (kept->options != NULL) memcpy(kept->options, options, size);
    return remember(graph, kept);
}

hebb_tensor *hebb_custom_at(const char *file, int line, const hebb_op *op, hebb_tensor *const *xs,
                            size_t n_xs, const void *options, size_t size) {
    hebb_graph *graph = graph_of(xs, n_xs);
    if (graph == NULL) return NULL;
    if (file != NULL) hebb_here_graph(graph, file, line);
    if (graph->error.status != HEBB_OK) return &graph->inert;
    if (op == NULL) return hb_graph_error(graph, HEBB_E_NULL, "custom: the op is NULL");
    if (!check_op(graph, op->name, op->n_inputs, HEBB_OP_INPUTS, n_xs)) return &graph->inert;
    if (op->shape == NULL)
        return hb_graph_error(graph, HEBB_E_NULL, "%s: the shape rule is NULL", op->name);
    if (options == NULL && size > 0)
        return hb_graph_error(graph, HEBB_E_NULL, "%s: the options are NULL", op->name);
    if ((op->source == NULL) != (op->launch == NULL) ||
        (op->source != NULL && !is_name(op->function)))
        return hb_graph_error(graph, HEBB_E_ARGUMENT,
                              "%s: an OpenCL source wants a function's name and a launch",
                              op->name);
    const hb_kept_op *kept = keep_custom(graph, op, options, size);
    if (kept == NULL) return &graph->inert;
    return hb_node(graph, HB_OP_CUSTOM, xs, (int)n_xs,
                   &(hb_attrs){.custom = &kept->custom, .options = kept->options});
}
