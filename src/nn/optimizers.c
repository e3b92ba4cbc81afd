/* Optimizers: update rules as graphs of public operations. A rule sees one variable at a time; what
   its state is called follows from the variable's name. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "nn.h"

static hebb_tensor *times(hebb_tensor *x, double factor) {
    return hebb_mul(x, hebb_scalar_like(x, factor));
}

/* Rules compute, and keep their state, in f32 for variables of f16 and bf16: only the variable's
   new value is rounded. */
static hebb_dtype rule_dtype(const hebb_tensor *variable) {
    hebb_dtype dtype = hebb_tensor_dtype(variable);
    return dtype == HEBB_F16 || dtype == HEBB_BF16 ? HEBB_F32 : dtype;
}

static hebb_tensor *as_dtype(hebb_tensor *x, hebb_dtype dtype) {
    return hebb_tensor_dtype(x) == dtype ? x : hebb_cast(x, dtype);
}

static hebb_tensor *wide(hebb_tensor *x) { return as_dtype(x, rule_dtype(x)); }

static hebb_tensor *assign(hebb_tensor *variable, hebb_tensor *value) {
    return hebb_assign(variable, as_dtype(value, hebb_tensor_dtype(variable)));
}

/* A variable of zeros beside another one. */
static hebb_tensor *slot(hebb_tensor *variable, const char *part) {
    char prefix[HB_NAME_SIZE], name[HB_NAME_SIZE];
    hebb_graph *graph = hebb_tensor_graph(variable);
    hb_fresh_prefix(graph, hebb_tensor_name(variable), &part, 1, prefix);
    if (hb_part_name(graph, prefix, part, name) != HEBB_OK)
        return hebb_graph_fail(graph, HEBB_E_ARGUMENT, "");
    return hebb_state(graph, name, rule_dtype(variable), hebb_tensor_shape(variable), hebb_zeros());
}

static hebb_tensor *sgd_update(const hebb_optimizer *self, hebb_tensor *variable,
                               hebb_tensor *gradient) {
    hebb_tensor *value = wide(variable), *change = times(wide(gradient), -self->learning_rate);
    if (self->momentum == 0) return assign(variable, hebb_add(value, change));
    hebb_tensor *velocity = slot(variable, "momentum");
    hebb_tensor *next = hebb_add(times(velocity, self->momentum), change);
    hebb_tensor *both[] = {assign(velocity, next), assign(variable, hebb_add(value, next))};
    return hebb_group(hebb_tensor_graph(variable), both, 2);
}

hebb_optimizer hebb_sgd_with(const hebb_sgd_options *options) {
    static const hebb_sgd_options defaults;
    const hebb_sgd_options *o = options != NULL ? options : &defaults;
    return (hebb_optimizer){.update = sgd_update,
                            .learning_rate = o->learning_rate == 0 ? 0.01 : o->learning_rate,
                            .momentum = o->momentum};
}

/* 1 - beta^t as a scalar of the variable's dtype. In float32 the difference itself would lose half
   of the digits at the first steps: 1 - 0.999^1. With h = tanh(-t log(beta) / 2) it is 2 h / (1 +
   h), exactly. */
static hebb_tensor *one_minus_power(double beta, hebb_tensor *t) {
    hebb_tensor *h = hebb_tanh(times(t, -0.5 * log(beta)));
    return hebb_div(times(h, 2), hebb_add(h, hebb_scalar_like(h, 1)));
}

/* beta m + (1 - beta) g */
static hebb_tensor *moving(hebb_tensor *mean, hebb_tensor *value, double beta) {
    return hebb_add(times(mean, beta), times(value, 1 - beta));
}

static hebb_tensor *adam_update(const hebb_optimizer *self, hebb_tensor *variable,
                                hebb_tensor *gradient) {
    hebb_tensor *m = slot(variable, "adam_m"), *v = slot(variable, "adam_v");
    hebb_tensor *t = hebb_cast(self->iteration, rule_dtype(variable));
    gradient = wide(gradient);
    hebb_tensor *rate =
        hebb_div(times(hebb_sqrt(one_minus_power(self->beta_2, t)), self->learning_rate),
                 one_minus_power(self->beta_1, t));
    hebb_tensor *next_m = moving(m, gradient, self->beta_1);
    hebb_tensor *next_v = moving(v, hebb_square(gradient), self->beta_2);
    hebb_tensor *scale = hebb_add(hebb_sqrt(next_v), hebb_scalar_like(next_v, self->epsilon));
    hebb_tensor *change = hebb_mul(rate, hebb_div(next_m, scale));
    hebb_tensor *all[] = {assign(m, next_m), assign(v, next_v),
                          assign(variable, hebb_sub(wide(variable), change))};
    return hebb_group(hebb_tensor_graph(variable), all, 3);
}

hebb_optimizer hebb_adam_with(const hebb_adam_options *options) {
    static const hebb_adam_options defaults;
    const hebb_adam_options *o = options != NULL ? options : &defaults;
    return (hebb_optimizer){.update = adam_update,
                            .counts = true,
                            .learning_rate = o->learning_rate == 0 ? 1e-3 : o->learning_rate,
                            .beta_1 = o->beta_1 == 0 ? 0.9 : o->beta_1,
                            .beta_2 = o->beta_2 == 0 ? 0.999 : o->beta_2,
                            .epsilon = o->epsilon == 0 ? 1e-7 : o->epsilon};
}

/* ---- minimize ---- */

/* Counts steps; the update rules see the number of the step that is being made. */
static hebb_tensor *count_iterations(hebb_graph *graph, hebb_tensor **iteration) {
    char prefix[HB_NAME_SIZE], name[HB_NAME_SIZE];
    hb_fresh_prefix(graph, "optimizer", (const char *const[]){"iteration"}, 1, prefix);
    if (hb_part_name(graph, prefix, "iteration", name) != HEBB_OK)
        return *iteration = hebb_graph_fail(graph, HEBB_E_ARGUMENT, "");
    hebb_tensor *counter = hebb_state(graph, name, HEBB_F32, HEBB_SCALAR, hebb_zeros());
    *iteration = hebb_add(counter, hebb_scalar_like(counter, 1));
    return hebb_assign(counter, *iteration);
}

/* Integers are parameters that no gradient moves. */
static bool is_trained(const hebb_tensor *variable) {
    hebb_dtype dtype = hebb_tensor_dtype(variable);
    return hebb_variable_trainable(variable) && hebb_dtype_floating(dtype);
}

static size_t trained_variables(hebb_tensor *loss, hebb_tensor **variables) {
    hebb_graph *graph = hebb_tensor_graph(loss);
    size_t n = 0, all = hebb_graph_variable_count(graph);
    for (size_t k = 0; k < all; k++) {
        hebb_tensor *variable = hebb_graph_variable(graph, k);
        if (is_trained(variable) && hebb_depends_on(loss, variable)) variables[n++] = variable;
    }
    return n;
}

static hebb_tensor *update_all(hebb_tensor *loss, hebb_optimizer *optimizer,
                               hebb_tensor **variables, hebb_tensor **gradients,
                               hebb_tensor **updates) {
    hebb_graph *graph = hebb_tensor_graph(loss);
    size_t n = trained_variables(loss, variables);
    if (hebb_graph_status(graph) == HEBB_OK && n == 0)
        return hebb_graph_fail(graph, HEBB_E_GRADIENT,
                               "minimize: the loss depends on no trainable variable");
    if (hebb_gradients(&loss, 1, variables, n, NULL, gradients) != HEBB_OK)
        return hebb_graph_fail(graph, HEBB_E_GRADIENT, ""); /* it has its error */
    size_t extra = optimizer->counts ? 1 : 0;
    if (extra) updates[n] = count_iterations(graph, &optimizer->iteration);
    for (size_t k = 0; k < n; k++)
        updates[k] = optimizer->update(optimizer, variables[k], gradients[k]);
    return hebb_group(graph, updates, n + extra);
}

hebb_tensor *hebb_minimize(hebb_tensor *loss, hebb_optimizer optimizer) {
    if (hebb_tensor_is_inert(loss)) return loss;
    hebb_graph *graph = hebb_tensor_graph(loss);
    if (hebb_tensor_shape(loss).rank != 0) {
        char message[256], text[160];
        snprintf(message, sizeof message, "minimize: the loss is not a scalar but %s",
                 hebb_shape_text(hebb_tensor_shape(loss), text, sizeof text));
        return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    }
    hebb_dtype dtype = hebb_tensor_dtype(loss);
    if (!hebb_dtype_floating(dtype)) {
        char message[128];
        snprintf(message, sizeof message, "minimize: the loss is %s, not floating",
                 hebb_dtype_name(dtype));
        return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    }
    if (optimizer.update == NULL)
        return hebb_graph_fail(graph, HEBB_E_NULL, "minimize: the optimizer has no update rule");
    size_t room = hebb_graph_variable_count(graph) + 1;
    hebb_tensor **lists = calloc(3 * room, sizeof *lists);
    if (lists == NULL) return hebb_graph_fail(graph, HEBB_E_MEMORY, "out of memory: minimize");
    hebb_tensor *step = update_all(loss, &optimizer, lists, lists + room, lists + 2 * room);
    free(lists);
    return step;
}
