/* Layers: normalization against Keras (tests/golden/normalization.txt), what training and inference
   make of them, their gradients, their variables, and their errors. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <hebb/hebb.h>

#include "support/devices.h"
#include "support/golden.h"
#include "support/layer_gradient.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- normalization against Keras ---- */

typedef hebb_tensor *make_layer(hebb_tensor *x);
#define LAYER(name, ...)                                                                           \
    static hebb_tensor *make_##name(hebb_tensor *x) { return __VA_ARGS__; }
LAYER(plain_layer, hebb_layer_normalization(x))
LAYER(layer_epsilon, hebb_layer_normalization(x, .epsilon = 0.5))
LAYER(rms, hebb_rms_normalization(x))
LAYER(group, hebb_group_normalization(x, 3))
LAYER(instance, hebb_instance_normalization(x))
LAYER(unit, hebb_unit_normalization(x, -1))
LAYER(batch, hebb_batch_normalization(x, .momentum = 0.9))
static const struct {
    const char *name;
    make_layer *make;
} normalizations[] = {{"layer", make_plain_layer}, {"layer_epsilon", make_layer_epsilon},
                      {"rms", make_rms},           {"group", make_group},
                      {"instance", make_instance}, {"unit", make_unit},
                      {"batch", make_batch},       {"batch_moving", make_batch}};

static void expect_close(const hebb_array *got, const hebb_array *wanted, const char *what) {
    cr_assert_eq(hebb_array_count(got), hebb_array_count(wanted), "%s", what);
    for (int64_t i = 0; i < hebb_array_count(got); i++) {
        double g = hebb_array_at(got, i), w = hebb_array_at(wanted, i);
        cr_expect(fabs(g - w) <= 3e-5 * (1 + fabs(w)), "%s: element %d is %.8g, wanted %.8g", what,
                  (int)i, g, w);
    }
}

static bool ends(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* The scales and shifts that the golden values were made with. */
static void set_variables(hebb_graph *g, hebb_session *s) {
    for (size_t k = 0; k < hebb_graph_variable_count(g); k++) {
        hebb_tensor *v = hebb_graph_variable(g, k);
        bool gamma = ends(hebb_tensor_name(v), "gamma"), beta = ends(hebb_tensor_name(v), "beta");
        if (!gamma && !beta) continue;
        hebb_array value = hebb_array_zeros(HEBB_F32, hebb_tensor_shape(v));
        int64_t n = hebb_array_count(&value);
        for (int64_t i = 0; i < n; i++)
            hebb_array_set(&value, i, 0.5 + (double)i / (double)(n - 1) - (beta ? 1 : 0));
        hebb_session_set(s, v, &value);
        hebb_array_free(&value);
    }
}

static void check_normalization(const golden_case *c, make_layer *make, hebb_device *device) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 6, 5));
    hebb_tensor *y = make(x), *dx;
    hebb_tensor *dy = hebb_input(g, "dy", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 6, 5));
    hebb_gradients(&y, 1, &x, 1, &dy, &dx);
    hebb_session *s = hebb_session_create(g, device);
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    set_variables(g, s);
    hebb_session_set_mode(s, HEBB_MODE_TRAINING);
    hebb_array y_value = {0}, dx_value = {0};
    hebb_run(s, HEBB_FEED({x, golden_find(c, "x")}, {dy, golden_find(c, "dy")}),
             HEBB_FETCH({y, &y_value}, {dx, &dx_value}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    expect_close(&y_value, golden_find(c, "y"), c->name);
    expect_close(&dx_value, golden_find(c, "dx"), c->name);
    hebb_array_free(&y_value);
    hebb_array_free(&dx_value);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

static void check_moving(const golden_case *c, hebb_device *device) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 6, 5));
    hebb_tensor *y = make_batch(x);
    hebb_tensor *loss = hebb_sum(y, HEBB_ALL_AXES, false), *update;
    cr_assert_eq(hebb_attached_updates(loss, NULL, 0), 2);
    hebb_tensor *updates[2];
    hebb_attached_updates(loss, updates, 2);
    update = hebb_group(g, updates, 2);
    hebb_session *s = hebb_session_create(g, device);
    set_variables(g, s);
    hebb_array value = {0};
    hebb_run(s, HEBB_FEED({x, golden_find(c, "x")}), HEBB_FETCH({update, NULL}));
    hebb_session_get(s, hebb_graph_find(g, "batch_normalization/moving_mean"), &value);
    expect_close(&value, golden_find(c, "mean"), "moving mean");
    hebb_session_get(s, hebb_graph_find(g, "batch_normalization/moving_variance"), &value);
    expect_close(&value, golden_find(c, "variance"), "moving variance");
    hebb_run(s, HEBB_FEED({x, golden_find(c, "x")}), HEBB_FETCH({y, &value}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    expect_close(&value, golden_find(c, "z"), "inference");
    hebb_array_free(&value);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

static void check_golden(hebb_device *device) {
    golden_file *file = golden_open(GOLDEN_FOLDER "/normalization.txt");
    golden_case c;
    const char *wrong = NULL;
    size_t n = 0;
    cr_assert_not_null(file);
    for (; golden_next(file, &c, &wrong); n++) {
        make_layer *make = NULL;
        for (size_t k = 0; k < COUNT(normalizations); k++)
            if (strcmp(normalizations[k].name, c.name) == 0) make = normalizations[k].make;
        cr_assert_not_null(make, "%s", c.name);
        if (strcmp(c.name, "batch_moving") == 0) check_moving(&c, device);
        else check_normalization(&c, make, device);
        golden_free(&c);
    }
    cr_expect_null(wrong, "%s", wrong);
    cr_expect_eq(n, COUNT(normalizations));
    golden_close(file);
    hebb_device_close(device);
}

Test(normalization, is_that_of_keras_on_cpu) { check_golden(cpu_device()); }
Test(normalization, is_that_of_keras_on_opencl) { check_golden(opencl_device()); }

/* ---- gradients, in f64 ---- */

LAYER(dense, hebb_dense(x, 3, .activation = hebb_tanh))
LAYER(conv1d, hebb_conv1d(x, 4, 3, .padding = HEBB_PADDING_SAME, .stride = {2}))
LAYER(conv1d_transpose, hebb_conv1d_transpose(x, 4, 3, .stride = {2}))
LAYER(depthwise, hebb_depthwise_conv1d(x, 3, .multiplier = 2))
LAYER(separable, hebb_separable_conv1d(x, 4, 2, .activation = hebb_sigmoid))
LAYER(up_sampling, hebb_up_sampling(x, 1, 3))
LAYER(zero_padding, hebb_zero_padding(x, 1, 2))
LAYER(cropping, hebb_cropping(x, 1, 1))
LAYER(batch_dot, hebb_batch_dot(x, hebb_square(x), 1, 1, true))
LAYER(spatial_dropout, hebb_spatial_dropout(x, 0.5))
LAYER(gaussian_dropout, hebb_gaussian_dropout(x, 0.5))
LAYER(alpha_dropout, hebb_alpha_dropout(x, 0.5))
LAYER(average_of, hebb_average_of(HEBB_LIST(x, hebb_square(x), hebb_exp(x))))
LAYER(activity, hebb_activity_regularization(x, 0.1, 0.2))

#define GRADIENT(name) check_layer_gradient(#name, make_##name, HEBB_SHAPE(4, 6, 5))

Test(layers, gradients) {
    GRADIENT(layer_epsilon);
    GRADIENT(rms);
    GRADIENT(group);
    GRADIENT(instance);
    GRADIENT(unit);
    GRADIENT(batch);
    GRADIENT(dense);
    GRADIENT(conv1d);
    GRADIENT(conv1d_transpose);
    GRADIENT(depthwise);
    GRADIENT(separable);
    GRADIENT(up_sampling);
    GRADIENT(zero_padding);
    GRADIENT(cropping);
    GRADIENT(batch_dot);
    GRADIENT(spatial_dropout);
    GRADIENT(gaussian_dropout);
    GRADIENT(alpha_dropout);
    GRADIENT(average_of);
    GRADIENT(activity);
}

/* ---- variables and shapes ---- */

static void expect_shape(hebb_tensor *y, hebb_shape wanted) {
    char got[160], want[160];
    hebb_shape_text(hebb_tensor_shape(y), got, sizeof got);
    hebb_shape_text(wanted, want, sizeof want);
    cr_expect_str_eq(got, want);
}

Test(layers, variables_and_shapes) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 3, 28, 28));
    hebb_tensor *y = hebb_conv2d(x, 8, 3, .activation = hebb_relu);
    expect_shape(y, HEBB_SHAPE(HEBB_ANY, 8, 26, 26));
    y = hebb_max_pool2d(y, 2);
    expect_shape(y, HEBB_SHAPE(HEBB_ANY, 8, 13, 13));
    y = hebb_conv2d(y, 4, 3, .kernel = {3, 5}, .padding = HEBB_PADDING_SAME, .groups = 2);
    expect_shape(y, HEBB_SHAPE(HEBB_ANY, 4, 13, 13));
    y = hebb_conv2d_transpose(y, 6, 4, .stride = {2}, .padding = HEBB_PADDING_SAME);
    expect_shape(y, HEBB_SHAPE(HEBB_ANY, 6, 26, 26));
    y = hebb_separable_conv2d(hebb_cropping(hebb_zero_padding(y, 2, 3), 2, 2), 5, 3);
    expect_shape(y, HEBB_SHAPE(HEBB_ANY, 5, 26, 26));
    hebb_dense(hebb_flatten(y), 10);
    hebb_tensor *ids = hebb_input(g, "ids", HEBB_I32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY));
    expect_shape(hebb_embedding(ids, 65, 16), HEBB_SHAPE(HEBB_ANY, HEBB_ANY, 16));
    hebb_tensor *v = hebb_input(g, "v", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 7));
    expect_shape(hebb_repeat_vector(v, 3), HEBB_SHAPE(HEBB_ANY, 3, 7));
    expect_shape(hebb_batch_dot(v, v, 1, 1, false), HEBB_SHAPE(HEBB_ANY, 1));
    cr_expect_str_eq(hebb_graph_message(g), "");
    static const char *const names[] = {"conv2d/kernel",
                                        "conv2d/bias",
                                        "conv2d_1/kernel",
                                        "conv2d_1/bias",
                                        "conv2d_transpose/kernel",
                                        "conv2d_transpose/bias",
                                        "separable_conv2d/depthwise/kernel",
                                        "separable_conv2d/pointwise/kernel",
                                        "separable_conv2d/pointwise/bias",
                                        "dense/kernel",
                                        "dense/bias",
                                        "embedding/table"};
    cr_assert_eq(hebb_graph_variable_count(g), COUNT(names));
    for (size_t k = 0; k < COUNT(names); k++)
        cr_expect_str_eq(hebb_tensor_name(hebb_graph_variable(g, k)), names[k]);
    expect_shape(hebb_graph_find(g, "conv2d_1/kernel"), HEBB_SHAPE(4, 4, 3, 5));
    expect_shape(hebb_graph_find(g, "conv2d_transpose/kernel"), HEBB_SHAPE(4, 6, 4, 4));
    hebb_graph_destroy(g);
}

/* ---- dropout ---- */

/* x is ones: mean and share of zeros of what the layer makes in training and in inference. */
static void check_dropout(make_layer *make, double zeros, double deviation, hebb_device *device) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_full(g, HEBB_F32, HEBB_SHAPE(200, 500), 1), *y = make(x);
    hebb_session *s = hebb_session_create(g, device, .seed = 4);
    hebb_array value[3] = {{0}, {0}, {0}};
    hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({y, &value[0]}));
    hebb_session_set_mode(s, HEBB_MODE_TRAINING);
    for (int k = 1; k < 3; k++) hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({y, &value[k]}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    double sum = 0, squares = 0, none = 0, n = 100000;
    bool differ = false;
    for (int64_t i = 0; i < 100000; i++) {
        double v = hebb_array_at(&value[1], i);
        cr_assert_eq(hebb_array_at(&value[0], i), 1);
        sum += v;
        squares += v * v;
        none += v == 0;
        differ = differ || v != hebb_array_at(&value[2], i);
    }
    double got = sqrt(squares / n - sum * sum / n / n);
    cr_expect(differ, "two runs gave the same");
    cr_expect(fabs(sum / n - 1) < 5 * deviation / sqrt(n), "mean %g", sum / n);
    cr_expect(fabs(got - deviation) < 0.02 * deviation, "deviation %g, not %g", got, deviation);
    cr_expect(fabs(none / n - zeros) < 0.01, "%g zeros, not %g", none / n, zeros);
    for (int k = 0; k < 3; k++) hebb_array_free(&value[k]);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

LAYER(dropout, hebb_dropout(x, 0.2))
LAYER(heavy_dropout, hebb_dropout(x, 0.9))
LAYER(gaussian, hebb_gaussian_dropout(x, 0.2))
LAYER(noise, hebb_gaussian_noise(x, 0.3))

static void check_dropouts(hebb_device *device) {
    check_dropout(make_dropout, 0.2, 0.5, device);
    check_dropout(make_heavy_dropout, 0.9, 3, device);
    check_dropout(make_gaussian, 0, 0.5, device);
    check_dropout(make_noise, 0, 0.3, device);
    hebb_device_close(device);
}

Test(dropout, keeps_the_mean_on_cpu) { check_dropouts(cpu_device()); }
Test(dropout, keeps_the_mean_on_opencl) { check_dropouts(opencl_device()); }

Test(dropout, spatial_drops_channels_and_alpha_keeps_moments) {
    hebb_device *device = cpu_device();
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_random_normal(g, HEBB_F32, HEBB_SHAPE(100, 20, 50));
    hebb_tensor *spatial = hebb_spatial_dropout(hebb_add(x, hebb_scalar_like(x, 9)), 0.5);
    hebb_tensor *alpha = hebb_alpha_dropout(x, 0.3);
    hebb_session *s = hebb_session_create(g, device, .seed = 4);
    hebb_session_set_mode(s, HEBB_MODE_TRAINING);
    hebb_array a = {0}, b = {0};
    hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({spatial, &a}, {alpha, &b}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    int dropped = 0;
    double sum = 0, squares = 0;
    for (int channel = 0; channel < 2000; channel++) {
        int zeros = 0;
        for (int k = 0; k < 50; k++) zeros += hebb_array_at(&a, 50 * channel + k) == 0;
        cr_expect(zeros == 0 || zeros == 50);
        dropped += zeros == 50;
    }
    cr_expect(abs(dropped - 1000) < 120, "%d", dropped);
    for (int64_t i = 0; i < 100000; i++) {
        sum += hebb_array_at(&b, i);
        squares += hebb_array_at(&b, i) * hebb_array_at(&b, i);
    }
    cr_expect(fabs(sum / 1e5) < 0.02, "%g", sum / 1e5);
    cr_expect(fabs(squares / 1e5 - 1) < 0.03, "%g", squares / 1e5);
    hebb_array_free(&a);
    hebb_array_free(&b);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}

/* ---- inference and sharing ---- */

static size_t plan_steps(hebb_session *s, hebb_tensor *x, hebb_tensor *y) {
    hebb_plan_stats stats = {0};
    hebb_array zeros = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(2, 6, 5)), value = {0};
    hebb_run(s, HEBB_FEED({x, &zeros}), HEBB_FETCH({y, &value}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    hebb_session_stats(s, &stats);
    hebb_array_free(&zeros);
    hebb_array_free(&value);
    return stats.steps;
}

/* The factor of each channel, and all the rest. */
Test(layers, inference_is_two_steps_without_trace_of_training) {
    hebb_device *device = cpu_device();
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 6, 5));
    hebb_tensor *y = hebb_dropout(hebb_relu(hebb_batch_normalization(x)), 0.5);
    hebb_session *s = hebb_session_create(g, device);
    cr_expect_eq(plan_steps(s, x, y), 2);
    hebb_session_set_mode(s, HEBB_MODE_TRAINING);
    cr_expect_gt(plan_steps(s, x, y), 2);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}

static hebb_tensor *tower(hebb_tensor *x) {
    hebb_share_begin(hebb_tensor_graph(x), "tower");
    hebb_tensor *y = hebb_batch_normalization(hebb_dense(x, 4), .momentum = 0.5);
    hebb_share_end(hebb_tensor_graph(x));
    return y;
}

/* Both uses of a shared batch normalization move its averages, one after the other. */
Test(layers, shared_layers) {
    hebb_device *device = cpu_device();
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 2));
    hebb_tensor *a = tower(x), *b = tower(hebb_add(x, x));
    hebb_tensor *loss = hebb_mean_squared_error(a, hebb_stop_gradient(hebb_add(b, x == a ? x : b)));
    hebb_tensor *step = hebb_minimize(loss, hebb_sgd(.learning_rate = 0.01));
    cr_expect_str_eq(hebb_graph_message(g), "");
    cr_expect_eq(hebb_graph_variable_count(g), 7); /* four trained, two averages, the rate */
    hebb_session *s = hebb_session_create(g, device, .seed = 1);
    float rows[3][2] = {{1, 2}, {-3, 4}, {5, 0.5f}};
    hebb_array fed = hebb_array_view(rows, HEBB_F32, HEBB_SHAPE(3, 2)), kernel = {0}, mean = {0};
    hebb_session_get(s, hebb_graph_find(g, "tower/dense/kernel"), &kernel);
    hebb_run(s, HEBB_FEED({x, &fed}), HEBB_FETCH({step, NULL}));
    hebb_session_get(s, hebb_graph_find(g, "tower/batch_normalization/moving_mean"), &mean);
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    for (int k = 0; k < 4; k++) {
        double m = 0;
        for (int row = 0; row < 3; row++)
            m += (rows[row][0] * hebb_array_at(&kernel, k) +
                  rows[row][1] * hebb_array_at(&kernel, 4 + k)) /
                 3;
        double wanted = 0.5 * (0.5 * 0 + 0.5 * m) + 0.5 * 2 * m;
        cr_expect(fabs(hebb_array_at(&mean, k) - wanted) < 1e-5);
    }
    hebb_array_free(&kernel);
    hebb_array_free(&mean);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}

/* The iteration finds the largest singular value of [[3, 0], [0, 1]]; its gradient takes the
   vectors for constants. */
Test(layers, spectral_normalization_divides_by_the_largest_singular_value) {
    hebb_device *device = cpu_device();
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(2, 2));
    hebb_tensor *y = hebb_dense(x, 2, .no_bias = true, .kernel = hebb_spectral_normalization);
    hebb_tensor *loss = hebb_sum(y, HEBB_ALL_AXES, false), *update;
    cr_assert_eq(hebb_attached_updates(loss, &update, 1), 1);
    hebb_tensor *kernel = hebb_graph_find(g, "dense/kernel"), *slope = hebb_gradient(loss, kernel);
    hebb_session *s = hebb_session_create(g, device, .seed = 1);
    float unit[4] = {1, 0, 0, 1}, start[4] = {3, 0, 0, 1};
    hebb_array eye = hebb_array_view(unit, HEBB_F32, HEBB_SHAPE(2, 2)), value = {0}, gradient = {0};
    hebb_array first = hebb_array_view(start, HEBB_F32, HEBB_SHAPE(2, 2));
    hebb_session_set(s, kernel, &first);
    for (int k = 0; k < 30; k++) hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({update, NULL}));
    hebb_run(s, HEBB_FEED({x, &eye}), HEBB_FETCH({y, &value}, {slope, &gradient}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    /* of (k11 + k12 + k21 + k22) / k11 */
    const double wanted[2][4] = {{1, 0, 0, 1.0 / 3}, {-1.0 / 9, 1.0 / 3, 1.0 / 3, 1.0 / 3}};
    for (int k = 0; k < 4; k++) {
        cr_expect(fabs(hebb_array_at(&value, k) - wanted[0][k]) < 1e-4);
        cr_expect(fabs(hebb_array_at(&gradient, k) - wanted[1][k]) < 1e-4);
    }
    hebb_array_free(&value);
    hebb_array_free(&gradient);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}

/* ---- errors ---- */

#define FAILS(status, words, ...)                                                                  \
    do {                                                                                           \
        hebb_graph *g = hebb_graph_create();                                                       \
        hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 6, 5));                 \
        hebb_tensor *i = hebb_input(g, "i", HEBB_I32, HEBB_SHAPE(HEBB_ANY));                       \
        hebb_tensor *o = hebb_input(g, "o", HEBB_F32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY, HEBB_ANY));   \
        (void)x, (void)i, (void)o;                                                                 \
        cr_expect(hebb_tensor_is_inert(__VA_ARGS__));                                              \
        cr_expect_eq(hebb_graph_status(g), HEBB_E_##status, "%s", hebb_graph_message(g));          \
        cr_expect(strstr(hebb_graph_message(g), words), "%s", hebb_graph_message(g));              \
        cr_expect(strstr(hebb_graph_message(g), "test_layers.c:"), "%s", hebb_graph_message(g));   \
        hebb_graph_destroy(g);                                                                     \
    } while (0)

Test(layers, errors_say_what_and_where) {
    FAILS(ARGUMENT, "rate is 1, not in [0, 1)", hebb_dropout(x, 1));
    FAILS(ARGUMENT, "rate is -0.1", hebb_alpha_dropout(x, -0.1));
    FAILS(ARGUMENT, "rate is nan", hebb_gaussian_dropout(x, NAN));
    FAILS(DTYPE, "x is i32", hebb_dropout(i, 0.5));
    FAILS(ARGUMENT, "deviation is -1", hebb_gaussian_noise(x, -1));
    FAILS(DTYPE, "embedding: ids are f32 [?, 6, 5]", hebb_embedding(x, 3, 4));
    FAILS(ARGUMENT, "a vocabulary of 0", hebb_embedding(i, 0, 4));
    FAILS(SHAPE, "conv2d: x is f32", hebb_conv2d(x, 3, 3));
    FAILS(SHAPE, "known channels", hebb_conv1d(o, 3, 3));
    FAILS(ARGUMENT, "conv1d: 4 filters of size 3 in 4 groups of 6 channels",
          hebb_conv1d(x, 4, 3, .groups = 4));
    FAILS(SHAPE, "batch_normalization: axis 1", hebb_batch_normalization(o));
    FAILS(ARGUMENT, "momentum 1.5", hebb_batch_normalization(x, .momentum = 1.5));
    FAILS(ARGUMENT, "4 groups do not divide 6", hebb_group_normalization(x, 4));
    FAILS(SHAPE, "layer_normalization: axis 2", hebb_layer_normalization(o));
    FAILS(ARGUMENT, "cropping: by -1", hebb_cropping(x, 1, -1));
    FAILS(ARGUMENT, "cropping: by 3 over the last 1 axes of [?, 6, 5]", hebb_cropping(x, 1, 3));
    FAILS(SHAPE, "batch_dot: axes 0 and 1", hebb_batch_dot(x, x, 0, 1, false));
    FAILS(ARGUMENT, "l1 or l2", hebb_activity_regularization(x, -1, 0));
}

/* Numbers whose products would not be numbers of 64 bits; and negative ones, which are no default.
 */
Test(layers, numbers_out_of_range) {
    const int64_t huge = INT64_MAX;
    FAILS(ARGUMENT, "lstm: x is f32", hebb_lstm(x, huge));
    FAILS(ARGUMENT, "(here 9223372036854775807)", hebb_gru(x, huge));
    FAILS(ARGUMENT, "conv1d: -3 filters", hebb_conv1d(x, -3, 3));
    FAILS(ARGUMENT, "conv1d: 4 filters", hebb_conv1d(x, 4, 3, .kernel = {-1}));
    FAILS(ARGUMENT, "conv1d: 9223372036854775807 filters", hebb_conv1d(x, huge, 3));
    FAILS(ARGUMENT, "depthwise_conv1d: 9223372036854775807 filters",
          hebb_depthwise_conv1d(x, 3, .multiplier = huge));
    FAILS(ARGUMENT, "depthwise_conv1d: -2 filters", hebb_depthwise_conv1d(x, 3, .multiplier = -2));
    FAILS(ARGUMENT, "conv_lstm: x is f32",
          hebb_conv_lstm(hebb_reshape(x, HEBB_SHAPE(HEBB_ANY, 2, 3, 5)), huge, 3));
    FAILS(ARGUMENT, "9223372036854775807 heads", hebb_multi_head_attention(x, x, huge, 3));
    FAILS(ARGUMENT, "of size 9223372036854775807", hebb_multi_head_attention(x, x, 3, huge));
    FAILS(SHAPE, "center_crop", hebb_center_crop(x, HEBB_SHAPE(INT64_MIN)));
}
