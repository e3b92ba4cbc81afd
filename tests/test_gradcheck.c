/* The checker of gradients can fail: functions whose value is right and whose derivative is wrong,
   in each of the ways that a gradient rule can be. */
#include <criterion/criterion.h>

#include "support/devices.h"
#include "../checks/gradcheck.h"
#include "../checks/values.h"

/* y of x and b, where b [3] stretches to x [2, 3]. `zeros` is fed with zeros. */
typedef hebb_tensor *builder(hebb_tensor *x, hebb_tensor *b, hebb_tensor *zeros);

static hebb_tensor *right(hebb_tensor *x, hebb_tensor *b, hebb_tensor *zeros) {
    return hebb_mul(hebb_exp(x), b);
}

/* f(x) for its value, with k times its derivative. */
static hebb_tensor *scaled(hebb_tensor *f, double k) {
    hebb_tensor *fixed = hebb_stop_gradient(f);
    return hebb_add(fixed, hebb_mul(hebb_sub(f, fixed), hebb_scalar_like(f, k)));
}

static hebb_tensor *flipped(hebb_tensor *x, hebb_tensor *b, hebb_tensor *zeros) {
    return scaled(right(x, b, zeros), -1);
}

static hebb_tensor *slightly_too_large(hebb_tensor *x, hebb_tensor *b, hebb_tensor *zeros) {
    return scaled(right(x, b, zeros), 1.001);
}

static hebb_tensor *lost(hebb_tensor *x, hebb_tensor *b, hebb_tensor *zeros) {
    return hebb_mul(hebb_stop_gradient(hebb_exp(x)), b);
}

/* The square root of x times 0 has the derivative 0 times infinity. */
static hebb_tensor *not_a_number(hebb_tensor *x, hebb_tensor *b, hebb_tensor *zeros) {
    return hebb_add(right(x, b, zeros), hebb_sqrt(hebb_mul(hebb_abs(x), zeros)));
}

/* b stretches along the rows, but only the first row's share of its gradient arrives. */
static hebb_tensor *not_summed(hebb_tensor *x, hebb_tensor *b, hebb_tensor *zeros) {
    hebb_tensor *first = hebb_slice(right(x, b, zeros), HEBB_RANGES({0, 0, 1, 1}));
    return hebb_slice_scatter(right(x, hebb_stop_gradient(b), zeros), first,
                              HEBB_RANGES({0, 0, 1, 1}));
}

static gradcheck_report check(builder *build) {
    double x[2][3] = {{0.5, -1, 2}, {1.5, 0.25, -0.5}}, b[3] = {1, -2, 0.5}, none[2][3] = {{0}};
    double v[2][3] = {{1, -0.5, 0.75}, {-1.25, 0.5, 2}};
    hebb_array x_value = hebb_array_view(x, HEBB_F64, HEBB_SHAPE(2, 3));
    hebb_array b_value = hebb_array_view(b, HEBB_F64, HEBB_SHAPE(3));
    hebb_array zeros_value = hebb_array_view(none, HEBB_F64, HEBB_SHAPE(2, 3));
    hebb_array v_value = hebb_array_view(v, HEBB_F64, HEBB_SHAPE(2, 3));
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *tx = hebb_input(g, "x", HEBB_F64, x_value.shape);
    hebb_tensor *tb = hebb_input(g, "b", HEBB_F64, b_value.shape);
    hebb_tensor *zeros = hebb_input(g, "zeros", HEBB_F64, x_value.shape);
    hebb_tensor *tv = hebb_input(g, "v", HEBB_F64, v_value.shape);
    hebb_tensor *objective = hebb_sum(hebb_mul(tv, build(tx, tb, zeros)), HEBB_ALL_AXES, false),
                *gradients[2];
    hebb_gradients(&objective, 1, (hebb_tensor *[]){tx, tb}, 2, NULL, gradients);
    hebb_device *device = cpu_device();
    hebb_session *s = hebb_session_create(g, device);
    gradcheck_input inputs[] = {{tx, &x_value, gradients[0]},
                                {tb, &b_value, gradients[1]},
                                {zeros, &zeros_value, NULL},
                                {tv, &v_value, NULL}};
    cr_expect_not(hebb_failed(g), "%s", hebb_message(g));
    gradcheck_report report = gradcheck(s, objective, inputs, 4);
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(g);
    return report;
}

Test(gradcheck, passes_what_is_right) {
    gradcheck_report r = check(right);
    cr_expect(r.passed, "%s", r.message);
    cr_expect_eq(r.elements, 9);
}

static const struct {
    const char *name;
    builder *build;
} wrong[] = {
    {"a flipped sign", flipped},
    {"a factor of 1.001", slightly_too_large},
    {"a lost term", lost},
    {"a NaN", not_a_number},
    {"a missing sum over a stretched axis", not_summed},
};

Test(gradcheck, catches_what_is_wrong) {
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        gradcheck_report r = check(wrong[i].build);
        cr_expect_not(r.passed, "%s was not caught", wrong[i].name);
        /* Caught by its numbers, not because the run failed. */
        cr_expect_gt(r.elements, 0, "%s: %s", wrong[i].name, r.message);
    }
}

/* A gradient of another shape or dtype is none. */
Test(gradcheck, catches_a_wrong_shape) {
    double x[2] = {1, 2};
    hebb_array value = hebb_array_view(x, HEBB_F64, HEBB_SHAPE(2));
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *t = hebb_input(g, "x", HEBB_F64, HEBB_SHAPE(2));
    hebb_tensor *objective = hebb_sum(t, HEBB_ALL_AXES, false);
    hebb_device *device = cpu_device();
    hebb_session *s = hebb_session_create(g, device);
    hebb_tensor *bad[] = {hebb_full(g, HEBB_F64, HEBB_SCALAR, 1),
                          hebb_full(g, HEBB_F32, HEBB_SHAPE(2), 1)};
    for (int i = 0; i < 2; i++) {
        gradcheck_report r = gradcheck(s, objective, &(gradcheck_input){t, &value, bad[i]}, 1);
        cr_expect_not(r.passed, "case %d", i);
    }
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}
