/* Gradients of loops. The gradient of a SCAN is a SCAN the other way round, whose body is the
   gradient of the body. What that needs of the forward body is collected by the forward scan, and
   handed in as sequences. */
#include <stdlib.h>
#include <string.h>

#include "rules.h"

/* The scan takes it from there: autodiff.h, hb_grad. */
void gradient_scan_result(hb_grad *d) { (void)d; }

typedef struct reverse_scan {
    hb_grad *d;
    hebb_graph *graph;
    const hb_scan_info *forward;
    int n_xs;              /* states, elements and captures of the forward body, in this order */
    hebb_tensor **x, **dx; /* and their gradients; NULL for what is not wanted or not floating */
    unsigned char *inside; /* by id: in the forward body */
    /* what the backward scan is made of, as hb_scan_make() takes it */
    hb_scan_info info;
    hebb_tensor **first, **sequence, **result;
    int n_results;
} reverse_scan;

static void add_state(reverse_scan *r, hebb_tensor *first, hebb_tensor *slot, hebb_tensor *next) {
    int k = r->info.n_states++;
    r->first[k] = first;
    r->info.state[k] = slot;
    r->info.next[k] = next;
}

static void add_sequence(reverse_scan *r, hebb_tensor *sequence, hebb_tensor *element) {
    int k = r->info.n_sequences++;
    r->sequence[k] = sequence;
    r->info.element[k] = element;
}

static void add_result(reverse_scan *r, hebb_tensor *result) { r->result[r->n_results++] = result; }

/* ---- the body's gradient ---- */

static hebb_tensor *cotangent_of_last(const hb_grad *d, int state) {
    hebb_tensor *sum = NULL;
    for (int k = 0; k < d->n_results; k++)
        if (d->results[k]->op == HB_OP_SCAN_LAST && d->results[k]->attrs->index == state)
            sum = sum == NULL ? d->cotangents[k] : hebb_add(sum, d->cotangents[k]);
    return sum != NULL ? sum : hebb_zeros_like(d->x[state]);
}

/* Cotangents of what the body gives: of the next states, carried from the iteration after, and of
   stacked tensors, an element each. They flow to the states, elements and captures. */
static int seed_body(reverse_scan *r, hebb_tensor **slot, hebb_tensor **ys,
                     hebb_tensor **cotangents) {
    const hb_scan_info *f = r->forward;
    int n = 0;
    for (int k = 0; k < f->n_states; k++) {
        if (!hb_floating(f->state[k]->dtype)) continue;
        slot[k] = hb_scan_slot(cotangent_of_last(r->d, k), false);
        ys[n] = f->next[k];
        cotangents[n++] = slot[k];
    }
    for (int k = 0; k < r->d->n_results; k++) {
        if (r->d->results[k]->op != HB_OP_SCAN_STACK) continue;
        hebb_tensor *element = hb_scan_slot(r->d->cotangents[k], true);
        add_sequence(r, r->d->cotangents[k], element);
        ys[n] = r->d->results[k]->in[1];
        cotangents[n++] = element;
    }
    return n;
}

/* slot[k]: what stands for the cotangent of state k. list has room for 4 (n_xs + results). */
static void differentiate_body(reverse_scan *r, hebb_tensor **slot, hebb_tensor **list) {
    int most = r->n_xs + r->d->n_results, n = 0;
    hebb_tensor **ys = list, **cotangents = list + most;
    hebb_tensor **xs = list + 2 * most, **gradients = list + 3 * most;
    int n_ys = seed_body(r, slot, ys, cotangents);
    for (int k = 0; k < r->n_xs; k++)
        if (r->x[k] != NULL) xs[n++] = r->x[k];
    hb_gradients_within(r->graph, ys, (size_t)n_ys, xs, (size_t)n, cotangents, gradients);
    n = 0;
    for (int k = 0; k < r->n_xs; k++)
        if (r->x[k] != NULL) r->dx[k] = gradients[n++];
}

/* ---- what it needs of the forward body ---- */

static bool is_view(const hebb_tensor *node) {
    return node->op == HB_OP_RESHAPE || node->op == HB_OP_BROADCAST ||
           node->op == HB_OP_TRANSPOSE || node->op == HB_OP_SLICE;
}

/* All iterations' values of a tensor of the forward body. */
static hebb_tensor *stack_of(const reverse_scan *r, hebb_tensor *node) {
    const hb_scan_info *f = r->forward;
    for (int k = 0; k < f->n_sequences; k++)
        if (f->element[k] == node) return r->d->x[f->n_states + k];
    return hb_scan_stack(r->d->y, node);
}

/* Scans inside the body have results of their own, the newest of which belong to the body, too. */
static void mark_inside(reverse_scan *r) {
    const hb_scan_info *f = r->forward;
    for (int k = 0; k < f->n_states; k++) r->inside[f->state[k]->id] = true;
    for (int k = 0; k < f->n_sequences; k++) r->inside[f->element[k]->id] = true;
    hb_scan_spread(r->graph, r->d->y->id, f->random_from, r->d->y->id, r->inside);
    for (int id = r->d->y->id; id < r->graph->n_nodes; id++) {
        const hebb_tensor *node = r->graph->nodes[id];
        if (node->op == HB_OP_SCAN_STACK || node->op == HB_OP_SCAN_LAST)
            r->inside[id] = r->inside[node->in[0]->id];
    }
}

/* Binds the forward body's tensors that the results are computed from; views are of those. */
static void bind_forward(reverse_scan *r, bool *bound, bool *seen) {
    for (int k = 0; k < r->info.n_states; k++) {
        bound[r->info.state[k]->id] = true;
        seen[r->info.next[k]->id] = true;
    }
    for (int k = 0; k < r->info.n_sequences; k++) bound[r->info.element[k]->id] = true;
    for (int k = 0; k < r->n_results; k++) seen[r->result[k]->id] = true;
    for (int id = r->graph->n_nodes - 1; id >= 0; id--) {
        hebb_tensor *node = r->graph->nodes[id];
        if (!seen[id] || bound[id]) continue;
        if (r->inside[id] && !is_view(node)) {
            add_sequence(r, stack_of(r, node), node);
            continue;
        }
        for (int k = 0; k < node->n_in; k++)
            if (!hb_shape_only(node, k)) seen[node->in[k]->id] = true;
    }
}

/* ---- gradients of captures: sums over the iterations ----
   Of a weight matrix it is the sum of the products a' b of all iterations, which is one product of
   all rows of a with all rows of b; of a bias, one sum. Anything else is added up in a state. */

static bool swaps_last(const hebb_tensor *t) {
    int rank = t->shape.rank;
    if (t->op != HB_OP_TRANSPOSE || rank != 2) return false;
    return hb_axis(t->attrs->axes[0], 2) == 1;
}

static bool is_late_product(const hebb_tensor *g) {
    return g->op == HB_OP_MATMUL && g->shape.rank == 2 && swaps_last(g->in[0]) &&
           g->in[1]->shape.rank == 2 && g->shape.dim[0] != HEBB_ANY && g->shape.dim[1] != HEBB_ANY;
}

/* Whether a gradient is a sum of few terms that can be delayed; `most` terms and steps to them are
   looked at. */
static bool delays(const hebb_tensor *g, int *most) {
    if (--*most < 0) return false;
    if (g->op == HB_OP_ADD)
        return hebb_shape_equal(g->in[0]->shape, g->in[1]->shape) && delays(g->in[0], most) &&
               delays(g->in[1], most);
    if (swaps_last(g)) return delays(g->in[0], most);
    return g->op == HB_OP_SUM_LIKE || is_late_product(g);
}

enum { MOST_DELAYED = 16 };

static bool can_delay(const hebb_tensor *g) {
    int most = MOST_DELAYED;
    return delays(g, &most);
}

/* What the late form needs of the backward body. */
static void need_delayed(reverse_scan *r, hebb_tensor *const *g, int n) {
    for (int k = 0; k < n; k++)
        if (!r->inside[g[k]->id]) add_result(r, g[k]);
}

static void need_late(reverse_scan *r, hebb_tensor *g) {
    if (g->op == HB_OP_ADD) {
        need_late(r, g->in[0]);
        need_late(r, g->in[1]);
    } else if (swaps_last(g)) need_late(r, g->in[0]);
    else if (g->op == HB_OP_SUM_LIKE) need_delayed(r, g->in, 1);
    else need_delayed(r, (hebb_tensor *[]){g->in[0]->in[0], g->in[1]}, 2);
}

static hebb_tensor *all_of(const reverse_scan *r, hebb_tensor *scan, hebb_tensor *x) {
    return r->inside[x->id] ? stack_of(r, x) : hb_scan_stack(scan, x);
}

static hebb_tensor *all_rows(const reverse_scan *r, hebb_tensor *scan, hebb_tensor *x) {
    return hebb_reshape(all_of(r, scan, x), HEBB_SHAPE(HEBB_ANY, x->shape.dim[1]));
}

static hebb_tensor *late(const reverse_scan *r, hebb_tensor *scan, hebb_tensor *g) {
    if (g->op == HB_OP_ADD) return hebb_add(late(r, scan, g->in[0]), late(r, scan, g->in[1]));
    if (swaps_last(g)) return hebb_transpose(late(r, scan, g->in[0]), NULL, 0);
    if (g->op == HB_OP_SUM_LIKE) return hebb_sum_like(all_of(r, scan, g->in[0]), g->in[1]);
    hebb_tensor *a = all_rows(r, scan, g->in[0]->in[0]);
    return hebb_matmul(hebb_transpose(a, NULL, 0), all_rows(r, scan, g->in[1]));
}

/* ---- the scan ---- */

static void add_states(reverse_scan *r, hebb_tensor *const *slot) {
    const hb_scan_info *f = r->forward;
    for (int k = 0; k < f->n_states; k++)
        if (r->dx[k] != NULL) add_state(r, slot[k]->in[0], slot[k], r->dx[k]);
    for (int k = f->n_states; k < f->n_states + f->n_sequences; k++)
        if (r->dx[k] != NULL) add_result(r, r->dx[k]);
    for (int k = f->n_states + f->n_sequences; k < r->n_xs; k++) {
        if (r->dx[k] == NULL) continue;
        if (can_delay(r->dx[k])) {
            need_late(r, r->dx[k]);
            continue;
        }
        hebb_tensor *sum = hebb_zeros_like(r->x[k]), *so_far = hb_scan_slot(sum, false);
        hebb_tensor *part = r->dx[k];
        if (part->shape.rank < r->x[k]->shape.rank) part = hebb_broadcast_like(part, r->x[k]);
        add_state(r, sum, so_far, hebb_add(so_far, part));
    }
}

static hebb_tensor *last_of(hebb_tensor *scan, int state, hebb_tensor *first) {
    return hb_node(NULL, HB_OP_SCAN_LAST, (hebb_tensor *[]){scan, first}, 2,
                   &(hb_attrs){.index = state});
}

static void hand_out(reverse_scan *r, hebb_tensor *scan) {
    const hb_scan_info *f = r->forward;
    int state = 0;
    for (int k = 0; k < r->n_xs; k++) {
        hebb_tensor *g = r->dx[k];
        if (g == NULL) continue;
        bool element = k >= f->n_states && k < f->n_states + f->n_sequences;
        if (element) r->d->dx[k] = hb_scan_stack(scan, g);
        else if (k >= f->n_states && can_delay(g)) r->d->dx[k] = late(r, scan, g);
        else {
            r->d->dx[k] = last_of(scan, state, r->first[state]);
            state++;
        }
    }
}

static hebb_tensor **keep(hebb_graph *graph, hebb_tensor *const *list, int count) {
    hebb_tensor **copy = hb_graph_memory(graph, (size_t)(count + 1) * sizeof *copy);
    if (copy != NULL && count > 0) memcpy(copy, list, (size_t)count * sizeof *copy);
    return copy;
}

static hebb_tensor *make_scan(reverse_scan *r, int random_from) {
    hb_scan_info *info = hb_graph_memory(r->graph, sizeof *info);
    if (info == NULL) return &r->graph->inert;
    *info = r->info;
    info->state = keep(r->graph, r->info.state, info->n_states);
    info->next = keep(r->graph, r->info.next, info->n_states);
    info->element = keep(r->graph, r->info.element, info->n_sequences);
    hebb_tensor *like = r->forward->like ? r->d->y->in[r->d->y->n_in - 1] : NULL;
    return hb_scan_make(r->graph, info, r->first, r->sequence, r->result, r->n_results, like,
                        random_from);
}

/* The forward body's tensors that gradients flow to, in the order of the scan's inputs. */
static void choose_xs(reverse_scan *r) {
    const hb_scan_info *f = r->forward;
    for (int k = 0; k < r->n_xs; k++) {
        bool state = k < f->n_states, element = !state && k < f->n_states + f->n_sequences;
        hebb_tensor *x = state ? f->state[k] : element ? f->element[k - f->n_states] : r->d->x[k];
        if (hb_floating(x->dtype) && (state || r->d->want[k])) r->x[k] = x;
    }
}

static void build(reverse_scan *r, hebb_tensor **slot, hebb_tensor **list) {
    int random_from = r->graph->n_nodes;
    choose_xs(r);
    differentiate_body(r, slot, list);
    if (r->graph->error.status != HEBB_OK) return;
    size_t n = (size_t)r->graph->n_nodes + 4 * (size_t)r->n_xs + 1;
    r->inside = calloc(3 * n, 1);
    if (r->inside == NULL) {
        hb_graph_error(r->graph, HEBB_E_MEMORY, "out of memory: gradients of a graph of %d tensors",
                       r->graph->n_nodes);
        return;
    }
    mark_inside(r);
    add_states(r, slot);
    if (r->graph->error.status == HEBB_OK)
        bind_forward(r, (bool *)r->inside + n, (bool *)r->inside + 2 * n);
    hebb_tensor *scan = make_scan(r, random_from);
    if (!hebb_tensor_is_inert(scan)) hand_out(r, scan);
    free(r->inside);
}

void gradient_scan(hb_grad *d) {
    const hb_scan_info *f = d->y->attrs->scan;
    reverse_scan r = {
        .d = d,
        .graph = d->y->graph,
        .forward = f,
        .n_xs = f->n_states + f->n_sequences + f->n_captures,
        .info = {.reverse = !f->reverse, .length = f->length, .light_from = f->light_from}};
    /* Room for: x and dx, slots, 4 lists of differentiate_body(), states three times, sequences and
     * elements (each tensor of the body, and the stack of one of a scan in it, at most), results.
     */
    size_t xs = (size_t)r.n_xs + 1, few = xs + (size_t)d->n_results;
    size_t many = 2 * (size_t)d->y->id + few, terms = 2 * MOST_DELAYED * xs;
    hebb_tensor **list = calloc(3 * xs + 4 * few + 3 * xs + 2 * many + many + terms, sizeof *list);
    if (list == NULL) {
        hb_graph_error(r.graph, HEBB_E_MEMORY, "out of memory: gradients of a graph of %d tensors",
                       r.graph->n_nodes);
        return;
    }
    hebb_tensor **at = list, **slot;
    r.x = at, at += xs;
    r.dx = at, at += xs;
    slot = at, at += xs;
    hebb_tensor **lists = at;
    at += 4 * few;
    r.first = at, at += xs;
    r.info.state = at, at += xs;
    r.info.next = at, at += xs;
    r.sequence = at, at += many;
    r.info.element = at, at += many;
    r.result = at;
    build(&r, slot, lists);
    free(list);
}
