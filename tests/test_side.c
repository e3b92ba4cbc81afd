/* Steps that do not depend on each other, which the OpenCL backend on GPUs launches as one kernel:
   against the CPU backend, and bit for bit against a kernel each. What they share are variables
   that others still read, memory of the arena, and kernels that differ in groups and local memory.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <hebb/elementwise.h>

#include "support/devices.h"
#include "support/outcome.h"

#define TOLERANCE 1e-4 /* of float32 */

static hebb_tensor *weights(built *m, const char *name, int64_t rows, int64_t columns) {
    return hebb_variable(m->graph, name, m->dtype, HEBB_SHAPE(rows, columns), hebb_uniform(-1, 1));
}

static void train(built *m, hebb_tensor *loss) {
    built_add(m, loss);
    m->step = hebb_minimize(loss, hebb_sgd(.learning_rate = 0.1, .momentum = 0.9));
}

static hebb_tensor *mean_square(hebb_tensor *y) {
    return hebb_mean(hebb_square(hebb_reshape(y, HEBB_SHAPE(-1))), HEBB_AXES(0), false);
}

/* A weight is updated in place beside a product, but after the one that reads it. */
static void make_layers(built *m) {
    const int64_t hidden = m->columns + 9;
    hebb_tensor *w = weights(m, "w", m->columns, hidden), *v = weights(m, "v", hidden, hidden);
    hebb_tensor *u = weights(m, "u", hidden, 5);
    hebb_tensor *b = hebb_variable(m->graph, "b", m->dtype, HEBB_SHAPE(hidden), hebb_zeros());
    hebb_tensor *h = hebb_tanh(hebb_add(hebb_matmul(m->x, w), b));
    h = hebb_tanh(hebb_add(hebb_matmul(h, v), b));
    train(m, mean_square(hebb_softmax(hebb_matmul(h, u))));
    built_add(m, w);
    built_add(m, v);
    built_add(m, u);
    built_add(m, b);
}

/* Equal kernels of one work-group's worth of arguments, and of different sizes. */
static void make_projections(built *m) {
    hebb_tensor *q = weights(m, "q", m->columns, 24), *k = weights(m, "k", m->columns, 24);
    hebb_tensor *v = weights(m, "v", m->columns, 40);
    hebb_tensor *a = hebb_matmul(m->x, q), *b = hebb_matmul(m->x, k), *c = hebb_matmul(m->x, v);
    hebb_tensor *scores = hebb_matmul(a, hebb_transpose(b, HEBB_AXES(1, 0)));
    scores = hebb_softmax(hebb_mul(scores, hebb_scalar_like(m->x, 1.0 / (double)m->columns)));
    hebb_tensor *y = hebb_matmul(scores, c);
    built_add(m, y);
    built_add(m, hebb_matmul(hebb_transpose(m->x, HEBB_AXES(1, 0)), m->x));
    train(m, mean_square(y));
    built_add(m, q);
    built_add(m, v);
}

/* States that trade places: every step reads what another one writes. */
static void make_exchange(built *m) {
    hebb_tensor *a = built_state(m, "a", m->rows, m->columns),
                *b = built_state(m, "b", m->rows, m->columns);
    hebb_tensor *c = built_state(m, "c", m->rows, m->columns);
    hebb_tensor *square = built_state(m, "square", m->columns, m->columns);
    hebb_tensor *half = hebb_scalar_like(m->x, 0.5);
    built_add(m, hebb_assign(a, hebb_matmul(b, square)));
    built_add(m, hebb_assign(b, hebb_mul(hebb_add(a, m->x), half)));
    built_add(m, hebb_assign(c, hebb_matmul(a, square)));
    built_add(m, hebb_assign(square, hebb_mul(hebb_transpose(square, HEBB_AXES(1, 0)), half)));
    built_add(m, hebb_add(c, b));
}

/* Chains of which each has its values where an earlier one had its own. */
static void make_chains(built *m) {
    enum { CHAINS = 6 };
    hebb_tensor *total = NULL;
    for (int k = 0; k < CHAINS; k++) {
        char name[16];
        snprintf(name, sizeof name, "w%d", k);
        hebb_tensor *w = weights(m, name, m->columns, m->columns);
        hebb_tensor *y = hebb_matmul(hebb_tanh(hebb_matmul(m->x, w)), w);
        y = hebb_sum(hebb_softmax(y), HEBB_AXES(0), false);
        total = total == NULL ? y : hebb_add(hebb_mul(total, total), y);
    }
    built_add(m, total);
}

/* Rows that groups of several sizes do, sums over rows and columns, random numbers, copies. */
static void make_kinds(built *m) {
    hebb_tensor *noise = hebb_random_uniform(m->graph, m->dtype, HEBB_SHAPE(m->rows, m->columns));
    hebb_tensor *normal = hebb_random_normal(m->graph, m->dtype, HEBB_SHAPE(m->rows, m->columns));
    hebb_tensor *across = hebb_transpose(m->x, HEBB_AXES(1, 0));
    built_add(m, hebb_softmax(m->x));
    built_add(m, hebb_softmax(across));
    built_add(m, hebb_mul(noise, m->x));
    built_add(m, hebb_add(normal, m->x));
    built_add(m, hebb_sum(hebb_exp(m->x), HEBB_AXES(0), false));
    built_add(m, hebb_max(m->x, HEBB_AXES(1), false));
    built_add(m, hebb_concat(HEBB_TENSORS(m->x, noise), 1));
    built_add(m, hebb_matmul(across, m->x));
    built_add(m, hebb_argsort(m->x, 1, false));
}

/* Long sums in parts, which meet in scratch memory that is the same for all of them. */
static void make_long_sums(built *m) {
    hebb_tensor *across = hebb_transpose(m->x, HEBB_AXES(1, 0));
    for (int k = 0; k < 3; k++) {
        char name[16];
        snprintf(name, sizeof name, "w%d", k);
        hebb_tensor *w = weights(m, name, m->rows, 30);
        built_add(m, hebb_matmul(across, w));
        built_add(m, hebb_sum(hebb_square(w), HEBB_AXES(0, 1), false));
    }
}

/* A sum in parts, of which only the first of two launches has company. */
static void make_company(built *m) {
    hebb_tensor *w = weights(m, "w", m->rows, 64), *v = weights(m, "v", m->columns, 64);
    hebb_tensor *y = hebb_matmul(hebb_transpose(m->x, HEBB_AXES(1, 0)), w);
    hebb_tensor *z = hebb_matmul(hebb_transpose(v, HEBB_AXES(1, 0)), v);
    built_add(m, y);
    built_add(m, z);
    built_add(m, hebb_sum(hebb_matmul(m->x, y), HEBB_AXES(0), false));
}

/* Images; two convolutions of the same, whose filters are transformed first, and gradients in
 * parts. */
static void make_images(built *m) {
    hebb_tensor *x = hebb_reshape(m->x, HEBB_SHAPE(m->rows, 1, 8, m->columns / 8));
    hebb_tensor *h = hebb_conv2d(x, 32, 3, .activation = hebb_relu);
    hebb_tensor *a = hebb_conv2d(h, 32, 3), *b = hebb_conv2d(h, 32, 3);
    train(m, hebb_add(mean_square(a), mean_square(hebb_sigmoid(b))));
    built_add(m, a);
    built_add(m, b);
}

/* Rows of two tables by the same places, and their gradients. */
static void make_tables(built *m) {
    hebb_tensor *places = hebb_cast(hebb_abs(hebb_sum(m->x, HEBB_AXES(1), false)), HEBB_I32);
    hebb_tensor *a = weights(m, "a", 30, m->columns), *b = weights(m, "b", 30, m->columns);
    hebb_tensor *y = hebb_mul(hebb_gather(a, places), hebb_gather(b, places));
    train(m, mean_square(y));
    built_add(m, a);
    built_add(m, b);
}

HEBB_ELEMENTWISE_FORWARD(leaky, (x), x > 0 ? x : x * 0.25);

static void cell(hebb_scan_frame *f) {
    f->next[0] = hebb_tanh(hebb_add(hebb_matmul(f->state[0], f->user), f->in[0]));
    f->out[0] = f->next[0];
}

/* Around the steps of a scan, which touches what the others do. */
static void make_scan(built *m) {
    hebb_tensor *w = built_state(m, "w", m->columns, m->columns),
                *v = weights(m, "v", m->columns, 33);
    hebb_tensor *before = hebb_matmul(m->x, v), *last, *out;
    hebb_tensor *x = hebb_stack(HEBB_TENSORS(m->x, hebb_apply(&leaky, m->x), m->x), 0);
    hebb_scan(&last, &out, .body = cell, .user = w, .states = HEBB_LIST(m->x),
              .sequences = HEBB_LIST(x), .n_out = 1);
    built_add(m, hebb_assign(w, hebb_mul(w, hebb_scalar_like(m->x, 0.5))));
    built_add(m, last);
    built_add(m, hebb_matmul(last, v));
    built_add(m, hebb_tanh(before));
    built_add(m, out);
}

/* ---- running ---- */

/* Kept open, as a driver that compiles takes its time when a device is first used. */
static hebb_device *kept;

static hebb_device *device_of(bool beside) {
    setenv("HEBB_OPENCL_KERNELS", "gpu", 1);
    setenv("HEBB_OPENCL_SIDE", beside ? "1" : "0", 1);
    /* POCL 3.1 gets barriers in branches wrong when it optimizes. */
    setenv("POCL_EXTRA_BUILD_FLAGS", "-cl-opt-disable", 0);
    if (kept == NULL) kept = opencl_device();
    return kept;
}

static void close_kept(void) { hebb_device_close(kept); }

TestSuite(side, .fini = close_kept);

static void check_dtype(maker *make, const char *name, int64_t rows, int64_t columns,
                        hebb_dtype dtype) {
    char what[96];
    snprintf(what, sizeof what, "%s of %d x %d", name, (int)rows, (int)columns);
    hebb_device *cpu = cpu_device();
    outcome wanted = outcome_of(cpu, make, rows, columns, dtype);
    outcome got = outcome_of(device_of(true), make, rows, columns, dtype);
    outcome apart = outcome_of(device_of(false), make, rows, columns, dtype);
    outcome_expect_same_bits(&got, &apart, what);
    outcome_expect_near(&got, &wanted, TOLERANCE, what);
    outcome_free(&wanted);
    outcome_free(&got);
    outcome_free(&apart);
    hebb_device_close(cpu);
}

static void check(maker *make, const char *name, int64_t rows, int64_t columns) {
    check_dtype(make, name, rows, columns, HEBB_F32);
}

/* ---- values ---- */

Test(side, layers) {
    check(make_layers, "layers", 70, 60);
    check(make_layers, "layers", 130, 31);
}

Test(side, projections) {
    check(make_projections, "projections", 64, 48);
    check(make_projections, "projections", 37, 200);
}

Test(side, exchange) { check(make_exchange, "exchange", 60, 45); }
Test(side, chains) { check(make_chains, "chains", 50, 64); }
Test(side, kinds) { check(make_kinds, "kinds", 90, 70); }
Test(side, long_sums) {
    setenv("HEBB_GEMM", "tiled", 1);
    check(make_long_sums, "long sums", 1500, 40);
    check(make_long_sums, "long sums", 90, 9);
}

Test(side, images) { check(make_images, "images", 6, 64); }
Test(side, tables) { check(make_tables, "tables", 40, 50); }
Test(side, scan) { check(make_scan, "scan", 40, 48); }

Test(side, doubles) {
    if (!hebb_device_get_info(device_of(true)).f64) cr_skip_test("no f64");
    check_dtype(make_layers, "layers", 40, 50, HEBB_F64);
    check_dtype(make_chains, "chains", 30, 40, HEBB_F64);
}

Test(side, in_pieces) {
    setenv("HEBB_OPENCL_PIECE", "65536", 1);
    check(make_layers, "layers", 70, 60);
    check(make_chains, "chains", 50, 64);
}

/* What scripts/check-kernels simulates: products so small that they would be done together. */
Test(side, some_of_each) {
    setenv("HEBB_GEMM", "short", 1);
    check(make_layers, "layers", 17, 12);
    check(make_exchange, "exchange", 12, 20);
}

/* ---- which steps ---- */

/* How many kernels a run starts, and how many of them do several steps side by side; what the
   values in the arena take; and what the steps compute. */
static int count(bool beside, maker *make, int64_t rows, int64_t columns, int *side, size_t *peak,
                 double *flops) {
    built m = built_make(make, rows, columns, HEBB_F32);
    hebb_session *s = hebb_session_create(m.graph, device_of(beside), .seed = 7);
    built_run(s, &m, 0, NULL);
    cr_assert_eq(hebb_session_profile(s, true), HEBB_OK);
    built_run(s, &m, 1, NULL);
    hebb_profile_row row;
    int all = 0;
    *side = 0;
    *flops = 0;
    for (size_t k = 0; hebb_session_profile_row(s, k, &row) == HEBB_OK; k++) {
        all += (int)row.count;
        *flops += row.flops;
        cr_expect(row.name[0] != '\0', "steps without a name, by %s", row.solver);
        if (strcmp(row.solver, "steps side by side") != 0) continue;
        cr_expect_not_null(strstr(row.name, ", "), "%s", row.name);
        *side += (int)row.count;
    }
    hebb_plan_stats stats;
    cr_assert_eq(hebb_session_stats(s, &stats), HEBB_OK);
    *peak = stats.peak_bytes;
    hebb_session_destroy(s);
    hebb_graph_destroy(m.graph);
    return all;
}

static void expect_fewer(maker *make, int64_t rows, int64_t columns, int most) {
    int side, none;
    size_t peak, peak_alone;
    double flops;
    const int got = count(true, make, rows, columns, &side, &peak, &flops);
    const int alone = count(false, make, rows, columns, &none, &peak_alone, &flops);
    cr_expect(side > 0 && none == 0, "%d and %d kernels side by side", side, none);
    cr_expect(got <= most && got < alone, "%d kernels instead of %d, not %d", got, alone, most);
    cr_expect_eq(peak, peak_alone, "%zu bytes instead of %zu", peak, peak_alone);
}

/* A weight's gradient and update beside the gradient of the layer below; equal products; chains
   whose values would share memory without need. */
Test(side, are_found) {
    expect_fewer(make_layers, 70, 60, 9);
    expect_fewer(make_projections, 64, 48, 14);
    expect_fewer(make_chains, 50, 64, 9);
}

/* Steps of several launches are told by name, and their work once. */
Test(side, are_told) {
    setenv("HEBB_GEMM", "tiled", 1);
    double flops[2] = {0};
    for (int beside = 0; beside < 2; beside++) {
        int side;
        size_t peak;
        count(beside, make_company, 1500, 64, &side, &peak, &flops[beside]);
    }
    cr_expect_float_eq(flops[0], flops[1], 1e-6 * flops[0], "%g, not %g", flops[1], flops[0]);
}

/* Processors have launches of their own for each step. */
Test(side, are_for_gpus) {
    setenv("HEBB_OPENCL_KERNELS", "cpu", 1);
    kept = opencl_device();
    int side;
    size_t peak;
    double flops;
    count(true, make_layers, 70, 60, &side, &peak, &flops);
    cr_expect_eq(side, 0);
}
