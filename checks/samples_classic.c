/* Descriptors of the activations of nn.h and of its losses one by one: see samples.h. */
#include <math.h>

#include "samples.h"

/* ---- references ---- */

#define SLOPE  0.25
#define MARGIN 0.75

#define REAL_OF(name, y)                                                                           \
    static double real_##name(const double *x) { return (y); }
REAL_OF(leaky_relu, x[0] > 0 ? x[0] : SLOPE * x[0])
REAL_OF(ramp, isnan(x[0]) ? x[0] : fmax(-1, fmin(1, x[0])))
REAL_OF(square_loss, (x[0] - x[1]) * (x[0] - x[1]) / 2)
REAL_OF(log_loss,
        x[0] * x[1] > 0 ? log1p(exp(-x[0] * x[1])) : -x[0] * x[1] + log1p(exp(x[0] * x[1])))
REAL_OF(hinge_loss, isnan(x[0] * x[1]) ? NAN : fmax(0, MARGIN - x[0] * x[1]))

/* One number a row, of which the label is the second operand; `size` gets what rounding errors are
   relative to. */
typedef double row_loss(const scalar *row, int64_t n, int64_t label, double *size);
static values rows(const values *in, row_loss *loss) {
    int64_t n = in[0].shape.dim[in[0].shape.rank - 1];
    values out = values_make(in[0].dtype, in[1].shape);
    out.scale = test_memory((size_t)out.count * sizeof *out.scale);
    for (int64_t i = 0; i < out.count; i++)
        out.at[i].f = loss(&in[0].at[i * n], n, in[1].at[i].i, &out.scale[i]);
    return out;
}

static double log_softmax_row(const scalar *row, int64_t n, int64_t label, double *size) {
    double largest = -INFINITY, sum = 0;
    for (int64_t k = 0; k < n; k++) largest = fmax(largest, row[k].f);
    for (int64_t k = 0; k < n; k++) sum += exp(row[k].f - largest);
    *size = 1 + largest - row[label].f;
    return log(sum) + largest - row[label].f;
}

static double max_margin_row(const scalar *row, int64_t n, int64_t label, double *size) {
    double best = -INFINITY;
    for (int64_t k = 0; k < n; k++)
        if (k != label) best = fmax(best, row[k].f + MARGIN);
    *size = fabs(row[label].f) + (n > 1 ? fabs(best) : 0);
    return fmax(0, best - row[label].f);
}

static values reference_log_softmax_loss(const descriptor *d, const values *in, const params *p) {
    return rows(in, log_softmax_row);
}
static values reference_max_margin_loss(const descriptor *d, const values *in, const params *p) {
    return rows(in, max_margin_row);
}

/* ---- builders ---- */

#define BUILD(name, ...)                                                                           \
    static hebb_tensor *build_##name(hebb_graph *g, hebb_tensor *const *in, const params *p) {     \
        return hebb_##name(__VA_ARGS__);                                                           \
    }
BUILD(leaky_relu, in[0], SLOPE)
BUILD(ramp, in[0])
BUILD(square_loss, in[0], in[1])
BUILD(log_loss, in[0], in[1])
BUILD(hinge_loss, in[0], in[1], MARGIN)
BUILD(log_softmax_loss, in[0], in[1])
BUILD(max_margin_loss, in[0], in[1], MARGIN)

/* ---- samples ---- */

#define X(...)                                                                                     \
    { .shape = DIMS(__VA_ARGS__) }
#define LABEL(...)                                                                                 \
    { .shape = DIMS(__VA_ARGS__), .dtype = HEBB_I32, .domain = LABELS, .own_domain = true }
#define LABEL0                                                                                     \
    { .shape = DIMS0, .dtype = HEBB_I32, .domain = LABELS, .own_domain = true }

static const sample row_samples[] = {
    {.n_in = 2, .in = {X(4, 3), LABEL(4)}, .p.depth = 3},
    {.n_in = 2, .in = {X(5), LABEL0}, .p.depth = 5},
    {.n_in = 2, .in = {X(HEBB_ANY, 3), LABEL(HEBB_ANY)}, .p.depth = 3},
    {.n_in = 2, .in = {X(2, 3, 4), LABEL(2, 3)}, .p.depth = 4},
    {.n_in = 2, .in = {X(2, 1, 2, 3, 2), LABEL(2, 1, 2, 3)}, .p.depth = 2},
    {.n_in = 2, .in = {X(3, 1), LABEL(3)}, .p.depth = 1},
    {.n_in = 2, .in = {X(0, 3), LABEL(0)}, .p.depth = 3},
    {.n_in = 2,
     .in = {{.shape = DIMS(16, 10), .domain = TAILS, .own_domain = true}, LABEL(16)},
     .p.depth = 10,
     .no_gradient = true},
    {.n_in = 2, .in = {{.shape = DIMS(5, 4), .view = TRANSPOSED}, LABEL(5)}, .p.depth = 4},
    {.n_in = 2, .in = {{.shape = DIMS(5, 4), .view = SLICED}, LABEL(5)}, .p.depth = 4},
    {.n_in = 2, .in = {X(257, 11), LABEL(257)}, .p.depth = 11},
};

/* Not the bare families, which would expect integers to be refused: what these ops are composed of
   takes them. */
static void one_family(const descriptor *d, sample_list *list) { unary_family(d, list); }
static void pair_family(const descriptor *d, sample_list *list) { binary_family(d, list); }

#define BAD(ARITY, DTYPE, STATUS, WORDS, ...)                                                      \
    { .n_in = ARITY, .in = {__VA_ARGS__}, .dtype = DTYPE, .status = STATUS, .message = WORDS }
static const error_sample one_errors[] = {BAD(1, HEBB_BOOL, HEBB_E_DTYPE, "bool", X(2))};
static const error_sample pair_errors[] = {
    BAD(2, HEBB_BOOL, HEBB_E_DTYPE, "bool", X(2), X(2)),
    BAD(2, HEBB_F32, HEBB_E_SHAPE, "do not broadcast", X(2, 3), X(4, 3)),
    BAD(2, HEBB_F32, HEBB_E_DTYPE, "differ", X(2), {.shape = DIMS(2), .dtype = HEBB_I32})};
static const error_sample row_errors[] = {
    BAD(2, HEBB_F32, HEBB_E_DTYPE, "need labels i32", X(4, 3), X(4)),
    BAD(2, HEBB_F32, HEBB_E_SHAPE, "need labels i32", X(4, 3), LABEL(5)),
    BAD(2, HEBB_F32, HEBB_E_SHAPE, "need labels i32", X(4, 3), LABEL(4, 3))};

/* ---- the table ---- */

#define ROW(NAME, ARITY, FAMILY)                                                                   \
    .name = #NAME, .build = build_##NAME, .arity = ARITY, .family = FAMILY, .real = real_##NAME,   \
    .dtypes = TAKES_REAL, .result = SAME, .differentiable = true
#define ROWS(NAME)                                                                                 \
    .name = #NAME, .build = build_##NAME, .arity = 2, .reference = reference_##NAME,               \
    .extra = row_samples, .n_extra = COUNT(row_samples), .differentiable = true,                   \
    ERRORS(row_errors)

static const descriptor table[] = {
    {ROW(leaky_relu, 1, one_family), ERRORS(one_errors), .domain = NONZERO,
     .edges = {SPECIAL, TAILS}},
    {ROW(ramp, 1, one_family), ERRORS(one_errors), .edges = {SPECIAL, TAILS}},
    {ROW(square_loss, 2, pair_family), ERRORS(pair_errors), .edges = {SMALL, TAILS},
     .f32 = {2e-6, 2e-6}, .f64 = {1e-14, 1e-14},
     .reason = "the difference is rounded before it is squared",
     .no_halves = "(x - d)^2 overflows where its half does not"},
    {ROW(log_loss, 2, binary_family), .edges = {SMALL}, .f32 = {2e-6, 1.2e-38},
     .reason = "the rounding of c x"},
    {ROW(hinge_loss, 2, pair_family), ERRORS(pair_errors), .edges = {SMALL, SPECIAL},
     .f32 = {1e-6, 1e-6}, .f64 = {1e-14, 1e-14}, .reason = "margin - c x cancels",
     .no_halves = "margin - c x cancels"},
    {ROWS(log_softmax_loss), .f32 = {3e-6, 1.2e-38}, .f64 = {2e-13, 1e-300},
     .reason = "a sum of exponentials and its logarithm are rounded"},
    {ROWS(max_margin_loss)},
};

const descriptor_table classic_table = {table, COUNT(table)};
