/* Boundaries: a value with a gradient of one's own, and a body that is computed again for its
   gradient. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/devices.h"
#include "../checks/gradcheck.h"
#include "support/tally.h"

static hebb_array filled(hebb_shape shape, uint64_t seed) {
    hebb_array a = {0};
    cr_assert_eq(hebb_array_resize(&a, HEBB_F64, shape), HEBB_OK);
    for (int64_t i = 0; i < hebb_array_count(&a); i++)
        ((double *)a.data)[i] = sin((double)(seed * 7919 + (uint64_t)i * 31) + 0.5) * 0.8;
    return a;
}

static hebb_tensor *total(hebb_tensor *x) { return hebb_sum(x, HEBB_ALL_AXES, false); }

/* ---- with_gradient ---- */

/* Of the sign: as if it were the identity on [-1, 1] (the straight-through estimator). */
static void straight_through(hebb_backward *b) {
    hebb_tensor *inside = hebb_less_equal(hebb_abs(b->x[0]), hebb_scalar_like(b->x[0], 1));
    b->dx[0] =
        hebb_select(inside, hebb_mul(b->dy, hebb_square(b->x[0])), hebb_scalar_like(b->dy, 0));
    ++*(int *)b->user;
}

Test(with_gradient, the_rule_replaces_the_path) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F64, HEBB_SHAPE(HEBB_ANY));
    int calls = 0;
    hebb_tensor *y = hebb_with_gradient(hebb_sign(x), HEBB_LIST(x), straight_through, &calls);
    hebb_tensor *dx = hebb_gradient(total(y), x), *ddx = hebb_gradient(total(dx), x);
    cr_assert_not(hebb_failed(g), "%s", hebb_message(g));
    cr_expect_eq(calls, 1);
    hebb_device *device = cpu_device();
    hebb_session *s = hebb_session_create(g, device);
    double at[] = {-2, -0.5, 0.25, 3};
    hebb_array in = hebb_array_view(at, HEBB_F64, HEBB_SHAPE(4)), v = {0}, d = {0}, dd = {0};
    hebb_run(s, HEBB_FEED({x, &in}), HEBB_FETCH({y, &v}, {dx, &d}, {ddx, &dd}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    const double want[3][4] = {{-1, -1, 1, 1}, {0, 0.25, 0.0625, 0}, {0, -1, 0.5, 0}};
    for (int i = 0; i < 4; i++) {
        cr_expect_eq(hebb_array_at(&v, i), want[0][i]);
        cr_expect_eq(hebb_array_at(&d, i), want[1][i]);
        cr_expect_eq(hebb_array_at(&dd, i), want[2][i]);
    }
    hebb_array_free(&v);
    hebb_array_free(&d);
    hebb_array_free(&dd);
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

static void wrong_graph(hebb_backward *b) { b->dx[0] = b->user; }

Test(with_gradient, errors) {
    hebb_graph *g = hebb_graph_create(), *other = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(3));
    hebb_tensor *alien = hebb_input(other, "x", HEBB_F32, HEBB_SHAPE(3));
    hebb_tensor *y = hebb_with_gradient(hebb_exp(x), HEBB_LIST(x), wrong_graph, alien);
    hebb_gradient(total(y), x);
    cr_expect_eq(hebb_graph_status(g), HEBB_E_GRAPH);
    cr_expect(strstr(hebb_message(g), "another graph") != NULL, "%s", hebb_message(g));
    hebb_graph_destroy(g);
    g = hebb_graph_create();
    x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(3));
    cr_expect(hebb_tensor_is_inert(hebb_with_gradient(x, HEBB_LIST(x), NULL, NULL)));
    cr_expect_eq(hebb_graph_status(g), HEBB_E_NULL);
    hebb_graph_destroy(g);
    hebb_graph_destroy(other);
}

/* ---- checkpoint ---- */

enum { LAYERS = 24, WIDTH = 16 };

typedef struct tower {
    hebb_tensor *w[LAYERS];
} tower;

/* Random numbers are others in each run, which differences cannot bear. */
static bool noise = true;

static void layer(hebb_tensor *const *in, hebb_tensor **out, void *user) {
    hebb_tensor *const *w = user;
    hebb_tensor *h = in[0];
    for (int k = 0; k < 3; k++) h = hebb_tanh(hebb_matmul(h, w[k]));
    if (noise) h = hebb_mul(h, hebb_random_uniform_like(h));
    out[0] = hebb_add(h, in[0]);
    out[1] = hebb_exp(h);
}

/* A loss over layers in groups of three, with or without checkpoints. */
static hebb_tensor *build(hebb_graph *g, bool checkpoints, int layers, hebb_tensor **x, tower *t) {
    char name[16];
    *x = hebb_input(g, "x", HEBB_F64, HEBB_SHAPE(HEBB_ANY, WIDTH));
    for (int k = 0; k < LAYERS; k++) {
        snprintf(name, sizeof name, "w%d", k);
        t->w[k] = hebb_input(g, name, HEBB_F64, HEBB_SHAPE(WIDTH, WIDTH));
    }
    hebb_tensor *h = *x, *loss = hebb_scalar_like(h, 0);
    for (int k = 0; k < layers; k += 3) {
        hebb_tensor *out[2];
        if (checkpoints)
            hebb_checkpoint(out, .body = layer, .user = &t->w[k], .inputs = HEBB_LIST(h),
                            .n_out = 2);
        else layer(&h, out, &t->w[k]);
        h = out[0];
        if (k == 0) loss = total(out[1]); /* the others are not wanted */
    }
    return hebb_add(loss, total(hebb_square(h)));
}

typedef struct outcome {
    hebb_array loss, dx, dw[LAYERS];
    size_t peak;
} outcome;

static outcome run(bool checkpoints, hebb_device *device, int64_t batch) {
    hebb_graph *g = hebb_graph_create();
    tower t;
    outcome o = {0};
    hebb_tensor *x, *loss = build(g, checkpoints, LAYERS, &x, &t), *xs[LAYERS + 1],
                    *dxs[LAYERS + 1];
    memcpy(xs, t.w, sizeof t.w);
    xs[LAYERS] = x;
    hebb_gradients(&loss, 1, xs, LAYERS + 1, NULL, dxs);
    cr_assert_not(hebb_failed(g), "%s", hebb_message(g));
    hebb_session *s = hebb_session_create(g, device, .seed = 3);
    hebb_array in[LAYERS + 1];
    hebb_feed feeds[LAYERS + 1];
    hebb_fetch fetches[LAYERS + 2] = {{loss, &o.loss}, {dxs[LAYERS], &o.dx}};
    for (int k = 0; k <= LAYERS; k++) {
        in[k] = filled(HEBB_SHAPE(k == LAYERS ? batch : WIDTH, WIDTH), (uint64_t)k);
        feeds[k] = (hebb_feed){xs[k], &in[k]};
        if (k < LAYERS) fetches[k + 2] = (hebb_fetch){dxs[k], &o.dw[k]};
    }
    hebb_run(s, feeds, LAYERS + 1, fetches, LAYERS + 2);
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    hebb_plan_stats stats;
    hebb_session_stats(s, &stats);
    o.peak = stats.peak_bytes;
    for (int k = 0; k <= LAYERS; k++) hebb_array_free(&in[k]);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    return o;
}

static void free_outcome(outcome *o) {
    hebb_array_free(&o->loss);
    hebb_array_free(&o->dx);
    for (int k = 0; k < LAYERS; k++) hebb_array_free(&o->dw[k]);
}

static void expect_close(const hebb_array *a, const hebb_array *b) {
    cr_assert(hebb_shape_equal(a->shape, b->shape));
    for (int64_t i = 0; i < hebb_array_count(a); i++)
        cr_expect(fabs(hebb_array_at(a, i) - hebb_array_at(b, i)) <=
                  1e-12 * (1 + fabs(hebb_array_at(b, i))));
}

/* The same numbers, random ones included, from less than half of the memory. */
Test(checkpoint, same_gradients_in_less_memory) {
    hebb_device *device = cpu_device();
    outcome plain = run(false, device, 2048), frugal = run(true, device, 2048);
    expect_close(&frugal.loss, &plain.loss);
    expect_close(&frugal.dx, &plain.dx);
    for (int k = 0; k < LAYERS; k++) expect_close(&frugal.dw[k], &plain.dw[k]);
    cr_expect_lt(2 * frugal.peak, plain.peak, "%zu and %zu bytes", frugal.peak, plain.peak);
    tally("checkpoint", "against the plain graph", "cpu", LAYERS + 2);
    free_outcome(&plain);
    free_outcome(&frugal);
    hebb_device_close(device);
}

Test(checkpoint, second_gradient) {
    hebb_graph *g = hebb_graph_create();
    tower t;
    noise = false;
    hebb_tensor *x, *y = build(g, true, 9, &x, &t);
    y = total(hebb_square(hebb_gradient(y, x)));
    hebb_tensor *xs[] = {x, t.w[0], t.w[4]}, *dx[3];
    hebb_gradients(&y, 1, xs, 3, NULL, dx);
    cr_assert_not(hebb_failed(g), "%s", hebb_message(g));
    hebb_device *device = cpu_device();
    hebb_session *s = hebb_session_create(g, device);
    hebb_array in[10];
    gradcheck_input inputs[10];
    for (int k = 0; k < 10; k++) {
        in[k] = filled(HEBB_SHAPE(k == 9 ? 1 : WIDTH, WIDTH), (uint64_t)k);
        inputs[k] = (gradcheck_input){k == 9 ? x : t.w[k], &in[k], NULL};
    }
    inputs[9].gradient = dx[0];
    inputs[0].gradient = dx[1];
    inputs[4].gradient = dx[2];
    gradcheck_report r = gradcheck(s, y, inputs, 10);
    cr_expect(r.passed, "%s", r.message);
    tally("checkpoint", "second gradient", "cpu", r.elements);
    for (int k = 0; k < 10; k++) hebb_array_free(&in[k]);
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

/* ---- with a scan inside ---- */

static void cell(hebb_scan_frame *f) {
    hebb_tensor *w = f->user;
    f->next[0] = hebb_tanh(hebb_add(hebb_matmul(f->state[0], w), f->in[0]));
}

static void recurrent(hebb_tensor *const *in, hebb_tensor **out, void *user) {
    hebb_tensor *last, *w = user;
    hebb_tensor *x = hebb_sigmoid(in[0]);
    hebb_tensor *h0 = hebb_tanh(in[1]);
    hebb_scan(&last, NULL, .body = cell, .user = hebb_mul(w, w), .states = HEBB_LIST(h0),
              .sequences = HEBB_LIST(x));
    out[0] = hebb_mul(last, hebb_tanh(last));
}

Test(checkpoint, scans_inside_are_kept) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *xs[] = {hebb_input(g, "x", HEBB_F64, HEBB_SHAPE(HEBB_ANY, 2, 3)),
                         hebb_input(g, "h", HEBB_F64, HEBB_SHAPE(2, 3)),
                         hebb_input(g, "w", HEBB_F64, HEBB_SHAPE(3, 3))};
    hebb_tensor *out, *dx[3];
    hebb_checkpoint(&out, .body = recurrent, .user = xs[2], .inputs = HEBB_LIST(xs[0], xs[1]),
                    .n_out = 1);
    hebb_tensor *y = total(hebb_square(out));
    hebb_gradients(&y, 1, xs, 3, NULL, dx);
    cr_assert_not(hebb_failed(g), "%s", hebb_message(g));
    hebb_device *device = cpu_device();
    hebb_session *s = hebb_session_create(g, device);
    hebb_array in[] = {filled(HEBB_SHAPE(4, 2, 3), 1), filled(HEBB_SHAPE(2, 3), 2),
                       filled(HEBB_SHAPE(3, 3), 3)};
    gradcheck_input inputs[3];
    for (int k = 0; k < 3; k++) inputs[k] = (gradcheck_input){xs[k], &in[k], dx[k]};
    gradcheck_report r = gradcheck(s, y, inputs, 3);
    cr_expect(r.passed, "%s", r.message);
    for (int k = 0; k < 3; k++) hebb_array_free(&in[k]);
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

static void sets_nothing(hebb_tensor *const *in, hebb_tensor **out, void *user) {}

Test(checkpoint, errors) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(3)), *out;
    hebb_checkpoint(&out, .body = sets_nothing, .inputs = HEBB_LIST(x), .n_out = 1);
    cr_expect_eq(hebb_graph_status(g), HEBB_E_NULL);
    cr_expect(strstr(hebb_message(g), "the body's result 0 is NULL") != NULL, "%s",
              hebb_message(g));
    cr_expect(hebb_tensor_is_inert(out));
    hebb_graph_destroy(g);
    g = hebb_graph_create();
    x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(3));
    hebb_checkpoint(&out, .inputs = HEBB_LIST(x), .n_out = 1);
    cr_expect_eq(hebb_graph_status(g), HEBB_E_NULL);
    hebb_graph_destroy(g);
}

/* ---- answers that do not fit ---- */

static void of_another_dtype(hebb_backward *b) { b->dx[0] = hebb_cast(b->dy, HEBB_F32); }
static void of_another_shape(hebb_backward *b) {
    b->dx[0] = hebb_full(hebb_tensor_graph(b->dy), HEBB_F64, HEBB_SHAPE(4), 0);
}

static void expect_refused(hebb_backward_rule rule, hebb_status status, const char *fragment) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F64, HEBB_SHAPE(3));
    hebb_tensor *y = hebb_with_gradient(hebb_exp(x), HEBB_LIST(x), rule, NULL);
    cr_expect(hebb_tensor_is_inert(hebb_gradient(total(y), x)));
    cr_expect_eq(hebb_graph_status(g), status);
    cr_expect(strstr(hebb_message(g), fragment) != NULL, "%s", hebb_message(g));
    hebb_graph_destroy(g);
}

Test(with_gradient, answers_must_fit) {
    expect_refused(of_another_dtype, HEBB_E_DTYPE, "gave a dx[0] of f32 for f64");
    expect_refused(of_another_shape, HEBB_E_SHAPE, "gave a dx[0] [4] for [3]");
}

static hebb_tensor *leaked;
static void leaks(hebb_tensor *const *in, hebb_tensor **out, void *user) {
    leaked = hebb_tanh(in[0]);
    out[0] = hebb_mul(leaked, leaked);
}

Test(checkpoint, no_gradient_of_what_is_inside) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F64, HEBB_SHAPE(3)), *out;
    hebb_checkpoint(&out, .body = leaks, .inputs = HEBB_LIST(x), .n_out = 1);
    hebb_gradient(total(out), leaked);
    cr_expect_eq(hebb_graph_status(g), HEBB_E_GRADIENT);
    cr_expect(strstr(hebb_message(g), "inside the body of a checkpoint") != NULL, "%s",
              hebb_message(g));
    hebb_graph_destroy(g);
}

/* Lists of results may be lists of arguments. */
Test(gradients, stored_where_the_xs_are) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F64, HEBB_SHAPE(3));
    hebb_tensor *z = hebb_input(g, "z", HEBB_F64, HEBB_SHAPE(3)), *both[] = {x, z};
    hebb_tensor *y = total(hebb_mul(hebb_square(x), z));
    cr_expect_eq(hebb_gradients(&y, 1, both, 2, NULL, both), HEBB_OK);
    cr_expect(both[0] != x && both[1] != z && !hebb_failed(g), "%s", hebb_message(g));
    hebb_tensor *xs[] = {x, z}, *vectors[] = {z, x};
    cr_expect_eq(hebb_hvp(y, xs, 2, vectors, 2, vectors), HEBB_OK, "%s", hebb_message(g));
    hebb_graph_destroy(g);
}
