/* All samples of an op in one graph, and what is done with their results: see job.h. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "half.h"
#include "job.h"

static bool takes_part(job *j, const sample *s, trial_options o) {
    if (o.open && !sample_is_open(s)) return false;
    /* A sample of fixed dtypes is the same in every check. */
    if (o.real != HEBB_F32 && s->dtype != REAL) return false;
    if (is_half(o.real) && j->d->no_halves != NULL) {
        job_leave_out(j, j->d->no_halves);
        return false;
    }
    if (j->at->f64 || !sample_uses_f64(s, o.real)) return true;
    job_leave_out(j, "the device has no float64");
    return false;
}

bool trial_make(trial *t, job *j, trial_options options) {
    sample_list list = descriptor_samples(j->d);
    *t = (trial){
        .j = j, .graph = hebb_graph_create(), .at = test_memory(list.count * sizeof *t->at)};
    for (size_t i = 0; i < list.count; i++)
        if (takes_part(j, &list.at[i], options))
            instance_build_as(&t->at[t->count++], t->graph, j->d, &list.at[i], options.real,
                              options.open, options.form);
    if (hebb_failed(t->graph)) job_fail(j, NULL, "%s", hebb_message(t->graph));
    if (!hebb_failed(t->graph) && t->count > 0) return true;
    trial_free(t);
    return false;
}

void trial_bind(trial *t, int64_t batch) {
    for (size_t i = 0; i < t->count; i++)
        instance_bind(&t->at[i], batch, 17 * i + (uint64_t)batch, false);
}

/* Arrays of the expected size, so that what the run does not write shows. */
static void poison_array(hebb_array *array, const values *expected, uint8_t poison) {
    if (hebb_array_resize(array, expected->dtype, expected->shape) == HEBB_OK)
        memset(array->data, poison, array->capacity);
}

/* Copies live as long as the test; the arrays do not. */
static hebb_array *kept(hebb_array *results, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t bytes = hebb_array_bytes(&results[i]);
        void *copy = test_memory(bytes);
        if (bytes > 0) memcpy(copy, results[i].data, bytes);
        hebb_array own = hebb_array_view(copy, results[i].dtype, results[i].shape);
        hebb_array_free(&results[i]);
        results[i] = own;
    }
    return results;
}

hebb_array *trial_run(trial *t, hebb_session *s, uint8_t poison) {
    hebb_feed *feeds = test_memory(t->count * MAX_INPUTS * sizeof *feeds);
    hebb_fetch *fetches = test_memory(t->count * sizeof *fetches);
    hebb_array *results = test_memory(t->count * sizeof *results);
    size_t n_feeds = 0;
    for (size_t i = 0; i < t->count; i++) {
        instance *in = &t->at[i];
        for (int k = 0; k < in->s.n_in; k++)
            feeds[n_feeds++] = (hebb_feed){in->input[k], &in->fed[k]};
        if (poison != 0) poison_array(&results[i], &in->expected, poison);
        fetches[i] = (hebb_fetch){in->result, &results[i]};
    }
    if (hebb_run(s, feeds, n_feeds, fetches, t->count) == HEBB_OK) return kept(results, t->count);
    job_fail(t->j, NULL, "%s", hebb_message(s));
    for (size_t i = 0; i < t->count; i++) hebb_array_free(&results[i]);
    return NULL;
}

hebb_array *trial_run_with(trial *t, const hebb_session_options *options) {
    hebb_session *s = hebb_session_create_with(t->graph, t->j->at->device, options);
    hebb_array *results = trial_run(t, s, options->poison);
    hebb_session_destroy(s);
    return results;
}

void trial_free(trial *t) {
    hebb_graph_destroy(t->graph);
    t->graph = NULL;
}

/* ---- comparison ---- */

static bool same_element(const hebb_array *a, const hebb_array *b, int64_t i) {
    size_t size = hebb_dtype_size(a->dtype), at = (size_t)i * size;
    if (memcmp((const char *)a->data + at, (const char *)b->data + at, size) == 0) return true;
    return is_floating(a->dtype) && isnan(hebb_array_at(a, i)) && isnan(hebb_array_at(b, i));
}

bool arrays_same(const hebb_array *a, const hebb_array *b, char *why, size_t size) {
    if (a->dtype != b->dtype || !hebb_shape_equal(a->shape, b->shape)) {
        snprintf(why, size, "the results differ in dtype or shape");
        return false;
    }
    int64_t bad = 0, first = 0, count = hebb_array_count(a);
    for (int64_t i = 0; i < count; i++)
        if (!same_element(a, b, i) && bad++ == 0) first = i;
    if (bad > 0)
        snprintf(why, size,
                 "element %" PRId64 " is %.17g in one and %.17g in the other (%" PRId64
                 " of %" PRId64 " differ)",
                 first, hebb_array_at(a, first), hebb_array_at(b, first), bad, count);
    return bad == 0;
}

double values_worst(const values *expected, const hebb_array *got, tolerance t) {
    values v = values_from_array(got);
    double worst = 0;
    for (int64_t i = 0; i < v.count && is_floating(v.dtype); i++) {
        double e = scalar_held(expected->at[i], expected->dtype).f, g = v.at[i].f;
        double size = fmax(fabs(e), expected->scale == NULL ? 0 : expected->scale[i]);
        if (!isfinite(e) || e == g) continue;
        double share = fabs(g - e) / (t.absolute + t.relative * size);
        worst = share <= worst ? worst : share;
    }
    return worst;
}
