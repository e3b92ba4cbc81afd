/* Sorting on the CPU backend: lines that all threads sort together, and the first places of long
   lines, which are chosen before they are sorted. Values have ties, NaN, both zeros and infinities.
 */
#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "support/devices.h"

static const hebb_dtype dtypes[] = {HEBB_F32, HEBB_F64, HEBB_I32, HEBB_I64, HEBB_U8, HEBB_I8};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };

static hebb_array values(hebb_dtype dtype, hebb_shape shape) {
    hebb_array x = hebb_array_zeros(dtype, shape);
    uint32_t seed = 1;
    for (int64_t i = 0; i < hebb_array_count(&x); i++) {
        seed = seed * 1664525u + 1013904223u;
        const double n = (double)(seed >> 8 & 0xFFFF) - 32768;
        const double real = seed >> 28 == 0 ? NAN : seed >> 28 == 1 ? -0.0 : n / 7;
        hebb_array_set(&x, i, hebb_dtype_floating(dtype) ? real : n);
        if (hebb_dtype_floating(dtype) && i % 1000 < 2)
            hebb_array_set(&x, i, i % 1000 == 0 ? INFINITY : -INFINITY);
    }
    return x;
}

/* Of x along `axis` in ascending or descending order, all places or the first k. */
static hebb_array places(const hebb_array *x, int axis, bool descending, int64_t k) {
    hebb_graph *g = hebb_graph_create();
    hebb_device *device = cpu_device();
    hebb_device_set_threads(device, 3);
    hebb_tensor *in = hebb_input(g, "x", x->dtype, x->shape), *order;
    if (k < 0) order = hebb_argsort(in, axis, descending);
    else hebb_top_k(in, k, axis, descending, &order);
    hebb_session *s = hebb_session_create(g, device);
    hebb_array result = {0};
    hebb_run(s, HEBB_FEED({in, x}), HEBB_FETCH({order, &result}));
    cr_assert(!hebb_failed(s), "%s", hebb_message(s));
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(g);
    return result;
}

/* Whether a comes before b, whose places are i and k. */
static bool in_order(double a, double b, int64_t i, int64_t k, bool descending) {
    if (a == b || (isnan(a) && isnan(b))) return i < k;
    const bool larger = isnan(a) || a > b;
    return larger == descending;
}

Test(sorting, long_lines) {
    enum { N = 150001 };
    for (int d = 0; d < 2 * DTYPES; d++) {
        const bool descending = d % 2;
        hebb_array x = values(dtypes[d / 2], HEBB_SHAPE(N));
        hebb_array order = places(&x, 0, descending, -1);
        const int32_t *at = order.data;
        bool *seen = calloc(N, sizeof *seen);
        for (int64_t i = 0; i < N; i++) {
            cr_assert(at[i] >= 0 && at[i] < N && !seen[at[i]], "dtype %d, %d", d / 2, (int)i);
            seen[at[i]] = true;
            if (i > 0)
                cr_assert(in_order(hebb_array_at(&x, at[i - 1]), hebb_array_at(&x, at[i]),
                                   at[i - 1], at[i], descending),
                          "dtype %d, %d", d / 2, (int)i);
        }
        free(seen);
        hebb_array_free(&x);
        hebb_array_free(&order);
    }
}

Test(sorting, first_places_are_those_of_a_whole_line) {
    enum { OUTER = 3, N = 5000, INNER = 2 };
    static const int64_t firsts[] = {0, 1, 7, 600};
    for (int d = 0; d < 2 * DTYPES; d++) {
        hebb_array x = values(dtypes[d / 2], HEBB_SHAPE(OUTER, N, INNER));
        hebb_array all = places(&x, 1, d % 2, -1);
        for (int f = 0; f < 4; f++) {
            const int64_t k = firsts[f];
            hebb_array first = places(&x, 1, d % 2, k);
            cr_assert_eq(hebb_array_count(&first), OUTER * k * INNER);
            for (int64_t i = 0; i < OUTER * k * INNER; i++) {
                const int64_t outer = i / (k * INNER), rest = i % (k * INNER);
                cr_assert_eq(hebb_array_at(&first, i),
                             hebb_array_at(&all, outer * N * INNER + rest), "dtype %d, %d of %d",
                             d / 2, (int)i, (int)k);
            }
            hebb_array_free(&first);
        }
        hebb_array_free(&x);
        hebb_array_free(&all);
    }
}
