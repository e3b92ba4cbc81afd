/* A small network on synthetic data, for tests that train. */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include <hebb/hebb.h>

#define MODEL_FEATURES 6
#define MODEL_CLASSES  3
#define MODEL_BATCH    32

typedef struct model {
    hebb_graph *graph;
    hebb_tensor *x, *label, *logits, *loss, *step, *accuracy;
} model;

/* Two dense layers, softmax cross-entropy, the optimizer. */
model model_create(hebb_optimizer optimizer);

/* The data of batch number `batch`: three classes around three points. */
typedef struct batch_data {
    float x[MODEL_BATCH][MODEL_FEATURES];
    int32_t label[MODEL_BATCH];
    hebb_array x_array, label_array;
} batch_data;
void model_batch(batch_data *data, uint64_t batch);

/* Trains for `steps` batches; losses[i] is the loss before step i. */
hebb_status model_train(const model *m, hebb_session *s, int steps, float *losses);

#endif
