/* Sums of rows with the weights of a sparse matrix, and maxima, for one instruction set: RESAMPLE
   along an axis (resample.c), and the gradient of maxima (max_back.c). Compiled once per
   instruction set with HB_ISA (the suffix of the table's name) and HB_ISA_VECTOR_BYTES; the drivers
   reach it through the tables of resample_kernels.h. Must not touch devices, steps or threads. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "resample_kernels.h"
#include "loops/transpose.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)
#define INLINE       static inline __attribute__((always_inline))
#define UNROLL       HB_UNROLL

enum { VECTORS = 4 }; /* that are summed at a time */

/* ---- the same for both dtypes ---- */

#define NUMBER  float
#define INTEGER int32_t
#define NAME(x) x##_f32
#include "resample_kernel.inc"
#undef NUMBER
#undef INTEGER
#undef NAME

#define NUMBER  double
#define INTEGER int64_t
#define NAME(x) x##_f64
#include "resample_kernel.inc"

const hb_cpu_resample PASTE(hb_cpu_resample_, HB_ISA) = {
    .mix = {{sums_f32, sums_f64}, {maxima_f32, maxima_f64}},
    .mix_lines = {{line_sums_f32, line_sums_f64}, {line_maxima_f32, line_maxima_f64}},
    .vector_bytes = HB_ISA_VECTOR_BYTES,
    .share = {share_f32, share_f64},
    .collect = {collect_f32, collect_f64},
};
