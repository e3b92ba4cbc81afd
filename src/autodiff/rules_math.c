/* Gradient rules of elementwise mathematics: see rules.h. Their formulas are written so that none
   overflows or cancels where the derivative does not. */
#include "rules.h"

static hebb_tensor *one_plus(hebb_tensor *x) { return hebb_add(x, hebb_scalar_like(x, 1)); }
static hebb_tensor *cubed(hebb_tensor *x) { return hebb_mul(x, hebb_square(x)); }
/* 2 / sqrt(pi) e^-x^2 */
static hebb_tensor *bell(hebb_tensor *x) {
    return scaled(hebb_exp(hebb_neg(hebb_square(x))), 1.12837916709551257390);
}
/* 1 / sqrt(1 - x^2) */
static hebb_tensor *arc_slope(hebb_tensor *x) {
    return hebb_rsqrt(hebb_mul(one_minus(x), one_plus(x)));
}

RULE1(rsqrt, hebb_mul(dy, scaled(cubed(y), -0.5)))
RULE1(cbrt, hebb_div(dy, scaled(hebb_square(y), 3)))
RULE1(expm1, hebb_mul(dy, hebb_exp(x)))
RULE1(log1p, hebb_div(dy, one_plus(x)))
RULE1(log2, scaled(hebb_div(dy, x), 1.44269504088896340736))
RULE1(sin, hebb_mul(dy, hebb_cos(x)))
RULE1(cos, hebb_neg(hebb_mul(dy, hebb_sin(x))))
RULE1(tan, hebb_mul(dy, one_plus(hebb_square(y))))
RULE1(asin, hebb_mul(dy, arc_slope(x)))
RULE1(acos, hebb_neg(hebb_mul(dy, arc_slope(x))))
RULE1(atan, hebb_div(dy, one_plus(hebb_square(x))))
RULE1(sinh, hebb_mul(dy, hebb_cosh(x)))
RULE1(cosh, hebb_mul(dy, hebb_sinh(x)))
RULE1(asinh, hebb_div(dy, hebb_hypot(x, hebb_scalar_like(x, 1))))
RULE1(acosh, hebb_mul(dy, hebb_mul(hebb_rsqrt(hebb_sub(x, hebb_scalar_like(x, 1))),
                                   hebb_rsqrt(one_plus(x)))))
RULE1(atanh, hebb_div(dy, hebb_mul(one_minus(x), one_plus(x))))
RULE1(erf, hebb_mul(dy, bell(x)))
RULE1(erfc, hebb_neg(hebb_mul(dy, bell(x))))
RULE1(erfinv, hebb_mul(dy, scaled(hebb_exp(hebb_square(y)), 0.88622692545275801365)))
RULE1(lgamma, hebb_mul(dy, hebb_digamma(x)))
RULE1(digamma, hebb_mul(dy, hebb_polygamma(x, 1)))
RULE2(mod, dy, hebb_neg(hebb_mul(dy, hebb_floor_div(a, b))))
RULE2(hypot, hebb_mul(dy, hebb_div(a, y)), hebb_mul(dy, hebb_div(b, y)))

/* a is y, b is x: (x, -y) / (x^2 + y^2). */
static hebb_tensor *over_distance(hebb_tensor *dy, hebb_tensor *top, hebb_tensor *distance) {
    return hebb_mul(dy, hebb_div(hebb_div(top, distance), distance));
}
RULE2(atan2, over_distance(dy, b, hebb_hypot(a, b)),
      hebb_neg(over_distance(dy, a, hebb_hypot(a, b))))

void gradient_zeta(hb_grad *d) {
    hebb_tensor *s = d->x[0], *q = d->x[1];
    if (d->want[0]) {
        hb_graph_error(d->y->graph, HEBB_E_GRADIENT, "gradients: %s (zeta) has none for its s",
                       hebb_tensor_name(d->y));
        return;
    }
    hebb_tensor *slope = hebb_neg(hebb_mul(s, hebb_zeta(one_plus(s), q)));
    d->dx[1] = hebb_mul(d->dy, slope);
}
