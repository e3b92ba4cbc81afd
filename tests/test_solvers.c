/* Which solver does a step: a product on OpenCL when nobody says which, in either form of kernels,
   the one of several that is made for it, long sums in parts; a convolution's gradient on the CPU,
   the same one for any number of threads. */
#include <math.h>
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

/* ---- long sums ---- */

/* Small whole numbers, so that sums are exact in any order. */
static hebb_array digits(hebb_shape shape, int of) {
    hebb_array a = ones(shape);
    for (int64_t i = 0; i < hebb_array_count(&a); i++)
        ((float *)a.data)[i] = (float)(i * 7919 % of) - (float)(of / 2);
    return a;
}

/* [batch, m, k] by [batch, k, n], each as it is or a view of its transpose, plus a row. */
static void expect_long_sums(int64_t batch, int64_t m, int64_t k, int64_t n, int turned) {
    static const int turn[] = {0, 2, 1};
    hebb_device *device = opencl_device();
    hebb_graph *g = hebb_graph_create();
    const hebb_shape sa = turned & 1 ? HEBB_SHAPE(batch, k, m) : HEBB_SHAPE(batch, m, k);
    const hebb_shape sb = turned & 2 ? HEBB_SHAPE(batch, n, k) : HEBB_SHAPE(batch, k, n);
    hebb_tensor *a = hebb_input(g, "a", HEBB_F32, sa), *b = hebb_input(g, "b", HEBB_F32, sb);
    hebb_tensor *row = hebb_input(g, "row", HEBB_F32, HEBB_SHAPE(n));
    hebb_tensor *y = hebb_add(hebb_matmul(turned & 1 ? hebb_transpose(a, turn, 3) : a,
                                          turned & 2 ? hebb_transpose(b, turn, 3) : b),
                              row);
    hebb_array x[] = {digits(sa, 5), digits(sb, 7), digits(HEBB_SHAPE(n), 11)}, result = {0};
    hebb_session *s = hebb_session_create(g, device);
    hebb_run(s, HEBB_FEED({a, &x[0]}, {b, &x[1]}, {row, &x[2]}), HEBB_FETCH({y, &result}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    const float *p = x[0].data, *q = x[1].data, *r = x[2].data, *got = result.data;
    for (int64_t i = 0; i < batch * m * n; i++) {
        const int64_t z = i / n / m, u = i / n % m, v = i % n;
        double sum = r[v];
        for (int64_t l = 0; l < k; l++)
            sum += p[z * m * k + (turned & 1 ? l * m + u : u * k + l)] *
                   q[z * k * n + (turned & 2 ? v * k + l : l * n + v)];
        cr_assert_eq(got[i], (float)sum, "%d x %d x %d x %d, %d: element %d is %g, not %g",
                     (int)batch, (int)m, (int)k, (int)n, turned, (int)i, (double)got[i], sum);
    }
    hebb_array_free(&result);
    for (int i = 0; i < 3; i++) hebb_array_free(&x[i]);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}

Test(solvers, sums_in_parts_on_processors) {
    static const int64_t sizes[][4] = {{1, 1, 20000, 1},  {1, 1, 2049, 40},  {1, 40, 5000, 1},
                                       {1, 3, 33000, 10}, {1, 33, 2048, 65}, {1, 130, 4100, 7},
                                       {3, 5, 3000, 9},   {4, 9, 2500, 70}};
    setenv("HEBB_OPENCL_KERNELS", "cpu", 1);
    setenv("HEBB_GEMM", "vector", 1);
    for (size_t c = 0; c < sizeof sizes / sizeof *sizes; c++)
        for (int turned = 0; turned < 4; turned++)
            expect_long_sums(sizes[c][0], sizes[c][1], sizes[c][2], sizes[c][3], turned);
    unsetenv("HEBB_GEMM");
}

/* ---- any number of threads ---- */

/* The gradient by a convolution's filters of 3 x 3, or of 4 x 4 at a stride of 2, from numbers
   whose sums are not exact. */
static hebb_array filters_gradient(const int64_t sizes[5], int stride, int threads) {
    const int64_t taps = stride + 2;
    const hebb_shape image = HEBB_SHAPE(sizes[0], sizes[1], stride * (sizes[3] - 1) + taps,
                                        stride * (sizes[4] - 1) + taps);
    const hebb_shape gradient = HEBB_SHAPE(sizes[0], sizes[2], sizes[3], sizes[4]);
    hebb_device *device = cpu_device();
    cr_assert_eq(hebb_device_set_threads(device, threads), HEBB_OK);
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, image), *dy = hebb_input(g, "dy", 0, gradient);
    hebb_tensor *w = hebb_full(g, HEBB_F32, HEBB_SHAPE(sizes[2], sizes[1], taps, taps), 0);
    hebb_array xs[] = {ones(image), ones(gradient)}, result = {0};
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < hebb_array_count(&xs[k]); i++)
            ((float *)xs[k].data)[i] = (float)sin((double)(i * (k + 3)));
    hebb_session *s = hebb_session_create(g, device);
    hebb_run(s, HEBB_FEED({x, &xs[0]}, {dy, &xs[1]}),
             HEBB_FETCH({hebb_conv_weight(x, dy, w, .stride = {stride, stride}), &result}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    for (int k = 0; k < 2; k++) hebb_array_free(&xs[k]);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
    return result;
}

Test(solvers, of_convolutions_do_not_depend_on_the_number_of_threads) {
    static const int64_t cases[][5] = {{1, 17, 2, 224, 20}, {1, 8, 16, 20, 20},  {1, 16, 4, 56, 20},
                                       {1, 33, 1, 56, 56},  {2, 32, 17, 56, 20}, {4, 8, 2, 20, 20}};
    const size_t count = sizeof cases / sizeof *cases;
    for (size_t k = 0; k < 2 * count; k++) {
        const int stride = k < count ? 1 : 2;
        hebb_array one = filters_gradient(cases[k % count], stride, 1);
        for (int threads = 2; threads <= 18; threads += 4) {
            hebb_array many = filters_gradient(cases[k % count], stride, threads);
            cr_expect(memcmp(one.data, many.data, hebb_array_bytes(&one)) == 0,
                      "case %d at stride %d with %d threads", (int)(k % count), stride, threads);
            hebb_array_free(&many);
        }
        hebb_array_free(&one);
    }
}
