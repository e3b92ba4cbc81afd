/* Blocks of rows as they are prepared: between blocks.c, which makes them, and blocks_run.c, which
   runs them. What they are for is in rows.h. */
#ifndef HB_CPU_BLOCKS_H
#define HB_CPU_BLOCKS_H

#include "../loops/loop.h"
#include "rows.h"
#include "stagger.h"
#include "turned_rows.h"

enum { HB_CPU_MOST_SLOTS = 96 };

/* Memory that operands of the blocks' loops are in: buffer number k of theirs is slot k. */
typedef struct hb_cpu_slot {
    int buffer; /* of the plan; -1: own memory */
    int local;  /* scratch memory of the thread, or -1 */
    int value;  /* HB_BUFFER_JOINED - value of the plan: memory that is given with a block; or -1 */
    char *memory; /* of partial results, for all blocks; or NULL */
    int64_t step; /* bytes from row to row, or from block to block of partial results */
    int64_t around[HEBB_MAX_RANK]; /* bytes along the dimensions around the rows */
} hb_cpu_slot;

typedef struct hb_cpu_block_part {
    hb_loop block, rest; /* what a block runs, and the last one if that has fewer rows */
    hb_loop end;         /* after all blocks, if it collapses */
    hb_instr *instr;     /* of `end` */
    hb_cpu_loop *block_loop, *rest_loop, *end_loop;
} hb_cpu_block_part;

struct hb_cpu_blocks {
    int64_t rows, block_rows, whole, blocks; /* whole: blocks of block_rows */
    int around;                              /* dimensions around the rows */
    int n, n_slots, n_locals, threads;
    hb_cpu_block_part part[HB_CPU_MOST_MEMBERS];
    hb_cpu_slot slot[HB_CPU_MOST_SLOTS];
    int64_t local_at[HB_CPU_MOST_MEMBERS];   /* in the scratch memory of a thread */
    int64_t local_step[HB_CPU_MOST_MEMBERS]; /* bytes from row to row */
    int local_slot[HB_CPU_MOST_MEMBERS];
    size_t thread_bytes;
    char *scratch; /* [threads][thread_bytes] */
    double ns;
    /* If rows are turned: */
    hb_cpu_turned_rows turned;
    int64_t across; /* elements between those of one row; 0: they are not turned */
    /* If they are run staggered: */
    int64_t together; /* rows at once; 0: they are not */
    int64_t columns;
    int64_t walker_at[HB_CPU_MOST_MEMBERS], links_at; /* in the scratch memory of a thread */
    bool alone[HB_CPU_MOST_MEMBERS];         /* by loop: not run as one chain with others */
    int behind[HB_CPU_MOST_MEMBERS];         /* turns of `together` rows behind the first one */
    int64_t turns[HB_CPU_MOST_MEMBERS];      /* of a local: that it has memory for, */
    int64_t turn_bytes[HB_CPU_MOST_MEMBERS]; /* so much for each */
};

#endif
