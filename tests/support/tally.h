/* Counts what has been checked: (op, check, device) triples, over all processes of a test run. The
   runner prints the totals when all tests are done. */
#ifndef TESTS_TALLY_H
#define TESTS_TALLY_H

#include <stddef.h>

/* Notes that `samples` samples of the op went through the check on the device. */
void tally(const char *op, const char *check, const char *device, size_t samples);

#endif
