/* The gradient rule of each primitive, written in the language of models. Called by gradients.c. */
#include "rules.h"

void gradient_NONE(hb_grad *d) { (void)d; }
void gradient_MISSING(hb_grad *d) { (void)d; }

RULE1(neg, hebb_neg(dy))
RULE1(abs, hebb_mul(dy, hebb_sign(x)))
RULE1(sqrt, hebb_div(scaled(dy, 0.5), y))
RULE1(exp, hebb_mul(dy, y))
RULE1(log, hebb_div(dy, x))
RULE1(tanh, hebb_mul(dy, one_minus(hebb_square(y))))
RULE1(sigmoid, hebb_mul(dy, hebb_mul(y, one_minus(y))))
RULE1(softplus, hebb_mul(dy, hebb_sigmoid(x)))
RULE1(reciprocal, hebb_neg(hebb_mul(dy, hebb_square(y))))
RULE1(cast, hebb_cast(dy, x->dtype))
RULE1(sum_like, hebb_broadcast_like(dy, x))
RULE1(reshape, hebb_reshape_like(dy, x))
RULE1(broadcast, hebb_sum_like(dy, x))

/* A tensor seen backward along whole axes is turned back by the same, which costs nothing; what any
   other slice leaves out gets 0. */
static bool turns_around(const hb_attrs *attrs) {
    for (int k = 0; k < attrs->n_ranges; k++) {
        hebb_range r = attrs->ranges[k];
        if (r.start != -1 || r.stop != HEBB_END || r.step != -1) return false;
    }
    return true;
}
static hebb_tensor *sliced_gradient(hebb_tensor *x, hebb_tensor *dy, const hb_attrs *attrs) {
    return turns_around(attrs)
               ? hebb_slice(dy, attrs->ranges, attrs->n_ranges)
               : hebb_slice_scatter(hebb_zeros_like(x), dy, attrs->ranges, attrs->n_ranges);
}
RULE1(slice, sliced_gradient(x, dy, y->attrs))

/* Stands in for 0 where the result is not used, so that log and its gradients stay finite. */
static hebb_tensor *one_for_zero(hebb_tensor *x) {
    return hebb_select(hebb_equal(x, zero(x)), hebb_scalar_like(x, 1), x);
}
/* b a^(b-1), and 0 for b = 0 whatever a is. */
static hebb_tensor *power_slope(hebb_tensor *a, hebb_tensor *b) {
    hebb_tensor *slope = hebb_mul(b, hebb_pow(a, hebb_sub(b, hebb_scalar_like(b, 1))));
    return hebb_select(hebb_equal(b, zero(b)), zero(slope), slope);
}
/* a^b log a, and 0 for a = 0. */
static hebb_tensor *exponent_slope(hebb_tensor *a, hebb_tensor *y) {
    hebb_tensor *slope = hebb_mul(y, hebb_log(one_for_zero(a)));
    return hebb_select(hebb_equal(a, zero(a)), zero(slope), slope);
}
static hebb_tensor *transposed(hebb_tensor *x) {
    int order[HEBB_MAX_RANK], rank = hebb_tensor_shape(x).rank;
    for (int k = 0; k < rank; k++) order[k] = k;
    if (rank >= 2) order[rank - 2] = rank - 1, order[rank - 1] = rank - 2;
    return hebb_transpose(x, order, rank);
}

RULE2(add, dy, dy)
RULE2(sub, dy, hebb_neg(dy))
/* Of a square, 2 a dy: where dy is the same along an axis, that doubles fewer elements. */
void gradient_mul(hb_grad *d) {
    hebb_tensor *a = d->x[0], *b = d->x[1], *dy = d->dy;
    if (a == b) {
        if (d->want[0] || d->want[1]) d->dx[0] = hebb_mul(scaled(dy, 2), a);
        return;
    }
    if (d->want[0]) d->dx[0] = hebb_mul(dy, b);
    if (d->want[1]) d->dx[1] = hebb_mul(dy, a);
}
RULE2(div, hebb_div(dy, b), hebb_neg(hebb_div(hebb_mul(dy, y), b)))
RULE2(pow, hebb_mul(dy, power_slope(a, b)), hebb_mul(dy, exponent_slope(a, y)))
/* Where a and b are equal all goes to b. y stands for a, so that a need not be kept for the
   backward pass: y > b exactly where a > b. */
RULE2(maximum, hebb_select(hebb_greater(y, b), dy, zero(dy)),
      hebb_select(hebb_greater(y, b), zero(dy), dy))
RULE2(minimum, hebb_select(hebb_less(y, b), dy, zero(dy)),
      hebb_select(hebb_less(y, b), zero(dy), dy))
RULE2(matmul, hebb_matmul(dy, transposed(b)), hebb_matmul(transposed(a), dy))
RULE2(slice_scatter,
      hebb_slice_scatter(dy, hebb_zeros_like(b), y->attrs->ranges, y->attrs->n_ranges),
      hebb_slice(dy, y->attrs->ranges, y->attrs->n_ranges))
RULE2(gather, hebb_scatter_add(hebb_zeros_like(a), b, dy), NULL)

void gradient_select(hb_grad *d) {
    hebb_tensor *c = d->x[0], *dy = d->dy;
    if (d->want[1]) d->dx[1] = hebb_select(c, dy, zero(dy));
    if (d->want[2]) d->dx[2] = hebb_select(c, zero(dy), dy);
}

/* ---- reductions ---- */

/* A reduced tensor with its reduced axes back as size 1. */
static hebb_tensor *with_axes(hebb_tensor *reduced, const hb_grad *d) {
    const hb_attrs *attrs = d->y->attrs;
    if (attrs->keep) return reduced;
    bool gone[HEBB_MAX_RANK];
    int rank = d->x[0]->shape.rank;
    hb_reduced_axes(attrs, rank, gone);
    for (int k = 0; k < rank; k++)
        if (gone[k]) reduced = hebb_expand_dims(reduced, k);
    return reduced;
}

void gradient_sum(hb_grad *d) { d->dx[0] = hebb_broadcast_like(with_axes(d->dy, d), d->x[0]); }

/* Elements equal to the extremum share its cotangent. There may be none (no elements, or NaN): the
   quotient, which nobody takes then, must stay finite for its own gradient's sake. */
void gradient_extremum(hb_grad *d) {
    hebb_tensor *x = d->x[0], *dy = with_axes(d->dy, d);
    hebb_tensor *chosen = hebb_equal(x, with_axes(d->y, d));
    hebb_tensor *count =
        hebb_sum(hebb_cast(chosen, x->dtype), d->y->attrs->axes, d->y->attrs->n_axes, true);
    hebb_tensor *share = hebb_div(dy, hebb_maximum(count, hebb_scalar_like(count, 1)));
    d->dx[0] = hebb_select(chosen, share, zero(dy));
}

/* ---- movement ---- */

void gradient_transpose(hb_grad *d) {
    int inverse[HEBB_MAX_RANK], rank = d->y->shape.rank;
    for (int k = 0; k < rank; k++) inverse[hb_axis(d->y->attrs->axes[k], rank)] = k;
    d->dx[0] = hebb_transpose(d->dy, inverse, rank);
}

/* Part `index` of x, which is split along the axis as these parts would be when concatenated. */
static hebb_tensor *concat_part(hebb_tensor *x, hebb_tensor *const *parts, int n_parts, int axis,
                                int index) {
    hebb_tensor **in = hb_graph_memory(x->graph, (size_t)(n_parts + 1) * sizeof *in);
    if (in == NULL) return &x->graph->inert;
    in[0] = x;
    for (int k = 0; k < n_parts; k++) in[k + 1] = parts[k];
    return hb_node(NULL, HB_OP_CONCAT_PART, in, n_parts + 1,
                   &(hb_attrs){.axis = axis, .index = index});
}

void gradient_concat(hb_grad *d) {
    for (int k = 0; k < d->y->n_in; k++)
        if (d->want[k]) d->dx[k] = concat_part(d->dy, d->x, d->y->n_in, d->y->attrs->axis, k);
}

/* Zeros, but for dy in the part's place. */
void gradient_concat_part(hb_grad *d) {
    int n_parts = d->y->n_in - 1;
    hebb_tensor **parts = hb_graph_memory(d->y->graph, (size_t)n_parts * sizeof *parts);
    if (parts == NULL) return;
    for (int k = 0; k < n_parts; k++) {
        bool here = k == d->y->attrs->index;
        parts[k] = here ? d->dy : hebb_cast(hebb_zeros_like(d->x[k + 1]), d->dy->dtype);
    }
    d->dx[0] = hebb_concat(parts, n_parts, d->y->attrs->axis);
}

/* ---- indexing ---- */

/* The rows of dy at the indices, zeros for those that the forward pass dropped. */
void gradient_scatter_add(hb_grad *d) {
    hebb_tensor *index = d->x[1], *rows = d->x[2];
    if (d->want[0]) d->dx[0] = d->dy;
    if (!d->want[2]) return;
    hebb_tensor *n = hebb_size(d->dy, HEBB_AXES(0), HEBB_I32);
    hebb_tensor *inside = hebb_and(hebb_greater_equal(index, zero(index)), hebb_less(index, n));
    for (int k = index->shape.rank; k < rows->shape.rank; k++)
        inside = hebb_expand_dims(inside, -1);
    hebb_tensor *picked = hebb_gather(d->dy, index);
    d->dx[2] = hebb_select(inside, picked, zero(picked));
}

const hb_gradient_rule hb_gradient_rules[HB_OPS] = {
#define OP(ID, name, from, to, shape, gradient, lowering, code) gradient_##gradient,
#include "../graph/ops.def"
#undef OP
};
