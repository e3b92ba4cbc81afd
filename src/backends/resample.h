/* A RESAMPLE along one axis as a sparse matrix, row by row. Made by backends when they prepare a
   step. */
#ifndef HB_RESAMPLE_H
#define HB_RESAMPLE_H

#include "../base/error.h"
#include "step.h"

/* Result r is the sum of weight[e] times element place[e], over first[r] <= e < first[r + 1], then
   divided by divisor[r]. */
typedef struct hb_resample_table {
    int64_t rows, elements, entries; /* elements: of what the results are made of */
    int32_t *first, *place;          /* [rows + 1], [entries] */
    void *weight, *divisor;          /* of the step's dtype; divisor is NULL if all are 1 */
} hb_resample_table;

/* Of the axis, or of its transpose. Whoever called it frees the table, after errors, too. */
hebb_status hb_resample_table_make(const hb_resample_axis *axis, bool transposed, hebb_dtype dtype,
                                   hb_resample_table *table, hb_error *error);
void hb_resample_table_free(hb_resample_table *table);

/* The first and the last + 1 of the elements that results [begin, end) are made of; 0, 0 if of
   none. */
void hb_resample_sources(const hb_resample_table *table, int64_t begin, int64_t end, int64_t *from,
                         int64_t *to);

#endif
