/* Large matrix products, as in GotoBLAS and BLIS: blocks of A and B are first copied ("packed")
   into the order in which the tiles of gemm_kernel.c read them. Called through the table in gemm.c.

   C is made in blocks of at most BLOCK x BLOCK, each in passes over blocks of k. A pass packs its
   part of A and B, shared by all threads, then the threads compute tiles: tasks of TASK_ROWS x
   TASK_COLUMNS. The grids depend on sizes only, and no two tasks add to the same element, so the
   number of threads changes no bit. */
#include "gemm.h"

/* Sizes, for f32; f64 has the same bytes with half the k.
   - A tile runs along one packed panel of A, 8 x 512 x 4 = 16 KiB: it stays in an L1 of 32 KiB
   while panels of B stream by, from L2 in the order of addresses, 128 bytes every 16 multiply-adds.
   - A task's panels of B are 256 x 512 x 4 = 512 KiB, where L2 has less than 1 MiB half of that:
   they stay there while this task, and the next ones of other rows, go through their panels of A.
   (A k of 384, for less L2, adds up C more often: 1024 x 1024 x 1024 takes 3 % longer.)
   - A block packs 2048 x 512 x 4 = 4 MiB each of A and B, for L3. With half of the columns, 2048 x
     2048 x 2048 would pack everything twice and take 61 ms instead of 57 on two cores of a Xeon.
   - A task's sum that waits for its epilogue is 64 x 256 x 4 = 64 KiB, and still in L2. */
enum { BLOCK = 2048, K_BYTES = 512 * 4, TASK_ROWS = 64, TASK_COLUMNS = 256 };

/* Packing is cut into so many units, of so many rows of B, or of A transposed, at a time: as many
   as a set of L1 has lines, where a panel has one line of each row. */
enum { PACK_UNITS = 64, PACK_ROWS = 32, PACK_LINES = 8, LINE_BYTES = 64 };

typedef struct layout {
    int64_t row_tiles, panels;                   /* of a product */
    int64_t row_blocks, column_blocks, k_blocks; /* of a product */
    int64_t rows, columns, depth;                /* of the largest block, in tiles and panels; k */
    int64_t a_elements, b_elements, c_elements;  /* shared scratch memory */
    int64_t own_elements;                        /* each thread's */
    int64_t c_row;                               /* of sums in scratch memory, in elements */
} layout;

typedef struct state {
    hb_gemm_common common; /* first: hb_gemm_prepare() makes it */
    layout layout;
} state;

/* One block of C in one pass over k. */
typedef struct block {
    hb_device *device;
    const state *state;
    const hb_run_args *args;
    hb_gemm_product product;
    int64_t tile0, tile1, panel0, panel1; /* of the whole product's grid */
    int64_t p0, depth;                    /* k */
    bool first, last;                     /* pass */
    int64_t row_parts, panel_parts;       /* tasks */
    char *a, *b;
    char *sum; /* the block's, across passes; NULL if it is not needed */
} block;

static int64_t task_columns(const hb_device *device) {
    return device->l2_bytes < 1 << 20 ? TASK_COLUMNS / 2 : TASK_COLUMNS;
}

static layout layout_of(const hb_device *device, const hb_gemm *gemm) {
    const hb_cpu_gemm_type *kernels = hb_gemm_kernels(device, gemm);
    const int64_t element = (int64_t)hebb_dtype_size(gemm->dtype), width = 2 * kernels->lanes;
    layout l = {.row_tiles = hb_ceil_div(gemm->m, kernels->rows),
                .panels = hb_ceil_div(gemm->n, width),
                .row_blocks = hb_ceil_div(gemm->m, BLOCK),
                .column_blocks = hb_ceil_div(gemm->n, BLOCK),
                .k_blocks = hb_ceil_div(gemm->k, K_BYTES / element)};
    l.rows = hb_ceil_div(l.row_tiles, l.row_blocks);
    l.columns = hb_ceil_div(l.panels, l.column_blocks);
    l.depth = hb_ceil_div(gemm->k, l.k_blocks);
    l.a_elements = l.rows * kernels->rows * l.depth;
    l.b_elements = l.columns * width * l.depth;
    if (hb_gemm_is_direct(gemm) || hb_gemm_waits_at_output(gemm)) return l;
    if (l.k_blocks > 1) {
        l.c_row = l.columns * width;
        l.c_elements = l.rows * kernels->rows * l.c_row;
    } else {
        l.c_row = task_columns(device);
        l.own_elements = TASK_ROWS * l.c_row;
    }
    return l;
}

static hb_gemm_scratch scratch_of(const hb_gemm *gemm, const layout *l) {
    return (hb_gemm_scratch){.shared = hb_gemm_bytes(gemm, l->a_elements) +
                                       hb_gemm_bytes(gemm, l->b_elements) +
                                       hb_gemm_bytes(gemm, l->c_elements),
                             .thread = hb_gemm_bytes(gemm, l->own_elements)};
}

/* ---- Packing ---- */

static int64_t row_of(const block *q, int64_t tile) {
    const hb_gemm_common *common = &q->state->common;
    return hb_part(common->gemm->m, q->state->layout.row_tiles, tile);
}

static int64_t columns_of(const block *q, int64_t panel) {
    const int64_t width = 2 * q->state->common.kernels->lanes;
    const int64_t rest = q->state->common.gemm->n - (q->panel0 + panel) * width;
    return hb_min(rest, width);
}

/* Elements [p, p + depth) of the rows of a tile. */
static void pack_a(const block *q, int64_t tile, int64_t p, int64_t depth) {
    const hb_gemm_common *common = &q->state->common;
    const hb_gemm_product *from = &q->product;
    const int64_t row = row_of(q, q->tile0 + tile), rows = row_of(q, q->tile0 + tile + 1) - row;
    const int64_t offset = row * from->a_row + (q->p0 + p) * from->a_column;
    const int64_t height = common->kernels->rows;
    common->kernels->pack(rows, depth, from->a + offset * common->element, from->a_row,
                          from->a_column, height,
                          q->a + (tile * q->depth + p) * height * common->element);
}

/* Rows [p, p + depth) of a panel. */
static void pack_b(const block *q, int64_t panel, int64_t p, int64_t depth) {
    const hb_gemm_common *common = &q->state->common;
    const hb_gemm_product *from = &q->product;
    const int64_t width = 2 * common->kernels->lanes, column = (q->panel0 + panel) * width;
    const int64_t offset = (q->p0 + p) * from->b_row + column * from->b_column;
    common->kernels->pack(columns_of(q, panel), depth, from->b + offset * common->element,
                          from->b_column, from->b_row, width,
                          q->b + (panel * q->depth + p) * width * common->element);
}

static int64_t rows_at_once(const hb_gemm_common *common) {
    const int64_t panel_bytes = 2 * common->kernels->lanes * common->element;
    return panel_bytes > LINE_BYTES ? PACK_ROWS : PACK_LINES;
}

/* Unit u packs its share of A and of B, so that a thread packs about the part of B that its tasks
   read. Panels of B are packed some rows at a time: a row of many panels lies side by side. So does
   one of many tiles of A if A is transposed. */
static void pack_units(void *context, int64_t begin, int64_t end, int thread) {
    const block *q = context;
    const int64_t tiles = q->tile1 - q->tile0, panels = q->panel1 - q->panel0;
    const int64_t panel0 = hb_part(panels, PACK_UNITS, begin);
    const int64_t panel1 = hb_part(panels, PACK_UNITS, end);
    const int64_t tile0 = hb_part(tiles, PACK_UNITS, begin);
    const int64_t tile1 = hb_part(tiles, PACK_UNITS, end);
    const bool transposed = q->product.a_row == 1;
    const int64_t rows = rows_at_once(&q->state->common);
    for (int64_t tile = tile0; tile < tile1 && !transposed; tile++) pack_a(q, tile, 0, q->depth);
    for (int64_t p = 0; p < q->depth; p += rows) {
        const int64_t depth = q->depth - p < rows ? q->depth - p : rows;
        for (int64_t tile = tile0; tile < tile1 && transposed; tile++) pack_a(q, tile, p, depth);
        for (int64_t panel = panel0; panel < panel1; panel++) pack_b(q, panel, p, depth);
    }
}

/* ---- Computing ---- */

static void compute_tiles(const block *q, int64_t tile0, int64_t tile1, int64_t panel0,
                          int64_t panel1, char *c, int64_t c_row) {
    const hb_gemm_common *common = &q->state->common;
    const hb_cpu_gemm_type *kernels = common->kernels;
    const int64_t element = common->element, width = 2 * kernels->lanes;
    const int64_t row0 = row_of(q, q->tile0 + tile0);
    int64_t row = row0;
    for (int64_t tile = tile0; tile < tile1; tile++) {
        const int64_t next = row_of(q, q->tile0 + tile + 1);
        const char *a = q->a + tile * kernels->rows * q->depth * element;
        for (int64_t panel = panel0; panel < panel1; panel++) {
            const int64_t columns = columns_of(q, panel);
            kernels->tile[next - row - 1][columns > kernels->lanes](
                q->depth, a, 1, kernels->rows, q->b + panel * width * q->depth * element, width,
                c + ((row - row0) * c_row + (panel - panel0) * width) * element, c_row, columns,
                !q->first);
        }
        row = next;
    }
}

static void compute_task(const block *q, int64_t task, int thread) {
    const state *s = q->state;
    const int64_t element = s->common.element, width = 2 * s->common.kernels->lanes;
    const int64_t row_part = task % q->row_parts, panel_part = task / q->row_parts;
    const int64_t tile0 = hb_part(q->tile1 - q->tile0, q->row_parts, row_part);
    const int64_t tile1 = hb_part(q->tile1 - q->tile0, q->row_parts, row_part + 1);
    const int64_t panel0 = hb_part(q->panel1 - q->panel0, q->panel_parts, panel_part);
    const int64_t panel1 = hb_part(q->panel1 - q->panel0, q->panel_parts, panel_part + 1);
    const int64_t i0 = row_of(q, q->tile0 + tile0), i1 = row_of(q, q->tile0 + tile1);
    const int64_t j0 = (q->panel0 + panel0) * width;
    const int64_t c_row = q->product.c ? q->product.c_row : s->layout.c_row;
    char *c;
    if (q->product.c) c = q->product.c + (i0 * c_row + j0) * element;
    else if (q->sum) c = q->sum + ((i0 - row_of(q, q->tile0)) * c_row + panel0 * width) * element;
    else c = hb_gemm_own(&s->common, q->args, thread);
    compute_tiles(q, tile0, tile1, panel0, panel1, c, c_row);
    if (!s->common.epilogue || !q->last) return;
    hb_cpu_loop_block(q->device, s->common.epilogue, q->args, thread, q->product.batch, i0, i1, j0,
                      (q->panel0 + panel1 - 1) * width + columns_of(q, panel1 - 1), c, c_row);
}

static void compute_tasks(void *context, int64_t begin, int64_t end, int thread) {
    for (int64_t task = begin; task < end; task++) compute_task(context, task, thread);
}

/* ---- Blocks ---- */

static void run_block(block *q) {
    const state *s = q->state;
    const hb_gemm_common *common = &s->common;
    const int64_t k = common->gemm->k, tiles = q->tile1 - q->tile0, panels = q->panel1 - q->panel0;
    const int64_t rows = tiles * common->kernels->rows,
                  columns = panels * 2 * common->kernels->lanes;
    q->row_parts = hb_ceil_div(tiles, TASK_ROWS / common->kernels->rows);
    q->panel_parts = hb_ceil_div(panels, task_columns(q->device) / (2 * common->kernels->lanes));
    hb_gemm_even_parts(q->device, 1, false, tiles, &q->row_parts, panels, &q->panel_parts);
    for (int64_t pass = 0; pass < s->layout.k_blocks; pass++) {
        q->p0 = hb_part(k, s->layout.k_blocks, pass);
        q->depth = hb_part(k, s->layout.k_blocks, pass + 1) - q->p0;
        q->first = pass == 0;
        q->last = pass + 1 == s->layout.k_blocks;
        hb_gemm_parallel(q->device, common, PACK_UNITS,
                         HB_GEMM_PACK_MACS * (double)(rows + columns) * (double)q->depth,
                         pack_units, q);
        hb_gemm_parallel(q->device, common, q->row_parts * q->panel_parts,
                         (double)(rows * columns) * (double)q->depth, compute_tasks, q);
    }
}

static void run(hb_device *device, const void *state_, const hb_run_args *args) {
    const state *s = state_;
    const layout *l = &s->layout;
    const hb_gemm *gemm = s->common.gemm;
    block q = {.device = device, .state = s, .args = args};
    q.a = hb_gemm_shared(&s->common, args);
    q.b = q.a + hb_gemm_bytes(gemm, l->a_elements);
    if (l->c_elements > 0) q.sum = q.b + hb_gemm_bytes(gemm, l->b_elements);
    for (int64_t batch = 0; batch < s->common.batches; batch++) {
        q.product = hb_gemm_product_of(&s->common, args, batch);
        for (int64_t i = 0; i < l->row_blocks; i++) {
            q.tile0 = hb_part(l->row_tiles, l->row_blocks, i);
            q.tile1 = hb_part(l->row_tiles, l->row_blocks, i + 1);
            for (int64_t j = 0; j < l->column_blocks; j++) {
                q.panel0 = hb_part(l->panels, l->column_blocks, j);
                q.panel1 = hb_part(l->panels, l->column_blocks, j + 1);
                run_block(&q);
            }
        }
    }
}

/* ---- The solver ---- */

static bool can_do(const hb_device *device, const hb_step *step) {
    const hb_gemm *gemm = &step->u.gemm;
    return gemm->m > 0 && gemm->n > 0 && gemm->k > 0;
}

/* A microsecond for each of the two times that a pass starts the threads. */
static double cost(const hb_device *device, const hb_step *step) {
    const hb_gemm *gemm = &step->u.gemm;
    const layout l = layout_of(device, gemm);
    const double m = (double)gemm->m, n = (double)gemm->n, k = (double)gemm->k;
    const double packed = k * (m * (double)l.column_blocks + n * (double)l.row_blocks);
    const double passes = (double)(l.row_blocks * l.column_blocks * l.k_blocks);
    return hb_gemm_ns(device, gemm, m * n * k + HB_GEMM_PACK_MACS * packed) + 2000 * passes;
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

const hb_cpu_solver hb_cpu_gemm_packed = {
    .name = "packed",
    .kind = HB_GEMM,
    .can_do = can_do,
    .cost = cost,
    .scratch = scratch,
    .prepare = prepare,
    .run = run,
    .release = hb_gemm_release,
};
