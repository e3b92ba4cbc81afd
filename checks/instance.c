/* Samples in graphs: see instance.h. */
#include <math.h>
#include <string.h>

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

/* ---- numbers ---- */

static domain domain_of(const sample *s, int k) {
    return s->in[k].own_domain ? s->in[k].domain : s->domain;
}

static void fill(const sample *s, int k, values *x, rng *r) {
    values_fill(x, domain_of(s, k), s->p.depth > 0 ? s->p.depth : 1, k, r);
}

/* A stretched operand is drawn before it is stretched: the other views need no care here. */
static hebb_shape drawn_shape(const operand *o, hebb_shape shape) {
    return o->view == STRETCHED ? fed_shape(shape, STRETCHED) : shape;
}

static values stretched(const values *drawn, hebb_shape shape) {
    if (hebb_shape_equal(drawn->shape, shape)) return *drawn;
    values full = values_make(drawn->dtype, shape);
    for (int64_t i = 0; i < full.count; i++)
        full.at[i] = drawn->at[broadcast_index(i, shape, drawn->shape)];
    return full;
}

static void draw_again(const instance *in, int k, scalar *x, rng *r) {
    values one = values_make(operand_dtype(&in->s, k, in->real), (hebb_shape){0});
    fill(&in->s, k, &one, r);
    *x = one.at[0];
}

/* ---- keeping away from kinks ---- */

/* A domain that has nothing else to offer by then fails the gradient check. */
#define MOST_DRAWS 200

static bool at_kink(const descriptor *d, double x) {
    for (size_t i = 0; i < d->n_kinks; i++)
        if (fabs(x - d->kinks[i]) < KINK_WIDTH) return true;
    return false;
}

static void leave_points(const instance *in, int k, values *drawn, rng *r) {
    for (int64_t i = 0; i < drawn->count; i++)
        for (int n = 0; n < MOST_DRAWS && at_kink(in->d, drawn->at[i].f); n++)
            draw_again(in, k, &drawn->at[i], r);
}

/* The operands of element `index` of an elementwise op's result. */
static void operands_of(const instance *in, values *drawn, const hebb_shape *full, hebb_shape to,
                        int64_t index, scalar **at, double *x) {
    for (int k = 0; k < in->s.n_in; k++) {
        int64_t i = broadcast_index(index, to, full[k]);
        at[k] = &drawn[k].at[broadcast_index(i, full[k], drawn[k].shape)];
        x[k] = scalar_real(*at[k], drawn[k].dtype);
    }
}

/* An operand may serve several elements, so that a new number can spoil what was settled before. */
static void leave_region(const instance *in, values *drawn, const hebb_shape *full, rng *r) {
    hebb_shape to = full[0];
    for (int k = 1; k < in->s.n_in; k++) to = broadcast_shapes(to, full[k]);
    bool near = true;
    for (int n = 0; near && n < MOST_DRAWS; n++) {
        near = false;
        for (int64_t i = 0; i < hebb_shape_count(to); i++) {
            scalar *at[MAX_INPUTS];
            double x[MAX_INPUTS];
            operands_of(in, drawn, full, to, i, at, x);
            if (!in->d->near_kink(x)) continue;
            near = true;
            for (int k = 0; k < in->s.n_in; k++)
                if (is_floating(drawn[k].dtype)) draw_again(in, k, at[k], r);
        }
    }
}

/* ---- instances ---- */

/* The same values, as the result of an op that no pass takes away. */
static hebb_tensor *computed(hebb_tensor *x) {
    if (hebb_tensor_dtype(x) == HEBB_BOOL) return hebb_not(hebb_not(x));
    return hebb_neg(hebb_neg(x));
}

void instance_build_as(instance *in, hebb_graph *g, const descriptor *d, const sample *s,
                       hebb_dtype real, bool open, operand_form form) {
    hebb_tensor *operands[MAX_INPUTS] = {0};
    *in = (instance){.d = d, .s = *s, .real = real, .form = form};
    for (int k = 0; k < s->n_in; k++) {
        view v = form == CONTIGUOUS ? DENSE : s->in[k].view;
        hebb_shape shape = open ? s->in[k].shape : bound(s->in[k].shape, BATCH);
        in->input[k] = hebb_input(g, NULL, operand_dtype(s, k, real), fed_shape(shape, v));
        operands[k] = view_of(form == COMPUTED ? computed(in->input[k]) : in->input[k], v, shape);
    }
    in->result = d->build(g, operands, &s->p);
}

void instance_build(instance *in, hebb_graph *g, const descriptor *d, const sample *s,
                    hebb_dtype real, bool open) {
    instance_build_as(in, g, d, s, real, open, AS_SAMPLED);
}

/* The numbers are the same in every form. */
static void draw_operands(const instance *in, int64_t batch, bool to_differentiate, rng *r,
                          values *operands) {
    const sample *s = &in->s;
    hebb_shape full[MAX_INPUTS] = {{0}};
    for (int k = 0; k < s->n_in; k++) {
        full[k] = bound(s->in[k].shape, batch);
        operands[k] = values_make(operand_dtype(s, k, in->real), drawn_shape(&s->in[k], full[k]));
        fill(s, k, &operands[k], r);
        if (to_differentiate && is_floating(operands[k].dtype))
            leave_points(in, k, &operands[k], r);
    }
    if (to_differentiate && in->d->near_kink != NULL) leave_region(in, operands, full, r);
    for (int k = 0; k < s->n_in; k++) operands[k] = stretched(&operands[k], full[k]);
}

/* ---- what is expected ---- */

/* A reference takes longer than its op, and every check asks with the same numbers. */
typedef struct known {
    struct known *next;
    descriptor d;
    sample s;
    values operands[MAX_INPUTS], expected;
} known;

static bool values_equal(const values *a, const values *b) {
    return a->dtype == b->dtype && a->count == b->count && hebb_shape_equal(a->shape, b->shape) &&
           memcmp(a->at, b->at, (size_t)a->count * sizeof *a->at) == 0;
}

static bool is_known(const known *entry, const instance *in, const values *operands) {
    if (memcmp(&entry->d, in->d, sizeof entry->d) != 0) return false;
    if (memcmp(&entry->s, &in->s, sizeof entry->s) != 0) return false;
    for (int k = 0; k < in->s.n_in; k++)
        if (!values_equal(&entry->operands[k], &operands[k])) return false;
    return true;
}

static values expected_of(const instance *in, const values *operands) {
    static known *first;
    for (const known *entry = first; entry != NULL; entry = entry->next)
        if (is_known(entry, in, operands)) return entry->expected;
    known *entry = test_memory(sizeof *entry);
    *entry = (known){.next = first, .d = *in->d, .s = in->s};
    memcpy(entry->operands, operands, (size_t)in->s.n_in * sizeof *operands);
    entry->expected = in->d->reference != NULL ? in->d->reference(in->d, operands, &in->s.p)
                                               : elementwise_reference(in->d, operands, &in->s.p);
    first = entry;
    return entry->expected;
}

void instance_bind(instance *in, int64_t batch, uint64_t seed, bool to_differentiate) {
    rng r = {seed};
    values operands[MAX_INPUTS];
    draw_operands(in, batch, to_differentiate, &r, operands);
    for (int k = 0; k < in->s.n_in; k++) {
        if (to_differentiate && operands[k].dtype == HEBB_F64) {
            values rounded = values_cast(&operands[k], HEBB_F32);
            operands[k] = values_cast(&rounded, HEBB_F64);
        }
        values fed = unview(&operands[k], in->form == CONTIGUOUS ? DENSE : in->s.in[k].view);
        in->fed[k] = values_to_array(&fed);
    }
    if (!to_differentiate) in->expected = expected_of(in, operands);
}
