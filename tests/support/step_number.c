/* See step_number.h. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "../../checks/exact.h"
#include "../../checks/half.h"
#include "step_math.h"
#include "step_number.h"

double number_epsilon(hebb_dtype dtype) {
    if (is_half(dtype)) return half_epsilon(dtype);
    return dtype == HEBB_F32 ? FLT_EPSILON : DBL_EPSILON;
}

number number_missing(hebb_dtype dtype) {
    return hebb_dtype_floating(dtype) ? (number){.f = NAN} : (number){0};
}

/* ---- memory ---- */

double reference_read(const char *memory, hebb_dtype dtype, int64_t index) {
    memory += index * (int64_t)hebb_dtype_size(dtype);
    float f;
    double d;
    int32_t i;
    int64_t l;
    uint16_t h;
    switch (dtype) {
    case HEBB_F32: memcpy(&f, memory, sizeof f); return f;
    case HEBB_F64: memcpy(&d, memory, sizeof d); return d;
    case HEBB_I32: memcpy(&i, memory, sizeof i); return i;
    case HEBB_I64: memcpy(&l, memory, sizeof l); return (double)l;
    case HEBB_I8: return *(const int8_t *)memory;
    case HEBB_F16:
    case HEBB_BF16: memcpy(&h, memory, sizeof h); return half_value(h, dtype);
    default: return *(const uint8_t *)memory;
    }
}

number number_load(const char *memory, hebb_dtype dtype) {
    number x = {.f = reference_read(memory, dtype, 0)};
    if (dtype == HEBB_I64) memcpy(&x.i, memory, sizeof x.i);
    else if (!hebb_dtype_floating(dtype)) x.i = (int64_t)x.f;
    return x;
}

void number_put(reference_buffer *buffer, int64_t at, hebb_dtype dtype, number x) {
    const float f = (float)x.f;
    const int32_t i = (int32_t)x.i;
    const uint8_t b = (uint8_t)x.i;
    const uint16_t h = is_half(dtype) ? half_bits(x.f, dtype) : 0;
    switch (dtype) {
    case HEBB_F32: memcpy(buffer->bytes + at, &f, sizeof f); break;
    case HEBB_F64: memcpy(buffer->bytes + at, &x.f, sizeof x.f); break;
    case HEBB_I32: memcpy(buffer->bytes + at, &i, sizeof i); break;
    case HEBB_I64: memcpy(buffer->bytes + at, &x.i, sizeof x.i); break;
    case HEBB_F16:
    case HEBB_BF16: memcpy(buffer->bytes + at, &h, sizeof h); break;
    default: memcpy(buffer->bytes + at, &b, sizeof b); break;
    }
    buffer->error[at] = x.error;
}

/* ---- scalar semantics ---- */

/* As a result of this dtype: floats rounded, integers wrapped. */
number number_as(hebb_dtype dtype, number x) {
    switch (dtype) {
    case HEBB_F32:
        if (fabs(x.f) > 1e38 && isfinite(x.f)) x.error = INFINITY;
        x.f = (float)x.f;
        if (isnan(x.error)) x.error = INFINITY;
        break;
    case HEBB_F64:
        if (isnan(x.error)) x.error = INFINITY;
        break;
    case HEBB_I32: x.i = (int32_t)(uint32_t)x.i; break;
    case HEBB_I64: break;
    case HEBB_U8: x.i &= 255; break;
    case HEBB_BOOL: x.i = x.i != 0; break;
    case HEBB_I8: x.i = (int8_t)(uint8_t)x.i; break;
    case HEBB_F16:
    case HEBB_BF16: x.f = half_round(x.f, dtype); break;
    }
    return x;
}

/* A float result with the error that came from operands, and a relative one of its own. */
static number rounded(hebb_dtype dtype, double f, double from_operands, double ulps) {
    const double tiny = dtype == HEBB_F32 ? 1e-37 : 1e-300;
    const double own =
        isfinite(f) ? fabs(f) * ulps * number_epsilon(dtype) + (ulps > 0 ? tiny : 0) : 0;
    return number_as(dtype, (number){.f = f, .error = from_operands + own});
}

/* Library functions in f32 are approximations; f64 ones may be off in the last places. */
enum { BASIC = 1, APPROXIMATE = 16 };

static double derivative_error(double error, double slope) {
    return error == 0 ? 0 : error * fabs(slope) * 1.5;
}

static number unary_float(int code, hebb_dtype dtype, number x) {
    const double a = x.f, e = x.error;
    double r;
    switch (code) {
    case HB_NEG: return rounded(dtype, -a, e, 0);
    case HB_ABS: return rounded(dtype, fabs(a), e, 0);
    case HB_SIGN:
        r = a > 0 ? 1 : (a < 0 ? -1 : a);
        return rounded(dtype, r, fabs(a) <= e && e > 0 ? INFINITY : 0, 0);
    case HB_SQRT:
        r = sqrt(a);
        return rounded(dtype, r, e == 0 ? 0 : (a > 2 * e ? e / r : INFINITY), BASIC * 2);
    case HB_EXP:
        r = exp(a);
        return rounded(dtype, r, e > 1 ? INFINITY : derivative_error(e, 2 * r), APPROXIMATE);
    case HB_LOG:
        r = log(a);
        if (e > 0 && a < 2 * e) return rounded(dtype, r, INFINITY, 0);
        return rounded(dtype, r, derivative_error(e, 2 / a) + number_epsilon(dtype) * 2,
                       APPROXIMATE);
    case HB_TANH: return rounded(dtype, tanh(a), e, APPROXIMATE);
    case HB_SIGMOID:
        r = a >= 0 ? 1 / (1 + exp(-a)) : exp(a) / (1 + exp(a));
        return rounded(dtype, r, e, APPROXIMATE);
    case HB_SOFTPLUS:
        r = isnan(a) ? a : fmax(a, 0) + log1p(exp(-fabs(a)));
        return rounded(dtype, r, e, APPROXIMATE);
    case HB_RECIPROCAL:
        if (e > 0 && fabs(a) < 2 * e) return rounded(dtype, 1 / a, INFINITY, 0);
        return rounded(dtype, 1 / a, derivative_error(e, 2 / (a * a)), BASIC * 4);
    default: /* HB_FLOOR */
        return rounded(dtype, floor(a), floor(a - e) != floor(a + e) ? INFINITY : 0, 0);
    }
}

static number binary_float(int code, hebb_dtype dtype, number x, number y) {
    const double a = x.f, b = y.f, e = x.error + y.error;
    double r;
    switch (code) {
    case HB_ADD: return rounded(dtype, a + b, e, BASIC);
    case HB_SUB: return rounded(dtype, a - b, e, BASIC);
    case HB_MUL:
        r = e == 0 ? 0 : fabs(a) * y.error + fabs(b) * x.error + x.error * y.error;
        return rounded(dtype, a * b, r, BASIC);
    case HB_DIV:
        r = a / b;
        if (y.error > 0 && fabs(b) < 2 * y.error) return rounded(dtype, r, INFINITY, 0);
        return rounded(dtype, r, e == 0 ? 0 : 2 * (x.error + fabs(r) * y.error) / fabs(b),
                       BASIC * 4);
    case HB_POW: return rounded(dtype, pow(a, b), e == 0 ? 0 : INFINITY, APPROXIMATE * 4);
    case HB_MAX:
        r = isnan(a) || isnan(b) ? NAN : fmax(a, b);
        return rounded(dtype, r, fmax(x.error, y.error), 0);
    default: /* HB_MIN */
        r = isnan(a) || isnan(b) ? NAN : fmin(a, b);
        return rounded(dtype, r, fmax(x.error, y.error), 0);
    }
}

static int64_t divide(int64_t a, int64_t b) {
    if (b == 0) return 0;
    return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

static number integer(int code, hebb_dtype dtype, number x, number y, int arity) {
    const int64_t a = x.i, b = y.i;
    const uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
    const int bits = 8 * (int)hebb_dtype_size(dtype);
    number r = {.error = x.error > 0 || (arity > 1 && y.error > 0) ? INFINITY : 0};
    switch (code) {
    case HB_NEG: r.i = (int64_t)(0 - ua); break;
    case HB_ABS: r.i = a < 0 ? (int64_t)(0 - ua) : a; break;
    case HB_SIGN: r.i = (a > 0) - (a < 0); break;
    case HB_NOT: r.i = !a; break;
    case HB_ADD: r.i = (int64_t)(ua + ub); break;
    case HB_SUB: r.i = (int64_t)(ua - ub); break;
    case HB_MUL: r.i = (int64_t)(ua * ub); break;
    case HB_DIV: r.i = divide(a, b); break;
    case HB_MAX: r.i = a > b ? a : b; break;
    case HB_MIN: r.i = a < b ? a : b; break;
    case HB_AND: r.i = a & b; break;
    case HB_OR: r.i = a | b; break;
    case HB_XOR: r.i = a ^ b; break;
    case HB_MOD: r.i = exact_mod_whole(a, b); break;
    case HB_FLOOR_DIV: r.i = exact_floor_div_whole(a, b); break;
    case HB_SHIFT_LEFT: r.i = exact_shift_left(a, b, bits); break;
    case HB_SHIFT_RIGHT: r.i = exact_shift_right(a, b, bits); break;
    }
    return number_as(dtype, r);
}

/* How far the value at (a, b) is from r; infinite where one of them is no number. */
static double distance(int code, double a, double b, double r) {
    double value = NAN;
    step_math(code, a, b, &value);
    const double d = fabs(value - r);
    return isnan(d) ? INFINITY : d;
}

/* Errors of the operands count as the function's change over them, if they are small. Around zeros
   that are far from 0 it is the absolute error that is small. */
static number math(int code, hebb_dtype dtype, number x, number y) {
    double r = 0, e = 0;
    step_math(code, x.f, y.f, &r);
    if (dtype == HEBB_BOOL) return (number){.i = r != 0, .error = isfinite(x.error) ? 0 : INFINITY};
    if (x.error > 0.05 || y.error > 0.05) return rounded(dtype, r, INFINITY, 0);
    if (x.error > 0)
        e = 2 * fmax(distance(code, x.f - x.error, y.f, r), distance(code, x.f + x.error, y.f, r));
    if (y.error > 0)
        e += 2 * fmax(distance(code, x.f, y.f - y.error, r), distance(code, x.f, y.f + y.error, r));
    const bool shifted = code == HB_LGAMMA || code == HB_DIGAMMA || code == HB_ZETA;
    if (shifted) e += 64 * number_epsilon(dtype);
    if (code == HB_ZETA && isnan(r)) e = INFINITY;
    return rounded(dtype, r, e, 4 * APPROXIMATE);
}

static number compare(int code, hebb_dtype dtype, number x, number y) {
    number r = {0};
    const double e = x.error + y.error;
#define COMPARE(op) (hebb_dtype_floating(dtype) ? x.f op y.f : x.i op y.i)
    switch (code) {
    case HB_EQ: r.i = COMPARE(==); break;
    case HB_NE: r.i = COMPARE(!=); break;
    case HB_LT: r.i = COMPARE(<); break;
    case HB_LE: r.i = COMPARE(<=); break;
    case HB_GT: r.i = COMPARE(>); break;
    default: r.i = COMPARE(>=); break;
    }
#undef COMPARE
    if (e > 0 && !(hebb_dtype_floating(dtype) && fabs(x.f - y.f) > e)) r.error = INFINITY;
    return r;
}

/* Exact, unless the operand is not: it may then be on either side of a boundary, in the last place
   of which the infinity beyond the largest number is one. */
static number cast_to_half(hebb_dtype to, number x) {
    number r = number_as(to, (number){.f = x.f, .error = x.error});
    const double least = half_epsilon(to) * half_smallest(to);
    if (x.error == 0 || isnan(x.f)) return r;
    if (fabs(x.f) + x.error >= half_largest(to)) r.error = INFINITY;
    else r.error += fabs(x.f) * half_epsilon(to) + least;
    return r;
}

number number_cast(hebb_dtype from, hebb_dtype to, number x) {
    number r = {.error = x.error};
    if (is_half(to)) return cast_to_half(to, x);
    if (is_half(from)) return x;
    if (to == HEBB_BOOL) {
        r.i = hebb_dtype_floating(from) ? x.f != 0 : x.i != 0;
        r.error = x.error > 0 && !(hebb_dtype_floating(from) && fabs(x.f) > x.error) ? INFINITY : 0;
        return r;
    }
    if (hebb_dtype_floating(to)) {
        r.f = hebb_dtype_floating(from) ? x.f : (double)x.i;
        if (!hebb_dtype_floating(from) && x.error > 0) r.error = INFINITY;
        return rounded(to, r.f, r.error, to == HEBB_F32 ? BASIC : 0);
    }
    if (!hebb_dtype_floating(from)) {
        r.i = x.i;
        return number_as(to, r);
    }
    const double limit = to == HEBB_I64 ? 9e18 : 2e9;
    if (!(fabs(x.f) < limit) || trunc(x.f - x.error) != trunc(x.f + x.error)) {
        r.error = INFINITY; /* unspecified, or not decidable */
        return r;
    }
    r.i = (int64_t)x.f;
    r.error = 0;
    return number_as(to, r);
}

number number_apply(int code, int arity, hebb_dtype from, hebb_dtype to, number a, number b) {
    double unused;
    if (code >= HB_EQ && code <= HB_GE) return compare(code, from, a, b);
    if (hebb_dtype_floating(from) && step_math(code, 0, 0, &unused)) return math(code, to, a, b);
    if (!hebb_dtype_floating(to)) return integer(code, to, a, b, arity);
    return arity == 2 ? binary_float(code, to, a, b) : unary_float(code, to, a);
}
