/* Rows of few elements, which a vector would not be filled with, or a chain of operations hardly
   begun: a block of them (rows.h) is turned around, so that loops run along the rows' first
   elements, then along their second ones, and so on. What is read from memory is turned into
   scratch memory before the block's loops, what is written turned back after them. Called by
   blocks.c. */
#ifndef HB_CPU_TURNED_ROWS_H
#define HB_CPU_TURNED_ROWS_H

#include "rows.h"

/* Memory whose rows are turned. */
typedef struct hb_cpu_turned_array {
    int buffer;
    hebb_dtype dtype;
    int64_t at, step;   /* of row 0, and from row to row, in bytes */
    int64_t elements;   /* of a row */
    bool read, written; /* read: before it is written, if it is */
    int local;          /* its scratch memory's number, after those of the rows' locals */
    int slot;           /* blocks.c's */
} hb_cpu_turned_array;

typedef struct hb_cpu_turned_rows {
    int n;
    hb_cpu_turned_array array[HB_CPU_MOST_MEMBERS];
    bool wide[HB_CPU_MOST_MEMBERS]; /* locals of more than an element a row */
} hb_cpu_turned_rows;

/* False if the rows had better stay as they are, or must. */
bool hb_cpu_turn_rows(const hb_cpu_rows *rows, hb_cpu_turned_rows *turned);

/* Whether the access has several elements of each row. */
bool hb_cpu_is_wide(const hb_cpu_access *access);

/* The array that the access is to; NULL if it is to none. */
const hb_cpu_turned_array *hb_cpu_turned_array_of(const hb_cpu_turned_rows *turned,
                                                  const hb_cpu_access *access);

/* Rows from `memory` on to scratch memory, in which elements of one row are `across` apart; or
   back. */
void hb_cpu_turn(const hb_device *device, const hb_cpu_turned_array *array, int64_t rows,
                 int64_t across, char *memory, char *scratch, bool back);

#endif
