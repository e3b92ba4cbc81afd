/* Layers against Keras (tests/golden/layers.txt); gradients, variables and errors of those that
   test_layers.c and test_recurrent.c leave out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <hebb/hebb.h>

#include "support/devices.h"
#include "support/golden.h"
#include "support/layer_gradient.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- against Keras ---- */

/* z is the second input, NULL where there is none. */
typedef hebb_tensor *make_layer(hebb_tensor *x, hebb_tensor *z);
#define LAYER(name, ...)                                                                           \
    static hebb_tensor *make_##name(hebb_tensor *x, hebb_tensor *z) {                              \
        (void)z;                                                                                   \
        return __VA_ARGS__;                                                                        \
    }

LAYER(conv, hebb_conv2d(x, 3, 3, .kernel = {3, 2}, .stride = {2}, .activation = hebb_relu))
LAYER(conv_same, hebb_conv2d(x, 4, 3, .padding = HEBB_PADDING_SAME, .groups = 2))
LAYER(conv1d, hebb_conv1d(x, 3, 3, .dilation = {2}, .padding = HEBB_PADDING_SAME))
LAYER(conv3d, hebb_conv3d(x, 2, 2, .stride = {1, 2, 1}))
LAYER(depthwise, hebb_depthwise_conv2d(x, 3, .multiplier = 2))
LAYER(depthwise1d, hebb_depthwise_conv1d(x, 2, .stride = {2}))
LAYER(separable, hebb_separable_conv2d(x, 3, 2, .multiplier = 2))
LAYER(separable1d, hebb_separable_conv1d(x, 2, 3, .activation = hebb_tanh))
LAYER(conv_transpose, hebb_conv2d_transpose(x, 2, 3, .stride = {2}))
LAYER(conv1d_transpose, hebb_conv1d_transpose(x, 2, 4, .stride = {2}, .padding = HEBB_PADDING_SAME))
LAYER(conv3d_transpose, hebb_conv3d_transpose(x, 1, 2, .stride = {2}))
LAYER(dense, hebb_dense(x, 3, .activation = hebb_sigmoid))
LAYER(embedding, hebb_embedding(x, 5, 3))
LAYER(einsum_dense,
      hebb_einsum_dense(x, "abc,cde->abde", HEBB_SHAPE(HEBB_ANY, 2, 3), .bias_axes = "de"))
LAYER(einsum_dots, hebb_einsum_dense(x, "...xy,yz->...xz", HEBB_SHAPE(3, 2), .bias_axes = "xz",
                                     .activation = hebb_relu))
LAYER(prelu, hebb_prelu(x))
LAYER(prelu_shared, hebb_prelu(x, .shared_axes = {2, -1}))
LAYER(up_sampling, hebb_up_sampling(x, 2, 2))
LAYER(zero_padding, hebb_zero_padding(x, 2, 1))
LAYER(cropping, hebb_cropping(x, 2, 1))
LAYER(repeat_vector, hebb_repeat_vector(x, 3))
LAYER(permute, hebb_transpose(x, HEBB_AXES(0, 2, 1)))
LAYER(global_average, hebb_global_average_pool(x))
LAYER(global_max, hebb_global_max_pool(x))
LAYER(max_pool, hebb_max_pool2d(x, 2, .stride = {1}, .padding = HEBB_PADDING_SAME))
LAYER(average_pool, hebb_average_pool3d(x, 2))
LAYER(average, hebb_average_of(HEBB_LIST(x, z)))
LAYER(maximum, hebb_maximum_of(HEBB_LIST(x, z)))
LAYER(multiply, hebb_product_of(HEBB_LIST(x, z)))
LAYER(dot, hebb_batch_dot(x, z, 2, 1, false))
LAYER(cosine, hebb_batch_dot(x, z, 1, 1, true))
LAYER(bidirectional,
      hebb_bidirectional(hebb_lstm_with, x, 2, &(hebb_recurrent_options){.sequences = true},
                         HEBB_MERGE_CONCAT))
static hebb_tensor *two_units(hebb_tensor *x, void *user) {
    (void)user;
    return hebb_dense(x, 2);
}
LAYER(time_distributed, hebb_time_distributed(x, two_units, NULL))
LAYER(conv_lstm, hebb_conv_lstm(x, 2, 2, .padding = HEBB_PADDING_SAME))
LAYER(conv_lstm1d, hebb_conv_lstm(x, 2, 3, .stride = {2}, .sequences = true))
LAYER(masking, hebb_cast(hebb_masking(x, 0), HEBB_F32))
LAYER(spectral, hebb_dense(x, 3, .no_bias = true, .kernel = hebb_spectral_normalization))
LAYER(rescaling, hebb_rescaling(x, 0.5, -1))
static hebb_tensor *make_normalization(hebb_tensor *x, hebb_tensor *z) {
    (void)z;
    float numbers[2][3] = {{0.5f, -1, 2}, {4, 0.25f, 0}};
    hebb_array mean = hebb_array_view(numbers[0], HEBB_F32, HEBB_SHAPE(3));
    hebb_array variance = hebb_array_view(numbers[1], HEBB_F32, HEBB_SHAPE(3));
    return hebb_normalization(x, 1, &mean, &variance);
}
LAYER(center_crop, hebb_center_crop(x, HEBB_SHAPE(3, 2)))
LAYER(multi_hot, hebb_category_encoding(x, 5, HEBB_MULTI_HOT))
LAYER(count, hebb_category_encoding(x, 5, HEBB_COUNT))
LAYER(discretization, hebb_cast(hebb_discretization(x, (const double[]){-1, 0, 1.5}, 3), HEBB_F32))

/* On OpenCL each graph's kernels are compiled anew: `everywhere` are those of their own kind. */
static const struct {
    const char *name;
    make_layer *make;
    bool everywhere;
} layers[] = {
#define ROW(name)                                                                                  \
    { #name, make_##name, false }
#define ALSO(name)                                                                                 \
    { #name, make_##name, true }
    ALSO(conv),
    ALSO(conv_same),
    ROW(conv1d),
    ROW(conv3d),
    ALSO(depthwise),
    ROW(depthwise1d),
    ROW(separable),
    ROW(separable1d),
    ALSO(conv_transpose),
    ROW(conv1d_transpose),
    ROW(conv3d_transpose),
    ROW(dense),
    ROW(embedding),
    ALSO(einsum_dense),
    ROW(einsum_dots),
    ROW(prelu),
    ALSO(prelu_shared),
    ROW(up_sampling),
    ROW(zero_padding),
    ROW(cropping),
    ROW(repeat_vector),
    ROW(permute),
    ROW(global_average),
    ROW(global_max),
    ROW(max_pool),
    ROW(average_pool),
    ROW(average),
    ROW(maximum),
    ROW(multiply),
    ROW(dot),
    ROW(cosine),
    ROW(bidirectional),
    ROW(time_distributed),
    ALSO(conv_lstm),
    ROW(conv_lstm1d),
    ALSO(masking),
    ROW(spectral),
    ROW(rescaling),
    ROW(normalization),
    ROW(center_crop),
    ALSO(multi_hot),
    ROW(count),
    ALSO(discretization)};

/* The variable's value in the file: by its name behind that of the layer. */
static void set_variables(hebb_session *s, const golden_case *c) {
    hebb_graph *g = hebb_session_graph(s);
    for (size_t k = 0; k < hebb_graph_variable_count(g); k++) {
        hebb_tensor *variable = hebb_graph_variable(g, k);
        const char *name = strchr(hebb_tensor_name(variable), '/') + 1;
        if (strcmp(name, "u") == 0) continue; /* the state of the power iteration */
        cr_assert_not_null(golden_find(c, name), "%s: no %s", c->name, name);
        hebb_session_set(s, variable, golden_find(c, name));
    }
    cr_assert_not(hebb_failed(s), "%s: %s", c->name, hebb_message(s));
}

/* What training steps would do besides, many times. */
static void update(hebb_session *s, hebb_tensor *y) {
    hebb_tensor *loss = hebb_sum(y, HEBB_ALL_AXES, false), *step;
    if (!hebb_dtype_floating(hebb_tensor_dtype(y)) || hebb_attached_updates(loss, &step, 1) == 0)
        return;
    for (int k = 0; k < 200; k++) hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({step, NULL}));
}

static void expect_close(const hebb_array *got, const hebb_array *wanted, const char *what) {
    cr_assert_eq(hebb_array_count(got), hebb_array_count(wanted), "%s", what);
    for (int64_t i = 0; i < hebb_array_count(got); i++) {
        double g = hebb_array_at(got, i), w = hebb_array_at(wanted, i);
        cr_expect(fabs(g - w) <= 2e-5 * (1 + fabs(w)), "%s: element %d is %.8g, wanted %.8g", what,
                  (int)i, g, w);
    }
}

static void check_case(const golden_case *c, make_layer *make, hebb_device *device) {
    hebb_graph *g = hebb_graph_create();
    const hebb_array *whole = golden_find(c, "i"), *second = golden_find(c, "z");
    const hebb_array *value = whole != NULL ? whole : golden_find(c, "x");
    hebb_shape open = value->shape;
    open.dim[0] = HEBB_ANY;
    hebb_tensor *x = hebb_input(g, "x", value->dtype, open);
    hebb_tensor *z = second != NULL ? hebb_constant(g, second) : NULL, *y = make(x, z);
    hebb_session *s = hebb_session_create(g, device, .seed = 1);
    cr_assert_not(hebb_failed(s), "%s: %s", c->name, hebb_message(s));
    set_variables(s, c);
    update(s, y);
    hebb_array got = {0};
    hebb_run(s, HEBB_FEED({x, value}), HEBB_FETCH({y, &got}));
    cr_assert_not(hebb_failed(s), "%s: %s", c->name, hebb_message(s));
    expect_close(&got, golden_find(c, "y"), c->name);
    hebb_array_free(&got);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

static void check_file(hebb_device *device, bool all) {
    golden_file *file = golden_open(GOLDEN_FOLDER "/layers.txt");
    golden_case c;
    const char *wrong = NULL;
    size_t count = 0;
    cr_assert_not_null(file);
    for (; golden_next(file, &c, &wrong); golden_free(&c), count++) {
        size_t k = 0;
        while (k < COUNT(layers) && strcmp(layers[k].name, c.name) != 0) k++;
        cr_assert_lt(k, COUNT(layers), "%s", c.name);
        if (all || layers[k].everywhere) check_case(&c, layers[k].make, device);
    }
    cr_expect_null(wrong, "%s", wrong);
    cr_expect_eq(count, COUNT(layers));
    golden_close(file);
    hebb_device_close(device);
}

Test(layers_of_keras, agree_with_keras) { check_file(cpu_device(), true); }
Test(layers_of_keras, agree_with_keras_opencl) {
    check_file(opencl_device(), getenv("HEBB_TESTS_FULL") != NULL);
}

/* ---- gradients, in f64 ---- */

static hebb_tensor *prelu(hebb_tensor *x) {
    return hebb_prelu(x, .shared_axes = {2}, .initializer = hebb_normal(0, 1));
}
static hebb_tensor *einsum_dense(hebb_tensor *x) {
    return hebb_einsum_dense(x, "btxy,yhk->bthk", HEBB_SHAPE(HEBB_ANY, 2, 3), .bias_axes = "h",
                             .activation = hebb_tanh);
}
static hebb_tensor *conv_lstm(hebb_tensor *x) {
    return hebb_conv_lstm(x, 2, 2, .sequences = true, .go_backwards = true);
}

Test(layers_of_keras, gradients) {
    check_layer_gradient("prelu", prelu, HEBB_SHAPE(2, 3, 2, 3));
    check_layer_gradient("einsum_dense", einsum_dense, HEBB_SHAPE(2, 3, 2, 3));
    check_layer_gradient("conv_lstm", conv_lstm, HEBB_SHAPE(2, 3, 2, 3));
}

/* Glorot's limits of a kernel [3, 4, 5] that sums over 3: sqrt(6 / 23). */
Test(layers_of_keras, einsum_dense_begins_within_glorots_limits) {
    hebb_device *device = cpu_device();
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY, 3));
    hebb_tensor *y = hebb_einsum_dense(x, "btd,dhk->bthk", HEBB_SHAPE(HEBB_ANY, 4, 5));
    hebb_session *s = hebb_session_create(g, device, .seed = 3);
    hebb_array value = {0};
    hebb_session_get(s, hebb_graph_find(g, "einsum_dense/kernel"), &value);
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    cr_expect_eq(hebb_tensor_shape(y).rank, 4);
    double most = 0;
    for (int64_t k = 0; k < hebb_array_count(&value); k++)
        most = fmax(most, fabs(hebb_array_at(&value, k)));
    cr_expect(most <= sqrt(6.0 / 23) && most > 0.9 * sqrt(6.0 / 23), "%g", most);
    hebb_array_free(&value);
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
        cr_expect(strstr(hebb_graph_message(g), "test_layers_golden.c:"), "%s",                    \
                  hebb_graph_message(g));                                                          \
        hebb_graph_destroy(g);                                                                     \
    } while (0)

Test(layers_of_keras, errors_say_what_and_where) {
    static const double falling[] = {0, 1, 1};
    hebb_array few = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(2)), less = few;
    float below[] = {-1};
    less = hebb_array_view(below, HEBB_F32, HEBB_SHAPE(1));
    FAILS(SHAPE, "prelu: x is f32 [?, ?, ?]", hebb_prelu(o));
    FAILS(SHAPE, "which it has", hebb_prelu(x, .shared_axes = {3}));
    FAILS(DTYPE, "prelu: x is i32", hebb_prelu(i));
    FAILS(NULL, "the formula is NULL", hebb_einsum_dense(x, NULL, HEBB_SHAPE(3)));
    FAILS(ARGUMENT, "\"abc;cd\" of x [?, 6, 5]: not letters",
          hebb_einsum_dense(x, "abc;cd", HEBB_SHAPE(6, 3)));
    FAILS(ARGUMENT, "a size of the kernel is neither",
          hebb_einsum_dense(x, "abc,cd->abd", HEBB_SHAPE(6, HEBB_ANY)));
    FAILS(ARGUMENT, "the bias has axes",
          hebb_einsum_dense(x, "abc,cd->abd", HEBB_SHAPE(6, 3), .bias_axes = "c"));
    FAILS(DTYPE, "einsum_dense: x is not floating",
          hebb_einsum_dense(i, "a,ab->ab", HEBB_SHAPE(3)));
    FAILS(SHAPE, "conv_lstm: x is f32 [?, 6, 5]", hebb_conv_lstm(x, 2, 3));
    FAILS(ARGUMENT, "of 0 filters", hebb_conv_lstm(hebb_expand_dims(x, 1), 0, 3));
    FAILS(SHAPE, "masking: x is not", hebb_masking(i, 0));
    FAILS(DTYPE, "normalization: x is i32", hebb_normalization(i, 0, &few, &few));
    FAILS(NULL, "mean or variance is NULL", hebb_normalization(x, 1, &few, NULL));
    FAILS(SHAPE, "2 means and 2 variances for axis 1", hebb_normalization(x, 1, &few, &few));
    FAILS(ARGUMENT, "1 means and 1 variances for axis 3", hebb_normalization(x, 3, &less, &less));
    FAILS(ARGUMENT, "a variance below 0", hebb_normalization(x, 1, &less, &less));
    FAILS(SHAPE, "center_crop: [7] of x [?, 6, 5]", hebb_center_crop(x, HEBB_SHAPE(7)));
    FAILS(DTYPE, "category_encoding: ids are f32", hebb_category_encoding(x, 3, HEBB_COUNT));
    FAILS(ARGUMENT, "(here 0)", hebb_category_encoding(i, 0, HEBB_COUNT));
    FAILS(ARGUMENT, "boundary 2, 1, does not rise", hebb_discretization(x, falling, 3));
    FAILS(NULL, "the boundaries are NULL", hebb_discretization(x, NULL, 3));
    FAILS(DTYPE, "discretization: x is i32", hebb_discretization(i, falling, 2));
    hebb_array_free(&few);
}
