/* Augmentation: transforms (transform.h) that change images at random while they are trained on.

     hebb_fit(model, train, .epochs = 20, .prefetch = 2,
              .transforms = HEBB_TRANSFORMS(hebb_random_flip(), hebb_random_crop(4),
                                            hebb_random_rotate(10), hebb_cut_out(8)));

   They work on a column of images, [n, height, width] or [n, channels, height, width]: u8, f32 or
   f64 (flip, crop, shift and cut-out: any dtype), which stays what it is. u8 is rounded and
   clipped; of floats, 1 is full brightness, and nothing is clipped. What is drawn follows from
   seed, epoch and example alone (hebb_batch_uniform()). Errors are found when a batch is made:
   HEBB_E_SHAPE, HEBB_E_DTYPE, HEBB_E_ARGUMENT (no such column, an amount out of range),
   HEBB_E_MEMORY. */
#ifndef HEBB_AUGMENT_H
#define HEBB_AUGMENT_H

#include <hebb/transform.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hebb_augment_options {
    size_t column;      /* of the images; default 0, the first */
    double probability; /* share of the examples that are changed; default 1, of flips 0.5 */
    double fill;        /* value of pixels from outside of the image; default 0 */
    bool vertical;      /* flips: vertically; default: horizontally */
    size_t labels;      /* mix-up: the column of labels; default 1, the second */
    int reserved_;
} hebb_augment_options;

/* Mirrors the image horizontally, or vertically. */
#define hebb_random_flip(...)                                                                      \
    hebb_random_flip_with(&(const hebb_augment_options){.reserved_ = 0, __VA_ARGS__})
HEBB_API hebb_transform hebb_random_flip_with(const hebb_augment_options *options);

/* Adds `padding` pixels on each side and cuts out a piece of the original size at random: shifts
   the image by up to so many pixels in both directions. hebb_random_crop(4, .fill = 0.5) */
#define hebb_random_crop(...) hebb_random_crop_args(__VA_ARGS__, .reserved_ = 0)
#define hebb_random_crop_args(padding, ...)                                                        \
    hebb_random_crop_with((padding), &(const hebb_augment_options){__VA_ARGS__})
HEBB_API hebb_transform hebb_random_crop_with(int64_t padding, const hebb_augment_options *options);

/* Shifts the image by up to `share` of height and width, 0 ... 1, in whole pixels. */
#define hebb_random_shift(...) hebb_random_shift_args(__VA_ARGS__, .reserved_ = 0)
#define hebb_random_shift_args(share, ...)                                                         \
    hebb_random_shift_with((share), &(const hebb_augment_options){__VA_ARGS__})
HEBB_API hebb_transform hebb_random_shift_with(double share, const hebb_augment_options *options);

/* Rotates the image about its center by up to `degrees`, 0 ... 180, either way; between pixels,
   values are interpolated linearly. */
#define hebb_random_rotate(...) hebb_random_rotate_args(__VA_ARGS__, .reserved_ = 0)
#define hebb_random_rotate_args(degrees, ...)                                                      \
    hebb_random_rotate_with((degrees), &(const hebb_augment_options){__VA_ARGS__})
HEBB_API hebb_transform hebb_random_rotate_with(double degrees,
                                                const hebb_augment_options *options);

/* Scales the image about its center, by a factor of 1 - amount ... 1 + amount; 0 <= amount < 1. */
#define hebb_random_zoom(...) hebb_random_zoom_args(__VA_ARGS__, .reserved_ = 0)
#define hebb_random_zoom_args(amount, ...)                                                         \
    hebb_random_zoom_with((amount), &(const hebb_augment_options){__VA_ARGS__})
HEBB_API hebb_transform hebb_random_zoom_with(double amount, const hebb_augment_options *options);

/* Fills a square of `side` pixels about a point drawn at random, as far as it is in the image
   (DeVries and Taylor, arXiv:1708.04552). */
#define hebb_cut_out(...) hebb_cut_out_args(__VA_ARGS__, .reserved_ = 0)
#define hebb_cut_out_args(side, ...)                                                               \
    hebb_cut_out_with((side), &(const hebb_augment_options){__VA_ARGS__})
HEBB_API hebb_transform hebb_cut_out_with(int64_t side, const hebb_augment_options *options);

/* Adds the same to all pixels: up to `amount` of full brightness (of u8: 255), either way. */
#define hebb_random_brightness(...) hebb_random_brightness_args(__VA_ARGS__, .reserved_ = 0)
#define hebb_random_brightness_args(amount, ...)                                                   \
    hebb_random_brightness_with((amount), &(const hebb_augment_options){__VA_ARGS__})
HEBB_API hebb_transform hebb_random_brightness_with(double amount,
                                                    const hebb_augment_options *options);

/* (x - mean) factor + mean, where the mean is that of each channel of the image and the factor is
   drawn from 1 - amount ... 1 + amount. */
#define hebb_random_contrast(...) hebb_random_contrast_args(__VA_ARGS__, .reserved_ = 0)
#define hebb_random_contrast_args(amount, ...)                                                     \
    hebb_random_contrast_with((amount), &(const hebb_augment_options){__VA_ARGS__})
HEBB_API hebb_transform hebb_random_contrast_with(double amount,
                                                  const hebb_augment_options *options);

/* Mix-up (Zhang et al., arXiv:1710.09412): w times each example plus 1 - w times the next one in
   the batch (after the last, the first); w from the beta distribution of (alpha, alpha), 0 < alpha
   <= 4; labels likewise, which must be floats (one-hot, hebb_one_hot_rows()). Any shape; the only
   one whose result depends on what else is in the batch. */
#define hebb_mix_up(...) hebb_mix_up_args(__VA_ARGS__, .reserved_ = 0)
#define hebb_mix_up_args(alpha, ...)                                                               \
    hebb_mix_up_with((alpha), &(const hebb_augment_options){__VA_ARGS__})
HEBB_API hebb_transform hebb_mix_up_with(double alpha, const hebb_augment_options *options);

#ifdef __cplusplus
}
#endif
#endif
