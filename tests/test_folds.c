/* Folds (hebb/folds.h): parts of a data set that are left out in turn. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include <hebb/hebb.h>

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

/* The data's rows whose fold it is, or is not, in their order and whole. */
static void check_part(const hebb_folds *folds, int64_t fold, bool inside,
                       const hebb_dataset *part) {
    int64_t at = 0;
    cr_assert_eq(part->count, 2);
    for (int64_t row = 0; row < ROWS; row++) {
        if ((hebb_folds_of(folds, row) == fold) != inside) continue;
        cr_expect_eq(memcmp((float *)part->columns[0].data + 2 * at, points[row], 8), 0);
        cr_expect_eq(hebb_array_at(&part->columns[1], at++), kinds[row]);
    }
    cr_expect(hebb_shape_equal(part->columns[0].shape, HEBB_SHAPE(at, 2)));
    cr_expect(hebb_shape_equal(part->columns[1].shape, HEBB_SHAPE(at)));
}

static void check_folds(hebb_folds *folds, int64_t count) {
    cr_assert_str_eq(hebb_folds_message(folds), "");
    cr_assert_eq(hebb_folds_count(folds), count);
    for (int64_t k = 0; k < count; k++) {
        hebb_dataset train, left_out;
        int64_t size = 0;
        for (int64_t row = 0; row < ROWS; row++) size += hebb_folds_of(folds, row) == k;
        cr_expect(size == ROWS / count || size == ROWS / count + 1);
        cr_assert_eq(hebb_folds_get(folds, k, &train, &left_out), HEBB_OK);
        check_part(folds, k, false, &train);
        check_part(folds, k, true, &left_out);
    }
}

TestSuite(folds, .init = make_data);

Test(folds, part_the_data) {
    static const int64_t counts[] = {2, 3, 10, ROWS};
    for (int k = 0; k < 4; k++) {
        hebb_folds *folds = hebb_folds_create(&data, counts[k], .seed = (uint64_t)k);
        check_folds(folds, counts[k]);
        hebb_folds_destroy(folds);
    }
}

Test(folds, follow_the_seed) {
    hebb_folds *a = hebb_folds_create(&data, 5, .seed = 1), *b = hebb_folds_create(&data, 5),
               *c = hebb_folds_create(&data, 5, .seed = 1);
    int same = 0;
    for (int64_t row = 0; row < ROWS; row++) {
        same += hebb_folds_of(a, row) == hebb_folds_of(b, row);
        cr_expect_eq(hebb_folds_of(a, row), hebb_folds_of(c, row));
    }
    cr_expect_lt(same, ROWS / 2);
    hebb_folds_destroy(a);
    hebb_folds_destroy(b);
    hebb_folds_destroy(c);
}

Test(folds, in_order_are_pieces) {
    hebb_folds *folds = hebb_folds_create(&data, 4, .in_order = true);
    check_folds(folds, 4);
    for (int64_t row = 0; row < ROWS; row++)
        cr_expect_eq(hebb_folds_of(folds, row), row < 14 ? 0 : (row - 1) / 13);
    cr_expect_eq(hebb_folds_of(folds, ROWS), -1);
    cr_expect_eq(hebb_folds_of(folds, -1), -1);
    hebb_folds_destroy(folds);
}

Test(folds, stratified_have_their_share_of_each_label) {
    for (int in_order = 0; in_order < 2; in_order++) {
        hebb_folds *folds =
            hebb_folds_create(&data, 4, .labels = &columns[1], .in_order = in_order == 1);
        int have[4][KINDS] = {{0}}, all[KINDS] = {0};
        check_folds(folds, 4);
        for (int64_t row = 0; row < ROWS; row++) {
            have[hebb_folds_of(folds, row)][kinds[row]]++;
            all[kinds[row]]++;
        }
        for (int k = 0; k < 4 * KINDS; k++)
            cr_expect_lt(fabs(have[k / KINDS][k % KINDS] - all[k % KINDS] / 4.0), 1);
        hebb_folds_destroy(folds);
    }
}

static void expect_no_folds(hebb_folds *folds, hebb_status status, const char *words) {
    hebb_dataset part = {0};
    cr_expect_eq(hebb_folds_status(folds), status);
    cr_expect_eq(hebb_folds_get(folds, 0, &part, NULL), status, "%s", hebb_folds_message(folds));
    cr_expect_not_null(strstr(hebb_folds_message(folds), words), "%s", hebb_folds_message(folds));
    cr_expect_eq(hebb_folds_count(folds), 0);
    cr_expect_eq(hebb_folds_of(folds, 0), -1);
    hebb_folds_destroy(folds);
}

Test(folds, say_what_is_wrong) {
    hebb_array shorter = columns[1], none = columns[1];
    shorter.shape.dim[0] = 9;
    none.data = NULL;
    expect_no_folds(hebb_folds_create(NULL, 3), HEBB_E_NULL, "data is NULL");
    expect_no_folds(hebb_folds_create(&data, 1), HEBB_E_ARGUMENT, "1 folds of 53");
    expect_no_folds(hebb_folds_create(&data, 54), HEBB_E_ARGUMENT, "54 folds of 53");
    expect_no_folds(hebb_folds_create(HEBB_DATASET(columns[0], shorter), 3), HEBB_E_SHAPE,
                    "column 1 of the data has 9 rows");
    expect_no_folds(hebb_folds_create(HEBB_DATASET(columns[0], none), 3), HEBB_E_NULL, "column 1");
    expect_no_folds(hebb_folds_create(&data, 3, .labels = &columns[0]), HEBB_E_DTYPE, "f32");
    expect_no_folds(hebb_folds_create(&data, 3, .labels = &shorter), HEBB_E_SHAPE, "[9]");
    hebb_folds *folds = hebb_folds_create(&data, 3);
    hebb_dataset part;
    cr_expect_eq(hebb_folds_get(folds, 3, &part, NULL), HEBB_E_ARGUMENT);
    cr_expect(hebb_failed(folds));
    cr_expect_not_null(strstr(hebb_message(folds), "no fold 3"));
    cr_expect_eq(hebb_folds_get(folds, 2, &part, NULL), HEBB_OK);
    cr_expect_not(hebb_failed(folds));
    cr_expect_str_empty(hebb_message(folds));
    cr_expect_eq(hebb_folds_get(NULL, 0, NULL, NULL), HEBB_E_NULL);
    hebb_folds_destroy(folds);
    hebb_folds_destroy(NULL);
}
