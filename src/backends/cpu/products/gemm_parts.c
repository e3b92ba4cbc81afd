/* Products whose sum is long and whose result is small: a weight's gradient, a sum over many
   samples, or one so long that caches and threads have nothing to share but parts of it. Called
   through the table in gemm.c.

   The sum is cut into parts. They are a batch of products for gemm_in_place.c, or gemm_vector.c,
   into scratch memory, and what is left of the sum one more; then blocks of rows of all parts are
   added up, and the epilogue follows. So a thread reads the samples that it has probably made
   itself, which its own cache has, instead of some columns of all of them, and each row of A is
   packed once. If A is transposed and has more columns than B, that would be for too few panels:
   the parts are those of the transposed product, B's transpose by A's, whose blocks are turned
   around when they are added up. The parts depend on sizes only. */
#include "gemm.h"
#include <stdlib.h>

/* At most so many parts, each of so many samples at least, in so many bytes all together. */
enum { MOST_PARTS = 8, LEAST_SAMPLES = 256, PARTS_BYTES = 512 << 10 };

/* A long sum is of so many samples, a part of it of so many; a small result has so many elements,
   and so many columns or rows if it is a vector. */
enum { LONG = 64 << 10, LONG_SAMPLES = 8 << 10, SMALL = 128 * 128, SMALL_VECTOR = 256 };

enum { BLOCK_BYTES = 16 << 10 }; /* what is added up at a time; small weights have several */

/* Some parts as a step: a batch of equal ones, or the one that is left. */
typedef struct inner {
    hb_step step;
    hb_output out;
    hb_instr instr;
} inner;

typedef struct state {
    const hb_step *step;
    inner inner[2];
    void *inner_state[2];
    hb_cpu_loop *epilogue;
    int64_t parts, block_rows;
} state;

/* How the sum is cut: into `equal` parts of `samples` and, if there is a rest, one of `rest`. */
typedef struct cut {
    int64_t equal, samples, rest;
} cut;

static int64_t parts_of(cut c) { return c.equal + (c.rest > 0); }

/* Samples lie side by side in neither operand. */
static bool is_transposed(const hb_gemm *gemm) {
    const int64_t *a = gemm->a.stride, *b = gemm->b.stride;
    return a[0] == 1 && a[1] != 1 && b[1] == 1;
}

static bool is_vector(const hb_gemm *gemm) { return gemm->m == 1 || gemm->n == 1; }

static bool is_long(const hb_gemm *gemm) {
    return gemm->k >= LONG && gemm->m * gemm->n <= (is_vector(gemm) ? SMALL_VECTOR : SMALL);
}

/* Whether the parts are those of the transposed product. */
static bool is_swapped(const hb_gemm *gemm) { return gemm->m > gemm->n && is_transposed(gemm); }

/* One part if the sum cannot be cut, or it does not pay. */
static cut cut_of(const hb_gemm *gemm) {
    const int64_t k = gemm->k;
    const int64_t bytes = gemm->m * gemm->n * (int64_t)hebb_dtype_size(gemm->dtype);
    if (is_long(gemm)) return (cut){k / LONG_SAMPLES, LONG_SAMPLES, k % LONG_SAMPLES};
    for (int64_t parts = MOST_PARTS; parts > 1 && is_transposed(gemm) && !is_vector(gemm);
         parts /= 2)
        if (k / parts >= LEAST_SAMPLES && parts * bytes <= PARTS_BYTES)
            return (cut){parts, k / parts, k % parts};
    return (cut){1, k, 0};
}

static const hb_cpu_solver *solver_of(const hb_gemm *gemm) {
    return is_vector(gemm) ? &hb_cpu_gemm_vector : &hb_cpu_gemm_in_place;
}

/* The parts, and what their sum is turned into. */
static size_t sums_bytes(const hb_gemm *gemm) {
    return hb_gemm_bytes(gemm, (parts_of(cut_of(gemm)) + is_swapped(gemm)) * gemm->m * gemm->n);
}

static hb_operand transpose_of(const hb_operand *x) {
    hb_operand transpose = *x;
    transpose.stride[0] = x->stride[1];
    transpose.stride[1] = x->stride[0];
    return transpose;
}

/* The stride over parts, then those of a product's operand, from sample `first` on. */
static hb_operand operand_of_parts(const hb_operand *whole, int along, int64_t samples,
                                   int64_t first) {
    hb_operand part = *whole;
    part.offset += first * whole->stride[along];
    part.stride[0] = samples * whole->stride[along];
    part.stride[1] = whole->stride[0];
    part.stride[2] = whole->stride[1];
    return part;
}

/* Parts [first, first + count) of `samples` each. Their results are at the beginning of the step's
   scratch memory, theirs is what follows. */
static void make_inner(const hb_step *step, int64_t first, int64_t count, int64_t samples,
                       inner *made) {
    const hb_gemm *gemm = &step->u.gemm;
    const int64_t begin = first * cut_of(gemm).samples;
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
                                .offset = step->scratch_offset / element + first * m * n,
                                .stride = {m * n, n, 1}};
    made->instr = (hb_instr){
        .code = HB_ACC, .dtype = (uint8_t)gemm->dtype, .a = -1, .b = -1, .c = -1, .d = -1};
    made->step.u.gemm = (hb_gemm){
        .dtype = gemm->dtype,
        .n_batch = 1,
        .batch = {count},
        .m = m,
        .n = n,
        .k = samples,
        .a = operand_of_parts(&a, 1, samples, begin),
        .b = operand_of_parts(&b, 0, samples, begin),
        .epilogue = {.rank = 3,
                     .dim = {count, m, n},
                     .n_out = 1,
                     .n_instr = 1,
                     .n_pre = 1,
                     .out = &made->out,
                     .instr = &made->instr},
    };
}

/* All parts; how many steps they are. */
static int make_all(const hb_step *step, inner *made) {
    const cut c = cut_of(&step->u.gemm);
    make_inner(step, 0, c.equal, c.samples, &made[0]);
    if (c.rest > 0) make_inner(step, c.equal, 1, c.rest, &made[1]);
    return c.rest > 0 ? 2 : 1;
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
    for (int i = 0; i < 2 && s->inner_state[i]; i++)
        solver_of(gemm)->run(device, s->inner_state[i], args);
    hb_cpu_parallel(device, hb_ceil_div(gemm->m, s->block_rows),
                    adding + hb_cpu_loop_ns(s->epilogue), finish_blocks, &context);
}

/* ---- the solver ---- */

static bool can_do(const hb_device *device, const hb_step *step) {
    const hb_gemm *gemm = &step->u.gemm;
    if (gemm->n_batch != 0 || gemm->m == 0 || gemm->n == 0) return false;
    if (parts_of(cut_of(gemm)) == 1) return false;
    inner parts[2];
    for (int i = make_all(step, parts) - 1; i >= 0; i--)
        if (!solver_of(gemm)->can_do(device, &parts[i].step)) return false;
    return true;
}

/* Less than that of the same work in one piece in place, or by the vector solver; but more if that
   packs nothing, as it does for few panels, and computes nothing beyond the last column. */
static double cost(const hb_device *device, const hb_step *step) {
    const hb_gemm *gemm = &step->u.gemm;
    const double ns = hb_gemm_ns(device, gemm, (double)(gemm->m * gemm->n) * (double)gemm->k);
    if (is_vector(gemm)) return 0.3 * ns;
    const bool packs_less =
        is_swapped(gemm) && !is_long(gemm) && gemm->n % hb_gemm_kernels(device, gemm)->lanes == 0;
    return packs_less ? 1.05 * ns : 0.9 * ns;
}

static size_t scratch(const hb_device *device, const hb_step *step) {
    const hb_gemm *gemm = &step->u.gemm;
    inner parts[2];
    size_t most = 0;
    for (int i = make_all(step, parts) - 1; i >= 0; i--) {
        const size_t bytes = solver_of(gemm)->scratch(device, &parts[i].step);
        if (bytes > most) most = bytes;
    }
    return sums_bytes(gemm) + most;
}

static void release(void *state_) {
    state *s = state_;
    for (int i = 0; i < 2; i++)
        if (s->inner_state[i]) solver_of(&s->step->u.gemm)->release(s->inner_state[i]);
    if (s->epilogue) hb_cpu_loop_release(s->epilogue);
    free(s);
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **made, hb_error *error) {
    const hb_gemm *gemm = &step->u.gemm;
    *made = NULL;
    state *s = calloc(1, sizeof *s);
    if (!s) return hb_fail_memory(error, "a matrix product", sizeof *s);
    const int64_t rows = BLOCK_BYTES / (gemm->n * (int64_t)hebb_dtype_size(gemm->dtype));
    s->step = step;
    s->parts = parts_of(cut_of(gemm));
    s->block_rows = hb_ceil_div(gemm->m, hb_ceil_div(gemm->m, rows > 1 ? rows : 1));
    const int n = make_all(step, s->inner);
    hebb_status status = HEBB_OK;
    for (int i = 0; i < n && !status; i++)
        status = solver_of(gemm)->prepare(device, &s->inner[i].step, &s->inner_state[i], error);
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
