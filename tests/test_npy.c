/* NumPy's files: what NumPy wrote is read, what is written is what NumPy writes, and bad ones of
   every kind. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <zlib.h>

#include <hebb/hebb.h>

#define N(array) (sizeof(array) / sizeof *(array))

static char directory[] = "/tmp/hebb-npy-XXXXXX";
static char path[128], message[512];

static void make_directory(void) {
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/a-file", directory);
}
static void remove_directory(void) {
    unlink(path);
    cr_expect_eq(rmdir(directory), 0, "something was left in %s", directory);
}
TestSuite(npy, .init = make_directory, .fini = remove_directory);

static const char *golden(const char *name) {
    static char file[256];
    snprintf(file, sizeof file, GOLDEN_FOLDER "/npy/%s", name);
    return file;
}

static size_t read_bytes(const char *from, unsigned char *bytes, size_t size) {
    FILE *file = fopen(from, "rb");
    cr_assert_not_null(file, "%s", from);
    size_t n = fread(bytes, 1, size, file);
    fclose(file);
    cr_assert_lt(n, size);
    return n;
}

static void write_bytes(const void *bytes, size_t n) {
    FILE *file = fopen(path, "wb");
    cr_assert(file != NULL && fwrite(bytes, 1, n, file) == n && fclose(file) == 0);
}

/* ---- what NumPy wrote: the numbers -3 ... 8 as [3, 4], unsigned ones 0 ... 11 ---- */

static const struct {
    const char *name;
    hebb_dtype dtype;
} files[] = {{"b1.npy", HEBB_BOOL},
             {"u1.npy", HEBB_U8},
             {"i1.npy", HEBB_I8},
             {"i2.npy", HEBB_I32},
             {"u2.npy", HEBB_I32},
             {"i4.npy", HEBB_I32},
             {"u4.npy", HEBB_I64},
             {"i8.npy", HEBB_I64},
             {"f2.npy", HEBB_F16},
             {"f4.npy", HEBB_F32},
             {"f8.npy", HEBB_F64},
             {"big-endian.npy", HEBB_F32},
             {"big-endian-i2.npy", HEBB_I32},
             {"version2.npy", HEBB_F32},
             {"version3.npy", HEBB_F32}};

static double wanted(const char *name, hebb_dtype dtype, int k) {
    double number = k - (name[0] == 'u' ? 0 : 3);
    return dtype == HEBB_BOOL ? number != 0 : number;
}

Test(npy, of_every_type) {
    for (size_t i = 0; i < N(files); i++) {
        hebb_array a = {0};
        const char *name = files[i].name;
        cr_assert_eq(hebb_read_npy(golden(name), &a, message, sizeof message), HEBB_OK, "%s",
                     message);
        cr_expect_eq(a.dtype, files[i].dtype, "%s", name);
        cr_assert(hebb_shape_equal(a.shape, HEBB_SHAPE(3, 4)), "%s", name);
        for (int k = 0; k < 12; k++)
            cr_expect_eq(hebb_array_at(&a, k), wanted(name, files[i].dtype, k), "%s, %d", name, k);
        hebb_array_free(&a);
    }
}

Test(npy, in_fortran_order) {
    hebb_array a = {0};
    cr_assert_eq(hebb_read_npy(golden("fortran.npy"), &a, message, sizeof message), HEBB_OK);
    cr_assert(hebb_shape_equal(a.shape, HEBB_SHAPE(2, 3, 4)));
    for (int k = 0; k < 24; k++) cr_expect_eq(hebb_array_at(&a, k), k);
    hebb_array_free(&a);
}

Test(npy, of_one_number_and_of_none) {
    hebb_array a = {0};
    cr_assert_eq(hebb_read_npy(golden("scalar.npy"), &a, message, sizeof message), HEBB_OK);
    cr_expect(a.shape.rank == 0 && a.dtype == HEBB_F64 && hebb_array_item(&a) == 2.5);
    cr_assert_eq(hebb_read_npy(golden("none.npy"), &a, message, sizeof message), HEBB_OK);
    cr_expect(hebb_shape_equal(a.shape, HEBB_SHAPE(0, 3)) && a.dtype == HEBB_I32);
    hebb_array_free(&a);
}

/* Byte by byte what NumPy writes; bf16 is none of its types. */
Test(npy, written_as_numpy_writes) {
    static const char *const same[] = {"b1.npy", "u1.npy", "i1.npy", "i4.npy",     "i8.npy",
                                       "f2.npy", "f4.npy", "f8.npy", "scalar.npy", "none.npy"};
    for (size_t i = 0; i < N(same); i++) {
        unsigned char numpy[1024], ours[1024];
        hebb_array a = {0};
        cr_assert_eq(hebb_read_npy(golden(same[i]), &a, message, sizeof message), HEBB_OK);
        cr_assert_eq(hebb_write_npy(path, &a, message, sizeof message), HEBB_OK, "%s", message);
        size_t n = read_bytes(golden(same[i]), numpy, sizeof numpy);
        cr_expect_eq(read_bytes(path, ours, sizeof ours), n, "%s", same[i]);
        cr_expect_eq(memcmp(numpy, ours, n), 0, "%s", same[i]);
        hebb_array_free(&a);
    }
    uint16_t half = 0x3f80;
    hebb_array b = hebb_array_view(&half, HEBB_BF16, HEBB_SCALAR);
    cr_expect_eq(hebb_write_npy(path, &b, message, sizeof message), HEBB_E_DTYPE);
}

Test(npy, of_eight_dimensions) {
    hebb_array a = hebb_array_zeros(HEBB_I32, HEBB_SHAPE(1, 2, 1, 3, 1, 1, 2, 1)), b = {0};
    for (int k = 0; k < 12; k++) hebb_array_set(&a, k, k);
    cr_assert_eq(hebb_write_npy(path, &a, message, sizeof message), HEBB_OK, "%s", message);
    cr_assert_eq(hebb_read_npy(path, &b, message, sizeof message), HEBB_OK, "%s", message);
    cr_expect(hebb_shape_equal(a.shape, b.shape) && memcmp(a.data, b.data, 48) == 0);
    hebb_array_free(&a);
    hebb_array_free(&b);
}

Test(npy, compressed_by_gzip) {
    unsigned char bytes[1024];
    size_t n = read_bytes(golden("f4.npy"), bytes, sizeof bytes);
    gzFile file = gzopen(path, "wb");
    cr_assert_eq(gzwrite(file, bytes, (unsigned)n), (int)n);
    gzclose(file);
    hebb_array a = {0};
    cr_expect_eq(hebb_read_npy(path, &a, message, sizeof message), HEBB_OK, "%s", message);
    cr_expect_eq(hebb_array_at(&a, 11), 8);
    hebb_array_free(&a);
}

/* ---- bad files ---- */

static void expect_bad(const char *file, hebb_status status, const char *words) {
    float kept = 7;
    hebb_array a = hebb_array_view(&kept, HEBB_F32, HEBB_SCALAR);
    message[0] = '\0';
    cr_expect_eq(hebb_read_npy(file, &a, message, sizeof message), status, "%s: %s", words,
                 message);
    cr_expect_not_null(strstr(message, file), "'%s' does not name the file", message);
    cr_expect_not_null(strstr(message, words), "'%s' does not say '%s'", message, words);
    cr_expect(a.data == &kept && kept == 7);
}

Test(npy, truncated_at_every_byte) {
    unsigned char bytes[1024];
    static const char *const names[] = {"f4.npy", "version3.npy", "fortran.npy"};
    for (size_t i = 0; i < N(names); i++) {
        size_t n = read_bytes(golden(names[i]), bytes, sizeof bytes - 1);
        for (size_t cut = 0; cut < n; cut++) {
            char words[64];
            snprintf(words, sizeof words, "truncated at byte %zu", cut);
            write_bytes(bytes, cut);
            expect_bad(path, HEBB_E_FORMAT, words);
        }
        bytes[n] = 0;
        write_bytes(bytes, n + 1);
        expect_bad(path, HEBB_E_FORMAT, "trailing bytes after byte");
    }
}

/* A file with this header and no elements. */
static void write_header(const char *text) {
    unsigned char bytes[512] = "\x93NUMPY\x01";
    size_t n = strlen(text);
    bytes[8] = (unsigned char)n;
    memcpy(bytes + 10, text, n);
    write_bytes(bytes, n + 10);
}

Test(npy, with_bad_headers) {
    static const struct {
        const char *header, *words;
        hebb_status status;
    } bad[] = {
        {"", "byte 10, in the header: no dictionary", HEBB_E_FORMAT},
        {"[]", "no dictionary", HEBB_E_FORMAT},
        {"{}", "descr, fortran_order or shape is missing", HEBB_E_FORMAT},
        {"{'descr': '<f4'", "byte 25, in the header: the dictionary does not end", HEBB_E_FORMAT},
        {"{'descr': '<f4', 'shape': (2,), 'fortran_order': 1}", "neither True nor False",
         HEBB_E_FORMAT},
        {"{'descr': '<f4', 'shape': 2}", "byte 36, in the header: the shape is no tuple",
         HEBB_E_FORMAT},
        {"{'descr': '<f4', 'shape': (2, -1)}", "no number in range", HEBB_E_FORMAT},
        {"{'descr': '<f4', 'shape': (99999999999999999999,)}", "no number in range", HEBB_E_FORMAT},
        {"{'descr': '<f4', 'shape': (2 3)}", "the shape does not end", HEBB_E_FORMAT},
        {"{'descr': '<f4', 'shape': (1,1,1,1,1,1,1,1,1)}", "more than 8 dimensions",
         HEBB_E_UNSUPPORTED},
        {"{'descr': '<u8', 'shape': (1,)}", "byte 20, in the header: elements of type '<u8'",
         HEBB_E_UNSUPPORTED},
        {"{'descr': '', 'shape': (1,)}", "elements of type ''", HEBB_E_UNSUPPORTED},
        {"{'order': 1}", "byte 11, in the header: an unknown key", HEBB_E_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4,)} 1", "text follows",
         HEBB_E_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000, 4000000000)}",
         "more than can be addressed", HEBB_E_FORMAT},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}",
         "header says [1000000000000] f4 (4000000000077 bytes)", HEBB_E_FORMAT},
    };
    for (size_t k = 0; k < N(bad); k++) {
        write_header(bad[k].header);
        expect_bad(path, bad[k].status, bad[k].words);
    }
    write_bytes("\x93NUMPY\x04\0\2\0{}", 12);
    expect_bad(path, HEBB_E_UNSUPPORTED, "byte 6: version 4");
    write_bytes("\x93NUMPY\x02\0\xff\xff\xff\xff{}", 14);
    expect_bad(path, HEBB_E_FORMAT, "byte 8: a header of 4294967295 bytes");
    write_bytes("PK\3\4 and so on", 14);
    expect_bad(path, HEBB_E_FORMAT, "not a .npy file");
    expect_bad(golden("complex.npy"), HEBB_E_UNSUPPORTED, "'<c8'");
    expect_bad(golden("record.npy"), HEBB_E_UNSUPPORTED, "records");
}

Test(npy, that_cannot_be) {
    hebb_array a = {0}, none = {.shape = {.rank = -1}};
    expect_bad(directory, HEBB_E_FILE, "directory");
    expect_bad("/nonexistent/a.npy", HEBB_E_FILE, "No such file");
    cr_expect_eq(hebb_read_npy(NULL, &a, message, sizeof message), HEBB_E_NULL);
    cr_expect_eq(hebb_read_npy(path, NULL, message, sizeof message), HEBB_E_NULL);
    cr_expect_eq(hebb_write_npy(NULL, &a, message, sizeof message), HEBB_E_NULL);
    cr_expect_eq(hebb_write_npy(path, NULL, message, sizeof message), HEBB_E_NULL);
    cr_expect_eq(hebb_write_npy(path, &none, message, sizeof message), HEBB_E_SHAPE);
    cr_expect_eq(hebb_write_npy(path, &a, message, sizeof message), HEBB_E_NULL);
    a = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(2));
    cr_expect_eq(hebb_write_npy("/nonexistent/a.npy", &a, message, sizeof message), HEBB_E_FILE);
    hebb_array_free(&a);
}

/* ---- archives ---- */

Test(npy, archives_of_numpy) {
    hebb_npz *file;
    cr_assert_eq(hebb_npz_read(golden("stored.npz"), &file, message, sizeof message), HEBB_OK, "%s",
                 message);
    cr_assert_eq(hebb_npz_count(file), 3);
    cr_expect_str_eq(hebb_npz_name(file, 0), "a");
    cr_expect_eq(hebb_array_at(hebb_npz_array(file, 0), 11), 8);
    cr_expect_eq(hebb_array_item(hebb_npz_find(file, "steps")), 7);
    cr_expect_eq(hebb_array_count(hebb_npz_find(file, "none")), 0);
    cr_expect_null(hebb_npz_find(file, "b"));
    cr_expect_null(hebb_npz_name(file, 3));
    cr_expect_null(hebb_npz_array(file, 3));
    hebb_npz_destroy(file);
    cr_assert_eq(hebb_npz_read(golden("packed.npz"), &file, message, sizeof message), HEBB_OK, "%s",
                 message);
    const hebb_array *b = hebb_npz_find(file, "b");
    cr_assert(b != NULL && hebb_array_count(b) == 100000);
    for (int k = 0; k < 100000; k++) cr_assert_eq(hebb_array_at(b, k), k % 10);
    hebb_npz_destroy(file);
}

static float numbers[20000];
static int64_t steps = 1LL << 40;
static hebb_array big, one, empty;
static hebb_named_array three[3];

static void make_three(void) {
    for (size_t k = 0; k < N(numbers); k++) numbers[k] = (float)(k % 100);
    big = hebb_array_view(numbers, HEBB_F32, HEBB_SHAPE(200, 100));
    one = hebb_array_view(&steps, HEBB_I64, HEBB_SCALAR);
    empty = hebb_array_view(NULL, HEBB_U8, HEBB_SHAPE(0));
    three[0] = (hebb_named_array){.name = "layer/kernel", .array = &big};
    three[1] = (hebb_named_array){.name = "steps", .array = &one};
    three[2] = (hebb_named_array){.name = "none", .array = &empty};
}

Test(npy, archives_come_back_as_they_were) {
    long sizes[2];
    make_three();
    for (int compress = 0; compress < 2; compress++) {
        hebb_npz *file;
        cr_assert_eq(
            hebb_npz_write(path, three, 3, message, sizeof message, .compress = compress != 0),
            HEBB_OK, "%s", message);
        cr_assert_eq(hebb_npz_read(path, &file, message, sizeof message), HEBB_OK, "%s", message);
        for (int k = 0; k < 3; k++) {
            const hebb_array *a = hebb_npz_find(file, three[k].name), *b = three[k].array;
            cr_assert_not_null(a);
            cr_expect(a->dtype == b->dtype && hebb_shape_equal(a->shape, b->shape));
            cr_expect(hebb_array_count(b) == 0 ||
                      memcmp(a->data, b->data, hebb_array_bytes(b)) == 0);
        }
        hebb_npz_destroy(file);
        FILE *f = fopen(path, "rb");
        fseek(f, 0, SEEK_END);
        sizes[compress] = ftell(f);
        fclose(f);
    }
    cr_expect_lt(sizes[1], sizes[0] / 10);
}

static void expect_bad_archive(const char *file, hebb_status status, const char *words) {
    hebb_npz *npz = (hebb_npz *)1;
    message[0] = '\0';
    cr_expect_eq(hebb_npz_read(file, &npz, message, sizeof message), status, "%s: %s", words,
                 message);
    cr_expect_null(npz);
    cr_expect_not_null(strstr(message, file), "'%s' does not name the file", message);
    cr_expect_not_null(strstr(message, words), "'%s' does not say '%s'", message, words);
}

/* The end of the directory is the end of the file, so that no cut goes unnoticed. */
Test(npy, archives_truncated_at_every_byte) {
    static unsigned char bytes[4096];
    make_three();
    big.shape = HEBB_SHAPE(3, 4);
    for (int compress = 0; compress < 2; compress++) {
        cr_assert_eq(hebb_npz_write(path, three, 3, NULL, 0, .compress = compress != 0), HEBB_OK);
        size_t n = read_bytes(path, bytes, sizeof bytes);
        for (size_t cut = 0; cut < n; cut++) {
            write_bytes(bytes, cut);
            expect_bad_archive(path, HEBB_E_FORMAT, "truncated");
        }
    }
}

/* Whatever byte is another one: an error or the same arrays, but nothing worse. */
Test(npy, archives_with_every_byte_wrong) {
    static unsigned char bytes[4096];
    make_three();
    big.shape = HEBB_SHAPE(3, 4);
    for (int compress = 0; compress < 2; compress++) {
        cr_assert_eq(hebb_npz_write(path, three, 3, NULL, 0, .compress = compress != 0), HEBB_OK);
        size_t n = read_bytes(path, bytes, sizeof bytes), errors = 0;
        for (size_t at = 0; at < n; at++) {
            hebb_npz *file;
            bytes[at] ^= 0x41;
            write_bytes(bytes, n);
            if (hebb_npz_read(path, &file, message, sizeof message) != HEBB_OK) errors++;
            else if (hebb_npz_find(file, "layer/kernel") != NULL)
                cr_expect_eq(
                    memcmp(hebb_npz_find(file, "layer/kernel")->data, numbers, 12 * sizeof(float)),
                    0, "byte %zu", at);
            hebb_npz_destroy(file);
            bytes[at] ^= 0x41;
        }
        cr_expect_gt(errors, n / 2);
    }
}

static void patch(size_t at, const void *bytes, size_t n) {
    FILE *file = fopen(path, "r+b");
    fseek(file, (long)at, SEEK_SET);
    cr_assert_eq(fwrite(bytes, 1, n, file), n);
    fclose(file);
}

/* One member of 128 + 8 bytes: local header at 0, directory at 30 + 9 + 136, its end 46 + 9 later.
 */
Test(npy, archives_that_lie) {
    enum { DIRECTORY = 30 + 9 + 136, END = DIRECTORY + 46 + 9 };
    static const struct {
        const char *name;
        size_t at, n;
        const char *bytes, *words;
        hebb_status status;
    } lies[] = {
        {"more in it", DIRECTORY + 24, 4, "\xff\xff\xff\x7f", "size is not what", HEBB_E_FORMAT},
        {"larger", DIRECTORY + 20, 4, "\xff\xff\xff\x7f", "no member of", HEBB_E_FORMAT},
        {"elsewhere", DIRECTORY + 42, 4, "\xff\xff\xff\x7f", "too late", HEBB_E_FORMAT},
        {"checksum", DIRECTORY + 16, 4, "\1\2\3\4", "checksum", HEBB_E_FORMAT},
        {"method", DIRECTORY + 10, 1, "\x0c", "compressed by method 12", HEBB_E_UNSUPPORTED},
        {"encrypted", DIRECTORY + 8, 1, "\1", "encrypted", HEBB_E_UNSUPPORTED},
        {"zip64 member", DIRECTORY + 20, 4, "\xff\xff\xff\xff", "zip64", HEBB_E_UNSUPPORTED},
        {"zip64", END + 16, 4, "\xff\xff\xff\xff", "zip64", HEBB_E_UNSUPPORTED},
        {"parts", END + 4, 2, "\1\0", "several", HEBB_E_UNSUPPORTED},
        {"directory", END + 12, 4, "\xff\xff\xff\x7f", "does not end here", HEBB_E_FORMAT},
        {"members", END + 8, 4, "\2\0\2\0", "no entry of the directory", HEBB_E_FORMAT},
        {"fewer members", END + 8, 4, "\0\0\0\0", "the directory has 0 entries", HEBB_E_FORMAT},
        {"name", DIRECTORY + 28, 2, "\xff\xff", "no entry of the directory", HEBB_E_FORMAT},
    };
    make_three();
    three[1].name = "steps";
    for (size_t k = 0; k < N(lies); k++) {
        cr_assert_eq(hebb_npz_write(path, &three[1], 1, NULL, 0), HEBB_OK);
        patch(lies[k].at, lies[k].bytes, lies[k].n);
        expect_bad_archive(path, lies[k].status, lies[k].words);
    }
    write_bytes("nothing of the kind", 19);
    expect_bad_archive(path, HEBB_E_FORMAT, "not a zip archive");
    expect_bad_archive(directory, HEBB_E_FILE, "not a regular file");
    expect_bad_archive("/nonexistent", HEBB_E_FILE, "No such file");
}

Test(npy, archives_of_wrong_arguments) {
    hebb_npz *file;
    make_three();
    cr_expect_eq(hebb_npz_read(NULL, &file, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_npz_read(path, NULL, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_npz_write(NULL, three, 3, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_npz_write(path, NULL, 3, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_npz_write("/nonexistent/a", three, 3, NULL, 0), HEBB_E_FILE);
    three[2].name = "steps";
    cr_expect_eq(hebb_npz_write(path, three, 3, message, sizeof message), HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(message, "steps is there twice"), "%s", message);
    three[2] = (hebb_named_array){.name = "x", .array = NULL};
    cr_expect_eq(hebb_npz_write(path, three, 3, message, sizeof message), HEBB_E_NULL);
    cr_expect_neq(access(path, F_OK), 0, "after an error there is no file");
    cr_assert_eq(hebb_npz_write(path, NULL, 0, message, sizeof message), HEBB_OK, "%s", message);
    cr_assert_eq(hebb_npz_read(path, &file, message, sizeof message), HEBB_OK, "%s", message);
    cr_expect_eq(hebb_npz_count(file), 0);
    hebb_npz_destroy(file);
    hebb_npz_destroy(NULL);
    cr_expect_eq(hebb_npz_count(NULL), 0);
}

/* A disk that is full after 1000 bytes: an error, and the old file is there. */
Test(npy, full_disk_leaves_the_old_file) {
    make_three();
    cr_assert_eq(hebb_write_npy(path, &one, message, sizeof message), HEBB_OK);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){1000, 1000});
        bool fine = hebb_write_npy(path, &big, message, sizeof message) == HEBB_E_FILE &&
                    strstr(message, "cannot be written") != NULL &&
                    hebb_npz_write(path, three, 3, message, sizeof message) == HEBB_E_FILE;
        _exit(fine ? 0 : 1);
    }
    int status;
    hebb_array a = {0};
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cr_assert_eq(hebb_read_npy(path, &a, message, sizeof message), HEBB_OK, "%s", message);
    cr_expect_eq(hebb_array_item(&a), (double)steps);
    hebb_array_free(&a);
}
