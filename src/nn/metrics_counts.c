/* Metrics of decisions, from counts of right and wrong ones: positives and negatives, curves over
   thresholds, matrices of classes (hebb/metrics.h). */
#include <math.h>

#include <hebb/activations.h>
#include <hebb/indexing.h>
#include <hebb/movement.h>

#include "metrics.h"

/* ---- one threshold: totals are true and false positives, true and false negatives ---- */

enum { TP, FP, TN, FN, CELLS };

static double count_of(const hebb_metric *self, const double *totals, size_t n) {
    (void)n;
    return totals[(int)self->parameter[0]];
}

static double precision(const hebb_metric *self, const double *totals, size_t n) {
    (void)self, (void)n;
    return hb_quotient(totals[TP], totals[TP] + totals[FP]);
}

static double recall(const hebb_metric *self, const double *totals, size_t n) {
    (void)self, (void)n;
    return hb_quotient(totals[TP], totals[TP] + totals[FN]);
}

static hebb_metric of_cells(const options *o, const char *name, hebb_tensor *p, hebb_tensor *t,
                            metric_result *result, int cell) {
    bool wrong;
    o = hb_metric_options(o);
    hebb_tensor *failed = hb_metric_check(name, p, t, &wrong);
    if (wrong) return hb_metric_failed(o, name, failed);
    p = hb_metric_wide(o->from_logits ? hebb_sigmoid(p) : p);
    hebb_tensor *found = hebb_greater(p, number(p, o->threshold == 0 ? 0.5 : o->threshold));
    hebb_tensor *is = hebb_cast(t, HEBB_BOOL), *is_not = hebb_not(is), *left = hebb_not(found);
    hebb_tensor *cells[CELLS] = {[TP] = hebb_and(found, is),
                                 [FP] = hebb_and(found, is_not),
                                 [TN] = hebb_and(left, is_not),
                                 [FN] = hebb_and(left, is)};
    hebb_tensor *w = hb_metric_weights(name, o->weights, p);
    for (int k = 0; k < CELLS; k++) cells[k] = total(hebb_select(cells[k], w, number(w, 0)));
    hebb_metric metric = hb_metric(o, name, hb_metric_counts(cells, CELLS), result);
    metric.parameter[0] = cell;
    metric.lower_is_better = result == count_of && (cell == FP || cell == FN);
    return metric;
}

#define CELL_METRIC(name, result, cell)                                                            \
    hebb_metric hebb_metric_##name##_with(hebb_tensor *p, hebb_tensor *t, const options *o) {      \
        return of_cells(o, #name, p, t, result, cell);                                             \
    }
CELL_METRIC(true_positives, count_of, TP)
CELL_METRIC(false_positives, count_of, FP)
CELL_METRIC(true_negatives, count_of, TN)
CELL_METRIC(false_negatives, count_of, FN)
CELL_METRIC(precision, precision, 0)
CELL_METRIC(recall, recall, 0)

/* ---- F: totals [3, classes] are true positives, false ones, misses ---- */

static double f_score(double beta, double found, double wrong, double missed) {
    double square = beta * beta;
    return hb_quotient((1 + square) * found, (1 + square) * found + square * missed + wrong);
}

static double f_beta(const hebb_metric *self, const double *totals, size_t n) {
    const double beta = self->parameter[0];
    const hebb_average average = (hebb_average)self->parameter[1];
    const size_t classes = n / 3;
    const double *found = totals, *wrong = found + classes, *missed = wrong + classes;
    double sum = 0, weights = 0, all[3] = {0};
    for (size_t k = 0; k < classes; k++) {
        double weight = average == HEBB_AVERAGE_WEIGHTED ? found[k] + missed[k] : 1;
        sum += weight * f_score(beta, found[k], wrong[k], missed[k]);
        weights += weight;
        for (size_t i = 0; i < 3; i++) all[i] += totals[i * classes + k];
    }
    if (average == HEBB_AVERAGE_MICRO) return f_score(beta, all[0], all[1], all[2]);
    return hb_quotient(sum, weights);
}

/* What is found: bool [..., classes]. */
static hebb_tensor *decide(hebb_tensor *p, int64_t classes, const options *o) {
    bool by_threshold = o->threshold != 0 || classes == 1;
    if (o->from_logits) p = by_threshold ? hebb_sigmoid(p) : hebb_softmax(p);
    if (by_threshold) return hebb_greater(p, number(p, o->threshold == 0 ? 0.5 : o->threshold));
    hebb_tensor *largest = hebb_greater_equal(p, hebb_max(p, HEBB_AXES(-1), true));
    return hebb_and(largest, hebb_greater(hebb_abs(p), number(p, 1e-9))); /* a row of zeros: none */
}

/* Sums over all axes but the last. */
static hebb_tensor *by_class(hebb_tensor *which, hebb_tensor *weights) {
    int axes[HEBB_MAX_RANK], n = hebb_tensor_shape(which).rank - 1;
    for (int k = 0; k < n; k++) axes[k] = k;
    return hebb_sum(hebb_select(which, weights, number(weights, 0)), axes, n, false);
}

static hebb_tensor *f_counts(const char *name, hebb_tensor *p, hebb_tensor *t, const options *o) {
    hebb_shape shape = hebb_tensor_shape(p);
    bool wrong = false,
         labels = hebb_tensor_dtype(t) == HEBB_I32 && hebb_tensor_shape(t).rank == shape.rank - 1;
    if (p == NULL || t == NULL || !labels) {
        hebb_tensor *failed = hb_metric_check(name, p, t, &wrong);
        if (wrong) return failed;
    } else {
        hebb_tensor *failed = hb_check_labels(name, p, t);
        if (failed != NULL) return failed;
    }
    if (shape.rank < 1 || shape.dim[shape.rank - 1] == HEBB_ANY)
        return hb_metric_error(p, HEBB_E_SHAPE, name, "the number of classes is open");
    if (!(o->beta >= 0) || (unsigned)o->average > HEBB_AVERAGE_WEIGHTED)
        return hb_metric_error(p, HEBB_E_ARGUMENT, name, "beta is negative, or no such average");
    p = hb_metric_wide(p);
    int64_t classes = shape.dim[shape.rank - 1];
    hebb_tensor *found = decide(p, classes, o), *w = hb_metric_weights(name, o->weights, p);
    hebb_tensor *is = hebb_cast(labels ? hebb_one_hot(t, classes, HEBB_F32) : t, HEBB_BOOL);
    hebb_tensor *counts[] = {by_class(hebb_and(found, is), w),
                             by_class(hebb_and(found, hebb_not(is)), w),
                             by_class(hebb_and(hebb_not(found), is), w)};
    return hebb_stack(counts, 3, 0);
}

static hebb_metric f_metric(const options *o, const char *name, hebb_tensor *p, hebb_tensor *t,
                            double beta) {
    hebb_metric metric = hb_metric(o, name, f_counts(name, p, t, o), f_beta);
    metric.parameter[0] = beta == 0 ? 1 : beta;
    metric.parameter[1] = o->average;
    return metric;
}

hebb_metric hebb_metric_f_beta_with(hebb_tensor *p, hebb_tensor *t, const options *o) {
    o = hb_metric_options(o);
    return f_metric(o, "f_beta", p, t, o->beta);
}

hebb_metric hebb_metric_f1_with(hebb_tensor *p, hebb_tensor *t, const options *o) {
    return f_metric(hb_metric_options(o), "f1", p, t, 1);
}

/* ---- many thresholds ----
   totals [2, n], of no and of yes: how many predictions are in (i - 1, i] / (n - 1). The thresholds
   are k / (n - 1) for k = 0 ... n - 1, and above threshold k is what has i > k. */

enum { DEFAULT_THRESHOLDS = 200 };

/* Predictions above a threshold, and all of them. */
typedef struct point {
    double tp, fp, tn, fn;
} point;

/* That of threshold k, from that of threshold k + 1. */
static point next_point(point above, const double *totals, size_t n, size_t k) {
    double no = k + 1 < n ? totals[k + 1] : 0, yes = k + 1 < n ? totals[n + k + 1] : 0;
    return (point){above.tp + yes, above.fp + no, above.tn - no, above.fn - yes};
}

/* Above which nothing is. */
static point last_point(const double *totals, size_t n) {
    point p = {0};
    for (size_t i = 0; i < n; i++) {
        p.tn += totals[i];
        p.fn += totals[n + i];
    }
    return p;
}

static double share_found(point p) { return hb_quotient(p.tp, p.tp + p.fn); }
static double share_right(point p) { return hb_quotient(p.tp, p.tp + p.fp); }
static double share_false(point p) { return hb_quotient(p.fp, p.fp + p.tn); }
static double share_left(point p) { return hb_quotient(p.tn, p.fp + p.tn); }

/* The area under precision over recall from a to b, b being lower: between them true and false
   positives grow in proportion. */
static double precision_area(point a, point b) {
    double positives_a = a.tp + a.fp, positives_b = b.tp + b.fp, gained = a.tp - b.tp;
    double slope = hb_quotient(gained, positives_a - positives_b);
    double base = b.tp - slope * positives_b;
    double ratio = positives_a > 0 && positives_b > 0 ? positives_a / positives_b : 1;
    return hb_quotient(slope * (gained + base * log(ratio)), b.tp + b.fn);
}

static double area(const hebb_metric *self, const double *totals, size_t size) {
    const size_t n = size / 2;
    point above = last_point(totals, n);
    double sum = 0;
    for (size_t k = n - 1; k-- > 0;) {
        point p = next_point(above, totals, n, k);
        if (k == 0) { /* the first threshold is below 0, so that 0 is above it */
            p = (point){p.tp + totals[n], p.fp + totals[0], p.tn - totals[0], p.fn - totals[n]};
        }
        if (self->parameter[1] == HEBB_CURVE_PR) sum += precision_area(p, above);
        else
            sum +=
                (share_false(p) - share_false(above)) * (share_found(p) + share_found(above)) / 2;
        above = p;
    }
    return sum;
}

typedef double measure(point p);

/* The largest of a measure where another one is at least parameter[0]. */
static double best(const hebb_metric *self, const double *totals, size_t size, measure *of,
                   measure *where) {
    const size_t n = size / 2;
    point p = last_point(totals, n);
    double largest = 0;
    for (size_t k = n; k-- > 0;) {
        p = next_point(p, totals, n, k);
        if (where(p) >= self->parameter[0] && of(p) > largest) largest = of(p);
    }
    return largest;
}

static double precision_at(const hebb_metric *self, const double *totals, size_t n) {
    return best(self, totals, n, share_right, share_found);
}
static double recall_at(const hebb_metric *self, const double *totals, size_t n) {
    return best(self, totals, n, share_found, share_right);
}
static double sensitivity_at(const hebb_metric *self, const double *totals, size_t n) {
    return best(self, totals, n, share_found, share_left);
}
static double specificity_at(const hebb_metric *self, const double *totals, size_t n) {
    return best(self, totals, n, share_left, share_found);
}

static hebb_tensor *curve_counts(const char *name, hebb_tensor *p, hebb_tensor *t, const options *o,
                                 double at) {
    bool wrong;
    hebb_tensor *failed = hb_metric_check(name, p, t, &wrong);
    int n = o->thresholds == 0 ? DEFAULT_THRESHOLDS : o->thresholds;
    if (wrong) return failed;
    if (n < 2) return hb_metric_error(p, HEBB_E_ARGUMENT, name, "thresholds is less than 2");
    if ((unsigned)o->curve > HEBB_CURVE_PR)
        return hb_metric_error(p, HEBB_E_ARGUMENT, name, "there is no such curve");
    if (!(at >= 0 && at <= 1))
        return hb_metric_error(p, HEBB_E_ARGUMENT, name,
                               "the value that is asked for is not in 0...1");
    p = hb_metric_wide(o->from_logits ? hebb_sigmoid(p) : p);
    hebb_tensor *w = hb_metric_weights(name, o->weights, p);
    hebb_tensor *place = hebb_ceil(hebb_mul(hebb_clip(p, 0, 1), number(p, n - 1)));
    hebb_tensor *is = hebb_cast(t, HEBB_BOOL);
    place = hebb_add(place, hebb_select(is, number(p, n), number(p, 0)));
    place = hebb_select(hebb_isnan(place), number(p, -1), place);
    hebb_shape flat = HEBB_SHAPE(HEBB_ANY), bins = HEBB_SHAPE(2 * (int64_t)n);
    hebb_tensor *none = hebb_full(hebb_tensor_graph(p), hebb_tensor_dtype(p), bins, 0);
    return hebb_scatter_add(none, hebb_reshape(hebb_cast(place, HEBB_I32), flat),
                            hebb_reshape(w, flat));
}

static hebb_metric of_curve(const options *o, const char *name, hebb_tensor *p, hebb_tensor *t,
                            metric_result *result, double at) {
    o = hb_metric_options(o);
    hebb_metric metric = hb_metric(o, name, curve_counts(name, p, t, o, at), result);
    metric.parameter[0] = at;
    metric.parameter[1] = o->curve;
    return metric;
}

hebb_metric hebb_metric_auc_with(hebb_tensor *p, hebb_tensor *t, const options *o) {
    return of_curve(o, "auc", p, t, area, 0);
}

#define AT(name, result)                                                                           \
    hebb_metric hebb_metric_##name##_with(hebb_tensor *p, hebb_tensor *t, double at,               \
                                          const options *o) {                                      \
        return of_curve(o, #name, p, t, result, at);                                               \
    }
AT(precision_at_recall, precision_at)
AT(recall_at_precision, recall_at)
AT(sensitivity_at_specificity, sensitivity_at)
AT(specificity_at_sensitivity, specificity_at)

/* ---- classes against classes: totals [classes, classes] ---- */

static size_t side(size_t n) { return (size_t)lround(sqrt((double)n)); }

static double right(const hebb_metric *self, const double *totals, size_t n) {
    (void)self;
    double diagonal = 0, all = 0;
    for (size_t k = 0; k < n; k++) {
        all += totals[k];
        if (k % (side(n) + 1) == 0) diagonal += totals[k];
    }
    return hb_quotient(diagonal, all);
}

/* Intersection over union of a class; *any: whether it occurs. */
static double overlap(const double *totals, size_t classes, size_t k, bool *any) {
    double row = 0, column = 0, both = totals[k * classes + k];
    for (size_t i = 0; i < classes; i++) {
        row += totals[k * classes + i];
        column += totals[i * classes + k];
    }
    *any = row + column > 0;
    return hb_quotient(both, row + column - both);
}

static double one_overlap(const hebb_metric *self, const double *totals, size_t n) {
    bool any;
    return overlap(totals, side(n), (size_t)self->parameter[0], &any);
}

static double mean_overlap(const hebb_metric *self, const double *totals, size_t n) {
    (void)self;
    double sum = 0, count = 0;
    for (size_t k = 0; k < side(n); k++) {
        bool any;
        sum += overlap(totals, side(n), k, &any);
        count += any;
    }
    return hb_quotient(sum, count);
}

/* The classes i32 that are predicted, of the labels' shape, and how many there are; NULL, and
 *failed, if they do not fit. */
static hebb_tensor *predicted(const char *name, hebb_tensor *p, hebb_tensor *labels,
                              const options *o, int64_t *classes, hebb_tensor **failed) {
    bool given = hebb_tensor_dtype(p) == HEBB_I32, wrong = false;
    hebb_shape shape = hebb_tensor_shape(p);
    *classes = given ? o->classes : shape.rank > 0 ? shape.dim[shape.rank - 1] : 0;
    if (given) /* which is not floating */
        *failed = hb_metric_check(name, hebb_cast(p, HEBB_F32), labels, &wrong);
    else {
        *failed = hb_check_labels(name, p, labels);
        wrong = p == NULL || *failed != NULL;
    }
    if (wrong) return NULL;
    if (given && hebb_tensor_dtype(labels) != HEBB_I32)
        *failed = hb_metric_error(p, HEBB_E_DTYPE, name, "labels are not i32");
    else if (*classes < 1)
        *failed =
            hb_metric_error(p, HEBB_E_ARGUMENT, name, "it is not known how many classes there are");
    else return given ? p : hebb_argmax(p, -1, false);
    return NULL;
}

static hebb_tensor *is_class(hebb_tensor *x, int64_t classes) {
    return hebb_and(hebb_greater_equal(x, number(x, 0)), hebb_less(x, number(x, (double)classes)));
}

/* Sums of integers are exact, however many there are. */
static hebb_tensor *matrix(const char *name, hebb_tensor *p, hebb_tensor *labels, const options *o,
                           int64_t *classes) {
    hebb_tensor *failed = NULL, *guess = predicted(name, p, labels, o, classes, &failed);
    if (guess == NULL) return failed;
    hebb_tensor *cell = hebb_add(hebb_mul(labels, number(labels, (double)*classes)), guess);
    hebb_tensor *counts = hebb_and(is_class(labels, *classes), is_class(guess, *classes));
    if (o->ignore)
        counts = hebb_and(counts, hebb_not_equal(labels, number(labels, o->ignored_label)));
    cell = hebb_select(counts, cell, number(cell, -1));
    hebb_dtype dtype = o->weights == NULL                          ? HEBB_I32
                       : hebb_tensor_dtype(o->weights) == HEBB_F64 ? HEBB_F64
                                                                   : HEBB_F32;
    hebb_tensor *w = hb_metric_weights(name, o->weights, hebb_cast(labels, dtype));
    hebb_tensor *none = hebb_full(hebb_tensor_graph(p), dtype, HEBB_SHAPE(*classes * *classes), 0);
    hebb_shape flat = HEBB_SHAPE(HEBB_ANY);
    hebb_tensor *cells = hebb_scatter_add(none, hebb_reshape(cell, flat), hebb_reshape(w, flat));
    return hebb_reshape(cells, HEBB_SHAPE(*classes, *classes));
}

hebb_metric hebb_metric_confusion_matrix_with(hebb_tensor *p, hebb_tensor *labels,
                                              const options *o) {
    int64_t classes;
    o = hb_metric_options(o);
    return hb_metric(o, "confusion_matrix", matrix("confusion_matrix", p, labels, o, &classes),
                     right);
}

hebb_metric hebb_metric_iou_with(hebb_tensor *p, hebb_tensor *labels, int64_t class_id,
                                 const options *o) {
    int64_t classes;
    o = hb_metric_options(o);
    hebb_tensor *counts = matrix("iou", p, labels, o, &classes);
    if (!hebb_tensor_is_inert(counts) && (class_id < 0 || class_id >= classes))
        counts = hb_metric_error(p, HEBB_E_ARGUMENT, "iou", "there is no such class");
    hebb_metric metric = hb_metric(o, "iou", counts, one_overlap);
    metric.parameter[0] = (double)class_id;
    return metric;
}

hebb_metric hebb_metric_mean_iou_with(hebb_tensor *p, hebb_tensor *labels, const options *o) {
    int64_t classes;
    o = hb_metric_options(o);
    return hb_metric(o, "mean_iou", matrix("mean_iou", p, labels, o, &classes), mean_overlap);
}
