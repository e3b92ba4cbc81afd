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

/* The sum of a vector's elements, half to half. */
static inline HB_T HB_NAME(vector_sum)(HB_V v) {
    HB_T w[HB_LANES];
    HB_STORE_V(v, 0, w);
#pragma unroll
    for (int reach = HB_LANES / 2; reach > 0; reach /= 2) {
#pragma unroll
        for (int l = 0; l < reach; l++) w[l] += w[l + reach];
    }
    return w[0];
}

/* t[l] = a[k] b[l][k] for l < columns, where rows of b are bj apart and contiguous: sums in vectors,
   four rows at a time, for additions to overlap. */
static inline void HB_NAME(vector_dots)(global const HB_T *a, global const HB_T *b, hb_i64 bj,
                                        int columns, hb_i64 k, HB_T *t) {
    for (int l = 0; l < columns; l += 4) {
        global const HB_T *rows[4];
        HB_V s[4];
        HB_T rest[4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            rows[i] = b + (l + i < columns ? l + i : l) * bj;
            s[i] = 0;
            rest[i] = 0;
        }
        hb_i64 p = 0;
        for (; p + HB_LANES <= k; p += HB_LANES) {
            const HB_V v = HB_LOAD_V(0, a + p);
#pragma unroll
            for (int i = 0; i < 4; i++) s[i] += v * HB_LOAD_V(0, rows[i] + p);
        }
        for (; p < k; p++) {
#pragma unroll
            for (int i = 0; i < 4; i++) rest[i] += a[p] * rows[i][p];
        }
#pragma unroll
        for (int i = 0; i < 4; i++)
            if (l + i < columns) t[l + i] = HB_NAME(vector_sum)(s[i]) + rest[i];
    }
}

/* ---- tiles ----

   A tile is eight rows by two vectors. It is made in parts whose sums s[][] stay in registers: as a
   whole where there are 32 of 512 bits; else in quarters, four rows by one vector, for which 16 of
   256 bits suffice. Their eight sums are also as many as it takes to keep two units busy that need
   four cycles for a multiplication and addition. */

#if (defined(__x86_64__) || defined(__aarch64__)) && !defined(__AVX512F__)
#define HB_PART_ROWS    4
#define HB_PART_VECTORS 1
#else
#define HB_PART_ROWS    8
#define HB_PART_VECTORS 2
#endif

#define HB_EACH(i, n)     _Pragma("unroll") for (int i = 0; i < n; i++)
#define HB_EACH_SUM(i, v) HB_EACH(i, HB_PART_ROWS) HB_EACH(v, HB_PART_VECTORS)
#define HB_EACH_PART(row, column)                                                                  \
    for (int row = 0; row < 8; row += HB_PART_ROWS)                                                \
        for (int column = 0; column < HB_WIDTH; column += HB_PART_VECTORS * HB_LANES)

#define HB_PART_SUMS     HB_V s[HB_PART_ROWS][HB_PART_VECTORS];
#define HB_PART_ZERO     HB_EACH_SUM(i, v) s[i][v] = 0;
#define HB_PART_LOAD(t)  HB_EACH_SUM(i, v) s[i][v] = HB_LOAD_V(v, t + i * HB_WIDTH);
#define HB_PART_ADD(t)   HB_EACH_SUM(i, v) s[i][v] += HB_LOAD_V(v, t + i * HB_WIDTH);
#define HB_PART_STORE(t) HB_EACH_SUM(i, v) HB_STORE_V(s[i][v], v, t + i * HB_WIDTH);
/* One more term of each sum: the vectors at b, times FACTOR(i) in row i. */
#define HB_PART_STEP(FACTOR, b)                                                                    \
    HB_V vectors[HB_PART_VECTORS];                                                                 \
    HB_EACH(v, HB_PART_VECTORS) vectors[v] = HB_LOAD_V(v, b);                                      \
    HB_EACH_SUM(i, v) s[i][v] += FACTOR(i) * vectors[v];
/* Where the part's rows of a begin; those that do not exist are the first one. */
#define HB_PART_ROWS_OF_A                                                                          \
    global const HB_T *x[HB_PART_ROWS];                                                            \
    HB_EACH(i, HB_PART_ROWS) x[i] = a + (row + (row + i < rows ? i : 0)) * ai;

/* t[8][HB_WIDTH] += a[8][depth] panel[depth][HB_WIDTH]. Of the eight rows only the first `rows`
   exist; the sums of the others are not used. */
static inline void HB_NAME(vector_tile)(global const HB_T *a, hb_i64 ai, hb_i64 ak, int rows,
                                        int depth, const HB_T *panel, HB_T *t) {
    HB_EACH_PART(row, column) {
        if (row >= rows) return;
        HB_PART_ROWS_OF_A
        HB_PART_SUMS
        HB_PART_LOAD(t + row * HB_WIDTH + column)
        for (int p = 0; p < depth; p++) {
            const hb_i64 q = p * ak;
#define HB_FACTOR(i) x[i][q]
            HB_PART_STEP(HB_FACTOR, panel + p * HB_WIDTH + column)
#undef HB_FACTOR
        }
        HB_PART_STORE(t + row * HB_WIDTH + column)
    }
}

/* The same for rows of b that are bk apart and may begin anywhere, and rows of a without gaps. */
static inline void HB_NAME(vector_tile_apart)(global const HB_T *a, hb_i64 ai, int rows,
                                              hb_i64 depth, global const HB_T *b, hb_i64 bk,
                                              HB_T *t) {
    HB_EACH_PART(row, column) {
        if (row >= rows) return;
        HB_PART_ROWS_OF_A
        HB_PART_SUMS
        HB_PART_LOAD(t + row * HB_WIDTH + column)
        for (hb_i64 q = 0; q < depth; q++) {
#define HB_FACTOR(i) x[i][q]
            HB_PART_STEP(HB_FACTOR, b + q * bk + column)
#undef HB_FACTOR
        }
        HB_PART_STORE(t + row * HB_WIDTH + column)
    }
}

/* t[8][HB_WIDTH] = the sum over taps and planes of w[tap][plane][8] x[plane][HB_WIDTH], x as far on
   as the tap is away: k taps in each of three dimensions, s apart there. */
static inline void HB_NAME(vector_shifted)(global const HB_T *w, global const HB_T *x, hb_i64 plane,
                                           hb_i64 planes, hb_i64 k0, hb_i64 k1, hb_i64 k2,
                                           hb_i64 s0, hb_i64 s1, hb_i64 s2, HB_T *t) {
    HB_EACH_PART(row, column) {
        global const HB_T *factors = w + row;
        HB_PART_SUMS
        HB_PART_ZERO
        for (hb_i64 tap = 0; tap < k0 * k1 * k2; tap++) {
            global const HB_T *b =
                x + tap / k2 / k1 * s0 + tap / k2 % k1 * s1 + tap % k2 * s2 + column;
            for (hb_i64 p = 0; p < planes; p++) {
#define HB_FACTOR(i) factors[i]
                HB_PART_STEP(HB_FACTOR, b)
#undef HB_FACTOR
                b += plane;
                factors += 8;
            }
        }
        HB_PART_STORE(t + row * HB_WIDTH + column)
    }
}

/* t[8][HB_WIDTH] = the sum over depth of w[p][8] b[p][HB_WIDTH], or += it. Rows of w are wk apart,
   those of b bk. */
static inline void HB_NAME(vector_packed)(global const HB_T *w, hb_i64 wk, global const HB_T *b,
                                          hb_i64 bk, hb_i64 depth, bool add, global HB_T *t) {
    HB_EACH_PART(row, column) {
        HB_PART_SUMS
        HB_PART_ZERO
        for (hb_i64 p = 0; p < depth; p++) {
#define HB_FACTOR(i) w[p * wk + row + i]
            HB_PART_STEP(HB_FACTOR, b + p * bk + column)
#undef HB_FACTOR
        }
        if (add) {
            HB_PART_ADD(t + row * HB_WIDTH + column)
        }
        HB_PART_STORE(t + row * HB_WIDTH + column)
    }
}

#undef HB_PART_ROWS
#undef HB_PART_VECTORS
#undef HB_EACH
#undef HB_EACH_SUM
#undef HB_EACH_PART
#undef HB_PART_SUMS
#undef HB_PART_ZERO
#undef HB_PART_LOAD
#undef HB_PART_ADD
#undef HB_PART_STORE
#undef HB_PART_STEP
#undef HB_PART_ROWS_OF_A
#undef HB_LANES
#undef HB_ROUNDS
#undef HB_WIDTH
#undef HB_V
#undef HB_LOAD_V
#undef HB_STORE_V
