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
