/* Preprocessing as part of the model, so that it is used with it. Names as in Keras 3. (What is
   learned from data, or done on the host before: prepare.h, augment.h.) */
#ifndef HEBB_PREPROCESSING_H
#define HEBB_PREPROCESSING_H

#include <hebb/graph.h>
#include <hebb/layer.h>
#include <hebb/prepare.h>

#ifdef __cplusplus
extern "C" {
#endif

/* x scale + offset, as f32 if x is of integers: hebb_rescaling(pixels, 1 / 255.0, 0). Numeric. */
HEBB_API hebb_tensor *hebb_rescaling(hebb_tensor *x, double scale, double offset);

/* (x - mean) / max(sqrt(variance), 1e-7), of floating x, with a mean and a variance for each index
   along `axis`: arrays of as many numbers, or of one for all. They are copied; finite, and the
   variances not negative (HEBB_E_ARGUMENT). HEBB_E_SHAPE for another number of them. They are
   constants, which no checkpoint has; the numbers of the following are in it. */
HEBB_API hebb_tensor *hebb_normalization(hebb_tensor *x, int axis, const hebb_array *mean,
                                         const hebb_array *variance);

typedef struct hebb_scaling_layer_options {
    bool undo;        /* x scale + shift instead: from what a model predicts to what was measured */
    int axis;         /* along which x's features are; default 1. Of sequences [batch, time,
                         features]: -1, the last */
    const char *name; /* default "scaling", "scaling_1", ... */
    int reserved_;
} hebb_scaling_layer_options;
/* (x - shift) / scale, as hebb_scaling_apply() does it to arrays, for the features along an axis of
   x [batch, features, ...], or for one feature. x is numeric; integers become f32, else the result
   has x's dtype. The numbers are copied to states name/shift and name/scale, [features], so that
   checkpoints have them: a program that loads one gives NULL in place of the scaling, which makes
   shift 0 and scale 1 until then.

     hebb_standardize_fit(&inputs, &table.values, message, sizeof message);
     hebb_standardize_fit(&prices, &table.labels, message, sizeof message);
     hebb_tensor *h = hebb_dense(hebb_scaling_layer(x, &inputs), 32, .activation = hebb_relu);
     hebb_tensor *y = hebb_squeeze(hebb_dense(h, 1), 1);
     hebb_tensor *loss = hebb_mean_squared_error(y, hebb_scaling_layer(price, &prices));
     hebb_tensor *predicted = hebb_scaling_layer(y, &prices, .undo = true);

   HEBB_E_SHAPE if x has another number of features (known, unless the scaling is of one),
   HEBB_E_ARGUMENT for an axis that x of rank 2 or more has not, HEBB_E_DTYPE. */
#define hebb_scaling_layer(x, ...) hebb_scaling_layer_args(x, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_scaling_layer_with(hebb_tensor *x, const hebb_scaling *scaling,
                                              const hebb_scaling_layer_options *options);

/* The center of the last dimensions, as many as there are `sizes` (1 to 3): from (size - wanted) /
   2 on, rounded down. x's sizes there are known, and not smaller. Any dtype. */
HEBB_API hebb_tensor *hebb_center_crop(hebb_tensor *x, hebb_shape sizes);

typedef enum hebb_category_mode {
    HEBB_MULTI_HOT = 0, /* [..., n] -> [..., categories]: 1 for each that occurs */
    HEBB_COUNT,         /* the same, how often each occurs */
    HEBB_ONE_HOT,       /* [...] -> [..., categories], which hebb_one_hot() makes */
} hebb_category_mode;
/* Numbers of categories (i32) as f32; what is outside 0 ... categories - 1 counts as none. */
HEBB_API hebb_tensor *hebb_category_encoding(hebb_tensor *ids, int64_t categories,
                                             hebb_category_mode mode);

/* The bin of x (i32, 0 to count): how many of the boundaries, which must ascend, are not above x.
   Floating; NaN is in bin 0. HEBB_E_NULL, HEBB_E_ARGUMENT if one does not ascend. */
HEBB_API hebb_tensor *hebb_discretization(hebb_tensor *x, const double *boundaries, int count);

#ifdef __cplusplus
}
#endif

#define hebb_scaling_layer_args(x, scaling, ...)                                                   \
    hebb_scaling_layer_with(HEBB_HERE(x), (scaling),                                               \
                            &(const hebb_scaling_layer_options){__VA_ARGS__})
#ifndef HEBB_NO_HERE
#define hebb_rescaling(x, ...)           (hebb_rescaling)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_normalization(x, ...)       (hebb_normalization)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_center_crop(x, sizes)       (hebb_center_crop)(HEBB_HERE(x), sizes)
#define hebb_category_encoding(ids, ...) (hebb_category_encoding)(HEBB_HERE(ids), __VA_ARGS__)
#define hebb_discretization(x, ...)      (hebb_discretization)(HEBB_HERE(x), __VA_ARGS__)
#endif
#endif
