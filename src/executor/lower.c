/* Writes the step of a group: the scalar program with its loads and stores; steps without one are
   lower_whole.c's. Called by fuse.c to see whether a group can be expressed, and by plan.c for
   good.
 */
#include <stdlib.h>
#include <string.h>

#include "fusion.h"

/* More than this is slower to run than two steps: a tile's registers leave the L1 cache, and
   devices limit the number of kernel arguments. */
enum { MOST_INPUTS = 20, MOST_OUTPUTS = 12, MOST_REDUCTIONS = 8, MOST_INSTRUCTIONS = 160 };

typedef enum phase { BEFORE, AFTER } phase; /* the reductions */

/* A value that is there already. */
typedef struct known {
    int node;
    hb_view view;
    int value;
} known;

typedef struct writer {
    hb_fusion *fusion;
    const hb_ir *ir;
    hb_group *group;
    bool final, failed;
    phase now;
    hebb_shape space; /* of the current phase */
    hb_loop *loop;
    int in_node[MOST_INPUTS];
    bool in_pointwise[MOST_INPUTS];
    int out_node[MOST_OUTPUTS];
    bool out_arena[MOST_OUTPUTS];
    hb_operand in[MOST_INPUTS];
    hb_output out[MOST_OUTPUTS];
    hb_instr instr[MOST_INSTRUCTIONS];
    known known[MOST_INSTRUCTIONS];
    int first_known, n_known;
    int depth; /* of the recursion over operands */
} writer;

static const ir_node *get(const writer *w, int node) { return &w->ir->nodes[node]; }

static bool is_member(const writer *w, int node) {
    return w->fusion->root[node] && w->fusion->group[node] >= 0 &&
           &w->fusion->groups[w->fusion->group[node]] == w->group;
}

static int fail(writer *w) {
    w->failed = true;
    return 0;
}

/* ---- instructions ---- */

static int add_instr(writer *w, hb_instr instr) {
    if (w->failed || w->loop->n_instr == MOST_INSTRUCTIONS) return fail(w);
    w->instr[w->loop->n_instr] = instr;
    return w->loop->n_instr++;
}

/* Operands are given for the dimensions of the current phase; in memory they have all of the
   space's, with stride 0 where it is reduced. */
static void spread(const writer *w, const int64_t *stride, int64_t *spread_stride) {
    int d = 0;
    for (int k = 0; k < w->group->space.rank; k++)
        spread_stride[k] = w->now == AFTER && w->group->reduce[k] ? 0 : stride[d++];
}

static bool same_operand(const hb_operand *a, const hb_operand *b, int rank) {
    return a->buffer == b->buffer && a->dtype == b->dtype && a->offset == b->offset &&
           memcmp(a->stride, b->stride, (size_t)rank * sizeof *a->stride) == 0;
}

static hb_operand operand_of(const writer *w, int node, const hb_view *view) {
    hb_operand operand = {.buffer = hb_buffer_of(w->fusion, node),
                          .dtype = get(w, node)->dtype,
                          .offset = view->offset};
    spread(w, view->stride, operand.stride);
    for (int k = 0; k < w->group->space.rank; k++)
        if (w->group->space.dim[k] == 1) operand.stride[k] = 0;
    return operand;
}

static bool is_pointwise(const writer *w, int node, const hb_view *view) {
    return hebb_shape_count(w->space) == hebb_shape_count(get(w, node)->shape) &&
           hb_is_contiguous(w->space, view);
}

static int load(writer *w, int node, const hb_view *view) {
    if (w->failed) return 0;
    hb_operand operand = operand_of(w, node, view);
    int k = 0;
    while (k < w->loop->n_in &&
           !(w->in_node[k] == node && same_operand(&w->in[k], &operand, w->loop->rank)))
        k++;
    if (k == MOST_INPUTS) return fail(w);
    if (k == w->loop->n_in) {
        w->in[k] = operand;
        w->in_node[k] = node;
        w->in_pointwise[k] = is_pointwise(w, node, view);
        w->loop->n_in++;
    }
    return add_instr(
        w,
        (hb_instr){
            .code = HB_LOAD, .dtype = (uint8_t)operand.dtype, .a = (int16_t)k, .b = -1, .c = -1});
}

static int constant(writer *w, const ir_node *n) {
    hb_instr instr = {.code = HB_CONST, .dtype = (uint8_t)n->dtype, .a = -1, .b = -1, .c = -1};
    instr.imm.i = n->imm.i; /* the union's bits, whichever member they are */
    return add_instr(w, instr);
}

static int value_of(writer *w, int node, const hb_view *view);

static int scalar(writer *w, int node, const hb_view *view) {
    const ir_node *n = get(w, node);
    int16_t operand[4] = {-1, -1, -1, -1};
    for (int k = 0; k < n->n_in && !w->failed; k++) {
        hb_ref ref = ir_ref(w->ir, n->in[k]);
        hb_view through;
        if (!hb_compose(w->space, view, n->shape, &ref.view, &through)) return fail(w);
        operand[k] = (int16_t)value_of(w, ref.base, &through);
        if (n->code == HB_CAST && get(w, n->in[k])->dtype == n->dtype)
            return operand[k]; /* a copy */
    }
    hb_instr instr = {.code = (uint8_t)n->code,
                      .dtype = (uint8_t)n->dtype,
                      .a = operand[0],
                      .b = operand[1],
                      .c = operand[2],
                      .d = operand[3],
                      .imm.user = n->imm.user};
    if (n->code != HB_USER) instr.imm.i = n->imm.i;
    return add_instr(w, instr);
}

/* A value computed in this very group is at hand only at the same point of the space. */
static int member(writer *w, int node, const hb_view *view) {
    const ir_node *n = get(w, node);
    if (!is_pointwise(w, node, view)) return fail(w);
    switch (n->kind) {
    case IR_MATMUL:
        return add_instr(
            w, (hb_instr){.code = HB_ACC, .dtype = (uint8_t)n->dtype, .a = -1, .b = -1, .c = -1});
    case IR_SCALAR: return scalar(w, node, view);
    case IR_FULL: return constant(w, n);
    default: return fail(w); /* a reduction is known once it has been made, and is not before */
    }
}

static int make_value(writer *w, int node, const hb_view *view) {
    const ir_node *n = get(w, node);
    if (is_member(w, node)) return member(w, node, view);
    if (w->fusion->root[node] || n->kind == IR_BUFFER || n->kind == IR_INDEX)
        return load(w, node, view);
    if (n->kind == IR_FULL) return constant(w, n);
    return n->kind == IR_SCALAR ? scalar(w, node, view) : fail(w);
}

static bool same_view(const writer *w, const hb_view *a, const hb_view *b) {
    if (a->offset != b->offset) return false;
    for (int k = 0; k < w->space.rank; k++)
        if (w->space.dim[k] != 1 && a->stride[k] != b->stride[k]) return false;
    return true;
}

static void remember(writer *w, int node, const hb_view *view, int value) {
    if (w->failed || w->n_known == MOST_INSTRUCTIONS) return;
    w->known[w->n_known++] = (known){node, *view, value};
}

static int value_of(writer *w, int node, const hb_view *view) {
    if (w->failed) return 0;
    bool constant_value = get(w, node)->kind == IR_FULL;
    for (int k = w->first_known; k < w->n_known; k++)
        if (w->known[k].node == node && (constant_value || same_view(w, &w->known[k].view, view)))
            return w->known[k].value;
    /* A chain this deep has more instructions than fit, and would use up the stack of a small
     * thread. */
    if (w->depth == MOST_INSTRUCTIONS) return fail(w);
    w->depth++;
    int value = make_value(w, node, view);
    w->depth--;
    remember(w, node, view, value);
    return value;
}

/* ---- outputs ---- */

static void store(writer *w, int node, int value, hb_operand to, bool arena) {
    if (w->failed || w->loop->n_out == MOST_OUTPUTS) {
        w->failed = true;
        return;
    }
    w->out[w->loop->n_out] = (hb_output){to, value};
    w->out_node[w->loop->n_out] = node;
    w->out_arena[w->loop->n_out++] = arena;
}

/* Stores the value of a root wherever it is wanted. */
static void store_root(writer *w, int node, int value) {
    const ir_node *n = get(w, node);
    if (w->failed) return;
    hb_view at = hb_contiguous(w->space);
    int owner = node;
    if (n->kind == IR_COPY) {
        if (!hebb_shape_equal(n->shape, w->space)) { /* its strides are for its own dimensions */
            w->failed = true;
            return;
        }
        owner = n->into;
        at.offset = n->offset;
        memcpy(at.stride, n->stride, sizeof at.stride);
    }
    hb_operand to = {.buffer = HB_BUFFER_ARENA, .dtype = n->dtype, .offset = at.offset};
    spread(w, at.stride, to.stride);
    const bool read = w->fusion->stored[owner] && hb_buffer_of(w->fusion, owner) == HB_BUFFER_ARENA;
    if (read || ir_is_scatter(get(w, owner)->kind)) store(w, owner, value, to, true);
    for (const hb_assign_target *t = w->fusion->assigned[owner]; t != NULL; t = t->next) {
        to.buffer = t->buffer;
        store(w, owner, value, to, false);
    }
}

/* The value of a root and its stores. Copies and views are loads from what they show. */
static void write_root(writer *w, int node) {
    const ir_node *n = get(w, node);
    hb_view own = hb_contiguous(w->space);
    int value;
    if (n->kind == IR_COPY || n->kind == IR_VIEW) {
        hb_ref ref = ir_ref(w->ir, n->kind == IR_COPY ? n->in[0] : node);
        value = value_of(w, ref.base, &ref.view);
    } else if (n->kind == IR_INDEX) value = load(w, node, &own);
    else value = value_of(w, node, &own);
    store_root(w, node, value);
}

/* ---- loops ---- */

static void begin_phase(writer *w, phase now) {
    w->now = now;
    w->first_known = w->n_known;
    w->space = w->group->space;
    if (now == BEFORE) return;
    w->space.rank = 0;
    for (int k = 0; k < w->group->space.rank; k++)
        if (!w->group->reduce[k]) w->space.dim[w->space.rank++] = w->group->space.dim[k];
}

/* Whether a member of a group with reductions is computed at every point, rather than after. */
static bool is_before(const writer *w, int node) {
    const ir_node *n = get(w, node);
    return n->kind != IR_REDUCE && hebb_shape_count(n->shape) == hebb_shape_count(w->group->space);
}

static void write_reductions(writer *w) {
    int reduced[MOST_REDUCTIONS], n = 0;
    for (int k = 0; k < w->group->n_members && !w->failed; k++) {
        const ir_node *m = get(w, w->group->members[k]);
        if (m->kind != IR_REDUCE) continue;
        if (n == MOST_REDUCTIONS) fail(w);
        if (w->failed) return;
        hb_ref ref = ir_ref(w->ir, m->in[0]);
        reduced[n++] = value_of(w, ref.base, &ref.view);
    }
    w->loop->n_pre = w->loop->n_instr;
    begin_phase(w, AFTER);
    n = 0;
    for (int k = 0; k < w->group->n_members && !w->failed; k++) {
        const ir_node *m = get(w, w->group->members[k]);
        if (m->kind != IR_REDUCE) continue;
        int value = add_instr(w, (hb_instr){.code = (uint8_t)m->code,
                                            .dtype = (uint8_t)m->dtype,
                                            .a = (int16_t)reduced[n++],
                                            .b = -1,
                                            .c = -1});
        hb_view own = hb_contiguous(w->space);
        remember(w, w->group->members[k], &own, value);
    }
}

static void write_loop(writer *w) {
    hb_group *g = w->group;
    begin_phase(w, BEFORE);
    bool reduces = g->kind == IR_REDUCE;
    for (int k = 0; k < g->n_members; k++)
        if (!reduces || is_before(w, g->members[k])) write_root(w, g->members[k]);
    w->loop->n_pre = w->loop->n_instr;
    if (!reduces) return;
    write_reductions(w);
    for (int k = 0; k < g->n_members; k++)
        if (!is_before(w, g->members[k])) write_root(w, g->members[k]);
}

/* ---- the step ---- */

static double elements(hebb_shape space, const hb_operand *operand, const bool *reduce) {
    double n = 1;
    for (int k = 0; k < space.rank; k++)
        if (operand->stride[k] != 0 || (reduce != NULL && !reduce[k])) n *= (double)space.dim[k];
    return n;
}

/* Work and traffic: every operand's own elements once. */
static void count_loop(const hb_loop *loop, hb_step *step) {
    hebb_shape space = hebb_shape_of(loop->rank, loop->dim);
    double points = (double)hebb_shape_count(space), kept = points;
    for (int k = 0; k < loop->rank; k++)
        if (loop->reduce[k] && loop->dim[k] > 0) kept /= (double)loop->dim[k];
    for (int k = 0; k < loop->n_instr; k++) {
        hb_code code = (hb_code)loop->instr[k].code;
        bool reduction = hb_is_reduction(code);
        step->flops += hb_code_flops(code) * (k < loop->n_pre || reduction ? points : kept);
    }
    for (int k = 0; k < loop->n_in; k++)
        if (loop->in[k].buffer != HB_BUFFER_INDEX)
            step->bytes +=
                elements(space, &loop->in[k], NULL) * (double)hebb_dtype_size(loop->in[k].dtype);
    for (int k = 0; k < loop->n_out; k++)
        step->bytes += elements(space, &loop->out[k].to, NULL) *
                       (double)hebb_dtype_size(loop->out[k].to.dtype);
}

/* "matmul + add + max": the instructions in order, without loads and constants. */
static const char *name_step(writer *w, const char *first) {
    char text[96];
    size_t at = (size_t)snprintf(text, sizeof text, "%s", first);
    for (int k = 0; k < w->loop->n_instr && at < sizeof text; k++) {
        hb_code code = (hb_code)w->instr[k].code;
        if (code == HB_LOAD || code == HB_CONST || code == HB_ACC) continue;
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", at > 0 ? "+" : "",
                               code == HB_USER ? w->instr[k].imm.user->name : hb_code_name(code));
    }
    if (at == 0) snprintf(text, sizeof text, "copy");
    else if (at >= sizeof text) memcpy(text + sizeof text - 4, "...", 4);
    char *copy = ir_memory(w->fusion->ir, strlen(text) + 1);
    return copy == NULL ? "" : strcpy(copy, text);
}

static void *keep(writer *w, const void *data, size_t bytes) {
    void *copy = ir_memory(w->fusion->ir, bytes);
    if (copy == NULL) w->failed = true;
    else memcpy(copy, data, bytes);
    return copy;
}

static void add_read(hb_group *g, hb_operand *operand, int node, bool pointwise) {
    g->places[g->n_places++] = (hb_place){.operand = operand, .node = node, .pointwise = pointwise};
}

/* An output; its node is -1 if it is a variable. Parts of a value are not at the value's own
 * points. */
static void add_written(writer *w, int k) {
    hb_group *g = w->group;
    ir_kind kind = get(w, w->out_node[k])->kind;
    g->places[g->n_places++] =
        (hb_place){.operand = &w->loop->out[k].to,
                   .node = w->out_arena[k] ? w->out_node[k] : -1,
                   .written = true,
                   .everywhere = g->kind == IR_REDUCE && w->loop->out[k].value < w->loop->n_pre,
                   .pointwise = kind != IR_PARTS && !ir_is_scatter(kind)};
}

/* Whether an input is loaded after the reductions. */
static bool is_late(const writer *w, int in) {
    for (int k = w->loop->n_pre; k < w->loop->n_instr; k++)
        if (w->instr[k].code == HB_LOAD && w->instr[k].a == in) return true;
    return false;
}

/* Moves what was written on the stack into the ir's memory. */
static void keep_loop(writer *w, int more_places) {
    hb_loop *loop = w->loop;
    hb_group *g = w->group;
    loop->in = keep(w, w->in, (size_t)loop->n_in * sizeof *loop->in);
    loop->out = keep(w, w->out, (size_t)loop->n_out * sizeof *loop->out);
    loop->instr = keep(w, w->instr, (size_t)loop->n_instr * sizeof *loop->instr);
    g->places = ir_memory(w->fusion->ir,
                          (size_t)(loop->n_in + loop->n_out + more_places) * sizeof *g->places);
    g->n_places = 0;
    if (w->failed || g->places == NULL) {
        w->failed = true;
        return;
    }
    for (int k = 0; k < loop->n_in; k++)
        if (loop->in[k].buffer != HB_BUFFER_INDEX) {
            add_read(g, &loop->in[k], w->in_node[k], w->in_pointwise[k]);
            g->places[g->n_places - 1].late = is_late(w, k);
        }
    for (int k = 0; k < loop->n_out; k++) add_written(w, k);
}

static void shape_loop(writer *w) {
    const hb_group *g = w->group;
    w->loop->rank = g->space.rank;
    memcpy(w->loop->dim, g->space.dim, sizeof w->loop->dim);
    memcpy(w->loop->reduce, g->reduce, sizeof w->loop->reduce);
}

static bool lower_loop(writer *w) {
    hb_step *step = &w->group->step;
    *step = (hb_step){.kind = HB_LOOP};
    w->loop = &step->u.loop;
    shape_loop(w);
    write_loop(w);
    if (!w->failed) keep_loop(w, 0);
    if (w->failed) return false;
    if (w->final) step->name = name_step(w, "");
    count_loop(w->loop, step);
    return true;
}

/* ---- matrix products ---- */

/* The operand of a matrix product in the group's space: batch dimensions that were merged into the
   rows are gone from it. */
static hb_operand matrix(const writer *w, const hb_ref *ref, int rank, int merged) {
    hb_operand operand = {.buffer = hb_buffer_of(w->fusion, ref->base),
                          .dtype = get(w, ref->base)->dtype,
                          .offset = ref->view.offset};
    for (int k = merged; k < rank; k++) operand.stride[k - merged] = ref->view.stride[k];
    return operand;
}

/* The one product among the members; what it is computed with may have smaller numbers. */
static const ir_node *product_of(const writer *w) {
    int k = 0;
    while (get(w, w->group->members[k])->kind != IR_MATMUL) k++;
    return get(w, w->group->members[k]);
}

static bool lower_gemm(writer *w) {
    hb_group *g = w->group;
    const ir_node *product = product_of(w);
    hb_ref a = ir_ref(w->ir, product->in[0]), b = ir_ref(w->ir, product->in[1]);
    if (is_member(w, a.base) || is_member(w, b.base)) return false; /* all of it is needed first */
    int rank = product->shape.rank, space_rank = g->space.rank, merged = rank - space_rank;
    hb_step *step = &g->step;
    *step = (hb_step){.kind = HB_GEMM};
    hb_gemm *gemm = &step->u.gemm;
    *gemm = (hb_gemm){.dtype = product->dtype,
                      .n_batch = space_rank - 2,
                      .m = g->space.dim[space_rank - 2],
                      .n = g->space.dim[space_rank - 1],
                      .k = get(w, product->in[0])->shape.dim[rank - 1],
                      .a = matrix(w, &a, rank, merged),
                      .b = matrix(w, &b, rank, merged)};
    memcpy(gemm->batch, g->space.dim, sizeof gemm->batch);
    if (product->bands != NULL && merged == 0) {
        gemm->banded = true;
        gemm->a_band = product->bands->a;
        gemm->b_band = product->bands->b;
        gemm->c_band = product->bands->c;
    }
    w->loop = &gemm->epilogue;
    shape_loop(w);
    write_loop(w);
    if (!w->failed) keep_loop(w, 2);
    if (w->failed) return false;
    add_read(g, &gemm->a, a.base, false);
    add_read(g, &gemm->b, b.base, false);
    if (w->final) step->name = name_step(w, "matmul");
    count_loop(&gemm->epilogue, step);
    double batch = 1, size = (double)hebb_dtype_size(gemm->dtype);
    for (int k = 0; k < gemm->n_batch; k++) batch *= (double)gemm->batch[k];
    double m = (double)gemm->m, n = (double)gemm->n, depth = (double)gemm->k;
    step->flops += 2 * batch * m * n * depth * (gemm->banded ? product->bands->share : 1);
    step->bytes += batch * (m * depth + depth * n) * size;
    return true;
}

/* ---- any step ---- */

bool hb_lower(hb_fusion *fusion, hb_group *group, bool final) {
    writer *w = malloc(sizeof *w); /* too big for the stack of a small thread */
    if (w == NULL) {
        hb_fail_memory(&fusion->ir->error, "a plan", sizeof *w);
        return false;
    }
    w->fusion = fusion;
    w->ir = fusion->ir;
    w->group = group;
    w->final = final;
    w->failed = false;
    w->n_known = w->depth = 0;
    bool done;
    switch (group->kind) {
    case IR_MATMUL: done = lower_gemm(w); break;
    case IR_GATHER:
    case IR_SCATTER_ADD:
    case IR_SCATTER_SET: done = hb_lower_indexed(fusion, group); break;
    case IR_STEP: done = hb_lower_whole(fusion, group); break;
    default: done = lower_loop(w); break;
    }
    free(w);
    return done && fusion->ir->error.status == HEBB_OK;
}
