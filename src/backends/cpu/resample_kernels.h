/* The innermost loops of RESAMPLE as its driver (resample.c) sees them: one table of functions per
   instruction set. The functions are in resample_kernel.c, which is compiled once per instruction
   set. */
#ifndef HB_CPU_RESAMPLE_KERNELS_H
#define HB_CPU_RESAMPLE_KERNELS_H

#include "../resample.h"

/* Rows [begin, end) of y from the rows of x, as the table says: element j < columns of row r is at
   y + r * y_row + j, and of x likewise. Nothing else is read or written. */
typedef void hb_cpu_mix(const hb_resample_table *table, int64_t begin, int64_t end, const void *x,
                        int64_t x_row, void *y, int64_t y_row, int64_t columns);

typedef struct hb_cpu_resample {
    hb_cpu_mix *f32, *f64;
} hb_cpu_resample;

extern const hb_cpu_resample hb_cpu_resample_baseline;
#ifdef HB_HAVE_X86_ISAS
extern const hb_cpu_resample hb_cpu_resample_avx2, hb_cpu_resample_avx512;
#endif

#endif
