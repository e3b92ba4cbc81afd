/* Which launches of a plan are side by side, and the order of launches for it (side.h). Called by
   prepare.c.

   What depends on what is read off the memory that launches touch: so what shares memory of the
   arena stays in order, too. Of the launches that wait for nobody, that comes first behind which
   the longest chain of others waits; beside it, those that fit, longest chain first. What nothing
   waits for, such as updates of variables, is left until something has room for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "side.h"
#include "small.h"

enum {
    WINDOW = 128,          /* launches that are looked at together: each is compared to each */
    MOST_PARAMETERS = 224, /* of a kernel: compilers and drivers take their time */
    MOST_GROUPS = 1 << 20, /* of a launch */
};

/* Seconds from the start of one kernel to that of the next, at least, on an H200; what it does a
   second in such kernels; and how long one takes that gains nothing by others beside it. */
static const double launch_seconds = 4e-6, flops_a_second = 8e12, bytes_a_second = 2e12;
static const double long_seconds = 60e-6;

/* A launch of the window. */
typedef struct node {
    hb_cl_launch *launch;
    hb_cl_spans spans;
    double seconds, chain; /* alone; and with the longest chain of those that wait for it */
    int waits;             /* for so many launches that are not done */
    bool can, done;
} node;

typedef struct window {
    node node[WINDOW];
    bool before[WINDOW][WINDOW]; /* [i][j]: j waits for i */
    size_t most_parameters;      /* of a kernel */
    int n, left;
} window;

/* ---- dependencies ---- */

static double seconds_of(const hb_cl_launch *launch) {
    double flops = 0, bytes = 0;
    for (size_t k = 0; k < launch->n_steps && !launch->prepares; k++) {
        flops += launch->step[k].flops;
        bytes += launch->step[k].bytes;
    }
    const double computes = flops / flops_a_second, moves = bytes / bytes_a_second;
    return launch_seconds + (computes > moves ? computes : moves);
}

/* Of a kernel; calls have none. */
static int64_t groups_of(const hb_cl_launch *launch) {
    return (int64_t)(launch->global[0] / launch->local[0] * launch->global[1] * launch->global[2]);
}

static bool fill_window(window *w, hb_cl_launch *launches, size_t n) {
    w->n = w->left = (int)n;
    memset(w->before, 0, sizeof w->before);
    for (int j = 0; j < w->n; j++) {
        node *of = &w->node[j];
        *of = (node){.launch = &launches[j], .seconds = seconds_of(&launches[j])};
        of->can = hb_cl_side_can(of->launch) && of->seconds < long_seconds &&
                  groups_of(of->launch) <= MOST_GROUPS;
        if (!hb_cl_spans_of(of->launch, &of->spans)) return false;
        for (int i = 0; i < j; i++) {
            w->before[i][j] = hb_cl_spans_meet(&w->node[i].spans, &of->spans);
            of->waits += w->before[i][j];
        }
    }
    for (int i = w->n - 1; i >= 0; i--) {
        for (int j = i + 1; j < w->n; j++)
            if (w->before[i][j] && w->node[j].chain > w->node[i].chain)
                w->node[i].chain = w->node[j].chain;
        w->node[i].chain += w->node[i].seconds;
    }
    return true;
}

/* ---- choosing ---- */

static bool fits(const window *w, node *const *chosen, int n, const node *more) {
    size_t parameters = (size_t)more->launch->source.n_params;
    for (int k = 0; k < n; k++) {
        parameters += (size_t)chosen[k]->launch->source.n_params;
        if (!hb_cl_side_fits(chosen[k]->launch, more->launch)) return false;
    }
    return parameters <= w->most_parameters;
}

/* Of the launches that wait for nobody and are not chosen, behind which the longest chain is. */
static node *next_ready(window *w, node *const *chosen, int n) {
    node *best = NULL;
    for (int i = 0; i < w->n; i++) {
        node *one = &w->node[i];
        if (one->done || one->waits > 0 || (best != NULL && one->chain <= best->chain)) continue;
        if (n > 0 && (!one->can || !fits(w, chosen, n, one))) continue;
        bool is_chosen = false;
        for (int k = 0; k < n; k++) is_chosen = is_chosen || chosen[k] == one;
        if (!is_chosen) best = one;
    }
    return best;
}

/* What comes next, into chosen[]: one launch, or several. */
static int choose(window *w, node **chosen) {
    chosen[0] = next_ready(w, chosen, 0);
    int n = 1;
    while (chosen[0]->can && n < HB_CL_SIDE_MOST && (chosen[n] = next_ready(w, chosen, n)) != NULL)
        n++;
    for (int k = 0; k < n; k++) {
        chosen[k]->done = true;
        for (int j = 0; j < w->n; j++) w->node[j].waits -= w->before[chosen[k] - w->node][j];
    }
    w->left -= n;
    return n;
}

/* ---- the launches ---- */

/* What the launches become. */
typedef struct result {
    hb_prepared *prepared;
    hb_cl_launch *launches;
    size_t n;
    bool *counted; /* by step: whether a launch has its work */
} result;

static size_t number_of(const result *r, const hb_step *step) {
    return (size_t)(step - r->prepared->steps);
}

/* Equal kernels next to each other. */
static void bring_together(node **chosen, int n) {
    for (int k = 1; k < n; k++)
        for (int j = k; j < n; j++) {
            node *const moved = chosen[j];
            const char *last = chosen[k - 1]->launch->source.body.data;
            if (strcmp(last, moved->launch->source.body.data) != 0) continue;
            memmove(&chosen[k + 1], &chosen[k], (size_t)(j - k) * sizeof *chosen);
            chosen[k] = moved;
            break;
        }
}

/* The steps for those who watch. A step's work is counted where it is first launched, but for what
   only prepares it. */
static bool copy_steps(result *r, hb_cl_launch *launch, node *const *chosen, int n) {
    size_t n_steps = 0;
    for (int k = 0; k < n; k++) n_steps += chosen[k]->launch->n_steps;
    launch->beside = malloc(n_steps * sizeof *launch->beside);
    if (launch->beside == NULL) return false;
    size_t at = 0;
    for (int k = 0; k < n; k++)
        for (size_t s = 0; s < chosen[k]->launch->n_steps; s++, at++) {
            const hb_step *step = &chosen[k]->launch->step[s];
            bool *counted = &r->counted[number_of(r, step)];
            hb_step *copy = &launch->beside[at];
            *copy = *step;
            if (*counted || chosen[k]->launch->prepares) copy->flops = copy->bytes = 0;
            *counted = *counted || !chosen[k]->launch->prepares;
        }
    launch->n_steps = n_steps;
    return true;
}

static void write_titles(const result *r, node *const *chosen, int n) {
    const size_t first = number_of(r, chosen[0]->launch->step);
    for (int k = 0; k < n; k++) {
        const size_t number = number_of(r, chosen[k]->launch->step);
        const char *solver = r->prepared->solvers[number];
        char *title = r->prepared->beside[number];
        if (title[0] != '\0') continue;
        if (number == first) snprintf(title, HB_CL_TITLE_SIZE, "%s, beside others", solver);
        else snprintf(title, HB_CL_TITLE_SIZE, "%s, beside step %zu", solver, first);
    }
}

/* What prepares a step, if that comes next after all, is watched with it. */
static void join_last(const result *r, const hb_step *step) {
    if (r->n == 0) return;
    hb_cl_launch *last = &r->launches[r->n - 1];
    if (!last->prepares || last->step != step) return;
    free(last->beside);
    last->beside = NULL;
}

/* A launch that stays alone: watched with its step's last one, if that comes just before. */
static bool add_alone(result *r, node *one) {
    const hb_step *step = one->launch->step;
    bool *counted = &r->counted[number_of(r, step)];
    join_last(r, step);
    hb_cl_launch *launch = &r->launches[r->n++];
    const bool goes_on = r->n > 1 && launch[-1].beside == NULL && launch[-1].step == step;
    *launch = *one->launch;
    memset(one->launch, 0, sizeof *one->launch);
    one->launch = launch;
    if ((*counted || launch->prepares) && !goes_on) return copy_steps(r, launch, &one, 1);
    *counted = true;
    return true;
}

static bool add_together(result *r, node **chosen, int n) {
    const hb_cl_launch *members[HB_CL_SIDE_MOST];
    hb_cl_launch *launch = &r->launches[r->n++];
    memset(launch, 0, sizeof *launch);
    bring_together(chosen, n);
    for (int k = 0; k < n; k++) members[k] = chosen[k]->launch;
    launch->step = members[0]->step;
    if (!copy_steps(r, launch, chosen, n)) return false;
    write_titles(r, chosen, n);
    hb_cl_write_side(launch, members, (size_t)n);
    return true;
}

static bool do_window(window *w, result *r, hb_cl_launch *launches, size_t n) {
    node *chosen[HB_CL_SIDE_MOST];
    bool done = fill_window(w, launches, n);
    while (done && w->left > 0) {
        const int together = choose(w, chosen);
        done = together > 1 ? add_together(r, chosen, together) : add_alone(r, chosen[0]);
    }
    for (int k = 0; k < w->n; k++) free(w->node[k].spans.span);
    return done;
}

/* Launches are moved from the plan's to the result's; what is left there of those that became part
   of another is freed with it. */
static bool make_result(const hb_device *device, result *r) {
    hb_prepared *prepared = r->prepared;
    window *w = malloc(sizeof *w);
    const size_t pointers = device->max_parameters / sizeof(cl_ulong);
    if (w != NULL) w->most_parameters = pointers < MOST_PARAMETERS ? pointers : MOST_PARAMETERS;
    if (prepared->beside == NULL)
        prepared->beside = calloc(prepared->n_steps + 1, sizeof *prepared->beside);
    bool done = w != NULL && r->launches != NULL && r->counted != NULL && prepared->beside != NULL;
    for (size_t i = 0; i < prepared->n_launches && done; i += WINDOW) {
        const size_t left = prepared->n_launches - i;
        done = do_window(w, r, &prepared->launches[i], left < WINDOW ? left : WINDOW);
    }
    free(w);
    return done;
}

bool hb_cl_wants_side(const hb_device *device) {
    const char *wanted = getenv("HEBB_OPENCL_SIDE");
    if (device->lanes || !hb_cl_wants_together()) return false;
    return wanted != NULL ? strcmp(wanted, "0") != 0 : device->info.gpu;
}

hebb_status hb_cl_side_by_side(hb_device *device, hb_prepared *prepared, hb_error *error) {
    if (!hb_cl_wants_side(device) || prepared->sliding || prepared->n_launches < 2) return HEBB_OK;
    const size_t before = prepared->n_launches, room = before * sizeof(hb_cl_launch);
    result r = {.prepared = prepared,
                .launches = calloc(before, sizeof *r.launches),
                .counted = calloc(prepared->n_steps + 1, sizeof *r.counted)};
    const bool made = make_result(device, &r);
    free(r.counted);
    hb_cl_launches_free(device, prepared);
    free(prepared->launches);
    prepared->launches = r.launches;
    prepared->n_launches = r.n;
    prepared->capacity = r.launches != NULL ? before : 0;
    if (!made) return hb_fail_memory(error, "launches side by side", room);
    hb_log("%s: %zu launches side by side as %zu", device->info.id, before, r.n);
    return HEBB_OK;
}
