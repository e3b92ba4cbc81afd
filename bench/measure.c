/* How long something takes: repeated until the number can be trusted, summed up by the median,
   which an interruption does not move. Called by everything in bench/ that has a time. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <time.h>

#include "bench.h"

#define WARM_SECONDS   0.05 /* also lets idle threads of another library fall asleep */
#define WARM_CALLS     2
#define SAMPLE_SECONDS 2e-3 /* far above the cost of the clock and of settling */
#define FEWEST_SAMPLES 5    /* of all turns */
#define MOST_SAMPLES   1000
#define TURNS          4 /* of each, where several are measured */
#define MOST_CALLS     100000

static double total_seconds = 0.5;

void time_calls_for(double seconds) { total_seconds = seconds; }

double time_of_calls(void) { return total_seconds; }

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

static double median(double *samples, int count) {
    qsort(samples, (size_t)count, sizeof samples[0], compare);
    return (samples[(count - 1) / 2] + samples[count / 2]) / 2;
}

typedef struct series {
    double samples[MOST_SAMPLES];
    int count;
} series;

/* Adds to the series what is measured in `seconds`; false if a call failed. */
static bool take_turn(const timed *t, double seconds, int fewest, int most, series *s) {
    const double once = warm_up(t->call, t->settle, t->context);
    if (once < 0) return false;
    const long calls =
        once * MOST_CALLS < SAMPLE_SECONDS ? MOST_CALLS : (long)(SAMPLE_SECONDS / once) + 1;
    const double start = now();
    while (s->count < most && (s->count < fewest || now() - start < seconds)) {
        const double taken = sample(t->call, t->settle, t->context, calls);
        if (taken < 0) return false;
        s->samples[s->count++] = taken / (double)calls;
    }
    return true;
}

bool time_in_turn(timed *things, size_t n) {
    series *all = calloc(n, sizeof *all);
    bool fine = all != NULL;
    const int turns = n > 1 ? TURNS : 1;
    for (int turn = 1; turn <= turns; turn++)
        for (size_t i = 0; i < n && fine; i++)
            fine = take_turn(&things[i], things[i].share * total_seconds / turns,
                             FEWEST_SAMPLES * turn / turns, MOST_SAMPLES * turn / turns, &all[i]);
    for (size_t i = 0; i < n; i++)
        things[i].median = fine ? median(all[i].samples, all[i].count) : -1;
    free(all);
    return fine;
}

double time_calls(measured call, measured settle, void *context) {
    timed one = {call, settle, context, .share = 1};
    (void)time_in_turn(&one, 1);
    return one.median;
}
