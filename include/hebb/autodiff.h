/* Differentiation: gradients, and products with Jacobians and Hessians. */
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

/* Whether gradients of y reach x: y depends on it by a path that does not lead through an op that
   counts as constant, which are stop_gradient, comparisons, rounding and integers. If not, the
   gradient is zeros. An op without a gradient rule, which is an error, is reached. False for NULL,
   for inert tensors and those of two graphs, and for an x that is not floating. */
HEBB_API bool hebb_gradient_reaches(const hebb_tensor *y, const hebb_tensor *x);

/* HEBB_TENSORS(a, b): a list of tensors and how many they are, two arguments in one. */
#define HEBB_TENSORS(...)                                                                          \
    (hebb_tensor *const[]){__VA_ARGS__},                                                           \
        sizeof((hebb_tensor *const[]){__VA_ARGS__}) / sizeof(hebb_tensor *)

/* Forward mode: the derivative of y along the tangents, the sum over k of dy/dxs[k] tangents[k], of
   y's shape and dtype; zeros if y depends on no x. tangents[k] has the shape and dtype of xs[k].
       hebb_tensor *dy = hebb_jvp(y, HEBB_TENSORS(a, b), HEBB_TENSORS(da, db));
   It is composed of two reverse passes: the gradient with respect to the xs is linear in its
   cotangent, and the gradient of that, with respect to the cotangent and weighted by the tangents,
   is this product (J. Townsend 2017). What only the first pass would need is not computed. So an op
   without a second gradient has none of these either. The result can be differentiated again; the
   tangents may depend on the xs, and count as constants. Errors as for hebb_gradients();
   HEBB_E_ARGUMENT if there are not as many tangents as xs, HEBB_E_SHAPE and HEBB_E_DTYPE if one
   does not fit its x. */
HEBB_API hebb_tensor *hebb_jvp(hebb_tensor *y, hebb_tensor *const *xs, size_t n_xs,
                               hebb_tensor *const *tangents, size_t n_tangents);

/* The product of the Hessian of sum(y) with the vectors: products[k] is the sum over j of
   d2 sum(y) / (dxs[k] dxs[j]) vectors[j], of the shape and dtype of xs[k].
       hebb_hvp(loss, HEBB_TENSORS(w, b), HEBB_TENSORS(dw, db), products);
   The gradient of the gradient, weighted by the vectors: a few times the cost of the gradient, and
   no Hessian in memory. The results can be differentiated again; the vectors count as constants.
   Errors as for hebb_jvp(); all products are inert then, and the status is returned too. */
HEBB_API hebb_status hebb_hvp(hebb_tensor *y, hebb_tensor *const *xs, size_t n_xs,
                              hebb_tensor *const *vectors, size_t n_vectors,
                              hebb_tensor **products);

#ifdef __cplusplus
}
#endif

#ifndef HEBB_NO_HERE
#define hebb_gradient(y, x) (hebb_gradient)(HEBB_HERE(y), x)
#define hebb_jvp(y, ...)    (hebb_jvp)(HEBB_HERE(y), __VA_ARGS__)
#define hebb_hvp(y, ...)    (hebb_hvp)(HEBB_HERE(y), __VA_ARGS__)
#endif
#endif
