/* Small expressions and their values: see calc.h. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "../../checks/values.h"
#include "calc.h"
#include "devices.h"

calc calc_open(const char *device) {
    calc c = {.graph = hebb_graph_create(), .device = kept_device(device)};
    c.session = hebb_session_create(c.graph, c.device);
    return c;
}

void calc_close(calc *c) {
    hebb_session_destroy(c->session);
    hebb_graph_destroy(c->graph);
}

hebb_tensor *vector_f64(hebb_graph *g, const double *x, int64_t n) {
    hebb_array array = hebb_array_view((void *)x, HEBB_F64, HEBB_SHAPE(n));
    return hebb_constant(g, &array);
}

static bool near(double expected, double got, double allowed) {
    if (isnan(expected)) return isnan(got);
    return expected == got || fabs(expected - got) <= allowed * fmax(1, fabs(expected));
}

void expect_values(calc *c, hebb_tensor *t, const double *expected, int64_t n, double allowed,
                   const char *file, int line) {
    hebb_array got = {0};
    hebb_run(c->session, HEBB_NO_FEED, HEBB_FETCH({t, &got}));
    cr_assert_not(hebb_failed(c->session), "%s:%d: %s", file, line, hebb_message(c->session));
    cr_assert_eq(hebb_array_count(&got), n, "%s:%d: %" PRId64 " elements", file, line,
                 hebb_array_count(&got));
    for (int64_t i = 0; i < n; i++)
        cr_expect(near(expected[i], hebb_array_at(&got, i), allowed),
                  "%s:%d: element %" PRId64 ": expected %.17g, got %.17g", file, line, i,
                  expected[i], hebb_array_at(&got, i));
    hebb_array_free(&got);
}

hebb_array calc_fed(calc *c, hebb_tensor *x, const hebb_array *value, hebb_tensor *y,
                    size_t *steps) {
    hebb_array result = {0};
    hebb_plan_stats stats;
    hebb_run(c->session, HEBB_FEED({x, value}), HEBB_FETCH({y, &result}));
    cr_assert_not(hebb_failed(c->session), "%s", hebb_message(c->session));
    hebb_session_stats(c->session, &stats);
    if (steps != NULL) *steps = stats.steps;
    return result;
}

hebb_array drawn_reals(hebb_dtype dtype, hebb_shape shape) {
    rng r = {17};
    values v = values_make(dtype, shape);
    values_fill(&v, REALS, 1, 0, &r);
    return values_to_array(&v);
}

void expect_graph_error(hebb_graph *g, hebb_status status, const char *words) {
    cr_expect_eq(hebb_graph_status(g), status, "%s: %s", words, hebb_message(g));
    cr_expect_not_null(strstr(hebb_message(g), words), "\"%s\" is not in: %s", words,
                       hebb_message(g));
    hebb_graph_destroy(g);
}
