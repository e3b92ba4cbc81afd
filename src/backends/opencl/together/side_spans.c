/* What the steps of a launch do to memory, as spans of bytes: see side.h. A span is from an
   operand's first byte to its last, so that operands which interleave seem to meet. */
#include <stdlib.h>

#include "side.h"

static bool add_span(hb_cl_spans *spans, hb_cl_span span) {
    if (span.buffer < 0 || span.high <= span.low) return true;
    if (spans->n == spans->capacity) {
        const size_t capacity = 2 * spans->capacity + 16;
        hb_cl_span *larger = realloc(spans->span, capacity * sizeof *larger);
        if (larger == NULL) return false;
        spans->span = larger;
        spans->capacity = capacity;
    }
    spans->span[spans->n++] = span;
    return true;
}

/* Elements [low, high) of an operand's buffer. */
static bool add_elements(hb_cl_spans *spans, const hb_operand *o, int64_t low, int64_t high,
                         bool written) {
    const int64_t size = (int64_t)hebb_dtype_size(o->dtype);
    return add_span(spans, (hb_cl_span){o->buffer, written, low * size, high * size});
}

static bool add_strided(hb_cl_spans *spans, const hb_operand *o, int rank, const int64_t *dim,
                        bool written) {
    int64_t low = o->offset, high = o->offset + 1;
    for (int k = 0; k < rank; k++) {
        const int64_t reach = o->stride[k] * (dim[k] - 1);
        if (dim[k] == 0) return true;
        if (reach < 0) low += reach;
        else high += reach;
    }
    return add_elements(spans, o, low, high, written);
}

static bool add_whole(hb_cl_spans *spans, const hb_operand *o, int64_t count, bool written) {
    return add_elements(spans, o, o->offset, o->offset + count, written);
}

/* ---- steps ---- */

/* Outputs of no reduction's results may be stored although nothing is reduced. */
static bool add_loop(hb_cl_spans *spans, const hb_loop *loop) {
    int64_t dim[HEBB_MAX_RANK];
    for (int k = 0; k < loop->rank; k++)
        dim[k] = loop->reduce[k] && loop->dim[k] == 0 ? 1 : loop->dim[k];
    bool added = true;
    for (int i = 0; i < loop->n_in; i++)
        added = added && add_strided(spans, &loop->in[i], loop->rank, dim, false);
    for (int i = 0; i < loop->n_out; i++)
        added = added && add_strided(spans, &loop->out[i].to, loop->rank, dim, true);
    return added;
}

static bool add_gemm(hb_cl_spans *spans, const hb_gemm *gemm) {
    const int n = gemm->n_batch;
    int64_t dim[HEBB_MAX_RANK];
    for (int k = 0; k < n; k++) dim[k] = gemm->batch[k];
    dim[n] = gemm->m;
    dim[n + 1] = gemm->k;
    bool added = add_strided(spans, &gemm->a, n + 2, dim, false);
    dim[n] = gemm->k;
    dim[n + 1] = gemm->n;
    added = added && add_strided(spans, &gemm->b, n + 2, dim, false);
    return added && add_loop(spans, &gemm->epilogue);
}

static bool add_indexed(hb_cl_spans *spans, const hb_indexed *indexed, bool gathers) {
    return add_whole(spans, &indexed->x, indexed->rows * indexed->width, !gathers) &&
           add_whole(spans, &indexed->index, indexed->count, false) &&
           add_whole(spans, &indexed->y, indexed->count * indexed->width, gathers);
}

/* By a launch that prepares, the weights alone. */
static bool add_conv(hb_cl_spans *spans, const hb_step *step, bool prepares) {
    const hb_conv *c = &step->u.conv;
    const int64_t x = c->batch * c->groups * c->in_channels * hb_volume(c->in);
    const int64_t w = c->groups * c->out_channels * c->in_channels * hb_volume(c->kernel);
    const int64_t y = c->batch * c->groups * c->out_channels * hb_volume(c->out);
    int64_t in0 = x, in1 = y, out = w;
    if (step->kind == HB_CONV) in1 = w, out = y;
    if (step->kind == HB_CONV_INPUT) in0 = y, in1 = w, out = x;
    if (prepares) return add_whole(spans, &step->in[1], in1, false);
    return add_whole(spans, &step->in[0], in0, false) &&
           add_whole(spans, &step->in[1], in1, false) && add_whole(spans, &step->out[0], out, true);
}

static bool add_step(hb_cl_spans *spans, const hb_step *step, bool prepares) {
    const hb_cl_span scratch = {step->scratch_buffer, true, step->scratch_offset,
                                step->scratch_offset + (int64_t)step->scratch_bytes};
    if (!add_span(spans, scratch)) return false;
    switch (step->kind) {
    case HB_LOOP: return add_loop(spans, &step->u.loop);
    case HB_GEMM: return add_gemm(spans, &step->u.gemm);
    case HB_GATHER: return add_indexed(spans, &step->u.indexed, true);
    case HB_SCATTER_ADD:
    case HB_SCATTER_SET: return add_indexed(spans, &step->u.indexed, false);
    case HB_CONV:
    case HB_CONV_INPUT:
    case HB_CONV_WEIGHT: return add_conv(spans, step, prepares);
    default: spans->all = true; return true;
    }
}

bool hb_cl_spans_of(const hb_cl_launch *launch, hb_cl_spans *spans) {
    for (size_t k = 0; k < launch->n_steps; k++)
        if (!add_step(spans, &launch->step[k], launch->prepares)) return false;
    return true;
}

bool hb_cl_spans_meet(const hb_cl_spans *a, const hb_cl_spans *b) {
    if (a->all || b->all) return true;
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = 0; j < b->n; j++) {
            const hb_cl_span *x = &a->span[i], *y = &b->span[j];
            if ((x->written || y->written) && x->buffer == y->buffer && x->low < y->high &&
                y->low < x->high)
                return true;
        }
    return false;
}
