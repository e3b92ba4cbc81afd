/* OpenCL kernels beyond the device at hand: scripts/check-kernels runs them under Oclgrind, for
   races, accesses out of bounds and uninitialized values, and compiles them for AMD and NVIDIA,
   which must not warn, spill or use doubles unasked. A test is one of its groups. */
#include <stdio.h>
#include <sys/wait.h>

#include <criterion/criterion.h>

enum { SKIPPED = 77 };

static void check(const char *group) {
    static char command[1024], output[16384];
    snprintf(command, sizeof command, "'" CHECK_KERNELS "' --build '" BUILD "' %s 2>&1", group);
    FILE *from = popen(command, "r");
    cr_assert_not_null(from);
    size_t n = fread(output, 1, sizeof output - 1, from);
    output[n] = '\0';
    while (fgetc(from) != EOF) {
    }
    int status = pclose(from);
    if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
        printf("skipped: %s: %s", group, output);
        cr_skip_test("%s", output);
    }
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", output);
}

Test(kernels, hand_written) { check("hand_written"); }
Test(kernels, loops_gpu) { check("loops_gpu"); }
Test(kernels, loops_cpu) { check("loops_cpu"); }
Test(kernels, reductions_gpu) { check("reductions_gpu"); }
Test(kernels, reductions_cpu) { check("reductions_cpu"); }
Test(kernels, split_reductions_gpu) { check("split_reductions_gpu"); }
Test(kernels, split_reductions_cpu) { check("split_reductions_cpu"); }
Test(kernels, rows_gpu) { check("rows_gpu"); }
Test(kernels, rows_cpu) { check("rows_cpu"); }
Test(kernels, small_steps_gpu) { check("small_steps_gpu"); }
Test(kernels, small_steps_cpu) { check("small_steps_cpu"); }
Test(kernels, teams_gpu) { check("teams_gpu"); }
Test(kernels, teams_cpu) { check("teams_cpu"); }
Test(kernels, tiled_gpu) { check("tiled_gpu"); }
Test(kernels, short_gpu) { check("short_gpu"); }
Test(kernels, vector_cpu) { check("vector_cpu"); }
Test(kernels, reference_gpu) { check("reference_gpu"); }
Test(kernels, reference_cpu) { check("reference_cpu"); }
Test(kernels, convolutions_gpu) { check("convolutions_gpu"); }
Test(kernels, convolutions_cpu) { check("convolutions_cpu"); }
Test(kernels, shifted_cpu) { check("shifted_cpu"); }
Test(kernels, windows_gpu) { check("windows_gpu"); }
Test(kernels, winograd_gpu) { check("winograd_gpu"); }
Test(kernels, winograd_cpu) { check("winograd_cpu"); }
Test(kernels, folds_gpu) { check("folds_gpu"); }
Test(kernels, folds_cpu) { check("folds_cpu"); }
Test(kernels, indexed_gpu) { check("indexed_gpu"); }
Test(kernels, indexed_cpu) { check("indexed_cpu"); }
Test(kernels, along_gpu) { check("along_gpu"); }
Test(kernels, along_cpu) { check("along_cpu"); }
Test(kernels, scan_gpu) { check("scan_gpu"); }
Test(kernels, scan_cpu) { check("scan_cpu"); }
Test(kernels, user_ops_gpu) { check("user_ops_gpu"); }
Test(kernels, user_ops_cpu) { check("user_ops_cpu"); }
