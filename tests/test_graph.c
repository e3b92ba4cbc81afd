/* Building graphs: what is refused and with which words, that errors stick and inert tensors are
   accepted everywhere, names, listings, printing. No device is opened here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include <hebb/hebb.h>

/* ---- errors ---- */

typedef struct fixture {
    hebb_graph *g, *other;
    hebb_tensor *x, *y, *d, *i, *b, *open, *v, *foreign, *scalar;
} fixture;

static fixture make(void) {
    fixture f = {.g = hebb_graph_create(), .other = hebb_graph_create()};
    f.x = hebb_input(f.g, "x", HEBB_F32, HEBB_SHAPE(2, 3));
    f.y = hebb_input(f.g, "y", HEBB_F32, HEBB_SHAPE(4, 5));
    f.d = hebb_input(f.g, "d", HEBB_F64, HEBB_SHAPE(2, 3));
    f.i = hebb_input(f.g, "i", HEBB_I32, HEBB_SHAPE(3));
    f.b = hebb_input(f.g, "b", HEBB_BOOL, HEBB_SHAPE(2, 3));
    f.open = hebb_input(f.g, "open", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 3));
    f.v = hebb_variable(f.g, "v", HEBB_F32, HEBB_SHAPE(2, 3), hebb_zeros());
    f.scalar = hebb_input(f.g, "scalar", HEBB_F32, HEBB_SCALAR);
    f.foreign = hebb_input(f.other, "foreign", HEBB_F32, HEBB_SHAPE(2, 3));
    cr_assert_eq(hebb_graph_status(f.g), HEBB_OK, "%s", hebb_graph_message(f.g));
    return f;
}

/* The result is inert; the graph has this status, and a message with the line and every part. */
static void expect_error(fixture *f, hebb_tensor *result, hebb_status status, int line,
                         const char *const *parts) {
    const char *message = hebb_graph_message(f->g);
    char place[64];
    snprintf(place, sizeof place, "test_graph.c:%d: ", line);
    cr_expect(hebb_tensor_is_inert(result), "line %d: not inert", line);
    cr_expect_eq(hebb_graph_status(f->g), status, "line %d: status %s, not %s: %s", line,
                 hebb_status_name(hebb_graph_status(f->g)), hebb_status_name(status), message);
    cr_expect_not_null(strstr(message, place), "'%s' is not in '%s'", place, message);
    for (; *parts != NULL; parts++)
        cr_expect_not_null(strstr(message, *parts), "line %d: '%s' is not in '%s'", line, *parts,
                           message);
    cr_expect_eq(hebb_graph_status(f->other), HEBB_OK);
    hebb_graph_destroy(f->g);
    hebb_graph_destroy(f->other);
}

/* In a fresh fixture f, EXPRESSION fails with STATUS and a message with all of the strings. */
#define FAILS(STATUS, EXPRESSION, ...)                                                             \
    do {                                                                                           \
        fixture f = make();                                                                        \
        hebb_tensor *result = (EXPRESSION);                                                        \
        expect_error(&f, result, HEBB_E_##STATUS, __LINE__, (const char *[]){__VA_ARGS__, NULL});  \
    } while (0)

/* One line a case, so that the line of the message is known. */
/* clang-format off */
Test(errors, shapes_that_do_not_fit) {
    FAILS(SHAPE, hebb_add(f.x, f.y), "add", "x", "y", "[2, 3]", "[4, 5]");
    FAILS(SHAPE, hebb_less(f.x, f.y), "less", "[2, 3]", "[4, 5]");
    FAILS(SHAPE, hebb_pow(f.open, f.y), "pow", "[?, 3]", "[4, 5]");
    FAILS(SHAPE, hebb_select(f.b, f.x, f.y), "select", "[2, 3]", "[4, 5]");
    FAILS(SHAPE, hebb_matmul(f.x, f.y), "matmul", "[2, 3]", "[4, 5]");
    FAILS(SHAPE, hebb_matmul(f.x, f.scalar), "matmul", "[]");
    FAILS(SHAPE, hebb_reshape(f.x, HEBB_SHAPE(7)), "reshape", "[2, 3]", "[7]");
    FAILS(SHAPE, hebb_reshape(f.x, HEBB_SHAPE(4, HEBB_ANY)), "reshape", "[2, 3]", "[4, ?]");
    FAILS(SHAPE, hebb_reshape_like(f.x, f.y), "reshape", "[2, 3]", "[4, 5]");
    FAILS(SHAPE, hebb_broadcast_to(f.x, HEBB_SHAPE(2, 4)), "broadcast", "[2, 3]", "[2, 4]");
    FAILS(SHAPE, hebb_broadcast_to(f.x, HEBB_SHAPE(3)), "broadcast", "[2, 3]", "[3]");
    FAILS(SHAPE, hebb_broadcast_like(f.x, f.y), "broadcast", "[2, 3]", "[4, 5]");
    FAILS(SHAPE, hebb_sum_like(f.x, f.y), "sum_like", "[2, 3]", "[4, 5]");
    FAILS(SHAPE, hebb_slice_scatter(f.x, f.y, HEBB_RANGES({0, 0, 1, 1})), "slice_scatter", "[2, 3]", "[4, 5]");
    FAILS(SHAPE, hebb_scatter_add(f.x, f.i, f.y), "scatter_add", "[2, 3]", "[3]", "[4, 5]");
    FAILS(SHAPE, hebb_gather(f.scalar, f.i), "gather", "[]");
    FAILS(SHAPE, hebb_assign(f.v, f.y), "assign", "[2, 3]", "[4, 5]");
    FAILS(SHAPE, hebb_squeeze(f.x, 0), "squeeze(x f32 [2, 3]): axis 0 has size 2, not 1");
    FAILS(SHAPE, hebb_mean_squared_error(f.x, f.y), "[2, 3]", "[4, 5]");
    FAILS(SHAPE, hebb_sparse_softmax_cross_entropy(f.x, f.i), "[2, 3]", "[3]");
    FAILS(SHAPE, hebb_dense(f.scalar, 3), "dense", "[]");
}

Test(errors, dtypes_that_an_op_does_not_take) {
    FAILS(DTYPE, hebb_add(f.x, f.d), "add", "f32", "f64");
    FAILS(DTYPE, hebb_add(f.b, f.b), "add", "bool");
    FAILS(DTYPE, hebb_neg(f.b), "neg", "bool");
    FAILS(DTYPE, hebb_exp(f.i), "exp", "i32");
    FAILS(DTYPE, hebb_floor(f.i), "floor", "i32");
    FAILS(DTYPE, hebb_not(f.x), "not", "f32");
    FAILS(DTYPE, hebb_and(f.b, f.x), "and", "bool", "f32");
    FAILS(DTYPE, hebb_select(f.x, f.x, f.x), "select", "f32");
    FAILS(DTYPE, hebb_select(f.b, f.x, f.d), "select", "f32", "f64");
    FAILS(DTYPE, hebb_matmul(f.i, f.i), "matmul", "i32");
    FAILS(DTYPE, hebb_sum(f.b, HEBB_ALL_AXES, false), "sum", "bool");
    FAILS(DTYPE, hebb_gather(f.x, f.x), "gather", "f32");
    FAILS(DTYPE, hebb_slice_scatter(f.x, f.d, HEBB_RANGES({0, 0, HEBB_END, 1})), "slice_scatter", "f32", "f64");
    FAILS(DTYPE, hebb_assign(f.v, f.d), "assign", "f32", "f64");
    FAILS(DTYPE, hebb_one_hot(f.x, 3, HEBB_F32), "f32");
    FAILS(DTYPE, hebb_cast(f.x, (hebb_dtype)77), "cast");
    FAILS(DTYPE, hebb_softmax(f.i), "i32");
    FAILS(DTYPE, hebb_dense(f.i, 3), "i32");
    FAILS(DTYPE, hebb_random_normal(f.g, HEBB_I32, HEBB_SHAPE(2)), "random_normal", "i32");
    FAILS(DTYPE, hebb_variable(f.g, "w", HEBB_I32, HEBB_SHAPE(2), hebb_he_normal()), "variable w", "random", "i32");
    FAILS(DTYPE, hebb_input(f.g, "w", (hebb_dtype)77, HEBB_SHAPE(2)), "input");
}

Test(errors, arguments_out_of_range) {
    FAILS(ARGUMENT, hebb_sum(f.x, HEBB_AXES(2), false), "sum", "2", "[2, 3]");
    FAILS(ARGUMENT, hebb_sum(f.x, HEBB_AXES(-3), false), "sum", "-3", "[2, 3]");
    FAILS(ARGUMENT, hebb_max(f.x, HEBB_AXES(0, 0), false), "max", "0");
    FAILS(ARGUMENT, hebb_mean(f.x, HEBB_AXES(0, -2), false), "-2", "[2, 3]");
    FAILS(ARGUMENT, hebb_argmax(f.x, 2, false), "2", "[2, 3]");
    FAILS(ARGUMENT, hebb_size(f.x, HEBB_AXES(5), HEBB_F32), "size", "5");
    FAILS(ARGUMENT, hebb_transpose(f.x, (int[]){0, 0}, 2), "transpose");
    FAILS(ARGUMENT, hebb_transpose(f.x, (int[]){0}, 1), "transpose", "[2, 3]");
    FAILS(ARGUMENT, hebb_transpose(f.x, (int[]){0, 7}, 2), "transpose", "7");
    FAILS(ARGUMENT, hebb_expand_dims(f.x, 4), "expand_dims(x f32 [2, 3]): axis 4");
    FAILS(ARGUMENT, hebb_resize(f.x, HEBB_SHAPE(5, 0)), "resize: size 1 of [5, 0] is out of range; wanted are 1 to 2^31 - 1");
    FAILS(ARGUMENT, hebb_squeeze(f.x, 2), "2");
    FAILS(ARGUMENT, hebb_slice(f.x, HEBB_RANGES({2, 0, 1, 1})), "slice", "2");
    FAILS(ARGUMENT, hebb_slice(f.x, HEBB_RANGES({0, 0, 1, 1}, {-2, 0, 1, 1})), "slice");
    FAILS(ARGUMENT, hebb_one_hot(f.i, -1, HEBB_F32), "-1");
    FAILS(ARGUMENT, hebb_iota_like(f.x, 2, HEBB_F32), "iota", "2");
    FAILS(ARGUMENT, hebb_dense(f.x, 0), "dense", "0");
    FAILS(ARGUMENT, hebb_input(f.g, "x", HEBB_F32, HEBB_SHAPE(2)), "input", "x");
    FAILS(ARGUMENT, hebb_variable(f.g, "x", HEBB_F32, HEBB_SHAPE(2), hebb_zeros()), "variable", "x");
    FAILS(ARGUMENT, hebb_input(f.g, "v", HEBB_F32, HEBB_SHAPE(2)), "input", "v");
    FAILS(ARGUMENT, hebb_input(f.g, "", HEBB_F32, HEBB_SHAPE(2)), "input", "empty");
    FAILS(ARGUMENT, hebb_state(f.g, "", HEBB_F32, HEBB_SHAPE(2), hebb_zeros()), "variable", "empty");
    FAILS(ARGUMENT, hebb_named(hebb_exp(f.x), ""), "named", "empty");
    FAILS(ARGUMENT, hebb_conv1d(hebb_reshape(f.x, HEBB_SHAPE(1, 2, 3)), 2, 2, .stride = {-7}), "conv", "stride", "-7");
    FAILS(ARGUMENT, hebb_conv1d(hebb_reshape(f.x, HEBB_SHAPE(1, 2, 3)), 2, 2, .dilation = {-7}), "conv", "dilation", "-7");
    FAILS(ARGUMENT, hebb_conv1d(hebb_reshape(f.x, HEBB_SHAPE(1, 2, 3)), 2, 2, .pad = {{0, -7}}), "conv", "pad", "-7");
    FAILS(ARGUMENT, hebb_max_pool1d(hebb_reshape(f.x, HEBB_SHAPE(1, 2, 3)), -7), "max_pool", "window", "-7");
    FAILS(ARGUMENT, hebb_assign(f.x, f.x), "assign", "x");
    FAILS(ARGUMENT, hebb_assign(hebb_exp(f.v), f.x), "assign", "exp");
}

Test(errors, shapes_that_are_none) {
    FAILS(SHAPE, hebb_einsum("ij,jk->ik", f.x, f.x), "einsum \"ij,jk->ik\", at 3", "axis 0 of [2, 3] is 2", "before is 3");
    FAILS(SHAPE, hebb_einsum("ijk", f.x, NULL), "einsum", "names 3 axes", "[2, 3]");
    FAILS(SHAPE, hebb_input(f.g, "w", HEBB_F32, HEBB_SHAPE(INT64_C(1) << 57)), "2^57 elements or more");
    FAILS(SHAPE, hebb_reshape(f.x, HEBB_SHAPE(HEBB_ANY, HEBB_ANY)), "reshape", "[2, 3]");
    FAILS(SHAPE, hebb_reshape(f.x, HEBB_SHAPE(-2, 3)), "reshape");
    FAILS(SHAPE, hebb_variable(f.g, "w", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 3), hebb_zeros()), "variable", "[?, 3]");
    FAILS(SHAPE, hebb_state(f.g, "w", HEBB_F32, HEBB_SHAPE(HEBB_ANY), hebb_zeros()), "variable", "[?]");
    FAILS(SHAPE, hebb_full(f.g, HEBB_F32, HEBB_SHAPE(HEBB_ANY), 0), "full", "[?]");
    FAILS(SHAPE, hebb_random_uniform(f.g, HEBB_F32, HEBB_SHAPE(HEBB_ANY)), "random_uniform", "[?]");
    FAILS(SHAPE, hebb_input(f.g, "w", HEBB_F32, HEBB_SHAPE(-2)), "input");
    FAILS(SHAPE, hebb_input(f.g, "w", HEBB_F32, hebb_shape_of(9, NULL)), "input");
    FAILS(SHAPE, hebb_input(f.g, "w", HEBB_F32, HEBB_SHAPE(INT64_MAX, INT64_MAX)), "input");
    FAILS(SHAPE, hebb_reshape(f.x, hebb_shape_of(9, NULL)), "reshape");
}

Test(errors, of_concat) {
    FAILS(SHAPE, hebb_concat((hebb_tensor *[]){f.x, f.y}, 2, 0), "concat", "[2, 3]", "[4, 5]");
    FAILS(DTYPE, hebb_concat((hebb_tensor *[]){f.x, f.d}, 2, 0), "concat", "f32", "f64");
    FAILS(ARGUMENT, hebb_concat((hebb_tensor *[]){f.x, f.x}, 2, 2), "concat", "2");
    FAILS(GRAPH, hebb_concat((hebb_tensor *[]){f.x, f.foreign}, 2, 0), "concat");
    FAILS(NULL, hebb_concat((hebb_tensor *[]){f.x, NULL}, 2, 0), "concat");
}

Test(errors, ranks_beyond_the_largest) {
    FAILS(SHAPE, hebb_expand_dims(hebb_reshape(f.x, HEBB_SHAPE(1, 1, 1, 1, 1, 1, 2, 3)), 0), "[1, 1, 1, 1, 1, 1, 2, 3]");
    FAILS(SHAPE, hebb_one_hot(hebb_reshape(f.i, HEBB_SHAPE(1, 1, 1, 1, 1, 1, 1, 3)), 2, HEBB_F32), "[1, 1, 1, 1, 1, 1, 1, 3]");
}

Test(errors, tensors_of_two_graphs) {
    FAILS(GRAPH, hebb_add(f.x, f.foreign), "add");
    FAILS(GRAPH, hebb_select(f.b, f.x, f.foreign), "select");
    FAILS(GRAPH, hebb_assign(f.v, f.foreign), "assign");
    FAILS(GRAPH, hebb_group(f.g, (hebb_tensor *[]){f.x, f.foreign}, 2), "group");
    FAILS(GRAPH, hebb_reshape_like(f.x, f.foreign), "reshape");
    FAILS(GRAPH, hebb_variable(f.g, "w", HEBB_F32, HEBB_SHAPE(2, 3), hebb_initial_tensor(f.foreign)), "variable");
}

Test(errors, null_among_the_operands) {
    FAILS(NULL, hebb_add(f.x, NULL), "add");
    FAILS(NULL, hebb_select(f.b, NULL, f.x), "select");
    FAILS(NULL, hebb_matmul(f.x, NULL), "matmul");
    FAILS(NULL, hebb_gather(f.x, NULL), "gather");
    FAILS(NULL, hebb_assign(f.v, NULL), "assign");
    FAILS(NULL, hebb_group(f.g, (hebb_tensor *[]){f.x, NULL}, 2), "group");
    FAILS(NULL, hebb_group(f.g, NULL, 2), "group");
    FAILS(NULL, hebb_sum(f.x, NULL, 1, false), "sum");
    FAILS(NULL, hebb_slice(f.x, NULL, 1), "slice");
    FAILS(NULL, hebb_constant(f.g, NULL), "constant");
    FAILS(NULL, hebb_constant(f.g, (&(hebb_array){.shape = {1, {3}}})), "constant");
    FAILS(NULL, hebb_variable(f.g, NULL, HEBB_F32, HEBB_SHAPE(2, 3), hebb_initial_tensor(NULL)), "variable");
    FAILS(NULL, hebb_mean_squared_error(f.x, NULL), "");
    FAILS(NULL, hebb_minimize(f.scalar, ((hebb_optimizer){.learning_rate = 1})), "");
}

Test(errors, an_initial_value_that_depends_on_an_input) {
    FAILS(ARGUMENT, hebb_variable(f.g, "w", HEBB_F32, HEBB_SHAPE(2, 3), hebb_initial_tensor(f.x)), "variable", "x");
    FAILS(SHAPE, hebb_variable(f.g, "w", HEBB_F32, HEBB_SHAPE(2, 3), hebb_initial_tensor(hebb_full(f.g, HEBB_F32, HEBB_SHAPE(2), 1))), "variable", "[2, 3]", "[2]");
    FAILS(DTYPE, hebb_variable(f.g, "w", HEBB_F32, HEBB_SHAPE(2), hebb_initial_tensor(hebb_full(f.g, HEBB_F64, HEBB_SHAPE(2), 1))), "variable", "f32", "f64");
}

Test(errors, a_loss_that_cannot_be_minimized) {
    FAILS(SHAPE, hebb_minimize(hebb_mul(f.v, f.x), hebb_sgd(.learning_rate = 1)), "[2, 3]");
    FAILS(GRADIENT, hebb_minimize(f.scalar, hebb_sgd(.learning_rate = 1)), "minimize", "scalar", "variable");
    FAILS(GRADIENT, hebb_minimize(hebb_sum(hebb_floor(f.v), HEBB_ALL_AXES, false), hebb_sgd(.learning_rate = 1)), "no gradient of the loss sum:", "from v to it");
}
/* clang-format on */

Test(errors, the_first_one_wins) {
    fixture f = make();
    hebb_tensor *bad = hebb_add(f.x, f.y);
    char first[1024];
    snprintf(first, sizeof first, "%s", hebb_graph_message(f.g));
    hebb_exp(f.i);
    hebb_sum(bad, HEBB_AXES(9), false);
    hebb_graph_fail(f.g, HEBB_E_UNSUPPORTED, "later");
    cr_expect_eq(hebb_graph_status(f.g), HEBB_E_SHAPE);
    cr_expect_str_eq(hebb_graph_message(f.g), first);
    hebb_graph_destroy(f.g);
    hebb_graph_destroy(f.other);
}

Test(errors, of_the_caller_are_recorded) {
    fixture f = make();
    hebb_tensor *bad = hebb_graph_fail(HEBB_HERE_GRAPH(f.g), HEBB_E_UNSUPPORTED, "attention: no");
    expect_error(&f, bad, HEBB_E_UNSUPPORTED, __LINE__ - 1,
                 (const char *[]){"attention: no", NULL});
}

Test(errors, a_graph_without_errors_has_none) {
    fixture f = make();
    cr_expect_eq(hebb_graph_status(f.g), HEBB_OK);
    cr_expect_str_eq(hebb_graph_message(f.g), "");
    hebb_graph_destroy(f.g);
    hebb_graph_destroy(f.other);
}

/* ---- inert tensors and NULL: nothing crashes, nothing comes of them ---- */

/* Every builder, once on each operand. */
static size_t build_everything(hebb_graph *g, hebb_tensor *t, hebb_tensor *good) {
    hebb_tensor *pair[] = {good, t};
    hebb_tensor *results[] = {
        hebb_neg(t),
        hebb_abs(t),
        hebb_sign(t),
        hebb_square(t),
        hebb_sqrt(t),
        hebb_exp(t),
        hebb_log(t),
        hebb_tanh(t),
        hebb_sigmoid(t),
        hebb_softplus(t),
        hebb_reciprocal(t),
        hebb_floor(t),
        hebb_not(t),
        hebb_cast(t, HEBB_F32),
        hebb_add(t, good),
        hebb_add(good, t),
        hebb_sub(t, good),
        hebb_mul(good, t),
        hebb_div(t, t),
        hebb_pow(t, t),
        hebb_maximum(t, good),
        hebb_minimum(good, t),
        hebb_equal(t, t),
        hebb_not_equal(t, t),
        hebb_less(t, t),
        hebb_less_equal(t, t),
        hebb_greater(t, t),
        hebb_greater_equal(t, t),
        hebb_and(t, t),
        hebb_or(t, t),
        hebb_select(t, good, good),
        hebb_select(good, t, t),
        hebb_sum(t, HEBB_ALL_AXES, false),
        hebb_mean(t, HEBB_AXES(0), true),
        hebb_max(t, HEBB_AXES(-1), false),
        hebb_min(t, HEBB_ALL_AXES, false),
        hebb_argmax(t, 0, false),
        hebb_argmin(t, 0, false),
        hebb_size(t, HEBB_ALL_AXES, HEBB_F32),
        hebb_reshape(t, HEBB_SHAPE(2)),
        hebb_reshape_like(t, good),
        hebb_reshape_like(good, t),
        hebb_flatten(t),
        hebb_expand_dims(t, 0),
        hebb_squeeze(t, 0),
        hebb_transpose(t, NULL, 0),
        hebb_broadcast_to(t, HEBB_SHAPE(2)),
        hebb_broadcast_like(good, t),
        hebb_sum_like(good, t),
        hebb_slice(t, HEBB_RANGES({0, 0, 1, 1})),
        hebb_slice_scatter(t, good, HEBB_RANGES({0, 0, 1, 1})),
        hebb_slice_scatter(good, t, HEBB_RANGES({0, 0, 1, 1})),
        hebb_concat(pair, 2, 0),
        hebb_matmul(t, good),
        hebb_matmul(good, t),
        hebb_gather(t, good),
        hebb_gather(good, t),
        hebb_scatter_add(t, t, good),
        hebb_one_hot(t, 3, HEBB_F32),
        hebb_iota_like(t, 0, HEBB_F32),
        hebb_full_like(t, 1),
        hebb_zeros_like(t),
        hebb_ones_like(t),
        hebb_random_uniform_like(t),
        hebb_random_normal_like(t),
        hebb_stop_gradient(t),
        hebb_scalar_like(t, 1),
        hebb_assign(t, good),
        hebb_assign(good, t),
        hebb_group(g, pair, 2),
        hebb_gradient(t, good),
        hebb_gradient(good, t),
        hebb_relu(t),
        hebb_softmax(t),
        hebb_log_softmax(t),
        hebb_dense(t, 3),
        hebb_sparse_softmax_cross_entropy(t, good),
        hebb_sparse_softmax_cross_entropy(good, t),
        hebb_mean_squared_error(t, good),
        hebb_sparse_accuracy(good, t),
        hebb_minimize(t, hebb_adam(.learning_rate = 1)),
        hebb_variable(g, NULL, HEBB_F32, HEBB_SHAPE(2), hebb_initial_tensor(t)),
    };
    size_t inert = 0, n = sizeof results / sizeof *results;
    for (size_t i = 0; i < n; i++) inert += hebb_tensor_is_inert(results[i]);
    cr_expect_eq(inert, n);
    return n;
}

Test(inert, is_accepted_by_every_builder) {
    fixture f = make();
    hebb_tensor *bad = hebb_add(f.x, f.y);
    char first[1024];
    snprintf(first, sizeof first, "%s", hebb_graph_message(f.g));
    build_everything(f.g, bad, f.x);
    cr_expect_str_eq(hebb_graph_message(f.g), first);
    hebb_graph_destroy(f.g);
    hebb_graph_destroy(f.other);
}

Test(inert, null_is_accepted_by_every_builder) {
    fixture f = make();
    build_everything(f.g, NULL, f.x);
    cr_expect_eq(hebb_graph_status(f.g), HEBB_E_NULL);
    build_everything(NULL, NULL, NULL);
    /* Nobody to tell: these name no graph. */
    cr_expect(hebb_tensor_is_inert(hebb_concat(NULL, 2, 0)));
    cr_expect(hebb_tensor_is_inert(hebb_concat((hebb_tensor *[]){f.x}, 0, 0)));
    hebb_graph_destroy(f.g);
    hebb_graph_destroy(f.other);
}

Test(inert, a_null_graph_is_a_failed_one) {
    hebb_array array = {0};
    cr_expect_neq(hebb_graph_status(NULL), HEBB_OK);
    cr_expect_not_null(hebb_graph_message(NULL));
    cr_expect(hebb_tensor_is_inert(hebb_input(NULL, "x", HEBB_F32, HEBB_SCALAR)));
    cr_expect(hebb_tensor_is_inert(hebb_constant(NULL, &array)));
    cr_expect(hebb_tensor_is_inert(hebb_full(NULL, HEBB_F32, HEBB_SCALAR, 0)));
    cr_expect(hebb_tensor_is_inert(hebb_state(NULL, "s", HEBB_F32, HEBB_SCALAR, hebb_ones())));
    cr_expect(hebb_tensor_is_inert(hebb_random_normal(NULL, HEBB_F32, HEBB_SCALAR)));
    cr_expect(hebb_tensor_is_inert(hebb_graph_fail(NULL, HEBB_E_SHAPE, "x")));
    cr_expect_eq(hebb_graph_size(NULL), 0);
    cr_expect_eq(hebb_graph_variable_count(NULL), 0);
    cr_expect_null(hebb_graph_variable(NULL, 0));
    cr_expect_null(hebb_graph_find(NULL, "x"));
    cr_expect_eq(hebb_graph_print(NULL, stdout), HEBB_E_NULL);
    cr_expect_eq(hebb_graph_dot(NULL, stdout), HEBB_E_NULL);
    hebb_graph_destroy(NULL);
}

Test(inert, tells_what_it_is) {
    fixture f = make();
    hebb_tensor *both[] = {hebb_add(f.x, f.y), NULL};
    for (int i = 0; i < 2; i++) {
        cr_expect(hebb_tensor_is_inert(both[i]));
        cr_expect_eq(hebb_tensor_shape(both[i]).rank, -1);
        cr_expect_str_eq(hebb_tensor_name(both[i]), "");
        cr_expect_str_eq(hebb_tensor_op(both[i]), "");
        cr_expect_not(hebb_variable_trainable(both[i]));
        cr_expect_not(hebb_depends_on(both[i], f.x));
        cr_expect_not(hebb_depends_on(f.x, both[i]));
        hebb_named(both[i], "name");
    }
    cr_expect_null(hebb_tensor_graph(NULL));
    hebb_graph_destroy(f.g);
    hebb_graph_destroy(f.other);
}
