/* Preparing data on the host: splitting into training, validation and test sets, scaling, one-hot
   rows. Folds are in folds.h, random changes for each epoch in augment.h. */
#ifndef HEBB_PREPARE_H
#define HEBB_PREPARE_H

#include <hebb/dataset.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- parts ----

     hebb_parts *parts = hebb_parts_create(data, .validation = 0.1, .test = 0.2, .seed = 1,
                                           .labels = &labels);
     hebb_fit(model, hebb_parts_train(parts), .validation = hebb_parts_validation(parts));
     hebb_parts_destroy(parts); */
typedef struct hebb_parts hebb_parts;

typedef struct hebb_parts_options {
    double validation, test;  /* shares of the examples, 0 to below 1; the rest is to train on */
    bool in_order;            /* not shuffled: the first ones are to train on, the last to test on
                                 (with labels: every part has examples from everywhere) */
    uint64_t seed;            /* of the shuffling */
    const hebb_array *labels; /* stratified: every part gets its share of each label, to within two
                                 examples. An integer for each example, [examples] or [examples, 1];
                                 often a column of the data */
    int reserved_;
} hebb_parts_options;

/* Copies the examples into parts: share times examples, rounded to the nearest. Which example is
   where depends on shares, seed and labels alone. Always returns an object unless memory is out;
   errors (HEBB_E_NULL, HEBB_E_ARGUMENT: shares out of range, a part that would be empty;
   HEBB_E_SHAPE, HEBB_E_DTYPE, HEBB_E_MEMORY) are its status. */
#define hebb_parts_create(...) hebb_parts_create_args(__VA_ARGS__, .reserved_ = 0)
#define hebb_parts_create_args(data, ...)                                                          \
    hebb_parts_create_with((data), &(const hebb_parts_options){__VA_ARGS__})
HEBB_API hebb_parts *hebb_parts_create_with(const hebb_dataset *data,
                                            const hebb_parts_options *options);
HEBB_API void hebb_parts_destroy(hebb_parts *parts);

/* The part, with the columns of the data; NULL after an error, and if its share is 0. It
   belongs to the parts. */
HEBB_API const hebb_dataset *hebb_parts_train(const hebb_parts *parts);
HEBB_API const hebb_dataset *hebb_parts_validation(const hebb_parts *parts);
HEBB_API const hebb_dataset *hebb_parts_test(const hebb_parts *parts);
HEBB_API hebb_status hebb_parts_status(const hebb_parts *parts);
HEBB_API const char *hebb_parts_message(const hebb_parts *parts); /* "" if nothing went wrong */

/* ---- scaling ----

   Numbers for each feature (dimension 1: a column of [n, features], a channel of [n, channels,
   height, width]; one for all of [n]), learned from one array and applied to others: the training
   set's to the test set. In sequences [n, time, features] dimension 1 is the time: learn from the
   rows that they were cut from, or from a view of them as [n time, features]. On an error, up to
   `size` bytes of `message` (may be NULL) say what is wrong: HEBB_E_NULL, HEBB_E_SHAPE,
   HEBB_E_ARGUMENT, HEBB_E_MEMORY. */
typedef struct hebb_scaling {
    int64_t features;
    double *shift, *scale; /* of each: what is applied is (x - shift) / scale */
} hebb_scaling;

/* Mean 0 and standard deviation 1: shift is the mean, scale the deviation of all examples (over n,
   not n - 1), 1 where all are equal. NaN is ignored, and stays NaN when the scaling is applied.
   `scaling` is filled anew. */
HEBB_API hebb_status hebb_standardize_fit(hebb_scaling *scaling, const hebb_array *examples,
                                          char *message, size_t size);
/* The minimum becomes `low`, the maximum `high`; where they are equal, they become `low`. */
HEBB_API hebb_status hebb_min_max_fit(hebb_scaling *scaling, const hebb_array *examples, double low,
                                      double high, char *message, size_t size);
/* Into `to` (resized; may be `from`): f64 if `from` is, else f32. A scaling of one feature applies
   to any shape, others to arrays with as many features. hebb_scaling_undo() is x scale + shift. */
HEBB_API hebb_status hebb_scaling_apply(const hebb_scaling *scaling, const hebb_array *from,
                                        hebb_array *to, char *message, size_t size);
HEBB_API hebb_status hebb_scaling_undo(const hebb_scaling *scaling, const hebb_array *from,
                                       hebb_array *to, char *message, size_t size);
HEBB_API void hebb_scaling_free(hebb_scaling *scaling);

/* ---- windows of a series ---- */

/* Rows of a series [time, ...] that follow each other, as examples [n, length, ...]: window k
   begins at row k step, and all of them end in the series, n = (time - length) / step + 1 (NumPy's
   sliding_window_view; Keras's timeseries_dataset_from_array). What is to be predicted is a view of
   rows: of a series [time] or [time, features], `ahead` rows after each window of step 1,

     hebb_array past = hebb_array_rows(&series, 0, time - ahead);
     hebb_window_rows(&past, length, 1, &windows, message, sizeof message);
     hebb_array next = hebb_array_rows(&series, length - 1 + ahead, windows.shape.dim[0]);

   `windows` is made anew (and may be the series); its rows are copies. On an error up to `size`
   bytes of `message` (may be NULL) say what is wrong: HEBB_E_NULL, HEBB_E_SHAPE (fewer rows than
   length, a rank that would pass HEBB_MAX_RANK), HEBB_E_ARGUMENT (length or step < 1),
   HEBB_E_DTYPE, HEBB_E_MEMORY. */
HEBB_API hebb_status hebb_window_rows(const hebb_array *series, int64_t length, int64_t step,
                                      hebb_array *windows, char *message, size_t size);

/* ---- labels ---- */

/* Integer labels, [n] or [n, 1], as rows [n, classes] of f32: 1 at the label, 0 elsewhere. `rows`
   is resized. HEBB_E_ARGUMENT for a label out of 0...classes-1, whose row the message names;
   HEBB_E_NULL, HEBB_E_SHAPE, HEBB_E_DTYPE, HEBB_E_MEMORY. See also hebb_one_hot() in ops.h. */
HEBB_API hebb_status hebb_one_hot_rows(const hebb_array *labels, int64_t classes, hebb_array *rows,
                                       char *message, size_t size);

#ifdef __cplusplus
}
#endif
#endif
