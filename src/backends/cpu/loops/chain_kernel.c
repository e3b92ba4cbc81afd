/* Runs chains for one instruction set: see chain_kernel.h. Compiled once per instruction set with
   HB_ISA (the suffix of the function's name) and HB_ISA_VECTOR_BYTES. Must not touch devices, steps
   or threads.

   A link is a jump and some vector instructions, so that strips should be long; the rest of a row
   is done in shorter ones. Every link is one operation or function for an element, rounded alike in
   all of them. */
#include <stdbool.h>

#include "chain_kernel.h"
#include "floats.h"
#include "../../../../kernels/scalar_dtypes.h"

/* `to` is aligned to a vector. */
INLINE void store_past(char *to, floats v) {
#if defined(__AVX512F__)
    _mm512_stream_ps((float *)(void *)to, (__m512)v);
#elif defined(__AVX__)
    _mm256_stream_ps((float *)(void *)to, (__m256)v);
#elif defined(__SSE2__)
    _mm_stream_ps((float *)(void *)to, (__m128)v);
#else
    store(to, v);
#endif
}

/* The first n of a vector's truths. */
#if defined(__AVX512F__)
INLINE __mmask16 first_lanes(int n) { return (__mmask16)((1u << n) - 1); }
INLINE floats load_truths(const char *from, int n) {
    const __m128i bytes = _mm_maskz_loadu_epi8(first_lanes(n), from);
    return (floats)_mm512_movm_epi32(_mm_test_epi8_mask(bytes, bytes));
}
INLINE void store_truths(char *to, floats v, int n) {
    const __mmask16 truths = _mm512_movepi32_mask((__m512i)v);
    _mm_mask_storeu_epi8(to, first_lanes(n), _mm_maskz_set1_epi8(truths, 1));
}
#else
INLINE floats load_truths(const char *from, int n) {
    uint8_t t[LANES] = {0};
    int32_t x[LANES];
    memcpy(t, from, (size_t)n);
    SIMD for (int i = 0; i < LANES; i++) x[i] = -(t[i] != 0);
    return load((const char *)x);
}
INLINE void store_truths(char *to, floats v, int n) {
    uint8_t t[LANES];
    int32_t x[LANES];
    store((char *)x, v);
    SIMD for (int i = 0; i < LANES; i++) t[i] = x[i] & 1;
    memcpy(to, t, (size_t)n);
}
#endif

/* The compiler keeps all of it in registers. */
#define MATH(CODE, name)                                                                           \
    INLINE floats name##_of(floats v) {                                                            \
        float x[LANES], y[LANES];                                                                  \
        memcpy(x, &v, sizeof v);                                                                   \
        SIMD for (int i = 0; i < LANES; i++) y[i] = hb_##name##_f32(x[i]);                         \
        memcpy(&v, y, sizeof v);                                                                   \
        return v;                                                                                  \
    }
HB_CHAIN_MATH(MATH)

/* a = map(a, b), or map(b, a). */
static void call_two(const hb_cpu_link *link, float *a, const float *b, int64_t n) {
    if (link->code == HB_CHAIN_CALL_ON || link->code == HB_CHAIN_CALL_ON_ONE)
        link->map(a, b, a, NULL, n);
    else link->map(a, a, b, NULL, n);
}

#define FOLDS(CODE, expression)                                                                    \
    INLINE floats fold_##CODE(floats y, floats x) { return expression; }
HB_CHAIN_FOLD(FOLDS)

#define JOIN_8(f)  f(f(f(v0, v1), f(v2, v3)), f(f(v4, v5), f(v6, v7)))
#define EACH(f, a) f(0, a) f(1, a) f(2, a) f(3, a) f(4, a) f(5, a) f(6, a) f(7, a)
#define JOIN       JOIN_8
#define COUNT      8
#define NAME       strips_of_8
#include "chain_strips.inc"
#undef EACH
#undef JOIN
#undef COUNT
#undef NAME

#define EACH(f, a) f(0, a) f(1, a) f(2, a) f(3, a)
#define JOIN(f)    f(f(v0, v1), f(v2, v3))
#define COUNT      4
#define NAME       strips_of_4
#include "chain_strips.inc"
#undef EACH
#undef JOIN
#undef COUNT
#undef NAME

#define EACH(f, a) f(0, a)
#define JOIN(f)    v0
#define COUNT      1
#define NAME       strips_of_1
#include "chain_strips.inc"
#undef NAME

#define PART
#define NAME strip_of_part
#include "chain_strips.inc"

#undef EACH
#undef JOIN
#undef COUNT

/* Chains that only gather what they load, which loops of their own do in registers. */
typedef enum plain_fold { NOT_PLAIN, ACROSS, DOWN } plain_fold;

static plain_fold plain_fold_of(const hb_cpu_link *links) {
    if (links->code == HB_CHAIN_ASK) links++;
    if (links[0].code != HB_CHAIN_LOAD || links[0].mask == 0) return NOT_PLAIN;
    switch (links[1].code) {
#define CASE(CODE, expression)                                                                     \
    case HB_CHAIN_##CODE##_ACROSS: return links[2].code == HB_CHAIN_END ? ACROSS : NOT_PLAIN;      \
    case HB_CHAIN_##CODE: return links[2].code == HB_CHAIN_END ? DOWN : NOT_PLAIN;
        HB_CHAIN_FOLD(CASE)
#undef CASE
    default: return NOT_PLAIN;
    }
}

#define EACH(f, a)       f(0, a) f(1, a) f(2, a) f(3, a) f(4, a) f(5, a) f(6, a) f(7, a)
#define BEGIN(k, unused) floats v##k = load(from + (k)*VECTOR);
#define FOLD(k, fold)    v##k = fold(v##k, load(from + (k)*VECTOR));
#define CASE(CODE, expression)                                                                     \
    case HB_CHAIN_##CODE##_ACROSS:                                                                 \
        for (from += 8 * VECTOR; from < end; from += 8 * VECTOR) {                                 \
            EACH(FOLD, fold_##CODE)                                                                \
        }                                                                                          \
        store(to, fold_##CODE(load(to), JOIN_8(fold_##CODE)));                                     \
        break;
/* One row from end to end, which the hardware reads ahead by itself: asking for what comes next
   took a fifth of a Zen 5's speed in its third cache, and changed nothing in memory. */
static void fold_across(const hb_cpu_link *links, int64_t bytes) {
    const hb_cpu_link *loads = links + (links->code == HB_CHAIN_ASK);
    const char *from = loads->at, *end = from + bytes;
    char *to = loads[1].at;
    EACH(BEGIN, )
    switch (loads[1].code) {
        HB_CHAIN_FOLD(CASE)
    default: __builtin_unreachable();
    }
}
#undef BEGIN
#undef CASE

/* Several rows of a strip before the next strip: its sums stay in registers meanwhile, and memory
   is read where as many rows go on at a time. Rows are often a multiple of 4 KiB apart, whose lines
   share the places of the first cache, eight in some: of 16 rows at a time a Zen 4 loses lines that
   it has read ahead. It follows rows better if the next strip of each is asked for. */
enum { ROWS_AT_ONCE = 8, STRIP = HB_CPU_STRIP_VECTORS * VECTOR };

INLINE void ask(const char *strip) {
    for (int at = 0; at < STRIP; at += LINE) __builtin_prefetch(strip + at, 0, 2);
}

#define BEGIN(k, unused) floats v##k = load(to + (k)*VECTOR);
#define KEEP(k, unused)  store(to + (k)*VECTOR, v##k);
#define CASE(CODE, expression)                                                                     \
    case HB_CHAIN_##CODE:                                                                          \
        for (int64_t r = 0; r < rows; r++, from += row) {                                          \
            ask(from + ahead);                                                                     \
            EACH(FOLD, fold_##CODE)                                                                \
        }                                                                                          \
        break;
static void fold_strip_down(int code, const char *from, int64_t row, int64_t rows, int64_t ahead,
                            char *to) {
    EACH(BEGIN, )
    switch (code) {
        HB_CHAIN_FOLD(CASE)
    default: __builtin_unreachable();
    }
    EACH(KEEP, )
}
#undef EACH
#undef BEGIN
#undef FOLD
#undef KEEP
#undef CASE

static void fold_down(const hb_cpu_link *links, int64_t rows, int64_t bytes) {
    const hb_cpu_link *loads = links + (links->code == HB_CHAIN_ASK), *fold = loads + 1;
    for (int64_t done = 0; done < rows; done += ROWS_AT_ONCE) {
        const int64_t together = rows - done < ROWS_AT_ONCE ? rows - done : ROWS_AT_ONCE;
        const char *from = loads->at + done * loads->row;
        for (int64_t at = 0; at < bytes; at += STRIP) {
            const int64_t ahead = at + STRIP < bytes ? STRIP : ROWS_AT_ONCE * loads->row - at;
            fold_strip_down(fold->code, from + at, loads->row, together, ahead, fold->at + at);
        }
    }
}

/* Bytes [begin, end) of a row. */
static void run_row(const hb_cpu_link *links, int64_t begin, int64_t end, bool across,
                    hb_cpu_code *code) {
    const int64_t eights = begin + (end - begin) / (8 * VECTOR) * (8 * VECTOR);
    const int64_t fours = eights + (end - eights) / (4 * VECTOR) * (4 * VECTOR);
    const int64_t ones = fours + (end - fours) / VECTOR * VECTOR;
    if (eights > begin && across) fold_across(links, eights);
    else if (eights > begin && code) code(links, begin, eights);
    else if (eights > begin) strips_of_8(links, begin, eights);
    if (fours > eights) strips_of_4(links, eights, fours);
    if (ones > fours) strips_of_1(links, fours, ones);
    if (end > ones) strip_of_part(links, ones, end);
}

hb_cpu_run_chain PASTE(hb_cpu_chain_, HB_ISA);
void PASTE(hb_cpu_chain_, HB_ISA)(hb_cpu_link *links, int64_t rows, int64_t columns,
                                  hb_cpu_code *code) {
    const plain_fold plain = plain_fold_of(links);
    const int64_t end = columns * (int64_t)sizeof(float);
    const int64_t begin = plain == DOWN && rows > 1 ? end / STRIP * STRIP : 0;
    if (begin > 0) fold_down(links, rows, begin);
    for (int64_t r = 0; r < rows && begin < end; r++) {
        run_row(links, begin, end, plain == ACROSS, code);
        if (r + 1 < rows)
            for (hb_cpu_link *link = links; link->code != HB_CHAIN_END; link++)
                link->at += link->row;
    }
}
