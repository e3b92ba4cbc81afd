/* The training loop (hebb/train.h). No allocation happens in a step: what it needs is made before.
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "train.h"

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- logs ---- */

double hebb_log_value(const hebb_fit_state *fit, const char *name) {
    for (size_t k = 0; fit != NULL && name != NULL && k < fit->n_logs; k++)
        if (strcmp(fit->logs[k].name, name) == 0) return fit->logs[k].value;
    return NAN;
}

/* Room for one more log and one more name of a callback's own. */
static bool grow_logs(fit_run *run) {
    if (run->state.n_logs < run->room && run->n_extra < run->room) return true;
    size_t room = 2 * run->room;
    hebb_log_entry *logs = realloc(run->logs, room * sizeof *logs);
    if (logs == NULL) return false;
    run->state.logs = run->logs = logs;
    char **extra = realloc(run->extra, room * sizeof *extra);
    if (extra == NULL) return false;
    run->extra = extra;
    run->room = room;
    return true;
}

static const char *keep_name(fit_run *run, const char *name) {
    for (size_t k = 0; k < run->n_extra; k++)
        if (strcmp(run->extra[k], name) == 0) return run->extra[k];
    char *copy = strdup(name);
    if (copy != NULL) run->extra[run->n_extra++] = copy;
    return copy;
}

hebb_status hebb_log_add(hebb_fit_state *fit, const char *name, double value) {
    if (fit == NULL || name == NULL) return HEBB_E_NULL;
    fit_run *run = fit->reserved_;
    const char *kept = grow_logs(run) ? keep_name(run, name) : NULL;
    if (kept == NULL) return hb_model_fail(run->model, HEBB_E_MEMORY, "out of memory: a log");
    run->logs[fit->n_logs++] = (hebb_log_entry){kept, value};
    return HEBB_OK;
}

static void set_logs(fit_run *run, bool validated) {
    size_t n = run->model->n_metrics + 1;
    hb_tally_values(&run->trained, run->model, run->values);
    for (size_t k = 0; k < n; k++)
        run->logs[k] = (hebb_log_entry){run->model->names[k], run->values[k]};
    run->state.n_logs = n;
    run->state.examples = (int64_t)run->trained.examples;
    if (!validated) return;
    hb_tally_values(&run->validated, run->model, run->values);
    for (size_t k = 0; k < n; k++)
        run->logs[n + k] = (hebb_log_entry){run->model->names[n + k], run->values[k]};
    run->state.n_logs = 2 * n;
}

/* ---- callbacks ---- */

typedef hebb_status (*hook)(hebb_callback *, hebb_fit_state *);
typedef enum event {
    BEGIN,
    EPOCH_BEGIN,
    BATCH_BEGIN,
    BATCH_END,
    VALIDATION_BEGIN,
    VALIDATION_END,
    EPOCH_END,
    END
} event;

static hook hook_of(const hebb_callback *c, event which) {
    switch (which) {
    case BEGIN: return c->begin;
    case EPOCH_BEGIN: return c->epoch_begin;
    case BATCH_BEGIN: return c->batch_begin;
    case BATCH_END: return c->batch_end;
    case VALIDATION_BEGIN: return c->validation_begin;
    case VALIDATION_END: return c->validation_end;
    case EPOCH_END: return c->epoch_end;
    default: return c->end;
    }
}

static const char *name_of(const hebb_callback *c) {
    return c->name == NULL ? "of the user" : c->name;
}

static hebb_status call_one(fit_run *run, hebb_callback *c, event which) {
    hook call = hook_of(c, which);
    hebb_status status = call == NULL ? HEBB_OK : call(c, &run->state);
    if (status == HEBB_OK || run->model->status != HEBB_OK) return status;
    char when[48] = "before the first epoch";
    if (which == END) snprintf(when, sizeof when, "after the last epoch");
    else if (which != BEGIN)
        snprintf(when, sizeof when, "in epoch %lld", (long long)run->state.epoch + 1);
    return hb_model_fail(run->model, status, "fit: the callback %s failed %s", name_of(c), when);
}

/* The first error is kept; at the end, all are called nevertheless. */
static hebb_status call_all(fit_run *run, event which) {
    hebb_status first = HEBB_OK;
    for (int pass = 0; pass < 2; pass++)
        for (size_t k = 0; k < run->n_callbacks && (first == HEBB_OK || which == END); k++) {
            if (run->callbacks[k].last != (pass == 1)) continue;
            hebb_status status = call_one(run, &run->callbacks[k], which);
            if (first == HEBB_OK) first = status;
        }
    return first;
}

/* ---- epochs ---- */

static hebb_status train_epoch(fit_run *run) {
    hebb_model *m = run->model;
    hebb_status status = HEBB_OK;
    double start = now();
    run->state.batch = 0;
    run->state.n_logs = 0;
    hb_tally_reset(&run->trained);
    hebb_batches_start(run->batches, (uint64_t)run->state.epoch);
    status = call_all(run, EPOCH_BEGIN);
    while (status == HEBB_OK && run->state.batch < run->state.batches &&
           hebb_batches_next(run->batches, m->batch)) {
        status = call_all(run, BATCH_BEGIN);
        if (status == HEBB_OK) status = hb_model_run(m, true, &run->trained);
        if (status != HEBB_OK) break;
        run->state.batch++;
        run->state.seconds = now() - start;
        run->state.feeds = m->feeds;
        run->state.n_feeds = m->n_inputs;
        set_logs(run, false);
        status = call_all(run, BATCH_END);
    }
    if (status == HEBB_OK && hebb_batches_status(run->batches) != HEBB_OK)
        return hb_model_fail(m, hebb_batches_status(run->batches), "fit: %s",
                             hebb_batches_message(run->batches));
    return status;
}

/* The feeds of the training's last batch are what callbacks see; validation has its own. */
static hebb_status validate(fit_run *run) {
    hebb_model *m = run->model;
    if (run->validation.count == 0) return HEBB_OK;
    hebb_array *batch = calloc(m->n_inputs + 1, sizeof *batch);
    if (batch == NULL) return hb_model_fail(m, HEBB_E_MEMORY, "out of memory: validation");
    memcpy(batch, m->batch, m->n_inputs * sizeof *batch);
    hebb_status status = call_all(run, VALIDATION_BEGIN);
    if (status == HEBB_OK)
        status = hb_evaluate(m, &run->validation, run->batch, &run->validated, run->values);
    if (status == HEBB_OK) status = call_all(run, VALIDATION_END);
    memcpy(m->batch, batch, m->n_inputs * sizeof *batch);
    free(batch);
    return status;
}

/* Checkpoints come last, and hold the history with this epoch. */
static hebb_status end_epoch(fit_run *run) {
    hebb_status status = HEBB_OK;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t k = 0; status == HEBB_OK && k < run->n_callbacks; k++)
            if (run->callbacks[k].last == (pass == 1))
                status = call_one(run, &run->callbacks[k], EPOCH_END);
        for (size_t k = 0; pass == 0 && status == HEBB_OK && k < run->state.n_logs; k++)
            status = hb_history_add(run->model, run->logs[k].name, run->logs[k].value);
    }
    run->state.feeds = NULL;
    run->state.n_feeds = 0;
    return status;
}

static hebb_status train(fit_run *run) {
    hebb_fit_state *s = &run->state;
    hebb_status status = call_all(run, BEGIN);
    if (status == HEBB_OK && run->options->resume != NULL)
        status = hb_fit_resume(run, run->options->resume);
    for (s->epoch = run->first_epoch; status == HEBB_OK && !s->stop && s->epoch < s->epochs;) {
        status = train_epoch(run);
        if (status == HEBB_OK) status = validate(run);
        if (status != HEBB_OK) break;
        set_logs(run, run->validation.count > 0);
        status = end_epoch(run);
        s->epoch++;
    }
    hebb_status last = call_all(run, END);
    return status == HEBB_OK ? last : status;
}

/* ---- before and after ---- */

static void view_rows(const hebb_dataset *data, hebb_array *columns, int64_t first, int64_t count,
                      hebb_dataset *view) {
    for (size_t k = 0; k < data->count; k++)
        columns[k] = hebb_array_rows(&data->columns[k], first, count);
    *view = (hebb_dataset){columns, data->count};
}

static hebb_status split(fit_run *run, const hebb_dataset *data) {
    const hebb_fit_options *o = run->options;
    hebb_model *m = run->model;
    run->training = *data;
    if (o->validation != NULL) {
        run->validation = *o->validation;
        return hb_check_data(m, o->validation, m->n_inputs);
    }
    if (o->validation_split == 0) return HEBB_OK;
    int64_t n = data->columns[0].shape.dim[0];
    int64_t kept = (int64_t)floor((double)n * (1 - o->validation_split));
    if (kept < 1 || kept == n)
        return hb_model_fail(m, HEBB_E_ARGUMENT,
                             "fit: a validation_split of %g leaves %lld of %lld examples to train",
                             o->validation_split, (long long)kept, (long long)n);
    run->columns = calloc(2 * data->count, sizeof *run->columns);
    if (run->columns == NULL) return hb_model_fail(m, HEBB_E_MEMORY, "out of memory: fit");
    view_rows(data, run->columns, 0, kept, &run->training);
    view_rows(data, run->columns + data->count, kept, n - kept, &run->validation);
    return HEBB_OK;
}

static hebb_status make_room(fit_run *run) {
    hebb_model *m = run->model;
    run->room = 2 * (m->n_metrics + 1) + 8;
    run->logs = calloc(run->room, sizeof *run->logs);
    run->extra = calloc(run->room, sizeof *run->extra);
    run->values = calloc(m->n_metrics + 1, sizeof *run->values);
    hebb_status status = hb_tally_init(&run->trained, m);
    if (status == HEBB_OK) status = hb_tally_init(&run->validated, m);
    if (status != HEBB_OK || run->logs == NULL || run->extra == NULL || run->values == NULL)
        return hb_model_fail(m, HEBB_E_MEMORY, "out of memory: fit");
    run->state.logs = run->logs;
    return HEBB_OK;
}

static hebb_status check_numbers(hebb_model *m, const hebb_fit_options *o) {
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {{"epochs", o->epochs},
                   {"batch", o->batch},
                   {"initial_epoch", o->initial_epoch},
                   {"steps_per_epoch", o->steps_per_epoch}};
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
        if (numbers[k].value < 0)
            return hb_model_fail(m, HEBB_E_ARGUMENT, "fit: .%s is %lld: negative", numbers[k].name,
                                 (long long)numbers[k].value);
    double share = o->validation_split;
    if (share == 0 || (share > 0 && share < 1)) return HEBB_OK;
    return hb_model_fail(m, HEBB_E_ARGUMENT, "fit: .validation_split is %g, not from 0 to below 1",
                         share);
}

/* A callback that could not be made has a status, but no words. */
static hebb_status check_callback(hebb_model *m, const hebb_callback *c) {
    if (c->status == HEBB_OK) return HEBB_OK;
    const char *what = c->status == HEBB_E_NULL       ? "was made with a NULL argument"
                       : c->status == HEBB_E_ARGUMENT ? "was made with a number out of its range"
                       : c->status == HEBB_E_MEMORY   ? "was made when memory was out"
                                                      : "could not be made";
    return hb_model_fail(m, c->status, "fit: the callback %s %s", name_of(c), what);
}

static hebb_status check_fit(fit_run *run, const hebb_dataset *data) {
    hebb_model *m = run->model;
    if (m->step == NULL)
        return hb_model_fail(m, HEBB_E_ARGUMENT, "fit: the model has no optimizer and no step");
    hebb_status status = check_numbers(m, run->options);
    for (size_t k = 0; k < run->n_callbacks && status == HEBB_OK; k++)
        status = check_callback(m, &run->callbacks[k]);
    return status == HEBB_OK ? hb_check_data(m, data, m->n_inputs) : status;
}

static hebb_status prepare(fit_run *run, const hebb_dataset *data) {
    const hebb_fit_options *o = run->options;
    hebb_model *m = run->model;
    hebb_status status = check_fit(run, data);
    if (status == HEBB_OK) status = split(run, data);
    if (status == HEBB_OK) status = make_room(run);
    if (status != HEBB_OK) return status;
    run->batch = o->batch == 0 ? 32 : o->batch;
    const hebb_batches_options order = {.shuffle = !o->in_order,
                                        .seed = o->seed == 0 ? m->seed : o->seed,
                                        .transforms = o->transforms,
                                        .prefetch = o->prefetch};
    run->batches =
        hebb_batches_create_with(run->training.columns, run->training.count, run->batch, &order);
    if (run->batches == NULL) return hb_model_fail(m, HEBB_E_MEMORY, "out of memory: batches");
    status = hebb_batches_status(run->batches);
    if (status != HEBB_OK)
        return hb_model_fail(m, status, "fit: %s", hebb_batches_message(run->batches));
    int64_t batches = hebb_batches_count(run->batches);
    if (o->steps_per_epoch > 0 && o->steps_per_epoch < batches) batches = o->steps_per_epoch;
    run->first_epoch = o->initial_epoch;
    run->state.epoch = o->initial_epoch;
    run->state.epochs = o->epochs == 0 ? 1 : o->epochs;
    run->state.batches = batches;
    return HEBB_OK;
}

static void release(fit_run *run) {
    for (size_t k = 0; k < run->n_callbacks; k++)
        if (run->callbacks[k].destroy != NULL) run->callbacks[k].destroy(&run->callbacks[k]);
    for (size_t k = 0; k < run->n_extra; k++) free(run->extra[k]);
    hebb_batches_destroy(run->batches);
    hb_tally_free(&run->trained);
    hb_tally_free(&run->validated);
    free(run->callbacks);
    free(run->columns);
    free(run->logs);
    free(run->extra);
    free(run->values);
}

/* Without memory for a list of their own, callbacks must be destroyed all the same. */
static void destroy_given(hebb_callback_list list) {
    for (int k = 0; k < list.count; k++) {
        hebb_callback c = list.at[k];
        if (c.destroy != NULL) c.destroy(&c);
    }
}

hebb_status hebb_fit_with(hebb_model *m, const hebb_dataset *data,
                          const hebb_fit_options *options) {
    static const hebb_fit_options defaults;
    const hebb_fit_options *o = options != NULL ? options : &defaults;
    size_t n = (size_t)o->callbacks.count;
    fit_run run = {.model = m, .options = o, .n_callbacks = n};
    if (hb_model_begin(m) == HEBB_OK) {
        run.callbacks = calloc(n + 1, sizeof *run.callbacks);
        if (run.callbacks == NULL) hb_model_fail(m, HEBB_E_MEMORY, "out of memory: fit");
    }
    if (hebb_model_status(m) != HEBB_OK) {
        destroy_given(o->callbacks);
        return hebb_model_status(m);
    }
    for (size_t k = 0; k < n; k++) run.callbacks[k] = o->callbacks.at[k];
    hb_history_clear(m);
    run.state.model = m;
    run.state.reserved_ = &run;
    hebb_status status = prepare(&run, data);
    if (status == HEBB_OK) status = train(&run);
    release(&run);
    return status;
}
