/* RESAMPLE along the last axis with shuffles: see resample_lanes.c. */
#ifndef HB_CPU_RESAMPLE_LANES_H
#define HB_CPU_RESAMPLE_LANES_H

#include "cpu.h"
#include "resample_kernels.h"

/* Vectors have `width` elements. False, with nothing to free, if there is no memory, a line of
   results is shorter than a vector, a result is made of nothing, or elements lie too far apart. The
   table must outlive the lanes. */
bool hb_cpu_lanes_make(const hb_resample_table *table, int64_t width, hebb_dtype dtype,
                       hb_cpu_lanes *lanes);
void hb_cpu_lanes_free(hb_cpu_lanes *lanes);

#endif
