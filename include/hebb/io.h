/* Files. */
#ifndef HEBB_IO_H
#define HEBB_IO_H

#include <hebb/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads an IDX file (the format of MNIST: yann.lecun.com/exdb/mnist), plain or gzip-compressed,
   into `array` (resized; untouched on error). Element types u8, i8, i32, f32 and f64 of the format
   are read as they are, in host byte order; i16 becomes i32. On error, up to `size` bytes of
   `message` (may be NULL) say what is wrong with which file at which byte: HEBB_E_FILE (cannot be
   opened or read), HEBB_E_FORMAT (no IDX, truncated, trailing bytes, corrupt gzip), HEBB_E_MEMORY.
 */
HEBB_API hebb_status hebb_read_idx(const char *path, hebb_array *array, char *message, size_t size);

#ifdef __cplusplus
}
#endif
#endif
