/* GEMM for GPUs: a work-group of 256 computes a square tile of 16 * per rows and columns, each item
   per * per elements of it, from slices of 16 columns of a and rows of b in local memory. Included
   once for float and once for double, with HB_T and HB_NAME as for scalar.h.

   a and b begin at the tile's rows and columns, of which `rows` and `columns` exist; any strides.
   Item (x, y) of 16 x 16 adds to acc[r * per + c] element (y + 16 r, x + 16 c). as and bs hold 16
   * 65. Both are filled so that neighboring items read neighboring memory, whichever stride is 1.
   per is a constant, 2 or 4. The loops have bounds that do not depend on it, and the function is
   always inlined: compilers that unroll before they inline would leave acc in memory. */

#define HB_PITCH 65 /* more than a tile's 64, so that a column does not fall into one bank */

static inline void HB_NAME(tiled_fill)(local HB_T *to, int tile, global const HB_T *from,
                                       hb_i64 across, hb_i64 along, int valid, int depth) {
    const int l = (int)get_local_id(0);
    const int deep = along == 1;
    for (int e = l; e < 16 * tile; e += 256) {
        const int i = deep ? e / 16 : e % tile, p = deep ? e % 16 : e / tile;
        to[p * HB_PITCH + i] = i < valid && p < depth ? from[i * across + p * along] : 0;
    }
}

static inline __attribute__((always_inline)) void
HB_NAME(tiled)(int per, global const HB_T *a, hb_i64 ai, hb_i64 ak, int rows, global const HB_T *b,
               hb_i64 bk, hb_i64 bj, int columns, hb_i64 k, local HB_T *as, local HB_T *bs,
               HB_T *acc) {
    const int x = (int)get_local_id(0) % 16, y = (int)get_local_id(0) / 16;
    for (hb_i64 p0 = 0; p0 < k; p0 += 16) {
        const int depth = (int)min(k - p0, (hb_i64)16);
        HB_NAME(tiled_fill)(as, 16 * per, a + p0 * ak, ai, ak, rows, depth);
        HB_NAME(tiled_fill)(bs, 16 * per, b + p0 * bk, bj, bk, columns, depth);
        barrier(CLK_LOCAL_MEM_FENCE);
#pragma unroll 4
        for (int p = 0; p < 16; p++) {
            HB_T u[4], v[4];
#pragma unroll
            for (int r = 0; r < 4; r++) {
                u[r] = r < per ? as[p * HB_PITCH + y + 16 * r] : 0;
                v[r] = r < per ? bs[p * HB_PITCH + x + 16 * r] : 0;
            }
#pragma unroll
            for (int r = 0; r < 4; r++) {
#pragma unroll
                for (int c = 0; c < 4; c++)
                    if (r < per && c < per) acc[r * per + c] += u[r] * v[c];
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

#undef HB_PITCH
