/* Vector x matrix and matrix x vector, which read each element of the matrix once: memory binds,
   and tiles of one row would wait for their own sums. Both are y[j] = sum over p of x[p] M[p, j];
   for a matrix x vector, M is A transposed. Called through the table in gemm.c. */
#include "gemm.h"

/* Dot products in a task: 64 of length 512 are some microseconds. */
enum { TASK_DOTS = 64 };

/* Rows of the columns that fill no vector, which are packed at a time. */
enum { TAIL_ROWS = 1024 };

typedef struct state {
    hb_gemm_common common; /* first: hb_gemm_prepare() makes it */
    bool swapped;          /* matrix x vector */
    int64_t count;         /* of y */
    int64_t chunk;         /* elements of y in a task */
    int64_t chunks;        /* in one product */
} state;

/* One product of the batch, with its roles sorted out. */
typedef struct roles {
    const char *x, *matrix;
    int64_t x_stride, m_p, m_j;
} roles;

static bool is_swapped(const hb_gemm *gemm) { return gemm->m != 1; }

static roles roles_of(const hb_gemm_product *product, bool swapped) {
    if (swapped)
        return (roles){product->b, product->a, product->b_row, product->a_column, product->a_row};
    return (roles){product->a, product->b, product->a_column, product->b_row, product->b_column};
}

/* The strides alone. */
static roles strides_of(const hb_gemm *gemm) {
    const int64_t *a = gemm->a.stride + gemm->n_batch, *b = gemm->b.stride + gemm->n_batch;
    const hb_gemm_product product = {
        .a_row = a[0], .a_column = a[1], .b_row = b[0], .b_column = b[1]};
    return roles_of(&product, is_swapped(gemm));
}

/* Dot products want x side by side; tiles broadcast its elements from anywhere. */
static bool packs_x(const hb_gemm *gemm) {
    const roles strides = strides_of(gemm);
    return strides.m_j != 1 && strides.x_stride != 1;
}

static int64_t chunk_of(const hb_device *device, const hb_gemm *gemm) {
    return strides_of(gemm).m_j == 1 ? hb_gemm_kernels(device, gemm)->wide : TASK_DOTS;
}

/* Elements of a copy of the columns that fill no vector. */
static int64_t tail_of(const hb_device *device, const hb_gemm *gemm) {
    const int lanes = hb_gemm_kernels(device, gemm)->lanes;
    const int64_t count = is_swapped(gemm) ? gemm->m : gemm->n;
    if (strides_of(gemm).m_j != 1 || count % lanes == 0) return 0;
    return (gemm->k < TAIL_ROWS ? gemm->k : TAIL_ROWS) * lanes;
}

/* First sums that wait for the epilogue, then x or the last columns, if they are packed. */
static hb_gemm_scratch scratch_of(const hb_device *device, const hb_gemm *gemm) {
    const int64_t packed = packs_x(gemm) ? gemm->k : tail_of(device, gemm);
    const int64_t waiting = hb_gemm_is_direct(gemm) ? 0 : chunk_of(device, gemm);
    return (hb_gemm_scratch){.thread = hb_gemm_bytes(gemm, waiting) + hb_gemm_bytes(gemm, packed)};
}

typedef struct run_context {
    hb_device *device;
    const state *state;
    const hb_run_args *args;
} run_context;

/* The last columns, fewer than a vector has: packed, some rows at a time. */
static void run_tail(const hb_gemm_common *common, const roles *r, const char *matrix,
                     int64_t columns, char *y, char *tail) {
    const hb_cpu_gemm_type *kernels = common->kernels;
    const int64_t k = common->gemm->k, element = common->element;
    for (int64_t p = 0, rows; p == 0 || p < k; p += rows) {
        rows = k - p < TAIL_ROWS ? k - p : TAIL_ROWS;
        kernels->pack(columns, rows, matrix + p * r->m_p * element, 1, r->m_p, kernels->lanes,
                      tail);
        kernels->tile[0][0](rows, r->x + p * r->x_stride * element, 0, r->x_stride, tail,
                            kernels->lanes, y, 0, columns, p > 0);
        if (rows == 0) return;
    }
}

/* y[j0...j1) by tiles of one row: as wide as possible. */
static void run_tiles(const hb_gemm_common *common, const roles *r, int64_t j0, int64_t j1, char *y,
                      char *tail) {
    const hb_cpu_gemm_type *kernels = common->kernels;
    const int64_t k = common->gemm->k, element = common->element;
    for (int64_t j = j0, columns; j < j1; j += columns, y += columns * element) {
        const char *matrix = r->matrix + j * element;
        columns = j1 - j;
        if (columns >= kernels->wide) {
            columns = kernels->wide;
            kernels->wide_tile(k, r->x, 0, r->x_stride, matrix, r->m_p, y, 0, columns, false);
        } else if (columns >= kernels->lanes) {
            const int vectors = columns >= 2 * kernels->lanes ? 2 : 1;
            columns = vectors * kernels->lanes;
            kernels->tile[0][vectors - 1](k, r->x, 0, r->x_stride, matrix, r->m_p, y, 0, columns,
                                          false);
        } else run_tail(common, r, matrix, columns, y, tail);
    }
}

static void run_dots(const hb_gemm_common *common, const roles *r, int64_t j0, int64_t j1, char *y,
                     char *packed) {
    const int64_t k = common->gemm->k;
    if (packs_x(common->gemm)) common->kernels->pack(1, k, r->x, 0, r->x_stride, 1, packed);
    common->kernels->dots(k, packs_x(common->gemm) ? packed : r->x,
                          r->matrix + j0 * r->m_j * common->element, r->m_j, j1 - j0, y);
}

static void run_task(const run_context *run, int64_t task, int thread) {
    const state *s = run->state;
    const hb_gemm_common *common = &s->common;
    const hb_gemm *gemm = common->gemm;
    const int64_t j0 = hb_take(&task, s->chunks) * s->chunk;
    const hb_gemm_product product = hb_gemm_product_of(common, run->args, task);
    const roles r = roles_of(&product, s->swapped);
    const int64_t j1 = j0 + s->chunk < s->count ? j0 + s->chunk : s->count;
    char *own = common->scratch.thread ? hb_gemm_own(common, run->args, thread) : NULL;
    char *y = common->epilogue ? own : product.c + j0 * common->element;
    if (common->epilogue) own += hb_gemm_bytes(gemm, s->chunk);
    if (r.m_j == 1) run_tiles(common, &r, j0, j1, y, own);
    else run_dots(common, &r, j0, j1, y, own);
    if (!common->epilogue) return;
    if (s->swapped)
        hb_cpu_loop_block(run->device, common->epilogue, run->args, thread, product.batch, j0, j1,
                          0, 1, y, 1);
    else
        hb_cpu_loop_block(run->device, common->epilogue, run->args, thread, product.batch, 0, 1, j0,
                          j1, y, s->chunk);
}

static void run_tasks(void *context, int64_t begin, int64_t end, int thread) {
    for (int64_t task = begin; task < end; task++) run_task(context, task, thread);
}

static void run(hb_device *device, const void *state_, const hb_run_args *args) {
    const state *s = state_;
    run_context context = {device, s, args};
    const double macs = (double)s->common.batches * (double)s->count * (double)s->common.gemm->k;
    hb_gemm_parallel(device, &s->common, s->common.batches * s->chunks, 3 * macs, run_tasks,
                     &context);
}

static bool can_do(const hb_device *device, const hb_step *step) {
    const hb_gemm *gemm = &step->u.gemm;
    if (gemm->m < 1 || gemm->n < 1 || (gemm->m > 1 && gemm->n > 1)) return false;
    if (gemm->m > 1 && hb_gemm_is_direct(gemm) &&
        gemm->epilogue.out[0].to.stride[gemm->n_batch] != 1)
        return false;
    const roles strides = strides_of(gemm);
    return strides.m_j == 1 || strides.m_p == 1;
}

static double cost(const hb_device *device, const hb_step *step) {
    const hb_gemm *gemm = &step->u.gemm;
    return 0.4 * hb_gemm_ns(device, gemm, (double)(gemm->m * gemm->n) * (double)gemm->k);
}

static size_t scratch(const hb_device *device, const hb_step *step) {
    return hb_gemm_scratch_bytes(device, scratch_of(device, &step->u.gemm));
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **made, hb_error *error) {
    const hb_gemm *gemm = &step->u.gemm;
    const hebb_status status =
        hb_gemm_prepare(device, step, scratch_of(device, gemm), sizeof(state), made, error);
    if (status != HEBB_OK) return status;
    state *s = *made;
    s->swapped = is_swapped(gemm);
    s->count = s->swapped ? gemm->m : gemm->n;
    s->chunk = chunk_of(device, gemm);
    s->chunks = hb_ceil_div(s->count, s->chunk);
    return HEBB_OK;
}

const hb_cpu_solver hb_cpu_gemm_vector = {
    .name = "matrix-vector",
    .kind = HB_GEMM,
    .can_do = can_do,
    .cost = cost,
    .scratch = scratch,
    .prepare = prepare,
    .run = run,
    .release = hb_gemm_release,
};
