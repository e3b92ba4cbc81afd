/* Small models that a test builds, runs on several devices or in several ways, and compares: for
   test_small_steps.c and test_side.c. What fails is an assertion of the test. */
#ifndef TESTS_OUTCOME_H
#define TESTS_OUTCOME_H

#include <hebb/hebb.h>

enum { MOST_RESULTS = 10, RUNS = 3 };

typedef struct built {
    hebb_graph *graph;
    int64_t rows, columns;
    hebb_dtype dtype;
    hebb_tensor *x, *result[MOST_RESULTS]; /* x [rows, columns] is fed */
    int n_results;
    hebb_tensor *step; /* run as well; or NULL */
} built;

/* Adds results and, maybe, a step to a model that has its x. */
typedef void maker(built *m);

void built_add(built *m, hebb_tensor *tensor);
/* A state [rows, columns] of the model's dtype, from -1 to 1. */
hebb_tensor *built_state(built *m, const char *name, int64_t rows, int64_t columns);

/* Whose graph the caller destroys. */
built built_make(maker *make, int64_t rows, int64_t columns, hebb_dtype dtype);
/* Run number `run`, each of which has its own x; results [n_results] or NULL. */
void built_run(hebb_session *s, const built *m, int run, hebb_array *results);

typedef struct outcome {
    hebb_array result[RUNS][MOST_RESULTS];
    int n;
} outcome;

/* What a new session has after each of some runs; free with outcome_free(). */
outcome outcome_of(hebb_device *device, maker *make, int64_t rows, int64_t columns,
                   hebb_dtype dtype);
void outcome_free(outcome *o);

/* Every element within `f32` (1 + its magnitude) for float32, 5e-8 of that for float64, a hundred
   times as much for float16; whole numbers and truths equal. `what` begins the message. */
void outcome_expect_near(const outcome *got, const outcome *wanted, double f32, const char *what);
void outcome_expect_same_bits(const outcome *a, const outcome *b, const char *what);

#endif
