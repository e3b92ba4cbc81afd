/* Builders of what runs along an axis (hebb/reductions.h, hebb/indexing.h): recurrences and what is
   composed of them, indices, sorting. */
#include "build.h"

/* ---- recurrences ---- */

hebb_tensor *hb_shift(hebb_tensor *x, int axis, double value, bool reverse) {
    if (hebb_tensor_is_inert(x)) return x;
    hebb_tensor *first = hebb_slice(x, HEBB_RANGES({axis, 0, 1, 1}));
    hebb_tensor *fill = hebb_full_like(first, value);
    hebb_tensor *rest = reverse ? hebb_slice(x, HEBB_RANGES({axis, 1, HEBB_END, 1}))
                                : hebb_slice(x, HEBB_RANGES({axis, 0, -1, 1}));
    hebb_tensor *parts[] = {reverse ? rest : fill, reverse ? fill : rest};
    return hebb_concat(parts, 2, axis);
}

hebb_tensor *hebb_linear_recurrence(hebb_tensor *a, hebb_tensor *b, int axis, bool reverse) {
    return hb_node(NULL, HB_OP_RECURRENCE, (hebb_tensor *[]){a, b}, 2,
                   &(hb_attrs){.axis = axis, .reverse = reverse});
}

hebb_tensor *hebb_cumsum(hebb_tensor *x, int axis, bool exclusive, bool reverse) {
    hebb_tensor *sums =
        hb_node(NULL, HB_OP_RECURRENCE, &x, 1, &(hb_attrs){.axis = axis, .reverse = reverse});
    return exclusive ? hb_shift(sums, axis, 0, reverse) : sums;
}

/* y[0] = x[0], y[i] = x[i] y[i - 1] + 0. */
hebb_tensor *hebb_cumprod(hebb_tensor *x, int axis, bool exclusive, bool reverse) {
    if (hebb_tensor_is_inert(x)) return x;
    hebb_tensor *place = hebb_iota_like(x, axis, HEBB_I64);
    hebb_tensor *first = hebb_scalar_like(place, 0);
    if (reverse) first = hebb_sub(hebb_size(x, &axis, 1, HEBB_I64), hebb_scalar_like(place, 1));
    hebb_tensor *start = hebb_select(hebb_equal(place, first), x, hebb_scalar_like(x, 0));
    hebb_tensor *products = hebb_linear_recurrence(x, start, axis, reverse);
    return exclusive ? hb_shift(products, axis, 1, reverse) : products;
}

/* ---- indices ---- */

hebb_tensor *hebb_take_along(hebb_tensor *x, hebb_tensor *indices, int axis) {
    return hb_node(NULL, HB_OP_TAKE_ALONG, (hebb_tensor *[]){x, indices}, 2,
                   &(hb_attrs){.axis = axis});
}

hebb_tensor *hebb_put_along(hebb_tensor *base, hebb_tensor *indices, hebb_tensor *x, int axis) {
    return hb_node(NULL, HB_OP_PUT_ALONG, (hebb_tensor *[]){base, indices, x}, 3,
                   &(hb_attrs){.axis = axis});
}

hebb_tensor *hebb_add_along(hebb_tensor *base, hebb_tensor *indices, hebb_tensor *x, int axis) {
    return hb_node(NULL, HB_OP_ADD_ALONG, (hebb_tensor *[]){base, indices, x}, 3,
                   &(hb_attrs){.axis = axis});
}

hebb_tensor *hebb_scatter_set(hebb_tensor *base, hebb_tensor *indices, hebb_tensor *x) {
    return hb_node(NULL, HB_OP_SCATTER_SET, (hebb_tensor *[]){base, indices, x}, 3, NULL);
}

/* Gathering along the first axis, between two transpositions. */
hebb_tensor *hebb_take(hebb_tensor *x, hebb_tensor *indices, int axis) {
    hebb_tensor *instead;
    if (!hb_operands("take", (hebb_tensor *[]){x, indices}, 2, &instead)) return instead;
    int order[2 * HEBB_MAX_RANK], rank = x->shape.rank, n = indices->shape.rank;
    int at = hb_axis(axis, rank);
    if (at < 0)
        return hb_graph_error(x->graph, HEBB_E_ARGUMENT,
                              "take: axis %d does not exist: the rank of %s is %d", axis,
                              hebb_tensor_name(x), rank);
    if (at == 0) return hebb_gather(x, indices);
    hebb_tensor *rows = hebb_gather(hebb_move_axis(x, at, 0), indices);
    for (int k = 0; k < rank - 1 + n; k++) order[k] = k < at ? n + k : k < at + n ? k - at : k;
    return hebb_transpose(rows, order, rank - 1 + n);
}

/* ---- sorting ---- */

static hebb_tensor *places(hebb_tensor *x, int64_t count, int axis, bool descending) {
    return hb_node(NULL, HB_OP_ARGSORT, &x, 1,
                   &(hb_attrs){.axis = axis, .reverse = descending, .index = (int)count});
}

hebb_tensor *hebb_argsort(hebb_tensor *x, int axis, bool descending) {
    return places(x, -1, axis, descending);
}

hebb_tensor *hebb_sort(hebb_tensor *x, int axis, bool descending) {
    return hebb_take_along(x, hebb_argsort(x, axis, descending), axis);
}

hebb_tensor *hebb_top_k(hebb_tensor *x, int64_t k, int axis, bool largest, hebb_tensor **indices) {
    if (indices != NULL) *indices = x;
    if (hebb_tensor_is_inert(x)) return x;
    if (indices != NULL) *indices = &x->graph->inert;
    if (k < 0 || k > INT32_MAX)
        return hb_graph_error(x->graph, HEBB_E_ARGUMENT, "top_k: %lld elements", (long long)k);
    hebb_tensor *first = places(x, k, axis, largest);
    if (indices != NULL) *indices = first;
    return hebb_take_along(x, first, axis);
}

hebb_tensor *hebb_where(hebb_tensor *condition, hebb_tensor *a, hebb_tensor *b) {
    return hebb_select(condition, a, b);
}
