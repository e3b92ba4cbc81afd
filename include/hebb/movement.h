/* Movement beyond that of hebb/ops.h. Sizes may be HEBB_ANY unless said. */
#ifndef HEBB_MOVEMENT_H
#define HEBB_MOVEMENT_H

#include <hebb/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* x reversed along each of the axes. */
HEBB_API hebb_tensor *hebb_flip(hebb_tensor *x, const int *axes, int n_axes);
/* x with one axis moved to another place, the others in order; and with two axes exchanged. */
HEBB_API hebb_tensor *hebb_move_axis(hebb_tensor *x, int from, int to);
HEBB_API hebb_tensor *hebb_swap_axes(hebb_tensor *x, int a, int b);
/* Tensors of one shape and dtype side by side along a new axis. NULL as from hebb_concat(). */
HEBB_API hebb_tensor *hebb_stack(hebb_tensor *const *tensors, int count, int axis);
HEBB_API hebb_tensor *hebb_stack_at(const char *file, int line, hebb_tensor *const *tensors,
                                    int count, int axis); /* what the macro hebb_stack() calls */
/* `count` equal parts along an axis, whose size must be known, into parts[0...count). */
HEBB_API void hebb_split(hebb_tensor *x, int axis, int count, hebb_tensor **parts);
/* Parts of the sizes given, which must add up to x's; one of them may be HEBB_ANY: what is left. */
HEBB_API void hebb_split_sizes(hebb_tensor *x, int axis, const int64_t *sizes, int count,
                               hebb_tensor **parts);
/* x `times` times one after the other along an axis; and each of its elements `times` times. */
HEBB_API hebb_tensor *hebb_tile(hebb_tensor *x, int axis, int64_t times);
HEBB_API hebb_tensor *hebb_repeat(hebb_tensor *x, int axis, int64_t times);
/* Element i goes to place i + shift modulo the size; shift may be negative. */
HEBB_API hebb_tensor *hebb_roll(hebb_tensor *x, int64_t shift, int axis);

/* Elements [i, i + offset] of the matrices in two axes: rows `axis1`, columns `axis2`. These axes
   are removed, and the diagonal becomes the last one. */
HEBB_API hebb_tensor *hebb_diagonal(hebb_tensor *x, int offset, int axis1, int axis2);
/* `base` with x written over its diagonal: x must have the diagonal's shape. */
HEBB_API hebb_tensor *hebb_diagonal_scatter(hebb_tensor *base, hebb_tensor *x, int offset,
                                            int axis1, int axis2);
/* The matrices in the last two axes, 0 (false) above (triu: below) diagonal k, which is kept. */
HEBB_API hebb_tensor *hebb_tril(hebb_tensor *x, int64_t k);
HEBB_API hebb_tensor *hebb_triu(hebb_tensor *x, int64_t k);

/* x with `before` elements more in front of an axis and `after` behind it: mirrored at the first
   and last element, which are not repeated (both must be less than the size: HEBB_E_SHAPE); or
   copies of the first and the last element (of which there must be one). */
HEBB_API hebb_tensor *hebb_pad_reflect(hebb_tensor *x, int axis, int64_t before, int64_t after);
HEBB_API hebb_tensor *hebb_pad_edge(hebb_tensor *x, int axis, int64_t before, int64_t after);

#ifdef __cplusplus
}
#endif

#ifndef HEBB_NO_HERE
#define hebb_flip(x, ...)                (hebb_flip)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_move_axis(x, ...)           (hebb_move_axis)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_swap_axes(x, ...)           (hebb_swap_axes)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_split(x, ...)               (hebb_split)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_split_sizes(x, ...)         (hebb_split_sizes)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_tile(x, ...)                (hebb_tile)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_repeat(x, ...)              (hebb_repeat)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_roll(x, ...)                (hebb_roll)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_diagonal(x, ...)            (hebb_diagonal)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_diagonal_scatter(base, ...) (hebb_diagonal_scatter)(HEBB_HERE(base), __VA_ARGS__)
#define hebb_tril(x, ...)                (hebb_tril)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_triu(x, ...)                (hebb_triu)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_pad_reflect(x, ...)         (hebb_pad_reflect)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_pad_edge(x, ...)            (hebb_pad_edge)(HEBB_HERE(x), __VA_ARGS__)
#define hebb_stack(...)                  hebb_stack_at(__FILE__, __LINE__, __VA_ARGS__)
#endif
#endif
