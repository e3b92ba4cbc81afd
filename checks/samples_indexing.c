/* Descriptors of the matrix product and of the ops that take indices: see samples.h. */
#include <math.h>

#include "samples.h"

/* ---- references ---- */

static hebb_shape leading(hebb_shape shape, int drop) {
    shape.rank -= drop;
    return shape;
}

/* One element: the dot product of a row of a and a column of b. */
static double dot(const values *a, int64_t a0, const values *b, int64_t b0, int64_t k, int64_t n,
                  double *scale) {
    long double sum = 0;
    for (int64_t p = 0; p < k; p++) {
        double t = a->at[a0 + p].f * b->at[b0 + p * n].f;
        sum += t;
        *scale += fabs(t);
    }
    return (double)sum;
}

static values reference_matmul(const descriptor *d, const values *in, const params *p) {
    const values *a = &in[0], *b = &in[1];
    int ra = a->shape.rank, rb = b->shape.rank;
    int64_t m = a->shape.dim[ra - 2], k = a->shape.dim[ra - 1], n = b->shape.dim[rb - 1];
    hebb_shape batch_a = leading(a->shape, 2), batch_b = leading(b->shape, 2);
    hebb_shape batch = broadcast_shapes(batch_a, batch_b), shape = batch;
    shape.dim[shape.rank++] = m;
    shape.dim[shape.rank++] = n;
    values out = values_make(a->dtype, shape);
    out.scale = test_memory((size_t)out.count * sizeof *out.scale);
    for (int64_t i = 0; i < out.count; i++) {
        int64_t q = i / (m * n), row = i / n % m, column = i % n;
        int64_t a0 = (broadcast_index(q, batch, batch_a) * m + row) * k;
        int64_t b0 = broadcast_index(q, batch, batch_b) * k * n + column;
        out.at[i].f = dot(a, a0, b, b0, k, n, &out.scale[i]);
    }
    return out;
}

static int64_t row_size(const values *x) {
    int64_t size = 1;
    for (int k = 1; k < x->shape.rank; k++) size *= x->shape.dim[k];
    return size;
}

static values reference_gather(const descriptor *d, const values *in, const params *p) {
    int64_t rows = in[0].shape.dim[0], width = row_size(&in[0]);
    hebb_shape shape = in[1].shape;
    for (int k = 1; k < in[0].shape.rank; k++) shape.dim[shape.rank++] = in[0].shape.dim[k];
    values out = values_make(in[0].dtype, shape);
    for (int64_t i = 0; i < out.count; i++) {
        int64_t row = in[1].at[i / width].i;
        if (row >= 0 && row < rows) out.at[i] = in[0].at[row * width + i % width];
        else if (is_floating(out.dtype)) out.at[i].f = NAN;
    }
    return out;
}

static void add_to(values *out, int64_t at, scalar x) {
    if (is_floating(out->dtype)) {
        out->at[at].f += x.f;
        out->scale[at] += fabs(x.f);
    } else {
        scalar sum = {.i = (int64_t)((uint64_t)out->at[at].i + (uint64_t)x.i)};
        out->at[at] = scalar_held(sum, out->dtype);
    }
}

static values reference_scatter_add(const descriptor *d, const values *in, const params *p) {
    int64_t rows = in[0].shape.dim[0], width = row_size(&in[0]);
    values out = values_cast(&in[0], in[0].dtype);
    out.scale = test_memory((size_t)out.count * sizeof *out.scale);
    for (int64_t i = 0; i < out.count && is_floating(out.dtype); i++)
        out.scale[i] = fabs(out.at[i].f);
    for (int64_t i = 0; i < in[2].count; i++) {
        int64_t row = in[1].at[i / width].i;
        if (row >= 0 && row < rows) add_to(&out, row * width + i % width, in[2].at[i]);
    }
    return out;
}

static values reference_one_hot(const descriptor *d, const values *in, const params *p) {
    hebb_shape shape = in[0].shape;
    shape.dim[shape.rank++] = p->depth;
    values out = values_make(p->dtype, shape);
    for (int64_t i = 0; i < in[0].count; i++) {
        int64_t k = in[0].at[i].i;
        if (k >= 0 && k < p->depth) out.at[i * p->depth + k] = scalar_from_real(1, p->dtype);
    }
    return out;
}

/* ---- builders ---- */

#define BUILD(name, ...)                                                                           \
    static hebb_tensor *build_##name(hebb_graph *g, hebb_tensor *const *in, const params *p) {     \
        return hebb_##name(__VA_ARGS__);                                                           \
    }
BUILD(matmul, in[0], in[1])
BUILD(gather, in[0], in[1])
BUILD(scatter_add, in[0], in[1], in[2])
BUILD(one_hot, in[0], p->depth, p->dtype)

/* ---- samples ---- */

#define PAIR(VIEW_A, VIEW_B, A, B)                                                                 \
    {                                                                                              \
        .n_in = 2, .in = { {.shape = A, .view = VIEW_A}, {.shape = B, .view = VIEW_B} }            \
    }

/* Degenerate sizes, all pairs of transposes, sizes around blocking and vector widths, batches that
   broadcast on either side, and every stride that a view can make. */
static const sample matmul_samples[] = {
    PAIR(DENSE, DENSE, DIMS(2, 3), DIMS(3, 4)),
    PAIR(TRANSPOSED, DENSE, DIMS(2, 3), DIMS(3, 4)),
    PAIR(DENSE, TRANSPOSED, DIMS(2, 3), DIMS(3, 4)),
    PAIR(TRANSPOSED, TRANSPOSED, DIMS(2, 3), DIMS(3, 4)),
    PAIR(DENSE, DENSE, DIMS(1, 1), DIMS(1, 1)),
    PAIR(DENSE, DENSE, DIMS(1, 5), DIMS(5, 1)),
    PAIR(DENSE, DENSE, DIMS(5, 1), DIMS(1, 5)),
    PAIR(DENSE, DENSE, DIMS(0, 3), DIMS(3, 2)),
    PAIR(DENSE, DENSE, DIMS(2, 0), DIMS(0, 3)),
    PAIR(DENSE, DENSE, DIMS(HEBB_ANY, 3), DIMS(3, 2)),
    PAIR(DENSE, DENSE, DIMS(HEBB_ANY, 2, 3), DIMS(HEBB_ANY, 3, 2)),
    PAIR(DENSE, DENSE, DIMS(2, 2, 3), DIMS(2, 3, 2)),
    PAIR(DENSE, DENSE, DIMS(2, 2, 3), DIMS(3, 2)),
    PAIR(DENSE, DENSE, DIMS(2, 3), DIMS(4, 3, 2)),
    PAIR(DENSE, DENSE, DIMS(2, 1, 2, 3), DIMS(3, 3, 2)),
    PAIR(DENSE, DENSE, DIMS(2, 1, 2, 2, 3), DIMS(3, 1, 3, 2)),
    PAIR(DENSE, DENSE, DIMS(0, 2, 3), DIMS(1, 3, 2)),
    PAIR(SLICED, DENSE, DIMS(4, 6), DIMS(6, 3)),
    PAIR(DENSE, SLICED, DIMS(4, 6), DIMS(6, 3)),
    PAIR(FLIPPED, FLIPPED, DIMS(4, 6), DIMS(6, 3)),
    PAIR(STRETCHED, DENSE, DIMS(4, 6), DIMS(6, 3)),
    PAIR(DENSE, STRETCHED, DIMS(4, 6), DIMS(6, 3)),
    PAIR(TRANSPOSED, TRANSPOSED, DIMS(3, 4, 5), DIMS(3, 5, 2)),
    PAIR(DENSE, DENSE, DIMS(33, 17), DIMS(17, 65)),
    PAIR(TRANSPOSED, TRANSPOSED, DIMS(33, 17), DIMS(17, 65)),
    PAIR(DENSE, DENSE, DIMS(96, 361), DIMS(361, 130)),
    PAIR(TRANSPOSED, DENSE, DIMS(65, 300), DIMS(300, 31)),
    PAIR(DENSE, TRANSPOSED, DIMS(9, 515), DIMS(515, 70)),
    PAIR(DENSE, DENSE, DIMS(1, 512), DIMS(512, 200)),
    PAIR(DENSE, DENSE, DIMS(5, 16, 8), DIMS(5, 8, 33)),
};

#define AT(...)                                                                                    \
    { .shape = DIMS(__VA_ARGS__), .dtype = HEBB_I32, .domain = INDICES, .own_domain = true }
#define AT0                                                                                        \
    { .shape = DIMS0, .dtype = HEBB_I32, .domain = LABELS, .own_domain = true }
#define KNOWN(...)                                                                                 \
    { .shape = DIMS(__VA_ARGS__), .dtype = HEBB_I32, .domain = LABELS, .own_domain = true }
#define X(...)                                                                                     \
    { .shape = DIMS(__VA_ARGS__) }
/* depth is also the limit of the indices that are drawn. An index out of range gives NaN, so that
   the samples whose derivatives are checked use KNOWN. */
static const sample gather_samples[] = {
    {.n_in = 2, .in = {X(5, 3), KNOWN(4)}, .p.depth = 5},
    {.n_in = 2, .in = {X(5), KNOWN(2, 3)}, .p.depth = 5},
    {.n_in = 2, .in = {X(5, 3), AT(9)}, .p.depth = 5, .no_gradient = true},
    {.n_in = 2, .in = {X(5, 2, 3), AT(3, 4)}, .p.depth = 5, .no_gradient = true},
    {.n_in = 2, .in = {X(5, 3), AT0}, .p.depth = 5},
    {.n_in = 2, .in = {X(5), AT0}, .p.depth = 5},
    {.n_in = 2, .in = {X(5, 3), KNOWN(HEBB_ANY)}, .p.depth = 5},
    {.n_in = 2, .in = {X(5, 3), KNOWN(0)}, .p.depth = 5},
    {.n_in = 2, .in = {X(0, 3), AT(2)}, .p.depth = 1, .no_gradient = true},
    {.n_in = 2, .in = {X(5, 0), KNOWN(2)}, .p.depth = 5},
    {.n_in = 2, .in = {{.shape = DIMS(4, 3), .view = TRANSPOSED}, KNOWN(7)}, .p.depth = 4},
    {.n_in = 2, .in = {X(3, 2, 2), KNOWN(2, 2, 2)}, .p.depth = 3},
    {.n_in = 2, .in = {X(1009, 33), AT(2003)}, .p.depth = 1009, .no_gradient = true},
};

static const sample scatter_add_samples[] = {
    {.n_in = 3, .in = {X(5, 3), KNOWN(9), X(9, 3)}, .p.depth = 5},
    {.n_in = 3, .in = {X(5), AT(2, 3), X(2, 3)}, .p.depth = 5},
    {.n_in = 3, .in = {X(5, 3), AT(9), X(9, 3)}, .p.depth = 5},
    {.n_in = 3, .in = {X(5, 2, 3), AT(3, 4), X(3, 4, 2, 3)}, .p.depth = 5},
    {.n_in = 3, .in = {X(5, 3), AT0, X(3)}, .p.depth = 5},
    {.n_in = 3, .in = {X(5, 3), AT(HEBB_ANY), X(HEBB_ANY, 3)}, .p.depth = 5},
    {.n_in = 3, .in = {X(5, 3), AT(0), X(0, 3)}, .p.depth = 5},
    {.n_in = 3, .in = {X(0, 3), AT(2), X(2, 3)}, .p.depth = 1},
    {.n_in = 3,
     .in = {{.shape = DIMS(4, 3), .view = STRETCHED},
            AT(7),
            {.shape = DIMS(7, 3), .view = TRANSPOSED}},
     .p.depth = 4},
    {.n_in = 3, .in = {X(101, 33), AT(2003), X(2003, 33)}, .p.depth = 101},
};

#define HOT(DEPTH, T) .p = {.depth = DEPTH, .dtype = T}
static const sample one_hot_samples[] = {
    {.n_in = 1, .in = {AT(7)}, HOT(5, HEBB_F32)},
    {.n_in = 1, .in = {AT(2, 3)}, HOT(4, HEBB_F64)},
    {.n_in = 1, .in = {AT0}, HOT(3, HEBB_I32)},
    {.n_in = 1, .in = {AT(HEBB_ANY)}, HOT(5, HEBB_F32)},
    {.n_in = 1, .in = {AT(0)}, HOT(5, HEBB_I64)},
    {.n_in = 1, .in = {AT(4)}, HOT(1, HEBB_U8)},
    {.n_in = 1, .in = {AT(4)}, HOT(3, HEBB_BOOL)},
    {.n_in = 1, .in = {AT(2, 1, 2, 2)}, HOT(3, HEBB_F32)},
    {.n_in = 1, .in = {AT(1000)}, HOT(65, HEBB_F32)},
};

/* ---- error samples ---- */

#define INTS(...)                                                                                  \
    { .shape = DIMS(__VA_ARGS__), .dtype = HEBB_I32 }
#define FAILS(E, WORDS) .status = HEBB_E_##E, .message = WORDS

static const error_sample matmul_errors[] = {
    {.n_in = 2, .in = {X(2, 3), X(4, 5)}, FAILS(SHAPE, "the inner sizes 3 and 4 differ")},
    {.n_in = 2, .in = {X(3), X(3, 2)}, FAILS(SHAPE, "both ranks must be 2 or more")},
    {.n_in = 2, .in = {X(2, 2, 3), X(4, 3, 2)}, FAILS(SHAPE, "do not broadcast")},
    {.n_in = 2, .in = {X(2, 3), INTS(3, 2)}, FAILS(DTYPE, "f32 and i32 differ")},
    {.n_in = 2, .in = {X(2, 3), X(3, 2)}, .dtype = HEBB_I32, FAILS(DTYPE, "i32 is not floating")},
};
static const error_sample gather_errors[] = {
    {.n_in = 2, .in = {X(5, 3), X(2)}, FAILS(DTYPE, "indices must be i32, not f32")},
    {.n_in = 2, .in = {{DIMS0}, INTS(2)}, FAILS(SHAPE, "a scalar has no rows")},
    {.n_in = 2,
     .in = {X(1, 1, 1, 1, 1), INTS(1, 1, 1, 1, 1)},
     FAILS(SHAPE, "the rank would pass 8")},
};
static const error_sample scatter_add_errors[] = {
    {.n_in = 3, .in = {X(5, 3), X(2), X(2, 3)}, FAILS(DTYPE, "indices must be i32, not f32")},
    {.n_in = 3, .in = {X(5, 3), INTS(2), INTS(2, 3)}, FAILS(DTYPE, "f32 and i32 differ")},
    {.n_in = 3, .in = {X(5, 3), INTS(2), X(2, 4)}, FAILS(SHAPE, "the rows added must be [2, 3]")},
    {.n_in = 3, .in = {X(5, 3), INTS(2), X(3)}, FAILS(SHAPE, "the rows added must be [2, 3]")},
    {.n_in = 3, .in = {{DIMS0}, INTS(2), X(2)}, FAILS(SHAPE, "a scalar has no rows")},
    {.n_in = 3,
     .in = {X(5), INTS(2), X(2)},
     .dtype = HEBB_BOOL,
     FAILS(DTYPE, "bool is not numeric")},
};
static const error_sample one_hot_errors[] = {
    {.n_in = 1, .in = {X(4)}, HOT(3, HEBB_F32), FAILS(DTYPE, "indices must be i32")},
    {.n_in = 1,
     .in = {INTS(4)},
     HOT(-1, HEBB_F32),
     FAILS(ARGUMENT, "depth -1 is not in 0...2^31-1")},
    {.n_in = 1, .in = {INTS(4)}, HOT(1ll << 31, HEBB_F32), FAILS(ARGUMENT, "depth 2147483648")},
    {.n_in = 1, .in = {INTS(4)}, HOT(3, (hebb_dtype)77), FAILS(DTYPE, "77 is no dtype")},
    {.n_in = 1,
     .in = {INTS(1, 1, 1, 1, 1, 1, 1, 1)},
     HOT(3, HEBB_F32),
     FAILS(SHAPE, "the rank would pass 8")},
};

/* ---- the table ---- */

#define ROW(NAME, OP, ARITY)                                                                       \
    .name = #NAME, .op = OP, .build = build_##NAME, .reference = reference_##NAME, .arity = ARITY, \
    .extra = NAME##_samples, .n_extra = COUNT(NAME##_samples)

static const descriptor table[] = {
    {ROW(matmul, "matmul", 2), .differentiable = true, .f32 = {3e-6, 1.2e-38},
     .reason = "hundreds of products are summed in float32, in an order of the kernel's own",
     ERRORS(matmul_errors)},
    {ROW(gather, "gather", 2), .dtypes = TAKES_ALL, .differentiable = true, ERRORS(gather_errors)},
    {ROW(scatter_add, "scatter_add", 3), .dtypes = TAKES_INTEGERS, .differentiable = true,
     ERRORS(scatter_add_errors)},
    {ROW(one_hot, NULL, 1), ERRORS(one_hot_errors)},
};

const descriptor_table indexing_table = {table, COUNT(table)};
