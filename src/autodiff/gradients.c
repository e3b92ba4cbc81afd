/* The driver of reverse-mode differentiation: which nodes matter, in what order their rules run,
   and what is done the same way for all of them, un-broadcasting and accumulation. */
#include <stdlib.h>

#include "autodiff.h"

typedef struct sweep {
    hebb_graph *graph;
    int n;        /* nodes that existed before the sweep; it appends others */
    bool *needed; /* depends on an x by a path that gradients can take */
    bool *leaf;   /* hands nothing on */
    hebb_tensor **cotangent;
} sweep;

static bool takes_gradient(const hebb_tensor *node, int k) {
    return !hb_shape_only(node, k) && hb_floating(node->in[k]->dtype);
}

/* From the xs, of which `first` is the first, forward. */
static void mark_needed(sweep *s, int first) {
    for (int id = first; id < s->n; id++) {
        const hebb_tensor *node = s->graph->nodes[id];
        if (s->needed[id] || hb_gradient_rules[node->op] == gradient_NONE ||
            !hb_floating(node->dtype))
            continue;
        for (int k = 0; k < node->n_in && !s->needed[id]; k++)
            s->needed[id] = takes_gradient(node, k) && s->needed[node->in[k]->id];
    }
}

/* The transpose of the broadcasting that the op may have done. With open sizes this is decided when
   they are bound: sum_like of equal shapes costs nothing then, nor does a factor of 1. */
static hebb_tensor *sum_to(hebb_tensor *cotangent, hebb_tensor *x) {
    const hebb_shape from = cotangent->shape, to = x->shape;
    if (hebb_shape_count(to) >= 0 && hebb_shape_equal(from, to)) return cotangent;
    bool stretched = to.rank > from.rank, summed = from.rank > to.rank;
    for (int k = 1; k <= to.rank && k <= from.rank; k++) {
        int64_t c = from.dim[from.rank - k], d = to.dim[to.rank - k];
        stretched |= c == 1 && d != 1; /* a rule may answer with less than x's shape, too */
        summed |= c != 1 && (d == 1 || d == HEBB_ANY);
    }
    if (!stretched) return hebb_sum_like(cotangent, x);
    if (!summed) return hebb_broadcast_like(cotangent, x);
    return hebb_sum_like(hebb_mul(cotangent, hebb_ones_like(x)), x);
}

static void accumulate(sweep *s, hebb_tensor *x, hebb_tensor *cotangent) {
    hebb_tensor **sum = &s->cotangent[x->id];
    cotangent = sum_to(cotangent, x);
    *sum = *sum == NULL ? cotangent : hebb_add(*sum, cotangent);
}

/* The results of a scan and their cotangents, which have all been there. */
static bool collect_results(const sweep *s, const hebb_tensor *scan, hb_grad *d,
                            hebb_tensor **list) {
    d->results = list;
    d->cotangents = list + s->n;
    for (int id = scan->id + 1; id < s->n; id++) {
        hebb_tensor *node = s->graph->nodes[id];
        bool result = node->op == HB_OP_SCAN_STACK || node->op == HB_OP_SCAN_LAST;
        if (!result || node->in[0] != scan || s->cotangent[id] == NULL || s->leaf[id]) continue;
        list[d->n_results] = node;
        list[s->n + d->n_results++] = s->cotangent[id];
    }
    return d->n_results > 0;
}

static void run_rule(sweep *s, hebb_tensor *node, const bool *want, hebb_tensor **dx) {
    hb_grad d = {.y = node, .dy = s->cotangent[node->id], .x = node->in, .want = want, .dx = dx};
    if (node->op != HB_OP_SCAN) {
        hb_gradient_rules[node->op](&d);
        return;
    }
    hebb_tensor **list = calloc(2 * (size_t)s->n, sizeof *list);
    if (list == NULL)
        hb_graph_error(s->graph, HEBB_E_MEMORY, "out of memory: gradients of a graph of %d tensors",
                       s->n);
    else if (collect_results(s, node, &d, list)) hb_gradient_rules[node->op](&d);
    free(list);
}

/* Runs the rule of one node and hands on what it gives. */
static void propagate(sweep *s, hebb_tensor *node, bool *want, hebb_tensor **dx) {
    bool any = false;
    for (int k = 0; k < node->n_in; k++) {
        want[k] = takes_gradient(node, k) && s->needed[node->in[k]->id];
        dx[k] = NULL;
        any = any || want[k];
    }
    if (!any) return;
    if (hb_gradient_rules[node->op] == gradient_MISSING) {
        hb_graph_error(s->graph, HEBB_E_GRADIENT, "gradients: %s (%s) has no gradient",
                       hebb_tensor_name(node), hb_op_name(node->op));
        return;
    }
    run_rule(s, node, want, dx);
    for (int k = 0; k < node->n_in; k++)
        if (want[k] && dx[k] != NULL) accumulate(s, node->in[k], dx[k]);
}

/* From the ys back to the xs: inputs have smaller ids than results. */
static void run_sweep(sweep *s) {
    int most = 1;
    for (int id = 0; id < s->n; id++)
        if (s->graph->nodes[id]->n_in > most) most = s->graph->nodes[id]->n_in;
    bool *want = calloc((size_t)most, sizeof *want);
    hebb_tensor **dx = calloc((size_t)most, sizeof *dx);
    if (want == NULL || dx == NULL)
        hb_graph_error(s->graph, HEBB_E_MEMORY, "out of memory: gradients of a node with %d inputs",
                       most);
    for (int id = s->n - 1; id >= 0 && s->graph->error.status == HEBB_OK; id--) {
        hebb_tensor *node = s->graph->nodes[id];
        if (s->leaf[id]) continue;
        bool reached = s->cotangent[id] != NULL || node->op == HB_OP_SCAN;
        if (reached && s->needed[id] && hb_gradient_rules[node->op] != gradient_NONE)
            propagate(s, node, want, dx);
    }
    free(want);
    free(dx);
}

/* ---- arguments ---- */

static bool check_tensor(hebb_graph *graph, const hebb_tensor *t, const char *role, size_t index) {
    if (t == NULL) hb_graph_error(graph, HEBB_E_NULL, "gradients: %s %zu is NULL", role, index);
    else if (t->graph != graph)
        hb_graph_error(graph, HEBB_E_GRAPH, "gradients: %s %zu (%s) is of another graph", role,
                       index, hebb_tensor_name(t));
    else if (t->op == HB_OP_GROUP)
        hb_graph_error(graph, HEBB_E_ARGUMENT,
                       "gradients: %s %zu (%s) is a group, which has no value", role, index,
                       hebb_tensor_name(t));
    else if (t->op == HB_OP_INERT)
        hb_graph_error(graph, HEBB_E_ARGUMENT, "gradients: %s %zu is what a failed builder gave",
                       role, index);
    else if (!hb_floating(t->dtype))
        hb_graph_error(graph, HEBB_E_DTYPE, "gradients: %s %zu (%s) is %s, not floating", role,
                       index, hebb_tensor_name(t), hebb_dtype_name(t->dtype));
    return graph->error.status == HEBB_OK;
}

static bool cotangent_fits(hebb_graph *graph, const hebb_tensor *given, const hebb_tensor *y) {
    bool same = given->shape.rank == y->shape.rank;
    for (int k = 0; same && k < y->shape.rank; k++)
        same = given->shape.dim[k] == y->shape.dim[k] || given->shape.dim[k] == HEBB_ANY ||
               y->shape.dim[k] == HEBB_ANY;
    if (same && given->dtype == y->dtype) return true;
    char sg[160], sy[160];
    hb_graph_error(graph, given->dtype != y->dtype ? HEBB_E_DTYPE : HEBB_E_SHAPE,
                   "gradients: the cotangent %s %s %s does not fit %s %s %s",
                   hebb_tensor_name(given), hebb_dtype_name(given->dtype),
                   hebb_shape_text(given->shape, sg, sizeof sg), hebb_tensor_name(y),
                   hebb_dtype_name(y->dtype), hebb_shape_text(y->shape, sy, sizeof sy));
    return false;
}

/* The cotangent with the shape of y: where sizes are open, they are compared when they are bound.
 */
static hebb_tensor *of_shape(hebb_tensor *given, hebb_tensor *y) {
    if (hebb_shape_count(y->shape) >= 0 && hebb_shape_equal(given->shape, y->shape)) return given;
    return hb_node(NULL, HB_OP_RESHAPE, (hebb_tensor *[]){given, y}, 2,
                   &(hb_attrs){.mode = HB_RESHAPE_SAME});
}

static bool seed(sweep *s, hebb_tensor *const *ys, size_t n_ys, hebb_tensor *const *cotangents) {
    for (size_t k = 0; k < n_ys; k++) {
        hebb_tensor *given = cotangents != NULL ? cotangents[k] : NULL;
        if (given != NULL && !check_tensor(s->graph, given, "cotangent", k)) return false;
        if (given != NULL && !cotangent_fits(s->graph, given, ys[k])) return false;
        hebb_tensor **sum = &s->cotangent[ys[k]->id];
        hebb_tensor *cotangent = given != NULL ? of_shape(given, ys[k]) : hebb_ones_like(ys[k]);
        *sum = *sum == NULL ? cotangent : hebb_add(*sum, cotangent);
    }
    return s->graph->error.status == HEBB_OK;
}

static hebb_graph *graph_of(hebb_tensor *const *ys, size_t n_ys, hebb_tensor *const *xs,
                            size_t n_xs) {
    for (size_t k = 0; ys != NULL && k < n_ys; k++)
        if (ys[k] != NULL) return ys[k]->graph;
    for (size_t k = 0; xs != NULL && k < n_xs; k++)
        if (xs[k] != NULL) return xs[k]->graph;
    return NULL;
}

/* What a checkpoint's body is computed from gets its gradient by another computation of the body,
   in which the tensor has no part. */
static bool check_outside(const sweep *s, const hebb_tensor *x) {
    for (int id = x->id + 1; id < s->n; id++) {
        const hebb_tensor *node = s->graph->nodes[id];
        if (node->op != HB_OP_CHECKPOINT) continue;
        const hb_checkpoint *c = node->attrs->checkpoint;
        if (x->id >= c->to || !hb_is_recomputed(x, c->from)) continue;
        hb_graph_error(s->graph, HEBB_E_GRADIENT,
                       "gradients: %s is inside the body of a checkpoint", hebb_tensor_name(x));
        return false;
    }
    return true;
}

static void differentiate(sweep *s, hebb_tensor *const *ys, size_t n_ys, hebb_tensor *const *xs,
                          size_t n_xs, hebb_tensor *const *cotangents, hebb_tensor **gradients) {
    for (size_t k = 0; k < n_ys; k++)
        if (!check_tensor(s->graph, ys[k], "y", k)) return;
    for (size_t k = 0; k < n_xs; k++)
        if (!check_tensor(s->graph, xs[k], "x", k)) return;
    for (size_t k = 0; k < n_xs; k++)
        if (!s->leaf[xs[k]->id] && !check_outside(s, xs[k])) return;
    for (size_t k = 0; k < n_xs; k++) s->needed[xs[k]->id] = true;
    mark_needed(s, 0);
    if (!seed(s, ys, n_ys, cotangents)) return;
    run_sweep(s);
    for (size_t k = 0; k < n_xs && s->graph->error.status == HEBB_OK; k++) {
        hebb_tensor *g = s->cotangent[xs[k]->id];
        gradients[k] = g != NULL ? g : hebb_zeros_like(xs[k]);
    }
}

static void make_sweep(hebb_graph *graph, bool leaves, hebb_tensor *const *ys, size_t n_ys,
                       hebb_tensor *const *xs, size_t n_xs, hebb_tensor *const *cotangents,
                       hebb_tensor **gradients) {
    sweep s = {.graph = graph, .n = graph->n_nodes};
    size_t n = (size_t)s.n + 1;
    s.needed = calloc(n, sizeof *s.needed);
    s.leaf = calloc(n, sizeof *s.leaf);
    s.cotangent = calloc(n, sizeof *s.cotangent);
    if (s.needed == NULL || s.leaf == NULL || s.cotangent == NULL)
        hb_graph_error(graph, HEBB_E_MEMORY, "out of memory: gradients of a graph of %d tensors",
                       s.n);
    else {
        for (size_t k = 0; leaves && k < n_xs; k++) s.leaf[xs[k]->id] = true;
        differentiate(&s, ys, n_ys, xs, n_xs, cotangents, gradients);
    }
    free(s.needed);
    free(s.leaf);
    free(s.cotangent);
}

void hb_gradients_within(hebb_graph *graph, hebb_tensor *const *ys, size_t n_ys,
                         hebb_tensor *const *xs, size_t n_xs, hebb_tensor *const *cotangents,
                         hebb_tensor **gradients) {
    for (size_t k = 0; k < n_xs; k++) gradients[k] = &graph->inert;
    if (graph->error.status == HEBB_OK)
        make_sweep(graph, true, ys, n_ys, xs, n_xs, cotangents, gradients);
}

hebb_status hebb_gradients(hebb_tensor *const *ys, size_t n_ys, hebb_tensor *const *xs, size_t n_xs,
                           hebb_tensor *const *cotangents, hebb_tensor **gradients) {
    hebb_graph *graph = graph_of(ys, n_ys, xs, n_xs);
    if (graph == NULL) {
        for (size_t k = 0; gradients != NULL && k < n_xs; k++) gradients[k] = NULL;
        return HEBB_E_NULL;
    }
    if ((ys == NULL && n_ys > 0) || (n_xs > 0 && (xs == NULL || gradients == NULL)))
        hb_graph_error(graph, HEBB_E_NULL, "gradients: the ys, xs or gradients are NULL");
    /* The gradients may be stored where the xs or cotangents are: not before these have been read.
     */
    if (graph->error.status == HEBB_OK)
        make_sweep(graph, false, ys, n_ys, xs, n_xs, cotangents, gradients);
    if (graph->error.status != HEBB_OK)
        for (size_t k = 0; gradients != NULL && k < n_xs; k++) gradients[k] = &graph->inert;
    return graph->error.status;
}

bool hebb_gradient_reaches(const hebb_tensor *y, const hebb_tensor *x) {
    if (hebb_tensor_is_inert(y) || hebb_tensor_is_inert(x) || y->graph != x->graph ||
        x->id > y->id || !hb_floating(x->dtype))
        return false;
    sweep s = {.graph = y->graph, .n = y->id + 1};
    s.needed = calloc((size_t)s.n, sizeof *s.needed);
    if (s.needed == NULL) {
        hb_graph_error(s.graph, HEBB_E_MEMORY, "out of memory: gradients of a graph of %d tensors",
                       s.n);
        return false;
    }
    s.needed[x->id] = true;
    mark_needed(&s, x->id);
    bool reached = s.needed[y->id];
    free(s.needed);
    return reached;
}

hebb_tensor *hebb_gradient(hebb_tensor *y, hebb_tensor *x) {
    hebb_tensor *gradient = NULL;
    hebb_gradients(&y, 1, &x, 1, NULL, &gradient);
    return gradient;
}
