/* How the cases of ops.txt are said here; for test_golden.c. */
#include "golden.h"

static int64_t number(const golden_case *c, const char *name) {
    int64_t value;
    golden_numbers(c, name, 0, &value, 1);
    return value;
}

static bool flag(const golden_case *c, const char *name) { return number(c, name) != 0; }
static int axis(const golden_case *c) { return (int)number(c, "axis"); }

/* Two numbers of an option, as axes of a matrix or what is added on either side. */
typedef struct pair {
    int64_t a, b;
} pair;
static pair two(const golden_case *c, const char *name) {
    int64_t n[2];
    golden_numbers(c, name, 0, n, 2);
    return (pair){n[0], n[1]};
}

/* The axes of a reduction; without the option, all. */
typedef struct axes {
    int n, at[HEBB_MAX_RANK];
} axes;
static axes axes_of(const golden_case *c) {
    axes of = {.n = golden_count(c, "axes")};
    int64_t at[HEBB_MAX_RANK];
    golden_numbers(c, "axes", 0, at, HEBB_MAX_RANK);
    for (int k = 0; k < of.n; k++) of.at[k] = (int)at[k];
    if (of.n == 0) of.n = -1;
    return of;
}

#define BUILD(name, ...)                                                                           \
    static hebb_tensor *build_##name(const golden_case *c, hebb_tensor *const *x) {                \
        return __VA_ARGS__;                                                                        \
    }

/* ---- ops without options ---- */

/* clang-format off */
#define EACH_1(DO)                                                                                 \
    DO(neg) DO(abs) DO(sign) DO(square) DO(sqrt) DO(exp) DO(log) DO(tanh) DO(sigmoid) DO(softplus) \
    DO(reciprocal) DO(floor) DO(rsqrt) DO(expm1) DO(log1p) DO(log2) DO(sin) DO(cos) DO(tan)        \
    DO(asin) DO(acos) DO(atan) DO(sinh) DO(cosh) DO(asinh) DO(acosh) DO(atanh) DO(erf) DO(erfc)    \
    DO(erfinv) DO(lgamma) DO(digamma) DO(ceil) DO(round) DO(trunc) DO(relu) DO(ramp) DO(softmax)   \
    DO(log_softmax)
#define EACH_2(DO)                                                                                 \
    DO(add) DO(sub) DO(mul) DO(div) DO(pow) DO(mod) DO(floor_div) DO(atan2) DO(hypot) DO(maximum)  \
    DO(minimum) DO(zeta) DO(matmul) DO(dot) DO(outer) DO(mean_squared_error) DO(square_loss)       \
    DO(log_loss)
/* clang-format on */

#define BUILD_1(name) BUILD(name, hebb_##name(x[0]))
#define BUILD_2(name) BUILD(name, hebb_##name(x[0], x[1]))
EACH_1(BUILD_1)
EACH_2(BUILD_2)

/* ---- elementwise and losses ---- */

BUILD(polygamma, hebb_polygamma(x[0], (int)number(c, "order")))
BUILD(leaky_relu, hebb_leaky_relu(x[0], golden_real(c, "slope")))
BUILD(clip, hebb_clip(x[0], golden_real(c, "low"), golden_real(c, "high")))
BUILD(cross_entropy, hebb_sparse_softmax_cross_entropy(x[0], x[1]))
BUILD(hinge_loss, hebb_hinge_loss(x[0], x[1], golden_real(c, "margin")))
BUILD(log_softmax_loss, hebb_log_softmax_loss(x[0], x[1]))
BUILD(max_margin_loss, hebb_max_margin_loss(x[0], x[1], golden_real(c, "margin")))

/* ---- reductions and what runs along an axis ---- */

#define BUILD_REDUCTION(name)                                                                      \
    static hebb_tensor *build_##name(const golden_case *c, hebb_tensor *const *x) {                \
        axes of = axes_of(c);                                                                      \
        return hebb_##name(x[0], of.at, of.n, flag(c, "keep"));                                    \
    }
#define BUILD_SPREAD(name)                                                                         \
    static hebb_tensor *build_##name(const golden_case *c, hebb_tensor *const *x) {                \
        axes of = axes_of(c);                                                                      \
        return hebb_##name(x[0], of.at, of.n, flag(c, "keep"), (int)number(c, "ddof"));            \
    }
BUILD_REDUCTION(sum)
BUILD_REDUCTION(mean)
BUILD_REDUCTION(max)
BUILD_REDUCTION(min)
BUILD_REDUCTION(prod)
BUILD_REDUCTION(logsumexp)
BUILD_SPREAD(variance)
BUILD_SPREAD(standard_deviation)
BUILD(cumsum, hebb_cumsum(x[0], axis(c), flag(c, "exclusive"), flag(c, "reverse")))
BUILD(cumprod, hebb_cumprod(x[0], axis(c), flag(c, "exclusive"), flag(c, "reverse")))
BUILD(linear_recurrence, hebb_linear_recurrence(x[0], x[1], axis(c), flag(c, "reverse")))

/* ---- movement ---- */

#define PLACES(c) (int)two(c, "places").a, (int)two(c, "places").b
#define SIDES(c)  two(c, "sides").a, two(c, "sides").b
#define OFFSET(c) (int)number(c, "offset")
static hebb_tensor *build_flip(const golden_case *c, hebb_tensor *const *x) {
    axes of = axes_of(c);
    return hebb_flip(x[0], of.at, of.n);
}
BUILD(roll, hebb_roll(x[0], number(c, "shift"), axis(c)))
BUILD(move_axis, hebb_move_axis(x[0], PLACES(c)))
BUILD(swap_axes, hebb_swap_axes(x[0], PLACES(c)))
BUILD(stack, hebb_stack(x, 2, axis(c)))
BUILD(concat, hebb_concat(x, 2, axis(c)))
BUILD(tile, hebb_tile(x[0], axis(c), number(c, "times")))
BUILD(repeat, hebb_repeat(x[0], axis(c), number(c, "times")))
BUILD(diagonal, hebb_diagonal(x[0], OFFSET(c), PLACES(c)))
BUILD(diagonal_scatter, hebb_diagonal_scatter(x[0], x[1], OFFSET(c), PLACES(c)))
BUILD(tril, hebb_tril(x[0], OFFSET(c)))
BUILD(triu, hebb_triu(x[0], OFFSET(c)))
BUILD(pad_reflect, hebb_pad_reflect(x[0], axis(c), SIDES(c)))
BUILD(pad_edge, hebb_pad_edge(x[0], axis(c), SIDES(c)))
BUILD(pad, hebb_pad(x[0], HEBB_BORDERS({axis(c), SIDES(c)}), golden_real(c, "value")))

/* ---- indexing ---- */

BUILD(gather, hebb_gather(x[0], x[1]))
BUILD(take, hebb_take(x[0], x[1], axis(c)))
BUILD(scatter_add, hebb_scatter_add(x[0], x[1], x[2]))
BUILD(scatter_set, hebb_scatter_set(x[0], x[1], x[2]))
BUILD(take_along, hebb_take_along(x[0], x[1], axis(c)))
BUILD(put_along, hebb_put_along(x[0], x[1], x[2], axis(c)))
BUILD(add_along, hebb_add_along(x[0], x[1], x[2], axis(c)))
BUILD(sort, hebb_sort(x[0], axis(c), flag(c, "descending")))
BUILD(argsort, hebb_argsort(x[0], axis(c), flag(c, "descending")))
BUILD(top_k, hebb_top_k(x[0], number(c, "k"), axis(c), flag(c, "largest"), NULL))
static hebb_tensor *build_top_k_places(const golden_case *c, hebb_tensor *const *x) {
    hebb_tensor *places = NULL;
    hebb_top_k(x[0], number(c, "k"), axis(c), flag(c, "largest"), &places);
    return places;
}
BUILD(one_hot, hebb_one_hot(x[0], number(c, "depth"), HEBB_F32))

/* x[1] is NULL where the case has one operand. */
BUILD(einsum, hebb_einsum(golden_text(c, "formula"), x[0], x[1]))

/* ---- all of them ---- */

#define ROW(name, inputs) {#name, inputs, build_##name},
#define ROW_1(name)       ROW(name, "x")
#define ROW_2(name)       ROW(name, "xw")

/* clang-format off */
const golden_op golden_ops[] = {
    EACH_1(ROW_1)
    EACH_2(ROW_2)
    ROW(polygamma, "x") ROW(leaky_relu, "x") ROW(clip, "x")
    ROW(cross_entropy, "xi") ROW(hinge_loss, "xw") ROW(log_softmax_loss, "xi")
    ROW(max_margin_loss, "xi")
    ROW(sum, "x") ROW(mean, "x") ROW(max, "x") ROW(min, "x") ROW(prod, "x") ROW(logsumexp, "x")
    ROW(variance, "x") ROW(standard_deviation, "x")
    ROW(cumsum, "x") ROW(cumprod, "x") ROW(linear_recurrence, "xw")
    ROW(flip, "x") ROW(roll, "x") ROW(move_axis, "x") ROW(swap_axes, "x") ROW(stack, "xw")
    ROW(concat, "xw") ROW(tile, "x") ROW(repeat, "x") ROW(diagonal, "x") ROW(diagonal_scatter, "xw")
    ROW(tril, "x") ROW(triu, "x") ROW(pad_reflect, "x") ROW(pad_edge, "x") ROW(pad, "x")
    ROW(gather, "xi") ROW(take, "xi") ROW(scatter_add, "xiw") ROW(scatter_set, "xiw")
    ROW(take_along, "xi") ROW(put_along, "xiw") ROW(add_along, "xiw")
    ROW(sort, "x") ROW(argsort, "x") ROW(top_k, "x") ROW(top_k_places, "x") ROW(one_hot, "i")
    ROW(einsum, "xw")
    {NULL, NULL, NULL},
};
