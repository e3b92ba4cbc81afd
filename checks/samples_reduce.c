/* Descriptors of the reductions: see samples.h. */
#include <math.h>

#include "samples.h"

/* ---- folds over the reduced elements, in row-major order ---- */

static double fold_sum(const double *x, int64_t n, double *scale) {
    long double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += x[i];
        *scale += fabs(x[i]);
    }
    return (double)sum;
}
static int64_t fold_whole_sum(const int64_t *x, int64_t n, hebb_dtype dtype) {
    uint64_t sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (uint64_t)x[i];
    return (int64_t)sum;
}
static double fold_mean(const double *x, int64_t n, double *scale) {
    double sum = fold_sum(x, n, scale);
    *scale /= (double)n;
    return sum / (double)n;
}
static int64_t fold_whole_mean(const int64_t *x, int64_t n, hebb_dtype dtype) {
    return n == 0 ? 0 : fold_whole_sum(x, n, dtype) / n;
}
static double fold_max(const double *x, int64_t n, double *scale) {
    double best = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        if (isnan(x[i]) || x[i] > best) best = x[i];
        else if (isnan(best)) break;
    return best;
}
static double fold_min(const double *x, int64_t n, double *scale) {
    double best = INFINITY;
    for (int64_t i = 0; i < n; i++)
        if (isnan(x[i]) || x[i] < best) best = x[i];
        else if (isnan(best)) break;
    return best;
}
static int64_t fold_whole_max(const int64_t *x, int64_t n, hebb_dtype dtype) {
    int64_t best = integer_lowest(dtype);
    for (int64_t i = 0; i < n; i++)
        if (x[i] > best) best = x[i];
    return best;
}
static int64_t fold_whole_min(const int64_t *x, int64_t n, hebb_dtype dtype) {
    int64_t best = integer_highest(dtype);
    for (int64_t i = 0; i < n; i++)
        if (x[i] < best) best = x[i];
    return best;
}
static double fold_argmax(const double *x, int64_t n, double *scale) {
    int64_t best = 0;
    for (int64_t i = 0; i < n && !isnan(x[best]); i++)
        if (isnan(x[i]) || x[i] > x[best]) best = i;
    return (double)best;
}
static double fold_argmin(const double *x, int64_t n, double *scale) {
    int64_t best = 0;
    for (int64_t i = 0; i < n && !isnan(x[best]); i++)
        if (isnan(x[i]) || x[i] < x[best]) best = i;
    return (double)best;
}
static int64_t fold_whole_argmax(const int64_t *x, int64_t n, hebb_dtype dtype) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best]) best = i;
    return best;
}
static int64_t fold_whole_argmin(const int64_t *x, int64_t n, hebb_dtype dtype) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] < x[best]) best = i;
    return best;
}
static double fold_size(const double *x, int64_t n, double *scale) { return (double)n; }
static int64_t fold_whole_size(const int64_t *x, int64_t n, hebb_dtype dtype) { return n; }

/* ---- the reference: gathers each result element's operands, and folds them ---- */

static void mark_axes(const params *p, int rank, bool *reduced) {
    for (int k = 0; k < rank; k++) reduced[k] = p->n_axes < 0;
    for (int k = 0; k < p->n_axes; k++) reduced[front_axis(p->axes[k], rank)] = true;
}

static hebb_shape kept_shape(hebb_shape shape, const bool *reduced, bool keep) {
    hebb_shape out = {0};
    for (int k = 0; k < shape.rank; k++) {
        if (!reduced[k]) out.dim[out.rank++] = shape.dim[k];
        else if (keep) out.dim[out.rank++] = 1;
    }
    return out;
}

/* Groups the elements of x by result element: list[o * n ...] are those of element o. */
static int64_t *group(const values *x, const bool *reduced, int64_t n_out, int64_t *n_each) {
    int64_t *list = test_memory((size_t)x->count * sizeof *list);
    int64_t *fill = test_memory((size_t)n_out * sizeof *fill);
    *n_each = 1;
    for (int k = 0; k < x->shape.rank; k++)
        if (reduced[k]) *n_each *= x->shape.dim[k];
    for (int64_t i = 0; i < x->count; i++) {
        int64_t at[HEBB_MAX_RANK], o = 0;
        index_split(i, x->shape, at);
        for (int k = 0; k < x->shape.rank; k++)
            if (!reduced[k]) o = o * x->shape.dim[k] + at[k];
        list[o * *n_each + fill[o]++] = i;
    }
    return list;
}

static scalar fold_group(const descriptor *d, const values *x, const int64_t *list, int64_t n,
                         double *scale) {
    if (!is_floating(x->dtype)) {
        int64_t *w = test_memory((size_t)n * sizeof *w);
        for (int64_t i = 0; i < n; i++) w[i] = x->at[list[i]].i;
        return (scalar){.i = d->fold_whole(w, n, x->dtype)};
    }
    double *f = test_memory((size_t)n * sizeof *f);
    for (int64_t i = 0; i < n; i++) f[i] = x->at[list[i]].f;
    return (scalar){.f = d->fold(f, n, scale)};
}

static values reduce(const descriptor *d, const values *x, const bool *reduced, hebb_shape shape,
                     hebb_dtype dtype) {
    values out = values_make(dtype, shape);
    out.scale = test_memory((size_t)out.count * sizeof *out.scale);
    int64_t n;
    int64_t *list = group(x, reduced, out.count, &n);
    for (int64_t o = 0; o < out.count; o++) {
        scalar y = fold_group(d, x, list + o * n, n, &out.scale[o]);
        out.at[o] = is_floating(x->dtype) == is_floating(dtype)
                        ? scalar_held(y, dtype)
                        : scalar_from_real(scalar_real(y, x->dtype), dtype);
    }
    return out;
}

values reference_reduce(const descriptor *d, const values *in, const params *p) {
    bool reduced[HEBB_MAX_RANK];
    mark_axes(p, in[0].shape.rank, reduced);
    hebb_shape shape = kept_shape(in[0].shape, reduced, p->keep);
    return reduce(d, &in[0], reduced, shape, result_dtype(d, in, p));
}

static values reference_arg(const descriptor *d, const values *in, const params *p) {
    params one = *p;
    one.n_axes = 1;
    one.axes[0] = p->axis;
    return reference_reduce(d, in, &one);
}

/* A scalar, whatever the axes. */
static values reference_size(const descriptor *d, const values *in, const params *p) {
    bool reduced[HEBB_MAX_RANK];
    int64_t n = 1;
    mark_axes(p, in[0].shape.rank, reduced);
    for (int k = 0; k < in[0].shape.rank; k++)
        if (reduced[k]) n *= in[0].shape.dim[k];
    values out = values_make(p->dtype, (hebb_shape){0});
    out.at[0] = scalar_from_real((double)n, p->dtype);
    return out;
}

static values reference_sum_like(const descriptor *d, const values *in, const params *p) {
    hebb_shape x = in[0].shape, like = in[1].shape;
    bool reduced[HEBB_MAX_RANK];
    int missing = x.rank - like.rank;
    for (int k = 0; k < x.rank; k++)
        reduced[k] = k < missing || (like.dim[k - missing] == 1 && x.dim[k] != 1);
    return reduce(d, &in[0], reduced, like, in[0].dtype);
}

/* ---- samples ---- */

typedef struct axes_case {
    hebb_shape shape;
    view view;
    int n_axes, axes[4];
    bool keep;
} axes_case;

/* Every axis of every rank from either end, pairs of axes, all and none of them, with and without
   keep; sizes 0 and 1; views; rows and columns long enough for any blocking. */
static const axes_case cases[] = {
    {DIMS(3, 4), DENSE, 1, {0}, false},
    {DIMS(3, 4), DENSE, 1, {1}, true},
    {DIMS(2, 3, 4), DENSE, 1, {-2}, false},
    {DIMS(2, 3, 4), DENSE, -1, {0}, false},
    {DIMS(5, 4), TRANSPOSED, 1, {-1}, false},
    {DIMS(0), DENSE, -1, {0}, false},
    {DIMS(HEBB_ANY, 3), DENSE, 1, {0}, false},
    {DIMS(HEBB_ANY, 3), DENSE, 1, {1}, false},
    {DIMS0, DENSE, -1, {0}, false},
    {DIMS(7), DENSE, 1, {0}, false},
    {DIMS(7), DENSE, 1, {-1}, true},
    {DIMS(1), DENSE, 1, {0}, false},
    {DIMS(2, 3, 4), DENSE, 0, {0}, false},
    {DIMS(2, 3, 4), DENSE, 1, {0}, true},
    {DIMS(2, 3, 4), DENSE, 2, {0, 2}, false},
    {DIMS(2, 3, 4), DENSE, 2, {2, 1}, true},
    {DIMS(2, 3, 4), DENSE, -1, {0}, true},
    {DIMS(2, 3, 4, 2), DENSE, 2, {1, -1}, false},
    {DIMS(2, 3, 2, 2, 3), DENSE, 3, {0, 2, 4}, false},
    {DIMS(2, 3, 2, 2, 3), DENSE, 2, {1, 3}, true},
    {DIMS(3, 1, 4), DENSE, 1, {1}, false},
    {DIMS(3, 0), DENSE, 1, {1}, false},
    {DIMS(3, 0), DENSE, 1, {0}, false},
    {DIMS(5, 6), SLICED, 1, {1}, false},
    {DIMS(5, 6), FLIPPED, 1, {0}, false},
    {DIMS(5, 6), STRETCHED, 1, {0}, false},
    {DIMS(3, 4, 5), TRANSPOSED, 2, {0, 1}, false},
    {DIMS(5, 1031), DENSE, 1, {1}, false},
    {DIMS(1031, 5), DENSE, 1, {0}, false},
    {DIMS(100003), DENSE, -1, {0}, false},
    {DIMS(317, 321), DENSE, 1, {0}, false},
};
#define INTEGER_CASES 6

static void push_axes_cases(const descriptor *d, hebb_dtype dtype, size_t n, sample_list *list) {
    for (size_t i = 0; i < n; i++) {
        const axes_case *c = &cases[i];
        sample s = {.n_in = 1,
                    .dtype = dtype,
                    .has_dtype = true,
                    .in = {{.shape = c->shape, .view = c->view}},
                    .p = {.n_axes = c->n_axes, .keep = c->keep, .dtype = HEBB_I64}};
        for (int k = 0; k < c->n_axes; k++) s.p.axes[k] = c->axes[k];
        sample_push(list, &s);
    }
}

/* Infinities, NaN and ties; the wrap-around of integers. */
static void push_value_cases(const descriptor *d, hebb_dtype dtype, sample_list *list) {
    for (size_t e = 0; e < COUNT(d->edges) && d->edges[e] != 0; e++) {
        sample s = {.n_in = 1,
                    .dtype = dtype,
                    .has_dtype = true,
                    .domain = d->edges[e],
                    .has_domain = true,
                    .no_gradient = true,
                    .in = {{.shape = DIMS(40, 5)}},
                    .p = {.n_axes = 1, .axes = {1}, .axis = 1, .dtype = HEBB_I32}};
        sample_push(list, &s);
    }
}

void reduce_family(const descriptor *d, sample_list *list) {
    if (d->dtypes & TAKES_REAL) {
        push_axes_cases(d, REAL, COUNT(cases), list);
        push_value_cases(d, REAL, list);
    }
    for (hebb_dtype t = HEBB_I32; t <= HEBB_BOOL; t++)
        if (d->dtypes & 1u << t) {
            push_axes_cases(d, t, INTEGER_CASES, list);
            push_value_cases(d, t, list);
        }
}

/* One axis, and something along it. */
static const axes_case arg_cases[] = {
    {DIMS(3, 4), DENSE, 1, {1}, false},
    {DIMS(3, 4), DENSE, 1, {0}, true},
    {DIMS(2, 3, 4), DENSE, 1, {-2}, false},
    {DIMS(5, 4), TRANSPOSED, 1, {-1}, false},
    {DIMS(7), DENSE, 1, {0}, false},
    {DIMS(1), DENSE, 1, {-1}, true},
    {DIMS(HEBB_ANY, 3), DENSE, 1, {1}, false},
    {DIMS(HEBB_ANY, 3), DENSE, 1, {0}, false},
    {DIMS(0, 3), DENSE, 1, {1}, false},
    {DIMS(2, 3, 2, 2), DENSE, 1, {2}, false},
    {DIMS(5, 6), SLICED, 1, {1}, false},
    {DIMS(5, 6), FLIPPED, 1, {0}, false},
    {DIMS(2, 2, 2, 3, 2), DENSE, 1, {3}, true},
    {DIMS(4, 1031), DENSE, 1, {1}, false},
    {DIMS(1031, 4), DENSE, 1, {0}, false},
};

static void arg_family(const descriptor *d, sample_list *list) {
    for (size_t i = 0; i < COUNT(arg_cases); i++) {
        const axes_case *c = &arg_cases[i];
        sample s = {.n_in = 1,
                    .in = {{.shape = c->shape, .view = c->view}},
                    .p = {.axis = c->axes[0], .keep = c->keep}};
        sample_push(list, &s);
    }
    push_value_cases(d, REAL, list);
    push_value_cases(d, HEBB_I32, list);
    push_value_cases(d, HEBB_U8, list);
}

#define AXES_OF(N, ...)  .p = {.n_axes = N, .axes = {__VA_ARGS__}}
#define NO_AXIS(MESSAGE) .status = HEBB_E_ARGUMENT, .message = MESSAGE
#define MATRIX           .n_in = 1, .in = {{DIMS(2, 3)}}

static const error_sample reduce_errors[] = {
    {MATRIX, AXES_OF(1, 2), NO_AXIS("axis 2 does not exist: the rank is 2")},
    {MATRIX, AXES_OF(1, -3), NO_AXIS("axis -3 does not exist")},
    {MATRIX, AXES_OF(2, 0, -2), NO_AXIS("axis -2 is named twice")},
    {MATRIX, AXES_OF(9, 0), NO_AXIS("9 axes, where 0 to 8 are possible")},
    {MATRIX, AXES_OF(-1, 0), .dtype = HEBB_BOOL, .status = HEBB_E_DTYPE,
     .message = "bool is not numeric"},
    {.n_in = 1, .in = {{DIMS0}}, AXES_OF(1, 0), NO_AXIS("axis 0 does not exist: the rank is 0")},
};

static const error_sample arg_errors[] = {
    {MATRIX, .p.axis = 2, NO_AXIS("axis 2 does not exist: the rank is 2")},
    {MATRIX, .p.axis = -3, NO_AXIS("axis -3 does not exist")},
    {.n_in = 1, .in = {{DIMS0}}, .p.axis = 0, NO_AXIS("axis 0 does not exist")},
    {MATRIX, .p.axis = 0, .dtype = HEBB_BOOL, .status = HEBB_E_DTYPE,
     .message = "bool is not numeric"},
};

static const error_sample size_errors[] = {
    {MATRIX, .p = {.n_axes = 1, .axes = {2}}, NO_AXIS("axis 2 does not exist")},
    {MATRIX, .p = {.n_axes = 2, .axes = {1, 1}}, NO_AXIS("axis 1 is named twice")},
    {MATRIX, .p = {.n_axes = -2}, NO_AXIS("-2 axes, where 0 to 8 are possible")},
    {MATRIX, .p = {.n_axes = -1, .dtype = HEBB_BOOL}, .status = HEBB_E_DTYPE,
     .message = "bool is not numeric"},
    {MATRIX, .p = {.n_axes = -1, .dtype = (hebb_dtype)77}, .status = HEBB_E_DTYPE,
     .message = "77 is no dtype"},
};

static const error_sample sum_like_errors[] = {
    {.n_in = 2,
     .in = {{DIMS(2, 3)}, {DIMS(2)}},
     .status = HEBB_E_SHAPE,
     .message = "[2] does not broadcast to [2, 3]"},
    {.n_in = 2,
     .in = {{DIMS(3)}, {DIMS(2, 3)}},
     .status = HEBB_E_SHAPE,
     .message = "does not broadcast to the lower rank of [3]"},
    {.n_in = 2,
     .in = {{DIMS(2, 3)}, {DIMS(3)}},
     .dtype = HEBB_BOOL,
     .status = HEBB_E_DTYPE,
     .message = "bool is not numeric"},
};

static const sample size_samples[] = {
    {.n_in = 1,
     .in = {{.shape = DIMS(2, 3, 4)}},
     .p = {.n_axes = 2, .axes = {0, -1}, .dtype = HEBB_I32}},
    {.n_in = 1, .in = {{.shape = DIMS(2, 3, 4)}}, .p = {.n_axes = -1, .dtype = HEBB_F32}},
    {.n_in = 1, .in = {{.shape = DIMS(2, 3)}}, .p = {.n_axes = 0, .dtype = HEBB_I64}},
    {.n_in = 1, .in = {{.shape = DIMS(HEBB_ANY, 3)}}, .p = {.n_axes = -1, .dtype = HEBB_F32}},
    {.n_in = 1,
     .in = {{.shape = DIMS(HEBB_ANY, 3)}},
     .p = {.n_axes = 1, .axes = {0}, .dtype = HEBB_I32}},
    {.n_in = 1, .in = {{.shape = DIMS(0, 3)}}, .p = {.n_axes = -1, .dtype = HEBB_I64}},
    {.n_in = 1, .in = {{.shape = DIMS0}}, .p = {.n_axes = -1, .dtype = HEBB_U8}},
};

static const sample sum_like_samples[] = {
    {.n_in = 2, .in = {{.shape = DIMS(2, 3)}, {.shape = DIMS(3)}}},
    {.n_in = 2, .in = {{.shape = DIMS(2, 3)}, {.shape = DIMS(2, 1)}}},
    {.n_in = 2, .in = {{.shape = DIMS(2, 3)}, {.shape = DIMS(2, 3)}}},
    {.n_in = 2, .in = {{.shape = DIMS(2, 3)}, {.shape = DIMS0}}},
    {.n_in = 2, .in = {{.shape = DIMS0}, {.shape = DIMS0}}},
    {.n_in = 2, .in = {{.shape = DIMS(2, 3, 4)}, {.shape = DIMS(3, 1)}}},
    {.n_in = 2, .in = {{.shape = DIMS(2, 3, 1, 4, 2)}, {.shape = DIMS(3, 1, 1, 2)}}},
    {.n_in = 2, .in = {{.shape = DIMS(0, 3)}, {.shape = DIMS(1, 3)}}},
    {.n_in = 2, .in = {{.shape = DIMS(HEBB_ANY, 3)}, {.shape = DIMS(3)}}},
    {.n_in = 2, .in = {{.shape = DIMS(HEBB_ANY, 3)}, {.shape = DIMS(HEBB_ANY, 1)}}},
    {.n_in = 2, .in = {{.shape = DIMS(4, 6), .view = TRANSPOSED}, {.shape = DIMS(6)}}},
    {.n_in = 2, .in = {{.shape = DIMS(301, 211)}, {.shape = DIMS(211)}}},
};

/* ---- builders ---- */

#define BUILD(name, ...)                                                                           \
    static hebb_tensor *build_##name(hebb_graph *g, hebb_tensor *const *in, const params *p) {     \
        return hebb_##name(__VA_ARGS__);                                                           \
    }
#define AXES (p->n_axes < 0 ? NULL : p->axes), p->n_axes
BUILD(sum, in[0], AXES, p->keep)
BUILD(mean, in[0], AXES, p->keep)
BUILD(max, in[0], AXES, p->keep)
BUILD(min, in[0], AXES, p->keep)
BUILD(argmax, in[0], p->axis, p->keep)
BUILD(argmin, in[0], p->axis, p->keep)
BUILD(size, in[0], AXES, p->dtype)
BUILD(sum_like, in[0], in[1])

#define SUM_TOLERANCE                                                                              \
    .f32 = {5e-6, 1.2e-38}, .reason = "partial sums of 1e5 numbers are rounded to float32"

static const descriptor table[] = {
    {.name = "sum",
     ERRORS(reduce_errors),
     .op = "sum",
     .build = build_sum,
     .fold = fold_sum,
     .fold_whole = fold_whole_sum,
     .reference = reference_reduce,
     .result = SAME,
     .arity = 1,
     .family = reduce_family,
     .dtypes = TAKES_NUMBERS,
     .edges = {NONFINITE},
     .differentiable = true,
     SUM_TOLERANCE},
    {.name = "mean",
     ERRORS(reduce_errors),
     .build = build_mean,
     .fold = fold_mean,
     .fold_whole = fold_whole_mean,
     .reference = reference_reduce,
     .result = SAME,
     .arity = 1,
     .family = reduce_family,
     .dtypes = TAKES_NUMBERS,
     .edges = {NONFINITE},
     .differentiable = true,
     SUM_TOLERANCE},
    {.name = "max",
     ERRORS(reduce_errors),
     .op = "max",
     .build = build_max,
     .fold = fold_max,
     .fold_whole = fold_whole_max,
     .reference = reference_reduce,
     .result = SAME,
     .arity = 1,
     .family = reduce_family,
     .dtypes = TAKES_NUMBERS,
     .domain = DISTINCT,
     .edges = {SPECIAL, SMALL},
     .differentiable = true},
    {.name = "min",
     ERRORS(reduce_errors),
     .op = "min",
     .build = build_min,
     .fold = fold_min,
     .fold_whole = fold_whole_min,
     .reference = reference_reduce,
     .result = SAME,
     .arity = 1,
     .family = reduce_family,
     .dtypes = TAKES_NUMBERS,
     .domain = DISTINCT,
     .edges = {SPECIAL, SMALL},
     .differentiable = true},
    {.name = "argmax",
     ERRORS(arg_errors),
     .build = build_argmax,
     .fold = fold_argmax,
     .fold_whole = fold_whole_argmax,
     .reference = reference_arg,
     .result = HEBB_I32,
     .arity = 1,
     .family = arg_family,
     .domain = SMALL,
     .edges = {SPECIAL, SMALL}},
    {.name = "argmin",
     ERRORS(arg_errors),
     .build = build_argmin,
     .fold = fold_argmin,
     .fold_whole = fold_whole_argmin,
     .reference = reference_arg,
     .result = HEBB_I32,
     .arity = 1,
     .family = arg_family,
     .domain = SMALL,
     .edges = {SPECIAL, SMALL}},
    {.name = "size",
     ERRORS(size_errors),
     .op = "size",
     .build = build_size,
     .fold = fold_size,
     .fold_whole = fold_whole_size,
     .reference = reference_size,
     .result = BY_PARAM,
     .arity = 1,
     .extra = size_samples,
     .n_extra = COUNT(size_samples)},
    {.name = "sum_like",
     ERRORS(sum_like_errors),
     .op = "sum_like",
     .build = build_sum_like,
     .fold = fold_sum,
     .reference = reference_sum_like,
     .result = SAME,
     .arity = 2,
     .extra = sum_like_samples,
     .n_extra = COUNT(sum_like_samples),
     .differentiable = true,
     SUM_TOLERANCE},
};

const descriptor_table reduce_table = {table, COUNT(table)};
