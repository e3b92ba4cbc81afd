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
#define hebb_mean_squared_error(prediction, target)                                                \
    (hebb_mean_squared_error)(HEBB_HERE(prediction), target)
#endif
#endif
