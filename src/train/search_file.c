/* The file of a search (hebb/search.h): a line a trial, comma-separated,

     trial,units,rate,status,score,deviation,scores,seed,seconds,message
     1,32,0.001,done,0.95,0.01,0.94;0.96,1,0.8,

   with the parameters' names and values in the middle. What is read back is checked against the
   search, and the line is named that does not fit. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/point.h"
#include "search.h"

enum { LATER_FIELDS = 7 };
static const char *const later_names[LATER_FIELDS] = {"status", "score",   "deviation", "scores",
                                                      "seed",   "seconds", "message"};
static const char *const stati[] = {"done", "abandoned", "failed"};

static const char *status_of(const record *r) {
    return stati[r->shown.message != NULL ? 2 : r->shown.abandoned ? 1 : 0];
}

/* ---- reading ---- */

static hebb_status row_fail(hebb_search *s, int64_t row, const char *format, ...) {
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return hb_search_fail(s, HEBB_E_FORMAT, "%s: row %lld: %s", s->options.file, (long long)row,
                          what);
}

/* Cuts the next field off a line, without its quotes; NULL at the line's end, or if a quoted field
   is followed by anything but a comma. */
static char *next_field(char **line) {
    char *from = *line, *to, *field;
    if (from == NULL) return NULL;
    if (*from != '"') {
        char *comma = strchr(from, ',');
        if (comma != NULL) *comma = 0;
        *line = comma == NULL ? NULL : comma + 1;
        return from;
    }
    field = to = ++from;
    while (*from != 0 && (*from != '"' || from[1] == '"')) {
        from += *from == '"';
        *to++ = *from++;
    }
    if (from[0] != '"' || (from[1] != ',' && from[1] != 0)) return NULL;
    *line = from[1] == ',' ? from + 2 : NULL;
    *to = 0;
    return field;
}

static const char *name_of(const hebb_search *s, size_t k) {
    if (k == 0) return "trial";
    return k <= s->n_parameters ? s->parameters[k - 1].name : later_names[k - 1 - s->n_parameters];
}

static size_t field_count(const hebb_search *s) { return 1 + s->n_parameters + LATER_FIELDS; }

static hebb_status read_names(hebb_search *s, char *line) {
    for (size_t k = 0; k < field_count(s); k++) {
        const char *field = next_field(&line), *want = name_of(s, k);
        if (field == NULL || strcmp(field, want) != 0)
            return row_fail(s, 1, "column %zu is %.40s, not %s; no file of this search", k + 1,
                            field == NULL ? "missing" : field, want);
    }
    return line == NULL ? HEBB_OK : row_fail(s, 1, "it has more columns than this search");
}

static bool read_number(const char *text, double *number) {
    char *end;
    *number = strtod(text, &end);
    return end != text && *end == 0;
}

/* "0.94;0.96" */
static bool read_scores(record *r, char *text, int64_t folds) {
    while (*text != 0) {
        char *end;
        double score = strtod(text, &end);
        if (end == text || (*end != ';' && *end != 0) || r->shown.scored == folds ||
            !isfinite(score))
            return false;
        r->scores[r->shown.scored++] = score;
        text = *end == ';' ? end + 1 : end;
    }
    return true;
}

/* status, scores, message */
static hebb_status read_outcome(hebb_search *s, record *r, char *const *fields, int64_t row) {
    hebb_trial *t = &r->shown;
    int which = 0;
    while (which < 3 && strcmp(fields[0], stati[which]) != 0) which++;
    if (which == 3) return row_fail(s, row, "\"%.40s\" is no status", fields[0]);
    if (!read_scores(r, fields[3], s->n_folds) || (which < 2 && t->scored == 0) ||
        (which == 0 && t->scored != s->n_folds))
        return row_fail(s, row, "\"%.60s\" are not the scores of a trial of %lld fold%s that is %s",
                        fields[3], (long long)s->n_folds, s->n_folds == 1 ? "" : "s", fields[0]);
    char *end;
    if (strtoull(fields[4], &end, 10) != s->options.seed || end == fields[4] || *end != 0)
        return row_fail(s, row, "its seed is %.40s, not %llu", fields[4],
                        (unsigned long long)s->options.seed);
    if (!read_number(fields[5], &t->seconds))
        return row_fail(s, row, "\"%.40s\" are no seconds", fields[5]);
    t->abandoned = which == 1;
    if (which == 2) t->message = r->message = strdup(fields[6]);
    if (which == 2 && r->message == NULL)
        return hb_search_fail(s, HEBB_E_MEMORY, "search: out of memory");
    hb_record_score(r);
    return HEBB_OK;
}

static hebb_status read_row(hebb_search *s, char *line, int64_t row, char **fields) {
    size_t n = 0, wanted = field_count(s);
    double number;
    for (char *field; n < wanted && (field = next_field(&line)) != NULL;) fields[n++] = field;
    if (n < wanted || line != NULL)
        return row_fail(s, row, "it has %s columns than the first row, or an open quote",
                        n < wanted ? "fewer" : "more");
    if (!read_number(fields[0], &number) || !(number >= 1 && number < 0x1p53))
        return row_fail(s, row, "\"%.40s\" is no number of a trial", fields[0]);
    record *r = hb_record_add(s);
    if (r == NULL) return s->status;
    r->shown.number = (int64_t)number;
    for (size_t k = 0; k < s->n_parameters; k++)
        if (!hb_value_read(&s->parameters[k], fields[k + 1], &r->values[k]))
            return row_fail(s, row, "%s is %.40s, which this search would not try",
                            s->parameters[k].name, fields[k + 1]);
    if (hb_record_find(s, r->values) != r)
        return row_fail(s, row, "these values were there in a row before");
    return read_outcome(s, r, fields + 1 + s->n_parameters, row);
}

/* The rows of a text that ends in a line break. */
static hebb_status read_rows(hebb_search *s, char *text) {
    char **fields = calloc(field_count(s), sizeof *fields);
    if (fields == NULL) return hb_search_fail(s, HEBB_E_MEMORY, "search: out of memory");
    hebb_status status = HEBB_OK;
    for (char *end; status == HEBB_OK && (end = strchr(text, '\n')) != NULL; text = end + 1) {
        *end = 0;
        if (end > text && end[-1] == '\r') end[-1] = 0;
        s->rows++;
        status = s->rows == 1 ? read_names(s, text) : read_row(s, text, s->rows, fields);
    }
    free(fields);
    return status;
}

/* ---- writing ---- */

static void write_text(FILE *file, const char *text) {
    if (strpbrk(text, ",\"\n\r") == NULL) {
        fputs(text, file);
        return;
    }
    fputc('"', file);
    for (; *text != 0; text++) {
        if (*text == '"') fputc('"', file);
        fputc(*text == '\n' || *text == '\r' ? ' ' : *text, file); /* a trial stays on its line */
    }
    fputc('"', file);
}

static hebb_status file_fail(hebb_search *s, const char *what) {
    return hb_search_fail(s, HEBB_E_FILE, "%s: row %lld: cannot be %s: %s", s->options.file,
                          (long long)s->rows + 1, what, strerror(errno));
}

static hebb_status end_row(hebb_search *s) {
    fputc('\n', s->file);
    if (fflush(s->file) != 0 || ferror(s->file)) return file_fail(s, "written");
    s->rows++;
    return HEBB_OK;
}

static hebb_status write_names(hebb_search *s) {
    for (size_t k = 0; k < field_count(s); k++) {
        if (k > 0) fputc(',', s->file);
        fputs(name_of(s, k), s->file);
    }
    return end_row(s);
}

static void write_row(const hebb_search *s, const record *r) {
    char text[HB_NUMBER_SIZE];
    const hebb_trial *t = &r->shown;
    fprintf(s->file, "%lld", (long long)t->number);
    for (size_t k = 0; k < s->n_parameters; k++) {
        fputc(',', s->file);
        write_text(s->file, hb_value_text(&s->parameters[k], r->values[k], text));
    }
    fprintf(s->file, ",%s,", status_of(r));
    if (t->scored > 0) {
        fprintf(s->file, "%s,", hb_number_text(t->score, text));
        fputs(hb_number_text(t->deviation, text), s->file);
    } else fputc(',', s->file);
    for (int64_t k = 0; k < t->scored; k++)
        fprintf(s->file, "%c%s", k == 0 ? ',' : ';', hb_number_text(t->scores[k], text));
    fprintf(s->file, "%s,%llu,%.3f,", t->scored > 0 ? "" : ",", (unsigned long long)s->options.seed,
            t->seconds);
    write_text(s->file, t->message == NULL ? "" : t->message);
}

hebb_status hb_file_add(hebb_search *s, const record *r) {
    if (s->file == NULL) return HEBB_OK;
    locale_t before = hb_point_begin();
    write_row(s, r);
    hb_point_end(before);
    return end_row(s);
}

/* ---- opening ---- */

/* All of an open file, with a zero after it. */
static char *read_all(FILE *file, size_t size) {
    char *text = malloc(size + 1);
    if (text == NULL) return NULL;
    text[fread(text, 1, size, file)] = 0;
    return text;
}

/* Whether text is what is left of a first line whose writing was cut short. */
static bool is_begun_names(const hebb_search *s, const char *text) {
    for (size_t k = 0; k < field_count(s); k++) {
        const char *name = name_of(s, k);
        if (k > 0 && *text != 0 && *text++ != ',') return false;
        size_t n = strlen(text) < strlen(name) ? strlen(text) : strlen(name);
        if (memcmp(text, name, n) != 0) return false;
        text += n;
    }
    return *text == 0;
}

/* Reads the rows of the file and goes to its end, which is that of the last whole row. */
static hebb_status go_on(hebb_search *s, size_t size) {
    char *text = read_all(s->file, size);
    if (text == NULL) return hb_search_fail(s, HEBB_E_MEMORY, "search: out of memory");
    if (ferror(s->file)) {
        free(text);
        return file_fail(s, "read");
    }
    char *last = strrchr(text, '\n');
    hebb_status status = HEBB_OK;
    size_t whole = last == NULL ? 0 : (size_t)(last + 1 - text);
    if (strlen(text) != size) status = row_fail(s, 1, "it has a zero byte, so it is no text");
    else if (last == NULL && !is_begun_names(s, text)) status = read_names(s, text);
    else if (last != NULL) status = read_rows(s, text);
    free(text);
    if (status != HEBB_OK) return status;
    if (fseek(s->file, (long)whole, SEEK_SET) != 0 ||
        (whole < size && ftruncate(fileno(s->file), (off_t)whole) != 0))
        return file_fail(s, "shortened");
    return HEBB_OK;
}

hebb_status hb_file_open(hebb_search *s) {
    struct stat about;
    if (s->options.file == NULL) return HEBB_OK;
    bool there = stat(s->options.file, &about) == 0 && S_ISREG(about.st_mode);
    s->file = fopen(s->options.file, there ? "r+b" : "wb");
    if (s->file == NULL) return file_fail(s, "opened");
    locale_t before = hb_point_begin();
    hebb_status status = there ? go_on(s, (size_t)about.st_size) : HEBB_OK;
    hb_point_end(before);
    return status == HEBB_OK && s->rows == 0 ? write_names(s) : status;
}

void hb_file_close(hebb_search *s) {
    if (s->file == NULL) return;
    if (fclose(s->file) != 0 && s->status == HEBB_OK) file_fail(s, "written");
    s->file = NULL;
}
