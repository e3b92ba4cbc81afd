/* Steps so small that starting a kernel for each would take longer than what they do: a run of them
   becomes one kernel, whose only work-group does them one after the other. small.c says which and
   prepares them, small_source.c writes the kernel, gemm_small.c the products in it. */
#ifndef HB_OPENCL_SMALL_H
#define HB_OPENCL_SMALL_H

#include "../opencl.h"

/* HEBB_OPENCL_SMALL=0 gives every step a kernel of its own, so that tests can compare. */
bool hb_cl_wants_together(void);

/* Adds a launch for the first steps, if two or more of them are small; *n_done is how many, or 0.
 */
hebb_status hb_cl_small_prepare(hb_device *device, hb_prepared *prepared, const hb_step *steps,
                                size_t n_steps, size_t *n_done, hb_error *error);

/* Adds the launch of a product that will be part of such a kernel. */
hebb_status hb_cl_gemm_small_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                                     hb_error *error);

/* Writes one kernel of launches, which a work-group of `group` items does in order. Their items,
   numbered by HB_ITEM(0), do not know of each other; on a CPU each has one. */
void hb_cl_write_small(hb_cl_kernel *kernel, const hb_cl_launch *launches, size_t n, size_t group);

/* What such kernels are made of, for others of their kind. Writes the kernel of a launch as a
   function of its arguments and of the numbers of an item in `rank` dimensions, whose name is put
   into name[]; and the arguments of a call but for the item. Buffers become parameters of the
   kernel that is written, or, if `pointers` is not NULL, buffer number n is the pointer
   <pointers><n>. HB_CL_BY_GROUP: a function that all items of a group call, of the numbers of the
   group in three dimensions, how many items there are in the first one, and a pointer to local
   memory, kernel->pool bytes. */
enum { HB_CL_MEMBER_NAME = 64, HB_CL_BY_GROUP = 0 };
void hb_cl_write_member(hb_cl_kernel *kernel, const hb_cl_kernel *source, int rank, char *name);
void hb_cl_write_arguments(hb_cl_kernel *kernel, const hb_cl_kernel *source, const char *pointers);

#endif
