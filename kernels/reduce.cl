/* Reductions of blocks, for the generated LOOP kernels. Included once for each element type with
   HB_T, HB_NAME, HB_KIND and HB_UNSIGNED as for scalar.h, whose functions it uses, and
     HB_LOWEST, HB_HIGHEST   what REDMAX and REDMIN of nothing are.

   A sum is one of blocks of HB_BLOCK elements, each added in sixteen lanes; the blocks' sums are added
   with what rounding loses kept apart (D. Knuth, The Art of Computer Programming 2, 4.2.2), so that the
   error does not grow with the number of elements. */

#ifndef HB_BLOCK
#define HB_BLOCK 256
#endif

#define HB_V(n) HB_PASTE(HB_T, n)

#if HB_KIND == HB_KIND_F32 || HB_KIND == HB_KIND_F64
/* Which lanes of a to take before those of b: NaN stays. */
#define HB_FIRST(a, op, b) ((a op b) | (a != a))
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
#define HB_FIRST(a, op, b) (a op b)
static inline void HB_NAME(total_add)(HB_T *total, HB_T *rest, HB_T x) {
    *total = HB_NAME(add)(*total, x);
}
static inline HB_T HB_NAME(total)(HB_T total, HB_T rest) { return total; }
#endif

/* w has room for count rounded up to 16 elements. */
static inline void HB_NAME(fill)(HB_T *w, int count, HB_T with) {
    for (int l = count; (l & 15) != 0; l++) w[l] = with;
}

/* Signed overflow has no meaning in C: integers are added as unsigned ones. */
static inline HB_T HB_NAME(block_sum)(HB_T *w, int count) {
    HB_NAME(fill)(w, count, 0);
#if HB_KIND == HB_KIND_INT || HB_KIND == HB_KIND_BYTE
    HB_UNSIGNED s = 0;
    for (int l = 0; l < count; l++) s += (HB_UNSIGNED)w[l];
    return (HB_T)s;
#else
    HB_V(16) s = vload16(0, w);
    for (int l = 16; l < count; l += 16) s += vload16(0, w + l);
    HB_V(8) a = s.lo + s.hi;
    HB_V(4) b = a.lo + a.hi;
    HB_V(2) c = b.lo + b.hi;
    return c.x + c.y;
#endif
}

static inline HB_T HB_NAME(block_max)(HB_T *w, int count) {
    HB_NAME(fill)(w, count, HB_LOWEST);
    HB_V(16) s = vload16(0, w);
    for (int l = 16; l < count; l += 16) {
        HB_V(16) v = vload16(0, w + l);
        s = select(v, s, HB_FIRST(s, >, v));
    }
    HB_V(8) a = select(s.hi, s.lo, HB_FIRST(s.lo, >, s.hi));
    HB_V(4) b = select(a.hi, a.lo, HB_FIRST(a.lo, >, a.hi));
    return HB_NAME(max)(HB_NAME(max)(b.x, b.y), HB_NAME(max)(b.z, b.w));
}

static inline HB_T HB_NAME(block_min)(HB_T *w, int count) {
    HB_NAME(fill)(w, count, HB_HIGHEST);
    HB_V(16) s = vload16(0, w);
    for (int l = 16; l < count; l += 16) {
        HB_V(16) v = vload16(0, w + l);
        s = select(v, s, HB_FIRST(s, <, v));
    }
    HB_V(8) a = select(s.hi, s.lo, HB_FIRST(s.lo, <, s.hi));
    HB_V(4) b = select(a.hi, a.lo, HB_FIRST(a.lo, <, a.hi));
    return HB_NAME(min)(HB_NAME(min)(b.x, b.y), HB_NAME(min)(b.z, b.w));
}

#undef HB_V
#undef HB_FIRST
#undef HB_T
#undef HB_NAME
#undef HB_KIND
#undef HB_UNSIGNED
#undef HB_LOWEST
#undef HB_HIGHEST
