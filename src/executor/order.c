/* The order of the steps: after what they read, and a variable's new value after everybody has read
   the old one. Steps that write variables go first among those that could: what they read is free
   then. */
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

static int writer_of_buffer(const hb_fusion *f, int buffer) {
    for (int k = 0; k < f->n_groups; k++) {
        const hb_group *g = &f->groups[k];
        for (int i = 0; !g->merged && i < g->n_places; i++)
            if (g->places[i].written && g->places[i].node < 0 &&
                g->places[i].operand->buffer == buffer)
                return k;
    }
    return -1;
}

static bool connect(orderer *o) {
    hb_fusion *f = o->f;
    int *writer = ir_memory(o->ir, (size_t)(o->ir->n_buffers + 1) * sizeof *writer);
    if (writer == NULL) return false;
    for (int b = 1; b < o->ir->n_buffers; b++)
        writer[b] = o->ir->buffers[b].written ? writer_of_buffer(f, b) : -1;
    for (int k = 0; k < f->n_groups; k++) {
        const hb_group *g = &f->groups[k];
        for (int i = 0; !g->merged && i < g->n_places; i++) {
            const hb_place *place = &g->places[i];
            if (!reads_memory_of(place)) continue;
            int buffer = place->operand->buffer;
            if (buffer == HB_BUFFER_ARENA) wait_for_node(o, place->node, k);
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
static int next_group(const orderer *o) {
    int best = -1;
    for (int k = 0; k < o->f->n_groups; k++) {
        const hb_group *g = &o->f->groups[k];
        if (g->merged || o->done[k] || o->waits[k] > 0) continue;
        if (writes_variable(g)) return k;
        if (best < 0 || g->members[0] < o->f->groups[best].members[0]) best = k;
    }
    return best;
}

static void run_order(orderer *o) {
    for (int k; (k = next_group(o)) >= 0;) {
        o->done[k] = true;
        o->order[o->n_steps++] = k;
        for (const edge *e = o->after[k]; e != NULL; e = e->next) o->waits[e->to]--;
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

hebb_status hb_order(hb_fusion *fusion, int **order, int *n_steps, hb_error *error) {
    if (defer_hazards(fusion, error) != HEBB_OK) return error->status;
    for (;;) {
        orderer o = {.f = fusion, .ir = fusion->ir};
        size_t n = (size_t)fusion->n_groups + 1;
        o.after = ir_memory(o.ir, n * sizeof *o.after);
        o.waits = ir_memory(o.ir, n * sizeof *o.waits);
        o.done = ir_memory(o.ir, n * sizeof *o.done);
        o.order = ir_memory(o.ir, n * sizeof *o.order);
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
