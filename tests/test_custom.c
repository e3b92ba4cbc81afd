/* Users' ops with a shape rule, a C function and an OpenCL source of their own, beyond their values
   and gradients, which the table of samples has: among other ops, in scans, and what goes wrong.
   Elementwise ones are in test_elementwise.c. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/calc.h"

#include <hebb/elementwise.h>

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
    calc on = calc_open(device);
    int32_t numbers[2][6] = {{1, 2, 3, 4, 5, 6}, {10, 20, 30, 40, 50, 60}};
    uint8_t groups[12] = {0, 1, 2, 0, 1, 2, 2, 2, 2, 2, 1, 1};
    hebb_array x_value = hebb_array_view(numbers, HEBB_I32, HEBB_SHAPE(2, 6));
    hebb_array g_value = hebb_array_view(groups, HEBB_U8, HEBB_SHAPE(12));
    hebb_tensor *x = hebb_input(on.graph, "x", HEBB_I32, HEBB_SHAPE(HEBB_ANY, 6));
    hebb_tensor *g = hebb_input(on.graph, "g", HEBB_U8, HEBB_SHAPE(12));
    hebb_tensor *flipped = hebb_slice(x, HEBB_RANGES({1, -1, HEBB_END, -1}));
    hebb_tensor *a = tally(hebb_add(flipped, hebb_scalar_like(x, 1)), g, 3, 0);
    hebb_tensor *b = tally(x, g, 4, 0), *again = tally(x, g, 4, 0);
    hebb_tensor *c = hebb_sub(hebb_neg(b), hebb_mul(again, hebb_scalar_like(b, 2)));
    hebb_array got[2] = {{0}};
    hebb_run(on.session, HEBB_FEED({x, &x_value}, {g, &g_value}),
             HEBB_FETCH({a, &got[0]}, {c, &got[1]}));
    cr_assert_not(hebb_failed(on.session), "%s", hebb_message(on.session));
    const int first[3] = {7 + 4, 6 + 3 + 21 + 11, 5 + 2 + 61 + 51 + 41 + 31};
    const int second[4] = {-3 * 5, -3 * (7 + 110), -3 * (9 + 100), 0};
    for (int i = 0; i < 3; i++) cr_expect_eq(hebb_array_at(&got[0], i), first[i]);
    for (int i = 0; i < 4; i++) cr_expect_eq(hebb_array_at(&got[1], i), second[i]);
    hebb_plan_stats stats;
    hebb_session_stats(on.session, &stats);
    cr_expect_eq(stats.steps, 4, "x + 1, two tallies, the last line: %zu", stats.steps);
    hebb_array_free(&got[0]);
    hebb_array_free(&got[1]);
    calc_close(&on);
}

Test(custom, tallies_cpu) { tallies("cpu"); }
Test(custom, tallies_opencl) { tallies("opencl"); }

/* What is declared and not there, and what fails: each with the words of who failed. */
typedef struct failure {
    hebb_status status;
    const char *words;
} failure;

static void run_failing(const char *device, const hebb_op *op, int fail, failure expected) {
    calc on = calc_open(device);
    hebb_tensor *x = hebb_input(on.graph, "x", HEBB_I32, HEBB_SHAPE(2));
    hebb_tensor *g = hebb_cast(x, HEBB_U8);
    int32_t numbers[2] = {0, 1};
    hebb_array value = hebb_array_view(numbers, HEBB_I32, HEBB_SHAPE(2));
    hebb_tensor *y =
        hebb_custom_with(op, HEBB_TENSORS(x, g), &(tally_options){2, fail}, sizeof(tally_options));
    cr_assert_not(hebb_failed(on.graph), "%s", hebb_message(on.graph));
    hebb_run(on.session, HEBB_FEED({x, &value}), HEBB_FETCH({y, NULL}));
    cr_expect_eq(hebb_session_status(on.session), expected.status, "%s", hebb_message(on.session));
    cr_expect_not_null(strstr(hebb_message(on.session), "tally"), "%s", hebb_message(on.session));
    cr_expect_not_null(strstr(hebb_message(on.session), expected.words), "%s",
                       hebb_message(on.session));
    hebb_run(on.session, HEBB_FEED({x, &value}), HEBB_FETCH({tally(x, g, 2, 0), NULL}));
    cr_expect_not(hebb_failed(on.session), "%s", hebb_message(on.session));
    calc_close(&on);
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
    calc on = calc_open(device);
    float numbers[3] = {1, 2, 0};
    hebb_array value = hebb_array_view(numbers, HEBB_F32, HEBB_SHAPE(3));
    hebb_tensor *x = hebb_input(on.graph, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *product = hebb_mul(x, x);
    hebb_tensor *y =
        hebb_custom(&eight_op, HEBB_TENSORS(x, hebb_cast(x, HEBB_I32), hebb_cast(x, HEBB_I64),
                                            hebb_cast(x, HEBB_U8), hebb_cast(x, HEBB_BOOL), product,
                                            product, x));
    hebb_array got = calc_fed(&on, x, &value, y, NULL);
    cr_expect_eq(got.shape.rank, 0);
    cr_expect_float_eq(hebb_array_item(&got), 5 * 3 + 2 + 2 * 5, 1e-5);
    hebb_array_free(&got);
    calc_close(&on);
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

HEBB_ELEMENTWISE_FORWARD(swish, (x), x / (1 + exp(-x)));
static double real_swish(double x) { return x / (1 + exp(-x)); }

static void body(hebb_scan_frame *f) {
    hebb_tensor *x = hebb_apply(&swish, f->in[0]);
    f->next[0] = f->out[0] = hebb_add(hebb_custom(&twice_op, HEBB_TENSORS(f->state[0])), x);
}

static void scanned(const char *device) {
    enum { T = 5, N = 3 };
    calc on = calc_open(device);
    hebb_array value = drawn_reals(HEBB_F32, HEBB_SHAPE(T, N));
    hebb_tensor *x = hebb_input(on.graph, "x", HEBB_F32, HEBB_SHAPE(T, N)), *last, *all;
    hebb_scan(&last, &all, .body = body,
              .states = HEBB_LIST(hebb_full(on.graph, HEBB_F32, HEBB_SHAPE(N), 0)),
              .sequences = HEBB_LIST(x), .n_out = 1);
    cr_assert_not(hebb_failed(on.graph), "%s", hebb_message(on.graph));
    hebb_array got = calc_fed(&on, x, &value, all, NULL);
    double state[N] = {0};
    for (int i = 0; i < T * N; i++) {
        state[i % N] = 2 * state[i % N] + real_swish(hebb_array_at(&value, i));
        cr_expect_float_eq(hebb_array_at(&got, i), state[i % N], 1e-4);
    }
    hebb_array_free(&got);
    calc_close(&on);
}

Test(custom, scanned_cpu) { scanned("cpu"); }
Test(custom, scanned_opencl) { scanned("opencl"); }

/* A failure in an iteration is one of the run. */
Test(custom, fails_in_a_scan) {
    calc on = calc_open("cpu");
    float numbers[2] = {1e7f, 1};
    hebb_array value = hebb_array_view(numbers, HEBB_F32, HEBB_SHAPE(2, 1));
    hebb_tensor *x = hebb_input(on.graph, "x", HEBB_F32, HEBB_SHAPE(2, 1)), *last, *all;
    hebb_scan(&last, &all, .body = body,
              .states = HEBB_LIST(hebb_full(on.graph, HEBB_F32, HEBB_SHAPE(1), 0)),
              .sequences = HEBB_LIST(x), .n_out = 1);
    cr_expect_eq(hebb_run(on.session, HEBB_FEED({x, &value}), HEBB_FETCH({last, NULL})),
                 HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(hebb_message(on.session), "run: twice: too large"), "%s",
                       hebb_message(on.session));
    calc_close(&on);
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
    expect_graph_error(g, status, words);
}

#define GRAPH()                                                                                    \
    hebb_graph *g = hebb_graph_create();                                                           \
    hebb_tensor *x = hebb_input(g, "x", HEBB_F64, HEBB_SHAPE(4));                                  \
    (void)x

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
        expect_graph_error(g, HEBB_E_SHAPE, "tally(x f64 [4], x f64 [4]): these shapes displease");
    }
    {
        GRAPH();
        hebb_custom(NULL, HEBB_TENSORS(x));
        expect_graph_error(g, HEBB_E_NULL, "the op is NULL");
    }
    {
        GRAPH();
        hebb_custom_with(&tally_op, HEBB_TENSORS(x, x), NULL, 4);
        expect_graph_error(g, HEBB_E_NULL, "tally: the options are NULL");
    }
    {
        GRAPH();
        op = (hebb_op){.name = "smooth", .n_inputs = 1, .shape = eight_shape};
        hebb_gradient(hebb_custom(&op, HEBB_TENSORS(hebb_cast(x, HEBB_F32))), x);
        expect_graph_error(g, HEBB_E_GRADIENT, "(smooth) has no gradient");
    }
}

/* The rule is asked again when sizes are known. */
Test(custom, open_sizes) {
    calc on = calc_open("cpu");
    hebb_op op = {.name = "hole", .n_inputs = 1, .shape = open_shape, .cpu = eight_cpu};
    float numbers[3] = {1, 2, 3};
    hebb_array value = hebb_array_view(numbers, HEBB_F32, HEBB_SHAPE(3));
    hebb_tensor *x = hebb_input(on.graph, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *y = hebb_custom(&op, HEBB_TENSORS(x));
    cr_expect_not(hebb_failed(on.graph), "%s", hebb_message(on.graph));
    cr_expect_eq(hebb_run(on.session, HEBB_FEED({x, &value}), HEBB_FETCH({y, NULL})), HEBB_E_SHAPE);
    cr_expect_not_null(strstr(hebb_message(on.session), "hole(x f32 [3])"), "%s",
                       hebb_message(on.session));
    calc_close(&on);
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
        calc on = calc_open("cpu");
        hebb_tensor *x = hebb_input(on.graph, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY));
        hebb_tensor *y = hebb_custom_with(&op, HEBB_TENSORS(x), &how, sizeof how);
        cr_expect_not(hebb_failed(on.graph), "%s", hebb_message(on.graph));
        hebb_tensor *last = hebb_slice(y, HEBB_RANGES({0, -1, HEBB_END, 1}));
        cr_expect_eq(hebb_run(on.session, HEBB_FEED({x, &value}), HEBB_FETCH({last, NULL})),
                     expected[how]);
        cr_expect_not_null(strstr(hebb_message(on.session), "fickle(x f32 [3])"), "%s",
                           hebb_message(on.session));
        cr_expect_not_null(strstr(hebb_message(on.session), words[how]), "%s",
                           hebb_message(on.session));
        calc_close(&on);
    }
}
