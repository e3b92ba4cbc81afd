/* Runs what follows a reduction for some results: see post.h. Compiled once per instruction set
   with HB_ISA (the suffix of the function's name) and HB_ISA_VECTOR_BYTES. Must not touch devices,
   steps or threads.

   Lanes that no result is in are computed like the others, of whatever is there, and not stored. */
#include "floats.h"
#include "post.h"
#include "transpose.h"

#define FOLD(CODE, expression)                                                                     \
    INLINE floats fold_##CODE(floats y, floats x) { return expression; }
HB_CHAIN_FOLD(FOLD)
#undef FOLD

/* ---- results of vectors ---- */

/* What nothing is reduced to; and what changes no element: a sum of -0 is -0. */
#define NOTHING_SUM    0.0f
#define NOTHING_PROD   1.0f
#define NOTHING_REDMAX (-__builtin_inff())
#define NOTHING_REDMIN __builtin_inff()
#define CLEAR_SUM      (-0.0f)
#define CLEAR_PROD     NOTHING_PROD
#define CLEAR_REDMAX   NOTHING_REDMAX
#define CLEAR_REDMIN   NOTHING_REDMIN

/* Of every 2h lanes of x and then of y, the first h or, from h on, the others. */
#define PLACE(j, h, from) ((j) / (h)*2 * (h) + (j) % (h) + (from))
#define PLACES_4(j, h, from)                                                                       \
    PLACE(j, h, from), PLACE((j) + 1, h, from), PLACE((j) + 2, h, from), PLACE((j) + 3, h, from)
#define PLACES_8(j, h, from)  PLACES_4(j, h, from), PLACES_4((j) + 4, h, from)
#define PLACES_16(j, h, from) PLACES_8(j, h, from), PLACES_8((j) + 8, h, from)
#if HB_ISA_VECTOR_BYTES == 64
#define PLACES PLACES_16
#elif HB_ISA_VECTOR_BYTES == 32
#define PLACES PLACES_8
#else
#define PLACES PLACES_4
#endif
#define PART_OF(x, y, h, from) HB_SHUFFLE(bits, x, y, PLACES(0, h, from))

/* Halves what is left of n vectors, and puts two into one. */
#define HALVE(h, CODE)                                                                             \
    HB_UNROLL for (int k = 0; k < (n + 1) / 2; k++) {                                              \
        const floats x = v[2 * k], y = v[2 * k + 1 < n ? 2 * k + 1 : 2 * k];                       \
        v[k] = fold_##CODE(PART_OF(x, y, h, 0), PART_OF(x, y, h, h));                              \
    }                                                                                              \
    n = (n + 1) / 2;

/* The results of `rows` vectors, a number known here, and of the operations in the order in which
   vector.c folds one. */
#define RESULTS(CODE, unused)                                                                      \
    INLINE floats results_##CODE(const char *from, int rows) {                                     \
        floats v[LANES];                                                                           \
        int n = rows;                                                                              \
        HB_UNROLL for (int k = 0; k < rows; k++) v[k] = load(from + k * VECTOR);                   \
        HALVES(CODE)                                                                               \
        return fold_##CODE(spread(NOTHING_##CODE), v[0]);                                          \
    }
#if HB_ISA_VECTOR_BYTES == 64
#define HALVES(CODE) HALVE(8, CODE) HALVE(4, CODE) HALVE(2, CODE) HALVE(1, CODE)
#elif HB_ISA_VECTOR_BYTES == 32
#define HALVES(CODE) HALVE(4, CODE) HALVE(2, CODE) HALVE(1, CODE)
#else
#define HALVES(CODE) HALVE(2, CODE) HALVE(1, CODE)
#endif
INLINE floats spread(float x) { return all((const char *)&x); }
HB_CHAIN_FOLD(RESULTS)

enum { SOME = LANES < 8 ? LANES : 8 };

INLINE void clear(char *vectors, float x, int n) {
    const floats v = spread(x);
    for (int k = 0; k < n; k++) store(vectors + k * VECTOR, v);
}

/* ---- memory of the results ---- */

INLINE floats read(const char *from, int64_t stride, int n) {
    if (n == 1) return all(from);
    if (stride == (int64_t)sizeof(float)) return load_part(from, n);
    float x[LANES] = {0};
    for (int k = 0; k < n; k++) memcpy(&x[k], from + k * stride, sizeof x[k]);
    return load((const char *)x);
}

INLINE void write(char *to, int64_t stride, floats v, int n) {
    float x[LANES];
    if (n == 1) memcpy(to, &v, sizeof x[0]);
    else if (stride == (int64_t)sizeof(float)) store_part(to, v, n);
    else {
        store((char *)x, v);
        for (int k = 0; k < n; k++) memcpy(to + k * stride, &x[k], sizeof x[k]);
    }
}

/* ---- the list ---- */

INLINE floats root(floats v) {
    SIMD for (int i = 0; i < LANES; i++) v[i] = __builtin_sqrtf(v[i]);
    return v;
}

/* Keeps what the step has made and goes to the code of the next one, by a jump of its own. */
#define NEXT                                                                                       \
    {                                                                                              \
        kept[step->value] = x;                                                                     \
        step++;                                                                                    \
        goto *labels[step->code];                                                                  \
    }

/* Of results [first, first + n), at most as many as a vector has lanes. */
static void run(const hb_cpu_post *post, const hb_cpu_post_frame *frame, int64_t first, int n) {
#define HB_POST_CODE(CODE) &&on_##CODE,
    static const void *const labels[] = {HB_POST_CODES};
#undef HB_POST_CODE
    const hb_cpu_post_step *step = post->step;
    floats kept[HB_CPU_POST_VALUES], x = {0};
    goto *labels[step->code];

#define ON(CODE, expression)                                                                       \
    on_##CODE : {                                                                                  \
        const floats y = kept[step->a];                                                            \
        x = expression;                                                                            \
        NEXT                                                                                       \
    }                                                                                              \
    on_##CODE##_ONE : {                                                                            \
        const floats y = all(frame->one[step->a]);                                                 \
        x = expression;                                                                            \
        NEXT                                                                                       \
    }
    HB_CHAIN_BINARY(ON)
#undef ON
#define ON(CODE, expression)                                                                       \
    on_##CODE : {                                                                                  \
        x = expression;                                                                            \
        NEXT                                                                                       \
    }
    HB_CHAIN_UNARY(ON)
#undef ON
#define ON(CODE, expression)                                                                       \
    on_##CODE : {                                                                                  \
        char *vectors = frame->vectors + step->a * frame->apart + first * VECTOR;                  \
        if (n == 1) x = results_##CODE(vectors, 1);                                                \
        else if (n <= SOME) x = results_##CODE(vectors, SOME);                                     \
        else x = results_##CODE(vectors, LANES);                                                   \
        clear(vectors, CLEAR_##CODE, n);                                                           \
        NEXT                                                                                       \
    }
    HB_CHAIN_FOLD(ON)
#undef ON
on_SQRT : {
    x = root(x);
    NEXT
}
on_RECIPROCAL : {
    x = 1 / x;
    NEXT
}
on_CHOOSE : {
    x = CHOOSE(AS_BITS(kept[step->a]), kept[step->b], kept[step->c]);
    NEXT
}
on_CALL : {
    step->map(&kept[step->value], &kept[step->a], &kept[step->b], NULL, LANES);
    x = kept[step->value];
    NEXT
}
on_READ : {
    const int64_t stride = post->memory[step->a].stride;
    x = read(frame->memory[step->a] + first * stride, stride, n);
    NEXT
}
on_WRITE : {
    const int64_t stride = post->memory[step->a].stride;
    write(frame->memory[step->a] + first * stride, stride, x, n);
    NEXT
}
on_END:
    return;
}

hb_cpu_run_post PASTE(hb_cpu_post_, HB_ISA);
void PASTE(hb_cpu_post_, HB_ISA)(const hb_cpu_post *post, const hb_cpu_post_frame *frame,
                                 int64_t n) {
    for (int64_t first = 0; first < n; first += LANES)
        run(post, frame, first, n - first < LANES ? (int)(n - first) : LANES);
}
