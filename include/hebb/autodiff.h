/* Reverse-mode differentiation. */
#ifndef HEBB_AUTODIFF_H
#define HEBB_AUTODIFF_H

#include <hebb/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Appends to the graph the gradient of the sum over all elements of all `ys` with respect to each
   of the `xs`, and stores the tensors, each of the shape and dtype of its x, in gradients[n_xs].
   They are ordinary tensors: they can be fetched, used in further ops, and differentiated again.

   `cotangents` may be NULL, or hold for each y a tensor of its shape that weights it (an entry may
   be NULL: ones). The gradient of an x that no y depends on is zeros, as is that of an x that is
   reached only through stop_gradient, comparisons or integers.

   Errors, in the graph: HEBB_E_DTYPE if a y or x is not floating; HEBB_E_GRADIENT if the path from
   an x to a y goes through an op that has no gradient rule; the message names it. All gradients are
   then inert, and the status is returned too. */
HEBB_API hebb_status hebb_gradients(hebb_tensor *const *ys, size_t n_ys, hebb_tensor *const *xs,
                                    size_t n_xs, hebb_tensor *const *cotangents,
                                    hebb_tensor **gradients);

/* The gradient of one y with respect to one x. */
HEBB_API hebb_tensor *hebb_gradient(hebb_tensor *y, hebb_tensor *x);

#ifdef __cplusplus
}
#endif

#ifndef HEBB_NO_HERE
#define hebb_gradient(y, x) (hebb_gradient)(HEBB_HERE(y), x)
#endif
#endif
