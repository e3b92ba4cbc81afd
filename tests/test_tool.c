/* The tool `hebb`, run as a user runs it: what it prints and how it exits, also when the driver
   under it fails or dies. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <criterion/criterion.h>

#include "support/devices.h"

#define OUTPUT_SIZE 65536

/* Runs the tool with these arguments; returns its exit status, and both its outputs in `output`. */
static int run(const char *environment, const char *arguments, char *output) {
    char command[2048];
    snprintf(command, sizeof command, "%s '" TOOL "' %s 2>&1", environment, arguments);
    FILE *from = popen(command, "r");
    cr_assert_not_null(from);
    size_t n = fread(output, 1, OUTPUT_SIZE - 1, from);
    output[n] = '\0';
    int status = pclose(from);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void expect(const char *arguments, int status, const char *words) {
    static char output[OUTPUT_SIZE];
    cr_expect_eq(run("", arguments, output), status, "hebb %s: %s", arguments, output);
    cr_expect(strstr(output, words) != NULL, "hebb %s: no \"%s\" in: %s", arguments, words, output);
}

Test(tool, explains_itself) {
    expect("--help", 0, "Usage: hebb COMMAND");
    expect("bench --help", 0, "Usage: hebb bench");
    expect("check --help", 0, "Usage: hebb check");
    expect("devices --help", 0, "Usage: hebb devices");
    expect("--version", 0, "hebb 0.");
    expect("devices", 0, "cpu");
}

Test(tool, says_what_is_wrong_with_its_arguments) {
    expect("", 2, "Usage:");
    expect("chekc", 2, "there is no command chekc");
    expect("devices now", 2, "takes no argument now");
    expect("bench nonesuch", 2, "there is no workload nonesuch");
    expect("bench --fast", 2, "no such option: --fast");
    expect("bench --device", 2, "a value is missing after --device");
    expect("bench --seconds soon", 2, "not a number of seconds: soon");
    expect("bench --device nonesuch xor", 2, "nonesuch");
    expect("check --fast", 2, "no such option: --fast");
    expect("check --op", 2, "a value is missing after --op");
    expect("check --op convolve", 2, "there is no operation convolve");
    expect("check --timeout soon", 2, "not a number of seconds: soon");
    expect("check --device nonesuch --op add", 2, "nonesuch");
}

/* A line an op, of no more than 80 columns. */
Test(tool, checks_ops_a_line_each) {
    static char output[OUTPUT_SIZE];
    int status = run("", "check --device cpu --op add --op sparse_softmax_cross_entropy", output);
    cr_expect_eq(status, 0, "%s", output);
    const char *line = strstr(output, "\nadd ");
    cr_assert_not_null(line, "%s", output);
    cr_expect_leq(strcspn(line + 1, "\n"), 80);
    line = strstr(output, "\nsparse_softmax_cross_entropy ");
    cr_assert_not_null(line, "%s", output);
    cr_expect_leq(strcspn(line + 1, "\n"), 80);
    cr_expect(strstr(output, "2 ops, ") && strstr(output, "all passed"), "%s", output);
}

Test(tool, tells_every_check_if_asked) {
    expect("check --device cpu --op not --verbose", 0, "views and copies");
}

/* ---- where the time goes ---- */

/* The milliseconds of the row that begins there. */
static double milliseconds(const char *line) { return strtod(line, NULL); }

Test(tool, profiles_workloads_slowest_step_first) {
    static char output[OUTPUT_SIZE];
    cr_expect_eq(run("", "bench --seconds 0.01 mlp", output), 0, "%s", output);
    cr_expect(strstr(output, "mlp on cpu: ") == output, "%s", output);
    cr_expect_not_null(strstr(output, "m, k, n [128, 784, 512] ("), "%s", output);
    for (const char *line = output; *line != '\0'; line += strcspn(line, "\n") + 1)
        cr_expect_leq(strcspn(line, "\n"), 100, "%s", output);
    const char *line = strstr(output, "shapes (solver)\n");
    cr_assert_not_null(line, "%s", output);
    double last = HUGE_VAL, all = 0;
    while ((line = strchr(line, '\n')) != NULL && line[1] != '\n') {
        line++;
        if (strspn(line, " ") > 20) continue; /* the rest of a long step */
        cr_expect_leq(milliseconds(line), last, "%s", output);
        last = milliseconds(line);
        all += strtod(line + 10, NULL);
    }
    cr_expect_float_eq(all, 100, 1, "%s", output);
}

Test(tool, lists_workloads) { expect("bench --list", 0, "transformer\n"); }

/* ---- a GPU: what is chosen unless one says otherwise ---- */

#ifdef GPU_OPENCL
Test(tool, prefers_a_gpu) {
    static char output[OUTPUT_SIZE];
    const char *environment =
        "env LD_PRELOAD='" GPU_OPENCL "' ASAN_OPTIONS=verify_asan_link_order=0";
    hebb_device_close(opencl_device()); /* or the test is skipped */
    cr_expect_eq(run(environment, "devices", output), 0, "%s", output);
    cr_expect(strstr(output, "compute units") != NULL, "%s", output);
    cr_expect_eq(run(environment, "check --op not", output), 0, "%s", output);
    cr_expect(strstr(output, "opencl:0") != NULL, "%s", output);
    cr_expect_eq(run("", "devices", output), 0, "%s", output);
    cr_expect(strstr(output, "compute units") == NULL, "%s", output);
}
#endif

/* ---- a driver that breaks: each op is a failure, and the next one is tried ---- */

#ifdef BROKEN_OPENCL
static int run_broken(const char *how, const char *arguments, char *output) {
    char environment[1024];
    hebb_device_close(opencl_device()); /* or the test is skipped */
    snprintf(environment, sizeof environment,
             "env LD_PRELOAD='" BROKEN_OPENCL "' HEBB_TESTS_BREAK=%s HEBB_CACHE=never "
             "ASAN_OPTIONS=verify_asan_link_order=0",
             how);
    return run(environment, arguments, output);
}

static void expect_failures(const char *how, const char *words) {
    static char output[OUTPUT_SIZE];
    int status = run_broken(how, "check --device opencl --op add --op mul", output);
    cr_expect_eq(status, 1, "%s", output);
    cr_expect(strstr(output, "2 ops FAILED") != NULL, "%s", output);
    cr_expect(strstr(output, words) != NULL, "no \"%s\" in: %s", words, output);
}

Test(tool, outlives_kernels_that_do_not_build) {
    expect_failures("build", "add: forward f32 on opencl:0: ");
}
/* As on POCL where processes share its cache. */
Test(tool, builds_again_what_did_not_build_once) {
    static char output[OUTPUT_SIZE];
    int status = run_broken("once", "bench --device opencl --seconds 0.01 xor", output);
    cr_expect_eq(status, 0, "%s", output);
}
Test(tool, outlives_a_driver_that_aborts) { expect_failures("abort", "add: forward f32: Aborted"); }
#endif
