/* Reads comma-separated values (hebb/io.h): the whole text at once, which is then cut into fields
   where it lies; the fields become numbers and labels. */
#define _GNU_SOURCE
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/text.h>

#include "file.h"
#include "names.h"

typedef struct sheet {
    report report;
    const hebb_csv_options *options;
    char separator;
    locale_t locale; /* whose decimal point is a point */
    char *text;
    char **cells; /* row after row; into text */
    size_t n_cells, room;
    int64_t *lines; /* of each row, in the file */
    size_t n_rows, rows_room;
    size_t width; /* fields of a row */
    size_t first; /* row of numbers */
    size_t label; /* column of labels; width: none */
    size_t *kept; /* columns of the values ... */
    size_t n_kept;
} sheet;

static hebb_status out_of_memory(const sheet *s) {
    return hb_report(&s->report, HEBB_E_MEMORY, "out of memory");
}

/* "row 3, column 2 (width): ..." */
static hebb_status fail_cell(const sheet *s, size_t row, size_t column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static hebb_status fail_cell(const sheet *s, size_t row, size_t column, const char *format, ...) {
    char what[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    const char *name = s->first == 1 && column < s->width ? s->cells[column] : NULL;
    return hb_report(&s->report, HEBB_E_FORMAT, "row %lld, column %zu%s%.40s%s: %s",
                     (long long)s->lines[row], column + 1, name != NULL ? " (" : "",
                     name != NULL ? name : "", name != NULL ? ")" : "", what);
}

/* ---- cutting the text ---- */

static bool grow(void **list, size_t *room, size_t used, size_t size) {
    if (used < *room) return true;
    size_t more = *room == 0 ? 1024 : 2 * *room;
    void *larger = realloc(*list, more * size);
    if (larger == NULL) return false;
    *list = larger;
    *room = more;
    return true;
}

/* A field in quotes, from behind the first one: drops the quotes; returns what follows, NULL if the
   last quote is missing. */
static char *cut_quoted(char *from, int64_t *line) {
    char *to = from;
    for (;; from++) {
        if (*from == '\0') return NULL;
        if (*from == '\n') ++*line;
        if (*from == '"' && from[1] != '"') break;
        if (*from == '"') from++;
        *to++ = *from;
    }
    *to = '\0';
    return from + 1;
}

/* One field, from *at, which it moves to what follows the field: separator, line end, zero. */
static const char *cut_field(const sheet *s, char **at, int64_t *line, char **field) {
    char *from = *at;
    while (*from == ' ' || (*from == '\t' && s->separator != '\t')) from++;
    bool quoted = *from == '"';
    char *end = quoted ? cut_quoted(from + 1, line) : from;
    if (end == NULL) return "a quote that does not end";
    *field = quoted ? from + 1 : from;
    char *last = end; /* behind what is not a space */
    for (; *end != s->separator && *end != '\n' && *end != '\0'; end++) {
        if (*end == ' ' || *end == '\t' || *end == '\r') continue;
        if (quoted) return "text follows a closing quote";
        last = end + 1;
    }
    *at = end;
    /* The zero behind a field may take the place of its separator: see cut_row(). */
    if (!quoted && last < end) *last = '\0';
    return NULL;
}

/* The fields of one row; *at moves behind its line end. */
static hebb_status cut_row(sheet *s, char **at, int64_t *line) {
    size_t first = s->n_cells;
    if (!grow((void **)&s->lines, &s->rows_room, s->n_rows, sizeof *s->lines))
        return out_of_memory(s);
    s->lines[s->n_rows] = *line;
    for (char end = s->separator; end == s->separator;) {
        char *field;
        if (!grow((void **)&s->cells, &s->room, s->n_cells, sizeof *s->cells))
            return out_of_memory(s);
        const char *wrong = cut_field(s, at, line, &field);
        if (wrong != NULL) return fail_cell(s, s->n_rows, s->n_cells - first, "%s", wrong);
        end = **at;
        if (end != '\0') *(*at)++ = '\0';
        if (end == '\n') ++*line;
        s->cells[s->n_cells++] = field;
    }
    size_t fields = s->n_cells - first;
    if (fields == 1 && s->cells[first][0] == '\0') { /* an empty line */
        s->n_cells = first;
        return HEBB_OK;
    }
    if (s->n_rows == 0) s->width = fields;
    if (fields != s->width)
        return hb_report(&s->report, HEBB_E_FORMAT, "row %lld has %zu fields, row %lld has %zu",
                         (long long)s->lines[s->n_rows], fields, (long long)s->lines[0], s->width);
    s->n_rows++;
    return HEBB_OK;
}

static hebb_status cut_text(sheet *s) {
    size_t length;
    hebb_status status =
        hebb_read_text(s->report.path, &s->text, &length, s->report.message, s->report.size);
    if (status != HEBB_OK) return status;
    if (strlen(s->text) != length)
        return hb_report(&s->report, HEBB_E_FORMAT, "byte %zu is 0: not a text", strlen(s->text));
    char *at = s->text;
    int64_t line = 1;
    if (strncmp(at, "\xef\xbb\xbf", 3) == 0) at += 3;
    while (status == HEBB_OK && *at != '\0') status = cut_row(s, &at, &line);
    if (status == HEBB_OK && s->n_rows == 0)
        return hb_report(&s->report, HEBB_E_FORMAT, "there are no rows");
    return status;
}

/* ---- what the rows are ---- */

static bool number_of(const sheet *s, const char *cell, double *number) {
    char *end;
    *number = strtod_l(cell, &end, s->locale);
    return end != cell && *end == '\0';
}

/* The first column of that name. */
static hebb_status find_column(const sheet *s, const char *name, size_t *column) {
    for (*column = 0; *column < s->width; ++*column)
        if (strcmp(s->cells[*column], name) == 0) return HEBB_OK;
    return hb_report(&s->report, HEBB_E_ARGUMENT, "no column has the name %s", name);
}

static hebb_status find_label(sheet *s) {
    const hebb_csv_options *o = s->options;
    long long width = (long long)s->width, place = o->label_column;
    s->label = s->width;
    if (o->label != NULL) return find_column(s, o->label, &s->label);
    if (place != 0) {
        if (place > width || place < -width)
            return hb_report(&s->report, HEBB_E_ARGUMENT, "no column %lld: there are %lld", place,
                             width);
        s->label = (size_t)(place > 0 ? place - 1 : width + place);
    }
    return HEBB_OK;
}

/* The first row of numbers. */
static hebb_status find_first(sheet *s) {
    double number;
    bool names = s->options->header == HEBB_CSV_NAMES || s->options->label != NULL ||
                 s->options->n_columns > 0;
    for (size_t k = 0; s->options->header == HEBB_CSV_GUESS && k < s->width; k++)
        if (k != s->label && s->cells[k][0] != '\0' && !number_of(s, s->cells[k], &number))
            names = true;
    s->first = names;
    if (s->first == s->n_rows)
        return hb_report(&s->report, HEBB_E_FORMAT, "there are no rows but that of names");
    return HEBB_OK;
}

/* The columns that were asked for, or all but the label's. */
static hebb_status find_kept(sheet *s) {
    const hebb_csv_options *o = s->options;
    hebb_status status = HEBB_OK;
    s->kept = malloc((o->n_columns > s->width ? o->n_columns : s->width) * sizeof *s->kept);
    if (s->kept == NULL) return out_of_memory(s);
    for (size_t k = 0; o->n_columns == 0 && k < s->width; k++)
        if (k != s->label) s->kept[s->n_kept++] = k;
    for (size_t k = 0; status == HEBB_OK && k < o->n_columns; k++)
        status = find_column(s, o->columns[k], &s->kept[s->n_kept++]);
    return status;
}

/* ---- names in place of numbers ---- */

typedef struct name {
    const char *text;
    double number;
    size_t row; /* of the table */
} name;

static int by_bytes(const void *a, const void *b) {
    return strcmp(((const name *)a)->text, ((const name *)b)->text);
}

static int by_number(const void *a, const void *b) {
    double x = ((const name *)a)->number, y = ((const name *)b)->number;
    return x != y ? (x > y) - (x < y) : by_bytes(a, b);
}

/* Equal ones are beside each other when sorted; each new one is a class. Its number goes to element
   row stride + offset of the array. */
static hebb_status take_classes(const sheet *s, name *names, size_t n, bool numbers,
                                hebb_names *classes, hebb_array *to, int64_t stride,
                                int64_t offset) {
    qsort(names, n, sizeof *names, numbers ? by_number : by_bytes);
    for (size_t k = 0; k < n; k++) {
        if ((k == 0 || by_bytes(&names[k - 1], &names[k]) != 0) &&
            !hb_names_add(classes, names[k].text, strlen(names[k].text)))
            return out_of_memory(s);
        hebb_array_set(to, (int64_t)names[k].row * stride + offset, (double)classes->count - 1);
    }
    return HEBB_OK;
}

/* ---- values ---- */

static hebb_status store(const sheet *s, hebb_array *values, int64_t index, size_t row,
                         size_t column) {
    const char *cell = s->cells[row * s->width + column];
    double number = NAN;
    if (cell[0] == '\0' && !s->options->missing) return fail_cell(s, row, column, "it is empty");
    if (cell[0] != '\0' && !number_of(s, cell, &number))
        return fail_cell(s, row, column, "'%.40s' is no number, and .categories is not set", cell);
    hebb_array_set(values, index, number);
    if (isinf(hebb_array_at(values, index)) && strpbrk(cell, "iI") == NULL)
        return fail_cell(s, row, column, "%.40s is too large for %s", cell,
                         hebb_dtype_name(values->dtype));
    return HEBB_OK;
}

/* Whether a field of the column is neither a number nor empty. */
static bool is_category(const sheet *s, size_t column) {
    double number;
    for (size_t row = s->first; row < s->n_rows; row++) {
        const char *cell = s->cells[row * s->width + column];
        if (cell[0] != '\0' && !number_of(s, cell, &number)) return true;
    }
    return false;
}

/* A column of categories, as column `place` of the values. Empty fields have no name. */
static hebb_status take_categories(const sheet *s, size_t column, int64_t place,
                                   hebb_table *table) {
    const size_t n_rows = s->n_rows - s->first;
    name *names = malloc(n_rows * sizeof *names);
    int64_t columns = table->values.shape.dim[1];
    hebb_status status = names == NULL ? out_of_memory(s) : HEBB_OK;
    size_t n = 0;
    for (size_t k = 0; status == HEBB_OK && k < n_rows; k++) {
        const char *cell = s->cells[(s->first + k) * s->width + column];
        const int64_t at = (int64_t)k * columns + place;
        if (cell[0] == '\0') status = store(s, &table->values, at, s->first + k, column);
        else names[n++] = (name){.text = cell, .row = k};
    }
    if (status == HEBB_OK)
        status = take_classes(s, names, n, false, &table->categories[place], &table->values,
                              columns, place);
    free(names);
    return status;
}

static hebb_status take_numbers(const sheet *s, const bool *category, hebb_table *table) {
    int64_t at = 0;
    for (size_t row = s->first; row < s->n_rows; row++)
        for (size_t k = 0; k < s->n_kept; k++, at++) {
            if (category[k]) continue;
            hebb_status status = store(s, &table->values, at, row, s->kept[k]);
            if (status != HEBB_OK) return status;
        }
    return HEBB_OK;
}

/* Names in place of columns of numbers, for as many columns as there are. */
static hebb_status take_all_categories(const sheet *s, const bool *category, hebb_table *table) {
    table->n_categories = s->n_kept;
    table->categories = calloc(s->n_kept + 1, sizeof *table->categories);
    if (table->categories == NULL) return out_of_memory(s);
    hebb_status status = HEBB_OK;
    for (size_t k = 0; status == HEBB_OK && k < s->n_kept; k++)
        if (category[k]) status = take_categories(s, s->kept[k], (int64_t)k, table);
    return status;
}

static hebb_status take_values(const sheet *s, hebb_table *table) {
    int64_t rows = (int64_t)(s->n_rows - s->first);
    if (hebb_array_resize(&table->values, s->options->dtype,
                          HEBB_SHAPE(rows, (int64_t)s->n_kept)) != HEBB_OK)
        return out_of_memory(s);
    bool *category = calloc(s->n_kept + 1, sizeof *category);
    if (category == NULL) return out_of_memory(s);
    for (size_t k = 0; s->options->categories && k < s->n_kept; k++)
        category[k] = is_category(s, s->kept[k]);
    hebb_status status = take_numbers(s, category, table);
    if (status == HEBB_OK && s->options->categories)
        status = take_all_categories(s, category, table);
    free(category);
    return status;
}

static hebb_status take_columns(const sheet *s, hebb_table *table) {
    for (size_t k = 0; s->first == 1 && k < s->n_kept; k++) {
        const char *column = s->cells[s->kept[k]];
        if (!hb_names_add(&table->columns, column, strlen(column))) return out_of_memory(s);
    }
    return HEBB_OK;
}

/* ---- labels ---- */

static hebb_status take_label_classes(const sheet *s, name *labels, size_t n, bool numbers,
                                      hebb_table *table) {
    if (hebb_array_resize(&table->labels, HEBB_I32, HEBB_SHAPE((int64_t)n)) != HEBB_OK)
        return out_of_memory(s);
    return take_classes(s, labels, n, numbers, &table->classes, &table->labels, 1, 0);
}

static hebb_status take_label_numbers(const sheet *s, const name *labels, size_t n,
                                      hebb_table *table) {
    bool whole = true;
    for (size_t k = 0; k < n; k++)
        whole = whole && labels[k].number == floor(labels[k].number) &&
                fabs(labels[k].number) <= INT32_MAX;
    if (hebb_array_resize(&table->labels, whole ? HEBB_I32 : s->options->dtype,
                          HEBB_SHAPE((int64_t)n)) != HEBB_OK)
        return out_of_memory(s);
    for (size_t k = 0; k < n; k++) hebb_array_set(&table->labels, (int64_t)k, labels[k].number);
    return HEBB_OK;
}

static hebb_status take_labels(const sheet *s, hebb_table *table) {
    size_t n = s->n_rows - s->first;
    if (s->label == s->width) return HEBB_OK;
    name *labels = malloc(n * sizeof *labels);
    if (labels == NULL) return out_of_memory(s);
    bool numbers = true;
    hebb_status status = HEBB_OK;
    for (size_t k = 0; status == HEBB_OK && k < n; k++) {
        const char *cell = s->cells[(s->first + k) * s->width + s->label];
        labels[k] = (name){.text = cell, .row = k};
        numbers = numbers && number_of(s, cell, &labels[k].number);
        if (cell[0] == '\0') status = fail_cell(s, s->first + k, s->label, "the label is empty");
    }
    if (status == HEBB_OK && (!numbers || s->options->classes))
        status = take_label_classes(s, labels, n, numbers, table);
    else if (status == HEBB_OK) status = take_label_numbers(s, labels, n, table);
    free(labels);
    return status;
}

/* ---- all of it ---- */

void hebb_table_free(hebb_table *table) {
    if (table == NULL) return;
    hebb_array_free(&table->values);
    hebb_array_free(&table->labels);
    hebb_names_free(&table->columns);
    hebb_names_free(&table->classes);
    for (size_t k = 0; k < table->n_categories; k++) hebb_names_free(&table->categories[k]);
    free(table->categories);
    *table = (hebb_table){0};
}

static hebb_status check_options(const sheet *s) {
    const hebb_csv_options *o = s->options;
    if (o->dtype != HEBB_F32 && o->dtype != HEBB_F64)
        return hb_report(&s->report, HEBB_E_DTYPE, "values are f32 or f64, not %s",
                         hebb_dtype_name(o->dtype));
    for (size_t k = 0; k < o->n_columns; k++)
        if (o->columns == NULL || o->columns[k] == NULL)
            return hb_report(&s->report, HEBB_E_NULL, "name %zu of the columns is NULL", k);
    if (o->header > HEBB_CSV_NUMBERS || strchr("\"\n\r .+-", s->separator) != NULL)
        return hb_report(&s->report, HEBB_E_ARGUMENT,
                         "the header or the separator is out of range");
    if (o->header == HEBB_CSV_NUMBERS && (o->label != NULL || o->n_columns > 0))
        return hb_report(&s->report, HEBB_E_ARGUMENT, "%s by name %s a row of names",
                         o->label != NULL ? "a label" : "columns",
                         o->label != NULL ? "wants" : "want");
    return HEBB_OK;
}

hebb_status hebb_read_csv_with(const char *path, hebb_table *table, char *message, size_t size,
                               const hebb_csv_options *options) {
    static const hebb_csv_options defaults = {0};
    sheet s = {.options = options != NULL ? options : &defaults};
    hebb_table fresh = {0};
    hebb_status status = hb_report_begin(&s.report, path, message, size);
    if (status != HEBB_OK) return status;
    if (table == NULL) return hb_report(&s.report, HEBB_E_NULL, "the table is NULL");
    s.separator = s.options->separator == '\0' ? ',' : s.options->separator;
    status = check_options(&s);
    if (status != HEBB_OK) return status;
    s.locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (s.locale == (locale_t)0) return out_of_memory(&s);
    status = cut_text(&s);
    if (status == HEBB_OK) status = find_label(&s);
    if (status == HEBB_OK) status = find_first(&s);
    if (status == HEBB_OK) status = find_kept(&s);
    if (status == HEBB_OK) status = take_columns(&s, &fresh);
    if (status == HEBB_OK) status = take_values(&s, &fresh);
    if (status == HEBB_OK) status = take_labels(&s, &fresh);
    freelocale(s.locale);
    free(s.text);
    free(s.cells);
    free(s.lines);
    free(s.kept);
    hebb_table_free(status == HEBB_OK ? table : &fresh);
    if (status == HEBB_OK) *table = fresh;
    return status;
}
