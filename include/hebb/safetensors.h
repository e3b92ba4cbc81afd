/* Files of named arrays in the safetensors format (github.com/huggingface/safetensors): 8 bytes
   with the header's size (little-endian), the header (JSON: name -> dtype, shape, bytes from and
   to), the elements. Dtypes F64 F32 F16 BF16 I64 I32 I8 U8 BOOL; "__metadata__" holds texts.

     hebb_safetensors *file;
     char message[512];
     if (hebb_safetensors_read("model.safetensors", &file, message, sizeof message) == HEBB_OK)
         use(hebb_safetensors_find(file, "dense/kernel"));
     hebb_safetensors_destroy(file);

   A build without cJSON has these functions too; reading and writing are HEBB_E_UNSUPPORTED then.
 */
#ifndef HEBB_SAFETENSORS_H
#define HEBB_SAFETENSORS_H

#include <hebb/array.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hebb_safetensors hebb_safetensors;

/* Reads a whole file into *file, which is NULL after an error; destroy it. On error, up to `size`
   bytes of `message` (may be NULL) say what is wrong with which file at which byte: HEBB_E_FILE
   (cannot be opened or read), HEBB_E_FORMAT (truncated, trailing bytes, no JSON, tensors that
   overlap, leave gaps or whose bytes do not fit their shapes, a name twice, a bool that is neither
   0 nor 1), HEBB_E_UNSUPPORTED (another dtype, more than HEBB_MAX_RANK dimensions), HEBB_E_MEMORY.
 */
HEBB_API hebb_status hebb_safetensors_read(const char *path, hebb_safetensors **file, char *message,
                                           size_t size);
HEBB_API void hebb_safetensors_destroy(hebb_safetensors *file);

/* The arrays in the order of their bytes. They and their names belong to the file. NULL past the
   end, or if there is none of that name. */
HEBB_API size_t hebb_safetensors_count(const hebb_safetensors *file);
HEBB_API const char *hebb_safetensors_name(const hebb_safetensors *file, size_t index);
HEBB_API const hebb_array *hebb_safetensors_array(const hebb_safetensors *file, size_t index);
HEBB_API const hebb_array *hebb_safetensors_find(const hebb_safetensors *file, const char *name);
/* The text of the metadata under that key; NULL if there is none. */
HEBB_API const char *hebb_safetensors_text(const hebb_safetensors *file, const char *key);

typedef struct hebb_named_array {
    const char *name; /* UTF-8, not "__metadata__" */
    const hebb_array *array;
} hebb_named_array;
typedef struct hebb_named_text {
    const char *key, *text;
} hebb_named_text;

/* Writes a file: beside it first (path with ".tmp"), flushed to the disk, then renamed, so that
   there is the old file or the new one whatever happens. The larger dtypes come first, so that
   every array is aligned. Errors: HEBB_E_FILE (a folder that is not there, a full disk; the old
   file stays), HEBB_E_NULL, HEBB_E_ARGUMENT (a name twice, or reserved), HEBB_E_MEMORY,
   HEBB_E_UNSUPPORTED. */
HEBB_API hebb_status hebb_safetensors_write(const char *path, const hebb_named_array *arrays,
                                            size_t n_arrays, const hebb_named_text *texts,
                                            size_t n_texts, char *message, size_t size);

#ifdef __cplusplus
}
#endif
#endif
