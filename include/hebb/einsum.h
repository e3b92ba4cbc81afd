/* Products of vectors and tensors, composed of matrix products and sums. */
#ifndef HEBB_EINSUM_H
#define HEBB_EINSUM_H

#include <hebb/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The sum of products of two vectors of one size; numeric. */
HEBB_API hebb_tensor *hebb_dot(hebb_tensor *a, hebb_tensor *b);
/* Every element of a times every element of b: a's shape, then b's. Numeric. */
HEBB_API hebb_tensor *hebb_outer(hebb_tensor *a, hebb_tensor *b);

/* Einstein summation over one operand (b is NULL) or two, numeric, as in NumPy:
     hebb_einsum("bij,bjk->bik", a, b)   matrix products       hebb_einsum("ij->ji", a, NULL)
     hebb_einsum("...i,...i->...", a, b) dot products          hebb_einsum("ii", a, NULL)   trace
   Each letter (a-z, A-Z) names an axis; axes of one name have one size; what is not named after the
   arrow is summed over, and a letter twice in an operand takes its diagonal. "..." stands for the
   axes without a name, which broadcast. Without an arrow the result has the letters that occur
   once, in alphabetical order, after "...". Spaces are ignored. HEBB_E_ARGUMENT for a formula that
   cannot be read, HEBB_E_SHAPE for one that does not fit; messages quote it and say where. */
HEBB_API hebb_tensor *hebb_einsum(const char *formula, hebb_tensor *a, hebb_tensor *b);

#ifdef __cplusplus
}
#endif

#ifndef HEBB_NO_HERE
#define hebb_dot(a, ...)             (hebb_dot)(HEBB_HERE(a), __VA_ARGS__)
#define hebb_outer(a, ...)           (hebb_outer)(HEBB_HERE(a), __VA_ARGS__)
#define hebb_einsum(formula, a, ...) (hebb_einsum)((formula), HEBB_HERE(a), __VA_ARGS__)
#endif
#endif
