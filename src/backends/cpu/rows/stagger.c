/* One loop among those that are run staggered: see stagger.h. Called by blocks.c and blocks_run.c.
 */
#include "stagger.h"

#include "../code/code.h"

enum { MOST_ROWS = 32 }; /* at once */

static size_t up(size_t bytes) { return hb_round_up(bytes, 64); }

/* Whether each row gives one result, gathered in one vector, or each column, and the rest of the
   loop is about nothing but these results. */
static bool is_gathered(const hb_cpu_reduce *r, const hb_cpu_row_chain *chain, int64_t rows) {
    const int64_t lanes = (int64_t)(r->pre.strip_bytes / sizeof(float));
    if (r->pre.space.rank != 2 || r->post.space.rank != 1) return false;
    if (r->by_columns)
        return r->pre.fold == HB_CPU_FOLD_COLUMNS && r->post.space.columns == chain->columns;
    return r->pre.fold == HB_CPU_FOLD_ROWS && r->rows == 1 && r->post.space.columns == rows &&
           chain->columns <= HB_CPU_NARROW * lanes;
}

int64_t hb_cpu_stagger_rows(const hb_cpu_loop *prepared, int64_t rows, int64_t *columns) {
    hb_cpu_row_chain chain;
    if (!hb_cpu_loop_row_chain(prepared, rows, &chain)) return 0;
    *columns = chain.columns;
    if (!chain.reduce) return MOST_ROWS;
    if (!is_gathered(chain.reduce, &chain, rows)) return 0;
    return chain.reduce->by_columns ? MOST_ROWS : hb_min(MOST_ROWS, chain.program->fold_rows);
}

bool hb_cpu_stagger_alone(const hb_cpu_loop *prepared) {
    const hb_cpu_program *p = hb_cpu_loop_program(prepared);
    return hb_cpu_program_is_chain(p) && p->fold == HB_CPU_FOLD_ROWS && p->gathers;
}

/* Results that are gathered at once. */
static int64_t results_of(const hb_cpu_row_chain *chain, int64_t together) {
    if (!chain->reduce) return 0;
    return chain->reduce->by_columns ? chain->columns : together;
}

size_t hb_cpu_walker_bytes(const hb_cpu_loop *prepared, int64_t rows, int64_t together,
                           size_t *links) {
    hb_cpu_row_chain chain;
    if (!hb_cpu_loop_row_chain(prepared, rows, &chain)) return 0;
    *links += (size_t)chain.program->longest;
    size_t bytes = up(chain.program->scratch);
    if (chain.reduce)
        bytes += up(chain.reduce->post.scratch) +
                 2 * up((size_t)(chain.reduce->n * results_of(&chain, together)) * sizeof(double));
    return bytes;
}

static void start_reduction(hb_cpu_walker *w, const hb_device *device, int64_t together,
                            const hb_run_args *args, char *memory) {
    const hb_cpu_reduce *r = w->chain.reduce;
    const int64_t n = results_of(&w->chain, together);
    const hb_cpu_tile largest = {.rows = 1, .columns = hb_min(n, r->post.tile)};
    hb_cpu_worker_start(&w->post, &r->post, device, args, memory, &largest);
    memory += up(r->post.scratch);
    w->wide = (hb_cpu_results){.n = n, .at = memory, .stride = n * (int64_t)sizeof(double)};
    memory += up((size_t)(r->n * w->wide.stride));
    w->narrow = (hb_cpu_column_sums){.wide = &w->wide, .narrow = memory, .stride = w->wide.stride};
    w->narrow_rows = 0;
    if (!r->by_columns) {
        hb_cpu_clear_vectors(r, &w->worker, r->pre.fold_rows);
        return;
    }
    w->worker.sums = w->narrow.narrow;
    w->worker.sums_stride = w->narrow.stride;
    w->worker.sums_column = 0;
    hb_cpu_clear_results(r, &w->wide);
    hb_cpu_clear_columns(r, w->worker.vector, &w->narrow);
}

void hb_cpu_walker_start(hb_cpu_walker *w, const hb_device *device, const hb_cpu_loop *prepared,
                         int64_t rows, int64_t together, const hb_run_args *args, char *memory) {
    hb_cpu_loop_row_chain(prepared, rows, &w->chain);
    const hb_cpu_tile largest = {.rows = together, .columns = w->chain.columns};
    hb_cpu_worker_start(&w->worker, w->chain.program, device, args, memory, &largest);
    if (w->chain.reduce)
        start_reduction(w, device, together, args, memory + up(w->chain.program->scratch));
}

hb_cpu_link *hb_cpu_walker_aim(hb_cpu_walker *w, int64_t row, int64_t rows, hb_cpu_link *links) {
    const hb_cpu_space *space = &w->chain.program->space;
    const int64_t columns = w->chain.columns;
    hb_cpu_tile tile = {.row = row, .rows = rows, .columns = columns};
    if (space->rank == 1) {
        tile.row = 0;
        tile.column = row * columns;
    }
    hb_cpu_tile_locate(space, &tile);
    return links + hb_cpu_worker_aim(&w->worker, &tile, links);
}

void hb_cpu_walker_run(const hb_cpu_walker *w, hb_cpu_link *links, int64_t rows) {
    const hb_cpu_program *p = w->chain.program;
    hb_cpu_code *code = hb_cpu_code_of(p);
    if (code && p->streams && !hb_cpu_code_fits(hb_cpu_chain_of(p), links)) code = NULL;
    w->worker.vector->chain(links, rows, w->chain.columns, code);
}

/* The rest of the loop for results [first, first + n). */
static void run_post(hb_cpu_walker *w, int64_t first, int64_t n) {
    const int64_t most = w->chain.reduce->post.tile;
    w->post.wide_row = w->wide.stride;
    for (int64_t done = 0; done < n; done += most) {
        const hb_cpu_tile tile = {
            .rows = 1, .column = first + done, .columns = hb_min(most, n - done)};
        w->post.wide = w->wide.at + done * (int64_t)sizeof(double);
        hb_cpu_worker_tile(&w->post, &tile);
    }
}

/* The same of the results of rows whose vectors have been gathered, as a list of operations. */
static void run_list(hb_cpu_walker *w, int64_t row, int64_t rows) {
    const hb_cpu_post *post = w->chain.reduce->post.list;
    char *vectors = (char *)hb_cpu_fold_vector(&w->worker, 0);
    hb_cpu_post_frame frame = {.vectors = vectors, .one = w->post.value};
    if (w->chain.reduce->n > 1) frame.apart = (char *)hb_cpu_fold_vector(&w->worker, 1) - vectors;
    for (int k = 0; k < post->n_memories; k++) {
        const hb_cpu_post_memory *m = &post->memory[k];
        frame.memory[k] = hb_cpu_base(w->post.args, m->buffer) + m->offset + row * m->stride;
    }
    w->worker.vector->post(post, &frame, rows);
}

static void widen(hb_cpu_walker *w) {
    hb_cpu_widen_columns(w->chain.reduce, &w->narrow);
    w->narrow_rows = 0;
}

void hb_cpu_walker_finish(hb_cpu_walker *w, int64_t row, int64_t rows) {
    const hb_cpu_reduce *r = w->chain.reduce;
    if (!r) return;
    if (r->by_columns) {
        w->narrow_rows += rows;
        if (w->narrow_rows + MOST_ROWS <= HB_CPU_NARROW) return;
        widen(w);
        hb_cpu_clear_columns(r, w->worker.vector, &w->narrow);
        return;
    }
    if (r->post.list) {
        run_list(w, row, rows);
        return;
    }
    hb_cpu_clear_results(r, &w->wide);
    hb_cpu_fold_vectors(r, &w->worker, w->wide.at, w->wide.stride, rows);
    hb_cpu_clear_vectors(r, &w->worker, rows);
    run_post(w, row, rows);
}

void hb_cpu_walker_end(hb_cpu_walker *w) {
    if (!w->chain.reduce || !w->chain.reduce->by_columns) return;
    if (w->narrow_rows > 0) widen(w);
    run_post(w, 0, w->chain.columns);
}
