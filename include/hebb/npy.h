/* NumPy's files: .npy, one array (numpy.lib.format), and .npz, a zip archive of them.

   On an error, up to `size` bytes of `message` (may be NULL) say what is wrong with which file at
   which byte. What a header says of sizes is believed only as far as the file has the bytes. */
#ifndef HEBB_NPY_H
#define HEBB_NPY_H

#include <hebb/safetensors.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads an array, plain or gzip-compressed, into `array` (resized; untouched on error). Versions 1,
   2 and 3 of the format; bytes in either order; Fortran order is transposed to row-major. bool, i8,
   u8, i32, i64, f16, f32 and f64 stay what they are; i16 and u16 become i32, u32 becomes i64.
   HEBB_E_UNSUPPORTED (u64, complex numbers, records, strings, objects; more dimensions than
   HEBB_MAX_RANK), HEBB_E_FORMAT (no such file, truncated, trailing bytes, corrupt), HEBB_E_FILE,
   HEBB_E_MEMORY. */
HEBB_API hebb_status hebb_read_npy(const char *path, hebb_array *array, char *message, size_t size);

/* Writes an array: version 1, little-endian, row-major. Under another name, then renamed: after an
   error the old file is unchanged. HEBB_E_DTYPE (bf16, which NumPy does not have), HEBB_E_SHAPE,
   HEBB_E_FILE, HEBB_E_MEMORY. */
HEBB_API hebb_status hebb_write_npy(const char *path, const hebb_array *array, char *message,
                                    size_t size);

/* ---- archives ---- */

typedef struct hebb_npz hebb_npz;

/* Reads what numpy.savez() and numpy.savez_compressed() write; members that are not .npy are
   skipped. To be destroyed by hebb_npz_destroy(). Errors are those of hebb_read_npy(), and
   HEBB_E_UNSUPPORTED for zip64 (4 GiB or more), encryption and other compression. */
HEBB_API hebb_status hebb_npz_read(const char *path, hebb_npz **file, char *message, size_t size);
HEBB_API void hebb_npz_destroy(hebb_npz *file);

HEBB_API size_t hebb_npz_count(const hebb_npz *file);
/* The name (without .npy) and the array of an index, in the order of the file; NULL past the end.
   They are the file's. */
HEBB_API const char *hebb_npz_name(const hebb_npz *file, size_t index);
HEBB_API const hebb_array *hebb_npz_array(const hebb_npz *file, size_t index);
/* The array of that name; NULL if there is none. */
HEBB_API const hebb_array *hebb_npz_find(const hebb_npz *file, const char *name);

typedef struct hebb_npz_options {
    bool compress;
    int reserved_;
} hebb_npz_options;

/* Writes arrays under names, which must differ: what numpy.load() reads. hebb_npz_write("a.npz",
   arrays, 2, message, sizeof message, .compress = true). Errors as for hebb_write_npy(),
   HEBB_E_ARGUMENT for a name that is there twice or is too long, HEBB_E_UNSUPPORTED for 4 GiB or
   more. */
#define hebb_npz_write(path, arrays, n_arrays, message, ...)                                       \
    hebb_npz_write_args(path, arrays, n_arrays, message, __VA_ARGS__, .reserved_ = 0)
#define hebb_npz_write_args(path, arrays, n_arrays, message, size, ...)                            \
    hebb_npz_write_with((path), (arrays), (n_arrays), (message), (size),                           \
                        &(const hebb_npz_options){__VA_ARGS__})
HEBB_API hebb_status hebb_npz_write_with(const char *path, const hebb_named_array *arrays,
                                         size_t n_arrays, char *message, size_t size,
                                         const hebb_npz_options *options);

#ifdef __cplusplus
}
#endif
#endif
