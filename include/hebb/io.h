/* Files of numbers: the format of MNIST. See also image.h (PNG) and safetensors.h. */
#ifndef HEBB_IO_H
#define HEBB_IO_H

#include <hebb/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Strings that belong together: names of classes, of columns. {0} is an empty list. What fills a
   list makes it anew; the strings are the list's. */
typedef struct hebb_names {
    char **at;
    size_t count;
} hebb_names;

/* Frees the strings and makes it {0}. Does nothing for NULL or {0}. */
HEBB_API void hebb_names_free(hebb_names *names);
/* The index of that name; -1 if there is none. */
HEBB_API int64_t hebb_names_find(const hebb_names *names, const char *name);

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
