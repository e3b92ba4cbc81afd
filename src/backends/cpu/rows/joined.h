/* Steps joined by rows: a product, loops over its rows, and a product of which they make the left
   operand, some rows of all of them at a time. Values that only they use, such as the scores of
   attention, never are in memory as a whole: those of a block of rows stay in the second-level
   cache. joined.c decides and prepares, joined_run.c runs; cpu.c calls both. */
#ifndef HB_CPU_JOINED_H
#define HB_CPU_JOINED_H

#include "../products/gemm_rows.h"
#include "rows.h"

enum { HB_JOINED_VALUES = 16, HB_JOINED_SLOTS = 48 };

/* A value in HB_BUFFER_JOINED: rows as wide as the product's, or with one element. */
typedef struct hb_joined_value {
    bool used;       /* has memory of a block */
    int64_t row;     /* bytes of a row in the plan; those of one matrix follow each other */
    int64_t padded;  /* and of one in a block */
    int first, last; /* steps, that write and that read it last */
    int64_t at;      /* in the memory of a thread */
} hb_joined_value;

typedef struct hb_cpu_joined {
    const hb_step *steps;
    int n_steps, n_batch;
    const int64_t *dim;                        /* of the batch, then rows */
    int64_t batches, rows, block_rows, blocks; /* blocks of one product of the batch */
    /* Memory that the products' operands are in: buffer number k of theirs is the plan's buffer
       slot[k], or value HB_BUFFER_JOINED - slot[k]. */
    int n_slots, slot[HB_JOINED_SLOTS];
    hb_joined_value value[HB_JOINED_VALUES];
    hb_gemm_rows first, last;
    hb_cpu_blocks *loops; /* NULL for none */
    size_t packed[2];     /* bytes of the copies of B of the first and the last product */
    size_t thread_bytes;
    int64_t waiting_at; /* products that wait for their epilogue, in the memory of a thread */
    int threads;
    double ns;
} hb_cpu_joined;

/* Scratch memory that the steps take if they are better joined; 0 if they are not. */
size_t hb_cpu_joined_scratch(hb_device *device, const hb_step *steps, size_t n_steps);

hebb_status hb_cpu_joined_make(hb_device *device, const hb_step *steps, size_t n_steps,
                               hb_cpu_joined **joined, hb_error *error);
void hb_cpu_joined_free(hb_cpu_joined *joined); /* NULL is ignored */
void hb_cpu_joined_run(hb_device *device, const hb_cpu_joined *joined, const hb_run_args *args);

#endif
