/* Transforms: what is done to a batch on the host before it is fed. augment.h has the usual ones
   for images. One of your own is a function:

     static hebb_status halve(const hebb_transform *self, hebb_batch *batch) {
         float *x = batch->columns[0].data;
         for (int64_t k = 0; k < hebb_array_count(&batch->columns[0]); k++) x[k] /= 2;
         return HEBB_OK;
     }
     hebb_fit(model, data, .transforms = HEBB_TRANSFORMS({.name = "halve", .apply = halve}),
              .prefetch = 2);

   With .prefetch, transforms run on a thread of their own, one batch after the other: they may not
   touch what the program uses meanwhile. */
#ifndef HEBB_TRANSFORM_H
#define HEBB_TRANSFORM_H

#include <hebb/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A batch that is being made. */
typedef struct hebb_batch {
    hebb_array *columns; /* copies of rows of the data's columns: to be written, resized, replaced
                            by other arrays that own their memory; each keeps `examples` rows */
    size_t count;        /* of columns */
    int64_t examples;    /* rows of each */
    const int64_t *rows; /* which rows of the data they are */
    uint64_t epoch;      /* from 0; messages count epochs and batches from 1 */
    int64_t number;      /* of the batch in the epoch, from 0 */
    void *reserved_;
} hebb_batch;

typedef struct hebb_transform hebb_transform;
struct hebb_transform {
    const char *name; /* for messages; not copied */
    /* An error ends the epoch (and the fit) with it; hebb_batch_fail() gives it words. */
    hebb_status (*apply)(const hebb_transform *self, hebb_batch *batch);
    size_t column; /* the column that it changes; the meaning of all below is the function's */
    double amounts[4];
    void *user;
};

typedef struct hebb_transform_list {
    const hebb_transform *at;
    int count;
} hebb_transform_list;
/* HEBB_TRANSFORMS(hebb_random_flip(), {.apply = mine}): a list that lives as long as its block.
   They are applied in this order. */
#define HEBB_TRANSFORMS(...)                                                                       \
    ((hebb_transform_list){                                                                        \
        (const hebb_transform[]){__VA_ARGS__},                                                     \
        (int)(sizeof((const hebb_transform[]){__VA_ARGS__}) / sizeof(hebb_transform))})

/* For transforms: a number drawn uniformly from 0 (included) to 1 (excluded), with 32 bits. It is a
   function of the seed of the batches, the epoch, the row of the data that is the batch's
   `example`, the place of the transform in its list and the number of the draw: the same in
   whatever batch, on whatever thread, and after a resume (Philox 4x32-10, Random123). NaN if there
   is no such example. */
HEBB_API double hebb_batch_uniform(const hebb_batch *batch, int64_t example, uint32_t draw);
/* Memory of that many bytes, undefined, until the transform returns or asks again; NULL if memory
   is out. It is the batch's. */
HEBB_API void *hebb_batch_scratch(hebb_batch *batch, size_t bytes);
/* Records an error, and returns the status. */
HEBB_API hebb_status hebb_batch_fail(hebb_batch *batch, hebb_status status, const char *message);

#ifdef __cplusplus
}
#endif
#endif
