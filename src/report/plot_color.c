/* Colors of plots: the palette, color maps and what of them a terminal has. */
#include <math.h>

#include "plot.h"

static plot_color from_hex(unsigned hex) {
    return (plot_color){(hex >> 16) / 255.0, (hex >> 8 & 255) / 255.0, (hex & 255) / 255.0};
}

static plot_color mix(plot_color a, plot_color b, double t) {
    return (plot_color){a.r + t * (b.r - a.r), a.g + t * (b.g - a.g), a.b + t * (b.b - a.b)};
}

static const plot_color white = {1, 1, 1};

/* M. Petroff, "Accessible color sequences for data visualization", arXiv:2107.02270, table 3. */
static plot_color palette_color(int index) {
    static const unsigned colors[HB_PALETTE] = {0x3f90da, 0xffa90e, 0xbd1f01, 0x94a4a2, 0x832db6,
                                                0xa96b59, 0xe76300, 0xb9ac70, 0x717581, 0x92dadd};
    return from_hex(colors[index % HB_PALETTE]);
}

plot_color hb_class_color(int32_t class_) {
    return class_ < 0 ? from_hex(0xb0b0b0) : palette_color(class_);
}

/* Dark blue over green to yellow, even steps of lightness: a few colors of matplotlib's viridis
   (Smith and van der Walt, released under CC0), joined by straight lines. */
static plot_color sequential(double t) {
    static const unsigned colors[] = {0x440154, 0x472d7b, 0x3b528b, 0x2c728e, 0x21918c,
                                      0x28ae80, 0x5ec962, 0xaddc30, 0xfde725};
    int k = (int)fmin(t * 8, 7);
    return mix(from_hex(colors[k]), from_hex(colors[k + 1]), t * 8 - k);
}

/* The lightest yellow would be lost on white. */
plot_color hb_item_color(const plot_item *item) {
    return item->shade > 0 ? sequential(0.9 * item->shade) : palette_color(item->color);
}

plot_color hb_map_color(const plot_item *surface, double value) {
    if (isnan(value)) return from_hex(0xc8c8c8);
    if (surface->map == HEBB_MAP_CLASSES) {
        double kept = fmax(-1, fmin(value, 1e6));
        return mix(hb_class_color((int32_t)floor(kept + 0.5)), white, 0.55);
    }
    double span = surface->high / 2 - surface->low / 2;
    double t = span > 0 ? (value / 2 - surface->low / 2) / span : 0.5;
    t = fmax(0, fmin(t, 1));
    if (surface->map == HEBB_MAP_SEQUENTIAL) return sequential(t);
    if (surface->map == HEBB_MAP_GRAY) return (plot_color){t, t, t};
    return t < 0.5 ? mix(palette_color(0), white, 0.4 + 1.2 * t)
                   : mix(white, palette_color(1), 0.6 - 1.2 * (1 - t));
}

/* The 216 colors of six levels each, numbered from 16. */
int hb_terminal_color(plot_color color) {
    static const double levels[] = {0, 95, 135, 175, 215, 255};
    const double parts[] = {255 * color.r, 255 * color.g, 255 * color.b};
    int number = 0;
    for (int k = 0; k < 3; k++) {
        int best = 0;
        for (int i = 1; i < 6; i++)
            if (fabs(levels[i] - parts[k]) < fabs(levels[best] - parts[k])) best = i;
        number = 6 * number + best;
    }
    return 16 + number;
}

double hb_surface_at(const plot_item *s, double u, double v) {
    u = fmax(0, fmin(u, (double)(s->columns - 1)));
    v = fmax(0, fmin(v, (double)(s->rows - 1)));
    if (s->map == HEBB_MAP_CLASSES) {
        u = floor(u + 0.5);
        v = floor(v + 0.5);
    }
    size_t c = (size_t)u, r = (size_t)v;
    size_t right = c + 1 < s->columns ? c + 1 : c, up = r + 1 < s->rows ? r + 1 : r;
    double a = u - (double)c, b = v - (double)r;
    const double *y = s->y;
    double lower = y[r * s->columns + c], upper = y[up * s->columns + c];
    if (a > 0) {
        lower += a * (y[r * s->columns + right] - lower);
        upper += a * (y[up * s->columns + right] - upper);
    }
    return b > 0 ? lower + b * (upper - lower) : lower;
}
