/* The public checker, asked about tensors that claim to be gradients: see gradcheck.h. */
#include <stdio.h>

#include "gradcheck.h"

#define MAX_FEEDS 32

gradcheck_report gradcheck(hebb_session *session, hebb_tensor *objective,
                           const gradcheck_input *inputs, size_t n_inputs) {
    hebb_feed feeds[MAX_FEEDS];
    hebb_tensor *xs[MAX_FEEDS], *claimed[MAX_FEEDS];
    size_t n = 0;
    for (size_t k = 0; k < n_inputs; k++) {
        feeds[k] = (hebb_feed){inputs[k].tensor, inputs[k].value};
        if (inputs[k].gradient == NULL) continue;
        xs[n] = inputs[k].tensor;
        claimed[n++] = inputs[k].gradient;
    }
    hebb_gradcheck_report r;
    hebb_gradcheck_options options = {.most = -1, .gradients = claimed};
    hebb_gradcheck_with(objective, xs, n, feeds, n_inputs, session, &options, &r);
    gradcheck_report report = {.passed = r.passed, .elements = r.elements};
    snprintf(report.message, sizeof report.message, "%s", r.message);
    return report;
}
