/* Training: networks learn on both backends, optimizers do what their formulas say, the loss stands
   logits of 1e4, and the loss curve is the same with and without passes and on both backends. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "support/calc.h"
#include "support/devices.h"
#include "support/model.h"

#define STEPS 20
#define LONG  200

/* ---- learning ---- */

static void learn(const char *name, hebb_optimizer optimizer, float *losses, int steps,
                  unsigned without, double *accuracy) {
    hebb_device *device = kept_device(name);
    model m = model_create(optimizer);
    hebb_session *s = hebb_session_create(m.graph, device, .seed = 1, .without = without);
    cr_assert_not(hebb_failed(m.graph), "%s", hebb_message(m.graph));
    model_train(&m, s, steps, losses);
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    batch_data unseen;
    hebb_array share = {0};
    model_batch(&unseen, 1000000);
    hebb_run(s, HEBB_FEED({m.x, &unseen.x_array}, {m.label, &unseen.label_array}),
             HEBB_FETCH({m.accuracy, &share}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    *accuracy = hebb_array_item(&share);
    hebb_array_free(&share);
    hebb_session_destroy(s);
    hebb_graph_destroy(m.graph);
}

static void expect_learning(const char *device) {
    const hebb_optimizer optimizers[] = {hebb_sgd(.learning_rate = 0.1),
                                         hebb_sgd(.learning_rate = 0.05, .momentum = 0.9),
                                         hebb_adam(.learning_rate = 0.01)};
    for (int k = 0; k < 3; k++) {
        float losses[LONG];
        double accuracy, first = 0, last = 0;
        learn(device, optimizers[k], losses, LONG, 0, &accuracy);
        for (int i = 0; i < 10; i++) {
            first += losses[i] / 10;
            last += losses[LONG - 1 - i] / 10;
        }
        cr_expect_lt(last, first / 3, "optimizer %d on %s: %g to %g", k, device, first, last);
        cr_expect_gt(accuracy, 0.85, "optimizer %d on %s: %g", k, device, accuracy);
    }
}
Test(learning, on_cpu) { expect_learning("cpu"); }
Test(learning, on_opencl) { expect_learning("opencl"); }

/* ---- one curve ---- */

static void expect_same_curve(const char *a, unsigned without_a, const char *b, unsigned without_b,
                              double tolerance) {
    float x[STEPS], y[STEPS];
    double accuracy;
    learn(a, hebb_adam(.learning_rate = 0.01), x, STEPS, without_a, &accuracy);
    learn(b, hebb_adam(.learning_rate = 0.01), y, STEPS, without_b, &accuracy);
    for (int i = 0; i < STEPS; i++)
        cr_expect_float_eq(x[i], y[i], tolerance, "step %d: %g on %s (%u), %g on %s (%u)", i, x[i],
                           a, without_a, y[i], b, without_b);
}
Test(curves, with_and_without_each_pass) {
    static const unsigned without[] = {HEBB_NO_FOLD, HEBB_NO_CSE, HEBB_NO_FUSION, HEBB_NO_REUSE,
                                       HEBB_NO_PASSES};
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        expect_same_curve("cpu", 0, "cpu", without[i], 1e-5);
}
Test(curves, on_opencl_with_and_without_passes) {
    expect_same_curve("opencl", 0, "opencl", HEBB_NO_PASSES, 1e-5);
}
Test(curves, on_cpu_and_opencl) { expect_same_curve("cpu", 0, "opencl", 0, 1e-4); }

/* ---- optimizers against their formulas, in float64 ---- */

#define SIZE 4
static const double inputs[SIZE] = {0.5, -1.5, 2, 0.1}, targets[SIZE] = {1, 2, -1, 0.5};
static const double start[SIZE] = {0.3, -0.2, 0.1, 0.7};

typedef struct reference {
    double w[SIZE], m[SIZE], v[SIZE];
} reference;
typedef void update_rule(reference *r, int i, double g, int t);

/* The gradient of mean((w x - target)^2). */
static void reference_step(reference *r, update_rule *rule, int t) {
    for (int i = 0; i < SIZE; i++)
        rule(r, i, 2. / SIZE * inputs[i] * (r->w[i] * inputs[i] - targets[i]), t);
}

static void sgd(reference *r, int i, double g, int t) { r->w[i] -= 0.1 * g; }

static void momentum(reference *r, int i, double g, int t) {
    r->m[i] = 0.9 * r->m[i] - 0.1 * g;
    r->w[i] += r->m[i];
}

static void adam(reference *r, int i, double g, int t) {
    r->m[i] = 0.9 * r->m[i] + (1 - 0.9) * g;
    r->v[i] = 0.999 * r->v[i] + (1 - 0.999) * g * g;
    double step = 0.05 * sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t));
    r->w[i] -= step * r->m[i] / (sqrt(r->v[i]) + 1e-7);
}

static hebb_tensor *constant_of(hebb_graph *g, const double *x, hebb_dtype dtype) {
    return hebb_cast(vector_f64(g, x, SIZE), dtype);
}

static void follow(const char *device, hebb_dtype dtype, hebb_optimizer optimizer,
                   update_rule *rule, double tolerance) {
    calc c = calc_open(device);
    reference r = {0};
    hebb_array w_value = {0};
    memcpy(r.w, start, sizeof start);
    hebb_tensor *w = hebb_variable(c.graph, "w", dtype, HEBB_SHAPE(SIZE),
                                   hebb_initial_tensor(constant_of(c.graph, start, dtype)));
    hebb_tensor *x = constant_of(c.graph, inputs, dtype), *t = constant_of(c.graph, targets, dtype);
    hebb_tensor *step = hebb_minimize(hebb_mean_squared_error(hebb_mul(w, x), t), optimizer);
    for (int k = 1; k <= 30; k++) {
        hebb_run(c.session, HEBB_NO_FEED, HEBB_FETCH({step, NULL}));
        cr_assert_not(hebb_failed(c.session), "%s", hebb_message(c.session));
        reference_step(&r, rule, k);
        hebb_session_get(c.session, w, &w_value);
        for (int i = 0; i < SIZE; i++) {
            double got = hebb_array_at(&w_value, i);
            cr_expect(fabs(got - r.w[i]) <= tolerance * fmax(fabs(r.w[i]), 0.1),
                      "step %d, element %d on %s: expected %.15g, got %.15g", k, i, device, r.w[i],
                      got);
        }
    }
    hebb_array_free(&w_value);
    calc_close(&c);
}

static void follow_all(const char *device, hebb_dtype dtype, double tolerance) {
    follow(device, dtype, hebb_sgd(.learning_rate = 0.1), sgd, tolerance);
    follow(device, dtype, hebb_sgd(.learning_rate = 0.1, .momentum = 0.9), momentum, tolerance);
    follow(device, dtype, hebb_adam(.learning_rate = 0.05), adam, tolerance);
}
Test(optimizers, follow_their_formulas_in_f64) { follow_all("cpu", HEBB_F64, 1e-12); }
Test(optimizers, follow_their_formulas_in_f32) { follow_all("cpu", HEBB_F32, 1e-5); }
Test(optimizers, follow_their_formulas_on_opencl) { follow_all("opencl", HEBB_F32, 1e-5); }

Test(optimizers, have_the_documented_defaults) {
    hebb_optimizer plain = hebb_sgd(.learning_rate = 0), full = hebb_adam(.beta_1 = 0);
    cr_expect_eq(plain.learning_rate, 0.01);
    cr_expect_eq(plain.momentum, 0);
    cr_expect(full.learning_rate == 0.001 && full.beta_1 == 0.9 && full.beta_2 == 0.999 &&
              full.epsilon == 1e-7);
}

/* Only what the loss depends on, and what may be trained, is. */
Test(optimizers, leave_the_rest_alone) {
    calc c = calc_open("cpu");
    hebb_tensor *w = hebb_variable(c.graph, "w", HEBB_F64, HEBB_SCALAR, hebb_constant_value(3));
    hebb_tensor *other = hebb_variable(c.graph, "other", HEBB_F64, HEBB_SCALAR, hebb_ones());
    hebb_tensor *fixed = hebb_state(c.graph, "fixed", HEBB_F64, HEBB_SCALAR, hebb_ones());
    hebb_tensor *loss = hebb_square(hebb_mul(w, fixed));
    hebb_tensor *step = hebb_minimize(loss, hebb_sgd(.learning_rate = 0.25));
    hebb_run(c.session, HEBB_NO_FEED, HEBB_FETCH({step, NULL}));
    EXPECT_VALUES(&c, w, 1e-15, 1.5);
    EXPECT_VALUES(&c, fixed, 0, 1);
    EXPECT_VALUES(&c, other, 0, 1);
    EXPECT_VALUES(&c, loss, 1e-15, 2.25);
    EXPECT_VALUES(&c, w, 1e-15, 1.5);
    calc_close(&c);
}

/* A rule of the user's own: sign descent. */
static hebb_tensor *sign_update(const hebb_optimizer *self, hebb_tensor *variable,
                                hebb_tensor *gradient) {
    hebb_tensor *rate = hebb_scalar_like(variable, self->learning_rate);
    return hebb_assign(variable, hebb_sub(variable, hebb_mul(rate, hebb_sign(gradient))));
}

Test(optimizers, may_be_the_users_own) {
    calc c = calc_open("cpu");
    hebb_tensor *start_at = VECTOR(c.graph, 3, -2);
    hebb_tensor *w =
        hebb_variable(c.graph, "w", HEBB_F64, HEBB_SHAPE(2), hebb_initial_tensor(start_at));
    hebb_tensor *loss = hebb_sum(hebb_square(w), HEBB_ALL_AXES, false);
    hebb_optimizer mine = {.update = sign_update, .learning_rate = 0.5};
    hebb_tensor *step = hebb_minimize(loss, mine);
    for (int i = 0; i < 2; i++) hebb_run(c.session, HEBB_NO_FEED, HEBB_FETCH({step, NULL}));
    EXPECT_VALUES(&c, w, 0, 2, -1);
    calc_close(&c);
}

/* ---- the loss at its limits ---- */

static void extreme_logits(const char *device) {
    calc c = calc_open(device);
    float x[3][3] = {{1e4f, -1e4f, 0}, {1e4f, -1e4f, 0}, {-1e4f, -1e4f, -1e4f}};
    int32_t t[3] = {0, 1, 2};
    hebb_array logits = hebb_array_view(x, HEBB_F32, HEBB_SHAPE(3, 3));
    hebb_array labels = hebb_array_view(t, HEBB_I32, HEBB_SHAPE(3));
    hebb_tensor *z = hebb_constant(c.graph, &logits), *label = hebb_constant(c.graph, &labels);
    hebb_tensor *loss = hebb_sparse_softmax_cross_entropy(z, label);
    EXPECT_VALUES(&c, loss, 1e-6, (0 + 2e4 + log(3)) / 3);
    EXPECT_VALUES(&c, hebb_gradient(loss, z), 1e-6, 0, 0, 0, 1. / 3, -1. / 3, 0, 1. / 9, 1. / 9,
                  -2. / 9);
    EXPECT_VALUES(&c, hebb_softmax(z), 1e-6, 1, 0, 0, 1, 0, 0, 1. / 3, 1. / 3, 1. / 3);
    calc_close(&c);
}
Test(limits, logits_of_1e4_on_cpu) { extreme_logits("cpu"); }
Test(limits, logits_of_1e4_on_opencl) { extreme_logits("opencl"); }
