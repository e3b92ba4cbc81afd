/* Metrics: against Keras over batches of unequal size (tests/golden/metrics.txt), what can be read
   of their totals, and what they say to wrong arguments. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>
#include <hebb/hebb.h>

#include "support/devices.h"
#include "support/golden.h"

/* ---- the list ---- */

typedef hebb_metric metric_function(hebb_tensor *p, hebb_tensor *t, const hebb_metric_options *o);

static hebb_metric mean(hebb_tensor *p, hebb_tensor *t, const hebb_metric_options *o) {
    (void)t;
    return hebb_metric_mean_with(p, o);
}
static hebb_metric sum(hebb_tensor *p, hebb_tensor *t, const hebb_metric_options *o) {
    (void)t;
    return hebb_metric_sum_with(p, o);
}
static double at; /* the value that some take besides */
static hebb_metric iou(hebb_tensor *p, hebb_tensor *t, const hebb_metric_options *o) {
    return hebb_metric_iou_with(p, t, (int64_t)at, o);
}
#define AT(name)                                                                                   \
    static hebb_metric name(hebb_tensor *p, hebb_tensor *t, const hebb_metric_options *o) {        \
        return hebb_metric_##name##_with(p, t, at, o);                                             \
    }
AT(precision_at_recall)
AT(recall_at_precision)
AT(sensitivity_at_specificity)
AT(specificity_at_sensitivity)

#define ROW(name)                                                                                  \
    { #name, hebb_metric_##name##_with }
static const struct {
    const char *name;
    metric_function *build;
} metrics[] = {
    ROW(accuracy),
    ROW(binary_accuracy),
    ROW(categorical_accuracy),
    ROW(sparse_categorical_accuracy),
    {"top_k_accuracy", hebb_metric_top_k_categorical_accuracy_with},
    {"sparse_top_k_accuracy", hebb_metric_sparse_top_k_categorical_accuracy_with},
    ROW(true_positives),
    ROW(false_positives),
    ROW(true_negatives),
    ROW(false_negatives),
    ROW(precision),
    ROW(recall),
    ROW(f_beta),
    ROW(f1),
    ROW(auc),
    {"precision_at_recall", precision_at_recall},
    {"recall_at_precision", recall_at_precision},
    {"sensitivity_at_specificity", sensitivity_at_specificity},
    {"specificity_at_sensitivity", specificity_at_sensitivity},
    ROW(confusion_matrix),
    {"iou", iou},
    ROW(mean_iou),
    ROW(mean_squared_error),
    ROW(root_mean_squared_error),
    ROW(mean_absolute_error),
    {"mean_absolute_percent", hebb_metric_mean_absolute_percentage_error_with},
    {"mean_squared_log", hebb_metric_mean_squared_logarithmic_error_with},
    ROW(log_cosh),
    ROW(kl_divergence),
    ROW(poisson),
    ROW(hinge),
    ROW(squared_hinge),
    ROW(categorical_hinge),
    ROW(binary_cross_entropy),
    ROW(categorical_cross_entropy),
    {"sparse_cross_entropy", hebb_metric_sparse_categorical_cross_entropy_with},
    ROW(perplexity),
    ROW(cosine_similarity),
    ROW(r2_score),
    ROW(pearson_correlation),
    {"mean", mean},
    {"sum", sum},
};
enum { METRICS = sizeof metrics / sizeof *metrics };
#undef ROW
#undef AT

/* ---- against Keras: all of the file in one model; on OpenCL each metric once ---- */

enum { CASES = 96, COLUMNS = GOLDEN_TENSORS };

typedef struct sheet {
    hebb_graph *g;
    golden_case cases[CASES]; /* the first has the data */
    int n, n_columns;
    hebb_tensor *inputs[COLUMNS];
    hebb_array columns[COLUMNS];
    hebb_metric metrics[CASES];
} sheet;

static hebb_tensor *column(const sheet *s, const char *name) {
    hebb_tensor *found = hebb_graph_find(s->g, name);
    cr_assert_not_null(found, "there is no column %s", name);
    return found;
}

static hebb_average average_of(const char *word) {
    return strcmp(word, "micro") == 0      ? HEBB_AVERAGE_MICRO
           : strcmp(word, "weighted") == 0 ? HEBB_AVERAGE_WEIGHTED
                                           : HEBB_AVERAGE_MACRO;
}

static hebb_metric build(const sheet *s, const golden_case *c) {
    const char *weights = golden_text(c, "w"), *ignored = golden_text(c, "ignore_class");
    hebb_metric_options o = {
        .name = c->name,
        .weights = weights[0] != 0 ? column(s, weights) : NULL,
        .from_logits = golden_real(c, "from_logits") != 0,
        .threshold = golden_real(c, "threshold"),
        .k = (int)golden_real(c, "k"),
        .beta = golden_real(c, "beta"),
        .average = average_of(golden_text(c, "average")),
        .curve = golden_real(c, "curve") != 0 ? HEBB_CURVE_PR : HEBB_CURVE_ROC,
        .thresholds = (int)golden_real(c, "thresholds"),
        .classes = (int64_t)golden_real(c, "classes"),
        .label_smoothing = golden_real(c, "label_smoothing"),
        .ignore = ignored[0] != 0,
        .ignored_label = (int32_t)golden_real(c, "ignore_class"),
        .by_row = golden_real(c, "by_row") != 0,
    };
    at = golden_real(c, "at");
    for (int k = 0; k < METRICS; k++)
        if (strcmp(metrics[k].name, c->name) == 0)
            return metrics[k].build(column(s, golden_text(c, "p")), column(s, golden_text(c, "t")),
                                    &o);
    cr_assert_fail("there is no metric %s", c->name);
    return (hebb_metric){0};
}

/* Classes are i32, the rest is f32. */
static void add_column(sheet *s, const char *name, const hebb_array *value) {
    bool whole = strcmp(name, "i") == 0 || strcmp(name, "g") == 0;
    int64_t sizes[HEBB_MAX_RANK];
    for (int k = 0; k < value->shape.rank; k++) sizes[k] = k == 0 ? HEBB_ANY : value->shape.dim[k];
    hebb_dtype dtype = whole ? HEBB_I32 : HEBB_F32;
    s->inputs[s->n_columns] =
        hebb_input(s->g, name, dtype, hebb_shape_of(value->shape.rank, sizes));
    hebb_array *to = &s->columns[s->n_columns++];
    *to = hebb_array_zeros(dtype, value->shape);
    for (int64_t i = 0; i < hebb_array_count(value); i++) {
        if (whole) ((int32_t *)to->data)[i] = (int32_t)hebb_array_at(value, i);
        else ((float *)to->data)[i] = (float)hebb_array_at(value, i);
    }
}

/* Kernels take their time to compile. */
static bool is_there(const sheet *s, const char *name) {
    for (int k = 1; k < s->n; k++)
        if (strcmp(s->cases[k].name, name) == 0) return true;
    return false;
}

static void read_sheet(sheet *s, bool all) {
    golden_file *file = golden_open(GOLDEN_FOLDER "/metrics.txt");
    const char *wrong = NULL;
    while (s->n < CASES && golden_next(file, &s->cases[s->n], &wrong)) {
        if (all || !is_there(s, s->cases[s->n].name)) s->n++;
        else golden_free(&s->cases[s->n]);
    }
    cr_assert_null(wrong, "%s", wrong);
    cr_assert_geq(s->n, METRICS);
    cr_assert_lt(s->n, CASES);
    golden_close(file);
    const golden_case *data = &s->cases[0];
    for (int k = 0; k < data->n_tensors; k++)
        add_column(s, data->tensor[k].name, &data->tensor[k].value);
    for (int k = 1; k < s->n; k++) s->metrics[k] = build(s, &s->cases[k]);
}

static void expect_values(hebb_model *model, const sheet *s, int64_t batch) {
    hebb_dataset data = {s->columns, (size_t)s->n_columns};
    double values[CASES]; /* the loss is in the place of the data */
    hebb_evaluate(model, &data, values, .batch = batch);
    cr_assert_not(hebb_failed(model), "%s", hebb_message(model));
    for (int k = 1; k < s->n; k++) {
        double wanted = hebb_array_at(golden_find(&s->cases[k], "y"), 0);
        cr_expect(fabs(values[k] - wanted) <= 2e-6 * (1 + fabs(wanted)),
                  "%s (line %d) in batches of %d: %.8g, wanted %.8g", s->cases[k].name,
                  s->cases[k].line, (int)batch, values[k], wanted);
    }
}

static void check_sheet(hebb_device *device, bool all) {
    static sheet s;
    s = (sheet){.g = hebb_graph_create()};
    read_sheet(&s, all);
    hebb_tensor *x = column(&s, "x");
    hebb_model *model = hebb_model_create(s.g, device, .inputs = {s.inputs, s.n_columns},
                                          .loss = hebb_mean(x, HEBB_ALL_AXES, false),
                                          .metrics = {&s.metrics[1], s.n - 1});
    cr_assert_not(hebb_failed(model), "%s", hebb_message(model));
    expect_values(model, &s, 5);
    expect_values(model, &s, 13);
    hebb_model_destroy(model);
    for (int k = 0; k < s.n; k++) golden_free(&s.cases[k]);
    for (int k = 0; k < s.n_columns; k++) hebb_array_free(&s.columns[k]);
    hebb_graph_destroy(s.g);
    hebb_device_close(device);
}

Test(metrics, agree_with_keras) { check_sheet(cpu_device(), true); }
Test(metrics, agree_with_keras_opencl) { check_sheet(opencl_device(), false); }

/* ---- small data of one's own ---- */

typedef struct desk {
    hebb_graph *g;
    hebb_device *device;
    hebb_tensor *x, *label; /* [?, 3] and [?] */
    hebb_array columns[2];
} desk;

static float scores[5][3] = {{3, 2, 1}, {1, 3, 2}, {3, 2, 1}, {1, 2, 3}, {0, 0, 1}};
static int32_t labels[5] = {0, 1, 1, 2, -1}; /* the last one does not count */

static desk desk_make(void) {
    desk d = {.g = hebb_graph_create(), .device = cpu_device()};
    d.x = hebb_input(d.g, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, 3));
    d.label = hebb_input(d.g, "label", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
    d.columns[0] = hebb_array_view(scores, HEBB_F32, HEBB_SHAPE(5, 3));
    d.columns[1] = hebb_array_view(labels, HEBB_I32, HEBB_SHAPE(5));
    return d;
}

static hebb_model *desk_model(const desk *d, hebb_metric_list list) {
    return hebb_model_create(d->g, d->device, .inputs = HEBB_LIST(d->x, d->label), .metrics = list,
                             .loss = hebb_mean(d->x, HEBB_ALL_AXES, false));
}

static void desk_free(desk *d, hebb_model *model) {
    hebb_model_destroy(model);
    hebb_device_close(d->device);
    hebb_graph_destroy(d->g);
}

/* The value of one metric. */
static double measure(const desk *d, hebb_metric metric) {
    hebb_model *model = desk_model(d, HEBB_METRICS(metric));
    double values[2] = {0};
    hebb_evaluate(model, HEBB_DATASET(d->columns[0], d->columns[1]), values, .batch = 2);
    cr_assert_not(hebb_failed(model), "%s", hebb_message(model));
    hebb_model_destroy(model);
    return values[1];
}

Test(metrics, totals_can_be_read) {
    desk d = desk_make();
    hebb_model *model = desk_model(
        &d, HEBB_METRICS(hebb_metric_confusion_matrix(d.x, d.label),
                         hebb_metric_f1(d.x, d.label, .from_logits = true, .name = "f")));
    size_t n = 7;
    cr_expect_null(hebb_model_totals(model, "confusion_matrix", &n));
    cr_expect_eq(n, 0);
    double values[3];
    for (int round = 0; round < 2; round++) { /* the second starts from 0 again */
        hebb_evaluate(model, HEBB_DATASET(d.columns[0], d.columns[1]), values, .batch = 2);
        cr_assert_not(hebb_failed(model), "%s", hebb_message(model));
        const double *matrix = hebb_model_totals(model, "confusion_matrix", &n);
        cr_assert_eq(n, 9);
        const double wanted[9] = {1, 0, 0, 1, 1, 0, 0, 0, 1};
        for (int k = 0; k < 9; k++) cr_expect_eq(matrix[k], wanted[k], "%d: %g", k, matrix[k]);
        cr_expect_float_eq(values[1], 0.75, 1e-12);
    }
    const double *counts = hebb_model_totals(model, "f", &n);
    cr_assert_eq(n, 9);
    const double found[9] = {1, 1, 1, 1, 0, 1, 0, 1, 0}; /* right, wrong, missed */
    for (int k = 0; k < 9; k++) cr_expect_eq(counts[k], found[k], "%d: %g", k, counts[k]);
    cr_expect_null(hebb_model_totals(model, "none", NULL));
    cr_expect_null(hebb_model_totals(model, NULL, &n));
    cr_expect_null(hebb_model_totals(NULL, "f", &n));
    desk_free(&d, model);
}

Test(metrics, weights_and_what_is_ignored) {
    desk d = desk_make();
    hebb_tensor *two = hebb_scalar_like(d.label, 2);
    hebb_tensor *half =
        hebb_select(hebb_equal(d.label, two), hebb_scalar_like(d.x, 0.5), hebb_scalar_like(d.x, 1));
    /* Right are 0, 1 and 2 of 0, 1, 1, 2. */
    cr_expect_float_eq(measure(&d, hebb_metric_confusion_matrix(d.x, d.label, .weights = half)),
                       2.5 / 3.5, 1e-6);
    cr_expect_float_eq(
        measure(&d, hebb_metric_confusion_matrix(d.x, d.label, .ignore = true, .ignored_label = 1)),
        1, 1e-6);
    cr_expect_float_eq(measure(&d, hebb_metric_iou(d.x, d.label, 1)), 0.5, 1e-6);
    cr_expect_float_eq(
        measure(&d, hebb_metric_mean_iou(hebb_argmax(d.x, 1, false), d.label, .classes = 3)),
        2.0 / 3, 1e-6);
    cr_expect_float_eq(measure(&d, hebb_metric_sparse_categorical_accuracy(d.x, d.label)), 0.6,
                       1e-6);
    cr_expect_float_eq(
        measure(&d, hebb_metric_sparse_top_k_categorical_accuracy(d.x, d.label, .k = 3)), 0.8,
        1e-6);
    hebb_tensor *flat = hebb_zeros_like(d.x);
    cr_expect_float_eq(measure(&d, hebb_metric_perplexity(flat, d.label, .from_logits = true,
                                                          .ignore = true, .ignored_label = -1)),
                       3, 1e-5);
    desk_free(&d, NULL);
}

Test(metrics, what_is_true_is_counted_in_the_dtype_of_the_weights) {
    desk d = desk_make();
    hebb_tensor *like = hebb_cast(d.label, HEBB_F64);
    hebb_tensor *w = hebb_select(hebb_equal(like, hebb_scalar_like(like, 2)),
                                 hebb_scalar_like(like, 0.1), hebb_scalar_like(like, 1));
    cr_expect_float_eq(measure(&d, hebb_metric_confusion_matrix(d.x, d.label, .weights = w)),
                       2.1 / 3.1, 1e-14);
    cr_expect_float_eq(
        measure(&d, hebb_metric_sparse_categorical_accuracy(d.x, d.label, .weights = w)), 2.1 / 4.1,
        1e-14);
    desk_free(&d, NULL);
}

Test(metrics, nothing_gives_0) {
    desk d = desk_make();
    hebb_tensor *zero = hebb_zeros_like(d.x);
    cr_expect_eq(measure(&d, hebb_metric_precision(zero, zero)), 0);
    cr_expect_eq(measure(&d, hebb_metric_recall(zero, zero)), 0);
    cr_expect_eq(measure(&d, hebb_metric_f1(zero, zero)), 0);
    cr_expect_eq(measure(&d, hebb_metric_auc(zero, zero)), 0);
    cr_expect_eq(measure(&d, hebb_metric_r2_score(zero, zero)), 0);
    cr_expect_eq(measure(&d, hebb_metric_pearson_correlation(zero, d.x)), 0);
    cr_expect_eq(measure(&d, hebb_metric_pearson_correlation(zero, d.x, .by_row = true)), 0);
    cr_expect_eq(measure(&d, hebb_metric_mean(d.x, .weights = hebb_scalar_like(d.x, 0))), 0);
    cr_expect_eq(
        measure(&d, hebb_metric_mean_iou(d.x, hebb_sub(d.label, hebb_scalar_like(d.label, 9)))), 0);
    desk_free(&d, NULL);
}

Test(metrics, other_dtypes) {
    desk d = desk_make();
    hebb_tensor *half = hebb_cast(d.x, HEBB_F16), *whole = hebb_cast(d.x, HEBB_I32);
    cr_expect_float_eq(measure(&d, hebb_metric_mean(whole)), 25.0 / 15, 1e-6);
    cr_expect_float_eq(measure(&d, hebb_metric_mean_squared_error(half, whole)), 0, 1e-6);
    cr_expect_float_eq(measure(&d, hebb_metric_r2_score(half, whole)), 1, 1e-6);
    hebb_tensor *wide = hebb_cast(d.x, HEBB_F64);
    cr_expect_float_eq(measure(&d, hebb_metric_pearson_correlation(wide, hebb_neg(wide))), -1,
                       1e-12);
    hebb_tensor *yes = hebb_greater(d.x, hebb_scalar_like(d.x, 1.5));
    cr_expect_float_eq(measure(&d, hebb_metric_binary_accuracy(d.x, yes, .threshold = 1.5)), 1,
                       1e-6);
    desk_free(&d, NULL);
}

Test(metrics, directions) {
    desk d = desk_make();
    cr_expect_not(hebb_metric_auc(d.x, d.x).lower_is_better);
    cr_expect_not(hebb_metric_cosine_similarity(d.x, d.x).lower_is_better);
    cr_expect(hebb_metric_root_mean_squared_error(d.x, d.x).lower_is_better);
    cr_expect(hebb_metric_false_positives(d.x, d.x).lower_is_better);
    cr_expect_not(hebb_metric_true_positives(d.x, d.x).lower_is_better);
    cr_expect(hebb_metric_perplexity(d.x, d.label).lower_is_better);
    cr_expect_str_eq(hebb_metric_auc(d.x, d.x).name, "auc");
    desk_free(&d, NULL);
}

/* ---- errors ---- */

#define FAILS(status, call, ...)                                                                   \
    do {                                                                                           \
        desk d = desk_make();                                                                      \
        hebb_tensor *open = hebb_input(d.g, "open", HEBB_F32, HEBB_SHAPE(3, HEBB_ANY));            \
        hebb_tensor *flat = hebb_input(d.g, "flat", HEBB_F32, HEBB_SHAPE(7));                      \
        (void)open, (void)flat;                                                                    \
        hebb_metric metric = call;                                                                 \
        cr_expect(hebb_tensor_is_inert(metric.counts), "%s", #call);                               \
        cr_expect_eq(hebb_graph_status(d.g), status, "%s: %s", #call, hebb_graph_message(d.g));    \
        const char *words[] = {__VA_ARGS__, "test_metrics.c"};                                     \
        for (size_t k = 0; k < sizeof words / sizeof *words; k++)                                  \
            cr_expect_not_null(strstr(hebb_graph_message(d.g), words[k]), "%s: %s", words[k],      \
                               hebb_graph_message(d.g));                                           \
        hebb_model *model = desk_model(&d, HEBB_METRICS(metric));                                  \
        cr_expect_eq(hebb_model_status(model), status);                                            \
        desk_free(&d, model);                                                                      \
    } while (0)

Test(metrics, errors) {
    FAILS(HEBB_E_NULL, hebb_metric_auc(d.x, NULL), "auc", "target");
    FAILS(HEBB_E_NULL, hebb_metric_accuracy(d.x, NULL), "accuracy", "target");
    FAILS(HEBB_E_NULL, hebb_metric_f1(d.x, NULL), "f1", "target");
    FAILS(HEBB_E_NULL, hebb_metric_mean_iou(d.x, NULL), "mean_iou", "labels");
    FAILS(HEBB_E_SHAPE, hebb_metric_precision(d.x, flat), "precision", "[?, 3]", "[7]");
    FAILS(HEBB_E_SHAPE, hebb_metric_accuracy(d.x, flat), "accuracy", "shape");
    FAILS(HEBB_E_DTYPE, hebb_metric_recall(d.label, d.label), "recall", "i32");
    FAILS(HEBB_E_SHAPE, hebb_metric_f1(open, open), "f1", "open");
    FAILS(HEBB_E_SHAPE, hebb_metric_r2_score(open, open), "r2_score", "open");
    FAILS(HEBB_E_ARGUMENT, hebb_metric_f_beta(d.x, d.x, .beta = -1), "f_beta", "beta");
    FAILS(HEBB_E_ARGUMENT, hebb_metric_auc(d.x, d.x, .thresholds = 1), "auc", "thresholds");
    FAILS(HEBB_E_ARGUMENT, hebb_metric_precision_at_recall(d.x, d.x, 1.5), "precision_at_recall",
          "0...1");
    FAILS(HEBB_E_ARGUMENT, hebb_metric_mean_iou(d.label, d.label), "mean_iou", "how many classes");
    FAILS(HEBB_E_ARGUMENT, hebb_metric_iou(d.x, d.label, 3), "iou", "no such class");
    FAILS(HEBB_E_DTYPE, hebb_metric_confusion_matrix(d.x, flat), "confusion_matrix", "i32");
    FAILS(HEBB_E_ARGUMENT, hebb_metric_sparse_top_k_categorical_accuracy(d.x, d.label, .k = -2),
          "top_k", "negative");
    FAILS(HEBB_E_SHAPE, hebb_metric_mean(flat, .weights = d.x), "mean", "weights", "[?, 3]");
    FAILS(HEBB_E_SHAPE, hebb_metric_mean_squared_error(d.x, flat), "mean_squared_error", "[7]");
    FAILS(HEBB_E_DTYPE, hebb_metric_perplexity(d.x, flat), "perplexity", "i32");
}

Test(metrics, without_a_tensor) {
    desk d = desk_make();
    hebb_model *model = desk_model(&d, HEBB_METRICS(hebb_metric_mean_with(NULL, NULL)));
    cr_expect_eq(hebb_model_status(model), HEBB_E_SHAPE);
    cr_expect_not_null(strstr(hebb_message(model), "mean"), "%s", hebb_message(model));
    desk_free(&d, model);
}
