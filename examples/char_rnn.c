/* Learns to write like a text, one character after another: a recurrent network predicts each
   character from those before it. Then it is asked to go on by itself, each character drawn with
   the probability that the network gives it; a temperature below 1 makes it careful, above 1
   adventurous. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/hebb.h>

#include "common.h"
#include "corpus.h"

typedef struct settings {
    const char *device, *data, *layer, *save;
    long epochs, seconds, batch, units, length, seed, sample, temperature;
} settings;

/* ---- the network ---- */

typedef struct network {
    hebb_tensor *ids;        /* i32 [batch, time] */
    hebb_tensor *initial[2]; /* [batch, units]: the state before; NULL: zeros */
    hebb_tensor *state[2];   /* after */
    hebb_tensor *logits;     /* [batch, time, characters] */
    int n_states;
} network;

/* Built twice with the same variables: to learn from rows, and to go on from a state. */
static network build(hebb_graph *g, const settings *o, int64_t characters, bool goes_on) {
    bool lstm = strcmp(o->layer, "gru") != 0;
    network n = {.n_states = lstm ? 2 : 1};
    n.ids = hebb_input(g, NULL, HEBB_I32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY));
    for (int k = 0; goes_on && k < n.n_states; k++)
        n.initial[k] = hebb_input(g, NULL, HEBB_F32, HEBB_SHAPE(HEBB_ANY, o->units));
    hebb_share_begin(g, "model");
    hebb_tensor *x = hebb_embedding(n.ids, characters, 64);
    hebb_recurrent_options options = {.sequences = true, .final_state = n.state};
    if (goes_on) options.initial_state = (hebb_tensor_list){n.initial, n.n_states};
    hebb_tensor *h =
        lstm ? hebb_lstm_with(x, o->units, &options) : hebb_gru_with(x, o->units, &options);
    n.logits = hebb_dense(hebb_dropout(h, 0.1), characters);
    hebb_share_end(g);
    return n;
}

/* ---- writing ---- */

static float *number_at(hebb_array *array, int64_t index) { return (float *)array->data + index; }

/* A character drawn from the logits. */
static int32_t draw(const hebb_array *logits, double temperature, double chance) {
    int64_t n = hebb_array_count(logits);
    double most = -INFINITY, sum = 0;
    for (int64_t k = 2; k < n; k++) most = fmax(most, *number_at((hebb_array *)logits, k));
    for (int64_t k = 2; k < n; k++)
        sum += exp((*number_at((hebb_array *)logits, k) - most) / temperature);
    for (int64_t k = 2; k < n; k++) {
        chance -= exp((*number_at((hebb_array *)logits, k) - most) / temperature) / sum;
        if (chance < 0) return (int32_t)k;
    }
    return (int32_t)n - 1;
}

static double next_chance(uint64_t *state) { /* G. Steele's and S. Vigna's splitmix64 */
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* Writes `count` characters, from a line's end on. The state goes from one run to the next. */
static void write_text(hebb_session *s, const network *n, const hebb_vocabulary *v,
                       const settings *o) {
    hebb_array state[2], logits = {0};
    for (int k = 0; k < n->n_states; k++)
        state[k] = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(1, o->units));
    int32_t id = hebb_vocabulary_id(v, "\n");
    hebb_array fed = hebb_array_view(&id, HEBB_I32, HEBB_SHAPE(1, 1));
    uint64_t random = (uint64_t)o->seed;
    hebb_feed feeds[] = {{n->ids, &fed}, {n->initial[0], &state[0]}, {n->initial[1], &state[1]}};
    hebb_fetch fetches[] = {
        {n->logits, &logits}, {n->state[0], &state[0]}, {n->state[1], &state[1]}};
    for (long k = 0; k < o->sample; k++) {
        hebb_run(s, feeds, 1 + (size_t)n->n_states, fetches, 1 + (size_t)n->n_states);
        if (hebb_failed(s)) break;
        id = draw(&logits, (double)o->temperature / 100, next_chance(&random));
        fputs(hebb_vocabulary_token(v, id), stdout);
    }
    printf("\n");
    for (int k = 0; k < n->n_states; k++) hebb_array_free(&state[k]);
    hebb_array_free(&logits);
}

/* ---- training ---- */

/* Ends the training when its time is up. */
static hebb_status watch_clock(hebb_callback *self, hebb_fit_state *fit) {
    const double *end = self->data;
    fit->stop = now() > *end;
    return HEBB_OK;
}

static bool train(hebb_model *model, const network *sampler, const corpus *c, const settings *o) {
    double start = now(), end = start + (double)o->seconds, values[1] = {0};
    hebb_fit(model, HEBB_DATASET(c->learn[0], c->learn[1]), .epochs = o->epochs, .batch = o->batch,
             .validation = HEBB_DATASET(c->check[0], c->check[1]),
             .callbacks =
                 HEBB_CALLBACKS({.epoch_end = watch_clock, .data = &end}, hebb_progress(stdout)));
    double seconds = now() - start;
    if (!hebb_failed(model))
        hebb_evaluate(model, HEBB_DATASET(c->check[0], c->check[1]), values, .batch = o->batch);
    if (!hebb_failed(model)) {
        printf("\n");
        write_text(hebb_model_session(model), sampler, c->vocabulary, o);
    }
    if (!hebb_failed(model) && o->save[0] != 0)
        hebb_session_save(hebb_model_session(model), o->save);
    if (hebb_failed(model) || hebb_failed(hebb_model_session(model))) {
        fprintf(stderr, "%s\n",
                hebb_failed(model) ? hebb_message(model) : hebb_message(hebb_model_session(model)));
        return false;
    }
    size_t epochs = 0;
    const double *losses = hebb_history(model, "loss", &epochs);
    printf("\nepochs=%zu first_loss=%.4f last_loss=%.4f validation_loss=%.4f seconds=%.0f\n",
           epochs, losses[0], losses[epochs - 1], values[0], seconds);
    return true;
}

static bool run(const settings *o, const corpus *c) {
    hebb_graph *g = hebb_graph_create();
    int64_t characters = hebb_vocabulary_size(c->vocabulary);
    network learner = build(g, o, characters, false), sampler = build(g, o, characters, true);
    hebb_tensor *next = hebb_input(g, "next", HEBB_I32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY));
    hebb_tensor *loss = hebb_sparse_softmax_cross_entropy(learner.logits, next);
    int64_t steps = o->epochs * ((c->learn[0].shape.dim[0] + o->batch - 1) / o->batch);
    hebb_device *device = hebb_device_open(o->device);
    hebb_model *model = hebb_model_create(
        g, device, .inputs = HEBB_LIST(learner.ids, next), .loss = loss,
        .optimizer = hebb_adam(.schedule = hebb_cosine_decay_to(4e-3, steps, 0.02)),
        .minimize = &(hebb_minimize_options){.global_clip_norm = 1}, .seed = (uint64_t)o->seed);
    bool fine = train(model, &sampler, c, o);
    hebb_model_destroy(model);
    hebb_device_close(device);
    hebb_graph_destroy(g);
    return fine;
}

int main(int argc, char **argv) {
    settings o = {"cpu", "", "lstm", "", 15, 600, 32, 256, 64, 1, 500, 80};
    const option options[] = {
        DEVICE_OPTION(o.device),
        {"data", "a text file, plain or .gz; must be given", &o.data, NULL, 0},
        {"layer", "lstm or gru", &o.layer, NULL, 0},
        {"epochs", "times through the text", NULL, &o.epochs, 1},
        {"seconds", "no epoch begins after so many", NULL, &o.seconds, 1},
        {"batch", "rows of a step", NULL, &o.batch, 1},
        {"length", "characters of a row", NULL, &o.length, 1},
        {"units", "size of the state", NULL, &o.units, 1},
        {"sample", "characters to write in the end", NULL, &o.sample, 0},
        {"temperature", "of writing, in percent", NULL, &o.temperature, 1},
        {"save", "file to keep the weights in", &o.save, NULL, 0},
        {"seed", "of weights, order and writing", NULL, &o.seed, 0},
    };
    parse_options(argc, argv, "Learns to write like a text, character by character.", options,
                  COUNT(options));
    if (o.data[0] == 0) {
        fprintf(stderr, "%s: --data FILE says which text to learn from\n", argv[0]);
        return EXIT_FAILURE;
    }
    corpus c = {0};
    bool fine = read_corpus(o.data, o.length, &c) && run(&o, &c);
    free_corpus(&c);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
