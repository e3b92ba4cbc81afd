/* GEMM for CPUs, without local memory: a work-item copies a panel of b, HB_DEPTH rows of two
   vectors, into private memory, where it stays in the first cache, and multiplies it by some rows
   of a, eight at a time, in registers. The compiler makes of vector_tile what a hand-written
   micro-kernel is: eight broadcasts and two loads for sixteen fused multiplications and additions.
   Included once for float and once for double, with HB_T, HB_NAME and HB_KIND as for scalar.h. */

#ifndef HB_DEPTH
#define HB_DEPTH 128
#endif
#if HB_KIND == HB_KIND_F32
#define HB_LANES  16
#define HB_ROUNDS 4 /* HB_LANES = 2^HB_ROUNDS */
#else
#define HB_LANES  8
#define HB_ROUNDS 3
#endif
#define HB_WIDTH   (2 * HB_LANES)
#define HB_V       HB_PASTE(HB_T, HB_LANES)
#define HB_LOAD_V  HB_PASTE(vload, HB_LANES)
#define HB_STORE_V HB_PASTE(vstore, HB_LANES)

/* A square of elements transposed in registers: each round interleaves rows i and i + HB_LANES / 2.
 */
static inline void HB_NAME(vector_turn)(HB_V *v) {
    HB_V w[HB_LANES];
#pragma unroll
    for (int round = 0; round < HB_ROUNDS; round++) {
#pragma unroll
        for (int i = 0; i < HB_LANES / 2; i++) {
            w[2 * i].even = v[i].lo;
            w[2 * i].odd = v[i + HB_LANES / 2].lo;
            w[2 * i + 1].even = v[i].hi;
            w[2 * i + 1].odd = v[i + HB_LANES / 2].hi;
        }
#pragma unroll
        for (int i = 0; i < HB_LANES; i++) v[i] = w[i];
    }
}

/* A square block of b whose columns are contiguous, transposed. */
static inline void HB_NAME(vector_transpose)(global const HB_T *b, hb_i64 bj, HB_T *panel) {
    HB_V v[HB_LANES];
#pragma unroll
    for (int i = 0; i < HB_LANES; i++) v[i] = HB_LOAD_V(0, b + i * bj);
    HB_NAME(vector_turn)(v);
#pragma unroll
    for (int i = 0; i < HB_LANES; i++) HB_STORE_V(v[i], 0, panel + i * HB_WIDTH);
}

/* Rows [p, depth) of the panel, element by element. */
static inline void HB_NAME(vector_panel_rest)(global const HB_T *b, hb_i64 bk, hb_i64 bj,
                                              int columns, int p, int depth, HB_T *panel) {
    for (; p < depth; p++) {
#pragma clang loop vectorize(disable) unroll(disable)
        for (int l = 0; l < HB_WIDTH; l++)
            panel[p * HB_WIDTH + l] = l < columns ? b[p * bk + l * bj] : 0;
    }
}

/* panel[p][l] = b[p * bk + l * bj] for p < depth and l < columns; what the other l get does not
   matter. b has k rows from here on. This one is for bj = 1. Whole vectors are read so long as they
   end before b does. */
static inline void HB_NAME(vector_panel_along)(global const HB_T *b, hb_i64 bk, hb_i64 bj,
                                               int columns, int depth, hb_i64 k, HB_T *panel) {
    const bool whole = columns == HB_WIDTH;
    const hb_i64 end = bk > 0 ? (k - 1) * bk + columns - HB_WIDTH : -1;
    int p = 0;
#pragma clang loop unroll(disable)
    for (; p < depth && (whole || p * bk <= end); p++) {
        HB_STORE_V(HB_LOAD_V(0, b + p * bk), 0, panel + p * HB_WIDTH);
        HB_STORE_V(HB_LOAD_V(1, b + p * bk), 1, panel + p * HB_WIDTH);
    }
    HB_NAME(vector_panel_rest)(b, bk, 1, columns, p, depth, panel);
}

/* The same for bk = 1 ... */
static inline void HB_NAME(vector_panel_across)(global const HB_T *b, hb_i64 bk, hb_i64 bj,
                                                int columns, int depth, hb_i64 k, HB_T *panel) {
    int p = 0;
    if (columns == HB_WIDTH) {
        for (; p + HB_LANES <= depth; p += HB_LANES) {
#pragma clang loop unroll(disable)
            for (int side = 0; side < HB_WIDTH; side += HB_LANES)
                HB_NAME(vector_transpose)(b + p + side * bj, bj, panel + p * HB_WIDTH + side);
        }
    }
    HB_NAME(vector_panel_rest)(b, 1, bj, columns, p, depth, panel);
}

/* ... and for any strides. */
static inline void HB_NAME(vector_panel_any)(global const HB_T *b, hb_i64 bk, hb_i64 bj,
                                             int columns, int depth, hb_i64 k, HB_T *panel) {
    HB_NAME(vector_panel_rest)(b, bk, bj, columns, 0, depth, panel);
}

/* t[HB_WIDTH] = a[k] b[k][HB_WIDTH], for a single row: b's columns are contiguous and used where
   they are. Four sums at a time, for additions to overlap. */
static inline void HB_NAME(vector_row)(global const HB_T *a, hb_i64 ak, global const HB_T *b,
                                       hb_i64 bk, hb_i64 k, HB_T *t) {
    HB_V c0 = 0, c1 = 0, c2 = 0, c3 = 0, d0 = 0, d1 = 0, d2 = 0, d3 = 0;
    hb_i64 p = 0;
    for (; p + 4 <= k; p += 4) {
        c0 += a[0] * HB_LOAD_V(0, b);
        d0 += a[0] * HB_LOAD_V(1, b);
        c1 += a[ak] * HB_LOAD_V(0, b + bk);
        d1 += a[ak] * HB_LOAD_V(1, b + bk);
        c2 += a[2 * ak] * HB_LOAD_V(0, b + 2 * bk);
        d2 += a[2 * ak] * HB_LOAD_V(1, b + 2 * bk);
        c3 += a[3 * ak] * HB_LOAD_V(0, b + 3 * bk);
        d3 += a[3 * ak] * HB_LOAD_V(1, b + 3 * bk);
        a += 4 * ak;
        b += 4 * bk;
    }
    for (; p < k; p++) {
        c0 += a[0] * HB_LOAD_V(0, b);
        d0 += a[0] * HB_LOAD_V(1, b);
        a += ak;
        b += bk;
    }
    HB_STORE_V((c0 + c1) + (c2 + c3), 0, t);
    HB_STORE_V((d0 + d1) + (d2 + d3), 1, t);
}

/* What makes up a tile of eight rows by two vectors, in registers: W(r) is what row r multiplies
   the vectors b0 and b1 by. */
#define HB_TILE_LOAD(t)                                                                            \
    HB_V c0 = HB_LOAD_V(0, t), c1 = HB_LOAD_V(2, t), c2 = HB_LOAD_V(4, t), c3 = HB_LOAD_V(6, t);   \
    HB_V c4 = HB_LOAD_V(8, t), c5 = HB_LOAD_V(10, t), c6 = HB_LOAD_V(12, t),                       \
         c7 = HB_LOAD_V(14, t);                                                                    \
    HB_V d0 = HB_LOAD_V(1, t), d1 = HB_LOAD_V(3, t), d2 = HB_LOAD_V(5, t), d3 = HB_LOAD_V(7, t);   \
    HB_V d4 = HB_LOAD_V(9, t), d5 = HB_LOAD_V(11, t), d6 = HB_LOAD_V(13, t), d7 = HB_LOAD_V(15, t);
#define HB_TILE_ZERO                                                                               \
    HB_V c0 = 0, c1 = 0, c2 = 0, c3 = 0, c4 = 0, c5 = 0, c6 = 0, c7 = 0;                           \
    HB_V d0 = 0, d1 = 0, d2 = 0, d3 = 0, d4 = 0, d5 = 0, d6 = 0, d7 = 0;
#define HB_TILE_STEP(W)                                                                            \
    c0 += W(0) * b0;                                                                               \
    d0 += W(0) * b1;                                                                               \
    c1 += W(1) * b0;                                                                               \
    d1 += W(1) * b1;                                                                               \
    c2 += W(2) * b0;                                                                               \
    d2 += W(2) * b1;                                                                               \
    c3 += W(3) * b0;                                                                               \
    d3 += W(3) * b1;                                                                               \
    c4 += W(4) * b0;                                                                               \
    d4 += W(4) * b1;                                                                               \
    c5 += W(5) * b0;                                                                               \
    d5 += W(5) * b1;                                                                               \
    c6 += W(6) * b0;                                                                               \
    d6 += W(6) * b1;                                                                               \
    c7 += W(7) * b0;                                                                               \
    d7 += W(7) * b1;
#define HB_TILE_ADD(t)                                                                             \
    c0 += HB_LOAD_V(0, t);                                                                         \
    d0 += HB_LOAD_V(1, t);                                                                         \
    c1 += HB_LOAD_V(2, t);                                                                         \
    d1 += HB_LOAD_V(3, t);                                                                         \
    c2 += HB_LOAD_V(4, t);                                                                         \
    d2 += HB_LOAD_V(5, t);                                                                         \
    c3 += HB_LOAD_V(6, t);                                                                         \
    d3 += HB_LOAD_V(7, t);                                                                         \
    c4 += HB_LOAD_V(8, t);                                                                         \
    d4 += HB_LOAD_V(9, t);                                                                         \
    c5 += HB_LOAD_V(10, t);                                                                        \
    d5 += HB_LOAD_V(11, t);                                                                        \
    c6 += HB_LOAD_V(12, t);                                                                        \
    d6 += HB_LOAD_V(13, t);                                                                        \
    c7 += HB_LOAD_V(14, t);                                                                        \
    d7 += HB_LOAD_V(15, t);
#define HB_TILE_STORE(t)                                                                           \
    HB_STORE_V(c0, 0, t);                                                                          \
    HB_STORE_V(d0, 1, t);                                                                          \
    HB_STORE_V(c1, 2, t);                                                                          \
    HB_STORE_V(d1, 3, t);                                                                          \
    HB_STORE_V(c2, 4, t);                                                                          \
    HB_STORE_V(d2, 5, t);                                                                          \
    HB_STORE_V(c3, 6, t);                                                                          \
    HB_STORE_V(d3, 7, t);                                                                          \
    HB_STORE_V(c4, 8, t);                                                                          \
    HB_STORE_V(d4, 9, t);                                                                          \
    HB_STORE_V(c5, 10, t);                                                                         \
    HB_STORE_V(d5, 11, t);                                                                         \
    HB_STORE_V(c6, 12, t);                                                                         \
    HB_STORE_V(d6, 13, t);                                                                         \
    HB_STORE_V(c7, 14, t);                                                                         \
    HB_STORE_V(d7, 15, t);
#define HB_TILE_ROWS                                                                               \
    global const HB_T *a0 = a, *a1 = a + (rows > 1 ? ai : 0), *a2 = a + (rows > 2 ? 2 * ai : 0),   \
                      *a3 = a + (rows > 3 ? 3 * ai : 0), *a4 = a + (rows > 4 ? 4 * ai : 0),        \
                      *a5 = a + (rows > 5 ? 5 * ai : 0), *a6 = a + (rows > 6 ? 6 * ai : 0),        \
                      *a7 = a + (rows > 7 ? 7 * ai : 0);

/* t[8][HB_WIDTH] += a[8][depth] panel[depth][HB_WIDTH]. Of the eight rows only the first `rows`
   exist; the sums of the others are not used. */
static inline void HB_NAME(vector_tile)(global const HB_T *a, hb_i64 ai, hb_i64 ak, int rows,
                                        int depth, const HB_T *panel, HB_T *t) {
    HB_TILE_ROWS
    HB_TILE_LOAD(t)
    for (int p = 0; p < depth; p++) {
        const HB_V b0 = HB_LOAD_V(0, panel), b1 = HB_LOAD_V(1, panel);
        const hb_i64 q = p * ak;
#define HB_FACTOR(r) a##r[q]
        HB_TILE_STEP(HB_FACTOR)
#undef HB_FACTOR
        panel += HB_WIDTH;
    }
    HB_TILE_STORE(t)
}

/* The same for rows of b that are bk apart and may begin anywhere, and rows of a without gaps. */
static inline void HB_NAME(vector_tile_apart)(global const HB_T *a, hb_i64 ai, int rows,
                                              hb_i64 depth, global const HB_T *b, hb_i64 bk,
                                              HB_T *t) {
    HB_TILE_ROWS
    HB_TILE_LOAD(t)
    for (hb_i64 q = 0; q < depth; q++) {
        const HB_V b0 = HB_LOAD_V(0, b), b1 = HB_LOAD_V(1, b);
#define HB_FACTOR(r) a##r[q]
        HB_TILE_STEP(HB_FACTOR)
#undef HB_FACTOR
        b += bk;
    }
    HB_TILE_STORE(t)
}

/* t[8][HB_WIDTH] = the sum over taps and planes of w[tap][plane][8] x[plane][HB_WIDTH], x as far on
   as the tap is away: k taps in each of three dimensions, s apart there. */
static inline void HB_NAME(vector_shifted)(global const HB_T *w, global const HB_T *x, hb_i64 plane,
                                           hb_i64 planes, hb_i64 k0, hb_i64 k1, hb_i64 k2,
                                           hb_i64 s0, hb_i64 s1, hb_i64 s2, HB_T *t) {
    HB_TILE_ZERO
    for (hb_i64 tap = 0; tap < k0 * k1 * k2; tap++) {
        global const HB_T *b = x + tap / k2 / k1 * s0 + tap / k2 % k1 * s1 + tap % k2 * s2;
        for (hb_i64 p = 0; p < planes; p++) {
            const HB_V b0 = HB_LOAD_V(0, b), b1 = HB_LOAD_V(1, b);
#define HB_FACTOR(r) w[r]
            HB_TILE_STEP(HB_FACTOR)
#undef HB_FACTOR
            b += plane;
            w += 8;
        }
    }
    HB_TILE_STORE(t)
}

/* t[8][HB_WIDTH] = the sum over depth of w[p][8] b[p][HB_WIDTH], or += it. Rows of w are wk apart,
   those of b bk. */
static inline void HB_NAME(vector_packed)(global const HB_T *w, hb_i64 wk, global const HB_T *b,
                                          hb_i64 bk, hb_i64 depth, bool add, global HB_T *t) {
    HB_TILE_ZERO
    for (hb_i64 p = 0; p < depth; p++) {
        const HB_V b0 = HB_LOAD_V(0, b), b1 = HB_LOAD_V(1, b);
#define HB_FACTOR(r) w[r]
        HB_TILE_STEP(HB_FACTOR)
#undef HB_FACTOR
        w += wk;
        b += bk;
    }
    if (add) {
        HB_TILE_ADD(t)
    }
    HB_TILE_STORE(t)
}

#undef HB_TILE_ADD
#undef HB_TILE_LOAD
#undef HB_TILE_ZERO
#undef HB_TILE_STEP
#undef HB_TILE_STORE
#undef HB_TILE_ROWS
#undef HB_LANES
#undef HB_ROUNDS
#undef HB_WIDTH
#undef HB_V
#undef HB_LOAD_V
#undef HB_STORE_V
