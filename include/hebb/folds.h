/* Folds, for cross-validation: a data set split into k parts, each of which is left out in turn.

     hebb_folds *folds = hebb_folds_create(data, 5, .seed = 1, .labels = &labels);
     hebb_dataset train, left_out;
     for (int64_t k = 0; k < 5; k++)
         if (hebb_folds_get(folds, k, &train, &left_out) == HEBB_OK) ...
     hebb_folds_destroy(folds);

   One fold alone splits off a test set. hebb_search_run() makes its folds by itself. */
#ifndef HEBB_FOLDS_H
#define HEBB_FOLDS_H

#include <hebb/dataset.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hebb_folds hebb_folds;

typedef struct hebb_folds_options {
    bool in_order;            /* not shuffled: each fold is a piece of the data (with labels: takes
                                 every count-th example of a label) */
    uint64_t seed;            /* of the shuffling */
    const hebb_array *labels; /* stratified: every fold gets its share of each label. An integer
                                 for each example, [examples] or [examples, 1] of an integer dtype;
                                 often a column of the data */
    int reserved_;
} hebb_folds_options;

/* Splits the examples into `count` folds, 2 or more, whose sizes differ by one at most; stratified,
   so do their numbers of each label. Which example is where depends on the seed and the labels
   alone. The data's columns are not copied; keep them. Always returns an object unless memory is
   out; errors (HEBB_E_NULL, HEBB_E_ARGUMENT: fewer examples than folds; HEBB_E_SHAPE, HEBB_E_DTYPE,
   HEBB_E_MEMORY) are its status, and what hebb_folds_get() returns. */
#define hebb_folds_create(data, ...) hebb_folds_create_args(data, __VA_ARGS__, .reserved_ = 0)
#define hebb_folds_create_args(data, count, ...)                                                   \
    hebb_folds_create_with((data), (count), &(const hebb_folds_options){__VA_ARGS__})
HEBB_API hebb_folds *hebb_folds_create_with(const hebb_dataset *data, int64_t count,
                                            const hebb_folds_options *options);
HEBB_API void hebb_folds_destroy(hebb_folds *folds);

HEBB_API int64_t hebb_folds_count(const hebb_folds *folds); /* 0 after an error */
/* The fold of an example; -1 if there is none. */
HEBB_API int64_t hebb_folds_of(const hebb_folds *folds, int64_t example);

/* Copies the examples of a fold to *left_out and those of all others to *train (either may be
   NULL), in the order of the data. What they hold belongs to the folds and is valid until the next
   call. HEBB_E_ARGUMENT if there is no such fold, HEBB_E_MEMORY. */
HEBB_API hebb_status hebb_folds_get(hebb_folds *folds, int64_t fold, hebb_dataset *train,
                                    hebb_dataset *left_out);
/* What went wrong in the making, or in the last hebb_folds_get(), and its words; "" if nothing did.
 */
HEBB_API hebb_status hebb_folds_status(const hebb_folds *folds);
HEBB_API const char *hebb_folds_message(const hebb_folds *folds);

#ifdef __cplusplus
}
#endif
#endif
