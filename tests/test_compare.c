/* scripts/compare: a table of 100 columns, and peers that compute something else or end early. The
   peers here are Hebb under other names; see support/peer. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <criterion/criterion.h>

enum { OUTPUT_SIZE = 1 << 16 };

/* Returns the exit status, and both outputs in `output`. */
static int compare(const char *environment, const char *arguments, char *output) {
    char command[2048];
    snprintf(command, sizeof command,
             "env BENCH='" BENCH "' HEBB_PEERS='" PEER "' %s '" COMPARE "' --bench '" BENCH
             "' --seconds 0.01 --rounds 2 %s 2>&1",
             environment, arguments);
    FILE *from = popen(command, "r");
    cr_assert_not_null(from);
    size_t n = fread(output, 1, OUTPUT_SIZE - 1, from);
    output[n] = '\0';
    int status = pclose(from);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *expect(const char *output, const char *words) {
    const char *at = strstr(output, words);
    cr_assert_not_null(at, "no \"%s\" in: %s", words, output);
    return at;
}

Test(compare, is_one_table) {
    static char output[OUTPUT_SIZE];
    cr_expect_eq(compare("", "--filter xor", output), 0, "%s", output);
    expect(output, "beside a pytorch");
    expect(output, "\nxor ");
    expect(output, "loss check: 1 training workloads agree");
    for (const char *line = output; *line != '\0'; line += strcspn(line, "\n") + 1)
        cr_expect_leq(strcspn(line, "\n"), 100, "%s", output);
}

Test(compare, checks_results_of_other_workloads) {
    static char output[OUTPUT_SIZE];
    cr_expect_eq(compare("", "--filter gemm_64", output), 0, "%s", output);
    expect(output, "loss check: 0 training workloads agree in ten losses, 2 others");
}

Test(compare, notices_other_work) {
    static char output[OUTPUT_SIZE];
    cr_expect_eq(compare("BREAK=loss", "--filter xor", output), 1, "%s", output);
    expect(output, "loss check: xor of JAX is other work");
    cr_expect_null(strstr(output, "agree"), "%s", output);
}

Test(compare, goes_on_without_a_peer_that_ends) {
    static char output[OUTPUT_SIZE];
    cr_expect_eq(compare("BREAK=death", "--filter xor", output), 0, "%s", output);
    expect(output, "not measured: xor, JAX: it was too much");
}

Test(compare, says_what_is_wrong_with_its_arguments) {
    static char output[OUTPUT_SIZE];
    cr_expect_neq(compare("", "--filter nonesuch", output), 0, "%s", output);
    expect(output, "no workload is called nonesuch");
    cr_expect_neq(compare("", "--device nonesuch", output), 0, "%s", output);
    expect(output, "nonesuch");
}
