/* Steps joined by rows (src/executor/join.c, src/backends/cpu/rows/joined.c): a product, loops over
   its rows and a product of what they make give the values of the same steps one by one, the same
   bits for any number of threads and from run to run, and need no memory for what is in between. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <hebb/hebb.h>

enum { MOST_INPUTS = 8, MOST_RESULTS = 4 };

typedef struct problem {
    hebb_graph *g;
    hebb_dtype dtype;
    hebb_tensor *input[MOST_INPUTS], *result[MOST_RESULTS];
    int n_inputs, n_results;
} problem;

typedef void builder(problem *p);

static hebb_tensor *input(problem *p, hebb_shape shape) {
    char name[8] = "x0";
    name[1] = (char)('0' + p->n_inputs);
    return p->input[p->n_inputs++] = hebb_input(p->g, name, p->dtype, shape);
}

static void want(problem *p, hebb_tensor *t) { p->result[p->n_results++] = t; }

/* ---- attention ---- */

typedef struct attention {
    hebb_tensor *q, *k, *v, *scores;
} attention;

/* Of 8 matrices, as two dimensions; scores of more than 4 MiB. */
static attention attend(problem *p, int64_t queries, int64_t keys, int64_t depth, int64_t width) {
    attention a = {.q = input(p, HEBB_SHAPE(2, 4, queries, depth)),
                   .k = input(p, HEBB_SHAPE(2, 4, keys, depth)),
                   .v = input(p, HEBB_SHAPE(2, 4, keys, width))};
    hebb_tensor *q = hebb_mul(a.q, hebb_scalar_like(a.q, 0.3));
    a.scores = hebb_matmul(q, hebb_swap_axes(a.k, 2, 3));
    return a;
}

static hebb_tensor *weigh(const attention *a, hebb_tensor *scores) {
    return hebb_matmul(hebb_softmax(scores), a->v);
}

static void want_gradients(problem *p, hebb_tensor *y) {
    hebb_tensor *cost = hebb_sum(hebb_sin(y), HEBB_ALL_AXES, false);
    hebb_gradients(&cost, 1, p->input, 3, NULL, p->result + p->n_results);
    p->n_results += 3;
}

/* low <= key - query <= high */
static hebb_tensor *masked(hebb_tensor *scores, double low, double high) {
    hebb_tensor *like = hebb_sum(scores, HEBB_AXES(0, 1), false);
    hebb_tensor *off =
        hebb_sub(hebb_iota_like(like, 1, HEBB_I32), hebb_iota_like(like, 0, HEBB_I32));
    hebb_tensor *seen = hebb_and(hebb_greater_equal(off, hebb_scalar_like(off, low)),
                                 hebb_less_equal(off, hebb_scalar_like(off, high)));
    return hebb_select(seen, scores, hebb_scalar_like(scores, -1e30));
}

static void plain(problem *p) {
    attention a = attend(p, 400, 400, 64, 64);
    want(p, weigh(&a, a.scores));
}
static void of_odd_sizes(problem *p) {
    attention a = attend(p, 389, 421, 37, 51);
    want(p, weigh(&a, a.scores));
}
static void with_gradients(problem *p) {
    attention a = attend(p, 389, 421, 37, 51);
    want(p, weigh(&a, a.scores));
    want_gradients(p, p->result[0]);
}
static void causal(problem *p) {
    attention a = attend(p, 403, 403, 40, 40);
    want(p, weigh(&a, masked(a.scores, -1e6, 0)));
    want_gradients(p, p->result[0]);
}
static void in_a_window(problem *p) {
    attention a = attend(p, 500, 500, 40, 40);
    want(p, weigh(&a, masked(a.scores, -33, 12)));
    want_gradients(p, p->result[0]);
}
static void with_a_mask_of_keys(problem *p) {
    attention a = attend(p, 389, 421, 37, 51);
    hebb_tensor *mask = input(p, HEBB_SHAPE(2, 1, 1, 421));
    hebb_tensor *seen = hebb_greater(mask, hebb_scalar_like(mask, -0.5));
    want(p, weigh(&a, hebb_select(seen, a.scores, hebb_scalar_like(a.scores, -1e30))));
    want_gradients(p, p->result[0]);
}
static void with_a_bias_of_scores(problem *p) {
    attention a = attend(p, 389, 421, 37, 51);
    hebb_tensor *bias = input(p, HEBB_SHAPE(4, 389, 421));
    want(p, weigh(&a, hebb_add(a.scores, bias)));
    want_gradients(p, p->result[0]);
}
/* The weights are wanted, too, or the scores. */
static void with_weights(problem *p) {
    attention a = attend(p, 389, 421, 37, 51);
    hebb_tensor *weights = hebb_softmax(a.scores);
    want(p, hebb_matmul(weights, a.v));
    want(p, weights);
}
static void with_scores(problem *p) {
    attention a = attend(p, 389, 421, 37, 51);
    want(p, weigh(&a, a.scores));
    want(p, a.scores);
}
static void with_sums_over_queries(problem *p) {
    attention a = attend(p, 389, 421, 37, 51);
    hebb_tensor *weights = hebb_softmax(a.scores);
    want(p, hebb_matmul(weights, a.v));
    want(p, hebb_sum(weights, HEBB_AXES(2), false));
}
static void of_two_values(problem *p) {
    attention a = attend(p, 389, 421, 37, 51);
    hebb_tensor *other = input(p, HEBB_SHAPE(2, 4, 421, 20)), *weights = hebb_softmax(a.scores);
    want(p, hebb_matmul(weights, a.v));
    want(p, hebb_matmul(weights, other));
}
/* Each row's first score is read for all of the row: what is made of them cannot take their place.
 */
static void with_first_scores(problem *p) {
    attention a = attend(p, 389, 1421, 37, 51);
    hebb_tensor *first = hebb_slice(a.scores, HEBB_RANGES({3, 0, 1, 1}));
    want(p, hebb_matmul(hebb_tanh(hebb_sub(a.scores, first)), a.v));
}
/* Other products read the weights before the last one does: its turn comes before theirs. */
static void with_products_between(problem *p) {
    attention a = attend(p, 389, 421, 37, 51);
    hebb_tensor *other = input(p, HEBB_SHAPE(2, 4, 389, 20)), *weights = hebb_softmax(a.scores);
    hebb_tensor *turned = hebb_matmul(hebb_swap_axes(weights, 2, 3), other);
    want(p, turned);
    want(p, hebb_matmul(turned, hebb_swap_axes(other, 2, 3)));
    want(p, hebb_matmul(weights, a.v));
}
/* Queries that share keys and values: these are broadcast. */
static void of_shared_keys(problem *p) {
    hebb_tensor *q = input(p, HEBB_SHAPE(2, 4, 389, 37)), *k = input(p, HEBB_SHAPE(2, 1, 421, 37));
    hebb_tensor *v = input(p, HEBB_SHAPE(2, 1, 421, 51));
    want(p, hebb_matmul(hebb_softmax(hebb_matmul(q, hebb_swap_axes(k, 2, 3))), v));
    want_gradients(p, p->result[0]);
}
/* Heads side by side, as the layers have them. */
static void of_heads_side_by_side(problem *p) {
    hebb_tensor *x[3], *turned[3];
    for (int i = 0; i < 3; i++) {
        x[i] = input(p, HEBB_SHAPE(2, 390, 4, 24));
        turned[i] = hebb_transpose(x[i], HEBB_AXES(0, 2, 1, 3));
    }
    hebb_tensor *scores = hebb_matmul(turned[0], hebb_swap_axes(turned[1], 2, 3));
    hebb_tensor *y = hebb_matmul(hebb_softmax(scores), turned[2]);
    want(p, hebb_transpose(y, HEBB_AXES(0, 2, 1, 3)));
    want_gradients(p, p->result[0]);
}

/* ---- other rows ---- */

/* Dense layers of many rows. */
static void dense(problem *p) {
    hebb_tensor *x = input(p, HEBB_SHAPE(9001, 30)), *w = input(p, HEBB_SHAPE(30, 150));
    hebb_tensor *v = input(p, HEBB_SHAPE(150, 30)), *b = input(p, HEBB_SHAPE(150));
    hebb_tensor *h = hebb_relu(hebb_add(hebb_matmul(x, w), b));
    want(p, hebb_add(hebb_matmul(h, v), x));
}
static void normalized(problem *p) {
    hebb_tensor *x = input(p, HEBB_SHAPE(9001, 30)), *w = input(p, HEBB_SHAPE(30, 150));
    hebb_tensor *v = input(p, HEBB_SHAPE(150, 21));
    hebb_tensor *y = hebb_matmul(x, w), *mean = hebb_mean(y, HEBB_AXES(1), true);
    hebb_tensor *centered = hebb_sub(y, mean);
    hebb_tensor *variance = hebb_mean(hebb_mul(centered, centered), HEBB_AXES(1), true);
    hebb_tensor *scale = hebb_rsqrt(hebb_add(variance, hebb_scalar_like(variance, 1e-3)));
    want(p, hebb_matmul(hebb_mul(centered, scale), v));
}
/* Means over all rows stand between the products: they need all of the first one. */
static void normalized_by_columns(problem *p) {
    hebb_tensor *x = input(p, HEBB_SHAPE(9001, 30)), *w = input(p, HEBB_SHAPE(30, 150));
    hebb_tensor *v = input(p, HEBB_SHAPE(150, 21));
    hebb_tensor *y = hebb_tanh(hebb_matmul(x, w));
    want(p, hebb_matmul(hebb_sub(y, hebb_mean(y, HEBB_AXES(0), true)), v));
}
/* Rows are read elsewhere than they were written. */
static void flipped(problem *p) {
    attention a = attend(p, 400, 400, 37, 51);
    hebb_tensor *weights = hebb_softmax(a.scores);
    want(p, hebb_matmul(hebb_slice(weights, HEBB_RANGES({2, -1, HEBB_END, -1})), a.v));
    want(p, hebb_matmul(hebb_swap_axes(weights, 2, 3), a.v));
}

/* ---- running ---- */

static hebb_array drawn(hebb_tensor *t, uint32_t seed) {
    hebb_array x = hebb_array_zeros(hebb_tensor_dtype(t), hebb_tensor_shape(t));
    for (int64_t i = 0; i < hebb_array_count(&x); i++) {
        seed = seed * 1664525u + 1013904223u;
        hebb_array_set(&x, i, (double)(seed >> 8) / 16777216.0 * 2 - 1);
    }
    return x;
}

typedef struct outcome {
    hebb_array result[MOST_RESULTS];
    int n;
    size_t peak;
    bool joined; /* some products are */
} outcome;

static bool joins_products(hebb_session *s) {
    for (size_t k = 0; k < hebb_session_profile_count(s); k++) {
        hebb_profile_row row;
        cr_assert_eq(hebb_session_profile_row(s, k, &row), HEBB_OK);
        if (strcmp(row.solver, "rows together") == 0 && strstr(row.name, "matmul") != NULL)
            return true;
    }
    return false;
}

static outcome run(builder *build, hebb_dtype dtype, int threads, unsigned without, size_t limit) {
    problem p = {.g = hebb_graph_create(), .dtype = dtype};
    outcome made = {.n = 0};
    hebb_array in[MOST_INPUTS];
    hebb_feed feeds[MOST_INPUTS];
    hebb_fetch fetches[MOST_RESULTS];
    hebb_plan_stats stats;
    build(&p);
    hebb_device *device = hebb_device_open("cpu");
    cr_assert_eq(hebb_device_set_threads(device, threads), HEBB_OK);
    hebb_session *s = hebb_session_create(p.g, device, .without = without, .memory_limit = limit);
    hebb_session_profile(s, true);
    for (int i = 0; i < p.n_inputs; i++) {
        in[i] = drawn(p.input[i], (uint32_t)i + 1);
        feeds[i] = (hebb_feed){p.input[i], &in[i]};
    }
    for (made.n = 0; made.n < p.n_results; made.n++) {
        made.result[made.n] = (hebb_array){0};
        fetches[made.n] = (hebb_fetch){p.result[made.n], &made.result[made.n]};
    }
    for (int i = 0; i < 2; i++) hebb_run(s, feeds, (size_t)p.n_inputs, fetches, (size_t)made.n);
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    cr_assert_eq(hebb_session_stats(s, &stats), HEBB_OK);
    made.peak = stats.peak_bytes;
    made.joined = joins_products(s);
    for (int i = 0; i < p.n_inputs; i++) hebb_array_free(&in[i]);
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(p.g);
    return made;
}

static void free_results(outcome *o) {
    for (int k = 0; k < o->n; k++) hebb_array_free(&o->result[k]);
}

static void expect_same_bits(const outcome *x, const outcome *y) {
    for (int k = 0; k < x->n; k++)
        cr_expect_eq(memcmp(x->result[k].data, y->result[k].data, hebb_array_bytes(&x->result[k])),
                     0, "result %d", k);
}

/* Sums of rows of some thousand elements: errors are of the largest of them. */
static void expect_close(const outcome *x, const outcome *y, double allowed) {
    for (int k = 0; k < x->n; k++) {
        double most = 1;
        const int64_t count = hebb_array_count(&x->result[k]);
        for (int64_t i = 0; i < count; i++)
            most = fmax(most, fabs(hebb_array_at(&y->result[k], i)));
        for (int64_t i = 0; i < count; i++)
            cr_assert_float_eq(hebb_array_at(&x->result[k], i), hebb_array_at(&y->result[k], i),
                               allowed * most, "result %d at %d", k, (int)i);
    }
}

static void expect_same(builder *build, hebb_dtype dtype, bool joined) {
    const unsigned none = HEBB_NO_FUSION | HEBB_NO_CSE | HEBB_NO_FOLD;
    outcome two = run(build, dtype, 2, 0, 0), one = run(build, dtype, 1, 0, 0);
    outcome alone = run(build, dtype, 2, none, 0);
    cr_expect_eq(two.joined, joined);
    cr_expect_not(alone.joined);
    expect_same_bits(&two, &one);
    expect_close(&two, &alone, dtype == HEBB_F64 ? 1e-13 : 2e-5);
    free_results(&two);
    free_results(&one);
    free_results(&alone);
}

/* ---- tests ---- */

Test(joined, attention) {
    expect_same(plain, HEBB_F32, true);
    expect_same(of_odd_sizes, HEBB_F32, true);
    expect_same(of_odd_sizes, HEBB_F64, true);
    expect_same(of_shared_keys, HEBB_F32, true);
    expect_same(of_heads_side_by_side, HEBB_F32, true);
}

Test(joined, gradients) {
    expect_same(with_gradients, HEBB_F32, true);
    expect_same(with_gradients, HEBB_F64, true);
}

Test(joined, masks) {
    expect_same(causal, HEBB_F32, true);
    expect_same(causal, HEBB_F64, true);
    expect_same(in_a_window, HEBB_F32, true);
    expect_same(with_a_mask_of_keys, HEBB_F32, true);
    expect_same(with_a_bias_of_scores, HEBB_F32, true);
}

Test(joined, values_that_others_want) {
    expect_same(with_weights, HEBB_F32, true);
    expect_same(with_scores, HEBB_F32, true);
    expect_same(with_sums_over_queries, HEBB_F32, false);
    expect_same(of_two_values, HEBB_F32, true);
    expect_same(with_products_between, HEBB_F32, true);
    expect_same(with_first_scores, HEBB_F32, true);
}

Test(joined, other_rows) {
    expect_same(dense, HEBB_F32, true);
    expect_same(normalized, HEBB_F32, true);
    expect_same(normalized_by_columns, HEBB_F32, false);
    expect_same(flipped, HEBB_F32, false);
}

/* The scores are 5 MB: they are not in memory as a whole, nor those of the backward pass. */
Test(joined, scores_need_no_memory) {
    outcome o = run(plain, HEBB_F32, 2, 0, 0), back = run(with_gradients, HEBB_F32, 2, 0, 0);
    cr_expect_lt(o.peak, 4000000, "%zu bytes", o.peak);
    cr_expect_lt(back.peak, 16000000, "%zu bytes", back.peak);
    free_results(&o);
    free_results(&back);
}

/* Where the limit is less than what joined steps take, they are done one by one. */
Test(joined, memory_limit) {
    outcome free = run(causal, HEBB_F32, 2, 0, 0);
    outcome fits = run(causal, HEBB_F32, 2, 0, free.peak);
    outcome tight = run(causal, HEBB_F32, 2, 0, free.peak - 4096);
    cr_expect(free.joined && fits.joined && !tight.joined);
    expect_same_bits(&free, &fits);
    expect_close(&free, &tight, 2e-5);
    free_results(&free);
    free_results(&fits);
    free_results(&tight);
}
