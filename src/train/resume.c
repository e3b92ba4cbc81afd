/* Checkpoints of a training: what hebb_session_save() writes, and besides, by names that begin with
   "fit:", where the training is, its history, and what the callbacks keep. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train.h"

#define HISTORY "fit:history/"

/* ---- bundles ---- */

hebb_status hebb_bundle_put(hebb_bundle *b, const char *key, const hebb_array *array) {
    if (b == NULL || key == NULL || array == NULL) return HEBB_E_NULL;
    if (b->count == b->room) {
        size_t room = b->room == 0 ? 16 : 2 * b->room;
        hebb_named_array *list = realloc(b->list, room * sizeof *list);
        if (list != NULL) b->list = list;
        hebb_array *values = realloc(b->values, room * sizeof *values);
        if (values != NULL) b->values = values;
        if (list == NULL || values == NULL) return HEBB_E_MEMORY;
        b->room = room;
    }
    size_t size = strlen(b->prefix) + strlen(key) + 1;
    char *name = malloc(size);
    hebb_array copy = {0};
    if (name == NULL || hebb_array_resize(&copy, array->dtype, array->shape) != HEBB_OK) {
        free(name);
        return HEBB_E_MEMORY;
    }
    snprintf(name, size, "%s%s", b->prefix, key);
    if (hebb_array_bytes(&copy) > 0) memcpy(copy.data, array->data, hebb_array_bytes(&copy));
    b->values[b->count] = copy;
    b->list[b->count++].name = name;
    return HEBB_OK;
}

const hebb_array *hebb_bundle_get(const hebb_bundle *b, const char *key) {
    char name[512];
    if (b == NULL || key == NULL || b->file == NULL ||
        snprintf(name, sizeof name, "%s%s", b->prefix, key) >= (int)sizeof name)
        return NULL;
    return hebb_safetensors_find(b->file, name);
}

static void bundle_free(hebb_bundle *b) {
    for (size_t k = 0; k < b->count; k++) {
        free((char *)b->list[k].name);
        hebb_array_free(&b->values[k]);
    }
    free(b->list);
    free(b->values);
    *b = (hebb_bundle){0};
}

hebb_status hb_put_numbers(hebb_bundle *b, const char *key, const double *numbers, size_t n) {
    const hebb_array view = hebb_array_view((double *)numbers, HEBB_F64, HEBB_SHAPE((int64_t)n));
    return hebb_bundle_put(b, key, &view);
}

bool hb_get_numbers(const hebb_bundle *b, const char *key, double *numbers, size_t n) {
    const hebb_array *array = hebb_bundle_get(b, key);
    if (array == NULL || array->dtype != HEBB_F64 || hebb_array_count(array) != (int64_t)n)
        return false;
    memcpy(numbers, array->data, n * sizeof *numbers);
    return true;
}

static void callback_prefix(const fit_run *run, size_t index, char *prefix, size_t size) {
    const char *name = run->callbacks[index].name;
    snprintf(prefix, size, "fit:%zu.%.60s/", index, name == NULL ? "callback" : name);
}

/* ---- saving ---- */

static hebb_status gather(fit_run *run, hebb_bundle *b) {
    const double progress[] = {(double)(run->state.epoch + 1), run->state.stop};
    b->prefix = "fit:";
    hebb_status status = hb_put_numbers(b, "progress", progress, 2);
    b->prefix = HISTORY;
    for (size_t k = 0; status == HEBB_OK && k < run->model->n_history; k++) {
        const series *one = &run->model->history[k];
        status = hb_put_numbers(b, one->name, one->values, one->count);
    }
    for (size_t k = 0; status == HEBB_OK && k < run->n_callbacks; k++) {
        char prefix[96];
        callback_prefix(run, k, prefix, sizeof prefix);
        b->prefix = prefix;
        if (run->callbacks[k].save != NULL) status = run->callbacks[k].save(&run->callbacks[k], b);
    }
    for (size_t k = 0; k < b->count; k++) b->list[k].array = &b->values[k];
    return status;
}

hebb_status hb_fit_save(fit_run *run, const char *path) {
    hebb_model *m = run->model;
    hebb_bundle b = {0};
    hebb_status status = gather(run, &b);
    if (status == HEBB_OK)
        status = hb_model_take(
            m, hebb_session_save(m->session, path, .arrays = b.list, .n_arrays = b.count));
    else if (m->status == HEBB_OK) hb_model_fail(m, status, "%s: out of memory", path);
    bundle_free(&b);
    return status;
}

/* ---- resuming ---- */

static hebb_status take_history(fit_run *run, const hebb_safetensors *file) {
    hebb_status status = HEBB_OK;
    for (size_t k = 0; k < hebb_safetensors_count(file); k++) {
        const char *name = hebb_safetensors_name(file, k);
        const hebb_array *array = hebb_safetensors_array(file, k);
        if (strncmp(name, HISTORY, strlen(HISTORY)) != 0) continue;
        for (int64_t i = 0; status == HEBB_OK && i < hebb_array_count(array); i++)
            status = hb_history_add(run->model, name + strlen(HISTORY), hebb_array_at(array, i));
    }
    return status;
}

static hebb_status take_callbacks(fit_run *run, const hebb_safetensors *file, const char *path) {
    for (size_t k = 0; k < run->n_callbacks; k++) {
        char prefix[96];
        callback_prefix(run, k, prefix, sizeof prefix);
        const hebb_bundle b = {.prefix = prefix, .file = file};
        hebb_callback *c = &run->callbacks[k];
        hebb_status status = c->load == NULL ? HEBB_OK : c->load(c, &b);
        if (status != HEBB_OK)
            return hb_model_fail(run->model, status,
                                 "%s: the state of the callback %s is not right", path, prefix);
    }
    return HEBB_OK;
}

static hebb_status take_all(fit_run *run, const hebb_safetensors *file, const char *path) {
    double progress[2];
    const hebb_bundle b = {.prefix = "fit:", .file = file};
    if (!hb_get_numbers(&b, "progress", progress, 2) || !(progress[0] >= 0 && progress[0] < 1e15))
        return hb_model_fail(run->model, HEBB_E_FORMAT,
                             "%s: not the checkpoint of a training, but of a session only", path);
    hebb_status status =
        hb_model_take(run->model, hebb_session_load_file(run->model->session, path, file, NULL));
    if (status == HEBB_OK) status = take_history(run, file);
    if (status == HEBB_OK) status = take_callbacks(run, file, path);
    run->first_epoch = (int64_t)progress[0];
    run->state.stop = progress[1] != 0;
    return status;
}

hebb_status hb_fit_resume(fit_run *run, const char *path) {
    char message[HB_MESSAGE_SIZE];
    hebb_safetensors *file;
    if (access(path, F_OK) != 0 && errno == ENOENT) return HEBB_OK;
    hebb_status status = hebb_safetensors_read(path, &file, message, sizeof message);
    if (status != HEBB_OK) return hb_model_fail(run->model, status, "%s", message);
    status = take_all(run, file, path);
    hebb_safetensors_destroy(file);
    return status;
}
