/* Writes NumPy's .npz archives (hebb/npy.h): each member's local header is written first and
   corrected when checksum and size are known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "npy.h"
#include "zip.h"

typedef struct entry {
    uint32_t checksum, packed, whole;
    int64_t at;
} entry;

typedef struct writer {
    hb_aside aside;
    const hebb_named_array *arrays;
    size_t n_arrays;
    bool compress;
    entry *entries;
    z_stream z;
    unsigned char out[16384];
} writer;

/* 1980-01-01: the format has no "unknown". */
enum { ZIP_DATE = 1 << 5 | 1, ZIP_VERSION = 20 };

/* What local header and directory have in common, from `version needed` on: 26 bytes. */
static void put_common(const writer *w, const char *name, const entry *e, unsigned char *to) {
    memset(to, 0, 26);
    zip_put(to, 2, ZIP_VERSION);
    zip_put(to + 4, 2, w->compress ? ZIP_DEFLATED : ZIP_STORED);
    zip_put(to + 8, 2, ZIP_DATE);
    zip_put(to + 10, 4, e->checksum);
    zip_put(to + 14, 4, e->packed);
    zip_put(to + 18, 4, e->whole);
    zip_put(to + 22, 2, (uint32_t)strlen(name) + 4);
}

static hebb_status put_name(writer *w, const char *name) {
    hebb_status status = hb_aside_write(&w->aside, name, strlen(name));
    return status == HEBB_OK ? hb_aside_write(&w->aside, ".npy", 4) : status;
}

static hebb_status deflate_bytes(writer *w, const void *bytes, size_t size, int flush) {
    hebb_status status = HEBB_OK;
    w->z.next_in = (unsigned char *)bytes;
    w->z.avail_in = (uInt)size;
    do {
        w->z.next_out = w->out;
        w->z.avail_out = sizeof w->out;
        if (deflate(&w->z, flush) == Z_STREAM_ERROR)
            return hb_report(&w->aside.report, HEBB_E_MEMORY, "deflate failed");
        status = hb_aside_write(&w->aside, w->out, sizeof w->out - w->z.avail_out);
    } while (status == HEBB_OK && w->z.avail_out == 0);
    return status;
}

static hebb_status put_bytes(writer *w, entry *e, const void *bytes, size_t size, bool last) {
    if (size > 0) e->checksum = (uint32_t)crc32(e->checksum, bytes, (uInt)size);
    if (!w->compress) return hb_aside_write(&w->aside, bytes, size);
    return deflate_bytes(w, bytes, size, last ? Z_FINISH : Z_NO_FLUSH);
}

static hebb_status put_member(writer *w, size_t index) {
    const hebb_named_array *one = &w->arrays[index];
    entry *e = &w->entries[index];
    unsigned char local[ZIP_LOCAL_BYTES] = {0}, header[HB_NPY_HEADER];
    size_t length, bytes = hebb_array_bytes(one->array);
    hebb_status status = hb_npy_header(&w->aside.report, one->name, one->array, header, &length);
    if (status != HEBB_OK) return status;
    if ((uint64_t)w->aside.offset + bytes > UINT32_MAX - (1u << 20))
        return hb_report(&w->aside.report, HEBB_E_UNSUPPORTED,
                         "%s: with it the file would have 4 GiB or more", one->name);
    *e = (entry){.checksum = (uint32_t)crc32(0, NULL, 0),
                 .at = w->aside.offset,
                 .whole = (uint32_t)(length + bytes)};
    status = hb_aside_write(&w->aside, local, sizeof local);
    if (status == HEBB_OK) status = put_name(w, one->name);
    int64_t first = w->aside.offset;
    if (w->compress) deflateReset(&w->z);
    if (status == HEBB_OK) status = put_bytes(w, e, header, length, false);
    if (status == HEBB_OK) status = put_bytes(w, e, one->array->data, bytes, true);
    if (status != HEBB_OK) return status;
    e->packed = (uint32_t)(w->aside.offset - first);
    zip_put(local, 4, ZIP_LOCAL);
    put_common(w, one->name, e, local + 4);
    return hb_aside_patch(&w->aside, e->at, local, sizeof local);
}

static hebb_status put_directory(writer *w) {
    int64_t first = w->aside.offset;
    hebb_status status = HEBB_OK;
    for (size_t k = 0; status == HEBB_OK && k < w->n_arrays; k++) {
        unsigned char central[ZIP_CENTRAL_BYTES] = {0};
        zip_put(central, 4, ZIP_CENTRAL);
        zip_put(central + 4, 2, ZIP_VERSION);
        put_common(w, w->arrays[k].name, &w->entries[k], central + 6);
        zip_put(central + 42, 4, (uint32_t)w->entries[k].at);
        status = hb_aside_write(&w->aside, central, sizeof central);
        if (status == HEBB_OK) status = put_name(w, w->arrays[k].name);
    }
    if (status != HEBB_OK) return status;
    unsigned char end[ZIP_END_BYTES] = {0};
    zip_put(end, 4, ZIP_END);
    zip_put(end + 8, 2, (uint32_t)w->n_arrays);
    zip_put(end + 10, 2, (uint32_t)w->n_arrays);
    zip_put(end + 12, 4, (uint32_t)(w->aside.offset - first));
    zip_put(end + 16, 4, (uint32_t)first);
    return hb_aside_write(&w->aside, end, sizeof end);
}

static hebb_status check_names(const report *r, const hebb_named_array *arrays, size_t n) {
    if (n >= UINT16_MAX)
        return hb_report(r, HEBB_E_ARGUMENT, "%zu arrays are more than a zip archive holds", n);
    for (size_t k = 0; k < n; k++) {
        if (arrays[k].name == NULL || strlen(arrays[k].name) > 1000)
            return hb_report(r, arrays[k].name == NULL ? HEBB_E_NULL : HEBB_E_ARGUMENT,
                             "the name of array %zu is %s", k,
                             arrays[k].name == NULL ? "NULL" : "longer than 1000 bytes");
        for (size_t i = 0; i < k; i++)
            if (strcmp(arrays[i].name, arrays[k].name) == 0)
                return hb_report(r, HEBB_E_ARGUMENT, "the name %s is there twice", arrays[k].name);
    }
    return HEBB_OK;
}

static hebb_status write_file(writer *w, const report *r) {
    w->entries = calloc(w->n_arrays + 1, sizeof *w->entries);
    if (w->entries == NULL) return hb_report(r, HEBB_E_MEMORY, "out of memory");
    hebb_status status = hb_aside_open(&w->aside, r);
    if (status == HEBB_OK && w->compress &&
        deflateInit2(&w->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) !=
            Z_OK)
        status = hb_report(r, HEBB_E_MEMORY, "out of memory");
    for (size_t k = 0; status == HEBB_OK && k < w->n_arrays; k++) status = put_member(w, k);
    if (status == HEBB_OK) status = put_directory(w);
    if (w->compress) deflateEnd(&w->z);
    free(w->entries);
    return hb_aside_close(&w->aside, status);
}

hebb_status hebb_npz_write_with(const char *path, const hebb_named_array *arrays, size_t n_arrays,
                                char *message, size_t size, const hebb_npz_options *options) {
    report r;
    hebb_status status = hb_report_begin(&r, path, message, size);
    if (status != HEBB_OK) return status;
    if (arrays == NULL && n_arrays > 0) return hb_report(&r, HEBB_E_NULL, "the list is NULL");
    status = check_names(&r, arrays, n_arrays);
    writer *w = status == HEBB_OK ? calloc(1, sizeof *w) : NULL;
    if (status == HEBB_OK && w == NULL) return hb_report(&r, HEBB_E_MEMORY, "out of memory");
    if (status != HEBB_OK) return status;
    w->arrays = arrays;
    w->n_arrays = n_arrays;
    w->compress = options != NULL && options->compress;
    status = write_file(w, &r);
    free(w);
    return status;
}
