/* How many hidden units does exclusive or need? A network without any draws a straight line, and no
   line parts {01, 10} from {00, 11}. Two units are enough, but only from lucky first weights:
   others lead to a valley that is not the lowest. More units make luck unnecessary. */
#include <stdio.h>
#include <stdlib.h>

#include <hebb/hebb.h>

#include "common.h"

enum { MOST_HIDDEN = 4 };

static const float inputs[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
static const float targets[4][1] = {{0}, {1}, {1}, {0}};

typedef struct model {
    hebb_tensor *x, *y;      /* fed: the four inputs and what they should give */
    hebb_tensor *prediction; /* in 0...1 */
    hebb_tensor *loss, *step;
} model;

static model build_model(hebb_graph *g, int hidden_units) {
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(4, 2));
    hebb_tensor *y = hebb_input(g, "y", HEBB_F32, HEBB_SHAPE(4, 1));
    hebb_tensor *h = x;
    if (hidden_units > 0) h = hebb_dense(x, hidden_units, .activation = hebb_tanh);
    hebb_tensor *prediction = hebb_dense(h, 1, .activation = hebb_sigmoid);
    hebb_tensor *loss = hebb_mean_squared_error(prediction, y);
    return (model){x, y, prediction, loss, hebb_minimize(loss, hebb_adam(.learning_rate = 0.05))};
}

typedef struct outcome {
    int right; /* of the four answers */
    float first_loss, last_loss;
} outcome;

/* Trains from one seed's random weights. */
static bool train(hebb_graph *graph, const model *m, hebb_device *device, uint64_t seed, long steps,
                  outcome *result) {
    float predicted[4] = {0}, loss = 0;
    hebb_array x = hebb_array_view((void *)inputs, HEBB_F32, HEBB_SHAPE(4, 2));
    hebb_array y = hebb_array_view((void *)targets, HEBB_F32, HEBB_SHAPE(4, 1));
    hebb_array answer = hebb_array_view(predicted, HEBB_F32, HEBB_SHAPE(4, 1));
    hebb_array loss_view = hebb_array_view(&loss, HEBB_F32, HEBB_SCALAR);

    hebb_session *session = hebb_session_create(graph, device, .seed = seed);
    for (long i = 0; i < steps && !hebb_failed(session); i++) {
        hebb_run(session, HEBB_FEED({m->x, &x}, {m->y, &y}),
                 HEBB_FETCH({m->loss, &loss_view}, {m->step, NULL}));
        if (i == 0) result->first_loss = loss;
    }
    if (!hebb_failed(session))
        hebb_run(session, HEBB_FEED({m->x, &x}), HEBB_FETCH({m->prediction, &answer}));
    result->last_loss = loss;
    result->right = 0;
    for (int i = 0; i < 4; i++) result->right += (predicted[i] > 0.5f) == (targets[i][0] > 0.5f);

    bool fine = !hebb_failed(session);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(session));
    hebb_session_destroy(session);
    return fine;
}

/* Trains networks of that many hidden units from `attempts` seeds; the share that learned it. */
static bool try_width(hebb_device *device, int hidden_units, long attempts, long steps, long seed,
                      double *rate, outcome *last) {
    hebb_graph *graph = hebb_graph_create();
    model m = build_model(graph, hidden_units);
    int learned = 0, best = 0;
    bool fine = true;
    for (long k = 0; k < attempts && fine; k++) {
        fine = train(graph, &m, device, (uint64_t)(seed + k), steps, last);
        learned += last->right == 4;
        if (last->right > best) best = last->right;
    }
    hebb_graph_destroy(graph);
    *rate = (double)learned / (double)attempts;
    char bar[21] = "....................";
    for (int k = 0; k < (int)(*rate * 20 + 0.5); k++) bar[k] = '#';
    if (fine)
        printf("%7d   %s %4.0f%%   %2d of %2ld   %d of 4\n", hidden_units, bar, 100 * *rate,
               learned, attempts, best);
    return fine;
}

static bool run(hebb_device *device, long attempts, long steps, long seed) {
    double rate[MOST_HIDDEN + 1];
    outcome last = {0};
    printf("%7s   %-25s   %8s   %s\n", "hidden", "success", "learned", "best answers right");
    for (int hidden = 0; hidden <= MOST_HIDDEN; hidden++)
        if (!try_width(device, hidden, attempts, steps, seed, &rate[hidden], &last)) return false;
    printf("\nsuccess_1=%.2f success_2=%.2f success_3=%.2f first_loss=%.4f last_loss=%.4f\n",
           rate[1], rate[2], rate[3], last.first_loss, last.last_loss);
    return rate[0] == 0;
}

int main(int argc, char **argv) {
    const char *name = "cpu";
    long epochs = 1000, attempts = 20, seed = 1;
    const option options[] = {
        DEVICE_OPTION(name),
        {"epochs", "steps of training, each on all four rows", NULL, &epochs, 1},
        {"attempts", "networks of each width", NULL, &attempts, 1},
        {"seed", "of the first network's random weights", NULL, &seed, 0},
    };
    parse_options(argc, argv, "How many hidden units does exclusive or need?", options,
                  COUNT(options));

    hebb_device *device = hebb_device_open(name);
    bool fine = !hebb_failed(device);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(device));
    else fine = run(device, attempts, epochs, seed);
    hebb_device_close(device);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
