/* One gradient rule an op, and what the driver hands it. */
#ifndef HB_AUTODIFF_H
#define HB_AUTODIFF_H

#include <hebb/autodiff.h>
#include "../graph/graph.h"

/* A node y = op(x[0], x[1], ...) with the cotangent dy of its result. The rule stores in dx[k] the
   cotangent of x[k] for each k with want[k] (the others are ignored), of x[k]'s shape or of one
   that it broadcasts to: the driver sums it down. Rules are written with the builders of hebb/ops.h
   and refer to other tensors' shapes, never to numbers, so that open sizes work. */
typedef struct hb_grad {
    hebb_tensor *y, *dy;
    hebb_tensor *const *x;
    const bool *want;
    hebb_tensor **dx;
    /* of a SCAN: its results that have cotangents, and these */
    int n_results;
    hebb_tensor *const *results, *const *cotangents;
} hb_grad;

typedef void (*hb_gradient_rule)(hb_grad *d);

/* As hebb_gradients(), of checked arguments, except that an x is taken as independent of the other
   xs: what it is computed from gets nothing through it. */
void hb_gradients_within(hebb_graph *graph, hebb_tensor *const *ys, size_t n_ys,
                         hebb_tensor *const *xs, size_t n_xs, hebb_tensor *const *cotangents,
                         hebb_tensor **gradients);

/* By op. The rules are in rules.c and rules_*.c. */
extern const hb_gradient_rule hb_gradient_rules[HB_OPS];
#define OP(ID, name, from, to, shape, gradient, lowering, code)                                    \
    void gradient_##gradient(hb_grad *d);
#include "../graph/ops.def"
#undef OP
/* The table's marks for rows without a rule. */
void gradient_NONE(hb_grad *d);    /* the op is constant as far as gradients go */
void gradient_MISSING(hb_grad *d); /* to ask for it is an error */

#endif
