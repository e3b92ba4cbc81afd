/* Activations and losses: against Keras (tests/golden/losses.txt), their gradients against
   differences, far from 0, and what they say to wrong arguments. CTC has a file of its own. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <hebb/hebb.h>

#include "../checks/values.h"
#include "support/devices.h"
#include "support/golden.h"

/* ---- the lists ---- */

typedef struct activation {
    const char *name;
    hebb_activation build;
} activation;

static hebb_tensor *leaky_relu(hebb_tensor *x) { return hebb_leaky_relu(x, 0.2); }
static hebb_tensor *threshold(hebb_tensor *x) { return hebb_threshold(x, 0.25, -2); }

#define ROW(name)                                                                                  \
    { #name, hebb_##name }
static const activation activations[] = {
    ROW(celu),         ROW(elu),
    ROW(gelu),         ROW(gelu_tanh),
    ROW(glu),          ROW(hard_shrink),
    ROW(hard_sigmoid), ROW(hard_silu),
    ROW(hard_tanh),    {"leaky_relu", leaky_relu},
    ROW(linear),       ROW(log_sigmoid),
    ROW(log_softmax),  ROW(mish),
    ROW(relu),         ROW(relu6),
    ROW(selu),         ROW(sigmoid),
    ROW(silu),         ROW(soft_shrink),
    ROW(softmax),      ROW(softplus),
    ROW(softsign),     ROW(sparsemax),
    ROW(squareplus),   ROW(tanh),
    ROW(tanh_shrink),  {"threshold", threshold},
    ROW(ramp),         {"exponential", hebb_exp}, /* the last one overflows */
};
enum {
    ACTIVATIONS = sizeof activations / sizeof *activations,
    FINITE_ACTIVATIONS = ACTIVATIONS - 1
};
#undef ROW

typedef hebb_tensor *loss_function(hebb_tensor *p, hebb_tensor *t, const hebb_loss_options *o);
typedef struct loss {
    const char *name;
    loss_function *build;
    char p; /* x: predictions are any numbers, p: probabilities, */
    char t; /* and targets likewise; s: signs, i: labels */
} loss;

#define ROW(name, p, t)                                                                            \
    { #name, hebb_##name##_with, p, t }
static const loss losses[] = {
    ROW(mean_squared_error, 'x', 'x'),
    ROW(mean_absolute_error, 'x', 'x'),
    ROW(mean_absolute_percentage_error, 'x', 'x'),
    ROW(mean_squared_logarithmic_error, 'p', 'p'),
    ROW(huber, 'x', 'x'),
    ROW(log_cosh, 'x', 'x'),
    ROW(cosine_similarity, 'x', 'x'),
    ROW(poisson, 'p', 'p'),
    ROW(hinge, 'x', 's'),
    ROW(squared_hinge, 'x', 's'),
    ROW(categorical_hinge, 'x', 'p'),
    ROW(binary_cross_entropy, 'p', 'p'),
    ROW(categorical_cross_entropy, 'p', 'p'),
    ROW(binary_focal_cross_entropy, 'p', 'p'),
    ROW(categorical_focal_cross_entropy, 'p', 'p'),
    ROW(kl_divergence, 'p', 'p'),
    ROW(dice, 'p', 'p'),
    ROW(tversky, 'p', 'p'),
    {"sparse_cross_entropy", hebb_sparse_categorical_cross_entropy_with, 'p', 'i'},
};
enum { LOSSES = sizeof losses / sizeof *losses };

/* Whether it may be told that predictions are logits. */
static bool takes_logits(const loss *l) { return strstr(l->name, "cross_entropy") != NULL; }

/* ---- against Keras: all of the file in one graph; on OpenCL a case for each loss ---- */

enum { CASES = 128 };

typedef struct sheet {
    hebb_graph *g;
    golden_case cases[CASES]; /* the first has the data */
    int n;
    hebb_feed feeds[GOLDEN_TENSORS];
    hebb_fetch fetches[2 * CASES];
    hebb_array y[CASES], dp[CASES];
} sheet;

static hebb_tensor *datum(const sheet *s, const char *name) {
    hebb_tensor *found = hebb_graph_find(s->g, name);
    cr_assert_not_null(found, "there is no tensor %s", name);
    return found;
}

static hebb_tensor *build_loss(const sheet *s, const golden_case *c, hebb_tensor **p) {
    const char *name = golden_text(c, "loss"), *reduction = golden_text(c, "reduction");
    const char *weights = golden_text(c, "w"), *ignored = golden_text(c, "ignore_class");
    hebb_loss_options o = {
        .reduction = strcmp(reduction, "sum") == 0    ? HEBB_REDUCTION_SUM
                     : strcmp(reduction, "none") == 0 ? HEBB_REDUCTION_NONE
                                                      : HEBB_REDUCTION_MEAN,
        .weights = weights[0] != 0 ? datum(s, weights) : NULL,
        .from_logits = golden_real(c, "from_logits") != 0,
        .label_smoothing = golden_real(c, "label_smoothing"),
        .delta = golden_real(c, "delta"),
        .gamma = golden_real(c, "gamma"),
        .alpha = golden_real(c, "alpha"),
        .beta = golden_real(c, "beta"),
        .ignore = ignored[0] != 0,
        .ignored_label = (int32_t)golden_real(c, "ignore_class"),
    };
    if (strcmp(name, "tversky") == 0) { /* see the header */
        double alpha = o.alpha;
        o.alpha = o.beta;
        o.beta = alpha;
    }
    *p = datum(s, golden_text(c, "p"));
    for (int k = 0; k < LOSSES; k++)
        if (strcmp(losses[k].name, name) == 0)
            return losses[k].build(*p, datum(s, golden_text(c, "t")), &o);
    cr_assert_fail("there is no loss %s", name);
    return NULL;
}

static void build_case(sheet *s, int k) {
    const golden_case *c = &s->cases[k];
    hebb_tensor *p = datum(s, "x"), *y = NULL, *dp = NULL, *v = NULL;
    if (golden_text(c, "loss")[0] != 0) y = build_loss(s, c, &p);
    for (int a = 0; a < ACTIVATIONS && y == NULL; a++)
        if (strcmp(activations[a].name, c->name) == 0) {
            y = activations[a].build(p);
            v = datum(s, "v");
            if (strcmp(c->name, "glu") == 0) v = hebb_slice(v, HEBB_RANGES({1, 0, 2, 1}));
        }
    cr_assert_not_null(y, "there is no %s", c->name);
    hebb_gradients(&y, 1, &p, 1, v == NULL ? NULL : &v, &dp);
    s->fetches[2 * k] = (hebb_fetch){y, &s->y[k]};
    s->fetches[2 * k + 1] = (hebb_fetch){dp, &s->dp[k]};
}

static void expect_close(const golden_case *c, const char *what, const hebb_array *got) {
    const hebb_array *wanted = golden_find(c, what);
    cr_assert(hebb_shape_equal(got->shape, wanted->shape), "%s (line %d): shape of %s", c->name,
              c->line, what);
    for (int64_t i = 0; i < hebb_array_count(got); i++) {
        double a = hebb_array_at(got, i), b = hebb_array_at(wanted, i);
        cr_expect(fabs(a - b) <= 1e-5 * (1 + fabs(b)), "%s (line %d): element %d of %s: %.8g, %.8g",
                  c->name, c->line, (int)i, what, a, b);
    }
}

/* Kernels take their time to compile. */
static bool is_plain(const golden_case *c) { return c->n_options > 0 && c->n_options <= 3; }

static void read_sheet(sheet *s, bool all) {
    golden_file *file = golden_open(GOLDEN_FOLDER "/losses.txt");
    const char *wrong = NULL;
    s->n = 0;
    while (s->n < CASES && golden_next(file, &s->cases[s->n], &wrong)) {
        const golden_case *c = &s->cases[s->n];
        bool wanted = s->n == 0 || (strcmp(c->name, "ctc") != 0 && (all || is_plain(c)));
        if (wanted) s->n++;
        else golden_free(&s->cases[s->n]);
    }
    cr_assert_null(wrong, "%s", wrong);
    cr_assert_gt(s->n, all ? 70 : LOSSES);
    golden_close(file);
}

static void check_sheet(hebb_device *device, bool all) {
    static sheet s;
    s.g = hebb_graph_create();
    read_sheet(&s, all);
    const golden_case *data = &s.cases[0];
    for (int k = 0; k < data->n_tensors; k++) {
        const hebb_array *value = &data->tensor[k].value;
        s.feeds[k] =
            (hebb_feed){hebb_input(s.g, data->tensor[k].name, value->dtype, value->shape), value};
    }
    for (int k = 1; k < s.n; k++) build_case(&s, k);
    hebb_session *session = hebb_session_create(s.g, device);
    hebb_run(session, s.feeds, (size_t)data->n_tensors, &s.fetches[2], 2 * (size_t)(s.n - 1));
    cr_assert_not(hebb_failed(session), "%s", hebb_message(session));
    for (int k = 1; k < s.n; k++) {
        expect_close(&s.cases[k], "y", &s.y[k]);
        expect_close(&s.cases[k], "dp", &s.dp[k]);
    }
    for (int k = 0; k < s.n; k++) {
        golden_free(&s.cases[k]);
        hebb_array_free(&s.y[k]);
        hebb_array_free(&s.dp[k]);
    }
    hebb_session_destroy(session);
    hebb_graph_destroy(s.g);
    hebb_device_close(device);
}

Test(losses, agree_with_keras) { check_sheet(cpu_device(), true); }
Test(losses, agree_with_keras_opencl) { check_sheet(opencl_device(), false); }

/* ---- gradients ---- */

enum { ROWS = 3, CLASSES = 4, N = ROWS * CLASSES };

typedef struct bench {
    hebb_graph *g;
    hebb_session *session;
    hebb_device *device;
    hebb_tensor *x, *p, *label;
    double data[N], target[N];
    int32_t labels[ROWS];
    hebb_array x_value, label_value;
} bench;

/* Numbers that are no corners of anything. */
static void bench_init(bench *b) {
    rng r = {3};
    for (int k = 0; k < N; k++) {
        b->data[k] = rng_real(&r, 0.05, 0.95);
        b->target[k] = rng_real(&r, 0.05, 0.95);
    }
    for (int k = 0; k < ROWS; k++) b->labels[k] = k;
    b->device = cpu_device();
    b->g = hebb_graph_create();
    b->session = hebb_session_create(b->g, b->device);
    b->x = hebb_input(b->g, "x", HEBB_F64, HEBB_SHAPE(HEBB_ANY, CLASSES));
    b->x_value = hebb_array_view(b->data, HEBB_F64, HEBB_SHAPE(ROWS, CLASSES));
}

static void bench_free(bench *b) {
    hebb_session_destroy(b->session);
    hebb_graph_destroy(b->g);
    hebb_device_close(b->device);
}

/* Of y by x, at numbers between 0 and 1 or, with `wide`, -3 and 3. */
static void check_gradient(bench *b, const char *name, hebb_tensor *y, bool wide) {
    double moved[N];
    for (int k = 0; k < N; k++) moved[k] = wide ? 6 * b->data[k] - 3 : b->data[k];
    hebb_array value = hebb_array_view(moved, HEBB_F64, HEBB_SHAPE(ROWS, CLASSES));
    hebb_gradcheck_report report;
    hebb_status status =
        hebb_gradcheck(y, HEBB_TENSORS(b->x), HEBB_FEED({b->x, &value}), b->session, &report);
    cr_expect(status == HEBB_OK && report.passed, "%s: %s", name, report.message);
}

static hebb_tensor *target_for(const bench *b, char kind) {
    if (kind == 'i') {
        hebb_array labels = hebb_array_view((void *)b->labels, HEBB_I32, HEBB_SHAPE(ROWS));
        return hebb_constant(b->g, &labels);
    }
    hebb_array target = hebb_array_view((void *)b->target, HEBB_F64, HEBB_SHAPE(ROWS, CLASSES));
    hebb_tensor *t = hebb_constant(b->g, &target);
    return kind == 's' ? hebb_sign(hebb_sub(t, hebb_scalar_like(t, 0.5))) : t;
}

Test(losses, gradients) {
    bench b;
    bench_init(&b);
    for (int k = 0; k < ACTIVATIONS; k++)
        check_gradient(&b, activations[k].name, activations[k].build(b.x), true);
    for (int k = 0; k < LOSSES; k++) {
        const loss *l = &losses[k];
        hebb_loss_options o = {.label_smoothing = l->t == 'p' ? 0.1 : 0};
        hebb_tensor *t = target_for(&b, l->t);
        check_gradient(&b, l->name, l->build(b.x, t, &o), l->p == 'x');
        o.from_logits = true;
        if (takes_logits(l)) check_gradient(&b, l->name, l->build(b.x, t, &o), true);
    }
    bench_free(&b);
}

/* ---- far from 0 ---- */

static const float far[] = {-1e4F, -100, -1, 0, 1, 100, 1e4F, 1e-30F};
static const float certain[] = {0, 1, 1, 0, 1e-30F, 0.5F, 1, 0};

static void expect_finite(const char *name, const char *what, const hebb_array *got) {
    for (int64_t i = 0; i < hebb_array_count(got); i++)
        cr_expect(isfinite(hebb_array_at(got, i)), "%s: element %d of %s is %g", name, (int)i, what,
                  hebb_array_at(got, i));
}

/* Values and gradients, in f32 and all at once. */
Test(losses, are_finite_far_from_0) {
    enum { MOST = ACTIVATIONS + 2 * LOSSES };
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, HEBB_SHAPE(2, 4));
    hebb_tensor *p = hebb_input(g, "p", HEBB_F32, HEBB_SHAPE(2, 4));
    hebb_array far_value = hebb_array_view((void *)far, HEBB_F32, HEBB_SHAPE(2, 4));
    hebb_array p_value = hebb_array_view((void *)certain, HEBB_F32, HEBB_SHAPE(2, 4));
    hebb_array labels = hebb_array_view((int32_t[]){0, 3}, HEBB_I32, HEBB_SHAPE(2));
    hebb_tensor *label = hebb_constant(g, &labels), *y[MOST];
    hebb_tensor *turned = hebb_flip(p, HEBB_AXES(1));
    const char *name[MOST];
    int n = 0;
    for (int k = 0; k < FINITE_ACTIVATIONS; k++) {
        name[n] = activations[k].name;
        y[n++] = activations[k].build(x);
    }
    for (int k = 0; k < LOSSES; k++) {
        const loss *l = &losses[k];
        hebb_tensor *t = l->t == 'i' ? label : l->t == 'x' ? hebb_neg(x) : turned;
        name[n] = l->name;
        y[n++] = l->build(l->p == 'x' ? x : p, t, NULL);
        name[n] = l->name;
        if (takes_logits(l)) y[n++] = l->build(x, t, &(hebb_loss_options){.from_logits = true});
    }
    hebb_array got[2 * MOST] = {{0}};
    hebb_fetch fetches[2 * MOST];
    for (int k = 0; k < n; k++) {
        hebb_tensor *by = hebb_depends_on(y[k], x) ? x : p, *dx;
        hebb_gradients(&y[k], 1, &by, 1, NULL, &dx);
        fetches[2 * k] = (hebb_fetch){y[k], &got[2 * k]};
        fetches[2 * k + 1] = (hebb_fetch){dx, &got[2 * k + 1]};
    }
    hebb_device *device = cpu_device();
    hebb_session *s = hebb_session_create(g, device);
    hebb_run(s, HEBB_FEED({x, &far_value}, {p, &p_value}), fetches, 2 * (size_t)n);
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    for (int k = 0; k < n; k++) {
        expect_finite(name[k], "y", &got[2 * k]);
        expect_finite(name[k], "the gradient", &got[2 * k + 1]);
    }
    for (int k = 0; k < 2 * n; k++) hebb_array_free(&got[k]);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}

Test(losses, activations_are_finite_anywhere) {
    hebb_graph *g = hebb_graph_create();
    hebb_array at = hebb_array_view((float[]){-1e38F, -1e20F, 1e20F, 1e38F, 3e13F, -3e13F, 1, 0},
                                    HEBB_F32, HEBB_SHAPE(2, 4));
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, at.shape);
    hebb_array got[2 * FINITE_ACTIVATIONS] = {{0}};
    hebb_fetch fetches[2 * FINITE_ACTIVATIONS];
    for (int k = 0; k < FINITE_ACTIVATIONS; k++) {
        hebb_tensor *y = activations[k].build(x), *dx;
        hebb_gradients(&y, 1, &x, 1, NULL, &dx);
        fetches[2 * k] = (hebb_fetch){y, &got[2 * k]};
        fetches[2 * k + 1] = (hebb_fetch){dx, &got[2 * k + 1]};
    }
    hebb_device *device = cpu_device();
    hebb_session *s = hebb_session_create(g, device);
    hebb_run(s, HEBB_FEED({x, &at}), fetches, 2 * FINITE_ACTIVATIONS);
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    for (int k = 0; k < 2 * FINITE_ACTIVATIONS; k++) {
        expect_finite(activations[k / 2].name, k % 2 == 0 ? "y" : "the gradient", &got[k]);
        hebb_array_free(&got[k]);
    }
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}

/* ---- weights, reductions, half precision ---- */

static double value_of(hebb_tensor *y) {
    hebb_device *device = cpu_device();
    hebb_session *s = hebb_session_create(hebb_tensor_graph(y), device);
    hebb_array got = {0};
    hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({y, &got}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    double value = hebb_array_at(&got, 0);
    hebb_array_free(&got);
    hebb_session_destroy(s);
    hebb_device_close(device);
    return value;
}

static hebb_tensor *constant(hebb_graph *g, const float *data, hebb_shape shape) {
    hebb_array array = hebb_array_view((void *)data, HEBB_F32, shape);
    return hebb_constant(g, &array);
}

Test(losses, weights_are_of_examples) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *p = constant(g, (float[]){1, 3, 2, 0}, HEBB_SHAPE(2, 2));
    hebb_tensor *t = hebb_zeros_like(p), *w = constant(g, (float[]){1, 10}, HEBB_SHAPE(2));
    hebb_tensor *column = hebb_expand_dims(w, 1);
    hebb_tensor *yes = hebb_greater(w, hebb_scalar_like(w, 5)); /* bool weighs 0 and 1 */
    /* Rows have the values 5 and 2. */
    cr_expect_eq(value_of(hebb_mean_squared_error(p, t)), 3.5);
    cr_expect_eq(value_of(hebb_mean_squared_error(p, t, .weights = w)), 12.5);
    cr_expect_eq(value_of(hebb_mean_squared_error(p, t, .weights = yes)), 1);
    cr_expect_eq(
        value_of(hebb_mean_squared_error(p, t, .weights = w, .reduction = HEBB_REDUCTION_SUM)), 25);
    cr_expect_eq(value_of(hebb_mean_squared_error(p, t, .reduction = HEBB_REDUCTION_NONE)), 5);
    cr_expect_eq(value_of(hebb_mean_squared_error(p, t, .weights = hebb_scalar_like(p, 2),
                                                  .reduction = HEBB_REDUCTION_NONE)),
                 10);
    cr_expect(hebb_tensor_is_inert(hebb_mean_squared_error(p, t, .weights = column)));
    hebb_graph_destroy(g);
}

Test(losses, ignored_labels_count_for_nothing) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = constant(g, (float[]){0, 0, 5, 5, 7, 7}, HEBB_SHAPE(3, 2));
    hebb_array labels = hebb_array_view((int32_t[]){-1, 0, -1}, HEBB_I32, HEBB_SHAPE(3));
    hebb_tensor *t = hebb_constant(g, &labels);
    hebb_tensor *y = hebb_sparse_categorical_cross_entropy(x, t, .from_logits = true,
                                                           .ignore = true, .ignored_label = -1);
    cr_expect_float_eq(value_of(y), log(2), 1e-6);
    labels = hebb_array_view((int32_t[]){-1, -1, -1}, HEBB_I32, HEBB_SHAPE(3));
    y = hebb_sparse_categorical_cross_entropy(x, hebb_constant(g, &labels), .ignore = true,
                                              .ignored_label = -1);
    cr_expect_eq(value_of(y), 0);
    hebb_graph_destroy(g);
}

static int64_t nans(hebb_tensor *y) {
    hebb_device *device = cpu_device();
    hebb_session *s = hebb_session_create(hebb_tensor_graph(y), device);
    hebb_array got = {0};
    int64_t count = 0;
    hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({y, &got}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    for (int64_t i = 0; i < hebb_array_count(&got); i++) count += isnan(hebb_array_at(&got, i));
    hebb_array_free(&got);
    hebb_session_destroy(s);
    hebb_device_close(device);
    return count;
}

/* Of three rows the first and the last have labels that are no classes: seen in the loss, while
   gradients stay finite. */
Test(losses, labels_that_are_no_class_give_nan) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = constant(g, (float[]){0.5, 0.25, 0.75, 0.5, 0.5, 0.25}, HEBB_SHAPE(3, 2));
    hebb_array array = hebb_array_view((int32_t[]){-1, 0, 2}, HEBB_I32, HEBB_SHAPE(3));
    hebb_tensor *labels = hebb_constant(g, &array), *y = hebb_log_softmax_loss(x, labels);
    cr_expect_eq(nans(y), 2);
    cr_expect_eq(nans(hebb_gradient(hebb_sum(y, HEBB_ALL_AXES, false), x)), 0);
    cr_expect_eq(nans(hebb_max_margin_loss(x, labels, 1)), 2);
    cr_expect_eq(nans(hebb_sparse_softmax_cross_entropy(x, labels)), 1);
    cr_expect_eq(nans(hebb_sparse_categorical_cross_entropy(x, labels)), 1);
    y = hebb_sparse_categorical_cross_entropy(x, labels, .reduction = HEBB_REDUCTION_NONE,
                                              .ignore = true, .ignored_label = 2);
    cr_expect_eq(nans(y), 1);
    hebb_graph_destroy(g);
}

Test(losses, half_precision_is_computed_in_single) {
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *p = constant(g, (float[]){0, 1, 0.5}, HEBB_SHAPE(3));
    hebb_tensor *t = constant(g, (float[]){0, 1, 1}, HEBB_SHAPE(3));
    p = hebb_cast(p, HEBB_F16);
    t = hebb_cast(t, HEBB_F16);
    hebb_tensor *y = hebb_binary_cross_entropy(p, t);
    cr_expect_eq(hebb_tensor_dtype(y), HEBB_F16);
    cr_expect_float_eq(value_of(y), log(2) / 3, 1e-3);
    hebb_graph_destroy(g);
}

/* ---- errors ---- */

/* One graph an error: it keeps the first. */
#define FAILS(status, call, ...)                                                                   \
    do {                                                                                           \
        hebb_graph *g = hebb_graph_create();                                                       \
        hebb_tensor *p = hebb_input(g, "p", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 3));                    \
        hebb_tensor *open = hebb_input(g, "open", HEBB_F32, HEBB_SHAPE(2, HEBB_ANY));              \
        hebb_tensor *flat = hebb_input(g, "flat", HEBB_F32, HEBB_SHAPE(5));                        \
        hebb_tensor *i = hebb_input(g, "i", HEBB_I32, HEBB_SHAPE(HEBB_ANY, 3));                    \
        (void)p, (void)open, (void)flat, (void)i;                                                  \
        cr_expect(hebb_tensor_is_inert(call), "%s", #call);                                        \
        cr_expect_eq(hebb_graph_status(g), status, "%s: %s", #call, hebb_graph_message(g));        \
        const char *words[] = {__VA_ARGS__, "test_losses.c"};                                      \
        for (size_t k = 0; k < sizeof words / sizeof *words; k++)                                  \
            cr_expect_not_null(strstr(hebb_graph_message(g), words[k]), "%s: %s", words[k],        \
                               hebb_graph_message(g));                                             \
        hebb_graph_destroy(g);                                                                     \
    } while (0)

Test(losses, errors) {
    FAILS(HEBB_E_NULL, hebb_huber(p, NULL), "huber", "target");
    FAILS(HEBB_E_NULL, hebb_huber_with(NULL, p, NULL), "huber", "prediction");
    FAILS(HEBB_E_SHAPE, hebb_huber(p, flat), "huber", "[?, 3]", "[5]");
    FAILS(HEBB_E_DTYPE, hebb_dice(p, i), "dice", "i32");
    FAILS(HEBB_E_DTYPE, hebb_poisson(i, i), "poisson", "i32");
    FAILS(HEBB_E_ARGUMENT, hebb_huber(p, p, .delta = -1), "huber", "delta", "-1");
    FAILS(HEBB_E_ARGUMENT, hebb_huber(p, p, .delta = NAN), "huber", "delta", "nan");
    FAILS(HEBB_E_ARGUMENT, hebb_binary_cross_entropy(p, p, .label_smoothing = 1.5),
          "binary_cross_entropy", "label_smoothing", "1.5");
    FAILS(HEBB_E_ARGUMENT, hebb_hinge(p, p, .reduction = (hebb_reduction)7), "hinge", "7");
    FAILS(HEBB_E_SHAPE, hebb_categorical_cross_entropy(open, open, .label_smoothing = 0.1),
          "categorical_cross_entropy", "open");
    FAILS(HEBB_E_SHAPE, hebb_hinge(p, p, .weights = open), "hinge", "weights", "[2, ?]");
    FAILS(HEBB_E_DTYPE, hebb_sparse_categorical_cross_entropy(p, flat), "i32", "f32 [5]");
    FAILS(HEBB_E_SHAPE, hebb_sparse_categorical_cross_entropy(p, i), "[?, 3]");
    FAILS(HEBB_E_NULL, hebb_sparse_categorical_cross_entropy(p, NULL), "labels");
}
