/* Reads IDX files, the format of MNIST and its descendants (hebb/io.h). Called by users; built on
   the public headers and zlib alone.

   The format: bytes 0, 0, element type, rank; then `rank` sizes of 4 bytes; then the elements in
   row-major order; all of it big-endian. zlib reads plain files and gzip alike, so nothing here
   knows which of the two it has. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include <hebb/array.h>
#include <hebb/io.h>

/* A header may promise more than the file holds, so memory is not taken at its word: this much is
   asked for at first, and twice as much whenever that has been filled. */
#define FIRST_BYTES ((int64_t)64 << 20)
#define BLOCK_BYTES 16384 /* read and converted at a time; a multiple of every element's size */

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

typedef struct reader {
    gzFile file;
    const char *path;
    int64_t offset;    /* bytes read so far, of the uncompressed stream */
    char promise[160]; /* what the header says, for messages; "" before it is known */
    char *message;
    size_t size;
} reader;

__attribute__((format(printf, 3, 4))) static hebb_status fail(const reader *r, hebb_status status,
                                                              const char *format, ...) {
    if (r->message == NULL || r->size == 0) return status;
    int used = snprintf(r->message, r->size, "%s: ", r->path);
    if (used < 0 || (size_t)used >= r->size) return status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(r->message + used, r->size - (size_t)used, format, arguments);
    va_end(arguments);
    return status;
}

static hebb_status fail_truncated(const reader *r) {
    const char *promise = r->promise[0] != 0 ? r->promise : "the header is not complete";
    return fail(r, HEBB_E_FORMAT, "truncated at byte %lld: %s", (long long)r->offset, promise);
}

/* zlib's last error on the file as a status with words; HEBB_OK if there is none. */
static hebb_status stream_error(const reader *r) {
    int code = Z_OK;
    int reason = errno;
    const char *words = gzerror(r->file, &code);
    /* zlib puts the path in front, and so does fail(). */
    size_t length = strlen(r->path);
    if (strncmp(words, r->path, length) == 0 && strncmp(words + length, ": ", 2) == 0)
        words += length + 2;
    long long offset = (long long)r->offset;
    switch (code) {
    case Z_OK:
    case Z_STREAM_END: return HEBB_OK;
    case Z_BUF_ERROR: return fail_truncated(r); /* the compressed stream stops short */
    case Z_MEM_ERROR: return fail(r, HEBB_E_MEMORY, "out of memory after byte %lld", offset);
    case Z_ERRNO:
        return fail(r, HEBB_E_FILE, "cannot be read after byte %lld: %s", offset, strerror(reason));
    default: return fail(r, HEBB_E_FORMAT, "corrupt gzip data after byte %lld: %s", offset, words);
    }
}

/* Reads exactly `want` bytes (at most BLOCK_BYTES). */
static hebb_status read_bytes(reader *r, void *bytes, size_t want) {
    int got = gzread(r->file, bytes, (unsigned)want);
    if (got > 0) r->offset += got;
    if (got == (int)want) return HEBB_OK;
    hebb_status status = stream_error(r);
    return status != HEBB_OK ? status : fail_truncated(r);
}

/* After the last element nothing may follow. Reading past it also makes zlib compare the checksum.
 */
static hebb_status expect_end(reader *r) {
    unsigned char extra;
    int got = gzread(r->file, &extra, 1);
    if (got == 1)
        return fail(r, HEBB_E_FORMAT, "trailing bytes after byte %lld: %s", (long long)r->offset,
                    r->promise);
    return stream_error(r);
}

static uint32_t big_u32(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint64_t big_u64(const unsigned char *bytes) {
    return (uint64_t)big_u32(bytes) << 32 | big_u32(bytes + 4);
}

/* Elements of the file into elements of the array. */
static void convert(const element_type *type, const unsigned char *from, void *to, size_t count) {
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
static void describe_header(reader *r, const element_type *type, hebb_shape shape, int64_t bytes) {
    int used = snprintf(r->promise, sizeof r->promise, "header says ");
    for (int i = 0; i < shape.rank; i++)
        used += snprintf(r->promise + used, sizeof r->promise - (size_t)used, "%s%lld",
                         i > 0 ? "x" : "", (long long)shape.dim[i]);
    used += snprintf(r->promise + used, sizeof r->promise - (size_t)used, " %s", type->name);
    if (bytes >= 0)
        snprintf(r->promise + used, sizeof r->promise - (size_t)used, " (%lld bytes)",
                 (long long)bytes);
}

/* What the header says, if the whole file and the whole array can be counted in bytes. */
static hebb_status check_header(reader *r, const element_type *type, hebb_shape shape) {
    int64_t count = hebb_shape_count(shape);
    int64_t widest = (int64_t)hebb_dtype_size(type->dtype);
    int64_t largest = (PTRDIFF_MAX - (r->offset + HEBB_MAX_RANK * 4)) / widest;
    if (count < 0 || count > largest) {
        describe_header(r, type, shape, -1);
        return fail(r, HEBB_E_FORMAT, "%s, which is more than can be addressed", r->promise);
    }
    describe_header(r, type, shape, r->offset + count * type->size);
    return HEBB_OK;
}

static hebb_status read_header(reader *r, const element_type **type, hebb_shape *shape) {
    unsigned char bytes[4 * HEBB_MAX_RANK];
    hebb_status status = read_bytes(r, bytes, 4);
    if (status != HEBB_OK) return status;
    if (bytes[0] != 0 || bytes[1] != 0)
        return fail(r, HEBB_E_FORMAT,
                    "not an IDX file: it begins with bytes 0x%02x 0x%02x, not 0 0", bytes[0],
                    bytes[1]);
    *type = find_type(bytes[2]);
    if (*type == NULL)
        return fail(r, HEBB_E_FORMAT, "byte 2: 0x%02x is no IDX element type", bytes[2]);
    int rank = bytes[3];
    if (rank < 1 || rank > HEBB_MAX_RANK)
        return fail(r, HEBB_E_FORMAT, "byte 3: rank %d is not in 1...%d", rank, HEBB_MAX_RANK);
    status = read_bytes(r, bytes, (size_t)rank * 4);
    if (status != HEBB_OK) return status;
    shape->rank = rank;
    for (int i = 0; i < rank; i++) shape->dim[i] = big_u32(bytes + 4 * i);
    return check_header(r, *type, *shape);
}

/* Gives `array` room for `count` elements in one dimension and keeps the `used` first ones. */
static hebb_status grow(reader *r, hebb_array *array, hebb_dtype dtype, int64_t count,
                        int64_t used) {
    hebb_array larger = {0};
    hebb_status status = hebb_array_resize(&larger, dtype, HEBB_SHAPE(count));
    if (status != HEBB_OK)
        return fail(r, status, "no memory for %lld elements: %s", (long long)count, r->promise);
    if (used > 0) memcpy(larger.data, array->data, (size_t)used * hebb_dtype_size(dtype));
    hebb_array_free(array);
    *array = larger;
    return HEBB_OK;
}

static hebb_status read_elements(reader *r, const element_type *type, int64_t count,
                                 hebb_array *array) {
    unsigned char block[BLOCK_BYTES];
    int64_t size = (int64_t)hebb_dtype_size(type->dtype);
    int64_t block_count = BLOCK_BYTES / type->size;
    int64_t room = FIRST_BYTES / size < count ? FIRST_BYTES / size : count;
    hebb_status status = grow(r, array, type->dtype, room, 0);
    for (int64_t done = 0; status == HEBB_OK && done < count;) {
        if (done == room) {
            room = count / 2 > room ? 2 * room : count;
            status = grow(r, array, type->dtype, room, done);
            if (status != HEBB_OK) break;
        }
        int64_t now = room - done < block_count ? room - done : block_count;
        status = read_bytes(r, block, (size_t)now * type->size);
        if (status != HEBB_OK) break;
        convert(type, block, (char *)array->data + done * size, (size_t)now);
        done += now;
    }
    return status;
}

static hebb_status read_file(reader *r, hebb_array *array) {
    const element_type *type = NULL;
    hebb_shape shape = {0};
    hebb_status status = read_header(r, &type, &shape);
    if (status != HEBB_OK) return status;
    status = read_elements(r, type, hebb_shape_count(shape), array);
    if (status != HEBB_OK) return status;
    array->shape = shape;
    return expect_end(r);
}

hebb_status hebb_read_idx(const char *path, hebb_array *array, char *message, size_t size) {
    reader r = {.path = path == NULL ? "hebb_read_idx" : path, .message = message, .size = size};
    if (message != NULL && size > 0) message[0] = 0;
    if (path == NULL || array == NULL)
        return fail(&r, HEBB_E_NULL, "%s is NULL", path == NULL ? "path" : "array");
    errno = 0;
    r.file = gzopen(path, "rb");
    if (r.file == NULL && (errno == 0 || errno == ENOMEM))
        return fail(&r, HEBB_E_MEMORY, "cannot be opened: out of memory");
    if (r.file == NULL) return fail(&r, HEBB_E_FILE, "cannot be opened: %s", strerror(errno));

    hebb_array fresh = {0};
    hebb_status status = read_file(&r, &fresh);
    gzclose(r.file);
    if (status != HEBB_OK) {
        hebb_array_free(&fresh);
        return status;
    }
    hebb_array_free(array);
    *array = fresh;
    return HEBB_OK;
}
