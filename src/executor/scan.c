/* From a SCAN to a step: its body becomes an ir of its own, and what the body reads and writes are
   slices of the step's operands. Called by specialize.c; plan.c makes the body's steps.

   A state that somebody wants of every iteration is kept in memory for T + 1 values, where each
   iteration reads one and writes the next; any other in two places that take turns. */
#include <stdlib.h>
#include <string.h>

#include "specialize.h"

/* Where the value of a body's tensor of each iteration goes. */
typedef struct stack {
    const hebb_tensor *x;
    int node;      /* the ir node of the output */
    int64_t first; /* the iteration at position 0, counted in elements of x */
} stack;

typedef struct carried {
    bool live, every;     /* is carried at all; all values are kept */
    int input, node;      /* operand of its first value, ir node of the output */
    int read, write;      /* the body's buffers */
    int64_t places, last; /* kept values, and which is the last */
} carried;

struct hb_lowered_scan {
    carried *state;
    int n_stacks;
    stack *stacks;
};

typedef struct scan_lowering {
    specializer *s; /* of what is around the scan */
    const hebb_tensor *t;
    const hb_scan_info *info;
    hb_lowered_scan *result;
    ir_body *body;
    specializer b; /* of the body */
    int64_t times;
    int n_in, n_out; /* operands of the step */
    int *in;
    hb_signature *out;
    bool *bound, *captured, *hoisted; /* by graph id: what the body reads from buffers; of it,
                                         captures, and what was computed before the scan */
    int n_hoisted;
} scan_lowering;

static int64_t bytes_of(const hb_signature *x) {
    return hebb_shape_count(x->shape) * (int64_t)hebb_dtype_size(x->dtype);
}

static const hb_signature *signature_of(const scan_lowering *l, const hebb_tensor *t) {
    return &l->s->signature[t->id];
}

/* ---- which tensors of the body are wanted ---- */

static bool is_result(const specializer *s, int id, hb_op op, const hebb_tensor *scan) {
    const hebb_tensor *node = s->graph->nodes[id];
    return node->op == op && s->needed[id] && node->in[0] == scan;
}

static void bind(scan_lowering *l) {
    const hb_scan_info *f = l->info;
    for (int k = 0; k < f->n_states; k++) l->bound[f->state[k]->id] = true;
    for (int k = 0; k < f->n_sequences; k++) l->bound[f->element[k]->id] = true;
    for (int k = 0; k < f->n_captures; k++) {
        const hebb_tensor *x = l->t->in[f->n_states + f->n_sequences + k];
        /* The body's plan is to know TRAINING itself. */
        l->bound[x->id] = l->captured[x->id] = x->op != HB_OP_TRAINING;
    }
}

/* From wanted tensors down to what is bound. */
static void mark_body(scan_lowering *l) {
    for (int id = l->b.n - 1; id >= 0; id--) {
        const hebb_tensor *node = l->s->graph->nodes[id];
        for (int k = 0; l->b.needed[id] && !l->bound[id] && k < node->n_in; k++)
            if (!hb_shape_only(node, k)) l->b.needed[node->in[k]->id] = true;
    }
}

/* Marks the next values of states that are wanted after the last iteration or in the next. */
static void mark_wanted(scan_lowering *l) {
    const hb_scan_info *f = l->info;
    for (int id = 0; id < l->s->n; id++) {
        const hebb_tensor *node = l->s->graph->nodes[id];
        if (is_result(l->s, id, HB_OP_SCAN_STACK, l->t)) {
            l->b.needed[node->in[1]->id] = true;
            l->result->n_stacks++;
        } else if (is_result(l->s, id, HB_OP_SCAN_LAST, l->t))
            l->result->state[node->attrs->index].live = true;
    }
    for (bool more = true; more;) {
        more = false;
        for (int k = 0; k < f->n_states; k++)
            if (l->result->state[k].live) l->b.needed[f->next[k]->id] = true;
        mark_body(l);
        for (int k = 0; k < f->n_states; k++) {
            if (l->result->state[k].live || !l->b.needed[f->state[k]->id]) continue;
            more = l->result->state[k].live = true;
        }
    }
}

/* What is the same in each iteration is bound, too: it comes from around the scan. */
static void hoist(scan_lowering *l) {
    l->n_hoisted = hb_find_invariants(&l->b, l->captured, l->bound, l->hoisted);
    if (l->n_hoisted == 0) return;
    for (int id = 0; id < l->b.n; id++) l->bound[id] = l->bound[id] || l->hoisted[id];
    memset(l->b.needed, 0, (size_t)l->b.n * sizeof *l->b.needed);
    l->result->n_stacks = 0;
    mark_wanted(l);
    hb_lower_invariants(l->s, l->captured, l->hoisted);
}

/* ---- operands and slides ---- */

/* A buffer of the body that is slices of an operand of the step; its number. */
static int add_slide(scan_lowering *l, const hebb_tensor *x, hb_slide slide) {
    hb_scan *scan = &l->body->scan;
    scan->slides[scan->n_slides++] = slide;
    l->body->raw.buffers[scan->n_slides].tensor = x;
    l->body->raw.buffers[scan->n_slides].written = false;
    return l->body->raw.n_buffers = scan->n_slides + 1, scan->n_slides;
}

/* Iteration t is at position t or, in reverse, T - 1 - t; `bytes` each, from position `from` on. */
static hb_slide along(const scan_lowering *l, bool output, int operand, int64_t bytes,
                      int64_t from) {
    int64_t start = l->info->reverse ? l->times - 1 : 0;
    return (hb_slide){.output = output,
                      .operand = operand,
                      .start = (start + from) * bytes,
                      .step = l->info->reverse ? -bytes : bytes,
                      .period = l->times > 0 ? l->times : 1};
}

static int add_in(scan_lowering *l, const hebb_tensor *x) {
    l->in[l->n_in] = IR_OF(l->s, x);
    return l->n_in++;
}

static int add_out(scan_lowering *l, const hb_signature *one, int64_t places) {
    hb_signature *out = &l->out[l->n_out];
    out->dtype = one->dtype;
    out->shape = HEBB_SHAPE(places * hebb_shape_count(one->shape));
    return l->n_out++;
}

/* The body reads a tensor from a buffer. */
static void read_from(scan_lowering *l, const hebb_tensor *x, int buffer) {
    ir_node node = {.kind = IR_BUFFER,
                    .dtype = signature_of(l, x)->dtype,
                    .shape = signature_of(l, x)->shape,
                    .buffer = buffer,
                    .origin = x};
    l->b.value[x->id] = ir_add(&l->body->raw, &node, NULL, 0);
}

static void lower_sequences(scan_lowering *l) {
    const hb_scan_info *f = l->info;
    for (int k = 0; k < f->n_sequences; k++) {
        const hebb_tensor *x = f->element[k];
        if (!l->b.needed[x->id]) continue;
        int operand = add_in(l, l->t->in[f->n_states + k]);
        hb_slide slide = along(l, false, operand, bytes_of(signature_of(l, x)), 0);
        read_from(l, x, add_slide(l, x, slide));
    }
    for (int k = 0; k < f->n_captures; k++) {
        const hebb_tensor *x = l->t->in[f->n_states + f->n_sequences + k];
        if (!l->b.needed[x->id] || x->op == HB_OP_TRAINING)
            continue; /* the body knows that itself */
        hb_slide slide = {.operand = add_in(l, x), .period = 1};
        read_from(l, x, add_slide(l, x, slide));
    }
    for (int id = 0; l->n_hoisted > 0 && id < l->b.n; id++) {
        const hebb_tensor *x = l->s->graph->nodes[id];
        if (!l->hoisted[id] || !l->b.needed[id]) continue;
        hb_slide slide = {.operand = add_in(l, x), .period = 1};
        read_from(l, x, add_slide(l, x, slide));
    }
}

/* The buffers of a state. Forwards, iteration t reads place t and writes place t + 1; in reverse,
   so that position p of a result is place p, it reads t' + 1 and writes t' = T - 1 - t. */
static void lower_state(scan_lowering *l, int k) {
    carried *c = &l->result->state[k];
    const hebb_tensor *x = l->info->state[k];
    /* That of x itself is known only if something in the body needs it. */
    const hb_signature *one = signature_of(l, l->t->in[k]);
    int64_t bytes = bytes_of(one);
    bool reverse = l->info->reverse;
    c->places = c->every ? l->times + 1 : 2;
    c->input = add_in(l, l->t->in[k]);
    int operand = c->node = add_out(l, one, c->places);
    hb_slide read = along(l, true, operand, bytes, reverse),
             write = along(l, true, operand, bytes, !reverse);
    int64_t first = reverse ? l->times : 0;
    c->last = l->times - first;
    if (!c->every) {
        read = (hb_slide){true, operand, 0, bytes, 2};
        write = (hb_slide){true, operand, bytes, -bytes, 2};
        first = 0;
        c->last = l->times % 2;
    }
    hb_scan *scan = &l->body->scan;
    scan->copies[scan->n_copies++] =
        (hb_scan_copy){c->input, operand, first * bytes, (size_t)bytes};
    if (l->b.needed[x->id]) read_from(l, x, add_slide(l, x, read));
    c->write = add_slide(l, l->info->next[k], write);
}

static void write_to(scan_lowering *l, const hebb_tensor *x, int buffer) {
    hb_ir *raw = &l->body->raw;
    raw->buffers[buffer].written = true;
    raw->assigns[raw->n_assigns++] = (ir_assign){buffer, l->b.value[x->id]};
}

/* The live state whose values these are; -1 if there is none. */
static int state_of(const scan_lowering *l, hebb_tensor *const *list, const hebb_tensor *x) {
    for (int k = 0; k < l->info->n_states; k++)
        if (list[k] == x && l->result->state[k].live) return k;
    return -1;
}

/* Each tensor whose stack is wanted, once; those that are states have a place already. */
static void list_stacks(scan_lowering *l) {
    hb_lowered_scan *r = l->result;
    r->n_stacks = 0;
    for (int id = 0; id < l->s->n; id++) {
        if (!is_result(l->s, id, HB_OP_SCAN_STACK, l->t)) continue;
        const hebb_tensor *x = l->s->graph->nodes[id]->in[1];
        bool known = false;
        for (int k = 0; k < r->n_stacks; k++) known = known || r->stacks[k].x == x;
        if (known) continue;
        int before = state_of(l, l->info->state, x), after = state_of(l, l->info->next, x);
        stack *s = &r->stacks[r->n_stacks++];
        *s = (stack){.x = x, .node = -1};
        if (before >= 0) r->state[before].every = true;
        else if (after >= 0) r->state[after].every = true;
    }
}

/* ---- the body ---- */

static void lower_body(scan_lowering *l) {
    for (int id = 0; id < l->b.n && l->body->raw.error.status == HEBB_OK; id++)
        if (l->b.needed[id] && !l->bound[id])
            l->b.value[id] = hb_lower_tensor(&l->b, l->s->graph->nodes[id]);
}

static void lower_results(scan_lowering *l, int *stack_buffer) {
    const hb_scan_info *f = l->info;
    hb_lowered_scan *r = l->result;
    for (int k = 0; k < r->n_stacks; k++) {
        stack *s = &r->stacks[k];
        int before = state_of(l, f->state, s->x), after = state_of(l, f->next, s->x);
        int64_t count = hebb_shape_count(signature_of(l, s->x)->shape);
        stack_buffer[k] = 0;
        if (before >= 0 || after >= 0) {
            s->node = r->state[before >= 0 ? before : after].node;
            s->first = (before >= 0) == f->reverse ? count : 0;
            continue;
        }
        const hb_signature *one = signature_of(l, s->x);
        s->node = add_out(l, one, l->times);
        stack_buffer[k] = add_slide(l, s->x, along(l, true, s->node, bytes_of(one), 0));
    }
}

/* ---- the step ---- */

static bool make_lists(scan_lowering *l) {
    const hb_scan_info *f = l->info;
    hb_ir *ir = l->s->ir, *raw = &l->body->raw;
    size_t states = (size_t)f->n_states + 1;
    size_t stacks = (size_t)l->result->n_stacks + 1;
    size_t slides =
        2 * states + (size_t)(f->n_sequences + f->n_captures + l->n_hoisted) + stacks + 1;
    l->in = ir_memory(ir, slides * sizeof *l->in);
    l->out = ir_memory(ir, slides * sizeof *l->out);
    l->result->stacks = ir_memory(ir, stacks * sizeof *l->result->stacks);
    l->body->scan.slides = ir_memory(raw, slides * sizeof *l->body->scan.slides);
    l->body->scan.copies = ir_memory(raw, states * sizeof *l->body->scan.copies);
    raw->buffers = ir_memory(raw, (slides + 1) * sizeof *raw->buffers);
    raw->assigns = ir_memory(raw, slides * sizeof *raw->assigns);
    raw->fetches = ir_memory(raw, sizeof *raw->fetches);
    raw->n_buffers = 1;

    return ir->error.status == HEBB_OK && raw->error.status == HEBB_OK;
}

/* A specializer for the body: on the same graph, with the same shapes. */
static bool start_body(scan_lowering *l) {
    hb_ir *ir = l->s->ir;
    size_t n = (size_t)l->s->n + 1;
    l->body = calloc(1, sizeof *l->body);
    if (l->body == NULL) {
        hb_fail_memory(&ir->error, "a plan", sizeof *l->body);
        return false;
    }
    l->body->next = ir->bodies;
    ir->bodies = l->body;
    l->b = *l->s;
    l->b.ir = &l->body->raw;
    l->b.needed = ir_memory(ir, n * sizeof *l->b.needed);
    l->b.value = ir_memory(ir, n * sizeof *l->b.value);
    l->b.buffer = ir_memory(ir, n * sizeof *l->b.buffer);
    l->b.scan = ir_memory(ir, n * sizeof *l->b.scan);
    l->bound = ir_memory(ir, n * sizeof *l->bound);
    l->captured = ir_memory(ir, n * sizeof *l->captured);
    l->hoisted = ir_memory(ir, n * sizeof *l->hoisted);
    l->result = ir_memory(ir, sizeof *l->result);
    if (l->result == NULL) return false;
    l->result->state = ir_memory(ir, (size_t)(l->info->n_states + 1) * sizeof *l->result->state);
    return ir->error.status == HEBB_OK;
}

static int add_step(scan_lowering *l) {
    hb_ir *ir = l->s->ir;
    l->body->scan.times = l->times;
    hb_step step = {.kind = HB_SCAN, .u.scan = &l->body->scan, .name = "scan"};
    ir_node node = {.kind = IR_STEP,
                    .dtype = l->out[0].dtype,
                    .shape = l->out[0].shape,
                    .step = &step,
                    .origin = l->t};
    int first = ir_add(ir, &node, l->in, l->n_in);
    for (int k = 1; k < l->n_out; k++) {
        ir_node output = {.kind = IR_OUTPUT,
                          .dtype = l->out[k].dtype,
                          .shape = l->out[k].shape,
                          .imm.i = k,
                          .origin = l->t};
        ir_add(ir, &output, &first, 1); /* numbers follow each other */
    }
    return first;
}

static int64_t number_of_times(const scan_lowering *l) {
    if (!l->info->like) return l->info->length;
    return signature_of(l, l->t->in[l->t->n_in - 1])->shape.dim[0];
}

int hb_lower_scan(specializer *s, const hebb_tensor *t) {
    scan_lowering l = {.s = s, .t = t, .info = t->attrs->scan};
    l.times = number_of_times(&l);
    if (!start_body(&l)) return 0;
    bind(&l);
    mark_wanted(&l);
    hoist(&l);
    if (!make_lists(&l)) goto failed;
    list_stacks(&l);
    lower_sequences(&l);
    for (int k = 0; k < l.info->n_states; k++)
        if (l.result->state[k].live) lower_state(&l, k);
    int *stack_buffer = ir_memory(s->ir, (size_t)(l.result->n_stacks + 1) * sizeof *stack_buffer);
    if (stack_buffer == NULL) return 0;
    lower_results(&l, stack_buffer);
    lower_body(&l);
    if (l.body->raw.error.status != HEBB_OK) goto failed;
    for (int k = 0; k < l.info->n_states; k++)
        if (l.result->state[k].live) write_to(&l, l.info->next[k], l.result->state[k].write);
    for (int k = 0; k < l.result->n_stacks; k++)
        if (stack_buffer[k] > 0) write_to(&l, l.result->stacks[k].x, stack_buffer[k]);
    int first = add_step(&l);
    for (int k = 0; k < l.info->n_states; k++) l.result->state[k].node += first;
    for (int k = 0; k < l.result->n_stacks; k++) l.result->stacks[k].node += first;
    s->scan[t->id] = l.result;
    return first;
failed:
    if (s->ir->error.status == HEBB_OK) s->ir->error = l.body->raw.error;
    return 0;
}

/* ---- its results: parts of what the step writes ---- */

static int part(specializer *s, const hebb_tensor *t, int node, int64_t offset) {
    hebb_shape shape = s->signature[t->id].shape;
    hb_view list = hb_contiguous(shape);
    return ir_view(s->ir, node, shape, hebb_shape_count(shape) > 0 ? offset : 0, list.stride, t);
}

int hb_lower_scan_stack(specializer *s, const hebb_tensor *t) {
    const hb_lowered_scan *scan = s->scan[t->in[0]->id];
    int k = 0;
    while (scan->stacks[k].x != t->in[1]) k++;
    return part(s, t, scan->stacks[k].node, scan->stacks[k].first);
}

int hb_lower_scan_last(specializer *s, const hebb_tensor *t) {
    const carried *c = &s->scan[t->in[0]->id]->state[t->attrs->index];
    return part(s, t, c->node, c->last * hebb_shape_count(s->signature[t->id].shape));
}
