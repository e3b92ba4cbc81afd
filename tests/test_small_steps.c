/* Runs of small steps, which the OpenCL backend gives to one kernel: against the CPU backend and
   against a kernel a step, in both forms of kernels, with sizes on either side of what counts as
   small. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <hebb/elementwise.h>

#include "support/devices.h"
#include "support/outcome.h"

#define TOLERANCE 2e-5 /* of float32 */

/* A training step of two dense layers: products of all transposes, reductions, updates in place. */
static void make_training(built *m) {
    const int64_t hidden = 2 * m->columns + 1;
    hebb_tensor *w =
        hebb_variable(m->graph, "w", m->dtype, HEBB_SHAPE(m->columns, hidden), hebb_uniform(-1, 1));
    hebb_tensor *b = hebb_variable(m->graph, "b", m->dtype, HEBB_SHAPE(hidden), hebb_zeros());
    hebb_tensor *v =
        hebb_variable(m->graph, "v", m->dtype, HEBB_SHAPE(hidden, 2), hebb_uniform(-1, 1));
    hebb_tensor *h = hebb_tanh(hebb_add(hebb_matmul(m->x, w), b));
    hebb_tensor *y = hebb_sigmoid(hebb_matmul(h, v));
    hebb_tensor *loss = hebb_mean(hebb_square(y), HEBB_AXES(0, 1), false);
    built_add(m, loss);
    m->step = hebb_minimize(loss, hebb_adam(.learning_rate = 0.01));
    built_add(m, w);
    built_add(m, b);
    built_add(m, v);
}

/* Steps that read all of what the one before them has written, along the other side. */
static void make_chain(built *m) {
    hebb_tensor *most = hebb_max(m->x, HEBB_AXES(0), true);
    hebb_tensor *y = hebb_exp(hebb_sub(m->x, most));
    hebb_tensor *total = hebb_sum(y, HEBB_AXES(1), true);
    built_add(m, hebb_div(y, total));
    built_add(m,
              hebb_sum(hebb_transpose(hebb_mul(y, total), HEBB_AXES(1, 0)), HEBB_AXES(1), false));
}

/* More variables than a kernel could have arguments for. */
static void make_many(built *m) {
    enum { LAYERS = 20 };
    hebb_tensor *y = m->x;
    for (int k = 0; k < LAYERS; k++) {
        char name[16];
        snprintf(name, sizeof name, "w%d", k);
        hebb_tensor *w = hebb_variable(m->graph, name, m->dtype, HEBB_SHAPE(m->columns, m->columns),
                                       hebb_uniform(-1, 1));
        y = hebb_tanh(hebb_matmul(y, w));
    }
    hebb_tensor *loss = hebb_mean(hebb_square(y), HEBB_AXES(0, 1), false);
    m->step = hebb_minimize(loss, hebb_adam(.learning_rate = 0.01));
    built_add(m, loss);
    built_add(m, y);
}

/* Whole numbers and truth values. */
static void make_integers(built *m) {
    hebb_tensor *whole = hebb_cast(m->x, HEBB_I32);
    hebb_tensor *most = hebb_max(whole, HEBB_AXES(0), true);
    hebb_tensor *is_most = hebb_equal(whole, most);
    hebb_tensor *ties = hebb_sum(hebb_cast(is_most, HEBB_I32), HEBB_AXES(1), true);
    built_add(m, is_most);
    built_add(m, hebb_select(is_most, ties, whole));
    built_add(m, hebb_prod(hebb_cast(ties, HEBB_I64), HEBB_AXES(0, 1), false));
    built_add(m, hebb_cast(hebb_mul(m->x, hebb_cast(ties, m->dtype)), HEBB_F16));
}

/* States that trade places, one of them transposed: every step reads what another one writes. */
static void make_exchange(built *m) {
    hebb_tensor *a = built_state(m, "a", m->rows, m->columns),
                *b = built_state(m, "b", m->rows, m->columns);
    hebb_tensor *square = built_state(m, "square", m->columns, m->columns);
    hebb_tensor *half = hebb_scalar_like(m->x, 0.5);
    built_add(m, hebb_assign(a, hebb_matmul(b, square)));
    built_add(m, hebb_assign(b, hebb_mul(hebb_add(a, m->x), half)));
    built_add(m, hebb_assign(square, hebb_mul(hebb_transpose(square, HEBB_AXES(1, 0)), half)));
}

static void make_noise(built *m) {
    hebb_tensor *noise = hebb_random_uniform(m->graph, m->dtype, HEBB_SHAPE(m->rows, m->columns));
    hebb_tensor *total = hebb_sum(hebb_mul(m->x, noise), HEBB_AXES(1), true);
    built_add(m, hebb_mul(noise, total));
    built_add(m, hebb_max(hebb_random_normal(m->graph, m->dtype, HEBB_SHAPE(m->columns, m->rows)),
                          HEBB_AXES(0), false));
}

HEBB_ELEMENTWISE_FORWARD(leaky, (x), x > 0 ? x : x * 0.25);

static void make_user(built *m) {
    hebb_tensor *y = hebb_apply(&leaky, m->x);
    built_add(m, hebb_mul(hebb_apply(&leaky, hebb_sum(y, HEBB_AXES(0), true)), y));
}

static void cell(hebb_scan_frame *f) {
    hebb_tensor *w = f->user;
    hebb_tensor *h = hebb_add(hebb_matmul(f->state[0], w), f->in[0]);
    hebb_tensor *mean = hebb_mean(h, HEBB_AXES(1), true);
    f->next[0] = hebb_tanh(hebb_sub(h, mean));
    f->out[0] = hebb_mul(f->next[0], mean);
}

/* Iterations of small steps, forward and backward. */
static void make_scan(built *m) {
    enum { LENGTH = 5 };
    hebb_tensor *w = built_state(m, "w", m->columns, m->columns), *last, *out;
    hebb_tensor *x = hebb_stack(HEBB_TENSORS(m->x, m->x, m->x, m->x, m->x), 0);
    hebb_scan(&last, &out, .body = cell, .user = w, .states = HEBB_LIST(m->x),
              .sequences = HEBB_LIST(hebb_tanh(x)), .n_out = 1);
    hebb_tensor *loss = hebb_add(hebb_sum(hebb_square(out), HEBB_AXES(0, 1, 2), false),
                                 hebb_sum(last, HEBB_AXES(0, 1), false));
    built_add(m, out);
    hebb_gradients(HEBB_TENSORS(loss), HEBB_TENSORS(m->x, w), NULL, &m->result[m->n_results]);
    m->n_results += 2;
}

/* ---- running ---- */

/* Kept open, as a driver that compiles takes its time when a device is first used. */
static hebb_device *kept[2][2];

static hebb_device *device_of(const char *form, bool together) {
    hebb_device **device = &kept[strcmp(form, "cpu") == 0][together];
    setenv("HEBB_OPENCL_KERNELS", form, 1);
    setenv("HEBB_OPENCL_SMALL", together ? "1" : "0", 1);
    if (*device == NULL) *device = opencl_device();
    return *device;
}

static void close_kept(void) {
    for (int k = 0; k < 4; k++) hebb_device_close(kept[k / 2][k % 2]);
}

TestSuite(small_steps, .fini = close_kept);

static void check_form(const char *form, maker *make, const char *name, int64_t rows,
                       int64_t columns, hebb_dtype dtype) {
    char what[96];
    snprintf(what, sizeof what, "%s of %d x %d, %s kernels", name, (int)rows, (int)columns, form);
    hebb_device *cpu = cpu_device(), *one = device_of(form, true);
    outcome wanted = outcome_of(cpu, make, rows, columns, dtype);
    outcome got = outcome_of(one, make, rows, columns, dtype);
    outcome again = outcome_of(one, make, rows, columns, dtype);
    hebb_device *each = device_of(form, false);
    outcome apart = outcome_of(each, make, rows, columns, dtype);
    outcome_expect_near(&got, &wanted, TOLERANCE, what);
    outcome_expect_near(&got, &apart, TOLERANCE, what);
    outcome_expect_same_bits(&got, &again, what);
    outcome_free(&wanted);
    outcome_free(&got);
    outcome_free(&again);
    outcome_free(&apart);
    hebb_device_close(cpu);
}

static void check(maker *make, const char *name, int64_t rows, int64_t columns) {
    check_form("cpu", make, name, rows, columns, HEBB_F32);
    check_form("gpu", make, name, rows, columns, HEBB_F32);
}

/* ---- values ---- */

Test(small_steps, training) {
    check(make_training, "training", 4, 2);
    check(make_training, "training", 33, 7);
    check(make_training, "training", 0, 3);
}

Test(small_steps, chains) {
    check(make_chain, "chain", 1, 1);
    check(make_chain, "chain", 17, 16);
    check(make_chain, "chain", 5, 700);
}

Test(small_steps, many) { check(make_many, "many variables", 3, 4); }
Test(small_steps, integers) { check(make_integers, "integers", 19, 23); }
Test(small_steps, exchange) { check(make_exchange, "exchange", 9, 20); }
Test(small_steps, noise) { check(make_noise, "noise", 11, 30); }
Test(small_steps, users_ops) { check(make_user, "users' ops", 6, 45); }
Test(small_steps, scan) { check(make_scan, "scan", 3, 18); }

Test(small_steps, doubles) {
    hebb_device *device = opencl_device();
    const bool has = hebb_device_get_info(device).f64;
    hebb_device_close(device);
    if (!has) cr_skip_test("no f64");
    check_form("cpu", make_training, "training", 5, 9, HEBB_F64);
    check_form("gpu", make_scan, "scan", 4, 5, HEBB_F64);
}

/* What scripts/check-kernels simulates. */
static const char *one_form(void) {
    const char *kernels = getenv("HEBB_OPENCL_KERNELS");
    return kernels != NULL && strcmp(kernels, "cpu") == 0 ? "cpu" : "gpu";
}

Test(small_steps, some_of_each) {
    check_form(one_form(), make_training, "training", 5, 3, HEBB_F32);
    check_form(one_form(), make_exchange, "exchange", 3, 9, HEBB_F32);
    check_form(one_form(), make_integers, "integers", 5, 6, HEBB_F32);
}

Test(small_steps, some_scan) { check_form(one_form(), make_scan, "scan", 2, 4, HEBB_F32); }

/* ---- gradients ---- */

static void expect_gradients(const char *form) {
    hebb_device *device = device_of(form, true);
    if (!hebb_device_get_info(device).f64) cr_skip_test("no f64");
    built m = {.graph = hebb_graph_create(), .rows = 4, .columns = 6, .dtype = HEBB_F64};
    m.x = hebb_input(m.graph, "x", HEBB_F64, HEBB_SHAPE(4, 6));
    hebb_tensor *w = hebb_input(m.graph, "w", HEBB_F64, HEBB_SHAPE(6, 3));
    hebb_tensor *h = hebb_tanh(hebb_matmul(m.x, w));
    hebb_tensor *y = hebb_matmul(hebb_transpose(hebb_softmax(h), HEBB_AXES(1, 0)), m.x);
    hebb_session *s = hebb_session_create(m.graph, device, .seed = 3);
    hebb_gradcheck_report report;
    cr_assert_eq(hebb_gradcheck(y, HEBB_TENSORS(m.x, w), NULL, 0, s, &report), HEBB_OK, "%s",
                 report.message);
    cr_expect(report.passed, "%s", report.message);
    cr_expect_eq(report.elements, 4 * 6 + 6 * 3);
    hebb_session_destroy(s);
    hebb_graph_destroy(m.graph);
}

Test(small_steps, gradients_on_processors) { expect_gradients("cpu"); }
Test(small_steps, gradients) { expect_gradients("gpu"); }

/* ---- memory in pieces ---- */

Test(small_steps, in_pieces) {
    setenv("HEBB_OPENCL_PIECE", "4096", 1);
    check(make_chain, "chain", 30, 29);
    check(make_exchange, "exchange", 24, 30);
}

/* ---- which steps ---- */

/* How many kernels do several small steps, and how many steps have one of their own, in a run. */
static void count(const char *form, maker *make, int64_t rows, int64_t columns, int *together,
                  int *apart) {
    hebb_device *device = device_of(form, true);
    built m = built_make(make, rows, columns, HEBB_F32);
    hebb_session *s = hebb_session_create(m.graph, device, .seed = 7);
    built_run(s, &m, 0, NULL);
    cr_assert_eq(hebb_session_profile(s, true), HEBB_OK);
    built_run(s, &m, 0, NULL);
    hebb_profile_row row;
    *together = *apart = 0;
    for (size_t k = 0; hebb_session_profile_row(s, k, &row) == HEBB_OK; k++)
        if (strcmp(row.solver, "small steps together") == 0) {
            cr_expect_not_null(strstr(row.name, ", "), "%s", row.name);
            ++*together;
        } else ++*apart;
    hebb_session_destroy(s);
    hebb_graph_destroy(m.graph);
}

static void expect_counts(const char *form, maker *make, int64_t rows, int64_t columns,
                          int together, int apart) {
    int got_together, got_apart;
    count(form, make, rows, columns, &got_together, &got_apart);
    cr_expect(got_together == together && got_apart == apart,
              "%d x %d, %s kernels: %d together and %d apart, not %d and %d", (int)rows,
              (int)columns, form, got_together, got_apart, together, apart);
}

Test(small_steps, are_found) {
    expect_counts("cpu", make_training, 4, 2, 1, 0);
    expect_counts("gpu", make_training, 4, 2, 1, 0);
    expect_counts("cpu", make_exchange, 9, 20, 1, 0);
    expect_counts("gpu", make_exchange, 9, 20, 1, 0);
    int together, apart;
    count("cpu", make_many, 3, 4, &together, &apart);
    cr_expect(together > 1 && apart == 0, "%d together, %d apart", together, apart);
}

/* Products of 16384 multiplications and loops that are worth one work-item on processors; on GPUs
   what one work-group does in the time of a launch. */
Test(small_steps, are_found_by_size) {
    expect_counts("cpu", make_exchange, 16, 32, 1, 0);
    expect_counts("cpu", make_exchange, 17, 32, 1, 1);
    expect_counts("gpu", make_exchange, 24, 32, 1, 0);
    expect_counts("gpu", make_exchange, 40, 32, 1, 1);
}
