/* Policy gradients (R. Williams 1992) on the pole of cartpole.h: many poles are played side by side
   with pushes drawn from what the network thinks best; then pushes that were followed by more
   reward than is usual are made more likely. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/hebb.h>

#include "cartpole.h"
#include "common.h"

enum { POLES = 32, TESTS = 100, MOST = POLES * CARTPOLE_LONGEST };

typedef struct agent {
    hebb_tensor *state, *action, *advantage; /* fed */
    hebb_tensor *push;                       /* one drawn for each state */
    hebb_tensor *best;                       /* the likeliest one */
    hebb_tensor *loss, *step;
} agent;

static agent build(hebb_graph *g) {
    agent a = {.state = hebb_input(g, "state", HEBB_F32, HEBB_SHAPE(HEBB_ANY, CARTPOLE_STATE)),
               .action = hebb_input(g, "action", HEBB_I32, HEBB_SHAPE(HEBB_ANY)),
               .advantage = hebb_input(g, "advantage", HEBB_F32, HEBB_SHAPE(HEBB_ANY))};
    hebb_tensor *h = hebb_dense(a.state, 64, .activation = hebb_tanh);
    hebb_tensor *logits = hebb_dense(h, CARTPOLE_ACTIONS);
    a.push = hebb_random_categorical(logits);
    a.best = hebb_argmax(logits, -1, false);
    /* Minus the logarithm of each push's probability, weighted by how good it was. */
    hebb_tensor *surprise = hebb_log_softmax_loss(logits, a.action);
    a.loss = hebb_mean(hebb_mul(surprise, a.advantage), HEBB_ALL_AXES, false);
    a.step = hebb_minimize(a.loss, hebb_adam(.learning_rate = 1e-2));
    return a;
}

/* What happened: for each pole its moments, one after the other. */
typedef struct record {
    float state[MOST][CARTPOLE_STATE], advantage[MOST];
    int32_t action[MOST];
    int64_t count;
} record;

/* Plays n poles by `push`; their mean reward. `r` may be NULL. */
static double play(hebb_session *s, const agent *a, hebb_tensor *push, int n, dice *d, record *r) {
    static float kept[TESTS][CARTPOLE_LONGEST][CARTPOLE_STATE];
    static int32_t pushed[TESTS][CARTPOLE_LONGEST];
    cartpole pole[TESTS];
    float states[TESTS][CARTPOLE_STATE];
    int32_t pushes[TESTS];
    bool over[TESTS] = {false};
    hebb_array fed = hebb_array_view(states, HEBB_F32, HEBB_SHAPE(n, CARTPOLE_STATE));
    hebb_array drawn = hebb_array_view(pushes, HEBB_I32, HEBB_SHAPE(n));
    double total = 0;
    for (int k = 0; k < n; k++) cartpole_start(&pole[k], d);
    for (int left = n; left > 0 && !hebb_failed(s);) {
        for (int k = 0; k < n; k++) memcpy(states[k], pole[k].state, sizeof states[k]);
        hebb_run(s, HEBB_FEED({a->state, &fed}), HEBB_FETCH({push, &drawn}));
        for (int k = 0; k < n; k++) {
            if (over[k]) continue;
            memcpy(kept[k][pole[k].steps], pole[k].state, sizeof states[k]);
            pushed[k][pole[k].steps] = pushes[k];
            over[k] = !cartpole_push(&pole[k], pushes[k]);
            left -= over[k];
        }
    }
    for (int k = 0; k < n; k++) total += pole[k].steps;
    if (r == NULL) return total / n;
    r->count = 0;
    for (int k = 0; k < n; k++)
        for (int step = 0; step < pole[k].steps; step++, r->count++) {
            memcpy(r->state[r->count], kept[k][step], sizeof kept[k][step]);
            r->action[r->count] = pushed[k][step];
            /* all later rewards, each worth 0.99 of the one before */
            r->advantage[r->count] = (1 - powf(0.99f, (float)(pole[k].steps - step))) / 0.01f;
        }
    return total / n;
}

/* Rewards less their mean, over their deviation. */
static void standardize(record *r) {
    double sum = 0, squares = 0, n = (double)r->count;
    for (int64_t k = 0; k < r->count; k++) sum += r->advantage[k];
    for (int64_t k = 0; k < r->count; k++) squares += pow(r->advantage[k] - sum / n, 2);
    double deviation = sqrt(squares / n) + 1e-6;
    for (int64_t k = 0; k < r->count; k++)
        r->advantage[k] = (float)((r->advantage[k] - sum / n) / deviation);
}

static float learn(hebb_session *s, const agent *a, record *r) {
    float value = 0;
    hebb_array state = hebb_array_view(r->state, HEBB_F32, HEBB_SHAPE(r->count, CARTPOLE_STATE));
    hebb_array action = hebb_array_view(r->action, HEBB_I32, HEBB_SHAPE(r->count));
    hebb_array advantage = hebb_array_view(r->advantage, HEBB_F32, HEBB_SHAPE(r->count));
    hebb_array loss = hebb_array_view(&value, HEBB_F32, HEBB_SCALAR);
    standardize(r);
    hebb_run(s, HEBB_FEED({a->state, &state}, {a->action, &action}, {a->advantage, &advantage}),
             HEBB_FETCH({a->loss, &loss}, {a->step, NULL}));
    return value;
}

static bool run(hebb_session *s, const agent *a, record *r, long epochs, long seed) {
    dice d = {(uint64_t)seed};
    double start = now(), reward = 0, first_reward = 0;
    long epoch = 0;
    printf("%8s %12s %18s\n", "update", "mean reward", "mean of 100 tests");
    while (epoch < epochs && !hebb_failed(s)) {
        double mean = play(s, a, a->push, POLES, &d, r);
        if (epoch == 0) first_reward = mean;
        learn(s, a, r);
        if (++epoch % 10 > 0 && epoch < epochs) continue;
        reward = play(s, a, a->best, TESTS, &d, NULL);
        printf("%8ld %12.1f %18.1f\n", epoch, mean, reward);
        if (reward >= 199 && mean >= 195) break;
    }
    reward = play(s, a, a->best, TESTS, &d, NULL);
    if (hebb_failed(s)) {
        fprintf(stderr, "%s\n", hebb_message(s));
        return false;
    }
    printf("\nmean_reward=%.1f first_reward=%.1f updates=%ld seconds=%.1f\n", reward, first_reward,
           epoch, now() - start);
    return true;
}

int main(int argc, char **argv) {
    const char *name = "cpu";
    long epochs = 200, seed = 1;
    const option options[] = {
        DEVICE_OPTION(name),
        {"epochs", "updates at most, each after 32 episodes", NULL, &epochs, 1},
        {"seed", "of the weights, the starts and the pushes", NULL, &seed, 0},
    };
    parse_options(argc, argv, "Policy gradients keep a pole upright.", options, COUNT(options));

    hebb_graph *graph = hebb_graph_create();
    agent a = build(graph);
    hebb_device *device = hebb_device_open(name);
    hebb_session *session = hebb_session_create(graph, device, .seed = (uint64_t)seed);
    record *r = calloc(1, sizeof *r);
    bool fine = r != NULL && run(session, &a, r, epochs, seed);
    free(r);
    hebb_session_destroy(session);
    hebb_device_close(device);
    hebb_graph_destroy(graph);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
