/* One check of one op in progress: what the files of checks share. See check.h. */
#ifndef CHECKS_JOB_H
#define CHECKS_JOB_H

#include "check.h"
#include "instance.h"

typedef struct job {
    const checker *at;
    const check *check;
    const descriptor *d;
    check_result result;
} job;

/* Counts a failure and reports "op: check on device: sample: ..."; s may be NULL. */
void job_fail(job *j, const sample *s, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Notes why the op does not take this check. */
void job_skip(job *j, const char *reason);
/* Notes a sample that the check does not take. */
void job_leave_out(job *j, const char *reason);

/* "f32 [2, 3] transposed, i32 [4]" */
void sample_text(const sample *s, hebb_dtype real, char *text, size_t size);

/* Whether two results are the same: every bit, but that any NaN is as good as another. */
bool arrays_same(const hebb_array *a, const hebb_array *b, char *why, size_t size);
/* The largest error as a share of what values_match() allows; infinite for one without end. */
double values_worst(const values *expected, const hebb_array *got, tolerance t);

/* ---- all samples of an op in one graph, so that a device compiles them together ---- */

typedef struct trial_options {
    hebb_dtype real;
    bool open; /* only samples with HEBB_ANY, and that left open */
    operand_form form;
} trial_options;

typedef struct trial {
    job *j;
    hebb_graph *graph;
    instance *at;
    size_t count;
} trial;

/* False, with the failure reported or the skip noted, if there is nothing to run. */
bool trial_make(trial *t, job *j, trial_options options);
/* Draws numbers for the samples' open sizes; their expected values are in t->at[i].expected. */
void trial_bind(trial *t, int64_t batch);
/* Runs all samples; NULL, with the failure reported, if that was not possible. The results live as
   long as the process. Fetched arrays are filled with `poison` beforehand if it is not 0. */
hebb_array *trial_run(trial *t, hebb_session *s, uint8_t poison);
/* The same in a session of its own. */
hebb_array *trial_run_with(trial *t, const hebb_session_options *options);
void trial_free(trial *t);

/* ---- the checks: each a row of check.c ---- */

typedef struct forward_options {
    hebb_dtype real;
    unsigned without;
    bool open;
} forward_options;
void check_forward(job *j, const forward_options *options);
void check_repetition(job *j);
void check_poison(job *j);
void check_views(job *j);
void check_in_place(job *j);

void check_gradient(job *j);
void check_second_gradient(job *j);
void check_gradient_on_device(job *j, hebb_dtype real, bool second);
void check_gradient_bits(job *j);
void check_gradient_is_zero(job *j);

void check_errors(job *j);

#endif
