/* What the kernels of convolutions share: conv.c chooses and writes most of them, conv_tiled.c
   those of large ones on GPUs, conv_winograd_tiled.c those of 3 x 3 there, conv_shifted.c most on
   CPUs, conv_bands.c those of few channels and of strides there, conv_winograd.c those of 3 x 3 and
   5 x 5. */
#ifndef HB_OPENCL_CONV_H
#define HB_OPENCL_CONV_H

#include "../../conv_copies.h"
#include "../opencl.h"

/* Whose kernels compute it. */
typedef enum hb_cl_conv_way {
    HB_CL_CONV_WINDOWS,        /* on CPUs: conv.c, ... */
    HB_CL_CONV_SHIFTED,        /* ... conv_shifted.c, ... */
    HB_CL_CONV_BANDS,          /* ... conv_bands.c, ... */
    HB_CL_CONV_WINOGRAD,       /* ... conv_winograd.c */
    HB_CL_CONV_DIRECT,         /* on GPUs: conv.c, ... */
    HB_CL_CONV_TILED,          /* ... conv_tiled.c, ... */
    HB_CL_CONV_WINOGRAD_TILED, /* ... conv_winograd_tiled.c */
} hb_cl_conv_way;

/* The product that a convolution is, for each group: CONV and CONV_INPUT have a column for each
   place, CONV_WEIGHT one for each channel and tap, and sums over the places of all images. */
typedef struct hb_cl_conv {
    const hb_step *step;
    const hb_conv *conv;
    hb_cl_conv_way way;
    int64_t rows, columns; /* of a group's, and for CONV and CONV_INPUT of an image */
    int64_t parts;         /* of CONV_WEIGHT's sums, added by a second kernel */
} hb_cl_conv;

/* Declares a, b, y, pointing at their first elements, and the numbers of the convolution: batch,
   groups, inner, outer; n in[], k kernel[], m out[], s stride[], d dilation[], e before[]; taps,
   ins, outs. */
void hb_cl_conv_operands(hb_cl_kernel *kernel, const hb_cl_conv *p);
/* Declares rows, depth, points and plane (places of the result and the source), ai and ak, the
   strides of the kernel along rows and depth: for CONV and CONV_INPUT. */
void hb_cl_conv_roles(hb_cl_kernel *kernel, const hb_cl_conv *p);
/* Declares q0, q1, q2, the coordinates of point `point`. */
void hb_cl_conv_point(hb_cl_kernel *kernel, const hb_cl_conv *p, const char *point);
/* Declares f: the element of the source that tap (t0, t1, t2) reads for q0, q1, q2, or -1. */
void hb_cl_conv_source(hb_cl_kernel *kernel, const hb_cl_conv *p);
int64_t hb_cl_conv_weights(const hb_conv *c);
/* Whether there is but one place along a dimension. */
bool hb_cl_conv_is_flat(const hb_conv *c, int d);
/* Whether elements or coordinates have indices beyond 31 bits. */
bool hb_cl_conv_is_wide(const hb_cl_conv *p);

/* Whether the tiled kernels suit device and product, and into how many parts they cut its sums. */
bool hb_cl_conv_tiled_can(const hb_device *device, const hb_cl_conv *p);
int64_t hb_cl_conv_tiled_parts(const hb_device *device, const hb_cl_conv *p);
void hb_cl_conv_tiled(const hb_device *device, hb_cl_launch *launch, const hb_cl_conv *p);

/* Whether Winograd's method can do the product on the GPU, and whether it is faster there than the
   tiled kernels; into how many parts it cuts CONV_WEIGHT's sums; elements of its scratch memory;
   its launches, but for the one that adds up parts. */
bool hb_cl_conv_winograd_tiled_can(const hb_device *device, const hb_cl_conv *p);
bool hb_cl_conv_winograd_tiled_pays(const hb_cl_conv *p);
int64_t hb_cl_conv_winograd_tiled_parts(const hb_device *device, const hb_cl_conv *p);
int64_t hb_cl_conv_winograd_tiled_elements(const hb_cl_conv *p);
hebb_status hb_cl_conv_winograd_tiled(hb_prepared *prepared, const hb_cl_conv *p, hb_error *error);

/* Costs of what suits CPUs are in units of a multiplication in the full tile, one for each that the
   definition of a convolution has. */

/* Whether the kernels without panels suit device and product; what they cost; what they copy into
   the arena, behind the parts of sums; their launches, but for the one that adds up parts. */
bool hb_cl_conv_shifted_can(const hb_device *device, const hb_cl_conv *p);
double hb_cl_conv_shifted_cost(const hb_cl_conv *p);
int64_t hb_cl_conv_shifted_elements(const hb_cl_conv *p);
hebb_status hb_cl_conv_shifted(hb_prepared *prepared, const hb_cl_conv *p, hb_error *error);

/* The same of the kernels that copy bands of rows into their own memory; into how many parts they
   cut CONV_WEIGHT's sums. */
bool hb_cl_conv_bands_can(const hb_device *device, const hb_cl_conv *p);
double hb_cl_conv_bands_cost(const hb_device *device, const hb_cl_conv *p);
int64_t hb_cl_conv_bands_parts(const hb_device *device, const hb_cl_conv *p);
void hb_cl_conv_bands(const hb_device *device, hb_cl_launch *launch, const hb_cl_conv *p);

/* Whether Winograd's method suits device and product; what it costs; elements of its scratch
   memory; all of its launches. */
bool hb_cl_conv_winograd_can(const hb_device *device, const hb_cl_conv *p);
double hb_cl_conv_winograd_cost(const hb_device *device, const hb_cl_conv *p);
int64_t hb_cl_conv_winograd_elements(const hb_device *device, const hb_cl_conv *p);
hebb_status hb_cl_conv_winograd(hb_device *device, hb_prepared *prepared, const hb_cl_conv *p,
                                hb_error *error);

#endif
