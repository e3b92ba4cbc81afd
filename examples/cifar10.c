/* Tells ten kinds of small color images apart (CIFAR-10, or shapes drawn here) by a network of
   convolutions that never sees the same image twice: each is turned round, moved and covered in
   part as it streams by. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <hebb/hebb.h>

#include "common.h"
#include "shapes.h"

/* ---- the data: images u8 [n, 3, 32, 32] and labels i32 [n] ---- */

static bool say(const char *message) {
    fprintf(stderr, "%s\n", message);
    return false;
}

/* Of a folder, data_batch_*.bin, and to be tested on test_batch.bin if it is there. */
static bool read_files(const char *path, hebb_array *learn, hebb_array *check) {
    char message[1024], test[4096];
    struct stat about;
    if (hebb_read_cifar10(path, &learn[0], &learn[1], message, sizeof message) != HEBB_OK)
        return say(message);
    for (int k = 0; k < 2; k++) {
        snprintf(test, sizeof test, "%s/test_batch.bin%s", path, k == 0 ? "" : ".gz");
        if (stat(test, &about) != 0) continue;
        return hebb_read_cifar10(test, &check[0], &check[1], message, sizeof message) == HEBB_OK ||
               say(message);
    }
    return true;
}

/* The random part of the work, made on a thread of its own while the device computes. */
#define AUGMENTATION                                                                               \
    HEBB_TRANSFORMS(hebb_random_flip(), hebb_random_crop(4), hebb_cut_out(8, .fill = 128))

/* Ten columns of the images as training sees them: the first row as they are, then three epochs. */
static bool draw_picture(const char *path, const hebb_dataset *data) {
    enum { COLUMNS = 10, ROWS = 4, BYTES = 3 * 32 * 32 };
    hebb_array all = {0}, view[2], picture = {0};
    char message[1024] = "out of memory";
    bool fine = hebb_array_resize(&all, HEBB_U8, HEBB_SHAPE(ROWS * COLUMNS, 3, 32, 32)) == HEBB_OK;
    for (int row = 0; fine && row < ROWS; row++) {
        hebb_batches *b =
            hebb_batches_create(data->columns, data->count, COLUMNS, .seed = 1,
                                .transforms = row == 0 ? (hebb_transform_list){0} : AUGMENTATION);
        hebb_batches_start(b, (uint64_t)row);
        fine = hebb_batches_next(b, view) && view[0].shape.dim[0] == COLUMNS;
        if (fine) memcpy((char *)all.data + row * COLUMNS * BYTES, view[0].data, COLUMNS * BYTES);
        hebb_batches_destroy(b);
    }
    fine = fine &&
           hebb_image_grid(&all, &picture, message, sizeof message, .columns = COLUMNS, .gap = 2) ==
               HEBB_OK &&
           hebb_write_png(path, &picture, message, sizeof message) == HEBB_OK;
    hebb_array_free(&all);
    hebb_array_free(&picture);
    return fine || say(message);
}

/* ---- the model ---- */

/* Each channel's mean and deviation, learned from the training images, are constants of the graph;
   the images are fed as bytes. */
static hebb_tensor *standardize(hebb_tensor *image, const hebb_array *images) {
    hebb_graph *g = hebb_tensor_graph(image);
    hebb_scaling s = {0};
    if (hebb_standardize_fit(&s, images, NULL, 0) != HEBB_OK) return NULL;
    const hebb_array shift = hebb_array_view(s.shift, HEBB_F64, HEBB_SHAPE(3, 1, 1)),
                     scale = hebb_array_view(s.scale, HEBB_F64, HEBB_SHAPE(3, 1, 1));
    hebb_tensor *x = hebb_cast(image, HEBB_F32);
    x = hebb_sub(x, hebb_cast(hebb_constant(g, &shift), HEBB_F32));
    x = hebb_div(x, hebb_cast(hebb_constant(g, &scale), HEBB_F32));
    hebb_scaling_free(&s);
    return x;
}

static hebb_tensor *block(hebb_tensor *x, int64_t filters) {
    x = hebb_conv2d(x, filters, 3, .padding = HEBB_PADDING_SAME, .no_bias = true,
                    .kernel_initializer = hebb_he_normal());
    x = hebb_relu(hebb_batch_normalization(x, .momentum = 0.9));
    return hebb_max_pool2d(x, 2);
}

static hebb_model *build_model(hebb_graph *g, hebb_device *device, const hebb_dataset *learn,
                               int64_t steps, uint64_t seed) {
    hebb_tensor *image = hebb_input(g, "image", HEBB_U8, HEBB_SHAPE(HEBB_ANY, 3, 32, 32));
    hebb_tensor *label = hebb_input(g, "label", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *x = standardize(image, &learn->columns[0]);
    x = block(block(block(x, 32), 64), 128); /* 16, 8, 4 pixels wide */
    hebb_tensor *logits = hebb_dense(hebb_dropout(hebb_flatten(x), 0.3), 10);
    hebb_metric accuracy = {.name = "accuracy", .counts = hebb_sparse_accuracy(logits, label)};
    return hebb_model_create(g, device, .inputs = HEBB_LIST(image, label), .classes = 10,
                             .loss = hebb_sparse_softmax_cross_entropy(logits, label),
                             .optimizer = hebb_adam(.schedule = hebb_one_cycle(3e-3, steps)),
                             .metrics = HEBB_METRICS(accuracy), .seed = seed);
}

/* ---- training and testing ---- */

typedef struct plan {
    const char *device;
    long epochs, batch, steps, seed, plain;
} plan;

static bool train(hebb_model *model, const hebb_dataset *learn, const hebb_dataset *check,
                  const plan *p) {
    double start = now(), tested[2]; /* loss and accuracy */
    hebb_fit(model, learn, .epochs = p->epochs, .batch = p->batch, .steps_per_epoch = p->steps,
             .validation = check, .prefetch = 2,
             .transforms = p->plain ? (hebb_transform_list){0} : AUGMENTATION,
             .callbacks = HEBB_CALLBACKS(hebb_progress(stdout)));
    double seconds = now() - start;
    if (!hebb_failed(model)) hebb_evaluate(model, check, tested, .batch = 100);
    if (hebb_failed(model)) return say(hebb_message(model));
    size_t n = 0;
    const double *losses = hebb_history(model, "loss", &n);
    printf("training_seconds=%.2f first_loss=%.4f last_loss=%.4f test_accuracy=%.4f\n", seconds,
           losses[0], losses[n - 1], tested[1]);
    return true;
}

static bool run(const hebb_dataset *learn, const hebb_dataset *check, const plan *p) {
    int64_t n = learn->columns[0].shape.dim[0], steps = (n + p->batch - 1) / p->batch;
    if (p->steps > 0 && p->steps < steps) steps = p->steps;
    hebb_graph *graph = hebb_graph_create();
    hebb_device *device = hebb_device_open(p->device);
    hebb_model *model = build_model(graph, device, learn, p->epochs * steps, (uint64_t)p->seed);
    if (!hebb_failed(device)) {
        hebb_device_info info = hebb_device_get_info(device);
        printf("%lld images to learn from, %lld to be tested on\ntraining on %s (%s)\n",
               (long long)n, (long long)check->columns[0].shape.dim[0], info.id, info.name);
    }
    bool fine = train(model, learn, check, p);
    hebb_model_destroy(model);
    hebb_device_close(device);
    hebb_graph_destroy(graph);
    return fine;
}

/* Where there are no images to be tested on, a share of the others is kept for that, with as many
   of each class. */
static bool part_and_run(hebb_array *learn, hebb_array *check, double share, const plan *p,
                         const char *picture) {
    const hebb_dataset all = {learn, 2}, test = {check, 2};
    if (*picture != '\0' && !draw_picture(picture, &all)) return false;
    if (check[0].data != NULL) return run(&all, &test, p);
    hebb_parts *parts = hebb_parts_create(&all, .test = share, .seed = 1, .labels = &learn[1]);
    bool fine = hebb_parts_status(parts) == HEBB_OK
                    ? run(hebb_parts_train(parts), hebb_parts_test(parts), p)
                    : say(hebb_parts_message(parts));
    hebb_parts_destroy(parts);
    return fine;
}

int main(int argc, char **argv) {
    plan p = {.device = "auto", .epochs = 10, .batch = 50, .seed = 1};
    const char *data = "", *picture = "";
    long shapes = 2000, percent = 25;
    const option options[] = {
        DEVICE_OPTION(p.device),
        {"epochs", "times to go through the training images", NULL, &p.epochs, 1},
        {"batch", "images a step", NULL, &p.batch, 1},
        {"steps", "of an epoch at most; 0 for all", NULL, &p.steps, 0},
        {"seed", "of the first weights and of all that is random", NULL, &p.seed, 0},
        {"data", "CIFAR-10's binary files: one, or their folder; also .gz", &data, NULL, 0},
        {"shapes", "images to draw if there is no --data", NULL, &shapes, 20},
        {"test", "percent kept to be tested on if there is no test_batch", NULL, &percent, 1},
        {"plain", "without augmentation", NULL, &p.plain, FLAG},
        {"picture", "where to write augmented images, a PNG file", &picture, NULL, 0},
    };
    parse_options(argc, argv, "Classifies small color images, augmented as they stream by.",
                  options, COUNT(options));
    hebb_array learn[2] = {{0}}, check[2] = {{0}};
    bool fine = *data != '\0' ? read_files(data, learn, check)
                              : draw_shapes(shapes, (uint64_t)p.seed, &learn[0], &learn[1]);
    fine = fine && part_and_run(learn, check, (double)percent / 100, &p, picture);
    for (int k = 0; k < 2; k++) {
        hebb_array_free(&learn[k]);
        hebb_array_free(&check[k]);
    }
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
