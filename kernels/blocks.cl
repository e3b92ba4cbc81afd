/* Blocks of elements in private memory, for the generated LOOP kernels: their reduction, and their
   way to memory past the caches. Included once for each element type with HB_T, HB_NAME, HB_KIND
   and HB_UNSIGNED as for scalar.h, whose functions it uses, and
     HB_LOWEST, HB_HIGHEST   what REDMAX and REDMIN of nothing are.

   A sum is one of blocks of HB_BLOCK elements, or HB_BLOCK_HERE where they lie in memory as they
   are, each added in 64 lanes; the blocks' sums are added with what rounding loses kept apart (D.
   Knuth, The Art of Computer Programming 2, 4.2.2), so that the error does not grow with the number
   of elements. */

#ifndef HB_BLOCK
#define HB_BLOCK      256
#define HB_BLOCK_HERE 1024
#ifdef __has_builtin
#if __has_builtin(__builtin_nontemporal_store)
#define HB_STREAM_V __builtin_nontemporal_store
#endif
#endif
#endif

#define HB_V(n) HB_PASTE(HB_T, n)

#if HB_KIND == HB_KIND_F32 || HB_KIND == HB_KIND_F64
/* NaN stays. */
#define HB_LARGER(a, b)    (((a > b) | (a != a)) ? a : b)
#define HB_SMALLER(a, b)   (((a < b) | (a != a)) ? a : b)
#define HB_SUM(a, b)       (a + b)
#define HB_PRODUCT(a, b)   (a * b)
/* *total + *rest is the sum so far. */
static inline void HB_NAME(total_add)(HB_T *total, HB_T *rest, HB_T x) {
    HB_T t = *total, s = t + x, b = s - t;
    *rest += (t - (s - b)) + (x - b);
    *total = s;
}
/* Where the sum is infinite the rest is NaN and means nothing. */
static inline HB_T HB_NAME(total)(HB_T total, HB_T rest) {
    return rest == rest ? total + rest : total;
}
#else
#define HB_LARGER(a, b)  ((a > b) ? a : b)
#define HB_SMALLER(a, b) ((a < b) ? a : b)
/* Signed overflow has no meaning in C: integers are added and multiplied as unsigned ones. */
#define HB_SUM(a, b)                                                                               \
    HB_PASTE(as_, HB_V(16))(HB_PASTE(as_, HB_UNSIGNED_V)(a) + HB_PASTE(as_, HB_UNSIGNED_V)(b))
#define HB_PRODUCT(a, b)                                                                           \
    HB_PASTE(as_, HB_V(16))(HB_PASTE(as_, HB_UNSIGNED_V)(a) * HB_PASTE(as_, HB_UNSIGNED_V)(b))
#define HB_UNSIGNED_V HB_PASTE(HB_UNSIGNED, 16)
static inline void HB_NAME(total_add)(HB_T *total, HB_T *rest, HB_T x) {
    *total = HB_NAME(add)(*total, x);
}
static inline HB_T HB_NAME(total)(HB_T total, HB_T rest) { return total; }
#endif

/* Joins sixteen lanes as a tree that stays in registers. */
#define HB_REDUCE_TREE(s, join)                                                                    \
    HB_T x[16];                                                                                    \
    vstore16(s, 0, x);                                                                             \
    for (int l = 0; l < 8; l++) x[l] = join(x[l], x[l + 8]);                                       \
    for (int l = 0; l < 4; l++) x[l] = join(x[l], x[l + 4]);                                       \
    return join(join(x[0], x[2]), join(x[1], x[3]));

/* Reduces w[0...count), count a multiple of 16: four times sixteen lanes side by side, as each
   result takes a while, and a maximum waits for two comparisons; and then those. */
#define HB_REDUCE_LANES(join_lanes, join)                                                          \
    HB_V(16) s = vload16(0, w);                                                                    \
    int l = 16;                                                                                    \
    if (count >= 128) {                                                                            \
        HB_V(16) s1 = vload16(1, w), s2 = vload16(2, w), s3 = vload16(3, w);                       \
        for (l = 64; l + 64 <= count; l += 64) {                                                   \
            HB_V(16) v = vload16(0, w + l), v1 = vload16(1, w + l);                                \
            HB_V(16) v2 = vload16(2, w + l), v3 = vload16(3, w + l);                               \
            s = join_lanes(s, v);                                                                  \
            s1 = join_lanes(s1, v1);                                                               \
            s2 = join_lanes(s2, v2);                                                               \
            s3 = join_lanes(s3, v3);                                                               \
        }                                                                                          \
        s = join_lanes(s, s1);                                                                     \
        s2 = join_lanes(s2, s3);                                                                   \
        s = join_lanes(s, s2);                                                                     \
    }                                                                                              \
    for (; l < count; l += 16) {                                                                   \
        HB_V(16) v = vload16(0, w + l);                                                            \
        s = join_lanes(s, v);                                                                      \
    }                                                                                              \
    HB_REDUCE_TREE(s, join)

/* Of a block in private memory, whose room is a multiple of 16 and whose end is filled up with what
   changes nothing; and of a multiple of 16 where it lies. */
#define HB_REDUCE_BLOCK(name, join_lanes, join, nothing)                                           \
    static inline HB_T HB_NAME(name)(HB_T * w, int count) {                                        \
        for (int l = count; (l & 15) != 0; l++) w[l] = nothing;                                    \
        HB_REDUCE_LANES(join_lanes, join)                                                          \
    }                                                                                              \
    static inline HB_T HB_NAME(name##_here)(global const HB_T *w, int count) {                     \
        HB_REDUCE_LANES(join_lanes, join)                                                          \
    }
HB_REDUCE_BLOCK(block_sum, HB_SUM, HB_NAME(add), 0)
HB_REDUCE_BLOCK(block_product, HB_PRODUCT, HB_NAME(mul), 1)
HB_REDUCE_BLOCK(block_max, HB_LARGER, HB_NAME(max), HB_LOWEST)
HB_REDUCE_BLOCK(block_min, HB_SMALLER, HB_NAME(min), HB_HIGHEST)

#if HB_KIND == HB_KIND_F32
/* Copies count elements past the caches, where the compiler can write that and memory is aligned.
 */
static inline void HB_NAME(stream)(global HB_T *to, const HB_T *from, int count) {
    int l = 0;
#ifdef HB_STREAM_V
    const int head = min((int)(-(ulong)to % sizeof(HB_V(16)) / sizeof(HB_T)), count);
    for (; l < head; l++) to[l] = from[l];
    for (; l + 16 <= count; l += 16) HB_STREAM_V(vload16(0, from + l), (global HB_V(16) *)(to + l));
#endif
    for (; l < count; l++) to[l] = from[l];
}
#endif

#undef HB_REDUCE_TREE
#undef HB_REDUCE_LANES
#undef HB_REDUCE_BLOCK
#undef HB_SUM
#undef HB_PRODUCT
#undef HB_UNSIGNED_V
#undef HB_V
#undef HB_LARGER
#undef HB_SMALLER
#undef HB_T
#undef HB_NAME
#undef HB_KIND
#undef HB_UNSIGNED
#undef HB_LOWEST
#undef HB_HIGHEST
