/* Reductions that links of chains gather (chain_kernel.h): by rows into a vector each, by
   columns into narrow sums. Called by reduce.c and stagger.c. */
#include <string.h>

#include "reduce.h"

/* f32, of which nothing is changed by the first element: the sum of no elements is -0. */
static void clear_narrow(const hb_cpu_each *each, const hb_cpu_vector *vector, void *at,
                         int64_t n) {
    double identity;
    memcpy(&identity, &each->identity, sizeof identity);
    const float x = identity == 0 ? -0.0f : (float)identity;
    const hb_cpu_box box = {.rows = 1, .columns = n, .to_column = sizeof x};
    vector->move[sizeof x](at, &x, &box);
}

/* ---- rows ---- */

void hb_cpu_clear_vectors(const hb_cpu_reduce *r, const hb_cpu_worker *w, int64_t rows) {
    for (int i = 0; i < r->n; i++)
        clear_narrow(&r->each[i], w->vector, hb_cpu_fold_vector(w, i),
                     rows * hb_cpu_fold_lanes(&r->pre));
}

void hb_cpu_fold_vectors(const hb_cpu_reduce *r, const hb_cpu_worker *w, char *to, int64_t stride,
                         int64_t rows) {
    for (int i = 0; i < r->n; i++)
        r->each[i].narrow->rows(to + i * stride, hb_cpu_fold_vector(w, i), rows,
                                hb_cpu_fold_lanes(&r->pre));
}

static void reduce_together(const hb_cpu_reduce *r, hb_cpu_worker *w, const hb_cpu_results *sums) {
    const int64_t end = sums->first + sums->n;
    for (int64_t k = sums->first; k < end; k += r->pre.fold_rows) {
        const int64_t rows = hb_min(r->pre.fold_rows, end - k);
        hb_cpu_tile tile = {.row = k, .rows = rows, .columns = r->pre.space.columns};
        hb_cpu_tile_locate(&r->pre.space, &tile);
        hb_cpu_clear_vectors(r, w, rows);
        hb_cpu_worker_tile(w, &tile);
        hb_cpu_fold_vectors(r, w, sums->at + (k - sums->first) * 8, sums->stride, rows);
    }
}

/* Tiles [begin, end) of kept point k. */
static void reduce_one(const hb_cpu_reduce *r, hb_cpu_worker *w, const hb_cpu_results *sums,
                       int64_t k, int64_t begin, int64_t end) {
    char *to = sums->at + (k - sums->first) * 8;
    const int64_t most = HB_CPU_NARROW * (int64_t)(r->pre.strip_bytes / sizeof(float));
    int64_t points = 0;
    hb_cpu_tile tile;
    hb_cpu_clear_vectors(r, w, 1);
    for (int64_t t = begin; t < end; t++) {
        hb_cpu_tile_at(&r->pre, k * r->rows, r->rows, t, &tile);
        hb_cpu_worker_tile(w, &tile);
        points += tile.rows * tile.columns;
        if (points < most && t + 1 < end) continue;
        hb_cpu_fold_vectors(r, w, to, sums->stride, 1);
        if (t + 1 < end) hb_cpu_clear_vectors(r, w, 1);
        points = 0;
    }
}

void hb_cpu_reduce_linked_rows(const hb_cpu_reduce *r, hb_cpu_worker *w, const hb_cpu_results *sums,
                               int64_t begin, int64_t end) {
    if (r->pre.fold_rows > 1 && r->pre.loose && r->chunks == 1) {
        reduce_together(r, w, sums);
        return;
    }
    for (int64_t k = sums->first; k < sums->first + sums->n; k++)
        reduce_one(r, w, sums, k, begin, end);
}

/* ---- columns ---- */

void hb_cpu_clear_columns(const hb_cpu_reduce *r, const hb_cpu_vector *vector,
                          const hb_cpu_column_sums *sums) {
    for (int i = 0; i < r->n; i++)
        clear_narrow(&r->each[i], vector, sums->narrow + i * sums->stride, sums->wide->n);
}

/* Columns whose sums stay in the first-level cache while chains go down them, a row after the
   other. What chains only gather goes down all columns (chain_kernel.c). */
enum { NEAR_COLUMNS = 1024 };

static int64_t columns_of_box(const hb_cpu_program *p, int64_t columns) {
    if (!p->loose) return hb_min(columns, p->tile);
    return p->gathers ? columns : hb_min(columns, NEAR_COLUMNS);
}

/* Boxes of some of `rows` rows and of columns of the panel: all rows, or one row, if values may
   stay in place there, else as many as a tile can hold. */
static void reduce_box(const hb_cpu_reduce *r, hb_cpu_worker *worker,
                       const hb_cpu_column_sums *sums, int64_t row, int64_t rows) {
    const hb_cpu_program *p = &r->pre;
    const int64_t columns = columns_of_box(p, sums->wide->n);
    const bool whole = p->space.columns < HB_CPU_WIDE && p->space.columns <= p->tile;
    int64_t together = p->loose ? rows : whole ? p->tile / columns : 1;
    if (together < 1) together = 1;
    const int64_t last = sums->first + sums->wide->n;
    for (int64_t done = 0; done < rows; done += together) {
        hb_cpu_tile tile = {.row = row + done, .rows = hb_min(together, rows - done)};
        hb_cpu_tile_locate(&p->space, &tile);
        for (tile.column = sums->first; tile.column < last; tile.column += columns) {
            tile.columns = hb_min(columns, last - tile.column);
            hb_cpu_worker_tile(worker, &tile);
        }
    }
}

void hb_cpu_reduce_linked_columns(const hb_cpu_reduce *r, hb_cpu_worker *worker,
                                  const hb_cpu_column_sums *sums, int64_t begin, int64_t end) {
    worker->sums = sums->narrow;
    worker->sums_stride = sums->stride;
    worker->sums_column = sums->first;
    for (int64_t row = begin; row < end; row += HB_CPU_NARROW) {
        hb_cpu_clear_columns(r, worker->vector, sums);
        reduce_box(r, worker, sums, row, hb_min(HB_CPU_NARROW, end - row));
        hb_cpu_widen_columns(r, sums);
    }
}
