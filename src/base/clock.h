/* Time, for statistics, profiles and measured choices. */
#ifndef HB_CLOCK_H
#define HB_CLOCK_H

#include <time.h>

/* Seconds since some moment; never goes back. */
static inline double hb_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
