/* Three neurons from the history of the field, all on the four rows of OR:
   McCulloch and Pitts' unit of 1943, whose weights somebody chose; Hebb's rule of 1949, by which
   weights grow between what is active together; and Rosenblatt's perceptron of 1958, which learns
   from its errors by the delta rule. Then the perceptron meets XOR (Minsky and Papert 1969). */
#include <stdio.h>
#include <stdlib.h>

#include <hebb/hebb.h>

#include "common.h"

enum { ROWS = 4, INPUTS = 3 }; /* a bias, always 1, and two inputs */

static const float rows[ROWS][INPUTS] = {{1, 0, 0}, {1, 0, 1}, {1, 1, 0}, {1, 1, 1}};
static const float or_targets[ROWS] = {0, 1, 1, 1};
static const float xor_targets[ROWS] = {0, 1, 1, 0};

/* 1 where the weighted sum of the inputs is above zero, else 0. */
static hebb_tensor *fire(hebb_tensor *x, hebb_tensor *weights) {
    hebb_tensor *sum = hebb_sum(hebb_mul(x, weights), HEBB_AXES(-1), false);
    return hebb_cast(hebb_greater(sum, hebb_scalar_like(sum, 0)), HEBB_F32);
}

/* 0 and 1 as -1 and 1. */
static hebb_tensor *bipolar(hebb_tensor *x) {
    return hebb_sub(hebb_add(x, x), hebb_scalar_like(x, 1));
}

typedef struct neuron {
    hebb_tensor *x, *target;  /* fed: one row [3] and its target [] */
    hebb_tensor *weights;     /* [3] */
    hebb_tensor *fired;       /* 0 or 1 */
    hebb_tensor *fired_signs; /* the same of a unit that sees -1 for 0 */
    hebb_tensor *hebb_rule;   /* w += x t, with x and t of -1 and 1: together they strengthen */
    hebb_tensor *delta_rule;  /* w += (t - fired) x: only errors change anything */
} neuron;

static neuron build(hebb_graph *g) {
    neuron n = {.x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(INPUTS)),
                .target = hebb_input(g, "target", HEBB_F32, HEBB_SCALAR),
                .weights = hebb_variable(g, "weights", HEBB_F32, HEBB_SHAPE(INPUTS), hebb_zeros())};
    n.fired = fire(n.x, n.weights);
    n.fired_signs = fire(bipolar(n.x), n.weights);
    hebb_tensor *together = hebb_mul(bipolar(n.x), bipolar(n.target));
    hebb_tensor *correction = hebb_mul(hebb_sub(n.target, n.fired), n.x);
    n.hebb_rule = hebb_assign(n.weights, hebb_add(n.weights, together));
    n.delta_rule = hebb_assign(n.weights, hebb_add(n.weights, correction));
    return n;
}

/* Shows the neuron one row, learns by `rule` unless it is NULL; returns what it `fires` before. */
static float show(hebb_session *s, const neuron *n, int row, float target, hebb_tensor *fires,
                  hebb_tensor *rule) {
    float fired = 0;
    hebb_array x = hebb_array_view((void *)rows[row], HEBB_F32, HEBB_SHAPE(INPUTS));
    hebb_array t = hebb_array_view(&target, HEBB_F32, HEBB_SCALAR);
    hebb_array y = hebb_array_view(&fired, HEBB_F32, HEBB_SCALAR);
    const hebb_fetch fetches[] = {{fires, &y}, {rule, NULL}};
    hebb_run(s, HEBB_FEED({n->x, &x}, {n->target, &t}), fetches, rule != NULL ? 2 : 1);
    return fired;
}

static void set_weights(hebb_session *s, const neuron *n, float bias, float a, float b) {
    float values[INPUTS] = {bias, a, b};
    hebb_array w = hebb_array_view(values, HEBB_F32, HEBB_SHAPE(INPUTS));
    hebb_session_set(s, n->weights, &w);
}

/* Prints the weights and the answers; returns how many are right. */
static int report(hebb_session *s, const neuron *n, const float *targets, hebb_tensor *fires) {
    float w[INPUTS] = {0};
    hebb_array weights = hebb_array_view(w, HEBB_F32, HEBB_SHAPE(INPUTS));
    hebb_session_get(s, n->weights, &weights);
    int right = 0;
    printf("  fires if %g %+g a %+g b > 0:", w[0], w[1], w[2]);
    for (int row = 0; row < ROWS; row++) {
        float fired = show(s, n, row, targets[row], fires, NULL);
        printf("  %g%g -> %g", rows[row][1], rows[row][2], fired);
        right += fired == targets[row];
    }
    printf("  %d of 4 right\n", right);
    return right;
}

/* Rosenblatt's way: row after row until a whole epoch goes by without an error. Returns the number
   of epochs, or 0 if that did not happen. */
static long train_perceptron(hebb_session *s, const neuron *n, const float *targets, long epochs) {
    set_weights(s, n, 0, 0, 0);
    for (long epoch = 1; epoch <= epochs && !hebb_failed(s); epoch++) {
        int errors = 0;
        for (int row = 0; row < ROWS; row++)
            errors += show(s, n, row, targets[row], n->fired, n->delta_rule) != targets[row];
        if (epoch <= 6 || epoch == epochs || errors == 0)
            printf("  epoch %2ld: %d error%s\n", epoch, errors, errors == 1 ? "" : "s");
        if (epoch == 6 && errors > 0 && epochs > 7) printf("  ...\n");
        if (errors == 0) return epoch;
    }
    return 0;
}

static bool run(hebb_session *s, const neuron *n, long epochs) {
    printf("McCulloch and Pitts' unit for OR, its weights chosen by hand:\n");
    set_weights(s, n, -0.5f, 1, 1);
    int chosen = report(s, n, or_targets, n->fired);

    printf("\nHebb's rule, each row of OR shown once, with -1 in place of 0:\n");
    set_weights(s, n, 0, 0, 0);
    for (int row = 0; row < ROWS; row++) show(s, n, row, or_targets[row], n->fired, n->hebb_rule);
    int hebbian = report(s, n, or_targets, n->fired_signs);

    printf("\nRosenblatt's perceptron learns OR by the delta rule:\n");
    long or_epochs = train_perceptron(s, n, or_targets, epochs);
    int or_right = report(s, n, or_targets, n->fired);

    printf("\nThe same perceptron on XOR:\n");
    long xor_epochs = train_perceptron(s, n, xor_targets, epochs);
    int xor_right = report(s, n, xor_targets, n->fired);
    if (xor_epochs == 0)
        printf("No line parts {01, 10} from {00, 11}: it goes round in circles for ever.\n");

    if (hebb_failed(s)) {
        fprintf(stderr, "%s\n", hebb_message(s));
        return false;
    }
    printf("\nmcculloch_pitts=%d hebb=%d perceptron_or=%d or_epochs=%ld perceptron_xor=%d\n",
           chosen, hebbian, or_right, or_epochs, xor_right);
    return chosen == ROWS && hebbian == ROWS && or_right == ROWS && xor_epochs == 0;
}

int main(int argc, char **argv) {
    const char *name = "cpu";
    long epochs = 20;
    const option options[] = {
        DEVICE_OPTION(name),
        {"epochs", "times through the four rows at most", NULL, &epochs, 1},
    };
    parse_options(argc, argv, "A neuron by McCulloch and Pitts, by Hebb, and by Rosenblatt.",
                  options, COUNT(options));

    hebb_graph *graph = hebb_graph_create();
    neuron n = build(graph);
    hebb_device *device = hebb_device_open(name);
    hebb_session *session = hebb_session_create(graph, device);
    bool fine = run(session, &n, epochs);
    hebb_session_destroy(session);
    hebb_device_close(device);
    hebb_graph_destroy(graph);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
