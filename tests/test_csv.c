/* Comma-separated values: good files of many kinds, and bad ones, whose row and column are named.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include <hebb/hebb.h>

#include "support/commas.h"

#define N(array) (sizeof(array) / sizeof *(array))

static char directory[] = "/tmp/hebb-csv-XXXXXX";
static char path[128], message[512];
static hebb_table table;

static void make_directory(void) {
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/some.csv", directory);
}
static void remove_directory(void) {
    hebb_table_free(&table);
    unlink(path);
    cr_expect_eq(rmdir(directory), 0, "something was left in %s", directory);
}
TestSuite(csv, .init = make_directory, .fini = remove_directory);

static void write_bytes(const char *text, size_t n) {
    FILE *file = fopen(path, "wb");
    cr_assert(file != NULL && fwrite(text, 1, n, file) == n && fclose(file) == 0);
}

static void expect_read(hebb_status status) { cr_assert_eq(status, HEBB_OK, "%s", message); }

#define READ(text, ...)                                                                            \
    (write_bytes(text, strlen(text)),                                                              \
     expect_read(hebb_read_csv(path, &table, message, sizeof message, ##__VA_ARGS__)))

static void expect_values(int64_t rows, int64_t columns, const double *values) {
    cr_assert(hebb_shape_equal(table.values.shape, HEBB_SHAPE(rows, columns)));
    for (int64_t k = 0; k < rows * columns; k++) {
        double value = hebb_array_at(&table.values, k);
        cr_expect(value == values[k] || (isnan(value) && isnan(values[k])), "%d: %g is not %g",
                  (int)k, value, values[k]);
    }
}

/* ---- good files ---- */

Test(csv, of_numbers) {
    static const double six[] = {1, 2.5, -3e2, 4, .5, 6};
    static const char *const texts[] = {"1,2.5,-3e2\n4,.5,6\n",
                                        "1,2.5,-3e2\n4,.5,6",
                                        "1,2.5,-3e2\r\n4,.5,6\r\n",
                                        "\n1,2.5,-3e2\n\n  \n4,.5,6\n\n",
                                        " 1 ,\t2.5,-3e2 \n4,  .5  ,6\n",
                                        "\"1\",\"2.5\" , \"-3e2\"\n4,\".5\",6\n",
                                        "\xef\xbb\xbf"
                                        "1,2.5,-3e2\n4,.5,6\n"};
    for (size_t k = 0; k < N(texts); k++) {
        READ(texts[k]);
        expect_values(2, 3, six);
        cr_expect(table.values.dtype == HEBB_F32 && table.labels.data == NULL &&
                  table.columns.count == 0 && table.classes.count == 0);
    }
    READ("1;2.5;-3e2\n4;.5;6\n", .separator = ';', .dtype = HEBB_F64);
    expect_values(2, 3, six);
    cr_expect_eq(table.values.dtype, HEBB_F64);
    READ("1\t2.5\t-3e2\n4\t.5\t6\n", .separator = '\t');
    expect_values(2, 3, six);
}

Test(csv, of_numbers_that_are_none) {
    static const double values[] = {NAN, INFINITY, 3, -INFINITY};
    READ("nan,inf\n3,-Infinity\n");
    expect_values(2, 2, values);
    static const double holes[] = {1, NAN, NAN, 4};
    READ("1,\n,4\n", .missing = true);
    expect_values(2, 2, holes);
}

/* An integer of 2^24 + 1 needs f64; a point is a point in a country of commas, too. */
Test(csv, keep_all_digits) {
    static const double values[] = {16777217, 0.1};
    use_commas();
    READ("16777217,0.1\n", .dtype = HEBB_F64);
    expect_values(1, 2, values);
}

Test(csv, with_names) {
    static const double values[] = {1, 2, 3, 4};
    READ("a,\"b \"\"c\"\", d\"\n1,2\n3,4\n");
    expect_values(2, 2, values);
    cr_assert_eq(table.columns.count, 2);
    cr_expect_str_eq(table.columns.at[0], "a");
    cr_expect_str_eq(table.columns.at[1], "b \"c\", d");
    READ("1,2\n1,2\n3,4\n", .header = HEBB_CSV_NAMES);
    expect_values(2, 2, values);
    cr_expect_str_eq(table.columns.at[1], "2");
    READ("1,2\n3,4\n", .header = HEBB_CSV_NUMBERS);
    expect_values(2, 2, values);
    cr_expect_eq(table.columns.count, 0);
    READ("\"two\nlines\",b\n1,2\n3,4\n");
    expect_values(2, 2, values);
}

static void expect_labels(hebb_dtype dtype, size_t n, const double *labels) {
    cr_assert(hebb_shape_equal(table.labels.shape, HEBB_SHAPE((int64_t)n)));
    cr_expect_eq(table.labels.dtype, dtype);
    for (size_t k = 0; k < n; k++)
        cr_expect_float_eq(hebb_array_at(&table.labels, (int64_t)k), labels[k], 1e-6);
}

Test(csv, with_labels_that_are_words) {
    static const double values[] = {1, 2, 3, 4, 5, 6}, labels[] = {2, 0, 2, 1, 0, 2};
    READ("1,rose\n2,aster\n3,rose\n4,iris\n5,aster\n6,rose\n", .label_column = -1);
    expect_values(6, 1, values);
    expect_labels(HEBB_I32, 6, labels);
    cr_assert_eq(table.classes.count, 3);
    cr_expect_str_eq(table.classes.at[0], "aster");
    cr_expect_str_eq(table.classes.at[2], "rose");
    cr_expect_eq(table.columns.count, 0);
    READ("kind,x\nrose,1\naster,2\n", .label = "kind");
    cr_expect_eq(table.columns.count, 1);
    cr_expect_str_eq(table.columns.at[0], "x");
    expect_labels(HEBB_I32, 2, (const double[]){1, 0});
    READ("rose,1\naster,2\n", .label_column = 1);
    expect_values(2, 1, values);
}

Test(csv, with_columns_of_categories) {
    READ("port,age,sex,alive\nS,3,m,1\nC,1,f,0\nS,2,m,1\nS,0.5,m,1\n", .label = "alive",
         .categories = true);
    expect_values(4, 3, (double[]){1, 3, 1, 0, 1, 0, 1, 2, 1, 1, 0.5, 1});
    cr_assert_eq(table.n_categories, 3);
    cr_expect_eq(table.categories[0].count, 2);
    cr_expect_str_eq(table.categories[0].at[1], "S");
    cr_expect_eq(table.categories[1].count, 0);
    cr_expect_eq(hebb_names_find(&table.categories[2], "m"), 1);
    cr_expect_eq(hebb_array_at(&table.labels, 1), 0);
    cr_expect_eq(table.classes.count, 0);

    /* Behind the label, numbers among names, and a field that is missing. */
    READ("red,b,1\nblue,10,2\nred,,3\n", .label_column = 1, .categories = true, .missing = true,
         .header = HEBB_CSV_NUMBERS);
    expect_values(3, 2, (double[]){1, 1, 0, 2, NAN, 3});
    cr_expect_str_eq(table.categories[0].at[0], "10");
    cr_expect_eq(table.classes.count, 2);

    /* Without the option there are none; an empty field is still an error. */
    READ("1,2\n");
    cr_expect(table.categories == NULL && table.n_categories == 0);
    write_bytes("a,b\nx,1\n,2\n", 11);
    cr_expect_eq(hebb_read_csv(path, &table, message, sizeof message, .categories = true),
                 HEBB_E_FORMAT);
    cr_expect(strstr(message, "row 3, column 1 (a): it is empty"), "%s", message);
}

/* What is in other columns does not matter, be it dates or nothing. */
Test(csv, of_some_columns) {
    static const char text[] = "date,wind,,rain,kind\n2026-01-01,3,,0.5,a\n2026-01-02,4,,1.5,b\n";
    READ(text, HEBB_COLUMNS("rain", "wind"));
    expect_values(2, 2, (double[]){0.5, 3, 1.5, 4});
    cr_assert_eq(table.columns.count, 2);
    cr_expect_str_eq(table.columns.at[0], "rain");
    cr_expect_str_eq(table.columns.at[1], "wind");
    cr_expect_null(table.labels.data);
    READ(text, .label = "kind", .categories = true, HEBB_COLUMNS("wind", "date", "kind", "wind"));
    expect_values(2, 4, (double[]){3, 0, 0, 3, 4, 1, 1, 4});
    cr_assert_eq(table.n_categories, 4);
    cr_expect_eq(table.categories[0].count, 0);
    cr_expect_str_eq(table.categories[1].at[1], "2026-01-02");
    cr_expect_eq(hebb_array_at(&table.labels, 1), 1);
    READ("wind\n1\n2\n", HEBB_COLUMNS("wind", "wind", "wind"));
    expect_values(2, 3, (double[]){1, 1, 1, 2, 2, 2});
    hebb_status status =
        hebb_read_csv(path, &table, message, sizeof message, HEBB_COLUMNS("wind", "Rain"));
    cr_expect_eq(status, HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(message, "no column has the name Rain"), "%s", message);
    status = hebb_read_csv(path, &table, message, sizeof message, HEBB_COLUMNS("wind", NULL));
    cr_expect_eq(status, HEBB_E_NULL);
    status = hebb_read_csv(path, &table, message, sizeof message, .n_columns = 2);
    cr_expect_eq(status, HEBB_E_NULL);
    status = hebb_read_csv(path, &table, message, sizeof message, HEBB_COLUMNS("wind"),
                           .header = HEBB_CSV_NUMBERS);
    cr_expect_eq(status, HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(message, "columns by name want a row of names"), "%s", message);
}

Test(csv, with_labels_that_are_numbers) {
    READ("1,9\n2,10\n3,9\n", .label_column = 2);
    expect_labels(HEBB_I32, 3, (const double[]){9, 10, 9});
    cr_expect_eq(table.classes.count, 0);
    READ("1,9\n2,10\n3,9.5\n", .label_column = 2);
    expect_labels(HEBB_F32, 3, (const double[]){9, 10, 9.5});
    READ("1,9\n2,10\n3,9\n", .label_column = 2, .classes = true);
    expect_labels(HEBB_I32, 3, (const double[]){0, 1, 0});
    cr_expect_str_eq(table.classes.at[1], "10");
}

Test(csv, of_many_rows) {
    FILE *file = fopen(path, "w");
    for (int k = 0; k < 5000; k++) fprintf(file, "%d,%d,class%d\n", k, -k, k % 7);
    fclose(file);
    cr_assert_eq(hebb_read_csv(path, &table, message, sizeof message, .label_column = 3), HEBB_OK);
    for (int k = 0; k < 5000; k++) {
        cr_assert_eq(hebb_array_at(&table.values, 2 * k + 1), -k);
        cr_assert_eq(hebb_array_at(&table.labels, k), k % 7);
    }
}

/* ---- bad files ---- */

#define EXPECT_BAD(status, words, text, ...)                                                       \
    (write_bytes(text, strlen(text)),                                                              \
     expect_error(status, words,                                                                   \
                  hebb_read_csv(path, &table, message, sizeof message, ##__VA_ARGS__)))

static void expect_error(hebb_status wanted, const char *words, hebb_status status) {
    cr_expect_eq(status, wanted, "%s: %s", words, message);
    cr_expect_not_null(strstr(message, path), "'%s' does not name the file", message);
    cr_expect_not_null(strstr(message, words), "'%s' does not say '%s'", message, words);
    cr_expect(table.values.data == NULL && table.columns.count == 0);
}

Test(csv, with_mistakes) {
    EXPECT_BAD(HEBB_E_FORMAT, "row 3 has 3 fields, row 1 has 2", "1,2\n3,4\n5,6,7\n");
    EXPECT_BAD(HEBB_E_FORMAT, "row 4 has 1 fields, row 2 has 2", "\n1,2\n\n3\n");
    EXPECT_BAD(HEBB_E_FORMAT, "row 2, column 2: 'x' is no number", "1,2\n3,x\n");
    EXPECT_BAD(HEBB_E_FORMAT, "row 3, column 2 (b): 'x' is no number", "a,b\n1,2\n3,x\n");
    EXPECT_BAD(HEBB_E_FORMAT, "row 4, column 1 (a\nb): '1 2' is no number",
               "\"a\nb\",c\n1,2\n1 2,3\n");
    EXPECT_BAD(HEBB_E_FORMAT, "row 2, column 1: it is empty", "1,2\n,4\n");
    EXPECT_BAD(HEBB_E_FORMAT, "row 1, column 2: 1e60 is too large for f32", "1,1e60\n");
    EXPECT_BAD(HEBB_E_FORMAT, "row 2, column 1: a quote that does not end", "1,2\n\"3,4\n5,6\n");
    EXPECT_BAD(HEBB_E_FORMAT, "row 1, column 1: text follows a closing quote", "\"1\"2,3\n");
    EXPECT_BAD(HEBB_E_FORMAT, "row 2, column 2: the label is empty", "1,a\n2,\n",
               .label_column = 2);
    EXPECT_BAD(HEBB_E_FORMAT, "there are no rows", "");
    EXPECT_BAD(HEBB_E_FORMAT, "there are no rows", "\n\n");
    EXPECT_BAD(HEBB_E_FORMAT, "no rows but that of names", "a,b\n");
    EXPECT_BAD(HEBB_E_ARGUMENT, "no column has the name c", "a,b\n1,2\n", .label = "c");
    EXPECT_BAD(HEBB_E_ARGUMENT, "no column 3: there are 2", "1,2\n", .label_column = 3);
    EXPECT_BAD(HEBB_E_ARGUMENT, "no column -3: there are 2", "1,2\n", .label_column = -3);
    EXPECT_BAD(HEBB_E_ARGUMENT, "separator", "1,2\n", .separator = '"');
    EXPECT_BAD(HEBB_E_ARGUMENT, "row of names", "1\n", .label = "a", .header = HEBB_CSV_NUMBERS);
    EXPECT_BAD(HEBB_E_DTYPE, "not i32", "1,2\n", .dtype = HEBB_I32);
    write_bytes("1,2\n3\0,4\n", 9);
    expect_error(HEBB_E_FORMAT, "byte 5 is 0",
                 hebb_read_csv(path, &table, message, sizeof message));
}

/* Cut anywhere, it is an error or fewer rows, but nothing worse. */
Test(csv, truncated_at_every_byte) {
    static const char text[] = "x,\"the kind\"\r\n1,\"a\"\"b\"\n2.5,c\n";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        hebb_table t = {0};
        write_bytes(text, n);
        hebb_status status = hebb_read_csv(path, &t, message, sizeof message, .label = "the kind");
        cr_expect_eq(status == HEBB_OK, t.values.shape.rank == 2, "%zu bytes", n);
        cr_expect(status == HEBB_OK || strstr(message, path) != NULL, "%zu: %s", n, message);
        hebb_table_free(&t);
    }
}

Test(csv, that_cannot_be) {
    cr_expect_eq(hebb_read_csv(NULL, &table, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_read_csv(path, NULL, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_read_csv("/nonexistent", &table, message, sizeof message), HEBB_E_FILE);
    cr_expect_not_null(strstr(message, "/nonexistent"));
    cr_expect_eq(hebb_read_csv(directory, &table, message, sizeof message), HEBB_E_FILE);
    hebb_table_free(NULL);
}

/* ---- writing ---- */

Test(csv, written_and_read_again) {
    double values[] = {1.0 / 3, 1e300, -0.1, NAN, INFINITY, 5e-324};
    char *names[] = {"plain", "a \"b\", c", " d"};
    const hebb_names columns = {names, 3};
    hebb_array a = hebb_array_view(values, HEBB_F64, HEBB_SHAPE(2, 3));
    cr_assert_eq(hebb_write_csv(path, &a, &columns, message, sizeof message), HEBB_OK, "%s",
                 message);
    cr_assert_eq(hebb_read_csv(path, &table, message, sizeof message, .dtype = HEBB_F64), HEBB_OK,
                 "%s", message);
    expect_values(2, 3, values);
    for (int k = 0; k < 3; k++) cr_expect_str_eq(table.columns.at[k], names[k]);

    int64_t whole[] = {(1LL << 53) + 1, -2};
    a = hebb_array_view(whole, HEBB_I64, HEBB_SHAPE(2));
    cr_assert_eq(hebb_write_csv(path, &a, NULL, message, sizeof message), HEBB_OK);
    char text[64] = "";
    FILE *file = fopen(path, "r");
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    cr_expect(n > 0 && strcmp(text, "9007199254740993\n-2\n") == 0, "%s", text);

    float many[5000];
    for (int k = 0; k < 5000; k++) many[k] = (float)k / 7;
    a = hebb_array_view(many, HEBB_F32, HEBB_SHAPE(1000, 5));
    cr_assert_eq(hebb_write_csv(path, &a, NULL, message, sizeof message), HEBB_OK);
    cr_assert_eq(hebb_read_csv(path, &table, message, sizeof message), HEBB_OK, "%s", message);
    cr_expect_eq(memcmp(table.values.data, many, sizeof many), 0);
}

Test(csv, not_written) {
    float values[] = {1, 2, 3, 4};
    char *names[] = {"a", "b", "c"};
    const hebb_names columns = {names, 3};
    hebb_array a = hebb_array_view(values, HEBB_F32, HEBB_SHAPE(2, 2)), cube = a, none = {0};
    cube.shape = HEBB_SHAPE(1, 2, 2);
    none.shape = HEBB_SHAPE(2);
    cr_expect_eq(hebb_write_csv(NULL, &a, NULL, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_write_csv(path, NULL, NULL, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_write_csv(path, &none, NULL, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_write_csv(path, &cube, NULL, message, sizeof message), HEBB_E_SHAPE);
    cr_expect_not_null(strstr(message, "[1, 2, 2]"), "%s", message);
    cr_expect_eq(hebb_write_csv(path, &a, &columns, message, sizeof message), HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(message, "3 names for 2 columns"), "%s", message);
    cr_expect_eq(hebb_write_csv("/nonexistent/a.csv", &a, NULL, NULL, 0), HEBB_E_FILE);
}

/* A disk that is full after 1000 bytes: an error, and the old file is there. */
Test(csv, full_disk_leaves_the_old_file) {
    static float values[2000];
    hebb_array one = hebb_array_view(values, HEBB_F32, HEBB_SHAPE(1)),
               all = hebb_array_view(values, HEBB_F32, HEBB_SHAPE(2000));
    cr_assert_eq(hebb_write_csv(path, &one, NULL, message, sizeof message), HEBB_OK);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){1000, 1000});
        hebb_status status = hebb_write_csv(path, &all, NULL, message, sizeof message);
        _exit(status == HEBB_E_FILE && strstr(message, "cannot be written") != NULL ? 0 : 1);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    cr_assert_eq(hebb_read_csv(path, &table, message, sizeof message), HEBB_OK, "%s", message);
    cr_expect_eq(hebb_array_count(&table.values), 1);
}
