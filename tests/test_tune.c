/* HEBB_TUNE=1: solvers of products are measured, and a file keeps the winners for each device and
   shape: it is used, and what is wrong with it does no harm. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "support/devices.h"

enum { M = 37, N = 70, K = 50, TEXT = 1 << 14 };

static char folder[64] = "/tmp/hebb-test-XXXXXX";

static void remove_folder(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0) printf("%s is left\n", folder);
}

/* A test that is skipped comes to no .fini. */
static void set_up(void) {
    cr_assert_not_null(mkdtemp(folder));
    atexit(remove_folder);
    setenv("HEBB_CACHE_DIR", folder, 1);
    unsetenv("HEBB_CACHE");
    unsetenv("HEBB_GEMM");
}

TestSuite(tune, .init = set_up);

/* ---- files ---- */

static bool find_file(char *path, size_t size) {
    DIR *all = opendir(folder);
    bool found = false;
    for (struct dirent *e; all != NULL && (e = readdir(all)) != NULL;)
        if (strncmp(e->d_name, "tuned-", 6) == 0) {
            snprintf(path, size, "%s/%.100s", folder, e->d_name);
            found = true;
        }
    if (all != NULL) closedir(all);
    return found;
}

static size_t read_text(const char *path, char *text) {
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    const size_t n = fread(text, 1, TEXT - 1, file);
    text[n] = '\0';
    fclose(file);
    return n;
}

static void write_text(const char *path, const char *text, size_t n) {
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(text, 1, n, file), n);
    fclose(file);
}

static int count_lines(const char *text) {
    int n = 0;
    for (; *text != '\0'; text++) n += *text == '\n';
    return n;
}

/* ---- running ---- */

static void fill(hebb_array *a, int seed) {
    for (int64_t i = 0; i < hebb_array_count(a); i++)
        ((float *)a->data)[i] = (float)((i * 31 + seed) % 17) / 8 - 1;
}

static hebb_array multiply(hebb_device *device) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *a = hebb_input(g, "a", HEBB_F32, HEBB_SHAPE(M, K));
    hebb_tensor *b = hebb_input(g, "b", HEBB_F32, HEBB_SHAPE(K, N));
    hebb_tensor *bias = hebb_input(g, "bias", HEBB_F32, HEBB_SHAPE(N));
    hebb_tensor *y = hebb_tanh(hebb_add(hebb_matmul(a, b), bias));
    hebb_session *s = hebb_session_create(g, device);
    hebb_array x[] = {hebb_array_zeros(HEBB_F32, HEBB_SHAPE(M, K)),
                      hebb_array_zeros(HEBB_F32, HEBB_SHAPE(K, N)),
                      hebb_array_zeros(HEBB_F32, HEBB_SHAPE(N))};
    hebb_array result = {0};
    for (int k = 0; k < 3; k++) fill(&x[k], k);
    hebb_feed feeds[] = {{a, &x[0]}, {b, &x[1]}, {bias, &x[2]}};
    hebb_fetch fetches[] = {{y, &result}};
    hebb_run(s, feeds, 3, fetches, 1);
    cr_assert(!hebb_failed(s), "%s", hebb_message(s));
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
    for (int k = 0; k < 3; k++) hebb_array_free(&x[k]);
    return result;
}

/* Runs the product on a newly opened device, compares it with the CPU's, and gives the solver's
   title, from the profile. */
static const char *solve(bool tune, char *profile) {
    char path[64] = "/tmp/hebb-test-XXXXXX";
    if (tune) setenv("HEBB_TUNE", "1", 1);
    else unsetenv("HEBB_TUNE");
    hebb_device *device = opencl_device(); /* or the test is skipped, before there is a file */
    const int file = mkstemp(path);
    cr_assert_geq(file, 0);
    close(file);
    setenv("HEBB_PROFILE", path, 1);
    hebb_array got = multiply(device);
    unsetenv("HEBB_PROFILE");
    hebb_array wanted = multiply(cpu_device());
    for (int64_t i = 0; i < M * N; i++)
        cr_assert_float_eq(((float *)got.data)[i], ((float *)wanted.data)[i], 1e-5);
    hebb_array_free(&got);
    hebb_array_free(&wanted);
    read_text(path, profile);
    unlink(path);
    return strstr(profile, "reference") != NULL ? "reference" : "another";
}

static char profile[TEXT], text[TEXT], path[256];

/* ---- tests ---- */

Test(tune, winners_are_kept) {
    solve(false, profile);
    cr_expect_not(find_file(path, sizeof path), "nothing was measured");
    solve(true, profile);
    cr_assert(find_file(path, sizeof path));
    read_text(path, text);
    cr_expect_eq(count_lines(text), 2, "%s", text);
    cr_expect(strstr(text, "f32 37x70x50 batch 1 rr epilogue 1.") != NULL, "%s", text);
    solve(true, profile); /* knows it now */
    read_text(path, text);
    cr_expect_eq(count_lines(text), 2, "%s", text);
}

/* The file as measured, but with the slowest solver as the winner. */
static size_t say_reference(void) {
    solve(true, profile);
    cr_assert(find_file(path, sizeof path));
    read_text(path, text);
    char *colon = strrchr(text, ':');
    cr_assert_not_null(colon);
    strcpy(colon, ": reference\n");
    return strlen(text);
}

Test(tune, the_file_is_used) {
    const size_t n = say_reference();
    write_text(path, text, n);
    cr_expect_str_eq(solve(false, profile), "reference");
    setenv("HEBB_CACHE", "never", 1);
    cr_expect_str_eq(solve(false, profile), "another", "nothing is read");
    unsetenv("HEBB_CACHE");
    setenv("HEBB_OPENCL_KERNELS", "gpu", 1);
    cr_expect_str_eq(solve(false, profile), "another", "those kernels were not measured");
}

Test(tune, another_devices_file_is_not_used) {
    const size_t n = say_reference();
    text[strlen("Hebb's solvers 2: ")] ^= 1;
    write_text(path, text, n);
    cr_expect_str_eq(solve(false, profile), "another");
    cr_expect_str_eq(solve(true, profile), "another");
    read_text(path, text);
    cr_expect_eq(count_lines(text), 2, "it is written anew: %s", text);
}

Test(tune, a_damaged_file_does_no_harm) {
    const size_t n = say_reference();
    for (size_t cut = 0; cut < n; cut += cut + 20 < n ? 29 : 5) {
        write_text(path, text, cut);
        cr_expect_str_eq(solve(false, profile), "another", "the first %zu bytes", cut);
    }
    memcpy(text + n - strlen("reference\n"), "preference\n", strlen("preference\n") + 1);
    write_text(path, text, strlen(text));
    cr_expect_str_eq(solve(false, profile), "another", "no such solver");
    memset(text, 0, n);
    write_text(path, text, n);
    solve(false, profile);
    solve(true, profile);
    read_text(path, text);
    cr_expect_eq(count_lines(text), 2, "it is written anew: %s", text);
}

Test(tune, a_folder_that_cannot_be_written_does_no_harm) {
    snprintf(path, sizeof path, "%s/file", folder);
    write_text(path, "x", 1);
    setenv("HEBB_CACHE_DIR", path, 1);
    solve(true, profile);
    setenv("HEBB_CACHE_DIR", "", 1);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    solve(true, profile);
}
