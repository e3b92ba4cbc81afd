/* Making lists of strings (hebb/io.h). */
#ifndef HB_NAMES_H
#define HB_NAMES_H

#include <hebb/io.h>

/* Adds a copy of `length` bytes of text. False if memory is out. */
bool hb_names_add(hebb_names *names, const char *text, size_t length);
/* By their bytes. */
void hb_names_sort(hebb_names *names);

#endif
