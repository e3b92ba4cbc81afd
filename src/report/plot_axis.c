/* Axes of plots: what they span, where their ticks are and what is written there. Numbers as large
   and as small as a double are fine: nothing here takes a difference that could overflow. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "plot.h"

/* ---- the range ---- */

typedef struct range {
    double low, high;
    bool any;
    bool whole; /* all are whole numbers */
} range;

static void extend(range *r, double value, bool log) {
    if (!isfinite(value) || (log && value <= 0)) return;
    r->whole = (r->any ? r->whole : true) && value == floor(value);
    r->low = r->any ? fmin(r->low, value) : value;
    r->high = r->any ? fmax(r->high, value) : value;
    r->any = true;
}

static void extend_by_bars(range *r, const plot_item *item, bool vertical) {
    if (!vertical) {
        extend(r, 0.5, false);
        extend(r, (double)item->n + 0.5, false);
    } else extend(r, 0, false);
    for (size_t k = 0; vertical && k < item->n; k++) extend(r, item->y[k], false);
}

/* Of a value only where the other axis can show it too. */
static void extend_by_item(range *r, const plot_panel *panel, const plot_item *item,
                           bool vertical) {
    bool log = vertical ? panel->log_y : panel->log_x;
    bool other_log = vertical ? panel->log_x : panel->log_y;
    if (item->kind == ITEM_SURFACE) {
        const double *ends = vertical ? item->y_range : item->x_range;
        extend(r, ends[0], log);
        extend(r, ends[1], log);
        return;
    }
    if (item->kind == ITEM_BARS) {
        extend_by_bars(r, item, vertical);
        return;
    }
    for (size_t k = 0; k < item->n; k++) {
        double x = hb_item_x(item, k), other = vertical ? x : item->y[k];
        if (isfinite(other) && !(other_log && other <= 0))
            extend(r, vertical ? item->y[k] : x, log);
    }
}

/* A range that is a point, or so short that digits would not tell its ends apart, becomes longer.
 */
static void widen(double *low, double *high) {
    double most = fmax(fabs(*low), fabs(*high));
    if (*high / 2 - *low / 2 > fmax(most * 1e-10, 1e-290)) return;
    double by = most < 1e-280 ? 1 : most * 0.05;
    *low = fmax(*low - by, -DBL_MAX);
    *high = fmin(*high + by, DBL_MAX);
}

/* Room between what is drawn and the frame. */
static void pad(double *low, double *high, double share) {
    double by = (*high / 2 - *low / 2) * 2 * fmin(share, 0.25);
    if (!isfinite(by)) return;
    *low = fmax(*low - by, -DBL_MAX);
    *high = fmin(*high + by, DBL_MAX);
}

/* ---- what stands at a tick ---- */

static const char *superscript(int number, char text[32]) {
    static const char *const digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char plain[16];
    snprintf(plain, sizeof plain, "%d", number);
    text[0] = '\0';
    for (const char *c = plain; *c != '\0'; c++) strcat(text, *c == '-' ? "⁻" : digits[*c - '0']);
    return text;
}

/* With as many digits as a step between ticks needs. */
static void write_label(double value, double step, double most, char label[32]) {
    int first = most > 0 ? (int)floor(log10(most) + 1e-9) : 0;
    int last = (int)floor(log10(step) + 1e-9);
    char raised[32];
    if (fabs(value) < step * 1e-6) value = 0;
    if (value == 0) snprintf(label, 32, "0");
    else if ((first >= 5 && (first > 9 || first - last <= 4)) || first <= -4) {
        int own = (int)floor(log10(fabs(value)) + 1e-9), decimals = own - last;
        double mantissa = value / pow(10, own / 2) / pow(10, own - own / 2);
        decimals = decimals < 0 ? 0 : decimals > 11 ? 11 : decimals;
        if (decimals == 0 && fabs(fabs(mantissa) - 1) < 1e-6)
            snprintf(label, 32, "%s10%s", value < 0 ? "-" : "", superscript(own, raised));
        else snprintf(label, 32, "%.*f·10%s", decimals, mantissa, superscript(own, raised));
    } else snprintf(label, 32, "%.*f", last < 0 ? -last : 0, value);
}

/* ---- ticks ---- */

static void add_tick(plot_axis *axis, double place, const char *label) {
    if (axis->n == HB_MOST_TICKS || !(place >= -1e-9 && place <= 1 + 1e-9)) return;
    axis->ticks[axis->n] = place;
    snprintf(axis->labels[axis->n++], sizeof axis->labels[0], "%s", label);
}

/* 1, 2 or 5 times a power of ten, so that about `wanted` steps make the range. */
static double nice_step(double low, double high, int wanted) {
    double rough = high / wanted - low / wanted;
    double power = pow(10, floor(log10(rough)));
    double share = rough / power;
    return power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
}

static void add_linear_ticks(plot_axis *axis, double low, double high, int wanted, bool whole) {
    double step = nice_step(low, high, wanted), most = fmax(fabs(low), fabs(high));
    if (whole && step < 1) step = 1;
    double first = ceil(low / step - 1e-9), last = floor(high / step + 1e-9);
    for (double k = first; k <= last && axis->n < HB_MOST_TICKS; k++) {
        char label[32];
        write_label(k * step, step, most, label);
        add_tick(axis, hb_axis_place(axis, k * step), label);
    }
}

static void add_log_ticks(plot_axis *axis, int wanted) {
    static const int parts[] = {1, 2, 5};
    double decades = axis->high - axis->low;
    if (decades < 0.7) {
        add_linear_ticks(axis, pow(10, axis->low), pow(10, axis->high), wanted, false);
        return;
    }
    int every = (int)ceil(decades / (wanted + 1)), n_parts = decades < 2 ? 3 : 1;
    bool plain = axis->low >= -3.2 && axis->high <= 4.2;
    if (every < 1) every = 1;
    for (int power = (int)floor(axis->low); power <= axis->high + 1e-9; power++) {
        if (((power % every) + every) % every != 0) continue;
        for (int k = 0; k < n_parts; k++) {
            char label[48], raised[32];
            if (plain) snprintf(label, sizeof label, "%g", parts[k] * pow(10, power));
            else if (parts[k] == 1)
                snprintf(label, sizeof label, "10%s", superscript(power, raised));
            else snprintf(label, sizeof label, "%d·10%s", parts[k], superscript(power, raised));
            add_tick(axis, (power + log10(parts[k]) - axis->low) / decades, label);
        }
    }
}

/* ---- axes ---- */

double hb_axis_place(const plot_axis *axis, double value) {
    if (!isfinite(value) || (axis->log && value <= 0)) return NAN;
    if (axis->log) value = log10(value);
    return (value / 2 - axis->low / 2) / (axis->high / 2 - axis->low / 2);
}

static bool has_bars(const plot_panel *panel) {
    size_t place;
    return hb_bars_of(panel, NULL, &place) > 0;
}

plot_axis hb_axis_of(const plot_panel *panel, bool vertical, int wanted) {
    const double *given = vertical ? panel->y : panel->x;
    bool bars = has_bars(panel), filled = hb_surface_of(panel) != NULL;
    plot_axis axis = {.log = (vertical ? panel->log_y : panel->log_x) && !bars};
    range r = {0};
    for (size_t k = 0; k < panel->n_items; k++)
        extend_by_item(&r, panel, &panel->items[k], vertical);
    axis.empty = !r.any;
    if (!r.any) r.low = axis.log ? 1 : 0, r.high = axis.log ? 10 : 1;
    bool fixed = given[0] != given[1];
    axis.low = fixed ? given[0] : r.low;
    axis.high = fixed ? given[1] : r.high;
    if (axis.log) {
        axis.low = log10(axis.low);
        axis.high = log10(axis.high);
    }
    if (axis.log && axis.high - axis.low < 1e-9) axis.low -= 0.5, axis.high += 0.5;
    if (!axis.log) widen(&axis.low, &axis.high);
    bool from_zero = bars && vertical;
    double low = axis.low, high = axis.high;
    if (!fixed && !filled && !(bars && !vertical)) pad(&axis.low, &axis.high, 0.04);
    if (from_zero && !fixed && low == 0) axis.low = low;
    if (from_zero && !fixed && high == 0) axis.high = high;
    if (axis.log) add_log_ticks(&axis, wanted);
    else if (!(bars && !vertical))
        add_linear_ticks(&axis, axis.low, axis.high, wanted, r.any && r.whole && !vertical);
    return axis;
}

plot_axis hb_axis_between(double low, double high, int wanted) {
    plot_axis axis = {.low = low, .high = high};
    widen(&axis.low, &axis.high);
    add_linear_ticks(&axis, axis.low, axis.high, wanted, false);
    return axis;
}
