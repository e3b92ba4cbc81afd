/* Rewrites an ir into a smaller one: constants folded, algebra done, equal nodes made one, dead
   ones left out. One forward walk: every node is made anew from its new inputs by the first rule
   that fits. Rules keep values as they are, but for the sign of zero and the rounding of sums of
   products. Called by plan.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ir.h"

typedef struct simplifier {
    const hb_ir *from;
    hb_ir *to;
    bool fold, cse;
    int *number; /* new node by old */
    int *table;  /* hash table of new nodes, number + 1 */
    unsigned mask;
} simplifier;

/* ---- equal nodes ---- */

static bool same_view(const ir_node *a, const ir_node *b) {
    return a->offset == b->offset &&
           memcmp(a->stride, b->stride, (size_t)a->shape.rank * sizeof *a->stride) == 0;
}

static bool same_step(const hb_step *a, const hb_step *b) {
    return a->kind == b->kind && memcmp(&a->u, &b->u, sizeof a->u) == 0;
}

static bool same_node(const ir_node *a, const int *a_in, const ir_node *b) {
    if (a->kind != b->kind || a->code != b->code || a->dtype != b->dtype ||
        a->buffer != b->buffer || a->imm.i != b->imm.i || !hebb_shape_equal(a->shape, b->shape))
        return false;
    if (a->n_in > 0 && memcmp(a_in, b->in, (size_t)a->n_in * sizeof *b->in) != 0) return false;
    if (a->kind == IR_REDUCE) return memcmp(a->reduce, b->reduce, sizeof a->reduce) == 0;
    if (a->kind == IR_STEP) return same_step(a->step, b->step);
    return a->kind != IR_VIEW || same_view(a, b);
}

static unsigned mix(unsigned h, uint64_t x) {
    h = (h ^ (unsigned)x) * 16777619u;
    return (h ^ (unsigned)(x >> 32)) * 16777619u;
}

static unsigned hash_node(const ir_node *n, const int *in) {
    unsigned h = 2166136261u;
    h = mix(h, (uint64_t)n->kind << 16 | (uint64_t)n->code << 8 | n->dtype);
    h = mix(h, (uint64_t)n->imm.i);
    h = mix(h, (uint64_t)n->buffer);
    for (int k = 0; k < n->shape.rank; k++) h = mix(h, (uint64_t)n->shape.dim[k]);
    for (int k = 0; k < n->n_in; k++) h = mix(h, (uint64_t)in[k]);
    if (n->kind == IR_VIEW) {
        h = mix(h, (uint64_t)n->offset);
        for (int k = 0; k < n->shape.rank; k++) h = mix(h, (uint64_t)n->stride[k]);
    }
    return h ^ h >> 15;
}

/* Copies are parts of one value each, and values with parts have them as inputs. */
static bool can_share(const ir_node *n) {
    return n->kind != IR_COPY && n->kind != IR_PARTS && !ir_is_scatter(n->kind);
}

/* The node, or an equal one that is there. `node` has n_in set; in are its new inputs. */
static int emit(simplifier *s, const ir_node *node, const int *in) {
    if (!s->cse || !can_share(node)) return ir_add(s->to, node, in, node->n_in);
    unsigned slot = hash_node(node, in) & s->mask;
    for (; s->table[slot] != 0; slot = (slot + 1) & s->mask)
        if (same_node(node, in, &s->to->nodes[s->table[slot] - 1])) return s->table[slot] - 1;
    int number = ir_add(s->to, node, in, node->n_in);
    if (s->to->error.status == HEBB_OK && (unsigned)number < s->mask) s->table[slot] = number + 1;
    return number;
}

static int emit_view(simplifier *s, int x, hebb_shape shape, const hb_view *view,
                     const hebb_tensor *origin) {
    ir_node node = {.kind = IR_VIEW,
                    .dtype = s->to->nodes[x].dtype,
                    .shape = shape,
                    .n_in = 1,
                    .offset = view->offset,
                    .origin = origin};
    for (int k = 0; k < shape.rank; k++) node.stride[k] = shape.dim[k] == 1 ? 0 : view->stride[k];
    return emit(s, &node, &x);
}

static int emit_scalar(simplifier *s, hb_code code, const ir_node *like, int a, int b) {
    ir_node node = {.kind = IR_SCALAR,
                    .code = code,
                    .dtype = like->dtype,
                    .shape = like->shape,
                    .n_in = b < 0 ? 1 : 2,
                    .origin = like->origin};
    return emit(s, &node, (int[]){a, b});
}

static int emit_full(simplifier *s, const ir_node *like, ir_node value) {
    ir_node node = {.kind = IR_FULL, .dtype = like->dtype, .shape = like->shape, .imm = value.imm};
    return emit(s, &node, NULL);
}

/* ---- rules: each returns the new node's number, or -1 if it does not apply ---- */

static const ir_node *get(const simplifier *s, int number) { return &s->to->nodes[number]; }

static bool is_constant(const simplifier *s, int number, double value) {
    const ir_node *n = get(s, number);
    return n->kind == IR_FULL &&
           (hb_floating(n->dtype) ? n->imm.f == value : (double)n->imm.i == value);
}

static int fold_scalar(simplifier *s, const ir_node *node, const int *in) {
    const ir_node *constant[3] = {NULL, NULL, NULL};
    if (node->code == HB_USER) return -1; /* the device computes it, whatever its precision */
    for (int k = 0; k < node->n_in; k++) {
        constant[k] = get(s, in[k]);
        if (constant[k]->kind != IR_FULL) return -1;
    }
    ir_node value = {.dtype = node->dtype};
    hb_fold_scalar(node->code, node->dtype, constant[0]->dtype, constant, &value);
    return emit_full(s, node, value);
}

static bool is_power_of_two(double x) {
    int exponent;
    return fabs(frexp(x, &exponent)) == 0.5 && exponent > -100 && exponent < 100;
}

/* x / c as x times 1 / c where that is exact. */
static int divide(simplifier *s, const ir_node *node, const int *in) {
    const ir_node *c = get(s, in[1]);
    if (is_constant(s, in[1], 1)) return in[0];
    if (c->kind != IR_FULL || !hb_floating(c->dtype) || !is_power_of_two(c->imm.f)) return -1;
    ir_node inverse = *c;
    inverse.imm.f = 1 / c->imm.f;
    return emit_scalar(s, HB_MUL, node, in[0], emit_full(s, c, inverse));
}

static int negate_other(simplifier *s, const ir_node *node, const int *in, int constant) {
    return is_constant(s, in[constant], -1) ? emit_scalar(s, HB_NEG, node, in[1 - constant], -1)
                                            : -1;
}

/* The operand of a negation, -1 if it is none. */
static int negated(const simplifier *s, int number) {
    const ir_node *n = get(s, number);
    return n->kind == IR_SCALAR && n->code == HB_NEG ? n->in[0] : -1;
}

static int add(simplifier *s, const ir_node *node, const int *in) {
    if (is_constant(s, in[1], 0)) return in[0];
    if (is_constant(s, in[0], 0)) return in[1];
    if (negated(s, in[1]) >= 0) return emit_scalar(s, HB_SUB, node, in[0], negated(s, in[1]));
    if (negated(s, in[0]) >= 0) return emit_scalar(s, HB_SUB, node, in[1], negated(s, in[0]));
    return ir_add_parts(s->to, in[0], in[1]);
}

static int subtract(simplifier *s, const ir_node *node, const int *in) {
    if (is_constant(s, in[1], 0)) return in[0];
    if (is_constant(s, in[0], 0)) return emit_scalar(s, HB_NEG, node, in[1], -1);
    return negated(s, in[1]) >= 0 ? emit_scalar(s, HB_ADD, node, in[0], negated(s, in[1])) : -1;
}

static int multiply(simplifier *s, const ir_node *node, const int *in) {
    if (is_constant(s, in[1], 1)) return in[0];
    if (is_constant(s, in[0], 1)) return in[1];
    int result = negate_other(s, node, in, 1);
    return result >= 0 ? result : negate_other(s, node, in, 0);
}

static int power(simplifier *s, const ir_node *node, const int *in) {
    if (is_constant(s, in[1], 1)) return in[0];
    return is_constant(s, in[1], 2) ? emit_scalar(s, HB_MUL, node, in[0], in[0]) : -1;
}

static int select_one(simplifier *s, const ir_node *node, const int *in) {
    if (in[1] == in[2]) return in[1];
    if (get(s, in[0])->kind != IR_FULL) return -1;
    return get(s, in[0])->imm.i ? in[1] : in[2];
}

/* f16 or bf16 to f32 and back is what it was. */
static int cast(const simplifier *s, const ir_node *node, int x) {
    const ir_node *from = get(s, x);
    if (from->dtype == node->dtype) return x;
    bool back = hb_half(node->dtype) && from->kind == IR_SCALAR && from->code == HB_CAST &&
                get(s, from->in[0])->dtype == node->dtype;
    return back ? from->in[0] : -1;
}

/* A function of constants and a small computed value, whose elements are shown many times: computed
   of the value, then shown. */
static int before_view(simplifier *s, const ir_node *node, const int *in) {
    int at = 0;
    while (at < node->n_in && get(s, in[at])->kind == IR_FULL) at++;
    if (at == node->n_in || node->code == HB_USER) return -1;
    const ir_node shown = *get(s, in[at]);
    if (shown.kind != IR_VIEW || shown.imm.i != 0) return -1;
    const ir_node value = *get(s, shown.in[0]);
    if (value.kind != IR_SCALAR ||
        2 * hebb_shape_count(value.shape) > hebb_shape_count(node->shape))
        return -1;
    int of_value[3];
    for (int k = 0; k < node->n_in; k++) {
        ir_node like = {.dtype = get(s, in[k])->dtype, .shape = value.shape};
        if (get(s, in[k])->kind == IR_FULL) of_value[k] = emit_full(s, &like, *get(s, in[k]));
        else if (in[k] == in[at]) of_value[k] = shown.in[0];
        else return -1;
    }
    ir_node computed = *node;
    computed.shape = value.shape;
    hb_view view = {.offset = shown.offset};
    memcpy(view.stride, shown.stride, sizeof view.stride);
    return emit_view(s, emit(s, &computed, of_value), node->shape, &view, node->origin);
}

static int simplify_scalar(simplifier *s, const ir_node *node, const int *in) {
    int result = fold_scalar(s, node, in);
    if (result < 0) result = before_view(s, node, in);
    if (result >= 0) return result;
    switch (node->code) {
    case HB_ADD: return add(s, node, in);
    case HB_SUB: return subtract(s, node, in);
    case HB_MUL: return multiply(s, node, in);
    case HB_DIV: return divide(s, node, in);
    case HB_POW: return power(s, node, in);
    case HB_SELECT: return select_one(s, node, in);
    case HB_NEG: return negated(s, in[0]);
    case HB_CAST: return cast(s, node, in[0]);
    case HB_MAX:
    case HB_MIN:
    case HB_AND:
    case HB_OR: return in[0] == in[1] ? in[0] : -1;
    default: return -1;
    }
}

static int simplify_view(simplifier *s, const ir_node *node, int x) {
    const ir_node *from = get(s, x);
    if (node->imm.i != 0) return -1;
    if (from->kind == IR_FULL) return emit_full(s, node, *from);
    hb_view view = {.offset = node->offset}, both;
    memcpy(view.stride, node->stride, sizeof view.stride);
    if (hebb_shape_equal(from->shape, node->shape) && hb_is_contiguous(node->shape, &view))
        return x;
    if (from->kind != IR_VIEW || from->imm.i != 0) return -1;
    hb_view inner = {.offset = from->offset};
    memcpy(inner.stride, from->stride, sizeof inner.stride);
    int base = from->in[0];
    if (!hb_compose(node->shape, &view, from->shape, &inner, &both)) return -1;
    if (hebb_shape_equal(get(s, base)->shape, node->shape) && hb_is_contiguous(node->shape, &both))
        return base;
    return emit_view(s, base, node->shape, &both, node->origin);
}

/* ---- sums of products with what is the same all along the sum ---- */

static bool is_invariant_along(const simplifier *s, int x, int axis) {
    const ir_node *n = get(s, x);
    if (n->kind == IR_FULL) return true;
    return n->kind == IR_VIEW && n->imm.i == 0 && (n->shape.dim[axis] == 1 || n->stride[axis] == 0);
}

static bool is_invariant(const simplifier *s, const ir_node *sum, int x) {
    for (int k = 0; k < get(s, x)->shape.rank; k++)
        if (sum->reduce[k] && !is_invariant_along(s, x, k)) return false;
    return true;
}

/* It without the axes of the sum. */
static int without_axes(simplifier *s, const ir_node *sum, int x) {
    const ir_node n = *get(s, x);
    if (n.kind == IR_FULL) return emit_full(s, sum, n);
    hb_view view = {.offset = n.offset};
    for (int k = 0, rank = 0; k < n.shape.rank; k++)
        if (!sum->reduce[k]) view.stride[rank++] = n.stride[k];
    return emit_view(s, n.in[0], sum->shape, &view, sum->origin);
}

enum { MOST_DEPTH = 4 }; /* of sums in the sum: 16 terms */

static int sum_of(simplifier *s, const ir_node *sum, int x, int depth);

/* The sum of x times y, where y is the same along some of the axes: x is summed along these first.
   -1 if there are none, or few elements along them. Without this, what differs from channel to
   channel would keep a sum over a group of channels from sharing the pass of other sums. */
static int sum_in_two(simplifier *s, const ir_node *sum, int x, int y, int depth) {
    enum { FEWEST = 16 };
    const hebb_shape from = get(s, x)->shape;
    ir_node inner = *sum, outer = *sum;
    int64_t same = 1;
    inner.shape.rank = 0;
    for (int k = 0; k < from.rank; k++) {
        inner.reduce[k] = sum->reduce[k] && is_invariant_along(s, y, k);
        if (inner.reduce[k]) same *= from.dim[k];
        else outer.reduce[inner.shape.rank] = sum->reduce[k];
        if (!inner.reduce[k]) inner.shape.dim[inner.shape.rank++] = from.dim[k];
    }
    if (same < FEWEST) return -1;
    const int rest = sum_of(s, &inner, x, depth + 1);
    const int product = emit_scalar(s, HB_MUL, &inner, rest, without_axes(s, &inner, y));
    return emit(s, &outer, &product);
}

/* The sum of x by way of sums of its terms without their invariant factors; -1 if a term has none.
   Those sums need not wait for the factors, which may be results of other sums over the same. */
static int factored_sum(simplifier *s, const ir_node *sum, int x, int depth) {
    const ir_node n = *get(s, x);
    if (n.kind != IR_SCALAR || depth == MOST_DEPTH) return -1;
    if (n.code == HB_NEG)
        return emit_scalar(s, HB_NEG, sum, sum_of(s, sum, n.in[0], depth + 1), -1);
    if (n.code == HB_MUL)
        for (int k = 0; k < 2; k++)
            if (is_invariant(s, sum, n.in[k])) {
                const int rest = sum_of(s, sum, n.in[1 - k], depth + 1);
                return emit_scalar(s, HB_MUL, sum, rest, without_axes(s, sum, n.in[k]));
            }
    for (int k = 0; k < 2 && n.code == HB_MUL; k++) {
        const int two = sum_in_two(s, sum, n.in[1 - k], n.in[k], depth);
        if (two >= 0) return two;
    }
    if (n.code != HB_ADD && n.code != HB_SUB) return -1;
    const int a = factored_sum(s, sum, n.in[0], depth + 1);
    const int b = a < 0 ? -1 : factored_sum(s, sum, n.in[1], depth + 1);
    return b < 0 ? -1 : emit_scalar(s, n.code, sum, a, b);
}

static int sum_of(simplifier *s, const ir_node *sum, int x, int depth) {
    const int factored = factored_sum(s, sum, x, depth);
    return factored >= 0 ? factored : emit(s, sum, &x);
}

/* Nothing is reduced: the axes have one element each. */
static bool is_single(const ir_node *node, hebb_shape from) {
    for (int k = 0; k < from.rank; k++)
        if (node->reduce[k] && from.dim[k] != 1) return false;
    return true;
}

static int simplify_reduce(simplifier *s, const ir_node *node, int x) {
    const hebb_shape from = get(s, x)->shape;
    const bool rounds_late = node->dtype == HEBB_F32 || node->dtype == HEBB_F64;
    if (is_single(node, from)) {
        hb_view view = hb_contiguous(node->shape);
        return hebb_shape_equal(from, node->shape)
                   ? x
                   : emit_view(s, x, node->shape, &view, node->origin);
    }
    if (node->code != HB_SUM || !rounds_late || hebb_shape_count(from) == 0) return -1;
    return factored_sum(s, node, x, 0);
}

static int simplify_node(simplifier *s, const ir_node *node, const int *in) {
    switch (node->kind) {
    case IR_SCALAR: return simplify_scalar(s, node, in);
    case IR_VIEW: return simplify_view(s, node, in[0]);
    case IR_REDUCE: return simplify_reduce(s, node, in[0]);
    default: return -1;
    }
}

/* ---- the walk ---- */

/* Marks what the fetches and assignments need. */
static void mark_live(const hb_ir *from, bool *live) {
    for (int k = 0; k < from->n_fetches; k++)
        if (from->fetches[k] >= 0) live[from->fetches[k]] = true;
    for (int k = 0; k < from->n_assigns; k++) live[from->assigns[k].value] = true;
    for (int k = from->n_nodes - 1; k >= 0; k--)
        for (int i = 0; live[k] && i < from->nodes[k].n_in; i++) live[from->nodes[k].in[i]] = true;
    for (int k = 0; k < from->n_nodes; k++) /* a step writes all of its outputs */
        if (from->nodes[k].kind == IR_OUTPUT && live[from->nodes[k].in[0]]) live[k] = true;
}

static void rewrite(simplifier *s, int old, int *in) {
    const ir_node *node = &s->from->nodes[old];
    for (int k = 0; k < node->n_in; k++) in[k] = s->number[node->in[k]];
    int number = s->fold ? simplify_node(s, node, in) : -1;
    if (number < 0) number = emit(s, node, in);
    s->number[old] = number;
    if (s->to->error.status != HEBB_OK || can_share(node)) return;
    for (int k = 0; k < node->n_in; k++)
        if (s->to->nodes[in[k]].kind == IR_COPY && node->kind != IR_COPY)
            s->to->nodes[in[k]].into = number;
}

/* The rest of the ir: buffers as they are, fetches and assignments renumbered. */
static void carry_over(simplifier *s) {
    const hb_ir *from = s->from;
    hb_ir *to = s->to;
    to->n_buffers = from->n_buffers;
    to->buffers = ir_memory(to, (size_t)from->n_buffers * sizeof *to->buffers);
    to->fetches = ir_memory(to, (size_t)from->n_fetches * sizeof *to->fetches);
    to->assigns = ir_memory(to, (size_t)from->n_assigns * sizeof *to->assigns);
    if (to->error.status != HEBB_OK) return;
    memcpy(to->buffers, from->buffers, (size_t)from->n_buffers * sizeof *to->buffers);
    to->n_fetches = from->n_fetches;
    for (int k = 0; k < from->n_fetches; k++)
        to->fetches[k] = from->fetches[k] < 0 ? -1 : s->number[from->fetches[k]];
    to->n_assigns = from->n_assigns;
    for (int k = 0; k < from->n_assigns; k++)
        to->assigns[k] = (ir_assign){from->assigns[k].buffer, s->number[from->assigns[k].value]};
}

static void prune_once(const hb_ir *from, bool fold, bool cse, hb_ir *to) {
    simplifier s = {.from = from, .to = to, .fold = fold, .cse = cse, .mask = 63};
    int most = 1;
    for (int k = 0; k < from->n_nodes; k++)
        if (from->nodes[k].n_in > most) most = from->nodes[k].n_in;
    while (s.mask < 4u * (unsigned)from->n_nodes) s.mask = 2 * s.mask + 1;
    bool *live = calloc((size_t)from->n_nodes + 1, sizeof *live);
    s.number = calloc((size_t)from->n_nodes + 1, sizeof *s.number);
    s.table = calloc((size_t)s.mask + 1, sizeof *s.table);
    int *in = calloc((size_t)most, sizeof *in);
    if (live == NULL || s.number == NULL || s.table == NULL || in == NULL)
        hb_fail_memory(&to->error, "a plan", ((size_t)s.mask + 1) * sizeof *s.table);
    else {
        mark_live(from, live);
        for (int k = 0; k < from->n_nodes && to->error.status == HEBB_OK; k++)
            if (live[k]) rewrite(&s, k, in);
        if (to->error.status == HEBB_OK) carry_over(&s);
    }
    free(live);
    free(s.number);
    free(s.table);
    free(in);
}

/* Twice: what the rules replaced is dead only after the first walk. */
hebb_status hb_simplify(const hb_ir *from, bool fold, bool cse, hb_ir *to, hb_error *error) {
    hb_ir between = {0};
    *to = (hb_ir){0};
    prune_once(from, fold, cse, &between);
    if (between.error.status == HEBB_OK) prune_once(&between, fold, cse, to);
    hebb_status status = between.error.status != HEBB_OK ? between.error.status : to->error.status;
    if (status != HEBB_OK) *error = between.error.status != HEBB_OK ? between.error : to->error;
    ir_free(&between);
    return status;
}
