/* Shape rules of convolutions, windows and padding: see infer.h for what a rule is. */
#include "infer.h"

/* ---- along one axis ---- */

/* Elements from the first to the last that a window covers along axis d. */
static int64_t window_extent(const hb_window *window, int d, int64_t kernel) {
    return window->dilation[d] * (kernel - 1) + 1;
}

void hb_window_pad(const hb_window *window, int d, int64_t size, int64_t kernel, int64_t pad[2]) {
    pad[0] = window->pad[d][0];
    pad[1] = window->pad[d][1];
    if (window->padding != HEBB_PADDING_SAME) return;
    int64_t stride = window->stride[d], count = size / stride + (size % stride != 0);
    int64_t missing = (count - 1) * stride + window_extent(window, d, kernel) - size;
    if (count == 0 || missing < 0) missing = 0;
    pad[0] = missing / 2;
    pad[1] = missing - pad[0];
}

static hebb_status check_kernel(int64_t kernel, int64_t dilation, hb_error *error) {
    int64_t extent;
    if (kernel == 0) return hb_fail(error, HEBB_E_SHAPE, "a kernel of size 0");
    if (__builtin_mul_overflow(kernel, dilation, &extent))
        return hb_fail(error, HEBB_E_SHAPE, "the kernel's extent overflows");
    return HEBB_OK;
}

hebb_status hb_window_count(const hb_window *window, int d, int64_t size, int64_t kernel,
                            int64_t *count, hb_error *error) {
    *count = HEBB_ANY;
    if (kernel == HEBB_ANY) return HEBB_OK;
    TRY(check_kernel(kernel, window->dilation[d], error));
    if (size == HEBB_ANY) return HEBB_OK;
    int64_t pad[2], extent = window_extent(window, d, kernel), padded;
    hb_window_pad(window, d, size, kernel, pad);
    if (__builtin_add_overflow(size, pad[0] + pad[1], &padded))
        return hb_fail(error, HEBB_E_SHAPE, "the padded size overflows");
    if (padded < extent)
        return hb_fail(error, HEBB_E_SHAPE,
                       "a kernel that extends over %" PRId64 " does not fit into %" PRId64
                       " + %" PRId64 " of padding at spatial axis %d",
                       extent, size, pad[0] + pad[1], d);
    *count = (padded - extent) / window->stride[d] + 1;
    return HEBB_OK;
}

/* ---- convolution ---- */

static hebb_status check_rank(const char *what, hebb_shape shape, int rank, hb_error *error) {
    if (shape.rank < 3 || shape.rank > 5)
        return hb_fail(error, HEBB_E_SHAPE, "the rank of %s is %d, where 3 to 5 are possible", what,
                       shape.rank);
    if (shape.rank == rank) return HEBB_OK;
    return hb_fail(error, HEBB_E_SHAPE, "the rank of %s is %d, not %d", what, shape.rank, rank);
}

/* `channels` must be `groups` times `each`; either may be open. */
static hebb_status check_groups(const char *what, int64_t channels, int64_t groups, int64_t each,
                                hb_error *error) {
    int64_t product;
    if (channels == HEBB_ANY || each == HEBB_ANY) return HEBB_OK;
    if (!__builtin_mul_overflow(groups, each, &product) && product == channels) return HEBB_OK;
    return hb_fail(error, HEBB_E_SHAPE,
                   "%s has %" PRId64 " channels, the weights want %" PRId64 " x %" PRId64, what,
                   channels, groups, each);
}

static hebb_status check_weights(const hb_window *window, hebb_shape w, hb_error *error) {
    if (w.dim[0] == HEBB_ANY || w.dim[0] % window->groups == 0) return HEBB_OK;
    return hb_fail(error, HEBB_E_SHAPE,
                   "%" PRId64 " output channels cannot be cut into %" PRId64 " groups", w.dim[0],
                   window->groups);
}

/* The shape of y from those of x and w. */
static hebb_status conv_shape(const hb_window *window, hebb_shape x, hebb_shape w, hebb_shape *y,
                              hb_error *error) {
    TRY(check_rank("x", x, x.rank, error));
    TRY(check_rank("the weights", w, x.rank, error));
    TRY(check_weights(window, w, error));
    TRY(check_groups("x", x.dim[1], window->groups, w.dim[1], error));
    *y = (hebb_shape){.rank = x.rank, .dim = {x.dim[0], w.dim[0]}};
    for (int k = 2; k < x.rank; k++)
        TRY(hb_window_count(window, k - 2, x.dim[k], w.dim[k], &y->dim[k], error));
    return HEBB_OK;
}

static hebb_status check_fits(hebb_shape wanted, hebb_shape y, hb_error *error) {
    bool same = wanted.rank == y.rank;
    for (int k = 0; same && k < y.rank; k++) same = fits(wanted.dim[k], y.dim[k]);
    char sw[160], sy[160];
    if (same) return HEBB_OK;
    return hb_fail(error, HEBB_E_SHAPE, "the shape %s should be %s",
                   hebb_shape_text(y, sy, sizeof sy), hebb_shape_text(wanted, sw, sizeof sw));
}

RULE(conv) {
    TRY(hb_same_dtype(in, 2, error));
    TRY(hb_want_floating(in[0].dtype, error));
    result->dtype = in[0].dtype;
    return conv_shape(&attrs->window, in[0].shape, in[1].shape, &result->shape, error);
}

/* The smallest size that gives `count` windows, and the output padding; all of them for SAME. */
static hebb_status transposed_size(const hb_window *window, int d, int64_t count, int64_t kernel,
                                   int64_t *size, hb_error *error) {
    int64_t s = window->stride[d];
    *size = HEBB_ANY;
    if (count == HEBB_ANY || kernel == HEBB_ANY) return HEBB_OK;
    TRY(check_kernel(kernel, window->dilation[d], error));
    bool same = window->padding == HEBB_PADDING_SAME;
    if (__builtin_mul_overflow(same ? count : count - 1, s, size) ||
        (!same && __builtin_add_overflow(*size, window_extent(window, d, kernel), size)))
        return hb_fail(error, HEBB_E_SHAPE, "the size at spatial axis %d overflows", d);
    if (!same) *size += window->extra[d] - window->pad[d][0] - window->pad[d][1];
    if (*size >= 0) return HEBB_OK;
    return hb_fail(error, HEBB_E_SHAPE, "the size at spatial axis %d would be %" PRId64, d, *size);
}

/* The shape of x from those of y and w. */
static hebb_status transposed_shape(const hb_window *window, hebb_shape y, hebb_shape w,
                                    hebb_shape *x, hb_error *error) {
    TRY(check_rank("x", y, y.rank, error));
    TRY(check_rank("the weights", w, y.rank, error));
    int64_t channels = HEBB_ANY;
    if (w.dim[1] != HEBB_ANY && __builtin_mul_overflow(w.dim[1], window->groups, &channels))
        return hb_fail(error, HEBB_E_SHAPE, "the number of channels overflows");
    *x = (hebb_shape){.rank = y.rank, .dim = {y.dim[0], channels}};
    for (int k = 2; k < y.rank; k++)
        TRY(transposed_size(window, k - 2, y.dim[k], w.dim[k], &x->dim[k], error));
    return HEBB_OK;
}

RULE(conv_input) {
    TRY(hb_same_dtype(in, 2, error));
    TRY(hb_want_floating(in[0].dtype, error));
    hebb_shape y;
    result->dtype = in[0].dtype;
    if (n_in == 3) result->shape = in[2].shape;
    else TRY(transposed_shape(&attrs->window, in[0].shape, in[1].shape, &result->shape, error));
    TRY(conv_shape(&attrs->window, result->shape, in[1].shape, &y, error));
    return check_fits(y, in[0].shape, error);
}

RULE(conv_weight) {
    TRY(hb_same_dtype(in, 2, error));
    TRY(hb_want_floating(in[0].dtype, error));
    hebb_shape y;
    *result = (hb_signature){in[0].dtype, in[2].shape};
    TRY(conv_shape(&attrs->window, in[0].shape, in[2].shape, &y, error));
    return check_fits(y, in[1].shape, error);
}

/* ---- windows ---- */

static hebb_status windows_shape(const hb_window *window, hebb_shape x, const int64_t *kernel,
                                 hebb_shape *y, hb_error *error) {
    int n = window->n, outer = x.rank - n;
    if (outer < 0)
        return hb_fail(error, HEBB_E_SHAPE, "the kernel has %d dimensions, the tensor %d", n,
                       x.rank);
    if (x.rank + n > HEBB_MAX_RANK)
        return hb_fail(error, HEBB_E_SHAPE, "the rank would pass %d", HEBB_MAX_RANK);
    *y = x;
    y->rank = x.rank + n;
    for (int d = 0; d < n; d++) {
        y->dim[x.rank + d] = kernel[d];
        TRY(hb_window_count(window, d, x.dim[outer + d], kernel[d], &y->dim[outer + d], error));
    }
    return HEBB_OK;
}

RULE(windows) {
    result->dtype = in[0].dtype;
    return windows_shape(&attrs->window, in[0].shape, attrs->window.kernel, &result->shape, error);
}

RULE(fold) {
    const hb_window *window = &attrs->window;
    hebb_shape y = in[0].shape, wanted;
    int n = window->n, rank = y.rank - n, outer = rank - n;
    TRY(hb_want_numeric(in[0].dtype, error));
    if (outer < 0)
        return hb_fail(error, HEBB_E_SHAPE, "windows of %d dimensions have a rank of %d or more", n,
                       2 * n);
    for (int k = rank; k < y.rank; k++)
        if (y.dim[k] == HEBB_ANY)
            return hb_fail(error, HEBB_E_SHAPE, "the kernel's sizes, the last %d, must be known",
                           n);
    result->dtype = in[0].dtype;
    result->shape = y;
    result->shape.rank = rank;
    if (n_in == 2) result->shape = in[1].shape;
    for (int d = 0; n_in == 1 && d < n; d++) {
        int64_t *size = &result->shape.dim[outer + d];
        *size = attrs->shape.dim[d];
        if (*size == HEBB_ANY)
            TRY(transposed_size(window, d, y.dim[outer + d], y.dim[rank + d], size, error));
    }
    if (result->shape.rank != rank)
        return hb_fail(error, HEBB_E_SHAPE, "the rank of the result is %d, not %d",
                       result->shape.rank, rank);
    TRY(windows_shape(window, result->shape, y.dim + rank, &wanted, error));
    return check_fits(wanted, y, error);
}

/* ---- padding ---- */

void hb_pad_borders(const hb_attrs *attrs, hebb_shape x, int64_t before[HEBB_MAX_RANK],
                    int64_t after[HEBB_MAX_RANK]) {
    const hb_window *window = &attrs->window;
    for (int k = 0; k < x.rank; k++) before[k] = after[k] = 0;
    for (int b = 0; b < attrs->n_borders; b++) {
        int axis = hb_axis(attrs->borders[b].axis, x.rank);
        before[axis] = attrs->borders[b].before;
        after[axis] = attrs->borders[b].after;
    }
    for (int d = 0; d < window->n; d++) {
        int64_t pad[2], axis = x.rank - window->n + d;
        if (x.dim[axis] == HEBB_ANY) continue;
        hb_window_pad(window, d, x.dim[axis], window->kernel[d], pad);
        before[axis] = pad[0];
        after[axis] = pad[1];
    }
}

static hebb_status check_borders(const hb_attrs *attrs, int rank, hb_error *error) {
    unsigned seen = 0;
    for (int b = 0; b < attrs->n_borders; b++) {
        int axis = hb_axis(attrs->borders[b].axis, rank);
        if (axis < 0) return hb_no_axis(error, attrs->borders[b].axis, rank);
        if (seen & 1u << axis)
            return hb_fail(error, HEBB_E_ARGUMENT, "axis %d has two borders",
                           attrs->borders[b].axis);
        seen |= 1u << axis;
    }
    if (attrs->window.n <= rank) return HEBB_OK;
    return hb_fail(error, HEBB_E_SHAPE, "the kernel has %d dimensions, the tensor %d",
                   attrs->window.n, rank);
}

static hebb_status padded_shape(const hb_attrs *attrs, hebb_shape x, hebb_shape *y,
                                hb_error *error) {
    int64_t before[HEBB_MAX_RANK], after[HEBB_MAX_RANK];
    TRY(check_borders(attrs, x.rank, error));
    hb_pad_borders(attrs, x, before, after);
    *y = x;
    for (int k = 0; k < x.rank; k++)
        if (x.dim[k] != HEBB_ANY &&
            __builtin_add_overflow(x.dim[k], before[k] + after[k], &y->dim[k]))
            return hb_fail(error, HEBB_E_SHAPE, "the padded size at axis %d overflows", k);
    return HEBB_OK;
}

RULE(pad) {
    result->dtype = in[0].dtype;
    return padded_shape(attrs, in[0].shape, &result->shape, error);
}

RULE(unpad) {
    hebb_shape padded;
    *result = (hb_signature){in[0].dtype, in[1].shape};
    TRY(padded_shape(attrs, in[1].shape, &padded, error));
    return check_fits(padded, in[0].shape, error);
}
