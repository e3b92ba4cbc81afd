/* Layers, losses, metrics and optimizers. Everything here is composed from ops.h: read
   src/nn/ and write your own the same way. Option fields left zero take their default. */
#ifndef HEBB_NN_H
#define HEBB_NN_H

#include <hebb/graph.h>
#include <hebb/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- activations; layers take them as .activation ---- */
typedef hebb_tensor *(*hebb_activation)(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_relu(hebb_tensor *x); /* max(x, 0), numeric */
/* x where x > 0, else slope x; the derivative is the slope at 0. */
HEBB_API hebb_tensor *hebb_leaky_relu(hebb_tensor *x, double slope);
HEBB_API hebb_tensor *hebb_ramp(hebb_tensor *x); /* x clipped to [-1, 1]; derivative 0 at +-1 */
/* e^x_i / sum_k e^x_k along the last axis, and its logarithm; safe for any finite x. */
HEBB_API hebb_tensor *hebb_softmax(hebb_tensor *x);
HEBB_API hebb_tensor *hebb_log_softmax(hebb_tensor *x);

/* ---- layers ---- */
typedef struct hebb_dense_options {
    hebb_activation activation;          /* default none */
    bool no_bias;                        /* default false: a bias is added */
    hebb_initializer kernel_initializer; /* default Glorot uniform */
    hebb_initializer bias_initializer;   /* default zeros */
    const char *name;                    /* of the layer, default "dense", "dense_1", ...; its
                                            variables are name/kernel and name/bias */
    int reserved_;
} hebb_dense_options;
/* activation(x kernel + bias): [..., in] -> [..., units]; the kernel is [in, units]. x is floating,
   of rank 2 or more, with a known last dimension. hebb_dense(x, 128, .activation = hebb_relu) */
#define hebb_dense(x, ...) hebb_dense_args(x, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_dense_with(hebb_tensor *x, int64_t units,
                                      const hebb_dense_options *options);

/* ---- losses: scalars, the mean over the batch ---- */
/* -log softmax(logits)[label], by way of log-sum-exp: finite for any finite logits. logits
   [..., classes] floating; labels [...] i32 in 0...classes-1. */
HEBB_API hebb_tensor *hebb_sparse_softmax_cross_entropy(hebb_tensor *logits, hebb_tensor *labels);
/* Mean of (prediction - target)^2 over all elements; both have the same shape. */
HEBB_API hebb_tensor *hebb_mean_squared_error(hebb_tensor *prediction, hebb_tensor *target);

/* ---- losses one by one: a number for each element, or each row, and no mean ---- */
/* (x - target)^2 / 2; x and target broadcast. */
HEBB_API hebb_tensor *hebb_square_loss(hebb_tensor *x, hebb_tensor *target);
/* log(1 + e^(-c x)) for signs c of 1 or -1 (floating; they broadcast): finite for any finite x. */
HEBB_API hebb_tensor *hebb_log_loss(hebb_tensor *x, hebb_tensor *c);
/* max(0, margin - c x); derivative 0 where c x = margin. */
HEBB_API hebb_tensor *hebb_hinge_loss(hebb_tensor *x, hebb_tensor *c, double margin);
/* log(sum over k of e^x_k) - x_label along the last axis, finite for any finite x: the gradient is
   softmax(x) - onehot(label). x [..., classes] floating; labels [...] i32 in 0...classes-1. */
HEBB_API hebb_tensor *hebb_log_softmax_loss(hebb_tensor *x, hebb_tensor *labels);
/* max(0, max over k != label of (x_k + margin) - x_label); shapes as above. Where it is positive
   the gradient is 1 at the winning k (equal ones share it) and -1 at the label. 0 for one class. */
HEBB_API hebb_tensor *hebb_max_margin_loss(hebb_tensor *x, hebb_tensor *labels, double margin);

/* ---- metrics ---- */
/* Share (f32 scalar) of rows of logits [..., classes] whose largest element is at the label [...].
 */
HEBB_API hebb_tensor *hebb_sparse_accuracy(hebb_tensor *logits, hebb_tensor *labels);

/* ---- optimizers ---- */
/* A variable of f16 or bf16 is updated in f32, with state (moments) of f32, and only its new value
   is rounded; changes of less than half of its last place are lost. Mixed precision is a variable
   of f32 that is cast where it is used, and a loss of f32.

   An update rule and its numbers. `update` appends the assignments for one variable and its
   gradient, and returns a tensor that stands for them (an assign or a group). A rule of your own is
   one function: hebb_minimize(loss, (hebb_optimizer){.update = mine, .learning_rate = 0.1}). */
typedef struct hebb_optimizer hebb_optimizer;
struct hebb_optimizer {
    hebb_tensor *(*update)(const hebb_optimizer *self, hebb_tensor *variable,
                           hebb_tensor *gradient);
    double learning_rate;
    double momentum;                /* sgd */
    double beta_1, beta_2, epsilon; /* adam */
    bool counts;                    /* whether the rule wants `iteration` */
    hebb_tensor *iteration;         /* f32 scalar, 1 at the first step; set by hebb_minimize() */
};

typedef struct hebb_sgd_options {
    int reserved_;
    double learning_rate; /* default 0.01 */
    double momentum;      /* default 0; v = momentum v - learning_rate g; w += v, as in Keras */
} hebb_sgd_options;
#define hebb_sgd(...) hebb_sgd_with(&(const hebb_sgd_options){.reserved_ = 0, __VA_ARGS__})
HEBB_API hebb_optimizer hebb_sgd_with(const hebb_sgd_options *options);

typedef struct hebb_adam_options {
    int reserved_;
    double learning_rate; /* default 0.001 */
    double beta_1;        /* default 0.9 */
    double beta_2;        /* default 0.999 */
    double epsilon;       /* default 1e-7, added to sqrt(v) as in Kingma and Ba 2015, section 2:
                             step = lr sqrt(1 - beta_2^t) / (1 - beta_1^t), w -= step m / (sqrt(v) +
                             epsilon) */
} hebb_adam_options;
#define hebb_adam(...) hebb_adam_with(&(const hebb_adam_options){.reserved_ = 0, __VA_ARGS__})
HEBB_API hebb_optimizer hebb_adam_with(const hebb_adam_options *options);

/* One training step: the gradients of the scalar `loss` with respect to every trainable variable it
   depends on, and the optimizer's update of each. Fetch the result to make a step. HEBB_E_SHAPE or
   HEBB_E_DTYPE if the loss is no floating scalar, HEBB_E_GRADIENT if it depends on no trainable
   variable. */
HEBB_API hebb_tensor *hebb_minimize(hebb_tensor *loss, hebb_optimizer optimizer);

#ifdef __cplusplus
}
#endif

#define hebb_dense_args(x, n_units, ...)                                                           \
    hebb_dense_with(HEBB_HERE(x), (n_units), &(const hebb_dense_options){__VA_ARGS__})
#ifndef HEBB_NO_HERE
#define hebb_relu(x)                            (hebb_relu)(HEBB_HERE(x))
#define hebb_leaky_relu(x, slope)               (hebb_leaky_relu)(HEBB_HERE(x), slope)
#define hebb_ramp(x)                            (hebb_ramp)(HEBB_HERE(x))
#define hebb_square_loss(x, target)             (hebb_square_loss)(HEBB_HERE(x), target)
#define hebb_log_loss(x, c)                     (hebb_log_loss)(HEBB_HERE(x), c)
#define hebb_hinge_loss(x, c, margin)           (hebb_hinge_loss)(HEBB_HERE(x), c, margin)
#define hebb_log_softmax_loss(x, labels)        (hebb_log_softmax_loss)(HEBB_HERE(x), labels)
#define hebb_max_margin_loss(x, labels, margin) (hebb_max_margin_loss)(HEBB_HERE(x), labels, margin)
#define hebb_softmax(x)                         (hebb_softmax)(HEBB_HERE(x))
#define hebb_log_softmax(x)                     (hebb_log_softmax)(HEBB_HERE(x))
#define hebb_sparse_softmax_cross_entropy(logits, labels)                                          \
    (hebb_sparse_softmax_cross_entropy)(HEBB_HERE(logits), labels)
#define hebb_mean_squared_error(prediction, target)                                                \
    (hebb_mean_squared_error)(HEBB_HERE(prediction), target)
#define hebb_sparse_accuracy(logits, labels) (hebb_sparse_accuracy)(HEBB_HERE(logits), labels)
#define hebb_minimize(loss, ...)             (hebb_minimize)(HEBB_HERE(loss), __VA_ARGS__)
#endif
#endif
