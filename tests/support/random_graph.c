/* Drawing recipes and building graphs of them: see random_graph.h. */
#include <string.h>

#include "random_ops.h"

#define MOST_ELEMENTS  2000
#define LARGE_ELEMENTS 100000
#define MOST_RANK      6

/* Large ones are beyond the sizes of vectors and tiles, and enough for several threads. */
static const int64_t small_batches[RANDOM_BATCHES] = {3, 5, 1, 0};
static const int64_t large_batches[RANDOM_BATCHES] = {67, 261, 1, 0};

/* ---- building ---- */

static hebb_dtype dtype_of(random_kind kind, hebb_dtype dtype) {
    return kind == RANDOM_REAL ? dtype : kind == RANDOM_WHOLE ? HEBB_I32 : HEBB_BOOL;
}

static hebb_shape open_shape(const random_node *node) {
    hebb_shape shape = node->shape[0];
    for (int b = 1; b < RANDOM_BATCHES; b++)
        for (int k = 0; k < shape.rank; k++)
            if (node->shape[b].dim[k] != node->shape[0].dim[k]) shape.dim[k] = HEBB_ANY;
    return shape;
}

static hebb_tensor *build_node(const random_node *node, hebb_graph *g, hebb_tensor *const *built,
                               hebb_dtype dtype, int batch) {
    if (node->op == NULL && node->variable)
        return hebb_variable(g, NULL, dtype_of(node->kind, dtype), node->shape[0], hebb_zeros());
    if (node->op == NULL)
        return hebb_input(g, NULL, dtype_of(node->kind, dtype),
                          batch == RANDOM_OPEN ? open_shape(node) : node->shape[batch]);
    hebb_tensor *x[RANDOM_OPERANDS] = {0};
    for (int k = 0; k < RANDOM_OPERANDS; k++)
        if (node->x[k] >= 0) x[k] = built[node->x[k]];
    return node->op->build(node, x);
}

static void mark_used(const random_recipe *r, bool *used) {
    for (int i = 0; i < r->count; i++)
        for (int k = 0; k < RANDOM_OPERANDS; k++)
            if (r->node[i].x[k] >= 0) used[r->node[i].x[k]] = true;
}

static void add_gradients(const random_recipe *r, random_graph *out) {
    hebb_tensor *xs[RANDOM_NODES], *gradients[RANDOM_NODES];
    size_t n = 0;
    for (int i = 0; i < r->count; i++)
        if (r->node[i].op == NULL && r->node[i].kind == RANDOM_REAL) xs[n++] = out->node[i];
    hebb_gradients(&out->objective, 1, xs, n, NULL, gradients);
    n = 0;
    for (int i = 0; i < r->count; i++)
        if (r->node[i].op == NULL && r->node[i].kind == RANDOM_REAL)
            out->fetch[out->n_fetches++] = out->gradient[i] = gradients[n++];
}

random_graph random_graph_build(const random_recipe *r, hebb_dtype dtype, int batch,
                                bool gradients) {
    random_graph out = {.graph = hebb_graph_create()};
    bool used[RANDOM_NODES] = {false};
    mark_used(r, used);
    for (int i = 0; i < r->count; i++) {
        hebb_tensor *y = out.node[i] = build_node(&r->node[i], out.graph, out.node, dtype, batch);
        if (used[i] && !r->node[i].fetched) continue;
        out.same_bits[out.n_fetches] = !r->node[i].summed;
        out.fetch[out.n_fetches++] = y;
        if (r->node[i].kind != RANDOM_REAL) continue;
        hebb_tensor *term = hebb_sum(hebb_square(y), HEBB_ALL_AXES, false);
        term = hebb_mul(term, hebb_scalar_like(term, 0.125));
        out.objective = out.objective == NULL ? term : hebb_add(out.objective, term);
    }
    if (out.objective == NULL) return out;
    out.fetch[out.n_fetches++] = out.objective;
    if (gradients) add_gradients(r, &out);
    return out;
}

hebb_array random_value(const random_recipe *r, int node, hebb_dtype dtype, int batch, double nudge,
                        int way) {
    static const domain domains[] = {REALS, SMALL, TRUTH};
    const random_node *input = &r->node[node];
    rng numbers = {r->seed * 1000003 + (uint64_t)(input->n[0] * 16 + batch)},
        ways = {(uint64_t)way};
    values v = values_make(input->kind == RANDOM_REAL ? HEBB_F32 : dtype_of(input->kind, dtype),
                           input->shape[batch]);
    values_fill(&v, domains[input->kind], 1, (int)input->n[0], &numbers);
    v = values_cast(&v, dtype_of(input->kind, dtype));
    if (input->kind == RANDOM_REAL)
        for (int64_t i = 0; i < v.count; i++) v.at[i].f *= 1 + nudge * rng_real(&ways, -1, 1);
    return values_to_array(&v);
}

/* ---- drawing ---- */

/* The recipe so far, built for each batch size: that is how shapes are known. */
typedef struct workshop {
    hebb_graph *graph[RANDOM_BATCHES];
    hebb_tensor *t[RANDOM_BATCHES][RANDOM_NODES];
    int built;
} workshop;

static void workshop_close(workshop *w) {
    for (int b = 0; b < RANDOM_BATCHES; b++) hebb_graph_destroy(w->graph[b]);
    *w = (workshop){0};
}

static void workshop_catch_up(workshop *w, const random_recipe *r) {
    for (int b = 0; b < RANDOM_BATCHES; b++) {
        if (w->graph[b] == NULL) w->graph[b] = hebb_graph_create();
        for (int i = w->built; i < r->count; i++)
            w->t[b][i] = build_node(&r->node[i], w->graph[b], w->t[b], HEBB_F64, b);
    }
    w->built = r->count;
}

static random_kind kind_of(hebb_dtype dtype) {
    return hebb_dtype_floating(dtype) ? RANDOM_REAL
           : dtype == HEBB_I32        ? RANDOM_WHOLE
                                      : RANDOM_TRUTH;
}

/* Whether the node builds for every batch size, to something that is not too large. */
static bool workshop_try(workshop *w, const random_recipe *r, random_node *node) {
    const int64_t most = r->batch[0] > small_batches[0] ? LARGE_ELEMENTS : MOST_ELEMENTS;
    bool fits = true;
    workshop_catch_up(w, r);
    for (int b = 0; b < RANDOM_BATCHES && fits; b++) {
        hebb_tensor *y = build_node(node, w->graph[b], w->t[b], HEBB_F64, b);
        fits = hebb_graph_status(w->graph[b]) == HEBB_OK && y != NULL;
        if (!fits) break;
        node->shape[b] = hebb_tensor_shape(y);
        node->kind = kind_of(hebb_tensor_dtype(y));
        fits = node->shape[b].rank <= MOST_RANK && hebb_shape_count(node->shape[b]) <= most &&
               node->shape[b].rank == node->shape[0].rank;
    }
    workshop_close(w); /* a graph with an error, or with a node too many */
    return fits;
}

/* Nothing may be left of a few, so that not all means are NaN. */
static bool is_empty(const random_recipe *r, const random_node *node) {
    for (int b = 0; b < RANDOM_BATCHES; b++)
        if (r->batch[b] > 0 && hebb_shape_count(node->shape[b]) == 0) return true;
    return false;
}

static bool all_exact(const random_recipe *r, const random_node *node) {
    for (int k = 0; k < RANDOM_OPERANDS; k++)
        if (node->x[k] >= 0 && !r->node[node->x[k]].exact) return false;
    return true;
}

static bool any_summed(const random_recipe *r, const random_node *node) {
    for (int k = 0; k < RANDOM_OPERANDS; k++)
        if (node->x[k] >= 0 && r->node[node->x[k]].summed) return true;
    return false;
}

static const random_table *const tables[] = {&random_scalar_ops, &random_array_ops,
                                             &random_axis_ops, &random_control_ops};

const random_op *random_op_at(int index) {
    int part = 0;
    while (index >= tables[part]->count) index -= tables[part++]->count;
    return &tables[part]->row[index];
}

int random_op_count(void) {
    int count = 0;
    for (size_t part = 0; part < sizeof tables / sizeof *tables; part++)
        count += tables[part]->count;
    return count;
}

static const random_op *pick_op(random_drawing *d, bool smooth) {
    const random_family family = (random_family)rng_below(&d->r, RANDOM_FAMILIES);
    const random_op *fitting[256];
    int n = 0;
    for (int i = 0; i < random_op_count() && n < 256; i++) {
        const random_op *op = random_op_at(i);
        if (op->family == family && !(smooth && (op->traits & RANDOM_KINKED))) fitting[n++] = op;
    }
    return n == 0 ? NULL : fitting[rng_below(&d->r, n)];
}

static bool add_op(random_drawing *d, workshop *w, bool smooth) {
    random_recipe *r = d->recipe;
    random_node node = {.op = pick_op(d, smooth), .x = {-1, -1, -1}};
    if (node.op == NULL || !node.op->draw(d, &node, node.op)) return false;
    const bool exact = all_exact(r, &node);
    if ((node.op->traits & RANDOM_JUMPS) && !exact) return false;
    if (!workshop_try(w, r, &node)) return false;
    if (is_empty(r, &node) && (smooth || rng_below(&d->r, 10) > 0)) return false;
    node.exact = exact && (node.op->traits & RANDOM_KEEPS);
    node.summed = (node.op->traits & RANDOM_SUMS) || any_summed(r, &node);
    node.fetched = rng_below(&d->r, 8) == 0;
    r->node[r->count++] = node;
    return true;
}

static int add_input(random_recipe *r, random_kind kind, const hebb_shape *shapes) {
    if (r->count == RANDOM_NODES) return -1;
    random_node node = {.x = {-1, -1, -1}, .n = {r->count}, .kind = kind, .exact = true};
    for (int b = 0; b < RANDOM_BATCHES; b++) node.shape[b] = shapes[b];
    r->node[r->count] = node;
    return r->count++;
}

int random_fresh(random_drawing *d, random_kind kind, hebb_shape shape) {
    const hebb_shape shapes[RANDOM_BATCHES] = {shape, shape, shape, shape};
    if (random_recipe_ops(d->recipe) + 16 < d->recipe->count) return -1;
    return add_input(d->recipe, kind, shapes);
}

static void add_first_inputs(random_recipe *r) {
    const struct {
        random_kind kind;
        hebb_shape shape; /* HEBB_ANY: the batch size */
    } inputs[] = {
        {RANDOM_REAL, HEBB_SHAPE(HEBB_ANY, 4)},    {RANDOM_REAL, HEBB_SHAPE(4)},
        {RANDOM_REAL, HEBB_SHAPE(2, 1, 4)},        {RANDOM_REAL, HEBB_SHAPE(HEBB_ANY, 1)},
        {RANDOM_REAL, HEBB_SHAPE(HEBB_ANY, 2, 6)}, {RANDOM_REAL, HEBB_SHAPE(2, 3, 5, 4)},
        {RANDOM_WHOLE, HEBB_SHAPE(HEBB_ANY)},      {RANDOM_WHOLE, HEBB_SHAPE(2, 4)},
        {RANDOM_TRUTH, HEBB_SHAPE(HEBB_ANY, 4)},
    };
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        hebb_shape shapes[RANDOM_BATCHES];
        for (int b = 0; b < RANDOM_BATCHES; b++) {
            shapes[b] = inputs[i].shape;
            for (int k = 0; k < shapes[b].rank; k++)
                if (shapes[b].dim[k] == HEBB_ANY) shapes[b].dim[k] = r->batch[b];
        }
        add_input(r, inputs[i].kind, shapes);
    }
}

void random_compact(random_recipe *r) {
    bool used[RANDOM_NODES] = {false};
    int moved[RANDOM_NODES], n = 0;
    mark_used(r, used);
    for (int i = 0; i < r->count; i++) {
        moved[i] = n;
        if (r->node[i].op == NULL && !used[i]) continue;
        random_node node = r->node[i];
        for (int k = 0; k < RANDOM_OPERANDS; k++)
            if (node.x[k] >= 0) node.x[k] = moved[node.x[k]];
        r->node[n++] = node;
    }
    r->count = n;
}

int random_recipe_ops(const random_recipe *r) {
    int ops = 0;
    for (int i = 0; i < r->count; i++) ops += r->node[i].op != NULL;
    return ops;
}

random_recipe random_recipe_draw(uint64_t seed, bool smooth, bool large, int most) {
    random_recipe r = {.seed = seed};
    random_drawing d = {.recipe = &r, .r = {seed}};
    workshop w = {0};
    memcpy(r.batch, large ? large_batches : small_batches, sizeof r.batch);
    add_first_inputs(&r);
    const int least = most < 10 ? most : 10,
              wanted = least + (int)rng_below(&d.r, most - least + 1);
    while (random_recipe_ops(&r) < wanted && r.count < RANDOM_NODES) add_op(&d, &w, smooth);
    workshop_close(&w);
    random_compact(&r);
    return r;
}
