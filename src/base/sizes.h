/* Arithmetic on sizes that all parts of the library do. */
#ifndef HB_SIZES_H
#define HB_SIZES_H

#include <stddef.h>
#include <stdint.h>

static inline int64_t hb_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t hb_max(int64_t a, int64_t b) { return a > b ? a : b; }

/* The quotient, rounded up: into how many parts of b, the last one perhaps smaller, a is cut. */
static inline int64_t hb_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* The next multiple. */
static inline size_t hb_round_up(size_t bytes, size_t multiple) {
    return (bytes + multiple - 1) / multiple * multiple;
}

#endif
