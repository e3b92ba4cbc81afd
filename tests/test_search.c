/* Searches over hyperparameters (hebb/search.h). */
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "support/commas.h"
#include "support/devices.h"

enum { ROWS = 53, KINDS = 3 };

static float points[ROWS][2];
static int32_t kinds[ROWS];
static hebb_array columns[2];
static const hebb_dataset data = {columns, 2};

/* Three heaps of different sizes. */
static void make_data(void) {
    for (int i = 0; i < ROWS; i++) {
        kinds[i] = i % 7 == 0 ? 2 : i % 3 == 0 ? 1 : 0;
        points[i][0] = (float)cos(2.1 * kinds[i]) + 0.3f * (float)sin(7 * i);
        points[i][1] = (float)sin(2.1 * kinds[i]) + 0.3f * (float)cos(5 * i);
    }
    columns[0] = hebb_array_view(points, HEBB_F32, HEBB_SHAPE(ROWS, 2));
    columns[1] = hebb_array_view(kinds, HEBB_I32, HEBB_SHAPE(ROWS));
}

/* ---- searches over a function that needs no training ---- */

static char path[64];
static int runs;

static void init(void) {
    make_data();
    snprintf(path, sizeof path, "/tmp/hebb-search-XXXXXX");
    close(mkstemp(path));
    unlink(path);
    runs = 0;
}

static void fini(void) { unlink(path); }

TestSuite(search, .init = init, .fini = fini, .timeout = 120);

/* Best at x = 0.3, n = 7, kind = "round"; a little different in each fold. */
static double hill(const hebb_trial *t, const hebb_dataset *train, const hebb_dataset *left_out) {
    double x = hebb_trial_value(t, "x"), n = hebb_trial_value(t, "n");
    bool round = strcmp(hebb_trial_text(t, "kind"), "round") == 0;
    runs++;
    return 10 - (x - 0.3) * (x - 0.3) - 0.01 * (n - 7) * (n - 7) + round + 0.001 * (double)t->fold;
}

#define HILL                                                                                       \
    .run = hill, .parameters = HEBB_PARAMETERS(hebb_search_uniform("x", 0, 1, .points = 11),       \
                                               hebb_search_integer("n", 5, 8),                     \
                                               hebb_search_text("kind", "square", "round"))

static void expect_fine(const hebb_search *s) { cr_assert_str_eq(hebb_search_message(s), ""); }

Test(search, a_grid_has_all_combinations_and_finds_the_best) {
    hebb_search *s = hebb_search_run(&data, HILL, .folds = 3);
    expect_fine(s);
    cr_expect_eq(runs, 11 * 4 * 2 * 3);
    cr_assert_eq(hebb_search_count(s), 88);
    const hebb_trial *best = hebb_search_best(s);
    cr_expect_eq(hebb_trial_value(best, "x"), 0.3);
    cr_expect_eq(hebb_trial_value(best, "n"), 7);
    cr_expect_str_eq(hebb_trial_text(best, "kind"), "round");
    cr_expect_float_eq(best->score, 11.001, 1e-12);
    cr_expect_float_eq(best->deviation, 0.001 * sqrt(2.0 / 3), 1e-12);
    cr_expect_eq(best->scored, 3);
    cr_expect_eq(best->number, (3 * 4 + 2) * 2 + 2);
    bool there[89] = {0};
    for (size_t k = 0; k < 88; k++) {
        const hebb_trial *t = hebb_search_trial(s, k);
        cr_expect_not(there[t->number]);
        there[t->number] = true;
        if (k > 0) cr_expect_leq(t->score, hebb_search_trial(s, k - 1)->score);
    }
    cr_expect_null(hebb_search_trial(s, 88));
    hebb_search_destroy(s);
}

Test(search, draws_are_of_their_ranges_and_of_the_seed) {
    enum { TRIALS = 400 };
    hebb_search *s[3];
    int below = 0;
    for (int k = 0; k < 3; k++) {
        s[k] = hebb_search_run(
            &data, .run = hill, .trials = TRIALS, .validation = &data, .seed = k == 1 ? 8 : 7,
            .parameters = HEBB_PARAMETERS(hebb_search_log_uniform("x", 1e-4, 1),
                                          hebb_search_integer("n", -3, 3),
                                          hebb_search_text("kind", "square", "round")));
        expect_fine(s[k]);
        cr_assert_eq(hebb_search_count(s[k]), TRIALS);
    }
    for (size_t k = 0; k < TRIALS; k++) {
        const hebb_trial *t = hebb_search_trial(s[0], k), *same = hebb_search_trial(s[2], k);
        double x = hebb_trial_value(t, "x"), n = hebb_trial_value(t, "n");
        cr_expect(x >= 1e-4 && x <= 1 && n >= -3 && n <= 3 && n == floor(n));
        cr_expect_eq(t->score, same->score);
        cr_expect_eq(x, hebb_trial_value(same, "x"));
        below += x < 1e-2;
    }
    cr_expect(abs(below - TRIALS / 2) < 50, "%d below the middle", below);
    cr_expect_neq(hebb_search_best(s[0])->score, hebb_search_best(s[1])->score);
    for (int k = 0; k < 3; k++) hebb_search_destroy(s[k]);
}

Test(search, ends_when_all_is_tried) {
    hebb_search *s =
        hebb_search_run(&data, .run = hill, .trials = 1000, .validation = &data,
                        .parameters = HEBB_PARAMETERS(hebb_search_choice("x", 0.1, 0.2, 0.3),
                                                      hebb_search_choice("n", 1, 2),
                                                      hebb_search_text("kind", "round")));
    expect_fine(s);
    cr_expect_eq(hebb_search_count(s), 6);
    cr_expect_eq(runs, 6);
    hebb_search_destroy(s);
}

/* ---- trials that fail, or are given up ---- */

static double moody(const hebb_trial *t, const hebb_dataset *train, const hebb_dataset *left_out) {
    double n = hebb_trial_value(t, "n");
    if (n == 2) return NAN;
    if (n == 3 && t->fold == 1) return hebb_trial_fail(t, "three, \"said\"\nso");
    if (n == 4) return hebb_trial_value(t, "m");
    return n;
}

static void expect_moody(const hebb_search *s) {
    expect_fine(s);
    cr_assert_eq(hebb_search_count(s), 6);
    cr_expect_eq(hebb_search_best(s)->score, 1);
    cr_expect_eq(hebb_trial_value(hebb_search_trial(s, 2), "n"), 6);
    cr_expect_str_eq(hebb_search_trial(s, 3)->message, "the score of fold 0 is nan");
    cr_expect_eq(hebb_search_trial(s, 4)->scored, 1);
    cr_expect_str_eq(hebb_search_trial(s, 5)->message, "there is no parameter m");
}

Test(search, goes_on_after_failures) {
    for (int round = 0; round < 2; round++) {
        hebb_search *s =
            hebb_search_run(&data, .run = moody, .folds = 2, .lower_is_better = true, .file = path,
                            .parameters = HEBB_PARAMETERS(hebb_search_integer("n", 1, 6)));
        expect_moody(s);
        cr_expect_str_eq(hebb_search_trial(s, 4)->message,
                         round == 0 ? "three, \"said\"\nso" : "three, \"said\" so");
        hebb_search_destroy(s);
    }
}

/* Trials 1...5 have 0...4 in each fold: the median is 2. */
static double slope(const hebb_trial *t, const hebb_dataset *train, const hebb_dataset *left_out) {
    runs++;
    return hebb_trial_value(t, "n") - (t->number == 6 ? 3.5 : t->number == 7 ? 4 : 0);
}

Test(search, gives_up_what_is_worse_than_the_median) {
    for (int round = 0; round < 2; round++) {
        hebb_search *s =
            hebb_search_run(&data, .run = slope, .folds = 4, .abandon = true, .file = path,
                            .parameters = HEBB_PARAMETERS(hebb_search_integer("n", 0, 6)));
        expect_fine(s);
        cr_expect_eq(runs, 5 * 4 + 1 + 4);
        const hebb_trial *last = hebb_search_trial(s, 6);
        cr_expect_eq(last->number, 6);
        cr_expect(last->abandoned);
        cr_expect_eq(last->scored, 1);
        cr_expect_not(hebb_search_trial(s, 5)->abandoned);
        hebb_search_destroy(s);
    }
}

/* ---- the file ---- */

static char *file_text(void) {
    char *text = NULL, message[256];
    cr_assert_eq(hebb_read_text(path, &text, NULL, message, sizeof message), HEBB_OK, "%s",
                 message);
    return text;
}

static void write_file(const char *text) {
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_geq(fputs(text, file), 0);
    fclose(file);
}

static hebb_search *with_file(void) {
    return hebb_search_run(&data, HILL, .folds = 2, .trials = 12, .seed = 3, .file = path);
}

/* Everything but the seconds. */
static bool same_trials(const hebb_search *a, const hebb_search *b) {
    bool same = hebb_search_count(a) == hebb_search_count(b);
    for (size_t k = 0; same && k < hebb_search_count(a); k++) {
        const hebb_trial *s = hebb_search_trial(a, k), *t = hebb_search_trial(b, k);
        same = s->number == t->number && s->seed == t->seed && s->fold == t->fold &&
               s->score == t->score && s->deviation == t->deviation && s->scored == t->scored &&
               s->abandoned == t->abandoned &&
               hebb_trial_value(s, "x") == hebb_trial_value(t, "x") &&
               hebb_trial_value(s, "n") == hebb_trial_value(t, "n");
    }
    return same;
}

/* Cut anywhere: what is whole is kept, the rest is run again, and the end is the same. */
Test(search, goes_on_from_a_file_that_was_cut_anywhere) {
    hebb_search *whole = with_file();
    expect_fine(whole);
    char *text = file_text();
    size_t length = strlen(text);
    for (size_t size = 0; size <= length; size += size < 200 ? 1 : 7) {
        write_file(text);
        cr_assert_eq(truncate(path, (off_t)size), 0);
        int lines = 0;
        for (size_t k = 0; k < size; k++) lines += text[k] == '\n';
        runs = 0;
        hebb_search *s = with_file();
        expect_fine(s);
        cr_expect_eq(runs, 2 * (12 - (lines == 0 ? 0 : lines - 1)), "%zu bytes", size);
        cr_expect(same_trials(s, whole), "%zu bytes", size);
        hebb_search_destroy(s);
        char *again = file_text();
        cr_expect_eq(strncmp(again, text, size), 0);
        cr_expect_eq(again[strlen(again) - 1], '\n');
        free(again);
    }
    free(text);
    hebb_search_destroy(whole);
}

/* A file is the same in all countries. */
Test(search, goes_on_in_a_country_of_commas) {
    hebb_search *whole = with_file();
    expect_fine(whole);
    use_commas();
    for (int k = 0; k < 2; k++) { /* what was written with points, then what is written here */
        if (k == 1) write_file("");
        runs = 0;
        hebb_search *s = with_file(), *again = with_file();
        expect_fine(s);
        expect_fine(again);
        cr_expect_eq(runs, k == 0 ? 0 : 2 * 12);
        cr_expect(same_trials(again, whole));
        hebb_search_destroy(s);
        hebb_search_destroy(again);
    }
    hebb_search_destroy(whole);
}

static double slow_hill(const hebb_trial *t, const hebb_dataset *train,
                        const hebb_dataset *left_out) {
    nanosleep(&(struct timespec){0, 1000000}, NULL);
    return hill(t, train, left_out);
}

static hebb_search *slow(const char *file) {
    return hebb_search_run(
        &data, .run = slow_hill, .folds = 2, .trials = 20, .seed = 3, .file = file,
        .parameters =
            HEBB_PARAMETERS(hebb_search_uniform("x", 0, 1), hebb_search_integer("n", 5, 8),
                            hebb_search_text("kind", "square", "round")));
}

Test(search, survives_kill_9) {
    hebb_search *whole = slow(NULL);
    int killed = 0;
    for (int run = 0; run < 30; run++) {
        pid_t child = fork();
        cr_assert_geq(child, 0);
        if (child == 0) {
            hebb_search *s = slow(path);
            _exit(hebb_search_status(s) == HEBB_OK ? 0 : 1);
        }
        nanosleep(&(struct timespec){0, (run * 7919 % 17 + 2) * 1000000L}, NULL);
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
        killed += WIFSIGNALED(status);
        if (WIFSIGNALED(status) && run < 29) continue;
        hebb_search *s = slow(path);
        expect_fine(s);
        cr_expect(same_trials(s, whole));
        hebb_search_destroy(s);
        unlink(path);
    }
    cr_expect_gt(killed, 0);
    hebb_search_destroy(whole);
}

static void refuse(const char *text, const char *words) {
    write_file(text);
    hebb_search *s = hebb_search_run(&data, HILL, .folds = 2, .seed = 3, .file = path);
    cr_expect_eq(hebb_search_status(s), HEBB_E_FORMAT, "%s", text);
    cr_expect_not_null(strstr(hebb_search_message(s), words), "%s", hebb_search_message(s));
    cr_expect_not_null(strstr(hebb_search_message(s), path), "%s", hebb_search_message(s));
    cr_expect_null(hebb_search_best(s));
    hebb_search_destroy(s);
    char *after = file_text();
    cr_expect_str_eq(after, text);
    free(after);
    cr_expect_eq(runs, 0);
}

#define NAMES "trial,x,n,kind,status,score,deviation,scores,seed,seconds,message\n"

Test(search, refuses_foreign_files) {
    refuse("To be or not to be", "row 1: column 1 is To be");
    refuse("a,b\n1,2\n", "row 1: column 1 is a, not trial");
    refuse("trial,x,n,status,score,deviation,scores,seed,seconds,message\n",
           "row 1: column 4 is status, not kind");
    refuse(NAMES "1,0.5,7,round,done,1,0,1;1,3,0.1\n", "row 2: it has fewer columns");
    refuse(NAMES "1,0.5,7,round,done,1,0,1;1,3,0.1,,\n", "row 2: it has more columns");
    refuse(NAMES "1,0.5,7,\"round,done,1,0,1;1,3,0.1,\n", "row 2: it has fewer columns");
    refuse(NAMES "1,0.5,7,round,done,1,0,1;1,3,0.1,\n2,1.5,7,round,done,1,0,1;1,3,0.1,\n",
           "row 3: x is 1.5");
    refuse(NAMES "1,0.5,7.5,round,done,1,0,1;1,3,0.1,\n", "row 2: n is 7.5");
    refuse(NAMES "1,0.5,7,flat,done,1,0,1;1,3,0.1,\n", "row 2: kind is flat");
    refuse(NAMES "1,0.5,7,round,fine,1,0,1;1,3,0.1,\n", "row 2: \"fine\" is no status");
    refuse(NAMES "1,0.5,7,round,done,1,0,1,3,0.1,\n", "row 2: \"1\" are not the scores");
    refuse(NAMES "1,0.5,7,round,done,1,0,1;1;1,3,0.1,\n", "row 2: \"1;1;1\"");
    refuse(NAMES "1,0.5,7,round,done,1,0,1;nan,3,0.1,\n", "row 2: \"1;nan\"");
    refuse(NAMES "1,0.5,7,round,done,1,0,1;1,4,0.1,\n", "row 2: its seed is 4, not 3");
    refuse(NAMES "x,0.5,7,round,done,1,0,1;1,3,0.1,\n", "row 2: \"x\" is no number");
    refuse(NAMES "1,0.5,7,round,done,1,0,1;1,3,0.1,\n2,0.5,7,round,done,1,0,1;1,3,0.1,\n",
           "row 3: these values were there");
}

Test(search, files_that_cannot_be_written) {
    hebb_search *s = hebb_search_run(&data, HILL, .folds = 2, .file = "/dev/full");
    cr_expect_eq(hebb_search_status(s), HEBB_E_FILE);
    cr_expect_str_eq(hebb_search_message(s),
                     "/dev/full: row 1: cannot be written: No space left on device");
    hebb_search_destroy(s);
    s = hebb_search_run(&data, HILL, .folds = 2, .file = "/nowhere/trials.csv");
    cr_expect_eq(hebb_search_status(s), HEBB_E_FILE);
    cr_expect_not_null(strstr(hebb_search_message(s), "/nowhere/trials.csv"));
    cr_expect_eq(runs, 0);
    hebb_search_destroy(s);
}

/* ---- what is printed ---- */

Test(search, prints_80_columns) {
    char *text = NULL, names[20][24];
    size_t size;
    hebb_parameter many[20];
    for (int k = 0; k < 20; k++) {
        static const double one[] = {1.25};
        snprintf(names[k], sizeof names[k], "a_long_parameter_%d", k);
        many[k] = (hebb_parameter){.name = names[k], .values = one, .count = 1};
    }
    many[19] = hebb_search_integer("n", 1, 6);
    FILE *out = open_memstream(&text, &size);
    hebb_search *s =
        hebb_search_run(&data, .run = moody, .folds = 2, .parameters = {many, 20}, .out = out);
    expect_fine(s);
    cr_expect_eq(hebb_search_print(s, 2, out), HEBB_OK);
    cr_expect_eq(hebb_search_print(NULL, 2, out), HEBB_E_NULL);
    fclose(out);
    cr_expect_not_null(strstr(text, "trial 2 of 6  failed: the score of fold 0 is nan"), "%s",
                       text);
    cr_expect_not_null(strstr(text, "6 trials in"), "%s", text);
    cr_expect_not_null(strstr(text, "3 done, 0 abandoned, 3 failed"), "%s", text);
    cr_expect_not_null(strstr(text, "a_long_parameter"), "%s", text);
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        cr_expect_lt(end - line, 80, "%s", line);
    hebb_search_destroy(s);
    free(text);
}

/* ---- wrong arguments ---- */

static void expect_error(hebb_search *s, hebb_status status, const char *words) {
    cr_expect_eq(hebb_search_status(s), status, "%s: %s", words, hebb_search_message(s));
    cr_expect_not_null(strstr(hebb_message(s), words), "%s", hebb_search_message(s));
    cr_expect(hebb_failed(s));
    cr_expect_eq(hebb_search_count(s), 0);
    hebb_search_destroy(s);
}

#define OF(...) .run = hill, .folds = 2, .parameters = HEBB_PARAMETERS(__VA_ARGS__)

Test(search, says_what_is_wrong) {
    double nan_value[] = {NAN};
    hebb_parameter odd = {.name = "x", .values = nan_value, .count = 1};
    expect_error(hebb_search_run(NULL, HILL, .folds = 2), HEBB_E_NULL, "data");
    expect_error(hebb_search_run(&data, .folds = 2), HEBB_E_NULL, "no run");
    expect_error(hebb_search_run(&data, .run = hill, .folds = 2), HEBB_E_ARGUMENT, "no parameters");
    expect_error(hebb_search_run(&data, HILL), HEBB_E_ARGUMENT, "folds or a validation set");
    expect_error(hebb_search_run(&data, HILL, .folds = 2, .validation = &data), HEBB_E_ARGUMENT,
                 "either");
    expect_error(hebb_search_run(&data, HILL, .folds = 99), HEBB_E_ARGUMENT, "99 folds of 53");
    expect_error(hebb_search_run(&data, HILL, .folds = 2, .trials = -1), HEBB_E_ARGUMENT, "-1");
    expect_error(hebb_search_run(&data, OF(hebb_search_uniform("x", 1, 0))), HEBB_E_ARGUMENT,
                 "x has no range");
    expect_error(hebb_search_run(&data, OF(hebb_search_log_uniform("x", 0, 1))), HEBB_E_ARGUMENT,
                 "above 0");
    expect_error(hebb_search_run(&data, OF(hebb_search_integer("x", 0.5, 1))), HEBB_E_ARGUMENT,
                 "whole");
    expect_error(hebb_search_run(&data, OF(hebb_search_uniform("x", 0, 1, .points = 1))),
                 HEBB_E_ARGUMENT, "2 points");
    expect_error(hebb_search_run(&data, OF(hebb_search_choice("x", 1, 2, 1))), HEBB_E_ARGUMENT,
                 "twice");
    expect_error(hebb_search_run(&data, OF(hebb_search_text("x", "a", ""))), HEBB_E_ARGUMENT,
                 "empty");
    expect_error(hebb_search_run(&data, OF(odd)), HEBB_E_ARGUMENT, "finite");
    expect_error(hebb_search_run(&data, OF({.name = "x"})), HEBB_E_ARGUMENT, "choose from");
    expect_error(hebb_search_run(&data, OF({.values = nan_value})), HEBB_E_NULL, "no name");
    expect_error(hebb_search_run(&data, OF(hebb_search_choice("x", 1), hebb_search_choice("x", 1))),
                 HEBB_E_ARGUMENT, "\"x\"");
    expect_error(hebb_search_run(&data, OF(hebb_search_choice("score", 1))), HEBB_E_ARGUMENT,
                 "\"score\"");
    expect_error(hebb_search_run(&data, OF(hebb_search_choice("a,b", 1))), HEBB_E_ARGUMENT, "a,b");
    expect_error(hebb_search_run(
                     &data, OF(hebb_search_integer("x", 0, 1e9), hebb_search_integer("y", 0, 1e9))),
                 HEBB_E_ARGUMENT, "grid");
    cr_expect_eq(runs, 0);
    cr_expect_eq(hebb_search_status(NULL), HEBB_E_NULL);
    cr_expect_null(hebb_search_best(NULL));
    cr_expect_eq(hebb_search_count(NULL), 0);
    cr_expect(isnan(hebb_trial_value(NULL, "x")));
    cr_expect(isnan(hebb_trial_fail(NULL, "x")));
    cr_expect_str_eq(hebb_trial_text(NULL, "x"), "");
    hebb_search_destroy(NULL);
}

/* ---- models ---- */

static hebb_model *build(const hebb_trial *t, hebb_graph *g, hebb_device *device) {
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 2));
    hebb_tensor *label = hebb_input(g, "label", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
    int64_t units = (int64_t)hebb_trial_value(t, "units");
    hebb_tensor *h = hebb_dense(x, units, .activation = hebb_tanh);
    hebb_tensor *logits = hebb_dense(h, KINDS);
    return hebb_model_create(
        g, device, .inputs = HEBB_LIST(x, label), .seed = t->seed, .classes = KINDS,
        .loss = hebb_sparse_softmax_cross_entropy(logits, label),
        .optimizer = hebb_adam(.learning_rate = hebb_trial_value(t, "rate")),
        .metrics =
            HEBB_METRICS({.name = "accuracy", .counts = hebb_sparse_accuracy(logits, label)}));
}

static const char *measure;
static int64_t patience;

static double train_one(const hebb_trial *t, const hebb_dataset *train,
                        const hebb_dataset *left_out) {
    return hebb_trial_fit(t, train, left_out, .build = build, .device = t->user, .epochs = 10,
                          .batch = 8, .measure = measure, .patience = patience);
}

static hebb_search *of_models(hebb_device *device, bool lower) {
    return hebb_search_run(
        &data, .run = train_one, .user = device, .folds = 3, .labels = &columns[1], .seed = 1,
        .lower_is_better = lower,
        .parameters = HEBB_PARAMETERS(hebb_search_choice("units", -1, 6),
                                      hebb_search_log_uniform("rate", 1e-4, 1e-1, .points = 2)));
}

static void check_models(const char *name) {
    hebb_device *device = device_named(name);
    measure = NULL;
    patience = 0;
    hebb_search *a = of_models(device, false), *b = of_models(device, false);
    expect_fine(a);
    cr_assert_eq(hebb_search_count(a), 4);
    cr_expect_eq(hebb_trial_value(hebb_search_best(a), "rate"), 1e-1);
    cr_expect_gt(hebb_search_best(a)->score, 0.9);
    cr_expect_eq(hebb_search_best(a)->score, hebb_search_best(b)->score);
    cr_expect_gt(hebb_search_best(a)->score, hebb_search_trial(a, 1)->score);
    cr_expect_not_null(strstr(hebb_search_trial(a, 2)->message, "dense"), "%s",
                       hebb_search_trial(a, 2)->message);
    hebb_search_destroy(a);
    hebb_search_destroy(b);
    hebb_device_close(device);
}

Test(search, of_models_on_the_cpu) { check_models("cpu"); }
Test(search, of_models_on_opencl) { check_models("opencl"); }

Test(search, of_models_in_the_wrong_direction) {
    hebb_device *device = cpu_device();
    measure = "loss";
    patience = 3;
    hebb_search *s = of_models(device, true);
    expect_fine(s);
    cr_expect_lt(hebb_search_best(s)->score, 0.4);
    hebb_search_destroy(s);
    s = of_models(device, false);
    cr_expect_eq(hebb_search_status(s), HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(hebb_search_message(s), "loss is better where it is lower"));
    hebb_search_destroy(s);
    measure = "beauty";
    s = of_models(device, true);
    expect_fine(s);
    cr_expect_null(hebb_search_best(s));
    cr_expect_str_eq(hebb_search_trial(s, 3)->message, "the model has no measure beauty");
    hebb_search_destroy(s);
    hebb_device_close(device);
}
