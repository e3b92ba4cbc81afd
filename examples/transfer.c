/* What was learned on some things helps with others. A network learns five of the ten classes of
   Fashion-MNIST, from all their images; then its features are frozen, and a new head learns the
   other five from 20 images of each. Beside it, the same network learns these 100 images from
   scratch. Several seeds, each with other images. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/hebb.h>

#include "common.h"
#include "fashion.h"

/* Classes with odd numbers come first: trousers, dress, sandal, sneaker, boot; then the even ones,
   which are harder to tell apart: T-shirt, pullover, coat, shirt, bag. In its half, a class is its
   number over 2. */
enum { HALF = FASHION_CLASSES / 2, PIXELS = FASHION_SIDE * FASHION_SIDE, MOST_SEEDS = 20 };

typedef struct settings {
    const char *data, *png;
    long epochs, head_epochs, images, seeds, steps, seed;
} settings;

/* ---- the network: features, and a head that names one of five classes ---- */

typedef struct network {
    hebb_graph *g;
    hebb_model *model;
} network;

/* Two convolutions. A dense layer behind them would know too much of the classes that it was
   trained for: frozen, it is worse than starting from scratch. */
static hebb_tensor *features(hebb_tensor *x) {
    hebb_graph *g = hebb_tensor_graph(x);
    hebb_layer_begin(g, "features", NULL);
    x = hebb_conv2d(x, 16, 3, .activation = hebb_relu, .padding = HEBB_PADDING_SAME);
    x = hebb_max_pool2d(x, 2);
    x = hebb_conv2d(x, 32, 3, .activation = hebb_relu, .padding = HEBB_PADDING_SAME);
    return hebb_layer_end(g, hebb_flatten(hebb_max_pool2d(x, 2)));
}

/* With `frozen` the optimizer leaves the features as they are. */
static network build(hebb_device *device, bool frozen, long seed) {
    network n = {.g = hebb_graph_create()};
    hebb_tensor *image =
        hebb_input(n.g, "image", HEBB_U8, HEBB_SHAPE(HEBB_ANY, 1, FASHION_SIDE, FASHION_SIDE));
    hebb_tensor *label = hebb_input(n.g, "label", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *x = hebb_cast(image, HEBB_F32);
    x = hebb_mul(x, hebb_scalar_like(x, 1.0 / 255));
    hebb_tensor *logits = hebb_dense(features(x), HALF, .name = "head");
    const hebb_minimize_options only_head = {
        HEBB_PARAMETER_GROUPS({.match = "features/", .frozen = true})};
    n.model = hebb_model_create(
        n.g, device, .inputs = HEBB_LIST(image, label), .classes = HALF, .seed = (uint64_t)seed,
        .loss = hebb_sparse_categorical_cross_entropy(logits, label, .from_logits = true),
        .optimizer = hebb_adam(), .minimize = frozen ? &only_head : NULL,
        .metrics = HEBB_METRICS(
            hebb_metric_sparse_categorical_accuracy(logits, label, .name = "accuracy")));
    return n;
}

static void destroy(network *n) {
    hebb_model_destroy(n->model);
    hebb_graph_destroy(n->g);
}

/* The variables of the features, from one network to another. */
static bool copy_features(const network *from, const network *to) {
    hebb_session *source = hebb_model_session(from->model), *copy = hebb_model_session(to->model);
    bool fine = true;
    for (size_t k = 0; k < hebb_graph_variable_count(to->g) && fine; k++) {
        hebb_tensor *variable = hebb_graph_variable(to->g, k);
        const char *name = hebb_tensor_name(variable);
        if (strncmp(name, "features/", strlen("features/")) != 0) continue;
        hebb_array value = {0};
        fine = hebb_session_get(source, hebb_graph_find(from->g, name), &value) == HEBB_OK &&
               hebb_session_set(copy, variable, &value) == HEBB_OK;
        hebb_array_free(&value);
    }
    return fine;
}

/* ---- the data ---- */

typedef struct part {
    hebb_array images, labels; /* u8 [n, 1, 28, 28] and i32 [n] in 0...4 */
} part;

/* The images of even or odd classes, from row `start` on and around: `most` of each class, or all.
 */
static part take(const hebb_array pair[2], bool odd, int64_t start, int64_t most) {
    const uint8_t *pixels = pair[0].data, *classes = pair[1].data;
    int64_t rows = pair[1].shape.dim[0], n = 0, count[HALF] = {0};
    part p = {hebb_array_zeros(HEBB_U8, HEBB_SHAPE(rows, 1, FASHION_SIDE, FASHION_SIDE)),
              hebb_array_zeros(HEBB_I32, HEBB_SHAPE(rows))};
    for (int64_t k = 0; k < rows && p.images.data != NULL && p.labels.data != NULL; k++) {
        int64_t row = (start + k) % rows;
        int32_t label = classes[row] / 2;
        if (classes[row] % 2 != odd || count[label]++ >= most) continue;
        memcpy((uint8_t *)p.images.data + n * PIXELS, pixels + row * PIXELS, PIXELS);
        ((int32_t *)p.labels.data)[n++] = label;
    }
    p.images.shape.dim[0] = p.labels.shape.dim[0] = n; /* the rest of the room is left unused */
    return p;
}

static void free_part(part *p) {
    hebb_array_free(&p->images);
    hebb_array_free(&p->labels);
}

/* ---- learning ---- */

/* The accuracy on the test images. */
static bool test(const network *n, const part *tests, double *accuracy) {
    double values[2]; /* the loss, the accuracy */
    hebb_evaluate(n->model, HEBB_DATASET(tests->images, tests->labels), values, .batch = 500);
    if (hebb_failed(n->model)) fprintf(stderr, "%s\n", hebb_message(n->model));
    *accuracy = values[1];
    return !hebb_failed(n->model);
}

/* A few images of classes that are new: by frozen features of `teacher`, or from scratch for NULL.
 */
static bool learn_few(hebb_device *device, const network *teacher, const settings *c,
                      const part *few, const part *tests, long seed, double *accuracy) {
    network n = build(device, teacher != NULL, seed);
    if (teacher != NULL) copy_features(teacher, &n);
    hebb_fit(n.model, HEBB_DATASET(few->images, few->labels), .epochs = c->head_epochs,
             .batch = 20);
    bool fine = test(&n, tests, accuracy);
    destroy(&n);
    return fine;
}

typedef struct outcome {
    double transferred[MOST_SEEDS], scratch[MOST_SEEDS], mean[2];
} outcome;

static bool compare(hebb_device *device, const network *teacher, const settings *c,
                    const hebb_array learn[2], const part *tests, outcome *o) {
    printf("\nthe even classes from %ld images of each, right of %lld others:\n"
           "  seed   frozen features   from scratch\n",
           c->images, (long long)tests->labels.shape.dim[0]);
    fflush(stdout);
    for (long k = 0; k < c->seeds; k++) {
        part few = take(learn, false, 10007 * (c->seed + k), c->images);
        bool fine = learn_few(device, teacher, c, &few, tests, c->seed + k, &o->transferred[k]) &&
                    learn_few(device, NULL, c, &few, tests, c->seed + k, &o->scratch[k]);
        free_part(&few);
        if (!fine) return false;
        printf("  %4ld %17.3f %14.3f\n", c->seed + k, o->transferred[k], o->scratch[k]);
        fflush(stdout);
        o->mean[0] += o->transferred[k] / (double)c->seeds;
        o->mean[1] += o->scratch[k] / (double)c->seeds;
    }
    printf("  mean %17.3f %14.3f\n\n", o->mean[0], o->mean[1]);
    return true;
}

static bool draw(const outcome *o, size_t n, const char *path) {
    hebb_plot *plot = hebb_plot_create(.width = 560, .height = 320, .scale = 1.25);
    hebb_plot_panel(plot, .title = "five classes from a few images of each",
                    .y_label = "test accuracy", .x_label = "seed", .y = {0, 1});
    hebb_plot_bars(plot, o->transferred, n, .name = "frozen features");
    hebb_plot_bars(plot, o->scratch, n, .name = "from scratch");
    hebb_plot_png(plot, path);
    bool fine = !hebb_failed(plot);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(plot));
    hebb_plot_destroy(plot);
    return fine;
}

static bool run(hebb_device *device, const settings *c, const hebb_array learn[2],
                const hebb_array check[2]) {
    part lesson = take(learn, true, 0, INT64_MAX), odd = take(check, true, 0, INT64_MAX);
    part even = take(check, false, 0, INT64_MAX);
    network teacher = build(device, false, c->seed);
    outcome o = {0};
    double accuracy = 0;
    printf("the odd classes from %lld images:\n", (long long)lesson.labels.shape.dim[0]);
    hebb_fit(teacher.model, HEBB_DATASET(lesson.images, lesson.labels), .epochs = c->epochs,
             .batch = 128, .steps_per_epoch = c->steps,
             .callbacks = HEBB_CALLBACKS(hebb_progress(stdout)));
    size_t epochs = 0;
    const double *losses = hebb_history(teacher.model, "loss", &epochs);
    bool fine = test(&teacher, &odd, &accuracy) && compare(device, &teacher, c, learn, &even, &o) &&
                (c->png == NULL || draw(&o, (size_t)c->seeds, c->png));
    if (fine)
        printf("source=%.4f transfer=%.4f scratch=%.4f first_loss=%.4f last_loss=%.4f\n", accuracy,
               o.mean[0], o.mean[1], losses[0], losses[epochs - 1]);
    destroy(&teacher);
    free_part(&lesson);
    free_part(&even);
    free_part(&odd);
    return fine;
}

int main(int argc, char **argv) {
    const char *device_name = "cpu";
    settings c = {
        .data = FASHION_DATA, .epochs = 2, .head_epochs = 80, .images = 20, .seeds = 5, .seed = 1};
    const option options[] = {
        DEVICE_OPTION(device_name),
        {"epochs", "times to go through the images of the first five classes", NULL, &c.epochs, 1},
        {"steps", "of such an epoch at most; 0 for all", NULL, &c.steps, 0},
        {"few", "times to go through the few images of the others", NULL, &c.head_epochs, 1},
        {"images", "of each of the other classes", NULL, &c.images, 1},
        {"seeds", "how often, at most 20", NULL, &c.seeds, 1},
        {"seed", "the first: of weights, order and choice of images", NULL, &c.seed, 0},
        {"data", "directory of the four IDX files, each a .gz", &c.data, NULL, 0},
        {"png", "a file for the accuracies as bars", &c.png, NULL, 0},
    };
    parse_options(argc, argv, "Features of five classes help to learn five others from few images.",
                  options, COUNT(options));
    if (c.seeds > MOST_SEEDS) {
        fprintf(stderr, "%s: --seeds %ld is more than %d\n", argv[0], c.seeds, MOST_SEEDS);
        return EXIT_FAILURE;
    }
    hebb_array learn[2] = {{0}}, check[2] = {{0}};
    hebb_device *device = hebb_device_open(device_name);
    bool fine = fashion_read(c.data, false, learn) && fashion_read(c.data, true, check) &&
                run(device, &c, learn, check);
    for (int k = 0; k < 2; k++) {
        hebb_array_free(&learn[k]);
        hebb_array_free(&check[k]);
    }
    hebb_device_close(device);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
