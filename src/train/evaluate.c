/* Evaluating and predicting (hebb/train.h), and the sums that losses and metrics are made of. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"

enum { DEFAULT_BATCH = 32 };

/* ---- sums ---- */

hebb_status hb_tally_init(tally *sums, const hebb_model *m) {
    *sums = (tally){.n = m->n_metrics};
    sums->totals = calloc(m->n_metrics + 1, sizeof *sums->totals);
    sums->sizes = calloc(m->n_metrics + 1, sizeof *sums->sizes);
    if (sums->totals == NULL || sums->sizes == NULL) return HEBB_E_MEMORY;
    for (size_t k = 0; k < m->n_metrics; k++) {
        sums->sizes[k] = (size_t)hebb_shape_count(hebb_tensor_shape(m->metrics[k].counts));
        sums->totals[k] = calloc(sums->sizes[k], sizeof **sums->totals);
        if (sums->totals[k] == NULL) return HEBB_E_MEMORY;
    }
    return HEBB_OK;
}

void hb_tally_reset(tally *sums) {
    sums->examples = sums->loss = 0;
    for (size_t k = 0; k < sums->n; k++)
        memset(sums->totals[k], 0, sums->sizes[k] * sizeof **sums->totals);
}

void hb_tally_free(tally *sums) {
    for (size_t k = 0; sums->totals != NULL && k < sums->n; k++) free(sums->totals[k]);
    free(sums->totals);
    free(sums->sizes);
    *sums = (tally){0};
}

/* For hebb_model_totals(). */
static void keep(tally *kept, const tally *sums) {
    kept->examples = sums->examples;
    for (size_t k = 0; k < sums->n; k++)
        memcpy(kept->totals[k], sums->totals[k], sums->sizes[k] * sizeof **sums->totals);
}

const double *hebb_model_totals(const hebb_model *m, const char *metric, size_t *n) {
    if (n != NULL) *n = 0;
    if (m == NULL || metric == NULL || m->evaluated.examples == 0) return NULL;
    for (size_t k = 0; k < m->n_metrics; k++) {
        if (strcmp(m->metrics[k].name, metric) != 0) continue;
        if (n != NULL) *n = m->evaluated.sizes[k];
        return m->evaluated.totals[k];
    }
    return NULL;
}

void hb_tally_values(const tally *sums, const hebb_model *m, double *values) {
    values[0] = sums->loss / sums->examples;
    for (size_t k = 0; k < m->n_metrics; k++) {
        const hebb_metric *metric = &m->metrics[k];
        const double *totals = sums->totals[k];
        if (metric->result != NULL) values[k + 1] = metric->result(metric, totals, sums->sizes[k]);
        else values[k + 1] = totals[0] / (sums->sizes[k] == 1 ? sums->examples : totals[1]);
    }
}

/* ---- evaluate ---- */

static hebb_status open_batches(hebb_model *m, const hebb_dataset *data, int64_t batch,
                                hebb_batches **batches) {
    hebb_batches *made = hebb_batches_create_with(data->columns, data->count,
                                                  batch == 0 ? DEFAULT_BATCH : batch, NULL);
    *batches = made;
    if (made == NULL) return hb_model_fail(m, HEBB_E_MEMORY, "out of memory: batches");
    if (hebb_batches_status(made) == HEBB_OK) return HEBB_OK;
    hb_model_fail(m, hebb_batches_status(made), "%s", hebb_batches_message(made));
    hebb_batches_destroy(made);
    return m->status;
}

hebb_status hb_evaluate(hebb_model *m, const hebb_dataset *data, int64_t batch, tally *sums,
                        double *values) {
    hebb_batches *batches;
    hebb_status status = open_batches(m, data, batch, &batches);
    if (status != HEBB_OK) return status;
    uint64_t step = hebb_session_step(m->session);
    hb_tally_reset(sums);
    while (status == HEBB_OK && hebb_batches_next(batches, m->batch))
        status = hb_model_run(m, false, sums);
    hebb_session_set_step(m->session, step);
    hebb_batches_destroy(batches);
    if (status != HEBB_OK) return status;
    hb_tally_values(sums, m, values);
    keep(&m->evaluated, sums);
    return HEBB_OK;
}

hebb_status hebb_evaluate_with(hebb_model *m, const hebb_dataset *data, double *values,
                               const hebb_evaluate_options *options) {
    if (hb_model_begin(m) != HEBB_OK) return hebb_model_status(m);
    if (values == NULL) return hb_model_fail(m, HEBB_E_NULL, "evaluate: values is NULL");
    if (m->loss == NULL)
        return hb_model_fail(m, HEBB_E_ARGUMENT, "evaluate: the model has no loss");
    hebb_status status = hb_check_data(m, data, m->n_inputs);
    if (status != HEBB_OK) return status;
    tally sums;
    status = hb_tally_init(&sums, m);
    if (status != HEBB_OK) hb_model_fail(m, status, "out of memory: evaluate");
    else status = hb_evaluate(m, data, options != NULL ? options->batch : 0, &sums, values);
    hb_tally_free(&sums);
    return status;
}

/* ---- predict ---- */

/* Puts the rows of one batch behind those that are there; the first batch says how long a row is.
 */
static hebb_status append_rows(hebb_model *m, const hebb_tensor *tensor, const hebb_array *rows,
                               int64_t at, int64_t all, hebb_array *result) {
    int64_t n = m->batch[0].shape.dim[0];
    hebb_shape shape = rows->shape;
    if (shape.rank < 1 || shape.dim[0] != n)
        return hb_model_fail(m, HEBB_E_SHAPE, "predict: %s has not a row for each example",
                             hebb_tensor_name(tensor));
    shape.dim[0] = all;
    if (at == 0 && hebb_array_resize(result, rows->dtype, shape) != HEBB_OK)
        return hb_model_fail(m, HEBB_E_MEMORY, "out of memory: predict");
    if (!hebb_shape_equal(shape, result->shape))
        return hb_model_fail(m, HEBB_E_SHAPE, "predict: rows of %s differ in shape",
                             hebb_tensor_name(tensor));
    size_t bytes = hebb_array_bytes(rows);
    if (bytes > 0) memcpy((char *)result->data + bytes / (size_t)n * (size_t)at, rows->data, bytes);
    return HEBB_OK;
}

static hebb_status predict(hebb_model *m, const hebb_dataset *data, hebb_tensor *tensor,
                           hebb_batches *batches, hebb_array *result) {
    hebb_array rows = {0};
    hebb_status status = HEBB_OK;
    int64_t at = 0;
    for (size_t k = 0; k < data->count; k++) m->feeds[k] = (hebb_feed){m->inputs[k], &m->batch[k]};
    while (status == HEBB_OK && hebb_batches_next(batches, m->batch)) {
        status = hb_model_take(
            m, hebb_run(m->session, m->feeds, data->count, HEBB_FETCH({tensor, &rows})));
        if (status == HEBB_OK)
            status = append_rows(m, tensor, &rows, at, hebb_batches_examples(batches), result);
        at += m->batch[0].shape.dim[0];
    }
    hebb_array_free(&rows);
    return status;
}

hebb_status hebb_predict_with(hebb_model *m, const hebb_dataset *data, hebb_tensor *tensor,
                              hebb_array *result, const hebb_evaluate_options *options) {
    if (hb_model_begin(m) != HEBB_OK) return hebb_model_status(m);
    if (tensor == NULL || result == NULL)
        return hb_model_fail(m, HEBB_E_NULL, "predict: the %s is NULL",
                             tensor == NULL ? "tensor" : "result");
    hebb_batches *batches;
    hebb_status status = hb_check_data(m, data, 1);
    if (status == HEBB_OK)
        status = open_batches(m, data, options != NULL ? options->batch : 0, &batches);
    if (status != HEBB_OK) return status;
    uint64_t step = hebb_session_step(m->session);
    status = predict(m, data, tensor, batches, result);
    hebb_session_set_step(m->session, step);
    hebb_batches_destroy(batches);
    return status;
}
