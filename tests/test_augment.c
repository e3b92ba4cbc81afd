/* Transforms of batches and prefetching, and augmentation: what is drawn follows from seed, epoch
   and example alone. */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include <hebb/hebb.h>

#define N(array) (sizeof(array) / sizeof *(array))
enum { ROWS = 37, CHANNELS = 2, HEIGHT = 6, WIDTH = 5, PIXELS = CHANNELS * HEIGHT * WIDTH };

static unsigned char bytes[ROWS][CHANNELS][HEIGHT][WIDTH];
static float floats[ROWS][CHANNELS][HEIGHT][WIDTH];
static int32_t labels[ROWS];
static hebb_array arrays[3]; /* bytes, floats, labels */

static void fill(void) {
    for (int i = 0; i < ROWS; i++) {
        labels[i] = i;
        for (int k = 0; k < PIXELS; k++) {
            unsigned char value = (unsigned char)((i * PIXELS + k) * 2654435761u >> 24);
            (&bytes[i][0][0][0])[k] = value;
            (&floats[i][0][0][0])[k] = (float)value / 255;
        }
    }
    arrays[0] = hebb_array_view(bytes, HEBB_U8, HEBB_SHAPE(ROWS, CHANNELS, HEIGHT, WIDTH));
    arrays[1] = hebb_array_view(floats, HEBB_F32, HEBB_SHAPE(ROWS, CHANNELS, HEIGHT, WIDTH));
    arrays[2] = hebb_array_view(labels, HEBB_I32, HEBB_SHAPE(ROWS));
}
TestSuite(augment, .init = fill, .timeout = 60);

#define ALL_COLUMNS 3

/* One epoch, put back in the order of the data. */
typedef struct epoch_result {
    unsigned char bytes[ROWS][CHANNELS][HEIGHT][WIDTH];
    float floats[ROWS][CHANNELS][HEIGHT][WIDTH];
} epoch_result;

static void run_epoch(hebb_batches *b, uint64_t epoch, epoch_result *result) {
    hebb_array views[ALL_COLUMNS];
    int64_t n = 0;
    memset(result, 0, sizeof *result);
    hebb_batches_start(b, epoch);
    while (hebb_batches_next(b, views))
        for (int64_t i = 0; i < views[2].shape.dim[0]; i++, n++) {
            int32_t row = ((const int32_t *)views[2].data)[i];
            memcpy(result->bytes[row], (char *)views[0].data + i * PIXELS, PIXELS);
            memcpy(result->floats[row], (float *)views[1].data + i * PIXELS,
                   PIXELS * sizeof(float));
        }
    cr_assert_eq(hebb_batches_status(b), HEBB_OK, "%s", hebb_batches_message(b));
    cr_assert_eq(n, ROWS);
}

static void augment_once(const hebb_transform *t, int count, epoch_result *result) {
    hebb_batches *b =
        hebb_batches_create(arrays, ALL_COLUMNS, 8, .seed = 5, .transforms = {t, count});
    cr_assert_not_null(b);
    run_epoch(b, 2, result);
    hebb_batches_destroy(b);
}

static epoch_result one, two;

/* ---- what follows from what ---- */

static const hebb_transform *everything(int *count) {
    static hebb_transform list[16];
    const hebb_transform t[] = {
        hebb_random_flip(),        hebb_random_flip(.vertical = true, .column = 1),
        hebb_random_crop(2),       hebb_random_shift(0.3, .column = 1),
        hebb_random_rotate(40),    hebb_random_zoom(0.3, .column = 1),
        hebb_cut_out(3),           hebb_random_brightness(0.2),
        hebb_random_contrast(0.5), hebb_random_contrast(0.5, .column = 1, .probability = 0.5)};
    memcpy(list, t, sizeof t);
    *count = N(t);
    return list;
}

/* The same numbers whatever the batch size, the order, with prefetch and without, and again. */
Test(augment, follows_from_seed_epoch_and_example) {
    int count;
    const hebb_transform_list all = {everything(&count), count};
    augment_once(all.at, count, &one);
    cr_expect_neq(memcmp(one.bytes, bytes, sizeof bytes), 0);
    cr_expect_neq(memcmp(one.floats, floats, sizeof floats), 0);
    for (int k = 0; k < 12; k++) {
        static const int64_t sizes[] = {1, 8, 16, 100};
        hebb_batches *b =
            hebb_batches_create(arrays, ALL_COLUMNS, sizes[k % 4], .seed = 5, .shuffle = k % 2,
                                .prefetch = k / 2, .transforms = all);
        cr_assert_not_null(b);
        for (int again = 0; again < 3; again++) {
            if (again == 1) run_epoch(b, 7, &two);
            run_epoch(b, 2, &two);
            cr_expect_eq(memcmp(&one, &two, sizeof one), 0, "case %d", k);
        }
        run_epoch(b, 3, &two);
        cr_expect_neq(memcmp(one.bytes, two.bytes, sizeof bytes), 0, "epochs 2 and 3");
        hebb_batches_destroy(b);
    }
    hebb_batches *other = hebb_batches_create(arrays, ALL_COLUMNS, 8, .seed = 6, .transforms = all);
    run_epoch(other, 2, &two);
    cr_expect_neq(memcmp(one.bytes, two.bytes, sizeof bytes), 0, "seeds 5 and 6");
    hebb_batches_destroy(other);
}

static hebb_status sum_draws(const hebb_transform *self, hebb_batch *batch) {
    double *sums = self->user;
    for (int64_t i = 0; i < batch->examples; i++)
        for (uint32_t draw = 0; draw < 200; draw++) {
            double u = hebb_batch_uniform(batch, i, draw),
                   next = hebb_batch_uniform(batch, i, draw + 1);
            cr_assert(u >= 0 && u < 1);
            sums[0] += u;
            sums[1] += u * u;
            sums[2] += u * next;
        }
    return HEBB_OK;
}

/* Mean 1/2, mean square 1/3, neighbors without correlation: within five standard deviations. */
Test(augment, draws_are_uniform) {
    double sums[3] = {0}, n = ROWS * 200.0;
    const hebb_transform t = {.apply = sum_draws, .user = sums};
    augment_once(&t, 1, &one);
    cr_expect_float_eq(sums[0] / n, 0.5, 5 * sqrt(1 / 12.0 / n));
    cr_expect_float_eq(sums[1] / n, 1 / 3.0, 5 * sqrt(4 / 45.0 / n));
    cr_expect_float_eq(sums[2] / n, 0.25, 5 * sqrt(7 / 144.0 / n) * 1.5);
}

/* The caller's arrays are as they were. */
Test(augment, copies) {
    int count;
    const hebb_transform *t = everything(&count);
    memcpy(one.bytes, bytes, sizeof bytes);
    memcpy(one.floats, floats, sizeof floats);
    augment_once(t, count, &two);
    cr_expect_eq(memcmp(one.bytes, bytes, sizeof bytes), 0);
    cr_expect_eq(memcmp(one.floats, floats, sizeof floats), 0);
}

/* ---- what each one does ---- */

static bool is_flipped(const epoch_result *r, int i, bool vertical, bool *as_before) {
    bool flipped = true;
    *as_before = memcmp(r->bytes[i], bytes[i], PIXELS) == 0;
    for (int c = 0; c < CHANNELS; c++)
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                flipped =
                    flipped &&
                    r->bytes[i][c][y][x] ==
                        bytes[i][c][vertical ? HEIGHT - 1 - y : y][vertical ? x : WIDTH - 1 - x];
    return flipped;
}

Test(augment, flips_half_of_them) {
    for (int vertical = 0; vertical < 2; vertical++) {
        const hebb_transform t = hebb_random_flip(.vertical = vertical);
        int flipped = 0;
        augment_once(&t, 1, &one);
        for (int i = 0; i < ROWS; i++) {
            bool same, turned = is_flipped(&one, i, vertical, &same);
            cr_expect_neq(turned, same, "example %d", i);
            flipped += turned;
        }
        cr_expect(flipped > 8 && flipped < ROWS - 8, "%d flipped", flipped);
    }
}

/* Whether the image is the old one, moved. */
static bool is_moved(int i, int right, int down, float fill) {
    for (int c = 0; c < CHANNELS; c++)
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++) {
                int u = x - right, v = y - down;
                bool inside = u >= 0 && v >= 0 && u < WIDTH && v < HEIGHT;
                if (one.floats[i][c][y][x] != (inside ? floats[i][c][v][u] : fill)) return false;
            }
    return true;
}

/* By each distance up to `right` and `down`, and no further. */
static void expect_moves(const hebb_transform *t, int right, int down, float fill) {
    int seen[2][16] = {{0}};
    augment_once(t, 1, &one);
    for (int i = 0; i < ROWS; i++) {
        int found = 0;
        for (int dx = -right; dx <= right; dx++)
            for (int dy = -down; dy <= down; dy++)
                if (is_moved(i, dx, dy, fill)) {
                    found++;
                    seen[0][dx + 8]++;
                    seen[1][dy + 8]++;
                }
        cr_expect_eq(found, 1, "example %d", i);
    }
    for (int k = -right; k <= right; k++) cr_expect_gt(seen[0][k + 8], 0, "%d to the right", k);
    for (int k = -down; k <= down; k++) cr_expect_gt(seen[1][k + 8], 0, "%d down", k);
}

Test(augment, crops_and_shifts) {
    const hebb_transform crop = hebb_random_crop(2, .column = 1, .fill = 0.5),
                         shift = hebb_random_shift(0.2, .column = 1),
                         nothing = hebb_random_shift(0, .column = 1),
                         far = hebb_random_crop(50, .column = 1, .fill = 3);
    expect_moves(&crop, 2, 2, 0.5f);
    expect_moves(&shift, 1, 1, 0);
    expect_moves(&nothing, 0, 0, 0);
    augment_once(&far, 1, &one);
    int empty = 0;
    for (int i = 0; i < ROWS; i++) empty += one.floats[i][0][0][0] == 3;
    cr_expect_gt(empty, ROWS / 2);
}

Test(augment, cuts_out_a_square) {
    const hebb_transform t = hebb_cut_out(3, .column = 1, .fill = 9);
    int sizes[10] = {0};
    augment_once(&t, 1, &one);
    for (int i = 0; i < ROWS; i++) {
        int left = WIDTH, right = -1, top = HEIGHT, bottom = -1, n = 0;
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++) {
                bool cut = one.floats[i][0][y][x] == 9;
                cr_expect_eq(one.floats[i][1][y][x] == 9, cut, "the channels differ");
                if (!cut) {
                    cr_expect_eq(one.floats[i][1][y][x], floats[i][1][y][x]);
                    continue;
                }
                n++;
                left = x < left ? x : left;
                right = x > right ? x : right;
                top = y < top ? y : top;
                bottom = y > bottom ? y : bottom;
            }
        cr_expect(n >= 4 && n <= 9 && n == (right - left + 1) * (bottom - top + 1), "%d pixels", n);
        sizes[n]++;
    }
    cr_expect(sizes[9] > 0 && sizes[4] + sizes[6] > 0);
}

/* The same as a naive loop over pixels makes of the same draw. */
static double sample(int i, int c, double x, double y) {
    double sum = 0;
    for (int v = 0; v < HEIGHT; v++)
        for (int u = 0; u < WIDTH; u++)
            sum += floats[i][c][v][u] * fmax(0, 1 - fabs(x - u)) * fmax(0, 1 - fabs(y - v));
    return sum;
}

static double draws[ROWS];
static hebb_status keep_draws(const hebb_transform *self, hebb_batch *batch) {
    const hebb_transform *inner = self->user;
    for (int64_t i = 0; i < batch->examples; i++)
        draws[batch->rows[i]] = hebb_batch_uniform(batch, i, 0);
    return inner->apply(inner, batch);
}

Test(augment, rotates_and_zooms) {
    for (int zoom = 0; zoom < 2; zoom++) {
        hebb_transform inner =
            zoom ? hebb_random_zoom(0.4, .column = 1) : hebb_random_rotate(60, .column = 1);
        const hebb_transform t = {.apply = keep_draws, .user = &inner};
        augment_once(&t, 1, &one);
        double least = 1, greatest = -1;
        for (int i = 0; i < ROWS; i++) {
            double u = 2 * draws[i] - 1, angle = zoom ? 0 : u * 60 * acos(-1) / 180;
            double factor = zoom ? 1 / (1 + 0.4 * u) : 1;
            least = fmin(least, u);
            greatest = fmax(greatest, u);
            for (int c = 0; c < CHANNELS; c++)
                for (int y = 0; y < HEIGHT; y++)
                    for (int x = 0; x < WIDTH; x++) {
                        double right = x - (WIDTH - 1) / 2.0, down = y - (HEIGHT - 1) / 2.0;
                        double at_x =
                            (WIDTH - 1) / 2.0 + factor * (cos(angle) * right + sin(angle) * down);
                        double at_y =
                            (HEIGHT - 1) / 2.0 + factor * (cos(angle) * down - sin(angle) * right);
                        cr_expect_float_eq(one.floats[i][c][y][x], sample(i, c, at_x, at_y), 1e-5,
                                           "example %d, %d, %d", i, x, y);
                    }
        }
        cr_expect(least < -0.7 && greatest > 0.7, "%g, %g", least, greatest);
    }
}

Test(augment, of_no_degrees_changes_nothing) {
    const hebb_transform t[] = {
        hebb_random_rotate(0),   hebb_random_zoom(0), hebb_random_brightness(0),
        hebb_random_contrast(0), hebb_cut_out(0),     hebb_random_rotate(90, .probability = 1e-9)};
    augment_once(t, N(t), &one);
    cr_expect_eq(memcmp(one.bytes, bytes, sizeof bytes), 0);
}

Test(augment, changes_brightness_and_contrast) {
    const hebb_transform brighter[] = {hebb_random_brightness(0.5),
                                       hebb_random_brightness(0.5, .column = 1)};
    augment_once(brighter, 2, &one);
    for (int i = 0; i < ROWS; i++) {
        float more = one.floats[i][0][0][0] - floats[i][0][0][0];
        cr_expect_leq(fabsf(more), 0.5f);
        for (int k = 0; k < PIXELS; k++)
            cr_expect_float_eq((&one.floats[i][0][0][0])[k] - (&floats[i][0][0][0])[k], more, 1e-6);
    }
    int clipped = 0;
    for (int i = 0; i < ROWS * PIXELS; i++)
        clipped += (&one.bytes[0][0][0][0])[i] == 0 || (&one.bytes[0][0][0][0])[i] == 255;
    cr_expect_gt(clipped, ROWS * PIXELS / 20);

    const hebb_transform contrast = hebb_random_contrast(0.5, .column = 1);
    augment_once(&contrast, 1, &one);
    for (int i = 0; i < ROWS; i++)
        for (int c = 0; c < CHANNELS; c++) {
            double mean = 0, changed = 0;
            for (int k = 0; k < HEIGHT * WIDTH; k++) {
                mean += (&floats[i][c][0][0])[k] / (HEIGHT * WIDTH);
                changed += (&one.floats[i][c][0][0])[k] / (HEIGHT * WIDTH);
            }
            double factor = (one.floats[i][c][0][0] - mean) / (floats[i][c][0][0] - mean);
            cr_expect_float_eq(mean, changed, 1e-5);
            cr_expect(factor > 0.499 && factor < 1.501, "%g", factor);
            cr_expect_float_eq(one.floats[i][c][5][4] - mean, (floats[i][c][5][4] - mean) * factor,
                               1e-4);
        }
}

/* A batch of all: each example is a mixture of itself and the next, with the weight of its label.
 */
Test(augment, mixes_up) {
    hebb_array hot = {0}, columns[2], views[2];
    cr_assert_eq(hebb_one_hot_rows(&arrays[2], ROWS, &hot, NULL, 0), HEBB_OK);
    columns[0] = arrays[1];
    columns[1] = hot;
    double weights = 0;
    hebb_batches *b =
        hebb_batches_create(columns, 2, ROWS, .transforms = HEBB_TRANSFORMS(hebb_mix_up(0.4)));
    cr_assert(hebb_batches_next(b, views), "%s", hebb_batches_message(b));
    for (int i = 0; i < ROWS; i++) {
        int next = (i + 1) % ROWS;
        double w = hebb_array_at(&views[1], i * ROWS + i);
        weights += w;
        cr_expect(w >= 0 && w <= 1);
        cr_expect_float_eq(hebb_array_at(&views[1], i * ROWS + next), 1 - w, 1e-6);
        for (int k = 0; k < PIXELS; k++)
            cr_expect_float_eq(hebb_array_at(&views[0], i * PIXELS + k),
                               w * (&floats[i][0][0][0])[k] + (1 - w) * (&floats[next][0][0][0])[k],
                               1e-6);
    }
    cr_expect(weights > 0.3 * ROWS && weights < 0.7 * ROWS, "%g", weights / ROWS);
    hebb_batches_destroy(b);
    hebb_array_free(&hot);
}

/* ---- transforms of one's own ---- */

/* Exchanges the column for one of another dtype and shape. */
static hebb_status to_sums(const hebb_transform *self, hebb_batch *batch) {
    hebb_array *column = &batch->columns[self->column], sums = {0};
    if (hebb_array_resize(&sums, HEBB_F64, HEBB_SHAPE(batch->examples)) != HEBB_OK)
        return HEBB_E_MEMORY;
    for (int64_t i = 0; i < batch->examples; i++) {
        double sum = 0;
        for (int k = 0; k < PIXELS; k++) sum += hebb_array_at(column, i * PIXELS + k);
        ((double *)sums.data)[i] = sum + (double)batch->number + 10 * (double)batch->epoch;
    }
    hebb_array_free(column);
    *column = sums;
    return HEBB_OK;
}

Test(augment, may_be_of_another_dtype_and_shape) {
    for (int prefetch = 0; prefetch < 3; prefetch++) {
        hebb_array views[3];
        hebb_batches *b = hebb_batches_create(arrays, 3, 10, .prefetch = prefetch,
                                              .transforms = HEBB_TRANSFORMS({.apply = to_sums}));
        for (int epoch = 0; epoch < 2; epoch++) {
            hebb_batches_start(b, (uint64_t)epoch);
            for (int n = 0; hebb_batches_next(b, views); n++) {
                cr_assert(views[0].dtype == HEBB_F64 && views[0].shape.rank == 1);
                double sum = 0;
                for (int k = 0; k < PIXELS; k++) sum += (&bytes[10 * n][0][0][0])[k];
                cr_expect_eq(hebb_array_at(&views[0], 0), sum + n + 10 * epoch);
            }
            cr_expect_eq(hebb_batches_status(b), HEBB_OK);
        }
        hebb_batches_destroy(b);
    }
}

/* ---- errors ---- */

static hebb_status fail_at(const hebb_transform *self, hebb_batch *batch) {
    if (batch->number < (int64_t)self->amounts[0]) return HEBB_OK;
    if (self->user == NULL) return HEBB_E_FORMAT;
    return hebb_batch_fail(batch, HEBB_E_FORMAT, self->user);
}

static void expect_error(hebb_transform t, int64_t before, hebb_status status, const char *words) {
    for (int prefetch = 0; prefetch < 4; prefetch++) {
        hebb_array views[3];
        int64_t given = 0;
        hebb_batches *b = hebb_batches_create(arrays, 3, 8, .prefetch = prefetch,
                                              .transforms = HEBB_TRANSFORMS(t));
        cr_assert_not_null(b);
        for (int epoch = 0; epoch < 2; epoch++, given = 0) {
            hebb_batches_start(b, (uint64_t)epoch);
            cr_expect_str_eq(hebb_batches_message(b), "");
            while (hebb_batches_next(b, views)) given++;
            cr_expect_eq(given, before, "%s: %d given", words, (int)given);
            cr_expect_eq(hebb_batches_status(b), status, "%s", hebb_batches_message(b));
            cr_expect_not_null(strstr(hebb_batches_message(b), words), "'%s' does not say '%s'",
                               hebb_batches_message(b), words);
            cr_expect_not(hebb_batches_next(b, views));
        }
        hebb_batches_destroy(b);
    }
}

static hebb_status lose_rows(const hebb_transform *self, hebb_batch *batch) {
    batch->columns[1].shape.dim[0]--;
    return HEBB_OK;
}

Test(augment, errors_are_the_epochs) {
    expect_error((hebb_transform){.name = "mine", .apply = fail_at, .amounts = {3}, .user = "no"},
                 3, HEBB_E_FORMAT, ", batch 4: mine: no");
    expect_error((hebb_transform){.apply = fail_at}, 0, HEBB_E_FORMAT, "a transform failed");
    expect_error((hebb_transform){.apply = lose_rows}, 0, HEBB_E_SHAPE,
                 "it left [7, 2, 6, 5] for 8 examples in column 1");
    expect_error(hebb_random_flip(.column = 3), 0, HEBB_E_ARGUMENT, "no column 3: there are 3");
    expect_error(hebb_random_flip(.column = 2), 0, HEBB_E_SHAPE, "column 2 is [8]");
    expect_error(hebb_random_flip(.probability = 1.5), 0, HEBB_E_ARGUMENT, "probability of 1.5");
    expect_error(hebb_random_crop(-1), 0, HEBB_E_ARGUMENT, "-1 is not between 0");
    expect_error(hebb_random_shift(NAN), 0, HEBB_E_ARGUMENT, "nan");
    expect_error(hebb_random_rotate(200), 0, HEBB_E_ARGUMENT, "200 is not between 0 and 180");
    expect_error(hebb_mix_up(0.2, .labels = 2), 0, HEBB_E_DTYPE, "mix_up: it mixes u8");
    expect_error(hebb_mix_up(0), 0, HEBB_E_ARGUMENT, "alpha is 0");
    expect_error(hebb_mix_up(0.2, .labels = 7), 0, HEBB_E_ARGUMENT, "there are 3");
}

Test(augment, wrong_options) {
    const hebb_transform none = {0};
    const struct {
        hebb_batches_options options;
        hebb_status status;
        const char *message;
    } bad[] = {
        {{.prefetch = -1}, HEBB_E_ARGUMENT, "batches: .prefetch is -1, not 0 to 1024"},
        {{.prefetch = 5000}, HEBB_E_ARGUMENT, "batches: .prefetch is 5000, not 0 to 1024"},
        {{.transforms = {&none, 1}}, HEBB_E_NULL, "batches: transform 0 has no function"},
        {{.transforms = {NULL, 1}}, HEBB_E_NULL, "batches: the transforms are NULL"},
        {{.transforms = {&none, -1}}, HEBB_E_ARGUMENT, "batches: -1 transforms, not 0 to 255"},
    };
    for (size_t k = 0; k < N(bad); k++) {
        hebb_batches *b = hebb_batches_create_with(arrays, 3, 8, &bad[k].options);
        cr_expect_eq(hebb_batches_status(b), bad[k].status);
        cr_expect_str_eq(hebb_batches_message(b), bad[k].message);
        hebb_batches_destroy(b);
    }
    cr_expect(isnan(hebb_batch_uniform(NULL, 0, 0)));
    cr_expect_null(hebb_batch_scratch(NULL, 1));
    cr_expect_eq(hebb_batch_fail(NULL, HEBB_E_FORMAT, ""), HEBB_E_NULL);
    cr_expect_eq(hebb_batches_status(NULL), HEBB_E_NULL);
}

/* ---- prefetching ---- */

static atomic_int made;
static hebb_status count_made(const hebb_transform *self, hebb_batch *batch) {
    atomic_fetch_add(&made, 1);
    return HEBB_OK;
}

/* Left at any moment, begun anew, destroyed: nothing hangs, nothing is mixed up; of what is not
   asked for, no more is made than was ordered. */
Test(augment, prefetch_may_be_left_at_any_batch) {
    hebb_array views[3];
    for (int leave = 0; leave < 8; leave++)
        for (int prefetch = 1; prefetch < 4; prefetch++) {
            hebb_batches *b =
                hebb_batches_create(arrays, 3, 5, .prefetch = prefetch, .shuffle = true,
                                    .transforms = HEBB_TRANSFORMS({.apply = count_made}));
            for (int epoch = 0; epoch < 3; epoch++) {
                atomic_store(&made, 0);
                hebb_batches_start(b, (uint64_t)epoch);
                for (int k = 0; k < leave; k++) cr_assert(hebb_batches_next(b, views));
                hebb_array last = leave > 0 ? views[2] : (hebb_array){0};
                int kept = leave > 0 ? (int)hebb_array_at(&last, 0) : 0;
                hebb_batches_start(b, 9);
                cr_expect_leq(atomic_load(&made), leave + prefetch + 1 + prefetch + 1);
                cr_expect(kept >= 0 && kept < ROWS);
                run_epoch(b, 4, &two);
                cr_expect_eq(memcmp(two.bytes, bytes, sizeof bytes), 0);
            }
            hebb_batches_start(b, 1);
            hebb_batches_destroy(b);
        }
}

/* ---- fit ---- */

/* A model of the floats, on which hebb_fit trains. */
static hebb_model *make_model(hebb_graph *g, hebb_device *device) {
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, CHANNELS, HEIGHT, WIDTH));
    hebb_tensor *t = hebb_input(g, "label", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *loss = hebb_sparse_softmax_cross_entropy(hebb_dense(hebb_flatten(x), ROWS), t);
    return hebb_model_create(g, device, .inputs = HEBB_LIST(x, t), .loss = loss,
                             .optimizer = hebb_adam(), .seed = 3);
}

static void fit_losses(int prefetch, bool augmented, double *losses) {
    hebb_graph *g = hebb_graph_create();
    hebb_device *device = hebb_device_open("cpu");
    hebb_model *m = make_model(g, device);
    const hebb_transform flip[] = {hebb_random_flip(), hebb_random_rotate(20)};
    cr_assert_eq(hebb_fit(m, HEBB_DATASET(arrays[1], arrays[2]), .epochs = 4, .batch = 8,
                          .validation = HEBB_DATASET(arrays[1], arrays[2]), .prefetch = prefetch,
                          .transforms = {flip, augmented ? 2 : 0}),
                 HEBB_OK, "%s", hebb_message(m));
    memcpy(losses, hebb_history(m, "loss", NULL), 4 * sizeof *losses);
    memcpy(losses + 4, hebb_history(m, "val_loss", NULL), 4 * sizeof *losses);
    double values[1];
    cr_assert_eq(hebb_evaluate(m, HEBB_DATASET(arrays[1], arrays[2]), values), HEBB_OK);
    cr_expect_float_eq(values[0], losses[7], 1e-6, "validation does not augment");
    hebb_model_destroy(m);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

Test(augment, fit_learns_the_same_with_and_without_prefetch) {
    double plain[8], none[8], some[8];
    fit_losses(0, true, none);
    fit_losses(3, true, some);
    fit_losses(1, false, plain);
    cr_expect_eq(memcmp(none, some, sizeof none), 0);
    cr_expect_neq(memcmp(none, plain, sizeof none), 0);
    fit_losses(0, false, some);
    cr_expect_eq(memcmp(plain, some, sizeof plain), 0);
}

static hebb_status stop_soon(hebb_callback *self, hebb_fit_state *fit) {
    return fit->batch == 2 ? HEBB_E_UNSUPPORTED : HEBB_OK;
}

/* A transform's error is the fit's; a fit that another error ends leaves no thread behind. */
Test(augment, fit_fails_as_its_transform_does) {
    hebb_graph *g = hebb_graph_create();
    hebb_device *device = hebb_device_open("cpu");
    hebb_model *m = make_model(g, device);
    const hebb_transform bad = {
        .name = "mine", .apply = fail_at, .amounts = {3}, .user = "no such image"};
    for (int prefetch = 0; prefetch < 3; prefetch++) {
        cr_expect_eq(hebb_fit(m, HEBB_DATASET(arrays[1], arrays[2]), .batch = 8,
                              .prefetch = prefetch, .transforms = {&bad, 1}),
                     HEBB_E_FORMAT);
        cr_expect_str_eq(hebb_message(m), "fit: epoch 1, batch 4: mine: no such image");
        cr_expect_eq(hebb_fit(m, HEBB_DATASET(arrays[1], arrays[2]), .batch = 8,
                              .prefetch = prefetch,
                              .callbacks = HEBB_CALLBACKS({.batch_end = stop_soon})),
                     HEBB_E_UNSUPPORTED);
        cr_expect_eq(hebb_fit(m, HEBB_DATASET(arrays[1], arrays[2]), .batch = 8, .epochs = 2,
                              .prefetch = prefetch, .steps_per_epoch = 2),
                     HEBB_OK, "%s", hebb_message(m));
    }
    cr_expect_eq(hebb_fit(m, HEBB_DATASET(arrays[1], arrays[2]), .prefetch = -1), HEBB_E_ARGUMENT);
    hebb_model_destroy(m);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}
