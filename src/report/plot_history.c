/* Learning curves: what a training logged, as a plot (hebb/plot.h); public headers only. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/train.h>

#include "plot.h"

/* ---- panels ---- */

static bool validates(const char *name) { return strncmp(name, "val_", 4) == 0; }

/* Whether the two logs belong into one panel: loss and val_loss, or norm/a and norm/b. */
static bool together(const char *a, const char *b) {
    if (validates(a)) a += 4;
    if (validates(b)) b += 4;
    if (strcmp(a, b) == 0) return true;
    const char *slash = strchr(a, '/');
    return slash != NULL && strncmp(a, b, (size_t)(slash - a) + 1) == 0;
}

/* Whether no log before it shares its panel. */
static bool begins_panel(const hebb_model *model, size_t index) {
    const char *name = hebb_history_name(model, index);
    for (size_t k = 0; k < index; k++)
        if (together(hebb_history_name(model, k), name)) return false;
    return true;
}

static bool spans_decades(const hebb_model *model, size_t first) {
    const char *name;
    double low = INFINITY, high = 0;
    for (size_t k = first; (name = hebb_history_name(model, k)) != NULL; k++) {
        size_t n = 0;
        const double *values = hebb_history(model, name, &n);
        for (size_t i = 0; together(hebb_history_name(model, first), name) && i < n; i++) {
            if (!isfinite(values[i]) || values[i] == 0) continue;
            if (values[i] < 0) return false;
            low = fmin(low, values[i]);
            high = fmax(high, values[i]);
        }
    }
    return high > 100 * low;
}

/* How many logs share the panel that begins with this one. */
static size_t sharing(const hebb_model *model, size_t first) {
    size_t n = 0;
    const char *begin = hebb_history_name(model, first), *name;
    for (size_t k = first; (name = hebb_history_name(model, k)) != NULL; k++)
        n += together(begin, name);
    return n;
}

/* Layers by the dozen are shaded from the first to the last. */
static hebb_status add_panel(hebb_plot *plot, const hebb_model *model, size_t first) {
    const char *begin = hebb_history_name(model, first), *name;
    const char *shown = validates(begin) ? begin + 4 : begin, *slash = strchr(shown, '/');
    size_t all = sharing(model, first), place = 0;
    char title[128];
    snprintf(title, sizeof title, "%.*s", slash != NULL ? (int)(slash - shown) : 100, shown);
    hebb_plot_panel(plot, .title = title, .x_label = "epoch", .log_y = spans_decades(model, first));
    for (size_t k = first; (name = hebb_history_name(model, k)) != NULL; k++) {
        size_t n = 0;
        if (!together(begin, name)) continue;
        const double *values = hebb_history(model, name, &n);
        const char *label = slash != NULL     ? strchr(name, '/') + 1
                            : validates(name) ? "validation"
                                              : "training";
        place++;
        hebb_plot_line(plot, values, n, .name = label,
                       .shade = all > HB_PALETTE ? (double)place / (double)all : 0);
    }
    return plot->status;
}

hebb_status hebb_plot_add_history(hebb_plot *plot, const hebb_model *model) {
    if (plot == NULL) return HEBB_E_NULL;
    if (model == NULL)
        return hb_plot_fail(plot, HEBB_E_NULL, "plot_add_history: the model is NULL");
    for (size_t k = 0; hebb_history_name(model, k) != NULL; k++)
        if (begins_panel(model, k)) add_panel(plot, model, k);
    return plot->status;
}

hebb_status hebb_history_print(const hebb_model *model, FILE *out) {
    if (model == NULL || out == NULL) return HEBB_E_NULL;
    hebb_plot *plot = hebb_plot_create();
    if (plot == NULL) return HEBB_E_MEMORY;
    hebb_plot_add_history(plot, model);
    hebb_status status = hebb_plot_print(plot, out);
    hebb_plot_destroy(plot);
    return status;
}

/* ---- the callback ---- */

typedef struct curves {
    char *path, *title;
    int64_t every;
} curves;

static hebb_status draw(const curves *c, hebb_fit_state *fit) {
    hebb_plot *plot = hebb_plot_create(.title = c->title);
    if (plot == NULL) return HEBB_E_MEMORY;
    hebb_plot_add_history(plot, fit->model);
    hebb_status status = hebb_plot_png(plot, c->path);
    if (status != HEBB_OK) hebb_model_fail(fit->model, status, hebb_message(plot));
    hebb_plot_destroy(plot);
    return status;
}

static hebb_status curves_epoch_end(hebb_callback *self, hebb_fit_state *fit) {
    const curves *c = self->data;
    bool due = (fit->epoch + 1) % c->every == 0 || fit->epoch + 1 == fit->epochs || fit->stop;
    return due ? draw(c, fit) : HEBB_OK;
}

static void curves_destroy(hebb_callback *self) {
    curves *c = self->data;
    if (c == NULL) return;
    free(c->path);
    free(c->title);
    free(c);
}

hebb_callback hebb_plot_history_with(const char *path, const hebb_plot_history_options *options) {
    static const hebb_plot_history_options defaults;
    const hebb_plot_history_options *o = options != NULL ? options : &defaults;
    hebb_callback callback = {.name = "plot_history",
                              .epoch_end = curves_epoch_end,
                              .destroy = curves_destroy,
                              .last = true};
    curves *c = calloc(1, sizeof *c);
    callback.data = c;
    callback.status = path == NULL ? HEBB_E_NULL : HEBB_E_MEMORY;
    if (c == NULL || path == NULL) return callback;
    c->path = strdup(path);
    c->title = o->title != NULL ? strdup(o->title) : NULL;
    c->every = o->every <= 0 ? 1 : o->every;
    if (c->path != NULL && (o->title == NULL || c->title != NULL)) callback.status = HEBB_OK;
    return callback;
}
