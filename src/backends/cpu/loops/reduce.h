/* LOOPs with reductions: between loop.c, which decides what a loop is, and reduce.c. The second
   half is for reduce_linked.c and stagger.c only, which gather by links of chains. */
#ifndef HB_CPU_REDUCE_H
#define HB_CPU_REDUCE_H

#include "program.h"

typedef struct hb_cpu_reduce hb_cpu_reduce;

/* `loop` is a simplified one and must outlive *reduce. With repeat.times not 0, it is a
   block's (loop.h). */
hebb_status hb_cpu_reduce_make(const hb_device *device, const hb_loop *loop, hb_cpu_repeat repeat,
                               hb_cpu_reduce **reduce, hb_error *error);
void hb_cpu_reduce_free(hb_cpu_reduce *reduce);
void hb_cpu_reduce_run(const hb_device *device, const hb_cpu_reduce *reduce,
                       const hb_run_args *args);
/* On the calling thread, of a block. */
void hb_cpu_reduce_run_alone(const hb_device *device, const hb_cpu_reduce *reduce,
                             const hb_run_args *args);
double hb_cpu_reduce_ns(const hb_cpu_reduce *reduce); /* estimated time on one thread */

/* ---- a reduction's insides ---- */

/* Rows that are summed narrowly, by columns; and elements, by rows, in each lane of a strip. */
enum { HB_CPU_NARROW = 64 };

typedef struct hb_cpu_each {
    int value;         /* of the pre program */
    int size;          /* bytes of its element */
    uint64_t identity; /* the bits of the wide result of nothing */
    const hb_cpu_reduction *narrow, *wide;
} hb_cpu_each;

struct hb_cpu_reduce {
    hb_cpu_program pre, post;
    int n;
    hb_cpu_each *each;
    bool by_columns;
    int64_t kept, rows; /* rows of the pre space that make one kept (outer) point */
    int64_t points;     /* reduced: elements that make one result */
    bool alone;         /* on one thread */
    int64_t
        together; /* rows of a tile: by rows, of several kept points, or 0; by columns, of one */
    int64_t units, panel, panels;
    int64_t chunks, pieces; /* pieces: what chunks are made of: tiles or rows of one unit */
    int64_t combined;       /* kept points of a task that combines chunks */
    char *partial;          /* [chunk][reduction][kept], wide; with several chunks */
    double ns;
};

/* Wide results of kept points [first, first + n): reduction i's are at at + i * stride bytes. */
typedef struct hb_cpu_results {
    int64_t first, n;
    char *at;
    int64_t stride;
} hb_cpu_results;

/* Sets them to those of nothing. */
void hb_cpu_clear_results(const hb_cpu_reduce *r, const hb_cpu_results *sums);

/* Narrow sums of columns, on the way to wide ones. */
typedef struct hb_cpu_column_sums {
    const hb_cpu_results *wide;
    int64_t first; /* column */
    char *narrow;
    int64_t stride; /* bytes from reduction to reduction */
} hb_cpu_column_sums;

void hb_cpu_clear_columns(const hb_cpu_reduce *r, const hb_cpu_vector *vector,
                          const hb_cpu_column_sums *sums);
void hb_cpu_widen_columns(const hb_cpu_reduce *r, const hb_cpu_column_sums *sums);

/* ---- reduce_linked.c: what links gather (HB_CPU_FOLD_ROWS, HB_CPU_FOLD_COLUMNS) ---- */

/* The vectors of `rows` rows: cleared before they gather, and folded to wide results. */
void hb_cpu_clear_vectors(const hb_cpu_reduce *r, const hb_cpu_worker *w, int64_t rows);
void hb_cpu_fold_vectors(const hb_cpu_reduce *r, const hb_cpu_worker *w, char *to, int64_t stride,
                         int64_t rows);

/* All kept points of `sums`, several at once, of which each is a row; or tiles [begin, end) of each
   kept point. */
void hb_cpu_reduce_linked_rows(const hb_cpu_reduce *r, hb_cpu_worker *w, const hb_cpu_results *sums,
                               int64_t begin, int64_t end);
/* Rows [begin, end) of the pre space. */
void hb_cpu_reduce_linked_columns(const hb_cpu_reduce *r, hb_cpu_worker *worker,
                                  const hb_cpu_column_sums *sums, int64_t begin, int64_t end);

#endif
