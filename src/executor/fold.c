/* Scalar functions on constants, by the same definitions that the backends run. */
#include "ir.h"
#include "../../kernels/scalar_dtypes.h"

/* One case a (code, dtype): a 1-operand call ignores b. */
/* clang-format off */
#define CALL_1(f, T) f((T)a)
#define CALL_2(f, T) f((T)a, (T)b)
#define ROW(CODE, name, arity, S, T) case HB_##CODE: return CALL_##arity(hb_##name##_##S, T);
/* clang-format on */
#define SKIP(CODE, name, arity, S, T)

/* Which rows of the table (R, N, B, A, I, W) exist for which kind of dtype. */
#define R_REAL ROW
#define R_INT  SKIP
#define R_BYTE SKIP
#define N_REAL ROW
#define N_INT  ROW
#define N_BYTE ROW
#define B_REAL SKIP
#define B_INT  SKIP
#define B_BYTE ROW
#define A_REAL ROW
#define A_INT  ROW
#define A_BYTE ROW
#define I_REAL SKIP
#define I_INT  ROW
#define I_BYTE ROW
#define W_REAL SKIP
#define W_INT  ROW
#define W_BYTE ROW

static double evaluate_f32(hb_code code, double a, double b) {
    switch (code) {
#define SCALAR(CODE, name, arity, types, result, flops) types##_REAL(CODE, name, arity, f32, float)
#include "../../kernels/scalar.def"
#undef SCALAR
    default: return 0;
    }
}
static double evaluate_f64(hb_code code, double a, double b) {
    switch (code) {
#define SCALAR(CODE, name, arity, types, result, flops) types##_REAL(CODE, name, arity, f64, double)
#include "../../kernels/scalar.def"
#undef SCALAR
    default: return 0;
    }
}
static int64_t evaluate_i32(hb_code code, int64_t a, int64_t b) {
    switch (code) {
#define SCALAR(CODE, name, arity, types, result, flops) types##_INT(CODE, name, arity, i32, int32_t)
#include "../../kernels/scalar.def"
#undef SCALAR
    default: return 0;
    }
}
static int64_t evaluate_i64(hb_code code, int64_t a, int64_t b) {
    switch (code) {
#define SCALAR(CODE, name, arity, types, result, flops) types##_INT(CODE, name, arity, i64, int64_t)
#include "../../kernels/scalar.def"
#undef SCALAR
    default: return 0;
    }
}
static int64_t evaluate_i8(hb_code code, int64_t a, int64_t b) {
    switch (code) {
#define SCALAR(CODE, name, arity, types, result, flops) types##_INT(CODE, name, arity, i8, int8_t)
#include "../../kernels/scalar.def"
#undef SCALAR
    default: return 0;
    }
}
static int64_t evaluate_u8(hb_code code, int64_t a, int64_t b) {
    switch (code) {
#define SCALAR(CODE, name, arity, types, result, flops) types##_BYTE(CODE, name, arity, u8, uint8_t)
#include "../../kernels/scalar.def"
#undef SCALAR
    default: return 0;
    }
}

/* The integer modulo what the dtype holds. */
static int64_t wrapped(hebb_dtype dtype, int64_t value) {
    switch (dtype) {
    case HEBB_I32: return (int32_t)value;
    case HEBB_U8: return (uint8_t)value;
    case HEBB_I8: return (int8_t)value;
    case HEBB_BOOL: return value != 0;
    default: return value;
    }
}

/* Conversions of values that the target holds; what others give is unspecified, here the nearest.
 */
static int64_t to_integer(hebb_dtype dtype, double value) {
    if (dtype == HEBB_BOOL) return value != 0;
    if (value != value) return 0;
    double low = dtype == HEBB_I64 ? -9223372036854775808.0 : -2147483648.0;
    double high = dtype == HEBB_I64 ? 9223372036854774784.0 : 2147483647.0;
    int64_t whole = (int64_t)(value < low ? low : value > high ? high : value);
    return wrapped(dtype, whole);
}

static void convert(const ir_node *x, ir_node *result) {
    hebb_dtype to = result->dtype;
    if (hb_floating(x->dtype) && hb_floating(to)) result->imm.f = hb_rounded(to, x->imm.f);
    else if (hb_floating(x->dtype)) result->imm.i = to_integer(to, x->imm.f);
    else if (hb_floating(to))
        result->imm.f = to == HEBB_F64 ? (double)x->imm.i : hb_rounded(to, (double)(float)x->imm.i);
    else result->imm.i = wrapped(to, x->imm.i);
}

void hb_fold_scalar(hb_code code, hebb_dtype dtype, hebb_dtype in_dtype, const ir_node *const *in,
                    ir_node *result) {
    result->kind = IR_FULL;
    result->dtype = dtype;
    if (code == HB_CAST) {
        convert(in[0], result);
        return;
    }
    if (code == HB_SELECT) {
        result->imm = in[0]->imm.i ? in[1]->imm : in[2]->imm;
        return;
    }
    double a = in[0]->imm.f, b = in[1] != NULL ? in[1]->imm.f : 0;
    int64_t i = in[0]->imm.i, j = in[1] != NULL ? in[1]->imm.i : 0;
    double real = 0;
    int64_t whole = 0;
    switch (in_dtype) {
    case HEBB_F32: real = evaluate_f32(code, a, b); break;
    case HEBB_F64: real = evaluate_f64(code, a, b); break;
    case HEBB_I32: whole = evaluate_i32(code, i, j); break;
    case HEBB_I64: whole = evaluate_i64(code, i, j); break;
    case HEBB_U8:
    case HEBB_BOOL: whole = evaluate_u8(code, i, j); break;
    case HEBB_I8: whole = evaluate_i8(code, i, j); break;
    case HEBB_F16:
    case HEBB_BF16: break; /* nothing but CAST and SELECT is done on these */
    }
    if (hb_floating(dtype)) result->imm.f = real;
    else result->imm.i = hb_floating(in_dtype) ? real != 0 : whole;
}
