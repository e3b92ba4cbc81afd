/* Activation functions: what a layer takes as .activation. Composed from ops.h. Keras's list; those
   that ops.h has already (hebb_tanh, hebb_sigmoid, hebb_softplus, hebb_exp) are not repeated. All
   are elementwise on floating x unless said, and finite, as are their derivatives, for any finite x
   for which the formula is. */
#ifndef HEBB_ACTIVATIONS_H
#define HEBB_ACTIVATIONS_H

#include <hebb/graph.h>
#include <hebb/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef hebb_tensor *(*hebb_activation)(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_linear(hebb_tensor *x); /* x */
HEBB_API hebb_tensor *hebb_relu(hebb_tensor *x);   /* max(x, 0), numeric */
HEBB_API hebb_tensor *hebb_relu6(hebb_tensor *x);  /* x clipped to [0, 6] */
/* x where x > 0, else slope x; the derivative is the slope at 0. Keras's slope is 0.2. */
HEBB_API hebb_tensor *hebb_leaky_relu(hebb_tensor *x, double slope);
HEBB_API hebb_tensor *hebb_ramp(hebb_tensor *x); /* x clipped to [-1, 1]; derivative 0 at +-1 */
HEBB_API hebb_tensor *hebb_hard_tanh(hebb_tensor *x); /* the same, by its other name */
HEBB_API hebb_tensor *hebb_elu(hebb_tensor *x);       /* x where x > 0, else e^x - 1 */
HEBB_API hebb_tensor *hebb_celu(hebb_tensor *x);      /* the same, as alpha is 1 */
/* lambda x, or lambda alpha (e^x - 1), with which layers keep mean 0 and deviation 1 (G. Klambauer
   et al. 2017). The derivative at 0 is lambda alpha. */
HEBB_API hebb_tensor *hebb_selu(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_gelu(hebb_tensor *x);         /* x (1 + erf(x / sqrt 2)) / 2 */
HEBB_API hebb_tensor *hebb_gelu_tanh(hebb_tensor *x);    /* its approximation by a tanh */
HEBB_API hebb_tensor *hebb_silu(hebb_tensor *x);         /* x sigmoid(x), also known as swish */
HEBB_API hebb_tensor *hebb_mish(hebb_tensor *x);         /* x tanh(softplus(x)) */
HEBB_API hebb_tensor *hebb_hard_sigmoid(hebb_tensor *x); /* x / 6 + 1 / 2 clipped to [0, 1] */
HEBB_API hebb_tensor *hebb_hard_silu(hebb_tensor *x);    /* x hard_sigmoid(x) */
HEBB_API hebb_tensor *hebb_log_sigmoid(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_softsign(hebb_tensor *x);    /* x / (1 + |x|) */
HEBB_API hebb_tensor *hebb_squareplus(hebb_tensor *x);  /* (x + sqrt(x^2 + 4)) / 2 */
HEBB_API hebb_tensor *hebb_tanh_shrink(hebb_tensor *x); /* x - tanh(x) */
HEBB_API hebb_tensor *hebb_hard_shrink(hebb_tensor *x); /* x where |x| > 1/2, else 0, as of NaN */
/* x moved towards 0 by 1/2; the derivative at +-1/2 is 1. */
HEBB_API hebb_tensor *hebb_soft_shrink(hebb_tensor *x);
/* x where x > limit, else value: of NaN the value (PyTorch: NaN), as Keras. */
HEBB_API hebb_tensor *hebb_threshold(hebb_tensor *x, double limit, double value);
/* The first half of the last axis times the sigmoid of the second: [..., 2 n] -> [..., n] (Y.
   Dauphin et al. 2017). */
HEBB_API hebb_tensor *hebb_glu(hebb_tensor *x);
/* e^x_i / sum_k e^x_k along the last axis, and its logarithm; safe for any finite x. */
HEBB_API hebb_tensor *hebb_softmax(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_log_softmax(hebb_tensor *x);
/* The nearest point of the simplex along the last axis: like softmax, with zeros (A. Martins and R.
   Astudillo 2016). */
HEBB_API hebb_tensor *hebb_sparsemax(hebb_tensor *x);

#ifdef __cplusplus
}
#endif

#ifndef HEBB_NO_HERE
#define hebb_linear(x)                  (hebb_linear)(HEBB_HERE(x))
#define hebb_relu(x)                    (hebb_relu)(HEBB_HERE(x))
#define hebb_relu6(x)                   (hebb_relu6)(HEBB_HERE(x))
#define hebb_ramp(x)                    (hebb_ramp)(HEBB_HERE(x))
#define hebb_hard_tanh(x)               (hebb_hard_tanh)(HEBB_HERE(x))
#define hebb_elu(x)                     (hebb_elu)(HEBB_HERE(x))
#define hebb_celu(x)                    (hebb_celu)(HEBB_HERE(x))
#define hebb_selu(x)                    (hebb_selu)(HEBB_HERE(x))
#define hebb_gelu(x)                    (hebb_gelu)(HEBB_HERE(x))
#define hebb_gelu_tanh(x)               (hebb_gelu_tanh)(HEBB_HERE(x))
#define hebb_silu(x)                    (hebb_silu)(HEBB_HERE(x))
#define hebb_mish(x)                    (hebb_mish)(HEBB_HERE(x))
#define hebb_hard_sigmoid(x)            (hebb_hard_sigmoid)(HEBB_HERE(x))
#define hebb_hard_silu(x)               (hebb_hard_silu)(HEBB_HERE(x))
#define hebb_log_sigmoid(x)             (hebb_log_sigmoid)(HEBB_HERE(x))
#define hebb_softsign(x)                (hebb_softsign)(HEBB_HERE(x))
#define hebb_squareplus(x)              (hebb_squareplus)(HEBB_HERE(x))
#define hebb_tanh_shrink(x)             (hebb_tanh_shrink)(HEBB_HERE(x))
#define hebb_hard_shrink(x)             (hebb_hard_shrink)(HEBB_HERE(x))
#define hebb_soft_shrink(x)             (hebb_soft_shrink)(HEBB_HERE(x))
#define hebb_glu(x)                     (hebb_glu)(HEBB_HERE(x))
#define hebb_softmax(x)                 (hebb_softmax)(HEBB_HERE(x))
#define hebb_log_softmax(x)             (hebb_log_softmax)(HEBB_HERE(x))
#define hebb_sparsemax(x)               (hebb_sparsemax)(HEBB_HERE(x))
#define hebb_leaky_relu(x, slope)       (hebb_leaky_relu)(HEBB_HERE(x), slope)
#define hebb_threshold(x, limit, value) (hebb_threshold)(HEBB_HERE(x), limit, value)
#endif
#endif
