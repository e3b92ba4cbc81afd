/* The checks of checks/check.h as Criterion tests: a failure fails the test, what was checked is
   counted, and what was not is noted with its reason (tally.h). */
#ifndef TESTS_OP_CHECKS_H
#define TESTS_OP_CHECKS_H

#include <criterion/parameterized.h>

#include "../../checks/check.h"

/* All checks of one op of these topics (a bit each) on "cpu" or "opencl". */
void run_checks(const descriptor *d, unsigned topics, const char *device);

/* The numbers of all descriptors, for ParameterizedTestParameters. */
struct criterion_test_params every_descriptor(void);

#endif
