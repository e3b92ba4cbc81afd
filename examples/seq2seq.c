/* From one sequence to another: an encoder reads a question written in characters, a decoder writes
   the answer, and at each step attends to the places of the question that matter (D. Bahdanau et
   al. 2015, with the dot product of M. Luong et al. 2015). It learns to turn a string of digits
   around, or to add two numbers; the questions that it is tested on are none that it learned from.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/hebb.h>

#include "cartpole.h" /* its dice */
#include "common.h"

enum { UNITS = 128, LONG_QUESTION = 8, LONG_ANSWER = 8, TOKENS = 14, START = 12, END = 13 };
/* Tokens: 0 is padding, 1 to 10 the digits, 11 the plus sign. */

/* ---- questions and answers ---- */

typedef struct problems {
    hebb_array
        column[3]; /* questions, answers as the decoder sees them, and as it should write them */
} problems;

static int32_t *row(hebb_array *array, int64_t i) {
    return (int32_t *)array->data + i * array->shape.dim[1];
}

/* Writes a number as that many digits, with zeros before it; returns how many. */
static int digits(long number, int width, int32_t *to) {
    char text[24];
    int n = snprintf(text, sizeof text, "%0*ld", width, number);
    for (int k = 0; k < n; k++) to[k] = text[k] - '0' + 1;
    return n;
}

/* The problem of that number: the same number is always the same one. The answers begin with what
   is easiest to say: the last digit. */
static void pose(bool add, int64_t number, int32_t *question, int32_t *seen, int32_t *wanted) {
    int32_t answer[24];
    int n = 0, m;
    if (add) {
        long a = (long)(number / 1000), b = (long)(number % 1000);
        n = digits(a, 3, question);
        question[n++] = 11;
        digits(b, 3, question + n);
        m = digits(a + b, 4, answer);
    } else {
        for (long left = (long)number; n < 6; left /= 10, n++)
            question[n] = (int32_t)(left % 10) + 1;
        memcpy(answer, question, (size_t)n * sizeof *answer);
        m = n;
    }
    seen[0] = START;
    for (int k = 0; k < m; k++) seen[k + 1] = wanted[k] = answer[m - 1 - k];
    wanted[m] = END;
}

/* `count` of the million problems that there are, from place `from` of a random order. */
static bool make_problems(bool add, const int32_t *order, int64_t from, int64_t count,
                          problems *p) {
    static const int64_t length[] = {LONG_QUESTION, LONG_ANSWER, LONG_ANSWER};
    for (int k = 0; k < 3; k++) {
        p->column[k] = hebb_array_zeros(HEBB_I32, HEBB_SHAPE(count, length[k]));
        if (p->column[k].data == NULL) return false;
    }
    for (int64_t i = 0; i < count; i++)
        pose(add, order[from + i], row(&p->column[0], i), row(&p->column[1], i),
             row(&p->column[2], i));
    return true;
}

/* ---- the network ---- */

typedef struct network {
    hebb_tensor *question, *seen, *wanted;
    hebb_tensor *loss;
    hebb_tensor *exact;  /* the share of answers without any error */
    hebb_tensor *places; /* [batch, answer, question]: what each step attends to */
    hebb_tensor *best;   /* [batch, answer] */
} network;

static hebb_tensor *is_there(hebb_tensor *ids) {
    return hebb_not_equal(ids, hebb_scalar_like(ids, 0));
}

/* The mean over tokens that are there, and the share of rows without an error. Under an answer's
   own beginning each token is likeliest just if writing it token by token gives the same answer. */
static void judge(network *n, hebb_tensor *logits) {
    hebb_tensor *there = is_there(n->wanted), *counts = hebb_cast(there, HEBB_F32);
    hebb_tensor *each = hebb_mul(hebb_log_softmax_loss(logits, n->wanted), counts);
    n->loss =
        hebb_div(hebb_sum(each, HEBB_ALL_AXES, false), hebb_sum(counts, HEBB_ALL_AXES, false));
    n->best = hebb_argmax(logits, -1, false);
    hebb_tensor *right = hebb_or(hebb_equal(n->best, n->wanted), hebb_not(there));
    hebb_tensor *all = hebb_all(right, HEBB_AXES(-1), false);
    n->exact = hebb_mean(hebb_cast(all, HEBB_F32), HEBB_ALL_AXES, false);
}

static network build(hebb_graph *g) {
    network n = {.question =
                     hebb_input(g, "question", HEBB_I32, HEBB_SHAPE(HEBB_ANY, LONG_QUESTION)),
                 .seen = hebb_input(g, "seen", HEBB_I32, HEBB_SHAPE(HEBB_ANY, LONG_ANSWER)),
                 .wanted = hebb_input(g, "wanted", HEBB_I32, HEBB_SHAPE(HEBB_ANY, LONG_ANSWER))};
    hebb_tensor *mask = is_there(n.question);
    hebb_recurrent_options both = {.sequences = true, .mask = mask};
    hebb_tensor *x = hebb_embedding(n.question, TOKENS, 32);
    hebb_tensor *read = hebb_bidirectional(hebb_gru_with, x, UNITS / 2, &both, HEBB_MERGE_CONCAT);
    hebb_tensor *state =
        hebb_dense(hebb_max(read, HEBB_AXES(1), false), UNITS, .activation = hebb_tanh);
    hebb_tensor *y = hebb_embedding(n.seen, TOKENS, 32);
    hebb_tensor *written = hebb_gru(y, UNITS, .sequences = true, .initial_state = HEBB_LIST(state));
    /* Attention: each step of the answer against each of the question, padding left out. */
    hebb_tensor *keys = hebb_transpose(hebb_dense(read, UNITS), HEBB_AXES(0, 2, 1));
    hebb_tensor *scores = hebb_matmul(written, keys);
    scores = hebb_select(hebb_expand_dims(mask, 1), scores, hebb_scalar_like(scores, -1e9));
    n.places = hebb_softmax(scores);
    hebb_tensor *context = hebb_matmul(n.places, read);
    hebb_tensor *joined = hebb_concat((hebb_tensor *[]){written, context}, 2, -1);
    judge(&n, hebb_dense(hebb_dense(joined, UNITS, .activation = hebb_tanh), TOKENS));
    return n;
}

/* ---- showing ---- */

static void print_tokens(const int32_t *ids, int n, bool backwards) {
    static const char text[] = " 0123456789+";
    int m = 0;
    while (m < n && ids[m] > 0 && ids[m] < START) m++;
    for (int k = 0; k < m; k++) putchar(text[ids[backwards ? m - 1 - k : k]]);
}

/* Some tests with their answers. */
static void show(hebb_model *model, const network *n, problems *test, bool add) {
    hebb_array best = {0}, few[3];
    for (int k = 0; k < 3; k++) few[k] = hebb_array_rows(&test->column[k], 0, 5);
    hebb_predict(model, HEBB_DATASET(few[0], few[1], few[2]), n->best, &best);
    printf("\n");
    for (int i = 0; i < 5 && !hebb_failed(model); i++) {
        print_tokens(row(&few[0], i), LONG_QUESTION, false);
        printf(add ? " = " : " turned around is ");
        print_tokens(row(&best, i), LONG_ANSWER, add);
        printf("\n");
    }
    hebb_array_free(&best);
}

typedef struct settings {
    const char *device, *task;
    long epochs, examples, seed;
} settings;

static hebb_status stop_when_right(hebb_callback *self, hebb_fit_state *fit) {
    fit->stop = hebb_log_value(fit, "val_exact") >= 0.998;
    return HEBB_OK;
}

static bool run(const settings *o, problems *learn, problems *test) {
    hebb_graph *g = hebb_graph_create();
    network n = build(g);
    hebb_device *device = hebb_device_open(o->device);
    int64_t steps = o->epochs * ((o->examples + 63) / 64);
    hebb_model *model = hebb_model_create(
        g, device, .inputs = HEBB_LIST(n.question, n.seen, n.wanted), .loss = n.loss,
        .optimizer = hebb_adam(.schedule = hebb_cosine_decay_to(3e-3, steps, 0.02)),
        .minimize = &(hebb_minimize_options){.global_clip_norm = 1},
        .metrics = HEBB_METRICS({.name = "exact", .counts = n.exact}), .seed = (uint64_t)o->seed);
    const hebb_dataset *tests = HEBB_DATASET(test->column[0], test->column[1], test->column[2]);
    double start = now(), values[2] = {0};
    hebb_fit(model, HEBB_DATASET(learn->column[0], learn->column[1], learn->column[2]),
             .epochs = o->epochs, .batch = 64, .validation = tests,
             .callbacks = HEBB_CALLBACKS(hebb_progress(stdout), {.epoch_end = stop_when_right}));
    double seconds = now() - start;
    if (!hebb_failed(model)) hebb_evaluate(model, tests, values, .batch = 128);
    if (!hebb_failed(model)) show(model, &n, test, o->task[0] == 'a');
    bool fine = !hebb_failed(model);
    if (!fine) fprintf(stderr, "%s\n", hebb_message(model));
    size_t epochs = 0;
    const double *losses = hebb_history(model, "loss", &epochs);
    if (fine)
        printf("\nepochs=%zu first_loss=%.4f last_loss=%.4f exact=%.4f seconds=%.1f\n", epochs,
               losses[0], losses[epochs - 1], values[1], seconds);
    hebb_model_destroy(model);
    hebb_device_close(device);
    hebb_graph_destroy(g);
    return fine;
}

/* The million problems in a random order. */
static int32_t *random_order(long seed) {
    int32_t *order = malloc(1000000 * sizeof *order);
    dice d = {(uint64_t)seed};
    for (int32_t k = 0; order != NULL && k < 1000000; k++) {
        int64_t other = dice_below(&d, k + 1);
        order[k] = order[other];
        order[other] = k;
    }
    return order;
}

int main(int argc, char **argv) {
    settings o = {"cpu", "add", 20, 50000, 1};
    const option options[] = {
        DEVICE_OPTION(o.device),
        {"task", "add or reverse", &o.task, NULL, 0},
        {"epochs", "times through the questions at most", NULL, &o.epochs, 1},
        {"examples", "questions to learn from, up to 900000", NULL, &o.examples, 1},
        {"seed", "of weights and questions", NULL, &o.seed, 0},
    };
    parse_options(argc, argv, "Learns to add, or to turn around, numbers written as digits.",
                  options, COUNT(options));
    bool add = strcmp(o.task, "add") == 0;
    if ((!add && strcmp(o.task, "reverse") != 0) || o.examples > 900000) {
        fprintf(stderr, "%s: --task is add or reverse, and --examples 900000 at most\n", argv[0]);
        return EXIT_FAILURE;
    }
    problems learn = {{{0}}}, test = {{{0}}};
    int32_t *order = random_order(o.seed);
    const int64_t n_tests = o.examples < 5000 ? o.examples : 5000;
    bool fine = order != NULL && make_problems(add, order, 0, o.examples, &learn) &&
                make_problems(add, order, 990000, n_tests, &test) && run(&o, &learn, &test);
    free(order);
    for (int k = 0; k < 3; k++) {
        hebb_array_free(&learn.column[k]);
        hebb_array_free(&test.column[k]);
    }
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
