/* Update rules and schedules against Keras (tests/golden/optimizers.txt), and what hebb_minimize()
   does with gradients, groups, averages and numbers that make no sense. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <hebb/hebb.h>

#include "support/calc.h"
#include "support/devices.h"
#include "support/golden.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- against Keras ---- */

typedef hebb_tensor *make_step(hebb_tensor *loss);
#define STEP(name, ...)                                                                            \
    static hebb_tensor *step_##name(hebb_tensor *loss) { return hebb_minimize(loss, __VA_ARGS__); }
STEP(sgd, hebb_sgd(.learning_rate = 0.1))
STEP(sgd_momentum, hebb_sgd(.learning_rate = 0.1, .momentum = 0.9))
STEP(sgd_nesterov,
     hebb_sgd(.learning_rate = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.1))
STEP(adam, hebb_adam(.learning_rate = 0.1))
STEP(adam_amsgrad, hebb_adam(.learning_rate = 0.1, .beta_1 = 0.8, .beta_2 = 0.7, .amsgrad = true))
STEP(adamw, hebb_adamw(.learning_rate = 0.1))
STEP(adamax, hebb_adamax(.learning_rate = 0.1))
STEP(nadam, hebb_nadam(.learning_rate = 0.1))
STEP(adagrad, hebb_adagrad(.learning_rate = 0.1))
STEP(adadelta, hebb_adadelta(.learning_rate = 1))
STEP(rmsprop, hebb_rmsprop(.learning_rate = 0.1))
STEP(rmsprop_centered,
     hebb_rmsprop(.learning_rate = 0.1, .rho = 0.8, .momentum = 0.5, .centered = true))
STEP(lion, hebb_lion(.learning_rate = 0.1))
STEP(lamb, hebb_lamb(.learning_rate = 0.1))
STEP(clip_value, hebb_sgd(.learning_rate = 0.1), .clip_value = 0.5)
STEP(clip_norm, hebb_sgd(.learning_rate = 0.1), .clip_norm = 1)
STEP(global_clip_norm, hebb_sgd(.learning_rate = 0.1), .global_clip_norm = 1)
STEP(accumulate, hebb_sgd(.learning_rate = 0.1, .momentum = 0.5), .accumulate = 3)

#define ROW(name)                                                                                  \
    { #name, step_##name }
static const struct {
    const char *name;
    make_step *make;
} rules[] = {
    ROW(sgd),       ROW(sgd_momentum),     ROW(sgd_nesterov), ROW(adam),    ROW(adam_amsgrad),
    ROW(adamw),     ROW(adamax),           ROW(nadam),        ROW(adagrad), ROW(adadelta),
    ROW(rmsprop),   ROW(rmsprop_centered), ROW(lion),         ROW(lamb),    ROW(clip_value),
    ROW(clip_norm), ROW(global_clip_norm), ROW(accumulate)};

static hebb_schedule schedule_named(const char *name) {
    static const int64_t boundaries[] = {100, 250};
    static const double values[] = {0.5, 0.2, 0.1};
    hebb_schedule cycle = hebb_polynomial_decay(0.5, 130, 0.01, 0.5);
    cycle.cycle = true;
    const struct {
        const char *name;
        hebb_schedule schedule;
    } all[] = {
        {"exponential", hebb_exponential_decay(0.5, 100, 0.9)},
        {"staircase", hebb_step_decay(0.5, 100, 0.5)},
        {"inverse_time", hebb_inverse_time_decay(0.5, 100, 0.7)},
        {"piecewise", hebb_piecewise_constant_decay(boundaries, values, 2)},
        {"polynomial", hebb_polynomial_decay(0.5, 300, 0.01, 2)},
        {"polynomial_cycle", cycle},
        {"cosine", hebb_cosine_decay_to(0.5, 400, 0.1)},
        {"restarts", hebb_cosine_decay_restarts(0.5, 100, 2, 1, 0)},
        {"restarts_equal", hebb_cosine_decay_restarts(0.5, 100, 1, 0.8, 0.1)},
        {"warm_up", hebb_warm_up(50, hebb_cosine_decay(0.5, 400))},
    };
    for (size_t k = 0; k < COUNT(all); k++)
        if (strcmp(all[k].name, name) == 0) return all[k].schedule;
    return (hebb_schedule){0};
}

static void expect_close(const hebb_array *got, const float *wanted, double tolerance,
                         const char *what) {
    for (int64_t i = 0; i < hebb_array_count(got); i++) {
        double difference = fabs(hebb_array_at(got, i) - wanted[i]);
        cr_expect(difference <= tolerance, "%s: element %d is %.8g, wanted %.8g", what, (int)i,
                  hebb_array_at(got, i), wanted[i]);
    }
}

static void check_rule(const golden_case *c, make_step *make, hebb_device *device) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *start = hebb_constant(g, golden_find(c, "w"));
    hebb_tensor *w = hebb_variable(g, "w", HEBB_F32, HEBB_SHAPE(3, 2), hebb_initial_tensor(start));
    hebb_tensor *gradient = hebb_input(g, "g", HEBB_F32, HEBB_SHAPE(3, 2));
    hebb_tensor *step = make(hebb_sum(hebb_mul(w, gradient), HEBB_ALL_AXES, false));
    hebb_session *s = hebb_session_create(g, device);
    for (int k = 0; k < 6; k++) {
        float *rows = golden_find(c, "g")->data, *wanted = golden_find(c, "y")->data;
        hebb_array row = hebb_array_view(rows + 6 * k, HEBB_F32, HEBB_SHAPE(3, 2)), value = {0};
        hebb_run(s, HEBB_FEED({gradient, &row}), HEBB_FETCH({step, NULL}));
        cr_assert_not(hebb_failed(s), "%s: %s", c->name, hebb_message(s));
        hebb_session_get(s, w, &value);
        expect_close(&value, wanted + 6 * k, 1e-5, c->name); /* of 1 - beta^t in float32 */
        hebb_array_free(&value);
    }
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

static void check_schedule(const golden_case *c, hebb_device *device) {
    hebb_schedule schedule = schedule_named(c->name);
    cr_assert_not_null(schedule.rate, "no schedule %s", c->name);
    hebb_graph *g = hebb_graph_create();
    const hebb_array *steps = golden_find(c, "x");
    hebb_tensor *x = hebb_constant(g, steps);
    hebb_tensor *y = hebb_schedule_rate(&schedule, x);
    hebb_session *s = hebb_session_create(g, device);
    hebb_array rates = {0};
    hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({y, &rates}));
    cr_assert_not(hebb_failed(s), "%s: %s", c->name, hebb_message(s));
    /* Keras's polynomial has a root at its end, where float32 has few digits left. */
    double tolerance = strcmp(c->name, "polynomial_cycle") == 0 ? 2e-4 : 3e-6;
    const hebb_array *wanted = golden_find(c, "y");
    if (hebb_array_count(&rates) == hebb_array_count(wanted))
        expect_close(&rates, wanted->data, tolerance, c->name);
    hebb_array_free(&rates);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
}

static void check_golden(hebb_device *device) {
    golden_file *file = golden_open(GOLDEN_FOLDER "/optimizers.txt");
    golden_case c;
    const char *wrong = NULL;
    size_t n_rules = 0, n_schedules = 0;
    cr_assert_not_null(file);
    while (golden_next(file, &c, &wrong)) {
        make_step *make = NULL;
        for (size_t k = 0; k < COUNT(rules); k++)
            if (strcmp(rules[k].name, c.name) == 0) make = rules[k].make;
        if (make != NULL) check_rule(&c, make, device);
        else check_schedule(&c, device);
        n_rules += make != NULL;
        n_schedules += make == NULL;
        golden_free(&c);
    }
    cr_expect_null(wrong, "%s", wrong);
    cr_expect_eq(n_rules, COUNT(rules));
    cr_expect_eq(n_schedules, 10);
    golden_close(file);
    hebb_device_close(device);
}

Test(optimizers, are_those_of_keras_on_cpu) { check_golden(cpu_device()); }
Test(optimizers, are_those_of_keras_on_opencl) { check_golden(opencl_device()); }

/* ---- what hebb_minimize() does ---- */

typedef struct fixture {
    hebb_graph *g;
    hebb_device *device;
    hebb_session *s;
    hebb_tensor *w, *b, *loss;
} fixture;

/* loss = sum (w^2) / 2 + sum b, so that dw = w and db = 1. */
static fixture make_fixture(void) {
    fixture f = {.g = hebb_graph_create(), .device = cpu_device()};
    f.w = hebb_variable(f.g, "layer/kernel", HEBB_F32, HEBB_SHAPE(2, 2), hebb_constant_value(2));
    f.b = hebb_variable(f.g, "layer/bias", HEBB_F32, HEBB_SHAPE(2), hebb_constant_value(1));
    hebb_tensor *zero = hebb_scalar_like(f.w, 0);
    hebb_tensor *squares = hebb_sum(hebb_square_loss(f.w, zero), HEBB_ALL_AXES, false);
    f.loss = hebb_add(squares, hebb_sum(f.b, HEBB_ALL_AXES, false));
    return f;
}

static void steps(fixture *f, hebb_tensor *step, int n) {
    if (f->s == NULL) f->s = hebb_session_create(f->g, f->device);
    for (int k = 0; k < n; k++) hebb_run(f->s, HEBB_NO_FEED, HEBB_FETCH({step, NULL}));
    cr_assert_not(hebb_failed(f->s), "%s", hebb_message(f->s));
}

static double first_of(fixture *f, hebb_tensor *variable) {
    hebb_array value = {0};
    hebb_session_get(f->s, variable, &value);
    cr_assert_not(hebb_failed(f->s), "%s", hebb_message(f->s));
    double first = hebb_array_at(&value, 0);
    hebb_array_free(&value);
    return first;
}

static void end(fixture *f) {
    hebb_session_destroy(f->s);
    hebb_device_close(f->device);
    hebb_graph_destroy(f->g);
}

#define EXPECT_NEAR(a, b)                                                                          \
    cr_expect(fabs((a) - (b)) < 1e-5, "%.8g, not %.8g", (double)(a), (double)(b))

Test(minimize, groups_have_rates_and_decay_of_their_own) {
    fixture f = make_fixture();
    hebb_tensor *step = hebb_minimize(
        f.loss, hebb_sgd(.learning_rate = 0.5, .weight_decay = 0.1),
        HEBB_PARAMETER_GROUPS({.match = "bias", .rate = 0.1, .no_weight_decay = true}));
    steps(&f, step, 1);
    EXPECT_NEAR(first_of(&f, f.w), 2 - 0.5 * 0.1 * 2 - 0.5 * 2);
    EXPECT_NEAR(first_of(&f, f.b), 1 - 0.05);
    end(&f);
}

Test(minimize, frozen_variables_stay) {
    fixture f = make_fixture();
    steps(&f,
          hebb_minimize(f.loss, hebb_sgd(.learning_rate = 0.5),
                        HEBB_PARAMETER_GROUPS({.variables = HEBB_LIST(f.w), .frozen = true})),
          3);
    EXPECT_NEAR(first_of(&f, f.w), 2);
    EXPECT_NEAR(first_of(&f, f.b), 1 - 1.5);
    end(&f);
}

Test(minimize, only_what_is_listed_is_trained) {
    fixture f = make_fixture();
    hebb_tensor *trained[8], *gradients[8];
    size_t n = 0;
    steps(&f,
          hebb_minimize(f.loss, hebb_sgd(.learning_rate = 0.5), .variables = HEBB_LIST(f.w),
                        .trained = trained, .gradients = gradients, .n_trained = &n),
          1);
    EXPECT_NEAR(first_of(&f, f.w), 1);
    EXPECT_NEAR(first_of(&f, f.b), 1);
    cr_assert_eq(n, 1);
    cr_expect_eq(trained[0], f.w);
    cr_expect(hebb_shape_equal(hebb_tensor_shape(gradients[0]), hebb_tensor_shape(f.w)));
    end(&f);
}

Test(minimize, penalties_and_norms_are_of_kernels) {
    fixture f = make_fixture();
    hebb_tensor *step =
        hebb_minimize(f.loss, hebb_sgd(.learning_rate = 0.1), .l1 = 0.5, .l2 = 0.25);
    steps(&f, step, 1);
    EXPECT_NEAR(first_of(&f, f.w), 2 - 0.1 * (2 + 0.5 + 2 * 0.25 * 2));
    EXPECT_NEAR(first_of(&f, f.b), 0.9);
    end(&f);
    f = make_fixture();
    steps(&f, hebb_minimize(f.loss, hebb_sgd(.learning_rate = 0.1), .max_norm = 1), 1);
    EXPECT_NEAR(first_of(&f, f.w), sqrt(0.5)); /* two of them in a column */
    EXPECT_NEAR(first_of(&f, f.b), 0.9);
    end(&f);
}

Test(minimize, a_group_may_limit_the_norm_of_a_bias) {
    fixture f = make_fixture();
    steps(&f,
          hebb_minimize(f.loss, hebb_sgd(.learning_rate = 0.1),
                        HEBB_PARAMETER_GROUPS({.match = "bias", .max_norm = 0.5})),
          1);
    EXPECT_NEAR(first_of(&f, f.w), 1.8);
    EXPECT_NEAR(first_of(&f, f.b), 0.5 / sqrt(2));
    end(&f);
}

Test(minimize, a_rule_without_an_optimizer_is_an_error) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *w = hebb_variable(g, "w", HEBB_F32, HEBB_SCALAR, hebb_zeros());
    cr_expect(hebb_tensor_is_inert(hebb_optimizer_assign(NULL, w, w)));
    expect_graph_error(g, HEBB_E_NULL, "optimizer");
}

Test(minimize, attached_penalties_and_updates_belong_to_a_step) {
    fixture f = make_fixture();
    hebb_tensor *n = hebb_state(f.g, "n", HEBB_F32, HEBB_SCALAR, hebb_zeros());
    hebb_attach_loss(f.b, hebb_sum(hebb_square(f.b), HEBB_ALL_AXES, false));
    hebb_attach_update(f.w, hebb_assign(n, hebb_add(n, hebb_scalar_like(n, 3))));
    steps(&f, hebb_minimize(f.loss, hebb_sgd(.learning_rate = 0.1)), 2);
    EXPECT_NEAR(first_of(&f, n), 6);
    double b = 1;
    for (int k = 0; k < 2; k++) b -= 0.1 * (1 + 2 * b);
    EXPECT_NEAR(first_of(&f, f.b), b);
    end(&f);
}

Test(minimize, averages_follow_and_are_swapped_in) {
    fixture f = make_fixture();
    hebb_tensor *step = hebb_minimize(f.loss, hebb_sgd(.learning_rate = 0.5), .average = 0.75);
    hebb_tensor *average = hebb_graph_find(f.g, "layer/kernel/average");
    steps(&f, step, 1);
    EXPECT_NEAR(first_of(&f, average), 1);
    steps(&f, step, 1);
    EXPECT_NEAR(first_of(&f, f.w), 0.5);
    EXPECT_NEAR(first_of(&f, average), 0.75 + 0.25 * 0.5);
    cr_expect_eq(hebb_swap_averages(f.s), HEBB_OK);
    EXPECT_NEAR(first_of(&f, f.w), 0.875);
    cr_expect_eq(hebb_swap_averages(f.s), HEBB_OK);
    EXPECT_NEAR(first_of(&f, f.w), 0.5);
    end(&f);
    f = make_fixture();
    steps(&f, hebb_minimize(f.loss, hebb_sgd()), 1);
    cr_expect_eq(hebb_swap_averages(f.s), HEBB_E_ARGUMENT);
    cr_expect_not_null(strstr(hebb_message(f.s), "no averages"), "%s", hebb_message(f.s));
    cr_expect_eq(hebb_swap_averages(NULL), HEBB_E_NULL);
    end(&f);
}

/* A variable that the loss depends on, but by no gradient, is left alone, by decay and averages,
   too. */
Test(minimize, trains_what_gradients_reach) {
    hebb_graph *g = hebb_graph_create();
    fixture f = {.g = g, .device = cpu_device()};
    f.w = hebb_variable(g, "w", HEBB_F32, HEBB_SCALAR, hebb_ones());
    f.b = hebb_variable(g, "target", HEBB_F32, HEBB_SCALAR, hebb_constant_value(3));
    hebb_tensor *error = hebb_sub(f.w, hebb_stop_gradient(f.b));
    hebb_tensor *loss = hebb_square(error), *trained[2];
    size_t n;
    hebb_tensor *step = hebb_minimize(loss, hebb_sgd(.learning_rate = 0.25, .weight_decay = 0.1),
                                      .average = 0.5, .trained = trained, .n_trained = &n);
    f.s = hebb_session_create(g, f.device);
    steps(&f, step, 1);
    cr_expect_eq(n, 1);
    cr_expect_eq(trained[0], f.w);
    EXPECT_NEAR(first_of(&f, f.b), 3);
    cr_expect_null(hebb_graph_find(g, "target/average"));
    end(&f);
}

/* Two runs of half of a batch are a run of the whole. */
Test(minimize, accumulated_gradients_are_those_of_a_large_batch) {
    double value[2];
    for (int k = 0; k < 2; k++) {
        hebb_graph *g = hebb_graph_create();
        fixture f = {.g = g, .device = cpu_device()};
        hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY));
        f.w = hebb_variable(g, "w", HEBB_F32, HEBB_SCALAR, hebb_ones());
        hebb_tensor *loss = hebb_mean(hebb_square(hebb_mul(x, f.w)), HEBB_ALL_AXES, false);
        hebb_tensor *step =
            k == 0 ? hebb_minimize(loss, hebb_adam(.learning_rate = 0.1))
                   : hebb_minimize(loss, hebb_adam(.learning_rate = 0.1), .accumulate = 2);
        f.s = hebb_session_create(g, f.device);
        float rows[4] = {1, 2, -3, 0.5f};
        for (int run = 0; run < 6; run++)
            for (int part = 0; part <= k; part++) {
                hebb_array half =
                    hebb_array_view(rows + 2 * part, HEBB_F32, HEBB_SHAPE(k == 0 ? 4 : 2));
                hebb_run(f.s, HEBB_FEED({x, &half}), HEBB_FETCH({step, NULL}));
                cr_assert_not(hebb_failed(f.s), "%s", hebb_message(f.s));
            }
        value[k] = first_of(&f, f.w);
        end(&f);
    }
    EXPECT_NEAR(value[0], value[1]);
}

Test(minimize, learning_rate_is_a_state_of_the_session) {
    fixture f = make_fixture();
    hebb_tensor *step = hebb_minimize(f.loss, hebb_sgd(.learning_rate = 0.5));
    hebb_tensor *rate = hebb_learning_rate(step);
    cr_assert_not_null(rate);
    cr_expect_str_eq(hebb_tensor_name(rate), "optimizer/learning_rate");
    steps(&f, step, 1);
    hebb_plan_stats before, after;
    hebb_session_stats(f.s, &before);
    float value = 0.25f;
    hebb_array array = hebb_array_view(&value, HEBB_F32, HEBB_SCALAR);
    hebb_session_set(f.s, rate, &array);
    steps(&f, step, 1);
    hebb_session_stats(f.s, &after);
    cr_expect_eq(before.plan_seconds, after.plan_seconds); /* it is the same plan */
    EXPECT_NEAR(first_of(&f, f.w), 0.75);
    end(&f);
}

Test(minimize, schedules_store_the_rate_they_used) {
    fixture f = make_fixture();
    hebb_tensor *step = hebb_minimize(f.loss, hebb_sgd(.schedule = hebb_step_decay(0.5, 2, 0.1)));
    const double rates[] = {0.5, 0.5, 0.05, 0.05, 0.005};
    double w = 2;
    for (int k = 0; k < 5; k++) {
        steps(&f, step, 1);
        EXPECT_NEAR(first_of(&f, hebb_learning_rate(step)), rates[k]);
        w -= rates[k] * w;
        EXPECT_NEAR(first_of(&f, f.w), w);
    }
    end(&f);
}

static hebb_tensor *rising(const hebb_schedule *self, hebb_tensor *step) {
    return hebb_mul(step, hebb_scalar_like(step, self->number[0]));
}

Test(minimize, schedules_and_rules_of_ones_own) {
    fixture f = make_fixture();
    hebb_schedule own = {.rate = rising, .number = {0.25}};
    steps(&f, hebb_minimize(f.loss, hebb_sgd(.schedule = own)), 2);
    EXPECT_NEAR(first_of(&f, f.w), 2 * 0.75);
    end(&f);
}

Test(minimize, delta_rule_learns_or) {
    hebb_graph *g = hebb_graph_create();
    hebb_device *device = cpu_device();
    float rows[4][3] = {{1, 0, 0}, {1, 0, 1}, {1, 1, 0}, {1, 1, 1}}, targets[4] = {0, 1, 1, 1};
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(4, 3));
    hebb_tensor *t = hebb_input(g, "t", HEBB_F32, HEBB_SHAPE(4, 1));
    hebb_tensor *w = hebb_variable(g, "w", HEBB_F32, HEBB_SHAPE(3, 1), hebb_zeros());
    hebb_tensor *sum = hebb_matmul(x, w);
    hebb_tensor *fired = hebb_cast(hebb_greater(sum, hebb_scalar_like(sum, 0)), HEBB_F32);
    hebb_tensor *step = hebb_delta_rule(w, x, t, fired, 1);
    hebb_session *s = hebb_session_create(g, device);
    hebb_array xs = hebb_array_view(rows, HEBB_F32, HEBB_SHAPE(4, 3)), out = {0};
    hebb_array ts = hebb_array_view(targets, HEBB_F32, HEBB_SHAPE(4, 1));
    for (int k = 0; k < 20; k++)
        hebb_run(s, HEBB_FEED({x, &xs}, {t, &ts}), HEBB_FETCH({step, NULL}, {fired, &out}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    for (int k = 0; k < 4; k++) cr_expect_eq(hebb_array_at(&out, k), targets[k]);
    hebb_array_free(&out);
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(g);
}

#define FAILS(status, words, ...)                                                                  \
    do {                                                                                           \
        fixture f = make_fixture();                                                                \
        hebb_minimize(f.loss, __VA_ARGS__);                                                        \
        cr_expect_eq(hebb_graph_status(f.g), HEBB_E_##status);                                     \
        cr_expect(strstr(hebb_graph_message(f.g), words), "%s", hebb_graph_message(f.g));          \
        cr_expect(strstr(hebb_graph_message(f.g), "test_optimizers.c:"), "%s",                     \
                  hebb_graph_message(f.g));                                                        \
        end(&f);                                                                                   \
    } while (0)

Test(minimize, errors_name_what_is_wrong) {
    FAILS(ARGUMENT, "sgd: learning_rate", hebb_sgd(.learning_rate = -1));
    FAILS(ARGUMENT, "sgd: learning_rate", hebb_sgd(.learning_rate = NAN));
    FAILS(ARGUMENT, "sgd: momentum", hebb_sgd(.momentum = 1));
    FAILS(ARGUMENT, "adam: beta_1", hebb_adam(.beta_1 = 1.5));
    FAILS(ARGUMENT, "adam: beta_2", hebb_adam(.beta_2 = -0.1));
    FAILS(ARGUMENT, "rmsprop: rho", hebb_rmsprop(.rho = 1));
    FAILS(ARGUMENT, "adamw: weight_decay", hebb_adamw(.weight_decay = -1));
    FAILS(ARGUMENT, "clip_norm", hebb_sgd(), .clip_norm = -1);
    FAILS(ARGUMENT, "accumulate", hebb_sgd(), .accumulate = -2);
    FAILS(ARGUMENT, "average", hebb_sgd(), .average = 1);
    FAILS(ARGUMENT, "group has no variables", hebb_sgd(), HEBB_PARAMETER_GROUPS({.rate = 1}));
    FAILS(GRADIENT, "layer/bias is frozen", hebb_sgd(),
          HEBB_PARAMETER_GROUPS({.match = "layer", .frozen = true}));
    FAILS(ARGUMENT, "has the \"kernle\" of group 1 in it", hebb_sgd(),
          HEBB_PARAMETER_GROUPS({.match = "bias", .rate = 2}, {.match = "kernle", .frozen = true}));
    FAILS(ARGUMENT, "exponential_decay: it takes less",
          hebb_sgd(.schedule = hebb_exponential_decay(1, 0, 0.5)));
    FAILS(ARGUMENT, "cosine_decay: the rate", hebb_sgd(.schedule = hebb_cosine_decay(-1, 5)));
    FAILS(ARGUMENT, "is no variable", hebb_sgd(), .variables = HEBB_LIST(f.loss));
}
