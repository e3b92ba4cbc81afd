/* A network learns to color a plane: four problems of two classes, a network of your choice, and
   what it decides everywhere, as it learns. On a terminal the picture is drawn again in place;
   elsewhere a few of them are printed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hebb/hebb.h>

#include "common.h"

enum { MOST_EXAMPLES = 4000, MOST_LAYERS = 8, GRID = 60 };
#define SIDE 6.0 /* the plane shows -SIDE...SIDE in both directions */

/* ---- problems ---- */

typedef struct point {
    double x, y;
    int class;
} point;

typedef struct source {
    uint64_t state;
    double noise; /* 0...1 */
} source;

/* Numbers in -1...1, the same on every machine. */
static double draw(source *s) {
    s->state = s->state * 6364136223846793005u + 1442695040888963407u;
    return (double)(s->state >> 40) / (double)(1 << 23) - 1;
}

/* About normal: a sum of many. */
static double draw_normal(source *s) {
    double sum = 0;
    for (int k = 0; k < 12; k++) sum += draw(s);
    return sum / 2;
}

/* A disk within a ring. */
static point circle(source *s, double along) {
    bool inside = along < 0.5;
    double radius = inside ? 2.4 * (draw(s) + 1) / 2 : 3.5 + 1.5 * (draw(s) + 1) / 2;
    double angle = 3.14159265 * draw(s);
    return (point){radius * cos(angle), radius * sin(angle), inside};
}

/* Four squares, those of a diagonal alike. */
static point exclusive_or(source *s, double along) {
    double x = 5 * draw(s), y = 5 * draw(s);
    x += x > 0 ? 0.3 : -0.3;
    y += y > 0 ? 0.3 : -0.3;
    return (point){x, y, (x > 0) != (y > 0)};
}

/* Two clouds. */
static point gaussians(source *s, double along) {
    double center = along < 0.5 ? 2 : -2;
    return (point){center + draw_normal(s), center + draw_normal(s), along < 0.5};
}

/* Two arms, one turned by half a turn. */
static point spiral(source *s, double along) {
    int class = along < 0.5;
    double t = class ? 2 * along : 2 * along - 1, angle = 1.75 * 2 * 3.14159265 * t;
    double radius = 0.3 + 4.7 * t, turned = angle + (class ? 0 : 3.14159265);
    return (point){radius * sin(turned), radius * cos(turned), class};
}

typedef struct problem {
    const char *name;
    point (*make)(source *, double along);
} problem;

static const problem problems[] = {
    {"circle", circle}, {"xor", exclusive_or}, {"gauss", gaussians}, {"spiral", spiral}};

typedef struct examples {
    size_t n;
    float x[MOST_EXAMPLES][2], class[MOST_EXAMPLES][1];
} examples;

/* Noise moves a point, its class stays. */
static void make_examples(examples *all, const problem *p, size_t n, source *s) {
    all->n = n;
    for (size_t k = 0; k < n; k++) {
        point one = p->make(s, ((double)k + 0.5) / (double)n);
        all->x[k][0] = (float)(one.x + 2 * s->noise * draw(s));
        all->x[k][1] = (float)(one.y + 2 * s->noise * draw(s));
        all->class[k][0] = (float)one.class;
    }
}

/* ---- the network ---- */

typedef struct choice {
    const char *problem, *hidden, *activation, *regularization, *png;
    const char *noise, *strength, *rate;
    long epochs, batch, examples, seed;
} choice;

typedef struct network {
    hebb_graph *graph;
    hebb_tensor *x, *score;
    hebb_model *model;
} network;

static hebb_activation find_activation(const char *name) {
    static const struct {
        const char *name;
        hebb_activation function;
    } all[] = {{"tanh", hebb_tanh}, {"relu", hebb_relu},     {"sigmoid", hebb_sigmoid},
               {"gelu", hebb_gelu}, {"linear", hebb_linear}, {"elu", hebb_elu}};
    for (size_t k = 0; k < COUNT(all); k++)
        if (strcmp(all[k].name, name) == 0) return all[k].function;
    return NULL;
}

/* "8,8": how many there are; 0 if it is not such a list. */
static size_t parse_layers(const char *text, long *units) {
    size_t n = 0;
    for (char *end; n < MOST_LAYERS; text = end + 1) {
        units[n] = strtol(text, &end, 10);
        if (end == text || units[n] < 1 || units[n] > 1024 || (*end != ',' && *end != 0)) return 0;
        n++;
        if (*end == 0) return n;
    }
    return 0;
}

static double number(const char *text, double least, double most, const char *name) {
    char *end;
    double value = strtod(text, &end);
    if (end != text && *end == 0 && value >= least && value <= most) return value;
    fprintf(stderr, "--%s %s: not a number in %g...%g\n", name, text, least, most);
    exit(EXIT_FAILURE);
}

static network build(hebb_device *device, const choice *c, hebb_activation activation) {
    long units[MOST_LAYERS];
    size_t layers = parse_layers(c->hidden, units);
    double strength = number(c->strength, 0, 10, "strength");
    double l1 = strcmp(c->regularization, "l1") == 0 ? strength : 0;
    double l2 = strcmp(c->regularization, "l2") == 0 ? strength : 0;
    network n = {.graph = hebb_graph_create()};
    n.x = hebb_input(n.graph, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 2));
    hebb_tensor *class = hebb_input(n.graph, "class", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 1));
    hebb_tensor *h = n.x;
    for (size_t k = 0; k < layers; k++)
        h = hebb_dense(h, units[k], .activation = activation, .kernel_l1 = l1, .kernel_l2 = l2);
    n.score = hebb_dense(h, 1, .kernel_l1 = l1, .kernel_l2 = l2);
    hebb_tensor *half = hebb_scalar_like(class, 0.5), *zero = hebb_scalar_like(n.score, 0);
    hebb_tensor *right = hebb_equal(hebb_greater(n.score, zero), hebb_greater(class, half));
    hebb_metric accuracy = {.name = "accuracy",
                            .counts = hebb_mean(hebb_cast(right, HEBB_F32), HEBB_ALL_AXES, false)};
    n.model = hebb_model_create(
        n.graph, device, .inputs = HEBB_LIST(n.x, class),
        .loss = hebb_binary_cross_entropy(n.score, class, .from_logits = true),
        .optimizer = hebb_adam(.learning_rate = number(c->rate, 1e-9, 100, "rate")),
        .metrics = HEBB_METRICS(accuracy), .seed = (uint64_t)c->seed);
    n.score = hebb_sigmoid(n.score);
    return n;
}

/* ---- what it decides ---- */

typedef struct screen {
    const network *network;
    const examples *learn, *check;
    const choice *choice;
    bool terminal;
    double drawn; /* when it was drawn last */
    double surface[GRID][GRID];
} screen;

/* The probability of class 1, everywhere. */
static hebb_status decide(screen *s) {
    static float places[GRID * GRID][2];
    hebb_array at = hebb_array_view(places, HEBB_F32, HEBB_SHAPE(GRID * GRID, 2)), result = {0};
    for (int k = 0; k < GRID * GRID; k++) {
        places[k][0] = (float)(2 * SIDE * (k % GRID) / (GRID - 1) - SIDE);
        places[k][1] = (float)(2 * SIDE * (k / GRID) / (GRID - 1) - SIDE);
    }
    hebb_session *session = hebb_model_session(s->network->model);
    hebb_status status = hebb_run(session, HEBB_FEED({s->network->x, &at}),
                                  HEBB_FETCH({s->network->score, &result}));
    for (int k = 0; status == HEBB_OK && k < GRID * GRID; k++)
        s->surface[k / GRID][k % GRID] = hebb_array_at(&result, k);
    hebb_array_free(&result);
    if (status != HEBB_OK) hebb_model_fail(s->network->model, status, hebb_message(session));
    return status;
}

static void add_surface(hebb_plot *plot, const screen *s, const char *title) {
    static const char *const names[] = {"class 0", "class 1"};
    static double x[MOST_EXAMPLES], y[MOST_EXAMPLES];
    static int32_t classes[MOST_EXAMPLES];
    for (size_t k = 0; k < s->learn->n; k++) {
        x[k] = s->learn->x[k][0];
        y[k] = s->learn->x[k][1];
        classes[k] = s->learn->class[k][0] > 0.5f;
    }
    hebb_plot_panel(plot, .title = title);
    hebb_plot_surface(plot, s->surface[0], GRID, GRID, .x = {-SIDE, SIDE}, .y = {-SIDE, SIDE},
                      .low = 0, .high = 1);
    hebb_plot_points(plot, x, y, s->learn->n, .classes = classes, .names = names, .n_names = 2);
}

/* On a terminal ten times a second, over the picture before; else at the beginning, after a tenth
   and at the end. */
static bool due(screen *s, int64_t epoch, int64_t epochs) {
    if (epoch + 1 == epochs) return true;
    if (!s->terminal) return epoch == 0 || epoch + 1 == epochs / 10;
    if (now() - s->drawn < 0.1) return false;
    s->drawn = now();
    return true;
}

static hebb_status show(hebb_callback *self, hebb_fit_state *fit) {
    screen *s = self->data;
    char title[80];
    if (!due(s, fit->epoch, fit->epochs)) return HEBB_OK;
    hebb_status status = decide(s);
    hebb_plot *plot = hebb_plot_create();
    snprintf(title, sizeof title, "epoch %lld, loss %.3f, test %.3f", (long long)fit->epoch + 1,
             hebb_log_value(fit, "loss"), hebb_log_value(fit, "val_loss"));
    add_surface(plot, s, title);
    if (s->terminal) printf("\033[H\033[J");
    else printf("\n");
    if (status == HEBB_OK) status = hebb_plot_print(plot, stdout);
    if (status != HEBB_OK && hebb_failed(plot))
        hebb_model_fail(fit->model, status, hebb_message(plot));
    hebb_plot_destroy(plot);
    return status;
}

static hebb_status draw_png(const screen *s, hebb_model *model, const char *path) {
    hebb_plot *plot = hebb_plot_create(.columns = 2, .width = 400, .height = 360, .scale = 1.5);
    char title[96];
    snprintf(title, sizeof title, "%s, network 2-%s-1, %s", s->choice->problem, s->choice->hidden,
             s->choice->activation);
    add_surface(plot, s, title);
    size_t n = 0;
    const double *losses = hebb_history(model, "loss", &n);
    hebb_plot_panel(plot, .title = "loss", .x_label = "epoch", .log_y = true);
    hebb_plot_line(plot, losses, n, .name = "training");
    losses = hebb_history(model, "val_loss", &n);
    hebb_plot_line(plot, losses, n, .name = "test");
    hebb_status status = hebb_plot_png(plot, path);
    if (status != HEBB_OK) hebb_model_fail(model, status, hebb_message(plot));
    hebb_plot_destroy(plot);
    return status;
}

/* ---- all of it ---- */

static const hebb_dataset *dataset(examples *e, hebb_array columns[2], hebb_dataset *data) {
    columns[0] = hebb_array_view(e->x, HEBB_F32, HEBB_SHAPE((int64_t)e->n, 2));
    columns[1] = hebb_array_view(e->class, HEBB_F32, HEBB_SHAPE((int64_t)e->n, 1));
    *data = (hebb_dataset){columns, 2};
    return data;
}

static double last_of(const hebb_model *model, const char *name) {
    size_t n = 0;
    const double *values = hebb_history(model, name, &n);
    return values == NULL ? NAN : values[n - 1];
}

static bool run(hebb_device *device, const choice *c, const problem *p,
                hebb_activation activation) {
    static examples learn, check;
    static screen s;
    source from = {(uint64_t)c->seed, number(c->noise, 0, 1, "noise")};
    hebb_array columns[4];
    hebb_dataset learned, checked;
    make_examples(&learn, p, (size_t)c->examples, &from);
    make_examples(&check, p, (size_t)c->examples, &from);
    network n = build(device, c, activation);
    s = (screen){&n, &learn, &check, c, isatty(STDOUT_FILENO) == 1, 0, {{0}}};
    if (s.terminal) printf("\033[2J");
    hebb_fit(n.model, dataset(&learn, columns, &learned), .epochs = c->epochs, .batch = c->batch,
             .validation = dataset(&check, columns + 2, &checked),
             .callbacks = HEBB_CALLBACKS({.name = "show", .epoch_end = show, .data = &s}));
    if (!hebb_failed(n.model) && c->png != NULL) draw_png(&s, n.model, c->png);
    bool fine = !hebb_failed(n.model);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(n.model));
    size_t epochs = 0;
    const double *losses = hebb_history(n.model, "loss", &epochs);
    if (fine)
        printf("\nfirst_loss=%.4f last_loss=%.4f test_loss=%.4f test_accuracy=%.4f\n", losses[0],
               losses[epochs - 1], last_of(n.model, "val_loss"), last_of(n.model, "val_accuracy"));
    hebb_model_destroy(n.model);
    hebb_graph_destroy(n.graph);
    return fine;
}

static const problem *find_problem(const char *name) {
    for (size_t k = 0; k < COUNT(problems); k++)
        if (strcmp(problems[k].name, name) == 0) return &problems[k];
    return NULL;
}

int main(int argc, char **argv) {
    const char *name = "cpu";
    choice c = {.problem = "spiral",
                .hidden = "16,16",
                .activation = "tanh",
                .noise = "0.1",
                .regularization = "none",
                .strength = "0.001",
                .rate = "0.03",
                .epochs = 200,
                .batch = 32,
                .examples = 300,
                .seed = 1};
    const option options[] = {
        DEVICE_OPTION(name),
        {"problem", "circle, xor, gauss or spiral", &c.problem, NULL, 0},
        {"hidden", "units of the hidden layers, such as 8,8", &c.hidden, NULL, 0},
        {"activation", "tanh, relu, sigmoid, gelu, elu or linear", &c.activation, NULL, 0},
        {"noise", "0 to 1", &c.noise, NULL, 0},
        {"regularization", "none, l1 or l2", &c.regularization, NULL, 0},
        {"strength", "of the regularization", &c.strength, NULL, 0},
        {"rate", "of learning, by Adam", &c.rate, NULL, 0},
        {"epochs", "passes over the examples", NULL, &c.epochs, 1},
        {"batch", "examples a step", NULL, &c.batch, 1},
        {"examples", "to learn from, and as many to test with", NULL, &c.examples, 2},
        {"seed", "of examples and first weights", NULL, &c.seed, 0},
        {"png", "a file for a picture at the end", &c.png, NULL, 0},
    };
    parse_options(argc, argv, "A network learns to color a plane.", options, COUNT(options));
    const problem *p = find_problem(c.problem);
    hebb_activation activation = find_activation(c.activation);
    long units[MOST_LAYERS];
    bool known = strcmp(c.regularization, "none") == 0 || strcmp(c.regularization, "l1") == 0 ||
                 strcmp(c.regularization, "l2") == 0;
    if (p == NULL || activation == NULL || !known || parse_layers(c.hidden, units) == 0 ||
        c.examples > MOST_EXAMPLES) {
        fprintf(stderr,
                "%s: a problem, activation, regularization, list of layers or number of "
                "examples is not known; --help lists what is\n",
                argv[0]);
        return EXIT_FAILURE;
    }
    hebb_device *device = hebb_device_open(name);
    bool fine = !hebb_failed(device);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(device));
    else fine = run(device, &c, p, activation);
    hebb_device_close(device);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
