/* What hebb_gradients() and the ops promise about derivatives beside their values at smooth points:
   kinks and ties, branches not taken, accumulation, cotangents, what is constant, and errors. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/calc.h"

/* ---- kinks and ties ---- */

Test(kinks, absolute_value_has_derivative_0_at_0) {
    calc c = calc_open("cpu");
    hebb_tensor *x = VECTOR(c.graph, -2, 0, 3);
    EXPECT_VALUES(&c, hebb_gradient(hebb_abs(x), x), 0, -1, 0, 1);
    calc_close(&c);
}

Test(kinks, relu_has_derivative_0_at_0) {
    calc c = calc_open("cpu");
    hebb_tensor *x = VECTOR(c.graph, -2, 0, 3);
    EXPECT_VALUES(&c, hebb_gradient(hebb_relu(x), x), 0, 0, 0, 1);
    calc_close(&c);
}

Test(kinks, elu_has_none_and_selu_at_0_the_slope_below) {
    calc c = calc_open("cpu");
    const double scale = 1.0507009873554805, alpha = 1.6732632423543772;
    hebb_tensor *x = VECTOR(c.graph, 0, 3, -1);
    EXPECT_VALUES(&c, hebb_gradient(hebb_elu(x), x), 1e-15, 1, 1, exp(-1));
    EXPECT_VALUES(&c, hebb_gradient(hebb_celu(x), x), 1e-15, 1, 1, exp(-1));
    EXPECT_VALUES(&c, hebb_gradient(hebb_selu(x), x), 1e-15, scale * alpha, scale,
                  scale * alpha * exp(-1));
    calc_close(&c);
}

Test(kinks, equal_operands_of_maximum_and_minimum_give_to_the_second) {
    calc c = calc_open("cpu");
    hebb_tensor *a = VECTOR(c.graph, 1, 2, 3), *b = VECTOR(c.graph, 1, 3, 2);
    hebb_tensor *most = hebb_maximum(a, b), *least = hebb_minimum(a, b);
    EXPECT_VALUES(&c, hebb_gradient(most, a), 0, 0, 0, 1);
    EXPECT_VALUES(&c, hebb_gradient(most, b), 0, 1, 1, 0);
    EXPECT_VALUES(&c, hebb_gradient(least, a), 0, 0, 1, 0);
    EXPECT_VALUES(&c, hebb_gradient(least, b), 0, 1, 0, 1);
    calc_close(&c);
}

Test(kinks, equal_largest_elements_share) {
    calc c = calc_open("cpu");
    hebb_tensor *x = VECTOR(c.graph, 5, 1, 5, 0);
    EXPECT_VALUES(&c, hebb_gradient(hebb_max(x, HEBB_ALL_AXES, false), x), 1e-15, 0.5, 0, 0.5, 0);
    hebb_tensor *y = VECTOR(c.graph, 2, 2, 2, 7);
    EXPECT_VALUES(&c, hebb_gradient(hebb_min(y, HEBB_ALL_AXES, false), y), 1e-15, 1. / 3, 1. / 3,
                  1. / 3, 0);
    calc_close(&c);
}

Test(kinks, branch_not_taken_leaks_no_nan) {
    calc c = calc_open("cpu");
    hebb_tensor *x = VECTOR(c.graph, -1, 4, -2), *zero = hebb_scalar_like(x, 0);
    hebb_tensor *bad = VECTOR(c.graph, NAN, INFINITY, 3), *take = hebb_less(x, zero);
    hebb_tensor *y = hebb_select(take, bad, hebb_log(x));
    hebb_tensor *z = hebb_select(take, x, bad);
    EXPECT_VALUES(&c, y, 1e-15, NAN, log(4), 3);
    EXPECT_VALUES(&c, hebb_gradient(y, x), 1e-15, 0, 0.25, 0);
    EXPECT_VALUES(&c, z, 0, -1, INFINITY, -2);
    EXPECT_VALUES(&c, hebb_gradient(z, x), 0, 1, 0, 1);
    EXPECT_VALUES(&c, hebb_gradient(z, bad), 0, 0, 1, 0);
    calc_close(&c);
}

Test(kinks, index_out_of_range_receives_nothing) {
    calc c = calc_open("cpu");
    int32_t at[] = {2, -1, 0, 7, 2};
    hebb_array index = hebb_array_view(at, HEBB_I32, HEBB_SHAPE(5));
    hebb_tensor *x = VECTOR(c.graph, 1, 2, 3);
    hebb_tensor *y = hebb_gather(x, hebb_constant(c.graph, &index));
    EXPECT_VALUES(&c, y, 0, 3, NAN, 1, NAN, 3);
    EXPECT_VALUES(&c, hebb_gradient(y, x), 0, 1, 0, 2);
    calc_close(&c);
}

/* Far into the tails the derivatives are those of the limits, not NaN. */
Test(kinks, tails_of_sigmoid_softplus_and_tanh_are_finite) {
    calc c = calc_open("cpu");
    hebb_tensor *x = VECTOR(c.graph, -1e4, 1e4);
    EXPECT_VALUES(&c, hebb_gradient(hebb_sigmoid(x), x), 1e-15, 0, 0);
    EXPECT_VALUES(&c, hebb_gradient(hebb_softplus(x), x), 1e-15, 0, 1);
    EXPECT_VALUES(&c, hebb_gradient(hebb_tanh(x), x), 1e-15, 0, 0);
    calc_close(&c);
}

/* ---- what is summed ---- */

Test(sums, every_use_of_x_counts) {
    calc c = calc_open("cpu");
    hebb_tensor *x = VECTOR(c.graph, 3, -2);
    hebb_tensor *y = hebb_add(hebb_mul(x, x), hebb_mul(x, hebb_scalar_like(x, 5)));
    EXPECT_VALUES(&c, hebb_gradient(y, x), 1e-15, 11, 1);
    calc_close(&c);
}

Test(sums, several_ys_and_cotangents) {
    calc c = calc_open("cpu");
    hebb_tensor *x = VECTOR(c.graph, 3, -2);
    hebb_tensor *ys[] = {hebb_square(x), hebb_neg(x)}, *gradient;
    hebb_tensor *cotangents[] = {VECTOR(c.graph, 10, 100), NULL};
    cr_expect_eq(hebb_gradients(ys, 2, &x, 1, cotangents, &gradient), HEBB_OK);
    EXPECT_VALUES(&c, gradient, 1e-15, 59, -401);
    cr_expect_eq(hebb_gradients(ys, 2, &x, 1, NULL, &gradient), HEBB_OK);
    EXPECT_VALUES(&c, gradient, 1e-15, 5, -5);
    calc_close(&c);
}

Test(sums, the_same_x_twice_gets_the_same_gradient) {
    calc c = calc_open("cpu");
    hebb_tensor *x = VECTOR(c.graph, 3, -2), *y = hebb_square(x);
    hebb_tensor *xs[] = {x, x}, *gradients[2];
    cr_expect_eq(hebb_gradients(&y, 1, xs, 2, NULL, gradients), HEBB_OK);
    EXPECT_VALUES(&c, gradients[0], 0, 6, -4);
    EXPECT_VALUES(&c, gradients[1], 0, 6, -4);
    calc_close(&c);
}

Test(sums, of_a_tensor_by_itself_is_ones) {
    calc c = calc_open("cpu");
    hebb_tensor *x = VECTOR(c.graph, 3, -2);
    EXPECT_VALUES(&c, hebb_gradient(x, x), 0, 1, 1);
    calc_close(&c);
}

/* The gradient by a tensor in the middle of an expression counts only what comes after it. */
Test(sums, of_an_intermediate_tensor) {
    calc c = calc_open("cpu");
    hebb_tensor *x = VECTOR(c.graph, 2, 3), *h = hebb_square(x), *y = hebb_mul(h, x);
    EXPECT_VALUES(&c, hebb_gradient(y, h), 1e-15, 2, 3);
    EXPECT_VALUES(&c, hebb_gradient(y, x), 1e-15, 12, 27);
    calc_close(&c);
}

Test(sums, third_derivative) {
    calc c = calc_open("cpu");
    hebb_tensor *x = VECTOR(c.graph, 2, -1), *y = hebb_mul(hebb_square(x), hebb_square(x));
    for (int k = 0; k < 3; k++) y = hebb_gradient(y, x);
    EXPECT_VALUES(&c, y, 1e-14, 48, -24);
    calc_close(&c);
}

/* The gradient by x, a tensor of ones, of the sum of x times b [3, 1, 2], which has 1 to 6. */
static void expect_summed(hebb_shape sizes, hebb_shape fed, const double *expected) {
    calc c = calc_open("cpu");
    double ones[] = {1, 1, 1, 1, 1, 1};
    hebb_array value = hebb_array_view(ones, HEBB_F64, fed);
    hebb_tensor *x = hebb_input(c.graph, "x", HEBB_F64, sizes);
    hebb_tensor *b = hebb_reshape(VECTOR(c.graph, 1, 2, 3, 4, 5, 6), HEBB_SHAPE(3, 1, 2));
    hebb_array gradient = calc_fed(&c, x, &value, hebb_gradient(hebb_matmul(x, b), x), NULL);
    cr_assert(hebb_shape_equal(gradient.shape, fed));
    for (int64_t k = 0; k < hebb_array_count(&gradient); k++)
        cr_expect_float_eq(hebb_array_at(&gradient, k), expected[k], 1e-12, "%d", (int)k);
    hebb_array_free(&gradient);
    calc_close(&c);
}

/* What an op needs x's open size to be, the gradient knows; which others were stretched, only the
   run. */
Test(sums, over_what_was_stretched_of_an_open_shape) {
    const double all[] = {21, 21}, each[] = {3, 3, 7, 7, 11, 11};
    expect_summed(HEBB_SHAPE(2, HEBB_ANY), HEBB_SHAPE(2, 1), all);
    expect_summed(HEBB_SHAPE(HEBB_ANY, 2, HEBB_ANY), HEBB_SHAPE(1, 2, 1), all);
    expect_summed(HEBB_SHAPE(HEBB_ANY, 2, HEBB_ANY), HEBB_SHAPE(3, 2, 1), each);
}

/* ---- what is constant ---- */

Test(constants, have_zero_gradients) {
    calc c = calc_open("cpu");
    hebb_tensor *x = VECTOR(c.graph, 3, -2), *other = VECTOR(c.graph, 1, 2, 3);
    EXPECT_VALUES(&c, hebb_gradient(hebb_exp(x), other), 0, 0, 0, 0);
    EXPECT_VALUES(&c, hebb_gradient(hebb_exp(hebb_stop_gradient(x)), x), 0, 0, 0);
    hebb_tensor *whole = hebb_cast(hebb_cast(x, HEBB_I32), HEBB_F64);
    EXPECT_VALUES(&c, hebb_gradient(whole, x), 0, 0, 0);
    hebb_tensor *positive = hebb_cast(hebb_greater(x, hebb_scalar_like(x, 0)), HEBB_F64);
    EXPECT_VALUES(&c, hebb_gradient(positive, x), 0, 0, 0);
    calc_close(&c);
}

Test(constants, casts_between_floats_pass_gradients) {
    calc c = calc_open("cpu");
    hebb_tensor *x = VECTOR(c.graph, 3, -2);
    hebb_tensor *y = hebb_square(hebb_cast(x, HEBB_F32)), *gradient = hebb_gradient(y, x);
    cr_expect_eq(hebb_tensor_dtype(gradient), HEBB_F64);
    EXPECT_VALUES(&c, gradient, 1e-7, 6, -4);
    calc_close(&c);
}

/* ---- errors ---- */

typedef struct asked {
    hebb_tensor *y, *x, *cotangent;
} asked;

static void expect_error(hebb_graph *g, asked a, hebb_status status, const char *part) {
    hebb_tensor *gradient = NULL;
    cr_expect_eq(
        hebb_gradients(&a.y, 1, &a.x, 1, a.cotangent == NULL ? NULL : &a.cotangent, &gradient),
        status);
    cr_expect(hebb_tensor_is_inert(gradient));
    cr_expect_eq(hebb_graph_status(g), status, "%s", hebb_message(g));
    cr_expect_not_null(strstr(hebb_message(g), part), "'%s' is not in '%s'", part, hebb_message(g));
    hebb_graph_destroy(g);
}

Test(errors, integers_have_no_gradient) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *n = hebb_input(g, "n", HEBB_I32, HEBB_SHAPE(2));
    expect_error(g, (asked){n, n, NULL}, HEBB_E_DTYPE, "i32");
}

Test(errors, an_integer_x_has_no_gradient) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *n = hebb_input(g, "n", HEBB_I32, HEBB_SHAPE(2));
    expect_error(g, (asked){hebb_cast(n, HEBB_F32), n, NULL}, HEBB_E_DTYPE, "i32");
}

Test(errors, an_op_without_a_rule_is_named) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(2));
    hebb_tensor *v = hebb_variable(g, "v", HEBB_F32, HEBB_SHAPE(2), hebb_zeros());
    expect_error(g, (asked){hebb_assign(v, hebb_exp(x)), x, NULL}, HEBB_E_GRADIENT, "assign");
}

Test(errors, a_cotangent_must_have_the_shape_of_y) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(2));
    hebb_tensor *wrong = hebb_input(g, "w", HEBB_F32, HEBB_SHAPE(3));
    expect_error(g, (asked){hebb_exp(x), x, wrong}, HEBB_E_SHAPE, "[3]");
}

Test(errors, a_cotangent_must_have_the_dtype_of_y) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(2));
    hebb_tensor *wrong = hebb_input(g, "w", HEBB_F64, HEBB_SHAPE(2));
    expect_error(g, (asked){hebb_exp(x), x, wrong}, HEBB_E_DTYPE, "f64");
}

Test(errors, x_of_another_graph) {
    hebb_graph *g = hebb_graph_create(), *other = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(2));
    hebb_tensor *z = hebb_input(other, "z", HEBB_F32, HEBB_SHAPE(2));
    expect_error(g, (asked){hebb_exp(x), z, NULL}, HEBB_E_GRAPH, "");
    hebb_graph_destroy(other);
}

Test(errors, null_and_inert_are_accepted) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(2)), *gradient = x;
    cr_expect_neq(hebb_gradients(NULL, 1, &x, 1, NULL, &gradient), HEBB_OK);
    cr_expect_neq(hebb_gradients(&x, 1, NULL, 1, NULL, &gradient), HEBB_OK);
    cr_expect_neq(hebb_gradients(&x, 1, &x, 1, NULL, NULL), HEBB_OK);
    cr_expect(hebb_tensor_is_inert(hebb_gradient(NULL, x)));
    cr_expect(hebb_tensor_is_inert(hebb_gradient(x, NULL)));
    hebb_graph_destroy(g);
}

Test(gradient_rules, reach_what_no_constant_hides) {
    hebb_graph *g = hebb_graph_create(), *other = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(3));
    hebb_tensor *n = hebb_input(g, "n", HEBB_I32, HEBB_SHAPE(3));
    hebb_tensor *stopped = hebb_stop_gradient(hebb_exp(x));
    cr_expect(hebb_gradient_reaches(x, x));
    cr_expect(hebb_gradient_reaches(hebb_exp(hebb_mul(x, x)), x));
    cr_expect(hebb_gradient_reaches(hebb_add(stopped, x), x), "by another path");
    cr_expect_not(hebb_gradient_reaches(hebb_exp(stopped), x));
    cr_expect_not(hebb_gradient_reaches(hebb_floor(x), x));
    cr_expect_not(hebb_gradient_reaches(hebb_cast(n, HEBB_F32), n), "no gradient of integers");
    cr_expect_not(hebb_gradient_reaches(x, hebb_exp(x)), "made later");
    cr_expect_not(hebb_gradient_reaches(hebb_input(other, "y", HEBB_F32, HEBB_SHAPE(3)), x));
    cr_expect_not(hebb_gradient_reaches(NULL, x));
    cr_expect_not(hebb_gradient_reaches(x, NULL));
    cr_expect_eq(hebb_graph_status(g), HEBB_OK);
    hebb_graph_destroy(other);
    hebb_graph_destroy(g);
}
