/* What the two files of Winograd convolutions share: conv_winograd.c and conv_winograd_weight.c.
   Only they include it. */
#ifndef HB_OPENCL_CONV_WINOGRAD_H
#define HB_OPENCL_CONV_WINOGRAD_H

#include "conv.h"

enum { /* a tile of products */
       HB_CL_WINOGRAD_ROWS = 8,
       HB_CL_WINOGRAD_PANEL = 32,
       HB_CL_WINOGRAD_PRODUCT = HB_CL_WINOGRAD_ROWS * HB_CL_WINOGRAD_PANEL
};

/* F(step x step, taps x taps): tiles of so many results, of filters of so many elements. */
typedef struct hb_cl_winograd_form {
    int step, taps;
} hb_cl_winograd_form;

/* Of a tile of the image, and of its transform. */
static inline int hb_cl_winograd_size(hb_cl_winograd_form form) {
    return form.step + form.taps - 1;
}
static inline int hb_cl_winograd_planes(hb_cl_winograd_form form) {
    return hb_cl_winograd_size(form) * hb_cl_winograd_size(form);
}

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

/* A cost, as conv.h has it, of so many cycles of vectors of 16. */
double hb_cl_winograd_relative(const hb_cl_conv *p, double cycles);

/* CONV_WEIGHT, as conv.h has it for all kinds. */
double hb_cl_winograd_weight_cost(hb_cl_winograd_form form, const hb_cl_conv *p);
int64_t hb_cl_winograd_weight_elements(hb_cl_winograd_form form, const hb_cl_conv *p);
hebb_status hb_cl_winograd_weight(hb_cl_winograd_form form, hb_prepared *prepared,
                                  const hb_cl_conv *p, hb_error *error);

#endif
