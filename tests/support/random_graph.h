/* Graphs drawn from a seed: 10 to 40 ops over a few inputs, with broadcasting, shared and repeated
   subexpressions, views, reductions and products. Values stay moderate, so that they can be
   compared. */
#ifndef TESTS_RANDOM_GRAPH_H
#define TESTS_RANDOM_GRAPH_H

#include <hebb/hebb.h>

#include "../../checks/values.h"

#define RANDOM_INPUTS  4
#define RANDOM_OUTPUTS 3

typedef struct random_graph {
    hebb_graph *graph;
    hebb_tensor *input[RANDOM_INPUTS];
    hebb_array value[RANDOM_INPUTS];
    hebb_tensor *output[RANDOM_OUTPUTS];
    hebb_tensor *objective; /* a scalar of all outputs */
    hebb_tensor *gradient[RANDOM_INPUTS];
} random_graph;

/* `smooth` leaves out abs, maximum and the like, whose kinks a central difference may straddle. */
random_graph random_graph_make(uint64_t seed, hebb_dtype dtype, bool smooth);

#endif
