/* Bodies of scans: those that hand on what they get, what they compute in every iteration alike,
   scans whose lists share memory, and what a body may not do. What the loops give is in
   test_scan.c. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/devices.h"
#include "support/scan.h"

/* ---- bodies that hand on ---- */

typedef struct body_case {
    const char *name;
    void (*body)(hebb_scan_frame *f);
    /* What the loop gives, by hand: x [T, n], h and w [n]. */
    hebb_tensor *(*by_hand)(hebb_tensor *const *x, int length, hebb_tensor *h, hebb_tensor *w);
} body_case;

static void next_is_input(hebb_scan_frame *f) {
    f->next[0] = f->in[0];
    f->out[0] = hebb_mul(f->state[0], f->user);
}
static hebb_tensor *previous_ones(hebb_tensor *const *x, int length, hebb_tensor *h,
                                  hebb_tensor *w) {
    hebb_tensor *sum = hebb_mul(h, w);
    for (int t = 0; t + 1 < length; t++) sum = hebb_add(sum, hebb_mul(x[t], w));
    return hebb_add(sum, hebb_mul(x[length - 1], x[length - 1]));
}

static void next_is_capture(hebb_scan_frame *f) {
    f->next[0] = f->user;
    f->out[0] = hebb_mul(f->in[0], f->state[0]);
}
static hebb_tensor *captures(hebb_tensor *const *x, int length, hebb_tensor *h, hebb_tensor *w) {
    hebb_tensor *sum = hebb_mul(h, x[0]);
    for (int t = 1; t < length; t++) sum = hebb_add(sum, hebb_mul(x[t], w));
    return hebb_add(sum, hebb_mul(w, w));
}

static void next_is_state(hebb_scan_frame *f) {
    f->next[0] = f->state[0];
    f->out[0] = f->in[0];
}
static hebb_tensor *nothing_changes(hebb_tensor *const *x, int length, hebb_tensor *h,
                                    hebb_tensor *w) {
    hebb_tensor *sum = hebb_mul(h, h);
    for (int t = 0; t < length; t++) sum = hebb_add(sum, x[t]);
    return hebb_add(sum, hebb_mul(w, hebb_scalar_like(w, 0)));
}

static const body_case body_cases[] = {
    {"the next state is an element", next_is_input, previous_ones},
    {"the next state is a capture", next_is_capture, captures},
    {"the next state is the state", next_is_state, nothing_changes},
};

/* The sum of all results plus the last state squared, and its gradients. */
static void check_body(const body_case *c, hebb_device *device, int64_t n) {
    enum { LENGTH = 3 };
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(LENGTH, HEBB_ANY));
    hebb_tensor *h = hebb_input(g, "h", HEBB_F32, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *p = hebb_input(g, "p", HEBB_F32, HEBB_SHAPE(HEBB_ANY));
    /* A view of p: what is captured is the view. */
    hebb_tensor *w = hebb_slice(p, HEBB_RANGES({0, HEBB_END, HEBB_END, -1}));
    hebb_tensor *last, *out, *parts[LENGTH], *y[2], *dx[2][4], *in[] = {x, h, p, w};
    hebb_scan(&last, &out, .body = c->body, .user = w, .states = HEBB_LIST(h),
              .sequences = HEBB_LIST(x), .n_out = 1);
    y[0] = hebb_add(hebb_sum(out, HEBB_ALL_AXES, false),
                    hebb_sum(hebb_square(last), HEBB_ALL_AXES, false));
    for (int t = 0; t < LENGTH; t++)
        parts[t] = hebb_squeeze(hebb_slice(x, HEBB_RANGES({0, t, t + 1, 1})), 0);
    y[1] = hebb_sum(c->by_hand(parts, LENGTH, h, w), HEBB_ALL_AXES, false);
    for (int k = 0; k < 2; k++) hebb_gradients(&y[k], 1, in, 4, NULL, dx[k]);
    hebb_array fed[3] = {{0}}, got[2][5] = {{{0}}};
    const hebb_shape shapes[] = {HEBB_SHAPE(LENGTH, n), HEBB_SHAPE(n), HEBB_SHAPE(n)};
    hebb_feed feeds[3];
    hebb_fetch fetches[10];
    for (int k = 0; k < 3; k++) {
        fed[k] = filled(HEBB_F32, shapes[k], (uint64_t)k);
        feeds[k] = (hebb_feed){in[k], &fed[k]};
    }
    for (int k = 0; k < 10; k++)
        fetches[k] = (hebb_fetch){k % 5 == 0 ? y[k / 5] : dx[k / 5][k % 5 - 1], &got[k / 5][k % 5]};
    run_once(g, device, feeds, 3, fetches, 10);
    for (int i = 0; i < 5; i++) {
        if (i > 0) expect_near(&got[0][i], &got[1][i], 1e-5, c->name);
        hebb_array_free(&got[0][i]);
        hebb_array_free(&got[1][i]);
    }
    for (int k = 0; k < 3; k++) hebb_array_free(&fed[k]);
    hebb_graph_destroy(g);
}

Test(scan, bodies_that_hand_on_on_the_cpu) {
    hebb_device *device = cpu_device();
    for (size_t k = 0; k < sizeof body_cases / sizeof *body_cases; k++) {
        check_body(&body_cases[k], device, 4);
        check_body(&body_cases[k], device, 3001);
    }
    hebb_device_close(device);
}

Test(scan, bodies_that_hand_on_on_opencl) {
    hebb_device *device = opencl_device();
    for (size_t k = 0; k < sizeof body_cases / sizeof *body_cases; k++)
        check_body(&body_cases[k], device, 129);
    hebb_device_close(device);
}

/* ---- what is the same in every iteration ---- */

/* It is computed once, as if it had been captured. */
static hebb_tensor *decay(hebb_tensor *w) {
    return hebb_mul(hebb_tanh(hebb_transpose(w, NULL, 0)), hebb_scalar_like(w, 0.5));
}
static void decays_inside(hebb_scan_frame *f) {
    f->next[0] = hebb_add(hebb_matmul(f->in[0], decay(f->user)), f->state[0]);
    f->out[0] = hebb_matmul(f->next[0], hebb_transpose(f->user, NULL, 0));
}
static void decays_outside(hebb_scan_frame *f) {
    hebb_tensor *const *of = f->user;
    f->next[0] = hebb_add(hebb_matmul(f->in[0], of[0]), f->state[0]);
    f->out[0] = hebb_matmul(f->next[0], of[1]);
}

static void check_invariants(hebb_device *device) {
    enum { TIMES = 5, ROWS = 3, WIDTH = 8 };
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(TIMES, ROWS, WIDTH));
    hebb_tensor *w = hebb_variable(g, "w", HEBB_F32, HEBB_SHAPE(WIDTH, WIDTH), hebb_uniform(-1, 1));
    hebb_tensor *h = hebb_full(g, HEBB_F32, HEBB_SHAPE(ROWS, WIDTH), 0);
    hebb_tensor *captured[] = {decay(w), hebb_transpose(w, NULL, 0)};
    hebb_tensor *last[2], *out[2], *y[2], *dw[2];
    hebb_scan(&last[0], &out[0], .body = decays_inside, .user = w, .states = HEBB_LIST(h),
              .sequences = HEBB_LIST(x), .n_out = 1);
    hebb_scan(&last[1], &out[1], .body = decays_outside, .user = captured, .states = HEBB_LIST(h),
              .sequences = HEBB_LIST(x), .n_out = 1);
    for (int k = 0; k < 2; k++) {
        y[k] = hebb_sum(hebb_square(out[k]), HEBB_ALL_AXES, false);
        hebb_gradients(&y[k], 1, &w, 1, NULL, &dw[k]);
    }
    cr_assert_not(hebb_failed(g), "%s", hebb_message(g));
    hebb_array fed = filled(HEBB_F32, HEBB_SHAPE(TIMES, ROWS, WIDTH), 3), got[2][2] = {{{0}}};
    hebb_plan_stats stats[2];
    for (int k = 0; k < 2; k++) {
        hebb_session *s = hebb_session_create(g, device, .seed = 1);
        hebb_fetch fetches[] = {{out[k], &got[k][0]}, {dw[k], &got[k][1]}};
        hebb_run(s, (hebb_feed[]){{x, &fed}}, 1, fetches, 2);
        cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
        cr_assert_eq(hebb_session_stats(s, &stats[k]), HEBB_OK);
        hebb_session_destroy(s);
    }
    for (int i = 0; i < 2; i++) {
        expect_near(&got[0][i], &got[1][i], 2e-6, "what is the same in every iteration");
        for (int k = 0; k < 2; k++) hebb_array_free(&got[k][i]);
    }
    const double work =
        7.0 * WIDTH * WIDTH; /* of one tanh and a product, which it may not repeat */
    cr_expect_lt(stats[0].flops, stats[1].flops + 3 * work, "%g and %g operations", stats[0].flops,
                 stats[1].flops);
    hebb_array_free(&fed);
    hebb_graph_destroy(g);
}

Test(scan, invariants_are_computed_once_on_the_cpu) {
    hebb_device *device = cpu_device();
    check_invariants(device);
    hebb_device_close(device);
}

Test(scan, invariants_are_computed_once_on_opencl) {
    hebb_device *device = opencl_device();
    check_invariants(device);
    hebb_device_close(device);
}

/* ---- the driver of gradients ---- */

/* Weights made of themselves many times over: their gradient is a sum over exponentially many
 * paths. */
static void doubled(hebb_scan_frame *f) {
    hebb_tensor *w = hebb_add(f->user, hebb_sum(f->in[0], HEBB_AXES(0), false));
    for (int k = 0; k < 26; k++) w = hebb_add(w, w);
    f->next[0] = hebb_matmul(f->state[0], w);
}

Test(scan, sums_of_many_paths) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *w = hebb_input(g, "w", HEBB_F64, HEBB_SHAPE(2, 2));
    hebb_tensor *h = hebb_input(g, "h", HEBB_F64, HEBB_SHAPE(3, 2)), *last;
    hebb_tensor *x = hebb_input(g, "x", HEBB_F64, HEBB_SHAPE(2, 1, 2, 2));
    hebb_scan(&last, NULL, .body = doubled, .user = w, .states = HEBB_LIST(h),
              .sequences = HEBB_LIST(x));
    hebb_gradient(hebb_sum(last, HEBB_ALL_AXES, false), w);
    cr_expect_not(hebb_failed(g), "%s", hebb_message(g));
    cr_expect_lt(hebb_graph_size(g), 1000);
    hebb_graph_destroy(g);
}

/* ---- lists ---- */

static void two_states(hebb_scan_frame *f) {
    f->next[0] = hebb_add(f->state[0], f->state[1]);
    f->next[1] = hebb_mul(f->state[1], hebb_scalar_like(f->state[1], 2));
}

/* Results may be stored where the arguments are. */
Test(scan, lists_may_be_updated_in_place) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *s[] = {hebb_full(g, HEBB_F32, HEBB_SCALAR, 1),
                        hebb_full(g, HEBB_F32, HEBB_SCALAR, 3)};
    hebb_scan(s, NULL, .body = two_states, .states = {s, 2}, .length = 3);
    hebb_array a = {0}, b = {0};
    hebb_device *device = cpu_device();
    run_once(g, device, HEBB_NO_FEED, HEBB_FETCH({s[0], &a}, {s[1], &b}));
    cr_expect_eq(hebb_array_item(&a), 1 + 3 + 6 + 12);
    cr_expect_eq(hebb_array_item(&b), 24);
    hebb_array_free(&a);
    hebb_array_free(&b);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

Test(scan, lists_without_a_place_are_errors) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(5)), *out;
    hebb_scan(NULL, &out, .body = next_is_state, .states = {NULL, 1}, .sequences = HEBB_LIST(x),
              .n_out = 1);
    cr_expect_eq(hebb_graph_status(g), HEBB_E_NULL, "%s", hebb_message(g));
    cr_expect(hebb_tensor_is_inert(out));
    hebb_graph_destroy(g);
    hebb_scan(NULL, &out, .body = next_is_state, .states = {NULL, -1}, .n_out = 1);
    cr_expect_null(out);
}

/* ---- errors ---- */

typedef struct bad_body {
    hebb_tensor *next, *out, *variable;
} bad_body;

static void give(hebb_scan_frame *f) {
    const bad_body *b = f->user;
    if (b->variable != NULL) {
        hebb_assign(b->variable, f->in[0]);
        f->next[0] = hebb_assign(b->variable, hebb_add(f->in[0], f->state[0]));
    } else f->next[0] = b->next;
    f->out[0] = b->out;
}

static void expect_error(hebb_status status, const char *fragment, int bad) {
    hebb_graph *g = hebb_graph_create(), *other = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(5, 3));
    hebb_tensor *h = hebb_input(g, "h", HEBB_F32, HEBB_SHAPE(3)), *more = x, *last, *out;
    bad_body b = {h, h, NULL};
    hebb_scan_options o = {.body = give, .user = &b, .n_out = 1, .file = "here.c", .line = 7};
    hebb_tensor *sequences[] = {x, more};
    o.states = (hebb_tensor_list){&h, 1};
    o.sequences = (hebb_tensor_list){sequences, 1};
    switch (bad) {
    case 0: o.body = NULL; break;
    case 1: b.next = NULL; break;
    case 2: b.out = NULL; break;
    case 3: b.next = x; break;
    case 4: b.next = hebb_cast(h, HEBB_F64); break;
    case 5: b.out = hebb_input(other, "y", HEBB_F32, HEBB_SCALAR); break;
    case 6:
        sequences[1] = hebb_input(g, "z", HEBB_F32, HEBB_SHAPE(4, 3));
        o.sequences.count = 2;
        break;
    case 7: sequences[0] = hebb_input(g, "s", HEBB_F32, HEBB_SCALAR); break;
    case 8: o.length = 5; break;
    case 9:
        o.sequences.count = 0;
        o.length = -1;
        break;
    case 10: sequences[0] = NULL; break;
    case 11: b.variable = hebb_state(g, "v", HEBB_F32, HEBB_SHAPE(3), hebb_zeros()); break;
    case 12: b.next = hebb_group(g, &h, 1); break;
    default: break;
    }
    hebb_scan_with(&last, &out, &o);
    cr_expect_eq(hebb_graph_status(g), status, "case %d: %s", bad, hebb_message(g));
    cr_expect(strstr(hebb_message(g), fragment) != NULL, "case %d: %s", bad, hebb_message(g));
    cr_expect(strstr(hebb_message(g), "here.c:7") != NULL, "case %d: %s", bad, hebb_message(g));
    cr_expect(hebb_tensor_is_inert(last) && hebb_tensor_is_inert(out));
    hebb_graph_destroy(g);
    hebb_graph_destroy(other);
}

Test(scan, errors) {
    expect_error(HEBB_E_NULL, "there is no body", 0);
    expect_error(HEBB_E_NULL, "next value of state 0 is NULL", 1);
    expect_error(HEBB_E_NULL, "the body's result 0 is NULL", 2);
    expect_error(HEBB_E_SHAPE, "state 0 is f32 [3] before an iteration and f32 [5, 3] after it", 3);
    expect_error(HEBB_E_DTYPE, "state 0 is f32 [3] before an iteration and f64 [3] after it", 4);
    expect_error(HEBB_E_GRAPH, "result 0 is of another graph", 5);
    expect_error(HEBB_E_SHAPE, "sequence 1 has 4 elements where others have 5", 6);
    expect_error(HEBB_E_SHAPE, "a scalar is no sequence", 7);
    expect_error(HEBB_E_ARGUMENT, "a length is for scans without sequences", 8);
    expect_error(HEBB_E_ARGUMENT, "the length -1 is negative", 9);
    expect_error(HEBB_E_NULL, "sequence 0 is NULL", 10);
    expect_error(HEBB_E_ARGUMENT, "the body assigns the variable v", 11);
    expect_error(HEBB_E_ARGUMENT, "is a group: it has no value", 12);
}

static void leak(hebb_scan_frame *f) {
    hebb_tensor **out = f->user;
    *out = hebb_exp(f->state[0]);
    f->next[0] = *out;
}

Test(scan, a_bodys_tensor_has_no_value_outside) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *h = hebb_full(g, HEBB_F32, HEBB_SHAPE(2), 1), *last, *leaked;
    hebb_scan(&last, NULL, .body = leak, .user = &leaked, .states = HEBB_LIST(h), .length = 2);
    hebb_device *device = cpu_device();
    hebb_session *s = hebb_session_create(g, device);
    hebb_array x = {0};
    cr_expect_eq(hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({leaked, &x})), HEBB_E_GRAPH);
    cr_expect(strstr(hebb_message(s), "outside of the scan") != NULL, "%s", hebb_message(s));
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}
