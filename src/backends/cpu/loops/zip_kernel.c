/* Moves values whose elements take turns in memory (vector.h), for one instruction set: what
   unrolling (../unroll.h) makes of windows side by side. Compiled once per instruction set with
   HB_ISA (the suffix of the functions' names) and HB_ISA_VECTOR_BYTES. Must not touch devices,
   steps or threads. */
#include <string.h>

#include "partial.h"
#include "transpose.h"
#include "vector.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)
#define INLINE       static inline __attribute__((always_inline))
#define SIMD         _Pragma("omp simd")

enum { LANES = HB_ISA_VECTOR_BYTES / 4, LINE = 64 };
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

INLINE words load(const uint32_t *from) {
    words v;
    memcpy(&v, from, sizeof v);
    return v;
}
INLINE void store(uint32_t *to, words v) { memcpy(to, &v, sizeof v); }

/* What is left of a row after its whole vectors: lanes of a value, and of two vectors of both in
   turns. */
typedef struct rest {
    int64_t from, one, low, high;
} rest;
INLINE rest rest_of(int64_t columns) {
    const int64_t from = columns / LANES * LANES, left = columns - from;
    return (rest){from, left, 2 * left, 2 * left - LANES};
}
INLINE words load_first(const uint32_t *from, int64_t n) {
    return (words)hb_load_part(from, hb_part_of(0, n));
}
INLINE void store_first(uint32_t *to, words v, int64_t n) {
    hb_store_first(to, (hb_partial_vector)v, n);
}

/* Bytes from a row to the one that is asked for when it is read; 0 for none. Windows' rows are read
   in turns, which processors do not foresee. */
INLINE int64_t ahead_of(int64_t row, int64_t rows) {
    enum { BYTES = 3 << 10 };
    const int64_t size = row < 0 ? -row : row;
    return rows == 1 || size == 0 ? 0 : (BYTES + size - 1) / size * row;
}

/* Rows of 32-bit elements of two values; and of bytes of four. */

static void unzip_pairs(void *const to[], const void *from_, int64_t from_row, int64_t rows,
                        int64_t columns) {
    uint32_t *x = to[0], *y = to[1];
    const char *from = from_;
    const rest last = rest_of(columns);
    const int64_t ahead = ahead_of(from_row, rows), bytes = ahead != 0 ? 8 * columns : 0;
    for (int64_t r = 0; r < rows; r++, from += from_row, x += columns, y += columns) {
        const uint32_t *at = (const uint32_t *)(const void *)from;
        for (int64_t b = 0; b < bytes; b += LINE) __builtin_prefetch(from + ahead + b);
        for (int64_t i = 0; i < last.from; i += LANES, at += 2 * LANES) {
            const words a = load(at), b = load(at + LANES);
            store(x + i, EVEN(a, b));
            store(y + i, ODD(a, b));
        }
        const words a = load_first(at, last.low), b = load_first(at + LANES, last.high);
        store_first(x + last.from, EVEN(a, b), last.one);
        store_first(y + last.from, ODD(a, b), last.one);
    }
}

static void zip_pairs(void *to_, const void *const from[], int64_t to_row, int64_t rows,
                      int64_t columns) {
    const uint32_t *x = from[0], *y = from[1];
    char *to = to_;
    const rest last = rest_of(columns);
    for (int64_t r = 0; r < rows; r++, to += to_row, x += columns, y += columns) {
        uint32_t *at = (uint32_t *)(void *)to;
        for (int64_t i = 0; i < last.from; i += LANES, at += 2 * LANES) {
            const words a = load(x + i), b = load(y + i);
            store(at, LOW(a, b));
            store(at + LANES, HIGH(a, b));
        }
        const words a = load_first(x + last.from, last.one),
                    b = load_first(y + last.from, last.one);
        store_first(at, LOW(a, b), last.low);
        store_first(at + LANES, HIGH(a, b), last.high);
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
