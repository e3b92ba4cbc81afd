/* Activation functions: what a layer takes as .activation. Composed from ops.h. */
#ifndef HEBB_ACTIVATIONS_H
#define HEBB_ACTIVATIONS_H

#include <hebb/graph.h>
#include <hebb/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef hebb_tensor *(*hebb_activation)(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_relu(hebb_tensor *x); /* max(x, 0), numeric */
/* x where x > 0, else slope x; the derivative is the slope at 0. */
HEBB_API hebb_tensor *hebb_leaky_relu(hebb_tensor *x, double slope);
HEBB_API hebb_tensor *hebb_ramp(hebb_tensor *x); /* x clipped to [-1, 1]; derivative 0 at +-1 */
/* e^x_i / sum_k e^x_k along the last axis, and its logarithm; safe for any finite x. */
HEBB_API hebb_tensor *hebb_softmax(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_log_softmax(hebb_tensor *x);

#ifdef __cplusplus
}
#endif

#ifndef HEBB_NO_HERE
#define hebb_relu(x)              (hebb_relu)(HEBB_HERE(x))
#define hebb_leaky_relu(x, slope) (hebb_leaky_relu)(HEBB_HERE(x), slope)
#define hebb_ramp(x)              (hebb_ramp)(HEBB_HERE(x))
#define hebb_softmax(x)           (hebb_softmax)(HEBB_HERE(x))
#define hebb_log_softmax(x)       (hebb_log_softmax)(HEBB_HERE(x))
#endif
#endif
