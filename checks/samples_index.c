/* Descriptors of indexing along an axis, sorting and choosing (hebb/indexing.h): see samples.h. */
#include <math.h>
#include <stdlib.h>

#include "samples.h"

/* ---- lines along an axis ---- */

typedef struct line {
    int64_t outer, n, inner;
} line;

static line lines_of(hebb_shape shape, int axis) {
    line l = {1, 1, 1};
    axis = front_axis(axis, shape.rank);
    for (int k = 0; k < shape.rank; k++)
        *(k < axis ? &l.outer : k == axis ? &l.n : &l.inner) *= shape.dim[k];
    return l;
}

static scalar missing(hebb_dtype dtype) {
    return is_floating(dtype) ? (scalar){.f = NAN} : (scalar){0};
}

static values reference_take(const descriptor *d, const values *in, const params *p) {
    const int axis = front_axis(p->axis, in[0].shape.rank);
    const line l = lines_of(in[0].shape, axis);
    hebb_shape shape = {0};
    for (int k = 0; k < axis; k++) shape.dim[shape.rank++] = in[0].shape.dim[k];
    for (int k = 0; k < in[1].shape.rank; k++) shape.dim[shape.rank++] = in[1].shape.dim[k];
    for (int k = axis + 1; k < in[0].shape.rank; k++) shape.dim[shape.rank++] = in[0].shape.dim[k];
    values y = values_make(in[0].dtype, shape);
    for (int64_t i = 0; i < y.count; i++) {
        const int64_t row = in[1].at[i / l.inner % in[1].count].i;
        const int64_t outer = i / (l.inner * in[1].count);
        y.at[i] = row >= 0 && row < l.n ? in[0].at[(outer * l.n + row) * l.inner + i % l.inner]
                                        : missing(y.dtype);
    }
    return y;
}

/* Where index number i points to in x, -1 if nowhere. */
static int64_t target(const values *x, const values *index, int64_t i, int axis) {
    const line l = lines_of(x->shape, axis), m = lines_of(index->shape, axis);
    const int64_t row = index->at[i].i, outer = i / (m.n * m.inner);
    return row >= 0 && row < l.n ? (outer * l.n + row) * l.inner + i % l.inner : -1;
}

static values reference_take_along(const descriptor *d, const values *in, const params *p) {
    values y = values_make(in[0].dtype, in[1].shape);
    for (int64_t i = 0; i < y.count; i++) {
        const int64_t from = target(&in[0], &in[1], i, p->axis);
        y.at[i] = from >= 0 ? in[0].at[from] : missing(y.dtype);
    }
    return y;
}

static values reference_put_along(const descriptor *d, const values *in, const params *p) {
    values y = values_cast(&in[0], in[0].dtype);
    for (int64_t i = 0; i < in[1].count; i++) {
        const int64_t to = target(&in[0], &in[1], i, p->axis);
        if (to >= 0) y.at[to] = in[2].at[i];
    }
    return y;
}

static values reference_add_along(const descriptor *d, const values *in, const params *p) {
    values y = values_cast(&in[0], in[0].dtype);
    y.scale = test_memory((size_t)y.count * sizeof *y.scale);
    for (int64_t i = 0; is_floating(y.dtype) && i < y.count; i++) y.scale[i] = fabs(y.at[i].f);
    for (int64_t i = 0; i < in[1].count; i++) {
        const int64_t to = target(&in[0], &in[1], i, p->axis);
        if (to < 0) continue;
        if (is_floating(y.dtype)) {
            y.at[to].f += in[2].at[i].f;
            y.scale[to] += fabs(in[2].at[i].f);
        } else {
            y.at[to].i = (int64_t)((uint64_t)y.at[to].i + (uint64_t)in[2].at[i].i);
            y.at[to] = scalar_held(y.at[to], y.dtype);
        }
    }
    return y;
}

static values reference_scatter_set(const descriptor *d, const values *in, const params *p) {
    values y = values_cast(&in[0], in[0].dtype);
    int64_t rows = in[0].shape.dim[0], width = 1;
    for (int k = 1; k < in[0].shape.rank; k++) width *= in[0].shape.dim[k];
    for (int64_t i = 0; i < in[2].count; i++) {
        const int64_t row = in[1].at[i / width].i;
        if (row >= 0 && row < rows) y.at[row * width + i % width] = in[2].at[i];
    }
    return y;
}

/* ---- sorting ---- */

/* An element of a line and its place there. */
typedef struct element {
    scalar value;
    int64_t place;
    bool floating, reverse;
} element;

/* Whether a is larger; NaN is larger than all numbers. */
static bool larger(scalar a, scalar b, bool floating) {
    if (!floating) return a.i > b.i;
    return a.f > b.f || (isnan(a.f) && !isnan(b.f));
}

/* Equal ones stay in the order in which they are. */
static int compare_elements(const void *left, const void *right) {
    const element *a = left, *b = right;
    const int order =
        (int)larger(a->value, b->value, a->floating) - (int)larger(b->value, a->value, a->floating);
    if (order != 0) return a->reverse ? -order : order;
    return (a->place > b->place) - (a->place < b->place);
}

static values reference_argsort(const descriptor *d, const values *in, const params *p) {
    const line l = lines_of(in[0].shape, p->axis);
    values y = values_make(HEBB_I32, in[0].shape);
    element *sorted = test_memory((size_t)l.n * sizeof *sorted);
    for (int64_t i = 0; i < l.outer * l.inner; i++) {
        const int64_t first = i / l.inner * l.n * l.inner + i % l.inner;
        for (int64_t k = 0; k < l.n; k++)
            sorted[k] =
                (element){in[0].at[first + k * l.inner], k, is_floating(in[0].dtype), p->reverse};
        qsort(sorted, (size_t)l.n, sizeof *sorted, compare_elements);
        for (int64_t k = 0; k < l.n; k++) y.at[first + k * l.inner].i = sorted[k].place;
    }
    return y;
}

static values reference_sort(const descriptor *d, const values *in, const params *p) {
    const values operands[] = {in[0], reference_argsort(d, in, p)};
    return reference_take_along(d, operands, p);
}

static values first_of(const values *x, int axis, int64_t count) {
    const line l = lines_of(x->shape, axis);
    hebb_shape shape = x->shape;
    shape.dim[front_axis(axis, shape.rank)] = count;
    values y = values_make(x->dtype, shape);
    for (int64_t i = 0; i < y.count; i++)
        y.at[i] = x->at[i / (count * l.inner) * l.n * l.inner + i % (count * l.inner)];
    return y;
}

static values reference_top_k(const descriptor *d, const values *in, const params *p) {
    values sorted = reference_sort(d, in, p);
    return first_of(&sorted, p->axis, p->amount);
}
static values reference_top_k_places(const descriptor *d, const values *in, const params *p) {
    values places = reference_argsort(d, in, p);
    return first_of(&places, p->axis, p->amount);
}

static values reference_where(const descriptor *d, const values *in, const params *p) {
    hebb_shape shape = broadcast_shapes(in[0].shape, broadcast_shapes(in[1].shape, in[2].shape));
    values y = values_make(in[1].dtype, shape);
    for (int64_t i = 0; i < y.count; i++) {
        const int k = in[0].at[broadcast_index(i, shape, in[0].shape)].i ? 1 : 2;
        y.at[i] = in[k].at[broadcast_index(i, shape, in[k].shape)];
    }
    return y;
}

/* ---- builders ---- */

#define BUILD(name, ...)                                                                           \
    static hebb_tensor *build_##name(hebb_graph *g, hebb_tensor *const *in, const params *p) {     \
        return hebb_##name(__VA_ARGS__);                                                           \
    }
BUILD(take, in[0], in[1], p->axis)
BUILD(take_along, in[0], in[1], p->axis)
BUILD(put_along, in[0], in[1], in[2], p->axis)
BUILD(add_along, in[0], in[1], in[2], p->axis)
BUILD(scatter_set, in[0], in[1], in[2])
BUILD(argsort, in[0], p->axis, p->reverse)
BUILD(sort, in[0], p->axis, p->reverse)
BUILD(top_k, in[0], p->amount, p->axis, p->reverse, NULL)
BUILD(where, in[0], in[1], in[2])
static hebb_tensor *build_top_k_places(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    hebb_tensor *places = NULL;
    hebb_top_k(in[0], p->amount, p->axis, p->reverse, &places);
    return places;
}

/* ---- samples ---- */

#define AT(...)                                                                                    \
    { .shape = DIMS(__VA_ARGS__), .dtype = HEBB_I32, .domain = INDICES, .own_domain = true }
#define KNOWN(...)                                                                                 \
    { .shape = DIMS(__VA_ARGS__), .dtype = HEBB_I32, .domain = LABELS, .own_domain = true }
#define AT0                                                                                        \
    { .shape = DIMS0, .dtype = HEBB_I32, .domain = LABELS, .own_domain = true }
#define X(...)                                                                                     \
    { .shape = DIMS(__VA_ARGS__) }
#define VIEWED(VIEW, ...)                                                                          \
    { .shape = DIMS(__VA_ARGS__), .view = VIEW }
/* LIMIT is that of the indices that are drawn. */
#define TAKEN(AXIS, LIMIT) .p = {.axis = AXIS, .depth = LIMIT}

static const sample take_samples[] = {
    {.n_in = 2, .in = {X(3, 4), KNOWN(5)}, TAKEN(1, 4)},
    {.n_in = 2, .in = {X(3, 4, 2), KNOWN(2, 3)}, TAKEN(1, 4)},
    {.n_in = 2, .in = {X(3, 4), KNOWN(5)}, TAKEN(0, 3)},
    {.n_in = 2, .in = {X(2, 3, 4), AT0}, TAKEN(-1, 4)},
    {.n_in = 2, .in = {X(2, 3, 4), AT(7)}, TAKEN(2, 4), .no_gradient = true},
    {.n_in = 2, .in = {X(HEBB_ANY, 4), KNOWN(5)}, TAKEN(1, 4)},
    {.n_in = 2, .in = {X(3, 4), KNOWN(HEBB_ANY)}, TAKEN(1, 4)},
    {.n_in = 2, .in = {X(3, 4), KNOWN(0)}, TAKEN(1, 4)},
    {.n_in = 2, .in = {X(0, 4), KNOWN(3)}, TAKEN(1, 4)},
    {.n_in = 2, .in = {X(3, 0), AT(3)}, TAKEN(1, 1), .no_gradient = true},
    {.n_in = 2, .in = {VIEWED(TRANSPOSED, 4, 3), KNOWN(5)}, TAKEN(1, 3)},
    {.n_in = 2, .in = {VIEWED(STRETCHED, 4, 3, 2), KNOWN(5)}, TAKEN(1, 3)},
    {.n_in = 2, .in = {X(2, 3, 2, 3, 2), KNOWN(2, 2)}, TAKEN(3, 3)},
    {.n_in = 2, .in = {X(67, 501), AT(1003)}, TAKEN(1, 501), .no_gradient = true},
};

static const sample take_along_samples[] = {
    {.n_in = 2, .in = {X(3, 4), KNOWN(3, 5)}, TAKEN(1, 4)},
    {.n_in = 2, .in = {X(4, 3), KNOWN(2, 3)}, TAKEN(0, 4)},
    {.n_in = 2, .in = {X(5), KNOWN(7)}, TAKEN(0, 5)},
    {.n_in = 2, .in = {X(2, 3, 4), KNOWN(2, 6, 4)}, TAKEN(-2, 3)},
    {.n_in = 2, .in = {X(2, 3, 4), AT(2, 6, 4)}, TAKEN(1, 3), .no_gradient = true},
    {.n_in = 2, .in = {X(HEBB_ANY, 4), KNOWN(HEBB_ANY, 2)}, TAKEN(1, 4)},
    {.n_in = 2, .in = {X(4, 3), KNOWN(HEBB_ANY, 3)}, TAKEN(0, 4)},
    {.n_in = 2, .in = {X(3, 4), KNOWN(3, 0)}, TAKEN(1, 4)},
    {.n_in = 2, .in = {X(3, 0), AT(3, 2)}, TAKEN(1, 1), .no_gradient = true},
    {.n_in = 2, .in = {X(0, 3), KNOWN(0, 2)}, TAKEN(1, 3)},
    {.n_in = 2, .in = {X(1), KNOWN(1)}, TAKEN(0, 1)},
    {.n_in = 2, .in = {VIEWED(TRANSPOSED, 4, 3), KNOWN(4, 2)}, TAKEN(1, 3)},
    {.n_in = 2, .in = {VIEWED(SLICED, 4, 6), KNOWN(3, 6)}, TAKEN(0, 4)},
    {.n_in = 2, .in = {X(2, 2, 3, 2, 2), KNOWN(2, 2, 2, 2, 2)}, TAKEN(2, 3)},
    {.n_in = 2, .in = {X(101, 67), AT(301, 67)}, TAKEN(0, 101), .no_gradient = true},
    {.n_in = 2, .in = {X(7, 3001), AT(7, 2003)}, TAKEN(1, 3001), .no_gradient = true},
};

static const sample put_along_samples[] = {
    {.n_in = 3, .in = {X(3, 4), KNOWN(3, 6), X(3, 6)}, TAKEN(1, 4)},
    {.n_in = 3, .in = {X(4, 3), AT(5, 3), X(5, 3)}, TAKEN(0, 4)},
    {.n_in = 3, .in = {X(5), AT(9), X(9)}, TAKEN(-1, 5)},
    {.n_in = 3, .in = {X(2, 3, 4), AT(2, 5, 4), X(2, 5, 4)}, TAKEN(1, 3)},
    {.n_in = 3, .in = {X(HEBB_ANY, 4), AT(HEBB_ANY, 6), X(HEBB_ANY, 6)}, TAKEN(1, 4)},
    {.n_in = 3, .in = {X(4, 3), AT(HEBB_ANY, 3), X(HEBB_ANY, 3)}, TAKEN(0, 4)},
    {.n_in = 3, .in = {X(3, 4), AT(3, 0), X(3, 0)}, TAKEN(1, 4)},
    {.n_in = 3, .in = {X(3, 0), AT(3, 2), X(3, 2)}, TAKEN(1, 1)},
    {.n_in = 3, .in = {X(1), AT(1), X(1)}, TAKEN(0, 1)},
    {.n_in = 3, .in = {VIEWED(STRETCHED, 4, 3), AT(4, 5), VIEWED(TRANSPOSED, 4, 5)}, TAKEN(1, 3)},
    {.n_in = 3, .in = {X(2, 2, 3, 2, 2), AT(2, 2, 4, 2, 2), X(2, 2, 4, 2, 2)}, TAKEN(2, 3)},
    {.n_in = 3, .in = {X(101, 67), AT(301, 67), X(301, 67)}, TAKEN(0, 101)},
    {.n_in = 3, .in = {X(3001), AT(5003), X(5003)}, TAKEN(0, 3001)},
};

static const sample scatter_set_samples[] = {
    {.n_in = 3, .in = {X(5, 3), KNOWN(9), X(9, 3)}, .p.depth = 5},
    {.n_in = 3, .in = {X(5), AT(2, 3), X(2, 3)}, .p.depth = 5},
    {.n_in = 3, .in = {X(5, 3), AT(9), X(9, 3)}, .p.depth = 5},
    {.n_in = 3, .in = {X(5, 2, 3), AT(3, 4), X(3, 4, 2, 3)}, .p.depth = 5},
    {.n_in = 3, .in = {X(5, 3), AT0, X(3)}, .p.depth = 5},
    {.n_in = 3, .in = {X(5, 3), AT(HEBB_ANY), X(HEBB_ANY, 3)}, .p.depth = 5},
    {.n_in = 3, .in = {X(HEBB_ANY, 3), AT(6), X(6, 3)}, .p.depth = 5},
    {.n_in = 3, .in = {X(5, 3), AT(0), X(0, 3)}, .p.depth = 5},
    {.n_in = 3, .in = {X(0, 3), AT(2), X(2, 3)}, .p.depth = 1},
    {.n_in = 3, .in = {VIEWED(STRETCHED, 4, 3), AT(7), VIEWED(TRANSPOSED, 7, 3)}, .p.depth = 4},
    {.n_in = 3, .in = {X(101, 33), AT(2003), X(2003, 33)}, .p.depth = 101},
    {.n_in = 3, .in = {X(11, 700), AT(29), X(29, 700)}, .p.depth = 11},
};

#define SORTED(AXIS, DESCENDING) .p = {.axis = AXIS, .reverse = DESCENDING}
#define ONE(VIEW, ...)           .n_in = 1, .in = {VIEWED(VIEW, __VA_ARGS__)}
#define DRAWN(D)                 .domain = D, .has_domain = true
static const sample sort_samples[] = {
    {ONE(DENSE, 3, 4), SORTED(1, false)},
    {ONE(DENSE, 3, 4), SORTED(0, true)},
    {ONE(DENSE, 7), SORTED(-1, false)},
    {ONE(DENSE, 2, 5, 3), SORTED(1, true)},
    {ONE(DENSE, 1), SORTED(0, false)},
    {ONE(DENSE, 0), SORTED(0, true)},
    {ONE(DENSE, 3, 0), SORTED(0, false)},
    {ONE(DENSE, HEBB_ANY, 3), SORTED(0, false)},
    {ONE(DENSE, HEBB_ANY, 3), SORTED(1, true)},
    {ONE(TRANSPOSED, 4, 5), SORTED(0, false)},
    {ONE(SLICED, 4, 6), SORTED(1, true)},
    {ONE(FLIPPED, 4, 6), SORTED(0, false)},
    {ONE(STRETCHED, 4, 6), SORTED(0, true), .no_gradient = true},
    {ONE(DENSE, 2, 2, 3, 2, 2), SORTED(2, false)},
    {ONE(DENSE, 3, 100), SORTED(1, false), DRAWN(SMALL), .no_gradient = true},
    {ONE(DENSE, 100, 3), SORTED(0, true), DRAWN(SMALL), .no_gradient = true},
    {ONE(DENSE, 3, 70), SORTED(1, false), DRAWN(SPECIAL), .no_gradient = true},
    {ONE(DENSE, 70, 3), SORTED(0, true), DRAWN(SPECIAL), .no_gradient = true},
    {ONE(DENSE, 3, 70), SORTED(1, true), .dtype = HEBB_I64, .has_dtype = true, DRAWN(EXTREME),
     .no_gradient = true},
    {ONE(DENSE, 3, 70), SORTED(1, false), .dtype = HEBB_I32, .has_dtype = true, DRAWN(EXTREME),
     .no_gradient = true},
    {ONE(DENSE, 3, 70), SORTED(1, false), .dtype = HEBB_U8, .has_dtype = true, DRAWN(EXTREME),
     .no_gradient = true},
    {ONE(DENSE, 1031, 3), SORTED(0, false)},
    {ONE(DENSE, 2, 9001), SORTED(1, true), DRAWN(SMALL), .no_gradient = true},
};

#define BEST(AXIS, K, LARGEST) .p = {.axis = AXIS, .amount = K, .reverse = LARGEST}
static const sample top_k_samples[] = {
    {ONE(DENSE, 3, 5), BEST(1, 2, true)},
    {ONE(DENSE, 5, 3), BEST(0, 3, false)},
    {ONE(DENSE, 7), BEST(-1, 7, true)},
    {ONE(DENSE, 2, 5, 3), BEST(1, 1, true)},
    {ONE(DENSE, 3, 5), BEST(1, 0, true)},
    {ONE(DENSE, HEBB_ANY, 4), BEST(1, 3, true)},
    {ONE(DENSE, HEBB_ANY, 4), BEST(0, 2, false)},
    {ONE(DENSE, 0, 4), BEST(1, 2, true)},
    {ONE(TRANSPOSED, 4, 5), BEST(1, 2, true)},
    {ONE(DENSE, 3, 70), BEST(1, 9, true), DRAWN(SPECIAL), .no_gradient = true},
    {ONE(DENSE, 3, 70), BEST(1, 20, false), DRAWN(SMALL), .no_gradient = true},
    {ONE(DENSE, 2, 2003), BEST(1, 10, true)},
};

#define MASK(...)                                                                                  \
    { .shape = DIMS(__VA_ARGS__), .dtype = HEBB_BOOL, .domain = TRUTH, .own_domain = true }
static const sample where_samples[] = {
    {.n_in = 3, .in = {MASK(2, 3), X(2, 3), X(2, 3)}},
    {.n_in = 3, .in = {MASK(3), X(2, 1), X(1)}},
    {.n_in = 3, .in = {MASK(HEBB_ANY, 1), X(HEBB_ANY, 3), X(3)}},
    {.n_in = 3, .in = {MASK(0), X(1), X(0)}},
    {.n_in = 3, .in = {MASK(4, 6), VIEWED(TRANSPOSED, 4, 6), VIEWED(SLICED, 4, 6)}},
};

/* ---- error samples ---- */

#define INTS(...)                                                                                  \
    { .shape = DIMS(__VA_ARGS__), .dtype = HEBB_I32 }
#define FAILS(E, WORDS) .status = HEBB_E_##E, .message = WORDS

static const error_sample take_errors[] = {
    {.n_in = 2, .in = {X(2, 3), INTS(2)}, .p.axis = 2, FAILS(ARGUMENT, "axis 2 does not exist")},
    {.n_in = 2, .in = {X(2, 3), X(2)}, .p.axis = 1, FAILS(DTYPE, "indices must be i32, not f32")},
};
static const error_sample take_along_errors[] = {
    {.n_in = 2, .in = {X(2, 3), INTS(2, 1)}, .p.axis = 2, FAILS(ARGUMENT, "axis 2 does not exist")},
    {.n_in = 2, .in = {X(2, 3), X(2, 3)}, .p.axis = 1, FAILS(DTYPE, "indices must be i32")},
    {.n_in = 2, .in = {X(2, 3), INTS(3, 3)}, .p.axis = 1, FAILS(SHAPE, "only axis 1 may differ")},
    {.n_in = 2, .in = {X(2, 3), INTS(3)}, .p.axis = 1, FAILS(SHAPE, "[3] do not fit [2, 3]")},
};
static const error_sample put_along_errors[] = {
    {.n_in = 3,
     .in = {X(2, 3), INTS(2, 1), X(2, 1)},
     .p.axis = 2,
     FAILS(ARGUMENT, "axis 2 does not exist")},
    {.n_in = 3,
     .in = {X(2, 3), INTS(2, 4), X(2, 3)},
     .p.axis = 1,
     FAILS(SHAPE, "the indices are [2, 4], what goes there [2, 3]")},
    {.n_in = 3,
     .in = {X(2, 3), INTS(2, 4), INTS(2, 4)},
     .p.axis = 1,
     FAILS(DTYPE, "f32 and i32 differ")},
};
static const error_sample scatter_set_errors[] = {
    {.n_in = 3, .in = {X(5, 3), X(2), X(2, 3)}, FAILS(DTYPE, "indices must be i32, not f32")},
    {.n_in = 3, .in = {X(5, 3), INTS(2), INTS(2, 3)}, FAILS(DTYPE, "f32 and i32 differ")},
    {.n_in = 3, .in = {X(5, 3), INTS(2), X(2, 4)}, FAILS(SHAPE, "the rows set must be [2, 3]")},
};
static const error_sample sort_errors[] = {
    {.n_in = 1, .in = {X(2, 3)}, .p.axis = 2, FAILS(ARGUMENT, "axis 2 does not exist")},
    {.n_in = 1, .in = {X(2, 3)}, .p.axis = -3, FAILS(ARGUMENT, "axis -3 does not exist")},
    {.n_in = 1,
     .in = {X(1ll << 31)},
     .p.axis = 0,
     FAILS(SHAPE, "axis 0 has 2147483648 elements, more than i32 counts")},
};
static const error_sample top_k_errors[] = {
    {.n_in = 1, .in = {X(2, 3)}, BEST(2, 1, true), FAILS(ARGUMENT, "axis 2 does not exist")},
    {.n_in = 1, .in = {X(2, 3)}, BEST(1, -1, true), FAILS(ARGUMENT, "top_k: -1 elements")},
    {.n_in = 1,
     .in = {X(2, 3)},
     BEST(1, 4, true),
     FAILS(SHAPE, "4 elements are wanted of axis 1, whose size is 3")},
};
static const error_sample where_errors[] = {
    {.n_in = 3, .in = {X(2), X(2), X(2)}, FAILS(DTYPE, "the condition is f32, not bool")},
    {.n_in = 3, .in = {MASK(2), X(2), X(3)}, FAILS(SHAPE, "do not broadcast")},
};

/* ---- the table ---- */

#define ROW(NAME, OP, ARITY)                                                                       \
    .name = #NAME, .op = OP, .build = build_##NAME, .reference = reference_##NAME, .arity = ARITY, \
    .extra = NAME##_samples, .n_extra = COUNT(NAME##_samples), ERRORS(NAME##_errors)
#define SHARED(NAME, OP, ARITY, SAMPLES)                                                           \
    .name = #NAME, .op = OP, .build = build_##NAME, .reference = reference_##NAME, .arity = ARITY, \
    .extra = SAMPLES##_samples, .n_extra = COUNT(SAMPLES##_samples), ERRORS(SAMPLES##_errors)

static const descriptor table[] = {
    {ROW(take, NULL, 2), .dtypes = TAKES_ALL, .differentiable = true},
    {ROW(take_along, "take_along", 2), .dtypes = TAKES_ALL, .differentiable = true},
    {ROW(put_along, "put_along", 3), .dtypes = TAKES_ALL, .differentiable = true},
    {SHARED(add_along, "add_along", 3, put_along), .dtypes = TAKES_INTEGERS,
     .differentiable = true},
    {ROW(scatter_set, "scatter_set", 3), .dtypes = TAKES_ALL, .differentiable = true},
    {SHARED(argsort, "argsort", 1, sort), .dtypes = TAKES_ALL, .domain = DISTINCT},
    {ROW(sort, "take_along", 1), .dtypes = TAKES_ALL, .domain = DISTINCT, .differentiable = true},
    {ROW(top_k, "take_along", 1), .dtypes = TAKES_ALL, .domain = DISTINCT, .differentiable = true},
    {SHARED(top_k_places, "argsort", 1, top_k), .dtypes = TAKES_ALL, .domain = DISTINCT},
    {ROW(where, "select", 3), .dtypes = TAKES_ALL, .differentiable = true},
};

const descriptor_table index_table = {table, COUNT(table)};
