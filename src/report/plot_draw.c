/* What is inside of a panel's frame, drawn with cairo: lines, points, surfaces, bars. */
#include <math.h>
#include <string.h>

#include "plot_cairo.h"

static void set_color(cairo_t *cr, plot_color c, double alpha) {
    cairo_set_source_rgba(cr, c.r, c.g, c.b, alpha);
}

static double to_x(const plot_frame *f, double value) {
    return f->left + hb_axis_place(&f->x, value) * (f->right - f->left);
}

static double to_y(const plot_frame *f, double value) {
    return f->bottom - hb_axis_place(&f->y, value) * (f->bottom - f->top);
}

/* Values far outside of the frame, as numbers that cairo can take. */
static double near(double place) { return fmax(-1e5, fmin(place, 1e5)); }

/* ---- marks ---- */

/* Each ten colors have marks of their own: circles, squares, triangles, diamonds. */
static void mark_path(cairo_t *cr, int color, double x, double y, double r) {
    cairo_new_path(cr);
    switch (color < 0 ? 0 : color / HB_PALETTE % 4) {
    case 0: cairo_arc(cr, x, y, r, 0, 2 * 3.14159265358979); break;
    case 1: cairo_rectangle(cr, x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r); break;
    case 2:
        cairo_move_to(cr, x, y - 1.2 * r);
        cairo_line_to(cr, x + 1.1 * r, y + 0.8 * r);
        cairo_line_to(cr, x - 1.1 * r, y + 0.8 * r);
        break;
    default:
        cairo_move_to(cr, x, y - 1.3 * r);
        cairo_line_to(cr, x + 1.3 * r, y);
        cairo_line_to(cr, x, y + 1.3 * r);
        cairo_line_to(cr, x - 1.3 * r, y);
    }
    cairo_close_path(cr);
}

static void draw_mark(cairo_t *cr, int form, plot_color color, double x, double y, double r,
                      double edge) {
    mark_path(cr, form, x, y, r);
    set_color(cr, color, 1);
    cairo_fill_preserve(cr);
    cairo_set_line_width(cr, edge);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_stroke(cr);
}

static double radius_of(const plot_item *item) {
    if (item->size > 0) return item->size / 2;
    return item->n <= 300 ? 3 : item->n <= 2000 ? 2.2 : 1.5;
}

static void draw_points(const plot_frame *f, const plot_item *item) {
    double r = radius_of(item);
    for (size_t k = 0; k < item->n; k++) {
        double x = to_x(f, item->x[k]), y = to_y(f, item->y[k]);
        bool alike = item->classes == NULL;
        if (isnan(x) || isnan(y)) continue;
        draw_mark(f->cr, alike ? item->color : item->classes[k],
                  alike ? hb_item_color(item) : hb_class_color(item->classes[k]), near(x), near(y),
                  r, r > 2 ? 0.7 : 0.35);
    }
}

/* ---- lines ---- */

/* Values that fall on nearly the same column of the picture, of which it cannot show more than the
   first, the extremes and the last. */
typedef struct pen {
    cairo_t *cr;
    bool down;
    double x, first, least, most, last;
    size_t n;
} pen;

static void put_down(pen *p) {
    if (p->n == 0) return;
    if (p->down) cairo_line_to(p->cr, p->x, p->first);
    else cairo_move_to(p->cr, p->x, p->first);
    p->down = true;
    if (p->n > 1) {
        cairo_line_to(p->cr, p->x, p->least);
        cairo_line_to(p->cr, p->x, p->most);
    }
    cairo_line_to(p->cr, p->x, p->last); /* a single value is a dot, by the round cap */
    p->n = 0;
}

static void move_pen(pen *p, double x, double y) {
    if (p->n > 0 && fabs(x - p->x) > 0.2) put_down(p);
    if (p->n == 0) {
        p->x = x;
        p->first = p->least = p->most = y;
    }
    p->least = fmin(p->least, y);
    p->most = fmax(p->most, y);
    p->last = y;
    p->n++;
}

static void set_line(cairo_t *cr, const plot_item *item) {
    static const double short_dash[] = {5, 4}, dots[] = {1, 4}, long_dash[] = {9, 4};
    int style = ((item->shade > 0 ? 0 : item->color / HB_PALETTE) + item->dashed) % 4;
    cairo_set_line_width(cr, 1.7);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    cairo_set_dash(cr,
                   style == 2   ? dots
                   : style == 3 ? long_dash
                                : short_dash,
                   style != 0 ? 2 : 0, 0);
    set_color(cr, hb_item_color(item), 1);
}

static void draw_line(const plot_frame *f, const plot_item *item) {
    pen p = {.cr = f->cr};
    size_t drawn = 0;
    cairo_new_path(f->cr);
    for (size_t k = 0; k < item->n; k++) {
        double x = to_x(f, hb_item_x(item, k)), y = to_y(f, item->y[k]);
        if (isnan(x) || isnan(y)) {
            put_down(&p);
            p.down = false;
            continue;
        }
        move_pen(&p, near(x), near(y));
        drawn++;
    }
    put_down(&p);
    set_line(f->cr, item);
    cairo_stroke(f->cr);
    cairo_set_dash(f->cr, NULL, 0, 0);
    for (size_t k = 0; k < item->n && (item->marks || drawn == 1); k++) {
        double x = to_x(f, hb_item_x(item, k)), y = to_y(f, item->y[k]);
        if (!isnan(x) && !isnan(y))
            draw_mark(f->cr, item->color, hb_item_color(item), near(x), near(y), 3, 0.7);
    }
}

/* ---- surfaces ---- */

/* One of 4 sides of a cell, where the value of the middle is passed. */
static bool crossing(double a, double b, double level, double *t) {
    if (!isfinite(a) || !isfinite(b) || (a < level) == (b < level)) return false;
    *t = (level - a) / (b - a);
    return true;
}

typedef struct corner {
    double u, v;
} corner;

/* Where the surface has that value: marching squares, a segment or two a cell. */
static void contour_path(const plot_frame *f, const plot_item *s, double level, double cell_u,
                         double cell_v, corner origin) {
    static const int from[4][2] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}};
    for (size_t r = 0; r + 1 < s->rows; r++)
        for (size_t c = 0; c + 1 < s->columns; c++) {
            corner found[4];
            int n = 0;
            for (int side = 0; side < 4; side++) {
                const int *a = from[side], *b = from[(side + 1) % 4];
                double t, va = s->y[(r + (size_t)a[1]) * s->columns + c + (size_t)a[0]];
                double vb = s->y[(r + (size_t)b[1]) * s->columns + c + (size_t)b[0]];
                if (!crossing(va, vb, level, &t)) continue;
                found[n++] = (corner){(double)c + a[0] + t * (b[0] - a[0]),
                                      (double)r + a[1] + t * (b[1] - a[1])};
            }
            for (int k = 0; k + 1 < n; k += 2) {
                cairo_move_to(f->cr, origin.u + found[k].u * cell_u,
                              origin.v + found[k].v * cell_v);
                cairo_line_to(f->cr, origin.u + found[k + 1].u * cell_u,
                              origin.v + found[k + 1].v * cell_v);
            }
        }
}

static unsigned byte(double x) { return (unsigned)(fmax(0, fmin(x, 1)) * 255 + 0.5); }

/* The surface's colors as an image of so many pixels, the last row first. */
static cairo_surface_t *color_image(const plot_item *s, int width, int height) {
    cairo_surface_t *image = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    unsigned char *data = cairo_image_surface_get_data(image);
    int stride = cairo_image_surface_get_stride(image);
    for (int y = 0; data != NULL && y < height; y++)
        for (int x = 0; x < width; x++) {
            double u = (x + 0.5) / width * (double)s->columns - 0.5;
            double v = (height - y - 0.5) / height * (double)s->rows - 0.5;
            if (s->map != HEBB_MAP_CLASSES) {
                u = (x + 0.5) / width * (double)(s->columns - 1);
                v = (height - y - 0.5) / height * (double)(s->rows - 1);
            }
            plot_color c = hb_map_color(s, hb_surface_at(s, u, v));
            uint32_t pixel = byte(c.r) << 16 | byte(c.g) << 8 | byte(c.b);
            memcpy(data + (size_t)y * (size_t)stride + 4 * (size_t)x, &pixel, sizeof pixel);
        }
    cairo_surface_mark_dirty(image);
    return image;
}

static void draw_surface(const plot_frame *f, const plot_item *s) {
    double x0 = to_x(f, s->x_range[0]), x1 = to_x(f, s->x_range[1]);
    double y0 = to_y(f, s->y_range[0]), y1 = to_y(f, s->y_range[1]);
    if (!(x1 - x0 > 1e-3 && x1 - x0 < 1e5) || !(y0 - y1 > 1e-3 && y0 - y1 < 1e5)) return;
    int width = (int)fmax(1, ceil(x1 - x0)), height = (int)fmax(1, ceil(y0 - y1));
    cairo_surface_t *image = color_image(s, width, height);
    cairo_save(f->cr);
    cairo_translate(f->cr, x0, y1);
    cairo_scale(f->cr, (x1 - x0) / width, (y0 - y1) / height);
    cairo_set_source_surface(f->cr, image, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(f->cr), s->map == HEBB_MAP_CLASSES
                                                          ? CAIRO_FILTER_NEAREST
                                                          : CAIRO_FILTER_BILINEAR);
    cairo_pattern_set_extend(cairo_get_source(f->cr), CAIRO_EXTEND_PAD);
    cairo_rectangle(f->cr, 0, 0, width, height);
    cairo_fill(f->cr);
    cairo_restore(f->cr);
    cairo_surface_destroy(image);
    if (s->map != HEBB_MAP_DIVERGING || s->rows < 2 || s->columns < 2) return;
    cairo_new_path(f->cr);
    contour_path(f, s, s->low / 2 + s->high / 2, (x1 - x0) / (double)(s->columns - 1),
                 (y1 - y0) / (double)(s->rows - 1), (corner){x0, y0});
    cairo_set_line_cap(f->cr, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_width(f->cr, 1.1);
    cairo_set_source_rgba(f->cr, 0.25, 0.25, 0.25, 0.9);
    cairo_stroke(f->cr);
}

void hb_draw_color_bar(cairo_t *cr, const plot_item *surface, double x, double y, double width,
                       double height) {
    int steps = (int)ceil(height);
    for (int k = 0; k < steps; k++) {
        double t = (k + 0.5) / steps;
        double value = 2 * (surface->low / 2 + t * (surface->high / 2 - surface->low / 2));
        set_color(cr, hb_map_color(surface, value), 1);
        double step = height / steps, overlap = k + 1 < steps ? 0.5 : 0;
        cairo_rectangle(cr, x, y + height - (k + 1) * step - overlap, width, step + overlap);
        cairo_fill(cr);
    }
}

/* ---- bars ---- */

static void draw_bars(const plot_frame *f, const plot_item *item) {
    size_t place = 0, n = hb_bars_of(f->panel, item, &place);
    double width = 0.8 / (double)n, zero = near(to_y(f, 0));
    set_color(f->cr, hb_item_color(item), 1);
    for (size_t k = 0; k < item->n; k++) {
        double left = (double)k + 0.6 + width * (double)place, y = to_y(f, item->y[k]);
        if (isnan(y)) continue;
        double x0 = to_x(f, left), x1 = to_x(f, left + width);
        double gap = n > 1 && x1 - x0 > 4 ? 0.5 : 0;
        cairo_rectangle(f->cr, x0 + gap, fmin(near(y), zero), x1 - x0 - 2 * gap,
                        fabs(near(y) - zero));
        cairo_fill(f->cr);
    }
    cairo_move_to(f->cr, f->left, zero);
    cairo_line_to(f->cr, f->right, zero);
    cairo_set_line_width(f->cr, 0.9);
    cairo_set_source_rgb(f->cr, 0.45, 0.45, 0.45);
    cairo_stroke(f->cr);
}

/* ---- all of it ---- */

void hb_draw_items(const plot_frame *f) {
    static const item_kind order[] = {ITEM_SURFACE, ITEM_BARS, ITEM_LINE, ITEM_POINTS};
    cairo_save(f->cr);
    cairo_rectangle(f->cr, f->left - 1, f->top - 1, f->right - f->left + 2, f->bottom - f->top + 2);
    cairo_clip(f->cr);
    for (size_t pass = 0; pass < sizeof order / sizeof *order; pass++)
        for (size_t k = 0; k < f->panel->n_items; k++) {
            const plot_item *item = &f->panel->items[k];
            if (item->kind != order[pass]) continue;
            switch (item->kind) {
            case ITEM_SURFACE: draw_surface(f, item); break;
            case ITEM_BARS: draw_bars(f, item); break;
            case ITEM_LINE: draw_line(f, item); break;
            case ITEM_POINTS: draw_points(f, item); break;
            }
        }
    cairo_restore(f->cr);
}

void hb_draw_sample(const plot_frame *f, const legend_entry *entry, double x, double y) {
    const plot_item *item = entry->item;
    if (item->kind == ITEM_BARS) {
        set_color(f->cr, entry->shown, 1);
        cairo_rectangle(f->cr, x + 4, y - 4.5, 12, 9);
        cairo_fill(f->cr);
        return;
    }
    if (item->kind == ITEM_LINE) {
        set_line(f->cr, item);
        cairo_move_to(f->cr, x + 1, y);
        cairo_line_to(f->cr, x + 19, y);
        cairo_stroke(f->cr);
        cairo_set_dash(f->cr, NULL, 0, 0);
    }
    if (item->kind == ITEM_POINTS || item->marks)
        draw_mark(f->cr, entry->color, entry->shown, x + 10, y, 3.4, 0.7);
}
