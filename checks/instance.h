/* A sample put into a graph: inputs, the views over them, the op; and bound to numbers, with the
   result that the reference expects. */
#ifndef CHECKS_INSTANCE_H
#define CHECKS_INSTANCE_H

#include "samples.h"

/* How the operands come about. */
typedef enum operand_form {
    AS_SAMPLED, /* fed, and seen through the sample's views */
    CONTIGUOUS, /* fed as they are: no views */
    COMPUTED,   /* as sampled, but results of ops instead of inputs: they lie in the arena */
} operand_form;

typedef struct instance {
    const descriptor *d;
    sample s;
    hebb_dtype real; /* what REAL stands for */
    operand_form form;
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
/* The same with operands of another form. */
void instance_build_as(instance *in, hebb_graph *g, const descriptor *d, const sample *s,
                       hebb_dtype real, bool open, operand_form form);
/* Draws numbers for a batch size and computes what is expected of them; nothing of numbers
   `to_differentiate`, which are such as f32 holds, even for f64, and away from the op's kinks. */
void instance_bind(instance *in, int64_t batch, uint64_t seed, bool to_differentiate);

#endif
