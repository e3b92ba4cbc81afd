/* A small network on synthetic data: see model.h. */
#include "model.h"
#include "../../checks/values.h"

model model_create(hebb_optimizer optimizer) {
    model m = {.graph = hebb_graph_create()};
    m.x = hebb_input(m.graph, "x", HEBB_F32, HEBB_SHAPE(HEBB_ANY, MODEL_FEATURES));
    m.label = hebb_input(m.graph, "label", HEBB_I32, HEBB_SHAPE(HEBB_ANY));
    hebb_tensor *h = hebb_dense(m.x, 16, .activation = hebb_relu);
    m.logits = hebb_dense(h, MODEL_CLASSES);
    m.loss = hebb_sparse_softmax_cross_entropy(m.logits, m.label);
    m.accuracy = hebb_sparse_accuracy(m.logits, m.label);
    m.step = hebb_minimize(m.loss, optimizer);
    return m;
}

void model_batch(batch_data *data, uint64_t batch) {
    rng r = {batch + 1};
    for (int i = 0; i < MODEL_BATCH; i++) {
        int label = (int)rng_below(&r, MODEL_CLASSES);
        data->label[i] = label;
        for (int k = 0; k < MODEL_FEATURES; k++)
            data->x[i][k] =
                (float)((k % MODEL_CLASSES == label ? 1 : -1) + rng_real(&r, -1.2, 1.2));
    }
    data->x_array = hebb_array_view(data->x, HEBB_F32, HEBB_SHAPE(MODEL_BATCH, MODEL_FEATURES));
    data->label_array = hebb_array_view(data->label, HEBB_I32, HEBB_SHAPE(MODEL_BATCH));
}

hebb_status model_train(const model *m, hebb_session *s, int steps, float *losses) {
    hebb_status status = HEBB_OK;
    for (int i = 0; i < steps && status == HEBB_OK; i++) {
        batch_data data;
        hebb_array loss = hebb_array_view(&losses[i], HEBB_F32, HEBB_SCALAR);
        model_batch(&data, (uint64_t)i);
        status = hebb_run(s, HEBB_FEED({m->x, &data.x_array}, {m->label, &data.label_array}),
                          HEBB_FETCH({m->step, NULL}, {m->loss, &loss}));
    }
    return status;
}
