/* Decides which values are dropped and recomputed so that what is in memory never exceeds a budget:
   it simulates the steps in order and, when something does not fit, evicts the value with the least
   cost of recomputing it for what that frees: bytes, times the steps until its next use. The cost
   includes all that must be recomputed with it, so that dropped values do not grow into long chains
   (M. Kirisame et al., "Dynamic Tensor Rematerialization", 2021). Every next use is known here: a
   value without one is freed, and no other is evicted before it must be.

   What a dropped value is recomputed from is kept, or can itself be recomputed in time: before the
   step that overwrites a variable it depends on. Called by again.c. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"

enum { NEVER = INT_MAX, SMALLER = 16 };

typedef struct state {
    bool present, needed;
    int left;                /* uses[] before this one are over */
    int waiting;             /* steps in progress that will read it */
    const hb_recipe *recipe; /* of a dropped value */
    int next;                /* the step of its next use, or of what is to be made of it */
    int until;               /* of an absent value: until when it can be made */
    double up, down;         /* cost of absent values that making it takes; that it is needed for */
} state;

typedef struct spender {
    hb_budget *b;
    state *state; /* by node */
    size_t held, limit;
    int step;
    hb_shortage *shortage;
} spender;

static hb_value *value(const spender *p, int node) { return &p->b->values[node]; }
static bool made(const spender *p, int node) { return p->state[node].left >= 0; }
static bool absent(const spender *p, int node) { return made(p, node) && !p->state[node].present; }

/* ---- what is wanted when, and what it costs ---- */

static bool reads(const hb_recipe *recipe, int node) {
    for (int k = 0; recipe != NULL && k < recipe->n_in; k++)
        if (recipe->in[k] == node) return true;
    return false;
}

/* From what is made last to what is made first. */
static void find_next(spender *p) {
    for (int k = p->b->n_list - 1; k >= 0; k--) {
        int node = p->b->list[k];
        state *s = &p->state[node];
        const hb_value *v = value(p, node);
        s->next = NEVER;
        s->down = 0;
        if (!made(p, node)) continue;
        while (s->left < v->n_uses && v->uses[s->left] < p->step) s->left++;
        if (s->waiting > 0) s->next = p->step;
        else if (s->left < v->n_uses) s->next = v->uses[s->left];
        for (int i = 0; i < v->n_readers; i++) {
            const state *r = &p->state[v->readers[i]];
            if (!absent(p, v->readers[i]) || r->next == NEVER || !reads(r->recipe, node)) continue;
            if (r->next < s->next) s->next = r->next;
            if (r->recipe->cost + r->down > s->down) s->down = r->recipe->cost + r->down;
        }
    }
}

/* What making it this way takes besides, and until when all of that can be made. */
static double cost_of(const spender *p, const hb_recipe *recipe, int *until) {
    double up = 0;
    *until = recipe->until;
    for (int k = 0; k < recipe->n_in; k++) {
        const state *s = &p->state[recipe->in[k]];
        if (s->present) continue;
        if (s->up > up) up = s->up;
        if (s->until < *until) *until = s->until;
    }
    return recipe->cost + up;
}

/* The cheaper way to make a value that is possible until it is wanted; NULL if there is none. */
static const hb_recipe *best_recipe(const spender *p, int node, int wanted, double *cost,
                                    int *until) {
    const hb_recipe *ways[2] = {&value(p, node)->alone, &value(p, node)->whole}, *best = NULL;
    for (int k = 0; k < 2; k++) {
        if (ways[k]->group == NULL) continue;
        int this_until;
        double this_cost = cost_of(p, ways[k], &this_until);
        if (this_until < wanted || (best != NULL && this_cost >= *cost)) continue;
        best = ways[k];
        *cost = this_cost;
        *until = this_until;
    }
    return best;
}

/* From what is made first to what is made last. The recipe of a dropped value that is still wanted
   stays. */
static void find_costs(spender *p) {
    for (int k = 0; k < p->b->n_list; k++) {
        int node = p->b->list[k];
        state *s = &p->state[node];
        s->up = 0;
        s->until = -1;
        if (!absent(p, node)) continue;
        if (s->next != NEVER && s->recipe != NULL) s->up = cost_of(p, s->recipe, &s->until);
        else s->recipe = best_recipe(p, node, p->step, &s->up, &s->until);
    }
}

static void look_ahead(spender *p) {
    find_next(p);
    find_costs(p);
}

/* ---- memory ---- */

static void drop(spender *p, int node) {
    p->state[node].present = false;
    p->held -= value(p, node)->bytes;
}

/* Small ones, statistics of a normalization say, stay for what could be made of them: without them
   that would be expensive, or impossible. */
static bool may_help(const spender *p, int node) {
    const hb_value *v = value(p, node);
    for (int k = 0; k < v->n_readers; k++) {
        const state *r = &p->state[v->readers[k]];
        if (r->present && r->next != NEVER && v->bytes * SMALLER <= value(p, v->readers[k])->bytes)
            return true;
    }
    return false;
}

/* What nobody needs any more. */
static void drop_unwanted(spender *p) {
    look_ahead(p);
    for (int k = p->b->n_list - 1; k >= 0; k--) {
        state *s = &p->state[p->b->list[k]];
        if (!s->present || s->waiting > 0 || s->next != NEVER || may_help(p, p->b->list[k]))
            continue;
        drop(p, p->b->list[k]);
        s->recipe = NULL;
    }
}

/* Lets the value go that frees the most for what it will cost. */
static bool evict(spender *p) {
    int best = -1;
    const hb_recipe *best_way = NULL;
    double least = 0;
    look_ahead(p);
    for (int k = 0; k < p->b->n_list; k++) {
        int node = p->b->list[k], until;
        const state *s = &p->state[node];
        const hb_value *v = value(p, node);
        if (!s->present || s->waiting > 0 || v->pinned || s->next == NEVER) continue;
        double cost;
        const hb_recipe *way = best_recipe(p, node, s->next, &cost, &until);
        if (way == NULL) continue;
        cost = (cost + s->down) / ((double)v->bytes * (s->next - p->step + 1));
        if (best >= 0 && cost >= least) continue;
        best = node;
        best_way = way;
        least = cost;
    }
    if (best < 0) return false;
    p->state[best].recipe = best_way;
    drop(p, best);
    return true;
}

static void tell_shortage(spender *p, size_t bytes) {
    hb_shortage *s = p->shortage;
    *s = (hb_shortage){.bytes = p->held + bytes, .step = p->step};
    for (int k = 0; k < p->b->n_list; k++) {
        int node = p->b->list[k];
        size_t size = value(p, node)->bytes;
        int most = (int)(sizeof s->held / sizeof *s->held), at = s->n_held;
        if (!p->state[node].present) continue;
        while (at > 0 && s->held_bytes[at - 1] < size) at--;
        if (at == most) continue;
        if (s->n_held < most) s->n_held++;
        for (int i = s->n_held - 1; i > at; i--) {
            s->held[i] = s->held[i - 1];
            s->held_bytes[i] = s->held_bytes[i - 1];
        }
        s->held[at] = node;
        s->held_bytes[at] = size;
    }
}

static bool make_room(spender *p, size_t bytes) {
    while (p->held + bytes > p->limit)
        if (!evict(p)) {
            tell_shortage(p, bytes);
            return false;
        }
    return true;
}

/* ---- steps ---- */

static bool writes(const hb_group *g, int node) {
    for (int k = 0; k < g->n_places; k++)
        if (g->places[k].written && g->places[k].node == node) return true;
    return false;
}

/* Whether an input of a step dies there. */
static bool dies(const spender *p, const hb_group *g, int in) {
    const state *s = &p->state[in];
    if (!s->present || s->waiting > 1) return false;
    const hb_value *v = value(p, in);
    int last = v->n_uses > 0 ? v->uses[v->n_uses - 1] : -1;
    if (last > p->step || (last == p->step && g != &p->b->fusion->groups[p->b->order[p->step]]))
        return false;
    for (int k = 0; k < v->n_readers; k++)
        if (absent(p, v->readers[k]) && p->state[v->readers[k]].next != NEVER &&
            !writes(g, v->readers[k]))
            return false;
    return true;
}

/* Memory that the step takes beyond what it reads. */
static size_t more_bytes(const spender *p, const hb_group *g) {
    size_t bytes = hb_arena_bytes(g->step.scratch_bytes);
    int taken[8], n_taken = 0;
    for (int k = 0; k < g->n_places; k++) {
        const hb_place *out = &g->places[k];
        if (!out->written || out->node < 0 || value(p, out->node)->bytes == 0) continue;
        if (p->state[out->node].present && made(p, out->node) && value(p, out->node)->pinned)
            continue; /* another part of it */
        bool free_place = false;
        for (int i = 0; i < g->n_places && !free_place; i++) {
            const hb_place *in = &g->places[i];
            bool candidate = !in->written && hb_in_arena(in) && n_taken < 8;
            for (int j = 0; candidate && j < n_taken; j++) candidate = taken[j] != in->node;
            if (!candidate || !dies(p, g, in->node) || !hb_in_place(p->b->fusion, g, out, in->node))
                continue;
            free_place = true;
            taken[n_taken++] = in->node;
        }
        if (!free_place) bytes += value(p, out->node)->bytes;
    }
    return bytes;
}

static bool add_event(spender *p, hb_event event) {
    hb_budget *b = p->b;
    if (b->n_events == b->room) { /* so much work again is no way to save memory */
        tell_shortage(p, 0);
        return false;
    }
    b->events[b->n_events++] = event;
    return true;
}

static void hold(spender *p, int node) {
    state *s = &p->state[node];
    if (s->left < 0) s->left = 0;
    if (s->present || value(p, node)->bytes == 0) return;
    s->present = true;
    s->recipe = NULL;
    p->held += value(p, node)->bytes;
}

static void hold_outputs(spender *p, const hb_group *g) {
    for (int k = 0; k < g->n_places; k++)
        if (g->places[k].written && g->places[k].node >= 0) hold(p, g->places[k].node);
}

static bool run_again(spender *p, int node) {
    const hb_recipe *recipe = p->state[node].recipe;
    if (!make_room(p, more_bytes(p, recipe->group)) || !add_event(p, (hb_event){-1, node, recipe}))
        return false;
    hold_outputs(p, recipe->group);
    for (int k = 0; k < recipe->n_in; k++) p->state[recipe->in[k]].waiting--;
    drop_unwanted(p);
    return true;
}

/* Marks what the steps [step, end] read from before them, and what that is to be made of, as
   waiting; makes what is absent. */
static bool bring_inputs(spender *p, int end) {
    const hb_budget *b = p->b;
    look_ahead(p);
    for (int k = 0; k < b->n_list; k++) p->state[b->list[k]].needed = false;
    for (int s = p->step; s <= end; s++) {
        const hb_group *g = &b->fusion->groups[b->order[s]];
        for (int k = 0; k < g->n_places; k++) {
            int node = g->places[k].node;
            if (g->places[k].written || node < 0 || value(p, node)->bytes == 0) continue;
            if (!p->state[node].needed && made(p, node)) p->state[node].waiting++;
            p->state[node].needed = true;
        }
    }
    for (int k = b->n_list - 1; k >= 0; k--) {
        state *s = &p->state[b->list[k]];
        if (!s->needed || s->present || !made(p, b->list[k])) continue;
        if (s->recipe == NULL) return false;
        for (int i = 0; i < s->recipe->n_in; i++) {
            p->state[s->recipe->in[i]].needed = true;
            p->state[s->recipe->in[i]].waiting++;
        }
    }
    for (int k = 0; k < b->n_list; k++) {
        state *s = &p->state[b->list[k]];
        if (!s->needed || s->present || !made(p, b->list[k])) continue;
        if (!run_again(p, b->list[k])) return false;
    }
    for (int k = 0; k < b->n_list; k++) p->state[b->list[k]].waiting = 0;
    return true;
}

/* Keeps what the steps that are run together with this one will read. */
static void lock_inputs(spender *p, int end) {
    const hb_budget *b = p->b;
    for (int k = 0; k < b->n_list; k++) p->state[b->list[k]].waiting = 0;
    for (int s = p->step; s <= end; s++) {
        const hb_group *g = &b->fusion->groups[b->order[s]];
        for (int k = 0; k < g->n_places; k++) {
            int node = g->places[k].node;
            if (!g->places[k].written && node >= 0) p->state[node].waiting = 1;
        }
    }
}

/* Runs the steps that belong together; nothing is made again between them. */
static bool run_unit(spender *p) {
    const hb_budget *b = p->b;
    int end = b->unit_end[p->step];
    if (!bring_inputs(p, end)) return false;
    for (; p->step <= end; p->step++) {
        const hb_group *g = &b->fusion->groups[b->order[p->step]];
        lock_inputs(p, end);
        if (!make_room(p, more_bytes(p, g)) || !add_event(p, (hb_event){.step = p->step}))
            return false;
        hold_outputs(p, g);
        p->step++;
        lock_inputs(p, end);
        drop_unwanted(p);
        p->step--;
    }
    lock_inputs(p, -1);
    return true;
}

bool hb_spend(hb_budget *b, size_t bytes, hb_shortage *shortage) {
    spender p = {.b = b, .limit = bytes, .shortage = shortage};
    *shortage = (hb_shortage){.step = -1};
    b->n_events = 0;
    p.state = calloc((size_t)b->n_nodes + 1, sizeof *p.state);
    if (p.state == NULL) {
        hb_fail_memory(&b->ir->error, "a plan", (size_t)b->n_nodes * sizeof *p.state);
        return false;
    }
    for (int k = 0; k < b->n_nodes; k++) p.state[k].left = -1;
    bool done = true;
    while (done && p.step < b->n_steps) done = run_unit(&p);
    free(p.state);
    return done;
}
