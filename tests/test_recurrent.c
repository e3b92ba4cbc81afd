/* Recurrent layers: against Keras (tests/golden/recurrent.txt), their gradients, bidirectional and
   time-distributed ones, dropout, errors; and the initializers that they need. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <hebb/hebb.h>

#include "support/devices.h"
#include "support/golden.h"
#include "support/layer_gradient.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
enum { UNITS = 4 };

/* ---- against Keras ---- */

static hebb_tensor *build(const char *name, hebb_tensor *x, hebb_recurrent_options *o) {
    o->sequences = strcmp(name, "lstm") != 0 && strcmp(name, "gru_mask") != 0;
    o->go_backwards = strcmp(name, "lstm_backwards") == 0;
    o->reset_before = strcmp(name, "gru_before") == 0;
    o->name = "layer";
    if (strcmp(name, "simple") == 0) return hebb_simple_rnn_with(x, UNITS, o);
    return name[0] == 'l' ? hebb_lstm_with(x, UNITS, o) : hebb_gru_with(x, UNITS, o);
}

static void expect_close(const hebb_array *got, const hebb_array *wanted, const char *name,
                         const char *what) {
    cr_assert_eq(hebb_array_count(got), hebb_array_count(wanted), "%s %s", name, what);
    for (int64_t i = 0; i < hebb_array_count(got); i++) {
        double g = hebb_array_at(got, i), w = hebb_array_at(wanted, i);
        cr_expect(fabs(g - w) <= 2e-5 * (1 + fabs(w)), "%s: %s[%d] is %.8g, wanted %.8g", name,
                  what, (int)i, g, w);
    }
}

static hebb_tensor *constant(hebb_graph *g, const golden_case *c, const char *name) {
    const hebb_array *value = golden_find(c, name);
    return value == NULL ? NULL : hebb_constant(g, value);
}

static void set(hebb_session *s, hebb_graph *g, const golden_case *c, const char *name,
                const char *variable) {
    const hebb_array *value = golden_find(c, name);
    if (value != NULL) hebb_session_set(s, hebb_graph_find(g, variable), value);
}

static void check_case(const golden_case *c, hebb_device *device) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY, 2));
    hebb_tensor *m = constant(g, c, "m"), *states[] = {constant(g, c, "h"), constant(g, c, "c")};
    hebb_recurrent_options o = {.mask = m != NULL ? hebb_cast(m, HEBB_BOOL) : NULL};
    if (states[0] != NULL) o.initial_state = (hebb_tensor_list){states, 2};
    hebb_tensor *y = build(c->name, x, &o), *dy = constant(g, c, "dy"), *gradients[3];
    hebb_tensor *xs[] = {x, hebb_graph_find(g, "layer/kernel"),
                         hebb_graph_find(g, "layer/recurrent_kernel")};
    hebb_gradients(&y, 1, xs, 3, &dy, gradients);
    hebb_session *s = hebb_session_create(g, device);
    cr_assert_not(hebb_failed(s), "%s: %s", c->name, hebb_message(s));
    set(s, g, c, "w", "layer/kernel");
    set(s, g, c, "u", "layer/recurrent_kernel");
    set(s, g, c, "b", "layer/bias");
    set(s, g, c, "v", "layer/recurrent_bias");
    hebb_array value[4] = {{0}, {0}, {0}, {0}};
    hebb_run(s, HEBB_FEED({x, golden_find(c, "x")}),
             HEBB_FETCH({y, &value[0]}, {gradients[0], &value[1]}, {gradients[1], &value[2]},
                        {gradients[2], &value[3]}));
    cr_assert_not(hebb_failed(s), "%s: %s", c->name, hebb_message(s));
    static const char *const names[] = {"y", "dx", "dw", "du"};
    for (int k = 0; k < 4; k++) {
        expect_close(&value[k], golden_find(c, names[k]), c->name, names[k]);
        hebb_array_free(&value[k]);
    }
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

static void check_golden(hebb_device *device) {
    golden_file *file = golden_open(GOLDEN_FOLDER "/recurrent.txt");
    golden_case c;
    const char *wrong = NULL;
    size_t n = 0;
    cr_assert_not_null(file);
    for (; golden_next(file, &c, &wrong); n++) {
        check_case(&c, device);
        golden_free(&c);
    }
    cr_expect_null(wrong, "%s", wrong);
    cr_expect_eq(n, 9);
    golden_close(file);
    hebb_device_close(device);
}

Test(recurrent, is_that_of_keras_on_cpu) { check_golden(cpu_device()); }
Test(recurrent, is_that_of_keras_on_opencl) { check_golden(opencl_device()); }

/* ---- gradients, in f64 ---- */

static hebb_tensor *both_ways(hebb_tensor *x) {
    return hebb_bidirectional(hebb_gru_with, x, 2, NULL, HEBB_MERGE_CONCAT);
}
static hebb_tensor *averaged(hebb_tensor *x) {
    hebb_recurrent_options o = {.sequences = true, .activation = hebb_sigmoid};
    return hebb_bidirectional(hebb_lstm_with, x, 2, &o, HEBB_MERGE_AVERAGE);
}
static hebb_tensor *stacked(hebb_tensor *x) {
    hebb_tensor *state[2];
    hebb_tensor *y = hebb_lstm(x, 3, .sequences = true, .final_state = state);
    return hebb_add(hebb_simple_rnn(y, 3, .initial_state = HEBB_LIST(state[1])), state[0]);
}
static hebb_tensor *dropping(hebb_tensor *x) {
    return hebb_lstm(x, 3, .dropout = 0.3, .recurrent_dropout = 0.3, .sequences = true);
}
static hebb_tensor *masked(hebb_tensor *x) {
    hebb_graph *g = hebb_tensor_graph(x);
    int32_t lengths[] = {4, 2, 0};
    hebb_array array = hebb_array_view(lengths, HEBB_I32, HEBB_SHAPE(3));
    return hebb_gru(x, 3, .mask = hebb_sequence_mask(hebb_constant(g, &array), x));
}
static hebb_tensor *dense_layer(hebb_tensor *x, void *user) {
    return hebb_dense(x, *(int *)user, .activation = hebb_tanh);
}
static hebb_tensor *distributed(hebb_tensor *x) {
    int units = 3;
    return hebb_time_distributed(x, dense_layer, &units);
}

Test(recurrent, gradients) {
    check_layer_gradient("bidirectional", both_ways, HEBB_SHAPE(3, 4, 2));
    check_layer_gradient("averaged", averaged, HEBB_SHAPE(3, 4, 2));
    check_layer_gradient("stacked", stacked, HEBB_SHAPE(3, 4, 2));
    check_layer_gradient("dropout", dropping, HEBB_SHAPE(3, 4, 2));
    check_layer_gradient("masked", masked, HEBB_SHAPE(3, 4, 2));
    check_layer_gradient("distributed", distributed, HEBB_SHAPE(3, 4, 2));
}

/* ---- names, sizes, errors ---- */

Test(recurrent, open_sizes_and_names) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY, 2));
    hebb_shape y = hebb_tensor_shape(averaged(x));
    cr_expect(hebb_shape_equal(y, HEBB_SHAPE(HEBB_ANY, HEBB_ANY, 2)));
    y = hebb_tensor_shape(distributed(x));
    cr_expect(hebb_shape_equal(y, HEBB_SHAPE(HEBB_ANY, HEBB_ANY, 3)));
    cr_expect_str_eq(hebb_graph_message(g), "");
    cr_expect_str_eq(hebb_tensor_name(hebb_graph_variable(g, 0)), "bidirectional/forward/kernel");
    cr_expect_str_eq(hebb_tensor_name(hebb_graph_variable(g, 4)),
                     "bidirectional/backward/recurrent_kernel");
    hebb_graph_destroy(g);
}

#define FAILS(status, words, ...)                                                                  \
    do {                                                                                           \
        hebb_graph *g = hebb_graph_create();                                                       \
        hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 6, 5));                 \
        hebb_tensor *i = hebb_input(g, "i", HEBB_I32, HEBB_SHAPE(HEBB_ANY, 6, 5));                 \
        (void)x, (void)i;                                                                          \
        cr_expect(hebb_tensor_is_inert(__VA_ARGS__));                                              \
        cr_expect_eq(hebb_graph_status(g), HEBB_E_##status, "%s", hebb_graph_message(g));          \
        cr_expect(strstr(hebb_graph_message(g), words), "%s", hebb_graph_message(g));              \
        cr_expect(strstr(hebb_graph_message(g), "test_recurrent.c:"), "%s",                        \
                  hebb_graph_message(g));                                                          \
        hebb_graph_destroy(g);                                                                     \
    } while (0)

Test(recurrent, errors_say_what_and_where) {
    FAILS(ARGUMENT, "lstm: x is f32 [?, 6, 5]", hebb_lstm(x, 0));
    FAILS(DTYPE, "gru: x is i32", hebb_gru(i, 3));
    FAILS(SHAPE, "simple_rnn: x is f32 [?, 30]", hebb_simple_rnn(hebb_flatten(x), 3));
    FAILS(DTYPE, "the mask is f32", hebb_lstm(x, 3, .mask = x));
    FAILS(SHAPE, "the mask is bool", hebb_lstm(x, 3, .mask = hebb_greater(x, x)));
    FAILS(ARGUMENT, "1 initial states; wanted are 2",
          hebb_lstm(x, 3, .initial_state = HEBB_LIST(x)));
    FAILS(SHAPE, "gru: initial state 0 is f32 [?, 6, 5]; wanted is f32 [batch, 3]",
          hebb_gru(x, 3, .initial_state = HEBB_LIST(x)));
    FAILS(SHAPE, "lstm: initial state 1 is f32 [?, 4]; wanted is f32 [batch, 3]",
          hebb_lstm(x, 3, .initial_state = HEBB_LIST(hebb_gru(x, 3), hebb_gru(x, 4))));
    FAILS(DTYPE, "gru: initial state 0 is i32",
          hebb_gru(x, 3, .initial_state = HEBB_LIST(hebb_cast(hebb_gru(x, 3), HEBB_I32))));
    FAILS(ARGUMENT, "rate is 2", hebb_lstm(x, 3, .dropout = 2));
}

/* The loop is made by the library, for a line of the program. */
Test(recurrent, a_layer_is_from_the_line_that_asked) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 6, 5));
    hebb_gru(x, 3, .sequences = true);
    for (size_t id = 0; id < hebb_graph_size(g); id++) {
        const char *file = hebb_tensor_place(hebb_graph_tensor(g, id), NULL);
        cr_expect(file == NULL || strstr(file, "test_recurrent.c"), "%s from %s",
                  hebb_tensor_name(hebb_graph_tensor(g, id)), file);
    }
    hebb_graph_destroy(g);
}

/* ---- initializers ---- */

/* The largest difference of w w' (or w' w) from gain^2 times the identity. */
static double far_from_orthogonal(const hebb_array *w, int64_t rows, int64_t columns, double gain) {
    bool tall = rows > columns;
    int64_t n = tall ? columns : rows, m = tall ? rows : columns;
    double worst = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double dot = 0;
            for (int64_t k = 0; k < m; k++)
                dot += tall ? hebb_array_at(w, k * columns + i) * hebb_array_at(w, k * columns + j)
                            : hebb_array_at(w, i * columns + k) * hebb_array_at(w, j * columns + k);
            worst = fmax(worst, fabs(dot - (i == j ? gain * gain : 0)));
        }
    return worst;
}

Test(initializers, orthogonal_matrices_are) {
    static const int64_t sizes[][2] = {{64, 256}, {100, 100}, {70, 30}, {1, 5}, {7, 1}};
    hebb_device *device = cpu_device();
    for (size_t k = 0; k < COUNT(sizes); k++) {
        hebb_graph *g = hebb_graph_create();
        hebb_tensor *w = hebb_variable(g, "w", HEBB_F32, HEBB_SHAPE(sizes[k][0], sizes[k][1]),
                                       hebb_orthogonal(k == 2 ? 2 : 1));
        hebb_session *s = hebb_session_create(g, device, .seed = k);
        hebb_array value = {0};
        hebb_session_get(s, w, &value);
        cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
        double far = far_from_orthogonal(&value, sizes[k][0], sizes[k][1], k == 2 ? 2 : 1);
        cr_expect(far < 2e-5, "%d x %d: %g", (int)sizes[k][0], (int)sizes[k][1], far);
        hebb_array_free(&value);
        hebb_session_destroy(s);
        hebb_graph_destroy(g);
    }
    hebb_device_close(device);
}

static void check_moments(hebb_initializer initializer, double deviation, double most) {
    hebb_device *device = cpu_device();
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *w = hebb_variable(g, "w", HEBB_F32, HEBB_SHAPE(100, 400), initializer);
    hebb_session *s = hebb_session_create(g, device, .seed = 5);
    hebb_array value = {0};
    hebb_session_get(s, w, &value);
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    double sum = 0, squares = 0, largest = 0, n = 40000;
    for (int64_t i = 0; i < 40000; i++) {
        double v = hebb_array_at(&value, i);
        sum += v;
        squares += v * v;
        largest = fmax(largest, fabs(v));
    }
    cr_expect(fabs(sum / n) < 5 * deviation / sqrt(n));
    cr_expect(fabs(sqrt(squares / n) - deviation) < 0.02 * deviation, "%g", sqrt(squares / n));
    cr_expect(largest <= most * (1 + 1e-6) && largest > 0.9 * fmin(most, 3 * deviation));
    hebb_array_free(&value);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}

Test(initializers, moments) {
    check_moments(hebb_lecun_uniform(), 0.1, sqrt(0.03));
    check_moments(hebb_lecun_normal(), 0.1, INFINITY);
    /* cut at two deviations, what remains deviates by 0.87962566 of it */
    check_moments(hebb_truncated_normal(0, 0.5), 0.5 * 0.87962566, 1);
}

Test(initializers, identity_and_errors) {
    hebb_device *device = cpu_device();
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *w = hebb_variable(g, "w", HEBB_F32, HEBB_SHAPE(2, 3), hebb_identity_matrix(4));
    hebb_session *s = hebb_session_create(g, device);
    hebb_array value = {0};
    hebb_session_get(s, w, &value);
    for (int k = 0; k < 6; k++) cr_expect_eq(hebb_array_at(&value, k), k == 0 || k == 4 ? 4 : 0);
    hebb_array_free(&value);
    hebb_session_destroy(s);
    cr_expect(
        hebb_tensor_is_inert(hebb_variable(g, "v", HEBB_F32, HEBB_SHAPE(3), hebb_orthogonal(1))));
    cr_expect_eq(hebb_graph_status(g), HEBB_E_SHAPE);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}
