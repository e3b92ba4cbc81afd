/* Descriptors of pooling and resizing: see samples.h. */
#include <math.h>

#include "samples.h"

/* ---- references ---- */

static int64_t nth(const int64_t *numbers, int d) {
    for (; d >= 0; d--)
        if (numbers[d] != 0) return numbers[d];
    return 1;
}

static int rank_of(const int64_t *sizes) { return sizes[2] > 0 ? 3 : sizes[1] > 0 ? 2 : 1; }

/* What of an axis a result is over: elements first + k step, k < count, of which some may be
   padding. */
typedef struct span {
    int64_t first, step, count;
} span;

static int64_t stride_of(const params *p, int d) {
    bool given = p->stride[0] != 0 || p->stride[1] != 0 || p->stride[2] != 0;
    return given ? nth(p->stride, d) : p->kernel[d];
}

static int64_t padding(const params *p, int d, int64_t size, int64_t *all) {
    int64_t stride = stride_of(p, d), extent = (p->kernel[d] - 1) * nth(p->dilation, d) + 1;
    *all = p->pad[d][0] + p->pad[d][1];
    if (p->padding != HEBB_PADDING_SAME) return p->pad[d][0];
    *all = ((size + stride - 1) / stride - 1) * stride + extent - size;
    if (*all < 0) *all = 0;
    return *all / 2;
}

static int64_t pooled_size(const params *p, int d, int64_t size) {
    int64_t all;
    padding(p, d, size, &all);
    return (size + all - (p->kernel[d] - 1) * nth(p->dilation, d) - 1) / stride_of(p, d) + 1;
}

static span pooled(const params *p, int d, int64_t size, int64_t i) {
    int64_t all, before = padding(p, d, size, &all);
    return (span){i * stride_of(p, d) - before, nth(p->dilation, d), p->kernel[d]};
}

static span adaptive(int64_t out, int64_t size, int64_t i) {
    int64_t from = i * size / out, to = ((i + 1) * size + out - 1) / out;
    return (span){from, 1, to - from};
}

/* A running maximum or mean over the elements of a box; `all` counts padding, too. */
typedef struct tally {
    double largest, sum, scale;
    int64_t whole, inside, all;
    bool nan;
} tally;

static int64_t lowest(hebb_dtype dtype) {
    if (dtype == HEBB_I8) return INT8_MIN;
    return dtype == HEBB_I32 ? INT32_MIN : dtype == HEBB_I64 ? INT64_MIN : 0;
}

static void visit(const values *x, int outer, int n, const span *s, int d, int64_t *at, tally *t) {
    if (d == n) {
        scalar v = x->at[index_join(at, x->shape)];
        t->inside++;
        if (!is_floating(x->dtype)) {
            if (v.i > t->whole) t->whole = v.i;
            return;
        }
        t->nan = t->nan || isnan(v.f);
        if (v.f > t->largest) t->largest = v.f;
        t->sum += v.f;
        t->scale += fabs(v.f);
        return;
    }
    for (int64_t k = 0; k < s[d].count; k++) {
        at[outer + d] = s[d].first + k * s[d].step;
        if (at[outer + d] >= 0 && at[outer + d] < x->shape.dim[outer + d])
            visit(x, outer, n, s, d + 1, at, t);
    }
}

typedef span find_span(const params *p, int d, int64_t size, int64_t out, int64_t i);

static span find_pooled(const params *p, int d, int64_t size, int64_t out, int64_t i) {
    return pooled(p, d, size, i);
}
static span find_adaptive(const params *p, int d, int64_t size, int64_t out, int64_t i) {
    return p->shape.dim[d] == HEBB_ANY ? (span){i, 1, 1} : adaptive(out, size, i);
}

static values pool(const values *x, hebb_shape shape, int n, const params *p, find_span *find,
                   bool max, bool count_all) {
    values out = values_make(x->dtype, shape);
    out.scale = test_memory((size_t)(out.count + 1) * sizeof *out.scale);
    int outer = shape.rank - n;
    for (int64_t i = 0; i < out.count; i++) {
        int64_t at[HEBB_MAX_RANK];
        span s[3] = {{0}};
        tally t = {.largest = -INFINITY, .whole = lowest(x->dtype), .all = 1};
        index_split(i, shape, at);
        for (int d = 0; d < n; d++) {
            s[d] = find(p, d, x->shape.dim[outer + d], shape.dim[outer + d], at[outer + d]);
            t.all *= s[d].count;
        }
        visit(x, outer, n, s, 0, at, &t);
        out.scale[i] = 0;
        if (!is_floating(x->dtype)) out.at[i].i = t.whole;
        else if (max) out.at[i].f = t.nan ? NAN : t.largest;
        else {
            double count = (double)(count_all ? t.all : t.inside);
            out.at[i].f = t.sum / count;
            out.scale[i] = count > 0 ? t.scale / count : 0;
        }
    }
    return out;
}

static values windowed(const values *in, const params *p, bool max) {
    int n = rank_of(p->kernel), outer = in[0].shape.rank - n;
    hebb_shape shape = in[0].shape;
    for (int d = 0; d < n; d++) shape.dim[outer + d] = pooled_size(p, d, shape.dim[outer + d]);
    return pool(&in[0], shape, n, p, find_pooled, max, p->count_include_pad);
}

static values reference_max_pool(const descriptor *d, const values *in, const params *p) {
    return windowed(in, p, true);
}
static values reference_average_pool(const descriptor *d, const values *in, const params *p) {
    return windowed(in, p, false);
}

static hebb_shape resized(hebb_shape x, const params *p) {
    int n = p->shape.rank;
    for (int d = 0; d < n; d++)
        if (p->shape.dim[d] != HEBB_ANY) x.dim[x.rank - n + d] = p->shape.dim[d];
    return x;
}

static values reference_adaptive_max_pool(const descriptor *d, const values *in, const params *p) {
    return pool(&in[0], resized(in[0].shape, p), p->shape.rank, p, find_adaptive, true, false);
}
static values reference_adaptive_average_pool(const descriptor *d, const values *in,
                                              const params *p) {
    return pool(&in[0], resized(in[0].shape, p), p->shape.rank, p, find_adaptive, false, false);
}

static values global(const values *in, bool max) {
    params p = {.shape = {.rank = in[0].shape.rank - 2, .dim = {1, 1, 1}}};
    return pool(&in[0], resized(in[0].shape, &p), p.shape.rank, &p, find_adaptive, max, false);
}
static values reference_global_max_pool(const descriptor *d, const values *in, const params *p) {
    return global(in, true);
}
static values reference_global_average_pool(const descriptor *d, const values *in,
                                            const params *p) {
    return global(in, false);
}

/* The elements before and after the place of result i of an axis, and the latter's weight. */
static double place(const params *p, int64_t size, int64_t out, int64_t i, int64_t *low,
                    int64_t *high) {
    hebb_coordinates c = p->coordinates;
    if (c == HEBB_COORDINATES_DEFAULT)
        c = p->method == HEBB_LINEAR ? HEBB_COORDINATES_HALF_PIXEL : HEBB_COORDINATES_ASYMMETRIC;
    if (p->method == HEBB_NEAREST) {
        *low = c == HEBB_COORDINATES_HALF_PIXEL ? (2 * i + 1) * size / (2 * out) : i * size / out;
        *high = *low;
        return 0;
    }
    int64_t numerator = i * size, denominator = out; /* exact: t would lose digits otherwise */
    if (c == HEBB_COORDINATES_CORNERS) {
        numerator = i * (size - 1);
        denominator = out == 1 ? 1 : out - 1;
    } else if (c == HEBB_COORDINATES_HALF_PIXEL) {
        numerator = (2 * i + 1) * size - out;
        denominator = 2 * out;
    }
    if (numerator < 0) numerator = 0;
    *low = numerator / denominator;
    *high = *low + 1 < size ? *low + 1 : size - 1;
    return (double)(numerator % denominator) / (double)denominator;
}

static values reference_resize(const descriptor *d, const values *in, const params *p) {
    hebb_shape x = in[0].shape, shape = resized(x, p);
    int n = p->shape.rank, outer = x.rank - n;
    values out = values_make(in[0].dtype, shape);
    out.scale = test_memory((size_t)(out.count + 1) * sizeof *out.scale);
    for (int64_t i = 0; i < out.count; i++) {
        int64_t at[HEBB_MAX_RANK], side[3][2];
        double t[3];
        index_split(i, shape, at);
        for (int k = 0; k < n; k++)
            t[k] = place(p, x.dim[outer + k], shape.dim[outer + k], at[outer + k], &side[k][0],
                         &side[k][1]);
        out.scale[i] = 0;
        for (int corner = 0; corner < 1 << n; corner++) {
            double weight = 1;
            for (int k = 0; k < n; k++) {
                bool after = corner >> k & 1;
                at[outer + k] = side[k][after];
                weight *= after ? t[k] : 1 - t[k];
            }
            scalar v = in[0].at[index_join(at, x)];
            if (p->method == HEBB_NEAREST) out.at[i] = v;
            else {
                out.at[i].f += weight * v.f;
                out.scale[i] = fmax(out.scale[i], fabs(v.f)); /* weights round, too */
            }
        }
    }
    return out;
}

/* ---- builders ---- */

static hebb_pool_options pool_options(const params *p) {
    hebb_pool_options o = {.padding = p->padding, .count_include_pad = p->count_include_pad};
    for (int d = 0; d < 3; d++) {
        o.stride[d] = p->stride[d];
        o.dilation[d] = p->dilation[d];
        for (int side = 0; side < 2; side++) o.pad[d][side] = p->pad[d][side];
    }
    return o;
}

static hebb_tensor *build_max_pool(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    hebb_pool_options o = pool_options(p);
    return hebb_max_pool_with(HEBB_HERE(in[0]), hebb_shape_of(rank_of(p->kernel), p->kernel), &o);
}
static hebb_tensor *build_average_pool(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    hebb_pool_options o = pool_options(p);
    return hebb_average_pool_with(HEBB_HERE(in[0]), hebb_shape_of(rank_of(p->kernel), p->kernel),
                                  &o);
}
static hebb_tensor *build_resize(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    return hebb_resize(in[0], p->shape, .method = p->method, .coordinates = p->coordinates);
}

#define BUILD(name, ...)                                                                           \
    static hebb_tensor *build_##name(hebb_graph *g, hebb_tensor *const *in, const params *p) {     \
        return hebb_##name(__VA_ARGS__);                                                           \
    }
BUILD(global_max_pool, in[0])
BUILD(global_average_pool, in[0])
BUILD(adaptive_max_pool, in[0], p->shape)
BUILD(adaptive_average_pool, in[0], p->shape)

/* ---- samples ---- */

#define ONE(VIEW, ...) .n_in = 1, .in = {{.shape = DIMS(__VA_ARGS__), .view = VIEW}}
#define SAME_PAD       .padding = HEBB_PADDING_SAME
#define SIZES(...)     .shape = DIMS(__VA_ARGS__)

static const sample max_pool_samples[] = {
    {ONE(DENSE, 2, 2, 4, 4), .p = {.kernel = {2, 2}}},
    {ONE(DENSE, 2, 7), .p = {.kernel = {3}, .stride = {2}, .pad = {{1, 0}}}},
    {ONE(DENSE, 1, 5, 5), .p = {.kernel = {3, 2}, .stride = {1}, SAME_PAD}},
    {ONE(DENSE, HEBB_ANY, 2, 5), .p = {.kernel = {2}, .stride = {2}, SAME_PAD}},
    {ONE(DENSE, 2, HEBB_ANY), .p = {.kernel = {3}, .stride = {2}, SAME_PAD}},
    {ONE(DENSE, 1, 4, 3, 5), .p = {.kernel = {2, 2, 2}, .stride = {2, 1, 3}}},
    {ONE(DENSE, 1, 8), .p = {.kernel = {3}, .dilation = {2}, .stride = {1}, .pad = {{2, 3}}}},
    {ONE(DENSE, 3), .p = {.kernel = {1}, .pad = {{1, 1}}}, .no_gradient = true},
    {ONE(DENSE, 0, 4), .p = {.kernel = {2}}},
    {ONE(DENSE, 1, 1, 1), .p = {.kernel = {1, 1}}},
    {ONE(TRANSPOSED, 4, 5, 2), .p = {.kernel = {2, 2}, .stride = {1}}},
    {ONE(SLICED, 2, 4), .p = {.kernel = {3}}},
    {ONE(DENSE, 3, 31, 33), .p = {.kernel = {3, 3}, .stride = {2}, .pad = {{1, 1}, {1, 1}}}},
    {ONE(DENSE, 2, 9), .p = {.kernel = {3}}, .domain = NONFINITE, .has_domain = true,
     .no_gradient = true},
};

static const sample average_pool_samples[] = {
    {ONE(DENSE, 2, 2, 4, 4), .p = {.kernel = {2, 2}}},
    {ONE(DENSE, 2, 7), .p = {.kernel = {3}, .stride = {2}, .pad = {{1, 0}}}},
    {ONE(DENSE, 2, 7),
     .p = {.kernel = {3}, .stride = {2}, .pad = {{1, 0}}, .count_include_pad = true}},
    {ONE(DENSE, 1, 5, 5), .p = {.kernel = {3, 2}, .stride = {1}, SAME_PAD}},
    {ONE(DENSE, 1, 5, 5),
     .p = {.kernel = {3, 2}, .stride = {1}, SAME_PAD, .count_include_pad = true}},
    {ONE(DENSE, HEBB_ANY, 2, 5), .p = {.kernel = {2}, .stride = {2}, SAME_PAD}},
    {ONE(DENSE, 2, HEBB_ANY), .p = {.kernel = {3}, .stride = {2}, SAME_PAD}},
    {ONE(DENSE, 1, 4, 3, 5),
     .p = {.kernel = {2, 2, 2}, .stride = {2, 1, 3}, .pad = {{0, 1}, {1, 0}, {1, 1}}}},
    {ONE(DENSE, 0, 4), .p = {.kernel = {2}, .pad = {{1, 1}}}},
    {ONE(DENSE, 5), .p = {.kernel = {2}, .stride = {1}}},
    {ONE(TRANSPOSED, 4, 5, 2), .p = {.kernel = {2, 2}, .stride = {1}}},
    {ONE(DENSE, 3, 31, 33), .p = {.kernel = {3, 3}, .stride = {2}, .pad = {{1, 1}, {1, 1}}}},
};

static const sample global_max_pool_samples[] = {
    {ONE(DENSE, 2, 2, 3, 3)},
    {ONE(DENSE, 2, 3, 5)},
    {ONE(DENSE, 1, 2, 2, 3, 2)},
    {ONE(DENSE, 0, 2, 3)},
    {ONE(DENSE, HEBB_ANY, 2, 4)},
    {ONE(TRANSPOSED, 2, 3, 4)},
    {ONE(DENSE, 1, 1, HEBB_ANY, HEBB_ANY)},
};
static const sample global_average_pool_samples[] = {
    {ONE(DENSE, 2, 2, 3, 3)},
    {ONE(DENSE, 2, 3, 5)},
    {ONE(DENSE, 1, 2, 2, 3, 2)},
    {ONE(DENSE, 0, 2, 3)},
    {ONE(DENSE, HEBB_ANY, 2, 4)},
    {ONE(TRANSPOSED, 2, 3, 4)},
    {ONE(DENSE, 1, 1, HEBB_ANY, HEBB_ANY)},
};

#define ADAPTIVE_SAMPLES                                                                           \
    {ONE(DENSE, 1, 2, 4, 6), .p = {SIZES(2, 3)}}, {ONE(DENSE, 1, 5, 7), .p = {SIZES(3, 4)}},       \
        {ONE(DENSE, 2, 5), .p = {SIZES(8)}}, {ONE(DENSE, HEBB_ANY, 5), .p = {SIZES(2)}},           \
        {ONE(DENSE, 2, HEBB_ANY), .p = {SIZES(3)}},                                                \
        {ONE(DENSE, 2, HEBB_ANY, 4), .p = {SIZES(HEBB_ANY, 2)}},                                   \
        {ONE(DENSE, 3, 4, 5), .p = {SIZES(2, 3, 2)}}, {ONE(DENSE, 0, 5), .p = {SIZES(3)}},         \
        {ONE(DENSE, 1, 1), .p = {SIZES(1)}}, {ONE(TRANSPOSED, 5, 4, 2), .p = {SIZES(3, 1)}},       \
        {ONE(DENSE, 2, 37, 41), .p = {SIZES(7, 7)}}, {                                             \
        ONE(DENSE, 3, 6, 5), .p = { SIZES(3, HEBB_ANY) }                                           \
    }
static const sample adaptive_max_pool_samples[] = {ADAPTIVE_SAMPLES};
static const sample adaptive_average_pool_samples[] = {ADAPTIVE_SAMPLES};

#define LINEAR .method = HEBB_LINEAR
static const sample resize_samples[] = {
    {ONE(DENSE, 2, 3, 4), .p = {SIZES(5, 7)}},
    {ONE(DENSE, 2, 5), .p = {SIZES(7), .coordinates = HEBB_COORDINATES_HALF_PIXEL}},
    {ONE(DENSE, HEBB_ANY, 3), .p = {SIZES(6)}},
    {ONE(DENSE, 2, 5), .p = {SIZES(7), LINEAR, .coordinates = HEBB_COORDINATES_CORNERS}},
    {ONE(DENSE, 2, 7), .p = {SIZES(3), LINEAR, .coordinates = HEBB_COORDINATES_ASYMMETRIC}},
    {ONE(DENSE, 2, 3), .p = {SIZES(1), LINEAR, .coordinates = HEBB_COORDINATES_CORNERS}},
    {ONE(DENSE, 2, HEBB_ANY), .p = {SIZES(4), LINEAR}},
    {ONE(DENSE, 1, 5, 4), .p = {SIZES(3, 6), LINEAR}},
    {ONE(DENSE, 2, HEBB_ANY, 3), .p = {SIZES(HEBB_ANY, 2), LINEAR}},
    {ONE(DENSE, 1, 2, 3, 2), .p = {SIZES(3, 2, 4), LINEAR}},
    {ONE(DENSE, 2, 3, 2), .p = {SIZES(4, 2, 3)}},
    {ONE(DENSE, 0, 3), .p = {SIZES(5), LINEAR}},
    {ONE(DENSE, 1), .p = {SIZES(4), LINEAR}},
    {ONE(DENSE, 4), .p = {SIZES(4)}},
    {ONE(TRANSPOSED, 4, 3), .p = {SIZES(2, 5), LINEAR}},
    {ONE(DENSE, 3, 40, 50), .p = {SIZES(63, 31), LINEAR}},
};

/* ---- what is refused ---- */

#define BAD(STATUS, MESSAGE) .status = STATUS, .message = MESSAGE
static const error_sample max_pool_errors[] = {
    {ONE(DENSE, 2, 4), .p = {.kernel = {5}}, BAD(HEBB_E_SHAPE, "does not fit")},
    {ONE(DENSE, 4), .p = {.kernel = {2, 2}}, BAD(HEBB_E_SHAPE, "dimensions")},
    {ONE(DENSE, 4), .p = {.kernel = {0}}, BAD(HEBB_E_ARGUMENT, "has a size of 0")},
    {ONE(DENSE, 4), .p = {.kernel = {2}, .pad = {{-1, 0}}}, BAD(HEBB_E_ARGUMENT, ".pad")},
    {ONE(DENSE, 4), .p = {.kernel = {2}}, .dtype = HEBB_BOOL, BAD(HEBB_E_DTYPE, "bool")},
};
static const error_sample average_pool_errors[] = {
    {ONE(DENSE, 2, 4), .p = {.kernel = {5}}, BAD(HEBB_E_SHAPE, "does not fit")},
    {ONE(DENSE, 4), .p = {.kernel = {2}, .stride = {-2}}, BAD(HEBB_E_ARGUMENT, ".stride")},
    {ONE(DENSE, 4), .p = {.kernel = {2}}, .dtype = HEBB_I32, BAD(HEBB_E_DTYPE, "not floating")},
};
static const error_sample global_max_pool_errors[] = {
    {ONE(DENSE, 2, 4), BAD(HEBB_E_SHAPE, "3 to 5")},
    {ONE(DENSE, 1, 1, 1, 1, 1, 1), BAD(HEBB_E_SHAPE, "3 to 5")},
};
static const error_sample global_average_pool_errors[] = {
    {ONE(DENSE, 2, 4), BAD(HEBB_E_SHAPE, "3 to 5")},
    {ONE(DENSE, 1, 2, 4), .dtype = HEBB_I32, BAD(HEBB_E_DTYPE, "not floating")},
};
static const error_sample adaptive_max_pool_errors[] = {
    {ONE(DENSE, 4), .p = {SIZES(2, 2)}, BAD(HEBB_E_SHAPE, "more sizes")},
    {ONE(DENSE, 4), .p = {SIZES(0)}, BAD(HEBB_E_ARGUMENT, "out of range")},
    {ONE(DENSE, 4), .p = {.shape = DIMS0}, BAD(HEBB_E_ARGUMENT, "1 to 3")},
    {ONE(DENSE, 4), .p = {SIZES(2)}, .dtype = HEBB_BOOL, BAD(HEBB_E_DTYPE, "bool")},
};
static const error_sample adaptive_average_pool_errors[] = {
    {ONE(DENSE, 4), .p = {SIZES(2, 2)}, BAD(HEBB_E_SHAPE, "more sizes")},
    {ONE(DENSE, 1, 1, 1, 1, 1, 1, 1, 4), .p = {SIZES(2)}, BAD(HEBB_E_SHAPE, "rank")},
    {ONE(DENSE, 4), .p = {SIZES(2)}, .dtype = HEBB_I32, BAD(HEBB_E_DTYPE, "not floating")},
};
static const error_sample resize_errors[] = {
    {ONE(DENSE, 4), .p = {SIZES(2, 2)}, BAD(HEBB_E_SHAPE, "more sizes")},
    {ONE(DENSE, 4), .p = {SIZES(0)}, BAD(HEBB_E_ARGUMENT, "out of range")},
    {ONE(DENSE, 4), .p = {SIZES(2), .method = (hebb_resize_method)5},
     BAD(HEBB_E_ARGUMENT, "method")},
    {ONE(DENSE, 4), .p = {SIZES(2), .coordinates = HEBB_COORDINATES_CORNERS},
     BAD(HEBB_E_ARGUMENT, "corners")},
    {ONE(DENSE, 4), .p = {SIZES(2), LINEAR}, .dtype = HEBB_I32, BAD(HEBB_E_DTYPE, "not floating")},
};

/* ---- the table ---- */

#define SUMS .f32 = {1e-6, 1.2e-38}, .reason = "sums are taken in an order that suits the memory"

#define ROW(NAME)                                                                                  \
    .name = #NAME, .build = build_##NAME, .reference = reference_##NAME, .arity = 1,               \
    .extra = NAME##_samples, .n_extra = COUNT(NAME##_samples), .errors = NAME##_errors,            \
    .n_errors = COUNT(NAME##_errors), .differentiable = true

static const descriptor table[] = {
    {ROW(max_pool), .dtypes = TAKES_INTEGERS, .domain = DISTINCT},
    {ROW(average_pool), SUMS},
    {ROW(global_max_pool), .dtypes = TAKES_INTEGERS, .domain = DISTINCT},
    {ROW(global_average_pool), SUMS},
    {ROW(adaptive_max_pool), .dtypes = TAKES_INTEGERS, .domain = DISTINCT},
    {ROW(adaptive_average_pool), SUMS},
    {ROW(resize), .dtypes = TAKES_ALL},
};

const descriptor_table pool_table = {table, COUNT(table)};
