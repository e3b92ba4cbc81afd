/* Gradients of layers against differences. A failure fails the test. */
#ifndef TESTS_LAYER_GRADIENT_H
#define TESTS_LAYER_GRADIENT_H

#include <hebb/hebb.h>

/* On the CPU in f64 and as in training: with respect to x, normal numbers of that shape, and to
   every trainable variable that the layer makes. */
void check_layer_gradient(const char *name, hebb_tensor *(*make)(hebb_tensor *x), hebb_shape shape);

#endif
