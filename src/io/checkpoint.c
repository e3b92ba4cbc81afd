/* Saving and loading what sessions hold (hebb/checkpoint.h). */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/checkpoint.h>

#define OWN "fit:" /* how names of tensors that are no variables begin */

enum { MESSAGE_SIZE = 1024 };

__attribute__((format(printf, 3, 4))) static hebb_status
fail(hebb_session *session, hebb_status status, const char *format, ...) {
    char message[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return hebb_session_fail(session, status, message);
}

static bool begins(const char *text, const char *prefix) {
    return prefix == NULL || strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Whatever does not fit may be due to an error of the graph: its model ends there. */
static hebb_status graph_error(hebb_session *session) {
    const hebb_graph *graph = hebb_session_graph(session);
    hebb_status status = hebb_graph_status(graph);
    return status == HEBB_OK ? HEBB_OK
                             : hebb_session_fail(session, status, hebb_graph_message(graph));
}

/* ---- saving ---- */

typedef struct saving {
    hebb_named_array *list;
    hebb_array *values;
    size_t count;
} saving;

static hebb_status collect(hebb_session *session, const hebb_save_options *o, saving *all) {
    hebb_graph *graph = hebb_session_graph(session);
    size_t n = hebb_graph_variable_count(graph);
    all->list = calloc(n + o->n_arrays + 1, sizeof *all->list);
    all->values = calloc(n + 1, sizeof *all->values);
    if (all->list == NULL || all->values == NULL)
        return hebb_session_fail(session, HEBB_E_MEMORY, "out of memory: save");
    for (size_t k = 0; k < n; k++) {
        hebb_tensor *variable = hebb_graph_variable(graph, k);
        const char *name = hebb_tensor_name(variable);
        if (!begins(name, o->prefix) || (o->trainable_only && !hebb_variable_trainable(variable)))
            continue;
        hebb_array *value = &all->values[all->count];
        hebb_status status = hebb_session_get(session, variable, value);
        if (status != HEBB_OK) return status;
        all->list[all->count++] = (hebb_named_array){name, value};
    }
    if (all->count > 0) return HEBB_OK;
    if (graph_error(session) != HEBB_OK) return hebb_session_status(session);
    if (o->prefix == NULL) return HEBB_OK;
    return fail(session, HEBB_E_ARGUMENT, "save: no variable's name begins with \"%s\"", o->prefix);
}

static hebb_status write_all(hebb_session *session, const char *path, const hebb_save_options *o,
                             const saving *all) {
    char seed[24], step[24], message[MESSAGE_SIZE];
    snprintf(seed, sizeof seed, "%" PRIu64, hebb_session_seed(session));
    snprintf(step, sizeof step, "%" PRIu64, hebb_session_step(session));
    hebb_named_text *texts = calloc(o->n_texts + 3, sizeof *texts);
    if (texts == NULL) return hebb_session_fail(session, HEBB_E_MEMORY, "out of memory: save");
    texts[0] = (hebb_named_text){"format", "hebb"};
    texts[1] = (hebb_named_text){"hebb.seed", seed};
    texts[2] = (hebb_named_text){"hebb.step", step};
    for (size_t k = 0; k < o->n_texts; k++) texts[3 + k] = o->texts[k];
    for (size_t k = 0; k < o->n_arrays; k++) all->list[all->count + k] = o->arrays[k];
    hebb_status status = hebb_safetensors_write(path, all->list, all->count + o->n_arrays, texts,
                                                o->n_texts + 3, message, sizeof message);
    free(texts);
    return hebb_session_fail(session, status, status == HEBB_OK ? "" : message);
}

hebb_status hebb_session_save_with(hebb_session *session, const char *path,
                                   const hebb_save_options *options) {
    static const hebb_save_options defaults;
    if (session == NULL) return HEBB_E_NULL;
    if (hebb_session_graph(session) == NULL) return hebb_session_status(session);
    const hebb_save_options *o = options != NULL ? options : &defaults;
    if (path == NULL) return hebb_session_fail(session, HEBB_E_NULL, "save: the path is NULL");
    saving all = {0};
    hebb_status status = collect(session, o, &all);
    if (status == HEBB_OK) status = write_all(session, path, o, &all);
    for (size_t k = 0; all.values != NULL && k < all.count; k++) hebb_array_free(&all.values[k]);
    free(all.values);
    free(all.list);
    return status;
}

/* ---- loading ---- */

static bool is_wanted(const hebb_tensor *variable, const hebb_load_options *o) {
    return begins(hebb_tensor_name(variable), o->prefix);
}

static hebb_status check_fit(hebb_session *session, const char *path, const hebb_tensor *variable,
                             const hebb_array *array) {
    char have[160], want[160];
    const char *name = hebb_tensor_name(variable);
    if (array->dtype != hebb_tensor_dtype(variable))
        return fail(session, HEBB_E_DTYPE, "load: %s is %s, in %s it is %s", name,
                    hebb_dtype_name(hebb_tensor_dtype(variable)), path,
                    hebb_dtype_name(array->dtype));
    hebb_shape shape = hebb_tensor_shape(variable);
    if (hebb_shape_equal(array->shape, shape)) return HEBB_OK;
    return fail(session, HEBB_E_SHAPE,
                "load: %s has shape %s, in %s it has %s: a checkpoint of another model", name,
                hebb_shape_text(shape, want, sizeof want), path,
                hebb_shape_text(array->shape, have, sizeof have));
}

static hebb_status check_variables(hebb_session *session, const char *path,
                                   const hebb_safetensors *file, const hebb_load_options *o) {
    const hebb_graph *graph = hebb_session_graph(session);
    size_t n = hebb_graph_variable_count(graph), wanted = 0, found = 0;
    const hebb_tensor *missing = NULL;
    for (size_t k = 0; k < n; k++) {
        const hebb_tensor *variable = hebb_graph_variable(graph, k);
        if (!is_wanted(variable, o)) continue;
        wanted++;
        const hebb_array *array = hebb_safetensors_find(file, hebb_tensor_name(variable));
        if (array == NULL && missing == NULL) missing = variable;
        if (array == NULL) continue;
        found++;
        hebb_status status = check_fit(session, path, variable, array);
        if (status != HEBB_OK) return status;
    }
    if (wanted == 0 && o->prefix != NULL)
        return fail(session, HEBB_E_ARGUMENT, "load: no variable's name begins with \"%s\"",
                    o->prefix);
    if (missing == NULL || o->allow_missing) return HEBB_OK;
    return fail(session, HEBB_E_ARGUMENT, "load: %s is not in %s%s", hebb_tensor_name(missing),
                path,
                found == 0 ? ", nor is any other variable: a checkpoint of another model"
                           : "; .allow_missing lets it keep its value");
}

static hebb_status check_unused(hebb_session *session, const char *path,
                                const hebb_safetensors *file, const hebb_load_options *o) {
    if (o->allow_unused || o->prefix != NULL) return HEBB_OK;
    const hebb_graph *graph = hebb_session_graph(session);
    for (size_t k = 0; k < hebb_safetensors_count(file); k++) {
        const char *name = hebb_safetensors_name(file, k);
        const hebb_tensor *taker = hebb_graph_find(graph, name);
        if (begins(name, OWN) || (taker != NULL && strcmp(hebb_tensor_op(taker), "variable") == 0))
            continue;
        if (graph_error(session) != HEBB_OK) return hebb_session_status(session);
        return fail(
            session, HEBB_E_ARGUMENT,
            "load: %s of %s is no variable of this graph: a checkpoint of another model, or "
            "of its training, which .allow_unused passes over",
            name, path);
    }
    return HEBB_OK;
}

static bool take_number(const hebb_safetensors *file, const char *key, uint64_t *value) {
    const char *text = hebb_safetensors_text(file, key);
    if (text == NULL || *text < '0' || *text > '9') return false;
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0';
}

static hebb_status set_variables(hebb_session *session, const hebb_safetensors *file,
                                 const hebb_load_options *o) {
    const hebb_graph *graph = hebb_session_graph(session);
    for (size_t k = 0; k < hebb_graph_variable_count(graph); k++) {
        hebb_tensor *variable = hebb_graph_variable(graph, k);
        const hebb_array *array = hebb_safetensors_find(file, hebb_tensor_name(variable));
        if (array == NULL || !is_wanted(variable, o)) continue;
        hebb_status status = hebb_session_set(session, variable, array);
        if (status != HEBB_OK) return status;
    }
    uint64_t value;
    if (!o->keep_random && take_number(file, "hebb.seed", &value))
        hebb_session_set_seed(session, value);
    if (!o->keep_random && take_number(file, "hebb.step", &value))
        hebb_session_set_step(session, value);
    return hebb_session_fail(session, HEBB_OK, ""); /* also where there was nothing to set */
}

hebb_status hebb_session_load_file(hebb_session *session, const char *path,
                                   const hebb_safetensors *file, const hebb_load_options *options) {
    static const hebb_load_options defaults;
    if (session == NULL) return HEBB_E_NULL;
    if (hebb_session_graph(session) == NULL) return hebb_session_status(session);
    const hebb_load_options *o = options != NULL ? options : &defaults;
    if (file == NULL || path == NULL)
        return hebb_session_fail(session, HEBB_E_NULL,
                                 file == NULL ? "load: the file is NULL"
                                              : "load: the path is NULL");
    hebb_status status = check_variables(session, path, file, o);
    if (status == HEBB_OK) status = check_unused(session, path, file, o);
    return status == HEBB_OK ? set_variables(session, file, o) : status;
}

hebb_status hebb_session_load_with(hebb_session *session, const char *path,
                                   const hebb_load_options *options) {
    char message[MESSAGE_SIZE];
    hebb_safetensors *file = NULL;
    if (session == NULL) return HEBB_E_NULL;
    if (path == NULL) return hebb_session_fail(session, HEBB_E_NULL, "load: the path is NULL");
    hebb_status status = hebb_safetensors_read(path, &file, message, sizeof message);
    if (status != HEBB_OK) return hebb_session_fail(session, status, message);
    status = hebb_session_load_file(session, path, file, options);
    hebb_safetensors_destroy(file);
    return status;
}
