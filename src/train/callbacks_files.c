/* Callbacks that write files: checkpoints and logs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/point.h"
#include "train.h"

/* Whether a file can be made or replaced in its folder: said before an epoch is computed for it. */
static hebb_status check_folder(hebb_callback *self, hebb_fit_state *fit, const char *path) {
    struct stat there;
    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode)) return HEBB_OK; /* written to itself */
    const char *slash = strrchr(path, '/');
    char *folder = strdup(slash == NULL ? "." : path);
    if (folder == NULL) return hb_model_fail(fit->model, HEBB_E_MEMORY, "out of memory: a path");
    if (slash != NULL) folder[slash == path ? 1 : slash - path] = '\0';
    bool fine = access(folder, W_OK | X_OK) == 0;
    int error = errno;
    free(folder);
    return fine ? HEBB_OK
                : hb_model_fail(fit->model, HEBB_E_FILE, "%s: %s: cannot be written: %s",
                                self->name, path, strerror(error));
}

/* ---- checkpoints ---- */

typedef struct checkpoint {
    char *path;
    monitor watched;
    bool best_only;
    int64_t every;
} checkpoint;

static hebb_status checkpoint_begin(hebb_callback *self, hebb_fit_state *fit) {
    return check_folder(self, fit, ((checkpoint *)self->data)->path);
}

static hebb_status checkpoint_epoch_end(hebb_callback *self, hebb_fit_state *fit) {
    checkpoint *c = self->data;
    bool due = (fit->epoch + 1) % c->every == 0 || fit->epoch + 1 == fit->epochs || fit->stop;
    if (c->best_only) {
        hebb_status status = hb_monitor_step(&c->watched, fit, &due);
        if (status != HEBB_OK) return status;
    }
    return due ? hb_fit_save(fit->reserved_, c->path) : HEBB_OK;
}

static hebb_status checkpoint_save(hebb_callback *self, hebb_bundle *bundle) {
    const checkpoint *c = self->data;
    const double state[] = {c->watched.best, c->watched.seen};
    return hb_put_numbers(bundle, "state", state, 2);
}

static hebb_status checkpoint_load(hebb_callback *self, const hebb_bundle *bundle) {
    checkpoint *c = self->data;
    double state[2];
    if (!hb_get_numbers(bundle, "state", state, 2)) return HEBB_OK;
    c->watched.best = state[0];
    c->watched.seen = state[1] != 0;
    return HEBB_OK;
}

static void checkpoint_destroy(hebb_callback *self) {
    checkpoint *c = self->data;
    if (c == NULL) return;
    free(c->path);
    free(c->watched.name);
    free(c);
}

hebb_callback hebb_checkpoint_file_with(const char *path,
                                        const hebb_checkpoint_file_options *options) {
    static const hebb_checkpoint_file_options defaults;
    const hebb_checkpoint_file_options *o = options != NULL ? options : &defaults;
    hebb_callback c = {.name = "checkpoint",
                       .begin = checkpoint_begin,
                       .epoch_end = checkpoint_epoch_end,
                       .save = checkpoint_save,
                       .load = checkpoint_load,
                       .destroy = checkpoint_destroy,
                       .last = true};
    checkpoint *file = calloc(1, sizeof *file);
    c.data = file;
    c.status = path == NULL ? HEBB_E_NULL : HEBB_E_MEMORY;
    if (file == NULL || path == NULL) return c;
    c.status = hb_monitor_init(&file->watched, o->monitor, 0);
    file->path = strdup(path);
    if (file->path == NULL) c.status = HEBB_E_MEMORY;
    if (o->every < 0) c.status = HEBB_E_ARGUMENT;
    file->best_only = o->best_only;
    file->every = o->every == 0 ? 1 : o->every;
    return c;
}

/* ---- comma-separated values ---- */

typedef struct csv {
    char *path;
    FILE *file;
    bool resumed;
} csv;

static hebb_status csv_fail(const csv *c, hebb_model *m) {
    return hb_model_fail(m, HEBB_E_FILE, "%s: cannot be written: %s", c->path, strerror(errno));
}

/* Lines of epochs that were logged, but are made again because no checkpoint knows of them, go. */
static bool drop_lines(csv *c, int64_t epoch) {
    char line[4096];
    long at = 0;
    while (fgets(line, sizeof line, c->file) != NULL) {
        bool whole = strchr(line, '\n') != NULL;
        bool later = *line >= '0' && *line <= '9' && strtoll(line, NULL, 10) >= epoch;
        if (later || !whole) break;
        at = ftell(c->file);
    }
    if (fseek(c->file, 0, SEEK_END) != 0) return false;
    if (ftell(c->file) <= at) return true; /* nothing to drop, or no file that can be shortened */
    return fseek(c->file, at, SEEK_SET) == 0 && ftruncate(fileno(c->file), at) == 0;
}

/* Opened at the first epoch's end: what is resumed and what is logged is known then. */
static hebb_status csv_open(csv *c, const hebb_fit_state *fit) {
    if (c->resumed) c->file = fopen(c->path, "r+");
    if (c->file != NULL && !drop_lines(c, fit->epoch)) return csv_fail(c, fit->model);
    if (c->file == NULL) c->file = fopen(c->path, "w");
    if (c->file == NULL) return csv_fail(c, fit->model);
    if (ftell(c->file) > 0) return HEBB_OK;
    fputs("epoch", c->file);
    for (size_t k = 0; k < fit->n_logs; k++) fprintf(c->file, ",%s", fit->logs[k].name);
    fputc('\n', c->file);
    return HEBB_OK;
}

static hebb_status csv_epoch_end(hebb_callback *self, hebb_fit_state *fit) {
    csv *c = self->data;
    hebb_status status = c->file == NULL ? csv_open(c, fit) : HEBB_OK;
    if (status != HEBB_OK) return status;
    fprintf(c->file, "%lld", (long long)fit->epoch);
    locale_t before = hb_point_begin();
    for (size_t k = 0; k < fit->n_logs; k++) fprintf(c->file, ",%.9g", fit->logs[k].value);
    hb_point_end(before);
    fputc('\n', c->file);
    return fflush(c->file) != 0 || ferror(c->file) ? csv_fail(c, fit->model) : HEBB_OK;
}

static hebb_status csv_save(hebb_callback *self, hebb_bundle *bundle) {
    return hb_put_numbers(bundle, "there", (const double[]){1}, 1);
}

static hebb_status csv_load(hebb_callback *self, const hebb_bundle *bundle) {
    double there;
    ((csv *)self->data)->resumed = hb_get_numbers(bundle, "there", &there, 1);
    return HEBB_OK;
}

static void csv_destroy(hebb_callback *self) {
    csv *c = self->data;
    if (c == NULL) return;
    if (c->file != NULL) fclose(c->file);
    free(c->path);
    free(c);
}

hebb_callback hebb_csv_log(const char *path) {
    hebb_callback callback = {.name = "csv_log",
                              .epoch_end = csv_epoch_end,
                              .save = csv_save,
                              .load = csv_load,
                              .destroy = csv_destroy};
    csv *c = calloc(1, sizeof *c);
    callback.data = c;
    if (c != NULL && path != NULL) c->path = strdup(path);
    callback.status = path == NULL                   ? HEBB_E_NULL
                      : c == NULL || c->path == NULL ? HEBB_E_MEMORY
                                                     : HEBB_OK;
    return callback;
}
