/* Some rows of a matrix product at a time, for those that are joined with other steps (joined.c),
   and for a scan's, of which each thread has its own (scan_rows.c): B is packed for all of them
   before. */
#ifndef HB_CPU_GEMM_ROWS_H
#define HB_CPU_GEMM_ROWS_H

#include "gemm.h"

typedef struct hb_gemm_rows {
    const hb_gemm *step;   /* as in the plan, where B is read */
    hb_gemm gemm;          /* the same where rows are made; owns its epilogue's operands */
    hb_cpu_loop *epilogue; /* NULL if the product goes to memory as it is */
    bool at_output;        /* the product is made where the output is, the only one */
    const hb_cpu_gemm_type *kernels;
    int64_t element, panels; /* bytes; panels of B of one product of the batch */
} hb_gemm_rows;

/* Elements of the copy of B of one product of the batch. */
int64_t hb_gemm_rows_packed(const hb_device *device, const hb_gemm *gemm);

/* What is to be changed in rows->gemm's operands is, before the epilogue is prepared. */
bool hb_gemm_rows_make(const hb_device *device, const hb_gemm *step, hb_gemm_rows *rows);
hebb_status hb_gemm_rows_prepare(hb_device *device, hb_gemm_rows *rows, hb_error *error);
void hb_gemm_rows_free(hb_gemm_rows *rows);

/* Elements of a row of the product while it waits for its epilogue; 0 if it waits at the output. */
int64_t hb_gemm_rows_waiting(const hb_gemm_rows *rows);

/* Panels [begin, end) of those of all products of the batch, to the copy that begins at `to`. */
void hb_gemm_rows_pack(const hb_gemm_rows *rows, const hb_run_args *args, int64_t begin,
                       int64_t end, char *to);

/* Rows [i0, i1) of product number `batch`, on the calling thread; `waiting` is memory for them. */
void hb_gemm_rows_run(hb_device *device, const hb_gemm_rows *rows, const hb_run_args *args,
                      const char *packed, int thread, int64_t batch, int64_t i0, int64_t i1,
                      char *waiting);

#endif
