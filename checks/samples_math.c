/* Descriptors of elementwise mathematics, rounding and operations on bits: see samples.h. */
#include <math.h>

#include "exact.h"
#include "samples.h"

/* ---- references ---- */

#define REAL_OF(name, y)                                                                           \
    static double real_##name(const double *x) { return (y); }
#define WHOLE_OF(name, y)                                                                          \
    static int64_t whole_##name(const int64_t *x) { return (y); }

REAL_OF(rsqrt, 1 / sqrt(x[0]))
REAL_OF(cbrt, cbrt(x[0]))
REAL_OF(expm1, expm1(x[0]))
REAL_OF(log1p, log1p(x[0]))
REAL_OF(log2, log2(x[0]))
REAL_OF(sin, sin(x[0]))
REAL_OF(cos, cos(x[0]))
REAL_OF(tan, tan(x[0]))
REAL_OF(asin, asin(x[0]))
REAL_OF(acos, acos(x[0]))
REAL_OF(atan, atan(x[0]))
REAL_OF(sinh, sinh(x[0]))
REAL_OF(cosh, cosh(x[0]))
REAL_OF(asinh, asinh(x[0]))
REAL_OF(acosh, acosh(x[0]))
REAL_OF(atanh, atanh(x[0]))
REAL_OF(erf, erf(x[0]))
REAL_OF(erfc, erfc(x[0]))
REAL_OF(erfinv, exact_erfinv(x[0]))
REAL_OF(lgamma, lgamma(x[0]))
REAL_OF(digamma, exact_digamma(x[0]))
REAL_OF(ceil, ceil(x[0]))
REAL_OF(round, nearbyint(x[0]))
REAL_OF(trunc, trunc(x[0]))
REAL_OF(isnan, isnan(x[0]))
REAL_OF(isinf, isinf(x[0]))
REAL_OF(isfinite, isfinite(x[0]))
REAL_OF(clip, isnan(x[0]) ? x[0] : fmin(fmax(x[0], 0), 1))
WHOLE_OF(clip, x[0]<0 ? 0 : x[0]> 1 ? 1 : x[0])
REAL_OF(mod, exact_mod(x[0], x[1]))
WHOLE_OF(mod, exact_mod_whole(x[0], x[1]))
REAL_OF(floor_div, exact_floor_div(x[0], x[1]))
WHOLE_OF(floor_div, exact_floor_div_whole(x[0], x[1]))
REAL_OF(atan2, atan2(x[0], x[1]))
REAL_OF(hypot, hypot(x[0], x[1]))
WHOLE_OF(and, x[0] & x[1])
WHOLE_OF(or, x[0] | x[1])
WHOLE_OF(xor, x[0] ^ x[1])

typedef int64_t shift(int64_t x, int64_t n, int bits);
static values shifted(const values *in, shift *f) {
    values out = values_make(in[0].dtype, broadcast_shapes(in[0].shape, in[1].shape));
    for (int64_t i = 0; i < out.count; i++) {
        int64_t x = in[0].at[broadcast_index(i, out.shape, in[0].shape)].i;
        int64_t n = in[1].at[broadcast_index(i, out.shape, in[1].shape)].i;
        int bits = 8 * (int)hebb_dtype_size(out.dtype);
        out.at[i] = scalar_held((scalar){.i = f(x, n, bits)}, out.dtype);
    }
    return out;
}
static values reference_shift_left(const descriptor *d, const values *in, const params *p) {
    return shifted(in, exact_shift_left);
}
static values reference_shift_right(const descriptor *d, const values *in, const params *p) {
    return shifted(in, exact_shift_right);
}

static values reference_not(const descriptor *d, const values *in, const params *p) {
    values out = values_make(in[0].dtype, in[0].shape);
    for (int64_t i = 0; i < out.count; i++) {
        int64_t x = in[0].at[i].i;
        out.at[i] = scalar_held((scalar){.i = out.dtype == HEBB_BOOL ? !x : ~x}, out.dtype);
    }
    return out;
}

static values reference_zeta(const descriptor *d, const values *in, const params *p) {
    values out = values_make(in[0].dtype, in[0].shape);
    for (int64_t i = 0; i < out.count; i++) out.at[i].f = exact_zeta(p->value, in[0].at[i].f);
    return out;
}
static values reference_polygamma(const descriptor *d, const values *in, const params *p) {
    values out = values_make(in[0].dtype, in[0].shape);
    double factor = p->axis % 2 == 0 ? -1 : 1;
    for (int k = 2; k <= p->axis; k++) factor *= k;
    for (int64_t i = 0; i < out.count; i++)
        out.at[i].f = p->axis == 0 ? exact_digamma(in[0].at[i].f)
                                   : factor * exact_zeta(p->axis + 1, in[0].at[i].f);
    return out;
}

/* ---- builders ---- */

#define BUILD(name, ...)                                                                           \
    static hebb_tensor *build_##name(hebb_graph *g, hebb_tensor *const *in, const params *p) {     \
        return hebb_##name(__VA_ARGS__);                                                           \
    }
#define BUILD_1(name) BUILD(name, in[0])
#define BUILD_2(name) BUILD(name, in[0], in[1])

BUILD_1(rsqrt)
BUILD_1(cbrt)
BUILD_1(expm1)
BUILD_1(log1p)
BUILD_1(log2)
BUILD_1(sin)
BUILD_1(cos)
BUILD_1(tan)
BUILD_1(asin)
BUILD_1(acos)
BUILD_1(atan)
BUILD_1(sinh)
BUILD_1(cosh)
BUILD_1(asinh)
BUILD_1(acosh)
BUILD_1(atanh)
BUILD_1(erf)
BUILD_1(erfc)
BUILD_1(erfinv)
BUILD_1(lgamma)
BUILD_1(digamma)
BUILD_1(ceil)
BUILD_1(round)
BUILD_1(trunc)
BUILD_1(isnan)
BUILD_1(isinf)
BUILD_1(isfinite)
BUILD_1(not )
BUILD(clip, in[0], 0, 1)
BUILD(zeta, hebb_scalar_like(in[0], p->value), in[0])
BUILD(polygamma, in[0], p->axis)
BUILD_2(mod)
BUILD_2(floor_div)
BUILD_2(atan2)
BUILD_2(hypot)
BUILD_2(and)
BUILD_2(or)
BUILD_2(xor)
BUILD_2(shift_left)
BUILD_2(shift_right)

/* ---- samples beside the families' ---- */

/* The family with exponents, or orders, 2, 3 and so on. */
static void zeta_family(const descriptor *d, sample_list *list) {
    size_t first = list->count;
    unary_family(d, list);
    for (size_t i = first; i < list->count; i++) {
        list->at[i].p.axis = (int)(i - first) % 5;
        list->at[i].p.value = 2 + (int)(i - first) % 4;
    }
}

/* To the left of 0, between the poles. */
static const sample gamma_samples[] = {
    {.n_in = 1, .in = {{.shape = DIMS(40)}}, .domain = OFF_GRID, .has_domain = true},
};
static const sample zeta_samples[] = {
    {.n_in = 1,
     .in = {{.shape = DIMS(20)}},
     .domain = OFF_GRID,
     .has_domain = true,
     .p = {.value = 2, .axis = 1}},
    {.n_in = 1,
     .in = {{.shape = DIMS(20)}},
     .domain = OFF_GRID,
     .has_domain = true,
     .p = {.value = 3, .axis = 2}},
    {.n_in = 1, .in = {{.shape = DIMS(9)}}, .p = {.value = 1.5, .axis = 9}},
    {.n_in = 1, .in = {{.shape = DIMS(9)}}, .p = {.value = 1, .axis = 0}, .no_gradient = true},
    {.n_in = 1, .in = {{.shape = DIMS(9)}}, .p = {.value = 0.5, .axis = 30}, .no_gradient = true},
};

/* bool first: of integers the op is composed. */
static void not_family(const descriptor *d, sample_list *list) {
    descriptor half = *d;
    half.dtypes = TAKES_BOOL;
    unary_family(&half, list);
    half.dtypes = TAKES_INTEGERS;
    unary_family(&half, list);
}

static const error_sample not_errors[] = {
    {.n_in = 1, .in = {{DIMS(2)}}, .status = HEBB_E_DTYPE, .message = "f32 is not bool"},
};
#define INTEGER                                                                                    \
    {                                                                                              \
        .n_in = 1, .in = {{DIMS(2)}}, .dtype = HEBB_I32, .p = {.value = 2, .axis = 1},             \
        .status = HEBB_E_DTYPE, .message = "i32 is not floating"                                   \
    }
static const error_sample zeta_errors[] = {INTEGER};
static const error_sample polygamma_errors[] = {
    INTEGER,
    {.n_in = 1,
     .in = {{DIMS(2)}},
     .p.axis = -1,
     .status = HEBB_E_ARGUMENT,
     .message = "the order -1 is not in 0...30"},
    {.n_in = 1,
     .in = {{DIMS(2)}},
     .p.axis = 31,
     .status = HEBB_E_ARGUMENT,
     .message = "the order 31 is not in 0...30"},
};

/* ---- the table ---- */

#define ROW(NAME, OP, ARITY, FAMILY)                                                               \
    .name = #NAME, .op = OP, .build = build_##NAME, .arity = ARITY, .family = FAMILY, .result = SAME
#define UNARY(NAME)                                                                                \
    ROW(NAME, #NAME, 1, unary_family), .real = real_##NAME, .dtypes = TAKES_REAL,                  \
                                       .edges = {SPECIAL, TAILS}
#define BINARY(NAME) ROW(NAME, #NAME, 2, binary_family), .edges = {SPECIAL, SMALL}
#define TEST(NAME)                                                                                 \
    {                                                                                              \
        ROW(NAME, #NAME, 1, unary_family), .real = real_##NAME, .dtypes = TAKES_REAL,              \
                                           .domain = NONFINITE, .edges = {SPECIAL},                \
                                           .result = HEBB_BOOL                                     \
    }
#define TAKES_BITS (TAKES_INTEGERS | TAKES_BOOL)

#pragma GCC diagnostic ignored "-Woverride-init" /* TEST states a result of its own */
static const descriptor table[] = {
    {UNARY(rsqrt), .domain = POSITIVE, .differentiable = true},
    {UNARY(cbrt), .domain = NONZERO, .differentiable = true},
    {UNARY(expm1), .differentiable = true},
    {UNARY(log1p), .domain = INSIDE, .differentiable = true},
    {UNARY(log2), .domain = POSITIVE, .differentiable = true},
    {UNARY(sin), .differentiable = true},
    {UNARY(cos), .differentiable = true},
    {UNARY(tan), .domain = INSIDE, .differentiable = true},
    {UNARY(asin), .domain = INSIDE, .differentiable = true},
    {UNARY(acos), .domain = INSIDE, .differentiable = true},
    {UNARY(atan), .differentiable = true},
    {UNARY(sinh), .differentiable = true},
    {UNARY(cosh), .differentiable = true},
    {UNARY(asinh), .differentiable = true},
    {UNARY(acosh), .domain = BEYOND, .differentiable = true},
    {UNARY(atanh), .domain = INSIDE, .differentiable = true},
    {UNARY(erf), .differentiable = true},
    {UNARY(erfc), .differentiable = true},
    {UNARY(erfinv), .domain = INSIDE, .differentiable = true},
    {UNARY(lgamma), .domain = POSITIVE, .differentiable = true, .extra = gamma_samples,
     .n_extra = COUNT(gamma_samples), .f32 = {1e-6, 2e-6}, .f64 = {1e-14, 1e-14},
     .reason = "around the zeros at negative x only the absolute error is small"},
    {UNARY(digamma), .domain = POSITIVE, .differentiable = true, .extra = gamma_samples,
     .n_extra = COUNT(gamma_samples), .f32 = {2e-6, 3e-6}, .f64 = {1e-14, 1e-14},
     .reason = "around the zeros at negative x only the absolute error is small"},
    {ROW(zeta, "zeta", 1, zeta_family), .reference = reference_zeta, .dtypes = TAKES_REAL,
     .domain = POSITIVE, .edges = {SPECIAL}, .differentiable = true, .extra = zeta_samples,
     .n_extra = COUNT(zeta_samples), .f32 = {4e-6, 4e-6}, .f64 = {1e-13, 1e-13},
     .reason = "OpenCL allows 16 units in the last place for pow; zeros at negative x",
     ERRORS(zeta_errors)},
    {ROW(polygamma, NULL, 1, zeta_family), .reference = reference_polygamma, .dtypes = TAKES_REAL,
     .domain = POSITIVE, .edges = {SPECIAL}, .differentiable = true, .extra = zeta_samples,
     .n_extra = COUNT(zeta_samples), .f32 = {4e-6, 1e-5}, .f64 = {1e-13, 1e-13},
     .reason = "OpenCL allows 16 units in the last place for pow; zeros at negative x",
     .no_halves = "the factorial and the zeta function that it is a product of overflow first",
     ERRORS(polygamma_errors)},
    {UNARY(ceil), .domain = OFF_GRID, .differentiable = true},
    {UNARY(round), .domain = OFF_GRID, .differentiable = true, .edges = {SPECIAL, TAILS, HALVES}},
    {UNARY(trunc), .domain = OFF_GRID, .differentiable = true},
    TEST(isnan),
    TEST(isinf),
    TEST(isfinite),
    {ROW(clip, NULL, 1, unary_family), .real = real_clip, .whole = whole_clip,
     .dtypes = TAKES_NUMBERS, .edges = {SPECIAL}, .differentiable = true},
    {BINARY(mod), .real = real_mod, .whole = whole_mod, .dtypes = TAKES_NUMBERS, .domain = NONZERO,
     .differentiable = true},
    {BINARY(floor_div), .real = real_floor_div, .whole = whole_floor_div, .dtypes = TAKES_NUMBERS,
     .domain = NONZERO, .differentiable = true},
    {BINARY(atan2), .real = real_atan2, .dtypes = TAKES_REAL, .domain = NONZERO,
     .differentiable = true},
    {BINARY(hypot), .real = real_hypot, .dtypes = TAKES_REAL, .domain = NONZERO,
     .differentiable = true},
    {ROW(not, "not", 1, not_family), .reference = reference_not, .dtypes = TAKES_BITS,
     .edges = {SPECIAL}, ERRORS(not_errors)},
    {BINARY(and), .whole = whole_and, .dtypes = TAKES_BITS},
    {BINARY(or), .whole = whole_or, .dtypes = TAKES_BITS},
    {BINARY(xor), .whole = whole_xor, .dtypes = TAKES_BITS},
    {BINARY(shift_left), .reference = reference_shift_left, .dtypes = TAKES_INTEGERS},
    {BINARY(shift_right), .reference = reference_shift_right, .dtypes = TAKES_INTEGERS},
};

const descriptor_table math_table = {table, COUNT(table)};
