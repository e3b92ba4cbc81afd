/* Gradient descent in three ways, then by every optimizer. A line is fitted by two weights, so that
   the loss can be seen as a landscape: with all examples a step (batch), with some (mini-batch),
   with one (stochastic). Each sees the same number of examples. Then a small network learns to tell
   two spirals apart, once with each of the library's optimizers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/hebb.h>

#include "common.h"

/* Numbers in 0...1, the same on every machine. */
static double draw(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 40) / (double)(1 << 24);
}

/* ---- three ways down ---- */

enum { LINE_EXAMPLES = 256, PASSES = 20, GRID = 48 };

static float line_x[LINE_EXAMPLES][2], line_y[LINE_EXAMPLES][1];

/* The second input varies less than the first, so that the valley is long and narrow. */
static void make_line(uint64_t seed) {
    uint64_t state = seed;
    for (int k = 0; k < LINE_EXAMPLES; k++) {
        line_x[k][0] = (float)(2 * draw(&state) - 1);
        line_x[k][1] = (float)(0.8 * draw(&state) - 0.4);
        double noise = draw(&state) + draw(&state) + draw(&state) - 1.5;
        line_y[k][0] = (float)(1.5 * line_x[k][0] - line_x[k][1] + 0.5 * noise);
    }
}

/* Mean squared error over all examples. */
static double line_loss(double a, double b) {
    double sum = 0;
    for (int k = 0; k < LINE_EXAMPLES; k++) {
        double error = a * line_x[k][0] + b * line_x[k][1] - line_y[k][0];
        sum += error * error;
    }
    return sum / LINE_EXAMPLES;
}

typedef struct way {
    const char *name;
    int batch;
    size_t n; /* places it was at, with the loss there */
    double a[LINE_EXAMPLES * PASSES + 1], b[LINE_EXAMPLES * PASSES + 1];
    double loss[LINE_EXAMPLES * PASSES + 1], seen[LINE_EXAMPLES * PASSES + 1];
} way;

static void note(way *w, const float *weights, double seen) {
    w->a[w->n] = weights[0];
    w->b[w->n] = weights[1];
    w->loss[w->n] = line_loss(weights[0], weights[1]);
    w->seen[w->n++] = seen;
}

/* Goes down; false after an error, which it prints. */
static bool descend(way *w, hebb_device *device, long seed) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(w->batch, 2));
    hebb_tensor *y = hebb_input(g, "y", HEBB_F32, HEBB_SHAPE(w->batch, 1));
    float first[2] = {-1, 2}, weights[2] = {-1, 2};
    hebb_array start = hebb_array_view(first, HEBB_F32, HEBB_SHAPE(2, 1));
    hebb_array place = hebb_array_view(weights, HEBB_F32, HEBB_SHAPE(2, 1));
    hebb_tensor *v = hebb_variable(g, "weights", HEBB_F32, HEBB_SHAPE(2, 1),
                                   hebb_initial_tensor(hebb_constant(g, &start)));
    hebb_tensor *loss =
        hebb_mean(hebb_square(hebb_sub(hebb_matmul(x, v), y)), HEBB_ALL_AXES, false);
    hebb_tensor *step = hebb_minimize(loss, hebb_sgd(.learning_rate = 0.1));
    hebb_session *s = hebb_session_create(g, device, .seed = (uint64_t)seed);
    uint64_t state = (uint64_t)seed;
    note(w, weights, 0);
    for (int k = 0; k < PASSES * LINE_EXAMPLES && !hebb_failed(s); k += w->batch) {
        /* Which examples: all in turn, or those from a place that is drawn. */
        int from = (int)(draw(&state) * (LINE_EXAMPLES - w->batch + 1));
        hebb_array xs = hebb_array_view(line_x[from], HEBB_F32, HEBB_SHAPE(w->batch, 2));
        hebb_array ys = hebb_array_view(line_y[from], HEBB_F32, HEBB_SHAPE(w->batch, 1));
        hebb_run(s, HEBB_FEED({x, &xs}, {y, &ys}), HEBB_FETCH({step, NULL}));
        hebb_session_get(s, v, &place);
        note(w, place.data, k + w->batch);
    }
    bool fine = !hebb_failed(s);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(s));
    if (place.data != weights) hebb_array_free(&place);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    return fine;
}

static void plot_ways(hebb_plot *plot, const way *ways, size_t n) {
    static double landscape[GRID][GRID];
    hebb_plot_panel(plot, .title = "three ways down", .x_label = "examples seen",
                    .y_label = "loss over all examples", .log_x = true, .log_y = true);
    for (size_t k = 0; k < n; k++)
        hebb_plot_line(plot, ways[k].loss, ways[k].n, .x = ways[k].seen, .name = ways[k].name,
                       .color = (int)k + 1);
    for (int r = 0; r < GRID; r++)
        for (int c = 0; c < GRID; c++)
            landscape[r][c] =
                log10(line_loss(-1.5 + 4.0 * c / (GRID - 1), -2.5 + 5.0 * r / (GRID - 1)));
    hebb_plot_panel(plot, .title = "their paths; the darker, the less loss",
                    .x_label = "first weight", .y_label = "second weight");
    hebb_plot_surface(plot, landscape[0], GRID, GRID, .x = {-1.5, 2.5}, .y = {-2.5, 2.5}, .low = -3,
                      .high = 1, .map = HEBB_MAP_GRAY, .no_bar = true);
    for (size_t k = n; k-- > 0;)
        hebb_plot_line(plot, ways[k].b, ways[k].n, .x = ways[k].a, .color = (int)k + 1);
}

/* ---- all optimizers ---- */

enum { SPIRAL_EXAMPLES = 256, MOST_OPTIMIZERS = 16 };

static float spiral_x[SPIRAL_EXAMPLES][2], spiral_y[SPIRAL_EXAMPLES][1];

static void make_spirals(uint64_t seed) {
    uint64_t state = seed;
    for (int k = 0; k < SPIRAL_EXAMPLES; k++) {
        double along = k / 2 * 2.0 / SPIRAL_EXAMPLES, angle = 1 + 5 * along + 3.14159265 * (k % 2);
        double radius = 0.2 + 0.8 * along;
        spiral_x[k][0] = (float)(radius * cos(angle) + 0.04 * (draw(&state) - 0.5));
        spiral_x[k][1] = (float)(radius * sin(angle) + 0.04 * (draw(&state) - 0.5));
        spiral_y[k][0] = (float)(k % 2);
    }
}

typedef struct trial {
    const char *name;
    bool adaptive; /* belongs to Adam's family */
    hebb_optimizer optimizer;
    double *losses; /* of each epoch */
    size_t epochs;
} trial;

/* With rates that suit the problem; defaults otherwise. */
static size_t list_optimizers(trial *list) {
    const trial all[] = {
        {.name = "sgd", .optimizer = hebb_sgd(.learning_rate = 0.5)},
        {.name = "momentum", .optimizer = hebb_sgd(.learning_rate = 0.1, .momentum = 0.9)},
        {.name = "nesterov",
         .optimizer = hebb_sgd(.learning_rate = 0.1, .momentum = 0.9, .nesterov = true)},
        {.name = "adagrad", .optimizer = hebb_adagrad(.learning_rate = 0.1)},
        {.name = "adadelta", .optimizer = hebb_adadelta(.learning_rate = 10)},
        {.name = "rmsprop", .optimizer = hebb_rmsprop(.learning_rate = 0.003)},
        {.name = "lion", .optimizer = hebb_lion(.learning_rate = 0.003)},
        {.name = "lamb", .optimizer = hebb_lamb(.learning_rate = 0.004), .adaptive = true},
        {.name = "adam", .optimizer = hebb_adam(.learning_rate = 0.01), .adaptive = true},
        {.name = "adamw", .optimizer = hebb_adamw(.learning_rate = 0.01), .adaptive = true},
        {.name = "amsgrad",
         .optimizer = hebb_adam(.learning_rate = 0.01, .amsgrad = true),
         .adaptive = true},
        {.name = "adamax", .optimizer = hebb_adamax(.learning_rate = 0.02), .adaptive = true},
        {.name = "nadam", .optimizer = hebb_nadam(.learning_rate = 0.01), .adaptive = true},
    };
    memcpy(list, all, sizeof all);
    return COUNT(all);
}

/* The network is the same each time, its first weights too. */
static bool try_optimizer(trial *t, hebb_device *device, long epochs, long seed) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 2));
    hebb_tensor *y = hebb_input(g, "y", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 1));
    hebb_tensor *h = hebb_dense(x, 16, .activation = hebb_tanh);
    h = hebb_dense(h, 16, .activation = hebb_tanh);
    hebb_tensor *loss = hebb_binary_cross_entropy(hebb_dense(h, 1), y, .from_logits = true);
    hebb_model *model = hebb_model_create(g, device, .inputs = HEBB_LIST(x, y), .loss = loss,
                                          .optimizer = t->optimizer, .seed = (uint64_t)seed);
    hebb_array xs = hebb_array_view(spiral_x, HEBB_F32, HEBB_SHAPE(SPIRAL_EXAMPLES, 2));
    hebb_array ys = hebb_array_view(spiral_y, HEBB_F32, HEBB_SHAPE(SPIRAL_EXAMPLES, 1));
    hebb_fit(model, HEBB_DATASET(xs, ys), .epochs = epochs, .batch = 32);
    bool fine = !hebb_failed(model);
    if (!fine) fprintf(stderr, "%s: %s\n", t->name, hebb_message(model));
    const double *losses = hebb_history(model, "loss", &t->epochs);
    if (fine) t->losses = malloc(t->epochs * sizeof *t->losses);
    if (t->losses != NULL) memcpy(t->losses, losses, t->epochs * sizeof *t->losses);
    hebb_model_destroy(model);
    hebb_graph_destroy(g);
    return t->losses != NULL;
}

static void plot_trials(hebb_plot *plot, const trial *list, size_t n) {
    for (int adaptive = 0; adaptive < 2; adaptive++) {
        hebb_plot_panel(plot, .title = adaptive ? "Adam and its relatives" : "other optimizers",
                        .x_label = "epoch", .y_label = "loss", .log_y = true, .y = {1e-4, 1});
        for (size_t k = 0; k < n; k++)
            if (list[k].losses != NULL && list[k].adaptive == adaptive)
                hebb_plot_line(plot, list[k].losses, list[k].epochs, .name = list[k].name);
    }
}

/* ---- all of it ---- */

static bool run_ways(way *ways, size_t n, hebb_device *device, long seed) {
    static const int seen[] = {256, 1024, 2560, PASSES * LINE_EXAMPLES};
    printf("Fitting a line: the loss over all %d examples after so many were seen\n\n",
           LINE_EXAMPLES);
    printf("%-12s %8s %10s %10s %10s %10s\n", "", "steps", "256", "1024", "2560", "5120");
    for (size_t k = 0; k < n; k++) {
        if (!descend(&ways[k], device, seed)) return false;
        printf("%-12s %8zu", ways[k].name, ways[k].n - 1);
        for (size_t i = 0; i < COUNT(seen); i++)
            printf(" %10.5f", ways[k].loss[seen[i] / ways[k].batch]);
        printf("\n");
    }
    return true;
}

static bool run_trials(trial *list, size_t n, const char *only, hebb_device *device, long epochs,
                       long seed) {
    bool found = false;
    printf("\nTwo spirals, a network 2-16-16-1: the loss after so many epochs\n\n");
    printf("%-12s %8s %10s %10s %10s %10s\n", "optimizer", "rate", "1", "a quarter", "half", "all");
    for (size_t k = 0; k < n; k++) {
        trial *t = &list[k];
        if (strcmp(only, "all") != 0 && strcmp(only, t->name) != 0) continue;
        if (!try_optimizer(t, device, epochs, seed)) return false;
        found = true;
        size_t m = t->epochs;
        printf("%-12s %8g %10.4f %10.4f %10.4f %10.4f\n", t->name, t->optimizer.learning_rate,
               t->losses[0], t->losses[m / 4], t->losses[m / 2], t->losses[m - 1]);
    }
    if (!found) fprintf(stderr, "there is no optimizer %s\n", only);
    return found;
}

static const trial *best_of(const trial *list, size_t n) {
    const trial *best = NULL;
    for (size_t k = 0; k < n; k++)
        if (list[k].losses != NULL &&
            (best == NULL || list[k].losses[list[k].epochs - 1] < best->losses[best->epochs - 1]))
            best = &list[k];
    return best;
}

/* Curves as text, and as a picture if a file is named. */
static bool show(const way *ways, size_t n_ways, const trial *list, size_t n, const char *png) {
    hebb_plot *text = hebb_plot_create(), *picture = hebb_plot_create(.columns = 2, .scale = 1.5);
    hebb_plot_panel(text, .title = "loss by examples seen", .log_x = true, .log_y = true);
    for (size_t k = 0; k < n_ways; k++)
        hebb_plot_line(text, ways[k].loss, ways[k].n, .x = ways[k].seen, .name = ways[k].name);
    plot_ways(picture, ways, n_ways);
    plot_trials(picture, list, n);
    printf("\n");
    hebb_plot_print(text, stdout);
    if (png != NULL) hebb_plot_png(picture, png);
    bool fine = !hebb_failed(text) && !hebb_failed(picture);
    if (!fine) fprintf(stderr, "%s%s\n", hebb_message(text), hebb_message(picture));
    hebb_plot_destroy(text);
    hebb_plot_destroy(picture);
    return fine;
}

static bool run(hebb_device *device, const char *only, const char *png, long epochs, long seed) {
    static way ways[] = {{.name = "batch", .batch = LINE_EXAMPLES},
                         {.name = "mini-batch", .batch = 32},
                         {.name = "stochastic", .batch = 1}};
    trial list[MOST_OPTIMIZERS] = {{0}};
    size_t n = list_optimizers(list);
    make_line((uint64_t)seed);
    make_spirals((uint64_t)seed);
    bool fine = run_ways(ways, COUNT(ways), device, seed) &&
                run_trials(list, n, only, device, epochs, seed) &&
                show(ways, COUNT(ways), list, n, png);
    const trial *best = best_of(list, n);
    if (fine)
        printf("\nmini_batch=%.5f best=%s first_loss=%.4f last_loss=%.4f\n",
               ways[1].loss[ways[1].n - 1], best->name, best->losses[0],
               best->losses[best->epochs - 1]);
    for (size_t k = 0; k < n; k++) free(list[k].losses);
    return fine;
}

int main(int argc, char **argv) {
    const char *name = "cpu", *only = "all", *png = NULL;
    long epochs = 100, seed = 1;
    const option options[] = {
        DEVICE_OPTION(name),
        {"epochs", "of the network", NULL, &epochs, 1},
        {"optimizer", "one of the list, or all", &only, NULL, 0},
        {"png", "a file for the curves", &png, NULL, 0},
        {"seed", "of examples and weights", NULL, &seed, 0},
    };
    parse_options(argc, argv, "Gradient descent in three ways, then by every optimizer.", options,
                  COUNT(options));
    hebb_device *device = hebb_device_open(name);
    bool fine = !hebb_failed(device);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(device));
    else fine = run(device, only, png, epochs, seed);
    hebb_device_close(device);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
