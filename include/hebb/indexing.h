/* Indexing along any axis, sorting, and choosing. Indices are i32. */
#ifndef HEBB_INDEXING_H
#define HEBB_INDEXING_H

#include <hebb/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Slices of x along `axis` picked by indices [m...], whose dimensions take the axis' place:
   hebb_gather() along any axis. */
HEBB_API hebb_tensor *hebb_take(hebb_tensor *x, hebb_tensor *indices, int axis);
/* result[i, j, k] = x[i, indices[i, j, k], k] for axis 1, and so on: indices have x's sizes but
   along the axis. An index outside 0...n-1 gives NaN (0 for integers and bool) and receives no
   gradient. NumPy's take_along_axis, PyTorch's gather. */
HEBB_API hebb_tensor *hebb_take_along(hebb_tensor *x, hebb_tensor *indices, int axis);
/* `base` with x, of the indices' shape, written to the elements that hebb_take_along() would take:
   of several written to one element the last along the axis stays. Indices outside 0...n-1 are
   dropped. */
HEBB_API hebb_tensor *hebb_put_along(hebb_tensor *base, hebb_tensor *indices, hebb_tensor *x,
                                     int axis);
/* The same, added; numeric. */
HEBB_API hebb_tensor *hebb_add_along(hebb_tensor *base, hebb_tensor *indices, hebb_tensor *x,
                                     int axis);
/* `base` [n, ...] with rows of x [m..., ...] written at the indices [m...]; of repeated ones the
   last stays; ones outside 0...n-1 are dropped. */
HEBB_API hebb_tensor *hebb_scatter_set(hebb_tensor *base, hebb_tensor *indices, hebb_tensor *x);

/* The indices (i32) that sort x along an axis, ascending or descending. The sort is stable; NaN
   counts as the largest. Any dtype; no gradient. HEBB_E_SHAPE for more than 2^31 - 1 elements along
   the axis. */
HEBB_API hebb_tensor *hebb_argsort(hebb_tensor *x, int axis, bool descending);
HEBB_API hebb_tensor *hebb_sort(hebb_tensor *x, int axis, bool descending);
/* The k largest elements along an axis in descending order (or the k smallest, ascending), and in
   *indices (may be NULL) their indices: the first k of hebb_sort() and hebb_argsort(). HEBB_E_SHAPE
   if there are fewer than k. */
HEBB_API hebb_tensor *hebb_top_k(hebb_tensor *x, int64_t k, int axis, bool largest,
                                 hebb_tensor **indices);

/* Another name of hebb_select(). */
HEBB_API hebb_tensor *hebb_where(hebb_tensor *condition, hebb_tensor *a, hebb_tensor *b);

#ifdef __cplusplus
}
#endif

#ifndef HEBB_NO_HERE
#define hebb_take(x, ...)           (hebb_take)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_take_along(x, ...)     (hebb_take_along)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_put_along(base, ...)   (hebb_put_along)(HEBB_HERE(base), __VA_ARGS__)
#define hebb_add_along(base, ...)   (hebb_add_along)(HEBB_HERE(base), __VA_ARGS__)
#define hebb_scatter_set(base, ...) (hebb_scatter_set)(HEBB_HERE(base), __VA_ARGS__)
#define hebb_argsort(x, ...)        (hebb_argsort)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_sort(x, ...)           (hebb_sort)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_top_k(x, ...)          (hebb_top_k)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_where(condition, ...)  (hebb_where)(HEBB_HERE(condition), __VA_ARGS__)
#endif
#endif
