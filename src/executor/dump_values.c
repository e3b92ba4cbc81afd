/* HEBB_DUMP=plan: where each value of a plan is computed, and why it is kept in memory or is not.
   Called by plan.c. */
#include <stdlib.h>
#include <string.h>

#include "plan.h"

enum { MOST_STEPS = 8 };

/* The steps that compute a value. */
typedef struct places {
    int n, step[MOST_STEPS];
} places;

typedef struct printer {
    const hb_fusion *f;
    const hb_ir *ir;
    places *computed; /* by node */
    int *readers;     /* by node: steps that read its memory */
    bool *joined;     /* by node: has none, since only joined steps use it */
} printer;

static void add_step(places *p, int step) {
    if (p->n > 0 && p->n <= MOST_STEPS && p->step[p->n - 1] == step) return;
    if (p->n < MOST_STEPS) p->step[p->n] = step;
    p->n++;
}

/* What a step computes: its members, and what they are made of down to what is loaded. */
static void mark_computed(printer *p, const hb_group *g, int step, bool *inside) {
    memset(inside, 0, (size_t)p->f->n_before_deferral * sizeof *inside);
    for (int k = 0; k < g->n_members; k++)
        if (g->members[k] < p->f->n_before_deferral) inside[g->members[k]] = true;
    for (int node = p->f->n_before_deferral - 1; node >= 0; node--) {
        if (!inside[node]) continue;
        const ir_node *n = &p->ir->nodes[node];
        add_step(&p->computed[node], step);
        for (int k = 0; k < n->n_in; k++) {
            int base = ir_ref(p->ir, n->in[k]).base;
            if (p->ir->nodes[base].kind == IR_SCALAR && !p->f->root[base]) inside[base] = true;
        }
    }
}

static void count_readers(printer *p, const hb_group *g) {
    for (int k = 0; k < g->n_places; k++) {
        const hb_place *place = &g->places[k];
        if (place->node < 0 || place->node >= p->f->n_before_deferral) continue;
        if (!place->written) p->readers[place->node]++;
        p->joined[place->node] |= place->operand->buffer <= HB_BUFFER_JOINED;
    }
}

static const char *words(hb_reason reason) {
    switch (reason) {
    case HB_NEEDED: return "it is wanted in memory";
    case HB_ASSIGNED: return "it goes to a variable";
    case HB_COSTLY: return "computing it again is more";
    case HB_GROWS: return "readers would compute each element many times";
    case HB_NO_STRIDES: return "a view of what it is made of has no strides";
    case HB_TOO_LONG: return "the program would be too long";
    case HB_OWN_STEP: return "its op is no part of other steps";
    default: return "";
    }
}

static void print_value(const printer *p, int node, FILE *out) {
    const ir_node *n = &p->ir->nodes[node];
    const hb_choice *c = &p->f->choice[node];
    const places *at = &p->computed[node];
    char shape[160];
    fprintf(out, "  %4d %s %s%s%s: step%s", node, hebb_dtype_name(n->dtype),
            hebb_shape_text(n->shape, shape, sizeof shape), n->origin != NULL ? " " : "",
            n->origin != NULL ? n->origin->name : "", at->n > 1 ? "s" : "");
    for (int k = 0; k < at->n && k < MOST_STEPS; k++) fprintf(out, " %d", at->step[k]);
    if (at->n > MOST_STEPS) fprintf(out, " and %d more", at->n - MOST_STEPS);
    const bool again = c->reason == HB_CHEAP || c->reason == HB_COSTLY || c->reason == HB_GROWS;
    if (!p->f->root[node]) {
        fprintf(out, ", inside");
        if (at->n > 1)
            fprintf(out, ": computing it again is less than keeping %zu bytes", ir_bytes(n));
    } else if (p->joined[node]) {
        fprintf(out, ", %zu bytes, not kept: some rows at a time, only steps run together read it",
                ir_bytes(n));
    } else if (p->f->stored[node]) {
        fprintf(out, ", kept, %zu bytes, read by %d", ir_bytes(n), p->readers[node]);
        if (*words(c->reason) != '\0') fprintf(out, ": %s", words(c->reason));
    } else fprintf(out, ", inside: those that read it are in the same step");
    if (again)
        fprintf(out, " (%d readers, %g FLOP an element, %d large operands)", c->readers,
                (double)c->flops, c->leaves);
    fprintf(out, "\n");
}

void hb_dump_values(const hb_fusion *f, const int *order, int n_steps, FILE *out) {
    printer p = {.f = f, .ir = f->ir};
    const size_t n = (size_t)f->n_before_deferral + 1;
    bool *inside = calloc(n, sizeof *inside);
    p.computed = calloc(n, sizeof *p.computed);
    p.readers = calloc(n, sizeof *p.readers);
    p.joined = calloc(n, sizeof *p.joined);
    const bool done = inside != NULL && p.computed != NULL && p.readers != NULL && p.joined != NULL;
    fprintf(out, "values of %d steps:\n", n_steps);
    for (int s = 0; s < n_steps && done; s++) {
        mark_computed(&p, &f->groups[order[s]], s, inside);
        count_readers(&p, &f->groups[order[s]]);
    }
    for (int node = 0; node < f->n_before_deferral && done; node++)
        if (p.computed[node].n > 0) print_value(&p, node, out);
    free(inside);
    free(p.computed);
    free(p.readers);
    free(p.joined);
}
