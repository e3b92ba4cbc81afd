/* CLBlast, loaded when the first OpenCL device wants it: it and the C++ library that it brings are
   larger than all the rest of a program that computes on the CPU, and take longer to load. Used by
   gemm_clblast.c. */
#ifndef HB_CL_CLBLAST_H
#define HB_CL_CLBLAST_H

#include "../opencl.h" /* first: it says which OpenCL the headers are to declare */

#include <clblast_c.h>

typedef struct hb_cl_clblast {
    __typeof__(CLBlastSGemmTempBufferSize) *s_temp_bytes;
    __typeof__(CLBlastDGemmTempBufferSize) *d_temp_bytes;
    __typeof__(CLBlastSgemmWithTempBuffer) *sgemm;
    __typeof__(CLBlastDgemmWithTempBuffer) *dgemm;
    __typeof__(CLBlastSgemmStridedBatched) *sgemm_strided;
    __typeof__(CLBlastDgemmStridedBatched) *dgemm_strided;
} hb_cl_clblast;

/* The same for the whole process; NULL if there is no such library here. */
const hb_cl_clblast *hb_cl_clblast_load(void);

#endif
