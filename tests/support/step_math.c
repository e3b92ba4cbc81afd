/* See step_math.h. */
#include <math.h>

#include "../../checks/exact.h"
#include "step_math.h"
#include "../../src/backends/step.h"

bool step_math(int code, double a, double b, double *value) {
    switch (code) {
    case HB_RSQRT: *value = 1 / sqrt(a); return true;
    case HB_CBRT: *value = cbrt(a); return true;
    case HB_EXPM1: *value = expm1(a); return true;
    case HB_LOG1P: *value = log1p(a); return true;
    case HB_LOG2: *value = log2(a); return true;
    case HB_SIN: *value = sin(a); return true;
    case HB_COS: *value = cos(a); return true;
    case HB_TAN: *value = tan(a); return true;
    case HB_ASIN: *value = asin(a); return true;
    case HB_ACOS: *value = acos(a); return true;
    case HB_ATAN: *value = atan(a); return true;
    case HB_SINH: *value = sinh(a); return true;
    case HB_COSH: *value = cosh(a); return true;
    case HB_ASINH: *value = asinh(a); return true;
    case HB_ACOSH: *value = acosh(a); return true;
    case HB_ATANH: *value = atanh(a); return true;
    case HB_ERF: *value = erf(a); return true;
    case HB_ERFC: *value = erfc(a); return true;
    case HB_ERFINV: *value = exact_erfinv(a); return true;
    case HB_LGAMMA: *value = lgamma(a); return true;
    case HB_DIGAMMA: *value = exact_digamma(a); return true;
    case HB_CEIL: *value = ceil(a); return true;
    case HB_ROUND: *value = rint(a); return true;
    case HB_TRUNC: *value = trunc(a); return true;
    case HB_ISNAN: *value = isnan(a); return true;
    case HB_ISINF: *value = isinf(a); return true;
    case HB_ISFINITE: *value = isfinite(a); return true;
    case HB_MOD: *value = exact_mod(a, b); return true;
    case HB_FLOOR_DIV: *value = exact_floor_div(a, b); return true;
    case HB_ATAN2: *value = atan2(a, b); return true;
    case HB_HYPOT: *value = hypot(a, b); return true;
    case HB_ZETA: *value = exact_zeta(a, b); return true;
    default: return false;
    }
}
