/* Loads, and stores, whose elements take turns in memory, as those of windows side by side do when
   they are unrolled (unroll.c): they are moved together, in whole vectors (vector.h). Called by
   chain.c when a program is made; nothing here runs. */
#include <string.h>

#include "maker.h"

/* How many values could take turns where elements lie as far apart as these; 1 for none. */
static int turns_of(const hb_cpu_maker *m, const hb_cpu_view *view) {
    const hb_cpu_space *space = &m->program->space;
    const int turns = hb_cpu_turns(view->size);
    return space->columns > 1 && view->stride[space->rank - 1] == turns * view->size ? turns : 1;
}

/* Whether b's elements lie `turn` elements behind a's; ahead of them, if that is negative. */
static bool is_turn(const hb_cpu_maker *m, const hb_cpu_view *a, const hb_cpu_view *b, int turn) {
    const size_t strides = (size_t)m->program->space.rank * sizeof *a->stride;
    return a->buffer == b->buffer && a->size == b->size &&
           b->offset == a->offset + turn * a->size && memcmp(a->stride, b->stride, strides) == 0;
}

/* ---- loads ---- */

/* The load that is `turn` turns behind that of v, from a position in the sequence on; or -1. */
static int find_load(const hb_cpu_maker *m, int position, int v, int turn) {
    for (int s = position; s < m->n_sequence; s++) {
        const int u = m->sequence[s];
        if (u < 0 || m->actions[u].kind != HB_CPU_LOAD || m->values[u].early) continue;
        if (is_turn(m, &m->actions[v].view, &m->actions[u].view, turn)) return u;
    }
    return -1;
}

/* All that take turns with the load at a position, in their order. */
static bool find_loads(const hb_cpu_maker *m, int position, int turns, int v[]) {
    for (int ahead = 0; ahead < turns; ahead++) {
        bool all = true;
        for (int turn = 0; turn < turns && all; turn++) {
            v[turn] = find_load(m, position, m->sequence[position], turn - ahead);
            all = v[turn] >= 0;
        }
        if (all) return true;
    }
    return false;
}

/* Moves v, which stands in the sequence at that position or later, to it. */
static void move_to(hb_cpu_maker *m, int v, int position) {
    int s = position;
    while (m->sequence[s] != v) s++;
    memmove(m->sequence + position + 1, m->sequence + position,
            (size_t)(s - position) * sizeof *m->sequence);
    m->sequence[position] = v;
}

/* Loads may be done sooner: none is of memory that has been written until then. */
void hb_cpu_group_loads(hb_cpu_maker *m) {
    for (int v = 0; v < m->program->n_values; v++)
        m->actions[v].turns = 1, m->values[v].follows = false;
    for (int s = 0; s < m->n_sequence; s++) {
        const int v = m->sequence[s];
        int group[HB_CPU_MOST_TURNS];
        if (v < 0 || m->actions[v].kind != HB_CPU_LOAD || m->values[v].early) continue;
        const int turns = turns_of(m, &m->actions[v].view);
        if (turns == 1 || !find_loads(m, s, turns, group)) continue;
        for (int turn = 0; turn < turns; turn++) {
            move_to(m, group[turn], s + turn);
            m->actions[group[0]].turn[turn] = group[turn];
            m->values[group[turn]].follows = turn > 0;
        }
        m->actions[group[0]].turns = turns;
        s += turns - 1;
    }
}

/* ---- stores ---- */

static int find_store(const hb_cpu_maker *m, int i, int turn) {
    const hb_cpu_program *p = m->program;
    for (int k = 0; k < p->n_stores; k++)
        if (!p->store[k].linked && is_turn(m, &p->store[i].view, &p->store[k].view, turn)) return k;
    return -1;
}

void hb_cpu_group_stores(hb_cpu_maker *m) {
    hb_cpu_program *p = m->program;
    for (int i = 0; i < p->n_stores; i++) p->store[i].turns = 1;
    for (int i = 0; i < p->n_stores; i++) {
        hb_cpu_store *store = &p->store[i];
        const int turns = turns_of(m, &store->view);
        int group[HB_CPU_MOST_TURNS];
        bool all = turns > 1 && !store->linked;
        for (int turn = 0; turn < turns && all; turn++) {
            group[turn] = find_store(m, i, turn);
            all = group[turn] >= 0;
        }
        for (int turn = 0; turn < turns && all; turn++) {
            store->turn[turn] = p->store[group[turn]].value;
            p->store[group[turn]].turns = turn == 0 ? turns : 0;
        }
    }
}
