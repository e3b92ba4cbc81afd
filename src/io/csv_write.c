/* Writes comma-separated values (hebb/io.h). */
#define _GNU_SOURCE
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include <hebb/io.h>

#include "file.h"

/* What is written is gathered here first. */
typedef struct writer {
    hb_aside aside;
    hebb_status status;
    size_t used;
    char text[16384];
} writer;

static void flush(writer *w) {
    if (w->status == HEBB_OK) w->status = hb_aside_write(&w->aside, w->text, w->used);
    w->used = 0;
}

static void put(writer *w, const char *text, size_t length) {
    while (length > 0) {
        if (w->used == sizeof w->text) flush(w);
        size_t now = sizeof w->text - w->used < length ? sizeof w->text - w->used : length;
        memcpy(w->text + w->used, text, now);
        w->used += now;
        text += now;
        length -= now;
    }
}

/* In quotes if it holds what would end it, or spaces that would be passed over. */
static void put_name(writer *w, const char *name) {
    size_t length = strlen(name);
    if (length > 0 && strpbrk(name, ",\"\r\n \t") == NULL) {
        put(w, name, length);
        return;
    }
    put(w, "\"", 1);
    for (; *name != '\0'; name++) {
        if (*name == '"') put(w, "\"", 1);
        put(w, name, 1);
    }
    put(w, "\"", 1);
}

/* As many digits as tell it from its neighbors. */
static void put_number(writer *w, const hebb_array *values, int64_t index) {
    char text[64];
    int length;
    if (values->dtype == HEBB_I64)
        length = snprintf(text, sizeof text, "%" PRId64, ((const int64_t *)values->data)[index]);
    else
        length = snprintf(text, sizeof text, values->dtype == HEBB_F64 ? "%.17g" : "%.9g",
                          hebb_array_at(values, index));
    put(w, text, (size_t)length);
}

static void put_rows(writer *w, const hebb_array *values, const hebb_names *columns) {
    int64_t rows = values->shape.dim[0];
    int64_t width = values->shape.rank == 2 ? values->shape.dim[1] : 1;
    for (int64_t k = 0; columns != NULL && k < width; k++) {
        put_name(w, columns->at[k]);
        put(w, k + 1 < width ? "," : "\n", 1);
    }
    for (int64_t row = 0; row < rows && w->status == HEBB_OK; row++)
        for (int64_t k = 0; k < width; k++) {
            put_number(w, values, row * width + k);
            put(w, k + 1 < width ? "," : "\n", 1);
        }
}

static hebb_status write_file(const report *r, const hebb_array *values,
                              const hebb_names *columns) {
    writer w;
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0) return hb_report(r, HEBB_E_MEMORY, "out of memory");
    w.used = 0;
    w.status = hb_aside_open(&w.aside, r);
    if (w.status == HEBB_OK) {
        locale_t before = uselocale(plain);
        put_rows(&w, values, columns);
        flush(&w);
        uselocale(before);
    }
    freelocale(plain);
    return hb_aside_close(&w.aside, w.status);
}

hebb_status hebb_write_csv(const char *path, const hebb_array *values, const hebb_names *columns,
                           char *message, size_t size) {
    report r;
    char text[160];
    hebb_status status = hb_report_begin(&r, path, message, size);
    if (status != HEBB_OK) return status;
    if (values == NULL) return hb_report(&r, HEBB_E_NULL, "the values are NULL");
    const hebb_shape *s = &values->shape;
    if ((s->rank != 1 && s->rank != 2) || hebb_shape_count(*s) < 0 ||
        (s->rank == 2 && s->dim[1] == 0))
        return hb_report(&r, HEBB_E_SHAPE, "values are [rows, columns] or [rows], not %s",
                         hebb_shape_text(*s, text, sizeof text));
    if (values->data == NULL && hebb_shape_count(*s) > 0)
        return hb_report(&r, HEBB_E_NULL, "the values have no data");
    int64_t width = s->rank == 2 ? s->dim[1] : 1;
    if (columns != NULL && columns->count == 0) columns = NULL;
    if (columns != NULL && (int64_t)columns->count != width)
        return hb_report(&r, HEBB_E_ARGUMENT, "%zu names for %lld columns", columns->count,
                         (long long)width);
    return write_file(&r, values, columns);
}
