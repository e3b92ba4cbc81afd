/* Callbacks (hebb/callbacks.h): those of the library, and one's own. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "support/commas.h"
#include "support/devices.h"

enum { ROWS = 20 };

static float xs[ROWS][2], ts[ROWS][1];
static hebb_array columns[2];
static const hebb_dataset data = {columns, 2};
static char path[64];

typedef struct net {
    hebb_graph *graph;
    hebb_device *device;
    hebb_tensor *x, *t, *loss;
    hebb_model *model;
} net;

static net make_net(double rate, double average) {
    net n = {.graph = hebb_graph_create(), .device = cpu_device()};
    n.x = hebb_input(n.graph, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 2));
    n.t = hebb_input(n.graph, "t", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 1));
    hebb_tensor *hidden = hebb_dense(n.x, 4, .activation = hebb_tanh);
    hebb_layer_begin(n.graph, "net", NULL);
    hebb_tensor *y = hebb_layer_end(n.graph, hebb_dense(hidden, 1));
    n.loss = hebb_mean_squared_error(y, n.t);
    n.model = hebb_model_create(n.graph, n.device, .inputs = HEBB_LIST(n.x, n.t), .loss = n.loss,
                                .seed = 1, .optimizer = hebb_sgd(.learning_rate = rate),
                                .minimize = &(const hebb_minimize_options){.average = average});
    cr_assert_str_eq(hebb_message(n.model), "");
    return n;
}

static void free_net(net *n) {
    hebb_model_destroy(n->model);
    hebb_device_close(n->device);
    hebb_graph_destroy(n->graph);
}

static void init(void) {
    for (int i = 0; i < ROWS; i++) {
        xs[i][0] = (float)sin(3 * i);
        xs[i][1] = (float)cos(5 * i);
        ts[i][0] = xs[i][0] * xs[i][1];
    }
    columns[0] = hebb_array_view(xs, HEBB_F32, HEBB_SHAPE(ROWS, 2));
    columns[1] = hebb_array_view(ts, HEBB_F32, HEBB_SHAPE(ROWS, 1));
    snprintf(path, sizeof path, "/tmp/hebb-test-XXXXXX");
    close(mkstemp(path));
}

static void fini(void) { unlink(path); }

TestSuite(callbacks, .init = init, .fini = fini);

/* ---- one's own ---- */

typedef struct record {
    char events[256];
    double losses[8];
    int destroyed;
} record;

static hebb_status note(hebb_callback *self, const char *event) {
    strcat(((record *)self->data)->events, event);
    return HEBB_OK;
}
static hebb_status at_begin(hebb_callback *self, hebb_fit_state *f) { return note(self, "b"); }
static hebb_status at_epoch(hebb_callback *self, hebb_fit_state *f) { return note(self, "["); }
static hebb_status at_batch(hebb_callback *self, hebb_fit_state *f) {
    cr_expect_eq(f->batches, 2);
    cr_expect_eq(f->examples, f->batch == 1 ? 16 : ROWS);
    cr_expect_eq(f->n_feeds, 2);
    return note(self, ".");
}
static hebb_status at_epoch_end(hebb_callback *self, hebb_fit_state *f) {
    ((record *)self->data)->losses[f->epoch] = hebb_log_value(f, "loss");
    cr_expect(isnan(hebb_log_value(f, "nothing")));
    if (f->epoch == 1) f->stop = true;
    hebb_log_add(f, "mine", 10.0 + (double)f->epoch);
    return note(self, "]");
}
static hebb_status at_end(hebb_callback *self, hebb_fit_state *f) { return note(self, "e"); }
static void at_destroy(hebb_callback *self) { ((record *)self->data)->destroyed++; }

Test(callbacks, hooks_are_called_in_order) {
    net n = make_net(0.1, 0);
    record r = {.destroyed = 0};
    hebb_callback own = {.begin = at_begin,
                         .epoch_begin = at_epoch,
                         .batch_end = at_batch,
                         .epoch_end = at_epoch_end,
                         .end = at_end,
                         .destroy = at_destroy,
                         .data = &r};
    cr_assert_eq(
        hebb_fit(n.model, &data, .epochs = 5, .batch = 16, .callbacks = HEBB_CALLBACKS(own)),
        HEBB_OK, "%s", hebb_message(n.model));
    cr_expect_str_eq(r.events, "b[..][..]e");
    cr_expect_eq(r.destroyed, 1);
    size_t epochs;
    cr_expect_eq(hebb_history(n.model, "loss", &epochs)[1], r.losses[1]);
    cr_expect_eq(epochs, 2);
    cr_expect_eq(hebb_history(n.model, "mine", NULL)[1], 11);
    hebb_fit(n.model, NULL, .callbacks = HEBB_CALLBACKS(own));
    cr_expect_eq(r.destroyed, 2);
    free_net(&n);
}

static hebb_status refuse(hebb_callback *self, hebb_fit_state *f) { return HEBB_E_DEVICE; }

Test(callbacks, errors_end_the_training) {
    net n = make_net(0.1, 0);
    cr_expect_eq(hebb_fit(n.model, &data,
                          .callbacks = HEBB_CALLBACKS({.name = "mine", .batch_end = refuse})),
                 HEBB_E_DEVICE);
    cr_expect_str_eq(hebb_message(n.model), "fit: the callback mine failed in epoch 1");
    hebb_fit(n.model, &data, .callbacks = HEBB_CALLBACKS({.name = "mine", .begin = refuse}));
    cr_expect_str_eq(hebb_message(n.model), "fit: the callback mine failed before the first epoch");
    hebb_fit(n.model, &data, .callbacks = HEBB_CALLBACKS({.name = "mine", .end = refuse}));
    cr_expect_str_eq(hebb_message(n.model), "fit: the callback mine failed after the last epoch");
    cr_expect_eq(hebb_fit(n.model, &data,
                          .callbacks = HEBB_CALLBACKS(hebb_early_stopping(.monitor = "acc"))),
                 HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(hebb_message(n.model), "acc is monitored, but logged are only: loss"),
                       "%s", hebb_message(n.model));
    cr_expect_eq(hebb_fit(n.model, &data,
                          .callbacks = HEBB_CALLBACKS(hebb_early_stopping(.monitor = "val_loss"))),
                 HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(hebb_message(n.model), "there is neither .validation nor"), "%s",
                       hebb_message(n.model));
    cr_expect_eq(hebb_fit(n.model, &data, .callbacks = HEBB_CALLBACKS(hebb_csv_log("/no/x.csv"))),
                 HEBB_E_FILE);
    cr_expect_eq(
        hebb_fit(n.model, &data, .callbacks = HEBB_CALLBACKS(hebb_checkpoint_file("/no/x"))),
        HEBB_E_FILE);
    cr_expect_not_null(strstr(hebb_message(n.model), "/no/x"), "%s", hebb_message(n.model));
    cr_expect_eq(hebb_fit(n.model, &data, .callbacks = HEBB_CALLBACKS(hebb_use_averages())),
                 HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(hebb_message(n.model), "no averages"), "%s", hebb_message(n.model));
    free_net(&n);
}

static void expect_not_made(net *n, hebb_callback callback, hebb_status status, const char *words) {
    cr_expect_eq(hebb_fit(n->model, &data, .callbacks = HEBB_CALLBACKS(callback)), status);
    cr_expect_str_eq(hebb_message(n->model), words);
}

Test(callbacks, made_with_wrong_arguments) {
    net n = make_net(0.1, 0);
    expect_not_made(&n, hebb_progress(NULL), HEBB_E_NULL,
                    "fit: the callback progress was made with a NULL argument");
    expect_not_made(&n, hebb_csv_log(NULL), HEBB_E_NULL,
                    "fit: the callback csv_log was made with a NULL argument");
    expect_not_made(&n, hebb_early_stopping(.patience = -1), HEBB_E_ARGUMENT,
                    "fit: the callback early_stopping was made with a number out of its range");
    expect_not_made(&n, hebb_reduce_on_plateau(.cooldown = -1), HEBB_E_ARGUMENT,
                    "fit: the callback reduce_on_plateau was made with a number out of its range");
    expect_not_made(&n, hebb_checkpoint_file("/tmp/x", .every = -1), HEBB_E_ARGUMENT,
                    "fit: the callback checkpoint was made with a number out of its range");
    expect_not_made(&n, (hebb_callback){.status = HEBB_E_DEVICE}, HEBB_E_DEVICE,
                    "fit: the callback of the user could not be made");
    free_net(&n);
}

/* ---- those of the library ---- */

/* Steps too large: the loss grows from the first epoch on. */
Test(callbacks, early_stopping_restores_the_best) {
    net n = make_net(3, 0);
    double best;
    hebb_fit(n.model, &data, .epochs = 50, .batch = ROWS, .validation = &data,
             .callbacks = HEBB_CALLBACKS(hebb_early_stopping(.patience = 4, .restore_best = true)));
    cr_assert_str_eq(hebb_message(n.model), "");
    size_t epochs, least = 0;
    const double *loss = hebb_history(n.model, "val_loss", &epochs);
    for (size_t k = 0; k < epochs; k++)
        if (loss[k] < loss[least]) least = k;
    cr_expect_eq(epochs, least + 5);
    hebb_evaluate(n.model, &data, &best);
    cr_expect_eq(best, loss[least]);
    free_net(&n);
}

/* The line about the best epoch, of trainings that are stopped and that are not. */
Test(callbacks, early_stopping_tells_of_the_best) {
    const struct {
        double rate;
        int64_t epochs;
        const char *before, *after;
    } cases[] = {{3, 50, "stopped after epoch ", ", whose variables are restored\n"},
                 {0.01, 3, "val_loss was best in epoch 3 (", ", whose variables are restored\n"}};
    for (size_t k = 0; k < 2; k++) {
        net n = make_net(cases[k].rate, 0);
        char *text = NULL;
        size_t size;
        FILE *out = open_memstream(&text, &size);
        hebb_fit(n.model, &data, .epochs = cases[k].epochs, .batch = ROWS, .validation = &data,
                 .callbacks = HEBB_CALLBACKS(
                     hebb_early_stopping(.patience = 4, .restore_best = true, .out = out)));
        fclose(out);
        cr_assert_str_eq(hebb_message(n.model), "");
        cr_expect_eq(strncmp(text, cases[k].before, strlen(cases[k].before)), 0, "%s", text);
        cr_expect_str_eq(strstr(text, ", whose"), cases[k].after);
        free(text);
        free_net(&n);
    }
}

/* A folder that is not there is found before an epoch is computed. */
Test(callbacks, checkpoints_look_for_their_folder_first) {
    net n = make_net(0.1, 0);
    cr_expect_eq(hebb_fit(n.model, &data,
                          .callbacks = HEBB_CALLBACKS(hebb_checkpoint_file("/no/x.safetensors"))),
                 HEBB_E_FILE);
    cr_expect(strstr(hebb_message(n.model), "checkpoint: /no/x.safetensors: cannot be written"),
              "%s", hebb_message(n.model));
    cr_expect_eq(hebb_session_step(hebb_model_session(n.model)), 0);
    free_net(&n);
}

static double rate_of(const net *n) {
    hebb_array value = {0};
    hebb_session_get(hebb_model_session(n->model), hebb_learning_rate(hebb_model_step(n->model)),
                     &value);
    double rate = hebb_array_item(&value);
    hebb_array_free(&value);
    return rate;
}

static double halve(int64_t epoch, double now, void *user) {
    *(int *)user += 1;
    return epoch == 0 ? now : now / 2;
}

Test(callbacks, rates_change) {
    net n = make_net(0.1, 0);
    int calls = 0;
    hebb_fit(n.model, &data, .epochs = 3,
             .callbacks = HEBB_CALLBACKS(hebb_rate_scheduler(halve, &calls)));
    cr_expect_str_eq(hebb_message(n.model), "");
    cr_expect_eq(calls, 3);
    cr_expect_float_eq(rate_of(&n), 0.025, 1e-8);
    /* nothing is better by so much, so every second epoch after the first reduces */
    hebb_fit(n.model, &data, .epochs = 5,
             .callbacks = HEBB_CALLBACKS(
                 hebb_reduce_on_plateau(.factor = 0.5, .patience = 2, .min_delta = 1e6)));
    cr_expect_float_eq(rate_of(&n), 0.025 / 4, 1e-8);
    free_net(&n);
}

/* Each step would set the rate of the schedule again. */
Test(callbacks, rates_of_schedules_are_not_changed) {
    net n = make_net(0.1, 0);
    int calls = 0;
    hebb_model *m =
        hebb_model_create(n.graph, n.device, .inputs = HEBB_LIST(n.x, n.t), .loss = n.loss,
                          .optimizer = hebb_sgd(.schedule = hebb_cosine_decay(0.1, 100)));
    hebb_fit(m, &data, .callbacks = HEBB_CALLBACKS(hebb_rate_scheduler(halve, &calls)));
    cr_expect_eq(hebb_model_status(m), HEBB_E_UNSUPPORTED);
    cr_expect_not_null(strstr(hebb_message(m), "rate_scheduler: the optimizer has a schedule"),
                       "%s", hebb_message(m));
    cr_expect_eq(calls, 0);
    hebb_fit(m, &data, .callbacks = HEBB_CALLBACKS(hebb_reduce_on_plateau()));
    cr_expect_eq(hebb_model_status(m), HEBB_E_UNSUPPORTED);
    hebb_model_destroy(m);
    hebb_fit(n.model, &data, .callbacks = HEBB_CALLBACKS(hebb_rate_scheduler(halve, &calls)));
    cr_expect_str_eq(hebb_message(n.model), ""); /* another step of the same graph has none */
    free_net(&n);
}

Test(callbacks, only_the_best_is_kept) {
    net n = make_net(3, 0);
    hebb_fit(n.model, &data, .epochs = 12, .batch = ROWS, .validation = &data,
             .callbacks = HEBB_CALLBACKS(hebb_checkpoint_file(path, .best_only = true)));
    double best = INFINITY, value;
    size_t epochs;
    const double *loss = hebb_history(n.model, "val_loss", &epochs);
    for (size_t k = 0; k < epochs; k++) best = loss[k] < best ? loss[k] : best;
    cr_assert_eq(hebb_session_load(hebb_model_session(n.model), path), HEBB_OK, "%s",
                 hebb_message(hebb_model_session(n.model)));
    hebb_evaluate(n.model, &data, &value);
    cr_expect_eq(value, best);
    free_net(&n);
}

static void read_text(char *text, size_t size) {
    FILE *file = fopen(path, "r");
    text[fread(text, 1, size - 1, file)] = '\0';
    fclose(file);
}

Test(callbacks, csv_is_appended_to) {
    net n = make_net(0.1, 0);
    char checkpoint[80], text[2048];
    snprintf(checkpoint, sizeof checkpoint, "%s.safetensors", path);
    for (int epochs = 2; epochs < 5; epochs += 2) {
        cr_assert_eq(hebb_fit(n.model, &data, .epochs = epochs, .resume = checkpoint,
                              .callbacks = HEBB_CALLBACKS(hebb_csv_log(path),
                                                          hebb_checkpoint_file(checkpoint))),
                     HEBB_OK, "%s", hebb_message(n.model));
        FILE *file = fopen(path, "a"); /* as if it had been killed before the next checkpoint */
        fputs(epochs == 2 ? "2,9\n3,9" : "", file);
        fclose(file);
    }
    unlink(checkpoint);
    read_text(text, sizeof text);
    cr_expect_eq(strncmp(text, "epoch,loss\n0,", 13), 0, "%s", text);
    cr_expect_not_null(strstr(text, "\n3,"), "%s", text);
    cr_expect_null(strstr(text, ",9\n"), "%s", text);
    int lines = 0;
    for (const char *c = text; *c != '\0'; c++) lines += *c == '\n';
    cr_expect_eq(lines, 5, "%s", text);
    free_net(&n);
}

/* In a country of commas, too, they part columns, and numbers have a point. */
Test(callbacks, csv_has_points) {
    char text[2048];
    use_commas();
    net n = make_net(0.1, 0);
    cr_assert_eq(hebb_fit(n.model, &data, .callbacks = HEBB_CALLBACKS(hebb_csv_log(path))),
                 HEBB_OK);
    read_text(text, sizeof text);
    cr_expect(strncmp(text, "epoch,loss\n0,", 13) == 0 && strchr(text, '.') != NULL &&
                  strchr(text + 13, ',') == NULL,
              "%s", text);
    free_net(&n);
}

Test(callbacks, progress_is_a_line_an_epoch_where_no_terminal_is) {
    net n = make_net(0.1, 0);
    char text[2048];
    FILE *out = fopen(path, "w");
    hebb_fit(n.model, &data, .epochs = 2, .validation = &data,
             .callbacks = HEBB_CALLBACKS(hebb_progress(out)));
    fclose(out);
    read_text(text, sizeof text);
    cr_expect_not_null(strstr(text, "epoch 1/2  loss 0."), "%s", text);
    cr_expect_not_null(strstr(text, "  val_loss 0."), "%s", text);
    cr_expect_null(strchr(text, '\r'));
    free_net(&n);
}

/* A line that is as long as the terminal is wide would wrap, and no \r could draw over it. */
Test(callbacks, progress_fits_the_terminal) {
    int keyboard = posix_openpt(O_RDWR | O_NOCTTY), length = 0;
    if (keyboard < 0 || grantpt(keyboard) != 0 || unlockpt(keyboard) != 0)
        cr_skip_test("no pseudo-terminals here");
    FILE *out = fdopen(open(ptsname(keyboard), O_RDWR | O_NOCTTY), "w");
    cr_assert_not_null(out);
    for (unsigned short width = 30; width <= 110; width = (unsigned short)(width + 40)) {
        net n = make_net(0.1, 0);
        char text[4096] = "";
        ioctl(keyboard, TIOCSWINSZ, &(struct winsize){.ws_col = width, .ws_row = 24});
        hebb_fit(n.model, &data, .callbacks = HEBB_CALLBACKS(hebb_progress(out)));
        ssize_t got = 0; /* the system passes it on piece by piece; the lines that stay end it */
        while (strstr(text, " s\r\n") == NULL) {
            const ssize_t more = read(keyboard, text + got, sizeof text - 1 - (size_t)got);
            cr_assert_gt(more, 0);
            got += more;
        }
        cr_expect_eq(strncmp(text, "\repoch 1/1", 10), 0, "%s", text);
        cr_expect_not_null(strstr(text, " 0%  preparing"), "%s", text);
        for (ssize_t k = 0; k < got; k++) { /* the lines that stay, too */
            length = text[k] == '\r' || text[k] == '\n' ? 0 : length + 1;
            cr_expect_lt(length, width);
        }
        cr_expect_eq(strchr(text, '[') != NULL, width >= 60);
        free_net(&n);
    }
    fclose(out);
    close(keyboard);
}

Test(callbacks, averages_are_validated_and_stay) {
    net n = make_net(0.5, 0.9);
    double value;
    hebb_fit(n.model, &data, .epochs = 4, .validation = &data,
             .callbacks = HEBB_CALLBACKS(hebb_use_averages()));
    cr_assert_str_eq(hebb_message(n.model), "");
    hebb_evaluate(n.model, &data, &value);
    cr_expect_eq(value, hebb_history(n.model, "val_loss", NULL)[3]);
    hebb_swap_averages(hebb_model_session(n.model));
    double raw;
    hebb_evaluate(n.model, &data, &raw);
    cr_expect_neq(raw, value);
    free_net(&n);
}

Test(callbacks, norms_are_logged) {
    net n = make_net(0.1, 0), plain = make_net(0.1, 0);
    hebb_fit(n.model, &data, .epochs = 2, .callbacks = HEBB_CALLBACKS(hebb_norms()));
    hebb_fit(plain.model, &data, .epochs = 2);
    cr_assert_str_eq(hebb_message(n.model), "");
    cr_expect_gt(hebb_history(n.model, "norm/net", NULL)[1], 0);
    size_t found = 0;
    for (size_t k = 0; hebb_history_name(n.model, k) != NULL; k++)
        if (strncmp(hebb_history_name(n.model, k), "gradient/", 9) == 0) found++;
    cr_expect_eq(found, 4);
    cr_expect_eq(hebb_history(n.model, "loss", NULL)[1],
                 hebb_history(plain.model, "loss", NULL)[1]);
    free_net(&n);
    free_net(&plain);
}

/* ---- numbers that are none ---- */

static void expect_nan(net *n, const char *words) {
    hebb_status status = hebb_fit(n->model, &data, .batch = 4, .in_order = true,
                                  .callbacks = HEBB_CALLBACKS(hebb_stop_on_nan()));
    cr_expect_eq(status, HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(hebb_message(n->model), words), "%s", hebb_message(n->model));
}

Test(callbacks, nan_is_traced_to_where_it_began) {
    net n = make_net(0.1, 0);
    hebb_model_destroy(n.model);
    hebb_tensor *root = hebb_named(hebb_sqrt(n.x), "root"); /* of negative numbers */
    hebb_tensor *loss = hebb_add(n.loss, hebb_mean(root, HEBB_ALL_AXES, false));
    n.model = hebb_model_create(n.graph, n.device, .inputs = HEBB_LIST(n.x, n.t), .loss = loss,
                                .optimizer = hebb_sgd());
    expect_nan(&n, "the first is root, the result of sqrt, f32 [4, 2]");
    expect_nan(&n, "test_callbacks.c:");
    free_net(&n);
}

Test(callbacks, nan_of_data_and_variables) {
    net n = make_net(0.1, 0);
    xs[9][1] = NAN;
    expect_nan(&n, "epoch 1, batch 3: the loss is not finite: the first is x");
    xs[9][1] = 0;
    hebb_array bad = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(4));
    hebb_array_set(&bad, 2, INFINITY);
    size_t k = 0;
    while (strstr(hebb_tensor_name(hebb_graph_variable(n.graph, k)), "bias") == NULL) k++;
    hebb_tensor *bias = hebb_graph_variable(n.graph, k);
    hebb_session_set(hebb_model_session(n.model), bias, &bad);
    hebb_array_set(&bad, 3, NAN);
    hebb_session_set(hebb_model_session(n.model), bias, &bad);
    expect_nan(&n, hebb_tensor_name(bias));
    hebb_array_free(&bad);
    free_net(&n);
}
