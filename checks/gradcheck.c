/* Central differences: see gradcheck.h. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gradcheck.h"
#include "values.h"

#define MAX_FEEDS 16

/* With steps of 1e-6 a central difference has an error of about 1e-12 times the third derivative,
   and 1e-10 times the objective for rounding: both stay well below these. A gradient that is 1.001
   times too large is 100 times above them. */
#define STEP     1e-6
#define RELATIVE 1e-5
#define ABSOLUTE 1e-7

static size_t feeds_of(const gradcheck_input *in, size_t n, hebb_feed *feeds) {
    for (size_t i = 0; i < n; i++) feeds[i] = (hebb_feed){in[i].tensor, in[i].value};
    return n;
}

static double evaluate(hebb_session *s, hebb_tensor *objective, const gradcheck_input *in,
                       size_t n) {
    hebb_feed feeds[MAX_FEEDS];
    double y = NAN;
    hebb_array view = hebb_array_view(&y, HEBB_F64, HEBB_SCALAR);
    hebb_fetch fetch = {objective, &view};
    if (hebb_run(s, feeds, feeds_of(in, n, feeds), &fetch, 1) != HEBB_OK) return NAN;
    return y;
}

static double difference(hebb_session *s, hebb_tensor *objective, const gradcheck_input *in,
                         size_t n, double *x) {
    double old = *x, step = STEP * fmax(1, fabs(old));
    *x = old + step;
    double high = *x, above = evaluate(s, objective, in, n);
    *x = old - step;
    double low = *x, below = evaluate(s, objective, in, n);
    *x = old;
    return (above - below) / (high - low);
}

/* False for NaN and infinity on either side. */
static bool close_to(double analytic, double numeric, double objective) {
    double allowed = ABSOLUTE * (1 + fabs(objective)) + RELATIVE * fabs(numeric);
    return isfinite(analytic) && isfinite(numeric) && fabs(analytic - numeric) <= allowed;
}

static void check_input(hebb_session *s, hebb_tensor *objective, const gradcheck_input *in,
                        size_t n, size_t k, const hebb_array *gradient, double value,
                        gradcheck_report *report) {
    double *x = in[k].value->data;
    if (gradient->dtype != HEBB_F64 || !hebb_shape_equal(gradient->shape, in[k].value->shape)) {
        char a[128];
        report->passed = false;
        snprintf(report->message, sizeof report->message, "the gradient of input %zu is %s %s", k,
                 hebb_dtype_name(gradient->dtype), hebb_shape_text(gradient->shape, a, sizeof a));
        return;
    }
    for (int64_t i = 0; report->passed && i < hebb_array_count(gradient); i++) {
        if (isnan(x[i])) continue; /* what lies between the elements of a slice */
        double analytic = hebb_array_at(gradient, i);
        double numeric = difference(s, objective, in, n, &x[i]);
        report->elements++;
        if (close_to(analytic, numeric, value)) continue;
        report->passed = false;
        snprintf(report->message, sizeof report->message,
                 "input %zu, element %" PRId64 " (x = %.9g): analytic %.12g, numeric %.12g", k, i,
                 x[i], analytic, numeric);
    }
}

gradcheck_report gradcheck(hebb_session *session, hebb_tensor *objective,
                           const gradcheck_input *inputs, size_t n_inputs) {
    gradcheck_report report = {.passed = true};
    hebb_feed feeds[MAX_FEEDS] = {{0}};
    hebb_fetch fetches[MAX_FEEDS + 1];
    hebb_array gradients[MAX_FEEDS] = {{0}}, value = {0};
    size_t n = 0;
    fetches[n++] = (hebb_fetch){objective, &value};
    for (size_t k = 0; k < n_inputs; k++)
        if (inputs[k].gradient != NULL)
            fetches[n++] = (hebb_fetch){inputs[k].gradient, &gradients[k]};
    if (hebb_run(session, feeds, feeds_of(inputs, n_inputs, feeds), fetches, n) != HEBB_OK) {
        report.passed = false;
        snprintf(report.message, sizeof report.message, "%s", hebb_message(session));
    }
    for (size_t k = 0; report.passed && k < n_inputs; k++)
        if (inputs[k].gradient != NULL)
            check_input(session, objective, inputs, n_inputs, k, &gradients[k],
                        hebb_array_item(&value), &report);
    for (size_t k = 0; k < n_inputs; k++) hebb_array_free(&gradients[k]);
    hebb_array_free(&value);
    return report;
}
