/* Metrics that are means: accuracies, and what losses measure (hebb/metrics.h). Composed from the
   public operations. */
#include <math.h>
#include <stdio.h>

#include <hebb/indexing.h>
#include <hebb/movement.h>

#include "metrics.h"

/* ---- what all metrics share ---- */

const options *hb_metric_options(const options *o) {
    static const options defaults;
    return o != NULL ? o : &defaults;
}

hebb_metric hb_metric(const options *o, const char *name, hebb_tensor *counts,
                      metric_result *result) {
    return (hebb_metric){
        .name = o->name != NULL ? o->name : name, .counts = counts, .result = result};
}

hebb_metric hb_metric_failed(const options *o, const char *name, hebb_tensor *failed) {
    return hb_metric(o, name, failed, hb_metric_quotient);
}

hebb_tensor *hb_metric_error(hebb_tensor *x, hebb_status status, const char *name,
                             const char *words) {
    char message[600];
    snprintf(message, sizeof message, "%s: %s", name, words);
    return hebb_graph_fail(hebb_tensor_graph(x), status, message);
}

double hb_quotient(double a, double b) { return b == 0 ? 0 : a / b; }

double hb_metric_quotient(const hebb_metric *self, const double *totals, size_t n) {
    (void)self, (void)n;
    return hb_quotient(totals[0], totals[1]);
}

/* Whether one of two is NULL or inert, and what counts are then. */
static bool is_missing(const char *name, hebb_tensor *p, hebb_tensor *t, hebb_tensor **counts) {
    *counts = hebb_tensor_is_inert(p) ? p : t;
    if (p == NULL || t == NULL)
        *counts = hb_metric_error(p != NULL ? p : t, HEBB_E_NULL, name,
                                  p == NULL ? "the prediction is NULL" : "the target is NULL");
    return hebb_tensor_is_inert(p) || hebb_tensor_is_inert(t);
}

static bool same_sizes(hebb_shape a, hebb_shape b) {
    bool same = a.rank == b.rank;
    for (int k = 0; same && k < a.rank; k++)
        same = a.dim[k] == b.dim[k] || a.dim[k] == HEBB_ANY || b.dim[k] == HEBB_ANY;
    return same;
}

hebb_tensor *hb_metric_check(const char *name, hebb_tensor *p, hebb_tensor *t, bool *wrong) {
    hebb_tensor *counts;
    *wrong = true;
    if (is_missing(name, p, t, &counts)) return counts;
    hebb_shape a = hebb_tensor_shape(p), b = hebb_tensor_shape(t);
    char words[400], ta[160], tb[160];
    snprintf(words, sizeof words,
             "the prediction is %s %s, the target %s; wanted is a floating one, and both of one "
             "shape",
             hebb_dtype_name(hebb_tensor_dtype(p)), hebb_shape_text(a, ta, sizeof ta),
             hebb_shape_text(b, tb, sizeof tb));
    if (!hebb_dtype_floating(hebb_tensor_dtype(p)))
        return hb_metric_error(p, HEBB_E_DTYPE, name, words);
    if (!same_sizes(a, b)) return hb_metric_error(p, HEBB_E_SHAPE, name, words);
    *wrong = false;
    return NULL;
}

hebb_tensor *hb_metric_wide(hebb_tensor *x) {
    return hebb_tensor_dtype(x) == HEBB_F64 ? x : hebb_cast(x, HEBB_F32);
}

hebb_tensor *hb_metric_weights(const char *name, hebb_tensor *weights, hebb_tensor *values) {
    if (weights == NULL) return hebb_ones_like(values);
    return hebb_broadcast_like(hb_align_weights(name, weights, values), values);
}

hebb_tensor *hb_metric_counts(hebb_tensor *const *scalars, int n) {
    return hebb_stack(scalars, n, 0);
}

hebb_tensor *hb_metric_mean_counts(const char *name, hebb_tensor *values, hebb_tensor *weights) {
    bool exact = weights != NULL && hebb_tensor_dtype(weights) == HEBB_F64;
    values = exact ? hebb_cast(values, HEBB_F64) : hb_metric_wide(values);
    hebb_tensor *w = hb_metric_weights(name, weights, values);
    return hb_metric_counts((hebb_tensor *[]){total(hebb_mul(w, values)), total(w)}, 2);
}

/* ---- of anything ---- */

hebb_metric hebb_metric_mean_with(hebb_tensor *x, const options *o) {
    o = hb_metric_options(o);
    if (hebb_tensor_is_inert(x)) return hb_metric_failed(o, "mean", x);
    return hb_metric(o, "mean", hb_metric_mean_counts("mean", x, o->weights), hb_metric_quotient);
}

static double first(const hebb_metric *self, const double *totals, size_t n) {
    (void)self, (void)n;
    return totals[0];
}

hebb_metric hebb_metric_sum_with(hebb_tensor *x, const options *o) {
    o = hb_metric_options(o);
    if (hebb_tensor_is_inert(x)) return hb_metric_failed(o, "sum", x);
    hebb_tensor *values = hb_metric_wide(x);
    if (o->weights != NULL) values = hebb_mul(values, hb_align_weights("sum", o->weights, values));
    return hb_metric(o, "sum", total(values), first);
}

/* ---- accuracies ---- */

/* The share of what is right (bool). */
static hebb_metric share(const options *o, const char *name, hebb_tensor *right) {
    return hb_metric(o, name, hb_metric_mean_counts(name, right, o->weights), hb_metric_quotient);
}

hebb_metric hebb_metric_accuracy_with(hebb_tensor *p, hebb_tensor *t, const options *o) {
    static const char name[] = "accuracy";
    hebb_tensor *counts;
    o = hb_metric_options(o);
    if (is_missing(name, p, t, &counts)) return hb_metric_failed(o, name, counts);
    if (!same_sizes(hebb_tensor_shape(p), hebb_tensor_shape(t)))
        return hb_metric_failed(
            o, name,
            hb_metric_error(p, HEBB_E_SHAPE, name, "prediction and target differ in shape"));
    return share(o, name, hebb_equal(p, t));
}

hebb_metric hebb_metric_binary_accuracy_with(hebb_tensor *p, hebb_tensor *t, const options *o) {
    static const char name[] = "binary_accuracy";
    bool wrong;
    o = hb_metric_options(o);
    hebb_tensor *failed = hb_metric_check(name, p, t, &wrong);
    if (wrong) return hb_metric_failed(o, name, failed);
    p = o->from_logits ? hebb_sigmoid(p) : p;
    hebb_tensor *yes = hebb_greater(p, number(p, o->threshold == 0 ? 0.5 : o->threshold));
    return share(o, name, hebb_equal(yes, hebb_cast(t, HEBB_BOOL)));
}

/* Whether the element at the label is among the k largest of its row. */
static hebb_tensor *in_top(hebb_tensor *p, hebb_tensor *labels, int k) {
    hebb_tensor *own = hebb_expand_dims(hb_at_labels(p, labels), -1);
    hebb_tensor *above = hebb_cast(hebb_greater(p, own), HEBB_I32);
    above = hebb_sum(above, HEBB_AXES(-1), false);
    return hebb_and(hb_is_class(p, labels), hebb_less(above, number(above, k)));
}

static hebb_metric of_labels(const options *o, const char *name, hebb_tensor *p,
                             hebb_tensor *labels, int k) {
    hebb_tensor *failed = hb_check_labels(name, p, labels);
    if (p == NULL || failed != NULL) return hb_metric_failed(o, name, failed);
    if (k < 0)
        return hb_metric_failed(o, name,
                                hb_metric_error(p, HEBB_E_ARGUMENT, name, "k is negative"));
    hebb_tensor *right =
        k == 1 ? hebb_equal(hebb_argmax(p, -1, false), labels) : in_top(p, labels, k == 0 ? 5 : k);
    return share(o, name, right);
}

static hebb_metric of_rows(const options *o, const char *name, hebb_tensor *p, hebb_tensor *t,
                           int k) {
    bool wrong;
    hebb_tensor *failed = hb_metric_check(name, p, t, &wrong);
    if (wrong) return hb_metric_failed(o, name, failed);
    return of_labels(o, name, p, hebb_argmax(t, -1, false), k);
}

hebb_metric hebb_metric_categorical_accuracy_with(hebb_tensor *p, hebb_tensor *t,
                                                  const options *o) {
    return of_rows(hb_metric_options(o), "categorical_accuracy", p, t, 1);
}

hebb_metric hebb_metric_sparse_categorical_accuracy_with(hebb_tensor *p, hebb_tensor *labels,
                                                         const options *o) {
    return of_labels(hb_metric_options(o), "sparse_categorical_accuracy", p, labels, 1);
}

hebb_metric hebb_metric_top_k_categorical_accuracy_with(hebb_tensor *p, hebb_tensor *t,
                                                        const options *o) {
    o = hb_metric_options(o);
    return of_rows(o, "top_k_categorical_accuracy", p, t, o->k);
}

hebb_metric hebb_metric_sparse_top_k_categorical_accuracy_with(hebb_tensor *p, hebb_tensor *labels,
                                                               const options *o) {
    o = hb_metric_options(o);
    return of_labels(o, "sparse_top_k_categorical_accuracy", p, labels, o->k);
}

/* ---- what losses measure ---- */

typedef hebb_tensor *loss_function(hebb_tensor *p, hebb_tensor *t, const hebb_loss_options *o);

static hebb_metric of_loss(const options *o, const char *name, loss_function *loss, hebb_tensor *p,
                           hebb_tensor *t) {
    bool wrong;
    o = hb_metric_options(o);
    hebb_tensor *failed = hb_metric_check(name, p, t, &wrong);
    if (wrong) return hb_metric_failed(o, name, failed);
    p = hb_metric_wide(p);
    hebb_tensor *values = loss(p, hebb_cast(t, hebb_tensor_dtype(p)),
                               &(hebb_loss_options){.reduction = HEBB_REDUCTION_NONE,
                                                    .from_logits = o->from_logits,
                                                    .label_smoothing = o->label_smoothing});
    hebb_metric metric = hebb_metric_mean_with(values, o);
    metric.name = o->name != NULL ? o->name : name;
    metric.lower_is_better = true;
    return metric;
}

#define LOSS(name)                                                                                 \
    hebb_metric hebb_metric_##name##_with(hebb_tensor *p, hebb_tensor *t, const options *o) {      \
        return of_loss(o, #name, hebb_##name##_with, p, t);                                        \
    }
LOSS(mean_squared_error)
LOSS(mean_absolute_error)
LOSS(mean_absolute_percentage_error)
LOSS(mean_squared_logarithmic_error)
LOSS(log_cosh)
LOSS(kl_divergence)
LOSS(poisson)
LOSS(hinge)
LOSS(squared_hinge)
LOSS(categorical_hinge)
LOSS(binary_cross_entropy)
LOSS(categorical_cross_entropy)

static double root(const hebb_metric *self, const double *totals, size_t n) {
    return sqrt(hb_metric_quotient(self, totals, n));
}

hebb_metric hebb_metric_root_mean_squared_error_with(hebb_tensor *p, hebb_tensor *t,
                                                     const options *o) {
    hebb_metric metric = of_loss(o, "root_mean_squared_error", hebb_mean_squared_error_with, p, t);
    metric.result = root;
    return metric;
}

static double minus(const hebb_metric *self, const double *totals, size_t n) {
    return -hb_metric_quotient(self, totals, n);
}

hebb_metric hebb_metric_cosine_similarity_with(hebb_tensor *p, hebb_tensor *t, const options *o) {
    hebb_metric metric = of_loss(o, "cosine_similarity", hebb_cosine_similarity_with, p, t);
    metric.result = minus; /* the loss is */
    metric.lower_is_better = false;
    return metric;
}

/* The cross entropy by labels: examples that are ignored weigh 0. */
static hebb_metric by_labels(const options *o, const char *name, hebb_tensor *p,
                             hebb_tensor *labels, metric_result *result) {
    o = hb_metric_options(o);
    hebb_tensor *failed = hb_check_labels(name, p, labels);
    if (p == NULL || failed != NULL) return hb_metric_failed(o, name, failed);
    hebb_loss_options sparse = {.reduction = HEBB_REDUCTION_NONE,
                                .from_logits = o->from_logits,
                                .ignore = o->ignore,
                                .ignored_label = o->ignored_label};
    hebb_tensor *values =
        hebb_sparse_categorical_cross_entropy_with(hb_metric_wide(p), labels, &sparse);
    if (hebb_tensor_is_inert(values)) return hb_metric_failed(o, name, values);
    hebb_tensor *weights = hb_metric_weights(name, o->weights, values);
    hebb_tensor *ignored = hebb_equal(labels, number(labels, o->ignored_label));
    if (o->ignore) weights = hebb_select(ignored, number(weights, 0), weights);
    hebb_metric metric = hb_metric(o, name, hb_metric_mean_counts(name, values, weights), result);
    metric.lower_is_better = true;
    return metric;
}

hebb_metric hebb_metric_sparse_categorical_cross_entropy_with(hebb_tensor *p, hebb_tensor *labels,
                                                              const options *o) {
    return by_labels(o, "sparse_categorical_cross_entropy", p, labels, hb_metric_quotient);
}

static double power(const hebb_metric *self, const double *totals, size_t n) {
    return exp(hb_metric_quotient(self, totals, n));
}

hebb_metric hebb_metric_perplexity_with(hebb_tensor *p, hebb_tensor *labels, const options *o) {
    return by_labels(o, "perplexity", p, labels, power);
}
