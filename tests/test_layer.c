/* What layers are made of (hebb/layer.h): names, sharing, training and inference, attachments. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include <hebb/hebb.h>
#include "support/devices.h"

static hebb_tensor *scale(hebb_tensor *x, const char *name) {
    hebb_graph *g = hebb_tensor_graph(x);
    hebb_layer_begin(g, "scale", name);
    hebb_tensor *s = hebb_variable(g, "factor", HEBB_F32, HEBB_SCALAR, hebb_ones());
    return hebb_layer_end(g, hebb_mul(x, s));
}

static void expect_variables(const hebb_graph *g, const char *const *names, size_t n) {
    cr_expect_str_eq(hebb_graph_message(g), "");
    cr_assert_eq(hebb_graph_variable_count(g), n);
    for (size_t k = 0; k < n; k++)
        cr_expect_str_eq(hebb_tensor_name(hebb_graph_variable(g, k)), names[k]);
}

Test(layer, names_its_variables) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY));
    hebb_layer_begin(g, "block", "first");
    hebb_tensor *y = scale(scale(scale(x, NULL), NULL), "own");
    hebb_layer_end(g, y);
    scale(y, NULL);
    const char *names[] = {"first/scale/factor", "first/scale_1/factor", "first/own/factor",
                           "scale/factor"};
    expect_variables(g, names, 4);
    hebb_layer layer;
    cr_assert_eq(hebb_layer_count(g), 5);
    cr_assert(hebb_layer_at(g, 3, &layer));
    cr_expect_str_eq(layer.kind, "block");
    cr_expect_str_eq(layer.name, "first");
    cr_expect_eq(layer.result, y);
    cr_expect_eq(layer.depth, 0);
    cr_assert(hebb_layer_at(g, 0, &layer));
    cr_expect_eq(layer.depth, 1);
    cr_expect_lt(layer.first, layer.last);
    cr_expect_not(hebb_layer_at(g, 5, &layer));
    hebb_graph_destroy(g);
}

Test(layer, default_names_avoid_variables) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SCALAR);
    hebb_variable(g, "scale/other", HEBB_F32, HEBB_SCALAR, hebb_ones());
    scale(x, NULL);
    expect_variables(g, (const char *[]){"scale/other", "scale_1/factor"}, 2);
    hebb_graph_destroy(g);
}

static hebb_tensor *tower(hebb_tensor *x) {
    hebb_share_begin(hebb_tensor_graph(x), "tower");
    hebb_tensor *y = scale(scale(x, NULL), NULL);
    hebb_share_end(hebb_tensor_graph(x));
    return y;
}

Test(layer, shares_variables) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SCALAR);
    tower(x);
    tower(tower(x));
    scale(x, NULL);
    const char *names[] = {"tower/scale/factor", "tower/scale_1/factor", "scale/factor"};
    expect_variables(g, names, 3);
    hebb_graph_destroy(g);
}

Test(layer, shared_variables_must_fit) {
    hebb_graph *g = hebb_graph_create();
    for (int k = 2; k < 4; k++) {
        hebb_share_begin(g, "tower");
        hebb_variable(g, "w", HEBB_F32, HEBB_SHAPE(k), hebb_ones());
        hebb_share_end(g);
    }
    cr_expect_eq(hebb_graph_status(g), HEBB_E_SHAPE);
    cr_expect(strstr(hebb_graph_message(g), "tower/w is f32 [2], not f32 [3]"), "%s",
              hebb_graph_message(g));
    hebb_graph_destroy(g);
}

static void expect_error(hebb_graph *g, hebb_status status, const char *part) {
    cr_expect_eq(hebb_graph_status(g), status);
    cr_expect(strstr(hebb_graph_message(g), part), "%s", hebb_graph_message(g));
    hebb_graph_destroy(g);
}

Test(layer, errors) {
    hebb_graph *g = hebb_graph_create();
    hebb_layer_begin(g, NULL, NULL);
    expect_error(g, HEBB_E_NULL, "kind is NULL");
    hebb_layer_begin(g = hebb_graph_create(), "dense", "a/b");
    expect_error(g, HEBB_E_ARGUMENT, "\"a/b\"");
    hebb_layer_end(g = hebb_graph_create(), NULL);
    expect_error(g, HEBB_E_ARGUMENT, "nothing is open");
    hebb_layer_begin(g = hebb_graph_create(), "dense", NULL);
    hebb_share_end(g);
    expect_error(g, HEBB_E_ARGUMENT, "dense is open");
    g = hebb_graph_create();
    for (int k = 0; k < 2; k++) {
        hebb_layer_begin(g, "dense", "a");
        hebb_layer_end(g, hebb_variable(g, "w", HEBB_F32, HEBB_SCALAR, hebb_ones()));
    }
    expect_error(g, HEBB_E_ARGUMENT, "\"a/w\" is taken; layers use the same variables in");
    hebb_tensor *x = hebb_input(g = hebb_graph_create(), "x", HEBB_F32, HEBB_SHAPE(2));
    hebb_attach_loss(x, x);
    expect_error(g, HEBB_E_SHAPE, "x is f32 [2]");
    x = hebb_input(g = hebb_graph_create(), "x", HEBB_F32, HEBB_SHAPE(2));
    hebb_attach_update(x, x);
    expect_error(g, HEBB_E_ARGUMENT, "neither an assignment");
    char name[400];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    hebb_layer_begin(g = hebb_graph_create(), "dense", name);
    expect_error(g, HEBB_E_ARGUMENT, "longer than");
    hebb_layer_begin(NULL, "dense", NULL);
    cr_expect_null(hebb_training(NULL));
}

/* A layer without an end would give its name to all that follows: a run tells, and names it. */
Test(layer, must_have_an_end) {
    hebb_graph *g = hebb_graph_create();
    hebb_device *device = cpu_device();
    hebb_session *s = hebb_session_create(g, device);
    hebb_tensor *x = hebb_full(g, HEBB_F32, HEBB_SCALAR, 2);
    hebb_array value = {0};
    hebb_layer_begin(g, "outer", NULL);
    const int line = __LINE__ - 1;
    hebb_layer_begin(g, "inner", NULL);
    hebb_layer_end(g, x); /* meant for the outer one */
    hebb_tensor *y = hebb_square(x);
    cr_expect_eq(hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({y, &value})), HEBB_E_GRAPH);
    char place[64];
    snprintf(place, sizeof place, "test_layer.c:%d: the layer \"outer\"", line);
    cr_expect_not_null(strstr(hebb_message(s), place), "%s", hebb_message(s));
    hebb_layer_end(g, y);
    cr_expect_eq(hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({y, &value})), HEBB_OK);
    cr_expect_eq(hebb_array_item(&value), 4);
    hebb_share_begin(g, "tower");
    cr_expect_eq(hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({y, &value})), HEBB_E_GRAPH);
    cr_expect_not_null(strstr(hebb_message(s), "the sharing \"tower\""), "%s", hebb_message(s));
    hebb_share_end(g);
    cr_expect_eq(hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({y, &value})), HEBB_OK);
    hebb_array_free(&value);
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

/* ---- training ---- */

/* The CPU, and OpenCL where it is. */
#define FOR_EACH_DEVICE(device)                                                                    \
    for (int k_ = 0; k_ < 2; k_++)                                                                 \
        for (hebb_device *device = k_ == 0 ? cpu_device() : opencl_device(); device != NULL;       \
             hebb_device_close(device), device = NULL)

static double run(hebb_session *s, hebb_tensor *y, hebb_tensor *update) {
    float value = -1;
    hebb_array array = hebb_array_view(&value, HEBB_F32, HEBB_SCALAR);
    hebb_fetch fetches[] = {{y, &array}, {update, NULL}};
    hebb_run(s, HEBB_NO_FEED, fetches, update != NULL ? 2 : 1);
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    return value;
}

Test(layer, training_is_decided_by_the_run) {
    FOR_EACH_DEVICE(device) {
        hebb_graph *g = hebb_graph_create();
        hebb_tensor *w = hebb_variable(g, "w", HEBB_F32, HEBB_SCALAR, hebb_ones());
        hebb_tensor *n = hebb_state(g, "n", HEBB_F32, HEBB_SCALAR, hebb_ones());
        hebb_tensor *y = hebb_select(hebb_training(g), hebb_scalar_like(w, 5), w);
        hebb_tensor *train = hebb_assign(w, w), *count = hebb_assign(n, n);
        hebb_session *s = hebb_session_create(g, device);
        cr_expect_eq(run(s, y, NULL), 1);
        cr_expect_eq(run(s, y, train), 5);
        cr_expect_eq(run(s, y, count), 1);
        cr_expect_eq(hebb_session_set_mode(s, HEBB_MODE_TRAINING), HEBB_OK);
        cr_expect_eq(run(s, y, NULL), 5);
        cr_expect_eq(hebb_session_set_mode(s, HEBB_MODE_INFERENCE), HEBB_OK);
        cr_expect_eq(run(s, y, train), 1);
        cr_expect_eq(hebb_session_set_mode(s, (hebb_mode)7), HEBB_E_ARGUMENT);
        hebb_session_destroy(s);
        hebb_graph_destroy(g);
    }
}

Test(layer, inference_has_no_trace_of_training) {
    hebb_device *device = hebb_device_open("cpu");
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_state(g, "x", HEBB_F32, HEBB_SHAPE(1000), hebb_ones());
    hebb_tensor *noisy = hebb_mul(x, hebb_random_uniform_like(x));
    hebb_tensor *y = hebb_select(hebb_training(g), noisy, x);
    hebb_session *s = hebb_session_create(g, device);
    hebb_array value = {0};
    hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({y, &value}));
    hebb_plan_stats stats;
    hebb_session_stats(s, &stats);
    cr_expect_eq(stats.flops, 0);
    cr_expect_eq(stats.nodes, 1);
    hebb_array_free(&value);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}

static void body(hebb_scan_frame *f) {
    hebb_tensor *h = f->state[0], *g_training = *(hebb_tensor **)f->user;
    hebb_tensor *training = g_training ? g_training : hebb_training(hebb_tensor_graph(h));
    f->next[0] = hebb_add(h, hebb_select(training, f->in[0], hebb_scalar_like(h, 1)));
}

/* Made in the body or before it, the flag is known in the body's plan. */
Test(layer, training_inside_a_scan) {
    FOR_EACH_DEVICE(device)
    for (int outside = 0; outside < 2; outside++) {
        hebb_graph *g = hebb_graph_create();
        hebb_tensor *x = hebb_full(g, HEBB_F32, HEBB_SHAPE(4), 10);
        hebb_tensor *w = hebb_variable(g, "w", HEBB_F32, HEBB_SCALAR, hebb_zeros());
        hebb_tensor *training = outside ? hebb_training(g) : NULL, *last;
        hebb_scan(&last, NULL, .body = body, .user = &training, .states = HEBB_LIST(w),
                  .sequences = HEBB_LIST(x));
        hebb_tensor *dw = hebb_gradient(hebb_square(last), w);
        hebb_session *s = hebb_session_create(g, device);
        cr_expect_eq(run(s, last, NULL), 4);
        cr_expect_eq(run(s, dw, NULL), 8);
        hebb_session_set_mode(s, HEBB_MODE_TRAINING);
        {
            double v = run(s, last, NULL);
            cr_expect_eq(v, 40, "%d %g", outside, v);
        }
        cr_expect_eq(run(s, dw, NULL), 80);
        hebb_session_destroy(s);
        hebb_graph_destroy(g);
    }
}

/* An encoder that is kept as it is, and a head that trains: the encoder's statistics do not move,
   and it costs no more than in inference. */
static hebb_tensor *encoder(hebb_tensor *x, bool trains) {
    hebb_graph *g = hebb_tensor_graph(x);
    if (!trains) hebb_inference_begin(g);
    hebb_layer_begin(g, "encoder", NULL);
    x = hebb_dropout(hebb_batch_normalization(hebb_dense(x, 6)), 0.5);
    hebb_layer_end(g, x);
    if (!trains) hebb_inference_end(g);
    return x;
}

Test(layer, parts_stay_in_inference) {
    FOR_EACH_DEVICE(device)
    for (int trains = 0; trains < 2; trains++) {
        hebb_graph *g = hebb_graph_create();
        hebb_tensor *x = hebb_random_uniform(g, HEBB_F32, HEBB_SHAPE(8, 4));
        hebb_tensor *h = encoder(x, trains);
        hebb_tensor *outer = hebb_training(g); /* the scope has ended */
        hebb_tensor *loss = hebb_mean(hebb_square(hebb_dense(h, 1)), HEBB_ALL_AXES, false);
        hebb_tensor *step = hebb_minimize(
            loss, hebb_sgd(), HEBB_PARAMETER_GROUPS({.match = "encoder/", .frozen = true}));
        hebb_session *s = hebb_session_create(g, device, .seed = 1);
        hebb_tensor *average = hebb_graph_find(g, "encoder/batch_normalization/moving_variance");
        hebb_array before = {0}, after = {0}, one = {0}, flag = {0};
        hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({h, &before}));
        cr_assert_str_eq(hebb_message(s), "");
        hebb_session_set_step(s, 0); /* the same x again */
        hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({step, NULL}, {h, &after}, {outer, &flag}));
        cr_assert_str_eq(hebb_message(s), "");
        cr_expect_eq(hebb_array_item(&flag), 1);
        int64_t differ = 0;
        for (int64_t k = 0; k < 48; k++)
            differ += hebb_array_at(&before, k) != hebb_array_at(&after, k);
        cr_expect_eq(differ > 0, trains);
        hebb_session_get(s, average, &one);
        cr_expect_eq(hebb_array_item(&one) == 1, !trains);
        hebb_array_free(&before);
        hebb_array_free(&after);
        hebb_array_free(&one);
        hebb_array_free(&flag);
        hebb_session_destroy(s);
        hebb_graph_destroy(g);
    }
}

/* The gradient through such a part has no trace of the batch's statistics either. */
Test(layer, parts_in_inference_have_its_gradients) {
    hebb_device *device = cpu_device();
    double flops[2];
    for (int k = 0; k < 2; k++) {
        hebb_graph *g = hebb_graph_create();
        hebb_tensor *x = hebb_state(g, "x", HEBB_F32, HEBB_SHAPE(8, 4), hebb_ones());
        hebb_tensor *h = encoder(x, k == 1);
        hebb_tensor *dx = hebb_gradient(h, x);
        hebb_session *s = hebb_session_create(g, device, .seed = 1);
        if (k == 0) hebb_session_set_mode(s, HEBB_MODE_TRAINING);
        hebb_array value = {0};
        hebb_plan_stats stats;
        hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({dx, &value}, {h, NULL}));
        cr_assert_str_eq(hebb_message(s), "");
        hebb_session_stats(s, &stats);
        flops[k] = stats.flops;
        hebb_array_free(&value);
        hebb_session_destroy(s);
        hebb_graph_destroy(g);
    }
    cr_expect_eq(flops[0], flops[1]);
    hebb_device_close(device);
}

Test(layer, inference_must_have_an_end) {
    hebb_graph *g = hebb_graph_create();
    hebb_device *device = cpu_device();
    hebb_session *s = hebb_session_create(g, device);
    hebb_tensor *x = hebb_full(g, HEBB_F32, HEBB_SCALAR, 2);
    hebb_array value = {0};
    hebb_inference_begin(g);
    char place[100];
    snprintf(place, sizeof place, "test_layer.c:%d: hebb_inference_begin() has no", __LINE__ - 2);
    hebb_inference_begin(g);
    hebb_inference_end(g);
    cr_expect_str_eq(hebb_tensor_op(hebb_training(g)), "full"); /* they nest */
    cr_expect_eq(hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({x, &value})), HEBB_E_GRAPH);
    cr_expect_not_null(strstr(hebb_message(s), place), "%s", hebb_message(s));
    hebb_inference_end(g);
    cr_expect_str_eq(hebb_tensor_op(hebb_training(g)), "training");
    cr_expect_eq(hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({x, &value})), HEBB_OK);
    hebb_array_free(&value);
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_inference_end(g);
    expect_error(g, HEBB_E_ARGUMENT, "no hebb_inference_begin() is open");
    hebb_inference_begin(NULL);
    hebb_inference_end(NULL);
}

/* ---- attachments ---- */

Test(layer, attachments_belong_to_what_depends_on_them) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *a = hebb_variable(g, "a", HEBB_F32, HEBB_SCALAR, hebb_ones());
    hebb_tensor *b = hebb_variable(g, "b", HEBB_F32, HEBB_SCALAR, hebb_ones());
    hebb_tensor *n = hebb_state(g, "n", HEBB_F32, HEBB_SCALAR, hebb_zeros());
    hebb_tensor *m = hebb_state(g, "m", HEBB_F32, HEBB_SCALAR, hebb_zeros());
    hebb_tensor *first = hebb_assign(n, hebb_add(hebb_updated(n), a));
    hebb_attach_update(a, first);
    hebb_tensor *second = hebb_assign(n, hebb_add(hebb_updated(n), b));
    hebb_attach_update(b, second);
    hebb_tensor *third = hebb_assign(m, a);
    hebb_attach_update(a, third);
    hebb_attach_loss(b, hebb_square(b));
    hebb_tensor *list[4];
    hebb_tensor *on_a = hebb_square(a), *on_both = hebb_add(hebb_square(a), b);
    cr_assert_eq(hebb_attached_updates(on_a, list, 4), 2);
    cr_expect_eq(list[0], first);
    cr_expect_eq(list[1], third);
    cr_assert_eq(hebb_attached_updates(on_both, list, 4), 2);
    cr_expect_eq(list[0], second);
    cr_expect_eq(list[1], third);
    cr_expect_eq(hebb_attached_losses(on_a, NULL, 0), 0);
    cr_expect_eq(hebb_attached_losses(on_both, NULL, 0), 1);
    cr_expect_eq(hebb_tensor_input(second, 0), n);
    cr_expect_eq(hebb_graph_tensor(g, hebb_tensor_id(n)), n);
    cr_expect_str_eq(hebb_graph_message(g), "");
    hebb_graph_destroy(g);
}
