/* Models (hebb/train.h): their making, their errors, and the run of one batch. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/layer.h>

#include "train.h"

/* ---- errors ---- */

hebb_status hebb_model_status(const hebb_model *model) {
    return model == NULL ? HEBB_E_NULL : model->status;
}

const char *hebb_model_message(const hebb_model *model) {
    if (model == NULL) return "the model is NULL (out of memory when it was created?)";
    return model->status == HEBB_OK ? "" : model->message;
}

hebb_status hebb_model_fail(hebb_model *model, hebb_status status, const char *message) {
    return hb_model_fail(model, status, "%s", message == NULL ? "" : message);
}

hebb_status hb_model_fail(hebb_model *model, hebb_status status, const char *format, ...) {
    if (model == NULL) return HEBB_E_NULL;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(model->message, sizeof model->message, format, arguments);
    va_end(arguments);
    return model->status = status;
}

hebb_status hb_model_begin(hebb_model *model) {
    if (model == NULL) return HEBB_E_NULL;
    if (!model->broken) model->status = HEBB_OK;
    return model->status;
}

hebb_status hb_model_take(hebb_model *model, hebb_status status) {
    if (status == HEBB_OK) return HEBB_OK;
    return hb_model_fail(model, status, "%s", hebb_session_message(model->session));
}

static hebb_status out_of_memory(hebb_model *model) {
    return hb_model_fail(model, HEBB_E_MEMORY, "out of memory: a model");
}

/* ---- looking ---- */

hebb_session *hebb_model_session(const hebb_model *m) { return m == NULL ? NULL : m->session; }
hebb_graph *hebb_model_graph(const hebb_model *m) { return m == NULL ? NULL : m->graph; }
hebb_tensor *hebb_model_loss(const hebb_model *m) { return m == NULL ? NULL : m->loss; }
hebb_tensor *hebb_model_step(const hebb_model *m) { return m == NULL ? NULL : m->step; }

hebb_tensor *hebb_model_input(const hebb_model *m, size_t index) {
    return m != NULL && index < m->n_inputs ? m->inputs[index] : NULL;
}

const char *hebb_model_measure(const hebb_model *m, size_t index) {
    return m != NULL && m->names != NULL && index <= m->n_metrics ? m->names[index] : NULL;
}

/* ---- making ---- */

static char *join(const char *a, const char *b) {
    size_t size = strlen(a) + strlen(b) + 1;
    char *text = malloc(size);
    if (text != NULL) snprintf(text, size, "%s%s", a, b);
    return text;
}

static hebb_status copy_lists(hebb_model *m, const hebb_model_options *o) {
    size_t n = (size_t)o->inputs.count, metrics = (size_t)o->metrics.count;
    m->inputs = calloc(n + 1, sizeof *m->inputs);
    m->batch = calloc(n + 1, sizeof *m->batch);
    m->feeds = calloc(n + 1, sizeof *m->feeds);
    m->metrics = calloc(metrics + 1, sizeof *m->metrics);
    m->counts = calloc(metrics + 1, sizeof *m->counts);
    m->fetches = calloc(metrics + 2, sizeof *m->fetches);
    m->names = calloc(2 * (metrics + 1), sizeof *m->names);
    if (m->inputs == NULL || m->batch == NULL || m->feeds == NULL || m->metrics == NULL ||
        m->counts == NULL || m->fetches == NULL || m->names == NULL)
        return out_of_memory(m);
    m->n_inputs = n;
    m->n_metrics = metrics;
    for (size_t k = 0; k <= metrics; k++) {
        const char *name = k == 0 ? "loss" : o->metrics.at[k - 1].name;
        m->names[k] = join("", name == NULL ? "metric" : name);
        m->names[metrics + 1 + k] = join("val_", name == NULL ? "metric" : name);
        if (m->names[k] == NULL || m->names[metrics + 1 + k] == NULL) return out_of_memory(m);
    }
    for (size_t k = 0; k < n; k++) m->inputs[k] = o->inputs.at[k];
    for (size_t k = 0; k < metrics; k++) {
        m->metrics[k] = o->metrics.at[k];
        m->metrics[k].name = m->names[k + 1];
    }
    return HEBB_OK;
}

/* The loss with the penalties that hebb_minimize() adds to it. */
static hebb_tensor *whole_loss(hebb_model *m, hebb_tensor *loss) {
    size_t n = hebb_attached_losses(loss, NULL, 0);
    hebb_tensor **list = calloc(n + 1, sizeof *list);
    if (list == NULL) {
        out_of_memory(m);
        return loss;
    }
    hebb_attached_losses(loss, list, n);
    hebb_dtype dtype = hebb_tensor_dtype(loss);
    for (size_t k = 0; k < n; k++)
        loss = hebb_add(loss,
                        hebb_tensor_dtype(list[k]) == dtype ? list[k] : hebb_cast(list[k], dtype));
    free(list);
    return loss;
}

static hebb_status check_options(hebb_model *m, const hebb_model_options *o) {
    for (size_t k = 0; k < m->n_inputs; k++)
        if (strcmp(hebb_tensor_op(m->inputs[k]), "input") != 0)
            return hb_model_fail(m, HEBB_E_ARGUMENT, "model: inputs: %zu (%s) is no input", k,
                                 m->inputs[k] == NULL ? "NULL" : hebb_tensor_name(m->inputs[k]));
    for (size_t k = 0; k < m->n_metrics; k++) {
        hebb_shape shape = hebb_tensor_shape(m->metrics[k].counts);
        int64_t count = hebb_shape_count(shape);
        if (count < 1 || (m->metrics[k].result == NULL && count > 2))
            return hb_model_fail(m, HEBB_E_SHAPE,
                                 "model: the metric %s has no counts of known shape%s",
                                 m->metrics[k].name, count > 2 ? " and no result()" : "");
    }
    if (o->loss == NULL && (o->optimizer.update != NULL || o->step != NULL))
        return hb_model_fail(m, HEBB_E_NULL, "model: it has %s, but no loss",
                             o->step != NULL ? "a step" : "an optimizer");
    if (o->loss == NULL) return HEBB_OK;
    char text[160];
    hebb_shape shape = hebb_tensor_shape(o->loss);
    if (shape.rank == 0) return HEBB_OK;
    return hb_model_fail(m, HEBB_E_SHAPE, "model: the loss %s is %s, not a scalar",
                         hebb_tensor_name(o->loss), hebb_shape_text(shape, text, sizeof text));
}

static hebb_status init(hebb_model *m, hebb_device *device, const hebb_model_options *o) {
    hebb_status status = copy_lists(m, o);
    if (status != HEBB_OK) return status;
    if (hebb_graph_status(m->graph) == HEBB_OK) {
        status = check_options(m, o);
        if (status != HEBB_OK) return status;
        if (hb_tally_init(&m->evaluated, m) != HEBB_OK) return out_of_memory(m);
        if (o->loss != NULL) m->loss = whole_loss(m, o->loss);
        m->step = o->step;
        if (o->optimizer.update != NULL)
            m->step = hebb_minimize_with(o->loss, o->optimizer, o->minimize);
    }
    if (hebb_graph_status(m->graph) != HEBB_OK)
        return hb_model_fail(m, hebb_graph_status(m->graph), "%s", hebb_graph_message(m->graph));
    m->session = o->session;
    m->owns_session = o->session == NULL;
    if (m->owns_session)
        m->session =
            hebb_session_create(m->graph, device, .seed = o->seed, .memory_limit = o->memory_limit);
    if (m->session == NULL) return out_of_memory(m);
    status = hb_model_take(m, hebb_session_status(m->session));
    if (status == HEBB_OK && hebb_session_graph(m->session) != m->graph)
        status = hb_model_fail(m, HEBB_E_GRAPH, "model: the session is of another graph");
    for (size_t k = 0; k <= m->n_metrics; k++)
        m->fetches[k] = (hebb_fetch){k == 0 ? m->loss : m->metrics[k - 1].counts, &m->counts[k]};
    m->fetches[m->n_metrics + 1] = (hebb_fetch){m->step, NULL};
    return status;
}

hebb_model *(hebb_model_create_with)(hebb_graph *graph, hebb_device *device,
                                     const hebb_model_options *options) {
    static const hebb_model_options defaults;
    const hebb_model_options *o = options != NULL ? options : &defaults;
    hebb_model *m = calloc(1, sizeof *m);
    if (m == NULL) return NULL;
    m->graph = graph;
    m->seed = o->seed;
    m->classes = o->classes;
    m->broken = init(m, device, o) != HEBB_OK || m->status != HEBB_OK;
    return m;
}

void hebb_model_destroy(hebb_model *m) {
    if (m == NULL) return;
    hb_history_clear(m);
    hb_tally_free(&m->evaluated);
    for (size_t k = 0; m->names != NULL && k < 2 * (m->n_metrics + 1); k++) free(m->names[k]);
    for (size_t k = 0; m->counts != NULL && k <= m->n_metrics; k++) hebb_array_free(&m->counts[k]);
    if (m->owns_session) hebb_session_destroy(m->session);
    free(m->inputs);
    free(m->batch);
    free(m->feeds);
    free(m->metrics);
    free(m->counts);
    free(m->fetches);
    free(m->names);
    free(m);
}

/* ---- one batch ---- */

/* `of`: "data", or "batch", since what transforms make of labels is seen in batches only. */
static hebb_status check_labels(hebb_model *m, const hebb_array *labels, const char *of) {
    if (m->classes == 0 || hebb_dtype_floating(labels->dtype) || labels->data == NULL)
        return HEBB_OK;
    int64_t n = hebb_array_count(labels);
    for (int64_t k = 0; k < n; k++) {
        double label = hebb_array_at(labels, k);
        if (label >= 0 && label < (double)m->classes) continue;
        return hb_model_fail(
            m, HEBB_E_ARGUMENT, "%s: label %g of example %lld of the %s is not in 0...%lld",
            hebb_tensor_name(m->inputs[m->n_inputs - 1]), label,
            (long long)(k * labels->shape.dim[0] / n), of, (long long)m->classes - 1);
    }
    return HEBB_OK;
}

hebb_status hb_check_data(hebb_model *m, const hebb_dataset *data, size_t least) {
    if (data == NULL || (data->columns == NULL && data->count > 0))
        return hb_model_fail(m, HEBB_E_NULL, "the data is NULL");
    if (data->count < least || data->count > m->n_inputs || data->count == 0)
        return hb_model_fail(m, HEBB_E_ARGUMENT, "the data has %zu columns, the model %zu inputs",
                             data->count, m->n_inputs);
    for (size_t k = 0; k < data->count; k++) {
        const hebb_array *column = &data->columns[k];
        if (column->shape.rank < 1 || hebb_array_count(column) < 0)
            return hb_model_fail(m, HEBB_E_SHAPE, "column %zu of the data has no rows", k);
        if (column->shape.dim[0] != data->columns[0].shape.dim[0])
            return hb_model_fail(m, HEBB_E_SHAPE, "column %zu of the data has %lld rows, not %lld",
                                 k, (long long)column->shape.dim[0],
                                 (long long)data->columns[0].shape.dim[0]);
    }
    if (data->columns[0].shape.dim[0] == 0)
        return hb_model_fail(m, HEBB_E_ARGUMENT, "the data has no examples");
    if (data->count < m->n_inputs) return HEBB_OK;
    return check_labels(m, &data->columns[data->count - 1], "data");
}

hebb_status hb_model_run(hebb_model *m, bool train, tally *sums) {
    hebb_status status = check_labels(m, &m->batch[m->n_inputs - 1], "batch");
    if (status != HEBB_OK) return status;
    for (size_t k = 0; k < m->n_inputs; k++) m->feeds[k] = (hebb_feed){m->inputs[k], &m->batch[k]};
    status =
        hebb_run(m->session, m->feeds, m->n_inputs, m->fetches, m->n_metrics + 1 + (train ? 1 : 0));
    if (status != HEBB_OK) return hb_model_take(m, status);
    double examples = (double)m->batch[0].shape.dim[0];
    sums->examples += examples;
    sums->loss += hebb_array_item(&m->counts[0]) * examples;
    for (size_t k = 0; k < m->n_metrics; k++) {
        const hebb_array *counts = &m->counts[k + 1];
        bool share = sums->sizes[k] == 1 && m->metrics[k].result == NULL;
        for (size_t i = 0; i < sums->sizes[k]; i++)
            sums->totals[k][i] += hebb_array_at(counts, (int64_t)i) * (share ? examples : 1);
    }
    return HEBB_OK;
}
