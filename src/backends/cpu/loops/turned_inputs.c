/* LOOPs of which some inputs lie side by side along another dimension than the one that they are
   best walked along, as in x + transpose(y): those are copied first, turned around (turned.c), and
   then the LOOP reads all of them in whole vectors. By tiles alone, each element would come from a
   line of its own, which comes again for every row. Called through its solver. */
#include <stdlib.h>

#include "loop.h"

/* Bytes from which elements lie apart, each in a line of its own; the least sizes of dimensions;
   and how many elements are worth a copy: the lines of fewer are in the second-level cache when
   they come again. */
enum { LINE = 64, LEAST = 8, MANY = 128 << 10 };

/* A copy as a step. */
typedef struct copy {
    hb_step step;
    hb_operand in;
    hb_output out;
    hb_instr instr;
    void *state;
} copy;

typedef struct state {
    hb_loop loop; /* simplified; its inputs are the copies, where there are any */
    hb_cpu_loop *prepared;
    int n;
    copy copy[]; /* [n] */
} state;

/* The dimension that the results lie along; without any, that of the loop's tiles. */
static int inner_of(const hb_loop *loop) {
    for (int i = 0; i < loop->n_out; i++)
        for (int k = 0; k < loop->rank; k++)
            if (loop->out[i].value < loop->n_pre && loop->out[i].to.stride[k] == 1 &&
                loop->dim[k] >= LEAST)
                return k;
    return hb_cpu_order_of(loop).dim[loop->rank - 1];
}

static bool lies_across(const hb_loop *loop, const hb_operand *o, int inner) {
    const int64_t size = (int64_t)hebb_dtype_size(o->dtype);
    if (o->buffer < 0 || llabs(o->stride[inner]) * size < LINE || loop->dim[inner] < LEAST)
        return false;
    bool side_by_side = false;
    for (int k = 0; k < loop->rank; k++)
        side_by_side = side_by_side || (o->stride[k] == 1 && loop->dim[k] >= LEAST);
    return side_by_side && hb_cpu_elements(loop, o) >= MANY;
}

static size_t bytes_of(const hb_loop *loop, const hb_operand *o) {
    const size_t bytes = (size_t)hb_cpu_elements(loop, o) * hebb_dtype_size(o->dtype);
    return hb_round_up(bytes, 64);
}

/* How many inputs are copied, and into how many bytes. */
static int count(const hb_loop *step, size_t *bytes) {
    hb_loop loop;
    hb_error ignored;
    int n = 0;
    *bytes = 0;
    if (step->rank < 2 || hb_cpu_simplify(step, &loop, &ignored)) return 0;
    const int inner = loop.rank > 1 ? inner_of(&loop) : -1;
    for (int i = 0; i < loop.n_in && inner >= 0; i++)
        if (lies_across(&loop, &loop.in[i], inner)) {
            *bytes += bytes_of(&loop, &loop.in[i]);
            n++;
        }
    hb_cpu_simple_free(&loop);
    return n;
}

static bool can_do(const hb_device *device, const hb_step *step) {
    size_t bytes;
    return count(&step->u.loop, &bytes) > 0;
}

static double cost(const hb_device *device, const hb_step *step) { return step->bytes / 25.0; }

static size_t scratch(const hb_device *device, const hb_step *step) {
    size_t bytes;
    (void)count(&step->u.loop, &bytes);
    return bytes;
}

/* Makes the copy's step, and the input the copy: dense, its last dimension `inner`. */
static void make_copy(const hb_loop *loop, int inner, size_t offset, hb_operand *input, copy *c) {
    int from[HEBB_MAX_RANK], rank = 0;
    for (int k = 0; k < loop->rank; k++)
        if (k != inner && input->stride[k] != 0) from[rank++] = k;
    from[rank++] = inner;
    *c = (copy){.step = {.kind = HB_LOOP, .name = "copy"},
                .in = *input,
                .out.to = {.buffer = HB_BUFFER_ARENA,
                           .dtype = input->dtype,
                           .offset = (int64_t)(offset / hebb_dtype_size(input->dtype))},
                .instr = {.code = HB_LOAD, .dtype = (uint8_t)input->dtype, .b = -1, .c = -1}};
    hb_loop *to = &c->step.u.loop;
    *to = (hb_loop){.rank = rank, .n_in = 1, .n_out = 1, .n_instr = 1, .n_pre = 1};
    to->in = &c->in;
    to->out = &c->out;
    to->instr = &c->instr;
    const hb_operand whole = *input;
    *input = c->out.to;
    for (int64_t k = rank - 1, next = 1; k >= 0; next *= to->dim[k--]) {
        to->dim[k] = loop->dim[from[k]];
        c->in.stride[k] = whole.stride[from[k]];
        c->out.to.stride[k] = input->stride[from[k]] = next;
    }
}

static hebb_status make_copies(hb_device *device, const hb_step *step, state *s, hb_error *error) {
    const int inner = inner_of(&s->loop);
    size_t at = (size_t)step->scratch_offset;
    for (int i = 0; i < s->loop.n_in; i++) {
        hb_operand *input = &s->loop.in[i];
        if (!lies_across(&s->loop, input, inner)) continue;
        copy *c = &s->copy[s->n];
        const size_t bytes = bytes_of(&s->loop, input);
        make_copy(&s->loop, inner, at, input, c);
        const hebb_status status = hb_cpu_turned.prepare(device, &c->step, &c->state, error);
        if (status) return status;
        s->n++;
        at += bytes;
    }
    return HEBB_OK;
}

static void release(void *state_) {
    state *s = state_;
    for (int i = 0; i < s->n; i++) hb_cpu_turned.release(s->copy[i].state);
    hb_cpu_loop_release(s->prepared);
    hb_cpu_simple_free(&s->loop);
    free(s);
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **made, hb_error *error) {
    size_t ignored;
    *made = NULL;
    const size_t bytes = sizeof(state) + (size_t)count(&step->u.loop, &ignored) * sizeof(copy);
    state *s = calloc(1, bytes);
    if (!s) return hb_fail_memory(error, "a loop", bytes);
    hebb_status status = hb_cpu_simplify(&step->u.loop, &s->loop, error);
    if (!status) status = make_copies(device, step, s, error);
    if (!status) status = hb_cpu_loop_prepare(device, &s->loop, &s->prepared, error);
    if (status) release(s);
    else *made = s;
    return status;
}

static void run(hb_device *device, const void *state_, const hb_run_args *args) {
    const state *s = state_;
    for (int i = 0; i < s->n; i++) hb_cpu_turned.run(device, s->copy[i].state, args);
    hb_cpu_loop_run(device, s->prepared, args);
}

const hb_cpu_solver hb_cpu_turned_inputs = {.name = "inputs turned first",
                                            .kind = HB_LOOP,
                                            .can_do = can_do,
                                            .cost = cost,
                                            .scratch = scratch,
                                            .prepare = prepare,
                                            .run = run,
                                            .release = release};
