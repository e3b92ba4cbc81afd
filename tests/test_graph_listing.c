/* What a graph tells of itself: names, variables, groups, dependence, shapes with open sizes, the
   text listing and the Graphviz one; and host arrays and shapes, which need no graph. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include <hebb/hebb.h>

/* ---- names ---- */

Test(names, are_those_given_or_made_up) {
    hebb_graph *g = hebb_graph_create();
    char name[] = "image";
    hebb_tensor *x = hebb_input(g, name, HEBB_F32, HEBB_SHAPE(2));
    name[0] = '?'; /* it was copied */
    hebb_tensor *a = hebb_input(g, NULL, HEBB_F32, HEBB_SHAPE(2));
    hebb_tensor *b = hebb_input(g, NULL, HEBB_F32, HEBB_SHAPE(2));
    cr_expect_str_eq(hebb_tensor_name(x), "image");
    cr_expect_str_eq(hebb_tensor_name(a), "input");
    cr_expect_str_eq(hebb_tensor_name(b), "input_1");
    hebb_tensor *y = hebb_exp(x);
    cr_expect_eq(strncmp(hebb_tensor_name(y), "exp:", 4), 0, "%s", hebb_tensor_name(y));
    cr_expect_eq(hebb_named(y, "features"), y);
    cr_expect_str_eq(hebb_tensor_name(y), "features");
    cr_expect_eq(hebb_graph_status(g), HEBB_OK, "%s", hebb_graph_message(g));
    hebb_graph_destroy(g);
}

Test(names, find_inputs_and_variables) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(2));
    hebb_tensor *w = hebb_variable(g, "w", HEBB_F32, HEBB_SHAPE(2), hebb_zeros());
    hebb_named(hebb_exp(x), "y");
    cr_expect_eq(hebb_graph_find(g, "x"), x);
    cr_expect_eq(hebb_graph_find(g, "w"), w);
    cr_expect_null(hebb_graph_find(g, "y"));
    cr_expect_null(hebb_graph_find(g, "nothing"));
    cr_expect_null(hebb_graph_find(g, NULL));
    hebb_graph_destroy(g);
}

Test(names, of_layers_count_up) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 3));
    hebb_dense(hebb_dense(hebb_dense(x, 4), 5, .name = "head"), 6, .no_bias = true);
    cr_expect_eq(hebb_graph_status(g), HEBB_OK, "%s", hebb_graph_message(g));
    static const char *const expected[] = {"dense/kernel", "dense/bias", "head/kernel", "head/bias",
                                           "dense_1/kernel"};
    cr_expect_eq(hebb_graph_variable_count(g), 5);
    for (size_t i = 0; i < 5; i++)
        cr_expect_str_eq(hebb_tensor_name(hebb_graph_variable(g, i)), expected[i]);
    cr_expect_null(hebb_graph_variable(g, 5));
    hebb_graph_destroy(g);
}

Test(names, variables_are_listed_in_order_with_who_trains_them) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *w = hebb_variable(g, "w", HEBB_F32, HEBB_SHAPE(2), hebb_zeros());
    hebb_tensor *n = hebb_state(g, "n", HEBB_I64, HEBB_SCALAR, hebb_zeros());
    cr_expect_eq(hebb_graph_variable_count(g), 2);
    cr_expect_eq(hebb_graph_variable(g, 0), w);
    cr_expect_eq(hebb_graph_variable(g, 1), n);
    cr_expect(hebb_variable_trainable(w));
    cr_expect_not(hebb_variable_trainable(n));
    cr_expect_not(hebb_variable_trainable(hebb_exp(w)));
    hebb_graph_destroy(g);
}

/* ---- what a tensor is ---- */

Test(tensors, know_their_graph_op_and_dependence) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(2)), *y = hebb_exp(hebb_neg(x));
    hebb_tensor *z = hebb_log(x), *all = hebb_group(g, (hebb_tensor *[]){y, z}, 2);
    cr_expect_eq(hebb_tensor_graph(y), g);
    cr_expect_str_eq(hebb_tensor_op(y), "exp");
    cr_expect_str_eq(hebb_tensor_op(x), "input");
    cr_expect(hebb_depends_on(y, x) && hebb_depends_on(y, y) && hebb_depends_on(all, x));
    cr_expect(!hebb_depends_on(x, y) && !hebb_depends_on(y, z));
    cr_expect_eq(hebb_tensor_shape(all).rank, -1);
    cr_expect_str_eq(hebb_tensor_op(all), "group");
    cr_expect_not(hebb_tensor_is_inert(all));
    hebb_graph_destroy(g);
}

/* Sizes that are known are known at once; open ones stay open. */
Test(tensors, carry_open_sizes_along) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 3));
    hebb_tensor *w = hebb_input(g, "w", HEBB_F32, HEBB_SHAPE(3, 4));
    const struct {
        hebb_tensor *t;
        hebb_shape shape;
    } cases[] = {
        {hebb_exp(x), HEBB_SHAPE(HEBB_ANY, 3)},
        {hebb_matmul(x, w), HEBB_SHAPE(HEBB_ANY, 4)},
        {hebb_sum(x, HEBB_AXES(0), false), HEBB_SHAPE(3)},
        {hebb_sum(x, HEBB_AXES(1), true), HEBB_SHAPE(HEBB_ANY, 1)},
        {hebb_transpose(x, NULL, 0), HEBB_SHAPE(3, HEBB_ANY)},
        {hebb_slice(x, HEBB_RANGES({1, 0, 2, 1})), HEBB_SHAPE(HEBB_ANY, 2)},
        {hebb_expand_dims(x, 0), HEBB_SHAPE(1, HEBB_ANY, 3)},
        {hebb_concat((hebb_tensor *[]){x, x}, 2, 1), HEBB_SHAPE(HEBB_ANY, 6)},
        {hebb_concat((hebb_tensor *[]){x, x}, 2, 0), HEBB_SHAPE(HEBB_ANY, 3)},
        {hebb_one_hot(hebb_argmax(x, 1, false), 7, HEBB_F32), HEBB_SHAPE(HEBB_ANY, 7)},
        {hebb_size(x, HEBB_ALL_AXES, HEBB_I64), HEBB_SCALAR},
        {hebb_mean(x, HEBB_ALL_AXES, false), HEBB_SCALAR},
    };
    cr_assert_eq(hebb_graph_status(g), HEBB_OK, "%s", hebb_graph_message(g));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        cr_expect(hebb_shape_equal(hebb_tensor_shape(cases[i].t), cases[i].shape), "%zu: %s is %s",
                  i, hebb_tensor_op(cases[i].t),
                  hebb_shape_text(hebb_tensor_shape(cases[i].t), text, sizeof text));
    }
    hebb_graph_destroy(g);
}

/* ---- printing ---- */

static hebb_graph *small_graph(void) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "the input", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 3));
    hebb_tensor *w = hebb_variable(g, "say \"w\"", HEBB_F32, HEBB_SHAPE(3, 4), hebb_zeros());
    hebb_matmul(x, w);
    return g;
}

static char *text_of(hebb_status (*print)(const hebb_graph *, FILE *), const hebb_graph *g) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    cr_assert_eq(print(g, out), HEBB_OK);
    fclose(out);
    return text;
}

static size_t count_of(const char *text, const char *part) {
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++) n++;
    return n;
}

Test(printing, lists_a_line_a_tensor) {
    hebb_graph *g = small_graph();
    char *text = text_of(hebb_graph_print, g);
    static const char *const parts[] = {"input", "the input", "variable", "matmul",
                                        "f32",   "[?, 3]",    "[3, 4]",   "[?, 4]"};
    cr_expect_eq(hebb_graph_size(g), count_of(text, "\n"), "%s", text);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_expect_not_null(strstr(text, parts[i]), "'%s' is not in\n%s", parts[i], text);
    free(text);
    hebb_graph_destroy(g);
}

Test(printing, draws_a_digraph) {
    hebb_graph *g = small_graph();
    char *text = text_of(hebb_graph_dot, g);
    cr_expect_eq(strncmp(text, "digraph", 7), 0, "%s", text);
    cr_expect_eq(count_of(text, "{"), count_of(text, "}"));
    cr_expect_eq(count_of(text, "->"), 2, "%s", text);
    cr_expect_not_null(strstr(text, "matmul"));
    cr_expect_not_null(strstr(text, "say \\\"w\\\""), "quotes must be escaped: %s", text);
    free(text);
    hebb_graph_destroy(g);
}

Test(printing, reports_a_full_disk) {
    hebb_graph *g = small_graph();
    hebb_status (*const functions[])(const hebb_graph *, FILE *) = {hebb_graph_print,
                                                                    hebb_graph_dot};
    for (int i = 0; i < 2; i++) {
        FILE *full = fopen("/dev/full", "w");
        if (full == NULL) cr_skip_test("no /dev/full here");
        setvbuf(full, NULL, _IONBF, 0);
        cr_expect_eq(functions[i](g, full), HEBB_E_FILE);
        cr_expect_eq(functions[i](g, NULL), HEBB_E_NULL);
        fclose(full);
    }
    hebb_graph_destroy(g);
}

/* ---- shapes and statuses ---- */

Test(base, shapes) {
    char text[64];
    cr_expect_str_eq(hebb_shape_text(HEBB_SHAPE(HEBB_ANY, 28, 28), text, sizeof text),
                     "[?, 28, 28]");
    cr_expect_str_eq(hebb_shape_text(HEBB_SCALAR, text, sizeof text), "[]");
    for (size_t size = 1; size < 14; size++) /* cut, never overrun */
        cr_expect_lt(strlen(hebb_shape_text(HEBB_SHAPE(HEBB_ANY, 28, 28), text, size)), size);
    cr_expect_eq(hebb_shape_count(HEBB_SHAPE(2, 3, 4)), 24);
    cr_expect_eq(hebb_shape_count(HEBB_SCALAR), 1);
    cr_expect_eq(hebb_shape_count(HEBB_SHAPE(2, 0)), 0);
    cr_expect_eq(hebb_shape_count(HEBB_SHAPE(2, HEBB_ANY)), -1);
    cr_expect_eq(hebb_shape_count(HEBB_SHAPE(2, -7)), -1);
    cr_expect_eq(hebb_shape_count(HEBB_SHAPE(INT64_MAX, 2)), -1);
    cr_expect_eq(hebb_shape_of(-1, NULL).rank, -1);
    cr_expect_eq(hebb_shape_of(9, (int64_t[9]){0}).rank, -1);
    cr_expect(hebb_shape_equal(HEBB_SHAPE(2, 3), HEBB_SHAPE(2, 3)));
    cr_expect_not(hebb_shape_equal(HEBB_SHAPE(2, 3), HEBB_SHAPE(3, 2)));
    cr_expect_not(hebb_shape_equal(HEBB_SHAPE(2, 3), HEBB_SHAPE(2, 3, 1)));
}

Test(base, names_and_sizes) {
    cr_expect_str_eq(hebb_version(), "0.1.0");
    cr_expect_str_eq(hebb_status_name(HEBB_E_SHAPE), "shape");
    cr_expect_str_eq(hebb_status_name(HEBB_E_UNSUPPORTED), "unsupported");
    cr_expect_not_null(hebb_status_name((hebb_status)1000));
    cr_expect_eq(hebb_dtype_size(HEBB_I64), 8);
    cr_expect_eq(hebb_dtype_size((hebb_dtype)77), 0);
    cr_expect_str_eq(hebb_dtype_name(HEBB_BOOL), "bool");
    cr_expect_str_eq(hebb_dtype_name((hebb_dtype)77), "?");
}

/* ---- arrays ---- */

Test(arrays, are_resized_in_place_where_they_can) {
    hebb_array a = {0};
    cr_expect_eq(hebb_array_resize(&a, HEBB_F32, HEBB_SHAPE(10)), HEBB_OK);
    void *memory = a.data;
    cr_expect_eq(hebb_array_resize(&a, HEBB_F64, HEBB_SHAPE(5)), HEBB_OK);
    cr_expect_eq(a.data, memory);
    cr_expect_eq(hebb_array_bytes(&a), 40);
    cr_expect_eq(hebb_array_resize(&a, HEBB_F64, HEBB_SHAPE(1000)), HEBB_OK);
    cr_expect_geq(a.capacity, 8000);
    hebb_array_free(&a);
    cr_expect(a.data == NULL && a.capacity == 0);
    hebb_array_free(&a);
    hebb_array_free(NULL);
}

Test(arrays, keep_what_they_have_on_error) {
    float numbers[3] = {1, 2, 3};
    hebb_array a = hebb_array_view(numbers, HEBB_F32, HEBB_SHAPE(3));
    cr_expect_eq(hebb_array_resize(&a, HEBB_F32, HEBB_SHAPE(HEBB_ANY)), HEBB_E_SHAPE);
    cr_expect_eq(hebb_array_resize(&a, HEBB_F32, HEBB_SHAPE(-3)), HEBB_E_SHAPE);
    cr_expect_eq(hebb_array_resize(&a, HEBB_F64, HEBB_SHAPE(INT64_MAX / 64)), HEBB_E_MEMORY);
    cr_expect_eq(hebb_array_resize(NULL, HEBB_F32, HEBB_SHAPE(3)), HEBB_E_NULL);
    cr_expect(a.data == numbers && a.dtype == HEBB_F32 && a.shape.dim[0] == 3);
    cr_expect_eq(hebb_array_at(&a, 1), 2);
    cr_expect(isnan(hebb_array_at(&a, 3)) && isnan(hebb_array_at(&a, -1)));
    hebb_array_free(&a); /* a view: the numbers stay */
    cr_expect_eq(numbers[2], 3);
}

Test(arrays, views_become_owning_without_being_written) {
    float numbers[3] = {1, 2, 3};
    hebb_array a = hebb_array_view(numbers, HEBB_F32, HEBB_SHAPE(3));
    cr_expect_eq(hebb_array_resize(&a, HEBB_F32, HEBB_SHAPE(2)), HEBB_OK);
    cr_assert_neq(a.data, numbers);
    memset(a.data, 0, 8);
    cr_expect_eq(numbers[0], 1);
    hebb_array_free(&a);
}

Test(arrays, count_and_read) {
    hebb_array a = hebb_array_zeros(HEBB_I64, HEBB_SHAPE(2, 3)), none = {0};
    ((int64_t *)a.data)[5] = 1 << 20;
    cr_expect_eq(hebb_array_count(&a), 6);
    cr_expect_eq(hebb_array_at(&a, 5), 1 << 20);
    cr_expect_eq(hebb_array_item(&a), 0);
    cr_expect_eq(hebb_array_count(NULL), -1);
    cr_expect(isnan(hebb_array_item(NULL)) && isnan(hebb_array_item(&none)));
    hebb_array_free(&a);
    hebb_array bad = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(HEBB_ANY));
    cr_expect(bad.data == NULL && bad.shape.rank == -1);
    hebb_array empty = hebb_array_zeros(HEBB_F32, HEBB_SHAPE(0, 3));
    cr_expect_eq(hebb_array_count(&empty), 0);
    hebb_array_free(&empty);
}
