/* What f16, bf16 and i8 promise beyond the samples of every op: rounding after each op and nowhere
   else, sums in float32, ranges, constants like computed values, training in mixed precision. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/calc.h"
#include "support/devices.h"
#include "../checks/half.h"
#include "support/model.h"
#include "../checks/values.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const hebb_dtype halves[] = {HEBB_F16, HEBB_BF16};

/* ---- host arrays ---- */

static const struct {
    hebb_dtype dtype;
    double set, get;
} elements[] = {
    {HEBB_F32, 0.1, (double)0.1f},
    {HEBB_F64, 0.1, 0.1},
    {HEBB_F16, 0.1, 0.0999755859375},
    {HEBB_F16, 65519, 65504},
    {HEBB_F16, 65520, INFINITY},
    {HEBB_F16, 0x1p-25, 0},
    {HEBB_F16, 0x1.8p-25, 0x1p-24},
    {HEBB_F16, NAN, NAN},
    {HEBB_BF16, 0.1, 0.10009765625},
    {HEBB_BF16, -3.4e38, -INFINITY},
    {HEBB_BF16, 1e-39, 0x1.6p-130},
    {HEBB_I32, -2.9, -2},
    {HEBB_I32, 1e10, INT32_MAX},
    {HEBB_I64, -1e30, -0x1p63},
    {HEBB_I64, 1e30, 0x1p63},
    {HEBB_I64, NAN, 0},
    {HEBB_U8, 300, 255},
    {HEBB_U8, -1, 0},
    {HEBB_I8, 127.9, 127},
    {HEBB_I8, -300, -128},
    {HEBB_BOOL, 0.5, 1},
    {HEBB_BOOL, 0, 0},
};

Test(arrays, hold_the_nearest_value) {
    for (size_t i = 0; i < COUNT(elements); i++) {
        hebb_array a = hebb_array_zeros(elements[i].dtype, HEBB_SHAPE(3));
        cr_expect_eq(hebb_array_set(&a, 1, elements[i].set), HEBB_OK);
        double got = hebb_array_at(&a, 1), want = elements[i].get;
        cr_expect(got == want || (isnan(got) && isnan(want)), "%s: %g becomes %.17g, not %.17g",
                  hebb_dtype_name(elements[i].dtype), elements[i].set, got, want);
        cr_expect(hebb_array_at(&a, 0) == 0 && hebb_array_at(&a, 2) == 0);
        hebb_array_free(&a);
    }
}

Test(arrays, have_no_other_elements) {
    hebb_array a = hebb_array_zeros(HEBB_F16, HEBB_SHAPE(2)), none = {0};
    cr_expect_eq(hebb_array_bytes(&a), 4);
    cr_expect_eq(hebb_array_set(&a, 2, 1), HEBB_E_ARGUMENT);
    cr_expect_eq(hebb_array_set(&a, -1, 1), HEBB_E_ARGUMENT);
    cr_expect_eq(hebb_array_set(&none, 0, 1), HEBB_E_NULL);
    cr_expect_eq(hebb_array_set(NULL, 0, 1), HEBB_E_NULL);
    hebb_array_free(&a);
}

Test(names, of_all_dtypes) {
    static const char *const names[HEBB_DTYPES] = {"f32",  "f64", "i32",  "i64", "u8",
                                                   "bool", "f16", "bf16", "i8"};
    for (int t = 0; t < HEBB_DTYPES; t++) {
        cr_expect_str_eq(hebb_dtype_name((hebb_dtype)t), names[t]);
        cr_expect_eq(hebb_dtype_floating((hebb_dtype)t), is_floating((hebb_dtype)t));
    }
    cr_expect_not(hebb_dtype_floating((hebb_dtype)HEBB_DTYPES));
}

/* ---- rounding ---- */

#define LENGTH 5000

static hebb_array drawn(hebb_dtype dtype, double low, double high, uint64_t seed) {
    values v = values_make(dtype, HEBB_SHAPE(LENGTH));
    rng r = {seed};
    for (int64_t i = 0; i < v.count; i++) v.at[i].f = rng_real(&r, low, high);
    return values_to_array(&v);
}

/* Products, sums and differences of two numbers, rounded once to float32 and again, are what they
   would be if rounded at once: every result is known to the last bit. */
static hebb_tensor *chain(hebb_tensor *a, hebb_tensor *b) {
    hebb_tensor *p = hebb_mul(a, b), *q = hebb_sub(hebb_add(p, a), hebb_neg(b));
    return hebb_maximum(hebb_mul(q, p), hebb_abs(hebb_sub(p, b)));
}

static double chain_of(double a, double b, hebb_dtype t) {
    double p = half_round(a * b, t);
    double q = half_round(half_round(p + a, t) + b, t);
    return fmax(half_round(q * p, t), fabs(half_round(p - b, t)));
}

static void expect_chain(const char *name, hebb_dtype dtype, unsigned without) {
    hebb_device *device = kept_device(name);
    hebb_graph *g = hebb_graph_create();
    hebb_session *s = hebb_session_create(g, device, .without = without);
    hebb_array a = drawn(dtype, -3, 3, 1), b = drawn(dtype, -3, 3, 2), y = {0};
    hebb_tensor *ta = hebb_input(g, "a", dtype, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *tb = hebb_input(g, "b", dtype, HEBB_SHAPE(HEBB_ANY));
    hebb_run(s, HEBB_FEED({ta, &a}, {tb, &b}), HEBB_FETCH({chain(ta, tb), &y}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    for (int64_t i = 0; i < LENGTH; i++) {
        double want = chain_of(hebb_array_at(&a, i), hebb_array_at(&b, i), dtype);
        cr_assert_eq(hebb_array_at(&y, i), want, "%s on %s (%u), element %d: %.17g, not %.17g",
                     hebb_dtype_name(dtype), name, without, (int)i, hebb_array_at(&y, i), want);
    }
    hebb_plan_stats stats;
    hebb_session_stats(s, &stats);
    cr_expect(without != 0 || stats.steps == 1, "%zu steps", stats.steps);
    hebb_array_free(&y);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

static void expect_chains(const char *name) {
    for (int d = 0; d < 2; d++) {
        expect_chain(name, halves[d], 0);
        expect_chain(name, halves[d], HEBB_NO_FUSION);
        expect_chain(name, halves[d], HEBB_NO_PASSES);
    }
}
Test(rounding, follows_every_op_on_cpu) { expect_chains("cpu"); }
Test(rounding, follows_every_op_on_opencl) { expect_chains("opencl"); }

/* What the plan computes once is what a device would have computed. */
static void expect_constants(const char *name) {
    calc c = calc_open(name);
    hebb_tensor *x = hebb_full(c.graph, HEBB_F16, HEBB_SHAPE(2), 0.1);
    EXPECT_VALUES(&c, x, 0, 0.0999755859375, 0.0999755859375);
    EXPECT_VALUES(&c, hebb_add(x, x), 0, 0.199951171875, 0.199951171875);
    EXPECT_VALUES(&c, hebb_cast(hebb_full(c.graph, HEBB_I32, HEBB_SCALAR, 2049), HEBB_F16), 0,
                  2048);
    EXPECT_VALUES(&c, hebb_cast(hebb_full(c.graph, HEBB_I32, HEBB_SCALAR, 100000), HEBB_F16), 0,
                  INFINITY);
    EXPECT_VALUES(&c, hebb_cast(hebb_full(c.graph, HEBB_F64, HEBB_SCALAR, 257), HEBB_BF16), 0, 256);
    EXPECT_VALUES(&c, hebb_cast(hebb_full(c.graph, HEBB_I32, HEBB_SCALAR, 200), HEBB_I8), 0, -56);
    EXPECT_VALUES(&c, hebb_cast(hebb_full(c.graph, HEBB_F16, HEBB_SCALAR, -1.5), HEBB_I8), 0, -1);
    hebb_tensor *i = hebb_full(c.graph, HEBB_I8, HEBB_SCALAR, -128);
    EXPECT_VALUES(&c, hebb_neg(i), 0, -128);
    EXPECT_VALUES(&c, hebb_sub(i, hebb_scalar_like(i, 1)), 0, 127);
    EXPECT_VALUES(&c, hebb_mul(i, hebb_scalar_like(i, 3)), 0, -128);
    EXPECT_VALUES(&c, hebb_div(i, hebb_scalar_like(i, -1)), 0, -128);
    calc_close(&c);
}
Test(constants, are_like_computed_values_on_cpu) { expect_constants("cpu"); }
Test(constants, are_like_computed_values_on_opencl) { expect_constants("opencl"); }

Test(constants, of_i8_have_a_range) {
    hebb_graph *g = hebb_graph_create();
    cr_expect_not(hebb_tensor_is_inert(hebb_full(g, HEBB_I8, HEBB_SCALAR, -128.5)));
    hebb_full(g, HEBB_I8, HEBB_SCALAR, 128);
    cr_expect_eq(hebb_graph_status(g), HEBB_E_ARGUMENT, "%s", hebb_message(g));
    hebb_graph_destroy(g);
}

/* ---- sums ---- */

/* Sums of more ones than the dtype counts to in steps of one: 2048, or 256. */
static void expect_sums(const char *name, hebb_dtype dtype) {
    calc c = calc_open(name);
    double many = dtype == HEBB_F16 ? 5000 : 320;
    int64_t n = (int64_t)many;
    hebb_tensor *zero = hebb_variable(c.graph, "zero", dtype, HEBB_SHAPE(3), hebb_zeros());
    hebb_tensor *one = hebb_variable(c.graph, "one", dtype, HEBB_SHAPE(n), hebb_ones());
    EXPECT_VALUES(&c, hebb_sum(one, HEBB_ALL_AXES, false), 0, many);
    hebb_tensor *row = hebb_reshape(one, HEBB_SHAPE(1, n));
    EXPECT_VALUES(&c, hebb_matmul(row, hebb_transpose(row, NULL, 0)), 0, many);
    EXPECT_VALUES(&c,
                  hebb_sum(hebb_broadcast_to(hebb_reshape(one, HEBB_SHAPE(n, 1)), HEBB_SHAPE(n, 2)),
                           HEBB_AXES(0), false),
                  0, many, many);
    hebb_tensor *index = hebb_zeros_like(hebb_cast(one, HEBB_I32));
    EXPECT_VALUES(&c, hebb_scatter_add(zero, index, one), 0, many, 0, 0);
    EXPECT_VALUES(&c, hebb_gradient(hebb_gather(zero, index), zero), 0, many, 0, 0);
    /* Neither the sum nor the count of these is a number of f16. */
    hebb_tensor *two = hebb_full(c.graph, dtype, HEBB_SHAPE(300, 300), 2);
    EXPECT_VALUES(&c, hebb_mean(two, HEBB_ALL_AXES, false), 0, 2);
    calc_close(&c);
}
Test(sums, are_of_float32_on_cpu) {
    for (int d = 0; d < 2; d++) expect_sums("cpu", halves[d]);
}
Test(sums, are_of_float32_on_opencl) {
    for (int d = 0; d < 2; d++) expect_sums("opencl", halves[d]);
}

Test(sums, that_no_f16_holds) {
    calc c = calc_open("cpu");
    hebb_tensor *x = hebb_full(c.graph, HEBB_F16, HEBB_SHAPE(300, 300), 2);
    EXPECT_VALUES(&c, hebb_sum(x, HEBB_ALL_AXES, false), 0, INFINITY);
    hebb_array out = {0};
    hebb_run(c.session, HEBB_NO_FEED, HEBB_FETCH({hebb_size(x, HEBB_ALL_AXES, HEBB_F16), &out}));
    cr_expect_eq(hebb_session_status(c.session), HEBB_E_ARGUMENT);
    EXPECT_VALUES(&c, hebb_size(x, HEBB_ALL_AXES, HEBB_BF16), 0, 90112);
    calc_close(&c);
}

/* ---- loops ---- */

static void running_sum(hebb_scan_frame *f) {
    f->next[0] = f->out[0] = hebb_add(f->state[0], f->in[0]);
}

/* What is carried is rounded in each iteration. */
static void expect_loops(const char *name) {
    enum { TIMES = 4 };
    const double x[TIMES] = {2047, 1, 1.5, 0.25};
    for (int d = 0; d < 2; d++) {
        calc c = calc_open(name);
        double sum[TIMES], last = 0;
        for (int k = 0; k < TIMES; k++)
            sum[k] = last = half_round(last + half_round(x[k], halves[d]), halves[d]);
        hebb_tensor *in = hebb_cast(vector_f64(c.graph, x, TIMES), halves[d]), *end, *all;
        hebb_scan(&end, &all, .body = running_sum,
                  .states = HEBB_LIST(hebb_full(c.graph, halves[d], HEBB_SCALAR, 0)),
                  .sequences = HEBB_LIST(in), .n_out = 1);
        expect_values(&c, all, sum, TIMES, 0, __FILE__, __LINE__);
        EXPECT_VALUES(&c, end, 0, last);
        EXPECT_VALUES(&c, hebb_gradient(all, in), 0, 4, 3, 2, 1);
        calc_close(&c);
    }
}
Test(loops, carry_what_is_stored_on_cpu) { expect_loops("cpu"); }
Test(loops, carry_what_is_stored_on_opencl) { expect_loops("opencl"); }

/* ---- numbers made ---- */

static void fetch(calc *c, hebb_tensor *t, hebb_array *out) {
    hebb_run(c->session, HEBB_NO_FEED, HEBB_FETCH({t, out}));
    cr_assert_not(hebb_failed(c->session), "%s", hebb_message(c->session));
}

static void expect_random(const char *name, hebb_dtype dtype, hebb_array *uniform,
                          hebb_array *normal) {
    calc c = calc_open(name);
    const double units = dtype == HEBB_F16 ? 2048 : 256;
    const int64_t n = 100000;
    double mean = 0, square = 0;
    fetch(&c, hebb_random_uniform(c.graph, dtype, HEBB_SHAPE(n)), uniform);
    fetch(&c, hebb_random_normal(c.graph, dtype, HEBB_SHAPE(n)), normal);
    for (int64_t i = 0; i < n; i++) {
        double u = hebb_array_at(uniform, i), x = hebb_array_at(normal, i);
        cr_assert(u >= 0 && u < 1 && u * units == floor(u * units), "%g", u);
        mean += (u + 0.5 / units) / (double)n;
        square += x * x / (double)n;
    }
    cr_expect_float_eq(mean, 0.5, 0.005);
    cr_expect_float_eq(square, 1, 0.02);
    calc_close(&c);
}

Test(random, numbers_are_those_of_both_backends) {
    for (int d = 0; d < 2; d++) {
        hebb_array a[2] = {{0}}, b[2] = {{0}};
        expect_random("cpu", halves[d], &a[0], &a[1]);
        expect_random("opencl", halves[d], &b[0], &b[1]);
        for (int64_t i = 0; i < hebb_array_count(&a[0]); i++)
            cr_assert_eq(hebb_array_at(&a[0], i), hebb_array_at(&b[0], i));
        for (int64_t i = 0; i < hebb_array_count(&a[1]); i++) {
            double x = hebb_array_at(&a[1], i), y = hebb_array_at(&b[1], i);
            cr_assert(fabs(x - y) <= half_epsilon(halves[d]) * fmax(fabs(x), 1e-4), "%g, %g", x, y);
        }
        for (int k = 0; k < 2; k++) {
            hebb_array_free(&a[k]);
            hebb_array_free(&b[k]);
        }
    }
}

static void expect_sources(const char *name) {
    calc c = calc_open(name);
    hebb_tensor *i = hebb_cast(VECTOR(c.graph, 1, -1, 2), HEBB_I32);
    for (int t = 0; t < HEBB_DTYPES; t++)
        if (t != HEBB_F64 || hebb_device_get_info(c.device).f64)
            EXPECT_VALUES(&c, hebb_one_hot(i, 3, (hebb_dtype)t), 0, 0, 1, 0, 0, 0, 0, 0, 0, 1);
    EXPECT_VALUES(&c, hebb_iota_like(i, 0, HEBB_F16), 0, 0, 1, 2);
    EXPECT_VALUES(&c, hebb_iota_like(i, 0, HEBB_I8), 0, 0, 1, 2);
    EXPECT_VALUES(&c, hebb_argmax(hebb_cast(i, HEBB_BF16), 0, false), 0, 2);
    /* A variable: written by a run, read back, set. */
    hebb_tensor *v = hebb_variable(c.graph, "v", HEBB_F16, HEBB_SHAPE(2), hebb_constant_value(0.1));
    hebb_array value = {0};
    EXPECT_VALUES(&c, hebb_assign(v, hebb_add(v, v)), 0, 0.199951171875, 0.199951171875);
    hebb_session_get(c.session, v, &value);
    cr_expect(value.dtype == HEBB_F16 && hebb_array_item(&value) == 0.199951171875);
    hebb_array_set(&value, 1, -7);
    cr_expect_eq(hebb_session_set(c.session, v, &value), HEBB_OK);
    EXPECT_VALUES(&c, v, 0, 0.199951171875, -7);
    hebb_array_free(&value);
    calc_close(&c);
}
Test(sources, of_every_dtype_on_cpu) { expect_sources("cpu"); }
Test(sources, of_every_dtype_on_opencl) { expect_sources("opencl"); }

/* ---- gradients and training ---- */

/* The gradient of an f16 tensor is f16, and near that of the same numbers in float32. */
static void expect_gradients(const char *name, hebb_dtype dtype) {
    calc c = calc_open(name);
    hebb_array exact[2] = {{0}}, rounded[2] = {{0}};
    for (int k = 0; k < 2; k++) {
        hebb_dtype t = k == 0 ? HEBB_F32 : dtype;
        hebb_tensor *x = hebb_cast(VECTOR(c.graph, 0.5, -1.25, 2, 0.75, -0.375, 1.5), t);
        hebb_tensor *w = hebb_cast(VECTOR(c.graph, 0.25, 1, -0.5, 0.125, 0.5, -2), t), *grad[2];
        hebb_tensor *h =
            hebb_matmul(hebb_reshape(x, HEBB_SHAPE(2, 3)), hebb_reshape(w, HEBB_SHAPE(3, 2)));
        hebb_tensor *y = hebb_mean(hebb_square(hebb_tanh(h)), HEBB_ALL_AXES, false);
        y = hebb_add(y, hebb_sum(hebb_softmax(hebb_mul(x, w)), HEBB_AXES(0), false));
        y = hebb_add(
            y, hebb_cast(hebb_square(hebb_cast(hebb_max(x, HEBB_ALL_AXES, false), HEBB_F32)), t));
        hebb_gradients(&y, 1, (hebb_tensor *[]){x, w}, 2, NULL, grad);
        cr_assert_not(hebb_failed(c.graph), "%s", hebb_message(c.graph));
        for (int i = 0; i < 2; i++) {
            cr_expect_eq(hebb_tensor_dtype(grad[i]), t);
            fetch(&c, grad[i], k == 0 ? &exact[i] : &rounded[i]);
        }
    }
    for (int i = 0; i < 2; i++) {
        for (int64_t e = 0; e < 6; e++)
            cr_expect_float_eq(hebb_array_at(&exact[i], e), hebb_array_at(&rounded[i], e),
                               8 * half_epsilon(dtype), "%s on %s, x %d, element %d: %g, %g",
                               hebb_dtype_name(dtype), name, i, (int)e, hebb_array_at(&exact[i], e),
                               hebb_array_at(&rounded[i], e));
        hebb_array_free(&exact[i]);
        hebb_array_free(&rounded[i]);
    }
    calc_close(&c);
}
Test(gradients, are_of_the_tensors_dtype_on_cpu) {
    for (int d = 0; d < 2; d++) expect_gradients("cpu", halves[d]);
}
Test(gradients, are_of_the_tensors_dtype_on_opencl) {
    for (int d = 0; d < 2; d++) expect_gradients("opencl", halves[d]);
}

#define STEPS 120

/* Two layers whose activations and products are of `inner`, with weights of `weights`. */
static model mixed_model(hebb_dtype inner, hebb_dtype weights, hebb_optimizer optimizer) {
    model m = {.graph = hebb_graph_create()};
    m.x = hebb_input(m.graph, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, MODEL_FEATURES));
    m.label = hebb_input(m.graph, "label", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *h = hebb_cast(m.x, inner);
    const int64_t sizes[] = {MODEL_FEATURES, 16, MODEL_CLASSES};
    for (int k = 0; k < 2; k++) {
        const char *names[][2] = {{"w1", "b1"}, {"w2", "b2"}};
        hebb_tensor *w = hebb_variable(m.graph, names[k][0], weights,
                                       HEBB_SHAPE(sizes[k], sizes[k + 1]), hebb_glorot_uniform());
        hebb_tensor *b =
            hebb_variable(m.graph, names[k][1], weights, HEBB_SHAPE(sizes[k + 1]), hebb_zeros());
        h = hebb_add(hebb_matmul(h, hebb_cast(w, inner)), hebb_cast(b, inner));
        if (k == 0) h = hebb_relu(h);
    }
    m.logits = hebb_cast(h, HEBB_F32);
    m.loss = hebb_sparse_softmax_cross_entropy(m.logits, m.label);
    m.step = hebb_minimize(m.loss, optimizer);
    return m;
}

static void train(const char *name, hebb_dtype inner, hebb_dtype weights, hebb_optimizer optimizer,
                  unsigned without, float *losses) {
    hebb_device *device = kept_device(name);
    model m = mixed_model(inner, weights, optimizer);
    cr_assert_not(hebb_failed(m.graph), "%s", hebb_message(m.graph));
    hebb_session *s = hebb_session_create(m.graph, device, .seed = 3, .without = without);
    model_train(&m, s, STEPS, losses);
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    hebb_tensor *moment = hebb_graph_find(m.graph, "w1/adam_m");
    if (moment != NULL) cr_expect_eq(hebb_tensor_dtype(moment), HEBB_F32);
    hebb_session_destroy(s);
    hebb_graph_destroy(m.graph);
}

static double mean_of(const float *x, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += x[i];
    return sum / n;
}

static void expect_learning(const char *name) {
    const hebb_optimizer optimizers[] = {hebb_sgd(.learning_rate = 0.1, .momentum = 0.5),
                                         hebb_adam(.learning_rate = 0.02)};
    for (int d = 0; d < 2; d++)
        for (int w = 0; w < 2; w++)
            for (int o = 0; o < 2; o++) {
                if (strcmp(name, "cpu") != 0 && w != o)
                    continue; /* half of them: builds take long */
                float losses[STEPS];
                train(name, halves[d], w == 0 ? HEBB_F32 : halves[d], optimizers[o], 0, losses);
                double first = mean_of(losses, 10), last = mean_of(losses + STEPS - 10, 10);
                cr_expect_lt(last, first / 3, "%s, weights %d, optimizer %d on %s: %g to %g",
                             hebb_dtype_name(halves[d]), w, o, name, first, last);
            }
}
Test(training, in_half_precision_on_cpu) { expect_learning("cpu"); }
Test(training, in_half_precision_on_opencl) { expect_learning("opencl"); }

/* The same curve as in float32, on both backends and without passes, as near as rounding allows. */
Test(training, is_that_of_float32) {
    float exact[STEPS], losses[STEPS];
    hebb_optimizer adam = hebb_adam(.learning_rate = 0.01);
    train("cpu", HEBB_F32, HEBB_F32, adam, 0, exact);
    for (int k = 0; k < 3; k++) {
        train(k == 1 ? "opencl" : "cpu", HEBB_F16, HEBB_F32, adam, k == 2 ? HEBB_NO_PASSES : 0,
              losses);
        for (int i = 0; i < STEPS; i++)
            cr_expect_float_eq(exact[i], losses[i], 0.01, "step %d of %d: %g, %g", i, k, exact[i],
                               losses[i]);
    }
}
