/* Keras's losses, composed from the public operations (hebb/losses.h). Each makes values, one for
   each element or row; loss() checks before and weights and reduces after. */
#include <math.h>
#include <stdio.h>

#include <hebb/activations.h>
#include <hebb/losses.h>
#include <hebb/normalization.h>
#include <hebb/ops.h>
#include <hebb/reductions.h>

#include "nn.h"

static const double SMALL = 1e-7; /* keeps logarithms and quotients finite, as in Keras */
static const hebb_loss_options DEFAULTS;

static hebb_tensor *from_one(hebb_tensor *x) { return hebb_sub(number(x, 1), x); }
static hebb_tensor *at_least(hebb_tensor *x, double least) {
    return hebb_maximum(x, number(x, least));
}
static hebb_tensor *inside(hebb_tensor *p) { return hebb_clip(p, SMALL, 1 - SMALL); }
static hebb_tensor *rows(hebb_tensor *x) { return hebb_sum(x, HEBB_AXES(-1), false); }
static hebb_tensor *all(hebb_tensor *x) { return hebb_sum(x, HEBB_ALL_AXES, false); }

/* ---- what all losses share ---- */

/* A loss: its values, elementwise or, with rows, one for each row of the last axis (or one for
   all). */
typedef struct loss_kind {
    const char *name;
    hebb_tensor *(*values)(hebb_tensor *p, hebb_tensor *t, const hebb_loss_options *o);
    bool rows;
} loss_kind;

static hebb_tensor *check_tensors(const loss_kind *kind, hebb_tensor *p, hebb_tensor *t) {
    hebb_graph *graph = hebb_tensor_graph(p != NULL ? p : t);
    hebb_shape a = hebb_tensor_shape(p), b = hebb_tensor_shape(t);
    hebb_dtype dtype = hebb_tensor_dtype(p);
    char message[512], ta[160], tb[160];
    snprintf(message, sizeof message, "%s: the %s is NULL", kind->name,
             p == NULL ? "prediction" : "target");
    if (p == NULL || t == NULL) return hebb_graph_fail(graph, HEBB_E_NULL, message);
    if (hebb_tensor_is_inert(p)) return p;
    if (hebb_tensor_is_inert(t)) return t;
    snprintf(message, sizeof message,
             "%s: the prediction is %s %s, the target %s %s; wanted are floating ones of one "
             "shape%s",
             kind->name, hebb_dtype_name(dtype), hebb_shape_text(a, ta, sizeof ta),
             hebb_dtype_name(hebb_tensor_dtype(t)), hebb_shape_text(b, tb, sizeof tb),
             kind->rows ? ", of rank 1 or more" : "");
    if (!hebb_dtype_floating(dtype) || hebb_tensor_dtype(t) != dtype)
        return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    bool fit = a.rank == b.rank && a.rank >= (kind->rows ? 1 : 0);
    for (int k = 0; fit && k < a.rank; k++)
        fit = a.dim[k] == b.dim[k] || a.dim[k] == HEBB_ANY || b.dim[k] == HEBB_ANY;
    return fit ? NULL : hebb_graph_fail(graph, HEBB_E_SHAPE, message);
}

static hebb_tensor *check_options(const loss_kind *kind, hebb_tensor *p,
                                  const hebb_loss_options *o) {
    char message[256];
    const struct {
        const char *name;
        double value, most;
    } range[] = {{"label_smoothing", o->label_smoothing, 1},
                 {"delta", o->delta, INFINITY},
                 {"gamma", o->gamma, INFINITY},
                 {"alpha", o->alpha, INFINITY},
                 {"beta", o->beta, INFINITY}};
    for (size_t k = 0; k < sizeof range / sizeof *range; k++) {
        if (range[k].value >= 0 && range[k].value <= range[k].most) continue;
        snprintf(message, sizeof message, "%s: %s is %g, not in 0...%g", kind->name, range[k].name,
                 range[k].value, range[k].most);
        return hebb_graph_fail(hebb_tensor_graph(p), HEBB_E_ARGUMENT, message);
    }
    hebb_shape shape = hebb_tensor_shape(p);
    snprintf(message, sizeof message,
             "%s: label smoothing needs to know how many classes there are, but the prediction's "
             "last size is open",
             kind->name);
    if (kind->rows && o->label_smoothing > 0 && shape.dim[shape.rank - 1] == HEBB_ANY)
        return hebb_graph_fail(hebb_tensor_graph(p), HEBB_E_SHAPE, message);
    snprintf(message, sizeof message, "%s: there is no reduction %d", kind->name,
             (int)o->reduction);
    if ((unsigned)o->reduction <= HEBB_REDUCTION_NONE) return NULL;
    return hebb_graph_fail(hebb_tensor_graph(p), HEBB_E_ARGUMENT, message);
}

hebb_tensor *hb_align_weights(const char *name, hebb_tensor *weights, hebb_tensor *values) {
    if (hebb_tensor_is_inert(values)) return values;
    if (hebb_tensor_is_inert(weights)) return weights;
    hebb_shape w = hebb_tensor_shape(weights), v = hebb_tensor_shape(values);
    char message[512], tw[160], tv[160];
    snprintf(message, sizeof message,
             "%s: weights %s are not for values %s: sizes from the first on must be 1 or the same",
             name, hebb_shape_text(w, tw, sizeof tw), hebb_shape_text(v, tv, sizeof tv));
    bool fit = w.rank <= v.rank;
    for (int k = 0; fit && k < w.rank; k++)
        fit = w.dim[k] == 1 || w.dim[k] == v.dim[k] || w.dim[k] == HEBB_ANY || v.dim[k] == HEBB_ANY;
    if (!fit) return hebb_graph_fail(hebb_tensor_graph(values), HEBB_E_SHAPE, message);
    if (hebb_tensor_dtype(weights) != hebb_tensor_dtype(values))
        weights = hebb_cast(weights, hebb_tensor_dtype(values));
    for (int k = w.rank; k < v.rank && w.rank > 0; k++) weights = hebb_expand_dims(weights, -1);
    return weights;
}

hebb_tensor *hb_reduce_loss(const char *name, hebb_tensor *values, hebb_tensor *counted,
                            hebb_tensor *weights, hebb_reduction reduction) {
    if (counted != NULL) values = hebb_select(counted, values, number(values, 0));
    if (weights != NULL) values = hebb_mul(values, hb_align_weights(name, weights, values));
    if (reduction == HEBB_REDUCTION_NONE) return values;
    if (reduction == HEBB_REDUCTION_SUM) return all(values);
    if (counted == NULL) return hebb_mean(values, HEBB_ALL_AXES, false);
    hebb_tensor *n = all(hebb_cast(counted, hebb_tensor_dtype(values)));
    return hebb_div(all(values), at_least(n, 1));
}

/* f16 holds neither 1e-7 nor 1 - 1e-7. */
static bool is_half(hebb_tensor *x) {
    return hebb_tensor_dtype(x) == HEBB_F16 || hebb_tensor_dtype(x) == HEBB_BF16;
}

static hebb_tensor *loss(const loss_kind *kind, hebb_tensor *p, hebb_tensor *t,
                         const hebb_loss_options *o) {
    if (o == NULL) o = &DEFAULTS;
    hebb_tensor *failed = check_tensors(kind, p, t);
    if (p == NULL || failed != NULL) return failed;
    failed = check_options(kind, p, o);
    if (failed != NULL) return failed;
    if (is_half(p))
        return hebb_cast(loss(kind, hebb_cast(p, HEBB_F32), hebb_cast(t, HEBB_F32), o),
                         hebb_tensor_dtype(p));
    hebb_tensor *values = kind->values(p, t, o);
    bool whole = o->reduction == HEBB_REDUCTION_MEAN && o->weights == NULL;
    if (!kind->rows && !whole && hebb_tensor_shape(values).rank > 1)
        values = hebb_mean(values, HEBB_AXES(-1), false);
    return hb_reduce_loss(kind->name, values, NULL, o->weights, o->reduction);
}

#define VALUES(name)                                                                               \
    static hebb_tensor *name(hebb_tensor *p, hebb_tensor *t, const hebb_loss_options *o)

/* ---- distances ---- */

VALUES(mean_squared_error) { return hebb_square(hebb_sub(p, t)); }

VALUES(mean_absolute_error) { return hebb_abs(hebb_sub(p, t)); }

VALUES(mean_absolute_percentage_error) {
    return times(hebb_div(hebb_abs(hebb_sub(p, t)), at_least(hebb_abs(t), SMALL)), 100);
}

VALUES(mean_squared_logarithmic_error) {
    return hebb_square(hebb_sub(hebb_log1p(at_least(p, SMALL)), hebb_log1p(at_least(t, SMALL))));
}

VALUES(huber) {
    hebb_tensor *size = hebb_abs(hebb_sub(p, t));
    hebb_tensor *near = hebb_minimum(size, number(size, or_default(o->delta, 1)));
    return hebb_mul(near, hebb_sub(size, times(near, 0.5)));
}

/* d + softplus(-2 d) - log 2, which does not overflow. */
VALUES(log_cosh) {
    hebb_tensor *d = hebb_sub(p, t);
    return plus(hebb_add(d, hebb_softplus(times(d, -2))), -log(2));
}

VALUES(cosine_similarity) {
    return hebb_neg(rows(hebb_mul(hebb_unit_normalization(p, -1), hebb_unit_normalization(t, -1))));
}

VALUES(poisson) { return hebb_sub(p, hebb_mul(t, hebb_log(plus(p, SMALL)))); }

/* ---- margins ---- */

/* Signs; targets that all are 0 or 1 stand for -1 and 1. */
static hebb_tensor *signs(hebb_tensor *t) {
    hebb_tensor *binary = hebb_or(hebb_equal(t, number(t, 0)), hebb_equal(t, number(t, 1)));
    return hebb_select(hebb_all(binary, HEBB_ALL_AXES, false), plus(times(t, 2), -1), t);
}

VALUES(hinge) { return hebb_relu(from_one(hebb_mul(signs(t), p))); }
VALUES(squared_hinge) { return hebb_square(hinge(p, t, o)); }

VALUES(categorical_hinge) {
    hebb_tensor *right = rows(hebb_mul(t, p));
    hebb_tensor *wrong = hebb_max(hebb_mul(from_one(t), p), HEBB_AXES(-1), false);
    return hebb_relu(plus(hebb_sub(wrong, right), 1));
}

/* ---- cross entropies ---- */

static hebb_tensor *smoothed(hebb_tensor *t, double smoothing, double classes) {
    return smoothing == 0 ? t : plus(times(t, 1 - smoothing), smoothing / classes);
}

static hebb_tensor *binary_values(hebb_tensor *p, hebb_tensor *t, bool from_logits) {
    if (from_logits) return hebb_sub(hebb_softplus(p), hebb_mul(t, p));
    p = inside(p);
    hebb_tensor *yes = hebb_mul(t, hebb_log(p));
    return hebb_neg(hebb_add(yes, hebb_mul(from_one(t), hebb_log(from_one(p)))));
}

VALUES(binary_cross_entropy) {
    return binary_values(p, smoothed(t, o->label_smoothing, 2), o->from_logits);
}

VALUES(binary_focal_cross_entropy) {
    t = smoothed(t, o->label_smoothing, 2);
    hebb_tensor *q = o->from_logits ? hebb_sigmoid(p) : p;
    hebb_tensor *sure = hebb_add(hebb_mul(t, q), hebb_mul(from_one(t), from_one(q)));
    hebb_tensor *doubt = hebb_pow(from_one(sure), number(sure, or_default(o->gamma, 2)));
    return hebb_mul(doubt, binary_values(p, t, o->from_logits));
}

/* The last axis' size, which is known where it matters: see check_options(). */
static double classes_of(hebb_tensor *p) {
    hebb_shape shape = hebb_tensor_shape(p);
    return (double)shape.dim[shape.rank - 1];
}

/* log p along the last axis. */
static hebb_tensor *log_probability(hebb_tensor *p, bool from_logits) {
    if (from_logits) return hebb_log_softmax(p);
    return hebb_log(inside(hebb_div(p, hebb_sum(p, HEBB_AXES(-1), true))));
}

VALUES(categorical_cross_entropy) {
    t = smoothed(t, o->label_smoothing, classes_of(p));
    return hebb_neg(rows(hebb_mul(t, log_probability(p, o->from_logits))));
}

VALUES(categorical_focal_cross_entropy) {
    t = smoothed(t, o->label_smoothing, classes_of(p));
    hebb_tensor *logarithm = log_probability(p, o->from_logits);
    hebb_tensor *doubt = from_one(hebb_exp(logarithm));
    hebb_tensor *factor = hebb_pow(doubt, number(doubt, or_default(o->gamma, 2)));
    factor = times(factor, or_default(o->alpha, 0.25));
    return hebb_neg(rows(hebb_mul(factor, hebb_mul(t, logarithm))));
}

VALUES(kl_divergence) {
    t = hebb_clip(t, SMALL, 1);
    p = hebb_clip(p, SMALL, 1);
    return rows(hebb_mul(t, hebb_log(hebb_div(t, p))));
}

/* By labels, of which another check is made. */
hebb_tensor *hebb_sparse_categorical_cross_entropy_with(hebb_tensor *p, hebb_tensor *labels,
                                                        const hebb_loss_options *o) {
    static const loss_kind kind = {.name = "sparse_categorical_cross_entropy", .rows = true};
    if (o == NULL) o = &DEFAULTS;
    hebb_tensor *failed = hb_check_labels(kind.name, p, labels);
    if (p == NULL || failed != NULL) return failed;
    failed = check_options(&kind, p, o);
    if (failed != NULL) return failed;
    if (is_half(p))
        return hebb_cast(
            hebb_sparse_categorical_cross_entropy_with(hebb_cast(p, HEBB_F32), labels, o),
            hebb_tensor_dtype(p));
    hebb_tensor *counted = NULL;
    if (o->ignore) counted = hebb_not_equal(labels, number(labels, o->ignored_label));
    hebb_tensor *values = hebb_neg(hb_at_labels(log_probability(p, o->from_logits), labels));
    return hb_reduce_loss(kind.name, values, counted, o->weights, o->reduction);
}

/* ---- overlaps ---- */

VALUES(dice) {
    hebb_tensor *sum = plus(hebb_add(all(t), all(p)), SMALL);
    return from_one(hebb_div(times(all(hebb_mul(t, p)), 2), sum));
}

VALUES(tversky) {
    hebb_tensor *both = all(hebb_mul(t, p));
    hebb_tensor *only_p = times(all(hebb_mul(from_one(t), p)), or_default(o->alpha, 0.5));
    hebb_tensor *only_t = times(all(hebb_mul(t, from_one(p))), or_default(o->beta, 0.5));
    return from_one(hebb_div(both, plus(hebb_add(both, hebb_add(only_p, only_t)), SMALL)));
}

/* ---- the public functions ---- */

#define LOSS(name, rows)                                                                           \
    hebb_tensor *hebb_##name##_with(hebb_tensor *p, hebb_tensor *t, const hebb_loss_options *o) {  \
        static const loss_kind kind = {#name, name, rows};                                         \
        return loss(&kind, p, t, o);                                                               \
    }
LOSS(mean_squared_error, false)
LOSS(mean_absolute_error, false)
LOSS(mean_absolute_percentage_error, false)
LOSS(mean_squared_logarithmic_error, false)
LOSS(huber, false)
LOSS(log_cosh, false)
LOSS(cosine_similarity, true)
LOSS(poisson, false)
LOSS(hinge, false)
LOSS(squared_hinge, false)
LOSS(categorical_hinge, true)
LOSS(binary_cross_entropy, false)
LOSS(binary_focal_cross_entropy, false)
LOSS(categorical_cross_entropy, true)
LOSS(categorical_focal_cross_entropy, true)
LOSS(kl_divergence, true)
LOSS(dice, false)
LOSS(tversky, false)
