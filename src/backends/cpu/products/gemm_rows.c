/* Rows of a matrix product: see gemm_rows.h. Called by joined.c, joined_run.c and scan_rows.c. */
#include <stdlib.h>
#include <string.h>

#include "gemm_rows.h"

static int64_t width_of(const hb_gemm_rows *r) { return 2 * r->kernels->lanes; }

int64_t hb_gemm_rows_packed(const hb_device *device, const hb_gemm *gemm) {
    const int64_t width = 2 * hb_gemm_kernels(device, gemm)->lanes;
    return hb_ceil_div(gemm->n, width) * width * gemm->k;
}

/* ---- preparing ---- */

static void *copy_of(const void *from, size_t bytes) {
    void *copy = malloc(bytes + 1);
    return copy ? memcpy(copy, from, bytes) : NULL;
}

bool hb_gemm_rows_make(const hb_device *device, const hb_gemm *step, hb_gemm_rows *r) {
    const hb_loop *loop = &step->epilogue;
    *r = (hb_gemm_rows){.step = step,
                        .gemm = *step,
                        .at_output = hb_gemm_is_direct(step) || hb_gemm_waits_at_output(step),
                        .kernels = hb_gemm_kernels(device, step),
                        .element = (int64_t)hebb_dtype_size(step->dtype)};
    r->panels = hb_ceil_div(step->n, width_of(r));
    r->gemm.epilogue.in = copy_of(loop->in, (size_t)loop->n_in * sizeof *loop->in);
    r->gemm.epilogue.out = copy_of(loop->out, (size_t)loop->n_out * sizeof *loop->out);
    return r->gemm.epilogue.in && r->gemm.epilogue.out;
}

/* It is run again and again: what it writes is not stored past the caches. */
hebb_status hb_gemm_rows_prepare(hb_device *device, hb_gemm_rows *r, hb_error *error) {
    if (hb_gemm_is_direct(r->step)) return HEBB_OK;
    const hb_cpu_repeat repeat = {.times = 1};
    return hb_cpu_loop_prepare_block(device, &r->gemm.epilogue, repeat, &r->epilogue, error);
}

void hb_gemm_rows_free(hb_gemm_rows *r) {
    hb_cpu_loop_release(r->epilogue);
    free(r->gemm.epilogue.in);
    free(r->gemm.epilogue.out);
}

int64_t hb_gemm_rows_waiting(const hb_gemm_rows *r) {
    return r->at_output ? 0 : r->panels * width_of(r);
}

/* ---- packing ---- */

void hb_gemm_rows_pack(const hb_gemm_rows *r, const hb_run_args *args, int64_t begin, int64_t end,
                       char *to) {
    const hb_gemm *g = r->step;
    const int64_t width = width_of(r), panel = g->k * width * r->element;
    const int64_t row = g->b.stride[g->n_batch], column = g->b.stride[g->n_batch + 1];
    for (; begin < end; begin++) {
        const int64_t j = begin % r->panels * width;
        const char *b = hb_gemm_address(g, args, &g->b, begin / r->panels);
        r->kernels->pack(hb_min(width, g->n - j), g->k, b + j * column * r->element, column, row,
                         width, to + begin * panel);
    }
}

/* ---- running ---- */

/* Where some rows of a matrix are. */
typedef struct strip {
    char *at;
    int64_t row, column; /* elements apart */
} strip;

static strip strip_of(const hb_gemm_rows *r, const hb_run_args *args, const hb_operand *x,
                      int64_t batch, int64_t i0) {
    const int64_t *stride = x->stride + r->gemm.n_batch;
    char *at = hb_gemm_address(&r->gemm, args, x, batch);
    return (strip){at + i0 * stride[0] * r->element, stride[0], stride[1]};
}

/* Rows [i0, i0 + rows) and the columns of a panel. */
static void make_tile(const hb_gemm_rows *r, const strip *a, const char *b, char *c, int64_t c_row,
                      int64_t i0, int64_t rows, int64_t j0) {
    const int64_t width = width_of(r), columns = hb_min(width, r->gemm.n - j0);
    const hb_gemm_span p = hb_gemm_span_of(&r->gemm, i0, i0 + rows, j0, j0 + columns);
    if (p.low == p.high) {
        for (int64_t i = 0; i < rows; i++)
            memset(c + i * c_row * r->element, 0, (size_t)(columns * r->element));
        return;
    }
    r->kernels->tile[rows - 1][columns > r->kernels->lanes](
        p.high - p.low, a->at + p.low * a->column * r->element, a->row, a->column,
        b + p.low * width * r->element, width, c, c_row, columns, false);
}

void hb_gemm_rows_run(hb_device *device, const hb_gemm_rows *r, const hb_run_args *args,
                      const char *packed, int thread, int64_t batch, int64_t i0, int64_t i1,
                      char *waiting) {
    const hb_gemm *g = &r->gemm;
    const int64_t width = width_of(r), tiles = hb_ceil_div(i1 - i0, r->kernels->rows);
    const hb_cpu_ahead *ahead = args->own;
    const strip a = strip_of(r, args, &g->a, batch, i0);
    strip c = {waiting, r->panels * width, 1};
    if (r->at_output) c = strip_of(r, args, &g->epilogue.out[0].to, batch, i0);
    if (ahead && &ahead->asks->u.gemm != r->step) ahead = NULL;
    for (int64_t panel = 0; panel < r->panels; panel++) {
        const char *b = packed + (batch * r->panels + panel) * g->k * width * r->element;
        for (int64_t tile = 0; tile < tiles; tile++) {
            const int64_t row = hb_part(i1 - i0, tiles, tile);
            const int64_t next = hb_part(i1 - i0, tiles, tile + 1);
            if (ahead) hb_cpu_ask_ahead(ahead, panel * tiles + tile, r->panels * tiles);
            const strip rows = {a.at + row * a.row * r->element, a.row, a.column};
            make_tile(r, &rows, b, c.at + (row * c.row + panel * width) * r->element, c.row,
                      i0 + row, next - row, panel * width);
        }
    }
    if (r->epilogue)
        hb_cpu_loop_block(device, r->epilogue, args, thread, batch, i0, i1, 0, g->n, c.at, c.row);
}
