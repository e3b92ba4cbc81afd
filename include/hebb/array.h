/* Arrays of host memory: what is fed to a session and fetched from it. */
#ifndef HEBB_ARRAY_H
#define HEBB_ARRAY_H

#include <hebb/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A dense row-major array. `capacity` is the number of bytes that the array owns at `data`; it is 0
   when the memory belongs to somebody else. {0} is an empty array, ready to be fetched into. */
typedef struct hebb_array {
    hebb_dtype dtype;
    hebb_shape shape;
    void *data;
    size_t capacity;
} hebb_array;

/* A view of memory that the caller owns, and keeps alive while the array is used:
   float px[2][3]; hebb_array a = hebb_array_view(px, HEBB_F32, HEBB_SHAPE(2, 3)); */
HEBB_API hebb_array hebb_array_view(void *data, hebb_dtype dtype, hebb_shape shape);

/* A view of `count` rows of an array, along its first dimension, from row `first` on; of fewer
   where the array ends before: hebb_array_rows(&images, 0, 1000). shape.rank is -1 for an array
   without rows (NULL, a scalar) or a negative number. */
HEBB_API hebb_array hebb_array_rows(const hebb_array *array, int64_t first, int64_t count);

/* Makes `array` (which may be {0}, or an earlier array whose memory is then used again) an owning
   array of that dtype and shape; its elements are undefined. HEBB_E_SHAPE for HEBB_ANY or negative
   sizes, HEBB_E_MEMORY; on error the array is as before. A view is not written to: it becomes
   owning. */
HEBB_API hebb_status hebb_array_resize(hebb_array *array, hebb_dtype dtype, hebb_shape shape);

/* A new owning array of zeros; data is NULL (and shape.rank -1) if there is no memory for it or the
   shape is not concrete. */
HEBB_API hebb_array hebb_array_zeros(hebb_dtype dtype, hebb_shape shape);

/* Frees what the array owns and makes it {0}. Does nothing for NULL, {0} or a view. */
HEBB_API void hebb_array_free(hebb_array *array);

HEBB_API int64_t hebb_array_count(const hebb_array *array); /* elements; -1 for NULL */
HEBB_API size_t hebb_array_bytes(const hebb_array *array);

/* Element `index` in row-major order as a double; NaN if there is no such element. */
HEBB_API double hebb_array_at(const hebb_array *array, int64_t index);
/* Makes element `index` the value: rounded for floating dtypes (for f16 and bf16 by way of f32),
   for integers its whole part or the nearest that there is, for bool whether it is not 0.
   HEBB_E_NULL, HEBB_E_ARGUMENT if there is no such element. */
HEBB_API hebb_status hebb_array_set(hebb_array *array, int64_t index, double value);
/* The first element: hebb_array_item(&loss) reads a fetched scalar. */
HEBB_API double hebb_array_item(const hebb_array *array);

#ifdef __cplusplus
}
#endif
#endif
