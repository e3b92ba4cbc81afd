/* Normalization layers. Names and defaults as in Keras 3. x is floating; f16 and bf16 are
   normalized in f32, and their variables are f32. */
#ifndef HEBB_NORMALIZATION_H
#define HEBB_NORMALIZATION_H

#include <hebb/graph.h>
#include <hebb/layer.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hebb_normalization_options {
    double
        epsilon; /* added to variances; default 1e-3, of rms and unit normalization 1e-6, 1e-12 */
    double momentum; /* batch: of the moving averages, default 0.99 */
    bool no_scale;   /* without gamma, a factor that starts as 1 */
    bool no_center;  /* without beta, a term that starts as 0; rms has none anyway */
    int axes;        /* layer, rms: how many of the last axes are one example, default 1 */
    const char *name;
    int reserved_;
} hebb_normalization_options;
#define HEBB_NORMALIZATION(...)                                                                    \
    &(const hebb_normalization_options) { __VA_ARGS__ }

/* x [batch, channels, ...] of rank 2 or more, its channels known: each channel minus its mean,
   divided by its standard deviation, of the batch and all positions (S. Ioffe and C. Szegedy 2015).
   In inference with the moving averages of both, states name/moving_mean and name/moving_variance,
   which training steps of losses that depend on the result update: momentum average + (1 -
   momentum) new. With the default they come near after some 500 steps; before that, inference is
   worse than training: where there are fewer, .momentum = 0.9. */
#define hebb_batch_normalization(x, ...)                                                           \
    hebb_batch_normalization_args(x, ##__VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_batch_normalization_with(hebb_tensor *x,
                                                    const hebb_normalization_options *options);
/* Over the last axes (J. Ba et al. 2016), whose sizes are known: gamma and beta have them. */
#define hebb_layer_normalization(x, ...)                                                           \
    hebb_layer_normalization_args(x, ##__VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_layer_normalization_with(hebb_tensor *x,
                                                    const hebb_normalization_options *options);
/* x / sqrt(mean(x^2) + epsilon) gamma over the last axes (B. Zhang and R. Sennrich 2019). */
#define hebb_rms_normalization(x, ...) hebb_rms_normalization_args(x, ##__VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_rms_normalization_with(hebb_tensor *x,
                                                  const hebb_normalization_options *options);
/* x [batch, channels, ...], all but the batch known, over groups of channels and all positions (Y.
   Wu and K. He 2018). `groups` divides the channels; as many as channels is instance normalization.
 */
#define hebb_group_normalization(x, ...)                                                           \
    hebb_group_normalization_args(x, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_group_normalization_with(hebb_tensor *x, int64_t groups,
                                                    const hebb_normalization_options *options);
#define hebb_instance_normalization(x, ...)                                                        \
    hebb_instance_normalization_args(x, ##__VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_instance_normalization_with(hebb_tensor *x,
                                                       const hebb_normalization_options *options);
/* x / sqrt(max(sum of x^2 along the axis, 1e-12)): rows of length 1. */
HEBB_API hebb_tensor *hebb_unit_normalization(hebb_tensor *x, int axis);

/* A kernel divided by its largest singular value, as hebb_dense(..., .kernel =
   hebb_spectral_normalization) (T. Miyato et al. 2018): the value is that of power iteration, one
   step each time the step of a loss that depends on it is made. The kernel is taken as a matrix
   [first size, all others]. State kernel's name/u. */
HEBB_API hebb_tensor *hebb_spectral_normalization(hebb_tensor *kernel);

#ifdef __cplusplus
}
#endif

#define hebb_batch_normalization_args(x, ...)                                                      \
    hebb_batch_normalization_with(HEBB_HERE(x), HEBB_NORMALIZATION(__VA_ARGS__))
#define hebb_layer_normalization_args(x, ...)                                                      \
    hebb_layer_normalization_with(HEBB_HERE(x), HEBB_NORMALIZATION(__VA_ARGS__))
#define hebb_rms_normalization_args(x, ...)                                                        \
    hebb_rms_normalization_with(HEBB_HERE(x), HEBB_NORMALIZATION(__VA_ARGS__))
#define hebb_group_normalization_args(x, groups, ...)                                              \
    hebb_group_normalization_with(HEBB_HERE(x), (groups), HEBB_NORMALIZATION(__VA_ARGS__))
#define hebb_instance_normalization_args(x, ...)                                                   \
    hebb_instance_normalization_with(HEBB_HERE(x), HEBB_NORMALIZATION(__VA_ARGS__))
#ifndef HEBB_NO_HERE
#define hebb_unit_normalization(x, axis) (hebb_unit_normalization)(HEBB_HERE(x), axis)
#endif
#endif
