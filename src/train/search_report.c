/* The table of a search's best trials (hebb/search.h). As many parameters stand beside each other
   as 79 columns hold; the others follow in a table below. */
#include <stdio.h>
#include <string.h>

#include "search.h"

enum { WIDTH = 79, LEAD = 27, MOST_WIDTH = 16 };

/* A value in four digits, unless it is one of a list. */
static const char *short_text(const parameter *p, double value, char text[HB_NUMBER_SIZE]) {
    if (p->kind == HEBB_SEARCH_CHOICE || p->kind == HEBB_SEARCH_TEXT)
        return hb_value_text(p, value, text);
    snprintf(text, HB_NUMBER_SIZE, p->kind == HEBB_SEARCH_INTEGER ? "%.0f" : "%.4g", value);
    return text;
}

static int text_width(const char *text) {
    int n = (int)strlen(text);
    return n > MOST_WIDTH ? MOST_WIDTH : n;
}

/* Of a parameter's column: its name or its longest value. */
static int width_of(const hebb_search *s, size_t k, size_t shown) {
    char text[HB_NUMBER_SIZE];
    int width = text_width(s->parameters[k].name);
    for (size_t i = 0; i < shown; i++) {
        int n = text_width(short_text(&s->parameters[k], s->records[i]->values[k], text));
        if (n > width) width = n;
    }
    return width;
}

/* Parameters from `from` to below `to`. */
static void print_part(const hebb_search *s, size_t from, size_t to, size_t shown, FILE *out) {
    char text[HB_NUMBER_SIZE];
    fprintf(out, "%3s %5s %9s %7s", "", "trial", "score", "+-");
    for (size_t k = from; k < to; k++)
        fprintf(out, "  %*.*s", width_of(s, k, shown), MOST_WIDTH, s->parameters[k].name);
    fputc('\n', out);
    for (size_t i = 0; i < shown; i++) {
        const record *r = s->records[i];
        fprintf(out, "%3zu %5lld %9.5g %7.2g", i + 1, (long long)r->shown.number, r->shown.score,
                r->shown.deviation);
        for (size_t k = from; k < to; k++)
            fprintf(out, "  %*.*s", width_of(s, k, shown), MOST_WIDTH,
                    short_text(&s->parameters[k], r->values[k], text));
        fputc('\n', out);
    }
}

static void print_counts(const hebb_search *s, size_t done, FILE *out) {
    size_t abandoned = 0, failed = 0;
    double seconds = 0;
    const record *first = NULL;
    for (size_t k = 0; k < s->count; k++) {
        const record *r = s->records[k];
        seconds += r->shown.seconds;
        abandoned += r->shown.abandoned;
        failed += r->message != NULL;
        if (first == NULL && r->message != NULL) first = r;
    }
    fprintf(out, "%zu trials in %.1f s: %zu done, %zu abandoned, %zu failed\n", s->count, seconds,
            done, abandoned, failed);
    if (first != NULL)
        fprintf(out, "trial %lld failed: %.55s\n", (long long)first->shown.number, first->message);
}

hebb_status hebb_search_print(const hebb_search *s, size_t most, FILE *out) {
    if (s == NULL || out == NULL) return HEBB_E_NULL;
    size_t done = 0;
    while (done < s->count && s->records[done]->message == NULL &&
           !s->records[done]->shown.abandoned)
        done++;
    size_t shown = done < most ? done : most;
    for (size_t from = 0, to; shown > 0 && from < s->n_parameters; from = to) {
        int width = LEAD;
        for (to = from; to < s->n_parameters; to++) {
            width += 2 + width_of(s, to, shown);
            if (width > WIDTH && to > from) break;
        }
        print_part(s, from, to, shown, out);
    }
    print_counts(s, done, out);
    return ferror(out) ? HEBB_E_FILE : HEBB_OK;
}
