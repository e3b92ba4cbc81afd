/* Running graphs: what may be fed and fetched and what is refused, plans for several batch sizes on
   one session, errors that leave everything as it was, and statistics. State is in test_state.c. */
#include <math.h>
#include <pthread.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/devices.h"

#define N(array) (sizeof(array) / sizeof *(array))

/* y = 2 x + w, with w = 10, over an open batch. */
typedef struct fixture {
    hebb_graph *g;
    hebb_device *device;
    hebb_session *s;
    hebb_tensor *x, *w, *y;
} fixture;

static fixture open_on(const char *device) {
    fixture f = {.g = hebb_graph_create(), .device = device_named(device)};
    f.x = hebb_input(f.g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 2));
    f.w = hebb_variable(f.g, "w", HEBB_F32, HEBB_SHAPE(2), hebb_constant_value(10));
    f.y = hebb_add(hebb_mul(f.x, hebb_scalar_like(f.x, 2)), f.w);
    f.s = hebb_session_create(f.g, f.device);
    cr_assert_not(hebb_failed(f.g), "%s", hebb_message(f.g));
    return f;
}

static void close_all(fixture *f) {
    hebb_session_destroy(f->s);
    hebb_device_close(f->device);
    hebb_graph_destroy(f->g);
}

static float data[6] = {1, 2, 3, 4, 5, 6};
static hebb_array rows(int64_t n) { return hebb_array_view(data, HEBB_F32, HEBB_SHAPE(n, 2)); }

static void expect_rows(const hebb_array *y, int64_t n) {
    cr_assert(hebb_shape_equal(y->shape, HEBB_SHAPE(n, 2)));
    for (int64_t i = 0; i < 2 * n; i++) cr_expect_eq(hebb_array_at(y, i), 2 * data[i] + 10);
}

/* ---- batches ---- */

static void run_several_batches(const char *device) {
    fixture f = open_on(device);
    const int64_t sizes[] = {3, 1, 3, 2, 0, 3};
    hebb_array y = {0};
    for (size_t i = 0; i < N(sizes); i++) {
        hebb_array x = rows(sizes[i]);
        cr_expect_eq(hebb_run(f.s, HEBB_FEED({f.x, &x}), HEBB_FETCH({f.y, &y})), HEBB_OK, "%s",
                     hebb_message(f.s));
        expect_rows(&y, sizes[i]);
    }
    hebb_array_free(&y);
    close_all(&f);
}

Test(batches, of_several_sizes_on_one_session) { run_several_batches("cpu"); }
Test(batches, of_several_sizes_on_opencl) { run_several_batches("opencl"); }

Test(batches, sizes_that_do_not_fit_each_other_are_found_at_the_run) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *a = hebb_input(g, "a", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 2));
    hebb_tensor *b = hebb_input(g, "b", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 2)), *y = hebb_add(a, b);
    hebb_device *device = cpu_device();
    hebb_session *s = hebb_session_create(g, device);
    hebb_array three = rows(3), two = rows(2), one = rows(1), out = {0};
    cr_expect_eq(hebb_run(s, HEBB_FEED({a, &three}, {b, &two}), HEBB_FETCH({y, &out})),
                 HEBB_E_SHAPE);
    cr_expect(strstr(hebb_message(s), "add") && strstr(hebb_message(s), "[3, 2]") &&
                  strstr(hebb_message(s), "[2, 2]"),
              "%s", hebb_message(s));
    /* And a size that turns out to be 1 stretches. */
    cr_expect_eq(hebb_run(s, HEBB_FEED({a, &three}, {b, &one}), HEBB_FETCH({y, &out})), HEBB_OK);
    cr_expect_eq(hebb_array_at(&out, 5), data[5] + data[1]);
    hebb_array_free(&out);
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

/* ---- fetches ---- */

Test(fetches, inputs_variables_views_and_the_same_twice) {
    fixture f = open_on("cpu");
    hebb_tensor *t = hebb_transpose(f.x, NULL, 0);
    hebb_tensor *row = hebb_slice(f.x, HEBB_RANGES({0, -1, HEBB_END, -1}));
    hebb_array x = rows(3), out[7] = {{0}};
    cr_expect_eq(hebb_run(f.s, HEBB_FEED({f.x, &x}),
                          HEBB_FETCH({f.x, &out[0]}, {f.w, &out[1]}, {t, &out[2]}, {row, &out[3]},
                                     {f.y, &out[4]}, {f.y, &out[5]},
                                     {hebb_broadcast_to(f.w, HEBB_SHAPE(2, 2)), &out[6]})),
                 HEBB_OK, "%s", hebb_message(f.s));
    for (int i = 0; i < 6; i++) {
        cr_expect_eq(hebb_array_at(&out[0], i), data[i]);
        cr_expect_eq(hebb_array_at(&out[2], i), data[i % 3 * 2 + i / 3]);
        cr_expect_eq(hebb_array_at(&out[3], i), data[(2 - i / 2) * 2 + i % 2]);
    }
    expect_rows(&out[4], 3);
    expect_rows(&out[5], 3);
    cr_expect_eq(hebb_array_at(&out[1], 1), 10);
    cr_expect_eq(hebb_array_at(&out[6], 3), 10);
    for (size_t i = 0; i < N(out); i++) hebb_array_free(&out[i]);
    close_all(&f);
}

Test(fetches, into_views_and_into_nothing) {
    fixture f = open_on("cpu");
    float memory[6];
    hebb_array x = rows(3), y = hebb_array_view(memory, HEBB_F32, HEBB_SHAPE(3, 2));
    cr_expect_eq(hebb_run(f.s, HEBB_FEED({f.x, &x}), HEBB_FETCH({f.y, &y}, {f.y, NULL})), HEBB_OK,
                 "%s", hebb_message(f.s));
    cr_expect_eq(y.data, memory);
    expect_rows(&y, 3);
    cr_expect_eq(hebb_run(f.s, HEBB_NO_FEED, NULL, 0), HEBB_OK, "%s", hebb_message(f.s));
    close_all(&f);
}

Test(fetches, an_array_that_is_also_fed) {
    fixture f = open_on("cpu");
    hebb_array x = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(3, 2));
    memcpy(x.data, data, sizeof data);
    cr_expect_eq(hebb_run(f.s, HEBB_FEED({f.x, &x}), HEBB_FETCH({f.y, &x})), HEBB_OK, "%s",
                 hebb_message(f.s));
    expect_rows(&x, 3);
    hebb_array_free(&x);
    close_all(&f);
}

Test(fetches, tensors_added_between_runs) {
    fixture f = open_on("cpu");
    hebb_array x = rows(1), y = {0};
    hebb_run(f.s, HEBB_FEED({f.x, &x}), HEBB_FETCH({f.y, &y}));
    hebb_tensor *more = hebb_neg(f.y);
    hebb_tensor *late = hebb_variable(f.g, "late", HEBB_F32, HEBB_SHAPE(2), hebb_ones());
    cr_expect_eq(hebb_run(f.s, HEBB_FEED({f.x, &x}), HEBB_FETCH({hebb_add(more, late), &y})),
                 HEBB_OK, "%s", hebb_message(f.s));
    cr_expect_eq(hebb_array_at(&y, 0), -11);
    hebb_array_free(&y);
    close_all(&f);
}

/* ---- what is refused; y and w must be as they were ---- */

typedef struct bad_run {
    const char *name;
    hebb_feed feeds[2];
    size_t n_feeds;
    hebb_fetch fetches[2];
    size_t n_fetches;
    hebb_status status;
    const char *part;
} bad_run;

Test(refused, bad_feeds_and_fetches) {
    fixture f = open_on("cpu"), other = open_on("cpu");
    double doubles[6] = {0};
    float small[2] = {7, 7};
    hebb_array x = rows(3), flat = hebb_array_view(data, HEBB_F32, HEBB_SHAPE(6));
    hebb_array wide = hebb_array_view(data, HEBB_F32, HEBB_SHAPE(2, 3));
    hebb_array f64 = hebb_array_view(doubles, HEBB_F64, HEBB_SHAPE(3, 2)), empty = {0};
    hebb_array any = hebb_array_view(data, HEBB_F32, HEBB_SHAPE(HEBB_ANY, 2));
    hebb_array y = hebb_array_view(small, HEBB_F32, HEBB_SHAPE(2)), kept = {0};
    hebb_array null_data = hebb_array_view(NULL, HEBB_F32, HEBB_SHAPE(3, 2));
    hebb_tensor *step = hebb_assign(f.w, hebb_full(f.g, HEBB_F32, HEBB_SHAPE(2), -1));
    const bad_run cases[] = {
        {"wrong rank", {{f.x, &flat}}, 1, {{f.y, &kept}}, 1, HEBB_E_SHAPE, "[6]"},
        {"wrong size", {{f.x, &wide}}, 1, {{f.y, &kept}}, 1, HEBB_E_SHAPE, "[2, 3]"},
        {"wrong dtype", {{f.x, &f64}}, 1, {{f.y, &kept}}, 1, HEBB_E_DTYPE, "f64"},
        {"empty array", {{f.x, &empty}}, 1, {{f.y, &kept}}, 1, HEBB_E_NULL, "x"},
        {"open array", {{f.x, &any}}, 1, {{f.y, &kept}}, 1, HEBB_E_SHAPE, "x"},
        {"no data", {{f.x, &null_data}}, 1, {{f.y, &kept}}, 1, HEBB_E_NULL, "x"},
        {"missing", {{0}}, 0, {{f.y, &kept}}, 1, HEBB_E_GRAPH, "x"},
        {"twice", {{f.x, &x}, {f.x, &x}}, 2, {{f.y, &kept}}, 1, HEBB_E_GRAPH, "x"},
        {"of another graph", {{other.x, &x}}, 1, {{f.y, &kept}}, 1, HEBB_E_GRAPH, ""},
        {"no tensor", {{NULL, &x}}, 1, {{f.y, &kept}}, 1, HEBB_E_NULL, ""},
        {"no array", {{f.x, NULL}}, 1, {{f.y, &kept}}, 1, HEBB_E_NULL, ""},
        {"feeds NULL", {{0}}, 1, {{f.y, &kept}}, 1, HEBB_E_NULL, ""},
        {"not an input", {{f.x, &x}, {f.y, &x}}, 2, {{f.y, &kept}}, 1, HEBB_E_ARGUMENT, "add"},
        {"fetch of another graph", {{f.x, &x}}, 1, {{other.y, &kept}}, 1, HEBB_E_GRAPH, ""},
        {"fetch NULL", {{f.x, &x}}, 1, {{NULL, &kept}}, 1, HEBB_E_NULL, ""},
        {"view too small", {{f.x, &x}}, 1, {{step, NULL}, {f.y, &y}}, 2, HEBB_E_SHAPE, "[2]"},
        {"value of a group",
         {{f.x, &x}},
         1,
         {{hebb_group(f.g, &step, 1), &kept}},
         1,
         HEBB_E_ARGUMENT,
         "group"},
    };
    for (size_t i = 0; i < N(cases); i++) {
        const bad_run *c = &cases[i];
        bool no_feeds = strcmp(c->name, "feeds NULL") == 0;
        hebb_status status =
            hebb_run(f.s, no_feeds ? NULL : c->feeds, c->n_feeds, c->fetches, c->n_fetches);
        cr_expect_eq(status, c->status, "%s: %s, not %s: %s", c->name, hebb_status_name(status),
                     hebb_status_name(c->status), hebb_message(f.s));
        cr_expect_eq(hebb_session_status(f.s), status);
        cr_expect_not_null(strstr(hebb_message(f.s), c->part), "%s: '%s' is not in '%s'", c->name,
                           c->part, hebb_message(f.s));
        cr_expect(kept.data == NULL && small[0] == 7, "%s: something was fetched", c->name);
    }
    /* The session works on, and no assignment was carried out. */
    cr_expect_eq(hebb_run(f.s, HEBB_FEED({f.x, &x}), HEBB_FETCH({f.y, &kept})), HEBB_OK);
    cr_expect_str_eq(hebb_message(f.s), "");
    expect_rows(&kept, 3);
    hebb_array_free(&kept);
    close_all(&f);
    close_all(&other);
}

/* Two inputs whose open sizes should be one: the message has both. */
Test(refused, sizes_that_differ_between_feeds) {
    fixture f = open_on("cpu");
    hebb_tensor *label = hebb_input(f.g, "label", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 2));
    hebb_array x = rows(3), two = rows(2), y = {0};
    cr_expect_eq(
        hebb_run(f.s, HEBB_FEED({f.x, &x}, {label, &two}), HEBB_FETCH({hebb_sub(f.x, label), &y})),
        HEBB_E_SHAPE);
    cr_expect(strstr(hebb_message(f.s), "do not broadcast; fed are x [3, 2], label [2, 2]"), "%s",
              hebb_message(f.s));
    close_all(&f);
}

Test(refused, a_failed_graph_or_device_or_none) {
    fixture f = open_on("cpu");
    hebb_device *bad_device = hebb_device_open("no such device");
    hebb_session *on_bad_device = hebb_session_create(f.g, bad_device);
    cr_expect_eq(hebb_run(on_bad_device, HEBB_NO_FEED, NULL, 0), HEBB_E_DEVICE);
    hebb_session_fail(on_bad_device, HEBB_OK, NULL); /* does not make it fit for use */
    cr_expect_eq(hebb_run(on_bad_device, HEBB_NO_FEED, NULL, 0), HEBB_E_DEVICE);
    hebb_session *on_nothing = hebb_session_create(NULL, f.device);
    cr_expect_eq(hebb_run(on_nothing, HEBB_NO_FEED, NULL, 0), HEBB_E_NULL);
    hebb_session *nowhere = hebb_session_create(f.g, NULL);
    cr_expect_eq(hebb_run(nowhere, HEBB_NO_FEED, NULL, 0), HEBB_E_NULL);
    hebb_matmul(f.w, f.w);
    hebb_session *on_failed = hebb_session_create(f.g, f.device);
    cr_expect(hebb_failed(on_failed));
    hebb_array x = rows(3), y = {0};
    cr_expect_eq(hebb_run(on_failed, HEBB_FEED({f.x, &x}), HEBB_FETCH({f.y, &y})), HEBB_E_SHAPE);
    cr_expect_eq(hebb_session_get(on_failed, f.w, &y), HEBB_E_SHAPE);
    cr_expect_str_eq(hebb_message(on_failed), hebb_message(f.g));
    hebb_session_destroy(on_failed);
    hebb_session_destroy(on_bad_device);
    hebb_session_destroy(on_nothing);
    hebb_session_destroy(nowhere);
    hebb_device_close(bad_device);
    close_all(&f);
}

/* What was made before the graph failed works as it did; only what came after is an error. */
Test(refused, only_what_a_graph_made_after_its_error) {
    fixture f = open_on("cpu");
    hebb_array x = rows(3), y = {0};
    hebb_run(f.s, HEBB_FEED({f.x, &x}), HEBB_FETCH({f.y, &y}));
    hebb_tensor *bad = hebb_matmul(f.w, f.w), *later = hebb_exp(f.y);
    hebb_tensor *input = hebb_input(f.g, "z", HEBB_F32, HEBB_SHAPE(2));
    hebb_tensor *half_made = hebb_variable(f.g, "v", HEBB_I32, HEBB_SHAPE(2), hebb_he_normal());
    cr_assert(hebb_failed(f.g));

    cr_expect_eq(hebb_run(f.s, HEBB_FEED({f.x, &x}), HEBB_FETCH({f.y, &y})), HEBB_OK);
    expect_rows(&y, 3);
    hebb_array w = {0};
    cr_expect_eq(hebb_session_get(f.s, f.w, &w), HEBB_OK);
    cr_expect_eq(hebb_array_at(&w, 1), 10);
    cr_expect_eq(hebb_session_set(f.s, f.w, &w), HEBB_OK);

    hebb_tensor *const inert[] = {bad, later, half_made};
    for (size_t i = 0; i < N(inert); i++) {
        cr_expect_eq(hebb_run(f.s, HEBB_FEED({f.x, &x}), HEBB_FETCH({inert[i], &y})), HEBB_E_SHAPE);
        cr_expect_str_eq(hebb_message(f.s), hebb_message(f.g));
        cr_expect_eq(hebb_session_get(f.s, inert[i], &y), HEBB_E_SHAPE);
    }
    cr_expect_eq(hebb_run(f.s, HEBB_FEED({input, &x}), HEBB_FETCH({f.w, &y})), HEBB_E_SHAPE);
    cr_expect_str_eq(hebb_message(f.s), hebb_message(f.g));
    hebb_array_free(&w);
    hebb_array_free(&y);
    close_all(&f);
}

/* A variable whose first value is none is not among the graph's. */
Test(refused, a_variable_that_could_not_be_made) {
    fixture f = open_on("cpu");
    hebb_variable(f.g, "v", HEBB_I32, HEBB_SHAPE(2), hebb_he_normal());
    cr_expect(hebb_failed(f.g));
    cr_expect_eq(hebb_graph_variable_count(f.g), 1);
    cr_expect_null(hebb_graph_find(f.g, "v"));
    hebb_array x = rows(3), y = {0};
    cr_expect_eq(hebb_run(f.s, HEBB_FEED({f.x, &x}), HEBB_FETCH({f.y, &y})), HEBB_OK);
    expect_rows(&y, 3);
    hebb_array_free(&y);
    close_all(&f);
}

Test(refused, null_sessions) {
    hebb_plan_stats stats;
    hebb_array value = {0};
    hebb_session_destroy(NULL);
    cr_expect_eq(hebb_run(NULL, HEBB_NO_FEED, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_session_status(NULL), HEBB_E_NULL);
    cr_expect_gt(strlen(hebb_session_message(NULL)), 0);
    cr_expect_eq(hebb_session_get(NULL, NULL, &value), HEBB_E_NULL);
    cr_expect_eq(hebb_session_set(NULL, NULL, &value), HEBB_E_NULL);
    cr_expect_eq(hebb_session_stats(NULL, &stats), HEBB_E_NULL);
    cr_expect_eq(hebb_session_step(NULL), 0);
    cr_expect_eq(hebb_session_set_step(NULL, 1), HEBB_E_NULL);
}

/* ---- threads ---- */

/* A network that four sessions train at the same time, on one graph and one device. */
typedef struct training {
    hebb_graph *g;
    hebb_device *device;
    hebb_tensor *x, *loss, *step;
    double value[5]; /* of the last loss of each */
} training;

typedef struct trainer {
    training *shared;
    double *value;
    bool failed;
} trainer;

static void *train(void *argument) {
    trainer *t = argument;
    training *n = t->shared;
    hebb_session *s = hebb_session_create(n->g, n->device, .seed = 1);
    hebb_array value = {0};
    for (int k = 0; k < 30 && !hebb_failed(s); k++) { /* two shapes: plans are made meanwhile */
        hebb_array x = rows(2 + k % 2);
        hebb_run(s, HEBB_FEED({n->x, &x}), HEBB_FETCH({n->loss, &value}, {n->step, NULL}));
    }
    t->failed = hebb_failed(s);
    *t->value = hebb_array_item(&value);
    hebb_array_free(&value);
    hebb_session_destroy(s);
    return NULL;
}

static void train_on_threads(const char *device) {
    training n = {.g = hebb_graph_create(), .device = device_named(device)};
    n.x = hebb_input(n.g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 2));
    hebb_tensor *h = hebb_dropout(hebb_dense(n.x, 16, .activation = hebb_tanh), 0.2);
    n.loss = hebb_mean(hebb_square(hebb_dense(h, 1)), HEBB_ALL_AXES, false);
    n.step = hebb_minimize(n.loss, hebb_adam());
    trainer all[5];
    pthread_t thread[5];
    for (int k = 0; k < 5; k++) all[k] = (trainer){.shared = &n, .value = &n.value[k]};
    train(&all[0]); /* alone */
    for (int k = 1; k < 5; k++) cr_assert_eq(pthread_create(&thread[k], NULL, train, &all[k]), 0);
    for (int k = 1; k < 5; k++) pthread_join(thread[k], NULL);
    for (int k = 0; k < 5; k++) {
        cr_expect_not(all[k].failed);
        cr_expect_eq(n.value[k], n.value[0], "%d: %.9g, alone %.9g", k, n.value[k], n.value[0]);
    }
    hebb_device_close(n.device);
    hebb_graph_destroy(n.g);
}

Test(threads, train_sessions_side_by_side_on_cpu) { train_on_threads("cpu"); }
Test(threads, train_sessions_side_by_side_on_opencl) { train_on_threads("opencl"); }

/* ---- statistics ---- */

static hebb_plan_stats stats_of(hebb_graph *g, hebb_tensor *y, hebb_device *device,
                                unsigned without) {
    hebb_session *s = hebb_session_create(g, device, .without = without);
    hebb_plan_stats stats = {0};
    cr_assert_eq(hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({y, NULL})), HEBB_OK, "%s", hebb_message(s));
    cr_assert_eq(hebb_session_stats(s, &stats), HEBB_OK);
    cr_expect_eq(hebb_session_stats(s, NULL), HEBB_E_NULL);
    hebb_session_destroy(s);
    return stats;
}

Test(stats, fusion_saves_steps_and_memory) {
    hebb_graph *g = hebb_graph_create();
    hebb_device *device = cpu_device();
    hebb_tensor *v = hebb_variable(g, "v", HEBB_F32, HEBB_SHAPE(1000), hebb_uniform(0, 1)), *y = v;
    for (int i = 0; i < 5; i++) y = hebb_tanh(hebb_add(hebb_sigmoid(y), v));
    hebb_plan_stats fused = stats_of(g, y, device, 0);
    hebb_plan_stats plain = stats_of(g, y, device, HEBB_NO_PASSES);
    cr_expect_eq(fused.steps, 1);
    cr_expect_eq(plain.steps, 15);
    cr_expect_leq(fused.peak_bytes, fused.unshared_bytes);
    cr_expect_geq(fused.unshared_bytes, 14 * 4000);
    cr_expect_lt(fused.bytes, plain.bytes);
    cr_expect_eq(fused.variable_bytes, 4000);
    cr_expect_geq(fused.flops, 15 * 1000);
    cr_expect_geq(fused.plan_seconds, 0);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

/* The gradient of gates that are slices of one value: each is written where it belongs, by the step
   that computes them all. */
Test(stats, gradients_of_slices_are_one_step) {
    hebb_graph *g = hebb_graph_create();
    hebb_device *device = cpu_device();
    hebb_tensor *v = hebb_variable(g, "v", HEBB_F32, HEBB_SHAPE(8, 40), hebb_uniform(-1, 1));
    hebb_tensor *gate[4], *dv;
    for (int k = 0; k < 4; k++) gate[k] = hebb_slice(v, HEBB_RANGES({1, 10 * k, 10 * k + 10, 1}));
    hebb_tensor *kept = hebb_mul(hebb_sigmoid(gate[0]), hebb_tanh(gate[1]));
    hebb_tensor *sum =
        hebb_sum(hebb_add(kept, hebb_mul(hebb_sigmoid(gate[2]), gate[3])), HEBB_ALL_AXES, false);
    hebb_gradients(&sum, 1, &v, 1, NULL, &dv);
    cr_expect_eq(stats_of(g, dv, device, 0).steps, 1);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

/* A chain of matrix products needs two of its values at a time. */
Test(stats, memory_is_used_again) {
    hebb_graph *g = hebb_graph_create();
    hebb_device *device = cpu_device();
    hebb_tensor *v = hebb_variable(g, "v", HEBB_F32, HEBB_SHAPE(64, 64), hebb_glorot_uniform());
    hebb_tensor *y = v;
    for (int i = 0; i < 10; i++) y = hebb_matmul(y, v);
    hebb_plan_stats shared = stats_of(g, y, device, 0);
    hebb_plan_stats apart = stats_of(g, y, device, HEBB_NO_REUSE);
    const size_t one = 64 * 64 * 4;
    cr_expect_geq(apart.peak_bytes, 9 * one);
    cr_expect_lt(shared.peak_bytes, apart.peak_bytes);
    cr_expect_leq(shared.peak_bytes, shared.unshared_bytes);
    cr_expect_geq(shared.flops, 10 * 2.0 * 64 * 64 * 64);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}
