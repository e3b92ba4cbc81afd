/* GEMM by CLBlast, for matrices with a stride of 1 in one direction. The product goes to scratch
   memory and the epilogue runs over it as a LOOP, unless all that it does is store. Before a
   device's first use CLBlast is checked there against sums formed on the host, and dropped if it is
   wrong. */
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../opencl.h"
#include "clblast.h"

enum { FEW = 16 }; /* rows or columns, below which its tiles on CPUs are mostly empty */

/* CLBlast has failed when called from several threads at once, whatever the device. */
static pthread_mutex_t clblast_lock = PTHREAD_MUTEX_INITIALIZER;

typedef struct matrix {
    int buffer;
    int64_t offset, leading;
    int64_t stride[HEBB_MAX_RANK]; /* of batches */
    CLBlastTranspose transpose;
} matrix;

/* Everything that a call needs but the memory. */
typedef struct product_call {
    hebb_dtype dtype;
    int n_batch;
    int64_t batch[HEBB_MAX_RANK];
    size_t m, n, k;
    matrix a, b, c;
} product_call;

/* ---- matrices as CLBlast wants them ---- */

static bool describe(const hb_operand *operand, int n_batch, int64_t rows, int64_t columns,
                     matrix *out) {
    int64_t row = operand->stride[n_batch], column = operand->stride[n_batch + 1];
    *out = (matrix){.buffer = operand->buffer, .offset = operand->offset};
    for (int k = 0; k < n_batch; k++) {
        if (operand->stride[k] < 0) return false;
        out->stride[k] = operand->stride[k];
    }
    if (operand->offset < 0) return false;
    if ((column == 1 || columns == 1) && (row >= columns || rows == 1)) {
        out->transpose = CLBlastTransposeNo;
        out->leading = rows == 1 ? columns : row;
        return true;
    }
    if ((row == 1 || rows == 1) && (column >= rows || columns == 1)) {
        out->transpose = CLBlastTransposeYes;
        out->leading = columns == 1 ? rows : column;
        return true;
    }
    return false;
}

/* Where all that the epilogue does is store the product in rows, CLBlast can do it itself. */
static bool stores_only(const hb_gemm *gemm, matrix *c) {
    const hb_loop *loop = &gemm->epilogue;
    return loop->n_in == 0 && loop->n_out == 1 && loop->n_instr == 1 &&
           loop->instr[0].code == HB_ACC &&
           describe(&loop->out[0].to, gemm->n_batch, gemm->m, gemm->n, c) &&
           c->transpose == CLBlastTransposeNo;
}

/* The product's place in the scratch memory: contiguous. */
static hb_operand scratch_operand(const hb_gemm *gemm, const hb_step *step) {
    hb_operand operand = {.buffer = step->scratch_buffer, .dtype = gemm->dtype};
    operand.offset = step->scratch_offset / (int64_t)hebb_dtype_size(gemm->dtype);
    int64_t stride = 1;
    for (int k = gemm->n_batch + 1; k >= 0; k--) {
        operand.stride[k] = stride;
        stride *=
            k == gemm->n_batch + 1 ? gemm->n : (k == gemm->n_batch ? gemm->m : gemm->batch[k]);
    }
    return operand;
}

static size_t scratch(hb_device *device, const hb_gemm *gemm) {
    (void)device;
    matrix c;
    if (stores_only(gemm, &c)) return 0;
    return (size_t)(hb_cl_gemm_batches(gemm) * gemm->m * gemm->n) * hebb_dtype_size(gemm->dtype);
}

static bool can_do(hb_device *device, const hb_gemm *gemm) {
    matrix a, b;
    hb_cl_product product;
    if (device->clblast < 0 || gemm->k == 0 || (gemm->dtype == HEBB_F64 && !device->info.f64))
        return false;
    if (!describe(&gemm->a, gemm->n_batch, gemm->m, gemm->k, &a) ||
        !describe(&gemm->b, gemm->n_batch, gemm->k, gemm->n, &b))
        return false;
    if (!hb_cl_product_make(&product, gemm, false)) return false;
    bool narrow = !product.wide && gemm->m * gemm->n * hb_cl_gemm_batches(gemm) < INT32_MAX;
    hb_cl_product_free(&product);
    return narrow;
}

/* Untuned, on a CPU: some 15 GFLOP/s measured, of which a few rows or columns leave little. On GPUs
   twice our tiled kernel if there are tiles for all units (29 TFLOP/s on the 132 of an H200 at
   2048); small products pay for padding and for the epilogue's own pass. */
static double cost(hb_device *device, const hb_gemm *gemm) {
    double tiles = ceil((double)gemm->m / 128) * ceil((double)gemm->n / 64);
    double rate = 200e9 * fmin(device->info.units, tiles);
    if (device->lanes)
        rate = 15e9 * fmin(1, (double)gemm->m / FEW) * fmin(1, (double)gemm->n / FEW);
    if (gemm->dtype == HEBB_F64) rate /= 2;
    double pass = (double)scratch(device, gemm) * 2 / 200e9;
    return 30e-6 * (double)hb_cl_gemm_batches(gemm) + pass + hb_cl_gemm_flops(gemm) / rate;
}

/* ---- calling ---- */

/* Whoever runs next has to wait for the queue, so that one temporary buffer a device will do. */
static cl_mem temp_buffer(hb_device *device, size_t bytes) {
    if (bytes <= device->clblast_temp_bytes) return device->clblast_temp;
    cl_int code;
    cl_mem memory = clCreateBuffer(device->context, CL_MEM_READ_WRITE, bytes, NULL, &code);
    if (code != CL_SUCCESS) return NULL;
    if (device->clblast_temp != NULL) clReleaseMemObject(device->clblast_temp);
    device->clblast_temp = memory;
    device->clblast_temp_bytes = bytes;
    return memory;
}

static CLBlastStatusCode call_one(hb_device *device, const product_call *p, const cl_mem *memory,
                                  const size_t *offset) {
    size_t bytes = 0;
    const size_t lda = (size_t)p->a.leading, ldb = (size_t)p->b.leading, ldc = (size_t)p->c.leading;
    bool single = p->dtype == HEBB_F32;
    const hb_cl_clblast *clblast = hb_cl_clblast_load();
    CLBlastStatusCode code = (single ? clblast->s_temp_bytes : clblast->d_temp_bytes)(
        CLBlastLayoutRowMajor, p->a.transpose, p->b.transpose, p->m, p->n, p->k, offset[0], lda,
        offset[1], ldb, offset[2], ldc, &device->queue, &bytes);
    if (code != CLBlastSuccess) return code;
    cl_mem temp = NULL;
    if (bytes > 0 && (temp = temp_buffer(device, bytes)) == NULL)
        return CLBlastTempBufferAllocFailure;
    if (single)
        return clblast->sgemm(CLBlastLayoutRowMajor, p->a.transpose, p->b.transpose, p->m, p->n,
                              p->k, 1.0f, memory[0], offset[0], lda, memory[1], offset[1], ldb,
                              0.0f, memory[2], offset[2], ldc, &device->queue, NULL, temp);
    return clblast->dgemm(CLBlastLayoutRowMajor, p->a.transpose, p->b.transpose, p->m, p->n, p->k,
                          1.0, memory[0], offset[0], lda, memory[1], offset[1], ldb, 0.0, memory[2],
                          offset[2], ldc, &device->queue, NULL, temp);
}

static CLBlastStatusCode call_strided(hb_device *device, const product_call *p,
                                      const cl_mem *memory, const size_t *offset) {
    const hb_cl_clblast *clblast = hb_cl_clblast_load();
    int last = p->n_batch - 1;
    size_t count = (size_t)p->batch[last];
    size_t sa = (size_t)p->a.stride[last], sb = (size_t)p->b.stride[last];
    size_t sc = (size_t)p->c.stride[last];
    const size_t lda = (size_t)p->a.leading, ldb = (size_t)p->b.leading, ldc = (size_t)p->c.leading;
    if (p->dtype == HEBB_F32)
        return clblast->sgemm_strided(CLBlastLayoutRowMajor, p->a.transpose, p->b.transpose, p->m,
                                      p->n, p->k, 1.0f, memory[0], offset[0], lda, sa, memory[1],
                                      offset[1], ldb, sb, 0.0f, memory[2], offset[2], ldc, sc,
                                      count, &device->queue, NULL);
    return clblast->dgemm_strided(CLBlastLayoutRowMajor, p->a.transpose, p->b.transpose, p->m, p->n,
                                  p->k, 1.0, memory[0], offset[0], lda, sa, memory[1], offset[1],
                                  ldb, sb, 0.0, memory[2], offset[2], ldc, sc, count,
                                  &device->queue, NULL);
}

static size_t batch_offset(const matrix *x, const int64_t *coordinate, int n) {
    int64_t at = x->offset;
    for (int k = 0; k < n; k++) at += coordinate[k] * x->stride[k];
    return (size_t)at;
}

/* The last batch dimension goes to CLBlast as a whole, the others call by call. */
static CLBlastStatusCode call_all(hb_device *device, const product_call *p, const cl_mem *memory,
                                  const size_t *first) {
    int outer = p->n_batch > 0 ? p->n_batch - 1 : 0;
    int64_t count = 1, coordinate[HEBB_MAX_RANK] = {0};
    for (int k = 0; k < outer; k++) count *= p->batch[k];
    CLBlastStatusCode code = CLBlastSuccess;
    for (int64_t i = 0; i < count && code == CLBlastSuccess; i++) {
        int64_t rest = i;
        for (int k = outer - 1; k >= 0; k--) {
            coordinate[k] = rest % p->batch[k];
            rest /= p->batch[k];
        }
        const size_t offset[3] = {first[0] + batch_offset(&p->a, coordinate, outer),
                                  first[1] + batch_offset(&p->b, coordinate, outer),
                                  first[2] + batch_offset(&p->c, coordinate, outer)};
        code = (p->n_batch == 0 ? call_one : call_strided)(device, p, memory, offset);
    }
    return code;
}

static CLBlastStatusCode call_locked(hb_device *device, const product_call *p, const cl_mem *memory,
                                     const size_t *first) {
    pthread_mutex_lock(&clblast_lock);
    CLBlastStatusCode code = call_all(device, p, memory, first);
    pthread_mutex_unlock(&clblast_lock);
    return code;
}

static hebb_status call(hb_device *device, hb_cl_launch *launch, const hb_run_args *args,
                        hb_error *error) {
    const product_call *p = launch->data;
    const cl_mem memory[3] = {args->buffers[p->a.buffer]->memory,
                              args->buffers[p->b.buffer]->memory,
                              args->buffers[p->c.buffer]->memory};
    const int64_t size = (int64_t)hebb_dtype_size(p->dtype);
    const size_t first[3] = {(size_t)(hb_cl_shift(args, p->a.buffer) / size),
                             (size_t)(hb_cl_shift(args, p->b.buffer) / size),
                             (size_t)(hb_cl_shift(args, p->c.buffer) / size)};
    CLBlastStatusCode code = call_locked(device, p, memory, first);
    if (code == CLBlastSuccess) return HEBB_OK;
    if (code > CLBlastInvalidOverrideKernel + 1024)
        return hb_cl_fail(error, device, code, "CLBlast", launch->step->name);
    return hb_fail(error, HEBB_E_DEVICE, "CLBlast on \"%s\" (%s): error %d in %s",
                   device->info.name, device->info.id, (int)code, launch->step->name);
}

/* ---- the check ---- */

static void fill(float *x, int n, unsigned seed) {
    for (int i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(int)(seed >> 24) / 64.0f - 2.0f;
    }
}

/* a and b contiguous, either of them possibly transposed; NaN counts as wrong. */
static bool is_right(const product_call *p, const float *a, const float *b, const float *c) {
    size_t ai = p->a.transpose == CLBlastTransposeNo ? p->k : 1, ak = ai == 1 ? p->m : 1;
    size_t bk = p->b.transpose == CLBlastTransposeNo ? p->n : 1, bj = bk == 1 ? p->k : 1;
    for (size_t i = 0; i < p->m; i++)
        for (size_t j = 0; j < p->n; j++) {
            double sum = 0, size = 0;
            for (size_t q = 0; q < p->k; q++) {
                double term = (double)a[i * ai + q * ak] * b[q * bk + j * bj];
                sum += term;
                size += fabs(term);
            }
            if (!(fabs(c[i * p->n + j] - sum) <= 1e-5 * size + 1e-6)) return false;
        }
    return true;
}

static product_call check_case(size_t m, size_t n, size_t k, bool ta, bool tb) {
    return (product_call){
        .dtype = HEBB_F32,
        .m = m,
        .n = n,
        .k = k,
        .a = {.leading = (int64_t)(ta ? m : k),
              .transpose = ta ? CLBlastTransposeYes : CLBlastTransposeNo},
        .b = {.leading = (int64_t)(tb ? k : n),
              .transpose = tb ? CLBlastTransposeYes : CLBlastTransposeNo},
        .c = {.leading = (int64_t)n, .transpose = CLBlastTransposeNo},
    };
}

static bool run_case(hb_device *device, const product_call *p) {
    size_t counts[3] = {p->m * p->k, p->k * p->n, p->m * p->n};
    float *host[3] = {NULL};
    cl_mem memory[3] = {NULL};
    bool right = true;
    for (int x = 0; x < 3 && right; x++) {
        cl_int code = CL_SUCCESS;
        host[x] = malloc(counts[x] * sizeof(float));
        right = host[x] != NULL;
        if (!right) break;
        fill(host[x], (int)counts[x], 17u + (unsigned)x);
        memory[x] = clCreateBuffer(device->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
                                   counts[x] * sizeof(float), host[x], &code);
        right = code == CL_SUCCESS;
    }
    right = right && call_locked(device, p, memory, (const size_t[3]){0}) == CLBlastSuccess &&
            clEnqueueReadBuffer(device->queue, memory[2], CL_TRUE, 0, counts[2] * sizeof(float),
                                host[2], 0, NULL, NULL) == CL_SUCCESS &&
            is_right(p, host[0], host[1], host[2]);
    for (int x = 0; x < 3; x++) {
        if (memory[x] != NULL) clReleaseMemObject(memory[x]);
        free(host[x]);
    }
    return right;
}

/* Shapes of both of CLBlast's ways: direct for small matrices, padded and tiled for large ones. */
static bool verify(hb_device *device) {
    if (device->clblast != 0) return device->clblast > 0;
    const product_call cases[] = {
        check_case(33, 17, 29, false, false),    check_case(64, 128, 96, true, false),
        check_case(19, 131, 65, false, true),    check_case(1, 70, 5, true, true),
        check_case(385, 417, 390, false, false), check_case(512, 384, 448, true, true),
    };
    bool right = hb_cl_clblast_load() != NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases && right; i++)
        right = run_case(device, &cases[i]);
    device->clblast = right ? 1 : -1;
    hb_log("%s: CLBlast is %s", device->info.id, right ? "right" : "wrong here and not used");
    return right;
}

/* ---- preparing ---- */

/* The epilogue as a loop that loads what HB_ACC stands for. */
static hebb_status add_epilogue(hb_device *device, hb_prepared *prepared, const hb_step *step,
                                const hb_operand *product, hb_error *error) {
    const hb_gemm *gemm = &step->u.gemm;
    hb_loop loop = gemm->epilogue;
    loop.in = calloc((size_t)loop.n_in + 1, sizeof *loop.in);
    loop.instr = calloc((size_t)loop.n_instr + 1, sizeof *loop.instr);
    hebb_status status = HEBB_OK;
    if (loop.in == NULL || loop.instr == NULL) status = hb_fail_memory(error, "an epilogue", 1);
    else {
        for (int n = 0; n < loop.n_in; n++) loop.in[n] = gemm->epilogue.in[n];
        loop.in[loop.n_in] = *product;
        for (int i = 0; i < loop.n_instr; i++) {
            loop.instr[i] = gemm->epilogue.instr[i];
            if (loop.instr[i].code != HB_ACC) continue;
            loop.instr[i].code = HB_LOAD;
            loop.instr[i].a = (int16_t)loop.n_in;
        }
        loop.n_in++;
        const char *form;
        status = hb_cl_loop_prepare(device, prepared, step, &loop, 0, &form, error);
    }
    /* Instructions are read while the source is written, which is done. */
    free(loop.in);
    free(loop.instr);
    return status;
}

static hebb_status prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                           hb_error *error) {
    const hb_gemm *gemm = &step->u.gemm;
    hb_cl_launch *launch = hb_cl_launch_add(prepared, step);
    product_call *p = calloc(1, sizeof *p);
    if (launch == NULL || p == NULL) {
        free(p);
        return hb_fail_memory(error, "a call of CLBlast", sizeof *p);
    }
    launch->call = call;
    launch->data = p;
    p->dtype = gemm->dtype;
    p->n_batch = gemm->n_batch;
    memcpy(p->batch, gemm->batch, sizeof p->batch);
    p->m = (size_t)gemm->m;
    p->n = (size_t)gemm->n;
    p->k = (size_t)gemm->k;
    describe(&gemm->a, gemm->n_batch, gemm->m, gemm->k, &p->a);
    describe(&gemm->b, gemm->n_batch, gemm->k, gemm->n, &p->b);
    if (stores_only(gemm, &p->c)) return HEBB_OK;
    hb_operand product = scratch_operand(gemm, step);
    describe(&product, gemm->n_batch, gemm->m, gemm->n, &p->c);
    return add_epilogue(device, prepared, step, &product, error);
}

const hb_cl_gemm_solver hb_cl_gemm_clblast = {
    .name = "clblast",
    .title = "CLBlast",
    .can_do = can_do,
    .cost = cost,
    .scratch = scratch,
    .verify = verify,
    .prepare = prepare,
};
