/* Builders of reductions that are composed of others (hebb/reductions.h). */
#include <math.h>

#include "build.h"

/* ---- primitives ---- */

hebb_tensor *hebb_prod(hebb_tensor *x, const int *axes, int n_axes, bool keep) {
    return hb_reduce(x, HB_OP_PROD, axes, n_axes, keep);
}

hebb_tensor *hebb_any(hebb_tensor *x, const int *axes, int n_axes, bool keep) {
    return hb_reduce(x, HB_OP_ANY, axes, n_axes, keep);
}

hebb_tensor *hebb_all(hebb_tensor *x, const int *axes, int n_axes, bool keep) {
    return hb_reduce(x, HB_OP_ALL, axes, n_axes, keep);
}

/* ---- composed ---- */

/* A result that was kept, as it is wanted. */
static hebb_tensor *without_axes(hebb_tensor *kept, hebb_tensor *x, const int *axes, int n_axes,
                                 bool keep) {
    if (keep || hebb_tensor_is_inert(kept)) return kept;
    bool gone[HEBB_MAX_RANK];
    hb_attrs attrs = {.n_axes = n_axes};
    for (int k = 0; k < n_axes; k++) attrs.axes[k] = axes[k];
    hb_reduced_axes(&attrs, x->shape.rank, gone);
    for (int k = x->shape.rank - 1; k >= 0; k--)
        if (gone[k]) kept = hebb_squeeze(kept, k);
    return kept;
}

/* m + log(sum(exp(x - m))). m is a constant to gradients, for its own cancel. An infinite m (then
   the sum is 0 or infinite) is replaced by 0; a sum of 0 by 1 where its logarithm is not used, so
   that its gradient stays finite. */
hebb_tensor *hebb_logsumexp(hebb_tensor *x, const int *axes, int n_axes, bool keep) {
    if (hebb_tensor_is_inert(x)) return x;
    if (!hb_floating(x->dtype))
        return hb_graph_error(x->graph, HEBB_E_DTYPE, "logsumexp: %s is %s, not floating",
                              hebb_tensor_name(x), hebb_dtype_name(x->dtype));
    if (hb_half(x->dtype)) /* the sum may be more than f16 holds */
        return hebb_cast(hebb_logsumexp(hebb_cast(x, HEBB_F32), axes, n_axes, keep), x->dtype);
    hebb_tensor *m = hebb_stop_gradient(hebb_max(x, axes, n_axes, true));
    hebb_tensor *finite = hebb_less(hebb_abs(m), hebb_scalar_like(m, INFINITY));
    m = hebb_select(finite, m, hebb_scalar_like(m, 0));
    hebb_tensor *sum = hebb_sum(hebb_exp(hebb_sub(x, m)), axes, n_axes, true);
    hebb_tensor *none = hebb_equal(sum, hebb_scalar_like(sum, 0));
    hebb_tensor *some = hebb_select(none, hebb_scalar_like(sum, 1), sum);
    hebb_tensor *log = hebb_add(hebb_log(some), m);
    log = hebb_select(none, hebb_scalar_like(sum, -INFINITY), log);
    return without_axes(log, x, axes, n_axes, keep);
}

hebb_tensor *hebb_variance(hebb_tensor *x, const int *axes, int n_axes, bool keep, int ddof) {
    if (hebb_tensor_is_inert(x)) return x;
    if (!hb_floating(x->dtype))
        return hb_graph_error(x->graph, HEBB_E_DTYPE, "variance: %s is %s, not floating",
                              hebb_tensor_name(x), hebb_dtype_name(x->dtype));
    if (hb_half(x->dtype)) /* as in hebb_mean() */
        return hebb_cast(hebb_variance(hebb_cast(x, HEBB_F32), axes, n_axes, keep, ddof), x->dtype);
    hebb_tensor *distance = hebb_sub(x, hebb_mean(x, axes, n_axes, true));
    hebb_tensor *n = hebb_size(x, axes, n_axes, x->dtype);
    n = hebb_maximum(hebb_sub(n, hebb_scalar_like(n, ddof)), hebb_scalar_like(n, 0));
    hebb_tensor *sum = hebb_sum(hebb_square(distance), axes, n_axes, keep);
    hebb_tensor *none = hebb_scalar_like(n, NAN), *zero = hebb_scalar_like(n, 0);
    return hebb_div(sum, hebb_select(hebb_greater(n, zero), n, none));
}

hebb_tensor *hebb_standard_deviation(hebb_tensor *x, const int *axes, int n_axes, bool keep,
                                     int ddof) {
    if (hebb_tensor_is_inert(x)) return x;
    if (!hb_half(x->dtype)) return hebb_sqrt(hebb_variance(x, axes, n_axes, keep, ddof));
    hebb_tensor *wide = hebb_cast(x, HEBB_F32); /* the square may be more than f16 holds */
    return hebb_cast(hebb_standard_deviation(wide, axes, n_axes, keep, ddof), x->dtype);
}
