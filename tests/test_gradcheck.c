/* hebb_gradcheck(): that it passes what is right and catches functions whose value is right and
   whose derivative is wrong, in each of the ways that a gradient rule can be, in f64 and in f32, on
   both backends; what its report says; what it leaves as it was; its errors. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/devices.h"
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

/* ---- one check ---- */

typedef struct bench {
    hebb_graph *g;
    hebb_device *device;
    hebb_session *s;
} bench;

static bench bench_open(hebb_device *device) {
    bench b = {.g = hebb_graph_create(), .device = device};
    b.s = hebb_session_create(b.g, device, .seed = 3);
    return b;
}

static void bench_close(bench *b) {
    hebb_session_destroy(b->s);
    hebb_device_close(b->device);
    hebb_graph_destroy(b->g);
}

static const double x_numbers[6] = {0.5, -1, 2, 1.5, 0.25, -0.5}, b_numbers[3] = {1, -2, 0.5};

static hebb_array array_of(hebb_dtype dtype, hebb_shape shape, const double *numbers) {
    values v = values_make(dtype, shape);
    for (int64_t i = 0; i < v.count; i++) v.at[i].f = numbers != NULL ? numbers[i] : 0;
    return values_to_array(&v);
}

static hebb_gradcheck_report check(builder *build, hebb_dtype dtype, hebb_device *device) {
    bench on = bench_open(device);
    hebb_array x_value = array_of(dtype, HEBB_SHAPE(2, 3), x_numbers);
    hebb_array b_value = array_of(dtype, HEBB_SHAPE(3), b_numbers);
    hebb_array none = array_of(dtype, HEBB_SHAPE(2, 3), NULL);
    hebb_tensor *x = hebb_input(on.g, "x", dtype, HEBB_SHAPE(HEBB_ANY, 3));
    hebb_tensor *b = hebb_input(on.g, "b", dtype, HEBB_SHAPE(3));
    hebb_tensor *zeros = hebb_input(on.g, "zeros", dtype, HEBB_SHAPE(HEBB_ANY, 3));
    hebb_gradcheck_report r;
    hebb_status status =
        hebb_gradcheck(build(x, b, zeros), HEBB_TENSORS(x, b),
                       HEBB_FEED({x, &x_value}, {b, &b_value}, {zeros, &none}), on.s, &r);
    cr_expect_eq(status, HEBB_OK, "%s", r.message);
    for (int i = 0; i < 6; i++)
        cr_expect_eq(hebb_array_at(&x_value, i), x_numbers[i], "the fed value was changed");
    bench_close(&on);
    return r;
}

static void passes(hebb_dtype dtype, hebb_device *device) {
    hebb_gradcheck_report r = check(right, dtype, device);
    cr_expect(r.passed, "%s", r.message);
    cr_expect_eq(r.elements, 9);
    cr_expect_not_null(r.input);
    cr_expect(fabs(r.analytic - r.numeric) <= r.allowed);
    cr_expect(r.condition > 0 && isfinite(r.condition));
    cr_expect_not_null(strstr(r.message, "passed, 9 compared"), "%s", r.message);
}

static const struct {
    const char *name;
    builder *build;
    bool exact; /* too small an error for f32 */
} wrong[] = {
    {"a flipped sign", flipped, false},
    {"a factor of 1.001", slightly_too_large, true},
    {"a lost term", lost, false},
    {"a NaN", not_a_number, false},
    {"a missing sum over a stretched axis", not_summed, false},
};

static void catches(hebb_dtype dtype, const char *device) {
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (dtype == HEBB_F32 && wrong[i].exact) continue;
        hebb_gradcheck_report r = check(wrong[i].build, dtype, device_named(device));
        cr_expect_not(r.passed, "%s was not caught", wrong[i].name);
        /* Caught by its numbers, not because the run failed. */
        cr_expect_gt(r.elements, 0, "%s: %s", wrong[i].name, r.message);
    }
}

Test(gradcheck, passes_what_is_right) { passes(HEBB_F64, cpu_device()); }
Test(gradcheck, passes_what_is_right_in_f32) { passes(HEBB_F32, cpu_device()); }
Test(gradcheck, passes_what_is_right_on_opencl) { passes(HEBB_F64, opencl_device()); }
Test(gradcheck, passes_what_is_right_in_f32_on_opencl) { passes(HEBB_F32, opencl_device()); }
Test(gradcheck, catches_what_is_wrong) { catches(HEBB_F64, "cpu"); }
Test(gradcheck, catches_what_is_wrong_in_f32) { catches(HEBB_F32, "cpu"); }
Test(gradcheck, catches_what_is_wrong_in_f32_on_opencl) { catches(HEBB_F32, "opencl"); }

/* ---- the report ---- */

/* One element of many has the wrong sign; the report points at it. */
Test(gradcheck, names_the_worst_element) {
    bench on = bench_open(cpu_device());
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_F64, HEBB_SHAPE(2, 3));
    hebb_tensor *part = hebb_slice(x, HEBB_RANGES({0, 1, 2, 1}, {1, 2, 3, 1}));
    hebb_tensor *y = hebb_slice_scatter(hebb_square(x), scaled(hebb_square(part), -1),
                                        HEBB_RANGES({0, 1, 2, 1}, {1, 2, 3, 1}));
    hebb_array value = array_of(HEBB_F64, HEBB_SHAPE(2, 3), x_numbers);
    hebb_gradcheck_report r;
    cr_expect_eq(hebb_gradcheck(y, HEBB_TENSORS(x), HEBB_FEED({x, &value}), on.s, &r), HEBB_OK);
    cr_expect_not(r.passed);
    cr_expect_eq(r.input, x);
    cr_expect_eq(r.index, 5);
    cr_expect_eq(r.x, x_numbers[5]);
    cr_expect(fabs(r.analytic + r.numeric) < 1e-6, "%g %g", r.analytic, r.numeric);
    cr_expect_not_null(strstr(r.message, "x[1, 2] = -0.5"), "%s", r.message);
    bench_close(&on);
}

/* Large inputs in f32 are moved along directions, and one element in a thousand still shows. */
Test(gradcheck, directions) {
    bench on = bench_open(cpu_device());
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_F32, HEBB_SHAPE(20, 50));
    hebb_tensor *w = hebb_input(on.g, "w", HEBB_F32, HEBB_SHAPE(50, 30));
    hebb_tensor *y = hebb_tanh(hebb_matmul(x, w));
    hebb_gradcheck_report r;
    hebb_gradcheck_options few = {.directions = 5, .seed = 11};
    hebb_gradcheck_with(y, HEBB_TENSORS(x, w), HEBB_NO_FEED, on.s, &few, &r);
    cr_expect(r.passed, "%s", r.message);
    cr_expect_eq(r.elements, 10);
    cr_expect_eq(r.index, -1);
    hebb_tensor *part = hebb_slice(x, HEBB_RANGES({1, 7, 9, 1}));
    hebb_tensor *bad = hebb_slice_scatter(hebb_square(x), scaled(hebb_square(part), -1),
                                          HEBB_RANGES({1, 7, 9, 1}));
    hebb_gradcheck(bad, HEBB_TENSORS(x), HEBB_NO_FEED, on.s, &r);
    cr_expect_not(r.passed);
    cr_expect_not_null(strstr(r.message, "x along a direction"), "%s", r.message);
    bench_close(&on);
}

/* A gradient of another shape or dtype is none. */
Test(gradcheck, catches_a_wrong_shape) {
    bench on = bench_open(cpu_device());
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_F64, HEBB_SHAPE(2));
    hebb_tensor *y = hebb_sum(x, HEBB_ALL_AXES, false);
    hebb_tensor *claimed[] = {hebb_full(on.g, HEBB_F64, HEBB_SCALAR, 1),
                              hebb_full(on.g, HEBB_F32, HEBB_SHAPE(2), 1),
                              hebb_full(on.g, HEBB_F64, HEBB_SHAPE(2), 1)};
    for (int i = 0; i < 3; i++) {
        hebb_gradcheck_report r;
        hebb_gradcheck_options given = {.gradients = &claimed[i]};
        cr_expect_eq(hebb_gradcheck_with(y, HEBB_TENSORS(x), HEBB_NO_FEED, on.s, &given, &r),
                     HEBB_OK);
        cr_expect_eq(r.passed, i == 2, "case %d: %s", i, r.message);
    }
    bench_close(&on);
}

/* ---- what is left as it was ---- */

Test(gradcheck, variables_and_random_ops) {
    bench on = bench_open(cpu_device());
    hebb_tensor *w = hebb_variable(on.g, "w", HEBB_F64, HEBB_SHAPE(4), hebb_normal(0, 1));
    hebb_tensor *f = hebb_variable(on.g, "f", HEBB_F32, HEBB_SHAPE(40), hebb_normal(0, 1));
    hebb_tensor *y = hebb_mul(hebb_exp(w), hebb_random_uniform_like(w));
    hebb_tensor *z = hebb_mul(hebb_tanh(f), hebb_random_uniform_like(f));
    hebb_array before[2] = {{0}}, after[2] = {{0}};
    hebb_session_get(on.s, w, &before[0]);
    hebb_session_get(on.s, f, &before[1]);
    hebb_session_set_step(on.s, 7);
    hebb_gradcheck_report r;
    hebb_gradcheck(y, HEBB_TENSORS(w), HEBB_NO_FEED, on.s, &r);
    cr_expect(r.passed && r.elements == 4, "%s", r.message);
    hebb_gradcheck(z, HEBB_TENSORS(f), HEBB_NO_FEED, on.s, &r);
    cr_expect(r.passed && r.elements == 16, "%s", r.message);
    cr_expect_eq(hebb_session_step(on.s), 7);
    hebb_session_get(on.s, w, &after[0]);
    hebb_session_get(on.s, f, &after[1]);
    cr_expect_eq(memcmp(before[0].data, after[0].data, hebb_array_bytes(&before[0])), 0);
    cr_expect_eq(memcmp(before[1].data, after[1].data, hebb_array_bytes(&before[1])), 0);
    for (int k = 0; k < 2; k++) {
        hebb_array_free(&before[k]);
        hebb_array_free(&after[k]);
    }
    bench_close(&on);
}

Test(gradcheck, nothing_to_compare) {
    bench on = bench_open(cpu_device());
    for (int k = 0; k < 2; k++) {
        hebb_tensor *x = hebb_input(on.g, NULL, k == 0 ? HEBB_F64 : HEBB_F32, HEBB_SHAPE(0, 3));
        hebb_gradcheck_report r;
        cr_expect_eq(hebb_gradcheck(hebb_exp(x), HEBB_TENSORS(x), HEBB_NO_FEED, on.s, &r), HEBB_OK);
        cr_expect(r.passed && r.elements == 0 && r.input == NULL, "%s", r.message);
    }
    bench_close(&on);
}

/* `most` and NaN leave elements out. */
Test(gradcheck, chosen_elements) {
    bench on = bench_open(cpu_device());
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_F64, HEBB_SHAPE(100));
    hebb_tensor *y = hebb_slice(x, HEBB_RANGES({0, 0, HEBB_END, 2}));
    hebb_array value = hebb_array_zeros(HEBB_F64, HEBB_SHAPE(100));
    for (int i = 1; i < 100; i += 2) ((double *)value.data)[i] = NAN;
    hebb_gradcheck_report r;
    hebb_gradcheck(hebb_exp(y), HEBB_TENSORS(x), HEBB_FEED({x, &value}), on.s, &r);
    cr_expect(r.passed && r.elements == 50, "%zu: %s", r.elements, r.message);
    hebb_gradcheck_options few = {.most = 10};
    hebb_gradcheck_with(hebb_exp(x), HEBB_TENSORS(x), HEBB_NO_FEED, on.s, &few, &r);
    cr_expect(r.passed && r.elements == 10, "%zu: %s", r.elements, r.message);
    hebb_array_free(&value);
    bench_close(&on);
}

/* ---- errors ---- */

Test(gradcheck, errors) {
    bench on = bench_open(cpu_device());
    hebb_graph *other = hebb_graph_create();
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_F64, HEBB_SHAPE(2));
    hebb_tensor *open = hebb_input(on.g, "open", HEBB_F64, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *count = hebb_input(on.g, "count", HEBB_I32, HEBB_SHAPE(2));
    hebb_tensor *far = hebb_input(other, "far", HEBB_F64, HEBB_SHAPE(2));
    hebb_tensor *y = hebb_exp(x), *group = hebb_group(on.g, &y, 1);
    hebb_array wide = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(2));
    hebb_gradcheck_options negative = {.step = -1};
    hebb_gradcheck_report r;
    hebb_tensor *none = NULL;
    const struct {
        hebb_status expected, got;
    } all[] = {
        {HEBB_E_NULL, hebb_gradcheck(y, HEBB_TENSORS(x), HEBB_NO_FEED, on.s, NULL)},
        {HEBB_E_NULL, hebb_gradcheck(NULL, HEBB_TENSORS(x), HEBB_NO_FEED, on.s, &r)},
        {HEBB_E_NULL, hebb_gradcheck(y, HEBB_TENSORS(x), HEBB_NO_FEED, NULL, &r)},
        {HEBB_E_NULL, hebb_gradcheck(y, HEBB_TENSORS(none), HEBB_NO_FEED, on.s, &r)},
        {HEBB_E_NULL, hebb_gradcheck(y, HEBB_TENSORS(x), HEBB_FEED({x, NULL}), on.s, &r)},
        {HEBB_E_NULL, hebb_gradcheck(y, HEBB_TENSORS(x), NULL, 1, on.s, &r)},
        {HEBB_E_ARGUMENT, hebb_gradcheck(y, &x, 0, HEBB_NO_FEED, on.s, &r)},
        {HEBB_E_ARGUMENT, hebb_gradcheck(y, HEBB_TENSORS(y), HEBB_NO_FEED, on.s, &r)},
        {HEBB_E_ARGUMENT, hebb_gradcheck(y, HEBB_TENSORS(x, x), HEBB_NO_FEED, on.s, &r)},
        {HEBB_E_ARGUMENT, hebb_gradcheck(group, HEBB_TENSORS(x), HEBB_NO_FEED, on.s, &r)},
        {HEBB_E_ARGUMENT,
         hebb_gradcheck_with(y, HEBB_TENSORS(x), HEBB_NO_FEED, on.s, &negative, &r)},
        {HEBB_E_DTYPE, hebb_gradcheck(count, HEBB_TENSORS(x), HEBB_NO_FEED, on.s, &r)},
        {HEBB_E_DTYPE, hebb_gradcheck(y, HEBB_TENSORS(count), HEBB_NO_FEED, on.s, &r)},
        {HEBB_E_DTYPE, hebb_gradcheck(y, HEBB_TENSORS(x), HEBB_FEED({x, &wide}), on.s, &r)},
        {HEBB_E_GRAPH, hebb_gradcheck(y, HEBB_TENSORS(far), HEBB_NO_FEED, on.s, &r)},
        {HEBB_E_GRAPH, hebb_gradcheck(y, HEBB_TENSORS(open), HEBB_NO_FEED, on.s, &r)},
        {HEBB_E_GRAPH, hebb_gradcheck(hebb_add(y, open), HEBB_TENSORS(x), HEBB_NO_FEED, on.s, &r)},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        cr_expect_eq(all[i].got, all[i].expected, "case %zu: %s", i, hebb_status_name(all[i].got));
    cr_expect_not_null(strstr(r.message, "open"), "%s", r.message);
    cr_expect_not(r.passed);
    cr_expect_not(hebb_failed(on.g), "%s", hebb_message(on.g));
    hebb_array_free(&wide);
    hebb_graph_destroy(other);
    bench_close(&on);
}

Test(gradcheck, a_failed_graph) {
    bench on = bench_open(cpu_device());
    hebb_tensor *x = hebb_input(on.g, "x", HEBB_F64, HEBB_SHAPE(2));
    hebb_tensor *y = hebb_matmul(x, x);
    hebb_gradcheck_report r;
    cr_expect_eq(hebb_gradcheck(y, HEBB_TENSORS(x), HEBB_NO_FEED, on.s, &r), HEBB_E_SHAPE);
    cr_expect_not_null(strstr(r.message, "matmul"), "%s", r.message);
    bench_close(&on);
}
