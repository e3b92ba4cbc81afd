/* Gradient rules of convolutions, windows, resampling and padding. A convolution is linear in each
   of its operands; the three of them are each other's transposes, so that every rule is two of
   them. */
#include <math.h>

#include "rules.h"

#include "../graph/build.h"

static hebb_tensor *conv_node(const hb_grad *d, hb_op op, hebb_tensor *a, hebb_tensor *b,
                              hebb_tensor *like) {
    return hb_node(NULL, op, (hebb_tensor *[]){a, b, like}, like == NULL ? 2 : 3, d->y->attrs);
}

/* y of x, w */
void gradient_conv(hb_grad *d) {
    hebb_tensor *x = d->x[0], *w = d->x[1];
    if (d->want[0]) d->dx[0] = conv_node(d, HB_OP_CONV_INPUT, d->dy, w, x);
    if (d->want[1]) d->dx[1] = conv_node(d, HB_OP_CONV_WEIGHT, x, d->dy, w);
}

/* x of y, w */
void gradient_conv_input(hb_grad *d) {
    hebb_tensor *y = d->x[0], *w = d->x[1];
    if (d->want[0]) d->dx[0] = conv_node(d, HB_OP_CONV, d->dy, w, NULL);
    if (d->want[1]) d->dx[1] = conv_node(d, HB_OP_CONV_WEIGHT, d->dy, y, w);
}

/* w of x, y */
void gradient_conv_weight(hb_grad *d) {
    hebb_tensor *x = d->x[0], *y = d->x[1];
    if (d->want[0]) d->dx[0] = conv_node(d, HB_OP_CONV_INPUT, y, d->dy, x);
    if (d->want[1]) d->dx[1] = conv_node(d, HB_OP_CONV, x, d->dy, NULL);
}

static hebb_tensor *node_like(hb_op op, hebb_tensor *x, hebb_tensor *like, const hb_attrs *attrs) {
    return hb_node(NULL, op, (hebb_tensor *[]){x, like}, 2, attrs);
}

void gradient_windows(hb_grad *d) { d->dx[0] = node_like(HB_OP_FOLD, d->dy, d->x[0], d->y->attrs); }

void gradient_fold(hb_grad *d) {
    hb_attrs attrs = *d->y->attrs;
    hebb_shape y = d->x[0]->shape;
    for (int k = 0; k < attrs.window.n; k++)
        attrs.window.kernel[k] = y.dim[y.rank - attrs.window.n + k];
    d->dx[0] = hb_node(NULL, HB_OP_WINDOWS, &d->dy, 1, &attrs);
}

void gradient_resample(hb_grad *d) {
    d->dx[0] = node_like(HB_OP_RESAMPLE_BACK, d->dy, d->x[0], d->y->attrs);
}

void gradient_resample_back(hb_grad *d) {
    d->dx[0] = hb_node(NULL, HB_OP_RESAMPLE, &d->dy, 1, d->y->attrs);
}

void gradient_max_pool(hb_grad *d) {
    hebb_tensor *in[] = {d->x[0], d->y, d->dy};
    d->dx[0] = hb_node(NULL, HB_OP_MAX_POOL_BACK, in, 3, d->y->attrs);
}

/* Linear in dy: each window gets the mean of what comes back to its largest elements. Which these
   are does not change with x. */
void gradient_max_pool_back(hb_grad *d) {
    static const int axes[] = {-1, -2, -3};
    const hb_window *window = &d->y->attrs->window;
    hebb_tensor *y = d->x[1];
    if (!d->want[2]) return;
    for (int k = 0; k < window->n; k++) y = hebb_expand_dims(y, -1);
    hebb_tensor *chosen = hebb_equal(hb_windows_of(d->x[0], window, -INFINITY), y);
    hebb_tensor *back = hb_windows_of(d->dy, window, 0);
    hebb_tensor *sum = hebb_sum(hebb_select(chosen, back, zero(back)), axes, window->n, false);
    hebb_tensor *count = hebb_sum(hebb_cast(chosen, back->dtype), axes, window->n, false);
    d->dx[2] = hebb_div(sum, hebb_maximum(count, hebb_scalar_like(count, 1)));
}

void gradient_pad(hb_grad *d) { d->dx[0] = node_like(HB_OP_UNPAD, d->dy, d->x[0], d->y->attrs); }

void gradient_unpad(hb_grad *d) {
    hb_attrs attrs = *d->y->attrs;
    attrs.value = 0;
    d->dx[0] = hb_node(NULL, HB_OP_PAD, &d->dy, 1, &attrs);
}
