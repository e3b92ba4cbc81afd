/* Matrix products that read their operands where they lie: for sizes at which packing would cost
   more than it saves. Only columns of B that no full tile covers are packed, or all of B if its
   columns do not lie side by side. Called through the table in gemm.c. */
#include "gemm.h"

/* A task's product with an epilogue waits in 64 x 256 f32 = 64 KiB, which leaves half of a small L2
   to the operands. */
enum { TASK_ROWS = 64, TASK_COLUMNS = 256 };

/* A thread's copy of a panel of B: half of an L2 of 2 MiB, all of one of 1 MiB. */
enum { PACKED_BYTES = 1 << 20 };

/* Rows of B, 4 KiB apart, for which there is room in L2; and how few of them are worth a pass. */
enum { FEW_ROWS = 256, LEAST_ROWS = 64 };

/* The tile grid of a product, and the tasks it is cut into: some rows of tiles x some columns. */
typedef struct layout {
    bool pack_b;
    int64_t row_tiles, panels;      /* of one product */
    int64_t row_parts, panel_parts; /* tasks of one product */
    int64_t depth;                  /* of a pass over k */
    int64_t b_elements;             /* a thread's scratch memory: one panel of B ... */
    int64_t c_elements, c_row;      /* ... and a task of C */
} layout;

typedef struct state {
    hb_gemm_common common; /* first: hb_gemm_prepare() makes it */
    layout layout;
} state;

/* The largest power of two that divides a distance of `stride` elements, in bytes. */
static int64_t alignment_of(const hb_gemm *gemm, int64_t stride) {
    const int64_t bytes = stride * (int64_t)hebb_dtype_size(gemm->dtype);
    return bytes & -bytes;
}

/* Rows of B a multiple of 4 KiB apart have few places in L2, however large it is: as many as have
   one are used by all tiles before the next ones come. Others fit well enough as a whole. */
static int64_t depth_of(const hb_gemm *gemm, const layout *l) {
    const int64_t alignment = alignment_of(gemm, gemm->b.stride[gemm->n_batch]);
    if (l->pack_b || l->row_tiles < 2 || alignment < 4096) return gemm->k;
    const int64_t rows = FEW_ROWS * 4096 / alignment;
    return rows > LEAST_ROWS ? rows : LEAST_ROWS;
}

static layout layout_of(const hb_device *device, const hb_gemm *gemm) {
    const hb_cpu_gemm_type *kernels = hb_gemm_kernels(device, gemm);
    const int width = 2 * kernels->lanes;
    layout l = {.row_tiles = hb_ceil_div(gemm->m, kernels->rows),
                .panels = hb_ceil_div(gemm->n, width)};
    l.pack_b = gemm->b.stride[gemm->n_batch + 1] != 1;
    l.row_parts = l.panel_parts = 1;
    l.depth = depth_of(gemm, &l);
    if (l.row_tiles == 0 || l.panels == 0) return l;
    l.b_elements = l.pack_b || gemm->n % width != 0 ? gemm->k * width : 0;
    if (!hb_gemm_is_direct(gemm)) {
        l.row_parts = hb_ceil_div(l.row_tiles, TASK_ROWS / kernels->rows);
        l.panel_parts = hb_ceil_div(l.panels, TASK_COLUMNS / width);
        l.c_row = hb_ceil_div(l.panels, l.panel_parts) * width;
        l.c_elements = hb_ceil_div(l.row_tiles, l.row_parts) * kernels->rows * l.c_row;
    }
    /* A task packs the columns it needs, so each column had better be in one. */
    hb_gemm_even_parts(device, hb_gemm_batches(gemm), l.pack_b, l.row_tiles, &l.row_parts, l.panels,
                       &l.panel_parts);
    return l;
}

static hb_gemm_scratch scratch_of(const hb_gemm *gemm, const layout *l) {
    return (hb_gemm_scratch){.thread = hb_gemm_bytes(gemm, l->b_elements) +
                                       hb_gemm_bytes(gemm, l->c_elements)};
}

/* What a task needs to know. */
typedef struct run_context {
    hb_device *device;
    const state *state;
    const hb_run_args *args;
} run_context;

/* Columns of C, the matching columns of B, and how many tiles of rows to make of them. */
typedef struct panel {
    const char *b;
    int64_t b_row, columns;
    char *c; /* at row i0 of the product */
    int64_t c_row, i0;
} panel;

static void run_panel(const state *s, const hb_gemm_product *product, const panel *q, int64_t begin,
                      int64_t end) {
    const hb_cpu_gemm_type *kernels = s->common.kernels;
    const int64_t m = s->common.gemm->m, k = s->common.gemm->k, element = s->common.element;
    const int vectors = q->columns > kernels->lanes ? 2 : 1;
    int64_t p = 0;
    do { /* once for k = 0, too */
        const int64_t depth = k - p < s->layout.depth ? k - p : s->layout.depth;
        int64_t row = hb_part(m, s->layout.row_tiles, begin);
        for (int64_t tile = begin; tile < end; tile++) {
            const int64_t next = hb_part(m, s->layout.row_tiles, tile + 1);
            kernels->tile[next - row - 1][vectors - 1](
                depth, product->a + (row * product->a_row + p * product->a_column) * element,
                product->a_row, product->a_column, q->b + p * q->b_row * element, q->b_row,
                q->c + (row - q->i0) * q->c_row * element, q->c_row, q->columns, p > 0);
            row = next;
        }
        p += depth;
    } while (p < k);
}

/* The operands of panel p, its part of B packed if it must be. */
static panel panel_of(const state *s, const hb_gemm_product *product, int64_t p, char *packed) {
    const hb_gemm *gemm = s->common.gemm;
    const hb_cpu_gemm_type *kernels = s->common.kernels;
    const int64_t width = 2 * kernels->lanes, j = p * width, rest = gemm->n - j;
    panel q = {.columns = rest < width ? rest : width, .b_row = product->b_row};
    q.b = product->b + j * product->b_column * s->common.element;
    if (s->layout.pack_b || q.columns < width) {
        const int64_t padded = q.columns > kernels->lanes ? width : kernels->lanes;
        kernels->pack(q.columns, gemm->k, q.b, product->b_column, product->b_row, padded, packed);
        q.b = packed;
        q.b_row = padded;
    }
    return q;
}

static void run_task(const run_context *run, int64_t task, int thread) {
    const state *s = run->state;
    const layout *l = &s->layout;
    const hb_gemm *gemm = s->common.gemm;
    const int64_t element = s->common.element, width = 2 * s->common.kernels->lanes;
    const int64_t row_part = hb_take(&task, l->row_parts);
    const int64_t panel_part = hb_take(&task, l->panel_parts);
    const hb_gemm_product product = hb_gemm_product_of(&s->common, run->args, task);
    const int64_t tile0 = hb_part(l->row_tiles, l->row_parts, row_part);
    const int64_t tile1 = hb_part(l->row_tiles, l->row_parts, row_part + 1);
    const int64_t panel0 = hb_part(l->panels, l->panel_parts, panel_part);
    const int64_t panel1 = hb_part(l->panels, l->panel_parts, panel_part + 1);
    const int64_t i0 = hb_part(gemm->m, l->row_tiles, tile0);
    const int64_t i1 = hb_part(gemm->m, l->row_tiles, tile1), j0 = panel0 * width;
    const int64_t j1 = panel1 * width < gemm->n ? panel1 * width : gemm->n;
    char *packed = s->common.scratch.thread ? hb_gemm_own(&s->common, run->args, thread) : NULL;
    char *sum = product.c ? NULL : packed + hb_gemm_bytes(gemm, l->b_elements);
    for (int64_t p = panel0; p < panel1; p++) {
        panel q = panel_of(s, &product, p, packed);
        q.i0 = i0;
        q.c_row = product.c ? product.c_row : l->c_row;
        q.c = product.c ? product.c + (i0 * product.c_row + p * width) * element
                        : sum + (p * width - j0) * element;
        run_panel(s, &product, &q, tile0, tile1);
    }
    if (product.c) return;
    hb_cpu_loop_block(run->device, s->common.epilogue, run->args, thread, product.batch, i0, i1, j0,
                      j1, sum, l->c_row);
}

static void run_tasks(void *context, int64_t begin, int64_t end, int thread) {
    for (int64_t task = begin; task < end; task++) run_task(context, task, thread);
}

static void run(hb_device *device, const void *state_, const hb_run_args *args) {
    const state *s = state_;
    const hb_gemm *gemm = s->common.gemm;
    if (gemm->m == 0 || gemm->n == 0) return;
    run_context context = {device, s, args};
    const int64_t tasks = s->common.batches * s->layout.row_parts * s->layout.panel_parts;
    const double macs = (double)s->common.batches * (double)(gemm->m * gemm->n) * (double)gemm->k;
    hb_gemm_parallel(device, &s->common, tasks, macs, run_tasks, &context);
}

/* Longer panels of B than a thread may copy are for the packed solver, which splits them; it leaves
   us what is empty. */
static bool can_do(const hb_device *device, const hb_step *step) {
    const hb_gemm *gemm = &step->u.gemm;
    const layout l = layout_of(device, gemm);
    return l.b_elements * (int64_t)hebb_dtype_size(gemm->dtype) <= PACKED_BYTES;
}

/* Rows a multiple of 4 KiB apart share few sets of L1 and L2 and push each other out, the more the
   rounder the distance; the loss grows with the times an operand is read. The bounds are measured
   (on 32 KiB + 1 MiB): 128 x 1024 x 1024 still gains from reading in place, 128 x 2048 x 1024
   loses. */
static bool walks_in_few_sets(const hb_gemm *gemm, int64_t stride, int64_t times) {
    const int64_t alignment = alignment_of(gemm, stride);
    return alignment >= 4096 && times * alignment > 128 * 4096;
}

static bool suffers_from_strides(const hb_gemm *gemm) {
    const int64_t *a = gemm->a.stride + gemm->n_batch, *b = gemm->b.stride + gemm->n_batch;
    const int64_t element = (int64_t)hebb_dtype_size(gemm->dtype);
    if (b[1] == 1 && walks_in_few_sets(gemm, b[0], gemm->m)) return true;
    if (a[1] != 1) return a[0] != 1 || walks_in_few_sets(gemm, a[1], gemm->n);
    /* Eight rows are read side by side; once they come from L2 their distance does not matter. */
    return gemm->m * gemm->k * element > 1 << 20 && alignment_of(gemm, a[0]) >= 8192;
}

/* Reading in place runs at the speed of the tiles until caches fail it. */
static double cost(const hb_device *device, const hb_step *step) {
    const hb_gemm *gemm = &step->u.gemm;
    const int64_t element = (int64_t)hebb_dtype_size(gemm->dtype);
    const int64_t larger = gemm->m > gemm->n ? gemm->m : gemm->n;
    const double ns = hb_gemm_ns(device, gemm, (double)(gemm->m * gemm->n) * (double)gemm->k);
    const bool slow = larger * gemm->k * element > 16 << 20 || suffers_from_strides(gemm);
    return slow ? 1.6 * ns : ns;
}

static size_t scratch(const hb_device *device, const hb_step *step) {
    const layout l = layout_of(device, &step->u.gemm);
    return hb_gemm_scratch_bytes(device, scratch_of(&step->u.gemm, &l));
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **made, hb_error *error) {
    const layout l = layout_of(device, &step->u.gemm);
    const hebb_status status =
        hb_gemm_prepare(device, step, scratch_of(&step->u.gemm, &l), sizeof(state), made, error);
    if (status == HEBB_OK) ((state *)*made)->layout = l;
    return status;
}

const hb_cpu_solver hb_cpu_gemm_in_place = {
    .name = "in place",
    .kind = HB_GEMM,
    .can_do = can_do,
    .cost = cost,
    .scratch = scratch,
    .prepare = prepare,
    .run = run,
    .release = hb_gemm_release,
};
