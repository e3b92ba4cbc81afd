/* Reductions beyond those of hebb/ops.h, and scans along an axis: cumulative sums and products,
   linear recurrences. Axes are given as there. */
#ifndef HEBB_REDUCTIONS_H
#define HEBB_REDUCTIONS_H

#include <hebb/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The product; numeric; 1 if there are no elements. Its gradient is right where factors are 0, too.
 */
HEBB_API hebb_tensor *hebb_prod(hebb_tensor *x, const int *axes, int n_axes, bool keep);
/* Whether any, or every, element is true; bool. False, and true, if there are no elements. */
HEBB_API hebb_tensor *hebb_any(hebb_tensor *x, const int *axes, int n_axes, bool keep);
HEBB_API hebb_tensor *hebb_all(hebb_tensor *x, const int *axes, int n_axes, bool keep);

/* log(sum(exp x)), floating, without overflow: the largest element is subtracted first. -inf if
   there are no elements or all are -inf, with gradient 0 there; +inf where one is +inf. */
HEBB_API hebb_tensor *hebb_logsumexp(hebb_tensor *x, const int *axes, int n_axes, bool keep);
/* The sum of squared distances from the mean, which is computed first, over n - ddof: ddof 0 is the
   population's variance, 1 the estimate from a sample. NaN where n <= ddof; floating. */
HEBB_API hebb_tensor *hebb_variance(hebb_tensor *x, const int *axes, int n_axes, bool keep,
                                    int ddof);
/* Its square root. Without gradient (NaN) where it is 0. */
HEBB_API hebb_tensor *hebb_standard_deviation(hebb_tensor *x, const int *axes, int n_axes,
                                              bool keep, int ddof);

/* y[i] = a[i] y[i - 1] + b[i] along an axis of a and b, which broadcast; y[0] = b[0]. With
   `reverse` it runs from the end: y[i] = a[i] y[i + 1] + b[i]. Numeric. */
HEBB_API hebb_tensor *hebb_linear_recurrence(hebb_tensor *a, hebb_tensor *b, int axis,
                                             bool reverse);
/* Element i is the sum (product) of elements 0 ... i; with `exclusive`, of those before i, 0 (1)
   for the first; with `reverse`, of those from i on. Numeric. The product's gradient is right where
   factors are 0. */
HEBB_API hebb_tensor *hebb_cumsum(hebb_tensor *x, int axis, bool exclusive, bool reverse);
HEBB_API hebb_tensor *hebb_cumprod(hebb_tensor *x, int axis, bool exclusive, bool reverse);

#ifdef __cplusplus
}
#endif

#ifndef HEBB_NO_HERE
#define hebb_prod(x, ...)               (hebb_prod)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_any(x, ...)                (hebb_any)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_all(x, ...)                (hebb_all)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_logsumexp(x, ...)          (hebb_logsumexp)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_variance(x, ...)           (hebb_variance)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_standard_deviation(x, ...) (hebb_standard_deviation)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_linear_recurrence(a, ...)  (hebb_linear_recurrence)(HEBB_HERE(a), __VA_ARGS__)
#define hebb_cumsum(x, ...)             (hebb_cumsum)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_cumprod(x, ...)            (hebb_cumprod)(HEBB_HERE(x), __VA_ARGS__)
#endif
#endif
