/* What the examples share and Hebb does not offer, because it belongs to programs: command-line
   options, a clock. Knows nothing of Hebb. */
#ifndef EXAMPLES_COMMON_H
#define EXAMPLES_COMMON_H

#include <limits.h>
#include <stddef.h>

/* `--name VALUE`; the value goes to *text or to *number, whichever is set. */
typedef struct option {
    const char *name, *help;
    const char **text;
    long *number;
    long least; /* a smaller number is an error; FLAG: there is no VALUE, --name makes it 1 */
} option;
#define FLAG LONG_MIN

/* Stores the values of the options that are given. Prints `about` and the options and exits for
   --help; says what is wrong and exits with 1 for an argument that is none of these. */
void parse_options(int argc, char **argv, const char *about, const option *options, size_t count);

/* The option that every example has. */
#define DEVICE_OPTION(variable)                                                                    \
    { "device", "cpu, opencl, opencl:1, part of a name, or auto", &(variable), NULL, 0 }
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Seconds since some moment. */
double now(void);

#endif
