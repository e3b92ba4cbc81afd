/* Callbacks: hooks into hebb_fit(). One of your own is a struct with the hooks that it needs:

     static hebb_status show(hebb_callback *self, hebb_fit_state *fit) {
         printf("%d: %g\n", (int)fit->epoch, hebb_log_value(fit, "loss"));
         return HEBB_OK;
     }
     hebb_fit(model, data, .callbacks = HEBB_CALLBACKS({.epoch_end = show})); */
#ifndef HEBB_CALLBACKS_H
#define HEBB_CALLBACKS_H

#include <stdio.h>
#include <hebb/session.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hebb_callback hebb_callback;

typedef struct hebb_log_entry {
    const char *name; /* "loss", "val_loss", ... */
    double value;
} hebb_log_entry;

/* What a hook sees; it may set `stop`. */
typedef struct hebb_fit_state {
    hebb_model *model;
    int64_t epoch, epochs;      /* from 0; messages and progress count from 1 */
    int64_t batch, batches;     /* batches done in this epoch, and of the epoch */
    int64_t examples;           /* seen in this epoch */
    double seconds;             /* since the epoch began */
    const hebb_log_entry *logs; /* so far in this epoch; validation's at its end */
    size_t n_logs;
    const hebb_feed *feeds; /* what the last batch was fed; NULL outside of an epoch */
    size_t n_feeds;
    bool stop; /* set it to end the training after this epoch */
    void *reserved_;
} hebb_fit_state;

/* The value logged under that name; NaN if there is none. */
HEBB_API double hebb_log_value(const hebb_fit_state *fit, const char *name);
/* In epoch_end: logs a value of the callback's own, for the callbacks after it and the history. The
   name is copied. */
HEBB_API hebb_status hebb_log_add(hebb_fit_state *fit, const char *name, double value);

/* What a callback keeps in checkpoints: arrays by name. put copies; get gives NULL if there is
   none. */
typedef struct hebb_bundle hebb_bundle;
HEBB_API hebb_status hebb_bundle_put(hebb_bundle *bundle, const char *key, const hebb_array *array);
HEBB_API const hebb_array *hebb_bundle_get(const hebb_bundle *bundle, const char *key);

/* Hooks may be NULL. One that returns an error ends the training with it; hebb_model_fail() gives
   it words. Hooks are called in the order of the callbacks. */
struct hebb_callback {
    const char *name; /* of its state in checkpoints; not copied */
    hebb_status (*begin)(hebb_callback *self, hebb_fit_state *fit);
    hebb_status (*epoch_begin)(hebb_callback *self, hebb_fit_state *fit);
    hebb_status (*batch_begin)(hebb_callback *self, hebb_fit_state *fit);
    hebb_status (*batch_end)(hebb_callback *self, hebb_fit_state *fit);
    hebb_status (*validation_begin)(hebb_callback *self, hebb_fit_state *fit);
    hebb_status (*validation_end)(hebb_callback *self, hebb_fit_state *fit);
    hebb_status (*epoch_end)(hebb_callback *self, hebb_fit_state *fit);
    hebb_status (*end)(hebb_callback *self, hebb_fit_state *fit); /* also after an error */
    hebb_status (*save)(hebb_callback *self, hebb_bundle *bundle);
    hebb_status (*load)(hebb_callback *self, const hebb_bundle *bundle);
    void (*destroy)(hebb_callback *self);
    bool last;          /* its epoch_end is called after those of all others */
    void *data;         /* yours */
    hebb_status status; /* an error when it was made (HEBB_E_NULL, HEBB_E_ARGUMENT: a negative
                           number, HEBB_E_MEMORY): hebb_fit() returns it, and names the callback */
};

typedef struct hebb_callback_list {
    const hebb_callback *at;
    int count;
} hebb_callback_list;
#define HEBB_CALLBACKS(...)                                                                        \
    ((hebb_callback_list){                                                                         \
        (const hebb_callback[]){__VA_ARGS__},                                                      \
        (int)(sizeof((const hebb_callback[]){__VA_ARGS__}) / sizeof(hebb_callback))})

/* ---- provided ---- */

/* Progress, on `out`: a bar that fits the terminal's width while an epoch is trained, then what was
   measured, in as many lines of that width as it takes; or a line an epoch if `out` is no terminal.
   Until the first batch is done it says "preparing": kernels that are new on OpenCL are compiled.
 */
HEBB_API hebb_callback hebb_progress(FILE *out);

typedef struct hebb_early_stopping_options {
    int reserved_;
    const char *monitor; /* default "val_loss", "loss" without validation */
    double min_delta;    /* less than this is no improvement */
    int64_t patience;    /* epochs without improvement before it stops; default 0, as in Keras */
    bool restore_best;   /* at the end, all variables get the values of the best epoch */
    FILE *out; /* gets a line at the end, which says what the best epoch was; default: none */
} hebb_early_stopping_options;
/* Whether higher is better follows from the metric of that name (of the loss, lower is). An unknown
   name is HEBB_E_ARGUMENT in the first epoch, here and below. */
#define hebb_early_stopping(...)                                                                   \
    hebb_early_stopping_with(&(const hebb_early_stopping_options){.reserved_ = 0, __VA_ARGS__})
HEBB_API hebb_callback hebb_early_stopping_with(const hebb_early_stopping_options *options);

typedef struct hebb_checkpoint_file_options {
    bool best_only;      /* only after an epoch that is better than all before; a training that is
                            resumed from it continues after that epoch */
    const char *monitor; /* as above */
    int64_t every;       /* epochs; default 1 */
    int reserved_;
} hebb_checkpoint_file_options;
/* After an epoch, writes weights, optimizer's slots, random state, epoch, history and the
   callbacks' states to one file, as hebb_session_save() does; hebb_session_load() and `.resume`
   read it. The path is copied. HEBB_E_FILE, before the first epoch if its folder is not there or
   may not be written to. */
#define hebb_checkpoint_file(...) hebb_checkpoint_file_args(__VA_ARGS__, .reserved_ = 0)
#define hebb_checkpoint_file_args(path, ...)                                                       \
    hebb_checkpoint_file_with((path), &(const hebb_checkpoint_file_options){__VA_ARGS__})
HEBB_API hebb_callback hebb_checkpoint_file_with(const char *path,
                                                 const hebb_checkpoint_file_options *options);

typedef struct hebb_reduce_on_plateau_options {
    int reserved_;
    const char *monitor; /* as above */
    double factor;       /* default 0.1 */
    int64_t patience;    /* epochs; default 10 */
    double min_delta;    /* default 1e-4 */
    int64_t cooldown;    /* epochs after a reduction that do not count */
    double least;        /* lower bound of the rate */
} hebb_reduce_on_plateau_options;
/* Multiplies the learning rate when the monitored value gets no better. HEBB_E_UNSUPPORTED if the
   step was not made by hebb_minimize(), or its optimizer has a schedule, which sets the rate at
   each step. */
#define hebb_reduce_on_plateau(...)                                                                \
    hebb_reduce_on_plateau_with(                                                                   \
        &(const hebb_reduce_on_plateau_options){.reserved_ = 0, __VA_ARGS__})
HEBB_API hebb_callback hebb_reduce_on_plateau_with(const hebb_reduce_on_plateau_options *options);

/* Validates with the averaged weights that `.average` of hebb_minimize() keeps, and leaves the
   model with them at the end; checkpoints hold both. HEBB_E_ARGUMENT if there are no averages. */
HEBB_API hebb_callback hebb_use_averages(void);

/* Before each epoch, the learning rate becomes rate(epoch, the rate so far, user). Errors as of
   hebb_reduce_on_plateau(). */
HEBB_API hebb_callback hebb_rate_scheduler(double (*rate)(int64_t epoch, double now, void *user),
                                           void *user);

/* A CSV file with a header and a line an epoch, counted from 0 as in Keras; a resumed training
   appends to what there is. The path is copied. HEBB_E_FILE. */
HEBB_API hebb_callback hebb_csv_log(const char *path);

/* Ends the training with HEBB_E_ARGUMENT when the loss of an epoch so far is not finite. The
   message names the first tensor that is not finite: variables first, then in the order of the
   graph, with op, shape and the line that built it. For that it keeps a copy of the variables at
   each step, which costs time: use it to find an error. */
HEBB_API hebb_callback hebb_stop_on_nan(void);

/* Logs, for the last batch of each epoch, the norm of each layer's result ("norm/NAME") and of the
   gradient of each trainable variable ("gradient/NAME"). */
HEBB_API hebb_callback hebb_norms(void);

#ifdef __cplusplus
}
#endif
#endif
