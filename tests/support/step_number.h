/* Numbers with bounds on their errors, and the arithmetic of steps on them: the part of the step
   reference that knows of no step. Called by step_reference*.c. */
#ifndef HB_STEP_NUMBER_H
#define HB_STEP_NUMBER_H

#include "step_reference.h"

/* A value: f for floats, i for the others; error bounds |computed - f| or is infinite. */
typedef struct number {
    double f, error;
    int64_t i;
} number;

/* From one floating number of the dtype to the next, relative to it. */
double number_epsilon(hebb_dtype dtype);
/* What is read outside of a tensor: NaN, or 0. */
number number_missing(hebb_dtype dtype);

/* The number that stands at `memory`. */
number number_load(const char *memory, hebb_dtype dtype);
/* Stores x, and the bound of its error, at byte `at`. */
void number_put(reference_buffer *buffer, int64_t at, hebb_dtype dtype, number x);

/* As a result of this dtype: floats rounded, integers wrapped. */
number number_as(hebb_dtype dtype, number x);
number number_cast(hebb_dtype from, hebb_dtype to, number x);
/* An elementwise instruction of one or two operands of dtype `from`. */
number number_apply(int code, int arity, hebb_dtype from, hebb_dtype to, number a, number b);

#endif
