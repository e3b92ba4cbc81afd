/* Shape rules of what moves elements: reshapes, broadcasts, transposes, slices, concatenations. */
#include "infer.h"

/* At most one size of `to` may be open; it follows from the number of elements, if that is known.
 */
static hebb_status resolve_reshape(hebb_shape x, hebb_shape *to, hb_error *error) {
    TRY(hb_valid_shape(*to, true, error));
    int open = -1;
    int64_t rest = 1, count = hebb_shape_count(x);
    for (int k = 0; k < to->rank; k++) {
        if (to->dim[k] != HEBB_ANY) rest *= to->dim[k];
        else if (open >= 0)
            return hb_fail(error, HEBB_E_SHAPE, "more than one size of the new shape is open");
        else open = k;
    }
    if (count < 0) return HEBB_OK;
    char sx[160], st[160];
    bool divides = open < 0 ? rest == count : rest > 0 && count % rest == 0;
    if (!divides)
        return hb_fail(error, HEBB_E_SHAPE, "%s with %" PRId64 " elements cannot become %s",
                       hebb_shape_text(x, sx, sizeof sx), count,
                       hebb_shape_text(*to, st, sizeof st));
    if (open >= 0) to->dim[open] = count / rest;
    return HEBB_OK;
}

static hebb_status same_shape(hebb_shape a, hebb_shape b, hb_error *error) {
    bool same = a.rank == b.rank;
    for (int k = 0; same && k < a.rank; k++) same = fits(a.dim[k], b.dim[k]);
    char sa[160], sb[160];
    if (same) return HEBB_OK;
    return hb_fail(error, HEBB_E_SHAPE, "the shapes %s and %s differ",
                   hebb_shape_text(a, sa, sizeof sa), hebb_shape_text(b, sb, sizeof sb));
}

static hebb_shape flattened(hebb_shape x) {
    int64_t rest = 1;
    for (int k = 1; k < x.rank; k++)
        rest = x.dim[k] == HEBB_ANY || rest == HEBB_ANY ? HEBB_ANY : rest * x.dim[k];
    if (x.rank == 0) return HEBB_SHAPE(1, 1);
    return HEBB_SHAPE(x.dim[0], rest);
}

static hebb_status expanded(hebb_shape x, int axis, hebb_shape *to, hb_error *error) {
    if (x.rank == HEBB_MAX_RANK)
        return hb_fail(error, HEBB_E_SHAPE, "the rank would pass %d", HEBB_MAX_RANK);
    int at = hb_axis(axis, x.rank + 1);
    if (at < 0) return hb_no_axis(error, axis, x.rank + 1);
    to->rank = x.rank + 1;
    for (int k = 0; k < to->rank; k++) to->dim[k] = k < at ? x.dim[k] : k == at ? 1 : x.dim[k - 1];
    return HEBB_OK;
}

static hebb_status squeezed(hebb_shape x, int axis, hebb_shape *to, hb_error *error) {
    int at = hb_axis(axis, x.rank);
    if (at < 0) return hb_no_axis(error, axis, x.rank);
    if (!fits(x.dim[at], 1))
        return hb_fail(error, HEBB_E_SHAPE, "axis %d has size %" PRId64 ", not 1", axis, x.dim[at]);
    to->rank = x.rank - 1;
    for (int k = 0; k < to->rank; k++) to->dim[k] = x.dim[k < at ? k : k + 1];
    return HEBB_OK;
}

static hebb_status merged(hebb_shape x, int axis, hebb_shape *to, hb_error *error) {
    int at = hb_axis(axis, x.rank);
    if (at < 0 || at + 1 >= x.rank) return hb_no_axis(error, axis, x.rank - 1);
    to->rank = x.rank - 1;
    for (int k = 0; k < to->rank; k++) to->dim[k] = x.dim[k <= at ? k : k + 1];
    int64_t a = x.dim[at], b = x.dim[at + 1];
    if (a == HEBB_ANY || b == HEBB_ANY) to->dim[at] = a == 0 || b == 0 ? 0 : HEBB_ANY;
    else if (__builtin_mul_overflow(a, b, &to->dim[at]))
        return hb_fail(error, HEBB_E_SHAPE, "the sizes at axes %d and %d overflow", at, at + 1);
    return HEBB_OK;
}

RULE(reshape) {
    result->dtype = in[0].dtype;
    result->shape = (hebb_shape){.rank = 0};
    switch (attrs->mode) {
    case HB_RESHAPE_EXPAND: return expanded(in[0].shape, attrs->axis, &result->shape, error);
    case HB_RESHAPE_SQUEEZE: return squeezed(in[0].shape, attrs->axis, &result->shape, error);
    case HB_RESHAPE_MERGE: return merged(in[0].shape, attrs->axis, &result->shape, error);
    case HB_RESHAPE_FLATTEN: result->shape = flattened(in[0].shape); return HEBB_OK;
    case HB_RESHAPE_LIKE: {
        result->shape = in[1].shape;
        int64_t a = hebb_shape_count(in[0].shape), b = hebb_shape_count(in[1].shape);
        if (a >= 0 && b >= 0 && a != b)
            return hb_fail(error, HEBB_E_SHAPE, "%" PRId64 " elements cannot become %" PRId64, a,
                           b);
        return HEBB_OK;
    }
    case HB_RESHAPE_SAME:
        result->shape = in[1].shape;
        return same_shape(in[0].shape, in[1].shape, error);
    case HB_RESHAPE_TO: break;
    }
    result->shape = attrs->shape;
    return resolve_reshape(in[0].shape, &result->shape, error);
}

RULE(broadcast) {
    *result = (hb_signature){in[0].dtype, n_in == 2 ? in[1].shape : attrs->shape};
    TRY(hb_valid_shape(result->shape, n_in == 2, error));
    return hb_broadcasts_to(in[0].shape, &result->shape, error);
}

RULE(transpose) {
    int rank = in[0].shape.rank;
    if (attrs->n_axes != rank)
        return hb_fail(error, HEBB_E_ARGUMENT, "the order names %d axes, the rank is %d",
                       attrs->n_axes, rank);
    TRY(hb_check_axes(attrs, rank, error));
    *result = in[0];
    for (int k = 0; k < rank; k++)
        result->shape.dim[k] = in[0].shape.dim[hb_axis(attrs->axes[k], rank)];
    return HEBB_OK;
}

static int64_t clip(int64_t x, int64_t low, int64_t high) {
    return x < low ? low : x > high ? high : x;
}

/* Python's rule (PySlice_AdjustIndices in words): negative positions count from the end, then both
   are clipped to 0...size, or to -1...size-1 when walking backward. */
static hb_extent range_extent(hebb_range range, int64_t size) {
    int64_t step = range.step, low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    int64_t start = range.start == HEBB_END ? high
                    : range.start < 0       ? range.start + size
                                            : range.start;
    int64_t stop = range.stop == HEBB_END
                       ? (step > 0 ? size : -1)
                       : clip(range.stop < 0 ? range.stop + size : range.stop, low, high);
    start = clip(start, low, high);
    int64_t span = step > 0 ? stop - start : start - stop;
    int64_t stride = step > 0 ? step : -step;
    return (hb_extent){start, step, span > 0 ? 1 + (span - 1) / stride : 0};
}

/* A range that must lie within the size; of an open size it has the number of elements that it
   says. */
static hebb_status exact_extent(hebb_range range, int64_t size, hb_extent *extent,
                                hb_error *error) {
    int64_t start = range.start, stop = range.stop;
    if (size == HEBB_ANY) {
        const bool end = stop == HEBB_END;
        const bool counts = end ? start < 0 : (start < 0) == (stop < 0);
        *extent = (hb_extent){0, 1, counts ? (end ? 0 : stop) - start : HEBB_ANY};
        return HEBB_OK;
    }
    if (start < 0) start += size;
    stop = stop == HEBB_END ? size : stop < 0 ? stop + size : stop;
    if (start < 0 || stop < start || stop > size)
        return hb_fail(error, HEBB_E_SHAPE,
                       "elements %" PRId64 " to %" PRId64 " of axis %d do not exist: its size is "
                       "%" PRId64,
                       start, stop, range.axis, size);
    *extent = (hb_extent){start, 1, stop - start};
    return HEBB_OK;
}

hebb_status hb_slice_extents(const hb_attrs *attrs, hebb_shape x, hb_extent extent[HEBB_MAX_RANK],
                             hb_error *error) {
    for (int k = 0; k < x.rank; k++) extent[k] = (hb_extent){0, 1, x.dim[k]};
    unsigned seen = 0;
    for (int r = 0; r < attrs->n_ranges; r++) {
        hebb_range range = attrs->ranges[r];
        int axis = hb_axis(range.axis, x.rank);
        if (axis < 0) return hb_no_axis(error, range.axis, x.rank);
        if (seen & 1u << axis)
            return hb_fail(error, HEBB_E_ARGUMENT, "axis %d has two ranges", range.axis);
        if (range.step == INT64_MIN)
            return hb_fail(error, HEBB_E_ARGUMENT, "the step at axis %d is out of range",
                           range.axis);
        seen |= 1u << axis;
        if (attrs->exact) {
            TRY(exact_extent(range, x.dim[axis], &extent[axis], error));
            continue;
        }
        extent[axis] = x.dim[axis] == HEBB_ANY ? (hb_extent){0, range.step, HEBB_ANY}
                                               : range_extent(range, x.dim[axis]);
    }
    return HEBB_OK;
}

RULE(slice) {
    hb_extent extent[HEBB_MAX_RANK];
    TRY(hb_slice_extents(attrs, in[0].shape, extent, error));
    *result = in[0];
    for (int k = 0; k < in[0].shape.rank; k++) result->shape.dim[k] = extent[k].count;
    return HEBB_OK;
}

RULE(slice_scatter) {
    TRY(hb_same_dtype(in, 2, error));
    hb_signature slice;
    TRY(infer_slice(op, attrs, in, 1, &slice, error));
    bool same = slice.shape.rank == in[1].shape.rank;
    for (int k = 0; same && k < slice.shape.rank; k++)
        same = fits(slice.shape.dim[k], in[1].shape.dim[k]);
    char ss[160], sx[160];
    if (!same)
        return hb_fail(error, HEBB_E_SHAPE, "the slice is %s, what goes there %s",
                       hebb_shape_text(slice.shape, ss, sizeof ss),
                       hebb_shape_text(in[1].shape, sx, sizeof sx));
    *result = in[0];
    return HEBB_OK;
}

static hebb_status concat_shape(const hb_attrs *attrs, const hb_signature *part, int n,
                                hebb_shape *shape, hb_error *error) {
    TRY(hb_same_dtype(part, n, error));
    *shape = part[0].shape;
    int at = hb_axis(attrs->axis, shape->rank);
    if (at < 0) return hb_no_axis(error, attrs->axis, shape->rank);
    for (int p = 1; p < n; p++) {
        if (part[p].shape.rank != shape->rank)
            return hb_fail(error, HEBB_E_SHAPE, "part %d has rank %d, part 0 rank %d", p,
                           part[p].shape.rank, shape->rank);
        for (int k = 0; k < shape->rank; k++) {
            int64_t d = part[p].shape.dim[k], *s = &shape->dim[k];
            if (k == at && (*s == HEBB_ANY || d == HEBB_ANY)) *s = HEBB_ANY;
            else if (k == at && __builtin_add_overflow(*s, d, s))
                return hb_fail(error, HEBB_E_SHAPE, "the sizes along axis %d overflow", k);
            else if (k == at) continue;
            else if (!fits(*s, d))
                return hb_fail(error, HEBB_E_SHAPE,
                               "part %d has size %" PRId64
                               " at axis %d where the others have %" PRId64,
                               p, d, k, *s);
            else *s = known(*s, d);
        }
    }
    return HEBB_OK;
}

RULE(concat) {
    result->dtype = in[0].dtype;
    return concat_shape(attrs, in, n_in, &result->shape, error);
}

RULE(concat_part) {
    hebb_shape whole;
    TRY(concat_shape(attrs, in + 1, n_in - 1, &whole, error));
    *result = (hb_signature){in[0].dtype, in[1 + attrs->index].shape};
    return HEBB_OK;
}
