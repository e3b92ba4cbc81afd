/* Ops of random graphs that work along an axis: rearranging, sorting, indexing, running sums and
   what else is composed of these. See random_ops.h. */
#include "random_draw.h"

/* ---- rearranging ---- */

static hebb_tensor *flipped(const random_node *node, hebb_tensor *const *x) {
    return hebb_flip(x[0], HEBB_AXES((int)node->n[0]));
}

static hebb_tensor *moved(const random_node *node, hebb_tensor *const *x) {
    return hebb_move_axis(x[0], (int)node->n[0], node->n[1] & 1 ? 0 : -1);
}

static hebb_tensor *exchanged(const random_node *node, hebb_tensor *const *x) {
    return hebb_swap_axes(x[0], (int)node->n[0], node->n[1] & 1 ? 0 : -1);
}

static hebb_tensor *stacked(const random_node *node, hebb_tensor *const *x) {
    return hebb_stack((hebb_tensor *const[]){x[0], x[0]}, 2, (int)node->n[0]);
}

/* The parts in another order. */
static hebb_tensor *split_up(const random_node *node, hebb_tensor *const *x) {
    hebb_tensor *parts[2] = {0};
    hebb_split_sizes(x[0], (int)node->n[0], (const int64_t[]){1, HEBB_ANY}, 2, parts);
    return hebb_concat(((hebb_tensor *const[]){parts[1], parts[0]}), 2, (int)node->n[0]);
}

static hebb_tensor *tiled(const random_node *node, hebb_tensor *const *x) {
    return hebb_tile(x[0], (int)node->n[0], node->n[1]);
}

static hebb_tensor *each_repeated(const random_node *node, hebb_tensor *const *x) {
    return hebb_repeat(x[0], (int)node->n[0], node->n[1]);
}

static hebb_tensor *rolled(const random_node *node, hebb_tensor *const *x) {
    return hebb_roll(x[0], 2 * node->n[1] - 3, (int)node->n[0]);
}

static bool draw_any_matrix(random_drawing *d, random_node *node, const random_op *op) {
    (void)op;
    node->x[0] = pick_any(d, 2);
    node->n[0] = below(d, 4) - 1;
    return node->x[0] >= 0;
}

static hebb_tensor *diagonal(const random_node *node, hebb_tensor *const *x) {
    return hebb_diagonal(x[0], (int)node->n[0], -2, -1);
}

static hebb_tensor *over_diagonal(const random_node *node, hebb_tensor *const *x) {
    hebb_tensor *line = hebb_flip(hebb_diagonal(x[0], (int)node->n[0], 0, -1), HEBB_AXES(-1));
    return hebb_diagonal_scatter(x[0], line, (int)node->n[0], 0, -1);
}

static hebb_tensor *lower(const random_node *node, hebb_tensor *const *x) {
    return hebb_tril(x[0], node->n[0]);
}

static hebb_tensor *upper(const random_node *node, hebb_tensor *const *x) {
    return hebb_triu(x[0], node->n[0]);
}

static hebb_tensor *mirrored(const random_node *node, hebb_tensor *const *x) {
    return hebb_pad_reflect(x[0], (int)node->n[0], node->n[1] & 1, node->n[1] >> 1);
}

static hebb_tensor *edged(const random_node *node, hebb_tensor *const *x) {
    return hebb_pad_edge(x[0], (int)node->n[0], node->n[1] & 1, node->n[1] >> 1);
}

/* ---- sorting and indexing ---- */

static hebb_tensor *sorted(const random_node *node, hebb_tensor *const *x) {
    return hebb_sort(x[0], (int)node->n[0], node->n[1] & 1);
}

static hebb_tensor *places(const random_node *node, hebb_tensor *const *x) {
    return hebb_argsort(x[0], (int)node->n[0], node->n[1] & 1);
}

static hebb_tensor *best(const random_node *node, hebb_tensor *const *x) {
    return hebb_top_k(x[0], 1 + (node->n[1] >> 1), (int)node->n[0], node->n[1] & 1, NULL);
}

/* x[1] are indices, brought to 0...n[2] - 1. */
static bool draw_indexed(random_drawing *d, random_node *node, const random_op *op) {
    if (!draw_axis(d, node, op)) return false;
    const random_node *x = node_at(d, node->x[0]);
    const int rank = x->shape[0].rank;
    node->n[2] = least_size(d, x, (int)(node->n[0] + rank) % rank);
    node->x[1] = pick_fitting(d, node->x[0], RANDOM_WHOLE, true);
    return node->x[1] >= 0 && node->n[2] > 0;
}

static hebb_tensor *indices(const random_node *node, hebb_tensor *x) {
    return hebb_mod(x, hebb_scalar_like(x, (double)node->n[2]));
}

static hebb_tensor *indices_like(const random_node *node, hebb_tensor *const *x) {
    return indices(node, hebb_broadcast_like(x[1], x[0]));
}

static hebb_tensor *taken(const random_node *node, hebb_tensor *const *x) {
    return hebb_take(x[0], indices(node, x[1]), (int)node->n[0]);
}

static hebb_tensor *taken_along(const random_node *node, hebb_tensor *const *x) {
    return hebb_take_along(x[0], indices_like(node, x), (int)node->n[0]);
}

static hebb_tensor *put_along(const random_node *node, hebb_tensor *const *x) {
    return hebb_put_along(x[0], indices_like(node, x), hebb_neg(x[0]), (int)node->n[0]);
}

static hebb_tensor *added_along(const random_node *node, hebb_tensor *const *x) {
    return hebb_add_along(x[0], indices_like(node, x), hebb_tanh(x[0]), (int)node->n[0]);
}

static bool draw_set_rows(random_drawing *d, random_node *node, const random_op *op) {
    const bool fits = draw_indexed(d, node, op);
    if (fits) node->n[2] = least_size(d, node_at(d, node->x[0]), 0);
    return fits && node->n[2] > 0;
}

static hebb_tensor *set_rows(const random_node *node, hebb_tensor *const *x) {
    hebb_tensor *at = indices(node, x[1]);
    return hebb_scatter_set(x[0], at, hebb_tanh(hebb_gather(x[0], at)));
}

/* ---- running sums, reductions and products ---- */

/* Around 1, so that products neither vanish nor explode. */
static hebb_tensor *near_one(hebb_tensor *x) { return scaled(hebb_tanh(x), 0.25, 1); }

static hebb_tensor *running_sum(const random_node *node, hebb_tensor *const *x) {
    return scaled(hebb_cumsum(x[0], (int)node->n[0], node->n[1] & 1, node->n[1] >> 1), 0.5, 0);
}

static hebb_tensor *running_product(const random_node *node, hebb_tensor *const *x) {
    return hebb_cumprod(near_one(x[0]), (int)node->n[0], node->n[1] & 1, node->n[1] >> 1);
}

static hebb_tensor *recurrent(const random_node *node, hebb_tensor *const *x) {
    return hebb_linear_recurrence(scaled(hebb_tanh(x[0]), 0.9, 0), hebb_cos(x[0]), (int)node->n[0],
                                  node->n[1] & 1);
}

static hebb_tensor *whole_product(const random_node *node, hebb_tensor *const *x) {
    return hebb_prod(near_one(x[0]), HEBB_AXES((int)node->n[0]), node->n[1] & 1);
}

static hebb_tensor *any_true(const random_node *node, hebb_tensor *const *x) {
    return node->n[1] & 2 ? hebb_any(x[0], HEBB_AXES((int)node->n[0]), node->n[1] & 1)
                          : hebb_all(x[0], HEBB_AXES((int)node->n[0]), node->n[1] & 1);
}

static hebb_tensor *log_sum(const random_node *node, hebb_tensor *const *x) {
    return hebb_logsumexp(x[0], HEBB_AXES((int)node->n[0]), node->n[1] & 1);
}

static hebb_tensor *variance(const random_node *node, hebb_tensor *const *x) {
    return hebb_variance(hebb_sin(x[0]), HEBB_AXES((int)node->n[0]), node->n[1] & 1, 0);
}

static hebb_tensor *summed_letters(const random_node *node, hebb_tensor *const *x) {
    static const char *const formulas[] = {"...i,...i->...", "...ij,...ij->...j", "a...,a...->a...",
                                           "...i,...j->...ij"};
    return scaled(hebb_einsum(formulas[node->n[1]], hebb_tanh(x[0]), x[0]), 0.25, 0);
}

static hebb_tensor *outer(const random_node *node, hebb_tensor *const *x) {
    (void)node;
    return hebb_outer(hebb_tanh(x[0]), x[1]);
}

static const random_op rows[] = {
    ROW("flip", ALONG, KEEPS, draw_any_axis, flipped),
    ROW("move_axis", ALONG, KEEPS, draw_any_axis, moved),
    ROW("swap_axes", ALONG, KEEPS, draw_any_axis, exchanged),
    ROW("stack", ALONG, KEEPS, draw_any_axis, stacked),
    ROW("split", ALONG, KEEPS, draw_any_axis, split_up),
    ROW("tile", ALONG, KEEPS, draw_any_axis, tiled),
    ROW("repeat", ALONG, KEEPS, draw_any_axis, each_repeated),
    ROW("roll", ALONG, KEEPS, draw_any_axis, rolled),
    ROW("diagonal", ALONG, KEEPS, draw_any_matrix, diagonal),
    ROW("diagonal_scatter", ALONG, KEEPS, draw_any_matrix, over_diagonal),
    ROW("tril", ALONG, KEEPS, draw_any_matrix, lower),
    ROW("triu", ALONG, KEEPS, draw_any_matrix, upper),
    ROW("pad_reflect", ALONG, KEEPS, draw_any_axis, mirrored),
    ROW("pad_edge", ALONG, KEEPS, draw_any_axis, edged),
    ROW("sort", ALONG, KINKED | KEEPS, draw_axis, sorted),
    ROW("sort wholes", ALONG, KEEPS, draw_axis, sorted, .kind = RANDOM_WHOLE),
    ROW("argsort", ALONG, JUMPS | KEEPS, draw_axis, places),
    ROW("argsort of wholes", ALONG, JUMPS | KEEPS, draw_axis, places, .kind = RANDOM_WHOLE),
    ROW("top_k", ALONG, KINKED | KEEPS, draw_axis, best),
    ROW("take", ALONG, KEEPS, draw_indexed, taken),
    ROW("take_along", ALONG, KEEPS, draw_indexed, taken_along),
    ROW("put_along", ALONG, KEEPS, draw_indexed, put_along),
    ROW("add_along", ALONG, SUMS, draw_indexed, added_along),
    ROW("scatter_set", ALONG, 0, draw_set_rows, set_rows),
    ROW("cumsum", ALONG, SUMS, draw_axis, running_sum),
    ROW("cumprod", ALONG, SUMS, draw_axis, running_product),
    ROW("linear_recurrence", ALONG, SUMS, draw_axis, recurrent),
    ROW("prod", ALONG, SUMS, draw_axis, whole_product),
    ROW("any", ALONG, KEEPS, draw_axis, any_true, .kind = RANDOM_TRUTH),
    ROW("logsumexp", ALONG, SUMS, draw_axis, log_sum),
    ROW("variance", ALONG, SUMS, draw_axis, variance),
    ROW("einsum", ALONG, SUMS, draw_axis, summed_letters),
    ROW("outer", ALONG, 0, draw_pair, outer),
};
const random_table random_axis_ops = {rows, sizeof rows / sizeof *rows};
