/* Callbacks that change the learning rate between epochs, or swap weights for their averages. */
#include <stdlib.h>
#include <string.h>

#include <hebb/layer.h>

#include "train.h"

static hebb_status no_rate(hebb_model *m, const char *who) {
    const hebb_graph *graph = hebb_model_graph(m);
    if (hebb_graph_status(graph) != HEBB_OK) /* out of memory for the search */
        return hb_model_fail(m, hebb_graph_status(graph), "%s", hebb_graph_message(graph));
    return hb_model_fail(m, HEBB_E_UNSUPPORTED,
                         "fit: %s: the step has no learning rate to be changed", who);
}

/* Whether each step sets its rate by a schedule: a rate that is set between epochs would be lost.
 */
static bool follows_a_schedule(const hebb_model *m, const hebb_tensor *rate) {
    const hebb_graph *graph = hebb_model_graph(m);
    for (size_t id = 0; id < hebb_graph_size(graph); id++) {
        const hebb_tensor *t = hebb_graph_tensor(graph, id);
        if (strcmp(hebb_tensor_op(t), "assign") == 0 && hebb_tensor_input(t, 0) == rate &&
            hebb_depends_on(hebb_model_step(m), t))
            return true;
    }
    return false;
}

static hebb_status get_rate(hebb_model *m, const char *who, double *rate) {
    hebb_tensor *variable = hebb_learning_rate(hebb_model_step(m));
    hebb_array value = {0};
    if (variable == NULL) return no_rate(m, who);
    if (follows_a_schedule(m, variable))
        return hb_model_fail(m, HEBB_E_UNSUPPORTED,
                             "fit: %s: the optimizer has a schedule, which sets the learning rate",
                             who);
    hebb_status status =
        hb_model_take(m, hebb_session_get(hebb_model_session(m), variable, &value));
    if (status == HEBB_OK) *rate = hebb_array_item(&value);
    hebb_array_free(&value);
    return status;
}

static hebb_status set_rate(hebb_model *m, double rate) {
    hebb_tensor *variable = hebb_learning_rate(hebb_model_step(m));
    hebb_array value = hebb_array_zeros(hebb_tensor_dtype(variable), HEBB_SCALAR);
    if (value.data == NULL) return hb_model_fail(m, HEBB_E_MEMORY, "out of memory: a rate");
    hebb_array_set(&value, 0, rate);
    hebb_status status =
        hb_model_take(m, hebb_session_set(hebb_model_session(m), variable, &value));
    hebb_array_free(&value);
    return status;
}

/* ---- plateaus ---- */

typedef struct plateau {
    monitor watched;
    double factor, least;
    int64_t patience, cooldown, waited, cooling;
} plateau;

static hebb_status plateau_epoch_end(hebb_callback *self, hebb_fit_state *fit) {
    plateau *p = self->data;
    bool better;
    double rate;
    hebb_status status = hb_monitor_step(&p->watched, fit, &better);
    if (status == HEBB_OK) status = get_rate(fit->model, self->name, &rate);
    if (status != HEBB_OK) return status;
    if (p->cooling > 0) {
        p->cooling--;
        p->waited = 0;
    }
    if (better) p->waited = 0;
    else if (p->cooling == 0 && ++p->waited >= p->patience) {
        double next = rate * p->factor < p->least ? p->least : rate * p->factor;
        if (next < rate) status = set_rate(fit->model, next);
        p->cooling = p->cooldown;
        p->waited = 0;
    }
    return status;
}

static hebb_status plateau_save(hebb_callback *self, hebb_bundle *bundle) {
    const plateau *p = self->data;
    const double state[] = {p->watched.best, p->watched.seen, (double)p->waited,
                            (double)p->cooling};
    return hb_put_numbers(bundle, "state", state, 4);
}

static hebb_status plateau_load(hebb_callback *self, const hebb_bundle *bundle) {
    plateau *p = self->data;
    double state[4];
    if (!hb_get_numbers(bundle, "state", state, 4)) return HEBB_OK;
    p->watched.best = state[0];
    p->watched.seen = state[1] != 0;
    p->waited = (int64_t)state[2];
    p->cooling = (int64_t)state[3];
    return HEBB_OK;
}

static void plateau_destroy(hebb_callback *self) {
    plateau *p = self->data;
    if (p != NULL) free(p->watched.name);
    free(p);
}

hebb_callback hebb_reduce_on_plateau_with(const hebb_reduce_on_plateau_options *options) {
    static const hebb_reduce_on_plateau_options defaults;
    const hebb_reduce_on_plateau_options *o = options != NULL ? options : &defaults;
    hebb_callback c = {.name = "reduce_on_plateau",
                       .epoch_end = plateau_epoch_end,
                       .save = plateau_save,
                       .load = plateau_load,
                       .destroy = plateau_destroy};
    plateau *p = calloc(1, sizeof *p);
    c.data = p;
    c.status = HEBB_E_MEMORY;
    if (p == NULL) return c;
    c.status = hb_monitor_init(&p->watched, o->monitor, o->min_delta == 0 ? 1e-4 : o->min_delta);
    p->factor = o->factor == 0 ? 0.1 : o->factor;
    p->patience = o->patience == 0 ? 10 : o->patience;
    p->cooldown = o->cooldown;
    p->least = o->least;
    if (!(p->factor > 0 && p->factor < 1) || o->patience < 0 || o->cooldown < 0)
        c.status = HEBB_E_ARGUMENT;
    return c;
}

/* ---- schedules ---- */

typedef struct scheduler {
    double (*rate)(int64_t epoch, double now, void *user);
    void *user;
} scheduler;

static hebb_status scheduler_epoch_begin(hebb_callback *self, hebb_fit_state *fit) {
    scheduler *s = self->data;
    double rate;
    hebb_status status = get_rate(fit->model, self->name, &rate);
    return status == HEBB_OK ? set_rate(fit->model, s->rate(fit->epoch, rate, s->user)) : status;
}

static void scheduler_destroy(hebb_callback *self) { free(self->data); }

hebb_callback hebb_rate_scheduler(double (*rate)(int64_t epoch, double now, void *user),
                                  void *user) {
    hebb_callback c = {.name = "rate_scheduler",
                       .epoch_begin = scheduler_epoch_begin,
                       .destroy = scheduler_destroy};
    scheduler *s = calloc(1, sizeof *s);
    c.data = s;
    c.status = rate == NULL ? HEBB_E_NULL : s == NULL ? HEBB_E_MEMORY : HEBB_OK;
    if (s != NULL) *s = (scheduler){rate, user};
    return c;
}

/* ---- averaged weights ---- */

static hebb_status swap(hebb_callback *self, hebb_fit_state *fit) {
    hebb_model *m = fit->model;
    return hb_model_take(m, hebb_swap_averages(hebb_model_session(m)));
}

hebb_callback hebb_use_averages(void) {
    return (hebb_callback){
        .name = "use_averages", .validation_begin = swap, .validation_end = swap, .end = swap};
}
