/* OpenBLAS as the peer of our matrix product: the only file that knows of it. Called by bounds.c
   and main.c. Without HEBB_HAVE_OPENBLAS there is no peer. */
#include "bench.h"

#ifdef HEBB_HAVE_OPENBLAS
#include <cblas.h>

typedef struct product {
    gemm_size size;
    hebb_array a, b, c;
} product;

static bool multiply(void *context) {
    const product *p = context;
    int m = (int)p->size.m, n = (int)p->size.n, k = (int)p->size.k;
    const float *a = p->a.data, *b = p->b.data;
    float *c = p->c.data;
    for (int64_t i = 0; i < p->size.batch; i++, a += m * k, b += k * n, c += m * n)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a, k, b, n, 0, c, n);
    return true;
}

static void fill(hebb_array *array) {
    float *values = array->data;
    for (int64_t i = 0; i < hebb_array_count(array); i++) values[i] = (float)(i % 17) / 17 - 0.5f;
}

timing openblas_gemm_time(const gemm_size *size, int threads) {
    product p = {
        .size = *size,
        .a = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(size->batch, size->m, size->k)),
        .b = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(size->batch, size->k, size->n)),
        .c = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(size->batch, size->m, size->n)),
    };
    timing time = {0, 0};
    if (p.a.data != NULL && p.b.data != NULL && p.c.data != NULL) {
        fill(&p.a);
        fill(&p.b);
        openblas_set_num_threads(threads);
        time = time_calls(multiply, NULL, &p);
    }
    hebb_array_free(&p.c);
    hebb_array_free(&p.b);
    hebb_array_free(&p.a);
    return time;
}

#else

timing openblas_gemm_time(const gemm_size *size, int threads) {
    (void)size;
    (void)threads;
    return (timing){0, 0};
}

#endif
