/* Finds products of matrices of which much is zero, or not wanted, beyond some diagonal: attention
   that is causal or has a window multiplies by weights that are zero above the diagonal, and makes
   scores that are masked there. Called by plan.c after simplify.c; backends may leave that work
   out.

   Two passes over the nodes, about the last two axes of each, rows i and columns j. Forward: where
   a value is settled, that is some constant outside of a band of diagonals. It begins at
   comparisons of places ("j <= i") and goes on through masks, select, softmax and elementwise
   arithmetic. Backward: where a value is wanted: not where a mask replaces it, nor where all that
   is done with it is to multiply it by zero.

   This takes it that what is multiplied by zero is finite. A row of NaN or infinite scores makes
   NaN of fewer elements than it would otherwise, and scores as low as the number that masks them
   are masked. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ir.h"

/* Masked scores are as low as that, or lower; beside others their exponential is 0. */
#define LOW (-1e9)

enum { FEWEST_ROWS = 32 }; /* of matrices that are worth it, and columns */
#define MOST_SHARE 0.9     /* of their elements */

/* Outside of the band the value is `outside`; LOW and less is as good as -infinity. Constants have
   an empty band. The truths inside of the band of a comparison are the others: `exact`. */
typedef struct settled {
    bool known;
    double outside;
    hb_band band;
    bool exact;
} settled;

/* An integer that is c + row i + column j, or its absolute value; of a node of any rank as a flat
   list, c + column (number of the element). */
typedef struct place {
    bool known, flat, absolute;
    int64_t c, row, column;
} place;

typedef struct finder {
    hb_ir *ir;
    settled *settled;
    place *place;
    hb_band *wanted;
} finder;

static const hb_band all = {-HB_BAND_FAR, HB_BAND_FAR}, none = {1, 0};

static const ir_node *get(const finder *f, int node) { return &f->ir->nodes[node]; }

/* ---- bands ---- */

static bool is_none(hb_band a) { return a.low > a.high; }

static hb_band within_both(hb_band a, hb_band b) {
    return (hb_band){hb_max(a.low, b.low), hb_min(a.high, b.high)};
}

static hb_band around_both(hb_band a, hb_band b) {
    if (is_none(a)) return b;
    if (is_none(b)) return a;
    return (hb_band){hb_min(a.low, b.low), hb_max(a.high, b.high)};
}

static hb_band turned(hb_band a) { return is_none(a) ? a : (hb_band){-a.high, -a.low}; }

/* Whether the view has the input's matrices (or, `turned`, transposed ones), each row and column in
   its place, perhaps several times. */
static bool keeps_matrices(const finder *f, int node, bool *is_turned) {
    const ir_node *n = get(f, node);
    const hebb_shape from = get(f, n->in[0])->shape, to = n->shape;
    if (from.rank < 2 || to.rank < 2) return false;
    const int64_t rows = from.dim[from.rank - 2], columns = from.dim[from.rank - 1];
    const int64_t *dim = to.dim + to.rank - 2, *stride = n->stride + to.rank - 2;
    const bool straight = dim[0] == rows && dim[1] == columns;
    const bool across = dim[0] == columns && dim[1] == rows;
    if (rows < 2 || columns < 2 || n->offset % (rows * columns) != 0) return false;
    for (int k = 0; k < to.rank - 2; k++)
        if (to.dim[k] > 1 && n->stride[k] % (rows * columns) != 0) return false;
    *is_turned = !(straight && stride[0] == columns && stride[1] == 1);
    return !*is_turned || (across && stride[0] == 1 && stride[1] == columns);
}

/* ---- places ---- */

static bool is_integer(hebb_dtype dtype) { return dtype == HEBB_I32 || dtype == HEBB_I64; }

static place place_of_view(const finder *f, int node) {
    const ir_node *n = get(f, node);
    const place x = f->place[n->in[0]], unknown = {0};
    const int rank = n->shape.rank;
    bool across;
    if (!x.known || rank < 2) return unknown;
    if (!x.flat) {
        if (!keeps_matrices(f, node, &across)) return unknown;
        place y = x;
        if (across) y.row = x.column;
        if (across) y.column = x.row;
        return y;
    }
    for (int k = 0; k < rank - 2; k++)
        if (n->shape.dim[k] > 1 && n->stride[k] != 0) return unknown;
    return (place){.known = true,
                   .c = x.c + x.column * n->offset,
                   .row = x.column * n->stride[rank - 2],
                   .column = x.column * n->stride[rank - 1]};
}

static place sum_of(place x, place y, int64_t sign) {
    const bool constant = y.row == 0 && y.column == 0, other = x.row == 0 && x.column == 0;
    if (!x.known || !y.known || x.absolute || y.absolute) return (place){0};
    if (x.flat != y.flat && !constant && !other) return (place){0};
    return (place){.known = true,
                   .flat = constant ? x.flat : y.flat,
                   .c = x.c + sign * y.c,
                   .row = x.row + sign * y.row,
                   .column = x.column + sign * y.column};
}

static place place_of_scalar(const finder *f, const ir_node *n) {
    const place unknown = {0}, x = n->n_in > 0 ? f->place[n->in[0]] : unknown;
    switch (n->code) {
    case HB_CAST: return x;
    case HB_ADD: return sum_of(x, f->place[n->in[1]], 1);
    case HB_SUB: return sum_of(x, f->place[n->in[1]], -1);
    case HB_ABS:
        if (!x.known) return unknown;
        return (place){.known = true, .flat = x.flat, .absolute = true, x.c, x.row, x.column};
    default: return unknown;
    }
}

static place place_of(const finder *f, int node) {
    const ir_node *n = get(f, node);
    if (!is_integer(n->dtype)) return (place){0};
    switch (n->kind) {
    case IR_INDEX: return (place){.known = true, .flat = true, .column = 1};
    case IR_FULL: return (place){.known = llabs(n->imm.i) < HB_BAND_FAR, .c = n->imm.i};
    case IR_VIEW: return place_of_view(f, node);
    case IR_SCALAR: return place_of_scalar(f, n);
    default: return (place){0};
    }
}

/* ---- what is settled: masks ---- */

/* Where a + `strict` <= b for places, if they are a number and c + f (j - i), f 1 or -1, or the
   absolute value of that. */
static settled where_at_most(place a, place b, int64_t strict) {
    const settled unknown = {0};
    if (!a.known || !b.known || a.flat || b.flat || b.absolute) return unknown;
    if (a.absolute && (b.row != 0 || b.column != 0)) return unknown;
    const int64_t f = a.column - b.column;
    if (a.row - b.row != -f || (f != 1 && f != -1)) return unknown;
    hb_band band = all;
    if (a.absolute) {
        const int64_t most = b.c - strict;
        band = (hb_band){-most - f * a.c, most - f * a.c};
    } else if (f == 1) band.high = b.c - a.c - strict;
    else band.low = a.c - b.c + strict;
    return (settled){.known = true, .outside = 0, .band = band, .exact = true};
}

/* The same truths with `outside` outside, if that can be said: all on one side of a diagonal. */
static settled seen_from(settled x, double outside) {
    if (!x.known || x.outside == outside) return x;
    const bool below = x.band.low <= -HB_BAND_FAR, above = x.band.high >= HB_BAND_FAR;
    if (!x.exact || below == above) return (settled){0};
    x.outside = outside;
    x.band =
        below ? (hb_band){x.band.high + 1, HB_BAND_FAR} : (hb_band){-HB_BAND_FAR, x.band.low - 1};
    return x;
}

static settled settled_comparison(const finder *f, const ir_node *n) {
    const place a = f->place[n->in[0]], b = f->place[n->in[1]];
    switch (n->code) {
    case HB_LE: return where_at_most(a, b, 0);
    case HB_LT: return where_at_most(a, b, 1);
    case HB_GE: return where_at_most(b, a, 0);
    default: return where_at_most(b, a, 1);
    }
}

static bool is_settled_at(settled x, double outside) { return x.known && x.outside == outside; }

static settled both_settled(settled x, settled y) {
    if (!x.known || !y.known || x.outside != y.outside) return (settled){0};
    return (settled){.known = true, .outside = x.outside, .band = around_both(x.band, y.band)};
}

/* Either way, or what the mask takes outside of its band. */
static settled settled_select(const finder *f, const ir_node *n) {
    const settled x = f->settled[n->in[1]], y = f->settled[n->in[2]], any = both_settled(x, y);
    settled mask = seen_from(f->settled[n->in[0]], 0), taken = y;
    if (any.known) return any;
    if (!mask.known || !y.known) {
        mask = seen_from(f->settled[n->in[0]], 1);
        taken = x;
    }
    if (!mask.known || !taken.known) return any;
    taken.band = around_both(mask.band, taken.band);
    taken.exact = false;
    return taken;
}

/* ---- what is settled: softmax ---- */

/* Whether y is the largest element of each row of x, spread along the row. */
static bool is_largest_of_rows(const finder *f, int y, int x) {
    const ir_node *view = get(f, y);
    if (view->kind != IR_VIEW) return false;
    const ir_node *largest = get(f, view->in[0]);
    const int rank = view->shape.rank;
    if (largest->kind != IR_REDUCE || largest->code != HB_REDMAX || largest->in[0] != x)
        return false;
    for (int k = 0; k < rank; k++)
        if (largest->reduce[k] != (k == rank - 1)) return false;
    int64_t stride = 1;
    for (int k = rank - 2; k >= 0; k--) {
        if (view->shape.dim[k] > 1 && view->stride[k] != stride) return false;
        stride *= view->shape.dim[k];
    }
    return view->offset == 0 && view->stride[rank - 1] == 0;
}

static bool meets_all_rows(const ir_node *n, hb_band band) {
    const int64_t *dim = n->shape.dim + n->shape.rank - 2;
    return !is_none(band) && band.high >= 0 && dim[0] - 1 + band.low <= dim[1] - 1;
}

/* What is low, less the largest of its row, which is not: its exponential is 0. */
static settled settled_difference(const finder *f, const ir_node *n) {
    const settled x = f->settled[n->in[0]], y = f->settled[n->in[1]];
    if (x.known && x.outside <= LOW && meets_all_rows(n, x.band) &&
        is_largest_of_rows(f, n->in[1], n->in[0]))
        return (settled){.known = true, .outside = -INFINITY, .band = x.band};
    return x.outside == 0 ? both_settled(x, y) : (settled){0};
}

/* ---- what is settled: arithmetic ---- */

/* Settled at the value that decides: a product at 0. */
static settled settled_by_either(settled x, settled y, double value) {
    const bool left = is_settled_at(x, value), right = is_settled_at(y, value);
    if (left && right) x.band = within_both(x.band, y.band);
    const bool exact = left && right && x.exact && y.exact;
    settled result = left ? x : right ? y : (settled){0};
    result.exact = exact;
    return result;
}

/* To what is low, anything may be added: a mask may also be that. */
static settled settled_sum(settled x, settled y) {
    if (x.known && x.outside <= LOW) return x;
    if (y.known && y.outside <= LOW) return y;
    return is_settled_at(x, 0) ? both_settled(x, y) : (settled){0};
}

static settled settled_not(settled x) {
    x.outside = x.outside == 0;
    return x;
}

static settled settled_scalar(const finder *f, const ir_node *n) {
    const settled unknown = {0};
    const settled x = n->n_in > 0 ? f->settled[n->in[0]] : unknown;
    const settled y = n->n_in > 1 ? f->settled[n->in[1]] : unknown;
    switch (n->code) {
    case HB_LE:
    case HB_LT:
    case HB_GE:
    case HB_GT: return settled_comparison(f, n);
    case HB_SELECT: return settled_select(f, n);
    case HB_AND: return settled_by_either(seen_from(x, 0), seen_from(y, 0), 0);
    case HB_OR: return settled_by_either(seen_from(x, 1), seen_from(y, 1), 1);
    case HB_NOT: return settled_not(x);
    case HB_MUL: return settled_by_either(x, y, 0);
    case HB_ADD: return settled_sum(x, y);
    case HB_SUB: return settled_difference(f, n);
    case HB_DIV:
    case HB_NEG:
    case HB_CAST: return is_settled_at(x, 0) ? x : unknown;
    case HB_EXP:
        if (!is_settled_at(x, -INFINITY)) return unknown;
        return (settled){.known = true, .outside = 0, .band = x.band};
    default: return unknown;
    }
}

static settled settled_view(const finder *f, int node) {
    settled x = f->settled[get(f, node)->in[0]];
    bool across;
    if (x.known && is_none(x.band)) return x;
    if (!x.known || !keeps_matrices(f, node, &across)) return (settled){0};
    if (across) x.band = turned(x.band);
    return x;
}

static settled settled_of(const finder *f, int node) {
    const ir_node *n = get(f, node);
    if (n->kind == IR_FULL) {
        const double value = hebb_dtype_floating(n->dtype) ? n->imm.f : (double)n->imm.i;
        return (settled){.known = true, .outside = value, .band = none};
    }
    if (n->shape.rank < 2) return (settled){0};
    if (n->kind == IR_SCALAR) return settled_scalar(f, n);
    return n->kind == IR_VIEW ? settled_view(f, node) : (settled){0};
}

/* ---- where values are wanted ---- */

static void want(finder *f, int node, hb_band band) {
    f->wanted[node] = around_both(f->wanted[node], band);
}

/* Functions whose result is finite if zeros take the place of operands. */
static bool stays_finite(hb_code code) {
    return code == HB_ADD || code == HB_SUB || code == HB_MUL || code == HB_NEG || code == HB_ABS ||
           code == HB_MAX || code == HB_MIN || code == HB_SELECT || code == HB_CAST ||
           code == HB_TANH || code == HB_SIGMOID;
}

/* Where input k of an elementwise function is wanted, if the result is in `band`. */
static hb_band wanted_input(const finder *f, const ir_node *n, int k, hb_band band) {
    if (!stays_finite(n->code)) return all;
    if (n->code == HB_SELECT && k > 0) {
        const settled mask = seen_from(f->settled[n->in[0]], k == 1 ? 0 : 1);
        return mask.known ? within_both(band, mask.band) : band;
    }
    if (n->code != HB_MUL && n->code != HB_ADD) return band;
    const settled other = f->settled[n->in[1 - k]];
    const bool settles =
        other.known && (n->code == HB_MUL ? other.outside == 0 : other.outside <= LOW);
    return settles ? within_both(band, other.band) : band;
}

static void want_inputs(finder *f, int node) {
    const ir_node *n = get(f, node);
    const hb_band band = f->wanted[node];
    for (int k = 0; k < n->n_in; k++) {
        bool across;
        hb_band inner = all;
        if (n->kind == IR_SCALAR) inner = wanted_input(f, n, k, band);
        if (n->kind == IR_VIEW && keeps_matrices(f, node, &across))
            inner = across ? turned(band) : band;
        want(f, n->in[k], inner);
    }
}

/* ---- all of it ---- */

static bool is_all(hb_band a) { return a.low <= -HB_BAND_FAR && a.high >= HB_BAND_FAR; }

/* Of the matrices of a value, what share is in the band. */
static double share_of(hb_band band, hebb_shape shape) {
    const int64_t rows = shape.dim[shape.rank - 2], columns = shape.dim[shape.rank - 1];
    if (is_all(band) || rows == 0 || columns == 0) return 1;
    double inside = 0;
    for (int64_t i = 0; i < rows; i++) {
        const int64_t first = hb_max(i + band.low, 0), last = hb_min(i + band.high, columns - 1);
        inside += (double)hb_max(last - first + 1, 0);
    }
    return inside / ((double)rows * (double)columns);
}

/* The band, or all where it leaves out little. */
static hb_band worth(hb_band band, hebb_shape shape) {
    if (is_none(band) || shape.dim[shape.rank - 2] < FEWEST_ROWS ||
        shape.dim[shape.rank - 1] < FEWEST_ROWS)
        return all;
    return share_of(band, shape) < MOST_SHARE ? band : all;
}

static hb_band zero_outside(const finder *f, int node) {
    const settled x = f->settled[node];
    return is_settled_at(x, 0) ? worth(x.band, get(f, node)->shape) : all;
}

static void set_bands(finder *f, int node) {
    ir_node *n = &f->ir->nodes[node];
    const hebb_shape a = get(f, n->in[0])->shape, b = get(f, n->in[1])->shape;
    ir_bands found = {.a = zero_outside(f, n->in[0]),
                      .b = zero_outside(f, n->in[1]),
                      .c = worth(f->wanted[node], n->shape)};
    if (is_all(found.a) && is_all(found.b) && is_all(found.c)) return;
    found.share = fmin(share_of(found.a, a), share_of(found.b, b));
    found.share = fmin(found.share, share_of(found.c, n->shape));
    ir_bands *kept = ir_memory(f->ir, sizeof *kept);
    if (kept == NULL) return;
    *kept = found;
    n->bands = kept;
}

static void find(finder *f) {
    const hb_ir *ir = f->ir;
    bool any = false;
    for (int k = 0; k < ir->n_nodes; k++) {
        f->wanted[k] = none;
        f->place[k] = place_of(f, k);
        f->settled[k] = settled_of(f, k);
        any = any || (f->settled[k].known && !is_none(f->settled[k].band));
    }
    if (!any) return;
    for (int k = 0; k < ir->n_fetches; k++)
        if (ir->fetches[k] >= 0) want(f, ir->fetches[k], all);
    for (int k = 0; k < ir->n_assigns; k++) want(f, ir->assigns[k].value, all);
    for (int k = ir->n_nodes - 1; k >= 0; k--) want_inputs(f, k);
    for (int k = 0; k < ir->n_nodes; k++)
        if (ir->nodes[k].kind == IR_MATMUL) set_bands(f, k);
}

void ir_find_bands(hb_ir *ir) {
    const size_t n = (size_t)ir->n_nodes;
    finder f = {.ir = ir,
                .settled = calloc(n + 1, sizeof *f.settled),
                .place = calloc(n + 1, sizeof *f.place),
                .wanted = calloc(n + 1, sizeof *f.wanted)};
    if (f.settled != NULL && f.place != NULL && f.wanted != NULL) find(&f);
    else hb_fail_memory(&ir->error, "a plan", n * sizeof *f.settled);
    free(f.settled);
    free(f.place);
    free(f.wanted);
}
