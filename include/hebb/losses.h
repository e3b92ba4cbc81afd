/* Losses, composed from ops.h: the usual ones, those of the classic notation, those of Keras. */
#ifndef HEBB_LOSSES_H
#define HEBB_LOSSES_H

#include <hebb/graph.h>
#include <hebb/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- losses: scalars, the mean over the batch ---- */
/* -log softmax(logits)[label], by way of log-sum-exp: finite for any finite logits. logits
   [..., classes] floating; labels [...] i32 in 0...classes-1: with any other the loss is NaN. A
   model's .classes (hebb/train.h) has labels checked before they are fed, and names the example. */
HEBB_API hebb_tensor *hebb_sparse_softmax_cross_entropy(hebb_tensor *logits, hebb_tensor *labels);

/* ---- losses without a reduction: a number for each element, or each row ---- */
/* (x - target)^2 / 2; x and target broadcast. */
HEBB_API hebb_tensor *hebb_square_loss(hebb_tensor *x, hebb_tensor *target);
/* log(1 + e^(-c x)) for signs c of 1 or -1 (floating; they broadcast): finite for any finite x. */
HEBB_API hebb_tensor *hebb_log_loss(hebb_tensor *x, hebb_tensor *c);
/* max(0, margin - c x); derivative 0 where c x = margin. */
HEBB_API hebb_tensor *hebb_hinge_loss(hebb_tensor *x, hebb_tensor *c, double margin);
/* log(sum over k of e^x_k) - x_label along the last axis, finite for any finite x: the gradient is
   softmax(x) - onehot(label). x [..., classes] floating; labels [...] i32; NaN for a label that is
   not in 0...classes-1. */
HEBB_API hebb_tensor *hebb_log_softmax_loss(hebb_tensor *x, hebb_tensor *labels);
/* max(0, max over k != label of (x_k + margin) - x_label); shapes as above. Where it is positive
   the gradient is 1 at the winning k (equal ones share it) and -1 at the label. 0 for one class. */
HEBB_API hebb_tensor *hebb_max_margin_loss(hebb_tensor *x, hebb_tensor *labels, double margin);

/* ---- Keras's list ----
   hebb_binary_cross_entropy(logits, target, .from_logits = true). Names, defaults and formulas are
   Keras 3's. Prediction p and target t are floating and of one shape, as far as sizes are known
   (HEBB_E_SHAPE: [n, 1] and [n] would broadcast to [n, n]). A loss has a value for each row of the
   last axis: the sum along it or, of the losses that are elementwise, the mean; then a value for
   each element where p has rank 1 or 0. .reduction says what becomes of the values. Computed in f32
   for f16 and bf16. HEBB_E_ARGUMENT for an option out of its range. */

typedef enum hebb_reduction {
    HEBB_REDUCTION_MEAN = 0, /* sum over the weighted values / how many there are: a scalar */
    HEBB_REDUCTION_SUM,      /* a scalar */
    HEBB_REDUCTION_NONE,     /* the values, weighted */
} hebb_reduction;

/* 0 is the default of every number. */
typedef struct hebb_loss_options {
    hebb_reduction reduction;
    /* Of each value, of any dtype. Its axes are the first ones of the values', its sizes these or
       1: [batch] weighs examples, whatever the values are. HEBB_E_SHAPE. */
    hebb_tensor *weights;
    bool from_logits;       /* cross entropies: the prediction is before its sigmoid or softmax */
    double label_smoothing; /* cross entropies but the sparse one: targets are moved so far, 0 to 1,
                               towards equal ones. HEBB_E_SHAPE if the number of classes is open */
    double delta;           /* huber: where the parabola ends, default 1 */
    double gamma;           /* focal: default 2 */
    double alpha, beta;     /* categorical focal: alpha, default 0.25; tversky: 0.5 and 0.5 */
    bool ignore;            /* sparse: labels equal to ignored_label, which may be any number, */
    int32_t ignored_label;  /* count for nothing, not even in the mean's divisor */
    int reserved_;
} hebb_loss_options;
#define HEBB_LOSS_(function, prediction, ...)                                                      \
    HEBB_LOSS_ARGS_(function, prediction, __VA_ARGS__, .reserved_ = 0)
#define HEBB_LOSS_ARGS_(function, prediction, target, ...)                                         \
    function(HEBB_HERE(prediction), (target), &(const hebb_loss_options){__VA_ARGS__})

/* (p - t)^2. */
#define hebb_mean_squared_error(prediction, ...)                                                   \
    HEBB_LOSS_(hebb_mean_squared_error_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_mean_squared_error_with(hebb_tensor *prediction, hebb_tensor *target,
                                                   const hebb_loss_options *options);
/* |p - t|. */
#define hebb_mean_absolute_error(prediction, ...)                                                  \
    HEBB_LOSS_(hebb_mean_absolute_error_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_mean_absolute_error_with(hebb_tensor *prediction, hebb_tensor *target,
                                                    const hebb_loss_options *options);
/* 100 |p - t| / max(|t|, 1e-7). */
#define hebb_mean_absolute_percentage_error(prediction, ...)                                       \
    HEBB_LOSS_(hebb_mean_absolute_percentage_error_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_mean_absolute_percentage_error_with(hebb_tensor *prediction,
                                                               hebb_tensor *target,
                                                               const hebb_loss_options *options);
/* (log(1 + max(p, 1e-7)) - log(1 + max(t, 1e-7)))^2. */
#define hebb_mean_squared_logarithmic_error(prediction, ...)                                       \
    HEBB_LOSS_(hebb_mean_squared_logarithmic_error_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_mean_squared_logarithmic_error_with(hebb_tensor *prediction,
                                                               hebb_tensor *target,
                                                               const hebb_loss_options *options);
/* d^2 / 2 where |d| = |p - t| <= delta, else delta (|d| - delta / 2). */
#define hebb_huber(prediction, ...) HEBB_LOSS_(hebb_huber_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_huber_with(hebb_tensor *prediction, hebb_tensor *target,
                                      const hebb_loss_options *options);
/* log(cosh(p - t)). */
#define hebb_log_cosh(prediction, ...) HEBB_LOSS_(hebb_log_cosh_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_log_cosh_with(hebb_tensor *prediction, hebb_tensor *target,
                                         const hebb_loss_options *options);
/* max(1 - t p, 0) for targets -1 or 1; if all are 0 or 1, 0 stands for -1. */
#define hebb_hinge(prediction, ...) HEBB_LOSS_(hebb_hinge_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_hinge_with(hebb_tensor *prediction, hebb_tensor *target,
                                      const hebb_loss_options *options);
/* Its square. */
#define hebb_squared_hinge(prediction, ...)                                                        \
    HEBB_LOSS_(hebb_squared_hinge_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_squared_hinge_with(hebb_tensor *prediction, hebb_tensor *target,
                                              const hebb_loss_options *options);
/* max(1 + max of (1 - t) p - sum of t p, 0) along the last axis. */
#define hebb_categorical_hinge(prediction, ...)                                                    \
    HEBB_LOSS_(hebb_categorical_hinge_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_categorical_hinge_with(hebb_tensor *prediction, hebb_tensor *target,
                                                  const hebb_loss_options *options);
/* -t log p - (1 - t) log(1 - p), p within 1e-7 of 0 and 1; from logits
   softplus(x) - t x, finite for any finite x. */
#define hebb_binary_cross_entropy(prediction, ...)                                                 \
    HEBB_LOSS_(hebb_binary_cross_entropy_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_binary_cross_entropy_with(hebb_tensor *prediction, hebb_tensor *target,
                                                     const hebb_loss_options *options);
/* -sum of t log p along the last axis, p scaled to a sum of 1 and within 1e-7 of 0 and 1. */
#define hebb_categorical_cross_entropy(prediction, ...)                                            \
    HEBB_LOSS_(hebb_categorical_cross_entropy_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_categorical_cross_entropy_with(hebb_tensor *prediction,
                                                          hebb_tensor *target,
                                                          const hebb_loss_options *options);
/* The binary cross entropy times (1 - p_t)^gamma, p_t the predicted probability of the true class
   (T. Lin et al. 2017). */
#define hebb_binary_focal_cross_entropy(prediction, ...)                                           \
    HEBB_LOSS_(hebb_binary_focal_cross_entropy_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_binary_focal_cross_entropy_with(hebb_tensor *prediction,
                                                           hebb_tensor *target,
                                                           const hebb_loss_options *options);
/* -sum of alpha (1 - p)^gamma t log p. */
#define hebb_categorical_focal_cross_entropy(prediction, ...)                                      \
    HEBB_LOSS_(hebb_categorical_focal_cross_entropy_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_categorical_focal_cross_entropy_with(hebb_tensor *prediction,
                                                                hebb_tensor *target,
                                                                const hebb_loss_options *options);
/* sum of t log(t / p) along the last axis, both between 1e-7 and 1. */
#define hebb_kl_divergence(prediction, ...)                                                        \
    HEBB_LOSS_(hebb_kl_divergence_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_kl_divergence_with(hebb_tensor *prediction, hebb_tensor *target,
                                              const hebb_loss_options *options);
/* p - t log(p + 1e-7). */
#define hebb_poisson(prediction, ...) HEBB_LOSS_(hebb_poisson_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_poisson_with(hebb_tensor *prediction, hebb_tensor *target,
                                        const hebb_loss_options *options);
/* -cosine of the angle between the last axis' rows. */
#define hebb_cosine_similarity(prediction, ...)                                                    \
    HEBB_LOSS_(hebb_cosine_similarity_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_cosine_similarity_with(hebb_tensor *prediction, hebb_tensor *target,
                                                  const hebb_loss_options *options);
/* 1 - 2 sum(t p) / (sum t + sum p + 1e-7) over everything: one value. */
#define hebb_dice(prediction, ...) HEBB_LOSS_(hebb_dice_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_dice_with(hebb_tensor *prediction, hebb_tensor *target,
                                     const hebb_loss_options *options);
/* 1 - sum(t p) / (sum(t p) + alpha sum((1 - t) p) + beta sum(t (1 - p)) + 1e-7) over everything:
   one value. alpha weighs false positives, beta false negatives (S. Salehi et al. 2017; the code of
   Keras has the two exchanged). */
#define hebb_tversky(prediction, ...) HEBB_LOSS_(hebb_tversky_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_tversky_with(hebb_tensor *prediction, hebb_tensor *target,
                                        const hebb_loss_options *options);
/* -log p[label] along the last axis; labels i32 [...] for a prediction [..., classes]. NaN for a
   label that is not in 0...classes-1, unless it is the ignored one. */
#define hebb_sparse_categorical_cross_entropy(prediction, ...)                                     \
    HEBB_LOSS_(hebb_sparse_categorical_cross_entropy_with, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_sparse_categorical_cross_entropy_with(hebb_tensor *prediction,
                                                                 hebb_tensor *labels,
                                                                 const hebb_loss_options *options);

/* ---- sequences ---- */

typedef struct hebb_ctc_options {
    hebb_tensor *label_lengths; /* i32 [batch]; default: labels up to the last that is no blank */
    hebb_tensor *logit_lengths; /* i32 [batch]; default: all of time */
    int64_t blank;              /* the class that stands for no label; default 0 */
    hebb_reduction reduction;   /* of the values [batch] */
    hebb_tensor *weights;       /* [batch] or scalar */
    int reserved_;
} hebb_ctc_options;

/* Connectionist temporal classification (A. Graves et al. 2006): minus the logarithm of the
   probability that logits [batch, time, classes], floating, read as the labels i32 [batch, length],
   summed over all ways to align the two: at each time a label or a blank is read, repeated ones are
   one, and blanks are left out then. Labels and times beyond a lengths' end do not matter, whatever
   they are. The value is infinite, and its gradient 0, if there are fewer times than such a reading
   takes; NaN if a label is the blank or not in 0...classes-1. The mean is over the batch, not by
   label as in PyTorch. Classes must be known. */
#define hebb_ctc(logits, ...) hebb_ctc_args(logits, __VA_ARGS__, .reserved_ = 0)
#define hebb_ctc_args(logits, labels, ...)                                                         \
    hebb_ctc_with(HEBB_HERE(logits), (labels), &(const hebb_ctc_options){__VA_ARGS__})
HEBB_API hebb_tensor *hebb_ctc_with(hebb_tensor *logits, hebb_tensor *labels,
                                    const hebb_ctc_options *options);

#ifdef __cplusplus
}
#endif

#ifndef HEBB_NO_HERE
#define hebb_square_loss(x, target)             (hebb_square_loss)(HEBB_HERE(x), target)
#define hebb_log_loss(x, c)                     (hebb_log_loss)(HEBB_HERE(x), c)
#define hebb_hinge_loss(x, c, margin)           (hebb_hinge_loss)(HEBB_HERE(x), c, margin)
#define hebb_log_softmax_loss(x, labels)        (hebb_log_softmax_loss)(HEBB_HERE(x), labels)
#define hebb_max_margin_loss(x, labels, margin) (hebb_max_margin_loss)(HEBB_HERE(x), labels, margin)
#define hebb_sparse_softmax_cross_entropy(logits, labels)                                          \
    (hebb_sparse_softmax_cross_entropy)(HEBB_HERE(logits), labels)
#endif
#endif
