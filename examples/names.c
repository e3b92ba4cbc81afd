/* Invents names: a recurrent network learns from a list of names, one a line, which letter comes
   next; then it draws letters of its own, many names side by side, and the drawing too is part of
   the graph. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/hebb.h>

#include "common.h"

enum { UNITS = 128, LONGEST = 16, INVENTED = 20 };

/* ---- the names as rows ---- */

/* Rows "\nname" and "name\n", padded with 0: what is seen, and what comes next. */
static bool encode(const hebb_vocabulary *v, char *text, hebb_array columns[2], int64_t *count) {
    int64_t lines = 1, n = 0;
    for (const char *c = text; *c != 0; c++) lines += *c == '\n';
    for (int k = 0; k < 2; k++) columns[k] = hebb_array_zeros(HEBB_I32, HEBB_SHAPE(lines, LONGEST));
    if (columns[0].data == NULL || columns[1].data == NULL) return false;
    int32_t end = hebb_vocabulary_id(v, "\n");
    for (char *name = strtok(text, "\r\n"); name != NULL; name = strtok(NULL, "\r\n")) {
        int32_t *seen = (int32_t *)columns[0].data + n * LONGEST;
        int32_t *next = (int32_t *)columns[1].data + n * LONGEST;
        int64_t length = hebb_vocabulary_encode(v, name, next, LONGEST);
        if (length >= LONGEST) {
            memset(next, 0, LONGEST * sizeof *next);
            continue; /* too long to be learned from */
        }
        memcpy(seen + 1, next, (size_t)length * sizeof *next);
        seen[0] = next[length] = end;
        n++;
    }
    *count = columns[0].shape.dim[0] = columns[1].shape.dim[0] = n;
    return n > 1;
}

/* ---- the network ---- */

typedef struct network {
    hebb_tensor *seen, *before; /* [batch, time] letters; the state before, NULL for zeros */
    hebb_tensor *logits, *after;
} network;

static network build(hebb_graph *g, int64_t letters, bool goes_on) {
    network n = {.seen = hebb_input(g, NULL, HEBB_I32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY))};
    if (goes_on) n.before = hebb_input(g, NULL, HEBB_F32, HEBB_SHAPE(HEBB_ANY, UNITS));
    hebb_share_begin(g, "model");
    hebb_recurrent_options o = {.sequences = true, .final_state = &n.after};
    if (goes_on) o.initial_state = (hebb_tensor_list){&n.before, 1};
    hebb_tensor *h = hebb_gru_with(hebb_embedding(n.seen, letters, 24), UNITS, &o);
    n.logits = hebb_dense(h, letters);
    hebb_share_end(g);
    return n;
}

/* The mean over the letters that are there. */
static hebb_tensor *letter_loss(hebb_tensor *logits, hebb_tensor *next) {
    hebb_tensor *each = hebb_log_softmax_loss(logits, next);
    hebb_tensor *counts = hebb_cast(hebb_not_equal(next, hebb_scalar_like(next, 0)), HEBB_F32);
    return hebb_div(hebb_sum(hebb_mul(each, counts), HEBB_ALL_AXES, false),
                    hebb_sum(counts, HEBB_ALL_AXES, false));
}

/* ---- inventing ---- */

/* Letter by letter, for all names at once; a name is over at its first line's end. */
static void invent(hebb_session *s, const network *n, const hebb_vocabulary *v,
                   double temperature) {
    int32_t letters[INVENTED][1];
    char names[INVENTED][4 * LONGEST + 1] = {{0}};
    bool over[INVENTED] = {false};
    for (int k = 0; k < INVENTED; k++) letters[k][0] = hebb_vocabulary_id(v, "\n");
    hebb_array fed = hebb_array_view(letters, HEBB_I32, HEBB_SHAPE(INVENTED, 1));
    hebb_array state = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(INVENTED, UNITS));
    hebb_tensor *next =
        hebb_random_categorical(hebb_mul(n->logits, hebb_scalar_like(n->logits, 1 / temperature)));
    for (int k = 0; k < LONGEST && !hebb_failed(s); k++) {
        hebb_run(s, HEBB_FEED({n->seen, &fed}, {n->before, &state}),
                 HEBB_FETCH({next, &fed}, {n->after, &state}));
        for (int i = 0; i < INVENTED; i++) {
            const char *letter = hebb_vocabulary_token(v, letters[i][0]);
            over[i] = over[i] || letters[i][0] < 2 || letter[0] == '\n';
            if (!over[i]) strcat(names[i], letter);
        }
    }
    for (int i = 0; i < INVENTED; i++) printf("%-15s%s", names[i], i % 5 == 4 ? "\n" : " ");
    hebb_array_free(&state);
}

static bool run(const char *device_name, char *text, long epochs, long seed, double temperature) {
    hebb_vocabulary *v = hebb_vocabulary_create((const char *const[]){text}, 1, .characters = true);
    hebb_array columns[2] = {{0}, {0}};
    int64_t count = 0, letters = hebb_vocabulary_size(v);
    bool fine = encode(v, text, columns, &count);
    hebb_graph *g = hebb_graph_create();
    network learner = build(g, letters, false), sampler = build(g, letters, true);
    hebb_tensor *next = hebb_input(g, "next", HEBB_I32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY));
    hebb_device *device = hebb_device_open(device_name);
    hebb_model *model =
        hebb_model_create(g, device, .inputs = HEBB_LIST(learner.seen, next),
                          .loss = letter_loss(learner.logits, next),
                          .optimizer = hebb_adam(.learning_rate = 4e-3), .seed = (uint64_t)seed);
    double start = now();
    printf("%lld names, %lld letters\n", (long long)count, (long long)letters - 3);
    if (fine)
        hebb_fit(model, HEBB_DATASET(columns[0], columns[1]), .epochs = epochs, .batch = 128,
                 .validation_split = 0.1, .callbacks = HEBB_CALLBACKS(hebb_progress(stdout)));
    double seconds = now() - start;
    fine = fine && !hebb_failed(model);
    printf("\n");
    if (fine) invent(hebb_model_session(model), &sampler, v, temperature);
    if (!fine || hebb_failed(hebb_model_session(model))) {
        fprintf(stderr, "%s\n", hebb_message(model));
        fine = false;
    }
    size_t n = 0;
    const double *losses = hebb_history(model, "loss", &n),
                 *checked = hebb_history(model, "val_loss", &n);
    if (fine)
        printf("\nfirst_loss=%.4f last_loss=%.4f validation_loss=%.4f seconds=%.1f\n", losses[0],
               losses[n - 1], checked[n - 1], seconds);
    hebb_model_destroy(model);
    hebb_device_close(device);
    hebb_graph_destroy(g);
    for (int k = 0; k < 2; k++) hebb_array_free(&columns[k]);
    hebb_vocabulary_destroy(v);
    return fine;
}

int main(int argc, char **argv) {
    const char *device = "cpu", *data = "";
    long epochs = 10, seed = 1, temperature = 80;
    const option options[] = {
        DEVICE_OPTION(device),
        {"data", "a text file with a name a line; must be given", &data, NULL, 0},
        {"epochs", "times through the names", NULL, &epochs, 1},
        {"temperature", "of inventing, in percent", NULL, &temperature, 1},
        {"seed", "of weights, order and inventing", NULL, &seed, 0},
    };
    parse_options(argc, argv, "Learns from a list of names, and invents others.", options,
                  COUNT(options));
    char *text = NULL, message[512];
    if (hebb_read_text(data, &text, NULL, message, sizeof message) != HEBB_OK) {
        fprintf(stderr, "%s\n", data[0] == 0 ? "names: --data FILE says which names" : message);
        return EXIT_FAILURE;
    }
    bool fine = run(device, text, epochs, seed, (double)temperature / 100);
    free(text);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
