/* The callback that logs for TensorBoard (hebb/tensorboard.h); public headers only. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/autodiff.h>
#include <hebb/summary.h>
#include <hebb/train.h>

#include "events.h"

/* One of the two directories, and where its file stood in the checkpoint that is resumed. */
typedef struct log_file {
    char *directory;
    hebb_events *events;
    char name[256];
    int64_t size;
} log_file;

/* A tensor that is fetched at the end of an epoch. */
typedef struct watched {
    char *tag;
    hebb_fetch fetch;
    hebb_array value;
    bool image;
} watched;

typedef struct board {
    log_file train, validation;
    bool histograms;
    hebb_tensor **images;
    int n_images, most_images;
    int64_t every, batches;
    char *text;
    watched *watched;
    hebb_fetch *fetches;
    size_t n_watched, room;
    bool begun;
} board;

static hebb_status out_of_memory(hebb_fit_state *fit) {
    return hebb_model_fail(fit->model, HEBB_E_MEMORY, "out of memory: tensorboard");
}

static hebb_status check(hebb_fit_state *fit, const hebb_events *events) {
    if (events == NULL) return out_of_memory(fit);
    if (hebb_events_status(events) == HEBB_OK) return HEBB_OK;
    return hebb_model_fail(fit->model, hebb_events_status(events), hebb_events_message(events));
}

/* ---- files ---- */

/* Not before there is something to log: what is resumed is known then. */
static hebb_status open_log(log_file *log, hebb_fit_state *fit) {
    if (log->events != NULL) return check(fit, log->events);
    log->events = log->size > 0 ? hb_events_continue(log->directory, log->name, log->size)
                                : hebb_events_open(log->directory);
    return check(fit, log->events);
}

static hebb_status log_scalar(log_file *log, hebb_fit_state *fit, const char *prefix,
                              const char *name, int64_t step, double value) {
    char tag[512];
    hebb_status status = open_log(log, fit);
    if (status != HEBB_OK) return status;
    snprintf(tag, sizeof tag, "%s%s", strchr(name, '/') == NULL ? prefix : "", name);
    hebb_events_scalar(log->events, tag, step, value);
    return check(fit, log->events);
}

/* The name without what says that it is of the validation; NULL if it is not. */
static const char *validated(const char *name) {
    return strncmp(name, "val_", 4) == 0 ? name + 4 : NULL;
}

/* ---- what a run is ---- */

static double parameters(const hebb_graph *graph) {
    double sum = 0;
    for (size_t k = 0; k < hebb_graph_variable_count(graph); k++) {
        const hebb_tensor *variable = hebb_graph_variable(graph, k);
        if (hebb_variable_trainable(variable))
            sum += (double)hebb_shape_count(hebb_tensor_shape(variable));
    }
    return sum;
}

/* The table of layers, indented, which is Markdown for text to be left as it is. */
static char *layers_text(const hebb_graph *graph) {
    char *table = NULL, *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&table, &size);
    if (out == NULL) return NULL;
    bool fine = hebb_summary(graph, out) == HEBB_OK;
    fine = fclose(out) == 0 && fine;
    size_t lines = 1;
    for (size_t k = 0; fine && k < size; k++) lines += table[k] == '\n';
    if (fine) text = malloc(size + 4 * lines + 1);
    char *to = text;
    for (const char *from = table; text != NULL && *from != '\0';) {
        size_t n = strcspn(from, "\n");
        n += from[n] == '\n';
        memcpy(to, "    ", 4);
        memcpy(to + 4, from, n);
        to += 4 + n;
        from += n;
    }
    if (text != NULL) *to = '\0';
    free(table);
    return text;
}

static hebb_status log_texts(board *b, hebb_fit_state *fit) {
    char run[256];
    const hebb_graph *graph = hebb_model_graph(fit->model);
    char *layers = layers_text(graph);
    hebb_status status = open_log(&b->train, fit);
    if (status == HEBB_OK && layers == NULL) status = out_of_memory(fit);
    if (status == HEBB_OK) {
        snprintf(run, sizeof run,
                 "| | |\n|---|---|\n| epochs | %lld |\n| batches an epoch | %lld |\n"
                 "| parameters | %.0f |\n",
                 (long long)fit->epochs, (long long)fit->batches, parameters(graph));
        hebb_events_text(b->train.events, "run", 0, run);
        hebb_events_text(b->train.events, "model", 0, layers);
        if (b->text != NULL) hebb_events_text(b->train.events, "options", 0, b->text);
        status = check(fit, b->train.events);
    }
    free(layers);
    return status;
}

/* ---- tensors ---- */

static bool watch(board *b, hebb_tensor *tensor, const char *group, const char *name, bool image) {
    size_t size = strlen(group) + strlen(name) + 1;
    watched *w = &b->watched[b->n_watched];
    w->tag = malloc(size);
    if (w->tag == NULL) return false;
    snprintf(w->tag, size, "%s%s", group, name);
    w->fetch = (hebb_fetch){tensor, &w->value};
    w->image = image;
    b->n_watched++;
    return true;
}

static bool watch_variables(board *b, hebb_model *m) {
    hebb_graph *graph = hebb_model_graph(m);
    hebb_tensor *loss = hebb_model_loss(m);
    size_t n = 0, most = hebb_graph_variable_count(graph);
    hebb_tensor **lists = calloc(2 * most + 1, sizeof *lists);
    if (lists == NULL) return false;
    for (size_t k = 0; k < most; k++) {
        hebb_tensor *v = hebb_graph_variable(graph, k);
        if (hebb_variable_trainable(v) && hebb_depends_on(loss, v) &&
            hebb_dtype_floating(hebb_tensor_dtype(v)))
            lists[n++] = v;
    }
    bool fine = n == 0 || hebb_gradients(&loss, 1, lists, n, NULL, lists + most) == HEBB_OK;
    for (size_t k = 0; fine && k < n; k++)
        fine = watch(b, lists[k], "weights/", hebb_tensor_name(lists[k]), false) &&
               watch(b, lists[most + k], "gradients/", hebb_tensor_name(lists[k]), false);
    free(lists);
    return fine;
}

static bool watch_images(board *b) {
    for (int k = 0; k < b->n_images; k++) {
        char number[24];
        const char *name = hebb_tensor_name(b->images[k]);
        snprintf(number, sizeof number, "image_%d", k);
        if (!watch(b, b->images[k], "", name != NULL && *name != '\0' ? name : number, true))
            return false;
    }
    return true;
}

static hebb_status board_begin(hebb_callback *self, hebb_fit_state *fit) {
    board *b = self->data;
    hebb_graph *graph = hebb_model_graph(fit->model);
    b->room = 2 * hebb_graph_variable_count(graph) + (size_t)b->n_images + 1;
    b->watched = calloc(b->room, sizeof *b->watched);
    b->fetches = calloc(b->room, sizeof *b->fetches);
    if (b->watched == NULL || b->fetches == NULL) return out_of_memory(fit);
    for (int k = 0; k < b->n_images; k++)
        if (hebb_tensor_graph(b->images[k]) != graph)
            return hebb_model_fail(fit->model, HEBB_E_GRAPH,
                                   "fit: tensorboard: an image is no tensor of the model's graph");
    bool fine = watch_images(b) && (!b->histograms || watch_variables(b, fit->model));
    if (hebb_graph_status(graph) != HEBB_OK)
        return hebb_model_fail(fit->model, hebb_graph_status(graph), hebb_graph_message(graph));
    return fine ? HEBB_OK : out_of_memory(fit);
}

/* The first images of what was fetched. */
static void log_images(board *b, const watched *w, int64_t step) {
    hebb_array some = hebb_array_view(w->value.data, w->value.dtype, w->value.shape);
    if (some.shape.rank > 0 && some.shape.dim[0] > b->most_images)
        some.shape.dim[0] = b->most_images;
    hebb_events_images(b->train.events, w->tag, step, &some);
}

/* Once more over the last batch: weights and gradients as a training step sees them, images as
   inference does; nothing changes. */
static hebb_status fetch(board *b, hebb_fit_state *fit, bool images) {
    hebb_session *s = hebb_model_session(fit->model);
    uint64_t step = hebb_session_step(s);
    size_t n = 0;
    for (size_t k = 0; k < b->n_watched; k++)
        if (b->watched[k].image == images) b->fetches[n++] = b->watched[k].fetch;
    if (n == 0) return HEBB_OK;
    if (!images) hebb_session_set_mode(s, HEBB_MODE_TRAINING);
    hebb_status status = hebb_run(s, fit->feeds, fit->n_feeds, b->fetches, n);
    if (status != HEBB_OK) hebb_model_fail(fit->model, status, hebb_message(s));
    hebb_session_set_mode(s, HEBB_MODE_AUTO);
    hebb_session_set_step(s, step);
    return status;
}

static hebb_status log_watched(board *b, hebb_fit_state *fit) {
    hebb_status status = fetch(b, fit, false);
    if (status == HEBB_OK) status = fetch(b, fit, true);
    if (status == HEBB_OK) status = open_log(&b->train, fit);
    for (size_t k = 0; status == HEBB_OK && k < b->n_watched; k++) {
        const watched *w = &b->watched[k];
        if (w->image) log_images(b, w, fit->epoch);
        else hebb_events_histogram(b->train.events, w->tag, fit->epoch, &w->value);
        status = check(fit, b->train.events);
    }
    return status;
}

/* ---- hooks ---- */

static hebb_status board_epoch_begin(hebb_callback *self, hebb_fit_state *fit) {
    board *b = self->data;
    bool first = !b->begun && b->train.size == 0;
    b->begun = true;
    return first ? log_texts(b, fit) : HEBB_OK;
}

static hebb_status board_batch_end(hebb_callback *self, hebb_fit_state *fit) {
    board *b = self->data;
    int64_t step = fit->epoch * fit->batches + fit->batch;
    hebb_status status = HEBB_OK;
    if (b->batches == 0 || step % b->batches != 0) return HEBB_OK;
    for (size_t k = 0; status == HEBB_OK && k < fit->n_logs; k++)
        status = log_scalar(&b->train, fit, "batch_", fit->logs[k].name, step, fit->logs[k].value);
    return status;
}

static hebb_status board_epoch_end(hebb_callback *self, hebb_fit_state *fit) {
    board *b = self->data;
    hebb_status status = HEBB_OK;
    for (size_t k = 0; status == HEBB_OK && k < fit->n_logs; k++) {
        const char *name = fit->logs[k].name, *of_validation = validated(name);
        status = log_scalar(of_validation != NULL ? &b->validation : &b->train, fit, "epoch_",
                            of_validation != NULL ? of_validation : name, fit->epoch,
                            fit->logs[k].value);
    }
    bool due = (fit->epoch + 1) % b->every == 0 || fit->epoch + 1 == fit->epochs || fit->stop;
    return status == HEBB_OK && due && b->n_watched > 0 ? log_watched(b, fit) : status;
}

/* ---- checkpoints ---- */

static hebb_status save_log(const log_file *log, const char *key, const char *size_key,
                            hebb_bundle *bundle) {
    if (log->events == NULL) return HEBB_OK;
    const char *path = hebb_events_path(log->events), *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    int64_t size = hebb_events_size(log->events);
    hebb_array text = hebb_array_view((void *)name, HEBB_U8, HEBB_SHAPE((int64_t)strlen(name)));
    hebb_array number = hebb_array_view(&size, HEBB_I64, HEBB_SCALAR);
    hebb_status status = hebb_bundle_put(bundle, key, &text);
    return status != HEBB_OK ? status : hebb_bundle_put(bundle, size_key, &number);
}

static hebb_status board_save(hebb_callback *self, hebb_bundle *bundle) {
    const board *b = self->data;
    hebb_status status = save_log(&b->train, "train", "train_size", bundle);
    return status != HEBB_OK ? status
                             : save_log(&b->validation, "validation", "validation_size", bundle);
}

static hebb_status load_log(log_file *log, const char *key, const char *size_key,
                            const hebb_bundle *bundle) {
    const hebb_array *name = hebb_bundle_get(bundle, key),
                     *size = hebb_bundle_get(bundle, size_key);
    if (name == NULL || size == NULL) return HEBB_OK;
    size_t length = hebb_array_bytes(name);
    if (name->dtype != HEBB_U8 || length >= sizeof log->name || size->dtype != HEBB_I64 ||
        size->shape.rank != 0)
        return HEBB_E_FORMAT;
    memcpy(log->name, name->data, length);
    log->name[length] = '\0';
    memcpy(&log->size, size->data, sizeof log->size);
    return HEBB_OK;
}

static hebb_status board_load(hebb_callback *self, const hebb_bundle *bundle) {
    board *b = self->data;
    hebb_status status = load_log(&b->train, "train", "train_size", bundle);
    return status != HEBB_OK ? status
                             : load_log(&b->validation, "validation", "validation_size", bundle);
}

/* ---- making one ---- */

static void board_destroy(hebb_callback *self) {
    board *b = self->data;
    if (b == NULL) return;
    for (size_t k = 0; k < b->n_watched; k++) {
        free(b->watched[k].tag);
        hebb_array_free(&b->watched[k].value);
    }
    hebb_events_close(b->train.events);
    hebb_events_close(b->validation.events);
    free(b->train.directory);
    free(b->validation.directory);
    free(b->watched);
    free(b->fetches);
    free(b->images);
    free(b->text);
    free(b);
}

static char *below(const char *directory, const char *name) {
    size_t size = strlen(directory) + strlen(name) + 2;
    char *path = malloc(size);
    if (path != NULL) snprintf(path, size, "%s/%s", directory, name);
    return path;
}

static hebb_status fill(board *b, const char *directory, const hebb_tensorboard_options *o) {
    b->train.directory = below(directory, "train");
    b->validation.directory = below(directory, "validation");
    b->histograms = o->histograms;
    b->every = o->every <= 0 ? 1 : o->every;
    b->batches = o->batches < 0 ? 0 : o->batches;
    b->most_images = o->most_images <= 0 ? 9 : o->most_images;
    b->n_images = o->images.count < 0 ? 0 : o->images.count;
    b->images = calloc((size_t)b->n_images + 1, sizeof *b->images);
    b->text = o->text != NULL ? strdup(o->text) : NULL;
    if (b->train.directory == NULL || b->validation.directory == NULL || b->images == NULL ||
        (o->text != NULL && b->text == NULL))
        return HEBB_E_MEMORY;
    for (int k = 0; k < b->n_images; k++) b->images[k] = o->images.at[k];
    return HEBB_OK;
}

hebb_callback hebb_tensorboard_with(const char *directory,
                                    const hebb_tensorboard_options *options) {
    static const hebb_tensorboard_options defaults;
    hebb_callback c = {.name = "tensorboard",
                       .begin = board_begin,
                       .epoch_begin = board_epoch_begin,
                       .batch_end = board_batch_end,
                       .epoch_end = board_epoch_end,
                       .save = board_save,
                       .load = board_load,
                       .destroy = board_destroy};
    board *b = calloc(1, sizeof *b);
    c.data = b;
    if (directory == NULL) c.status = HEBB_E_NULL;
    else if (b == NULL) c.status = HEBB_E_MEMORY;
    else c.status = fill(b, directory, options != NULL ? options : &defaults);
    return c;
}
