/* GEMM for CPUs: one tile of 8 rows by two vectors of columns a work-item, in registers; no local
   memory. The compiler makes of it what a hand-written micro-kernel is: eight broadcasts and two loads
   for sixteen fused multiplications and additions. Included once for float and once for double, with
   HB_T, HB_NAME and HB_KIND as for scalar.h.

   t[8][2 * HB_LANES] = a[8][k] b[k][2 * HB_LANES]; a's elements lie ai apart along rows and ak along
   columns, b's rows bk apart and contiguous. Of a's rows only the first `rows` exist; the others' sums
   are not used. */

#if HB_KIND == HB_KIND_F32
#define HB_LANES 16
#else
#define HB_LANES 8
#endif
#define HB_V       HB_PASTE(HB_T, HB_LANES)
#define HB_LOAD_V  HB_PASTE(vload, HB_LANES)
#define HB_STORE_V HB_PASTE(vstore, HB_LANES)

static inline void HB_NAME(vector_tile)(global const HB_T *a, hb_i64 ai, hb_i64 ak, int rows,
                                        global const HB_T *b, hb_i64 bk, hb_i64 k, HB_T *t) {
    global const HB_T *a0 = a, *a1 = a + (rows > 1 ? ai : 0), *a2 = a + (rows > 2 ? 2 * ai : 0),
                      *a3 = a + (rows > 3 ? 3 * ai : 0), *a4 = a + (rows > 4 ? 4 * ai : 0),
                      *a5 = a + (rows > 5 ? 5 * ai : 0), *a6 = a + (rows > 6 ? 6 * ai : 0),
                      *a7 = a + (rows > 7 ? 7 * ai : 0);
    HB_V c0 = 0, c1 = 0, c2 = 0, c3 = 0, c4 = 0, c5 = 0, c6 = 0, c7 = 0;
    HB_V d0 = 0, d1 = 0, d2 = 0, d3 = 0, d4 = 0, d5 = 0, d6 = 0, d7 = 0;
    for (hb_i64 p = 0; p < k; p++) {
        HB_V b0 = HB_LOAD_V(0, b), b1 = HB_LOAD_V(1, b);
        hb_i64 q = p * ak;
        c0 += a0[q] * b0;
        d0 += a0[q] * b1;
        c1 += a1[q] * b0;
        d1 += a1[q] * b1;
        c2 += a2[q] * b0;
        d2 += a2[q] * b1;
        c3 += a3[q] * b0;
        d3 += a3[q] * b1;
        c4 += a4[q] * b0;
        d4 += a4[q] * b1;
        c5 += a5[q] * b0;
        d5 += a5[q] * b1;
        c6 += a6[q] * b0;
        d6 += a6[q] * b1;
        c7 += a7[q] * b0;
        d7 += a7[q] * b1;
        b += bk;
    }
    HB_STORE_V(c0, 0, t);
    HB_STORE_V(d0, 1, t);
    HB_STORE_V(c1, 2, t);
    HB_STORE_V(d1, 3, t);
    HB_STORE_V(c2, 4, t);
    HB_STORE_V(d2, 5, t);
    HB_STORE_V(c3, 6, t);
    HB_STORE_V(d3, 7, t);
    HB_STORE_V(c4, 8, t);
    HB_STORE_V(d4, 9, t);
    HB_STORE_V(c5, 10, t);
    HB_STORE_V(d5, 11, t);
    HB_STORE_V(c6, 12, t);
    HB_STORE_V(d6, 13, t);
    HB_STORE_V(c7, 14, t);
    HB_STORE_V(d7, 15, t);
}

#undef HB_LANES
#undef HB_V
#undef HB_LOAD_V
#undef HB_STORE_V
