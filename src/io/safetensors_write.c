/* Writes safetensors files (hebb/safetensors.h): aside, so that whoever reads finds the old file or
   the new one, each complete. */
#include <stdlib.h>
#include <string.h>

#include "safetensors.h"

#ifndef HEBB_HAVE_CJSON

hebb_status hebb_safetensors_write(const char *path, const hebb_named_array *arrays,
                                   size_t n_arrays, const hebb_named_text *texts, size_t n_texts,
                                   char *message, size_t size) {
    const report r = {path, message, size};
    return hb_report(&r, HEBB_E_UNSUPPORTED, "this build of Hebb is without cJSON");
}

#else

#include <cjson/cJSON.h>

typedef struct writer {
    report report;
    const hebb_named_array *arrays;
    size_t n_arrays;
    size_t *order; /* of the bytes: larger elements first */
    char *header;
    size_t header_bytes;
} writer;

static hebb_status out_of_memory(const writer *w) {
    return hb_report(&w->report, HEBB_E_MEMORY, "out of memory");
}

/* ---- the header ---- */

static hebb_status check_array(const writer *w, const hebb_named_array *one) {
    if (one->name == NULL || one->array == NULL)
        return hb_report(&w->report, HEBB_E_NULL, "a tensor without %s",
                         one->name == NULL ? "a name" : "an array");
    if (strcmp(one->name, HB_METADATA) == 0)
        return hb_report(&w->report, HEBB_E_ARGUMENT, "the name %s is reserved", one->name);
    int64_t count = hebb_array_count(one->array);
    if (count < 0)
        return hb_report(&w->report, HEBB_E_SHAPE, "%s has no concrete shape", one->name);
    if (hb_safetensors_dtype(one->array->dtype) == NULL)
        return hb_report(&w->report, HEBB_E_DTYPE, "%s has no dtype", one->name);
    if (one->array->data == NULL && count > 0)
        return hb_report(&w->report, HEBB_E_NULL, "%s has no data", one->name);
    return HEBB_OK;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const hebb_named_array *)a)->name, ((const hebb_named_array *)b)->name);
}

static hebb_status check_arrays(const writer *w) {
    hebb_named_array *sorted = malloc((w->n_arrays + 1) * sizeof *sorted);
    if (sorted == NULL) return out_of_memory(w);
    hebb_status status = HEBB_OK;
    for (size_t k = 0; status == HEBB_OK && k < w->n_arrays; k++) {
        sorted[k] = w->arrays[k];
        status = check_array(w, &sorted[k]);
    }
    if (status == HEBB_OK) qsort(sorted, w->n_arrays, sizeof *sorted, by_name);
    for (size_t k = 1; status == HEBB_OK && k < w->n_arrays; k++)
        if (by_name(&sorted[k - 1], &sorted[k]) == 0)
            status = hb_report(&w->report, HEBB_E_ARGUMENT, "the name %s is there twice",
                               sorted[k].name);
    free(sorted);
    return status;
}

static size_t element_size(const writer *w, size_t index) {
    return hebb_dtype_size(w->arrays[index].array->dtype);
}

static hebb_status choose_order(writer *w) {
    w->order = malloc((w->n_arrays + 1) * sizeof *w->order);
    if (w->order == NULL) return out_of_memory(w);
    size_t n = 0;
    for (size_t size = 8; size > 0; size /= 2)
        for (size_t k = 0; k < w->n_arrays; k++)
            if (element_size(w, k) == size) w->order[n++] = k;
    return HEBB_OK;
}

static bool add_number(cJSON *list, double value) {
    cJSON *number = cJSON_CreateNumber(value);
    return number != NULL && cJSON_AddItemToArray(list, number);
}

static bool add_array(cJSON *json, const hebb_named_array *one, size_t *at) {
    const hebb_array *a = one->array;
    cJSON *item = cJSON_AddObjectToObject(json, one->name);
    bool fine = cJSON_AddStringToObject(item, "dtype", hb_safetensors_dtype(a->dtype)) != NULL;
    cJSON *shape = cJSON_AddArrayToObject(item, "shape");
    for (int k = 0; k < a->shape.rank; k++)
        fine = fine && add_number(shape, (double)a->shape.dim[k]);
    cJSON *offsets = cJSON_AddArrayToObject(item, "data_offsets");
    fine = fine && shape != NULL && offsets != NULL && add_number(offsets, (double)*at);
    *at += hebb_array_bytes(a);
    return fine && add_number(offsets, (double)*at);
}

/* Padded so that the elements begin at a multiple of 8 bytes. */
static hebb_status take_header(writer *w, char *text) {
    size_t length = strlen(text);
    w->header_bytes = (length + 7) / 8 * 8;
    w->header = malloc(w->header_bytes + 8);
    if (w->header == NULL) return out_of_memory(w);
    for (int k = 0; k < 8; k++) w->header[k] = (char)((uint64_t)w->header_bytes >> 8 * k);
    memset(w->header + 8, ' ', w->header_bytes);
    memcpy(w->header + 8, text, length);
    w->header_bytes += 8;
    return HEBB_OK;
}

static hebb_status make_header(writer *w, const hebb_named_text *texts, size_t n_texts) {
    size_t at = 0;
    cJSON *json = cJSON_CreateObject();
    cJSON *meta = n_texts > 0 ? cJSON_AddObjectToObject(json, HB_METADATA) : NULL;
    bool fine = json != NULL && (n_texts == 0 || meta != NULL);
    for (size_t k = 0; fine && k < n_texts; k++)
        fine = cJSON_AddStringToObject(meta, texts[k].key, texts[k].text) != NULL;
    for (size_t k = 0; fine && k < w->n_arrays; k++)
        fine = add_array(json, &w->arrays[w->order[k]], &at);
    char *text = fine ? cJSON_PrintUnformatted(json) : NULL;
    cJSON_Delete(json);
    hebb_status status = text == NULL ? out_of_memory(w) : take_header(w, text);
    cJSON_free(text);
    return status;
}

/* ---- the file ---- */

static hebb_status write_file(const writer *w) {
    hb_aside aside;
    hebb_status status = hb_aside_open(&aside, &w->report);
    if (status == HEBB_OK) status = hb_aside_write(&aside, w->header, w->header_bytes);
    for (size_t k = 0; status == HEBB_OK && k < w->n_arrays; k++) {
        const hebb_array *array = w->arrays[w->order[k]].array;
        status = hb_aside_write(&aside, array->data, hebb_array_bytes(array));
    }
    return hb_aside_close(&aside, status);
}

hebb_status hebb_safetensors_write(const char *path, const hebb_named_array *arrays,
                                   size_t n_arrays, const hebb_named_text *texts, size_t n_texts,
                                   char *message, size_t size) {
    writer w = {.report = {path, message, size}, .arrays = arrays, .n_arrays = n_arrays};
    if (message != NULL && size > 0) message[0] = '\0';
    if (path == NULL || (arrays == NULL && n_arrays > 0) || (texts == NULL && n_texts > 0))
        return hb_report(&w.report, HEBB_E_NULL, "the %s is NULL", path == NULL ? "path" : "list");
    hebb_status status = check_arrays(&w);
    if (status == HEBB_OK) status = choose_order(&w);
    if (status == HEBB_OK) status = make_header(&w, texts, n_texts);
    if (status == HEBB_OK) status = write_file(&w);
    free(w.order);
    free(w.header);
    return status;
}

#endif
