/* Moves values whose elements take turns in memory (vector.h), for one instruction set: what
   unrolling (../unroll.h) makes of windows side by side. Compiled once per instruction set with
   HB_ISA (the suffix of the functions' names) and HB_ISA_VECTOR_BYTES. Must not touch devices,
   steps or threads. */
#include <string.h>

#include "transpose.h"
#include "vector.h"
#ifdef __AVX512F__
#include <immintrin.h>
#endif

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)
#define INLINE       static inline __attribute__((always_inline))
#define SIMD         _Pragma("omp simd")

enum { LANES = HB_ISA_VECTOR_BYTES / 4 };
typedef uint32_t words __attribute__((vector_size(HB_ISA_VECTOR_BYTES)));

#if HB_ISA_VECTOR_BYTES == 64
#define LANES_ 16
#elif HB_ISA_VECTOR_BYTES == 32
#define LANES_ 8
#else
#define LANES_ 4
#endif
#define EVEN(x, y) HB_TAKE(HB_EVEN, words, LANES_, x, y)
#define ODD(x, y)  HB_TAKE(HB_ODD, words, LANES_, x, y)
#define LOW(x, y)  HB_TAKE(HB_LOW, words, LANES_, x, y)
#define HIGH(x, y) HB_TAKE(HB_HIGH, words, LANES_, x, y)

/* The first n lanes, all of them if n is larger, none if it is negative; others are 0, or stay as
   they are. */
#if defined(__AVX512F__)
INLINE __mmask16 first_lanes(int64_t n) {
    return (__mmask16)(n >= LANES ? 0xFFFF : n <= 0 ? 0 : (1u << n) - 1);
}
INLINE words load(const uint32_t *from, int64_t n) {
    return (words)_mm512_maskz_loadu_epi32(first_lanes(n), from);
}
INLINE void store(uint32_t *to, words v, int64_t n) {
    _mm512_mask_storeu_epi32(to, first_lanes(n), (__m512i)v);
}
#else
INLINE words load(const uint32_t *from, int64_t n) {
    words v = {0};
    if (n >= LANES) memcpy(&v, from, sizeof v);
    else
        for (int64_t i = 0; i < n; i++) v[i] = from[i];
    return v;
}
INLINE void store(uint32_t *to, words v, int64_t n) {
    if (n >= LANES) memcpy(to, &v, sizeof v);
    else
        for (int64_t i = 0; i < n; i++) to[i] = v[i];
}
#endif

/* Rows of 32-bit elements of two values; and of bytes of four. */

static void unzip_pairs(void *const to[], const void *from_, int64_t from_row, int64_t rows,
                        int64_t columns) {
    uint32_t *x = to[0], *y = to[1];
    const char *from = from_;
    for (int64_t r = 0; r < rows; r++, from += from_row, x += columns, y += columns)
        for (int64_t i = 0; i < columns; i += LANES) {
            const int64_t left = columns - i;
            const uint32_t *at = (const uint32_t *)(const void *)from + 2 * i;
            const words a = load(at, 2 * left), b = load(at + LANES, 2 * left - LANES);
            store(x + i, EVEN(a, b), left);
            store(y + i, ODD(a, b), left);
        }
}

static void zip_pairs(void *to_, const void *const from[], int64_t to_row, int64_t rows,
                      int64_t columns) {
    const uint32_t *x = from[0], *y = from[1];
    char *to = to_;
    for (int64_t r = 0; r < rows; r++, to += to_row, x += columns, y += columns)
        for (int64_t i = 0; i < columns; i += LANES) {
            const int64_t left = columns - i;
            uint32_t *at = (uint32_t *)(void *)to + 2 * i;
            const words a = load(x + i, left), b = load(y + i, left);
            store(at, LOW(a, b), 2 * left);
            store(at + LANES, HIGH(a, b), 2 * left - LANES);
        }
}

static void unzip_fours(void *const to[], const void *from_, int64_t from_row, int64_t rows,
                        int64_t columns) {
    uint8_t *a = to[0], *b = to[1], *c = to[2], *d = to[3];
    const uint8_t *from = from_;
    for (int64_t r = 0; r < rows; r++, from += from_row) {
        SIMD for (int64_t i = 0; i < columns; i++) {
            a[i] = from[4 * i];
            b[i] = from[4 * i + 1];
            c[i] = from[4 * i + 2];
            d[i] = from[4 * i + 3];
        }
        a += columns, b += columns, c += columns, d += columns;
    }
}

static void zip_fours(void *to_, const void *const from[], int64_t to_row, int64_t rows,
                      int64_t columns) {
    const uint8_t *a = from[0], *b = from[1], *c = from[2], *d = from[3];
    uint8_t *to = to_;
    for (int64_t r = 0; r < rows; r++, to += to_row) {
        SIMD for (int64_t i = 0; i < columns; i++) {
            to[4 * i] = a[i];
            to[4 * i + 1] = b[i];
            to[4 * i + 2] = c[i];
            to[4 * i + 3] = d[i];
        }
        a += columns, b += columns, c += columns, d += columns;
    }
}

extern const hb_cpu_zips PASTE(hb_cpu_zips_, HB_ISA);
const hb_cpu_zips PASTE(hb_cpu_zips_, HB_ISA) = {
    .unzip = {[1] = unzip_fours, [4] = unzip_pairs},
    .zip = {[1] = zip_fours, [4] = zip_pairs},
};
