/* The smallest problem that needs a hidden layer: exclusive or. Without one the network draws a
   straight line, and no line parts {01, 10} from {00, 11}; two hidden units are enough. */
#include <stdio.h>
#include <stdlib.h>

#include <hebb/hebb.h>

#include "common.h"

enum { STEPS = 1000, ATTEMPTS = 10 };

static const float inputs[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
static const float targets[4][1] = {{0}, {1}, {1}, {0}};

typedef struct model {
    hebb_tensor *x, *y;      /* fed: the four inputs and what they should give */
    hebb_tensor *prediction; /* in 0...1 */
    hebb_tensor *update;
} model;

static model build_model(hebb_graph *g, int hidden_units) {
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(4, 2));
    hebb_tensor *y = hebb_input(g, "y", HEBB_F32, HEBB_SHAPE(4, 1));
    hebb_tensor *h = x;
    if (hidden_units > 0) h = hebb_dense(x, hidden_units, .activation = hebb_tanh);
    hebb_tensor *prediction = hebb_dense(h, 1, .activation = hebb_sigmoid);
    hebb_tensor *loss = hebb_mean_squared_error(prediction, y);
    return (model){x, y, prediction, hebb_minimize(loss, hebb_adam(.learning_rate = 0.05))};
}

/* Trains from one seed's random weights. `predicted` gets the answers to the four inputs. */
static bool train(hebb_graph *graph, const model *m, hebb_device *device, uint64_t seed,
                  float predicted[4]) {
    hebb_array x = hebb_array_view((void *)inputs, HEBB_F32, HEBB_SHAPE(4, 2));
    hebb_array y = hebb_array_view((void *)targets, HEBB_F32, HEBB_SHAPE(4, 1));
    hebb_array prediction = hebb_array_view(predicted, HEBB_F32, HEBB_SHAPE(4, 1));

    hebb_session *session = hebb_session_create(graph, device, .seed = seed);
    for (int i = 0; i < STEPS && !hebb_failed(session); i++)
        hebb_run(session, HEBB_FEED({m->x, &x}, {m->y, &y}), HEBB_FETCH({m->update, NULL}));
    if (!hebb_failed(session))
        hebb_run(session, HEBB_FEED({m->x, &x}), HEBB_FETCH({m->prediction, &prediction}));

    bool fine = !hebb_failed(session);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(session));
    hebb_session_destroy(session);
    return fine;
}

static int count_right(const float predicted[4]) {
    int right = 0;
    for (int i = 0; i < 4; i++) right += (predicted[i] > 0.5f) == (targets[i][0] > 0.5f);
    return right;
}

/* Two hidden units learn exclusive or from most random weights, not from all: some lead to a valley
   that is not the lowest. So there are several attempts, each from a seed of its own, and the same
   number for every network. False if something failed; *best is how many of four answers are right.
 */
static bool attempt(hebb_device *device, int hidden_units, uint64_t seed, int *best) {
    hebb_graph *graph = hebb_graph_create();
    model m = build_model(graph, hidden_units);
    float best_predicted[4] = {0};
    bool fine = true;
    int attempts = 0;
    *best = -1;
    while (fine && *best < 4 && attempts < ATTEMPTS) {
        float predicted[4] = {0};
        fine = train(graph, &m, device, seed + (uint64_t)attempts++, predicted);
        if (!fine || count_right(predicted) <= *best) continue;
        *best = count_right(predicted);
        for (int i = 0; i < 4; i++) best_predicted[i] = predicted[i];
    }
    if (fine) {
        printf("%d hidden units, best of %d attempt%s:\n", hidden_units, attempts,
               attempts == 1 ? "" : "s");
        for (int i = 0; i < 4; i++)
            printf("  %g xor %g = %g, answered %.3f\n", inputs[i][0], inputs[i][1], targets[i][0],
                   best_predicted[i]);
    }
    hebb_graph_destroy(graph);
    return fine;
}

static bool compare(hebb_device *device, uint64_t seed) {
    int without, with;
    if (!attempt(device, 0, seed, &without)) return false;
    printf("Without a hidden layer the network %s exclusive or: %d of 4 answers right.\n\n",
           without < 4 ? "cannot learn" : "learned", without);
    if (!attempt(device, 2, seed, &with)) return false;
    printf("With two hidden units the network %s exclusive or: %d of 4 answers right.\n",
           with == 4 ? "learned" : "did not learn", with);
    return without < 4 && with == 4;
}

int main(int argc, char **argv) {
    const char *name = "cpu";
    long seed = 1;
    const option options[] = {
        {"device", "where to compute: cpu, opencl, opencl:1, part of a name, auto", &name, NULL, 0},
        {"seed", "of the first attempt's random weights", NULL, &seed, 0},
    };
    parse_options(argc, argv, "Learns exclusive or with and without a hidden layer.", options,
                  sizeof options / sizeof *options);

    hebb_device *device = hebb_device_open(name);
    bool fine = !hebb_failed(device);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(device));
    else fine = compare(device, (uint64_t)seed);
    hebb_device_close(device);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
