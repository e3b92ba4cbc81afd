/* Checkpoints (hebb/checkpoint.h): what a session holds comes back; what does not fit is said. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "support/devices.h"

static char path[64];

static void remove_path(void) { unlink(path); }

/* A test that is skipped comes to no .fini. */
static void new_path(void) {
    snprintf(path, sizeof path, "/tmp/hebb-test-XXXXXX");
    int file = mkstemp(path);
    cr_assert(file >= 0);
    close(file);
    atexit(remove_path);
}

typedef struct net {
    hebb_graph *graph;
    hebb_device *device;
    hebb_session *session;
    hebb_tensor *x, *loss, *step;
} net;

static net make_net(const char *device, int units, int layers, uint64_t seed) {
    net n = {.graph = hebb_graph_create(), .device = device_named(device)};
    n.x = hebb_input(n.graph, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 3));
    hebb_tensor *y = n.x;
    for (int k = 0; k < layers; k++) y = hebb_dense(y, units, .activation = hebb_tanh);
    y = hebb_mul(y, hebb_random_uniform_like(y));
    n.loss = hebb_mean(hebb_square(y), HEBB_ALL_AXES, false);
    n.step = hebb_minimize(n.loss, hebb_adam(.learning_rate = 0.1));
    n.session = hebb_session_create(n.graph, n.device, .seed = seed);
    cr_assert_str_eq(hebb_graph_message(n.graph), "");
    return n;
}

static void free_net(net *n) {
    hebb_session_destroy(n->session);
    hebb_device_close(n->device);
    hebb_graph_destroy(n->graph);
}

static double step(net *n, hebb_session *session) {
    float numbers[6] = {1, 2, 3, -1, 0, 1}, loss;
    const hebb_array x = hebb_array_view(numbers, HEBB_F32, HEBB_SHAPE(2, 3));
    hebb_array value = hebb_array_view(&loss, HEBB_F32, HEBB_SCALAR);
    hebb_run(session, HEBB_FEED({n->x, &x}), HEBB_FETCH({n->loss, &value}, {n->step, NULL}));
    cr_assert_str_eq(hebb_session_message(session), "");
    return loss;
}

TestSuite(checkpoint, .init = new_path);

/* Another session, of another seed, goes on with the same numbers, the random ones included. */
static void check_goes_on(const char *device) {
    net a = make_net(device, 4, 2, 7);
    for (int k = 0; k < 3; k++) step(&a, a.session);
    cr_assert_eq(hebb_session_save(a.session, path), HEBB_OK, "%s", hebb_message(a.session));
    hebb_session *b = hebb_session_create(a.graph, a.device, .seed = 8);
    step(&a, b);
    cr_assert_eq(hebb_session_load(b, path), HEBB_OK, "%s", hebb_message(b));
    cr_expect_eq(hebb_session_step(b), 3);
    cr_expect_eq(hebb_session_seed(b), 7);
    for (int k = 0; k < 3; k++) cr_expect_eq(step(&a, a.session), step(&a, b));
    hebb_session_destroy(b);
    free_net(&a);
}

Test(checkpoint, goes_on_on_the_cpu) { check_goes_on("cpu"); }
Test(checkpoint, goes_on_on_opencl) {
    hebb_device_close(opencl_device());
    check_goes_on("opencl");
}

static void expect_refused(net *n, hebb_status status, const char *words) {
    double before = step(n, n->session);
    uint64_t at = hebb_session_step(n->session);
    cr_expect_eq(hebb_session_load(n->session, path), status);
    cr_expect_not_null(strstr(hebb_message(n->session), words), "%s", hebb_message(n->session));
    cr_expect_eq(hebb_session_step(n->session), at);
    cr_expect(step(n, n->session) != before);
}

Test(checkpoint, of_another_model) {
    net a = make_net("cpu", 4, 2, 1), wider = make_net("cpu", 5, 2, 1),
        deeper = make_net("cpu", 4, 3, 1), flatter = make_net("cpu", 4, 1, 1);
    cr_assert_eq(hebb_session_save(a.session, path), HEBB_OK);
    expect_refused(&wider, HEBB_E_SHAPE, "dense/kernel has shape [3, 5]");
    expect_refused(&deeper, HEBB_E_ARGUMENT, "dense_2/kernel is not in");
    expect_refused(&flatter, HEBB_E_ARGUMENT, "dense_1/");
    hebb_graph *g = hebb_graph_create();
    hebb_variable(g, "w", HEBB_F32, HEBB_SCALAR, hebb_zeros());
    hebb_session *other = hebb_session_create(g, a.device);
    cr_expect_eq(hebb_session_load(other, path), HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(hebb_message(other), "another model"), "%s", hebb_message(other));
    hebb_session_destroy(other);
    hebb_graph_destroy(g);
    free_net(&a);
    free_net(&wider);
    free_net(&deeper);
    free_net(&flatter);
}

Test(checkpoint, of_another_dtype) {
    hebb_device *device = cpu_device();
    for (int k = 0; k < 2; k++) {
        hebb_graph *g = hebb_graph_create();
        hebb_variable(g, "w", k == 0 ? HEBB_F32 : HEBB_F64, HEBB_SCALAR, hebb_zeros());
        hebb_session *s = hebb_session_create(g, device);
        if (k == 0) cr_expect_eq(hebb_session_save(s, path), HEBB_OK, "%s", hebb_message(s));
        else {
            cr_expect_eq(hebb_session_load(s, path), HEBB_E_DTYPE);
            cr_expect_not_null(strstr(hebb_message(s), "w is f64"), "%s", hebb_message(s));
        }
        hebb_session_destroy(s);
        hebb_graph_destroy(g);
    }
    hebb_device_close(device);
}

Test(checkpoint, parts_of_another_model) {
    net a = make_net("cpu", 4, 1, 1), deeper = make_net("cpu", 4, 2, 2);
    step(&a, a.session);
    cr_assert_eq(hebb_session_save(a.session, path), HEBB_OK);
    cr_assert_eq(hebb_session_load(deeper.session, path, .prefix = "dense/", .keep_random = true),
                 HEBB_OK, "%s", hebb_message(deeper.session));
    cr_expect_eq(hebb_session_step(deeper.session), 0);
    hebb_array from = {0}, to = {0};
    hebb_session_get(a.session, hebb_graph_find(a.graph, "dense/kernel"), &from);
    hebb_session_get(deeper.session, hebb_graph_find(deeper.graph, "dense/kernel"), &to);
    cr_expect_eq(memcmp(from.data, to.data, hebb_array_bytes(&to)), 0);
    cr_assert_eq(hebb_session_load(deeper.session, path, .allow_missing = true), HEBB_OK, "%s",
                 hebb_message(deeper.session));
    hebb_array_free(&from);
    hebb_array_free(&to);
    free_net(&a);
    free_net(&deeper);
}

/* A graph without a training step has no variables for what the optimizer kept. */
Test(checkpoint, of_a_training_is_loaded_to_predict) {
    net a = make_net("cpu", 4, 2, 1);
    step(&a, a.session);
    cr_assert_eq(hebb_session_save(a.session, path), HEBB_OK);
    hebb_graph *g = hebb_graph_create();
    hebb_variable(g, "dense/kernel", HEBB_F32, HEBB_SHAPE(3, 4), hebb_zeros());
    hebb_session *s = hebb_session_create(g, a.device);
    cr_expect_eq(hebb_session_load(s, path), HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(hebb_message(s), ".allow_unused"), "%s", hebb_message(s));
    cr_expect_eq(hebb_session_load(s, path, .allow_unused = true), HEBB_OK, "%s", hebb_message(s));
    cr_assert_eq(hebb_session_save(a.session, path, .trainable_only = true), HEBB_OK);
    cr_expect_eq(hebb_session_load(a.session, path), HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(hebb_message(a.session), ".allow_missing"), "%s",
                       hebb_message(a.session));
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    free_net(&a);
}

/* The scaling of the training data comes with the model; who loads it has no data. */
Test(checkpoint, scales_are_loaded_with_the_model) {
    double shift[] = {1, 2, 3}, scale[] = {10, 20, 30};
    const hebb_scaling known = {3, shift, scale}, *scalings[] = {&known, NULL};
    float numbers[] = {11, 42, 93}, result[3];
    const hebb_array x_value = hebb_array_view(numbers, HEBB_F32, HEBB_SHAPE(1, 3));
    hebb_array y_value = hebb_array_view(result, HEBB_F32, HEBB_SHAPE(1, 3));
    for (int k = 0; k < 2; k++) {
        net n = {.graph = hebb_graph_create(), .device = device_named("cpu")};
        n.x = hebb_input(n.graph, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 3));
        hebb_tensor *y = hebb_scaling_layer(n.x, scalings[k]);
        n.session = hebb_session_create(n.graph, n.device);
        if (k == 0) hebb_session_save(n.session, path);
        else hebb_session_load(n.session, path);
        hebb_run(n.session, HEBB_FEED({n.x, &x_value}), HEBB_FETCH({y, &y_value}));
        cr_assert_str_eq(hebb_message(n.session), "");
        for (int i = 0; i < 3; i++) cr_expect_eq(result[i], (float)(i + 1), "%g", result[i]);
        free_net(&n);
    }
}

Test(checkpoint, a_prefix_must_be_somebodys) {
    net a = make_net("cpu", 4, 1, 1);
    cr_assert_eq(hebb_session_save(a.session, path), HEBB_OK);
    cr_expect_eq(hebb_session_load(a.session, path, .prefix = "dens/", .allow_missing = true),
                 HEBB_E_ARGUMENT);
    cr_expect_str_eq(hebb_message(a.session), "load: no variable's name begins with \"dens/\"");
    cr_expect_eq(hebb_session_save(a.session, path, .prefix = "dens/"), HEBB_E_ARGUMENT);
    cr_expect_str_eq(hebb_message(a.session), "save: no variable's name begins with \"dens/\"");
    free_net(&a);
}

/* An experiment that fails after training costs nothing that was learned. */
Test(checkpoint, of_a_graph_that_failed_later) {
    net a = make_net("cpu", 4, 2, 7);
    step(&a, a.session);
    hebb_add(a.x, hebb_input(a.graph, "other", HEBB_F64, HEBB_SCALAR));
    cr_assert(hebb_failed(a.graph));
    cr_expect_eq(hebb_session_save(a.session, path), HEBB_OK, "%s", hebb_message(a.session));
    const double second = step(&a, a.session);
    cr_expect_eq(hebb_session_load(a.session, path), HEBB_OK, "%s", hebb_message(a.session));
    cr_expect_eq(step(&a, a.session), second);
    free_net(&a);
}

/* A model that was never complete is not saved, nor is its checkpoint one of another model. */
Test(checkpoint, of_a_graph_that_failed_before) {
    net a = make_net("cpu", 4, 2, 1);
    cr_assert_eq(hebb_session_save(a.session, path), HEBB_OK);
    hebb_graph *g = hebb_graph_create();
    hebb_dense(hebb_input(g, "x", HEBB_I32, HEBB_SHAPE(HEBB_ANY, 3)), 4);
    hebb_session *s = hebb_session_create(g, a.device);
    cr_expect_neq(hebb_session_save(s, path), HEBB_OK);
    cr_expect_str_eq(hebb_message(s), hebb_message(g));
    cr_expect_neq(hebb_session_load(s, path), HEBB_OK);
    cr_expect_str_eq(hebb_message(s), hebb_message(g));
    cr_expect_eq(hebb_session_load(a.session, path), HEBB_OK, "%s", hebb_message(a.session));
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    free_net(&a);
}

/* Also where a call finds nothing to read or write in the session. */
Test(checkpoint, an_earlier_error_is_forgotten) {
    hebb_graph *g = hebb_graph_create();
    hebb_device *device = device_named("cpu");
    hebb_session *s = hebb_session_create(g, device);
    cr_assert_eq(hebb_session_load(s, "/no/such/file"), HEBB_E_FILE);
    cr_assert_eq(hebb_session_save(s, path), HEBB_OK);
    cr_expect_not(hebb_failed(s), "%s", hebb_message(s));
    cr_assert_eq(hebb_session_load(s, "/no/such/file"), HEBB_E_FILE);
    cr_assert_eq(hebb_session_load(s, path), HEBB_OK);
    cr_expect_not(hebb_failed(s), "%s", hebb_message(s));
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

Test(checkpoint, truncated_changes_nothing) {
    net a = make_net("cpu", 1, 1, 1);
    step(&a, a.session);
    cr_assert_eq(hebb_session_save(a.session, path), HEBB_OK);
    FILE *file = fopen(path, "rb");
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fclose(file);
    for (long k = size - 1; k >= 0; k--) {
        cr_assert_eq(truncate(path, k), 0);
        cr_expect_eq(hebb_session_load(a.session, path), HEBB_E_FORMAT, "%ld bytes", k);
    }
    cr_expect_eq(hebb_session_step(a.session), 1);
    free_net(&a);
}

/* A device is no file to be replaced, whoever may. */
Test(checkpoint, devices_stay_what_they_are) {
    struct stat before, after;
    if (stat("/dev/full", &before) != 0) cr_skip_test("no /dev/full here");
    net a = make_net("cpu", 1, 1, 1);
    cr_expect_eq(hebb_session_save(a.session, "/dev/full"), HEBB_E_FILE);
    cr_expect_not_null(strstr(hebb_message(a.session), "No space left"), "%s",
                       hebb_message(a.session));
    cr_expect(stat("/dev/full", &after) == 0 && S_ISCHR(after.st_mode));
    cr_expect_eq(hebb_session_save(a.session, "/dev/null"), HEBB_OK, "%s", hebb_message(a.session));
    cr_expect(stat("/dev/null", &after) == 0 && S_ISCHR(after.st_mode));
    free_net(&a);
}

Test(checkpoint, wrong_arguments) {
    net a = make_net("cpu", 1, 1, 1);
    cr_expect_eq(hebb_session_save(NULL, path), HEBB_E_NULL);
    cr_expect_eq(hebb_session_save(a.session, NULL), HEBB_E_NULL);
    cr_expect_eq(hebb_session_load(NULL, path), HEBB_E_NULL);
    cr_expect_eq(hebb_session_load(a.session, NULL), HEBB_E_NULL);
    cr_expect_str_eq(hebb_message(a.session), "load: the path is NULL");
    cr_expect_eq(hebb_session_load_file(a.session, path, NULL, NULL), HEBB_E_NULL);
    cr_expect_eq(hebb_session_save(a.session, "/dev/full/x"), HEBB_E_FILE);
    cr_expect_not_null(strstr(hebb_message(a.session), "/dev/full/x"));
    free_net(&a);
}
