/* The checks of checks/check.h as Criterion tests: a failure fails the test, what was checked is
   counted, and what was not is noted with its reason (tally.h). */
#ifndef TESTS_OP_CHECKS_H
#define TESTS_OP_CHECKS_H

#include <criterion/parameterized.h>

#include "../../checks/check.h"

/* The checks of an op that one process goes through, or several of these together: kernels that
   they have in common are compiled once. */
typedef enum check_group { OF_VALUES = 1, OF_GRADIENTS = 2, OF_SECOND_GRADIENTS = 4 } check_group;

/* Checks the descriptor of this number on "cpu" or "opencl". */
void run_checks(size_t number, unsigned groups, const char *device);

/* Checks a share of the descriptors. An OpenCL driver that compiles takes half a second to begin,
   and neighbors have kernels in common: they go through one process. */
#define SHARES 16
void run_share(size_t share, unsigned groups, const char *device);

/* The numbers of all descriptors and of all shares, for ParameterizedTestParameters. */
struct criterion_test_params every_descriptor(void);
struct criterion_test_params every_share(void);

#endif
