/* Layers. Everything here is composed from ops.h and layer.h: read src/nn/ and write your own the
   same way. Names and defaults as in Keras 3; option fields left zero take their default. A layer
   makes variables called name/part; hebb_share_begin() lets several use the same ones. What differs
   between training and inference follows hebb_training().

   Convolution and pooling are in conv_layers.h, normalization in normalization.h. */
#ifndef HEBB_LAYERS_H
#define HEBB_LAYERS_H

#include <hebb/activations.h>
#include <hebb/control.h>
#include <hebb/graph.h>
#include <hebb/layer.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a kernel is used as, in place of itself: hebb_spectral_normalization, or one of your own. */
typedef hebb_tensor *(*hebb_reparameterization)(hebb_tensor *kernel);

/* ---- dense ---- */

typedef struct hebb_dense_options {
    hebb_activation activation;          /* default none */
    bool no_bias;                        /* default false: a bias is added */
    hebb_initializer kernel_initializer; /* default Glorot uniform */
    hebb_initializer bias_initializer;   /* default zeros */
    double kernel_l1, kernel_l2;         /* adds l1 sum |kernel| + l2 sum kernel^2 to losses */
    hebb_reparameterization kernel;      /* default: the kernel itself */
    const char *name;                    /* of the layer, default "dense", "dense_1", ...; its
                                            variables are name/kernel and name/bias */
    int reserved_;
} hebb_dense_options;
/* activation(x kernel + bias): [..., in] -> [..., units]; the kernel is [in, units]. x is floating,
   of rank 2 or more, with a known last dimension. hebb_dense(x, 128, .activation = hebb_relu) */
#define hebb_dense(x, ...) hebb_dense_args(x, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_dense_with(hebb_tensor *x, int64_t units,
                                      const hebb_dense_options *options);

typedef struct hebb_einsum_dense_options {
    const char *bias_axes; /* letters of the result along which there is a bias; default none */
    hebb_activation activation;          /* default none */
    hebb_initializer kernel_initializer; /* default Glorot uniform: fan_in are the sizes that are
                                            summed over, fan_out those that are new */
    hebb_initializer bias_initializer;   /* default zeros */
    const char *name;                    /* default "einsum_dense", ... */
    int reserved_;
} hebb_einsum_dense_options;
/* activation(einsum(formula, x, kernel) + bias), as hebb_einsum(): "bti,io->bto" is a dense layer.
   The formula names the axes of x, of the kernel and, after an arrow, of the result, once each and
   in letters; "..." may stand in x and the result, not in the kernel. The kernel's sizes are x's,
   known, and for letters that x does not have those of `output`: the result's sizes after the
   first, HEBB_ANY where x has them. hebb_einsum_dense(x, "btd,dhk->bthk", HEBB_SHAPE(HEBB_ANY, 4,
   32), .bias_axes = "hk") */
#define hebb_einsum_dense(x, ...) hebb_einsum_dense_args(x, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_einsum_dense_with(hebb_tensor *x, const char *formula, hebb_shape output,
                                             const hebb_einsum_dense_options *options);

/* ---- an activation that is learned ---- */

typedef struct hebb_prelu_options {
    int shared_axes[HEBB_MAX_RANK]; /* along these axes of x there is one slope; 0 (the batch, which
                                       always shares) ends the list. Images: {2, 3} */
    hebb_initializer initializer;   /* default zeros */
    const char *name;               /* default "prelu", ...; its variable is name/alpha */
    int reserved_;
} hebb_prelu_options;
/* x where x > 0, else alpha x (K. He et al. 2015): x [batch, ...] of rank 2 or more, alpha [...] of
   x's sizes, which are known, or 1. hebb_prelu(x, .shared_axes = {2, 3}) */
#define hebb_prelu(x, ...) hebb_prelu_args(x, ##__VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_prelu_with(hebb_tensor *x, const hebb_prelu_options *options);

/* ---- embedding ---- */

typedef struct hebb_embedding_options {
    hebb_initializer initializer; /* default uniform in +-0.05 */
    double l2;                    /* adds l2 sum table^2 to losses */
    hebb_dtype dtype;             /* default f32 */
    const char *name;             /* default "embedding", ...; its variable is name/table */
    int reserved_;
} hebb_embedding_options;
/* Rows of a table [vocabulary, features]: ids i32 [...] in 0 ... vocabulary - 1 -> [..., features].
   An id outside gives NaN. hebb_embedding(ids, 65, 64) */
#define hebb_embedding(ids, ...) hebb_embedding_args(ids, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_embedding_with(hebb_tensor *ids, int64_t vocabulary, int64_t features,
                                          const hebb_embedding_options *options);

/* ---- for training only: x itself in inference ---- */

/* Elements are 0 with probability `rate` in [0, 1), the others x / (1 - rate) (N. Srivastava et al.
   2014). Other ones in each run, the same on each device for a seed. */
HEBB_API hebb_tensor *hebb_dropout(hebb_tensor *x, double rate);
/* The same for whole channels: x [batch, channels, ...], the same everywhere after axis 1. */
HEBB_API hebb_tensor *hebb_spatial_dropout(hebb_tensor *x, double rate);
/* x times numbers of mean 1 and deviation sqrt(rate / (1 - rate)). */
HEBB_API hebb_tensor *hebb_gaussian_dropout(hebb_tensor *x, double rate);
/* Keeps the mean 0 and deviation 1 of what comes from hebb_selu (G. Klambauer et al. 2017). */
HEBB_API hebb_tensor *hebb_alpha_dropout(hebb_tensor *x, double rate);
/* x plus numbers of mean 0 and that deviation, >= 0. */
HEBB_API hebb_tensor *hebb_gaussian_noise(hebb_tensor *x, double deviation);
/* x, with l1 sum |x| + l2 sum x^2 added to losses that depend on it. */
HEBB_API hebb_tensor *hebb_activity_regularization(hebb_tensor *x, double l1, double l2);

/* ---- shapes ----
   flatten, reshape, transpose (permute), concat are ops. */

/* [batch, features] -> [batch, times, features] */
HEBB_API hebb_tensor *hebb_repeat_vector(hebb_tensor *x, int64_t times);

/* ---- merging: lists of tensors that broadcast; NULL for an empty one ---- */

HEBB_API hebb_tensor *hebb_sum_of(hebb_tensor_list xs);
HEBB_API hebb_tensor *hebb_product_of(hebb_tensor_list xs);
HEBB_API hebb_tensor *hebb_average_of(hebb_tensor_list xs);
HEBB_API hebb_tensor *hebb_maximum_of(hebb_tensor_list xs);
HEBB_API hebb_tensor *hebb_minimum_of(hebb_tensor_list xs);
/* Products of the rows of a and b along one axis each (not 0, which is the batch): [batch, k] and
   [batch, k] -> [batch, 1]; [batch, k, m] and [batch, k, n], with axes 1 and 1, -> [batch, m, n].
   With `normalize` the cosine of the angle. Ranks 2 and 3. */
HEBB_API hebb_tensor *hebb_batch_dot(hebb_tensor *a, hebb_tensor *b, int axis_a, int axis_b,
                                     bool normalize);

#ifdef __cplusplus
}
#endif

#define hebb_dense_args(x, n_units, ...)                                                           \
    hebb_dense_with(HEBB_HERE(x), (n_units), &(const hebb_dense_options){__VA_ARGS__})
#define hebb_einsum_dense_args(x, formula, output, ...)                                            \
    hebb_einsum_dense_with(HEBB_HERE(x), (formula), (output),                                      \
                           &(const hebb_einsum_dense_options){__VA_ARGS__})
#define hebb_prelu_args(x, ...)                                                                    \
    hebb_prelu_with(HEBB_HERE(x), &(const hebb_prelu_options){__VA_ARGS__})
#define hebb_embedding_args(ids, vocabulary, features, ...)                                        \
    hebb_embedding_with(HEBB_HERE(ids), (vocabulary), (features),                                  \
                        &(const hebb_embedding_options){__VA_ARGS__})
#ifndef HEBB_NO_HERE
#define hebb_dropout(x, rate)                   (hebb_dropout)(HEBB_HERE(x), rate)
#define hebb_spatial_dropout(x, rate)           (hebb_spatial_dropout)(HEBB_HERE(x), rate)
#define hebb_gaussian_dropout(x, rate)          (hebb_gaussian_dropout)(HEBB_HERE(x), rate)
#define hebb_alpha_dropout(x, rate)             (hebb_alpha_dropout)(HEBB_HERE(x), rate)
#define hebb_gaussian_noise(x, deviation)       (hebb_gaussian_noise)(HEBB_HERE(x), deviation)
#define hebb_activity_regularization(x, l1, l2) (hebb_activity_regularization)(HEBB_HERE(x), l1, l2)
#define hebb_repeat_vector(x, times)            (hebb_repeat_vector)(HEBB_HERE(x), times)
#define hebb_batch_dot(a, ...)                  (hebb_batch_dot)(HEBB_HERE(a), __VA_ARGS__)
#endif
#endif
