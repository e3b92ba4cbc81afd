/* Metrics: how good a model is.

     hebb_model_create(graph, device, .inputs = HEBB_LIST(x, label), .loss = loss,
                       .metrics = HEBB_METRICS(
                           hebb_metric_sparse_categorical_accuracy(logits, label),
                           hebb_metric_f_beta(logits, label, .beta = 2, .name = "f2")));

   Names, defaults and formulas are Keras 3's, unless said. The result is the exact metric of all
   examples of the epoch or the evaluation, not a mean over batches. */
#ifndef HEBB_METRICS_H
#define HEBB_METRICS_H

#include <hebb/graph.h>
#include <hebb/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A metric is a tensor of sums, and a function of its totals over all batches. */
typedef struct hebb_metric hebb_metric;
struct hebb_metric {
    const char *name;    /* "accuracy" */
    hebb_tensor *counts; /* numeric, of known shape: what a batch adds to the totals */
    /* Of the totals in double; NULL: totals[0] / totals[1] if there are two, and of a scalar the
       mean over the batches, weighted by their examples. */
    double (*result)(const hebb_metric *self, const double *totals, size_t n);
    double parameter[4];
    bool lower_is_better; /* for callbacks */
};

/* Share (f32 scalar) of rows of logits [..., classes] whose largest element is at the label [...].
 */
HEBB_API hebb_tensor *hebb_sparse_accuracy(hebb_tensor *logits, hebb_tensor *labels);

/* ---- options ---- */

typedef enum hebb_average {
    HEBB_AVERAGE_MACRO = 0, /* each class counts the same */
    HEBB_AVERAGE_MICRO,     /* each example does: counts are added up over the classes */
    HEBB_AVERAGE_WEIGHTED,  /* a class counts by how often it is the target */
} hebb_average;

typedef enum hebb_curve {
    HEBB_CURVE_ROC = 0, /* true positive rate over false positive rate */
    HEBB_CURVE_PR,      /* precision over recall, interpolated (J. Davis, M. Goadrich 2006) */
} hebb_curve;

/* Each metric says what it takes; all take name and weights. 0 is the default of every number. */
typedef struct hebb_metric_options {
    const char *name;       /* default: the function's, without hebb_metric_ */
    hebb_tensor *weights;   /* of each value, as a loss has them: [batch] weighs examples */
    bool from_logits;       /* the prediction is before its sigmoid or softmax */
    double threshold;       /* above which a prediction is positive; default 0.5 */
    int k;                  /* top k; default 5 */
    double beta;            /* f_beta: how much more recall counts than precision; default 1 */
    hebb_average average;   /* f_beta */
    hebb_curve curve;       /* auc */
    int thresholds;         /* auc and its relatives: default 200, at least 2 */
    int64_t classes;        /* where the prediction is a class itself: how many there are */
    double label_smoothing; /* cross entropies, as the loss has it */
    bool ignore;            /* examples with a label equal to ignored_label do not count */
    int32_t ignored_label;
    bool by_row; /* pearson_correlation */
    int reserved_;
} hebb_metric_options;
#define HEBB_METRIC_(function, prediction, ...)                                                    \
    HEBB_METRIC_ARGS_(function, prediction, __VA_ARGS__, .reserved_ = 0)
#define HEBB_METRIC_ARGS_(function, prediction, target, ...)                                       \
    function(HEBB_HERE(prediction), (target), &(const hebb_metric_options){__VA_ARGS__})
#define HEBB_METRIC_AT_(function, prediction, target, ...)                                         \
    HEBB_METRIC_AT_ARGS_(function, prediction, target, __VA_ARGS__, .reserved_ = 0)
#define HEBB_METRIC_AT_ARGS_(function, prediction, target, value, ...)                             \
    function(HEBB_HERE(prediction), (target), (value), &(const hebb_metric_options){__VA_ARGS__})
#define HEBB_METRIC_OF_(function, ...) HEBB_METRIC_OF_ARGS_(function, __VA_ARGS__, .reserved_ = 0)
#define HEBB_METRIC_OF_ARGS_(function, x, ...)                                                     \
    function(HEBB_HERE(x), &(const hebb_metric_options){__VA_ARGS__})

/* Errors are the graph's, and the counts then inert: HEBB_E_NULL, HEBB_E_SHAPE (prediction and
   target do not fit, a size that must be known is open), HEBB_E_DTYPE, HEBB_E_ARGUMENT (an option
   out of its range). A quotient whose divisor is 0 is 0. Sums within a batch are f32, or f64 of an
   f64 prediction (where only true and false are counted, of f64 weights); over batches f64. */

/* ---- means and sums ---- */

/* Mean of all elements of x, numeric or bool: of a loss' values, say. Of a scalar, each batch
   counts the same; {.name = "part", .counts = x} weighs it by the batch's examples, as the loss is.
 */
#define hebb_metric_mean(...) HEBB_METRIC_OF_(hebb_metric_mean_with, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_mean_with(hebb_tensor *x, const hebb_metric_options *options);
/* Their sum. */
#define hebb_metric_sum(...) HEBB_METRIC_OF_(hebb_metric_sum_with, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_sum_with(hebb_tensor *x, const hebb_metric_options *options);

/* ---- accuracies: the share that is right ---- */

/* Elements that are equal; both of one dtype and shape. */
#define hebb_metric_accuracy(prediction, ...)                                                      \
    HEBB_METRIC_(hebb_metric_accuracy_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_accuracy_with(hebb_tensor *prediction, hebb_tensor *target,
                                               const hebb_metric_options *options);
/* Whether p is above the threshold against whether t, of that shape and any dtype, is not 0. */
#define hebb_metric_binary_accuracy(prediction, ...)                                               \
    HEBB_METRIC_(hebb_metric_binary_accuracy_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_binary_accuracy_with(hebb_tensor *prediction, hebb_tensor *target,
                                                      const hebb_metric_options *options);
/* Whether the largest of a row of p [..., classes] is where that of t, of that shape, is. */
#define hebb_metric_categorical_accuracy(prediction, ...)                                          \
    HEBB_METRIC_(hebb_metric_categorical_accuracy_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_categorical_accuracy_with(hebb_tensor *prediction,
                                                           hebb_tensor *target,
                                                           const hebb_metric_options *options);
/* Whether it is at the label i32 [...]. */
#define hebb_metric_sparse_categorical_accuracy(prediction, ...)                                   \
    HEBB_METRIC_(hebb_metric_sparse_categorical_accuracy_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_sparse_categorical_accuracy_with(
    hebb_tensor *prediction, hebb_tensor *target, const hebb_metric_options *options);
/* Whether the class of the largest of t is among the k largest of a row of p (fewer than k elements
   are larger), or */
#define hebb_metric_top_k_categorical_accuracy(prediction, ...)                                    \
    HEBB_METRIC_(hebb_metric_top_k_categorical_accuracy_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_top_k_categorical_accuracy_with(
    hebb_tensor *prediction, hebb_tensor *target, const hebb_metric_options *options);
/* the class of the label i32 [...] is. */
#define hebb_metric_sparse_top_k_categorical_accuracy(prediction, ...)                             \
    HEBB_METRIC_(hebb_metric_sparse_top_k_categorical_accuracy_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_sparse_top_k_categorical_accuracy_with(
    hebb_tensor *prediction, hebb_tensor *target, const hebb_metric_options *options);

/* ---- two classes: p and t of one shape; positive is p, floating, above the threshold, and t that
   is not 0 ---- */

/* The numbers of true positives (TP), false positives (FP), true negatives (TN) and false negatives
   (FN). */
#define hebb_metric_true_positives(prediction, ...)                                                \
    HEBB_METRIC_(hebb_metric_true_positives_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_true_positives_with(hebb_tensor *prediction, hebb_tensor *target,
                                                     const hebb_metric_options *options);
#define hebb_metric_false_positives(prediction, ...)                                               \
    HEBB_METRIC_(hebb_metric_false_positives_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_false_positives_with(hebb_tensor *prediction, hebb_tensor *target,
                                                      const hebb_metric_options *options);
#define hebb_metric_true_negatives(prediction, ...)                                                \
    HEBB_METRIC_(hebb_metric_true_negatives_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_true_negatives_with(hebb_tensor *prediction, hebb_tensor *target,
                                                     const hebb_metric_options *options);
#define hebb_metric_false_negatives(prediction, ...)                                               \
    HEBB_METRIC_(hebb_metric_false_negatives_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_false_negatives_with(hebb_tensor *prediction, hebb_tensor *target,
                                                      const hebb_metric_options *options);
/* TP / (TP + FP), and TP / (TP + FN). */
#define hebb_metric_precision(prediction, ...)                                                     \
    HEBB_METRIC_(hebb_metric_precision_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_precision_with(hebb_tensor *prediction, hebb_tensor *target,
                                                const hebb_metric_options *options);
#define hebb_metric_recall(prediction, ...)                                                        \
    HEBB_METRIC_(hebb_metric_recall_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_recall_with(hebb_tensor *prediction, hebb_tensor *target,
                                             const hebb_metric_options *options);
/* (1 + beta^2) precision recall / (beta^2 precision + recall) of each class, averaged. p [...,
   classes] and t of that shape, or labels i32 [...]. Positive is the largest of a row, or what is
   above a threshold if one is given or there is one class (then 0.5). The totals are TP, FP and FN
   [3, classes]. */
#define hebb_metric_f_beta(prediction, ...)                                                        \
    HEBB_METRIC_(hebb_metric_f_beta_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_f_beta_with(hebb_tensor *prediction, hebb_tensor *target,
                                             const hebb_metric_options *options);
/* The same for beta 1. */
#define hebb_metric_f1(prediction, ...) HEBB_METRIC_(hebb_metric_f1_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_f1_with(hebb_tensor *prediction, hebb_tensor *target,
                                         const hebb_metric_options *options);
/* The area under a curve of `thresholds` points: p is a probability, and the thresholds are evenly
   spread over 0 to 1. For this and the following, what is below a threshold is negative. */
#define hebb_metric_auc(prediction, ...) HEBB_METRIC_(hebb_metric_auc_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_auc_with(hebb_tensor *prediction, hebb_tensor *target,
                                          const hebb_metric_options *options);
/* The best precision (recall, ...) of the thresholds with at least that recall (precision, ...), 0
 * to 1; 0 if there is none. hebb_metric_precision_at_recall(p, t, 0.8). */
#define hebb_metric_precision_at_recall(prediction, target, ...)                                   \
    HEBB_METRIC_AT_(hebb_metric_precision_at_recall_with, prediction, target, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_precision_at_recall_with(hebb_tensor *prediction,
                                                          hebb_tensor *target, double recall,
                                                          const hebb_metric_options *options);
#define hebb_metric_recall_at_precision(prediction, target, ...)                                   \
    HEBB_METRIC_AT_(hebb_metric_recall_at_precision_with, prediction, target, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_recall_at_precision_with(hebb_tensor *prediction,
                                                          hebb_tensor *target, double precision,
                                                          const hebb_metric_options *options);
/* Sensitivity is recall; specificity is TN / (TN + FP). */
#define hebb_metric_sensitivity_at_specificity(prediction, target, ...)                            \
    HEBB_METRIC_AT_(hebb_metric_sensitivity_at_specificity_with, prediction, target, __VA_ARGS__)
HEBB_API hebb_metric
hebb_metric_sensitivity_at_specificity_with(hebb_tensor *prediction, hebb_tensor *target,
                                            double specificity, const hebb_metric_options *options);
#define hebb_metric_specificity_at_sensitivity(prediction, target, ...)                            \
    HEBB_METRIC_AT_(hebb_metric_specificity_at_sensitivity_with, prediction, target, __VA_ARGS__)
HEBB_API hebb_metric
hebb_metric_specificity_at_sensitivity_with(hebb_tensor *prediction, hebb_tensor *target,
                                            double sensitivity, const hebb_metric_options *options);

/* ---- many classes: a prediction [..., classes], of which the largest of a row counts, or i32
   [...] and .classes; labels i32 [...]; what is not in 0...classes-1 does not count ---- */

/* The accuracy. The totals are the matrix [classes, classes]: at [i, j] how many with label i are
   predicted as j. hebb_model_totals(model, "confusion_matrix", &n) has them after hebb_evaluate().
 */
#define hebb_metric_confusion_matrix(prediction, ...)                                              \
    HEBB_METRIC_(hebb_metric_confusion_matrix_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_confusion_matrix_with(hebb_tensor *prediction, hebb_tensor *target,
                                                       const hebb_metric_options *options);
/* Intersection over union (the Jaccard index) of a class: TP / (TP + FP + FN). */
#define hebb_metric_iou(prediction, target, ...)                                                   \
    HEBB_METRIC_AT_(hebb_metric_iou_with, prediction, target, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_iou_with(hebb_tensor *prediction, hebb_tensor *target,
                                          int64_t class_id, const hebb_metric_options *options);
/* The mean over all classes that occur. */
#define hebb_metric_mean_iou(prediction, ...)                                                      \
    HEBB_METRIC_(hebb_metric_mean_iou_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_mean_iou_with(hebb_tensor *prediction, hebb_tensor *target,
                                               const hebb_metric_options *options);

/* ---- numbers: p and t floating and of one shape, if t is not of another dtype, which is
 * converted; means of what the loss of that name gives for each row, or element of rank 1 ---- */

#define hebb_metric_mean_squared_error(prediction, ...)                                            \
    HEBB_METRIC_(hebb_metric_mean_squared_error_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_mean_squared_error_with(hebb_tensor *prediction,
                                                         hebb_tensor *target,
                                                         const hebb_metric_options *options);
#define hebb_metric_mean_absolute_error(prediction, ...)                                           \
    HEBB_METRIC_(hebb_metric_mean_absolute_error_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_mean_absolute_error_with(hebb_tensor *prediction,
                                                          hebb_tensor *target,
                                                          const hebb_metric_options *options);
#define hebb_metric_mean_absolute_percentage_error(prediction, ...)                                \
    HEBB_METRIC_(hebb_metric_mean_absolute_percentage_error_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_mean_absolute_percentage_error_with(
    hebb_tensor *prediction, hebb_tensor *target, const hebb_metric_options *options);
#define hebb_metric_mean_squared_logarithmic_error(prediction, ...)                                \
    HEBB_METRIC_(hebb_metric_mean_squared_logarithmic_error_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_mean_squared_logarithmic_error_with(
    hebb_tensor *prediction, hebb_tensor *target, const hebb_metric_options *options);
#define hebb_metric_log_cosh(prediction, ...)                                                      \
    HEBB_METRIC_(hebb_metric_log_cosh_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_log_cosh_with(hebb_tensor *prediction, hebb_tensor *target,
                                               const hebb_metric_options *options);
#define hebb_metric_kl_divergence(prediction, ...)                                                 \
    HEBB_METRIC_(hebb_metric_kl_divergence_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_kl_divergence_with(hebb_tensor *prediction, hebb_tensor *target,
                                                    const hebb_metric_options *options);
#define hebb_metric_poisson(prediction, ...)                                                       \
    HEBB_METRIC_(hebb_metric_poisson_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_poisson_with(hebb_tensor *prediction, hebb_tensor *target,
                                              const hebb_metric_options *options);
#define hebb_metric_hinge(prediction, ...)                                                         \
    HEBB_METRIC_(hebb_metric_hinge_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_hinge_with(hebb_tensor *prediction, hebb_tensor *target,
                                            const hebb_metric_options *options);
#define hebb_metric_squared_hinge(prediction, ...)                                                 \
    HEBB_METRIC_(hebb_metric_squared_hinge_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_squared_hinge_with(hebb_tensor *prediction, hebb_tensor *target,
                                                    const hebb_metric_options *options);
#define hebb_metric_categorical_hinge(prediction, ...)                                             \
    HEBB_METRIC_(hebb_metric_categorical_hinge_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_categorical_hinge_with(hebb_tensor *prediction,
                                                        hebb_tensor *target,
                                                        const hebb_metric_options *options);
/* from_logits, label_smoothing */
#define hebb_metric_binary_cross_entropy(prediction, ...)                                          \
    HEBB_METRIC_(hebb_metric_binary_cross_entropy_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_binary_cross_entropy_with(hebb_tensor *prediction,
                                                           hebb_tensor *target,
                                                           const hebb_metric_options *options);
#define hebb_metric_categorical_cross_entropy(prediction, ...)                                     \
    HEBB_METRIC_(hebb_metric_categorical_cross_entropy_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_categorical_cross_entropy_with(hebb_tensor *prediction,
                                                                hebb_tensor *target,
                                                                const hebb_metric_options *options);
/* Labels i32 [...]; from_logits, ignore. */
#define hebb_metric_sparse_categorical_cross_entropy(prediction, ...)                              \
    HEBB_METRIC_(hebb_metric_sparse_categorical_cross_entropy_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_sparse_categorical_cross_entropy_with(
    hebb_tensor *prediction, hebb_tensor *target, const hebb_metric_options *options);
/* e to the power of that cross entropy: as uncertain as among so many equally likely classes. */
#define hebb_metric_perplexity(prediction, ...)                                                    \
    HEBB_METRIC_(hebb_metric_perplexity_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_perplexity_with(hebb_tensor *prediction, hebb_tensor *target,
                                                 const hebb_metric_options *options);
/* The square root of the mean of all squares. */
#define hebb_metric_root_mean_squared_error(prediction, ...)                                       \
    HEBB_METRIC_(hebb_metric_root_mean_squared_error_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_root_mean_squared_error_with(hebb_tensor *prediction,
                                                              hebb_tensor *target,
                                                              const hebb_metric_options *options);
/* The mean cosine of the angle between rows: higher is better here. */
#define hebb_metric_cosine_similarity(prediction, ...)                                             \
    HEBB_METRIC_(hebb_metric_cosine_similarity_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_cosine_similarity_with(hebb_tensor *prediction,
                                                        hebb_tensor *target,
                                                        const hebb_metric_options *options);
/* 1 - sum (p - t)^2 / sum (t - mean t)^2 of each column, the last axis' element (a known size),
 * averaged; of elements if p has rank 1. Sums in f32 want targets whose mean is not large beside
 * their deviation. */
#define hebb_metric_r2_score(prediction, ...)                                                      \
    HEBB_METRIC_(hebb_metric_r2_score_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_r2_score_with(hebb_tensor *prediction, hebb_tensor *target,
                                               const hebb_metric_options *options);
/* The correlation of p and t over all elements, or by_row the mean of the rows', as Keras has it.
 */
#define hebb_metric_pearson_correlation(prediction, ...)                                           \
    HEBB_METRIC_(hebb_metric_pearson_correlation_with, prediction, __VA_ARGS__)
HEBB_API hebb_metric hebb_metric_pearson_correlation_with(hebb_tensor *prediction,
                                                          hebb_tensor *target,
                                                          const hebb_metric_options *options);

#ifdef __cplusplus
}
#endif

#ifndef HEBB_NO_HERE
#define hebb_sparse_accuracy(logits, labels) (hebb_sparse_accuracy)(HEBB_HERE(logits), labels)
#endif
#endif
