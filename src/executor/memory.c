/* Places values in the arena. A value's live range goes from the step that writes it to the last
   one that reads it. Values whose live ranges do not overlap may share memory, and an output is
   written in place of an input that dies in its step where each element is read before it is
   overwritten. Called by plan.c, and by again.c to try an order, once the order is known. */
#include <stdlib.h>
#include <string.h>

#include "fusion.h"

enum { MOST_APART = 16 }; /* steps that backends look for to be done beside each other */

#define IN_CACHES (32.0 * (1 << 20)) /* bytes that a step moves */

/* Memory of one or more values that follow each other in place, or a step's scratch. */
typedef struct block {
    size_t bytes, offset;
    int first, last; /* steps */
    int given;       /* the last step in which an output took it over; -1 */
} block;

typedef struct placer {
    hb_fusion *f;
    hb_ir *ir;
    const int *order;
    int n_steps;
    int *first, *last; /* by node: steps; first is -1 for values without memory */
    int *begin, *end;  /* by step: the first and the last of those that it is joined with */
    int *block_of;     /* by node */
    block *blocks;
    int n_blocks;
} placer;

static hb_group *step_group(const placer *p, int step) { return &p->f->groups[p->order[step]]; }

static size_t bytes_of(const placer *p, int node) {
    return hb_arena_bytes(ir_bytes(&p->ir->nodes[node]));
}

static void find_joined(placer *p) {
    for (int s = 0; s < p->n_steps; s++) p->begin[s] = p->end[s] = s;
    for (int s = 0; s < p->n_steps; s++)
        for (int k = 0; k < step_group(p, s)->step.joined; k++) {
            p->begin[s + k] = s;
            p->end[s + k] = s + step_group(p, s)->step.joined - 1;
        }
}

/* What steps that are joined read and write lives during all of them. */
static void find_lifetimes(placer *p) {
    for (int node = 0; node < p->ir->n_nodes; node++)
        p->first[node] = p->last[node] = p->block_of[node] = -1;
    for (int s = 0; s < p->n_steps; s++) {
        const hb_group *g = step_group(p, s);
        for (int k = 0; k < g->n_places; k++) {
            if (!hb_in_arena(&g->places[k])) continue;
            int node = g->places[k].node;
            if (p->first[node] < 0) p->first[node] = p->begin[s];
            p->last[node] = p->end[s];
        }
    }
    for (int k = 0; k < p->ir->n_fetches; k++) /* fetched after the last step */
        if (p->ir->fetches[k] >= 0) p->last[p->ir->fetches[k]] = p->n_steps;
}

/* ---- in place ---- */

/* What moves more bytes than caches hold is better stored past them, elsewhere, than over what was
   read: a layer normalization of 4096 x 1024 takes a tenth longer in place. */
static bool reduces_in_place(const hb_fusion *f, const hb_group *g) {
    return f->reduces_once && (f->frugal || g->step.bytes <= IN_CACHES);
}

bool hb_in_place(const hb_fusion *f, const hb_group *g, const hb_place *out, int node) {
    const ir_node *x = &f->ir->nodes[node], *y = &f->ir->nodes[out->node];
    const bool reduces = g->kind == IR_REDUCE;
    if (!out->written || !out->pointwise) return false;
    if (g->kind != IR_SCALAR && g->kind != IR_MATMUL && !reduces) return false;
    if (reduces && (!out->everywhere || !reduces_in_place(f, g))) return false;
    if (hebb_dtype_size(x->dtype) != hebb_dtype_size(y->dtype) ||
        hebb_shape_count(x->shape) != hebb_shape_count(y->shape))
        return false;
    for (int k = 0; k < g->n_places; k++) {
        const hb_place *in = &g->places[k];
        if (in->node == node && hb_in_arena(in) && (in->written || !in->pointwise || in->late))
            return false;
    }
    return true;
}

/* An input whose block the output can have; -1 if there is none. */
static int dying_input(const placer *p, const hb_group *g, const hb_place *out, int step) {
    for (int k = 0; k < g->n_places; k++) {
        const hb_place *in = &g->places[k];
        if (in->written || !hb_in_arena(in) || p->last[in->node] != step ||
            p->first[in->node] == step)
            continue;
        const block *b = &p->blocks[p->block_of[in->node]];
        if (b->last == step && b->given != step && hb_in_place(p->f, g, out, in->node))
            return in->node;
    }
    return -1;
}

static int new_block(placer *p, size_t bytes, int first, int last) {
    p->blocks[p->n_blocks] = (block){.bytes = bytes, .first = first, .last = last, .given = -1};
    return p->n_blocks++;
}

static void make_blocks(placer *p, bool reuse) {
    for (int s = 0; s < p->n_steps; s++) {
        hb_group *g = step_group(p, s);
        for (int k = 0; k < g->n_places; k++) {
            const hb_place *place = &g->places[k];
            if (!hb_in_arena(place) || p->block_of[place->node] >= 0) continue;
            const bool alone = p->begin[s] == p->end[s];
            int donor = reuse && alone && place->written ? dying_input(p, g, place, s) : -1;
            if (donor >= 0) {
                block *b = &p->blocks[p->block_of[donor]];
                p->block_of[place->node] = p->block_of[donor];
                b->last = p->last[place->node];
                b->given = s;
            } else
                p->block_of[place->node] =
                    new_block(p, bytes_of(p, place->node), p->begin[s], p->last[place->node]);
        }
        if (g->step.scratch_bytes > 0) {
            const bool stays = g->step.kind == HB_GEMM && g->step.u.gemm.b_stays;
            g->step.scratch_offset = new_block(p, hb_arena_bytes(g->step.scratch_bytes),
                                               stays ? 0 : s, stays ? p->n_steps - 1 : p->end[s]);
        }
    }
}

/* ---- offsets ---- */

static int compare_ints(int a, int b) { return (a > b) - (a < b); }

typedef struct sized {
    size_t bytes;
    int number;
} sized;

static int larger_first(const void *a, const void *b) {
    const sized *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return compare_ints(x->number, y->number);
}

static int lower_first(const void *a, const void *b) {
    const sized *x = a, *y = b; /* bytes holds the offset here */
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? -1 : 1;
    return compare_ints(x->number, y->number);
}

/* From an offset on, where so many bytes are in one piece of the arena. */
static size_t in_one_piece(const placer *p, size_t at, size_t bytes) {
    const size_t piece = p->f->piece;
    return piece > 0 && at % piece + bytes > piece ? (at / piece + 1) * piece : at;
}

/* The lowest gap among the blocks that live at the same time. */
static size_t find_gap(const placer *p, const block *b, sized *neighbors, int n) {
    qsort(neighbors, (size_t)n, sizeof *neighbors, lower_first);
    size_t at = 0;
    for (int k = 0; k < n; k++) {
        const block *other = &p->blocks[neighbors[k].number];
        if (other->offset >= at + b->bytes) break;
        if (other->offset + other->bytes > at)
            at = in_one_piece(p, other->offset + other->bytes, b->bytes);
    }
    return at;
}

/* The lowest place for block number k of by_size[] where none before it lies that lives at the same
   time or begins or ends up to `apart` steps from there. */
static size_t lowest_place(const placer *p, const sized *by_size, int k, int apart,
                           sized *neighbors) {
    const block *b = &p->blocks[by_size[k].number];
    int n = 0;
    for (int j = 0; j < k; j++) {
        const block *other = &p->blocks[by_size[j].number];
        if (other->first <= b->last + apart && b->first <= other->last + apart)
            neighbors[n++] = (sized){other->offset, by_size[j].number};
    }
    return find_gap(p, b, neighbors, n);
}

/* Largest first, each as low as it fits: within a few percent of the best for such graphs
   (Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020, greedy by
   size). With `room`, as many steps apart from those that use the same memory as it allows. */
static void place_in_turn(placer *p, const sized *by_size, sized *neighbors, size_t room,
                          size_t *total) {
    *total = 0;
    for (int k = 0; k < p->n_blocks; k++) {
        block *b = &p->blocks[by_size[k].number];
        int apart = room > 0 ? MOST_APART : 0;
        b->offset = lowest_place(p, by_size, k, apart, neighbors);
        while (apart > 0 && b->offset + b->bytes > room)
            b->offset = lowest_place(p, by_size, k, apart /= 2, neighbors);
        if (b->offset + b->bytes > *total) *total = b->offset + b->bytes;
    }
}

static void place_one_by_one(placer *p, size_t *total) {
    *total = 0;
    for (int k = 0; k < p->n_blocks; k++) {
        block *b = &p->blocks[k];
        b->offset = in_one_piece(p, *total, b->bytes);
        if (b->offset + b->bytes > *total) *total = b->offset + b->bytes;
    }
}

static bool place_blocks(placer *p, bool reuse, size_t *total) {
    size_t n = (size_t)p->n_blocks + 1;
    sized *by_size = calloc(n, sizeof *by_size), *neighbors = calloc(n, sizeof *neighbors);
    const bool done = by_size != NULL && neighbors != NULL;
    for (int k = 0; done && k < p->n_blocks; k++) by_size[k] = (sized){p->blocks[k].bytes, k};
    if (done && reuse) {
        qsort(by_size, (size_t)p->n_blocks, sizeof *by_size, larger_first);
        place_in_turn(p, by_size, neighbors, 0, total);
        const size_t least = *total;
        if (p->f->spreads) place_in_turn(p, by_size, neighbors, least, total);
        if (*total > least) place_in_turn(p, by_size, neighbors, 0, total);
    } else if (done) place_one_by_one(p, total);
    free(by_size);
    free(neighbors);
    return done;
}

/* Operands count in elements from the start of the buffer. With `sign` -1: takes the offsets out
   again. */
static void write_offsets(const placer *p, int sign) {
    for (int s = 0; s < p->n_steps; s++) {
        hb_group *g = step_group(p, s);
        for (int k = 0; k < g->n_places; k++)
            if (hb_in_arena(&g->places[k])) {
                hb_operand *operand = g->places[k].operand;
                operand->offset +=
                    sign * (int64_t)(p->blocks[p->block_of[g->places[k].node]].offset /
                                     hebb_dtype_size(operand->dtype));
                operand->last = !g->places[k].written && p->last[g->places[k].node] == s;
            }
        if (g->step.scratch_bytes > 0 && sign > 0)
            g->step.scratch_offset = (int64_t)p->blocks[g->step.scratch_offset].offset;
    }
}

/* One that no piece has room for. */
static hebb_status check_blocks(const placer *p, hb_error *error) {
    for (int k = 0; k < p->n_blocks && p->f->piece > 0; k++)
        if (p->blocks[k].bytes > p->f->piece)
            return hb_fail(
                error, HEBB_E_MEMORY, "\"%s\" needs %zu bytes in one piece; the device gives %zu",
                step_group(p, p->blocks[k].first)->step.name, p->blocks[k].bytes, p->f->piece);
    return HEBB_OK;
}

hebb_status hb_place_values(hb_fusion *fusion, const int *order, int n_steps, bool reuse,
                            const hb_look *look, hb_arena *arena, hb_error *error) {
    placer p = {.f = fusion, .ir = fusion->ir, .order = order, .n_steps = n_steps};
    size_t n = (size_t)p.ir->n_nodes + 1;
    p.first = ir_memory(p.ir, n * sizeof *p.first);
    p.last = ir_memory(p.ir, n * sizeof *p.last);
    p.block_of = ir_memory(p.ir, n * sizeof *p.block_of);
    p.begin = ir_memory(p.ir, ((size_t)n_steps + 1) * sizeof *p.begin);
    p.end = ir_memory(p.ir, ((size_t)n_steps + 1) * sizeof *p.end);
    p.blocks = ir_memory(p.ir, (n + (size_t)n_steps) * sizeof *p.blocks);
    arena->offset = ir_memory(p.ir, n * sizeof *arena->offset);
    if (p.ir->error.status != HEBB_OK) {
        *error = p.ir->error;
        return error->status;
    }
    find_joined(&p);
    find_lifetimes(&p);
    make_blocks(&p, reuse);
    hebb_status status = check_blocks(&p, error);
    if (status != HEBB_OK) return status;
    if (!place_blocks(&p, reuse, &arena->bytes))
        return hb_fail_memory(error, "a plan", n * sizeof(sized));
    write_offsets(&p, 1);
    if (look != NULL) {
        look->at(look->context, order, n_steps);
        write_offsets(&p, -1);
    }
    for (int node = 0; node < p.ir->n_nodes; node++)
        if (p.block_of[node] >= 0) arena->offset[node] = p.blocks[p.block_of[node]].offset;
    return HEBB_OK;
}
