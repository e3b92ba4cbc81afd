/* What the files of batches share: batches.c walks through an epoch, batch.c makes one batch,
   prefetch.c makes them ahead on a thread. */
#ifndef HB_BATCHES_H
#define HB_BATCHES_H

#include <hebb/data.h>

typedef struct source {
    hebb_array array; /* the caller's */
    size_t row_bytes;
} source;

/* A batch that is made, or is being made. */
typedef struct slot {
    hebb_array *columns; /* one a source */
    int64_t *rows;
    int64_t count;
} slot;

/* The first error of an epoch, or of the making. */
typedef struct failure {
    hebb_status status;
    char message[512];
} failure;

typedef struct prefetcher prefetcher;

struct hebb_batches {
    source *sources; /* the arrays */
    size_t n_sources;
    int64_t rows; /* of each array */
    int64_t used; /* rows of an epoch: without the last batch if that is dropped */
    int64_t batch;
    int64_t next;   /* number of the batch that is given next */
    int64_t *order; /* row of the arrays at each place of the epoch; NULL if not shuffled */
    uint64_t seed, epoch;
    hebb_transform *transforms;
    int n_transforms;
    slot *slots; /* used in turn; none where batches are views of the caller's rows */
    int n_slots;
    hebb_array scratch; /* of transforms */
    failure failure;
    bool broken;       /* it failed when it was made: there are no batches */
    prefetcher *ahead; /* NULL: a batch is made when it is asked for */
};

/* batch.c: makes batch `number` of the epoch in a slot. */
hebb_status hb_batch_make(hebb_batches *batches, int64_t number, slot *to, failure *failure);
hebb_status hb_slot_init(slot *s, const hebb_batches *batches);
void hb_slot_free(slot *s, size_t n_sources);

/* prefetch.c */
hebb_status hb_prefetch_create(hebb_batches *batches);
void hb_prefetch_destroy(prefetcher *ahead);
/* Drops what was made; nothing is made until hb_prefetch_begin(). */
void hb_prefetch_stop(prefetcher *ahead);
void hb_prefetch_begin(prefetcher *ahead);
/* Waits for batch `number`; the slots of those before it may be used again. NULL after an error,
   which is then the batches'. */
const slot *hb_prefetch_take(prefetcher *ahead, int64_t number);

#endif
