/* What this machine, or its GPU, can do at best: arithmetic, and memory traffic. Called by main.c
   before the workloads, and in turn with each, because a shared machine is not the same twice. */
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

#include "workloads.h"

#define MEMORY_BYTES ((int64_t)64 << 20) /* of each array: as large as those of the workloads */

/* A workload that touches less than this finds its data in the caches at every repetition. Memory
   bandwidth is then no bound: the caches are faster by a factor that differs between machines, and
   a "bound" that can be beaten says nothing. Such a workload is charged for its arithmetic alone.
 */
#define CACHE_BYTES (32.0 * (1 << 20))

#define SHARE 0.2 /* of the time for which a workload is measured, for each speed */

#define HUGE_PAGE ((size_t)2 << 20)

typedef struct memory {
    char *from, *to;
    int threads;
    uint64_t sum; /* of a read, kept so that the reading is not optimized away */
} memory;

/* A large product, ours or OpenBLAS's. */
typedef struct product {
    const char *by;
    gemm_size size;
    prepared ours;
    openblas_product *theirs;
} product;

struct machine {
    bounds bounds;
    memory memory;
    hebb_device *cpu;
    product product; /* the fastest */
};

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

/* ---- products ---- */

static const char hebb[] = "Hebb", openblas[] = "OpenBLAS";

static void product_close(product *p) {
    if (p->by == hebb) workload_release(&p->ours);
    if (p->by == openblas) openblas_close(p->theirs);
    p->by = NULL;
}

static timed product_timed(product *p) {
    return p->by == hebb ? workload_timed(&p->ours) : openblas_timed(p->theirs);
}

static double product_speed(const product *p, double seconds) {
    return 2.0 * (double)p->size.m * (double)p->size.n * (double)p->size.k / seconds;
}

/* The machine keeps it if it is faster than the one before. */
static void consider(machine *m, product *p) {
    timed t = product_timed(p);
    const double flops = time_in_turn(&t, 1) ? product_speed(p, t.median) : 0;
    if (flops > m->bounds.flops) {
        product_close(&m->product);
        m->product = *p;
        m->bounds.flops = flops;
        m->bounds.flops_by = p->by;
    } else product_close(p);
}

/* None of the larger ones that takes longer than what is measured is measured for. */
static bool takes_too_long(const machine *m, int64_t n) {
    const double flops = 2.0 * (double)n * (double)n * (double)n;
    return m->bounds.flops > 0 && flops / m->bounds.flops > time_of_calls();
}

static void choose_product(machine *m, hebb_device *device, int64_t largest) {
    for (int64_t n = 1024; n <= largest && !takes_too_long(m, n); n *= 2) {
        product ours = {.by = hebb, .size = {1, n, n, n}};
        product_prepare(&ours.size, device, &ours.ours);
        consider(m, &ours);
        product theirs = {.by = openblas, .size = ours.size};
        if (m->bounds.threads > 0) theirs.theirs = openblas_open(&theirs.size, m->bounds.threads);
        if (theirs.theirs != NULL) consider(m, &theirs);
    }
}

/* ---- all of it ---- */

static bool open_processor(machine *m) {
    m->bounds.threads = 1;
#ifdef _OPENMP
    m->bounds.threads = omp_get_max_threads();
#endif
    m->memory = (memory){.from = large_array(), .to = large_array(), .threads = m->bounds.threads};
    m->cpu = hebb_device_open("cpu");
    choose_product(m, m->cpu, 2048);
    if (m->memory.from == NULL || m->memory.to == NULL || m->product.by == NULL) return false;
    timed things[MACHINE_TIMED];
    const size_t n = machine_timed(m, things);
    if (!time_in_turn(things, n)) return false;
    machine_update(m, things, n);
    return true;
}

static bool open_gpu(machine *m, hebb_device *gpu) {
    m->bounds.copy_bytes = hebb_copy_speed(gpu);
    m->bounds.read_bytes = hebb_read_speed(gpu);
    choose_product(m, gpu, 4096);
    product_close(&m->product); /* its speed is kept */
    return m->bounds.copy_bytes > 0 && m->bounds.flops > 0;
}

machine *machine_open(hebb_device *device) {
    machine *m = calloc(1, sizeof *m);
    if (m == NULL) return NULL;
    if (hebb_device_get_info(device).gpu ? open_gpu(m, device) : open_processor(m)) return m;
    machine_close(m);
    return NULL;
}

void machine_close(machine *m) {
    product_close(&m->product);
    hebb_device_close(m->cpu);
    free(m->memory.to);
    free(m->memory.from);
    free(m);
}

const bounds *machine_bounds(const machine *m) { return &m->bounds; }

size_t machine_timed(machine *m, timed *things) {
    if (m->bounds.threads == 0) return 0;
    things[0] = (timed){copy, NULL, &m->memory, .share = SHARE};
    things[1] = (timed){read_all, NULL, &m->memory, .share = SHARE};
    things[2] = product_timed(&m->product);
    things[2].share = SHARE;
    return MACHINE_TIMED;
}

void machine_update(machine *m, const timed *things, size_t n) {
    if (n < MACHINE_TIMED) return;
    m->bounds.copy_bytes = 2.0 * (double)MEMORY_BYTES / things[0].median;
    m->bounds.read_bytes = (double)MEMORY_BYTES / things[1].median;
    m->bounds.flops = product_speed(&m->product, things[2].median);
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
