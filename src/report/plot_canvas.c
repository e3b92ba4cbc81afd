/* Draws curves, points and surfaces with characters: lines as Braille's dots, two by four to a
   character, surfaces as shades, points as letters. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plot_canvas.h"

const char *hb_canvas_mark(int color) {
    static const char *const marks[] = {"o", "x", "+", "*", "#", "@", "%", "&", "=", "~"};
    return color < 0 ? "." : marks[color % (int)(sizeof marks / sizeof *marks)];
}

static short terminal_color(const canvas *c, const plot_item *item) {
    return c->colors ? (short)hb_terminal_color(hb_item_color(item)) : -1;
}

/* ---- dots and marks ---- */

/* Cells a line can tell apart in a character's width and height. */
static int across(const canvas *c) { return c->braille ? 2 : 1; }
static int down(const canvas *c) { return c->braille ? 4 : 1; }

int hb_canvas_column(const canvas *c, double place) {
    return (int)floor(place * (c->width * across(c) - 1) + 0.5) / across(c);
}

int hb_canvas_row(const canvas *c, double place) {
    return (int)floor((1 - place) * (c->height * down(c) - 1) + 0.5) / down(c);
}

static void put(canvas *c, int column, int row, const plot_item *item) {
    static const unsigned char bits[4][2] = {
        {0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    int x = column / across(c), y = row / down(c);
    if (column < 0 || row < 0 || x >= c->width || y >= c->height) return;
    canvas_cell *cell = &c->cells[y * c->width + x];
    cell->color = terminal_color(c, item);
    if (c->braille) {
        cell->mark = NULL;
        cell->dots |= bits[row % 4][column % 2];
    } else cell->mark = hb_canvas_mark(item->color);
}

typedef struct place {
    double x, y; /* 0...1 of the axes */
} place;

/* Shortens the piece t0...t1 of a line that runs from `from` by `by` to what lies in 0...1. */
static bool clip(double from, double by, double *t0, double *t1) {
    if (by == 0) return from >= 0 && from <= 1;
    double a = -from / by, b = (1 - from) / by;
    *t0 = fmax(*t0, fmin(a, b));
    *t1 = fmin(*t1, fmax(a, b));
    return *t0 <= *t1;
}

static void draw_segment(canvas *c, place a, place b, const plot_item *item) {
    double t0 = 0, t1 = 1, dx = b.x - a.x, dy = b.y - a.y;
    if (!clip(a.x, dx, &t0, &t1) || !clip(a.y, dy, &t0, &t1)) return;
    double w = c->width * across(c) - 1, h = c->height * down(c) - 1;
    double steps = ceil(fmax(fabs(dx) * w, fabs(dy) * h) * (t1 - t0));
    if (!(steps >= 1)) steps = 1;
    for (double k = 0; k <= steps; k++) {
        double t = t0 + (t1 - t0) * k / steps;
        put(c, (int)floor((a.x + t * dx) * w + 0.5), (int)floor((1 - a.y - t * dy) * h + 0.5),
            item);
    }
}

/* A character of its own, where a dot would be lost. */
static void put_mark(canvas *c, place at, int color, short terminal) {
    if (!(at.x >= 0 && at.x <= 1 && at.y >= 0 && at.y <= 1)) return;
    int column = hb_canvas_column(c, at.x), row = hb_canvas_row(c, at.y);
    canvas_cell *cell = &c->cells[row * c->width + column];
    cell->mark = hb_canvas_mark(color);
    cell->color = terminal;
}

static void draw_line(canvas *c, const plot_item *item, const plot_axis *x, const plot_axis *y) {
    place last = {NAN, NAN}, only = last;
    size_t drawn = 0;
    for (size_t k = 0; k < item->n; k++) {
        place now = {hb_axis_place(x, hb_item_x(item, k)), hb_axis_place(y, item->y[k])};
        bool here = !isnan(now.x) && !isnan(now.y);
        bool joined = here && !isnan(last.x) && !isnan(last.y);
        if (here) draw_segment(c, joined ? last : now, now, item);
        if (here) only = now;
        drawn += here;
        last = now;
    }
    if (drawn == 1) put_mark(c, only, item->color, terminal_color(c, item));
}

/* Darker where a surface may have the class's own color. */
static short point_color(const canvas *c, int color, bool on_surface) {
    plot_color class_ = hb_class_color(color);
    double by = on_surface ? 0.55 : 1;
    if (!c->colors) return -1;
    return (short)hb_terminal_color((plot_color){by * class_.r, by * class_.g, by * class_.b});
}

static void draw_points(canvas *c, const plot_item *item, const plot_axis *x, const plot_axis *y,
                        bool on_surface) {
    for (size_t k = 0; k < item->n; k++) {
        place at = {hb_axis_place(x, item->x[k]), hb_axis_place(y, item->y[k])};
        int color = item->classes != NULL ? item->classes[k] : item->color;
        put_mark(c, at, color, point_color(c, color, on_surface));
    }
}

/* ---- surfaces ---- */

static const char *shade(const plot_item *s, double value) {
    static const char *const shades[] = {" ", "░", "▒", "▓", "█"};
    if (isnan(value)) return "?";
    if (s->map == HEBB_MAP_CLASSES) {
        double number = floor(fmax(0, fmin(value, 1e6)) + 0.5);
        return shades[(int)number % 5];
    }
    double span = s->high / 2 - s->low / 2;
    double t = span > 0 ? (value / 2 - s->low / 2) / span : 0.5;
    return shades[(int)fmax(0, fmin(t * 5, 4))];
}

/* In colors, a character is two cells high: its upper half is the color of its lines. */
static void draw_surface(canvas *c, const plot_item *s, const plot_axis *x, const plot_axis *y) {
    double u0 = hb_axis_place(x, s->x_range[0]), u1 = hb_axis_place(x, s->x_range[1]);
    double v0 = hb_axis_place(y, s->y_range[0]), v1 = hb_axis_place(y, s->y_range[1]);
    if (!(u1 > u0) || !(v1 > v0)) return;
    int halves = c->colors ? 2 : 1;
    for (int k = 0; k < c->height * halves * c->width; k++) {
        int column = k % c->width, row = k / c->width;
        double u = (column / (double)(c->width > 1 ? c->width - 1 : 1) - u0) / (u1 - u0);
        double v = (1 - row / (double)(c->height * halves - 1) - v0) / (v1 - v0);
        if (u < -1e-9 || u > 1 + 1e-9 || v < -1e-9 || v > 1 + 1e-9) continue;
        double value = hb_surface_at(s, u * (double)(s->columns - 1), v * (double)(s->rows - 1));
        canvas_cell *cell = &c->cells[row / halves * c->width + column];
        if (!c->colors) {
            cell->mark = shade(s, value);
            continue;
        }
        short color = (short)hb_terminal_color(hb_map_color(s, value));
        cell->mark = "▀";
        if (row % 2 == 0) cell->color = color;
        else cell->back = color;
    }
}

/* ---- all of it ---- */

void hb_canvas_draw(canvas *c, const plot_panel *panel, const plot_axis *x, const plot_axis *y) {
    for (int k = 0; k < c->width * c->height; k++)
        c->cells[k] = (canvas_cell){.color = -1, .back = -1};
    const plot_item *surface = hb_surface_of(panel);
    if (surface != NULL) draw_surface(c, surface, x, y);
    for (int pass = 0; pass < 2; pass++)
        for (size_t k = 0; k < panel->n_items; k++) {
            const plot_item *item = &panel->items[k];
            if (pass == 0 && item->kind == ITEM_LINE) draw_line(c, item, x, y);
            if (pass == 1 && item->kind == ITEM_POINTS) draw_points(c, item, x, y, surface != NULL);
        }
}

static void set_colors(int color, int back, FILE *out) {
    fputs("\x1b[0", out);
    if (color >= 0) fprintf(out, ";38;5;%d", color);
    if (back >= 0) fprintf(out, ";48;5;%d", back);
    fputc('m', out);
}

void hb_canvas_write_row(const canvas *c, int row, FILE *out) {
    const canvas_cell *cells = c->cells + row * c->width;
    int end = c->width, color = -1, back = -1;
    while (end > 0 && cells[end - 1].dots == 0 && cells[end - 1].back < 0 &&
           (cells[end - 1].mark == NULL || cells[end - 1].mark[0] == ' '))
        end--;
    for (int k = 0; k < end; k++) {
        const canvas_cell *cell = &cells[k];
        if (c->colors && (cell->color != color || cell->back != back))
            set_colors(color = cell->color, back = cell->back, out);
        if (cell->mark != NULL) fputs(cell->mark, out);
        else if (cell->dots == 0) fputc(' ', out);
        else fprintf(out, "\xe2%c%c", 0xa0 | cell->dots >> 6, 0x80 | (cell->dots & 0x3f));
    }
    if (color >= 0 || back >= 0) fputs("\x1b[0m", out);
}
