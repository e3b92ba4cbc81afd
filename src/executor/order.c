/* The order of the steps, a topological one: a step comes after those that make what it reads, and
   one that overwrites a variable after all that read its old value. Of the steps that are ready,
   those that write variables go first: they free what they read. Called by plan.c and again.c. */
#include <stdlib.h>
#include <string.h>

#include "fusion.h"

typedef struct edge {
    int to;
    struct edge *next;
} edge;

typedef struct orderer {
    hb_fusion *f;
    hb_ir *ir;
    edge **after; /* by group: groups that wait for it */
    int *waits;   /* by group: for how many */
    bool *done;   /* by group */
    int *order, n_steps;
    int *ready, n_ready;
    int *readers; /* by node: steps that have yet to read its memory; NULL unless frugal */
} orderer;

static bool reads_memory_of(const hb_place *place) { return !place->written && place->node >= 0; }

static void add_edge(orderer *o, int from, int to) {
    if (from < 0 || from == to) return;
    edge *e = ir_memory(o->ir, sizeof *e);
    if (e == NULL) return;
    *e = (edge){to, o->after[from]};
    o->after[from] = e;
    o->waits[to]++;
}

/* A value of parts is there when each of its parts is. */
static void wait_for_node(orderer *o, int node, int group) {
    const ir_node *n = &o->ir->nodes[node];
    if (n->kind == IR_PARTS)
        for (int k = 0; k < n->n_in; k++) wait_for_node(o, n->in[k], group);
    else if (o->f->root[node]) add_edge(o, o->f->group[node], group);
}

/* Parts that may meet are written in order: a later one overwrites an earlier one. */
static void order_parts(orderer *o) {
    for (int node = 0; node < o->ir->n_nodes; node++) {
        const ir_node *n = &o->ir->nodes[node];
        if (ir_is_scatter(n->kind) && o->f->root[node])
            wait_for_node(o, n->in[0], o->f->group[node]);
        for (int k = 1; n->kind == IR_PARTS && !o->f->apart[node] && k < n->n_in; k++)
            add_edge(o, o->f->group[n->in[k - 1]], o->f->group[n->in[k]]);
    }
}

/* By buffer: the group that writes it; -1 for none. */
static int *writers_of_buffers(const orderer *o) {
    int *writer = ir_memory(o->ir, (size_t)(o->ir->n_buffers + 1) * sizeof *writer);
    for (int b = 0; writer != NULL && b <= o->ir->n_buffers; b++) writer[b] = -1;
    for (int k = 0; writer != NULL && k < o->f->n_groups; k++) {
        const hb_group *g = &o->f->groups[k];
        for (int i = 0; !g->merged && i < g->n_places; i++)
            if (g->places[i].written && g->places[i].node < 0)
                writer[g->places[i].operand->buffer] = k;
    }
    return writer;
}

static bool connect(orderer *o) {
    hb_fusion *f = o->f;
    const int *writer = writers_of_buffers(o);
    if (writer == NULL) return false;
    for (int k = 0; k < f->n_groups; k++) {
        const hb_group *g = &f->groups[k];
        for (int i = 0; !g->merged && i < g->n_places; i++) {
            const hb_place *place = &g->places[i];
            if (!reads_memory_of(place)) continue;
            const int buffer = place->operand->buffer;
            if (o->ir->nodes[place->node].kind != IR_BUFFER) wait_for_node(o, place->node, k);
            else if (writer[buffer] >= 0) add_edge(o, k, writer[buffer]);
        }
    }
    order_parts(o);
    return o->ir->error.status == HEBB_OK;
}

static bool writes_variable(const hb_group *g) {
    for (int i = 0; i < g->n_places; i++)
        if (g->places[i].written && g->places[i].node < 0) return true;
    return false;
}

/* Of the groups that wait for nobody: one that writes a variable, else the one made first. */
static bool goes_before(const orderer *o, int a, int b) {
    const bool a_writes = writes_variable(&o->f->groups[a]);
    if (a_writes != writes_variable(&o->f->groups[b])) return a_writes;
    return a_writes ? a < b : o->f->groups[a].members[0] < o->f->groups[b].members[0];
}

/* The groups that wait for nobody are a heap, the next one first. */
static void swap(int *a, int *b) {
    const int was = *a;
    *a = *b;
    *b = was;
}

static void add_ready(orderer *o, int group) {
    int at = o->n_ready++;
    o->ready[at] = group;
    for (int up; at > 0 && goes_before(o, o->ready[at], o->ready[up = (at - 1) / 2]); at = up)
        swap(&o->ready[at], &o->ready[up]);
}

static int take_ready(orderer *o) {
    const int first = o->ready[0];
    o->ready[0] = o->ready[--o->n_ready];
    for (int at = 0, down; (down = 2 * at + 1) < o->n_ready; at = down) {
        if (down + 1 < o->n_ready && goes_before(o, o->ready[down + 1], o->ready[down])) down++;
        if (!goes_before(o, o->ready[down], o->ready[at])) break;
        swap(&o->ready[at], &o->ready[down]);
    }
    return first;
}

/* ---- the frugal order ---- */

/* Applies to the values in the arena that a group reads or writes, each once. */
static bool is_value(const hb_group *g, int i) {
    const hb_place *place = &g->places[i];
    if (!hb_in_arena(place)) return false;
    for (int j = 0; j < i; j++)
        if (g->places[j].node == place->node && g->places[j].written == place->written)
            return false;
    return true;
}

static void add_reader(orderer *o, int group, int times) {
    const hb_group *g = &o->f->groups[group];
    for (int i = 0; i < g->n_places; i++)
        if (is_value(g, i) && !g->places[i].written) o->readers[g->places[i].node] += times;
}

static void count_readers(orderer *o) {
    for (int k = 0; k < o->f->n_groups; k++)
        if (!o->f->groups[k].merged) add_reader(o, k, 1);
    for (int k = 0; k < o->ir->n_fetches; k++)
        if (o->ir->fetches[k] >= 0) o->readers[o->ir->fetches[k]]++;
}

/* Bytes that are in memory after the group, but were not before. */
static double more_bytes(const orderer *o, int group) {
    const hb_group *g = &o->f->groups[group];
    double more = 0;
    for (int i = 0; i < g->n_places; i++) {
        if (!is_value(g, i)) continue;
        const ir_node *n = &o->ir->nodes[g->places[i].node];
        const double bytes = (double)hebb_shape_count(n->shape) * (double)hebb_dtype_size(n->dtype);
        if (g->places[i].written) more += bytes;
        else if (o->readers[g->places[i].node] == 1) more -= bytes;
    }
    return more;
}

static int take_smallest(orderer *o) {
    int best = 0;
    double least = 0;
    for (int k = 0; k < o->n_ready; k++) {
        const double more = more_bytes(o, o->ready[k]);
        const bool earlier =
            o->f->groups[o->ready[k]].members[0] < o->f->groups[o->ready[best]].members[0];
        if (k > 0 && (more > least || (more == least && !earlier))) continue;
        best = k;
        least = more;
    }
    const int group = o->ready[best];
    o->ready[best] = o->ready[--o->n_ready];
    add_reader(o, group, -1);
    return group;
}

/* ---- ordering ---- */

static void run_order(orderer *o) {
    if (o->readers != NULL) count_readers(o);
    for (int k = 0; k < o->f->n_groups; k++)
        if (!o->f->groups[k].merged && o->waits[k] == 0) add_ready(o, k);
    while (o->n_ready > 0) {
        const int k = o->readers != NULL ? take_smallest(o) : take_ready(o);
        o->done[k] = true;
        o->order[o->n_steps++] = k;
        for (const edge *e = o->after[k]; e != NULL; e = e->next)
            if (--o->waits[e->to] == 0) add_ready(o, e->to);
    }
}

/* The root whose value a group writes to a variable, and the variable's buffer. */
static bool assigned_root(const hb_fusion *f, const hb_group *g, int *root, int *buffer) {
    for (int k = 0; k < g->n_members; k++)
        if (g->members[k] < f->n_before_deferral && f->assigned[g->members[k]] != NULL) {
            *root = g->members[k];
            *buffer = f->assigned[*root]->buffer;
            return true;
        }
    return false;
}

/* A step that overwrites a variable at one point and reads it at another would see the new value;
   one with reductions may go over its points twice. */
static bool overwrites_own_input(const hb_group *g, int *buffer) {
    for (int w = 0; w < g->n_places; w++)
        for (int r = 0; g->places[w].written && g->places[w].node < 0 && r < g->n_places; r++)
            if (reads_memory_of(&g->places[r]) &&
                (!g->places[r].pointwise || g->places[w].everywhere) &&
                g->places[r].operand->buffer == g->places[w].operand->buffer) {
                *buffer = g->places[w].operand->buffer;
                return true;
            }
    return false;
}

static int root_assigned_to(const hb_fusion *f, const hb_group *g, int buffer) {
    for (int k = 0; k < g->n_members; k++)
        for (const hb_assign_target *t = f->assigned[g->members[k]]; t != NULL; t = t->next)
            if (t->buffer == buffer) return g->members[k];
    return -1;
}

static hebb_status defer_hazards(hb_fusion *f, hb_error *error) {
    for (int k = 0; k < f->n_groups; k++) {
        int buffer;
        while (!f->groups[k].merged && overwrites_own_input(&f->groups[k], &buffer))
            if (hb_defer_assign(f, root_assigned_to(f, &f->groups[k], buffer), buffer, error) !=
                HEBB_OK)
                return error->status;
    }
    return HEBB_OK;
}

/* Steps that wait for each other (two variables that swap their values, say): one of them writes
   its variable by a copy at the end instead. */
static hebb_status break_cycle(const orderer *o, hb_error *error) {
    int root, buffer;
    for (int k = 0; k < o->f->n_groups; k++)
        if (!o->f->groups[k].merged && !o->done[k] &&
            assigned_root(o->f, &o->f->groups[k], &root, &buffer))
            return hb_defer_assign(o->f, root, buffer, error);
    return hb_fail(error, HEBB_E_UNSUPPORTED, "run: the steps of this graph cannot be ordered");
}

hebb_status hb_order(hb_fusion *fusion, bool frugal, int **order, int *n_steps, hb_error *error) {
    if (defer_hazards(fusion, error) != HEBB_OK) return error->status;
    for (;;) {
        orderer o = {.f = fusion, .ir = fusion->ir};
        size_t n = (size_t)fusion->n_groups + 1;
        o.after = ir_memory(o.ir, n * sizeof *o.after);
        o.waits = ir_memory(o.ir, n * sizeof *o.waits);
        o.done = ir_memory(o.ir, n * sizeof *o.done);
        o.order = ir_memory(o.ir, n * sizeof *o.order);
        o.ready = ir_memory(o.ir, n * sizeof *o.ready);
        if (frugal) o.readers = ir_memory(o.ir, (size_t)(o.ir->n_nodes + 1) * sizeof *o.readers);
        if (o.ir->error.status == HEBB_OK && connect(&o)) run_order(&o);
        if (o.ir->error.status != HEBB_OK) {
            *error = o.ir->error;
            return error->status;
        }
        int wanted = 0;
        for (int k = 0; k < fusion->n_groups; k++) wanted += !fusion->groups[k].merged;
        *order = o.order;
        *n_steps = o.n_steps;
        if (o.n_steps == wanted) return HEBB_OK;
        if (break_cycle(&o, error) != HEBB_OK) return error->status;
    }
}
