/* Elementwise arithmetic, written once, in the common subset of C11 and OpenCL C 1.2.

   The CPU backend includes this file; the OpenCL backend puts its text in front of the kernels that
   it generates; the executor folds constants with it. Include it once for the common part, and then
   once for each element type with

     HB_T        the type            float, double, int, long, uchar (OpenCL) or their C names
     HB_NAME(f)  the function's name hb_add -> hb_add_f32
     HB_KIND     HB_KIND_F32, HB_KIND_F64, HB_KIND_INT (i32, i64, i8) or HB_KIND_BYTE (u8, bool)
     HB_UNSIGNED for HB_KIND_INT and HB_KIND_BYTE, the unsigned type of the same width

   defined; the file undefines them. No branches where a select will do, so that loops over these
   functions vectorize. float functions are polynomials of their own, accurate to a few units in the
   last place. Those of double are so for the most common functions (scalar_double.h); the others
   are the platform's, where C and OpenCL have one. Exponentials and logarithms of float are here,
   the other functions in scalar_math.h and scalar_special.h, which this file includes in their
   place; the text for OpenCL is made of all of them. */

#ifndef HB_SCALAR_COMMON
#define HB_SCALAR_COMMON

#define HB_KIND_F32  0
#define HB_KIND_F64  1
#define HB_KIND_INT  2
#define HB_KIND_BYTE 3

#if defined(__OPENCL_VERSION__) || defined(__OPENCL_C_VERSION__)
typedef uint hb_u32;
typedef int hb_i32;
typedef long hb_i64;
typedef ulong hb_u64;
typedef uchar hb_u8;
typedef ushort hb_u16;
#define HB_BITS(x)        as_uint(x)
#define HB_FLOAT(bits)    as_float(bits)
#define HB_BITS64(x)      as_ulong(x)
#define HB_DOUBLE(bits)   as_double(bits)
#define HB_MULHI(a, b)    ((hb_u32)(((hb_u64)(a) * (b)) >> 32)) /* mul_hi() may be a call */
#define HB_MATH_F32(name) name
#define HB_INFINITY_F32   INFINITY
#define HB_NAN_F32        NAN
#define HB_NAN            NAN
#define HB_INFINITY       INFINITY
#define HB_LGAMMA_F64(x)  lgamma(x)
#define HB_INLINE         static inline
/* What loops in functions begin with: compilers make vectors of innermost loops alone. */
#define HB_UNROLL _Pragma("unroll")
#else
#include <math.h>
#include <stdint.h>
#include <string.h>
typedef uint32_t hb_u32;
typedef int32_t hb_i32;
typedef int64_t hb_i64;
typedef uint64_t hb_u64;
typedef uint8_t hb_u8;
typedef uint16_t hb_u16;
#define HB_INLINE static inline __attribute__((always_inline, unused))
#define HB_UNROLL
HB_INLINE hb_u32 hb_bits(float x) {
    hb_u32 b;
    memcpy(&b, &x, 4);
    return b;
}
HB_INLINE float hb_float(hb_u32 b) {
    float x;
    memcpy(&x, &b, 4);
    return x;
}
HB_INLINE hb_u64 hb_bits64(double x) {
    hb_u64 b;
    memcpy(&b, &x, 8);
    return b;
}
HB_INLINE double hb_double(hb_u64 b) {
    double x;
    memcpy(&x, &b, 8);
    return x;
}
#define HB_BITS(x)        hb_bits(x)
#define HB_FLOAT(bits)    hb_float(bits)
#define HB_BITS64(x)      hb_bits64(x)
#define HB_DOUBLE(bits)   hb_double(bits)
#define HB_MULHI(a, b)    ((hb_u32)(((uint64_t)(a) * (b)) >> 32))
#define HB_MATH_F32(name) name##f
#define HB_CLOSE_FORMS    /* of functions of float that are made in double for most arguments */
#define HB_INFINITY_F32   __builtin_inff()
#define HB_NAN_F32        __builtin_nanf("")
#define HB_NAN            __builtin_nanf("")
#define HB_INFINITY       __builtin_inff()
/* lgamma() writes a global, the sign, which threads would do at the same time. */
HB_INLINE double hb_lgamma_libm(double x) {
    int sign;
    return __builtin_lgamma_r(x, &sign);
}
#define HB_LGAMMA_F64(x)  hb_lgamma_libm(x)
#endif

/* f16 and bf16 are stored in 16 bits and computed with as float, so these conversions are all that
   there is of them; no device needs to know either. To nearest, ties to even, in integers but for
   what is below the normal range of f16: the sum with 0.5, whose last bit is worth 2^-24, rounds
   there. */
HB_INLINE float hb_f32_of_f16(hb_u16 h) {
    hb_u32 x = (hb_u32)(h & 0x7FFFu) << 13, sign = (hb_u32)(h & 0x8000u) << 16;
    hb_u32 small = HB_BITS((float)(hb_i32)(h & 0x03FFu) * 5.9604644775390625e-8f);
    hb_u32 large = x + (x >= 0x0F800000u ? 0x70000000u : 0x38000000u);
    return HB_FLOAT(sign | (x < 0x00800000u ? small : large));
}
HB_INLINE hb_u16 hb_f16_of_f32(float f) {
    hb_u32 b = HB_BITS(f), x = b & 0x7FFFFFFFu, sign = (b >> 16) & 0x8000u;
    hb_u32 small = HB_BITS(HB_FLOAT(x < 0x38800000u ? x : 0u) + 0.5f) - 0x3F000000u;
    hb_u32 large = (x - 0x38000000u + 0x0FFFu + ((x >> 13) & 1u)) >> 13;
    hb_u32 beyond = x > 0x7F800000u ? 0x7E00u : 0x7C00u;
    hb_u32 h = x < 0x38800000u ? small : large;
    return (hb_u16)(sign | (x < 0x47800000u ? h : beyond));
}
HB_INLINE float hb_f32_of_bf16(hb_u16 h) { return HB_FLOAT((hb_u32)h << 16); }
HB_INLINE hb_u16 hb_bf16_of_f32(float f) {
    hb_u32 b = HB_BITS(f);
    hb_u32 nearest = (b + 0x7FFFu + ((b >> 16) & 1u)) >> 16, nan = (b >> 16) | 0x0040u;
    return (hb_u16)((b & 0x7FFFFFFFu) > 0x7F800000u ? nan : nearest);
}
HB_INLINE hb_u16 hb_select_u16(hb_u8 c, hb_u16 a, hb_u16 b) { return c ? a : b; }

/* Philox 4x32-10: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1,
   2, 3", SC 2011. c is the counter and becomes the result. */
typedef struct hb_philox4 {
    hb_u32 c0, c1, c2, c3;
} hb_philox4;

HB_INLINE hb_philox4 hb_philox(hb_philox4 c, hb_u32 k0, hb_u32 k1) {
    HB_UNROLL
    for (int round = 0; round < 10; round++) {
        hb_u32 h0 = HB_MULHI(0xD2511F53u, c.c0), l0 = 0xD2511F53u * c.c0;
        hb_u32 h1 = HB_MULHI(0xCD9E8D57u, c.c2), l1 = 0xCD9E8D57u * c.c2;
        c.c0 = h1 ^ c.c1 ^ k0;
        c.c1 = l1;
        c.c2 = h0 ^ c.c3 ^ k1;
        c.c3 = l0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return c;
}

/* The four words for element `index` of random op `op` in run `step`: key (seed), counter (index,
   index >> 32, op, step). */
HB_INLINE hb_philox4 hb_random_words(hb_i64 index, hb_u32 op, hb_u32 step, hb_u32 seed_low,
                                     hb_u32 seed_high) {
    hb_philox4 c;
    c.c0 = (hb_u32)index;
    c.c1 = (hb_u32)(index >> 32);
    c.c2 = op;
    c.c3 = step;
    return hb_philox(c, seed_low, seed_high);
}

/* The first of them, in 0 ... 2^32 - 1. */
HB_INLINE hb_i64 hb_random_bits_i64(hb_i64 index, hb_u32 op, hb_u32 step, hb_u32 seed_low,
                                    hb_u32 seed_high) {
    return (hb_i64)hb_random_words(index, op, step, seed_low, seed_high).c0;
}

/* cos(2 pi u) for u in [0, 1): u is reduced to v in [-1/4, 1/4] around the nearest half turn; the
   polynomial is the Taylor series of cos(2 pi v) to v^12, whose error there is below 2e-8. */
HB_INLINE float hb_cos_turns(float u) {
    float s = u < 0.25f ? 1.0f : (u < 0.75f ? -1.0f : 1.0f);
    float v = u < 0.25f ? u : (u < 0.75f ? u - 0.5f : u - 1.0f);
    float t = 39.47841760f * (v * v);
    float p = 2.0876757e-9f;
    p = p * t - 2.7557319e-7f;
    p = p * t + 2.4801587e-5f;
    p = p * t - 1.3888889e-3f;
    p = p * t + 4.1666667e-2f;
    p = p * t - 0.5f;
    return s * (p * t + 1.0f);
}

/* 2^e (1 + f); a sum of two floats; and an angle less a whole number of quarter turns. */
typedef struct hb_split {
    float f, e;
} hb_split;
typedef struct hb_pair {
    float high, low;
} hb_pair;
typedef struct hb_angle {
    float r;
    hb_u32 quarters;
} hb_angle;

#define HB_PASTE_(a, b) a##b
#define HB_PASTE(a, b)  HB_PASTE_(a, b)
#endif

#ifdef HB_T

/* ---- for every type ---- */

HB_INLINE hb_u8 HB_NAME(eq)(HB_T a, HB_T b) { return a == b; }
HB_INLINE hb_u8 HB_NAME(ne)(HB_T a, HB_T b) { return a != b; }
HB_INLINE hb_u8 HB_NAME(lt)(HB_T a, HB_T b) { return a < b; }
HB_INLINE hb_u8 HB_NAME(le)(HB_T a, HB_T b) { return a <= b; }
HB_INLINE hb_u8 HB_NAME(gt)(HB_T a, HB_T b) { return a > b; }
HB_INLINE hb_u8 HB_NAME(ge)(HB_T a, HB_T b) { return a >= b; }
HB_INLINE HB_T HB_NAME(select)(hb_u8 c, HB_T a, HB_T b) { return c ? a : b; }

#if HB_KIND == HB_KIND_F32 || HB_KIND == HB_KIND_F64

#if HB_KIND == HB_KIND_F32
#define HB_C(x)    HB_PASTE(x, f)
#define HB_MATH(f) HB_MATH_F32(f)
#else
#define HB_C(x)    x
#define HB_MATH(f) f
#endif

HB_INLINE HB_T HB_NAME(neg)(HB_T x) { return -x; }
HB_INLINE HB_T HB_NAME(abs)(HB_T x) { return HB_MATH(fabs)(x); }
HB_INLINE HB_T HB_NAME(sign)(HB_T x) {
    return x > HB_C(0.0) ? HB_C(1.0) : (x < HB_C(0.0) ? HB_C(-1.0) : x);
}
HB_INLINE HB_T HB_NAME(sqrt)(HB_T x) { return HB_MATH(sqrt)(x); }
HB_INLINE HB_T HB_NAME(reciprocal)(HB_T x) { return HB_C(1.0) / x; }
HB_INLINE HB_T HB_NAME(floor)(HB_T x) { return HB_MATH(floor)(x); }
HB_INLINE HB_T HB_NAME(add)(HB_T a, HB_T b) { return a + b; }
HB_INLINE HB_T HB_NAME(sub)(HB_T a, HB_T b) { return a - b; }
HB_INLINE HB_T HB_NAME(mul)(HB_T a, HB_T b) { return a * b; }
HB_INLINE HB_T HB_NAME(div)(HB_T a, HB_T b) { return a / b; }
/* NaN if either operand is: a comparison with NaN is false, and so picks b, unless a is NaN. */
HB_INLINE HB_T HB_NAME(max)(HB_T a, HB_T b) { return ((a > b) | (a != a)) ? a : b; }
HB_INLINE HB_T HB_NAME(min)(HB_T a, HB_T b) { return ((a < b) | (a != a)) ? a : b; }

#if HB_KIND == HB_KIND_F32
/* e^x 2^j: x = n ln 2 + r with |r| <= ln 2 / 2; e^r to 3.2e-9 by a polynomial (minimax, with 1 + r
   exact). 2^(n + j) is applied in two factors, so that results down to the smallest denormal, and
   infinity, come out. Compilers clamp integers in one instruction, floats in two. */
HB_INLINE HB_T HB_NAME(exp_scaled)(HB_T x, hb_i32 j) {
    float c = x < -104.0f ? -104.0f : x;
    /* 1.5 * 2^23 + 254: the sum's low bits are round(c log2 e) + 254, of which 130 - j will do. */
    hb_i32 t = (hb_i32)HB_BITS(c * 1.44269504f + 12583166.0f);
    t = t > 0x4B400180 - j ? 0x4B400180 - j : t;
    float k = HB_FLOAT((hb_u32)t) - 12583166.0f;
    float r = (c - k * 0.693359375f) + k * 2.12194440e-4f;
    float p = 1.38209108e-3f;
    p = p * r + 8.36867001e-3f;
    p = p * r + 4.16682623e-2f;
    p = p * r + 1.66665211e-1f;
    p = p * r + 4.99999940e-1f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    hb_u32 n = (hb_u32)(t + j); /* shifted left, only the exponent is left of it */
    hb_u32 first = n << 22 & 0x7F800000u;
    return p * HB_FLOAT(first) * HB_FLOAT((n << 23) - first);
}
HB_INLINE HB_T HB_NAME(exp)(HB_T x) { return HB_NAME(exp_scaled)(x, 0); }
/* x > 0 as 2^e (1 + f) with sqrt(1/2) <= 1 + f < sqrt 2. */
HB_INLINE hb_split HB_NAME(split)(HB_T x) {
    int tiny = x < 1.17549435e-38f;
    hb_u32 b = HB_BITS(tiny ? x * 8388608.0f : x);
    float m = HB_FLOAT((b & 0x007FFFFFu) | 0x3F000000u);
    float e = (float)((hb_i32)((b >> 23) & 255u) - (tiny ? 149 : 126));
    int low = m < 0.707106781f;
    hb_split s;
    s.e = low ? e - 1.0f : e;
    s.f = low ? (m + m) - 1.0f : m - 1.0f;
    return s;
}
/* log(1 + f) - f + f^2 / 2 for f as above: the polynomial from Cephes (logf.c). */
HB_INLINE HB_T HB_NAME(log_rest)(HB_T f) {
    float p = 7.0376836292e-2f;
    p = p * f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    return p * f * (f * f);
}
/* log x = e log 2 + log(1 + f). */
HB_INLINE HB_T HB_NAME(log)(HB_T x) {
    hb_split s = HB_NAME(split)(x);
    float y = HB_NAME(log_rest)(s.f) + s.e * -2.12194440e-4f - 0.5f * (s.f * s.f);
    float r = (s.f + y) + s.e * 0.693359375f;
    r = x == 0.0f ? -HB_INFINITY_F32 : r;
    r = x == HB_INFINITY_F32 ? x : r;
    return x >= 0.0f ? r : HB_NAN_F32;
}
/* tanh x as the rational approximation that Eigen uses (MathFunctionsImpl.h): odd of degree 13 over
   even of degree 6, on |x| <= 9, beyond which tanh rounds to +-1. */
HB_INLINE HB_T HB_NAME(tanh)(HB_T x) {
    hb_u32 a = HB_BITS(x) & 0x7FFFFFFFu;
    float c = HB_FLOAT(a < 0x41100000u ? a : 0x41100000u);
    float z = c * c;
    float p = -2.76076847742355e-16f;
    p = p * z + 2.00018790482477e-13f;
    p = p * z - 8.60467152213735e-11f;
    p = p * z + 5.12229709037114e-08f;
    p = p * z + 1.48572235717979e-05f;
    p = p * z + 6.37261928875436e-04f;
    p = p * z + 4.89352455891786e-03f;
    float q = 1.19825839466702e-06f;
    q = q * z + 1.18534705686654e-04f;
    q = q * z + 2.26843463243900e-03f;
    q = q * z + 4.89352518554385e-03f;
    float r = HB_FLOAT(HB_BITS(c * p / q) | (HB_BITS(x) & 0x80000000u));
    return HB_FLOAT(a) >= 0.0004f ? r : x; /* the product would be denormal; and NaN */
}
/* 1 / (1 + e^-x), above and below 2^-24 times as large: e^-x then does not overflow before the
   result is zero, so that one formula does for both tails. */
HB_INLINE HB_T HB_NAME(sigmoid)(HB_T x) {
    return 5.96046448e-8f / (5.96046448e-8f + HB_NAME(exp_scaled)(-x, -24));
}
#else
#include "scalar_double.h"
#endif

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|). The rounding of u = 1 + e is made up for by the
   factor e / (u - 1): W. Kahan's log1p. */
HB_INLINE HB_T HB_NAME(softplus)(HB_T x) {
    HB_T e = HB_NAME(exp)(-HB_MATH(fabs)(x));
    HB_T u = HB_C(1.0) + e, d = u - HB_C(1.0);
    HB_T l = d == HB_C(0.0) ? e : HB_NAME(log)(u) * (e / (d == HB_C(0.0) ? HB_C(1.0) : d));
    return (x > HB_C(0.0) ? x : HB_C(0.0)) + (x != x ? x : l);
}

#include "scalar_math.h"
#include "scalar_special.h"

/* Word to [0, 1): the 24 top bits for float, all 32 for double. */
#if HB_KIND == HB_KIND_F32
HB_INLINE HB_T HB_NAME(unit)(hb_u32 w) { return (float)(hb_i32)(w >> 8) * 5.9604644775390625e-8f; }
#else
HB_INLINE HB_T HB_NAME(unit)(hb_u32 w) { return (double)w * 2.3283064365386962890625e-10; }
#endif

HB_INLINE HB_T HB_NAME(random_uniform)(hb_i64 index, hb_u32 op, hb_u32 step, hb_u32 seed_low,
                                       hb_u32 seed_high) {
    return HB_NAME(unit)(hb_random_words(index, op, step, seed_low, seed_high).c0);
}
/* Box and Muller 1958, from two words of the element's block; 1 - u is in (0, 1]. */
HB_INLINE HB_T HB_NAME(random_normal)(hb_i64 index, hb_u32 op, hb_u32 step, hb_u32 seed_low,
                                      hb_u32 seed_high) {
    hb_philox4 w = hb_random_words(index, op, step, seed_low, seed_high);
    HB_T radius = HB_MATH(sqrt)(HB_C(-2.0) * HB_NAME(log)(HB_C(1.0) - HB_NAME(unit)(w.c0)));
    return radius * (HB_T)hb_cos_turns((float)(hb_i32)(w.c1 >> 8) * 5.9604644775390625e-8f);
}

#undef HB_C
#undef HB_MATH

#elif HB_KIND == HB_KIND_INT

/* Arithmetic wraps around, as it does on every machine, without C's undefined behavior. */
HB_INLINE HB_T HB_NAME(neg)(HB_T x) { return (HB_T)((HB_UNSIGNED)0 - (HB_UNSIGNED)x); }
HB_INLINE HB_T HB_NAME(abs)(HB_T x) { return x < 0 ? HB_NAME(neg)(x) : x; }
HB_INLINE HB_T HB_NAME(sign)(HB_T x) { return (HB_T)((x > 0) - (x < 0)); }
HB_INLINE HB_T HB_NAME(add)(HB_T a, HB_T b) { return (HB_T)((HB_UNSIGNED)a + (HB_UNSIGNED)b); }
HB_INLINE HB_T HB_NAME(sub)(HB_T a, HB_T b) { return (HB_T)((HB_UNSIGNED)a - (HB_UNSIGNED)b); }
HB_INLINE HB_T HB_NAME(mul)(HB_T a, HB_T b) { return (HB_T)((HB_UNSIGNED)a * (HB_UNSIGNED)b); }
HB_INLINE HB_T HB_NAME(div)(HB_T a, HB_T b) {
    HB_T d = ((b == 0) | (b == -1)) ? 1 : b;
    return b == 0 ? 0 : (b == -1 ? HB_NAME(neg)(a) : a / d);
}
/* Rounded down, and what is left then, which has b's sign; both 0 where b is. */
HB_INLINE HB_T HB_NAME(floor_div)(HB_T a, HB_T b) {
    HB_T q = HB_NAME(div)(a, b);
    HB_T r = HB_NAME(sub)(a, HB_NAME(mul)(q, b));
    return HB_NAME(sub)(q, (b != 0) & (r != 0) & ((r < 0) != (b < 0)));
}
HB_INLINE HB_T HB_NAME(mod)(HB_T a, HB_T b) {
    HB_T r = HB_NAME(sub)(a, HB_NAME(mul)(HB_NAME(floor_div)(a, b), b));
    return b == 0 ? 0 : r;
}
HB_INLINE HB_T HB_NAME(max)(HB_T a, HB_T b) { return a > b ? a : b; }
HB_INLINE HB_T HB_NAME(min)(HB_T a, HB_T b) { return a < b ? a : b; }
/* A count that is negative or not below the width shifts everything out: 0, or the sign. */
HB_INLINE HB_T HB_NAME(shift_left)(HB_T a, HB_T b) {
    HB_UNSIGNED n = (HB_UNSIGNED)b, last = 8 * sizeof(HB_T) - 1;
    return (HB_T)(n > last ? 0 : (HB_UNSIGNED)a << (n > last ? 0 : n));
}
HB_INLINE HB_T HB_NAME(shift_right)(HB_T a, HB_T b) {
    HB_UNSIGNED n = (HB_UNSIGNED)b, last = 8 * sizeof(HB_T) - 1;
    return (HB_T)(a >> (n > last ? last : n)); /* arithmetic: OpenCL says so, and C's compilers */
}

#else

HB_INLINE HB_T HB_NAME(neg)(HB_T x) { return (HB_T)(0u - x); }
HB_INLINE HB_T HB_NAME(abs)(HB_T x) { return x; }
HB_INLINE HB_T HB_NAME(sign)(HB_T x) { return x != 0; }
HB_INLINE HB_T HB_NAME(add)(HB_T a, HB_T b) { return (HB_T)((hb_u32)a + b); }
HB_INLINE HB_T HB_NAME(sub)(HB_T a, HB_T b) { return (HB_T)((hb_u32)a - b); }
HB_INLINE HB_T HB_NAME(mul)(HB_T a, HB_T b) { return (HB_T)((hb_u32)a * b); }
HB_INLINE HB_T HB_NAME(div)(HB_T a, HB_T b) { return (HB_T)(b == 0 ? 0 : a / (b == 0 ? 1 : b)); }
HB_INLINE HB_T HB_NAME(max)(HB_T a, HB_T b) { return a > b ? a : b; }
HB_INLINE HB_T HB_NAME(min)(HB_T a, HB_T b) { return a < b ? a : b; }
HB_INLINE HB_T HB_NAME(floor_div)(HB_T a, HB_T b) { return HB_NAME(div)(a, b); }
HB_INLINE HB_T HB_NAME(mod)(HB_T a, HB_T b) { return (HB_T)(b == 0 ? 0 : a % (b == 0 ? 1 : b)); }
HB_INLINE HB_T HB_NAME(not )(HB_T x) { return x == 0; } /* of bool; an integer's is x ^ -1 */
HB_INLINE HB_T HB_NAME(shift_left)(HB_T a, HB_T b) {
    return (HB_T)(b > 7 ? 0u : (hb_u32)a << (b > 7 ? 0 : b));
}
HB_INLINE HB_T HB_NAME(shift_right)(HB_T a, HB_T b) { return (HB_T)(b > 7 ? 0 : a >> (b & 7)); }

#endif

#if HB_KIND == HB_KIND_INT || HB_KIND == HB_KIND_BYTE
/* Bit by bit; a bool is 0 or 1, and so this is logic too. */
HB_INLINE HB_T HB_NAME (and)(HB_T a, HB_T b) { return (HB_T)(a & b); }
HB_INLINE HB_T HB_NAME(or)(HB_T a, HB_T b) { return (HB_T)(a | b); }
HB_INLINE HB_T HB_NAME (xor)(HB_T a, HB_T b) { return (HB_T)(a ^ b); }
#endif

#undef HB_T
#undef HB_NAME
#undef HB_KIND
#undef HB_UNSIGNED
#endif
