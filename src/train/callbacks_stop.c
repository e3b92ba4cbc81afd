/* Callbacks that end a training: early stopping; and what callbacks share that watch a value. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"

/* ---- watching a value ---- */

hebb_status hb_monitor_init(monitor *m, const char *name, double min_delta) {
    *m = (monitor){.min_delta = fabs(min_delta)};
    if (name == NULL) return HEBB_OK;
    m->name = strdup(name);
    return m->name == NULL ? HEBB_E_MEMORY : HEBB_OK;
}

static bool more_is_better(const hebb_model *m, const char *name) {
    if (strncmp(name, "val_", 4) == 0) name += 4;
    for (size_t k = 0; k < m->n_metrics; k++)
        if (strcmp(m->metrics[k].name, name) == 0) return !m->metrics[k].lower_is_better;
    return false;
}

static const hebb_log_entry *find_log(const hebb_fit_state *fit, const char *name) {
    for (size_t k = 0; k < fit->n_logs; k++)
        if (strcmp(fit->logs[k].name, name) == 0) return &fit->logs[k];
    return NULL;
}

static hebb_status no_such_log(hebb_fit_state *fit, const char *name) {
    char list[512] = "";
    size_t used = 0;
    for (size_t k = 0; k < fit->n_logs && used < sizeof list; k++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", k == 0 ? "" : ", ",
                                 fit->logs[k].name);
    bool validated = strstr(list, "val_") != NULL;
    return hb_model_fail(fit->model, HEBB_E_ARGUMENT,
                         "fit: %s is monitored, but logged are only: %s%s", name, list,
                         validated || strncmp(name, "val_", 4) != 0
                             ? ""
                             : "; there is neither .validation nor .validation_split");
}

hebb_status hb_monitor_step(monitor *m, hebb_fit_state *fit, bool *better) {
    m->used = m->name != NULL ? m->name : find_log(fit, "val_loss") != NULL ? "val_loss" : "loss";
    const hebb_log_entry *log = find_log(fit, m->used);
    if (log == NULL) return no_such_log(fit, m->used);
    double value = log->value;
    if (!m->seen) *better = !isnan(value);
    else if (more_is_better(fit->model, log->name)) *better = value > m->best + m->min_delta;
    else *better = value < m->best - m->min_delta;
    if (*better) {
        m->best = value;
        m->seen = true;
    }
    return HEBB_OK;
}

/* ---- early stopping ---- */

typedef struct stopping {
    monitor watched;
    int64_t patience, waited;
    bool restore;
    hebb_array *best; /* of all variables, in their order */
    size_t n_best;
    FILE *out;
    int64_t best_epoch, last_epoch; /* from 1; 0: not known, none yet */
} stopping;

static hebb_status keep_best(stopping *s, hebb_model *m) {
    hebb_graph *graph = hebb_model_graph(m);
    size_t n = hebb_graph_variable_count(graph);
    if (n > s->n_best) {
        hebb_array *grown = realloc(s->best, n * sizeof *grown);
        if (grown == NULL) return hb_model_fail(m, HEBB_E_MEMORY, "out of memory: early stopping");
        memset(grown + s->n_best, 0, (n - s->n_best) * sizeof *grown);
        s->best = grown;
        s->n_best = n;
    }
    for (size_t k = 0; k < n; k++) {
        hebb_status status =
            hebb_session_get(hebb_model_session(m), hebb_graph_variable(graph, k), &s->best[k]);
        if (status != HEBB_OK) return hb_model_take(m, status);
    }
    return HEBB_OK;
}

static hebb_status stopping_epoch_end(hebb_callback *self, hebb_fit_state *fit) {
    stopping *s = self->data;
    bool better;
    hebb_status status = hb_monitor_step(&s->watched, fit, &better);
    if (status != HEBB_OK) return status;
    s->last_epoch = fit->epoch + 1;
    if (better) s->best_epoch = s->last_epoch;
    s->waited = better ? 0 : s->waited + 1;
    if (!better && s->waited >= s->patience) fit->stop = true;
    return better && s->restore ? keep_best(s, fit->model) : HEBB_OK;
}

/* Writing may fail; that is no reason for a training to fail. */
static void tell(const stopping *s, const hebb_fit_state *fit) {
    if (s->out == NULL || s->last_epoch == 0 || s->best_epoch == 0) return;
    if (s->waited > 0 && s->waited >= s->patience && s->last_epoch < fit->epochs)
        fprintf(s->out, "stopped after epoch %lld: ", (long long)s->last_epoch);
    fprintf(s->out, "%s was best in epoch %lld (%.6g)%s\n", s->watched.used,
            (long long)s->best_epoch, s->watched.best,
            s->restore ? ", whose variables are restored" : "");
    fflush(s->out);
}

static hebb_status stopping_end(hebb_callback *self, hebb_fit_state *fit) {
    stopping *s = self->data;
    for (size_t k = 0; k < s->n_best; k++) {
        hebb_tensor *variable = hebb_graph_variable(hebb_model_graph(fit->model), k);
        if (s->best[k].data == NULL) continue;
        hebb_status status =
            hebb_session_set(hebb_model_session(fit->model), variable, &s->best[k]);
        if (status != HEBB_OK) return hb_model_take(fit->model, status);
    }
    tell(s, fit);
    return HEBB_OK;
}

static hebb_status stopping_save(hebb_callback *self, hebb_bundle *bundle) {
    const stopping *s = self->data;
    const double state[] = {s->watched.best, s->watched.seen, (double)s->waited, (double)s->n_best};
    const double epoch = (double)s->best_epoch;
    hebb_status status = hb_put_numbers(bundle, "state", state, 4);
    if (status == HEBB_OK) status = hb_put_numbers(bundle, "best_epoch", &epoch, 1);
    for (size_t k = 0; status == HEBB_OK && k < s->n_best; k++) {
        char key[32];
        snprintf(key, sizeof key, "best/%zu", k);
        status = hebb_bundle_put(bundle, key, &s->best[k]);
    }
    return status;
}

static hebb_status stopping_load(hebb_callback *self, const hebb_bundle *bundle) {
    stopping *s = self->data;
    double state[4], epoch;
    if (!hb_get_numbers(bundle, "state", state, 4)) return HEBB_OK; /* it was not there before */
    if (!(state[3] >= 0 && state[3] < 1e6)) return HEBB_E_FORMAT;
    s->watched.best = state[0];
    s->watched.seen = state[1] != 0;
    s->waited = (int64_t)state[2];
    if (hb_get_numbers(bundle, "best_epoch", &epoch, 1) && epoch >= 0 && epoch < 1e15)
        s->best_epoch = (int64_t)epoch;
    s->best = calloc((size_t)state[3] + 1, sizeof *s->best);
    if (s->best == NULL) return HEBB_E_MEMORY;
    for (size_t k = 0; k < (size_t)state[3]; k++) {
        char key[32];
        snprintf(key, sizeof key, "best/%zu", k);
        const hebb_array *from = hebb_bundle_get(bundle, key);
        if (from == NULL) return HEBB_E_FORMAT;
        hebb_status status = hebb_array_resize(&s->best[k], from->dtype, from->shape);
        if (status != HEBB_OK) return status;
        memcpy(s->best[k].data, from->data, hebb_array_bytes(from));
        s->n_best = k + 1;
    }
    return HEBB_OK;
}

static void stopping_destroy(hebb_callback *self) {
    stopping *s = self->data;
    if (s == NULL) return;
    for (size_t k = 0; k < s->n_best; k++) hebb_array_free(&s->best[k]);
    free(s->best);
    free(s->watched.name);
    free(s);
}

hebb_callback hebb_early_stopping_with(const hebb_early_stopping_options *options) {
    static const hebb_early_stopping_options defaults;
    const hebb_early_stopping_options *o = options != NULL ? options : &defaults;
    hebb_callback c = {.name = "early_stopping",
                       .epoch_end = stopping_epoch_end,
                       .end = stopping_end,
                       .save = stopping_save,
                       .load = stopping_load,
                       .destroy = stopping_destroy};
    stopping *s = calloc(1, sizeof *s);
    c.data = s;
    c.status = s == NULL ? HEBB_E_MEMORY : hb_monitor_init(&s->watched, o->monitor, o->min_delta);
    if (s == NULL) return c;
    if (o->patience < 0) c.status = HEBB_E_ARGUMENT;
    s->patience = o->patience;
    s->restore = o->restore_best;
    s->out = o->out;
    return c;
}
