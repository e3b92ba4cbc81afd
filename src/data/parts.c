/* Parts of a data set (hebb/prepare.h). Built on the public headers.

   The examples are shuffled; stratified, they are then sorted by label, and from the sorted ones
   each part is dealt at equal distances, which gives it its share of each label to within one. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <hebb/prepare.h>

#include "rows.h"

typedef enum part { TRAIN, VALIDATION, TEST, PARTS } part;

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
    s->status =
        hb_rows_check("parts", &s->data, o->labels, &s->rows, s->message, sizeof s->message);
    return s->status == HEBB_OK ? choose_sizes(s, o) : s->status;
}

/* ---- which example is where ---- */

static int by_place(const void *a, const void *b) {
    const hb_place *p = a, *q = b;
    return p->at < q->at ? -1 : p->at > q->at;
}

/* `size` of those that are still to train on, at equal distances. */
static void deal(hb_place *places, int64_t rows, part which, int64_t size) {
    int64_t left = 0, seen = 0;
    for (int64_t k = 0; k < rows; k++) left += places[k].part == TRAIN;
    for (int64_t k = 0; k < rows; k++) {
        if (places[k].part != TRAIN) continue;
        int64_t before = (seen * size + left / 2) / left;
        if ((++seen * size + left / 2) / left > before) places[k].part = which;
    }
}

static void assign(hebb_parts *s, hb_place *places, const hebb_array *labels) {
    if (labels == NULL) {
        for (int64_t k = 0; k < s->rows; k++)
            places[k].part = k < s->sizes[TRAIN]                          ? TRAIN
                             : k < s->sizes[TRAIN] + s->sizes[VALIDATION] ? VALIDATION
                                                                          : TEST;
        return;
    }
    hb_rows_sort(places, s->rows, labels);
    deal(places, s->rows, TEST, s->sizes[TEST]);
    deal(places, s->rows, VALIDATION, s->sizes[VALIDATION]);
    qsort(places, (size_t)s->rows, sizeof *places, by_place);
}

/* ---- the parts ---- */

static hebb_status gather(hebb_parts *s, const hb_place *places, int64_t *chosen, part which) {
    hebb_array *columns = s->columns + (size_t)which * s->data.count;
    int64_t count = 0;
    if (s->sizes[which] == 0) return HEBB_OK;
    for (int64_t k = 0; k < s->rows; k++)
        if (places[k].part == which) chosen[count++] = places[k].row;
    s->parts[which] = (hebb_dataset){columns, s->data.count};
    return hb_rows_copy(&s->data, chosen, count, columns);
}

static void make(hebb_parts *s, const hebb_parts_options *o) {
    if (check(s, o) != HEBB_OK) return;
    s->columns = calloc(PARTS * s->data.count, sizeof *s->columns);
    hb_place *places = calloc((size_t)s->rows, sizeof *places);
    int64_t *chosen = calloc((size_t)s->rows, sizeof *chosen);
    bool made = s->columns != NULL && places != NULL && chosen != NULL;
    hebb_status status =
        made ? hb_rows_order(places, s->rows, o->in_order, o->seed) : HEBB_E_MEMORY;
    if (status == HEBB_OK) assign(s, places, o->labels);
    for (part k = TRAIN; status == HEBB_OK && k < PARTS; k++) status = gather(s, places, chosen, k);
    free(places);
    free(chosen);
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
