/* Names and sizes of statuses, dtypes and shapes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <hebb/base.h>

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

const char *hebb_version(void) {
    return TEXT(HEBB_VERSION_MAJOR) "." TEXT(HEBB_VERSION_MINOR) "." TEXT(HEBB_VERSION_PATCH);
}

const char *hebb_status_name(hebb_status status) {
    static const char *const names[] = {"ok",     "null",  "argument", "shape",
                                        "dtype",  "graph", "gradient", "memory",
                                        "device", "file",  "format",   "unsupported"};
    return (unsigned)status < sizeof names / sizeof *names ? names[status] : "unknown";
}

size_t hebb_dtype_size(hebb_dtype dtype) {
    static const size_t sizes[HEBB_DTYPES] = {4, 8, 4, 8, 1, 1, 2, 2, 1};
    return (unsigned)dtype < HEBB_DTYPES ? sizes[dtype] : 0;
}

const char *hebb_dtype_name(hebb_dtype dtype) {
    static const char *const names[HEBB_DTYPES] = {"f32",  "f64", "i32",  "i64", "u8",
                                                   "bool", "f16", "bf16", "i8"};
    return (unsigned)dtype < HEBB_DTYPES ? names[dtype] : "?";
}

bool hebb_dtype_floating(hebb_dtype dtype) {
    return dtype == HEBB_F32 || dtype == HEBB_F64 || dtype == HEBB_F16 || dtype == HEBB_BF16;
}

hebb_shape hebb_shape_of(int rank, const int64_t *sizes) {
    hebb_shape shape = {.rank = rank};
    if (rank < 0 || rank > HEBB_MAX_RANK || (rank > 0 && sizes == NULL)) shape.rank = -1;
    else if (rank > 0) memcpy(shape.dim, sizes, (size_t)rank * sizeof *sizes);
    return shape;
}

bool hebb_shape_equal(hebb_shape a, hebb_shape b) {
    if (a.rank != b.rank) return false;
    for (int k = 0; k < a.rank; k++)
        if (a.dim[k] != b.dim[k]) return false;
    return true;
}

int64_t hebb_shape_count(hebb_shape shape) {
    if (shape.rank < 0 || shape.rank > HEBB_MAX_RANK) return -1;
    int64_t count = 1;
    bool empty = false;
    for (int k = 0; k < shape.rank; k++) {
        if (shape.dim[k] < 0) return -1;
        if (shape.dim[k] == 0) empty = true;
        else if (__builtin_mul_overflow(count, shape.dim[k], &count)) return -1;
    }
    /* Bytes, and sums of offsets in bytes, must fit too. */
    return empty ? 0 : (count > INT64_MAX / 64 ? -1 : count);
}

char *hebb_shape_text(hebb_shape shape, char *text, size_t size) {
    if (text == NULL || size == 0) return text;
    if (shape.rank < 0 || shape.rank > HEBB_MAX_RANK) {
        snprintf(text, size, "[invalid]");
        return text;
    }
    size_t at = 0;
    for (int k = 0; k < shape.rank && at < size; k++) {
        const char *open = k == 0 ? "[" : ", ";
        int n = shape.dim[k] == HEBB_ANY
                    ? snprintf(text + at, size - at, "%s?", open)
                    : snprintf(text + at, size - at, "%s%" PRId64, open, shape.dim[k]);
        at += n > 0 ? (size_t)n : 0;
    }
    if (at < size) snprintf(text + at, size - at, shape.rank == 0 ? "[]" : "]");
    return text;
}
