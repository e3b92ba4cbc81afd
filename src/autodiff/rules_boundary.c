/* Gradients at boundaries: a rule that the user gave, and a body that is computed again. */
#include <stdlib.h>
#include <string.h>

#include "rules.h"

RULE1(recompute, dy)

/* Whether dx broadcasts to x, as far as sizes are known. */
static bool fits_operand(const hebb_tensor *dx, const hebb_tensor *x) {
    bool fits = dx->shape.rank >= 0 && dx->shape.rank <= x->shape.rank;
    for (int k = 1; fits && k <= dx->shape.rank; k++) {
        int64_t a = dx->shape.dim[dx->shape.rank - k], b = x->shape.dim[x->shape.rank - k];
        fits = a == b || a == 1 || a == HEBB_ANY || b == HEBB_ANY;
    }
    return fits;
}

static void check_answer(const hb_grad *d, int k) {
    const hebb_tensor *dx = d->dx[k], *x = d->x[k];
    hebb_graph *graph = d->y->graph;
    char sd[160], sx[160];
    const char *name = hebb_tensor_name(d->y);
    if (dx->graph != graph)
        hb_graph_error(graph, HEBB_E_GRAPH,
                       "gradients: the rule of %s gave a dx[%d] of another graph", name, k);
    else if (dx->op != HB_OP_INERT && dx->dtype != x->dtype)
        hb_graph_error(graph, HEBB_E_DTYPE, "gradients: the rule of %s gave a dx[%d] of %s for %s",
                       name, k, hebb_dtype_name(dx->dtype), hebb_dtype_name(x->dtype));
    else if (dx->op != HB_OP_INERT && !fits_operand(dx, x))
        hb_graph_error(graph, HEBB_E_SHAPE, "gradients: the rule of %s gave a dx[%d] %s for %s",
                       name, k, hebb_shape_text(dx->shape, sd, sizeof sd),
                       hebb_shape_text(x->shape, sx, sizeof sx));
}

void gradient_with_gradient(hb_grad *d) {
    int n = d->y->n_in - 1;
    hebb_backward b = {
        .y = d->y, .dy = d->dy, .x = d->x, .n_x = n, .dx = d->dx, .user = d->y->attrs->user};
    for (int k = 0; k < n; k++) d->dx[k] = NULL;
    d->y->attrs->rule(&b);
    for (int k = 0; k < n; k++)
        if (d->want[k] && d->dx[k] != NULL) check_answer(d, k);
    for (int k = 0; k < n && d->y->graph->error.status != HEBB_OK; k++) d->dx[k] = NULL;
}

/* ---- checkpoints ---- */

/* What stands for the inputs when the body is computed again: the same for all results, so that
   they share what they have in common. */
static bool stand_in(const hb_grad *d) {
    hb_checkpoint *c = d->y->attrs->checkpoint;
    for (int k = 0; k < d->y->n_in - 1; k++) {
        if (c->again[k] == NULL) c->again[k] = hb_node(NULL, HB_OP_RECOMPUTE, &d->x[k], 1, NULL);
        if (hebb_tensor_is_inert(c->again[k])) return false;
    }
    return true;
}

/* Marks the body's nodes that y is computed from. */
static void mark_body(const hebb_graph *graph, const hb_checkpoint *c, bool *needed) {
    for (int id = c->to - 1; id >= c->from; id--) {
        const hebb_tensor *node = graph->nodes[id];
        if (!needed[id - c->from] || !hb_is_recomputed(node, c->from)) continue;
        for (int k = 0; k < node->n_in; k++)
            if (node->in[k]->id >= c->from) needed[node->in[k]->id - c->from] = true;
    }
}

/* Makes the body's marked nodes again, in place of copy[] by id - from. */
static void copy_body(hebb_graph *graph, const hb_checkpoint *c, const bool *needed,
                      hebb_tensor **copy, hebb_tensor *const *outside, hebb_tensor **in) {
    for (int id = c->from; id < c->to && graph->error.status == HEBB_OK; id++) {
        hebb_tensor *node = graph->nodes[id];
        if (!needed[id - c->from] || !hb_is_recomputed(node, c->from)) continue;
        for (int k = 0; k < node->n_in; k++)
            in[k] = outside[node->in[k]->id] != NULL ? outside[node->in[k]->id]
                                                     : copy[node->in[k]->id - c->from];
        hb_attrs attrs = node->attrs != NULL ? *node->attrs : (hb_attrs){0};
        attrs.again = graph->n_nodes;
        copy[id - c->from] = hb_node(graph, node->op, in, node->n_in, &attrs);
    }
}

static hebb_tensor *body_again(const hb_grad *d, void *memory, size_t n, size_t size) {
    const hb_checkpoint *c = d->y->attrs->checkpoint;
    hebb_tensor **outside = memory, **copy = outside + n, **in = copy + size;
    bool *needed = (bool *)(in + n);
    const hebb_tensor *y = d->x[d->y->n_in - 1];
    for (int k = 0; k < d->y->n_in - 1; k++) outside[d->x[k]->id] = c->again[k];
    if (outside[y->id] != NULL) return outside[y->id];
    needed[y->id - c->from] = true;
    mark_body(d->y->graph, c, needed);
    copy_body(d->y->graph, c, needed, copy, outside, in);
    return copy[y->id - c->from];
}

void gradient_checkpoint(hb_grad *d) {
    const hb_checkpoint *c = d->y->attrs->checkpoint;
    hebb_graph *graph = d->y->graph;
    if (!stand_in(d)) return;
    size_t n = (size_t)graph->n_nodes + 1, size = (size_t)(c->to - c->from) + 1;
    int n_xs = d->y->n_in - 1, wanted = 0;
    void *memory = calloc(2 * n + size, sizeof(hebb_tensor *) + sizeof(bool));
    hebb_tensor **xs = calloc(2 * (size_t)n_xs + 1, sizeof *xs), **gradients = xs + n_xs;
    if (memory == NULL || xs == NULL)
        hb_graph_error(graph, HEBB_E_MEMORY, "out of memory: gradients of a graph of %d tensors",
                       graph->n_nodes);
    else {
        hebb_tensor *y = body_again(d, memory, n, size);
        for (int k = 0; k < n_xs; k++)
            if (d->want[k]) xs[wanted++] = c->again[k];
        if (graph->error.status == HEBB_OK)
            hb_gradients_within(graph, &y, 1, xs, (size_t)wanted, &d->dy, gradients);
        wanted = 0;
        for (int k = 0; k < n_xs && graph->error.status == HEBB_OK; k++)
            if (d->want[k]) d->dx[k] = gradients[wanted++];
    }
    free(memory);
    free(xs);
}
