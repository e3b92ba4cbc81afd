/* Metrics: how good a model is, in numbers for people. */
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

#ifdef __cplusplus
}
#endif

#ifndef HEBB_NO_HERE
#define hebb_sparse_accuracy(logits, labels) (hebb_sparse_accuracy)(HEBB_HERE(logits), labels)
#endif
#endif
