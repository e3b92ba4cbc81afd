/* Optimizers: update rules, and the training step that they make. */
#ifndef HEBB_OPTIMIZERS_H
#define HEBB_OPTIMIZERS_H

#include <hebb/graph.h>
#include <hebb/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

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

#ifndef HEBB_NO_HERE
#define hebb_minimize(loss, ...) (hebb_minimize)(HEBB_HERE(loss), __VA_ARGS__)
#endif
#endif
