/* How each value of a plan could be recomputed: by the step that made it, or, if it is elementwise,
   by a smaller step from values that the first one has stored. Both give the same bits: the smaller
   step runs the same scalar program, and reductions and matrix products are only repeated as a
   whole. Called by again.c before budget.c chooses. */
#include <stdlib.h>
#include <string.h>

#include "budget.h"

enum { MOST_MEMBERS = 16 };

/* What a byte that is read or written counts as, in floating-point operations: processors and GPUs
   do about so many in the time. */
#define FLOPS_A_BYTE 10.0

static hb_group *group_at(const hb_budget *b, int step) {
    return &b->fusion->groups[b->order[step]];
}

/* ---- values ---- */

static void add_use(hb_value *v, int step) {
    if (v->n_uses == 0 || v->uses[v->n_uses - 1] != step) v->uses[v->n_uses++] = step;
}

/* Values with several writers (parts, and rows that are added) stay where they are. */
static bool count_uses(hb_budget *b) {
    for (int s = 0; s < b->n_steps; s++) {
        const hb_group *g = group_at(b, s);
        for (int k = 0; k < g->n_places; k++)
            if (hb_in_arena(&g->places[k])) b->values[g->places[k].node].n_uses++;
    }
    for (int node = 0; node < b->n_nodes; node++) {
        hb_value *v = &b->values[node];
        v->made_at = -1;
        v->uses = ir_memory(b->ir, (size_t)(v->n_uses + 1) * sizeof *v->uses);
        if (v->uses == NULL) return false;
        v->n_uses = 0;
    }
    return true;
}

static bool find_values(hb_budget *b) {
    if (!count_uses(b)) return false;
    for (int s = 0; s < b->n_steps; s++) {
        const hb_group *g = group_at(b, s);
        for (int k = 0; k < g->n_places; k++) {
            if (!hb_in_arena(&g->places[k])) continue;
            hb_value *v = &b->values[g->places[k].node];
            v->bytes = hb_arena_bytes(ir_bytes(&b->ir->nodes[g->places[k].node]));
            if (!g->places[k].written || v->made_at >= 0) add_use(v, s);
            if (!g->places[k].written) continue;
            v->pinned = v->pinned || v->made_at >= 0 || ir_is_scatter(g->kind);
            if (v->made_at < 0) v->made_at = s;
        }
    }
    for (int k = 0; k < b->ir->n_fetches; k++)
        if (b->ir->fetches[k] >= 0) {
            hb_value *v = &b->values[b->ir->fetches[k]];
            v->pinned = true;
            add_use(v, b->n_steps);
        }
    return true;
}

/* ---- steps done again ---- */

bool hb_lower_again(hb_budget *b, const hb_recipe *recipe, int node) {
    hb_fusion *f = b->fusion;
    struct before {
        int group;
        bool stored;
        hb_assign_target *assigned;
    } *before = calloc((size_t)recipe->n_members, sizeof *before);
    if (before == NULL) {
        hb_fail_memory(&b->ir->error, "a plan", sizeof *before);
        return false;
    }
    hb_group *slot = &f->groups[f->n_groups];
    *slot = (hb_group){.kind = IR_SCALAR, .space = b->ir->nodes[node].shape};
    if (recipe->whole) {
        slot->kind = recipe->group->kind;
        slot->space = recipe->group->space;
        memcpy(slot->reduce, recipe->group->reduce, sizeof slot->reduce);
    }
    slot->n_members = recipe->n_members;
    slot->members = recipe->members;
    for (int k = 0; k < recipe->n_members; k++) {
        int m = recipe->members[k];
        before[k] = (struct before){f->group[m], f->stored[m], f->assigned[m]};
        f->group[m] = f->n_groups;
        f->assigned[m] = NULL;
        if (!recipe->whole) f->stored[m] = m == node;
    }
    bool done = hb_lower(f, slot, true);
    for (int k = 0; k < recipe->n_members; k++) {
        int m = recipe->members[k];
        f->group[m] = before[k].group;
        f->stored[m] = before[k].stored;
        f->assigned[m] = before[k].assigned;
    }
    free(before);
    return done;
}

/* ---- recipes ---- */

/* What the step reads and writes. A recipe that needs what is not in memory is none. */
static bool describe(hb_budget *b, const hb_group *g, hb_recipe *r) {
    r->in = ir_memory(b->ir, (size_t)(g->n_places + 1) * sizeof *r->in);
    r->out = ir_memory(b->ir, (size_t)(g->n_places + 1) * sizeof *r->out);
    if (r->in == NULL || r->out == NULL) return false;
    r->until = b->n_steps;
    r->n_in = r->n_out = 0;
    for (int k = 0; k < g->n_places; k++) {
        const hb_place *place = &g->places[k];
        if (hb_in_arena(place)) {
            int *list = place->written ? r->out : r->in, *n = place->written ? &r->n_out : &r->n_in;
            bool there = false;
            for (int i = 0; i < *n; i++) there = there || list[i] == place->node;
            if (!there) list[(*n)++] = place->node;
        } else if (place->operand->buffer > 0) {
            int at = b->overwritten_at[place->operand->buffer];
            if (at < r->until) r->until = at;
        }
    }
    hb_group *kept = ir_memory(b->ir, sizeof *kept);
    if (kept == NULL) return false;
    *kept = *g;
    kept->step.scratch_bytes = b->backend->scratch(b->device, &kept->step);
    r->cost = g->step.flops + FLOPS_A_BYTE * g->step.bytes;
    r->group = kept;
    return true;
}

static bool find_whole(hb_budget *b, int node, hb_recipe *r) {
    hb_group *g = group_at(b, b->values[node].made_at);
    for (int k = 0; k < g->n_members; k++)
        if (b->fusion->assigned[g->members[k]] != NULL) return true;
    for (int k = 0; k < g->n_places; k++)
        if (g->places[k].written && g->places[k].node >= 0 && b->values[g->places[k].node].pinned)
            return true;
    r->whole = true;
    r->members = g->members;
    r->n_members = g->n_members;
    return describe(b, g, r);
}

/* A root that is read but not in memory becomes a member, too. 0: all are there, 1: one was added,
   -1: that cannot be. */
static int add_missing(hb_budget *b, const hb_group *g, hb_recipe *r) {
    for (int k = 0; k < g->n_places; k++) {
        const hb_place *place = &g->places[k];
        if (place->written || !hb_in_arena(place) || b->values[place->node].bytes > 0) continue;
        if (r->n_members == MOST_MEMBERS || b->ir->nodes[place->node].kind != IR_SCALAR) return -1;
        int at = r->n_members++;
        for (; at > 0 && r->members[at - 1] > place->node; at--)
            r->members[at] = r->members[at - 1];
        r->members[at] = place->node;
        return 1;
    }
    return 0;
}

static bool find_alone(hb_budget *b, int node, hb_recipe *r) {
    ir_kind kind = b->ir->nodes[node].kind;
    if (kind != IR_SCALAR && kind != IR_VIEW && kind != IR_FULL && kind != IR_INDEX) return true;
    hb_recipe tried = {.n_members = 1};
    tried.members = ir_memory(b->ir, (MOST_MEMBERS + 1) * sizeof *tried.members);
    if (tried.members == NULL) return false;
    tried.members[0] = node;
    const hb_group *slot = &b->fusion->groups[b->fusion->n_groups];
    for (int more = 1; more != 0;) {
        if (!hb_lower_again(b, &tried, node)) return b->ir->error.status == HEBB_OK;
        more = add_missing(b, slot, &tried);
        if (more < 0) return true;
    }
    *r = tried;
    return describe(b, slot, r);
}

static bool find_readers(hb_budget *b) {
    for (int pass = 0; pass < 2; pass++) {
        for (int k = 0; k < b->n_list; k++) {
            const hb_recipe *recipes[2] = {&b->values[b->list[k]].alone,
                                           &b->values[b->list[k]].whole};
            for (int i = 0; i < 2; i++)
                for (int j = 0; recipes[i]->group != NULL && j < recipes[i]->n_in; j++) {
                    hb_value *v = &b->values[recipes[i]->in[j]];
                    if (pass == 1) v->readers[v->n_readers] = b->list[k];
                    v->n_readers++;
                }
        }
        for (int k = 0; pass == 0 && k < b->n_list; k++) {
            hb_value *v = &b->values[b->list[k]];
            v->readers = ir_memory(b->ir, (size_t)(v->n_readers + 1) * sizeof *v->readers);
            if (v->readers == NULL) return false;
            v->n_readers = 0;
        }
    }
    return true;
}

/* ---- all of it ---- */

static bool find_overwriters(hb_budget *b) {
    b->overwritten_at = ir_memory(b->ir, (size_t)(b->ir->n_buffers + 1) * sizeof(int));
    if (b->overwritten_at == NULL) return false;
    for (int k = 0; k < b->ir->n_buffers; k++) b->overwritten_at[k] = b->n_steps;
    for (int s = b->n_steps - 1; s >= 0; s--) {
        const hb_group *g = group_at(b, s);
        for (int k = 0; k < g->n_places; k++)
            if (g->places[k].written && g->places[k].operand->buffer > 0)
                b->overwritten_at[g->places[k].operand->buffer] = s;
    }
    return true;
}

/* The list: what a recipe reads comes before what it makes. */
static bool list_values(hb_budget *b) {
    b->list = ir_memory(b->ir, (size_t)(b->n_nodes + 1) * sizeof *b->list);
    if (b->list == NULL) return false;
    for (int s = 0; s < b->n_steps; s++) {
        const hb_group *g = group_at(b, s);
        int from = b->n_list;
        for (int k = 0; k < g->n_places; k++) {
            int node = g->places[k].node;
            if (!g->places[k].written || !hb_in_arena(&g->places[k]) ||
                b->values[node].made_at != s)
                continue;
            bool there = false;
            for (int i = from; i < b->n_list; i++) there = there || b->list[i] == node;
            if (there) continue;
            int at = b->n_list++;
            for (; at > from && b->list[at - 1] > node; at--) b->list[at] = b->list[at - 1];
            b->list[at] = node;
        }
    }
    return true;
}

bool hb_find_recipes(hb_budget *b) {
    b->n_nodes = b->ir->n_nodes;
    b->n_groups = b->fusion->n_groups;
    b->values = ir_memory(b->ir, (size_t)(b->n_nodes + 1) * sizeof *b->values);
    if (b->values == NULL || !find_values(b) || !find_overwriters(b) || !list_values(b))
        return false;
    for (int k = 0; k < b->n_list; k++) {
        int node = b->list[k];
        hb_value *v = &b->values[node];
        if (v->pinned) continue;
        if (!find_alone(b, node, &v->alone) || !find_whole(b, node, &v->whole)) return false;
        v->pinned = v->alone.group == NULL && v->whole.group == NULL;
    }
    return find_readers(b);
}
