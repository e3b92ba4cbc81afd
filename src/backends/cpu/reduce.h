/* LOOPs with reductions: between loop.c, which decides what a loop is, and reduce.c. */
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

#endif
