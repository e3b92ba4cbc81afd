/* Builders of users' ops (hebb/custom.h). */
#include <string.h>

#include "graph.h"

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

/* The graph's copy: equal ops get the same one, so that equal nodes can be told to be equal. */
static const hebb_elementwise *keep(hebb_graph *graph, const hebb_elementwise *op) {
    for (hb_kept_op *k = graph->kept_ops; k != NULL; k = k->next)
        if (same_elementwise(&k->op, op)) return &k->op;
    hb_kept_op *kept = hb_graph_memory(graph, sizeof *kept);
    if (kept == NULL) return NULL;
    kept->op = *op;
    kept->op.name = hb_graph_text(graph, op->name);
    if (op->text != NULL) {
        kept->op.text = hb_graph_text(graph, op->text);
        kept->op.parameters = hb_graph_text(graph, op->parameters);
    }
    if (graph->error.status != HEBB_OK) return NULL;
    kept->next = graph->kept_ops;
    graph->kept_ops = kept;
    return &kept->op;
}

hebb_tensor *hebb_apply_at(const char *file, int line, const hebb_elementwise *op,
                           hebb_tensor *const *xs, size_t n_xs) {
    hebb_graph *graph = graph_of(xs, n_xs);
    if (graph == NULL) return NULL;
    if (file != NULL) hebb_here_graph(graph, file, line);
    if (graph->error.status != HEBB_OK) return &graph->inert;
    if (op == NULL) return hb_graph_error(graph, HEBB_E_NULL, "apply: the op is NULL");
    if (!is_name(op->name))
        return hb_graph_error(graph, HEBB_E_ARGUMENT,
                              "apply: the op's name must be 1 to 64 letters, digits and _");
    if (op->n_inputs < 1 || op->n_inputs > 4 ||
        (op->text != NULL && count_parameters(op->parameters) != op->n_inputs))
        return hb_graph_error(graph, HEBB_E_ARGUMENT, "%s: %d inputs, parameters %s: 1 to 4, alike",
                              op->name, op->n_inputs,
                              op->parameters != NULL ? op->parameters : "NULL");
    if (n_xs != (size_t)op->n_inputs)
        return hb_graph_error(graph, HEBB_E_ARGUMENT, "%s: %zu operands where it takes %d",
                              op->name, n_xs, op->n_inputs);
    const hebb_elementwise *kept = keep(graph, op);
    if (kept == NULL) return &graph->inert;
    return hb_node(graph, HB_OP_APPLY, xs, (int)n_xs, &(hb_attrs){.apply = kept});
}
