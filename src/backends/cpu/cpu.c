/* The CPU backend's table of functions: its one device, its buffers, and plans of steps. What a
   step does is its solver's business (loop.c, gemm.c, indexed.c). */
#define _GNU_SOURCE /* sched_getaffinity */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/mman.h>
#endif
#include "code/code.h"
#include "cpu.h"
#include "rows/joined.h"

enum {
    ALIGNMENT = 64,
    HUGE_PAGE = 2 << 20,  /* buffers of several of these ask for huge pages */
    BORROW_ALIGNMENT = 8, /* the largest element's */
    MOST_THREADS = 1024,
};

/* ---- the device ---- */

/* Those that this process may use, which in a container are not all there are. */
static int cores(void) {
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
#endif
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 && online < MOST_THREADS ? (int)online : 1;
}

static int64_t l2_bytes(void) {
#ifdef _SC_LEVEL2_CACHE_SIZE
    const long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (bytes > 0) return bytes;
#endif
    return 1 << 20;
}

/* The variable by which users of other numerical programs set it, too. */
static int default_threads(void) {
    const char *value = getenv("OMP_NUM_THREADS");
    const long wanted = value ? strtol(value, NULL, 10) : 0;
    return wanted > 0 && wanted <= MOST_THREADS ? (int)wanted : cores();
}

static size_t memory_bytes(void) {
#if defined(_SC_PHYS_PAGES) && defined(_SC_PAGESIZE)
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) return (size_t)pages * (size_t)page;
#endif
    return 0;
}

/* Copies what follows "model name :" in /proc/cpuinfo, where there is such a file. */
static void model_name(char *name, size_t size) {
    snprintf(name, size, "CPU");
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file) return;
    char line[256];
    while (fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !colon) continue;
        colon += strspn(colon, ": \t");
        snprintf(name, size, "%.*s", (int)strcspn(colon, "\n"), colon);
        break;
    }
    fclose(file);
}

static int cpu_count(void) { return 1; }

static hebb_status cpu_describe(int index, hebb_device_info *info, hb_error *error) {
    *info = (hebb_device_info){.memory = memory_bytes(), .units = cores(), .f64 = true};
    if (index != 0) return hb_fail(error, HEBB_E_ARGUMENT, "there is no CPU device %d", index);
    snprintf(info->id, sizeof info->id, "cpu");
    model_name(info->name, sizeof info->name);
    snprintf(info->driver, sizeof info->driver, "plain C, %s", hb_cpu_choose_isa()->name);
    return HEBB_OK;
}

static hebb_status cpu_open(int index, hb_device **device, hb_error *error) {
    *device = NULL;
    if (index != 0) return hb_fail(error, HEBB_E_ARGUMENT, "there is no CPU device %d", index);
    hb_device *opened = malloc(sizeof *opened);
    if (!opened) return hb_fail_memory(error, "a device", sizeof *opened);
    *opened = (hb_device){
        .threads = default_threads(), .isa = hb_cpu_choose_isa(), .l2_bytes = l2_bytes()};
    opened->pool = hb_cpu_pool_create(opened->threads);
    opened->codes = hb_cpu_codes_create(opened->isa);
    if (!opened->pool) {
        hb_cpu_codes_destroy(opened->codes);
        free(opened);
        return hb_fail_memory(error, "the device's threads", sizeof *opened);
    }
    hb_log("cpu: %d threads, %s", opened->threads, opened->isa->name);
    *device = opened;
    return HEBB_OK;
}

static void cpu_close(hb_device *device) {
    hb_cpu_pool_destroy(device->pool);
    hb_cpu_codes_destroy(device->codes);
    free(device);
}

static hebb_status cpu_set_threads(hb_device *device, int threads, hb_error *error) {
    if (threads < 0 || threads > MOST_THREADS)
        return hb_fail(error, HEBB_E_ARGUMENT, "%d threads", threads);
    const int wanted = threads > 0 ? threads : default_threads();
    if (wanted == device->threads) return HEBB_OK;
    hb_cpu_pool *pool = hb_cpu_pool_create(wanted);
    if (!pool) return hb_fail_memory(error, "the device's threads", sizeof *device);
    hb_cpu_pool_destroy(device->pool);
    device->pool = pool;
    device->threads = wanted;
    return HEBB_OK;
}

static bool cpu_has_dtype(hb_device *device, hebb_dtype dtype) { return true; }

/* ---- memory ---- */

static void *aligned(size_t alignment, size_t bytes) {
    if (bytes > SIZE_MAX / 2) return NULL;
    const size_t whole = bytes == 0 ? alignment : (bytes + alignment - 1) / alignment * alignment;
    return aligned_alloc(alignment, whole);
}

void *hb_cpu_allocate(size_t bytes) { return aligned(ALIGNMENT, bytes); }

/* Large buffers begin at different places of a page, as far apart as strips of a chain are long, at
   least. Where a loop is at the same point of several arrays, addresses that differ by a multiple
   of 4 KiB make loads wait for stores, and stores past the caches leave before their lines are
   full. */
static size_t shift_of(hb_device *device, size_t bytes) {
    enum { LARGE = 64 << 10, SHIFT = 576, PLACES = 7 };
    return bytes < LARGE ? 0 : atomic_fetch_add(&device->n_large, 1) % PLACES * SHIFT;
}

static char *allocate_large(size_t bytes) {
    char *memory = aligned(HUGE_PAGE, bytes);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (memory) (void)madvise(memory, bytes, MADV_HUGEPAGE); /* a wish */
#endif
    return memory;
}

static hebb_status cpu_buffer_create(hb_device *device, size_t bytes, hb_buffer **buffer,
                                     hb_error *error) {
    *buffer = NULL;
    hb_buffer *created = malloc(sizeof *created);
    if (!created) return hb_fail_memory(error, "a buffer", sizeof *created);
    const size_t shift = shift_of(device, bytes);
    *created = (hb_buffer){.bytes = bytes};
    if (bytes <= SIZE_MAX / 2)
        created->memory =
            bytes < 4 * HUGE_PAGE ? hb_cpu_allocate(bytes + shift) : allocate_large(bytes + shift);
    if (!created->memory) {
        free(created);
        return hb_fail_memory(error, "a buffer", bytes);
    }
    created->base = created->memory + shift;
    *buffer = created;
    return HEBB_OK;
}

static void cpu_buffer_destroy(hb_device *device, hb_buffer *buffer) {
    if (!buffer) return;
    free(buffer->memory);
    free(buffer);
}

static hebb_status check_range(const hb_buffer *buffer, size_t offset, size_t bytes,
                               hb_error *error) {
    if (offset <= buffer->bytes && bytes <= buffer->bytes - offset) return HEBB_OK;
    return hb_fail(error, HEBB_E_ARGUMENT, "%zu bytes at %zu of a buffer of %zu", bytes, offset,
                   buffer->bytes);
}

/* Copies of as much as a thread takes in some microseconds are made by all of them. */
enum { COPY_PART = 64 << 10 };
#define COPY_NS 0.1 /* a byte */

typedef struct copying {
    char *to;
    const char *from;
    size_t bytes;
} copying;

static void copy_parts(void *context, int64_t begin, int64_t end, int thread) {
    const copying *c = context;
    const size_t first = (size_t)begin * COPY_PART, last = (size_t)end * COPY_PART;
    memcpy(c->to + first, c->from + first, (last < c->bytes ? last : c->bytes) - first);
}

static void copy(const hb_device *device, void *to, const void *from, size_t bytes) {
    copying c = {to, from, bytes};
    hb_cpu_parallel(device, hb_ceil_div((int64_t)bytes, COPY_PART), COPY_NS * (double)bytes,
                    copy_parts, &c);
}

static hebb_status cpu_write(hb_device *device, hb_buffer *buffer, size_t offset, const void *from,
                             size_t bytes, hb_error *error) {
    hebb_status status = check_range(buffer, offset, bytes, error);
    if (!status && bytes > 0) copy(device, buffer->base + offset, from, bytes);
    return status;
}

static hebb_status cpu_read(hb_device *device, hb_buffer *buffer, size_t offset, void *to,
                            size_t bytes, hb_error *error) {
    hebb_status status = check_range(buffer, offset, bytes, error);
    if (!status && bytes > 0) copy(device, to, buffer->base + offset, bytes);
    return status;
}

static bool cpu_borrow(hb_device *device, hb_buffer *buffer, const void *memory, size_t bytes) {
    if (!memory || (uintptr_t)memory % BORROW_ALIGNMENT != 0) return false;
    free(buffer->memory);
    *buffer = (hb_buffer){.base = (char *)(uintptr_t)memory, .bytes = bytes};
    return true;
}

/* ---- plans ---- */

typedef struct prepared_step {
    const hb_cpu_solver *solver; /* NULL: the step is run together with others, row by row; */
    void *state;
    hb_cpu_blocks *blocks; /* by the first of these, ... */
    hb_cpu_joined *joined; /* ... or, if there are products among them */
} prepared_step;

struct hb_prepared {
    const hb_step *steps;
    size_t n;
    prepared_step step[];
};

static const hb_cpu_solver *choose(const hb_device *device, const hb_step *step) {
    static const hb_cpu_solver *const *const solvers[HB_STEP_KINDS] = {
        [HB_LOOP] = hb_cpu_loop_solvers,
        [HB_GEMM] = hb_cpu_gemm_solvers,
        [HB_GATHER] = hb_cpu_gather_solvers,
        [HB_SCATTER_ADD] = hb_cpu_scatter_add_solvers,
        [HB_SCAN] = hb_cpu_scan_solvers,
        [HB_CONV] = hb_cpu_conv_solvers,
        [HB_CONV_INPUT] = hb_cpu_conv_solvers,
        [HB_CONV_WEIGHT] = hb_cpu_conv_weight_solvers,
        [HB_FOLD] = hb_cpu_fold_solvers,
        [HB_RESAMPLE] = hb_cpu_resample_solvers,
        [HB_MAX_BACK] = hb_cpu_max_back_solvers,
        [HB_CUSTOM] = hb_cpu_custom_solvers,
        [HB_SCATTER_SET] = hb_cpu_scatter_set_solvers,
        [HB_ARGSORT] = hb_cpu_argsort_solvers,
        [HB_RECURRENCE] = hb_cpu_recurrence_solvers,
        [HB_TAKE_ALONG] = hb_cpu_take_along_solvers,
        [HB_PUT_ALONG] = hb_cpu_put_along_solvers,
    };
    const hb_cpu_solver *best = NULL;
    double least = 0;
    if (!solvers[step->kind]) return NULL;
    for (const hb_cpu_solver *const *s = solvers[step->kind]; *s; s++) {
        if (!(*s)->can_do(device, step)) continue;
        const double cost = (*s)->cost(device, step);
        if (best && cost >= least) continue;
        best = *s;
        least = cost;
    }
    return best;
}

static size_t cpu_scratch(hb_device *device, const hb_step *step) {
    const hb_cpu_solver *solver = choose(device, step);
    return solver && solver->scratch ? solver->scratch(device, step) : 0;
}

void hb_cpu_release(hb_device *device, hb_prepared *prepared) {
    if (!prepared) return;
    for (size_t i = 0; i < prepared->n; i++) {
        const prepared_step *step = &prepared->step[i];
        if (step->solver) step->solver->release(step->state);
        hb_cpu_blocks_free(step->blocks);
        hb_cpu_joined_free(step->joined);
    }
    free(prepared);
}

static hebb_status prepare_step(hb_device *device, const hb_step *step, size_t index,
                                prepared_step *prepared, hb_error *error) {
    const char *name = step->name ? step->name : "?";
    prepared->solver = choose(device, step);
    if (!prepared->solver)
        return hb_fail(error, HEBB_E_UNSUPPORTED, "the CPU backend cannot do step %zu, %s", index,
                       name);
    hebb_status status = prepared->solver->prepare(device, step, &prepared->state, error);
    if (!status) hb_log("cpu: step %zu, %s: %s", index, name, prepared->solver->name);
    return status;
}

/* How many of the steps, from the first on, were prepared to run together; 0 for want of a reason,
   or of memory, which each by itself may have. */
static size_t prepare_rows(hb_device *device, const hb_step *steps, size_t n_steps,
                           prepared_step *prepared) {
    hb_error ignored;
    hb_cpu_rows *rows = malloc(sizeof *rows);
    if (!rows) return 0;
    hb_cpu_rows_find(steps, n_steps, rows);
    size_t n = (size_t)rows->n;
    if (n > 0 && hb_cpu_blocks_make(device, rows, &prepared->blocks, &ignored)) n = 0;
    hb_cpu_rows_free(rows);
    free(rows);
    if (n > 0) hb_log("cpu: %s and the next %zu steps: row by row", steps->name, n - 1);
    return n;
}

static size_t cpu_together(hb_device *device, const hb_step *steps, size_t n_steps) {
    hb_cpu_rows *rows = malloc(sizeof *rows);
    if (!rows) return 1;
    hb_cpu_rows_find(steps, n_steps, rows);
    const int n = rows->n;
    hb_cpu_rows_free(rows);
    free(rows);
    return n > 1 ? (size_t)n : 1;
}

hebb_status hb_cpu_prepare(hb_device *device, const hb_step *steps, size_t n_steps, bool together,
                           hb_prepared **prepared, hb_error *error) {
    *prepared = NULL;
    const size_t bytes = sizeof(hb_prepared) + n_steps * sizeof(prepared_step);
    hb_prepared *made = calloc(1, bytes);
    if (!made) return hb_fail_memory(error, "a plan", bytes);
    made->steps = steps;
    while (made->n < n_steps) {
        const hb_step *step = &steps[made->n];
        if (step->joined > 0) {
            hebb_status status = hb_cpu_joined_make(device, step, (size_t)step->joined,
                                                    &made->step[made->n].joined, error);
            made->n += (size_t)step->joined;
            if (!status) continue;
            hb_cpu_release(device, made);
            return status;
        }
        const size_t left = n_steps - made->n;
        const size_t n =
            together ? prepare_rows(device, &steps[made->n], left, &made->step[made->n]) : 0;
        made->n += n;
        if (n > 0) continue;
        hebb_status status =
            prepare_step(device, &steps[made->n], made->n, &made->step[made->n], error);
        if (status) {
            hb_cpu_release(device, made);
            return status;
        }
        made->n++;
    }
    *prepared = made;
    return HEBB_OK;
}

static const char *solver_name(const prepared_step *step) {
    if (step->blocks || step->joined) return "rows, with the next ones";
    return step->solver ? step->solver->name : "rows, with the last one";
}

static bool runs_with_an_earlier_one(const prepared_step *step) {
    return !step->solver && !step->blocks && !step->joined;
}

static void begin_watched(const hb_watch *watch, const hb_prepared *prepared, size_t i) {
    const prepared_step *step = &prepared->step[i];
    size_t n = 1;
    while (i + n < prepared->n && runs_with_an_earlier_one(&step[n])) n++;
    watch->begin(watch->context, &prepared->steps[i], n,
                 step->blocks || step->joined ? "rows together" : solver_name(step));
}

hebb_status hb_cpu_run(hb_device *device, hb_prepared *prepared, const hb_run_args *args,
                       hb_error *error) {
    hebb_status status = HEBB_OK;
    for (size_t i = 0; i < prepared->n && !status; i++) {
        const prepared_step *step = &prepared->step[i];
        if (runs_with_an_earlier_one(step)) continue;
        if (args->watch) begin_watched(args->watch, prepared, i);
        if (step->blocks) hb_cpu_blocks_run(device, step->blocks, args);
        else if (step->joined) hb_cpu_joined_run(device, step->joined, args);
        else if (step->solver->run) step->solver->run(device, step->state, args);
        else status = step->solver->try_run(device, step->state, args, error);
        if (args->watch && !status) args->watch->end(args->watch->context);
    }
    return status;
}

static hebb_status cpu_prepare(hb_device *device, const hb_step *steps, size_t n_steps,
                               int n_buffers, hb_prepared **prepared, hb_error *error) {
    return hb_cpu_prepare(device, steps, n_steps, true, prepared, error);
}

static hebb_status cpu_finish(hb_device *device, hb_error *error) { return HEBB_OK; }

static const char *cpu_solver(hb_device *device, const hb_prepared *prepared, size_t index) {
    return index < prepared->n ? solver_name(&prepared->step[index]) : "?";
}

extern const hb_backend hb_cpu_backend;
const hb_backend hb_cpu_backend = {
    .name = "cpu",
    .reduces_once = true,
    .count = cpu_count,
    .describe = cpu_describe,
    .open = cpu_open,
    .close = cpu_close,
    .set_threads = cpu_set_threads,
    .has_dtype = cpu_has_dtype,
    .buffer_create = cpu_buffer_create,
    .buffer_destroy = cpu_buffer_destroy,
    .write = cpu_write,
    .read = cpu_read,
    .borrow = cpu_borrow,
    .scratch = cpu_scratch,
    .join = hb_cpu_joined_scratch,
    .together = cpu_together,
    .prepare = cpu_prepare,
    .release = hb_cpu_release,
    .run = hb_cpu_run,
    .finish = cpu_finish,
    .solver = cpu_solver,
};
