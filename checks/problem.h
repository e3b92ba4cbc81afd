/* A sample with its gradients in a graph: y of the xs, the cotangent of y, the gradient of each
   floating x. And one differentiation further: the gradients of a weighted sum of those. */
#ifndef CHECKS_PROBLEM_H
#define CHECKS_PROBLEM_H

#include "gradcheck.h"
#include "job.h"

typedef struct problem {
    instance in;
    hebb_tensor *cotangent;
    hebb_array cotangent_value;
    int n; /* floating inputs and their gradients */
    hebb_tensor *x[MAX_INPUTS], *gradient[MAX_INPUTS];
    hebb_array *x_value[MAX_INPUTS];
    /* of problem_differentiate_again() */
    hebb_tensor *objective; /* the sum of all gradients with random weights */
    hebb_tensor *weight[MAX_INPUTS], *second[MAX_INPUTS + 1]; /* the last: of the cotangent */
    hebb_array weight_value[MAX_INPUTS];
} problem;

/* What is fed: operands, cotangent and weights. */
#define PROBLEM_FEEDS (2 * MAX_INPUTS + 1)

bool sample_has_gradient(const sample *s);
/* False, with the failure reported, if the graph does not take it. */
bool problem_make(problem *p, job *j, hebb_graph *g, const sample *s, hebb_dtype real,
                  uint64_t seed);
bool problem_differentiate_again(problem *p, job *j);

/* All that is fed, with the gradient that the library claims for it; returns how many. */
size_t problem_inputs(problem *p, bool second, gradcheck_input *list);

#endif
