/* IDX files, good ones of every type and rank and bad ones of every kind. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <zlib.h>

#include <hebb/hebb.h>

#define N(array) (sizeof(array) / sizeof *(array))

/* ---- files that last for one test ---- */

static char directory[] = "/tmp/hebb-io-XXXXXX";
static char path[128];

static void make_directory(void) {
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/some-file.idx", directory);
}
static void remove_directory(void) {
    unlink(path);
    rmdir(directory);
}
TestSuite(idx, .init = make_directory, .fini = remove_directory);

static void write_plain(const void *bytes, size_t n) {
    FILE *file = fopen(path, "wb");
    cr_assert(file != NULL && fwrite(bytes, 1, n, file) == n && fclose(file) == 0);
}

static void write_gzip(const void *bytes, size_t n) {
    gzFile file = gzopen(path, "wb");
    cr_assert(file != NULL);
    if (n > 0) cr_assert_eq(gzwrite(file, bytes, (unsigned)n), (int)n);
    cr_assert_eq(gzclose(file), Z_OK);
}

/* ---- good files ---- */

typedef struct good {
    const char *name;
    unsigned char bytes[64];
    size_t n;
    hebb_dtype dtype;
    int rank;
    int64_t sizes[4];
    double elements[6];
} good;

static const good goods[] = {
    {"u8", {0, 0, 8, 1, 0, 0, 0, 3, 0, 127, 255}, 11, HEBB_U8, 1, {3}, {0, 127, 255}},
    {"i8", {0, 0, 9, 1, 0, 0, 0, 3, 0, 127, 255}, 11, HEBB_I8, 1, {3}, {0, 127, -1}},
    {"i16",
     {0, 0, 11, 1, 0, 0, 0, 3, 1, 2, 127, 255, 255, 254},
     14,
     HEBB_I32,
     1,
     {3},
     {258, 32767, -2}},
    {"i32",
     {0, 0, 12, 1, 0, 0, 0, 2, 1, 2, 3, 4, 255, 255, 255, 254},
     16,
     HEBB_I32,
     1,
     {2},
     {16909060, -2}},
    {"f32",
     {0, 0, 13, 1, 0, 0, 0, 2, 0x3F, 0xC0, 0, 0, 0xC0, 0, 0, 0},
     16,
     HEBB_F32,
     1,
     {2},
     {1.5, -2}},
    {"f64", {0, 0, 14, 1, 0, 0, 0, 1, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0}, 16, HEBB_F64, 1, {1}, {1.5}},
    {"rank 2",
     {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6},
     18,
     HEBB_U8,
     2,
     {2, 3},
     {1, 2, 3, 4, 5, 6}},
    {"rank 3",
     {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4},
     20,
     HEBB_U8,
     3,
     {1, 2, 2},
     {1, 2, 3, 4}},
    {"rank 4",
     {0, 0, 8, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4},
     24,
     HEBB_U8,
     4,
     {1, 2, 1, 2},
     {1, 2, 3, 4}},
    {"empty", {0, 0, 8, 1, 0, 0, 0, 0}, 8, HEBB_U8, 1, {0}, {0}},
};

static void expect_good(const good *c, const char *kind, const hebb_array *array) {
    char message[256] = "";
    hebb_array a = *array;
    cr_expect_eq(hebb_read_idx(path, &a, message, sizeof message), HEBB_OK, "%s, %s: %s", c->name,
                 kind, message);
    cr_expect_eq(a.dtype, c->dtype, "%s, %s", c->name, kind);
    cr_assert(hebb_shape_equal(a.shape, hebb_shape_of(c->rank, c->sizes)), "%s, %s", c->name, kind);
    for (int64_t i = 0; i < hebb_array_count(&a); i++)
        cr_expect_eq(hebb_array_at(&a, i), c->elements[i], "%s, %s, element %d", c->name, kind,
                     (int)i);
    hebb_array_free(&a);
}

Test(idx, good_files) {
    for (size_t i = 0; i < N(goods); i++) {
        hebb_array empty = {0}, earlier = hebb_array_zeros(HEBB_F64, HEBB_SHAPE(50));
        write_plain(goods[i].bytes, goods[i].n);
        expect_good(&goods[i], "plain", &empty);
        expect_good(&goods[i], "into an earlier array", &earlier);
        write_gzip(goods[i].bytes, goods[i].n);
        expect_good(&goods[i], "gzip", &empty);
    }
}

/* Larger than any buffer of the reader or of zlib. */
Test(idx, a_large_file) {
    size_t n = 300000;
    unsigned char *bytes = calloc(n + 8, 1);
    const unsigned char header[] = {
        0, 0, 8, 1, 0, (unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n};
    memcpy(bytes, header, 8);
    for (size_t i = 0; i < n; i++) bytes[8 + i] = (unsigned char)(i * i >> 7);
    for (int gzip = 0; gzip < 2; gzip++) {
        hebb_array a = {0};
        if (gzip) write_gzip(bytes, n + 8);
        else write_plain(bytes, n + 8);
        cr_expect_eq(hebb_read_idx(path, &a, NULL, 0), HEBB_OK);
        cr_expect(hebb_array_bytes(&a) == n && memcmp(a.data, bytes + 8, n) == 0);
        hebb_array_free(&a);
    }
    free(bytes);
}

/* ---- bad files: the status, a message with the file's name, and an array that is as before ----
 */

static void expect_bad(hebb_status status, const char *file, const char *what) {
    float kept[2] = {1, 2};
    char message[512] = "";
    hebb_array a = hebb_array_view(kept, HEBB_F32, HEBB_SHAPE(2));
    hebb_status got = hebb_read_idx(file, &a, message, sizeof message);
    cr_expect_eq(got, status, "%s: %s: %s", what, hebb_status_name(got), message);
    cr_expect_not_null(strstr(message, file), "%s: '%s' does not name the file", what, message);
    cr_expect(a.data == kept && a.dtype == HEBB_F32 && a.shape.rank == 1 && a.shape.dim[0] == 2 &&
                  a.capacity == 0 && kept[0] == 1 && kept[1] == 2,
              "%s: the array was touched", what);
}

Test(idx, truncated_at_every_byte) {
    for (size_t i = 0; i < N(goods); i++)
        for (size_t n = 0; n < goods[i].n; n++) {
            char what[64];
            snprintf(what, sizeof what, "%s cut to %zu bytes", goods[i].name, n);
            write_plain(goods[i].bytes, n);
            expect_bad(HEBB_E_FORMAT, path, what);
            write_gzip(goods[i].bytes, n);
            expect_bad(HEBB_E_FORMAT, path, what);
        }
}

static size_t read_back(unsigned char *bytes, size_t size) {
    FILE *file = fopen(path, "rb");
    size_t n = fread(bytes, 1, size, file);
    fclose(file);
    return n;
}

Test(idx, gzip_truncated_at_every_byte) {
    unsigned char bytes[256];
    write_gzip(goods[6].bytes, goods[6].n);
    size_t n = read_back(bytes, sizeof bytes);
    for (size_t cut = 0; cut < n; cut++) {
        char what[64];
        snprintf(what, sizeof what, "gzip cut to %zu of %zu bytes", cut, n);
        write_plain(bytes, cut);
        expect_bad(HEBB_E_FORMAT, path, what);
    }
}

/* The last eight bytes of a gzip file are the checksum and the size of what it holds. */
Test(idx, gzip_with_a_wrong_checksum_or_size) {
    unsigned char bytes[256];
    write_gzip(goods[6].bytes, goods[6].n);
    size_t n = read_back(bytes, sizeof bytes);
    for (size_t k = 1; k <= 8; k++) {
        bytes[n - k] ^= 0x10;
        write_plain(bytes, n);
        expect_bad(HEBB_E_FORMAT, path, k <= 4 ? "wrong size" : "wrong checksum");
        bytes[n - k] ^= 0x10;
    }
}

Test(idx, trailing_bytes) {
    for (size_t i = 0; i < N(goods); i++) {
        write_plain(goods[i].bytes, goods[i].n + 1);
        expect_bad(HEBB_E_FORMAT, path, goods[i].name);
        write_gzip(goods[i].bytes, goods[i].n + 1);
        expect_bad(HEBB_E_FORMAT, path, goods[i].name);
    }
}

static const struct {
    const char *name;
    unsigned char bytes[48];
    size_t n;
} bad_headers[] = {
    {"not 0 at byte 0", {1, 0, 8, 1, 0, 0, 0, 1, 5}, 9},
    {"not 0 at byte 1", {0, 1, 8, 1, 0, 0, 0, 1, 5}, 9},
    {"no such type", {0, 0, 10, 1, 0, 0, 0, 1, 5}, 9},
    {"type 0", {0, 0, 0, 1, 0, 0, 0, 1, 5}, 9},
    {"rank 9", {0, 0, 8, 9}, 40},
    {"huge size", {0, 0, 8, 1, 0xFF, 0xFF, 0xFF, 0xFF, 5}, 9},
    {"product overflows",
     {0, 0, 14, 3, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 5},
     17},
    {"product wraps to a small number",
     {0, 0, 8, 4, 0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1, 5},
     21},
    {"text", "P5 28 28 255 is a picture", 25},
};

Test(idx, bad_headers) {
    for (size_t i = 0; i < N(bad_headers); i++) {
        write_plain(bad_headers[i].bytes, bad_headers[i].n);
        expect_bad(HEBB_E_FORMAT, path, bad_headers[i].name);
    }
}

Test(idx, no_file_at_all) {
    char missing[256];
    snprintf(missing, sizeof missing, "%s/missing.idx", directory);
    expect_bad(HEBB_E_FILE, missing, "missing");
    expect_bad(HEBB_E_FILE, directory, "a directory");
}

Test(idx, null_and_short_messages) {
    hebb_array a = {0};
    char message[8] = "abcdefg";
    cr_expect_eq(hebb_read_idx(NULL, &a, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_read_idx(path, NULL, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_read_idx(path, &a, NULL, 0), HEBB_E_FILE);
    cr_expect_eq(hebb_read_idx(path, &a, message, 4), HEBB_E_FILE);
    cr_expect(strlen(message) < 4 && message[4] == 'e', "the message was overrun");
    cr_expect_eq(hebb_read_idx(path, &a, message, 0), HEBB_E_FILE);
    cr_expect_null(a.data);
}
