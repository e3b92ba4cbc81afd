/* Gradient rules of the ops along one axis, of products, of rows that are set, of diagonals. */
#include "rules.h"

#include "../graph/build.h"

/* ---- products ---- */

/* Of all factors but one's own, along one axis: of those before it times of those after it, so that
   nothing is divided. */
static hebb_tensor *others(hebb_tensor *x, int axis) {
    return hebb_mul(hebb_cumprod(x, axis, true, false), hebb_cumprod(x, axis, true, true));
}

/* Axis by axis: the partial product over some axes is a factor of those over one axis more. */
void gradient_prod(hb_grad *d) {
    bool gone[HEBB_MAX_RANK];
    int axes[HEBB_MAX_RANK], n = 0, rank = d->x[0]->shape.rank;
    hebb_tensor *part[HEBB_MAX_RANK], *dy = d->dy;
    hb_reduced_axes(d->y->attrs, rank, gone);
    for (int k = 0; k < rank; k++) {
        if (!gone[k]) continue;
        part[n] = n == 0 ? d->x[0] : hebb_prod(part[n - 1], &axes[n - 1], 1, true);
        axes[n++] = k;
        if (!d->y->attrs->keep) dy = hebb_expand_dims(dy, k);
    }
    while (n-- > 0) dy = hebb_mul(dy, others(part[n], axes[n]));
    d->dx[0] = dy;
}

/* ---- recurrences ---- */

/* y[i] = a[i] y[i - 1] + b[i]: b's cotangent is a recurrence backward with a one place further, and
   a's is it times the value before. */
void gradient_recurrence(hb_grad *d) {
    const int axis = d->y->attrs->axis, rank = d->y->shape.rank, at = hb_axis(axis, rank);
    const bool reverse = d->y->attrs->reverse;
    if (d->y->n_in == 1) {
        d->dx[0] = hebb_cumsum(d->dy, at, false, !reverse);
        return;
    }
    hebb_tensor *a = hebb_broadcast_like(d->x[0], d->y);
    hebb_tensor *db = hebb_linear_recurrence(hb_shift(a, at, 0, !reverse), d->dy, at, !reverse);
    if (d->want[0]) d->dx[0] = hebb_mul(db, hb_shift(d->y, at, 0, reverse));
    if (d->want[1]) d->dx[1] = db;
}

/* ---- indices ---- */

/* Whether indices are in 0...n-1, n being the size of x along the axis. */
static hebb_tensor *inside(hebb_tensor *indices, hebb_tensor *x, int axis) {
    hebb_tensor *n = hebb_size(x, &axis, 1, HEBB_I32);
    return hebb_and(hebb_greater_equal(indices, zero(indices)), hebb_less(indices, n));
}

void gradient_take_along(hb_grad *d) {
    if (d->want[0])
        d->dx[0] = hebb_add_along(hebb_zeros_like(d->x[0]), d->x[1], d->dy, d->y->attrs->axis);
}

/* What was taken, 0 where the mask is false. */
static hebb_tensor *masked(hebb_tensor *mask, hebb_tensor *x) {
    return hebb_select(mask, x, zero(x));
}

void gradient_add_along(hb_grad *d) {
    const int axis = d->y->attrs->axis;
    if (d->want[0]) d->dx[0] = d->dy;
    if (d->want[2])
        d->dx[2] = masked(inside(d->x[1], d->dy, axis), hebb_take_along(d->dy, d->x[1], axis));
}

/* Only the last one that was written to an element has a share in it: each writes its place, and
   looks whether it is still there. */
void gradient_put_along(hb_grad *d) {
    const int axis = d->y->attrs->axis;
    hebb_tensor *indices = d->x[1];
    if (d->want[0]) d->dx[0] = hebb_put_along(d->dy, indices, hebb_zeros_like(d->x[2]), axis);
    if (!d->want[2]) return;
    hebb_tensor *place = hebb_iota_like(indices, axis, HEBB_I32);
    hebb_tensor *none = hebb_cast(hebb_zeros_like(d->dy), HEBB_I32);
    hebb_tensor *last = hebb_take_along(hebb_put_along(none, indices, place, axis), indices, axis);
    hebb_tensor *won = hebb_and(hebb_equal(last, place), inside(indices, d->dy, axis));
    d->dx[2] = masked(won, hebb_take_along(d->dy, indices, axis));
}

/* The same with rows. */
void gradient_scatter_set(hb_grad *d) {
    hebb_tensor *indices = d->x[1], *rows = d->x[2];
    if (d->want[0]) d->dx[0] = hebb_scatter_set(d->dy, indices, hebb_zeros_like(rows));
    if (!d->want[2]) return;
    int others[HEBB_MAX_RANK], n = 0;
    for (int k = 1; k < d->y->shape.rank; k++) others[n++] = k;
    hebb_tensor *none = hebb_cast(hebb_zeros_like(d->dy), HEBB_I32);
    none = hebb_sum(none, others, n, false);
    hebb_tensor *list = hebb_reshape(indices, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *place = hebb_iota_like(list, 0, HEBB_I32);
    hebb_tensor *last = hebb_gather(hebb_scatter_set(none, list, place), list);
    hebb_tensor *won = hebb_and(hebb_equal(last, place), inside(list, d->dy, 0));
    won = hebb_reshape_like(won, indices);
    for (int k = 0; k < n; k++) won = hebb_expand_dims(won, -1);
    d->dx[2] = masked(won, hebb_gather(d->dy, indices));
}

/* ---- diagonals ---- */

RULE1(diagonal, hebb_diagonal_scatter(hebb_zeros_like(x), dy, y->attrs->index, y->attrs->axes[0],
                                      y->attrs->axes[1]))
RULE2(diagonal_scatter,
      hebb_diagonal_scatter(dy, hebb_zeros_like(b), y->attrs->index, y->attrs->axes[0],
                            y->attrs->axes[1]),
      hebb_diagonal(dy, y->attrs->index, y->attrs->axes[0], y->attrs->axes[1]))
