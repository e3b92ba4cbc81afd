/* The matrix product's innermost loops for one instruction set: tiles of C held in registers,
   packing, and dot products, for f32 and f64. Compiled once per instruction set with HB_ISA (the
   suffix of the table's name) and HB_ISA_VECTOR_BYTES; the drivers reach it through the tables of
   gemm_kernels.h. Must not touch devices, steps or threads. */
#include "gemm_kernels.h"
#include <string.h>

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)

#ifdef __clang__
#define UNROLL                             _Pragma("clang loop unroll(full)")
#define SHUFFLE4(...)                      SHUFFLE4_(__VA_ARGS__)
#define SHUFFLE4_(index, x, y, i, j, k, l) __builtin_shufflevector(x, y, i, j, k, l)
#else
#define UNROLL                            _Pragma("GCC unroll 16")
#define SHUFFLE4(index, x, y, i, j, k, l) __builtin_shuffle(x, y, (index){i, j, k, l})
#endif
#define INLINE static inline __attribute__((always_inline))

/* Rows of a full tile, by the vector registers there are: rows x 2 of them hold the tile, 2 hold B
   and one A, so 8 x 2 + 3 of 32, 6 x 2 + 3 of 16. SSE2 has no fused multiply-add and needs one more
   for the product: 4 x 2 + 4 of 16. Eight or more independent sums hide the latency of the
   addition. */
#if HB_ISA_VECTOR_BYTES == 64 || defined(__aarch64__)
#define ROWS 8
#elif HB_ISA_VECTOR_BYTES == 32
#define ROWS 6
#else
#define ROWS 4
#endif

enum { WIDE = 8 }; /* vectors of the one-row tile */

#define NUMBER  float
#define INDEX   int32_t
#define NAME(x) x##_f32
#include "gemm_kernel.inc"
#undef NUMBER
#undef INDEX
#undef NAME

#define NUMBER  double
#define INDEX   int64_t
#define NAME(x) x##_f64
#include "gemm_kernel.inc"

const hb_cpu_gemm_kernels PASTE(hb_cpu_gemm_kernels_, HB_ISA) = {&table_f32, &table_f64};
