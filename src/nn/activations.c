/* Activation functions, composed from the public operations (hebb/activations.h). */
#include <math.h>

#include <hebb/activations.h>
#include <hebb/indexing.h>
#include <hebb/movement.h>
#include <hebb/reductions.h>
#include "nn.h"

hebb_tensor *hebb_linear(hebb_tensor *x) { return x; }

hebb_tensor *hebb_relu(hebb_tensor *x) { return hebb_maximum(x, hebb_scalar_like(x, 0)); }

hebb_tensor *hebb_leaky_relu(hebb_tensor *x, double slope) {
    hebb_tensor *positive = hebb_greater(x, hebb_scalar_like(x, 0));
    return hebb_select(positive, x, hebb_mul(x, hebb_scalar_like(x, slope)));
}

hebb_tensor *hebb_ramp(hebb_tensor *x) { return hebb_clip(x, -1, 1); }

/* x less the largest of its row: the exponentials cannot overflow, and the result is the same. The
   shift is a constant to gradients, since it cancels. */
static hebb_tensor *shifted(hebb_tensor *x) {
    return hebb_sub(x, hebb_stop_gradient(hebb_max(x, HEBB_AXES(-1), true)));
}

hebb_tensor *hebb_softmax(hebb_tensor *x) {
    hebb_tensor *e = hebb_exp(shifted(x));
    return hebb_mul(e, hebb_reciprocal(hebb_sum(e, HEBB_AXES(-1), true)));
}

hebb_tensor *hebb_log_softmax(hebb_tensor *x) {
    hebb_tensor *z = shifted(x);
    return hebb_sub(z, hebb_log(hebb_sum(hebb_exp(z), HEBB_AXES(-1), true)));
}

/* ---- elementwise ---- */

hebb_tensor *hebb_relu6(hebb_tensor *x) { return hebb_clip(x, 0, 6); }
hebb_tensor *hebb_hard_tanh(hebb_tensor *x) { return hebb_ramp(x); }

/* e^x - 1 is taken of min(0, x) alone: of a large x it, and its derivative, would overflow. In this
   order x gets the gradient at 0, where the derivative is 1 from both sides. */
hebb_tensor *hebb_elu(hebb_tensor *x) {
    hebb_tensor *zero = number(x, 0);
    hebb_tensor *below = hebb_expm1(hebb_minimum(zero, x));
    return hebb_select(hebb_greater(x, zero), x, below);
}

hebb_tensor *hebb_celu(hebb_tensor *x) { return hebb_elu(x); }

hebb_tensor *hebb_selu(hebb_tensor *x) {
    static const double scale = 1.0507009873554805, alpha = 1.6732632423543772;
    hebb_tensor *zero = number(x, 0);
    hebb_tensor *below = times(hebb_expm1(hebb_minimum(zero, x)), alpha);
    return times(hebb_select(hebb_greater(x, zero), x, below), scale);
}

hebb_tensor *hebb_gelu(hebb_tensor *x) {
    return hebb_mul(times(x, 0.5), plus(hebb_erf(times(x, sqrt(0.5))), 1));
}

/* At +-10 the tanh is +-1, and the cube of what is beyond may overflow. */
hebb_tensor *hebb_gelu_tanh(hebb_tensor *x) {
    hebb_tensor *z = hebb_clip(x, -10, 10), *cube = hebb_mul(z, hebb_square(z));
    hebb_tensor *inner = times(hebb_add(z, times(cube, 0.044715)), 0.7978845608028654);
    return hebb_mul(times(x, 0.5), plus(hebb_tanh(inner), 1));
}

hebb_tensor *hebb_silu(hebb_tensor *x) { return hebb_mul(x, hebb_sigmoid(x)); }
hebb_tensor *hebb_mish(hebb_tensor *x) { return hebb_mul(x, hebb_tanh(hebb_softplus(x))); }

hebb_tensor *hebb_hard_sigmoid(hebb_tensor *x) {
    return hebb_clip(plus(times(x, 1.0 / 6), 0.5), 0, 1);
}

hebb_tensor *hebb_hard_silu(hebb_tensor *x) { return hebb_mul(x, hebb_hard_sigmoid(x)); }
hebb_tensor *hebb_log_sigmoid(hebb_tensor *x) { return hebb_neg(hebb_softplus(hebb_neg(x))); }
hebb_tensor *hebb_softsign(hebb_tensor *x) { return hebb_div(x, plus(hebb_abs(x), 1)); }

/* Of a negative x by way of (x + h) (h - x) = 4: the sum would cancel. */
hebb_tensor *hebb_squareplus(hebb_tensor *x) {
    hebb_tensor *zero = number(x, 0), *two = number(x, 2), *h = hebb_hypot(x, two);
    hebb_tensor *above = hebb_add(times(x, 0.5), times(h, 0.5));
    hebb_tensor *below = hebb_div(two, hebb_sub(h, hebb_minimum(x, zero)));
    return hebb_select(hebb_less(x, zero), below, above);
}

hebb_tensor *hebb_tanh_shrink(hebb_tensor *x) { return hebb_sub(x, hebb_tanh(x)); }

hebb_tensor *hebb_hard_shrink(hebb_tensor *x) {
    return hebb_select(hebb_greater(hebb_abs(x), number(x, 0.5)), x, number(x, 0));
}

hebb_tensor *hebb_soft_shrink(hebb_tensor *x) { return hebb_sub(x, hebb_clip(x, -0.5, 0.5)); }

hebb_tensor *hebb_threshold(hebb_tensor *x, double limit, double value) {
    return hebb_select(hebb_greater(x, number(x, limit)), x, number(x, value));
}

/* ---- along the last axis ---- */

hebb_tensor *hebb_glu(hebb_tensor *x) {
    hebb_tensor *half[2] = {NULL, NULL};
    if (hebb_tensor_is_inert(x)) return x;
    hebb_split(x, -1, 2, half);
    return hebb_mul(half[0], hebb_sigmoid(half[1]));
}

/* With z sorted from the largest on, the first k are positive where 1 + k z_k > z_1 + ... + z_k.
   The others are 0, and these less a threshold that makes their sum 1. */
hebb_tensor *hebb_sparsemax(hebb_tensor *x) {
    if (hebb_tensor_is_inert(x)) return x;
    hebb_tensor *z = hebb_sub(x, hebb_stop_gradient(hebb_max(x, HEBB_AXES(-1), true)));
    hebb_tensor *sorted = hebb_stop_gradient(hebb_sort(z, -1, true));
    hebb_tensor *k = plus(hebb_iota_like(sorted, -1, hebb_tensor_dtype(x)), 1);
    hebb_tensor *sums = hebb_cumsum(sorted, -1, false, false);
    hebb_tensor *in = hebb_greater(plus(hebb_mul(k, sorted), 1), sums);
    hebb_tensor *least =
        hebb_min(hebb_select(in, sorted, number(z, INFINITY)), HEBB_AXES(-1), true);
    /* The sum over the support, by z itself, so that gradients reach it. */
    hebb_tensor *support = hebb_greater_equal(z, least);
    hebb_tensor *count = hebb_sum(hebb_cast(support, hebb_tensor_dtype(x)), HEBB_AXES(-1), true);
    hebb_tensor *sum = hebb_sum(hebb_select(support, z, number(z, 0)), HEBB_AXES(-1), true);
    hebb_tensor *threshold = hebb_div(plus(sum, -1), count);
    return hebb_select(support, hebb_sub(z, threshold), number(z, 0));
}
