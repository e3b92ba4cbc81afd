/* How rows of the table of random ops choose operands and numbers: see random_draw.h. */
#include "random_draw.h"

/* ---- choosing operands ---- */

const random_node *node_at(const random_drawing *d, int i) { return &d->recipe->node[i]; }

int64_t below(random_drawing *d, int64_t n) { return rng_below(&d->r, n); }

/* Later nodes more often, so that graphs get deep; -1 if there is none. */
int pick(random_drawing *d, random_kind kind, bool exact, int least_rank) {
    const int n = d->recipe->count;
    for (int tries = 0; tries < 30; tries++) {
        const int a = (int)below(d, n), b = (int)below(d, n), i = a > b ? a : b;
        const random_node *node = node_at(d, i);
        if (node->kind == kind && (node->exact || !exact) && node->shape[0].rank >= least_rank)
            return i;
    }
    return -1;
}

int pick_for(random_drawing *d, const random_op *op, int least_rank) {
    return pick(d, op->kind, op->traits & RANDOM_JUMPS, least_rank);
}

/* Of any kind, floating ones more often. */
int pick_any(random_drawing *d, int least_rank) {
    const int64_t choice = below(d, 6);
    return pick(d,
                choice == 0   ? RANDOM_WHOLE
                : choice == 1 ? RANDOM_TRUTH
                              : RANDOM_REAL,
                false, least_rank);
}

bool shapes_fit(hebb_shape a, hebb_shape b) {
    for (int k = 1; k <= a.rank && k <= b.rank; k++) {
        const int64_t m = a.dim[a.rank - k], n = b.dim[b.rank - k];
        if (m != n && m != 1 && n != 1) return false;
    }
    return true;
}

/* One that broadcasts with node a, for every batch size. */
int pick_fitting(random_drawing *d, int a, random_kind kind, bool exact) {
    for (int tries = 0; tries < 10; tries++) {
        const int b = pick(d, kind, exact, 0);
        bool fits = b >= 0;
        for (int i = 0; i < RANDOM_BATCHES && fits; i++)
            fits = shapes_fit(node_at(d, a)->shape[i], node_at(d, b)->shape[i]);
        if (fits) return b;
    }
    return -1;
}

/* The smallest size along an axis that any batch but the empty one gives. */
int64_t least_size(const random_drawing *d, const random_node *node, int axis) {
    int64_t least = node->shape[0].dim[axis];
    for (int b = 1; b < RANDOM_BATCHES; b++)
        if (d->recipe->batch[b] > 0 && node->shape[b].dim[axis] < least)
            least = node->shape[b].dim[axis];
    return least;
}

bool fixed_size(const random_node *node, int axis) {
    for (int b = 1; b < RANDOM_BATCHES; b++)
        if (node->shape[b].dim[axis] != node->shape[0].dim[axis]) return false;
    return true;
}

int rank_of(const random_drawing *d, int i) { return node_at(d, i)->shape[0].rank; }

/* ---- common ways to draw ---- */

bool draw_one(random_drawing *d, random_node *node, const random_op *op) {
    node->x[0] = pick_for(d, op, 0);
    node->n[0] = below(d, 3);
    return node->x[0] >= 0;
}

bool draw_pair(random_drawing *d, random_node *node, const random_op *op) {
    if (!draw_one(d, node, op)) return false;
    node->x[1] = pick_fitting(d, node->x[0], op->kind, op->traits & RANDOM_JUMPS);
    return node->x[1] >= 0;
}

/* n[0] is an axis, counted from the front or the back; n[1] a number below 4. */
bool draw_axis(random_drawing *d, random_node *node, const random_op *op) {
    node->x[0] = pick_for(d, op, 1);
    if (node->x[0] < 0) return false;
    const int rank = rank_of(d, node->x[0]);
    node->n[0] = below(d, 2 * rank) - rank;
    node->n[1] = below(d, 4);
    return true;
}

/* n[0] is a set of axes, n[1] whether to keep them. */
bool draw_axes(random_drawing *d, random_node *node, const random_op *op) {
    node->x[0] = pick_for(d, op, 1);
    if (node->x[0] < 0) return false;
    node->n[0] = 1 + below(d, ((int64_t)1 << rank_of(d, node->x[0])) - 1);
    if (below(d, 2)) node->n[0] &= -node->n[0]; /* just one */
    node->n[1] = below(d, 2);
    return true;
}

/* The same of any kind. */
bool draw_any(random_drawing *d, random_node *node, const random_op *op) {
    (void)op;
    node->x[0] = pick_any(d, 0);
    return node->x[0] >= 0;
}

bool draw_any_axis(random_drawing *d, random_node *node, const random_op *op) {
    random_op any = *op;
    const int64_t choice = below(d, 6);
    any.kind = choice == 0 ? RANDOM_WHOLE : choice == 1 ? RANDOM_TRUTH : RANDOM_REAL;
    return draw_axis(d, node, &any);
}

/* ---- common ways to build ---- */

hebb_tensor *number(hebb_tensor *x, double value) { return hebb_scalar_like(x, value); }

hebb_tensor *scaled(hebb_tensor *x, double factor, double offset) {
    return hebb_add(hebb_mul(x, number(x, factor)), number(x, offset));
}

hebb_tensor *brought(hebb_tensor *x, random_domain to) {
    switch (to) {
    case RANDOM_TAME: return hebb_tanh(x);
    case RANDOM_INSIDE: return scaled(hebb_tanh(x), 0.9, 0);
    case RANDOM_POSITIVE: return scaled(hebb_sigmoid(x), 1.5, 0.4);
    case RANDOM_BEYOND: return scaled(hebb_sigmoid(x), 1, 1.2);
    default: return x;
    }
}

hebb_tensor *build_unary(const random_node *node, hebb_tensor *const *x) {
    return node->op->unary(brought(x[0], node->op->domain[0]));
}

hebb_tensor *build_binary(const random_node *node, hebb_tensor *const *x) {
    return node->op->binary(brought(x[0], node->op->domain[0]), brought(x[1], node->op->domain[1]));
}
