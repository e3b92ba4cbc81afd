/* Connectionist temporal classification: against the sum over every alignment, one by one, and
   against Keras. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>
#include <hebb/hebb.h>

#include "../checks/values.h"
#include "support/devices.h"
#include "support/golden.h"

enum { BATCH = 6, TIME = 5, CLASSES = 3, LENGTH = 3 };

/* ---- every path ---- */

/* Whether the classes of a path, repeated ones taken once and blanks left out, are the labels. */
static bool reads(const int *path, int time, const int32_t *labels, int length, int blank) {
    int n = 0;
    for (int t = 0; t < time; t++) {
        if (path[t] == blank || (t > 0 && path[t] == path[t - 1])) continue;
        if (n == length || labels[n] != path[t]) return false;
        n++;
    }
    return n == length;
}

/* x [time, classes]. */
static double reference(const double *x, int time, const int32_t *labels, int length, int blank) {
    double probability = 0;
    int path[TIME], paths = 1;
    for (int t = 0; t < time; t++) paths *= CLASSES;
    for (int code = 0; code < paths; code++) {
        double product = 1;
        for (int t = 0, rest = code; t < time; t++, rest /= CLASSES) {
            double sum = 0;
            path[t] = rest % CLASSES;
            for (int k = 0; k < CLASSES; k++) sum += exp(x[t * CLASSES + k]);
            product *= exp(x[t * CLASSES + path[t]]) / sum;
        }
        if (reads(path, time, labels, length, blank)) probability += product;
    }
    return -log(probability);
}

/* ---- what the tests ask ---- */

typedef struct problem {
    double x[BATCH][TIME][CLASSES];
    int32_t labels[BATCH][LENGTH], n_labels[BATCH], n_times[BATCH];
    int blank;
} problem;

/* None, one, repeated ones, as many as there can be, one more than that, and a shorter input. */
static problem make_problem(int blank) {
    static const int32_t sets[BATCH][LENGTH + 2] = {{0, 0, 0, 0, TIME},     {1, 0, 0, 1, TIME},
                                                    {1, 1, 2, 3, TIME},     {2, 2, 2, 3, TIME},
                                                    {1, 1, 1, 3, TIME - 1}, {1, 2, 0, 2, 2}};
    problem p = {.blank = blank};
    rng r = {11};
    for (int b = 0; b < BATCH; b++) {
        for (int t = 0; t < TIME; t++)
            for (int k = 0; k < CLASSES; k++) p.x[b][t][k] = rng_real(&r, -3, 3);
        /* Classes 1 and 2 are the two that are no blank. */
        for (int k = 0; k < LENGTH; k++) p.labels[b][k] = (sets[b][k] + blank) % CLASSES;
        p.n_labels[b] = sets[b][LENGTH];
        p.n_times[b] = sets[b][LENGTH + 1];
    }
    return p;
}

typedef struct network {
    hebb_graph *g;
    hebb_tensor *x, *labels, *n_labels, *n_times, *y;
} network;

static network build(hebb_dtype dtype, int blank) {
    network n = {.g = hebb_graph_create()};
    n.x = hebb_input(n.g, "x", dtype, HEBB_SHAPE(HEBB_ANY, HEBB_ANY, CLASSES));
    n.labels = hebb_input(n.g, "labels", HEBB_I32, HEBB_SHAPE(HEBB_ANY, HEBB_ANY));
    n.n_labels = hebb_input(n.g, "n_labels", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
    n.n_times = hebb_input(n.g, "n_times", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
    n.y = hebb_ctc(n.x, n.labels, .label_lengths = n.n_labels, .logit_lengths = n.n_times,
                   .blank = blank, .reduction = HEBB_REDUCTION_NONE);
    return n;
}

#define FEEDS(n, x, labels, n_labels, n_times)                                                     \
    HEBB_FEED({(n).x, &(x)}, {(n).labels, &(labels)}, {(n).n_labels, &(n_labels)},                 \
              {(n).n_times, &(n_times)})

static void check_paths(int blank) {
    problem p = make_problem(blank);
    network n = build(HEBB_F64, blank);
    hebb_array x = hebb_array_view(p.x, HEBB_F64, HEBB_SHAPE(BATCH, TIME, CLASSES));
    hebb_array labels = hebb_array_view(p.labels, HEBB_I32, HEBB_SHAPE(BATCH, LENGTH));
    hebb_array n_labels = hebb_array_view(p.n_labels, HEBB_I32, HEBB_SHAPE(BATCH));
    hebb_array n_times = hebb_array_view(p.n_times, HEBB_I32, HEBB_SHAPE(BATCH)), y = {0}, dx = {0};
    hebb_tensor *gradient = NULL;
    hebb_gradients(&n.y, 1, &n.x, 1, NULL, &gradient);
    hebb_device *device = cpu_device();
    hebb_session *s = hebb_session_create(n.g, device);
    hebb_run(s, FEEDS(n, x, labels, n_labels, n_times), HEBB_FETCH({n.y, &y}, {gradient, &dx}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    for (int b = 0; b < BATCH; b++) {
        double wanted = reference(&p.x[b][0][0], p.n_times[b], p.labels[b], p.n_labels[b], blank);
        double got = hebb_array_at(&y, b), largest = 0;
        for (int k = 0; k < TIME * CLASSES; k++)
            largest = fmax(largest, fabs(hebb_array_at(&dx, b * TIME * CLASSES + k)));
        if (isfinite(wanted)) cr_expect_float_eq(got, wanted, 1e-12, "%d: %g %g", b, got, wanted);
        else cr_expect(got == INFINITY && largest == 0, "%d: %g, %g", b, got, largest);
    }
    hebb_array_free(&y);
    hebb_array_free(&dx);
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(n.g);
}

Test(ctc, is_the_sum_over_all_alignments) {
    for (int blank = 0; blank < CLASSES; blank++) check_paths(blank);
}

Test(ctc, gradient) {
    problem p = make_problem(0);
    network n = build(HEBB_F64, 0);
    /* Without the one that cannot be read. */
    hebb_array x = hebb_array_view(p.x, HEBB_F64, HEBB_SHAPE(4, TIME, CLASSES));
    hebb_array labels = hebb_array_view(p.labels, HEBB_I32, HEBB_SHAPE(4, LENGTH));
    hebb_array n_labels = hebb_array_view(p.n_labels, HEBB_I32, HEBB_SHAPE(4));
    hebb_array n_times = hebb_array_view((int32_t[]){5, 3, 4, 5}, HEBB_I32, HEBB_SHAPE(4));
    hebb_device *device = cpu_device();
    hebb_session *s = hebb_session_create(n.g, device);
    hebb_gradcheck_report report;
    hebb_gradcheck(n.y, HEBB_TENSORS(n.x), FEEDS(n, x, labels, n_labels, n_times), s, &report);
    cr_expect(report.passed, "%s", report.message);
    hebb_session_destroy(s);
    hebb_device_close(device);
    hebb_graph_destroy(n.g);
}

/* ---- against Keras; f32 ---- */

static bool find_case(golden_case *c) {
    golden_file *file = golden_open(GOLDEN_FOLDER "/losses.txt");
    const char *wrong = NULL;
    bool found = false;
    while (!found && golden_next(file, c, &wrong)) {
        found = strcmp(c->name, "ctc") == 0;
        if (!found) golden_free(c);
    }
    golden_close(file);
    return found;
}

static hebb_array whole(const hebb_array *x) {
    hebb_array y = hebb_array_zeros(HEBB_I32, x->shape);
    for (int64_t k = 0; k < hebb_array_count(x); k++)
        ((int32_t *)y.data)[k] = (int32_t)hebb_array_at(x, k);
    return y;
}

static void expect_close(const hebb_array *got, const hebb_array *wanted) {
    cr_assert(hebb_shape_equal(got->shape, wanted->shape));
    for (int64_t k = 0; k < hebb_array_count(got); k++)
        cr_expect_float_eq(hebb_array_at(got, k), hebb_array_at(wanted, k), 1e-5);
}

/* The labels' lengths are found by themselves. */
static void check_golden(hebb_device *device) {
    golden_case c;
    cr_assert(find_case(&c));
    const hebb_array *value = golden_find(&c, "x");
    hebb_array labels = whole(golden_find(&c, "labels")),
               lengths = whole(golden_find(&c, "lengths"));
    hebb_graph *g = hebb_graph_create();
    hebb_tensor *x = hebb_input(g, "x", HEBB_F32, value->shape), *dx = NULL;
    hebb_tensor *y = hebb_ctc(x, hebb_constant(g, &labels), .reduction = HEBB_REDUCTION_NONE,
                              .logit_lengths = hebb_constant(g, &lengths));
    hebb_gradients(&y, 1, &x, 1, NULL, &dx);
    hebb_session *s = hebb_session_create(g, device);
    hebb_array got[2] = {{0}};
    hebb_run(s, HEBB_FEED({x, value}), HEBB_FETCH({y, &got[0]}, {dx, &got[1]}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    expect_close(&got[0], golden_find(&c, "y"));
    expect_close(&got[1], golden_find(&c, "dp"));
    hebb_array_free(&got[0]);
    hebb_array_free(&got[1]);
    hebb_array_free(&labels);
    hebb_array_free(&lengths);
    golden_free(&c);
    hebb_session_destroy(s);
    hebb_graph_destroy(g);
    hebb_device_close(device);
}

Test(ctc, agrees_with_keras) { check_golden(cpu_device()); }
Test(ctc, agrees_with_keras_opencl) { check_golden(opencl_device()); }

/* ---- arguments ---- */

static double mean_of(const int32_t *labels, int64_t length, hebb_tensor *weights, hebb_graph *g,
                      hebb_reduction reduction) {
    float logits[2][4][3] = {{{1, 2, 3}, {3, 2, 1}, {0, 1, 0}, {2, 2, 2}},
                             {{1, 2, 3}, {3, 2, 1}, {0, 1, 0}, {2, 2, 2}}};
    hebb_array x = hebb_array_view(logits, HEBB_F32, HEBB_SHAPE(2, 4, 3)), got = {0};
    hebb_array t = hebb_array_view((void *)labels, HEBB_I32, HEBB_SHAPE(2, length));
    hebb_tensor *y = hebb_ctc(hebb_constant(g, &x), hebb_constant(g, &t), .weights = weights,
                              .reduction = reduction);
    hebb_device *device = cpu_device();
    hebb_session *s = hebb_session_create(g, device);
    hebb_run(s, HEBB_NO_FEED, HEBB_FETCH({y, &got}));
    cr_assert_not(hebb_failed(s), "%s", hebb_message(s));
    double value = hebb_array_at(&got, 0);
    hebb_array_free(&got);
    hebb_session_destroy(s);
    hebb_device_close(device);
    return value;
}

Test(ctc, labels_weights_and_means) {
    hebb_graph *g = hebb_graph_create();
    const int32_t labels[] = {1, 2, 1, 2}, with_blank[] = {0, 2, 1, 2}, outside[] = {3, 2, 1, 2};
    hebb_array one = hebb_array_view((float[]){2, 0}, HEBB_F32, HEBB_SHAPE(2));
    hebb_tensor *w = hebb_constant(g, &one);
    double mean = mean_of(labels, 2, NULL, g, HEBB_REDUCTION_MEAN);
    cr_expect(isfinite(mean) && mean > 0);
    cr_expect_float_eq(mean_of(labels, 2, w, g, HEBB_REDUCTION_MEAN), mean, 1e-6);
    cr_expect_float_eq(mean_of(labels, 2, NULL, g, HEBB_REDUCTION_SUM), 2 * mean, 1e-6);
    cr_expect(isnan(mean_of(with_blank, 2, NULL, g, HEBB_REDUCTION_NONE)));
    cr_expect(isnan(mean_of(outside, 2, NULL, g, HEBB_REDUCTION_NONE)));
    cr_expect(isfinite(mean_of(labels, 0, NULL, g, HEBB_REDUCTION_MEAN))); /* all blanks */
    hebb_graph_destroy(g);
}

#define FAILS(status, word, ...)                                                                   \
    do {                                                                                           \
        network n = build(HEBB_F32, 0);                                                            \
        cr_expect_eq(hebb_graph_status(n.g), HEBB_OK, "%s", hebb_graph_message(n.g));              \
        cr_expect(hebb_tensor_is_inert(hebb_ctc(__VA_ARGS__)));                                    \
        cr_expect_eq(hebb_graph_status(n.g), status, "%s", hebb_graph_message(n.g));               \
        cr_expect_not_null(strstr(hebb_graph_message(n.g), word), "%s", hebb_graph_message(n.g));  \
        hebb_graph_destroy(n.g);                                                                   \
    } while (0)

Test(ctc, errors) {
    FAILS(HEBB_E_NULL, "labels", n.x, NULL);
    FAILS(HEBB_E_SHAPE, "[?]", n.x, n.n_labels);
    FAILS(HEBB_E_DTYPE, "f32", n.x, n.x);
    FAILS(HEBB_E_ARGUMENT, "blank 3", n.x, n.labels, .blank = 3);
    FAILS(HEBB_E_ARGUMENT, "blank -1", n.x, n.labels, .blank = -1);
    FAILS(HEBB_E_SHAPE, "label lengths", n.x, n.labels, .label_lengths = n.labels);
    FAILS(HEBB_E_DTYPE, "logit lengths", n.x, n.labels, .logit_lengths = n.x);
    FAILS(HEBB_E_SHAPE, "weights", n.x, n.labels, .weights = n.x);
}
