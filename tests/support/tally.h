/* Counts what has been checked: (op, check, device) triples, over all processes of a test run, and
   what has not, with the reasons. The runner prints the totals when all tests are done. */
#ifndef TESTS_TALLY_H
#define TESTS_TALLY_H

#include <stddef.h>

/* Notes that `samples` samples of the op went through the check on the device. */
void tally(const char *op, const char *check, const char *device, size_t samples);
/* Notes that the op did not go through the check at all. */
void tally_skipped(const char *op, const char *check, const char *device, const char *reason);
/* Notes that some of an op's samples did not. */
void tally_left_out(const char *check, const char *device, size_t samples, const char *reason);

#endif
