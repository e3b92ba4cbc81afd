/* Users' elementwise ops beyond their values and gradients, which the table of samples has: that
   they are fused like other ops, on both backends; that equal ones are one; what their errors say.
   Ops with a shape rule of their own are in test_custom.c. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/calc.h"

#include <hebb/elementwise.h>

HEBB_ELEMENTWISE(swish, (x), x / (1 + exp(-x)));
static void swish_gradient(hebb_grad *d) {
    hebb_tensor *s = hebb_sigmoid(d->x[0]), *one = hebb_scalar_like(s, 1);
    d->dx[0] = hebb_mul(d->dy, hebb_add(s, hebb_mul(d->y, hebb_sub(one, s))));
}

/* Literals of every form, a call, commas, a parameter that is not used. */
HEBB_ELEMENTWISE_FORWARD(forms, (a, b, c, unused),
                         .5 * a + 1e-1 * b - 0x1p-2 * c + fmax(a, (hebb_real)0.25f) * 2 +
                             (b > 7 ? 1.e2f : 3 / 2));
static double real_forms(double a, double b, double c) {
    return .5 * a + 1e-1 * b - 0.25 * c + fmax(a, 0.25) * 2 + (b > 7 ? 100 : 1);
}

static double close_enough(hebb_dtype dtype, double value) {
    return (dtype == HEBB_F32 ? 2e-6 : 1e-13) * (1 + fabs(value));
}

/* ---- in loops ---- */

static void four_operands(const char *device) {
    for (hebb_dtype dtype = HEBB_F32; dtype <= HEBB_F64; dtype++) {
        calc on = calc_open(device);
        hebb_array value = drawn_reals(dtype, HEBB_SHAPE(5, 33));
        hebb_tensor *x = hebb_input(on.graph, "x", dtype, HEBB_SHAPE(HEBB_ANY, 33));
        hebb_tensor *b = hebb_mul(x, hebb_scalar_like(x, 5)), *c = hebb_exp(x);
        hebb_tensor *y = hebb_apply(&forms, x, b, c, hebb_scalar_like(x, 1));
        hebb_array got = calc_fed(&on, x, &value, y, NULL);
        for (int64_t i = 0; i < 5 * 33; i++) {
            double a = hebb_array_at(&value, i), expected = real_forms(a, 5 * a, exp(a));
            cr_expect(fabs(hebb_array_at(&got, i) - expected) <= close_enough(dtype, expected),
                      "%s on %s: %g, not %g", hebb_dtype_name(dtype), device,
                      hebb_array_at(&got, i), expected);
        }
        hebb_array_free(&got);
        calc_close(&on);
    }
}

Test(elementwise, four_operands_cpu) { four_operands("cpu"); }
Test(elementwise, four_operands_opencl) { four_operands("opencl"); }

static double real_swish(double x) { return x / (1 + exp(-x)); }

/* A chain, twice the op, is one step. */
static void fused_chain(const char *device) {
    calc on = calc_open(device);
    size_t steps;
    hebb_array value = drawn_reals(HEBB_F32, HEBB_SHAPE(3000));
    hebb_tensor *x = hebb_input(on.graph, "x", HEBB_F32, HEBB_SHAPE(3000));
    hebb_tensor *y = hebb_add(hebb_apply(&swish, hebb_mul(x, x)), x);
    y = hebb_tanh(hebb_apply(&swish, y));
    hebb_array got = calc_fed(&on, x, &value, y, &steps);
    cr_expect_eq(steps, 1, "%zu steps", steps);
    for (int64_t i = 0; i < 3000; i++) {
        double a = hebb_array_at(&value, i), expected = tanh(real_swish(real_swish(a * a) + a));
        cr_expect_float_eq(hebb_array_at(&got, i), expected, 2e-6);
    }
    hebb_array_free(&got);
    calc_close(&on);
}

Test(elementwise, fused_chain_cpu) { fused_chain("cpu"); }
Test(elementwise, fused_chain_opencl) { fused_chain("opencl"); }

/* Before and after a reduction, long enough for one in two stages, and in a product's epilogue. */
static void fused_with_others(const char *device) {
    enum { N = 300000 };
    calc on = calc_open(device);
    size_t steps;
    hebb_array value = drawn_reals(HEBB_F64, HEBB_SHAPE(N));
    hebb_tensor *x = hebb_input(on.graph, "x", HEBB_F64, HEBB_SHAPE(N));
    hebb_tensor *mean = hebb_mean(hebb_apply(&swish, x), HEBB_ALL_AXES, false);
    hebb_array got = calc_fed(&on, x, &value, hebb_apply(&swish, mean), &steps);
    double sum = 0;
    for (int64_t i = 0; i < N; i++) sum += real_swish(hebb_array_at(&value, i));
    cr_expect_eq(steps, 1, "%zu steps", steps);
    cr_expect_float_eq(hebb_array_item(&got), real_swish(sum / N), 1e-12);
    hebb_array_free(&got);

    hebb_array pair = drawn_reals(HEBB_F64, HEBB_SHAPE(7, 7));
    hebb_tensor *a = hebb_input(on.graph, "a", HEBB_F64, HEBB_SHAPE(7, 7));
    hebb_tensor *c = hebb_apply(&swish, hebb_matmul(a, a));
    got = calc_fed(&on, a, &pair, c, &steps);
    cr_expect_eq(steps, 1, "%zu steps", steps);
    for (int i = 0; i < 49; i++) {
        double product = 0;
        for (int k = 0; k < 7; k++)
            product += hebb_array_at(&pair, i / 7 * 7 + k) * hebb_array_at(&pair, k * 7 + i % 7);
        cr_expect_float_eq(hebb_array_at(&got, i), real_swish(product), 1e-12);
    }
    hebb_array_free(&got);
    calc_close(&on);
}

Test(elementwise, fused_with_others_cpu) { fused_with_others("cpu"); }
Test(elementwise, fused_with_others_opencl) { fused_with_others("opencl"); }

/* Halves are computed with as f32, and rounded once. */
static void halves(const char *device) {
    calc on = calc_open(device);
    hebb_array value = drawn_reals(HEBB_F32, HEBB_SHAPE(100));
    hebb_tensor *x = hebb_input(on.graph, "x", HEBB_F32, HEBB_SHAPE(100));
    hebb_tensor *half = hebb_cast(x, HEBB_F16), *y = hebb_apply(&swish, half);
    cr_expect_eq(hebb_tensor_dtype(y), HEBB_F16);
    hebb_tensor *wide = hebb_cast(hebb_apply(&swish, hebb_cast(half, HEBB_F32)), HEBB_F16);
    hebb_tensor *same = hebb_cast(hebb_sub(y, wide), HEBB_F32);
    hebb_array got = calc_fed(&on, x, &value, same, NULL);
    for (int i = 0; i < 100; i++) cr_expect_eq(hebb_array_at(&got, i), 0);
    hebb_array_free(&got);
    calc_close(&on);
}

Test(elementwise, halves_cpu) { halves("cpu"); }
Test(elementwise, halves_opencl) { halves("opencl"); }

HEBB_ELEMENTWISE_FORWARD(square, (x), x *x);

/* Two ops of one name and different texts in one plan, and constants as operands. */
static void same_name(const char *device) {
    calc on = calc_open(device);
    hebb_elementwise other = swish;
    float two = 2;
    other.text = square.text;
    other.f32 = square.f32;
    hebb_array value = hebb_array_view(&two, HEBB_F32, HEBB_SHAPE(1));
    hebb_tensor *x = hebb_input(on.graph, "x", HEBB_F32, HEBB_SHAPE(1));
    hebb_tensor *y = hebb_sub(hebb_apply(&swish, x), hebb_apply(&other, x));
    y = hebb_add(y, hebb_apply(&swish, hebb_scalar_like(x, 1)));
    hebb_array got = calc_fed(&on, x, &value, y, NULL);
    cr_expect_float_eq(hebb_array_item(&got), real_swish(2) - 4 + real_swish(1), 2e-6);
    hebb_array_free(&got);
    calc_close(&on);
}

Test(elementwise, same_name_cpu) { same_name("cpu"); }
Test(elementwise, same_name_opencl) { same_name("opencl"); }

/* The op is copied: it may go, and change, once it has been applied; equal applications are one. */
Test(elementwise, is_copied_and_shared) {
    calc on = calc_open("cpu");
    size_t steps;
    char name[8] = "swish", text[] = "x / (1 + exp(-x))";
    hebb_elementwise mine = swish;
    mine.name = name;
    mine.text = text;
    hebb_tensor *x = hebb_input(on.graph, "x", HEBB_F32, HEBB_SHAPE(4));
    hebb_tensor *y = hebb_apply(&mine, x);
    memset(name, 0, sizeof name);
    memset(text, 0, sizeof text);
    mine.f32 = NULL;
    cr_expect_str_eq(hebb_tensor_name(y), "swish:1");
    cr_expect_str_eq(hebb_tensor_op(y), "apply");
    hebb_array value = drawn_reals(HEBB_F32, HEBB_SHAPE(4));
    hebb_tensor *none = hebb_sub(y, hebb_apply(&swish, x));
    hebb_array got = calc_fed(&on, x, &value, none, &steps);
    for (int i = 0; i < 4; i++) cr_expect_eq(hebb_array_at(&got, i), 0);
    hebb_plan_stats stats;
    hebb_session_stats(on.session, &stats);
    cr_expect_eq(stats.nodes, 3, "x, one swish, the difference: %zu", stats.nodes);
    hebb_array_free(&got);
    calc_close(&on);
}

/* ---- errors ---- */

static void wrong_dtype_gradient(hebb_grad *d) { d->dx[0] = hebb_cast(d->dy, HEBB_F32); }
static void wrong_shape_gradient(hebb_grad *d) {
    d->dx[0] = hebb_full(hebb_tensor_graph(d->y), HEBB_F64, HEBB_SHAPE(5), 1);
}
static hebb_graph *other_graph;
static void wrong_graph_gradient(hebb_grad *d) {
    d->dx[0] = hebb_full(other_graph, HEBB_F64, HEBB_SHAPE(4), 1);
}
static void half_gradient(hebb_grad *d) { d->dx[0] = NULL; }

#define GRAPH()                                                                                    \
    hebb_graph *g = hebb_graph_create();                                                           \
    hebb_tensor *x = hebb_input(g, "x", HEBB_F64, HEBB_SHAPE(4));                                  \
    (void)x

Test(elementwise, errors) {
    other_graph = hebb_graph_create();
    {
        GRAPH();
        hebb_apply(&forms, x, x);
        expect_graph_error(g, HEBB_E_ARGUMENT, "forms: 2 operands where it takes 4");
    }
    {
        GRAPH();
        hebb_apply(&swish, hebb_cast(x, HEBB_I32));
        expect_graph_error(g, HEBB_E_DTYPE, "i32 is not floating");
    }
    {
        GRAPH();
        hebb_apply(&forms, x, x, x, hebb_cast(x, HEBB_F32));
        expect_graph_error(g, HEBB_E_DTYPE, "forms(x f64 [4]");
    }
    {
        GRAPH();
        hebb_apply(&forms, x, x, x, hebb_full(g, HEBB_F64, HEBB_SHAPE(3), 1));
        expect_graph_error(g, HEBB_E_SHAPE, "do not broadcast");
    }
    {
        GRAPH();
        hebb_apply(NULL, x);
        expect_graph_error(g, HEBB_E_NULL, "the op is NULL");
    }
    {
        GRAPH();
        hebb_elementwise bad = swish;
        bad.name = "a b";
        hebb_apply(&bad, x);
        expect_graph_error(g, HEBB_E_ARGUMENT, "name");
    }
    {
        GRAPH();
        hebb_elementwise bad = swish;
        bad.parameters = "(x, y)";
        hebb_apply(&bad, x);
        expect_graph_error(g, HEBB_E_ARGUMENT, "parameters (x, y)");
    }
    {
        GRAPH();
        hebb_elementwise bad = swish;
        bad.parameters = NULL;
        hebb_apply(&bad, x);
        expect_graph_error(g, HEBB_E_ARGUMENT, "parameters NULL");
    }
    {
        GRAPH();
        hebb_gradient(hebb_apply(&forms, x, x, x, x), x);
        expect_graph_error(g, HEBB_E_GRADIENT, "forms:1 (forms) has no gradient");
    }
    {
        GRAPH();
        hebb_elementwise bad = swish;
        bad.gradient = wrong_dtype_gradient;
        hebb_gradient(hebb_apply(&bad, x), x);
        expect_graph_error(g, HEBB_E_DTYPE, "the rule of swish gives dx[0] of dtype f32");
    }
    {
        GRAPH();
        hebb_elementwise bad = swish;
        bad.gradient = wrong_shape_gradient;
        hebb_gradient(hebb_apply(&bad, x), x);
        expect_graph_error(g, HEBB_E_SHAPE, "the rule of swish gives dx[0] of shape [5] for x [4]");
    }
    {
        GRAPH();
        hebb_elementwise bad = swish;
        bad.gradient = wrong_graph_gradient;
        hebb_gradient(hebb_apply(&bad, x), x);
        expect_graph_error(g, HEBB_E_GRAPH, "another graph");
    }
    hebb_graph_destroy(other_graph);
    cr_expect_null(hebb_apply_at(NULL, 0, &swish, NULL, 1));
}

/* Left out is zero. */
Test(elementwise, no_cotangent) {
    calc on = calc_open("cpu");
    hebb_elementwise flat = swish;
    flat.gradient = half_gradient;
    hebb_tensor *x = hebb_input(on.graph, "x", HEBB_F32, HEBB_SHAPE(3));
    hebb_array value = drawn_reals(HEBB_F32, HEBB_SHAPE(3));
    hebb_array got = calc_fed(&on, x, &value, hebb_gradient(hebb_apply(&flat, x), x), NULL);
    for (int i = 0; i < 3; i++) cr_expect_eq(hebb_array_at(&got, i), 0);
    hebb_array_free(&got);
    calc_close(&on);
}

/* What the device cannot do is said when the plan is made. */
static void unsupported(const char *device, const hebb_elementwise *op, hebb_status status,
                        const char *words) {
    calc on = calc_open(device);
    hebb_tensor *x = hebb_input(on.graph, "x", HEBB_F32, HEBB_SHAPE(3));
    hebb_array value = drawn_reals(HEBB_F32, HEBB_SHAPE(3));
    hebb_run(on.session, HEBB_FEED({x, &value}), HEBB_FETCH({hebb_apply(op, x), NULL}));
    cr_expect_eq(hebb_session_status(on.session), status, "%s", hebb_message(on.session));
    cr_expect_not_null(strstr(hebb_message(on.session), words), "%s", hebb_message(on.session));
    cr_expect_not_null(strstr(hebb_message(on.session), device), "%s", hebb_message(on.session));
    /* The session is still good. */
    hebb_run(on.session, HEBB_FEED({x, &value}), HEBB_FETCH({hebb_apply(&swish, x), NULL}));
    cr_expect_not(hebb_failed(on.session), "%s", hebb_message(on.session));
    calc_close(&on);
}

Test(elementwise, no_function) {
    hebb_elementwise op = swish;
    op.f32 = NULL;
    unsupported("cpu", &op, HEBB_E_UNSUPPORTED, "op swish has no C function for f32");
}

Test(elementwise, no_text) {
    hebb_elementwise op = swish;
    op.text = NULL;
    unsupported("opencl", &op, HEBB_E_UNSUPPORTED, "op swish has no OpenCL text");
}

Test(elementwise, text_does_not_compile) {
    hebb_elementwise op = swish;
    op.text = "x / (1 + nonsense(-x))";
    unsupported("opencl", &op, HEBB_E_DEVICE, "nonsense");
}
