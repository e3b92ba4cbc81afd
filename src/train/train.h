/* What the files of train/ share. Nothing here reaches below the public interface. */
#ifndef HB_TRAIN_H
#define HB_TRAIN_H

#include <hebb/checkpoint.h>
#include <hebb/train.h>

enum { HB_MESSAGE_SIZE = 1024 };

/* Values by name, one an epoch. */
typedef struct series {
    char *name;
    double *values;
    size_t count, room;
} series;

/* Loss and metrics over the batches so far. */
typedef struct tally {
    double examples, loss;
    double **totals; /* of each metric */
    size_t *sizes;
    size_t n;
} tally;

struct hebb_model {
    hebb_graph *graph;
    hebb_session *session;
    bool owns_session;
    hebb_tensor **inputs;
    size_t n_inputs;
    hebb_tensor *loss, *step;
    hebb_metric *metrics;
    size_t n_metrics;
    char **names; /* "loss" and the metrics' names, then "val_loss", ... */
    uint64_t seed;
    int64_t classes;

    /* for runs, made once: what is fed, what is fetched */
    hebb_array *batch, *counts;
    hebb_feed *feeds;
    hebb_fetch *fetches; /* loss, metrics, the step */

    tally evaluated; /* the last time; no examples before */

    series *history;
    size_t n_history;
    hebb_status status;
    bool broken; /* it failed when it was made */
    char message[HB_MESSAGE_SIZE];
};

/* What checkpoints hold of a callback. */
struct hebb_bundle {
    const char *prefix; /* "fit:0.early_stopping/" */
    hebb_named_array *list;
    hebb_array *values;
    size_t count, room;
    const hebb_safetensors *file; /* when it is read */
};

/* One fit. */
typedef struct fit_run {
    hebb_fit_state state; /* first: hooks get its address */
    hebb_model *model;
    const hebb_fit_options *options;
    hebb_callback *callbacks;
    size_t n_callbacks;
    hebb_batches *batches;
    hebb_dataset training, validation; /* views */
    hebb_array *columns;               /* of these, if the data was split */
    hebb_log_entry *logs;
    char **extra; /* names of logs that callbacks added */
    size_t n_extra, room;
    double *values; /* of an evaluation */
    tally trained, validated;
    int64_t first_epoch;
    int64_t batch; /* examples */
} fit_run;

/* model.c */
hebb_status hb_model_fail(hebb_model *model, hebb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Clears the last call's error; that of its making stays. */
hebb_status hb_model_begin(hebb_model *model);
/* Takes over the session's error. */
hebb_status hb_model_take(hebb_model *model, hebb_status status);
/* Runs model->batch; adds to the tally. */
hebb_status hb_model_run(hebb_model *model, bool train, tally *sums);
hebb_status hb_check_data(hebb_model *model, const hebb_dataset *data, size_t least);

/* evaluate.c */
hebb_status hb_tally_init(tally *sums, const hebb_model *model);
void hb_tally_reset(tally *sums);
void hb_tally_free(tally *sums);
/* Loss and metrics. */
void hb_tally_values(const tally *sums, const hebb_model *model, double *values);
hebb_status hb_evaluate(hebb_model *model, const hebb_dataset *data, int64_t batch, tally *sums,
                        double *values);

/* history.c */
void hb_history_clear(hebb_model *model);
hebb_status hb_history_add(hebb_model *model, const char *name, double value);

/* resume.c */
hebb_status hb_fit_save(fit_run *run, const char *path);
hebb_status hb_fit_resume(fit_run *run, const char *path);

/* callbacks: whether value is better than best; the value that is monitored, NULL: the default one.
 */
typedef struct monitor {
    char *name;       /* NULL: val_loss or loss */
    const char *used; /* which of these it was */
    double min_delta, best;
    bool seen; /* there is a best one */
} monitor;
hebb_status hb_monitor_init(monitor *m, const char *name, double min_delta);
/* *better: whether this epoch's value is better than the best so far, which it then becomes. */
hebb_status hb_monitor_step(monitor *m, hebb_fit_state *fit, bool *better);
/* A few numbers, as a callback's state. */
hebb_status hb_put_numbers(hebb_bundle *bundle, const char *key, const double *numbers, size_t n);
bool hb_get_numbers(const hebb_bundle *bundle, const char *key, double *numbers, size_t n);

#endif
