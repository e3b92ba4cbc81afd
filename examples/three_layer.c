/* A network of three layers twice: in plain ops with backpropagation written out, and in layers
   with the gradients left to Hebb. Both start from the same weights, so they must arrive at the
   same.

   The data are four rows of three bits, 001 011 101 111, and the targets 0 1 1 0: exclusive or of
   the first two, with a third that is always 1 and serves as a bias. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <hebb/hebb.h>

#include "common.h"

enum { ROWS = 4, INPUTS = 3, HIDDEN = 4 };

static const float inputs[ROWS][INPUTS] = {{0, 0, 1}, {0, 1, 1}, {1, 0, 1}, {1, 1, 1}};
static const float targets[ROWS][1] = {{0}, {1}, {1}, {0}};

typedef struct network {
    hebb_tensor *kernel[2];  /* [3, 4] and [4, 1] */
    hebb_tensor *prediction; /* [4, 1] */
    hebb_tensor *loss;       /* half of the sum of squared errors */
    hebb_tensor *step;
} network;

static hebb_tensor *transposed(hebb_tensor *x) { return hebb_transpose(x, HEBB_AXES(1, 0)); }

/* The slope of a sigmoid where its value is y. */
static hebb_tensor *slope(hebb_tensor *y) {
    return hebb_mul(y, hebb_sub(hebb_scalar_like(y, 1), y));
}

static hebb_tensor *half_square(hebb_tensor *prediction, hebb_tensor *target) {
    return hebb_sum(hebb_square_loss(prediction, target), HEBB_ALL_AXES, false);
}

static network in_plain_ops(hebb_tensor *x, hebb_tensor *t) {
    hebb_graph *g = hebb_tensor_graph(x);
    hebb_tensor *w0 =
        hebb_variable(g, "w0", HEBB_F32, HEBB_SHAPE(INPUTS, HIDDEN), hebb_uniform(-1, 1));
    hebb_tensor *w1 = hebb_variable(g, "w1", HEBB_F32, HEBB_SHAPE(HIDDEN, 1), hebb_uniform(-1, 1));
    /* forward */
    hebb_tensor *hidden = hebb_sigmoid(hebb_matmul(x, w0));
    hebb_tensor *prediction = hebb_sigmoid(hebb_matmul(hidden, w1));
    /* backward */
    hebb_tensor *delta1 = hebb_mul(hebb_sub(t, prediction), slope(prediction));
    hebb_tensor *delta0 = hebb_mul(hebb_matmul(delta1, transposed(w1)), slope(hidden));
    /* update, with a learning rate of 1 */
    hebb_tensor *updates[] = {
        hebb_assign(w1, hebb_add(w1, hebb_matmul(transposed(hidden), delta1))),
        hebb_assign(w0, hebb_add(w0, hebb_matmul(transposed(x), delta0))),
    };
    return (network){{w0, w1}, prediction, half_square(prediction, t), hebb_group(g, updates, 2)};
}

static network in_layers(hebb_tensor *x, hebb_tensor *t) {
    hebb_graph *g = hebb_tensor_graph(x);
    hebb_tensor *hidden = hebb_dense(x, HIDDEN, .activation = hebb_sigmoid, .no_bias = true);
    hebb_tensor *prediction = hebb_dense(hidden, 1, .activation = hebb_sigmoid, .no_bias = true);
    hebb_tensor *loss = half_square(prediction, t);
    return (network){{hebb_graph_find(g, "dense/kernel"), hebb_graph_find(g, "dense_1/kernel")},
                     prediction,
                     loss,
                     hebb_minimize(loss, hebb_sgd(.learning_rate = 1))};
}

typedef struct program {
    hebb_session *session;
    hebb_tensor *x, *t;
    network plain, layers;
} program;

static void copy_weights(program *p) {
    for (int k = 0; k < 2; k++) {
        hebb_array kernel = {0};
        hebb_session_get(p->session, p->plain.kernel[k], &kernel);
        hebb_session_set(p->session, p->layers.kernel[k], &kernel);
        hebb_array_free(&kernel);
    }
}

/* One step of both; their losses before it. */
static bool train(program *p, float loss[2]) {
    hebb_array x = hebb_array_view((void *)inputs, HEBB_F32, HEBB_SHAPE(ROWS, INPUTS));
    hebb_array t = hebb_array_view((void *)targets, HEBB_F32, HEBB_SHAPE(ROWS, 1));
    hebb_array plain = hebb_array_view(&loss[0], HEBB_F32, HEBB_SCALAR);
    hebb_array layers = hebb_array_view(&loss[1], HEBB_F32, HEBB_SCALAR);
    hebb_run(p->session, HEBB_FEED({p->x, &x}, {p->t, &t}),
             HEBB_FETCH({p->plain.loss, &plain}, {p->layers.loss, &layers}, {p->plain.step, NULL},
                        {p->layers.step, NULL}));
    return !hebb_failed(p->session);
}

static void answer(program *p, const network *n, float answers[ROWS]) {
    hebb_array x = hebb_array_view((void *)inputs, HEBB_F32, HEBB_SHAPE(ROWS, INPUTS));
    hebb_array y = hebb_array_view(answers, HEBB_F32, HEBB_SHAPE(ROWS, 1));
    hebb_run(p->session, HEBB_FEED({p->x, &x}), HEBB_FETCH({n->prediction, &y}));
}

static bool run(program *p, long epochs) {
    float loss[2] = {0}, first[2] = {0}, plain[ROWS] = {0}, layers[ROWS] = {0};
    copy_weights(p);
    printf("%8s %14s %14s\n", "step", "plain ops", "layers");
    for (long step = 0; step < epochs; step++) {
        if (!train(p, loss)) break;
        if (step == 0) first[0] = loss[0];
        if (step % (epochs < 6 ? 1 : epochs / 6) == 0)
            printf("%8ld %14.6f %14.6f\n", step, loss[0], loss[1]);
    }
    answer(p, &p->plain, plain);
    answer(p, &p->layers, layers);
    if (hebb_failed(p->session)) {
        fprintf(stderr, "%s\n", hebb_message(p->session));
        return false;
    }
    double difference = 0;
    int right = 0;
    printf("\n%8s %6s %14s %14s\n", "row", "target", "plain ops", "layers");
    for (int i = 0; i < ROWS; i++) {
        printf("     %g%g%g %6g %14.4f %14.4f\n", inputs[i][0], inputs[i][1], inputs[i][2],
               targets[i][0], plain[i], layers[i]);
        difference = fmax(difference, fabs(plain[i] - layers[i]));
        right += (plain[i] > 0.5f) == (targets[i][0] > 0.5f);
    }
    printf("\nright=%d difference=%.1e first_loss=%.6f last_loss=%.6f\n", right, difference,
           first[0], loss[0]);
    return difference < 1e-3;
}

int main(int argc, char **argv) {
    const char *name = "cpu";
    long epochs = 10000, seed = 1;
    const option options[] = {
        DEVICE_OPTION(name),
        {"epochs", "steps, each on all four rows", NULL, &epochs, 1},
        {"seed", "of the first weights", NULL, &seed, 0},
    };
    parse_options(argc, argv, "Three layers in plain ops, and again in layers.", options,
                  COUNT(options));

    hebb_graph *graph = hebb_graph_create();
    program p = {.x = hebb_input(graph, "x", HEBB_F32, HEBB_SHAPE(ROWS, INPUTS)),
                 .t = hebb_input(graph, "target", HEBB_F32, HEBB_SHAPE(ROWS, 1))};
    p.plain = in_plain_ops(p.x, p.t);
    p.layers = in_layers(p.x, p.t);
    hebb_device *device = hebb_device_open(name);
    p.session = hebb_session_create(graph, device, .seed = (uint64_t)seed);
    bool fine = run(&p, epochs);
    hebb_session_destroy(p.session);
    hebb_device_close(device);
    hebb_graph_destroy(graph);
    return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
