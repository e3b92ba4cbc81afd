/* The part of scalar.h with the elementary functions beside exp, log and tanh: rounding, roots,
   logarithms, trigonometric and hyperbolic functions and their inverses. Included by it for float
   and for double, in the same subset of C11 and OpenCL C; see its head.

   The bounds in units in the last place (ulp) were measured on the CPU against float64, over all
   of float's range (tests/test_scalar.c); OpenCL's division and square root may add some. */

HB_INLINE HB_T HB_NAME(ceil)(HB_T x) { return HB_MATH(ceil)(x); }
HB_INLINE HB_T HB_NAME(trunc)(HB_T x) { return HB_MATH(trunc)(x); }
HB_INLINE HB_T HB_NAME(round)(HB_T x) { return HB_MATH(rint)(x); } /* half to even */
HB_INLINE hb_u8 HB_NAME(isnan)(HB_T x) { return x != x; }
HB_INLINE hb_u8 HB_NAME(isinf)(HB_T x) { return HB_MATH(fabs)(x) == HB_INFINITY; }
HB_INLINE hb_u8 HB_NAME(isfinite)(HB_T x) { return HB_MATH(fabs)(x) < HB_INFINITY; }
HB_INLINE HB_T HB_NAME(rsqrt)(HB_T x) { return HB_C(1.0) / HB_MATH(sqrt)(x); }

/* What is left of a / b rounded down, 0 or of b's sign, as in Python, of what C's fmod leaves,
   which is exact. */
HB_INLINE HB_T HB_NAME(mod_of)(HB_T r, HB_T b) {
    int other = (r != HB_C(0.0)) & ((r < HB_C(0.0)) != (b < HB_C(0.0)));
    r = other ? r + b : r;
    return r == HB_C(0.0) ? HB_MATH(copysign)(r, b) : r;
}
/* (a - mod) / b is a whole number but for rounding; the nearest one is taken, as in NumPy. */
HB_INLINE HB_T HB_NAME(floor_div_of)(HB_T r, HB_T a, HB_T b) {
    int other = (r != HB_C(0.0)) & ((r < HB_C(0.0)) != (b < HB_C(0.0)));
    HB_T q = (a - r) / b;
    q = HB_MATH(rint)(other ? q - HB_C(1.0) : q);
    q = q == HB_C(0.0) ? HB_MATH(copysign)(q, a / b) : q;
    return b == HB_C(0.0) ? a / b : q;
}
HB_INLINE HB_T HB_NAME(mod_far)(HB_T a, HB_T b) { return HB_NAME(mod_of)(HB_MATH(fmod)(a, b), b); }
HB_INLINE HB_T HB_NAME(floor_div_far)(HB_T a, HB_T b) {
    return HB_NAME(floor_div_of)(HB_MATH(fmod)(a, b), a, b);
}
#if HB_KIND == HB_KIND_F32 && defined(HB_CLOSE_FORMS)
/* fmod of floats whose quotient is below 2^28: two of them differ by at least 2^-53 then, so that
   the one in double is cut to the right whole number, and the rest is exact. */
HB_INLINE int HB_NAME(mod_is_close)(HB_T a, HB_T b) {
    float most = 268435456.0f * HB_MATH(fabs)(b);
    return (HB_MATH(fabs)(a) < most) & (most < HB_INFINITY_F32);
}
HB_INLINE HB_T HB_NAME(fmod_close)(HB_T a, HB_T b) {
    double x = a, y = b;
    return (float)(x - trunc(x / y) * y);
}
HB_INLINE HB_T HB_NAME(mod_close)(HB_T a, HB_T b) {
    return HB_NAME(mod_of)(HB_NAME(fmod_close)(a, b), b);
}
HB_INLINE HB_T HB_NAME(floor_div_close)(HB_T a, HB_T b) {
    return HB_NAME(floor_div_of)(HB_NAME(fmod_close)(a, b), a, b);
}
#endif
HB_INLINE HB_T HB_NAME(mod)(HB_T a, HB_T b) { return HB_NAME(mod_far)(a, b); }
HB_INLINE HB_T HB_NAME(floor_div)(HB_T a, HB_T b) { return HB_NAME(floor_div_far)(a, b); }

#if HB_KIND == HB_KIND_F32

/* |x| with x's sign bit, or with that of another number. */
HB_INLINE HB_T HB_NAME(signed)(HB_T magnitude, HB_T x) {
    return HB_FLOAT(HB_BITS(magnitude) | (HB_BITS(x) & 0x80000000u));
}

/* The cube root, within 1 ulp: a third of the exponent and two steps of Halley's method; numbers
   whose quarter might be denormal are scaled by 2^24 before. */
HB_INLINE HB_T HB_NAME(cbrt)(HB_T x) {
    float a = HB_MATH(fabs)(x);
    int tiny = a < 1e-30f;
    float s = tiny ? a * 16777216.0f : a;
    float t = HB_FLOAT(HB_BITS(s) / 3u + 709958130u);
    float quarter = 0.25f * s, r = 0.25f * t * t * t;
    t = t + t * ((quarter - r) / (r + r + quarter));
    r = 0.25f * t * t * t;
    t = t + t * ((quarter - r) / (r + r + quarter));
    t = tiny ? t * 0.00390625f : t;
    return ((x == 0.0f) | !(a < HB_INFINITY_F32)) ? x : HB_NAME(signed)(t, x);
}

/* e^x - 1, within 2 ulp: the reduction of exp, with the polynomial for e^r - 1 - r and 1 taken away
   before the scaling. */
HB_INLINE HB_T HB_NAME(expm1)(HB_T x) {
    float c = x < -20.0f ? -20.0f : x;
    c = c > 90.0f ? 90.0f : c;
    float t = c * 1.44269504f + 12582912.0f;
    float k = t - 12582912.0f;
    float r = (c - k * 0.693359375f) + k * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r;
    hb_i32 n = (hb_i32)(HB_BITS(t) - 0x4B400000u);
    hb_i32 h = n >> 1;
    float one = n > 60 ? 0.0f : HB_FLOAT((hb_u32)(127 - (n > 60 ? 0 : n)) << 23); /* 2^-n */
    p = p + (1.0f - one);
    p = p * HB_FLOAT((hb_u32)(h + 127) << 23) * HB_FLOAT((hb_u32)(n - h + 127) << 23);
    return HB_MATH(fabs)(x) < 5.9e-8f ? x : p;
}

/* log(1 + x), within 1 ulp: u = 1 + x is rounded, and what that lost, over u, is added to log u;
   for small x it is the polynomial in x itself. */
HB_INLINE HB_T HB_NAME(log1p)(HB_T x) {
    float u = 1.0f + x;
    float lost = x >= 1.0f ? 1.0f - (u - x) : x - (u - 1.0f);
    int near = (x > -0.29f) & (x < 0.41f);
    hb_split s = HB_NAME(split)(u);
    float f = near ? x : s.f, e = near ? 0.0f : s.e, c = near ? 0.0f : lost / u;
    float y = HB_NAME(log_rest)(f) + e * -2.12194440e-4f - 0.5f * (f * f) + c;
    float r = (f + y) + e * 0.693359375f;
    r = x == -1.0f ? -HB_INFINITY_F32 : r;
    r = ((x == HB_INFINITY_F32) | (HB_MATH(fabs)(x) < 5.9e-8f)) ? x : r;
    return x >= -1.0f ? r : HB_NAN_F32;
}

/* The logarithm to base 2, within 1.5 ulp: log2 e is 1 and a rest, as in Cephes (log2f.c). */
HB_INLINE HB_T HB_NAME(log2)(HB_T x) {
    hb_split s = HB_NAME(split)(x);
    float y = HB_NAME(log_rest)(s.f) - 0.5f * (s.f * s.f);
    float r = y * 0.44269504f + s.f * 0.44269504f;
    r = ((r + y) + s.f) + s.e;
    r = x == 0.0f ? -HB_INFINITY_F32 : r;
    r = x == HB_INFINITY_F32 ? x : r;
    return x >= 0.0f ? r : HB_NAN_F32;
}

/* The first 12 bits: products of two such are exact, with a fused addition or without. */
HB_INLINE HB_T HB_NAME(head)(HB_T x) { return HB_FLOAT(HB_BITS(x) & 0xFFFFF000u); }

/* log2 a for a > 0 as high + low, to 2^-31 of it: a = 2^e c (1 + g / c), c being 1, 25 / 32 or
   81 / 64, and log2(1 + g / c) = 2 / ln 2 atanh(g / (2 c + g)). That argument is q + rest; its
   first term, with the head of 2 / ln 2, is made of heads. */
HB_INLINE hb_pair HB_NAME(log2_pair)(HB_T a) {
    hb_split s = HB_NAME(split)(a);
    int below = s.f<-0.125f, above = s.f> 0.125f;
    float shift = below ? -0.21875f : (above ? 0.265625f : 0.0f);
    float base = below ? -0.356140137f : (above ? 0.33984375f : 0.0f); /* log2 c, 14 bits of it */
    float base_low = below ? -3.673506525e-6f : (above ? 6.252884625e-6f : 0.0f);
    float g = s.f - shift, twice = 2.0f + shift;
    float d = twice + s.f, dh = HB_NAME(head)(d), inverse = 1.0f / d;
    float q = HB_NAME(head)(g * inverse);
    float rest = ((g - q * dh) - q * (s.f - (dh - twice))) * inverse;
    float t = q + rest, z = t * t;
    float p = 0.1438198388f;
    p = p * z + 0.1999974856f;
    p = p * z + 0.3333333352f;
    float low = (q * 6.24456777e-4f + base_low) + 2.88539008f * (t * (p * z) + rest);
    float whole = s.e + base;
    hb_pair r;
    r.high = whole + q * 2.884765625f;
    r.low = (whole - r.high) + q * 2.884765625f + low;
    return r;
}
/* 2^(high + low) for |high| <= 200, |low| < 1. */
HB_INLINE HB_T HB_NAME(exp2_pair)(HB_T high, HB_T low) {
    float k = HB_MATH(rint)(high + low), r = (high - k) + low;
    float p = 1.537000125e-4f;
    p = p * r + 1.340117146e-3f;
    p = p * r + 9.618383303e-3f;
    p = p * r + 5.550325746e-2f;
    p = p * r + 2.402264832e-1f;
    p = p * r + 6.931472071e-1f;
    p = p * r + 1.0f;
    hb_i32 n = (hb_i32)k, h = n >> 1;
    return p * HB_FLOAT((hb_u32)(h + 127) << 23) * HB_FLOAT((hb_u32)(n - h + 127) << 23);
}
/* x^y = 2^(y log2 |x|), within 1.5 ulp, with C's signs, zeros and infinities. Beyond 4e9 it is y's
   sign alone that counts. */
HB_INLINE HB_T HB_NAME(pow)(HB_T x, HB_T y) {
    float a = HB_MATH(fabs)(x), b = HB_MATH(fabs)(y);
    hb_pair l = HB_NAME(log2_pair)(a);
    float c = y > -4e9f ? y : -4e9f;
    c = c < 4e9f ? c : 4e9f;
    float sum = l.high + l.low, sum_head = HB_NAME(head)(sum), c_head = HB_NAME(head)(c);
    float high = c_head * sum_head;
    float low = c_head * ((l.high - sum_head) + l.low) + (c - c_head) * sum;
    high = high > -200.0f ? high : -200.0f;
    high = high < 200.0f ? high : 200.0f;
    low = HB_MATH(fabs)(low) < 1.0f ? low : 0.0f;
    float r = HB_NAME(exp2_pair)(high, low);
    float part = 0.5f * y;
    int whole = HB_MATH(rint)(y) == y, odd = whole & (HB_MATH(rint)(part) != part);
    int none = a == 0.0f, endless = a == HB_INFINITY_F32, down = y < 0.0f;
    r = (none | endless) ? (none != down ? 0.0f : HB_INFINITY_F32) : r;
    r = ((x < 0.0f) & !whole & !endless) ? HB_NAN_F32 : r;
    r = HB_FLOAT(HB_BITS(r) | (odd ? HB_BITS(x) & 0x80000000u : 0u));
    r = ((x != x) | (y != y)) ? HB_NAN_F32 : r;
    int one = (y == 0.0f) | (x == 1.0f) | ((x == -1.0f) & (b == HB_INFINITY_F32));
    return one ? 1.0f : r;
}

/* ---- trigonometric ---- */

/* |x| = quarters (pi / 2) + r with |r| <= pi / 4, for every finite x, after M. Payne and R. Hanek,
   "Radian reduction for trigonometric functions", SIGNUM Newsletter 18, 1983. x is m 2^d with a
   whole m of 24 bits; of 2 / pi only the 96 bits count that are neither multiples of 4 quarters
   after the product nor too small. The words of 2 / pi are picked by selects, not from a table, so
   that loops vectorize. What is beyond 32 bits before r's first one is lost: at least 2^-33 of r.
 */
HB_INLINE hb_angle HB_NAME(quarters)(HB_T x) {
    hb_u32 b = HB_BITS(x) & 0x7FFFFFFFu;
    int small = b < 0x3F490FDBu; /* pi / 4 */
    hb_u32 d = small ? 6u : (b >> 23) - 120u, m = (b & 0x007FFFFFu) | 0x00800000u;
    int four = d >= 128u, two = (int)(d >> 6) & 1, one = (int)(d >> 5) & 1;
    hb_u32 a0 = four ? 0xF534DDC0u : 0u, a1 = four ? 0xDB629599u : 0xA2F9836Eu;
    hb_u32 a2 = four ? 0x3C439041u : 0x4E441529u, a3 = four ? 0xFE5163ABu : 0xFC2757D1u;
    hb_u32 a4 = 0xF534DDC0u, a5 = 0xDB629599u, a6 = 0x3C439041u;
    a0 = two ? a2 : a0;
    a1 = two ? a3 : a1;
    a2 = two ? a4 : a2;
    a3 = two ? a5 : a3;
    a4 = two ? a6 : a4;
    a0 = one ? a1 : a0;
    a1 = one ? a2 : a1;
    a2 = one ? a3 : a2;
    a3 = one ? a4 : a3;
    hb_u32 up = d & 31u, down = 31u - up;
    hb_u32 w0 = (a0 << up) | ((a1 >> 1) >> down);
    hb_u32 w1 = (a1 << up) | ((a2 >> 1) >> down);
    hb_u32 w2 = (a2 << up) | ((a3 >> 1) >> down);
    hb_u32 low = m * w1, p1 = low + HB_MULHI(m, w2);
    hb_u32 p0 = m * w0 + HB_MULHI(m, w1) + (p1 < low ? 1u : 0u);
    /* p0 p1 is the angle in turns, times 2^64. */
    hb_u32 high = (p0 << 2) | (p1 >> 30);
    low = p1 << 2;
    int negative = high >= 0x80000000u;
    high = negative ? ~high + (low == 0u ? 1u : 0u) : high;
    low = negative ? 0u - low : low;
    float f = (float)(hb_i32)(high >> 8) * 5.9604644775390625e-8f;
    float rest = (float)(hb_i32)(((high & 255u) << 16) | (low >> 16)) * 3.5527136788005009e-15f;
    float r = f * 1.57079637f + (f * -4.37113883e-8f + rest * 1.57079637f);
    hb_angle angle;
    angle.r = small ? HB_FLOAT(b) : (negative ? -r : r);
    angle.r = b < 0x7F800000u ? angle.r : HB_NAN_F32;
    angle.quarters = small ? 0u : (p0 + 0x20000000u) >> 30;
    return angle;
}

/* sin r and cos r for |r| <= pi / 4: the polynomials of Cephes (sinf.c). */
HB_INLINE HB_T HB_NAME(sin_near)(HB_T r) {
    float z = r * r;
    float p = -1.9515295891e-4f;
    p = p * z + 8.3321608736e-3f;
    p = p * z - 1.6666654611e-1f;
    return p * z * r + r;
}
HB_INLINE HB_T HB_NAME(cos_near)(HB_T r) {
    float z = r * r;
    float p = 2.443315711809948e-5f;
    p = p * z - 1.388731625493765e-3f;
    p = p * z + 4.166664568298827e-2f;
    return p * z * z + (1.0f - 0.5f * z);
}

HB_INLINE HB_T HB_NAME(sin_of)(hb_angle a, HB_T x) {
    float s = HB_NAME(sin_near)(a.r), c = HB_NAME(cos_near)(a.r);
    hb_u32 sign = ((a.quarters & 2u) << 30) ^ (HB_BITS(x) & 0x80000000u);
    return HB_FLOAT(HB_BITS((a.quarters & 1u) != 0u ? c : s) ^ sign);
}
HB_INLINE HB_T HB_NAME(cos_of)(hb_angle a) {
    float s = HB_NAME(sin_near)(a.r), c = HB_NAME(cos_near)(a.r);
    hb_u32 sign = ((a.quarters + 1u) & 2u) << 30;
    return HB_FLOAT(HB_BITS((a.quarters & 1u) != 0u ? s : c) ^ sign);
}
/* The polynomial is that of Cephes (tanf.c). */
HB_INLINE HB_T HB_NAME(tan_of)(hb_angle a, HB_T x) {
    float z = a.r * a.r;
    float p = 9.38540185543e-3f;
    p = p * z + 3.11992232697e-3f;
    p = p * z + 2.44301354525e-2f;
    p = p * z + 5.34112807005e-2f;
    p = p * z + 1.33387994085e-1f;
    p = p * z + 3.33331568548e-1f;
    p = p * z * a.r + a.r;
    p = (a.quarters & 1u) != 0u ? -1.0f / p : p;
    return HB_FLOAT(HB_BITS(p) ^ (HB_BITS(x) & 0x80000000u));
}
/* Within 2.5 ulp for any x, tan within 4. */
HB_INLINE HB_T HB_NAME(sin_far)(HB_T x) { return HB_NAME(sin_of)(HB_NAME(quarters)(x), x); }
HB_INLINE HB_T HB_NAME(cos_far)(HB_T x) { return HB_NAME(cos_of)(HB_NAME(quarters)(x)); }
HB_INLINE HB_T HB_NAME(tan_far)(HB_T x) { return HB_NAME(tan_of)(HB_NAME(quarters)(x), x); }
#ifdef HB_CLOSE_FORMS
/* The angle of |x| <= 1e6, in double: the product with the first part of pi / 2, which has 33 bits,
   is exact. */
HB_INLINE hb_angle HB_NAME(quarters_close)(HB_T x) {
    double d = HB_MATH(fabs)(x);
    double k = (d * 0.63661977236758134308 + 6755399441055744.0) - 6755399441055744.0;
    hb_angle angle;
    angle.r = (float)((d - k * 1.57079632673412561417) - k * 6.07710050650619224932e-11);
    angle.quarters = (hb_u32)(hb_i32)k;
    return angle;
}
HB_INLINE int HB_NAME(sin_is_close)(HB_T x) { return HB_MATH(fabs)(x) <= 1e6f; }
HB_INLINE HB_T HB_NAME(sin_close)(HB_T x) { return HB_NAME(sin_of)(HB_NAME(quarters_close)(x), x); }
HB_INLINE HB_T HB_NAME(cos_close)(HB_T x) { return HB_NAME(cos_of)(HB_NAME(quarters_close)(x)); }
HB_INLINE HB_T HB_NAME(tan_close)(HB_T x) { return HB_NAME(tan_of)(HB_NAME(quarters_close)(x), x); }
#endif
HB_INLINE HB_T HB_NAME(sin)(HB_T x) { return HB_NAME(sin_far)(x); }
HB_INLINE HB_T HB_NAME(cos)(HB_T x) { return HB_NAME(cos_far)(x); }
HB_INLINE HB_T HB_NAME(tan)(HB_T x) { return HB_NAME(tan_far)(x); }

/* asin w for 0 <= w <= 1/2, z = w^2: the polynomial of Cephes (asinf.c). */
HB_INLINE HB_T HB_NAME(asin_near)(HB_T w, HB_T z) {
    float p = 4.2163199048e-2f;
    p = p * z + 2.4181311049e-2f;
    p = p * z + 4.5470025998e-2f;
    p = p * z + 7.4953002686e-2f;
    p = p * z + 1.6666752422e-1f;
    return p * z * w + w;
}
/* Within 2.5 ulp. Beyond 1/2, asin x = pi / 2 - 2 asin(sqrt((1 - x) / 2)). */
HB_INLINE HB_T HB_NAME(asin)(HB_T x) {
    float a = HB_MATH(fabs)(x);
    int far = a > 0.5f;
    float z = far ? 0.5f * (1.0f - a) : a * a;
    float p = HB_NAME(asin_near)(far ? HB_MATH(sqrt)(z) : a, z);
    float r = far ? 1.57079637f - (2.0f * p + 4.37113883e-8f) : p;
    r = a <= 1.0f ? r : HB_NAN_F32;
    return HB_NAME(signed)(r, x);
}
/* Within 1.5 ulp. */
HB_INLINE HB_T HB_NAME(acos)(HB_T x) {
    float a = HB_MATH(fabs)(x);
    int far = a > 0.5f;
    float z = far ? 0.5f * (1.0f - a) : a * a;
    float p = HB_NAME(asin_near)(far ? HB_MATH(sqrt)(z) : a, z);
    float r = x < 0.0f ? 3.14159274f - (2.0f * p + 8.74227766e-8f) : 2.0f * p;
    r = far ? r : 1.57079637f - ((x < 0.0f ? -p : p) + 4.37113883e-8f);
    return a <= 1.0f ? r : HB_NAN_F32;
}

/* atan t for 0 <= t <= 1; beyond tan(pi / 8), pi / 4 is taken away. The polynomial is that of
   Cephes (atanf.c). */
HB_INLINE HB_T HB_NAME(atan_near)(HB_T t) {
    int far = t > 0.414213562f;
    float u = far ? (t - 1.0f) / (t + 1.0f) : t;
    float z = u * u;
    float p = 8.05374449538e-2f;
    p = p * z - 1.38776856032e-1f;
    p = p * z + 1.99777106478e-1f;
    p = p * z - 3.33329491539e-1f;
    p = p * z * u + u;
    return far ? p + 0.785398163f : p;
}
/* Within 3 ulp. */
HB_INLINE HB_T HB_NAME(atan)(HB_T x) {
    float a = HB_MATH(fabs)(x);
    int far = a > 1.0f;
    float p = HB_NAME(atan_near)(far ? 1.0f / a : a);
    return HB_NAME(signed)(far ? 1.57079637f - (p + 4.37113883e-8f) : p, x);
}
/* The angle of the point (x, y), within 3 ulp; of zeros and infinities as C has it. */
HB_INLINE HB_T HB_NAME(atan2)(HB_T y, HB_T x) {
    float a = HB_MATH(fabs)(y), b = HB_MATH(fabs)(x);
    float top = a > b ? b : a, bottom = a > b ? a : b;
    float t = top == bottom ? 1.0f : top / bottom;
    t = bottom == 0.0f ? 0.0f : t;
    float p = HB_NAME(atan_near)(t);
    p = a > b ? 1.57079637f - (p + 4.37113883e-8f) : p;
    p = HB_BITS(x) >= 0x80000000u ? 3.14159274f - (p + 8.74227766e-8f) : p;
    return ((x != x) | (y != y)) ? HB_NAN_F32 : HB_NAME(signed)(p, y);
}
/* sqrt(x^2 + y^2), within 1.5 ulp, scaled so that no square overflows or vanishes; infinite if
   either is, whatever the other. */
HB_INLINE HB_T HB_NAME(hypot)(HB_T x, HB_T y) {
    float a = HB_MATH(fabs)(x), b = HB_MATH(fabs)(y);
    float most = a > b ? a : b;
    int large = most > 1.15292150e18f, small = most < 8.67361738e-19f;      /* 2^60, 2^-60 */
    float down = large ? 8.47032947e-22f : (small ? 1.26765060e30f : 1.0f); /* 2^-70, 2^100 */
    float up = large ? 1.18059162e21f : (small ? 7.88860905e-31f : 1.0f);
    a = a * down;
    b = b * down;
    float r = up * HB_MATH(sqrt)(a * a + b * b);
    return ((a == HB_INFINITY_F32) | (b == HB_INFINITY_F32)) ? HB_INFINITY_F32 : r;
}

/* ---- hyperbolic ---- */

/* (e^x - e^-x) / 2 within 2 ulp, near 0 by the polynomial of Cephes (sinhf.c). */
HB_INLINE HB_T HB_NAME(sinh)(HB_T x) {
    float a = HB_MATH(fabs)(x), z = a * a;
    float p = 2.03721912945e-4f;
    p = p * z + 8.33028376239e-3f;
    p = p * z + 1.66667160211e-1f;
    p = p * z * a + a;
    float e = HB_NAME(exp_scaled)(a, -1);
    return HB_NAME(signed)(a < 1.0f ? p : e - 0.25f / e, x);
}
/* (e^x + e^-x) / 2 within 1.5 ulp. */
HB_INLINE HB_T HB_NAME(cosh)(HB_T x) {
    float e = HB_NAME(exp_scaled)(HB_MATH(fabs)(x), -1);
    return e + 0.25f / e;
}
/* log(a + sqrt(a^2 + 1)) as log1p(a + a^2 / (1 + sqrt(a^2 + 1))), within 2 ulp; of large ones
   log a + log 2. */
HB_INLINE HB_T HB_NAME(asinh)(HB_T x) {
    float a = HB_MATH(fabs)(x);
    int large = a > 1e9f;
    float z = large ? 0.0f : a * a;
    float r = HB_NAME(log1p)(large ? a : a + z / (1.0f + HB_MATH(sqrt)(z + 1.0f)));
    return HB_NAME(signed)(large ? r + 0.693147181f : r, x);
}
/* log(x + sqrt(x^2 - 1)) by way of t = x - 1, within 2.5 ulp. */
HB_INLINE HB_T HB_NAME(acosh)(HB_T x) {
    int large = x > 1e9f;
    float t = x - 1.0f;
    float r = HB_NAME(log1p)(large ? x : t + HB_MATH(sqrt)(t * (large ? 1.0f : t + 2.0f)));
    r = large ? r + 0.693147181f : r;
    return x >= 1.0f ? r : HB_NAN_F32;
}
/* log((1 + x) / (1 - x)) / 2, within 2 ulp. */
HB_INLINE HB_T HB_NAME(atanh)(HB_T x) {
    float a = HB_MATH(fabs)(x);
    float r = 0.5f * HB_NAME(log1p)(a < 1.0f ? (a + a) / (1.0f - a) : HB_INFINITY_F32);
    r = a <= 1.0f ? r : HB_NAN_F32;
    return HB_NAME(signed)(r, x);
}

#else

HB_INLINE HB_T HB_NAME(cbrt)(HB_T x) { return cbrt(x); }
HB_INLINE HB_T HB_NAME(pow)(HB_T x, HB_T y) { return pow(x, y); }
HB_INLINE HB_T HB_NAME(tan)(HB_T x) { return tan(x); }
HB_INLINE HB_T HB_NAME(asin)(HB_T x) { return asin(x); }
HB_INLINE HB_T HB_NAME(acos)(HB_T x) { return acos(x); }
HB_INLINE HB_T HB_NAME(atan)(HB_T x) { return atan(x); }
HB_INLINE HB_T HB_NAME(atan2)(HB_T y, HB_T x) { return atan2(y, x); }
HB_INLINE HB_T HB_NAME(hypot)(HB_T x, HB_T y) { return hypot(x, y); }
HB_INLINE HB_T HB_NAME(asinh)(HB_T x) { return asinh(x); }
HB_INLINE HB_T HB_NAME(acosh)(HB_T x) { return acosh(x); }
HB_INLINE HB_T HB_NAME(atanh)(HB_T x) { return atanh(x); }

#endif
