/* The LOOP engine: scalar programs over an index space, tile by tile. Called by the LOOP solver
   (loop.c) for whole spaces and by the GEMM drivers for the blocks of their epilogues. A prepared
   loop is read-only while it runs, but for its partial sums: one run at a time. */
#ifndef HB_CPU_LOOP_H
#define HB_CPU_LOOP_H

#include "program.h"

typedef struct hb_cpu_loop hb_cpu_loop;

extern const hb_cpu_solver hb_cpu_turned;        /* turned.c */
extern const hb_cpu_solver hb_cpu_turned_inputs; /* turned_inputs.c */

/* `loop` must outlive *prepared. */
hebb_status hb_cpu_loop_prepare(hb_device *device, const hb_loop *loop, hb_cpu_loop **prepared,
                                hb_error *error);
void hb_cpu_loop_release(hb_cpu_loop *prepared);

/* For hb_cpu_loop_run_alone(): the loop of a block (rows.h), which is run again and again, on
   other memory each time and perhaps at once. Outputs that are marked as `last` are not read in the
   block. */
hebb_status hb_cpu_loop_prepare_block(hb_device *device, const hb_loop *loop, hb_cpu_repeat repeat,
                                      hb_cpu_loop **prepared, hb_error *error);
/* The whole space, on the calling thread, which fences (vector.h) what was stored past the caches.
 */
void hb_cpu_loop_run_alone(const hb_device *device, const hb_cpu_loop *prepared,
                           const hb_run_args *args);
/* A loop of a block whose every row is one chain (stagger.h). */
typedef struct hb_cpu_row_chain {
    const hb_cpu_program *program;
    const struct hb_cpu_reduce *reduce; /* that it is of, or NULL */
    int64_t columns;                    /* points of a row */
} hb_cpu_row_chain;
/* The program of its tiles; of a reduction, the one before it. */
const hb_cpu_program *hb_cpu_loop_program(const hb_cpu_loop *prepared);
/* False if it is none, of a block of `rows` rows. */
bool hb_cpu_loop_row_chain(const hb_cpu_loop *prepared, int64_t rows, hb_cpu_row_chain *chain);
double hb_cpu_loop_ns(const hb_cpu_loop *prepared); /* estimated time on one thread */

/* The whole space, on the device's threads. */
void hb_cpu_loop_run(hb_device *device, const hb_cpu_loop *prepared, const hb_run_args *args);

/* A GEMM's epilogue on a block of its space: flat batch index `batch`, rows [i0, i1), columns [j0,
   j1), on the calling thread number `thread`. The product's element (i, j) is at acc[(i - i0) * ld
   + (j - j0)], of the GEMM's dtype. Blocks that do not meet may run at the same time. */
void hb_cpu_loop_block(hb_device *device, const hb_cpu_loop *prepared, const hb_run_args *args,
                       int thread, int64_t batch, int64_t i0, int64_t i1, int64_t j0, int64_t j1,
                       const void *acc, int64_t ld);

#endif
