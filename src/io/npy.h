/* What .npy files and .npz archives share. */
#ifndef HB_NPY_H
#define HB_NPY_H

#include <hebb/npy.h>

#include "file.h"

/* Reads header and elements, up to the end of the source, into `array` (emptied). */
hebb_status hb_npy_read(hb_source *source, hebb_array *array);

/* A header's bytes; 0 and an error if the array cannot be written. `name` may be NULL. */
enum { HB_NPY_HEADER = 320 };
hebb_status hb_npy_header(const report *r, const char *name, const hebb_array *array,
                          unsigned char header[HB_NPY_HEADER], size_t *length);

#endif
