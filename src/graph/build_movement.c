/* Builders of movement (hebb/movement.h). Where a size may be open, a tensor that is never
   computed, only made, stands for the shape that is wanted. */
#include "../base/sizes.h"
#include "build.h"

/* ---- what they share ---- */

/* A range from start up to stop that must lie within the size of the axis, now or when it is bound;
   negative ones count from the end. */
static hebb_tensor *slice_exactly(hebb_tensor *x, int axis, int64_t start, int64_t stop) {
    return hb_node(NULL, HB_OP_SLICE, &x, 1,
                   &(hb_attrs){.exact = true, .n_ranges = 1, .ranges = {{axis, start, stop, 1}}});
}

hebb_tensor *hb_merge_axes(hebb_tensor *x, int axis) {
    return hb_node(NULL, HB_OP_RESHAPE, &x, 1, &(hb_attrs){.mode = HB_RESHAPE_MERGE, .axis = axis});
}

/* The axis from the front, -1 after recording an error. */
static int checked_axis(hebb_tensor *x, const char *function, int axis) {
    int at = hb_axis(axis, x->shape.rank);
    if (at < 0)
        hb_graph_error(x->graph, HEBB_E_ARGUMENT,
                       "%s: axis %d does not exist: the rank of %s is %d", function, axis,
                       hebb_tensor_name(x), x->shape.rank);
    return at;
}

/* ---- order ---- */

hebb_tensor *hebb_flip(hebb_tensor *x, const int *axes, int n_axes) {
    if (hebb_tensor_is_inert(x)) return x;
    hb_attrs attrs = {.n_ranges = n_axes};
    if (!hb_take_axes(x, HB_OP_SLICE, axes, n_axes, &attrs)) return &x->graph->inert;
    if (n_axes < 0) attrs.n_ranges = x->shape.rank;
    for (int k = 0; k < attrs.n_ranges; k++)
        attrs.ranges[k] = (hebb_range){n_axes < 0 ? k : axes[k], -1, HEBB_END, -1};
    return hb_node(NULL, HB_OP_SLICE, &x, 1, &attrs);
}

hebb_tensor *hebb_move_axis(hebb_tensor *x, int from, int to) {
    if (hebb_tensor_is_inert(x)) return x;
    int order[HEBB_MAX_RANK], rank = x->shape.rank;
    from = checked_axis(x, "move_axis", from);
    to = checked_axis(x, "move_axis", to);
    if (from < 0 || to < 0) return &x->graph->inert;
    for (int k = 0, next = 0; k < rank; k++) {
        if (next == from) next++;
        order[k] = k == to ? from : next++;
    }
    return hebb_transpose(x, order, rank);
}

hebb_tensor *hebb_swap_axes(hebb_tensor *x, int a, int b) {
    if (hebb_tensor_is_inert(x)) return x;
    int order[HEBB_MAX_RANK];
    a = checked_axis(x, "swap_axes", a);
    b = checked_axis(x, "swap_axes", b);
    if (a < 0 || b < 0) return &x->graph->inert;
    for (int k = 0; k < x->shape.rank; k++) order[k] = k == a ? b : k == b ? a : k;
    return hebb_transpose(x, order, x->shape.rank);
}

/* By places modulo the size. */
static hebb_tensor *roll_places(hebb_tensor *x, int64_t shift, int axis) {
    int others[HEBB_MAX_RANK], n_others = 0;
    for (int k = 0; k < x->shape.rank; k++)
        if (k != axis) others[n_others++] = k;
    hebb_tensor *n = hebb_size(x, &axis, 1, HEBB_I64);
    hebb_tensor *line = hebb_any(hebb_equal(x, x), others, n_others, false);
    hebb_tensor *place = hebb_iota_like(line, 0, HEBB_I64);
    const hebb_array whole = hebb_array_view(&shift, HEBB_I64, HEBB_SCALAR);
    hebb_tensor *rest = hebb_mod(hebb_constant(x->graph, &whole), n); /* in 0 ... n - 1 */
    hebb_tensor *from = hebb_sub(place, rest);
    from = hebb_select(hebb_less(from, hebb_scalar_like(from, 0)), hebb_add(from, n), from);
    return hebb_take(x, hebb_cast(from, HEBB_I32), axis);
}

hebb_tensor *hebb_roll(hebb_tensor *x, int64_t shift, int axis) {
    if (hebb_tensor_is_inert(x)) return x;
    const int at = checked_axis(x, "roll", axis);
    if (at < 0) return &x->graph->inert;
    const int64_t size = x->shape.dim[at];
    if (size == HEBB_ANY) return roll_places(x, shift, at);
    if (size == 0) return x;
    shift = (shift % size + size) % size;
    if (shift == 0) return x;
    hebb_tensor *parts[] = {hebb_slice(x, HEBB_RANGES({at, size - shift, HEBB_END, 1})),
                            hebb_slice(x, HEBB_RANGES({at, 0, size - shift, 1}))};
    return hebb_concat(parts, 2, at);
}

/* ---- together and apart ---- */

hebb_tensor *hebb_stack(hebb_tensor *const *tensors, int count, int axis) {
    if (tensors == NULL || count < 1) return NULL;
    hebb_tensor *instead;
    if (!hb_operands("stack", tensors, count, &instead)) return instead;
    hebb_graph *graph = tensors[0]->graph;
    hebb_tensor **parts = hb_graph_memory(graph, (size_t)count * sizeof *parts);
    if (parts == NULL) return &graph->inert;
    for (int k = 0; k < count; k++) {
        if (tensors[k]->shape.rank != tensors[0]->shape.rank)
            return hb_graph_error(graph, HEBB_E_SHAPE,
                                  "stack: tensor %d has rank %d, tensor 0 rank %d", k,
                                  tensors[k]->shape.rank, tensors[0]->shape.rank);
        parts[k] = hebb_expand_dims(tensors[k], axis);
    }
    return hebb_concat(parts, count, axis);
}

hebb_tensor *hebb_stack_at(const char *file, int line, hebb_tensor *const *tensors, int count,
                           int axis) {
    for (int k = 0; tensors != NULL && k < count; k++) hebb_here_tensor(tensors[k], file, line);
    return hebb_stack(tensors, count, axis);
}

static void fill_inert(hebb_tensor **parts, int count, hebb_tensor *inert) {
    for (int k = 0; k < count; k++) parts[k] = inert;
}

void hebb_split(hebb_tensor *x, int axis, int count, hebb_tensor **parts) {
    if (parts == NULL || count < 1) {
        if (!hebb_tensor_is_inert(x))
            hb_graph_error(x->graph, parts == NULL ? HEBB_E_NULL : HEBB_E_ARGUMENT,
                           "split: %d parts%s", count, parts == NULL ? ", to NULL" : "");
        return;
    }
    fill_inert(parts, count, x);
    if (hebb_tensor_is_inert(x)) return;
    fill_inert(parts, count, &x->graph->inert);
    const int at = checked_axis(x, "split", axis);
    if (at < 0) return;
    const int64_t size = x->shape.dim[at];
    if (size == HEBB_ANY || size % count != 0) {
        char text[160];
        hb_graph_error(x->graph, HEBB_E_SHAPE,
                       "split: axis %d of %s %s cannot be cut into %d equal parts", axis,
                       hebb_tensor_name(x), hebb_shape_text(x->shape, text, sizeof text), count);
        return;
    }
    for (int k = 0; k < count; k++)
        parts[k] = slice_exactly(x, at, k * (size / count), (k + 1) * (size / count));
}

/* What sizes say: their sum without the one that is open, whose number is *open, or -1. */
static bool add_sizes(hebb_tensor *x, const int64_t *sizes, int count, int64_t *sum, int *open) {
    *sum = 0;
    *open = -1;
    for (int k = 0; k < count; k++) {
        const bool any = sizes[k] == HEBB_ANY;
        const bool bad =
            any ? *open >= 0 : sizes[k] < 0 || __builtin_add_overflow(*sum, sizes[k], sum);
        if (bad) {
            hb_graph_error(x->graph, HEBB_E_ARGUMENT,
                           "split_sizes: size %lld of part %d is negative, too large or the second "
                           "one that is open",
                           (long long)sizes[k], k);
            return false;
        }
        if (any) *open = k;
    }
    return true;
}

void hebb_split_sizes(hebb_tensor *x, int axis, const int64_t *sizes, int count,
                      hebb_tensor **parts) {
    if (parts == NULL || sizes == NULL || count < 1) {
        if (!hebb_tensor_is_inert(x))
            hb_graph_error(x->graph, HEBB_E_NULL, "split_sizes: no sizes, or no parts");
        return;
    }
    fill_inert(parts, count, x);
    if (hebb_tensor_is_inert(x)) return;
    fill_inert(parts, count, &x->graph->inert);
    const int at = checked_axis(x, "split_sizes", axis);
    int64_t sum, first = 0;
    int open;
    if (at < 0 || !add_sizes(x, sizes, count, &sum, &open)) return;
    const int64_t size = x->shape.dim[at];
    if (size != HEBB_ANY && (open < 0 ? sum != size : sum > size)) {
        hb_graph_error(x->graph, HEBB_E_SHAPE,
                       "split_sizes: the sizes add up to %lld, axis %d of %s has %lld",
                       (long long)sum, axis, hebb_tensor_name(x), (long long)size);
        return;
    }
    for (int k = 0; k < count; k++) { /* behind the open part, places count from the end */
        const int64_t left = sum - first;
        if (k == open) parts[k] = slice_exactly(x, at, first, left > 0 ? -left : HEBB_END);
        else if (sizes[k] == 0) parts[k] = slice_exactly(x, at, 0, 0);
        else if (open < 0 || k < open) parts[k] = slice_exactly(x, at, first, first + sizes[k]);
        else parts[k] = slice_exactly(x, at, -left, left > sizes[k] ? sizes[k] - left : HEBB_END);
        if (k != open) first += sizes[k];
    }
    if (size != HEBB_ANY || open >= 0) return;
    /* The last part must end where the axis does: seen from there, it is the same one. */
    hebb_tensor *end = slice_exactly(x, at, sum - sizes[count - 1], HEBB_END);
    parts[count - 1] = hb_node(NULL, HB_OP_RESHAPE, (hebb_tensor *[]){end, parts[count - 1]}, 2,
                               &(hb_attrs){.mode = HB_RESHAPE_SAME});
}

/* ---- again ---- */

/* `times` copies along a new axis. */
static hebb_tensor *copies(hebb_tensor *x, const char *function, int axis, int64_t times) {
    if (times < 0)
        return hb_graph_error(x->graph, HEBB_E_ARGUMENT, "%s: %lld times", function,
                              (long long)times);
    hebb_tensor *one = hebb_expand_dims(x, axis);
    if (hebb_tensor_is_inert(one)) return one;
    hebb_shape stretch = one->shape;
    for (int k = 0; k < stretch.rank; k++) stretch.dim[k] = k == axis ? times : 1;
    hebb_tensor *many = hebb_full(x->graph, HEBB_BOOL, stretch, 0);
    return hebb_broadcast_like(one, hebb_or(hebb_equal(one, one), many));
}

hebb_tensor *hebb_tile(hebb_tensor *x, int axis, int64_t times) {
    if (hebb_tensor_is_inert(x)) return x;
    const int at = checked_axis(x, "tile", axis);
    return at < 0 ? &x->graph->inert : hb_merge_axes(copies(x, "tile", at, times), at);
}

hebb_tensor *hebb_repeat(hebb_tensor *x, int axis, int64_t times) {
    if (hebb_tensor_is_inert(x)) return x;
    const int at = checked_axis(x, "repeat", axis);
    return at < 0 ? &x->graph->inert : hb_merge_axes(copies(x, "repeat", at + 1, times), at);
}

/* ---- padding ---- */

static bool check_padding(hebb_tensor *x, const char *function, int64_t before, int64_t after) {
    if (before >= 0 && after >= 0 && before < INT64_MAX / 4 && after < INT64_MAX / 4) return true;
    hb_graph_error(x->graph, HEBB_E_ARGUMENT, "%s: %lld and %lld elements more", function,
                   (long long)before, (long long)after);
    return false;
}

static hebb_tensor *around(hebb_tensor *x, int axis, hebb_tensor *front, hebb_tensor *back) {
    hebb_tensor *parts[3];
    int n = 0;
    if (front != NULL) parts[n++] = front;
    parts[n++] = x;
    if (back != NULL) parts[n++] = back;
    return n == 1 ? x : hebb_concat(parts, n, axis);
}

/* One map along the axis where that can be, and is better than three copies; else NULL, for sizes
   that are not known, or bad, too. */
static hebb_tensor *pad_by_map(hebb_tensor *x, hb_resample_rule rule, int axis, int64_t before,
                               int64_t after) {
    enum { LONGEST = 4096 }; /* above this, copies are long runs, and a map has large tables */
    const int64_t size = x->shape.dim[axis], wider = hb_max(before, after);
    if ((x->dtype != HEBB_F32 && x->dtype != HEBB_F64) || size < 1 || wider == 0 ||
        wider > LONGEST || size > LONGEST)
        return NULL;
    if (rule == HB_REFLECT && wider >= size) return NULL;
    const hb_attrs attrs = {
        .axis = axis,
        .resampling = {.n = 1, .rule = rule, .size = {before + size + after}, .before = before}};
    return hb_node(NULL, HB_OP_RESAMPLE, &x, 1, &attrs);
}

hebb_tensor *hebb_pad_reflect(hebb_tensor *x, int axis, int64_t before, int64_t after) {
    if (hebb_tensor_is_inert(x)) return x;
    const int at = checked_axis(x, "pad_reflect", axis);
    if (at < 0 || !check_padding(x, "pad_reflect", before, after)) return &x->graph->inert;
    hebb_tensor *padded = pad_by_map(x, HB_REFLECT, at, before, after);
    if (padded != NULL) return padded;
    hebb_tensor *front = NULL, *back = NULL;
    if (before > 0) front = hebb_flip(slice_exactly(x, at, 1, before + 1), &at, 1);
    if (after > 0) back = hebb_flip(slice_exactly(x, at, -1 - after, -1), &at, 1);
    return around(x, at, front, back);
}

hebb_tensor *hebb_pad_edge(hebb_tensor *x, int axis, int64_t before, int64_t after) {
    if (hebb_tensor_is_inert(x)) return x;
    const int at = checked_axis(x, "pad_edge", axis);
    if (at < 0 || !check_padding(x, "pad_edge", before, after)) return &x->graph->inert;
    hebb_tensor *padded = pad_by_map(x, HB_EDGE, at, before, after);
    if (padded != NULL) return padded;
    hebb_tensor *front = NULL, *back = NULL;
    if (before > 0) front = hebb_repeat(slice_exactly(x, at, 0, 1), at, before);
    if (after > 0) back = hebb_repeat(slice_exactly(x, at, -1, HEBB_END), at, after);
    return around(x, at, front, back);
}

/* ---- matrices ---- */

static hb_attrs diagonal(int offset, int axis1, int axis2) {
    return (hb_attrs){.n_axes = 2, .axes = {axis1, axis2}, .index = offset};
}

hebb_tensor *hebb_diagonal(hebb_tensor *x, int offset, int axis1, int axis2) {
    hb_attrs attrs = diagonal(offset, axis1, axis2);
    return hb_node(NULL, HB_OP_DIAGONAL, &x, 1, &attrs);
}

hebb_tensor *hebb_diagonal_scatter(hebb_tensor *base, hebb_tensor *x, int offset, int axis1,
                                   int axis2) {
    hb_attrs attrs = diagonal(offset, axis1, axis2);
    return hb_node(NULL, HB_OP_DIAGONAL_SCATTER, (hebb_tensor *[]){base, x}, 2, &attrs);
}

/* column - row compared with k. */
static hebb_tensor *triangle(hebb_tensor *x, const char *function, int64_t k, bool lower) {
    if (hebb_tensor_is_inert(x)) return x;
    if (x->shape.rank < 2)
        return hb_graph_error(x->graph, HEBB_E_SHAPE, "%s: the rank of %s is %d, less than 2",
                              function, hebb_tensor_name(x), x->shape.rank);
    const int64_t most = (int64_t)1 << 53; /* beyond any size, and a double */
    k = k > most ? most : k < -most ? -most : k;
    hebb_tensor *row = hebb_iota_like(x, -2, HEBB_I64), *column = hebb_iota_like(x, -1, HEBB_I64);
    hebb_tensor *limit = hebb_scalar_like(row, (double)k), *place = hebb_sub(column, row);
    hebb_tensor *kept = lower ? hebb_less_equal(place, limit) : hebb_greater_equal(place, limit);
    return hebb_select(kept, x, hebb_scalar_like(x, 0));
}

hebb_tensor *hebb_tril(hebb_tensor *x, int64_t k) { return triangle(x, "tril", k, true); }
hebb_tensor *hebb_triu(hebb_tensor *x, int64_t k) { return triangle(x, "triu", k, false); }
