/* Descriptors of further reductions and of what runs along an axis (hebb/reductions.h): see
   samples.h. */
#include <float.h>
#include <math.h>

#include "samples.h"

/* ---- folds ---- */

static double fold_prod(const double *x, int64_t n, double *scale) {
    long double product = 1;
    for (int64_t i = 0; i < n; i++) product *= x[i];
    return (double)product;
}
static int64_t fold_whole_prod(const int64_t *x, int64_t n, hebb_dtype dtype) {
    uint64_t product = 1;
    for (int64_t i = 0; i < n; i++) product *= (uint64_t)x[i];
    return (int64_t)product;
}
static int64_t fold_whole_any(const int64_t *x, int64_t n, hebb_dtype dtype) {
    for (int64_t i = 0; i < n; i++)
        if (x[i]) return 1;
    return 0;
}
static int64_t fold_whole_all(const int64_t *x, int64_t n, hebb_dtype dtype) {
    for (int64_t i = 0; i < n; i++)
        if (!x[i]) return 0;
    return 1;
}
static double fold_logsumexp(const double *x, int64_t n, double *scale) {
    double most = -INFINITY;
    long double sum = 0;
    for (int64_t i = 0; i < n; i++)
        if (!(x[i] <= most)) most = x[i];
    if (isnan(most) || isinf(most)) {
        for (int64_t i = 0; i < n; i++)
            if (isnan(x[i])) return NAN;
        return most;
    }
    for (int64_t i = 0; i < n; i++) sum += expl((long double)x[i] - most);
    *scale = 1 + fabs(most);
    return (double)(most + logl(sum));
}
static double squares(const double *x, int64_t n, int ddof) {
    long double mean = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) mean += x[i] / (long double)n;
    for (int64_t i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
    return n > ddof ? (double)(sum / (long double)(n - ddof)) : NAN;
}
static double fold_population(const double *x, int64_t n, double *scale) {
    return squares(x, n, 0);
}
static double fold_sample(const double *x, int64_t n, double *scale) { return squares(x, n, 1); }

static values reference_variance(const descriptor *d, const values *in, const params *p) {
    descriptor own = *d;
    own.fold = p->amount == 0 ? fold_population : fold_sample;
    return reference_reduce(&own, in, p);
}
static values reference_standard_deviation(const descriptor *d, const values *in, const params *p) {
    values out = reference_variance(d, in, p);
    for (int64_t i = 0; i < out.count; i++) out.at[i].f = sqrt(out.at[i].f);
    return out;
}

/* ---- along an axis ---- */

static scalar times(scalar a, scalar b, hebb_dtype dtype) {
    if (is_floating(dtype)) return (scalar){.f = a.f * b.f};
    return scalar_held((scalar){.i = (int64_t)((uint64_t)a.i * (uint64_t)b.i)}, dtype);
}
static scalar plus(scalar a, scalar b, hebb_dtype dtype) {
    if (is_floating(dtype)) return (scalar){.f = a.f + b.f};
    return scalar_held((scalar){.i = (int64_t)((uint64_t)a.i + (uint64_t)b.i)}, dtype);
}

/* y[i] from y[i - 1] and element i of the operands, in the order of p->reverse. `before` is its
   place in the result, -1 for the first. */
typedef void step_function(values *y, int64_t at, int64_t before, const values *in);

static void walk(values *y, const values *in, const params *p, step_function *step) {
    const int axis = front_axis(p->axis, y->shape.rank);
    int64_t inner = 1, n = y->shape.dim[axis];
    for (int k = axis + 1; k < y->shape.rank; k++) inner *= y->shape.dim[k];
    y->scale = test_memory((size_t)y->count * sizeof *y->scale);
    for (int64_t line = 0; n > 0 && line < y->count / n; line++)
        for (int64_t i = 0, before = -1; i < n; i++) {
            const int64_t place = p->reverse ? n - 1 - i : i;
            const int64_t at = line / inner * n * inner + place * inner + line % inner;
            step(y, at, before, in);
            before = at;
        }
}

static void recur(values *y, int64_t at, int64_t before, const values *in) {
    const int64_t ia = broadcast_index(at, y->shape, in[0].shape),
                  ib = broadcast_index(at, y->shape, in[1].shape);
    const scalar b = in[1].at[ib];
    y->at[at] = before < 0 ? b : plus(times(in[0].at[ia], y->at[before], y->dtype), b, y->dtype);
    if (!is_floating(y->dtype)) return;
    y->scale[at] = fabs(b.f) + (before < 0 ? 0 : fabs(in[0].at[ia].f) * y->scale[before]);
}

static values reference_linear_recurrence(const descriptor *d, const values *in, const params *p) {
    values y = values_make(in[0].dtype, broadcast_shapes(in[0].shape, in[1].shape));
    walk(&y, in, p, recur);
    return y;
}

static void add_next(values *y, int64_t at, int64_t before, const values *in) {
    y->at[at] = before < 0 ? in->at[at] : plus(y->at[before], in->at[at], y->dtype);
    if (is_floating(y->dtype))
        y->scale[at] = fabs(in->at[at].f) + (before < 0 ? 0 : y->scale[before]);
}
static void multiply_next(values *y, int64_t at, int64_t before, const values *in) {
    y->at[at] = before < 0 ? in->at[at] : times(y->at[before], in->at[at], y->dtype);
}
static void add_last(values *y, int64_t at, int64_t before, const values *in) {
    if (before >= 0) {
        y->at[at] = plus(y->at[before], in->at[before], y->dtype);
        if (is_floating(y->dtype)) y->scale[at] = fabs(in->at[before].f) + y->scale[before];
    }
}
static void multiply_last(values *y, int64_t at, int64_t before, const values *in) {
    y->at[at] =
        before < 0 ? scalar_from_real(1, y->dtype) : times(y->at[before], in->at[before], y->dtype);
}

static values reference_cumsum(const descriptor *d, const values *in, const params *p) {
    values y = values_make(in[0].dtype, in[0].shape);
    walk(&y, in, p, p->exclusive ? add_last : add_next);
    return y;
}
static values reference_cumprod(const descriptor *d, const values *in, const params *p) {
    values y = values_make(in[0].dtype, in[0].shape);
    walk(&y, in, p, p->exclusive ? multiply_last : multiply_next);
    return y;
}

/* ---- builders ---- */

#define BUILD(name, ...)                                                                           \
    static hebb_tensor *build_##name(hebb_graph *g, hebb_tensor *const *in, const params *p) {     \
        return hebb_##name(__VA_ARGS__);                                                           \
    }
#define AXES (p->n_axes < 0 ? NULL : p->axes), p->n_axes
BUILD(prod, in[0], AXES, p->keep)
BUILD(any, in[0], AXES, p->keep)
BUILD(all, in[0], AXES, p->keep)
BUILD(logsumexp, in[0], AXES, p->keep)
BUILD(variance, in[0], AXES, p->keep, (int)p->amount)
BUILD(standard_deviation, in[0], AXES, p->keep, (int)p->amount)
BUILD(linear_recurrence, in[0], in[1], p->axis, p->reverse)
BUILD(cumsum, in[0], p->axis, p->exclusive, p->reverse)
BUILD(cumprod, in[0], p->axis, p->exclusive, p->reverse)

/* ---- samples ---- */

#define ONE(VIEW, ...)  .n_in = 1, .in = {{.shape = DIMS(__VA_ARGS__), .view = VIEW}}
#define OVER(N, ...)    .n_axes = N, .axes = {__VA_ARGS__}
#define DRAWN(D)        .domain = D, .has_domain = true
#define FAILS(E, WORDS) .status = HEBB_E_##E, .message = WORDS

/* Zeros among the factors: one, two and more of them. */
static const sample prod_samples[] = {
    {ONE(DENSE, 7, 5), .p = {OVER(1, 1)}, DRAWN(SMALL)},
    {ONE(DENSE, 3, 4, 3), .p = {OVER(2, 0, 2)}, DRAWN(SMALL)},
    {ONE(DENSE, HEBB_ANY, 4), .p = {OVER(-1)}, DRAWN(SMALL)},
    {ONE(TRANSPOSED, 3, 2, 4), .p = {OVER(-1), .keep = true}, DRAWN(TRUTH)},
};
static const sample truth_samples[] = {
    {ONE(DENSE, HEBB_ANY, 3), .p = {OVER(1, 0)}, .dtype = HEBB_BOOL, .has_dtype = true},
    {ONE(DENSE, HEBB_ANY, 3), .p = {OVER(-1)}, .dtype = HEBB_BOOL, .has_dtype = true},
    {ONE(DENSE, 3, 0), .p = {OVER(1, 1)}, .dtype = HEBB_BOOL, .has_dtype = true},
    {ONE(DENSE, 5, 1031), .p = {OVER(1, 1)}, .dtype = HEBB_BOOL, .has_dtype = true},
};
static const sample logsumexp_samples[] = {
    {ONE(DENSE, 40, 5), .p = {OVER(1, 1)}, DRAWN(TAILS), .no_gradient = true},
};
#define SPREAD(VIEW, N, AXIS, DDOF, KEEP, ...)                                                     \
    {                                                                                              \
        ONE(VIEW, __VA_ARGS__), .p = { OVER(N, AXIS), .amount = DDOF, .keep = KEEP }               \
    }
static const sample variance_samples[] = {
    SPREAD(DENSE, 1, 0, 0, false, 4, 3),
    SPREAD(DENSE, 1, 1, 1, false, 4, 3),
    SPREAD(DENSE, -1, 0, 1, false, 3, 2, 2),
    SPREAD(TRANSPOSED, 1, -1, 0, true, 4, 5),
    SPREAD(DENSE, 1, 0, 1, false, HEBB_ANY, 3),
    SPREAD(DENSE, 1, 1, 1, true, HEBB_ANY, 4),
    {ONE(DENSE, 3, 0), .p = {OVER(1, 1)}, .no_gradient = true},
    {ONE(DENSE, 3, 1), .p = {OVER(1, 1), .amount = 1}, .no_gradient = true},
    {ONE(DENSE, 3, 2, 4), .p = {OVER(2, 0, 2), .amount = 1}},
    {ONE(SLICED, 4, 6), .p = {OVER(1, 1)}},
    {ONE(FLIPPED, 4, 6), .p = {OVER(1, 0)}},
    {ONE(DENSE, 2, 2, 2, 2, 3), .p = {OVER(3, 0, 2, 4)}},
    {ONE(DENSE, 5, 1031), .p = {OVER(1, 1)}},
    {ONE(DENSE, 1031, 5), .p = {OVER(1, 0)}},
    {ONE(DENSE, 40, 5), .p = {OVER(1, 1)}, DRAWN(NONFINITE), .no_gradient = true},
};

#define LINES(AXIS, EXCLUSIVE, REVERSE)                                                            \
    .p = {.axis = AXIS, .exclusive = EXCLUSIVE, .reverse = REVERSE}
static const sample cumulative_samples[] = {
    {ONE(DENSE, 3, 4), LINES(0, false, false)},
    {ONE(DENSE, 3, 4), LINES(1, false, true)},
    {ONE(DENSE, 3, 4), LINES(-1, true, false)},
    {ONE(DENSE, 3, 4), LINES(0, true, true)},
    {ONE(DENSE, 5), LINES(0, false, false)},
    {ONE(DENSE, 1), LINES(0, true, false)},
    {ONE(DENSE, 0), LINES(0, false, false)},
    {ONE(DENSE, 3, 0), LINES(1, true, true)},
    {ONE(DENSE, 3, 0), LINES(0, true, false)},
    {ONE(DENSE, HEBB_ANY, 3), LINES(0, false, false)},
    {ONE(DENSE, HEBB_ANY, 3), LINES(0, true, true)},
    {ONE(DENSE, HEBB_ANY, 3), LINES(1, true, false)},
    {ONE(DENSE, 2, 3, 4), LINES(1, false, false)},
    {ONE(DENSE, 2, 3, 2, 2, 2), LINES(3, false, true)},
    {ONE(TRANSPOSED, 4, 5), LINES(0, false, false)},
    {ONE(SLICED, 4, 6), LINES(1, false, false)},
    {ONE(FLIPPED, 4, 6), LINES(0, true, false)},
    {ONE(STRETCHED, 4, 6), LINES(0, false, false)},
    {ONE(DENSE, 4, 5), LINES(1, false, false), DRAWN(SMALL)},
    {ONE(DENSE, 5, 4), LINES(0, true, true), DRAWN(SMALL)},
    {ONE(DENSE, 2, 40), LINES(1, false, false), DRAWN(NONFINITE), .no_gradient = true},
    {ONE(DENSE, 40, 11), LINES(0, true, true), DRAWN(NONFINITE), .no_gradient = true},
    {ONE(DENSE, 3, 1031), LINES(1, false, false)},
    {ONE(DENSE, 1031, 67), LINES(0, false, true)},
    {ONE(DENSE, 1, 9001), LINES(1, false, true)},
    {ONE(DENSE, 5003, 3), LINES(0, false, false)},
    {ONE(DENSE, 2, 4099, 2), LINES(1, true, false)},
};

#define PAIR(VIEW_A, VIEW_B, A, B)                                                                 \
    .n_in = 2, .in = {{.shape = A, .view = VIEW_A}, {.shape = B, .view = VIEW_B}}
static const sample linear_recurrence_samples[] = {
    {PAIR(DENSE, DENSE, DIMS(3, 4), DIMS(3, 4)), .p.axis = 0},
    {PAIR(DENSE, DENSE, DIMS(3, 4), DIMS(3, 4)), .p = {.axis = 1, .reverse = true}},
    {PAIR(DENSE, DENSE, DIMS(4), DIMS(3, 4)), .p.axis = -1},
    {PAIR(DENSE, DENSE, DIMS0, DIMS(5)), .p.axis = 0},
    {PAIR(DENSE, DENSE, DIMS(3, 1), DIMS(1, 4)), .p = {.axis = 0, .reverse = true}},
    {PAIR(DENSE, DENSE, DIMS(2, 3, 4), DIMS(2, 3, 4)), .p.axis = 1},
    {PAIR(DENSE, DENSE, DIMS(1), DIMS(1)), .p.axis = 0},
    {PAIR(DENSE, DENSE, DIMS(0), DIMS(0)), .p.axis = 0},
    {PAIR(DENSE, DENSE, DIMS(2, 0, 3), DIMS(2, 0, 3)), .p.axis = 1},
    {PAIR(DENSE, DENSE, DIMS(HEBB_ANY, 3), DIMS(HEBB_ANY, 3)), .p.axis = 0},
    {PAIR(DENSE, DENSE, DIMS(3), DIMS(HEBB_ANY, 3)), .p = {.axis = 0, .reverse = true}},
    {PAIR(TRANSPOSED, SLICED, DIMS(4, 6), DIMS(4, 6)), .p.axis = 0},
    {PAIR(FLIPPED, STRETCHED, DIMS(4, 6), DIMS(4, 6)), .p.axis = 1},
    {PAIR(DENSE, DENSE, DIMS(2, 2, 3, 2, 2), DIMS(2, 2, 3, 2, 2)), .p.axis = 2},
    {PAIR(DENSE, DENSE, DIMS(3, 40), DIMS(3, 40)), .p.axis = 1, DRAWN(NONFINITE),
     .no_gradient = true},
    {PAIR(DENSE, DENSE, DIMS(3, 31), DIMS(3, 31)), .p.axis = 1},
    {PAIR(DENSE, DENSE, DIMS(31, 301), DIMS(31, 301)), .p = {.axis = 0, .reverse = true}},
};

/* ---- error samples ---- */

#define X(...)                                                                                     \
    { .shape = DIMS(__VA_ARGS__) }
#define ONE_BAD(...) .n_in = 1, .in = {X(2, 3)}, .p = {__VA_ARGS__}
static const error_sample prod_errors[] = {
    {ONE_BAD(OVER(1, 2)), FAILS(ARGUMENT, "axis 2 does not exist: the rank is 2")},
    {ONE_BAD(OVER(2, 1, -1)), FAILS(ARGUMENT, "axis -1 is named twice")},
    {ONE_BAD(OVER(9)), FAILS(ARGUMENT, "9 axes, where 0 to 8 are possible")},
    {ONE_BAD(OVER(-1)), .dtype = HEBB_BOOL, FAILS(DTYPE, "bool is not numeric")},
};
static const error_sample truth_errors[] = {
    {ONE_BAD(OVER(1, 2)), .dtype = HEBB_BOOL, FAILS(ARGUMENT, "axis 2 does not exist")},
    {ONE_BAD(OVER(-1)), FAILS(DTYPE, "f32 is not bool")},
};
static const error_sample real_errors[] = {
    {ONE_BAD(OVER(1, 2)), FAILS(ARGUMENT, "axis 2 does not exist: the rank is 2")},
    {ONE_BAD(OVER(-1)), .dtype = HEBB_I32, FAILS(DTYPE, "i32, not floating")},
};
static const error_sample cumulative_errors[] = {
    {ONE_BAD(.axis = 2), FAILS(ARGUMENT, "axis 2 does not exist: the rank is 2")},
    {ONE_BAD(.axis = -3), FAILS(ARGUMENT, "axis -3 does not exist")},
    {.n_in = 1, .in = {{DIMS0}}, FAILS(ARGUMENT, "axis 0 does not exist: the rank is 0")},
    {ONE_BAD(.axis = 0), .dtype = HEBB_BOOL, FAILS(DTYPE, "bool is not numeric")},
};
static const error_sample linear_recurrence_errors[] = {
    {.n_in = 2, .in = {X(3), X(3)}, .p.axis = 1, FAILS(ARGUMENT, "axis 1 does not exist")},
    {.n_in = 2, .in = {X(3), X(4)}, FAILS(SHAPE, "sizes 3 and 4 at axis 0 do not broadcast")},
    {.n_in = 2,
     .in = {X(3), {.shape = DIMS(3), .dtype = HEBB_I32}},
     FAILS(DTYPE, "f32 and i32 differ")},
};

/* ---- the table ---- */

#define REDUCTION(NAME, OP)                                                                        \
    .name = #NAME, .op = OP, .build = build_##NAME, .reference = reference_reduce, .arity = 1,     \
    .family = reduce_family
#define EXTRA(list) .extra = list, .n_extra = COUNT(list)
#define ALONG(NAME, OP, ARITY, list)                                                               \
    .name = #NAME, .op = OP, .build = build_##NAME, .reference = reference_##NAME, .arity = ARITY, \
    EXTRA(list), .differentiable = true
#define LONG_LINES                                                                                 \
    .f32 = {2e-5, FLT_MIN}, .f64 = {1e-12, DBL_MIN},                                               \
    .reason = "each of a thousand partial results is rounded"

static const descriptor table[] = {
    {REDUCTION(prod, "prod"), .fold = fold_prod, .fold_whole = fold_whole_prod, .result = SAME,
     .dtypes = TAKES_NUMBERS, .edges = {NONFINITE}, .differentiable = true, EXTRA(prod_samples),
     LONG_LINES, ERRORS(prod_errors)},
    {REDUCTION(any, "any"), .fold_whole = fold_whole_any, .result = SAME, .dtypes = TAKES_BOOL,
     .domain = TRUTH, EXTRA(truth_samples), ERRORS(truth_errors)},
    {REDUCTION(all, "all"), .fold_whole = fold_whole_all, .result = SAME, .dtypes = TAKES_BOOL,
     .domain = TRUTH, EXTRA(truth_samples), ERRORS(truth_errors)},
    {REDUCTION(logsumexp, NULL), .fold = fold_logsumexp, .result = SAME, .dtypes = TAKES_REAL,
     .edges = {NONFINITE, TAILS}, .differentiable = true, EXTRA(logsumexp_samples),
     .f32 = {2e-6, 1e-6}, .reason = "sums are taken in the order that suits the memory",
     ERRORS(real_errors)},
    {ALONG(variance, NULL, 1, variance_samples), .result = SAME, .f32 = {5e-6, 1e-12},
     .reason = "the mean is rounded before it is subtracted", ERRORS(real_errors)},
    {ALONG(standard_deviation, NULL, 1, variance_samples), .result = SAME, .f32 = {5e-6, 1e-12},
     .reason = "the mean is rounded before it is subtracted", ERRORS(real_errors)},
    {ALONG(linear_recurrence, "recurrence", 2, linear_recurrence_samples), .dtypes = TAKES_INTEGERS,
     .f32 = {5e-6, FLT_MIN}, .f64 = {1e-13, DBL_MIN},
     .reason = "every step rounds what the next one starts from", ERRORS(linear_recurrence_errors)},
    {ALONG(cumsum, "recurrence", 1, cumulative_samples), .dtypes = TAKES_INTEGERS,
     .f32 = {5e-6, FLT_MIN}, .f64 = {1e-13, DBL_MIN},
     .reason = "sums of a thousand numbers are rounded a thousand times",
     ERRORS(cumulative_errors)},
    {ALONG(cumprod, "recurrence", 1, cumulative_samples), .dtypes = TAKES_INTEGERS, LONG_LINES,
     ERRORS(cumulative_errors)},
};

const descriptor_table along_table = {table, COUNT(table)};
