/* What stands around a panel of a plot, drawn with cairo: title, legend, axes, labels, color bar.
 */
#include <math.h>
#include <string.h>

#include "plot_cairo.h"

static const text_style TITLE = {13.5, true, 0.1, 0.5}, LABEL = {11.5, false, 0.15, 0.5},
                        TICK = {10.5, false, 0.3, 0.5}, LEGEND = {10.5, false, 0.15, 0};
enum { LINE_HEIGHT = 16, SAMPLE = 26 /* of a legend, with the space behind it */, GAP = 14 };

static void set_font(cairo_t *cr, text_style style) {
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           style.bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, style.size);
}

static double text_width(cairo_t *cr, const char *text, text_style style) {
    cairo_text_extents_t extents;
    set_font(cr, style);
    cairo_text_extents(cr, text, &extents);
    return extents.x_advance;
}

void hb_draw_text(cairo_t *cr, double x, double y, const char *text, text_style style) {
    double width = text_width(cr, text, style);
    cairo_set_source_rgb(cr, style.gray, style.gray, style.gray);
    cairo_move_to(cr, x - style.align * width, y);
    cairo_show_text(cr, text);
}

/* The text, with its right end at x, y, rising towards it if `angle` is positive. */
static void draw_turned(cairo_t *cr, double x, double y, const char *text, text_style style,
                        double angle) {
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_rotate(cr, -angle);
    hb_draw_text(cr, 0, 0, text, style);
    cairo_restore(cr);
}

/* ---- legends ---- */

typedef struct legend_layout {
    bool aside;   /* a column at the right; otherwise rows above the axes */
    double width; /* of the column */
    size_t rows;
} legend_layout;

static double entry_width(const plot_frame *f, size_t k) {
    return SAMPLE + text_width(f->cr, f->legend[k].name, LEGEND) + GAP;
}

/* Draws rows above the axes, or only counts them. */
static size_t legend_rows(const plot_frame *f, double left, double right, double y, bool draw) {
    size_t rows = f->n_legend > 0;
    double x = left;
    for (size_t k = 0; k < f->n_legend; k++) {
        double width = entry_width(f, k);
        if (x > left && x + width - GAP > right) {
            x = left;
            rows++;
        }
        if (draw) {
            double middle = y + ((double)rows - 0.5) * LINE_HEIGHT;
            hb_draw_sample(f, &f->legend[k], x, middle);
            hb_draw_text(f->cr, x + SAMPLE, middle + 3.8, f->legend[k].name, LEGEND);
        }
        x += width;
    }
    return rows;
}

/* As many entries as there is room for, closer to each other if they are many. */
static void legend_column(const plot_frame *f, double x) {
    double room = f->bottom - f->top + 12, height = fmin(LINE_HEIGHT, room / (double)f->n_legend);
    height = fmax(height, 9.5);
    text_style style = LEGEND;
    style.size = fmin(style.size, height - 1);
    size_t most = (size_t)(room / height), n = f->n_legend <= most ? f->n_legend : most - 1;
    for (size_t k = 0; k < n; k++) {
        double y = f->top + height / 2 + (double)k * height;
        hb_draw_sample(f, &f->legend[k], x, y);
        hb_draw_text(f->cr, x + SAMPLE, y + 0.36 * style.size, f->legend[k].name, style);
    }
    if (n == f->n_legend) return;
    char more[32];
    snprintf(more, sizeof more, "and %zu more", f->n_legend - n);
    hb_draw_text(f->cr, x + SAMPLE, f->top + ((double)n + 0.86) * height, more, style);
}

static legend_layout lay_out_legend(const plot_frame *f, double left, double right) {
    legend_layout layout = {.rows = legend_rows(f, left, right, 0, false)};
    if (layout.rows <= 2) return layout;
    for (size_t k = 0; k < f->n_legend; k++)
        layout.width = fmax(layout.width, entry_width(f, k) - GAP);
    layout.aside = layout.width < 0.4 * (right - left);
    return layout;
}

/* ---- axes ---- */

static void draw_grid(const plot_frame *f) {
    cairo_set_line_width(f->cr, 0.7);
    cairo_set_source_rgb(f->cr, 0.91, 0.91, 0.91);
    for (int k = 0; k < f->x.n; k++) {
        double x = f->left + f->x.ticks[k] * (f->right - f->left);
        cairo_move_to(f->cr, x, f->top);
        cairo_line_to(f->cr, x, f->bottom);
    }
    for (int k = 0; k < f->y.n; k++) {
        double y = f->bottom - f->y.ticks[k] * (f->bottom - f->top);
        cairo_move_to(f->cr, f->left, y);
        cairo_line_to(f->cr, f->right, y);
    }
    cairo_stroke(f->cr);
}

static void draw_spines(const plot_frame *f) {
    bool around = hb_surface_of(f->panel) != NULL;
    cairo_set_line_width(f->cr, 0.9);
    cairo_set_line_cap(f->cr, CAIRO_LINE_CAP_SQUARE);
    cairo_set_source_rgb(f->cr, 0.45, 0.45, 0.45);
    if (around) cairo_rectangle(f->cr, f->left, f->top, f->right - f->left, f->bottom - f->top);
    else {
        cairo_move_to(f->cr, f->left, f->top);
        cairo_line_to(f->cr, f->left, f->bottom);
        cairo_line_to(f->cr, f->right, f->bottom);
    }
    cairo_stroke(f->cr);
}

/* Small marks at 2, 3, ..., 9 times each power of ten make a logarithmic axis known as one. */
static void log_marks(const plot_frame *f, bool vertical) {
    const plot_axis *axis = vertical ? &f->y : &f->x;
    if (!axis->log || axis->high - axis->low > 8) return;
    for (int power = (int)floor(axis->low); power <= axis->high; power++)
        for (int k = 2; k < 10; k++) {
            double t = (power + log10(k) - axis->low) / (axis->high - axis->low);
            if (t < 0 || t > 1) continue;
            double x = vertical ? f->left : f->left + t * (f->right - f->left);
            double y = vertical ? f->bottom - t * (f->bottom - f->top) : f->bottom;
            cairo_move_to(f->cr, x, y);
            cairo_line_to(f->cr, vertical ? x - 2.5 : x, vertical ? y : y + 2.5);
        }
    cairo_set_line_width(f->cr, 0.7);
    cairo_set_source_rgb(f->cr, 0.45, 0.45, 0.45);
    cairo_stroke(f->cr);
}

static void draw_ticks(const plot_frame *f) {
    text_style right = TICK;
    right.align = 1;
    for (int k = 0; k < f->x.n; k++)
        hb_draw_text(f->cr, f->left + f->x.ticks[k] * (f->right - f->left), f->bottom + 15,
                     f->x.labels[k], TICK);
    for (int k = 0; k < f->y.n; k++)
        hb_draw_text(f->cr, f->left - 7, f->bottom - f->y.ticks[k] * (f->bottom - f->top) + 3.8,
                     f->y.labels[k], right);
    log_marks(f, false);
    log_marks(f, true);
}

/* ---- bars' labels ---- */

/* The bars with the most labels; NULL if there are no bars. */
static const plot_item *labelled(const plot_panel *panel) {
    const plot_item *most = NULL;
    for (size_t k = 0; k < panel->n_items; k++) {
        const plot_item *item = &panel->items[k];
        if (item->kind == ITEM_BARS && (most == NULL || item->n > most->n)) most = item;
    }
    return most;
}

static const char *bar_label(const plot_item *item, size_t k, char number[24]) {
    if (k < item->n_names && item->names[k] != NULL) return item->names[k];
    snprintf(number, 24, "%zu", k + 1);
    return number;
}

/* The height that the labels take under the axis; *turned if they have no room side by side. */
static double bar_labels_height(const plot_frame *f, double room, bool *turned) {
    const plot_item *item = labelled(f->panel);
    char number[24];
    double widest = 0;
    for (size_t k = 0; item != NULL && k < item->n; k++)
        widest = fmax(widest, text_width(f->cr, bar_label(item, k, number), TICK));
    *turned = item != NULL && widest + 6 > room / (double)item->n;
    return *turned ? fmin(8 + 0.7 * widest, 90) : 0;
}

static void draw_bar_labels(const plot_frame *f, bool turned) {
    const plot_item *item = labelled(f->panel);
    char number[24];
    size_t every = item == NULL ? 1 : 1 + (size_t)((double)item->n * 12 / (f->right - f->left));
    for (size_t k = 0; item != NULL && k < item->n; k += every) {
        double x = f->left + hb_axis_place(&f->x, (double)k + 1) * (f->right - f->left);
        text_style style = TICK;
        style.align = turned ? 1 : 0.5;
        const char *label = bar_label(item, k, number);
        if (turned) draw_turned(f->cr, x + 4, f->bottom + 13, label, style, 0.75);
        else hb_draw_text(f->cr, x, f->bottom + 15, label, style);
    }
}

/* ---- color bars ---- */

static double widest_label(cairo_t *cr, const plot_axis *axis) {
    double widest = 0;
    for (int k = 0; k < axis->n; k++) widest = fmax(widest, text_width(cr, axis->labels[k], TICK));
    return widest;
}

static void draw_color_bar(const plot_frame *f, const plot_item *surface, const plot_axis *axis,
                           double x) {
    double height = f->bottom - f->top;
    text_style style = TICK;
    style.align = 0;
    hb_draw_color_bar(f->cr, surface, x, f->top, 11, height);
    cairo_set_line_width(f->cr, 0.7);
    cairo_set_source_rgb(f->cr, 0.45, 0.45, 0.45);
    cairo_rectangle(f->cr, x, f->top, 11, height);
    cairo_stroke(f->cr);
    for (int k = 0; k < axis->n; k++)
        hb_draw_text(f->cr, x + 16, f->bottom - axis->ticks[k] * height + 3.8, axis->labels[k],
                     style);
}

/* ---- a panel ---- */

/* What the rectangle leaves for the axes once everything around them has its room. */
typedef struct margins {
    legend_layout legend;
    double title, bar_labels, bar, bar_width;
    bool turned;
    plot_axis colors;
} margins;

static margins lay_out(plot_frame *f, double x, double y, double width, double height) {
    const plot_panel *p = f->panel;
    const plot_item *surface = hb_surface_of(p);
    margins m = {.title = p->title != NULL ? 22 : 0};
    f->y = hb_axis_of(p, true, (int)fmax(2, height / 50));
    f->left = x + 14 + widest_label(f->cr, &f->y) + (p->y_label != NULL ? 18 : 0);
    f->right = x + width - 16;
    if (surface != NULL && surface->bar) {
        m.colors = hb_axis_between(surface->low, surface->high, (int)fmax(2, height / 60));
        m.bar_width = 28 + widest_label(f->cr, &m.colors);
        f->right -= m.bar_width;
    }
    m.legend = lay_out_legend(f, f->left, f->right);
    if (m.legend.aside) f->right -= m.legend.width + 8;
    f->top = y + 10 + m.title + (m.legend.aside ? 0 : (double)m.legend.rows * LINE_HEIGHT + 4);
    m.bar_labels = bar_labels_height(f, f->right - f->left, &m.turned);
    f->bottom = y + height - 28 - m.bar_labels - (p->x_label != NULL ? 16 : 0);
    f->right = fmax(f->right, f->left + 10);
    f->bottom = fmax(f->bottom, f->top + 10);
    f->x = hb_axis_of(p, false, (int)fmax(2, (f->right - f->left) / 65));
    return m;
}

static bool nothing_to_see(const plot_frame *f) {
    return hb_surface_of(f->panel) == NULL && (f->x.empty || f->y.empty);
}

void hb_draw_panel(cairo_t *cr, const plot_panel *panel, double x, double y, double width,
                   double height) {
    plot_frame f = {.cr = cr, .panel = panel};
    f.n_legend = hb_legend_of(panel, f.legend, HB_MOST_ENTRIES);
    margins m = lay_out(&f, x, y, width, height);
    const plot_item *surface = hb_surface_of(panel);
    double middle = (f.left + f.right) / 2;
    if (surface == NULL) draw_grid(&f);
    hb_draw_items(&f);
    draw_spines(&f);
    draw_ticks(&f);
    draw_bar_labels(&f, m.turned);
    if (panel->title != NULL) hb_draw_text(cr, middle, y + 22, panel->title, TITLE);
    if (panel->x_label != NULL) hb_draw_text(cr, middle, y + height - 9, panel->x_label, LABEL);
    if (panel->y_label != NULL)
        draw_turned(cr, x + 16, (f.top + f.bottom) / 2, panel->y_label, LABEL, 1.5707963267949);
    if (m.legend.aside) legend_column(&f, f.right + m.bar_width + 8);
    else legend_rows(&f, f.left, f.right, y + 10 + m.title, true);
    if (surface != NULL && surface->bar) draw_color_bar(&f, surface, &m.colors, f.right + 10);
    if (nothing_to_see(&f)) {
        text_style style = LABEL;
        style.gray = 0.55;
        hb_draw_text(cr, middle, (f.top + f.bottom) / 2, "no values to show", style);
    }
}
