/* Products in the body of a scan, of sizes for which backends pack an operand that is the same in
   all iterations once a run: against the unrolled graph, run after run with other values, for one
   thread and two. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/devices.h"

enum { ROWS = 24, WIDTH = 140, OPERANDS = 3, RESULTS = 4 };

/* [ROWS, WIDTH], [WIDTH, WIDTH], [length, WIDTH, WIDTH] */
typedef struct recurrence {
    hebb_tensor *h0, *same, *other;
    int64_t length;
} recurrence;

/* One product with what stays, one with what does not. */
static void body(hebb_scan_frame *f) {
    const recurrence *r = f->user;
    hebb_tensor *h = f->state[0];
    f->next[0] = hebb_tanh(hebb_add(hebb_matmul(h, r->same), hebb_matmul(hebb_neg(h), f->in[0])));
}

static hebb_tensor *scanned(recurrence *r) {
    hebb_tensor *last;
    hebb_scan(&last, NULL, .body = body, .user = r, .states = HEBB_LIST(r->h0),
              .sequences = HEBB_LIST(r->other));
    return last;
}

static hebb_tensor *unrolled(recurrence *r) {
    hebb_tensor *h = r->h0;
    for (int64_t t = 0; t < r->length; t++) {
        hebb_tensor *x = hebb_squeeze(hebb_slice(r->other, HEBB_RANGES({0, t, t + 1, 1})), 0);
        hebb_tensor *next;
        hebb_scan_frame f = {.state = &h, .in = &x, .next = &next, .user = r};
        body(&f);
        h = next;
    }
    return h;
}

/* The last state and its gradients. */
static void results_of(recurrence *r, hebb_tensor *last, hebb_tensor **results) {
    hebb_tensor *y = hebb_sum(hebb_square(last), HEBB_ALL_AXES, false);
    hebb_tensor *in[OPERANDS] = {r->h0, r->same, r->other};
    results[0] = last;
    hebb_gradients(&y, 1, in, OPERANDS, NULL, results + 1);
}

static hebb_array filled(hebb_shape shape, double seed) {
    hebb_array a = {0};
    cr_assert_eq(hebb_array_resize(&a, HEBB_F32, shape), HEBB_OK);
    for (int64_t i = 0; i < hebb_array_count(&a); i++)
        ((float *)a.data)[i] = (float)(sin(seed * 7919 + (double)i * 1.37) * 0.1);
    return a;
}

static void expect_close(const hebb_array *a, const hebb_array *b, const char *what) {
    cr_assert(hebb_shape_equal(a->shape, b->shape), "%s: shapes differ", what);
    for (int64_t i = 0; i < hebb_array_count(a); i++) {
        const double x = hebb_array_at(a, i), y = hebb_array_at(b, i);
        cr_assert(fabs(x - y) <= 2e-5 * (1 + fabs(y)), "%s[%lld]: %.9g and %.9g", what,
                  (long long)i, x, y);
    }
}

static void compare(const char *device_name, int64_t length) {
    hebb_graph *g = hebb_graph_create();
    hebb_device *device = device_named(device_name);
    recurrence r = {hebb_input(g, "h0", HEBB_F32, HEBB_SHAPE(ROWS, WIDTH)),
                    hebb_input(g, "same", HEBB_F32, HEBB_SHAPE(WIDTH, WIDTH)),
                    hebb_input(g, "other", HEBB_F32, HEBB_SHAPE(length, WIDTH, WIDTH)), length};
    hebb_tensor *tensor[2 * RESULTS];
    results_of(&r, scanned(&r), tensor);
    results_of(&r, unrolled(&r), tensor + RESULTS);
    cr_assert_not(hebb_failed(g), "%s", hebb_message(g));
    const char *what[RESULTS] = {"last", "gradient of h0", "of what stays", "of what does not"};
    hebb_array got[2][2 * RESULTS] = {{{0}}}; /* by the number of threads - 1 */
    for (int threads = 1; threads <= 2; threads++) {
        if (strcmp(device_name, "cpu") == 0)
            cr_assert_eq(hebb_device_set_threads(device, threads), HEBB_OK);
        hebb_session *s = hebb_session_create(g, device);
        for (int run = 0; run < 3; run++) {
            hebb_array at[OPERANDS] = {filled(HEBB_SHAPE(ROWS, WIDTH), run + 1),
                                       filled(HEBB_SHAPE(WIDTH, WIDTH), run + 4),
                                       filled(HEBB_SHAPE(length, WIDTH, WIDTH), run + 7)};
            hebb_feed feeds[OPERANDS] = {{r.h0, &at[0]}, {r.same, &at[1]}, {r.other, &at[2]}};
            hebb_fetch fetches[2 * RESULTS];
            hebb_array *all = got[threads - 1];
            for (int k = 0; k < 2 * RESULTS; k++) fetches[k] = (hebb_fetch){tensor[k], &all[k]};
            hebb_run(s, feeds, OPERANDS, fetches, 2 * RESULTS);
            cr_assert_not(hebb_failed(s), "%s: %s", device_name, hebb_message(s));
            for (int k = 0; k < RESULTS; k++) expect_close(&all[k], &all[k + RESULTS], what[k]);
            for (int k = 0; k < OPERANDS; k++) hebb_array_free(&at[k]);
        }
        hebb_session_destroy(s);
    }
    for (int k = 0; k < 2 * RESULTS; k++) {
        cr_expect_arr_eq(got[0][k].data, got[1][k].data,
                         (size_t)hebb_array_count(&got[0][k]) * sizeof(float),
                         "%s: one thread and two give different bits", what[k % RESULTS]);
        for (int threads = 0; threads < 2; threads++) hebb_array_free(&got[threads][k]);
    }
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

Test(scan_products, equal_the_unrolled_graph_on_the_cpu) { compare("cpu", 3); }
/* More than a second-level cache holds: products ask for the next iteration's slices. */
Test(scan_products, equal_the_unrolled_graph_of_many_iterations) { compare("cpu", 30); }
Test(scan_products, equal_the_unrolled_graph_on_opencl) { compare("opencl", 3); }

/* Processors do all iterations by one kernel otherwise. */
Test(scan_products, equal_the_unrolled_graph_by_a_launch_a_step) {
    setenv("HEBB_OPENCL_SMALL", "0", 1);
    compare("opencl", 3);
}
