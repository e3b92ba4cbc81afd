/* Layers of images, sequences and volumes: [batch, channels, (depth,) (height,) width]. Names and
   defaults as in Keras 3, except that channels come before sizes and that numbers for each
   dimension are arrays (see conv.h). */
#ifndef HEBB_CONV_LAYERS_H
#define HEBB_CONV_LAYERS_H

#include <hebb/conv.h>
#include <hebb/layers.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- convolution ---- */

typedef struct hebb_conv_layer_options {
    hebb_activation activation; /* default none */
    bool no_bias;
    int64_t kernel[3]; /* sizes, where they differ between dimensions */
    int64_t stride[3]; /* default 1 */
    int64_t dilation[3];
    hebb_padding padding; /* default none; HEBB_PADDING_SAME, or by .pad */
    int64_t pad[3][2];
    int64_t groups;            /* default 1 */
    int64_t output_padding[3]; /* transposed ones: see hebb_conv_transpose() */
    int64_t multiplier;        /* depthwise and separable: results of a channel, default 1 */
    hebb_initializer kernel_initializer;        /* default Glorot uniform */
    hebb_initializer bias_initializer;          /* default zeros */
    double kernel_l1, kernel_l2;                /* as hebb_dense() */
    hebb_reparameterization reparameterization; /* of the kernel, as .kernel of hebb_dense() */
    const char *name;                           /* default "conv2d", "conv2d_1", ... */
    int reserved_;
} hebb_conv_layer_options;

/* activation(hebb_conv(x, kernel) + bias): [batch, in, sizes...] -> [batch, filters, sizes...]. The
   kernel is [filters, in / groups, size...], `size` in each dimension unless .kernel says
   otherwise. The channels are known. hebb_conv2d(x, 32, 3, .activation = hebb_relu, .padding =
   HEBB_PADDING_SAME) */
#define hebb_conv1d(x, ...) hebb_conv_layer_args(x, 1, __VA_ARGS__, .reserved_ = 0)
#define hebb_conv2d(x, ...) hebb_conv_layer_args(x, 2, __VA_ARGS__, .reserved_ = 0)
#define hebb_conv3d(x, ...) hebb_conv_layer_args(x, 3, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_conv_layer_with(hebb_tensor *x, int dimensions, int64_t filters,
                                           int64_t size, const hebb_conv_layer_options *options);
/* The transpose: it makes larger what the one above makes smaller. The kernel is [in, filters /
   groups, size...]. */
#define hebb_conv1d_transpose(x, ...)                                                              \
    hebb_conv_transpose_layer_args(x, 1, __VA_ARGS__, .reserved_ = 0)
#define hebb_conv2d_transpose(x, ...)                                                              \
    hebb_conv_transpose_layer_args(x, 2, __VA_ARGS__, .reserved_ = 0)
#define hebb_conv3d_transpose(x, ...)                                                              \
    hebb_conv_transpose_layer_args(x, 3, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_conv_transpose_layer_with(hebb_tensor *x, int dimensions,
                                                     int64_t filters, int64_t size,
                                                     const hebb_conv_layer_options *options);
/* Each channel convolved alone, with `multiplier` results: the kernel is [in multiplier, 1,
 * size...]. */
#define hebb_depthwise_conv1d(x, ...) hebb_depthwise_layer_args(x, 1, __VA_ARGS__, .reserved_ = 0)
#define hebb_depthwise_conv2d(x, ...) hebb_depthwise_layer_args(x, 2, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_depthwise_layer_with(hebb_tensor *x, int dimensions, int64_t size,
                                                const hebb_conv_layer_options *options);
/* Depthwise without bias or activation, then a convolution of size 1: name/depthwise/kernel,
   name/pointwise/kernel, name/pointwise/bias. */
#define hebb_separable_conv1d(x, ...) hebb_separable_layer_args(x, 1, __VA_ARGS__, .reserved_ = 0)
#define hebb_separable_conv2d(x, ...) hebb_separable_layer_args(x, 2, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_separable_layer_with(hebb_tensor *x, int dimensions, int64_t filters,
                                                int64_t size,
                                                const hebb_conv_layer_options *options);

/* ---- pooling by one size in each dimension; hebb_max_pool2d(x, 2, .stride = {1}) ---- */
#define hebb_max_pool1d(x, ...)     hebb_max_pool_n(x, 1, __VA_ARGS__, .reserved_ = 0)
#define hebb_max_pool2d(x, ...)     hebb_max_pool_n(x, 2, __VA_ARGS__, .reserved_ = 0)
#define hebb_max_pool3d(x, ...)     hebb_max_pool_n(x, 3, __VA_ARGS__, .reserved_ = 0)
#define hebb_average_pool1d(x, ...) hebb_average_pool_n(x, 1, __VA_ARGS__, .reserved_ = 0)
#define hebb_average_pool2d(x, ...) hebb_average_pool_n(x, 2, __VA_ARGS__, .reserved_ = 0)
#define hebb_average_pool3d(x, ...) hebb_average_pool_n(x, 3, __VA_ARGS__, .reserved_ = 0)
/* A shape of that many sizes, all `size`. */
HEBB_API hebb_shape hebb_cube(int dimensions, int64_t size);

/* ---- sizes: over the last `dimensions` axes ---- */

/* Each element `times` times in each dimension. Sizes are known. */
HEBB_API hebb_tensor *hebb_up_sampling(hebb_tensor *x, int dimensions, int64_t times);
/* `width` zeros at each end of each dimension. */
HEBB_API hebb_tensor *hebb_zero_padding(hebb_tensor *x, int dimensions, int64_t width);
/* Without the first and last `width` elements of each dimension, of which known sizes have both. */
HEBB_API hebb_tensor *hebb_cropping(hebb_tensor *x, int dimensions, int64_t width);

#ifdef __cplusplus
}
#endif

#define hebb_conv_layer_args(x, n, filters, size, ...)                                             \
    hebb_conv_layer_with(HEBB_HERE(x), n, (filters), (size),                                       \
                         &(const hebb_conv_layer_options){__VA_ARGS__})
#define hebb_conv_transpose_layer_args(x, n, filters, size, ...)                                   \
    hebb_conv_transpose_layer_with(HEBB_HERE(x), n, (filters), (size),                             \
                                   &(const hebb_conv_layer_options){__VA_ARGS__})
#define hebb_depthwise_layer_args(x, n, size, ...)                                                 \
    hebb_depthwise_layer_with(HEBB_HERE(x), n, (size),                                             \
                              &(const hebb_conv_layer_options){__VA_ARGS__})
#define hebb_separable_layer_args(x, n, filters, size, ...)                                        \
    hebb_separable_layer_with(HEBB_HERE(x), n, (filters), (size),                                  \
                              &(const hebb_conv_layer_options){__VA_ARGS__})
#define hebb_max_pool_n(x, n, size, ...)                                                           \
    hebb_max_pool_with(HEBB_HERE(x), hebb_cube(n, size), &(const hebb_pool_options){__VA_ARGS__})
#define hebb_average_pool_n(x, n, size, ...)                                                       \
    hebb_average_pool_with(HEBB_HERE(x), hebb_cube(n, size),                                       \
                           &(const hebb_pool_options){__VA_ARGS__})
#ifndef HEBB_NO_HERE
#define hebb_up_sampling(x, ...)  (hebb_up_sampling)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_zero_padding(x, ...) (hebb_zero_padding)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_cropping(x, ...)     (hebb_cropping)(HEBB_HERE(x), __VA_ARGS__)
#endif
#endif
