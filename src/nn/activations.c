/* Activation functions, composed from the public operations (hebb/activations.h). */
#include <hebb/activations.h>

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
    return hebb_div(e, hebb_sum(e, HEBB_AXES(-1), true));
}

hebb_tensor *hebb_log_softmax(hebb_tensor *x) {
    hebb_tensor *z = shifted(x);
    return hebb_sub(z, hebb_log(hebb_sum(hebb_exp(z), HEBB_AXES(-1), true)));
}
