/* What kernels call for a reduction of each kind (kernels/blocks.cl). */
#include "reduction.h"
#include <stdio.h>

static const char *identity_of(const hb_instr *instr) {
    static const char *const lowest[HEBB_DTYPES] = {
        "-INFINITY", "-INFINITY", "INT_MIN", "LONG_MIN", "0", "0", [HEBB_I8] = "SCHAR_MIN",
    };
    static const char *const highest[HEBB_DTYPES] = {
        "INFINITY", "INFINITY", "INT_MAX", "LONG_MAX", "UCHAR_MAX", "1", [HEBB_I8] = "SCHAR_MAX",
    };
    if (instr->code == HB_SUM) return "0";
    if (instr->code == HB_PROD) return "1";
    return instr->code == HB_REDMAX ? lowest[instr->dtype] : highest[instr->dtype];
}

hb_cl_reduction hb_cl_reduction_of(const hb_loop *loop, int i) {
    const hb_instr *instr = &loop->instr[i];
    static const char *const joins[] = {"add", "max", "min", "mul"};
    static const char *const blocks[] = {"block_sum", "block_max", "block_min", "block_product"};
    const int kind = instr->code - HB_SUM;
    hebb_dtype dtype = (hebb_dtype)instr->dtype;
    return (hb_cl_reduction){
        .at = i,
        .of = instr->a,
        .dtype = dtype,
        .type = hb_cl_type(dtype),
        .suffix = hb_cl_suffix(dtype),
        .join = joins[kind],
        .block = blocks[kind],
        .identity = identity_of(instr),
        .sum = instr->code == HB_SUM,
    };
}

bool hb_cl_block_here(const hb_loop *loop, int lane, const hb_cl_reduction *r,
                      char text[HB_CL_BLOCK_TEXT]) {
    const hb_instr *of = &loop->instr[r->of];
    if (of->code != HB_LOAD) return false;
    const hb_operand *x = &loop->in[of->a];
    if (x->buffer < 0 || x->dtype != r->dtype || x->stride[lane] != 1) return false;
    snprintf(text, HB_CL_BLOCK_TEXT, "hb_%s_here_%s(x%d + bx%d + block, here)", r->block, r->suffix,
             hb_cl_input_pointer(loop, of->a), of->a);
    return true;
}
