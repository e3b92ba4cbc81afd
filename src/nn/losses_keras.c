/* Keras's losses, composed from the public operations (hebb/losses.h). Each makes values, one for
   each element or row; finish() weights and reduces them. */
#include <math.h>
#include <stdio.h>

#include <hebb/activations.h>
#include <hebb/losses.h>
#include <hebb/normalization.h>
#include <hebb/ops.h>

static const double SMALL = 1e-7; /* keeps logarithms and quotients finite, as in Keras */
static const hebb_loss_options DEFAULTS;

static hebb_tensor *number(hebb_tensor *like, double value) {
    return hebb_scalar_like(like, value);
}
static hebb_tensor *times(hebb_tensor *x, double factor) { return hebb_mul(x, number(x, factor)); }
static hebb_tensor *plus(hebb_tensor *x, double term) { return hebb_add(x, number(x, term)); }
static hebb_tensor *from_one(hebb_tensor *x) { return hebb_sub(number(x, 1), x); }
static hebb_tensor *at_least(hebb_tensor *x, double least) {
    return hebb_maximum(x, number(x, least));
}
static hebb_tensor *inside(hebb_tensor *p) { return hebb_clip(p, SMALL, 1 - SMALL); }
static hebb_tensor *rows(hebb_tensor *x) { return hebb_sum(x, HEBB_AXES(-1), false); }
static hebb_tensor *all(hebb_tensor *x) { return hebb_sum(x, HEBB_ALL_AXES, false); }
static double or_default(double value, double preset) { return value == 0 ? preset : value; }

/* ---- arguments and results ---- */

/* NULL if both are floating and of one shape; else what the loss returns. */
static hebb_tensor *misfit(const char *name, hebb_tensor *p, hebb_tensor *t, int rank) {
    if (hebb_tensor_is_inert(p)) return p;
    hebb_graph *graph = hebb_tensor_graph(p);
    hebb_shape a = hebb_tensor_shape(p), b = hebb_tensor_shape(t);
    char message[512], ta[160], tb[160];
    if (t == NULL) {
        snprintf(message, sizeof message, "%s: the target is NULL", name);
        return hebb_graph_fail(graph, HEBB_E_NULL, message);
    }
    if (hebb_tensor_is_inert(t)) return t;
    snprintf(
        message, sizeof message,
        "%s: the prediction is %s %s, the target %s %s; wanted are floating ones of one shape, of "
        "rank %d or more",
        name, hebb_dtype_name(hebb_tensor_dtype(p)), hebb_shape_text(a, ta, sizeof ta),
        hebb_dtype_name(hebb_tensor_dtype(t)), hebb_shape_text(b, tb, sizeof tb), rank);
    if (!hebb_dtype_floating(hebb_tensor_dtype(p)) || hebb_tensor_dtype(p) != hebb_tensor_dtype(t))
        return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    bool fits = a.rank == b.rank && a.rank >= rank;
    for (int k = 0; fits && k < a.rank; k++)
        fits = a.dim[k] == b.dim[k] || a.dim[k] == HEBB_ANY || b.dim[k] == HEBB_ANY;
    return fits ? NULL : hebb_graph_fail(graph, HEBB_E_SHAPE, message);
}

static hebb_tensor *finish(hebb_tensor *values, const hebb_loss_options *o) {
    if (o->weights != NULL) values = hebb_mul(values, o->weights);
    switch (o->reduction) {
    case HEBB_REDUCTION_SUM: return all(values);
    case HEBB_REDUCTION_NONE: return values;
    default: return hebb_mean(values, HEBB_ALL_AXES, false);
    }
}

/* A loss: the check, and its values by an expression of p, t and o. */
#define LOSS(name, rank, ...)                                                                      \
    static hebb_tensor *name##_values(hebb_tensor *p, hebb_tensor *t, const hebb_loss_options *o)  \
        __VA_ARGS__ hebb_tensor *hebb_##name##_with(hebb_tensor *p, hebb_tensor *t,                \
                                                    const hebb_loss_options *o) {                  \
        hebb_tensor *failed = misfit(#name, p, t, rank);                                           \
        if (p == NULL || failed != NULL) return failed;                                            \
        if (o == NULL) o = &DEFAULTS;                                                              \
        return finish(name##_values(p, t, o), o);                                                  \
    }

/* ---- distances ---- */

LOSS(mean_absolute_error, 0, { return hebb_abs(hebb_sub(p, t)); })

LOSS(mean_absolute_percentage_error, 0,
     { return times(hebb_div(hebb_abs(hebb_sub(p, t)), at_least(hebb_abs(t), SMALL)), 100); })

LOSS(mean_squared_logarithmic_error, 0, {
    return hebb_square(hebb_sub(hebb_log1p(at_least(p, SMALL)), hebb_log1p(at_least(t, SMALL))));
})

LOSS(huber, 0, {
    hebb_tensor *size = hebb_abs(hebb_sub(p, t));
    hebb_tensor *near = hebb_minimum(size, number(size, or_default(o->delta, 1)));
    return hebb_mul(near, hebb_sub(size, times(near, 0.5)));
})

/* d + softplus(-2 d) - log 2, which does not overflow. */
LOSS(log_cosh, 0, {
    hebb_tensor *d = hebb_sub(p, t);
    return plus(hebb_add(d, hebb_softplus(times(d, -2))), -log(2));
})

LOSS(cosine_similarity, 1, {
    return hebb_neg(rows(hebb_mul(hebb_unit_normalization(p, -1), hebb_unit_normalization(t, -1))));
})

LOSS(poisson, 0, { return hebb_sub(p, hebb_mul(t, hebb_log(plus(p, SMALL)))); })

/* ---- margins ---- */

LOSS(hinge, 0, { return hebb_relu(from_one(hebb_mul(t, p))); })
LOSS(squared_hinge, 0, { return hebb_square(hebb_relu(from_one(hebb_mul(t, p)))); })

LOSS(categorical_hinge, 1, {
    hebb_tensor *right = rows(hebb_mul(t, p));
    hebb_tensor *wrong = hebb_max(hebb_mul(from_one(t), p), HEBB_AXES(-1), false);
    return hebb_relu(plus(hebb_sub(wrong, right), 1));
})

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

LOSS(binary_cross_entropy, 0,
     { return binary_values(p, smoothed(t, o->label_smoothing, 2), o->from_logits); })

LOSS(binary_focal_cross_entropy, 0, {
    t = smoothed(t, o->label_smoothing, 2);
    hebb_tensor *q = o->from_logits ? hebb_sigmoid(p) : p;
    hebb_tensor *sure = hebb_add(hebb_mul(t, q), hebb_mul(from_one(t), from_one(q)));
    hebb_tensor *doubt = hebb_pow(from_one(sure), number(sure, or_default(o->gamma, 2)));
    return hebb_mul(doubt, binary_values(p, t, o->from_logits));
})

/* The last axis' size; 1 if it is open, which label smoothing says no to. */
static double classes_of(hebb_tensor *p) {
    hebb_shape shape = hebb_tensor_shape(p);
    return (double)shape.dim[shape.rank - 1];
}

/* log p along the last axis. */
static hebb_tensor *log_probability(hebb_tensor *p, bool from_logits) {
    if (from_logits) return hebb_log_softmax(p);
    return hebb_log(inside(hebb_div(p, hebb_sum(p, HEBB_AXES(-1), true))));
}

LOSS(categorical_cross_entropy, 1, {
    t = smoothed(t, o->label_smoothing, classes_of(p));
    return hebb_neg(rows(hebb_mul(t, log_probability(p, o->from_logits))));
})

LOSS(categorical_focal_cross_entropy, 1, {
    t = smoothed(t, o->label_smoothing, classes_of(p));
    hebb_tensor *logarithm = log_probability(p, o->from_logits);
    hebb_tensor *doubt = from_one(hebb_exp(logarithm));
    hebb_tensor *factor = hebb_pow(doubt, number(doubt, or_default(o->gamma, 2)));
    factor = times(factor, or_default(o->alpha, 0.25));
    return hebb_neg(rows(hebb_mul(factor, hebb_mul(t, logarithm))));
})

LOSS(kl_divergence, 1, {
    t = hebb_clip(t, SMALL, 1);
    p = hebb_clip(p, SMALL, 1);
    return rows(hebb_mul(t, hebb_log(hebb_div(t, p))));
})

/* By labels: misfit() is not for them. log_softmax_loss() checks labels against the prediction. */
hebb_tensor *hebb_sparse_categorical_cross_entropy_with(hebb_tensor *p, hebb_tensor *labels,
                                                        const hebb_loss_options *o) {
    if (o == NULL) o = &DEFAULTS;
    if (hebb_tensor_is_inert(p)) return p;
    /* Of probabilities the logarithms are logits. */
    hebb_tensor *logits = o->from_logits ? p : log_probability(p, false);
    hebb_tensor *values = hebb_log_softmax_loss(logits, labels);
    if (!o->ignore || hebb_tensor_is_inert(values)) return finish(values, o);
    hebb_tensor *counts = hebb_not_equal(labels, hebb_scalar_like(labels, o->ignored_label));
    values = hebb_select(counts, values, number(values, 0));
    if (o->reduction != HEBB_REDUCTION_MEAN) return finish(values, o);
    if (o->weights != NULL) values = hebb_mul(values, o->weights);
    hebb_tensor *n = all(hebb_cast(counts, hebb_tensor_dtype(values)));
    return hebb_div(all(values), at_least(n, 1));
}

/* ---- overlaps ---- */

LOSS(dice, 0, {
    hebb_tensor *sum = plus(hebb_add(all(t), all(p)), SMALL);
    return from_one(hebb_div(times(all(hebb_mul(t, p)), 2), sum));
})

LOSS(tversky, 0, {
    hebb_tensor *both = all(hebb_mul(t, p));
    hebb_tensor *only_p = times(all(hebb_mul(from_one(t), p)), or_default(o->alpha, 0.5));
    hebb_tensor *only_t = times(all(hebb_mul(t, from_one(p))), or_default(o->beta, 0.5));
    return from_one(hebb_div(both, plus(hebb_add(both, hebb_add(only_p, only_t)), SMALL)));
})
