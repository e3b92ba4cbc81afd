/* Descriptors of the ops that move elements without changing them, and of those that make a tensor
   in the shape of another: see samples.h. */
#include <stdlib.h>

#include "samples.h"

/* ---- references ---- */

static values with_shape(const values *x, hebb_shape shape) {
    values out = *x;
    out.shape = shape;
    return out;
}

static values reference_reshape(const descriptor *d, const values *in, const params *p) {
    hebb_shape shape = p->shape;
    int64_t known = 1;
    for (int k = 0; k < shape.rank; k++)
        if (shape.dim[k] != HEBB_ANY) known *= shape.dim[k];
    for (int k = 0; k < shape.rank; k++)
        if (shape.dim[k] == HEBB_ANY) shape.dim[k] = in[0].count / known;
    return with_shape(&in[0], shape);
}

static values reference_reshape_like(const descriptor *d, const values *in, const params *p) {
    return with_shape(&in[0], in[1].shape);
}

static values reference_flatten(const descriptor *d, const values *in, const params *p) {
    hebb_shape x = in[0].shape, shape = {.rank = 2, .dim = {1, in[0].count}};
    if (x.rank == 1) shape = (hebb_shape){2, {x.dim[0], 1}};
    if (x.rank > 1) {
        shape = (hebb_shape){2, {x.dim[0], 1}};
        for (int k = 1; k < x.rank; k++) shape.dim[1] *= x.dim[k];
    }
    return with_shape(&in[0], shape);
}

static values reference_expand_dims(const descriptor *d, const values *in, const params *p) {
    hebb_shape x = in[0].shape, shape = {.rank = x.rank + 1};
    int axis = front_axis(p->axis, shape.rank);
    for (int k = 0, from = 0; k < shape.rank; k++) shape.dim[k] = k == axis ? 1 : x.dim[from++];
    return with_shape(&in[0], shape);
}

static values reference_squeeze(const descriptor *d, const values *in, const params *p) {
    hebb_shape x = in[0].shape, shape = {0};
    int axis = front_axis(p->axis, x.rank);
    for (int k = 0; k < x.rank; k++)
        if (k != axis) shape.dim[shape.rank++] = x.dim[k];
    return with_shape(&in[0], shape);
}

static values reference_transpose(const descriptor *d, const values *in, const params *p) {
    hebb_shape x = in[0].shape, shape = {.rank = x.rank};
    int order[HEBB_MAX_RANK];
    for (int k = 0; k < x.rank; k++) {
        order[k] = p->n_axes > 0 ? front_axis(p->axes[k], x.rank) : x.rank - 1 - k;
        shape.dim[k] = x.dim[order[k]];
    }
    values out = values_make(in[0].dtype, shape);
    for (int64_t i = 0; i < out.count; i++) {
        int64_t at[HEBB_MAX_RANK], from[HEBB_MAX_RANK];
        index_split(i, shape, at);
        for (int k = 0; k < x.rank; k++) from[order[k]] = at[k];
        out.at[i] = in[0].at[index_join(from, x)];
    }
    return out;
}

static values stretch(const values *x, hebb_shape shape) {
    values out = values_make(x->dtype, shape);
    for (int64_t i = 0; i < out.count; i++) out.at[i] = x->at[broadcast_index(i, shape, x->shape)];
    return out;
}

static values reference_broadcast_to(const descriptor *d, const values *in, const params *p) {
    return stretch(&in[0], p->shape);
}

static values reference_broadcast_like(const descriptor *d, const values *in, const params *p) {
    return stretch(&in[0], in[1].shape);
}

/* Python's slice(start, stop, step).indices(n), with HEBB_END for None and a step of 0 for 1. */
typedef struct extent {
    int64_t start, step, count;
} extent;

static int64_t clip(int64_t x, int64_t low, int64_t high) {
    return x < low ? low : (x > high ? high : x);
}

static extent python_slice(hebb_range r, int64_t n) {
    int64_t step = r.step == 0 ? 1 : r.step, end = step > 0 ? n : -1;
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
    int64_t start = clip(r.start < 0 ? r.start + n : r.start, low, high);
    int64_t stop = r.stop == HEBB_END ? end : clip(r.stop < 0 ? r.stop + n : r.stop, low, high);
    int64_t distance = step > 0 ? stop - start : start - stop, size = step > 0 ? step : -step;
    return (extent){start, step, distance > 0 ? (distance + size - 1) / size : 0};
}

static hebb_shape slice_shape(hebb_shape x, const params *p, extent *extents) {
    for (int k = 0; k < x.rank; k++) extents[k] = (extent){0, 1, x.dim[k]};
    for (int k = 0; k < p->n_ranges; k++) {
        int axis = front_axis(p->ranges[k].axis, x.rank);
        extents[axis] = python_slice(p->ranges[k], x.dim[axis]);
    }
    for (int k = 0; k < x.rank; k++) x.dim[k] = extents[k].count;
    return x;
}

/* Element of x that element `index` of the slice is. */
static int64_t slice_source(int64_t index, hebb_shape slice, hebb_shape x, const extent *extents) {
    int64_t at[HEBB_MAX_RANK];
    index_split(index, slice, at);
    for (int k = 0; k < x.rank; k++) at[k] = extents[k].start + extents[k].step * at[k];
    return index_join(at, x);
}

static values reference_slice(const descriptor *d, const values *in, const params *p) {
    extent extents[HEBB_MAX_RANK];
    hebb_shape shape = slice_shape(in[0].shape, p, extents);
    values out = values_make(in[0].dtype, shape);
    for (int64_t i = 0; i < out.count; i++)
        out.at[i] = in[0].at[slice_source(i, shape, in[0].shape, extents)];
    return out;
}

static values reference_slice_scatter(const descriptor *d, const values *in, const params *p) {
    extent extents[HEBB_MAX_RANK];
    hebb_shape shape = slice_shape(in[0].shape, p, extents);
    values out = stretch(&in[0], in[0].shape);
    for (int64_t i = 0; i < in[1].count; i++)
        out.at[slice_source(i, shape, in[0].shape, extents)] = in[1].at[i];
    return out;
}

static values reference_concat(const descriptor *d, const values *in, const params *p) {
    int count = (int)p->depth, axis = front_axis(p->axis, in[0].shape.rank);
    hebb_shape shape = in[0].shape;
    for (int k = 1; k < count; k++) shape.dim[axis] += in[k].shape.dim[axis];
    values out = values_make(in[0].dtype, shape);
    for (int64_t i = 0; i < out.count; i++) {
        int64_t at[HEBB_MAX_RANK];
        int part = 0;
        index_split(i, shape, at);
        while (at[axis] >= in[part].shape.dim[axis]) at[axis] -= in[part++].shape.dim[axis];
        out.at[i] = in[part].at[index_join(at, in[part].shape)];
    }
    return out;
}

static values filled(hebb_dtype dtype, hebb_shape shape, double value) {
    values out = values_make(dtype, shape);
    for (int64_t i = 0; i < out.count; i++) out.at[i] = scalar_from_real(value, dtype);
    return out;
}

static values reference_full_like(const descriptor *d, const values *in, const params *p) {
    return filled(in[0].dtype, in[0].shape, p->value);
}
static values reference_zeros_like(const descriptor *d, const values *in, const params *p) {
    return filled(in[0].dtype, in[0].shape, 0);
}
static values reference_ones_like(const descriptor *d, const values *in, const params *p) {
    return filled(in[0].dtype, in[0].shape, 1);
}
static values reference_scalar_like(const descriptor *d, const values *in, const params *p) {
    return filled(in[0].dtype, (hebb_shape){0}, p->value);
}
static values reference_full(const descriptor *d, const values *in, const params *p) {
    return filled(p->dtype, p->shape, p->value);
}

static values reference_iota_like(const descriptor *d, const values *in, const params *p) {
    values out = values_make(p->dtype, in[0].shape);
    int axis = front_axis(p->axis, in[0].shape.rank);
    for (int64_t i = 0; i < out.count; i++) {
        int64_t at[HEBB_MAX_RANK];
        index_split(i, out.shape, at);
        out.at[i] = scalar_from_real((double)at[axis], p->dtype);
    }
    return out;
}

/* ---- builders ---- */

#define BUILD(name, ...)                                                                           \
    static hebb_tensor *build_##name(hebb_graph *g, hebb_tensor *const *in, const params *p) {     \
        return hebb_##name(__VA_ARGS__);                                                           \
    }
BUILD(reshape, in[0], p->shape)
BUILD(reshape_like, in[0], in[1])
BUILD(flatten, in[0])
BUILD(expand_dims, in[0], p->axis)
BUILD(squeeze, in[0], p->axis)
BUILD(transpose, in[0], p->n_axes > 0 ? p->axes : NULL, p->n_axes)
BUILD(broadcast_to, in[0], p->shape)
BUILD(broadcast_like, in[0], in[1])
BUILD(slice, in[0], p->ranges, p->n_ranges)
BUILD(slice_scatter, in[0], in[1], p->ranges, p->n_ranges)
BUILD(concat, in, (int)p->depth, p->axis)
BUILD(full_like, in[0], p->value)
BUILD(zeros_like, in[0])
BUILD(ones_like, in[0])
BUILD(scalar_like, in[0], p->value)
BUILD(full, g, p->dtype, p->shape, p->value)
BUILD(iota_like, in[0], p->axis, p->dtype)

/* ---- samples ---- */

#define ONE(VIEW, ...) .n_in = 1, .in = {{.shape = DIMS(__VA_ARGS__), .view = VIEW}}
#define SCALAR_INPUT   .n_in = 1, .in = {{.shape = DIMS0}}
#define TO(...)        .p.shape = DIMS(__VA_ARGS__)

static const sample reshape_samples[] = {
    {ONE(DENSE, 2, 6), TO(3, 4)},
    {ONE(TRANSPOSED, 4, 6), TO(3, 8)},
    {ONE(DENSE, HEBB_ANY, 4), TO(HEBB_ANY, 2, 2)},
    {ONE(DENSE, 12), TO(2, HEBB_ANY, 3)},
    {ONE(DENSE, 1), .p.shape = DIMS0},
    {SCALAR_INPUT, TO(1, 1, 1)},
    {ONE(DENSE, 0, 3), TO(3, 0, 5)},
    {ONE(DENSE, 2, 3, 2, 1, 2), TO(6, 4)},
    {ONE(SLICED, 4, 6), TO(24)},
    {ONE(FLIPPED, 4, 6), TO(2, 2, 6)},
    {ONE(STRETCHED, 4, 6), TO(6, 4)},
    {ONE(DENSE, HEBB_ANY, 3, 2), TO(HEBB_ANY, 6)},
    {ONE(TRANSPOSED, 211, 307), TO(307, 211)},
};

static const sample reshape_like_samples[] = {
    {.n_in = 2, .in = {{.shape = DIMS(2, 6)}, {.shape = DIMS(3, 4)}}},
    {.n_in = 2, .in = {{.shape = DIMS(4, 3), .view = TRANSPOSED}, {.shape = DIMS(2, 3, 2)}}},
    {.n_in = 2, .in = {{.shape = DIMS(HEBB_ANY, 4)}, {.shape = DIMS(HEBB_ANY, 2, 2)}}},
    {.n_in = 2, .in = {{.shape = DIMS(1)}, {.shape = DIMS0}}},
    {.n_in = 2, .in = {{.shape = DIMS(0)}, {.shape = DIMS(2, 0)}}},
};

static const sample flatten_samples[] = {
    {ONE(DENSE, 2, 3, 4)},
    {ONE(TRANSPOSED, 2, 3, 4)},
    {ONE(DENSE, HEBB_ANY, 2, 3)},
    {ONE(DENSE, 5)},
    {SCALAR_INPUT},
    {ONE(DENSE, 2, 3)},
    {ONE(DENSE, 3, 0, 2)},
    {ONE(DENSE, 2, 1, 2, 3, 2)},
};

static const sample expand_dims_samples[] = {
    {ONE(DENSE, 2, 3), .p.axis = 1}, {ONE(TRANSPOSED, 2, 3), .p.axis = -1},
    {ONE(DENSE, 2, 3), .p.axis = 0}, {ONE(DENSE, 2, 3), .p.axis = -3},
    {SCALAR_INPUT, .p.axis = 0},     {ONE(DENSE, HEBB_ANY, 3), .p.axis = 1},
    {ONE(DENSE, 2, 0), .p.axis = 2},
};

static const sample squeeze_samples[] = {
    {ONE(DENSE, 2, 1, 3), .p.axis = 1},     {ONE(TRANSPOSED, 3, 1), .p.axis = -1},
    {ONE(DENSE, 1), .p.axis = 0},           {ONE(DENSE, 1, 3), .p.axis = -2},
    {ONE(DENSE, HEBB_ANY, 1), .p.axis = 1}, {ONE(DENSE, 0, 1), .p.axis = 1},
};

#define ORDER(N, ...) .p = {.n_axes = N, .axes = {__VA_ARGS__}}
static const sample transpose_samples[] = {
    {ONE(DENSE, 2, 3), ORDER(2, 1, 0)},
    {ONE(TRANSPOSED, 2, 3, 4), ORDER(3, 2, 0, 1)},
    {ONE(DENSE, HEBB_ANY, 3), ORDER(2, 1, 0)},
    {ONE(DENSE, 2, 3, 4), ORDER(0, 0)},
    {ONE(DENSE, 2, 3, 4), ORDER(3, 0, -1, 1)},
    {ONE(DENSE, 2, 3, 4), ORDER(3, 0, 1, 2)},
    {ONE(DENSE, 2, 3, 1, 2, 3), ORDER(5, 4, 1, 3, 0, 2)},
    {ONE(DENSE, 5), ORDER(1, 0)},
    {SCALAR_INPUT, ORDER(0, 0)},
    {ONE(DENSE, 3, 0), ORDER(2, 1, 0)},
    {ONE(SLICED, 4, 6), ORDER(2, 1, 0)},
    {ONE(DENSE, 307, 211), ORDER(2, 1, 0)},
};

static const sample broadcast_to_samples[] = {
    {ONE(DENSE, 3), TO(2, 3)},
    {ONE(DENSE, 2, 1), TO(2, 3)},
    {SCALAR_INPUT, TO(4)},
    {SCALAR_INPUT, .p.shape = DIMS0},
    {ONE(DENSE, 1), TO(0)},
    {ONE(DENSE, 2, 1, 3), TO(4, 2, 5, 3)},
    {ONE(DENSE, 1, 1, 2, 1), TO(2, 3, 1, 2, 4)},
    {ONE(TRANSPOSED, 3, 2), TO(2, 3, 2)},
    {ONE(DENSE, 211), TO(301, 211)},
};

static const sample broadcast_like_samples[] = {
    {.n_in = 2, .in = {{.shape = DIMS(3)}, {.shape = DIMS(2, 3)}}},
    {.n_in = 2, .in = {{.shape = DIMS(2, 1)}, {.shape = DIMS(2, 3)}}},
    {.n_in = 2, .in = {{.shape = DIMS(1, 3)}, {.shape = DIMS(HEBB_ANY, 3)}}},
    {.n_in = 2, .in = {{.shape = DIMS0}, {.shape = DIMS(2, 0)}}},
    {.n_in = 2, .in = {{.shape = DIMS(3), .view = FLIPPED}, {.shape = DIMS(3, 2, 3)}}},
};

#define RANGES(...)                                                                                \
    .p = {.n_ranges = (int)COUNT(((hebb_range[]){__VA_ARGS__})), .ranges = {__VA_ARGS__}}
static const sample slice_samples[] = {
    {ONE(DENSE, 5, 7), RANGES({1, 1, 6, 2})},
    {ONE(TRANSPOSED, 5, 7), RANGES({0, -2, HEBB_END, 1}, {1, HEBB_END - 1, HEBB_END, -2})},
    {ONE(DENSE, HEBB_ANY, 3), RANGES({0, 1, HEBB_END, 1})},
    {ONE(DENSE, HEBB_ANY, 3), RANGES({0, -1, HEBB_END, -1})},
    {ONE(DENSE, 7), RANGES({.axis = 0, .stop = 3})},
    {ONE(DENSE, 7), RANGES({0, -3, -1, 1})},
    {ONE(DENSE, 7), RANGES({0, 5, 1, -2})},
    {ONE(DENSE, 7), RANGES({0, -1, -100, -3})},
    {ONE(DENSE, 7), RANGES({0, 100, 200, 1})},
    {ONE(DENSE, 7), RANGES({0, 4, 2, 1})},
    {ONE(DENSE, 7), RANGES({0, -100, 100, 5})},
    {ONE(DENSE, 0, 3), RANGES({0, 0, HEBB_END, 1})},
    {ONE(DENSE, 2, 3, 4), RANGES({-1, 1, 3, 1}, {0, 1, HEBB_END, 1})},
    {ONE(DENSE, 2, 3, 4, 3, 2),
     RANGES({3, HEBB_END - 1, HEBB_END, -1}, {1, 0, HEBB_END, 2}, {-1, 1, 2, 1})},
    {ONE(SLICED, 4, 6), RANGES({1, 1, HEBB_END, 3})},
    {ONE(FLIPPED, 4, 6), RANGES({0, -1, HEBB_END, -2})},
    {ONE(STRETCHED, 4, 6), RANGES({0, 1, 3, 1})},
    {ONE(DENSE, 401, 307), RANGES({0, -1, HEBB_END, -1}, {1, 3, 300, 2})},
};

static const sample slice_scatter_samples[] = {
    {.n_in = 2, .in = {{.shape = DIMS(5, 7)}, {.shape = DIMS(5, 3)}}, RANGES({1, 1, 6, 2})},
    {.n_in = 2, .in = {{.shape = DIMS(7)}, {.shape = DIMS(7)}}, RANGES({0, -1, HEBB_END, -1})},
    {.n_in = 2, .in = {{.shape = DIMS(7)}, {.shape = DIMS(0)}}, RANGES({0, 4, 2, 1})},
    {.n_in = 2,
     .in = {{.shape = DIMS(4, 6), .view = TRANSPOSED}, {.shape = DIMS(2, 6), .view = SLICED}},
     RANGES({0, 1, 3, 1})},
    {.n_in = 2,
     .in = {{.shape = DIMS(2, 3, 4)}, {.shape = DIMS(1, 3, 2)}},
     RANGES({0, 1, 2, 1}, {-1, 0, HEBB_END, 2})},
    {.n_in = 2,
     .in = {{.shape = DIMS(HEBB_ANY, 4)}, {.shape = DIMS(HEBB_ANY, 2)}},
     RANGES({1, 2, HEBB_END, 1})},
    {.n_in = 2,
     .in = {{.shape = DIMS(203, 401)}, {.shape = DIMS(102, 401)}},
     RANGES({0, 0, HEBB_END, 2})},
};

#define JOIN(N, AXIS) .n_in = N, .p = {.depth = N, .axis = AXIS}
static const sample concat_samples[] = {
    {JOIN(2, 0), .in = {{.shape = DIMS(2, 3)}, {.shape = DIMS(1, 3)}}},
    {JOIN(3, -1), .in = {{.shape = DIMS(2, 1)}, {.shape = DIMS(2, 3)}, {.shape = DIMS(2, 2)}}},
    {JOIN(2, 1), .in = {{.shape = DIMS(HEBB_ANY, 3)}, {.shape = DIMS(HEBB_ANY, 2)}}},
    {JOIN(2, 0), .in = {{.shape = DIMS(HEBB_ANY, 3)}, {.shape = DIMS(2, 3)}}},
    {JOIN(1, 0), .in = {{.shape = DIMS(3)}}},
    {JOIN(2, 0), .in = {{.shape = DIMS(0)}, {.shape = DIMS(3)}}},
    {JOIN(3, 1),
     .in = {{.shape = DIMS(2, 3, 2)}, {.shape = DIMS(2, 0, 2)}, {.shape = DIMS(2, 1, 2)}}},
    {JOIN(2, 2), .in = {{.shape = DIMS(2, 1, 3, 2, 2)}, {.shape = DIMS(2, 1, 1, 2, 2)}}},
    {JOIN(3, 0), .in = {{.shape = DIMS(4, 6), .view = TRANSPOSED},
                        {.shape = DIMS(4, 6), .view = SLICED},
                        {.shape = DIMS(4, 6), .view = STRETCHED}}},
    {JOIN(2, 1), .in = {{.shape = DIMS(211, 301)}, {.shape = DIMS(211, 99)}}},
};

#define LIKE(V) .p.value = V
static const sample like_samples[] = {
    {ONE(DENSE, 2, 3), LIKE(2)},
    {ONE(DENSE, HEBB_ANY, 3), LIKE(5)},
    {SCALAR_INPUT, LIKE(7)},
    {ONE(DENSE, 3, 0), LIKE(1)},
    {ONE(TRANSPOSED, 3, 4), LIKE(0.1)},
    {ONE(DENSE, 70001), LIKE(-3.5)},
};

#define FULL(T, V) .p.dtype = T, .p.value = V
static const sample full_samples[] = {
    {FULL(HEBB_F32, 0.1), TO(2, 3)},
    {FULL(HEBB_F64, 0.1), TO(2, 3)},
    {FULL(HEBB_I32, -7), TO(5)},
    {FULL(HEBB_I64, 1e15), .p.shape = DIMS0},
    {FULL(HEBB_U8, 200), TO(0, 2)},
    {FULL(HEBB_BOOL, 1), TO(3)},
    {FULL(HEBB_F32, -3), .p.shape = DIMS0},
};

#define COUNT_UP(T, AXIS) .p.dtype = T, .p.axis = AXIS
static const sample iota_like_samples[] = {
    {ONE(DENSE, 5), COUNT_UP(HEBB_F32, 0)},        {ONE(DENSE, 2, 3), COUNT_UP(HEBB_I32, -1)},
    {ONE(DENSE, 2, 3, 4), COUNT_UP(HEBB_I64, 1)},  {ONE(DENSE, HEBB_ANY, 3), COUNT_UP(HEBB_I32, 0)},
    {ONE(DENSE, 0, 3), COUNT_UP(HEBB_F64, 1)},     {ONE(DENSE, 300), COUNT_UP(HEBB_I32, 0)},
    {ONE(TRANSPOSED, 3, 4), COUNT_UP(HEBB_U8, 0)},
};

/* ---- error samples ---- */

#define OF(...)         .n_in = 1, .in = {{DIMS(__VA_ARGS__)}}
#define OF0             .n_in = 1, .in = {{DIMS0}}
#define OF_2(A, B)      .n_in = 2, .in = {{A}, {B}}
#define SHAPE(WORDS)    .status = HEBB_E_SHAPE, .message = WORDS
#define ARGUMENT(WORDS) .status = HEBB_E_ARGUMENT, .message = WORDS
#define DTYPE(WORDS)    .status = HEBB_E_DTYPE, .message = WORDS

static const error_sample reshape_errors[] = {
    {OF(2, 3), TO(4), SHAPE("[2, 3] with 6 elements cannot become [4]")},
    {OF(2, 3), TO(HEBB_ANY, 4), SHAPE("cannot become [?, 4]")},
    {OF(2, 3), TO(HEBB_ANY, HEBB_ANY), SHAPE("more than one size")},
    {OF(2, 3), TO(-2, 3), SHAPE("negative")},
    {OF(0), TO(0, HEBB_ANY), SHAPE("cannot become")},
    {OF(2, 3), .p.shape = {.rank = 9}, SHAPE("the rank must be 0 to 8")},
};
static const error_sample reshape_like_errors[] = {
    {OF_2(DIMS(2, 3), DIMS(4)), SHAPE("6 elements cannot become 4")},
    {OF_2(DIMS(2), DIMS0), SHAPE("2 elements cannot become 1")},
};
static const error_sample expand_dims_errors[] = {
    {OF(2, 3), .p.axis = 3, ARGUMENT("axis 3 does not exist")},
    {OF(2, 3), .p.axis = -4, ARGUMENT("axis -4 does not exist")},
    {OF(1, 1, 1, 1, 1, 1, 1, 1), .p.axis = 0, SHAPE("the rank would pass 8")},
};
static const error_sample squeeze_errors[] = {
    {OF(2, 1), .p.axis = 2, ARGUMENT("axis 2 does not exist")},
    {OF(2, 1), .p.axis = 0, SHAPE("axis 0 has size 2, not 1")},
    {OF0, .p.axis = 0, ARGUMENT("axis 0 does not exist")},
};
static const error_sample transpose_errors[] = {
    {OF(2, 3), ORDER(1, 0), ARGUMENT("the order names 1 axes, the rank is 2")},
    {OF(2, 3), ORDER(2, 0, 2), ARGUMENT("axis 2 does not exist")},
    {OF(2, 3), ORDER(2, 1, -1), ARGUMENT("axis -1 is named twice")},
    {OF(2, 3), ORDER(9, 1, 0), ARGUMENT("9 axes, where 0 to 8 are possible")},
};
static const error_sample broadcast_to_errors[] = {
    {OF(2), TO(3), SHAPE("[2] does not broadcast to [3]")},
    {OF(2, 3), TO(3), SHAPE("does not broadcast to the lower rank of [3]")},
    {OF(1), TO(HEBB_ANY), SHAPE("negative or open")},
};
static const error_sample broadcast_like_errors[] = {
    {OF_2(DIMS(2), DIMS(3)), SHAPE("[2] does not broadcast to [3]")},
    {OF_2(DIMS(2, 3), DIMS0), SHAPE("does not broadcast to the lower rank of []")},
};
static const error_sample slice_errors[] = {
    {OF(5, 7), RANGES({2, 0, 3, 1}), ARGUMENT("axis 2 does not exist")},
    {OF(5, 7), RANGES({0, 0, 3, 1}, {-2, 1, 2, 1}), ARGUMENT("axis -2 has two ranges")},
    {OF(5, 7), RANGES({0, 0, 3, INT64_MIN}), ARGUMENT("the step at axis 0 is out of range")},
    {OF(5), .p.n_ranges = 9, ARGUMENT("9 ranges, where 0 to 8 are possible")},
    {OF0, RANGES({0, 0, 1, 1}), ARGUMENT("axis 0 does not exist")},
};
static const error_sample slice_scatter_errors[] = {
    {OF_2(DIMS(5, 7), DIMS(5, 3)), RANGES({1, 1, 3, 1}),
     SHAPE("the slice is [5, 2], what goes there [5, 3]")},
    {OF_2(DIMS(5), DIMS0), RANGES({0, 1, 2, 1}), SHAPE("the slice is [1], what goes there []")},
    {OF_2(DIMS(5), DIMS(1)), RANGES({1, 1, 2, 1}), ARGUMENT("axis 1 does not exist")},
    {.n_in = 2,
     .in = {{DIMS(5)}, {.shape = DIMS(1), .dtype = HEBB_I32}},
     RANGES({0, 1, 2, 1}),
     DTYPE("f32 and i32 differ")},
};
static const error_sample concat_errors[] = {
    {JOIN(2, 2), .in = {{DIMS(2, 3)}, {DIMS(2, 3)}}, ARGUMENT("axis 2 does not exist")},
    {JOIN(2, 0), .in = {{DIMS(2, 3)}, {DIMS(3)}}, SHAPE("part 1 has rank 1, part 0 rank 2")},
    {JOIN(3, 0), .in = {{DIMS(2, 3)}, {DIMS(1, 3)}, {DIMS(2, 4)}},
     SHAPE("part 2 has size 4 at axis 1 where the others have 3")},
    {JOIN(2, 0), .in = {{DIMS(2)}, {.shape = DIMS(2), .dtype = HEBB_I64}},
     DTYPE("f32 and i64 differ")},
    {JOIN(1, 0), .in = {{DIMS0}}, ARGUMENT("axis 0 does not exist")},
};
static const error_sample like_errors[] = {
    {OF(2), .dtype = HEBB_U8, LIKE(256), ARGUMENT("256 is not a value of u8")},
    {OF(2), .dtype = HEBB_I32, LIKE(3e9), ARGUMENT("is not a value of i32")},
    {OF(2), .dtype = HEBB_I64, LIKE(-1e19), ARGUMENT("is not a value of i64")},
};
static const error_sample full_errors[] = {
    {FULL((hebb_dtype)77, 1), TO(2), DTYPE("77 is no dtype")},
    {FULL(HEBB_U8, -1), TO(2), ARGUMENT("-1 is not a value of u8")},
    {FULL(HEBB_F32, 1), TO(2, HEBB_ANY), SHAPE("negative or open")},
    {FULL(HEBB_F32, 1), TO(-5), SHAPE("negative or open")},
    {FULL(HEBB_F32, 1), .p.shape = {.rank = -1}, SHAPE("the rank must be 0 to 8")},
};
static const error_sample iota_like_errors[] = {
    {OF(2, 3), COUNT_UP(HEBB_I32, 2), ARGUMENT("axis 2 does not exist")},
    {OF0, COUNT_UP(HEBB_I32, 0), ARGUMENT("axis 0 does not exist")},
    {OF(2), COUNT_UP(HEBB_BOOL, 0), DTYPE("bool is not numeric")},
    {OF(2), COUNT_UP((hebb_dtype)77, 0), DTYPE("77 is no dtype")},
};

/* ---- the table ---- */

#define ROW(NAME, OP, ARITY)                                                                       \
    .name = #NAME, .op = OP, .build = build_##NAME, .reference = reference_##NAME, .arity = ARITY, \
    .extra = NAME##_samples, .n_extra = COUNT(NAME##_samples)
#define LIKE_ROW(NAME, OP)                                                                         \
    .name = #NAME, .op = OP, .build = build_##NAME, .reference = reference_##NAME, .arity = 1,     \
    .extra = like_samples, .n_extra = COUNT(like_samples)

static const descriptor table[] = {
    {ROW(reshape, "reshape", 1), .dtypes = TAKES_ALL, .differentiable = true,
     ERRORS(reshape_errors)},
    {ROW(reshape_like, "reshape", 2), .dtypes = TAKES_ALL, .differentiable = true,
     ERRORS(reshape_like_errors)},
    {ROW(flatten, "reshape", 1), .dtypes = TAKES_ALL, .differentiable = true,
     .no_errors = "it takes any tensor"},
    {ROW(expand_dims, "reshape", 1), .dtypes = TAKES_ALL, .differentiable = true,
     ERRORS(expand_dims_errors)},
    {ROW(squeeze, "reshape", 1), .dtypes = TAKES_ALL, .differentiable = true,
     ERRORS(squeeze_errors)},
    {ROW(transpose, "transpose", 1), .dtypes = TAKES_ALL, .differentiable = true,
     ERRORS(transpose_errors)},
    {ROW(broadcast_to, "broadcast", 1), .dtypes = TAKES_ALL, .differentiable = true,
     ERRORS(broadcast_to_errors)},
    {ROW(broadcast_like, "broadcast", 2), .dtypes = TAKES_ALL, .differentiable = true,
     ERRORS(broadcast_like_errors)},
    {ROW(slice, "slice", 1), .dtypes = TAKES_ALL, .differentiable = true, ERRORS(slice_errors)},
    {ROW(slice_scatter, "slice_scatter", 2), .dtypes = TAKES_ALL, .differentiable = true,
     ERRORS(slice_scatter_errors)},
    {ROW(concat, "concat", 3), .dtypes = TAKES_ALL, .differentiable = true, ERRORS(concat_errors)},
    {LIKE_ROW(full_like, "full"), .dtypes = TAKES_INTEGERS, ERRORS(like_errors)},
    {LIKE_ROW(zeros_like, "full"), .dtypes = TAKES_ALL, .no_errors = "it takes any tensor"},
    {LIKE_ROW(ones_like, "full"), .dtypes = TAKES_ALL, .no_errors = "it takes any tensor"},
    {LIKE_ROW(scalar_like, "full"), .dtypes = TAKES_INTEGERS, ERRORS(like_errors)},
    {ROW(full, "full", 0), ERRORS(full_errors)},
    {ROW(iota_like, "iota", 1), ERRORS(iota_like_errors)},
};

const descriptor_table movement_table = {table, COUNT(table)};
