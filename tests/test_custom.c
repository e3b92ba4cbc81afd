/* Users' ops beyond their values and gradients, which the table of samples has: that they are fused
   like other ops, on both backends; that equal ones are one; what their errors say. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/devices.h"
#include "../checks/values.h"

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

typedef struct bench {
    hebb_graph *g;
    hebb_device *device;
    hebb_session *s;
} bench;

static bench bench_open(const char *device) {
    bench b = {.g = hebb_graph_create(), .device = device_named(device)};
    b.s = hebb_session_create(b.g, b.device, .seed = 3);
    return b;
}

static void bench_close(bench *b) {
    hebb_session_destroy(b->s);
    hebb_device_close(b->device);
    hebb_graph_destroy(b->g);
}

static hebb_array drawn(hebb_dtype dtype, hebb_shape shape) {
    rng r = {17};
    values v = values_make(dtype, shape);
    values_fill(&v, REALS, 1, 0, &r);
    return values_to_array(&v);
}

static double close_enough(hebb_dtype dtype, double value) {
    return (dtype == HEBB_F32 ? 2e-6 : 1e-13) * (1 + fabs(value));
}

/* Computes y of one fed x and returns it; *steps is how many the plan has. */
static hebb_array compute(bench *on, hebb_tensor *x, const hebb_array *value, hebb_tensor *y,
                          size_t *steps) {
    hebb_array result = {0};
    hebb_plan_stats stats;
    hebb_run(on->s, HEBB_FEED({x, value}), HEBB_FETCH({y, &result}));
    cr_assert_not(hebb_failed(on->s), "%s", hebb_message(on->s));
    hebb_session_stats(on->s, &stats);
    if (steps != NULL) *steps = stats.steps;
    return result;
}

/* ---- elementwise ops in loops ---- */

static void four_operands(const char *device) {
    for (hebb_dtype dtype = HEBB_F32; dtype <= HEBB_F64; dtype++) {
        bench on = bench_open(device);
        hebb_array value = drawn(dtype, HEBB_SHAPE(5, 33));
        hebb_tensor *x = hebb_input(on.g, "x", dtype, HEBB_SHAPE(HEBB_ANY, 33));
        hebb_tensor *b = hebb_mul(x, hebb_scalar_like(x, 5)), *c = hebb_exp(x);
        hebb_tensor *y = hebb_apply(&forms, x, b, c, hebb_scalar_like(x, 1));
        hebb_array got = compute(&on, x, &value, y, NULL);
        for (int64_t i = 0; i < 5 * 33; i++) {
            double a = hebb_array_at(&value, i), expected = real_forms(a, 5 * a, exp(a));
            cr_expect(fabs(hebb_array_at(&got, i) - expected) <= close_enough(dtype, expected),
                      "%s on %s: %g, not %g", hebb_dtype_name(dtype), device,
                      hebb_array_at(&got, i), expected);
        }
        hebb_array_free(&got);
        bench_close(&on);
    }
}

Test(elementwise, four_operands_cpu) { four_operands("cpu"); }
Test(elementwise, four_operands_opencl) { four_operands("opencl"); }

static double real_swish(double x) { return x / (1 + exp(-x)); }

/* A chain, twice the op, is one step. */
static void fused_chain(const char *device) {
    bench on = bench_open(device);
    size_t steps;
    hebb_array value = drawn(HEBB_F32, HEBB_SHAPE(3000));
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_F32, HEBB_SHAPE(3000));
    hebb_tensor *y = hebb_add(hebb_apply(&swish, hebb_mul(x, x)), x);
    y = hebb_tanh(hebb_apply(&swish, y));
    hebb_array got = compute(&on, x, &value, y, &steps);
    cr_expect_eq(steps, 1, "%zu steps", steps);
    for (int64_t i = 0; i < 3000; i++) {
        double a = hebb_array_at(&value, i), expected = tanh(real_swish(real_swish(a * a) + a));
        cr_expect_float_eq(hebb_array_at(&got, i), expected, 2e-6);
    }
    hebb_array_free(&got);
    bench_close(&on);
}

Test(elementwise, fused_chain_cpu) { fused_chain("cpu"); }
Test(elementwise, fused_chain_opencl) { fused_chain("opencl"); }

/* Before and after a reduction, long enough for one in two stages, and in a product's epilogue. */
static void fused_with_others(const char *device) {
    enum { N = 300000 };
    bench on = bench_open(device);
    size_t steps;
    hebb_array value = drawn(HEBB_F64, HEBB_SHAPE(N));
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_F64, HEBB_SHAPE(N));
    hebb_tensor *mean = hebb_mean(hebb_apply(&swish, x), HEBB_ALL_AXES, false);
    hebb_array got = compute(&on, x, &value, hebb_apply(&swish, mean), &steps);
    double sum = 0;
    for (int64_t i = 0; i < N; i++) sum += real_swish(hebb_array_at(&value, i));
    cr_expect_eq(steps, 1, "%zu steps", steps);
    cr_expect_float_eq(hebb_array_item(&got), real_swish(sum / N), 1e-12);
    hebb_array_free(&got);

    hebb_array pair = drawn(HEBB_F64, HEBB_SHAPE(7, 7));
    hebb_tensor *a = hebb_input(on.g, "a", HEBB_F64, HEBB_SHAPE(7, 7));
    hebb_tensor *c = hebb_apply(&swish, hebb_matmul(a, a));
    got = compute(&on, a, &pair, c, &steps);
    cr_expect_eq(steps, 1, "%zu steps", steps);
    for (int i = 0; i < 49; i++) {
        double product = 0;
        for (int k = 0; k < 7; k++)
            product += hebb_array_at(&pair, i / 7 * 7 + k) * hebb_array_at(&pair, k * 7 + i % 7);
        cr_expect_float_eq(hebb_array_at(&got, i), real_swish(product), 1e-12);
    }
    hebb_array_free(&got);
    bench_close(&on);
}

Test(elementwise, fused_with_others_cpu) { fused_with_others("cpu"); }
Test(elementwise, fused_with_others_opencl) { fused_with_others("opencl"); }

/* Halves are computed with as f32, and rounded once. */
static void halves(const char *device) {
    bench on = bench_open(device);
    hebb_array value = drawn(HEBB_F32, HEBB_SHAPE(100));
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_F32, HEBB_SHAPE(100));
    hebb_tensor *half = hebb_cast(x, HEBB_F16), *y = hebb_apply(&swish, half);
    cr_expect_eq(hebb_tensor_dtype(y), HEBB_F16);
    hebb_tensor *wide = hebb_cast(hebb_apply(&swish, hebb_cast(half, HEBB_F32)), HEBB_F16);
    hebb_tensor *same = hebb_cast(hebb_sub(y, wide), HEBB_F32);
    hebb_array got = compute(&on, x, &value, same, NULL);
    for (int i = 0; i < 100; i++) cr_expect_eq(hebb_array_at(&got, i), 0);
    hebb_array_free(&got);
    bench_close(&on);
}

Test(elementwise, halves_cpu) { halves("cpu"); }
Test(elementwise, halves_opencl) { halves("opencl"); }

HEBB_ELEMENTWISE_FORWARD(square, (x), x *x);

/* Two ops of one name and different texts in one plan, and constants as operands. */
static void same_name(const char *device) {
    bench on = bench_open(device);
    hebb_elementwise other = swish;
    float two = 2;
    other.text = square.text;
    other.f32 = square.f32;
    hebb_array value = hebb_array_view(&two, HEBB_F32, HEBB_SHAPE(1));
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_F32, HEBB_SHAPE(1));
    hebb_tensor *y = hebb_sub(hebb_apply(&swish, x), hebb_apply(&other, x));
    y = hebb_add(y, hebb_apply(&swish, hebb_scalar_like(x, 1)));
    hebb_array got = compute(&on, x, &value, y, NULL);
    cr_expect_float_eq(hebb_array_item(&got), real_swish(2) - 4 + real_swish(1), 2e-6);
    hebb_array_free(&got);
    bench_close(&on);
}

Test(elementwise, same_name_cpu) { same_name("cpu"); }
Test(elementwise, same_name_opencl) { same_name("opencl"); }

/* The op is copied: it may go, and change, once it has been applied; equal applications are one. */
Test(elementwise, is_copied_and_shared) {
    bench on = bench_open("cpu");
    size_t steps;
    char name[8] = "swish", text[] = "x / (1 + exp(-x))";
    hebb_elementwise mine = swish;
    mine.name = name;
    mine.text = text;
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_F32, HEBB_SHAPE(4));
    hebb_tensor *y = hebb_apply(&mine, x);
    memset(name, 0, sizeof name);
    memset(text, 0, sizeof text);
    mine.f32 = NULL;
    cr_expect_str_eq(hebb_tensor_name(y), "swish:1");
    cr_expect_str_eq(hebb_tensor_op(y), "apply");
    hebb_array value = drawn(HEBB_F32, HEBB_SHAPE(4));
    hebb_tensor *none = hebb_sub(y, hebb_apply(&swish, x));
    hebb_array got = compute(&on, x, &value, none, &steps);
    for (int i = 0; i < 4; i++) cr_expect_eq(hebb_array_at(&got, i), 0);
    hebb_plan_stats stats;
    hebb_session_stats(on.s, &stats);
    cr_expect_eq(stats.nodes, 3, "x, one swish, the difference: %zu", stats.nodes);
    hebb_array_free(&got);
    bench_close(&on);
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

static void expect_error(hebb_graph *g, hebb_status status, const char *words) {
    cr_expect_eq(hebb_graph_status(g), status, "%s: %s", words, hebb_message(g));
    cr_expect_not_null(strstr(hebb_message(g), words), "\"%s\" is not in: %s", words,
                       hebb_message(g));
    hebb_graph_destroy(g);
}

#define GRAPH()                                                                                    \
    hebb_graph *g = hebb_graph_create();                                                           \
    hebb_tensor *x = hebb_input(g, "x", HEBB_F64, HEBB_SHAPE(4));                                  \
    (void)x

Test(elementwise, errors) {
    other_graph = hebb_graph_create();
    {
        GRAPH();
        hebb_apply(&forms, x, x);
        expect_error(g, HEBB_E_ARGUMENT, "forms: 2 operands where it takes 4");
    }
    {
        GRAPH();
        hebb_apply(&swish, hebb_cast(x, HEBB_I32));
        expect_error(g, HEBB_E_DTYPE, "i32 is not floating");
    }
    {
        GRAPH();
        hebb_apply(&forms, x, x, x, hebb_cast(x, HEBB_F32));
        expect_error(g, HEBB_E_DTYPE, "forms(x f64 [4]");
    }
    {
        GRAPH();
        hebb_apply(&forms, x, x, x, hebb_full(g, HEBB_F64, HEBB_SHAPE(3), 1));
        expect_error(g, HEBB_E_SHAPE, "do not broadcast");
    }
    {
        GRAPH();
        hebb_apply(NULL, x);
        expect_error(g, HEBB_E_NULL, "the op is NULL");
    }
    {
        GRAPH();
        hebb_elementwise bad = swish;
        bad.name = "a b";
        hebb_apply(&bad, x);
        expect_error(g, HEBB_E_ARGUMENT, "name");
    }
    {
        GRAPH();
        hebb_elementwise bad = swish;
        bad.parameters = "(x, y)";
        hebb_apply(&bad, x);
        expect_error(g, HEBB_E_ARGUMENT, "parameters (x, y)");
    }
    {
        GRAPH();
        hebb_elementwise bad = swish;
        bad.parameters = NULL;
        hebb_apply(&bad, x);
        expect_error(g, HEBB_E_ARGUMENT, "parameters NULL");
    }
    {
        GRAPH();
        hebb_gradient(hebb_apply(&forms, x, x, x, x), x);
        expect_error(g, HEBB_E_GRADIENT, "forms:1 (forms) has no gradient");
    }
    {
        GRAPH();
        hebb_elementwise bad = swish;
        bad.gradient = wrong_dtype_gradient;
        hebb_gradient(hebb_apply(&bad, x), x);
        expect_error(g, HEBB_E_DTYPE, "the rule of swish gives dx[0] of dtype f32");
    }
    {
        GRAPH();
        hebb_elementwise bad = swish;
        bad.gradient = wrong_shape_gradient;
        hebb_gradient(hebb_apply(&bad, x), x);
        expect_error(g, HEBB_E_SHAPE, "the rule of swish gives dx[0] of shape [5] for x [4]");
    }
    {
        GRAPH();
        hebb_elementwise bad = swish;
        bad.gradient = wrong_graph_gradient;
        hebb_gradient(hebb_apply(&bad, x), x);
        expect_error(g, HEBB_E_GRAPH, "another graph");
    }
    hebb_graph_destroy(other_graph);
    cr_expect_null(hebb_apply_at(NULL, 0, &swish, NULL, 1));
}

/* Left out is zero. */
Test(elementwise, no_cotangent) {
    bench on = bench_open("cpu");
    hebb_elementwise flat = swish;
    flat.gradient = half_gradient;
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_F32, HEBB_SHAPE(3));
    hebb_array value = drawn(HEBB_F32, HEBB_SHAPE(3));
    hebb_array got = compute(&on, x, &value, hebb_gradient(hebb_apply(&flat, x), x), NULL);
    for (int i = 0; i < 3; i++) cr_expect_eq(hebb_array_at(&got, i), 0);
    hebb_array_free(&got);
    bench_close(&on);
}

/* What the device cannot do is said when the plan is made. */
static void unsupported(const char *device, const hebb_elementwise *op, hebb_status status,
                        const char *words) {
    bench on = bench_open(device);
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_F32, HEBB_SHAPE(3));
    hebb_array value = drawn(HEBB_F32, HEBB_SHAPE(3));
    hebb_run(on.s, HEBB_FEED({x, &value}), HEBB_FETCH({hebb_apply(op, x), NULL}));
    cr_expect_eq(hebb_session_status(on.s), status, "%s", hebb_message(on.s));
    cr_expect_not_null(strstr(hebb_message(on.s), words), "%s", hebb_message(on.s));
    cr_expect_not_null(strstr(hebb_message(on.s), device), "%s", hebb_message(on.s));
    /* The session is still good. */
    hebb_run(on.s, HEBB_FEED({x, &value}), HEBB_FETCH({hebb_apply(&swish, x), NULL}));
    cr_expect_not(hebb_failed(on.s), "%s", hebb_message(on.s));
    bench_close(&on);
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

/* ---- general ops ---- */

/* y[g] = sum of x[0][i] over i with x[1][i] == g, in i32, for the g that options give; on OpenCL a
   group of work-items counts together in local memory. */
typedef struct tally_options {
    int groups;
    int fail; /* 1: the shape rule, 2: the CPU function and the launch */
} tally_options;

static hebb_status tally_shape(const hebb_signature *x, const void *options, hebb_signature *y,
                               char *message) {
    const tally_options *o = options;
    if (o->fail == 1) {
        strcpy(message, "these shapes displease");
        return HEBB_E_SHAPE;
    }
    *y = (hebb_signature){HEBB_I32, HEBB_SHAPE(o->groups)};
    return HEBB_OK;
}

static hebb_status tally_cpu(const hebb_array *x, const hebb_array *y, const void *options,
                             char *message) {
    const tally_options *o = options;
    if (o->fail == 2) {
        strcpy(message, "the abacus is broken");
        return HEBB_E_DEVICE;
    }
    memset(y->data, 0, hebb_array_bytes(y));
    for (int64_t i = 0; i < hebb_array_count(&x[0]); i++)
        ((int32_t *)y->data)[(int)hebb_array_at(&x[1], i)] += (int32_t)hebb_array_at(&x[0], i);
    return HEBB_OK;
}

static const char tally_source[] =
    "#define LANES 16\n"
    "int at(global const int *x, long i) { return x[i]; }\n"
    "void tally(global const int *x, global const uchar *group, global int *y, long n,\n"
    "           local char *memory) {\n"
    "    local int *sums = (local int *)memory;\n"
    "    int g = get_group_id(0), lane = get_local_id(0), sum = 0;\n"
    "    for (long i = lane; i < n; i += LANES) sum += group[i] == g ? at(x, i) : 0;\n"
    "    sums[lane] = sum;\n"
    "    barrier(CLK_LOCAL_MEM_FENCE);\n"
    "    if (lane != 0) return;\n"
    "    for (int k = 1; k < LANES; k++) sum += sums[k];\n"
    "    y[g] = sum;\n"
    "}\n";

static hebb_status tally_launch(const hebb_signature *x, const hebb_signature *y,
                                const void *options, hebb_launch *launch, char *message) {
    const tally_options *o = options;
    if (o->fail == 2) {
        strcpy(message, "the abacus is broken");
        return HEBB_E_DEVICE;
    }
    *launch = (hebb_launch){.rank = 1,
                            .global = {16 * (size_t)o->groups},
                            .local = {16},
                            .local_bytes = 64,
                            .n_integers = 1,
                            .integers = {hebb_shape_count(x[0].shape)}};
    return HEBB_OK;
}

static const hebb_op tally_op = {.name = "tally",
                                 .n_inputs = 2,
                                 .shape = tally_shape,
                                 .cpu = tally_cpu,
                                 .source = tally_source,
                                 .function = "tally",
                                 .launch = tally_launch};

static hebb_tensor *tally(hebb_tensor *x, hebb_tensor *group, int groups, int fail) {
    return hebb_custom_with(&tally_op, HEBB_TENSORS(x, group), &(tally_options){groups, fail},
                            sizeof(tally_options));
}

/* Between fused neighbors, on views, twice in a plan with different options. */
static void tallies(const char *device) {
    bench on = bench_open(device);
    int32_t numbers[2][6] = {{1, 2, 3, 4, 5, 6}, {10, 20, 30, 40, 50, 60}};
    uint8_t groups[12] = {0, 1, 2, 0, 1, 2, 2, 2, 2, 2, 1, 1};
    hebb_array x_value = hebb_array_view(numbers, HEBB_I32, HEBB_SHAPE(2, 6));
    hebb_array g_value = hebb_array_view(groups, HEBB_U8, HEBB_SHAPE(12));
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_I32, HEBB_SHAPE(HEBB_ANY, 6));
    hebb_tensor *g = hebb_input(on.g, "g", HEBB_U8, HEBB_SHAPE(12));
    hebb_tensor *flipped = hebb_slice(x, HEBB_RANGES({1, -1, HEBB_END, -1}));
    hebb_tensor *a = tally(hebb_add(flipped, hebb_scalar_like(x, 1)), g, 3, 0);
    hebb_tensor *b = tally(x, g, 4, 0), *again = tally(x, g, 4, 0);
    hebb_tensor *c = hebb_sub(hebb_neg(b), hebb_mul(again, hebb_scalar_like(b, 2)));
    hebb_array got[2] = {{0}};
    hebb_run(on.s, HEBB_FEED({x, &x_value}, {g, &g_value}), HEBB_FETCH({a, &got[0]}, {c, &got[1]}));
    cr_assert_not(hebb_failed(on.s), "%s", hebb_message(on.s));
    const int first[3] = {7 + 4, 6 + 3 + 21 + 11, 5 + 2 + 61 + 51 + 41 + 31};
    const int second[4] = {-3 * 5, -3 * (7 + 110), -3 * (9 + 100), 0};
    for (int i = 0; i < 3; i++) cr_expect_eq(hebb_array_at(&got[0], i), first[i]);
    for (int i = 0; i < 4; i++) cr_expect_eq(hebb_array_at(&got[1], i), second[i]);
    hebb_plan_stats stats;
    hebb_session_stats(on.s, &stats);
    cr_expect_eq(stats.steps, 4, "x + 1, two tallies, the last line: %zu", stats.steps);
    hebb_array_free(&got[0]);
    hebb_array_free(&got[1]);
    bench_close(&on);
}

Test(custom, tallies_cpu) { tallies("cpu"); }
Test(custom, tallies_opencl) { tallies("opencl"); }

/* What is declared and not there, and what fails: each with the words of who failed. */
typedef struct failure {
    hebb_status status;
    const char *words;
} failure;

static void run_failing(const char *device, const hebb_op *op, int fail, failure expected) {
    bench on = bench_open(device);
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_I32, HEBB_SHAPE(2));
    hebb_tensor *g = hebb_cast(x, HEBB_U8);
    int32_t numbers[2] = {0, 1};
    hebb_array value = hebb_array_view(numbers, HEBB_I32, HEBB_SHAPE(2));
    hebb_tensor *y =
        hebb_custom_with(op, HEBB_TENSORS(x, g), &(tally_options){2, fail}, sizeof(tally_options));
    cr_assert_not(hebb_failed(on.g), "%s", hebb_message(on.g));
    hebb_run(on.s, HEBB_FEED({x, &value}), HEBB_FETCH({y, NULL}));
    cr_expect_eq(hebb_session_status(on.s), expected.status, "%s", hebb_message(on.s));
    cr_expect_not_null(strstr(hebb_message(on.s), "tally"), "%s", hebb_message(on.s));
    cr_expect_not_null(strstr(hebb_message(on.s), expected.words), "%s", hebb_message(on.s));
    hebb_run(on.s, HEBB_FEED({x, &value}), HEBB_FETCH({tally(x, g, 2, 0), NULL}));
    cr_expect_not(hebb_failed(on.s), "%s", hebb_message(on.s));
    bench_close(&on);
}

Test(custom, failures_cpu) {
    hebb_op op = tally_op;
    run_failing("cpu", &op, 2, (failure){HEBB_E_DEVICE, "the abacus is broken"});
    op.cpu = NULL;
    run_failing("cpu", &op, 0, (failure){HEBB_E_UNSUPPORTED, "cpu: the op tally has no CPU"});
}

static hebb_status no_items(const hebb_signature *x, const hebb_signature *y, const void *options,
                            hebb_launch *launch, char *message) {
    launch->rank = 1;
    return HEBB_OK;
}
static hebb_status no_rank(const hebb_signature *x, const hebb_signature *y, const void *options,
                           hebb_launch *launch, char *message) {
    launch->global[0] = 1;
    return HEBB_OK;
}
static hebb_status odd_groups(const hebb_signature *x, const hebb_signature *y, const void *options,
                              hebb_launch *launch, char *message) {
    *launch = (hebb_launch){.rank = 1, .global = {10}, .local = {4}};
    return HEBB_OK;
}
static hebb_status huge_groups(const hebb_signature *x, const hebb_signature *y,
                               const void *options, hebb_launch *launch, char *message) {
    *launch = (hebb_launch){.rank = 1, .global = {1 << 20}, .local = {1 << 20}};
    return HEBB_OK;
}

Test(custom, failures_opencl) {
    hebb_op op = tally_op;
    run_failing("opencl", &op, 2, (failure){HEBB_E_DEVICE, "the abacus is broken"});
    op.launch = no_items;
    run_failing("opencl", &op, 0, (failure){HEBB_E_ARGUMENT, "no work-items"});
    op.launch = no_rank;
    run_failing("opencl", &op, 0, (failure){HEBB_E_ARGUMENT, "rank"});
    op.launch = odd_groups;
    run_failing("opencl", &op, 0, (failure){HEBB_E_ARGUMENT, "do not divide"});
    op.launch = huge_groups;
    run_failing("opencl", &op, 0, (failure){HEBB_E_UNSUPPORTED, "groups of 1048576"});
    op.launch = tally_launch;
    op.source = "void tally(int x) { nonsense(x); }";
    run_failing("opencl", &op, 0, (failure){HEBB_E_DEVICE, "nonsense"});
    op.source = NULL;
    op.launch = NULL;
    run_failing("opencl", &op, 0,
                (failure){HEBB_E_UNSUPPORTED, "opencl:0: the op tally has no OpenCL source"});
}

/* Eight operands of different dtypes; a scalar result. */
static hebb_status eight_shape(const hebb_signature *x, const void *options, hebb_signature *y,
                               char *message) {
    *y = (hebb_signature){HEBB_F32, HEBB_SCALAR};
    return HEBB_OK;
}
static hebb_status eight_cpu(const hebb_array *x, const hebb_array *y, const void *options,
                             char *message) {
    double sum = 0;
    for (int k = 0; k < 8; k++)
        for (int64_t i = 0; i < hebb_array_count(&x[k]); i++) sum += hebb_array_at(&x[k], i);
    *(float *)y->data = (float)sum;
    return options == NULL ? HEBB_OK : HEBB_E_ARGUMENT;
}
static hebb_status eight_launch(const hebb_signature *x, const hebb_signature *y,
                                const void *options, hebb_launch *launch, char *message) {
    *launch = (hebb_launch){
        .rank = 3, .global = {1, 1, 1}, .n_reals = 2, .reals = {-0.1, 1e300}, .n_integers = 1};
    launch->integers[0] = hebb_shape_count(x[0].shape);
    return HEBB_OK;
}
static const hebb_op eight_op = {
    .name = "eight",
    .n_inputs = 8,
    .shape = eight_shape,
    .cpu = eight_cpu,
    .function = "eight",
    .launch = eight_launch,
    .source = "void eight(global const float *a, global const int *b, global const long *c,\n"
              "           global const uchar *d, global const uchar *e, global const float *f,\n"
              "           global const float *g, global const float *h, global float *y, long n,\n"
              "           hebb_real tenth, hebb_real infinite) {\n"
              "    float sum = tenth + 0.1f + (infinite == INFINITY ? 0 : 1);\n"
              "    for (int i = 0; i < n; i++)\n"
              "        sum += a[i] + b[i] + (float)c[i] + d[i] + e[i] + f[i] + g[i] + h[i];\n"
              "    y[0] = sum;\n"
              "}\n"};

static void eight(const char *device) {
    bench on = bench_open(device);
    float numbers[3] = {1, 2, 0};
    hebb_array value = hebb_array_view(numbers, HEBB_F32, HEBB_SHAPE(3));
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *product = hebb_mul(x, x);
    hebb_tensor *y =
        hebb_custom(&eight_op, HEBB_TENSORS(x, hebb_cast(x, HEBB_I32), hebb_cast(x, HEBB_I64),
                                            hebb_cast(x, HEBB_U8), hebb_cast(x, HEBB_BOOL), product,
                                            product, x));
    hebb_array got = compute(&on, x, &value, y, NULL);
    cr_expect_eq(got.shape.rank, 0);
    cr_expect_float_eq(hebb_array_item(&got), 5 * 3 + 2 + 2 * 5, 1e-5);
    hebb_array_free(&got);
    bench_close(&on);
}

Test(custom, eight_operands_cpu) { eight("cpu"); }
Test(custom, eight_operands_opencl) { eight("opencl"); }

/* ---- both kinds in the body of a scan ---- */

static hebb_status same_shape(const hebb_signature *x, const void *options, hebb_signature *y,
                              char *message) {
    *y = *x;
    return HEBB_OK;
}
static hebb_status twice_cpu(const hebb_array *x, const hebb_array *y, const void *options,
                             char *message) {
    for (int64_t i = 0; i < hebb_array_count(y); i++)
        ((float *)y->data)[i] = 2 * ((const float *)x->data)[i];
    if (hebb_array_at(x, 0) < 1e6) return HEBB_OK;
    strcpy(message, "too large");
    return HEBB_E_ARGUMENT;
}
static hebb_status twice_launch(const hebb_signature *x, const hebb_signature *y,
                                const void *options, hebb_launch *launch, char *message) {
    *launch = (hebb_launch){.rank = 1, .global = {(size_t)hebb_shape_count(y->shape)}};
    return HEBB_OK;
}
static const hebb_op twice_op = {.name = "twice",
                                 .n_inputs = 1,
                                 .shape = same_shape,
                                 .cpu = twice_cpu,
                                 .function = "twice",
                                 .launch = twice_launch,
                                 .source = "void twice(global const float *x, global float *y) {\n"
                                           "    y[get_global_id(0)] = 2 * x[get_global_id(0)];\n"
                                           "}\n"};

static void body(hebb_scan_frame *f) {
    hebb_tensor *x = hebb_apply(&swish, f->in[0]);
    f->next[0] = f->out[0] = hebb_add(hebb_custom(&twice_op, HEBB_TENSORS(f->state[0])), x);
}

static void scanned(const char *device) {
    enum { T = 5, N = 3 };
    bench on = bench_open(device);
    hebb_array value = drawn(HEBB_F32, HEBB_SHAPE(T, N));
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_F32, HEBB_SHAPE(T, N)), *last, *all;
    hebb_scan(&last, &all, .body = body,
              .states = HEBB_LIST(hebb_full(on.g, HEBB_F32, HEBB_SHAPE(N), 0)),
              .sequences = HEBB_LIST(x), .n_out = 1);
    cr_assert_not(hebb_failed(on.g), "%s", hebb_message(on.g));
    hebb_array got = compute(&on, x, &value, all, NULL);
    double state[N] = {0};
    for (int i = 0; i < T * N; i++) {
        state[i % N] = 2 * state[i % N] + real_swish(hebb_array_at(&value, i));
        cr_expect_float_eq(hebb_array_at(&got, i), state[i % N], 1e-4);
    }
    hebb_array_free(&got);
    bench_close(&on);
}

Test(custom, scanned_cpu) { scanned("cpu"); }
Test(custom, scanned_opencl) { scanned("opencl"); }

/* A failure in an iteration is one of the run. */
Test(custom, fails_in_a_scan) {
    bench on = bench_open("cpu");
    float numbers[2] = {1e7f, 1};
    hebb_array value = hebb_array_view(numbers, HEBB_F32, HEBB_SHAPE(2, 1));
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_F32, HEBB_SHAPE(2, 1)), *last, *all;
    hebb_scan(&last, &all, .body = body,
              .states = HEBB_LIST(hebb_full(on.g, HEBB_F32, HEBB_SHAPE(1), 0)),
              .sequences = HEBB_LIST(x), .n_out = 1);
    cr_expect_eq(hebb_run(on.s, HEBB_FEED({x, &value}), HEBB_FETCH({last, NULL})), HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(hebb_message(on.s), "run: twice: too large"), "%s",
                       hebb_message(on.s));
    bench_close(&on);
}

/* ---- errors when a graph is built or bound ---- */

static hebb_status no_dtype(const hebb_signature *x, const void *options, hebb_signature *y,
                            char *message) {
    *y = (hebb_signature){(hebb_dtype)77, x->shape};
    return HEBB_OK;
}
static hebb_status no_shape(const hebb_signature *x, const void *options, hebb_signature *y,
                            char *message) {
    *y = (hebb_signature){HEBB_F32, {.rank = 99}};
    return HEBB_OK;
}
static hebb_status open_shape(const hebb_signature *x, const void *options, hebb_signature *y,
                              char *message) {
    *y = (hebb_signature){HEBB_F32, HEBB_SHAPE(HEBB_ANY)};
    return HEBB_OK;
}
static hebb_status silent(const hebb_signature *x, const void *options, hebb_signature *y,
                          char *message) {
    return HEBB_E_ARGUMENT;
}

static void bad_op(hebb_op op, hebb_status status, const char *words) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F64, HEBB_SHAPE(4));
    if (op.n_inputs == 2) hebb_custom(&op, HEBB_TENSORS(x, x));
    else hebb_custom(&op, HEBB_TENSORS(x));
    expect_error(g, status, words);
}

Test(custom, errors) {
    hebb_op op = {.name = "op", .n_inputs = 1, .shape = no_dtype};
    bad_op(op, HEBB_E_DTYPE, "op(x f64 [4]): the op's shape rule gives 77");
    op.shape = no_shape;
    bad_op(op, HEBB_E_SHAPE, "the rank must be");
    op.shape = open_shape;
    bad_op(op, HEBB_E_SHAPE, "leaves a size open");
    op.shape = silent;
    bad_op(op, HEBB_E_ARGUMENT, "the op's shape rule says no");
    op.shape = NULL;
    bad_op(op, HEBB_E_NULL, "op: the shape rule is NULL");
    op.shape = eight_shape;
    op.source = "void f() {}";
    bad_op(op, HEBB_E_ARGUMENT, "wants a function's name and a launch");
    op.launch = no_items;
    bad_op(op, HEBB_E_ARGUMENT, "wants a function's name and a launch");
    op = tally_op;
    op.n_inputs = 9;
    bad_op(op, HEBB_E_ARGUMENT, "9 inputs, where 1 to 8 are possible");
    op.n_inputs = 3;
    bad_op(op, HEBB_E_ARGUMENT, "tally: 1 operands where it takes 3");
    op.name = NULL;
    bad_op(op, HEBB_E_ARGUMENT, "name");
    {
        GRAPH();
        tally(x, x, 3, 1);
        expect_error(g, HEBB_E_SHAPE, "tally(x f64 [4], x f64 [4]): these shapes displease");
    }
    {
        GRAPH();
        hebb_custom(NULL, HEBB_TENSORS(x));
        expect_error(g, HEBB_E_NULL, "the op is NULL");
    }
    {
        GRAPH();
        hebb_custom_with(&tally_op, HEBB_TENSORS(x, x), NULL, 4);
        expect_error(g, HEBB_E_NULL, "tally: the options are NULL");
    }
    {
        GRAPH();
        op = (hebb_op){.name = "smooth", .n_inputs = 1, .shape = eight_shape};
        hebb_gradient(hebb_custom(&op, HEBB_TENSORS(hebb_cast(x, HEBB_F32))), x);
        expect_error(g, HEBB_E_GRADIENT, "(smooth) has no gradient");
    }
}

/* The rule is asked again when sizes are known. */
Test(custom, open_sizes) {
    bench on = bench_open("cpu");
    hebb_op op = {.name = "hole", .n_inputs = 1, .shape = open_shape, .cpu = eight_cpu};
    float numbers[3] = {1, 2, 3};
    hebb_array value = hebb_array_view(numbers, HEBB_F32, HEBB_SHAPE(3));
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *y = hebb_custom(&op, HEBB_TENSORS(x));
    cr_expect_not(hebb_failed(on.g), "%s", hebb_message(on.g));
    cr_expect_eq(hebb_run(on.s, HEBB_FEED({x, &value}), HEBB_FETCH({y, NULL})), HEBB_E_SHAPE);
    cr_expect_not_null(strstr(hebb_message(on.s), "hole(x f32 [3])"), "%s", hebb_message(on.s));
    bench_close(&on);
}

/* One size while it is open, another rank, size or dtype when it is known. */
static hebb_status fickle_shape(const hebb_signature *x, const void *options, hebb_signature *y,
                                char *message) {
    const int how = *(const int *)options;
    const bool open = x[0].shape.dim[0] == HEBB_ANY;
    *y = (hebb_signature){open || how != 2 ? HEBB_F32 : HEBB_F64, HEBB_SHAPE(open ? 4 : 5)};
    if (how == 1 && !open) y->shape = HEBB_SHAPE(4, 1);
    if (how == 2) y->shape = HEBB_SHAPE(4);
    return HEBB_OK;
}

Test(custom, another_shape_than_before) {
    const hebb_op op = {.name = "fickle", .n_inputs = 1, .shape = fickle_shape, .cpu = eight_cpu};
    const hebb_status expected[] = {HEBB_E_SHAPE, HEBB_E_SHAPE, HEBB_E_DTYPE};
    const char *words[] = {"gives [5] after [4]", "gives [4, 1] after [4]", "gives f64 after f32"};
    float numbers[3] = {1, 2, 3};
    hebb_array value = hebb_array_view(numbers, HEBB_F32, HEBB_SHAPE(3));
    for (int how = 0; how < 3; how++) {
        bench on = bench_open("cpu");
        hebb_tensor *x = hebb_input(on.g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY));
        hebb_tensor *y = hebb_custom_with(&op, HEBB_TENSORS(x), &how, sizeof how);
        cr_expect_not(hebb_failed(on.g), "%s", hebb_message(on.g));
        hebb_tensor *last = hebb_slice(y, HEBB_RANGES({0, -1, HEBB_END, 1}));
        cr_expect_eq(hebb_run(on.s, HEBB_FEED({x, &value}), HEBB_FETCH({last, NULL})),
                     expected[how]);
        cr_expect_not_null(strstr(hebb_message(on.s), "fickle(x f32 [3])"), "%s",
                           hebb_message(on.s));
        cr_expect_not_null(strstr(hebb_message(on.s), words[how]), "%s", hebb_message(on.s));
        bench_close(&on);
    }
}
