/* Finds where numbers went bad: the callback that ends a training then, and the search. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/layer.h>

#include "train.h"

static bool all_finite(const hebb_array *array) {
    int64_t n = hebb_array_count(array);
    for (int64_t k = 0; k < n; k++)
        if (!isfinite(hebb_array_at(array, k))) return false;
    return true;
}

/* ---- the search ---- */

/* "log (log:12), [32, 10], made at model.c:40" */
static void describe(const hebb_tensor *t, const hebb_array *value, char *text, size_t size) {
    char shape[160];
    int line = 0;
    const char *file = hebb_tensor_place(t, &line);
    size_t used =
        (size_t)snprintf(text, size, "the first is %s, the result of %s, %s %s",
                         hebb_tensor_name(t), hebb_tensor_op(t), hebb_dtype_name(value->dtype),
                         hebb_shape_text(value->shape, shape, sizeof shape));
    if (file != NULL && used < size) snprintf(text + used, size - used, ", %s:%d", file, line);
}

static bool is_variable(const hebb_tensor *t) { return strcmp(hebb_tensor_op(t), "variable") == 0; }

/* Assignments are left out: to look at them would be to carry them out. */
static bool is_looked_at(const hebb_model *m, const hebb_tensor *t) {
    const char *op = hebb_tensor_op(t);
    if (!hebb_dtype_floating(hebb_tensor_dtype(t)) || hebb_tensor_shape(t).rank < 0 ||
        strcmp(op, "assign") == 0 || strcmp(op, "group") == 0)
        return false;
    return hebb_depends_on(m->loss, t) || (m->step != NULL && hebb_depends_on(m->step, t));
}

/* Tensors of a scan's body have no value here; those are passed over. */
static bool is_bad(hebb_model *m, hebb_tensor *t, const hebb_feed *feeds, size_t n_feeds,
                   hebb_array *value) {
    hebb_status status = is_variable(t)
                             ? hebb_session_get(m->session, t, value)
                             : hebb_run(m->session, feeds, n_feeds, HEBB_FETCH({t, value}));
    return status == HEBB_OK && !all_finite(value);
}

/* Describes the first tensor, of those that the loss and the step need, that is not finite with
   what was fed last. */
static void find_not_finite(hebb_model *m, const hebb_feed *feeds, size_t n_feeds, char *text,
                            size_t size) {
    hebb_array value = {0};
    uint64_t step = hebb_session_step(m->session);
    size_t n = hebb_graph_size(m->graph);
    bool found = false;
    snprintf(text, size, "no tensor before this step was bad: its update is");
    hebb_session_set_mode(m->session, HEBB_MODE_TRAINING);
    for (int pass = 0; pass < 2 && !found; pass++) /* variables first */
        for (size_t id = 0; id < n && !found; id++) {
            hebb_tensor *t = hebb_graph_tensor(m->graph, id);
            if (t == NULL || is_variable(t) != (pass == 0) || !is_looked_at(m, t)) continue;
            hebb_session_set_step(m->session, step);
            found = is_bad(m, t, feeds, n_feeds, &value);
            if (found) describe(t, &value, text, size);
        }
    hebb_session_set_mode(m->session, HEBB_MODE_AUTO);
    hebb_session_set_step(m->session, step);
    hebb_array_free(&value);
}

/* ---- the callback ---- */

typedef struct watch {
    hebb_array *kept; /* the variables before the step */
    size_t n;
    uint64_t step;
} watch;

static hebb_status nan_begin(hebb_callback *self, hebb_fit_state *fit) {
    watch *w = self->data;
    hebb_graph *graph = hebb_model_graph(fit->model);
    w->n = hebb_graph_variable_count(graph);
    w->kept = calloc(w->n + 1, sizeof *w->kept);
    if (w->kept != NULL) return HEBB_OK;
    w->n = 0;
    return hb_model_fail(fit->model, HEBB_E_MEMORY, "out of memory: stop_on_nan");
}

static hebb_status nan_batch_begin(hebb_callback *self, hebb_fit_state *fit) {
    watch *w = self->data;
    hebb_session *session = hebb_model_session(fit->model);
    w->step = hebb_session_step(session);
    for (size_t k = 0; k < w->n; k++) {
        hebb_tensor *variable = hebb_graph_variable(hebb_model_graph(fit->model), k);
        hebb_status status =
            hb_model_take(fit->model, hebb_session_get(session, variable, &w->kept[k]));
        if (status != HEBB_OK) return status;
    }
    return HEBB_OK;
}

/* The step is taken back, so that what led to it can be computed again. */
static hebb_status nan_batch_end(hebb_callback *self, hebb_fit_state *fit) {
    watch *w = self->data;
    hebb_model *m = fit->model;
    hebb_session *session = hebb_model_session(m);
    char text[512];
    if (isfinite(hebb_log_value(fit, "loss"))) return HEBB_OK;
    for (size_t k = 0; k < w->n; k++) {
        hebb_tensor *variable = hebb_graph_variable(hebb_model_graph(m), k);
        hebb_status status = hb_model_take(m, hebb_session_set(session, variable, &w->kept[k]));
        if (status != HEBB_OK) return status;
    }
    hebb_session_set_step(session, w->step);
    find_not_finite(m, fit->feeds, fit->n_feeds, text, sizeof text);
    return hb_model_fail(m, HEBB_E_ARGUMENT,
                         "fit: epoch %lld, batch %lld: the loss is not finite: %s",
                         (long long)fit->epoch + 1, (long long)fit->batch, text);
}

static void nan_destroy(hebb_callback *self) {
    watch *w = self->data;
    if (w == NULL) return;
    for (size_t k = 0; k < w->n; k++) hebb_array_free(&w->kept[k]);
    free(w->kept);
    free(w);
}

hebb_callback hebb_stop_on_nan(void) {
    hebb_callback c = {.name = "stop_on_nan",
                       .begin = nan_begin,
                       .batch_begin = nan_batch_begin,
                       .batch_end = nan_batch_end,
                       .destroy = nan_destroy};
    c.data = calloc(1, sizeof(watch));
    c.status = c.data == NULL ? HEBB_E_MEMORY : HEBB_OK;
    return c;
}
