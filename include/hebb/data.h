/* Data sets and batches. */
#ifndef HEBB_DATA_H
#define HEBB_DATA_H

#include <hebb/transform.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Mini-batches over examples held in arrays. Example i is row i (along the first dimension) of
   every array. The arrays are not copied; keep them until the batches are destroyed. */
typedef struct hebb_batches hebb_batches;

typedef struct hebb_batches_options {
    bool shuffle; /* a new order each epoch, from the seed */
    uint64_t seed;
    bool drop_last;                 /* leave out a last batch that is not full */
    hebb_transform_list transforms; /* applied to a copy of each batch's rows, in this order;
                                       copied, but not what its users point to */
    int prefetch; /* how many batches are prepared ahead, on a thread of their own; default 0, at
                     most 1024. The batches are the same */
    int reserved_;
} hebb_batches_options;

/* hebb_batches_create(arrays, 2, 128, .shuffle = true, .seed = 1). Always returns an object unless
   memory is out (NULL). What is wrong with an argument is its status, and then it has no batches:
   HEBB_E_NULL (also an array without data, a transform without a function), HEBB_E_SHAPE (a scalar
   array, different numbers of rows), HEBB_E_DTYPE, HEBB_E_ARGUMENT (no arrays, batch < 1, an option
   out of range), HEBB_E_MEMORY. */
#define hebb_batches_create(arrays, n_arrays, ...)                                                 \
    hebb_batches_create_args(arrays, n_arrays, __VA_ARGS__, .reserved_ = 0)
#define hebb_batches_create_args(arrays, n_arrays, batch, ...)                                     \
    hebb_batches_create_with((arrays), (n_arrays), (batch),                                        \
                             &(const hebb_batches_options){__VA_ARGS__})
HEBB_API hebb_batches *hebb_batches_create_with(const hebb_array *arrays, size_t n_arrays,
                                                int64_t batch, const hebb_batches_options *options);
HEBB_API void hebb_batches_destroy(hebb_batches *batches);

/* Starts epoch number `epoch`: the order is a function of the seed and this number alone (a
   Fisher-Yates shuffle driven by Philox counters). */
HEBB_API void hebb_batches_start(hebb_batches *batches, uint64_t epoch);

/* Gives the next batch: views[k] becomes a view of rows of arrays[k] (of what transforms made of
   them), valid until the next call. The last batch of an epoch may be smaller. False, and views
   untouched, at the end of the epoch, and after an error: hebb_batches_status() tells. */
HEBB_API bool hebb_batches_next(hebb_batches *batches, hebb_array *views);

/* What ended the epoch: HEBB_OK, or a transform's error and its words with epoch and batch (the
   batches before it were given); until the next hebb_batches_start(). What was wrong when they were
   created stays. */
HEBB_API hebb_status hebb_batches_status(const hebb_batches *batches);
HEBB_API const char *hebb_batches_message(const hebb_batches *batches);

HEBB_API int64_t hebb_batches_count(const hebb_batches *batches);    /* batches an epoch */
HEBB_API int64_t hebb_batches_examples(const hebb_batches *batches); /* examples an epoch */

#ifdef __cplusplus
}
#endif
#endif
