/* A decimal point in files, whatever the locale of the program: between hb_point_begin() and
   hb_point_end() this thread prints and reads numbers as the C locale does. Included by whoever
   writes or reads numbers as text. */
#ifndef HB_POINT_H
#define HB_POINT_H

#include <locale.h>

/* What the thread had before, for hb_point_end(). */
static inline locale_t hb_point_begin(void) {
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return plain == (locale_t)0 ? (locale_t)0 : uselocale(plain);
}

static inline void hb_point_end(locale_t before) {
    if (before != (locale_t)0) freelocale(uselocale(before));
}

#endif
