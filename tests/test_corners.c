/* Corners of the public interface where something once went wrong, each with the smallest program
   that shows it. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <hebb/hebb.h>
#include "support/devices.h"

typedef struct fixture {
    hebb_graph *g;
    hebb_device *device;
    hebb_session *s;
} fixture;

static fixture open_cpu(void) {
    fixture f = {.g = hebb_graph_create(), .device = hebb_device_open("cpu")};
    f.s = hebb_session_create(f.g, f.device, .seed = 1);
    return f;
}

static void close_all(fixture *f) {
    hebb_session_destroy(f->s);
    hebb_device_close(f->device);
    hebb_graph_destroy(f->g);
}

/* An elementwise chain is one program in principle; planning it must not recurse along it. */
Test(corners, a_very_long_chain) {
    fixture f = open_cpu();
    float in[4] = {0.1f, -0.2f, 0.3f, 0}, expected[4];
    memcpy(expected, in, sizeof in);
    hebb_array a = hebb_array_view(in, HEBB_F32, HEBB_SHAPE(4)), out = {0};
    hebb_tensor *x = hebb_input(f.g, "x", HEBB_F32, HEBB_SHAPE(4)), *y = x;
    for (int k = 0; k < 60000; k++)
        y = hebb_neg(hebb_mul(y, hebb_scalar_like(y, 1 + 1e-6 * (k % 2))));
    for (int k = 0; k < 60000; k++)
        for (int i = 0; i < 4; i++) expected[i] = -(expected[i] * (float)(1 + 1e-6 * (k % 2)));
    cr_assert_eq(hebb_run(f.s, HEBB_FEED({x, &a}), HEBB_FETCH({y, &out})), HEBB_OK, "%s",
                 hebb_message(f.s));
    for (int i = 0; i < 4; i++)
        cr_expect(fabs(hebb_array_at(&out, i) - expected[i]) <= 1e-4 * fabsf(expected[i]),
                  "%g, not %g", hebb_array_at(&out, i), (double)expected[i]);
    hebb_array_free(&out);
    close_all(&f);
}

/* Each long program is cut by itself: the number of steps grows with their number. */
Test(corners, many_long_programs_stay_fused) {
    enum { PROGRAMS = 12 };
    fixture f = open_cpu();
    float in[4] = {0.1f, -0.2f, 0.3f, 0};
    hebb_array a = hebb_array_view(in, HEBB_F32, HEBB_SHAPE(4));
    hebb_tensor *x = hebb_input(f.g, "x", HEBB_F32, HEBB_SHAPE(4));
    hebb_fetch fetches[PROGRAMS] = {{0}};
    for (int j = 0; j < PROGRAMS; j++) {
        hebb_tensor *y = hebb_add(x, hebb_scalar_like(x, j));
        for (int k = 0; k < 200; k++) y = hebb_tanh(y);
        fetches[j].tensor = hebb_sum(y, HEBB_ALL_AXES, false);
    }
    cr_assert_eq(hebb_run(f.s, HEBB_FEED({x, &a}), fetches, PROGRAMS), HEBB_OK, "%s",
                 hebb_message(f.s));
    hebb_plan_stats stats;
    hebb_session_stats(f.s, &stats);
    cr_expect_leq(stats.steps, 6 * PROGRAMS, "%zu steps", stats.steps);
    close_all(&f);
}

Test(corners, fetching_into_what_is_fed) {
    fixture f = open_cpu();
    hebb_tensor *x = hebb_input(f.g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *twice[] = {x, x}, *longer = hebb_concat(twice, 2, 0), *same = hebb_neg(x);
    hebb_array a = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(16)), o = {0};
    for (int i = 0; i < 16; i++) ((float *)a.data)[i] = (float)i;
    cr_expect_eq(hebb_run(f.s, HEBB_FEED({x, &a}), HEBB_FETCH({longer, &a})), HEBB_E_ARGUMENT);
    cr_expect_eq(hebb_array_at(&a, 5), 5);
    cr_expect_eq(hebb_run(f.s, HEBB_FEED({x, &a}), HEBB_FETCH({same, &o}, {longer, &o})),
                 HEBB_E_ARGUMENT);
    cr_expect_eq(hebb_run(f.s, HEBB_FEED({x, &a}), HEBB_FETCH({same, &a})), HEBB_OK, "%s",
                 hebb_message(f.s));
    cr_expect_eq(hebb_array_at(&a, 5), -5);
    hebb_array_free(&a);
    hebb_array_free(&o);
    close_all(&f);
}

Test(corners, open_cotangents_are_compared_when_bound) {
    fixture f = open_cpu();
    float data[7] = {1, 2, 3, 4, 5, 6, 7};
    hebb_tensor *x = hebb_input(f.g, "x", HEBB_F32, HEBB_SHAPE(4));
    hebb_tensor *weight = hebb_input(f.g, "weight", HEBB_F32, HEBB_SHAPE(HEBB_ANY)),
                *y = hebb_mul(x, x), *g;
    cr_assert_eq(hebb_gradients(&y, 1, &x, 1, &weight, &g), HEBB_OK);
    hebb_array four = hebb_array_view(data, HEBB_F32, HEBB_SHAPE(4)), out = {0};
    hebb_array wrong[] = {hebb_array_view(data, HEBB_F32, HEBB_SHAPE(7)),
                          hebb_array_view(data, HEBB_F32, HEBB_SHAPE(1))};
    for (int k = 0; k < 2; k++)
        cr_expect_eq(
            hebb_run(f.s, HEBB_FEED({x, &four}, {weight, &wrong[k]}), HEBB_FETCH({g, &out})),
            HEBB_E_SHAPE);
    cr_expect_eq(hebb_run(f.s, HEBB_FEED({x, &four}, {weight, &four}), HEBB_FETCH({g, &out})),
                 HEBB_OK, "%s", hebb_message(f.s));
    cr_expect_eq(hebb_array_at(&out, 3), 32);
    hebb_array_free(&out);
    close_all(&f);
}

Test(corners, a_layer_has_one_name) {
    fixture f = open_cpu();
    hebb_tensor *x = hebb_input(f.g, "x", HEBB_F32, HEBB_SHAPE(2, 3));
    hebb_dense(hebb_dense(x, 4, .no_bias = true), 5);
    cr_expect_not_null(hebb_graph_find(f.g, "dense/kernel"));
    cr_expect_null(hebb_graph_find(f.g, "dense/bias"));
    cr_expect_not_null(hebb_graph_find(f.g, "dense_1/kernel"));
    cr_expect_not_null(hebb_graph_find(f.g, "dense_1/bias"));
    close_all(&f);
}

Test(corners, long_names) {
    fixture f = open_cpu();
    char name[301];
    memset(name, 'a', sizeof name - 1);
    name[200] = '\0';
    hebb_tensor *w = hebb_variable(f.g, name, HEBB_F32, HEBB_SHAPE(4), hebb_ones());
    hebb_minimize(hebb_sum(hebb_square(w), HEBB_ALL_AXES, false), hebb_adam());
    cr_expect_eq(hebb_graph_status(f.g), HEBB_OK, "%s", hebb_message(f.g));
    name[200] = 'a';
    name[300] = '\0';
    hebb_dense(hebb_input(f.g, NULL, HEBB_F32, HEBB_SHAPE(2, 3)), 4, .name = name);
    cr_expect_eq(hebb_graph_status(f.g), HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(hebb_message(f.g), "longer than"), "%s", hebb_message(f.g));
    close_all(&f);
}

Test(corners, names_stay_unique) {
    fixture f = open_cpu();
    hebb_tensor *a = hebb_variable(f.g, "a", HEBB_F32, HEBB_SHAPE(1), hebb_zeros());
    hebb_tensor *b = hebb_variable(f.g, "b", HEBB_F32, HEBB_SHAPE(1), hebb_zeros());
    hebb_named(b, "c");
    cr_expect_eq(hebb_graph_find(f.g, "c"), b);
    cr_expect_null(hebb_graph_find(f.g, "b"));
    hebb_named(a, "c");
    cr_expect_eq(hebb_graph_status(f.g), HEBB_E_ARGUMENT);
    close_all(&f);
}

/* The new value is reduced in the step that computes it; it may be written only when all is read.
 */
Test(corners, assigning_what_is_reduced) {
    fixture f = open_cpu();
    hebb_tensor *w = hebb_variable(f.g, "w", HEBB_F64, HEBB_SHAPE(37, 100), hebb_normal(0, 1));
    hebb_tensor *next = hebb_add(hebb_mul(w, hebb_scalar_like(w, 2)), hebb_scalar_like(w, 1));
    hebb_tensor *sums = hebb_sum(next, HEBB_AXES(1), false), *step = hebb_assign(w, next);
    hebb_array before = {0}, after = {0}, sum = {0};
    hebb_session_get(f.s, w, &before);
    cr_assert_eq(hebb_run(f.s, HEBB_NO_FEED, HEBB_FETCH({step, NULL}, {sums, &sum})), HEBB_OK);
    hebb_session_get(f.s, w, &after);
    for (int i = 0; i < 37; i++) {
        double expected = 0;
        for (int j = 0; j < 100; j++) {
            double value = 2 * hebb_array_at(&before, i * 100 + j) + 1;
            expected += value;
            cr_assert(fabs(hebb_array_at(&after, i * 100 + j) - value) <
                      1e-14 * fabs(value) + 1e-15);
        }
        cr_expect(fabs(hebb_array_at(&sum, i) - expected) < 1e-12 * 100);
    }
    hebb_array_free(&before);
    hebb_array_free(&after);
    hebb_array_free(&sum);
    close_all(&f);
}

Test(corners, sizes_that_do_not_fit) {
    fixture f = open_cpu();
    static uint8_t bytes[300];
    hebb_array a = hebb_array_view(bytes, HEBB_U8, HEBB_SHAPE(300)), out = {0};
    hebb_tensor *x = hebb_input(f.g, "x", HEBB_U8, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *size = hebb_size(x, HEBB_ALL_AXES, HEBB_U8);
    cr_expect_eq(hebb_run(f.s, HEBB_FEED({x, &a}), HEBB_FETCH({size, &out})), HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(hebb_message(f.s), "300"), "%s", hebb_message(f.s));
    hebb_tensor *one = hebb_slice(hebb_full(f.g, HEBB_F32, HEBB_SHAPE(4, 4), 3),
                                  HEBB_RANGES({0, 0, HEBB_END, INT64_MAX}));
    cr_expect_eq(hebb_run(f.s, HEBB_NO_FEED, HEBB_FETCH({one, &out})), HEBB_OK, "%s",
                 hebb_message(f.s));
    cr_expect_eq(hebb_array_count(&out), 4);
    hebb_array_free(&out);
    close_all(&f);
}

Test(corners, a_loss_of_broadcast_shapes) {
    fixture f = open_cpu();
    hebb_tensor *p = hebb_input(f.g, "p", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 1));
    hebb_mean_squared_error(p, hebb_input(f.g, "t", HEBB_F32, HEBB_SHAPE(HEBB_ANY)));
    cr_expect_eq(hebb_graph_status(f.g), HEBB_E_SHAPE);
    cr_expect_not_null(strstr(hebb_message(f.g), "[?, 1]"), "%s", hebb_message(f.g));
    close_all(&f);
}

Test(corners, integer_variables_are_not_trained) {
    fixture f = open_cpu();
    hebb_tensor *w = hebb_variable(f.g, "w", HEBB_F32, HEBB_SHAPE(3, 2), hebb_ones());
    hebb_tensor *index = hebb_variable(f.g, "index", HEBB_I32, HEBB_SHAPE(2), hebb_zeros());
    hebb_tensor *step = hebb_minimize(hebb_sum(hebb_gather(w, index), HEBB_ALL_AXES, false),
                                      hebb_sgd(.learning_rate = 0.5));
    cr_assert_eq(hebb_run(f.s, HEBB_NO_FEED, HEBB_FETCH({step, NULL})), HEBB_OK, "%s",
                 hebb_message(f.s));
    hebb_array value = {0};
    hebb_session_get(f.s, w, &value);
    cr_expect_eq(hebb_array_at(&value, 0), 0); /* gathered twice */
    cr_expect_eq(hebb_array_at(&value, 2), 1);
    hebb_array_free(&value);
    close_all(&f);
}

/* More shapes than plans are kept: each still computes the right thing, old ones again. */
Test(corners, many_shapes) {
    fixture f = open_cpu();
    hebb_tensor *x = hebb_input(f.g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *sum = hebb_sum(x, HEBB_ALL_AXES, false);
    static float ones[200];
    for (int i = 0; i < 200; i++) ones[i] = 1;
    hebb_array out = {0};
    for (int round = 0; round < 2; round++)
        for (int n = 1; n <= 100; n++) {
            hebb_array a = hebb_array_view(ones, HEBB_F32, HEBB_SHAPE(n));
            cr_assert_eq(hebb_run(f.s, HEBB_FEED({x, &a}), HEBB_FETCH({sum, &out})), HEBB_OK);
            cr_expect_eq(hebb_array_item(&out), n);
        }
    hebb_array_free(&out);
    close_all(&f);
}

/* What builders answer to one operand that is NULL, beside others that know the graph. */
Test(corners, an_operand_that_is_null) {
    enum { CASES = 24 };
    for (int k = 0; k < CASES; k++) {
        hebb_graph *g = hebb_graph_create();
        hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(4, 4)), *none = NULL;
        hebb_tensor *v = hebb_input(g, "v", HEBB_F32, HEBB_SHAPE(4));
        hebb_tensor *i = hebb_input(g, "i", HEBB_I32, HEBB_SHAPE(4)), *y = x;
        switch (k) {
        case 0: y = hebb_take(x, none, 0); break;
        case 1: y = hebb_take(x, none, 1); break;
        case 2: y = hebb_take(none, i, 1); break;
        case 3: y = hebb_dot(v, none); break;
        case 4: y = hebb_dot(none, v); break;
        case 5: y = hebb_outer(v, none); break;
        case 6: y = hebb_outer(none, v); break;
        case 7: y = hebb_einsum("i,i", none, v); break;
        case 8: y = hebb_conv(x, none); break;
        case 9: y = hebb_conv(none, x); break;
        case 10: y = hebb_conv_transpose(x, none); break;
        case 11: y = hebb_conv_transpose(none, x); break;
        case 12: y = hebb_conv_input(none, x, x); break;
        case 13: y = hebb_conv_input(x, none, x); break;
        case 14: y = hebb_conv_input(x, x, none); break;
        case 15: y = hebb_conv_weight(none, x, x); break;
        case 16: y = hebb_conv_weight(x, none, x); break;
        case 17: y = hebb_conv_weight(x, x, none); break;
        case 18: y = hebb_stack((hebb_tensor *[]){none, x}, 2, 0); break;
        case 19: y = hebb_stack((hebb_tensor *[]){x, none}, 2, 0); break;
        case 20: y = hebb_log_softmax_loss(none, i); break;
        case 21: y = hebb_sparse_softmax_cross_entropy(x, none); break;
        case 22: y = hebb_max_margin_loss(none, i, 1); break;
        case 23: y = hebb_sparse_accuracy(none, i); break;
        }
        cr_expect_eq(hebb_graph_status(g), HEBB_E_NULL, "%d: %s", k, hebb_message(g));
        cr_expect_not_null(y, "%d", k);
        cr_expect(hebb_tensor_is_inert(y), "%d", k);
        hebb_graph_destroy(g);
    }
    cr_expect_null(hebb_dot(NULL, NULL));
    cr_expect_null(hebb_stack((hebb_tensor *[]){NULL, NULL}, 2, 0));
}

/* Sums and counts on the way to a result may be more than f16 holds. */
Test(corners, sums_of_halves_in_between) {
    enum { N = 70000 };
    fixture f = open_cpu();
    const hebb_dtype dtypes[] = {HEBB_F16, HEBB_BF16};
    for (int d = 0; d < 2; d++) {
        const bool f16 = dtypes[d] == HEBB_F16;
        hebb_tensor *alternating = hebb_cast(
            hebb_mod(hebb_iota_like(hebb_full(f.g, HEBB_F32, HEBB_SHAPE(N), 0), 0, HEBB_I32),
                     hebb_full(f.g, HEBB_I32, HEBB_SCALAR, 2)),
            dtypes[d]);
        hebb_tensor *far = hebb_mul(hebb_slice(alternating, HEBB_RANGES({0, 0, 4, 1})),
                                    hebb_full(f.g, dtypes[d], HEBB_SCALAR, 1024));
        hebb_tensor *high = hebb_full(f.g, dtypes[d], HEBB_SHAPE(1, 1, 3), 60000);
        hebb_tensor *many = hebb_full(f.g, dtypes[d], HEBB_SHAPE(1, N), 1);
        hebb_tensor *row = hebb_full(f.g, dtypes[d], HEBB_SHAPE(1, 1, N), 1);
        hebb_tensor *label = hebb_full(f.g, HEBB_I32, HEBB_SHAPE(1), 0);
        const double high_value = f16 ? 60000 : 59904;
        const struct {
            hebb_tensor *y;
            double expected;
        } cases[] = {
            {hebb_variance(alternating, HEBB_ALL_AXES, false, 0), 0.25},
            {hebb_standard_deviation(alternating, HEBB_ALL_AXES, false, 0), 0.5},
            {hebb_standard_deviation(far, HEBB_ALL_AXES, false, 0), 512},
            {hebb_logsumexp(many, HEBB_ALL_AXES, false), f16 ? 12.15625 : 12.1875},
            {hebb_log_softmax_loss(many, label), f16 ? 11.15625 : 11.1875},
            {hebb_average_pool(high, HEBB_SHAPE(3), .pad = {{1, 1}}), high_value},
            {hebb_average_pool(row, HEBB_SHAPE(N), .pad = {{0, 1}}), 1},
            {hebb_adaptive_average_pool(high, HEBB_SHAPE(2)), high_value},
            {hebb_resize(hebb_slice(row, HEBB_RANGES({2, 0, 2, 1})), HEBB_SHAPE(N),
                         .method = HEBB_LINEAR),
             1},
        };
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            hebb_array out = {0};
            cr_assert_eq(hebb_run(f.s, HEBB_NO_FEED, HEBB_FETCH({cases[k].y, &out})), HEBB_OK, "%s",
                         hebb_message(f.s));
            cr_expect_eq(out.dtype, dtypes[d]);
            cr_expect_eq(hebb_array_at(&out, 0), cases[k].expected, "%zu of %s: %g, not %g", k,
                         hebb_dtype_name(dtypes[d]), hebb_array_at(&out, 0), cases[k].expected);
            hebb_array_free(&out);
        }
    }
    close_all(&f);
}

static const int64_t far_places[] = {
    INT64_MIN, INT64_MIN + 1, INT64_MAX, INT64_MAX - 1, ((int64_t)1 << 53) + 1, -5, -1, 0, 1, 8};

/* A size that is open when the graph is built is rolled by all bits of the number. */
Test(corners, rolling_far) {
    fixture f = open_cpu();
    float in[7] = {0, 1, 2, 3, 4, 5, 6};
    hebb_tensor *x = hebb_input(f.g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY));
    for (size_t k = 0; k < sizeof far_places / sizeof *far_places; k++)
        for (int64_t n = 0; n <= 7; n++) {
            hebb_array a = hebb_array_view(in, HEBB_F32, HEBB_SHAPE(n)), out = {0};
            hebb_tensor *y = hebb_roll(x, far_places[k], 0);
            cr_assert_eq(hebb_run(f.s, HEBB_FEED({x, &a}), HEBB_FETCH({y, &out})), HEBB_OK, "%s",
                         hebb_message(f.s));
            for (int64_t i = 0; i < n; i++)
                cr_expect_eq(hebb_array_at(&out, (i + (far_places[k] % n + n) % n) % n), (double)i);
            hebb_array_free(&out);
        }
    close_all(&f);
}

Test(corners, triangles_far_from_the_diagonal) {
    fixture f = open_cpu();
    hebb_tensor *x = hebb_full(f.g, HEBB_F32, HEBB_SHAPE(2, 3), 1);
    for (size_t k = 0; k < 5; k++) {
        hebb_array lower = {0}, upper = {0};
        cr_assert_eq(hebb_run(f.s, HEBB_NO_FEED,
                              HEBB_FETCH({hebb_tril(x, far_places[k]), &lower},
                                         {hebb_triu(x, far_places[k]), &upper})),
                     HEBB_OK, "%s", hebb_message(f.s));
        for (int64_t i = 0; i < 6; i++) {
            cr_expect_eq(hebb_array_at(&lower, i), far_places[k] > 0);
            cr_expect_eq(hebb_array_at(&upper, i), far_places[k] < 0);
        }
        hebb_array_free(&lower);
        hebb_array_free(&upper);
    }
    close_all(&f);
}

Test(corners, indices_beyond_their_dtype) {
    fixture f = open_cpu();
    hebb_tensor *long_axis = hebb_full(f.g, HEBB_F32, HEBB_SHAPE(((int64_t)1 << 31) + 1), 0);
    hebb_tensor *list = hebb_iota_like(long_axis, 0, HEBB_I32);
    hebb_tensor *some = hebb_slice(list, HEBB_RANGES({0, -1, HEBB_END, 1}));
    hebb_array out = {0};
    cr_expect_eq(hebb_run(f.s, HEBB_NO_FEED, HEBB_FETCH({some, &out})), HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(hebb_message(f.s), "goes to 2147483648, which i32 cannot hold"), "%s",
                       hebb_message(f.s));
    hebb_tensor *bytes = hebb_full(f.g, HEBB_F32, HEBB_SHAPE(128), 0);
    cr_expect_eq(hebb_run(f.s, HEBB_NO_FEED, HEBB_FETCH({hebb_iota_like(bytes, 0, HEBB_I8), &out})),
                 HEBB_OK, "%s", hebb_message(f.s));
    cr_expect_eq(hebb_array_at(&out, 127), 127);
    hebb_array_free(&out);
    close_all(&f);
}

Test(corners, einsum_with_the_most_axes) {
    fixture f = open_cpu();
    hebb_tensor *a = hebb_full(f.g, HEBB_F32, HEBB_SHAPE(2, 2, 2, 2, 2, 2, 3), 1);
    hebb_tensor *b = hebb_full(f.g, HEBB_F32, HEBB_SHAPE(4, 5, 2, 2, 2, 2, 2, 2), 2);
    hebb_tensor *y = hebb_einsum("abcdefg, . ..abcdef - > ...g", a, b);
    hebb_tensor *z = hebb_einsum("...abcdef,abcdefg->g...", b, a);
    hebb_array first = {0}, second = {0};
    cr_assert_eq(hebb_run(f.s, HEBB_NO_FEED, HEBB_FETCH({y, &first}, {z, &second})), HEBB_OK, "%s",
                 hebb_message(f.s));
    cr_expect(hebb_shape_equal(first.shape, HEBB_SHAPE(4, 5, 3)));
    cr_expect(hebb_shape_equal(second.shape, HEBB_SHAPE(3, 4, 5)));
    for (int64_t i = 0; i < 60; i++) {
        cr_expect_eq(hebb_array_at(&first, i), 128);
        cr_expect_eq(hebb_array_at(&second, i), 128);
    }
    hebb_array_free(&first);
    hebb_array_free(&second);
    close_all(&f);
}

/* All sizes differ, so that axes in another order would not go unnoticed. */
Test(corners, einsum_with_the_most_axes_keeps_their_order) {
    fixture f = open_cpu();
    hebb_tensor *a = hebb_full(f.g, HEBB_F32, HEBB_SHAPE(2, 3, 2, 1, 2, 1, 3), 1);
    hebb_tensor *b = hebb_full(f.g, HEBB_F32, HEBB_SHAPE(4, 5, 2, 3, 2, 1, 2, 1), 1);
    hebb_tensor *whole = hebb_full(f.g, HEBB_F32, HEBB_SHAPE(20), 0);
    hebb_tensor *rows =
        hebb_reshape(hebb_iota_like(whole, 0, HEBB_F32), HEBB_SHAPE(4, 5, 1, 1, 1, 1, 1, 1));
    hebb_tensor *y = hebb_einsum("abcdefg,...abcdef->g...", a, hebb_mul(b, rows));
    hebb_array out = {0};
    cr_assert_eq(hebb_run(f.s, HEBB_NO_FEED, HEBB_FETCH({y, &out})), HEBB_OK, "%s",
                 hebb_message(f.s));
    for (int64_t i = 0; i < 60; i++) cr_expect_eq(hebb_array_at(&out, i), 24 * (double)(i % 20));
    hebb_array_free(&out);
    close_all(&f);
}

/* ---- strides, dilations and padding near 2^31 ---- */

/* <dy, conv(x, w)> = <dx, x> = <dw, w> with dy = 1: convolution is linear in both. */
static void check_wide_convolution(hebb_device *device, hebb_shape xs, hebb_shape ws,
                                   const hebb_conv_options *o) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_variable(g, "x", HEBB_F32, xs, hebb_uniform(1, 2));
    hebb_tensor *w = hebb_variable(g, "w", HEBB_F32, ws, hebb_uniform(1, 2));
    hebb_tensor *y = hebb_conv_with(x, w, o), *d[2] = {NULL, NULL}, *sum[3];
    const double count = (double)hebb_shape_count(hebb_tensor_shape(y));
    if (hebb_failed(g) || count < 0 || count > 1e5) { /* refused, or of much padding alone */
        hebb_graph_destroy(g);
        return;
    }
    sum[0] = hebb_sum(y, HEBB_ALL_AXES, false);
    hebb_gradients(&sum[0], 1, (hebb_tensor *[]){x, w}, 2, NULL, d);
    sum[1] = hebb_sum(hebb_mul(d[0], x), HEBB_ALL_AXES, false);
    sum[2] = hebb_sum(hebb_mul(d[1], w), HEBB_ALL_AXES, false);
    cr_assert_not(hebb_failed(g), "%s", hebb_message(g));
    hebb_session *s = hebb_session_create(g, device, .seed = 1);
    hebb_array value[3] = {{0}, {0}, {0}};
    hebb_run(s, HEBB_NO_FEED,
             HEBB_FETCH({sum[0], &value[0]}, {sum[1], &value[1]}, {sum[2], &value[2]}));
    cr_expect_not(hebb_failed(s), "%s", hebb_message(s));
    for (int k = 1; k < 3 && !hebb_failed(s); k++) {
        const double a = hebb_array_item(&value[0]), b = hebb_array_item(&value[k]);
        cr_expect(fabs(a - b) <= 1e-4 * fabs(a), "%g, not %g: stride %lld, dilation %lld, pad %lld",
                  b, a, (long long)o->stride[0], (long long)o->dilation[0],
                  (long long)o->pad[0][0]);
    }
    for (int k = 0; k < 3; k++) hebb_array_free(&value[k]);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

static void check_wide_convolutions(hebb_device *device) {
    static const int64_t sizes[] = {1, 1 << 20, INT32_MAX};
    const hebb_shape xs[] = {HEBB_SHAPE(1, 1, 5, 5), HEBB_SHAPE(2, 24, 4, 6)};
    const hebb_shape ws[] = {HEBB_SHAPE(2, 1, 3, 3), HEBB_SHAPE(16, 24, 1, 2)};
    for (int i = 0; i < 2 * 3 * 3 * 3; i++) {
        const int64_t stride = sizes[i / 2 % 3], dilation = sizes[i / 6 % 3],
                      pad = sizes[i / 18] - 1;
        hebb_conv_options o = {.stride = {stride, stride}, .dilation = {dilation, dilation}};
        for (int d = 0; d < 2; d++) o.pad[d][0] = o.pad[d][1] = pad;
        check_wide_convolution(device, xs[i % 2], ws[i % 2], &o);
        if (pad > 0) continue;
        o.padding = HEBB_PADDING_SAME;
        check_wide_convolution(device, xs[i % 2], ws[i % 2], &o);
    }
}

Test(corners, convolutions_that_reach_far) {
    hebb_device *device = cpu_device();
    check_wide_convolutions(device);
    hebb_device_close(device);
}
Test(corners, convolutions_that_reach_far_on_opencl) {
    hebb_device *device = opencl_device();
    if (device == NULL) return;
    check_wide_convolutions(device);
    hebb_device_close(device);
}
