/* See rows.h. Built on the public headers. */
#include <stdlib.h>
#include <string.h>

#include <hebb/data.h>

#include "rows.h"
#include "words.h"

/* ---- arguments ---- */

static hebb_status check_column(const hb_words *w, size_t k, const hebb_array *column,
                                int64_t rows) {
    if (hebb_dtype_size(column->dtype) == 0)
        return hb_words_fail(w, HEBB_E_DTYPE, "column %zu of the data has no dtype", k);
    if (column->shape.rank < 1 || hebb_array_count(column) < 0)
        return hb_words_fail(w, HEBB_E_SHAPE, "column %zu of the data has no rows", k);
    if (column->shape.dim[0] != rows)
        return hb_words_fail(w, HEBB_E_SHAPE, "column %zu of the data has %lld rows, not %lld", k,
                             (long long)column->shape.dim[0], (long long)rows);
    if (column->data == NULL && hebb_array_bytes(column) > 0)
        return hb_words_fail(w, HEBB_E_NULL, "column %zu of the data is NULL", k);
    return HEBB_OK;
}

static hebb_status check_labels(const hb_words *w, const hebb_array *labels, int64_t rows) {
    if (labels == NULL) return HEBB_OK;
    if (hebb_dtype_size(labels->dtype) == 0 || hebb_dtype_floating(labels->dtype))
        return hb_words_fail(w, HEBB_E_DTYPE, "the labels are %s, which are no integers",
                             hebb_dtype_name(labels->dtype));
    char text[128];
    if (labels->shape.rank < 1 || labels->shape.dim[0] != rows || hebb_array_count(labels) != rows)
        return hb_words_fail(w, HEBB_E_SHAPE, "labels %s for %lld examples",
                             hebb_shape_text(labels->shape, text, sizeof text), (long long)rows);
    return labels->data == NULL ? hb_words_fail(w, HEBB_E_NULL, "the labels are NULL") : HEBB_OK;
}

hebb_status hb_rows_check(const char *who, const hebb_dataset *data, const hebb_array *labels,
                          int64_t *rows, char *message, size_t size) {
    const hb_words w = {who, message, size};
    if (data == NULL || data->columns == NULL)
        return hb_words_fail(&w, HEBB_E_NULL, "the data is NULL");
    if (data->count == 0) return hb_words_fail(&w, HEBB_E_ARGUMENT, "the data has no columns");
    *rows = data->columns[0].shape.rank < 1 ? 0 : data->columns[0].shape.dim[0];
    for (size_t k = 0; k < data->count; k++) {
        hebb_status status = check_column(&w, k, &data->columns[k], *rows);
        if (status != HEBB_OK) return status;
    }
    return check_labels(&w, labels, *rows);
}

/* ---- their order ---- */

static hebb_status shuffle(hb_place *places, int64_t rows, uint64_t seed) {
    hebb_array numbers = hebb_array_zeros(HEBB_I64, HEBB_SHAPE(rows)), order;
    if (numbers.data == NULL) return HEBB_E_MEMORY;
    for (int64_t k = 0; k < rows; k++) ((int64_t *)numbers.data)[k] = k;
    const hebb_batches_options options = {.shuffle = true, .seed = seed};
    hebb_batches *all = hebb_batches_create_with(&numbers, 1, rows, &options);
    hebb_status status = all == NULL ? HEBB_E_MEMORY : hebb_batches_status(all);
    if (hebb_batches_next(all, &order))
        for (int64_t k = 0; k < rows; k++) places[k].row = ((const int64_t *)order.data)[k];
    hebb_batches_destroy(all);
    hebb_array_free(&numbers);
    return status;
}

hebb_status hb_rows_order(hb_place *places, int64_t rows, bool in_order, uint64_t seed) {
    for (int64_t k = 0; k < rows; k++) places[k] = (hb_place){.row = k};
    return in_order ? HEBB_OK : shuffle(places, rows, seed);
}

static int by_label(const void *a, const void *b) {
    const hb_place *p = a, *q = b;
    if (p->label != q->label) return p->label < q->label ? -1 : 1;
    return p->at < q->at ? -1 : 1;
}

void hb_rows_sort(hb_place *places, int64_t rows, const hebb_array *labels) {
    for (int64_t k = 0; k < rows; k++) {
        places[k].at = k;
        places[k].label = (int64_t)hebb_array_at(labels, places[k].row);
    }
    qsort(places, (size_t)rows, sizeof *places, by_label);
}

/* ---- copies ---- */

hebb_status hb_rows_copy(const hebb_dataset *data, const int64_t *rows, int64_t count,
                         hebb_array *to) {
    for (size_t k = 0; k < data->count; k++) {
        const hebb_array *from = &data->columns[k];
        hebb_shape shape = from->shape;
        shape.dim[0] = count;
        hebb_status status = hebb_array_resize(&to[k], from->dtype, shape);
        if (status != HEBB_OK) return status;
        if (hebb_array_bytes(&to[k]) == 0) continue;
        size_t bytes = hebb_array_bytes(from) / (size_t)from->shape.dim[0];
        for (int64_t i = 0; i < count; i++)
            memcpy((char *)to[k].data + bytes * (size_t)i,
                   (const char *)from->data + bytes * (size_t)rows[i], bytes);
    }
    return HEBB_OK;
}
