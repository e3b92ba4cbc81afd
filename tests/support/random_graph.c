/* The generator of random graphs: see random_graph.h. */
#include "random_graph.h"

#define MOST_TENSORS  64
#define MOST_ELEMENTS 2000
#define MOST_RANK     5

typedef struct pool {
    hebb_graph *g;
    rng r;
    hebb_dtype dtype;
    hebb_tensor *t[MOST_TENSORS];
    int n;
} pool;

static int below(pool *p, int n) { return (int)rng_below(&p->r, n); }

/* Later tensors more often, so that graphs get deep. */
static hebb_tensor *pick(pool *p) {
    int a = below(p, p->n), b = below(p, p->n);
    return p->t[a > b ? a : b];
}

static hebb_tensor *number(hebb_tensor *x, double value) { return hebb_scalar_like(x, value); }

/* ---- one op; NULL if it does not suit the operands that were drawn ---- */

static hebb_tensor *unary_smooth(pool *p) {
    hebb_tensor *x = pick(p);
    switch (below(p, 7)) {
    case 0: return hebb_neg(x);
    case 1: return hebb_sigmoid(x);
    case 2: return hebb_softplus(hebb_tanh(x));
    case 3: return hebb_exp(hebb_neg(hebb_softplus(x)));
    case 4: return hebb_log(hebb_add(number(x, 1.5), hebb_square(hebb_tanh(x))));
    case 5: return hebb_reciprocal(hebb_add(number(x, 1.5), hebb_tanh(x)));
    default: return hebb_sqrt(hebb_add(hebb_square(hebb_tanh(x)), number(x, 0.5)));
    }
}

static bool fits(hebb_shape a, hebb_shape b) {
    for (int k = 1; k <= a.rank && k <= b.rank; k++) {
        int64_t m = a.dim[a.rank - k], n = b.dim[b.rank - k];
        if (m != n && m != 1 && n != 1) return false;
    }
    return hebb_shape_count(broadcast_shapes(a, b)) <= MOST_ELEMENTS;
}

static bool pick_pair(pool *p, hebb_tensor **a, hebb_tensor **b) {
    *a = pick(p);
    for (int tries = 0; tries < 10; tries++) {
        *b = pick(p);
        if (fits(hebb_tensor_shape(*a), hebb_tensor_shape(*b))) return true;
    }
    return false;
}

static hebb_tensor *binary_smooth(pool *p) {
    hebb_tensor *a, *b;
    if (!pick_pair(p, &a, &b)) return NULL;
    switch (below(p, 5)) {
    case 0: return hebb_add(a, b);
    case 1: return hebb_sub(a, b);
    case 2: return hebb_div(a, hebb_add(number(b, 1.5), hebb_sigmoid(b)));
    case 3: return hebb_pow(hebb_add(number(a, 0.5), hebb_sigmoid(a)), hebb_tanh(b));
    default: return hebb_mul(hebb_tanh(a), b);
    }
}

/* Continuous all the same: a rounding error must not flip a value far away. The condition of select
   is of an input, which has none. */
static hebb_tensor *kinked(pool *p) {
    hebb_tensor *a, *b, *input = p->t[below(p, RANDOM_INPUTS)];
    if (!pick_pair(p, &a, &b)) return NULL;
    switch (below(p, 5)) {
    case 0: return hebb_abs(a);
    case 1: return hebb_relu(a);
    case 2: return hebb_maximum(a, b);
    case 3: return hebb_minimum(a, b);
    default:
        if (!fits(hebb_tensor_shape(input), hebb_tensor_shape(a))) return NULL;
        return hebb_select(hebb_greater(input, number(input, 0)), a, number(a, 0.25));
    }
}

static hebb_tensor *reduction(pool *p, bool smooth) {
    hebb_tensor *x = pick(p);
    int rank = hebb_tensor_shape(x).rank, axis = rank == 0 ? 0 : below(p, rank);
    bool keep = below(p, 2);
    if (rank == 0) return NULL;
    switch (below(p, smooth ? 3 : 5)) {
    case 0: return hebb_mul(hebb_sum(x, HEBB_AXES(axis), keep), number(x, 0.5));
    case 1: return hebb_mean(x, HEBB_AXES(axis - rank), keep);
    case 2: return hebb_softmax(x);
    case 3: return hebb_max(x, HEBB_AXES(axis), keep);
    default: return hebb_min(x, HEBB_AXES(axis), keep);
    }
}

static hebb_tensor *permuted(pool *p, hebb_tensor *x, int rank) {
    int order[HEBB_MAX_RANK];
    for (int k = 0; k < rank; k++) order[k] = k;
    for (int k = rank - 1; k > 0; k--) {
        int j = below(p, k + 1), t = order[k];
        order[k] = order[j];
        order[j] = t;
    }
    return hebb_transpose(x, order, rank);
}

static hebb_tensor *sliced(pool *p, hebb_tensor *x, hebb_shape shape) {
    int axis = below(p, shape.rank);
    int64_t n = shape.dim[axis];
    switch (below(p, 4)) {
    case 0: return hebb_slice(x, HEBB_RANGES({axis, -1, HEBB_END, -1}));
    case 1: return hebb_slice(x, HEBB_RANGES({axis, 0, HEBB_END, 2}));
    case 2: return hebb_slice(x, HEBB_RANGES({axis, n / 2, HEBB_END, 1}));
    default: return hebb_slice(x, HEBB_RANGES({axis, -1, HEBB_END, -2}));
    }
}

static hebb_tensor *written_over(hebb_tensor *x, hebb_shape shape) {
    hebb_tensor *front = hebb_slice(x, HEBB_RANGES({0, 0, (shape.dim[0] + 1) / 2, 1}));
    return hebb_slice_scatter(hebb_neg(x), hebb_tanh(front),
                              HEBB_RANGES({0, 0, (shape.dim[0] + 1) / 2, 1}));
}

static hebb_tensor *movement(pool *p) {
    hebb_tensor *x = pick(p);
    hebb_shape shape = hebb_tensor_shape(x);
    if (shape.rank == 0) return hebb_broadcast_to(x, HEBB_SHAPE(3, 1));
    switch (below(p, 8)) {
    case 0: return permuted(p, x, shape.rank);
    case 1: return sliced(p, x, shape);
    case 2: return hebb_reshape(x, HEBB_SHAPE(HEBB_ANY));
    case 3: return hebb_flatten(x);
    case 4: return shape.rank < MOST_RANK ? hebb_expand_dims(x, below(p, shape.rank + 1)) : NULL;
    case 5: return written_over(x, shape);
    case 6:
        if (2 * hebb_shape_count(shape) > MOST_ELEMENTS) return NULL;
        return hebb_concat((hebb_tensor *[]){x, hebb_tanh(x)}, 2, below(p, shape.rank));
    default:
        if (!fits(shape, hebb_tensor_shape(p->t[0]))) return NULL;
        return hebb_sum_like(hebb_add(x, p->t[0]), p->t[0]);
    }
}

static hebb_tensor *swapped(hebb_tensor *x, int rank) {
    int order[HEBB_MAX_RANK];
    for (int k = 0; k < rank; k++) order[k] = k;
    order[rank - 1] = rank - 2;
    order[rank - 2] = rank - 1;
    return hebb_transpose(x, order, rank);
}

static hebb_tensor *product(pool *p) {
    hebb_tensor *a = pick(p), *b = pick(p);
    hebb_shape x = hebb_tensor_shape(a), y = hebb_tensor_shape(b);
    if (x.rank < 2 || hebb_shape_count(x) > 200) return NULL;
    bool suits = y.rank == 2 && y.dim[0] == x.dim[x.rank - 1] && y.dim[1] <= 8;
    hebb_tensor *right = suits ? b : swapped(hebb_tanh(a), x.rank);
    return hebb_mul(hebb_matmul(a, right), number(a, 0.25));
}

static hebb_tensor *rows(pool *p) {
    static int32_t at[] = {0, 0, 1, 0};
    hebb_array index = hebb_array_view(at, HEBB_I32, HEBB_SHAPE(4));
    hebb_tensor *x = pick(p), *i = hebb_constant(p->g, &index);
    hebb_shape shape = hebb_tensor_shape(x);
    if (shape.rank == 0 || shape.dim[0] < 2 || hebb_shape_count(shape) > MOST_ELEMENTS / 4)
        return NULL;
    return below(p, 2) ? hebb_gather(x, i) : hebb_scatter_add(x, i, hebb_tanh(hebb_gather(x, i)));
}

/* An expression twice, for common subexpressions to find. */
static hebb_tensor *repeated(pool *p) {
    hebb_tensor *x = pick(p);
    return hebb_mul(hebb_add(hebb_tanh(x), number(x, 0.5)), hebb_add(hebb_tanh(x), number(x, 0.5)));
}

static hebb_tensor *any_op(pool *p, bool smooth) {
    switch (below(p, smooth ? 9 : 11)) {
    case 0:
    case 1: return unary_smooth(p);
    case 2:
    case 3: return binary_smooth(p);
    case 4: return reduction(p, smooth);
    case 5:
    case 6: return movement(p);
    case 7: return below(p, 2) ? product(p) : rows(p);
    case 8: return repeated(p);
    default: return kinked(p);
    }
}

/* ---- the whole graph ---- */

static void add_inputs(pool *p, random_graph *out) {
    const hebb_shape shapes[RANDOM_INPUTS] = {HEBB_SHAPE(3, 4), HEBB_SHAPE(4), HEBB_SHAPE(2, 1, 4),
                                              HEBB_SHAPE(3, 1)};
    for (int k = 0; k < RANDOM_INPUTS; k++) {
        values v = values_make(HEBB_F32, shapes[k]);
        values_fill(&v, REALS, 1, k, &p->r);
        v = values_cast(&v, p->dtype);
        out->value[k] = values_to_array(&v);
        out->input[k] = p->t[p->n++] = hebb_input(p->g, NULL, p->dtype, shapes[k]);
    }
}

static void add_objective(pool *p, random_graph *out) {
    for (int k = 0; k < RANDOM_OUTPUTS; k++) {
        hebb_tensor *y = k == 0 ? p->t[p->n - 1] : pick(p);
        hebb_tensor *term = hebb_mean(hebb_square(y), HEBB_ALL_AXES, false);
        out->output[k] = y;
        out->objective = k == 0 ? term : hebb_add(out->objective, term);
    }
}

random_graph random_graph_make(uint64_t seed, hebb_dtype dtype, bool smooth) {
    random_graph out = {.graph = hebb_graph_create()};
    pool p = {.g = out.graph, .r = {seed}, .dtype = dtype};
    add_inputs(&p, &out);
    int wanted = RANDOM_INPUTS + 10 + below(&p, 31);
    while (p.n < wanted && hebb_graph_status(p.g) == HEBB_OK) {
        hebb_tensor *t = any_op(&p, smooth);
        if (t != NULL && hebb_tensor_shape(t).rank <= MOST_RANK) p.t[p.n++] = t;
    }
    add_objective(&p, &out);
    hebb_gradients(&out.objective, 1, out.input, RANDOM_INPUTS, NULL, out.gradient);
    return out;
}
