/* Random steps that read or write at places that they are told, and those along an axis. See
   step_cases.h. */
#include <string.h>

#include "../../checks/half.h"
#include "step_cases.h"
#include "step_dice.h"

/* ---- GATHER and SCATTER-ADD ---- */

static void fill_indices(step_case *c, dice *d, const hb_indexed *in) {
    for (int64_t i = 0; i < in->count; i++) {
        const int32_t row = (int32_t)(dice_below(d, in->rows + 3) - 1);
        memcpy(c->memory[in->index.buffer] + (in->index.offset + i) * 4, &row, 4);
    }
}

step_case *case_indexed(uint64_t seed, case_limits limits) {
    dice d = {seed};
    step_case *c = case_new(seed);
    hb_indexed *in = &c->step.u.indexed;
    *in = (hb_indexed){.rows = dice_below(&d, 40),
                       .width = dice_below(&d, dice_chance(&d, 0.2) ? 700 : 20)};
    in->count = dice_below(&d, dice_chance(&d, 0.2) ? 900 : 60);
    c->step.kind = (hb_step_kind)(HB_GATHER + dice_below(&d, 3));
    hebb_dtype dtype = dice_dtype(&d, limits.f64);
    if (dtype == HEBB_BOOL && c->step.kind == HB_SCATTER_ADD) dtype = HEBB_I64;
    if (is_half(dtype) && c->step.kind == HB_SCATTER_ADD) dtype = HEBB_I8;
    in->x = case_array_add(c, dtype, in->rows * in->width, true);
    in->index = case_array_add(c, HEBB_I32, in->count, true);
    in->y = case_array_add(c, dtype, in->count * in->width, c->step.kind != HB_GATHER);
    case_finish(c);
    fill_indices(c, &d, in);
    return c;
}

/* ---- along an axis ---- */

static void fill_places(step_case *c, dice *d, const hb_operand *index, int64_t count, int64_t n) {
    int32_t *at = (int32_t *)(void *)c->memory[index->buffer] + index->offset;
    for (int64_t i = 0; i < count; i++) at[i] = (int32_t)(dice_below(d, n + 4) - 2);
}

step_case *case_along(uint64_t seed, case_limits limits) {
    static const hb_step_kind kinds[] = {HB_ARGSORT, HB_RECURRENCE, HB_TAKE_ALONG, HB_PUT_ALONG};
    dice d = {seed};
    step_case *c = case_new(seed);
    hb_step *step = &c->step;
    hb_along *along = &step->u.along;
    step->kind = kinds[dice_below(&d, 4)];
    *along = (hb_along){
        .outer = dice_below(&d, 6),
        .n = dice_below(&d, dice_chance(&d, 0.2) ? 9000 : 90),
        .inner = dice_chance(&d, 0.4) ? 1 : dice_below(&d, dice_chance(&d, 0.1) ? 300 : 12),
        .m = dice_below(&d, 90),
        .reverse = dice_chance(&d, 0.5),
        .add = dice_chance(&d, 0.5)};
    if (limits.points > 0) along->m = dice_below(&d, limits.points / (1 + along->inner));
    if (step->kind == HB_ARGSORT) along->m = along->n;
    const bool sums = step->kind == HB_RECURRENCE || (step->kind == HB_PUT_ALONG && along->add);
    hebb_dtype dtype = dice_dtype(&d, limits.f64);
    if (dtype == HEBB_BOOL && sums) dtype = HEBB_U8;
    if (is_half(dtype)) dtype = HEBB_F32;
    const int64_t lines = along->outer * along->inner, all = lines * along->n;
    const int64_t places = lines * along->m;
    const bool take = step->kind == HB_TAKE_ALONG, sort = step->kind == HB_ARGSORT;
    step->in = c->whole_in;
    step->out = c->whole_out;
    step->n_out = 1;
    step->in[step->n_in++] = case_array_add(c, dtype, all, true);
    if (step->kind == HB_RECURRENCE && dice_chance(&d, 0.5))
        step->in[step->n_in++] = case_array_add(c, dtype, all, true);
    if (take || step->kind == HB_PUT_ALONG)
        step->in[step->n_in++] = case_array_add(c, HEBB_I32, places, true);
    if (step->kind == HB_PUT_ALONG) step->in[step->n_in++] = case_array_add(c, dtype, places, true);
    step->out[0] = case_array_add(c, sort ? HEBB_I32 : dtype, take ? places : all, false);
    case_finish(c);
    if (take || step->kind == HB_PUT_ALONG) fill_places(c, &d, &step->in[1], places, along->n);
    return c;
}
