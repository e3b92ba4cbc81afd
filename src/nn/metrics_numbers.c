/* How well numbers go together: R^2 and correlation (hebb/metrics.h). */
#include <math.h>

#include <hebb/movement.h>

#include "metrics.h"

/* ---- R^2 ---- */

/* totals [4, columns]: the weights, weighted targets, their squares, squares of what is missed. */
static double r2(const hebb_metric *self, const double *totals, size_t n) {
    (void)self;
    size_t columns = n / 4;
    const double *count = totals, *sum = count + columns, *squares = sum + columns;
    const double *missed = squares + columns;
    double scores = 0;
    for (size_t k = 0; k < columns; k++) {
        double spread = squares[k] - hb_quotient(sum[k] * sum[k], count[k]);
        if (spread != 0) scores += 1 - missed[k] / spread;
    }
    return scores / (double)columns;
}

/* Sums over all axes but the last. */
static hebb_tensor *column_sums(hebb_tensor *x) {
    int axes[HEBB_MAX_RANK], n = hebb_tensor_shape(x).rank - 1;
    for (int k = 0; k < n; k++) axes[k] = k;
    return hebb_sum(x, axes, n, false);
}

hebb_metric hebb_metric_r2_score_with(hebb_tensor *p, hebb_tensor *t,
                                      const hebb_metric_options *o) {
    static const char name[] = "r2_score";
    bool wrong;
    o = hb_metric_options(o);
    hebb_tensor *failed = hb_metric_check(name, p, t, &wrong);
    if (wrong) return hb_metric_failed(o, name, failed);
    hebb_shape shape = hebb_tensor_shape(p);
    if (shape.rank < 1 || (shape.rank > 1 && shape.dim[shape.rank - 1] == HEBB_ANY))
        return hb_metric_failed(
            o, name,
            hb_metric_error(p, HEBB_E_SHAPE, name,
                            "the prediction is a scalar or its last size is open"));
    p = hb_metric_wide(p);
    t = hebb_cast(t, hebb_tensor_dtype(p));
    hebb_tensor *w = hb_metric_weights(name, o->weights, p), *missed = hebb_square(hebb_sub(p, t));
    hebb_tensor *terms[] = {w, hebb_mul(w, t), hebb_mul(w, hebb_square(t)), hebb_mul(w, missed)};
    for (int k = 0; k < 4; k++) {
        if (shape.rank == 1) terms[k] = hebb_expand_dims(terms[k], -1);
        terms[k] = column_sums(terms[k]);
    }
    return hb_metric(o, name, hebb_stack(terms, 4, 0), r2);
}

/* ---- correlation ---- */

/* totals: the weights, p, t, p^2, t^2, p t. */
static double correlation(const hebb_metric *self, const double *totals, size_t size) {
    (void)self, (void)size;
    double n = totals[0], p = totals[1], t = totals[2];
    double spread = (n * totals[3] - p * p) * (n * totals[4] - t * t);
    return spread > 0 ? (n * totals[5] - p * t) / sqrt(spread) : 0;
}

static hebb_tensor *centered(hebb_tensor *x) {
    return hebb_sub(x, hebb_mean(x, HEBB_AXES(-1), true));
}
static hebb_tensor *row_sums(hebb_tensor *x) { return hebb_sum(x, HEBB_AXES(-1), false); }

/* Of each row; 0 where it has no spread. */
static hebb_tensor *row_correlations(hebb_tensor *p, hebb_tensor *t) {
    p = centered(p);
    t = centered(t);
    hebb_tensor *spread = hebb_mul(row_sums(hebb_square(p)), row_sums(hebb_square(t)));
    hebb_tensor *zero = number(spread, 0);
    hebb_tensor *r = hebb_div(row_sums(hebb_mul(p, t)), hebb_sqrt(spread));
    return hebb_select(hebb_greater(spread, zero), r, zero);
}

hebb_metric hebb_metric_pearson_correlation_with(hebb_tensor *p, hebb_tensor *t,
                                                 const hebb_metric_options *o) {
    static const char name[] = "pearson_correlation";
    bool wrong;
    o = hb_metric_options(o);
    hebb_tensor *failed = hb_metric_check(name, p, t, &wrong);
    if (wrong) return hb_metric_failed(o, name, failed);
    p = hb_metric_wide(p);
    t = hebb_cast(t, hebb_tensor_dtype(p));
    if (o->by_row)
        return hb_metric(o, name, hb_metric_mean_counts(name, row_correlations(p, t), o->weights),
                         hb_metric_quotient);
    hebb_tensor *w = hb_metric_weights(name, o->weights, p);
    hebb_tensor *wp = hebb_mul(w, p), *wt = hebb_mul(w, t);
    hebb_tensor *terms[] = {w, wp, wt, hebb_mul(wp, p), hebb_mul(wt, t), hebb_mul(wp, t)};
    for (int k = 0; k < 6; k++) terms[k] = hebb_sum(terms[k], HEBB_ALL_AXES, false);
    return hb_metric(o, name, hb_metric_counts(terms, 6), correlation);
}
