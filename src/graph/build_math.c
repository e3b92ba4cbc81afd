/* Builders of elementwise mathematics, rounding, and operations on bits (hebb/ops.h). */
#include <math.h>

#include "graph.h"

#define UNARY(function, ID)                                                                        \
    hebb_tensor *hebb_##function(hebb_tensor *x) { return hb_node(NULL, HB_OP_##ID, &x, 1, NULL); }
#define BINARY(function, ID)                                                                       \
    hebb_tensor *hebb_##function(hebb_tensor *a, hebb_tensor *b) {                                 \
        return hb_node(NULL, HB_OP_##ID, (hebb_tensor *[]){a, b}, 2, NULL);                        \
    }

UNARY(rsqrt, RSQRT)
UNARY(cbrt, CBRT)
UNARY(expm1, EXPM1)
UNARY(log1p, LOG1P)
UNARY(log2, LOG2)
UNARY(sin, SIN)
UNARY(cos, COS)
UNARY(tan, TAN)
UNARY(asin, ASIN)
UNARY(acos, ACOS)
UNARY(atan, ATAN)
UNARY(sinh, SINH)
UNARY(cosh, COSH)
UNARY(asinh, ASINH)
UNARY(acosh, ACOSH)
UNARY(atanh, ATANH)
UNARY(erf, ERF)
UNARY(erfc, ERFC)
UNARY(erfinv, ERFINV)
UNARY(lgamma, LGAMMA)
UNARY(digamma, DIGAMMA)
UNARY(ceil, CEIL)
UNARY(round, ROUND)
UNARY(trunc, TRUNC)
UNARY(isnan, ISNAN)
UNARY(isinf, ISINF)
UNARY(isfinite, ISFINITE)
BINARY(zeta, ZETA)
BINARY(floor_div, FLOOR_DIV)
BINARY(mod, MOD)
BINARY(atan2, ATAN2)
BINARY(hypot, HYPOT)
BINARY(and, AND)
BINARY(or, OR)
BINARY(xor, XOR)
BINARY(shift_left, SHIFT_LEFT)
BINARY(shift_right, SHIFT_RIGHT)

hebb_tensor *hebb_not(hebb_tensor *x) {
    if (hebb_tensor_is_inert(x)) return x;
    if (x->dtype == HEBB_BOOL || hb_floating(x->dtype))
        return hb_node(NULL, HB_OP_NOT, &x, 1,
                       NULL); /* which floating numbers are no operands of */
    return hebb_xor(x, hebb_scalar_like(x, x->dtype == HEBB_U8 ? UINT8_MAX : -1));
}

hebb_tensor *hebb_polygamma(hebb_tensor *x, int order) {
    if (hebb_tensor_is_inert(x)) return x;
    if (order == 0) return hebb_digamma(x);
    if (order < 0 || order > 30)
        return hb_graph_error(x->graph, HEBB_E_ARGUMENT, "polygamma: the order %d is not in 0...30",
                              order);
    double factor = order % 2 == 0 ? -1 : 1; /* (-1)^(order + 1) order! */
    for (int k = 2; k <= order; k++) factor *= k;
    return hebb_mul(hebb_zeta(hebb_scalar_like(x, order + 1), x), hebb_scalar_like(x, factor));
}

/* Bounds are the second operands, to which the gradient goes where x equals one. */
hebb_tensor *hebb_clip(hebb_tensor *x, double low, double high) {
    if (hebb_tensor_is_inert(x)) return x;
    if (isnan(low) || isnan(high))
        return hb_graph_error(x->graph, HEBB_E_ARGUMENT, "clip: a bound is NaN");
    if (low != -INFINITY) x = hebb_maximum(x, hebb_scalar_like(x, low));
    return high != INFINITY ? hebb_minimum(x, hebb_scalar_like(x, high)) : x;
}
