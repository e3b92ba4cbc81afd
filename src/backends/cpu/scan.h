/* A scan's iterations: where the body's buffers are in each of them. Between scan.c, which runs
   them step by step, and scan_rows.c, which runs all of them for some rows. */
#ifndef HB_CPU_SCAN_H
#define HB_CPU_SCAN_H

#include "ahead.h"
#include "cpu.h"

/* Of one who goes through the iterations. */
typedef struct hb_cpu_scan_place {
    hb_buffer **buffers; /* of the body, by number */
    int64_t *shifts;
    int *sliding;        /* which slides' next memory is asked for ... */
    hb_cpu_ahead *ahead; /* ... in as many ranges */
} hb_cpu_scan_place;

bool hb_cpu_scan_place_make(const hb_device *device, const hb_scan *scan, hb_cpu_scan_place *place);
void hb_cpu_scan_place_free(hb_cpu_scan_place *place);

/* What the body's steps are given in all iterations. */
hb_run_args hb_cpu_scan_begin(const hb_step *step, const hb_cpu_scan_place *place,
                              const hb_run_args *args);
/* And in iteration t, of which part `part` of `parts` of each slice is wanted. */
void hb_cpu_scan_go_to(const hb_step *step, const hb_cpu_scan_place *place, const hb_run_args *args,
                       int64_t t, int64_t part, int64_t parts, hb_run_args *body);

/* A scan whose rows have nothing to do with each other (scan_rows.c): each thread has some, and
   goes through all iterations without waiting for the others. */
typedef struct hb_cpu_scan_rows hb_cpu_scan_rows;
/* *rows is NULL where that cannot be, or does not pay. */
hebb_status hb_cpu_scan_rows_make(hb_device *device, const hb_step *step, hb_cpu_scan_rows **rows,
                                  hb_error *error);
void hb_cpu_scan_rows_free(hb_cpu_scan_rows *rows); /* NULL is ignored */
void hb_cpu_scan_rows_run(hb_device *device, const hb_cpu_scan_rows *rows, const hb_run_args *args);

#endif
