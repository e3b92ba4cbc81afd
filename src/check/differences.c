/* Gradients against differences: element by element where everything is f64, along directions where
   something is f32. Called by gradcheck.c. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define STEP          1e-6
#define RELATIVE      1e-5
#define ABSOLUTE      1e-7
#define WIDE_STEP     0.0625
#define WIDE_RELATIVE 5e-3
#define WIDE_ABSOLUTE 1e-6

/* ---- the report ---- */

static double or_default(double given, double otherwise) { return given > 0 ? given : otherwise; }

/* One comparison. */
typedef struct comparison {
    const hb_check_x *x;
    int64_t index;
    double at, analytic, numeric, allowed;
    double condition;
} comparison;

static void note(hb_check *c, const comparison *it) {
    hebb_gradcheck_report *r = c->report;
    double error = fabs(it->analytic - it->numeric) / it->allowed;
    if (!isfinite(it->analytic) || !isfinite(it->numeric) || isnan(error)) error = INFINITY;
    r->elements++;
    if (!(error > c->error)) return;
    c->error = error;
    r->input = it->x->tensor;
    r->index = it->index;
    r->x = it->at;
    r->analytic = it->analytic;
    r->numeric = it->numeric;
    r->allowed = it->allowed;
    r->condition = it->condition;
}

/* "x[1, 2]". */
static void name_element(const hb_check *c, char *text, size_t size) {
    const hebb_gradcheck_report *r = c->report;
    const hb_check_x *x = c->x;
    while (x->tensor != r->input) x++;
    size_t at = (size_t)snprintf(text, size, "%.80s", hebb_tensor_name(r->input));
    int64_t rest = r->index, count = hebb_array_count(&x->value);
    for (int k = 0; k < x->value.shape.rank; k++) {
        count /= x->value.shape.dim[k];
        at +=
            (size_t)snprintf(text + at, size - at, "%s%" PRId64, k == 0 ? "[" : ", ", rest / count);
        rest %= count;
    }
    if (x->value.shape.rank > 0) snprintf(text + at, size - at, "]");
}

static void write_report(hb_check *c) {
    hebb_gradcheck_report *r = c->report;
    char place[320];
    r->passed = !(c->error > 1);
    if (r->elements == 0) {
        snprintf(r->message, sizeof r->message, "passed: there was nothing to compare");
        return;
    }
    size_t at = 0;
    if (r->passed)
        at = (size_t)snprintf(r->message, sizeof r->message,
                              "passed, %zu compared; the worst: ", r->elements);
    if (r->index < 0)
        snprintf(place, sizeof place, "%.80s along a direction", hebb_tensor_name(r->input));
    else {
        name_element(c, place, sizeof place - 40);
        snprintf(place + strlen(place), 40, " = %.6g", r->x);
    }
    snprintf(r->message + at, sizeof r->message - at,
             "%s: analytic %.9g, numeric %.9g, allowed error %.2g, condition %.2g", place,
             r->analytic, r->numeric, r->allowed, r->condition);
}

/* A gradient of another shape or dtype is none. */
static bool fits(hb_check *c, const hb_check_x *x) {
    char a[160], b[160];
    if (x->gradient.dtype == x->value.dtype && hebb_shape_equal(x->gradient.shape, x->value.shape))
        return true;
    snprintf(c->report->message, sizeof c->report->message, "the gradient of %.80s %s %s is %s %s",
             hebb_tensor_name(x->tensor), hebb_dtype_name(x->value.dtype),
             hebb_shape_text(x->value.shape, a, sizeof a), hebb_dtype_name(x->gradient.dtype),
             hebb_shape_text(x->gradient.shape, b, sizeof b));
    return false;
}

static double condition_of(double terms, double numeric, double scale) {
    return terms == 0 ? 0 : terms / (fabs(numeric) * scale);
}

/* ---- element by element ---- */

static void check_element(hb_check *c, hb_check_x *x, int64_t i) {
    double old = hebb_array_at(&x->value, i), scale = fmax(1, fabs(old));
    double step = or_default(c->options.step, STEP) * scale;
    hb_check_sum above = {0}, below = {0};
    double high = hb_check_set(&x->value, i, old + step);
    if (hb_check_evaluate(c, x, &above) != HEBB_OK) return;
    double low = hb_check_set(&x->value, i, old - step);
    if (hb_check_evaluate(c, x, &below) != HEBB_OK) return;
    hb_check_set(&x->value, i, old);
    double numeric = (above.value - below.value) / (high - low);
    double terms = fmax(above.terms, below.terms);
    double allowed = or_default(c->options.absolute, ABSOLUTE) + 8 * DBL_EPSILON * terms / step +
                     or_default(c->options.relative, RELATIVE) * fabs(numeric);
    note(c, &(comparison){x, i, old, hebb_array_at(&x->gradient, i), numeric, allowed,
                          condition_of(terms, numeric, scale)});
}

static void check_elements(hb_check *c, hb_check_x *x) {
    int64_t count = hebb_array_count(&x->value);
    int64_t n = count < c->options.most ? count : c->options.most;
    for (int64_t k = 0; k < n && c->status == HEBB_OK; k++) {
        int64_t i = (int64_t)((double)k / (double)n * (double)count);
        if (n == count) i = k;
        if (!isnan(hebb_array_at(&x->value, i))) check_element(c, x, i);
    }
    hb_check_place(c, x);
}

/* ---- along directions ---- */

/* A direction in the space of one x: how far each element moves for a step of 1. */
typedef struct direction {
    int64_t count, axis; /* axis: the only element that moves; -1: all do */
    const double *at;    /* the elements where they started ... */
    double *by, *high;   /* ... their directions, and where they were last moved up to */
} direction;

typedef struct quotient {
    double numeric, analytic, noise, terms;
} quotient;

static void move(hb_check_x *x, const direction *d, double step) {
    for (int64_t i = 0; i < d->count; i++)
        if (d->by[i] != 0) hb_check_set(&x->value, i, d->at[i] + step * d->by[i]);
}

/* Elements do not move exactly as far as they should: the gradient is taken along the way that they
   did move. Rounding y, each element by a few units in the last place, independently, disturbs the
   quotient by `noise`. */
static quotient difference(hb_check *c, hb_check_x *x, direction *d, double step) {
    double epsilon =
        c->value.dtype == HEBB_F64 && x->value.dtype == HEBB_F64 ? DBL_EPSILON : FLT_EPSILON;
    quotient q = {0};
    hb_check_sum above = {0}, below = {0};
    move(x, d, step);
    for (int64_t i = 0; i < d->count; i++) d->high[i] = hebb_array_at(&x->value, i);
    if (hb_check_evaluate(c, x, &above) != HEBB_OK) return q;
    move(x, d, -step);
    for (int64_t i = 0; i < d->count; i++)
        if (d->by[i] != 0)
            q.analytic += hebb_array_at(&x->gradient, i) *
                          (d->high[i] - hebb_array_at(&x->value, i)) / (2 * step);
    if (hb_check_evaluate(c, x, &below) != HEBB_OK) return q;
    q.numeric = (above.value - below.value) / (2 * step);
    q.noise = 4 * epsilon * sqrt(above.squares + below.squares) / (2 * step);
    q.terms = fmax(above.terms, below.terms);
    return q;
}

/* The typical change along directions like this one. */
static double typical(const hb_check_x *x, const direction *d) {
    double sum = 0;
    for (int64_t i = 0; i < d->count; i++)
        if (d->by[i] != 0) sum += pow(hebb_array_at(&x->gradient, i) * d->by[i], 2);
    return sqrt(sum);
}

/* Of four steps the best: large ones suffer from curvature, small ones from rounding. Two quotients
   that differ tell of the former, and of what rounding inside of y does. */
static void check_direction(hb_check *c, hb_check_x *x, direction *d) {
    double step = or_default(c->options.step, WIDE_STEP), least = INFINITY;
    quotient best = {0}, last = difference(c, x, d, step);
    for (int k = 1; k < 4 && c->status == HEBB_OK; k++) {
        step /= 4;
        quotient q = difference(c, x, d, step);
        double doubt = fabs(q.numeric - last.numeric) + q.noise;
        if (k == 1 || doubt < least) best = q, least = doubt;
        last = q;
    }
    move(x, d, 0);
    if (c->status != HEBB_OK) return;
    double size = fmax(fabs(best.numeric), typical(x, d));
    double allowed = or_default(c->options.absolute, WIDE_ABSOLUTE) + 4 * least +
                     or_default(c->options.relative, WIDE_RELATIVE) * size;
    /* However great the doubt, a wrong sign or a lost term shall show. */
    allowed = fmin(allowed, or_default(c->options.absolute, WIDE_ABSOLUTE) + best.noise + size / 2);
    bool axis = d->axis >= 0;
    double unit = axis ? d->by[d->axis] : 1; /* of an element, the report is of its derivative */
    note(c, &(comparison){x, d->axis, axis ? d->at[d->axis] : 0, best.analytic / unit,
                          best.numeric / unit, allowed / unit,
                          condition_of(best.terms, best.numeric, 1)});
}

static void draw_direction(hb_check *c, direction *d) {
    for (int64_t i = 0; i < d->count; i++) {
        bool moves = !isnan(d->at[i]) && (d->axis < 0 || d->axis == i);
        d->by[i] = !moves         ? 0
                   : d->axis >= 0 ? fmax(1, fabs(d->at[i]))
                                  : hb_check_weight(c) * fmax(1, fabs(d->at[i]));
    }
}

static void check_directions(hb_check *c, hb_check_x *x) {
    int64_t count = hebb_array_count(&x->value);
    if (count == 0) return;
    double *memory = calloc((size_t)count, 3 * sizeof *memory);
    if (memory == NULL) {
        hb_check_fail(c, HEBB_E_MEMORY, "gradcheck: out of memory");
        return;
    }
    for (int64_t i = 0; i < count; i++) memory[i] = hebb_array_at(&x->value, i);
    direction d = {count, -1, memory, memory + count, memory + 2 * count};
    bool axes = count <= c->options.directions;
    for (int k = 0; k < (axes ? count : c->options.directions) && c->status == HEBB_OK; k++) {
        d.axis = axes ? k : -1;
        if (axes && isnan(d.at[k])) continue;
        draw_direction(c, &d);
        check_direction(c, x, &d);
    }
    hb_check_place(c, x);
    free(memory);
}

/* ---- all of it ---- */

hebb_status hb_check_compare(hb_check *c) {
    c->error = -1;
    for (size_t k = 0; k < c->n_x; k++)
        if (!c->x[k].skip && !fits(c, &c->x[k])) return HEBB_OK;
    for (size_t k = 0; k < c->n_x && c->status == HEBB_OK; k++) {
        hb_check_x *x = &c->x[k];
        if (x->skip) continue;
        if (x->value.dtype == HEBB_F64 && c->value.dtype == HEBB_F64) check_elements(c, x);
        else check_directions(c, x);
    }
    if (c->status == HEBB_OK) write_report(c);
    return c->status;
}
