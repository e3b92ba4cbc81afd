/* Descriptors of convolutions, windows and padding: see samples.h. The references are the formulas
   of hebb/conv.h, element by element. */
#include <math.h>

#include "samples.h"

/* ---- references ---- */

static int64_t nth(const int64_t *numbers, int d) { /* one left out is the one before */
    for (; d >= 0; d--)
        if (numbers[d] != 0) return numbers[d];
    return 1;
}

static int64_t before(const params *p, int d, int64_t size, int64_t kernel, int64_t *after) {
    *after = p->pad[d][1];
    if (p->padding != HEBB_PADDING_SAME) return p->pad[d][0];
    int64_t stride = nth(p->stride, d), count = (size + stride - 1) / stride;
    int64_t all = (count - 1) * stride + (kernel - 1) * nth(p->dilation, d) + 1 - size;
    if (all < 0) all = 0;
    *after = all - all / 2;
    return all / 2;
}

static int64_t outputs(const params *p, int d, int64_t size, int64_t kernel) {
    int64_t after, pad = before(p, d, size, kernel, &after);
    return (size + pad + after - (kernel - 1) * nth(p->dilation, d) - 1) / nth(p->stride, d) + 1;
}

/* Whether tap k of place p is an element of x, and which. */
static bool element(const params *p, const hebb_shape *x, const hebb_shape *w, const int64_t *place,
                    const int64_t *tap, int64_t *at) {
    for (int k = 2; k < x->rank; k++) {
        int64_t after, pad = before(p, k - 2, x->dim[k], w->dim[k], &after);
        at[k] = place[k] * nth(p->stride, k - 2) - pad + tap[k] * nth(p->dilation, k - 2);
        if (at[k] < 0 || at[k] >= x->dim[k]) return false;
    }
    return true;
}

static values with_scale(hebb_dtype dtype, hebb_shape shape) {
    values out = values_make(dtype, shape);
    out.scale = test_memory((size_t)(out.count + 1) * sizeof *out.scale);
    for (int64_t i = 0; i < out.count; i++) out.scale[i] = 0;
    return out;
}

static void add(values *to, int64_t at, double term) {
    to->at[at].f += term;
    to->scale[at] += fabs(term);
}

/* Every product of the sum that ties x, w and y together is added to the one of them that is made;
   the other two have values. */
static void convolve(const params *p, values *x, values *w, values *y, values *made) {
    int64_t groups = p->groups > 0 ? p->groups : 1, each = w->shape.dim[0] / groups;
    for (int64_t i = 0; i < y->count; i++) {
        int64_t place[HEBB_MAX_RANK], tap[HEBB_MAX_RANK], at[HEBB_MAX_RANK];
        index_split(i, y->shape, place);
        int64_t row = w->count / (w->shape.dim[0] > 0 ? w->shape.dim[0] : 1);
        for (int64_t j = place[1] * row; j < (place[1] + 1) * row; j++) {
            index_split(j, w->shape, tap);
            if (!element(p, &x->shape, &w->shape, place, tap, at)) continue;
            at[0] = place[0];
            at[1] = place[1] / each * w->shape.dim[1] + tap[1];
            int64_t k = index_join(at, x->shape);
            if (made == y) add(y, i, x->at[k].f * w->at[j].f);
            else if (made == x) add(x, k, y->at[i].f * w->at[j].f);
            else add(w, j, x->at[k].f * y->at[i].f);
        }
    }
}

static values reference_conv(const descriptor *d, const values *in, const params *p) {
    values x = in[0], w = in[1];
    hebb_shape shape = x.shape;
    shape.dim[1] = w.shape.dim[0];
    for (int k = 2; k < shape.rank; k++)
        shape.dim[k] = outputs(p, k - 2, x.shape.dim[k], w.shape.dim[k]);
    values y = with_scale(x.dtype, shape);
    convolve(p, &x, &w, &y, &y);
    return y;
}

static values reference_conv_transpose(const descriptor *d, const values *in, const params *p) {
    values y = in[0], w = in[1];
    hebb_shape shape = y.shape;
    shape.dim[1] = w.shape.dim[1] * (p->groups > 0 ? p->groups : 1);
    for (int k = 2; k < shape.rank; k++) {
        int64_t stride = nth(p->stride, k - 2);
        shape.dim[k] = (y.shape.dim[k] - 1) * stride +
                       (w.shape.dim[k] - 1) * nth(p->dilation, k - 2) + 1 - p->pad[k - 2][0] -
                       p->pad[k - 2][1] + p->output_padding[k - 2];
        if (p->padding == HEBB_PADDING_SAME) shape.dim[k] = y.shape.dim[k] * stride;
    }
    values x = with_scale(y.dtype, shape);
    convolve(p, &x, &w, &y, &x);
    return x;
}

static values reference_conv_input(const descriptor *d, const values *in, const params *p) {
    values y = in[0], w = in[1], x = with_scale(y.dtype, in[2].shape);
    convolve(p, &x, &w, &y, &x);
    return x;
}

static values reference_conv_weight(const descriptor *d, const values *in, const params *p) {
    values x = in[0], y = in[1], w = with_scale(x.dtype, in[2].shape);
    convolve(p, &x, &w, &y, &w);
    return w;
}

static int kernel_rank(const params *p) { return p->kernel[2] > 0 ? 3 : p->kernel[1] > 0 ? 2 : 1; }

static values reference_windows(const descriptor *d, const values *in, const params *p) {
    hebb_shape x = in[0].shape, shape = x;
    int n = kernel_rank(p), outer = x.rank - n;
    shape.rank += n;
    for (int k = 0; k < n; k++) {
        shape.dim[outer + k] = outputs(p, k, x.dim[outer + k], p->kernel[k]);
        shape.dim[x.rank + k] = p->kernel[k];
    }
    values out = values_make(in[0].dtype, shape);
    for (int64_t i = 0; i < out.count; i++) {
        int64_t at[HEBB_MAX_RANK];
        index_split(i, shape, at);
        for (int k = 0; k < n; k++)
            at[outer + k] =
                at[outer + k] * nth(p->stride, k) + at[x.rank + k] * nth(p->dilation, k);
        out.at[i] = in[0].at[index_join(at, x)];
    }
    return out;
}

static values reference_fold(const descriptor *d, const values *in, const params *p) {
    hebb_shape y = in[0].shape, shape = y;
    int n = p->shape.rank, outer = y.rank - 2 * n;
    shape.rank -= n;
    for (int k = 0; k < n; k++) {
        shape.dim[outer + k] = p->shape.dim[k];
        if (p->shape.dim[k] == HEBB_ANY)
            shape.dim[outer + k] = (y.dim[outer + k] - 1) * nth(p->stride, k) +
                                   (y.dim[outer + n + k] - 1) * nth(p->dilation, k) + 1;
    }
    values out = with_scale(in[0].dtype, shape);
    for (int64_t i = 0; i < in[0].count; i++) {
        int64_t at[HEBB_MAX_RANK];
        index_split(i, y, at);
        for (int k = 0; k < n; k++)
            at[outer + k] =
                at[outer + k] * nth(p->stride, k) + at[outer + n + k] * nth(p->dilation, k);
        int64_t to = index_join(at, shape);
        if (is_floating(out.dtype)) add(&out, to, in[0].at[i].f);
        else out.at[to] = scalar_held((scalar){.i = out.at[to].i + in[0].at[i].i}, out.dtype);
    }
    return out;
}

static values reference_pad(const descriptor *d, const values *in, const params *p) {
    hebb_shape x = in[0].shape, shape = x;
    int64_t first[HEBB_MAX_RANK] = {0};
    for (int k = 0; k < p->n_borders; k++) {
        int axis = front_axis(p->borders[k].axis, x.rank);
        first[axis] = p->borders[k].before;
        shape.dim[axis] += p->borders[k].before + p->borders[k].after;
    }
    values out = values_make(in[0].dtype, shape);
    for (int64_t i = 0; i < out.count; i++)
        out.at[i] = scalar_held(scalar_from_real(p->value, out.dtype), out.dtype);
    for (int64_t i = 0; i < in[0].count; i++) {
        int64_t at[HEBB_MAX_RANK];
        index_split(i, x, at);
        for (int k = 0; k < x.rank; k++) at[k] += first[k];
        out.at[index_join(at, shape)] = in[0].at[i];
    }
    return out;
}

/* ---- builders ---- */

static hebb_conv_options conv_options(const params *p) {
    hebb_conv_options o = {.padding = p->padding, .groups = p->groups};
    for (int d = 0; d < 3; d++) {
        o.stride[d] = p->stride[d];
        o.dilation[d] = p->dilation[d];
        o.output_padding[d] = p->output_padding[d];
        for (int side = 0; side < 2; side++) o.pad[d][side] = p->pad[d][side];
    }
    return o;
}

static hebb_window_options window_options(const params *p) {
    hebb_window_options o = {0};
    for (int d = 0; d < 3; d++) o.stride[d] = p->stride[d], o.dilation[d] = p->dilation[d];
    return o;
}

static hebb_tensor *build_conv(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    hebb_conv_options o = conv_options(p);
    return hebb_conv_with(HEBB_HERE(in[0]), in[1], &o);
}
static hebb_tensor *build_conv_transpose(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    hebb_conv_options o = conv_options(p);
    return hebb_conv_transpose_with(HEBB_HERE(in[0]), in[1], &o);
}
static hebb_tensor *build_conv_input(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    hebb_conv_options o = conv_options(p);
    return hebb_conv_input_with(HEBB_HERE(in[0]), in[1], in[2], &o);
}
static hebb_tensor *build_conv_weight(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    hebb_conv_options o = conv_options(p);
    return hebb_conv_weight_with(HEBB_HERE(in[0]), in[1], in[2], &o);
}
static hebb_tensor *build_windows(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    hebb_window_options o = window_options(p);
    return hebb_windows_with(HEBB_HERE(in[0]), hebb_shape_of(kernel_rank(p), p->kernel), &o);
}
static hebb_tensor *build_fold(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    hebb_window_options o = window_options(p);
    return hebb_fold_with(HEBB_HERE(in[0]), p->shape, &o);
}
static hebb_tensor *build_pad(hebb_graph *g, hebb_tensor *const *in, const params *p) {
    return hebb_pad(in[0], p->borders, p->n_borders, p->value);
}

/* ---- samples ---- */

#define X(...)                                                                                     \
    { .shape = DIMS(__VA_ARGS__) }
#define V(VIEW, ...)                                                                               \
    { .shape = DIMS(__VA_ARGS__), .view = VIEW }
#define BOTH(...) .n_in = 2, .in = {__VA_ARGS__}
#define SAME_PAD  .padding = HEBB_PADDING_SAME

static const sample conv_samples[] = {
    {BOTH(X(2, 2, 4, 5), X(3, 2, 2, 3))},
    {BOTH(X(2, 3, 7), X(2, 3, 3)), .p = {.stride = {2}, .pad = {{1, 2}}}},
    {BOTH(X(HEBB_ANY, 2, 4, 4), X(2, 2, 3, 3)), .p = {SAME_PAD}},
    {BOTH(X(1, 2, 3, 3, 3), X(2, 2, 2, 2, 2)), .p = {.pad = {{1, 0}, {0, 1}, {1, 1}}}},
    {BOTH(X(1, 2, 5, 6), X(2, 2, 2, 3)),
     .p = {.stride = {2, 3}, .dilation = {2, 1}, .pad = {{0, 1}, {2, 0}}}},
    {BOTH(X(1, 4, 5), X(6, 2, 2)), .p = {.groups = 2}},
    {BOTH(X(2, 3, 4, 4), X(3, 1, 3, 3)), .p = {.groups = 3, SAME_PAD, .stride = {2}}},
    {BOTH(X(1, 2, 2), X(1, 2, 4)), .p = {.pad = {{2, 1}}}},
    {BOTH(X(2, 3, 3, 3), X(4, 3, 1, 1))},
    {BOTH(X(2, 3, 4, 4), X(4, 3, 1, 1)), .p = {.stride = {3}}},
    {BOTH(X(1, 1, 1), X(1, 1, 1))},
    {BOTH(X(0, 2, 4), X(3, 2, 3))},
    {BOTH(X(2, 0, 4), X(3, 0, 3))},
    {BOTH(X(2, 2, 4), X(0, 2, 3))},
    {BOTH(X(2, HEBB_ANY, 6), X(3, HEBB_ANY, 3)), .p = {SAME_PAD, .stride = {2}}},
    {BOTH(X(2, 1, HEBB_ANY), X(2, 1, 2)), .p = {SAME_PAD, .stride = {3}, .dilation = {2}}},
    {BOTH(X(1, 1, HEBB_ANY, HEBB_ANY), X(1, 1, 3, 2)), .p = {.pad = {{1, 1}, {0, 1}}}},
    {BOTH(V(TRANSPOSED, 2, 2, 5), V(SLICED, 3, 2, 4))},
    {BOTH(V(FLIPPED, 2, 2, 5), V(STRETCHED, 3, 2, 3))},
    {BOTH(X(1, 1, 9), X(1, 1, 2)), .p = {.dilation = {5}}},
    {BOTH(X(3, 1, 28, 28), X(32, 1, 3, 3))},
    {BOTH(X(2, 33, 19, 23), X(35, 33, 3, 3)), .p = {SAME_PAD}},
    {BOTH(X(2, 16, 30, 31), X(24, 16, 5, 5)), .p = {.stride = {2}, .pad = {{2, 2}, {2, 2}}}},
    {BOTH(X(1, 450, 6, 5), X(9, 450, 3, 3)), .p = {.pad = {{1, 1}, {1, 1}}}},
    {BOTH(X(2, 8, 9, 10, 11), X(12, 4, 3, 3, 3)),
     .p = {.groups = 2, .stride = {1, 2, 2}, SAME_PAD}},
    {BOTH(X(2, 40, 17, 40), X(40, 1, 3, 3)), .p = {.groups = 40, SAME_PAD}},
    {BOTH(X(4, 64, 1, 1), X(70, 64, 1, 1))},
    {BOTH(X(5, 3, 4, 6), X(7, 3, 4, 6))}, /* one window: a product of matrices */
    {BOTH(V(TRANSPOSED, 3, 2, 4), V(SLICED, 5, 2, 4))},
    {BOTH(X(6, 20, 3, 3), X(40, 20, 1, 1))}, /* images that share panels */
    {BOTH(X(7, 18, 5, 5), X(40, 18, 3, 3)), .p = {SAME_PAD, .dilation = {2}}},
    {BOTH(X(1, 2, 1500), X(3, 2, 401)), .p = {.dilation = {2}, .stride = {3}}},
};

static const sample conv_transpose_samples[] = {
    {BOTH(X(2, 3, 3, 3), X(3, 2, 2, 3))},
    {BOTH(X(1, 2, 4), X(2, 3, 3)), .p = {.stride = {2}, .pad = {{1, 1}}, .output_padding = {1}}},
    {BOTH(X(HEBB_ANY, 2, 3, 2), X(2, 2, 3, 3)), .p = {SAME_PAD, .stride = {2}}},
    {BOTH(X(1, 4, 3), X(4, 3, 2)), .p = {.groups = 2, .stride = {3}}},
    {BOTH(X(1, 2, 2, 2, 2), X(2, 1, 2, 2, 2)),
     .p = {.stride = {2, 1, 2}, .pad = {{1, 0}, {0, 1}, {0, 0}}}},
    {BOTH(X(2, 2, HEBB_ANY), X(2, 2, 2)), .p = {.stride = {2}, .dilation = {3}}},
    {BOTH(X(1, 1, 1), X(1, 1, 1)), .p = {.stride = {4}, .output_padding = {3}}},
    {BOTH(X(0, 2, 3), X(2, 2, 3))},
    {BOTH(V(TRANSPOSED, 2, 2, 5), V(FLIPPED, 2, 2, 2)), .p = {.stride = {3}}},
    {BOTH(X(2, 20, 13, 14), X(20, 18, 4, 4)), .p = {.stride = {2}, .pad = {{1, 1}, {1, 1}}}},
    {BOTH(X(4, 5, 1, 1), X(5, 3, 4, 4))},
    {BOTH(X(6, 40, 3, 3), X(40, 20, 1, 1))},
    {BOTH(X(5, 40, 3, 3), X(40, 20, 3, 3)), .p = {.stride = {2}, .pad = {{1, 1}, {1, 1}}}},
    {BOTH(X(1, 34, 9, 9), X(34, 33, 3, 5)), .p = {.stride = {3, 2}, .dilation = {2, 1}}},
};

#define THREE(...) .n_in = 3, .in = {__VA_ARGS__}
static const sample conv_input_samples[] = {
    {THREE(X(2, 3, 3, 3), X(3, 2, 2, 3), X(2, 2, 4, 5))},
    {THREE(X(1, 2, 3), X(2, 2, 3), X(1, 2, 6)), .p = {.stride = {2}, .pad = {{0, 1}}}},
    {THREE(X(HEBB_ANY, 2, 2), X(2, 2, 3), X(HEBB_ANY, 2, 4)), .p = {SAME_PAD, .stride = {2}}},
    {THREE(X(2, 2, 2, 2), X(2, 1, 2, 2), X(2, 2, 5, 6)), .p = {.groups = 2, .stride = {3}}},
    {THREE(X(1, 2, 2, 3, 2), X(2, 1, 1, 2, 2), X(1, 1, 2, 4, 3))},
    {THREE(X(0, 2, 3), X(2, 2, 3), X(0, 2, 5))},
    {THREE(X(2, 40, 14, 15), X(40, 33, 3, 3), X(2, 33, 16, 17))},
    {THREE(X(2, 16, 8, 8), X(16, 17, 5, 5), X(2, 17, 15, 16)), .p = {SAME_PAD, .stride = {2}}},
    {THREE(X(4, 5, 1, 1), X(5, 3, 4, 4), X(4, 3, 4, 4))},
};

static const sample conv_weight_samples[] = {
    {THREE(X(2, 2, 4, 5), X(2, 3, 3, 3), X(3, 2, 2, 3))},
    {THREE(X(1, 2, 6), X(1, 2, 3), X(2, 2, 3)), .p = {.stride = {2}, .pad = {{0, 1}}}},
    {THREE(X(HEBB_ANY, 2, 4), X(HEBB_ANY, 2, 2), X(2, 2, 3)), .p = {SAME_PAD, .stride = {2}}},
    {THREE(X(2, 2, 5, 6), X(2, 2, 2, 2), X(2, 1, 2, 2)), .p = {.groups = 2, .stride = {3}}},
    {THREE(X(1, 1, 2, 4, 3), X(1, 2, 2, 3, 2), X(2, 1, 1, 2, 2))},
    {THREE(X(0, 2, 5), X(0, 2, 3), X(2, 2, 3))},
    {THREE(X(3, 33, 16, 17), X(3, 40, 14, 15), X(40, 33, 3, 3))},
    {THREE(X(5, 3, 15, 16), X(5, 17, 8, 8), X(17, 3, 5, 5)), .p = {SAME_PAD, .stride = {2}}},
    {THREE(X(8, 1, 28, 28), X(8, 32, 26, 26), X(32, 1, 3, 3))},
    {THREE(X(4, 3, 4, 4), X(4, 5, 1, 1), X(5, 3, 4, 4))},
    {THREE(X(6, 20, 3, 3), X(6, 40, 3, 3), X(40, 20, 1, 1))},
};

#define ONE(VIEW, ...) .n_in = 1, .in = {{.shape = DIMS(__VA_ARGS__), .view = VIEW}}
static const sample windows_samples[] = {
    {ONE(DENSE, 2, 4, 5), .p = {.kernel = {2, 3}}},
    {ONE(DENSE, 9), .p = {.kernel = {3}, .stride = {2}}},
    {ONE(TRANSPOSED, 2, 8), .p = {.kernel = {3}, .dilation = {2}}},
    {ONE(DENSE, HEBB_ANY, 6), .p = {.kernel = {2}, .stride = {2}}},
    {ONE(DENSE, 2, HEBB_ANY), .p = {.kernel = {3}}},
    {ONE(DENSE, 3, 4, 5), .p = {.kernel = {2, 2, 2}, .stride = {1, 2, 3}}},
    {ONE(DENSE, 2, 1, 3, 3, 4), .p = {.kernel = {3, 1, 2}}},
    {ONE(DENSE, 0, 4), .p = {.kernel = {3}}},
    {ONE(DENSE, 1), .p = {.kernel = {1}, .stride = {100}, .dilation = {100}}},
    {ONE(SLICED, 3, 8), .p = {.kernel = {2, 3}, .stride = {1, 2}}},
    {ONE(FLIPPED, 4, 4), .p = {.kernel = {2, 2}}},
    {ONE(STRETCHED, 4, 5), .p = {.kernel = {2, 2}}},
    {ONE(DENSE, 64, 200), .p = {.kernel = {5, 7}, .stride = {3}}},
};

#define SIZES(...) .shape = DIMS(__VA_ARGS__)
static const sample fold_samples[] = {
    {ONE(DENSE, 2, 3, 3, 2, 2), .p = {SIZES(4, 4)}},
    {ONE(DENSE, 4, 3), .p = {SIZES(10), .stride = {2}}},
    {ONE(DENSE, 2, 3, 2), .p = {SIZES(6), .stride = {2}}},
    {ONE(DENSE, HEBB_ANY, 3, 2), .p = {SIZES(HEBB_ANY)}},
    {ONE(DENSE, HEBB_ANY, 3), .p = {SIZES(HEBB_ANY), .stride = {2}}},
    {ONE(DENSE, 2, 2, 2, 2, 2, 2), .p = {SIZES(5, 3, 4), .stride = {2, 1, 2}}},
    {ONE(DENSE, 2, 2, 3, 2, 3), .p = {SIZES(4, 9), .stride = {2, 3}}},
    {ONE(TRANSPOSED, 2, 3, 2), .p = {SIZES(9), .stride = {2}, .dilation = {3}}},
    {ONE(DENSE, 0, 3, 2), .p = {SIZES(4)}},
    {ONE(DENSE, 1, 1), .p = {SIZES(1)}},
    {ONE(SLICED, 3, 4), .p = {SIZES(6), .stride = {1}}},
    {ONE(DENSE, 7, 40, 50, 3, 3), .p = {SIZES(42, 52)}},
};

#define AROUND(N, ...) .n_borders = N, .borders = {__VA_ARGS__}
static const sample pad_samples[] = {
    {ONE(DENSE, 2, 3), .p = {AROUND(2, {0, 1, 2}, {-1, 0, 1}), .value = 3}},
    {ONE(TRANSPOSED, 2, 3), .p = {AROUND(1, {0, 1, 0})}},
    {ONE(DENSE, 3), .p = {AROUND(1, {0, 2, 3}), .value = 1}},
    {ONE(DENSE, HEBB_ANY, 2), .p = {AROUND(2, {0, 1, 1}, {1, 1, 1}), .value = -1.5}},
    {ONE(DENSE, 2, 3), .p = {AROUND(0)}},
    {ONE(DENSE, 2, 3), .p = {AROUND(1, {1, 0, 0})}},
    {ONE(DENSE, 0, 3), .p = {AROUND(1, {0, 2, 0}), .value = 7}},
    {ONE(DENSE, 2, 0), .p = {AROUND(2, {0, 1, 1}, {1, 1, 1})}},
    {.n_in = 1, .in = {{.shape = DIMS0}}, .p = {AROUND(0)}},
    {ONE(DENSE, 2, 1, 2, 3, 2), .p = {AROUND(3, {1, 1, 0}, {-2, 0, 2}, {0, 1, 1}), .value = 0.5}},
    {ONE(SLICED, 2, 4), .p = {AROUND(1, {1, 1, 1})}},
    {ONE(FLIPPED, 3, 2), .p = {AROUND(1, {0, 0, 2}), .value = INFINITY}, .no_gradient = true},
    {ONE(STRETCHED, 3, 2), .p = {AROUND(2, {0, 1, 0}, {1, 1, 0}), .value = NAN},
     .no_gradient = true},
    {ONE(DENSE, 97, 131), .p = {AROUND(2, {0, 3, 5}, {1, 7, 1}), .value = 2}},
};

/* ---- what is refused ---- */

#define BAD(STATUS, MESSAGE) .status = STATUS, .message = MESSAGE
static const error_sample conv_errors[] = {
    {BOTH(X(2, 3), X(2, 3)), BAD(HEBB_E_SHAPE, "rank of x is 2")},
    {BOTH(X(2, 3, 4, 4), X(2, 3, 3)), BAD(HEBB_E_SHAPE, "rank of the weights is 3")},
    {BOTH(X(2, 3, 4), X(2, 2, 3)), BAD(HEBB_E_SHAPE, "channels")},
    {BOTH(X(2, 4, 4), X(3, 2, 3)), .p = {.groups = 2}, BAD(HEBB_E_SHAPE, "2 groups")},
    {BOTH(X(2, 3, 4), X(2, 3, 5)), BAD(HEBB_E_SHAPE, "does not fit")},
    {BOTH(X(2, 3, 4), X(2, 3, 0)), BAD(HEBB_E_SHAPE, "kernel of size 0")},
    {BOTH(X(2, 3, 4), X(2, 3, 2)), .p = {.stride = {-1}}, BAD(HEBB_E_ARGUMENT, ".stride")},
    {BOTH(X(2, 3, 4), X(2, 3, 2)), .p = {.dilation = {-1}}, BAD(HEBB_E_ARGUMENT, ".dilation")},
    {BOTH(X(2, 3, 4), X(2, 3, 2)), .p = {.pad = {{-1, 1}}}, BAD(HEBB_E_ARGUMENT, ".pad")},
    {BOTH(X(2, 3, 4), X(2, 3, 2)), .p = {SAME_PAD, .pad = {{1, 1}}}, BAD(HEBB_E_ARGUMENT, ".pad")},
    {BOTH(X(2, 3, 4), X(2, 3, 2)), .p = {.padding = (hebb_padding)9},
     BAD(HEBB_E_ARGUMENT, "padding")},
    {BOTH(X(2, 3, 4), X(2, 3, 2)), .p = {.groups = -1}, BAD(HEBB_E_ARGUMENT, ".groups")},
    {BOTH(X(2, 3, 4), X(2, 3, 2)), .p = {.output_padding = {1}},
     BAD(HEBB_E_ARGUMENT, ".output_padding")},
    {BOTH(X(2, 3, 4), X(2, 3, 2)), .dtype = HEBB_I32, BAD(HEBB_E_DTYPE, "not floating")},
};
static const error_sample conv_transpose_errors[] = {
    {BOTH(X(2, 3), X(2, 3)), BAD(HEBB_E_SHAPE, "rank of x is 2")},
    {BOTH(X(2, 3, 4), X(2, 3, 2)), BAD(HEBB_E_SHAPE, "should be")},
    {BOTH(X(2, 3, 1), X(3, 3, 2)), .p = {.pad = {{2, 2}}}, BAD(HEBB_E_SHAPE, "would be -2")},
    {BOTH(X(2, 3, 4), X(3, 3, 2)), .p = {.output_padding = {1}},
     BAD(HEBB_E_ARGUMENT, "stride - 1")},
    {BOTH(X(2, 3, 4), X(3, 3, 2)), .dtype = HEBB_I64, BAD(HEBB_E_DTYPE, "not floating")},
};
static const error_sample conv_input_errors[] = {
    {THREE(X(2, 3, 3), X(3, 2, 2), X(2, 2, 5)), BAD(HEBB_E_SHAPE, "should be")},
    {THREE(X(2, 3, 3), X(3, 2, 2), X(2, 2, 1)), BAD(HEBB_E_SHAPE, "does not fit")},
    {THREE(X(2, 3, 3), X(3, 2, 2), X(2, 2, 4)), .p = {.stride = {-2}},
     BAD(HEBB_E_ARGUMENT, ".stride")},
};
static const error_sample conv_weight_errors[] = {
    {THREE(X(2, 2, 5), X(2, 3, 3), X(3, 2, 2)), BAD(HEBB_E_SHAPE, "should be")},
    {THREE(X(2, 2, 5), X(2, 3, 3), X(3, 2, 9)), BAD(HEBB_E_SHAPE, "does not fit")},
    {THREE(X(2, 2, 4), X(2, 3, 3), X(3, 2, 2)), .dtype = HEBB_I32,
     BAD(HEBB_E_DTYPE, "not floating")},
};
static const error_sample windows_errors[] = {
    {.n_in = 1, .in = {X(4)}, .p = {.kernel = {5}}, BAD(HEBB_E_SHAPE, "does not fit")},
    {.n_in = 1, .in = {X(4)}, .p = {.kernel = {2, 2}}, BAD(HEBB_E_SHAPE, "dimensions")},
    {.n_in = 1, .in = {X(4)}, .p = {.kernel = {0}}, BAD(HEBB_E_ARGUMENT, "has a size of 0")},
    {.n_in = 1,
     .in = {X(4)},
     .p = {.kernel = {2}, .stride = {-1}},
     BAD(HEBB_E_ARGUMENT, ".stride")},
    {.n_in = 1,
     .in = {X(1, 1, 1, 2, 2, 2)},
     .p = {.kernel = {2, 2, 2}},
     BAD(HEBB_E_SHAPE, "the rank would pass")},
};
static const error_sample fold_errors[] = {
    {.n_in = 1, .in = {X(3, 2)}, .p = {SIZES(5)}, BAD(HEBB_E_SHAPE, "should be")},
    {.n_in = 1, .in = {X(3, 2)}, .p = {SIZES(1)}, BAD(HEBB_E_SHAPE, "does not fit")},
    {.n_in = 1, .in = {X(3)}, .p = {SIZES(4)}, BAD(HEBB_E_SHAPE, "rank of 2 or more")},
    {.n_in = 1, .in = {X(3, 2)}, .p = {.shape = DIMS0}, BAD(HEBB_E_ARGUMENT, "1 to 3")},
    {.n_in = 1, .in = {X(3, 2)}, .p = {SIZES(-7)}, BAD(HEBB_E_ARGUMENT, "negative")},
    {.n_in = 1, .in = {X(3, 2)}, .p = {SIZES(4)}, .dtype = HEBB_BOOL, BAD(HEBB_E_DTYPE, "bool")},
};
static const error_sample pad_errors[] = {
    {.n_in = 1, .in = {X(3)}, .p = {AROUND(1, {1, 0, 1})}, BAD(HEBB_E_ARGUMENT, "axis 1")},
    {.n_in = 1,
     .in = {X(3)},
     .p = {AROUND(2, {0, 0, 1}, {-1, 1, 0})},
     BAD(HEBB_E_ARGUMENT, "two borders")},
    {.n_in = 1, .in = {X(3)}, .p = {AROUND(1, {0, -1, 1})}, BAD(HEBB_E_ARGUMENT, "negative")},
    {.n_in = 1, .in = {X(3)}, .p = {AROUND(9)}, BAD(HEBB_E_ARGUMENT, "9 borders")},
    {.n_in = 1,
     .in = {X(3)},
     .p = {AROUND(1, {0, 1, 1}), .value = 300},
     .dtype = HEBB_U8,
     BAD(HEBB_E_ARGUMENT, "not a value")},
};

/* ---- the table ---- */

#define ROW(NAME, OP, ARITY)                                                                       \
    .name = #NAME, .op = OP, .build = build_##NAME, .reference = reference_##NAME, .arity = ARITY, \
    .extra = NAME##_samples, .n_extra = COUNT(NAME##_samples), .errors = NAME##_errors,            \
    .n_errors = COUNT(NAME##_errors)
#define SUMS                                                                                       \
    .differentiable = true, .f32 = {3e-6, 1.2e-38},                                                \
    .reason = "hundreds of products are summed in float32, in an order of the kernel's own"

static const descriptor table[] = {
    {ROW(conv, "conv", 2), SUMS},
    {ROW(conv_transpose, "conv_input", 2), SUMS},
    {ROW(conv_input, "conv_input", 3), SUMS},
    {ROW(conv_weight, "conv_weight", 3), SUMS},
    {ROW(windows, "windows", 1), .dtypes = TAKES_ALL, .differentiable = true},
    {ROW(fold, "fold", 1), .dtypes = TAKES_INTEGERS, .differentiable = true},
    {ROW(pad, "pad", 1), .dtypes = TAKES_ALL, .differentiable = true},
};

const descriptor_table conv_table = {table, COUNT(table)};
