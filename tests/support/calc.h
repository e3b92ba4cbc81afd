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
void expect_values(calc *c, hebb_tensor *t, const double *expected, int64_t n, double allowed,
                   const char *file, int line);
#define EXPECT_VALUES(c, t, allowed, ...)                                                          \
    expect_values(c, t, (const double[]){__VA_ARGS__},                                             \
                  (int64_t)(sizeof((const double[]){__VA_ARGS__}) / sizeof(double)), allowed,      \
                  __FILE__, __LINE__)

/* y of one fed x, to be freed by the caller; *steps, if not NULL, is how many the plan has. */
hebb_array calc_fed(calc *c, hebb_tensor *x, const hebb_array *value, hebb_tensor *y,
                    size_t *steps);
/* Real numbers, the same each time; they live as long as the process. */
hebb_array drawn_reals(hebb_dtype dtype, hebb_shape shape);

/* Expects this first error of a graph, with these words in its message, and destroys the graph. */
void expect_graph_error(hebb_graph *g, hebb_status status, const char *words);

#endif
