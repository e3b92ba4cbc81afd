/* Examples as users run them: what they print, and how they end. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <criterion/criterion.h>

/* The exit status; what is printed goes to output. */
static int run(const char *arguments, char *output, size_t size) {
    char command[1024];
    snprintf(command, sizeof command, "'" EXAMPLES "'/%s 2>&1", arguments);
    FILE *from = popen(command, "r");
    cr_assert_not_null(from);
    size_t n = fread(output, 1, size - 1, from);
    output[n] = '\0';
    while (fgetc(from) != EOF) {
    }
    int status = pclose(from);
    cr_assert(WIFEXITED(status), "%s: %s", arguments, output);
    return WEXITSTATUS(status);
}

Test(examples, xor) {
    char output[16384];
    cr_expect_eq(run("xor", output, sizeof output), 0, "%s", output);
}

Test(examples, right_gradients_pass) {
    char output[16384];
    cr_expect_eq(run("custom_op", output, sizeof output), 0, "%s", output);
    cr_expect_null(strstr(output, "WRONG"), "%s", output);
}

Test(examples, wrong_gradients_are_shown) {
    char output[16384];
    cr_expect_eq(run("custom_op --wrong", output, sizeof output), 1, "%s", output);
    cr_expect_not_null(strstr(output, "WRONG"), "%s", output);
}

Test(examples, unknown_options_are_refused) {
    char output[16384];
    cr_expect_neq(run("custom_op --nonsense", output, sizeof output), 0, "%s", output);
    cr_expect_not_null(strstr(output, "--nonsense is not known"), "%s", output);
}
