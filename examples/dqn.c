/* Deep Q-learning (V. Mnih et al. 2015) on the pole of cartpole.h: a network estimates what each
   push is worth, and learns from a memory of what happened towards reward + 0.99 times the worth of
   the best push in the next state. That worth is judged by a second network, which follows the
   first one slowly; which push is best is judged by the first (H. van Hasselt 2016). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/hebb.h>

#include "cartpole.h"
#include "common.h"

enum { HIDDEN = 128, MEMORY = 20000, BATCH = 64, WARM_UP = 500, TESTS = 100 };

/* ---- the networks ---- */

typedef struct weights {
    hebb_tensor *at[6]; /* kernel and bias of three layers */
} weights;

typedef hebb_tensor *make_variable(hebb_graph *g, const char *name, hebb_dtype dtype,
                                   hebb_shape shape, hebb_initializer initializer);

static weights make_weights(hebb_graph *g, const char *title, make_variable *make) {
    static const int64_t sizes[] = {CARTPOLE_STATE, HIDDEN, HIDDEN, CARTPOLE_ACTIONS};
    weights w;
    for (int k = 0; k < 3; k++) {
        char name[32];
        snprintf(name, sizeof name, "%s/kernel_%d", title, k);
        w.at[2 * k] =
            make(g, name, HEBB_F32, HEBB_SHAPE(sizes[k], sizes[k + 1]), hebb_he_uniform());
        snprintf(name, sizeof name, "%s/bias_%d", title, k);
        w.at[2 * k + 1] = make(g, name, HEBB_F32, HEBB_SHAPE(sizes[k + 1]), hebb_zeros());
    }
    return w;
}

/* What each push is worth: [batch, 4] -> [batch, 2]. */
static hebb_tensor *worth(const weights *w, hebb_tensor *state) {
    hebb_tensor *h = hebb_relu(hebb_add(hebb_matmul(state, w->at[0]), w->at[1]));
    h = hebb_relu(hebb_add(hebb_matmul(h, w->at[2]), w->at[3]));
    return hebb_add(hebb_matmul(h, w->at[4]), w->at[5]);
}

/* The element of each row that `index` names. */
static hebb_tensor *pick(hebb_tensor *x, hebb_tensor *index) {
    hebb_tensor *chosen = hebb_one_hot(index, CARTPOLE_ACTIONS, HEBB_F32);
    return hebb_sum(hebb_mul(x, chosen), HEBB_AXES(-1), false);
}

typedef struct agent {
    hebb_tensor *state, *action, *reward, *next, *goes_on; /* fed */
    hebb_tensor *best;                                     /* the push that is worth most */
    hebb_tensor *loss, *step;
    hebb_tensor *copy;   /* the second network becomes the first */
    hebb_tensor *follow; /* the second network moves towards the first */
} agent;

static agent build(hebb_graph *g) {
    agent a = {.state = hebb_input(g, "state", HEBB_F32, HEBB_SHAPE(HEBB_ANY, CARTPOLE_STATE)),
               .action = hebb_input(g, "action", HEBB_I32, HEBB_SHAPE(HEBB_ANY)),
               .reward = hebb_input(g, "reward", HEBB_F32, HEBB_SHAPE(HEBB_ANY)),
               .next = hebb_input(g, "next", HEBB_F32, HEBB_SHAPE(HEBB_ANY, CARTPOLE_STATE)),
               .goes_on = hebb_input(g, "goes_on", HEBB_F32, HEBB_SHAPE(HEBB_ANY))};
    /* States are variables that no optimizer trains. */
    weights online = make_weights(g, "online", (hebb_variable));
    weights target = make_weights(g, "target", (hebb_state));

    hebb_tensor *q = worth(&online, a.state);
    a.best = hebb_argmax(q, -1, false);
    hebb_tensor *best_next = hebb_argmax(worth(&online, a.next), -1, false);
    hebb_tensor *future = hebb_mul(pick(worth(&target, a.next), best_next), a.goes_on);
    hebb_tensor *goal = hebb_add(a.reward, hebb_mul(future, hebb_scalar_like(future, 0.99)));
    hebb_tensor *error = hebb_sub(pick(q, a.action), hebb_stop_gradient(goal));
    /* Huber's loss: a square near zero, a line farther out. */
    hebb_tensor *size = hebb_abs(error), *one = hebb_scalar_like(size, 1);
    hebb_tensor *near = hebb_minimum(size, one);
    hebb_tensor *huber =
        hebb_mul(near, hebb_sub(size, hebb_mul(near, hebb_scalar_like(near, 0.5))));
    a.loss = hebb_mean(huber, HEBB_ALL_AXES, false);
    a.step = hebb_minimize(a.loss, hebb_adam(.learning_rate = 5e-4));

    hebb_tensor *copies[6], *moves[6];
    for (int k = 0; k < 6; k++) {
        hebb_tensor *to = target.at[k], *way = hebb_sub(online.at[k], to);
        copies[k] = hebb_assign(to, online.at[k]);
        moves[k] = hebb_assign(to, hebb_add(to, hebb_mul(way, hebb_scalar_like(way, 0.005))));
    }
    a.copy = hebb_group(g, copies, 6);
    a.follow = hebb_group(g, moves, 6);
    return a;
}

/* ---- the memory ---- */

typedef struct moment {
    float state[CARTPOLE_STATE], next[CARTPOLE_STATE], reward, goes_on;
    int32_t action;
} moment;

typedef struct memory {
    moment at[MEMORY];
    int64_t seen;
} memory;

/* Learns from a random batch of moments; returns the loss. */
static float learn(hebb_session *s, const agent *a, const memory *m, dice *d) {
    float state[BATCH][CARTPOLE_STATE], next[BATCH][CARTPOLE_STATE], reward[BATCH], goes_on[BATCH];
    int32_t action[BATCH];
    int64_t filled = m->seen < MEMORY ? m->seen : MEMORY;
    for (int k = 0; k < BATCH; k++) {
        const moment *one = &m->at[dice_below(d, filled)];
        memcpy(state[k], one->state, sizeof one->state);
        memcpy(next[k], one->next, sizeof one->next);
        reward[k] = one->reward;
        goes_on[k] = one->goes_on;
        action[k] = one->action;
    }
    float loss_value = 0;
    hebb_array states = hebb_array_view(state, HEBB_F32, HEBB_SHAPE(BATCH, CARTPOLE_STATE));
    hebb_array nexts = hebb_array_view(next, HEBB_F32, HEBB_SHAPE(BATCH, CARTPOLE_STATE));
    hebb_array rewards = hebb_array_view(reward, HEBB_F32, HEBB_SHAPE(BATCH));
    hebb_array lives = hebb_array_view(goes_on, HEBB_F32, HEBB_SHAPE(BATCH));
    hebb_array actions = hebb_array_view(action, HEBB_I32, HEBB_SHAPE(BATCH));
    hebb_array loss = hebb_array_view(&loss_value, HEBB_F32, HEBB_SCALAR);
    hebb_run(s,
             HEBB_FEED({a->state, &states}, {a->next, &nexts}, {a->reward, &rewards},
                       {a->goes_on, &lives}, {a->action, &actions}),
             HEBB_FETCH({a->loss, &loss}, {a->step, NULL}, {a->follow, NULL}));
    return loss_value;
}

/* ---- playing ---- */

/* The best pushes in n states. */
static void best_pushes(hebb_session *s, const agent *a, float *states, int64_t n,
                        int32_t *pushes) {
    hebb_array state = hebb_array_view(states, HEBB_F32, HEBB_SHAPE(n, CARTPOLE_STATE));
    hebb_array best = hebb_array_view(pushes, HEBB_I32, HEBB_SHAPE(n));
    hebb_run(s, HEBB_FEED({a->state, &state}), HEBB_FETCH({a->best, &best}));
}

/* The mean reward of episodes without any chance but their start, all played side by side. */
static double test(hebb_session *s, const agent *a, dice *d) {
    cartpole pole[TESTS];
    bool over[TESTS] = {false};
    float states[TESTS][CARTPOLE_STATE];
    int32_t push[TESTS] = {0};
    for (int k = 0; k < TESTS; k++) cartpole_start(&pole[k], d);
    for (int left = TESTS; left > 0 && !hebb_failed(s);) {
        for (int k = 0; k < TESTS; k++) memcpy(states[k], pole[k].state, sizeof states[k]);
        best_pushes(s, a, states[0], TESTS, push);
        for (int k = 0; k < TESTS; k++)
            if (!over[k] && !cartpole_push(&pole[k], push[k])) {
                over[k] = true;
                left--;
            }
    }
    double total = 0;
    for (int k = 0; k < TESTS; k++) total += pole[k].steps;
    return total / TESTS;
}

/* What an episode of learning brought. */
typedef struct progress_of {
    double first_loss, loss;
    int64_t learned; /* batches */
} progress_of;

/* One episode, now and then a random push, learning after every step. */
static int play(hebb_session *s, const agent *a, memory *m, dice *d, double chance,
                progress_of *p) {
    cartpole pole;
    cartpole_start(&pole, d);
    for (bool goes_on = true; goes_on && !hebb_failed(s);) {
        moment *now = &m->at[m->seen % MEMORY];
        memcpy(now->state, pole.state, sizeof now->state);
        if (dice_uniform(d) < chance) now->action = (int32_t)dice_below(d, CARTPOLE_ACTIONS);
        else best_pushes(s, a, now->state, 1, &now->action);
        goes_on = cartpole_push(&pole, now->action);
        memcpy(now->next, pole.state, sizeof now->next);
        now->reward = 1;
        now->goes_on = !pole.fallen;
        m->seen++;
        if (m->seen < WARM_UP) continue;
        float loss = learn(s, a, m, d);
        if (p->learned++ == 0) p->first_loss = loss;
        p->loss += 0.01 * (loss - p->loss);
    }
    return pole.steps;
}

static bool run(hebb_session *s, const agent *a, memory *m, long episodes, long seed) {
    dice d = {(uint64_t)seed};
    progress_of p = {0};
    double start = now(), mean = 0, reward = 0;
    hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({a->copy, NULL}));
    long episode = 0;
    printf("%8s %8s %16s %16s %10s\n", "episode", "chance", "mean of last 20", "mean of 100 tests",
           "loss");
    while (episode < episodes && !hebb_failed(s)) {
        double chance = episode < 60 ? 1 - 0.98 * (double)episode / 60 : 0.02;
        mean += play(s, a, m, &d, chance, &p) / 20.0;
        if (++episode % 20 > 0 && episode < episodes) continue;
        reward = test(s, a, &d);
        printf("%8ld %8.2f %16.1f %16.1f %10.4f\n", episode, chance, mean, reward, p.loss);
        fflush(stdout);
        mean = 0;
        if (reward >= 195 && test(s, a, &d) >= 195) break;
    }
    reward = test(s, a, &d); /* other starts than those that decided to stop */
    if (hebb_failed(s)) {
        fprintf(stderr, "%s\n", hebb_message(s));
        return false;
    }
    printf("\nmean_reward=%.1f episodes=%ld first_loss=%.4f last_loss=%.4f seconds=%.1f\n", reward,
           episode, p.first_loss, p.loss, now() - start);
    return true;
}

int main(int argc, char **argv) {
    const char *name = "cpu";
    long episodes = 500, seed = 1;
    const option options[] = {
        DEVICE_OPTION(name),
        {"epochs", "episodes to learn from at most", NULL, &episodes, 1},
        {"seed", "of the weights, the starts and the chances taken", NULL, &seed, 0},
    };
    parse_options(argc, argv, "Deep Q-learning keeps a pole upright.", options, COUNT(options));

    hebb_graph *graph = hebb_graph_create();
    agent a = build(graph);
    hebb_device *device = hebb_device_open(name);
    hebb_session *session = hebb_session_create(graph, device, .seed = (uint64_t)seed);
    memory *m = calloc(1, sizeof *m);
    bool fine = m != NULL && run(session, &a, m, episodes, seed);
    free(m);
    hebb_session_destroy(session);
    hebb_device_close(device);
    hebb_graph_destroy(graph);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
