/* What makes training harder, so that what is learned holds: dropout, noise, penalties on activity
   (hebb/layers.h). In inference each is its x. */
#include <math.h>
#include <stdio.h>

#include <hebb/layers.h>
#include <hebb/ops.h>

#include "nn.h"

/* NULL if x is floating and the number in [low, high); else what the layer returns. */
static hebb_tensor *check(const char *what, const char *number, hebb_tensor *x, double value,
                          double high) {
    if (hebb_tensor_is_inert(x)) return x;
    char message[160];
    hebb_dtype dtype = hebb_tensor_dtype(x);
    snprintf(message, sizeof message, "%s: x is %s, not floating", what, hebb_dtype_name(dtype));
    if (!hebb_dtype_floating(dtype))
        return hebb_graph_fail(hebb_tensor_graph(x), HEBB_E_DTYPE, message);
    if (value >= 0 && value < high) return NULL;
    snprintf(message, sizeof message, "%s: the %s is %g, not in [0, %g)", what, number, value,
             high);
    return hebb_graph_fail(hebb_tensor_graph(x), HEBB_E_ARGUMENT, message);
}

static hebb_tensor *in_training(hebb_tensor *x, hebb_tensor *changed) {
    return hebb_select(hebb_training(hebb_tensor_graph(x)), changed, x);
}

/* Of the shape of `like`, whose value is not used: true with probability 1 - rate. In f32, for the
   halves have too few numbers in [0, 1). */
static hebb_tensor *kept(hebb_tensor *like, double rate) {
    hebb_tensor *number = hebb_random_uniform_like(hebb_cast(like, HEBB_F32));
    return hebb_greater_equal(number, hebb_scalar_like(number, rate));
}

static hebb_tensor *drop(hebb_tensor *x, hebb_tensor *like, double rate) {
    hebb_tensor *scaled = times(x, 1 / (1 - rate));
    return in_training(x, hebb_select(kept(like, rate), scaled, hebb_scalar_like(x, 0)));
}

hebb_tensor *hebb_dropout(hebb_tensor *x, double rate) {
    hebb_tensor *failed = check("dropout", "rate", x, rate, 1);
    return failed != NULL || x == NULL || rate == 0 ? failed != NULL ? failed : x
                                                    : drop(x, x, rate);
}

hebb_tensor *hebb_spatial_dropout(hebb_tensor *x, double rate) {
    hebb_tensor *failed = check("spatial_dropout", "rate", x, rate, 1);
    if (x == NULL || failed != NULL) return failed;
    int rank = hebb_tensor_shape(x).rank, axes[HEBB_MAX_RANK];
    if (rank < 3)
        return hebb_graph_fail(hebb_tensor_graph(x), HEBB_E_SHAPE,
                               "spatial_dropout: x has a rank of less than 3: no places");
    for (int k = 2; k < rank; k++) axes[k - 2] = k;
    return rate == 0 ? x : drop(x, hebb_sum(x, axes, rank - 2, true), rate);
}

static hebb_tensor *noise(hebb_tensor *x, double deviation) {
    hebb_tensor *number = hebb_random_normal_like(hebb_cast(x, HEBB_F32));
    return hebb_cast(times(number, deviation), hebb_tensor_dtype(x));
}

hebb_tensor *hebb_gaussian_dropout(hebb_tensor *x, double rate) {
    hebb_tensor *failed = check("gaussian_dropout", "rate", x, rate, 1);
    if (x == NULL || failed != NULL || rate == 0) return failed != NULL ? failed : x;
    hebb_tensor *factor = noise(x, sqrt(rate / (1 - rate)));
    return in_training(x, hebb_mul(x, hebb_add(factor, hebb_scalar_like(factor, 1))));
}

hebb_tensor *hebb_gaussian_noise(hebb_tensor *x, double deviation) {
    hebb_tensor *failed = check("gaussian_noise", "deviation", x, deviation, INFINITY);
    if (x == NULL || failed != NULL || deviation == 0) return failed != NULL ? failed : x;
    return in_training(x, hebb_add(x, noise(x, deviation)));
}

/* What is dropped becomes -lambda alpha of SELU, its value far below zero; then a and b bring mean
   and deviation back. */
hebb_tensor *hebb_alpha_dropout(hebb_tensor *x, double rate) {
    static const double low = -1.0507009873554805 * 1.6732632423543772;
    hebb_tensor *failed = check("alpha_dropout", "rate", x, rate, 1);
    if (x == NULL || failed != NULL || rate == 0) return failed != NULL ? failed : x;
    double a = 1 / sqrt((1 - rate) * (1 + rate * low * low)), b = -a * low * rate;
    hebb_tensor *dropped = hebb_select(kept(x, rate), x, hebb_scalar_like(x, low));
    return in_training(x, hebb_add(times(dropped, a), hebb_scalar_like(x, b)));
}

hebb_tensor *hebb_activity_regularization(hebb_tensor *x, double l1, double l2) {
    hebb_tensor *failed = check("activity_regularization", "penalty", x, 0, 1);
    if (x == NULL || failed != NULL) return failed;
    hebb_tensor *penalty = hb_penalize(x, l1, l2);
    if (penalty == NULL || hebb_tensor_is_inert(penalty)) return penalty == NULL ? x : penalty;
    return hebb_attach_loss(x, penalty);
}
