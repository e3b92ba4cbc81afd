/* A reduction as the writers of kernels see it: loop_source.c and group_source.c. */
#ifndef HB_OPENCL_REDUCTION_H
#define HB_OPENCL_REDUCTION_H

#include "../opencl.h"

typedef struct hb_cl_reduction {
    int at, of; /* instruction; the value that it reduces */
    hebb_dtype dtype;
    const char *type, *suffix;
    const char *join, *block; /* functions: of two elements, of a block */
    const char *identity;
    bool sum;
} hb_cl_reduction;

hb_cl_reduction hb_cl_reduction_of(const hb_loop *loop, int i);

enum { HB_CL_BLOCK_TEXT = 96 };

/* Around the joins of such elements, at the beginning of a loop over blocks of lanes up to %s. */
#define HB_CL_BEGIN_HERE                                                                           \
    "const int here = (int)(min(%s - block, (hb_index)HB_BLOCK_HERE) & ~(hb_index)15);\n"          \
    "if (here > 0) {\n"
#define HB_CL_END_HERE "block += here - HB_BLOCK;\ncontinue;\n}\n"

/* Writes the result of `here` elements from lane `block` on, if what is reduced lies side by side
   in memory as it is, so that it need not be brought together first; false if it does not. */
bool hb_cl_block_here(const hb_loop *loop, int lane, const hb_cl_reduction *r,
                      char text[HB_CL_BLOCK_TEXT]);

#endif
