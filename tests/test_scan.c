/* Loops over time: values against the unrolled graph, gradients of every order against differences,
   both backends, any length. What bodies may do is in test_scan_bodies.c. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/devices.h"
#include "support/scan.h"
#include "support/tally.h"
#include "../checks/gradcheck.h"

enum { FEATURES = 5, HIDDEN = 3, BATCH_SIZE = 2 };

/* ---- a recurrent network, as a scan and unrolled ---- */

typedef struct network {
    hebb_tensor *x, *h0, *w, *u, *b; /* [T, batch, FEATURES], [batch, HIDDEN], ... */
} network;

static void cell(hebb_scan_frame *f) {
    const network *n = f->user;
    hebb_tensor *h = hebb_add(hebb_matmul(f->in[0], n->w), hebb_matmul(f->state[0], n->u));
    f->next[0] = hebb_tanh(hebb_add(h, n->b));
    f->out[0] = hebb_square(f->next[0]);
    f->out[1] = f->next[0];
}

static network make_network(hebb_graph *g, hebb_dtype dtype, int64_t length) {
    return (network){.x = hebb_input(g, "x", dtype, HEBB_SHAPE(length, HEBB_ANY, FEATURES)),
                     .h0 = hebb_input(g, "h0", dtype, HEBB_SHAPE(HEBB_ANY, HIDDEN)),
                     .w = hebb_input(g, "w", dtype, HEBB_SHAPE(FEATURES, HIDDEN)),
                     .u = hebb_input(g, "u", dtype, HEBB_SHAPE(HIDDEN, HIDDEN)),
                     .b = hebb_input(g, "b", dtype, HEBB_SHAPE(HIDDEN))};
}

static void scanned(network *n, bool reverse, hebb_tensor **last, hebb_tensor **out) {
    hebb_scan(last, out, .body = cell, .user = n, .states = HEBB_LIST(n->h0),
              .sequences = HEBB_LIST(n->x), .n_out = 2, .reverse = reverse);
}

static void unrolled(network *n, int64_t length, bool reverse, hebb_tensor **last,
                     hebb_tensor **out) {
    hebb_tensor *h = n->h0, *squares[8], *hidden[8];
    for (int64_t k = 0; k < length; k++) {
        int64_t t = reverse ? length - 1 - k : k;
        hebb_tensor *x = hebb_squeeze(hebb_slice(n->x, HEBB_RANGES({0, t, t + 1, 1})), 0);
        hebb_tensor *next, *o[2];
        hebb_scan_frame f = {&h, &x, &next, o, n};
        cell(&f);
        h = next;
        squares[t] = hebb_expand_dims(o[0], 0);
        hidden[t] = hebb_expand_dims(o[1], 0);
    }
    last[0] = h;
    out[0] = hebb_concat(squares, (int)length, 0);
    out[1] = hebb_concat(hidden, (int)length, 0);
}

/* A scalar that everything goes into, with weights that tell elements apart. */
static hebb_tensor *objective(hebb_tensor *last, hebb_tensor *const *out) {
    hebb_tensor *y = hebb_sum(hebb_mul(last, last), HEBB_ALL_AXES, false);
    for (int k = 0; k < 2; k++) {
        hebb_tensor *steps = hebb_iota_like(out[k], 0, hebb_tensor_dtype(out[k]));
        hebb_tensor *weight = hebb_add(steps, hebb_scalar_like(steps, 0.5 + k));
        y = hebb_add(y, hebb_sum(hebb_mul(out[k], hebb_sigmoid(weight)), HEBB_ALL_AXES, false));
    }
    return y;
}

typedef struct fed_network {
    hebb_array at[5];
} fed_network;

static fed_network feed_network(hebb_dtype dtype, int64_t length) {
    return (fed_network){{filled(dtype, HEBB_SHAPE(length, BATCH_SIZE, FEATURES), 1),
                          filled(dtype, HEBB_SHAPE(BATCH_SIZE, HIDDEN), 2),
                          filled(dtype, HEBB_SHAPE(FEATURES, HIDDEN), 3),
                          filled(dtype, HEBB_SHAPE(HIDDEN, HIDDEN), 4),
                          filled(dtype, HEBB_SHAPE(HIDDEN), 5)}};
}

static void free_network(fed_network *f) {
    for (int k = 0; k < 5; k++) hebb_array_free(&f->at[k]);
}

/* Values and gradients of scan and unrolled graph, in one run. */
static void compare(hebb_device *device, const char *name, hebb_dtype dtype, int64_t length,
                    bool reverse, unsigned without) {
    hebb_graph *g = hebb_graph_create();
    network n = make_network(g, dtype, length == 3 ? HEBB_ANY : length);
    hebb_tensor *in[] = {n.x, n.h0, n.w, n.u, n.b}, *last[2], *out[2][2], *y[2], *dx[2][5];
    scanned(&n, reverse, &last[0], out[0]);
    unrolled(&n, length, reverse, &last[1], out[1]);
    for (int k = 0; k < 2; k++) {
        y[k] = objective(last[k], out[k]);
        hebb_gradients(&y[k], 1, in, 5, NULL, dx[k]);
    }
    cr_assert_not(hebb_failed(g), "%s", hebb_message(g));
    hebb_session *s = hebb_session_create(g, device, .without = without);
    fed_network fed = feed_network(dtype, length);
    hebb_array got[2][8] = {{{0}}};
    hebb_fetch fetches[16];
    for (int k = 0; k < 2; k++) {
        hebb_tensor *of[8] = {last[k], out[k][0], out[k][1]};
        memcpy(of + 3, dx[k], sizeof dx[k]);
        for (int i = 0; i < 8; i++) fetches[8 * k + i] = (hebb_fetch){of[i], &got[k][i]};
    }
    hebb_feed feeds[5];
    for (int k = 0; k < 5; k++) feeds[k] = (hebb_feed){in[k], &fed.at[k]};
    hebb_run(s, feeds, 5, fetches, 16);
    cr_assert_not(hebb_failed(s), "%s: %s", name, hebb_message(s));
    const char *what[] = {"last", "squares", "values", "dx", "dh0", "dw", "du", "db"};
    for (int i = 0; i < 8; i++) {
        expect_near(&got[0][i], &got[1][i], dtype == HEBB_F64 ? 1e-13 : 2e-6, what[i]);
        hebb_array_free(&got[0][i]);
        hebb_array_free(&got[1][i]);
    }
    tally("scan", "against the unrolled graph", name, 8);
    free_network(&fed);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

static void compare_all(hebb_device *device, const char *name, hebb_dtype dtype) {
    for (int64_t length = 1; length <= 6; length++)
        for (int reverse = 0; reverse < 2; reverse++) {
            compare(device, name, dtype, length, reverse, 0);
            if (length == 4) compare(device, name, dtype, length, reverse, HEBB_NO_PASSES);
        }
}

Test(scan, equals_the_unrolled_graph_on_the_cpu) {
    hebb_device *device = cpu_device();
    compare_all(device, "cpu", HEBB_F64);
    compare_all(device, "cpu", HEBB_F32);
    hebb_device_close(device);
}

Test(scan, equals_the_unrolled_graph_on_opencl) {
    hebb_device *device = opencl_device();
    compare_all(device, "opencl", HEBB_F32);
    hebb_device_close(device);
}

/* ---- gradients against differences ---- */

/* Another number for each element along the last axis. */
static hebb_tensor *weight_of(hebb_tensor *x) {
    hebb_tensor *place = hebb_iota_like(x, -1, HEBB_F64);
    return hebb_tanh(hebb_add(place, hebb_scalar_like(place, 0.3)));
}

static void check_gradients(bool second) {
    hebb_graph *g = hebb_graph_create();
    network n = make_network(g, HEBB_F64, HEBB_ANY);
    hebb_tensor *in[] = {n.x, n.h0, n.w, n.u, n.b}, *last, *out[2], *dx[5];
    scanned(&n, false, &last, out);
    hebb_tensor *y = objective(last, out);
    if (second) {
        hebb_gradients(&y, 1, in, 5, NULL, dx);
        y = hebb_scalar_like(y, 0);
        for (int k = 0; k < 5; k++)
            y = hebb_add(y, hebb_sum(hebb_mul(dx[k], weight_of(dx[k])), HEBB_ALL_AXES, false));
    }
    hebb_gradients(&y, 1, in, 5, NULL, dx);
    cr_assert_not(hebb_failed(g), "%s", hebb_message(g));
    hebb_device *device = cpu_device();
    hebb_session *s = hebb_session_create(g, device);
    fed_network fed = feed_network(HEBB_F64, 4);
    gradcheck_input inputs[5];
    for (int k = 0; k < 5; k++) inputs[k] = (gradcheck_input){in[k], &fed.at[k], dx[k]};
    gradcheck_report r = gradcheck(s, y, inputs, 5);
    cr_expect(r.passed, "%s", r.message);
    tally("scan", second ? "second gradient" : "gradient", "cpu", (size_t)r.elements);
    free_network(&fed);
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

Test(scan, gradient) { check_gradients(false); }
Test(scan, second_gradient) { check_gradients(true); }

/* ---- loops of other kinds ---- */

static void doubling(hebb_scan_frame *f) {
    f->next[0] = hebb_add(f->state[0], f->state[0]);
    f->next[1] = hebb_add(f->state[1], hebb_scalar_like(f->state[1], 1));
}

/* Without sequences; a state of integers, one that nobody wants of every iteration; no iteration.
 */
static void count_up(hebb_device *device) {
    for (int64_t length = 0; length < 4; length++) {
        hebb_graph *g = hebb_graph_create();
        hebb_tensor *first[] = {hebb_full(g, HEBB_F32, HEBB_SHAPE(3), 0.5),
                                hebb_full(g, HEBB_I32, HEBB_SCALAR, 7)};
        hebb_tensor *last[2];
        hebb_scan(last, NULL, .body = doubling, .states = {first, 2}, .length = length);
        hebb_array x = {0}, n = {0};
        run_once(g, device, HEBB_NO_FEED, HEBB_FETCH({last[0], &x}, {last[1], &n}));
        cr_expect_eq(hebb_array_at(&x, 2), 0.5 * (double)(1 << length));
        cr_expect_eq(hebb_array_at(&n, 0), 7 + (double)length);
        hebb_array_free(&x);
        hebb_array_free(&n);
        hebb_graph_destroy(g);
    }
}

Test(scan, counts_without_sequences_on_the_cpu) {
    hebb_device *device = cpu_device();
    count_up(device);
    hebb_device_close(device);
}

Test(scan, counts_without_sequences_on_opencl) {
    hebb_device *device = opencl_device();
    count_up(device);
    hebb_device_close(device);
}

/* A sequence of no elements: the first value stays, the stack is empty, gradients are zero. */
Test(scan, no_elements) {
    hebb_graph *g = hebb_graph_create();
    network n = make_network(g, HEBB_F64, HEBB_ANY);
    hebb_tensor *in[] = {n.x, n.h0, n.w, n.u, n.b}, *last, *out[2], *dx[5];
    scanned(&n, false, &last, out);
    hebb_tensor *y = hebb_sum(last, HEBB_ALL_AXES, false);
    hebb_gradients(&y, 1, in, 5, NULL, dx);
    fed_network fed = feed_network(HEBB_F64, 0);
    hebb_feed feeds[5];
    for (int k = 0; k < 5; k++) feeds[k] = (hebb_feed){in[k], &fed.at[k]};
    hebb_array h = {0}, all = {0}, dw = {0}, dh0 = {0};
    hebb_device *device = cpu_device();
    run_once(g, device, feeds, 5,
             HEBB_FETCH({last, &h}, {out[1], &all}, {dx[2], &dw}, {dx[1], &dh0}));
    expect_near(&h, &fed.at[1], 0, "last");
    cr_expect_eq(all.shape.dim[0], 0);
    cr_expect_eq(all.shape.rank, 3);
    for (int64_t i = 0; i < hebb_array_count(&dw); i++) cr_expect_eq(hebb_array_at(&dw, i), 0);
    for (int64_t i = 0; i < hebb_array_count(&dh0); i++) cr_expect_eq(hebb_array_at(&dh0, i), 1);
    hebb_array_free(&h);
    hebb_array_free(&all);
    hebb_array_free(&dw);
    hebb_array_free(&dh0);
    free_network(&fed);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

/* ---- scans in scans ---- */

static void inner(hebb_scan_frame *f) {
    hebb_tensor *weight = f->user;
    f->next[0] = hebb_tanh(hebb_add(hebb_mul(f->state[0], weight), f->in[0]));
    f->out[0] = hebb_mul(f->next[0], f->in[0]);
}

/* x [A, B, n]: a scan over A of scans over B, whose weight is the outer state. */
static void outer(hebb_scan_frame *f) {
    hebb_tensor *last, *out;
    hebb_scan(&last, &out, .body = inner, .user = f->state[0], .states = HEBB_LIST(f->state[0]),
              .sequences = HEBB_LIST(f->in[0]), .n_out = 1);
    f->next[0] = hebb_add(last, hebb_sum(out, HEBB_AXES(0), false));
    f->out[0] = out;
}

static void check_nested(bool second) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *in[] = {hebb_input(g, "x", HEBB_F64, HEBB_SHAPE(HEBB_ANY, HEBB_ANY, 2)),
                         hebb_input(g, "h", HEBB_F64, HEBB_SHAPE(2))};
    hebb_tensor *last, *out, *dx[2];
    hebb_scan(&last, &out, .body = outer, .states = HEBB_LIST(in[1]), .sequences = HEBB_LIST(in[0]),
              .n_out = 1);
    hebb_tensor *y = hebb_sum(hebb_mul(last, weight_of(last)), HEBB_ALL_AXES, false);
    y = hebb_add(y, hebb_sum(hebb_square(out), HEBB_ALL_AXES, false));
    hebb_gradients(&y, 1, in, 2, NULL, dx);
    if (second) {
        y = hebb_add(hebb_sum(hebb_mul(dx[0], weight_of(dx[0])), HEBB_ALL_AXES, false),
                     hebb_sum(hebb_mul(dx[1], weight_of(dx[1])), HEBB_ALL_AXES, false));
        hebb_gradients(&y, 1, in, 2, NULL, dx);
    }
    cr_assert_not(hebb_failed(g), "%s", hebb_message(g));
    hebb_device *device = cpu_device();
    hebb_session *s = hebb_session_create(g, device);
    hebb_array x = filled(HEBB_F64, HEBB_SHAPE(3, 2, 2), 1), h = filled(HEBB_F64, HEBB_SHAPE(2), 2);
    gradcheck_input inputs[] = {{in[0], &x, dx[0]}, {in[1], &h, dx[1]}};
    gradcheck_report r = gradcheck(s, y, inputs, 2);
    cr_expect(r.passed, "%s", r.message);
    tally("scan", second ? "nested, second gradient" : "nested, gradient", "cpu",
          (size_t)r.elements);
    hebb_array_free(&x);
    hebb_array_free(&h);
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

Test(scan, nested_gradient) { check_nested(false); }
Test(scan, nested_second_gradient) { check_nested(true); }

/* ---- random numbers ---- */

static void noisy(hebb_scan_frame *f) {
    f->next[0] = hebb_add(f->state[0], f->in[0]);
    f->out[0] = hebb_random_uniform_like(f->state[0]);
    f->out[1] = hebb_mul(f->next[0], f->out[0]);
}

/* Another number in each iteration, the same on both devices, and in the gradient those of the
   forward pass: d(sum of out)/dx[t] is the sum of the numbers from t on. */
Test(scan, random_numbers) {
    hebb_array noise[2] = {{0}}, slope[2] = {{0}}, x = filled(HEBB_F32, HEBB_SHAPE(6, 4), 1);
    for (int k = 0; k < 2; k++) {
        hebb_device *device = k == 0 ? cpu_device() : opencl_device();
        hebb_graph *g = hebb_graph_create();
        hebb_tensor *in = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 4)), *out[2];
        hebb_tensor *zero = hebb_full(g, HEBB_F32, HEBB_SHAPE(4), 0);
        hebb_scan(NULL, out, .body = noisy, .states = HEBB_LIST(zero), .sequences = HEBB_LIST(in),
                  .n_out = 2);
        hebb_tensor *dx = hebb_gradient(hebb_sum(out[1], HEBB_ALL_AXES, false), in);
        run_once(g, device, HEBB_FEED({in, &x}), HEBB_FETCH({out[0], &noise[k]}, {dx, &slope[k]}));
        for (int64_t i = 0; i < 4; i++) {
            double sum = 0;
            for (int64_t t = 5; t >= 0; t--) {
                double u = hebb_array_at(&noise[k], 4 * t + i);
                sum += u;
                cr_expect(t == 0 || u != hebb_array_at(&noise[k], 4 * (t - 1) + i));
                cr_expect(fabs(hebb_array_at(&slope[k], 4 * t + i) - sum) < 1e-5);
            }
        }
        hebb_graph_destroy(g);
        hebb_device_close(device);
    }
    expect_near(&noise[0], &noise[1], 0, "random numbers");
    for (int k = 0; k < 2; k++) {
        hebb_array_free(&noise[k]);
        hebb_array_free(&slope[k]);
    }
    hebb_array_free(&x);
}

/* ---- size ---- */

/* Hundreds of iterations are no more nodes and steps than a hundred. (Loops of a few points, as with
   few iterations, are merged with others.) */
Test(scan, length_does_not_grow_the_graph) {
    size_t nodes[2], steps[2];
    for (int k = 0; k < 2; k++) {
        int64_t length = k == 0 ? 100 : 300;
        hebb_graph *g = hebb_graph_create();
        network n = make_network(g, HEBB_F32, length);
        hebb_tensor *in[] = {n.x, n.h0, n.w, n.u, n.b}, *last, *out[2], *dx[5];
        scanned(&n, false, &last, out);
        hebb_tensor *y = objective(last, out);
        hebb_gradients(&y, 1, in, 5, NULL, dx);
        hebb_device *device = cpu_device();
        hebb_session *s = hebb_session_create(g, device);
        fed_network fed = feed_network(HEBB_F32, length);
        hebb_feed feeds[5];
        for (int i = 0; i < 5; i++) feeds[i] = (hebb_feed){in[i], &fed.at[i]};
        hebb_array dw = {0};
        hebb_run(s, feeds, 5, HEBB_FETCH({dx[2], &dw}));
        cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
        hebb_plan_stats stats;
        hebb_session_stats(s, &stats);
        nodes[k] = hebb_graph_size(g);
        steps[k] = stats.steps;
        hebb_array_free(&dw);
        free_network(&fed);
        hebb_session_destroy(s);
        hebb_device_close(device);
        hebb_graph_destroy(g);
    }
    cr_expect_eq(nodes[0], nodes[1]);
    cr_expect_eq(steps[0], steps[1]);
    cr_expect_lt(nodes[1], 150);
}

/* ---- training ---- */

enum { TRAIN_TIME = 10, TRAIN_BATCH = 64, TRAIN_HIDDEN = 16 };

typedef struct gru {
    hebb_tensor *update, *reset, *fresh; /* [2 + TRAIN_HIDDEN, TRAIN_HIDDEN] each */
} gru;

/* K. Cho et al. 2014. */
static void gru_cell(hebb_scan_frame *f) {
    const gru *g = f->user;
    hebb_tensor *h = f->state[0], *x = f->in[0];
    hebb_tensor *both = hebb_concat(((hebb_tensor *[]){x, h}), 2, 1);
    hebb_tensor *z = hebb_sigmoid(hebb_matmul(both, g->update));
    hebb_tensor *r = hebb_sigmoid(hebb_matmul(both, g->reset));
    hebb_tensor *kept = hebb_concat(((hebb_tensor *[]){x, hebb_mul(r, h)}), 2, 1);
    hebb_tensor *candidate = hebb_tanh(hebb_matmul(kept, g->fresh));
    f->next[0] = hebb_add(h, hebb_mul(z, hebb_sub(candidate, h)));
}

/* Sequences of random signs, of which the network must tell the first when it has seen all: [T,
   batch, 2], the second feature marking the first element. */
static void make_task(uint64_t seed, float *x, float *y) {
    for (int64_t b = 0; b < TRAIN_BATCH; b++)
        for (int64_t t = 0; t < TRAIN_TIME; t++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            float sign = seed >> 63 ? 1.0f : -1.0f;
            x[(t * TRAIN_BATCH + b) * 2] = sign;
            x[(t * TRAIN_BATCH + b) * 2 + 1] = t == 0;
            if (t == 0) y[b] = sign;
        }
}

static double train(hebb_device *device, int steps) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY, 2));
    hebb_tensor *y = hebb_input(g, "y", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 1));
    hebb_shape shape = HEBB_SHAPE(2 + TRAIN_HIDDEN, TRAIN_HIDDEN);
    gru w = {hebb_variable(g, "update", HEBB_F32, shape, hebb_glorot_uniform()),
             hebb_variable(g, "reset", HEBB_F32, shape, hebb_glorot_uniform()),
             hebb_variable(g, "fresh", HEBB_F32, shape, hebb_glorot_uniform())};
    hebb_tensor *h0 =
        hebb_matmul(hebb_zeros_like(y), hebb_full(g, HEBB_F32, HEBB_SHAPE(1, TRAIN_HIDDEN), 0));
    hebb_tensor *last;
    hebb_scan(&last, NULL, .body = gru_cell, .user = &w, .states = HEBB_LIST(h0),
              .sequences = HEBB_LIST(x));
    hebb_tensor *guess = hebb_dense(last, 1, .activation = hebb_tanh);
    hebb_tensor *loss = hebb_mean_squared_error(guess, y);
    hebb_tensor *step = hebb_minimize(loss, hebb_adam(.learning_rate = 0.02));
    cr_assert_not(hebb_failed(g), "%s", hebb_message(g));
    hebb_session *s = hebb_session_create(g, device, .seed = 5);
    static float xs[TRAIN_TIME * TRAIN_BATCH * 2], ys[TRAIN_BATCH];
    hebb_array in = hebb_array_view(xs, HEBB_F32, HEBB_SHAPE(TRAIN_TIME, TRAIN_BATCH, 2));
    hebb_array want = hebb_array_view(ys, HEBB_F32, HEBB_SHAPE(TRAIN_BATCH, 1)), value = {0};
    for (int k = 0; k < steps; k++) {
        make_task((uint64_t)k + 1, xs, ys);
        hebb_run(s, HEBB_FEED({x, &in}, {y, &want}), HEBB_FETCH({step, NULL}, {loss, &value}));
        cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    }
    double result = hebb_array_item(&value);
    hebb_array_free(&value);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    return result;
}

/* What was seen ten steps ago is remembered: gradients reach that far. */
Test(scan, learns_to_remember) {
    hebb_device *device = cpu_device();
    double first = train(device, 1), last = train(device, 1000);
    cr_expect_gt(first, 0.5);
    cr_expect_lt(last, 0.2, "the loss is %g", last);
    hebb_device_close(device);
}

Test(scan, trains_alike_on_both_devices) {
    hebb_device *cpu = cpu_device(), *opencl = opencl_device();
    double a = train(cpu, 5), b = train(opencl, 5);
    cr_expect(fabs(a - b) < 1e-4 * a, "%g and %g", a, b);
    hebb_device_close(cpu);
    hebb_device_close(opencl);
}
