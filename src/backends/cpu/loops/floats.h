/* Vectors of floats of one instruction set, with HB_ISA (the suffix of functions' names) and
   HB_ISA_VECTOR_BYTES. Only files that are compiled once per instruction set include it. */
#ifndef HB_CPU_FLOATS_H
#define HB_CPU_FLOATS_H

#include <stdint.h>
#include <string.h>

#include "partial.h"
#ifdef __SSE2__
#include <immintrin.h>
#endif

#define SIMD _Pragma("omp simd")

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)
#define INLINE       static inline __attribute__((always_inline, unused))

enum { LINE = 64 };
enum { VECTOR = HB_ISA_VECTOR_BYTES, LANES = VECTOR / sizeof(float) };

typedef float floats __attribute__((vector_size(HB_ISA_VECTOR_BYTES)));
typedef int32_t bits __attribute__((vector_size(HB_ISA_VECTOR_BYTES)));

#define AS_FLOATS(x)       ((floats)(x))
#define AS_BITS(x)         ((bits)(x))
#define CHOOSE(mask, x, y) AS_FLOATS(((mask)&AS_BITS(x)) | (~(mask)&AS_BITS(y)))

INLINE floats load(const char *from) {
    floats v;
    memcpy(&v, from, sizeof v);
    return v;
}
INLINE void store(char *to, floats v) { memcpy(to, &v, sizeof v); }

INLINE floats all(const char *one) {
    float x;
    memcpy(&x, one, sizeof x);
    return x - (floats){0}; /* -0 stays -0 */
}

/* NaN if either is one. The instruction gives y if either is. */
#if defined(__AVX512F__)
#define LARGER(x, y)  choose_nan((__m512)(x), _mm512_max_ps((__m512)(x), (__m512)(y)))
#define SMALLER(x, y) choose_nan((__m512)(x), _mm512_min_ps((__m512)(x), (__m512)(y)))
INLINE floats choose_nan(__m512 x, __m512 y) {
    return (floats)_mm512_mask_mov_ps(y, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), x);
}
#elif defined(__AVX__)
#define LARGER(x, y)  choose_nan((__m256)(x), _mm256_max_ps((__m256)(x), (__m256)(y)))
#define SMALLER(x, y) choose_nan((__m256)(x), _mm256_min_ps((__m256)(x), (__m256)(y)))
INLINE floats choose_nan(__m256 x, __m256 y) {
    return (floats)_mm256_blendv_ps(y, x, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
}
#else
#define LARGER(x, y)  CHOOSE(((x) > (y)) | ((x) != (x)), x, y)
#define SMALLER(x, y) CHOOSE(((x) < (y)) | ((x) != (x)), x, y)
#endif

/* The first n lanes; others are 0, or stay as they are. */
INLINE floats load_part(const char *from, int n) {
    return (floats)hb_load_part(from, hb_part_of(0, n));
}
INLINE void store_part(char *to, floats v, int n) { hb_store_first(to, (hb_partial_vector)v, n); }

#endif
