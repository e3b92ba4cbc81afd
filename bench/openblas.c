/* OpenBLAS as the peer of our matrix product: the only file that knows of it. Called by bounds.c
   and main.c. Without HEBB_HAVE_OPENBLAS there is no peer. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#ifdef HEBB_HAVE_OPENBLAS
#include <cblas.h>

/* OpenBLAS 0.3.21 does not know processors that are younger, and takes some with AVX-512 for a
   Prescott of 2004, with a quarter of the speed. It reads the variable before main() begins. */
void openblas_choose_kernels(char **argv) {
#if defined(__x86_64__) && defined(__linux__)
    const char *core = openblas_get_corename();
    const bool wide = strcmp(core, "SkylakeX") == 0 || strcmp(core, "Cooperlake") == 0 ||
                      strcmp(core, "SapphireRapids") == 0;
    if (wide || getenv("OPENBLAS_CORETYPE") != NULL || !__builtin_cpu_supports("avx512f") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512vl"))
        return;
    if (setenv("OPENBLAS_CORETYPE", "SkylakeX", 1) == 0) (void)execv("/proc/self/exe", argv);
#else
    (void)argv;
#endif
}

const char *openblas_kernels(void) { return openblas_get_corename(); }

struct openblas_product {
    gemm_size size;
    hebb_array a, b, c;
};

static bool multiply(void *context) {
    const openblas_product *p = context;
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

openblas_product *openblas_open(const gemm_size *size, int threads) {
    openblas_product *p = calloc(1, sizeof *p);
    if (p == NULL) return NULL;
    *p = (openblas_product){
        .size = *size,
        .a = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(size->batch, size->m, size->k)),
        .b = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(size->batch, size->k, size->n)),
        .c = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(size->batch, size->m, size->n)),
    };
    if (p->a.data == NULL || p->b.data == NULL || p->c.data == NULL) {
        openblas_close(p);
        return NULL;
    }
    fill(&p->a);
    fill(&p->b);
    openblas_set_num_threads(threads);
    return p;
}

timed openblas_timed(openblas_product *p) { return (timed){multiply, NULL, p, .share = 1}; }

void openblas_close(openblas_product *p) {
    if (p == NULL) return;
    hebb_array_free(&p->c);
    hebb_array_free(&p->b);
    hebb_array_free(&p->a);
    free(p);
}

#else

void openblas_choose_kernels(char **argv) { (void)argv; }

const char *openblas_kernels(void) { return NULL; }

openblas_product *openblas_open(const gemm_size *size, int threads) {
    (void)size;
    (void)threads;
    return NULL;
}

timed openblas_timed(openblas_product *p) {
    (void)p;
    return (timed){0};
}

void openblas_close(openblas_product *p) { (void)p; }

#endif
