/* Steps on whole tensors by their definitions in step.h: gather, scatter, and those along an axis.
   See step_reference.h. */
#include <math.h>
#include <stdlib.h>

#include "step_number.h"

/* ---- gather and scatter ---- */

void reference_indexed(const hb_step *step, reference_buffer *buffers) {
    const hb_indexed *in = &step->u.indexed;
    const hebb_dtype dtype = in->x.dtype;
    const int64_t size = (int64_t)hebb_dtype_size(dtype);
    reference_buffer *x = &buffers[in->x.buffer], *y = &buffers[in->y.buffer];
    const char *index = buffers[in->index.buffer].bytes;
    for (int64_t i = 0; i < in->count; i++) {
        const int64_t row = (int64_t)reference_read(index, HEBB_I32, in->index.offset + i);
        const bool valid = row >= 0 && row < in->rows;
        for (int64_t j = 0; j < in->width; j++) {
            const int64_t at_y = (in->y.offset + i * in->width + j) * size;
            const int64_t at_x = (in->x.offset + row * in->width + j) * size;
            if (step->kind == HB_GATHER) {
                number_put(y, at_y, dtype,
                           valid ? number_load(x->bytes + at_x, dtype) : number_missing(dtype));
            } else if (valid && step->kind == HB_SCATTER_SET) {
                number_put(x, at_x, dtype, number_load(y->bytes + at_y, dtype));
            } else if (valid) {
                number old = number_load(x->bytes + at_x, dtype),
                       add = number_load(y->bytes + at_y, dtype);
                number sum = {.f = old.f + add.f,
                              .i = (int64_t)((uint64_t)old.i + (uint64_t)add.i),
                              .error = x->error[at_x]};
                if (hebb_dtype_floating(dtype)) sum.error += number_epsilon(dtype) * fabs(sum.f);
                number_put(x, at_x, dtype, number_as(dtype, sum));
            }
        }
    }
}

/* ---- along an axis ---- */

/* Element (o, i, j) of an operand whose middle has that size. */
static int64_t byte_of(const hb_operand *operand, const hb_along *a, int64_t middle, int64_t o,
                       int64_t i, int64_t j) {
    const int64_t at = (o * middle + i) * a->inner + j;
    return (operand->offset + at) * (int64_t)hebb_dtype_size(operand->dtype);
}

/* Whether a number is larger; NaN is larger than all others. */
static bool larger(hebb_dtype dtype, number a, number b) {
    return hebb_dtype_floating(dtype) ? a.f > b.f || (isnan(a.f) && !isnan(b.f)) : a.i > b.i;
}

/* One column (o, j); get() and set() are of its elements. */
typedef struct column {
    const hb_step *step;
    const hb_along *along;
    reference_buffer *buffers;
    int64_t o, j;
} column;

static number get(const column *c, const hb_operand *operand, int64_t middle, int64_t i) {
    const int64_t at = byte_of(operand, c->along, middle, c->o, i, c->j);
    return number_load(c->buffers[operand->buffer].bytes + at, operand->dtype);
}

static void set(const column *c, int64_t middle, int64_t i, number x) {
    const hb_operand *out = &c->step->out[0];
    number_put(&c->buffers[out->buffer], byte_of(out, c->along, middle, c->o, i, c->j), out->dtype,
               x);
}

static void argsort_column(const column *c) {
    const hb_along *a = c->along;
    const hb_operand *x = &c->step->in[0];
    number *values = calloc((size_t)a->n + 1, sizeof *values);
    for (int64_t i = 0; i < a->n; i++) values[i] = get(c, x, a->n, i);
    for (int64_t i = 0; i < a->n; i++) {
        int64_t rank = 0;
        for (int64_t k = 0; k < a->n; k++) {
            const bool above = larger(x->dtype, values[k], values[i]),
                       below = larger(x->dtype, values[i], values[k]);
            rank += (a->reverse ? above : below) || (!above && !below && k < i);
        }
        set(c, a->n, rank, (number){.i = i});
    }
    free(values);
}

static void recur_column(const column *c) {
    const hb_along *a = c->along;
    const hb_step *step = c->step;
    const hebb_dtype dtype = step->out[0].dtype;
    number last = {0};
    double scale = 0;
    for (int64_t i = 0; i < a->n; i++) {
        const int64_t at = a->reverse ? a->n - 1 - i : i;
        const number b = get(c, &step->in[step->n_in - 1], a->n, at);
        number f = {.f = 1, .i = 1};
        if (step->n_in > 1) f = get(c, &step->in[0], a->n, at);
        number y = {.f = f.f * last.f + b.f,
                    .i = (int64_t)((uint64_t)f.i * (uint64_t)last.i + (uint64_t)b.i)};
        if (i == 0) y = b;
        scale = i == 0 ? fabs(b.f) : fabs(f.f) * scale + fabs(b.f);
        y = number_as(dtype, y);
        if (hebb_dtype_floating(dtype))
            y.error = number_epsilon(dtype) * 4 * (double)(i + 1) * scale +
                      (dtype == HEBB_F32 ? 1e-37 : 1e-300);
        if (!(scale < (dtype == HEBB_F32 ? 1e37 : 1e300)) && isfinite(scale)) y.error = INFINITY;
        if (isnan(y.error)) y.error = INFINITY;
        set(c, a->n, at, y);
        last = y;
    }
}

static void take_column(const column *c) {
    const hb_along *a = c->along;
    for (int64_t i = 0; i < a->m; i++) {
        const int64_t row = get(c, &c->step->in[1], a->m, i).i;
        const hb_operand *x = &c->step->in[0];
        set(c, a->m, i, row >= 0 && row < a->n ? get(c, x, a->n, row) : number_missing(x->dtype));
    }
}

static void put_column(const column *c) {
    const hb_along *a = c->along;
    const hb_operand *out = &c->step->out[0];
    for (int64_t i = 0; i < a->n; i++) set(c, a->n, i, get(c, &c->step->in[0], a->n, i));
    for (int64_t i = 0; i < a->m; i++) {
        const int64_t row = get(c, &c->step->in[1], a->m, i).i;
        if (row < 0 || row >= a->n) continue;
        number y = get(c, &c->step->in[2], a->m, i);
        if (a->add) {
            const int64_t at = byte_of(out, a, a->n, c->o, row, c->j);
            const number old = get(c, out, a->n, row);
            y.f += old.f;
            y.i = (int64_t)((uint64_t)y.i + (uint64_t)old.i);
            y.error = c->buffers[out->buffer].error[at];
            if (hebb_dtype_floating(out->dtype)) y.error += number_epsilon(out->dtype) * fabs(y.f);
            y = number_as(out->dtype, y);
        }
        set(c, a->n, row, y);
    }
}

void reference_along(const hb_step *step, reference_buffer *buffers) {
    column c = {.step = step, .along = &step->u.along, .buffers = buffers};
    for (c.o = 0; c.o < c.along->outer; c.o++)
        for (c.j = 0; c.j < c.along->inner; c.j++) switch (step->kind) {
            case HB_ARGSORT: argsort_column(&c); break;
            case HB_RECURRENCE: recur_column(&c); break;
            case HB_TAKE_ALONG: take_column(&c); break;
            default: put_column(&c); break;
            }
}
