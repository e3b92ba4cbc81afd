/* Transposed copies of matrices in a batch, of sizes at and beside those of the vectors and blocks
   in which backends turn them around: every bit arrives, of every dtype. And transposed operands
   beside others, large enough to be turned around before a loop reads them. */
#include <string.h>

#include <criterion/criterion.h>

#include "support/devices.h"

#define N_OF(array) (int)(sizeof(array) / sizeof *(array))
static const int64_t all_sizes[] = {1, 3, 7, 8, 9, 15, 16, 17, 31, 63, 64, 65, 100, 130};
static const int64_t large_sizes[] = {149, 160, 193}; /* OpenCL's processors turn them in tiles */
static const hebb_dtype dtypes[] = {HEBB_F32, HEBB_F64,  HEBB_I32, HEBB_I64,
                                    HEBB_U8,  HEBB_BOOL, HEBB_F16};
enum { BATCH = 3 };

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

static void check_sizes(const char *name, hebb_dtype dtype, const int64_t *sizes, int n) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", dtype, HEBB_SHAPE(BATCH, HEBB_ANY, HEBB_ANY));
    hebb_tensor *y = hebb_transpose(x, (const int[]){0, 2, 1}, 3);
    hebb_session *s = hebb_session_create(g, kept_device(name));
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
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
    for (int i = 0; i < N_OF(dtypes); i++)
        check_sizes("cpu", dtypes[i], all_sizes, N_OF(all_sizes));
}

Test(transposes, of_numbers_on_opencl) {
    check_sizes("opencl", HEBB_I32, all_sizes, N_OF(all_sizes));
}

Test(transposes, of_every_dtype_on_opencl) {
    for (int i = 0; i < N_OF(dtypes); i++)
        check_sizes("opencl", dtypes[i], large_sizes, N_OF(large_sizes));
}

/* ---- beside other operands ---- */

enum { M = 301, N = 450 };

static float at(const hebb_array *x, int64_t i) { return ((const float *)x->data)[i]; }

/* Small whole numbers, whose sums are exact. */
static hebb_array numbers(hebb_shape shape) {
    hebb_array x = hebb_array_zeros(HEBB_F32, shape);
    for (int64_t i = 0; i < hebb_array_count(&x); i++)
        ((float *)x.data)[i] = (float)(i * 7919 % 257 - 128);
    return x;
}

/* a, of [BATCH, M, N], plus the transposes of b, of [BATCH, N, M], and of c, of [N, M] and the same
   in the whole batch; that; its cast to another dtype; and its sums along either axis. */
static void check_operands(const char *name) {
    static const int turned[] = {0, 2, 1};
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *a = hebb_input(g, "a", HEBB_F32, HEBB_SHAPE(BATCH, M, N));
    hebb_tensor *b = hebb_input(g, "b", HEBB_F32, HEBB_SHAPE(BATCH, N, M));
    hebb_tensor *c = hebb_input(g, "c", HEBB_F32, HEBB_SHAPE(N, M));
    hebb_tensor *y = hebb_add(hebb_add(a, hebb_transpose(b, turned, 3)),
                              hebb_transpose(c, (const int[]){1, 0}, 2));
    hebb_tensor *along = hebb_sum(y, HEBB_AXES(2), false), *down = hebb_sum(y, HEBB_AXES(1), false);
    hebb_session *s = hebb_session_create(g, kept_device(name));
    hebb_array in[] = {numbers(HEBB_SHAPE(BATCH, M, N)), numbers(HEBB_SHAPE(BATCH, N, M)),
                       numbers(HEBB_SHAPE(N, M))};
    for (int run = 0; run < 2; run++) {
        hebb_array out[4] = {{0}};
        hebb_run(s, HEBB_FEED({a, &in[0]}, {b, &in[1]}, {c, &in[2]}),
                 HEBB_FETCH({run == 0 ? y : hebb_cast(y, HEBB_I32), &out[0]}, {along, &out[1]},
                            {down, &out[2]}));
        cr_assert(!hebb_failed(s), "%s", hebb_message(s));
        for (int64_t k = 0; k < BATCH; k++)
            for (int64_t i = 0; i < M; i++) {
                float sum = 0;
                for (int64_t j = 0; j < N; j++) {
                    const float wanted = at(&in[0], (k * M + i) * N + j) +
                                         at(&in[1], (k * N + j) * M + i) + at(&in[2], j * M + i);
                    sum += wanted;
                    cr_assert_eq(hebb_array_at(&out[0], (k * M + i) * N + j), wanted);
                }
                cr_assert_eq(at(&out[1], k * M + i), sum);
            }
        for (int64_t k = 0; k < BATCH; k++)
            for (int64_t j = 0; j < N; j++) {
                double sum = 0;
                for (int64_t i = 0; i < M; i++)
                    sum += (double)at(&in[0], (k * M + i) * N + j) +
                           (double)at(&in[1], (k * N + j) * M + i) + (double)at(&in[2], j * M + i);
                cr_assert_eq((double)at(&out[2], k * N + j), sum);
            }
        for (int k = 0; k < 3; k++) hebb_array_free(&out[k]);
    }
    for (int k = 0; k < 3; k++) hebb_array_free(&in[k]);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

Test(transposes, of_operands_beside_others_on_the_cpu) { check_operands("cpu"); }
Test(transposes, of_operands_beside_others_on_opencl) { check_operands("opencl"); }

/* The result lies across most of the operands. */
static void check_result(const char *name) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *a = hebb_input(g, "a", HEBB_F32, HEBB_SHAPE(M, N));
    hebb_tensor *b = hebb_input(g, "b", HEBB_F32, HEBB_SHAPE(M, N));
    hebb_tensor *y = hebb_transpose(hebb_sub(hebb_mul(a, b), a), (const int[]){1, 0}, 2);
    hebb_session *s = hebb_session_create(g, kept_device(name));
    hebb_array in = numbers(HEBB_SHAPE(M, N)), out = {0};
    hebb_run(s, HEBB_FEED({a, &in}, {b, &in}), HEBB_FETCH({y, &out}));
    cr_assert(!hebb_failed(s), "%s", hebb_message(s));
    for (int64_t i = 0; i < M; i++)
        for (int64_t j = 0; j < N; j++) {
            const float x = at(&in, i * N + j);
            cr_assert_eq(at(&out, j * M + i), x * x - x);
        }
    hebb_array_free(&in);
    hebb_array_free(&out);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

Test(transposes, of_results_on_the_cpu) { check_result("cpu"); }
Test(transposes, of_results_on_opencl) { check_result("opencl"); }
