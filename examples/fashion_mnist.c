/* Trains a small network to tell ten kinds of clothes apart (Fashion-MNIST: 60000 images of 28x28
   gray pixels to learn from, 10000 others to be tested on), and says how often it is right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/hebb.h>

#include "common.h"
#include "fashion.h"

/* ---- the model ---- */

/* Two layers, 0.89 right. */
static hebb_tensor *mlp(hebb_tensor *x) {
    x = hebb_dense(hebb_flatten(x), 256, .activation = hebb_relu,
                   .kernel_initializer = hebb_he_uniform());
    x = hebb_dense(x, 128, .activation = hebb_relu, .kernel_initializer = hebb_he_uniform());
    return hebb_dense(x, 10);
}

/* Convolutions see the same thing wherever it is: 0.92 right. */
static hebb_tensor *cnn(hebb_tensor *x) {
    x = hebb_expand_dims(x, 1); /* one channel */
    x = hebb_conv2d(x, 32, 3, .activation = hebb_relu, .padding = HEBB_PADDING_SAME);
    x = hebb_max_pool2d(x, 2);
    x = hebb_conv2d(x, 64, 3, .activation = hebb_relu, .padding = HEBB_PADDING_SAME);
    x = hebb_dropout(hebb_max_pool2d(x, 2), 0.25);
    x = hebb_dense(hebb_flatten(x), 128, .activation = hebb_relu);
    return hebb_dense(hebb_dropout(x, 0.5), 10);
}

/* Pixels and labels are fed as they lie in the files; converting them is part of the graph. An
   error in here needs no checks: graph and model keep it, and fitting reports it. */
static hebb_model *build_model(hebb_graph *g, hebb_device *device, bool convolution,
                               uint64_t seed) {
    hebb_tensor *image = hebb_input(g, "image", HEBB_U8, HEBB_SHAPE(HEBB_ANY, 28, 28));
    hebb_tensor *label = hebb_input(g, "label", HEBB_U8, HEBB_SHAPE(HEBB_ANY));

    hebb_tensor *x = hebb_cast(image, HEBB_F32);
    x = hebb_sub(x, hebb_scalar_like(x, 73)); /* the training pixels' mean and deviation */
    x = hebb_mul(x, hebb_scalar_like(x, 1.0 / 90));
    hebb_tensor *logits = convolution ? cnn(x) : mlp(x);

    hebb_tensor *index = hebb_cast(label, HEBB_I32);
    hebb_metric accuracy =
        hebb_metric_sparse_categorical_accuracy(logits, index, .name = "accuracy");
    return hebb_model_create(g, device, .inputs = HEBB_LIST(image, label), .classes = 10,
                             .loss = hebb_sparse_softmax_cross_entropy(logits, index),
                             .optimizer = hebb_adam(), .metrics = HEBB_METRICS(accuracy),
                             .seed = seed);
}

/* ---- training and testing ---- */

/* Small steps in the last fifth of the epochs settle what large ones keep stirring up. */
static double rate(int64_t epoch, double now, void *user) {
    long epochs = *(const long *)user;
    return epoch >= epochs - epochs / 5 ? 1e-4 : 1e-3;
}

/* A callback of one's own: sums up the time that the epochs take. */
static hebb_status add_seconds(hebb_callback *self, hebb_fit_state *fit) {
    *(double *)self->data += fit->seconds;
    return HEBB_OK;
}

static bool train(hebb_model *model, const hebb_dataset *learn, const hebb_dataset *check,
                  long epochs, long batch, long steps) {
    double seconds = 0, tested[2]; /* loss and accuracy */
    hebb_callback timer = {.epoch_end = add_seconds, .data = &seconds};
    hebb_fit(model, learn, .epochs = epochs, .batch = batch, .validation = check,
             .steps_per_epoch = steps,
             .callbacks =
                 HEBB_CALLBACKS(hebb_rate_scheduler(rate, &epochs), timer, hebb_progress(stdout)));
    if (!hebb_failed(model)) hebb_evaluate(model, check, tested, .batch = batch);
    if (hebb_failed(model)) {
        fprintf(stderr, "%s\n", hebb_message(model));
        return false;
    }
    size_t n = 0;
    const double *losses = hebb_history(model, "loss", &n);
    printf("training_seconds=%.2f first_loss=%.4f last_loss=%.4f test_accuracy=%.4f\n", seconds,
           losses[0], losses[n - 1], tested[1]);
    return true;
}

/* Everything is destroyed in the order opposite to its making; NULL is ignored everywhere. */
static bool run(const char *device_name, const hebb_dataset *learn, const hebb_dataset *check,
                bool convolution, long epochs, long batch, long steps, long seed) {
    hebb_graph *graph = hebb_graph_create();
    hebb_device *device = hebb_device_open(device_name);
    hebb_model *model = build_model(graph, device, convolution, (uint64_t)seed);
    if (!hebb_failed(device)) {
        hebb_device_info info = hebb_device_get_info(device);
        printf("training on %s (%s)\n", info.id, info.name);
    }
    bool fine = train(model, learn, check, epochs, batch, steps);
    hebb_model_destroy(model);
    hebb_device_close(device);
    hebb_graph_destroy(graph);
    return fine;
}

int main(int argc, char **argv) {
    const char *device = "auto", *data = FASHION_DATA;
    const char *network = "mlp";
    long epochs = 5, batch = 128, steps = 0, seed = 1;
    const option options[] = {
        {"device", "cpu, opencl, opencl:1, part of a name, or auto", &device, NULL, 0},
        {"epochs", "times to go through the training images", NULL, &epochs, 1},
        {"batch", "images a step", NULL, &batch, 1},
        {"steps", "of an epoch, and of a test, at most; 0 for all", NULL, &steps, 0},
        {"seed", "of the first weights and of the order of the images", NULL, &seed, 0},
        {"network", "mlp, two dense layers; or cnn, with convolutions", &network, NULL, 0},
        {"data", "directory of the four IDX files, each a .gz", &data, NULL, 0},
    };
    parse_options(argc, argv, "Trains a classifier on Fashion-MNIST and tests it.", options,
                  sizeof options / sizeof *options);

    bool convolution = strcmp(network, "cnn") == 0;
    if (!convolution && strcmp(network, "mlp") != 0) {
        fprintf(stderr, "%s: there is no network %s, only mlp and cnn\n", argv[0], network);
        return EXIT_FAILURE;
    }

    /* images [n, 28, 28] u8 and labels [n] u8, to learn from and to be tested on */
    hebb_array learn[2] = {{0}}, check[2] = {{0}};
    bool fine = fashion_read(data, false, learn) && fashion_read(data, true, check);
    fashion_keep(check, steps * batch);
    fine = fine && run(device, HEBB_DATASET(learn[0], learn[1]), HEBB_DATASET(check[0], check[1]),
                       convolution, epochs, batch, steps, seed);
    for (int k = 0; k < 2; k++) {
        hebb_array_free(&learn[k]);
        hebb_array_free(&check[k]);
    }
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
