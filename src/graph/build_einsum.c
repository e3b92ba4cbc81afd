/* Builders of products (hebb/einsum.h). An einsum is read into labels for axes; axes that one
   operand has for itself are summed first; then it is a matrix product of what is common to all
   three, left, right and summed over, or, where a matrix product has no use, a product and a sum.
 */
#include <stdio.h>
#include <string.h>

#include "build.h"

/* Labels are letters' numbers, and from here on the axes under "...", counted from the last. */
enum { LETTERS = 52, LABELS = LETTERS + HEBB_MAX_RANK };

typedef struct term {
    int n, label[2 * HEBB_MAX_RANK]; /* letters before "...", and after it */
    int dots;                        /* how many are before it; -1 without "..." */
    int at;                          /* where it begins in the formula */
} term;

typedef struct einsum {
    const char *formula;
    hebb_graph *graph;
    int n_in;
    term in[2], out;
    bool arrow;
    hebb_tensor *x[2];
    int64_t size[LABELS]; /* HEBB_ANY if not known */
    int n_dots;           /* axes under "..." */
} einsum;

/* ---- reading ---- */

static bool fail(einsum *e, hebb_status status, int at, const char *what) {
    hb_graph_error(e->graph, status, "einsum \"%s\", at %d: %s", e->formula, at, what);
    return false;
}

static int letter(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    return c >= 'a' && c <= 'z' ? 26 + c - 'a' : -1;
}

/* The next place that is no space. */
static int after(const char *formula, int at) {
    do at++;
    while (formula[at] == ' ');
    return at;
}

/* One term up to a comma, an arrow or the end. */
static bool read_term(einsum *e, int *at, term *t) {
    const char *f = e->formula;
    *t = (term){.dots = -1, .at = *at};
    for (; f[*at] != 0 && f[*at] != ',' && f[*at] != '-'; ++*at) {
        const char c = f[*at];
        if (c == ' ') continue;
        if (c == '.') {
            const int second = after(f, *at), third = f[second] == '.' ? after(f, second) : second;
            if (f[third] != '.' || third == second)
                return fail(e, HEBB_E_ARGUMENT, *at, "an ellipsis has three dots");
            if (t->dots >= 0) return fail(e, HEBB_E_ARGUMENT, *at, "a second ellipsis");
            t->dots = t->n;
            *at = third;
        } else if (letter(c) < 0) return fail(e, HEBB_E_ARGUMENT, *at, "not a letter");
        else if (t->n == HEBB_MAX_RANK) return fail(e, HEBB_E_ARGUMENT, *at, "too many letters");
        else t->label[t->n++] = letter(c);
    }
    return true;
}

static bool read_formula(einsum *e) {
    int at = 0;
    for (int k = 0; k < e->n_in; k++) {
        if (!read_term(e, &at, &e->in[k])) return false;
        if (k + 1 < e->n_in && e->formula[at] != ',')
            return fail(e, HEBB_E_ARGUMENT, at, "there are two operands, and one term");
        at += k + 1 < e->n_in;
    }
    if (e->formula[at] == ',')
        return fail(e, HEBB_E_ARGUMENT, at, "there are more terms than operands");
    if (e->formula[at] == 0) return true;
    const int tip = after(e->formula, at);
    if (e->formula[tip] != '>') return fail(e, HEBB_E_ARGUMENT, at, "an arrow is ->");
    at = tip + 1;
    e->arrow = true;
    if (!read_term(e, &at, &e->out)) return false;
    return e->formula[at] == 0 || fail(e, HEBB_E_ARGUMENT, at, "what the result has ends here");
}

/* ---- labels ---- */

static int find(const int *label, int n, int wanted) {
    for (int k = 0; k < n; k++)
        if (label[k] == wanted) return k;
    return -1;
}

static bool has(const term *t, int label) { return find(t->label, t->n, label) >= 0; }

/* Puts labels for `count` axes where the "..." is. */
static void open_dots(term *t, int count) {
    if (t->dots < 0) return;
    memmove(t->label + t->dots + count, t->label + t->dots,
            (size_t)(t->n - t->dots) * sizeof *t->label);
    for (int k = 0; k < count; k++) t->label[t->dots + k] = LETTERS + count - 1 - k;
    t->n += count;
}

static bool label_operand(einsum *e, int k) {
    term *t = &e->in[k];
    const hebb_shape shape = e->x[k]->shape;
    const int open = shape.rank - t->n;
    char what[256], text[160];
    if (open < 0 || (open > 0 && t->dots < 0)) {
        snprintf(what, sizeof what, "the term names %d axes, and the operand is %s", t->n,
                 hebb_shape_text(shape, text, sizeof text));
        return fail(e, HEBB_E_SHAPE, t->at, what);
    }
    if (t->dots >= 0 && open > e->n_dots) e->n_dots = open;
    open_dots(t, open);
    for (int i = 0; i < t->n; i++) {
        int64_t *size = &e->size[t->label[i]], d = shape.dim[i];
        const bool spreads = t->label[i] >= LETTERS && (d == 1 || *size == 1);
        if (*size != HEBB_ANY && d != HEBB_ANY && *size != d && !spreads) {
            snprintf(what, sizeof what, "axis %d of %s is %lld, and the same one before is %lld", i,
                     hebb_shape_text(shape, text, sizeof text), (long long)d, (long long)*size);
            return fail(e, HEBB_E_SHAPE, t->at, what);
        }
        if (*size == HEBB_ANY || *size == 1) *size = d;
    }
    return true;
}

/* Without an arrow: "...", then the letters that occur once, in alphabetical order. */
static void label_default(einsum *e) {
    int times[LETTERS] = {0};
    for (int k = 0; k < e->n_in; k++)
        for (int i = 0; i < e->in[k].n; i++)
            if (e->in[k].label[i] < LETTERS) times[e->in[k].label[i]]++;
    e->out = (term){.dots = 0};
    for (int l = 0; l < LETTERS; l++)
        if (times[l] == 1) e->out.label[e->out.n++] = l;
}

static bool label_result(einsum *e) {
    if (!e->arrow) label_default(e);
    term *t = &e->out;
    if (t->dots < 0 && e->n_dots > 0)
        return fail(e, HEBB_E_ARGUMENT, t->at, "the result must have the ellipsis, too");
    if (t->n + e->n_dots > HEBB_MAX_RANK)
        return fail(e, HEBB_E_SHAPE, t->at, "the result's rank is too large");
    open_dots(t, e->n_dots);
    for (int i = 0; i < t->n; i++) {
        if (find(t->label, i, t->label[i]) >= 0)
            return fail(e, HEBB_E_ARGUMENT, t->at, "the result names an axis twice");
        if (!has(&e->in[0], t->label[i]) && !(e->n_in > 1 && has(&e->in[1], t->label[i])))
            return fail(e, HEBB_E_ARGUMENT, t->at, "the result has an axis that no operand has");
    }
    return true;
}

/* ---- operands made simple ---- */

/* A letter twice in an operand: its diagonal, which becomes the last axis. */
static void take_diagonals(einsum *e, int k) {
    term *t = &e->in[k];
    for (int i = 0; i < t->n; i++) {
        const int twin = find(t->label, i, t->label[i]), label = t->label[i];
        if (twin < 0) continue;
        e->x[k] = hebb_diagonal(e->x[k], 0, twin, i);
        memmove(t->label + i, t->label + i + 1, (size_t)(t->n - i - 1) * sizeof *t->label);
        memmove(t->label + twin, t->label + twin + 1, (size_t)(t->n - twin - 2) * sizeof *t->label);
        t->label[--t->n - 1] = label;
        i = -1; /* places have changed */
    }
}

/* Axes that neither the result nor the other operand has. */
static void sum_own(einsum *e, int k) {
    term *t = &e->in[k];
    int axes[HEBB_MAX_RANK], n = 0, left = 0;
    for (int i = 0; i < t->n; i++) {
        const bool shared = e->n_in > 1 && has(&e->in[1 - k], t->label[i]);
        if (shared || has(&e->out, t->label[i])) t->label[left++] = t->label[i];
        else axes[n++] = i;
    }
    t->n = left;
    if (n > 0) e->x[k] = hebb_sum(e->x[k], axes, n, false);
}

/* The operand with its axes in the order of these labels, size 1 for those that it does not have.
 */
static hebb_tensor *arranged(einsum *e, int k, const int *label, int n) {
    const term *t = &e->in[k];
    int order[HEBB_MAX_RANK] = {0}, m = 0;
    for (int i = 0; i < n; i++)
        if (has(t, label[i])) order[m++] = find(t->label, t->n, label[i]);
    hebb_tensor *x = hebb_transpose(e->x[k], order, m);
    for (int i = 0; i < n; i++)
        if (!has(t, label[i])) x = hebb_expand_dims(x, i);
    return x;
}

/* ---- products ---- */

/* The labels by what a product does with them. */
typedef struct roles {
    int batch[LABELS], left[LABELS], right[LABELS], summed[LABELS];
    int n_batch, n_left, n_right, n_summed;
} roles;

/* `spread`: axes under "..." that one operand has are common, the other one stretches. */
static roles roles_as(const einsum *e, bool spread) {
    roles r = {.n_batch = 0};
    const term *a = &e->in[0], *b = &e->in[1];
    for (int i = 0; i < e->out.n; i++) {
        const int l = e->out.label[i];
        if ((spread && l >= LETTERS) || (has(a, l) && has(b, l))) r.batch[r.n_batch++] = l;
        else if (has(a, l)) r.left[r.n_left++] = l;
        else r.right[r.n_right++] = l;
    }
    for (int i = 0; i < a->n; i++)
        if (!has(&e->out, a->label[i])) r.summed[r.n_summed++] = a->label[i];
    return r;
}

/* As it is done best, unless that takes an operand with too many axes. */
static roles roles_of(const einsum *e) {
    const roles r = roles_as(e, true);
    const int own = r.n_left > r.n_right ? r.n_left : r.n_right;
    return r.n_batch + own + r.n_summed < HEBB_MAX_RANK ? r : roles_as(e, false);
}

static int join(int *to, const int *a, int n_a, const int *b, int n_b) {
    memcpy(to, a, (size_t)n_a * sizeof *to);
    memcpy(to + n_a, b, (size_t)n_b * sizeof *to);
    return n_a + n_b;
}

/* `n` axes from `first` on as one. */
static hebb_tensor *as_one(hebb_tensor *x, int first, int n) {
    if (n == 0) return hebb_expand_dims(x, first);
    for (; n > 1; n--) x = hb_merge_axes(x, first);
    return x;
}

/* [batch..., rows..., columns...] as matrices. */
static hebb_tensor *matrices(einsum *e, int k, const roles *r, const int *rows, int n_rows,
                             const int *columns, int n_columns) {
    int label[3 * LABELS], n = join(label, r->batch, r->n_batch, rows, n_rows);
    n = join(label, label, n, columns, n_columns);
    hebb_tensor *x = arranged(e, k, label, n);
    x = as_one(x, r->n_batch + n_rows, n_columns);
    return as_one(x, r->n_batch, n_rows);
}

/* A tensor, never computed, of the operand's shape without the axes that are summed over, arranged
   as [batch..., left..., right...]. */
static hebb_tensor *shape_of(einsum *e, int k, const roles *r, const int *label, int n) {
    const term whole = e->in[k];
    hebb_tensor *operand = e->x[k];
    int axes[HEBB_MAX_RANK], summed = 0, kept = 0;
    for (int i = 0; i < whole.n; i++)
        if (find(r->summed, r->n_summed, whole.label[i]) >= 0) axes[summed++] = i;
        else e->in[k].label[kept++] = whole.label[i];
    e->in[k].n = kept;
    e->x[k] = hebb_any(hebb_equal(operand, operand), axes, summed, false);
    hebb_tensor *shape = arranged(e, k, label, n);
    e->x[k] = operand;
    e->in[k] = whole;
    return shape;
}

/* From the order of these labels to that of the result. */
static hebb_tensor *in_order(const einsum *e, hebb_tensor *x, const int *label, int n) {
    int order[HEBB_MAX_RANK] = {0};
    if (n != e->out.n) return x; /* after an error */
    for (int i = 0; i < n; i++) order[i] = find(label, n, e->out.label[i]);
    return hebb_transpose(x, order, n);
}

static hebb_tensor *by_matrices(einsum *e, const roles *r) {
    int label[3 * LABELS], n = join(label, r->batch, r->n_batch, r->left, r->n_left);
    n = join(label, label, n, r->right, r->n_right);
    hebb_tensor *a = matrices(e, 0, r, r->left, r->n_left, r->summed, r->n_summed);
    hebb_tensor *b = matrices(e, 1, r, r->summed, r->n_summed, r->right, r->n_right);
    hebb_tensor *y = hebb_matmul(a, b);
    if (r->n_left > 1 || r->n_right > 1)
        return in_order(
            e,
            hebb_reshape_like(y, hebb_or(shape_of(e, 0, r, label, n), shape_of(e, 1, r, label, n))),
            label, n);
    if (r->n_right == 0) y = hebb_squeeze(y, -1);
    if (r->n_left == 0) y = hebb_squeeze(y, r->n_batch);
    return in_order(e, y, label, n);
}

/* Both with the result's axes and those summed over, multiplied and summed. */
static hebb_tensor *by_elements(einsum *e, const roles *r) {
    int label[2 * LABELS], axes[HEBB_MAX_RANK];
    const int n = join(label, e->out.label, e->out.n, r->summed, r->n_summed);
    if (n > HEBB_MAX_RANK) {
        fail(e, HEBB_E_SHAPE, 0, "too many different axes");
        return &e->graph->inert;
    }
    hebb_tensor *product = hebb_mul(arranged(e, 0, label, n), arranged(e, 1, label, n));
    for (int k = 0; k < r->n_summed; k++) axes[k] = e->out.n + k;
    return r->n_summed > 0 ? hebb_sum(product, axes, r->n_summed, false) : product;
}

static hebb_tensor *compute(einsum *e) {
    for (int k = 0; k < e->n_in; k++) {
        take_diagonals(e, k);
        sum_own(e, k);
        if (hebb_tensor_is_inert(e->x[k])) return &e->graph->inert;
    }
    if (e->n_in == 1) return in_order(e, e->x[0], e->in[0].label, e->in[0].n);
    const roles r = roles_of(e);
    const bool matrix = r.n_summed > 0 && r.n_left + r.n_right > 0 && hb_floating(e->x[0]->dtype) &&
                        r.n_batch <= HEBB_MAX_RANK - 2;
    return matrix ? by_matrices(e, &r) : by_elements(e, &r);
}

hebb_tensor *hebb_einsum(const char *formula, hebb_tensor *a, hebb_tensor *b) {
    hebb_tensor *instead;
    if (!hb_operands("einsum", (hebb_tensor *[]){a, b}, b != NULL ? 2 : 1, &instead))
        return instead;
    hebb_graph *graph = a->graph;
    if (formula == NULL) return hb_graph_error(graph, HEBB_E_NULL, "einsum: the formula is NULL");
    einsum e = {.formula = formula, .graph = graph, .n_in = b != NULL ? 2 : 1, .x = {a, b}};
    for (int l = 0; l < LABELS; l++) e.size[l] = HEBB_ANY;
    if (a->dtype == HEBB_BOOL || (b != NULL && b->dtype != a->dtype)) {
        fail(&e, HEBB_E_DTYPE, 0, "operands are numeric, of one dtype");
        return &graph->inert;
    }
    bool good = read_formula(&e);
    for (int k = 0; good && k < e.n_in; k++) good = label_operand(&e, k);
    return good && label_result(&e) ? compute(&e) : &graph->inert;
}

/* ---- vectors ---- */

hebb_tensor *hebb_dot(hebb_tensor *a, hebb_tensor *b) {
    hebb_tensor *instead;
    if (!hb_operands("dot", (hebb_tensor *[]){a, b}, 2, &instead)) return instead;
    if (a->shape.rank != 1 || b->shape.rank != 1)
        return hb_graph_error(
            a->graph, HEBB_E_SHAPE, "dot: the ranks of %s and %s are %d and %d, not 1",
            hebb_tensor_name(a), hebb_tensor_name(b), a->shape.rank, b->shape.rank);
    hebb_tensor *same = hb_node(NULL, HB_OP_RESHAPE, (hebb_tensor *[]){b, a}, 2,
                                &(hb_attrs){.mode = HB_RESHAPE_SAME});
    return hebb_sum(hebb_mul(a, same), HEBB_ALL_AXES, false);
}

hebb_tensor *hebb_outer(hebb_tensor *a, hebb_tensor *b) {
    hebb_tensor *instead;
    if (!hb_operands("outer", (hebb_tensor *[]){a, b}, 2, &instead)) return instead;
    hebb_tensor *rows = a;
    for (int k = 0; k < b->shape.rank; k++) rows = hebb_expand_dims(rows, -1);
    return hebb_mul(rows, b);
}
