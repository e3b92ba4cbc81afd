/* Examples as users run them: what they print, and how they end. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* The value of NAME=VALUE in the last line; NaN if it is not there. */
static double value_of(const char *output, const char *name) {
    const char *line = output;
    for (const char *c = output; *c != 0; c++)
        if (c[0] == '\n' && c[1] != 0) line = c + 1;
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%s=", name);
    const char *found = strstr(line, wanted);
    return found == NULL ? NAN : strtod(found + strlen(wanted), NULL);
}

static const char *const devices[] = {"cpu", "opencl"};

/* A few steps on each device; the loss falls. */
static void learns(const char *arguments) {
    for (int k = 0; k < 2; k++) {
        char command[512], output[16384];
        snprintf(command, sizeof command, "%s --device %s", arguments, devices[k]);
        int status = run(command, output, sizeof output);
        if (k == 1 && strstr(output, "no device \"opencl\"") != NULL) {
            printf("%s: no OpenCL device\n", arguments);
            return;
        }
        cr_expect_eq(status, 0, "%s: %s", command, output);
        double first = value_of(output, "first_loss"), last = value_of(output, "last_loss");
        cr_expect(last < first, "%s: the loss went from %g to %g\n%s", command, first, last,
                  output);
    }
}

Test(examples, neuron) {
    char output[16384];
    cr_expect_eq(run("neuron", output, sizeof output), 0, "%s", output);
    cr_expect_eq(value_of(output, "hebb"), 4);
    cr_expect_eq(value_of(output, "perceptron_or"), 4);
    cr_expect_lt(value_of(output, "perceptron_xor"), 4);
}

Test(examples, xor_needs_two_hidden_units) {
    char output[16384];
    cr_expect_eq(run("xor", output, sizeof output), 0, "%s", output);
    cr_expect_eq(value_of(output, "success_1"), 0, "%s", output);
    cr_expect_gt(value_of(output, "success_2"), 0.2, "%s", output);
    cr_expect_gt(value_of(output, "success_3"), 0.6, "%s", output);
}

Test(examples, xor) { learns("xor --epochs 60 --attempts 1"); }
Test(examples, three_layer) { learns("three_layer --epochs 300"); }
Test(examples, backprop) { learns("backprop"); }
Test(examples, descent) { learns("descent --epochs 4 --optimizer adam"); }
Test(examples, playground) {
    learns("playground --problem circle --hidden 8 --epochs 4 --regularization l2");
}
Test(examples, seq2seq) { learns("seq2seq --epochs 2 --examples 300"); }
Test(examples, cifar10) { learns("cifar10 --shapes 100 --epochs 2 --batch 10"); }
Test(examples, fashion_mnist) { learns("fashion_mnist --epochs 2 --steps 15"); }
Test(examples, autoencoder) { learns("autoencoder --epochs 2 --steps 8"); }
Test(examples, autoencoder_conv) {
    learns("autoencoder --model conv --denoise --epochs 2 --steps 4 --batch 32");
}
Test(examples, generate) { learns("generate --epochs 2 --steps 8 --batch 32"); }
/* Which of two adversaries wins is not known; both take their steps. */
Test(examples, generate_by_adversaries) {
    char output[16384];
    cr_expect_eq(run("generate --model gan --epochs 2 --steps 4 --batch 16", output, sizeof output),
                 0, "%s", output);
    const double share = value_of(output, "taken_for_real");
    cr_expect(share > 0 && share < 1, "%s", output);
    cr_expect_not_null(strstr(output, "epoch 2/2  critic "), "%s", output);
    cr_expect_neq(run("generate --model none", output, sizeof output), 0);
}
Test(examples, transfer) { learns("transfer --epochs 2 --steps 4 --few 2 --images 2 --seeds 1"); }
Test(examples, fashion_mnist_cnn) {
    learns("fashion_mnist --network cnn --epochs 2 --steps 4 --batch 32");
}

Test(examples, digits) { learns("digits --trials 1 --folds 2 --epochs 2"); }
Test(examples, regularise) { learns("regularise --epochs 2 --examples 50"); }
Test(examples, regularise_digits) {
    char output[16384];
    cr_expect_eq(run("regularise --epochs 4 --examples 50 --data /nowhere", output, sizeof output),
                 0, "%s", output);
    cr_expect_not_null(strstr(output, "50 digits to learn from"), "%s", output);
}
Test(examples, gradients) { learns("gradients --depth 4 --epochs 2"); }

/* What was saved forecasts the same in a program that never saw what it was learned from. */
Test(examples, forecast) {
    learns("forecast --epochs 2");
    char path[] = "/tmp/hebb-forecast-XXXXXX", command[256], output[16384];
    close(mkstemp(path));
    snprintf(command, sizeof command, "forecast --epochs 1 --save %s", path);
    cr_expect_eq(run(command, output, sizeof output), 0, "%s", output);
    const double error = value_of(output, "error");
    snprintf(command, sizeof command, "forecast --load %s", path);
    cr_expect_eq(run(command, output, sizeof output), 0, "%s", output);
    cr_expect_eq(value_of(output, "error"), error, "%s", output);
    unlink(path);
    cr_expect_neq(run(command, output, sizeof output), 0);
}

/* The second run has nothing left to search, and comes to the same end. */
Test(examples, digits_goes_on_from_a_file) {
    char path[] = "/tmp/hebb_trials_XXXXXX", command[128], output[2][16384];
    close(mkstemp(path));
    snprintf(command, sizeof command, "digits --trials 3 --folds 2 --epochs 2 --file %s", path);
    for (int k = 0; k < 2; k++)
        cr_expect_eq(run(command, output[k], sizeof output[k]), 0, "%s", output[k]);
    cr_expect_not_null(strstr(output[0], "trial 3 of 3"), "%s", output[0]);
    cr_expect_null(strstr(output[1], "of 3 "), "%s", output[1]);
    cr_expect_eq(value_of(output[0], "test_accuracy"), value_of(output[1], "test_accuracy"));
    unlink(path);
}

Test(examples, dqn_keeps_the_pole_upright) {
    char output[16384];
    cr_expect_eq(run("dqn", output, sizeof output), 0, "%s", output);
    cr_expect_geq(value_of(output, "mean_reward"), 195, "%s", output);
    cr_expect_eq(run("dqn --epochs 30 --device opencl", output, sizeof output), 0, "%s", output);
}

Test(examples, reinforce_keeps_the_pole_upright) {
    char output[16384];
    cr_expect_eq(run("reinforce", output, sizeof output), 0, "%s", output);
    cr_expect_geq(value_of(output, "mean_reward"), 195, "%s", output);
    cr_expect_eq(run("reinforce --epochs 3 --device opencl", output, sizeof output), 0, "%s",
                 output);
}

/* ---- those that read text: files of words made here ---- */

static const char *const words[] = {"good", "warm", "funny", "bad", "dull", "cold", "film", "the"};

/* n lines of eight words, of which those from `from` to below `to` are drawn. */
static void write_lines(const char *path, int n, int from, int to) {
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    unsigned state = 1;
    for (int k = 0; k < 8 * n; k++) {
        state = state * 1664525 + 1013904223;
        const char *word =
            k % 2 == 0 ? words[from + (int)(state >> 16) % (to - from)] : words[6 + k / 2 % 2];
        fprintf(file, "%s%c", word, k % 8 == 7 ? '\n' : ' ');
    }
    fclose(file);
}

static void with_text(const char *arguments, bool directory) {
    char folder[] = "/tmp/hebb_example_XXXXXX", path[128], command[512];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/rt-polarity.pos", folder);
    write_lines(path, 200, 0, 3);
    snprintf(command, sizeof command, "%s --data %s", arguments, directory ? folder : path);
    char negative[128];
    snprintf(negative, sizeof negative, "%s/rt-polarity.neg", folder);
    write_lines(negative, 200, 3, 6);
    learns(command);
    unlink(path);
    unlink(negative);
    rmdir(folder);
}

Test(examples, char_rnn) { with_text("char_rnn --epochs 2 --units 16 --sample 20", false); }
Test(examples, char_rnn_gru) {
    with_text("char_rnn --epochs 2 --units 16 --sample 20 --layer gru", false);
}
Test(examples, transformer) {
    with_text("transformer --epochs 2 --layers 1 --heads 2 --width 16 --length 16 --sample 20",
              false);
}
Test(examples, sentiment) { with_text("sentiment --epochs 3", true); }

Test(examples, names) {
    char path[] = "/tmp/hebb_names_XXXXXX", command[256];
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    for (int k = 0; k < 300; k++) {
        char name[16];
        int n = snprintf(name, sizeof name, "an%ca%d\n", 'a' + k % 7, k % 10);
        cr_assert_eq(write(file, name, (size_t)n), n);
    }
    close(file);
    snprintf(command, sizeof command, "names --epochs 3 --data %s", path);
    learns(command);
    unlink(path);
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

/* ---- pictures ---- */

static void draws(const char *arguments) {
    char path[] = "/tmp/hebb_picture_XXXXXX", command[256], output[32768], head[8] = "";
    close(mkstemp(path));
    snprintf(command, sizeof command, "%s --png %s", arguments, path);
    int status = run(command, output, sizeof output);
    if (strstr(output, "this build of Hebb is without") == NULL) {
        cr_expect_eq(status, 0, "%s", output);
        FILE *file = fopen(path, "rb");
        cr_expect_eq(fread(head, 1, 4, file), 4);
        fclose(file);
        cr_expect_eq(memcmp(head, "\x89PNG", 4), 0);
    }
    unlink(path);
}

Test(examples, descent_is_drawn) { draws("descent --epochs 5"); }
Test(examples, transfer_is_drawn) {
    draws("transfer --epochs 1 --steps 1 --few 1 --images 1 --seeds 2");
}
Test(examples, autoencoder_draws_images) {
    draws("autoencoder --epochs 1 --steps 1");
    char path[] = "/tmp/hebb_codes_XXXXXX", command[256];
    close(mkstemp(path));
    snprintf(command, sizeof command, "autoencoder --epochs 1 --steps 1 --code 2 --code-png %s",
             path);
    draws(command);
    unlink(path);
    char output[16384];
    cr_expect_neq(run("autoencoder --code-png x.png", output, sizeof output), 0);
    cr_expect_not_null(strstr(output, "--code 2"), "%s", output);
}
Test(examples, playground_is_drawn) {
    for (int k = 0; k < 4; k++) {
        char command[128];
        static const char *const problems[] = {"circle", "xor", "gauss", "spiral"};
        snprintf(command, sizeof command, "playground --epochs 20 --problem %s", problems[k]);
        draws(command);
    }
}

Test(examples, playground_learns_a_spiral) {
    char output[32768];
    cr_expect_eq(run("playground", output, sizeof output), 0, "%s", output);
    cr_expect_gt(value_of(output, "test_accuracy"), 0.95, "%s", output);
    cr_expect_neq(run("playground --hidden 8,,8", output, sizeof output), 0);
    cr_expect_neq(run("playground --noise 2", output, sizeof output), 0);
}
