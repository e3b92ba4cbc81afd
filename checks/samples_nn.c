/* Descriptors of what nn.h composes: softmax, the dense layer, losses and accuracy. See samples.h;
   relu stands with the elementwise ops. */
#include <math.h>

#include "samples.h"

/* ---- references ---- */

static int64_t last_size(const values *x) { return x->shape.dim[x->shape.rank - 1]; }

/* log sum_k e^x_k of a row, and its largest element. */
static double log_sum_exp(const scalar *row, int64_t n, double *largest) {
    double sum = 0;
    *largest = -INFINITY;
    for (int64_t i = 0; i < n; i++) *largest = fmax(*largest, row[i].f);
    for (int64_t i = 0; i < n; i++) sum += exp(row[i].f - *largest);
    return *largest + log(sum);
}

static values reference_log_softmax(const descriptor *d, const values *in, const params *p) {
    int64_t n = last_size(&in[0]);
    values out = values_make(in[0].dtype, in[0].shape);
    out.scale = test_memory((size_t)out.count * sizeof *out.scale);
    double largest = 0, total = 0;
    for (int64_t i = 0; i < out.count; i++) {
        if (i % n == 0) total = log_sum_exp(&in[0].at[i], n, &largest);
        out.at[i].f = in[0].at[i].f - total;
        out.scale[i] = 1 + fabs(in[0].at[i].f - largest);
    }
    return out;
}

static values reference_softmax(const descriptor *d, const values *in, const params *p) {
    values out = reference_log_softmax(d, in, p);
    out.scale = NULL;
    for (int64_t i = 0; i < out.count; i++) out.at[i].f = exp(out.at[i].f);
    return out;
}

static values mean_of(hebb_dtype dtype, double sum, double scale, double n) {
    values out = values_make(dtype, (hebb_shape){0});
    out.scale = test_memory(sizeof *out.scale);
    out.at[0].f = sum / n;
    out.scale[0] = scale / n;
    return out;
}

static values reference_cross_entropy(const descriptor *d, const values *in, const params *p) {
    int64_t n = last_size(&in[0]);
    double sum = 0, scale = 0;
    for (int64_t i = 0; i < in[1].count; i++) {
        const scalar *row = &in[0].at[i * n];
        double largest, total = log_sum_exp(row, n, &largest), x = row[in[1].at[i].i].f;
        sum += total - x;
        scale += 1 + fabs(x - largest);
    }
    return mean_of(in[0].dtype, sum, scale, (double)in[1].count);
}

static values reference_mean_squared_error(const descriptor *d, const values *in, const params *p) {
    double sum = 0, scale = 0;
    for (int64_t i = 0; i < in[0].count; i++) {
        double a = in[0].at[i].f, b = in[1].at[i].f;
        sum += (a - b) * (a - b);
        scale += (fabs(a) + fabs(b)) * (fabs(a) + fabs(b));
    }
    return mean_of(in[0].dtype, sum, scale, (double)in[0].count);
}

static values reference_accuracy(const descriptor *d, const values *in, const params *p) {
    int64_t n = last_size(&in[0]);
    double right = 0;
    for (int64_t i = 0; i < in[1].count; i++) {
        int64_t best = 0;
        for (int64_t k = 1; k < n; k++)
            if (in[0].at[i * n + k].f > in[0].at[i * n + best].f) best = k;
        right += best == in[1].at[i].i;
    }
    return mean_of(HEBB_F32, right, 0, (double)in[1].count);
}

/* The layer's variables start from these formulas, in build_dense() as here. */
#define KERNEL(i, j) (0.25 * (double)(i)-0.125 * (double)(j))
#define BIAS         0.5

static values reference_dense(const descriptor *d, const values *in, const params *p) {
    int64_t n = last_size(&in[0]), units = p->depth;
    hebb_shape shape = in[0].shape;
    shape.dim[shape.rank - 1] = units;
    values out = values_make(in[0].dtype, shape);
    out.scale = test_memory((size_t)out.count * sizeof *out.scale);
    for (int64_t o = 0; o < out.count; o++) {
        double sum = p->keep ? BIAS : 0;
        for (int64_t i = 0; i < n; i++) {
            double t = in[0].at[o / units * n + i].f * KERNEL(i, o % units);
            sum += t;
            out.scale[o] += fabs(t);
        }
        out.at[o].f = p->keep ? tanh(sum) : sum;
        out.scale[o] = fmax(out.scale[o], 1);
    }
    return out;
}

/* ---- builders ---- */

#define BUILD(name, ...)                                                                           \
    static hebb_tensor *build_##name(hebb_graph *g, hebb_tensor *const *in, const params *p) {     \
        return hebb_##name(__VA_ARGS__);                                                           \
    }
BUILD(softmax, in[0])
BUILD(log_softmax, in[0])
BUILD(sparse_softmax_cross_entropy, in[0], in[1])
BUILD(mean_squared_error, in[0], in[1])
BUILD(sparse_accuracy, in[0], in[1])

static hebb_tensor *tanh_layer(hebb_tensor *x) { return hebb_tanh(x); }

/* With params.keep a bias and tanh, else neither. */
static hebb_tensor *build_dense(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    hebb_shape x = hebb_tensor_shape(in[0]);
    hebb_dtype dtype = hebb_tensor_dtype(in[0]);
    if (x.dim[x.rank - 1] == HEBB_ANY) return hebb_dense(in[0], p->depth); /* an error */
    hebb_tensor *zeros = hebb_full(g, dtype, HEBB_SHAPE(x.dim[x.rank - 1], p->depth), 0);
    hebb_tensor *i = hebb_iota_like(zeros, 0, dtype), *j = hebb_iota_like(zeros, 1, dtype);
    hebb_tensor *kernel = hebb_sub(hebb_mul(i, hebb_scalar_like(i, KERNEL(1, 0))),
                                   hebb_mul(j, hebb_scalar_like(j, -KERNEL(0, 1))));
    if (!p->keep)
        return hebb_dense(in[0], p->depth, .no_bias = true,
                          .kernel_initializer = hebb_initial_tensor(kernel));
    return hebb_dense(in[0], p->depth, .activation = tanh_layer,
                      .kernel_initializer = hebb_initial_tensor(kernel),
                      .bias_initializer = hebb_constant_value(BIAS));
}

/* ---- samples ---- */

#define X(...)                                                                                     \
    { .shape = DIMS(__VA_ARGS__) }
#define FAR(...)                                                                                   \
    { .shape = DIMS(__VA_ARGS__), .domain = TAILS, .own_domain = true }
#define LABEL(...)                                                                                 \
    { .shape = DIMS(__VA_ARGS__), .dtype = HEBB_I32, .domain = LABELS, .own_domain = true }

static const sample softmax_samples[] = {
    {.n_in = 1, .in = {X(7)}},
    {.n_in = 1, .in = {X(2, 3)}},
    {.n_in = 1, .in = {X(1)}},
    {.n_in = 1, .in = {X(4, 1)}},
    {.n_in = 1, .in = {X(0, 3)}},
    {.n_in = 1, .in = {X(HEBB_ANY, 4)}},
    {.n_in = 1, .in = {X(2, 3, 4)}},
    {.n_in = 1, .in = {X(2, 1, 2, 2, 3)}},
    {.n_in = 1, .in = {FAR(30, 10)}, .no_gradient = true},
    {.n_in = 1, .in = {{.shape = DIMS(5, 3), .view = TRANSPOSED}}},
    {.n_in = 1, .in = {{.shape = DIMS(5, 6), .view = SLICED}}},
    {.n_in = 1, .in = {X(129, 517)}},
};

static const sample cross_entropy_samples[] = {
    {.n_in = 2, .in = {X(4, 3), LABEL(4)}, .p.depth = 3},
    {.n_in = 2, .in = {X(HEBB_ANY, 3), LABEL(HEBB_ANY)}, .p.depth = 3},
    {.n_in = 2, .in = {X(2, 3, 4), LABEL(2, 3)}, .p.depth = 4},
    {.n_in = 2, .in = {X(1, 1), LABEL(1)}, .p.depth = 1},
    {.n_in = 2, .in = {FAR(16, 10), LABEL(16)}, .p.depth = 10, .no_gradient = true},
    {.n_in = 2, .in = {{.shape = DIMS(5, 4), .view = TRANSPOSED}, LABEL(5)}, .p.depth = 4},
    {.n_in = 2, .in = {X(257, 11), LABEL(257)}, .p.depth = 11},
};

static const sample mean_squared_error_samples[] = {
    {.n_in = 2, .in = {X(4, 3), X(4, 3)}},
    {.n_in = 2, .in = {X(HEBB_ANY, 3), X(HEBB_ANY, 3)}},
    {.n_in = 2, .in = {{.shape = DIMS0}, {.shape = DIMS0}}},
    {.n_in = 2, .in = {X(2, 3, 2), X(2, 3, 2)}},
    {.n_in = 2,
     .in = {{.shape = DIMS(5, 4), .view = TRANSPOSED}, {.shape = DIMS(5, 4), .view = FLIPPED}}},
    {.n_in = 2, .in = {X(1000, 20), X(1000, 20)}},
};

static const sample dense_samples[] = {
    {.n_in = 1, .in = {X(4, 3)}, .p = {.depth = 5, .keep = true}},
    {.n_in = 1, .in = {X(HEBB_ANY, 3)}, .p = {.depth = 2, .keep = true}},
    {.n_in = 1, .in = {X(2, 3, 4)}, .p = {.depth = 3, .keep = false}},
    {.n_in = 1, .in = {X(1, 1)}, .p = {.depth = 1, .keep = true}},
    {.n_in = 1, .in = {X(0, 3)}, .p = {.depth = 2, .keep = true}},
    {.n_in = 1, .in = {{.shape = DIMS(3, 4), .view = TRANSPOSED}}, .p = {.depth = 5, .keep = true}},
};

/* ---- error samples ---- */

#define FAILS(E, WORDS) .status = HEBB_E_##E, .message = WORDS

static const error_sample softmax_errors[] = {
    {.n_in = 1, .in = {X(2, 3)}, .dtype = HEBB_I32, FAILS(DTYPE, "i32 is not floating")},
    {.n_in = 1, .in = {{DIMS0}}, FAILS(ARGUMENT, "axis -1 does not exist")},
};
static const error_sample label_errors[] = {
    {.n_in = 2, .in = {X(4, 3), X(4)}, FAILS(DTYPE, "need labels i32")},
    {.n_in = 2,
     .in = {X(4, 3), LABEL(4, 3)},
     FAILS(SHAPE, "without its last size, not i32 [4, 3]")},
    {.n_in = 2, .in = {X(4, 3), LABEL(5)}, FAILS(SHAPE, "without its last size, not i32 [5]")},
};
static const error_sample mean_squared_error_errors[] = {
    {.n_in = 2,
     .in = {X(4, 1), X(4)},
     FAILS(SHAPE, "the prediction is f32 [4, 1], the target f32 [4]")},
    {.n_in = 2,
     .in = {X(4, 1), X(4, 3)},
     FAILS(SHAPE, "the prediction is f32 [4, 1], the target f32 [4, 3]")},
    {.n_in = 2, .in = {X(4), LABEL(4)}, FAILS(DTYPE, "f32 [4], the target i32 [4]")},
};
static const error_sample dense_errors[] = {
    {.n_in = 1, .in = {X(3)}, .p.depth = 5, FAILS(SHAPE, "rank 2 or more")},
    {.n_in = 1, .in = {X(2, 3)}, .p.depth = 0, FAILS(ARGUMENT, "units > 0 (here 0)")},
    {.n_in = 1,
     .in = {X(2, 3)},
     .p.depth = 5,
     .dtype = HEBB_I32,
     FAILS(DTYPE, "dense: x is i32 [2, 3]")},
    {.n_in = 1, .in = {X(2, HEBB_ANY)}, .p.depth = 5, FAILS(SHAPE, "a known last size")},
};

/* ---- the table ---- */

#define ROW(NAME, REFERENCE, SAMPLES, ARITY)                                                       \
    .name = #NAME, .build = build_##NAME, .reference = reference_##REFERENCE, .arity = ARITY,      \
    .extra = SAMPLES##_samples, .n_extra = COUNT(SAMPLES##_samples)
#define TOLERANCE(RELATIVE, WHY) .f32 = {RELATIVE, 1.2e-38}, .f64 = {2e-13, 1e-300}, .reason = WHY

static const descriptor table[] = {
    {ROW(softmax, softmax, softmax, 1), ERRORS(softmax_errors), .differentiable = true,
     TOLERANCE(1e-5, "x - max is rounded before the exponential, the sum of a row after it")},
    {ROW(log_softmax, log_softmax, softmax, 1), ERRORS(softmax_errors), .differentiable = true,
     TOLERANCE(2e-6, "a sum of exponentials and its logarithm are rounded")},
    {ROW(sparse_softmax_cross_entropy, cross_entropy, cross_entropy, 2), ERRORS(label_errors),
     .differentiable = true, TOLERANCE(3e-6, "sums of exponentials and over the batch")},
    {ROW(mean_squared_error, mean_squared_error, mean_squared_error, 2),
     ERRORS(mean_squared_error_errors), .differentiable = true,
     TOLERANCE(3e-6, "a sum of up to 20000 squares")},
    {ROW(sparse_accuracy, accuracy, cross_entropy, 2), ERRORS(label_errors), .domain = DISTINCT},
    {ROW(dense, dense, dense, 1), ERRORS(dense_errors), .differentiable = true,
     TOLERANCE(2e-6, "a sum of products, and tanh")},
};

const descriptor_table nn_table = {table, COUNT(table)};
