/* The operations. Each returns a new tensor of the same graph; errors go to the graph (graph.h).

   Binary ops broadcast as NumPy does: shapes are aligned at their last dimension, and a dimension
   of size 1, or a missing one, stretches to the other's. There is no implicit conversion: two
   operands must have the same dtype (HEBB_E_DTYPE; hebb_cast() converts). "Numeric" means any dtype
   but bool, "floating" f32, f64, f16 or bf16. Axes count from 0; negative ones from the end.

   f16 and bf16 are computed in f32: every op of this header converts its operands to f32 and rounds
   its result once, to nearest even, whatever is fused with what. A sum, mean, matrix product or
   scatter_add rounds only its total. Results beyond 65504 are infinite in f16.

   An axis that does not exist or is named twice is HEBB_E_ARGUMENT. An op that is composed of
   others (hebb_mean, hebb_argmax, ...) reports errors in their words, with the line of its own
   call.

   Gradients exist for floating tensors unless an op says otherwise. */
#ifndef HEBB_OPS_H
#define HEBB_OPS_H

#include <hebb/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- elementwise, one operand: the result has x's shape and dtype ---- */
HEBB_API hebb_tensor *hebb_neg(hebb_tensor *x);        /* -x, numeric */
HEBB_API hebb_tensor *hebb_abs(hebb_tensor *x);        /* |x|, numeric; gradient 0 at 0 */
HEBB_API hebb_tensor *hebb_sign(hebb_tensor *x);       /* -1, 0, 1 or NaN, numeric; gradient 0 */
HEBB_API hebb_tensor *hebb_square(hebb_tensor *x);     /* x * x, numeric */
HEBB_API hebb_tensor *hebb_sqrt(hebb_tensor *x);       /* floating; NaN for x < 0 */
HEBB_API hebb_tensor *hebb_exp(hebb_tensor *x);        /* floating */
HEBB_API hebb_tensor *hebb_log(hebb_tensor *x);        /* natural, floating; log 0 = -inf */
HEBB_API hebb_tensor *hebb_tanh(hebb_tensor *x);       /* floating */
HEBB_API hebb_tensor *hebb_sigmoid(hebb_tensor *x);    /* 1 / (1 + e^-x), floating, exact tails */
HEBB_API hebb_tensor *hebb_softplus(hebb_tensor *x);   /* log(1 + e^x), floating, exact tails */
HEBB_API hebb_tensor *hebb_reciprocal(hebb_tensor *x); /* 1 / x, floating */
HEBB_API hebb_tensor *hebb_floor(hebb_tensor *x);      /* floating; gradient 0 */
HEBB_API hebb_tensor *hebb_not(hebb_tensor *x);        /* bool; of integers bitwise */
/* Converts: to an integer by truncation (u8 and i8 modulo 256), to bool by != 0, to f16 and bf16
   by way of f32: an f64, i32 or i64 may be rounded twice. Values that the integer cannot hold, and
   NaN, give an unspecified integer. */
HEBB_API hebb_tensor *hebb_cast(hebb_tensor *x, hebb_dtype dtype);

/* ---- elementwise, two operands, broadcast ---- */
HEBB_API hebb_tensor *hebb_add(hebb_tensor *a, hebb_tensor *b); /* numeric */
HEBB_API hebb_tensor *hebb_sub(hebb_tensor *a, hebb_tensor *b); /* numeric */
HEBB_API hebb_tensor *hebb_mul(hebb_tensor *a, hebb_tensor *b); /* numeric */
HEBB_API hebb_tensor *hebb_div(hebb_tensor *a, hebb_tensor *b); /* numeric; integers truncate,
                                                                   and x / 0 is 0 for them */
HEBB_API hebb_tensor *hebb_pow(hebb_tensor *a, hebb_tensor *b); /* floating */
/* The larger, the smaller; NaN if either is. Where both are equal the gradient goes to b (in
   PyTorch half of it to each), so that hebb_maximum(x, 0) has the usual derivative 0 at 0. */
HEBB_API hebb_tensor *hebb_maximum(hebb_tensor *a, hebb_tensor *b); /* numeric */
HEBB_API hebb_tensor *hebb_minimum(hebb_tensor *a, hebb_tensor *b); /* numeric */
/* Comparisons give bool, without gradient. */
HEBB_API hebb_tensor *hebb_equal(hebb_tensor *a, hebb_tensor *b);
HEBB_API hebb_tensor *hebb_not_equal(hebb_tensor *a, hebb_tensor *b);
HEBB_API hebb_tensor *hebb_less(hebb_tensor *a, hebb_tensor *b);
HEBB_API hebb_tensor *hebb_less_equal(hebb_tensor *a, hebb_tensor *b);
HEBB_API hebb_tensor *hebb_greater(hebb_tensor *a, hebb_tensor *b);
HEBB_API hebb_tensor *hebb_greater_equal(hebb_tensor *a, hebb_tensor *b);
/* Logical for bool, bitwise for integers. */
HEBB_API hebb_tensor *hebb_and(hebb_tensor *a, hebb_tensor *b);
HEBB_API hebb_tensor *hebb_or(hebb_tensor *a, hebb_tensor *b);
HEBB_API hebb_tensor *hebb_xor(hebb_tensor *a, hebb_tensor *b);
/* condition ? a : b, element by element; all three broadcast. condition is bool. Neither value
   nor gradient takes anything from the branch that is not taken; but what that branch was computed
   from may still turn the zero gradient that it gets into NaN (0 times infinity), as in
   select(x > 0, log(x), x) at 0. */
HEBB_API hebb_tensor *hebb_select(hebb_tensor *condition, hebb_tensor *a, hebb_tensor *b);

/* ---- elementwise mathematics: floating unless it says otherwise ----
   Outside its domain a function is NaN, at a pole infinite. f32 results are within a few units in
   the last place over the whole range (kernels/scalar_math.h and scalar_special.h give each one's
   bound, scalar_double.h those of f64). */
HEBB_API hebb_tensor *hebb_rsqrt(hebb_tensor *x); /* 1 / sqrt(x) */
HEBB_API hebb_tensor *hebb_cbrt(hebb_tensor *x);  /* the real cube root; of negative x too */
HEBB_API hebb_tensor *hebb_expm1(hebb_tensor *x); /* e^x - 1, exact near 0 */
HEBB_API hebb_tensor *hebb_log1p(hebb_tensor *x); /* log(1 + x), exact near 0 */
HEBB_API hebb_tensor *hebb_log2(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_sin(hebb_tensor *x); /* of radians, exact for large x too */
HEBB_API hebb_tensor *hebb_cos(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_tan(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_asin(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_acos(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_atan(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_sinh(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_cosh(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_asinh(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_acosh(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_atanh(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_erf(hebb_tensor *x);     /* 2 / sqrt(pi) integral of e^-t^2, 0 to x */
HEBB_API hebb_tensor *hebb_erfc(hebb_tensor *x);    /* 1 - erf x, exact in the tail */
HEBB_API hebb_tensor *hebb_erfinv(hebb_tensor *x);  /* the y with erf y = x */
HEBB_API hebb_tensor *hebb_lgamma(hebb_tensor *x);  /* log |gamma(x)|; inf at 0, -1, -2, ... */
HEBB_API hebb_tensor *hebb_digamma(hebb_tensor *x); /* d lgamma; NaN at -1, -2, ..., -inf at 0 */
/* Derivative number `order` (0 to 30) of digamma: order 1 is trigamma. It is (-1)^(order + 1)
   order! zeta(order + 1, x), and has gradients of any order. HEBB_E_ARGUMENT for another order. */
HEBB_API hebb_tensor *hebb_polygamma(hebb_tensor *x, int order);
/* Hurwitz' zeta function, the sum of (q + k)^-s over k = 0, 1, ...; broadcast. inf for s = 1 and
   for q = 0, -1, ...; NaN for s < 1, and for q < 0 unless s is whole. Its gradient goes to q only:
   asked for that of s, hebb_gradients() fails with HEBB_E_GRADIENT. */
HEBB_API hebb_tensor *hebb_zeta(hebb_tensor *s, hebb_tensor *q);
/* To a whole number: up, to the nearest one (of two the even one), towards 0; gradient 0. */
HEBB_API hebb_tensor *hebb_ceil(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_round(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_trunc(hebb_tensor *x);
/* Floating to bool, without gradient. */
HEBB_API hebb_tensor *hebb_isnan(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_isinf(hebb_tensor *x); /* of either sign */
HEBB_API hebb_tensor *hebb_isfinite(hebb_tensor *x);

/* a / b rounded down, and what that leaves, a - floor_div(a, b) b, which is 0 or has b's sign: //
   and % of Python and NumPy. Numeric. By 0, integers give 0 for both; floating numbers a / b, and
   NaN. floor_div has gradient 0; mod passes 1 to a and -floor_div(a, b) to b. */
HEBB_API hebb_tensor *hebb_floor_div(hebb_tensor *a, hebb_tensor *b);
HEBB_API hebb_tensor *hebb_mod(hebb_tensor *a, hebb_tensor *b);
/* The angle of the point (x, y), -pi to pi, and its distance from the origin. Zeros and infinities
   as in C; the gradients at the origin are NaN. */
HEBB_API hebb_tensor *hebb_atan2(hebb_tensor *y, hebb_tensor *x);
HEBB_API hebb_tensor *hebb_hypot(hebb_tensor *a, hebb_tensor *b);
/* x 2^n, wrapping around, and x / 2^n rounded down (so the sign is kept); integers of one dtype. An
   n that is negative or not below the dtype's width shifts everything out: 0, or -1 if a negative
   number is shifted right. */
HEBB_API hebb_tensor *hebb_shift_left(hebb_tensor *x, hebb_tensor *n);
HEBB_API hebb_tensor *hebb_shift_right(hebb_tensor *x, hebb_tensor *n);
/* min(max(x, low), high), numeric; high where low > high. NaN stays NaN; an infinite bound is none;
   a NaN bound, or one that x's dtype cannot hold, is HEBB_E_ARGUMENT. The gradient is 1 strictly
   between the bounds and 0 on them (PyTorch and TensorFlow: 1) and outside. */
HEBB_API hebb_tensor *hebb_clip(hebb_tensor *x, double low, double high);

/* ---- reductions ----
   Over `n_axes` axes (HEBB_AXES(0, -1)); HEBB_ALL_AXES reduces all to a scalar. With keep, reduced
   dimensions stay with size 1. */
#define HEBB_AXES(...)                                                                             \
    (const int[]){__VA_ARGS__}, (int)(sizeof((const int[]){__VA_ARGS__}) / sizeof(int))
#define HEBB_ALL_AXES NULL, -1

HEBB_API hebb_tensor *hebb_sum(hebb_tensor *x, const int *axes, int n_axes, bool keep);
/* sum / number of elements; NaN if there are none. Integers are summed in i64 and the quotient is
   truncated; 0 if there are none. */
HEBB_API hebb_tensor *hebb_mean(hebb_tensor *x, const int *axes, int n_axes, bool keep);
/* The largest; NaN if there is one; -inf (or the smallest integer) if there are no elements. Equal
   largest elements share the gradient. hebb_min likewise. */
HEBB_API hebb_tensor *hebb_max(hebb_tensor *x, const int *axes, int n_axes, bool keep);
HEBB_API hebb_tensor *hebb_min(hebb_tensor *x, const int *axes, int n_axes, bool keep);
/* Index (i32) of the first largest element along one axis; the first NaN counts as largest. 2^31 -
   1 if there are none. hebb_argmin likewise. */
HEBB_API hebb_tensor *hebb_argmax(hebb_tensor *x, int axis, bool keep);
HEBB_API hebb_tensor *hebb_argmin(hebb_tensor *x, int axis, bool keep);
/* The number of elements of x over the axes as a scalar of `dtype`, bound when x's sizes are.
   HEBB_E_ARGUMENT from the run if an integer dtype or f16 cannot hold it. */
HEBB_API hebb_tensor *hebb_size(hebb_tensor *x, const int *axes, int n_axes, hebb_dtype dtype);

/* ---- movement ---- */
/* The same elements in row-major order in another shape; at most one size may be HEBB_ANY, and is
   then computed. */
HEBB_API hebb_tensor *hebb_reshape(hebb_tensor *x, hebb_shape shape);
HEBB_API hebb_tensor *hebb_reshape_like(hebb_tensor *x, hebb_tensor *like);
/* All dimensions but the first become one. Rank 0 and 1 give [1, n] and [n, 1]. */
HEBB_API hebb_tensor *hebb_flatten(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_expand_dims(hebb_tensor *x, int axis); /* inserts a size 1 at axis */
HEBB_API hebb_tensor *hebb_squeeze(hebb_tensor *x, int axis);     /* removes a size 1 */
/* Result dimension i is x's dimension order[i], of which there are n; NULL, with any n, reverses
   them. */
HEBB_API hebb_tensor *hebb_transpose(hebb_tensor *x, const int *order, int n);
HEBB_API hebb_tensor *hebb_broadcast_to(hebb_tensor *x, hebb_shape shape);
HEBB_API hebb_tensor *hebb_broadcast_like(hebb_tensor *x, hebb_tensor *like);
/* The transpose of broadcasting: sums x down to the shape of `like`. */
HEBB_API hebb_tensor *hebb_sum_like(hebb_tensor *x, hebb_tensor *like);

#define HEBB_END INT64_MAX
/* One axis of a slice: from start up to (not including) stop by step, as in Python: negative start
   and stop count from the end, both are clipped; step may be negative (then stop = HEBB_END means
   past the front); a step of 0, or one left out, means 1. */
typedef struct hebb_range {
    int axis;
    int64_t start, stop, step;
} hebb_range;
/* hebb_slice(x, HEBB_RANGES({1, 0, HEBB_END, 2})): every second column;
   hebb_slice(x, HEBB_RANGES({.axis = 1, .stop = 32})): the first 32 (by name, fields can be left
   out without a warning of -Wextra). */
#define HEBB_RANGES(...)                                                                           \
    (const hebb_range[]){__VA_ARGS__},                                                             \
        (int)(sizeof((const hebb_range[]){__VA_ARGS__}) / sizeof(hebb_range))
HEBB_API hebb_tensor *hebb_slice(hebb_tensor *x, const hebb_range *ranges, int n_ranges);
/* `base` with `x` written over the slice: x must have the slice's shape. */
HEBB_API hebb_tensor *hebb_slice_scatter(hebb_tensor *base, hebb_tensor *x,
                                         const hebb_range *ranges, int n_ranges);
/* Tensors of one dtype and of shapes equal but along `axis`, one after the other. NULL for NULL or
   count < 1: there is no graph then that could keep an error. */
HEBB_API hebb_tensor *hebb_concat(hebb_tensor *const *tensors, int count, int axis);
HEBB_API hebb_tensor *hebb_concat_at(const char *file, int line, hebb_tensor *const *tensors,
                                     int count, int axis); /* what the macro hebb_concat() calls */

/* ---- linear algebra ---- */
/* Matrix product of the last two dimensions, the others broadcast; floating, rank 2 or more.
   [..., m, k] x [..., k, n] -> [..., m, n]. A transposed operand costs nothing extra. */
HEBB_API hebb_tensor *hebb_matmul(hebb_tensor *a, hebb_tensor *b);

/* ---- indexing ---- */
/* Slices of x along axis 0 picked by indices (i32): [n, ...] and [m...] -> [m..., ...]. An index
   outside 0...n-1 gives NaN (0 for integers) and receives no gradient. */
HEBB_API hebb_tensor *hebb_gather(hebb_tensor *x, hebb_tensor *indices);
/* `base` [n, ...] plus rows of x [m..., ...] added at the indices (i32) [m...]; repeated ones add
   up, in order; ones outside 0...n-1 are dropped. */
HEBB_API hebb_tensor *hebb_scatter_add(hebb_tensor *base, hebb_tensor *indices, hebb_tensor *x);
/* [..., depth] of `dtype`: 1 where the index (i32) is, else 0; all 0 for an index out of range. */
HEBB_API hebb_tensor *hebb_one_hot(hebb_tensor *indices, int64_t depth, hebb_dtype dtype);
/* 0, 1, 2, ... along `axis`, in the shape of `like`; numeric dtype. HEBB_E_ARGUMENT from the run if
   an integer dtype cannot hold the last of them. */
HEBB_API hebb_tensor *hebb_iota_like(hebb_tensor *like, int axis, hebb_dtype dtype);

/* ---- like another tensor's shape ---- */
HEBB_API hebb_tensor *hebb_full_like(hebb_tensor *like, double value); /* and like's dtype */
HEBB_API hebb_tensor *hebb_zeros_like(hebb_tensor *like);
HEBB_API hebb_tensor *hebb_ones_like(hebb_tensor *like);

/* ---- random numbers: Philox 4x32-10 (Salmon et al. 2011), a function of the session's seed, the
   op's place in the graph, the number of the run and the element; the same on every device ---- */
HEBB_API hebb_tensor *hebb_random_uniform(hebb_graph *graph, hebb_dtype dtype,
                                          hebb_shape shape); /* [0, 1), floating; of f16 and
                                                                bf16, multiples of 2^-11, 2^-8 */
HEBB_API hebb_tensor *hebb_random_normal(hebb_graph *graph, hebb_dtype dtype,
                                         hebb_shape shape); /* mean 0, deviation 1, floating */
HEBB_API hebb_tensor *hebb_random_uniform_like(hebb_tensor *like);
HEBB_API hebb_tensor *hebb_random_normal_like(hebb_tensor *like);

/* ---- gradients ---- */
/* x, but a constant to hebb_gradients(). */
HEBB_API hebb_tensor *hebb_stop_gradient(hebb_tensor *x);

#ifdef __cplusplus
}
#endif

#ifndef HEBB_NO_HERE
#include <hebb/here.h>
#endif
#endif
