/* How long something takes: repeated until the number can be trusted, summed up by the median,
   which an interruption does not move, and for bounds by the fastest. Called by everything in
   bench/ that has a time. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <time.h>

#include "bench.h"

#define WARM_SECONDS   0.1 /* also lets idle threads of another library fall asleep */
#define WARM_CALLS     3
#define SAMPLE_SECONDS 2e-3 /* far above the cost of the clock and of settling */
#define FEWEST_SAMPLES 5
#define MOST_SAMPLES   1000
#define MOST_CALLS     100000

static double total_seconds = 0.5;

double time_calls_for(double seconds) {
    const double before = total_seconds;
    total_seconds = seconds;
    return before;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Time of one sample of `calls` calls; negative if one failed. */
static double sample(measured call, measured settle, void *context, long calls) {
    double start = now();
    for (long i = 0; i < calls; i++)
        if (!call(context)) return -1;
    if (settle != NULL && !settle(context)) return -1;
    return now() - start;
}

/* The fastest of a few calls, none of which count; negative if one failed. */
static double warm_up(measured call, measured settle, void *context) {
    double start = now(), fastest = 0;
    for (int i = 0; i < WARM_CALLS || now() - start < WARM_SECONDS; i++) {
        double taken = sample(call, settle, context, 1);
        if (taken < 0) return -1;
        if (i == 0 || taken < fastest) fastest = taken;
    }
    return fastest;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

timing time_calls(measured call, measured settle, void *context) {
    const timing failed = {-1, -1};
    double samples[MOST_SAMPLES];
    double once = warm_up(call, settle, context);
    if (once < 0) return failed;
    long calls =
        once * MOST_CALLS < SAMPLE_SECONDS ? MOST_CALLS : (long)(SAMPLE_SECONDS / once) + 1;

    int count = 0;
    double start = now();
    while (count < MOST_SAMPLES && (count < FEWEST_SAMPLES || now() - start < total_seconds)) {
        double taken = sample(call, settle, context, calls);
        if (taken < 0) return failed;
        samples[count++] = taken / (double)calls;
    }
    qsort(samples, (size_t)count, sizeof samples[0], compare);
    double lower = samples[(count - 1) / 2], upper = samples[count / 2];
    return (timing){.median = (lower + upper) / 2, .fastest = samples[0]};
}
