/* A network that learns to draw what it sees through a narrow place: images of clothes
   (Fashion-MNIST) become a code of a few numbers, and images again. With --denoise it sees them
   through noise and learns to draw them without. Nobody tells it what the images show; yet, plotted
   by --code-png for a code of two numbers, most kinds of clothes have a place of their own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/hebb.h>

#include "common.h"
#include "fashion.h"

typedef struct settings {
    const char *model, *data, *png, *code_png;
    long denoise, code, epochs, batch, steps, seed;
} settings;

typedef struct network {
    hebb_graph *g;
    hebb_tensor *image, *clean, *seen, *code, *drawn;
    hebb_model *model;
} network;

/* ---- the model ---- */

#define RELU .activation = hebb_relu, .kernel_initializer = hebb_he_uniform()

static hebb_tensor *dense_encoder(hebb_tensor *x, int64_t code) {
    x = hebb_dense(hebb_flatten(x), 256, RELU);
    x = hebb_dense(x, 64, RELU);
    return hebb_dense(x, code, .name = "code");
}

/* To logits of pixels. */
static hebb_tensor *dense_decoder(hebb_tensor *code) {
    hebb_tensor *x = hebb_dense(code, 64, RELU);
    x = hebb_dense(x, 256, RELU);
    x = hebb_dense(x, FASHION_SIDE * FASHION_SIDE);
    return hebb_reshape(x, HEBB_SHAPE(HEBB_ANY, 1, FASHION_SIDE, FASHION_SIDE));
}

#define HALF   .stride = {2}, .padding = HEBB_PADDING_SAME, RELU
#define DOUBLE .stride = {2}, .padding = HEBB_PADDING_SAME

/* 28x28 pixels, 14x14 of 16 channels, 7x7 of 32, the code; and back. */
static hebb_tensor *conv_encoder(hebb_tensor *x, int64_t code) {
    x = hebb_conv2d(x, 16, 4, HALF);
    x = hebb_conv2d(x, 32, 4, HALF);
    return hebb_dense(hebb_flatten(x), code, .name = "code");
}

static hebb_tensor *conv_decoder(hebb_tensor *code) {
    hebb_tensor *x = hebb_dense(code, 32 * 7 * 7, RELU);
    x = hebb_reshape(x, HEBB_SHAPE(HEBB_ANY, 32, 7, 7));
    x = hebb_conv2d_transpose(x, 16, 4, DOUBLE, RELU);
    return hebb_conv2d_transpose(x, 1, 4, DOUBLE);
}

static hebb_tensor *with_noise(hebb_tensor *x) {
    hebb_tensor *noise = hebb_random_normal_like(x);
    return hebb_clip(hebb_add(x, hebb_mul(noise, hebb_scalar_like(x, 0.4))), 0, 1);
}

/* Every pixel is a probability that it is white, and the loss how surprising the image is. */
static network build(hebb_device *device, const settings *c) {
    network n = {.g = hebb_graph_create()};
    bool dense = strcmp(c->model, "dense") == 0;
    n.image = hebb_input(n.g, "image", HEBB_U8, HEBB_SHAPE(HEBB_ANY, FASHION_SIDE, FASHION_SIDE));
    hebb_tensor *pixels = hebb_cast(hebb_expand_dims(n.image, 1), HEBB_F32);
    n.clean = hebb_mul(pixels, hebb_scalar_like(pixels, 1.0 / 255));
    n.seen = c->denoise ? with_noise(n.clean) : n.clean;
    n.code = dense ? dense_encoder(n.seen, c->code) : conv_encoder(n.seen, c->code);
    hebb_tensor *logits = dense ? dense_decoder(n.code) : conv_decoder(n.code);
    n.drawn = hebb_sigmoid(logits);
    n.model = hebb_model_create(
        n.g, device, .inputs = HEBB_LIST(n.image), .seed = (uint64_t)c->seed,
        .loss = hebb_binary_cross_entropy(logits, n.clean, .from_logits = true),
        .optimizer = hebb_adam(),
        .metrics =
            HEBB_METRICS(hebb_metric_root_mean_squared_error(n.drawn, n.clean, .name = "error")));
    return n;
}

/* ---- pictures ---- */

static bool fails(hebb_status status, const char *message) {
    if (status != HEBB_OK) fprintf(stderr, "%s\n", message);
    return status != HEBB_OK;
}

/* The first test image of each class, as it is, as it is seen, as it is drawn: a row each. */
static bool draw_images(const network *n, const hebb_array test[2], bool noisy, const char *path) {
    enum { ROWS = 3, SIZE = FASHION_SIDE * FASHION_SIDE };
    static float rows[ROWS][FASHION_CLASSES][SIZE];
    hebb_tensor *const sources[ROWS] = {n->clean, n->seen, n->drawn};
    const hebb_dataset data = {test, 1};
    int used = 0;
    for (int k = 0; k < ROWS; k++) {
        if (k == 1 && !noisy) continue;
        hebb_array images = {0};
        bool fine = hebb_predict(n->model, &data, sources[k], &images, .batch = 500) == HEBB_OK;
        for (int64_t i = test[0].shape.dim[0]; fine && i-- > 0;)
            memcpy(rows[used][((const uint8_t *)test[1].data)[i]],
                   (const float *)images.data + i * SIZE, sizeof rows[0][0]);
        hebb_array_free(&images);
        if (!fine) return false;
        used++;
    }
    char message[512];
    hebb_array picture = {0},
               all = hebb_array_view(
                   rows, HEBB_F32, HEBB_SHAPE(used * FASHION_CLASSES, FASHION_SIDE, FASHION_SIDE));
    hebb_status status = hebb_image_grid(&all, &picture, message, sizeof message,
                                         .columns = FASHION_CLASSES, .scale = 2, .dark = true);
    if (status == HEBB_OK) status = hebb_write_png(path, &picture, message, sizeof message);
    hebb_array_free(&picture);
    return !fails(status, message);
}

/* The codes of two thousand test images, in the colors of their classes. */
static bool draw_codes(const network *n, const hebb_array test[2], const char *path) {
    enum { MOST = 2000 };
    static double x[MOST], y[MOST];
    static int32_t classes[MOST];
    const hebb_dataset data = {test, 1};
    hebb_array codes = {0};
    if (hebb_predict(n->model, &data, n->code, &codes, .batch = 500) != HEBB_OK) return false;
    size_t count = (size_t)codes.shape.dim[0] < MOST ? (size_t)codes.shape.dim[0] : MOST;
    for (size_t k = 0; k < count; k++) {
        x[k] = ((const float *)codes.data)[2 * k];
        y[k] = ((const float *)codes.data)[2 * k + 1];
        classes[k] = ((const uint8_t *)test[1].data)[k];
    }
    hebb_array_free(&codes);
    hebb_plot *plot = hebb_plot_create(.width = 640, .height = 460, .scale = 1.25);
    hebb_plot_panel(plot, .title = "codes of test images", .x_label = "first number",
                    .y_label = "second number");
    hebb_plot_points(plot, x, y, count, .classes = classes, .names = fashion_classes,
                     .n_names = FASHION_CLASSES);
    hebb_plot_png(plot, path);
    bool fine = !hebb_failed(plot);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(plot));
    hebb_plot_destroy(plot);
    return fine;
}

/* ---- training ---- */

static bool train(const network *n, const settings *c, const hebb_array *learn,
                  const hebb_array test[2]) {
    double tested[2]; /* loss and error */
    const hebb_dataset training = {learn, 1}, check = {test, 1};
    hebb_fit(n->model, &training, .epochs = c->epochs, .batch = c->batch,
             .steps_per_epoch = c->steps, .validation = &check,
             .callbacks = HEBB_CALLBACKS(hebb_progress(stdout)));
    bool fine = !hebb_failed(n->model) &&
                (c->png == NULL || draw_images(n, test, c->denoise != 0, c->png)) &&
                (c->code_png == NULL || draw_codes(n, test, c->code_png)) &&
                hebb_evaluate(n->model, &check, tested, .batch = 500) == HEBB_OK;
    if (hebb_failed(n->model)) fprintf(stderr, "%s\n", hebb_message(n->model));
    if (!fine) return false;
    size_t epochs = 0;
    const double *losses = hebb_history(n->model, "loss", &epochs);
    printf("test_error=%.4f test_loss=%.4f first_loss=%.4f last_loss=%.4f\n", tested[1], tested[0],
           losses[0], losses[epochs - 1]);
    return true;
}

static bool run(hebb_device *device, const settings *c, const hebb_array *learn,
                const hebb_array test[2]) {
    network n = build(device, c);
    if (!hebb_failed(device)) {
        hebb_device_info info = hebb_device_get_info(device);
        printf("%s autoencoder, a code of %ld, on %s (%s)\n", c->model, c->code, info.id,
               info.name);
    }
    bool fine = train(&n, c, learn, test);
    hebb_model_destroy(n.model);
    hebb_graph_destroy(n.g);
    return fine;
}

static bool check_settings(const settings *c) {
    if (strcmp(c->model, "dense") != 0 && strcmp(c->model, "conv") != 0)
        fprintf(stderr, "there is no model %s, only dense and conv\n", c->model);
    else if (c->code_png != NULL && c->code != 2)
        fprintf(stderr, "--code-png draws a plane: it wants --code 2\n");
    else return true;
    return false;
}

int main(int argc, char **argv) {
    const char *device_name = "cpu";
    settings c = {
        .model = "dense", .data = FASHION_DATA, .code = 32, .epochs = 5, .batch = 128, .seed = 1};
    const option options[] = {
        DEVICE_OPTION(device_name),
        {"model", "dense or conv", &c.model, NULL, 0},
        {"denoise", "see images through noise", NULL, &c.denoise, FLAG},
        {"code", "numbers between encoder and decoder", NULL, &c.code, 1},
        {"epochs", "times to go through the training images", NULL, &c.epochs, 1},
        {"batch", "images a step", NULL, &c.batch, 1},
        {"steps", "of an epoch, and of a test, at most; 0 for all", NULL, &c.steps, 0},
        {"seed", "of weights, order and noise", NULL, &c.seed, 0},
        {"data", "directory of the four IDX files, each a .gz", &c.data, NULL, 0},
        {"png", "a file for images and what is drawn of them", &c.png, NULL, 0},
        {"code-png", "a file for the codes by class, with --code 2", &c.code_png, NULL, 0},
    };
    parse_options(argc, argv, "Learns to draw Fashion-MNIST from a few numbers an image.", options,
                  COUNT(options));
    if (!check_settings(&c)) return EXIT_FAILURE;

    hebb_array learn[2] = {{0}}, test[2] = {{0}};
    hebb_device *device = hebb_device_open(device_name);
    bool fine = fashion_read(c.data, false, learn) && fashion_read(c.data, true, test);
    fashion_keep(test, c.steps * c.batch);
    fine = fine && run(device, &c, &learn[0], test);
    for (int k = 0; k < 2; k++) {
        hebb_array_free(&learn[k]);
        hebb_array_free(&test[k]);
    }
    hebb_device_close(device);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
