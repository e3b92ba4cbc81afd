/* Losses and metrics, composed from the public operations. */
#include <stdio.h>

#include "nn.h"

/* Labels that a row of logits can have; an inert tensor otherwise. */
static hebb_status check_labels(const char *what, hebb_tensor *logits, hebb_tensor *labels) {
    hebb_shape x = hebb_tensor_shape(logits), t = hebb_tensor_shape(labels);
    bool fit = x.rank == t.rank + 1 && hebb_tensor_dtype(labels) == HEBB_I32;
    for (int k = 0; fit && k < t.rank; k++)
        fit = x.dim[k] == t.dim[k] || x.dim[k] == HEBB_ANY || t.dim[k] == HEBB_ANY;
    if (fit) return HEBB_OK;
    char message[512], sx[160], st[160];
    snprintf(message, sizeof message,
             "%s: logits %s %s need labels i32 of that shape without its last size, not %s %s",
             what, hebb_dtype_name(hebb_tensor_dtype(logits)), hebb_shape_text(x, sx, sizeof sx),
             hebb_dtype_name(hebb_tensor_dtype(labels)), hebb_shape_text(t, st, sizeof st));
    hebb_graph_fail(hebb_tensor_graph(logits), HEBB_E_SHAPE, message);
    return HEBB_E_SHAPE;
}

/* With z = x - max x: -log softmax(x)[label] = log(sum of e^z) - z[label]. The sum is at least 1.
 */
hebb_tensor *hebb_sparse_softmax_cross_entropy(hebb_tensor *logits, hebb_tensor *labels) {
    if (hebb_tensor_is_inert(logits)) return logits;
    if (hebb_tensor_is_inert(labels))
        return labels != NULL ? labels
                              : hebb_graph_fail(hebb_tensor_graph(logits), HEBB_E_NULL,
                                                "sparse_softmax_cross_entropy: labels is NULL");
    if (check_labels("sparse_softmax_cross_entropy", logits, labels) != HEBB_OK)
        return hebb_graph_fail(hebb_tensor_graph(logits), HEBB_E_SHAPE, "");
    hebb_tensor *z = hebb_sub(logits, hebb_stop_gradient(hebb_max(logits, HEBB_AXES(-1), true)));
    hebb_tensor *total = hebb_sum(hebb_exp(z), HEBB_AXES(-1), false);
    hebb_tensor *at_label =
        hebb_equal(hebb_expand_dims(labels, -1), hebb_iota_like(logits, -1, HEBB_I32));
    hebb_tensor *picked = hebb_select(at_label, z, hebb_scalar_like(z, 0));
    return hebb_mean(hebb_sub(hebb_log(total), hebb_sum(picked, HEBB_AXES(-1), false)),
                     HEBB_ALL_AXES, false);
}

hebb_tensor *hebb_mean_squared_error(hebb_tensor *prediction, hebb_tensor *target) {
    return hebb_mean(hebb_square(hebb_sub(prediction, target)), HEBB_ALL_AXES, false);
}

hebb_tensor *hebb_sparse_accuracy(hebb_tensor *logits, hebb_tensor *labels) {
    if (hebb_tensor_is_inert(logits)) return logits;
    if (!hebb_tensor_is_inert(labels) && check_labels("sparse_accuracy", logits, labels) != HEBB_OK)
        return hebb_graph_fail(hebb_tensor_graph(logits), HEBB_E_SHAPE, "");
    hebb_tensor *right = hebb_equal(hebb_argmax(logits, -1, false), labels);
    return hebb_mean(hebb_cast(right, HEBB_F32), HEBB_ALL_AXES, false);
}
