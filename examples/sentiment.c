/* Is a sentence about a film friendly or not? An embedding of its words, a recurrent layer over
   them in both directions, and a decision. The data are two text files with a sentence a line, such
   as B. Pang's and L. Lee's sentence polarity data (2005): rt-polarity.pos and rt-polarity.neg. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/hebb.h>

#include "common.h"

enum { WORDS = 40 }; /* of a sentence that count */

typedef struct sentences {
    char *text[2];     /* of the two files */
    const char **line; /* friendly and unfriendly in turn, as far as there are both */
    size_t count;
} sentences;

/* ---- the data ---- */

/* Cuts a text into its lines, in place; returns how many there are, and stores up to `room`. */
static size_t cut_lines(char *text, const char **lines, size_t room) {
    size_t n = 0;
    for (char *line = strtok(text, "\r\n"); line != NULL; line = strtok(NULL, "\r\n"), n++)
        if (n < room) lines[n] = line;
    return n;
}

static bool read_sentences(const char *directory, sentences *s) {
    static const char *const names[] = {"rt-polarity.neg", "rt-polarity.pos"};
    const char **lines[2] = {NULL, NULL};
    size_t count[2] = {0, 0};
    for (int k = 0; k < 2; k++) {
        char path[4096], message[512];
        size_t length;
        snprintf(path, sizeof path, "%s/%s", directory, names[k]);
        if (hebb_read_text(path, &s->text[k], &length, message, sizeof message) != HEBB_OK) {
            fprintf(stderr, "%s\n", message);
            free(lines[0]);
            return false;
        }
        lines[k] = malloc((length / 2 + 1) * sizeof *lines[k]);
        if (lines[k] != NULL) count[k] = cut_lines(s->text[k], lines[k], length / 2 + 1);
    }
    size_t pairs = count[0] < count[1] ? count[0] : count[1];
    s->line = malloc((2 * pairs + 1) * sizeof *s->line);
    for (size_t k = 0; s->line != NULL && k < 2 * pairs; k++) s->line[k] = lines[k % 2][k / 2];
    s->count = s->line != NULL ? 2 * pairs : 0;
    free(lines[0]);
    free(lines[1]);
    if (s->count < 20) fprintf(stderr, "%s: not enough sentences\n", directory);
    return s->count >= 20;
}

/* Words as numbers, and 0 or 1 for unfriendly or friendly. */
static bool encode(const hebb_vocabulary *v, const sentences *s, size_t from, size_t to,
                   hebb_array columns[2]) {
    int64_t n = (int64_t)(to - from);
    if (hebb_vocabulary_encode_all(v, s->line + from, to - from, WORDS, &columns[0]) != HEBB_OK ||
        hebb_array_resize(&columns[1], HEBB_I32, HEBB_SHAPE(n)) != HEBB_OK)
        return false;
    for (size_t k = from; k < to; k++) hebb_array_set(&columns[1], (int64_t)(k - from), k % 2);
    return true;
}

/* ---- the model ---- */

static hebb_model *build_model(hebb_graph *g, hebb_device *device, int64_t words, uint64_t seed,
                               hebb_tensor **ids, hebb_tensor **scores) {
    hebb_tensor *label = hebb_input(g, "label", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
    *ids = hebb_input(g, "ids", HEBB_I32, HEBB_SHAPE(HEBB_ANY, WORDS));
    hebb_tensor *mask = hebb_not_equal(*ids, hebb_scalar_like(*ids, 0));
    hebb_tensor *x = hebb_dropout(hebb_embedding(*ids, words, 64), 0.5);
    hebb_recurrent_options options = {.mask = mask, .recurrent_dropout = 0.2};
    x = hebb_bidirectional(hebb_lstm_with, x, 48, &options, HEBB_MERGE_CONCAT);
    *scores = hebb_dense(hebb_dropout(x, 0.5), 2);
    hebb_metric accuracy = {.name = "accuracy", .counts = hebb_sparse_accuracy(*scores, label)};
    return hebb_model_create(g, device, .inputs = HEBB_LIST(*ids, label),
                             .loss = hebb_sparse_softmax_cross_entropy(*scores, label),
                             .optimizer = hebb_adam(), .metrics = HEBB_METRICS(accuracy),
                             .seed = seed);
}

/* What the model says of sentences that nobody wrote for it. */
static void try_sentences(hebb_model *model, const hebb_vocabulary *v, hebb_tensor *scores) {
    static const char *const tries[] = {
        "a warm , funny and moving film .", "two hours of my life that nobody gives back .",
        "too long , too loud , and not very bright .", "the actors are a joy to watch ."};
    hebb_array ids = {0}, result = {0};
    hebb_vocabulary_encode_all(v, tries, COUNT(tries), WORDS, &ids);
    hebb_predict(model, HEBB_DATASET(ids), hebb_softmax(scores), &result);
    printf("\n");
    for (size_t k = 0; k < COUNT(tries) && !hebb_failed(model); k++)
        printf("%5.1f %% friendly: %s\n", 100 * hebb_array_at(&result, 2 * (int64_t)k + 1),
               tries[k]);
    hebb_array_free(&ids);
    hebb_array_free(&result);
}

static bool run(const char *device_name, const sentences *s, long epochs, long seed) {
    /* Words that only the sentences to be checked on have are not known. */
    size_t learned = s->count * 9 / 10;
    hebb_vocabulary *v = hebb_vocabulary_create(s->line, learned, .least = 2);
    hebb_array learn[2] = {{0}}, check[2] = {{0}};
    bool fine = encode(v, s, 0, learned, learn) && encode(v, s, learned, s->count, check);
    printf("%zu sentences, %lld words\n", s->count, (long long)hebb_vocabulary_size(v));

    hebb_graph *g = hebb_graph_create();
    hebb_device *device = hebb_device_open(device_name);
    hebb_tensor *ids, *scores;
    hebb_model *model =
        build_model(g, device, hebb_vocabulary_size(v), (uint64_t)seed, &ids, &scores);
    double start = now(), values[2] = {0};
    const hebb_dataset *checked = HEBB_DATASET(check[0], check[1]);
    if (fine)
        hebb_fit(model, HEBB_DATASET(learn[0], learn[1]), .epochs = epochs, .batch = 32,
                 .validation = checked,
                 .callbacks =
                     HEBB_CALLBACKS(hebb_early_stopping(.monitor = "val_loss", .patience = 2,
                                                        .restore_best = true),
                                    hebb_progress(stdout)));
    double seconds = now() - start;
    if (!hebb_failed(model)) hebb_evaluate(model, checked, values);
    if (!hebb_failed(model)) try_sentences(model, v, scores);
    fine = fine && !hebb_failed(model);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(model));
    size_t n = 0;
    const double *losses = hebb_history(model, "loss", &n);
    if (fine)
        printf(
            "\nepochs=%zu first_loss=%.4f last_loss=%.4f validation_accuracy=%.3f seconds=%.0f\n",
            n, losses[0], losses[n - 1], values[1], seconds);
    hebb_model_destroy(model);
    hebb_device_close(device);
    hebb_graph_destroy(g);
    for (int k = 0; k < 2; k++) {
        hebb_array_free(&learn[k]);
        hebb_array_free(&check[k]);
    }
    hebb_vocabulary_destroy(v);
    return fine;
}

int main(int argc, char **argv) {
    const char *device = "cpu", *data = "";
    long epochs = 8, seed = 1;
    const option options[] = {
        DEVICE_OPTION(device),
        {"data", "directory of rt-polarity.pos and .neg; must be given", &data, NULL, 0},
        {"epochs", "times through the sentences at most", NULL, &epochs, 1},
        {"seed", "of weights and order", NULL, &seed, 0},
    };
    parse_options(argc, argv, "Learns which sentences about films are friendly.", options,
                  COUNT(options));
    if (data[0] == 0) {
        fprintf(stderr, "%s: --data DIRECTORY says where the sentences are\n", argv[0]);
        return EXIT_FAILURE;
    }
    sentences s = {{NULL, NULL}, NULL, 0};
    bool fine = read_sentences(data, &s) && run(device, &s, epochs, seed);
    free(s.line);
    free(s.text[0]);
    free(s.text[1]);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
