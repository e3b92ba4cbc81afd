/* What the headers say of elementwise mathematics beside its values: errors, and gradients that do
   not exist. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/calc.h"

static void expect_error(hebb_graph *g, hebb_tensor *t, hebb_status status, const char *words) {
    cr_expect(hebb_tensor_is_inert(t), "no error, but %s", words);
    cr_expect_eq(hebb_graph_status(g), status, "%s", hebb_message(g));
    cr_expect_not_null(strstr(hebb_message(g), words), "%s", hebb_message(g));
    hebb_graph_destroy(g);
}

static hebb_tensor *vector_of(hebb_graph **g, hebb_dtype dtype) {
    *g = hebb_graph_create();
    return hebb_input(*g, "x", dtype, HEBB_SHAPE(3));
}

Test(errors, arguments) {
    hebb_graph *g;
    hebb_tensor *x = vector_of(&g, HEBB_F32);
    expect_error(g, hebb_clip(x, NAN, 1), HEBB_E_ARGUMENT, "NaN");
    x = vector_of(&g, HEBB_U8);
    expect_error(g, hebb_clip(x, -1, 1), HEBB_E_ARGUMENT, "u8");
    x = vector_of(&g, HEBB_F32);
    expect_error(g, hebb_log_softmax_loss(x, NULL), HEBB_E_NULL, "labels is NULL");
}

Test(gradients, of_the_first_operand_of_zeta_is_an_error) {
    hebb_graph *g;
    hebb_tensor *s = vector_of(&g, HEBB_F64), *q = hebb_scalar_like(s, 2);
    hebb_tensor *y = hebb_zeta(s, q);
    expect_error(g, hebb_gradient(y, s), HEBB_E_GRADIENT, "has none for its s");
}

/* lgamma, digamma, polygamma 1, 2, 3: each the derivative of the one before. */
Test(gradients, of_lgamma_of_order_four) {
    calc c = calc_open("cpu");
    hebb_tensor *x = VECTOR(c.graph, 0.7, 1, 2.5, 12), *y = hebb_lgamma(x);
    for (int k = 0; k < 4; k++) y = hebb_gradient(y, x);
    /* polygamma(3, 1) = pi^4 / 15; psi_3(2.5) = psi_3(0.5) - 6 (2^4 + (2/3)^4), psi_3(0.5) = pi^4
     */
    const double pi_4 = 97.409091034002437236;
    hebb_tensor *direct = hebb_polygamma(x, 3);
    hebb_tensor *difference = hebb_sub(hebb_div(y, direct), hebb_scalar_like(y, 1));
    EXPECT_VALUES(&c, difference, 1e-14, 0, 0, 0, 0);
    hebb_tensor *two = hebb_slice(y, HEBB_RANGES({0, 1, 3, 1}));
    EXPECT_VALUES(&c, two, 1e-12, pi_4 / 15, pi_4 - 6 * (16 + 16.0 / 81));
    calc_close(&c);
}

Test(values, an_infinite_bound_is_none) {
    calc c = calc_open("cpu");
    hebb_tensor *x = VECTOR(c.graph, -3, 0, 3);
    EXPECT_VALUES(&c, hebb_clip(x, -INFINITY, 1), 0, -3, 0, 1);
    EXPECT_VALUES(&c, hebb_clip(x, -1, INFINITY), 0, -1, 0, 3);
    EXPECT_VALUES(&c, hebb_clip(x, 2, 1), 0, 1, 1, 1);
    EXPECT_VALUES(&c, hebb_gradient(hebb_clip(x, -3, 2), x), 0, 0, 1, 0);
    calc_close(&c);
}

/* Those far from 0 among close ones, at the ends of vectors and of tiles: each element becomes what
   it becomes by itself. */
static void expect_apart(const char *device, hebb_tensor *(*f)(hebb_tensor *x),
                         double (*exact)(double x), hebb_dtype dtype, double allowed) {
    enum { COUNT = 3001 };
    calc c = calc_open(device);
    hebb_tensor *x = hebb_input(c.graph, "x", dtype, HEBB_SHAPE(COUNT));
    hebb_array mixed = hebb_array_zeros(dtype, HEBB_SHAPE(COUNT));
    hebb_array close = hebb_array_zeros(dtype, HEBB_SHAPE(COUNT));
    for (int i = 0; i < COUNT; i++) {
        const bool far = i % 331 == 0 || i == COUNT - 1;
        hebb_array_set(&mixed, i, far ? 3e6 + 1e5 * i : 0.37 * i - 500);
        hebb_array_set(&close, i, far ? 1 : 0.37 * i - 500);
    }
    hebb_tensor *y = f(x);
    hebb_array a = calc_fed(&c, x, &mixed, y, NULL), b = calc_fed(&c, x, &close, y, NULL);
    for (int i = 0; i < COUNT; i++) {
        const double got = hebb_array_at(&a, i), at = hebb_array_at(&mixed, i);
        cr_expect(fabs(got - exact(at)) <= allowed, "%g becomes %g", at, got);
        if (at == hebb_array_at(&close, i)) cr_expect_eq(got, hebb_array_at(&b, i));
    }
    hebb_array_free(&a);
    hebb_array_free(&b);
    hebb_array_free(&mixed);
    hebb_array_free(&close);
    calc_close(&c);
}

static hebb_tensor *rest(hebb_tensor *x) { return hebb_mod(x, hebb_scalar_like(x, 0.0078125)); }
static double exact_rest(double x) { return x - floor(x * 128) / 128; }

static void far_among_close(const char *device) {
    expect_apart(device, hebb_sin, sin, HEBB_F32, 2e-7);
    expect_apart(device, hebb_cos, cos, HEBB_F32, 2e-7);
    expect_apart(device, hebb_sin, sin, HEBB_F64, 3e-16);
    expect_apart(device, hebb_cos, cos, HEBB_F64, 3e-16);
    expect_apart(device, rest, exact_rest, HEBB_F32, 0);
}
Test(values, far_arguments_do_not_change_their_neighbors) { far_among_close("cpu"); }
Test(values, nor_do_they_on_opencl) { far_among_close("opencl"); }
