/* Matrix products that read A where it lies, and B too if its rows lie well: for sizes at which
   copying both into panels (gemm_packed.c) would cost more than it saves. Called through the table
   in gemm.c.

   A task makes a part of C. B that many tiles of rows read, or whose columns do not lie side by
   side, is packed by the task, panel by panel when the first rows need it: the first tile copies
   what it reads. If it cannot and other tasks need the same panels, all threads pack B before the
   tasks begin. A is packed if it is transposed and read for many panels. C of many rows is cut
   into rows: its lines, and those of what its epilogue reads, are then a thread's own from one step
   to the next. If it were cut into columns, the threads would prefetch each other's lines at the
   ends of theirs, and 128 x 512 x 512 with an update of the 512 x 512 as its epilogue would gain
   nothing by a second thread. Where there is an epilogue, the task goes on in blocks of rows that
   it finishes one by one. Tiles ask for memory that would be waited for later. */
#include "gemm.h"

/* A block's product waits for its epilogue in so many bytes, a small part of L2; half as many in
   scratch memory, since what is written then takes part of it, too. A task has so many columns
   unless it has many rows. */
enum { BLOCK_BYTES = 64 << 10, TASK_COLUMNS = 128 };

/* A thread's copy of its columns of B: of one panel at most half of an L2 of 2 MiB, all of one of 1
   MiB; of several, half of that. */
enum { PANEL_BYTES = 1 << 20, PANELS_BYTES = 512 << 10 };

/* B that is the same in all iterations of a scan is packed once: of so many panels, that threads
   have enough of them, and so many bytes. A single row of tiles reads each line once an iteration:
   that pays where they come from beyond L2, and faster one after the other. */
enum { KEEP_PANELS = 4, KEEP_BYTES = 32 << 20, FAR_BYTES = 1 << 20 };

/* So many tiles of rows are worth a copy of a B of so many bytes, and a second one in a task of
   other rows. Smaller ones come from L2 as fast as from a copy. */
enum { PACK_TILES = 8, PACK_FROM_BYTES = 128 << 10, TASK_TILES = 16 };

/* A copy of a transposed A pays for so many panels; that of a block takes so many bytes. */
enum { PACK_PANELS = 8, A_BYTES = 256 << 10 };

enum { TASKS_A_THREAD = 4 }; /* if there are rows enough for them */

/* Tiles ask for operands of the next product that are no more than a part of L2, in products of so
   many multiply-adds that finding them costs little. */
enum { NEXT_BYTES = 64 << 10, NEXT_MACS = 32 << 10 };

/* Rows of B, 4 KiB apart, for which there is room in L2; and how few of them are worth a pass. */
enum { FEW_ROWS = 256, LEAST_ROWS = 64 };

/* The tile grid of a product, and the tasks it is cut into: some rows of tiles x some columns. */
typedef struct layout {
    bool pack_a;                    /* A is packed, by each task for itself */
    bool pack_b;                    /* B is packed ... */
    bool share_b;                   /* ... by all threads together, before the tasks begin ... */
    bool keep_b;                    /* ... and for all iterations of a scan */
    int64_t row_tiles, panels;      /* of one product */
    int64_t row_parts, panel_parts; /* tasks of one product */
    int64_t block_tiles;            /* rows of tiles that a task finishes before the next */
    int64_t depth;                  /* of a pass over k */
    bool asks_for_next;             /* product of the batch, of which a task is one */
    int64_t a_tile, a_elements;  /* a thread's scratch memory: a tile of A, those of a block ... */
    int64_t b_panel, b_elements; /* ... a panel of B, those of a task ... */
    int64_t c_elements, c_row;   /* ... and a block of C */
    int64_t shared_elements;     /* all threads': all panels of all products */
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

/* Whether tasks of so many panels pack their rows of A, which then is transposed: the lines that a
   tile reads, one for each p, would come from L2 again for every panel. */
static bool packs_a(const hb_gemm *gemm, int64_t panels) {
    const int64_t *stride = gemm->a.stride + gemm->n_batch;
    return stride[0] == 1 && stride[1] != 1 && panels >= PACK_PANELS && gemm->k > 0;
}

static bool keeps_b(const hb_gemm *gemm, const layout *l, int64_t width) {
    const int64_t bytes =
        hb_gemm_batches(gemm) * l->panels * width * gemm->k * (int64_t)hebb_dtype_size(gemm->dtype);
    const bool again = l->row_tiles > 1 || bytes > FAR_BYTES;
    return gemm->b_stays && again && l->panels >= KEEP_PANELS && bytes <= KEEP_BYTES;
}

static bool packs_b(const hb_gemm *gemm, const layout *l) {
    if (l->keep_b) return true;
    const int64_t bytes = gemm->k * gemm->n * (int64_t)hebb_dtype_size(gemm->dtype);
    return gemm->b.stride[gemm->n_batch + 1] != 1 ||
           (l->row_tiles >= PACK_TILES && bytes > PACK_FROM_BYTES);
}

static int64_t clamp(int64_t value, int64_t least, int64_t most) {
    return value > most ? most : value < least ? least : value;
}

static bool has_many_rows(const layout *l) { return l->row_tiles >= 2 * TASK_TILES; }

/* Panels of a task of many rows. */
static int64_t panels_of_task(const hb_gemm *gemm, const layout *l, int64_t width) {
    const int64_t bytes = gemm->k * width * (int64_t)hebb_dtype_size(gemm->dtype);
    return clamp(PANELS_BYTES / bytes, 1, l->panels);
}

/* Whether several tasks of a thread would pack the same panels. Tiles copy those whose rows can be
   read as they are at no cost. */
static bool shares_b(const hb_gemm *gemm, const layout *l, int64_t width) {
    if (l->keep_b) return true;
    if (!has_many_rows(l) || gemm->k == 0 || gemm->b.stride[gemm->n_batch + 1] == 1) return false;
    return hb_gemm_batches(gemm) * hb_ceil_div(l->panels, panels_of_task(gemm, l, width)) <
           TASKS_A_THREAD;
}

static void cut_into_tasks(const hb_device *device, const hb_gemm *gemm, layout *l) {
    const int width = 2 * hb_gemm_kernels(device, gemm)->lanes;
    const int64_t batches = hb_gemm_batches(gemm);
    l->row_parts = l->panel_parts = 1;
    if (batches == 0) return;
    l->panel_parts = hb_ceil_div(l->panels, TASK_COLUMNS / width);
    if (l->keep_b && l->row_tiles % device->threads == 0 && l->row_tiles > device->threads)
        l->row_parts = device->threads;
    else if (l->pack_b && has_many_rows(l) && gemm->k > 0) {
        l->panel_parts = hb_ceil_div(l->panels, panels_of_task(gemm, l, width));
        l->row_parts =
            hb_ceil_div((int64_t)device->threads * TASKS_A_THREAD, batches * l->panel_parts);
        l->row_parts = clamp(l->row_parts, 1, l->row_tiles / TASK_TILES);
    }
    /* A task packs the columns it needs, so each column had better be in one. */
    hb_gemm_even_parts(device, batches, l->pack_b && l->row_parts == 1, l->row_tiles, &l->row_parts,
                       l->panels, &l->panel_parts);
}

/* Where tasks are whole products, of operands that together fill L2: in it, there is nothing to ask
   for. */
static bool asks_for_next(const hb_device *device, const hb_gemm *gemm, const layout *l) {
    const int64_t elements = hb_gemm_batches(gemm) * gemm->k * (gemm->m + gemm->n);
    return l->row_parts * l->panel_parts == 1 && gemm->m * gemm->n * gemm->k >= NEXT_MACS &&
           elements * (int64_t)hebb_dtype_size(gemm->dtype) >= device->l2_bytes;
}

static layout layout_of(const hb_device *device, const hb_gemm *gemm) {
    const hb_cpu_gemm_type *kernels = hb_gemm_kernels(device, gemm);
    const int64_t element = (int64_t)hebb_dtype_size(gemm->dtype), width = 2 * kernels->lanes;
    layout l = {.row_tiles = hb_ceil_div(gemm->m, kernels->rows),
                .panels = hb_ceil_div(gemm->n, width)};
    l.keep_b = keeps_b(gemm, &l, width);
    l.pack_b = packs_b(gemm, &l);
    l.depth = depth_of(gemm, &l);
    if (l.row_tiles == 0 || l.panels == 0) return l;
    l.share_b = shares_b(gemm, &l, width);
    cut_into_tasks(device, gemm, &l);
    l.asks_for_next = asks_for_next(device, gemm, &l);
    const int64_t panels = hb_ceil_div(l.panels, l.panel_parts);
    const int64_t tiles = hb_ceil_div(l.row_tiles, l.row_parts);
    l.block_tiles = tiles;
    l.pack_a = packs_a(gemm, panels);
    if (l.pack_a) {
        l.a_tile = kernels->rows * gemm->k;
        l.block_tiles = clamp(A_BYTES / (l.a_tile * element), 1, tiles);
    }
    if (!hb_gemm_is_direct(gemm)) {
        const bool at_output = hb_gemm_waits_at_output(gemm);
        const int64_t bytes = at_output ? BLOCK_BYTES : BLOCK_BYTES / 2;
        l.c_row = l.panels > 1 ? panels * width : gemm->n;
        l.block_tiles = clamp(bytes / (l.c_row * kernels->rows * element), 1, l.block_tiles);
        l.block_tiles = hb_ceil_div(tiles, hb_ceil_div(tiles, l.block_tiles));
        if (!at_output) l.c_elements = l.block_tiles * kernels->rows * l.c_row;
    }
    l.a_elements = l.block_tiles * l.a_tile;
    if (l.pack_b || gemm->n % width != 0) {
        l.b_panel = gemm->k * width;
        l.b_elements = l.share_b ? 0 : l.block_tiles < tiles ? panels * l.b_panel : l.b_panel;
        if (l.share_b) l.shared_elements = hb_gemm_batches(gemm) * l.panels * l.b_panel;
    }
    return l;
}

bool hb_gemm_keeps_b(const hb_device *device, const hb_gemm *gemm) {
    return layout_of(device, gemm).keep_b;
}

static hb_gemm_scratch scratch_of(const hb_gemm *gemm, const layout *l) {
    return (hb_gemm_scratch){.shared = hb_gemm_bytes(gemm, l->shared_elements),
                             .thread = hb_gemm_bytes(gemm, l->a_elements) +
                                       hb_gemm_bytes(gemm, l->b_elements) +
                                       hb_gemm_bytes(gemm, l->c_elements)};
}

/* What a task needs to know. */
typedef struct run_context {
    hb_device *device;
    const state *state;
    const hb_run_args *args;
} run_context;

/* Columns of C and the matching columns of B. */
typedef struct panel {
    const char *b;
    int64_t b_row, columns;
    char *copy; /* of b, made by the first tile for the others; NULL for none */
    char *c;    /* at row i0 of the product */
    int64_t c_row, i0, j0, number; /* of the product's panels */
} panel;

/* ---- asking for memory ---- */

/* Rows of memory, so many at each tile. */
typedef struct rows_ahead {
    const char *at;
    int64_t left, row, lines, each;
} rows_ahead;

/* What the tiles of a task ask for before they are computed: the memory of their results, a scan's
   next slices, operands of the next product of the batch. */
typedef struct requests {
    hb_gemm_results results;
    const hb_cpu_ahead *ahead;
    rows_ahead next[2];
} requests;

/* An operand whose elements lie side by side along rows or columns. What is one piece of memory and
   read in this order the processor foresees by itself. */
static rows_ahead rows_of(const state *s, const char *at, int64_t rows, int64_t columns,
                          int64_t row, int64_t column) {
    const int64_t element = s->common.element, tiles = s->layout.row_tiles * s->layout.panels;
    const bool is_transposed = column != 1;
    const int64_t count = is_transposed ? columns : rows, length = is_transposed ? rows : columns;
    const int64_t stride = is_transposed ? column : row;
    const rows_ahead none = {0};
    if ((is_transposed ? row : column) != 1 || count * length * element > NEXT_BYTES) return none;
    if (!is_transposed && stride == length) return none;
    return (rows_ahead){.at = at,
                        .left = count,
                        .row = stride * element,
                        .lines = hb_ceil_div(length * element, HB_CPU_LINE),
                        .each = hb_ceil_div(count, tiles)};
}

static requests requests_of(const run_context *run, const hb_gemm_product *product) {
    const state *s = run->state;
    const hb_gemm *gemm = s->common.gemm;
    const int64_t batch = product->batch;
    requests made = {.results = hb_gemm_results_of(&s->common, run->args, batch),
                     .ahead = hb_cpu_ahead_of(run->args, s->common.step)};
    if (!s->layout.asks_for_next || batch + 1 == s->common.batches) return made;
    const hb_gemm_product next = hb_gemm_product_of(&s->common, run->args, batch + 1);
    if (next.a != product->a)
        made.next[0] = rows_of(s, next.a, gemm->m, gemm->k, next.a_row, next.a_column);
    if (next.b != product->b)
        made.next[1] = rows_of(s, next.b, gemm->k, gemm->n, next.b_row, next.b_column);
    return made;
}

static void ask_for_rows(rows_ahead *r) {
    for (int64_t n = r->each; n > 0 && r->left > 0; n--, r->left--, r->at += r->row)
        for (int64_t line = 0; line < r->lines; line++)
            __builtin_prefetch(r->at + line * HB_CPU_LINE, 0, 2);
}

/* Rows [row, next) of a tile and columns of a panel. Scans' slices in order of rows, as threads
   share them in the body's other steps. */
static void ask(const state *s, requests *a, int64_t batch, const panel *q, int64_t tile,
                int64_t row, int64_t next) {
    const layout *l = &s->layout;
    hb_gemm_ask(&a->results, row, next, q->j0, q->columns);
    if (a->ahead)
        hb_cpu_ask_ahead(a->ahead, (batch * l->row_tiles + tile) * l->panels + q->number,
                         s->common.batches * l->row_tiles * l->panels);
    for (int k = 0; k < 2; k++) ask_for_rows(&a->next[k]);
}

/* ---- running ---- */

static void run_panel(const state *s, const hb_gemm_product *product, const panel *q,
                      requests *asked, const char *packed_a, int64_t begin, int64_t end) {
    const hb_cpu_gemm_type *kernels = s->common.kernels;
    const int64_t a_row = packed_a ? 1 : product->a_row;
    const int64_t a_column = packed_a ? kernels->rows : product->a_column;
    const int64_t m = s->common.gemm->m, k = s->common.gemm->k, element = s->common.element;
    const int vectors = q->columns > kernels->lanes ? 2 : 1;
    int64_t p = 0;
    do { /* once for k = 0, too */
        const int64_t depth = k - p < s->layout.depth ? k - p : s->layout.depth;
        int64_t row = hb_part(m, s->layout.row_tiles, begin);
        for (int64_t tile = begin; tile < end; tile++) {
            const int64_t next = hb_part(m, s->layout.row_tiles, tile + 1);
            if (p == 0) ask(s, asked, product->batch, q, tile, row, next);
            const char *a = packed_a ? packed_a + (tile - begin) * s->layout.a_tile * element
                                     : product->a + row * a_row * element;
            a += p * a_column * element;
            char *c = q->c + (row - q->i0) * q->c_row * element;
            if (q->copy && tile == begin) {
                kernels->copying_tile[next - row - 1](k, a, a_row, a_column, q->b, q->b_row,
                                                      q->copy, c, q->c_row);
            } else {
                const char *b = q->copy ? q->copy : q->b + p * q->b_row * element;
                kernels->tile[next - row - 1][vectors - 1](depth, a, a_row, a_column, b,
                                                           q->copy ? q->columns : q->b_row, c,
                                                           q->c_row, q->columns, p > 0);
            }
            row = next;
        }
        p += depth;
    } while (p < k);
}

/* The operands of panel p, its part of B in `packed` if it must be, which is written if `fresh`:
   now, or by the first tile where B's rows can be read as they are. */
static panel panel_of(const state *s, const hb_gemm_product *product, int64_t p, bool fresh,
                      char *packed) {
    const hb_gemm *gemm = s->common.gemm;
    const hb_cpu_gemm_type *kernels = s->common.kernels;
    const int64_t width = 2 * kernels->lanes, j = p * width, rest = gemm->n - j;
    panel q = {
        .columns = rest < width ? rest : width, .b_row = product->b_row, .j0 = j, .number = p};
    q.b = product->b + j * product->b_column * s->common.element;
    if (s->layout.pack_b || q.columns < width) {
        const int64_t padded = q.columns > kernels->lanes ? width : kernels->lanes;
        if (fresh && !s->layout.share_b && q.columns == width && product->b_column == 1) {
            q.copy = packed;
            return q;
        }
        if (fresh)
            kernels->pack(q.columns, gemm->k, q.b, product->b_column, product->b_row, padded,
                          packed);
        q.b = packed;
        q.b_row = padded;
    }
    return q;
}

/* What a task makes: rows of tiles and panels of columns. */
typedef struct part {
    int64_t tile0, tile1, panel0, panel1;
} part;

/* Packs rows of tiles of A. */
static void pack_a(const state *s, const hb_gemm_product *product, int64_t tile0, int64_t tile1,
                   char *to) {
    const hb_cpu_gemm_type *kernels = s->common.kernels;
    const int64_t m = s->common.gemm->m, k = s->common.gemm->k, element = s->common.element;
    int64_t row = hb_part(m, s->layout.row_tiles, tile0);
    for (int64_t tile = tile0; tile < tile1; tile++, to += s->layout.a_tile * element) {
        const int64_t next = hb_part(m, s->layout.row_tiles, tile + 1);
        kernels->pack(next - row, k, product->a + row * product->a_row * element, product->a_row,
                      product->a_column, kernels->rows, to);
        row = next;
    }
}

/* A thread's scratch memory, as far as it is used. */
typedef struct memory {
    char *a, *b, *c;
} memory;

static memory memory_of(const run_context *run, int thread) {
    const state *s = run->state;
    const hb_gemm *gemm = s->common.gemm;
    memory own = {NULL, NULL, NULL};
    if (s->common.scratch.thread == 0) return own;
    own.a = hb_gemm_own(&s->common, run->args, thread);
    own.b = own.a + hb_gemm_bytes(gemm, s->layout.a_elements);
    own.c = own.b + hb_gemm_bytes(gemm, s->layout.b_elements);
    return own;
}

/* One block of the task: its rows [tile0, tile1), the task's first if they are the first to be
 * made. */
static void run_block(const run_context *run, const hb_gemm_product *product, requests *asked,
                      const part *task, int64_t tile0, int64_t tile1, const memory *own,
                      int thread) {
    const state *s = run->state;
    const layout *l = &s->layout;
    const hb_gemm *gemm = s->common.gemm;
    const int64_t element = s->common.element, width = 2 * s->common.kernels->lanes;
    const int64_t i0 = hb_part(gemm->m, l->row_tiles, tile0);
    const int64_t i1 = hb_part(gemm->m, l->row_tiles, tile1), j0 = task->panel0 * width;
    const int64_t j1 = task->panel1 * width < gemm->n ? task->panel1 * width : gemm->n;
    const bool fresh = !l->share_b && tile0 == task->tile0, again = l->b_elements > l->b_panel;
    char *shared = l->share_b ? hb_gemm_shared(&s->common, run->args) : NULL;
    const int64_t c_row = product->c ? product->c_row : l->c_row;
    char *c = product->c ? product->c + (i0 * c_row + j0) * element : own->c;
    if (l->pack_a) pack_a(s, product, tile0, tile1, own->a);
    for (int64_t p = task->panel0; p < task->panel1; p++) {
        char *packed = l->share_b ? shared + (product->batch * l->panels + p) * l->b_panel * element
                       : again    ? own->b + (p - task->panel0) * l->b_panel * element
                                  : own->b;
        panel q = panel_of(s, product, p, fresh, packed);
        q.i0 = i0;
        q.c_row = c_row;
        q.c = c + (p * width - j0) * element;
        run_panel(s, product, &q, asked, l->pack_a ? own->a : NULL, tile0, tile1);
    }
    if (s->common.epilogue)
        hb_cpu_loop_block(run->device, s->common.epilogue, run->args, thread, product->batch, i0,
                          i1, j0, j1, c, c_row);
}

static void run_task(const run_context *run, int64_t task, int thread) {
    const state *s = run->state;
    const layout *l = &s->layout;
    const int64_t panel_part = hb_take(&task, l->panel_parts);
    const int64_t row_part = hb_take(&task, l->row_parts);
    const hb_gemm_product product = hb_gemm_product_of(&s->common, run->args, task);
    const part q = {.tile0 = hb_part(l->row_tiles, l->row_parts, row_part),
                    .tile1 = hb_part(l->row_tiles, l->row_parts, row_part + 1),
                    .panel0 = hb_part(l->panels, l->panel_parts, panel_part),
                    .panel1 = hb_part(l->panels, l->panel_parts, panel_part + 1)};
    const memory own = memory_of(run, thread);
    requests asked = requests_of(run, &product);
    for (int64_t tile = q.tile0; tile < q.tile1; tile += l->block_tiles) {
        const int64_t rest = q.tile1 - tile;
        run_block(run, &product, &asked, &q, tile,
                  tile + (rest < l->block_tiles ? rest : l->block_tiles), &own, thread);
    }
}

static void run_tasks(void *context, int64_t begin, int64_t end, int thread) {
    for (int64_t task = begin; task < end; task++) run_task(context, task, thread);
}

/* Panels [begin, end) of all products, for all tasks. */
static void pack_panels(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *run = context;
    const state *s = run->state;
    const layout *l = &s->layout;
    char *to = hb_gemm_shared(&s->common, run->args) + begin * l->b_panel * s->common.element;
    for (; begin < end; begin++, to += l->b_panel * s->common.element) {
        const hb_gemm_product product =
            hb_gemm_product_of(&s->common, run->args, begin / l->panels);
        panel_of(s, &product, begin % l->panels, true, to);
    }
}

static void run(hb_device *device, const void *state_, const hb_run_args *args) {
    const state *s = state_;
    const hb_gemm *gemm = s->common.gemm;
    if (gemm->m == 0 || gemm->n == 0) return;
    run_context context = {device, s, args};
    const int64_t tasks = s->common.batches * s->layout.row_parts * s->layout.panel_parts;
    const double macs = (double)s->common.batches * (double)(gemm->m * gemm->n) * (double)gemm->k;
    if (s->layout.share_b && !(s->layout.keep_b && args->iteration > 0))
        hb_gemm_parallel(device, &s->common, s->common.batches * s->layout.panels,
                         HB_GEMM_PACK_MACS * (double)s->layout.shared_elements, pack_panels,
                         &context);
    hb_gemm_parallel(device, &s->common, tasks, macs, run_tasks, &context);
}

/* Longer panels of B than a thread may copy are for the packed solver, which splits them; it leaves
   us what is empty. */
static bool can_do(const hb_device *device, const hb_step *step) {
    const hb_gemm *gemm = &step->u.gemm;
    const layout l = layout_of(device, gemm);
    return l.b_panel * (int64_t)hebb_dtype_size(gemm->dtype) <= PANEL_BYTES;
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
    /* A tile reads half a line of each of k rows and the next one the other half, which is still in
       L2 if there are places for k lines. */
    if (a[1] != 1)
        return a[0] != 1 || walks_in_few_sets(gemm, a[1], gemm->n) ||
               gemm->k * alignment_of(gemm, a[1]) > 1 << 20;
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
    const layout l = layout_of(device, gemm);
    if (l.keep_b) return ns;
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
