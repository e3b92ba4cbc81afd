/* Merges groups of roots: elementwise steps with those they read from, reductions with what comes
   before and after them and with others that read the same, small loops with each other, products
   with their epilogues. Called by fuse.c.

   Two groups cannot become one step if one depends on the other through a third: their merger would
   be a cycle. The groups are kept in topological order, so only those between the two can be that
   third one. */
#include <stdlib.h>
#include <string.h>

#include "fuser.h"

enum { FEW_POINTS = 64 };

typedef struct merger {
    hb_fuser *p;
    hb_fusion *f;
    int *order;    /* groups that are not merged, each after those it reads from */
    int n;         /* how many */
    int *position; /* by group: its place there */
    int *mark;     /* by group: stamp of the last search that came by */
    int stamp;
    int *stack; /* also for the groups that change places */
} merger;

/* ---- what groups read ---- */

/* Whether a group with a mark makes the node, or a part of it. */
static bool is_marked(const merger *m, int node) {
    const ir_node *n = get(m->p, node);
    for (int k = 0; n->kind == IR_PARTS && k < n->n_in; k++)
        if (is_marked(m, n->in[k])) return true;
    if (n->kind == IR_PARTS || !m->f->root[node] || m->f->group[node] < 0) return false;
    return m->mark[m->f->group[node]] == m->stamp;
}

static bool reads_marked(const merger *m, const hb_group *g) {
    for (int k = 0; k < g->n_places; k++)
        if (!g->places[k].written && g->places[k].node >= 0 && is_marked(m, g->places[k].node))
            return true;
    return ir_is_scatter(g->kind) && is_marked(m, get(m->p, g->members[0])->in[0]);
}

/* Puts the groups that make a node on the stack, but for those before `from` in the order. */
static void visit_node(merger *m, int node, int from, int *depth) {
    const ir_node *n = get(m->p, node);
    for (int k = 0; n->kind == IR_PARTS && k < n->n_in; k++) visit_node(m, n->in[k], from, depth);
    if (n->kind == IR_PARTS || !m->f->root[node]) return;
    int group = m->f->group[node];
    if (group < 0 || m->position[group] < from || m->mark[group] == m->stamp) return;
    m->mark[group] = m->stamp;
    m->stack[(*depth)++] = group;
}

static void visit_group(merger *m, const hb_group *g, int from, int *depth) {
    for (int k = 0; k < g->n_places; k++)
        if (!g->places[k].written && g->places[k].node >= 0)
            visit_node(m, g->places[k].node, from, depth);
    if (ir_is_scatter(g->kind)) visit_node(m, get(m->p, g->members[0])->in[0], from, depth);
}

/* Whether `reader` depends on `to` through a third group. */
static bool needs_indirectly(merger *m, int reader, int to) {
    const int from = m->position[to];
    int depth = 0;
    if (m->position[reader] < from) return false;
    m->stamp++;
    m->mark[reader] = m->stamp;
    visit_group(m, &m->f->groups[reader], from, &depth);
    if (m->mark[to] == m->stamp) { /* directly: take it off, the rest must not lead there */
        for (int k = 0; k < depth; k++)
            if (m->stack[k] == to) m->stack[k] = m->stack[--depth];
        m->mark[to] = 0;
    }
    while (depth > 0) {
        visit_group(m, &m->f->groups[m->stack[--depth]], from, &depth);
        if (m->mark[to] == m->stamp) return true;
    }
    return false;
}

/* ---- the order ---- */

static void put(merger *m, int at, int group) {
    m->order[at] = group;
    m->position[group] = at;
}

/* `kept` now stands for both groups. What comes between the two, and needs the earlier one, moves
   behind it. */
static void close_ranks(merger *m, int kept, int gone) {
    const int a = m->position[kept], b = m->position[gone];
    const int low = a < b ? a : b, high = a < b ? b : a;
    int at = low, n_later = 0;
    m->stamp++;
    m->mark[m->order[low]] = m->mark[kept] = m->stamp;
    for (int k = low + 1; k < high; k++) {
        const int group = m->order[k];
        if (reads_marked(m, &m->f->groups[group])) {
            m->mark[group] = m->stamp;
            m->stack[n_later++] = group;
        } else put(m, at++, group);
    }
    put(m, at++, kept);
    for (int k = 0; k < n_later; k++) put(m, at++, m->stack[k]);
    for (int k = high + 1; k < m->n; k++) put(m, at++, m->order[k]);
    m->n = at;
}

/* ---- whether two groups fit ---- */

static int64_t kept_count(const hb_group *g) {
    int64_t kept = 1;
    for (int k = 0; k < g->space.rank; k++)
        if (!g->reduce[k]) kept *= g->space.dim[k];
    return kept;
}

/* A copy whose place in the order of its value's parts does not matter. */
static bool is_free_copy(const hb_fuser *p, const ir_node *n) {
    return n->kind == IR_COPY && p->f->apart[n->into];
}

/* Whether copies into parts that may meet others, or views of the whole, are in the group: those
   stay alone. */
static bool computes(const hb_fuser *p, const hb_group *g) {
    for (int k = 0; k < g->n_members; k++) {
        const ir_node *n = get(p, g->members[k]);
        if (n->kind != IR_SCALAR && n->kind != IR_REDUCE && n->kind != IR_MATMUL &&
            !is_free_copy(p, n))
            return false;
    }
    return true;
}

/* Whether a group reads a value of which the other one writes a part: all parts are needed first.
 */
static bool reads_parts_of(const hb_fuser *p, int reader, int writer) {
    const hb_group *g = &p->f->groups[reader];
    for (int k = 0; k < g->n_places; k++) {
        if (g->places[k].written || g->places[k].node < 0) continue;
        const ir_node *n = get(p, g->places[k].node);
        for (int i = 0; n->kind == IR_PARTS && i < n->n_in; i++)
            if (p->f->group[n->in[i]] == writer) return true;
    }
    return false;
}

/* Whether two reductions go over the same space in the same way. */
static bool reduce_alike(const hb_group *a, const hb_group *b) {
    if (!hebb_shape_equal(a->space, b->space)) return false;
    for (int k = 0; k < a->space.rank; k++)
        if (a->space.dim[k] != 1 && a->reduce[k] != b->reduce[k]) return false;
    return true;
}

/* Whether the index spaces allow one step; `first` then gives the space. */
static bool spaces_fit(const hb_fuser *p, const hb_group *first, const hb_group *second) {
    if (!computes(p, first) || !computes(p, second)) return false;
    int64_t a = hebb_shape_count(first->space), b = hebb_shape_count(second->space);
    if (first->kind == IR_REDUCE && second->kind == IR_REDUCE) return reduce_alike(first, second);
    if (second->kind != IR_SCALAR) return false;
    if (first->kind != IR_REDUCE) return a == b;
    return a > kept_count(first) && (b == a || b == kept_count(first));
}

/* ---- merging ---- */

static void set_members(merger *m, const hb_group *g, int number) {
    for (int k = 0; k < g->n_members; k++) m->f->group[g->members[k]] = number;
}

static int *merged_members(hb_fuser *p, const hb_group *a, const hb_group *b) {
    int *all = ir_memory(p->ir, (size_t)(a->n_members + b->n_members) * sizeof *all);
    if (all == NULL) return NULL;
    for (int i = 0, j = 0, k = 0; k < a->n_members + b->n_members; k++) {
        bool from_a = j == b->n_members || (i < a->n_members && a->members[i] < b->members[j]);
        all[k] = from_a ? a->members[i++] : b->members[j++];
    }
    return all;
}

/* Merges group `second` into `first` if one step can compute both; its space is first's. */
static bool merge(merger *m, int first, int second) {
    hb_fuser *p = m->p;
    hb_group *a = &m->f->groups[first], *b = &m->f->groups[second];
    if (!spaces_fit(p, a, b)) return false;
    if (reads_parts_of(p, first, second) || reads_parts_of(p, second, first)) return false;
    if (needs_indirectly(m, first, second) || needs_indirectly(m, second, first)) return false;
    int *all = merged_members(p, a, b);
    if (all == NULL) return false;
    hb_group together = *a;
    together.members = all;
    together.n_members = a->n_members + b->n_members;
    hb_group before = *a;
    *a = together;
    set_members(m, a, first);
    b->merged = true;
    if (hb_try_lower(p, first)) {
        close_ranks(m, first, second);
        return true;
    }
    *a = before;
    b->merged = false;
    set_members(m, a, first);
    set_members(m, b, second);
    return false;
}

static bool try_merge(merger *m, int a, int b) { return merge(m, a, b) || merge(m, b, a); }

/* Merges a group with one that it reads from, point by point; true if it did. A merged group reads
   other things, so the caller starts over with it. */
static bool merge_with_source(merger *m, int group) {
    const hb_group *g = &m->f->groups[group];
    for (int k = 0; k < g->n_places; k++) {
        const hb_place *place = &g->places[k];
        if (place->written || place->node < 0 || !place->pointwise || !m->f->root[place->node])
            continue;
        int other = m->f->group[place->node];
        if (other >= 0 && other != group && try_merge(m, other, group)) return true;
    }
    return false;
}

/* Parts of one value that are computed alike, as the gradients of an LSTM's gates. */
static void merge_parts(merger *m, int parts) {
    const ir_node *n = get(m->p, parts);
    for (int k = 1; k < n->n_in && m->p->ir->error.status == HEBB_OK; k++) {
        const int one = m->f->group[n->in[k - 1]], other = m->f->group[n->in[k]];
        if (one != other) try_merge(m, one, other);
    }
}

/* Points of a loop; -1 of what is none, or no longer a group of its own. */
static int64_t loop_points(const hb_group *g) {
    const bool is_loop = !g->merged && (g->kind == IR_REDUCE || g->kind == IR_SCALAR);
    return is_loop ? hebb_shape_count(g->space) : -1;
}

/* Whether both groups read the same large memory, point by point. */
static bool share_source(const hb_fuser *p, const hb_group *a, const hb_group *b) {
    for (int i = 0; i < a->n_places; i++) {
        const hb_place *x = &a->places[i];
        if (x->written || x->node < 0 || !x->pointwise) continue;
        for (int j = 0; j < b->n_places; j++)
            if (!b->places[j].written && b->places[j].node == x->node && b->places[j].pointwise)
                return true;
    }
    return false;
}

/* Whether one step had better do two loops over as many points: where a reduction reads what the
   other one reads, one pass over it is enough; and a loop of a few points takes less time than to
   start one. */
static bool belong_together(const hb_fuser *p, const hb_group *a, const hb_group *b,
                            int64_t points) {
    if (points <= FEW_POINTS) return true;
    return (a->kind == IR_REDUCE || b->kind == IR_REDUCE) && share_source(p, a, b);
}

/* Loops over the same space of which none needs the other. */
static void merge_neighbors(merger *m) {
    const hb_fusion *f = m->f;
    int64_t *points = ir_memory(m->p->ir, ((size_t)f->n_groups + 1) * sizeof *points);
    if (points == NULL) return;
    for (int k = 0; k < f->n_groups; k++) points[k] = loop_points(&f->groups[k]);
    for (int b = 1; b < f->n_groups; b++)
        for (int a = 0; a < b && points[b] >= 0 && m->p->ir->error.status == HEBB_OK; a++) {
            if (points[a] != points[b] ||
                !belong_together(m->p, &f->groups[a], &f->groups[b], points[a]) ||
                !try_merge(m, a, b))
                continue;
            points[a] = loop_points(&f->groups[a]);
            points[b] = loop_points(&f->groups[b]);
        }
}

void hb_merge_groups(hb_fuser *p) {
    hb_fusion *f = p->f;
    merger m = {.p = p, .f = f};
    const size_t n = (size_t)f->n_groups + 1;
    m.order = ir_memory(p->ir, n * sizeof *m.order);
    m.position = ir_memory(p->ir, n * sizeof *m.position);
    m.mark = ir_memory(p->ir, n * sizeof *m.mark);
    m.stack = ir_memory(p->ir, n * sizeof *m.stack);
    if (p->ir->error.status != HEBB_OK) return;
    for (int k = 0; k < f->n_groups; k++) put(&m, m.n++, k); /* as their nodes are numbered */
    for (int node = 0; node < p->ir->n_nodes && p->ir->error.status == HEBB_OK; node++) {
        if (!f->root[node] || f->group[node] < 0) continue;
        while (merge_with_source(&m, f->group[node])) {
        }
    }
    merge_neighbors(&m);
    for (int node = 0; node < p->ir->n_nodes; node++)
        if (get(p, node)->kind == IR_PARTS && f->apart[node]) merge_parts(&m, node);
}
