/* Derivatives: in float64 on the CPU against central differences with a random cotangent, and on
   any device against those of the CPU in float64. See job.h. */
#include <math.h>

#include "problem.h"

/* Central differences cost two runs an element. */
#define MOST_ELEMENTS 120

/* ---- against central differences ---- */

static void check_sample(job *j, const sample *s, uint64_t seed, bool second, size_t *elements) {
    hebb_graph *g = hebb_graph_create();
    problem p;
    if (problem_make(&p, j, g, s, HEBB_F64, seed) &&
        (!second || problem_differentiate_again(&p, j))) {
        gradcheck_input inputs[PROBLEM_FEEDS];
        hebb_tensor *objective =
            second ? p.objective
                   : hebb_sum(hebb_mul(p.cotangent, p.in.result), HEBB_ALL_AXES, false);
        hebb_session *session = hebb_session_create(g, j->at->cpu);
        gradcheck_report r =
            gradcheck(session, objective, inputs, problem_inputs(&p, second, inputs));
        if (!r.passed) job_fail(j, s, "%s", r.message);
        *elements += r.elements;
        j->result.samples++;
        hebb_session_destroy(session);
    }
    hebb_graph_destroy(g);
}

static void check_differences(job *j, bool second) {
    sample_list list = descriptor_samples(j->d);
    size_t elements = 0;
    if (!j->d->differentiable) {
        job_skip(j, "the op is not differentiable");
        return;
    }
    if (j->at->device != j->at->cpu) {
        job_skip(j, "central differences are taken on the CPU, whose gradients are the measure");
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        int64_t size = sample_elements(&list.at[i]);
        if (!sample_has_gradient(&list.at[i]) || size == 0) continue;
        if (size > MOST_ELEMENTS)
            job_leave_out(j, "too large for central differences; compared between devices");
        else check_sample(j, &list.at[i], i, second, &elements);
    }
    if (elements == 0) job_fail(j, NULL, "no element was checked");
}

void check_gradient(job *j) { check_differences(j, false); }
void check_second_gradient(job *j) { check_differences(j, true); }

/* ---- a device against the CPU ---- */

/* The gradients of all samples in one graph. */
typedef struct collection {
    hebb_graph *graph;
    size_t n_feeds, n;
    hebb_feed *feeds;
    hebb_fetch *fetches;
    hebb_array *results;
    const sample **of; /* by result */
} collection;

static void collect(collection *c, problem *p, const sample *s, bool second) {
    gradcheck_input inputs[PROBLEM_FEEDS];
    size_t n = problem_inputs(p, second, inputs);
    for (size_t k = 0; k < n; k++) {
        c->feeds[c->n_feeds++] = (hebb_feed){inputs[k].tensor, inputs[k].value};
        if (inputs[k].gradient == NULL) continue;
        c->of[c->n] = s;
        c->fetches[c->n] = (hebb_fetch){inputs[k].gradient, &c->results[c->n]};
        c->n++;
    }
}

static bool collection_make(collection *c, job *j, hebb_dtype real, bool second) {
    sample_list list = descriptor_samples(j->d);
    problem *p = test_memory(list.count * sizeof *p);
    size_t most = list.count * PROBLEM_FEEDS;
    *c = (collection){.graph = hebb_graph_create(),
                      .feeds = test_memory(most * sizeof *c->feeds),
                      .fetches = test_memory(most * sizeof *c->fetches),
                      .results = test_memory(most * sizeof *c->results),
                      .of = test_memory(most * sizeof *c->of)};
    bool made = true;
    for (size_t i = 0; made && i < list.count; i++) {
        const sample *s = &list.at[i];
        if (!sample_has_gradient(s) || (s->p.dtype == HEBB_F64 && !j->at->f64)) continue;
        made = problem_make(&p[i], j, c->graph, s, real, i) &&
               (!second || problem_differentiate_again(&p[i], j));
        if (made) collect(c, &p[i], s, second);
    }
    return made;
}

static bool collection_run(const collection *c, job *j, hebb_device *device,
                           const hebb_session_options *options, hebb_array *results) {
    hebb_session *s = hebb_session_create_with(c->graph, device, options);
    for (size_t i = 0; i < c->n; i++) c->fetches[i].array = &results[i];
    bool done = c->n == 0 || hebb_run(s, c->feeds, c->n_feeds, c->fetches, c->n) == HEBB_OK;
    if (!done) job_fail(j, NULL, "%s", hebb_message(s));
    hebb_session_destroy(s);
    return done;
}

static void free_results(const collection *c, hebb_array *results) {
    for (size_t i = 0; i < c->n; i++) hebb_array_free(&results[i]);
}

/* Errors are relative to the largest element of the gradient: its elements are sums of terms of
   about that size. */
static void set_scale(values *v) {
    double largest = 0;
    for (int64_t i = 0; i < v->count; i++)
        if (isfinite(v->at[i].f)) largest = fmax(largest, fabs(v->at[i].f));
    v->scale = test_memory((size_t)v->count * sizeof *v->scale);
    for (int64_t i = 0; i < v->count; i++) v->scale[i] = largest;
}

/* Derivatives of derivatives multiply the errors of the first ones. */
static tolerance gradient_tolerance(hebb_dtype real, bool second) {
    if (real == HEBB_F64) return second ? (tolerance){1e-12, 1e-13} : (tolerance){1e-13, 1e-14};
    return second ? (tolerance){1e-4, 1e-5} : (tolerance){2e-5, 1e-6};
}

static void compare(job *j, const collection *exact, const collection *own, hebb_dtype real,
                    bool second) {
    tolerance t = gradient_tolerance(real, second);
    for (size_t i = 0; i < exact->n; i++) {
        char why[512];
        values expected = values_from_array(&exact->results[i]);
        expected = values_cast(&expected, own->results[i].dtype);
        set_scale(&expected);
        j->result.samples++;
        if (!values_match(&expected, &own->results[i], t, why, sizeof why)) {
            job_fail(j, exact->of[i], "%s", why);
            continue;
        }
        double worst = values_worst(&expected, &own->results[i], t);
        if (worst > j->result.worst) j->result.worst = worst;
    }
}

void check_gradient_on_device(job *j, hebb_dtype real, bool second) {
    if (!j->d->differentiable) {
        job_skip(j, "the op is not differentiable");
        return;
    }
    if (real == HEBB_F64 && j->at->device == j->at->cpu) {
        job_skip(j, "the CPU's float64 gradients are what others are compared with");
        return;
    }
    if (real == HEBB_F64 && !j->at->f64) {
        job_skip(j, "the device has no float64");
        return;
    }
    collection exact, own = {0};
    const hebb_session_options none = {0};
    if (collection_make(&exact, j, HEBB_F64, second) && collection_make(&own, j, real, second) &&
        collection_run(&exact, j, j->at->cpu, &none, exact.results) &&
        collection_run(&own, j, j->at->device, &none, own.results))
        compare(j, &exact, &own, real, second);
    free_results(&exact, exact.results);
    free_results(&own, own.results);
    hebb_graph_destroy(exact.graph);
    hebb_graph_destroy(own.graph);
}

/* ---- bits: twice, in poisoned memory, and without sharing memory ---- */

static void compare_bits(job *j, const collection *c, const hebb_array *a, const hebb_array *b,
                         const char *what) {
    for (size_t i = 0; i < c->n; i++) {
        char why[512];
        j->result.samples++;
        if (!arrays_same(&a[i], &b[i], why, sizeof why)) job_fail(j, c->of[i], "%s: %s", what, why);
    }
}

void check_gradient_bits(job *j) {
    static const struct {
        hebb_session_options options;
        int threads;
        const char *what;
    } variants[] = {
        {{.poison = 0xFF}, 3, "memory of 0xFF and as it was"},
        {{.poison = 0x5A}, 2, "memory of 0x5A and as it was"},
        {{.without = HEBB_NO_REUSE}, 1, "with and without memory shared"},
    };
    if (!j->d->differentiable) {
        job_skip(j, "the op is not differentiable");
        return;
    }
    collection c;
    const hebb_session_options none = {0};
    bool done = collection_make(&c, j, HEBB_F32, false) &&
                collection_run(&c, j, j->at->device, &none, c.results);
    for (size_t i = 0; done && i < COUNT(variants); i++) {
        hebb_array *results = test_memory((c.n + 1) * sizeof *results);
        hebb_device_set_threads(j->at->device, variants[i].threads);
        if (collection_run(&c, j, j->at->device, &variants[i].options, results))
            compare_bits(j, &c, c.results, results, variants[i].what);
        free_results(&c, results);
    }
    hebb_device_set_threads(j->at->device, 0);
    free_results(&c, c.results);
    hebb_graph_destroy(c.graph);
}

/* ---- ops without a gradient: constants to hebb_gradients() ---- */

static void expect_zeros(job *j, const sample *s, const hebb_array *gradient) {
    for (int64_t i = 0; i < hebb_array_count(gradient); i++)
        if (hebb_array_at(gradient, i) != 0) {
            job_fail(j, s, "element %lld is %g", (long long)i, hebb_array_at(gradient, i));
            return;
        }
}

static void check_zero(job *j, const sample *s) {
    hebb_graph *g = hebb_graph_create();
    instance in;
    instance_build(&in, g, j->d, s, HEBB_F32, false);
    bool floating = is_floating(hebb_tensor_dtype(in.result));
    if (floating && is_floating(hebb_tensor_dtype(in.input[0]))) {
        hebb_session *session = hebb_session_create(g, j->at->device);
        hebb_tensor *gradient = hebb_gradient(in.result, in.input[0]);
        hebb_array result = {0};
        instance_bind(&in, BATCH, 1, false);
        j->result.samples++;
        if (hebb_run(session, HEBB_FEED({in.input[0], &in.fed[0]}),
                     HEBB_FETCH({gradient, &result})) != HEBB_OK)
            job_fail(j, s, "%s", hebb_message(session));
        else if (!hebb_shape_equal(result.shape, in.fed[0].shape))
            job_fail(j, s, "the gradient has another shape than x");
        else expect_zeros(j, s, &result);
        hebb_array_free(&result);
        hebb_session_destroy(session);
    }
    hebb_graph_destroy(g);
}

void check_gradient_is_zero(job *j) {
    if (j->d->differentiable) {
        job_skip(j, "the op is differentiable");
        return;
    }
    sample_list list = descriptor_samples(j->d);
    if (j->d->arity == 1 && list.at[0].dtype == REAL) check_zero(j, &list.at[0]);
    if (j->result.samples == 0)
        job_skip(j, "operand or result is not floating: hebb_gradients() refuses it");
}
