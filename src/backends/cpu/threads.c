/* Work on the device's threads. Called by every solver through hb_cpu_parallel().

   A small pool instead of OpenMP: a parallel region of OpenMP ends when every thread of the team
   has passed its barrier, so one that the system has not scheduled yet (another program has its
   core) holds up the others for milliseconds, however little there was to do. Here each thread has
   a share of a job's chunks, in order, and who is done with theirs takes what is left of others'
   from the end; the call returns when all chunks are done, whoever did them. So a thread that is
   not held up works on the same part of the index space in each step, and finds what it wrote in
   its own cache: a line that another core has written comes from there several times slower than
   from the common cache. Workers look for the next job for a while before they sleep, so that they
   are awake between the steps of a run. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "cpu.h"

/* Chunks a thread: enough for one to finish early if another is held up, few enough that what a
   task sets up at the start of its range does not count. */
enum { CHUNKS_A_THREAD = 4 };

/* How often to look for work before sleeping, and for the others to be done before giving way. A
   look takes what the processor makes of a pause, 10 to 50 ns: 20 to 100 and 4 to 20 us. */
enum { LOOKS_BEFORE_SLEEP = 2000, LOOKS_BEFORE_YIELD = 400 };

/* What is left of a thread's share of a job: [begin, end), packed with the job's number, so that a
   comparison with an earlier job's share fails. Owners take from the beginning, others from the
   end. */
typedef struct share {
    _Alignas(64) _Atomic uint64_t left;
} share;

struct worker {
    hb_cpu_pool *pool;
    int number; /* the calling thread is number 0 */
    pthread_t thread;
};

/* The fields of a job are written while no chunk of it can be taken, and read only by those who
   took one and have not yet said that it is done. */
struct hb_cpu_pool {
    hb_cpu_task *task;
    void *context;
    int64_t count, chunks;
    uint32_t job;
    share *shares;                  /* [workers + 1] */
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

static uint64_t pack_share(uint32_t job, uint64_t begin, uint64_t end) {
    return (uint64_t)job << 32 | begin << 16 | end;
}

static uint64_t begin_of(uint64_t left) { return left >> 16 & UINT16_MAX; }
static uint64_t end_of(uint64_t left) { return left & UINT16_MAX; }

static bool is_empty(share *s) {
    const uint64_t left = atomic_load(&s->left);
    return begin_of(left) == end_of(left);
}

/* The first chunk of a share that is one's own, the last of another's; false if none is left. */
static bool take_chunk(share *from, bool own, int64_t *chunk) {
    uint64_t left = atomic_load(&from->left);
    do {
        if (begin_of(left) == end_of(left)) return false;
        *chunk = (int64_t)(own ? begin_of(left) : end_of(left) - 1);
    } while (!atomic_compare_exchange_weak(&from->left, &left,
                                           own ? left + pack_share(0, 1, 0) : left - 1));
    return true;
}

static void do_chunk(const hb_cpu_pool *pool, int64_t chunk, int thread) {
    const int64_t each = pool->count / pool->chunks, more = pool->count % pool->chunks;
    const int64_t begin = chunk * each + (chunk < more ? chunk : more);
    pool->task(pool->context, begin, begin + each + (chunk < more), thread);
}

/* Does what is left of the thread's own share, then of the others'; false if there was nothing. */
static bool do_chunks(hb_cpu_pool *pool, int thread) {
    const int threads = pool->workers + 1;
    int64_t chunk, did = 0;
    for (int k = 0; k < threads; k++) {
        share *from = &pool->shares[(thread + k) % threads];
        for (; take_chunk(from, k == 0, &chunk); did++) do_chunk(pool, chunk, thread);
    }
    if (did > 0) atomic_fetch_add(&pool->done, did);
    return did > 0;
}

/* ---- workers ---- */

static void sleep_until_work(hb_cpu_pool *pool, share *own) {
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleeping, 1);
    while (is_empty(own) && !atomic_load(&pool->stop)) pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->sleeping, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void *work(void *argument) {
    struct worker *self = argument;
    share *own = &self->pool->shares[self->number];
    int looks = 0;
    while (!atomic_load(&self->pool->stop)) {
        if (!is_empty(own) && do_chunks(self->pool, self->number)) looks = 0;
        else if (++looks < LOOKS_BEFORE_SLEEP) relax();
        else {
            sleep_until_work(self->pool, own);
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
    share *shares = hb_cpu_allocate((size_t)threads * sizeof *shares);
    if (pool == NULL || workers == NULL || shares == NULL) {
        free(pool);
        free(workers);
        free(shares);
        return NULL;
    }
    *pool = (hb_cpu_pool){.worker = workers, .shares = shares, .busy = ATOMIC_FLAG_INIT};
    for (int k = 0; k < threads; k++) atomic_init(&shares[k].left, 0);
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
    free(pool->shares);
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
    pool->job++;
    const int64_t threads = pool->workers + 1;
    for (int64_t k = threads - 1; k >= 0; k--)
        atomic_store(&pool->shares[k].left, pack_share(pool->job, (uint64_t)(k * chunks / threads),
                                                       (uint64_t)((k + 1) * chunks / threads)));
    wake_workers(pool);
    do_chunks(pool, 0);
    wait_until_done(pool);
}

void hb_cpu_parallel_within(const hb_device *device, int threads, int64_t count, double ns,
                            hb_cpu_task *task, void *context) {
    if (count <= 0) return;
    hb_cpu_pool *pool = device->pool;
    const bool alone = count < 2 || ns < HB_CPU_PARALLEL_NS || pool->workers == 0 ||
                       threads <= pool->workers || device->threads <= pool->workers ||
                       atomic_flag_test_and_set(&pool->busy);
    if (alone) {
        task(context, 0, count, 0);
        return;
    }
    int64_t most = (int64_t)device->threads * CHUNKS_A_THREAD;
    if (most > UINT16_MAX) most = UINT16_MAX;
    run_job(pool, count < most ? count : most, count, task, context);
    atomic_flag_clear(&pool->busy);
}

void hb_cpu_parallel(const hb_device *device, int64_t count, double ns, hb_cpu_task *task,
                     void *context) {
    hb_cpu_parallel_within(device, device->threads, count, ns, task, context);
}
