/* Update rules as graphs of public operations. A rule sees one variable at a time; what its state
   is called follows from the variable's name. minimize.c calls them. */
#include <math.h>
#include <stdio.h>

#include "nn.h"

/* ---- what rules are made of ---- */

/* Rules compute, and keep their state, in f32 for variables of f16 and bf16: only the variable's
   new value is rounded. */
static hebb_dtype rule_dtype(const hebb_tensor *variable) {
    hebb_dtype dtype = hebb_tensor_dtype(variable);
    return dtype == HEBB_F16 || dtype == HEBB_BF16 ? HEBB_F32 : dtype;
}

static hebb_tensor *wide(hebb_tensor *x) { return as_dtype(x, rule_dtype(x)); }

/* The axes that a unit's incoming weights lie along: all but the last; of a convolution's kernel
   all but the first; of a bias its only one. Returns how many. */
static int incoming_axes(hebb_tensor *w, int axes[HEBB_MAX_RANK]) {
    int rank = hebb_tensor_shape(w).rank, n = 0;
    for (int k = rank > 2; k < rank - (rank == 2); k++) axes[n++] = k;
    return n;
}

/* Weights with a norm of no more than that for each unit. */
static hebb_tensor *limited(hebb_tensor *w, double max_norm) {
    int axes[HEBB_MAX_RANK];
    if (hebb_tensor_shape(w).rank == 0) return hebb_clip(w, -max_norm, max_norm);
    hebb_tensor *square = hebb_sum(hebb_square(w), axes, incoming_axes(w, axes), true);
    hebb_tensor *most = hebb_scalar_like(square, max_norm);
    hebb_tensor *norm = hebb_sqrt(hebb_maximum(square, hebb_square(most)));
    return hebb_mul(w, hebb_div(most, norm));
}

hebb_tensor *hebb_optimizer_assign(const hebb_optimizer *self, hebb_tensor *variable,
                                   hebb_tensor *value) {
    if (self == NULL)
        return hebb_graph_fail(hebb_tensor_graph(variable), HEBB_E_NULL,
                               "optimizer_assign: the optimizer is NULL");
    if (variable == self->trained && self->max_norm > 0) value = limited(value, self->max_norm);
    value = as_dtype(value, hebb_tensor_dtype(variable));
    if (self->apply != NULL) value = hebb_select(self->apply, value, variable);
    return hebb_assign(variable, value);
}

hebb_tensor *hebb_optimizer_slot(hebb_tensor *variable, const char *part, double initial) {
    char prefix[HB_NAME_SIZE], name[HB_NAME_SIZE];
    hebb_graph *graph = hebb_tensor_graph(variable);
    hb_fresh_prefix(graph, hebb_tensor_name(variable), &part, 1, prefix);
    if (hb_part_name(graph, prefix, part, name) != HEBB_OK)
        return hebb_graph_fail(graph, HEBB_E_ARGUMENT, "");
    return hebb_state(graph, name, rule_dtype(variable), hebb_tensor_shape(variable),
                      hebb_constant_value(initial));
}

/* The learning rate and the number of the step, as the variable's rule computes. */
static hebb_tensor *rate_of(const hebb_optimizer *self, hebb_tensor *variable) {
    return as_dtype(self->rate, rule_dtype(variable));
}
static hebb_tensor *step_of(const hebb_optimizer *self, hebb_tensor *variable) {
    return as_dtype(self->iteration, rule_dtype(variable));
}

/* The variable with its weights decayed. */
static hebb_tensor *decayed(const hebb_optimizer *self, hebb_tensor *variable) {
    hebb_tensor *value = wide(variable);
    if (self->weight_decay == 0) return value;
    hebb_tensor *rate = times(rate_of(self, variable), self->weight_decay);
    return hebb_sub(value, hebb_mul(rate, value));
}

static hebb_tensor *assign(const hebb_optimizer *self, hebb_tensor *variable, hebb_tensor *value) {
    return hebb_optimizer_assign(self, variable, value);
}

/* The variable less rate times `direction`. */
static hebb_tensor *descend(const hebb_optimizer *self, hebb_tensor *variable,
                            hebb_tensor *direction) {
    hebb_tensor *change = hebb_mul(rate_of(self, variable), direction);
    return assign(self, variable, hebb_sub(decayed(self, variable), change));
}

static hebb_tensor *both(hebb_tensor *a, hebb_tensor *b) {
    return hebb_group(hebb_tensor_graph(a), (hebb_tensor *[]){a, b}, 2);
}

/* beta m + (1 - beta) x */
static hebb_tensor *moving(hebb_tensor *mean, hebb_tensor *x, double beta) {
    return hebb_add(times(mean, beta), times(x, 1 - beta));
}

/* 1 - beta^t as a scalar of t's dtype. In float32 the difference itself would lose half of the
   digits at the first steps: 1 - 0.999^1. With h = tanh(-t log(beta) / 2) it is 2 h / (1 + h),
   exactly. */
static hebb_tensor *one_minus_power(double beta, hebb_tensor *t) {
    if (beta == 0) return hebb_scalar_like(t, 1);
    hebb_tensor *h = hebb_tanh(times(t, -0.5 * log(beta)));
    return hebb_div(times(h, 2), plus(h, 1));
}

/* ---- stochastic gradient descent ---- */

static hebb_tensor *sgd_update(const hebb_optimizer *self, hebb_tensor *variable,
                               hebb_tensor *gradient) {
    gradient = wide(gradient);
    if (self->momentum == 0) return descend(self, variable, gradient);
    hebb_tensor *change = hebb_mul(rate_of(self, variable), gradient);
    hebb_tensor *velocity = hebb_optimizer_slot(variable, "momentum", 0);
    hebb_tensor *next = hebb_sub(times(velocity, self->momentum), change);
    hebb_tensor *step = self->nesterov ? hebb_sub(times(next, self->momentum), change) : next;
    return both(assign(self, velocity, next),
                assign(self, variable, hebb_add(decayed(self, variable), step)));
}

hebb_optimizer hebb_sgd_with(const hebb_sgd_options *options) {
    static const hebb_sgd_options defaults;
    const hebb_sgd_options *o = options != NULL ? options : &defaults;
    return (hebb_optimizer){.update = sgd_update,
                            .name = "sgd",
                            .learning_rate = or_default(o->learning_rate, 0.01),
                            .schedule = o->schedule,
                            .momentum = o->momentum,
                            .nesterov = o->nesterov,
                            .weight_decay = o->weight_decay};
}

/* ---- Adam and its relatives ---- */

typedef hebb_tensor *update_rule(const hebb_optimizer *self, hebb_tensor *variable,
                                 hebb_tensor *gradient);
static update_rule adam_update, adamax_update, nadam_update, lamb_update;

/* Defaults that most of them share. */
static hebb_optimizer adaptive(const hebb_adaptive_options *options, const char *name,
                               update_rule *update, double rho, double beta_2) {
    static const hebb_adaptive_options defaults;
    const hebb_adaptive_options *o = options != NULL ? options : &defaults;
    bool counts = update == adam_update || update == adamax_update || update == nadam_update ||
                  update == lamb_update;
    return (hebb_optimizer){.update = update,
                            .name = name,
                            .counts = counts,
                            .learning_rate = or_default(o->learning_rate, 1e-3),
                            .schedule = o->schedule,
                            .momentum = o->momentum,
                            .beta_1 = or_default(o->beta_1, 0.9),
                            .beta_2 = or_default(o->beta_2, beta_2),
                            .epsilon = or_default(o->epsilon, 1e-7),
                            .rho = or_default(o->rho, rho),
                            .weight_decay = o->weight_decay,
                            .amsgrad = o->amsgrad,
                            .centered = o->centered};
}

static hebb_tensor *adam_update(const hebb_optimizer *self, hebb_tensor *variable,
                                hebb_tensor *gradient) {
    hebb_tensor *m = hebb_optimizer_slot(variable, "adam_m", 0);
    hebb_tensor *v = hebb_optimizer_slot(variable, "adam_v", 0);
    hebb_tensor *t = step_of(self, variable);
    gradient = wide(gradient);
    hebb_tensor *rate =
        hebb_div(hebb_sqrt(one_minus_power(self->beta_2, t)), one_minus_power(self->beta_1, t));
    rate = hebb_mul(rate, rate_of(self, variable));
    hebb_tensor *next_m = moving(m, gradient, self->beta_1);
    hebb_tensor *next_v = moving(v, hebb_square(gradient), self->beta_2);
    hebb_tensor *assigns[4] = {assign(self, m, next_m), assign(self, v, next_v)};
    int n = 2;
    hebb_tensor *divisor = next_v;
    if (self->amsgrad) {
        hebb_tensor *most = hebb_optimizer_slot(variable, "adam_v_max", 0);
        divisor = hebb_maximum(most, next_v);
        assigns[n++] = assign(self, most, divisor);
    }
    hebb_tensor *change = hebb_mul(rate, hebb_div(next_m, plus(hebb_sqrt(divisor), self->epsilon)));
    assigns[n++] = assign(self, variable, hebb_sub(decayed(self, variable), change));
    return hebb_group(hebb_tensor_graph(variable), assigns, (size_t)n);
}

hebb_optimizer hebb_adam_with(const hebb_adaptive_options *options) {
    return adaptive(options, "adam", adam_update, 0, 0.999);
}

hebb_optimizer hebb_adamw_with(const hebb_adaptive_options *options) {
    hebb_optimizer o = adaptive(options, "adamw", adam_update, 0, 0.999);
    o.weight_decay = or_default(o.weight_decay, 0.004);
    return o;
}

static hebb_tensor *adamax_update(const hebb_optimizer *self, hebb_tensor *variable,
                                  hebb_tensor *gradient) {
    hebb_tensor *m = hebb_optimizer_slot(variable, "adamax_m", 0);
    hebb_tensor *u = hebb_optimizer_slot(variable, "adamax_u", 0);
    gradient = wide(gradient);
    hebb_tensor *next_m = moving(m, gradient, self->beta_1);
    hebb_tensor *next_u = hebb_maximum(times(u, self->beta_2), hebb_abs(gradient));
    hebb_tensor *scale = one_minus_power(self->beta_1, step_of(self, variable));
    hebb_tensor *direction = hebb_div(next_m, hebb_mul(scale, plus(next_u, self->epsilon)));
    hebb_tensor *all[] = {assign(self, m, next_m), assign(self, u, next_u),
                          descend(self, variable, direction)};
    return hebb_group(hebb_tensor_graph(variable), all, 3);
}

hebb_optimizer hebb_adamax_with(const hebb_adaptive_options *options) {
    return adaptive(options, "adamax", adamax_update, 0, 0.999);
}

/* beta_1 (1 - 0.5 0.96^t): the momentum of step t, which grows. */
static hebb_tensor *nadam_momentum(double beta_1, hebb_tensor *t) {
    return plus(times(hebb_exp(times(t, log(0.96))), -0.5 * beta_1), beta_1);
}

static hebb_tensor *nadam_update(const hebb_optimizer *self, hebb_tensor *variable,
                                 hebb_tensor *gradient) {
    hebb_tensor *m = hebb_optimizer_slot(variable, "nadam_m", 0);
    hebb_tensor *v = hebb_optimizer_slot(variable, "nadam_v", 0);
    char name[HB_NAME_SIZE];
    hebb_graph *graph = hebb_tensor_graph(variable);
    snprintf(name, sizeof name, "%.240s_product", hebb_tensor_name(m));
    hebb_tensor *product = hebb_state(graph, name, rule_dtype(variable), HEBB_SCALAR, hebb_ones());
    gradient = wide(gradient);
    hebb_tensor *t = step_of(self, variable);
    hebb_tensor *now = nadam_momentum(self->beta_1, t);
    hebb_tensor *soon = nadam_momentum(self->beta_1, plus(t, 1));
    hebb_tensor *up_to_now = hebb_mul(product, now), *up_to_soon = hebb_mul(up_to_now, soon);
    hebb_tensor *next_m = moving(m, gradient, self->beta_1);
    hebb_tensor *next_v = moving(v, hebb_square(gradient), self->beta_2);
    hebb_tensor *one = hebb_scalar_like(now, 1);
    hebb_tensor *of_m = hebb_div(soon, hebb_sub(one, up_to_soon));
    hebb_tensor *of_g = hebb_div(hebb_sub(one, now), hebb_sub(one, up_to_now));
    hebb_tensor *mean = hebb_add(hebb_mul(next_m, of_m), hebb_mul(gradient, of_g));
    hebb_tensor *square = hebb_div(next_v, one_minus_power(self->beta_2, t));
    hebb_tensor *direction = hebb_div(mean, plus(hebb_sqrt(square), self->epsilon));
    hebb_tensor *all[] = {assign(self, m, next_m), assign(self, v, next_v),
                          assign(self, product, up_to_now), descend(self, variable, direction)};
    return hebb_group(graph, all, 4);
}

hebb_optimizer hebb_nadam_with(const hebb_adaptive_options *options) {
    return adaptive(options, "nadam", nadam_update, 0, 0.999);
}

static hebb_tensor *norm(hebb_tensor *x) {
    return hebb_sqrt(hebb_sum(hebb_square(x), HEBB_ALL_AXES, false));
}

static hebb_tensor *lamb_update(const hebb_optimizer *self, hebb_tensor *variable,
                                hebb_tensor *gradient) {
    hebb_tensor *m = hebb_optimizer_slot(variable, "lamb_m", 0);
    hebb_tensor *v = hebb_optimizer_slot(variable, "lamb_v", 0);
    hebb_tensor *t = step_of(self, variable), *value = wide(variable);
    gradient = wide(gradient);
    hebb_tensor *next_m = moving(m, gradient, self->beta_1);
    hebb_tensor *next_v = moving(v, hebb_square(gradient), self->beta_2);
    hebb_tensor *mean = hebb_div(next_m, one_minus_power(self->beta_1, t));
    hebb_tensor *square = hebb_div(next_v, one_minus_power(self->beta_2, t));
    hebb_tensor *direction = hebb_div(mean, plus(hebb_sqrt(square), self->epsilon));
    hebb_tensor *of_value = norm(value), *of_direction = norm(direction);
    hebb_tensor *zero = hebb_scalar_like(of_value, 0), *one = hebb_scalar_like(of_value, 1);
    hebb_tensor *fine = hebb_and(hebb_greater(of_value, zero), hebb_greater(of_direction, zero));
    hebb_tensor *divisor = hebb_select(fine, of_direction, one);
    hebb_tensor *trust = hebb_select(fine, hebb_div(of_value, divisor), one);
    hebb_tensor *all[] = {assign(self, m, next_m), assign(self, v, next_v),
                          descend(self, variable, hebb_mul(trust, direction))};
    return hebb_group(hebb_tensor_graph(variable), all, 3);
}

hebb_optimizer hebb_lamb_with(const hebb_adaptive_options *options) {
    return adaptive(options, "lamb", lamb_update, 0, 0.999);
}

static hebb_tensor *lion_update(const hebb_optimizer *self, hebb_tensor *variable,
                                hebb_tensor *gradient) {
    hebb_tensor *m = hebb_optimizer_slot(variable, "lion_m", 0);
    gradient = wide(gradient);
    hebb_tensor *direction = hebb_sign(moving(m, gradient, self->beta_1));
    return both(assign(self, m, moving(m, gradient, self->beta_2)),
                descend(self, variable, direction));
}

hebb_optimizer hebb_lion_with(const hebb_adaptive_options *options) {
    return adaptive(options, "lion", lion_update, 0, 0.99);
}

/* ---- those that divide by a root of squares ---- */

static hebb_tensor *adagrad_update(const hebb_optimizer *self, hebb_tensor *variable,
                                   hebb_tensor *gradient) {
    hebb_tensor *sum = hebb_optimizer_slot(variable, "adagrad_sum", self->initial);
    gradient = wide(gradient);
    hebb_tensor *next = hebb_add(sum, hebb_square(gradient));
    hebb_tensor *direction = hebb_div(gradient, hebb_sqrt(plus(next, self->epsilon)));
    return both(assign(self, sum, next), descend(self, variable, direction));
}

hebb_optimizer hebb_adagrad_with(const hebb_adaptive_options *options) {
    hebb_optimizer o = adaptive(options, "adagrad", adagrad_update, 0, 0);
    o.initial = or_default(options != NULL ? options->initial : 0, 0.1);
    return o;
}

static hebb_tensor *adadelta_update(const hebb_optimizer *self, hebb_tensor *variable,
                                    hebb_tensor *gradient) {
    hebb_tensor *squares = hebb_optimizer_slot(variable, "adadelta_squares", 0);
    hebb_tensor *changes = hebb_optimizer_slot(variable, "adadelta_changes", 0);
    gradient = wide(gradient);
    hebb_tensor *next = moving(squares, hebb_square(gradient), self->rho);
    hebb_tensor *ratio = hebb_div(plus(changes, self->epsilon), plus(next, self->epsilon));
    hebb_tensor *direction = hebb_mul(hebb_sqrt(ratio), gradient);
    hebb_tensor *all[] = {assign(self, squares, next),
                          assign(self, changes, moving(changes, hebb_square(direction), self->rho)),
                          descend(self, variable, direction)};
    return hebb_group(hebb_tensor_graph(variable), all, 3);
}

hebb_optimizer hebb_adadelta_with(const hebb_adaptive_options *options) {
    return adaptive(options, "adadelta", adadelta_update, 0.95, 0);
}

static hebb_tensor *rmsprop_update(const hebb_optimizer *self, hebb_tensor *variable,
                                   hebb_tensor *gradient) {
    hebb_tensor *squares = hebb_optimizer_slot(variable, "rmsprop_squares", 0);
    gradient = wide(gradient);
    hebb_tensor *next = moving(squares, hebb_square(gradient), self->rho), *divisor = next;
    hebb_tensor *assigns[4] = {assign(self, squares, next)};
    int n = 1;
    if (self->centered) {
        hebb_tensor *mean = hebb_optimizer_slot(variable, "rmsprop_mean", 0);
        hebb_tensor *next_mean = moving(mean, gradient, self->rho);
        divisor = hebb_sub(next, hebb_square(next_mean));
        assigns[n++] = assign(self, mean, next_mean);
    }
    hebb_tensor *direction = hebb_div(gradient, hebb_sqrt(plus(divisor, self->epsilon)));
    if (self->momentum == 0) {
        assigns[n++] = descend(self, variable, direction);
    } else {
        hebb_tensor *velocity = hebb_optimizer_slot(variable, "momentum", 0);
        hebb_tensor *change = hebb_mul(rate_of(self, variable), direction);
        hebb_tensor *step = hebb_add(times(velocity, self->momentum), change);
        assigns[n++] = assign(self, velocity, step);
        assigns[n++] = assign(self, variable, hebb_sub(decayed(self, variable), step));
    }
    return hebb_group(hebb_tensor_graph(variable), assigns, (size_t)n);
}

hebb_optimizer hebb_rmsprop_with(const hebb_adaptive_options *options) {
    return adaptive(options, "rmsprop", rmsprop_update, 0.9, 0);
}

/* ---- the delta rule ---- */

hebb_tensor *hebb_delta_rule(hebb_tensor *weights, hebb_tensor *x, hebb_tensor *target,
                             hebb_tensor *fired, double rate) {
    hebb_tensor *change = hebb_matmul(hebb_transpose(x, HEBB_AXES(1, 0)), hebb_sub(target, fired));
    return hebb_assign(weights, hebb_add(weights, times(change, rate)));
}
