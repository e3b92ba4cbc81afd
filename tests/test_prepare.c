/* Parts of a data set, scales of features, one-hot rows. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include <hebb/hebb.h>

#define N(array) (sizeof(array) / sizeof *(array))
enum { ROWS = 103 };

static int32_t labels[ROWS];
static float features[ROWS][2];
static hebb_array columns[2];
static hebb_dataset data;
static char message[256];

/* 60 of label 0, 30 of 5, 13 of -1, mixed. */
static void fill(void) {
    for (int i = 0; i < ROWS; i++) {
        int at = i * 37 % ROWS;
        labels[i] = at < 60 ? 0 : at < 90 ? 5 : -1;
        features[i][0] = (float)i;
        features[i][1] = (float)labels[i];
    }
    columns[0] = hebb_array_view(features, HEBB_F32, HEBB_SHAPE(ROWS, 2));
    columns[1] = hebb_array_view(labels, HEBB_I32, HEBB_SHAPE(ROWS));
    data = (hebb_dataset){columns, 2};
}
TestSuite(prepare, .init = fill);

/* ---- parts ---- */

/* Counts the examples of a part, which must be whole and not in another part. */
static int64_t count(const hebb_dataset *part, bool *seen, int *of_label) {
    if (part == NULL) return 0;
    cr_assert(part->count == 2 && part->columns[0].shape.dim[1] == 2);
    const float *x = part->columns[0].data;
    const int32_t *t = part->columns[1].data;
    int64_t n = part->columns[1].shape.dim[0];
    cr_assert_eq(part->columns[0].shape.dim[0], n);
    for (int64_t i = 0; i < n; i++) {
        int row = (int)x[2 * i];
        cr_assert(row >= 0 && row < ROWS && !seen[row]);
        seen[row] = true;
        cr_expect(t[i] == labels[row] && x[2 * i + 1] == (float)labels[row]);
        of_label[t[i] + 1]++;
    }
    return n;
}

Test(prepare, parts_have_each_example_once) {
    for (int k = 0; k < 4; k++) {
        bool seen[ROWS] = {false};
        int by_label[3][8] = {{0}};
        hebb_parts *s = hebb_parts_create(&data, .validation = 0.1, .test = 0.25, .seed = 3,
                                          .in_order = k % 2, .labels = k < 2 ? NULL : &columns[1]);
        cr_assert_eq(hebb_parts_status(s), HEBB_OK, "%s", hebb_parts_message(s));
        cr_expect_eq(count(hebb_parts_train(s), seen, by_label[0]), 67);
        cr_expect_eq(count(hebb_parts_validation(s), seen, by_label[1]), 10);
        cr_expect_eq(count(hebb_parts_test(s), seen, by_label[2]), 26);
        for (int part = 0; k >= 2 && part < 3; part++) {
            double share = part == 0 ? 67.0 / ROWS : part == 1 ? 10.0 / ROWS : 26.0 / ROWS;
            cr_expect_leq(fabs(by_label[part][1] - 60 * share), 2);
            cr_expect_leq(fabs(by_label[part][6] - 30 * share), 2);
            cr_expect_leq(fabs(by_label[part][0] - 13 * share), 2);
            cr_expect_gt(by_label[part][0], 0);
        }
        hebb_parts_destroy(s);
    }
}

static double row_of(const hebb_dataset *part, int64_t i) {
    return hebb_array_at(&part->columns[0], 2 * i);
}

Test(prepare, parts_in_order) {
    hebb_parts *s = hebb_parts_create(&data, .validation = 0.1, .test = 0.1, .in_order = true);
    for (int i = 0; i < 83; i++) cr_expect_eq(row_of(hebb_parts_train(s), i), i);
    for (int i = 0; i < 10; i++) {
        cr_expect_eq(row_of(hebb_parts_validation(s), i), 83 + i);
        cr_expect_eq(row_of(hebb_parts_test(s), i), 93 + i);
    }
    hebb_parts_destroy(s);
    s = hebb_parts_create(&data, .test = 0.2, .in_order = true, .labels = &columns[1]);
    for (int i = 1; i < 82; i++)
        cr_expect_gt(row_of(hebb_parts_train(s), i), row_of(hebb_parts_train(s), i - 1));
    cr_expect_null(hebb_parts_validation(s));
    hebb_parts_destroy(s);
}

Test(prepare, parts_follow_from_the_seed) {
    hebb_parts *s[3];
    for (int k = 0; k < 3; k++) s[k] = hebb_parts_create(&data, .test = 0.5, .seed = k / 2);
    const hebb_array *a = hebb_parts_test(s[0])->columns, *b = hebb_parts_test(s[1])->columns,
                     *c = hebb_parts_test(s[2])->columns;
    cr_expect_eq(memcmp(a->data, b->data, hebb_array_bytes(a)), 0);
    cr_expect_neq(memcmp(a->data, c->data, hebb_array_bytes(a)), 0);
    for (int k = 0; k < 3; k++) hebb_parts_destroy(s[k]);
}

static void expect_no_parts(hebb_parts *s, hebb_status status, const char *words) {
    cr_expect_eq(hebb_parts_status(s), status, "%s: %s", words, hebb_parts_message(s));
    cr_expect_not_null(strstr(hebb_parts_message(s), words), "'%s' does not say '%s'",
                       hebb_parts_message(s), words);
    cr_expect(hebb_parts_train(s) == NULL && hebb_parts_test(s) == NULL);
    hebb_parts_destroy(s);
}

Test(prepare, parts_of_wrong_arguments) {
    hebb_array bad[2] = {columns[0], columns[1]}, words = columns[1], fewer = columns[1];
    const hebb_dataset uneven = {bad, 2}, none = {bad, 0};
    words.dtype = HEBB_F32;
    fewer.shape = HEBB_SHAPE(5);
    bad[1] = fewer;
    expect_no_parts(hebb_parts_create(NULL), HEBB_E_NULL, "the data is NULL");
    expect_no_parts(hebb_parts_create(&none), HEBB_E_ARGUMENT, "no columns");
    expect_no_parts(hebb_parts_create(&uneven), HEBB_E_SHAPE, "column 1 of the data has 5 rows");
    expect_no_parts(hebb_parts_create(&data, .test = 1), HEBB_E_ARGUMENT, "nothing to train on");
    expect_no_parts(hebb_parts_create(&data, .test = -0.1), HEBB_E_ARGUMENT, "-0.1");
    expect_no_parts(hebb_parts_create(&data, .test = NAN), HEBB_E_ARGUMENT, "nan");
    expect_no_parts(hebb_parts_create(&data, .test = 0.001), HEBB_E_ARGUMENT, "a part empty");
    expect_no_parts(hebb_parts_create(&data, .labels = &words), HEBB_E_DTYPE, "f32");
    expect_no_parts(hebb_parts_create(&data, .labels = &fewer), HEBB_E_SHAPE, "[5]");
    bad[0].shape.dim[0] = bad[1].shape.dim[0] = 0;
    expect_no_parts(hebb_parts_create(&uneven, .test = 0.5), HEBB_E_ARGUMENT, "of 0 examples");
    cr_expect(hebb_failed((hebb_parts *)NULL));
    hebb_parts_destroy(NULL);
}

/* ---- scales ---- */

static void expect_near(const hebb_array *a, const double *wanted, int64_t n) {
    cr_assert_eq(hebb_array_count(a), n);
    for (int64_t k = 0; k < n; k++) {
        double value = hebb_array_at(a, k);
        cr_expect(fabs(value - wanted[k]) < 1e-6 || (isnan(value) && isnan(wanted[k])),
                  "%d: %g is not %g", (int)k, value, wanted[k]);
    }
}

/* Features 1, 2, 3; 7, 7, 7; 1, NaN, 3. */
Test(prepare, columns_are_standardized) {
    float x[3][3] = {{1, 7, 1}, {2, 7, NAN}, {3, 7, 3}};
    const double r = sqrt(1.5), wanted[] = {-r, 0, -1, 0, 0, NAN, r, 0, 1};
    const double as_before[] = {1, 7, 1, 2, 7, NAN, 3, 7, 3};
    hebb_array a = hebb_array_view(x, HEBB_F32, HEBB_SHAPE(3, 3)), b = {0}, c = {0};
    hebb_scaling s = {0};
    cr_assert_eq(hebb_standardize_fit(&s, &a, message, sizeof message), HEBB_OK, "%s", message);
    cr_assert_eq(s.features, 3);
    cr_expect(s.shift[0] == 2 && s.shift[1] == 7 && s.scale[1] == 1 && s.shift[2] == 2);
    cr_assert_eq(hebb_scaling_apply(&s, &a, &b, message, sizeof message), HEBB_OK);
    cr_expect(b.dtype == HEBB_F32 && hebb_shape_equal(b.shape, a.shape));
    expect_near(&b, wanted, 9);
    cr_assert_eq(hebb_scaling_undo(&s, &b, &c, message, sizeof message), HEBB_OK);
    expect_near(&c, as_before, 9);
    cr_assert_eq(hebb_scaling_apply(&s, &c, &c, message, sizeof message), HEBB_OK); /* in place */
    expect_near(&c, wanted, 9);
    hebb_array_free(&b);
    hebb_array_free(&c);
    hebb_scaling_free(&s);
    cr_expect(s.shift == NULL && s.features == 0);
}

/* Two images of two channels of 1 x 2 pixels, in u8: channel 0 has 0 2 4 6, channel 1 has 10. */
Test(prepare, channels_are_standardized) {
    unsigned char x[2][2][2] = {{{0, 2}, {10, 10}}, {{4, 6}, {10, 10}}};
    const double r = sqrt(5), wanted[] = {-3 / r, -1 / r, 0, 0, 1 / r, 3 / r, 0, 0};
    hebb_array a = hebb_array_view(x, HEBB_U8, HEBB_SHAPE(2, 2, 1, 2)), b = {0};
    hebb_scaling s = {0};
    cr_assert_eq(hebb_standardize_fit(&s, &a, message, sizeof message), HEBB_OK, "%s", message);
    cr_assert_eq(hebb_scaling_apply(&s, &a, &b, message, sizeof message), HEBB_OK);
    cr_expect_eq(b.dtype, HEBB_F32);
    expect_near(&b, wanted, 8);
    hebb_array_free(&b);
    hebb_scaling_free(&s);
}

Test(prepare, ranges_become_ranges) {
    double x[3][2] = {{-1, 4}, {0, 4}, {3, 4}};
    const double wanted[] = {-1, -1, -0.5, -1, 1, -1};
    hebb_array a = hebb_array_view(x, HEBB_F64, HEBB_SHAPE(3, 2)), b = {0};
    hebb_scaling s = {0};
    cr_assert_eq(hebb_min_max_fit(&s, &a, -1, 1, message, sizeof message), HEBB_OK, "%s", message);
    cr_assert_eq(hebb_scaling_apply(&s, &a, &b, message, sizeof message), HEBB_OK);
    cr_expect_eq(b.dtype, HEBB_F64);
    expect_near(&b, wanted, 6);
    hebb_array one = hebb_array_view(x, HEBB_F64, HEBB_SHAPE(6));
    cr_assert_eq(hebb_min_max_fit(&s, &one, 0, 5, message, sizeof message), HEBB_OK);
    cr_assert_eq(s.features, 1);
    cr_assert_eq(hebb_scaling_apply(&s, &a, &b, message, sizeof message), HEBB_OK);
    expect_near(&b, (const double[]){0, 5, 1, 5, 4, 5}, 6);
    hebb_array_free(&b);
    hebb_scaling_free(&s);
}

Test(prepare, scales_of_wrong_arguments) {
    float x[4] = {1, INFINITY, 2, 3};
    hebb_array a = hebb_array_view(x, HEBB_F32, HEBB_SHAPE(2, 2)), none = a, wide = a, b = {0};
    hebb_scaling s = {0};
    none.shape = HEBB_SHAPE(0, 2);
    wide.shape = HEBB_SHAPE(1, 4);
    cr_expect_eq(hebb_standardize_fit(&s, &a, message, sizeof message), HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(message, "feature 1"), "%s", message);
    cr_expect_eq(hebb_min_max_fit(&s, &a, 0, 1, message, sizeof message), HEBB_E_ARGUMENT);
    x[1] = 0;
    cr_expect_eq(hebb_min_max_fit(&s, &a, 1, 1, message, sizeof message), HEBB_E_ARGUMENT);
    cr_expect_eq(hebb_standardize_fit(&s, &none, message, sizeof message), HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(message, "no examples"), "%s", message);
    cr_expect_eq(hebb_standardize_fit(&s, NULL, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_standardize_fit(NULL, &a, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_scaling_apply(&s, &a, &b, NULL, 0), HEBB_E_NULL);
    cr_assert_eq(hebb_standardize_fit(&s, &a, message, sizeof message), HEBB_OK);
    cr_expect_eq(hebb_scaling_apply(&s, &wide, &b, message, sizeof message), HEBB_E_SHAPE);
    cr_expect_not_null(strstr(message, "2 features does not fit [1, 4]"), "%s", message);
    cr_expect_eq(hebb_scaling_apply(&s, &a, NULL, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_scaling_apply(&s, NULL, &b, NULL, 0), HEBB_E_NULL);
    hebb_scaling_free(&s);
    hebb_scaling_free(NULL);
}

/* ---- one-hot ---- */

/* In the graph a scaling does what it does to arrays. */
static void check_layer(hebb_array *from, const hebb_scaling *s, bool undo) {
    hebb_graph *g = hebb_graph_create();
    hebb_device *device = hebb_device_open("cpu");
    hebb_shape open = from->shape;
    open.dim[0] = HEBB_ANY;
    hebb_tensor *x = hebb_input(g, "x", from->dtype, open);
    hebb_tensor *y = hebb_scaling_layer(x, s, .undo = undo, .axis = undo ? 1 : 0);
    hebb_session *session = hebb_session_create(g, device);
    hebb_array by_layer = {0}, by_array = {0};
    hebb_run(session, HEBB_FEED({x, from}), HEBB_FETCH({y, &by_layer}));
    cr_assert(!hebb_failed(session), "%s", hebb_message(session));
    if (undo) hebb_scaling_undo(s, from, &by_array, NULL, 0);
    else hebb_scaling_apply(s, from, &by_array, NULL, 0);
    cr_assert(by_layer.dtype == by_array.dtype && hebb_shape_equal(by_layer.shape, by_array.shape));
    for (int64_t k = 0; k < hebb_array_count(from); k++) {
        const double a = hebb_array_at(&by_layer, k), b = hebb_array_at(&by_array, k);
        cr_expect_float_eq(a, b, 1e-6 * fmax(1, fabs(b)), "%d: %g is not %g", (int)k, a, b);
    }
    hebb_array_free(&by_layer);
    hebb_array_free(&by_array);
    hebb_session_destroy(session);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

Test(prepare, scaling_as_a_layer) {
    static double images[2][2][3] = {{{1, 2, 3}, {40, 50, 60}}, {{4, 5, 6}, {70, 80, 95}}};
    hebb_array all[] = {columns[0], columns[1],
                        hebb_array_view(images, HEBB_F64, HEBB_SHAPE(2, 2, 3))};
    for (size_t k = 0; k < N(all); k++)
        for (int undo = 0; undo < 2; undo++) {
            hebb_scaling s = {0};
            cr_assert_eq(hebb_standardize_fit(&s, &all[k], NULL, 0), HEBB_OK);
            check_layer(&all[k], &s, undo);
            hebb_scaling_free(&s);
        }
}

/* Sequences have their features last: as the rows do that they were cut from. */
Test(prepare, scaling_layers_of_sequences) {
    static float series[6][2] = {{1, 10}, {2, 20}, {3, 25}, {4, 50}, {5, 80}, {6, 95}};
    hebb_array rows = hebb_array_view(series, HEBB_F32, HEBB_SHAPE(6, 2)), y = {0};
    hebb_array x = hebb_array_view(series, HEBB_F32, HEBB_SHAPE(2, 3, 2)), wanted = {0};
    hebb_scaling s = {0};
    cr_assert_eq(hebb_min_max_fit(&s, &rows, -1, 1, NULL, 0), HEBB_OK);
    hebb_scaling_apply(&s, &rows, &wanted, NULL, 0);
    hebb_graph *g = hebb_graph_create();
    hebb_device *device = hebb_device_open("cpu");
    hebb_tensor *in = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY, 2));
    hebb_tensor *scaled = hebb_scaling_layer(in, &s, .axis = -1);
    hebb_tensor *back = hebb_scaling_layer(scaled, &s, .axis = 2, .undo = true);
    hebb_session *session = hebb_session_create(g, device);
    hebb_run(session, HEBB_FEED({in, &x}), HEBB_FETCH({scaled, &y}));
    cr_assert_str_eq(hebb_message(session), "");
    cr_assert(hebb_shape_equal(y.shape, x.shape));
    for (int k = 0; k < 12; k++)
        cr_expect_float_eq(hebb_array_at(&y, k), hebb_array_at(&wanted, k), 1e-6);
    hebb_run(session, HEBB_FEED({in, &x}), HEBB_FETCH({back, &y}));
    for (int k = 0; k < 12; k++)
        cr_expect_float_eq(hebb_array_at(&y, k), hebb_array_at(&x, k), 1e-4);
    hebb_tensor *none = hebb_scaling_layer(in, &s, .axis = 3);
    cr_expect(hebb_tensor_is_inert(none));
    cr_expect_eq(hebb_graph_status(g), HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(hebb_message(g), "x is [?, ?, 2]: there is no axis 3 of features"),
                       "%s", hebb_message(g));
    hebb_array_free(&y);
    hebb_array_free(&wanted);
    hebb_scaling_free(&s);
    hebb_session_destroy(session);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

Test(prepare, scaling_layers_of_wrong_arguments) {
    double numbers[] = {1, 2, 3};
    const hebb_scaling three = {3, numbers, numbers};
    const struct {
        hebb_dtype dtype;
        hebb_shape shape;
        const hebb_scaling *scaling;
        hebb_status status;
        const char *words;
    } cases[] = {
        {HEBB_F32, HEBB_SHAPE(HEBB_ANY, 2), &three, HEBB_E_SHAPE,
         "scaling_layer: x is [?, 2], the scaling of 3 features"},
        {HEBB_F32, HEBB_SHAPE(HEBB_ANY), &three, HEBB_E_SHAPE, "x is [?]"},
        {HEBB_F32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY), NULL, HEBB_E_SHAPE, "x is [?, ?]"},
        {HEBB_BOOL, HEBB_SHAPE(HEBB_ANY, 3), &three, HEBB_E_DTYPE, "x is bool"},
    };
    for (size_t k = 0; k < N(cases); k++) {
        hebb_graph *g = hebb_graph_create();
        hebb_tensor *x = hebb_input(g, "x", cases[k].dtype, cases[k].shape);
        cr_expect(hebb_tensor_is_inert(hebb_scaling_layer(x, cases[k].scaling)));
        cr_expect_eq(hebb_graph_status(g), cases[k].status);
        cr_expect(strstr(hebb_message(g), cases[k].words), "%s", hebb_message(g));
        hebb_graph_destroy(g);
    }
    cr_expect(hebb_tensor_is_inert(hebb_scaling_layer(NULL, &three)));
}

/* ---- windows ---- */

Test(prepare, windows_of_a_series) {
    int32_t t[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    hebb_array series = hebb_array_view(t, HEBB_I32, HEBB_SHAPE(10)), w = {0};
    hebb_array pairs = hebb_array_view(t, HEBB_I32, HEBB_SHAPE(5, 2));
    for (int64_t step = 1; step < 12; step++) {
        cr_assert_eq(hebb_window_rows(&series, 4, step, &w, message, sizeof message), HEBB_OK);
        const int64_t n = 6 / step + 1;
        cr_assert(w.dtype == HEBB_I32 && hebb_shape_equal(w.shape, HEBB_SHAPE(n, 4)));
        for (int64_t k = 0; k < 4 * n; k++)
            cr_expect_eq(hebb_array_at(&w, k), (double)(k / 4 * step + k % 4));
    }
    cr_assert_eq(hebb_window_rows(&series, 10, 1, &w, NULL, 0), HEBB_OK);
    cr_expect(hebb_shape_equal(w.shape, HEBB_SHAPE(1, 10)));
    cr_assert_eq(hebb_window_rows(&pairs, 2, 2, &w, NULL, 0), HEBB_OK);
    cr_expect(hebb_shape_equal(w.shape, HEBB_SHAPE(2, 2, 2)));
    for (int k = 0; k < 8; k++) cr_expect_eq(hebb_array_at(&w, k), k);
    hebb_array half = hebb_array_rows(&w, 0, 1); /* windows of windows, in place */
    half.shape = HEBB_SHAPE(4);
    cr_assert_eq(hebb_window_rows(&half, 2, 1, &w, NULL, 0), HEBB_OK);
    cr_expect(hebb_shape_equal(w.shape, HEBB_SHAPE(3, 2)));
    for (int k = 0; k < 6; k++) cr_expect_eq(hebb_array_at(&w, k), k / 2 + k % 2);
    cr_assert_eq(hebb_window_rows(&w, 3, 1, &w, NULL, 0), HEBB_OK);
    cr_expect(hebb_shape_equal(w.shape, HEBB_SHAPE(1, 3, 2)));
    hebb_array_free(&w);
}

static void expect_no_windows(hebb_array series, int64_t length, int64_t step, hebb_status status,
                              const char *words) {
    hebb_array w = {0};
    cr_expect_eq(hebb_window_rows(&series, length, step, &w, message, sizeof message), status);
    cr_expect_not_null(strstr(message, words), "%s", message);
    cr_expect_null(w.data);
}

Test(prepare, windows_that_cannot_be) {
    float x[4] = {1, 2, 3, 4};
    hebb_array series = hebb_array_view(x, HEBB_F32, HEBB_SHAPE(4)), w = {0};
    expect_no_windows(series, 5, 1, HEBB_E_SHAPE, "window_rows: the series is [4], too short for");
    expect_no_windows(series, INT64_MAX, 1, HEBB_E_SHAPE, "too short");
    expect_no_windows(series, 0, 1, HEBB_E_ARGUMENT, "windows of 0 rows, every 1");
    expect_no_windows(series, 1, 0, HEBB_E_ARGUMENT, "windows of 1 rows, every 0");
    expect_no_windows(series, -1, INT64_MIN, HEBB_E_ARGUMENT, "windows of -1 rows");
    expect_no_windows(hebb_array_view(x, HEBB_F32, HEBB_SCALAR), 1, 1, HEBB_E_SHAPE, "[]");
    expect_no_windows(hebb_array_view(x, HEBB_F32, HEBB_SHAPE(2, 1, 1, 1, 1, 1, 1, 1)), 1, 1,
                      HEBB_E_SHAPE, "[2, 1, 1");
    expect_no_windows(hebb_array_view(x, HEBB_F32, HEBB_SHAPE(HEBB_ANY)), 1, 1, HEBB_E_SHAPE,
                      "[?]");
    expect_no_windows(hebb_array_view(NULL, HEBB_F32, HEBB_SHAPE(4)), 1, 1, HEBB_E_NULL, "no data");
    expect_no_windows(hebb_array_view(x, (hebb_dtype)99, HEBB_SHAPE(4)), 1, 1, HEBB_E_DTYPE,
                      "no dtype");
    cr_expect_eq(hebb_window_rows(NULL, 1, 1, &w, message, sizeof message), HEBB_E_NULL);
    cr_expect_eq(hebb_window_rows(&series, 1, 1, NULL, NULL, 0), HEBB_E_NULL);
    /* Rows of nothing are many, and small. */
    hebb_array empty = hebb_array_view(NULL, HEBB_F32, HEBB_SHAPE(5, 0));
    cr_expect_eq(hebb_window_rows(&empty, 2, 1, &w, message, sizeof message), HEBB_OK);
    cr_expect(hebb_shape_equal(w.shape, HEBB_SHAPE(4, 2, 0)));
    hebb_array_free(&w);
}

Test(prepare, one_hot_rows) {
    int32_t t[] = {2, 0, 1};
    const double wanted[] = {0, 0, 1, 1, 0, 0, 0, 1, 0};
    hebb_array a = hebb_array_view(t, HEBB_I32, HEBB_SHAPE(3)), rows = {0};
    cr_assert_eq(hebb_one_hot_rows(&a, 3, &rows, message, sizeof message), HEBB_OK, "%s", message);
    cr_expect(hebb_shape_equal(rows.shape, HEBB_SHAPE(3, 3)) && rows.dtype == HEBB_F32);
    expect_near(&rows, wanted, 9);
    cr_expect_eq(hebb_one_hot_rows(&a, 2, &rows, message, sizeof message), HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(message, "row 0: label 2 is not in 0...1"), "%s", message);
    t[1] = -1;
    cr_expect_eq(hebb_one_hot_rows(&a, 3, &rows, message, sizeof message), HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(message, "row 1: label -1"), "%s", message);
    cr_expect_eq(hebb_one_hot_rows(&a, 0, &rows, NULL, 0), HEBB_E_ARGUMENT);
    cr_expect_eq(hebb_one_hot_rows(NULL, 3, &rows, NULL, 0), HEBB_E_NULL);
    cr_expect_eq(hebb_one_hot_rows(&a, 3, NULL, NULL, 0), HEBB_E_NULL);
    a.dtype = HEBB_F32;
    cr_expect_eq(hebb_one_hot_rows(&a, 3, &rows, NULL, 0), HEBB_E_DTYPE);
    a.dtype = HEBB_I32;
    a.shape = HEBB_SHAPE(1, 3);
    cr_expect_eq(hebb_one_hot_rows(&a, 3, &rows, message, sizeof message), HEBB_E_SHAPE);
    hebb_array_free(&rows);
}
