/* Descriptors of the elementwise ops: see samples.h. */
#include <math.h>

#include "samples.h"

/* ---- references: REAL(name, value for floating x), WHOLE(name, value for integers and bool) ----
   Integers wrap around: sums are taken in unsigned arithmetic and cut to the dtype afterwards. */
#define REAL_OF(name, y)                                                                           \
    static double real_##name(const double *x) { return (y); }
#define WHOLE_OF(name, y)                                                                          \
    static int64_t whole_##name(const int64_t *x) { return (int64_t)(y); }
#define U(k) ((uint64_t)x[k])

REAL_OF(neg, -x[0])
WHOLE_OF(neg, 0 - U(0))
REAL_OF(abs, fabs(x[0]))
WHOLE_OF(abs, x[0] < 0 ? 0 - U(0) : U(0))
REAL_OF(sign, isnan(x[0]) ? NAN : (x[0] > 0) - (x[0] < 0))
WHOLE_OF(sign, (x[0] > 0) - (x[0] < 0))
REAL_OF(square, x[0] * x[0])
WHOLE_OF(square, U(0) * U(0))
REAL_OF(sqrt, sqrt(x[0]))
REAL_OF(exp, exp(x[0]))
REAL_OF(log, log(x[0]))
REAL_OF(tanh, tanh(x[0]))
REAL_OF(sigmoid, x[0] >= 0 ? 1 / (1 + exp(-x[0])) : exp(x[0]) / (1 + exp(x[0])))
REAL_OF(softplus, x[0] > 0 ? x[0] + log1p(exp(-x[0])) : log1p(exp(x[0])))
REAL_OF(reciprocal, 1 / x[0])
REAL_OF(floor, floor(x[0]))
REAL_OF(relu, isnan(x[0]) ? NAN : fmax(x[0], 0))
WHOLE_OF(relu, x[0] > 0 ? x[0] : 0)
REAL_OF(same, x[0])
WHOLE_OF(same, x[0])

REAL_OF(add, x[0] + x[1])
WHOLE_OF(add, U(0) + U(1))
REAL_OF(sub, x[0] - x[1])
WHOLE_OF(sub, U(0) - U(1))
REAL_OF(mul, x[0] * x[1])
WHOLE_OF(mul, U(0) * U(1))
REAL_OF(div, x[0] / x[1])
WHOLE_OF(div, x[1] == 0 ? 0 : (x[1] == -1 ? (int64_t)(0 - U(0)) : x[0] / x[1]))
REAL_OF(pow, pow(x[0], x[1]))
REAL_OF(maximum, isnan(x[0]) || isnan(x[1]) ? NAN : fmax(x[0], x[1]))
WHOLE_OF(maximum, x[0] > x[1] ? x[0] : x[1])
REAL_OF(minimum, isnan(x[0]) || isnan(x[1]) ? NAN : fmin(x[0], x[1]))
WHOLE_OF(minimum, x[0] < x[1] ? x[0] : x[1])

#define COMPARISON(name, operator)                                                                 \
    REAL_OF(name, x[0] operator x[1])                                                              \
    WHOLE_OF(name, x[0] operator x[1])
COMPARISON(equal, ==)
COMPARISON(not_equal, !=)
COMPARISON(less, <)
COMPARISON(less_equal, <=)
COMPARISON(greater, >)
COMPARISON(greater_equal, >=)

REAL_OF(select, x[0] != 0 ? x[1] : x[2])
WHOLE_OF(select, x[0] ? x[1] : x[2])

static values reference_cast(const descriptor *d, const values *in, const params *p) {
    values out = values_cast(&in[0], p->dtype);
    if (p->dtype == HEBB_BOOL) /* by != 0, not by truncation: 0.5 and NaN are true */
        for (int64_t i = 0; i < out.count; i++)
            out.at[i].i = scalar_real(in[0].at[i], in[0].dtype) != 0;
    return out;
}

/* ---- builders ---- */

#define BUILD(name, ...)                                                                           \
    static hebb_tensor *build_##name(hebb_graph *g, hebb_tensor *const *in, const params *p) {     \
        return hebb_##name(__VA_ARGS__);                                                           \
    }
#define BUILD_1(name) BUILD(name, in[0])
#define BUILD_2(name) BUILD(name, in[0], in[1])

BUILD_1(neg)
BUILD_1(abs)
BUILD_1(sign)
BUILD_1(square)
BUILD_1(sqrt)
BUILD_1(exp)
BUILD_1(log)
BUILD_1(tanh)
BUILD_1(sigmoid)
BUILD_1(softplus)
BUILD_1(reciprocal)
BUILD_1(floor)
BUILD_1(relu)
BUILD_1(stop_gradient)
BUILD_2(add)
BUILD_2(sub)
BUILD_2(mul)
BUILD_2(div)
BUILD_2(pow)
BUILD_2(maximum)
BUILD_2(minimum)
BUILD_2(equal)
BUILD_2(not_equal)
BUILD_2(less)
BUILD_2(less_equal)
BUILD_2(greater)
BUILD_2(greater_equal)
BUILD(select, in[0], in[1], in[2])
BUILD(cast, in[0], p->dtype)

/* ---- samples that no family has ---- */

#define WHEN(...)                                                                                  \
    { .shape = DIMS(__VA_ARGS__), .dtype = HEBB_BOOL, .domain = TRUTH, .own_domain = true }
#define WHEN0                                                                                      \
    { .shape = DIMS0, .dtype = HEBB_BOOL, .domain = TRUTH, .own_domain = true }
#define SELECT_EDGE(T)                                                                             \
    {                                                                                              \
        .n_in = 3, .dtype = T, .has_dtype = true, .domain = SPECIAL, .has_domain = true,           \
        .no_gradient = true, .in = {                                                               \
            WHEN(67),                                                                              \
            {.shape = DIMS(67)},                                                                   \
            {.shape = DIMS(67)}                                                                    \
        }                                                                                          \
    }

static const sample select_samples[] = {
    {.n_in = 3, .in = {WHEN(2, 3), {.shape = DIMS(2, 3)}, {.shape = DIMS(2, 3)}}},
    {.n_in = 3, .in = {WHEN0, {.shape = DIMS(3)}, {.shape = DIMS(3)}}},
    {.n_in = 3, .in = {WHEN(4, 1), {.shape = DIMS(3)}, {.shape = DIMS0}}},
    {.n_in = 3, .in = {WHEN(3), {.shape = DIMS(2, 1)}, {.shape = DIMS(4, 1, 1)}}},
    {.n_in = 3, .in = {WHEN(0), {.shape = DIMS0}, {.shape = DIMS(1)}}},
    {.n_in = 3, .in = {WHEN(HEBB_ANY, 3), {.shape = DIMS(HEBB_ANY, 1)}, {.shape = DIMS(3)}}},
    {.n_in = 3, .in = {WHEN(2, 1, 3, 1, 2), {.shape = DIMS(2, 1, 1, 2)}, {.shape = DIMS(3, 1, 1)}}},
    {.n_in = 3,
     .in = {WHEN(4, 6),
            {.shape = DIMS(4, 6), .view = TRANSPOSED},
            {.shape = DIMS(4, 6), .view = FLIPPED}}},
    {.n_in = 3, .in = {WHEN(300), {.shape = DIMS(311, 300)}, {.shape = DIMS(311, 1)}}},
    SELECT_EDGE(REAL),
    SELECT_EDGE(HEBB_I32),
    SELECT_EDGE(HEBB_I64),
    SELECT_EDGE(HEBB_U8),
    SELECT_EDGE(HEBB_I8),
    {.n_in = 3,
     .dtype = HEBB_BOOL,
     .has_dtype = true,
     .in = {WHEN(9),
            {.shape = DIMS(9), .domain = TRUTH, .own_domain = true},
            {.shape = DIMS(9), .domain = TRUTH, .own_domain = true}}},
};

typedef struct conversion {
    hebb_dtype from, to;
    domain domain;
} conversion;

/* Every pair of dtypes, on values that the target holds; u8 and i8 take all, modulo 256. */
static const conversion conversions[] = {
    {REAL, HEBB_F32, REALS},         {REAL, HEBB_F64, REALS},
    {REAL, HEBB_F32, SPECIAL},       {REAL, HEBB_I32, OFF_GRID},
    {REAL, HEBB_I64, OFF_GRID},      {REAL, HEBB_U8, POSITIVE},
    {REAL, HEBB_U8, OFF_GRID},       {REAL, HEBB_BOOL, SPECIAL},
    {REAL, HEBB_BOOL, SMALL},        {HEBB_I32, HEBB_F32, EXTREME},
    {HEBB_I32, HEBB_F64, EXTREME},   {HEBB_I32, HEBB_I64, EXTREME},
    {HEBB_I32, HEBB_U8, EXTREME},    {HEBB_I32, HEBB_BOOL, EXTREME},
    {HEBB_I32, HEBB_I32, EXTREME},   {HEBB_I64, HEBB_F32, EXTREME},
    {HEBB_I64, HEBB_F64, EXTREME},   {HEBB_I64, HEBB_I32, SMALL},
    {HEBB_I64, HEBB_U8, EXTREME},    {HEBB_I64, HEBB_BOOL, EXTREME},
    {HEBB_I64, HEBB_I64, EXTREME},   {HEBB_U8, HEBB_F32, EXTREME},
    {HEBB_U8, HEBB_F64, EXTREME},    {HEBB_U8, HEBB_I32, EXTREME},
    {HEBB_U8, HEBB_I64, EXTREME},    {HEBB_U8, HEBB_BOOL, EXTREME},
    {HEBB_BOOL, HEBB_F32, TRUTH},    {HEBB_BOOL, HEBB_F64, TRUTH},
    {HEBB_BOOL, HEBB_I32, TRUTH},    {HEBB_BOOL, HEBB_I64, TRUTH},
    {HEBB_BOOL, HEBB_U8, TRUTH},     {HEBB_BOOL, HEBB_BOOL, TRUTH},
    {REAL, HEBB_F16, REALS},         {REAL, HEBB_F16, SPECIAL},
    {REAL, HEBB_F16, TAILS},         {REAL, HEBB_BF16, REALS},
    {REAL, HEBB_BF16, SPECIAL},      {REAL, HEBB_BF16, TAILS},
    {HEBB_F16, HEBB_F32, SPECIAL},   {HEBB_F16, HEBB_BF16, SPECIAL},
    {HEBB_F16, HEBB_F16, SPECIAL},   {HEBB_F16, HEBB_I32, TAILS},
    {HEBB_F16, HEBB_I64, TAILS},     {HEBB_F16, HEBB_U8, OFF_GRID},
    {HEBB_F16, HEBB_I8, OFF_GRID},   {HEBB_F16, HEBB_BOOL, SPECIAL},
    {HEBB_F16, HEBB_F64, SPECIAL},   {HEBB_BF16, HEBB_F32, SPECIAL},
    {HEBB_BF16, HEBB_F16, SPECIAL},  {HEBB_BF16, HEBB_BF16, SPECIAL},
    {HEBB_BF16, HEBB_I32, TAILS},    {HEBB_BF16, HEBB_I64, TAILS},
    {HEBB_BF16, HEBB_U8, OFF_GRID},  {HEBB_BF16, HEBB_I8, OFF_GRID},
    {HEBB_BF16, HEBB_BOOL, SPECIAL}, {HEBB_BF16, HEBB_F64, SPECIAL},
    {HEBB_I32, HEBB_F16, EXTREME},   {HEBB_I32, HEBB_BF16, EXTREME},
    {HEBB_I32, HEBB_I8, EXTREME},    {HEBB_I64, HEBB_F16, EXTREME},
    {HEBB_I64, HEBB_BF16, EXTREME},  {HEBB_I64, HEBB_I8, EXTREME},
    {HEBB_U8, HEBB_F16, EXTREME},    {HEBB_U8, HEBB_BF16, EXTREME},
    {HEBB_U8, HEBB_I8, EXTREME},     {HEBB_U8, HEBB_U8, EXTREME},
    {HEBB_BOOL, HEBB_F16, TRUTH},    {HEBB_BOOL, HEBB_BF16, TRUTH},
    {HEBB_BOOL, HEBB_I8, TRUTH},     {HEBB_I8, HEBB_F32, EXTREME},
    {HEBB_I8, HEBB_F64, EXTREME},    {HEBB_I8, HEBB_F16, EXTREME},
    {HEBB_I8, HEBB_BF16, EXTREME},   {HEBB_I8, HEBB_I32, EXTREME},
    {HEBB_I8, HEBB_I64, EXTREME},    {HEBB_I8, HEBB_U8, EXTREME},
    {HEBB_I8, HEBB_BOOL, EXTREME},   {HEBB_I8, HEBB_I8, EXTREME},
    {REAL, HEBB_I8, OFF_GRID},       {REAL, HEBB_I8, POSITIVE},
};

static void cast_family(const descriptor *d, sample_list *list) {
    static const operand shapes[] = {{.shape = DIMS(67)},
                                     {.shape = DIMS(4, 3), .view = TRANSPOSED},
                                     {.shape = DIMS(HEBB_ANY, 2)},
                                     {.shape = DIMS(3, 0)},
                                     {.shape = DIMS0}};
    for (size_t i = 0; i < COUNT(conversions); i++) {
        const conversion *c = &conversions[i];
        size_t n = c->from == REAL || i % 3 == 0 ? COUNT(shapes) : 1;
        for (size_t k = 0; k < n; k++) {
            sample s = {.n_in = 1,
                        .in = {shapes[k]},
                        .dtype = c->from,
                        .has_dtype = true,
                        .domain = c->domain,
                        .has_domain = true,
                        .p.dtype = c->to,
                        .no_gradient = c->to != HEBB_F64};
            sample_push(list, &s);
        }
    }
}

#define NO_DTYPE ((hebb_dtype)77)
static const error_sample select_errors[] = {
    {.n_in = 3,
     .in = {{DIMS(2)}, {DIMS(2)}, {DIMS(2)}},
     .status = HEBB_E_DTYPE,
     .message = "the condition is f32, not bool"},
    {.n_in = 3,
     .in = {WHEN(2), {DIMS(2)}, {.shape = DIMS(2), .dtype = HEBB_I32}},
     .status = HEBB_E_DTYPE,
     .message = "f32 and i32 differ"},
    {.n_in = 3,
     .in = {WHEN(2), {DIMS(2)}, {DIMS(3)}},
     .status = HEBB_E_SHAPE,
     .message = "do not broadcast"},
    {.n_in = 3,
     .in = {WHEN(4, 1), {DIMS(3, 2)}, {DIMS(2)}},
     .status = HEBB_E_SHAPE,
     .message = "do not broadcast"},
};
static const error_sample cast_errors[] = {
    {.n_in = 1,
     .in = {{DIMS(2)}},
     .p.dtype = NO_DTYPE,
     .status = HEBB_E_DTYPE,
     .message = "77 is no dtype"},
};

/* ---- the table ---- */

#define ROW(NAME, OP, ARITY, FAMILY)                                                               \
    .name = #NAME, .op = OP, .build = build_##NAME, .arity = ARITY, .family = FAMILY, .result = SAME
#define UNARY(NAME)  ROW(NAME, #NAME, 1, unary_family), .real = real_##NAME
#define BINARY(NAME) ROW(NAME, #NAME, 2, binary_family), .real = real_##NAME
#define COMPARE(NAME)                                                                              \
    {                                                                                              \
        BINARY(NAME), .whole = whole_##NAME, .dtypes = TAKES_ALL, .domain = SMALL,                 \
                      .edges = {SPECIAL}, .result = HEBB_BOOL                                      \
    }

#pragma GCC diagnostic ignored "-Woverride-init" /* COMPARE states a result of its own */
static const descriptor table[] = {
    {UNARY(neg), .whole = whole_neg, .dtypes = TAKES_NUMBERS, .edges = {SPECIAL},
     .differentiable = true},
    {UNARY(abs), .whole = whole_abs, .dtypes = TAKES_NUMBERS, .domain = NONZERO, .edges = {SPECIAL},
     .differentiable = true},
    {UNARY(sign), .whole = whole_sign, .dtypes = TAKES_NUMBERS, .domain = NONZERO,
     .edges = {SPECIAL, SMALL}, .differentiable = true},
    {ROW(square, NULL, 1, unary_family), .real = real_square, .whole = whole_square,
     .dtypes = TAKES_NUMBERS, .edges = {SPECIAL}, .differentiable = true},
    {UNARY(sqrt), .dtypes = TAKES_REAL, .domain = POSITIVE, .edges = {SPECIAL, TAILS},
     .differentiable = true},
    {UNARY(exp), .dtypes = TAKES_REAL, .edges = {SPECIAL, TAILS}, .differentiable = true},
    {UNARY(log), .dtypes = TAKES_REAL, .domain = POSITIVE, .edges = {SPECIAL, TAILS},
     .differentiable = true},
    {UNARY(tanh), .dtypes = TAKES_REAL, .edges = {SPECIAL, TAILS}, .differentiable = true},
    {UNARY(sigmoid), .dtypes = TAKES_REAL, .edges = {SPECIAL, TAILS}, .differentiable = true},
    {UNARY(softplus), .dtypes = TAKES_REAL, .edges = {SPECIAL, TAILS}, .differentiable = true},
    {UNARY(reciprocal), .dtypes = TAKES_REAL, .domain = NONZERO, .edges = {SPECIAL, TAILS},
     .differentiable = true},
    {UNARY(floor), .dtypes = TAKES_REAL, .domain = OFF_GRID, .edges = {SPECIAL, TAILS},
     .differentiable = true},
    {ROW(relu, NULL, 1, unary_family), .real = real_relu, .whole = whole_relu,
     .dtypes = TAKES_NUMBERS, .domain = NONZERO, .edges = {SPECIAL}, .differentiable = true},
    {ROW(stop_gradient, "stop_gradient", 1, unary_family), .real = real_same, .whole = whole_same,
     .dtypes = TAKES_ALL, .edges = {SPECIAL}, .no_errors = "it takes any tensor"},
    {BINARY(add), .whole = whole_add, .dtypes = TAKES_NUMBERS, .edges = {SPECIAL},
     .differentiable = true},
    {BINARY(sub), .whole = whole_sub, .dtypes = TAKES_NUMBERS, .edges = {SPECIAL},
     .differentiable = true},
    {BINARY(mul), .whole = whole_mul, .dtypes = TAKES_NUMBERS, .edges = {SPECIAL},
     .differentiable = true},
    {BINARY(div), .whole = whole_div, .dtypes = TAKES_NUMBERS, .domain = NONZERO,
     .edges = {SPECIAL, SMALL}, .differentiable = true},
    {BINARY(pow), .dtypes = TAKES_REAL, .domain = POSITIVE, .edges = {SPECIAL, SMALL},
     .differentiable = true, .f32 = {2e-6, 1.2e-38},
     .reason = "OpenCL allows 16 units in the last place for pow"},
    {BINARY(maximum), .whole = whole_maximum, .dtypes = TAKES_NUMBERS, .domain = DISTINCT,
     .edges = {SPECIAL, SMALL}, .differentiable = true},
    {BINARY(minimum), .whole = whole_minimum, .dtypes = TAKES_NUMBERS, .domain = DISTINCT,
     .edges = {SPECIAL, SMALL}, .differentiable = true},
    COMPARE(equal),
    COMPARE(not_equal),
    COMPARE(less),
    COMPARE(less_equal),
    COMPARE(greater),
    COMPARE(greater_equal),
    {ROW(select, "select", 3, NULL), .real = real_select, .whole = whole_select,
     .extra = select_samples, .n_extra = COUNT(select_samples), .differentiable = true,
     ERRORS(select_errors)},
    {ROW(cast, "cast", 1, cast_family), .reference = reference_cast, .differentiable = true,
     ERRORS(cast_errors)},
};

const descriptor_table elementwise_table = {table, COUNT(table)};
