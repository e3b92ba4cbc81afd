/* Some lanes of a vector of 32-bit elements in memory, where rows end or begin: of the others
   nothing is read or written. Only files that are compiled once per instruction set include it. */
#ifndef HB_CPU_PARTIAL_H
#define HB_CPU_PARTIAL_H

#include <stdint.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

enum { HB_PARTIAL_LANES = HB_ISA_VECTOR_BYTES / 4 };
typedef float hb_partial_vector __attribute__((vector_size(HB_ISA_VECTOR_BYTES)));

#define HB_PARTIAL static inline __attribute__((always_inline, unused))

/* hb_part_of: lanes [low, high), as far as there are such. hb_load_part: the other lanes are 0.
   hb_store_first: the first n lanes, all of them if n is larger, none if it is negative. */
#if defined(__AVX512F__)

typedef __mmask16 hb_part;
HB_PARTIAL hb_part hb_part_of(int64_t low, int64_t high) {
    const unsigned below = low <= 0 ? 0 : low < HB_PARTIAL_LANES ? (1u << low) - 1 : 0xFFFF;
    const unsigned until = high <= 0 ? 0 : high < HB_PARTIAL_LANES ? (1u << high) - 1 : 0xFFFF;
    return (hb_part)(until & ~below);
}
HB_PARTIAL hb_partial_vector hb_load_part(const void *from, hb_part part) {
    return (hb_partial_vector)_mm512_maskz_loadu_ps(part, from);
}
HB_PARTIAL void hb_store_first(void *to, hb_partial_vector v, int64_t n) {
    _mm512_mask_storeu_ps(to, hb_part_of(0, n), (__m512)v);
}

#elif defined(__AVX2__)

typedef __m256i hb_part;
HB_PARTIAL int hb_partial_clip(int64_t lane) {
    return lane < 0 ? 0 : lane > HB_PARTIAL_LANES ? HB_PARTIAL_LANES : (int)lane;
}
HB_PARTIAL hb_part hb_part_of(int64_t low, int64_t high) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_andnot_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(hb_partial_clip(low)), lane),
                               _mm256_cmpgt_epi32(_mm256_set1_epi32(hb_partial_clip(high)), lane));
}
HB_PARTIAL hb_partial_vector hb_load_part(const void *from, hb_part part) {
    return (hb_partial_vector)_mm256_maskload_ps(from, part);
}
/* By halves: some processors need dozens of operations for a store with a mask. */
HB_PARTIAL void hb_store_first(void *to_, hb_partial_vector v, int64_t n) {
    float *to = to_;
    if (n >= HB_PARTIAL_LANES) {
        memcpy(to, &v, sizeof v);
        return;
    }
    if (n <= 0) return;
    __m128 left = _mm256_castps256_ps128((__m256)v);
    if (n & 4) {
        _mm_storeu_ps(to, left);
        left = _mm256_extractf128_ps((__m256)v, 1);
        to += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)(void *)to, left);
        left = _mm_movehl_ps(left, left);
        to += 2;
    }
    if (n & 1) _mm_store_ss(to, left);
}

#else

typedef struct hb_part {
    int64_t low, high;
} hb_part;
HB_PARTIAL hb_part hb_part_of(int64_t low, int64_t high) {
    return (hb_part){low < 0 ? 0 : low, high > HB_PARTIAL_LANES ? HB_PARTIAL_LANES : high};
}
HB_PARTIAL hb_partial_vector hb_load_part(const void *from_, hb_part part) {
    const float *from = from_;
    hb_partial_vector v = {0};
    if (part.low == 0 && part.high == HB_PARTIAL_LANES) memcpy(&v, from, sizeof v);
    else
        for (int64_t i = part.low; i < part.high; i++) v[i] = from[i];
    return v;
}
HB_PARTIAL void hb_store_first(void *to_, hb_partial_vector v, int64_t n) {
    float *to = to_;
    for (int64_t i = 0; i < n && i < HB_PARTIAL_LANES; i++) to[i] = v[i];
}

#endif
#endif
