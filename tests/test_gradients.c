/* Gradients of every differentiable op, on all its samples: in float64 on the CPU against central
   differences with a random cotangent, the same for gradients of gradients, then float32 on both
   backends against float64. What hebb_gradients() promises beside numbers is in
   test_gradient_rules.c; that the checker can fail, in test_gradcheck.c. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "support/devices.h"
#include "support/gradcheck.h"
#include "support/instance.h"
#include "support/tally.h"

/* Central differences cost two runs an element. */
#define MOST_ELEMENTS 120
#define MOST_INPUTS   (2 * MAX_INPUTS + 1)

static bool has_gradient(const sample *s) { return s->dtype == REAL && !s->no_gradient; }

/* ---- one sample with its gradients ---- */

typedef struct problem {
    instance in;
    hebb_tensor *cotangent;
    hebb_array cotangent_value;
    int n; /* floating inputs and their gradients */
    hebb_tensor *x[MAX_INPUTS], *gradient[MAX_INPUTS];
    hebb_array *x_value[MAX_INPUTS];
} problem;

static hebb_array drawn(hebb_dtype dtype, hebb_shape shape, rng *r) {
    values v = values_make(dtype, shape);
    values_fill(&v, REALS, 1, 0, r);
    return values_to_array(&v);
}

static void make_problem(problem *p, hebb_graph *g, const descriptor *d, const sample *s,
                         hebb_dtype real, uint64_t seed) {
    rng r = {seed + 1};
    *p = (problem){0};
    instance_build(&p->in, g, d, s, real, false);
    instance_bind(&p->in, BATCH, seed, true);
    hebb_dtype dtype = hebb_tensor_dtype(p->in.result);
    hebb_shape shape = hebb_tensor_shape(p->in.result);
    cr_assert_not(hebb_failed(g), "%s: %s", d->name, hebb_message(g));
    p->cotangent = hebb_input(g, NULL, dtype, shape);
    p->cotangent_value = drawn(dtype, shape, &r);
    for (int k = 0; k < s->n_in; k++) {
        if (!is_floating(operand_dtype(s, k, real))) continue;
        p->x_value[p->n] = &p->in.fed[k];
        p->x[p->n++] = p->in.input[k];
    }
    hebb_gradients(&p->in.result, 1, p->x, (size_t)p->n, &p->cotangent, p->gradient);
}

static hebb_tensor *weighted_sum(hebb_tensor *weight, hebb_tensor *y) {
    return hebb_sum(hebb_mul(weight, y), HEBB_ALL_AXES, false);
}

/* The inputs of the check: all that is fed; `claimed` may hold a gradient for the cotangent. */
static size_t list_inputs(problem *p, hebb_tensor *const *claimed, hebb_tensor *claimed_cotangent,
                          gradcheck_input *list) {
    size_t n = 0;
    for (int k = 0; k < p->in.s.n_in; k++) {
        list[n] = (gradcheck_input){p->in.input[k], &p->in.fed[k], NULL};
        for (int i = 0; i < p->n; i++)
            if (p->x[i] == p->in.input[k]) list[n].gradient = claimed[i];
        n++;
    }
    list[n++] = (gradcheck_input){p->cotangent, &p->cotangent_value, claimed_cotangent};
    return n;
}

static size_t report_on(const problem *p, const gradcheck_report *r, const char *what) {
    char a[128];
    cr_expect(r->passed, "%s of %s(%s, ...): %s", what, p->in.d->name,
              hebb_shape_text(p->in.s.in[0].shape, a, sizeof a), r->message);
    return r->elements;
}

static size_t check_first(problem *p, hebb_graph *g, hebb_session *s) {
    gradcheck_input list[MOST_INPUTS];
    hebb_tensor *objective = weighted_sum(p->cotangent, p->in.result);
    size_t n = list_inputs(p, p->gradient, NULL, list);
    cr_assert_not(hebb_failed(g), "%s", hebb_message(g));
    gradcheck_report r = gradcheck(s, objective, list, n);
    return report_on(p, &r, "gradient");
}

/* The objective is the sum of all gradients with random weights; it depends on the cotangent too.
 */
static size_t check_second(problem *p, hebb_graph *g, hebb_session *s) {
    gradcheck_input list[MOST_INPUTS + MAX_INPUTS];
    hebb_tensor *objective = NULL, *xs[MAX_INPUTS + 1], *claimed[MAX_INPUTS + 1];
    hebb_tensor *weight[MAX_INPUTS];
    hebb_array weight_value[MAX_INPUTS];
    rng r = {99};
    for (int k = 0; k < p->n; k++) {
        hebb_shape shape = p->x_value[k]->shape;
        weight[k] = hebb_input(g, NULL, HEBB_F64, shape);
        weight_value[k] = drawn(HEBB_F64, shape, &r);
        hebb_tensor *term = weighted_sum(weight[k], p->gradient[k]);
        objective = objective == NULL ? term : hebb_add(objective, term);
        xs[k] = p->x[k];
    }
    xs[p->n] = p->cotangent;
    hebb_gradients(&objective, 1, xs, (size_t)p->n + 1, NULL, claimed);
    cr_assert_not(hebb_failed(g), "second gradient of %s: %s", p->in.d->name, hebb_message(g));
    size_t n = list_inputs(p, claimed, claimed[p->n], list);
    for (int k = 0; k < p->n; k++) list[n++] = (gradcheck_input){weight[k], &weight_value[k], NULL};
    gradcheck_report report = gradcheck(s, objective, list, n);
    return report_on(p, &report, "second gradient");
}

typedef size_t check_function(problem *p, hebb_graph *g, hebb_session *s);

static void check_every_sample(const descriptor *d, const char *name, check_function *function) {
    hebb_device *device = cpu_device();
    sample_list list = descriptor_samples(d);
    size_t samples = 0, elements = 0;
    for (size_t i = 0; i < list.count; i++) {
        int64_t size = sample_elements(&list.at[i]);
        if (!has_gradient(&list.at[i]) || size == 0 || size > MOST_ELEMENTS) continue;
        hebb_graph *g = hebb_graph_create();
        hebb_session *s = hebb_session_create(g, device);
        problem p;
        make_problem(&p, g, d, &list.at[i], HEBB_F64, i);
        elements += function(&p, g, s);
        samples++;
        hebb_session_destroy(s);
        hebb_graph_destroy(g);
    }
    cr_expect_gt(elements, 0, "%s: nothing was checked", d->name);
    tally(d->name, name, "cpu", samples);
    hebb_device_close(device);
}

/* ---- float32 on either backend against float64 ---- */

typedef struct collection {
    size_t count;
    values *at; /* the gradients of all samples, one after the other */
} collection;

static collection gradients_on(const descriptor *d, hebb_dtype real, hebb_device *device) {
    sample_list list = descriptor_samples(d);
    hebb_graph *g = hebb_graph_create();
    problem *p = test_memory(list.count * sizeof *p);
    hebb_feed *feeds = test_memory(list.count * (MAX_INPUTS + 1) * sizeof *feeds);
    hebb_fetch *fetches = test_memory(list.count * MAX_INPUTS * sizeof *fetches);
    hebb_array *results = test_memory(list.count * MAX_INPUTS * sizeof *results);
    size_t n_feeds = 0, n = 0;
    for (size_t i = 0; i < list.count; i++) {
        if (!has_gradient(&list.at[i]) || list.at[i].p.dtype == HEBB_F64) continue;
        make_problem(&p[i], g, d, &list.at[i], real, i);
        for (int k = 0; k < p[i].in.s.n_in; k++)
            feeds[n_feeds++] = (hebb_feed){p[i].in.input[k], &p[i].in.fed[k]};
        feeds[n_feeds++] = (hebb_feed){p[i].cotangent, &p[i].cotangent_value};
        for (int k = 0; k < p[i].n; k++, n++)
            fetches[n] = (hebb_fetch){p[i].gradient[k], &results[n]};
    }
    hebb_session *s = hebb_session_create(g, device);
    if (n > 0) hebb_run(s, feeds, n_feeds, fetches, n);
    cr_assert(n == 0 || !hebb_failed(s), "gradients of %s: %s", d->name, hebb_message(s));
    collection c = {n, test_memory(n * sizeof *c.at)};
    for (size_t i = 0; i < n; i++) {
        c.at[i] = values_from_array(&results[i]);
        hebb_array_free(&results[i]);
    }
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    return c;
}

/* Errors are relative to the largest element of the gradient: its elements are sums of terms of
   about that size, in float32. */
static void set_scale(values *v) {
    double largest = 0;
    for (int64_t i = 0; i < v->count; i++)
        if (isfinite(v->at[i].f)) largest = fmax(largest, fabs(v->at[i].f));
    v->scale = test_memory((size_t)v->count * sizeof *v->scale);
    for (int64_t i = 0; i < v->count; i++) v->scale[i] = largest;
}

static void compare_in_f32(const descriptor *d, hebb_device *device, const char *device_name) {
    hebb_device *cpu = cpu_device();
    collection exact = gradients_on(d, HEBB_F64, cpu), rounded = gradients_on(d, HEBB_F32, device);
    cr_assert_eq(exact.count, rounded.count);
    for (size_t i = 0; i < exact.count; i++) {
        char why[512];
        values expected = values_cast(&exact.at[i], HEBB_F32);
        hebb_array got = values_to_array(&rounded.at[i]);
        set_scale(&expected);
        cr_expect(values_match(&expected, &got, (tolerance){2e-5, 1e-6}, why, sizeof why),
                  "gradient %zu of %s, f32 on %s: %s", i, d->name, device_name, why);
    }
    tally(d->name, "gradient f32", device_name, exact.count);
    hebb_device_close(cpu);
}

/* ---- one process a descriptor and check ---- */

static struct criterion_test_params every_differentiable(void) {
    static int numbers[256];
    size_t count = 0;
    for (size_t i = 0; i < descriptor_count(); i++)
        if (descriptor_at(i)->differentiable) numbers[count++] = (int)i;
    return cr_make_param_array(int, numbers, count);
}

ParameterizedTestParameters(gradients, first) { return every_differentiable(); }
ParameterizedTest(int *index, gradients, first) {
    check_every_sample(descriptor_at((size_t)*index), "gradient", check_first);
}

ParameterizedTestParameters(gradients, second) { return every_differentiable(); }
ParameterizedTest(int *index, gradients, second) {
    check_every_sample(descriptor_at((size_t)*index), "second gradient", check_second);
}

ParameterizedTestParameters(gradients, cpu_f32) { return every_differentiable(); }
ParameterizedTest(int *index, gradients, cpu_f32) {
    hebb_device *device = cpu_device();
    compare_in_f32(descriptor_at((size_t)*index), device, "cpu");
    hebb_device_close(device);
}

ParameterizedTestParameters(gradients, opencl_f32) { return every_differentiable(); }
ParameterizedTest(int *index, gradients, opencl_f32) {
    hebb_device *device = opencl_device();
    compare_in_f32(descriptor_at((size_t)*index), device, "opencl");
    hebb_device_close(device);
}

/* ---- ops without a gradient: constants to hebb_gradients() ---- */

static void expect_zero_gradient(const descriptor *d, const sample *s) {
    hebb_graph *g = hebb_graph_create();
    instance in;
    instance_build(&in, g, d, s, HEBB_F64, false);
    if (is_floating(hebb_tensor_dtype(in.result)) && is_floating(hebb_tensor_dtype(in.input[0]))) {
        hebb_device *device = cpu_device();
        hebb_session *session = hebb_session_create(g, device);
        hebb_tensor *gradient = hebb_gradient(in.result, in.input[0]);
        hebb_array result = {0};
        instance_bind(&in, BATCH, 1, false);
        hebb_run(session, HEBB_FEED({in.input[0], &in.fed[0]}), HEBB_FETCH({gradient, &result}));
        cr_expect_not(hebb_failed(session), "%s: %s", d->name, hebb_message(session));
        cr_expect(hebb_shape_equal(result.shape, in.fed[0].shape));
        for (int64_t i = 0; i < hebb_array_count(&result); i++)
            cr_expect_eq(hebb_array_at(&result, i), 0, "%s", d->name);
        hebb_array_free(&result);
        hebb_session_destroy(session);
        hebb_device_close(device);
    }
    hebb_graph_destroy(g);
}

Test(gradients, of_constants_are_zero) {
    for (size_t i = 0; i < descriptor_count(); i++) {
        const descriptor *d = descriptor_at(i);
        sample_list list = descriptor_samples(d);
        if (!d->differentiable && d->arity == 1 && list.at[0].dtype == REAL)
            expect_zero_gradient(d, &list.at[0]);
    }
}
