/* The parts of profile.c: text, profile_trace.c and profile_rows.c. Times are in microseconds. */
#ifndef HB_PROFILE_PARTS_H
#define HB_PROFILE_PARTS_H

#include "profile.h"

enum { HB_PROFILE_NESTED = 8 }; /* steps within steps; of deeper ones their scan tells */

/* Steps that run, or ran, as one. */
typedef struct hb_timed {
    const hb_step *steps;
    size_t n;
    const char *solver;
    double began, took;
} hb_timed;

double hb_timed_flops(const hb_timed *t);
double hb_timed_bytes(const hb_timed *t);

/* ---- profile_text.c ---- */

/* Grows as it is written to. */
typedef struct hb_text {
    char *at;
    size_t length, room;
    bool lost; /* out of memory: something is missing */
} hb_text;

void hb_text_add(hb_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void hb_text_add_string(hb_text *text, const char *string); /* as JSON has it */
void hb_text_add_name(hb_text *text, const hb_timed *timed);
/* What the first step works on. */
void hb_text_add_shapes(hb_text *text, const hb_step *step);

/* ---- profile_trace.c ---- */

typedef struct hb_trace hb_trace;

hebb_status hb_trace_create(const char *path, const char *device, hb_trace **trace,
                            hb_error *error);
void hb_trace_destroy(hb_trace *trace); /* NULL is ignored; writes what is left */
void hb_trace_add(hb_trace *trace, const hb_timed *timed);
hebb_status hb_trace_flush(hb_trace *trace, hb_error *error);

/* ---- profile_rows.c ---- */

typedef struct hb_rows hb_rows;

hb_rows *hb_rows_create(void); /* NULL: out of memory */
void hb_rows_destroy(hb_rows *rows);
/* The row of steps that begin within those of row `parent` (-1: none); -1 if memory is out. */
int hb_rows_find(hb_rows *rows, const hb_timed *timed, int parent);
void hb_rows_add(hb_rows *rows, int row, const hb_timed *timed);
/* After a run: steps may be gone by the next one. HEBB_E_MEMORY if a row is missing. */
hebb_status hb_rows_flush(hb_rows *rows, hb_error *error);
size_t hb_rows_count(const hb_rows *rows);
/* Slowest first, each followed by those within it. */
hebb_profile_row hb_rows_at(const hb_rows *rows, size_t index);

#endif
