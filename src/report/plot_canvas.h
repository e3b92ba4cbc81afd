/* A rectangle of characters that plots are drawn on, for plot_text.c. */
#ifndef HB_PLOT_CANVAS_H
#define HB_PLOT_CANVAS_H

#include "plot.h"

typedef struct canvas_cell {
    const char *mark;   /* UTF-8; NULL: the dots */
    unsigned char dots; /* Braille's 2 x 4 */
    short color, back;  /* of a terminal's 256; negative: its own */
} canvas_cell;

typedef struct canvas {
    int width, height;
    bool colors;  /* several curves are told apart by color, otherwise by characters */
    bool braille; /* lines are dots */
    canvas_cell *cells;
} canvas;

/* Draws the panel's surface, lines and points; x and y are its axes. */
void hb_canvas_draw(canvas *c, const plot_panel *panel, const plot_axis *x, const plot_axis *y);
/* Where a line at that place of the axis is drawn: the column; the row, from above. */
int hb_canvas_column(const canvas *c, double place);
int hb_canvas_row(const canvas *c, double place);
/* Writes one row, with what colors need. */
void hb_canvas_write_row(const canvas *c, int row, FILE *out);
/* The character for the color, where there are no colors. */
const char *hb_canvas_mark(int color);

#endif
