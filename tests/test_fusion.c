/* Small graphs of the kinds that a fuser, an order of steps or a placement in memory can get wrong,
   each computed with all passes and with none, on both backends. Random graphs look for more of
   them. */
#include <stdio.h>

#include <criterion/criterion.h>

#include "support/devices.h"
#include "support/tally.h"
#include "../checks/values.h"

#define MOST_RESULTS 24

typedef struct place {
    hebb_graph *g;
    hebb_tensor *x, *w; /* variables, [4, 4] */
    hebb_tensor *result[MOST_RESULTS];
    size_t n;
} place;

static void want(place *p, hebb_tensor *t) { p->result[p->n++] = t; }
static hebb_tensor *total(hebb_tensor *x) { return hebb_sum(x, HEBB_ALL_AXES, false); }
static hebb_tensor *flipped(hebb_tensor *x) {
    return hebb_slice(x, HEBB_RANGES({0, -1, HEBB_END, -1}));
}

/* ---- products ---- */

static void left_operand_in_its_own_epilogue(place *p) {
    hebb_tensor *h = hebb_tanh(hebb_mul(p->x, p->x));
    want(p, hebb_mul(hebb_matmul(h, p->w), h));
}
static void right_operand_in_its_own_epilogue(place *p) {
    hebb_tensor *h = hebb_tanh(hebb_mul(p->x, p->x));
    want(p, hebb_add(hebb_matmul(p->w, h), hebb_sigmoid(h)));
}
static void both_operands_and_the_epilogue(place *p) {
    hebb_tensor *h = hebb_mul(p->x, p->x);
    want(p, hebb_sub(hebb_matmul(h, h), h));
}
static void operand_that_is_transposed_in_the_epilogue(place *p) {
    hebb_tensor *h = hebb_exp(p->x);
    want(p, hebb_add(hebb_matmul(h, p->w), hebb_transpose(h, NULL, 0)));
}
static void product_of_a_normalized_row(place *p) {
    hebb_tensor *s = hebb_softmax(p->x);
    want(p, hebb_add(hebb_matmul(s, p->w), s));
}
static void product_that_is_reduced_and_used_again(place *p) {
    hebb_tensor *y = hebb_matmul(p->x, p->w);
    want(p, hebb_div(hebb_exp(y), hebb_sum(hebb_exp(y), HEBB_AXES(0), true)));
}
static void chain_of_products(place *p) {
    hebb_tensor *y = p->x;
    for (int i = 0; i < 6; i++) y = hebb_tanh(hebb_add(hebb_matmul(y, p->w), y));
    want(p, y);
}

/* ---- reductions ---- */

static void reduction_and_what_it_reduces(place *p) {
    hebb_tensor *h = hebb_exp(p->x);
    want(p, hebb_div(h, hebb_sum(h, HEBB_AXES(1), true)));
    want(p, h);
}
static void reductions_over_each_axis(place *p) {
    hebb_tensor *h = hebb_square(p->x);
    want(p, hebb_sum(h, HEBB_AXES(0), false));
    want(p, hebb_sum(h, HEBB_AXES(1), false));
    want(p, hebb_max(h, HEBB_ALL_AXES, false));
    want(p, hebb_add(hebb_sum(h, HEBB_AXES(0), true), hebb_sum(h, HEBB_AXES(1), true)));
}
static void reduction_of_a_reduction(place *p) {
    hebb_tensor *centered = hebb_sub(p->x, hebb_mean(p->x, HEBB_AXES(1), true));
    hebb_tensor *variance = hebb_mean(hebb_square(centered), HEBB_AXES(1), true);
    want(p, hebb_div(centered, hebb_sqrt(hebb_add(variance, hebb_scalar_like(p->x, 1e-3)))));
}
static void reduction_of_a_view(place *p) {
    hebb_tensor *h = hebb_exp(p->x);
    want(p, hebb_sum(hebb_mul(flipped(h), hebb_transpose(h, NULL, 0)), HEBB_AXES(0), false));
}

/* ---- values at one address ---- */

static void value_and_its_transpose(place *p) {
    hebb_tensor *h = hebb_exp(p->x);
    want(p, hebb_sub(hebb_mul(h, h), hebb_transpose(h, NULL, 0)));
}
static void value_and_its_flip_in_a_chain(place *p) {
    hebb_tensor *h = p->x;
    for (int i = 0; i < 4; i++) h = hebb_tanh(hebb_add(h, flipped(h)));
    want(p, h);
}
static void value_after_it_was_overwritten(place *p) {
    hebb_tensor *h = hebb_exp(p->x), *y = hebb_matmul(hebb_neg(h), p->w);
    want(p, y);
    want(p, hebb_matmul(y, h));
    want(p, h);
}
static void parts_written_over_a_value(place *p) {
    hebb_tensor *h = hebb_exp(p->x), *row = hebb_slice(h, HEBB_RANGES({0, 1, 2, 1}));
    hebb_tensor *y = hebb_slice_scatter(h, hebb_neg(row), HEBB_RANGES({0, 2, 3, 1}));
    want(p, hebb_add(y, h));
    want(p, hebb_concat((hebb_tensor *[]){flipped(y), h, y}, 3, 1));
}
static void one_base_scattered_into_twice(place *p) {
    static int32_t at[] = {1, 1, 3};
    hebb_array index = hebb_array_view(at, HEBB_I32, HEBB_SHAPE(3));
    hebb_tensor *i = hebb_constant(p->g, &index), *base = hebb_exp(p->x);
    hebb_tensor *y = hebb_scatter_add(base, i, hebb_gather(p->x, i));
    hebb_tensor *z = hebb_scatter_add(base, i, hebb_gather(p->w, i));
    want(p, hebb_sub(hebb_mul(y, z), base));
}

/* ---- values of parts ---- */

static hebb_tensor *columns(hebb_tensor *x, int64_t from, int64_t to, int64_t step) {
    return hebb_slice(x, HEBB_RANGES({1, from, to, step}));
}
/* The gradient of the sum of squares of z with respect to x. */
static void want_gradient(place *p, hebb_tensor *z) {
    hebb_tensor *sum = total(hebb_square(z)), *dx;
    hebb_gradients(&sum, 1, &p->x, 1, NULL, &dx);
    want(p, dx);
}
static void gradients_of_slices_that_cover_all(place *p) {
    hebb_tensor *a = hebb_sigmoid(columns(p->x, 0, 1, 1)), *b = hebb_tanh(columns(p->x, 1, 3, 1));
    want_gradient(p, hebb_mul(hebb_mul(a, b), columns(p->x, 3, 4, 1)));
}
static void gradients_of_slices_that_leave_some(place *p) {
    hebb_tensor *rows = hebb_slice(p->x, HEBB_RANGES({0, 3, 4, 1}));
    want_gradient(p, hebb_mul(hebb_exp(columns(p->x, 0, 1, 1)), hebb_tanh(columns(p->x, 2, 3, 1))));
    want_gradient(p, hebb_mul(columns(rows, 0, 2, 1), columns(rows, 2, 4, 1)));
}
static void gradients_of_slices_that_meet(place *p) {
    want_gradient(p, hebb_mul(hebb_exp(columns(p->x, 0, 3, 1)), columns(p->x, 1, 4, 1)));
    want_gradient(p, hebb_mul(hebb_exp(p->x), columns(p->x, 2, 3, 1)));
}
static hebb_tensor *block(hebb_tensor *x, int64_t row, int64_t column) { /* 2 x 2 */
    return hebb_slice(x, HEBB_RANGES({0, row, row + 2, 1}, {1, column, column + 2, 1}));
}
static void gradients_of_blocks(place *p) { /* that no single axis tells apart */
    hebb_tensor *a = hebb_sigmoid(block(p->x, 0, 0)), *b = hebb_tanh(block(p->x, 0, 2));
    hebb_tensor *c = hebb_exp(block(p->x, 2, 0)), *d = block(p->x, 2, 2);
    want_gradient(p, hebb_mul(hebb_mul(a, d), hebb_mul(b, c)));
}
static void gradients_of_blocks_of_which_two_meet(place *p) {
    hebb_tensor *a = hebb_sigmoid(block(p->x, 1, 2)), *b = hebb_tanh(block(p->x, 0, 0));
    want_gradient(p, hebb_mul(hebb_mul(a, b), block(p->x, 2, 1)));
}
static void gradients_of_every_other_column(place *p) {
    want_gradient(p, hebb_mul(hebb_exp(columns(p->x, 0, 4, 2)), columns(p->x, 1, 4, 2)));
}
static void gradients_of_slices_of_a_product(place *p) {
    hebb_tensor *h = hebb_matmul(p->x, p->w);
    want_gradient(p, hebb_mul(hebb_sigmoid(columns(h, 0, 2, 1)), columns(h, 2, 4, 1)));
}
static void parts_from_one_chain(place *p) {
    hebb_tensor *h = hebb_tanh(p->x), *e = hebb_exp(h);
    hebb_tensor *y = hebb_concat((hebb_tensor *[]){e, hebb_neg(h), hebb_matmul(h, p->w)}, 3, 1);
    want(p, y);
    want(p, hebb_matmul(p->w, y));
    want(p, hebb_add(h, e));
}
static void parts_and_what_they_are_made_of(place *p) {
    hebb_tensor *h = hebb_exp(p->x), *zero = hebb_zeros_like(h);
    hebb_tensor *part = hebb_tanh(columns(h, 1, 3, 1));
    hebb_tensor *y = hebb_slice_scatter(zero, part, HEBB_RANGES({1, 1, 3, 1}));
    want(p, hebb_mul(y, h));
    want(p, hebb_mul(part, columns(y, 0, 2, 1)));
}
static void parts_read_by_parts(place *p) {
    hebb_tensor *a = hebb_concat((hebb_tensor *[]){hebb_exp(p->x), hebb_tanh(p->x)}, 2, 0);
    hebb_tensor *b = hebb_concat((hebb_tensor *[]){hebb_tanh(p->x), hebb_exp(p->x)}, 2, 0);
    want(p, hebb_concat((hebb_tensor *[]){hebb_mul(a, b), hebb_sub(a, b)}, 2, 1));
}

/* ---- large ones ---- */

/* More operations than one kernel should hold. */
static void long_chain(place *p) {
    hebb_tensor *y = p->x;
    for (int i = 0; i < 400; i++) y = hebb_tanh(hebb_add(y, p->w));
    want(p, y);
}
static void long_chain_of_reductions(place *p) {
    hebb_tensor *y = p->x;
    for (int i = 0; i < 60; i++)
        y = hebb_sub(y, hebb_mean(hebb_mul(y, p->w), HEBB_AXES(i % 2), true));
    want(p, y);
}
/* More operands than a kernel may have arguments. */
static void sum_of_many(place *p) {
    hebb_tensor *y = p->x;
    for (int i = 0; i < 60; i++) {
        float numbers[16];
        for (int k = 0; k < 16; k++) numbers[k] = (float)(i * k % 7);
        hebb_array array = hebb_array_view(numbers, HEBB_F32, HEBB_SHAPE(4, 4));
        y = hebb_add(y, hebb_constant(p->g, &array));
    }
    want(p, y);
}
static void many_results_of_one_chain(place *p) {
    hebb_tensor *y = p->x;
    for (int i = 0; i < MOST_RESULTS; i++) want(p, y = hebb_tanh(hebb_add(y, p->w)));
}
static void sum_of_every_value_of_a_chain(place *p) {
    hebb_tensor *y = p->x, *sum = total(y);
    for (int i = 0; i < 40; i++) {
        y = hebb_tanh(hebb_add(y, p->w));
        sum = hebb_add(sum, total(hebb_square(y)));
    }
    want(p, sum);
}

typedef struct pattern {
    const char *name;
    void (*build)(place *p);
} pattern;

#define PATTERN(name)                                                                              \
    { #name, name }
static const pattern patterns[] = {
    PATTERN(left_operand_in_its_own_epilogue),
    PATTERN(right_operand_in_its_own_epilogue),
    PATTERN(both_operands_and_the_epilogue),
    PATTERN(operand_that_is_transposed_in_the_epilogue),
    PATTERN(product_of_a_normalized_row),
    PATTERN(product_that_is_reduced_and_used_again),
    PATTERN(chain_of_products),
    PATTERN(reduction_and_what_it_reduces),
    PATTERN(reductions_over_each_axis),
    PATTERN(reduction_of_a_reduction),
    PATTERN(reduction_of_a_view),
    PATTERN(value_and_its_transpose),
    PATTERN(value_and_its_flip_in_a_chain),
    PATTERN(value_after_it_was_overwritten),
    PATTERN(parts_written_over_a_value),
    PATTERN(one_base_scattered_into_twice),
    PATTERN(gradients_of_slices_that_cover_all),
    PATTERN(gradients_of_slices_that_leave_some),
    PATTERN(gradients_of_slices_that_meet),
    PATTERN(gradients_of_blocks),
    PATTERN(gradients_of_blocks_of_which_two_meet),
    PATTERN(gradients_of_every_other_column),
    PATTERN(gradients_of_slices_of_a_product),
    PATTERN(parts_from_one_chain),
    PATTERN(parts_and_what_they_are_made_of),
    PATTERN(parts_read_by_parts),
    PATTERN(long_chain),
    PATTERN(long_chain_of_reductions),
    PATTERN(sum_of_many),
    PATTERN(many_results_of_one_chain),
    PATTERN(sum_of_every_value_of_a_chain),
};
#define PATTERNS (sizeof patterns / sizeof *patterns)

static bool compute(const place *p, hebb_device *device, unsigned without, const char *name,
                    hebb_array *out) {
    hebb_fetch fetches[MOST_RESULTS];
    for (size_t i = 0; i < p->n; i++) fetches[i] = (hebb_fetch){p->result[i], &out[i]};
    hebb_session *s = hebb_session_create(p->g, device, .seed = 1, .without = without);
    hebb_run(s, HEBB_NO_FEED, fetches, p->n);
    cr_expect_not(hebb_failed(s), "%s, without %u: %s", name, without, hebb_message(s));
    bool done = !hebb_failed(s);
    hebb_session_destroy(s);
    return done;
}

static void check_pattern(const pattern *c, hebb_device *device) {
    place p = {.g = hebb_graph_create()};
    hebb_array plain[MOST_RESULTS] = {{0}}, fused[MOST_RESULTS] = {{0}};
    p.x = hebb_variable(p.g, "x", HEBB_F32, HEBB_SHAPE(4, 4), hebb_uniform(-1, 1));
    p.w = hebb_variable(p.g, "w", HEBB_F32, HEBB_SHAPE(4, 4), hebb_uniform(-1, 1));
    c->build(&p);
    cr_assert_not(hebb_failed(p.g), "%s: %s", c->name, hebb_message(p.g));
    bool done = compute(&p, device, HEBB_NO_PASSES, c->name, plain) &&
                compute(&p, device, 0, c->name, fused);
    for (size_t i = 0; done && i < p.n; i++) {
        char why[256];
        values expected = values_from_array(&plain[i]);
        cr_expect(values_match(&expected, &fused[i], (tolerance){2e-5, 2e-5}, why, sizeof why),
                  "%s, result %zu: %s", c->name, i, why);
    }
    for (size_t i = 0; i < p.n; i++) {
        hebb_array_free(&plain[i]);
        hebb_array_free(&fused[i]);
    }
    hebb_graph_destroy(p.g);
}

static void check_patterns(const char *name) {
    hebb_device *device = device_named(name);
    for (size_t i = 0; i < PATTERNS; i++) {
        check_pattern(&patterns[i], device);
        tally(patterns[i].name, "fused against unfused", name, 1);
    }
    hebb_device_close(device);
}
Test(fusion, on_cpu) { check_patterns("cpu"); }
Test(fusion, on_opencl) { check_patterns("opencl"); }
