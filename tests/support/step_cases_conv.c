/* Random steps on whole tensors: convolutions, folds and resampling. See step_cases.h. */
#include <string.h>

#include "step_cases.h"
#include "step_dice.h"

static int64_t volume(const int64_t size[3]) { return size[0] * size[1] * size[2]; }

static int64_t products(const hb_conv *c) {
    return c->batch * c->groups * c->in_channels * c->out_channels * volume(c->kernel) *
           volume(c->out);
}

/* An axis with at least one window; `before` and `after` pad it. */
static void choose_axis(dice *d, bool used, int64_t most, int64_t *in, int64_t *kernel,
                        int64_t *stride, int64_t *dilation, int64_t *before, int64_t *out) {
    *in = *kernel = *stride = *dilation = *out = 1;
    *before = 0;
    if (!used) return;
    *kernel = 1 + dice_below(d, dice_one_in(d, 4) ? 7 : 3);
    *stride = dice_one_in(d, 2) ? 1 : 1 + dice_below(d, 4);
    *dilation = dice_one_in(d, 2) ? 1 : 1 + dice_below(d, 3);
    int64_t extent = (*kernel - 1) * *dilation + 1, after = 0;
    if (!dice_one_in(d, 3)) *before = dice_below(d, extent + 1), after = dice_below(d, extent + 1);
    *in = 1 + dice_below(d, most);
    if (*in + *before + after < extent) *in = extent;
    *out = (*in + *before + after - extent) / *stride + 1;
}

static void choose_conv(dice *d, case_limits limits, hb_conv *c) {
    const int rank = 1 + (int)dice_below(d, 3);
    do {
        *c = (hb_conv){.batch = 1 + dice_below(d, 4),
                       .groups = dice_one_in(d, 3) ? 1 + dice_below(d, 4) : 1};
        c->in_channels = 1 + dice_below(d, dice_one_in(d, 3) ? 70 : 9);
        c->out_channels = 1 + dice_below(d, dice_one_in(d, 3) ? 70 : 9);
        if (dice_one_in(d, 6)) c->in_channels = c->out_channels = 1;
        if (dice_one_in(d, 40)) c->batch = 0;
        for (int k = 0; k < 3; k++)
            choose_axis(d, k >= 3 - rank,
                        rank == 3   ? 9
                        : rank == 2 ? 20
                                    : 200,
                        &c->in[k], &c->kernel[k], &c->stride[k], &c->dilation[k], &c->before[k],
                        &c->out[k]);
    } while (products(c) > limits.points);
}

static step_case *finish(step_case *c, int n_in) {
    c->step.in = c->in;
    c->step.out = &c->out[0].to;
    c->step.n_in = n_in;
    c->step.n_out = 1;
    case_finish(c);
    return c;
}

static void choose_deep(dice *d, case_limits limits, hb_conv *c) {
    do choose_conv(d, limits, c);
    while (c->in_channels < 12 || c->out_channels < 12);
}

/* Few channels a group, for which there are ways of their own. */
static void choose_few_channels(dice *d, case_limits limits, hb_conv *c) {
    do {
        *c = (hb_conv){.batch = 1 + dice_below(d, 5),
                       .groups = 1 + dice_below(d, dice_one_in(d, 2) ? 3 : 20)};
        c->in_channels = 1 + dice_below(d, dice_one_in(d, 2) ? 2 : 5);
        c->out_channels = 1 + dice_below(d, dice_one_in(d, 2) ? 2 : 10);
        for (int k = 0; k < 3; k++)
            choose_axis(d, k > 0, dice_one_in(d, 3) ? 120 : 30, &c->in[k], &c->kernel[k],
                        &c->stride[k], &c->dilation[k], &c->before[k], &c->out[k]);
    } while (products(c) > limits.points);
}

/* One channel a group; numbers of channels that 16 divides and that it does not. */
static void choose_depthwise(dice *d, case_limits limits, hb_conv *c) {
    do {
        *c = (hb_conv){.batch = 1 + dice_below(d, dice_one_in(d, 2) ? 4 : 30),
                       .groups =
                           dice_one_in(d, 3) ? 8 * (1 + dice_below(d, 8)) : 1 + dice_below(d, 60),
                       .in_channels = 1,
                       .out_channels = 1};
        for (int k = 0; k < 3; k++)
            choose_axis(d, k > 0, dice_one_in(d, 3) ? 60 : 16, &c->in[k], &c->kernel[k],
                        &c->stride[k], &c->dilation[k], &c->before[k], &c->out[k]);
    } while (products(c) > limits.points);
}

/* With channels enough for every way to do it. */
static void choose_square(dice *d, case_limits limits, int64_t taps, int64_t stride, hb_conv *c) {
    do {
        *c = (hb_conv){.batch = 1 + dice_below(d, 9), .groups = dice_one_in(d, 4) ? 2 : 1};
        const int64_t most = dice_one_in(d, 8) ? 200 : 80;
        c->in_channels = 1 + dice_below(d, dice_one_in(d, 3) ? 20 : most);
        c->out_channels = 1 + dice_below(d, dice_one_in(d, 3) ? 20 : most);
        c->in[0] = c->kernel[0] = c->out[0] = 1;
        for (int k = 0; k < 3; k++) c->stride[k] = k > 0 ? stride : 1, c->dilation[k] = 1;
        for (int k = 1; k < 3; k++) {
            c->kernel[k] = taps;
            c->before[k] = dice_below(d, taps + 1);
            const int64_t after = dice_below(d, taps + 1), least = taps - c->before[k] - after;
            c->in[k] = 1 + dice_below(d, dice_one_in(d, 4) ? 70 : 30);
            if (c->in[k] < least) c->in[k] = least;
            c->out[k] = (c->in[k] + c->before[k] + after - taps) / stride + 1;
        }
    } while (products(c) > limits.points);
}

/* Few channels; rows of tiles, of 2 or 4 results each, fill vectors of 16, or nearly so. */
static void choose_wide(dice *d, case_limits limits, hb_conv *c) {
    do {
        choose_square(d, limits, dice_one_in(d, 4) ? 5 : 3, 1, c);
        c->in_channels = 1 + dice_below(d, 12);
        c->out_channels = 1 + dice_below(d, 12);
        const int64_t width = (32 << dice_below(d, 3)) - dice_below(d, 4);
        c->out[2] += width - c->in[2];
        c->in[2] = width;
    } while (products(c) > limits.points);
}

static void choose_3x3(dice *d, case_limits limits, hb_conv *c) {
    choose_square(d, limits, 3, 1, c);
}
static void choose_5x5(dice *d, case_limits limits, hb_conv *c) {
    choose_square(d, limits, 5, 1, c);
}
/* At steps of 2; or filters of 2 x 2. */
static void choose_strided(dice *d, case_limits limits, hb_conv *c) {
    static const int64_t taps[] = {2, 3, 4, 4, 4, 5, 6, 7, 9, 10};
    const int64_t one = taps[dice_below(d, sizeof taps / sizeof *taps)];
    choose_square(d, limits, one, one == 2 ? 1 : 2, c);
}

/* Volumes, at steps of 1. */
static void choose_volumes(dice *d, case_limits limits, hb_conv *c) {
    do {
        choose_square(d, limits, 2 + dice_below(d, 2), 1, c);
        const int64_t taps = 1 + dice_below(d, 5), after = dice_below(d, taps + 1);
        c->kernel[0] = taps;
        c->before[0] = dice_below(d, taps + 1);
        c->in[0] = 1 + dice_below(d, 9);
        if (c->in[0] + c->before[0] + after < taps) c->in[0] = taps;
        c->out[0] = c->in[0] + c->before[0] + after - (taps - 1);
    } while (products(c) > limits.points);
}

static step_case *make_conv(uint64_t seed, case_limits limits,
                            void (*choose)(dice *d, case_limits limits, hb_conv *c)) {
    dice d = {seed};
    step_case *c = case_new(seed);
    hb_conv *v = &c->step.u.conv;
    choose(&d, limits, v);
    c->step.kind = HB_CONV + (hb_step_kind)dice_below(&d, 3);
    const hebb_dtype dtype = limits.f64 && dice_one_in(&d, 3) ? HEBB_F64 : HEBB_F32;
    const int64_t x = v->batch * v->groups * v->in_channels * volume(v->in);
    const int64_t y = v->batch * v->groups * v->out_channels * volume(v->out);
    const int64_t w = v->groups * v->in_channels * v->out_channels * volume(v->kernel);
    const bool forward = c->step.kind == HB_CONV, input = c->step.kind == HB_CONV_INPUT;
    c->in[0] = case_array_add(c, dtype, input ? y : x, true);
    c->in[1] = case_array_add(c, dtype, forward || input ? w : y, true);
    c->out[0].to = case_array_add(c, dtype, forward ? y : input ? x : w, false);
    return finish(c, 2);
}

step_case *case_conv(uint64_t seed, case_limits limits) {
    return make_conv(seed, limits, choose_conv);
}
step_case *case_deep_conv(uint64_t seed, case_limits limits) {
    return make_conv(seed, limits, choose_deep);
}
step_case *case_conv_depthwise(uint64_t seed, case_limits limits) {
    return make_conv(seed, limits, choose_depthwise);
}
step_case *case_conv_3x3(uint64_t seed, case_limits limits) {
    return make_conv(seed, limits, choose_3x3);
}
step_case *case_conv_5x5(uint64_t seed, case_limits limits) {
    return make_conv(seed, limits, choose_5x5);
}
step_case *case_conv_strided(uint64_t seed, case_limits limits) {
    return make_conv(seed, limits, choose_strided);
}
step_case *case_conv_volumes(uint64_t seed, case_limits limits) {
    return make_conv(seed, limits, choose_volumes);
}
step_case *case_conv_wide(uint64_t seed, case_limits limits) {
    return make_conv(seed, limits, choose_wide);
}

step_case *case_conv_few_channels(uint64_t seed, case_limits limits) {
    return make_conv(seed, limits, choose_few_channels);
}

step_case *case_fold(uint64_t seed, case_limits limits) {
    dice d = {seed};
    step_case *c = case_new(seed);
    hb_fold *f = &c->step.u.fold;
    const int rank = 1 + (int)dice_below(&d, 3);
    do {
        f->outer = dice_one_in(&d, 30) ? 0 : 1 + dice_below(&d, 8);
        for (int k = 0; k < 3; k++) {
            int64_t before;
            choose_axis(&d, k >= 3 - rank, rank == 3 ? 9 : 40, &f->in[k], &f->kernel[k],
                        &f->stride[k], &f->dilation[k], &before, &f->out[k]);
            const int64_t extent = (f->kernel[k] - 1) * f->dilation[k] + 1;
            if (f->in[k] < extent) f->in[k] = extent; /* here nothing is padded */
            f->out[k] = (f->in[k] - extent) / f->stride[k] + 1;
        }
    } while (f->outer * volume(f->out) * volume(f->kernel) > limits.points);
    c->step.kind = HB_FOLD;
    hebb_dtype dtype = dice_one_in(&d, 2) ? HEBB_F32 : (hebb_dtype)dice_below(&d, HEBB_BOOL);
    if (dtype == HEBB_F64 && !limits.f64) dtype = HEBB_F32;
    c->in[0] = case_array_add(c, dtype, f->outer * volume(f->out) * volume(f->kernel), true);
    c->out[0].to = case_array_add(c, dtype, f->outer * volume(f->in), false);
    return finish(c, 1);
}

/* Each rule as the executor writes it. */
static void choose_resampling(dice *d, hb_resample_axis *a, int64_t most) {
    *a = (hb_resample_axis){.rule = dice_below(d, HB_WINDOWS + 1),
                            .in = 1 + dice_below(d, most),
                            .out = 1 + dice_below(d, most)};
    if (a->rule == HB_KEPT) a->out = a->in;
    if (a->rule == HB_NEAREST || a->rule == HB_LINEAR) {
        const bool half = dice_one_in(d, 2), nearest = a->rule == HB_NEAREST;
        a->number[0] = half ? 2 * a->in : a->in;
        a->number[1] = !half ? 0 : nearest ? a->in : a->in - a->out;
        a->number[2] = half ? 2 * a->out : a->out;
    }
    if (a->rule == HB_REFLECT || a->rule == HB_EDGE) {
        a->number[0] = dice_below(d, a->in);
        a->out = a->number[0] + a->in + dice_below(d, a->in);
    }
    if (a->rule == HB_WINDOWS) {
        a->number[0] = 1 + dice_below(d, hb_min(a->in, 5));
        a->number[1] = 1 + dice_below(d, 3);
        a->number[2] = a->number[0] * 2 < a->in ? 1 + dice_below(d, 2) : 1;
        const int64_t extent = (a->number[0] - 1) * a->number[2] + 1;
        a->number[3] = dice_below(d, a->number[0]);
        a->number[4] = dice_below(d, 2);
        a->out = (a->in + 2 * a->number[3] - extent) / a->number[1] + 1;
    }
}

/* The axes, and x's and y's elements; both together no more than `most`. */
static void choose_axes(dice *d, hb_resample *r, int64_t most, int64_t *x, int64_t *y) {
    const int rank = 1 + (int)dice_below(d, 3);
    do {
        *x = *y = 1;
        r->outer = dice_one_in(d, 30) ? 0 : 1 + dice_below(d, dice_one_in(d, 2) ? 4 : 100);
        for (int k = 0; k < 3; k++) {
            r->axis[k] = (hb_resample_axis){.in = 1, .out = 1};
            if (k >= 3 - rank) choose_resampling(d, &r->axis[k], rank == 3 ? 10 : 80);
            if (r->maxima && r->axis[k].rule == HB_LINEAR) r->axis[k].rule = HB_NEAREST;
            *x *= r->axis[k].in;
            *y *= r->axis[k].out;
        }
    } while (r->outer * r->inner * hb_max(*x, *y) > most || *x * *y > 1000000);
}

step_case *case_resample(uint64_t seed, case_limits limits) {
    dice d = {seed};
    step_case *c = case_new(seed);
    hb_resample *r = &c->step.u.resample;
    int64_t x, y;
    r->inner = dice_one_in(&d, 2) ? 1 : 1 + dice_below(&d, 20);
    r->transposed = dice_below(&d, 2);
    r->maxima = !r->transposed && dice_one_in(&d, 2);
    choose_axes(&d, r, limits.points, &x, &y);
    c->step.kind = HB_RESAMPLE;
    const hebb_dtype dtype = limits.f64 && dice_one_in(&d, 3) ? HEBB_F64 : HEBB_F32;
    const int64_t outside = r->outer * r->inner;
    c->in[0] = case_array_add(c, dtype, outside * (r->transposed ? y : x), true);
    c->out[0].to = case_array_add(c, dtype, outside * (r->transposed ? x : y), false);
    return finish(c, 1);
}

/* Of few different numbers, so that some are equal. */
static void make_equal(dice *d, step_case *c, const case_array *a) {
    char *to = c->memory[a->buffer] + a->offset;
    for (int64_t i = 0; i < a->count; i++) {
        const double number = (double)dice_below(d, 4);
        const float rounded = (float)number;
        if (a->dtype == HEBB_F64) memcpy(to + 8 * i, &number, 8);
        else memcpy(to + 4 * i, &rounded, 4);
    }
}

step_case *case_max_back(uint64_t seed, case_limits limits) {
    dice d = {seed};
    step_case *c = case_new(seed);
    hb_resample *r = &c->step.u.resample;
    int64_t x, y;
    r->inner = r->maxima = 1;
    choose_axes(&d, r, limits.points, &x, &y);
    c->step.kind = HB_MAX_BACK;
    const hebb_dtype dtype = limits.f64 && dice_one_in(&d, 3) ? HEBB_F64 : HEBB_F32;
    for (int k = 0; k < 3; k++)
        c->in[k] = case_array_add(c, dtype, r->outer * (k == 0 ? x : y), true);
    c->out[0].to = case_array_add(c, dtype, r->outer * x, false);
    finish(c, 3);
    for (int k = 0; k < 2; k++) make_equal(&d, c, &c->array[k]);
    return c;
}
