/* Plots, as PNG and as text for a terminal: curves, points by class, surfaces, bars.

     hebb_plot *p = hebb_plot_create();
     hebb_plot_panel(p, .title = "loss", .x_label = "epoch", .log_y = true);
     hebb_plot_line(p, train, 20, .name = "training");
     hebb_plot_line(p, test, 20, .name = "test", .dashed = true);
     hebb_plot_png(p, "loss.png");
     hebb_plot_print(p, stdout);
     if (hebb_failed(p)) fprintf(stderr, "%s\n", hebb_message(p));
     hebb_plot_destroy(p);

   As with graphs, errors stay: a picture is described without checks and checked once. What is
   given is copied. Values that are not finite, or not above 0 on a logarithmic axis, are left out:
   a line is interrupted there. Text is UTF-8.

   The colors are the ten of Petroff, "Accessible color sequences for data visualization"
   (arXiv:2107.02270), told apart by color-blind people too; after them, lines are dashed and marks
   have another form. */
#ifndef HEBB_PLOT_H
#define HEBB_PLOT_H

#include <stdio.h>
#include <hebb/callbacks.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hebb_plot_options {
    int reserved_;
    const char *title; /* above all panels */
    int columns;       /* of panels; default: 1 to 3, by their number */
    int width, height; /* of one panel, its labels included; default 460 x 320 */
    double scale;      /* pixels of the PNG for one of these units; default 2 */
} hebb_plot_options;

/* NULL if memory is out. hebb_failed() and hebb_message() tell of its first error. */
#define hebb_plot_create(...)                                                                      \
    hebb_plot_create_with(&(const hebb_plot_options){.reserved_ = 0, __VA_ARGS__})
HEBB_API hebb_plot *hebb_plot_create_with(const hebb_plot_options *options);
HEBB_API void hebb_plot_destroy(hebb_plot *plot);

/* ---- panels ---- */

typedef struct hebb_panel_options {
    int reserved_;
    const char *title, *x_label, *y_label;
    bool log_x, log_y; /* logarithmic axes */
    double x[2], y[2]; /* what an axis shows, least and greatest; default: what there is */
} hebb_panel_options;

/* Begins a panel: what follows is drawn into it. Without one, the first thing drawn begins it.
   HEBB_E_ARGUMENT for a range that is empty, not finite, or not above 0 on a logarithmic axis. */
#define hebb_plot_panel(...) hebb_plot_panel_args(__VA_ARGS__, .reserved_ = 0)
#define hebb_plot_panel_args(plot, ...)                                                            \
    hebb_plot_panel_with((plot), &(const hebb_panel_options){__VA_ARGS__})
HEBB_API hebb_status hebb_plot_panel_with(hebb_plot *plot, const hebb_panel_options *options);

/* ---- what is drawn ---- */

typedef struct hebb_line_options {
    int reserved_;
    const char *name; /* in the legend; default: not there */
    const double *x;  /* n of them; default: 1, 2, ..., n */
    int color;        /* 1, 2, ... of the palette; default: the next in this panel */
    double shade;     /* above 0, to 1: from dark to light instead, for many lines in an order */
    bool dashed;
    bool marks; /* at each value */
} hebb_line_options;

/* y[0...n-1], joined. y may be NULL if n is 0. */
#define hebb_plot_line(plot, y, ...) hebb_plot_line_args(plot, y, __VA_ARGS__, .reserved_ = 0)
#define hebb_plot_line_args(plot, y, n, ...)                                                       \
    hebb_plot_line_with((plot), (y), (n), &(const hebb_line_options){__VA_ARGS__})
HEBB_API hebb_status hebb_plot_line_with(hebb_plot *plot, const double *y, size_t n,
                                         const hebb_line_options *options);

typedef struct hebb_points_options {
    int reserved_;
    const char *name;         /* in the legend, if there are no classes */
    const int32_t *classes;   /* n of them: class k has color k + 1; a negative one is gray */
    const char *const *names; /* of classes 0, 1, ...; default: their numbers */
    int n_names;
    int color;   /* without classes, as above */
    double size; /* diameter in units of the panel; default: by their number, 3 to 6 */
} hebb_points_options;

#define hebb_plot_points(plot, x, y, ...)                                                          \
    hebb_plot_points_args(plot, x, y, __VA_ARGS__, .reserved_ = 0)
#define hebb_plot_points_args(plot, x, y, n, ...)                                                  \
    hebb_plot_points_with((plot), (x), (y), (n), &(const hebb_points_options){__VA_ARGS__})
HEBB_API hebb_status hebb_plot_points_with(hebb_plot *plot, const double *x, const double *y,
                                           size_t n, const hebb_points_options *options);

typedef enum hebb_color_map {
    HEBB_MAP_DIVERGING = 0, /* from the color of class 0 over white to that of class 1; with a line
                               at the middle: the decision boundary of two classes */
    HEBB_MAP_SEQUENTIAL,    /* from dark to light */
    HEBB_MAP_GRAY,          /* from black to white */
    HEBB_MAP_CLASSES,       /* whole numbers: each in the color of its class, paler */
} hebb_color_map;

typedef struct hebb_surface_options {
    int reserved_;
    double x[2], y[2]; /* where the first and the last column and row lie; default 0...columns - 1
                          and 0...rows - 1 */
    double low, high;  /* values at the ends of the map, and beyond; default: what there is */
    hebb_color_map map;
    bool no_bar; /* without a color bar beside it */
} hebb_surface_options;

/* values[row][column] as colors, smooth between them; the first row is at the bottom. NaN is gray.
   One surface a panel, under all else. HEBB_E_ARGUMENT without rows or columns. */
#define hebb_plot_surface(plot, values, rows, ...)                                                 \
    hebb_plot_surface_args(plot, values, rows, __VA_ARGS__, .reserved_ = 0)
#define hebb_plot_surface_args(plot, values, rows, columns, ...)                                   \
    hebb_plot_surface_with((plot), (values), (rows), (columns),                                    \
                           &(const hebb_surface_options){__VA_ARGS__})
HEBB_API hebb_status hebb_plot_surface_with(hebb_plot *plot, const double *values, size_t rows,
                                            size_t columns, const hebb_surface_options *options);

typedef struct hebb_bars_options {
    int reserved_;
    const char *name;          /* in the legend */
    const char *const *labels; /* n of them, under the bars; default: 1, 2, ... */
    int color;
} hebb_bars_options;

/* A bar for each value; those of further calls in the same panel stand beside it. */
#define hebb_plot_bars(plot, values, ...)                                                          \
    hebb_plot_bars_args(plot, values, __VA_ARGS__, .reserved_ = 0)
#define hebb_plot_bars_args(plot, values, n, ...)                                                  \
    hebb_plot_bars_with((plot), (values), (n), &(const hebb_bars_options){__VA_ARGS__})
HEBB_API hebb_status hebb_plot_bars_with(hebb_plot *plot, const double *values, size_t n,
                                         const hebb_bars_options *options);

/* ---- output ---- */

/* Writes a PNG file under another name, then renames it: who reads it finds a whole picture.
   HEBB_E_FILE, HEBB_E_ARGUMENT for more than 16000 pixels in a direction, HEBB_E_UNSUPPORTED if the
   library was built without cairo. */
HEBB_API hebb_status hebb_plot_png(hebb_plot *plot, const char *path);

typedef enum hebb_plot_colors {
    HEBB_COLORS_AUTO = 0, /* if `out` is a terminal, unless NO_COLOR is set in the environment */
    HEBB_COLORS_NEVER,
    HEBB_COLORS_ALWAYS,
} hebb_plot_colors;

typedef struct hebb_print_options {
    int reserved_;
    int width;  /* characters of a line, at least 30; default: the terminal's, at most 80 */
    int height; /* lines of a panel without its labels, at least 4; default 14, of a surface 20 */
    hebb_plot_colors colors;
} hebb_print_options;

/* The panels as text, one below another: a single curve in Braille's dots, several in colors or
   in a character each; surfaces as shades. HEBB_E_FILE if writing failed. */
#define hebb_plot_print(plot, ...) hebb_plot_print_args(plot, __VA_ARGS__, .reserved_ = 0)
#define hebb_plot_print_args(plot, out, ...)                                                       \
    hebb_plot_print_with((plot), (out), &(const hebb_print_options){__VA_ARGS__})
HEBB_API hebb_status hebb_plot_print_with(hebb_plot *plot, FILE *out,
                                          const hebb_print_options *options);

/* ---- what a training logged ---- */

/* Adds panels with the history of the model's last hebb_fit(): "loss" with "val_loss", and so each
   metric; logs whose names begin alike up to a slash, as those of hebb_norms(), share one. An axis
   is logarithmic where values span more than two decades. */
HEBB_API hebb_status hebb_plot_add_history(hebb_plot *plot, const hebb_model *model);

/* The same as text. HEBB_E_FILE if writing failed; nothing if there is no history. */
HEBB_API hebb_status hebb_history_print(const hebb_model *model, FILE *out);

typedef struct hebb_plot_history_options {
    const char *title;
    int64_t every; /* epochs; default 1. The last epoch is always drawn */
    int reserved_;
} hebb_plot_history_options;

/* A callback: writes the learning curves as PNG after each epoch, those before a resume included.
   The path and the title are copied. Errors as of hebb_plot_png(). */
#define hebb_plot_history(...) hebb_plot_history_args(__VA_ARGS__, .reserved_ = 0)
#define hebb_plot_history_args(path, ...)                                                          \
    hebb_plot_history_with((path), &(const hebb_plot_history_options){__VA_ARGS__})
HEBB_API hebb_callback hebb_plot_history_with(const char *path,
                                              const hebb_plot_history_options *options);

#ifdef __cplusplus
}
#endif
#endif
