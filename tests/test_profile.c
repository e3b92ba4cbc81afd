/* HEBB_PROFILE: a file with every step of every session, whole after each of them; what is said
   where it cannot be written. hebb_session_profile(): equal steps added up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "support/commas.h"
#include "support/devices.h"

enum { TEXT_SIZE = 1 << 18, T = 5 };

static void read_file(const char *path, char *text) {
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    size_t length = fread(text, 1, TEXT_SIZE - 1, file);
    text[length] = '\0';
    fclose(file);
}

static int count(const char *text, const char *word) {
    int n = 0;
    for (; (text = strstr(text, word)) != NULL; text++) n++;
    return n;
}

/* Brackets and braces pair up outside of strings, and commas stand between. */
static void expect_json(const char *text) {
    char open[8];
    int depth = 0;
    bool string = false;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' && (c == text || c[-1] != '\\')) string = !string;
        if (string) continue;
        if (*c == '[' || *c == '{') {
            cr_assert_lt(depth, 8, "%s", text);
            open[depth++] = *c;
        }
        if (*c == ']' || *c == '}') cr_assert(depth > 0 && open[--depth] == *c - 2, "at %s", c);
        if (*c == ',') cr_assert(strchr("[]}", c[strspn(c + 1, " \n") + 1]) == NULL, "at %s", c);
    }
    cr_expect(depth == 0 && !string && *text == '[', "%s", text);
}

static void cell(hebb_scan_frame *f) {
    f->next[0] = f->out[0] = hebb_tanh(hebb_add(f->state[0], f->in[0]));
}

/* A product, a reduction and a loop over time. */
static void run_model(const char *device_name) {
    hebb_device *device = device_named(device_name);
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_full(g, HEBB_F32, HEBB_SHAPE(T, 3, 4), 0.5);
    hebb_tensor *w = hebb_state(g, "w", HEBB_F32, HEBB_SHAPE(4, 4), hebb_uniform(-1, 1));
    hebb_tensor *h0 = hebb_matmul(hebb_full(g, HEBB_F32, HEBB_SHAPE(3, 4), 1), w), *last, *all;
    hebb_scan(&last, &all, .body = cell, .states = HEBB_LIST(h0), .sequences = HEBB_LIST(x),
              .n_out = 1);
    hebb_tensor *y = hebb_sum(all, HEBB_AXES(0), false);
    hebb_session *s = hebb_session_create(g, device, .seed = 1);
    for (int k = 0; k < 2; k++) hebb_run(s, NULL, 0, HEBB_FETCH({y, NULL}, {last, NULL}));
    cr_expect(!hebb_failed(s), "%s", hebb_message(s));
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}

/* The steps are so small that on OpenCL one kernel would do those before the scan. */
static void expect_profile(const char *device) {
    hebb_device_close(device_named(device)); /* or the test is skipped, before there is a file */
    setenv("HEBB_OPENCL_SMALL", "0", 1);
    static char text[TEXT_SIZE];
    char path[] = "/tmp/hebb-test-XXXXXX";
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    cr_assert_gt(write(file, "of another process", 18), 0);
    close(file);
    setenv("HEBB_PROFILE", path, 1);
    run_model(device);
    read_file(path, text);
    expect_json(text);
    cr_expect_eq(count(text, "m, k, n [3, 4, 4]"), 2, "%s", text);
    cr_expect_eq(count(text, "\"shapes\": \"5 times\""), 2, "%s", text);
    cr_expect_geq(count(text, "\"solver\": \"scan\""), 2, "%s", text);
    cr_expect_eq(count(text, "tanh"), 2 * T, "%s", text);
    cr_expect_eq(count(text, "reduced over"), 2, "%s", text);
    cr_expect_eq(count(text, "thread_name"), 1, "%s", text);
    run_model(device);
    read_file(path, text);
    expect_json(text);
    cr_expect_eq(count(text, "thread_name"), 2, "%s", text);
    cr_expect_eq(count(text, "tanh"), 4 * T, "%s", text);
    cr_expect_null(strstr(text, "another"), "%s", text);
    unlink(path);
}

Test(profile, has_points_in_a_country_of_commas) {
    static char text[TEXT_SIZE];
    char path[] = "/tmp/hebb-test-XXXXXX";
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    close(file);
    use_commas();
    setenv("HEBB_PROFILE", path, 1);
    run_model("cpu");
    read_file(path, text);
    static const char key[] = "\"dur\": ";
    cr_assert_gt(count(text, key), 0);
    for (const char *at = text; (at = strstr(at, key)) != NULL;) {
        at += strlen(key);
        cr_expect_eq(at[strspn(at, "0123456789")], '.', "%.20s", at);
    }
    unlink(path);
}

Test(profile, has_every_step_of_a_run) { expect_profile("cpu"); }
Test(profile, has_every_step_of_a_run_on_opencl) { expect_profile("opencl"); }

/* ---- rows ---- */

enum { RUNS = 3, SIDE = 1024 };

/* The only row whose name has that word. */
static hebb_profile_row row_of(hebb_session *s, const char *word) {
    hebb_profile_row row, found = {0};
    for (size_t k = 0; hebb_session_profile_row(s, k, &row) == HEBB_OK; k++)
        if (strstr(row.name, word) != NULL) {
            cr_expect_null(found.name, "two rows have %s", word);
            found = row;
        }
    cr_assert_not_null(found.name, "no row has %s", word);
    return found;
}

/* Slowest first; what is within a scan right behind it, and not longer than the scan. */
static void expect_order(hebb_session *s) {
    hebb_profile_row row, last[8] = {{.seconds = 1e9}};
    int depth = 0;
    for (size_t k = 0; hebb_session_profile_row(s, k, &row) == HEBB_OK; k++) {
        cr_assert(row.depth >= 0 && row.depth <= depth + (k > 0));
        if (row.depth <= depth) cr_expect_leq(row.seconds, last[row.depth].seconds);
        if (row.depth > 0) cr_expect_leq(row.seconds, last[row.depth - 1].seconds);
        cr_expect(row.count > 0 && row.seconds > 0 && *row.solver != '\0');
        last[row.depth] = row;
        depth = row.depth;
    }
}

static void expect_rows(const char *device_name) {
    hebb_device *device = device_named(device_name);
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_state(g, "x", HEBB_F32, HEBB_SHAPE(T, 3, 4), hebb_uniform(-1, 1));
    hebb_tensor *w = hebb_state(g, "w", HEBB_F32, HEBB_SHAPE(4, 4), hebb_uniform(-1, 1));
    hebb_tensor *h0 = hebb_matmul(hebb_full(g, HEBB_F32, HEBB_SHAPE(3, 4), 1), w), *last, *all;
    hebb_scan(&last, &all, .body = cell, .states = HEBB_LIST(h0), .sequences = HEBB_LIST(x),
              .n_out = 1);
    hebb_session *s = hebb_session_create(g, device, .seed = 1);
    cr_expect_eq(hebb_session_profile_count(s), 0);
    hebb_run(s, NULL, 0, HEBB_FETCH({all, NULL})); /* not profiled */
    for (int begun = 0; begun < 2; begun++) {
        cr_expect_eq(hebb_session_profile(s, true), HEBB_OK);
        for (int k = 0; k < RUNS; k++) hebb_run(s, NULL, 0, HEBB_FETCH({all, NULL}));
        cr_expect_eq(hebb_session_profile(s, false), HEBB_OK);
        hebb_run(s, NULL, 0, HEBB_FETCH({all, NULL}));
        cr_expect(!hebb_failed(s), "%s", hebb_message(s));
        const hebb_profile_row scan = row_of(s, "scan"), body = row_of(s, "tanh");
        cr_expect(scan.count == RUNS && scan.depth == 0 && strcmp(scan.shapes, "5 times") == 0);
        cr_expect(body.count == RUNS * T && body.depth == 1);
        cr_expect_geq(body.flops, 2 * 12 * RUNS * T);
        cr_expect_eq(row_of(s, "matmul").count, RUNS);
        expect_order(s);
    }
    hebb_profile_row row;
    cr_expect_eq(hebb_session_profile_row(s, 99, &row), HEBB_E_ARGUMENT);
    cr_expect_eq(hebb_session_profile_row(s, 0, NULL), HEBB_E_NULL);
    cr_expect_eq(hebb_session_profile(NULL, true), HEBB_E_NULL);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}

Test(profile, adds_up_equal_steps) { expect_rows("cpu"); }
Test(profile, adds_up_equal_steps_on_opencl) { expect_rows("opencl"); }

/* The rows of a softmax are taken together: one event, which has the work of all steps. */
Test(profile, tells_steps_that_run_as_one) {
    hebb_device *device = cpu_device();
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_state(g, "x", HEBB_F32, HEBB_SHAPE(SIDE, SIDE), hebb_uniform(-1, 1));
    hebb_tensor *y = hebb_softmax(x);
    hebb_session *s = hebb_session_create(g, device, .seed = 1);
    hebb_run(s, NULL, 0, HEBB_FETCH({y, NULL}));
    hebb_session_profile(s, true);
    hebb_run(s, NULL, 0, HEBB_FETCH({y, NULL}));
    cr_expect(!hebb_failed(s), "%s", hebb_message(s));
    cr_expect_eq(hebb_session_profile_count(s), 1);
    const hebb_profile_row row = row_of(s, "exp");
    hebb_plan_stats stats;
    hebb_session_stats(s, &stats);
    cr_expect_str_eq(row.solver, "rows together");
    cr_expect_not_null(strstr(row.name, ", "), "%s", row.name);
    cr_expect(row.flops == stats.flops && row.bytes == stats.bytes);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}

/* ---- what goes wrong ---- */

static void expect_failure(const char *path, const char *words) {
    hebb_device *device = cpu_device();
    hebb_graph *g = hebb_graph_create();
    setenv("HEBB_PROFILE", path, 1);
    hebb_session *s = hebb_session_create(g, device, .seed = 1);
    cr_expect_eq(hebb_session_status(s), HEBB_E_FILE);
    cr_expect(strstr(hebb_message(s), words) && strstr(hebb_message(s), path), "%s",
              hebb_message(s));
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}

Test(profile, says_when_the_file_cannot_be_written) {
    expect_failure("/nowhere/trace.json", "No such file");
    expect_failure("/dev/full", "No space left");
}
