/* The elementwise mathematics of scalar.def for the step reference, from C's library. */
#ifndef TESTS_STEP_MATH_H
#define TESTS_STEP_MATH_H

#include <stdbool.h>

/* Whether the code is one of these, all of which take floats; the value at (a, b). */
bool step_math(int code, double a, double b, double *value);

#endif
