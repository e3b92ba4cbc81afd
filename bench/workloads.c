/* The workloads, each with the work it has to do at least, counted by hand. Called by main.c and
   compare.c, and by bounds.c for the peak of a product. How fast they are is in
   docs/performance.md. */
#include <stdio.h>

#include "workloads.h"

/* ---- building blocks ---- */

/* A large operand lives on the device, as a variable: feeding it would measure the copy. */
hebb_tensor *operand(prepared *p, const char *name, hebb_shape shape) {
    return hebb_state(p->graph, name, HEBB_F32, shape, hebb_uniform(-1, 1));
}

/* A batch with the array as its content. */
static hebb_tensor *batch_of(prepared *p, const char *name, hebb_array *array) {
    const size_t k = p->n_batches++;
    if (p->resident) {
        p->batches[k] = hebb_state(p->graph, name, array->dtype, array->shape, hebb_zeros());
    } else {
        p->batches[k] = hebb_input(p->graph, name, array->dtype, array->shape);
        p->feeds[p->n_feeds++] = (hebb_feed){p->batches[k], array};
    }
    return p->batches[k];
}

hebb_tensor *batch_input(prepared *p, const char *name, hebb_shape shape) {
    hebb_array *array = &p->arrays[p->n_batches];
    *array = hebb_array_zeros(HEBB_F32, shape);
    float *values = array->data;
    for (int64_t i = 0; i < hebb_array_count(array); i++) values[i] = (float)(i % 97) / 97 - 0.5f;
    return batch_of(p, name, array);
}

hebb_tensor *label_input(prepared *p, const char *name, hebb_shape shape, int32_t classes) {
    hebb_array *array = &p->arrays[p->n_batches];
    *array = hebb_array_zeros(HEBB_I32, shape);
    int32_t *values = array->data;
    for (int64_t i = 0; i < hebb_array_count(array); i++) values[i] = (int32_t)i % classes;
    return batch_of(p, name, array);
}

void train(prepared *p, hebb_tensor *loss, hebb_optimizer optimizer) {
    p->n_given = hebb_graph_variable_count(p->graph); /* the optimizer's come after them */
    p->loss = loss;
    p->result = hebb_minimize(loss, optimizer);
}

void compute(prepared *p, hebb_tensor *result) {
    p->n_given = hebb_graph_variable_count(p->graph);
    p->result = p->outputs[0] = result;
    p->n_outputs = 1;
}

/* ---- training steps ---- */

/* 2-8-1: a step costs nothing but its overhead. Forward 2 x 4 (2 x 8 + 8 x 1) operations, backward
   as much again for the weights, and for the hidden layer. */
static void build_xor(prepared *p, const workload *w) {
    (void)w;
    hebb_tensor *x = batch_input(p, "x", HEBB_SHAPE(4, 2));
    hebb_tensor *y = batch_input(p, "y", HEBB_SHAPE(4, 1));
    hebb_tensor *hidden = hebb_dense(x, 8, .activation = hebb_tanh);
    hebb_tensor *loss =
        hebb_mean_squared_error(hebb_dense(hidden, 1, .activation = hebb_sigmoid), y);
    train(p, loss, hebb_sgd(.learning_rate = 0.1));
    p->work.flops = 2.0 * 4 * (2 * (2 * 8) + 3 * (8 * 1));
}

enum { MLP_BATCH = 128, MLP_IN = 784, MLP_HIDDEN = 512, MLP_CLASSES = 10 };

/* Three products forward; backward three for the weights and two for the hidden layers (none for
   the images). Each is 2 x batch x in x out operations; everything else is below one percent of
   that. Every number that the optimizer keeps for a weight, the weight included, is read and
   written. */
static void build_mlp(prepared *p, hebb_optimizer optimizer, double numbers_a_weight) {
    hebb_tensor *x = batch_input(p, "x", HEBB_SHAPE(MLP_BATCH, MLP_IN));
    hebb_tensor *label = label_input(p, "label", HEBB_SHAPE(MLP_BATCH), MLP_CLASSES);
    hebb_tensor *h = hebb_dense(x, MLP_HIDDEN, .activation = hebb_relu);
    h = hebb_dense(h, MLP_HIDDEN, .activation = hebb_relu);
    hebb_tensor *logits = hebb_dense(h, MLP_CLASSES);
    train(p, hebb_sparse_softmax_cross_entropy(logits, label), optimizer);

    const double first = MLP_IN * MLP_HIDDEN, second = MLP_HIDDEN * MLP_HIDDEN;
    const double third = MLP_HIDDEN * MLP_CLASSES;
    p->work.flops = 2.0 * MLP_BATCH * (2 * first + 3 * second + 3 * third);
    p->work.read_bytes = sizeof(float) * numbers_a_weight * (first + second + third);
    p->work.written_bytes = p->work.read_bytes;
}

static void build_mlp_sgd(prepared *p, const workload *w) {
    (void)w;
    build_mlp(p, hebb_sgd(.learning_rate = 0.1), 1);
}

static void build_mlp_adam(prepared *p, const workload *w) {
    (void)w;
    build_mlp(p, hebb_adam(.learning_rate = 1e-3, .epsilon = ADAM_EPSILON), 3);
}

/* ---- large elementwise chains and reductions ---- */

#define ELEMENTS ((int64_t)1 << 24)

/* max(2x + y, 0) * y - x: five operations, two arrays in, one out. Memory binds. */
static void build_stream(prepared *p, const workload *w) {
    (void)w;
    hebb_tensor *x = operand(p, "x", HEBB_SHAPE(ELEMENTS));
    hebb_tensor *y = operand(p, "y", HEBB_SHAPE(ELEMENTS));
    hebb_tensor *sum = hebb_add(hebb_mul(x, hebb_scalar_like(x, 2)), y);
    compute(p, hebb_sub(hebb_mul(hebb_maximum(sum, hebb_scalar_like(x, 0)), y), x));
    p->work =
        (work){5.0 * ELEMENTS, 2.0 * sizeof(float) * ELEMENTS, 1.0 * sizeof(float) * ELEMENTS};
}

/* sigmoid(2x + 1) * tanh(x) - x: six operations, one array in, one out. Counted so, memory binds;
   in truth the two exponentials do, and their cost is part of what the ratio shows. */
static void build_pointwise(prepared *p, const workload *w) {
    (void)w;
    hebb_tensor *x = operand(p, "x", HEBB_SHAPE(ELEMENTS));
    hebb_tensor *line = hebb_add(hebb_mul(x, hebb_scalar_like(x, 2)), hebb_scalar_like(x, 1));
    compute(p, hebb_sub(hebb_mul(hebb_sigmoid(line), hebb_tanh(x)), x));
    p->work =
        (work){6.0 * ELEMENTS, 1.0 * sizeof(float) * ELEMENTS, 1.0 * sizeof(float) * ELEMENTS};
}

enum { REDUCE_SIDE = 4096 };

/* An addition an element, and the result is small: reading binds. */
static void build_reduce(prepared *p, const workload *w) {
    hebb_tensor *x = operand(p, "x", HEBB_SHAPE(REDUCE_SIDE, REDUCE_SIDE));
    const double count = (double)REDUCE_SIDE * REDUCE_SIDE;
    compute(p, hebb_sum(x, HEBB_AXES(w->axis), false));
    p->work = (work){count, sizeof(float) * count, sizeof(float) * (double)REDUCE_SIDE};
}

/* ---- matrix products ---- */

/* A multiplication and an addition for each of m x k x n triples; every element is read or written
   at least once. */
static void build_gemm(prepared *p, const workload *w) {
    gemm_size s = w->gemm;
    bool batched = s.batch > 1;
    hebb_tensor *a =
        operand(p, "a", batched ? HEBB_SHAPE(s.batch, s.m, s.k) : HEBB_SHAPE(s.m, s.k));
    hebb_tensor *b =
        operand(p, "b", batched ? HEBB_SHAPE(s.batch, s.k, s.n) : HEBB_SHAPE(s.k, s.n));
    compute(p, hebb_matmul(a, b));
    double pairs = (double)s.batch, m = (double)s.m, k = (double)s.k, n = (double)s.n;
    p->work = (work){pairs * 2 * m * k * n, pairs * sizeof(float) * (m * k + k * n),
                     pairs * sizeof(float) * m * n};
}

/* ---- running ---- */

/* A training step that nobody asks for its loss would do less than those of others. */
bool workload_run(void *context) {
    const prepared *p = context;
    const hebb_fetch fetches[2] = {{p->result, NULL}, {p->loss, NULL}};
    return hebb_run(p->session, p->feeds, p->n_feeds, fetches, p->loss != NULL ? 2 : 1) == HEBB_OK;
}

/* A device may still be at work when a run that copies nothing out returns. Reading a variable
   waits for it, and for one of a single element the copy costs nothing. */
bool workload_settle(void *context) {
    const prepared *p = context;
    float value;
    hebb_array array = hebb_array_view(&value, HEBB_F32, HEBB_SCALAR);
    return hebb_session_get(p->session, p->anchor, &array) == HEBB_OK;
}

void workload_prepare(const workload *w, hebb_device *device, prepared *p) {
    const bool gpu = hebb_device_get_info(device).gpu;
    *p = (prepared){.graph = hebb_graph_create(), .resident = gpu};
    w->build(p, w);
    p->anchor = hebb_state(p->graph, "anchor", HEBB_F32, HEBB_SCALAR, hebb_zeros());
    p->session = hebb_session_create(p->graph, device, .seed = 1);
    for (size_t i = 0; p->resident && i < p->n_batches; i++)
        (void)hebb_session_set(p->session, p->batches[i], &p->arrays[i]);
}

void workload_release(prepared *p) {
    hebb_session_destroy(p->session);
    hebb_graph_destroy(p->graph);
    for (size_t i = 0; i < p->n_batches; i++) hebb_array_free(&p->arrays[i]);
}

timed workload_timed(prepared *p) { return (timed){workload_run, workload_settle, p, .share = 1}; }

bool workload_measure(const workload *w, hebb_device *device, timed *things, size_t n,
                      measurement *result, char *message, size_t size) {
    prepared p;
    workload_prepare(w, device, &p);
    things[0] = workload_timed(&p);
    bool fine = time_in_turn(things, n);
    *result = (measurement){.seconds = things[0].median, .work = p.work};
    fine = fine && hebb_session_stats(p.session, &result->stats) == HEBB_OK;
    if (!fine) snprintf(message, size, "%s", hebb_message(p.session));
    workload_release(&p);
    return fine;
}

work workload_work(const workload *w) {
    prepared p = {.graph = hebb_graph_create()};
    w->build(&p, w);
    workload_release(&p);
    return p.work;
}

void product_prepare(const gemm_size *size, hebb_device *device, prepared *p) {
    const workload product = {.build = build_gemm, .gemm = *size};
    workload_prepare(&product, device, p);
}

/* ---- what a device can do ---- */

#define LARGE ((int64_t)1 << 26) /* elements: beyond the caches of a GPU, too */

static void build_copy(prepared *p, const workload *w) {
    (void)w;
    compute(p, hebb_neg(operand(p, "x", HEBB_SHAPE(LARGE))));
    p->work.read_bytes = p->work.written_bytes = sizeof(float) * (double)LARGE;
}

static void build_read(prepared *p, const workload *w) {
    (void)w;
    hebb_tensor *x = operand(p, "x", HEBB_SHAPE(LARGE / REDUCE_SIDE, REDUCE_SIDE));
    compute(p, hebb_sum(x, HEBB_AXES(1), false));
    p->work.read_bytes = sizeof(float) * (double)LARGE;
}

static double bytes_a_second(hebb_device *device, void (*build)(prepared *, const workload *)) {
    const workload pass = {.build = build};
    measurement m;
    timed once;
    if (!workload_measure(&pass, device, &once, 1, &m, NULL, 0)) return 0;
    return (m.work.read_bytes + m.work.written_bytes) / m.seconds;
}

double hebb_copy_speed(hebb_device *device) { return bytes_a_second(device, build_copy); }
double hebb_read_speed(hebb_device *device) { return bytes_a_second(device, build_read); }

/* ---- the list ---- */

static const workload workloads[] = {
    {.name = "xor", .build = build_xor},
    {.name = "mlp", .build = build_mlp_sgd},
    {.name = "mlp_adam", .build = build_mlp_adam},
    {.name = "cnn", .build = build_cnn},
    {.name = "resblock", .build = build_resblock},
    {.name = "lstm", .build = build_lstm},
    {.name = "transformer", .build = build_transformer},
    {.name = "stream", .build = build_stream},
    {.name = "pointwise", .build = build_pointwise},
    {.name = "reduce_axis0", .build = build_reduce, .axis = 0},
    {.name = "reduce_axis1", .build = build_reduce, .axis = 1},
    {.name = "softmax", .build = build_softmax},
    {.name = "layernorm", .build = build_layernorm},
    {.name = "gemm_64", .build = build_gemm, .gemm = {1, 64, 64, 64}},
    {.name = "gemm_128", .build = build_gemm, .gemm = {1, 128, 128, 128}},
    {.name = "gemm_256", .build = build_gemm, .gemm = {1, 256, 256, 256}},
    {.name = "gemm_512", .build = build_gemm, .gemm = {1, 512, 512, 512}},
    {.name = "gemm_1024", .build = build_gemm, .gemm = {1, 1024, 1024, 1024}},
    {.name = "gemm_2048", .build = build_gemm, .gemm = {1, 2048, 2048, 2048}},
    {.name = "gemm_96x361x550", .build = build_gemm, .gemm = {1, 96, 361, 550}},
    {.name = "gemm_128x784x512", .build = build_gemm, .gemm = {1, 128, 784, 512}},
    {.name = "gemm_1x512x512", .build = build_gemm, .gemm = {1, 1, 512, 512}},
    {.name = "gemm_64x64x64x32", .build = build_gemm, .gemm = {64, 64, 64, 32}},
};

const workload *workload_at(size_t index) {
    return index < sizeof workloads / sizeof *workloads ? &workloads[index] : NULL;
}

const char *workload_name(const workload *w) { return w->name; }

const gemm_size *workload_gemm(const workload *w) { return w->gemm.batch > 0 ? &w->gemm : NULL; }
