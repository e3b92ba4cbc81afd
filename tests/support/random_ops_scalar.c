/* Ops of random graphs that work element by element: mathematics, choices, and what is exact:
   comparisons, whole numbers and casts. See random_ops.h. */
#include "random_draw.h"

#include <hebb/elementwise.h>

/* ---- functions of one and two operands ---- */

static hebb_tensor *polygamma(const random_node *node, hebb_tensor *const *x) {
    return hebb_polygamma(brought(x[0], RANDOM_POSITIVE), (int)node->n[0] + 1);
}

static hebb_tensor *zeta(const random_node *node, hebb_tensor *const *x) {
    return hebb_zeta(number(x[0], 1.5 + (double)node->n[0]), brought(x[0], RANDOM_POSITIVE));
}

/* An expression twice, for common subexpressions to find. */
static hebb_tensor *repeated(const random_node *node, hebb_tensor *const *x) {
    (void)node;
    return hebb_mul(hebb_add(hebb_tanh(x[0]), number(x[0], 0.5)),
                    hebb_add(hebb_tanh(x[0]), number(x[0], 0.5)));
}

/* What simplification looks for. */
static hebb_tensor *simplified(const random_node *node, hebb_tensor *const *x) {
    hebb_tensor *one = number(x[0], 1), *nothing = number(x[0], 0);
    switch (node->n[0]) {
    case 0: return hebb_add(hebb_mul(x[0], one), nothing);
    case 1: return hebb_neg(hebb_sub(nothing, hebb_div(x[0], one)));
    default: return hebb_mul(hebb_sqrt(hebb_add(one, number(x[0], 3))), hebb_neg(hebb_neg(x[0])));
    }
}

static hebb_tensor *noisy(const random_node *node, hebb_tensor *const *x) {
    (void)node;
    return hebb_add(x[0], scaled(hebb_random_uniform_like(x[0]), 0.25, 0.5));
}

HEBB_ELEMENTWISE(bell, (a, b), exp(-(a *a)) * b);
static void bell_gradient(hebb_grad *d) {
    hebb_tensor *a = d->x[0];
    d->dx[0] = hebb_mul(d->dy, hebb_mul(hebb_mul(number(a, -2), a), d->y));
    d->dx[1] = hebb_mul(d->dy, hebb_exp(hebb_neg(hebb_square(a))));
}

static hebb_tensor *users_own(const random_node *node, hebb_tensor *const *x) {
    const hebb_dtype dtype = hebb_tensor_dtype(x[0]);
    (void)node;
    if (dtype == HEBB_F32 || dtype == HEBB_F64) return hebb_apply(&bell, x[0], x[1]);
    hebb_tensor *wide = hebb_apply(&bell, hebb_cast(x[0], HEBB_F32), hebb_cast(x[1], HEBB_F32));
    return hebb_cast(wide, dtype);
}

/* ---- choices: continuous, or of exact operands ---- */

static hebb_tensor *leaky(const random_node *node, hebb_tensor *const *x) {
    return hebb_leaky_relu(x[0], 0.25 * (double)node->n[0]);
}

static hebb_tensor *clipped(const random_node *node, hebb_tensor *const *x) {
    return hebb_clip(x[0], -1.1, 0.7 + (double)node->n[0]);
}

static bool draw_select(random_drawing *d, random_node *node, const random_op *op) {
    node->x[1] = pick(d, op->kind, false, 0);
    node->x[0] = node->x[1] < 0 ? -1 : pick_fitting(d, node->x[1], RANDOM_TRUTH, false);
    node->x[2] = node->x[1] < 0 ? -1 : pick_fitting(d, node->x[1], op->kind, false);
    return node->x[0] >= 0 && node->x[2] >= 0;
}

static hebb_tensor *selected(const random_node *node, hebb_tensor *const *x) {
    (void)node;
    return hebb_select(x[0], x[1], x[2]);
}

static hebb_tensor *detached(const random_node *node, hebb_tensor *const *x) {
    (void)node;
    return hebb_mul(hebb_stop_gradient(x[0]), hebb_tanh(x[0]));
}

/* ---- exact values: comparisons, whole numbers, casts ---- */

/* Whole numbers stay small. */
static hebb_tensor *small(hebb_tensor *x) { return hebb_clip(x, -9, 9); }

static hebb_tensor *build_small(const random_node *node, hebb_tensor *const *x) {
    return small(node->op->binary(x[0], x[1]));
}

static hebb_tensor *shifted(const random_node *node, hebb_tensor *const *x) {
    hebb_tensor *places = hebb_and(x[1], number(x[1], 3));
    return node->n[0] ? hebb_shift_right(x[0], places) : small(hebb_shift_left(x[0], places));
}

static hebb_tensor *whole_sum(const random_node *node, hebb_tensor *const *x) {
    return small(hebb_sum(x[0], HEBB_AXES((int)node->n[0]), node->n[1] & 1));
}

static hebb_tensor *largest_at(const random_node *node, hebb_tensor *const *x) {
    return node->n[1] & 2 ? hebb_argmax(x[0], (int)node->n[0], node->n[1] & 1)
                          : hebb_argmin(x[0], (int)node->n[0], node->n[1] & 1);
}

static hebb_tensor *counted(const random_node *node, hebb_tensor *const *x) {
    return hebb_iota_like(x[0], (int)node->n[0], HEBB_I32);
}

static hebb_tensor *to_whole(const random_node *node, hebb_tensor *const *x) {
    static const hebb_dtype by_way_of[] = {HEBB_I64, HEBB_I8, HEBB_I32};
    return hebb_cast(hebb_cast(hebb_clip(x[0], -9, 9), by_way_of[node->n[0]]), HEBB_I32);
}

static hebb_tensor *truth_to_whole(const random_node *node, hebb_tensor *const *x) {
    return hebb_cast(node->n[0] ? hebb_cast(x[0], HEBB_U8) : x[0], HEBB_I32);
}

static hebb_tensor *to_truth(const random_node *node, hebb_tensor *const *x) {
    (void)node;
    return hebb_cast(x[0], HEBB_BOOL);
}

/* The graph's floating dtype is that of a second operand. */
static bool draw_to_real(random_drawing *d, random_node *node, const random_op *op) {
    node->x[1] = pick(d, RANDOM_REAL, false, 0);
    return draw_one(d, node, op) && node->x[1] >= 0;
}

static hebb_tensor *to_real(const random_node *node, hebb_tensor *const *x) {
    (void)node;
    return hebb_cast(x[0], hebb_tensor_dtype(x[1]));
}

static hebb_tensor *through_half(const random_node *node, hebb_tensor *const *x) {
    hebb_tensor *half = hebb_cast(x[0], node->n[0] ? HEBB_F16 : HEBB_BF16);
    return hebb_cast(half, hebb_tensor_dtype(x[0]));
}

/* Exact, but its gradient is not that of what it does. */
static hebb_tensor *remainder_of(const random_node *node, hebb_tensor *const *x) {
    return hebb_mod(x[0], number(x[0], 0.75 + (double)node->n[0]));
}

/* ---- the table ---- */

#define UNARY(function, in)                                                                        \
    {                                                                                              \
        .name = #function, .family = RANDOM_UNARY, .draw = draw_one, .build = build_unary,         \
        .unary = hebb_##function, .domain = {                                                      \
            RANDOM_##in                                                                            \
        }                                                                                          \
    }
#define BINARY(function, a, b)                                                                     \
    {                                                                                              \
        .name = #function, .family = RANDOM_BINARY, .draw = draw_pair, .build = build_binary,      \
        .binary = hebb_##function, .domain = {                                                     \
            RANDOM_##a,                                                                            \
            RANDOM_##b                                                                             \
        }                                                                                          \
    }
/* Of exact operands of a kind: one, two, and two with a small whole result. */
#define EXACT(function, of, more)                                                                  \
    {                                                                                              \
        .name = #function, .family = RANDOM_EXACT, .traits = RANDOM_JUMPS | RANDOM_KEEPS | (more), \
        .draw = draw_one, .build = build_unary, .unary = hebb_##function, .kind = RANDOM_##of      \
    }
#define COMPARISON(function, of)                                                                   \
    {                                                                                              \
        .name = #function, .family = RANDOM_EXACT, .traits = RANDOM_JUMPS | RANDOM_KEEPS,          \
        .draw = draw_pair, .build = build_binary, .binary = hebb_##function, .kind = RANDOM_##of   \
    }
#define ARITHMETIC(function)                                                                       \
    {                                                                                              \
        .name = #function, .family = RANDOM_EXACT, .traits = RANDOM_JUMPS | RANDOM_KEEPS,          \
        .draw = draw_pair, .build = build_small, .binary = hebb_##function, .kind = RANDOM_WHOLE   \
    }
static const random_op rows[] = {
    UNARY(neg, ANYWHERE),
    UNARY(square, TAME),
    UNARY(sqrt, POSITIVE),
    UNARY(exp, TAME),
    UNARY(log, POSITIVE),
    UNARY(tanh, ANYWHERE),
    UNARY(sigmoid, ANYWHERE),
    UNARY(softplus, ANYWHERE),
    UNARY(reciprocal, POSITIVE),
    UNARY(rsqrt, POSITIVE),
    UNARY(cbrt, POSITIVE),
    UNARY(expm1, TAME),
    UNARY(log1p, POSITIVE),
    UNARY(log2, POSITIVE),
    UNARY(sin, ANYWHERE),
    UNARY(cos, ANYWHERE),
    UNARY(tan, INSIDE),
    UNARY(asin, INSIDE),
    UNARY(acos, INSIDE),
    UNARY(atan, ANYWHERE),
    UNARY(sinh, TAME),
    UNARY(cosh, TAME),
    UNARY(asinh, ANYWHERE),
    UNARY(acosh, BEYOND),
    UNARY(atanh, INSIDE),
    UNARY(erf, ANYWHERE),
    UNARY(erfc, ANYWHERE),
    UNARY(erfinv, INSIDE),
    UNARY(lgamma, POSITIVE),
    UNARY(digamma, POSITIVE),
    ROW("polygamma", UNARY, 0, draw_one, polygamma),
    ROW("zeta", UNARY, 0, draw_one, zeta),
    ROW("repeated", UNARY, 0, draw_one, repeated),
    ROW("simplified", UNARY, 0, draw_one, simplified),
    ROW("noisy", UNARY, 0, draw_one, noisy),

    BINARY(add, ANYWHERE, ANYWHERE),
    BINARY(sub, ANYWHERE, ANYWHERE),
    BINARY(mul, TAME, ANYWHERE),
    BINARY(div, ANYWHERE, POSITIVE),
    BINARY(pow, POSITIVE, TAME),
    BINARY(atan2, ANYWHERE, POSITIVE),
    BINARY(hypot, POSITIVE, ANYWHERE),
    ROW("apply", BINARY, 0, draw_pair, users_own),

    ROW("abs", CHOICE, KINKED | KEEPS, draw_one, build_unary, .unary = hebb_abs),
    ROW("relu", CHOICE, KINKED | KEEPS, draw_one, build_unary, .unary = hebb_relu),
    ROW("ramp", CHOICE, KINKED | KEEPS, draw_one, build_unary, .unary = hebb_ramp),
    ROW("maximum", CHOICE, KINKED | KEEPS, draw_pair, build_binary, .binary = hebb_maximum),
    ROW("minimum", CHOICE, KINKED | KEEPS, draw_pair, build_binary, .binary = hebb_minimum),
    ROW("leaky_relu", CHOICE, KINKED, draw_one, leaky),
    ROW("clip", CHOICE, KINKED | KEEPS, draw_one, clipped),
    ROW("stop_gradient", CHOICE, KINKED, draw_one, detached),
    ROW("select", CHOICE, KEEPS, draw_select, selected),
    ROW("select wholes", CHOICE, KEEPS, draw_select, selected, .kind = RANDOM_WHOLE),

    COMPARISON(equal, REAL),
    COMPARISON(not_equal, REAL),
    COMPARISON(less, REAL),
    COMPARISON(less_equal, REAL),
    COMPARISON(greater, REAL),
    COMPARISON(greater_equal, REAL),
    COMPARISON(equal, WHOLE),
    COMPARISON(less, WHOLE),
    COMPARISON(and, TRUTH),
    COMPARISON(or, TRUTH),
    COMPARISON(xor, TRUTH),
    EXACT(not, TRUTH, 0),
    EXACT(isnan, REAL, 0),
    EXACT(isfinite, REAL, 0),
    EXACT(floor, REAL, 0),
    EXACT(ceil, REAL, 0),
    EXACT(round, REAL, 0),
    EXACT(trunc, REAL, 0),
    EXACT(sign, REAL, 0),
    ROW("mod", EXACT, JUMPS, draw_one, remainder_of),
    ROW("through f16 or bf16", EXACT, JUMPS | KEEPS | KINKED, draw_one, through_half),
    EXACT(neg, WHOLE, 0),
    EXACT(not, WHOLE, 0),
    EXACT(abs, WHOLE, 0),
    EXACT(sign, WHOLE, 0),
    ARITHMETIC(add),
    ARITHMETIC(sub),
    ARITHMETIC(mul),
    ARITHMETIC(div),
    ARITHMETIC(floor_div),
    ARITHMETIC(mod),
    ARITHMETIC(and),
    ARITHMETIC(or),
    ARITHMETIC(xor),
    ARITHMETIC(maximum),
    ARITHMETIC(minimum),
    ROW("shift", EXACT, JUMPS | KEEPS, draw_pair, shifted, .kind = RANDOM_WHOLE),
    ROW("sum of wholes", EXACT, JUMPS | KEEPS, draw_axis, whole_sum, .kind = RANDOM_WHOLE),
    ROW("argmax of wholes", EXACT, JUMPS | KEEPS, draw_axis, largest_at, .kind = RANDOM_WHOLE),
    ROW("argmax", EXACT, JUMPS | KEEPS, draw_axis, largest_at),
    ROW("iota_like", EXACT, KEEPS, draw_axis, counted),
    ROW("real to whole", EXACT, JUMPS | KEEPS, draw_one, to_whole),
    ROW("whole to bool", EXACT, JUMPS | KEEPS, draw_one, to_truth, .kind = RANDOM_WHOLE),
    ROW("bool to whole", EXACT, JUMPS | KEEPS, draw_one, truth_to_whole, .kind = RANDOM_TRUTH),
    ROW("whole to real", EXACT, KEEPS, draw_to_real, to_real, .kind = RANDOM_WHOLE),
    ROW("bool to real", EXACT, KEEPS, draw_to_real, to_real, .kind = RANDOM_TRUTH),
};
const random_table random_scalar_ops = {rows, sizeof rows / sizeof *rows};
