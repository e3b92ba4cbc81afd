/* Small dimensions of a LOOP run through by instructions instead of by elements: max pooling with
   windows of 2 x 2 becomes four strided loads and three maxima along the width, where a row of two
   elements would cost as much as one of two hundred. Called by backends when a loop is prepared. */
#include <stdlib.h>

#include "unroll.h"

enum {
    MOST_POINTS = 16,        /* of the small dimensions together */
    MOST_INSTRUCTIONS = 256, /* afterwards */
};

typedef struct unroller {
    const hb_loop *from;
    hb_loop *to;
    const bool *small;
    bool *invariant; /* by instruction: the same at all points of the small dimensions */
    int16_t *value;  /* by instruction: what it has become at the current point */
} unroller;

/* What combines two results of a reduction; -1 for none. */
static int pairwise(const hb_instr *reduction) {
    static const int code[] = {HB_ADD, HB_MAX, HB_MIN, HB_MUL};
    if (reduction->dtype == HEBB_BOOL) return -1;
    return code[reduction->code - HB_SUM];
}

static int64_t points_of(const hb_loop *loop, const bool *small) {
    int64_t points = 1;
    for (int k = 0; k < loop->rank; k++)
        if (small[k] && (points *= loop->dim[k]) > MOST_POINTS) return MOST_POINTS + 1;
    return points;
}

bool hb_can_unroll(const hb_loop *loop, const bool *small) {
    for (int k = 0; k < loop->rank; k++)
        if (loop->reduce[k] && !small[k]) return false;
    for (int i = loop->n_pre; i < loop->n_instr; i++)
        if (hb_is_reduction(loop->instr[i].code) &&
            (pairwise(&loop->instr[i]) < 0 ||
             loop->instr[i].dtype != loop->instr[loop->instr[i].a].dtype))
            return false;
    const int64_t points = points_of(loop, small);
    return points >= 1 && points <= MOST_POINTS && points * loop->n_instr <= MOST_INSTRUCTIONS;
}

/* ---- instructions ---- */

static bool along_small(const unroller *u, const hb_operand *o) {
    for (int k = 0; k < u->from->rank; k++)
        if (u->small[k] && u->from->dim[k] > 1 && o->stride[k] != 0) return true;
    return false;
}

static bool operand_varies(const unroller *u, int value) {
    return value >= 0 && !u->invariant[value];
}

static void find_invariants(unroller *u) {
    for (int i = 0; i < u->from->n_pre; i++) {
        const hb_instr *instr = &u->from->instr[i];
        if (instr->code == HB_LOAD) u->invariant[i] = !along_small(u, &u->from->in[instr->a]);
        else
            u->invariant[i] = !operand_varies(u, instr->a) && !operand_varies(u, instr->b) &&
                              !operand_varies(u, instr->c) && !operand_varies(u, hb_fourth(instr));
    }
}

static int16_t append(unroller *u, hb_instr instr) {
    u->to->instr[u->to->n_instr] = instr;
    return (int16_t)u->to->n_instr++;
}

/* An operand at a point of the small dimensions, which are gone from it. */
static hb_operand shifted(const unroller *u, const hb_operand *o, const int64_t *at) {
    hb_operand result = {.buffer = o->buffer, .dtype = o->dtype, .offset = o->offset};
    for (int k = 0, rank = 0; k < u->from->rank; k++)
        if (u->small[k]) result.offset += at[k] * o->stride[k];
        else result.stride[rank++] = o->stride[k];
    return result;
}

static int16_t mapped(const unroller *u, int value) { return value < 0 ? -1 : u->value[value]; }

static void copy_instruction(unroller *u, int i, const int64_t *at) {
    hb_instr instr = u->from->instr[i];
    if (instr.code == HB_LOAD) {
        u->to->in[u->to->n_in] = shifted(u, &u->from->in[instr.a], at);
        instr.a = (int16_t)u->to->n_in++;
    } else {
        instr.a = mapped(u, instr.a);
        instr.b = mapped(u, instr.b);
        instr.c = mapped(u, instr.c);
        if (instr.code == HB_USER) instr.d = mapped(u, instr.d);
    }
    u->value[i] = append(u, instr);
}

/* Takes the values of one more point into the reductions. */
static void combine(unroller *u, bool first) {
    for (int i = u->from->n_pre; i < u->from->n_instr; i++) {
        const hb_instr *instr = &u->from->instr[i];
        if (!hb_is_reduction(instr->code)) continue;
        const int16_t value = u->value[instr->a];
        u->value[i] = first ? value
                            : append(u, (hb_instr){.code = (uint8_t)pairwise(instr),
                                                   .dtype = instr->dtype,
                                                   .a = u->value[i],
                                                   .b = value,
                                                   .c = -1});
    }
}

static void store(unroller *u, const hb_output *out, const int64_t *at) {
    u->to->out[u->to->n_out++] =
        (hb_output){.to = shifted(u, &out->to, at), .value = u->value[out->value]};
}

static void unroll_point(unroller *u, const int64_t *at, bool first) {
    for (int i = 0; i < u->from->n_pre; i++)
        if (first || !u->invariant[i]) copy_instruction(u, i, at);
    for (int i = 0; i < u->from->n_out; i++)
        if (u->from->out[i].value < u->from->n_pre) store(u, &u->from->out[i], at);
    combine(u, first);
}

/* The next point of the small dimensions; false after the last. */
static bool next_point(const unroller *u, int64_t *at) {
    for (int k = u->from->rank - 1; k >= 0; k--) {
        if (!u->small[k]) continue;
        if (++at[k] < u->from->dim[k]) return true;
        at[k] = 0;
    }
    return false;
}

static void unroll(unroller *u) {
    const hb_loop *from = u->from;
    int64_t at[HEBB_MAX_RANK] = {0};
    find_invariants(u);
    for (int k = 0; k < from->rank; k++)
        if (!u->small[k]) {
            u->to->reduce[u->to->rank] = from->reduce[k];
            u->to->dim[u->to->rank++] = from->dim[k];
        }
    bool first = true;
    do {
        unroll_point(u, at, first);
        first = false;
    } while (next_point(u, at));
    for (int i = from->n_pre; i < from->n_instr; i++)
        if (!hb_is_reduction(from->instr[i].code)) copy_instruction(u, i, at);
    for (int i = 0; i < from->n_out; i++)
        if (from->out[i].value >= from->n_pre) store(u, &from->out[i], at);
    u->to->n_pre = u->to->n_instr;
}

hebb_status hb_unroll(const hb_loop *loop, const bool *small, hb_loop *unrolled, hb_error *error) {
    const size_t points = (size_t)points_of(loop, small), n = points * (size_t)loop->n_instr;
    hb_loop to = {.in = malloc(n * sizeof *to.in),
                  .out = malloc(((size_t)loop->n_out * points + 1) * sizeof *to.out),
                  .instr = malloc(n * sizeof *to.instr)};
    unroller u = {.from = loop,
                  .to = &to,
                  .small = small,
                  .invariant = calloc((size_t)loop->n_instr + 1, sizeof *u.invariant),
                  .value = calloc((size_t)loop->n_instr + 1, sizeof *u.value)};
    hebb_status status = HEBB_OK;
    if (to.in && to.out && to.instr && u.invariant && u.value) unroll(&u);
    else status = hb_fail_memory(error, "a loop's instructions", n * sizeof *to.instr);
    free(u.invariant);
    free(u.value);
    *unrolled = to;
    if (status) hb_unrolled_free(unrolled);
    return status;
}

void hb_unrolled_free(hb_loop *unrolled) {
    free(unrolled->in);
    free(unrolled->out);
    free(unrolled->instr);
    *unrolled = (hb_loop){0};
}
