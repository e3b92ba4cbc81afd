/* The count of checked triples: see tally.h. Each test runs in a process of its own, so that they
   append lines to a file that the runner names in the environment, and reads at the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/hooks.h>

#include "tally.h"

#define VARIABLE  "HEBB_TESTS_TALLY"
#define LINE_SIZE 256

/* A line is the kind of note, a number, and text; its end is cut to fit. */
static void note(const char *kind, size_t number, const char *text) {
    const char *path = getenv(VARIABLE);
    FILE *file = path == NULL ? NULL : fopen(path, "a");
    if (file == NULL) return;
    fprintf(file, "%s %zu %.*s\n", kind, number, LINE_SIZE - 40, text);
    fclose(file);
}

void tally(const char *op, const char *check, const char *device, size_t samples) {
    char text[LINE_SIZE];
    snprintf(text, sizeof text, "%s|%s|%s", op, check, device);
    if (samples > 0) note("checked", samples, text);
}

/* The op comes last: lines that differ only in it are printed as one. */
void tally_skipped(const char *op, const char *check, const char *device, const char *reason) {
    char text[LINE_SIZE];
    snprintf(text, sizeof text, "%s on %s: %s", check, device, reason);
    note("skipped", 1, text);
}

void tally_left_out(const char *check, const char *device, size_t samples, const char *reason) {
    char text[LINE_SIZE];
    snprintf(text, sizeof text, "%s on %s: %s", check, device, reason);
    note("left", samples, text);
}

ReportHook(PRE_ALL)(struct criterion_test_set *tests) {
    char path[] = "/tmp/hebb-tests-XXXXXX";
    int descriptor = mkstemp(path);
    if (descriptor < 0) return;
    close(descriptor);
    setenv(VARIABLE, path, 1);
}

/* ---- the totals ---- */

typedef struct line {
    char kind[16], text[LINE_SIZE];
    unsigned long number;
} line;

static int compare_lines(const void *a, const void *b) {
    const line *x = a, *y = b;
    int by_kind = strcmp(x->kind, y->kind);
    return by_kind != 0 ? by_kind : strcmp(x->text, y->text);
}

static line *read_lines(FILE *file, size_t *count) {
    size_t capacity = 1024;
    line *lines = malloc(capacity * sizeof *lines);
    *count = 0;
    while (lines != NULL) {
        line *l = &lines[*count];
        if (fscanf(file, "%15s %lu %255[^\n]", l->kind, &l->number, l->text) != 3) break;
        if (++*count < capacity) continue;
        capacity *= 2;
        line *more = realloc(lines, capacity * sizeof *lines);
        if (more == NULL) break;
        lines = more;
    }
    return lines;
}

/* Sorts the lines, so that triples checked by several tests count once. */
static void print_totals(FILE *file) {
    size_t count, triples = 0, samples = 0;
    line *lines = read_lines(file, &count);
    if (lines == NULL) return;
    qsort(lines, count, sizeof *lines, compare_lines);
    for (size_t i = 0, next; i < count; i = next) {
        unsigned long sum = 0;
        for (next = i; next < count && compare_lines(&lines[i], &lines[next]) == 0; next++)
            sum += lines[next].number;
        const line *l = &lines[i];
        if (strcmp(l->kind, "skipped") == 0) printf("%lu ops skip %s\n", sum, l->text);
        else if (strcmp(l->kind, "left") == 0)
            printf("%lu samples are left out of %s\n", sum, l->text);
        else triples++, samples += sum;
    }
    printf("%zu (op, check, device) triples on %zu samples\n", triples, samples);
    free(lines);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats) {
    const char *path = getenv(VARIABLE);
    FILE *file = path == NULL ? NULL : fopen(path, "r");
    if (file == NULL) return;
    print_totals(file);
    fclose(file);
    unlink(path);
}
