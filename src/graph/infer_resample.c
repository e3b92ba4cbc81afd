/* Shape rules of resampling: see infer.h for what a rule is. */
#include "infer.h"

/* The results' places among n elements as fractions (a i + b) / d; a half-pixel place that is to be
   rounded down to an element has not its half taken off. */
static void set_places(const hb_resampling *r, hb_resample_axis *axis) {
    const int64_t n = axis->in, size = axis->out;
    int64_t a = n, b = 0, d = size;
    if (r->coordinates == HEBB_COORDINATES_CORNERS) {
        a = n - 1;
        d = size > 1 ? size - 1 : 1;
    } else if (r->coordinates == HEBB_COORDINATES_HALF_PIXEL) {
        a = 2 * n;
        b = r->rule == HB_LINEAR ? n - size : n;
        d = 2 * size;
    }
    axis->number[0] = a;
    axis->number[1] = b;
    axis->number[2] = d;
}

static hebb_status set_window(const hb_attrs *attrs, int d, hb_resample_axis *axis,
                              hb_error *error) {
    const hb_window *window = &attrs->window;
    int64_t pad[2] = {0};
    TRY(hb_window_count(window, d, axis->in, window->kernel[d], &axis->out, error));
    if (axis->in != HEBB_ANY) hb_window_pad(window, d, axis->in, window->kernel[d], pad);
    axis->number[0] = window->kernel[d];
    axis->number[1] = window->stride[d];
    axis->number[2] = window->dilation[d];
    axis->number[3] = pad[0];
    axis->number[4] = attrs->resampling.count_padding;
    return HEBB_OK;
}

hebb_status hb_resampled_axes(const hb_attrs *attrs, hebb_shape x, int *first,
                              hb_resample_axis axis[3], hb_error *error) {
    const hb_resampling *r = &attrs->resampling;
    *first = attrs->axis < 0 ? attrs->axis + x.rank : attrs->axis;
    if (*first < 0 || *first + r->n > x.rank)
        return hb_fail(error, HEBB_E_SHAPE, "%d dimensions are wanted, the tensor has %d", r->n,
                       x.rank);
    for (int d = 0; d < r->n; d++) {
        const int64_t n = x.dim[*first + d], size = r->size[d];
        axis[d] = (hb_resample_axis){.rule = r->rule, .in = n, .out = size};
        if (r->rule == HB_WINDOWS) TRY(set_window(attrs, d, &axis[d], error));
        else if (size == HEBB_ANY || size == n)
            axis[d] = (hb_resample_axis){.rule = HB_KEPT, .in = n, .out = n};
        else if (r->rule == HB_REFLECT || r->rule == HB_EDGE) axis[d].number[0] = r->before;
        else if (r->rule != HB_SPANS && n != HEBB_ANY) set_places(r, &axis[d]);
    }
    return HEBB_OK;
}

static hebb_status resampled_shape(const hb_attrs *attrs, hebb_shape x, hebb_shape *y,
                                   hb_error *error) {
    int first;
    hb_resample_axis axis[3];
    TRY(hb_resampled_axes(attrs, x, &first, axis, error));
    *y = x;
    for (int d = 0; d < attrs->resampling.n; d++) y->dim[first + d] = axis[d].out;
    return HEBB_OK;
}

RULE(resample) {
    TRY(hb_want_floating(in[0].dtype, error));
    result->dtype = in[0].dtype;
    return resampled_shape(attrs, in[0].shape, &result->shape, error);
}

static hebb_status check_fits(hebb_shape wanted, hebb_shape y, hb_error *error) {
    for (int k = 0; k < wanted.rank; k++)
        if (wanted.rank != y.rank || !fits(wanted.dim[k], y.dim[k]))
            return hb_fail(error, HEBB_E_SHAPE, "the shapes do not fit each other");
    return HEBB_OK;
}

RULE(resample_back) {
    hebb_shape y;
    *result = (hb_signature){in[0].dtype, in[1].shape};
    TRY(resampled_shape(attrs, in[1].shape, &y, error));
    return check_fits(y, in[0].shape, error);
}

RULE(max_pool_back) {
    hebb_shape y;
    *result = in[0];
    TRY(hb_same_dtype(in, 3, error));
    TRY(resampled_shape(attrs, in[0].shape, &y, error));
    TRY(check_fits(y, in[1].shape, error));
    return check_fits(y, in[2].shape, error);
}
