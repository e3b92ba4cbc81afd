/* What the files of augmentation share: augment.c moves pixels, augment_values.c computes new ones.
 */
#ifndef HB_AUGMENT_H
#define HB_AUGMENT_H

#include <hebb/augment.h>

/* A column of images. */
typedef struct images {
    hebb_array *array;
    int64_t channels, height, width;
    int64_t pixels; /* of an image, channels included */
    size_t size;    /* of an element */
} images;

enum { HB_AMOUNT, HB_FILL, HB_PROBABILITY }; /* of a transform's amounts */
enum { HB_CHOICE = 16 };                     /* the draw that decides whether an example changes */

hebb_transform hb_transform(const char *name,
                            hebb_status (*apply)(const hebb_transform *, hebb_batch *),
                            double amount, const hebb_augment_options *options);
/* The images, if the amount is between `low` and `high`. */
hebb_status hb_take_images(const hebb_transform *self, hebb_batch *batch, double low, double high,
                           images *to);
/* Whether this example is to change. */
bool hb_chosen(const hebb_transform *self, const hebb_batch *batch, int64_t example);
/* Between -1 (included) and 1. */
double hb_draw(const hebb_batch *batch, int64_t example, uint32_t draw);
hebb_status hb_batch_fail(hebb_batch *batch, hebb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
