/* Ops of random graphs on whole arrays: reductions, movement, products, indexing. See
   random_ops.h. */
#include "random_draw.h"

/* ---- reductions ---- */

static int list_axes(int64_t set, int *axes) {
    int n = 0;
    for (int k = 0; k < HEBB_MAX_RANK; k++)
        if (set >> k & 1) axes[n++] = k;
    return n;
}

static hebb_tensor *halved_sum(const random_node *node, hebb_tensor *const *x) {
    int axes[HEBB_MAX_RANK], n = list_axes(node->n[0], axes);
    return hebb_mul(hebb_sum(x[0], axes, n, node->n[1]), number(x[0], 0.5));
}

static hebb_tensor *mean(const random_node *node, hebb_tensor *const *x) {
    int axes[HEBB_MAX_RANK], n = list_axes(node->n[0], axes);
    return hebb_mean(x[0], axes, n, node->n[1]);
}

static hebb_tensor *largest(const random_node *node, hebb_tensor *const *x) {
    int axes[HEBB_MAX_RANK], n = list_axes(node->n[0], axes);
    return hebb_max(x[0], axes, n, node->n[1]);
}

static hebb_tensor *smallest(const random_node *node, hebb_tensor *const *x) {
    int axes[HEBB_MAX_RANK], n = list_axes(node->n[0], axes);
    return hebb_min(x[0], axes, n, node->n[1]);
}

static hebb_tensor *log_of_sum(const random_node *node, hebb_tensor *const *x) {
    int axes[HEBB_MAX_RANK], n = list_axes(node->n[0], axes);
    return hebb_log(hebb_sum(hebb_exp(hebb_tanh(x[0])), axes, n, node->n[1]));
}

/* (x - mean) / deviation, as batch normalization does it. */
static hebb_tensor *normalized(const random_node *node, hebb_tensor *const *x) {
    int axes[HEBB_MAX_RANK], n = list_axes(node->n[0], axes);
    hebb_tensor *off = hebb_sub(x[0], hebb_mean(x[0], axes, n, true));
    hebb_tensor *variance = hebb_mean(hebb_square(off), axes, n, true);
    return hebb_mul(off, hebb_rsqrt(hebb_add(variance, number(x[0], 0.5))));
}

static hebb_tensor *summed_down(const random_node *node, hebb_tensor *const *x) {
    (void)node;
    return hebb_mul(hebb_sum_like(hebb_add(x[0], x[1]), x[1]), number(x[0], 0.5));
}

/* ---- movement ---- */

static bool draw_order(random_drawing *d, random_node *node, const random_op *op) {
    if ((node->x[0] = pick_any(d, 2)) < 0) return false;
    const int rank = rank_of(d, node->x[0]);
    (void)op;
    if (rank > RANDOM_NUMBERS) return false;
    for (int k = 0; k < rank; k++) node->n[k] = k;
    for (int k = rank - 1; k > 0; k--) {
        const int64_t j = below(d, k + 1), t = node->n[k];
        node->n[k] = node->n[j];
        node->n[j] = t;
    }
    return true;
}

static hebb_tensor *permuted(const random_node *node, hebb_tensor *const *x) {
    int order[RANDOM_NUMBERS];
    for (int k = 0; k < RANDOM_NUMBERS; k++) order[k] = (int)node->n[k];
    return hebb_transpose(x[0], order, hebb_tensor_shape(x[0]).rank);
}

/* n: axis, start, stop, step. */
static bool draw_range(random_drawing *d, random_node *node, const random_op *op) {
    static const int64_t steps[] = {1, 1, 2, 3, -1, -2};
    if (!draw_any_axis(d, node, op)) return false;
    node->n[3] = steps[below(d, 6)];
    node->n[1] = node->n[3] > 0 ? below(d, 3) - (below(d, 4) == 0) : -1 - below(d, 2);
    node->n[2] = below(d, 3) || node->n[3] < 0 ? HEBB_END : -below(d, 2) - 1;
    return true;
}

static hebb_tensor *sliced(const random_node *node, hebb_tensor *const *x) {
    return hebb_slice(x[0], HEBB_RANGES({(int)node->n[0], node->n[1], node->n[2], node->n[3]}));
}

static bool draw_written(random_drawing *d, random_node *node, const random_op *op) {
    if (!draw_range(d, node, op)) return false;
    node->x[1] = pick_fitting(d, node->x[0], node_at(d, node->x[0])->kind, false);
    return node->x[1] >= 0;
}

static hebb_tensor *written_over(const random_node *node, hebb_tensor *const *x) {
    const hebb_range range = {(int)node->n[0], node->n[1], node->n[2], node->n[3]};
    hebb_tensor *piece = hebb_slice(hebb_broadcast_like(x[1], x[0]), &range, 1);
    return hebb_slice_scatter(x[0], piece, &range, 1);
}

static hebb_tensor *in_one_row(const random_node *node, hebb_tensor *const *x) {
    (void)node;
    return hebb_reshape(x[0], HEBB_SHAPE(HEBB_ANY));
}

static hebb_tensor *flattened(const random_node *node, hebb_tensor *const *x) {
    (void)node;
    return hebb_flatten(x[0]);
}

static bool draw_split(random_drawing *d, random_node *node, const random_op *op) {
    (void)op;
    node->x[0] = pick_any(d, 0);
    node->n[0] = 1 + below(d, 4);
    node->n[1] = 1 + below(d, 3);
    return node->x[0] >= 0;
}

static hebb_tensor *folded_up(const random_node *node, hebb_tensor *const *x) {
    return hebb_reshape(x[0], HEBB_SHAPE(node->n[1], HEBB_ANY, node->n[0]));
}

static hebb_tensor *expanded(const random_node *node, hebb_tensor *const *x) {
    return hebb_expand_dims(x[0], (int)node->n[0]);
}

static hebb_tensor *squeezed(const random_node *node, hebb_tensor *const *x) {
    return hebb_squeeze(x[0], (int)node->n[0]);
}

static bool draw_like(random_drawing *d, random_node *node, const random_op *op) {
    (void)op;
    if ((node->x[0] = pick_any(d, 0)) < 0) return false;
    node->x[1] = pick_fitting(d, node->x[0], RANDOM_REAL, false);
    return node->x[1] >= 0;
}

static hebb_tensor *stretched(const random_node *node, hebb_tensor *const *x) {
    (void)node;
    return hebb_broadcast_like(x[0], x[1]);
}

static hebb_tensor *stretched_up(const random_node *node, hebb_tensor *const *x) {
    hebb_shape shape = {hebb_tensor_shape(x[0]).rank + 1, {node->n[0]}};
    for (int k = 1; k < shape.rank; k++) shape.dim[k] = hebb_tensor_shape(x[0]).dim[k - 1];
    return hebb_broadcast_to(x[0], shape);
}

static bool draw_stretched(random_drawing *d, random_node *node, const random_op *op) {
    (void)op;
    if ((node->x[0] = pick_any(d, 0)) < 0) return false;
    node->n[0] = 1 + below(d, 3);
    for (int k = 0; k < rank_of(d, node->x[0]); k++)
        if (!fixed_size(node_at(d, node->x[0]), k)) return false;
    return true;
}

/* Operands that are equal but along the axis. */
static bool draw_joined(random_drawing *d, random_node *node, const random_op *op) {
    if (!draw_any_axis(d, node, op)) return false;
    const random_node *a = node_at(d, node->x[0]);
    const int axis = (int)(node->n[0] + a->shape[0].rank) % a->shape[0].rank;
    node->x[1] = node->x[0];
    for (int i = d->recipe->count - 1; i >= 0; i--) {
        const random_node *b = node_at(d, i);
        bool fits = b->kind == a->kind && b->shape[0].rank == a->shape[0].rank;
        for (int j = 0; j < RANDOM_BATCHES && fits; j++)
            for (int k = 0; k < a->shape[j].rank && fits; k++)
                fits = k == axis || a->shape[j].dim[k] == b->shape[j].dim[k];
        if (fits && below(d, 2)) {
            node->x[1] = i;
            break;
        }
    }
    if (below(d, 2)) node->x[2] = node->x[0];
    return true;
}

static hebb_tensor *joined(const random_node *node, hebb_tensor *const *x) {
    return hebb_concat(x, node->x[2] < 0 ? 2 : 3, (int)node->n[0]);
}

static hebb_tensor *padded(const random_node *node, hebb_tensor *const *x) {
    return hebb_pad(x[0], HEBB_BORDERS({(int)node->n[0], node->n[1] & 1, node->n[1] >> 1}),
                    (double)(node->n[1] & 1));
}

/* ---- products ---- */

static hebb_tensor *swapped(hebb_tensor *x) {
    const int rank = hebb_tensor_shape(x).rank;
    int order[HEBB_MAX_RANK];
    for (int k = 0; k < rank; k++) order[k] = k;
    order[rank - 1] = rank - 2;
    order[rank - 2] = rank - 1;
    return hebb_transpose(x, order, rank);
}

static bool draw_matrix(random_drawing *d, random_node *node, const random_op *op) {
    node->x[0] = pick_for(d, op, 2);
    node->n[0] = below(d, 2);
    return node->x[0] >= 0;
}

static hebb_tensor *with_itself(const random_node *node, hebb_tensor *const *x) {
    hebb_tensor *right = hebb_tanh(x[0]);
    return hebb_mul(node->n[0] ? hebb_matmul(x[0], swapped(right))
                               : hebb_matmul(swapped(right), x[0]),
                    number(x[0], 0.25));
}

/* With a matrix of its own, from either side. */
static bool draw_weighted(random_drawing *d, random_node *node, const random_op *op) {
    if (!draw_matrix(d, node, op)) return false;
    const random_node *x = node_at(d, node->x[0]);
    const int rank = x->shape[0].rank, inner = node->n[0] ? rank - 1 : rank - 2;
    if (!fixed_size(x, inner)) return false;
    const int64_t k = x->shape[0].dim[inner], units = 1 + below(d, 5);
    node->x[1] =
        random_fresh(d, RANDOM_REAL, node->n[0] ? HEBB_SHAPE(k, units) : HEBB_SHAPE(units, k));
    return node->x[1] >= 0;
}

static hebb_tensor *weighted(const random_node *node, hebb_tensor *const *x) {
    return hebb_mul(node->n[0] ? hebb_matmul(x[0], x[1]) : hebb_matmul(x[1], x[0]),
                    number(x[0], 0.25));
}

/* Two nodes that happen to fit. */
static bool draw_product(random_drawing *d, random_node *node, const random_op *op) {
    if (!draw_matrix(d, node, op)) return false;
    for (int tries = 0; tries < 20; tries++) {
        if ((node->x[1] = pick_for(d, op, 2)) < 0) return false;
        bool fits = true;
        for (int b = 0; b < RANDOM_BATCHES && fits; b++) {
            const hebb_shape *x = &node_at(d, node->x[0])->shape[b],
                             *y = &node_at(d, node->x[1])->shape[b];
            fits = x->dim[x->rank - 1] == y->dim[y->rank - (node->n[0] ? 1 : 2)];
        }
        if (fits) return true;
    }
    return false;
}

static hebb_tensor *product(const random_node *node, hebb_tensor *const *x) {
    return hebb_mul(hebb_matmul(x[0], node->n[0] ? swapped(x[1]) : x[1]), number(x[0], 0.25));
}

/* ---- indexing ---- */

static bool draw_rows(random_drawing *d, random_node *node, const random_op *op) {
    (void)op;
    if ((node->x[0] = pick_any(d, 1)) < 0) return false;
    node->x[1] = pick(d, RANDOM_WHOLE, true, 0);
    node->n[0] = least_size(d, node_at(d, node->x[0]), 0);
    return node->x[1] >= 0 && node->n[0] > 0;
}

/* 0 to n - 1. */
static hebb_tensor *indices(hebb_tensor *x, int64_t n) { return hebb_mod(x, number(x, (double)n)); }

static hebb_tensor *gathered(const random_node *node, hebb_tensor *const *x) {
    return hebb_gather(x[0], indices(x[1], node->n[0]));
}

static bool draw_real_rows(random_drawing *d, random_node *node, const random_op *op) {
    return draw_rows(d, node, op) && node_at(d, node->x[0])->kind == RANDOM_REAL;
}

static hebb_tensor *added_to_rows(const random_node *node, hebb_tensor *const *x) {
    hebb_tensor *at = indices(x[1], node->n[0]);
    return hebb_scatter_add(x[0], at, hebb_tanh(hebb_gather(x[0], at)));
}

static bool draw_one_hot(random_drawing *d, random_node *node, const random_op *op) {
    node->x[0] = pick(d, op->kind, true, 0);
    node->x[1] = pick(d, RANDOM_REAL, false, 0);
    return node->x[0] >= 0 && node->x[1] >= 0;
}

static hebb_tensor *one_hot(const random_node *node, hebb_tensor *const *x) {
    (void)node;
    return hebb_one_hot(x[0], 4, hebb_tensor_dtype(x[1]));
}

static const random_op rows[] = {
    ROW("sum", REDUCTION, SUMS, draw_axes, halved_sum),
    ROW("mean", REDUCTION, SUMS, draw_axes, mean),
    ROW("log of sum of exp", REDUCTION, SUMS, draw_axes, log_of_sum),
    ROW("normalized", REDUCTION, SUMS, draw_axes, normalized),
    ROW("softmax", REDUCTION, SUMS, draw_one, build_unary, .unary = hebb_softmax),
    ROW("log_softmax", REDUCTION, SUMS, draw_one, build_unary, .unary = hebb_log_softmax),
    ROW("sum_like", REDUCTION, SUMS, draw_pair, summed_down),
    ROW("max", REDUCTION, KINKED | KEEPS, draw_axes, largest),
    ROW("min", REDUCTION, KINKED | KEEPS, draw_axes, smallest),
    ROW("max of wholes", REDUCTION, KEEPS, draw_axes, largest, .kind = RANDOM_WHOLE),

    ROW("transpose", MOVEMENT, KEEPS, draw_order, permuted),
    ROW("slice", MOVEMENT, KEEPS, draw_range, sliced),
    ROW("slice_scatter", MOVEMENT, KEEPS, draw_written, written_over),
    ROW("reshape to a row", MOVEMENT, KEEPS, draw_any, in_one_row),
    ROW("reshape", MOVEMENT, KEEPS, draw_split, folded_up),
    ROW("flatten", MOVEMENT, KEEPS, draw_any, flattened),
    ROW("expand_dims", MOVEMENT, KEEPS, draw_any_axis, expanded),
    ROW("squeeze", MOVEMENT, KEEPS, draw_any_axis, squeezed),
    ROW("broadcast_like", MOVEMENT, KEEPS, draw_like, stretched),
    ROW("broadcast_to", MOVEMENT, KEEPS, draw_stretched, stretched_up),
    ROW("concat", MOVEMENT, KEEPS, draw_joined, joined),
    ROW("pad", MOVEMENT, KEEPS, draw_any_axis, padded),

    ROW("matmul with itself", PRODUCT, SUMS, draw_matrix, with_itself),
    ROW("matmul with weights", PRODUCT, SUMS, draw_weighted, weighted),
    ROW("matmul", PRODUCT, SUMS, draw_product, product),

    ROW("gather", INDEX, KEEPS, draw_rows, gathered),
    ROW("scatter_add", INDEX, SUMS, draw_real_rows, added_to_rows),
    ROW("one_hot", INDEX, KEEPS, draw_one_hot, one_hot, .kind = RANDOM_WHOLE),
};
const random_table random_array_ops = {rows, sizeof rows / sizeof *rows};
