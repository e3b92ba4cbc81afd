/* Fits a plan into a memory limit: asks budget.c what to recompute, writes those steps, and
   measures how much memory the result takes, which depends on where memory.c finds room: budget.c
   does not see fragmentation. Called by plan.c. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "budget.h"
#include "plan.h"

enum { MOST_TRIES = 8, MOST_WORK = 8 };

/* ---- room for more groups and nodes ---- */

static void *longer(hb_ir *ir, const void *from, size_t n, size_t more, size_t size) {
    char *to = ir_memory(ir, (n + more) * size);
    if (to != NULL) memcpy(to, from, n * size);
    return to;
}

/* Operands of products lie in the groups themselves, and move with them. */
static void move_places(hb_group *from, hb_group *to, int n) {
    const uintptr_t begin = (uintptr_t)from, end = (uintptr_t)(from + n);
    for (int g = 0; g < n; g++)
        for (int k = 0; k < to[g].n_places && !to[g].merged; k++) {
            const uintptr_t at = (uintptr_t)to[g].places[k].operand;
            if (at >= begin && at < end)
                to[g].places[k].operand = (hb_operand *)((char *)to + (at - begin));
        }
}

static bool make_room(hb_budget *b, size_t groups, size_t nodes) {
    hb_fusion *f = b->fusion;
    const size_t n_groups = (size_t)b->n_groups, n_nodes = (size_t)b->n_nodes;
    hb_group *moved = longer(b->ir, f->groups, n_groups, groups + 1, sizeof *moved);
    bool *stored = longer(b->ir, f->stored, n_nodes, nodes, sizeof *stored);
    bool *root = longer(b->ir, f->root, n_nodes, nodes, sizeof *root);
    int *group = longer(b->ir, f->group, n_nodes, nodes, sizeof *group);
    hb_assign_target **assigned =
        longer(b->ir, f->assigned, n_nodes, nodes, sizeof(hb_assign_target *));
    if (b->ir->error.status != HEBB_OK) return false;
    move_places(f->groups, moved, b->n_groups);
    f->groups = moved;
    f->stored = stored;
    f->root = root;
    f->group = group;
    f->assigned = assigned;
    return true;
}

/* ---- writing the steps ---- */

typedef struct writer {
    hb_budget *b;
    int *version; /* by node: the node whose memory has its value now */
    int *order, n;
} writer;

static void read_versions(const writer *w, hb_group *g) {
    for (int k = 0; k < g->n_places; k++)
        if (!g->places[k].written && hb_in_arena(&g->places[k]))
            g->places[k].node = w->version[g->places[k].node];
}

/* A node for nothing but the memory of a value that is made again. */
static int new_version(const writer *w, int node, int group) {
    hb_fusion *f = w->b->fusion;
    ir_node copy = w->b->ir->nodes[node];
    copy.kind = IR_SCALAR;
    copy.step = NULL;
    int version = ir_add(w->b->ir, &copy, NULL, 0);
    if (w->b->ir->error.status != HEBB_OK) return node;
    f->root[version] = f->stored[version] = true;
    f->group[version] = group;
    return version;
}

static void write_versions(const writer *w, hb_group *g, int group) {
    int first = w->b->ir->n_nodes;
    for (int k = 0; k < g->n_places; k++) {
        hb_place *place = &g->places[k];
        if (!place->written || !hb_in_arena(place)) continue;
        if (w->version[place->node] < first) /* not another output of this step */
            w->version[place->node] = new_version(w, place->node, group);
        place->node = w->version[place->node];
    }
}

static const char *again_name(hb_ir *ir, const char *name) {
    static const char prefix[] = "again ";
    char *text = ir_memory(ir, sizeof prefix + strlen(name));
    if (text == NULL) return name;
    memcpy(text, prefix, sizeof prefix);
    return strcat(text, name);
}

static bool write_again(writer *w, const hb_event *event) {
    hb_budget *b = w->b;
    hb_fusion *f = b->fusion;
    if (!hb_lower_again(b, event->recipe, event->node)) return false;
    int number = f->n_groups++;
    hb_group *g = &f->groups[number];
    g->step.again = true;
    if (event->recipe->whole) { /* the work of a scan is not known to lower.c */
        g->step.flops = event->recipe->group->step.flops;
        g->step.bytes = event->recipe->group->step.bytes;
    }
    g->step.name = again_name(b->ir, g->step.name);
    g->step.scratch_bytes = b->backend->scratch(b->device, &g->step);
    read_versions(w, g);
    write_versions(w, g, number);
    w->order[w->n++] = number;
    return b->ir->error.status == HEBB_OK;
}

/* ---- tries ---- */

/* The nodes of all places, in `nodes` if `save`, else out of it. */
static int copy_places(const hb_budget *b, int *nodes, bool save) {
    int n = 0;
    for (int g = 0; g < b->n_groups; g++)
        for (int k = 0; k < b->fusion->groups[g].n_places; k++, n++) {
            int *node = &b->fusion->groups[g].places[k].node;
            if (nodes == NULL) continue;
            if (save) nodes[n] = *node;
            else *node = nodes[n];
        }
    return n;
}

/* As it was before steps were written. */
static void start_over(hb_budget *b, int *places) {
    copy_places(b, places, false);
    b->fusion->n_groups = b->n_groups;
    b->ir->n_nodes = b->n_nodes;
}

static bool write_events(hb_budget *b, int **order, int *n_steps) {
    size_t groups = 0, nodes = 0;
    for (int k = 0; k < b->n_events; k++)
        if (b->events[k].recipe != NULL) {
            groups++;
            nodes += (size_t)b->events[k].recipe->n_out;
        }
    writer w = {.b = b};
    w.version = ir_memory(b->ir, (size_t)(b->n_nodes + 1) * sizeof *w.version);
    w.order = ir_memory(b->ir, (size_t)(b->n_events + 1) * sizeof *w.order);
    if (w.version == NULL || w.order == NULL || !make_room(b, groups, nodes)) return false;
    for (int node = 0; node < b->n_nodes; node++) w.version[node] = node;
    for (int k = 0; k < b->n_events; k++) {
        const hb_event *event = &b->events[k];
        if (event->recipe != NULL) {
            if (!write_again(&w, event)) return false;
            continue;
        }
        hb_group *g = &b->fusion->groups[b->order[event->step]];
        read_versions(&w, g);
        w.order[w.n++] = b->order[event->step];
    }
    *order = w.order;
    *n_steps = w.n;
    return true;
}

/* The steps of an order that would be run together: which[k] is the first one of k's. */
typedef struct units {
    const hb_budget *b;
    int *first;
    bool failed;
} units;

static void find_units(void *context, const int *order, int n_steps) {
    units *u = context;
    const hb_backend *backend = u->b->backend;
    hb_step *steps = malloc((size_t)(n_steps + 1) * sizeof *steps);
    u->failed = steps == NULL;
    for (int k = 0; k < n_steps && !u->failed; k++) steps[k] = u->b->fusion->groups[order[k]].step;
    for (int k = 0; k < n_steps && !u->failed;) {
        int n = backend->together == NULL
                    ? 1
                    : (int)backend->together(u->b->device, &steps[k], (size_t)(n_steps - k));
        for (int first = k; k < first + n; k++) u->first[k] = first;
    }
    free(steps);
}

/* Whether steps of the order that was given are together with the same others as there. */
static bool same_units(const hb_budget *b, const units *u) {
    int first = 0; /* the unit of the last step, as step of the old order */
    for (int k = 0; k < b->n_events; k++) {
        if (b->events[k].recipe != NULL) continue;
        int step = b->events[k].step;
        if (u->first[k] == k) first = step;
        bool begins = step == 0 || b->unit_end[step - 1] < step;
        if (begins != (first == step)) return false;
    }
    return true;
}

typedef struct fit {
    hb_budget b;
    size_t limit, natural; /* natural: without a limit */
    bool reuse;
    size_t fitting; /* a budget that fits, whatever is run together; 0: none is known */
    int *places;
    int **order, *n_steps;
    hb_error *error;
} fit;

static hebb_status out_of_memory(fit *f) {
    if (f->b.ir->error.status == HEBB_OK) hb_fail_memory(&f->b.ir->error, "a plan", f->limit);
    *f->error = f->b.ir->error;
    return f->error->status;
}

/* Writes what was decided; *bytes is what it takes, *same whether it rounds as the given order. */
static hebb_status try_events(fit *f, int **order, int *n_steps, size_t *bytes, bool *same) {
    hb_arena arena = {0};
    units u = {.b = &f->b};
    u.first = ir_memory(f->b.ir, (size_t)(f->b.n_events + 1) * sizeof *u.first);
    if (u.first == NULL || !write_events(&f->b, order, n_steps)) return out_of_memory(f);
    hebb_status status = hb_place_values(f->b.fusion, *order, *n_steps, f->reuse,
                                         &(hb_look){find_units, &u}, &arena, f->error);
    if (u.failed) return out_of_memory(f);
    *bytes = arena.bytes;
    *same = status == HEBB_OK && same_units(&f->b, &u);
    return status;
}

static const char *value_name(const hb_ir *ir, int node) {
    const hebb_tensor *origin = ir->nodes[node].origin;
    return origin != NULL ? origin->name : "a value";
}

static bool is_among(const int *list, int n, int what) {
    for (int k = 0; k < n; k++)
        if (list[k] == what) return true;
    return false;
}

/* Whether a step makes or reads the value. */
static bool touches(const hb_budget *b, const hb_event *e, int node) {
    const hb_value *v = &b->values[node];
    if (e->recipe == NULL) return e->step == v->made_at || is_among(v->uses, v->n_uses, e->step);
    return is_among(e->recipe->in, e->recipe->n_in, node) ||
           is_among(e->recipe->out, e->recipe->n_out, node);
}

/* HEBB_DUMP=plan: what is made again where. Steps are numbered as in the plan that is printed. */
static void dump_events(const fit *f, size_t bytes, FILE *out) {
    const hb_budget *b = &f->b;
    fprintf(out, "memory limit %zu bytes: %zu instead of %zu\n", f->limit, bytes, f->natural);
    for (int k = 0; k < b->n_events; k++) {
        const hb_event *e = &b->events[k];
        if (e->recipe == NULL) continue;
        int last = k - 1;
        while (last > 0 && !touches(b, &b->events[last], e->node)) last--;
        const ir_node *n = &b->ir->nodes[e->node];
        char shape[160];
        fprintf(out,
                "  %4d %s %s %s (%zu bytes): dropped after step %d, made again in step %d%s: "
                "%.3g MFLOP, %.3g MB\n",
                e->node, value_name(b->ir, e->node), hebb_dtype_name(n->dtype),
                hebb_shape_text(n->shape, shape, sizeof shape), b->values[e->node].bytes, last, k,
                e->recipe->whole ? "" : " by itself", e->recipe->group->step.flops / 1e6,
                e->recipe->group->step.bytes / 1e6);
    }
}

/* Takes the decisions for a budget of `target` bytes if they fit into the limit, and if the steps
   then round as they did, should that be asked for. *target becomes what to try next; 0: nothing.
 */
static hebb_status try_target(fit *f, size_t *target, bool exact, bool *fits) {
    int *order, n_steps;
    size_t bytes = 0;
    bool same;
    hb_shortage shortage;
    *fits = false;
    size_t tried = *target;
    *target = 0;
    if (!hb_spend(&f->b, tried, &shortage))
        return f->b.ir->error.status == HEBB_OK ? HEBB_OK : out_of_memory(f);
    hebb_status status = try_events(f, &order, &n_steps, &bytes, &same);
    if (status != HEBB_OK) return status;
    *fits = bytes <= f->limit;
    if (*fits && f->fitting == 0) f->fitting = tried;
    if (*fits && (same || !exact)) {
        *f->order = order;
        *f->n_steps = n_steps;
        if (hb_dumping()) dump_events(f, bytes, stderr);
        return HEBB_OK;
    }
    start_over(&f->b, f->places);
    size_t less = *fits ? f->limit / 32 + 1 : bytes - f->limit;
    *fits = false;
    if (less < tried) *target = tried - less;
    return HEBB_OK;
}

/* Goes down with what is asked for as long as gaps make the arena larger than that, or the CPU
   would run other steps together than without a limit. */
static hebb_status try_limit(fit *f, bool *fits) {
    size_t target = f->limit;
    hebb_status status = HEBB_OK;
    *fits = false;
    for (int k = 0; k < MOST_TRIES && target > 0 && !*fits && status == HEBB_OK; k++)
        status = try_target(f, &target, true, fits);
    if (status == HEBB_OK && !*fits && f->fitting > 0) {
        target = f->fitting;
        status = try_target(f, &target, false, fits);
    }
    return status;
}

/* ---- what to say if nothing helps ---- */

/* What can be reached, and with which budget; what was short just below that. */
static hebb_status find_least(fit *f, size_t *least, size_t *target, hb_shortage *shortage) {
    enum { HALVINGS = 12 };
    size_t low = 0, high = f->natural;
    *least = f->natural;
    *target = 0;
    *shortage = (hb_shortage){.step = -1};
    for (int k = 0; k < HALVINGS; k++) {
        size_t middle = low + (high - low) / 2, bytes = 0;
        hb_shortage now;
        if (!hb_spend(&f->b, middle, &now)) {
            if (f->b.ir->error.status != HEBB_OK) return out_of_memory(f);
            low = middle;
            *shortage = now;
            continue;
        }
        int *order, n_steps;
        bool same;
        hebb_status status = try_events(f, &order, &n_steps, &bytes, &same);
        if (status != HEBB_OK) return status;
        start_over(&f->b, f->places);
        if (bytes < *least) {
            *least = bytes;
            *target = middle;
        }
        high = middle;
    }
    return HEBB_OK;
}

static hebb_status tell(fit *f, size_t least, const hb_shortage *s) {
    char held[512] = "";
    size_t at = 0;
    for (int k = 0; k < s->n_held && at < sizeof held; k++) {
        char shape[160];
        const ir_node *n = &f->b.ir->nodes[s->held[k]];
        at += (size_t)snprintf(held + at, sizeof held - at, "%s%s %s %s (%zu bytes)",
                               k > 0 ? ", " : "", value_name(f->b.ir, s->held[k]),
                               hebb_dtype_name(n->dtype),
                               hebb_shape_text(n->shape, shape, sizeof shape), s->held_bytes[k]);
    }
    const char *step = s->step >= 0 ? f->b.fusion->groups[f->b.order[s->step]].step.name : "?";
    return hb_fail(f->error, HEBB_E_MEMORY,
                   "run: the memory limit is %zu bytes, and this plan takes at least %zu (%zu "
                   "without a limit), most of it at the step %s, beside %s",
                   f->limit, least, f->natural, step, at > 0 ? held : "no values");
}

/* ---- all of it ---- */

/* What an order can be brought down to. */
typedef struct outcome {
    bool fits;
    size_t least;
    hb_shortage shortage;
} outcome;

/* The least that can be reached is looked for in steps of its own, and may turn out to be enough.
 */
static hebb_status try_order(fit *f, outcome *o) {
    f->b.room = MOST_WORK * f->b.n_steps;
    f->b.events = ir_memory(f->b.ir, (size_t)f->b.room * sizeof *f->b.events);
    if (f->b.events == NULL || !hb_find_recipes(&f->b)) return out_of_memory(f);
    f->places =
        ir_memory(f->b.ir, ((size_t)copy_places(&f->b, NULL, false) + 1) * sizeof *f->places);
    if (f->places == NULL) return out_of_memory(f);
    copy_places(&f->b, f->places, true);
    size_t target = 0;
    hebb_status status = try_limit(f, &o->fits);
    if (status == HEBB_OK && !o->fits) status = find_least(f, &o->least, &target, &o->shortage);
    if (status == HEBB_OK && !o->fits && o->least <= f->limit && target > 0)
        status = try_target(f, &target, false, &o->fits);
    return status;
}

/* The order that lets go of values first: the CPU may then run other steps together, and round
   otherwise. */
static hebb_status try_frugal_order(fit *first, outcome *o) {
    fit f = *first;
    f.b = (hb_budget){.fusion = first->b.fusion,
                      .ir = first->b.ir,
                      .backend = first->b.backend,
                      .device = first->b.device};
    f.fitting = 0;
    int *order;
    hebb_status status = hb_order(f.b.fusion, true, &order, &f.b.n_steps, f.error);
    if (status != HEBB_OK) return status;
    f.b.order = order;
    f.b.unit_end = ir_memory(f.b.ir, (size_t)(f.b.n_steps + 1) * sizeof *f.b.unit_end);
    if (f.b.unit_end == NULL) return out_of_memory(&f);
    for (int k = 0; k < f.b.n_steps; k++) f.b.unit_end[k] = k;
    status = try_order(&f, o);
    return status != HEBB_OK || o->fits ? status : tell(&f, o->least, &o->shortage);
}

static hebb_status try_orders(fit *f) {
    outcome first = {0}, frugal = {0};
    hebb_status status = try_order(f, &first);
    if (status != HEBB_OK || first.fits) return status;
    status = try_frugal_order(f, &frugal);
    if (status == HEBB_OK || first.least > frugal.least || frugal.least == 0) return status;
    return tell(f, first.least, &first.shortage);
}

hebb_status hb_fit(hb_fusion *fusion, const hb_backend *backend, hb_device *device, size_t limit,
                   bool reuse, int **order, int *n_steps, hb_error *error) {
    hb_arena arena;
    units u = {.b = &(hb_budget){.fusion = fusion, .backend = backend, .device = device}};
    u.first = ir_memory(fusion->ir, (size_t)(*n_steps + 1) * sizeof *u.first);
    int *unit_end = ir_memory(fusion->ir, (size_t)(*n_steps + 1) * sizeof *unit_end);
    if (unit_end == NULL || u.first == NULL) {
        *error = fusion->ir->error;
        return error->status;
    }
    hebb_status status =
        hb_place_values(fusion, *order, *n_steps, reuse, &(hb_look){find_units, &u}, &arena, error);
    const size_t natural = arena.bytes;
    if (status != HEBB_OK || natural <= limit) return status;
    fusion->frugal = true;
    if (u.failed) return hb_fail_memory(error, "a plan", (size_t)*n_steps * sizeof(hb_step));
    for (int k = *n_steps - 1; k >= 0; k--)
        unit_end[k] = k + 1 < *n_steps && u.first[k + 1] == u.first[k] ? unit_end[k + 1] : k;
    fit f = {.b = {.fusion = fusion,
                   .ir = fusion->ir,
                   .backend = backend,
                   .device = device,
                   .order = *order,
                   .n_steps = *n_steps,
                   .unit_end = unit_end},
             .limit = limit,
             .natural = natural,
             .reuse = reuse,
             .order = order,
             .n_steps = n_steps,
             .error = error};
    return try_orders(&f);
}
