/* Random reductions that several work-items share: of enough points, in one dimension or in some
   that have others between them, which are kept. */
#include "step_cases.h"
#include "step_dice.h"

static int16_t emit(step_case *c, int code, hebb_dtype dtype, int a, int b) {
    c->instr[c->step.u.loop.n_instr] = (hb_instr){
        .code = (uint8_t)code, .dtype = (uint8_t)dtype, .a = (int16_t)a, .b = (int16_t)b, .c = -1};
    return (int16_t)c->step.u.loop.n_instr++;
}

/* A dense array over the dimensions used. */
static hb_operand dense(step_case *c, hebb_dtype dtype, const bool *used, bool is_input) {
    const hb_loop *loop = &c->step.u.loop;
    int64_t stride[HEBB_MAX_RANK] = {0}, size = 1;
    for (int k = loop->rank - 1; k >= 0; k--) {
        if (!used[k]) continue;
        stride[k] = size;
        size *= loop->dim[k];
    }
    hb_operand o = case_array_add(c, dtype, size, is_input);
    for (int k = 0; k < loop->rank; k++) o.stride[k] = stride[k];
    return o;
}

static int16_t load(step_case *c, hebb_dtype dtype, const bool *used) {
    hb_loop *loop = &c->step.u.loop;
    c->in[loop->n_in] = dense(c, dtype, used, true);
    return emit(c, HB_LOAD, dtype, loop->n_in++, -1);
}

static void store(step_case *c, hebb_dtype dtype, const bool *used, int value) {
    c->out[c->step.u.loop.n_out++] =
        (hb_output){.to = dense(c, dtype, used, false), .value = value};
}

/* Sizes of more points than an item takes at a time, with some left; kept ones that fill a group,
   or do not. */
static void choose_sizes(dice *d, hb_loop *loop, int64_t points) {
    static const int64_t kept[] = {1, 2, 3, 7, 8, 10, 31, 33, 64, 200, 700};
    static const int64_t reduced[] = {1, 2, 5, 9, 16, 33, 64, 100, 257, 700, 3000};
    loop->rank = 3;
    const int mask = 1 + (int)dice_below(d, 7);
    for (int k = 0; k < 3; k++) {
        loop->reduce[k] = mask >> k & 1;
        const int64_t *sizes = loop->reduce[k] ? reduced : kept;
        do loop->dim[k] = sizes[dice_below(d, 11)];
        while (loop->dim[k] > points);
        points /= loop->dim[k];
    }
}

/* Two reductions and a program behind them; what they are of is stored, too, in half of the cases.
 */
step_case *case_shared_reduction(uint64_t seed, case_limits limits) {
    dice d = {seed};
    step_case *c = case_new(seed);
    hb_loop *loop = &c->step.u.loop;
    *loop = (hb_loop){.in = c->in, .out = c->out, .instr = c->instr};
    choose_sizes(&d, loop, limits.points);
    const hebb_dtype dtype = dice_one_in(&d, 4)                 ? HEBB_I32
                             : limits.f64 && dice_one_in(&d, 4) ? HEBB_F64
                                                                : HEBB_F32;
    const bool all[] = {true, true, true}, some[] = {dice_one_in(&d, 2), true, dice_one_in(&d, 2)};
    bool kept[3];
    for (int k = 0; k < 3; k++) kept[k] = !loop->reduce[k];
    const int x = load(c, dtype, all);
    int of = x;
    if (dice_one_in(&d, 2)) of = emit(c, HB_MUL, dtype, x, load(c, dtype, some));
    loop->n_pre = loop->n_instr;
    if (dice_one_in(&d, 2)) store(c, dtype, all, of);
    const int sum = emit(c, HB_SUM, dtype, of, -1), most = emit(c, HB_REDMAX, dtype, x, -1);
    store(c, dtype, kept, sum);
    store(c, dtype, kept, emit(c, HB_ADD, dtype, most, load(c, dtype, kept)));
    case_finish(c);
    return c;
}
