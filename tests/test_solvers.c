/* Which solver does a product on OpenCL when nobody says which, in either form of kernels: of those
   that others can do, too, the one that is made for it. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/devices.h"

static hebb_array ones(hebb_shape shape) {
    hebb_array a = {0};
    cr_assert_eq(hebb_array_resize(&a, HEBB_F32, shape), HEBB_OK);
    for (int64_t i = 0; i < hebb_array_count(&a); i++) ((float *)a.data)[i] = 1;
    return a;
}

static void init(void) {
    setenv("HEBB_CACHE", "never", 1);
    unsetenv("HEBB_GEMM");
    unsetenv("HEBB_TUNE");
}

TestSuite(solvers, .init = init);

/* The product is right, and done by that solver, or by another one. */
static void expect_solver(const char *form, int64_t m, int64_t k, int64_t n, const char *solver,
                          bool by_it) {
    setenv("HEBB_OPENCL_KERNELS", form, 1);
    hebb_device *device = opencl_device();
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *a = hebb_input(g, "a", HEBB_F32, HEBB_SHAPE(m, k));
    hebb_tensor *b = hebb_input(g, "b", HEBB_F32, HEBB_SHAPE(k, n));
    hebb_tensor *y = hebb_matmul(a, b);
    hebb_session *s = hebb_session_create(g, device);
    hebb_array x[] = {ones(HEBB_SHAPE(m, k)), ones(HEBB_SHAPE(k, n))}, result = {0};
    hebb_profile_row row;
    cr_assert_eq(hebb_session_profile(s, true), HEBB_OK);
    hebb_run(s, HEBB_FEED({a, &x[0]}, {b, &x[1]}), HEBB_FETCH({y, &result}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    for (int64_t i = 0; i < m * n; i++)
        cr_assert_eq(((float *)result.data)[i], (float)k, "element %d", (int)i);
    cr_assert_eq(hebb_session_profile_count(s), 1);
    cr_assert_eq(hebb_session_profile_row(s, 0, &row), HEBB_OK);
    cr_expect_eq(strcmp(row.solver, solver) == 0, by_it, "%s, %s: by %s", form, row.shapes,
                 row.solver);
    hebb_array_free(&result);
    for (int i = 0; i < 2; i++) hebb_array_free(&x[i]);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}

Test(solvers, short_ones_are_for_long_sums_of_few_results_on_gpus) {
    expect_solver("gpu", 16, 2048, 10, "short", true);
    expect_solver("gpu", 1, 1000, 30, "short", true);
    expect_solver("gpu", 40, 4, 40, "short", false);
}

Test(solvers, short_ones_are_not_for_processors) {
    expect_solver("cpu", 16, 2048, 10, "short", false);
    expect_solver("cpu", 1, 1000, 30, "short", false);
}
