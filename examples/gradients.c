/* How gradients vanish and explode on their way back through a deep network, and what helps. First
   how much of the gradient arrives at the first layer, by depth and activation; then, in a network
   of 20 layers, the gradient of each layer and how well the network learns: with first weights of
   the right size, with normalization, with clipping. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/hebb.h>

#include "common.h"

enum { PIXELS = 64, UNITS = 64, BATCH = 64, MOST_DEPTH = 64 };
#define RATE 0.02

typedef enum normalization { NONE, BATCH_NORM, LAYER_NORM } normalization;

typedef struct setup {
    const char *name;
    hebb_activation activation;
    hebb_initializer weights;
    normalization normalization;
    double clip; /* the gradient's norm; 0: it is not clipped */
} setup;

/* ---- networks ---- */

static hebb_tensor *layer(hebb_tensor *x, const setup *s, int number) {
    char name[32];
    snprintf(name, sizeof name, "layer_%d", number);
    hebb_tensor *h = hebb_dense(x, UNITS, .kernel_initializer = s->weights, .name = name);
    if (s->normalization == BATCH_NORM) h = hebb_batch_normalization(h);
    if (s->normalization == LAYER_NORM) h = hebb_layer_normalization(h);
    return s->activation(h);
}

/* A model, and what each of its layers gives. */
typedef struct network {
    hebb_model *model;
    hebb_tensor *results[MOST_DEPTH];
} network;

static network build(hebb_graph *g, hebb_device *device, const setup *s, int depth, uint64_t seed) {
    network net;
    hebb_tensor *x = hebb_input(g, "pixels", HEBB_F32, HEBB_SHAPE(HEBB_ANY, PIXELS));
    hebb_tensor *label = hebb_input(g, "digit", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *h = hebb_sub(x, hebb_scalar_like(x, 4.9)); /* the pixels' mean and deviation */
    h = hebb_mul(h, hebb_scalar_like(h, 1 / 6.0));
    for (int k = 0; k < depth; k++) net.results[k] = h = layer(h, s, k + 1);
    hebb_tensor *logits = hebb_dense(h, 10);
    hebb_metric accuracy = {.name = "accuracy", .counts = hebb_sparse_accuracy(logits, label)};
    const hebb_minimize_options minimize = {.global_clip_norm = s->clip};
    net.model = hebb_model_create(g, device, .inputs = HEBB_LIST(x, label), .classes = 10,
                                  .loss = hebb_sparse_softmax_cross_entropy(logits, label),
                                  .metrics = HEBB_METRICS(accuracy), .minimize = &minimize,
                                  .optimizer = hebb_sgd(.learning_rate = RATE), .seed = seed);
    return net;
}

/* ---- gradients before the first step ---- */

/* The norm of the loss's gradient with respect to the result of each layer, on the first images:
   by hand, in the model's own graph and session. (hebb_norms() logs such norms while it trains.) */
static bool measure(network *net, int depth, const hebb_dataset *data, double *norms) {
    hebb_tensor *loss = hebb_model_loss(net->model), *gradients[MOST_DEPTH];
    hebb_session *session = hebb_model_session(net->model);
    hebb_array first[2] = {hebb_array_rows(&data->columns[0], 0, BATCH),
                           hebb_array_rows(&data->columns[1], 0, BATCH)};
    hebb_array values[MOST_DEPTH] = {{0}};
    hebb_fetch fetches[MOST_DEPTH];
    if (hebb_failed(net->model)) return false;
    hebb_gradients(&loss, 1, net->results, (size_t)depth, NULL, gradients);
    for (int k = 0; k < depth; k++) {
        hebb_tensor *squares = hebb_sum(hebb_square(gradients[k]), HEBB_ALL_AXES, false);
        fetches[k] = (hebb_fetch){hebb_sqrt(squares), &values[k]};
    }
    hebb_session_set_mode(session, HEBB_MODE_TRAINING); /* as batch normalization then is */
    const hebb_feed feeds[] = {{hebb_model_input(net->model, 0), &first[0]},
                               {hebb_model_input(net->model, 1), &first[1]}};
    bool fine = hebb_run(session, feeds, 2, fetches, (size_t)depth) == HEBB_OK;
    hebb_session_set_mode(session, HEBB_MODE_AUTO);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(session));
    for (int k = 0; k < depth; k++) {
        norms[k] = hebb_array_item(&values[k]);
        hebb_array_free(&values[k]);
    }
    return fine;
}

/* How much of the gradient arrives at the first layer. */
static bool measure_share(hebb_device *device, const setup *s, int depth, const hebb_dataset *data,
                          long seed, double *share) {
    double norms[MOST_DEPTH];
    hebb_graph *graph = hebb_graph_create();
    network net = build(graph, device, s, depth, (uint64_t)seed);
    bool fine = measure(&net, depth, data, norms);
    *share = norms[0] / norms[depth - 1];
    if (hebb_failed(net.model)) fprintf(stderr, "%s\n", hebb_message(net.model));
    hebb_model_destroy(net.model);
    hebb_graph_destroy(graph);
    return fine;
}

static bool compare_depths(hebb_device *device, const hebb_dataset *data, int depth, long seed) {
    const setup setups[] = {
        {.name = "sigmoid", .activation = hebb_sigmoid, .weights = hebb_glorot_uniform()},
        {.name = "tanh", .activation = hebb_tanh, .weights = hebb_glorot_uniform()},
        {.name = "relu", .activation = hebb_relu, .weights = hebb_glorot_uniform()},
        {.name = "relu, large", .activation = hebb_relu, .weights = hebb_normal(0, 0.25)},
    };
    static const int depths[] = {2, 5, 10, 20, 40};
    double share;
    printf("gradient of the first layer, as a share of the last one's\n\n  depth");
    for (size_t k = 0; k < COUNT(setups); k++) printf("%14s", setups[k].name);
    for (size_t d = 0; d < COUNT(depths) && depths[d] <= depth; d++) {
        int layers = depths[d];
        printf("\n%7d", layers);
        for (size_t k = 0; k < COUNT(setups); k++) {
            if (!measure_share(device, &setups[k], layers, data, seed, &share)) return false;
            printf("%14.2g", share);
            fflush(stdout);
        }
    }
    printf("\n\n");
    return true;
}

/* ---- learning ---- */

typedef struct outcome {
    double norms[MOST_DEPTH];
    double *losses; /* an epoch */
    size_t epochs;
    double accuracy;
} outcome;

static bool train(hebb_device *device, const setup *s, int depth, const hebb_dataset *data,
                  long epochs, long seed, outcome *o) {
    hebb_graph *graph = hebb_graph_create();
    network net = build(graph, device, s, depth, (uint64_t)seed);
    hebb_model *model = net.model;
    double values[2] = {0};
    bool measured = measure(&net, depth, data, o->norms);
    if (measured) hebb_fit(model, data, .epochs = epochs, .batch = BATCH);
    if (!hebb_failed(model)) hebb_evaluate(model, data, values);
    bool fine = !hebb_failed(model);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(model));
    const double *losses = hebb_history(model, "loss", &o->epochs);
    o->losses = calloc(o->epochs + 1, sizeof *o->losses);
    if (o->losses != NULL && losses != NULL) memcpy(o->losses, losses, o->epochs * sizeof *losses);
    o->accuracy = values[1];
    hebb_model_destroy(model);
    hebb_graph_destroy(graph);
    return measured && fine && o->losses != NULL;
}

static void print_row(const setup *s, const outcome *o, int depth) {
    printf("%-24s", s->name);
    for (int k = 0; k < 5; k++) printf(" %8.1e", o->norms[k * (depth - 1) / 4]);
    printf(" %8.4f\n", o->accuracy);
    fflush(stdout);
}

static bool draw(const setup *setups, const outcome *outcomes, size_t n, int depth,
                 const char *path) {
    hebb_plot *p = hebb_plot_create(.columns = 2, .scale = 1.25);
    hebb_plot_panel(p, .title = "gradient of each layer before training", .x_label = "layer",
                    .log_y = true);
    for (size_t k = 0; k < n; k++)
        if (setups[k].clip == 0)
            hebb_plot_line(p, outcomes[k].norms, (size_t)depth, .name = setups[k].name,
                           .color = (int)k + 1);
    hebb_plot_panel(p, .title = "loss", .x_label = "epoch", .log_y = true);
    for (size_t k = 0; k < n; k++)
        hebb_plot_line(p, outcomes[k].losses, outcomes[k].epochs, .name = setups[k].name,
                       .color = (int)k + 1);
    hebb_plot_png(p, path);
    bool fine = !hebb_failed(p);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(p));
    hebb_plot_destroy(p);
    return fine;
}

static bool compare_cures(hebb_device *device, const hebb_dataset *data, int depth, long epochs,
                          long seed, const char *png) {
    const hebb_initializer small = hebb_normal(0, 0.05), large = hebb_normal(0, 0.25);
    const hebb_initializer glorot = hebb_glorot_uniform(), he = hebb_he_uniform();
    const setup setups[] = {
        {"sigmoid, Glorot", hebb_sigmoid, glorot, NONE, 0},
        {"sigmoid, batch norm", hebb_sigmoid, glorot, BATCH_NORM, 0},
        {"tanh, small weights", hebb_tanh, small, NONE, 0},
        {"tanh, Glorot", hebb_tanh, glorot, NONE, 0},
        {"relu, small weights", hebb_relu, small, NONE, 0},
        {"relu, He", hebb_relu, he, NONE, 0},
        {"relu, large weights", hebb_relu, large, NONE, 0},
        {"relu, large, clipping", hebb_relu, large, NONE, 1},
        {"relu, large, layer norm", hebb_relu, large, LAYER_NORM, 0},
    };
    outcome outcomes[COUNT(setups)] = {{.epochs = 0}};
    bool fine = true;
    printf("%d layers: gradients before training, and accuracy after %ld epochs\n\n%-24s", depth,
           epochs, "");
    for (int k = 0; k < 5; k++) printf(" layer %2d", 1 + k * (depth - 1) / 4);
    printf(" accuracy\n");
    for (size_t k = 0; k < COUNT(setups) && fine; k++) {
        fine = train(device, &setups[k], depth, data, epochs, seed, &outcomes[k]);
        if (fine) print_row(&setups[k], &outcomes[k], depth);
    }
    if (fine && png != NULL) fine = draw(setups, outcomes, COUNT(setups), depth, png);
    const outcome *he_outcome = &outcomes[5];
    if (fine)
        printf("\nvanished=%.0e exploded=%.0e accuracy=%.4f first_loss=%.4f last_loss=%.4f\n",
               outcomes[0].norms[0], outcomes[6].norms[0], he_outcome->accuracy,
               he_outcome->losses[0], he_outcome->losses[he_outcome->epochs - 1]);
    for (size_t k = 0; k < COUNT(setups); k++) free(outcomes[k].losses);
    return fine;
}

int main(int argc, char **argv) {
    const char *name = "cpu", *file = DATA_FOLDER "/digits.csv.gz", *png = NULL;
    long epochs = 30, depth = 20, seed = 1;
    const option options[] = {
        DEVICE_OPTION(name),
        {"epochs", "of each training", NULL, &epochs, 1},
        {"depth", "layers of the deep network, 4...64", NULL, &depth, 4},
        {"seed", "of the first weights and of the order of the images", NULL, &seed, 0},
        {"data", "rows of 64 pixels, 0...16, and a digit, comma-separated", &file, NULL, 0},
        {"png", "a file for gradients and losses as curves", &png, NULL, 0},
    };
    parse_options(argc, argv, "Vanishing and exploding gradients, and what helps.", options,
                  COUNT(options));
    if (depth > MOST_DEPTH) depth = MOST_DEPTH;

    hebb_table table = {0};
    char message[1024];
    hebb_device *device = hebb_device_open(name);
    bool fine = !hebb_failed(device);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(device));
    if (fine) {
        fine = hebb_read_csv(file, &table, message, sizeof message, .label_column = -1) == HEBB_OK;
        if (!fine) fprintf(stderr, "%s\n", message);
    }
    const hebb_dataset *data = HEBB_DATASET(table.values, table.labels);
    fine = fine && compare_depths(device, data, (int)depth, seed) &&
           compare_cures(device, data, (int)depth, epochs, seed, png);
    hebb_table_free(&table);
    hebb_device_close(device);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
