/* Joins steps: a product of matrices, loops over its rows, and a product of which they make the
   left operand, such as attention's. Where the backend is ready to run them as one, some rows at a
   time, values that only they use have no memory in the arena. Called by plan.c once the order is
   known. */
#include <stdlib.h>
#include <string.h>

#include "fusion.h"

/* Joined, and from the first one to the last in the order before. */
enum { MOST_STEPS = 16, MOST_APART = 24 };

typedef struct joiner {
    hb_fusion *f;
    const hb_backend *backend;
    hb_device *device;
    int *order, n_steps;
    int n, member[MOST_STEPS];    /* steps of the order */
    int n_late, late[MOST_APART]; /* between them: they read members, but are none */
    int64_t *at;                  /* by node: a place of its own, in bytes */
} joiner;

static hb_group *group_at(const joiner *j, int step) { return &j->f->groups[j->order[step]]; }

/* Whether the group reads what the steps [of a list] write to the arena. */
static bool reads_from(const joiner *j, const hb_group *g, const int *steps, int n) {
    for (int s = 0; s < n; s++) {
        const hb_group *from = group_at(j, steps[s]);
        for (int k = 0; k < from->n_places; k++)
            for (int i = 0; from->places[k].written && i < g->n_places; i++)
                if (!g->places[i].written && hb_in_arena(&g->places[i]) &&
                    g->places[i].node == from->places[k].node)
                    return true;
    }
    return false;
}

/* Not variables, nor values that are made of parts, by several steps in some order. */
static bool writes_whole_values(const hb_group *g) {
    for (int k = 0; k < g->n_places; k++) {
        if (!g->places[k].written) continue;
        if (!hb_in_arena(&g->places[k]) || !g->places[k].pointwise) return false;
    }
    return true;
}

static const hb_place *place_of(const hb_group *g, const hb_operand *operand) {
    for (int k = 0; k < g->n_places; k++)
        if (g->places[k].operand == operand) return &g->places[k];
    return NULL;
}

static bool is_among(const joiner *j, const hb_place *place) {
    for (int s = 0; s < j->n && place != NULL; s++) {
        const hb_group *g = group_at(j, j->member[s]);
        for (int k = 0; k < g->n_places; k++)
            if (g->places[k].written && g->places[k].node == place->node) return true;
    }
    return false;
}

/* ---- members ---- */

/* Whether members make nothing of the product but its left operand, which it reads by rows. */
static bool is_last_product(const joiner *j, const hb_group *g) {
    if (g->step.kind != HB_GEMM || !is_among(j, place_of(g, &g->step.u.gemm.a))) return false;
    if (g->step.u.gemm.a.stride[g->step.u.gemm.n_batch + 1] != 1) return false;
    for (int k = 0; k < g->n_places; k++)
        if (g->places[k].operand != &g->step.u.gemm.a && is_among(j, &g->places[k])) return false;
    return true;
}

/* Whether it is a loop over the rows of the first product. */
static bool is_loop(const joiner *j, const hb_group *g) {
    const hb_gemm *first = &group_at(j, j->member[0])->step.u.gemm;
    const hb_loop *loop = &g->step.u.loop;
    if (g->step.kind != HB_LOOP || g->step.again || loop->rank <= first->n_batch) return false;
    for (int k = 0; k <= first->n_batch; k++)
        if (loop->dim[k] != first->epilogue.dim[k] || loop->reduce[k]) return false;
    return true;
}

/* From the product at step `first` on: what reads members and may be one, up to a product. What
   reads members and may not be one is done after them; what reads neither, before them. */
static bool find_members(joiner *j, int first) {
    j->n = 1;
    j->n_late = 0;
    j->member[0] = first;
    for (int s = first + 1; s < j->n_steps && s < first + MOST_APART; s++) {
        const hb_group *g = group_at(j, s);
        if (!writes_whole_values(g)) return false;
        const bool after = reads_from(j, g, j->late, j->n_late);
        if (!after && !reads_from(j, g, j->member, j->n)) continue;
        if (!after && j->n < MOST_STEPS) {
            const bool loop = is_loop(j, g), last = is_last_product(j, g);
            if (loop || last) j->member[j->n++] = s;
            if (last) return true;
            if (loop) continue;
        }
        j->late[j->n_late++] = s;
    }
    return false;
}

/* ---- values ---- */

static bool is_member(const joiner *j, int step) {
    for (int k = 0; k < j->n; k++)
        if (j->member[k] == step) return true;
    return false;
}

/* Whether nobody but members reads the value. */
static bool is_own(const joiner *j, int node) {
    for (int k = 0; k < j->f->ir->n_fetches; k++)
        if (j->f->ir->fetches[k] == node) return false;
    for (int s = 0; s < j->n_steps; s++)
        for (int k = 0; !is_member(j, s) && k < group_at(j, s)->n_places; k++)
            if (group_at(j, s)->places[k].node == node) return false;
    return true;
}

/* The value's operands are in `buffer`; the last one to read it says so. */
static void move_value(joiner *j, int node, int buffer) {
    hb_operand *last = NULL;
    for (int s = 0; s < j->n; s++) {
        hb_group *g = group_at(j, j->member[s]);
        for (int k = 0; k < g->n_places; k++) {
            if (g->places[k].node != node) continue;
            g->places[k].operand->buffer = buffer;
            g->places[k].operand->last = false;
            g->step.bytes +=
                (buffer == HB_BUFFER_ARENA ? 1 : -1) * (double)ir_bytes(&j->f->ir->nodes[node]);
            if (!g->places[k].written) last = g->places[k].operand;
        }
    }
    if (last != NULL) last->last = buffer != HB_BUFFER_ARENA;
}

static void move_values(joiner *j) {
    int n = 0;
    for (int s = 0; s < j->n; s++) {
        const hb_group *g = group_at(j, j->member[s]);
        for (int k = 0; k < g->n_places; k++)
            if (g->places[k].written && hb_in_arena(&g->places[k]) && is_own(j, g->places[k].node))
                move_value(j, g->places[k].node, HB_BUFFER_JOINED - n++);
    }
}

static void move_values_back(joiner *j) {
    for (int s = 0; s < j->n; s++) {
        const hb_group *g = group_at(j, j->member[s]);
        for (int k = 0; k < g->n_places; k++)
            if (g->places[k].operand->buffer <= HB_BUFFER_JOINED)
                move_value(j, g->places[k].node, HB_BUFFER_ARENA);
    }
}

/* ---- asking the backend ---- */

/* Puts the values of the arena at different places, or, with `sign` -1, takes them out again. */
static void spread(const joiner *j, int sign) {
    for (int s = 0; s < j->n; s++) {
        const hb_group *g = group_at(j, j->member[s]);
        for (int k = 0; k < g->n_places; k++) {
            hb_operand *operand = g->places[k].operand;
            if (hb_in_arena(&g->places[k]))
                operand->offset +=
                    sign * j->at[g->places[k].node] / (int64_t)hebb_dtype_size(operand->dtype);
        }
    }
}

/* Scratch memory of the members, if the backend takes them; else 0. */
static size_t ask(const joiner *j) {
    hb_step steps[MOST_STEPS];
    spread(j, 1);
    for (int s = 0; s < j->n; s++) steps[s] = group_at(j, j->member[s])->step;
    const size_t bytes = j->backend->join(j->device, steps, (size_t)j->n);
    spread(j, -1);
    return bytes;
}

/* Those between the members that read none of them go before, the others after. */
static void put_in_order(joiner *j) {
    const int first = j->member[0], last = j->member[j->n - 1];
    int before[MOST_APART], members[MOST_STEPS], after[MOST_APART], n = 0, n_after = 0;
    for (int s = 0; s < j->n; s++) members[s] = j->order[j->member[s]];
    for (int s = first; s <= last; s++) {
        if (is_member(j, s)) continue;
        if (reads_from(j, group_at(j, s), j->member, j->n) ||
            reads_from(j, group_at(j, s), j->late, j->n_late))
            after[n_after++] = j->order[s];
        else before[n++] = j->order[s];
    }
    memcpy(j->order + first, before, (size_t)n * sizeof *before);
    memcpy(j->order + first + n, members, (size_t)j->n * sizeof *members);
    memcpy(j->order + first + n + j->n, after, (size_t)n_after * sizeof *after);
    for (int s = 0; s < j->n; s++) j->member[s] = first + n + s;
}

/* Returns the step to go on from. */
static int try_from(joiner *j, int first) {
    const hb_group *g = group_at(j, first);
    if (g->step.kind != HB_GEMM || g->step.again || !writes_whole_values(g) ||
        !find_members(j, first))
        return first + 1;
    move_values(j);
    const size_t bytes = ask(j);
    if (bytes == 0) {
        move_values_back(j);
        return first + 1;
    }
    put_in_order(j);
    for (int s = 0; s < j->n; s++) group_at(j, j->member[s])->step.scratch_bytes = 0;
    group_at(j, j->member[0])->step.scratch_bytes = bytes;
    group_at(j, j->member[0])->step.joined = j->n;
    return j->member[0] + j->n;
}

hebb_status hb_join(hb_fusion *fusion, const hb_backend *backend, hb_device *device, int *order,
                    int n_steps, hb_error *error) {
    joiner j = {
        .f = fusion, .backend = backend, .device = device, .order = order, .n_steps = n_steps};
    if (backend->join == NULL) return HEBB_OK;
    j.at = ir_memory(fusion->ir, (size_t)(fusion->ir->n_nodes + 1) * sizeof *j.at);
    if (j.at == NULL) return hb_fail_memory(error, "a plan", sizeof *j.at);
    for (int node = 0; node < fusion->ir->n_nodes; node++)
        j.at[node + 1] = j.at[node] + (int64_t)hb_arena_bytes(ir_bytes(&fusion->ir->nodes[node]));
    for (int s = 0; s < n_steps;) s = try_from(&j, s);
    return HEBB_OK;
}

void hb_part_joined(hb_fusion *fusion, const hb_backend *backend, hb_device *device, int *order,
                    int n_steps) {
    joiner j = {.f = fusion, .order = order, .n_steps = n_steps};
    for (int first = 0; first < n_steps; first++) {
        hb_group *g = group_at(&j, first);
        if (g->step.joined == 0) continue;
        j.n = g->step.joined;
        g->step.joined = 0;
        for (int s = 0; s < j.n; s++) j.member[s] = first + s;
        move_values_back(&j);
        for (int s = 0; s < j.n; s++) {
            hb_step *step = &group_at(&j, first + s)->step;
            step->scratch_bytes = backend->scratch(device, step);
        }
    }
}
