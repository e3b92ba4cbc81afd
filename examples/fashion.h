/* Fashion-MNIST, for the examples that use it: 60000 gray images of clothes of 28x28 pixels to
   learn from, and 10000 others to be tested on, in ten classes (H. Xiao et al. 2017). */
#ifndef EXAMPLES_FASHION_H
#define EXAMPLES_FASHION_H

#include <hebb/hebb.h>

#define FASHION_DATA "/usr/share/datasets/fashion-mnist" /* where Debian's package puts them */
enum { FASHION_CLASSES = 10, FASHION_SIDE = 28 };
extern const char *const fashion_classes[FASHION_CLASSES];

/* Images u8 [n, 28, 28] and labels u8 [n], from the directory of the four IDX files, each a .gz.
   False, and says what is wrong, if they cannot be read. */
bool fashion_read(const char *directory, bool test, hebb_array pair[2]);
/* Keeps the first n of them; all for 0. */
void fashion_keep(hebb_array pair[2], int64_t n);

#endif
