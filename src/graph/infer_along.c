/* Shape rules of the ops along one axis, and of diagonals. */
#include <limits.h>

#include "infer.h"

/* ---- what they share ---- */

static hebb_status find_axis(const hb_attrs *attrs, hebb_shape x, int *at, hb_error *error) {
    *at = hb_axis(attrs->axis, x.rank);
    return *at < 0 ? hb_no_axis(error, attrs->axis, x.rank) : HEBB_OK;
}

/* Places along an axis are i32. */
static hebb_status count_places(int64_t size, int axis, hb_error *error) {
    if (size <= INT32_MAX) return HEBB_OK;
    return hb_fail(error, HEBB_E_SHAPE, "axis %d has %" PRId64 " elements, more than i32 counts",
                   axis, size);
}

/* Whether the indices have x's shape but along the axis. */
static hebb_status fits_but_along(hebb_shape x, hebb_shape indices, int at, hb_error *error) {
    char sx[160], si[160];
    bool same = x.rank == indices.rank;
    for (int k = 0; same && k < x.rank; k++) same = k == at || fits(x.dim[k], indices.dim[k]);
    if (same) return HEBB_OK;
    return hb_fail(error, HEBB_E_SHAPE, "indices %s do not fit %s: only axis %d may differ",
                   hebb_shape_text(indices, si, sizeof si), hebb_shape_text(x, sx, sizeof sx), at);
}

/* ---- sorting and recurrences ---- */

RULE(argsort) {
    int at;
    TRY(find_axis(attrs, in[0].shape, &at, error));
    TRY(count_places(in[0].shape.dim[at], at, error));
    *result = (hb_signature){HEBB_I32, in[0].shape};
    int64_t size = in[0].shape.dim[at], wanted = attrs->index;
    if (wanted < 0) return HEBB_OK;
    if (size != HEBB_ANY && wanted > size)
        return hb_fail(error, HEBB_E_SHAPE,
                       "%" PRId64 " elements are wanted of axis %d, whose size is %" PRId64, wanted,
                       at, size);
    result->shape.dim[at] = wanted;
    return HEBB_OK;
}

RULE(recurrence) {
    TRY(hb_same_dtype(in, n_in, error));
    TRY(hb_want_numeric(in[0].dtype, error));
    *result = in[0];
    if (n_in == 2) TRY(hb_broadcast_shapes(in[0].shape, in[1].shape, &result->shape, error));
    int at;
    return find_axis(attrs, result->shape, &at, error);
}

/* ---- indices along an axis ---- */

RULE(take_along) {
    int at;
    TRY(hb_want_index(in[1].dtype, error));
    TRY(find_axis(attrs, in[0].shape, &at, error));
    TRY(fits_but_along(in[0].shape, in[1].shape, at, error));
    *result = (hb_signature){in[0].dtype, in[1].shape};
    for (int k = 0; k < in[0].shape.rank; k++)
        if (k != at) result->shape.dim[k] = known(in[1].shape.dim[k], in[0].shape.dim[k]);
    return HEBB_OK;
}

RULE(put_along) {
    char si[160], sx[160];
    hb_signature taken;
    TRY(infer_take_along(op, attrs, in, 2, &taken, error));
    if (in[0].dtype != in[2].dtype)
        return hb_fail(error, HEBB_E_DTYPE, "dtypes %s and %s differ", hebb_dtype_name(in[0].dtype),
                       hebb_dtype_name(in[2].dtype));
    if (op == HB_OP_ADD_ALONG) TRY(hb_want_numeric(in[0].dtype, error));
    bool same = taken.shape.rank == in[2].shape.rank;
    for (int k = 0; same && k < taken.shape.rank; k++)
        same = fits(taken.shape.dim[k], in[2].shape.dim[k]);
    if (!same)
        return hb_fail(error, HEBB_E_SHAPE, "the indices are %s, what goes there %s",
                       hebb_shape_text(taken.shape, si, sizeof si),
                       hebb_shape_text(in[2].shape, sx, sizeof sx));
    *result = in[0];
    return HEBB_OK;
}

/* ---- diagonals ---- */

int64_t hb_diagonal_size(int64_t rows, int64_t columns, int first) {
    if (rows == HEBB_ANY || columns == HEBB_ANY) return HEBB_ANY;
    if (first > 0) columns -= first;
    else rows += first;
    const int64_t size = rows < columns ? rows : columns;
    return size > 0 ? size : 0;
}

RULE(diagonal) {
    hebb_shape x = in[0].shape;
    TRY(hb_check_axes(attrs, x.rank, error));
    const int row = hb_axis(attrs->axes[0], x.rank), column = hb_axis(attrs->axes[1], x.rank);
    *result = (hb_signature){in[0].dtype, {.rank = 0}};
    for (int k = 0; k < x.rank; k++)
        if (k != row && k != column) result->shape.dim[result->shape.rank++] = x.dim[k];
    result->shape.dim[result->shape.rank++] =
        hb_diagonal_size(x.dim[row], x.dim[column], attrs->index);
    return HEBB_OK;
}

RULE(diagonal_scatter) {
    char sd[160], sx[160];
    hb_signature part;
    TRY(hb_same_dtype(in, 2, error));
    TRY(infer_diagonal(op, attrs, in, 1, &part, error));
    bool same = part.shape.rank == in[1].shape.rank;
    for (int k = 0; same && k < part.shape.rank; k++)
        same = fits(part.shape.dim[k], in[1].shape.dim[k]);
    *result = in[0];
    if (same) return HEBB_OK;
    return hb_fail(error, HEBB_E_SHAPE, "the diagonal is %s, what goes there %s",
                   hebb_shape_text(part.shape, sd, sizeof sd),
                   hebb_shape_text(in[1].shape, sx, sizeof sx));
}
