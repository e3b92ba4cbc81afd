/* Transposed copies of matrices in a batch, of sizes at and beside those of the vectors and blocks
   in which backends turn them around: every bit arrives, of every dtype. */
#include <string.h>

#include <criterion/criterion.h>

#include "support/devices.h"

static const int64_t sizes[] = {1, 3, 7, 8, 9, 15, 16, 17, 31, 63, 64, 65, 100, 130};
enum { SIZES = sizeof sizes / sizeof *sizes, BATCH = 3 };

/* Arbitrary bits, of which some are NaN if they are read as numbers; truths of one bit. */
static void fill(hebb_array *a, hebb_dtype dtype) {
    uint64_t state = 88172645463325252u;
    const size_t bytes = (size_t)hebb_array_count(a) * hebb_dtype_size(dtype);
    for (size_t i = 0; i < bytes; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        ((unsigned char *)a->data)[i] =
            (unsigned char)(dtype == HEBB_BOOL ? state >> 63 : state >> 56);
    }
}

static void expect_turned(const hebb_array *x, const hebb_array *y, int64_t m, int64_t n,
                          size_t size, const char *what) {
    const char *from = x->data, *to = y->data;
    for (int64_t b = 0; b < BATCH; b++)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++)
                cr_assert_eq(memcmp(from + (size_t)((b * m + i) * n + j) * size,
                                    to + (size_t)((b * n + j) * m + i) * size, size),
                             0, "%s: %d x %d, element (%d, %d, %d)", what, (int)m, (int)n, (int)b,
                             (int)i, (int)j);
}

static void check_dtype(const char *name, hebb_dtype dtype) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", dtype, HEBB_SHAPE(BATCH, HEBB_ANY, HEBB_ANY));
    hebb_tensor *y = hebb_transpose(x, (const int[]){0, 2, 1}, 3);
    hebb_session *s = hebb_session_create(g, kept_device(name));
    for (int i = 0; i < SIZES; i++)
        for (int j = 0; j < SIZES; j++) {
            hebb_array in = {0}, out = {0};
            cr_assert_eq(hebb_array_resize(&in, dtype, HEBB_SHAPE(BATCH, sizes[i], sizes[j])),
                         HEBB_OK);
            fill(&in, dtype);
            cr_assert_eq(hebb_run(s, HEBB_FEED({x, &in}), HEBB_FETCH({y, &out})), HEBB_OK, "%s",
                         hebb_message(s));
            expect_turned(&in, &out, sizes[i], sizes[j], hebb_dtype_size(dtype), name);
            hebb_array_free(&in);
            hebb_array_free(&out);
        }
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

Test(transposes, of_every_dtype_on_the_cpu) {
    const hebb_dtype dtypes[] = {HEBB_F32, HEBB_F64, HEBB_I32, HEBB_I64, HEBB_U8, HEBB_BOOL};
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) check_dtype("cpu", dtypes[i]);
}

Test(transposes, of_numbers_on_opencl) { check_dtype("opencl", HEBB_I32); }
