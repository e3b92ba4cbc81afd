/* A network that is large enough learns a few hundred images by heart: the loss on them goes to
   nothing while that on other images grows. Four ways against it, and all of them together: weight
   decay, dropout, images that are changed at random, and stopping early. The images are
   Fashion-MNIST's, or, where these are missing, the handwritten digits that come with Hebb. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/hebb.h>

#include "common.h"

/* ---- the data: images of f32 in 0...1, and labels ---- */

typedef struct images {
    hebb_array pixels, labels; /* [n, side, side], [n] */
} images;

/* From u8 or f32. */
static bool take(hebb_array *pixels, hebb_array *labels, images *to) {
    char message[256];
    int64_t n = pixels->shape.dim[0], each = hebb_array_count(pixels) / n;
    int64_t side = (int64_t)sqrt((double)each);
    hebb_scaling scaling = {0};
    hebb_array numbers = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(n * each));
    bool fine =
        numbers.data != NULL && hebb_array_resize(&to->labels, HEBB_I32, HEBB_SHAPE(n)) == HEBB_OK;
    for (int64_t k = 0; fine && k < n * each; k++)
        hebb_array_set(&numbers, k, hebb_array_at(pixels, k));
    for (int64_t k = 0; fine && k < n; k++)
        hebb_array_set(&to->labels, k, hebb_array_at(labels, k));
    fine = fine && hebb_min_max_fit(&scaling, &numbers, 0, 1, message, sizeof message) == HEBB_OK &&
           hebb_scaling_apply(&scaling, &numbers, &to->pixels, message, sizeof message) == HEBB_OK;
    to->pixels.shape = HEBB_SHAPE(n, side, side);
    hebb_array_free(&numbers);
    hebb_scaling_free(&scaling);
    return fine;
}

static bool read_clothes(const char *folder, images *to) {
    char path[2][4096];
    hebb_array pixels = {0}, labels = {0};
    snprintf(path[0], sizeof path[0], "%s/t10k-images-idx3-ubyte.gz", folder);
    snprintf(path[1], sizeof path[1], "%s/t10k-labels-idx1-ubyte.gz", folder);
    bool fine = hebb_read_idx(path[0], &pixels, NULL, 0) == HEBB_OK &&
                hebb_read_idx(path[1], &labels, NULL, 0) == HEBB_OK && take(&pixels, &labels, to);
    hebb_array_free(&pixels);
    hebb_array_free(&labels);
    return fine;
}

static bool read_digits(images *to) {
    char message[1024];
    hebb_table table = {0};
    bool fine = hebb_read_csv(DATA_FOLDER "/digits.csv.gz", &table, message, sizeof message,
                              .label_column = -1) == HEBB_OK;
    if (!fine) fprintf(stderr, "%s\n", message);
    fine = fine && take(&table.values, &table.labels, to);
    hebb_table_free(&table);
    return fine;
}

/* ---- the ways ---- */

typedef struct way {
    const char *name;
    double decay, dropout;
    int64_t shift;    /* images are moved by up to so many pixels */
    int64_t patience; /* 0: trains to the end */
} way;

static const way ways[] = {
    {.name = "nothing"},
    {.name = "weight decay", .decay = 0.3},
    {.name = "dropout", .dropout = 0.6},
    {.name = "augmentation", .shift = 1},
    {.name = "early stopping", .patience = 5},
    {.name = "all of them", .decay = 0.3, .dropout = 0.4, .shift = 1, .patience = 15},
};

typedef struct outcome {
    double *train_losses, *losses; /* of each epoch, on images to learn from and on others */
    size_t epochs;
    double train[2], other[2]; /* loss and accuracy in the end */
} outcome;

static hebb_model *build(hebb_graph *g, hebb_device *device, const way *w, int64_t side,
                         uint64_t seed) {
    hebb_tensor *x = hebb_input(g, "pixels", HEBB_F32, HEBB_SHAPE(HEBB_ANY, side, side));
    hebb_tensor *label = hebb_input(g, "label", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *h = hebb_flatten(x);
    for (int k = 0; k < 2; k++) {
        h = hebb_dense(h, 256, .activation = hebb_relu);
        h = hebb_dropout(h, w->dropout);
    }
    hebb_tensor *logits = hebb_dense(h, 10);
    hebb_metric accuracy = {.name = "accuracy", .counts = hebb_sparse_accuracy(logits, label)};
    return hebb_model_create(g, device, .inputs = HEBB_LIST(x, label), .classes = 10, .seed = seed,
                             .loss = hebb_sparse_softmax_cross_entropy(logits, label),
                             .metrics = HEBB_METRICS(accuracy),
                             .optimizer = hebb_adam(.weight_decay = w->decay));
}

/* The loss that fit() logs is that of changed images and with dropout, while the network learns;
   what compares with the validation's is the loss without them, after the epoch. */
static hebb_status log_train_loss(hebb_callback *self, hebb_fit_state *fit) {
    double values[2];
    hebb_status status = hebb_evaluate(fit->model, self->data, values, .batch = 256);
    return status == HEBB_OK ? hebb_log_add(fit, "train_loss", values[0]) : status;
}

static double *copy(const double *values, size_t n) {
    double *copied = calloc(n + 1, sizeof *copied);
    if (copied != NULL && values != NULL) memcpy(copied, values, n * sizeof *copied);
    return copied;
}

static bool train(hebb_device *device, const way *w, const hebb_dataset *learn,
                  const hebb_dataset *other, long epochs, long seed, outcome *o) {
    hebb_graph *graph = hebb_graph_create();
    hebb_model *model = build(graph, device, w, learn->columns[0].shape.dim[1], (uint64_t)seed);
    hebb_callback logger = {.epoch_end = log_train_loss, .data = (void *)learn};
    hebb_fit(model, learn, .epochs = epochs, .validation = other,
             .transforms = w->shift > 0 ? HEBB_TRANSFORMS(hebb_random_crop(w->shift))
                                        : (hebb_transform_list){0},
             .callbacks = HEBB_CALLBACKS(
                 logger, hebb_early_stopping(.patience = w->patience > 0 ? w->patience : epochs,
                                             .restore_best = w->patience > 0)));
    if (!hebb_failed(model)) hebb_evaluate(model, learn, o->train);
    if (!hebb_failed(model)) hebb_evaluate(model, other, o->other);
    bool fine = !hebb_failed(model);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(model));
    const double *losses = hebb_history(model, "train_loss", &o->epochs);
    o->train_losses = copy(losses, o->epochs);
    o->losses = copy(hebb_history(model, "val_loss", NULL), o->epochs);
    hebb_model_destroy(model);
    hebb_graph_destroy(graph);
    return fine && o->train_losses != NULL && o->losses != NULL;
}

/* ---- what comes out ---- */

static double least(const double *values, size_t n) {
    double smallest = INFINITY;
    for (size_t k = 0; k < n; k++) smallest = fmin(smallest, values[k]);
    return smallest;
}

static void print_row(const way *w, const outcome *o) {
    printf("%-16s %6zu %10.4f %10.4f %10.4f %10.4f %10.4f\n", w->name, o->epochs, o->train[0],
           o->other[0], least(o->losses, o->epochs), o->train[1], o->other[1]);
    fflush(stdout);
}

static bool draw(const outcome *outcomes, const char *path) {
    hebb_plot *p = hebb_plot_create(.columns = 2, .scale = 1.25);
    for (int panel = 0; panel < 2; panel++) {
        hebb_plot_panel(
            p, .title = panel == 0 ? "loss on the images to learn from" : "loss on other images",
            .x_label = "epoch", .log_y = true);
        for (size_t k = 0; k < COUNT(ways); k++)
            hebb_plot_line(p, panel == 0 ? outcomes[k].train_losses : outcomes[k].losses,
                           outcomes[k].epochs, .name = ways[k].name);
    }
    hebb_plot_png(p, path);
    bool fine = !hebb_failed(p);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(p));
    hebb_plot_destroy(p);
    return fine;
}

static bool run(hebb_device *device, const hebb_dataset *learn, const hebb_dataset *other,
                long epochs, long seed, const char *png) {
    outcome outcomes[COUNT(ways)] = {{0}};
    bool fine = true;
    printf("%-23s %10s %10s %10s %10s %10s\n", "", "loss", "loss", "its", "accuracy", "accuracy");
    printf("%-16s %6s %10s %10s %10s %10s %10s\n", "against it", "epochs", "to learn", "others",
           "least", "to learn", "others");
    for (size_t k = 0; k < COUNT(ways) && fine; k++) {
        fine = train(device, &ways[k], learn, other, epochs, seed, &outcomes[k]);
        if (fine) print_row(&ways[k], &outcomes[k]);
    }
    if (fine && png != NULL) fine = draw(outcomes, png);
    const outcome *plain = &outcomes[0], *all = &outcomes[COUNT(ways) - 1];
    if (fine)
        printf("\nplain_accuracy=%.4f all_accuracy=%.4f first_loss=%.4f last_loss=%.4f\n",
               plain->other[1], all->other[1], plain->train_losses[0],
               plain->train_losses[plain->epochs - 1]);
    for (size_t k = 0; k < COUNT(ways); k++) {
        free(outcomes[k].train_losses);
        free(outcomes[k].losses);
    }
    return fine;
}

int main(int argc, char **argv) {
    const char *name = "cpu", *data = "/usr/share/datasets/fashion-mnist", *png = NULL;
    long epochs = 60, examples = 300, seed = 1;
    const option options[] = {
        DEVICE_OPTION(name),
        {"epochs", "times to go through the images", NULL, &epochs, 1},
        {"examples", "images to learn from", NULL, &examples, 10},
        {"seed", "of the first weights and of the order of the images", NULL, &seed, 0},
        {"data", "Fashion-MNIST's folder; without it, the digits are taken", &data, NULL, 0},
        {"png", "a file for the curves", &png, NULL, 0},
    };
    parse_options(argc, argv, "Over-fitting a small set, and what helps against it.", options,
                  COUNT(options));

    images all = {0};
    hebb_device *device = hebb_device_open(name);
    bool fine = !hebb_failed(device), clothes = fine && read_clothes(data, &all);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(device));
    else if (!clothes) fine = read_digits(&all);
    if (fine) {
        int64_t n = all.labels.shape.dim[0], others = clothes ? 2000 : 1000;
        if (examples > n - others) examples = (long)(n - others);
        hebb_array learn[2] = {hebb_array_rows(&all.pixels, 0, examples),
                               hebb_array_rows(&all.labels, 0, examples)};
        hebb_array check[2] = {hebb_array_rows(&all.pixels, n - others, others),
                               hebb_array_rows(&all.labels, n - others, others)};
        printf("%ld %s to learn from, %lld others\n\n", examples, clothes ? "clothes" : "digits",
               (long long)others);
        fine = run(device, HEBB_DATASET(learn[0], learn[1]), HEBB_DATASET(check[0], check[1]),
                   epochs, seed, png);
    }
    hebb_array_free(&all.pixels);
    hebb_array_free(&all.labels);
    hebb_device_close(device);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
