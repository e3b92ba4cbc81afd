/* Golden values: files of tests/golden/, whose format scripts/golden/golden.py documents, and what
   the library makes of the same inputs. For test_golden.c. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include <hebb/hebb.h>

enum { GOLDEN_TENSORS = 20, GOLDEN_OPTIONS = 16, GOLDEN_NUMBERS = 8, GOLDEN_NAME = 32 };

typedef struct golden_tensor {
    char name[GOLDEN_NAME];
    hebb_array value; /* f32 */
} golden_tensor;

typedef struct golden_option {
    char name[GOLDEN_NAME];
    char text[GOLDEN_NAME];
    int n; /* of numbers; 0 if the text is something else */
    int64_t number[GOLDEN_NUMBERS];
} golden_option;

typedef struct golden_case {
    char name[GOLDEN_NAME];
    int line; /* of the file */
    int n_tensors, n_options;
    golden_tensor tensor[GOLDEN_TENSORS];
    golden_option option[GOLDEN_OPTIONS];
} golden_case;

/* Reads the next case; false at the end of the file, and with *wrong set to what is wrong where the
   file is not what it should be. */
typedef struct golden_file golden_file;
golden_file *golden_open(const char *path);
bool golden_next(golden_file *file, golden_case *c, const char **wrong);
void golden_close(golden_file *file);
void golden_free(golden_case *c);

const hebb_array *golden_find(const golden_case *c, const char *name); /* NULL if there is none */
/* An option's numbers in to[n]: a single one counts for all, missing ones are `usual`. */
void golden_numbers(const golden_case *c, const char *name, int64_t usual, int64_t *to, int n);
int golden_count(const golden_case *c, const char *name); /* of an option's numbers */
/* An option as it is written, "" if there is none; and as a real number. */
const char *golden_text(const golden_case *c, const char *name);
double golden_real(const golden_case *c, const char *name);

/* Builds the case's op on inputs x[...] of the names given, in that order. An input i is i32, all
   others are f32. */
typedef hebb_tensor *golden_build(const golden_case *c, hebb_tensor *const *x);
typedef struct golden_op {
    const char *name, *inputs; /* "xw": a letter an input; fewer where the case has fewer */
    golden_build *build;
} golden_op;
extern const golden_op golden_ops[]; /* golden_ops.c; a row without a name ends them */
/* What differs, or "". */
typedef struct golden_why {
    char text[512];
} golden_why;
/* Compares y and what gradients the file has with the file's, for n cases in one graph, which a
   device compiles together. A case that cannot be built or a run that fails stops them all. */
void golden_check(const golden_case *c, const golden_op *const *op, int n, hebb_device *device,
                  double tolerance, golden_why *why);

#endif
