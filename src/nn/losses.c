/* Losses and metrics, composed from the public operations. */
#include <stdio.h>

#include "nn.h"

/* Whether the sizes of a and b are the same in their first n axes, as far as they are known. */
static bool sizes_fit(hebb_shape a, hebb_shape b, int n) {
    bool fit = true;
    for (int k = 0; fit && k < n; k++)
        fit = a.dim[k] == b.dim[k] || a.dim[k] == HEBB_ANY || b.dim[k] == HEBB_ANY;
    return fit;
}

/* Records an error in the graph unless the labels are what rows of logits can have. */
static hebb_status check_labels(const char *what, hebb_tensor *logits, hebb_tensor *labels) {
    hebb_shape x = hebb_tensor_shape(logits), t = hebb_tensor_shape(labels);
    bool indices = hebb_tensor_dtype(labels) == HEBB_I32;
    if (indices && x.rank == t.rank + 1 && sizes_fit(x, t, t.rank)) return HEBB_OK;
    char message[512], sx[160], st[160];
    snprintf(message, sizeof message,
             "%s: logits %s %s need labels i32 of that shape without its last size, not %s %s",
             what, hebb_dtype_name(hebb_tensor_dtype(logits)), hebb_shape_text(x, sx, sizeof sx),
             hebb_dtype_name(hebb_tensor_dtype(labels)), hebb_shape_text(t, st, sizeof st));
    hebb_status status = indices ? HEBB_E_SHAPE : HEBB_E_DTYPE;
    hebb_graph_fail(hebb_tensor_graph(logits), status, message);
    return status;
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

/* Broadcasting [n, 1] and [n] to [n, n] would be a loss of something else without a word. */
hebb_tensor *hebb_mean_squared_error(hebb_tensor *prediction, hebb_tensor *target) {
    if (!hebb_tensor_is_inert(prediction) && !hebb_tensor_is_inert(target)) {
        hebb_shape p = hebb_tensor_shape(prediction), t = hebb_tensor_shape(target);
        char message[512], sp[160], st[160];
        snprintf(message, sizeof message, "mean_squared_error: the prediction is %s, the target %s",
                 hebb_shape_text(p, sp, sizeof sp), hebb_shape_text(t, st, sizeof st));
        if (p.rank != t.rank || !sizes_fit(p, t, p.rank))
            return hebb_graph_fail(hebb_tensor_graph(prediction), HEBB_E_SHAPE, message);
    }
    return hebb_mean(hebb_square(hebb_sub(prediction, target)), HEBB_ALL_AXES, false);
}

hebb_tensor *hebb_sparse_accuracy(hebb_tensor *logits, hebb_tensor *labels) {
    if (hebb_tensor_is_inert(logits)) return logits;
    if (!hebb_tensor_is_inert(labels) && check_labels("sparse_accuracy", logits, labels) != HEBB_OK)
        return hebb_graph_fail(hebb_tensor_graph(logits), HEBB_E_SHAPE, "");
    hebb_tensor *right = hebb_equal(hebb_argmax(logits, -1, false), labels);
    return hebb_mean(hebb_cast(right, HEBB_F32), HEBB_ALL_AXES, false);
}
