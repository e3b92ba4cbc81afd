/* Arrays and runs for the tests of scans. Failures stop the test. */
#ifndef TESTS_SCAN_H
#define TESTS_SCAN_H

#include <hebb/hebb.h>

/* Numbers in [-0.8, 0.8] that follow from the seed; f32 or f64, to be freed by the caller. */
hebb_array filled(hebb_dtype dtype, hebb_shape shape, uint64_t seed);

/* Equal shapes, and elements that differ by at most allowed * (1 + |b|). */
void expect_near(const hebb_array *a, const hebb_array *b, double allowed, const char *what);

/* One run in a session of its own, whose seed is always the same. */
void run_once(hebb_graph *g, hebb_device *device, const hebb_feed *feeds, size_t n_feeds,
              const hebb_fetch *fetches, size_t n_fetches);

#endif
