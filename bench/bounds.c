/* What this machine, or its GPU, can do at best: arithmetic, and memory traffic. Called by main.c
   before the workloads and again after each, because a shared machine is not the same twice. The
   fastest pass counts: a bound is what the machine can do undisturbed. */
#define _GNU_SOURCE /* madvise */
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif
#ifdef _OPENMP
#include <omp.h>
#endif
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "bench.h"

#define MEMORY_BYTES ((int64_t)64 << 20) /* of each array: as large as those of the workloads */

/* A workload that touches less than this finds its data in the caches at every repetition. Memory
   bandwidth is then no bound: the caches are faster by a factor that differs between machines, and
   a "bound" that can be beaten says nothing. Such a workload is charged for its arithmetic alone.
 */
#define CACHE_BYTES (32.0 * (1 << 20))

#define REFRESH_SECONDS 0.1 /* for each speed, after its warm-up */

#define HUGE_PAGE ((size_t)2 << 20)

typedef struct memory {
    char *from, *to;
    int threads;
    uint64_t sum; /* of a read, kept so that the reading is not optimized away */
} memory;

/* Filled with ones. Pages are large where the system has them, as those of a device's memory are:
   with small ones, reading takes a tenth longer. */
static char *large_array(void) {
    char *array = aligned_alloc(HUGE_PAGE, MEMORY_BYTES);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (array != NULL) (void)madvise(array, MEMORY_BYTES, MADV_HUGEPAGE); /* a wish */
#endif
    if (array != NULL) memset(array, 1, MEMORY_BYTES);
    return array;
}

/* Past the caches: a store that reads what it overwrites moves half as much again. What memcpy()
   does depends on the size of the caches, of which a virtual machine may be told anything. */
static void copy_part(char *to, const char *from, int64_t bytes) {
#ifdef __SSE2__
    for (int64_t i = 0; i < bytes; i += (int64_t)sizeof(__m128i))
        _mm_stream_si128((__m128i *)(void *)(to + i),
                         _mm_load_si128((const __m128i *)(const void *)(from + i)));
    _mm_sfence();
#else
    memcpy(to, from, (size_t)bytes);
#endif
}

static bool copy(void *context) {
    const memory *m = context;
    int64_t part = MEMORY_BYTES / m->threads / 64 * 64;
#pragma omp parallel for num_threads(m->threads)
    for (int i = 0; i < m->threads; i++)
        copy_part(m->to + i * part, m->from + i * part,
                  i + 1 < m->threads ? part : MEMORY_BYTES - i * part);
    return true;
}

/* In vectors as long as the processor has them, and as many sums as it takes for none to wait for
   its last addition: with one of 128 bits, a Zen 5 reads at half its speed. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
static uint64_t
sum_part(const uint64_t *values, int64_t count) {
    enum { SUMS = 64 };
    uint64_t sums[SUMS] = {0}, sum = 0;
    int64_t i = 0;
    for (; i + SUMS <= count; i += SUMS)
        for (int k = 0; k < SUMS; k++) sums[k] += values[i + k];
    for (; i < count; i++) sum += values[i];
    for (int k = 0; k < SUMS; k++) sum += sums[k];
    return sum;
}

static bool read_all(void *context) {
    memory *m = context;
    const uint64_t *values = (const uint64_t *)(const void *)m->from;
    const int64_t count = MEMORY_BYTES / (int64_t)sizeof *values, part = count / m->threads;
    uint64_t sum = 0;
#pragma omp parallel for num_threads(m->threads) reduction(+ : sum)
    for (int i = 0; i < m->threads; i++)
        sum += sum_part(values + i * part, i + 1 < m->threads ? part : count - i * part);
    m->sum += sum;
    return true;
}

static void measure_memory(bounds *b) {
    memory m = {.from = large_array(), .to = large_array(), .threads = b->threads};
    if (m.from != NULL && m.to != NULL) {
        b->copy_bytes = 2.0 * (double)MEMORY_BYTES / time_calls(copy, NULL, &m).fastest;
        b->read_bytes = (double)MEMORY_BYTES / time_calls(read_all, NULL, &m).fastest;
    }
    free(m.to);
    free(m.from);
}

static void consider(bounds *b, const gemm_size *size, double seconds, const char *by) {
    const double flops = 2.0 * (double)size->m * (double)size->n * (double)size->k;
    if (seconds <= 0 || flops / seconds <= b->flops) return;
    b->flops = flops / seconds;
    b->flops_by = by;
    b->product = *size;
}

static const char hebb[] = "Hebb", openblas[] = "OpenBLAS";

static void measure_product(bounds *b, const gemm_size *size, const char *by, hebb_device *device) {
    const timing time =
        by == hebb ? hebb_gemm_time(size, device) : openblas_gemm_time(size, b->threads);
    consider(b, size, time.fastest, by);
}

static void measure_flops(bounds *b, hebb_device *device, int64_t largest) {
    for (int64_t n = 1024; n <= largest; n *= 2) {
        const gemm_size size = {1, n, n, n};
        measure_product(b, &size, hebb, device);
        if (b->threads > 0) measure_product(b, &size, openblas, device);
    }
}

static void measure_processor(bounds *b) {
    b->threads = 1;
#ifdef _OPENMP
    b->threads = omp_get_max_threads();
#endif
    measure_memory(b);
    hebb_device *cpu = hebb_device_open("cpu");
    measure_flops(b, cpu, 2048);
    hebb_device_close(cpu);
}

static void measure_gpu(bounds *b, hebb_device *gpu) {
    b->copy_bytes = hebb_copy_speed(gpu);
    b->read_bytes = hebb_read_speed(gpu);
    measure_flops(b, gpu, 4096);
}

bool bounds_measure(bounds *b, hebb_device *device) {
    *b = (bounds){0};
    if (hebb_device_get_info(device).gpu) measure_gpu(b, device);
    else measure_processor(b);
    return b->copy_bytes > 0 && b->flops > 0;
}

void bounds_refresh(bounds *b) {
    if (b->threads == 0) return;
    bounds now = {.threads = b->threads};
    const double before = time_calls_for(REFRESH_SECONDS);
    measure_memory(&now);
    hebb_device *cpu = hebb_device_open("cpu");
    measure_product(&now, &b->product, b->flops_by, cpu);
    hebb_device_close(cpu);
    time_calls_for(before);
    if (now.copy_bytes > 0 && now.flops > 0) *b = now;
}

static double larger(double a, double b) { return a > b ? a : b; }

bounds bounds_of_both(const bounds *a, const bounds *b) {
    bounds both = a->flops > b->flops ? *a : *b;
    both.copy_bytes = larger(a->copy_bytes, b->copy_bytes);
    both.read_bytes = larger(a->read_bytes, b->read_bytes);
    return both;
}

double bounds_seconds(const bounds *b, const work *w) {
    double arithmetic = w->flops / b->flops;
    if (w->read_bytes + w->written_bytes <= CACHE_BYTES) return arithmetic;
    /* Where reading and writing go on side by side, a copy reads no slower than a sum does, and a
       workload that reads more than it writes waits for what it reads. */
    const bool only_reads = 8 * w->written_bytes < w->read_bytes;
    const double copying = only_reads ? 0 : (w->read_bytes + w->written_bytes) / b->copy_bytes;
    const double reading = w->read_bytes / b->read_bytes;
    const double traffic = copying > reading ? copying : reading;
    return traffic > arithmetic ? traffic : arithmetic;
}
