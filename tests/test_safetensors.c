/* The safetensors format (hebb/safetensors.h): what is written is read again; what is broken is
   said. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include <hebb/hebb.h>

static char path[64], message[512];

static void new_path(void) {
    snprintf(path, sizeof path, "/tmp/hebb-test-XXXXXX");
    int file = mkstemp(path);
    cr_assert(file >= 0);
    close(file);
}

static void remove_path(void) { unlink(path); }

static void put(const char *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    cr_assert(file != NULL && fwrite(bytes, 1, size, file) == size && fclose(file) == 0);
}

/* A file with that header and so many bytes of zeros. */
static void put_header(const char *header, size_t data) {
    char bytes[2048] = {0};
    size_t size = strlen(header);
    cr_assert_lt(8 + size + data, sizeof bytes);
    for (int k = 0; k < 8; k++) bytes[k] = (char)(size >> 8 * k);
    memcpy(bytes + 8, header, size);
    put(bytes, 8 + size + data);
}

static hebb_status try_read(void) {
    hebb_safetensors *file = NULL;
    hebb_status status = hebb_safetensors_read(path, &file, message, sizeof message);
    cr_expect_eq(file == NULL, status != HEBB_OK);
    hebb_safetensors_destroy(file);
    return status;
}

static void expect_broken(const char *header, size_t data, hebb_status status, const char *words) {
    put_header(header, data);
    cr_expect_eq(try_read(), status, "%s: %s", header, message);
    cr_expect_not_null(strstr(message, words), "%s: %s", header, message);
    cr_expect_not_null(strstr(message, path), "%s", message);
}

static hebb_status write_some(int n) {
    static float numbers[1000];
    for (int k = 0; k < n; k++) numbers[k] = (float)k;
    const hebb_array array = hebb_array_view(numbers, HEBB_F32, HEBB_SHAPE(n));
    return hebb_safetensors_write(path, &(hebb_named_array){"numbers", &array}, 1,
                                  &(hebb_named_text){"key", "a \"text\""}, 1, message,
                                  sizeof message);
}

static void expect_numbers(int n) {
    hebb_safetensors *file;
    cr_assert_eq(hebb_safetensors_read(path, &file, message, sizeof message), HEBB_OK, "%s",
                 message);
    cr_assert_eq(hebb_safetensors_count(file), 1);
    cr_expect_str_eq(hebb_safetensors_text(file, "key"), "a \"text\"");
    cr_expect_null(hebb_safetensors_text(file, "other"));
    const hebb_array *array = hebb_safetensors_find(file, "numbers");
    cr_assert_eq(hebb_array_count(array), n);
    for (int k = 0; k < n; k++) cr_assert_eq(hebb_array_at(array, k), k);
    hebb_safetensors_destroy(file);
}

TestSuite(safetensors, .init = new_path, .fini = remove_path);

Test(safetensors, every_dtype_comes_back) {
    hebb_array arrays[HEBB_DTYPES];
    hebb_named_array list[HEBB_DTYPES];
    for (int d = 0; d < HEBB_DTYPES; d++) {
        arrays[d] = hebb_array_zeros((hebb_dtype)d, HEBB_SHAPE(3, 1));
        for (int k = 0; k < 3; k++) hebb_array_set(&arrays[d], k, k % 2);
        list[d] = (hebb_named_array){hebb_dtype_name((hebb_dtype)d), &arrays[d]};
    }
    cr_assert_eq(hebb_safetensors_write(path, list, HEBB_DTYPES, NULL, 0, message, sizeof message),
                 HEBB_OK, "%s", message);
    hebb_safetensors *file;
    cr_assert_eq(hebb_safetensors_read(path, &file, message, sizeof message), HEBB_OK, "%s",
                 message);
    for (int d = 0; d < HEBB_DTYPES; d++) {
        const hebb_array *a = hebb_safetensors_find(file, list[d].name);
        cr_assert_not_null(a);
        cr_expect_eq(a->dtype, (hebb_dtype)d);
        cr_expect(hebb_shape_equal(a->shape, HEBB_SHAPE(3, 1)));
        cr_expect_eq(memcmp(a->data, arrays[d].data, hebb_array_bytes(a)), 0);
        hebb_array_free(&arrays[d]);
    }
    hebb_safetensors_destroy(file);
}

Test(safetensors, scalars_and_empty_ones) {
    double one = 1.5;
    const hebb_array scalar = hebb_array_view(&one, HEBB_F64, HEBB_SCALAR);
    const hebb_array empty = hebb_array_view(NULL, HEBB_I32, HEBB_SHAPE(2, 0, 3));
    const hebb_named_array list[] = {{"empty", &empty}, {"scalar", &scalar}};
    cr_assert_eq(hebb_safetensors_write(path, list, 2, NULL, 0, message, sizeof message), HEBB_OK);
    hebb_safetensors *file;
    cr_assert_eq(hebb_safetensors_read(path, &file, message, sizeof message), HEBB_OK, "%s",
                 message);
    cr_expect_eq(hebb_array_item(hebb_safetensors_find(file, "scalar")), 1.5);
    cr_expect(hebb_shape_equal(hebb_safetensors_find(file, "empty")->shape, HEBB_SHAPE(2, 0, 3)));
    hebb_safetensors_destroy(file);
}

static void expect_values(const hebb_safetensors *file, const char *name, hebb_dtype dtype,
                          hebb_shape shape, const double *values) {
    const hebb_array *array = hebb_safetensors_find(file, name);
    cr_assert_not_null(array, "%s", name);
    cr_expect_eq(array->dtype, dtype, "%s", name);
    cr_assert(hebb_shape_equal(array->shape, shape), "%s", name);
    for (int64_t k = 0; k < hebb_array_count(array); k++)
        cr_expect_eq(hebb_array_at(array, k), values[k], "%s", name);
}

/* Written by the format's own library (scripts/golden/make_safetensors.py). */
Test(safetensors, of_others) {
    hebb_safetensors *file;
    cr_assert_eq(
        hebb_safetensors_read(GOLDEN_FOLDER "/tensors.safetensors", &file, message, sizeof message),
        HEBB_OK, "%s", message);
    cr_expect_eq(hebb_safetensors_count(file), 8);
    cr_expect_str_eq(hebb_safetensors_text(file, "note"), "a \"quoted\" \xc3\xa9");
    expect_values(file, "a", HEBB_F32, HEBB_SHAPE(2, 3), (double[]){0, .5, 1, 1.5, 2, 2.5});
    expect_values(file, "flags", HEBB_BOOL, HEBB_SHAPE(3), (double[]){1, 0, 1});
    expect_values(file, "layer/kernel", HEBB_F64, HEBB_SHAPE(1, 2), (double[]){-1.5, 2.25});
    expect_values(file, "half", HEBB_F16, HEBB_SHAPE(2), (double[]){0.5, -2});
    expect_values(file, "counts", HEBB_I64, HEBB_SHAPE(2), (double[]){-3, 1099511627776.0});
    expect_values(file, "bytes", HEBB_U8, HEBB_SHAPE(2), (double[]){255, 0});
    expect_values(file, "none", HEBB_I8, HEBB_SHAPE(0, 2), NULL);
    expect_values(file, "steps", HEBB_I32, HEBB_SHAPE(1), (double[]){7});
    hebb_safetensors_destroy(file);
}

Test(safetensors, truncated_at_every_byte) {
    cr_assert_eq(write_some(3), HEBB_OK);
    char bytes[4096];
    FILE *file = fopen(path, "rb");
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    cr_assert_lt(size, sizeof bytes);
    for (size_t k = 0; k < size; k++) {
        put(bytes, k);
        cr_expect_eq(try_read(), HEBB_E_FORMAT, "%zu of %zu bytes: %s", k, size, message);
        cr_expect_not_null(strstr(message, "byte"), "%s", message);
    }
    bytes[size] = 0;
    put(bytes, size + 1);
    cr_expect_eq(try_read(), HEBB_E_FORMAT, "%s", message);
}

/* No byte that is changed makes it crash; whether the file is still one depends on the byte. */
Test(safetensors, every_byte_changed) {
    cr_assert_eq(write_some(3), HEBB_OK);
    char bytes[4096];
    FILE *file = fopen(path, "rb");
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (size_t k = 0; k < size; k++)
        for (int change = 1; change < 256; change *= 4) {
            bytes[k] = (char)(bytes[k] ^ change);
            put(bytes, size);
            try_read();
            bytes[k] = (char)(bytes[k] ^ change);
        }
}

Test(safetensors, broken_headers) {
    expect_broken("[]", 0, HEBB_E_FORMAT, "byte 8");
    expect_broken("{\"a\":", 0, HEBB_E_FORMAT, "byte 1");
    expect_broken("{} x", 0, HEBB_E_FORMAT, "JSON");
    expect_broken("{}", 1, HEBB_E_FORMAT, "byte 10");
    expect_broken("{\"a\":1}", 0, HEBB_E_FORMAT, "a has no dtype");
    expect_broken("{\"a\":{\"dtype\":\"F32\"}}", 0, HEBB_E_FORMAT, "a has no shape");
    expect_broken("{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[],\"data_offsets\":[0,1]}}", 1,
                  HEBB_E_UNSUPPORTED, "F8_E4M3");
    expect_broken("{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4,
                  HEBB_E_FORMAT, "whole number");
    expect_broken("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4,
                  HEBB_E_FORMAT, "whole number");
    expect_broken("{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}",
                  1, HEBB_E_UNSUPPORTED, "dimensions");
    expect_broken("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
                  HEBB_E_FORMAT, "4 bytes, which are not f32 [2]");
    expect_broken("{\"a\":{\"dtype\":\"F32\",\"shape\":[9007199254740992,2048],"
                  "\"data_offsets\":[0,4]}}",
                  4, HEBB_E_FORMAT, "4 bytes");
    expect_broken("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,0]}}", 4,
                  HEBB_E_FORMAT, "data_offsets");
    expect_broken("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4,
                  HEBB_E_FORMAT, "4 bytes after the file");
    expect_broken("{\"__metadata__\":{\"a\":1}}", 0, HEBB_E_FORMAT, "no text");
    expect_broken("{\"a\":{\"dtype\":\"BOOL\",\"shape\":[],\"data_offsets\":[0,1]},"
                  "\"a\":{\"dtype\":\"BOOL\",\"shape\":[],\"data_offsets\":[1,2]}}",
                  2, HEBB_E_FORMAT, "twice");
}

Test(safetensors, overlaps_and_gaps) {
    expect_broken("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
                  "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[2,6]}}",
                  6, HEBB_E_FORMAT, "b overlaps");
    expect_broken("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
                  "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[5,6]}}",
                  6, HEBB_E_FORMAT, "b leaves a gap");
    put("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10);
    cr_expect_eq(try_read(), HEBB_E_FORMAT);
    cr_expect_not_null(strstr(message, "byte 0"), "%s", message);
}

Test(safetensors, wrong_arguments) {
    float x = 1;
    const hebb_array array = hebb_array_view(&x, HEBB_F32, HEBB_SCALAR);
    const hebb_named_array twice[] = {{"a", &array}, {"a", &array}},
                           reserved = {"__metadata__", &array};
    cr_expect_eq(hebb_safetensors_write(path, twice, 2, NULL, 0, message, sizeof message),
                 HEBB_E_ARGUMENT);
    cr_expect_eq(hebb_safetensors_write(path, &reserved, 1, NULL, 0, NULL, 0), HEBB_E_ARGUMENT);
    cr_expect_eq(hebb_safetensors_write(NULL, twice, 1, NULL, 0, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(
        hebb_safetensors_write("/nonexistent/x", twice, 1, NULL, 0, message, sizeof message),
        HEBB_E_FILE);
    cr_expect_not_null(strstr(message, "/nonexistent/x"), "%s", message);
    hebb_safetensors *file;
    cr_expect_eq(hebb_safetensors_read("/nonexistent", &file, message, sizeof message),
                 HEBB_E_FILE);
    cr_expect_eq(hebb_safetensors_read(path, NULL, message, sizeof message), HEBB_E_NULL);
}

/* A disk that is full after 1000 bytes: an error, and the old file is there. */
Test(safetensors, full_disk_leaves_the_old_file) {
    cr_assert_eq(write_some(3), HEBB_OK, "%s", message);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){1000, 1000});
        hebb_status status = write_some(1000);
        _exit(status == HEBB_E_FILE && strstr(message, "cannot be written") != NULL ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    expect_numbers(3);
    char aside[80];
    snprintf(aside, sizeof aside, "%s.tmp", path);
    cr_expect_neq(access(aside, F_OK), 0);
}
