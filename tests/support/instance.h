/* A sample put into a graph: inputs, the views over them, the op; and bound to numbers, with the
   result that the reference expects. */
#ifndef TESTS_INSTANCE_H
#define TESTS_INSTANCE_H

#include "samples.h"

typedef struct instance {
    const descriptor *d;
    sample s;
    hebb_dtype real; /* what REAL stands for */
    hebb_tensor *input[MAX_INPUTS];
    hebb_array fed[MAX_INPUTS];
    hebb_tensor *result;
    values expected;
} instance;

/* The size that HEBB_ANY stands for where a sample is not run with open dimensions. */
#define BATCH 5

hebb_dtype operand_dtype(const sample *s, int k, hebb_dtype real);
bool sample_is_open(const sample *s);
/* Whether a float64 number occurs anywhere in the sample. */
bool sample_uses_f64(const sample *s, hebb_dtype real);
/* Elements of all operands together. */
int64_t sample_elements(const sample *s);

/* Adds the sample to the graph; with `open`, HEBB_ANY stays open in its inputs, else it is BATCH.
 */
void instance_build(instance *in, hebb_graph *g, const descriptor *d, const sample *s,
                    hebb_dtype real, bool open);
/* Draws numbers for a batch size and computes what is expected of them. Numbers drawn for f64 are
   rounded to f32 if `as_f32`. */
void instance_bind(instance *in, int64_t batch, uint64_t seed, bool as_f32);

#endif
