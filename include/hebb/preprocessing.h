/* Preprocessing as part of the model, so that it is saved and used with it. Names as in Keras 3.
   (What is learned from data, or done on the host before: prepare.h, augment.h.) */
#ifndef HEBB_PREPROCESSING_H
#define HEBB_PREPROCESSING_H

#include <hebb/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* x scale + offset, as f32 if x is of integers: hebb_rescaling(pixels, 1 / 255.0, 0). Numeric. */
HEBB_API hebb_tensor *hebb_rescaling(hebb_tensor *x, double scale, double offset);

/* (x - mean) / max(sqrt(variance), 1e-7), of floating x, with a mean and a variance for each index
   along `axis`: arrays of as many numbers, or of one for all. They are copied; finite, and the
   variances not negative (HEBB_E_ARGUMENT). HEBB_E_SHAPE for another number of them. */
HEBB_API hebb_tensor *hebb_normalization(hebb_tensor *x, int axis, const hebb_array *mean,
                                         const hebb_array *variance);

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

#ifndef HEBB_NO_HERE
#define hebb_rescaling(x, ...)           (hebb_rescaling)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_normalization(x, ...)       (hebb_normalization)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_center_crop(x, sizes)       (hebb_center_crop)(HEBB_HERE(x), sizes)
#define hebb_category_encoding(ids, ...) (hebb_category_encoding)(HEBB_HERE(ids), __VA_ARGS__)
#define hebb_discretization(x, ...)      (hebb_discretization)(HEBB_HERE(x), __VA_ARGS__)
#endif
#endif
