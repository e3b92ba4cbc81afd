/* Gradient rules of convolutions, windows, resampling and padding. A convolution is linear in each
   of its operands; the three of them are each other's transposes, so that every rule is two of
   them. */
#include "rules.h"

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

void gradient_pad(hb_grad *d) { d->dx[0] = node_like(HB_OP_UNPAD, d->dy, d->x[0], d->y->attrs); }

void gradient_unpad(hb_grad *d) {
    hb_attrs attrs = *d->y->attrs;
    attrs.value = 0;
    d->dx[0] = hb_node(NULL, HB_OP_PAD, &d->dy, 1, &attrs);
}
