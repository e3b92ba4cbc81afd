/* See layer_gradient.h. */
#include <criterion/criterion.h>

#include "devices.h"
#include "layer_gradient.h"

void check_layer_gradient(const char *name, hebb_tensor *(*make)(hebb_tensor *x),
                          hebb_shape shape) {
    enum { MOST = 16 };
    hebb_device *device = cpu_device();
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_variable(g, "x", HEBB_F64, shape, hebb_normal(0, 1));
    hebb_tensor *y = make(x), *xs[MOST];
    size_t n = 0;
    for (size_t k = 0; k < hebb_graph_variable_count(g); k++) {
        if (!hebb_variable_trainable(hebb_graph_variable(g, k))) continue;
        cr_assert_lt(n, MOST, "%s has more variables", name);
        xs[n++] = hebb_graph_variable(g, k);
    }
    hebb_session *s = hebb_session_create(g, device, .seed = 3);
    hebb_session_set_mode(s, HEBB_MODE_TRAINING);
    hebb_gradcheck_report report;
    hebb_status status = hebb_gradcheck(y, xs, n, HEBB_NO_FEED, s, &report);
    cr_expect(status == HEBB_OK && report.passed, "%s: %s", name, report.message);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}
