/* See windows.h. */
#include "windows.h"

/* Spatial axis d of n as one of three: those that are missing come first and have size 1. */
static int place(int d, int n) { return 3 - n + d; }

static double product(const int64_t size[3]) {
    return (double)size[0] * (double)size[1] * (double)size[2];
}

/* ---- convolution ---- */

static hb_conv conv_of(const hb_window *window, hebb_shape x, hebb_shape w, hebb_shape y) {
    hb_conv c = {.batch = x.dim[0],
                 .groups = window->groups,
                 .in_channels = w.dim[1],
                 .out_channels = w.dim[0] / window->groups};
    int n = x.rank - 2;
    for (int k = 0; k < 3; k++) {
        c.in[k] = c.kernel[k] = c.out[k] = c.stride[k] = c.dilation[k] = 1;
        c.before[k] = 0;
    }
    for (int d = 0; d < n; d++) {
        int64_t pad[2];
        int k = place(d, n);
        hb_window_pad(window, d, x.dim[2 + d], w.dim[2 + d], pad);
        c.in[k] = x.dim[2 + d];
        c.kernel[k] = w.dim[2 + d];
        c.out[k] = y.dim[2 + d];
        c.stride[k] = window->stride[d];
        c.dilation[k] = window->dilation[d];
        c.before[k] = pad[0];
    }
    return c;
}

void hb_conv_step(const hebb_tensor *t, const hebb_shape *in, hebb_shape out, hb_step *step) {
    const hb_window *window = &t->attrs->window;
    hb_step_kind kind;
    hb_conv c;
    switch (t->op) {
    case HB_OP_CONV:
        kind = HB_CONV;
        c = conv_of(window, in[0], in[1], out);
        break;
    case HB_OP_CONV_INPUT:
        kind = HB_CONV_INPUT;
        c = conv_of(window, out, in[1], in[0]);
        break;
    default:
        kind = HB_CONV_WEIGHT;
        c = conv_of(window, in[0], out, in[1]);
        break;
    }
    double channels = (double)c.groups * (double)c.in_channels * (double)c.out_channels;
    double x = (double)c.batch * (double)c.groups * (double)c.in_channels * product(c.in);
    double y = (double)c.batch * (double)c.groups * (double)c.out_channels * product(c.out);
    double w = channels * product(c.kernel);
    *step = (hb_step){.kind = kind,
                      .u.conv = c,
                      .name = hb_op_name(t->op),
                      .flops = 2 * (double)c.batch * product(c.out) * w,
                      .bytes = (x + y + w) * (double)hebb_dtype_size(t->dtype)};
}

/* ---- windows ---- */

bool hb_windows_tile(const hebb_tensor *fold, hebb_shape y, hebb_shape x) {
    const hb_window *window = &fold->attrs->window;
    int n = window->n, outer = x.rank - n;
    for (int d = 0; d < n; d++) {
        int64_t kernel = y.dim[x.rank + d];
        if (window->stride[d] != kernel || (window->dilation[d] != 1 && kernel != 1) ||
            x.dim[outer + d] != kernel * y.dim[outer + d])
            return false;
    }
    return true;
}

void hb_fold_step(const hebb_tensor *t, hebb_shape y, hebb_shape x, hb_step *step) {
    const hb_window *window = &t->attrs->window;
    int n = window->n, outer = x.rank - n;
    hb_fold fold = {.outer = 1};
    for (int k = 0; k < outer; k++) fold.outer *= x.dim[k];
    for (int k = 0; k < 3; k++)
        fold.in[k] = fold.kernel[k] = fold.out[k] = fold.stride[k] = fold.dilation[k] = 1;
    for (int d = 0; d < n; d++) {
        int k = place(d, n);
        fold.in[k] = x.dim[outer + d];
        fold.kernel[k] = y.dim[x.rank + d];
        fold.out[k] = y.dim[outer + d];
        fold.stride[k] = window->stride[d];
        fold.dilation[k] = window->dilation[d];
    }
    double read = (double)hebb_shape_count(y), written = (double)hebb_shape_count(x);
    *step = (hb_step){.kind = HB_FOLD,
                      .u.fold = fold,
                      .name = "fold",
                      .flops = read,
                      .bytes = (read + written) * (double)hebb_dtype_size(t->dtype)};
}

/* ---- resampling ---- */

void hb_resample_step(const hebb_tensor *t, hebb_shape x, const hb_resampled *along,
                      hb_step *step) {
    hb_resample r = {.outer = 1,
                     .inner = 1,
                     .transposed = t->op == HB_OP_RESAMPLE_BACK,
                     .maxima = t->op == HB_OP_MAX_POOL || t->op == HB_OP_MAX_POOL_BACK};
    const int first = along->first, n = along->n;
    double in = 1, out = 1;
    for (int k = 0; k < 3; k++) r.axis[k].in = r.axis[k].out = 1;
    for (int k = 0; k < x.rank; k++) {
        if (k < first) r.outer *= x.dim[k];
        else if (k >= first + n) r.inner *= x.dim[k];
        else r.axis[place(k - first, n)] = along->axis[k - first];
    }
    for (int k = 0; k < 3; k++) in *= (double)r.axis[k].in, out *= (double)r.axis[k].out;
    const double others = (double)r.outer * (double)r.inner;
    *step = (hb_step){.kind = HB_RESAMPLE,
                      .u.resample = r,
                      .name = hb_op_name(t->op),
                      .flops = 4 * others * (in > out ? in : out),
                      .bytes = others * (in + out) * (double)hebb_dtype_size(t->dtype)};
}

hb_view hb_windows_view(const hebb_tensor *t, hebb_shape x) {
    const hb_window *window = &t->attrs->window;
    hb_view view = hb_contiguous(x);
    int n = window->n;
    for (int d = 0; d < n; d++) {
        int64_t unit = view.stride[x.rank - n + d];
        /* A step that is never made may be larger than any tensor. */
        int64_t last = x.dim[x.rank - n + d];
        view.stride[x.rank + d] = window->dilation[d] < last ? window->dilation[d] * unit : 0;
        view.stride[x.rank - n + d] = window->stride[d] < last ? window->stride[d] * unit : 0;
    }
    return view;
}

hb_view hb_padded_view(const hebb_tensor *pad, hebb_shape x, hebb_shape padded) {
    int64_t before[HEBB_MAX_RANK], after[HEBB_MAX_RANK];
    hb_view view = hb_contiguous(padded);
    hb_pad_borders(pad->attrs, x, before, after);
    for (int k = 0; k < x.rank; k++) view.offset += before[k] * view.stride[k];
    return view;
}
