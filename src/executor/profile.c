/* Times the steps of a session's runs and hands them to whoever wants to know: a trace, rows. */
#define _DEFAULT_SOURCE
#include <stdlib.h>

#include "../base/clock.h"
#include "profile_parts.h"

struct hb_profile {
    hb_watch watch;
    hb_timed open[HB_PROFILE_NESTED];
    int row[HB_PROFILE_NESTED];
    int depth;
    hb_trace *trace; /* NULL if none is wanted */
    hb_rows *rows;   /* likewise */
    bool gathers;    /* into the rows */
};

static double microseconds(void) { return 1e6 * hb_seconds(); }

double hb_timed_flops(const hb_timed *t) {
    double sum = 0;
    for (size_t k = 0; k < t->n; k++) sum += t->steps[k].flops;
    return sum;
}

double hb_timed_bytes(const hb_timed *t) {
    double sum = 0;
    for (size_t k = 0; k < t->n; k++) sum += t->steps[k].bytes;
    return sum;
}

static void begin(void *context, const hb_step *steps, size_t n, const char *solver) {
    hb_profile *p = context;
    const int depth = p->depth++;
    if (depth >= HB_PROFILE_NESTED) return;
    hb_timed *timed = &p->open[depth];
    *timed = (hb_timed){.steps = steps, .n = n, .solver = solver};
    p->row[depth] = -1;
    if (p->gathers)
        p->row[depth] = hb_rows_find(p->rows, timed, depth > 0 ? p->row[depth - 1] : -1);
    timed->began = microseconds();
}

static void end(void *context) {
    hb_profile *p = context;
    const int depth = --p->depth;
    if (depth >= HB_PROFILE_NESTED) return;
    hb_timed *timed = &p->open[depth];
    timed->took = microseconds() - timed->began;
    if (p->gathers) hb_rows_add(p->rows, p->row[depth], timed);
    if (p->trace != NULL) hb_trace_add(p->trace, timed);
}

const hb_watch *hb_profile_watch(hb_profile *p) {
    return p == NULL || (p->trace == NULL && !p->gathers) ? NULL : &p->watch;
}

hebb_status hb_profile_flush(hb_profile *p, hb_error *error) {
    hebb_status status = HEBB_OK;
    if (p == NULL) return status;
    p->depth = 0; /* a step that failed did not end */
    if (p->gathers) status = hb_rows_flush(p->rows, error);
    if (p->trace != NULL && status == HEBB_OK) status = hb_trace_flush(p->trace, error);
    return status;
}

/* ---- rows ---- */

hebb_status hb_profile_gather(hb_profile **profile, bool on, hb_error *error) {
    if (on && *profile == NULL) *profile = calloc(1, sizeof **profile);
    hb_profile *p = *profile;
    if (p == NULL) return on ? hb_fail_memory(error, "a profile", sizeof *p) : HEBB_OK;
    p->watch = (hb_watch){.begin = begin, .end = end, .context = p};
    p->gathers = false;
    if (!on) return HEBB_OK;
    hb_rows_destroy(p->rows);
    p->rows = hb_rows_create();
    if (p->rows == NULL) return hb_fail_memory(error, "a profile", sizeof *p);
    p->gathers = true;
    return HEBB_OK;
}

size_t hb_profile_count(const hb_profile *p) {
    return p == NULL || p->rows == NULL ? 0 : hb_rows_count(p->rows);
}

hebb_profile_row hb_profile_row(const hb_profile *p, size_t index) {
    return hb_rows_at(p->rows, index);
}

/* ---- life ---- */

hebb_status hb_profile_create(const char *device, hb_profile **profile, hb_error *error) {
    *profile = NULL;
    const char *path = getenv("HEBB_PROFILE");
    if (path == NULL || *path == '\0') return HEBB_OK;
    hb_profile *p = calloc(1, sizeof *p);
    if (p == NULL) return hb_fail_memory(error, "a profile", sizeof *p);
    p->watch = (hb_watch){.begin = begin, .end = end, .context = p};
    hebb_status status = hb_trace_create(path, device, &p->trace, error);
    if (status == HEBB_OK) *profile = p;
    else hb_profile_destroy(p);
    return status;
}

void hb_profile_destroy(hb_profile *p) {
    if (p == NULL) return;
    hb_trace_destroy(p->trace);
    hb_rows_destroy(p->rows);
    free(p);
}
