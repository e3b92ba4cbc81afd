/* kernels/scalar_double.h, as the CPU backend compiles it, against C's library in long double. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <criterion/criterion.h>

#define HB_T       double
#define HB_NAME(f) hb_##f##_f64
#define HB_KIND    HB_KIND_F64
#include "../kernels/scalar.h"

#define N(array) (sizeof(array) / sizeof *(array))

/* In units in the last place of the double nearest to the exact value; below the normal range those
   are all alike. */
static double ulps(double got, long double exact) {
    if (isnan(exact) || isinf((double)exact))
        return got == (double)exact || (isnan(exact) && isnan(got)) ? 0 : INFINITY;
    int exponent;
    frexpl(exact, &exponent);
    if (exponent < -1021) exponent = -1021;
    return (double)(fabsl((long double)got - exact) / ldexpl(1, exponent - 53));
}

static double f_exp(double x) { return hb_exp_f64(x); }
static double f_expm1(double x) { return hb_expm1_f64(x); }
static double f_log(double x) { return hb_log_f64(x); }
static double f_log1p(double x) { return hb_log1p_f64(x); }
static double f_log2(double x) { return hb_log2_f64(x); }
static double f_tanh(double x) { return hb_tanh_f64(x); }
static double f_sigmoid(double x) { return hb_sigmoid_f64(x); }
static double f_softplus(double x) { return hb_softplus_f64(x); }
static double f_sinh(double x) { return hb_sinh_f64(x); }
static double f_cosh(double x) { return hb_cosh_f64(x); }
static double f_sin(double x) { return hb_sin_f64(x); }
static double f_cos(double x) { return hb_cos_f64(x); }
static long double exact_sigmoid(long double x) { return 1 / (1 + expl(-x)); }
static long double exact_softplus(long double x) { return fmaxl(x, 0) + log1pl(expl(-fabsl(x))); }

typedef struct function {
    const char *name;
    double (*f)(double x);
    long double (*exact)(long double x);
    double low, high; /* where it is neither constant nor infinite */
    double near;      /* half of the width of a denser sweep around `middle` */
    double middle;
    double bound; /* units in the last place; a little above what was measured */
} function;

static const function functions[] = {
    {"exp", f_exp, expl, -750, 720, 2, 0, 1},
    {"expm1", f_expm1, expm1l, -50, 720, 2, 0, 1.7},
    {"log", f_log, logl, 0, 1.7e308, 0.9, 1, 1},
    {"log1p", f_log1p, log1pl, -1, 1.7e308, 0.9, 0, 1.2},
    {"log2", f_log2, log2l, 0, 1.7e308, 0.9, 1, 1.7},
    {"tanh", f_tanh, tanhl, -23, 23, 2, 0, 2.5},
    {"sigmoid", f_sigmoid, exact_sigmoid, -750, 750, 10, 0, 2.6},
    {"softplus", f_softplus, exact_softplus, -750, 750, 5, 0, 3},
    {"sinh", f_sinh, sinhl, -712, 712, 3, 0, 2.5},
    {"cosh", f_cosh, coshl, -712, 712, 3, 0, 1.5},
    {"sin", f_sin, sinl, -1e6, 1e6, 10, 0, 1},
    {"cos", f_cos, cosl, -1e6, 1e6, 10, 0, 1},
};

/* Xorshift (G. Marsaglia, "Xorshift RNGs", 2003). */
static uint64_t next_word(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}
static double unit(uint64_t *state) { return (double)(next_word(state) >> 11) * 0x1p-53; }

/* Evenly from low to high, evenly around the middle, and any bits. */
static double sample(const function *f, int i, uint64_t *state) {
    if (i % 3 == 0) return f->low + (f->high - f->low) * unit(state);
    if (i % 3 == 1) return f->middle + f->near * (2 * unit(state) - 1);
    return hb_double(next_word(state));
}

static void sweep(const function *f) {
    double worst = 0, at = 0;
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < 600000; i++) {
        const double x = sample(f, i, &state);
        if (!(x >= f->low && x <= f->high)) continue;
        const double error = ulps(f->f(x), f->exact(x));
        if (error > worst) {
            worst = error;
            at = x;
        }
    }
    cr_expect_leq(worst, f->bound, "%s: %g units in the last place at %.17g (%.17g, exactly %.17g)",
                  f->name, worst, at, f->f(at), (double)f->exact(at));
}

Test(accuracy, of_functions_in_double) {
    for (size_t i = 0; i < N(functions); i++) sweep(&functions[i]);
}

/* Zeros with their signs, denormal numbers, infinities, NaN and the last arguments with a result:
   what C has. */
Test(special, values_in_double) {
    static const double list[] = {0.0,     -0.0,   INFINITY, -INFINITY, NAN,   1e4,  -1e4, 5e-324,
                                  -5e-324, 1e-310, -1e-310,  709.7,     709.8, -745, -746, 1e300};
    for (size_t i = 0; i < N(functions); i++)
        for (size_t k = 0; k < N(list); k++) {
            const double got = functions[i].f(list[k]);
            const long double exact = functions[i].exact(list[k]);
            cr_expect(ulps(got, exact) <= functions[i].bound &&
                          (isnan(exact) || signbit(got) == signbit((double)exact)),
                      "%s(%g) is %g, not %Lg", functions[i].name, list[k], got, exact);
        }
    cr_expect(hb_log_f64(1) == 0 && hb_log_f64(-1) != hb_log_f64(-1));
    cr_expect(hb_log2_f64(8) == 3 && hb_exp_f64(0) == 1);
}

/* Neighbors of multiples of pi / 2, where the angle cancels to a few bits. */
Test(accuracy, of_small_angles_of_large_numbers) {
    double worst = 0;
    for (int k = 1; k < 600000; k++) {
        const double x = (double)((long double)k * 1.57079632679489661923132169163975144L);
        worst = fmax(worst, ulps(hb_sin_f64(x), sinl(x)));
        worst = fmax(worst, ulps(hb_cos_f64(x), cosl(x)));
    }
    cr_expect_leq(worst, 1.2, "%g", worst);
}
