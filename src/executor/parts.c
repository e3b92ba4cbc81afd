/* Values made of parts (IR_PARTS), as a concatenation is: which elements a copy fills, and how sums
   of values that are zero outside of a part, as the gradients of slices are, become one value with
   all of the parts. Called by fuse.c and simplify.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ir.h"

/* A range of indices along each dimension. */
typedef struct box {
    int64_t start[HEBB_MAX_RANK], size[HEBB_MAX_RANK];
    int64_t from, to; /* along the dimension that boxes are sorted by */
    int64_t reach;    /* the largest `to` of this box and those before it */
} box;

/* The elements of `whole` that a copy fills; false if they are not a box. */
static bool box_of(const ir_node *copy, hebb_shape whole, box *b) {
    if (copy->shape.rank != whole.rank || hebb_shape_count(whole) == 0) return false;
    const hb_view list = hb_contiguous(whole);
    int64_t rest = copy->offset;
    for (int k = 0; k < whole.rank; k++) {
        const int64_t size = copy->shape.dim[k];
        if (size == 0 || (size > 1 && copy->stride[k] != list.stride[k])) return false;
        int64_t inner = 1; /* what list.stride says, but for dimensions of one element */
        for (int j = k + 1; j < whole.rank; j++) inner *= whole.dim[j];
        b->start[k] = rest / inner;
        b->size[k] = size;
        rest %= inner;
    }
    return true;
}

static bool overlap(const box *a, const box *b, int rank) {
    for (int k = 0; k < rank; k++)
        if (a->start[k] + a->size[k] <= b->start[k] || b->start[k] + b->size[k] <= a->start[k])
            return false;
    return true;
}

static int by_from(const void *a, const void *b) {
    const box *x = a, *y = b;
    return x->from < y->from ? -1 : x->from > y->from;
}

/* The dimension along which boxes cover each other's ranges least. */
static int thinnest(const box *boxes, int n, hebb_shape whole) {
    int best = 0;
    double least = INFINITY;
    for (int k = 0; k < whole.rank; k++) {
        double sum = 0;
        for (int i = 0; i < n; i++) sum += (double)boxes[i].size[k];
        if (sum / (double)whole.dim[k] < least) best = k, least = sum / (double)whole.dim[k];
    }
    return best;
}

/* Whether no two boxes meet. Sorts them by where they begin, so that each needs to be compared only
   with those before it that reach as far: none in a concatenation, however many parts it has. */
static bool apart(box *boxes, int n, hebb_shape whole) {
    if (whole.rank == 0) return n < 2; /* there is one element */
    const int along = thinnest(boxes, n, whole);
    for (int k = 0; k < n; k++) {
        boxes[k].from = boxes[k].start[along];
        boxes[k].to = boxes[k].from + boxes[k].size[along];
    }
    qsort(boxes, (size_t)n, sizeof *boxes, by_from);
    for (int k = 0; k < n; k++) {
        boxes[k].reach = boxes[k].to;
        if (k > 0 && boxes[k - 1].reach > boxes[k].to) boxes[k].reach = boxes[k - 1].reach;
        for (int j = k - 1; j >= 0 && boxes[j].reach > boxes[k].from; j--)
            if (overlap(&boxes[j], &boxes[k], whole.rank)) return false;
    }
    return true;
}

/* The boxes of `n` copies; false if one is none, or two of them meet. */
static bool boxes_apart(const hb_ir *ir, const int *copies, int n, hebb_shape whole, box *boxes) {
    for (int k = 0; k < n; k++)
        if (!box_of(&ir->nodes[copies[k]], whole, &boxes[k])) return false;
    return apart(boxes, n, whole);
}

bool ir_parts_apart(hb_ir *ir, int parts) {
    const ir_node *n = &ir->nodes[parts];
    if (n->n_in == 1) return true;
    box *boxes = ir_memory(ir, (size_t)n->n_in * sizeof *boxes);
    return boxes && boxes_apart(ir, n->in, n->n_in, n->shape, boxes);
}

/* ---- sums ---- */

/* Whether the value is a zero everywhere, and then parts. */
static bool is_parts_on_zero(const hb_ir *ir, int number) {
    const ir_node *n = &ir->nodes[number];
    if (n->kind != IR_PARTS) return false;
    const ir_node *base = &ir->nodes[n->in[0]], *value = &ir->nodes[base->in[0]];
    const hb_view list = {.offset = base->offset};
    hb_view at = list;
    memcpy(at.stride, base->stride, sizeof at.stride);
    if (value->kind != IR_FULL || !hebb_shape_equal(base->shape, n->shape)) return false;
    const bool zero = hb_floating(value->dtype) ? value->imm.f == 0 : value->imm.i == 0;
    return zero && hb_is_contiguous(n->shape, &at);
}

static int64_t count_filled(const box *boxes, int n, int rank) {
    int64_t count = 0;
    for (int k = 0; k < n; k++) {
        int64_t one = 1;
        for (int d = 0; d < rank; d++) one *= boxes[k].size[d];
        count += one;
    }
    return count;
}

int ir_add_parts(hb_ir *ir, int a, int b) {
    if (!is_parts_on_zero(ir, a) || !is_parts_on_zero(ir, b)) return -1;
    const int n_a = ir->nodes[a].n_in, n_b = ir->nodes[b].n_in, n = n_a + n_b - 2;
    const hebb_shape whole = ir->nodes[a].shape;
    int *copies = ir_memory(ir, (size_t)(n + 1) * sizeof *copies);
    box *boxes = ir_memory(ir, (size_t)(n + 1) * sizeof *boxes);
    if (!copies || !boxes) return -1;
    copies[0] = ir->nodes[a].in[0];
    memcpy(copies + 1, ir->nodes[a].in + 1, (size_t)(n_a - 1) * sizeof *copies);
    memcpy(copies + n_a, ir->nodes[b].in + 1, (size_t)(n_b - 1) * sizeof *copies);
    if (!boxes_apart(ir, copies + 1, n, whole, boxes)) return -1;
    const int skip = count_filled(boxes, n, whole.rank) == hebb_shape_count(whole);
    for (int k = skip; k <= n; k++) { /* a copy belongs to one value */
        ir_node copy = ir->nodes[copies[k]];
        const int from = copy.in[0];
        copies[k] = ir_add(ir, &copy, &from, 1);
    }
    ir_node sum = ir->nodes[a];
    const int number = ir_add(ir, &sum, copies + skip, n + 1 - skip);
    if (ir->error.status != HEBB_OK) return -1;
    for (int k = skip; k <= n; k++) ir->nodes[copies[k]].into = number;
    return number;
}
