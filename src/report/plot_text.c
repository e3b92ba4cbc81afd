/* Plots as text: the panels one below another, with axes and legends of characters. */
#define _DEFAULT_SOURCE
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "plot_canvas.h"

enum { LEAST_WIDTH = 30, USUAL_WIDTH = 80, LEAST_HEIGHT = 4, MOST_SIZE = 1000 };

typedef struct printer {
    FILE *out;
    int width; /* of a line */
    int height;
    bool colors;
} printer;

/* ---- texts ---- */

/* Characters, of which UTF-8 has several bytes. */
static int length_of(const char *text) {
    int n = 0;
    for (; *text != '\0'; text++) n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* At most `most` characters of it. */
static void write_text(const char *text, int most, FILE *out) {
    int n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xc0) != 0x80;
        if (n > most) return;
        fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
    }
}

static void write_spaces(int n, FILE *out) { fprintf(out, "%*s", n > 0 ? n : 0, ""); }

/* In the middle of `width` characters that begin at column `from`. */
static void write_centered(const char *text, int from, int width, FILE *out) {
    if (text == NULL) return;
    int n = length_of(text);
    write_spaces(n < width ? from + (width - n) / 2 : from, out);
    write_text(text, width, out);
    fputc('\n', out);
}

/* ---- axes ---- */

static int label_width(const plot_axis *axis) {
    int widest = 1;
    for (int k = 0; k < axis->n; k++)
        if (length_of(axis->labels[k]) > widest) widest = length_of(axis->labels[k]);
    return widest;
}

/* The tick that stands in the row or column; negative if none does. */
static int tick_at(const canvas *c, const plot_axis *axis, bool vertical, int cell) {
    for (int k = 0; k < axis->n; k++) {
        double place = axis->ticks[k];
        if ((vertical ? hb_canvas_row(c, place) : hb_canvas_column(c, place)) == cell) return k;
    }
    return -1;
}

static void write_x_axis(const canvas *c, const plot_axis *x, int from, FILE *out) {
    int width = c->width;
    write_spaces(from - 1, out);
    fputs("└", out);
    for (int k = 0; k < width; k++) fputs(tick_at(c, x, false, k) >= 0 ? "┬" : "─", out);
    fputc('\n', out);
    if (x->n == 0) return;
    int column = 0;
    for (int k = 0; k < x->n; k++) {
        int length = length_of(x->labels[k]);
        int at = from + hb_canvas_column(c, x->ticks[k]) - (length - 1) / 2;
        if (at + length > from + width + 1) at = from + width + 1 - length;
        if (at < column + (column > 0)) continue; /* no room beside the one before */
        write_spaces(at - column, out);
        fputs(x->labels[k], out);
        column = at + length;
    }
    fputc('\n', out);
}

static void write_legend(const printer *p, const legend_entry *entries, size_t n, bool braille,
                         int from) {
    int column = 0;
    for (size_t k = 0; k < n; k++) {
        bool dots = braille && entries[k].item->kind == ITEM_LINE;
        int most = p->width - from - 2, length = length_of(entries[k].name);
        if (length > most) length = most;
        if (column > 0 && column + 4 + length > p->width) {
            fputc('\n', p->out);
            column = 0;
        }
        write_spaces(column == 0 ? from : 2, p->out);
        column += (column == 0 ? from : 2) + 2 + length;
        if (p->colors) fprintf(p->out, "\x1b[38;5;%dm", hb_terminal_color(entries[k].shown));
        fputs(dots ? "⠒" : hb_canvas_mark(entries[k].color), p->out);
        if (p->colors) fputs("\x1b[0m", p->out);
        fputc(' ', p->out);
        write_text(entries[k].name, length, p->out);
    }
    if (n > 0) fputc('\n', p->out);
}

/* ---- panels of curves, points and surfaces ---- */

static bool has_lines(const plot_panel *panel, size_t *lines) {
    *lines = 0;
    for (size_t k = 0; k < panel->n_items; k++) *lines += panel->items[k].kind == ITEM_LINE;
    return *lines > 0;
}

static hebb_status print_canvas(hebb_plot *plot, const printer *p, const plot_panel *panel) {
    size_t lines;
    bool square = !has_lines(panel, &lines);
    legend_entry entries[HB_MOST_ENTRIES];
    size_t n = hb_legend_of(panel, entries, HB_MOST_ENTRIES);
    canvas c = {.height = p->height > 0 ? p->height : square ? 20 : 14, .colors = p->colors};
    plot_axis y = hb_axis_of(panel, true, c.height / 4 > 2 ? c.height / 4 : 2);
    int from = label_width(&y) + 2;
    c.width = p->width - from - 1;
    if (square && c.width > 2 * c.height + 2) c.width = 2 * c.height + 2;
    if (c.width < 8) c.width = 8;
    c.braille = lines == 1 || p->colors;
    plot_axis x = hb_axis_of(panel, false, c.width / 12 > 2 ? c.width / 12 : 2);
    c.cells = calloc((size_t)c.width * (size_t)c.height, sizeof *c.cells);
    if (c.cells == NULL) return hb_plot_fail(plot, HEBB_E_MEMORY, "plot_print: out of memory");
    hb_canvas_draw(&c, panel, &x, &y);
    write_centered(panel->title, from, c.width, p->out);
    if (panel->y_label != NULL) {
        write_text(panel->y_label, p->width, p->out);
        fputc('\n', p->out);
    }
    bool nothing = hb_surface_of(panel) == NULL && (x.empty || y.empty);
    for (int row = 0; row < c.height; row++) {
        int tick = tick_at(&c, &y, true, row);
        const char *label = tick >= 0 ? y.labels[tick] : "";
        write_spaces(from - 2 - length_of(label), p->out);
        fprintf(p->out, "%s %s", label, tick >= 0 ? "┤" : "│");
        if (nothing && row == c.height / 2) fputs("  no values to show", p->out);
        else hb_canvas_write_row(&c, row, p->out);
        fputc('\n', p->out);
    }
    free(c.cells);
    write_x_axis(&c, &x, from, p->out);
    write_centered(panel->x_label, from, c.width, p->out);
    write_legend(p, entries, n, c.braille, from);
    return HEBB_OK;
}

/* ---- panels of bars ---- */

static int cell_of(double place, int cells) { return (int)floor(place * (cells - 1) + 0.5); }

static void write_bar(const printer *p, const plot_item *item, size_t k, const plot_axis *axis,
                      int width) {
    double zero = hb_axis_place(axis, 0), place = hb_axis_place(axis, item->y[k]);
    if (isnan(zero) || isnan(place)) place = zero = 0;
    int a = cell_of(fmax(0, fmin(fmin(zero, place), 1)), 8 * width + 1);
    int b = cell_of(fmax(0, fmin(fmax(zero, place), 1)), 8 * width + 1);
    static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    if (p->colors) fprintf(p->out, "\x1b[38;5;%dm", hb_terminal_color(hb_item_color(item)));
    write_spaces(a / 8, p->out);
    for (int i = a / 8; i < b / 8; i++) fputs("█", p->out);
    fputs(parts[b % 8], p->out);
    if (p->colors) fputs("\x1b[0m", p->out);
    fprintf(p->out, " %.4g\n", item->y[k]);
}

static void print_bars(const printer *p, const plot_panel *panel) {
    legend_entry entries[HB_MOST_ENTRIES];
    size_t n = hb_legend_of(panel, entries, HB_MOST_ENTRIES), most = 0;
    int from = 1;
    for (size_t k = 0; k < panel->n_items; k++) {
        const plot_item *item = &panel->items[k];
        if (item->kind == ITEM_BARS && item->n > most) most = item->n;
        for (size_t i = 0; item->kind == ITEM_BARS && i < item->n_names; i++)
            if (item->names[i] != NULL && length_of(item->names[i]) > from)
                from = length_of(item->names[i]);
    }
    if (from < 4) from = 4;
    if (from > p->width / 3) from = p->width / 3;
    plot_axis axis = hb_axis_of(panel, true, 4);
    write_centered(panel->title, from + 3, p->width - from - 16, p->out);
    for (size_t i = 0; i < most; i++) {
        bool first = true;
        for (size_t k = 0; k < panel->n_items; k++) {
            const plot_item *item = &panel->items[k];
            if (item->kind != ITEM_BARS || i >= item->n) continue;
            char number[24];
            snprintf(number, sizeof number, "%zu", i + 1);
            const char *label = i < item->n_names && item->names[i] ? item->names[i] : number;
            if (!first) label = "";
            write_spaces(from - length_of(label), p->out);
            write_text(label, from, p->out);
            fprintf(p->out, " %s ", n > 0 ? hb_canvas_mark(item->color) : "│");
            write_bar(p, item, i, &axis, p->width - from - 16);
            first = false;
        }
    }
    write_legend(p, entries, n, false, from + 1);
}

/* ---- plots ---- */

static int columns_of(FILE *out) {
    struct winsize size = {0};
    int file = fileno(out);
    if (file < 0 || ioctl(file, TIOCGWINSZ, &size) != 0 || size.ws_col < LEAST_WIDTH)
        return USUAL_WIDTH;
    return size.ws_col < USUAL_WIDTH ? size.ws_col : USUAL_WIDTH;
}

static bool wants_colors(FILE *out, hebb_plot_colors colors) {
    if (colors != HEBB_COLORS_AUTO) return colors == HEBB_COLORS_ALWAYS;
    const char *off = getenv("NO_COLOR");
    int file = fileno(out);
    return file >= 0 && isatty(file) == 1 && (off == NULL || *off == '\0');
}

static bool has_bars(const plot_panel *panel) {
    for (size_t k = 0; k < panel->n_items; k++)
        if (panel->items[k].kind == ITEM_BARS) return true;
    return false;
}

hebb_status hebb_plot_print_with(hebb_plot *plot, FILE *out, const hebb_print_options *options) {
    static const hebb_print_options defaults;
    const hebb_print_options *o = options != NULL ? options : &defaults;
    if (plot == NULL) return HEBB_E_NULL;
    if (plot->status != HEBB_OK) return plot->status;
    if (out == NULL) return hb_plot_fail(plot, HEBB_E_NULL, "plot_print: the stream is NULL");
    if ((o->width != 0 && (o->width < LEAST_WIDTH || o->width > MOST_SIZE)) ||
        (o->height != 0 && (o->height < LEAST_HEIGHT || o->height > MOST_SIZE)))
        return hb_plot_fail(plot, HEBB_E_ARGUMENT,
                            "plot_print: %d x %d characters; from %d x %d to %d are possible",
                            o->width, o->height, LEAST_WIDTH, LEAST_HEIGHT, MOST_SIZE);
    printer p = {.out = out, .height = o->height, .colors = wants_colors(out, o->colors)};
    p.width = (o->width != 0 ? o->width : columns_of(out)) - 1; /* a full line would wrap */
    write_centered(plot->title, 0, p.width, out);
    for (size_t k = 0; k < plot->n_panels; k++) {
        if (k > 0 || plot->title != NULL) fputc('\n', out);
        if (has_bars(&plot->panels[k])) print_bars(&p, &plot->panels[k]);
        else if (print_canvas(plot, &p, &plot->panels[k]) != HEBB_OK) return plot->status;
    }
    if (fflush(out) != 0 || ferror(out))
        return hb_plot_fail(plot, HEBB_E_FILE, "plot_print: the text cannot be written");
    return HEBB_OK;
}
