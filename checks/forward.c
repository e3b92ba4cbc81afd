/* Values against the reference: see job.h. */
#include "job.h"

static void compare(trial *t, const hebb_array *results, hebb_dtype real) {
    for (size_t i = 0; i < t->count; i++) {
        const instance *in = &t->at[i];
        tolerance allowed = descriptor_tolerance(in->d, real);
        char why[512];
        t->j->result.samples++;
        if (!values_match(&in->expected, &results[i], allowed, why, sizeof why)) {
            job_fail(t->j, &in->s, "%s", why);
            continue;
        }
        double worst = values_worst(&in->expected, &results[i], allowed);
        if (worst > t->j->result.worst) t->j->result.worst = worst;
    }
}

/* Open sizes run at one batch size, another, and the first again. */
void check_forward(job *j, const forward_options *o) {
    static const int64_t batches[] = {BATCH, 3, BATCH};
    trial t;
    if (!trial_make(&t, j, (trial_options){.real = o->real, .open = o->open})) return;
    hebb_session *s = hebb_session_create(t.graph, j->at->device, .without = o->without);
    for (size_t i = 0; i < (o->open ? COUNT(batches) : 1); i++) {
        trial_bind(&t, batches[i]);
        hebb_array *results = trial_run(&t, s, 0);
        if (results == NULL) break;
        compare(&t, results, o->real);
    }
    hebb_session_destroy(s);
    trial_free(&t);
}
