/* Reads IDX files, the format of MNIST and its descendants (hebb/io.h). Called by users; built on
   the public headers and zlib alone.

   The format: bytes 0, 0, element type, rank; then `rank` sizes of 4 bytes; then the elements in
   row-major order; all of it big-endian. */
#include <stdio.h>
#include <string.h>

#include <hebb/io.h>

#include "file.h"

typedef struct element_type {
    unsigned char code;
    unsigned char size; /* in the file */
    hebb_dtype dtype;   /* in the array */
    const char *name;
} element_type;

static const element_type element_types[] = {
    {0x08, 1, HEBB_U8, "u8"},   {0x09, 1, HEBB_I8, "i8"},   {0x0B, 2, HEBB_I32, "i16"},
    {0x0C, 4, HEBB_I32, "i32"}, {0x0D, 4, HEBB_F32, "f32"}, {0x0E, 8, HEBB_F64, "f64"},
};

static uint32_t big_u32(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint64_t big_u64(const unsigned char *bytes) {
    return (uint64_t)big_u32(bytes) << 32 | big_u32(bytes + 4);
}

/* Elements of the file into elements of the array. */
static void convert(const void *how, const unsigned char *from, void *to, size_t count) {
    const element_type *type = how;
    uint32_t *words = to;
    uint64_t *doubles = to;
    int32_t *integers = to;
    switch (type->code) {
    case 0x08:
    case 0x09: memcpy(to, from, count); break;
    case 0x0B:
        for (size_t i = 0; i < count; i++)
            integers[i] = (int16_t)((uint32_t)from[2 * i] << 8 | from[2 * i + 1]);
        break;
    case 0x0C:
    case 0x0D:
        for (size_t i = 0; i < count; i++) words[i] = big_u32(from + 4 * i);
        break;
    case 0x0E:
        for (size_t i = 0; i < count; i++) doubles[i] = big_u64(from + 8 * i);
        break;
    }
}

static const element_type *find_type(unsigned char code) {
    for (size_t i = 0; i < sizeof(element_types) / sizeof(element_types[0]); i++)
        if (element_types[i].code == code) return &element_types[i];
    return NULL;
}

/* "header says 60000x28x28 u8 (47040016 bytes)"; bytes < 0 leaves them out. */
static void describe_header(hb_source *s, const element_type *type, hebb_shape shape,
                            int64_t bytes) {
    int used = snprintf(s->promise, sizeof s->promise, "header says ");
    for (int i = 0; i < shape.rank; i++)
        used += snprintf(s->promise + used, sizeof s->promise - (size_t)used, "%s%lld",
                         i > 0 ? "x" : "", (long long)shape.dim[i]);
    used += snprintf(s->promise + used, sizeof s->promise - (size_t)used, " %s", type->name);
    if (bytes >= 0)
        snprintf(s->promise + used, sizeof s->promise - (size_t)used, " (%lld bytes)",
                 (long long)bytes);
}

/* What the header says, if the whole file and the whole array can be counted in bytes. */
static hebb_status check_header(hb_source *s, const element_type *type, hebb_shape shape) {
    int64_t count = hebb_shape_count(shape);
    int64_t widest = (int64_t)hebb_dtype_size(type->dtype);
    int64_t largest = (PTRDIFF_MAX - (s->offset + HEBB_MAX_RANK * 4)) / widest;
    if (count < 0 || count > largest) {
        describe_header(s, type, shape, -1);
        return hb_source_fail(s, HEBB_E_FORMAT, "%s, which is more than can be addressed",
                              s->promise);
    }
    describe_header(s, type, shape, s->offset + count * type->size);
    return HEBB_OK;
}

static hebb_status read_header(hb_source *s, const element_type **type, hebb_shape *shape) {
    unsigned char bytes[4 * HEBB_MAX_RANK];
    hebb_status status = hb_source_read(s, bytes, 4);
    if (status != HEBB_OK) return status;
    if (bytes[0] != 0 || bytes[1] != 0)
        return hb_source_fail(s, HEBB_E_FORMAT,
                              "not an IDX file: it begins with bytes 0x%02x 0x%02x, not 0 0",
                              bytes[0], bytes[1]);
    *type = find_type(bytes[2]);
    if (*type == NULL)
        return hb_source_fail(s, HEBB_E_FORMAT, "byte 2: 0x%02x is no IDX element type", bytes[2]);
    int rank = bytes[3];
    if (rank < 1 || rank > HEBB_MAX_RANK)
        return hb_source_fail(s, HEBB_E_FORMAT, "byte 3: rank %d is not in 1...%d", rank,
                              HEBB_MAX_RANK);
    status = hb_source_read(s, bytes, (size_t)rank * 4);
    if (status != HEBB_OK) return status;
    shape->rank = rank;
    for (int i = 0; i < rank; i++) shape->dim[i] = big_u32(bytes + 4 * i);
    return check_header(s, *type, *shape);
}

static hebb_status read_file(hb_source *s, hebb_array *array) {
    const element_type *type = NULL;
    hebb_shape shape = {0};
    hebb_status status = read_header(s, &type, &shape);
    if (status == HEBB_OK)
        status = hb_source_elements(s, type->dtype, hebb_shape_count(shape), type->size, convert,
                                    type, array);
    if (status != HEBB_OK) return status;
    array->shape = shape;
    return hb_source_end(s);
}

hebb_status hebb_read_idx(const char *path, hebb_array *array, char *message, size_t size) {
    hb_source s;
    hebb_status status = hb_source_open(&s, path, array, message, size);
    hebb_array fresh = {0};
    if (status == HEBB_OK) status = read_file(&s, &fresh);
    hb_source_close(&s);
    if (status != HEBB_OK) {
        hebb_array_free(&fresh);
        return status;
    }
    hebb_array_free(array);
    *array = fresh;
    return HEBB_OK;
}
