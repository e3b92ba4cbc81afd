/* Convolution, windows, pooling, padding and resizing, in 1, 2 or 3 spatial dimensions, which are
   the last ones of a tensor: images are [batch, channels, (depth,) (height,) width]. The number of
   spatial dimensions follows from the rank of x or from the sizes given. Batch and spatial sizes
   may be HEBB_ANY.

   Options are arrays with a number for each spatial dimension, first to last. In strides and
   dilations a number left out, or 0, is that of the dimension before; the first one's default is 1
   unless said. So .stride = {2} is for all dimensions. Numbers that are negative, or larger than
   2^31 - 1, are HEBB_E_ARGUMENT. */
#ifndef HEBB_CONV_H
#define HEBB_CONV_H

#include <hebb/graph.h>
#include <hebb/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- padding ---- */

/* What is added before the first and after the last element along one axis. */
typedef struct hebb_border {
    int axis;
    int64_t before, after;
} hebb_border;
/* hebb_pad(x, HEBB_BORDERS({-2, 1, 1}, {-1, 0, 2}), 0) */
#define HEBB_BORDERS(...)                                                                          \
    (const hebb_border[]){__VA_ARGS__},                                                            \
        (int)(sizeof((const hebb_border[]){__VA_ARGS__}) / sizeof(hebb_border))
/* x surrounded by `value`, which x's dtype must be able to hold (HEBB_E_ARGUMENT). Any dtype. */
HEBB_API hebb_tensor *hebb_pad(hebb_tensor *x, const hebb_border *borders, int n_borders,
                               double value);

/* How much an op pads its x along the spatial dimensions. */
typedef enum hebb_padding {
    HEBB_PADDING_EXPLICIT = 0, /* by the numbers in .pad; nothing if there are none */
    HEBB_PADDING_VALID,        /* not at all */
    HEBB_PADDING_SAME,         /* so that there are ceil(size / stride) results: by
                                  max((results - 1) stride + (kernel - 1) dilation + 1 - size, 0)
                                  in all, half of it before; an odd one goes after, as in
                                  TensorFlow */
} hebb_padding;
/* .pad = HEBB_EACH_SIDE(1) */
#define HEBB_EACH_SIDE(n)                                                                          \
    {                                                                                              \
        {(n), (n)}, {(n), (n)}, { (n), (n) }                                                       \
    }

/* ---- convolution ---- */

typedef struct hebb_conv_options {
    int64_t stride[3];
    int64_t dilation[3];
    hebb_padding padding;
    int64_t pad[3][2]; /* before and after; for HEBB_PADDING_EXPLICIT */
    int64_t groups;    /* default 1: channels are cut into so many groups, each convolved alone */
    int64_t output_padding[3]; /* hebb_conv_transpose(): see there */
    int reserved_;
} hebb_conv_options;

/* Cross-correlation, as is usual:

     y[n, g O + o, p] = sum over c, k of x[n, g C + c, p stride - before + k dilation]
                                         w[g O + o, c, k]

   x [batch, groups C, in...], w [groups O, C, kernel...] -> y [batch, groups O, out...], with x
   zero outside of its sizes, groups g, and
   out = floor((in + before + after - (kernel - 1) dilation - 1) / stride) + 1, which must be 1 or
   more. Floating, ranks 3 to 5. A zero of the padding may or may not meet an infinite or NaN
   weight: whether the result is NaN then depends on the device. Where small square filters are done
   by Winograd's method (f32, strides of 1 or 2), an element that is not finite makes the results of
   its tiles NaN, up to four elements further than the filter reaches, times the stride. Depthwise:
   groups = channels, C = 1. hebb_conv(x, w, .stride = {2}, .padding = HEBB_PADDING_SAME) */
#define hebb_conv(x, ...) hebb_conv_args(x, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_conv_with(hebb_tensor *x, hebb_tensor *w,
                                     const hebb_conv_options *options);

/* The transpose of hebb_conv() as a linear function of its x, with the same options: y
   [batch, groups O, out...] and w [groups O, C, kernel...] -> [batch, groups C, in...], where
   in = (out - 1) stride + (kernel - 1) dilation + 1 - before - after + output_padding, or
   out stride for HEBB_PADDING_SAME. output_padding, less than the stride, chooses among the sizes
   that hebb_conv() makes the same out of; what it adds lies at the end. */
#define hebb_conv_transpose(y, ...) hebb_conv_transpose_args(y, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_conv_transpose_with(hebb_tensor *y, hebb_tensor *w,
                                               const hebb_conv_options *options);

/* The gradients of y = hebb_conv(x, w, ...) from that of y, with the same options: with respect to
   x, of the shape of `x`, and to w, of the shape of `w`. Of these only the shape is used. */
#define hebb_conv_input(dy, w, ...) hebb_conv_input_args(dy, w, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_conv_input_with(hebb_tensor *dy, hebb_tensor *w, hebb_tensor *x,
                                           const hebb_conv_options *options);
#define hebb_conv_weight(x, dy, ...) hebb_conv_weight_args(x, dy, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_conv_weight_with(hebb_tensor *x, hebb_tensor *dy, hebb_tensor *w,
                                            const hebb_conv_options *options);

/* ---- windows ---- */

typedef struct hebb_window_options {
    int64_t stride[3];
    int64_t dilation[3];
    int reserved_;
} hebb_window_options;

/* x seen through a window that moves by the strides over its last dimensions, as many as `kernel`
   has sizes (1 to 3): [..., in...] -> [..., out..., kernel...], element (..., p, k) being
   x[..., p stride + k dilation], with out = floor((in - (kernel - 1) dilation - 1) / stride) + 1,
   at least 1. A view: it takes no memory, and what reads it reads x. Any dtype; the result's rank
   must not pass HEBB_MAX_RANK. hebb_windows(x, HEBB_SHAPE(3, 3), .stride = {2}) */
#define hebb_windows(x, ...) hebb_windows_args(x, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_windows_with(hebb_tensor *x, hebb_shape kernel,
                                        const hebb_window_options *options);

/* The transpose of hebb_windows(): the windows' elements added up where they come from.
   [..., out..., kernel...] -> [..., sizes...], of which hebb_windows() must make so many windows. A
   size of HEBB_ANY is the smallest that does. Numeric. */
#define hebb_fold(y, ...) hebb_fold_args(y, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_fold_with(hebb_tensor *y, hebb_shape sizes,
                                     const hebb_window_options *options);

/* ---- pooling: [..., in...] -> [..., out...] over as many last dimensions as `kernel` has sizes,
   with out as for hebb_windows() of the padded x ---- */

typedef struct hebb_pool_options {
    int64_t stride[3]; /* default: the kernel's sizes */
    int64_t dilation[3];
    hebb_padding padding;
    int64_t pad[3][2];      /* before and after; for HEBB_PADDING_EXPLICIT */
    bool count_include_pad; /* averages: padding counts as elements that are 0; default: not */
    int reserved_;
} hebb_pool_options;

/* The largest element of each window; padding is -infinity (or the smallest integer). Equal largest
   elements share the gradient, as in hebb_max(). Numeric. hebb_max_pool(x, HEBB_SHAPE(2, 2)) */
#define hebb_max_pool(x, ...) hebb_max_pool_args(x, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_max_pool_with(hebb_tensor *x, hebb_shape kernel,
                                         const hebb_pool_options *options);
/* The mean of each window; NaN for one of nothing but padding that does not count. Floating. */
#define hebb_average_pool(x, ...) hebb_average_pool_args(x, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_average_pool_with(hebb_tensor *x, hebb_shape kernel,
                                             const hebb_pool_options *options);

/* Over all of the dimensions after the second: [batch, channels, in...] -> [batch, channels, 1...].
   Ranks 3 to 5. */
HEBB_API hebb_tensor *hebb_global_max_pool(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_global_average_pool(hebb_tensor *x);

/* Pooling to given sizes of the last dimensions, whatever x's: along each, result i is over the
   elements floor(i in / size) to ceil((i + 1) in / size) - 1, as in PyTorch. A size of HEBB_ANY
   leaves a dimension as it is. Where every known size of x is a multiple of its result's, equal
   largest elements share the gradient; else they do so dimension by dimension. */
HEBB_API hebb_tensor *hebb_adaptive_max_pool(hebb_tensor *x, hebb_shape sizes);
HEBB_API hebb_tensor *hebb_adaptive_average_pool(hebb_tensor *x, hebb_shape sizes);

/* ---- resizing ---- */

typedef enum hebb_resize_method { HEBB_NEAREST = 0, HEBB_LINEAR } hebb_resize_method;

/* Where along an axis of size `in` the element i of a result of size `out` is. */
typedef enum hebb_coordinates {
    HEBB_COORDINATES_DEFAULT = 0, /* asymmetric for nearest, half-pixel for linear, as PyTorch */
    HEBB_COORDINATES_ASYMMETRIC,  /* i in / out */
    HEBB_COORDINATES_HALF_PIXEL,  /* (i + 1/2) in / out - 1/2, not below 0 */
    HEBB_COORDINATES_CORNERS,     /* i (in - 1) / (out - 1), 0 if out is 1; linear only */
} hebb_coordinates;

typedef struct hebb_resize_options {
    hebb_resize_method method;
    hebb_coordinates coordinates;
    int reserved_;
} hebb_resize_options;

/* x with its last dimensions, as many as there are `sizes` (1 to 3), resized to these; HEBB_ANY
   leaves one as it is. Nearest takes the element at floor(i in / out), with half pixels at
   floor((i + 1/2) in / out) (PyTorch's "nearest-exact"); any dtype. Linear (bilinear, trilinear)
   weights the two elements around the place in each dimension; floating. Places are computed in
   integers: they are exact where in out < 2^62. A dimension without elements gives NaN (0 for
   integers). hebb_resize(x, HEBB_SHAPE(64, 64), .method = HEBB_LINEAR) */
#define hebb_resize(x, ...) hebb_resize_args(x, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_resize_with(hebb_tensor *x, hebb_shape sizes,
                                       const hebb_resize_options *options);

#ifdef __cplusplus
}
#endif

#define hebb_conv_args(x, w, ...)                                                                  \
    hebb_conv_with(HEBB_HERE(x), (w), &(const hebb_conv_options){__VA_ARGS__})
#define hebb_conv_transpose_args(y, w, ...)                                                        \
    hebb_conv_transpose_with(HEBB_HERE(y), (w), &(const hebb_conv_options){__VA_ARGS__})
#define hebb_conv_input_args(dy, w, x, ...)                                                        \
    hebb_conv_input_with(HEBB_HERE(dy), (w), (x), &(const hebb_conv_options){__VA_ARGS__})
#define hebb_conv_weight_args(x, dy, w, ...)                                                       \
    hebb_conv_weight_with(HEBB_HERE(x), (dy), (w), &(const hebb_conv_options){__VA_ARGS__})
#define hebb_windows_args(x, kernel, ...)                                                          \
    hebb_windows_with(HEBB_HERE(x), (kernel), &(const hebb_window_options){__VA_ARGS__})
#define hebb_fold_args(y, sizes, ...)                                                              \
    hebb_fold_with(HEBB_HERE(y), (sizes), &(const hebb_window_options){__VA_ARGS__})
#define hebb_max_pool_args(x, kernel, ...)                                                         \
    hebb_max_pool_with(HEBB_HERE(x), (kernel), &(const hebb_pool_options){__VA_ARGS__})
#define hebb_average_pool_args(x, kernel, ...)                                                     \
    hebb_average_pool_with(HEBB_HERE(x), (kernel), &(const hebb_pool_options){__VA_ARGS__})
#define hebb_resize_args(x, sizes, ...)                                                            \
    hebb_resize_with(HEBB_HERE(x), (sizes), &(const hebb_resize_options){__VA_ARGS__})
#ifndef HEBB_NO_HERE
#define hebb_pad(x, ...)                     (hebb_pad)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_global_max_pool(x)              (hebb_global_max_pool)(HEBB_HERE(x))
#define hebb_global_average_pool(x)          (hebb_global_average_pool)(HEBB_HERE(x))
#define hebb_adaptive_max_pool(x, sizes)     (hebb_adaptive_max_pool)(HEBB_HERE(x), sizes)
#define hebb_adaptive_average_pool(x, sizes) (hebb_adaptive_average_pool)(HEBB_HERE(x), sizes)
#endif
#endif
