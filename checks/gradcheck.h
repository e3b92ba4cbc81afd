/* Tensors that claim to be gradients of a scalar, checked by hebb_gradcheck(). */
#ifndef CHECKS_GRADCHECK_H
#define CHECKS_GRADCHECK_H

#include <hebb/hebb.h>

/* A fed tensor; `gradient` claims to be that of the objective, NULL for one that is not checked. */
typedef struct gradcheck_input {
    hebb_tensor *tensor;
    hebb_array *value;
    hebb_tensor *gradient;
} gradcheck_input;

typedef struct gradcheck_report {
    bool passed;
    size_t elements;   /* compared */
    char message[512]; /* the worst element, or the error */
} gradcheck_report;

/* `objective` is a scalar. */
gradcheck_report gradcheck(hebb_session *session, hebb_tensor *objective,
                           const gradcheck_input *inputs, size_t n_inputs);

#endif
