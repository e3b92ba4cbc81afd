/* Strided views and how they compose: arithmetic on shapes, of which ir.h has the contract. */
#include "ir.h"

hb_view hb_contiguous(hebb_shape shape) {
    hb_view view = {0};
    int64_t stride = 1;
    for (int k = shape.rank - 1; k >= 0; k--) {
        view.stride[k] = stride;
        stride *= shape.dim[k];
    }
    return view;
}

bool hb_is_contiguous(hebb_shape shape, const hb_view *view) {
    return (view->offset == 0 || hebb_shape_count(shape) == 0) && hb_is_range(shape, view);
}

bool hb_is_range(hebb_shape shape, const hb_view *view) {
    int64_t stride = 1;
    if (hebb_shape_count(shape) == 0) return true;
    for (int k = shape.rank - 1; k >= 0; k--) {
        if (shape.dim[k] != 1 && view->stride[k] != stride) return false;
        stride *= shape.dim[k];
    }
    return true;
}

/* The axes of a strided list with those of size 1 left out and neighbors merged where one stride
   serves both. `unit` is the axis's stride in the contiguous list. Outermost last. */
typedef struct axis {
    int64_t size, stride, unit;
} axis;

static int coalesce(hebb_shape shape, const int64_t *stride, axis axes[HEBB_MAX_RANK]) {
    int n = 0;
    int64_t unit = 1;
    for (int k = shape.rank - 1; k >= 0; k--) {
        int64_t size = shape.dim[k];
        if (size == 1) continue;
        axis *inner = n > 0 ? &axes[n - 1] : NULL;
        if (inner != NULL && stride[k] == inner->stride * inner->size) inner->size *= size;
        else axes[n++] = (axis){size, stride[k], unit};
        unit *= size;
    }
    return n;
}

/* The axis along which a step of `stride` in the contiguous list moves, and by how many of it. */
static int axis_of_step(const axis *axes, int n, int64_t stride, int64_t *times) {
    int64_t distance = stride < 0 ? -stride : stride;
    for (int k = 0; k < n; k++)
        if (distance >= axes[k].unit && distance < axes[k].unit * axes[k].size) {
            *times = stride / axes[k].unit;
            return stride % axes[k].unit == 0 ? k : -1;
        }
    return -1;
}

bool hb_compose(hebb_shape shape, const hb_view *outer, hebb_shape middle, const hb_view *inner,
                hb_view *result) {
    *result = (hb_view){0};
    if (hebb_shape_count(shape) == 0) return true;
    axis axes[HEBB_MAX_RANK];
    int64_t low[HEBB_MAX_RANK], high[HEBB_MAX_RANK];
    int n = coalesce(middle, inner->stride, axes);
    result->offset = inner->offset;
    if (n == 1) { /* one stride serves all: nothing can carry over */
        result->offset += outer->offset * axes[0].stride;
        for (int k = 0; k < shape.rank; k++) result->stride[k] = outer->stride[k] * axes[0].stride;
        return true;
    }
    for (int a = 0; a < n; a++) {
        low[a] = high[a] = outer->offset / axes[a].unit % axes[a].size;
        result->offset += low[a] * axes[a].stride;
    }
    for (int k = 0; k < shape.rank; k++) {
        if (shape.dim[k] == 1 || outer->stride[k] == 0) continue;
        int64_t times;
        int a = axis_of_step(axes, n, outer->stride[k], &times);
        if (a < 0) return false;
        result->stride[k] = times * axes[a].stride;
        *(times < 0 ? &low[a] : &high[a]) += times * (shape.dim[k] - 1);
    }
    for (int a = 0; a < n; a++) /* a coordinate that leaves its axis would carry into the next */
        if (low[a] < 0 || high[a] >= axes[a].size) return false;
    return true;
}

hb_ref ir_ref(const hb_ir *ir, int node) {
    const ir_node *n = &ir->nodes[node];
    hb_ref ref = {node, hb_contiguous(n->shape)};
    if (n->kind != IR_VIEW) return ref;
    hb_view own = {.offset = n->offset};
    for (int k = 0; k < n->shape.rank; k++) own.stride[k] = n->stride[k];
    hb_ref inner = ir_ref(ir, n->in[0]);
    hb_view both;
    if (hb_compose(n->shape, &own, ir->nodes[n->in[0]].shape, &inner.view, &both))
        return (hb_ref){inner.base, both};
    return (hb_ref){n->in[0], own}; /* read from a copy of the inner view */
}
