/* Work on the device's threads. Called by every solver through hb_cpu_parallel().

   A small pool instead of OpenMP: a parallel region of OpenMP ends when every thread of the team has
   passed its barrier, so one that the system has not scheduled yet (another program has its core) holds
   up the others for milliseconds, however little there was to do. Here threads take chunks from a common
   counter, and the call returns when all chunks are done, whoever did them. Workers look for the next
   job for a while before they sleep, so that they are awake between the steps of a run. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "cpu.h"

/* Chunks a thread: enough for one to finish early if another is held up, few enough that what a task
   sets up at the start of its range does not count. */
enum { CHUNKS_A_THREAD = 4 };

/* How often to look for work before sleeping, and for the others to be done before giving way: some
   50 and 10 microseconds. */
enum { LOOKS_BEFORE_SLEEP = 2000, LOOKS_BEFORE_YIELD = 400 };

/* The fields of a job are written while no chunk of it can be taken, and read only by those who took
   one. `ticket` holds the job's number in its upper half and the number of chunks left in its lower. */
struct worker {
    hb_cpu_pool *pool;
    int number; /* the calling thread is number 0 */
    pthread_t thread;
};

struct hb_cpu_pool {
    hb_cpu_task *task;
    void *context;
    int64_t count, chunks;
    _Alignas(64) _Atomic uint64_t ticket;
    _Alignas(64) atomic_llong done; /* chunks */
    _Alignas(64) atomic_flag busy;  /* one job at a time: a second session works alone meanwhile */
    atomic_int sleeping;
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int workers;
    struct worker *worker;
};

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static uint64_t chunks_left(uint64_t ticket) { return ticket & UINT32_MAX; }

/* Does one chunk, if there is one. */
static bool take_chunk(hb_cpu_pool *pool, int thread) {
    uint64_t ticket = atomic_load(&pool->ticket);
    do {
        if (chunks_left(ticket) == 0) return false;
    } while (!atomic_compare_exchange_weak(&pool->ticket, &ticket, ticket - 1));
    const int64_t chunk = pool->chunks - (int64_t)chunks_left(ticket);
    const int64_t each = pool->count / pool->chunks, more = pool->count % pool->chunks;
    const int64_t begin = chunk * each + (chunk < more ? chunk : more);
    pool->task(pool->context, begin, begin + each + (chunk < more), thread);
    atomic_fetch_add(&pool->done, 1);
    return true;
}

/* ---- workers ---- */

static void sleep_until_work(hb_cpu_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleeping, 1);
    while (chunks_left(atomic_load(&pool->ticket)) == 0 && !atomic_load(&pool->stop))
        pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->sleeping, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void *work(void *argument) {
    struct worker *self = argument;
    int looks = 0;
    while (!atomic_load(&self->pool->stop)) {
        if (take_chunk(self->pool, self->number)) looks = 0;
        else if (++looks < LOOKS_BEFORE_SLEEP) relax();
        else {
            sleep_until_work(self->pool);
            looks = 0;
        }
    }
    return NULL;
}

static void wake_workers(hb_cpu_pool *pool) {
    if (atomic_load(&pool->sleeping) == 0) return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

/* ---- life ---- */

/* A system that gives no more threads leaves the work to fewer: not an error. */
static void start_workers(hb_cpu_pool *pool, int wanted) {
    for (; pool->workers < wanted; pool->workers++) {
        struct worker *w = &pool->worker[pool->workers];
        *w = (struct worker){.pool = pool, .number = pool->workers + 1};
        if (pthread_create(&w->thread, NULL, work, w) != 0) return;
    }
}

hb_cpu_pool *hb_cpu_pool_create(int threads) {
    hb_cpu_pool *pool = hb_cpu_allocate(sizeof *pool);
    struct worker *workers = hb_cpu_allocate((size_t)threads * sizeof *workers);
    if (pool == NULL || workers == NULL) {
        free(pool);
        free(workers);
        return NULL;
    }
    *pool = (hb_cpu_pool){.worker = workers, .busy = ATOMIC_FLAG_INIT};
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    start_workers(pool, threads - 1);
    return pool;
}

void hb_cpu_pool_destroy(hb_cpu_pool *pool) {
    if (pool == NULL) return;
    atomic_store(&pool->stop, true);
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int k = 0; k < pool->workers; k++) pthread_join(pool->worker[k].thread, NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool->worker);
    free(pool);
}

/* ---- jobs ---- */

static void wait_until_done(hb_cpu_pool *pool) {
    for (int looks = 0; atomic_load(&pool->done) < pool->chunks;) {
        if (++looks < LOOKS_BEFORE_YIELD) relax();
        else sched_yield();
    }
}

static void run_job(hb_cpu_pool *pool, int64_t chunks, int64_t count, hb_cpu_task *task,
                    void *context) {
    pool->task = task;
    pool->context = context;
    pool->count = count;
    pool->chunks = chunks;
    atomic_store(&pool->done, 0);
    const uint64_t job = (atomic_load(&pool->ticket) >> 32) + 1;
    atomic_store(&pool->ticket, job << 32 | (uint64_t)chunks);
    wake_workers(pool);
    while (take_chunk(pool, 0)) {}
    wait_until_done(pool);
}

void hb_cpu_parallel(const hb_device *device, int64_t count, double ns, hb_cpu_task *task,
                     void *context) {
    if (count <= 0) return;
    hb_cpu_pool *pool = device->pool;
    /* A plan made before the number of threads was raised has scratch memory for fewer. */
    const bool alone = count < 2 || ns < HB_CPU_PARALLEL_NS || pool->workers == 0 ||
                       device->threads <= pool->workers || atomic_flag_test_and_set(&pool->busy);
    if (alone) {
        task(context, 0, count, 0);
        return;
    }
    const int64_t most = (int64_t)device->threads * CHUNKS_A_THREAD;
    run_job(pool, count < most ? count : most, count, task, context);
    atomic_flag_clear(&pool->busy);
}
