/* Values and gradients that another framework computed (tests/golden/, made by scripts/golden/), on
   every backend: for ops whose conventions differ between frameworks. A new file is a name in
   `files`; a new op a row in `ops`, or in support/golden_ops.c. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/devices.h"
#include "support/golden.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const files[] = {"conv.txt", "ops.txt"};

/* ---- how the cases' words are said here ---- */

static hebb_shape shape_option(const golden_case *c, const char *name) {
    int64_t sizes[3];
    golden_numbers(c, name, 0, sizes, 3);
    return hebb_shape_of(golden_count(c, name), sizes);
}

/* PyTorch's padding is the same on both sides. */
static void both_sides(const golden_case *c, int64_t pad[3][2]) {
    int64_t each[3];
    golden_numbers(c, "pad", 0, each, 3);
    for (int d = 0; d < 3; d++) pad[d][0] = pad[d][1] = each[d];
}

static hebb_conv_options conv_options(const golden_case *c) {
    hebb_conv_options o = {0};
    golden_numbers(c, "stride", 1, o.stride, 3);
    golden_numbers(c, "dilation", 1, o.dilation, 3);
    golden_numbers(c, "groups", 1, &o.groups, 1);
    golden_numbers(c, "output_padding", 0, o.output_padding, 3);
    both_sides(c, o.pad);
    return o;
}

static hebb_pool_options pool_options(const golden_case *c) {
    hebb_pool_options o = {0};
    int64_t count;
    golden_numbers(c, "stride", 1, o.stride, 3);
    golden_numbers(c, "dilation", 1, o.dilation, 3);
    golden_numbers(c, "count", 0, &count, 1);
    both_sides(c, o.pad);
    o.count_include_pad = count != 0;
    return o;
}

static hebb_tensor *conv(const golden_case *c, hebb_tensor *const *x) {
    hebb_conv_options o = conv_options(c);
    return hebb_conv_with(x[0], x[1], &o);
}
/* A single number is for all dimensions there are; output_padding must be less than every stride.
 */
static hebb_tensor *conv_transpose(const golden_case *c, hebb_tensor *const *x) {
    hebb_conv_options o = conv_options(c);
    for (int d = hebb_tensor_shape(x[0]).rank - 2; d < 3; d++) o.output_padding[d] = 0;
    return hebb_conv_transpose_with(x[0], x[1], &o);
}
static hebb_tensor *max_pool(const golden_case *c, hebb_tensor *const *x) {
    hebb_pool_options o = pool_options(c);
    return hebb_max_pool_with(x[0], shape_option(c, "kernel"), &o);
}
static hebb_tensor *average_pool(const golden_case *c, hebb_tensor *const *x) {
    hebb_pool_options o = pool_options(c);
    return hebb_average_pool_with(x[0], shape_option(c, "kernel"), &o);
}
static hebb_tensor *adaptive_max_pool(const golden_case *c, hebb_tensor *const *x) {
    return hebb_adaptive_max_pool(x[0], shape_option(c, "sizes"));
}
static hebb_tensor *adaptive_average_pool(const golden_case *c, hebb_tensor *const *x) {
    return hebb_adaptive_average_pool(x[0], shape_option(c, "sizes"));
}
static hebb_tensor *resize(const golden_case *c, hebb_tensor *const *x) {
    int64_t linear, coordinates;
    golden_numbers(c, "linear", 0, &linear, 1);
    golden_numbers(c, "coordinates", 0, &coordinates, 1);
    return hebb_resize(x[0], shape_option(c, "sizes"),
                       .method = linear ? HEBB_LINEAR : HEBB_NEAREST,
                       .coordinates = (hebb_coordinates)coordinates);
}

static const golden_op ops[] = {
    {"conv", "xw", conv},
    {"conv_transpose", "xw", conv_transpose},
    {"max_pool", "x", max_pool},
    {"average_pool", "x", average_pool},
    {"adaptive_max_pool", "x", adaptive_max_pool},
    {"adaptive_average_pool", "x", adaptive_average_pool},
    {"resize", "x", resize},
};

/* ---- all cases of all files ---- */

static const golden_op *find_op(const char *name) {
    for (size_t k = 0; k < COUNT(ops); k++)
        if (strcmp(ops[k].name, name) == 0) return &ops[k];
    for (const golden_op *op = golden_ops; op->name != NULL; op++)
        if (strcmp(op->name, name) == 0) return op;
    return NULL;
}

enum { AT_ONCE = 64 };

static void check_cases(const char *name, const golden_case *cases, int n, hebb_device *device) {
    const golden_op *op[AT_ONCE] = {NULL};
    golden_why why[AT_ONCE];
    for (int k = 0; k < n; k++) {
        op[k] = find_op(cases[k].name);
        cr_assert_not_null(op[k], "%s:%d: no op %s", name, cases[k].line, cases[k].name);
    }
    golden_check(cases, op, n, device, 1e-5, why);
    for (int k = 0; k < n; k++)
        cr_expect_eq(why[k].text[0], '\0', "%s:%d: %s: %s", name, cases[k].line, cases[k].name,
                     why[k].text);
}

static void check_file(const char *name, hebb_device *device) {
    static golden_case cases[AT_ONCE];
    char path[512];
    const char *wrong = NULL;
    int n, all = 0;
    snprintf(path, sizeof path, "%s/%s", GOLDEN_FOLDER, name);
    golden_file *file = golden_open(path);
    cr_assert_not_null(file, "%s cannot be read", path);
    do {
        for (n = 0; n < AT_ONCE && golden_next(file, &cases[n], &wrong);) n++;
        if (n > 0) check_cases(name, cases, n, device);
        cr_assert_null(wrong, "%s: after line %d: %s", name, n > 0 ? cases[n - 1].line : 0, wrong);
        for (int k = 0; k < n; k++) golden_free(&cases[k]);
        all += n;
    } while (n == AT_ONCE);
    cr_assert_gt(all, 0, "%s has no cases", name);
    golden_close(file);
}

Test(golden, cpu) {
    hebb_device *device = cpu_device();
    for (size_t k = 0; k < COUNT(files); k++) check_file(files[k], device);
    hebb_device_close(device);
}

Test(golden, opencl) {
    hebb_device *device = opencl_device();
    for (size_t k = 0; k < COUNT(files); k++) check_file(files[k], device);
    hebb_device_close(device);
}
