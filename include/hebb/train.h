/* Training: a model is a graph with a loss, a step and a session; fit, evaluate and predict run it
   over data.

     hebb_model *model = hebb_model_create(graph, device, .inputs = HEBB_LIST(x, t), .loss = loss,
                                           .optimizer = hebb_adam(), .seed = 1);
     hebb_fit(model, train, .epochs = 5, .batch = 128, .validation = test,
              .callbacks = HEBB_CALLBACKS(hebb_progress(stderr),
                                          hebb_early_stopping(.patience = 3)));
     if (hebb_failed(model)) fprintf(stderr, "%s\n", hebb_message(model));

   Every piece can be used alone: hebb_run() with hebb_model_step() on hebb_model_session(). */
#ifndef HEBB_TRAIN_H
#define HEBB_TRAIN_H

#include <hebb/callbacks.h>
#include <hebb/control.h>
#include <hebb/data.h>
#include <hebb/dataset.h>
#include <hebb/metrics.h>
#include <hebb/optimizers.h>
#include <hebb/session.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- models ---- */

typedef struct hebb_metric_list {
    const hebb_metric *at;
    int count;
} hebb_metric_list;
/* HEBB_METRICS(hebb_metric_mean(e, .name = "error"), {.name = "accuracy", .counts = a}) */
#define HEBB_METRICS(...)                                                                          \
    ((hebb_metric_list){(const hebb_metric[]){__VA_ARGS__},                                        \
                        (int)(sizeof((const hebb_metric[]){__VA_ARGS__}) / sizeof(hebb_metric))})

typedef struct hebb_model_options {
    hebb_tensor_list inputs;               /* what the columns of data are fed to, in order */
    hebb_tensor *loss;                     /* scalar, the mean over a batch. None: the model can
                                              only predict */
    hebb_optimizer optimizer;              /* makes the step; or */
    const hebb_minimize_options *minimize; /* clipping, parameter groups, ...; may be NULL */
    hebb_tensor *step; /* a step of your own. Neither: the model can only be evaluated */
    hebb_metric_list metrics;
    uint64_t seed;         /* of the session, and of the order of examples */
    int64_t classes;       /* if not 0, the last input's values must be 0...classes-1 */
    hebb_session *session; /* to be used instead of a new one; stays yours */
    size_t memory_limit;   /* of a new session, see hebb/session.h; default 0: none */
    int reserved_;
} hebb_model_options;

/* Graph and device must outlive the model. NULL only if memory is out; else errors (of the graph,
   the device, the options) are the model's. Penalties that are attached to what the loss depends on
   are part of what is reported as loss. Lists and names are copied. */
#define hebb_model_create(graph, ...) hebb_model_create_args(graph, __VA_ARGS__, .reserved_ = 0)
#define hebb_model_create_args(graph, device, ...)                                                 \
    hebb_model_create_with((graph), (device), &(const hebb_model_options){__VA_ARGS__})
HEBB_API hebb_model *hebb_model_create_with(hebb_graph *graph, hebb_device *device,
                                            const hebb_model_options *options);
HEBB_API void hebb_model_destroy(hebb_model *model);

/* hebb_failed(model) and hebb_message(model) are about the last call. */
/* For callbacks: records an error; returns the status. */
HEBB_API hebb_status hebb_model_fail(hebb_model *model, hebb_status status, const char *message);

HEBB_API hebb_session *hebb_model_session(const hebb_model *model);
HEBB_API hebb_graph *hebb_model_graph(const hebb_model *model);
HEBB_API hebb_tensor *hebb_model_loss(const hebb_model *model); /* with the penalties */
HEBB_API hebb_tensor *hebb_model_step(const hebb_model *model); /* NULL if there is none */
/* The k-th column's input; NULL past the end. */
HEBB_API hebb_tensor *hebb_model_input(const hebb_model *model, size_t index);
/* What is measured: "loss", then the metrics' names; NULL past the end. */
HEBB_API const char *hebb_model_measure(const hebb_model *model, size_t index);

/* The values that the last hebb_fit() logged under that name, one an epoch, those before a resume
   included; NULL if there are none. "loss", "val_loss", ...; they stay valid until the next fit. */
HEBB_API const double *hebb_history(const hebb_model *model, const char *name, size_t *epochs);
/* The names in it; NULL past the end. */
HEBB_API const char *hebb_history_name(const hebb_model *model, size_t index);

/* ---- fit ---- */

typedef struct hebb_fit_options {
    int64_t epochs;                 /* default 1; counted from the first, also after a resume */
    int64_t batch;                  /* examples a step; default 32 */
    bool in_order;                  /* default: shuffled, anew in each epoch */
    uint64_t seed;                  /* of the order; default: the model's */
    const hebb_dataset *validation; /* evaluated after each epoch: val_loss, ... */
    double validation_split;        /* or this share of the data, the last examples of it */
    hebb_transform_list transforms; /* of what is trained on: hebb/augment.h and your own.
                                       Validation and evaluation see the data as it is */
    int prefetch;                   /* batches made ahead on a thread, so that the device does not
                                       wait; default 0. The result is the same */
    hebb_callback_list callbacks;   /* taken over: destroyed at the end, whatever happens */
    int64_t initial_epoch;          /* to go on where an earlier fit ended */
    int64_t steps_per_epoch;        /* at most so many; default: all */
    const char *resume; /* a checkpoint of hebb_checkpoint_file(): goes on from there, bitwise as if
                           it had never stopped (the same model, data and options given); if there
                           is no such file, from the beginning */
    int reserved_;
} hebb_fit_options;

/* Trains. The loss and each metric are over all examples of the epoch, summed in double; a last,
   smaller batch counts by its size. Errors: HEBB_E_ARGUMENT (no data, no step, a share that is
   not from 0 to below 1, a label out of range), those of hebb_run(), of the data, of callbacks. A
   model can be used again after an error. */
#define hebb_fit(model, ...) hebb_fit_args(model, __VA_ARGS__, .reserved_ = 0)
#define hebb_fit_args(model, data, ...)                                                            \
    hebb_fit_with((model), (data), &(const hebb_fit_options){__VA_ARGS__})
HEBB_API hebb_status hebb_fit_with(hebb_model *model, const hebb_dataset *data,
                                   const hebb_fit_options *options);

/* ---- evaluate, predict ---- */

typedef struct hebb_evaluate_options {
    int64_t batch; /* default 32 */
    int reserved_;
} hebb_evaluate_options;

/* The loss and the metrics (hebb_model_measure() names them) over the data, into values[]. Changes
   nothing: neither variables nor the random state. */
#define hebb_evaluate(model, data, ...) hebb_evaluate_args(model, data, __VA_ARGS__, .reserved_ = 0)
#define hebb_evaluate_args(model, data, values, ...)                                               \
    hebb_evaluate_with((model), (data), (values), &(const hebb_evaluate_options){__VA_ARGS__})
HEBB_API hebb_status hebb_evaluate_with(hebb_model *model, const hebb_dataset *data, double *values,
                                        const hebb_evaluate_options *options);

/* The metric's totals from the last evaluation, whose number is stored in *n (may be NULL): that of
   hebb_evaluate(), or of an epoch's validation by hebb_fit(). A confusion matrix, say, row by row.
   The model's: they change with its next evaluation. NULL, and 0, if there was none, or there is no
   metric of that name. */
HEBB_API const double *hebb_model_totals(const hebb_model *model, const char *metric, size_t *n);

/* The tensor's rows for all examples, in their order, into `result` (resized). The data's columns
   are fed to the model's inputs; those that the tensor does not need may be missing at the end.
   HEBB_E_SHAPE if the tensor has not a row for each example. Changes nothing. */
#define hebb_predict(model, data, tensor, ...)                                                     \
    hebb_predict_args(model, data, tensor, __VA_ARGS__, .reserved_ = 0)
#define hebb_predict_args(model, data, tensor, result, ...)                                        \
    hebb_predict_with((model), (data), (tensor), (result),                                         \
                      &(const hebb_evaluate_options){__VA_ARGS__})
HEBB_API hebb_status hebb_predict_with(hebb_model *model, const hebb_dataset *data,
                                       hebb_tensor *tensor, hebb_array *result,
                                       const hebb_evaluate_options *options);

#ifdef __cplusplus
}
#endif

#ifndef HEBB_NO_HERE
#define hebb_model_create_with(graph, ...)                                                         \
    (hebb_model_create_with)(HEBB_HERE_GRAPH(graph), __VA_ARGS__)
#endif
#endif
