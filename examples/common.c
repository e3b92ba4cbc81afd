/* Options and clock of the examples. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common.h"

static void print_help(const char *program, const char *about, const option *options,
                       size_t count) {
    printf("usage: %s [OPTION [VALUE]]...\n%s\n\n", program, about);
    int width = 8;
    for (size_t i = 0; i < count; i++)
        if ((int)strlen(options[i].name) > width) width = (int)strlen(options[i].name);
    for (size_t i = 0; i < count; i++) {
        char preset[256];
        if (options[i].least == FLAG) snprintf(preset, sizeof preset, "(default off)");
        else if (options[i].text != NULL)
            snprintf(preset, sizeof preset, "(default %s)",
                     *options[i].text != NULL ? *options[i].text : "none");
        else snprintf(preset, sizeof preset, "(default %ld)", *options[i].number);
        bool fits = (size_t)width + strlen(options[i].help) + strlen(preset) + 6 <= 80;
        printf("  --%-*s %s", width, options[i].name, options[i].help);
        if (fits) printf(" %s\n", preset);
        else printf("\n%*s%s\n", width + 5, "", preset);
    }
}

static bool parse_number(const char *text, long least, long *number) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end != 0 || errno != 0 || value < least) return false;
    *number = value;
    return true;
}

static void fail_option(const char *program, const char *argument, const char *wrong) {
    fprintf(stderr, "%s: %s %s; --help lists the options\n", program, argument, wrong);
    exit(EXIT_FAILURE);
}

static const option *find_option(const char *argument, const option *options, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strncmp(argument, "--", 2) == 0 && strcmp(argument + 2, options[i].name) == 0)
            return &options[i];
    return NULL;
}

void parse_options(int argc, char **argv, const char *about, const option *options, size_t count) {
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help(argv[0], about, options, count);
            exit(EXIT_SUCCESS);
        }
        const option *chosen = find_option(argv[i], options, count);
        if (chosen == NULL) fail_option(argv[0], argv[i], "is not known");
        if (chosen->least == FLAG) {
            *chosen->number = 1;
            i--;
            continue;
        }
        if (i + 1 == argc) fail_option(argv[0], argv[i], "wants a value");
        if (chosen->text != NULL) *chosen->text = argv[i + 1];
        else if (!parse_number(argv[i + 1], chosen->least, chosen->number))
            fail_option(argv[0], argv[i + 1], "is not a number in range");
    }
}

double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}
