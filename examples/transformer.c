/* A small language model of the kind that large ones are: blocks of causal attention and dense
   layers predict each character of a text from those before it. Then it writes by itself, in two
   ways that make the same network's predictions: reading all of what it has written again for each
   character, or keeping the keys and values of what it has read, so that a character is one small
   step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/hebb.h>

#include "common.h"
#include "corpus.h"

typedef struct settings {
    const char *device, *data, *save;
    long epochs, seconds, batch, length, layers, heads, width, seed, sample, temperature;
} settings;

/* ---- the network ---- */

/* x plus what the places before have to say about it, plus what follows from that. */
static hebb_tensor *block(hebb_tensor *x, const settings *o, hebb_tensor *start) {
    hebb_tensor *h = hebb_layer_normalization(x);
    h = hebb_multi_head_attention(h, h, o->heads, o->width / o->heads, .causal_mask = true,
                                  .rotary = 1e4, .start = start,
                                  .cache = start != NULL ? o->length : 0);
    x = hebb_add(x, hebb_dropout(h, 0.1));
    h = hebb_dense(hebb_layer_normalization(x), 4 * o->width, .activation = hebb_gelu);
    return hebb_add(x, hebb_dropout(hebb_dense(h, o->width), 0.1));
}

/* Characters [batch, time] -> logits [batch, time, characters]. Built several times with the same
   variables; with a start it remembers what it has read before that place. */
static hebb_tensor *network(hebb_tensor *ids, hebb_tensor *start, const settings *o,
                            int64_t characters) {
    hebb_graph *g = hebb_tensor_graph(ids);
    hebb_share_begin(g, "model");
    hebb_tensor *x = hebb_embedding(ids, characters, o->width);
    for (long k = 0; k < o->layers; k++) x = block(x, o, start);
    hebb_tensor *logits = hebb_dense(hebb_layer_normalization(x), characters);
    hebb_share_end(g);
    return logits;
}

/* ---- writing ---- */

typedef struct writer {
    hebb_tensor *ids;   /* [1, time]: all of the window, or with a cache what is new in it */
    hebb_tensor *place; /* i32: of the last character read, or with a cache of the first */
    hebb_tensor *next;  /* the character that follows, drawn */
    bool caches;
} writer;

static writer build_writer(hebb_graph *g, const settings *o, int64_t characters, bool caches) {
    writer w = {.caches = caches};
    w.ids = hebb_input(g, NULL, HEBB_I32, HEBB_SHAPE(1, HEBB_ANY));
    w.place = hebb_input(g, NULL, HEBB_I32, HEBB_SCALAR);
    hebb_tensor *logits = network(w.ids, caches ? w.place : NULL, o, characters);
    hebb_tensor *last = caches ? hebb_slice(logits, HEBB_RANGES({1, -1, HEBB_END, 1}))
                               : hebb_expand_dims(hebb_take(logits, w.place, 1), 1);
    last = hebb_slice(last, HEBB_RANGES({2, 2, HEBB_END, 1})); /* 0 and 1 are no characters */
    double sharper = 100 / (double)o->temperature;
    hebb_tensor *drawn = hebb_random_categorical(hebb_mul(last, hebb_scalar_like(last, sharper)));
    w.next = hebb_add(drawn, hebb_scalar_like(drawn, 2));
    return w;
}

/* Writes `count` characters from a line's end on, into text and with `shown` to the terminal. When
   the window of `length` characters is full, its second half becomes the first one of another. */
static void write_text(hebb_session *s, const writer *w, const settings *o,
                       const hebb_vocabulary *v, long count, bool shown) {
    int32_t *window = calloc((size_t)o->length, sizeof *window), place, next;
    hebb_array ids, at = hebb_array_view(&place, HEBB_I32, HEBB_SCALAR);
    hebb_array drawn = hebb_array_view(&next, HEBB_I32, HEBB_SHAPE(1, 1));
    if (window != NULL) window[0] = hebb_vocabulary_id(v, "\n");
    int64_t read = 0, n = 1; /* characters of the window that the cache knows, and that there are */
    for (long k = 0; window != NULL && k < count; k++) {
        int64_t from = w->caches ? read : 0, to = w->caches ? n : o->length;
        ids = hebb_array_view(window + from, HEBB_I32, HEBB_SHAPE(1, to - from));
        place = (int32_t)(w->caches ? from : n - 1);
        hebb_run(s, HEBB_FEED({w->ids, &ids}, {w->place, &at}), HEBB_FETCH({w->next, &drawn}));
        if (hebb_failed(s)) break;
        read = n;
        if (n == o->length) {
            n = o->length / 2;
            memmove(window, window + o->length - n, (size_t)n * sizeof *window);
            read = 0;
        }
        window[n++] = next;
        if (shown) fputs(hebb_vocabulary_token(v, next), stdout);
    }
    free(window);
}

/* Characters a second, once the plans are made. */
static double speed(hebb_session *s, const writer *w, const settings *o, const hebb_vocabulary *v,
                    long count, bool shown) {
    write_text(s, w, o, v, w->caches ? o->length + 1 : 1, false);
    double start = now();
    write_text(s, w, o, v, count, shown);
    return (double)count / (now() - start);
}

/* ---- training ---- */

/* Ends the training when its time is up. */
static hebb_status watch_clock(hebb_callback *self, hebb_fit_state *fit) {
    const double *end = self->data;
    fit->stop = now() > *end;
    return HEBB_OK;
}

static bool train(hebb_model *model, const corpus *c, const settings *o, double *checked,
                  double *seconds) {
    double start = now(), end = start + (double)o->seconds;
    hebb_fit(model, HEBB_DATASET(c->learn[0], c->learn[1]), .epochs = o->epochs, .batch = o->batch,
             .validation = HEBB_DATASET(c->check[0], c->check[1]),
             .callbacks =
                 HEBB_CALLBACKS({.epoch_end = watch_clock, .data = &end}, hebb_progress(stdout)));
    *seconds = now() - start;
    if (!hebb_failed(model))
        hebb_evaluate(model, HEBB_DATASET(c->check[0], c->check[1]), checked, .batch = o->batch);
    if (!hebb_failed(model) && o->save[0] != 0)
        hebb_session_save(hebb_model_session(model), o->save);
    return !hebb_failed(model) && !hebb_failed(hebb_model_session(model));
}

static bool show(hebb_model *model, const writer writers[2], const corpus *c, const settings *o,
                 double validation, double seconds) {
    hebb_session *s = hebb_model_session(model);
    size_t epochs = 0;
    const double *losses = hebb_history(model, "loss", &epochs);
    printf("\n");
    double cached = speed(s, &writers[1], o, c->vocabulary, o->sample, true);
    double uncached = speed(s, &writers[0], o, c->vocabulary, o->sample / 10 + 1, false);
    if (hebb_failed(s)) return false;
    printf("\n\n%.0f characters a second with cached keys and values, %.0f without\n", cached,
           uncached);
    printf("\nepochs=%zu first_loss=%.4f last_loss=%.4f validation_loss=%.4f seconds=%.0f\n",
           epochs, losses[0], losses[epochs - 1], validation, seconds);
    return true;
}

static bool run(const settings *o, const corpus *c) {
    hebb_graph *g = hebb_graph_create();
    int64_t characters = hebb_vocabulary_size(c->vocabulary);
    hebb_tensor *ids = hebb_input(g, "ids", HEBB_I32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY));
    hebb_tensor *next = hebb_input(g, "next", HEBB_I32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY));
    hebb_tensor *logits = network(ids, NULL, o, characters);
    hebb_tensor *loss = hebb_sparse_softmax_cross_entropy(logits, next);
    writer writers[] = {build_writer(g, o, characters, false),
                        build_writer(g, o, characters, true)};
    int64_t steps = o->epochs * ((c->learn[0].shape.dim[0] + o->batch - 1) / o->batch);
    hebb_device *device = hebb_device_open(o->device);
    hebb_model *model = hebb_model_create(
        g, device, .inputs = HEBB_LIST(ids, next), .loss = loss,
        .optimizer =
            hebb_adamw(.weight_decay = 0.1,
                       .schedule = hebb_warm_up(
                           100, hebb_cosine_decay_to(3e-3, steps > 100 ? steps - 100 : 1, 0.02))),
        .minimize = &(hebb_minimize_options){.global_clip_norm = 1}, .seed = (uint64_t)o->seed);
    double validation = 0, seconds = 0;
    bool fine = train(model, c, o, &validation, &seconds) &&
                show(model, writers, c, o, validation, seconds);
    if (!fine)
        fprintf(stderr, "%s\n",
                hebb_failed(model) ? hebb_message(model) : hebb_message(hebb_model_session(model)));
    hebb_model_destroy(model);
    hebb_device_close(device);
    hebb_graph_destroy(g);
    return fine;
}

int main(int argc, char **argv) {
    settings o = {.device = "cpu",
                  .data = "",
                  .save = "",
                  .epochs = 6,
                  .seconds = 600,
                  .batch = 16,
                  .length = 128,
                  .layers = 4,
                  .heads = 4,
                  .width = 128,
                  .seed = 1,
                  .sample = 1000,
                  .temperature = 80};
    const option options[] = {
        DEVICE_OPTION(o.device),
        {"data", "a text file, plain or .gz; must be given", &o.data, NULL, 0},
        {"epochs", "times through the text", NULL, &o.epochs, 1},
        {"seconds", "no epoch begins after so many", NULL, &o.seconds, 1},
        {"batch", "rows of a step", NULL, &o.batch, 1},
        {"length", "characters of a row, and seen at once", NULL, &o.length, 2},
        {"layers", "blocks of attention and dense layers", NULL, &o.layers, 1},
        {"heads", "of attention; twice as many divide the width", NULL, &o.heads, 1},
        {"width", "features of a character", NULL, &o.width, 2},
        {"sample", "characters to write in the end", NULL, &o.sample, 1},
        {"temperature", "of writing, in percent", NULL, &o.temperature, 1},
        {"save", "file to keep the weights in", &o.save, NULL, 0},
        {"seed", "of weights, order and writing", NULL, &o.seed, 0},
    };
    parse_options(argc, argv, "Learns to write like a text, by attention to what is written.",
                  options, COUNT(options));
    bool divides = o.width % (2 * o.heads) == 0;
    if (o.data[0] == 0 || !divides) {
        fprintf(stderr, "%s: %s\n", argv[0],
                divides ? "--data FILE says which text to learn from"
                        : "--width is not a multiple of twice the --heads");
        return EXIT_FAILURE;
    }
    corpus c = {0};
    bool fine = read_corpus(o.data, o.length, &c) && run(&o, &c);
    free_corpus(&c);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
