/* A naive interpreter of steps on host memory, against which backends are compared. It computes
   every value in float64 or int64 with a bound on how far an honest backend's result may be from
   it; f32 values are rounded after every instruction. Written from step.h alone; shares nothing
   with any backend but the random functions of scalar.h, whose numbers are part of the contract. */
#ifndef HB_STEP_REFERENCE_H
#define HB_STEP_REFERENCE_H

#include "../../src/backends/step.h"

/* One buffer. error[b] is the bound for the element stored at byte b; infinite where anything may
   stand, 0 where nothing was stored. */
typedef struct reference_buffer {
    char *bytes;
    double *error;
    size_t size;
} reference_buffer;

/* Runs the step on buffers by number. */
void reference_run(const hb_step *step, reference_buffer *buffers, uint64_t seed, uint64_t run);

/* step_reference_along.c: gather and scatter; sorts, recurrences, take and put */
void reference_indexed(const hb_step *step, reference_buffer *buffers);
void reference_along(const hb_step *step, reference_buffer *buffers);
/* step_reference_conv.c */
void reference_conv(const hb_step *step, reference_buffer *buffers);
void reference_fold(const hb_step *step, reference_buffer *buffers);
void reference_resample(const hb_step *step, reference_buffer *buffers);
void reference_max_back(const hb_step *step, reference_buffer *buffers);

/* Element `index` of memory as a double (integers beyond 2^53 lose digits). */
double reference_read(const char *memory, hebb_dtype dtype, int64_t index);

#endif
