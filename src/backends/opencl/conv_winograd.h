/* What the two files of Winograd convolutions share: conv_winograd.c and conv_winograd_weight.c.
   Only they include it. */
#ifndef HB_OPENCL_CONV_WINOGRAD_H
#define HB_OPENCL_CONV_WINOGRAD_H

#include "conv.h"

enum {
    HB_CL_WINOGRAD_PLANES = 16, /* elements of a tile's transform */
    HB_CL_WINOGRAD_ROWS = 8,    /* a tile of products ... */
    HB_CL_WINOGRAD_PANEL = 32,
    HB_CL_WINOGRAD_PRODUCT = HB_CL_WINOGRAD_ROWS * HB_CL_WINOGRAD_PANEL
};

/* So many floats in an odd number of cache lines, so that what lies that far apart does not share
   the same few places of L1. */
int64_t hb_cl_winograd_odd_lines(int64_t floats);

/* A launch whose kernel declares the operands (conv.h), and s, at this step's scratch memory of
   `elements`. NULL when out of memory. */
hb_cl_launch *hb_cl_winograd_launch(hb_prepared *prepared, const hb_cl_conv *p, int64_t elements);

/* Declares numbers of a layout. */
typedef struct hb_cl_number {
    const char *name;
    int64_t value;
} hb_cl_number;
void hb_cl_winograd_numbers(hb_cl_kernel *kernel, const hb_cl_number *numbers, size_t n);

/* CONV_WEIGHT, as conv.h has it for all kinds. */
double hb_cl_winograd_weight_cost(const hb_cl_conv *p);
int64_t hb_cl_winograd_weight_elements(const hb_cl_conv *p);
hebb_status hb_cl_winograd_weight(hb_prepared *prepared, const hb_cl_conv *p, hb_error *error);

#endif
