/* Memory over many fits (support/fits.c): it stays flat, and valgrind finds nothing. Ten thousand
   rounds of it with HEBB_TESTS_FULL=1, else a few. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <criterion/criterion.h>

#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 }; /* which has an allocator of its own, and finds what is lost by itself */
#else
enum { SANITIZED = 0 };
#endif

static bool full(void) {
    const char *value = getenv("HEBB_TESTS_FULL");
    return value != NULL && strcmp(value, "1") == 0;
}

/* The exit status; what is printed goes to output. */
static int run(const char *command, char *output, size_t size) {
    FILE *from = popen(command, "r");
    cr_assert_not_null(from);
    size_t n = fread(output, 1, size - 1, from);
    output[n] = 0;
    while (fgetc(from) != EOF) {
    }
    int status = pclose(from);
    cr_assert(WIFEXITED(status), "%s: %s", command, output);
    return WEXITSTATUS(status);
}

/* What the heap and the resident set grow by between a tenth of the rounds and all of them. */
static void expect_flat(const char *device, long times, double heap_room, double resident_room) {
    char command[1024], output[4096];
    double resident[2], heap[2];
    /* without the allocator's caches, which count as used */
    snprintf(command, sizeof command,
             "GLIBC_TUNABLES=glibc.malloc.tcache_count=0 '" FITS "' %s %ld 2>&1", device, times);
    int status = run(command, output, sizeof output);
    if (strstr(output, "no device \"opencl\"") != NULL) cr_skip_test("no OpenCL device");
    cr_assert_eq(status, 0, "%s", output);
    if (SANITIZED) return;
    cr_assert_eq(sscanf(output, "resident %lf %lf heap %lf %lf", &resident[0], &resident[1],
                        &heap[0], &heap[1]),
                 4, "%s", output);
    printf("%ld rounds on %s: the heap grew by %.0f bytes, the resident set by %.0f of %.0f\n",
           times, device, heap[1] - heap[0], resident[1] - resident[0], resident[1]);
    cr_expect_lt(heap[1] - heap[0], heap_room, "%s", output);
    cr_expect_lt(resident[1] - resident[0], resident_room, "%s", output);
    cr_expect_gt(resident[0], 0);
}

Test(fits, leave_memory_flat) { expect_flat("cpu", full() ? 10000 : 1000, 4096, 512 << 10); }

/* The driver's own memory is not as exact. */
Test(fits, leave_memory_flat_on_opencl) {
    expect_flat("opencl", full() ? 1000 : 60, 1 << 20, 8 << 20);
}

Test(fits, valgrind_finds_nothing) {
    char command[1024], output[1 << 16];
    if (SANITIZED || run("valgrind --version 2>&1", output, sizeof output) != 0) {
        printf("skipped: no valgrind, or a sanitizer in its place\n");
        cr_skip_test("no valgrind");
    }
    snprintf(command, sizeof command,
             "valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite,indirect "
             "--show-leak-kinds=definite,indirect --error-exitcode=9 '" FITS "' cpu %d 2>&1",
             full() ? 10000 : 10);
    cr_expect_eq(run(command, output, sizeof output), 0, "%s", output);
    cr_expect_null(strstr(output, "=="), "%s", output);
}
