/* scalar.h for every element type of C: hb_add_f32, hb_add_f64, hb_add_i32, hb_add_i64, hb_add_u8,
   hb_add_i8 and so on; bool is stored as u8, and f16 and bf16 are computed with as f32. For the CPU
   backend and for constants folded on the host. */
#include "scalar.h"

#define HB_T       float
#define HB_NAME(f) hb_##f##_f32
#define HB_KIND    HB_KIND_F32
#include "scalar.h"

#define HB_T       double
#define HB_NAME(f) hb_##f##_f64
#define HB_KIND    HB_KIND_F64
#include "scalar.h"

#define HB_T        int32_t
#define HB_NAME(f)  hb_##f##_i32
#define HB_KIND     HB_KIND_INT
#define HB_UNSIGNED uint32_t
#include "scalar.h"

#define HB_T        int64_t
#define HB_NAME(f)  hb_##f##_i64
#define HB_KIND     HB_KIND_INT
#define HB_UNSIGNED uint64_t
#include "scalar.h"

#define HB_T        uint8_t
#define HB_NAME(f)  hb_##f##_u8
#define HB_KIND     HB_KIND_BYTE
#define HB_UNSIGNED uint8_t
#include "scalar.h"

#define HB_T        int8_t
#define HB_NAME(f)  hb_##f##_i8
#define HB_KIND     HB_KIND_INT
#define HB_UNSIGNED uint8_t
#include "scalar.h"
