/* The part of scalar.h with the error function and the gamma function's family. Included by it for
   float and for double, in the same subset of C11 and OpenCL C; see its head. Polynomials without a
   source were fitted for this file, at Chebyshev's nodes in 50 digits. */

/* sin and cos of pi f for |f| <= 1/2, exact at 0 and at the ends. */
HB_INLINE HB_T HB_NAME(sin_near_turn)(HB_T f) {
#if HB_KIND == HB_KIND_F32
    float g = HB_MATH(fabs)(f), h = 3.14159265f * (g > 0.25f ? 0.5f - g : g);
    float s = g > 0.25f ? HB_NAME(cos_near)(h) : HB_NAME(sin_near)(h);
    return f < 0.0f ? -s : s;
#else
    return sin(3.14159265358979323846 * f);
#endif
}
HB_INLINE HB_T HB_NAME(cos_near_turn)(HB_T f) {
    return HB_NAME(sin_near_turn)(HB_C(0.5) - HB_MATH(fabs)(f));
}

/* ---- the error function ---- */

#if HB_KIND == HB_KIND_F32

/* 1 - erf x within 5 ulp down to the smallest normal number. e^(x^2) erfc(x) (1 + 2x) is a
   polynomial in (x - 2) / (x + 2) for x >= 0 (the form is that of M. Shepherd and J. Laframboise,
   "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x", Math. Comp. 36, 1981). x^2 is taken in two
   parts, the first of which is exact. */
HB_INLINE HB_T HB_NAME(erfc)(HB_T x) {
    float a = HB_MATH(fabs)(x);
    a = a > 11.0f ? 11.0f : a;
    float q = (a - 2.0f) / (a + 2.0f);
    float p = 2.68610929e-5f;
    p = p * q - 3.62295483e-4f;
    p = p * q - 1.24995841e-3f;
    p = p * q + 1.27345521e-3f;
    p = p * q + 8.63576028e-3f;
    p = p * q - 8.04556534e-3f;
    p = p * q - 5.42045385e-2f;
    p = p * q + 1.64053425e-1f;
    p = p * q - 1.66031405e-1f;
    p = p * q - 9.27639082e-2f;
    p = p * q + 1.27697837f;
    float z = HB_FLOAT(HB_BITS(a) & 0xFFFFF000u);
    float t = (z - a) * (z + a);
    float e = HB_NAME(exp)(-z * z);
    e = e + e * (t + t * t * (0.5f + t * (0.166666667f + t * 4.16666667e-2f)));
    float r = e * (p / (1.0f + 2.0f * a));
    return x < 0.0f ? 2.0f - r : r;
}
/* Within 1.5 ulp: an odd polynomial up to 1, beyond it 1 - erfc. */
HB_INLINE HB_T HB_NAME(erf)(HB_T x) {
    float a = HB_MATH(fabs)(x);
    float c = a < 1.0f ? a : 1.0f, z = c * c;
    float p = 7.87587487e-5f;
    p = p * z - 8.0168643e-4f;
    p = p * z + 5.18908724e-3f;
    p = p * z - 2.68542115e-2f;
    p = p * z + 1.12835944e-1f;
    p = p * z - 3.7612626e-1f;
    p = p * z + 1.28379167e-1f;
    return HB_NAME(signed)(a < 1.0f ? p * c + c : 1.0f - HB_NAME(erfc)(a), x);
}

#else

HB_INLINE HB_T HB_NAME(erf)(HB_T x) { return erf(x); }
HB_INLINE HB_T HB_NAME(erfc)(HB_T x) { return erfc(x); }

#endif

/* The y whose erf is x: x times a polynomial in w = -log(1 - x^2), or in sqrt w in the tail (the
   form is that of M. Giles, "Approximating the erfinv function", GPU Computing Gems 2, 2011);
   within 3 ulp for float. double starts from it and takes two steps of Halley's method. */
HB_INLINE HB_T HB_NAME(erfinv)(HB_T x) {
    HB_T w = -HB_NAME(log)((HB_C(1.0) - x) * (HB_C(1.0) + x));
    HB_T u = w - HB_C(2.5);
    HB_T p = HB_C(-8.93192631e-9);
    p = p * u + HB_C(2.33359678e-8);
    p = p * u + HB_C(4.68131361e-7);
    p = p * u - HB_C(3.46398519e-6);
    p = p * u - HB_C(4.9724199e-6);
    p = p * u + HB_C(2.18349393e-4);
    p = p * u - HB_C(1.25272642e-3);
    p = p * u - HB_C(4.17739293e-3);
    p = p * u + HB_C(2.4664028e-1);
    p = p * u + HB_C(1.50140941);
    u = HB_MATH(sqrt)(w) - HB_C(3.0);
#if HB_KIND == HB_KIND_F32
    float q = -1.29939799e-4f;
    q = q * u + 4.54073815e-5f;
    q = q * u + 1.26034359e-3f;
    q = q * u - 3.61478515e-3f;
    q = q * u + 5.77674666e-3f;
    q = q * u - 7.63981324e-3f;
    q = q * u + 9.43354238e-3f;
    q = q * u + 1.00167537f;
    q = q * u + 2.83297706f;
    float y = x * (w < 5.0f ? p : q);
#else
    double q = -3.46945203e-6;
    q = q * u + 5.38056116e-5;
    q = q * u - 3.58744090e-4;
    q = q * u + 1.35787768e-3;
    q = q * u - 3.28254226e-3;
    q = q * u + 5.58038999e-3;
    q = q * u - 7.69834892e-3;
    q = q * u + 9.48526711e-3;
    q = q * u + 1.00167446;
    q = q * u + 2.83297514;
    double y = x * (w < 5.0 ? p : q);
    for (int step = 0; step < 2; step++) {
        double a = fabs(y), b = fabs(x);
        double off = b < 0.5 ? erf(a) - b : (1.0 - b) - erfc(a);
        off *= 0.88622692545275801365 * exp(a * a);
        y = copysign(a - off / (1.0 + a * off), x);
    }
#endif
    HB_T a = HB_MATH(fabs)(x);
    return a < HB_C(1.0) ? y : (a == HB_C(1.0) ? x * HB_INFINITY : HB_NAN);
}

/* ---- the gamma function's logarithm and its derivatives ---- */

#if HB_KIND == HB_KIND_F32
/* log |gamma(x)|, within 5 ulp for x > 0. With a = |x|: Stirling's series from 8 on; below, a is
   brought to [1.7, 2.7) by gamma(a) = (a - 1) gamma(a - 1), or if it is less to [0.7, 1.7), where
   polynomials have the zeros at 2 and 1 as factors. For x < 0 the reflection gamma(x) gamma(-x) =
   -pi / (x sin(pi x)); there it has zeros, around which only the absolute error is small. Infinite
   at 0 and the negative integers. */
HB_INLINE HB_T HB_NAME(lgamma)(HB_T x) {
    float a = HB_MATH(fabs)(x), y = a, product = 1.0f;
    int large = a >= 8.0f, small = a < 0.7f, first = a < 1.7f;
    HB_UNROLL
    for (int k = 0; k < 6; k++) {
        int step = (y >= 2.7f) & (y < 8.0f);
        y = step ? y - 1.0f : y;
        product = step ? product * y : product;
    }
    float l = HB_NAME(log)(large ? a : (small ? a : product));
    float t = small ? a : (first ? a - 1.0f : y - 2.0f);
    float p = -1.43605964e-2f;
    p = p * t + 5.30150197e-2f;
    p = p * t - 9.11613703e-2f;
    p = p * t + 1.07457861e-1f;
    p = p * t - 1.13703854e-1f;
    p = p * t + 1.25157312e-1f;
    p = p * t - 1.43789634e-1f;
    p = p * t + 1.69550061e-1f;
    p = p * t - 2.07395613e-1f;
    p = p * t + 2.70581454e-1f;
    p = p * t - 4.00685489e-1f;
    p = p * t + 8.22467029e-1f;
    p = p * t - 5.77215672e-1f;
    float q = -1.14304567e-4f;
    q = q * t + 4.6969403e-4f;
    q = q * t - 1.20241812e-3f;
    q = q * t + 2.8990407e-3f;
    q = q * t - 7.3859375e-3f;
    q = q * t + 2.05803514e-2f;
    q = q * t - 6.73522651e-2f;
    q = q * t + 3.22467029e-1f;
    q = q * t + 4.22784328e-1f;
    float near = t * (first ? p : q);
    float i = 1.0f / a, z = i * i;
    float series = 0.418938533f + i * (8.33333333e-2f - z * (2.77777778e-3f - z * 7.93650794e-4f));
    float r = large ? (a - 0.5f) * (l - 1.0f) + series : (small ? near - l : near + l);
    /* pi / |x sin(pi x)| = gamma(a) gamma(1 + a) if |x| is small */
    float s = HB_MATH(fabs)(HB_NAME(sin_near_turn)(x - HB_MATH(rint)(x))) * 0.318309886f;
    float reflected = -HB_NAME(log)(small ? s : a * s) - (small ? near : r);
    r = x < 0.0f ? reflected : r;
    return ((a == HB_INFINITY_F32) | ((x <= 0.0f) & (s == 0.0f))) ? HB_INFINITY_F32 : r;
}
#else
HB_INLINE HB_T HB_NAME(lgamma)(HB_T x) { return HB_LGAMMA_F64(x); }
#endif

/* The derivative of lgamma, within 5 ulp for x > 0. The asymptotic series from 10 on; below, the
   argument is brought to [1, 2) by digamma(v) = digamma(v - 1) + 1 / (v - 1), where a polynomial
   has the only positive zero as a factor. For x < 0 the reflection digamma(1 - x) - pi / tan(pi x),
   with a small absolute error around its zeros; NaN at the negative integers, -inf at 0. */
HB_INLINE HB_T HB_NAME(digamma)(HB_T x) {
    HB_T y = x < HB_C(0.0) ? HB_C(1.0) - x : x;
    int tiny = y < HB_C(1.0);
    HB_T v = tiny ? y + HB_C(1.0) : y, top = HB_C(0.0), bottom = HB_C(1.0);
    HB_UNROLL
    for (int k = 0; k < 8; k++) { /* top / bottom is the sum of 1 / v */
        int step = (v >= HB_C(2.0)) & (v < HB_C(10.0));
        v = step ? v - HB_C(1.0) : v;
        top = step ? top * v + bottom : top;
        bottom = step ? bottom * v : bottom;
    }
    HB_T u = v - HB_C(1.5);
#if HB_KIND == HB_KIND_F32
    float p = 1.09025883e-2f;
    p = p * u - 1.63736194e-2f;
    p = p * u + 1.71149895e-2f;
    p = p * u - 2.57868841e-2f;
    p = p * u + 4.08500284e-2f;
    p = p * u - 6.20559789e-2f;
    p = p * u + 9.49846879e-2f;
    p = p * u - 1.48398861e-1f;
    p = p * u + 2.40542531e-1f;
    p = p * u - 4.23627496e-1f;
    p = p * u + 9.51055884e-1f;
    p = p * ((v - 1.46163213f) - 1.24381499e-8f);
#else
    double p = 1.1881232908510335e-4;
    p = p * u - 1.7821885488559231e-4;
    p = p * u + 9.6536462614100617e-5;
    p = p * u - 1.4480643368061614e-4;
    p = p * u + 3.2395945401345196e-4;
    p = p * u - 4.8595039220036254e-4;
    p = p * u + 6.9092557612829861e-4;
    p = p * u - 1.0364584817312839e-3;
    p = p * u + 1.5633696313653504e-3;
    p = p * u - 2.3454947397380833e-3;
    p = p * u + 3.5181065638024722e-3;
    p = p * u - 5.279937255532708e-3;
    p = p * u + 7.9270217968681542e-3;
    p = p * u - 1.1908220105959716e-2;
    p = p * u + 1.7907248317313294e-2;
    p = p * u - 2.6975796659787055e-2;
    p = p * u + 4.0760833940846085e-2;
    p = p * u - 6.192213327548831e-2;
    p = p * u + 9.4988724452890388e-2;
    p = p * u - 1.4840492305388092e-1;
    p = p * u + 2.4054248424078697e-1;
    p = p * u - 4.2362742128146058e-1;
    p = p * u + 9.5105587603183284e-1;
    p = p * ((v - 1.4616321449683622) - 9.5499954299656974e-17);
#endif
    HB_T i = HB_C(1.0) / v, z = i * i;
    HB_T s = HB_C(2.10927960927960928e-2) - z * HB_C(8.33333333333333333e-2);
    s = HB_C(7.57575757575757576e-3) - z * s;
    s = HB_C(4.16666666666666667e-3) - z * s;
    s = HB_C(3.96825396825396825e-3) - z * s;
    s = HB_C(8.33333333333333333e-3) - z * s;
    s = HB_C(8.33333333333333333e-2) - z * s;
    HB_T r = v >= HB_C(10.0) ? HB_NAME(log)(v) - HB_C(0.5) * i - z * s : p + top / bottom;
    r = tiny ? r - HB_C(1.0) / x : r;
    HB_T f = x - HB_MATH(rint)(x);
    HB_T cot = HB_NAME(cos_near_turn)(f) / HB_NAME(sin_near_turn)(f);
    cot = f == HB_C(0.0) ? HB_NAN : cot;
    return x < HB_C(0.0) ? r - HB_C(3.14159265358979324) * cot : r;
}

/* The sum of (q + k)^-s over k = 0, 1, ... for q > 0 and s > 1: ten terms and the Euler-Maclaurin
   formula for the rest (NIST Handbook of Mathematical Functions, 25.11.28). */
HB_INLINE HB_T HB_NAME(zeta_right)(HB_T s, HB_T q) {
    HB_T sum = HB_C(0.0);
    for (int k = 0; k < 10; k++) sum += HB_NAME(pow)(q + (HB_T)k, -s);
    HB_T a = q + HB_C(10.0), i = HB_C(1.0) / a, z = i * i;
    HB_T t = HB_C(-3.38968029632258287e-13);
    t = t * (z * (s + HB_C(13.0)) * (s + HB_C(14.0))) + HB_C(1.33825365306846789e-11);
    t = t * (z * (s + HB_C(11.0)) * (s + HB_C(12.0))) - HB_C(5.28419013868749318e-10);
    t = t * (z * (s + HB_C(9.0)) * (s + HB_C(10.0))) + HB_C(2.08767569878680990e-8);
    t = t * (z * (s + HB_C(7.0)) * (s + HB_C(8.0))) - HB_C(8.26719576719576720e-7);
    t = t * (z * (s + HB_C(5.0)) * (s + HB_C(6.0))) + HB_C(3.30687830687830688e-5);
    t = t * (z * (s + HB_C(3.0)) * (s + HB_C(4.0))) - HB_C(1.38888888888888889e-3);
    t = t * (z * (s + HB_C(1.0)) * (s + HB_C(2.0))) + HB_C(8.33333333333333333e-2);
    HB_T rest = HB_C(1.0) / (s - HB_C(1.0)) + HB_C(0.5) * i + z * s * t;
    return sum + HB_NAME(pow)(a, HB_C(1.0) - s) * rest;
}
/* Hurwitz' zeta function, the sum of (q + k)^-s over k = 0, 1, ...: what polygamma is made of. For
   q < 0 and whole s, with r the distance of q from the nearest integer, the sum over all integers,
   which depends on r only, less what is not part of it. Infinite at s = 1 and at q = 0, -1, ...;
   NaN for s < 1, and for q < 0 if s is not whole. */
HB_INLINE HB_T HB_NAME(zeta)(HB_T s, HB_T q) {
    if (!(s >= HB_C(1.0)) | (q != q)) return HB_NAN;
    if (s == HB_C(1.0)) return HB_INFINITY;
    if (q > HB_C(0.0)) return HB_NAME(zeta_right)(s, q);
    HB_T r = q - HB_MATH(rint)(q), h = HB_C(0.5) * s;
    if (r == HB_C(0.0)) return HB_INFINITY;
    if (s != HB_MATH(floor)(s)) return HB_NAN;
    HB_T sign = h == HB_MATH(floor)(h) ? HB_C(1.0) : HB_C(-1.0); /* (-1)^s */
    HB_T nearest = HB_NAME(pow)(HB_MATH(fabs)(r), -s) * (r < HB_C(0.0) ? sign : HB_C(1.0));
    HB_T left = HB_NAME(zeta_right)(s, HB_C(1.0) - r) - HB_NAME(zeta_right)(s, HB_C(1.0) - q);
    return nearest + (HB_NAME(zeta_right)(s, HB_C(1.0) + r) + sign * left);
}
