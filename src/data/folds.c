/* Folds (hebb/folds.h). Called by hebb_search_run() and by users; built on the public headers.

   The examples are shuffled, sorted by label where that is asked for (which leaves the shuffled
   order among equal labels), and dealt like cards: place p goes to fold p mod k. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/data.h>
#include <hebb/folds.h>

typedef struct place {
    int64_t row, label, at; /* at: in the shuffled order */
} place;

struct hebb_folds {
    int64_t count, rows;
    hebb_array *columns; /* the caller's */
    size_t n_columns;
    int64_t *fold_of;  /* of each row */
    hebb_array *parts; /* train's columns, then those of what is left out */
    hebb_status broken, status;
    char message[256];
};

static hebb_status fail(hebb_folds *f, hebb_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(f->message, sizeof f->message, format, arguments);
    va_end(arguments);
    return f->status = status;
}

/* ---- making ---- */

static hebb_status check_column(hebb_folds *f, size_t k, const hebb_array *column, int64_t rows) {
    if (hebb_dtype_size(column->dtype) == 0)
        return fail(f, HEBB_E_DTYPE, "folds: column %zu of the data has no dtype", k);
    if (column->shape.rank < 1 || hebb_array_count(column) < 0)
        return fail(f, HEBB_E_SHAPE, "folds: column %zu of the data has no rows", k);
    if (column->shape.dim[0] != rows)
        return fail(f, HEBB_E_SHAPE, "folds: column %zu of the data has %lld rows, not %lld", k,
                    (long long)column->shape.dim[0], (long long)rows);
    if (column->data == NULL && hebb_array_bytes(column) > 0)
        return fail(f, HEBB_E_NULL, "folds: column %zu of the data is NULL", k);
    return HEBB_OK;
}

static hebb_status check_labels(hebb_folds *f, const hebb_array *labels) {
    if (labels == NULL) return HEBB_OK;
    if (hebb_dtype_size(labels->dtype) == 0 || hebb_dtype_floating(labels->dtype))
        return fail(f, HEBB_E_DTYPE, "folds: the labels are %s, which are no integers",
                    hebb_dtype_name(labels->dtype));
    char text[128];
    if (labels->shape.rank < 1 || labels->shape.dim[0] != f->rows ||
        hebb_array_count(labels) != f->rows)
        return fail(f, HEBB_E_SHAPE, "folds: labels %s for %lld examples",
                    hebb_shape_text(labels->shape, text, sizeof text), (long long)f->rows);
    return labels->data == NULL ? fail(f, HEBB_E_NULL, "folds: the labels are NULL") : HEBB_OK;
}

static hebb_status check(hebb_folds *f, const hebb_dataset *data, const hebb_folds_options *o) {
    if (data == NULL || data->columns == NULL)
        return fail(f, HEBB_E_NULL, "folds: the data is NULL");
    if (data->count == 0) return fail(f, HEBB_E_ARGUMENT, "folds: the data has no columns");
    int64_t rows = data->columns[0].shape.rank < 1 ? 0 : data->columns[0].shape.dim[0];
    for (size_t k = 0; k < data->count; k++)
        if (check_column(f, k, &data->columns[k], rows) != HEBB_OK) return f->status;
    if (f->count < 2 || f->count > rows)
        return fail(f, HEBB_E_ARGUMENT, "folds: %lld folds of %lld examples", (long long)f->count,
                    (long long)rows);
    f->rows = rows;
    return check_labels(f, o->labels);
}

/* The rows in a shuffled order, which is that of hebb_batches of the same seed. */
static hebb_status shuffle(place *places, int64_t rows, const hebb_folds_options *o) {
    hebb_array numbers = hebb_array_zeros(HEBB_I64, HEBB_SHAPE(rows)), order;
    if (numbers.data == NULL) return HEBB_E_MEMORY;
    int64_t *number = numbers.data;
    for (int64_t k = 0; k < rows; k++) number[k] = k;
    hebb_status status;
    hebb_batches *all =
        hebb_batches_create_with(&numbers, 1, rows, &status,
                                 &(const hebb_batches_options){.shuffle = true, .seed = o->seed});
    if (hebb_batches_next(all, &order))
        for (int64_t k = 0; k < rows; k++) places[k].row = ((const int64_t *)order.data)[k];
    hebb_batches_destroy(all);
    hebb_array_free(&numbers);
    return status;
}

static int by_label(const void *a, const void *b) {
    const place *p = a, *q = b;
    if (p->label != q->label) return p->label < q->label ? -1 : 1;
    return p->at < q->at ? -1 : 1;
}

static void deal(hebb_folds *f, place *places, const hebb_folds_options *o) {
    for (int64_t k = 0; k < f->rows; k++) {
        places[k].at = k;
        if (o->labels != NULL) places[k].label = (int64_t)hebb_array_at(o->labels, places[k].row);
    }
    bool pieces = o->in_order && o->labels == NULL;
    if (o->labels != NULL) qsort(places, (size_t)f->rows, sizeof *places, by_label);
    int64_t larger = f->rows % f->count, size = f->rows / f->count;
    for (int64_t k = 0, fold = 0, left = size + (larger > 0); k < f->rows; k++, left--) {
        if (left == 0) left = size + (++fold < larger);
        f->fold_of[places[k].row] = pieces ? fold : k % f->count;
    }
}

static hebb_status init(hebb_folds *f, const hebb_dataset *data, const hebb_folds_options *o) {
    if (check(f, data, o) != HEBB_OK) return f->status;
    f->columns = calloc(data->count, sizeof *f->columns);
    f->parts = calloc(2 * data->count, sizeof *f->parts);
    f->fold_of = calloc((size_t)f->rows, sizeof *f->fold_of);
    place *places = calloc((size_t)f->rows, sizeof *places);
    hebb_status status = HEBB_E_MEMORY;
    if (f->columns != NULL && f->parts != NULL && f->fold_of != NULL && places != NULL) {
        f->n_columns = data->count;
        memcpy(f->columns, data->columns, data->count * sizeof *f->columns);
        for (int64_t k = 0; k < f->rows; k++) places[k].row = k;
        status = o->in_order ? HEBB_OK : shuffle(places, f->rows, o);
    }
    if (status == HEBB_OK) deal(f, places, o);
    else fail(f, status, "folds: out of memory");
    free(places);
    return status;
}

hebb_folds *hebb_folds_create_with(const hebb_dataset *data, int64_t count,
                                   const hebb_folds_options *options) {
    static const hebb_folds_options defaults;
    hebb_folds *f = calloc(1, sizeof *f);
    if (f == NULL) return NULL;
    f->count = count;
    f->broken = init(f, data, options != NULL ? options : &defaults);
    return f;
}

void hebb_folds_destroy(hebb_folds *f) {
    if (f == NULL) return;
    for (size_t k = 0; k < 2 * f->n_columns; k++) hebb_array_free(&f->parts[k]);
    free(f->columns);
    free(f->parts);
    free(f->fold_of);
    free(f);
}

/* ---- looking ---- */

int64_t hebb_folds_count(const hebb_folds *f) {
    return f == NULL || f->broken != HEBB_OK ? 0 : f->count;
}

int64_t hebb_folds_of(const hebb_folds *f, int64_t example) {
    if (hebb_folds_count(f) == 0 || example < 0 || example >= f->rows) return -1;
    return f->fold_of[example];
}

const char *hebb_folds_message(const hebb_folds *f) {
    return f == NULL ? "the folds are NULL (out of memory when they were created?)" : f->message;
}

/* Rows whose being in the fold is `inside`. */
static hebb_status gather(hebb_folds *f, int64_t fold, bool inside, hebb_array *parts) {
    int64_t count = 0;
    for (int64_t row = 0; row < f->rows; row++) count += (f->fold_of[row] == fold) == inside;
    for (size_t k = 0; k < f->n_columns; k++) {
        const hebb_array *from = &f->columns[k];
        hebb_shape shape = from->shape;
        shape.dim[0] = count;
        hebb_status status = hebb_array_resize(&parts[k], from->dtype, shape);
        if (status != HEBB_OK) return fail(f, status, "folds: out of memory");
        size_t bytes = hebb_array_bytes(from) / (size_t)f->rows, at = 0;
        if (bytes == 0) continue;
        for (int64_t row = 0; row < f->rows; row++)
            if ((f->fold_of[row] == fold) == inside)
                memcpy((char *)parts[k].data + bytes * at++,
                       (const char *)from->data + bytes * (size_t)row, bytes);
    }
    return HEBB_OK;
}

hebb_status hebb_folds_get(hebb_folds *f, int64_t fold, hebb_dataset *train,
                           hebb_dataset *left_out) {
    if (f == NULL) return HEBB_E_NULL;
    if (f->broken != HEBB_OK) return f->broken;
    f->message[0] = 0;
    f->status = HEBB_OK;
    if (fold < 0 || fold >= f->count)
        return fail(f, HEBB_E_ARGUMENT, "folds: there is no fold %lld of %lld", (long long)fold,
                    (long long)f->count);
    if (train != NULL && gather(f, fold, false, f->parts) == HEBB_OK)
        *train = (hebb_dataset){f->parts, f->n_columns};
    if (left_out != NULL && f->status == HEBB_OK &&
        gather(f, fold, true, f->parts + f->n_columns) == HEBB_OK)
        *left_out = (hebb_dataset){f->parts + f->n_columns, f->n_columns};
    return f->status;
}
