/* Matrix products of which an operand is zero, or the result not wanted, beyond some diagonal:
   those of causal attention. Tiles run over the part of k that both operands have something in, and
   are zeros where there is none. Called through the table in gemm.c.

   What is banded is read by the tasks, each of which has rows of C, or columns where B is banded.
   The other operand, which all tasks read, is packed by all threads before. */
#include <string.h>

#include "gemm.h"

/* Bytes of a block of C that waits for its epilogue, of a task's copy of an operand, and of the
   copies that all tasks share. */
enum { BLOCK_BYTES = 64 << 10, OWN_BYTES = 512 << 10, MOST_OWN_BYTES = 1 << 20 };
enum { MOST_SHARED_BYTES = 32 << 20 };

enum { TASK_ROWS = 64, TASK_COLUMNS = 128, PACK_LINES = 8 };

typedef struct layout {
    int64_t row_tiles, panels; /* of a product */
    bool by_columns;           /* tasks have columns of C */
    bool pack_a;               /* its elements do not lie side by side along k */
    int64_t units;             /* tasks of a product */
    int64_t block_tiles;       /* rows of tiles that are made before their epilogue */
    int64_t shared_elements, own_elements, c_elements, c_row;
} layout;

typedef struct state {
    hb_gemm_common common; /* first: hb_gemm_prepare() makes it */
    layout layout;
} state;

typedef struct run_context {
    hb_device *device;
    const state *state;
    const hb_run_args *args;
} run_context;

/* ---- bands ---- */

static bool is_banded(hb_band band) { return band.low > -HB_BAND_FAR || band.high < HB_BAND_FAR; }

/* Multiply-adds of one product. */
static double macs_of(const hb_cpu_gemm_type *kernels, const hb_gemm *g) {
    const int64_t width = 2 * kernels->lanes;
    double macs = 0;
    for (int64_t i = 0; i < g->m; i += kernels->rows)
        for (int64_t j = 0; j < g->n; j += width) {
            const int64_t i1 = hb_min(i + kernels->rows, g->m), j1 = hb_min(j + width, g->n);
            const hb_gemm_span s = hb_gemm_span_of(g, i, i1, j, j1);
            macs += (double)((i1 - i) * width) * (double)(s.high - s.low);
        }
    return macs;
}

/* ---- sizes ---- */

static int64_t within(int64_t bytes, int64_t bytes_each, int64_t most) {
    return hb_max(hb_min(bytes / bytes_each, most), 1);
}

static layout layout_of(const hb_device *device, const hb_gemm *gemm) {
    const hb_cpu_gemm_type *kernels = hb_gemm_kernels(device, gemm);
    const int64_t element = (int64_t)hebb_dtype_size(gemm->dtype), width = 2 * kernels->lanes;
    layout l = {.row_tiles = hb_ceil_div(gemm->m, kernels->rows),
                .panels = hb_ceil_div(gemm->n, width),
                .by_columns = is_banded(gemm->b_band),
                .pack_a = gemm->a.stride[gemm->n_batch + 1] != 1};
    const int64_t tile = kernels->rows * gemm->k, panel = width * gemm->k;
    const bool waits = !hb_gemm_is_direct(gemm) && !hb_gemm_waits_at_output(gemm);
    int64_t panels = l.panels, tiles = hb_ceil_div(TASK_ROWS, kernels->rows);
    if (l.by_columns) {
        panels = within(OWN_BYTES, panel * element, hb_ceil_div(TASK_COLUMNS, width));
        l.own_elements = panels * panel;
        if (l.pack_a) l.shared_elements = hb_gemm_batches(gemm) * l.row_tiles * tile;
    } else {
        l.shared_elements = hb_gemm_batches(gemm) * l.panels * panel;
        if (l.pack_a) tiles = within(OWN_BYTES, tile * element, tiles);
    }
    l.c_row = panels * width;
    if (waits) tiles = within(BLOCK_BYTES, l.c_row * kernels->rows * element, tiles);
    l.block_tiles = tiles;
    l.units = l.by_columns ? hb_ceil_div(l.panels, panels) : hb_ceil_div(l.row_tiles, tiles);
    if (!l.by_columns && l.pack_a) l.own_elements = tiles * tile;
    if (waits) l.c_elements = tiles * kernels->rows * l.c_row;
    return l;
}

static hb_gemm_scratch scratch_of(const hb_gemm *gemm, const layout *l) {
    return (hb_gemm_scratch){.shared = hb_gemm_bytes(gemm, l->shared_elements),
                             .thread = hb_gemm_bytes(gemm, l->own_elements) +
                                       hb_gemm_bytes(gemm, l->c_elements)};
}

static int64_t row_of(const state *s, int64_t tile) {
    return hb_part(s->common.gemm->m, s->layout.row_tiles, tile);
}

static int64_t column_of(const state *s, int64_t panel) {
    return hb_min(panel * 2 * s->common.kernels->lanes, s->common.gemm->n);
}

/* ---- packing ---- */

/* Elements [p.low, p.high) of tiles [begin, end) of A, each tile's at its place in `to`. Some at a
   time of all tiles: where A is transposed, they share lines. */
static void pack_tiles(const state *s, const hb_gemm_product *from, int64_t begin, int64_t end,
                       hb_gemm_span p, char *to) {
    const hb_cpu_gemm_type *kernels = s->common.kernels;
    const int64_t element = s->common.element, height = kernels->rows, k = s->common.gemm->k;
    for (int64_t at = p.low; at < p.high; at += PACK_LINES)
        for (int64_t tile = begin; tile < end; tile++) {
            const int64_t row = row_of(s, tile);
            const char *a = from->a + (row * from->a_row + at * from->a_column) * element;
            kernels->pack(row_of(s, tile + 1) - row, hb_min(PACK_LINES, p.high - at), a,
                          from->a_row, from->a_column, height,
                          to + ((tile - begin) * k + at) * height * element);
        }
}

/* Rows [p.low, p.high) of panels [begin, end) of B, likewise. */
static void pack_panels(const state *s, const hb_gemm_product *from, int64_t begin, int64_t end,
                        hb_gemm_span p, char *to) {
    const hb_cpu_gemm_type *kernels = s->common.kernels;
    const int64_t element = s->common.element, width = 2 * kernels->lanes, k = s->common.gemm->k;
    for (int64_t panel = begin; panel < end; panel++) {
        const int64_t column = column_of(s, panel);
        const char *b = from->b + (column * from->b_column + p.low * from->b_row) * element;
        kernels->pack(column_of(s, panel + 1) - column, p.high - p.low, b, from->b_column,
                      from->b_row, width, to + ((panel - begin) * k + p.low) * width * element);
    }
}

/* Units [begin, end) of what all tasks read: tiles of A or panels of B of all products. */
static void pack_shared(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *run = context;
    const state *s = run->state;
    const layout *l = &s->layout;
    const hb_gemm_span whole = {0, s->common.gemm->k};
    const int64_t units = l->by_columns ? l->row_tiles : l->panels;
    const int64_t each =
        whole.high * (l->by_columns ? s->common.kernels->rows : 2 * s->common.kernels->lanes);
    char *to = hb_gemm_shared(&s->common, run->args) + begin * each * s->common.element;
    for (; begin < end; begin++, to += each * s->common.element) {
        const hb_gemm_product from = hb_gemm_product_of(&s->common, run->args, begin / units);
        const int64_t unit = begin % units;
        if (l->by_columns) pack_tiles(s, &from, unit, unit + 1, whole, to);
        else pack_panels(s, &from, unit, unit + 1, whole, to);
    }
}

/* ---- tiles ---- */

/* What a task makes, of one product; a and b are of its first tile and panel, NULL for an A that is
   read where it lies. */
typedef struct part {
    hb_gemm_product product;
    int64_t tile0, tile1, panel0, panel1;
    const char *a, *b;
} part;

static void zero(char *c, int64_t c_row, int64_t rows, int64_t columns, int64_t element) {
    for (int64_t i = 0; i < rows; i++)
        memset(c + i * c_row * element, 0, (size_t)(columns * element));
}

static void make_tile(const state *s, const part *q, int64_t tile, int64_t panel, char *c,
                      int64_t c_row) {
    const hb_cpu_gemm_type *kernels = s->common.kernels;
    const int64_t element = s->common.element, k = s->common.gemm->k;
    const int64_t width = 2 * kernels->lanes, height = kernels->rows;
    const int64_t i0 = row_of(s, tile), i1 = row_of(s, tile + 1);
    const int64_t j0 = column_of(s, panel), j1 = column_of(s, panel + 1);
    const hb_gemm_span p = hb_gemm_span_of(s->common.gemm, i0, i1, j0, j1);
    if (p.low == p.high) {
        zero(c, c_row, i1 - i0, j1 - j0, element);
        return;
    }
    const int64_t a_row = q->a ? 1 : q->product.a_row;
    const int64_t a_column = q->a ? height : q->product.a_column;
    const char *a = q->a ? q->a + (tile - q->tile0) * k * height * element
                         : q->product.a + i0 * a_row * element;
    const char *b = q->b + ((panel - q->panel0) * k + p.low) * width * element;
    kernels->tile[i1 - i0 - 1][j1 - j0 > kernels->lanes](
        p.high - p.low, a + p.low * a_column * element, a_row, a_column, b, width, c, c_row,
        j1 - j0, false);
}

/* Rows of tiles [tile0, tile1) of the task, and their epilogue. */
static void make_block(const run_context *run, const part *q, int64_t tile0, int64_t tile1,
                       char *own, int thread) {
    const state *s = run->state;
    const int64_t element = s->common.element, j0 = column_of(s, q->panel0);
    const int64_t i0 = row_of(s, tile0), j1 = column_of(s, q->panel1);
    const int64_t c_row = q->product.c ? q->product.c_row : s->layout.c_row;
    char *c = q->product.c ? q->product.c + (i0 * c_row + j0) * element : own;
    for (int64_t panel = q->panel0; panel < q->panel1; panel++)
        for (int64_t tile = tile0; tile < tile1; tile++)
            make_tile(s, q, tile, panel,
                      c + ((row_of(s, tile) - i0) * c_row + column_of(s, panel) - j0) * element,
                      c_row);
    if (s->common.epilogue)
        hb_cpu_loop_block(run->device, s->common.epilogue, run->args, thread, q->product.batch, i0,
                          row_of(s, tile1), j0, j1, c, c_row);
}

/* The task's copy of what is banded, of that part of k which it needs. */
static void pack_own(const state *s, const part *q, char *to) {
    const hb_gemm_span p = hb_gemm_span_of(s->common.gemm, row_of(s, q->tile0), row_of(s, q->tile1),
                                           column_of(s, q->panel0), column_of(s, q->panel1));
    if (s->layout.by_columns) pack_panels(s, &q->product, q->panel0, q->panel1, p, to);
    else pack_tiles(s, &q->product, q->tile0, q->tile1, p, to);
}

static void run_task(const run_context *run, int64_t task, int thread) {
    const state *s = run->state;
    const layout *l = &s->layout;
    const int64_t unit = hb_take(&task, l->units);
    char *shared = hb_gemm_shared(&s->common, run->args);
    char *own = hb_gemm_own(&s->common, run->args, thread);
    part q = {
        hb_gemm_product_of(&s->common, run->args, task), 0, l->row_tiles, 0, l->panels, NULL, NULL};
    const int64_t product = task * (l->shared_elements / s->common.batches) * s->common.element;
    if (l->by_columns) {
        q.panel0 = hb_part(l->panels, l->units, unit);
        q.panel1 = hb_part(l->panels, l->units, unit + 1);
        q.a = l->pack_a ? shared + product : NULL;
        q.b = own;
    } else {
        q.tile0 = hb_part(l->row_tiles, l->units, unit);
        q.tile1 = hb_part(l->row_tiles, l->units, unit + 1);
        q.a = l->pack_a ? own : NULL;
        q.b = shared + product;
    }
    if (l->own_elements > 0) pack_own(s, &q, own);
    own += hb_gemm_bytes(s->common.gemm, l->own_elements);
    for (int64_t tile = q.tile0; tile < q.tile1; tile += l->block_tiles)
        make_block(run, &q, tile, hb_min(tile + l->block_tiles, q.tile1), own, thread);
}

static void run_tasks(void *context, int64_t begin, int64_t end, int thread) {
    for (int64_t task = begin; task < end; task++) run_task(context, task, thread);
}

static void run(hb_device *device, const void *state_, const hb_run_args *args) {
    const state *s = state_;
    const layout *l = &s->layout;
    const hb_gemm *gemm = s->common.gemm;
    run_context context = {device, s, args};
    const double macs = (double)s->common.batches * macs_of(s->common.kernels, gemm);
    if (l->shared_elements > 0)
        hb_gemm_parallel(device, &s->common,
                         s->common.batches * (l->by_columns ? l->row_tiles : l->panels),
                         HB_GEMM_PACK_MACS * (double)l->shared_elements, pack_shared, &context);
    hb_gemm_parallel(device, &s->common, s->common.batches * l->units, macs, run_tasks, &context);
}

/* ---- the solver ---- */

static bool can_do(const hb_device *device, const hb_step *step) {
    const hb_gemm *gemm = &step->u.gemm;
    if (!gemm->banded || gemm->m == 0 || gemm->n == 0 || gemm->k == 0) return false;
    const layout l = layout_of(device, gemm);
    const int64_t element = (int64_t)hebb_dtype_size(gemm->dtype);
    return hb_gemm_batches(gemm) > 0 && l.own_elements * element <= MOST_OWN_BYTES &&
           l.shared_elements * element <= MOST_SHARED_BYTES;
}

static double cost(const hb_device *device, const hb_step *step) {
    const hb_gemm *gemm = &step->u.gemm;
    const layout l = layout_of(device, gemm);
    const double batches = (double)hb_gemm_batches(gemm);
    const double macs = macs_of(hb_gemm_kernels(device, gemm), gemm);
    const double packed =
        (double)l.shared_elements / batches +
        (double)(l.own_elements > 0 ? l.by_columns ? gemm->n : gemm->m : 0) * (double)gemm->k;
    return hb_gemm_ns(device, gemm, macs + HB_GEMM_PACK_MACS * packed);
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

const hb_cpu_solver hb_cpu_gemm_banded = {
    .name = "banded",
    .kind = HB_GEMM,
    .can_do = can_do,
    .cost = cost,
    .scratch = scratch,
    .prepare = prepare,
    .run = run,
    .release = hb_gemm_release,
};
