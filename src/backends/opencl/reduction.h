/* A reduction as the writers of kernels see it: loop_source.c and group_source.c. */
#ifndef HB_OPENCL_REDUCTION_H
#define HB_OPENCL_REDUCTION_H

#include "opencl.h"

typedef struct hb_cl_reduction {
    int at, of; /* instruction; the value that it reduces */
    hebb_dtype dtype;
    const char *type, *suffix;
    const char *join, *block; /* functions: of two elements, of a block */
    const char *identity;
    bool sum;
} hb_cl_reduction;

hb_cl_reduction hb_cl_reduction_of(const hb_loop *loop, int i);

#endif
