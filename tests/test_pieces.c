/* Arenas of several pieces, for devices that give less memory in one than a plan needs: the same as
   in one piece, for steps of every kind, and an error for a tensor that no piece has room for.

   The same bits, where values lie in memory of their own. Where memory is used again, what lies
   where decides which steps are one kernel, which adds in another order. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/devices.h"

enum { BATCH = 16, RESULTS = 4 };

typedef struct model {
    hebb_graph *graph;
    hebb_tensor *x, *result[RESULTS], *step;
    int n_results;
} model;

/* Whole tensors, rows, products, convolutions and what they are made of in training. */
static void make_network(model *m) {
    m->x = hebb_input(m->graph, "x", HEBB_F32, HEBB_SHAPE(BATCH, 3, 12, 12));
    hebb_tensor *h = hebb_conv2d(m->x, 16, 3, .activation = hebb_relu);
    h = hebb_max_pool2d(hebb_batch_normalization(h), 2);
    h = hebb_dense(hebb_flatten(h), 64, .activation = hebb_tanh);
    h = hebb_softmax(hebb_dense(hebb_layer_normalization(h), 32));
    hebb_tensor *loss = hebb_mean(hebb_square(h), HEBB_AXES(0, 1), false);
    m->result[m->n_results++] = h;
    m->result[m->n_results++] = loss;
    m->step = hebb_minimize(loss, hebb_adam(.learning_rate = 0.01));
}

static void cell(hebb_scan_frame *f) {
    hebb_tensor *w = f->user;
    f->next[0] = hebb_tanh(hebb_add(hebb_matmul(f->state[0], w), f->in[0]));
    f->out[0] = hebb_mul(f->next[0], f->in[0]);
}

/* A scan, whose own scratch memory is in the arena, too, and its gradient. */
static void make_scan(model *m) {
    m->x = hebb_input(m->graph, "x", HEBB_F32, HEBB_SHAPE(BATCH, 12, 36));
    hebb_tensor *w =
        hebb_variable(m->graph, "w", HEBB_F32, HEBB_SHAPE(36, 36), hebb_uniform(-1, 1));
    hebb_tensor *x = hebb_mul(m->x, hebb_scalar_like(m->x, 0.5)), *last, *out;
    hebb_tensor *h0 = hebb_full(m->graph, HEBB_F32, HEBB_SHAPE(12, 36), 0);
    hebb_scan(&last, &out, .body = cell, .user = w, .states = HEBB_LIST(h0),
              .sequences = HEBB_LIST(x), .n_out = 1);
    hebb_tensor *loss = hebb_add(hebb_sum(hebb_square(out), HEBB_AXES(0, 1, 2), false),
                                 hebb_sum(last, HEBB_AXES(0, 1), false));
    m->result[m->n_results++] = out;
    hebb_gradients(HEBB_TENSORS(loss), HEBB_TENSORS(m->x, w), NULL, &m->result[m->n_results]);
    m->n_results += 2;
}

/* Sorting and indices, with scratch memory of their own. */
static void make_order(model *m) {
    m->x = hebb_input(m->graph, "x", HEBB_F32, HEBB_SHAPE(BATCH, 432));
    hebb_tensor *y = hebb_mul(m->x, m->x);
    hebb_tensor *order = hebb_argsort(y, 1, false);
    hebb_tensor *sorted = hebb_take_along(y, order, 1);
    m->result[m->n_results++] = hebb_cumsum(sorted, 1, false, false);
    m->result[m->n_results++] = hebb_sum(hebb_exp(y), HEBB_AXES(0), false);
}

typedef void maker(model *m);

typedef struct outcome {
    hebb_array result[RESULTS];
    int n;
    size_t peak;
} outcome;

static hebb_device *device_of(const char *piece, const char *form) {
    if (piece != NULL) setenv("HEBB_OPENCL_PIECE", piece, 1);
    else unsetenv("HEBB_OPENCL_PIECE");
    setenv("HEBB_OPENCL_KERNELS", form, 1);
    return opencl_device();
}

static outcome run_model(maker *make, const char *piece, const char *form, unsigned without) {
    model m = {.graph = hebb_graph_create()};
    make(&m);
    hebb_device *device = device_of(piece, form);
    hebb_session *s =
        hebb_session_create(m.graph, device, .seed = 3, .without = without, .poison = 0xff);
    hebb_array x = hebb_array_zeros(HEBB_F32, hebb_tensor_shape(m.x));
    for (int64_t i = 0; i < hebb_array_count(&x); i++)
        ((float *)x.data)[i] = (float)(i * 37 % 101) / 50 - 1;
    hebb_feed feeds[] = {{m.x, &x}};
    outcome o = {.n = m.n_results};
    hebb_fetch fetches[RESULTS + 1];
    for (int k = 0; k < o.n; k++) fetches[k] = (hebb_fetch){m.result[k], &o.result[k]};
    fetches[o.n] = (hebb_fetch){m.step, NULL};
    for (int k = 0; k < 2; k++) hebb_run(s, feeds, 1, fetches, (size_t)o.n + (m.step != NULL));
    cr_assert(!hebb_failed(s), "%s", hebb_message(s));
    hebb_plan_stats stats;
    cr_assert_eq(hebb_session_stats(s, &stats), HEBB_OK);
    o.peak = stats.peak_bytes;
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(m.graph);
    hebb_array_free(&x);
    return o;
}

static void expect_equal(const hebb_array *whole, const hebb_array *cut, double allowed,
                         const char *what) {
    cr_assert(hebb_shape_equal(whole->shape, cut->shape), "%s: shapes differ", what);
    for (int64_t i = 0; i < hebb_array_count(whole); i++) {
        const double x = hebb_array_at(whole, i), y = hebb_array_at(cut, i);
        cr_assert(fabs(x - y) <= allowed * (1 + fabs(x)), "%s[%lld]: %.9g in one piece, %.9g cut",
                  what, (long long)i, x, y);
    }
}

static void check(maker *make, const char *piece, const char *form, unsigned without) {
    outcome whole = run_model(make, NULL, form, without);
    outcome cut = run_model(make, piece, form, without);
    cr_expect_gt(cut.peak, 2 * strtoull(piece, NULL, 10), "the arena is %zu bytes only", cut.peak);
    /* What has no room for its lists in a piece is sorted in another way, in less memory. */
    if (make != make_order) cr_expect_geq(cut.peak, whole.peak);
    for (int k = 0; k < whole.n; k++) {
        char what[80];
        snprintf(what, sizeof what, "result %d in pieces of %s, %s kernels", k, piece, form);
        expect_equal(&whole.result[k], &cut.result[k], without & HEBB_NO_REUSE ? 0 : 2e-6, what);
        hebb_array_free(&whole.result[k]);
        hebb_array_free(&cut.result[k]);
    }
}

Test(pieces, of_a_network) {
    check(make_network, "150000", "cpu", 0);
    check(make_network, "150000", "gpu", 0);
    check(make_network, "150000", "gpu", HEBB_NO_REUSE);
}
Test(pieces, of_a_scan) {
    check(make_scan, "40000", "cpu", HEBB_NO_REUSE);
    check(make_scan, "40000", "gpu", 0);
}
Test(pieces, of_sorting) {
    check(make_order, "30000", "cpu", HEBB_NO_REUSE);
    check(make_order, "30000", "gpu", HEBB_NO_REUSE);
}

/* What a run says that fails in a device whose pieces are that small. */
static void expect_error(maker *make, const char *piece, const char *wanted) {
    model m = {.graph = hebb_graph_create()};
    make(&m);
    hebb_device *device = device_of(piece, "cpu");
    hebb_session *s = hebb_session_create(m.graph, device, .seed = 3);
    hebb_array x = hebb_array_zeros(HEBB_F32, hebb_tensor_shape(m.x)), y = {0};
    hebb_feed feeds[] = {{m.x, &x}};
    hebb_fetch fetches[] = {{m.result[0], &y}};
    cr_expect_eq(hebb_run(s, feeds, 1, fetches, 1), HEBB_E_MEMORY);
    cr_expect(strstr(hebb_message(s), wanted) != NULL, "%s", hebb_message(s));
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(m.graph);
    hebb_array_free(&x);
    hebb_array_free(&y);
}

Test(pieces, too_small_for_a_tensor) {
    expect_error(make_order, "27000", "bytes in one piece; the device gives 26944");
    expect_error(make_network, "20000", "in one piece");
}
