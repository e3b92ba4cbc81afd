/* What the files that draw with cairo share: the frame of one panel. Only plot_png.c, plot_frame.c
   and plot_draw.c include it. */
#ifndef HB_PLOT_CAIRO_H
#define HB_PLOT_CAIRO_H

#include <cairo.h>

#include "plot.h"

typedef struct plot_frame {
    cairo_t *cr;
    const plot_panel *panel;
    double left, top, right, bottom; /* of the axes, within the picture */
    plot_axis x, y;
    legend_entry legend[HB_MOST_ENTRIES];
    size_t n_legend;
} plot_frame;

typedef struct text_style {
    double size;
    bool bold;
    double gray;  /* 0: black */
    double align; /* 0: begins at x, 1: ends there */
} text_style;

/* plot_frame.c: the panel within that rectangle of the picture, with all that stands around it. */
void hb_draw_panel(cairo_t *cr, const plot_panel *panel, double x, double y, double width,
                   double height);
void hb_draw_text(cairo_t *cr, double x, double y, const char *text, text_style style);

/* plot_draw.c */
/* All items, clipped to the axes. */
void hb_draw_items(const plot_frame *frame);
/* The sample of a line or mark in a legend, 20 wide, in the middle of that line. */
void hb_draw_sample(const plot_frame *frame, const legend_entry *entry, double x, double y);
/* The colors of the surface, upright. */
void hb_draw_color_bar(cairo_t *cr, const plot_item *surface, double x, double y, double width,
                       double height);

#endif
