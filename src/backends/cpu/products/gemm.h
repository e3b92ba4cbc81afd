/* What the matrix-product solvers (gemm_banded.c, gemm_in_place.c, gemm_packed.c, gemm_parts.c,
   gemm_vector.c) share: the step as they see it, the way to its memory, and how work is cut. Only
   they and gemm.c include it. */
#ifndef HB_CPU_GEMM_H
#define HB_CPU_GEMM_H

#include "../ahead.h"
#include "../cpu.h"
#include "../loops/loop.h"

extern const hb_cpu_solver hb_cpu_gemm_packed, hb_cpu_gemm_in_place, hb_cpu_gemm_parts,
    hb_cpu_gemm_vector, hb_cpu_gemm_banded;

/* Multiply-adds that packing an element costs (measured: 1.5 cycles, of 16 each). */
enum { HB_GEMM_PACK_MACS = 24 };

/* Scratch memory in the arena: first what all threads share, then a part for each thread. */
typedef struct hb_gemm_scratch {
    size_t shared, thread;
} hb_gemm_scratch;

typedef struct hb_gemm_common {
    const hb_step *step;
    const hb_gemm *gemm;
    const hb_cpu_gemm_type *kernels;
    int64_t element; /* bytes */
    int64_t batches; /* product of the batch dimensions */
    hb_gemm_scratch scratch;
    int threads;           /* there is scratch memory for so many */
    double mac_ns;         /* a multiply-add on one thread, as threads are started by it */
    hb_cpu_loop *epilogue; /* NULL if the product goes to memory as it is */
    bool at_output;        /* the product is made where the output is, the only one */
} hb_gemm_common;

/* Rows of what the epilogue of one product of the batch writes without having read it, from where
   that product's begin: tiles ask for their part before they are computed. */
enum { HB_GEMM_RESULTS = 2 };
typedef struct hb_gemm_results {
    int n;
    struct {
        const char *to;
        int64_t row, element; /* bytes */
    } rows[HB_GEMM_RESULTS];
} hb_gemm_results;

/* The memory of one product of the batch. Strides are in elements. c is NULL if the product waits
   for its epilogue in scratch memory. */
typedef struct hb_gemm_product {
    int64_t batch;
    const char *a, *b;
    char *c;
    int64_t a_row, a_column, b_row, b_column, c_row;
} hb_gemm_product;

/* Makes a solver's state of `bytes` bytes, which begins with a hb_gemm_common and is else zero. */
hebb_status hb_gemm_prepare(hb_device *device, const hb_step *step, hb_gemm_scratch scratch,
                            size_t bytes, void **state, hb_error *error);
void hb_gemm_release(void *state);

const hb_cpu_gemm_type *hb_gemm_kernels(const hb_device *device, const hb_gemm *gemm);
int64_t hb_gemm_batches(const hb_gemm *gemm);

/* Whether the epilogue does no more than store the product, in rows that a tile can be written to.
 */
bool hb_gemm_is_direct(const hb_gemm *gemm);

/* Whether the product can wait for its epilogue where the output is written: in rows that a tile
   can be written to, read once and before that is written, which nothing else of the epilogue
   reads. */
bool hb_gemm_waits_at_output(const hb_gemm *gemm);

/* Bytes that hold `elements` and keep what follows aligned. */
size_t hb_gemm_bytes(const hb_gemm *gemm, int64_t elements);
/* gemm_in_place.c: whether the shared scratch memory of a scan's product is all of B, packed panel
   by panel in the first iteration. */
bool hb_gemm_keeps_b(const hb_device *device, const hb_gemm *gemm);
size_t hb_gemm_scratch_bytes(const hb_device *device, hb_gemm_scratch scratch);
char *hb_gemm_shared(const hb_gemm_common *common, const hb_run_args *args);
char *hb_gemm_own(const hb_gemm_common *common, const hb_run_args *args, int thread);

hb_gemm_product hb_gemm_product_of(const hb_gemm_common *common, const hb_run_args *args,
                                   int64_t batch);

/* Where an operand begins in one product of the batch; it has the step's dtype. */
char *hb_gemm_address(const hb_gemm *gemm, const hb_run_args *args, const hb_operand *x,
                      int64_t batch);

/* As many as there is room for; none without an epilogue. */
hb_gemm_results hb_gemm_results_of(const hb_gemm_common *common, const hb_run_args *args,
                                   int64_t batch);

/* Cuts rows into more parts, or if there are too few of them (or `columns_first`) columns, until
   the tasks of all batches are even for the threads. Units are what cannot be cut. */
void hb_gemm_even_parts(const hb_device *device, int64_t batches, bool columns_first,
                        int64_t row_units, int64_t *row_parts, int64_t column_units,
                        int64_t *column_parts);

/* hb_cpu_parallel on no more threads than there is scratch memory for. `macs` is the work in
   multiply-adds. */
void hb_gemm_parallel(const hb_device *device, const hb_gemm_common *common, int64_t count,
                      double macs, hb_cpu_task *task, void *context);

/* Nanoseconds that one thread needs for so many multiply-adds at best. */
double hb_gemm_ns(const hb_device *device, const hb_gemm *gemm, double macs);

/* [0, count) in `parts` parts, the sizes of which differ by one at most: where a part begins. A
   division costs as much as a row of a small product: none is made where there is one part. */
static inline int64_t hb_part(int64_t count, int64_t parts, int64_t part) {
    return parts == 1 ? part * count : part * count / parts;
}

/* Asks for rows [i0, i1) of `columns` columns from j0, to write them. */
static inline void hb_gemm_ask(const hb_gemm_results *results, int64_t i0, int64_t i1, int64_t j0,
                               int64_t columns) {
    for (int k = 0; k < results->n; k++) {
        const int64_t row = results->rows[k].row, bytes = columns * results->rows[k].element;
        const char *to = results->rows[k].to + i0 * row + j0 * results->rows[k].element;
        for (int64_t i = i0; i < i1; i++, to += row)
            for (int64_t at = 0; at < bytes; at += HB_CPU_LINE) hb_cpu_ask_to_write(to + at);
    }
}

/* Of k: [low, high). */
typedef struct hb_gemm_span {
    int64_t low, high;
} hb_gemm_span;

/* Where rows [i0, i1) of A and columns [j0, j1) of B may both be other than zero; empty if C is not
   wanted there. */
static inline hb_gemm_span hb_gemm_span_of(const hb_gemm *g, int64_t i0, int64_t i1, int64_t j0,
                                           int64_t j1) {
    const hb_gemm_span all = {0, g->k}, empty = {0, 0};
    if (!g->banded) return all;
    if (j1 - 1 - i0 < g->c_band.low || j0 - (i1 - 1) > g->c_band.high) return empty;
    const hb_gemm_span s = {hb_max(hb_max(i0 + g->a_band.low, j0 - g->b_band.high), 0),
                            hb_min(hb_min(i1 + g->a_band.high, j1 - g->b_band.low), g->k)};
    return s.low < s.high ? s : empty;
}

/* Takes the last coordinate, of `parts` values, off a flat index. */
static inline int64_t hb_take(int64_t *index, int64_t parts) {
    if (parts == 1) return 0;
    const int64_t part = *index % parts;
    *index /= parts;
    return part;
}

#endif
