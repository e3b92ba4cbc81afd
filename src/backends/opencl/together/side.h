/* Launches that do not depend on each other as one kernel, whose work-groups do those of the first,
   then those of the second, and so on: on GPUs, where the host takes longer to start a kernel than
   most of a small plan's take, and where one alone leaves units idle. side.c says which and in
   which order, side_spans.c what depends on what, side_source.c writes the kernel. */
#ifndef HB_OPENCL_SIDE_H
#define HB_OPENCL_SIDE_H

#include "../opencl.h"

/* Whether launches on this device are put side by side: on GPUs. HEBB_OPENCL_SIDE=0 gives each a
   kernel of its own, so that tests can compare; =1 puts them side by side on a processor that has
   GPUs' form of kernels, too, where POCL 3.1 gets barriers in branches wrong unless told not to
   optimize. */
bool hb_cl_wants_side(const hb_device *device);

/* Puts a plan's launches, written but not compiled, side by side where that is possible and pays.
 */
hebb_status hb_cl_side_by_side(hb_device *device, hb_prepared *prepared, hb_error *error);

/* ---- what launches do to memory ---- */

/* Bytes [low, high) of a buffer. */
typedef struct hb_cl_span {
    int buffer;
    bool written;
    int64_t low, high;
} hb_cl_span;

typedef struct hb_cl_spans {
    hb_cl_span *span;
    size_t n, capacity;
    bool all; /* not known: it may be everything */
} hb_cl_spans;

/* All that the steps of a launch read and write, at least; false when out of memory. */
bool hb_cl_spans_of(const hb_cl_launch *launch, hb_cl_spans *spans);
/* Whether one of them writes where the other does something. */
bool hb_cl_spans_meet(const hb_cl_spans *a, const hb_cl_spans *b);

/* ---- the kernel ---- */

enum { HB_CL_SIDE_MOST = 12 }; /* launches in a kernel */

/* Whether a launch can be one of several, and whether two can be beside each other. */
bool hb_cl_side_can(const hb_cl_launch *launch);
bool hb_cl_side_fits(const hb_cl_launch *a, const hb_cl_launch *b);
/* Writes the kernel of launches that fit each other, and its range, into `launch`; equal kernels
   must follow each other to be one function. */
void hb_cl_write_side(hb_cl_launch *launch, const hb_cl_launch *const *members, size_t n);

#endif
