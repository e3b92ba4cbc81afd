/* The checks of checks/check.h as Criterion tests: a failure fails the test, what was checked is
   counted, and what was not is noted with its reason (tally.h). */
#ifndef TESTS_OP_CHECKS_H
#define TESTS_OP_CHECKS_H

#include <criterion/parameterized.h>

#include "../../checks/check.h"

/* The checks of one op that a test of its own goes through. Each test is a process, which compiles
   what its checks have in common once. */
typedef enum check_group { OF_VALUES, OF_GRADIENTS, OF_SECOND_GRADIENTS } check_group;

/* On "cpu" or "opencl". */
void run_checks(const descriptor *d, check_group group, const char *device);

/* The numbers of all descriptors, for ParameterizedTestParameters. */
struct criterion_test_params every_descriptor(void);

#endif
