/* The gradients of users' ops: their own rules, and a look at what these give. */
#include <hebb/custom.h>
#include "rules.h"

/* Whether the shape is x's, or one that x and it broadcast to each other, axis by axis. */
static bool may_be_cotangent(hebb_shape dx, hebb_shape x) {
    for (int k = 1; k <= dx.rank && k <= x.rank; k++) {
        int64_t a = dx.dim[dx.rank - k], b = x.dim[x.rank - k];
        if (a != b && a != 1 && b != 1 && a != HEBB_ANY && b != HEBB_ANY) return false;
    }
    return true;
}

/* Whether what a rule stored can be the cotangent of x. */
static void check_given(hebb_tensor *y, hebb_tensor *x, int k, const hebb_tensor *dx) {
    if (dx == NULL || dx->op == HB_OP_INERT) return;
    const char *op = hb_op_title(y->op, y->attrs);
    char given[160], wanted[160];
    if (dx->graph != y->graph)
        hb_graph_error(y->graph, HEBB_E_GRAPH,
                       "gradients: the rule of %s gives dx[%d] of another graph", op, k);
    else if (dx->dtype != x->dtype)
        hb_graph_error(y->graph, HEBB_E_DTYPE,
                       "gradients: the rule of %s gives dx[%d] of dtype %s for %s %s", op, k,
                       hebb_dtype_name(dx->dtype), x->name, hebb_dtype_name(x->dtype));
    else if (!may_be_cotangent(dx->shape, x->shape))
        hb_graph_error(y->graph, HEBB_E_SHAPE,
                       "gradients: the rule of %s gives dx[%d] of shape %s for %s %s", op, k,
                       hebb_shape_text(dx->shape, given, sizeof given), x->name,
                       hebb_shape_text(x->shape, wanted, sizeof wanted));
}

static void run_rule(hb_grad *d, void (*rule)(hebb_grad *), const void *options) {
    if (rule == NULL) {
        hb_graph_error(d->y->graph, HEBB_E_GRADIENT, "gradients: %s (%s) has no gradient",
                       hebb_tensor_name(d->y), hb_op_title(d->y->op, d->y->attrs));
        return;
    }
    rule(&(hebb_grad){.y = d->y,
                      .dy = d->dy,
                      .x = d->x,
                      .want = d->want,
                      .dx = d->dx,
                      .options = options});
    for (int k = 0; k < d->y->n_in; k++) {
        if (d->want[k]) check_given(d->y, d->x[k], k, d->dx[k]);
        if (d->y->graph->error.status != HEBB_OK) d->dx[k] = NULL;
    }
}

void gradient_apply(hb_grad *d) { run_rule(d, d->y->attrs->apply->gradient, NULL); }

void gradient_custom(hb_grad *d) {
    run_rule(d, d->y->attrs->custom->gradient, d->y->attrs->options);
}
