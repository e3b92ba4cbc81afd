/* A graph, a device and a session in one, for tests of small expressions: build on `graph`, then
   ask for values. Failures stop the test. */
#ifndef TESTS_CALC_H
#define TESTS_CALC_H

#include <hebb/hebb.h>

typedef struct calc {
    hebb_graph *graph;
    hebb_device *device;
    hebb_session *session;
} calc;

calc calc_open(const char *device); /* "cpu" or "opencl" */
void calc_close(calc *c);

/* A constant vector or scalar in the graph. */
hebb_tensor *vector_f64(hebb_graph *g, const double *x, int64_t n);
#define VECTOR(g, ...)                                                                             \
    vector_f64(g, (const double[]){__VA_ARGS__},                                                   \
               (int64_t)(sizeof((const double[]){__VA_ARGS__}) / sizeof(double)))

/* Runs for one tensor that needs no feed. */
void expect_values(calc *c, hebb_tensor *t, const double *expected, int64_t n, double tolerance,
                   const char *file, int line);
#define EXPECT_VALUES(c, t, tolerance, ...)                                                        \
    expect_values(c, t, (const double[]){__VA_ARGS__},                                             \
                  (int64_t)(sizeof((const double[]){__VA_ARGS__}) / sizeof(double)), tolerance,    \
                  __FILE__, __LINE__)

#endif
