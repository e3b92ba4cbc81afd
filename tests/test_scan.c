/* Loops over time: values against the unrolled graph, gradients of every order against differences,
   both backends, any length, and the errors. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/devices.h"
#include "../checks/gradcheck.h"
#include "support/tally.h"
#include "../checks/values.h"

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

static hebb_array filled(hebb_dtype dtype, hebb_shape shape, uint64_t seed) {
    hebb_array a = {0};
    cr_assert_eq(hebb_array_resize(&a, dtype, shape), HEBB_OK);
    for (int64_t i = 0; i < hebb_array_count(&a); i++) {
        double value = sin((double)(seed * 7919 + (uint64_t)i * 31) + 0.5) * 0.8;
        if (dtype == HEBB_F64) ((double *)a.data)[i] = value;
        else ((float *)a.data)[i] = (float)value;
    }
    return a;
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

static void expect_equal(const hebb_array *a, const hebb_array *b, double allowed,
                         const char *what) {
    cr_assert(hebb_shape_equal(a->shape, b->shape), "%s: shapes differ", what);
    for (int64_t i = 0; i < hebb_array_count(a); i++) {
        double x = hebb_array_at(a, i), y = hebb_array_at(b, i);
        cr_expect(fabs(x - y) <= allowed * (1 + fabs(y)), "%s[%lld]: %.9g and %.9g", what,
                  (long long)i, x, y);
    }
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
        expect_equal(&got[0][i], &got[1][i], dtype == HEBB_F64 ? 1e-13 : 2e-6, what[i]);
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
