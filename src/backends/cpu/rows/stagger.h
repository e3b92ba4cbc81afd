/* Software pipelining of the loops of a block (rows.h) whose rows are one chain each: while one
   loop is at some rows, the next one is at the rows before those, and their links are run as one
   chain. So each strip mixes loads, arithmetic and stores past the caches, none of which waits for
   another loop's. blocks_run.c says which loop is at which rows when.

   Where all loops are compiled (code/code.h) and do much with what they load, they are all at the
   same rows, one loop after the other: so rows stay in the first two caches. */
#ifndef HB_CPU_STAGGER_H
#define HB_CPU_STAGGER_H

#include "../loops/loop.h"
#include "../loops/reduce.h"

/* How many of a block's `rows` rows the loop can be run for at once, and how long a row is; 0 if
   its rows are not one chain each. */
int64_t hb_cpu_stagger_rows(const hb_cpu_loop *prepared, int64_t rows, int64_t *columns);

/* Whether it is better run by itself: it only gathers what it loads, in a loop of its own
   (chain_kernel.c), from memory that the others have asked for. */
bool hb_cpu_stagger_alone(const hb_cpu_loop *prepared);

/* A loop that is run so, on one thread, for one block. */
typedef struct hb_cpu_walker {
    hb_cpu_row_chain chain;
    hb_cpu_worker worker, post; /* post: of a reduction */
    hb_cpu_results wide;
    hb_cpu_column_sums narrow; /* of columns */
    int64_t narrow_rows;       /* that are in there */
} hb_cpu_walker;

/* Memory for a walker that is at up to `together` rows at once, aligned to 64 bytes. Adds how many
   links it has to *links. */
size_t hb_cpu_walker_bytes(const hb_cpu_loop *prepared, int64_t rows, int64_t together,
                           size_t *links);
void hb_cpu_walker_start(hb_cpu_walker *walker, const hb_device *device,
                         const hb_cpu_loop *prepared, int64_t rows, int64_t together,
                         const hb_run_args *args, char *memory);
/* Makes the links for `rows` rows from `row` on ready; returns their end. They are run with those
   of other walkers behind them, or, ended by END, by hb_cpu_walker_run(). When they have been run,
   hb_cpu_walker_finish() gathers what the rows are reduced to. */
hb_cpu_link *hb_cpu_walker_aim(hb_cpu_walker *walker, int64_t row, int64_t rows,
                               hb_cpu_link *links);
void hb_cpu_walker_run(const hb_cpu_walker *walker, hb_cpu_link *links, int64_t rows);
void hb_cpu_walker_finish(hb_cpu_walker *walker, int64_t row, int64_t rows);
/* After all rows of the block. */
void hb_cpu_walker_end(hb_cpu_walker *walker);

#endif
