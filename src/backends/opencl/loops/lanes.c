/* What the kernels of LOOPs for CPUs have in common: how loops over contiguous lanes are
   vectorized, functions with a form for most arguments, and stores past the caches. Called by
   loop_source.c and group_lanes.c, whose names l, block and count of a block stand here, too. */
#include "../../costs.h"
#include "../opencl.h"

enum {
    LONG_LANES = 64,      /* from which full vectors pay */
    COSTLY = 12,          /* what an exponential and the like cost, ... */
    FEW_COSTLY = 3,       /* ... more of which in a loop wait for each other little enough */
    LAST_LEVEL = 6 << 20, /* traffic from which stores go past the caches */
};

/* ---- vectors ---- */

/* Whether an instruction is the number of a point, of 64 bits only in name: random numbers take it
   apart, and its upper half is the same for all lanes. */
static bool is_number(const hb_loop *loop, const hb_instr *instr) {
    return instr->code == HB_LOAD && loop->in[instr->a].buffer == HB_BUFFER_INDEX;
}

/* Whether the loop has nothing wider than 32 bits. */
static bool is_narrow(const hb_loop *loop) {
    for (int i = 0; i < loop->n_instr; i++)
        if (hebb_dtype_size((hebb_dtype)loop->instr[i].dtype) > 4 &&
            !is_number(loop, &loop->instr[i]))
            return false;
    return true;
}

/* Whether most of the loop's time is a few functions that are long chains of instructions. */
static bool is_long_chain(const hb_loop *loop) {
    int costly = 0;
    for (int i = 0; i < loop->n_instr; i++)
        costly += hb_instr_cost((hb_code)loop->instr[i].code) >= COSTLY;
    return costly > 0 && costly <= FEW_COSTLY;
}

/* By the contract no point depends on another, which the compiler cannot see through pointers. LLVM
   makes vectors of 256 bits where the processor has 512, unless told; of few lanes, what is left of
   a vector would be too much. Of an exponential, which is one long chain, four vectors are computed
   side by side: as many wait for each other's results as the processor can keep. With 16 registers,
   two have to do. */
const char *hb_cl_lane_loop(const hb_cl_space *space) {
    if (space->loop.dim[space->lane] < LONG_LANES || !is_narrow(&space->loop))
        return "#pragma clang loop vectorize(assume_safety)\n";
    if (is_long_chain(&space->loop))
        return "#ifdef __AVX512F__\n"
               "#pragma clang loop vectorize(assume_safety) vectorize_width(16) "
               "interleave_count(4)\n"
               "#else\n"
               "#pragma clang loop vectorize(assume_safety) vectorize_width(16)\n"
               "#endif\n";
    return "#pragma clang loop vectorize(assume_safety) vectorize_width(16)\n";
}

/* ---- functions of close arguments ----
   What does for all arguments has loops, calls or many more instructions. */

const char *hb_cl_close_domain(const hb_instr *instr) {
    switch (instr->code) {
    case HB_SIN:
    case HB_COS: return instr->dtype == HEBB_F32 || instr->dtype == HEBB_F64 ? "sin" : NULL;
    case HB_TAN: return instr->dtype == HEBB_F32 ? "sin" : NULL;
    case HB_MOD:
    case HB_FLOOR_DIV: return instr->dtype == HEBB_F32 ? "mod" : NULL;
    default: return NULL;
    }
}

bool hb_cl_has_close_forms(const hb_loop *loop) {
    for (int i = 0; i < loop->n_instr; i++)
        if (hb_cl_close_domain(&loop->instr[i]) != NULL) return !hb_reduces(loop);
    return false;
}

void hb_cl_write_is_close(hb_cl_kernel *kernel, const hb_instr *instr) {
    hb_cl_need(kernel, HB_CL_SCALAR, HEBB_F64);
    hb_cl_print(&kernel->body, "hb_%s_is_close_%s(v%d", hb_cl_close_domain(instr),
                hb_cl_suffix((hebb_dtype)instr->dtype), instr->a);
    if (instr->b >= 0) hb_cl_print(&kernel->body, ", v%d", instr->b);
    hb_cl_append(&kernel->body, ")");
}

void hb_cl_write_far(hb_cl_kernel *kernel, const hb_loop *loop) {
    for (int i = 0; i < loop->n_instr; i++) {
        if (hb_cl_close_domain(&loop->instr[i]) == NULL) continue;
        hb_cl_append(&kernel->body, "far |= !");
        hb_cl_write_is_close(kernel, &loop->instr[i]);
        hb_cl_append(&kernel->body, ";\n");
    }
}

/* ---- stores past the caches ----
   Nobody reads them before the kernel has ended, of which drivers' threads tell each other by
   locks: these wait for such stores, too. */

double hb_cl_traffic(const hb_loop *loop) {
    double bytes = 0;
    for (int n = 0; n < loop->n_in + loop->n_out; n++) {
        const hb_operand *operand = n < loop->n_in ? &loop->in[n] : &loop->out[n - loop->n_in].to;
        double own = operand->buffer < 0 ? 0 : (double)hebb_dtype_size(operand->dtype);
        for (int k = 0; k < loop->rank; k++)
            if (operand->stride[k] != 0) own *= (double)loop->dim[k];
        bytes += own;
    }
    return bytes;
}

/* Not to where the loop reads from, too: that is in the cache, and a store there costs nothing. */
void hb_cl_find_streamed(hb_cl_kernel *kernel, const hb_cl_space *space) {
    const hb_loop *loop = &space->loop;
    if (loop->dim[space->lane] < LONG_LANES || hb_cl_traffic(loop) < LAST_LEVEL) return;
    for (int n = 0; n < loop->n_out && n < 64; n++) {
        const hb_operand *to = &loop->out[n].to;
        if (to->dtype == HEBB_F32 && to->stride[space->lane] == 1 && !hb_reads_output(loop, to))
            kernel->streamed |= (uint64_t)1 << n;
    }
    if (kernel->streamed != 0) hb_cl_need(kernel, HB_CL_BLOCKS, HEBB_F32);
}

bool hb_cl_is_streamed(const hb_cl_kernel *kernel, int output) {
    return output < 64 && (kernel->streamed >> output & 1) != 0;
}

static bool is_of(const hb_cl_kernel *kernel, const hb_loop *loop, int n, int from, int to) {
    return hb_cl_is_streamed(kernel, n) && loop->out[n].value >= from && loop->out[n].value < to;
}

void hb_cl_declare_streamed(hb_cl_kernel *kernel, const hb_loop *loop, int from, int to) {
    for (int n = 0; n < loop->n_out; n++)
        if (is_of(kernel, loop, n, from, to))
            hb_cl_print(&kernel->body, "float z%d[HB_BLOCK];\n", n);
}

void hb_cl_store_streamed(hb_cl_kernel *kernel, const hb_loop *loop, int from, int to) {
    for (int n = 0; n < loop->n_out; n++)
        if (is_of(kernel, loop, n, from, to))
            hb_cl_print(&kernel->body, "hb_stream_f32(y%d + by%d + block, z%d, count);\n",
                        hb_cl_output_pointer(loop, n), n, n);
}
