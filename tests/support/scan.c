/* See scan.h. */
#include <math.h>

#include <criterion/criterion.h>

#include "scan.h"

hebb_array filled(hebb_dtype dtype, hebb_shape shape, uint64_t seed) {
    hebb_array a = {0};
    cr_assert_eq(hebb_array_resize(&a, dtype, shape), HEBB_OK);
    for (int64_t i = 0; i < hebb_array_count(&a); i++) {
        double value = sin((double)(seed * 7919 + (uint64_t)i * 31) + 0.5) * 0.8;
        if (dtype == HEBB_F64) ((double *)a.data)[i] = value;
        else ((float *)a.data)[i] = (float)value;
    }
    return a;
}

void expect_near(const hebb_array *a, const hebb_array *b, double allowed, const char *what) {
    cr_assert(hebb_shape_equal(a->shape, b->shape), "%s: shapes differ", what);
    for (int64_t i = 0; i < hebb_array_count(a); i++) {
        double x = hebb_array_at(a, i), y = hebb_array_at(b, i);
        cr_expect(fabs(x - y) <= allowed * (1 + fabs(y)), "%s[%lld]: %.9g and %.9g", what,
                  (long long)i, x, y);
    }
}

void run_once(hebb_graph *g, hebb_device *device, const hebb_feed *feeds, size_t n_feeds,
              const hebb_fetch *fetches, size_t n_fetches) {
    cr_assert_not(hebb_failed(g), "%s", hebb_message(g));
    hebb_session *s = hebb_session_create(g, device, .seed = 11);
    hebb_run(s, feeds, n_feeds, fetches, n_fetches);
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    hebb_session_destroy(s);
}
