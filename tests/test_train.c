/* Models (hebb/train.h): fit, evaluate, predict, resuming, also after kill -9. */
#include <malloc.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "support/devices.h"

enum { ROWS = 50, CLASSES = 3 };

static float points[ROWS][2];
static int32_t kinds[ROWS];
static hebb_array columns[2];
static const hebb_dataset data = {columns, 2};

static void make_data(void) {
    for (int i = 0; i < ROWS; i++) {
        kinds[i] = i % CLASSES;
        points[i][0] = (float)cos(2.1 * kinds[i]) + 0.3f * (float)sin(7 * i);
        points[i][1] = (float)sin(2.1 * kinds[i]) + 0.3f * (float)cos(5 * i);
    }
    columns[0] = hebb_array_view(points, HEBB_F32, HEBB_SHAPE(ROWS, 2));
    columns[1] = hebb_array_view(kinds, HEBB_I32, HEBB_SHAPE(ROWS));
}

typedef struct net {
    hebb_graph *graph;
    hebb_device *device;
    hebb_tensor *x, *label, *logits, *loss;
    hebb_model *model;
} net;

/* With randomness in training, so that resuming has to restore it. */
static net make_net(const char *device, uint64_t seed) {
    net n = {.graph = hebb_graph_create(), .device = device_named(device)};
    n.x = hebb_input(n.graph, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 2));
    n.label = hebb_input(n.graph, "label", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *noise = hebb_random_normal_like(n.x);
    noise = hebb_mul(noise, hebb_scalar_like(noise, 0.05));
    hebb_tensor *on = hebb_cast(hebb_training(n.graph), HEBB_F32);
    hebb_tensor *x = hebb_add(n.x, hebb_mul(noise, on));
    n.logits = hebb_dense(hebb_dense(x, 8, .activation = hebb_tanh), CLASSES);
    n.loss = hebb_sparse_softmax_cross_entropy(n.logits, n.label);
    n.model = hebb_model_create(
        n.graph, n.device, .inputs = HEBB_LIST(n.x, n.label), .loss = n.loss,
        .optimizer = hebb_adam(.learning_rate = 0.02), .seed = seed, .classes = CLASSES,
        .metrics =
            HEBB_METRICS({.name = "accuracy", .counts = hebb_sparse_accuracy(n.logits, n.label)}));
    cr_assert_str_eq(hebb_message(n.model), "");
    return n;
}

static void free_net(net *n) {
    hebb_model_destroy(n->model);
    hebb_device_close(n->device);
    hebb_graph_destroy(n->graph);
}

/* Whether all variables and the random state of two sessions are the same, bit by bit. */
static bool same_state(const net *a, const net *b) {
    hebb_session *s = hebb_model_session(a->model), *t = hebb_model_session(b->model);
    bool same = hebb_session_step(s) == hebb_session_step(t);
    for (size_t k = 0; k < hebb_graph_variable_count(a->graph); k++) {
        hebb_array p = {0}, q = {0};
        hebb_session_get(s, hebb_graph_variable(a->graph, k), &p);
        hebb_session_get(t, hebb_graph_variable(b->graph, k), &q);
        same = same && hebb_array_bytes(&p) == hebb_array_bytes(&q) &&
               memcmp(p.data, q.data, hebb_array_bytes(&p)) == 0;
        hebb_array_free(&p);
        hebb_array_free(&q);
    }
    return same;
}

static char path[64];

static void init(void) {
    make_data();
    snprintf(path, sizeof path, "/tmp/hebb-test-XXXXXX");
    close(mkstemp(path));
    unlink(path);
}

static void fini(void) {
    char aside[80];
    snprintf(aside, sizeof aside, "%s.tmp", path);
    unlink(aside);
    unlink(path);
}

TestSuite(train, .init = init, .fini = fini, .timeout = 240);

static void check_learns(const char *device) {
    net n = make_net(device, 1);
    double before[2], after[2];
    cr_assert_eq(hebb_evaluate(n.model, &data, before), HEBB_OK, "%s", hebb_message(n.model));
    cr_assert_eq(hebb_fit(n.model, &data, .epochs = 40, .batch = 16, .validation = &data), HEBB_OK,
                 "%s", hebb_message(n.model));
    cr_assert_eq(hebb_evaluate(n.model, &data, after, .batch = 7), HEBB_OK);
    cr_expect_lt(after[0], before[0] / 4);
    cr_expect_gt(after[1], 0.95);
    size_t epochs;
    const double *loss = hebb_history(n.model, "val_loss", &epochs);
    cr_assert_eq(epochs, 40);
    cr_expect_float_eq(loss[39], after[0], 1e-6);
    cr_expect_str_eq(hebb_history_name(n.model, 3), "val_accuracy");
    cr_expect_null(hebb_history(n.model, "nothing", &epochs));
    cr_expect_str_eq(hebb_model_measure(n.model, 1), "accuracy");
    cr_expect_null(hebb_model_measure(n.model, 2));
    free_net(&n);
}

Test(train, learns_on_the_cpu) { check_learns("cpu"); }
Test(train, learns_on_opencl) {
    hebb_device_close(opencl_device());
    check_learns("opencl");
}

/* A mean over examples, whatever the batches are. */
Test(train, a_smaller_last_batch_counts_by_its_size) {
    net n = make_net("cpu", 1);
    double whole[2], parts[2];
    hebb_evaluate(n.model, &data, whole, .batch = ROWS);
    for (int batch = 1; batch < ROWS; batch += 6) {
        cr_assert_eq(hebb_evaluate(n.model, &data, parts, .batch = batch), HEBB_OK);
        cr_expect_float_eq(parts[0], whole[0], 1e-6);
        cr_expect_float_eq(parts[1], whole[1], 1e-7);
    }
    free_net(&n);
}

Test(train, evaluating_and_predicting_change_nothing) {
    net a = make_net("cpu", 1), b = make_net("cpu", 1);
    double values[2];
    hebb_array result = {0};
    for (int k = 0; k < 3; k++) {
        hebb_fit(a.model, &data, .epochs = k + 1, .initial_epoch = k);
        hebb_fit(b.model, &data, .epochs = k + 1, .initial_epoch = k, .validation = &data);
        cr_expect_eq(hebb_evaluate(b.model, &data, values), HEBB_OK);
        cr_expect_eq(hebb_predict(b.model, HEBB_DATASET(columns[0]), b.logits, &result, .batch = 7),
                     HEBB_OK, "%s", hebb_message(b.model));
        cr_expect(hebb_shape_equal(result.shape, HEBB_SHAPE(ROWS, CLASSES)));
        cr_expect(same_state(&a, &b));
    }
    hebb_array whole = {0};
    hebb_predict(b.model, HEBB_DATASET(columns[0]), b.logits, &whole, .batch = ROWS);
    for (int k = 0; k < ROWS * CLASSES; k++)
        cr_expect_float_eq(hebb_array_at(&whole, k), hebb_array_at(&result, k), 1e-5);
    hebb_array_free(&whole);
    hebb_array_free(&result);
    free_net(&a);
    free_net(&b);
}

/* fit() is the loop that one would write by hand. */
Test(train, is_the_loop_by_hand) {
    net a = make_net("cpu", 5), b = make_net("cpu", 5);
    hebb_fit(a.model, &data, .epochs = 2, .batch = 16);
    hebb_batches *batches = hebb_batches_create(columns, 2, 16, .shuffle = true, .seed = 5);
    hebb_array view[2];
    for (uint64_t epoch = 0; epoch < 2; epoch++) {
        hebb_batches_start(batches, epoch);
        while (hebb_batches_next(batches, view))
            hebb_run(hebb_model_session(b.model),
                     HEBB_FEED({hebb_model_input(b.model, 0), &view[0]}, {b.label, &view[1]}),
                     HEBB_FETCH({hebb_model_step(b.model), NULL}));
    }
    hebb_batches_destroy(batches);
    cr_expect(same_state(&a, &b));
    free_net(&a);
    free_net(&b);
}

Test(train, two_models_on_one_session) {
    net n = make_net("cpu", 1);
    hebb_model *slow = hebb_model_create(
        n.graph, n.device, .inputs = HEBB_LIST(n.x, n.label), .loss = n.loss,
        .optimizer = hebb_sgd(.learning_rate = 1e-3), .session = hebb_model_session(n.model));
    double first[2], second[1];
    hebb_fit(n.model, &data, .epochs = 3);
    hebb_evaluate(n.model, &data, first);
    cr_expect_eq(hebb_evaluate(slow, &data, second), HEBB_OK, "%s", hebb_message(slow));
    cr_expect_eq(first[0], second[0]);
    cr_expect_eq(hebb_fit(slow, &data, .epochs = 3), HEBB_OK);
    hebb_evaluate(n.model, &data, first);
    cr_expect_lt(first[0], second[0]);
    hebb_model_destroy(slow);
    free_net(&n);
}

Test(train, two_sessions_on_one_graph) {
    net n = make_net("cpu", 1), other = n;
    other.model = hebb_model_create(n.graph, n.device, .inputs = HEBB_LIST(n.x, n.label),
                                    .loss = n.loss, .step = hebb_model_step(n.model), .seed = 1);
    hebb_fit(n.model, &data, .epochs = 2);
    cr_expect_not(same_state(&n, &other));
    hebb_fit(other.model, &data, .epochs = 2);
    cr_expect(same_state(&n, &other));
    hebb_model_destroy(other.model);
    free_net(&n);
}

Test(train, a_share_is_for_validation) {
    net a = make_net("cpu", 1), b = make_net("cpu", 1);
    hebb_array first[2], last[2];
    for (int k = 0; k < 2; k++) {
        first[k] = last[k] = columns[k];
        first[k].shape.dim[0] = 40;
        last[k].shape.dim[0] = 10;
    }
    last[0].data = points[40];
    last[1].data = kinds + 40;
    hebb_fit(a.model, &data, .epochs = 2, .validation_split = 0.2);
    hebb_fit(b.model, HEBB_DATASET(first[0], first[1]), .epochs = 2,
             .validation = HEBB_DATASET(last[0], last[1]));
    cr_expect(same_state(&a, &b));
    cr_expect_eq(hebb_history(a.model, "val_loss", NULL)[1],
                 hebb_history(b.model, "val_loss", NULL)[1]);
    free_net(&a);
    free_net(&b);
}

static hebb_status count_batch(hebb_callback *self, hebb_fit_state *fit) {
    cr_expect_eq(fit->batches, 3);
    cr_expect_leq(fit->examples, 3 * 8);
    ++*(int *)self->data;
    return HEBB_OK;
}

Test(train, fewer_steps_an_epoch) {
    net n = make_net("cpu", 1);
    int batches = 0;
    hebb_callback counter = {.batch_end = count_batch, .data = &batches};
    hebb_fit(n.model, &data, .epochs = 2, .batch = 8, .steps_per_epoch = 3,
             .callbacks = HEBB_CALLBACKS(counter));
    cr_expect_str_eq(hebb_message(n.model), "");
    cr_expect_eq(batches, 6);
    cr_expect_eq(hebb_session_step(hebb_model_session(n.model)), 6);
    free_net(&n);
}

/* Whoever trains a batch of examples in their order gets one order, whoever shuffles another. */
Test(train, shuffles_unless_told_otherwise) {
    net a = make_net("cpu", 1), b = make_net("cpu", 1), c = make_net("cpu", 1);
    hebb_fit(a.model, &data, .batch = 8);
    hebb_fit(b.model, &data, .batch = 8, .in_order = true);
    hebb_fit(c.model, &data, .batch = 8, .in_order = true, .seed = 5);
    cr_expect_not(same_state(&a, &b));
    cr_expect(same_state(&b, &c));
    free_net(&a);
    free_net(&b);
    free_net(&c);
}

/* ---- errors ---- */

static void expect_failure(net *n, hebb_status have, hebb_status want, const char *words) {
    cr_expect_eq(have, want, "%s", hebb_message(n->model));
    cr_expect(hebb_failed(n->model));
    cr_expect_not_null(strstr(hebb_message(n->model), words), "%s", hebb_message(n->model));
}

static hebb_status mislabel(const hebb_transform *self, hebb_batch *batch) {
    return hebb_array_set(&batch->columns[1], 0, 7);
}

Test(train, says_what_is_wrong) {
    net n = make_net("cpu", 1);
    double values[2];
    hebb_array empty[2] = {columns[0], columns[1]}, result = {0};
    empty[0].shape.dim[0] = empty[1].shape.dim[0] = 0;
    expect_failure(&n, hebb_fit(n.model, NULL), HEBB_E_NULL, "data is NULL");
    expect_failure(&n, hebb_fit(n.model, HEBB_DATASET(columns[0])), HEBB_E_ARGUMENT, "1 columns");
    expect_failure(&n, hebb_fit(n.model, HEBB_DATASET(empty[0], empty[1])), HEBB_E_ARGUMENT,
                   "no examples");
    expect_failure(&n, hebb_fit(n.model, HEBB_DATASET(columns[0], empty[1])), HEBB_E_SHAPE,
                   "column 1");
    expect_failure(&n, hebb_fit(n.model, HEBB_DATASET(columns[1], columns[0])), HEBB_E_DTYPE, "x");
    expect_failure(&n, hebb_fit(n.model, &data, .batch = -1), HEBB_E_ARGUMENT, ".batch is -1");
    expect_failure(&n, hebb_fit(n.model, &data, .epochs = -2), HEBB_E_ARGUMENT, ".epochs is -2");
    expect_failure(&n, hebb_fit(n.model, &data, .prefetch = -1), HEBB_E_ARGUMENT,
                   ".prefetch is -1");
    expect_failure(&n, hebb_fit(n.model, &data, .validation_split = 1.5), HEBB_E_ARGUMENT,
                   ".validation_split is 1.5");
    expect_failure(&n, hebb_fit(n.model, &data, .validation_split = NAN), HEBB_E_ARGUMENT,
                   ".validation_split is nan");
    expect_failure(&n, hebb_fit(n.model, &data, .validation_split = 0.999), HEBB_E_ARGUMENT,
                   "leaves 0 of");
    expect_failure(&n, hebb_evaluate(n.model, &data, NULL), HEBB_E_NULL, "values");
    expect_failure(&n, hebb_predict(n.model, &data, n.loss, &result), HEBB_E_SHAPE, "row");
    expect_failure(&n, hebb_predict(n.model, HEBB_DATASET(columns[0]), n.loss, &result),
                   HEBB_E_GRAPH, "label");
    kinds[49] = 3;
    expect_failure(&n, hebb_fit(n.model, &data), HEBB_E_ARGUMENT,
                   "label 3 of example 49 of the data");
    kinds[49] = 1;
    expect_failure(&n, hebb_fit(n.model, &data, .transforms = HEBB_TRANSFORMS({.apply = mislabel})),
                   HEBB_E_ARGUMENT, "label 7 of example 0 of the batch");
    cr_expect_eq(hebb_evaluate(n.model, &data, values), HEBB_OK);
    cr_expect_not(hebb_failed(n.model));
    hebb_array_free(&result);
    free_net(&n);
}

Test(train, models_that_cannot_be_made) {
    hebb_graph *g = hebb_graph_create();
    hebb_device *device = cpu_device();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 2));
    hebb_model *m = hebb_model_create(g, device, .inputs = HEBB_LIST(x), .loss = x);
    cr_expect_eq(hebb_model_status(m), HEBB_E_SHAPE);
    cr_expect_str_eq(hebb_message(m), "model: the loss x is [?, 2], not a scalar");
    cr_expect_eq(hebb_fit(m, &data), HEBB_E_SHAPE);
    hebb_model_destroy(m);
    m = hebb_model_create(g, device, .inputs = HEBB_LIST(x, NULL), .loss = x);
    cr_expect_str_eq(hebb_message(m), "model: inputs: 1 (NULL) is no input");
    hebb_model_destroy(m);
    m = hebb_model_create(g, device, .inputs = HEBB_LIST(x), .optimizer = hebb_sgd());
    cr_expect_eq(hebb_model_status(m), HEBB_E_NULL);
    cr_expect_str_eq(hebb_message(m), "model: it has an optimizer, but no loss");
    hebb_model_destroy(m);
    hebb_tensor *loss = hebb_mean(x, HEBB_ALL_AXES, false);
    m = hebb_model_create(g, device, .inputs = HEBB_LIST(x), .loss = loss);
    cr_expect_eq(hebb_fit(m, HEBB_DATASET(columns[0])), HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(hebb_message(m), "no optimizer"), "%s", hebb_message(m));
    hebb_model_destroy(m);
    hebb_add(x, hebb_input(g, "y", HEBB_F64, HEBB_SCALAR));
    m = hebb_model_create(g, device, .inputs = HEBB_LIST(x), .loss = loss);
    cr_expect_eq(hebb_model_status(m), HEBB_E_DTYPE);
    cr_expect_not_null(strstr(hebb_message(m), "test_train.c"), "%s", hebb_message(m));
    hebb_model_destroy(m);
    cr_expect_eq(hebb_fit(NULL, &data), HEBB_E_NULL);
    cr_expect(hebb_failed((hebb_model *)NULL));
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

/* What is only to predict needs no loss. */
Test(train, a_model_without_a_loss_predicts) {
    net n = make_net("cpu", 3);
    hebb_model *m = hebb_model_create(n.graph, n.device, .inputs = HEBB_LIST(n.x, n.label),
                                      .session = hebb_model_session(n.model));
    cr_assert_str_eq(hebb_message(m), "");
    hebb_array a = {0}, b = {0};
    double values[2];
    cr_expect_eq(hebb_predict(m, HEBB_DATASET(columns[0]), n.logits, &a), HEBB_OK);
    hebb_predict(n.model, &data, n.logits, &b);
    cr_expect_eq(hebb_array_bytes(&a), ROWS * CLASSES * sizeof(float));
    cr_expect_arr_eq(a.data, b.data, hebb_array_bytes(&a));
    cr_expect_null(hebb_model_loss(m));
    cr_expect_eq(hebb_evaluate(m, &data, values), HEBB_E_ARGUMENT);
    cr_expect_str_eq(hebb_message(m), "evaluate: the model has no loss");
    cr_expect_eq(hebb_fit(m, &data), HEBB_E_ARGUMENT);
    hebb_array_free(&a);
    hebb_array_free(&b);
    hebb_model_destroy(m);
    free_net(&n);
}

/* ---- memory ---- */

Test(train, ten_thousand_fits_leave_memory_flat) {
    net n = make_net("cpu", 1);
    size_t before = 0;
    for (int k = 0; k < 10000; k++) {
        if (k == 100) before = mallinfo2().uordblks;
        cr_assert_eq(hebb_fit(n.model, &data, .batch = ROWS), HEBB_OK);
    }
    cr_expect_lt(mallinfo2().uordblks, before + 4096);
    free_net(&n);
}

/* ---- resuming ---- */

/* Points move a little, each time they are seen. */
static hebb_status jitter(const hebb_transform *self, hebb_batch *batch) {
    float *x = batch->columns[0].data;
    for (int64_t i = 0; i < batch->examples; i++)
        for (int k = 0; k < 2; k++)
            x[2 * i + k] += 0.1f * (float)hebb_batch_uniform(batch, i, (uint32_t)k);
    return HEBB_OK;
}
#define JITTER HEBB_TRANSFORMS({.name = "jitter", .apply = jitter})

static hebb_status train_to(net *n, int epochs, bool resume) {
    return hebb_fit(n->model, &data, .epochs = epochs, .batch = 16, .validation_split = 0.2,
                    .resume = resume ? path : NULL, .transforms = JITTER, .prefetch = 2,
                    .callbacks = HEBB_CALLBACKS(
                        hebb_early_stopping(.patience = 100, .restore_best = true),
                        hebb_reduce_on_plateau(.patience = 1, .monitor = "val_accuracy"),
                        hebb_checkpoint_file(path)));
}

/* By hand the training is stopped in each epoch; the history is whole, too. */
Test(train, resumes_bitwise) {
    net whole = make_net("cpu", 3);
    cr_assert_eq(train_to(&whole, 8, false), HEBB_OK, "%s", hebb_message(whole.model));
    for (int stop = 1; stop < 8; stop++) {
        net n = make_net("cpu", 3);
        unlink(path);
        hebb_fit(n.model, &data, .epochs = stop, .batch = 16, .validation_split = 0.2,
                 .transforms = JITTER, .prefetch = stop % 3,
                 .callbacks = HEBB_CALLBACKS(
                     hebb_early_stopping(.patience = 100, .restore_best = true),
                     hebb_reduce_on_plateau(.patience = 1, .monitor = "val_accuracy"),
                     hebb_checkpoint_file(path)));
        free_net(&n);
        n = make_net("cpu", 3);
        cr_assert_eq(train_to(&n, 8, true), HEBB_OK, "%s", hebb_message(n.model));
        cr_expect(same_state(&whole, &n), "stopped after %d", stop);
        size_t epochs;
        const double *loss = hebb_history(n.model, "val_loss", &epochs);
        cr_assert_eq(epochs, 8);
        cr_expect_eq(memcmp(loss, hebb_history(whole.model, "val_loss", NULL), 8 * sizeof *loss),
                     0);
        free_net(&n);
    }
    free_net(&whole);
}

Test(train, resumes_from_trainings_only) {
    net n = make_net("cpu", 1);
    cr_assert_eq(hebb_session_save(hebb_model_session(n.model), path), HEBB_OK);
    cr_expect_eq(hebb_fit(n.model, &data, .resume = path), HEBB_E_FORMAT);
    cr_expect_not_null(strstr(hebb_message(n.model), "session only"), "%s", hebb_message(n.model));
    cr_assert_eq(truncate(path, 30), 0);
    cr_expect_eq(hebb_fit(n.model, &data, .resume = path), HEBB_E_FORMAT);
    free_net(&n);
}

/* The error names the file and, where it is cut off, the byte; the model is as it was. */
Test(train, resumes_from_whole_checkpoints_of_the_same_model) {
    net n = make_net("cpu", 3), same = make_net("cpu", 3);
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 2));
    hebb_tensor *label = hebb_input(g, "label", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
    hebb_model *other =
        hebb_model_create(g, n.device, .inputs = HEBB_LIST(x, label), .optimizer = hebb_sgd(),
                          .loss = hebb_sparse_softmax_cross_entropy(hebb_dense(x, CLASSES), label));
    cr_assert_eq(hebb_fit(other, &data, .callbacks = HEBB_CALLBACKS(hebb_checkpoint_file(path))),
                 HEBB_OK);
    expect_failure(&n, hebb_fit(n.model, &data, .resume = path), HEBB_E_SHAPE, path);
    cr_expect_not_null(strstr(hebb_message(n.model), "another model"), "%s", hebb_message(n.model));
    cr_expect(same_state(&n, &same));
    cr_assert_eq(train_to(&same, 1, false), HEBB_OK);
    FILE *file = fopen(path, "rb");
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fclose(file);
    for (long cut = size - 1; cut > 0; cut -= size / 10 + 1) {
        cr_assert_eq(truncate(path, cut), 0);
        expect_failure(&n, hebb_fit(n.model, &data, .resume = path), HEBB_E_FORMAT, path);
        cr_expect_not_null(strstr(hebb_message(n.model), "byte"), "%s", hebb_message(n.model));
    }
    net fresh = make_net("cpu", 3);
    cr_expect(same_state(&n, &fresh));
    hebb_model_destroy(other);
    hebb_graph_destroy(g);
    free_net(&n);
    free_net(&same);
    free_net(&fresh);
}

/* The disk is full when the second epoch is saved: the fit's error, and the first one's checkpoint.
 */
Test(train, full_disk_ends_the_fit_and_leaves_the_checkpoint) {
    net n = make_net("cpu", 3);
    cr_assert_eq(train_to(&n, 1, false), HEBB_OK);
    pid_t child = fork();
    if (child == 0) {
        net m = make_net("cpu", 3);
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){500, 500});
        hebb_status status = train_to(&m, 2, true);
        const char *message = hebb_message(m.model);
        _exit(status == HEBB_E_FILE && strstr(message, path) != NULL &&
                      strstr(message, "cannot be written") != NULL
                  ? 0
                  : 1);
    }
    int status;
    waitpid(child, &status, 0);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    net m = make_net("cpu", 3);
    cr_expect_eq(train_to(&m, 1, true), HEBB_OK, "%s", hebb_message(m.model));
    cr_expect(same_state(&n, &m));
    free_net(&n);
    free_net(&m);
}

/* Killed at any moment, started again, killed again: the end is the same. */
Test(train, survives_kill_9) {
    enum { EPOCHS = 60 };
    net whole = make_net("cpu", 3);
    cr_assert_eq(train_to(&whole, EPOCHS, false), HEBB_OK);
    const char *full = getenv("HEBB_TESTS_FULL");
    const int runs = full != NULL && strcmp(full, "1") == 0 ? 500 : 50;
    int killed = 0, while_writing = 0;
    char aside[80];
    snprintf(aside, sizeof aside, "%s.tmp", path);
    unlink(path);
    for (int run = 0; run < runs; run++) {
        pid_t child = fork();
        cr_assert_geq(child, 0);
        if (child == 0) {
            net n = make_net("cpu", 3);
            _exit(train_to(&n, EPOCHS, true) == HEBB_OK ? 0 : 1);
        }
        nanosleep(&(struct timespec){0, (run * 7919L % 50000 + 1000) * 1000L}, NULL);
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
        killed += WIFSIGNALED(status);
        while_writing += unlink(aside) == 0;
        if (access(path, F_OK) != 0) continue;
        hebb_safetensors *file = NULL;
        char message[256];
        cr_assert_eq(hebb_safetensors_read(path, &file, message, sizeof message), HEBB_OK, "%s",
                     message);
        hebb_safetensors_destroy(file);
        if (run % 10 != 9 && WIFSIGNALED(status)) continue;
        net n = make_net("cpu", 3); /* to the end, then from the beginning */
        cr_assert_eq(train_to(&n, EPOCHS, true), HEBB_OK, "%s", hebb_message(n.model));
        cr_expect(same_state(&whole, &n), "after run %d", run);
        free_net(&n);
        unlink(path);
    }
    printf("%d of %d runs were killed, %d of these while a checkpoint was written\n", killed, runs,
           while_writing);
    cr_expect_gt(killed, 0);
    free_net(&whole);
}
