/* Layers of images against Keras (tests/golden/layers.txt). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <hebb/hebb.h>

#include "support/devices.h"
#include "support/golden.h"

/* ---- against Keras ---- */

static hebb_initializer values_of(hebb_graph *g, const golden_case *c, const char *name) {
    const hebb_array *array = golden_find(c, name);
    return array != NULL ? hebb_initial_tensor(hebb_constant(g, array)) : hebb_zeros();
}

static hebb_tensor *build(const golden_case *c, hebb_tensor *x) {
    hebb_graph *g = hebb_tensor_graph(x);
    const char *name = c->name;
    hebb_initializer kernel = values_of(g, c, "g"), bias = values_of(g, c, "b");
#define IS(text)  (strcmp(name, text) == 0)
#define BY_KERNEL .kernel_initializer = kernel, .bias_initializer = bias
    if (IS("conv"))
        return hebb_conv2d(x, 3, 3, .kernel = {0, 2}, .stride = {2}, .activation = hebb_relu,
                           BY_KERNEL);
    if (IS("conv_same"))
        return hebb_conv2d(x, 4, 3, .padding = HEBB_PADDING_SAME, .groups = 2, BY_KERNEL);
    if (IS("depthwise")) return hebb_depthwise_conv2d(x, 3, .multiplier = 2, BY_KERNEL);
    if (IS("conv_transpose")) return hebb_conv2d_transpose(x, 2, 3, .stride = {2}, BY_KERNEL);
    return NULL;
}

static void expect_close(const hebb_array *got, const float *wanted, const char *what) {
    for (int64_t i = 0; i < hebb_array_count(got); i++)
        cr_expect(fabs(hebb_array_at(got, i) - wanted[i]) <= 2e-5 * (1 + fabs(wanted[i])),
                  "%s: element %d is %.8g, wanted %.8g", what, (int)i, hebb_array_at(got, i),
                  wanted[i]);
}

static void check_case(const golden_case *c, hebb_device *device) {
    hebb_graph *g = hebb_graph_create();
    const hebb_array *value = golden_find(c, "x");
    hebb_shape open = value->shape;
    open.dim[0] = HEBB_ANY;
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, open), *y = build(c, x);
    hebb_session *s = hebb_session_create(g, device);
    hebb_array got = {0};
    hebb_run(s, HEBB_FEED({x, value}), HEBB_FETCH({y, &got}));
    cr_assert_not(hebb_failed(s), "%s: %s", c->name, hebb_message(s));
    cr_assert_eq(hebb_array_count(&got), hebb_array_count(golden_find(c, "y")), "%s", c->name);
    expect_close(&got, golden_find(c, "y")->data, c->name);
    hebb_array_free(&got);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

static void check_file(hebb_device *device) {
    golden_file *file = golden_open(GOLDEN_FOLDER "/layers.txt");
    golden_case c;
    const char *wrong = NULL;
    int count = 0;
    for (; golden_next(file, &c, &wrong); golden_free(&c), count++) check_case(&c, device);
    cr_expect_null(wrong, "%s", wrong);
    cr_expect_eq(count, 4);
    golden_close(file);
    hebb_device_close(device);
}

Test(layers_of_images, agree_with_keras) { check_file(cpu_device()); }
Test(layers_of_images, agree_with_keras_opencl) { check_file(opencl_device()); }
