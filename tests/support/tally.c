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

void tally(const char *op, const char *check, const char *device, size_t samples) {
    const char *path = getenv(VARIABLE);
    FILE *file = path == NULL || samples == 0 ? NULL : fopen(path, "a");
    if (file == NULL) return;
    fprintf(file, "%s|%s|%s %zu\n", op, check, device, samples);
    fclose(file);
}

ReportHook(PRE_ALL)(struct criterion_test_set *tests) {
    char path[] = "/tmp/hebb-tests-XXXXXX";
    int descriptor = mkstemp(path);
    if (descriptor < 0) return;
    close(descriptor);
    setenv(VARIABLE, path, 1);
}

static int compare_lines(const void *a, const void *b) { return strcmp(a, b); }

/* Sorts the lines, so that triples checked by several tests count once. */
static void print_totals(FILE *file) {
    size_t count = 0, capacity = 1024, triples = 0, samples = 0;
    char(*lines)[LINE_SIZE] = malloc(capacity * sizeof *lines);
    while (lines != NULL && fgets(lines[count], LINE_SIZE, file) != NULL) {
        char *space = strrchr(lines[count], ' ');
        if (space == NULL) continue;
        samples += (size_t)strtoul(space, NULL, 10);
        *space = '\0';
        if (++count < capacity) continue;
        capacity *= 2;
        void *more = realloc(lines, capacity * sizeof *lines);
        if (more == NULL) break;
        lines = more;
    }
    if (lines != NULL) qsort(lines, count, sizeof *lines, compare_lines);
    for (size_t i = 0; i < count; i++) triples += i == 0 || strcmp(lines[i], lines[i - 1]) != 0;
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
