/* The part of scalar.h with double's own elementary functions: exponentials, logarithms, hyperbolic
   functions, sine and cosine, without branches, so that loops vectorize. The others of double are
   the platform's. Included by it for double only, in the same subset of C11 and OpenCL C; see its
   head.

   The bounds in units in the last place (ulp) were measured on the CPU against long double
   (tests/test_scalar_double.c). Logarithms, sine and cosine are those of Sun's fdlibm; the
   polynomial of the exponential was fitted for this file, at Chebyshev's nodes in 50 digits. */

typedef struct hb_reduced {
    double r, rest;
    hb_u64 shifted;
} hb_reduced;
typedef struct hb_split64 {
    double f, e;
} hb_split64;
typedef struct hb_angle64 {
    double r, rest;
    hb_u64 quarters;
} hb_angle64;

/* x = n ln 2 + r with |r| <= ln 2 / 2, for -746 <= x <= 1420: r + rest is exact to 2^-53 of r. The
   low bits of `shifted` are n + 2046. */
HB_INLINE hb_reduced HB_NAME(reduce)(double x) {
    hb_reduced to;
    double t = x * 1.44269504088896340736 + 6755399441057790.0; /* 1.5 * 2^52 + 2046 */
    double k = t - 6755399441057790.0;
    double high = x - k * 6.93147180369123816490e-1; /* exact: 32 bits of ln 2 */
    double low = k * 1.90821492927058770002e-10;
    to.r = high - low;
    to.rest = (high - to.r) - low;
    to.shifted = HB_BITS64(t);
    return to;
}
/* (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2, to 1e-18. */
HB_INLINE double HB_NAME(exp_rest)(double r) {
    double p = 2.09147553258932e-9;
    p = p * r + 2.5105312729622103e-8;
    p = p * r + 2.755727347871858e-7;
    p = p * r + 2.755725517000089e-6;
    p = p * r + 2.480158732567746e-5;
    p = p * r + 1.984126987500228e-4;
    p = p * r + 1.3888888888883711e-3;
    p = p * r + 8.333333333326084e-3;
    p = p * r + 4.166666666666667e-2;
    p = p * r + 1.666666666666667e-1;
    return p * r + 0.5;
}
/* p 2^n in two factors, so that results down to the smallest denormal, and infinity, come out; the
   low bits of `shifted` are n + 2046. */
HB_INLINE double HB_NAME(scale)(double p, hb_u64 shifted) {
    hb_u64 first = shifted << 51 & 0x7FF0000000000000ul;
    return p * HB_DOUBLE(first) * HB_DOUBLE((shifted << 52) - first);
}
/* e^x 2^j for j <= 0, within 1 ulp. */
HB_INLINE double HB_NAME(exp_scaled)(double x, int j) {
    double top = 710.0 - 0.693 * (double)j;
    double c = x < -746.0 ? -746.0 : x;
    c = c > top ? top : c;
    hb_reduced a = HB_NAME(reduce)(c);
    double p = a.r * a.r * HB_NAME(exp_rest)(a.r) + a.rest;
    return HB_NAME(scale)(1.0 + (a.r + p), a.shifted + (hb_u64)(hb_i64)j);
}
HB_INLINE double HB_NAME(exp)(double x) { return HB_NAME(exp_scaled)(x, 0); }

/* e^x - 1, within 1.6 ulp: 1 is taken away before the scaling. */
HB_INLINE double HB_NAME(expm1)(double x) {
    double c = x < -40.0 ? -40.0 : x;
    c = c > 711.0 ? 711.0 : c;
    hb_reduced a = HB_NAME(reduce)(c);
    double p = a.r * a.r * HB_NAME(exp_rest)(a.r) + a.rest;
    hb_u64 n = (a.shifted & 4095u) - 2046u;
    double one = c > 40.0 ? 0.0 : HB_DOUBLE((1023u - n) << 52); /* 2^-n */
    p = (1.0 - one) + (a.r + p);
    p = HB_NAME(scale)(p, a.shifted);
    return fabs(x) < 5e-17 ? x : p;
}
/* With t = e^2|x| - 1, t / (t + 2): within 2.5 ulp. */
HB_INLINE double HB_NAME(tanh)(double x) {
    double a = fabs(x);
    a = a > 22.0 ? 22.0 : a;
    double t = HB_NAME(expm1)(a + a);
    return copysign(t / (t + 2.0), x);
}
/* 1 / (1 + e^-x), above and below 2^-60 times as large: e^-x then does not overflow before the
   result is zero, so that one formula does for both tails. Within 2.5 ulp. */
HB_INLINE double HB_NAME(sigmoid)(double x) {
    return 8.67361737988403547e-19 / (8.67361737988403547e-19 + HB_NAME(exp_scaled)(-x, -60));
}
/* (e^x - e^-x) / 2 and (e^x + e^-x) / 2, within 2.5 ulp. */
HB_INLINE double HB_NAME(sinh)(double x) {
    double a = fabs(x), t = HB_NAME(expm1)(a < 1.0 ? a : 1.0), e = HB_NAME(exp_scaled)(a, -1);
    return copysign(a < 1.0 ? 0.5 * (t + t / (t + 1.0)) : e - 0.25 / e, x);
}
HB_INLINE double HB_NAME(cosh)(double x) {
    double e = HB_NAME(exp_scaled)(fabs(x), -1);
    return e + 0.25 / e;
}

/* x > 0 as 2^e (1 + f) with sqrt(1/2) <= 1 + f < sqrt 2. */
HB_INLINE hb_split64 HB_NAME(split)(double x) {
    int tiny = x < 2.2250738585072014e-308;
    hb_u64 b = HB_BITS64(tiny ? x * 18014398509481984.0 : x);
    double m = HB_DOUBLE((b & 0x000FFFFFFFFFFFFFul) | 0x3FE0000000000000ul);
    /* The exponent as the low bits of a number around 2^52. */
    double e = HB_DOUBLE((b >> 52) | 0x4330000000000000ul) -
               (tiny ? 4503599627371572.0 : 4503599627371518.0);
    int low = m < 0.70710678118654752440;
    hb_split64 s;
    s.e = low ? e - 1.0 : e;
    s.f = low ? (m + m) - 1.0 : m - 1.0;
    return s;
}
/* log(1 + f) - f for f as above. */
HB_INLINE double HB_NAME(log_rest)(double f) {
    double s = f / (2.0 + f), z = s * s, h = 0.5 * f * f;
    double p = 1.479819860511658591e-1;
    p = p * z + 1.531383769920937332e-1;
    p = p * z + 1.818357216161805012e-1;
    p = p * z + 2.222219843214978396e-1;
    p = p * z + 2.857142874366239149e-1;
    p = p * z + 3.999999999940941908e-1;
    p = p * z + 6.666666666666735130e-1;
    return s * (h + p * z) - h;
}
/* log x = e log 2 + log(1 + f), within 1 ulp. */
HB_INLINE double HB_NAME(log)(double x) {
    hb_split64 s = HB_NAME(split)(x);
    double y = HB_NAME(log_rest)(s.f) + s.e * 1.90821492927058770002e-10;
    double r = s.e * 6.93147180369123816490e-1 + (s.f + y);
    r = x == 0.0 ? -HB_INFINITY : r;
    r = x == HB_INFINITY ? x : r;
    return x >= 0.0 ? r : HB_NAN;
}
/* log(1 + x), within 1 ulp, as that of float. */
HB_INLINE double HB_NAME(log1p)(double x) {
    double u = 1.0 + x;
    double lost = x >= 1.0 ? 1.0 - (u - x) : x - (u - 1.0);
    int near = (x > -0.29) & (x < 0.41);
    hb_split64 s = HB_NAME(split)(u);
    double f = near ? x : s.f, e = near ? 0.0 : s.e, c = near ? 0.0 : lost / u;
    double y = HB_NAME(log_rest)(f) + (e * 1.90821492927058770002e-10 + c);
    double r = e * 6.93147180369123816490e-1 + (f + y);
    r = x == -1.0 ? -HB_INFINITY : r;
    r = ((x == HB_INFINITY) | (fabs(x) < 1e-16)) ? x : r;
    return x >= -1.0 ? r : HB_NAN;
}
/* The logarithm to base 2, within 1.5 ulp: log2 e is 1 and a rest. */
HB_INLINE double HB_NAME(log2)(double x) {
    hb_split64 s = HB_NAME(split)(x);
    double y = HB_NAME(log_rest)(s.f);
    double r = y * 0.44269504088896340736 + s.f * 0.44269504088896340736;
    r = ((r + y) + s.f) + s.e;
    r = x == 0.0 ? -HB_INFINITY : r;
    r = x == HB_INFINITY ? x : r;
    return x >= 0.0 ? r : HB_NAN;
}

/* ---- sine and cosine ---- */

/* x = quarters (pi / 2) + r + rest for |x| <= 1e6 (W. Cody and W. Waite, "Software Manual for the
   Elementary Functions", 1980): the first two parts of pi / 2 have 33 bits, so that their products
   are exact. */
HB_INLINE hb_angle64 HB_NAME(quarters)(double x) {
    double t = x * 0.63661977236758134308 + 6755399441055744.0; /* 1.5 * 2^52 */
    double k = t - 6755399441055744.0;
    double high = x - k * 1.57079632673412561417;
    double middle = k * 6.07710050630396597660e-11;
    hb_angle64 a;
    double r = high - middle;
    double low = k * 2.02226624879595063154e-21 - ((high - r) - middle);
    a.r = r - low;
    a.rest = (r - a.r) - low;
    a.quarters = HB_BITS64(t);
    return a;
}
HB_INLINE double HB_NAME(sin_near)(double r, double rest) {
    double z = r * r, v = z * r;
    double p = 1.58969099521155010221e-10;
    p = p * z - 2.50507602534068634195e-8;
    p = p * z + 2.75573137070700676789e-6;
    p = p * z - 1.98412698298579493134e-4;
    p = p * z + 8.33333333332248946124e-3;
    return r - ((z * (0.5 * rest - v * p) - rest) + v * 1.66666666666666324348e-1);
}
HB_INLINE double HB_NAME(cos_near)(double r, double rest) {
    double z = r * r, h = 0.5 * z, w = 1.0 - h;
    double p = -1.13596475577881948265e-11;
    p = p * z + 2.08757232129817482790e-9;
    p = p * z - 2.75573143513906633035e-7;
    p = p * z + 2.48015872894767294178e-5;
    p = p * z - 1.38888888888741095749e-3;
    p = p * z + 4.16666666666666019037e-2;
    return w + (((1.0 - w) - h) + (z * (z * p) - r * rest));
}
/* Within 1.2 ulp for |x| <= 1e6; beyond, the platform's functions. */
HB_INLINE int HB_NAME(sin_is_close)(double x) { return fabs(x) <= 1e6; }
HB_INLINE double HB_NAME(sin_close)(double x) {
    hb_angle64 a = HB_NAME(quarters)(x);
    double s = HB_NAME(sin_near)(a.r, a.rest), c = HB_NAME(cos_near)(a.r, a.rest);
    return HB_DOUBLE(HB_BITS64((a.quarters & 1u) != 0u ? c : s) ^ (a.quarters & 2u) << 62);
}
HB_INLINE double HB_NAME(cos_close)(double x) {
    hb_angle64 a = HB_NAME(quarters)(x);
    double s = HB_NAME(sin_near)(a.r, a.rest), c = HB_NAME(cos_near)(a.r, a.rest);
    return HB_DOUBLE(HB_BITS64((a.quarters & 1u) != 0u ? s : c) ^ ((a.quarters + 1u) & 2u) << 62);
}
HB_INLINE double HB_NAME(sin_far)(double x) { return sin(x); }
HB_INLINE double HB_NAME(cos_far)(double x) { return cos(x); }
HB_INLINE double HB_NAME(sin)(double x) {
    return HB_NAME(sin_is_close)(x) ? HB_NAME(sin_close)(x) : HB_NAME(sin_far)(x);
}
HB_INLINE double HB_NAME(cos)(double x) {
    return HB_NAME(sin_is_close)(x) ? HB_NAME(cos_close)(x) : HB_NAME(cos_far)(x);
}
