/* Reductions of rows whose lengths are at, below and above those of the blocks in which backends
   reduce, and of columns of as many: NaN stays wherever it is, infinities are what they are, and
   sums are exact of numbers whose sums are. */
#include <math.h>

#include <criterion/criterion.h>

#include "support/devices.h"

enum { ROWS = 6, RESULTS = 5 };

static const int64_t lengths[] = {1,   15,  16,  17,  64,  100,  127,  128, 129,
                                  192, 255, 256, 257, 511, 1024, 1030, 5000};

/* Row 0 is plain; the others have a number that decides at one place. */
static double element(int64_t row, int64_t j, int64_t place, bool real) {
    const double plain = (double)((row * 31 + j * 17) % 101 - 50);
    if (j != place || row == 0) return plain;
    if (!real) return row % 2 != 0 ? 1000 + (double)row : -1000 - (double)row;
    const double numbers[ROWS] = {0, NAN, INFINITY, -INFINITY, 4096, -4096};
    return numbers[row];
}

static hebb_array filled(hebb_dtype dtype, int64_t columns, int64_t place) {
    hebb_array a = {0};
    cr_assert_eq(hebb_array_resize(&a, dtype, HEBB_SHAPE(ROWS, columns)), HEBB_OK);
    for (int64_t i = 0; i < ROWS * columns; i++) {
        const double x = element(i / columns, i % columns, place, dtype == HEBB_F32);
        if (dtype == HEBB_F32) ((float *)a.data)[i] = (float)x;
        else ((int32_t *)a.data)[i] = (int32_t)x;
    }
    return a;
}

/* The largest, the smallest and the sum of a row; NaN if one is. */
static void expected_of(const hebb_array *a, int64_t row, int64_t columns, double *expected) {
    double most = -INFINITY, least = INFINITY, sum = 0;
    for (int64_t j = 0; j < columns; j++) {
        const double x = hebb_array_at(a, row * columns + j);
        most = x > most || isnan(x) ? x : most;
        least = x < least || isnan(x) ? x : least;
        sum += x;
        if (isnan(x)) break;
    }
    expected[0] = most;
    expected[1] = least;
    expected[2] = sum;
}

static bool equal(double x, double y) { return x == y || (isnan(x) && isnan(y)); }

static void check_rows(const hebb_array *a, const hebb_array *got, int64_t columns,
                       const char *device) {
    const char *what[] = {"largest", "smallest", "sum"};
    for (int64_t row = 0; row < ROWS; row++) {
        double expected[3];
        expected_of(a, row, columns, expected);
        for (int k = 0; k < 3; k++)
            cr_expect(equal(hebb_array_at(&got[k], row), expected[k]),
                      "%s, %s of row %d of %d: %g, not %g", device, what[k], (int)row, (int)columns,
                      hebb_array_at(&got[k], row), expected[k]);
    }
}

/* What is kept of a row and summed, too: exponentials, over all points. */
static void check_softmax(const hebb_array *y, int64_t columns, const char *device) {
    double sum = 0;
    for (int64_t j = 0; j < columns; j++) sum += hebb_array_at(y, j);
    cr_expect(fabs(sum - 1) < 1e-5, "%s: softmax of %d adds up to %g", device, (int)columns, sum);
    for (int64_t j = 0; j < columns; j++)
        cr_expect(isnan(hebb_array_at(y, columns + j)), "%s: softmax of NaN", device);
}

static void check_dtype(const char *name, hebb_dtype dtype) {
    static const int axis[] = {1};
    const int n = dtype == HEBB_F32 ? 4 : 3;
    hebb_graph *g = hebb_graph_create();
    hebb_device *device = kept_device(name);
    hebb_tensor *x = hebb_input(g, "x", dtype, HEBB_SHAPE(ROWS, HEBB_ANY));
    hebb_tensor *y[RESULTS] = {hebb_max(x, axis, 1, false), hebb_min(x, axis, 1, false),
                               hebb_sum(x, axis, 1, false)};
    if (n == 4) y[3] = hebb_softmax(x);
    hebb_session *s = hebb_session_create(g, device);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int64_t k = 0; k < 3; k++) {
            hebb_array a = filled(dtype, lengths[i], k * (lengths[i] - 1) / 2),
                       got[RESULTS] = {{0}};
            hebb_fetch fetches[RESULTS];
            for (int r = 0; r < n; r++) fetches[r] = (hebb_fetch){y[r], &got[r]};
            cr_assert_eq(hebb_run(s, HEBB_FEED({x, &a}), fetches, (size_t)n), HEBB_OK, "%s",
                         hebb_message(s));
            check_rows(&a, got, lengths[i], name);
            if (n == 4) check_softmax(&got[3], lengths[i], name);
            for (int r = 0; r < n; r++) hebb_array_free(&got[r]);
            hebb_array_free(&a);
        }
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

Test(reductions, of_rows_of_all_lengths_on_the_cpu) {
    check_dtype("cpu", HEBB_F32);
    check_dtype("cpu", HEBB_I32);
}

Test(reductions, of_rows_of_all_lengths_on_opencl) {
    check_dtype("opencl", HEBB_F32);
    check_dtype("opencl", HEBB_I32);
}

/* ---- columns ---- */

static const int64_t matrices[][2] = {{3, 5000},   {9, 1030},   {64, 129},   {130, 4100},
                                      {257, 1024}, {300, 9000}, {1000, 200}, {5000, 37}};

static void check_columns(const char *device, const hebb_array *a, const hebb_array got[3]) {
    const int64_t rows = a->shape.dim[0], columns = a->shape.dim[1];
    for (int64_t j = 0; j < columns; j++) {
        double sum = 0, squares = 0, most = -INFINITY;
        for (int64_t i = 0; i < rows; i++) {
            const double x = hebb_array_at(a, i * columns + j);
            sum += x;
            squares += x * x;
            most = x > most || isnan(x) ? x : most;
            if (isnan(x)) break;
        }
        const double expected[3] = {sum, squares, most};
        for (int k = 0; k < 3; k++)
            cr_assert(equal(hebb_array_at(&got[k], j), expected[k]),
                      "%s, result %d of column %d of %d x %d: %g, not %g", device, k, (int)j,
                      (int)rows, (int)columns, hebb_array_at(&got[k], j), expected[k]);
    }
}

/* Each result by a plan of its own, as sums alone are made otherwise than with others. Column j has
   a NaN at row j, if there is one, in every third. */
static void check_matrices(const char *name) {
    static const int axis[] = {0};
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY));
    hebb_tensor *y[3] = {hebb_sum(x, axis, 1, false), hebb_sum(hebb_mul(x, x), axis, 1, false),
                         hebb_max(x, axis, 1, false)};
    hebb_session *s = hebb_session_create(g, kept_device(name));
    for (size_t m = 0; m < sizeof matrices / sizeof *matrices; m++) {
        const int64_t rows = matrices[m][0], columns = matrices[m][1];
        hebb_array a = {0}, got[3] = {{0}};
        cr_assert_eq(hebb_array_resize(&a, HEBB_F32, HEBB_SHAPE(rows, columns)), HEBB_OK);
        for (int64_t i = 0; i < rows * columns; i++)
            ((float *)a.data)[i] = (float)((i / columns * 31 + i % columns * 17) % 41 - 20);
        for (int64_t i = 0; i < rows && i < columns; i += 3)
            ((float *)a.data)[i * (columns + 1)] = NAN;
        for (int k = 0; k < 3; k++)
            cr_assert_eq(hebb_run(s, HEBB_FEED({x, &a}), HEBB_FETCH({y[k], &got[k]})), HEBB_OK,
                         "%s", hebb_message(s));
        check_columns(name, &a, got);
        for (int k = 0; k < 3; k++) hebb_array_free(&got[k]);
        hebb_array_free(&a);
    }
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

Test(reductions, of_columns_on_the_cpu) { check_matrices("cpu"); }
Test(reductions, of_columns_on_opencl) { check_matrices("opencl"); }
