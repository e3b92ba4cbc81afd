/* What the files of plots share: what is drawn, axes, colors. Who draws: plot_png.c with cairo,
   plot_text.c with characters. */
#ifndef HB_PLOT_H
#define HB_PLOT_H

#include <hebb/plot.h>

enum { HB_PALETTE = 10, HB_MOST_TICKS = 16 };

typedef enum item_kind { ITEM_LINE, ITEM_POINTS, ITEM_SURFACE, ITEM_BARS } item_kind;

/* One thing that is drawn; which members count follows from its kind. */
typedef struct plot_item {
    item_kind kind;
    char *name;
    double *x, *y; /* x is NULL: 1, 2, ...; y has a surface's values */
    size_t n;
    int32_t *classes;
    char **names; /* of classes, of bars */
    size_t n_names;
    int color;    /* from 0 */
    double shade; /* if not 0: of a line, instead of the color */
    bool dashed, marks;
    double size;

    size_t rows, columns;
    double x_range[2], y_range[2], low, high;
    hebb_color_map map;
    bool bar;
} plot_item;

typedef struct plot_panel {
    char *title, *x_label, *y_label;
    bool log_x, log_y;
    double x[2], y[2]; /* both 0: from the items */
    plot_item *items;
    size_t n_items;
    int next_color;
} plot_panel;

struct hebb_plot {
    char *title;
    int columns;
    double width, height, scale;
    plot_panel *panels;
    size_t n_panels;
    hebb_status status;
    char message[512];
};

/* plot.c: records the first error; returns what is recorded. */
hebb_status hb_plot_fail(hebb_plot *plot, hebb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
double hb_item_x(const plot_item *item, size_t k);
/* Bars: those of a panel beside each other: how many there are, and the place of this one. */
size_t hb_bars_of(const plot_panel *panel, const plot_item *item, size_t *place);
/* The surface of a panel; NULL if there is none. */
const plot_item *hb_surface_of(const plot_panel *panel);

/* ---- plot_axis.c ---- */

typedef struct plot_axis {
    double low, high; /* of a logarithmic axis: their decimal logarithms */
    bool log;
    bool empty; /* nothing is on it */
    int n;
    double ticks[HB_MOST_TICKS]; /* in 0...1 of the axis */
    char labels[HB_MOST_TICKS][48];
} plot_axis;

/* The panel's axis, x or y, with about `wanted` ticks. */
plot_axis hb_axis_of(const plot_panel *panel, bool vertical, int wanted);
/* An axis from low to high with ticks; for color bars. */
plot_axis hb_axis_between(double low, double high, int wanted);
/* Where the value is, 0...1 if within the axis; NaN if nowhere. */
double hb_axis_place(const plot_axis *axis, double value);

/* ---- plot_color.c ---- */

typedef struct plot_color {
    double r, g, b; /* 0...1 */
} plot_color;

/* Of one entry of a legend or class; negative: gray. */
plot_color hb_class_color(int32_t class_);
/* Of lines, bars, and points without classes. */
plot_color hb_item_color(const plot_item *item);
plot_color hb_map_color(const plot_item *surface, double value);
/* The number of the nearest color among a terminal's 256. */
int hb_terminal_color(plot_color color);
/* The surface at column u and row v, which need not be whole. */
double hb_surface_at(const plot_item *surface, double u, double v);

/* ---- legends: plot_legend.c ---- */

/* What a legend says of one line, set of points, class, or set of bars. */
typedef struct legend_entry {
    const char *name;
    const plot_item *item;
    int color; /* of the palette, for marks */
    plot_color shown;
    char number[16];
} legend_entry;

/* The entries of the panel, at most `room`; how many. */
size_t hb_legend_of(const plot_panel *panel, legend_entry *entries, size_t room);
enum { HB_MOST_ENTRIES = 40 };

#endif
