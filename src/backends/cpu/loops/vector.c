/* Vector loops over tiles for one instruction set, made from scalar.h by scalar.def. Compiled once
   per instruction set with HB_ISA (the suffix of the table's name); the LOOP engine and the indexed
   steps reach it through the table of vector.h. Must not touch devices, steps or threads.

   "omp simd" only says that iterations are independent, which holds in place too; no thread is
   started here. */
#include "vector.h"
#include "../../../../kernels/scalar_dtypes.h"
#ifdef __SSE2__
#include <immintrin.h>
#endif

#define SIMD _Pragma("omp simd")

/* ---- scalar functions by dtype ---- */

#define HB_T        uint8_t
#define HB_NAME(f)  hb_##f##_truth
#define HB_KIND     HB_KIND_BYTE
#define HB_UNSIGNED uint8_t
#include "../../../../kernels/scalar.h"

typedef float c_f32;
typedef double c_f64;
typedef int32_t c_i32;
typedef int64_t c_i64;
typedef uint8_t c_u8;
typedef uint8_t c_truth;
typedef int8_t c_i8;
typedef uint16_t c_f16; /* these two are only stored, selected and converted */
typedef uint16_t c_bf16;
typedef uint16_t c_u16;

/* HEBB_BOOL is "truth" in names here, for bool is a macro. */
#define DTYPES(X) X(f32, F32) X(f64, F64) X(i32, I32) X(i64, I64) X(u8, U8) X(truth, BOOL) X(i8, I8)

/* TAKES_f32_R(text) is the text if f32 is one of the dtypes R of scalar.def, else nothing. */
#define TAKES_f32_R(...) __VA_ARGS__
#define TAKES_f64_R(...) __VA_ARGS__
#define TAKES_i32_R(...)
#define TAKES_i64_R(...)
#define TAKES_u8_R(...)
#define TAKES_truth_R(...)
#define TAKES_i8_R(...)
#define TAKES_f32_N(...) __VA_ARGS__
#define TAKES_f64_N(...) __VA_ARGS__
#define TAKES_i32_N(...) __VA_ARGS__
#define TAKES_i64_N(...) __VA_ARGS__
#define TAKES_u8_N(...)  __VA_ARGS__
#define TAKES_truth_N(...)
#define TAKES_i8_N(...) __VA_ARGS__
#define TAKES_f32_B(...)
#define TAKES_f64_B(...)
#define TAKES_i32_B(...)
#define TAKES_i64_B(...)
#define TAKES_u8_B(...)
#define TAKES_truth_B(...) __VA_ARGS__
#define TAKES_i8_B(...)
#define TAKES_f32_A(...)   __VA_ARGS__
#define TAKES_f64_A(...)   __VA_ARGS__
#define TAKES_i32_A(...)   __VA_ARGS__
#define TAKES_i64_A(...)   __VA_ARGS__
#define TAKES_u8_A(...)    __VA_ARGS__
#define TAKES_truth_A(...) __VA_ARGS__
#define TAKES_i8_A(...)    __VA_ARGS__
#define TAKES_f32_I(...)
#define TAKES_f64_I(...)
#define TAKES_i32_I(...) __VA_ARGS__
#define TAKES_i64_I(...) __VA_ARGS__
#define TAKES_u8_I(...)  __VA_ARGS__
#define TAKES_truth_I(...)
#define TAKES_f32_W(...)
#define TAKES_f64_W(...)
#define TAKES_i32_W(...)   __VA_ARGS__
#define TAKES_i64_W(...)   __VA_ARGS__
#define TAKES_u8_W(...)    __VA_ARGS__
#define TAKES_truth_W(...) __VA_ARGS__
#define TAKES_i8_I(...)    __VA_ARGS__
#define TAKES_i8_W(...)    __VA_ARGS__

/* ---- elementwise ---- */

#define RESULT_T(type) c_##type
#define RESULT_B(type) c_truth
#define APPLY_1(f)     f(x[i])
#define APPLY_2(f)     f(x[i], y[i])

/* Functions of one operation round alike wherever an element stands. */
#define MAP(type, name, arity, result)                                                             \
    static void name##_##type(void *out, const void *a, const void *b, const void *c, int64_t n) { \
        RESULT_##result(type) *to = out;                                                           \
        const c_##type *x = a;                                                                     \
        const c_##type *y = b;                                                                     \
        (void)y;                                                                                   \
        SIMD for (int64_t i = 0; i < n; i++) to[i] = APPLY_##arity(hb_##name##_##type);            \
    }
#define MAP_N MAP
#define MAP_B MAP
#define MAP_A MAP
#define MAP_I MAP
#define MAP_W MAP

/* Longer ones are contracted to fused multiply-adds as the compiler likes, in a loop's rest
   otherwise than in its body; results would depend on where a tile begins. So there is one body,
   for whole vectors, and the rest is padded to one and given to it. */
#define ONE_BODY    __attribute__((noinline)) static
#define LANES(type) (HB_ISA_VECTOR_BYTES / (int)sizeof(c_##type))

/* The first n elements of a map of one vector; sizes are those of elements. Not in the maps: there
   it would cost them a stack. */
ONE_BODY void pad(hb_cpu_map *map, char *out, const char *a, const char *b, int64_t n,
                  size_t out_size, size_t size) {
    char x[HB_ISA_VECTOR_BYTES] = {0}, y[HB_ISA_VECTOR_BYTES] = {0}, z[HB_ISA_VECTOR_BYTES];
    memcpy(x, a, (size_t)n * size);
    if (b != NULL) memcpy(y, b, (size_t)n * size);
    map(z, x, y, NULL, HB_ISA_VECTOR_BYTES / (int64_t)size);
    memcpy(out, z, (size_t)n * out_size);
}

#define MAP_R(type, name, arity, result)                                                           \
    ONE_BODY void name##_##type(void *out, const void *a, const void *b, const void *c,            \
                                int64_t n) {                                                       \
        RESULT_##result(type) *to = out;                                                           \
        const c_##type *x = a, *y = b;                                                             \
        const int64_t rest = n % LANES(type), whole = n - rest;                                    \
        for (int64_t at = 0; at < whole; at += LANES(type))                                        \
            SIMD for (int64_t i = at; i < at + LANES(type); i++) to[i] =                           \
                APPLY_##arity(hb_##name##_##type);                                                 \
        if (rest > 0)                                                                              \
            pad(name##_##type, (char *)(to + whole), (const char *)(x + whole),                    \
                arity == 2 ? (const char *)(y + whole) : NULL, rest, sizeof *to, sizeof *x);       \
    }

/* Some functions have a form for arguments close to 0: made by the names of all are the loops for
   those that are far. */
#define sin_f32       sin_far_f32
#define cos_f32       cos_far_f32
#define tan_f32       tan_far_f32
#define mod_f32       mod_far_f32
#define floor_div_f32 floor_div_far_f32
#define sin_f64       sin_far_f64
#define cos_f64       cos_far_f64
#define hb_sin_f64    hb_sin_far_f64
#define hb_cos_f64    hb_cos_far_f64
#define SCALAR(CODE, name, arity, types, result, flops)                                            \
    TAKES_f32_##types(MAP_##types(f32, name, arity, result))                                       \
        TAKES_f64_##types(MAP_##types(f64, name, arity, result))                                   \
            TAKES_i32_##types(MAP_##types(i32, name, arity, result))                               \
                TAKES_i64_##types(MAP_##types(i64, name, arity, result))                           \
                    TAKES_u8_##types(MAP_##types(u8, name, arity, result))                         \
                        TAKES_truth_##types(MAP_##types(truth, name, arity, result))               \
                            TAKES_i8_##types(MAP_##types(i8, name, arity, result))
#include "../../../../kernels/scalar.def"
#undef SCALAR

#undef sin_f32
#undef cos_f32
#undef tan_f32
#undef mod_f32
#undef floor_div_f32
#undef sin_f64
#undef cos_f64
#undef hb_sin_f64
#undef hb_cos_f64

/* A block at a time, and in both forms where some of its elements are far: what an element becomes
   does not depend on its neighbors. */
enum { CLOSE_BLOCK = 256 };
#define CLOSE(type, name, arity, domain)                                                           \
    MAP_R(type, name##_close, arity, T)                                                            \
    HB_INLINE int name##_has_far_##type(const c_##type *x, const c_##type *y, int64_t n) {         \
        int far = 0;                                                                               \
        (void)y;                                                                                   \
        _Pragma("omp simd reduction(| : far)") for (int64_t i = 0; i < n; i++) far |=              \
            !APPLY_##arity(hb_##domain##_is_close_##type);                                         \
        return far;                                                                                \
    }                                                                                              \
    ONE_BODY void name##_both_##type(c_##type *to, const c_##type *x, const c_##type *y,           \
                                     int64_t n) {                                                  \
        c_##type close[CLOSE_BLOCK], far[CLOSE_BLOCK];                                             \
        name##_close_##type(close, x, y, NULL, n);                                                 \
        name##_far_##type(far, x, y, NULL, n);                                                     \
        for (int64_t i = 0; i < n; i++)                                                            \
            to[i] = APPLY_##arity(hb_##domain##_is_close_##type) ? close[i] : far[i];              \
    }                                                                                              \
    static void name##_##type(void *out, const void *a, const void *b, const void *c, int64_t n) { \
        c_##type *to = out;                                                                        \
        const c_##type *x = a, *y = b;                                                             \
        for (int64_t left = n, part; left > 0; left -= part, to += part, x += part) {              \
            part = left < CLOSE_BLOCK ? left : CLOSE_BLOCK;                                        \
            if (name##_has_far_##type(x, y, part)) name##_both_##type(to, x, y, part);             \
            else name##_close_##type(to, x, y, NULL, part);                                        \
            if (arity == 2) y += part;                                                             \
        }                                                                                          \
    }
CLOSE(f32, sin, 1, sin)
CLOSE(f32, cos, 1, sin)
CLOSE(f32, tan, 1, sin)
CLOSE(f32, mod, 2, mod)
CLOSE(f32, floor_div, 2, mod)
CLOSE(f64, sin, 1, sin)
CLOSE(f64, cos, 1, sin)

#define SELECT(type, TYPE)                                                                         \
    static void select_##type(void *out, const void *a, const void *b, const void *c, int64_t n) { \
        c_##type *to = out;                                                                        \
        const uint8_t *condition = a;                                                              \
        const c_##type *x = b, *y = c;                                                             \
        SIMD for (int64_t i = 0; i < n; i++) to[i] = hb_select_##type(condition[i], x[i], y[i]);   \
    }
DTYPES(SELECT)
SELECT(u16, )

/* As MAP_R; the operand is an i64 index. */
#define RANDOM(type, name)                                                                         \
    static void name##_##type(void *out, const void *a, const void *b, const void *c, int64_t n) { \
        const hb_cpu_random k = *(const hb_cpu_random *)b;                                         \
        int64_t index_rest[LANES(type)] = {0};                                                     \
        c_##type to_rest[LANES(type)];                                                             \
        for (int64_t at = 0; at < n; at += LANES(type)) {                                          \
            const int64_t rest = n - at;                                                           \
            const int64_t *index = (const int64_t *)a + at;                                        \
            c_##type *to = (c_##type *)out + at;                                                   \
            if (rest < LANES(type)) {                                                              \
                index = memcpy(index_rest, index, (size_t)rest * sizeof *index);                   \
                to = to_rest;                                                                      \
            }                                                                                      \
            SIMD for (int i = 0; i < LANES(type); i++) to[i] =                                     \
                hb_##name##_##type(index[i], k.op, k.step, k.seed_low, k.seed_high);               \
            if (rest < LANES(type))                                                                \
                memcpy((c_##type *)out + at, to_rest, (size_t)rest * sizeof *to);                  \
        }                                                                                          \
    }
RANDOM(i64, random_bits)
RANDOM(f32, random_uniform)
RANDOM(f64, random_uniform)
RANDOM(f32, random_normal)
RANDOM(f64, random_normal)

/* ---- casts ---- */

/* Floats are clamped to what the integer can hold, and NaN becomes 0: C leaves such casts
   undefined. A float becomes u8 or i8 by way of i32, and so modulo 256. */
#define CLAMPED(name, from, to, low, high)                                                         \
    HB_INLINE to name(from x) {                                                                    \
        from c = x < low ? low : x;                                                                \
        c = c > high ? high : c;                                                                   \
        return (to)(c == c ? c : 0);                                                               \
    }
CLAMPED(i32_of_f32, float, int32_t, -2147483648.0f, 2147483520.0f)
CLAMPED(i32_of_f64, double, int32_t, -2147483648.0, 2147483647.0)
CLAMPED(i64_of_f32, float, int64_t, -9223372036854775808.0f, 9223371487098961920.0f)
CLAMPED(i64_of_f64, double, int64_t, -9223372036854775808.0, 9223372036854774784.0)

#define CAST(from, to, value)                                                                      \
    static void to##_from_##from(void *out, const void *a, const void *b, const void *c,           \
                                 int64_t n) {                                                      \
        c_##to *t = out;                                                                           \
        const c_##from *f = a;                                                                     \
        SIMD for (int64_t i = 0; i < n; i++) {                                                     \
            c_##from x = f[i];                                                                     \
            t[i] = (c_##to)(value);                                                                \
        }                                                                                          \
    }

#define CAST_FLOAT(from)                                                                           \
    CAST(from, f32, x)                                                                             \
    CAST(from, f64, x)                                                                             \
    CAST(from, i32, i32_of_##from(x))                                                              \
    CAST(from, i64, i64_of_##from(x))                                                              \
    CAST(from, u8, i32_of_##from(x))                                                               \
    CAST(from, truth, x != 0)                                                                      \
    CAST(from, i8, i32_of_##from(x))
#define CAST_INTEGER(from)                                                                         \
    CAST(from, f32, x)                                                                             \
    CAST(from, f64, x)                                                                             \
    CAST(from, i32, x)                                                                             \
    CAST(from, i64, x)                                                                             \
    CAST(from, u8, x)                                                                              \
    CAST(from, truth, x != 0)                                                                      \
    CAST(from, i8, x)
CAST_FLOAT(f32)
CAST_FLOAT(f64)
CAST_INTEGER(i32)
CAST_INTEGER(i64)
CAST_INTEGER(u8)
CAST_INTEGER(truth)
CAST_INTEGER(i8)
CAST(f32, f16, hb_f16_of_f32(x))
CAST(f32, bf16, hb_bf16_of_f32(x))
CAST(f16, f32, hb_f32_of_f16(x))
CAST(bf16, f32, hb_f32_of_bf16(x))

/* ---- reductions ---- */

enum { BLOCK = 512 /* elements summed in their own dtype before the wide one takes over */ };

typedef double w_f32;
typedef double w_f64;
typedef int64_t w_i32;
typedef int64_t w_i64;
typedef int64_t w_u8;
typedef int64_t w_truth;
typedef int64_t w_i8;

#define WIDE_f32(f)   f##_f64
#define WIDE_f64(f)   f##_f64
#define WIDE_i32(f)   f##_i64
#define WIDE_i64(f)   f##_i64
#define WIDE_u8(f)    f##_i64
#define WIDE_truth(f) f##_i64
#define WIDE_i8(f)    f##_i64

/* Folding n > 0 elements of floats, a vector at a time: the compiler may not reorder float
   arithmetic by itself. Four chains hide the latency of an operation. */
#define VECTOR(type, bits)                                                                         \
    typedef c_##type v_##type __attribute__((vector_size(HB_ISA_VECTOR_BYTES)));                   \
    typedef bits b_##type __attribute__((vector_size(HB_ISA_VECTOR_BYTES)));                       \
    HB_INLINE v_##type load_##type(const c_##type *x) {                                            \
        v_##type v;                                                                                \
        memcpy(&v, x, sizeof v);                                                                   \
        return v;                                                                                  \
    }                                                                                              \
    HB_INLINE v_##type choose_##type(b_##type mask, v_##type x, v_##type y) {                      \
        return (v_##type)((mask & (b_##type)x) | (~mask & (b_##type)y));                           \
    }                                                                                              \
    HB_INLINE v_##type add_v_##type(v_##type x, v_##type y) { return x + y; }                      \
    HB_INLINE v_##type mul_v_##type(v_##type x, v_##type y) { return x * y; }                      \
    HB_INLINE v_##type max_v_##type(v_##type x, v_##type y) {                                      \
        return choose_##type((x > y) | (x != x), x, y);                                            \
    }                                                                                              \
    HB_INLINE v_##type min_v_##type(v_##type x, v_##type y) {                                      \
        return choose_##type((x < y) | (x != x), x, y);                                            \
    }
VECTOR(f32, int32_t)
VECTOR(f64, int64_t)

/* Of constant length, so that it is an instruction or two. */
#define HALVE(type, name, half)                                                                    \
    if ((half) < LANES(type))                                                                      \
        SIMD for (int i = 0; i < (half); i++) lane[i] =                                            \
            hb_##name##_##type(lane[i], lane[i + (half)]);

#define FOLD_FLOATS(type, name)                                                                    \
    HB_INLINE c_##type name##_across_##type(v_##type v) {                                          \
        c_##type lane[LANES(type)];                                                                \
        memcpy(lane, &v, sizeof v);                                                                \
        HALVE(type, name, 8)                                                                       \
        HALVE(type, name, 4)                                                                       \
        HALVE(type, name, 2)                                                                       \
        HALVE(type, name, 1)                                                                       \
        return lane[0];                                                                            \
    }                                                                                              \
    HB_INLINE c_##type name##_of_##type(const c_##type *x, int64_t n) {                            \
        const int64_t lanes = LANES(type);                                                         \
        int64_t i = 1;                                                                             \
        c_##type result = x[0];                                                                    \
        if (n >= 4 * lanes) {                                                                      \
            v_##type s[4];                                                                         \
            for (int k = 0; k < 4; k++) s[k] = load_##type(x + k * lanes);                         \
            for (i = 4 * lanes; i + 4 * lanes <= n; i += 4 * lanes)                                \
                for (int k = 0; k < 4; k++)                                                        \
                    s[k] = name##_v_##type(s[k], load_##type(x + i + k * lanes));                  \
            for (; i + lanes <= n; i += lanes) s[0] = name##_v_##type(s[0], load_##type(x + i));   \
            s[0] = name##_v_##type(name##_v_##type(s[0], s[1]), name##_v_##type(s[2], s[3]));      \
            result = name##_across_##type(s[0]);                                                   \
        } else if (n >= lanes) {                                                                   \
            v_##type s = load_##type(x);                                                           \
            for (i = lanes; i + lanes <= n; i += lanes)                                            \
                s = name##_v_##type(s, load_##type(x + i));                                        \
            result = name##_across_##type(s);                                                      \
        }                                                                                          \
        for (; i < n; i++) result = hb_##name##_##type(result, x[i]);                              \
        return result;                                                                             \
    }
FOLD_FLOATS(f32, add)
FOLD_FLOATS(f32, mul)
FOLD_FLOATS(f32, max)
FOLD_FLOATS(f32, min)
FOLD_FLOATS(f64, add)
FOLD_FLOATS(f64, mul)
FOLD_FLOATS(f64, max)
FOLD_FLOATS(f64, min)

#define FOLD_INTEGERS(type, name)                                                                  \
    HB_INLINE c_##type name##_of_##type(const c_##type *x, int64_t n) {                            \
        c_##type result = x[0];                                                                    \
        for (int64_t i = 1; i < n; i++) result = hb_##name##_##type(result, x[i]);                 \
        return result;                                                                             \
    }
#define FOLD_ALL_INTEGERS(type)                                                                    \
    FOLD_INTEGERS(type, add)                                                                       \
    FOLD_INTEGERS(type, mul) FOLD_INTEGERS(type, max) FOLD_INTEGERS(type, min)
FOLD_ALL_INTEGERS(i32)
FOLD_ALL_INTEGERS(i64)
FOLD_ALL_INTEGERS(u8)
FOLD_ALL_INTEGERS(truth)
FOLD_ALL_INTEGERS(i8)

/* Integers wrap in their own width; taken modulo that width, so does a sum of wrapped sums. */
#define REDUCTION(type, name)                                                                      \
    static void name##_rows_##type(void *wide, const void *tile, int64_t rows, int64_t columns) {  \
        const c_##type *x = tile;                                                                  \
        w_##type *to = wide;                                                                       \
        for (int64_t r = 0; r < rows; r++)                                                         \
            for (int64_t left = columns; left > 0; left -= BLOCK) {                                \
                const int64_t n = left < BLOCK ? left : BLOCK;                                     \
                to[r] = WIDE_##type(hb_##name)(to[r], (w_##type)name##_of_##type(x, n));           \
                x += n;                                                                            \
            }                                                                                      \
    }                                                                                              \
    static void name##_columns_##type(void *narrow, const void *tile, int64_t rows,                \
                                      int64_t columns) {                                           \
        const c_##type *x = tile;                                                                  \
        c_##type *to = narrow;                                                                     \
        for (int64_t r = 0; r < rows; r++, x += columns)                                           \
            SIMD for (int64_t i = 0; i < columns; i++) to[i] = hb_##name##_##type(to[i], x[i]);    \
    }                                                                                              \
    static void name##_widen_##type(void *wide, const void *narrow, int64_t n) {                   \
        const c_##type *x = narrow;                                                                \
        w_##type *to = wide;                                                                       \
        SIMD for (int64_t i = 0; i < n; i++) to[i] =                                               \
            WIDE_##type(hb_##name)(to[i], (w_##type)x[i]);                                         \
    }
#define REDUCTIONS(type, TYPE)                                                                     \
    REDUCTION(type, add) REDUCTION(type, mul) REDUCTION(type, max) REDUCTION(type, min)
DTYPES(REDUCTIONS)

#define NARROW(type, TYPE)                                                                         \
    static void narrow_##type(void *out, const void *a, const void *b, const void *c, int64_t n) { \
        c_##type *to = out;                                                                        \
        const w_##type *x = a;                                                                     \
        SIMD for (int64_t i = 0; i < n; i++) to[i] = (c_##type)x[i];                               \
    }
DTYPES(NARROW)

/* ---- moving ---- */

/* Every second element: two loads, which read no further than the last one wanted, and a shuffle
   for four of them. */
typedef uint32_t four __attribute__((vector_size(16)));
static void move_even(uint32_t *to, const char *from, int64_t n) {
    int64_t i = 0;
    for (; i + 4 <= n; i += 4, from += 8 * sizeof *to) {
        four low, high;
        memcpy(&low, from, sizeof low);
        memcpy(&high, from + 3 * sizeof *to, sizeof high);
        const four even = {low[0], low[2], high[1], high[3]};
        memcpy(to + i, &even, sizeof even);
    }
    for (; i < n; i++, from += 2 * sizeof *to) memcpy(to + i, from, sizeof *to);
}

/* Elements apart are moved one by one: vectors would be put together from them anyway. Those that
   lie backward are turned around in vectors. */
#define MOVE(type)                                                                                 \
    HB_INLINE void move_row_##type(type *to, int64_t step, const char *from, int64_t stride,       \
                                   int64_t n) {                                                    \
        if (step == 1 && stride == 0) {                                                            \
            const type x = *(const type *)from;                                                    \
            SIMD for (int64_t i = 0; i < n; i++) to[i] = x;                                        \
        } else if (step == 1 && stride == -(int64_t)sizeof(type)) {                                \
            const type *last = (const type *)from - (n - 1);                                       \
            SIMD for (int64_t i = 0; i < n; i++) to[i] = last[n - 1 - i];                          \
        } else if (sizeof(type) == 4 && step == 1 && stride == 2 * (int64_t)sizeof(type)) {        \
            move_even((uint32_t *)(void *)to, from, n);                                            \
        } else {                                                                                   \
            int64_t i = 0;                                                                         \
            for (; i + 4 <= n; i += 4, from += 4 * stride, to += 4 * step) {                       \
                const type a = *(const type *)from, b = *(const type *)(from + stride);            \
                const type c = *(const type *)(from + 2 * stride);                                 \
                const type d = *(const type *)(from + 3 * stride);                                 \
                to[0] = a;                                                                         \
                to[step] = b;                                                                      \
                to[2 * step] = c;                                                                  \
                to[3 * step] = d;                                                                  \
            }                                                                                      \
            for (; i < n; i++, from += stride, to += step) *to = *(const type *)from;              \
        }                                                                                          \
    }                                                                                              \
    static void move_##type(void *to, const void *from, const hb_cpu_box *box) {                   \
        char *t = to;                                                                              \
        const char *f = from;                                                                      \
        const int64_t size = (int64_t)sizeof(type);                                                \
        const bool copy = box->to_column == size && box->from_column == size;                      \
        for (int64_t r = 0; r < box->rows; r++, t += box->to_row, f += box->from_row) {            \
            if (copy) memcpy(t, f, (size_t)(box->columns * size));                                 \
            else                                                                                   \
                move_row_##type((type *)(void *)t, box->to_column / size, f, box->from_column,     \
                                box->columns);                                                     \
        }                                                                                          \
    }
MOVE(uint8_t)
MOVE(uint16_t)
MOVE(uint32_t)
MOVE(uint64_t)

static void count(int64_t *out, int64_t first, int64_t step, int64_t n) {
    SIMD for (int64_t i = 0; i < n; i++) out[i] = first + i * step;
}

#if defined(__AVX512F__)
#define STREAM(to, from) _mm512_stream_si512((__m512i *)(to), _mm512_loadu_si512(from))
#define STREAM_BYTES     64
#elif defined(__AVX__)
#define STREAM(to, from)                                                                           \
    _mm256_stream_si256((__m256i *)(to), _mm256_loadu_si256((const __m256i *)(from)))
#define STREAM_BYTES 32
#elif defined(__SSE2__)
#define STREAM(to, from) _mm_stream_si128((__m128i *)(to), _mm_loadu_si128((const __m128i *)(from)))
#define STREAM_BYTES     16
#endif

static void stream(void *to, const void *from, size_t bytes) {
#ifdef STREAM
    char *t = to;
    const char *f = from;
    size_t head = -(uintptr_t)t % STREAM_BYTES;
    if (head > bytes) head = bytes;
    memcpy(t, f, head);
    size_t i = head;
    for (; i + STREAM_BYTES <= bytes; i += STREAM_BYTES)
        STREAM((void *)(t + i), (const void *)(f + i));
    memcpy(t + i, f + i, bytes - i);
#else
    memcpy(to, from, bytes);
#endif
}

static void fence(void) {
#ifdef STREAM
    _mm_sfence();
#endif
}

/* ---- the table ---- */

#define ENTRY(CODE, TYPE, function) [HB_##CODE][HEBB_##TYPE] = function,
#define CAST_ROW(from, FROM)                                                                       \
    [HEBB_##FROM] = {[HEBB_F32] = f32_from_##from, [HEBB_F64] = f64_from_##from,                   \
                     [HEBB_I32] = i32_from_##from, [HEBB_I64] = i64_from_##from,                   \
                     [HEBB_U8] = u8_from_##from,   [HEBB_BOOL] = truth_from_##from,                \
                     [HEBB_I8] = i8_from_##from},
#define REDUCE_ROW(type, TYPE, name)                                                               \
    [HEBB_##TYPE] = {name##_rows_##type, name##_columns_##type, name##_widen_##type},
#define SUM_ROW(type, TYPE)    REDUCE_ROW(type, TYPE, add)
#define MAX_ROW(type, TYPE)    REDUCE_ROW(type, TYPE, max)
#define MIN_ROW(type, TYPE)    REDUCE_ROW(type, TYPE, min)
#define PROD_ROW(type, TYPE)   REDUCE_ROW(type, TYPE, mul)
#define SELECT_ROW(type, TYPE) ENTRY(SELECT, TYPE, select_##type)
#define NARROW_ROW(type, TYPE) [HEBB_##TYPE] = narrow_##type,

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)

hb_cpu_run_chain PASTE(hb_cpu_chain_, HB_ISA);
hb_cpu_run_post PASTE(hb_cpu_post_, HB_ISA);
extern const hb_cpu_zips PASTE(hb_cpu_zips_, HB_ISA);

const hb_cpu_vector PASTE(hb_cpu_vector_, HB_ISA) = {
    .map =
        {
#define SCALAR(CODE, name, arity, types, result, flops)                                            \
    TAKES_f32_##types(ENTRY(CODE, F32, name##_f32))                                                \
        TAKES_f64_##types(ENTRY(CODE, F64, name##_f64))                                            \
            TAKES_i32_##types(ENTRY(CODE, I32, name##_i32))                                        \
                TAKES_i64_##types(ENTRY(CODE, I64, name##_i64))                                    \
                    TAKES_u8_##types(ENTRY(CODE, U8, name##_u8))                                   \
                        TAKES_truth_##types(ENTRY(CODE, BOOL, name##_truth))                       \
                            TAKES_i8_##types(ENTRY(CODE, I8, name##_i8))
#include "../../../../kernels/scalar.def"
#undef SCALAR
            DTYPES(SELECT_ROW) ENTRY(SELECT, F16, select_u16) ENTRY(SELECT, BF16, select_u16)
                ENTRY(BITS, I64, random_bits_i64) ENTRY(UNIFORM, F32, random_uniform_f32)
                    ENTRY(UNIFORM, F64, random_uniform_f64) ENTRY(NORMAL, F32, random_normal_f32)
                        ENTRY(NORMAL, F64, random_normal_f64)},
    .cast =
        {DTYPES(CAST_ROW)[HEBB_F32][HEBB_F16] = f16_from_f32, [HEBB_F32][HEBB_BF16] = bf16_from_f32,
         [HEBB_F16][HEBB_F32] = f32_from_f16, [HEBB_BF16][HEBB_F32] = f32_from_bf16},
    .narrow = {DTYPES(NARROW_ROW)},
    .reduce = {{DTYPES(SUM_ROW)}, {DTYPES(MAX_ROW)}, {DTYPES(MIN_ROW)}, {DTYPES(PROD_ROW)}},
    .move = {[1] = move_uint8_t, [2] = move_uint16_t, [4] = move_uint32_t, [8] = move_uint64_t},
    .zips = &PASTE(hb_cpu_zips_, HB_ISA),
    .count = count,
    .chain = PASTE(hb_cpu_chain_, HB_ISA),
    .post = PASTE(hb_cpu_post_, HB_ISA),
    .stream = stream,
    .fence = fence,
};
