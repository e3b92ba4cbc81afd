/* CIFAR-10 and CIFAR-100 in their binary format: files made here, plain, compressed, in folders,
   and bad ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <zlib.h>

#include <hebb/hebb.h>

enum { IMAGE = 3 * 32 * 32 };

static char directory[] = "/tmp/hebb-cifar-XXXXXX";
static char path[128], message[512];
static hebb_array images, labels, coarse;

static void make_directory(void) { cr_assert_not_null(mkdtemp(directory)); }
static void remove_directory(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", directory);
    cr_expect_eq(system(command), 0);
    hebb_array_free(&images);
    hebb_array_free(&labels);
    hebb_array_free(&coarse);
}
TestSuite(cifar, .init = make_directory, .fini = remove_directory);

/* Byte `at` of the image of record `record`. */
static unsigned char pixel(int record, int at) { return (unsigned char)(record * 31 + at * 7); }

/* Records first, first + 1, ... of n_labels bytes, whose labels are record + 10 k, and an image. */
static void write_records(const char *name, int n_labels, int first, int n, size_t cut) {
    size_t record = (size_t)n_labels + IMAGE, size = (size_t)n * record - cut;
    unsigned char *bytes = malloc((size_t)n * record + 1);
    for (int i = 0; i < n; i++) {
        unsigned char *at = bytes + (size_t)i * record;
        for (int k = 0; k < n_labels; k++) at[k] = (unsigned char)(first + i + 10 * k);
        for (int k = 0; k < IMAGE; k++) at[n_labels + k] = pixel(first + i, k);
    }
    snprintf(path, sizeof path, "%s/%s", directory, name);
    bool zip = strstr(name, ".gz") != NULL;
    gzFile file = gzopen(path, zip ? "wb" : "wbT");
    cr_assert(file != NULL && (size == 0 || gzwrite(file, bytes, (unsigned)size) == (int)size));
    cr_assert_eq(gzclose(file), Z_OK);
    free(bytes);
}

static void expect_records(int n) {
    cr_assert(hebb_shape_equal(images.shape, HEBB_SHAPE(n, 3, 32, 32)));
    cr_assert(hebb_shape_equal(labels.shape, HEBB_SHAPE(n)));
    cr_assert(images.dtype == HEBB_U8 && labels.dtype == HEBB_I32);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < IMAGE; k++)
            cr_assert_eq(((unsigned char *)images.data)[i * IMAGE + k], pixel(i, k));
}

Test(cifar, of_ten_classes) {
    static const char *const names[] = {"a.bin", "a.bin.gz"};
    for (int k = 0; k < 2; k++) {
        write_records(names[k], 1, 0, 9, 0);
        cr_assert_eq(hebb_read_cifar10(path, &images, &labels, message, sizeof message), HEBB_OK,
                     "%s", message);
        expect_records(9);
        for (int i = 0; i < 9; i++) cr_expect_eq(hebb_array_at(&labels, i), i);
    }
}

Test(cifar, of_a_hundred_classes) {
    write_records("train.bin", 2, 0, 5, 0);
    cr_assert_eq(hebb_read_cifar100(path, &images, &labels, &coarse, message, sizeof message),
                 HEBB_OK, "%s", message);
    expect_records(5);
    cr_expect_eq(hebb_array_at(&coarse, 4), 4);
    cr_expect_eq(hebb_array_at(&labels, 4), 14);
    cr_assert_eq(hebb_read_cifar100(directory, &images, &labels, NULL, message, sizeof message),
                 HEBB_OK, "%s", message);
    expect_records(5);
}

Test(cifar, in_a_folder) {
    write_records("data_batch_2.bin.gz", 1, 2, 3, 0);
    write_records("data_batch_1.bin", 1, 0, 2, 0);
    write_records("test_batch.bin", 1, 7, 2, 0);
    write_records("data_batch_3.txt", 1, 7, 2, 0);
    cr_assert_eq(hebb_read_cifar10(directory, &images, &labels, message, sizeof message), HEBB_OK,
                 "%s", message);
    expect_records(5);
}

/* More than the room that is made at first. */
Test(cifar, of_many_records) {
    snprintf(path, sizeof path, "%s/many.bin.gz", directory);
    gzFile file = gzopen(path, "wb1");
    static unsigned char record[1 + IMAGE];
    for (int i = 0; i < 2500; i++) {
        record[0] = (unsigned char)(i % 10);
        record[1] = (unsigned char)(i % 251);
        gzwrite(file, record, sizeof record);
    }
    gzclose(file);
    cr_assert_eq(hebb_read_cifar10(path, &images, &labels, message, sizeof message), HEBB_OK);
    cr_assert(hebb_shape_equal(images.shape, HEBB_SHAPE(2500, 3, 32, 32)));
    for (int i = 0; i < 2500; i++) {
        cr_assert_eq(hebb_array_at(&labels, i), i % 10);
        cr_assert_eq(((unsigned char *)images.data)[i * IMAGE], i % 251);
    }
}

static void expect_bad(hebb_status status, const char *words) {
    hebb_array a = {0}, b = {0};
    cr_expect_eq(hebb_read_cifar10(path, &a, &b, message, sizeof message), status, "%s: %s", words,
                 message);
    cr_expect_not_null(strstr(message, path), "'%s' does not name the file", message);
    cr_expect_not_null(strstr(message, words), "'%s' does not say '%s'", message, words);
    cr_expect(a.data == NULL && b.data == NULL);
}

Test(cifar, that_is_none) {
    static const size_t cuts[] = {1, 2, 1000, IMAGE - 1, IMAGE};
    for (size_t k = 0; k < sizeof cuts / sizeof *cuts; k++) {
        char words[64];
        snprintf(words, sizeof words, "truncated at byte %zu, in record 2",
                 3 * (1 + IMAGE) - cuts[k]);
        write_records("a.bin", 1, 0, 3, cuts[k]);
        expect_bad(HEBB_E_FORMAT, words);
    }
    write_records("a.bin", 1, 8, 3, 0);
    expect_bad(HEBB_E_FORMAT, "byte 6146, in record 2: label 10 is not in 0...9");
    write_records("a.bin", 1, 0, 0, 0);
    expect_bad(HEBB_E_FORMAT, "no records");
    write_records("a.bin.gz", 1, 0, 3, 0);
    cr_assert_eq(truncate(path, 60), 0);
    expect_bad(HEBB_E_FORMAT, "truncated");
    snprintf(path, sizeof path, "%s", directory);
    expect_bad(HEBB_E_FILE, "no data_batch_*.bin in it");
    snprintf(path, sizeof path, "/nonexistent");
    expect_bad(HEBB_E_FILE, "No such file");
}

Test(cifar, of_wrong_arguments) {
    cr_expect_eq(hebb_read_cifar10(NULL, &images, &labels, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_read_cifar10("x", NULL, &labels, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_read_cifar10("x", &images, NULL, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_read_cifar100("x", &images, NULL, NULL, NULL, 0), HEBB_E_NULL);
}
