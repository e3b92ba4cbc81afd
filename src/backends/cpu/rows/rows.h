/* Steps that are tiled together, a block of rows at a time, so that what one writes the next finds
   in the cache: softmax is three loops over a block of rows, not three over the whole tensor.
   rows.c finds such steps among those of a plan, blocks.c prepares them, and blocks_run.c runs
   them; cpu.c calls all three.
 */
#ifndef HB_CPU_ROWS_H
#define HB_CPU_ROWS_H

#include "../cpu.h"

enum { HB_CPU_MOST_MEMBERS = 24 };

/* What a member does to memory, as seen from its rows; in bytes. */
typedef struct hb_cpu_access {
    hb_operand *operand;     /* of the form */
    const hb_operand *whole; /* of the step */
    int64_t at, size;        /* what row 0 spans */
    int64_t step;            /* from row to row */
    int64_t bytes;           /* of the different elements of a row */
    bool written;
    bool early, late; /* while rows are run; after all of them */
    bool pending;     /* must become local, or the member cannot be one */
    bool quiet;       /* met by no member after this; if it is read, written by none at all */
    int local;        /* the scratch memory in its place, or -1 */
} hb_cpu_access;

/* A LOOP whose first dimension is the row. If that is reduced, the loop ends only when all blocks
   have been run: its results are late. */
typedef struct hb_cpu_member {
    hb_loop form; /* owns its operands; the instructions are the step's */
    bool collapses;
    hb_cpu_access *access; /* inputs, then outputs */
} hb_cpu_member;

/* A value that lives within a block only: it needs no memory but the block's. */
typedef struct hb_cpu_local {
    int64_t at, step, size;
} hb_cpu_local;

typedef struct hb_cpu_rows {
    int64_t rows;
    int around; /* dimensions around the rows, each of whose elements has rows of its own */
    int n, n_locals;
    double bytes; /* that the members move for a row */
    hb_cpu_member member[HB_CPU_MOST_MEMBERS];
    hb_cpu_local local[HB_CPU_MOST_MEMBERS];
} hb_cpu_rows;

/* Finds how many of the steps, from the first on, are better run together; rows->n is 0 if there
   are none (or no memory to find out). Freed with hb_cpu_rows_free(). */
void hb_cpu_rows_find(const hb_step *steps, size_t n_steps, hb_cpu_rows *rows);
void hb_cpu_rows_free(hb_cpu_rows *rows);

/* All of the steps, which must be loops: of their dimensions, the first `around` are dim[0...], and
   the next one, dim[around], the row. False if they cannot be run together so, or for want of
   memory; *rows is to be freed in any case. */
bool hb_cpu_rows_take(const hb_step *steps, size_t n_steps, int around, const int64_t *dim,
                      hb_cpu_rows *rows);

/* Whether two accesses meet at all, `rows` rows of each. */
bool hb_cpu_meet(const hb_cpu_access *a, const hb_cpu_access *b, int64_t rows);

/* Prepared to run. `rows` may be freed afterwards, the steps not. */
typedef struct hb_cpu_blocks hb_cpu_blocks;
hebb_status hb_cpu_blocks_make(hb_device *device, const hb_cpu_rows *rows, hb_cpu_blocks **blocks,
                               hb_error *error);
void hb_cpu_blocks_free(hb_cpu_blocks *blocks);
void hb_cpu_blocks_run(hb_device *device, const hb_cpu_blocks *blocks, const hb_run_args *args);

/* Rows that are run block by block with other steps (joined.h). */
typedef struct hb_cpu_joining {
    int64_t block_rows, times;  /* rows of a block, and blocks of all rows there are */
    const int64_t *value_bytes; /* by value in HB_BUFFER_JOINED: from row to row of a block */
} hb_cpu_joining;
hebb_status hb_cpu_blocks_make_joined(hb_device *device, const hb_cpu_rows *rows,
                                      const hb_cpu_joining *joining, hb_cpu_blocks **blocks,
                                      hb_error *error);

/* A block of them: `rows` rows from `row` on, of the element of the dimensions around the rows;
   value v's memory is value[v]. On the calling thread, which fences (vector.h). */
typedef struct hb_cpu_block_at {
    const int64_t *around;
    int64_t row, rows;
    char *const *value;
} hb_cpu_block_at;
void hb_cpu_blocks_run_one(hb_device *device, const hb_cpu_blocks *blocks, const hb_run_args *args,
                           int thread, const hb_cpu_block_at *at);

#endif
