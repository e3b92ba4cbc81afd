/* Metrics: how good a model is, in numbers for people. */
#ifndef HEBB_METRICS_H
#define HEBB_METRICS_H

#include <hebb/graph.h>
#include <hebb/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

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
