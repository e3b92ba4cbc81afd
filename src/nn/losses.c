/* Losses in the classic notation, and the usual one of classifiers, composed from the public
   operations (hebb/losses.h). */
#include <math.h>
#include <stdio.h>

#include "nn.h"

/* Whether the sizes of a and b are the same in their first n axes, as far as they are known. */
static bool sizes_fit(hebb_shape a, hebb_shape b, int n) {
    bool fit = true;
    for (int k = 0; fit && k < n; k++)
        fit = a.dim[k] == b.dim[k] || a.dim[k] == HEBB_ANY || b.dim[k] == HEBB_ANY;
    return fit;
}

/* Whether each element of x stands at its row's label. */
static hebb_tensor *at_label(hebb_tensor *x, hebb_tensor *labels) {
    return hebb_equal(hebb_expand_dims(labels, -1), hebb_iota_like(x, -1, HEBB_I32));
}

hebb_tensor *hb_is_class(hebb_tensor *x, hebb_tensor *labels) {
    return hebb_and(hebb_greater_equal(labels, hebb_scalar_like(labels, 0)),
                    hebb_less(labels, hebb_size(x, HEBB_AXES(-1), HEBB_I32)));
}

/* The element of each row that `chosen` marks, as at_label() does; NaN where there is none. */
static hebb_tensor *pick(hebb_tensor *x, hebb_tensor *labels, hebb_tensor *chosen) {
    hebb_tensor *y = hebb_sum(hebb_select(chosen, x, hebb_scalar_like(x, 0)), HEBB_AXES(-1), false);
    return hebb_select(hb_is_class(x, labels), y, hebb_scalar_like(y, NAN));
}

hebb_tensor *hb_at_labels(hebb_tensor *x, hebb_tensor *labels) {
    return pick(x, labels, at_label(x, labels));
}

hebb_tensor *hb_check_labels(const char *what, hebb_tensor *logits, hebb_tensor *labels) {
    hebb_graph *graph = hebb_tensor_graph(logits != NULL ? logits : labels);
    hebb_shape x = hebb_tensor_shape(logits), t = hebb_tensor_shape(labels);
    char message[512], sx[160], st[160];
    snprintf(message, sizeof message, "%s: %s is NULL", what, logits == NULL ? "logits" : "labels");
    if (logits == NULL || labels == NULL) return hebb_graph_fail(graph, HEBB_E_NULL, message);
    if (hebb_tensor_is_inert(logits)) return logits;
    if (hebb_tensor_is_inert(labels)) return labels;
    snprintf(message, sizeof message,
             "%s: logits %s %s need labels i32 of that shape without its last size, not %s %s",
             what, hebb_dtype_name(hebb_tensor_dtype(logits)), hebb_shape_text(x, sx, sizeof sx),
             hebb_dtype_name(hebb_tensor_dtype(labels)), hebb_shape_text(t, st, sizeof st));
    if (hebb_tensor_dtype(labels) != HEBB_I32) return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    if (x.rank == t.rank + 1 && sizes_fit(x, t, t.rank)) return NULL;
    return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
}

/* With z = x - max x: -log softmax(x)[label] = log(sum of e^z) - z[label]. The sum is at least 1.
 */
static hebb_tensor *log_softmax_loss(hebb_tensor *x, hebb_tensor *labels) {
    const hebb_dtype dtype = hebb_tensor_dtype(x);
    if (dtype == HEBB_F16 || dtype == HEBB_BF16) /* the sum may be more than f16 holds */
        return hebb_cast(log_softmax_loss(hebb_cast(x, HEBB_F32), labels), dtype);
    hebb_tensor *z = hebb_sub(x, hebb_stop_gradient(hebb_max(x, HEBB_AXES(-1), true)));
    hebb_tensor *total = hebb_sum(hebb_exp(z), HEBB_AXES(-1), false);
    return hebb_sub(hebb_log(total), hb_at_labels(z, labels));
}

hebb_tensor *hebb_log_softmax_loss(hebb_tensor *x, hebb_tensor *labels) {
    hebb_tensor *failed = hb_check_labels("log_softmax_loss", x, labels);
    return x == NULL || failed != NULL ? failed : log_softmax_loss(x, labels);
}

hebb_tensor *hebb_sparse_softmax_cross_entropy(hebb_tensor *logits, hebb_tensor *labels) {
    hebb_tensor *failed = hb_check_labels("sparse_softmax_cross_entropy", logits, labels);
    if (logits == NULL || failed != NULL) return failed;
    return hebb_mean(log_softmax_loss(logits, labels), HEBB_ALL_AXES, false);
}

hebb_tensor *hebb_max_margin_loss(hebb_tensor *x, hebb_tensor *labels, double margin) {
    hebb_tensor *failed = hb_check_labels("max_margin_loss", x, labels);
    if (x == NULL || failed != NULL) return failed;
    hebb_tensor *chosen = at_label(x, labels), *raised = hebb_add(x, hebb_scalar_like(x, margin));
    hebb_tensor *others = hebb_select(chosen, hebb_scalar_like(x, -INFINITY), raised);
    hebb_tensor *best = hebb_max(others, HEBB_AXES(-1), false);
    return hebb_relu(hebb_sub(best, pick(x, labels, chosen)));
}

hebb_tensor *hebb_square_loss(hebb_tensor *x, hebb_tensor *target) {
    return hebb_mul(hebb_square(hebb_sub(x, target)), hebb_scalar_like(x, 0.5));
}

hebb_tensor *hebb_log_loss(hebb_tensor *x, hebb_tensor *c) {
    return hebb_softplus(hebb_neg(hebb_mul(c, x)));
}

hebb_tensor *hebb_hinge_loss(hebb_tensor *x, hebb_tensor *c, double margin) {
    return hebb_relu(hebb_sub(hebb_scalar_like(x, margin), hebb_mul(c, x)));
}

hebb_tensor *hebb_sparse_accuracy(hebb_tensor *logits, hebb_tensor *labels) {
    hebb_tensor *failed = hb_check_labels("sparse_accuracy", logits, labels);
    if (logits == NULL || failed != NULL) return failed;
    hebb_tensor *right = hebb_equal(hebb_argmax(logits, -1, false), labels);
    return hebb_mean(hebb_cast(right, HEBB_F32), HEBB_ALL_AXES, false);
}
