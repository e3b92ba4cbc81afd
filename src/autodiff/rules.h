/* What gradient rules are written with: see autodiff.h for what a rule is. */
#ifndef HB_RULES_H
#define HB_RULES_H

#include "autodiff.h"

static inline hebb_tensor *scaled(hebb_tensor *x, double factor) {
    return hebb_mul(x, hebb_scalar_like(x, factor));
}
static inline hebb_tensor *zero(hebb_tensor *x) { return hebb_scalar_like(x, 0); }
static inline hebb_tensor *one_minus(hebb_tensor *x) { return hebb_sub(hebb_scalar_like(x, 1), x); }

/* A rule for an op of one operand is one expression of x, y and dy. */
#define RULE1(name, expression)                                                                    \
    void gradient_##name(hb_grad *d) {                                                             \
        hebb_tensor *x = d->x[0], *y = d->y, *dy = d->dy;                                          \
        (void)x, (void)y;                                                                          \
        d->dx[0] = (expression);                                                                   \
    }

/* A rule for two operands is two of them, each built only when wanted. */
#define RULE2(name, first, second)                                                                 \
    void gradient_##name(hb_grad *d) {                                                             \
        hebb_tensor *a = d->x[0], *b = d->x[1], *y = d->y, *dy = d->dy;                            \
        (void)a, (void)b, (void)y;                                                                 \
        if (d->want[0]) d->dx[0] = (first);                                                        \
        if (d->want[1]) d->dx[1] = (second);                                                       \
    }

#endif
