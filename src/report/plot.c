/* Plots: what is to be drawn, and the first error (hebb/plot.h). Nothing is drawn here. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "plot.h"

hebb_status hb_plot_fail(hebb_plot *plot, hebb_status status, const char *format, ...) {
    if (plot->status != HEBB_OK) return plot->status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(plot->message, sizeof plot->message, format, arguments);
    va_end(arguments);
    plot->status = status;
    return status;
}

static hebb_status out_of_memory(hebb_plot *plot) {
    return hb_plot_fail(plot, HEBB_E_MEMORY, "out of memory: a plot");
}

hebb_status hebb_plot_status(const hebb_plot *plot) {
    return plot == NULL ? HEBB_E_NULL : plot->status;
}

const char *hebb_plot_message(const hebb_plot *plot) {
    return plot == NULL ? "the plot is NULL" : plot->message;
}

/* ---- copies ---- */

/* A copy of `bytes` bytes, NULL for none; notes if there is no memory. */
static void *copy(hebb_plot *plot, const void *from, size_t bytes) {
    if (from == NULL) return NULL;
    void *to = malloc(bytes + (bytes == 0));
    if (to == NULL) out_of_memory(plot);
    else memcpy(to, from, bytes);
    return to;
}

static char *copy_text(hebb_plot *plot, const char *text) {
    return copy(plot, text, text == NULL ? 0 : strlen(text) + 1);
}

static double *copy_numbers(hebb_plot *plot, const double *from, size_t n) {
    return copy(plot, from, n * sizeof *from);
}

static char **copy_names(hebb_plot *plot, const char *const *names, size_t n) {
    if (names == NULL || n == 0) return NULL;
    char **all = calloc(n, sizeof *all);
    if (all == NULL) out_of_memory(plot);
    for (size_t k = 0; all != NULL && k < n; k++) all[k] = copy_text(plot, names[k]);
    return all;
}

static void free_item(plot_item *item) {
    for (size_t k = 0; item->names != NULL && k < item->n_names; k++) free(item->names[k]);
    free(item->names);
    free(item->name);
    free(item->x);
    free(item->y);
    free(item->classes);
}

/* ---- plots and panels ---- */

hebb_plot *hebb_plot_create_with(const hebb_plot_options *options) {
    static const hebb_plot_options defaults;
    const hebb_plot_options *o = options != NULL ? options : &defaults;
    hebb_plot *plot = calloc(1, sizeof *plot);
    if (plot == NULL) return NULL;
    plot->columns = o->columns;
    plot->width = o->width == 0 ? 460 : o->width;
    plot->height = o->height == 0 ? 320 : o->height;
    plot->scale = o->scale == 0 ? 2 : o->scale;
    plot->title = copy_text(plot, o->title);
    if (o->columns < 0 || plot->width < 100 || plot->height < 80)
        hb_plot_fail(plot, HEBB_E_ARGUMENT,
                     "plot_create: %d columns of panels of %d x %d; at least 100 x 80 is wanted",
                     o->columns, o->width, o->height);
    if (!(plot->scale > 0 && plot->scale <= 100))
        hb_plot_fail(plot, HEBB_E_ARGUMENT, "plot_create: a scale of %g", o->scale);
    return plot;
}

void hebb_plot_destroy(hebb_plot *plot) {
    if (plot == NULL) return;
    for (size_t k = 0; k < plot->n_panels; k++) {
        plot_panel *panel = &plot->panels[k];
        for (size_t i = 0; i < panel->n_items; i++) free_item(&panel->items[i]);
        free(panel->items);
        free(panel->title);
        free(panel->x_label);
        free(panel->y_label);
    }
    free(plot->panels);
    free(plot->title);
    free(plot);
}

static bool check_range(hebb_plot *plot, const double range[2], bool log, const char *axis) {
    if (range[0] == 0 && range[1] == 0) return true;
    if (isfinite(range[0]) && isfinite(range[1]) && range[0] < range[1] && !(log && range[0] <= 0))
        return true;
    hb_plot_fail(plot, HEBB_E_ARGUMENT, "plot_panel: the %s axis cannot show %g to %g%s", axis,
                 range[0], range[1], log ? ", being logarithmic" : "");
    return false;
}

hebb_status hebb_plot_panel_with(hebb_plot *plot, const hebb_panel_options *options) {
    static const hebb_panel_options defaults;
    const hebb_panel_options *o = options != NULL ? options : &defaults;
    if (plot == NULL) return HEBB_E_NULL;
    if (plot->status != HEBB_OK || !check_range(plot, o->x, o->log_x, "x") ||
        !check_range(plot, o->y, o->log_y, "y"))
        return plot->status;
    plot_panel *grown = realloc(plot->panels, (plot->n_panels + 1) * sizeof *grown);
    if (grown == NULL) return out_of_memory(plot);
    plot->panels = grown;
    plot_panel *panel = &grown[plot->n_panels++];
    *panel = (plot_panel){.log_x = o->log_x, .log_y = o->log_y};
    memcpy(panel->x, o->x, sizeof panel->x);
    memcpy(panel->y, o->y, sizeof panel->y);
    panel->title = copy_text(plot, o->title);
    panel->x_label = copy_text(plot, o->x_label);
    panel->y_label = copy_text(plot, o->y_label);
    return plot->status;
}

/* ---- items ---- */

/* The panel that is drawn into; NULL after an error. */
static plot_panel *current(hebb_plot *plot) {
    if (plot->status == HEBB_OK && plot->n_panels == 0) hebb_plot_panel_with(plot, NULL);
    return plot->status == HEBB_OK ? &plot->panels[plot->n_panels - 1] : NULL;
}

/* Takes the item over. */
static hebb_status add(hebb_plot *plot, plot_item item) {
    plot_panel *panel = current(plot);
    plot_item *grown = NULL;
    if (panel != NULL) {
        grown = realloc(panel->items, (panel->n_items + 1) * sizeof *grown);
        if (grown == NULL) out_of_memory(plot);
    }
    if (grown == NULL) {
        free_item(&item);
        return plot->status;
    }
    if (item.color < 0) item.color = panel->next_color++;
    grown[panel->n_items++] = item;
    panel->items = grown;
    return HEBB_OK;
}

static hebb_status missing(hebb_plot *plot, const char *function, size_t n) {
    return hb_plot_fail(plot, HEBB_E_NULL, "%s: %zu values at NULL", function, n);
}

hebb_status hebb_plot_line_with(hebb_plot *plot, const double *y, size_t n,
                                const hebb_line_options *options) {
    static const hebb_line_options defaults;
    const hebb_line_options *o = options != NULL ? options : &defaults;
    if (plot == NULL) return HEBB_E_NULL;
    if (plot->status != HEBB_OK) return plot->status;
    if (y == NULL && n > 0) return missing(plot, "plot_line", n);
    if (!(o->shade >= 0 && o->shade <= 1))
        return hb_plot_fail(plot, HEBB_E_ARGUMENT, "plot_line: a shade of %g: not in 0...1",
                            o->shade);
    return add(plot, (plot_item){.kind = ITEM_LINE,
                                 .name = copy_text(plot, o->name),
                                 .x = copy_numbers(plot, o->x, n),
                                 .y = copy_numbers(plot, y, n),
                                 .n = n,
                                 .color = o->color - 1,
                                 .shade = o->shade,
                                 .dashed = o->dashed,
                                 .marks = o->marks});
}

hebb_status hebb_plot_points_with(hebb_plot *plot, const double *x, const double *y, size_t n,
                                  const hebb_points_options *options) {
    static const hebb_points_options defaults;
    const hebb_points_options *o = options != NULL ? options : &defaults;
    if (plot == NULL) return HEBB_E_NULL;
    if (plot->status != HEBB_OK) return plot->status;
    if ((x == NULL || y == NULL) && n > 0) return missing(plot, "plot_points", n);
    if (o->n_names < 0 || o->size < 0 || !isfinite(o->size))
        return hb_plot_fail(plot, HEBB_E_ARGUMENT, "plot_points: %d names, a size of %g",
                            o->n_names, o->size);
    size_t n_names = o->names == NULL ? 0 : (size_t)o->n_names;
    return add(plot, (plot_item){.kind = ITEM_POINTS,
                                 .name = copy_text(plot, o->name),
                                 .x = copy_numbers(plot, x, n),
                                 .y = copy_numbers(plot, y, n),
                                 .n = n,
                                 .classes = copy(plot, o->classes, n * sizeof *o->classes),
                                 .names = copy_names(plot, o->names, n_names),
                                 .n_names = n_names,
                                 .color = o->classes != NULL ? 0 : o->color - 1,
                                 .size = o->size});
}

/* Least and greatest of what is finite; 0 and 1 if nothing is. */
static void range_of(const double *values, size_t n, double *low, double *high) {
    bool any = false;
    for (size_t k = 0; k < n; k++) {
        if (!isfinite(values[k])) continue;
        *low = any ? fmin(*low, values[k]) : values[k];
        *high = any ? fmax(*high, values[k]) : values[k];
        any = true;
    }
    if (!any) *low = 0, *high = 1;
}

static bool check_surface(hebb_plot *plot, const double *values, size_t rows, size_t columns,
                          const hebb_surface_options *o) {
    if (plot->status != HEBB_OK) return false;
    if (rows == 0 || columns == 0 || rows > SIZE_MAX / sizeof *values / columns)
        hb_plot_fail(plot, HEBB_E_ARGUMENT, "plot_surface: %zu rows of %zu columns", rows, columns);
    else if (values == NULL) missing(plot, "plot_surface", rows * columns);
    else if (plot->n_panels > 0 && hb_surface_of(&plot->panels[plot->n_panels - 1]) != NULL)
        hb_plot_fail(plot, HEBB_E_ARGUMENT, "plot_surface: the panel has a surface already");
    else if (!isfinite(o->low) || !isfinite(o->high) || o->low > o->high)
        hb_plot_fail(plot, HEBB_E_ARGUMENT, "plot_surface: colors from %g to %g", o->low, o->high);
    else if ((unsigned)o->map > HEBB_MAP_CLASSES)
        hb_plot_fail(plot, HEBB_E_ARGUMENT, "plot_surface: there is no color map %d", (int)o->map);
    else
        return check_range(plot, o->x, false, "surface's x") &&
               check_range(plot, o->y, false, "surface's y");
    return false;
}

hebb_status hebb_plot_surface_with(hebb_plot *plot, const double *values, size_t rows,
                                   size_t columns, const hebb_surface_options *options) {
    static const hebb_surface_options defaults;
    const hebb_surface_options *o = options != NULL ? options : &defaults;
    if (plot == NULL) return HEBB_E_NULL;
    if (!check_surface(plot, values, rows, columns, o)) return plot->status;
    plot_item item = {.kind = ITEM_SURFACE,
                      .y = copy_numbers(plot, values, rows * columns),
                      .n = rows * columns,
                      .rows = rows,
                      .columns = columns,
                      .x_range = {o->x[0], o->x[1]},
                      .y_range = {o->y[0], o->y[1]},
                      .low = o->low,
                      .high = o->high,
                      .map = o->map,
                      .bar = !o->no_bar && o->map != HEBB_MAP_CLASSES};
    if (o->x[0] == o->x[1]) item.x_range[1] = columns > 1 ? (double)(columns - 1) : 1;
    if (o->y[0] == o->y[1]) item.y_range[1] = rows > 1 ? (double)(rows - 1) : 1;
    if (o->low == o->high) range_of(values, item.n, &item.low, &item.high);
    return add(plot, item);
}

hebb_status hebb_plot_bars_with(hebb_plot *plot, const double *values, size_t n,
                                const hebb_bars_options *options) {
    static const hebb_bars_options defaults;
    const hebb_bars_options *o = options != NULL ? options : &defaults;
    if (plot == NULL) return HEBB_E_NULL;
    if (plot->status != HEBB_OK) return plot->status;
    if (values == NULL && n > 0) return missing(plot, "plot_bars", n);
    return add(plot, (plot_item){.kind = ITEM_BARS,
                                 .name = copy_text(plot, o->name),
                                 .y = copy_numbers(plot, values, n),
                                 .n = n,
                                 .names = copy_names(plot, o->labels, n),
                                 .n_names = o->labels == NULL ? 0 : n,
                                 .color = o->color - 1});
}

/* ---- for those who draw ---- */

double hb_item_x(const plot_item *item, size_t k) {
    return item->x != NULL ? item->x[k] : (double)k + 1;
}

size_t hb_bars_of(const plot_panel *panel, const plot_item *item, size_t *place) {
    size_t n = 0;
    for (size_t k = 0; k < panel->n_items; k++) {
        if (&panel->items[k] == item) *place = n;
        n += panel->items[k].kind == ITEM_BARS;
    }
    return n;
}

const plot_item *hb_surface_of(const plot_panel *panel) {
    for (size_t k = 0; k < panel->n_items; k++)
        if (panel->items[k].kind == ITEM_SURFACE) return &panel->items[k];
    return NULL;
}
