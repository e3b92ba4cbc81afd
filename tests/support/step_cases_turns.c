/* Random loops whose operands take turns in memory: element i of one of them is next to element i
   of another, as in windows side by side. */
#include "step_cases.h"
#include "step_dice.h"

/* So many operands in one array: rows of `columns` elements of each in turns, and a gap. */
static void add_turns(step_case *c, dice *d, hebb_dtype dtype, int turns, int n, bool is_input,
                      hb_operand *operand) {
    const hb_loop *loop = &c->step.u.loop;
    const int64_t row = loop->dim[2] * turns + (dice_one_in(d, 2) ? 0 : dice_below(d, 5));
    const int64_t image = row * loop->dim[1] + (dice_one_in(d, 2) ? 0 : dice_below(d, 40));
    hb_operand o = case_array_add(c, dtype, image * loop->dim[0] + n, is_input);
    o.stride[0] = image;
    o.stride[1] = row;
    o.stride[2] = turns;
    for (int k = 0; k < n; k++, o.offset++) operand[k] = o;
}

static int16_t emit(step_case *c, int code, hebb_dtype dtype, int a, int b) {
    c->instr[c->step.u.loop.n_instr] = (hb_instr){
        .code = (uint8_t)code, .dtype = (uint8_t)dtype, .a = (int16_t)a, .b = (int16_t)b, .c = -1};
    return (int16_t)c->step.u.loop.n_instr++;
}

static void put(step_case *c, const hb_operand *to, int value) {
    c->out[c->step.u.loop.n_out++] = (hb_output){.to = *to, .value = value};
}

step_case *case_turns(uint64_t seed, case_limits limits) {
    static const int64_t columns[] = {1, 2, 3, 7, 12, 15, 16, 17, 31, 33, 64, 100, 257, 640, 1300};
    static const hebb_dtype dtypes[] = {HEBB_F32, HEBB_F32, HEBB_I32, HEBB_U8, HEBB_BOOL, HEBB_I8};
    dice d = {seed};
    step_case *c = case_new(seed);
    hb_loop *loop = &c->step.u.loop;
    const hebb_dtype dtype = dtypes[dice_below(&d, 6)];
    const int turns = hebb_dtype_size(dtype) == 4 ? 2 : 4, n = turns + (int)dice_below(&d, 3);
    *loop = (hb_loop){.rank = 3, .in = c->in, .out = c->out, .instr = c->instr};
    loop->dim[2] = columns[dice_below(&d, sizeof columns / sizeof *columns)];
    loop->dim[1] = 1 + dice_below(&d, dice_one_in(&d, 3) ? 40 : 6);
    loop->dim[0] = 1 + dice_below(&d, 4);
    if (loop->dim[0] * loop->dim[1] * loop->dim[2] > limits.points) loop->dim[0] = loop->dim[1] = 1;

    /* Loads, in any of two orders, as many as turns or more; sums, and where one is the smaller. */
    add_turns(c, &d, dtype, turns, n, true, c->in);
    loop->n_in = n;
    const bool turned = dice_one_in(&d, 2), truths = dtype == HEBB_BOOL;
    for (int k = 0; k < n; k++) emit(c, HB_LOAD, dtype, turned ? n - 1 - k : k, -1);
    int16_t sum[8], less[8];
    for (int k = 0; k < n; k++) sum[k] = emit(c, truths ? HB_OR : HB_ADD, dtype, k, (k + 1) % n);
    for (int k = 0; k < 4; k++)
        less[k] = emit(c, truths ? HB_AND : HB_LT, HEBB_BOOL, k % n, (k + 1) % n);

    hb_operand to[8];
    if (n == turns && dice_one_in(&d, 2)) {
        for (int k = 0; k < n; k++) put(c, &c->in[k], sum[k]);
    } else {
        add_turns(c, &d, dtype, turns, turns, false, to);
        for (int k = 0; k < turns; k++) put(c, &to[turned ? k : turns - 1 - k], sum[k]);
    }
    add_turns(c, &d, HEBB_BOOL, 4, 4, false, to);
    for (int k = 0; k < 4; k++) put(c, &to[k], less[k]);
    loop->n_pre = loop->n_instr;
    case_finish(c);
    return c;
}
