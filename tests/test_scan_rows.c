/* Scans that threads run with rows of their own (src/backends/cpu/scan_rows.c), and those whose
   rows meet, so that they must not: each gives the same bits as on one thread, which runs the body
   step by step. */
#include <string.h>

#include <criterion/criterion.h>

#include "support/devices.h"
#include "support/scan.h"

enum { LENGTH = 12, ROWS = 43, WIDTH = 96, WEIGHTS = 2 };

typedef struct rows_case {
    const char *name;
    void (*body)(hebb_scan_frame *f); /* f->user: hebb_tensor *[WEIGHTS] of [WIDTH, WIDTH] */
} rows_case;

static hebb_tensor *weight(const hebb_scan_frame *f, int k) {
    return ((hebb_tensor *const *)f->user)[k];
}

static void product(hebb_scan_frame *f) {
    f->next[0] = f->out[0] = hebb_tanh(hebb_add(hebb_matmul(f->state[0], weight(f, 0)), f->in[0]));
}
/* The product waits for its epilogue in memory of its own. */
static void product_of_two_uses(hebb_scan_frame *f) {
    hebb_tensor *p = hebb_matmul(f->state[0], weight(f, 0));
    f->next[0] = hebb_mul(hebb_tanh(p), f->in[0]);
    f->out[0] = hebb_sigmoid(p);
}
/* Values of several widths, some of which share memory. */
static void narrow_and_wide(hebb_scan_frame *f) {
    hebb_tensor *narrow = hebb_slice(weight(f, 0), HEBB_RANGES({1, 0, WIDTH / 4, 1}));
    hebb_tensor *wide = hebb_slice(weight(f, 1), HEBB_RANGES({0, 0, WIDTH / 4, 1}));
    hebb_tensor *inner = hebb_tanh(hebb_matmul(f->state[0], narrow));
    hebb_tensor *outer = hebb_tanh(hebb_matmul(inner, wide));
    f->out[0] = hebb_matmul(hebb_add(outer, f->in[0]), narrow);
    f->next[0] = hebb_add(outer, hebb_matmul(f->out[0], wide));
}
static void no_product(hebb_scan_frame *f) {
    f->next[0] = hebb_sub(hebb_mul(f->state[0], f->in[0]), hebb_sigmoid(f->state[0]));
    f->out[0] = hebb_square(f->next[0]);
}
static void random_numbers(hebb_scan_frame *f) {
    f->next[0] = f->out[0] = hebb_add(hebb_dropout(f->state[0], 0.5), f->in[0]);
}
static void rows_turned_around(hebb_scan_frame *f) {
    hebb_tensor *turned = hebb_slice(f->state[0], HEBB_RANGES({0, HEBB_END, HEBB_END, -1}));
    f->next[0] = f->out[0] = hebb_tanh(hebb_add(hebb_matmul(turned, weight(f, 0)), f->in[0]));
}
static void rows_of_the_last_step(hebb_scan_frame *f) {
    hebb_tensor *p = hebb_tanh(hebb_matmul(f->state[0], weight(f, 0)));
    hebb_tensor *turned = hebb_slice(p, HEBB_RANGES({0, HEBB_END, HEBB_END, -1}));
    f->out[0] = hebb_matmul(turned, weight(f, 1));
    f->next[0] = hebb_add(f->out[0], f->in[0]);
}
static void first_row_for_all(hebb_scan_frame *f) {
    hebb_tensor *first = hebb_slice(f->state[0], HEBB_RANGES({0, 0, 1, 1}));
    f->next[0] = f->out[0] = hebb_tanh(hebb_add(first, f->in[0]));
}
static void mean_of_rows(hebb_scan_frame *f) {
    hebb_tensor *mean = hebb_mean(f->state[0], HEBB_AXES(0), true);
    f->next[0] = f->out[0] = hebb_mul(hebb_sub(f->state[0], mean), f->in[0]);
}
static void softmax_of_rows(hebb_scan_frame *f) {
    f->next[0] = f->out[0] = hebb_add(hebb_softmax(f->state[0]), f->in[0]);
}

static const rows_case cases[] = {
    {"a product", product},
    {"a product with two uses", product_of_two_uses},
    {"narrow and wide", narrow_and_wide},
    {"no product", no_product},
    {"random numbers", random_numbers},
    {"rows turned around", rows_turned_around},
    {"rows of the last step", rows_of_the_last_step},
    {"the first row for all", first_row_for_all},
    {"the mean of rows", mean_of_rows},
    {"softmax of rows", softmax_of_rows},
};

enum { RESULTS = 2 + 2 + WEIGHTS };

/* The last state, all results, and gradients of a sum of both. */
static void run_case(const rows_case *c, hebb_device *device, bool reverse, hebb_array *got) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(LENGTH, HEBB_ANY, WIDTH));
    hebb_tensor *h = hebb_input(g, "h", HEBB_F32, HEBB_SHAPE(HEBB_ANY, WIDTH));
    hebb_tensor *w[WEIGHTS], *in[2 + WEIGHTS] = {x, h}, *last, *out;
    hebb_array fed[2 + WEIGHTS] = {filled(HEBB_F32, HEBB_SHAPE(LENGTH, ROWS, WIDTH), 1),
                                   filled(HEBB_F32, HEBB_SHAPE(ROWS, WIDTH), 2)};
    hebb_feed feeds[2 + WEIGHTS];
    hebb_fetch fetches[RESULTS];
    for (int k = 0; k < WEIGHTS; k++) {
        w[k] = in[2 + k] = hebb_input(g, k == 0 ? "u" : "v", HEBB_F32, HEBB_SHAPE(WIDTH, WIDTH));
        fed[2 + k] = filled(HEBB_F32, HEBB_SHAPE(WIDTH, WIDTH), 3 + (uint64_t)k);
    }
    hebb_scan(&last, &out, .body = c->body, .user = w, .states = HEBB_LIST(h),
              .sequences = HEBB_LIST(x), .n_out = 1, .reverse = reverse);
    hebb_tensor *y = hebb_add(hebb_sum(hebb_square(out), HEBB_ALL_AXES, false),
                              hebb_sum(hebb_square(last), HEBB_ALL_AXES, false));
    hebb_tensor *wanted[RESULTS] = {last, out};
    hebb_gradients(&y, 1, in, 2 + WEIGHTS, NULL, wanted + 2);
    for (int k = 0; k < 2 + WEIGHTS; k++) feeds[k] = (hebb_feed){in[k], &fed[k]};
    for (int k = 0; k < RESULTS; k++) fetches[k] = (hebb_fetch){wanted[k], &got[k]};
    run_once(g, device, feeds, 2 + WEIGHTS, fetches, RESULTS);
    for (int k = 0; k < 2 + WEIGHTS; k++) hebb_array_free(&fed[k]);
    hebb_graph_destroy(g);
}

static void check_case(const rows_case *c, hebb_device *device, bool reverse) {
    hebb_array alone[RESULTS] = {{0}};
    cr_assert_eq(hebb_device_set_threads(device, 1), HEBB_OK);
    run_case(c, device, reverse, alone);
    for (int threads = 2; threads <= 5; threads++) {
        hebb_array got[RESULTS] = {{0}};
        cr_assert_eq(hebb_device_set_threads(device, threads), HEBB_OK);
        run_case(c, device, reverse, got);
        for (int k = 0; k < RESULTS; k++) {
            cr_expect_eq(memcmp(got[k].data, alone[k].data, hebb_array_bytes(&got[k])), 0,
                         "%s: result %d differs with %d threads", c->name, k, threads);
            hebb_array_free(&got[k]);
        }
    }
    for (int k = 0; k < RESULTS; k++) hebb_array_free(&alone[k]);
}

Test(scan_rows, same_bits_for_any_number_of_threads) {
    hebb_device *device = cpu_device();
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (int reverse = 0; reverse < 2; reverse++) check_case(&cases[k], device, reverse);
    hebb_device_close(device);
}
