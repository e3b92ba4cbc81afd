/* Vocabularies as files (hebb/text.h): how tokens are cut and how many there are, then a token a
   line. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/text.h>

#include "file.h"

static const char *const cuts[] = {"words", "words with case", "characters"};
enum { CUTS = sizeof cuts / sizeof *cuts };

/* ---- writing ---- */

static size_t escaped(const char *token, char *to) {
    size_t n = 0;
    for (; *token != '\0'; token++) {
        bool escapes = *token == '\n' || *token == '\r' || *token == '\\';
        if (escapes) to[n++] = '\\';
        to[n++] = *token == '\n' ? 'n' : *token == '\r' ? 'r' : *token;
    }
    to[n++] = '\n';
    return n;
}

/* All lines; *length of them. NULL if memory is out. */
static char *as_text(const hebb_vocabulary *v, size_t *length) {
    hebb_vocabulary_options o = hebb_vocabulary_made_with(v);
    int64_t n = hebb_vocabulary_size(v);
    size_t room = 80;
    for (int64_t k = 2; k < n; k++) room += 2 * strlen(hebb_vocabulary_token(v, (int32_t)k)) + 1;
    char *text = malloc(room);
    if (text == NULL) return NULL;
    size_t used = (size_t)snprintf(text, room, "hebb vocabulary, %" PRId64 " tokens, %s\n", n - 2,
                                   cuts[o.characters  ? 2
                                        : o.keep_case ? 1
                                                      : 0]);
    for (int64_t k = 2; k < n; k++)
        used += escaped(hebb_vocabulary_token(v, (int32_t)k), text + used);
    *length = used;
    return text;
}

hebb_status hebb_vocabulary_save(const hebb_vocabulary *v, const char *path, char *message,
                                 size_t size) {
    report r;
    hb_aside aside;
    size_t length;
    hebb_status status = hb_report_begin(&r, path, message, size);
    if (status != HEBB_OK) return status;
    if (v == NULL) return hb_report(&r, HEBB_E_NULL, "the vocabulary is NULL");
    char *text = as_text(v, &length);
    if (text == NULL) return hb_report(&r, HEBB_E_MEMORY, "out of memory");
    status = hb_aside_open(&aside, &r);
    if (status == HEBB_OK) status = hb_aside_write(&aside, text, length);
    status = hb_aside_close(&aside, status);
    free(text);
    return status;
}

/* ---- reading ---- */

/* Undoes escaped(), in place: cuts the line off the text, which is then what follows it. NULL if it
   has no end, or an escape that is none. */
static char *next_line(char **text) {
    char *line = *text, *to = line, *from = line;
    for (; *from != '\n'; from++, to++) {
        if (*from == '\\' && strchr("nr\\", from[1]) != NULL && from[1] != '\0') {
            from++;
            *to = (char)(*from == 'n' ? '\n' : *from == 'r' ? '\r' : '\\');
        } else if (*from == '\\' || *from == '\0') {
            return NULL;
        } else {
            *to = *from;
        }
    }
    *to = '\0';
    *text = from + 1;
    return line;
}

static bool read_header(const char *line, int64_t *n, hebb_vocabulary_options *o) {
    int at = 0, cut = 0;
    if (line == NULL || sscanf(line, "hebb vocabulary, %" SCNd64 " tokens, %n", n, &at) != 1 ||
        at == 0 || *n < 0)
        return false;
    while (cut < CUTS && strcmp(line + at, cuts[cut]) != 0) cut++;
    *o = (hebb_vocabulary_options){.characters = cut == 2, .keep_case = cut == 1, .tokens = true};
    return cut < CUTS;
}

static hebb_status parse(const report *r, char *text, size_t length, hebb_vocabulary **result) {
    hebb_vocabulary_options o;
    int64_t n;
    const char *end = text + length;
    if (!read_header(next_line(&text), &n, &o))
        return hb_report(r, HEBB_E_FORMAT, "no file of hebb_vocabulary_save()");
    if (n > end - text) /* a line has a byte at least: a count that lies asks for no memory */
        return hb_report(r, HEBB_E_FORMAT, "truncated: it has not %" PRId64 " tokens", n);
    const char **tokens = malloc(((size_t)n + 1) * sizeof *tokens);
    if (tokens == NULL) return hb_report(r, HEBB_E_MEMORY, "out of memory");
    int64_t k = 0;
    while (k < n && (tokens[k] = next_line(&text)) != NULL) k++;
    hebb_status status = HEBB_OK;
    if (k < n)
        status = hb_report(r, HEBB_E_FORMAT,
                           "truncated: token %" PRId64 " of %" PRId64 " has no end", k + 1, n);
    else if (text != end) status = hb_report(r, HEBB_E_FORMAT, "more than %" PRId64 " tokens", n);
    if (status == HEBB_OK) {
        *result = hebb_vocabulary_create_with(tokens, (size_t)n, &o);
        if (*result == NULL) status = hb_report(r, HEBB_E_MEMORY, "out of memory");
    }
    free(tokens);
    return status;
}

hebb_status hebb_vocabulary_load(const char *path, hebb_vocabulary **result, char *message,
                                 size_t size) {
    report r;
    char *text;
    size_t length;
    if (result != NULL) *result = NULL;
    hebb_status status = hb_report_begin(&r, path, message, size);
    if (status != HEBB_OK) return status;
    if (result == NULL) return hb_report(&r, HEBB_E_NULL, "there is no place for the result");
    status = hebb_read_text(path, &text, &length, message, size);
    if (status != HEBB_OK) return status;
    status = parse(&r, text, length, result);
    free(text);
    return status;
}
