/* Vector loops over tiles: a function for each scalar function and dtype, compiled once for each
   instruction set (vector.c with HB_ISA) and reached through these tables. n, rows and columns
   count elements; no function needs alignment; out may be the very memory of an operand of the same
   element size. A NULL entry is a combination that no valid program has. */
#ifndef HB_CPU_VECTOR_H
#define HB_CPU_VECTOR_H

#include "../../step.h"
#include "chain_kernel.h"
#include "post.h"

/* What a random number is a function of, apart from its index. */
typedef struct hb_cpu_random {
    uint32_t op, step, seed_low, seed_high;
} hb_cpu_random;

/* hb_cpu_map (chain_kernel.h): out[i] = f(a[i], b[i], c[i]); unused operands are ignored. Of the
   random functions, a is the i64 index and b one hb_cpu_random. */

/* Moves a box of elements; the strides are in bytes and may be anything. */
typedef struct hb_cpu_box {
    int64_t rows, columns;
    int64_t to_row, to_column, from_row, from_column;
} hb_cpu_box;
typedef void hb_cpu_move(void *to, const void *from, const hb_cpu_box *box);

/* Values whose elements take turns in memory, hb_cpu_turns(size) of them: in row r, element i of
   value j is at memory + r * row + (i * turns + j) * size. Each value by itself has its rows one
   after the other, of `columns` elements. */
typedef void hb_cpu_unzip(void *const to[], const void *from, int64_t from_row, int64_t rows,
                          int64_t columns);
typedef void hb_cpu_zip(void *to, const void *const from[], int64_t to_row, int64_t rows,
                        int64_t columns);
enum { HB_CPU_MOST_TURNS = 4 };
static inline int hb_cpu_turns(int64_t size) { return size == 4 ? 2 : size == 1 ? 4 : 1; }

typedef struct hb_cpu_zips {
    hb_cpu_unzip *unzip[5]; /* by the size of an element: 1, 4 */
    hb_cpu_zip *zip[5];
} hb_cpu_zips;

/* Reductions work in two stages: tiles are folded in their own dtype ("narrow"), and those results
   gathered in f64 for floats, i64 for integers ("wide"). */
typedef void hb_cpu_fold_rows(void *wide, const void *tile, int64_t rows, int64_t columns);
typedef void hb_cpu_fold_columns(void *narrow, const void *tile, int64_t rows, int64_t columns);
typedef void hb_cpu_widen(void *wide, const void *narrow, int64_t n);

typedef struct hb_cpu_reduction {
    hb_cpu_fold_rows *rows;       /* wide[r] op= tile[r, 0] op tile[r, 1] op ... */
    hb_cpu_fold_columns *columns; /* narrow[c] op= tile[0, c] op tile[1, c] op ... */
    hb_cpu_widen *widen;          /* wide[i] op= narrow[i] */
} hb_cpu_reduction;

typedef struct hb_cpu_vector {
    hb_cpu_map *map[HB_CODES][HEBB_DTYPES];     /* by code and the operands' dtype (SELECT: b's) */
    hb_cpu_map *cast[HEBB_DTYPES][HEBB_DTYPES]; /* from, to */
    hb_cpu_map *narrow[HEBB_DTYPES];            /* out[i] = the wide a[i] */
    hb_cpu_reduction reduce[4][HEBB_DTYPES];    /* HB_SUM, HB_REDMAX, HB_REDMIN, HB_PROD */
    hb_cpu_move *move[9];                       /* by the size of an element: 1, 2, 4, 8 */
    const hb_cpu_zips *zips;
    void (*count)(int64_t *out, int64_t first, int64_t step, int64_t n); /* first + i step */
    hb_cpu_run_chain *chain;
    hb_cpu_run_post *post;
    /* Copies past the caches. The caller calls fence() before other threads may read. */
    void (*stream)(void *to, const void *from, size_t bytes);
    void (*fence)(void);
} hb_cpu_vector;

extern const hb_cpu_vector hb_cpu_vector_baseline;
#ifdef HB_HAVE_X86_ISAS
extern const hb_cpu_vector hb_cpu_vector_avx2, hb_cpu_vector_avx512;
#endif

#endif
