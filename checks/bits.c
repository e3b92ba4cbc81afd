/* Pairs of runs that must agree in every bit: twice the same, in memory that was filled with
   different bytes, on views and on copies, in place and not. See job.h. */
#include "job.h"

static void compare(trial *t, const hebb_array *a, const hebb_array *b, const char *what) {
    for (size_t i = 0; a != NULL && b != NULL && i < t->count; i++) {
        char why[512];
        t->j->result.samples++;
        if (!arrays_same(&a[i], &b[i], why, sizeof why))
            job_fail(t->j, &t->at[i].s, "%s: %s", what, why);
    }
}

/* Two sessions, and on the CPU two numbers of threads. */
void check_repetition(job *j) {
    trial t;
    if (!trial_make(&t, j, (trial_options){.real = HEBB_F32})) return;
    trial_bind(&t, BATCH);
    hebb_device_set_threads(j->at->device, 1); /* refused by other backends, which is fine */
    hebb_array *first = trial_run_with(&t, &(hebb_session_options){0});
    hebb_device_set_threads(j->at->device, 3);
    hebb_array *again = trial_run_with(&t, &(hebb_session_options){0});
    hebb_device_set_threads(j->at->device, 0);
    compare(&t, first, again, "two runs");
    trial_free(&t);
}

/* An element that is not written has the first byte in one run, the second in the other. */
void check_poison(job *j) {
    trial t;
    if (!trial_make(&t, j, (trial_options){.real = HEBB_F32})) return;
    trial_bind(&t, BATCH);
    hebb_array *first = trial_run_with(&t, &(hebb_session_options){.poison = 0xFF});
    hebb_array *other = trial_run_with(&t, &(hebb_session_options){.poison = 0x5A});
    compare(&t, first, other, "memory of 0xFF and 0x5A");
    trial_free(&t);
}

/* Where sums are taken in an order that suits the memory, their rounding may differ: such ops have
   a tolerance of their own. */
static void compare_copies(trial *views, const hebb_array *a, const hebb_array *b) {
    tolerance own = views->j->d->f32;
    if (own.relative == 0 && own.absolute == 0) {
        compare(views, a, b, "a view and a copy of it");
        return;
    }
    for (size_t i = 0; a != NULL && b != NULL && i < views->count; i++) {
        char why[512];
        values expected = values_from_array(&a[i]);
        expected.scale = views->at[i].expected.scale;
        views->j->result.samples++;
        if (!values_match(&expected, &b[i], own, why, sizeof why))
            job_fail(views->j, &views->at[i].s, "a copy of the view: %s", why);
    }
}

void check_views(job *j) {
    trial views, copies;
    if (!trial_make(&views, j, (trial_options){.real = HEBB_F32})) return;
    if (!trial_make(&copies, j, (trial_options){.real = HEBB_F32, .form = CONTIGUOUS})) {
        trial_free(&views);
        return;
    }
    trial_bind(&views, BATCH);
    trial_bind(&copies, BATCH);
    compare_copies(&views, trial_run_with(&views, &(hebb_session_options){0}),
                   trial_run_with(&copies, &(hebb_session_options){0}));
    trial_free(&views);
    trial_free(&copies);
}

/* The operands are results of other ops, and nothing else wants them: the op may have their place.
 */
void check_in_place(job *j) {
    const unsigned each_a_step = HEBB_NO_FOLD | HEBB_NO_CSE | HEBB_NO_FUSION;
    trial t;
    if (!trial_make(&t, j, (trial_options){.real = HEBB_F32, .form = COMPUTED})) return;
    trial_bind(&t, BATCH);
    hebb_array *apart =
        trial_run_with(&t, &(hebb_session_options){.without = each_a_step | HEBB_NO_REUSE});
    hebb_array *in_place =
        trial_run_with(&t, &(hebb_session_options){.without = each_a_step, .poison = 0xFF});
    compare(&t, apart, in_place, "in place and not");
    trial_free(&t);
}
