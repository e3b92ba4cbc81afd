/* Logs how large the results of layers and the gradients of variables are, once an epoch. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/autodiff.h>
#include <hebb/layer.h>

#include "train.h"

typedef struct norms {
    char **names;
    hebb_fetch *fetches; /* what norms are taken of */
    hebb_array *values;
    size_t n, room;
} norms;

static bool add(norms *all, hebb_tensor *tensor, const char *kind, const char *name) {
    size_t size = strlen(kind) + strlen(name) + 1;
    char *text = malloc(size);
    if (text == NULL) return false;
    snprintf(text, size, "%s%s", kind, name);
    all->names[all->n] = text;
    all->fetches[all->n].tensor = tensor;
    all->fetches[all->n].array = &all->values[all->n];
    all->n++;
    return true;
}

/* The root of the sum of squares, in the graph: only a scalar leaves the device. */
static hebb_tensor *norm_of(hebb_tensor *x) {
    if (hebb_tensor_dtype(x) != HEBB_F64) x = hebb_cast(x, HEBB_F32);
    hebb_shape shape = hebb_tensor_shape(x);
    hebb_tensor *squares = hebb_square(x);
    return hebb_sqrt(shape.rank == 0 ? squares : hebb_sum(squares, HEBB_ALL_AXES, false));
}

static bool add_layers(norms *all, const hebb_model *m) {
    hebb_layer layer;
    for (size_t k = 0; hebb_layer_at(m->graph, k, &layer); k++)
        if (layer.result != NULL && hebb_depends_on(m->loss, layer.result) &&
            hebb_dtype_floating(hebb_tensor_dtype(layer.result)) &&
            !add(all, norm_of(layer.result), "norm/", layer.name))
            return false;
    return true;
}

static bool add_gradients(norms *all, const hebb_model *m) {
    size_t n = 0, most = hebb_graph_variable_count(m->graph);
    hebb_tensor **lists = calloc(2 * most + 1, sizeof *lists);
    if (lists == NULL) return false;
    for (size_t k = 0; k < most; k++) {
        hebb_tensor *variable = hebb_graph_variable(m->graph, k);
        if (hebb_variable_trainable(variable) && hebb_depends_on(m->loss, variable) &&
            hebb_dtype_floating(hebb_tensor_dtype(variable)))
            lists[n++] = variable;
    }
    hebb_tensor *loss = m->loss;
    bool fine = n == 0 || hebb_gradients(&loss, 1, lists, n, NULL, lists + most) == HEBB_OK;
    for (size_t k = 0; fine && k < n; k++)
        fine = add(all, norm_of(lists[most + k]), "gradient/", hebb_tensor_name(lists[k]));
    free(lists);
    return fine;
}

static hebb_status norms_begin(hebb_callback *self, hebb_fit_state *fit) {
    norms *all = self->data;
    hebb_model *m = fit->model;
    size_t most = hebb_layer_count(m->graph) + hebb_graph_variable_count(m->graph) + 1;
    all->names = calloc(most, sizeof *all->names);
    all->fetches = calloc(most, sizeof *all->fetches);
    all->values = calloc(most, sizeof *all->values);
    if (all->names == NULL || all->fetches == NULL || all->values == NULL)
        return hb_model_fail(m, HEBB_E_MEMORY, "out of memory: norms");
    if (add_layers(all, m) && add_gradients(all, m) && hebb_graph_status(m->graph) == HEBB_OK)
        return HEBB_OK;
    if (hebb_graph_status(m->graph) == HEBB_OK)
        return hb_model_fail(m, HEBB_E_MEMORY, "out of memory: norms");
    return hb_model_fail(m, hebb_graph_status(m->graph), "%s", hebb_graph_message(m->graph));
}

/* Once more over the last batch, as a training step sees it; nothing changes. */
static hebb_status norms_epoch_end(hebb_callback *self, hebb_fit_state *fit) {
    norms *all = self->data;
    hebb_model *m = fit->model;
    uint64_t step = hebb_session_step(m->session);
    hebb_session_set_mode(m->session, HEBB_MODE_TRAINING);
    hebb_status status =
        hb_model_take(m, hebb_run(m->session, fit->feeds, fit->n_feeds, all->fetches, all->n));
    hebb_session_set_mode(m->session, HEBB_MODE_AUTO);
    hebb_session_set_step(m->session, step);
    for (size_t k = 0; status == HEBB_OK && k < all->n; k++)
        status = hebb_log_add(fit, all->names[k], hebb_array_item(&all->values[k]));
    return status;
}

static void norms_destroy(hebb_callback *self) {
    norms *all = self->data;
    if (all == NULL) return;
    for (size_t k = 0; k < all->n; k++) {
        free(all->names[k]);
        hebb_array_free(&all->values[k]);
    }
    free(all->names);
    free(all->fetches);
    free(all->values);
    free(all);
}

hebb_callback hebb_norms(void) {
    hebb_callback c = {.name = "norms",
                       .begin = norms_begin,
                       .epoch_end = norms_epoch_end,
                       .destroy = norms_destroy};
    c.data = calloc(1, sizeof(norms));
    c.status = c.data == NULL ? HEBB_E_MEMORY : HEBB_OK;
    return c;
}
