/* What will the next day's temperatures be? A recurrent layer reads the hours of the last two days.
   The data are a column of a CSV file, or a climate that is made up: seasons, days, and weather
   that comes and goes. The first part of it is to learn from, the next to stop at the right moment,
   the last to measure: never the other way round in time. --save keeps the network with the scaling
   of its inputs; --load forecasts with that, without training. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/hebb.h>

#include "common.h"

enum { PAST = 48, AHEAD = 24, UNITS = 32, HOURS = 8766 };

typedef struct settings {
    const char *data, *column, *save, *load, *png;
    long epochs, seed;
} settings;

/* ---- the data ---- */

/* Seasons of a year and days, and weather that forgets what it was within some days. */
static bool make_up(hebb_array *series, long seed) {
    const double turn = 8 * atan(1);
    uint64_t state = (uint64_t)seed;
    double weather = 0;
    if (hebb_array_resize(series, HEBB_F32, HEBB_SHAPE(HOURS, 1)) != HEBB_OK) return false;
    for (int64_t t = 0; t < HOURS; t++) {
        double noise = -6; /* twelve numbers of [0, 1) make one that is nearly normal */
        for (int k = 0; k < 12; k++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            noise += (double)(state >> 11) * 0x1p-53;
        }
        weather = 0.98 * weather + 0.5 * noise;
        const double season = -9 * cos(turn * (double)t / (365.25 * 24));
        const double day =
            -(4 + 2 * sin(turn * (double)t / (365.25 * 24))) * cos(turn * (double)(t - 3) / 24);
        ((float *)series->data)[t] = (float)(10 + season + day + weather);
    }
    return true;
}

/* [hours, 1] */
static bool read_series(const settings *o, hebb_array *series) {
    char message[512];
    hebb_table table = {0};
    if (o->data[0] == '\0') return make_up(series, o->seed);
    if (hebb_read_csv(o->data, &table, message, sizeof message, HEBB_COLUMNS(o->column)) !=
        HEBB_OK) {
        fprintf(stderr, "%s\n", message);
        return false;
    }
    *series = table.values;
    table.values = (hebb_array){0};
    hebb_table_free(&table);
    return true;
}

/* Each hour with PAST hours up to it, [n, PAST, 1], and the AHEAD hours after it, [n, AHEAD, 1]. */
static bool cut(const hebb_array *series, hebb_array columns[2]) {
    const int64_t hours = series->shape.dim[0];
    const hebb_array past = hebb_array_rows(series, 0, hours - AHEAD);
    const hebb_array future = hebb_array_rows(series, PAST, hours - PAST);
    char message[512];
    if (hebb_window_rows(&past, PAST, 1, &columns[0], message, sizeof message) == HEBB_OK &&
        hebb_window_rows(&future, AHEAD, 1, &columns[1], message, sizeof message) == HEBB_OK)
        return true;
    fprintf(stderr, "%s\n", message);
    return false;
}

/* ---- the network ---- */

typedef struct network {
    hebb_graph *g;
    hebb_tensor *past, *future, *forecast;
    hebb_model *model;
} network;

/* It works on numbers around 0; what goes in and comes out are degrees. It says how they change
   from now on: so it need not know of seasons that it has not seen. Without a scaling, the one that
   is loaded with the weights is used, and nothing can be trained. */
static network build(hebb_device *device, const hebb_scaling *scaling, long seed) {
    network n = {.g = hebb_graph_create()};
    n.past = hebb_input(n.g, "past", HEBB_F32, HEBB_SHAPE(HEBB_ANY, PAST, 1));
    n.future = hebb_input(n.g, "future", HEBB_F32, HEBB_SHAPE(HEBB_ANY, AHEAD, 1));
    hebb_tensor *x = hebb_scaling_layer(n.past, scaling, .axis = -1, .name = "degrees");
    hebb_tensor *change = hebb_expand_dims(hebb_dense(hebb_gru(x, UNITS), AHEAD), -1);
    hebb_tensor *now = hebb_slice(x, HEBB_RANGES({.axis = 1, .start = -1, .stop = HEBB_END}));
    hebb_tensor *y = hebb_add(change, now);
    n.forecast = hebb_scaling_layer(y, scaling, .axis = -1, .undo = true, .name = "forecast");
    if (scaling == NULL) {
        n.model = hebb_model_create(n.g, device, .inputs = HEBB_LIST(n.past, n.future));
        return n;
    }
    hebb_tensor *wanted = hebb_scaling_layer(n.future, scaling, .axis = -1, .name = "wanted");
    n.model = hebb_model_create(
        n.g, device, .inputs = HEBB_LIST(n.past, n.future), .seed = (uint64_t)seed,
        .loss = hebb_mean_squared_error(y, wanted), .optimizer = hebb_adam(.learning_rate = 1e-3),
        .metrics =
            HEBB_METRICS(hebb_metric_mean_absolute_error(n.forecast, n.future, .name = "degrees")));
    return n;
}

static void destroy(network *n) {
    hebb_model_destroy(n->model);
    hebb_graph_destroy(n->g);
}

static bool failed(const network *n) {
    hebb_session *s = hebb_model_session(n->model);
    const bool model = hebb_failed(n->model);
    if (model || hebb_failed(s))
        fprintf(stderr, "%s\n", model ? hebb_message(n->model) : hebb_message(s));
    return model || hebb_failed(s);
}

static bool train(network *n, const hebb_parts *parts, const settings *o) {
    hebb_fit(n->model, hebb_parts_train(parts), .epochs = o->epochs,
             .validation = hebb_parts_validation(parts),
             .callbacks = HEBB_CALLBACKS(
                 hebb_progress(stdout),
                 hebb_early_stopping(.patience = 4, .restore_best = true, .out = stdout)));
    if (!hebb_failed(n->model) && o->save[0] != '\0')
        hebb_session_save(hebb_model_session(n->model), o->save);
    return !failed(n);
}

static bool load(network *n, const char *path) {
    hebb_session_load(hebb_model_session(n->model), path, .allow_unused = true);
    return !failed(n);
}

/* ---- what it is worth ---- */

/* The mean difference, in degrees, of forecasts and of two that need no network: the last hour goes
   on; the last day repeats. */
static void measure(const hebb_dataset *data, const hebb_array *forecasts, double errors[3]) {
    const float *past = data->columns[0].data, *future = data->columns[1].data;
    const float *made = forecasts->data;
    const int64_t n = data->columns[0].shape.dim[0];
    memset(errors, 0, 3 * sizeof *errors);
    for (int64_t i = 0; i < n; i++, past += PAST, future += AHEAD, made += AHEAD)
        for (int k = 0; k < AHEAD; k++) {
            errors[0] += fabs(made[k] - future[k]);
            errors[1] += fabs(past[PAST - 1] - future[k]);
            errors[2] += fabs(past[PAST - AHEAD + k] - future[k]);
        }
    for (int k = 0; k < 3; k++) errors[k] /= (double)(n * AHEAD);
}

/* The last of the examples: two days, the third as it was, and as it was forecast. */
static bool draw(const hebb_dataset *data, const hebb_array *forecasts, const char *png) {
    const int64_t last = data->columns[0].shape.dim[0] - 1;
    double hours[PAST + AHEAD], was[PAST + AHEAD], made[AHEAD];
    for (int k = 0; k < PAST + AHEAD; k++) {
        hours[k] = k - PAST + 1;
        was[k] = k < PAST ? hebb_array_at(&data->columns[0], last * PAST + k)
                          : hebb_array_at(&data->columns[1], last * AHEAD + k - PAST);
        if (k >= PAST) made[k - PAST] = hebb_array_at(forecasts, last * AHEAD + k - PAST);
    }
    hebb_plot *p = hebb_plot_create();
    hebb_plot_panel(p, .title = "the last three days", .x_label = "hours from now",
                    .y_label = "degrees");
    hebb_plot_line(p, was, PAST + AHEAD, .x = hours, .name = "measured");
    hebb_plot_line(p, made, AHEAD, .x = hours + PAST, .name = "forecast", .dashed = true);
    hebb_plot_print(p, stdout);
    if (png[0] != '\0') hebb_plot_png(p, png);
    const bool fine = !hebb_failed(p);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(p));
    hebb_plot_destroy(p);
    return fine;
}

static bool report(const network *n, const hebb_dataset *data, const char *png, double errors[3]) {
    hebb_array forecasts = {0};
    bool fine = hebb_predict(n->model, data, n->forecast, &forecasts) == HEBB_OK;
    if (fine) {
        measure(data, &forecasts, errors);
        printf("\nmean error of the next %d hours' temperatures, in degrees\n", AHEAD);
        printf("  %-24s %6.2f\n  %-24s %6.2f\n  %-24s %6.2f\n\n", "as it is now", errors[1],
               "as a day before", errors[2], "the network", errors[0]);
        fine = draw(data, &forecasts, png);
    } else failed(n);
    hebb_array_free(&forecasts);
    return fine;
}

/* ---- all of it ---- */

static bool run(hebb_device *device, const hebb_parts *parts, const settings *o) {
    hebb_scaling scaling = {0};
    const bool loads = o->load[0] != '\0';
    const hebb_array *hours = &hebb_parts_train(parts)->columns[0];
    /* [n, PAST, 1] are [n PAST] hours of one feature */
    const hebb_array flat =
        hebb_array_view(hours->data, hours->dtype, HEBB_SHAPE(hebb_array_count(hours)));
    hebb_standardize_fit(&scaling, &flat, NULL, 0);
    network n = build(device, loads ? NULL : &scaling, o->seed);
    double errors[3];
    bool fine = !failed(&n) && (loads ? load(&n, o->load) : train(&n, parts, o)) &&
                report(&n, hebb_parts_test(parts), o->png, errors);
    size_t epochs = 0;
    const double *losses = hebb_history(n.model, "loss", &epochs);
    if (fine && epochs > 0)
        printf("\nerror=%.2f as_before=%.2f first_loss=%.4f last_loss=%.4f\n", errors[0], errors[2],
               losses[0], losses[epochs - 1]);
    else if (fine) printf("\nerror=%.2f as_before=%.2f\n", errors[0], errors[2]);
    hebb_scaling_free(&scaling);
    destroy(&n);
    return fine;
}

int main(int argc, char **argv) {
    settings o = {"", "temperature", "", "", "", 20, 1};
    const char *device_name = "cpu";
    const option options[] = {
        DEVICE_OPTION(device_name),
        {"data", "a CSV file with a row an hour; default: a climate that is made up", &o.data, NULL,
         0},
        {"column", "of that file", &o.column, NULL, 0},
        {"epochs", "at most", NULL, &o.epochs, 1},
        {"seed", "of the weights, and of what is made up", NULL, &o.seed, 0},
        {"save", "a file for the network", &o.save, NULL, 0},
        {"load", "such a file, to forecast without training", &o.load, NULL, 0},
        {"png", "a file for the last three days", &o.png, NULL, 0},
    };
    parse_options(argc, argv, "Forecasts the next day's temperatures, hour by hour.", options,
                  COUNT(options));
    hebb_array series = {0}, columns[2] = {{0}};
    bool fine = read_series(&o, &series) && cut(&series, columns);
    hebb_parts *parts = NULL;
    hebb_device *device = hebb_device_open(device_name);
    if (hebb_failed(device)) fprintf(stderr, "%s\n", hebb_message(device));
    if (fine) {
        parts = hebb_parts_create(HEBB_DATASET(columns[0], columns[1]), .validation = 0.15,
                                  .test = 0.15, .in_order = true);
        if (hebb_failed(parts)) fprintf(stderr, "%s\n", hebb_message(parts));
        fine = !hebb_failed(parts) && !hebb_failed(device) && run(device, parts, &o);
    }
    hebb_parts_destroy(parts);
    hebb_device_close(device);
    hebb_array_free(&series);
    for (int k = 0; k < 2; k++) hebb_array_free(&columns[k]);
    return fine ? 0 : 1;
}
