/* Samples in graphs: see instance.h. */
#include <math.h>

#include "instance.h"

hebb_dtype operand_dtype(const sample *s, int k, hebb_dtype real) {
    if (s->in[k].dtype != 0) return s->in[k].dtype;
    return s->dtype == REAL ? real : s->dtype;
}

bool sample_is_open(const sample *s) {
    for (int k = 0; k < s->n_in; k++)
        for (int i = 0; i < s->in[k].shape.rank; i++)
            if (s->in[k].shape.dim[i] == HEBB_ANY) return true;
    return false;
}

bool sample_uses_f64(const sample *s, hebb_dtype real) {
    for (int k = 0; k < s->n_in; k++)
        if (operand_dtype(s, k, real) == HEBB_F64) return true;
    return s->p.dtype == HEBB_F64;
}

static hebb_shape bound(hebb_shape shape, int64_t batch) {
    for (int k = 0; k < shape.rank; k++)
        if (shape.dim[k] == HEBB_ANY) shape.dim[k] = batch;
    return shape;
}

int64_t sample_elements(const sample *s) {
    int64_t sum = 0;
    for (int k = 0; k < s->n_in; k++) sum += hebb_shape_count(bound(s->in[k].shape, BATCH));
    return sum;
}

/* ---- views: the shape that is fed, the op that makes the operand of it, and the numbers ---- */

static hebb_shape fed_shape(hebb_shape shape, view v) {
    hebb_shape fed = shape;
    if (v == TRANSPOSED)
        for (int k = 0; k < shape.rank; k++) fed.dim[k] = shape.dim[shape.rank - 1 - k];
    if (v == SLICED) fed.dim[shape.rank - 1] *= 2;
    if (v == STRETCHED) fed.dim[0] = 1;
    return fed;
}

static hebb_tensor *view_of(hebb_tensor *x, view v, hebb_shape shape) {
    switch (v) {
    case DENSE: return x;
    case TRANSPOSED: return hebb_transpose(x, NULL, 0);
    case SLICED: return hebb_slice(x, HEBB_RANGES({-1, 1, HEBB_END, 2}));
    case FLIPPED: return hebb_slice(x, HEBB_RANGES({0, -1, HEBB_END, -1}));
    case STRETCHED: return hebb_broadcast_to(x, shape);
    }
    return NULL;
}

/* Where element `at` of the operand lies in the fed tensor; `at` is overwritten. */
static int64_t fed_index(int64_t *at, hebb_shape shape, hebb_shape fed, view v) {
    int64_t from[HEBB_MAX_RANK];
    for (int k = 0; k < shape.rank; k++) from[k] = at[v == TRANSPOSED ? shape.rank - 1 - k : k];
    if (v == SLICED) from[shape.rank - 1] = 2 * from[shape.rank - 1] + 1;
    if (v == FLIPPED) from[0] = shape.dim[0] - 1 - from[0];
    if (v == STRETCHED) from[0] = 0;
    return index_join(from, fed);
}

/* What stands between the elements of a slice: something that shows if it is read. */
static scalar poison(hebb_dtype dtype) {
    return is_floating(dtype) ? (scalar){.f = NAN} : scalar_held((scalar){.i = INT32_MAX}, dtype);
}

/* The fed tensor of an operand with these values. */
static values unview(const values *x, view v) {
    values fed = values_make(x->dtype, fed_shape(x->shape, v));
    for (int64_t i = 0; i < fed.count; i++) fed.at[i] = poison(x->dtype);
    for (int64_t i = 0; i < x->count; i++) {
        int64_t at[HEBB_MAX_RANK];
        index_split(i, x->shape, at);
        fed.at[fed_index(at, x->shape, fed.shape, v)] = x->at[i];
    }
    return fed;
}

static values draw(const sample *s, int k, hebb_dtype dtype, hebb_shape shape, rng *r) {
    const operand *o = &s->in[k];
    bool stretched = o->view == STRETCHED;
    hebb_shape drawn = stretched ? fed_shape(shape, STRETCHED) : shape;
    values x = values_make(dtype, drawn), full;
    int64_t limit = s->p.depth > 0 ? s->p.depth : 1;
    values_fill(&x, o->own_domain ? o->domain : s->domain, limit, k, r);
    if (!stretched) return x;
    full = values_make(dtype, shape);
    for (int64_t i = 0; i < full.count; i++) full.at[i] = x.at[broadcast_index(i, shape, drawn)];
    return full;
}

void instance_build(instance *in, hebb_graph *g, const descriptor *d, const sample *s,
                    hebb_dtype real, bool open) {
    hebb_tensor *operands[MAX_INPUTS] = {0};
    *in = (instance){.d = d, .s = *s, .real = real};
    for (int k = 0; k < s->n_in; k++) {
        hebb_shape shape = open ? s->in[k].shape : bound(s->in[k].shape, BATCH);
        in->input[k] =
            hebb_input(g, NULL, operand_dtype(s, k, real), fed_shape(shape, s->in[k].view));
        operands[k] = view_of(in->input[k], s->in[k].view, shape);
    }
    in->result = d->build(g, operands, &s->p);
}

void instance_bind(instance *in, int64_t batch, uint64_t seed, bool as_f32) {
    rng r = {seed};
    values operands[MAX_INPUTS];
    for (int k = 0; k < in->s.n_in; k++) {
        hebb_dtype dtype = operand_dtype(&in->s, k, in->real);
        operands[k] = draw(&in->s, k, dtype, bound(in->s.in[k].shape, batch), &r);
        if (as_f32 && dtype == HEBB_F64) {
            values rounded = values_cast(&operands[k], HEBB_F32);
            operands[k] = values_cast(&rounded, HEBB_F64);
        }
        values fed = unview(&operands[k], in->s.in[k].view);
        in->fed[k] = values_to_array(&fed);
    }
    in->expected = in->d->reference != NULL ? in->d->reference(in->d, operands, &in->s.p)
                                            : elementwise_reference(in->d, operands, &in->s.p);
}
