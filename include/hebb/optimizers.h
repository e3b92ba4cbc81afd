/* Optimizers: update rules, and the training step that they make.

     hebb_tensor *step = hebb_minimize(loss, hebb_adam(.learning_rate = 1e-3));
     hebb_tensor *step = hebb_minimize(loss, hebb_sgd(.momentum = 0.9, .weight_decay = 1e-4),
                                       .global_clip_norm = 1, .accumulate = 4);

   Rules and defaults are those of Keras 3. */
#ifndef HEBB_OPTIMIZERS_H
#define HEBB_OPTIMIZERS_H

#include <hebb/control.h>
#include <hebb/graph.h>
#include <hebb/ops.h>
#include <hebb/schedules.h>
#include <hebb/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- update rules ---- */

/* A variable of f16 or bf16 is updated in f32, with state (moments) of f32, and only its new value
   is rounded; changes of less than half of its last place are lost. Mixed precision is a variable
   of f32 that is cast where it is used, and a loss of f32.

   An update rule and its numbers: a plain value. `update` appends the assignments for one variable
   and its gradient, and returns a tensor that stands for them (an assignment or a group); it makes
   them with hebb_optimizer_assign(), and keeps state in hebb_optimizer_slot(). A rule of your own
   is one function: hebb_minimize(loss, ((hebb_optimizer){.update = mine, .learning_rate = 0.1})).
 */
typedef struct hebb_optimizer hebb_optimizer;
struct hebb_optimizer {
    hebb_tensor *(*update)(const hebb_optimizer *self, hebb_tensor *variable,
                           hebb_tensor *gradient);
    const char *name;
    double learning_rate;
    hebb_schedule schedule;         /* in place of learning_rate, if it has a function */
    double momentum;                /* sgd, rmsprop */
    double beta_1, beta_2, epsilon; /* adam and its relatives */
    double rho;                     /* adadelta, rmsprop */
    double initial;                 /* adagrad */
    double weight_decay;            /* w -= rate weight_decay w, besides the rule's own change */
    bool nesterov, amsgrad, centered;
    bool counts; /* whether the rule wants `iteration` */
    /* set by hebb_minimize() */
    hebb_tensor *trained; /* the variable ... */
    double max_norm;      /* ... and its limit, 0 for none */
    hebb_tensor *
        rate; /* scalar, f64 or f32 as the loss: the learning rate of this step for this variable */
    hebb_tensor *iteration; /* likewise: 1 at the first step */
    hebb_tensor *apply;     /* bool scalar: whether this run changes variables; NULL: it does */
};

/* hebb_assign(variable, value), in the variable's dtype, unless gradients are still being added up.
 */
HEBB_API hebb_tensor *hebb_optimizer_assign(const hebb_optimizer *self, hebb_tensor *variable,
                                            hebb_tensor *value);
/* A state beside the variable, called variable/part, of its shape and dtype (f32 for f16 and bf16),
   that starts as `initial` everywhere. */
HEBB_API hebb_tensor *hebb_optimizer_slot(hebb_tensor *variable, const char *part, double initial);

/* Stochastic gradient descent: v = momentum v - rate g; w += v, or with .nesterov w += momentum v -
   rate g. */
typedef struct hebb_sgd_options {
    int reserved_;
    double learning_rate; /* default 0.01 */
    hebb_schedule schedule;
    double momentum; /* default 0 */
    bool nesterov;
    double weight_decay; /* default 0 */
} hebb_sgd_options;
#define hebb_sgd(...) hebb_sgd_with(&(const hebb_sgd_options){.reserved_ = 0, __VA_ARGS__})
HEBB_API hebb_optimizer hebb_sgd_with(const hebb_sgd_options *options);

/* One structure for the others; each uses some of it. */
typedef struct hebb_adaptive_options {
    int reserved_;
    double learning_rate; /* default 0.001 */
    hebb_schedule schedule;
    double beta_1;       /* default 0.9 */
    double beta_2;       /* default 0.999; lion 0.99 */
    double rho;          /* adadelta 0.95, rmsprop 0.9 */
    double epsilon;      /* default 1e-7 */
    double momentum;     /* rmsprop, default 0 */
    double weight_decay; /* default 0; adamw 0.004 */
    double initial;      /* adagrad: the sum of squares to start with, default 0.1 */
    bool amsgrad;        /* adam, adamw: divides by the largest v so far (S. Reddi et al. 2018) */
    bool centered;       /* rmsprop: divides by the deviation */
} hebb_adaptive_options;
#define HEBB_ADAPTIVE(...)                                                                         \
    &(const hebb_adaptive_options) { .reserved_ = 0, __VA_ARGS__ }

/* D. Kingma and J. Ba 2015, section 2: m = beta_1 m + (1 - beta_1) g, v likewise of g^2,
   w -= rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon). */
#define hebb_adam(...) hebb_adam_with(HEBB_ADAPTIVE(__VA_ARGS__))
HEBB_API hebb_optimizer hebb_adam_with(const hebb_adaptive_options *options);
/* Adam with weight decay apart from the gradient (I. Loshchilov and F. Hutter 2019). */
#define hebb_adamw(...) hebb_adamw_with(HEBB_ADAPTIVE(__VA_ARGS__))
HEBB_API hebb_optimizer hebb_adamw_with(const hebb_adaptive_options *options);
/* Adam with the largest of |g| and beta_2 u in place of sqrt(v) (Kingma and Ba, section 7.1). */
#define hebb_adamax(...) hebb_adamax_with(HEBB_ADAPTIVE(__VA_ARGS__))
HEBB_API hebb_optimizer hebb_adamax_with(const hebb_adaptive_options *options);
/* Adam with Nesterov's momentum (T. Dozat 2015). */
#define hebb_nadam(...) hebb_nadam_with(HEBB_ADAPTIVE(__VA_ARGS__))
HEBB_API hebb_optimizer hebb_nadam_with(const hebb_adaptive_options *options);
/* a += g^2; w -= rate g / sqrt(a + epsilon) (J. Duchi et al. 2011). */
#define hebb_adagrad(...) hebb_adagrad_with(HEBB_ADAPTIVE(__VA_ARGS__))
HEBB_API hebb_optimizer hebb_adagrad_with(const hebb_adaptive_options *options);
/* M. Zeiler 2012: g times sqrt(d + epsilon) / sqrt(a + epsilon), with moving averages (rho) of g^2
   and of the square of these changes. */
#define hebb_adadelta(...) hebb_adadelta_with(HEBB_ADAPTIVE(__VA_ARGS__))
HEBB_API hebb_optimizer hebb_adadelta_with(const hebb_adaptive_options *options);
/* G. Hinton 2012: g / sqrt(v + epsilon), with v a moving average (rho) of g^2, less the square of
   that of g if centered. */
#define hebb_rmsprop(...) hebb_rmsprop_with(HEBB_ADAPTIVE(__VA_ARGS__))
HEBB_API hebb_optimizer hebb_rmsprop_with(const hebb_adaptive_options *options);
/* X. Chen et al. 2023: w -= rate sign(beta_1 m + (1 - beta_1) g); m = beta_2 m + (1 - beta_2) g. */
#define hebb_lion(...) hebb_lion_with(HEBB_ADAPTIVE(__VA_ARGS__))
HEBB_API hebb_optimizer hebb_lion_with(const hebb_adaptive_options *options);
/* Y. You et al. 2020: Adam's direction u, scaled for each variable: w -= rate |w| / |u| u. */
#define hebb_lamb(...) hebb_lamb_with(HEBB_ADAPTIVE(__VA_ARGS__))
HEBB_API hebb_optimizer hebb_lamb_with(const hebb_adaptive_options *options);

/* The delta rule of a neuron that fires or does not, which has no gradient: w += rate sum over rows
   of (target - fired) x (F. Rosenblatt 1958; B. Widrow and M. Hoff 1960). x [batch, inputs], target
   and fired [batch, units], weights [inputs, units] -> the assignment to the weights. */
HEBB_API hebb_tensor *hebb_delta_rule(hebb_tensor *weights, hebb_tensor *x, hebb_tensor *target,
                                      hebb_tensor *fired, double rate);

/* ---- the training step ---- */

/* Variables that are treated in a way of their own. A variable belongs to the first group that
   fits: that lists it, or whose `match` is a part of its name. HEBB_E_ARGUMENT for a match that is
   in no variable's name. */
typedef struct hebb_parameter_group {
    const char *match;
    hebb_tensor_list variables;
    double rate;         /* a factor of the learning rate; default 1 */
    double weight_decay; /* in place of the optimizer's; default the optimizer's */
    bool no_weight_decay;
    double l1, l2;   /* penalties, as below; default those below */
    double max_norm; /* as below; default that below */
    bool frozen;     /* not trained. Its layers still do what they do in training, with batch
                        normalization's averages too: hebb_inference_begin() has them leave that */
} hebb_parameter_group;
#define HEBB_PARAMETER_GROUPS(...)                                                                 \
    .groups = (const hebb_parameter_group[]){__VA_ARGS__},                                         \
    .n_groups =                                                                                    \
        (int)(sizeof((const hebb_parameter_group[]){__VA_ARGS__}) / sizeof(hebb_parameter_group))

typedef struct hebb_minimize_options {
    hebb_tensor_list variables;         /* what to train; default: all that gradients reach */
    const hebb_parameter_group *groups; /* HEBB_PARAMETER_GROUPS({.match = "bias", ...}, ...) */
    int n_groups;
    /* gradients are clipped in this order, each if it is not 0 */
    double clip_value;       /* each element to -c ... c */
    double clip_norm;        /* each variable's gradient to a Euclidean norm of at most c */
    double global_clip_norm; /* all of them together (R. Pascanu et al. 2013) */
    /* of variables of rank 2 or more (kernels, not biases), unless a group says so for others */
    double l1, l2;   /* adds l1 sum |w| + l2 sum w^2 to the loss, by its gradient */
    double max_norm; /* after each update, columns (all axes but the last; of convolution kernels
                        all but the first; all of a vector) are scaled to a norm of at most this (N.
                        Srivastava et al. 2014) */
    int accumulate;  /* runs whose gradients' mean makes a step; default 1. The iteration counts
                        steps */
    double average; /* keeps moving averages, state NAME/average = average a + (1 - average) w, that
                       hebb_swap_averages() brings in; default 0: none */
    hebb_tensor **gradients; /* to be set: room for gradients of the trained variables ... */
    hebb_tensor **trained; /* ... and for these; as many as the graph has variables. May be NULL */
    size_t *n_trained;     /* how many */
    int reserved_;
} hebb_minimize_options;

/* A training step: the gradients of the scalar `loss` (with the penalties attached to what it
   depends on) with respect to the trainable variables, the optimizer's update of each, and the
   updates that are attached (hebb/layer.h). Fetch the result to make a step. A variable that the
   gradient does not reach (hebb_gradient_reaches()) is not touched, by no weight decay either.

   The learning rate is a state, optimizer/learning_rate (optimizer_1/... of a second step), f32 or
   with an f64 loss f64: setting it in a session changes no plan. With a schedule each step stores
   the rate that it used there.

   Several steps can train parts of one graph, each with an optimizer of its own, in turn or in one
   run (hebb_group(); all of them then see the values from before it). A generator and what it is to
   deceive, made in layers "generator" and "critic":

     d_step = hebb_minimize(d_loss, hebb_adam(.learning_rate = 2e-4, .beta_1 = 0.5),
                            HEBB_PARAMETER_GROUPS({.match = "generator/", .frozen = true}));
     g_step = hebb_minimize(g_loss, hebb_adam(.learning_rate = 1e-4, .beta_1 = 0.5),
                            HEBB_PARAMETER_GROUPS({.match = "critic/", .frozen = true}));
     hebb_run(s, HEBB_FEED({image, &batch}), HEBB_FETCH({d_step, NULL}));
     hebb_run(s, HEBB_FEED({image, &batch}), HEBB_FETCH({g_step, NULL}));

   An optimizer written as a compound literal needs parentheses around it. Errors, in the graph:
   HEBB_E_SHAPE or HEBB_E_DTYPE if the loss is no floating scalar, HEBB_E_GRADIENT if its
   gradient reaches no variable to train, HEBB_E_ARGUMENT for a number that makes no sense, which is
   named. */
#define hebb_minimize(loss, ...) hebb_minimize_args(loss, __VA_ARGS__, .reserved_ = 0)
HEBB_API hebb_tensor *hebb_minimize_with(hebb_tensor *loss, hebb_optimizer optimizer,
                                         const hebb_minimize_options *options);

/* The variable with the learning rate of a step that hebb_minimize() made; NULL if there is none.
 */
HEBB_API hebb_tensor *hebb_learning_rate(hebb_tensor *step);

/* sqrt of the sum of all squares of all n tensors, as an f32 scalar (f64 if the first is f64). */
HEBB_API hebb_tensor *hebb_global_norm(hebb_tensor *const *tensors, size_t n);
/* Scales the tensors in place of their list by max / norm if the norm of all is greater. */
HEBB_API void hebb_clip_by_global_norm(hebb_tensor **tensors, size_t n, double max);

/* Exchanges every variable NAME with NAME/average in the session: call it before an evaluation, and
   again to go on training. HEBB_E_ARGUMENT if there are no averages. */
HEBB_API hebb_status hebb_swap_averages(hebb_session *session);

#ifdef __cplusplus
}
#endif

#define hebb_minimize_args(loss, optimizer, ...)                                                   \
    hebb_minimize_with(HEBB_HERE(loss), (optimizer), &(const hebb_minimize_options){__VA_ARGS__})
#ifndef HEBB_NO_HERE
#define hebb_delta_rule(weights, ...) (hebb_delta_rule)(HEBB_HERE(weights), __VA_ARGS__)
#endif
#endif
