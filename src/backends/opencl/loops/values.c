/* A scalar program as OpenCL C, at one point of its space: operands' addresses, values, stores.
   Shared by LOOP kernels and by the epilogues of GEMM kernels, which provide the loops around.

   Names in the generated text: inputs x0..., outputs y0... (one pointer for all of a type in a
   buffer, that of the first: compilers know then what lies side by side), their offsets ox0...,
   strides sx0_1..., bases (the address but for the lane's part) bx0...; sizes d0...; coordinates
   i0...; the lane's coordinate j; values v0...; the place l in a block, and blocks z0... of outputs
   (lanes.c); tiles tx0..., ty0..., whose row begins at `at` (loop_tiles.c). */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../opencl.h"
#include "../../../../kernels/scalar.h"

void hb_cl_write_coordinates(hb_cl_kernel *kernel, const hb_loop *loop, int from, int to,
                             const char *linear) {
    if (from == to) return;
    if (to - from == 1) {
        hb_cl_print(&kernel->body, "const hb_index i%d = %s;\n", from, linear);
        return;
    }
    hb_cl_print(&kernel->body, "hb_index r%d = %s;\n", from, linear);
    for (int k = to - 1; k > from; k--) {
        char name[HB_CL_NAME_SIZE];
        snprintf(name, sizeof name, "d%d", k);
        hb_cl_index_param(kernel, name, loop->dim[k]);
        hb_cl_print(&kernel->body,
                    "const hb_index h%d = r%d / %s, i%d = r%d - h%d * %s;\nr%d = h%d;\n", k, from,
                    name, k, from, k, name, from, k);
    }
    hb_cl_print(&kernel->body, "const hb_index i%d = r%d;\n", from, from);
}

void hb_cl_write_counters(hb_cl_kernel *kernel, const hb_loop *loop, int to, const char *linear) {
    if (to == 0) return;
    hb_cl_print(&kernel->body, "hb_index i0 = %s;\n", linear);
    for (int k = to - 1; k > 0; k--) {
        char name[HB_CL_NAME_SIZE];
        snprintf(name, sizeof name, "d%d", k);
        hb_cl_index_param(kernel, name, loop->dim[k]);
        hb_cl_print(&kernel->body, "hb_index i%d = i0 %% d%d;\ni0 /= d%d;\n", k, k, k);
    }
}

void hb_cl_write_next(hb_cl_kernel *kernel, const hb_loop *loop, int to) {
    for (int k = to - 1; k > 0; k--)
        hb_cl_print(&kernel->body, "if (++i%d < d%d) continue;\ni%d = 0;\n", k, k, k);
    if (to > 0) hb_cl_append(&kernel->body, "i0++;\n");
}

/* Along the lane, compilers move vectors of elements that are so far apart, if they know it. */
static bool is_small(int64_t stride) { return stride >= -4 && stride <= 4; }

/* Strides 0 and, along the lane, small ones are part of the structure; all others are arguments. */
static void write_term(hb_cl_kernel *kernel, const char *name, const hb_operand *operand, int k,
                       const char *coordinate, bool lane) {
    int64_t stride = operand->stride[k];
    if (stride == 0) return;
    if (lane && is_small(stride)) {
        if (stride == 1) hb_cl_print(&kernel->body, " + %s", coordinate);
        else hb_cl_print(&kernel->body, " + %s * %d", coordinate, (int)stride);
        return;
    }
    char stride_name[2 * HB_CL_NAME_SIZE];
    snprintf(stride_name, sizeof stride_name, "s%s_%d", name, k);
    hb_cl_index_param(kernel, stride_name, stride);
    hb_cl_print(&kernel->body, " + %s * %s", coordinate, stride_name);
}

void hb_cl_write_base(hb_cl_kernel *kernel, const char *name, const hb_operand *operand, int rank,
                      int lane) {
    char text[HB_CL_NAME_SIZE];
    snprintf(text, sizeof text, "o%s", name);
    hb_cl_index_param(kernel, text, operand->offset);
    hb_cl_print(&kernel->body, "const hb_index b%s = %s", name, text);
    for (int k = 0; k < rank; k++) {
        if (k == lane) continue;
        snprintf(text, sizeof text, "i%d", k);
        write_term(kernel, name, operand, k, text, false);
    }
    hb_cl_append(&kernel->body, ";\n");
}

static void write_address(hb_cl_kernel *kernel, const char *name, const hb_operand *operand,
                          int lane) {
    hb_cl_print(&kernel->body, "b%s", name);
    if (lane >= 0) write_term(kernel, name, operand, lane, "j", true);
}

/* A value before n_pre is stored by the pre program, one after it by the post program. */
static bool stored_in(const hb_output *output, int from, int to) {
    return output->value >= from && output->value < to;
}

static bool loaded_in(const hb_loop *loop, int n, int from, int to) {
    for (int i = from; i < to; i++)
        if (loop->instr[i].code == HB_LOAD && loop->instr[i].a == n) return true;
    return false;
}

/* Whether b's elements lie among a's: along the lane they take turns. */
static bool in_turns(const hb_operand *a, const hb_operand *b, int lane) {
    if (lane < 0 || a->buffer != b->buffer || a->buffer < 0 || a->dtype != b->dtype) return false;
    const int64_t stride = a->stride[lane] < 0 ? -a->stride[lane] : a->stride[lane];
    const int64_t apart = b->offset - a->offset;
    return is_small(stride) && apart > -stride && apart < stride &&
           memcmp(a->stride, b->stride, sizeof a->stride) == 0;
}

/* The base of operand b of name[], given that of number a of the same kind. */
static void write_turn(hb_cl_kernel *kernel, char kind, int a, int b, int64_t apart) {
    hb_cl_print(&kernel->body, "const hb_index b%c%d = b%c%d + %d;\n", kind, b, kind, a,
                (int)apart);
}

void hb_cl_write_bases(hb_cl_kernel *kernel, const hb_loop *loop, int from, int to, int rank,
                       int lane) {
    char name[HB_CL_NAME_SIZE];
    for (int n = 0; n < loop->n_in; n++) {
        if (!loaded_in(loop, n, from, to)) continue;
        const hb_operand *in = &loop->in[n];
        int other = 0;
        while (other < n &&
               !(loaded_in(loop, other, from, to) && in_turns(&loop->in[other], in, lane)))
            other++;
        snprintf(name, sizeof name, "x%d", n);
        if (other == n) hb_cl_write_base(kernel, name, in, rank, lane);
        else write_turn(kernel, 'x', other, n, in->offset - loop->in[other].offset);
    }
    for (int n = 0; n < loop->n_out; n++) {
        if (!stored_in(&loop->out[n], from, to)) continue;
        const hb_operand *out = &loop->out[n].to;
        int other = 0;
        while (other < n && !(stored_in(&loop->out[other], from, to) &&
                              in_turns(&loop->out[other].to, out, lane)))
            other++;
        snprintf(name, sizeof name, "y%d", n);
        if (other == n) hb_cl_write_base(kernel, name, out, rank, lane);
        else write_turn(kernel, 'y', other, n, out->offset - loop->out[other].to.offset);
    }
}

/* ---- values ---- */

/* The dtype by which an input's memory is accessed: that of an output in the same place, if there
   is one, so that the compiler knows that a store may change what a later load sees. */
static hebb_dtype storage_dtype(const hb_loop *loop, int input) {
    const hb_operand *in = &loop->in[input];
    for (int n = 0; n < loop->n_out; n++) {
        const hb_operand *out = &loop->out[n].to;
        if (out->buffer == in->buffer && out->offset == in->offset &&
            hebb_dtype_size(out->dtype) == hebb_dtype_size(in->dtype))
            return out->dtype;
    }
    return in->dtype;
}

bool hb_cl_is_read_as_written(const hb_loop *loop, int input) {
    return storage_dtype(loop, input) == loop->in[input].dtype;
}

int hb_cl_input_pointer(const hb_loop *loop, int input) {
    const hebb_dtype storage = storage_dtype(loop, input);
    int first = 0;
    while (loop->in[first].buffer != loop->in[input].buffer ||
           storage_dtype(loop, first) != storage)
        first++;
    return first;
}

int hb_cl_output_pointer(const hb_loop *loop, int output) {
    const hb_operand *to = &loop->out[output].to;
    int first = 0;
    while (loop->out[first].to.buffer != to->buffer || loop->out[first].to.dtype != to->dtype)
        first++;
    return first;
}

static void write_load(hb_cl_kernel *kernel, const hb_loop *loop, int input, int lane) {
    const hb_operand *operand = &loop->in[input];
    char name[HB_CL_NAME_SIZE];
    snprintf(name, sizeof name, "x%d", input);
    if (operand->buffer == HB_BUFFER_INDEX) {
        hb_cl_append(&kernel->body, "(hb_i64)(");
        write_address(kernel, name, operand, lane);
        hb_cl_append(&kernel->body, ")");
        return;
    }
    if (input < 64 && (kernel->turned_in >> input & 1) != 0) {
        hb_cl_print(&kernel->body, "tx%d[at + l]", input);
        return;
    }
    hebb_dtype storage = storage_dtype(loop, input);
    bool same = strcmp(hb_cl_type(storage), hb_cl_type(operand->dtype)) == 0;
    if (!same) hb_cl_print(&kernel->body, "as_%s(", hb_cl_type(operand->dtype));
    char pointer[HB_CL_NAME_SIZE];
    snprintf(pointer, sizeof pointer, "x%d", hb_cl_input_pointer(loop, input));
    hb_cl_buffer_param(kernel, pointer, operand->buffer, storage, false);
    hb_cl_print(&kernel->body, "%s[", pointer);
    write_address(kernel, name, operand, lane);
    hb_cl_append(&kernel->body, same ? "]" : "])");
}

/* Hexadecimal literals are exact. */
static void write_real(hb_cl_text *text, double value, bool single) {
    if (single) value = (float)value;
    if (isnan(value)) hb_cl_append(text, "NAN");
    else if (isinf(value)) hb_cl_append(text, value < 0 ? "-INFINITY" : "INFINITY");
    else hb_cl_print(text, "%a%s", value, single ? "f" : "");
}

static void write_constant(hb_cl_text *text, const hb_instr *instr) {
    switch (instr->dtype) {
    case HEBB_F32:
    case HEBB_F64: write_real(text, instr->imm.f, instr->dtype == HEBB_F32); break;
    case HEBB_I32: hb_cl_print(text, "(int)0x%" PRIx32 "u", (uint32_t)instr->imm.i); break;
    case HEBB_I64: hb_cl_print(text, "(long)0x%" PRIx64 "UL", (uint64_t)instr->imm.i); break;
    case HEBB_BOOL: hb_cl_append(text, instr->imm.i != 0 ? "1" : "0"); break;
    case HEBB_F16: hb_cl_print(text, "0x%x", hb_f16_of_f32((float)instr->imm.f)); break;
    case HEBB_BF16: hb_cl_print(text, "0x%x", hb_bf16_of_f32((float)instr->imm.f)); break;
    case HEBB_I8: hb_cl_print(text, "%d", (int)(int8_t)instr->imm.i); break;
    default: hb_cl_print(text, "%d", (int)(uint8_t)instr->imm.i); break;
    }
}

static bool is_real(int dtype) { return dtype == HEBB_F32 || dtype == HEBB_F64; }

static void write_cast(hb_cl_text *text, const hb_loop *loop, const hb_instr *instr) {
    int from = loop->instr[instr->a].dtype;
    if (hb_cl_is_half(instr->dtype) || hb_cl_is_half(from))
        hb_cl_print(text, "hb_%s_of_%s(v%d)", hebb_dtype_name((hebb_dtype)instr->dtype),
                    hebb_dtype_name((hebb_dtype)from), instr->a);
    else if (instr->dtype == HEBB_BOOL)
        hb_cl_print(text, "(uchar)(v%d != %s)", instr->a, from == HEBB_F32 ? "0.0f" : "0");
    else if ((instr->dtype == HEBB_U8 || instr->dtype == HEBB_I8) && is_real(from))
        hb_cl_print(text, "(%s)(int)v%d", hb_cl_type((hebb_dtype)instr->dtype), instr->a);
    else hb_cl_print(text, "(%s)v%d", hb_cl_type((hebb_dtype)instr->dtype), instr->a);
}

static void write_random(hb_cl_kernel *kernel, const hb_instr *instr, int at) {
    char name[HB_CL_NAME_SIZE];
    snprintf(name, sizeof name, "op%d", at);
    hb_cl_param_add(kernel, HB_CL_U32, name, instr->imm.i);
    hb_cl_param_add(kernel, HB_CL_RUN_STEP, "run_step", 0);
    hb_cl_param_add(kernel, HB_CL_SEED_LOW, "seed_low", 0);
    hb_cl_param_add(kernel, HB_CL_SEED_HIGH, "seed_high", 0);
    if (instr->code == HB_BITS) hb_cl_append(&kernel->body, "hb_random_bits_i64");
    else
        hb_cl_print(&kernel->body, "hb_random_%s_%s",
                    instr->code == HB_UNIFORM ? "uniform" : "normal",
                    hb_cl_suffix((hebb_dtype)instr->dtype));
    hb_cl_print(&kernel->body, "(v%d, %s, run_step, seed_low, seed_high)", instr->a, name);
}

typedef struct scalar_function {
    const char *name;
    int arity;
} scalar_function;

static scalar_function scalar_of(int code) {
    switch (code) {
#define SCALAR(CODE, name, arity, types, result, flops)                                            \
    case HB_##CODE:                                                                                \
        return (scalar_function){#name, arity};
#include "../../../../kernels/scalar.def"
#undef SCALAR
    default: return (scalar_function){"", 0};
    }
}

static void write_call(hb_cl_kernel *kernel, const hb_instr *instr, hebb_dtype dtype,
                       const char *form) {
    scalar_function function = scalar_of(instr->code);
    hb_cl_print(&kernel->body, "hb_%s%s_%s(v%d", function.name, form, hb_cl_suffix(dtype),
                instr->a);
    if (function.arity > 1) hb_cl_print(&kernel->body, ", v%d", instr->b);
    hb_cl_append(&kernel->body, ")");
}

static void write_scalar(hb_cl_kernel *kernel, const hb_loop *loop, const hb_instr *instr) {
    hebb_dtype dtype = (hebb_dtype)loop->instr[instr->a].dtype;
    const bool one = kernel->close == HB_CL_FOR_ALL || hb_cl_close_domain(instr) == NULL;
    hb_cl_need(kernel, HB_CL_SCALAR, dtype);
    if (!one && kernel->close == HB_CL_FOR_EITHER) {
        hb_cl_write_is_close(kernel, instr);
        hb_cl_append(&kernel->body, " ? ");
    }
    write_call(kernel, instr, dtype, one ? "" : "_close");
    if (!one && kernel->close == HB_CL_FOR_EITHER) {
        hb_cl_append(&kernel->body, " : ");
        write_call(kernel, instr, dtype, "");
    }
}

static void write_value(hb_cl_kernel *kernel, const hb_loop *loop, int at, int lane,
                        const char *product) {
    const hb_instr *instr = &loop->instr[at];
    hebb_dtype dtype = (hebb_dtype)instr->dtype;
    hb_cl_need(kernel, HB_CL_SCALAR, dtype);
    hb_cl_print(&kernel->body, "const %s v%d = ", hb_cl_type(dtype), at);
    switch (instr->code) {
    case HB_LOAD: write_load(kernel, loop, instr->a, lane); break;
    case HB_CONST: write_constant(&kernel->body, instr); break;
    case HB_ACC: hb_cl_append(&kernel->body, product); break;
    case HB_CAST: write_cast(&kernel->body, loop, instr); break;
    case HB_SELECT:
        hb_cl_print(&kernel->body, "hb_select_%s(v%d, v%d, v%d)", hb_cl_suffix(dtype), instr->a,
                    instr->b, instr->c);
        break;
    case HB_BITS:
    case HB_UNIFORM:
    case HB_NORMAL: write_random(kernel, instr, at); break;
    case HB_USER: hb_cl_write_user(kernel, instr); break;
    default: write_scalar(kernel, loop, instr); break;
    }
    hb_cl_append(&kernel->body, ";\n");
}

void hb_cl_write_values(hb_cl_kernel *kernel, const hb_loop *loop, int from, int to, int lane,
                        const char *product) {
    for (int i = from; i < to; i++)
        if (!hb_is_reduction(loop->instr[i].code)) write_value(kernel, loop, i, lane, product);
}

void hb_cl_write_stores(hb_cl_kernel *kernel, const hb_loop *loop, int from, int to, int lane) {
    for (int n = 0; n < loop->n_out; n++) {
        const hb_output *output = &loop->out[n];
        if (!stored_in(output, from, to)) continue;
        char name[HB_CL_NAME_SIZE];
        snprintf(name, sizeof name, "y%d", n);
        if (n < 64 && (kernel->turned_out >> n & 1) != 0) {
            hb_cl_print(&kernel->body, "ty%d[at + l] = v%d;\n", n, output->value);
            continue;
        }
        char pointer[HB_CL_NAME_SIZE];
        snprintf(pointer, sizeof pointer, "y%d", hb_cl_output_pointer(loop, n));
        hb_cl_buffer_param(kernel, pointer, output->to.buffer, output->to.dtype, true);
        if (hb_cl_is_streamed(kernel, n)) {
            hb_cl_print(&kernel->body, "z%d[l] = v%d;\n", n, output->value);
            continue;
        }
        hb_cl_print(&kernel->body, "%s[", pointer);
        write_address(kernel, name, &output->to, lane);
        hb_cl_print(&kernel->body, "] = v%d;\n", output->value);
    }
}
