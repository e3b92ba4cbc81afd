/* LOOPs with reductions. Called by loop.c; what happens in a tile is tile.c's.

   By rows: the space is [kept, reduced] and a kept point's elements follow each other; the unit of
   work is a tile of the post program. By columns: the space is [outer kept, reduced, columns],
   columns being the innermost kept dimension; the unit is a panel of columns at one outer point.
   Where that makes few units, the reduced dimensions are cut into chunks whose partial results are
   combined in order. All cuts follow from sizes alone, so results do not depend on the number of
   threads. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "reduce.h"

enum {
    PRE_SCRATCH = 24 << 10, /* bytes on the stack: of both programs' tiles, ... */
    POST_SCRATCH = 16 << 10,
    SUMS_SCRATCH = 64 << 10, /* ... and of the results, wide and narrow */
    GROUP = 256,             /* kept points of a unit by rows, at most */
    PANEL = 4096,            /* columns of a unit by columns, at most */
    UNITS = 64,              /* wanted, at least, */
    CHUNK_WORK = 8192,       /* but none with fewer points than this, */
    CHUNK_ROWS = 128,        /* or rows, whose sums take much less than they do */
    COMBINED = 512           /* kept points of a task that combines chunks, at most */
};
#define COMBINED_NS 0.3 /* an element of the partial results */

/* ---- preparing ---- */

static uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static uint64_t identity_of(int code, hebb_dtype dtype) {
    if (code == HB_SUM) return 0;
    if (code == HB_PROD) return dtype == HEBB_F32 || dtype == HEBB_F64 ? bits_of(1) : 1;
    const bool max = code == HB_REDMAX;
    switch (dtype) {
    case HEBB_F32:
    case HEBB_F64: return bits_of(max ? -__builtin_inf() : __builtin_inf());
    case HEBB_I32: return (uint64_t)(int64_t)(max ? INT32_MIN : INT32_MAX);
    case HEBB_I64: return (uint64_t)(max ? INT64_MIN : INT64_MAX);
    case HEBB_U8: return max ? 0 : UINT8_MAX;
    case HEBB_BOOL: return max ? 0 : 1;
    case HEBB_I8: return (uint64_t)(int64_t)(max ? INT8_MIN : INT8_MAX);
    default: return 0;
    }
}

static hebb_status make_reductions(const hb_device *device, const hb_loop *loop, hb_cpu_reduce *r,
                                   hb_error *error) {
    const hb_cpu_vector *vector = device->isa->vector;
    r->n = hb_count_reductions(loop);
    r->each = calloc((size_t)r->n + 1, sizeof *r->each);
    if (!r->each) return hb_fail_memory(error, "reductions", (size_t)r->n * sizeof *r->each);
    if (r->n > SUMS_SCRATCH / (64 * 16))
        return hb_fail(error, HEBB_E_UNSUPPORTED, "%d reductions in one loop are too many", r->n);
    for (int i = 0; i < r->n; i++) {
        const hb_instr *instr = &loop->instr[loop->n_pre + i];
        const hebb_dtype dtype = (hebb_dtype)loop->instr[instr->a].dtype;
        const bool is_float = dtype == HEBB_F32 || dtype == HEBB_F64;
        const hb_cpu_reduction *row = vector->reduce[instr->code - HB_SUM];
        r->each[i] = (hb_cpu_each){.value = instr->a,
                                   .size = (int)hebb_dtype_size(dtype),
                                   .identity = identity_of(instr->code, dtype),
                                   .narrow = &row[dtype],
                                   .wide = &row[is_float ? HEBB_F64 : HEBB_I64]};
    }
    return HEBB_OK;
}

static bool whole_rows(const hb_cpu_program *p) {
    return p->space.columns < HB_CPU_WIDE && p->space.columns <= p->tile;
}

static hebb_status make_pre(const hb_device *device, const hb_loop *loop, const hb_cpu_order *order,
                            hb_cpu_repeat repeat, hb_cpu_reduce *r, hb_error *error) {
    hb_cpu_part part = {.loop = loop,
                        .last = loop->n_pre,
                        .repeat = repeat,
                        .rank = order->rank,
                        .tile = HB_CPU_TILE,
                        .scratch = PRE_SCRATCH,
                        .fold = order->by_columns ? HB_CPU_FOLD_COLUMNS : HB_CPU_FOLD_ROWS};
    memcpy(part.dim, order->dim, sizeof part.dim);
    r->by_columns = order->by_columns;
    r->alone = repeat.times > 0;
    r->kept = r->points = 1;
    for (int k = 0; k < loop->rank; k++) *(loop->reduce[k] ? &r->points : &r->kept) *= loop->dim[k];
    part.points = r->points;
    return hb_cpu_program_make(device, &part, &r->pre, error);
}

/* How many kept points make a unit by rows: enough units to share, if they are, but tiles that are
   full. */
static int64_t group_of(const hb_cpu_reduce *r) {
    int64_t group = r->alone ? r->kept : r->kept / UNITS;
    if (r->points > 0) group = hb_max(group, r->pre.tile / r->points);
    group = hb_min(group, GROUP);
    group = hb_min(group, SUMS_SCRATCH / 8 / hb_max(r->n, 1));
    return hb_max(group, 1);
}

static hebb_status make_post(const hb_device *device, const hb_loop *loop,
                             const hb_cpu_order *order, hb_cpu_reduce *r, hb_error *error) {
    hb_cpu_part part = {.loop = loop,
                        .first = loop->n_pre,
                        .last = loop->n_instr,
                        .tile = r->by_columns ? HB_CPU_TILE : group_of(r),
                        .results = r->pre.fold == HB_CPU_FOLD_ROWS,
                        .scratch = POST_SCRATCH};
    for (int k = 0; k < order->kept; k++) part.dim[part.rank++] = order->dim[k];
    if (r->by_columns) part.dim[part.rank++] = order->dim[order->rank - 1];
    return hb_cpu_program_make(device, &part, &r->post, error);
}

static void make_units(hb_cpu_reduce *r) {
    const hb_cpu_space *space = &r->pre.space;
    if (r->by_columns) {
        const int64_t outer = space->columns > 0 ? r->kept / space->columns : 0;
        r->rows = r->points;
        r->together = whole_rows(&r->pre) ? r->pre.tile / hb_max(space->columns, 1) : 1;
        r->panel = hb_min(PANEL, SUMS_SCRATCH / 16 / hb_max(r->n, 1) / 64 * 64);
        if (whole_rows(&r->pre)) r->panel = hb_max(space->columns, 1);
        r->panels = hb_ceil_div(space->columns, r->panel);
        r->units = outer * r->panels;
        r->pieces = r->rows;
        return;
    }
    r->rows = space->columns > 0 ? r->points / space->columns : 0;
    if (whole_rows(&r->pre) && r->points > 0 && r->points <= r->pre.tile)
        r->together = r->pre.tile / r->points * r->rows;
    r->units = hb_cpu_tile_count(&r->post, r->post.space.rows);
    r->pieces = r->together || r->points == 0 ? 1 : hb_cpu_tile_count(&r->pre, r->rows);
}

static hebb_status make_chunks(hb_cpu_reduce *r, hb_error *error) {
    r->chunks = 1;
    if (r->alone || r->units == 0 || r->units >= UNITS / 2 || r->points == 0) return HEBB_OK;
    const int64_t unit_points = r->points * (r->kept / r->units);
    r->chunks = hb_min(hb_ceil_div(UNITS, r->units), unit_points / CHUNK_WORK);
    r->chunks = hb_min(r->chunks, r->by_columns ? r->pieces / CHUNK_ROWS : r->pieces);
    r->chunks = hb_max(r->chunks, 1);
    if (r->chunks == 1) return HEBB_OK;
    r->combined = hb_min(COMBINED, SUMS_SCRATCH / 8 / r->n);
    const size_t bytes = (size_t)(r->chunks * r->n * r->kept) * 8;
    r->partial = hb_cpu_allocate(bytes);
    return r->partial ? HEBB_OK : hb_fail_memory(error, "partial sums", bytes);
}

hebb_status hb_cpu_reduce_make(const hb_device *device, const hb_loop *loop, hb_cpu_repeat repeat,
                               hb_cpu_reduce **reduce, hb_error *error) {
    *reduce = NULL;
    hb_cpu_reduce *r = calloc(1, sizeof *r);
    if (!r) return hb_fail_memory(error, "a reduction", sizeof *r);
    const hb_cpu_order order = hb_cpu_order_of(loop);
    hebb_status status = make_reductions(device, loop, r, error);
    if (!status) status = make_pre(device, loop, &order, repeat, r, error);
    if (!status) status = make_post(device, loop, &order, r, error);
    if (!status) {
        make_units(r);
        status = make_chunks(r, error);
    }
    if (status) {
        hb_cpu_reduce_free(r);
        return status;
    }
    r->ns = (double)r->kept * (r->post.ns + (double)r->points * (r->pre.ns + 0.05 * (double)r->n));
    *reduce = r;
    return HEBB_OK;
}

void hb_cpu_reduce_free(hb_cpu_reduce *reduce) {
    if (!reduce) return;
    hb_cpu_program_free(&reduce->pre);
    hb_cpu_program_free(&reduce->post);
    free(reduce->each);
    free(reduce->partial);
    free(reduce);
}

/* ---- running ---- */

typedef struct run_context {
    const hb_device *device;
    const hb_cpu_reduce *reduce;
    const hb_run_args *args;
} run_context;

/* The stack of one unit. */
typedef struct unit_scratch {
    _Alignas(64) char sums[SUMS_SCRATCH];
    _Alignas(64) char pre[PRE_SCRATCH];
    _Alignas(64) char post[POST_SCRATCH];
} unit_scratch;

void hb_cpu_clear_results(const hb_cpu_reduce *r, const hb_cpu_results *sums) {
    for (int i = 0; i < r->n; i++) {
        uint64_t *at = (uint64_t *)(void *)(sums->at + i * sums->stride);
        const uint64_t identity = r->each[i].identity;
        for (int64_t k = 0, n = sums->n; k < n; k++) at[k] = identity;
    }
}

static void fold_rows(const hb_cpu_reduce *r, const hb_cpu_worker *w, const hb_cpu_results *sums,
                      int64_t kept, int64_t rows, int64_t columns) {
    for (int i = 0; i < r->n; i++)
        r->each[i].narrow->rows(sums->at + i * sums->stride + (kept - sums->first) * 8,
                                w->value[r->each[i].value], rows, columns);
}

/* Short: a tile holds all elements of several kept points. */
static void reduce_short_rows(const run_context *c, const hb_cpu_results *sums, char *scratch) {
    const hb_cpu_reduce *r = c->reduce;
    const int64_t points = r->together / r->rows, end = sums->first + sums->n;
    hb_cpu_worker worker;
    hb_cpu_tile tile = {.row = sums->first * r->rows,
                        .rows = hb_min(points, sums->n) * r->rows,
                        .columns = r->pre.space.columns};
    hb_cpu_tile_locate(&r->pre.space, &tile);
    hb_cpu_worker_start(&worker, &r->pre, c->device, c->args, scratch, &tile);
    for (int64_t k = sums->first; k < end; k += points) {
        const int64_t n = hb_min(points, end - k);
        tile.row = k * r->rows;
        tile.rows = n * r->rows;
        hb_cpu_tile_locate(&r->pre.space, &tile);
        hb_cpu_worker_tile(&worker, &tile);
        fold_rows(r, &worker, sums, k, n, r->points);
    }
}

/* Long: several tiles, [begin, end) of them, for each kept point. */
static void reduce_long_rows(const run_context *c, const hb_cpu_results *sums, int64_t begin,
                             int64_t end, char *scratch) {
    const hb_cpu_reduce *r = c->reduce;
    hb_cpu_worker worker;
    hb_cpu_tile tile;
    hb_cpu_tile_at(&r->pre, 0, r->rows, 0, &tile);
    hb_cpu_worker_start(&worker, &r->pre, c->device, c->args, scratch, &tile);
    if (r->pre.fold == HB_CPU_FOLD_ROWS) {
        hb_cpu_reduce_linked_rows(r, &worker, sums, begin, end);
        return;
    }
    for (int64_t k = sums->first; k < sums->first + sums->n; k++)
        for (int64_t t = begin; t < end; t++) {
            hb_cpu_tile_at(&r->pre, k * r->rows, r->rows, t, &tile);
            hb_cpu_worker_tile(&worker, &tile);
            fold_rows(r, &worker, sums, k, 1, tile.rows * tile.columns);
        }
}

/* Folds rows [row, row + rows) of a tile; the first of a block overwrites. */
static void fold_columns(const hb_cpu_reduce *r, const hb_cpu_worker *w,
                         const hb_cpu_column_sums *sums, const hb_cpu_tile *tile, int64_t row,
                         int64_t rows, bool fresh) {
    for (int i = 0; i < r->n; i++) {
        const int64_t size = r->each[i].size, bytes = tile->columns * size;
        char *to = sums->narrow + i * sums->stride + (tile->column - sums->first) * size;
        const char *from = w->value[r->each[i].value] + row * bytes;
        if (fresh) memcpy(to, from, (size_t)bytes);
        const int64_t done = fresh ? 1 : 0;
        r->each[i].narrow->columns(to, from + done * bytes, rows - done, tile->columns);
    }
}

void hb_cpu_widen_columns(const hb_cpu_reduce *r, const hb_cpu_column_sums *sums) {
    const hb_cpu_results *wide = sums->wide;
    for (int i = 0; i < r->n; i++)
        r->each[i].narrow->widen(wide->at + i * wide->stride, sums->narrow + i * sums->stride,
                                 wide->n);
}

/* Tiles of several whole rows. */
static void reduce_short_columns(const hb_cpu_reduce *r, hb_cpu_worker *worker,
                                 const hb_cpu_column_sums *sums, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row += r->together) {
        hb_cpu_tile tile = {
            .row = row, .rows = hb_min(r->together, end - row), .columns = r->pre.space.columns};
        hb_cpu_tile_locate(&r->pre.space, &tile);
        hb_cpu_worker_tile(worker, &tile);
        for (int64_t at = 0; at < tile.rows; at += HB_CPU_NARROW) {
            fold_columns(r, worker, sums, &tile, at, hb_min(HB_CPU_NARROW, tile.rows - at), true);
            hb_cpu_widen_columns(r, sums);
        }
    }
}

static void prefetch_row_below(const hb_cpu_reduce *r, const hb_cpu_worker *worker,
                               hb_cpu_tile tile) {
    tile.row++;
    hb_cpu_tile_locate(&r->pre.space, &tile);
    hb_cpu_worker_prefetch(worker, &tile);
}

/* Tiles that are parts of one row; all columns of the panel before the next row. */
static void reduce_long_columns(const hb_cpu_reduce *r, hb_cpu_worker *worker,
                                const hb_cpu_column_sums *sums, int64_t begin, int64_t end) {
    const int64_t last = sums->first + sums->wide->n;
    for (int64_t row = begin; row < end; row++) {
        const int64_t in_block = (row - begin) % HB_CPU_NARROW;
        hb_cpu_tile tile = {.row = row, .rows = 1};
        hb_cpu_tile_locate(&r->pre.space, &tile);
        for (tile.column = sums->first; tile.column < last; tile.column += r->pre.tile) {
            tile.columns = hb_min(r->pre.tile, last - tile.column);
            if (r->pre.far && row + 1 < end) prefetch_row_below(r, worker, tile);
            hb_cpu_worker_tile(worker, &tile);
            fold_columns(r, worker, sums, &tile, 0, 1, in_block == 0);
        }
        if (in_block == HB_CPU_NARROW - 1 || row == end - 1) hb_cpu_widen_columns(r, sums);
    }
}

/* Rows [begin, end) of the reduced ones of a unit. */
static void reduce_columns(const run_context *c, const hb_cpu_results *sums, int64_t begin,
                           int64_t end, unit_scratch *scratch) {
    const hb_cpu_reduce *r = c->reduce;
    const int64_t columns = r->pre.space.columns, row = sums->first / columns * r->rows;
    const hb_cpu_column_sums narrow = {.wide = sums,
                                       .first = sums->first % columns,
                                       .narrow = scratch->sums + r->n * r->panel * 8,
                                       .stride = r->panel * 8};
    hb_cpu_worker worker;
    hb_cpu_tile tile = {.row = row,
                        .rows = hb_min(r->together, end - begin),
                        .column = narrow.first,
                        .columns = hb_min(sums->n, r->pre.tile)};
    hb_cpu_tile_locate(&r->pre.space, &tile);
    hb_cpu_worker_start(&worker, &r->pre, c->device, c->args, scratch->pre, &tile);
    if (r->pre.fold == HB_CPU_FOLD_COLUMNS)
        hb_cpu_reduce_linked_columns(r, &worker, &narrow, row + begin, row + end);
    else if (r->together > 1) reduce_short_columns(r, &worker, &narrow, row + begin, row + end);
    else reduce_long_columns(r, &worker, &narrow, row + begin, row + end);
}

/* The kept points of a unit. */
static void locate_unit(const hb_cpu_reduce *r, int64_t unit, hb_cpu_results *sums, char *at) {
    if (r->by_columns) {
        const int64_t columns = r->pre.space.columns, first = unit % r->panels * r->panel;
        sums->first = unit / r->panels * columns + first;
        sums->n = hb_min(r->panel, columns - first);
    } else {
        hb_cpu_tile tile;
        hb_cpu_tile_at(&r->post, 0, r->post.space.rows, unit, &tile);
        sums->first = tile.row * r->post.space.columns + tile.column;
        sums->n = tile.rows * tile.columns;
    }
    sums->at = at;
    sums->stride = sums->n * 8;
}

static void reduce_unit(const run_context *c, const hb_cpu_results *sums, int64_t chunk,
                        unit_scratch *scratch) {
    const hb_cpu_reduce *r = c->reduce;
    const int64_t begin = r->pieces * chunk / r->chunks;
    const int64_t end = r->pieces * (chunk + 1) / r->chunks;
    hb_cpu_clear_results(r, sums);
    if (r->points == 0) return;
    if (r->by_columns) reduce_columns(c, sums, begin, end, scratch);
    else if (r->together) reduce_short_rows(c, sums, scratch->pre);
    else reduce_long_rows(c, sums, begin, end, scratch->pre);
}

/* Runs the post program on the kept points: a box of its space, or parts of rows. */
static void run_post(const run_context *c, const hb_cpu_results *sums, char *scratch) {
    const hb_cpu_program *post = &c->reduce->post;
    const int64_t columns = post->space.columns;
    for (int64_t done = 0; done < sums->n;) {
        const int64_t at = sums->first + done, left = sums->n - done;
        hb_cpu_tile tile = {.row = at / columns, .rows = 1, .column = at % columns};
        tile.columns = hb_min(hb_min(columns - tile.column, left), post->tile);
        if (tile.columns == columns) tile.rows = hb_min(left, post->tile) / columns;
        hb_cpu_worker worker;
        hb_cpu_tile_locate(&post->space, &tile);
        hb_cpu_worker_start(&worker, post, c->device, c->args, scratch, &tile);
        worker.wide = sums->at + done * 8;
        worker.wide_row = sums->stride;
        hb_cpu_worker_tile(&worker, &tile);
        done += tile.rows * tile.columns;
    }
}

/* Before other threads may read what stores past the caches have written. */
static void fence(const run_context *c) {
    if (c->reduce->pre.streams || c->reduce->post.streams) c->device->isa->vector->fence();
}

static void run_units(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *c = context;
    unit_scratch scratch;
    for (int64_t unit = begin; unit < end; unit++) {
        hb_cpu_results sums;
        locate_unit(c->reduce, unit, &sums, scratch.sums);
        reduce_unit(c, &sums, 0, &scratch);
        run_post(c, &sums, scratch.post);
    }
}

static void run_units_and_fence(void *context, int64_t begin, int64_t end, int thread) {
    run_units(context, begin, end, thread);
    fence(context);
}

static char *partial_at(const hb_cpu_reduce *r, int64_t chunk, int i, int64_t kept) {
    return r->partial + ((chunk * r->n + i) * r->kept + kept) * 8;
}

static void run_chunks(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *c = context;
    const hb_cpu_reduce *r = c->reduce;
    unit_scratch scratch;
    for (int64_t task = begin; task < end; task++) {
        const int64_t unit = task % r->units, chunk = task / r->units;
        hb_cpu_results sums;
        locate_unit(r, unit, &sums, scratch.sums);
        reduce_unit(c, &sums, chunk, &scratch);
        for (int i = 0; i < r->n; i++)
            memcpy(partial_at(r, chunk, i, sums.first), sums.at + i * sums.stride,
                   (size_t)sums.n * 8);
    }
    fence(c);
}

static void combine_chunks(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *c = context;
    const hb_cpu_reduce *r = c->reduce;
    unit_scratch scratch;
    for (int64_t task = begin; task < end; task++) {
        hb_cpu_results sums = {.at = scratch.sums, .first = task * r->combined};
        sums.n = hb_min(r->combined, r->kept - sums.first);
        sums.stride = sums.n * 8;
        hb_cpu_clear_results(r, &sums);
        for (int64_t chunk = 0; chunk < r->chunks; chunk++)
            for (int i = 0; i < r->n; i++)
                r->each[i].wide->widen(sums.at + i * sums.stride,
                                       partial_at(r, chunk, i, sums.first), sums.n);
        run_post(c, &sums, scratch.post);
    }
    fence(c);
}

void hb_cpu_reduce_run(const hb_device *device, const hb_cpu_reduce *reduce,
                       const hb_run_args *args) {
    run_context context = {device, reduce, args};
    if (reduce->chunks == 1) {
        hb_cpu_parallel(device, reduce->units, reduce->ns, run_units_and_fence, &context);
        return;
    }
    hb_cpu_parallel(device, reduce->units * reduce->chunks, reduce->ns, run_chunks, &context);
    const int64_t parts = reduce->chunks * reduce->n;
    hb_cpu_parallel(device, hb_ceil_div(reduce->kept, reduce->combined),
                    (double)(reduce->kept * parts) * COMBINED_NS, combine_chunks, &context);
}

void hb_cpu_reduce_run_alone(const hb_device *device, const hb_cpu_reduce *reduce,
                             const hb_run_args *args) {
    run_context context = {device, reduce, args};
    run_units(&context, 0, reduce->units, 0);
}

double hb_cpu_reduce_ns(const hb_cpu_reduce *reduce) { return reduce->ns; }
