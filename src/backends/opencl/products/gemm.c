/* GEMM steps: the table of solvers, the choice among them, and what their kernels share. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tile.h"

const hb_cl_gemm_solver *const hb_cl_gemm_solvers[] = {
#ifdef HEBB_HAVE_CLBLAST
    &hb_cl_gemm_clblast,
#endif
    &hb_cl_gemm_vector, /* CPUs */
    &hb_cl_gemm_tiled,  /* GPUs, ... */
    &hb_cl_gemm_short,  /* ... and what is small there */
    &hb_cl_gemm_reference,
};
const size_t hb_cl_n_gemm_solvers = sizeof hb_cl_gemm_solvers / sizeof *hb_cl_gemm_solvers;

int64_t hb_cl_gemm_batches(const hb_gemm *gemm) {
    int64_t count = 1;
    for (int k = 0; k < gemm->n_batch; k++) count *= gemm->batch[k];
    return count;
}

double hb_cl_gemm_flops(const hb_gemm *gemm) {
    return 2.0 * (double)gemm->m * (double)gemm->n * (double)gemm->k *
           (double)hb_cl_gemm_batches(gemm);
}

/* HEBB_GEMM=name forces a solver wherever it can do the step. */
static const hb_cl_gemm_solver *cheapest(hb_device *device, const hb_gemm *gemm) {
    const char *forced = getenv("HEBB_GEMM");
    const hb_cl_gemm_solver *best = NULL;
    double best_cost = 0;
    for (size_t s = 0; s < hb_cl_n_gemm_solvers; s++) {
        const hb_cl_gemm_solver *solver = hb_cl_gemm_solvers[s];
        double cost = solver->cost(device, gemm);
        bool is_forced = forced != NULL && strcmp(forced, solver->name) == 0;
        if (best != NULL && cost >= best_cost && !is_forced) continue;
        if (!solver->can_do(device, gemm)) continue;
        best = solver;
        best_cost = cost;
        if (is_forced) break;
    }
    return best;
}

/* A solver that turns out wrong on this device says so in can_do() from then on. */
static const hb_cl_gemm_solver *choose(hb_device *device, const hb_step *step) {
    const hb_gemm *gemm = &step->u.gemm;
    if (device->trial != NULL) return device->trial;
    const hb_cl_gemm_solver *solver = getenv("HEBB_GEMM") ? NULL : hb_cl_gemm_tuned(device, step);
    if (solver != NULL) return solver;
    solver = cheapest(device, gemm);
    if (solver->verify == NULL || solver->verify(device)) return solver;
    return cheapest(device, gemm);
}

size_t hb_cl_gemm_scratch(hb_device *device, const hb_step *step) {
    const hb_cl_gemm_solver *solver = choose(device, step);
    return solver->scratch != NULL ? solver->scratch(device, &step->u.gemm) : 0;
}

hebb_status hb_cl_gemm_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                               const char **title, hb_error *error) {
    const hb_gemm *gemm = &step->u.gemm;
    const hb_cl_gemm_solver *solver = choose(device, step);
    *title = solver->title;
    hb_log("%s: \"%s\" %lldx%lldx%lld by %s", device->info.id, step->name, (long long)gemm->m,
           (long long)gemm->n, (long long)gemm->k, solver->title);
    for (int k = 0; k < gemm->n_batch; k++)
        if (gemm->batch[k] == 0) return HEBB_OK;
    if (gemm->m == 0 || gemm->n == 0) return HEBB_OK;
    return solver->prepare(device, prepared, step, error);
}

/* ---- products ---- */

static void swap_last(hb_operand *operand, int rank) {
    int64_t row = operand->stride[rank - 2];
    operand->stride[rank - 2] = operand->stride[rank - 1];
    operand->stride[rank - 1] = row;
}

static void transpose_gemm(hb_gemm *gemm) {
    int rank = gemm->n_batch + 2;
    hb_loop *loop = &gemm->epilogue;
    hb_operand a = gemm->a;
    int64_t m = gemm->m;
    gemm->a = gemm->b;
    gemm->b = a;
    gemm->m = gemm->n;
    gemm->n = m;
    swap_last(&gemm->a, rank);
    swap_last(&gemm->b, rank);
    for (int n = 0; n < loop->n_in; n++) swap_last(&loop->in[n], rank);
    for (int n = 0; n < loop->n_out; n++) swap_last(&loop->out[n].to, rank);
}

static void remove_stride(hb_operand *operand, int k) {
    for (int d = k; d + 1 < HEBB_MAX_RANK; d++) operand->stride[d] = operand->stride[d + 1];
    operand->stride[HEBB_MAX_RANK - 1] = 0;
}

/* Merges what can be: batches of size 1 vanish, adjacent ones become one, and the last becomes rows
   if all its matrices are multiplied by the same b. operands[0] is b, [1] is a. */
static void merge_batches(hb_gemm *gemm, hb_operand **operands, int n) {
    int64_t *dim = gemm->epilogue.dim;
    int rank = gemm->n_batch + 2;
    for (int k = 0; k < gemm->n_batch;) {
        if (dim[k] != 1) {
            k++;
            continue;
        }
        for (int i = 0; i < n; i++) remove_stride(operands[i], k);
        for (int d = k; d + 1 < rank; d++) dim[d] = dim[d + 1];
        gemm->n_batch--;
        rank--;
    }
    hb_cl_merge(dim, operands, n, 0, &gemm->n_batch, &rank);
    int last = gemm->n_batch - 1;
    if (last < 0 || gemm->b.stride[last] != 0) return;
    int end = last + 2;
    hb_cl_merge(dim, operands + 1, n - 1, last, &end, &rank);
    if (end == last + 2) return;
    remove_stride(&gemm->b, last);
    gemm->n_batch--;
    gemm->m = dim[last];
}

static bool merge_product(hb_cl_product *product) {
    hb_gemm *gemm = &product->gemm;
    hb_loop *loop = &gemm->epilogue;
    int n = 0;
    hb_operand **operands = malloc((size_t)(loop->n_in + loop->n_out + 2) * sizeof *operands);
    if (operands == NULL) return false;
    operands[n++] = &gemm->b;
    operands[n++] = &gemm->a;
    for (int i = 0; i < loop->n_in; i++) operands[n++] = &loop->in[i];
    for (int i = 0; i < loop->n_out; i++) operands[n++] = &loop->out[i].to;
    merge_batches(gemm, operands, n);
    loop->rank = gemm->n_batch + 2;
    product->batches = 1;
    for (int k = 0; k < gemm->n_batch; k++) product->batches *= loop->dim[k];
    for (int i = 2; i < n; i++)
        if (hb_cl_is_wide(operands[i], loop->rank, loop->dim)) product->wide = true;
    free(operands);
    return true;
}

static bool is_wide_matrix(const hb_gemm *gemm, const hb_operand *operand, int64_t rows,
                           int64_t columns) {
    int64_t dim[HEBB_MAX_RANK];
    memcpy(dim, gemm->epilogue.dim, sizeof dim);
    dim[gemm->n_batch] = rows;
    dim[gemm->n_batch + 1] = columns;
    return hb_cl_is_wide(operand, gemm->n_batch + 2, dim);
}

bool hb_cl_product_make(hb_cl_product *product, const hb_gemm *gemm, bool transpose) {
    memset(product, 0, sizeof *product);
    product->gemm = *gemm;
    hb_gemm *copy = &product->gemm;
    hb_loop *loop = &copy->epilogue;
    loop->in = calloc((size_t)loop->n_in + 1, sizeof *loop->in);
    loop->out = calloc((size_t)loop->n_out + 1, sizeof *loop->out);
    if (loop->in != NULL && loop->out != NULL) {
        for (int n = 0; n < loop->n_in; n++) loop->in[n] = gemm->epilogue.in[n];
        for (int n = 0; n < loop->n_out; n++) loop->out[n] = gemm->epilogue.out[n];
        if (transpose) transpose_gemm(copy);
        for (int k = 0; k < copy->n_batch; k++) loop->dim[k] = copy->batch[k];
        loop->dim[copy->n_batch] = copy->m;
        loop->dim[copy->n_batch + 1] = copy->n;
        if (merge_product(product)) {
            product->wide = product->wide || is_wide_matrix(copy, &copy->a, copy->m, copy->k) ||
                            is_wide_matrix(copy, &copy->b, copy->k, copy->n);
            return true;
        }
    }
    hb_cl_product_free(product);
    return false;
}

void hb_cl_product_free(hb_cl_product *product) {
    free(product->gemm.epilogue.in);
    free(product->gemm.epilogue.out);
    product->gemm.epilogue.in = NULL;
    product->gemm.epilogue.out = NULL;
}

int64_t hb_cl_row_stride(const hb_cl_product *product, const hb_operand *operand) {
    return operand->stride[product->gemm.n_batch];
}

int64_t hb_cl_column_stride(const hb_cl_product *product, const hb_operand *operand) {
    return operand->stride[product->gemm.n_batch + 1];
}

void hb_cl_stride_params(hb_cl_kernel *kernel, const hb_cl_product *product) {
    const hb_gemm *gemm = &product->gemm;
    hb_cl_index_param(kernel, "ai", hb_cl_row_stride(product, &gemm->a));
    hb_cl_index_param(kernel, "ak", hb_cl_column_stride(product, &gemm->a));
    hb_cl_index_param(kernel, "bk", hb_cl_row_stride(product, &gemm->b));
    hb_cl_index_param(kernel, "bj", hb_cl_column_stride(product, &gemm->b));
}

/* ---- text that the solvers' kernels share ---- */

void hb_cl_write_batch(hb_cl_kernel *kernel, const hb_cl_product *product, const char *z) {
    hb_cl_print(&kernel->body, "const hb_index z = %s;\n", z);
    hb_cl_write_coordinates(kernel, &product->gemm.epilogue, 0, product->gemm.n_batch, "z");
}

void hb_cl_write_matrix(hb_cl_kernel *kernel, const hb_cl_product *product, const char *name,
                        const hb_operand *operand) {
    char pointer[HB_CL_NAME_SIZE];
    int n = product->gemm.n_batch;
    hb_cl_write_base(kernel, name, operand, n, -1);
    pointer[0] = 'm';
    strncpy(pointer + 1, name, sizeof pointer - 2);
    pointer[sizeof pointer - 1] = '\0';
    hb_cl_buffer_param(kernel, pointer, operand->buffer, operand->dtype, false);
    hb_cl_print(&kernel->body, "global const %s *%s = %s + b%s;\n", hb_cl_type(operand->dtype),
                name, pointer, name);
}

void hb_cl_write_epilogue_bases(hb_cl_kernel *kernel, const hb_cl_product *product) {
    const hb_loop *loop = &product->gemm.epilogue;
    hb_cl_write_bases(kernel, loop, 0, loop->n_instr, loop->rank, loop->rank - 1);
}

void hb_cl_write_epilogue(hb_cl_kernel *kernel, const hb_cl_product *product, const char *value) {
    const hb_loop *loop = &product->gemm.epilogue;
    hb_cl_write_values(kernel, loop, 0, loop->n_instr, loop->rank - 1, value);
    hb_cl_write_stores(kernel, loop, 0, loop->n_instr, loop->rank - 1);
}

/* ---- sums of parts ---- */

static int64_t first_sum(const hb_step *step) {
    return step->scratch_offset / (int64_t)hebb_dtype_size(step->u.gemm.dtype);
}

void hb_cl_gemm_widen(hb_cl_product *product, const hb_step *step, int64_t parts) {
    const int64_t results = product->batches * product->gemm.m * product->gemm.n;
    if (first_sum(step) + parts * results > INT32_MAX) product->wide = true;
}

static void write_sum(hb_cl_kernel *kernel, const hb_step *step, const hb_cl_product *product,
                      int64_t parts, int lanes) {
    const hb_gemm *gemm = &product->gemm;
    char at[3 * HB_CL_NAME_SIZE];
    kernel->wide = product->wide;
    hb_cl_need(kernel, HB_CL_SCALAR, gemm->dtype);
    hb_cl_index_param(kernel, "m", gemm->m);
    hb_cl_index_param(kernel, "columns", gemm->n);
    hb_cl_index_param(kernel, "parts", parts);
    hb_cl_buffer_param(kernel, "sums", step->scratch_buffer, gemm->dtype, false);
    hb_cl_index_param(kernel, "at", first_sum(step));
    hb_cl_print(&kernel->body, "const hb_index i%d = (hb_index)HB_ITEM(1);\n", gemm->n_batch);
    hb_cl_write_batch(kernel, product, "(hb_index)HB_ITEM(2)");
    snprintf(at, sizeof at, "at + (z * parts * m + i%d) * columns + j", gemm->n_batch);
    hb_cl_sum_parts(kernel, gemm->dtype, lanes, "j", "columns", at, "m * columns");
    hb_cl_write_epilogue_bases(kernel, product);
    hb_cl_write_epilogue(kernel, product, "sum");
    hb_cl_append(&kernel->body, "}\n");
}

hebb_status hb_cl_gemm_add_sum(hb_device *device, hb_prepared *prepared, const hb_step *step,
                               const hb_cl_product *product, int64_t parts, hb_error *error) {
    const hb_gemm *gemm = &product->gemm;
    hb_cl_launch *launch = hb_cl_launch_add(prepared, step);
    if (launch == NULL) return hb_fail_memory(error, "a launch", sizeof *launch);
    const int lanes = hb_cl_sum_lanes(device, gemm->m * gemm->n * product->batches, parts);
    write_sum(&launch->source, step, product, parts, lanes);
    hb_cl_sum_range(device, launch, lanes, gemm->n, gemm->m, product->batches);
    return HEBB_OK;
}
