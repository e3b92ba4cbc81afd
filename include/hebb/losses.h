/* Losses, composed from ops.h. */
#ifndef HEBB_LOSSES_H
#define HEBB_LOSSES_H

#include <hebb/graph.h>
#include <hebb/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- losses: scalars, the mean over the batch ---- */
/* -log softmax(logits)[label], by way of log-sum-exp: finite for any finite logits. logits
   [..., classes] floating; labels [...] i32 in 0...classes-1. */
HEBB_API hebb_tensor *hebb_sparse_softmax_cross_entropy(hebb_tensor *logits, hebb_tensor *labels);
/* Mean of (prediction - target)^2 over all elements; both have the same shape. */
HEBB_API hebb_tensor *hebb_mean_squared_error(hebb_tensor *prediction, hebb_tensor *target);

/* ---- losses one by one: a number for each element, or each row, and no mean ---- */
/* (x - target)^2 / 2; x and target broadcast. */
HEBB_API hebb_tensor *hebb_square_loss(hebb_tensor *x, hebb_tensor *target);
/* log(1 + e^(-c x)) for signs c of 1 or -1 (floating; they broadcast): finite for any finite x. */
HEBB_API hebb_tensor *hebb_log_loss(hebb_tensor *x, hebb_tensor *c);
/* max(0, margin - c x); derivative 0 where c x = margin. */
HEBB_API hebb_tensor *hebb_hinge_loss(hebb_tensor *x, hebb_tensor *c, double margin);
/* log(sum over k of e^x_k) - x_label along the last axis, finite for any finite x: the gradient is
   softmax(x) - onehot(label). x [..., classes] floating; labels [...] i32 in 0...classes-1. */
HEBB_API hebb_tensor *hebb_log_softmax_loss(hebb_tensor *x, hebb_tensor *labels);
/* max(0, max over k != label of (x_k + margin) - x_label); shapes as above. Where it is positive
   the gradient is 1 at the winning k (equal ones share it) and -1 at the label. 0 for one class. */
HEBB_API hebb_tensor *hebb_max_margin_loss(hebb_tensor *x, hebb_tensor *labels, double margin);

/* ---- Keras's list ----
   prediction and target are floating and of one shape, as far as sizes are known (HEBB_E_SHAPE: [n,
   1] and [n] would broadcast to [n, n]). Each loss has a value for each example, and is what
   .reduction makes of them. hebb_binary_cross_entropy(logits, target, .from_logits = true) */

typedef enum hebb_reduction {
    HEBB_REDUCTION_MEAN = 0, /* over all values, weighted ones too: a scalar */
    HEBB_REDUCTION_SUM,
    HEBB_REDUCTION_NONE, /* the values themselves: of the shape without the last axis, or
                            elementwise */
} hebb_reduction;

typedef struct hebb_loss_options {
    hebb_reduction reduction;
    hebb_tensor *weights;   /* of each value; broadcasts */
    bool from_logits;       /* cross entropies: the prediction is before its sigmoid or softmax */
    double label_smoothing; /* cross entropies: targets are moved so far towards equal ones */
    double delta;           /* huber: where the parabola ends, default 1 */
    double gamma;           /* focal: default 2 */
    double alpha, beta;     /* categorical focal: alpha, default 0.25; tversky: 0.5 and 0.5 */
    bool ignore; /* sparse: labels equal to ignored_label count for nothing, not even in the */
    int32_t ignored_label; /* mean's divisor */
    int reserved_;
} hebb_loss_options;
#define HEBB_LOSS(name, p, ...) hebb_##name##_args(p, __VA_ARGS__, .reserved_ = 0)
#define HEBB_LOSS_ARGS(name, p, t, ...)                                                            \
    hebb_##name##_with(HEBB_HERE(p), (t), &(const hebb_loss_options){__VA_ARGS__})

/* |p - t|. */
#define hebb_mean_absolute_error(prediction, ...)                                                  \
    HEBB_LOSS(mean_absolute_error, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_mean_absolute_error_with(hebb_tensor *prediction, hebb_tensor *target,
                                                    const hebb_loss_options *options);
/* 100 |p - t| / max(|t|, 1e-7). */
#define hebb_mean_absolute_percentage_error(prediction, ...)                                       \
    HEBB_LOSS(mean_absolute_percentage_error, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_mean_absolute_percentage_error_with(hebb_tensor *prediction,
                                                               hebb_tensor *target,
                                                               const hebb_loss_options *options);
/* (log(1 + max(p, 1e-7)) - log(1 + max(t, 1e-7)))^2. */
#define hebb_mean_squared_logarithmic_error(prediction, ...)                                       \
    HEBB_LOSS(mean_squared_logarithmic_error, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_mean_squared_logarithmic_error_with(hebb_tensor *prediction,
                                                               hebb_tensor *target,
                                                               const hebb_loss_options *options);
/* d^2 / 2 where |d| = |p - t| <= delta, else delta (|d| - delta / 2). */
#define hebb_huber(prediction, ...) HEBB_LOSS(huber, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_huber_with(hebb_tensor *prediction, hebb_tensor *target,
                                      const hebb_loss_options *options);
/* log(cosh(p - t)). */
#define hebb_log_cosh(prediction, ...) HEBB_LOSS(log_cosh, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_log_cosh_with(hebb_tensor *prediction, hebb_tensor *target,
                                         const hebb_loss_options *options);
/* max(1 - t p, 0); targets are -1 or 1. */
#define hebb_hinge(prediction, ...) HEBB_LOSS(hinge, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_hinge_with(hebb_tensor *prediction, hebb_tensor *target,
                                      const hebb_loss_options *options);
/* its square. */
#define hebb_squared_hinge(prediction, ...) HEBB_LOSS(squared_hinge, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_squared_hinge_with(hebb_tensor *prediction, hebb_tensor *target,
                                              const hebb_loss_options *options);
/* max(1 + max of (1 - t) p - sum of t p, 0) along the last axis. */
#define hebb_categorical_hinge(prediction, ...)                                                    \
    HEBB_LOSS(categorical_hinge, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_categorical_hinge_with(hebb_tensor *prediction, hebb_tensor *target,
                                                  const hebb_loss_options *options);
/* -t log p - (1 - t) log(1 - p), p within 1e-7 of 0 and 1; from logits
   softplus(x) - t x, finite for any finite x. */
#define hebb_binary_cross_entropy(prediction, ...)                                                 \
    HEBB_LOSS(binary_cross_entropy, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_binary_cross_entropy_with(hebb_tensor *prediction, hebb_tensor *target,
                                                     const hebb_loss_options *options);
/* -sum of t log p along the last axis, p scaled to a sum of 1. */
#define hebb_categorical_cross_entropy(prediction, ...)                                            \
    HEBB_LOSS(categorical_cross_entropy, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_categorical_cross_entropy_with(hebb_tensor *prediction,
                                                          hebb_tensor *target,
                                                          const hebb_loss_options *options);
/* the binary cross entropy times (1 - p_t)^gamma, p_t the probability of what
   is so (T. Lin et al. 2017). */
#define hebb_binary_focal_cross_entropy(prediction, ...)                                           \
    HEBB_LOSS(binary_focal_cross_entropy, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_binary_focal_cross_entropy_with(hebb_tensor *prediction,
                                                           hebb_tensor *target,
                                                           const hebb_loss_options *options);
/* -sum of alpha (1 - p)^gamma t log p. */
#define hebb_categorical_focal_cross_entropy(prediction, ...)                                      \
    HEBB_LOSS(categorical_focal_cross_entropy, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_categorical_focal_cross_entropy_with(hebb_tensor *prediction,
                                                                hebb_tensor *target,
                                                                const hebb_loss_options *options);
/* sum of t log(t / p) along the last axis, both within 1e-7 of 0 and 1. */
#define hebb_kl_divergence(prediction, ...) HEBB_LOSS(kl_divergence, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_kl_divergence_with(hebb_tensor *prediction, hebb_tensor *target,
                                              const hebb_loss_options *options);
/* p - t log(p + 1e-7). */
#define hebb_poisson(prediction, ...) HEBB_LOSS(poisson, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_poisson_with(hebb_tensor *prediction, hebb_tensor *target,
                                        const hebb_loss_options *options);
/* -cosine of the angle between the last axis' rows. */
#define hebb_cosine_similarity(prediction, ...)                                                    \
    HEBB_LOSS(cosine_similarity, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_cosine_similarity_with(hebb_tensor *prediction, hebb_tensor *target,
                                                  const hebb_loss_options *options);
/* 1 - 2 sum(t p) / (sum t + sum p) over everything: one value. */
#define hebb_dice(prediction, ...) HEBB_LOSS(dice, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_dice_with(hebb_tensor *prediction, hebb_tensor *target,
                                     const hebb_loss_options *options);
/* 1 - sum(t p) / (sum(t p) + alpha sum((1 - t) p) + beta sum(t (1 - p))): one value. */
#define hebb_tversky(prediction, ...) HEBB_LOSS(tversky, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_tversky_with(hebb_tensor *prediction, hebb_tensor *target,
                                        const hebb_loss_options *options);
/* -log p[label] along the last axis; labels i32 [...] for a prediction [..., classes]. */
#define hebb_sparse_categorical_cross_entropy(prediction, ...)                                     \
    HEBB_LOSS(sparse_categorical_cross_entropy, prediction, __VA_ARGS__)
HEBB_API hebb_tensor *hebb_sparse_categorical_cross_entropy_with(hebb_tensor *prediction,
                                                                 hebb_tensor *labels,
                                                                 const hebb_loss_options *options);

#ifdef __cplusplus
}
#endif

#define hebb_mean_absolute_error_args(p, ...) HEBB_LOSS_ARGS(mean_absolute_error, p, __VA_ARGS__)
#define hebb_mean_absolute_percentage_error_args(p, ...)                                           \
    HEBB_LOSS_ARGS(mean_absolute_percentage_error, p, __VA_ARGS__)
#define hebb_mean_squared_logarithmic_error_args(p, ...)                                           \
    HEBB_LOSS_ARGS(mean_squared_logarithmic_error, p, __VA_ARGS__)
#define hebb_huber_args(p, ...)                HEBB_LOSS_ARGS(huber, p, __VA_ARGS__)
#define hebb_log_cosh_args(p, ...)             HEBB_LOSS_ARGS(log_cosh, p, __VA_ARGS__)
#define hebb_hinge_args(p, ...)                HEBB_LOSS_ARGS(hinge, p, __VA_ARGS__)
#define hebb_squared_hinge_args(p, ...)        HEBB_LOSS_ARGS(squared_hinge, p, __VA_ARGS__)
#define hebb_categorical_hinge_args(p, ...)    HEBB_LOSS_ARGS(categorical_hinge, p, __VA_ARGS__)
#define hebb_binary_cross_entropy_args(p, ...) HEBB_LOSS_ARGS(binary_cross_entropy, p, __VA_ARGS__)
#define hebb_categorical_cross_entropy_args(p, ...)                                                \
    HEBB_LOSS_ARGS(categorical_cross_entropy, p, __VA_ARGS__)
#define hebb_binary_focal_cross_entropy_args(p, ...)                                               \
    HEBB_LOSS_ARGS(binary_focal_cross_entropy, p, __VA_ARGS__)
#define hebb_categorical_focal_cross_entropy_args(p, ...)                                          \
    HEBB_LOSS_ARGS(categorical_focal_cross_entropy, p, __VA_ARGS__)
#define hebb_kl_divergence_args(p, ...)     HEBB_LOSS_ARGS(kl_divergence, p, __VA_ARGS__)
#define hebb_poisson_args(p, ...)           HEBB_LOSS_ARGS(poisson, p, __VA_ARGS__)
#define hebb_cosine_similarity_args(p, ...) HEBB_LOSS_ARGS(cosine_similarity, p, __VA_ARGS__)
#define hebb_dice_args(p, ...)              HEBB_LOSS_ARGS(dice, p, __VA_ARGS__)
#define hebb_tversky_args(p, ...)           HEBB_LOSS_ARGS(tversky, p, __VA_ARGS__)
#define hebb_sparse_categorical_cross_entropy_args(p, ...)                                         \
    HEBB_LOSS_ARGS(sparse_categorical_cross_entropy, p, __VA_ARGS__)
#ifndef HEBB_NO_HERE
#define hebb_square_loss(x, target)             (hebb_square_loss)(HEBB_HERE(x), target)
#define hebb_log_loss(x, c)                     (hebb_log_loss)(HEBB_HERE(x), c)
#define hebb_hinge_loss(x, c, margin)           (hebb_hinge_loss)(HEBB_HERE(x), c, margin)
#define hebb_log_softmax_loss(x, labels)        (hebb_log_softmax_loss)(HEBB_HERE(x), labels)
#define hebb_max_margin_loss(x, labels, margin) (hebb_max_margin_loss)(HEBB_HERE(x), labels, margin)
#define hebb_sparse_softmax_cross_entropy(logits, labels)                                          \
    (hebb_sparse_softmax_cross_entropy)(HEBB_HERE(logits), labels)
#define hebb_mean_squared_error(prediction, target)                                                \
    (hebb_mean_squared_error)(HEBB_HERE(prediction), target)
#endif
#endif
