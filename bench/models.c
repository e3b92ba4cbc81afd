/* Workloads with convolutions, recurrence, attention and normalization, each with the work it has
   to do at least. Of a product or convolution that is 2 operations a multiplication forward, and as
   many for each of its gradients; the first layer needs none with respect to its input. What is
   elementwise is below a few percent of that. */
#include <math.h>
#include <string.h>

#include "workloads.h"

static hebb_tensor *weight(prepared *p, const char *name, hebb_shape shape) {
    return hebb_variable(p->graph, name, HEBB_F32, shape, hebb_glorot_uniform());
}

static hebb_tensor *zeros(prepared *p, const char *name, hebb_shape shape) {
    return hebb_variable(p->graph, name, HEBB_F32, shape, hebb_zeros());
}

static hebb_tensor *ones(prepared *p, const char *name, hebb_shape shape) {
    return hebb_variable(p->graph, name, HEBB_F32, shape, hebb_ones());
}

/* (x - mean) / deviation over the axes, times a gain, plus a bias of shapes that broadcast. */
static hebb_tensor *normalize(hebb_tensor *x, const int *axes, int n_axes, hebb_tensor *gain,
                              hebb_tensor *bias) {
    hebb_tensor *centered = hebb_sub(x, hebb_mean(x, axes, n_axes, true));
    hebb_tensor *variance = hebb_mean(hebb_square(centered), axes, n_axes, true);
    hebb_tensor *scale =
        hebb_reciprocal(hebb_sqrt(hebb_add(variance, hebb_scalar_like(variance, 1e-5))));
    return hebb_add(hebb_mul(hebb_mul(centered, scale), gain), bias);
}

/* ---- images ---- */

/* 1x28x28, conv 3x3 32, ReLU, conv 3x3 64, ReLU, max-pool 2, dense 128, ReLU, dense 10; SGD. */
void build_cnn(prepared *p, const workload *w) {
    enum { BATCH = 64 };
    (void)w;
    hebb_tensor *x = batch_input(p, "x", HEBB_SHAPE(BATCH, 1, 28, 28));
    hebb_tensor *label = label_input(p, "label", HEBB_SHAPE(BATCH), 10);
    hebb_tensor *h = hebb_conv(x, weight(p, "k1", HEBB_SHAPE(32, 1, 3, 3)));
    h = hebb_relu(hebb_add(h, zeros(p, "b1", HEBB_SHAPE(32, 1, 1))));
    h = hebb_conv(h, weight(p, "k2", HEBB_SHAPE(64, 32, 3, 3)));
    h = hebb_relu(hebb_add(h, zeros(p, "b2", HEBB_SHAPE(64, 1, 1))));
    h = hebb_flatten(hebb_max_pool(h, HEBB_SHAPE(2, 2)));
    h = hebb_dense(h, 128, .activation = hebb_relu);
    hebb_tensor *loss = hebb_sparse_softmax_cross_entropy(hebb_dense(h, 10), label);
    train(p, loss, hebb_sgd(.learning_rate = 0.01));
    const double first = 26.0 * 26 * 32 * 9, second = 24.0 * 24 * 64 * 32 * 9;
    const double dense = 12.0 * 12 * 64 * 128 + 128 * 10;
    p->work.flops = 2.0 * BATCH * (2 * first + 3 * second + 3 * dense);
}

/* 64x56x56, two 3x3 convolutions with batch normalization, ReLU and a residual; SGD. */
void build_resblock(prepared *p, const workload *w) {
    enum { BATCH = 8, CHANNELS = 64, SIDE = 56 };
    (void)w;
    hebb_tensor *x = batch_input(p, "x", HEBB_SHAPE(BATCH, CHANNELS, SIDE, SIDE)), *h = x;
    const char *names[2][3] = {{"k1", "g1", "b1"}, {"k2", "g2", "b2"}};
    for (int k = 0; k < 2; k++) {
        h = hebb_conv(h, weight(p, names[k][0], HEBB_SHAPE(CHANNELS, CHANNELS, 3, 3)),
                      .padding = HEBB_PADDING_SAME);
        h = normalize(h, HEBB_AXES(0, 2, 3), ones(p, names[k][1], HEBB_SHAPE(CHANNELS, 1, 1)),
                      zeros(p, names[k][2], HEBB_SHAPE(CHANNELS, 1, 1)));
        h = hebb_relu(k == 0 ? h : hebb_add(h, x));
    }
    hebb_tensor *loss = hebb_mean(hebb_square(h), HEBB_ALL_AXES, false);
    train(p, loss, hebb_sgd(.learning_rate = 0.01));
    p->work.flops = 2.0 * BATCH * SIDE * SIDE * (5.0 * CHANNELS * CHANNELS * 9);
}

/* ---- sequences ---- */

enum { LSTM_TIME = 64, LSTM_BATCH = 32, LSTM_VOCABULARY = 65, LSTM_IN = 64, LSTM_UNITS = 256 };

static hebb_tensor *gate(hebb_tensor *z, int64_t k) {
    return hebb_slice(z, HEBB_RANGES({-1, k * LSTM_UNITS, (k + 1) * LSTM_UNITS, 1}));
}

/* Hochreiter and Schmidhuber 1997, with a forget gate. state: h, c; in: the input's part of z. */
static void lstm_cell(hebb_scan_frame *f) {
    hebb_tensor *recurrent = f->user;
    hebb_tensor *z = hebb_add(hebb_matmul(f->state[0], recurrent), f->in[0]);
    hebb_tensor *in = hebb_sigmoid(gate(z, 0)), *forget = hebb_sigmoid(gate(z, 1));
    hebb_tensor *fresh = hebb_tanh(gate(z, 2)), *out = hebb_sigmoid(gate(z, 3));
    f->next[1] = hebb_add(hebb_mul(forget, f->state[1]), hebb_mul(in, fresh));
    f->next[0] = f->out[0] = hebb_mul(out, hebb_tanh(f->next[1]));
}

/* Embedding 65x64, LSTM 256, dense 65 per step; Adam. */
void build_lstm(prepared *p, const workload *w) {
    (void)w;
    hebb_tensor *x = label_input(p, "x", HEBB_SHAPE(LSTM_TIME, LSTM_BATCH), LSTM_VOCABULARY);
    hebb_tensor *next = label_input(p, "next", HEBB_SHAPE(LSTM_TIME * LSTM_BATCH), LSTM_VOCABULARY);
    hebb_tensor *table = weight(p, "embedding", HEBB_SHAPE(LSTM_VOCABULARY, LSTM_IN));
    hebb_tensor *rows = hebb_reshape(hebb_gather(table, x), HEBB_SHAPE(HEBB_ANY, LSTM_IN));
    hebb_tensor *z = hebb_matmul(rows, weight(p, "kernel", HEBB_SHAPE(LSTM_IN, 4 * LSTM_UNITS)));
    z = hebb_add(z, zeros(p, "bias", HEBB_SHAPE(4 * LSTM_UNITS)));
    z = hebb_reshape(z, HEBB_SHAPE(LSTM_TIME, LSTM_BATCH, 4 * LSTM_UNITS));
    hebb_tensor *recurrent = weight(p, "recurrent", HEBB_SHAPE(LSTM_UNITS, 4 * LSTM_UNITS));
    hebb_tensor *zero = hebb_full(p->graph, HEBB_F32, HEBB_SHAPE(LSTM_BATCH, LSTM_UNITS), 0), *all;
    hebb_scan(NULL, &all, .body = lstm_cell, .user = recurrent, .states = HEBB_LIST(zero, zero),
              .sequences = HEBB_LIST(z), .n_out = 1);
    all = hebb_reshape(all, HEBB_SHAPE(LSTM_TIME * LSTM_BATCH, LSTM_UNITS));
    hebb_tensor *loss = hebb_sparse_softmax_cross_entropy(hebb_dense(all, LSTM_VOCABULARY), next);
    train(p, loss, hebb_adam(.learning_rate = 1e-3, .epsilon = ADAM_EPSILON));
    const double units = LSTM_UNITS;
    p->work.flops = 2.0 * LSTM_TIME * LSTM_BATCH * 3 *
                    (LSTM_IN * 4 * units + units * 4 * units + units * LSTM_VOCABULARY);
}

/* ---- attention ---- */

enum { BLOCK_BATCH = 16, BLOCK_TIME = 64, BLOCK_WIDTH = 128, BLOCK_HEADS = 4, BLOCK_INNER = 512 };

/* [batch, time, width] -> [batch, heads, time, width / heads] */
static hebb_tensor *heads(hebb_tensor *rows) {
    hebb_tensor *x = hebb_reshape(
        rows, HEBB_SHAPE(BLOCK_BATCH, BLOCK_TIME, BLOCK_HEADS, BLOCK_WIDTH / BLOCK_HEADS));
    return hebb_transpose(x, HEBB_AXES(0, 2, 1, 3));
}

/* An encoder layer of Vaswani et al. 2017: width 128, 4 heads, inner 512, layer norm; Adam. */
void build_transformer(prepared *p, const workload *w) {
    (void)w;
    const int64_t rows = BLOCK_BATCH * BLOCK_TIME;
    hebb_tensor *x = batch_input(p, "x", HEBB_SHAPE(rows, BLOCK_WIDTH));
    hebb_tensor *q = heads(hebb_dense(x, BLOCK_WIDTH)), *k = heads(hebb_dense(x, BLOCK_WIDTH));
    hebb_tensor *v = heads(hebb_dense(x, BLOCK_WIDTH));
    hebb_tensor *scores = hebb_matmul(q, hebb_transpose(k, HEBB_AXES(0, 1, 3, 2)));
    scores =
        hebb_mul(scores, hebb_scalar_like(scores, 1 / sqrt((double)BLOCK_WIDTH / BLOCK_HEADS)));
    hebb_tensor *mixed =
        hebb_transpose(hebb_matmul(hebb_softmax(scores), v), HEBB_AXES(0, 2, 1, 3));
    hebb_tensor *h = hebb_dense(hebb_reshape(mixed, HEBB_SHAPE(rows, BLOCK_WIDTH)), BLOCK_WIDTH);
    h = normalize(hebb_add(h, x), HEBB_AXES(-1), ones(p, "g1", HEBB_SHAPE(BLOCK_WIDTH)),
                  zeros(p, "b1", HEBB_SHAPE(BLOCK_WIDTH)));
    hebb_tensor *f = hebb_dense(h, BLOCK_INNER, .activation = hebb_relu);
    h = normalize(hebb_add(hebb_dense(f, BLOCK_WIDTH), h), HEBB_AXES(-1),
                  ones(p, "g2", HEBB_SHAPE(BLOCK_WIDTH)), zeros(p, "b2", HEBB_SHAPE(BLOCK_WIDTH)));
    hebb_tensor *loss = hebb_mean(hebb_square(h), HEBB_ALL_AXES, false);
    train(p, loss, hebb_adam(.learning_rate = 1e-3, .epsilon = ADAM_EPSILON));
    const double width = BLOCK_WIDTH, inner = BLOCK_INNER, time = BLOCK_TIME;
    p->work.flops =
        2.0 * (double)rows *
        (2 * 3 * width * width + 3 * width * width + 3 * 2 * time * width + 3 * 2 * width * inner);
}

/* ---- rows ---- */

/* Along rows of 4096: read once, written once. */
void build_softmax(prepared *p, const workload *w) {
    enum { SIDE = 4096 };
    (void)w;
    compute(p, hebb_softmax(operand(p, "x", HEBB_SHAPE(SIDE, SIDE))));
    const double count = (double)SIDE * SIDE;
    p->work = (work){5 * count, sizeof(float) * count, sizeof(float) * count};
}

/* Rows of 1024, forward and backward: x, the result and the two gradients of that shape. */
void build_layernorm(prepared *p, const workload *w) {
    enum { ROWS = 4096, WIDTH = 1024 };
    (void)w;
    hebb_tensor *x = operand(p, "x", HEBB_SHAPE(ROWS, WIDTH));
    hebb_tensor *dy = operand(p, "dy", HEBB_SHAPE(ROWS, WIDTH));
    hebb_tensor *gain = ones(p, "gain", HEBB_SHAPE(WIDTH)),
                *bias = zeros(p, "bias", HEBB_SHAPE(WIDTH));
    hebb_tensor *y = normalize(x, HEBB_AXES(-1), gain, bias);
    hebb_tensor *xs[] = {x, gain, bias}, *made[4] = {y};
    hebb_gradients(&y, 1, xs, 3, &dy, made + 1);
    const char *names[] = {"y", "dx", "dgain", "dbias"};
    p->n_given = hebb_graph_variable_count(p->graph);
    for (int k = 0; k < 4; k++) {
        hebb_shape shape = hebb_tensor_shape(made[k]);
        made[k] =
            hebb_assign(hebb_state(p->graph, names[k], HEBB_F32, shape, hebb_zeros()), made[k]);
    }
    p->result = hebb_group(p->graph, made, 4);
    memcpy(p->outputs, made, sizeof made);
    p->n_outputs = 4;
    const double count = (double)ROWS * WIDTH;
    p->work = (work){20 * count, 2 * sizeof(float) * count, 2 * sizeof(float) * count};
}
