/* Reads safetensors files (hebb/safetensors.h). Every number in the header is distrusted: sizes are
   checked against the file's before anything is allocated for them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "safetensors.h"

#ifdef HEBB_HAVE_CJSON
#include <cjson/cJSON.h>
#endif

typedef struct entry {
    const char *name; /* the JSON's */
    hebb_array array;
    uint64_t begin, end;
} entry;

struct hebb_safetensors {
    entry *entries;
    size_t n_entries;
    struct cJSON *json;
};

static const struct {
    const char *name;
    hebb_dtype dtype;
} dtypes[] = {{"F64", HEBB_F64},   {"F32", HEBB_F32}, {"F16", HEBB_F16},
              {"BF16", HEBB_BF16}, {"I64", HEBB_I64}, {"I32", HEBB_I32},
              {"I8", HEBB_I8},     {"U8", HEBB_U8},   {"BOOL", HEBB_BOOL}};
enum { N_DTYPES = sizeof dtypes / sizeof *dtypes };

const char *hb_safetensors_dtype(hebb_dtype dtype) {
    for (int k = 0; k < N_DTYPES; k++)
        if (dtypes[k].dtype == dtype) return dtypes[k].name;
    return NULL;
}

size_t hebb_safetensors_count(const hebb_safetensors *file) {
    return file == NULL ? 0 : file->n_entries;
}

const char *hebb_safetensors_name(const hebb_safetensors *file, size_t index) {
    return index < hebb_safetensors_count(file) ? file->entries[index].name : NULL;
}

const hebb_array *hebb_safetensors_array(const hebb_safetensors *file, size_t index) {
    return index < hebb_safetensors_count(file) ? &file->entries[index].array : NULL;
}

const hebb_array *hebb_safetensors_find(const hebb_safetensors *file, const char *name) {
    for (size_t k = 0; name != NULL && k < hebb_safetensors_count(file); k++)
        if (strcmp(file->entries[k].name, name) == 0) return &file->entries[k].array;
    return NULL;
}

#ifndef HEBB_HAVE_CJSON

void hebb_safetensors_destroy(hebb_safetensors *file) {}

const char *hebb_safetensors_text(const hebb_safetensors *file, const char *key) { return NULL; }

hebb_status hebb_safetensors_read(const char *path, hebb_safetensors **file, char *message,
                                  size_t size) {
    const report r = {path, message, size};
    if (file != NULL) *file = NULL;
    return hb_report(&r, HEBB_E_UNSUPPORTED, "this build of Hebb is without cJSON");
}

#else

void hebb_safetensors_destroy(hebb_safetensors *file) {
    if (file == NULL) return;
    for (size_t k = 0; k < file->n_entries; k++) hebb_array_free(&file->entries[k].array);
    free(file->entries);
    cJSON_Delete(file->json);
    free(file);
}

const char *hebb_safetensors_text(const hebb_safetensors *file, const char *key) {
    if (file == NULL || key == NULL) return NULL;
    const cJSON *texts = cJSON_GetObjectItemCaseSensitive(file->json, HB_METADATA);
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(texts, key));
}

/* ---- the header ---- */

typedef struct reader {
    report report;
    FILE *file;
    uint64_t bytes;  /* of the file */
    uint64_t header; /* of the JSON, which begins at byte 8 */
    hebb_safetensors *result;
} reader;

#define FAIL(r, ...) hb_report(&(r)->report, HEBB_E_FORMAT, __VA_ARGS__)

static bool is_blank(const char *text, size_t size) {
    for (size_t k = 0; k < size; k++)
        if (text[k] != ' ' && text[k] != '\n' && text[k] != '\r' && text[k] != '\t') return false;
    return true;
}

/* An integer that a double holds exactly. */
static bool take_integer(const cJSON *item, uint64_t *value) {
    if (!cJSON_IsNumber(item)) return false;
    double number = item->valuedouble;
    if (!(number >= 0 && number <= 9007199254740992.0) || number != (double)(uint64_t)number)
        return false;
    *value = (uint64_t)number;
    return true;
}

static hebb_status take_shape(reader *r, const cJSON *item, entry *e) {
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(item, "shape"), *size;
    if (!cJSON_IsArray(shape)) return FAIL(r, "byte 8: header: %s has no shape", e->name);
    hebb_shape *to = &e->array.shape;
    cJSON_ArrayForEach(size, shape) {
        uint64_t value;
        if (!take_integer(size, &value))
            return FAIL(r, "byte 8: header: %s has a size that is no whole number", e->name);
        if (to->rank == HEBB_MAX_RANK)
            return hb_report(&r->report, HEBB_E_UNSUPPORTED,
                             "byte 8: header: %s has more than %d dimensions", e->name,
                             HEBB_MAX_RANK);
        to->dim[to->rank++] = (int64_t)value;
    }
    return HEBB_OK;
}

static hebb_status take_dtype(reader *r, const cJSON *item, entry *e) {
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "dtype"));
    if (name == NULL) return FAIL(r, "byte 8: header: %s has no dtype", e->name);
    for (int k = 0; k < N_DTYPES; k++)
        if (strcmp(dtypes[k].name, name) == 0) {
            e->array.dtype = dtypes[k].dtype;
            return HEBB_OK;
        }
    return hb_report(&r->report, HEBB_E_UNSUPPORTED,
                     "byte 8: header: %s has the dtype %.20s, which Hebb has not", e->name, name);
}

static hebb_status take_offsets(reader *r, const cJSON *item, entry *e) {
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    uint64_t data = r->bytes - 8 - r->header;
    if (cJSON_GetArraySize(offsets) != 2 || !take_integer(offsets->child, &e->begin) ||
        !take_integer(offsets->child->next, &e->end) || e->begin > e->end)
        return FAIL(r, "byte 8: header: the data_offsets of %s are not two growing numbers",
                    e->name);
    if (e->end > data)
        return FAIL(r, "byte %llu: %s ends %llu bytes after the file", (unsigned long long)r->bytes,
                    e->name, (unsigned long long)(e->end - data));
    int64_t count = hebb_shape_count(e->array.shape);
    uint64_t size = hebb_dtype_size(e->array.dtype), have = e->end - e->begin;
    if (count < 0 || (uint64_t)count > UINT64_MAX / size || (uint64_t)count * size != have) {
        char text[160];
        return FAIL(r, "byte %llu: %s has %llu bytes, which are not %s %s",
                    (unsigned long long)(8 + r->header + e->begin), e->name,
                    (unsigned long long)have, hebb_dtype_name(e->array.dtype),
                    hebb_shape_text(e->array.shape, text, sizeof text));
    }
    return HEBB_OK;
}

static hebb_status check_texts(reader *r, const cJSON *texts) {
    const cJSON *text;
    if (!cJSON_IsObject(texts)) return FAIL(r, "byte 8: header: " HB_METADATA " is no object");
    cJSON_ArrayForEach(text, texts) {
        if (!cJSON_IsString(text))
            return FAIL(r, "byte 8: header: " HB_METADATA ": %.80s is no text", text->string);
    }
    return HEBB_OK;
}

static hebb_status take_entries(reader *r) {
    hebb_safetensors *f = r->result;
    const cJSON *item;
    if (!cJSON_IsObject(f->json)) return FAIL(r, "byte 8: the header is no JSON object");
    f->entries = calloc((size_t)cJSON_GetArraySize(f->json) + 1, sizeof *f->entries);
    if (f->entries == NULL) return hb_report(&r->report, HEBB_E_MEMORY, "out of memory");
    bool texts = false;
    cJSON_ArrayForEach(item, f->json) {
        hebb_status status;
        if (strcmp(item->string, HB_METADATA) == 0) {
            if (texts) return FAIL(r, "byte 8: header: " HB_METADATA " is there twice");
            texts = true;
            status = check_texts(r, item);
        } else {
            entry *e = &f->entries[f->n_entries++];
            e->name = item->string;
            status = take_dtype(r, item, e);
            if (status == HEBB_OK) status = take_shape(r, item, e);
            if (status == HEBB_OK) status = take_offsets(r, item, e);
        }
        if (status != HEBB_OK) return status;
    }
    return HEBB_OK;
}

static int by_begin(const void *a, const void *b) {
    const entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->end == y->end ? 0 : x->end < y->end ? -1 : 1;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const entry *)a)->name, ((const entry *)b)->name);
}

/* Names differ; the arrays cover the data, one after the other. */
static hebb_status check_entries(reader *r) {
    hebb_safetensors *f = r->result;
    qsort(f->entries, f->n_entries, sizeof *f->entries, by_name);
    for (size_t k = 1; k < f->n_entries; k++)
        if (strcmp(f->entries[k - 1].name, f->entries[k].name) == 0)
            return FAIL(r, "byte 8: header: %s is there twice", f->entries[k].name);
    qsort(f->entries, f->n_entries, sizeof *f->entries, by_begin);
    uint64_t at = 0, first = 8 + r->header;
    for (size_t k = 0; k < f->n_entries; k++) {
        const entry *e = &f->entries[k];
        if (e->begin != at)
            return FAIL(r, "byte %llu: %s %s", (unsigned long long)(first + e->begin), e->name,
                        e->begin < at ? "overlaps what is before it" : "leaves a gap before it");
        at = e->end;
    }
    if (first + at != r->bytes)
        return FAIL(r, "byte %llu: bytes that belong to no tensor follow",
                    (unsigned long long)(first + at));
    return HEBB_OK;
}

/* ---- the bytes ---- */

static hebb_status read_bytes(reader *r, void *to, uint64_t size, uint64_t at) {
    if (size == 0 || fread(to, 1, size, r->file) == size) return HEBB_OK;
    if (ferror(r->file))
        return hb_report(&r->report, HEBB_E_FILE, "byte %llu: cannot be read: %s",
                         (unsigned long long)at, strerror(errno));
    return FAIL(r, "byte %llu: the file ends too early", (unsigned long long)r->bytes);
}

static hebb_status read_arrays(reader *r) {
    hebb_safetensors *f = r->result;
    for (size_t k = 0; k < f->n_entries; k++) {
        entry *e = &f->entries[k];
        uint64_t at = 8 + r->header + e->begin;
        hebb_shape shape = e->array.shape;
        e->array.shape = (hebb_shape){0};
        if (hebb_array_resize(&e->array, e->array.dtype, shape) != HEBB_OK)
            return hb_report(&r->report, HEBB_E_MEMORY, "out of memory for %s", e->name);
        hebb_status status = read_bytes(r, e->array.data, e->end - e->begin, at);
        if (status != HEBB_OK) return status;
        const unsigned char *bytes = e->array.data;
        for (uint64_t i = 0; e->array.dtype == HEBB_BOOL && i < e->end - e->begin; i++)
            if (bytes[i] > 1)
                return FAIL(r, "byte %llu: %s: a bool is %d", (unsigned long long)(at + i), e->name,
                            bytes[i]);
    }
    return HEBB_OK;
}

static hebb_status parse_header(reader *r) {
    char *text = malloc(r->header + 1);
    if (text == NULL) return hb_report(&r->report, HEBB_E_MEMORY, "out of memory for the header");
    hebb_status status = read_bytes(r, text, r->header, 8);
    if (status == HEBB_OK) {
        const char *end = NULL;
        text[r->header] = '\0';
        r->result->json = cJSON_ParseWithLengthOpts(text, r->header + 1, &end, false);
        if (end < text || end > text + r->header) end = text + r->header;
        if (r->result->json == NULL || !is_blank(end, r->header - (size_t)(end - text)))
            status = FAIL(r, "byte %llu: the header is not correct JSON",
                          (unsigned long long)(8 + (end - text)));
    }
    free(text);
    return status;
}

static hebb_status read_all(reader *r) {
    enum { MOST_HEADER = 100000000 }; /* as other readers of the format have it */
    unsigned char size[8];
    if (fseek(r->file, 0, SEEK_END) != 0 || ftell(r->file) < 0)
        return hb_report(&r->report, HEBB_E_FILE, "cannot be read: %s", strerror(errno));
    r->bytes = (uint64_t)ftell(r->file);
    rewind(r->file);
    if (r->bytes < 8)
        return FAIL(r, "byte %llu: the file ends before a safetensors file's header",
                    (unsigned long long)r->bytes);
    hebb_status status = read_bytes(r, size, 8, 0);
    if (status != HEBB_OK) return status;
    for (int k = 7; k >= 0; k--) r->header = r->header << 8 | size[k];
    if (r->header > MOST_HEADER || r->header > r->bytes - 8)
        return FAIL(r, "byte 0: a header of %llu bytes of %llu: no safetensors file, or cut off",
                    (unsigned long long)r->header, (unsigned long long)r->bytes);
    status = parse_header(r);
    if (status == HEBB_OK) status = take_entries(r);
    if (status == HEBB_OK) status = check_entries(r);
    return status == HEBB_OK ? read_arrays(r) : status;
}

hebb_status hebb_safetensors_read(const char *path, hebb_safetensors **file, char *message,
                                  size_t size) {
    reader r = {.report = {path, message, size}};
    if (message != NULL && size > 0) message[0] = '\0';
    if (file != NULL) *file = NULL;
    if (path == NULL || file == NULL)
        return hb_report(&r.report, HEBB_E_NULL, "%s is NULL", path == NULL ? "path" : "file");
    r.result = calloc(1, sizeof *r.result);
    if (r.result == NULL) return hb_report(&r.report, HEBB_E_MEMORY, "out of memory");
    hebb_status status = HEBB_OK;
    errno = 0;
    r.file = fopen(path, "rb");
    if (r.file == NULL)
        status = hb_report(&r.report, errno == ENOMEM ? HEBB_E_MEMORY : HEBB_E_FILE,
                           "cannot be opened: %s", strerror(errno));
    if (status == HEBB_OK) status = read_all(&r);
    if (r.file != NULL) fclose(r.file);
    if (status == HEBB_OK) *file = r.result;
    else hebb_safetensors_destroy(r.result);
    return status;
}

#endif
