/* The table of descriptors as a whole, and what the op families share: see samples.h. */
#include <float.h>
#include <string.h>

#include "half.h"
#include "samples.h"

static const descriptor_table *const tables[] = {
    &elementwise_table, &reduce_table,  &movement_table, &indexing_table, &nn_table,
    &math_table,        &classic_table, &conv_table,     &pool_table,     &custom_table,
    &along_table,       &index_table,   &shape_table,    &einsum_table,
};

#define EXTRAS_OF_OTHER_DTYPES 3

size_t descriptor_count(void) {
    size_t n = 0;
    for (size_t k = 0; k < COUNT(tables); k++) n += tables[k]->count;
    return n;
}

const descriptor *descriptor_at(size_t index) {
    size_t k = 0;
    while (index >= tables[k]->count) index -= tables[k++]->count;
    return &tables[k]->at[index];
}

const descriptor *descriptor_find(const char *name) {
    for (size_t i = 0; i < descriptor_count(); i++)
        if (strcmp(descriptor_at(i)->name, name) == 0) return descriptor_at(i);
    return NULL;
}

void sample_push(sample_list *list, const sample *s) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
        sample *at = test_memory(capacity * sizeof *at);
        if (list->count > 0) memcpy(at, list->at, list->count * sizeof *at);
        list->at = at;
        list->capacity = capacity;
    }
    list->at[list->count++] = *s;
}

/* The samples that are given one by one, and the first of them in every other dtype of the op. */
static void push_extras(const descriptor *d, sample_list *list) {
    for (size_t i = 0; i < d->n_extra; i++) sample_push(list, &d->extra[i]);
    for (hebb_dtype t = HEBB_I32; d->family == NULL && t < HEBB_DTYPES; t++)
        for (size_t i = 0; i < d->n_extra && i < EXTRAS_OF_OTHER_DTYPES && d->dtypes & 1u << t;
             i++) {
            sample s = d->extra[i];
            s.dtype = t;
            s.has_dtype = true;
            sample_push(list, &s);
        }
}

sample_list descriptor_samples(const descriptor *d) {
    sample_list list = {0};
    if (d->family != NULL) d->family(d, &list);
    push_extras(d, &list);
    for (size_t i = 0; i < list.count; i++) {
        sample *s = &list.at[i];
        if (!s->has_dtype) s->dtype = REAL;
        if (!s->has_domain) s->domain = d->domain;
    }
    return list;
}

/* A primitive rounds once, and a float32 error may decide between two neighbors. What is composed
   rounds after every step, in f16 also below the normal range. */
static tolerance half_tolerance(const descriptor *d, hebb_dtype dtype) {
    double steps = d->op != NULL ? 1 : 8;
    double unit = half_epsilon(dtype) * steps, least = half_smallest(dtype);
    return (tolerance){unit + d->f32.relative, dtype == HEBB_F16 ? unit * least : least};
}

/* Eight float32 roundings, and a few dozen in float64, where the reference itself rounds too. What
   is smaller than the smallest normal number may be flushed to zero: OpenCL allows it. */
tolerance descriptor_tolerance(const descriptor *d, hebb_dtype dtype) {
    if (is_half(dtype)) return half_tolerance(d, dtype);
    tolerance own = dtype == HEBB_F32 ? d->f32 : d->f64;
    if (own.relative > 0 || own.absolute > 0) return own;
    return dtype == HEBB_F32 ? (tolerance){1e-6, FLT_MIN} : (tolerance){1e-14, DBL_MIN};
}

int front_axis(int axis, int rank) { return axis < 0 ? axis + rank : axis; }

hebb_dtype result_dtype(const descriptor *d, const values *in, const params *p) {
    if (d->result == BY_PARAM) return p->dtype;
    return d->result == SAME ? in[d->arity - 1].dtype : d->result;
}

/* ---- elementwise ops ---- */

static scalar element_of(const descriptor *d, const values *in, const int64_t *at) {
    double x[MAX_INPUTS];
    int64_t w[MAX_INPUTS];
    bool real = is_floating(in[d->arity - 1].dtype);
    for (int k = 0; k < d->arity; k++) {
        if (real) x[k] = scalar_real(in[k].at[at[k]], in[k].dtype);
        else w[k] = in[k].at[at[k]].i;
    }
    if (!real) return (scalar){.i = d->whole(w)};
    double y = d->real(x);
    return d->result == HEBB_BOOL ? (scalar){.i = y != 0} : (scalar){.f = y};
}

values elementwise_reference(const descriptor *d, const values *in, const params *p) {
    hebb_shape shape = in[0].shape;
    for (int k = 1; k < d->arity; k++) shape = broadcast_shapes(shape, in[k].shape);
    values out = values_make(result_dtype(d, in, p), shape);
    for (int64_t i = 0; i < out.count; i++) {
        int64_t at[MAX_INPUTS];
        for (int k = 0; k < d->arity; k++) at[k] = broadcast_index(i, shape, in[k].shape);
        out.at[i] = scalar_held(element_of(d, in, at), out.dtype);
    }
    return out;
}

/* ---- families ---- */

typedef struct unary_case {
    hebb_shape shape;
    view view;
} unary_case;

/* Every rank, sizes 0 and 1, odd and large sizes, an open batch, and each kind of view. The first
   INTEGER_CASES are enough for dtypes that share their code with others. */
static const unary_case unary_cases[] = {
    {DIMS(7), DENSE},           {DIMS0, DENSE},
    {DIMS(3, 5), TRANSPOSED},   {DIMS(4, 6), SLICED},
    {DIMS(HEBB_ANY, 3), DENSE}, {DIMS(5, 3), FLIPPED},
    {DIMS(1), DENSE},           {DIMS(0), DENSE},
    {DIMS(2, 3), DENSE},        {DIMS(3, 0, 2), DENSE},
    {DIMS(1, 5, 1), DENSE},     {DIMS(2, 3, 4), TRANSPOSED},
    {DIMS(2, 1, 3, 2), DENSE},  {DIMS(2, 3, 1, 2, 2), DENSE},
    {DIMS(4, 3), STRETCHED},    {DIMS(1031), DENSE},
    {DIMS(313, 331), DENSE},
};

typedef struct binary_case {
    hebb_shape a, b;
    view view_a, view_b;
} binary_case;

static const binary_case binary_cases[] = {
    {DIMS(2, 3), DIMS(2, 3), DENSE, DENSE},
    {DIMS(2, 3), DIMS(3), DENSE, DENSE},
    {DIMS(2, 1), DIMS(1, 3), DENSE, DENSE},
    {DIMS0, DIMS(5), DENSE, DENSE},
    {DIMS(HEBB_ANY, 3), DIMS(HEBB_ANY, 1), DENSE, DENSE},
    {DIMS(3, 5), DIMS(3, 5), TRANSPOSED, SLICED},
    {DIMS0, DIMS0, DENSE, DENSE},
    {DIMS(5), DIMS0, DENSE, DENSE},
    {DIMS(3), DIMS(2, 3), DENSE, DENSE},
    {DIMS(2, 3), DIMS(2, 1), DENSE, DENSE},
    {DIMS(1), DIMS(2, 3), DENSE, DENSE},
    {DIMS(4, 1, 3), DIMS(2, 1), DENSE, DENSE},
    {DIMS(0), DIMS(1), DENSE, DENSE},
    {DIMS(2, 0, 3), DIMS(2, 1, 1), DENSE, DENSE},
    {DIMS(2, 3, 4), DIMS(3, 1), DENSE, DENSE},
    {DIMS(2, 1, 3, 1), DIMS(4, 1, 5), DENSE, DENSE},
    {DIMS(2, 1, 2, 1, 3), DIMS(3, 1, 2, 1), DENSE, DENSE},
    {DIMS(HEBB_ANY, 3), DIMS(3), DENSE, DENSE},
    {DIMS(4, 6), DIMS(6), FLIPPED, SLICED},
    {DIMS(4, 6), DIMS(4, 6), STRETCHED, FLIPPED},
    {DIMS(257, 401), DIMS(401), DENSE, DENSE},
};

#define INTEGER_CASES 6
#define EDGE_SIZE     67

/* The dtypes that a family runs through: REAL once for all floating ones. */
static size_t family_dtypes(const descriptor *d, hebb_dtype *list) {
    size_t n = 0;
    if (d->dtypes & TAKES_REAL) list[n++] = REAL;
    for (hebb_dtype t = HEBB_I32; t < HEBB_DTYPES; t++)
        if (d->dtypes & 1u << t) list[n++] = t;
    return n;
}

static domain edge_domain(hebb_dtype dtype, domain d) {
    if (dtype == HEBB_BOOL) return TRUTH;
    return dtype == REAL ? d : EXTREME;
}

/* Samples of all operands in one vector of extreme values. */
static void push_edges(const descriptor *d, hebb_dtype dtype, sample_list *list) {
    for (size_t e = 0; e < COUNT(d->edges) && d->edges[e] != 0; e++) {
        sample s = {.n_in = d->arity,
                    .dtype = dtype,
                    .has_dtype = true,
                    .has_domain = true,
                    .domain = edge_domain(dtype, d->edges[e]),
                    .no_gradient = true};
        for (int k = 0; k < d->arity; k++) s.in[k].shape = (hebb_shape){1, {EDGE_SIZE}};
        sample_push(list, &s);
    }
}

static sample family_sample(const descriptor *d, hebb_dtype dtype) {
    return (sample){.n_in = d->arity,
                    .dtype = dtype,
                    .has_dtype = true,
                    .has_domain = true,
                    .domain = dtype == HEBB_BOOL ? TRUTH : d->domain};
}

void unary_family(const descriptor *d, sample_list *list) {
    hebb_dtype dtypes[HEBB_DTYPES];
    size_t n = family_dtypes(d, dtypes);
    for (size_t t = 0; t < n; t++) {
        size_t cases = dtypes[t] == REAL ? COUNT(unary_cases) : INTEGER_CASES;
        for (size_t i = 0; i < cases; i++) {
            sample s = family_sample(d, dtypes[t]);
            s.in[0] = (operand){.shape = unary_cases[i].shape, .view = unary_cases[i].view};
            sample_push(list, &s);
        }
        push_edges(d, dtypes[t], list);
    }
}

void binary_family(const descriptor *d, sample_list *list) {
    hebb_dtype dtypes[HEBB_DTYPES];
    size_t n = family_dtypes(d, dtypes);
    for (size_t t = 0; t < n; t++) {
        size_t cases = dtypes[t] == REAL ? COUNT(binary_cases) : INTEGER_CASES;
        for (size_t i = 0; i < cases; i++) {
            const binary_case *c = &binary_cases[i];
            sample s = family_sample(d, dtypes[t]);
            s.in[0] = (operand){.shape = c->a, .view = c->view_a};
            s.in[1] = (operand){.shape = c->b, .view = c->view_b};
            sample_push(list, &s);
        }
        push_edges(d, dtypes[t], list);
    }
}
