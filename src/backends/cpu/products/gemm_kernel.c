/* The matrix product's innermost loops for one instruction set: tiles of C held in registers,
   packing, and dot products, for f32 and f64. Compiled once per instruction set with HB_ISA (the
   suffix of the table's name) and HB_ISA_VECTOR_BYTES; the drivers reach it through the tables of
   gemm_kernels.h. Must not touch devices, steps or threads. */
#include "gemm_kernels.h"
#include "../loops/partial.h"
#include "../loops/transpose.h"
#include <string.h>

#define PASTE_(a, b) a##b
#define PASTE(a, b)  PASTE_(a, b)

#define UNROLL                            HB_UNROLL
#define SHUFFLE4(index, x, y, i, j, k, l) HB_SHUFFLE(index, x, y, i, j, k, l)
#define INLINE                            static inline __attribute__((always_inline))

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

/* The steps of a tile of 16 registers are short: 12 multiply-adds among 8 loads and 4 instructions
   that count. Four at a time leave one or two of these, which matters where another thread of the
   core takes turns at decoding: 256 steps of 6 x 16 from L1 then run at 88 GFLOP/s of 97 instead of
   76 to 86, by where the loop happens to lie. */
#if HB_ISA_VECTOR_BYTES != 32
#define STEPS
#elif defined(__clang__)
#define STEPS _Pragma("clang loop unroll_count(4)")
#else
#define STEPS _Pragma("GCC unroll 4")
#endif

enum { WIDE = 8 }; /* vectors of the one-row tile */

/* A copying tile asks for B so many rows ahead, into L2, since rows far apart find few places in
   L1; 0 for not at all: where it reads a single line of each row, they are no stream that the
   processor would follow by itself. */
enum { COPY_AHEAD = HB_ISA_VECTOR_BYTES == 32 ? 24 : 0 };

/* Elements of a vector, as numbers that names can be made of. */
#if HB_ISA_VECTOR_BYTES == 64
#define LANES_F32 16
#define LANES_F64 8
#elif HB_ISA_VECTOR_BYTES == 32
#define LANES_F32 8
#define LANES_F64 4
#else
#define LANES_F32 4
#define LANES_F64 2
#endif

#define NAME_LANES LANES_F32
#define NUMBER     float
#define INDEX      int32_t
#define NAME(x)    x##_f32
#include "gemm_kernel.inc"
#undef NAME_LANES
#undef NUMBER
#undef INDEX
#undef NAME

#define NAME_LANES LANES_F64
#define NUMBER     double
#define INDEX      int64_t
#define NAME(x)    x##_f64
#include "gemm_kernel.inc"

const hb_cpu_gemm_kernels PASTE(hb_cpu_gemm_kernels_, HB_ISA) = {&table_f32, &table_f64};
