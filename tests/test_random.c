/* Random numbers are a function of the seed, the op, the run and the element; and whatever is
   computed from equal seeds and inputs is equal bit by bit, with any number of threads. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/devices.h"
#include "support/model.h"
#include "../checks/values.h"

#define N     20000
#define STEPS 20

/* ---- random ops ---- */

typedef hebb_tensor *random_op(hebb_graph *g, hebb_dtype dtype, hebb_shape shape);
static hebb_tensor *uniform(hebb_graph *g, hebb_dtype dtype, hebb_shape shape) {
    return hebb_random_uniform(g, dtype, shape);
}
static hebb_tensor *normal(hebb_graph *g, hebb_dtype dtype, hebb_shape shape) {
    return hebb_random_normal(g, dtype, shape);
}

typedef struct source {
    hebb_graph *g;
    hebb_device *device;
    hebb_session *s;
    hebb_tensor *t;
} source;

static source open_source(const char *device, random_op *op, hebb_dtype dtype, uint64_t seed) {
    source r = {.g = hebb_graph_create(), .device = device_named(device)};
    r.t = op(r.g, dtype, HEBB_SHAPE(N));
    r.s = hebb_session_create(r.g, r.device, .seed = seed);
    return r;
}
static void close_source(source *r) {
    hebb_session_destroy(r->s);
    hebb_device_close(r->device);
    hebb_graph_destroy(r->g);
}

static hebb_array draw_in(hebb_session *s, hebb_tensor *t) {
    hebb_array out = {0};
    hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({t, &out}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    return out;
}
static hebb_array draw(source *r) { return draw_in(r->s, r->t); }

static bool same(const hebb_array *a, const hebb_array *b) {
    return hebb_array_bytes(a) == hebb_array_bytes(b) &&
           memcmp(a->data, b->data, hebb_array_bytes(a)) == 0;
}

/* The first four moments, and that neighbours have nothing to do with each other. */
static void check_moments(const hebb_array *a, double mean, double variance, double kurtosis) {
    double sum = 0, m2 = 0, m3 = 0, m4 = 0, lag = 0, before = 0;
    for (int64_t i = 0; i < N; i++) sum += hebb_array_at(a, i);
    double m1 = sum / N;
    for (int64_t i = 0; i < N; i++) {
        double x = hebb_array_at(a, i) - m1;
        m2 += x * x / N;
        m3 += x * x * x / N;
        m4 += x * x * x * x / N;
        lag += x * before / N;
        before = x;
    }
    double error = 5 / sqrt(N); /* five standard deviations of a mean of N */
    cr_expect_float_eq(m1, mean, error * sqrt(variance), "mean %g", m1);
    cr_expect_float_eq(m2, variance, error * variance * 1.5, "variance %g", m2);
    cr_expect_float_eq(m3 / pow(m2, 1.5), 0, error * 2.5, "skewness %g", m3 / pow(m2, 1.5));
    cr_expect_float_eq(m4 / (m2 * m2), kurtosis, error * 10, "kurtosis %g", m4 / (m2 * m2));
    cr_expect_float_eq(lag / m2, 0, error, "correlation %g", lag / m2);
}

static void check_range(const hebb_array *a) {
    for (int64_t i = 0; i < N; i++) {
        double x = hebb_array_at(a, i);
        cr_assert(x >= 0 && x < 1, "element %d is %g", (int)i, x);
    }
}

static void check_source(const char *device, hebb_dtype dtype) {
    source u = open_source(device, uniform, dtype, 1), n = open_source(device, normal, dtype, 2);
    if (dtype == HEBB_F64 && !hebb_device_get_info(u.device).f64) cr_skip_test("no float64");
    hebb_array a = draw(&u), b = draw(&n);
    check_range(&a);
    check_moments(&a, 0.5, 1. / 12, 1.8);
    check_moments(&b, 0, 1, 3);
    hebb_array_free(&a);
    hebb_array_free(&b);
    close_source(&u);
    close_source(&n);
}
Test(moments, f32_on_cpu) { check_source("cpu", HEBB_F32); }
Test(moments, f64_on_cpu) { check_source("cpu", HEBB_F64); }
Test(moments, f32_on_opencl) { check_source("opencl", HEBB_F32); }

/* Uniform numbers are made of integers, so that they are the same bits on every device; normal ones
   pass through a logarithm and a square root. */
Test(devices, draw_the_same_numbers) {
    const struct {
        random_op *op;
        tolerance tolerance;
    } ops[] = {{uniform, {0, 0}}, {normal, {1e-5, 1e-6}}};
    for (size_t i = 0; i < 2; i++) {
        source cpu = open_source("cpu", ops[i].op, HEBB_F32, 77);
        source opencl = open_source("opencl", ops[i].op, HEBB_F32, 77);
        hebb_array a = draw(&cpu), b = draw(&opencl);
        values expected = values_from_array(&a);
        char why[256];
        cr_expect(values_match(&expected, &b, ops[i].tolerance, why, sizeof why), "%s", why);
        hebb_array_free(&a);
        hebb_array_free(&b);
        close_source(&cpu);
        close_source(&opencl);
    }
}

Test(streams, differ_by_run_op_and_seed_only) {
    source a = open_source("cpu", uniform, HEBB_F32, 5),
           b = open_source("cpu", uniform, HEBB_F32, 5);
    source c = open_source("cpu", uniform, HEBB_F32, 6);
    hebb_tensor *second = uniform(a.g, HEBB_F32, HEBB_SHAPE(N));
    hebb_array a1 = {0}, s1 = {0}, again = {0};
    hebb_run(a.s, HEBB_NO_FEED, HEBB_FETCH({a.t, &a1}, {second, &s1}, {a.t, &again}));
    hebb_array b1 = draw(&b), b2 = draw(&b), c1 = draw(&c);
    cr_expect(same(&a1, &b1), "equal seeds differ");
    cr_expect(same(&a1, &again), "one op gave two values in a run");
    cr_expect_not(same(&b1, &b2), "two runs are equal");
    cr_expect_not(same(&a1, &c1), "two seeds are equal");
    cr_expect_not(same(&a1, &s1), "two ops are equal");
    hebb_array *all[] = {&a1, &s1, &again, &b1, &b2, &c1};
    for (size_t i = 0; i < 6; i++) hebb_array_free(all[i]);
    close_source(&a);
    close_source(&b);
    close_source(&c);
}

Test(streams, continue_from_a_step) {
    source a = open_source("cpu", normal, HEBB_F32, 5), b = open_source("cpu", normal, HEBB_F32, 5);
    hebb_array third = {0};
    cr_expect_eq(hebb_session_step(a.s), 0);
    for (int i = 0; i < 3; i++) {
        hebb_array_free(&third);
        third = draw(&a);
    }
    cr_expect_eq(hebb_session_step(a.s), 3);
    cr_expect_eq(hebb_session_set_step(b.s, 2), HEBB_OK);
    hebb_array resumed = draw(&b);
    cr_expect(same(&third, &resumed));
    cr_expect_eq(hebb_session_step(b.s), 3);
    hebb_array_free(&third);
    hebb_array_free(&resumed);
    close_source(&a);
    close_source(&b);
}

/* Random values must not be folded to constants nor merged: every pass leaves the numbers alone. */
Test(streams, do_not_depend_on_passes) {
    static const unsigned without[] = {0, HEBB_NO_FOLD, HEBB_NO_CSE, HEBB_NO_FUSION,
                                       HEBB_NO_PASSES};
    hebb_graph *g = hebb_graph_create();
    hebb_device *device = cpu_device();
    hebb_tensor *a = uniform(g, HEBB_F32, HEBB_SHAPE(N)), *b = uniform(g, HEBB_F32, HEBB_SHAPE(N));
    hebb_tensor *t = hebb_sub(hebb_mul(a, b), hebb_random_normal_like(a));
    hebb_array first = {0};
    for (size_t i = 0; i < sizeof without / sizeof *without; i++) {
        hebb_session *s = hebb_session_create(g, device, .seed = 3, .without = without[i]);
        hebb_array out = draw_in(s, t);
        if (i == 0) first = out;
        else {
            values expected = values_from_array(&first);
            char why[256];
            cr_expect(values_match(&expected, &out, (tolerance){1e-6, 1e-6}, why, sizeof why),
                      "without %u: %s", without[i], why);
            hebb_array_free(&out);
        }
        hebb_session_destroy(s);
    }
    hebb_array_free(&first);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

/* ---- training repeats bit by bit ---- */

typedef struct outcome {
    float losses[STEPS];
    hebb_array kernel;
} outcome;

static outcome train(hebb_device *device, uint64_t seed) {
    outcome o = {0};
    model m = model_create(hebb_adam(.learning_rate = 0.01));
    hebb_session *s = hebb_session_create(m.graph, device, .seed = seed);
    model_train(&m, s, STEPS, o.losses);
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    cr_assert_eq(hebb_session_get(s, hebb_graph_variable(m.graph, 0), &o.kernel), HEBB_OK);
    hebb_session_destroy(s);
    hebb_graph_destroy(m.graph);
    return o;
}

static void compare(const outcome *a, const outcome *b, bool equal) {
    cr_expect_eq(memcmp(a->losses, b->losses, sizeof a->losses) == 0, equal);
    cr_expect_eq(same(&a->kernel, &b->kernel), equal);
}

static void repeat(const char *name) {
    hebb_device *device = device_named(name);
    outcome a = train(device, 1), b = train(device, 1), c = train(device, 2);
    compare(&a, &b, true);
    compare(&a, &c, false);
    hebb_array_free(&a.kernel);
    hebb_array_free(&b.kernel);
    hebb_array_free(&c.kernel);
    hebb_device_close(device);
}
Test(repeated, on_cpu) { repeat("cpu"); }
Test(repeated, on_opencl) { repeat("opencl"); }

Test(repeated, with_one_and_with_more_threads) {
    hebb_device *device = cpu_device();
    cr_assert_eq(hebb_device_set_threads(device, 1), HEBB_OK);
    outcome one = train(device, 1);
    for (int threads = 2; threads <= 3; threads++) {
        cr_assert_eq(hebb_device_set_threads(device, threads), HEBB_OK);
        outcome more = train(device, 1);
        compare(&one, &more, true);
        hebb_array_free(&more.kernel);
    }
    hebb_array_free(&one.kernel);
    hebb_device_close(device);
}

/* Work large enough to be shared out: sums, rows, columns, products, a fused chain. */
static void large_values(hebb_device *device, hebb_array out[5]) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = uniform(g, HEBB_F32, HEBB_SHAPE(700, 901));
    hebb_tensor *results[] = {hebb_sum(x, HEBB_ALL_AXES, false), hebb_sum(x, HEBB_AXES(0), false),
                              hebb_mean(x, HEBB_AXES(1), false),
                              hebb_matmul(x, hebb_transpose(x, NULL, 0)),
                              hebb_mul(hebb_tanh(x), hebb_sigmoid(hebb_neg(x)))};
    hebb_fetch fetches[5];
    for (int i = 0; i < 5; i++) fetches[i] = (hebb_fetch){results[i], &out[i]};
    hebb_session *s = hebb_session_create(g, device, .seed = 1);
    cr_assert_eq(hebb_run(s, HEBB_NO_FEED, fetches, 5), HEBB_OK, "%s", hebb_message(s));
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

Test(repeated, large_work_with_one_and_with_more_threads) {
    hebb_device *device = cpu_device();
    hebb_array one[5] = {{0}}, more[5] = {{0}};
    cr_assert_eq(hebb_device_set_threads(device, 1), HEBB_OK);
    large_values(device, one);
    for (int threads = 2; threads <= 5; threads++) {
        cr_assert_eq(hebb_device_set_threads(device, threads), HEBB_OK);
        large_values(device, more);
        for (int i = 0; i < 5; i++)
            cr_expect(same(&one[i], &more[i]), "%d threads, value %d", threads, i);
    }
    for (int i = 0; i < 5; i++) {
        hebb_array_free(&one[i]);
        hebb_array_free(&more[i]);
    }
    hebb_device_close(device);
}
