/* Turning squares of elements around (turned.c), for those who have rows in one order and want them
   in another. */
#ifndef HB_CPU_TURNED_H
#define HB_CPU_TURNED_H

#include "../cpu.h"

/* For elements of the dtype's size. */
hb_cpu_gemm_turn *hb_cpu_turn_of(const hb_device *device, hebb_dtype dtype);

#endif
