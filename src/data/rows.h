/* The examples of a data set by row, for those who part them: folds.c and parts.c. */
#ifndef HB_ROWS_H
#define HB_ROWS_H

#include <hebb/dataset.h>

/* An example at its place in the order in which examples are dealt out. */
typedef struct hb_place {
    int64_t row, label;
    int64_t at; /* its place before places were sorted by label */
    int64_t part;
} hb_place;

/* Whether the data are columns of equally many rows, and labels, unless they are NULL, an integer
   for each; *rows is their number. Else the error, with a message that begins with `who`. */
hebb_status hb_rows_check(const char *who, const hebb_dataset *data, const hebb_array *labels,
                          int64_t *rows, char *message, size_t size);

/* The rows in order, or shuffled as hebb_batches of that seed shuffle them. */
hebb_status hb_rows_order(hb_place *places, int64_t rows, bool in_order, uint64_t seed);

/* Sorts by label; equal ones stay in their order. */
void hb_rows_sort(hb_place *places, int64_t rows, const hebb_array *labels);

/* Resizes each of the data's columns at `to` to `count` rows and copies these rows into it. */
hebb_status hb_rows_copy(const hebb_dataset *data, const int64_t *rows, int64_t count,
                         hebb_array *to);

#endif
