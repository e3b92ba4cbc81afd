/* The gradient checker (hebb/gradcheck.h): here what is fed, run and put back; differences.c
   compares. Public interface only. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

hebb_status hb_check_fail(hb_check *c, hebb_status status, const char *format, ...) {
    if (c->status != HEBB_OK) return c->status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->report->message, sizeof c->report->message, format, arguments);
    va_end(arguments);
    return c->status = status;
}

/* In [0, 1): splitmix64 (Steele, Lea and Flood 2014). */
static double uniform(hb_check *c) {
    uint64_t z = c->random += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

double hb_check_weight(hb_check *c) {
    double size = 0.5 + uniform(c);
    return uniform(c) < 0.5 ? -size : size;
}

double hb_check_set(hebb_array *array, int64_t index, double value) {
    if (array->dtype == HEBB_F32) ((float *)array->data)[index] = (float)value;
    else ((double *)array->data)[index] = value;
    return hebb_array_at(array, index);
}

/* ---- running ---- */

static hebb_status run(hb_check *c, const hebb_fetch *fetches, size_t n) {
    if (hebb_session_set_step(c->session, c->step) == HEBB_OK)
        hebb_run(c->session, c->feeds, c->n_feeds, fetches, n);
    if (!hebb_failed(c->session)) return HEBB_OK;
    return hb_check_fail(c, hebb_session_status(c->session), "%s", hebb_message(c->session));
}

hebb_status hb_check_place(hb_check *c, const hb_check_x *moved) {
    if (!moved->variable || hebb_session_set(c->session, moved->tensor, &moved->value) == HEBB_OK)
        return HEBB_OK;
    return hb_check_fail(c, hebb_session_status(c->session), "%s", hebb_message(c->session));
}

hebb_status hb_check_evaluate(hb_check *c, const hb_check_x *moved, hb_check_sum *sum) {
    if (hb_check_place(c, moved) != HEBB_OK) return c->status;
    if (run(c, &(hebb_fetch){c->y, &c->value}, 1) != HEBB_OK) return c->status;
    *sum = (hb_check_sum){0};
    for (int64_t i = 0; i < hebb_array_count(&c->value); i++) {
        double term = hebb_array_at(&c->value, i);
        if (!c->claimed) term *= hebb_array_at(&c->weights, i);
        sum->value += term;
        sum->terms += fabs(term);
        sum->squares += term * term;
    }
    return HEBB_OK;
}

/* ---- what is checked, with which values ---- */

static bool floating(hebb_dtype dtype) { return dtype == HEBB_F32 || dtype == HEBB_F64; }

static hebb_status check_floating(hb_check *c, hebb_tensor *t, const char *role) {
    if (t == NULL) return hb_check_fail(c, HEBB_E_NULL, "gradcheck: %s is NULL", role);
    if (hebb_tensor_graph(t) != c->graph)
        return hb_check_fail(c, HEBB_E_GRAPH, "gradcheck: %s %s is of another graph", role,
                             hebb_tensor_name(t));
    if (hebb_tensor_shape(t).rank < 0)
        return hb_check_fail(c, HEBB_E_ARGUMENT, "gradcheck: %s %s has no value", role,
                             hebb_tensor_name(t));
    if (!floating(hebb_tensor_dtype(t)))
        return hb_check_fail(c, HEBB_E_DTYPE, "gradcheck: %s %s is %s, not f32 or f64", role,
                             hebb_tensor_name(t), hebb_dtype_name(hebb_tensor_dtype(t)));
    return HEBB_OK;
}

static hebb_status copy_array(hb_check *c, const hebb_array *from, hebb_array *to) {
    hebb_status status = hebb_array_resize(to, from->dtype, from->shape);
    if (status != HEBB_OK)
        return hb_check_fail(c, status, "gradcheck: no memory for a copy of a value");
    if (hebb_array_bytes(from) > 0) memcpy(to->data, from->data, hebb_array_bytes(from));
    return HEBB_OK;
}

static hebb_status take_fed(hb_check *c, hb_check_x *x, hebb_feed *feed) {
    const hebb_array *given = feed->array;
    if (given == NULL || given->data == NULL)
        return hb_check_fail(c, HEBB_E_NULL, "gradcheck: the value of %s is NULL",
                             hebb_tensor_name(x->tensor));
    if (given->dtype != hebb_tensor_dtype(x->tensor))
        return hb_check_fail(
            c, HEBB_E_DTYPE, "gradcheck: %s is %s and was fed %s", hebb_tensor_name(x->tensor),
            hebb_dtype_name(hebb_tensor_dtype(x->tensor)), hebb_dtype_name(given->dtype));
    feed->array = &x->value;
    return copy_array(c, given, &x->value);
}

static hebb_status draw(hb_check *c, hb_check_x *x) {
    hebb_shape shape = hebb_tensor_shape(x->tensor);
    if (hebb_shape_count(shape) < 0)
        return hb_check_fail(c, HEBB_E_GRAPH, "gradcheck: %s has open sizes and is not fed",
                             hebb_tensor_name(x->tensor));
    hebb_status status = hebb_array_resize(&x->value, hebb_tensor_dtype(x->tensor), shape);
    if (status != HEBB_OK) return hb_check_fail(c, status, "gradcheck: no memory for a value");
    for (int64_t i = 0; i < hebb_array_count(&x->value); i++)
        hb_check_set(&x->value, i, 4 * uniform(c) - 2);
    c->feeds[c->n_feeds++] = (hebb_feed){x->tensor, &x->value};
    return HEBB_OK;
}

static hebb_status take_variable(hb_check *c, hb_check_x *x) {
    x->variable = true;
    if (hebb_session_get(c->session, x->tensor, &x->value) != HEBB_OK)
        return hb_check_fail(c, hebb_session_status(c->session), "%s", hebb_message(c->session));
    return copy_array(c, &x->value, &x->before);
}

static hebb_status take_x(hb_check *c, hb_check_x *x, hebb_tensor *tensor) {
    x->tensor = tensor;
    if (check_floating(c, tensor, "x") != HEBB_OK) return c->status;
    if (strcmp(hebb_tensor_op(tensor), "variable") == 0) return take_variable(c, x);
    if (strcmp(hebb_tensor_op(tensor), "input") != 0)
        return hb_check_fail(c, HEBB_E_ARGUMENT, "gradcheck: %s is neither an input nor a variable",
                             hebb_tensor_name(tensor));
    for (size_t k = 0; k < c->n_feeds; k++)
        if (c->feeds[k].tensor == tensor) return take_fed(c, x, &c->feeds[k]);
    return draw(c, x);
}

/* ---- gradients ---- */

static hebb_status graph_failed(hb_check *c) {
    return hb_check_fail(c, hebb_graph_status(c->graph), "%s", hebb_message(c->graph));
}

static hebb_status build_gradients(hb_check *c, hebb_tensor *const *claimed, hebb_tensor **made) {
    if (claimed != NULL) {
        memcpy(made, claimed, c->n_x * sizeof *made);
        return HEBB_OK;
    }
    hebb_tensor **xs = malloc(c->n_x * sizeof *xs);
    if (xs == NULL) return hb_check_fail(c, HEBB_E_MEMORY, "gradcheck: out of memory");
    for (size_t k = 0; k < c->n_x; k++) xs[k] = c->x[k].tensor;
    hebb_tensor *weights =
        hebb_input(c->graph, NULL, hebb_tensor_dtype(c->y), hebb_tensor_shape(c->y));
    hebb_gradients(&c->y, 1, xs, c->n_x, &weights, made);
    free(xs);
    if (hebb_failed(c->graph)) return graph_failed(c);
    c->feeds[c->n_feeds++] = (hebb_feed){weights, &c->weights};
    return HEBB_OK;
}

/* The shape of y is known when it has been computed once. */
static hebb_status make_weights(hb_check *c) {
    if (run(c, &(hebb_fetch){c->y, &c->value}, 1) != HEBB_OK) return c->status;
    hebb_status status = hebb_array_resize(&c->weights, c->value.dtype, c->value.shape);
    if (status != HEBB_OK) return hb_check_fail(c, status, "gradcheck: no memory for the weights");
    for (int64_t i = 0; i < hebb_array_count(&c->weights); i++)
        hb_check_set(&c->weights, i, hb_check_weight(c));
    return HEBB_OK;
}

static hebb_status fetch_gradients(hb_check *c, hebb_tensor *const *claimed) {
    hebb_tensor **made = calloc(c->n_x, sizeof *made);
    hebb_fetch *fetches = calloc(c->n_x, sizeof *fetches);
    size_t n = 0;
    if (made == NULL || fetches == NULL)
        hb_check_fail(c, HEBB_E_MEMORY, "gradcheck: out of memory");
    else if (build_gradients(c, claimed, made) == HEBB_OK) {
        for (size_t k = 0; k < c->n_x; k++) {
            c->x[k].skip = made[k] == NULL;
            if (made[k] != NULL) fetches[n++] = (hebb_fetch){made[k], &c->x[k].gradient};
        }
        run(c, fetches, n);
    }
    free(made);
    free(fetches);
    return c->status;
}

/* ---- all of it ---- */

static hebb_status take_options(hb_check *c, const hebb_gradcheck_options *options) {
    static const hebb_gradcheck_options defaults;
    c->options = options != NULL ? *options : defaults;
    c->claimed = c->options.gradients != NULL;
    c->random = c->options.seed;
    hebb_gradcheck_options *o = &c->options;
    if (!(o->step >= 0) || !(o->relative >= 0) || !(o->absolute >= 0) || isinf(o->step) ||
        o->directions < 0)
        return hb_check_fail(c, HEBB_E_ARGUMENT,
                             "gradcheck: steps, errors and directions are 0 or more");
    if (o->most == 0) o->most = 1000;
    if (o->most < 0) o->most = INT64_MAX;
    if (o->directions == 0) o->directions = 16;
    return HEBB_OK;
}

static hebb_status start(hb_check *c, hebb_tensor *y, hebb_tensor *const *xs, size_t n_xs,
                         const hebb_feed *feeds, size_t n_feeds,
                         const hebb_gradcheck_options *options) {
    c->y = y;
    c->graph = hebb_tensor_graph(y);
    if (take_options(c, options) != HEBB_OK) return c->status;
    if (c->graph != NULL && hebb_failed(c->graph)) return graph_failed(c);
    if (check_floating(c, y, "y") != HEBB_OK) return c->status;
    if (c->session == NULL) return hb_check_fail(c, HEBB_E_NULL, "gradcheck: no session");
    if (xs == NULL || n_xs == 0)
        return hb_check_fail(c, xs == NULL ? HEBB_E_NULL : HEBB_E_ARGUMENT,
                             "gradcheck: there is no x to check");
    if (feeds == NULL && n_feeds > 0)
        return hb_check_fail(c, HEBB_E_NULL, "gradcheck: the feeds are NULL");
    c->feeds = calloc(n_feeds + n_xs + 1, sizeof *c->feeds);
    c->x = calloc(n_xs, sizeof *c->x);
    if (c->feeds == NULL || c->x == NULL)
        return hb_check_fail(c, HEBB_E_MEMORY, "gradcheck: out of memory");
    if (n_feeds > 0) memcpy(c->feeds, feeds, n_feeds * sizeof *feeds);
    c->n_feeds = n_feeds;
    c->n_x = n_xs;
    for (size_t k = 0; k < n_xs && c->status == HEBB_OK; k++) {
        for (size_t j = 0; j < k; j++)
            if (xs[j] == xs[k])
                return hb_check_fail(c, HEBB_E_ARGUMENT, "gradcheck: x %s is named twice",
                                     hebb_tensor_name(xs[k]));
        take_x(c, &c->x[k], xs[k]);
    }
    return c->status;
}

static void finish(hb_check *c) {
    for (size_t k = 0; k < c->n_x; k++) {
        hb_check_x *x = &c->x[k];
        if (x->variable && x->before.data != NULL)
            hebb_session_set(c->session, x->tensor, &x->before);
        hebb_array_free(&x->value);
        hebb_array_free(&x->before);
        hebb_array_free(&x->gradient);
    }
    if (c->session != NULL) hebb_session_set_step(c->session, c->step);
    hebb_array_free(&c->value);
    hebb_array_free(&c->weights);
    free(c->feeds);
    free(c->x);
}

hebb_status hebb_gradcheck_with(hebb_tensor *y, hebb_tensor *const *xs, size_t n_xs,
                                const hebb_feed *feeds, size_t n_feeds, hebb_session *session,
                                const hebb_gradcheck_options *options,
                                hebb_gradcheck_report *report) {
    if (report == NULL) return HEBB_E_NULL;
    *report = (hebb_gradcheck_report){0};
    hb_check c = {.report = report, .session = session, .step = hebb_session_step(session)};
    if (start(&c, y, xs, n_xs, feeds, n_feeds, options) == HEBB_OK && make_weights(&c) == HEBB_OK &&
        fetch_gradients(&c, c.options.gradients) == HEBB_OK)
        hb_check_compare(&c);
    finish(&c);
    if (c.status != HEBB_OK) report->passed = false;
    return c.status;
}

hebb_status hebb_gradcheck(hebb_tensor *y, hebb_tensor *const *xs, size_t n_xs,
                           const hebb_feed *feeds, size_t n_feeds, hebb_session *session,
                           hebb_gradcheck_report *report) {
    return hebb_gradcheck_with(y, xs, n_xs, feeds, n_feeds, session, NULL, report);
}
