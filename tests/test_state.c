/* What lives in a session: variables, assignments (every read in a run sees the old value), initial
   values, seeds, random numbers, and results that repeat bit by bit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/calc.h"
#include "support/devices.h"

#define N(array) (sizeof(array) / sizeof *(array))

static hebb_tensor *variable_of(hebb_graph *g, const char *name, hebb_tensor *value) {
    return hebb_variable(g, name, HEBB_F64, hebb_tensor_shape(value), hebb_initial_tensor(value));
}

static void step(calc *c, hebb_tensor *t) {
    hebb_run(c->session, HEBB_NO_FEED, HEBB_FETCH({t, NULL}));
    cr_assert_not(hebb_failed(c->session), "%s", hebb_message(c->session));
}

/* ---- assignments, on each backend that computes in float64 ---- */

/* Opens the CPU for 0, OpenCL for 1; the latter is skipped without float64. */
static calc open_backend(int which) {
    calc c = calc_open(which == 0 ? "cpu" : "opencl");
    if (!hebb_device_get_info(c.device).f64) cr_skip_test("the device has no float64");
    return c;
}

static void swap(int backend) {
    calc c = open_backend(backend);
    hebb_tensor *a = variable_of(c.graph, "a", VECTOR(c.graph, 1, 2));
    hebb_tensor *b = variable_of(c.graph, "b", VECTOR(c.graph, 3, 4));
    hebb_tensor *both[] = {hebb_assign(a, b), hebb_assign(b, a)};
    hebb_tensor *all = hebb_group(c.graph, both, 2);
    for (int i = 0; i < 3; i++) step(&c, all);
    EXPECT_VALUES(&c, a, 0, 3, 4);
    EXPECT_VALUES(&c, b, 0, 1, 2);
    calc_close(&c);
}
Test(assign, swap_on_cpu) { swap(0); }
Test(assign, swap_on_opencl) { swap(1); }

static void rotate(int backend) {
    calc c = open_backend(backend);
    hebb_tensor *v[3], *assigned[3];
    for (int i = 0; i < 3; i++) v[i] = variable_of(c.graph, NULL, VECTOR(c.graph, i, 10 + i));
    for (int i = 0; i < 3; i++) assigned[i] = hebb_assign(v[i], v[(i + 1) % 3]);
    step(&c, hebb_group(c.graph, assigned, 3));
    EXPECT_VALUES(&c, v[0], 0, 1, 11);
    EXPECT_VALUES(&c, v[1], 0, 2, 12);
    EXPECT_VALUES(&c, v[2], 0, 0, 10);
    calc_close(&c);
}
Test(assign, rotation_on_cpu) { rotate(0); }
Test(assign, rotation_on_opencl) { rotate(1); }

static void of_itself(int backend) {
    calc c = open_backend(backend);
    hebb_tensor *m = variable_of(
        c.graph, "m", hebb_reshape(VECTOR(c.graph, 1, 2, 3, 4, 5, 6, 7, 8, 9), HEBB_SHAPE(3, 3)));
    step(&c, hebb_assign(m, hebb_transpose(m, NULL, 0)));
    EXPECT_VALUES(&c, m, 0, 1, 4, 7, 2, 5, 8, 3, 6, 9);
    hebb_tensor *v = variable_of(c.graph, "v", VECTOR(c.graph, 1, 2, 4, 8, 16));
    hebb_tensor *reversed = hebb_slice(v, HEBB_RANGES({0, -1, HEBB_END, -1}));
    step(&c, hebb_assign(v, hebb_add(reversed, v)));
    EXPECT_VALUES(&c, v, 0, 17, 10, 8, 10, 17);
    hebb_tensor *tail[] = {hebb_slice(v, HEBB_RANGES({0, 1, HEBB_END, 1})),
                           hebb_slice(v, HEBB_RANGES({0, 0, 1, 1}))};
    step(&c, hebb_assign(v, hebb_concat(tail, 2, 0)));
    EXPECT_VALUES(&c, v, 0, 10, 8, 10, 17, 17);
    calc_close(&c);
}
Test(assign, views_of_itself_on_cpu) { of_itself(0); }
Test(assign, views_of_itself_on_opencl) { of_itself(1); }

/* A product and a gather of the variable that they are assigned to cannot be made in place. */
static void products_of_itself(int backend) {
    calc c = open_backend(backend);
    hebb_tensor *m =
        variable_of(c.graph, "m", hebb_reshape(VECTOR(c.graph, 1, 1, 1, 0), HEBB_SHAPE(2, 2)));
    hebb_tensor *fibonacci = hebb_assign(m, hebb_matmul(m, m));
    step(&c, fibonacci);
    step(&c, fibonacci);
    EXPECT_VALUES(&c, m, 0, 5, 3, 3, 2);
    int32_t at[] = {2, 0, 1};
    hebb_array index = hebb_array_view(at, HEBB_I32, HEBB_SHAPE(3));
    hebb_tensor *v = variable_of(c.graph, "v", VECTOR(c.graph, 5, 6, 7));
    step(&c, hebb_assign(v, hebb_gather(v, hebb_constant(c.graph, &index))));
    EXPECT_VALUES(&c, v, 0, 7, 5, 6);
    step(&c, hebb_assign(v, hebb_scatter_add(v, hebb_constant(c.graph, &index), v)));
    EXPECT_VALUES(&c, v, 0, 12, 11, 13);
    calc_close(&c);
}
Test(assign, products_of_itself_on_cpu) { products_of_itself(0); }
Test(assign, products_of_itself_on_opencl) { products_of_itself(1); }

/* Reads beside an assignment see the old value; the assignment's own result is the new one. */
static void old_and_new(int backend) {
    calc c = open_backend(backend);
    hebb_tensor *n = variable_of(c.graph, "n", VECTOR(c.graph, 5, 50));
    hebb_tensor *more = hebb_assign(n, hebb_add(n, hebb_scalar_like(n, 1)));
    hebb_tensor *of_old = hebb_mul(n, n), *of_new = hebb_mul(more, hebb_scalar_like(n, 10));
    hebb_array old = {0}, new = {0}, square = {0}, tenfold = {0};
    for (int i = 0; i < 3; i++) {
        hebb_run(c.session, HEBB_NO_FEED,
                 HEBB_FETCH({n, &old}, {of_old, &square}, {more, &new}, {of_new, &tenfold}));
        cr_assert_not(hebb_failed(c.session), "%s", hebb_message(c.session));
        cr_expect_eq(hebb_array_at(&old, 1), 50 + i);
        cr_expect_eq(hebb_array_at(&new, 1), 51 + i);
        cr_expect_eq(hebb_array_at(&square, 0), (5 + i) * (5 + i));
        cr_expect_eq(hebb_array_at(&tenfold, 0), 10 * (6 + i));
    }
    hebb_array *all[] = {&old, &new, &square, &tenfold};
    for (size_t i = 0; i < N(all); i++) hebb_array_free(all[i]);
    calc_close(&c);
}
Test(assign, old_and_new_on_cpu) { old_and_new(0); }
Test(assign, old_and_new_on_opencl) { old_and_new(1); }

Test(assign, only_what_is_fetched_happens) {
    calc c = calc_open("cpu");
    hebb_tensor *n = variable_of(c.graph, "n", VECTOR(c.graph, 1));
    hebb_tensor *more = hebb_assign(n, hebb_add(n, n));
    EXPECT_VALUES(&c, hebb_neg(n), 0, -1);
    EXPECT_VALUES(&c, n, 0, 1);
    EXPECT_VALUES(&c, more, 0, 2);
    EXPECT_VALUES(&c, n, 0, 2);
    calc_close(&c);
}

Test(assign, twice_in_a_run_is_an_error) {
    calc c = calc_open("cpu");
    hebb_tensor *n = variable_of(c.graph, "n", VECTOR(c.graph, 1));
    hebb_tensor *a = hebb_assign(n, hebb_neg(n)), *b = hebb_assign(n, hebb_exp(n));
    cr_expect_eq(hebb_run(c.session, HEBB_NO_FEED, HEBB_FETCH({a, NULL}, {b, NULL})), HEBB_E_GRAPH,
                 "%s", hebb_message(c.session));
    cr_expect_not_null(strstr(hebb_message(c.session), "n"));
    EXPECT_VALUES(&c, n, 0, 1);
    step(&c, a);
    EXPECT_VALUES(&c, n, 0, -1);
    calc_close(&c);
}

/* ---- sessions and their variables ---- */

Test(variables, are_a_sessions_own) {
    calc c = calc_open("cpu");
    hebb_session *second = hebb_session_create(c.graph, c.device);
    hebb_tensor *n = variable_of(c.graph, "n", VECTOR(c.graph, 1));
    hebb_tensor *more = hebb_assign(n, hebb_add(n, n));
    for (int i = 0; i < 4; i++) step(&c, more);
    hebb_array value = {0};
    cr_expect_eq(hebb_run(second, HEBB_NO_FEED, HEBB_FETCH({n, &value})), HEBB_OK);
    cr_expect_eq(hebb_array_item(&value), 1);
    EXPECT_VALUES(&c, n, 0, 16);
    hebb_array_free(&value);
    hebb_session_destroy(second);
    calc_close(&c);
}

Test(variables, are_read_and_written_from_outside) {
    calc c = calc_open("cpu");
    hebb_tensor *n = variable_of(c.graph, "n", VECTOR(c.graph, 1, 2));
    double numbers[] = {7, 8};
    float wrong[] = {7, 8};
    hebb_array set = hebb_array_view(numbers, HEBB_F64, HEBB_SHAPE(2)), got = {0};
    /* Before the first run too. */
    cr_expect_eq(hebb_session_get(c.session, n, &got), HEBB_OK, "%s", hebb_message(c.session));
    cr_expect_eq(hebb_array_at(&got, 1), 2);
    cr_expect_eq(hebb_session_set(c.session, n, &set), HEBB_OK);
    EXPECT_VALUES(&c, n, 0, 7, 8);
    cr_expect_eq(hebb_session_get(c.session, n, &got), HEBB_OK);
    cr_expect_eq(hebb_array_at(&got, 0), 7);
    hebb_array bad_shape = hebb_array_view(numbers, HEBB_F64, HEBB_SHAPE(1, 2));
    hebb_array bad_dtype = hebb_array_view(wrong, HEBB_F32, HEBB_SHAPE(2));
    cr_expect_eq(hebb_session_set(c.session, n, &bad_shape), HEBB_E_SHAPE);
    cr_expect_eq(hebb_session_set(c.session, n, &bad_dtype), HEBB_E_DTYPE);
    cr_expect_eq(hebb_session_get(c.session, n, &bad_shape), HEBB_E_SHAPE);
    cr_expect_eq(hebb_session_get(c.session, n, &bad_dtype), HEBB_E_DTYPE);
    cr_expect_eq(hebb_session_set(c.session, n, NULL), HEBB_E_NULL);
    cr_expect_eq(hebb_session_get(c.session, NULL, &got), HEBB_E_NULL);
    cr_expect_neq(hebb_session_get(c.session, hebb_exp(n), &got), HEBB_OK);
    EXPECT_VALUES(&c, n, 0, 7, 8);
    hebb_array_free(&got);
    calc_close(&c);
}

/* ---- initial values ---- */

typedef struct initial {
    const char *name;
    hebb_initializer (*make)(void);
    double low, high, deviation; /* bounds of a uniform one, deviation of a normal one */
} initial;

/* [300, 100]: fan_in 300, fan_out 100. */
static void check_initial(const initial *k, const hebb_array *v) {
    int64_t n = hebb_array_count(v);
    double sum = 0, squares = 0, least = INFINITY, most = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        double x = hebb_array_at(v, i);
        sum += x;
        squares += x * x;
        least = fmin(least, x);
        most = fmax(most, x);
    }
    double mean = sum / (double)n, deviation = sqrt(squares / (double)n - mean * mean);
    cr_expect_float_eq(mean, 0, 5 * k->deviation / sqrt((double)n), "%s: mean %g", k->name, mean);
    cr_expect_float_eq(deviation, k->deviation, 0.02 * k->deviation, "%s: deviation %g", k->name,
                       deviation);
    cr_expect(least >= k->low && most <= k->high, "%s: %g to %g", k->name, least, most);
}

Test(initial_values, have_their_distributions) {
    calc c = calc_open("cpu");
    const double glorot = sqrt(6. / 400), he = sqrt(6. / 300);
    const initial kinds[] = {
        {"glorot uniform", hebb_glorot_uniform, -glorot, glorot, glorot / sqrt(3)},
        {"glorot normal", hebb_glorot_normal, -INFINITY, INFINITY, sqrt(2. / 400)},
        {"he uniform", hebb_he_uniform, -he, he, he / sqrt(3)},
        {"he normal", hebb_he_normal, -INFINITY, INFINITY, sqrt(2. / 300)},
    };
    for (size_t i = 0; i < N(kinds); i++) {
        hebb_array value = {0};
        hebb_tensor *v =
            hebb_variable(c.graph, kinds[i].name, HEBB_F32, HEBB_SHAPE(300, 100), kinds[i].make());
        cr_assert_eq(hebb_session_get(c.session, v, &value), HEBB_OK, "%s",
                     hebb_message(c.session));
        check_initial(&kinds[i], &value);
        hebb_array_free(&value);
    }
    calc_close(&c);
}

Test(initial_values, that_are_plain) {
    calc c = calc_open("cpu");
    hebb_graph *g = c.graph;
    EXPECT_VALUES(&c, hebb_variable(g, "z", HEBB_F32, HEBB_SHAPE(2), hebb_zeros()), 0, 0, 0);
    EXPECT_VALUES(&c, hebb_variable(g, "o", HEBB_I64, HEBB_SHAPE(2), hebb_ones()), 0, 1, 1);
    EXPECT_VALUES(&c, hebb_variable(g, "c", HEBB_U8, HEBB_SCALAR, hebb_constant_value(7)), 0, 7);
    hebb_tensor *v = hebb_variable(g, "d", HEBB_F64, HEBB_SCALAR, hebb_constant_value(0.1));
    EXPECT_VALUES(&c, v, 0, 0.1);
    hebb_initializer none = {0};
    EXPECT_VALUES(&c, hebb_variable(g, "n", HEBB_F32, HEBB_SCALAR, none), 0, 0);
    calc_close(&c);
}
