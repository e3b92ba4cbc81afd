/* The table of the matrix-product solvers and what they have in common. cpu.c chooses among them by
   their costs, which depend on sizes only: not on the number of threads, so that neither do
   results. Knows no loops over elements; those are in the solvers' files. */
#include "gemm.h"
#include <stdlib.h>

const hb_cpu_solver *const hb_cpu_gemm_solvers[] = {&hb_cpu_gemm_packed, &hb_cpu_gemm_in_place,
                                                    &hb_cpu_gemm_parts,  &hb_cpu_gemm_vector,
                                                    &hb_cpu_gemm_banded, NULL};

const hb_cpu_gemm_type *hb_gemm_kernels(const hb_device *device, const hb_gemm *gemm) {
    const hb_cpu_gemm_kernels *kernels = device->isa->gemm;
    return gemm->dtype == HEBB_F64 ? kernels->f64 : kernels->f32;
}

int64_t hb_gemm_batches(const hb_gemm *gemm) {
    int64_t batches = 1;
    for (int i = 0; i < gemm->n_batch; i++) batches *= gemm->batch[i];
    return batches;
}

bool hb_gemm_is_direct(const hb_gemm *gemm) {
    const hb_loop *loop = &gemm->epilogue;
    if (loop->n_instr != 1 || loop->instr[0].code != HB_ACC || loop->n_out != 1) return false;
    const hb_operand *to = &loop->out[0].to;
    return to->dtype == gemm->dtype && (to->stride[gemm->n_batch + 1] == 1 || gemm->n == 1);
}

/* How often instruction 0 is read by others. */
static int uses_of_first(const hb_loop *loop) {
    int uses = 0;
    for (int i = 1; i < loop->n_instr; i++) {
        const hb_instr *instr = &loop->instr[i];
        if (instr->code == HB_LOAD) continue;
        uses += (instr->a == 0) + (instr->b == 0) + (instr->c == 0) + (hb_fourth(instr) == 0);
    }
    return uses;
}

bool hb_gemm_waits_at_output(const hb_gemm *gemm) {
    const hb_loop *loop = &gemm->epilogue;
    if (loop->n_out != 1 || loop->instr[0].code != HB_ACC || uses_of_first(loop) != 1) return false;
    for (int i = 1; i < loop->n_instr; i++)
        if (loop->instr[i].code == HB_ACC) return false;
    const hb_operand *to = &loop->out[0].to;
    return to->dtype == gemm->dtype && to->stride[gemm->n_batch + 1] == 1 &&
           !hb_reads_output(loop, to);
}

size_t hb_gemm_bytes(const hb_gemm *gemm, int64_t elements) {
    const size_t bytes = (size_t)elements * hebb_dtype_size(gemm->dtype);
    return hb_round_up(bytes, HB_GEMM_ALIGNMENT);
}

size_t hb_gemm_scratch_bytes(const hb_device *device, hb_gemm_scratch scratch) {
    return scratch.shared + (size_t)device->threads * scratch.thread;
}

hebb_status hb_gemm_prepare(hb_device *device, const hb_step *step, hb_gemm_scratch scratch,
                            size_t bytes, void **state, hb_error *error) {
    const hb_gemm *gemm = &step->u.gemm;
    *state = NULL;
    hb_gemm_common *common = calloc(1, bytes);
    if (!common) return hb_fail_memory(error, "a matrix product", bytes);
    *common = (hb_gemm_common){
        .step = step,
        .gemm = gemm,
        .kernels = hb_gemm_kernels(device, gemm),
        .element = (int64_t)hebb_dtype_size(gemm->dtype),
        .batches = hb_gemm_batches(gemm),
        .scratch = scratch,
        .threads = device->threads,
        .mac_ns = 2 * hb_gemm_ns(device, gemm, 1),
    };
    /* The number of threads may have been raised since scratch memory was asked for. */
    if (scratch.thread > 0)
        common->threads = (int)((step->scratch_bytes - scratch.shared) / scratch.thread);
    common->at_output = hb_gemm_is_direct(gemm) || hb_gemm_waits_at_output(gemm);
    if (!hb_gemm_is_direct(gemm)) {
        const hebb_status status =
            hb_cpu_loop_prepare(device, &gemm->epilogue, &common->epilogue, error);
        if (status != HEBB_OK) {
            free(common);
            return status;
        }
    }
    *state = common;
    return HEBB_OK;
}

void hb_gemm_release(void *state) {
    hb_gemm_common *common = state;
    if (common->epilogue) hb_cpu_loop_release(common->epilogue);
    free(common);
}

char *hb_gemm_shared(const hb_gemm_common *common, const hb_run_args *args) {
    return hb_cpu_base(args, HB_BUFFER_ARENA) + common->step->scratch_offset;
}

char *hb_gemm_own(const hb_gemm_common *common, const hb_run_args *args, int thread) {
    return hb_gemm_shared(common, args) + common->scratch.shared +
           (size_t)thread * common->scratch.thread;
}

/* Where an operand of this product of the batch begins; it has elements of `element` bytes. */
static char *address_in_batch(const hb_gemm *gemm, const hb_run_args *args, const hb_operand *x,
                              int64_t element, int64_t batch) {
    int64_t offset = x->offset;
    for (int i = gemm->n_batch - 1; i >= 0 && batch > 0; i--) {
        offset += batch % gemm->batch[i] * x->stride[i];
        batch /= gemm->batch[i];
    }
    return hb_cpu_base(args, x->buffer) + offset * element;
}

char *hb_gemm_address(const hb_gemm *gemm, const hb_run_args *args, const hb_operand *x,
                      int64_t batch) {
    return address_in_batch(gemm, args, x, (int64_t)hebb_dtype_size(gemm->dtype), batch);
}

hb_gemm_product hb_gemm_product_of(const hb_gemm_common *common, const hb_run_args *args,
                                   int64_t batch) {
    const hb_gemm *gemm = common->gemm;
    const hb_operand *c = common->at_output ? &gemm->epilogue.out[0].to : NULL;
    const int n_batch = gemm->n_batch;
    const int64_t element = common->element;
    return (hb_gemm_product){
        .batch = batch,
        .a = address_in_batch(gemm, args, &gemm->a, element, batch),
        .b = address_in_batch(gemm, args, &gemm->b, element, batch),
        .c = c ? address_in_batch(gemm, args, c, element, batch) : NULL,
        .a_row = gemm->a.stride[n_batch],
        .a_column = gemm->a.stride[n_batch + 1],
        .b_row = gemm->b.stride[n_batch],
        .b_column = gemm->b.stride[n_batch + 1],
        .c_row = c ? c->stride[n_batch] : 0,
    };
}

/* Elements of a product: what goes with fewer is in L2. */
enum { ASK_FROM = 16384 };

hb_gemm_results hb_gemm_results_of(const hb_gemm_common *common, const hb_run_args *args,
                                   int64_t batch) {
    const hb_gemm *gemm = common->gemm;
    const hb_loop *loop = &gemm->epilogue;
    const int m = gemm->n_batch, n = gemm->n_batch + 1;
    hb_gemm_results results;
    results.n = 0;
    if (common->at_output || gemm->m * gemm->n < ASK_FROM) return results;
    for (int k = 0; k < loop->n_out && results.n < HB_GEMM_RESULTS; k++) {
        const hb_operand *to = &loop->out[k].to;
        if (to->stride[m] == 0 || to->stride[n] != 1 || hb_reads_output(loop, to)) continue;
        const int64_t element = (int64_t)hebb_dtype_size(to->dtype);
        results.rows[results.n].to = address_in_batch(gemm, args, to, element, batch);
        results.rows[results.n].row = to->stride[m] * element;
        results.rows[results.n++].element = element;
    }
    return results;
}

/* Rounds parts up to a multiple of the threads, if there are so many units. */
static bool even(int64_t threads, int64_t units, int64_t *parts) {
    const int64_t rounded = hb_ceil_div(*parts, threads) * threads;
    if (rounded > units) return false;
    *parts = rounded;
    return true;
}

void hb_gemm_even_parts(const hb_device *device, int64_t batches, bool columns_first,
                        int64_t row_units, int64_t *row_parts, int64_t column_units,
                        int64_t *column_parts) {
    const int64_t threads = device->threads, tasks = batches * *row_parts * *column_parts;
    if (tasks % threads == 0 || tasks >= 8 * threads) return;
    if (columns_first && even(threads, column_units, column_parts)) return;
    if (even(threads, row_units, row_parts)) return;
    if (even(threads, column_units, column_parts)) return;
    *row_parts = row_units;
    *column_parts = column_units;
}

/* A vector of multiply-adds a cycle at 3.5 GHz; processors that do two in a cycle are slower on
 * others. */
double hb_gemm_ns(const hb_device *device, const hb_gemm *gemm, double macs) {
    return macs / (3.5 * hb_gemm_kernels(device, gemm)->lanes);
}

/* Threads pay earlier than for a LOOP, whose bound is memory: 64 x 64 x 64, 4.7 us, gains by them.
 */
void hb_gemm_parallel(const hb_device *device, const hb_gemm_common *common, int64_t count,
                      double macs, hb_cpu_task *task, void *context) {
    hb_cpu_parallel_within(device, common->threads, count, macs * common->mac_ns, task, context);
}
