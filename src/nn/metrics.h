/* What the files of metrics share. */
#ifndef HB_METRICS_H
#define HB_METRICS_H

#include "nn.h"

typedef double metric_result(const hebb_metric *self, const double *totals, size_t n);
typedef hebb_metric_options options;

/* Never NULL. */
const options *hb_metric_options(const options *o);
/* o's name, or the given one. */
hebb_metric hb_metric(const options *o, const char *name, hebb_tensor *counts,
                      metric_result *result);
/* The same, of which the counts are an error of that metric in the graph. */
hebb_metric hb_metric_failed(const options *o, const char *name, hebb_tensor *failed);
/* Records an error of x's graph: "name: words". */
hebb_tensor *hb_metric_error(hebb_tensor *x, hebb_status status, const char *name,
                             const char *words);

/* NULL if p is floating and t of its shape; else an inert tensor or NULL: the counts of an error,
   which *wrong says. */
hebb_tensor *hb_metric_check(const char *name, hebb_tensor *p, hebb_tensor *t, bool *wrong);
/* f32, or f64 as it is. */
hebb_tensor *hb_metric_wide(hebb_tensor *x);
/* The weights of values, in the values' shape and dtype; ones for NULL. */
hebb_tensor *hb_metric_weights(const char *name, hebb_tensor *weights, hebb_tensor *values);
/* [n]: scalars one after the other. */
hebb_tensor *hb_metric_counts(hebb_tensor *const *scalars, int n);
/* {sum of weights values, sum of weights} */
hebb_tensor *hb_metric_mean_counts(const char *name, hebb_tensor *values, hebb_tensor *weights);
/* a / b, 0 where b is 0. */
double hb_quotient(double a, double b);
metric_result hb_metric_quotient; /* of totals[0] and totals[1] */

#endif
