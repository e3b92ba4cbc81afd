#include "outcome.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

void built_add(built *m, hebb_tensor *tensor) { m->result[m->n_results++] = tensor; }

hebb_tensor *built_state(built *m, const char *name, int64_t rows, int64_t columns) {
    return hebb_state(m->graph, name, m->dtype, HEBB_SHAPE(rows, columns), hebb_uniform(-1, 1));
}

/* ---- running ---- */

static hebb_array input_of(const built *m, int run) {
    hebb_array x = hebb_array_zeros(m->dtype, HEBB_SHAPE(m->rows, m->columns));
    for (int64_t i = 0; i < hebb_array_count(&x); i++) {
        const double value = 3 * sin((double)(i + 1) * (1.37 + run));
        if (m->dtype == HEBB_F64) ((double *)x.data)[i] = value;
        else ((float *)x.data)[i] = (float)value;
    }
    return x;
}

built built_make(maker *make, int64_t rows, int64_t columns, hebb_dtype dtype) {
    built m = {.graph = hebb_graph_create(), .rows = rows, .columns = columns, .dtype = dtype};
    m.x = hebb_input(m.graph, "x", dtype, HEBB_SHAPE(rows, columns));
    make(&m);
    cr_assert(!hebb_failed(m.graph), "%s", hebb_message(m.graph));
    return m;
}

void built_run(hebb_session *s, const built *m, int run, hebb_array *results) {
    hebb_array x = input_of(m, run);
    hebb_feed feeds[] = {{m->x, &x}};
    hebb_fetch fetches[MOST_RESULTS + 1];
    for (int k = 0; k < m->n_results; k++)
        fetches[k] = (hebb_fetch){m->result[k], results != NULL ? &results[k] : NULL};
    fetches[m->n_results] = (hebb_fetch){m->step, NULL};
    hebb_run(s, feeds, 1, fetches, (size_t)m->n_results + (m->step != NULL));
    cr_assert(!hebb_failed(s), "%s", hebb_message(s));
    hebb_array_free(&x);
}

outcome outcome_of(hebb_device *device, maker *make, int64_t rows, int64_t columns,
                   hebb_dtype dtype) {
    built m = built_make(make, rows, columns, dtype);
    hebb_session *s = hebb_session_create(m.graph, device, .seed = 7, .poison = 0xff);
    outcome o = {.n = m.n_results};
    for (int run = 0; run < RUNS; run++) built_run(s, &m, run, o.result[run]);
    hebb_session_destroy(s);
    hebb_graph_destroy(m.graph);
    return o;
}

void outcome_free(outcome *o) {
    for (int run = 0; run < RUNS; run++)
        for (int k = 0; k < o->n; k++) hebb_array_free(&o->result[run][k]);
}

/* ---- comparing ---- */

static double allowed(hebb_dtype dtype, double f32) {
    return dtype == HEBB_F64   ? 5e-8 * f32
           : dtype == HEBB_F32 ? f32
           : dtype == HEBB_F16 ? 100 * f32
                               : 0;
}

void outcome_expect_near(const outcome *got, const outcome *wanted, double f32, const char *what) {
    for (int run = 0; run < RUNS; run++)
        for (int k = 0; k < got->n; k++) {
            const hebb_array *x = &got->result[run][k], *y = &wanted->result[run][k];
            cr_assert(x->dtype == y->dtype && hebb_shape_equal(x->shape, y->shape));
            for (int64_t i = 0; i < hebb_array_count(x); i++) {
                const double a = hebb_array_at(x, i), b = hebb_array_at(y, i);
                cr_assert(fabs(a - b) <= allowed(x->dtype, f32) * (1 + fabs(b)) ||
                              (isinf(b) && a == b) || (isnan(a) && isnan(b)),
                          "%s, run %d, result %d: element %d is %.9g, not %.9g", what, run, k,
                          (int)i, a, b);
            }
        }
}

void outcome_expect_same_bits(const outcome *a, const outcome *b, const char *what) {
    for (int run = 0; run < RUNS; run++)
        for (int k = 0; k < a->n; k++) {
            const hebb_array *x = &a->result[run][k];
            const size_t bytes = (size_t)hebb_array_count(x) * hebb_dtype_size(x->dtype);
            cr_expect(bytes == 0 || memcmp(x->data, b->result[run][k].data, bytes) == 0,
                      "%s, run %d: result %d differs in its bits", what, run, k);
        }
}
