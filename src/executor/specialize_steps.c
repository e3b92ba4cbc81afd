/* From nodes to steps on whole tensors: convolutions and folding, what works along one axis, users'
   ops. */
#include <string.h>

#include "specialize.h"
#include "windows.h"

/* ---- convolution and folding ---- */

/* The value that the step makes of the first n_in operands. */
static int add_step_of(specializer *s, const hebb_tensor *t, const hb_step *step,
                       hebb_tensor *const *from, int n_in) {
    hb_step *kept = ir_memory(s->ir, sizeof *kept);
    if (kept == NULL) return 0;
    *kept = *step;
    ir_node node = {.kind = IR_STEP,
                    .dtype = hb_arithmetic(t->dtype),
                    .shape = s->signature[t->id].shape,
                    .step = kept,
                    .origin = t};
    int in[4];
    for (int k = 0; k < n_in; k++) in[k] = hb_widen(s, IR_OF(s, from[k]), t);
    return hb_narrow(s, ir_add(s->ir, &node, in, n_in), t);
}

static int add_step(specializer *s, const hebb_tensor *t, const hb_step *step, int n_in) {
    return add_step_of(s, t, step, t->in, n_in);
}

/* Whether a window is all of an image, so that the convolution is a product of matrices: of images,
   of filters and of results, each a row of its own. */
static bool is_product(const hb_conv *c) {
    bool whole = c->groups == 1;
    for (int k = 0; k < 3; k++)
        whole = whole && c->out[k] == 1 && c->before[k] == 0 && c->in[k] == c->kernel[k] &&
                (c->dilation[k] == 1 || c->kernel[k] == 1);
    return whole;
}

/* An operand with a first axis of n as the matrix [n, rest], or turned around. */
static int as_matrix(specializer *s, const hebb_tensor *t, int operand, int64_t n, bool turned) {
    const hebb_shape from = s->signature[t->in[operand]->id].shape;
    int64_t rest = 1;
    for (int k = 1; k < from.rank; k++) rest *= from.dim[k];
    const hebb_shape rows = HEBB_SHAPE(n, rest), columns = HEBB_SHAPE(rest, n);
    int x = ir_reshape(s->ir, hb_widen(s, IR_OF(s, t->in[operand]), t), rows, t);
    return turned ? ir_view(s->ir, x, columns, 0, (const int64_t[]){1, rest}, t) : x;
}

static int lower_product(specializer *s, const hebb_tensor *t, const hb_step *step) {
    const hb_conv *c = &step->u.conv;
    const int64_t images = c->batch, filters = c->out_channels;
    const int64_t elements = c->in_channels * c->in[0] * c->in[1] * c->in[2];
    int in[2];
    ir_node node = {.kind = IR_MATMUL, .dtype = hb_arithmetic(t->dtype), .origin = t};
    if (step->kind == HB_CONV) {
        node.shape = HEBB_SHAPE(images, filters);
        in[0] = as_matrix(s, t, 0, images, false);
        in[1] = as_matrix(s, t, 1, filters, true);
    } else if (step->kind == HB_CONV_INPUT) {
        node.shape = HEBB_SHAPE(images, elements);
        in[0] = as_matrix(s, t, 0, images, false);
        in[1] = as_matrix(s, t, 1, filters, false);
    } else {
        node.shape = HEBB_SHAPE(filters, elements);
        in[0] = as_matrix(s, t, 1, images, true);
        in[1] = as_matrix(s, t, 0, images, false);
    }
    int product = hb_narrow(s, ir_add(s->ir, &node, in, 2), t);
    return ir_reshape(s->ir, product, s->signature[t->id].shape, t);
}

int hb_lower_conv(specializer *s, const hebb_tensor *t) {
    hb_step step;
    hebb_shape in[2] = {s->signature[t->in[0]->id].shape, s->signature[t->in[1]->id].shape};
    hb_conv_step(t, in, s->signature[t->id].shape, &step);
    return is_product(&step.u.conv) ? lower_product(s, t, &step) : add_step(s, t, &step, 2);
}

/* Windows side by side are x with its axes cut in two and put in another order. */
static int lower_tiles(specializer *s, const hebb_tensor *t) {
    hebb_shape y = s->signature[t->in[0]->id].shape, x = s->signature[t->id].shape, cut = y;
    hb_view list = hb_contiguous(y);
    int n = t->attrs->window.n, outer = x.rank - n;
    int64_t stride[HEBB_MAX_RANK];
    memcpy(stride, list.stride, sizeof stride);
    for (int d = 0; d < n; d++) {
        cut.dim[outer + 2 * d] = y.dim[outer + d];
        cut.dim[outer + 2 * d + 1] = y.dim[x.rank + d];
        stride[outer + 2 * d] = list.stride[outer + d];
        stride[outer + 2 * d + 1] = list.stride[x.rank + d];
    }
    return ir_reshape(s->ir, ir_view(s->ir, IR_OF(s, t->in[0]), cut, 0, stride, t), x, t);
}

int hb_lower_fold(specializer *s, const hebb_tensor *t) {
    hebb_shape y = s->signature[t->in[0]->id].shape, x = s->signature[t->id].shape;
    hb_step step;
    if (hb_windows_tile(t, y, x)) return lower_tiles(s, t);
    hb_fold_step(t, y, x, &step);
    return add_step(s, t, &step, 1);
}

static bool find_resampled(specializer *s, const hebb_tensor *t, hebb_shape x,
                           hb_resampled *along) {
    along->n = t->attrs->resampling.n;
    return hb_resampled_axes(t->attrs, x, &along->first, along->axis, &s->ir->error) == HEBB_OK;
}

/* The shape that is resampled, be it that of the result of the transpose. */
static hebb_shape resampled_shape(const specializer *s, const hebb_tensor *t) {
    return s->signature[t->in[t->op == HB_OP_RESAMPLE_BACK ? 1 : 0]->id].shape;
}

/* Padding of one axis after the other is one step: adds what is done along an axis next to those
   that there are. */
static bool join_resampled(specializer *s, const hebb_tensor *t, hb_resampled *along) {
    hb_resampled more;
    const hb_resample_rule rule = t->attrs->resampling.rule;
    if ((rule != HB_REFLECT && rule != HB_EDGE) || along->n == 3 ||
        !find_resampled(s, t, resampled_shape(s, t), &more))
        return false;
    const bool ahead = more.first + more.n == along->first;
    if (!ahead && more.first != along->first + along->n) return false;
    if (ahead) memmove(along->axis + 1, along->axis, (size_t)along->n * sizeof *along->axis);
    along->axis[ahead ? 0 : along->n++] = more.axis[0];
    if (ahead) along->first--, along->n++;
    return true;
}

int hb_lower_resample(specializer *s, const hebb_tensor *t) {
    hb_resampled along;
    hb_step step;
    hebb_tensor *from = t->in[0];
    if (!find_resampled(s, t, resampled_shape(s, t), &along)) return 0;
    const hb_resample_rule rule = t->attrs->resampling.rule;
    if (rule == HB_REFLECT || rule == HB_EDGE)
        while (from->op == t->op && join_resampled(s, from, &along)) from = from->in[0];
    hb_resample_step(t, resampled_shape(s, t), &along, &step);
    return add_step_of(s, t, &step, &from, 1);
}

int hb_lower_max_back(specializer *s, const hebb_tensor *t) {
    hb_resampled along;
    hb_step step;
    const hebb_shape x = s->signature[t->in[0]->id].shape;
    if (!find_resampled(s, t, x, &along)) return 0;
    hb_resample_step(t, x, &along, &step);
    step.kind = HB_MAX_BACK;
    step.bytes *= 2;
    return add_step(s, t, &step, 3);
}

/* ---- along one axis ---- */

/* The step without its operands: x is [outer, n, inner] around the axis. */
static hb_step *along_step(specializer *s, const hebb_tensor *t, hebb_shape x) {
    hb_step *step = ir_memory(s->ir, sizeof *step);
    if (step == NULL) return NULL;
    const int at = hb_axis(t->attrs->axis, x.rank);
    hb_along *along = &step->u.along;
    along->outer = along->inner = 1;
    along->n = x.dim[at];
    for (int k = 0; k < x.rank; k++)
        if (k != at) *(k < at ? &along->outer : &along->inner) *= x.dim[k];
    along->reverse = t->attrs->reverse;
    along->add = t->op == HB_OP_ADD_ALONG;
    step->kind = t->op == HB_OP_ARGSORT      ? HB_ARGSORT
                 : t->op == HB_OP_RECURRENCE ? HB_RECURRENCE
                 : t->op == HB_OP_TAKE_ALONG ? HB_TAKE_ALONG
                                             : HB_PUT_ALONG;
    step->name = hb_op_name(t->op);
    if (t->op == HB_OP_ARGSORT) along->m = s->signature[t->id].shape.dim[at];
    else if (t->op != HB_OP_RECURRENCE) along->m = s->signature[t->in[1]->id].shape.dim[at];
    return step;
}

static void count_along(specializer *s, const hebb_tensor *t, hebb_shape x, hb_step *step) {
    const double size = (double)hebb_shape_count(x);
    for (int k = 0; k < t->n_in; k++)
        step->bytes += (double)hebb_shape_count(s->signature[t->in[k]->id].shape) *
                       (double)hebb_dtype_size(t->in[k]->dtype);
    step->bytes +=
        (double)hebb_shape_count(s->signature[t->id].shape) * (double)hebb_dtype_size(t->dtype);
    if (t->op == HB_OP_RECURRENCE) step->flops = t->n_in * size;
}

/* There is room for the places of all; the first ones are a view. */
static int first_places(specializer *s, const hebb_tensor *t, int all, hebb_shape x) {
    const hb_view list = hb_contiguous(x);
    hebb_shape to = s->signature[t->id].shape;
    return hebb_shape_equal(to, x) ? all : ir_view(s->ir, all, to, 0, list.stride, t);
}

int hb_lower_along(specializer *s, const hebb_tensor *t) {
    const bool spread = t->op == HB_OP_RECURRENCE; /* its inputs broadcast to the result */
    hebb_shape x = s->signature[spread ? t->id : t->in[0]->id].shape;
    hb_step *step = along_step(s, t, x);
    if (step == NULL) return 0;
    count_along(s, t, x, step);
    int in[3];
    for (int k = 0; k < t->n_in; k++) {
        in[k] = hb_widen(s, IR_OF(s, t->in[k]), t);
        if (spread) in[k] = ir_broadcast(s->ir, in[k], x, t);
    }
    ir_node node = {.kind = IR_STEP,
                    .dtype = hb_arithmetic(t->dtype),
                    .shape = t->op == HB_OP_ARGSORT ? x : s->signature[t->id].shape,
                    .step = step,
                    .origin = t};
    const int result = ir_add(s->ir, &node, in, t->n_in);
    if (s->ir->error.status != HEBB_OK) return 0;
    return t->op == HB_OP_ARGSORT ? first_places(s, t, result, x) : hb_narrow(s, result, t);
}

/* ---- users' ---- */

int hb_lower_custom(specializer *s, const hebb_tensor *t) {
    hb_signature y = s->signature[t->id];
    hb_step step;
    memset(&step, 0, sizeof step); /* steps are compared byte by byte */
    step.kind = HB_CUSTOM;
    step.u.custom.op = t->attrs->custom;
    step.u.custom.options = t->attrs->options;
    step.name = t->attrs->custom->name;
    int in[HEBB_OP_INPUTS];
    for (int k = 0; k < t->n_in; k++) {
        hb_signature x = s->signature[t->in[k]->id];
        step.bytes += (double)hebb_shape_count(x.shape) * (double)hebb_dtype_size(x.dtype);
        in[k] = IR_OF(s, t->in[k]);
    }
    step.bytes += (double)hebb_shape_count(y.shape) * (double)hebb_dtype_size(y.dtype);
    ir_node node = {
        .kind = IR_STEP, .dtype = y.dtype, .shape = y.shape, .step = &step, .origin = t};
    return ir_add(s->ir, &node, in, t->n_in);
}
