/* Products whose sum is long and whose result is small, of a transposed A: a weight's gradient, a
   sum over many samples. Called through the table in gemm.c.

   The sum is cut into parts. They are a batch of products for gemm_in_place.c, into scratch memory;
   then blocks of rows of all parts are added up, and the epilogue follows. So a thread reads the
   samples that it has probably made itself, which its own cache has, instead of some columns of all
   of them, and each row of A is packed once. If A has more columns than B, that would be for too
   few panels: the parts are those of the transposed product, B's transpose by A's, whose blocks are
   turned around when they are added up. The parts depend on sizes only. */
#include "gemm.h"
#include <stdlib.h>

/* At most so many parts, each of so many samples at least, in so many bytes all together. */
enum { MOST_PARTS = 8, LEAST_SAMPLES = 256, PARTS_BYTES = 512 << 10 };

enum { BLOCK_BYTES = 16 << 10 }; /* what is added up at a time; small weights have several */

/* The parts as a step. */
typedef struct inner {
    hb_step step;
    hb_output out;
    hb_instr instr;
} inner;

typedef struct state {
    const hb_step *step;
    inner inner;
    void *inner_state;
    hb_cpu_loop *epilogue;
    int64_t parts, block_rows;
} state;

/* Whether the parts are those of the transposed product. */
static bool is_swapped(const hb_gemm *gemm) { return gemm->m > gemm->n; }

/* Parts are equal. 1 if the sum cannot be cut, or it does not pay. */
static int64_t parts_of(const hb_gemm *gemm) {
    const int64_t bytes = gemm->m * gemm->n * (int64_t)hebb_dtype_size(gemm->dtype);
    for (int64_t parts = MOST_PARTS; parts > 1; parts /= 2)
        if (gemm->k % parts == 0 && gemm->k / parts >= LEAST_SAMPLES &&
            parts * bytes <= PARTS_BYTES)
            return parts;
    return 1;
}

/* The parts, and what their sum is turned into. */
static size_t sums_bytes(const hb_gemm *gemm) {
    return hb_gemm_bytes(gemm, (parts_of(gemm) + is_swapped(gemm)) * gemm->m * gemm->n);
}

static hb_operand transpose_of(const hb_operand *x) {
    hb_operand transpose = *x;
    transpose.stride[0] = x->stride[1];
    transpose.stride[1] = x->stride[0];
    return transpose;
}

/* The stride over parts, then those of a product's operand. */
static hb_operand operand_of_part(const hb_operand *whole, int64_t over_parts) {
    hb_operand part = *whole;
    part.stride[0] = over_parts;
    part.stride[1] = whole->stride[0];
    part.stride[2] = whole->stride[1];
    return part;
}

/* Their results are at the beginning of the step's scratch memory, theirs is what follows. */
static void make_inner(const hb_step *step, inner *made) {
    const hb_gemm *gemm = &step->u.gemm;
    const int64_t parts = parts_of(gemm), k = gemm->k / parts;
    const bool swapped = is_swapped(gemm);
    const int64_t m = swapped ? gemm->n : gemm->m, n = swapped ? gemm->m : gemm->n;
    const hb_operand a = swapped ? transpose_of(&gemm->b) : gemm->a;
    const hb_operand b = swapped ? transpose_of(&gemm->a) : gemm->b;
    const int64_t element = (int64_t)hebb_dtype_size(gemm->dtype);
    const size_t sums = sums_bytes(gemm);
    *made = (inner){.step = {.kind = HB_GEMM, .name = step->name}};
    made->step.scratch_offset = step->scratch_offset + (int64_t)sums;
    made->step.scratch_bytes = step->scratch_bytes > sums ? step->scratch_bytes - sums : 0;
    made->out.to = (hb_operand){.buffer = HB_BUFFER_ARENA,
                                .dtype = gemm->dtype,
                                .offset = step->scratch_offset / element,
                                .stride = {m * n, n, 1}};
    made->instr = (hb_instr){
        .code = HB_ACC, .dtype = (uint8_t)gemm->dtype, .a = -1, .b = -1, .c = -1, .d = -1};
    made->step.u.gemm = (hb_gemm){
        .dtype = gemm->dtype,
        .n_batch = 1,
        .batch = {parts},
        .m = m,
        .n = n,
        .k = k,
        .a = operand_of_part(&a, k * a.stride[1]),
        .b = operand_of_part(&b, k * b.stride[0]),
        .epilogue = {.rank = 3,
                     .dim = {parts, m, n},
                     .n_out = 1,
                     .n_instr = 1,
                     .n_pre = 1,
                     .out = &made->out,
                     .instr = &made->instr},
    };
}

/* ---- running ---- */

typedef struct run_context {
    hb_device *device;
    const state *state;
    const hb_run_args *args;
} run_context;

/* Adds up rows [i0, i1) of the product; where they are then. */
static const char *sum_of_rows(const run_context *run, int64_t i0, int64_t i1) {
    const state *s = run->state;
    const hb_gemm *gemm = &s->step->u.gemm;
    const int64_t element = (int64_t)hebb_dtype_size(gemm->dtype);
    const int64_t part = gemm->m * gemm->n * element;
    hb_cpu_map *add = run->device->isa->vector->map[HB_ADD][gemm->dtype];
    char *sums = hb_cpu_base(run->args, HB_BUFFER_ARENA) + s->step->scratch_offset;
    if (!is_swapped(gemm)) {
        char *sum = sums + i0 * gemm->n * element;
        for (int64_t p = 1; p < s->parts; p++)
            add(sum, sum, sum + p * part, NULL, (i1 - i0) * gemm->n);
        return sum;
    }
    char *columns = sums + i0 * element, *turned = sums + s->parts * part + i0 * gemm->n * element;
    for (int64_t j = 0; j < gemm->n; j++) {
        char *sum = columns + j * gemm->m * element;
        for (int64_t p = 1; p < s->parts; p++) add(sum, sum, sum + p * part, NULL, i1 - i0);
    }
    hb_gemm_kernels(run->device, gemm)->turn(gemm->n, i1 - i0, columns, gemm->m, gemm->n, turned);
    return turned;
}

static void finish_blocks(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *run = context;
    const state *s = run->state;
    const hb_gemm *gemm = &s->step->u.gemm;
    for (int64_t block = begin; block < end; block++) {
        const int64_t i0 = block * s->block_rows;
        const int64_t i1 = i0 + s->block_rows < gemm->m ? i0 + s->block_rows : gemm->m;
        hb_cpu_loop_block(run->device, s->epilogue, run->args, thread, 0, i0, i1, 0, gemm->n,
                          sum_of_rows(run, i0, i1), gemm->n);
    }
}

static void run(hb_device *device, const void *state_, const hb_run_args *args) {
    const state *s = state_;
    const hb_gemm *gemm = &s->step->u.gemm;
    const double adding = 0.1 * (double)(s->parts * gemm->m * gemm->n);
    run_context context = {device, s, args};
    hb_cpu_gemm_in_place.run(device, s->inner_state, args);
    hb_cpu_parallel(device, hb_ceil_div(gemm->m, s->block_rows),
                    adding + hb_cpu_loop_ns(s->epilogue), finish_blocks, &context);
}

/* ---- the solver ---- */

static bool can_do(const hb_device *device, const hb_step *step) {
    const hb_gemm *gemm = &step->u.gemm;
    const int64_t *a = gemm->a.stride, *b = gemm->b.stride;
    if (gemm->n_batch != 0 || gemm->m == 0 || gemm->n == 0 || parts_of(gemm) == 1) return false;
    if (a[0] != 1 || a[1] == 1 || b[1] != 1) return false;
    inner parts;
    make_inner(step, &parts);
    return hb_cpu_gemm_in_place.can_do(device, &parts.step);
}

/* Less than that of the same work in one piece in place; but more if that packs nothing, as it does
   for few panels, and computes nothing beyond the last column. */
static double cost(const hb_device *device, const hb_step *step) {
    const hb_gemm *gemm = &step->u.gemm;
    const bool more = is_swapped(gemm) && gemm->n % hb_gemm_kernels(device, gemm)->lanes == 0;
    return (more ? 1.05 : 0.9) *
           hb_gemm_ns(device, gemm, (double)(gemm->m * gemm->n) * (double)gemm->k);
}

static size_t scratch(const hb_device *device, const hb_step *step) {
    inner parts;
    make_inner(step, &parts);
    return sums_bytes(&step->u.gemm) + hb_cpu_gemm_in_place.scratch(device, &parts.step);
}

static void release(void *state_) {
    state *s = state_;
    if (s->inner_state) hb_cpu_gemm_in_place.release(s->inner_state);
    hb_cpu_loop_release(s->epilogue);
    free(s);
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **made, hb_error *error) {
    const hb_gemm *gemm = &step->u.gemm;
    *made = NULL;
    state *s = calloc(1, sizeof *s);
    if (!s) return hb_fail_memory(error, "a matrix product", sizeof *s);
    const int64_t rows = BLOCK_BYTES / (gemm->n * (int64_t)hebb_dtype_size(gemm->dtype));
    s->step = step;
    s->parts = parts_of(gemm);
    s->block_rows = hb_ceil_div(gemm->m, hb_ceil_div(gemm->m, rows > 1 ? rows : 1));
    make_inner(step, &s->inner);
    hebb_status status =
        hb_cpu_gemm_in_place.prepare(device, &s->inner.step, &s->inner_state, error);
    if (!status) status = hb_cpu_loop_prepare(device, &gemm->epilogue, &s->epilogue, error);
    if (status) release(s);
    else *made = s;
    return status;
}

const hb_cpu_solver hb_cpu_gemm_parts = {
    .name = "in parts",
    .kind = HB_GEMM,
    .can_do = can_do,
    .cost = cost,
    .scratch = scratch,
    .prepare = prepare,
    .run = run,
    .release = release,
};
