/* Which steps are joined by rows, and their preparation: see joined.h. Decides by sizes alone, so
   results do not depend on the number of threads. */
#include <stdlib.h>
#include <string.h>

#include "joined.h"

enum {
    FEWEST_ROWS = 32,       /* of a product */
    BLOCK_ROWS = 64,        /* at most, more would not make tiles faster, */
    BLOCK_BYTES = 64 << 10, /* if these are not fewer bytes */
    FEWEST_BYTES = 4 << 20, /* of the largest value that needs no memory then */
    MOST_PACKED = 4 << 20,  /* bytes of both copies of B, of one product of the batch: from L3 */
    PAD = 64,               /* rows a multiple of 4 KiB apart would share few sets of caches */
};

/* ---- operands ---- */

/* An operand and the dimensions that it goes over; the first ones are the batch and the rows. */
typedef struct seen {
    hb_operand *operand;
    const int64_t *dim;
    int rank, step;
    bool written;
} seen;

enum { MOST_SEEN = 128 };

typedef struct looker {
    hb_cpu_joined *j;
    int n;
    seen seen[MOST_SEEN];
    int64_t a_dim[2][HEBB_MAX_RANK], b_dim[2][HEBB_MAX_RANK];
    bool full; /* there are more */
} looker;

static void see(looker *l, seen s) {
    if (s.operand->buffer == HB_BUFFER_INDEX) return;
    if (l->n == MOST_SEEN) l->full = true;
    else l->seen[l->n++] = s;
}

static void see_loop(looker *l, const hb_loop *loop, int step) {
    for (int k = 0; k < loop->n_in; k++)
        see(l, (seen){&loop->in[k], loop->dim, loop->rank, step, false});
    for (int k = 0; k < loop->n_out; k++)
        see(l, (seen){&loop->out[k].to, loop->dim, loop->rank, step, true});
}

static void see_product(looker *l, const hb_gemm *g, int which, int step) {
    const int n = g->n_batch;
    int64_t *a = l->a_dim[which], *b = l->b_dim[which];
    memcpy(a, g->batch, sizeof g->batch);
    memcpy(b, g->batch, sizeof g->batch);
    a[n] = g->m;
    a[n + 1] = b[n] = g->k;
    b[n + 1] = g->n;
    see(l, (seen){(hb_operand *)(uintptr_t)&g->a, a, n + 2, step, false});
    see(l, (seen){(hb_operand *)(uintptr_t)&g->b, b, n + 2, step, false});
    see_loop(l, &g->epilogue, step);
}

/* The first and the last byte of dimensions from `first` on, from the operand's element 0. */
static void reach_of(const seen *s, int first, int64_t *low, int64_t *high) {
    const int64_t size = (int64_t)hebb_dtype_size(s->operand->dtype);
    *low = 0;
    *high = size - 1;
    for (int k = first; k < s->rank; k++) {
        const int64_t reach = (s->dim[k] - 1) * s->operand->stride[k] * size;
        if (reach < 0) *low += reach;
        else *high += reach;
    }
}

static bool meet(const seen *x, const seen *y) {
    if (x->operand->buffer != y->operand->buffer) return false;
    int64_t x_low, x_high, y_low, y_high;
    reach_of(x, 0, &x_low, &x_high);
    reach_of(y, 0, &y_low, &y_high);
    const int64_t x_at = x->operand->offset * (int64_t)hebb_dtype_size(x->operand->dtype);
    const int64_t y_at = y->operand->offset * (int64_t)hebb_dtype_size(y->operand->dtype);
    return x_at + x_low <= y_at + y_high && y_at + y_low <= x_at + x_high;
}

/* Whether both have their rows in the same places: rows of the batch's products that follow each
   other, nothing of one in another. */
static bool same_rows(const hb_cpu_joined *j, const seen *x, const seen *y) {
    const int64_t *a = x->operand->stride, *b = y->operand->stride;
    const int n = j->n_batch;
    int64_t low, high, rows = 1;
    if (x->operand->dtype != y->operand->dtype || x->operand->offset != y->operand->offset)
        return false;
    reach_of(y, n + 1, &low, &high);
    const int64_t size = (int64_t)hebb_dtype_size(x->operand->dtype);
    if (low < 0 || high >= a[n] * size) return false;
    for (int k = n; k >= 0; rows *= j->dim[k--])
        if (j->dim[k] > 1 && (a[k] != a[n] * rows || b[k] != a[k])) return false;
    return true;
}

/* ---- what may be joined ---- */

static bool is_matrix(const hb_gemm *g, const hb_gemm *first) {
    return g->n_batch == first->n_batch && g->m == first->m && g->dtype == first->dtype &&
           memcmp(g->batch, first->batch, (size_t)g->n_batch * sizeof *g->batch) == 0 && g->k > 0 &&
           g->n > 0 && g->a.stride[g->n_batch + 1] == 1;
}

/* What is written is written row by row, and met by others in the same rows only. */
static bool are_apart(const looker *l) {
    for (int k = 0; k < l->n; k++)
        for (int i = 0; i < l->n; i++) {
            const seen *w = &l->seen[k], *x = &l->seen[i];
            if (!w->written || (i != k && !meet(w, x))) continue;
            if (!same_rows(l->j, w, x) || (w->step == x->step && i != k)) return false;
        }
    return true;
}

static bool find_values(looker *l) {
    for (int k = 0; k < l->n; k++) {
        const seen *s = &l->seen[k];
        const int number = HB_BUFFER_JOINED - s->operand->buffer;
        if (number < 0) continue;
        if (number >= HB_JOINED_VALUES) return false;
        hb_joined_value *v = &l->j->value[number];
        if (s->written) {
            v->used = true;
            v->first = s->step;
            v->row =
                s->operand->stride[l->j->n_batch] * (int64_t)hebb_dtype_size(s->operand->dtype);
        }
        if (s->step > v->last) v->last = s->step;
    }
    return true;
}

/* What the loops keep within less than a block needs no memory of one. */
static void leave_out_locals(hb_cpu_joined *j, const hb_cpu_rows *rows) {
    for (int k = 0; k < rows->n; k++)
        for (int i = 0; i < rows->member[k].form.n_in + rows->member[k].form.n_out; i++) {
            const hb_cpu_access *a = &rows->member[k].access[i];
            const int number = HB_BUFFER_JOINED - a->operand->buffer;
            if (number >= 0 && a->local >= 0) j->value[number].used = false;
        }
}

/* ---- sizes ---- */

/* A value follows another one in its memory: one that no step reads any longer. */
static const hb_joined_value *follows(const hb_cpu_joined *j, int number, const bool *taken) {
    const hb_joined_value *v = &j->value[number];
    for (int k = 0; k < HB_JOINED_VALUES; k++) {
        const hb_joined_value *u = &j->value[k];
        if (u->used && !taken[k] && u->padded == v->padded && u->last < v->first) return u;
    }
    return NULL;
}

/* Places them in a block of so many rows; the bytes that this takes. */
static int64_t place_values(hb_cpu_joined *j, int64_t block_rows) {
    bool taken[HB_JOINED_VALUES] = {false};
    int64_t bytes = 0;
    for (int step = 0; step < j->n_steps; step++)
        for (int k = 0; k < HB_JOINED_VALUES; k++) {
            hb_joined_value *v = &j->value[k];
            if (!v->used || v->first != step) continue;
            v->padded = v->row < 1024 ? v->row : (int64_t)hb_round_up((size_t)v->row, 64) + PAD;
            const hb_joined_value *before = follows(j, k, taken);
            v->at = before ? before->at : bytes;
            if (before) taken[before - j->value] = true;
            else bytes += (int64_t)hb_round_up((size_t)(v->padded * block_rows), 64);
        }
    return bytes;
}

/* Of the largest value that needs no memory. */
static double bytes_saved(const hb_cpu_joined *j) {
    int64_t row = 0;
    for (int k = 0; k < HB_JOINED_VALUES; k++) row = hb_max(row, j->value[k].row);
    return (double)row * (double)j->batches * (double)j->rows;
}

/* As many rows as half of the second-level cache has room for, whole tiles, blocks of one size. */
static bool cut_rows(const hb_device *device, hb_cpu_joined *j) {
    const int64_t waiting = hb_max(hb_gemm_rows_waiting(&j->first), hb_gemm_rows_waiting(&j->last));
    const int64_t row_bytes = place_values(j, 1) + waiting * j->first.element;
    const int64_t tile = j->first.kernels->rows;
    const int64_t most = hb_min(device->l2_bytes / 2 / hb_max(row_bytes, 1),
                                hb_max(BLOCK_BYTES / hb_max(row_bytes, 1), BLOCK_ROWS));
    if (most < tile) return false;
    j->blocks = hb_ceil_div(j->rows, most / tile * tile);
    j->block_rows = hb_ceil_div(hb_ceil_div(j->rows, j->blocks), tile) * tile;
    j->block_rows = hb_min(j->block_rows, j->rows);
    j->blocks = hb_ceil_div(j->rows, j->block_rows);
    j->waiting_at = place_values(j, j->block_rows);
    j->thread_bytes =
        hb_round_up((size_t)(j->waiting_at + waiting * j->first.element * j->block_rows) + 1, 64);
    return true;
}

static bool find_copies(const hb_device *device, hb_cpu_joined *j) {
    const hb_gemm_rows *products[] = {&j->first, &j->last};
    int64_t each = 0;
    for (int k = 0; k < 2; k++) {
        const int64_t bytes = hb_gemm_rows_packed(device, products[k]->step) * products[k]->element;
        each += bytes;
        j->packed[k] = hb_round_up((size_t)(bytes * j->batches), 64);
    }
    return each <= MOST_PACKED && (double)(each * j->batches) <= bytes_saved(j);
}

/* ---- making ---- */

static int take_slot(hb_cpu_joined *j, int buffer) {
    for (int k = 0; k < j->n_slots; k++)
        if (j->slot[k] == buffer) return k;
    if (j->n_slots == HB_JOINED_SLOTS) return -1;
    j->slot[j->n_slots] = buffer;
    return j->n_slots++;
}

/* Points a product's operand at its slot; rows of a block are padded. */
static bool aim(hb_cpu_joined *j, hb_operand *o) {
    if (o->buffer == HB_BUFFER_INDEX) return true;
    const int number = HB_BUFFER_JOINED - o->buffer, at = take_slot(j, o->buffer);
    if (number >= 0) {
        for (int k = 0; k < j->n_batch; k++) o->stride[k] = 0;
        o->stride[j->n_batch] = j->value[number].padded / (int64_t)hebb_dtype_size(o->dtype);
    }
    o->buffer = at;
    return at >= 0;
}

static bool aim_product(hb_cpu_joined *j, hb_gemm_rows *r) {
    hb_loop *loop = &r->gemm.epilogue;
    bool done = aim(j, &r->gemm.a);
    for (int k = 0; k < loop->n_in; k++) done = done && aim(j, &loop->in[k]);
    for (int k = 0; k < loop->n_out; k++) done = done && aim(j, &loop->out[k].to);
    return done;
}

static void free_made(hb_cpu_joined *j) {
    hb_gemm_rows_free(&j->first);
    hb_gemm_rows_free(&j->last);
    hb_cpu_blocks_free(j->loops);
}

/* Whether the steps are better joined. *rows are the loops; it and what *j owns are to be freed in
   any case. */
static bool look(hb_device *device, const hb_step *steps, int n, hb_cpu_joined *j,
                 hb_cpu_rows *rows) {
    memset(rows, 0, sizeof *rows);
    *j = (hb_cpu_joined){.steps = steps, .n_steps = n};
    if (n < 2 || steps[0].kind != HB_GEMM || steps[n - 1].kind != HB_GEMM) return false;
    const hb_gemm *first = &steps[0].u.gemm, *last = &steps[n - 1].u.gemm;
    if (!is_matrix(first, first) || !is_matrix(last, first) || first->m < FEWEST_ROWS) return false;
    looker *l = calloc(1, sizeof *l);
    if (!l) return false;
    l->j = j;
    j->n_batch = first->n_batch;
    j->batches = hb_gemm_batches(first);
    j->rows = first->m;
    j->dim = first->epilogue.dim;
    see_product(l, first, 0, 0);
    for (int k = 1; k < n - 1; k++) see_loop(l, &steps[k].u.loop, k);
    see_product(l, last, 1, n - 1);
    bool good = !l->full && j->batches > 0 && are_apart(l) && find_values(l);
    free(l);
    good = good && (n == 2 || hb_cpu_rows_take(steps + 1, (size_t)n - 2, j->n_batch, j->dim, rows));
    for (int k = 0; k < rows->n; k++) good = good && !rows->member[k].collapses;
    if (!good || bytes_saved(j) < FEWEST_BYTES) return false;
    leave_out_locals(j, rows);
    return hb_gemm_rows_make(device, first, &j->first) &&
           hb_gemm_rows_make(device, last, &j->last) && find_copies(device, j) &&
           cut_rows(device, j);
}

static size_t scratch_of(const hb_cpu_joined *j, int threads) {
    return j->packed[0] + j->packed[1] + j->thread_bytes * (size_t)threads;
}

size_t hb_cpu_joined_scratch(hb_device *device, const hb_step *steps, size_t n_steps) {
    hb_cpu_joined *j = malloc(sizeof *j);
    hb_cpu_rows *rows = malloc(sizeof *rows);
    size_t bytes = 0;
    if (j && rows) {
        if (look(device, steps, (int)n_steps, j, rows)) bytes = scratch_of(j, device->threads);
        hb_cpu_rows_free(rows);
        free_made(j);
    }
    free(rows);
    free(j);
    return bytes;
}

/* What the last product reads is read again soon. */
static void keep_in_cache(const hb_cpu_joined *j, hb_cpu_rows *rows) {
    for (int k = 0; k < rows->n; k++)
        for (int i = rows->member[k].form.n_in;
             i < rows->member[k].form.n_in + rows->member[k].form.n_out; i++) {
            hb_cpu_access *a = &rows->member[k].access[i];
            if (a->operand->buffer == j->last.step->a.buffer &&
                a->whole->offset == j->last.step->a.offset)
                a->quiet = false;
        }
    for (int k = 0; k < rows->n; k++)
        for (int i = 0; i < rows->member[k].form.n_in + rows->member[k].form.n_out; i++)
            if (rows->member[k].access[i].operand->buffer <= HB_BUFFER_JOINED)
                rows->member[k].access[i].quiet = false;
}

static hebb_status make_loops(hb_device *device, hb_cpu_joined *j, hb_cpu_rows *rows,
                              hb_error *error) {
    int64_t value_bytes[HB_JOINED_VALUES];
    for (int k = 0; k < HB_JOINED_VALUES; k++) value_bytes[k] = j->value[k].padded;
    const hb_cpu_joining joining = {j->block_rows, j->batches * j->blocks, value_bytes};
    if (rows->n == 0) return HEBB_OK;
    keep_in_cache(j, rows);
    return hb_cpu_blocks_make_joined(device, rows, &joining, &j->loops, error);
}

static hebb_status make(hb_device *device, hb_cpu_joined *j, hb_cpu_rows *rows, hb_error *error) {
    if (!aim_product(j, &j->first) || !aim_product(j, &j->last))
        return hb_fail_memory(error, "joined steps", sizeof *j);
    hebb_status status = hb_gemm_rows_prepare(device, &j->first, error);
    if (!status) status = hb_gemm_rows_prepare(device, &j->last, error);
    if (!status) status = make_loops(device, j, rows, error);
    for (int k = 0; k < j->n_steps; k++) j->ns += j->steps[k].flops / 100;
    /* The number of threads may have been raised since scratch memory was asked for. */
    j->threads = (int)((j->steps[0].scratch_bytes - scratch_of(j, 0)) / j->thread_bytes);
    return status;
}

hebb_status hb_cpu_joined_make(hb_device *device, const hb_step *steps, size_t n_steps,
                               hb_cpu_joined **joined, hb_error *error) {
    hb_cpu_joined *j = malloc(sizeof *j);
    hb_cpu_rows *rows = malloc(sizeof *rows);
    hebb_status status = HEBB_OK;
    *joined = NULL;
    if (!j || !rows) {
        free(j);
        free(rows);
        return hb_fail_memory(error, "joined steps", sizeof *j);
    }
    if (!look(device, steps, (int)n_steps, j, rows))
        status = hb_fail_memory(error, "joined steps", sizeof *j);
    if (!status) status = make(device, j, rows, error);
    hb_cpu_rows_free(rows);
    free(rows);
    if (status) hb_cpu_joined_free(j);
    else *joined = j;
    return status;
}

void hb_cpu_joined_free(hb_cpu_joined *j) {
    if (!j) return;
    free_made(j);
    free(j);
}
