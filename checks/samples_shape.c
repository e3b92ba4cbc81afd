/* Descriptors of further movement (hebb/movement.h): see samples.h. */
#include "samples.h"

/* ---- references: where each element of the result comes from ---- */

/* Puts in `from` the place in operand 0 of the result's element at `at`; false for a zero. */
typedef bool source(const params *p, hebb_shape x, const int64_t *at, int64_t *from);

static values moved(const values *x, hebb_shape shape, const params *p, source *place) {
    values y = values_make(x->dtype, shape);
    for (int64_t i = 0; i < y.count; i++) {
        int64_t at[HEBB_MAX_RANK], from[HEBB_MAX_RANK];
        index_split(i, shape, at);
        for (int k = 0; k < x->shape.rank; k++) from[k] = at[k];
        if (place(p, x->shape, at, from)) y.at[i] = x->at[index_join(from, x->shape)];
    }
    return y;
}

/* The shape with the size of an axis replaced. */
static hebb_shape resized(hebb_shape x, int axis, int64_t size) {
    x.dim[front_axis(axis, x.rank)] = size;
    return x;
}

static int64_t size_along(hebb_shape x, const params *p) {
    return x.dim[front_axis(p->axis, x.rank)];
}

#define PLACE(name)                                                                                \
    static bool name(const params *p, hebb_shape x, const int64_t *at, int64_t *from)
#define REFERENCE(name)                                                                            \
    static values reference_##name(const descriptor *d, const values *in, const params *p)
/* An op that changes one axis: its new size, and the place there by the one in the result. */
#define ALONG(name, SIZE, PLACE_THERE)                                                             \
    PLACE(name##_place) {                                                                          \
        const int64_t n = size_along(x, p), i = at[front_axis(p->axis, x.rank)];                   \
        from[front_axis(p->axis, x.rank)] = PLACE_THERE;                                           \
        return n >= 0;                                                                             \
    }                                                                                              \
    REFERENCE(name) {                                                                              \
        const int64_t n = size_along(in[0].shape, p);                                              \
        (void)n;                                                                                   \
        return moved(&in[0], resized(in[0].shape, p->axis, SIZE), p, name##_place);                \
    }

static int64_t modulo(int64_t a, int64_t n) { return (a % n + n) % n; }

ALONG(tile, n * p->amount, i % n)
ALONG(repeat, n * p->amount, i / p->amount)
ALONG(roll, n, modulo(i - p->amount, n))
ALONG(pad_reflect, n + p->amount + p->axis2,
      i < p->amount       ? p->amount - i
      : i - p->amount < n ? i - p->amount
                          : 2 * n - 2 - i + p->amount)
ALONG(pad_edge, n + p->amount + p->axis2,
      i < p->amount       ? 0
      : i - p->amount < n ? i - p->amount
                          : n - 1)
/* Part number `depth` of equal ones, or of the sizes in `shape`. */
ALONG(split, n / p->amount, i + (p->depth - 1) * (n / p->amount))

static int64_t part_start(const params *p, int64_t n) {
    int64_t start = 0;
    for (int k = 0; k < p->depth - 1; k++) {
        int64_t rest = n;
        for (int i = 0; i < p->shape.rank; i++)
            if (p->shape.dim[i] != HEBB_ANY) rest -= p->shape.dim[i];
        start += p->shape.dim[k] == HEBB_ANY ? rest : p->shape.dim[k];
    }
    return start;
}
static int64_t part_size(const params *p, int64_t n) {
    params next = *p;
    next.depth++;
    return part_start(&next, n) - part_start(p, n);
}
ALONG(split_sizes, part_size(p, n), i + part_start(p, n))

PLACE(flip_place) {
    for (int k = 0; k < x.rank; k++) {
        bool turned = p->n_axes < 0;
        for (int i = 0; i < p->n_axes; i++) turned |= front_axis(p->axes[i], x.rank) == k;
        if (turned) from[k] = x.dim[k] - 1 - at[k];
    }
    return true;
}
REFERENCE(flip) { return moved(&in[0], in[0].shape, p, flip_place); }

/* Axis number k of the result is this one of x. */
static int moved_axis(const params *p, int rank, int k) {
    const int from = front_axis(p->axis, rank), to = front_axis(p->axis2, rank);
    if (k == to) return from;
    const int other = k < to ? k : k - 1; /* its number among the others */
    return other < from ? other : other + 1;
}
static int swapped_axis(const params *p, int rank, int k) {
    const int a = front_axis(p->axis, rank), b = front_axis(p->axis2, rank);
    return k == a ? b : k == b ? a : k;
}
#define ORDERED(name, AXIS)                                                                        \
    PLACE(name##_place) {                                                                          \
        for (int k = 0; k < x.rank; k++) from[AXIS(p, x.rank, k)] = at[k];                         \
        return true;                                                                               \
    }                                                                                              \
    REFERENCE(name) {                                                                              \
        hebb_shape x = in[0].shape, shape = x;                                                     \
        for (int k = 0; k < x.rank; k++) shape.dim[k] = x.dim[AXIS(p, x.rank, k)];                 \
        return moved(&in[0], shape, p, name##_place);                                              \
    }
ORDERED(move_axis, moved_axis)
ORDERED(swap_axes, swapped_axis)

PLACE(tril_place) { return at[x.rank - 1] - at[x.rank - 2] <= p->amount; }
PLACE(triu_place) { return at[x.rank - 1] - at[x.rank - 2] >= p->amount; }
REFERENCE(tril) { return moved(&in[0], in[0].shape, p, tril_place); }
REFERENCE(triu) { return moved(&in[0], in[0].shape, p, triu_place); }

PLACE(diagonal_place) {
    const int row = front_axis(p->axis, x.rank), column = front_axis(p->axis2, x.rank);
    int next = 0;
    for (int k = 0; k < x.rank; k++)
        if (k != row && k != column) from[k] = at[next++];
    from[row] = at[next] + (p->amount < 0 ? -p->amount : 0);
    from[column] = at[next] + (p->amount > 0 ? p->amount : 0);
    return true;
}
static hebb_shape diagonal_shape(hebb_shape x, const params *p) {
    const int row = front_axis(p->axis, x.rank), column = front_axis(p->axis2, x.rank);
    hebb_shape shape = {0};
    for (int k = 0; k < x.rank; k++)
        if (k != row && k != column) shape.dim[shape.rank++] = x.dim[k];
    int64_t size = 0;
    for (int64_t i = 0; i < x.dim[row]; i++)
        size += i + p->amount >= 0 && i + p->amount < x.dim[column];
    shape.dim[shape.rank++] = size;
    return shape;
}
REFERENCE(diagonal) { return moved(&in[0], diagonal_shape(in[0].shape, p), p, diagonal_place); }
REFERENCE(diagonal_scatter) {
    values y = values_cast(&in[0], in[0].dtype);
    for (int64_t i = 0; i < in[1].count; i++) {
        int64_t at[HEBB_MAX_RANK], to[HEBB_MAX_RANK];
        index_split(i, in[1].shape, at);
        diagonal_place(p, in[0].shape, at, to);
        y.at[index_join(to, in[0].shape)] = in[1].at[i];
    }
    return y;
}

REFERENCE(stack) {
    const int count = (int)p->depth, axis = front_axis(p->axis, in[0].shape.rank + 1);
    hebb_shape shape = {.rank = in[0].shape.rank + 1};
    for (int k = 0, from = 0; k < shape.rank; k++)
        shape.dim[k] = k == axis ? count : in[0].shape.dim[from++];
    values y = values_make(in[0].dtype, shape);
    for (int64_t i = 0; i < y.count; i++) {
        int64_t at[HEBB_MAX_RANK], from[HEBB_MAX_RANK];
        index_split(i, shape, at);
        for (int k = 0, n = 0; k < shape.rank; k++)
            if (k != axis) from[n++] = at[k];
        y.at[i] = in[at[axis]].at[index_join(from, in[0].shape)];
    }
    return y;
}

/* ---- builders ---- */

#define BUILD(name, ...)                                                                           \
    static hebb_tensor *build_##name(hebb_graph *g, hebb_tensor *const *in, const params *p) {     \
        return hebb_##name(__VA_ARGS__);                                                           \
    }
BUILD(flip, in[0], p->n_axes < 0 ? NULL : p->axes, p->n_axes)
BUILD(move_axis, in[0], p->axis, p->axis2)
BUILD(swap_axes, in[0], p->axis, p->axis2)
BUILD(stack, in, (int)p->depth, p->axis)
BUILD(tile, in[0], p->axis, p->amount)
BUILD(repeat, in[0], p->axis, p->amount)
BUILD(roll, in[0], p->amount, p->axis)
BUILD(diagonal, in[0], (int)p->amount, p->axis, p->axis2)
BUILD(diagonal_scatter, in[0], in[1], (int)p->amount, p->axis, p->axis2)
BUILD(tril, in[0], p->amount)
BUILD(triu, in[0], p->amount)
BUILD(pad_reflect, in[0], p->axis, p->amount, p->axis2)
BUILD(pad_edge, in[0], p->axis, p->amount, p->axis2)

enum { MOST_PARTS = 8 };
static hebb_tensor *build_split(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    hebb_tensor *parts[MOST_PARTS] = {0};
    hebb_split(in[0], p->axis, (int)p->amount, parts);
    return parts[p->depth - 1];
}
static hebb_tensor *build_split_sizes(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    hebb_tensor *parts[MOST_PARTS] = {0};
    hebb_split_sizes(in[0], p->axis, p->shape.dim, p->shape.rank, parts);
    return parts[p->depth - 1];
}

/* ---- samples ---- */

#define ONE(VIEW, ...) .n_in = 1, .in = {{.shape = DIMS(__VA_ARGS__), .view = VIEW}}
#define X(...)                                                                                     \
    { .shape = DIMS(__VA_ARGS__) }
#define OVER(N, ...) .p = {.n_axes = N, .axes = {__VA_ARGS__}}
#define TWO(A, B)    .p = {.axis = A, .axis2 = B}
#define BY(AXIS, N)  .p = {.axis = AXIS, .amount = N}

static const sample flip_samples[] = {
    {ONE(DENSE, 3, 4), OVER(1, 1)},        {ONE(DENSE, 3, 4), OVER(2, 0, -1)},
    {ONE(DENSE, 2, 3, 4), OVER(-1)},       {ONE(DENSE, 3, 4), OVER(0)},
    {ONE(DENSE, HEBB_ANY, 3), OVER(1, 0)}, {ONE(DENSE, 0, 3), OVER(1, 0)},
    {ONE(TRANSPOSED, 4, 5), OVER(1, 0)},   {ONE(FLIPPED, 4, 6), OVER(1, 0)},
    {ONE(SLICED, 4, 6), OVER(1, 1)},       {ONE(DENSE, 2, 3, 2, 2, 3), OVER(3, 1, 3, 4)},
    {ONE(DENSE, 301, 67), OVER(2, 0, 1)},
};
static const sample order_samples[] = {
    {ONE(DENSE, 2, 3, 4), TWO(0, 2)},        {ONE(DENSE, 2, 3, 4), TWO(2, 0)},
    {ONE(DENSE, 2, 3, 4), TWO(-1, 1)},       {ONE(DENSE, 2, 3, 4), TWO(1, 1)},
    {ONE(DENSE, HEBB_ANY, 3, 2), TWO(0, 1)}, {ONE(DENSE, 5), TWO(0, 0)},
    {ONE(DENSE, 2, 0, 3), TWO(0, 2)},        {ONE(TRANSPOSED, 2, 3, 4), TWO(0, 1)},
    {ONE(DENSE, 2, 3, 2, 4, 3), TWO(1, 3)},  {ONE(DENSE, 2, 3, 2, 4, 3), TWO(4, 0)},
};
#define JOIN(N, AXIS) .n_in = N, .p = {.depth = N, .axis = AXIS}
static const sample stack_samples[] = {
    {JOIN(2, 0), .in = {X(2, 3), X(2, 3)}},
    {JOIN(3, 1), .in = {X(2, 3), X(2, 3), X(2, 3)}},
    {JOIN(2, -1), .in = {X(2, 3), X(2, 3)}},
    {JOIN(1, 0), .in = {X(3)}},
    {JOIN(3, 0), .in = {{.shape = DIMS0}, {.shape = DIMS0}, {.shape = DIMS0}}},
    {JOIN(2, 1), .in = {X(HEBB_ANY, 3), X(HEBB_ANY, 3)}},
    {JOIN(2, 1), .in = {X(0, 3), X(0, 3)}},
    {JOIN(3, 2), .in = {{.shape = DIMS(4, 6), .view = TRANSPOSED},
                        {.shape = DIMS(4, 6), .view = SLICED},
                        {.shape = DIMS(4, 6), .view = STRETCHED}}},
    {JOIN(2, 3), .in = {X(2, 1, 3, 2), X(2, 1, 3, 2)}},
};
#define PART(AXIS, N, WHICH) .p = {.axis = AXIS, .amount = N, .depth = WHICH}
static const sample split_samples[] = {
    {ONE(DENSE, 6, 4), PART(0, 3, 2)},        {ONE(DENSE, 6, 4), PART(1, 2, 1)},
    {ONE(DENSE, 6, 4), PART(-1, 4, 4)},       {ONE(DENSE, 5), PART(0, 1, 1)},
    {ONE(DENSE, HEBB_ANY, 4), PART(1, 2, 2)}, {ONE(DENSE, 0, 4), PART(0, 3, 2)},
    {ONE(TRANSPOSED, 4, 6), PART(1, 3, 3)},   {ONE(DENSE, 2, 4, 3), PART(1, 2, 2)},
};
#define SIZES(AXIS, WHICH, ...) .p = {.axis = AXIS, .depth = WHICH, .shape = DIMS(__VA_ARGS__)}
static const sample split_sizes_samples[] = {
    {ONE(DENSE, 6, 4), SIZES(0, 2, 1, 3, 2)},
    {ONE(DENSE, 6, 4), SIZES(0, 1, HEBB_ANY, 3, 2)},
    {ONE(DENSE, 6, 4), SIZES(0, 2, 1, HEBB_ANY, 2)},
    {ONE(DENSE, 6, 4), SIZES(0, 3, 1, 2, HEBB_ANY)},
    {ONE(DENSE, HEBB_ANY, 4), SIZES(0, 1, HEBB_ANY, 2)},
    {ONE(DENSE, HEBB_ANY, 4), SIZES(0, 2, HEBB_ANY, 2)},
    {ONE(DENSE, HEBB_ANY, 4), SIZES(0, 2, 1, HEBB_ANY)},
    {ONE(DENSE, HEBB_ANY, 4), SIZES(1, 2, 1, 3)},
    {ONE(DENSE, 6), SIZES(0, 3, 4, 2, 0)},
    {ONE(TRANSPOSED, 4, 6), SIZES(1, 2, 1, 5)},
};
static const sample again_samples[] = {
    {ONE(DENSE, 3, 4), BY(0, 2)},        {ONE(DENSE, 3, 4), BY(1, 3)},
    {ONE(DENSE, 3, 4), BY(-1, 1)},       {ONE(DENSE, 5), BY(0, 0)},
    {ONE(DENSE, HEBB_ANY, 3), BY(0, 2)}, {ONE(DENSE, HEBB_ANY, 3), BY(1, 3)},
    {ONE(DENSE, 0, 3), BY(0, 2)},        {ONE(TRANSPOSED, 4, 5), BY(0, 2)},
    {ONE(SLICED, 4, 6), BY(1, 2)},       {ONE(DENSE, 2, 3, 1, 2, 2), BY(2, 3)},
    {ONE(DENSE, 67, 301), BY(0, 5)},
};
static const sample roll_samples[] = {
    {ONE(DENSE, 3, 4), BY(0, 1)},
    {ONE(DENSE, 3, 4), BY(1, -1)},
    {ONE(DENSE, 7), BY(0, 17)},
    {ONE(DENSE, 7), BY(0, -23)},
    {ONE(DENSE, 3, 4), BY(-1, 4)},
    {ONE(DENSE, HEBB_ANY, 3), BY(0, 2)},
    {ONE(DENSE, HEBB_ANY, 3), BY(0, -7)},
    {ONE(DENSE, HEBB_ANY, 3), BY(1, 2)},
    {ONE(DENSE, 0, 3), BY(0, 2)},
    {ONE(TRANSPOSED, 4, 5), BY(0, 3)},
    {ONE(DENSE, 2, 3, 2, 4, 2), BY(3, 3)},
    {ONE(DENSE, 67, 301), BY(1, 100)},
};
#define AROUND(AXIS, BEFORE, AFTER) .p = {.axis = AXIS, .amount = BEFORE, .axis2 = AFTER}
static const sample pad_samples[] = {
    {ONE(DENSE, 4, 3), AROUND(0, 1, 2)},        {ONE(DENSE, 4, 3), AROUND(1, 2, 2)},
    {ONE(DENSE, 4), AROUND(-1, 3, 0)},          {ONE(DENSE, 4), AROUND(0, 0, 3)},
    {ONE(DENSE, 3), AROUND(0, 0, 0)},           {ONE(DENSE, HEBB_ANY, 3), AROUND(0, 2, 1)},
    {ONE(DENSE, HEBB_ANY, 3), AROUND(1, 2, 1)}, {ONE(DENSE, 0, 3), AROUND(1, 1, 1)},
    {ONE(TRANSPOSED, 4, 5), AROUND(1, 2, 1)},   {ONE(DENSE, 2, 3, 4), AROUND(1, 1, 1)},
    {ONE(DENSE, 31, 67), AROUND(1, 30, 66)},
};
#define DIAGONAL(OFFSET, A, B) .p = {.amount = OFFSET, .axis = A, .axis2 = B}
static const sample diagonal_samples[] = {
    {ONE(DENSE, 3, 4), DIAGONAL(0, 0, 1)},         {ONE(DENSE, 3, 4), DIAGONAL(1, 0, 1)},
    {ONE(DENSE, 4, 3), DIAGONAL(-2, 0, 1)},        {ONE(DENSE, 3, 4), DIAGONAL(1, 1, 0)},
    {ONE(DENSE, 3, 4), DIAGONAL(7, 0, 1)},         {ONE(DENSE, 2, 3, 4), DIAGONAL(0, -2, -1)},
    {ONE(DENSE, 2, 3, 4), DIAGONAL(-1, 0, 2)},     {ONE(DENSE, 1, 1), DIAGONAL(0, 0, 1)},
    {ONE(DENSE, 0, 3), DIAGONAL(0, 0, 1)},         {ONE(DENSE, HEBB_ANY, 3, 3), DIAGONAL(1, 1, 2)},
    {ONE(DENSE, HEBB_ANY, 4), DIAGONAL(-1, 0, 1)}, {ONE(TRANSPOSED, 4, 5), DIAGONAL(1, 0, 1)},
    {ONE(SLICED, 4, 6), DIAGONAL(0, 0, 1)},        {ONE(DENSE, 2, 3, 2, 3, 2), DIAGONAL(1, 3, 1)},
    {ONE(DENSE, 201, 301), DIAGONAL(17, 0, 1)},
};
static const sample diagonal_scatter_samples[] = {
    {.n_in = 2, .in = {X(3, 4), X(3)}, DIAGONAL(0, 0, 1)},
    {.n_in = 2, .in = {X(3, 4), X(2)}, DIAGONAL(-1, 0, 1)},
    {.n_in = 2, .in = {X(2, 3, 4), X(2, 3)}, DIAGONAL(1, 1, 2)},
    {.n_in = 2, .in = {X(3, 2, 4), X(2, 3)}, DIAGONAL(0, 2, 0)},
    {.n_in = 2, .in = {X(3, 4), X(0)}, DIAGONAL(9, 0, 1)},
    {.n_in = 2, .in = {X(HEBB_ANY, 3, 3), X(HEBB_ANY, 3)}, DIAGONAL(0, 1, 2)},
    {.n_in = 2,
     .in = {{.shape = DIMS(4, 6), .view = TRANSPOSED}, {.shape = DIMS(4), .view = SLICED}},
     DIAGONAL(2, 0, 1)},
    {.n_in = 2, .in = {X(201, 301), X(201)}, DIAGONAL(17, 0, 1)},
};
static const sample triangle_samples[] = {
    {ONE(DENSE, 3, 4), BY(0, 0)},          {ONE(DENSE, 3, 4), BY(0, 1)},
    {ONE(DENSE, 4, 3), BY(0, -2)},         {ONE(DENSE, 4, 3), BY(0, 9)},
    {ONE(DENSE, 2, 3, 3), BY(0, 0)},       {ONE(DENSE, HEBB_ANY, 3), BY(0, 1)},
    {ONE(DENSE, 0, 3), BY(0, 0)},          {ONE(TRANSPOSED, 4, 5), BY(0, -1)},
    {ONE(DENSE, 2, 2, 2, 3, 3), BY(0, 0)}, {ONE(DENSE, 201, 301), BY(0, 3)},
};

/* ---- error samples ---- */

#define ONE_BAD(...)    .n_in = 1, .in = {X(2, 3)}, .p = {__VA_ARGS__}
#define FAILS(E, WORDS) .status = HEBB_E_##E, .message = WORDS
#define NO_AXIS         FAILS(ARGUMENT, "axis 2 does not exist")
static const error_sample flip_errors[] = {
    {ONE_BAD(.n_axes = 1, .axes = {2}), NO_AXIS},
    {ONE_BAD(.n_axes = 2, .axes = {1, -1}), FAILS(ARGUMENT, "axis -1 has two ranges")},
};
static const error_sample order_errors[] = {
    {ONE_BAD(.axis = 2), NO_AXIS},
    {ONE_BAD(.axis2 = -3), FAILS(ARGUMENT, "axis -3 does not exist")},
};
static const error_sample stack_errors[] = {
    {JOIN(2, 3), .in = {X(2, 3), X(2, 3)}, FAILS(ARGUMENT, "axis 3 does not exist")},
    {JOIN(2, 0), .in = {X(2, 3), X(3)}, FAILS(SHAPE, "tensor 1 has rank 1, tensor 0 rank 2")},
    {JOIN(2, 0), .in = {X(2, 3), X(2, 4)}, FAILS(SHAPE, "part 1 has size 4")},
    {JOIN(2, 0), .in = {X(2), {.shape = DIMS(2), .dtype = HEBB_I32}},
     FAILS(DTYPE, "f32 and i32 differ")},
};
static const error_sample split_errors[] = {
    {ONE_BAD(.axis = 2, .amount = 1, .depth = 1), NO_AXIS},
    {ONE_BAD(.axis = 1, .amount = 2, .depth = 1), FAILS(SHAPE, "cannot be cut into 2 equal parts")},
    {.n_in = 1,
     .in = {X(HEBB_ANY, 3)},
     PART(0, 2, 1),
     FAILS(SHAPE, "cannot be cut into 2 equal parts")},
};
static const error_sample split_sizes_errors[] = {
    {.n_in = 1, .in = {X(2, 3)}, SIZES(2, 1, 3), NO_AXIS},
    {.n_in = 1, .in = {X(2, 3)}, SIZES(1, 1, 1, 1), FAILS(SHAPE, "the sizes add up to 2")},
    {.n_in = 1, .in = {X(2, 3)}, SIZES(1, 1, 4, HEBB_ANY), FAILS(SHAPE, "the sizes add up to 4")},
    {.n_in = 1, .in = {X(2, 3)}, SIZES(1, 1, -2, 5), FAILS(ARGUMENT, "size -2 of part 0")},
    {.n_in = 1,
     .in = {X(2, 3)},
     SIZES(1, 1, HEBB_ANY, HEBB_ANY),
     FAILS(ARGUMENT, "size -1 of part 1")},
};
static const error_sample tile_errors[] = {
    {ONE_BAD(.axis = 2, .amount = 1), NO_AXIS},
    {ONE_BAD(.axis = 1, .amount = -1), FAILS(ARGUMENT, "tile: -1 times")},
};
static const error_sample repeat_errors[] = {
    {ONE_BAD(.axis = 2, .amount = 1), NO_AXIS},
    {ONE_BAD(.axis = 1, .amount = -1), FAILS(ARGUMENT, "repeat: -1 times")},
};
static const error_sample roll_errors[] = {{ONE_BAD(.axis = 2, .amount = 1), NO_AXIS}};
static const error_sample diagonal_errors[] = {
    {ONE_BAD(.axis = 2), NO_AXIS},
    {ONE_BAD(.axis = 1, .axis2 = -1), FAILS(ARGUMENT, "axis -1 is named twice")},
};
static const error_sample diagonal_scatter_errors[] = {
    {.n_in = 2, .in = {X(2, 3), X(3)}, DIAGONAL(0, 0, 1), FAILS(SHAPE, "the diagonal is [2]")},
    {.n_in = 2, .in = {X(2, 3), X(2)}, DIAGONAL(0, 0, 2), NO_AXIS},
};
static const error_sample tril_errors[] = {
    {.n_in = 1, .in = {X(3)}, FAILS(SHAPE, "is 1, less than 2")},
};
static const error_sample pad_reflect_errors[] = {
    {ONE_BAD(.axis = 2), NO_AXIS},
    {ONE_BAD(.axis = 1, .amount = -1), FAILS(ARGUMENT, "-1 and 0 elements more")},
    {ONE_BAD(.axis = 1, .amount = 3), FAILS(SHAPE, "elements 1 to 4 of axis 1 do not exist")},
    {ONE_BAD(.axis = 1, .axis2 = 3), FAILS(SHAPE, "elements -1 to 2 of axis 1 do not exist")},
};
static const error_sample pad_edge_errors[] = {
    {ONE_BAD(.axis = 2), NO_AXIS},
    {ONE_BAD(.axis = 1, .axis2 = -1), FAILS(ARGUMENT, "0 and -1 elements more")},
    {.n_in = 1,
     .in = {X(0)},
     AROUND(0, 1, 0),
     FAILS(SHAPE, "elements 0 to 1 of axis 0 do not exist")},
};

/* ---- the table ---- */

#define ROW(NAME, OP, ARITY, SAMPLES, ERROR_SAMPLES)                                               \
    .name = #NAME, .op = OP, .build = build_##NAME, .reference = reference_##NAME, .arity = ARITY, \
    .extra = SAMPLES##_samples, .n_extra = COUNT(SAMPLES##_samples),                               \
    ERRORS(ERROR_SAMPLES##_errors), .dtypes = TAKES_ALL, .differentiable = true

static const descriptor table[] = {
    {ROW(flip, "slice", 1, flip, flip)},
    {ROW(move_axis, "transpose", 1, order, order)},
    {ROW(swap_axes, "transpose", 1, order, order)},
    {ROW(stack, "concat", 3, stack, stack)},
    {ROW(split, "slice", 1, split, split)},
    {ROW(split_sizes, NULL, 1, split_sizes, split_sizes)},
    {ROW(tile, "reshape", 1, again, tile)},
    {ROW(repeat, "reshape", 1, again, repeat)},
    {ROW(roll, NULL, 1, roll, roll)},
    {ROW(diagonal, "diagonal", 1, diagonal, diagonal)},
    {ROW(diagonal_scatter, "diagonal_scatter", 2, diagonal_scatter, diagonal_scatter)},
    {ROW(tril, "select", 1, triangle, tril)},
    {ROW(triu, "select", 1, triangle, tril)},
    {ROW(pad_reflect, NULL, 1, pad, pad_reflect)},
    {ROW(pad_edge, NULL, 1, pad, pad_edge)},
};

const descriptor_table shape_table = {table, COUNT(table)};
