/* What every other header rests on: visibility, status codes, dtypes and shapes. */
#ifndef HEBB_BASE_H
#define HEBB_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define HEBB_API
#else
#define HEBB_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define HEBB_VERSION_MAJOR 0
#define HEBB_VERSION_MINOR 1
#define HEBB_VERSION_PATCH 0

/* "0.1.0": the version of the library that is linked, not of the header. */
HEBB_API const char *hebb_version(void);

/* What went wrong. The library never aborts, exits or prints: a builder records the first error of
   its graph, every other call returns one of these; hebb_message() has the words. */
typedef enum hebb_status {
    HEBB_OK = 0,
    HEBB_E_NULL,        /* a pointer that must not be NULL was */
    HEBB_E_ARGUMENT,    /* a value out of its range */
    HEBB_E_SHAPE,       /* shapes that do not fit each other or the op */
    HEBB_E_DTYPE,       /* a dtype that the op does not take, or two that differ */
    HEBB_E_GRAPH,       /* tensors of different graphs, or a missing feed */
    HEBB_E_GRADIENT,    /* no gradient exists along the asked-for path */
    HEBB_E_MEMORY,      /* the host or the device is out of memory */
    HEBB_E_DEVICE,      /* no such device, or the device or its driver failed */
    HEBB_E_FILE,        /* a file that cannot be opened, read or written */
    HEBB_E_FORMAT,      /* a file whose bytes are not what they should be */
    HEBB_E_UNSUPPORTED, /* this device or build cannot do it */
} hebb_status;

/* "shape", "dtype", ...: one word for a status, never NULL. */
HEBB_API const char *hebb_status_name(hebb_status status);

typedef enum hebb_dtype {
    HEBB_F32 = 0,
    HEBB_F64,
    HEBB_I32,
    HEBB_I64,
    HEBB_U8,
    HEBB_BOOL, /* one byte, 0 or 1 */
    HEBB_F16,  /* IEEE 754 binary16 */
    HEBB_BF16, /* bfloat16: the upper half of an f32 */
    HEBB_I8,
} hebb_dtype;
#define HEBB_DTYPES 9

/* Bytes of one element; 0 for a value that is no dtype. */
HEBB_API size_t hebb_dtype_size(hebb_dtype dtype);
/* "f32", "bool", ...; "?" for a value that is no dtype. */
HEBB_API const char *hebb_dtype_name(hebb_dtype dtype);
/* Whether it is f32, f64, f16 or bf16. */
HEBB_API bool hebb_dtype_floating(hebb_dtype dtype);

#define HEBB_MAX_RANK 8
#define HEBB_ANY      (-1) /* a dimension whose size is bound when the graph is run */

/* Row-major: the last dimension is contiguous. Rank 0 is a scalar. Sizes may be 0. */
typedef struct hebb_shape {
    int rank;
    int64_t dim[HEBB_MAX_RANK];
} hebb_shape;

/* HEBB_SHAPE(HEBB_ANY, 28, 28); HEBB_SCALAR is the shape of rank 0. */
#define HEBB_SHAPE(...)                                                                            \
    hebb_shape_of((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),                       \
                  (const int64_t[]){__VA_ARGS__})
#define HEBB_SCALAR hebb_shape_of(0, NULL)

/* The shape of `rank` sizes. A rank outside 0...HEBB_MAX_RANK gives a shape of rank -1, which every
   function that takes a shape rejects. */
HEBB_API hebb_shape hebb_shape_of(int rank, const int64_t *sizes);
HEBB_API bool hebb_shape_equal(hebb_shape a, hebb_shape b);
/* Number of elements; -1 if a dimension is HEBB_ANY or negative, or if there are 2^57 or more, so
   that bytes are counted in 64 bits, too. */
HEBB_API int64_t hebb_shape_count(hebb_shape shape);
/* Writes "[?, 28, 28]" into text (at most size bytes with its zero) and returns text. */
HEBB_API char *hebb_shape_text(hebb_shape shape, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
