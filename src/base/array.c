/* Host arrays (hebb/array.h). Called by sessions and by users; knows of nothing else. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/array.h>

#include "../../kernels/scalar.h"

hebb_array hebb_array_view(void *data, hebb_dtype dtype, hebb_shape shape) {
    return (hebb_array){.dtype = dtype, .shape = shape, .data = data};
}

hebb_array hebb_array_rows(const hebb_array *array, int64_t first, int64_t count) {
    if (hebb_array_count(array) < 0 || array->shape.rank < 1 || first < 0 || count < 0)
        return (hebb_array){.shape = {.rank = -1}};
    hebb_shape shape = array->shape;
    const int64_t rows = shape.dim[0];
    if (first > rows) first = rows;
    shape.dim[0] = count < rows - first ? count : rows - first;
    char *data = array->data;
    if (data != NULL && hebb_array_bytes(array) > 0)
        data += hebb_array_bytes(array) / (size_t)rows * (size_t)first;
    return hebb_array_view(data, array->dtype, shape);
}

hebb_status hebb_array_resize(hebb_array *array, hebb_dtype dtype, hebb_shape shape) {
    if (array == NULL) return HEBB_E_NULL;
    size_t size = hebb_dtype_size(dtype);
    if (size == 0) return HEBB_E_DTYPE;
    int64_t count = hebb_shape_count(shape);
    if (count < 0) return HEBB_E_SHAPE;
    size_t bytes = (size_t)count * size;
    if (array->data == NULL || array->capacity < bytes || array->capacity == 0) {
        /* 64-byte alignment lets the CPU backend read a feed where it lies. */
        size_t capacity = (bytes + 63) / 64 * 64;
        if (capacity == 0) capacity = 64;
        void *data = aligned_alloc(64, capacity);
        if (data == NULL) return HEBB_E_MEMORY;
        if (array->capacity > 0) free(array->data);
        array->data = data;
        array->capacity = capacity;
    }
    array->dtype = dtype;
    array->shape = shape;
    return HEBB_OK;
}

hebb_array hebb_array_zeros(hebb_dtype dtype, hebb_shape shape) {
    hebb_array array = {0};
    if (hebb_array_resize(&array, dtype, shape) != HEBB_OK)
        return (hebb_array){.shape = {.rank = -1}};
    memset(array.data, 0, array.capacity);
    return array;
}

void hebb_array_free(hebb_array *array) {
    if (array == NULL) return;
    if (array->capacity > 0) free(array->data);
    *array = (hebb_array){0};
}

int64_t hebb_array_count(const hebb_array *array) {
    return array == NULL ? -1 : hebb_shape_count(array->shape);
}

size_t hebb_array_bytes(const hebb_array *array) {
    int64_t count = hebb_array_count(array);
    return count < 0 ? 0 : (size_t)count * hebb_dtype_size(array->dtype);
}

double hebb_array_at(const hebb_array *array, int64_t index) {
    if (array == NULL || array->data == NULL || index < 0 || index >= hebb_array_count(array))
        return NAN;
    switch (array->dtype) {
    case HEBB_F32: return ((const float *)array->data)[index];
    case HEBB_F64: return ((const double *)array->data)[index];
    case HEBB_I32: return ((const int32_t *)array->data)[index];
    case HEBB_I64: return (double)((const int64_t *)array->data)[index];
    case HEBB_U8:
    case HEBB_BOOL: return ((const uint8_t *)array->data)[index];
    case HEBB_F16: return hb_f32_of_f16(((const uint16_t *)array->data)[index]);
    case HEBB_BF16: return hb_f32_of_bf16(((const uint16_t *)array->data)[index]);
    case HEBB_I8: return ((const int8_t *)array->data)[index];
    }
    return NAN;
}

/* The whole part of a value between the bounds; 0 for NaN. */
static int64_t whole(double value, double low, double high) {
    if (value != value) return 0;
    if (value <= low) return (int64_t)low;
    if (value >= high) return (int64_t)high;
    return (int64_t)value;
}

hebb_status hebb_array_set(hebb_array *array, int64_t index, double value) {
    if (array == NULL || array->data == NULL) return HEBB_E_NULL;
    if (index < 0 || index >= hebb_array_count(array)) return HEBB_E_ARGUMENT;
    void *data = array->data;
    switch (array->dtype) {
    case HEBB_F32: ((float *)data)[index] = (float)value; return HEBB_OK;
    case HEBB_F64: ((double *)data)[index] = value; return HEBB_OK;
    case HEBB_I32: ((int32_t *)data)[index] = (int32_t)whole(value, INT32_MIN, INT32_MAX); break;
    case HEBB_I64:
        ((int64_t *)data)[index] =
            value >= 0x1p63 ? INT64_MAX : whole(value, -0x1p63, 9223372036854774784.0);
        break;
    case HEBB_U8: ((uint8_t *)data)[index] = (uint8_t)whole(value, 0, UINT8_MAX); break;
    case HEBB_BOOL: ((uint8_t *)data)[index] = value != 0; break;
    case HEBB_F16: ((uint16_t *)data)[index] = hb_f16_of_f32((float)value); break;
    case HEBB_BF16: ((uint16_t *)data)[index] = hb_bf16_of_f32((float)value); break;
    case HEBB_I8: ((int8_t *)data)[index] = (int8_t)whole(value, INT8_MIN, INT8_MAX); break;
    default: return HEBB_E_DTYPE;
    }
    return HEBB_OK;
}

double hebb_array_item(const hebb_array *array) { return hebb_array_at(array, 0); }
