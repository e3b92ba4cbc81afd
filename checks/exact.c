/* See exact.h. */
#include <math.h>

#include "exact.h"

#define PI 3.14159265358979323846264338327950288L

/* B_2k / (2k)! */
static const long double bernoulli[] = {8.3333333333333333333e-2L,  -1.3888888888888888889e-3L,
                                        3.3068783068783068783e-5L,  -8.2671957671957671958e-7L,
                                        2.0876756987868098979e-8L,  -5.2841901386874931848e-10L,
                                        1.3382536530684678833e-11L, -3.3896802963225828668e-13L};

/* Upward to where the asymptotic series is exact. */
static long double digamma_right(long double x) {
    long double sum = 0;
    for (; x < 40; x++) sum -= 1 / x;
    long double z = 1 / (x * x), factorial = 1, power = z;
    sum += logl(x) - 1 / (2 * x);
    for (int k = 1; k <= 6; k++) { /* B_2k / (2k) = (2k - 1)! B_2k / (2k)! */
        sum -= bernoulli[k - 1] * factorial * power;
        factorial *= (2 * k) * (2 * k + 1);
        power *= z;
    }
    return sum;
}

double exact_digamma(double x) {
    if (isnan(x) || x == -INFINITY) return NAN;
    if (x == INFINITY) return x;
    if (x == 0) return -1 / x;
    if (x > 0) return (double)digamma_right(x);
    double f = x - rint(x);
    if (f == 0) return NAN;
    return (double)(digamma_right(1 - (long double)x) - PI / tanl(PI * f));
}

double exact_erfinv(double x) {
    double a = fabs(x);
    if (!(a <= 1)) return NAN;
    if (a == 1) return x * INFINITY;
    long double low = 0, high = 7;
    for (int k = 0; k < 90; k++) {
        long double y = (low + high) / 2;
        if (a < 0.5 ? erfl(y) < a : erfcl(y) > 1 - (long double)a) low = y;
        else high = y;
    }
    /* Halving stops short of small ones, which are straight. */
    long double y = a < 1e-9 ? a * sqrtl(PI) / 2 : (low + high) / 2;
    return copysign((double)y, x);
}

double exact_zeta(double s, double q) {
    if (!(s >= 1) || isnan(q) || q == -INFINITY) return NAN;
    if (s == 1 || (q <= 0 && q == floor(q))) return INFINITY;
    if (q < -1e5 || (q < 0 && s != floor(s))) return NAN;
    if (q == INFINITY) return 0;
    long double sum = 0, x = q;
    for (int k = 0; k < 30 || x < 30; k++, x++) sum += powl(x, -(long double)s);
    long double term = s / x, rest = x / (s - 1) + 0.5L;
    for (int k = 0; k < 8; k++) {
        rest += bernoulli[k] * term;
        term *= (s + 2 * k + 1) * (s + 2 * k + 2) / (x * x);
    }
    return (double)(sum + powl(x, -(long double)s) * rest);
}

double exact_mod(double a, double b) {
    double r = fmod(a, b);
    if (r == 0) return copysign(0, b);
    return (r < 0) != (b < 0) ? r + b : r;
}

/* Rounding a / b may carry it to the next integer; the remainder tells. */
double exact_floor_div(double a, double b) {
    if (b == 0) return a / b;
    if (isinf(a) || isnan(a) || isnan(b)) return NAN;
    if (isinf(b)) return a == 0 || (a < 0) == (b < 0) ? 0 : -1;
    double r = fmod(a, b), q = rint((a - r) / b);
    return r != 0 && (r < 0) != (b < 0) ? q - 1 : q;
}

int64_t exact_floor_div_whole(int64_t a, int64_t b) {
    if (b == 0) return 0;
    if (b == -1) return (int64_t)(0 - (uint64_t)a);
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

int64_t exact_mod_whole(int64_t a, int64_t b) {
    if (b == 0 || b == -1) return 0;
    int64_t r = a % b;
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

int64_t exact_shift_left(int64_t a, int64_t n, int bits) {
    return n < 0 || n >= bits ? 0 : (int64_t)((uint64_t)a << n);
}

int64_t exact_shift_right(int64_t a, int64_t n, int bits) {
    int64_t result = a;
    for (int64_t k = 0; k < (n < 0 || n >= bits ? bits : n); k++)
        result = exact_floor_div_whole(result, 2);
    return result;
}
