/* Trains a small network to tell ten kinds of clothes apart (Fashion-MNIST: 60000 images of 28x28
   gray pixels to learn from, 10000 others to be tested on), and says how often it is right. */
#include <stdio.h>
#include <stdlib.h>

#include <hebb/hebb.h>

#include "common.h"

/* ---- the data: pairs of IDX files ---- */

typedef struct dataset {
    hebb_array parts[2]; /* images [n, 28, 28] u8 and labels [n] u8 */
} dataset;

static bool read_part(const char *directory, const char *name, hebb_array *array) {
    char path[4096], message[1024];
    snprintf(path, sizeof path, "%s/%s.gz", directory, name);
    if (hebb_read_idx(path, array, message, sizeof message) == HEBB_OK) return true;
    fprintf(stderr, "%s\n", message);
    return false;
}

static bool read_dataset(const char *directory, const char *images, const char *labels,
                         dataset *data) {
    return read_part(directory, images, &data->parts[0]) &&
           read_part(directory, labels, &data->parts[1]);
}

static void free_dataset(dataset *data) {
    for (int i = 0; i < 2; i++) hebb_array_free(&data->parts[i]);
}

/* ---- the model ---- */

typedef struct model {
    hebb_tensor *image, *label;   /* fed */
    hebb_tensor *loss, *accuracy; /* fetched to be looked at */
    hebb_tensor *learn, *refine;  /* fetched to train: by large steps, by small ones */
} model;

/* Pixels and labels are fed as they lie in the files; converting them is part of the graph. An
   error in here needs no checks: the graph keeps it, and the first run reports it. */
static model build_model(hebb_graph *g) {
    hebb_tensor *image = hebb_input(g, "image", HEBB_U8, HEBB_SHAPE(HEBB_ANY, 28, 28));
    hebb_tensor *label = hebb_input(g, "label", HEBB_U8, HEBB_SHAPE(HEBB_ANY));

    hebb_tensor *x = hebb_cast(hebb_flatten(image), HEBB_F32);
    x = hebb_sub(x, hebb_scalar_like(x, 73)); /* the training pixels' mean and deviation */
    x = hebb_mul(x, hebb_scalar_like(x, 1.0 / 90));
    x = hebb_dense(x, 256, .activation = hebb_relu, .kernel_initializer = hebb_he_uniform());
    x = hebb_dense(x, 128, .activation = hebb_relu, .kernel_initializer = hebb_he_uniform());
    hebb_tensor *logits = hebb_dense(x, 10);

    hebb_tensor *index = hebb_cast(label, HEBB_I32);
    hebb_tensor *loss = hebb_sparse_softmax_cross_entropy(logits, index);
    return (model){
        .image = image,
        .label = label,
        .loss = loss,
        .accuracy = hebb_sparse_accuracy(logits, index),
        .learn = hebb_minimize(loss, hebb_adam(.learning_rate = 1e-3)),
        .refine = hebb_minimize(loss, hebb_adam(.learning_rate = 1e-4)),
    };
}

/* ---- training and testing ---- */

/* Means over the examples seen so far in an epoch. */
typedef struct score {
    double loss, accuracy;
    double examples;
} score;

static void score_add(score *s, double loss, double accuracy, double examples) {
    s->examples += examples;
    s->loss += (loss - s->loss) * examples / s->examples;
    s->accuracy += (accuracy - s->accuracy) * examples / s->examples;
}

/* One batch. `update` is m->learn, m->refine, or NULL to learn nothing; it is fetched for its
   effect, for it has no value to look at. */
static bool run_batch(hebb_session *session, const model *m, const hebb_array batch[2],
                      hebb_tensor *update, score *mean) {
    float loss_value, accuracy_value;
    hebb_array loss = hebb_array_view(&loss_value, HEBB_F32, HEBB_SCALAR);
    hebb_array accuracy = hebb_array_view(&accuracy_value, HEBB_F32, HEBB_SCALAR);
    const hebb_fetch fetches[] = {{m->loss, &loss}, {m->accuracy, &accuracy}, {update, NULL}};

    hebb_run(session, HEBB_FEED({m->image, &batch[0]}, {m->label, &batch[1]}), fetches,
             update != NULL ? 3 : 2);
    if (hebb_failed(session)) {
        fprintf(stderr, "%s\n", hebb_message(session));
        return false;
    }
    score_add(mean, loss_value, accuracy_value, (double)batch[0].shape.dim[0]);
    return true;
}

static bool train_epoch(hebb_session *session, const model *m, hebb_batches *batches, long epoch,
                        long epochs, score *mean) {
    /* Small steps in the last fifth of the epochs settle what large ones keep stirring up. */
    hebb_tensor *update = epoch > epochs - epochs / 5 ? m->refine : m->learn;
    progress bar = {.epoch = epoch, .epochs = epochs, .total = hebb_batches_count(batches)};
    double start = now(), drawn = start;
    hebb_array batch[2];
    bool fine = true;
    hebb_batches_start(batches, (uint64_t)epoch);
    while (fine && hebb_batches_next(batches, batch)) {
        fine = run_batch(session, m, batch, update, mean);
        bar.done++;
        bar.seconds = now() - start;
        if (start + bar.seconds - drawn < 0.1) continue;
        drawn = start + bar.seconds;
        bar.loss = mean->loss;
        bar.accuracy = mean->accuracy;
        progress_draw(&bar);
    }
    progress_clear();
    return fine;
}

/* The same graph without an update: nothing is learned from the test images. */
static bool test(hebb_session *session, const model *m, hebb_batches *batches, score *mean) {
    hebb_array batch[2];
    hebb_batches_start(batches, 0);
    while (hebb_batches_next(batches, batch))
        if (!run_batch(session, m, batch, NULL, mean)) return false;
    return true;
}

static bool train(hebb_session *session, const model *m, hebb_batches *training,
                  hebb_batches *testing, long epochs) {
    double seconds = 0;
    score tested = {0};
    for (long epoch = 1; epoch <= epochs; epoch++) {
        score trained = {0};
        double start = now();
        if (!train_epoch(session, m, training, epoch, epochs, &trained)) return false;
        double took = now() - start;
        seconds += took;
        tested = (score){0};
        if (!test(session, m, testing, &tested)) return false;
        printf("epoch %ld/%ld  loss %.4f  accuracy %.4f  test accuracy %.4f  %.2f s\n", epoch,
               epochs, trained.loss, trained.accuracy, tested.accuracy, took);
        fflush(stdout);
    }
    printf("training_seconds=%.2f\n", seconds);
    printf("test_accuracy=%.4f\n", tested.accuracy);
    return true;
}

/* Everything is destroyed in the order opposite to its making; NULL is ignored everywhere. */
static bool run(const char *device_name, const dataset *learn, const dataset *check, long epochs,
                long batch, long seed) {
    hebb_graph *graph = hebb_graph_create();
    model m = build_model(graph);
    hebb_device *device = hebb_device_open(device_name);
    hebb_session *session = hebb_session_create(graph, device, .seed = (uint64_t)seed);
    hebb_batches *training =
        hebb_batches_create(learn->parts, 2, batch, .shuffle = true, .seed = (uint64_t)seed);
    hebb_batches *testing = hebb_batches_create(check->parts, 2, batch);

    bool fine = false;
    if (hebb_failed(device)) fprintf(stderr, "%s\n", hebb_message(device));
    else if (training == NULL || testing == NULL)
        fprintf(stderr, "the images and labels do not belong together\n");
    else {
        hebb_device_info info = hebb_device_get_info(device);
        printf("training on %s (%s)\n", info.id, info.name);
        fine = train(session, &m, training, testing, epochs);
    }

    hebb_batches_destroy(testing);
    hebb_batches_destroy(training);
    hebb_session_destroy(session);
    hebb_device_close(device);
    hebb_graph_destroy(graph);
    return fine;
}

int main(int argc, char **argv) {
    const char *device = "auto", *data = "/usr/share/datasets/fashion-mnist";
    long epochs = 5, batch = 128, seed = 1;
    const option options[] = {
        {"device", "where to compute: cpu, opencl, opencl:1, part of a name, auto", &device, NULL,
         0},
        {"epochs", "times to go through the training images", NULL, &epochs, 1},
        {"batch", "images a step", NULL, &batch, 1},
        {"seed", "of the first weights and of the order of the images", NULL, &seed, 0},
        {"data", "directory of the four IDX files, each a .gz", &data, NULL, 0},
    };
    parse_options(argc, argv, "Trains a classifier on Fashion-MNIST and tests it.", options,
                  sizeof options / sizeof *options);

    dataset learn = {0}, check = {0};
    bool fine = read_dataset(data, "train-images-idx3-ubyte", "train-labels-idx1-ubyte", &learn) &&
                read_dataset(data, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", &check) &&
                run(device, &learn, &check, epochs, batch, seed);
    free_dataset(&check);
    free_dataset(&learn);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
