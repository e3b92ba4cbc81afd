/* Folds (hebb/folds.h). Called by hebb_search_run() and by users; built on the public headers.

   The examples are shuffled, sorted by label where that is asked for (which leaves the shuffled
   order among equal labels), and dealt like cards: place p goes to fold p mod k. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/folds.h>

#include "rows.h"

struct hebb_folds {
    int64_t count, rows;
    hebb_array *columns; /* the caller's */
    hebb_dataset data;   /* of these columns */
    int64_t *fold_of;    /* of each row */
    int64_t *chosen;     /* rows of the part that is made */
    hebb_array *parts;   /* train's columns, then those of what is left out */
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

static hebb_status check(hebb_folds *f, const hebb_dataset *data, const hebb_array *labels) {
    f->status = hb_rows_check("folds", data, labels, &f->rows, f->message, sizeof f->message);
    if (f->status == HEBB_OK && (f->count < 2 || f->count > f->rows))
        return fail(f, HEBB_E_ARGUMENT, "folds: %lld folds of %lld examples", (long long)f->count,
                    (long long)f->rows);
    return f->status;
}

static void deal(hebb_folds *f, hb_place *places, const hebb_folds_options *o) {
    bool pieces = o->in_order && o->labels == NULL;
    if (o->labels != NULL) hb_rows_sort(places, f->rows, o->labels);
    int64_t larger = f->rows % f->count, size = f->rows / f->count;
    for (int64_t k = 0, fold = 0, left = size + (larger > 0); k < f->rows; k++, left--) {
        if (left == 0) left = size + (++fold < larger);
        f->fold_of[places[k].row] = pieces ? fold : k % f->count;
    }
}

static hebb_status init(hebb_folds *f, const hebb_dataset *data, const hebb_folds_options *o) {
    if (check(f, data, o->labels) != HEBB_OK) return f->status;
    f->columns = calloc(data->count, sizeof *f->columns);
    f->parts = calloc(2 * data->count, sizeof *f->parts);
    f->fold_of = calloc((size_t)f->rows, sizeof *f->fold_of);
    f->chosen = calloc((size_t)f->rows, sizeof *f->chosen);
    hb_place *places = calloc((size_t)f->rows, sizeof *places);
    hebb_status status = HEBB_E_MEMORY;
    if (f->columns != NULL && f->parts != NULL && f->fold_of != NULL && f->chosen != NULL &&
        places != NULL) {
        memcpy(f->columns, data->columns, data->count * sizeof *f->columns);
        f->data = (hebb_dataset){f->columns, data->count};
        status = hb_rows_order(places, f->rows, o->in_order, o->seed);
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
    for (size_t k = 0; k < 2 * f->data.count; k++) hebb_array_free(&f->parts[k]);
    free(f->columns);
    free(f->parts);
    free(f->fold_of);
    free(f->chosen);
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

hebb_status hebb_folds_status(const hebb_folds *f) { return f == NULL ? HEBB_E_NULL : f->status; }

const char *hebb_folds_message(const hebb_folds *f) {
    return f == NULL ? "the folds are NULL (out of memory when they were created?)" : f->message;
}

/* Rows whose being in the fold is `inside`. */
static hebb_status gather(hebb_folds *f, int64_t fold, bool inside, hebb_array *parts) {
    int64_t count = 0;
    for (int64_t row = 0; row < f->rows; row++)
        if ((f->fold_of[row] == fold) == inside) f->chosen[count++] = row;
    hebb_status status = hb_rows_copy(&f->data, f->chosen, count, parts);
    return status == HEBB_OK ? HEBB_OK : fail(f, status, "folds: out of memory");
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
        *train = (hebb_dataset){f->parts, f->data.count};
    if (left_out != NULL && f->status == HEBB_OK &&
        gather(f, fold, true, f->parts + f->data.count) == HEBB_OK)
        *left_out = (hebb_dataset){f->parts + f->data.count, f->data.count};
    return f->status;
}
