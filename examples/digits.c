/* Which network reads handwritten digits best? A random search draws widths, depths, rates and so
   on, and scores each network by cross-validation: five times trained on four fifths of the
   images and measured on the fifth left out. The best is then trained on all but a test set that no
   trial has seen. The data (UCI Optical Recognition of Handwritten Digits) comes with Hebb. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/hebb.h>

#include "common.h"

enum { SIDE = 8, DIGITS = 10, BEST = 8 };

/* What a trial needs besides its hyperparameters, and gives besides its score. */
typedef struct setting {
    hebb_device *device;
    long epochs;
    hebb_tensor *logits; /* of the model that was built last */
} setting;

/* ---- a trial ---- */

/* Nothing is checked here: what is wrong fails the trial, with the model's message. */
static hebb_model *build(const hebb_trial *t, hebb_graph *g, hebb_device *device) {
    hebb_tensor *x = hebb_input(g, "pixels", HEBB_F32, HEBB_SHAPE(HEBB_ANY, SIDE * SIDE));
    hebb_tensor *label = hebb_input(g, "digit", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
    bool relu = strcmp(hebb_trial_text(t, "function"), "relu") == 0;

    hebb_tensor *h = hebb_mul(x, hebb_scalar_like(x, 1.0 / 16)); /* pixels are 0...16 */
    for (int k = 0; k < (int)hebb_trial_value(t, "layers"); k++) {
        int64_t units = (int64_t)hebb_trial_value(t, "units");
        h = hebb_dense(h, units, .activation = relu ? hebb_relu : hebb_tanh);
        h = hebb_dropout(h, hebb_trial_value(t, "dropout"));
    }
    hebb_tensor *logits = hebb_dense(h, DIGITS);
    ((setting *)t->user)->logits = logits;

    hebb_metric accuracy = {.name = "accuracy", .counts = hebb_sparse_accuracy(logits, label)};
    return hebb_model_create(
        g, device, .inputs = HEBB_LIST(x, label), .classes = DIGITS, .seed = t->seed,
        .loss = hebb_sparse_softmax_cross_entropy(logits, label), .metrics = HEBB_METRICS(accuracy),
        .optimizer = hebb_adam(.learning_rate = hebb_trial_value(t, "rate")));
}

static double run_trial(const hebb_trial *t, const hebb_dataset *train,
                        const hebb_dataset *validation) {
    const setting *s = t->user;
    return hebb_trial_fit(t, train, validation, .build = build, .device = s->device,
                          .epochs = s->epochs, .batch = (int64_t)hebb_trial_value(t, "batch"),
                          .measure = "accuracy");
}

static hebb_search *search(const hebb_dataset *data, setting *s, long trials, long folds, long seed,
                           const char *file) {
    return hebb_search_run(
        data, .run = run_trial, .user = s, .trials = trials, .folds = folds, .abandon = true,
        .labels = &data->columns[1], .seed = (uint64_t)seed, .file = file, .out = stdout,
        .parameters = HEBB_PARAMETERS(
            hebb_search_choice("units", 16, 32, 64, 128), hebb_search_integer("layers", 1, 3),
            hebb_search_text("function", "relu", "tanh"), hebb_search_uniform("dropout", 0, 0.5),
            hebb_search_log_uniform("rate", 1e-4, 3e-2), hebb_search_choice("batch", 16, 32, 64)));
}

/* ---- the best one ---- */

static void print_confusion(const hebb_array *logits, const hebb_array *labels) {
    int counts[DIGITS][DIGITS] = {{0}};
    for (int64_t i = 0; i < labels->shape.dim[0]; i++) {
        int most = 0;
        for (int k = 1; k < DIGITS; k++)
            if (hebb_array_at(logits, DIGITS * i + k) > hebb_array_at(logits, DIGITS * i + most))
                most = k;
        counts[(int)hebb_array_at(labels, i)][most]++;
    }
    printf("\n  written   read as\n         ");
    for (int k = 0; k < DIGITS; k++) printf("%5d", k);
    for (int i = 0; i < DIGITS; i++) {
        printf("\n%9d", i);
        for (int k = 0; k < DIGITS; k++) {
            if (counts[i][k] == 0) printf("%5s", ".");
            else printf("%5d", counts[i][k]);
        }
    }
    printf("\n\n");
}

static bool train_and_test(hebb_model *model, const hebb_trial *best, const hebb_dataset *train,
                           const hebb_dataset *test) {
    const setting *s = best->user;
    double tested[2] = {0}; /* loss and accuracy */
    hebb_array logits = {0};
    hebb_fit(model, train, .epochs = s->epochs, .batch = (int64_t)hebb_trial_value(best, "batch"));
    if (!hebb_failed(model)) hebb_evaluate(model, test, tested);
    if (!hebb_failed(model)) hebb_predict(model, test, s->logits, &logits);
    bool fine = !hebb_failed(model);
    if (fine) {
        size_t n;
        const double *losses = hebb_history(model, "loss", &n);
        print_confusion(&logits, &test->columns[1]);
        printf("validation_accuracy=%.3f test_accuracy=%.3f first_loss=%.4f last_loss=%.4f\n",
               best->score, tested[1], losses[0], losses[n - 1]);
    } else fprintf(stderr, "%s\n", hebb_message(model));
    hebb_array_free(&logits);
    return fine;
}

static bool use_best(const hebb_search *found, const hebb_dataset *train,
                     const hebb_dataset *test) {
    const hebb_trial *best = hebb_search_best(found);
    printf("\n");
    hebb_search_print(found, BEST, stdout);
    if (best == NULL) return false;
    printf("\nThe best, trained on %lld images and tested on %lld others:\n",
           (long long)train->columns[0].shape.dim[0], (long long)test->columns[0].shape.dim[0]);
    hebb_graph *graph = hebb_graph_create();
    hebb_model *model = build(best, graph, ((setting *)best->user)->device);
    bool fine = train_and_test(model, best, train, test);
    hebb_model_destroy(model);
    hebb_graph_destroy(graph);
    return fine;
}

/* A fifth of the images is for the test; the rest is for the search. */
static bool run(const hebb_table *table, setting *s, long trials, long folds, long seed,
                const char *file) {
    hebb_parts *parts = hebb_parts_create(HEBB_DATASET(table->values, table->labels), .test = 0.2,
                                          .labels = &table->labels, .seed = (uint64_t)seed);
    hebb_search *found = NULL;
    bool fine = hebb_parts_status(parts) == HEBB_OK;
    if (!fine) fprintf(stderr, "%s\n", hebb_parts_message(parts));
    if (fine) {
        found = search(hebb_parts_train(parts), s, trials, folds, seed, file);
        fine = !hebb_failed(found);
        if (!fine) fprintf(stderr, "%s\n", hebb_message(found));
    }
    if (fine) fine = use_best(found, hebb_parts_train(parts), hebb_parts_test(parts));
    hebb_search_destroy(found);
    hebb_parts_destroy(parts);
    return fine;
}

int main(int argc, char **argv) {
    const char *device = "cpu", *data = DATA_FOLDER "/digits.csv.gz", *file = NULL;
    long epochs = 20, trials = 24, folds = 5, seed = 1;
    const option options[] = {
        DEVICE_OPTION(device),
        {"epochs", "of each training", NULL, &epochs, 1},
        {"trials", "random draws of hyperparameters", NULL, &trials, 1},
        {"folds", "parts of the training images, each left out once", NULL, &folds, 2},
        {"seed", "of draws, folds and first weights", NULL, &seed, 0},
        {"data", "rows of 64 pixels, 0...16, and a digit, comma-separated", &data, NULL, 0},
        {"file", "where trials are kept; a search that was stopped goes on from it", &file, NULL,
         0},
    };
    parse_options(argc, argv, "Searches the network that reads handwritten digits best.", options,
                  COUNT(options));

    hebb_table table = {0};
    char message[1024];
    setting s = {.device = hebb_device_open(device), .epochs = epochs};
    bool fine = false;
    if (hebb_failed(s.device)) fprintf(stderr, "%s\n", hebb_message(s.device));
    else if (hebb_read_csv(data, &table, message, sizeof message, .label_column = -1) != HEBB_OK)
        fprintf(stderr, "%s\n", message);
    else fine = run(&table, &s, trials, folds, seed, file);
    hebb_device_close(s.device);
    hebb_table_free(&table);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
