/* Makes batches ahead on a thread of its own, so that the device does not wait for them. Called by
   batches.c alone.

   Batch n is made in slot n mod n_slots. One slot holds the batch that was given last, the others
   those that are ready. All that both threads touch is under the lock, but the slots: a slot
   belongs to the thread until its batch is made, then to the caller until the next one is taken. */
#include <pthread.h>
#include <stdlib.h>

#include "batches.h"

struct prefetcher {
    hebb_batches *batches;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work, done; /* for the thread; for the caller */
    int64_t total;             /* batches of the epoch; 0: nothing is to be made */
    int64_t made;              /* so many are ready or were given */
    int64_t given;             /* the caller has this one; the slots of those before it are free */
    bool busy, quit;
    failure failure; /* of batch `made` */
};

static bool has_work(const prefetcher *p) {
    return p->made < p->total && p->made - p->given < p->batches->n_slots &&
           p->failure.status == HEBB_OK;
}

static void make_one(prefetcher *p) {
    failure f = {HEBB_OK};
    int64_t number = p->made;
    slot *to = &p->batches->slots[number % p->batches->n_slots];
    p->busy = true;
    pthread_mutex_unlock(&p->lock);
    hb_batch_make(p->batches, number, to, &f);
    pthread_mutex_lock(&p->lock);
    p->busy = false;
    if (f.status != HEBB_OK) p->failure = f;
    else p->made++;
    pthread_cond_signal(&p->done);
}

static void *run(void *argument) {
    prefetcher *p = argument;
    pthread_mutex_lock(&p->lock);
    while (!p->quit) {
        if (has_work(p)) make_one(p);
        else pthread_cond_wait(&p->work, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void release(prefetcher *p) {
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->done);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

hebb_status hb_prefetch_create(hebb_batches *batches) {
    prefetcher *p = calloc(1, sizeof *p);
    if (p == NULL) return HEBB_E_MEMORY;
    p->batches = batches;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->done, NULL);
    if (pthread_create(&p->thread, NULL, run, p) != 0) {
        release(p);
        return HEBB_E_MEMORY;
    }
    batches->ahead = p;
    return HEBB_OK;
}

void hb_prefetch_destroy(prefetcher *p) {
    if (p == NULL) return;
    pthread_mutex_lock(&p->lock);
    p->quit = true;
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    release(p);
}

void hb_prefetch_stop(prefetcher *p) {
    pthread_mutex_lock(&p->lock);
    p->total = 0;
    while (p->busy) pthread_cond_wait(&p->done, &p->lock);
    p->made = p->given = 0;
    p->failure.status = HEBB_OK;
    pthread_mutex_unlock(&p->lock);
}

void hb_prefetch_begin(prefetcher *p) {
    pthread_mutex_lock(&p->lock);
    p->total = hebb_batches_count(p->batches);
    pthread_cond_signal(&p->work);
    pthread_mutex_unlock(&p->lock);
}

const slot *hb_prefetch_take(prefetcher *p, int64_t number) {
    hebb_batches *b = p->batches;
    pthread_mutex_lock(&p->lock);
    p->given = number;
    pthread_cond_signal(&p->work);
    while (p->made <= number && p->failure.status == HEBB_OK) pthread_cond_wait(&p->done, &p->lock);
    bool made = p->made > number;
    if (!made) b->failure = p->failure;
    pthread_mutex_unlock(&p->lock);
    return made ? &b->slots[number % b->n_slots] : NULL;
}
