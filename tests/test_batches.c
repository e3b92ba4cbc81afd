/* Mini-batches: each example once an epoch, orders that follow from seed and epoch, the last batch.
 */
#include <string.h>

#include <criterion/criterion.h>

#include <hebb/hebb.h>

#define ROWS     103
#define N(array) (sizeof(array) / sizeof *(array))

static int32_t labels[ROWS];
static float images[ROWS][3];
static hebb_array arrays[2];

static void fill(void) {
    for (int i = 0; i < ROWS; i++) {
        labels[i] = i;
        for (int k = 0; k < 3; k++) images[i][k] = (float)(10 * i + k);
    }
    arrays[0] = hebb_array_view(images, HEBB_F32, HEBB_SHAPE(ROWS, 3));
    arrays[1] = hebb_array_view(labels, HEBB_I32, HEBB_SHAPE(ROWS));
}
TestSuite(batches, .init = fill);

/* One epoch: the examples in the order in which they come; returns how many. */
static int64_t epoch_of(hebb_batches *b, uint64_t epoch, int64_t batch, int32_t *order) {
    hebb_array views[2] = {{0}};
    int64_t n = 0, count = 0;
    hebb_batches_start(b, epoch);
    for (; hebb_batches_next(b, views); count++) {
        int64_t rows = views[1].shape.dim[0];
        cr_assert(rows > 0 && rows <= batch && n + rows <= ROWS);
        cr_expect(hebb_shape_equal(views[0].shape, HEBB_SHAPE(rows, 3)));
        cr_expect(views[0].dtype == HEBB_F32 && views[1].dtype == HEBB_I32);
        cr_expect_eq(views[0].capacity, 0);
        for (int64_t i = 0; i < rows; i++) {
            int32_t label = ((const int32_t *)views[1].data)[i];
            const float *image = (const float *)views[0].data + 3 * i;
            cr_expect(image[0] == 10.0f * (float)label && image[2] == image[0] + 2);
            order[n++] = label;
        }
        if (n < ROWS - ROWS % batch) cr_expect_eq(rows, batch);
    }
    hebb_array old = views[0];
    cr_expect_eq(count, hebb_batches_count(b));
    cr_expect_eq(n, hebb_batches_examples(b));
    cr_expect_not(hebb_batches_next(b, views)); /* and still at the end, untouched */
    cr_expect(old.data == views[0].data && old.shape.dim[0] == views[0].shape.dim[0]);
    return n;
}

static void expect_each_once(const int32_t *order, int64_t n) {
    bool seen[ROWS] = {false};
    for (int64_t i = 0; i < n; i++) {
        cr_assert(order[i] >= 0 && order[i] < ROWS);
        cr_expect_not(seen[order[i]], "example %d came twice", order[i]);
        seen[order[i]] = true;
    }
}

Test(batches, give_each_example_once_an_epoch) {
    static const int64_t sizes[] = {1, 7, 32, 102, 103, 104, 1000};
    for (size_t k = 0; k < N(sizes); k++)
        for (int shuffle = 0; shuffle < 2; shuffle++) {
            hebb_batches *b =
                hebb_batches_create(arrays, 2, sizes[k], .shuffle = shuffle, .seed = 3);
            int32_t order[ROWS];
            for (uint64_t epoch = 0; epoch < 3; epoch++) {
                int64_t n = epoch_of(b, epoch, sizes[k], order);
                cr_expect_eq(n, ROWS);
                expect_each_once(order, n);
                for (int i = 0; !shuffle && i < ROWS; i++) cr_expect_eq(order[i], i);
            }
            hebb_batches_destroy(b);
        }
}

Test(batches, leave_out_a_last_one_that_is_not_full) {
    hebb_batches *b = hebb_batches_create(arrays, 2, 10, .shuffle = true, .drop_last = true);
    int32_t order[ROWS];
    int64_t n = epoch_of(b, 0, 10, order);
    cr_expect_eq(n, 100);
    expect_each_once(order, n);
    hebb_batches_destroy(b);
    b = hebb_batches_create(arrays, 2, 104, .drop_last = true);
    cr_expect_eq(epoch_of(b, 0, 104, order), 0);
    hebb_batches_destroy(b);
}

/* The order follows from seed and epoch alone: not from what came before, nor from the batch size.
 */
Test(batches, have_an_order_of_seed_and_epoch) {
    hebb_batches *a = hebb_batches_create(arrays, 2, 8, .shuffle = true, .seed = 1);
    hebb_batches *b = hebb_batches_create(arrays, 2, 32, .shuffle = true, .seed = 1);
    hebb_batches *c = hebb_batches_create(arrays, 2, 8, .shuffle = true, .seed = 2);
    int32_t a0[ROWS], a5[ROWS], a0_again[ROWS], b5[ROWS], c0[ROWS];
    epoch_of(a, 0, 8, a0);
    epoch_of(a, 5, 8, a5);
    epoch_of(a, 0, 8, a0_again);
    epoch_of(b, 5, 32, b5);
    epoch_of(c, 0, 8, c0);
    cr_expect_eq(memcmp(a0, a0_again, sizeof a0), 0);
    cr_expect_eq(memcmp(a5, b5, sizeof a5), 0);
    cr_expect_neq(memcmp(a0, a5, sizeof a0), 0);
    cr_expect_neq(memcmp(a0, c0, sizeof a0), 0);
    hebb_batches_destroy(a);
    hebb_batches_destroy(b);
    hebb_batches_destroy(c);
}

/* Over many epochs every example comes first about equally often. */
Test(batches, are_shuffled_evenly) {
    int32_t few[5] = {0, 1, 2, 3, 4};
    int first[5] = {0};
    hebb_array array = hebb_array_view(few, HEBB_I32, HEBB_SHAPE(5)), view;
    hebb_batches *b = hebb_batches_create(&array, 1, 5, .shuffle = true, .seed = 1);
    for (uint64_t epoch = 0; epoch < 5000; epoch++) {
        hebb_batches_start(b, epoch);
        cr_assert(hebb_batches_next(b, &view));
        first[((const int32_t *)view.data)[0]]++;
    }
    for (int i = 0; i < 5; i++) /* 1000 +- 5 standard deviations */
        cr_expect(first[i] > 858 && first[i] < 1142, "%d came first %d times", i, first[i]);
    hebb_batches_destroy(b);
}

Test(batches, refuse_wrong_arguments) {
    hebb_array scalar = hebb_array_view(labels, HEBB_I32, HEBB_SCALAR);
    hebb_array fewer[2] = {arrays[0], hebb_array_view(labels, HEBB_I32, HEBB_SHAPE(ROWS - 1))};
    hebb_array nothing = hebb_array_view(NULL, HEBB_I32, HEBB_SHAPE(3));
    hebb_array strange = hebb_array_view(labels, (hebb_dtype)77, HEBB_SHAPE(3));
    const struct {
        const char *message;
        const hebb_array *arrays;
        size_t n;
        int64_t batch;
        hebb_status status;
    } cases[] = {
        {"batches: there are no arrays", arrays, 0, 8, HEBB_E_ARGUMENT},
        {"batches: the arrays are NULL", NULL, 2, 8, HEBB_E_NULL},
        {"batches: array 0 is [], which has no rows", &scalar, 1, 8, HEBB_E_SHAPE},
        {"batches: array 1 has 102 rows, array 0 has 103", fewer, 2, 8, HEBB_E_SHAPE},
        {"batches: array 0 has no data", &nothing, 1, 8, HEBB_E_NULL},
        {"batches: array 0: 77 is no dtype", &strange, 1, 8, HEBB_E_DTYPE},
        {"batches: the batch is 0, not 1 or more", arrays, 2, 0, HEBB_E_ARGUMENT},
        {"batches: the batch is -1, not 1 or more", arrays, 2, -1, HEBB_E_ARGUMENT},
    };
    for (size_t i = 0; i < N(cases); i++) {
        hebb_array views[2];
        hebb_batches *b = hebb_batches_create(cases[i].arrays, cases[i].n, cases[i].batch);
        cr_assert_not_null(b);
        cr_expect_eq(hebb_batches_status(b), cases[i].status, "%s", cases[i].message);
        hebb_batches_start(b, 1); /* what was wrong stays */
        cr_expect_not(hebb_batches_next(b, views));
        cr_expect(hebb_failed(b));
        cr_expect_str_eq(hebb_message(b), cases[i].message);
        cr_expect_eq(hebb_batches_count(b), 0);
        cr_expect_eq(hebb_batches_examples(b), 0);
        hebb_batches_destroy(b);
    }
}

Test(arrays, rows_are_views) {
    int32_t numbers[4][3];
    for (int k = 0; k < 12; k++) numbers[k / 3][k % 3] = k;
    hebb_array a = hebb_array_view(numbers, HEBB_I32, HEBB_SHAPE(4, 3));
    const struct {
        int64_t first, count, rows;
    } cases[] = {{0, 4, 4}, {1, 2, 2}, {2, 9, 2}, {4, 1, 0}, {9, INT64_MAX, 0}, {1, 0, 0}};
    for (size_t i = 0; i < N(cases); i++) {
        hebb_array rows = hebb_array_rows(&a, cases[i].first, cases[i].count);
        cr_expect(hebb_shape_equal(rows.shape, HEBB_SHAPE(cases[i].rows, 3)));
        cr_expect(rows.dtype == HEBB_I32 && rows.capacity == 0);
        for (int64_t k = 0; k < hebb_array_count(&rows); k++)
            cr_expect_eq(hebb_array_at(&rows, k), (double)(3 * cases[i].first + k));
    }
    hebb_array scalar = hebb_array_view(numbers, HEBB_I32, HEBB_SCALAR), empty = {0};
    empty.shape = HEBB_SHAPE(0, 3);
    cr_expect_eq(hebb_array_rows(&empty, 0, 5).shape.dim[0], 0);
    cr_expect_eq(hebb_array_rows(&scalar, 0, 1).shape.rank, -1);
    cr_expect_eq(hebb_array_rows(&a, -1, 1).shape.rank, -1);
    cr_expect_eq(hebb_array_rows(&a, 0, -1).shape.rank, -1);
    cr_expect_eq(hebb_array_rows(NULL, 0, 1).shape.rank, -1);
    a.data = NULL;
    cr_expect_null(hebb_array_rows(&a, 2, 1).data);
}

Test(batches, null) {
    hebb_array view;
    hebb_batches_destroy(NULL);
    hebb_batches_start(NULL, 0);
    cr_expect_not(hebb_batches_next(NULL, &view));
    cr_expect_eq(hebb_batches_count(NULL), 0);
    cr_expect_eq(hebb_batches_examples(NULL), 0);
}

Test(batches, of_no_examples) {
    hebb_array none = hebb_array_view(labels, HEBB_I32, HEBB_SHAPE(0)), view;
    hebb_batches *b = hebb_batches_create(&none, 1, 4, .shuffle = true);
    cr_assert_not_null(b);
    hebb_batches_start(b, 0);
    cr_expect_not(hebb_batches_next(b, &view));
    cr_expect_eq(hebb_batches_count(b), 0);
    hebb_batches_destroy(b);
}
