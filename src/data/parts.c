/* Parts of a data set (hebb/prepare.h). Built on the public headers.

   The examples are shuffled; stratified, they are then sorted by label, and from the sorted ones
   each part is dealt at equal distances, which gives it its share of each label to within one. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/data.h>
#include <hebb/prepare.h>

typedef enum part { TRAIN, VALIDATION, TEST, PARTS } part;

typedef struct place {
    int64_t row, label, at; /* at: in the shuffled order */
    part part;
} place;

struct hebb_parts {
    int64_t rows, sizes[PARTS];
    hebb_dataset data, parts[PARTS];
    hebb_array *columns; /* of all parts */
    hebb_status status;
    char message[256];
};

static hebb_status fail(hebb_parts *s, hebb_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(s->message, sizeof s->message, format, arguments);
    va_end(arguments);
    return s->status = status;
}

/* ---- arguments ---- */

static hebb_status check_column(hebb_parts *s, size_t k, const hebb_array *column) {
    if (hebb_dtype_size(column->dtype) == 0)
        return fail(s, HEBB_E_DTYPE, "parts: column %zu of the data has no dtype", k);
    if (column->shape.rank < 1 || hebb_array_count(column) < 0)
        return fail(s, HEBB_E_SHAPE, "parts: column %zu of the data has no rows", k);
    if (k > 0 && column->shape.dim[0] != s->rows)
        return fail(s, HEBB_E_SHAPE, "parts: column %zu of the data has %lld rows, not %lld", k,
                    (long long)column->shape.dim[0], (long long)s->rows);
    if (column->data == NULL && hebb_array_bytes(column) > 0)
        return fail(s, HEBB_E_NULL, "parts: column %zu of the data is NULL", k);
    s->rows = column->shape.dim[0];
    return HEBB_OK;
}

static hebb_status check_labels(hebb_parts *s, const hebb_array *labels) {
    char text[128];
    if (labels == NULL) return HEBB_OK;
    if (hebb_dtype_size(labels->dtype) == 0 || hebb_dtype_floating(labels->dtype))
        return fail(s, HEBB_E_DTYPE, "parts: the labels are %s, which are no integers",
                    hebb_dtype_name(labels->dtype));
    if (labels->shape.rank < 1 || labels->shape.dim[0] != s->rows ||
        hebb_array_count(labels) != s->rows)
        return fail(s, HEBB_E_SHAPE, "parts: labels %s for %lld examples",
                    hebb_shape_text(labels->shape, text, sizeof text), (long long)s->rows);
    return labels->data == NULL ? fail(s, HEBB_E_NULL, "parts: the labels are NULL") : HEBB_OK;
}

static hebb_status choose_sizes(hebb_parts *s, const hebb_parts_options *o) {
    double validation = o->validation, test = o->test;
    if (!(validation >= 0 && test >= 0 && validation + test < 1))
        return fail(s, HEBB_E_ARGUMENT, "parts: shares of %g and %g leave nothing to train on",
                    validation, test);
    s->sizes[VALIDATION] = (int64_t)floor((double)s->rows * validation + 0.5);
    s->sizes[TEST] = (int64_t)floor((double)s->rows * test + 0.5);
    s->sizes[TRAIN] = s->rows - s->sizes[VALIDATION] - s->sizes[TEST];
    if (s->sizes[TRAIN] < 1 || (validation > 0 && s->sizes[VALIDATION] < 1) ||
        (test > 0 && s->sizes[TEST] < 1))
        return fail(s, HEBB_E_ARGUMENT,
                    "parts: shares of %g and %g of %lld examples leave a part empty", validation,
                    test, (long long)s->rows);
    return HEBB_OK;
}

static hebb_status check(hebb_parts *s, const hebb_parts_options *o) {
    if (s->data.columns == NULL) return fail(s, HEBB_E_NULL, "parts: the data is NULL");
    if (s->data.count == 0) return fail(s, HEBB_E_ARGUMENT, "parts: the data has no columns");
    for (size_t k = 0; k < s->data.count; k++)
        if (check_column(s, k, &s->data.columns[k]) != HEBB_OK) return s->status;
    if (check_labels(s, o->labels) != HEBB_OK) return s->status;
    return choose_sizes(s, o);
}

/* ---- which example is where ---- */

/* The order of hebb_batches of the same seed. */
static hebb_status shuffle(place *places, int64_t rows, uint64_t seed) {
    hebb_array numbers = hebb_array_zeros(HEBB_I64, HEBB_SHAPE(rows)), order;
    if (numbers.data == NULL) return HEBB_E_MEMORY;
    for (int64_t k = 0; k < rows; k++) ((int64_t *)numbers.data)[k] = k;
    hebb_status status;
    const hebb_batches_options options = {.shuffle = true, .seed = seed};
    hebb_batches *all = hebb_batches_create_with(&numbers, 1, rows, &status, &options);
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

static int by_place(const void *a, const void *b) {
    const place *p = a, *q = b;
    return p->at < q->at ? -1 : p->at > q->at;
}

/* `size` of those that are still to train on, at equal distances. */
static void deal(place *places, int64_t rows, part which, int64_t size) {
    int64_t left = 0, seen = 0;
    for (int64_t k = 0; k < rows; k++) left += places[k].part == TRAIN;
    for (int64_t k = 0; k < rows; k++) {
        if (places[k].part != TRAIN) continue;
        int64_t before = (seen * size + left / 2) / left;
        if ((++seen * size + left / 2) / left > before) places[k].part = which;
    }
}

static void assign(hebb_parts *s, place *places, const hebb_array *labels) {
    size_t n = (size_t)s->rows;
    if (labels == NULL) {
        for (int64_t k = 0; k < s->rows; k++)
            places[k].part = k < s->sizes[TRAIN]                          ? TRAIN
                             : k < s->sizes[TRAIN] + s->sizes[VALIDATION] ? VALIDATION
                                                                          : TEST;
        return;
    }
    for (int64_t k = 0; k < s->rows; k++) {
        places[k].at = k;
        places[k].label = (int64_t)hebb_array_at(labels, places[k].row);
    }
    qsort(places, n, sizeof *places, by_label);
    deal(places, s->rows, TEST, s->sizes[TEST]);
    deal(places, s->rows, VALIDATION, s->sizes[VALIDATION]);
    qsort(places, n, sizeof *places, by_place);
}

/* ---- the parts ---- */

static hebb_status gather(hebb_parts *s, const place *places, part which) {
    hebb_array *columns = s->columns + (size_t)which * s->data.count;
    if (s->sizes[which] == 0) return HEBB_OK;
    for (size_t k = 0; k < s->data.count; k++) {
        const hebb_array *from = &s->data.columns[k];
        hebb_shape shape = from->shape;
        shape.dim[0] = s->sizes[which];
        hebb_status status = hebb_array_resize(&columns[k], from->dtype, shape);
        if (status != HEBB_OK) return status;
        size_t bytes = hebb_array_bytes(from) / (size_t)s->rows, at = 0;
        if (bytes == 0) continue;
        for (int64_t i = 0; i < s->rows; i++)
            if (places[i].part == which)
                memcpy((char *)columns[k].data + bytes * at++,
                       (const char *)from->data + bytes * (size_t)places[i].row, bytes);
    }
    s->parts[which] = (hebb_dataset){columns, s->data.count};
    return HEBB_OK;
}

static void make(hebb_parts *s, const hebb_parts_options *o) {
    if (check(s, o) != HEBB_OK) return;
    s->columns = calloc(PARTS * s->data.count, sizeof *s->columns);
    place *places = calloc((size_t)s->rows, sizeof *places);
    hebb_status status = s->columns == NULL || places == NULL ? HEBB_E_MEMORY : HEBB_OK;
    for (int64_t k = 0; status == HEBB_OK && k < s->rows; k++) places[k].row = k;
    if (status == HEBB_OK && !o->in_order) status = shuffle(places, s->rows, o->seed);
    if (status == HEBB_OK) assign(s, places, o->labels);
    for (part k = TRAIN; status == HEBB_OK && k < PARTS; k++) status = gather(s, places, k);
    free(places);
    if (status != HEBB_OK) fail(s, status, "parts: out of memory");
}

hebb_parts *hebb_parts_create_with(const hebb_dataset *data, const hebb_parts_options *options) {
    static const hebb_parts_options defaults;
    hebb_parts *s = calloc(1, sizeof *s);
    if (s == NULL) return NULL;
    if (data != NULL) s->data = *data;
    make(s, options != NULL ? options : &defaults);
    return s;
}

void hebb_parts_destroy(hebb_parts *s) {
    if (s == NULL) return;
    for (size_t k = 0; s->columns != NULL && k < PARTS * s->data.count; k++)
        hebb_array_free(&s->columns[k]);
    free(s->columns);
    free(s);
}

/* ---- looking ---- */

static const hebb_dataset *part_of(const hebb_parts *s, part which) {
    return s == NULL || s->status != HEBB_OK || s->sizes[which] == 0 ? NULL : &s->parts[which];
}

const hebb_dataset *hebb_parts_train(const hebb_parts *s) { return part_of(s, TRAIN); }
const hebb_dataset *hebb_parts_validation(const hebb_parts *s) { return part_of(s, VALIDATION); }
const hebb_dataset *hebb_parts_test(const hebb_parts *s) { return part_of(s, TEST); }

hebb_status hebb_parts_status(const hebb_parts *s) { return s == NULL ? HEBB_E_NULL : s->status; }

const char *hebb_parts_message(const hebb_parts *s) {
    return s == NULL ? "the parts are NULL (out of memory when they were created?)" : s->message;
}
