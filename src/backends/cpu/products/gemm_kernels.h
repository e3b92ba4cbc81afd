/* The innermost loops of the matrix product, as the drivers (gemm_packed.c, gemm_in_place.c,
   gemm_vector.c) see them: one table of functions per instruction set and dtype. The functions are
   in gemm_kernel.c, which is compiled once per instruction set. All strides and sizes are in
   elements. */
#ifndef HB_CPU_GEMM_KERNELS_H
#define HB_CPU_GEMM_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HB_GEMM_ROWS = 8,      /* no tile has more rows */
    HB_GEMM_DOTS = 4,      /* dot products taken at a time */
    HB_GEMM_ALIGNMENT = 64 /* of packed panels, in bytes */
};

/* C tile = (add ? C tile : 0) + sum over p < k of A[i, p] B[p, j], the sum in order of p. A may
   have any strides, B has unit column stride and is read up to the full width of the tile: its last
   columns must be packed if they are fewer. Only the first `columns` columns of C are touched. */
typedef void hb_cpu_gemm_tile(int64_t k, const void *a, int64_t a_row, int64_t a_column,
                              const void *b, int64_t b_row, void *c, int64_t c_row, int64_t columns,
                              bool add);

/* The same for a tile of 2 * lanes columns, all of which exist, that is not added to C. Copies B on
   the way, its rows one after the other, in less time than a copy by itself. */
typedef void hb_cpu_gemm_copying_tile(int64_t k, const void *a, int64_t a_row, int64_t a_column,
                                      const void *b, int64_t b_row, void *copy, void *c,
                                      int64_t c_row);

/* For p < k: to[p * panel + i] = from[i * across + p * along] for i < width, then 0 up to panel;
   pack_beside() leaves those as they are. */
typedef void hb_cpu_gemm_pack(int64_t width, int64_t k, const void *from, int64_t across,
                              int64_t along, int64_t panel, void *to);

/* to[p * to_row + i] = from[i * across + p] for i < width and p < k: along p elements lie side by
   side in `from`, along i in `to`. Bits are moved as they are. */
typedef void hb_cpu_gemm_turn(int64_t width, int64_t k, const void *from, int64_t across,
                              int64_t to_row, void *to);

/* Columns [to, to + count) of a packed row come from an image's elements from + j step, j = 0, 1,
   ...; those with j < low or j >= high are zeros. */
typedef struct hb_cpu_image_run {
    int64_t from;
    int32_t to, count, low, high;
} hb_cpu_image_run;

/* Packs rows of an image for a tile: row (c, t) of `width` (that of a full tile) is made of the
   runs run[t][...] of channel c, which begins at from + c * plane; `before` elements before `from`
   and `left` from there on may be read. Writes up to a row's width beyond the last row. */
typedef void hb_cpu_gemm_pack_image(int64_t channels, int64_t taps, int64_t runs,
                                    const hb_cpu_image_run *run, int64_t step, const void *from,
                                    int64_t plane, int64_t before, int64_t left, void *to);

/* y[j] = sum over p < k of x[p] b[j * b_column + p] for j < columns: both are read along p. */
typedef void hb_cpu_gemm_dots(int64_t k, const void *x, const void *b, int64_t b_column,
                              int64_t columns, void *y);

typedef struct hb_cpu_gemm_type {
    int rows;                                /* of a full tile */
    int lanes;                               /* columns of a half tile; a full one has 2 * lanes */
    int wide;                                /* columns of the one-row tile for vector x matrix */
    hb_cpu_gemm_tile *tile[HB_GEMM_ROWS][2]; /* [rows - 1][vectors - 1] */
    hb_cpu_gemm_copying_tile *copying_tile[HB_GEMM_ROWS]; /* [rows - 1] */
    hb_cpu_gemm_tile *wide_tile;
    hb_cpu_gemm_pack *pack, *pack_beside;
    hb_cpu_gemm_turn *turn;
    hb_cpu_gemm_pack_image *pack_image;
    hb_cpu_gemm_dots *dots;
} hb_cpu_gemm_type;

typedef struct hb_cpu_gemm_kernels {
    const hb_cpu_gemm_type *f32, *f64;
} hb_cpu_gemm_kernels;

extern const hb_cpu_gemm_kernels hb_cpu_gemm_kernels_baseline;
#ifdef HB_HAVE_X86_ISAS
extern const hb_cpu_gemm_kernels hb_cpu_gemm_kernels_avx2, hb_cpu_gemm_kernels_avx512;
#endif

#endif
