/* From a graph to its ir: the nodes that the fetched tensors need, with the sizes of this run,
   every shape checked again now that it is known. Called by plan.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "specialize.h"
#include "windows.h"

/* ---- f16 and bf16 ---- */

static int convert(specializer *s, int x, hebb_dtype dtype, const hebb_tensor *t) {
    if (s->ir->error.status != HEBB_OK || s->ir->nodes[x].dtype == dtype) return x;
    return ir_scalar(s->ir, HB_CAST, dtype, &x, 1, t);
}

hebb_dtype hb_arithmetic(hebb_dtype dtype) { return hb_half(dtype) ? HEBB_F32 : dtype; }

int hb_widen(specializer *s, int x, const hebb_tensor *t) {
    if (s->ir->error.status != HEBB_OK) return x;
    return convert(s, x, hb_arithmetic(s->ir->nodes[x].dtype), t);
}

int hb_narrow(specializer *s, int x, const hebb_tensor *t) { return convert(s, x, t->dtype, t); }

static int lower_cast(specializer *s, const hebb_tensor *t) {
    int x = IR_OF(s, t->in[0]);
    if (t->in[0]->dtype == t->dtype) return ir_scalar(s->ir, HB_CAST, t->dtype, &x, 1, t);
    return hb_narrow(s, convert(s, hb_widen(s, x, t), hb_arithmetic(t->dtype), t), t);
}

/* ---- which nodes ---- */

static void mark(specializer *s) {
    for (int id = s->n - 1; id >= 0; id--) {
        if (!s->shaped[id]) continue;
        const hebb_tensor *node = s->graph->nodes[id];
        for (int k = 0; k < node->n_in; k++) {
            int in = node->in[k]->id;
            s->shaped[in] = true;
            if (s->needed[id] && !hb_shape_only(node, k)) s->needed[in] = true;
        }
    }
}

/* ---- shapes ---- */

/* Sizes that do not fit each other often come from what was fed: "; fed are x [10, 4], t [5]". */
static hebb_status add_fed(const specializer *s, hb_error *error) {
    size_t used = strlen(error->message), n = 0;
    if (error->status != HEBB_E_SHAPE || s->inputs == NULL) return error->status;
    for (int id = 0; id < s->n && used < sizeof error->message; id++) {
        const hebb_tensor *t = s->graph->nodes[id];
        if (!s->shaped[id] || t->op != HB_OP_INPUT || s->inputs[t->attrs->index].rank < 0) continue;
        char shape[160];
        hebb_shape_text(s->inputs[t->attrs->index], shape, sizeof shape);
        used += (size_t)snprintf(error->message + used, sizeof error->message - used, "%s%s %s",
                                 n++ == 0 ? "; fed are " : ", ", t->name, shape);
    }
    return error->status;
}

static hebb_status at_line(hb_error *error, const hebb_tensor *node, const hb_signature *in,
                           hb_error *cause) {
    char text[600], place[200] = "";
    hb_describe_node(text, sizeof text, node->op, node->attrs, node->in, node->n_in, in);
    if (node->file != NULL) snprintf(place, sizeof place, "%s:%d: ", node->file, node->line);
    return hb_fail(error, cause->status, "%s%s: %s", place, text, cause->message);
}

static hebb_status fed_shape(const specializer *s, const hebb_tensor *node, hb_signature *result,
                             hb_error *error) {
    const hebb_shape *fed = s->inputs != NULL ? &s->inputs[node->attrs->index] : NULL;
    if (fed == NULL || fed->rank < 0)
        return hb_fail(error, HEBB_E_GRAPH, "run: the input %s is needed and not fed", node->name);
    *result = (hb_signature){node->dtype, *fed};
    return HEBB_OK;
}

/* A user's rule is asked anew when sizes are known; what was built relies on its first answer. */
static hebb_status keeps_promise(const hebb_tensor *node, hb_signature now, hb_error *error) {
    char before[160], after[160];
    bool same = now.shape.rank == node->shape.rank;
    for (int k = 0; same && k < now.shape.rank; k++)
        same = node->shape.dim[k] == HEBB_ANY || node->shape.dim[k] == now.shape.dim[k];
    if (now.dtype != node->dtype)
        return hb_fail(error, HEBB_E_DTYPE, "the op's shape rule gives %s after %s",
                       hebb_dtype_name(now.dtype), hebb_dtype_name(node->dtype));
    if (same) return HEBB_OK;
    return hb_fail(error, HEBB_E_SHAPE, "the op's shape rule gives %s after %s",
                   hebb_shape_text(now.shape, after, sizeof after),
                   hebb_shape_text(node->shape, before, sizeof before));
}

static hebb_status bind_shape(specializer *s, const hebb_tensor *node, hb_error *error) {
    if (node->op == HB_OP_INPUT) return fed_shape(s, node, &s->signature[node->id], error);
    hb_signature few[8], *in = few;
    if (node->n_in > 8) {
        in = ir_memory(s->ir, (size_t)node->n_in * sizeof *in);
        if (in == NULL) return hb_fail_memory(error, "a plan", (size_t)node->n_in * sizeof *in);
    }
    for (int k = 0; k < node->n_in; k++) in[k] = s->signature[node->in[k]->id];
    hb_error cause;
    if (hb_infer(node->op, node->attrs, in, node->n_in, &s->signature[node->id], &cause) !=
        HEBB_OK) {
        at_line(error, node, in, &cause);
        return add_fed(s, error);
    }
    if (node->op == HB_OP_CUSTOM && keeps_promise(node, s->signature[node->id], &cause) != HEBB_OK)
        return at_line(error, node, in, &cause);
    return HEBB_OK;
}

/* ---- sources ---- */

/* The plan's buffer of a variable, input or constant. */
static int buffer_of(specializer *s, const hebb_tensor *tensor) {
    int *buffer = &s->buffer[tensor->id];
    if (*buffer == 0) {
        *buffer = s->ir->n_buffers++;
        s->ir->buffers[*buffer].tensor = tensor;
    }
    return *buffer;
}

static int lower_buffer(specializer *s, const hebb_tensor *t) {
    ir_node node = {.kind = IR_BUFFER,
                    .dtype = t->dtype,
                    .shape = s->signature[t->id].shape,
                    .buffer = buffer_of(s, t),
                    .origin = t};
    return ir_add(s->ir, &node, NULL, 0);
}

static int lower_full(specializer *s, const hebb_tensor *t) {
    double value = t->op == HB_OP_TRAINING ? s->training : t->attrs->value;
    if (t->op == HB_OP_SIZE) {
        hebb_shape x = s->signature[t->in[0]->id].shape;
        bool counted[HEBB_MAX_RANK];
        hb_reduced_axes(t->attrs, x.rank, counted);
        value = 1;
        for (int k = 0; k < x.rank; k++)
            if (counted[k]) value *= (double)x.dim[k];
        if (!hb_representable(t->dtype, value) || isinf(hb_rounded(t->dtype, value)))
            hb_fail(&s->ir->error, HEBB_E_ARGUMENT,
                    "run: %s: the size of %s is %.0f, which %s cannot hold", t->name,
                    t->in[0]->name, value, hebb_dtype_name(t->dtype));
    }
    return ir_full(s->ir, t->dtype, s->signature[t->id].shape, value);
}

static int index_list(specializer *s, hebb_shape shape) {
    ir_node node = {.kind = IR_INDEX, .dtype = HEBB_I64, .shape = shape};
    return ir_add(s->ir, &node, NULL, 0);
}

static int lower_iota(specializer *s, const hebb_tensor *t) {
    hebb_shape shape = s->signature[t->id].shape;
    int axis = hb_axis(t->attrs->axis, shape.rank);
    int64_t stride[HEBB_MAX_RANK] = {0};
    const double last = (double)shape.dim[axis] - 1;
    if (last >= 0 && !hb_floating(t->dtype) && !hb_representable(t->dtype, last))
        hb_fail(&s->ir->error, HEBB_E_ARGUMENT,
                "run: %s: axis %d of %s goes to %.0f, which %s cannot hold", t->name, axis,
                t->in[0]->name, last, hebb_dtype_name(t->dtype));
    stride[axis] = 1;
    int list = index_list(s, HEBB_SHAPE(shape.dim[axis]));
    int view = ir_view(s->ir, list, shape, 0, stride, t);
    return hb_narrow(s, convert(s, view, hb_arithmetic(t->dtype), t), t);
}

/* A number of [0, 1) with as many bits as the dtype has: rounding could make it 1. */
static int cut_uniform(specializer *s, const hebb_tensor *t, int x) {
    double units = t->dtype == HEBB_F16 ? 2048 : 256;
    hebb_shape shape = s->signature[t->id].shape;
    int scaled[2] = {x, ir_full(s->ir, HEBB_F32, shape, units)};
    int cut = ir_scalar(s->ir, HB_MUL, HEBB_F32, scaled, 2, t);
    int floored[2] = {ir_scalar(s->ir, HB_FLOOR, HEBB_F32, &cut, 1, t),
                      ir_full(s->ir, HEBB_F32, shape, 1 / units)};
    return ir_scalar(s->ir, HB_MUL, HEBB_F32, floored, 2, t);
}

static hb_code code_of(hb_op op);

static int lower_random(specializer *s, const hebb_tensor *t) {
    int list = index_list(s, s->signature[t->id].shape);
    ir_node node = {.kind = IR_SCALAR,
                    .code = code_of(t->op),
                    .dtype = hb_arithmetic(t->dtype),
                    .shape = s->signature[t->id].shape,
                    .origin = t};
    node.imm.i = t->attrs->index;
    node.buffer = t->attrs->again; /* so that it is not found equal to the first one, and kept */
    int numbers = ir_add(s->ir, &node, &list, 1);
    if (hb_half(t->dtype) && node.code == HB_UNIFORM) numbers = cut_uniform(s, t, numbers);
    return hb_narrow(s, numbers, t);
}

/* ---- elementwise and reductions ---- */

static hb_code code_of(hb_op op) {
    enum { HB_NONE = HB_CODES }; /* the column's word for ops that are not scalar functions */
    static const uint8_t codes[HB_OPS] = {
#define OP(ID, name, from, to, shape, gradient, lowering, code) HB_##code,
#include "../graph/ops.def"
#undef OP
    };
    return (hb_code)codes[op];
}

static int lower_elementwise(specializer *s, const hebb_tensor *t) {
    int in[3];
    hb_code code = code_of(t->op);
    if (code == HB_CAST) return lower_cast(s, t);
    for (int k = 0; k < t->n_in; k++) {
        in[k] = ir_broadcast(s->ir, IR_OF(s, t->in[k]), s->signature[t->id].shape, t);
        if (code != HB_SELECT) in[k] = hb_widen(s, in[k], t);
    }
    if (code == HB_SELECT) return ir_scalar(s->ir, code, t->dtype, in, t->n_in, t);
    return hb_narrow(s, ir_scalar(s->ir, code, hb_arithmetic(t->dtype), in, t->n_in, t), t);
}

static int lower_apply(specializer *s, const hebb_tensor *t) {
    int in[4];
    for (int k = 0; k < t->n_in; k++)
        in[k] =
            ir_broadcast(s->ir, hb_widen(s, IR_OF(s, t->in[k]), t), s->signature[t->id].shape, t);
    ir_node node = {.kind = IR_SCALAR,
                    .code = HB_USER,
                    .dtype = hb_arithmetic(t->dtype),
                    .shape = s->signature[t->id].shape,
                    .origin = t};
    node.imm.user = t->attrs->apply;
    return hb_narrow(s, ir_add(s->ir, &node, in, t->n_in), t);
}

static int reduce_to(specializer *s, const hebb_tensor *t, int x, const bool *reduced) {
    x = hb_widen(s, x, t);
    if (s->ir->error.status != HEBB_OK) return 0;
    hebb_shape from = s->ir->nodes[x].shape;
    ir_node node = {
        .kind = IR_REDUCE, .code = code_of(t->op), .dtype = hb_arithmetic(t->dtype), .origin = t};
    for (int k = 0; k < from.rank; k++) {
        node.reduce[k] = reduced[k];
        if (!reduced[k]) node.shape.dim[node.shape.rank++] = from.dim[k];
    }
    int sum = hb_narrow(s, ir_add(s->ir, &node, &x, 1), t);
    return ir_reshape(s->ir, sum, s->signature[t->id].shape, t);
}

static int lower_reduce(specializer *s, const hebb_tensor *t) {
    bool reduced[HEBB_MAX_RANK];
    hebb_shape from = s->signature[t->in[0]->id].shape, to = s->signature[t->id].shape;
    if (t->op == HB_OP_SUM_LIKE) {
        int ahead = from.rank - to.rank;
        for (int k = 0; k < from.rank; k++)
            reduced[k] = k < ahead || (to.dim[k - ahead] == 1 && from.dim[k] != 1);
    } else hb_reduced_axes(t->attrs, from.rank, reduced);
    return reduce_to(s, t, IR_OF(s, t->in[0]), reduced);
}

/* ---- movement ---- */

static int lower_transpose(specializer *s, const hebb_tensor *t) {
    hebb_shape from = s->signature[t->in[0]->id].shape;
    hb_view list = hb_contiguous(from);
    int64_t stride[HEBB_MAX_RANK];
    for (int k = 0; k < from.rank; k++)
        stride[k] = list.stride[hb_axis(t->attrs->axes[k], from.rank)];
    return ir_view(s->ir, IR_OF(s, t->in[0]), s->signature[t->id].shape, 0, stride, t);
}

/* Where a slice of a contiguous list of that shape is. */
static hb_view slice_view(const hebb_tensor *t, hebb_shape whole) {
    hb_extent extent[HEBB_MAX_RANK];
    hb_error ignored; /* the shape rule has been through */
    hb_slice_extents(t->attrs, whole, extent, &ignored);
    hb_view list = hb_contiguous(whole), view = {0};
    for (int k = 0; k < whole.rank; k++) {
        if (extent[k].count > 0) view.offset += extent[k].start * list.stride[k];
        /* A step that is never made may be larger than any tensor. */
        if (extent[k].count > 1) view.stride[k] = extent[k].step * list.stride[k];
    }
    return view;
}

/* Where a diagonal of a contiguous list of that shape is. */
static hb_view diagonal_view(const hebb_tensor *t, hebb_shape whole) {
    const hb_view list = hb_contiguous(whole);
    const int row = hb_axis(t->attrs->axes[0], whole.rank),
              column = hb_axis(t->attrs->axes[1], whole.rank), first = t->attrs->index;
    hb_view view = {0};
    int rank = 0;
    for (int k = 0; k < whole.rank; k++)
        if (k != row && k != column) view.stride[rank++] = list.stride[k];
    if (hb_diagonal_size(whole.dim[row], whole.dim[column], first) == 0) return view;
    view.stride[rank] = list.stride[row] + list.stride[column];
    view.offset = first > 0 ? first * list.stride[column] : -first * list.stride[row];
    return view;
}

/* Where part `index` of a concatenation along `axis` is. */
static hb_view part_view(const specializer *s, hebb_tensor *const *parts, int index, int axis,
                         hebb_shape whole) {
    hb_view view = hb_contiguous(whole);
    int at = hb_axis(axis, whole.rank);
    for (int k = 0; k < index; k++)
        view.offset += s->signature[parts[k]->id].shape.dim[at] * view.stride[at];
    return view;
}

static int lower_view(specializer *s, const hebb_tensor *t) {
    int x = IR_OF(s, t->in[0]);
    hebb_shape from = s->signature[t->in[0]->id].shape, to = s->signature[t->id].shape;
    hb_view view;
    switch (t->op) {
    case HB_OP_RESHAPE: return ir_reshape(s->ir, x, to, t);
    case HB_OP_BROADCAST: return ir_broadcast(s->ir, x, to, t);
    case HB_OP_TRANSPOSE: return lower_transpose(s, t);
    case HB_OP_SLICE: view = slice_view(t, from); break;
    case HB_OP_WINDOWS: view = hb_windows_view(t, from); break;
    case HB_OP_UNPAD: view = hb_padded_view(t, to, from); break;
    case HB_OP_DIAGONAL: view = diagonal_view(t, from); break;
    default: view = part_view(s, t->in + 1, t->attrs->index, t->attrs->axis, from); break;
    }
    return ir_view(s->ir, x, to, view.offset, view.stride, t);
}

static int copy_into(specializer *s, const hebb_tensor *t, int x, const hb_view *view) {
    if (s->ir->error.status != HEBB_OK) return 0;
    ir_node node = {.kind = IR_COPY,
                    .dtype = s->ir->nodes[x].dtype,
                    .shape = s->ir->nodes[x].shape,
                    .offset = view->offset,
                    .origin = t};
    for (int k = 0; k < node.shape.rank; k++) node.stride[k] = view->stride[k];
    return ir_add(s->ir, &node, &x, 1);
}

/* A value written by several steps: marks the copies with where they belong. */
static int add_owner(specializer *s, const ir_node *node, const int *in, int n_in) {
    int owner = ir_add(s->ir, node, in, n_in);
    if (s->ir->error.status != HEBB_OK) return 0;
    for (int k = 0; k < n_in; k++)
        if (s->ir->nodes[in[k]].kind == IR_COPY) s->ir->nodes[in[k]].into = owner;
    return owner;
}

static int lower_parts(specializer *s, const hebb_tensor *t) {
    hebb_shape whole = s->signature[t->id].shape;
    ir_node node = {.kind = IR_PARTS, .dtype = t->dtype, .shape = whole, .origin = t};
    int *in = ir_memory(s->ir, (size_t)t->n_in * sizeof *in);
    if (in == NULL) return 0;
    for (int k = 0; k < t->n_in; k++) {
        hb_view view;
        if (t->op == HB_OP_CONCAT) view = part_view(s, t->in, k, t->attrs->axis, whole);
        else if (k == 0) view = hb_contiguous(whole);
        else view = t->op == HB_OP_SLICE_SCATTER ? slice_view(t, whole) : diagonal_view(t, whole);
        in[k] = copy_into(s, t, IR_OF(s, t->in[k]), &view);
    }
    return add_owner(s, &node, in, t->n_in);
}

/* The border first, then x over it. */
static int lower_pad(specializer *s, const hebb_tensor *t) {
    hebb_shape from = s->signature[t->in[0]->id].shape, to = s->signature[t->id].shape;
    if (hebb_shape_equal(from, to)) return IR_OF(s, t->in[0]);
    ir_node node = {.kind = IR_PARTS, .dtype = t->dtype, .shape = to, .origin = t};
    hb_view whole = hb_contiguous(to), inside = hb_padded_view(t, from, to);
    int border = copy_into(s, t, ir_full(s->ir, t->dtype, to, t->attrs->value), &whole);
    int x = copy_into(s, t, IR_OF(s, t->in[0]), &inside);
    return add_owner(s, &node, (int[]){border, x}, 2);
}

/* ---- matrix products, indexing ---- */

static int lower_matmul(specializer *s, const hebb_tensor *t) {
    hebb_shape to = s->signature[t->id].shape;
    int in[2];
    for (int k = 0; k < 2; k++) {
        hebb_shape from = s->signature[t->in[k]->id].shape, full = to;
        full.dim[to.rank - 2] = from.dim[from.rank - 2];
        full.dim[to.rank - 1] = from.dim[from.rank - 1];
        in[k] = ir_broadcast(s->ir, hb_widen(s, IR_OF(s, t->in[k]), t), full, t);
    }
    ir_node node = {.kind = IR_MATMUL, .dtype = hb_arithmetic(t->dtype), .shape = to, .origin = t};
    return hb_narrow(s, ir_add(s->ir, &node, in, 2), t);
}

static int lower_gather(specializer *s, const hebb_tensor *t) {
    ir_node node = {
        .kind = IR_GATHER, .dtype = t->dtype, .shape = s->signature[t->id].shape, .origin = t};
    return ir_add(s->ir, &node, (int[]){IR_OF(s, t->in[0]), IR_OF(s, t->in[1])}, 2);
}

static int lower_scatter(specializer *s, const hebb_tensor *t, ir_kind kind) {
    ir_node node = {.kind = kind,
                    .dtype = hb_arithmetic(t->dtype),
                    .shape = s->signature[t->id].shape,
                    .origin = t};
    hb_view whole = hb_contiguous(node.shape);
    int base = copy_into(s, t, hb_widen(s, IR_OF(s, t->in[0]), t), &whole);
    int rows = hb_widen(s, IR_OF(s, t->in[2]), t);
    return hb_narrow(s, add_owner(s, &node, (int[]){base, IR_OF(s, t->in[1]), rows}, 3), t);
}

static int lower_scatter_add(specializer *s, const hebb_tensor *t) {
    return lower_scatter(s, t, IR_SCATTER_ADD);
}
static int lower_scatter_set(specializer *s, const hebb_tensor *t) {
    return lower_scatter(s, t, IR_SCATTER_SET);
}

/* ---- all of it ---- */

static int lower_identity(specializer *s, const hebb_tensor *t) {
    int value = IR_OF(s, t->in[t->n_in - 1]); /* of ASSIGN: the new value */
    if (t->op == HB_OP_ASSIGN) {
        int buffer = buffer_of(s, t->in[0]);
        s->ir->buffers[buffer].written = true;
        s->ir->assigns[s->ir->n_assigns++] = (ir_assign){buffer, value};
    }
    return value;
}

/* A view of its own: equal computations on it and on x stay two. */
static int lower_recompute(specializer *s, const hebb_tensor *t) {
    if (s->ir->error.status != HEBB_OK) return 0;
    hebb_shape shape = s->signature[t->id].shape;
    hb_view list = hb_contiguous(shape);
    ir_node node = {.kind = IR_VIEW, .dtype = t->dtype, .shape = shape, .origin = t};
    node.imm.i = t->id;
    memcpy(node.stride, list.stride, sizeof node.stride);
    return ir_add(s->ir, &node, (int[]){IR_OF(s, t->in[0])}, 1);
}

static int lower_group(specializer *s, const hebb_tensor *t) { return -1; }

/* What stands for something in a scan's body is bound by whoever lowers that body. */
static int lower_scan_slot(specializer *s, const hebb_tensor *t) {
    hb_fail(&s->ir->error, HEBB_E_GRAPH,
            "run: %s is needed outside of the scan whose body it belongs to", t->name);
    return 0;
}

typedef int (*lowering)(specializer *s, const hebb_tensor *t);

static const lowering lowerings[HB_OPS] = {
#define lower_SOURCE                                            lower_buffer
#define lower_FULL                                              lower_full
#define lower_IOTA                                              lower_iota
#define lower_RANDOM                                            lower_random
#define lower_ELEMENTWISE                                       lower_elementwise
#define lower_REDUCE                                            lower_reduce
#define lower_APPLY                                             lower_apply
#define lower_CUSTOM                                            hb_lower_custom
#define lower_VIEW                                              lower_view
#define lower_PARTS                                             lower_parts
#define lower_PAD                                               lower_pad
#define lower_CONV                                              hb_lower_conv
#define lower_FOLD                                              hb_lower_fold
#define lower_RESAMPLE                                          hb_lower_resample
#define lower_MAX_BACK                                          hb_lower_max_back
#define lower_MATMUL                                            lower_matmul
#define lower_GATHER                                            lower_gather
#define lower_SCATTER_ADD                                       lower_scatter_add
#define lower_SCATTER_SET                                       lower_scatter_set
#define lower_ALONG                                             hb_lower_along
#define lower_IDENTITY                                          lower_identity
#define lower_GROUP                                             lower_group
#define lower_RECOMPUTE                                         lower_recompute
#define lower_SCAN_SLOT                                         lower_scan_slot
#define lower_SCAN                                              hb_lower_scan
#define lower_SCAN_STACK                                        hb_lower_scan_stack
#define lower_SCAN_LAST                                         hb_lower_scan_last
#define OP(ID, name, from, to, shape, gradient, lowering, code) lower_##lowering,
#include "../graph/ops.def"
#undef OP
};

int hb_lower_tensor(specializer *s, const hebb_tensor *t) { return lowerings[t->op](s, t); }

static hebb_status check_assign_once(const specializer *s, const hebb_tensor *t, hb_error *error) {
    if (t->op != HB_OP_ASSIGN || !s->ir->buffers[s->buffer[t->in[0]->id]].written ||
        s->buffer[t->in[0]->id] == 0)
        return HEBB_OK;
    return hb_fail(error, HEBB_E_GRAPH, "run: the variable %s is assigned twice in one run",
                   t->in[0]->name);
}

/* Whether the run trains: as the session says, or if it changes a parameter. */
static bool trains(const specializer *s, hebb_mode mode) {
    if (mode != HEBB_MODE_AUTO) return mode == HEBB_MODE_TRAINING;
    for (int id = 0; id < s->n; id++) {
        const hebb_tensor *t = s->graph->nodes[id];
        if (s->needed[id] && t->op == HB_OP_ASSIGN && t->in[0]->attrs->trainable) return true;
    }
    return false;
}

/* Shapes first: a scan has results that were made after it. */
static hebb_status lower_all(specializer *s, hebb_mode mode, hb_error *error) {
    mark(s);
    s->training = trains(s, mode);
    for (int id = 0; id < s->n; id++)
        if (s->shaped[id] && bind_shape(s, s->graph->nodes[id], error) != HEBB_OK)
            return error->status;
    for (int id = 0; id < s->n; id++) {
        const hebb_tensor *t = s->graph->nodes[id];
        if (!s->needed[id]) continue;
        if (check_assign_once(s, t, error) != HEBB_OK) return error->status;
        s->value[id] = hb_lower_tensor(s, t);
        if (s->ir->error.status != HEBB_OK) {
            *error = s->ir->error;
            return error->status;
        }
    }
    return HEBB_OK;
}

static hebb_status start(specializer *s, const hebb_graph *graph, hb_ir *result, hb_error *error) {
    *result = (hb_ir){.n_buffers = 1};
    *s = (specializer){.ir = result, .graph = graph, .n = graph->n_nodes};
    size_t n = (size_t)s->n + 1;
    s->needed = ir_memory(result, n * sizeof *s->needed);
    s->shaped = ir_memory(result, n * sizeof *s->shaped);
    s->signature = ir_memory(result, n * sizeof *s->signature);
    s->value = ir_memory(result, n * sizeof *s->value);
    s->buffer = ir_memory(result, n * sizeof *s->buffer);
    s->scan = ir_memory(result, n * sizeof *s->scan);
    result->buffers = ir_memory(result, (n + 1) * sizeof *result->buffers);
    result->assigns = ir_memory(result, n * sizeof *result->assigns);
    if (result->error.status != HEBB_OK) *error = result->error;
    return result->error.status;
}

hebb_status hb_specialize(const hebb_graph *graph, hebb_tensor *const *fetched, size_t n_fetched,
                          const hebb_shape *inputs, hebb_mode mode, hb_ir *result,
                          hb_error *error) {
    specializer s;
    if (start(&s, graph, result, error) != HEBB_OK) return error->status;
    s.inputs = inputs;
    for (size_t k = 0; k < n_fetched; k++)
        s.needed[fetched[k]->id] = s.shaped[fetched[k]->id] = true;
    if (lower_all(&s, mode, error) != HEBB_OK) return error->status;
    result->fetches = ir_memory(result, (n_fetched + 1) * sizeof *result->fetches);
    if (result->fetches == NULL) return hb_fail_memory(error, "a plan", n_fetched * sizeof(int));
    result->n_fetches = (int)n_fetched;
    for (size_t k = 0; k < n_fetched; k++) result->fetches[k] = s.value[fetched[k]->id];
    return HEBB_OK;
}

hebb_status hb_specialize_initial(const hebb_graph *graph, const bool *wanted, hb_ir *result,
                                  hb_error *error) {
    specializer s;
    if (start(&s, graph, result, error) != HEBB_OK) return error->status;
    for (int v = 0; v < graph->n_variables; v++) {
        int id = graph->variables[v]->attrs->initial->id;
        if (wanted[v]) s.needed[id] = s.shaped[id] = true;
    }
    if (lower_all(&s, HEBB_MODE_INFERENCE, error) != HEBB_OK) return error->status;
    for (int v = 0; v < graph->n_variables; v++) {
        if (!wanted[v]) continue;
        int buffer = buffer_of(&s, graph->variables[v]);
        result->buffers[buffer].written = true;
        result->assigns[result->n_assigns++] =
            (ir_assign){buffer, s.value[graph->variables[v]->attrs->initial->id]};
    }
    return HEBB_OK;
}
