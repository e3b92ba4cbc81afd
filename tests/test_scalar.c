/* kernels/scalar.h for float, as the CPU backend compiles it, and its Philox against Random123's.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <criterion/criterion.h>
#include <Random123/philox.h>

#include "../checks/exact.h"

#define HB_T       float
#define HB_NAME(f) hb_##f##_f32
#define HB_KIND    HB_KIND_F32
#include "../kernels/scalar.h"

#define HB_T       double
#define HB_NAME(f) hb_##f##_f64
#define HB_KIND    HB_KIND_F64
#include "../kernels/scalar.h"

#define HB_T        int32_t
#define HB_NAME(f)  hb_##f##_i32
#define HB_KIND     HB_KIND_INT
#define HB_UNSIGNED uint32_t
#include "../kernels/scalar.h"

#define N(array) (sizeof(array) / sizeof *(array))

/* ---- accuracy ---- */

/* The distance in units in the last place of the float nearest to the exact value; below the normal
   range those units are all alike. */
static double ulps(float got, double exact) {
    if (isnan(exact) || isinf((float)exact))
        return got == (float)exact || (isnan(exact) && isnan(got)) ? 0 : INFINITY;
    double magnitude = fmax(fabs(exact), 0x1p-126);
    return fabs(got - exact) / exp2(floor(log2(magnitude)) - 23);
}

typedef struct function {
    const char *name;
    float (*f)(float x);
    double (*exact)(double x);
    float low, high;
    double bound; /* units in the last place; a little above what was measured */
} function;

static float f_exp(float x) { return hb_exp_f32(x); }
static float f_log(float x) { return hb_log_f32(x); }
static float f_tanh(float x) { return hb_tanh_f32(x); }
static float f_sigmoid(float x) { return hb_sigmoid_f32(x); }
static float f_softplus(float x) { return hb_softplus_f32(x); }
static float f_rsqrt(float x) { return hb_rsqrt_f32(x); }
static float f_cbrt(float x) { return hb_cbrt_f32(x); }
static float f_expm1(float x) { return hb_expm1_f32(x); }
static float f_log1p(float x) { return hb_log1p_f32(x); }
static float f_log2(float x) { return hb_log2_f32(x); }
static float f_sin(float x) { return hb_sin_f32(x); }
static float f_cos(float x) { return hb_cos_f32(x); }
static float f_tan(float x) { return hb_tan_f32(x); }
static float f_sin_close(float x) { return hb_sin_close_f32(x); }
static float f_cos_close(float x) { return hb_cos_close_f32(x); }
static float f_tan_close(float x) { return hb_tan_close_f32(x); }
static float f_asin(float x) { return hb_asin_f32(x); }
static float f_acos(float x) { return hb_acos_f32(x); }
static float f_atan(float x) { return hb_atan_f32(x); }
static float f_sinh(float x) { return hb_sinh_f32(x); }
static float f_cosh(float x) { return hb_cosh_f32(x); }
static float f_asinh(float x) { return hb_asinh_f32(x); }
static float f_acosh(float x) { return hb_acosh_f32(x); }
static float f_atanh(float x) { return hb_atanh_f32(x); }
static float f_erf(float x) { return hb_erf_f32(x); }
static float f_erfc(float x) { return hb_erfc_f32(x); }
static float f_erfinv(float x) { return hb_erfinv_f32(x); }
static float f_lgamma(float x) { return hb_lgamma_f32(x); }
static float f_digamma(float x) { return hb_digamma_f32(x); }
static double exact_rsqrt(double x) { return 1 / sqrt(x); }
static double exact_sigmoid(double x) { return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)); }
static double exact_softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }

static const function functions[] = {
    {"exp", f_exp, exp, -110, 95, 1.5},
    {"log", f_log, log, 0, 3.4e38f, 1.5},
    {"tanh", f_tanh, tanh, -12, 12, 7},
    {"sigmoid", f_sigmoid, exact_sigmoid, -110, 110, 4},
    {"softplus", f_softplus, exact_softplus, -110, 110, 4},
    {"rsqrt", f_rsqrt, exact_rsqrt, 0, 3.4e38f, 1.6},
    {"cbrt", f_cbrt, cbrt, -3.4e38f, 3.4e38f, 1},
    {"expm1", f_expm1, expm1, -30, 90, 2},
    {"log1p", f_log1p, log1p, -1, 3.4e38f, 1},
    {"log2", f_log2, log2, 0, 3.4e38f, 1.5},
    {"sin", f_sin, sin, -3.4e38f, 3.4e38f, 2.5},
    {"cos", f_cos, cos, -3.4e38f, 3.4e38f, 2.5},
    {"tan", f_tan, tan, -3.4e38f, 3.4e38f, 4},
    {"sin of close", f_sin_close, sin, -1e6f, 1e6f, 2.5},
    {"cos of close", f_cos_close, cos, -1e6f, 1e6f, 2.5},
    {"tan of close", f_tan_close, tan, -1e6f, 1e6f, 4},
    {"asin", f_asin, asin, -1, 1, 2.5},
    {"acos", f_acos, acos, -1, 1, 1.5},
    {"atan", f_atan, atan, -3.4e38f, 3.4e38f, 3},
    {"sinh", f_sinh, sinh, -92, 92, 2},
    {"cosh", f_cosh, cosh, -92, 92, 1.5},
    {"asinh", f_asinh, asinh, -3.4e38f, 3.4e38f, 2},
    {"acosh", f_acosh, acosh, 1, 3.4e38f, 2.5},
    {"atanh", f_atanh, atanh, -1, 1, 2},
    {"erf", f_erf, erf, -6, 6, 1.5},
    {"erfc", f_erfc, erfc, -5, 11, 5.5},
    {"erfinv", f_erfinv, hb_erfinv_f64, -1, 1, 3},
    {"lgamma", f_lgamma, lgamma, 0, 3.4e38f, 5},
    {"digamma", f_digamma, hb_digamma_f64, 0, 3.4e38f, 5},
};

static uint32_t bits_of(float x) {
    uint32_t b;
    memcpy(&b, &x, 4);
    return b;
}
static float float_of(uint32_t b) {
    float x;
    memcpy(&x, &b, 4);
    return x;
}

static void note(const function *f, float x, double *worst, float *at) {
    if (x < f->low || x > f->high) return;
    double error = ulps(f->f(x), f->exact(x));
    if (error > *worst) {
        *worst = error;
        *at = x;
    }
}

/* Two sweeps: evenly spaced, and through the bit patterns of all finite floats of either sign. */
static void sweep(const function *f) {
    double worst = 0;
    float at = 0;
    const int steps = 1000000;
    for (int i = 0; i <= steps; i++)
        note(f, f->low + (f->high - f->low) * ((float)i / (float)steps), &worst, &at);
    for (uint32_t b = 0; b < bits_of(INFINITY); b += 1009) {
        note(f, float_of(b), &worst, &at);
        note(f, -float_of(b), &worst, &at);
    }
    cr_expect_leq(worst, f->bound, "%s: %g units in the last place at %.9g (%.9g, exactly %.17g)",
                  f->name, worst, at, f->f(at), f->exact(at));
}

Test(accuracy, of_transcendental_functions) {
    for (size_t i = 0; i < N(functions); i++) sweep(&functions[i]);
}

/* ---- special values ---- */

static const struct {
    const char *name;
    float (*f)(float x);
    float x, y;
} specials[] = {
    {"exp", f_exp, 0, 1},
    {"exp", f_exp, INFINITY, INFINITY},
    {"exp", f_exp, -INFINITY, 0},
    {"exp", f_exp, 1e4f, INFINITY},
    {"exp", f_exp, -1e4f, 0},
    {"exp", f_exp, NAN, NAN},
    {"log", f_log, 0, -INFINITY},
    {"log", f_log, -0.0f, -INFINITY},
    {"log", f_log, 1, 0},
    {"log", f_log, -1, NAN},
    {"log", f_log, INFINITY, INFINITY},
    {"log", f_log, -INFINITY, NAN},
    {"log", f_log, NAN, NAN},
    {"tanh", f_tanh, 0, 0},
    {"tanh", f_tanh, INFINITY, 1},
    {"tanh", f_tanh, -INFINITY, -1},
    {"tanh", f_tanh, 1e4f, 1},
    {"tanh", f_tanh, NAN, NAN},
    {"sigmoid", f_sigmoid, 0, 0.5f},
    {"sigmoid", f_sigmoid, INFINITY, 1},
    {"sigmoid", f_sigmoid, -INFINITY, 0},
    {"sigmoid", f_sigmoid, 1e4f, 1},
    {"sigmoid", f_sigmoid, -1e4f, 0},
    {"sigmoid", f_sigmoid, NAN, NAN},
    {"softplus", f_softplus, INFINITY, INFINITY},
    {"softplus", f_softplus, -INFINITY, 0},
    {"softplus", f_softplus, 1e4f, 1e4f},
    {"softplus", f_softplus, -1e4f, 0},
    {"softplus", f_softplus, NAN, NAN},
    {"sin", f_sin, -0.0f, -0.0f},
    {"sin", f_sin, INFINITY, NAN},
    {"cos", f_cos, -INFINITY, NAN},
    {"tan", f_tan, NAN, NAN},
    {"sin", f_sin, 1e-40f, 1e-40f},
    {"expm1", f_expm1, -INFINITY, -1},
    {"expm1", f_expm1, INFINITY, INFINITY},
    {"expm1", f_expm1, 1e-40f, 1e-40f},
    {"expm1", f_expm1, NAN, NAN},
    {"log1p", f_log1p, -1, -INFINITY},
    {"log1p", f_log1p, -1.5f, NAN},
    {"log1p", f_log1p, INFINITY, INFINITY},
    {"log1p", f_log1p, 1e-40f, 1e-40f},
    {"log1p", f_log1p, NAN, NAN},
    {"log2", f_log2, 8, 3},
    {"log2", f_log2, 0, -INFINITY},
    {"log2", f_log2, INFINITY, INFINITY},
    {"log2", f_log2, -1, NAN},
    {"cbrt", f_cbrt, -27, -3},
    {"cbrt", f_cbrt, INFINITY, INFINITY},
    {"cbrt", f_cbrt, -INFINITY, -INFINITY},
    {"cbrt", f_cbrt, NAN, NAN},
    {"cbrt", f_cbrt, 0, 0},
    {"rsqrt", f_rsqrt, 0, INFINITY},
    {"rsqrt", f_rsqrt, INFINITY, 0},
    {"rsqrt", f_rsqrt, -1, NAN},
    {"asin", f_asin, 1.1f, NAN},
    {"acos", f_acos, 1, 0},
    {"acos", f_acos, -1.1f, NAN},
    {"atan", f_atan, INFINITY, 1.57079637f},
    {"atan", f_atan, NAN, NAN},
    {"sinh", f_sinh, -INFINITY, -INFINITY},
    {"sinh", f_sinh, 1e-40f, 1e-40f},
    {"sinh", f_sinh, NAN, NAN},
    {"cosh", f_cosh, -INFINITY, INFINITY},
    {"cosh", f_cosh, NAN, NAN},
    {"asinh", f_asinh, -INFINITY, -INFINITY},
    {"asinh", f_asinh, 1e-40f, 1e-40f},
    {"asinh", f_asinh, NAN, NAN},
    {"acosh", f_acosh, 1, 0},
    {"acosh", f_acosh, 0.5f, NAN},
    {"acosh", f_acosh, INFINITY, INFINITY},
    {"atanh", f_atanh, 1, INFINITY},
    {"atanh", f_atanh, -1, -INFINITY},
    {"atanh", f_atanh, 1.5f, NAN},
    {"atanh", f_atanh, 1e-40f, 1e-40f},
    {"erf", f_erf, INFINITY, 1},
    {"erf", f_erf, -INFINITY, -1},
    {"erf", f_erf, NAN, NAN},
    {"erfc", f_erfc, INFINITY, 0},
    {"erfc", f_erfc, -INFINITY, 2},
    {"erfc", f_erfc, NAN, NAN},
    {"erfinv", f_erfinv, 1, INFINITY},
    {"erfinv", f_erfinv, -1, -INFINITY},
    {"erfinv", f_erfinv, 1.5f, NAN},
    {"erfinv", f_erfinv, 0, 0},
    {"lgamma", f_lgamma, 0, INFINITY},
    {"lgamma", f_lgamma, -3, INFINITY},
    {"lgamma", f_lgamma, 1, 0},
    {"lgamma", f_lgamma, 2, 0},
    {"lgamma", f_lgamma, -INFINITY, INFINITY},
    {"lgamma", f_lgamma, INFINITY, INFINITY},
    {"lgamma", f_lgamma, NAN, NAN},
    {"digamma", f_digamma, 0, -INFINITY},
    {"digamma", f_digamma, -0.0f, INFINITY},
    {"digamma", f_digamma, -3, NAN},
    {"digamma", f_digamma, INFINITY, INFINITY},
    {"digamma", f_digamma, -INFINITY, NAN},
    {"digamma", f_digamma, NAN, NAN},
};

Test(special, values) {
    for (size_t i = 0; i < N(specials); i++) {
        float y = specials[i].f(specials[i].x);
        cr_expect(y == specials[i].y || (isnan(y) && isnan(specials[i].y)), "%s(%g) is %g, not %g",
                  specials[i].name, specials[i].x, y, specials[i].y);
    }
}

Test(special, nan_is_passed_on_by_max_and_min) {
    cr_expect(isnan(hb_max_f32(NAN, 1)) && isnan(hb_max_f32(1, NAN)));
    cr_expect(isnan(hb_min_f32(NAN, 1)) && isnan(hb_min_f32(1, NAN)));
    cr_expect(hb_max_f32(-INFINITY, 1) == 1 && hb_min_f32(INFINITY, 1) == 1);
}

Test(special, integers_wrap_around) {
    cr_expect_eq(hb_add_i32(INT32_MAX, 1), INT32_MIN);
    cr_expect_eq(hb_sub_i32(INT32_MIN, 1), INT32_MAX);
    cr_expect_eq(hb_mul_i32(INT32_MAX, 2), -2);
    cr_expect_eq(hb_neg_i32(INT32_MIN), INT32_MIN);
    cr_expect_eq(hb_abs_i32(INT32_MIN), INT32_MIN);
    cr_expect_eq(hb_div_i32(INT32_MIN, -1), INT32_MIN);
    cr_expect_eq(hb_div_i32(7, 0), 0);
    cr_expect_eq(hb_div_i32(-7, 2), -3);
}

/* ---- double's own, and functions of two numbers ---- */

static double error_of(double got, double exact, double least) {
    return fabs(got - exact) / fmax(fabs(exact), least);
}

/* The references are in long double and by other formulas. */
Test(accuracy, of_the_special_functions_in_double) {
    double digamma = 0, left = 0, erfinv = 0, zeta = 0;
    for (int i = 1; i < 4000; i++) {
        double x = i * 0.011;
        digamma = fmax(digamma, error_of(hb_digamma_f64(x), exact_digamma(x), 0));
        x = -0.0051 - x;
        left = fmax(left, error_of(hb_digamma_f64(x), exact_digamma(x), 1));
        x = i < 2000 ? i * 0.0005 : 1 - exp2(-(i - 2000) * 0.026);
        erfinv = fmax(erfinv, error_of(hb_erfinv_f64(x), exact_erfinv(x), 0));
        double s = 2 + i % 9, q = i * 0.013;
        zeta = fmax(zeta, error_of(hb_zeta_f64(s, q), exact_zeta(s, q), 0));
    }
    cr_expect_leq(digamma, 4e-15);
    cr_expect_leq(left, 4e-13, "%g", left);
    cr_expect_leq(erfinv, 2e-15, "%g", erfinv);
    cr_expect_leq(zeta, 2e-15, "%g", zeta);
}

/* Around the zeros at negative x the error is relative to 1, or to the terms that cancel. */
Test(accuracy, of_the_gamma_functions_left_of_zero) {
    double lg = 0, di = 0, ze = 0;
    for (int i = 0; i < 1000000; i++) {
        float x = -30 + (float)i * 3e-5f;
        if (x == rintf(x)) continue;
        lg = fmax(lg, error_of(hb_lgamma_f32(x), lgamma(x), 1));
        di = fmax(di, error_of(hb_digamma_f32(x), hb_digamma_f64(x), 1));
        if (i % 100 == 0) ze = fmax(ze, error_of(hb_zeta_f32(3, x), exact_zeta(3, x), 1));
    }
    cr_expect_leq(lg, 1e-6, "%g", lg);
    cr_expect_leq(di, 1.5e-6, "%g", di);
    cr_expect_leq(ze, 4e-6, "%g", ze);
}

Test(accuracy, of_functions_of_two_numbers) {
    double angle = 0, length = 0;
    uint32_t state = 1;
    for (int i = 0; i < 1000000; i++) {
        float x = float_of(state = state * 1664525u + 1013904223u);
        float y = i % 2 == 0 ? x * (1 + (float)(i % 1000) / 300)
                             : float_of(state = state * 1664525u + 1013904223u);
        if (!isfinite(x) || !isfinite(y)) continue;
        angle = fmax(angle, ulps(hb_atan2_f32(y, x), atan2(y, x)));
        length = fmax(length, ulps(hb_hypot_f32(x, y), hypot(x, y)));
    }
    cr_expect_leq(angle, 3, "%g", angle);
    cr_expect_leq(length, 1.5, "%g", length);
}

/* Any two numbers; results near 1; and near the ends of the range, by bases near 1 and others. */
Test(accuracy, of_powers) {
    double worst = 0;
    uint32_t state = 1;
    for (int i = 0; i < 3000000; i++) {
        float x = float_of(state = state * 1664525u + 1013904223u);
        float y = float_of(state = state * 1664525u + 1013904223u);
        if (i % 3 == 1) x = 0.7f + (float)(state >> 8) * 4e-8f;
        if (i % 3 == 1) y = (float)((state = state * 1664525u + 1013904223u) >> 8) * 1e-4f - 800;
        if (i % 3 == 2) y = (float)(state >> 8) * 2.4e-7f - 2;
        worst = fmax(worst, ulps(hb_pow_f32(x, y), pow(x, y)));
    }
    cr_expect_leq(worst, 1.5, "%g", worst);
}

Test(accuracy, of_powers_that_C_defines) {
    const float values[] = {0,          -0.0f,       1,      -1,       2,         -2,        3,
                            -3,         0.5f,        -0.5f,  INFINITY, -INFINITY, NAN,       1e-45f,
                            -1e-45f,    3e38f,       -3e38f, 16777216, 16777215,  -16777215, 1.5f,
                            1.0000001f, 0.99999994f, 4e9f,   -1e38f,   7};
    for (size_t i = 0; i < N(values); i++)
        for (size_t j = 0; j < N(values); j++) {
            float x = values[i], y = values[j], got = hb_pow_f32(x, y);
            double exact = pow(x, y);
            cr_expect_leq(ulps(got, exact), 1.5, "%g to the power of %g: %g", x, y, got);
            cr_expect(isnan(exact) || !signbit(got) == !signbit(exact), "%g, %g: %g", x, y, got);
        }
}

/* What is left of quotients near whole numbers, too. */
Test(accuracy, of_divisions_in_double) {
    uint32_t state = 1;
    int close = 0;
    for (int i = 0; i < 2000000; i++) {
        float b = float_of(state = state * 1664525u + 1013904223u);
        float a =
            i % 2 == 0
                ? b * (float)(i % 100000)
                : float_of(bits_of(b) + (state = state * 1664525u + 1013904223u) % (28u << 23));
        if (i % 4 == 0) a = nextafterf(a, i % 8 == 0 ? INFINITY : -INFINITY);
        if (!hb_mod_is_close_f32(a, b)) continue;
        close++;
        float q = hb_floor_div_close_f32(a, b), r = hb_mod_close_f32(a, b);
        cr_assert(r == hb_mod_far_f32(a, b) && q == hb_floor_div_far_f32(a, b),
                  "%.9g / %.9g is %.9g, rest %.9g, not %.9g, %.9g", a, b, q, r,
                  hb_floor_div_far_f32(a, b), hb_mod_far_f32(a, b));
    }
    cr_expect_gt(close, 1000000);
    cr_expect(!hb_mod_is_close_f32(1, 0) && !hb_mod_is_close_f32(NAN, 1));
    cr_expect(!hb_mod_is_close_f32(1, INFINITY) && !hb_mod_is_close_f32(INFINITY, 1));
    cr_expect(signbit(hb_mod_close_f32(4, -2)) && !signbit(hb_mod_close_f32(-4, 2)));
}

Test(special, angles_of_zeros_and_infinities_are_those_of_c) {
    static const float list[] = {0.0f, -0.0f, 1, -1, INFINITY, -INFINITY, NAN};
    for (size_t i = 0; i < N(list); i++)
        for (size_t k = 0; k < N(list); k++) {
            float a = hb_atan2_f32(list[i], list[k]), b = atan2f(list[i], list[k]);
            float c = hb_hypot_f32(list[i], list[k]), d = hypotf(list[i], list[k]);
            cr_expect(a == b ? signbit(a) == signbit(b)
                             : (isnan(a) && isnan(b)) || fabsf(a - b) < 3e-7f,
                      "atan2(%g, %g) is %g, not %g", list[i], list[k], a, b);
            cr_expect(c == d || (isnan(c) && isnan(d)), "hypot(%g, %g) is %g, not %g", list[i],
                      list[k], c, d);
        }
}

Test(special, signs_of_zeros_are_kept) {
    cr_expect(signbit(hb_sin_f32(-0.0f)) && signbit(hb_tan_f32(-0.0f)));
    cr_expect(signbit(hb_sin_close_f32(-0.0f)) && signbit(hb_tan_close_f32(-0.0f)));
    cr_expect(signbit(hb_expm1_f32(-0.0f)) && signbit(hb_log1p_f32(-0.0f)));
    cr_expect(signbit(hb_asinh_f32(-0.0f)) && signbit(hb_atanh_f32(-0.0f)));
    cr_expect(signbit(hb_erf_f32(-0.0f)) && signbit(hb_cbrt_f32(-0.0f)));
    cr_expect(signbit(hb_mod_f32(4, -2)) && !signbit(hb_mod_f32(-4, 2)));
}

Test(special, division_rounds_down) {
    cr_expect(hb_floor_div_i32(-7, 2) == -4 && hb_mod_i32(-7, 2) == 1);
    cr_expect(hb_floor_div_i32(7, -2) == -4 && hb_mod_i32(7, -2) == -1);
    cr_expect(hb_floor_div_i32(7, 0) == 0 && hb_mod_i32(7, 0) == 0);
    cr_expect(hb_floor_div_i32(INT32_MIN, -1) == INT32_MIN && hb_mod_i32(INT32_MIN, -1) == 0);
    cr_expect(hb_floor_div_f32(-7, 2) == -4 && hb_mod_f32(-7, 2) == 1);
    cr_expect(hb_floor_div_f32(1, 0) == INFINITY && isnan(hb_mod_f32(1, 0)));
    cr_expect(hb_floor_div_f32(-1, INFINITY) == -1 && hb_mod_f32(-1, INFINITY) == INFINITY);
}

Test(special, shifts_of_any_count_are_defined) {
    cr_expect(hb_shift_left_i32(1, 31) == INT32_MIN && hb_shift_left_i32(1, 32) == 0);
    cr_expect(hb_shift_left_i32(1, -1) == 0 && hb_shift_left_i32(-1, INT32_MIN) == 0);
    cr_expect(hb_shift_right_i32(-8, 1) == -4 && hb_shift_right_i32(-8, 32) == -1);
    cr_expect(hb_shift_right_i32(8, -1) == 0 && hb_shift_right_i32(-8, -1) == -1);
}

/* ---- Philox ---- */

static uint32_t next_word(uint32_t *state) { return *state = *state * 1664525u + 1013904223u; }

static void expect_philox(const uint32_t c[4], const uint32_t k[2]) {
    philox4x32_ctr_t counter = {{c[0], c[1], c[2], c[3]}};
    philox4x32_key_t key = {{k[0], k[1]}};
    philox4x32_ctr_t expected = philox4x32(counter, key);
    hb_philox4 got = hb_philox((hb_philox4){c[0], c[1], c[2], c[3]}, k[0], k[1]);
    cr_assert(got.c0 == expected.v[0] && got.c1 == expected.v[1] && got.c2 == expected.v[2] &&
                  got.c3 == expected.v[3],
              "counter %08x %08x %08x %08x, key %08x %08x", c[0], c[1], c[2], c[3], k[0], k[1]);
}

Test(philox, is_that_of_random123) {
    static const uint32_t corners[] = {0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    uint32_t words[6], state = 1;
    for (size_t i = 0; i < N(corners); i++) {
        for (int k = 0; k < 6; k++) words[k] = corners[(i + (size_t)k) % N(corners)];
        expect_philox(words, words + 4);
    }
    for (int i = 0; i < 100000; i++) {
        for (int k = 0; k < 6; k++) words[k] = next_word(&state);
        expect_philox(words, words + 4);
    }
}

/* Random123's own vector for the all-ones counter and key (tests/kat_vectors). */
Test(philox, known_answer) {
    hb_philox4 got = hb_philox((hb_philox4){~0u, ~0u, ~0u, ~0u}, ~0u, ~0u);
    cr_expect(got.c0 == 0x408f276d && got.c1 == 0x41c83b0e && got.c2 == 0xa20bc7c6 &&
              got.c3 == 0x6d5451fd);
}

Test(philox, words_use_every_part_of_the_key_and_counter) {
    hb_philox4 base = hb_random_words(1, 2, 3, 4, 5);
    const hb_philox4 others[] = {
        hb_random_words(2, 2, 3, 4, 5), hb_random_words(1 + ((int64_t)1 << 32), 2, 3, 4, 5),
        hb_random_words(1, 3, 3, 4, 5), hb_random_words(1, 2, 4, 4, 5),
        hb_random_words(1, 2, 3, 5, 5), hb_random_words(1, 2, 3, 4, 6),
    };
    for (size_t i = 0; i < N(others); i++)
        cr_expect_neq(memcmp(&base, &others[i], sizeof base), 0, "part %zu is not used", i);
}

Test(philox, units_are_in_range) {
    cr_expect(hb_unit_f32(0) == 0 && hb_unit_f32(0xFFFFFFFF) < 1);
    for (uint32_t i = 0; i < 1000; i++) {
        float u = (float)i / 1000;
        cr_expect_float_eq(hb_cos_turns(u), cos(2 * 3.14159265358979323846 * u), 3e-7, "at %g", u);
    }
}
