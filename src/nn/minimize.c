/* The training step: gradients of a loss, what is done to them, each variable's update, and what
   goes with a step (hebb/optimizers.h). Rules are in optimizers.c. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/layer.h>

#include "nn.h"

typedef struct training {
    hebb_graph *graph;
    const hebb_minimize_options *options;
    hebb_optimizer optimizer;
    char prefix[HB_NAME_SIZE]; /* "optimizer" */
    size_t n, room;            /* variables */
    hebb_tensor **variables, **gradients;
    hebb_tensor **updates; /* to carry out */
    size_t n_updates;
    hebb_dtype dtype;    /* of the learning rate: f64 if the loss is, else f32 */
    hebb_tensor *before; /* steps made before this one */
} training;

static void add_update(training *t, hebb_tensor *update) { t->updates[t->n_updates++] = update; }

/* ---- numbers that make no sense ---- */

static const char *wrong_rule(const hebb_optimizer *o) {
    if (!(o->learning_rate >= 0) || isinf(o->learning_rate))
        return "learning_rate is negative or no number";
    if (!(o->momentum >= 0 && o->momentum < 1)) return "momentum is not in [0, 1)";
    if (!(o->beta_1 >= 0 && o->beta_1 < 1)) return "beta_1 is not in [0, 1)";
    if (!(o->beta_2 >= 0 && o->beta_2 < 1)) return "beta_2 is not in [0, 1)";
    if (!(o->rho >= 0 && o->rho < 1)) return "rho is not in [0, 1)";
    if (!(o->epsilon >= 0)) return "epsilon is negative";
    if (!(o->weight_decay >= 0)) return "weight_decay is negative";
    return NULL;
}

static const char *wrong_option(const hebb_minimize_options *o) {
    if (!(o->clip_value >= 0)) return "clip_value is negative";
    if (!(o->clip_norm >= 0)) return "clip_norm is negative";
    if (!(o->global_clip_norm >= 0)) return "global_clip_norm is negative";
    if (!(o->l1 >= 0) || !(o->l2 >= 0)) return "l1 or l2 is negative";
    if (!(o->max_norm >= 0)) return "max_norm is negative";
    if (o->accumulate < 0) return "accumulate is less than 1";
    if (!(o->average >= 0 && o->average < 1)) return "average is not in [0, 1)";
    if (o->n_groups < 0 || (o->n_groups > 0 && o->groups == NULL)) return "the groups are NULL";
    for (int k = 0; k < o->n_groups; k++) {
        const hebb_parameter_group *g = &o->groups[k];
        if (!(g->rate >= 0 && g->weight_decay >= 0 && g->l1 >= 0 && g->l2 >= 0 && g->max_norm >= 0))
            return "a number of a group is negative";
        if (g->match == NULL && g->variables.count == 0) return "a group has no variables";
    }
    return NULL;
}

static hebb_tensor *check(hebb_tensor *loss, const hebb_optimizer *optimizer,
                          const hebb_minimize_options *options) {
    hebb_graph *graph = hebb_tensor_graph(loss);
    char message[256], text[160];
    if (hebb_tensor_shape(loss).rank != 0) {
        snprintf(message, sizeof message, "minimize: the loss is not a scalar but %s",
                 hebb_shape_text(hebb_tensor_shape(loss), text, sizeof text));
        return hebb_graph_fail(graph, HEBB_E_SHAPE, message);
    }
    hebb_dtype dtype = hebb_tensor_dtype(loss);
    if (!hebb_dtype_floating(dtype)) {
        snprintf(message, sizeof message, "minimize: the loss is %s, not floating",
                 hebb_dtype_name(dtype));
        return hebb_graph_fail(graph, HEBB_E_DTYPE, message);
    }
    if (optimizer->update == NULL)
        return hebb_graph_fail(graph, HEBB_E_NULL, "minimize: the optimizer has no update rule");
    const char *name = optimizer->name != NULL ? optimizer->name : "optimizer";
    const char *problem = wrong_rule(optimizer);
    if (problem == NULL) {
        name = "minimize";
        problem = wrong_option(options);
    }
    if (problem == NULL) return NULL;
    snprintf(message, sizeof message, "%s: %s", name, problem);
    return hebb_graph_fail(graph, HEBB_E_ARGUMENT, message);
}

/* ---- what is trained ---- */

static bool is_listed(hebb_tensor_list list, const hebb_tensor *variable) {
    for (int k = 0; k < list.count; k++)
        if (list.at[k] == variable) return true;
    return false;
}

/* The group of a variable; NULL if it is in none. */
static const hebb_parameter_group *group_of(const training *t, const hebb_tensor *variable) {
    for (int k = 0; k < t->options->n_groups; k++) {
        const hebb_parameter_group *g = &t->options->groups[k];
        bool matches = g->match != NULL && strstr(hebb_tensor_name(variable), g->match) != NULL;
        if (matches || is_listed(g->variables, variable)) return g;
    }
    return NULL;
}

/* Integers are parameters that no gradient moves. */
static bool is_trained(const training *t, const hebb_tensor *variable) {
    const hebb_parameter_group *group = group_of(t, variable);
    if (group != NULL && group->frozen) return false;
    if (!hebb_dtype_floating(hebb_tensor_dtype(variable))) return false;
    return t->options->variables.count > 0 ? is_listed(t->options->variables, variable)
                                           : hebb_variable_trainable(variable);
}

/* A name with a slip in it would leave trained what was to be frozen. */
static hebb_tensor *check_groups(const training *t) {
    for (int k = 0; k < t->options->n_groups; k++) {
        const char *match = t->options->groups[k].match;
        bool matches = match == NULL;
        char message[512];
        for (size_t v = 0; v < t->room && !matches; v++)
            matches = strstr(hebb_tensor_name(hebb_graph_variable(t->graph, v)), match) != NULL;
        if (matches) continue;
        snprintf(message, sizeof message,
                 "minimize: no variable's name has the \"%.255s\" of group %d in it", match, k);
        return hebb_graph_fail(t->graph, HEBB_E_ARGUMENT, message);
    }
    return NULL;
}

static hebb_tensor *check_listed(const training *t) {
    for (int k = 0; k < t->options->variables.count; k++) {
        const hebb_tensor *v = t->options->variables.at[k];
        char message[256];
        if (hebb_tensor_graph(v) == t->graph && strcmp(hebb_tensor_op(v), "variable") == 0)
            continue;
        snprintf(message, sizeof message,
                 "minimize: %s, number %d of .variables, is no variable of the graph",
                 v == NULL ? "NULL" : hebb_tensor_name(v), k);
        return hebb_graph_fail(t->graph, v == NULL ? HEBB_E_NULL : HEBB_E_ARGUMENT, message);
    }
    return NULL;
}

static void find_variables(training *t, hebb_tensor *loss) {
    for (size_t k = 0; k < t->room; k++) {
        hebb_tensor *variable = hebb_graph_variable(t->graph, k);
        if (is_trained(t, variable) && hebb_gradient_reaches(loss, variable))
            t->variables[t->n++] = variable;
    }
}

/* Why a step would change nothing. */
static hebb_tensor *nothing_to_train(const training *t, hebb_tensor *loss) {
    const hebb_tensor *behind = NULL, *left_out = NULL; /* variables that the loss depends on */
    const char *name = hebb_tensor_name(loss);
    char message[768];
    for (size_t k = 0; k < t->room; k++) {
        const hebb_tensor *variable = hebb_graph_variable(t->graph, k);
        if (!hebb_depends_on(loss, variable)) continue;
        if (is_trained(t, variable)) behind = variable;
        else if (hebb_variable_trainable(variable)) left_out = variable;
    }
    if (behind != NULL)
        snprintf(message, sizeof message,
                 "minimize: no gradient of the loss %.200s reaches a variable: what leads from "
                 "%.200s to it counts as constant (a comparison, rounding, integers or "
                 "stop_gradient)",
                 name, hebb_tensor_name(behind));
    else if (left_out != NULL)
        snprintf(message, sizeof message,
                 "minimize: nothing that the loss %.200s depends on is trained: %.200s is frozen, "
                 "not listed, or of integers",
                 name, hebb_tensor_name(left_out));
    else
        snprintf(message, sizeof message,
                 "minimize: the loss %.200s depends on no trainable variable", name);
    return hebb_graph_fail(t->graph, HEBB_E_GRADIENT, message);
}

/* ---- gradients ---- */

/* The loss and the penalties that are attached to what it depends on. */
static hebb_tensor *with_penalties(const training *t, hebb_tensor *loss) {
    hebb_tensor *total = loss;
    size_t n = hebb_attached_losses(loss, NULL, 0);
    if (n == 0) return loss;
    hebb_tensor **list = calloc(n, sizeof *list);
    if (list == NULL) return hebb_graph_fail(t->graph, HEBB_E_MEMORY, "out of memory: minimize");
    hebb_attached_losses(loss, list, n);
    for (size_t k = 0; k < n; k++)
        total = hebb_add(total, as_dtype(list[k], hebb_tensor_dtype(loss)));
    free(list);
    return total;
}

/* The slope of l1 |w| + l2 w^2, added where there is such a penalty. */
static hebb_tensor *penalized(const training *t, hebb_tensor *variable, hebb_tensor *gradient) {
    const hebb_parameter_group *group = group_of(t, variable);
    bool kernel = hebb_tensor_shape(variable).rank >= 2;
    double l1 = kernel ? t->options->l1 : 0, l2 = kernel ? t->options->l2 : 0;
    if (group != NULL && group->l1 > 0) l1 = group->l1;
    if (group != NULL && group->l2 > 0) l2 = group->l2;
    hebb_tensor *w = as_dtype(variable, hebb_tensor_dtype(gradient));
    if (l1 > 0) gradient = hebb_add(gradient, times(hebb_sign(w), l1));
    if (l2 > 0) gradient = hebb_add(gradient, times(w, 2 * l2));
    return gradient;
}

/* A state of the step: prefix/part. */
static hebb_tensor *step_state(const training *t, const char *part, hebb_dtype dtype,
                               double initial) {
    char name[HB_NAME_SIZE];
    if (hb_part_name(t->graph, t->prefix, part, name) != HEBB_OK)
        return hebb_graph_fail(t->graph, HEBB_E_ARGUMENT, "");
    return hebb_state(t->graph, name, dtype, HEBB_SCALAR, hebb_constant_value(initial));
}

/* Gradients become the means of those of several runs; only every last of these makes a step. */
static void accumulate(training *t) {
    int runs = t->options->accumulate;
    if (runs < 2) return;
    hebb_tensor *count = step_state(t, "accumulated", HEBB_I32, 0);
    hebb_tensor *next = hebb_add(count, hebb_scalar_like(count, 1)),
                *zero = hebb_scalar_like(count, 0);
    t->optimizer.apply = hebb_equal(next, hebb_scalar_like(count, runs));
    add_update(t, hebb_assign(count, hebb_select(t->optimizer.apply, zero, next)));
    for (size_t k = 0; k < t->n; k++) {
        hebb_tensor *sum = hebb_optimizer_slot(t->variables[k], "gradient_sum", 0);
        hebb_tensor *total = hebb_add(sum, as_dtype(t->gradients[k], hebb_tensor_dtype(sum)));
        hebb_tensor *none = hebb_scalar_like(sum, 0);
        add_update(t, hebb_assign(sum, hebb_select(t->optimizer.apply, none, total)));
        t->gradients[k] = times(total, 1.0 / runs);
    }
}

hebb_tensor *hebb_global_norm(hebb_tensor *const *tensors, size_t n) {
    hebb_tensor *total = NULL;
    for (size_t k = 0; k < n; k++) {
        hebb_dtype dtype = wide_dtype(tensors[0]);
        hebb_tensor *square = hebb_square(as_dtype(tensors[k], dtype));
        hebb_tensor *sum = hebb_sum(square, HEBB_ALL_AXES, false);
        total = total == NULL ? sum : hebb_add(total, sum);
    }
    return total == NULL ? NULL : hebb_sqrt(total);
}

/* x scaled so that what has this norm has at most `most`. */
static hebb_tensor *scaled_to(hebb_tensor *x, hebb_tensor *norm, double most) {
    hebb_tensor *limit = hebb_scalar_like(norm, most);
    hebb_tensor *factor = hebb_div(limit, hebb_maximum(norm, limit));
    return hebb_mul(x, as_dtype(factor, hebb_tensor_dtype(x)));
}

void hebb_clip_by_global_norm(hebb_tensor **tensors, size_t n, double max) {
    hebb_tensor *norm = tensors == NULL ? NULL : hebb_global_norm(tensors, n);
    for (size_t k = 0; norm != NULL && k < n; k++) tensors[k] = scaled_to(tensors[k], norm, max);
}

static void clip(training *t) {
    const hebb_minimize_options *o = t->options;
    for (size_t k = 0; k < t->n; k++) {
        hebb_tensor *g = t->gradients[k];
        if (o->clip_value > 0) g = hebb_clip(g, -o->clip_value, o->clip_value);
        if (o->clip_norm > 0) g = scaled_to(g, hebb_global_norm(&g, 1), o->clip_norm);
        t->gradients[k] = g;
    }
    if (o->global_clip_norm > 0) hebb_clip_by_global_norm(t->gradients, t->n, o->global_clip_norm);
}

static hebb_status make_gradients(training *t, hebb_tensor *loss) {
    hebb_status status = hebb_gradients(&loss, 1, t->variables, t->n, NULL, t->gradients);
    if (status != HEBB_OK) return status;
    for (size_t k = 0; k < t->n; k++)
        t->gradients[k] = penalized(t, t->variables[k], t->gradients[k]);
    accumulate(t);
    clip(t);
    return hebb_graph_status(t->graph);
}

/* ---- the step ---- */

/* Steps are counted in whole numbers: in f32 the count would stop at 2^24. */
static void count_steps(training *t) {
    hebb_optimizer *o = &t->optimizer;
    bool wanted = o->counts || o->schedule.rate != NULL || t->options->average > 0;
    if (!wanted) return;
    hebb_tensor *counter = step_state(t, "iteration", HEBB_I32, 0);
    hebb_tensor *next = hebb_add(counter, hebb_scalar_like(counter, 1));
    t->before = hebb_cast(counter, t->dtype);
    o->iteration = hebb_cast(next, t->dtype);
    add_update(t, hebb_optimizer_assign(o, counter, next));
}

static void make_rate(training *t) {
    hebb_optimizer *o = &t->optimizer;
    hebb_tensor *state = step_state(t, "learning_rate", t->dtype, o->learning_rate);
    o->rate = state;
    if (o->schedule.rate == NULL) return;
    o->rate = hebb_schedule_rate(&o->schedule, t->before);
    add_update(t, hebb_optimizer_assign(o, state, o->rate));
}

/* The tensor that has the new value of a variable after an update. */
static hebb_tensor *new_value(hebb_tensor *update, const hebb_tensor *variable) {
    if (strcmp(hebb_tensor_op(update), "assign") == 0)
        return hebb_tensor_input(update, 0) == variable ? update : NULL;
    hebb_tensor *found = NULL;
    for (size_t k = 0; found == NULL && k < hebb_tensor_input_count(update); k++)
        if (strcmp(hebb_tensor_op(update), "group") == 0)
            found = new_value(hebb_tensor_input(update, k), variable);
    return found;
}

/* The first step's average is its value: nothing is to be remembered of the first weights. */
static void keep_average(training *t, hebb_tensor *variable, hebb_tensor *update) {
    hebb_tensor *value = new_value(update, variable);
    if (t->options->average == 0 || value == NULL) return;
    hebb_tensor *average = hebb_optimizer_slot(variable, "average", 0);
    hebb_tensor *wide = as_dtype(value, hebb_tensor_dtype(average));
    hebb_tensor *mixed =
        hebb_add(times(average, t->options->average), times(wide, 1 - t->options->average));
    hebb_tensor *first = hebb_equal(t->before, hebb_scalar_like(t->before, 0));
    add_update(t, hebb_optimizer_assign(&t->optimizer, average, hebb_select(first, wide, mixed)));
}

static void update_variable(training *t, size_t k) {
    hebb_tensor *variable = t->variables[k];
    const hebb_parameter_group *group = group_of(t, variable);
    hebb_optimizer o = t->optimizer;
    o.trained = variable;
    o.max_norm = hebb_tensor_shape(variable).rank >= 2 ? t->options->max_norm : 0;
    if (group != NULL) {
        if (group->rate > 0) o.rate = times(o.rate, group->rate);
        if (group->weight_decay > 0) o.weight_decay = group->weight_decay;
        if (group->no_weight_decay) o.weight_decay = 0;
        if (group->max_norm > 0) o.max_norm = group->max_norm;
    }
    hebb_tensor *update = o.update(&o, variable, t->gradients[k]);
    add_update(t, update);
    keep_average(t, variable, update);
}

static void add_attached(training *t, hebb_tensor *loss) {
    size_t n = hebb_attached_updates(loss, NULL, 0);
    hebb_tensor **list = calloc(n + 1, sizeof *list);
    if (list == NULL) {
        hebb_graph_fail(t->graph, HEBB_E_MEMORY, "out of memory: minimize");
        return;
    }
    hebb_attached_updates(loss, list, n);
    if (n > 0) add_update(t, hebb_group(t->graph, list, n));
    free(list);
}

static void tell_gradients(const training *t) {
    const hebb_minimize_options *o = t->options;
    for (size_t k = 0; k < t->n; k++) {
        if (o->gradients != NULL) o->gradients[k] = t->gradients[k];
        if (o->trained != NULL) o->trained[k] = t->variables[k];
    }
    if (o->n_trained != NULL) *o->n_trained = t->n;
}

static hebb_tensor *build(training *t, hebb_tensor *loss) {
    hebb_tensor *failed = check_listed(t);
    if (failed == NULL) failed = check_groups(t);
    if (failed != NULL) return failed;
    hebb_tensor *total = with_penalties(t, loss);
    find_variables(t, total);
    if (hebb_graph_status(t->graph) == HEBB_OK && t->n == 0) return nothing_to_train(t, loss);
    if (make_gradients(t, total) != HEBB_OK)
        return hebb_graph_fail(t->graph, HEBB_E_GRADIENT, ""); /* it has its error */
    tell_gradients(t);
    count_steps(t);
    make_rate(t);
    for (size_t k = 0; k < t->n; k++) update_variable(t, k);
    add_attached(t, loss);
    return hebb_group(t->graph, t->updates, t->n_updates);
}

hebb_tensor *hebb_minimize_with(hebb_tensor *loss, hebb_optimizer optimizer,
                                const hebb_minimize_options *options) {
    static const hebb_minimize_options defaults;
    if (options == NULL) options = &defaults;
    if (hebb_tensor_is_inert(loss)) return loss;
    hebb_tensor *failed = check(loss, &optimizer, options);
    if (failed != NULL) return failed;
    training t = {.graph = hebb_tensor_graph(loss), .options = options, .optimizer = optimizer};
    t.dtype = wide_dtype(loss);
    const char *const parts[] = {"learning_rate", "iteration", "accumulated"};
    hb_fresh_prefix(t.graph, "optimizer", parts, 3, t.prefix);
    t.room = hebb_graph_variable_count(t.graph);
    hebb_tensor **lists = calloc(5 * t.room + 4, sizeof *lists);
    if (lists == NULL) return hebb_graph_fail(t.graph, HEBB_E_MEMORY, "out of memory: minimize");
    t.variables = lists;
    t.gradients = lists + t.room;
    t.updates = lists + 2 * t.room; /* two of each variable, an average, and four of the step */
    hebb_tensor *step = build(&t, loss);
    free(lists);
    return step;
}

/* ---- afterwards ---- */

hebb_tensor *hebb_learning_rate(hebb_tensor *step) {
    static const char end[] = "/learning_rate";
    if (hebb_tensor_is_inert(step)) return NULL;
    hebb_graph *graph = hebb_tensor_graph(step);
    for (size_t k = 0; k < hebb_graph_variable_count(graph); k++) {
        hebb_tensor *variable = hebb_graph_variable(graph, k);
        const char *name = hebb_tensor_name(variable);
        size_t length = strlen(name);
        if (length >= sizeof end && strcmp(name + length - (sizeof end - 1), end) == 0 &&
            hebb_depends_on(step, variable))
            return variable;
    }
    return NULL;
}

static hebb_status swap_one(hebb_session *session, hebb_tensor *a, hebb_tensor *b) {
    hebb_array x = {0}, y = {0};
    hebb_status status = hebb_session_get(session, a, &x);
    if (status == HEBB_OK) status = hebb_session_get(session, b, &y);
    if (status == HEBB_OK) status = hebb_session_set(session, a, &y);
    if (status == HEBB_OK) status = hebb_session_set(session, b, &x);
    hebb_array_free(&x);
    hebb_array_free(&y);
    return status;
}

hebb_status hebb_swap_averages(hebb_session *session) {
    const hebb_graph *graph = hebb_session_graph(session);
    if (graph == NULL) return hebb_session_status(session);
    size_t swapped = 0;
    for (size_t k = 0; k < hebb_graph_variable_count(graph); k++) {
        char name[HB_NAME_SIZE];
        hebb_tensor *variable = hebb_graph_variable(graph, k);
        snprintf(name, sizeof name, "%.240s/average", hebb_tensor_name(variable));
        hebb_tensor *average = hebb_graph_find(graph, name);
        if (average == NULL) continue;
        hebb_status status = swap_one(session, variable, average);
        if (status != HEBB_OK) return status;
        swapped++;
    }
    if (swapped > 0) return HEBB_OK;
    return hebb_session_fail(session, HEBB_E_ARGUMENT,
                             "swap_averages: there are no averages: hebb_minimize() had no "
                             ".average");
}
