/* Decides which values get memory of their own (roots) and which roots one step computes (groups).

   Elementwise nodes that are not roots are computed where they are read, through whatever view they
   are read by. A node becomes a root if a matrix product, an index op or the user wants it in
   memory, if a reader's view cannot be expressed, or if computing it again for several readers
   costs more than keeping it. Then groups of roots over the same index space are merged, so that a
   step has several outputs, a matrix product its epilogue, and a reduction what comes before and
   after it. */
#include <stdlib.h>
#include <string.h>

#include "fusion.h"

/* A reader of a node: the root whose program computes or loads it, and the view from that root's
 * space. */
typedef struct use {
    int root;
    hb_view view;
    struct use *next;
} use;

typedef struct fuser {
    hb_fusion *f;
    hb_ir *ir;
    bool fuse;
    use **uses;   /* by node */
    float *flops; /* by node: to compute it from roots and buffers, for one element */
    int *leaves;  /* by node: big values that takes */
    bool *needed; /* by node: by a step that is no loop, or by the user */
    bool *cut;    /* by node: made a root because a program was too long */
    int *piece;   /* by root: how long the pieces of its program may be; 0: as long as it is */
    int *visited; /* by group: stamp of the last search */
    int stamp;
} fuser;

static const ir_node *get(const fuser *p, int node) { return &p->ir->nodes[node]; }
static int64_t count_of(const fuser *p, int node) { return hebb_shape_count(get(p, node)->shape); }

/* ---- values that must be in memory ---- */

static void force(fuser *p, int node) {
    if (get(p, node)->kind == IR_BUFFER) return;
    p->f->root[node] = true;
}

/* For readers that are no loops: they load from memory whatever is fused. */
static void need(fuser *p, int node) {
    force(p, node);
    p->needed[node] = true;
}

static void force_base(fuser *p, int node) { need(p, ir_ref(p->ir, node).base); }

/* For steps that take whole contiguous tensors: a view of anything else is copied. */
static void force_contiguous(fuser *p, int node) {
    hb_ref ref = ir_ref(p->ir, node);
    bool whole = hb_is_contiguous(get(p, node)->shape, &ref.view) &&
                 count_of(p, node) == count_of(p, ref.base);
    need(p, whole ? ref.base : node);
}

/* The same for steps that can begin anywhere in what they read. */
static void force_range(fuser *p, int node) {
    hb_ref ref = ir_ref(p->ir, node);
    need(p, hb_is_range(get(p, node)->shape, &ref.view) ? ref.base : node);
}

static void force_node(fuser *p, int node) {
    const ir_node *n = get(p, node);
    switch (n->kind) {
    case IR_BUFFER:
    case IR_INDEX:
    case IR_FULL: break;
    case IR_SCALAR:
        if (!p->fuse) force(p, node);
        break;
    case IR_VIEW: { /* one that cannot be followed is read from a copy of what it shows */
        hb_ref ref = ir_ref(p->ir, node);
        if (get(p, ref.base)->kind == IR_VIEW) force(p, ref.base);
        break;
    }
    case IR_PARTS: p->f->apart[node] = ir_parts_apart(p->ir, node); /* fall through */
    case IR_REDUCE:
    case IR_COPY: p->f->root[node] = true; break;
    case IR_MATMUL:
        p->f->root[node] = true;
        force_base(p, n->in[0]);
        force_base(p, n->in[1]);
        break;
    case IR_GATHER:
        p->f->root[node] = true;
        force_contiguous(p, n->in[0]);
        force_contiguous(p, n->in[1]);
        break;
    case IR_SCATTER_ADD:
    case IR_SCATTER_SET:
        p->f->root[node] = true;
        force_contiguous(p, n->in[1]);
        force_contiguous(p, n->in[2]);
        break;
    case IR_STEP:
        p->f->root[node] = true;
        for (int k = 0; k < n->n_in; k++) force_range(p, n->in[k]);
        break;
    case IR_OUTPUT: p->f->root[node] = true; break;
    }
}

/* A value equal to another one, to be kept apart from it: a conversion to the dtype it has. */
static int copy_of(hb_ir *ir, int node) {
    return ir_scalar(ir, HB_CAST, ir->nodes[node].dtype, &node, 1, ir->nodes[node].origin);
}

/* Fetched values live in the arena under their own node; variables change, and views are elsewhere.
 */
static void prepare_fetches(hb_ir *ir, fuser *p) {
    for (int k = 0; k < ir->n_fetches && ir->error.status == HEBB_OK; k++)
        if (ir->fetches[k] >= 0 && get(p, ir->fetches[k])->kind == IR_BUFFER)
            ir->fetches[k] = copy_of(ir, ir->fetches[k]);
}

static bool is_read(const hb_ir *ir, int buffer) {
    for (int k = 0; k < ir->n_nodes; k++)
        if (ir->nodes[k].kind == IR_BUFFER && ir->nodes[k].buffer == buffer) return true;
    return false;
}

/* A variable is written by the step that computes its value, if that is a step of its own kind; by
   the steps that write its parts, if nobody could see it half written. */
static void prepare_assigns(hb_ir *ir, fuser *p) {
    for (int k = 0; k < ir->n_assigns && ir->error.status == HEBB_OK; k++) {
        int *value = &ir->assigns[k].value;
        ir_kind kind = get(p, *value)->kind;
        bool direct = kind == IR_SCALAR || kind == IR_REDUCE || kind == IR_MATMUL ||
                      (kind == IR_PARTS && !is_read(ir, ir->assigns[k].buffer));
        for (int j = 0; j < k; j++) direct = direct && ir->assigns[j].value != *value;
        if (!direct) *value = copy_of(ir, *value);
    }
}

/* ---- roots ---- */

static void estimate(fuser *p) {
    for (int node = 0; node < p->ir->n_nodes; node++) {
        const ir_node *n = get(p, node);
        if (n->kind != IR_SCALAR) continue;
        p->flops[node] = (float)hb_code_flops(n->code);
        for (int k = 0; k < n->n_in; k++) {
            int base = ir_ref(p->ir, n->in[k]).base;
            ir_kind kind = get(p, base)->kind;
            if (kind == IR_SCALAR && !p->f->root[base]) {
                p->flops[node] += p->flops[base];
                p->leaves[node] += p->leaves[base];
            } else if (kind != IR_FULL && kind != IR_INDEX &&
                       4 * count_of(p, base) >= count_of(p, node))
                p->leaves[node]++;
        }
    }
}

static hebb_shape space_of(const fuser *p, int root) {
    const ir_node *n = get(p, root);
    return n->kind == IR_REDUCE ? get(p, n->in[0])->shape : n->shape;
}

static void add_use(fuser *p, int node, int root, const hb_view *view) {
    use *u = ir_memory(p->ir, sizeof *u);
    if (u == NULL) return;
    *u = (use){root, *view, p->uses[node]};
    p->uses[node] = u;
}

/* Hands a use of a node on to what it is computed from, if `add`; or only says whether that can be
   expressed. */
static bool use_inputs(fuser *p, int node, int root, const hb_view *view, bool add) {
    const ir_node *n = get(p, node);
    hebb_shape space = space_of(p, root);
    for (int k = 0; k < n->n_in; k++) {
        hb_ref ref = ir_ref(p->ir, n->in[k]);
        hb_view through;
        if (!hb_compose(space, view, get(p, n->in[k])->shape, &ref.view, &through)) return false;
        if (add) add_use(p, ref.base, root, &through);
    }
    return true;
}

static bool same_use(const fuser *p, const use *a, const use *b) {
    if (a->root != b->root || a->view.offset != b->view.offset) return false;
    hebb_shape space = space_of(p, a->root);
    for (int k = 0; k < space.rank; k++)
        if (space.dim[k] != 1 && a->view.stride[k] != b->view.stride[k]) return false;
    return true;
}

/* Work that may be done again for each reader rather than keeping the value: a few additions on one
   big operand read no more than the value itself would, and save writing it. */
enum { CHEAP_FLOPS = 4, CHEAP_LEAVES = 1, MOST_READERS = 4 };

static bool worth_inlining(const fuser *p, int node) {
    bool several = false, expands = false;
    int readers = 0;
    for (const use *u = p->uses[node]; u != NULL; u = u->next) {
        readers++;
        several = several || !same_use(p, u, p->uses[node]);
        expands = expands || hebb_shape_count(space_of(p, u->root)) > count_of(p, node);
    }
    if (expands) return p->flops[node] <= 2 && p->leaves[node] == 0;
    if (!several) return true;
    return p->flops[node] <= CHEAP_FLOPS && p->leaves[node] <= CHEAP_LEAVES &&
           readers <= MOST_READERS;
}

static bool can_inline(fuser *p, int node) {
    for (const use *u = p->uses[node]; u != NULL; u = u->next)
        if (!use_inputs(p, node, u->root, &u->view, false)) return false;
    return true;
}

static void use_own_inputs(fuser *p, int root) {
    const ir_node *n = get(p, root);
    hb_view own = hb_contiguous(space_of(p, root));
    hb_ref ref;
    switch (n->kind) {
    case IR_SCALAR: use_inputs(p, root, root, &own, true); break;
    case IR_VIEW:
        ref = ir_ref(p->ir, root);
        add_use(p, ref.base, root, &ref.view);
        break;
    case IR_COPY:
    case IR_REDUCE:
        ref = ir_ref(p->ir, n->in[0]);
        add_use(p, ref.base, root, &ref.view);
        break;
    default: break; /* what they read has been forced into memory */
    }
}

/* From readers to what they read. */
static void choose_roots(fuser *p) {
    for (int node = p->ir->n_nodes - 1; node >= 0 && p->ir->error.status == HEBB_OK; node--) {
        bool *root = &p->f->root[node];
        if (get(p, node)->kind == IR_SCALAR && !*root && p->uses[node] != NULL) {
            if (worth_inlining(p, node) && can_inline(p, node)) {
                for (const use *u = p->uses[node]; u != NULL; u = u->next)
                    use_inputs(p, node, u->root, &u->view, true);
                continue;
            }
            *root = true;
        }
        if (*root) use_own_inputs(p, node);
    }
}

/* ---- groups ---- */

/* Batch dimensions of a that b does not have become rows: one big product instead of many small
 * ones. */
static hebb_shape product_space(const fuser *p, int node) {
    const ir_node *n = get(p, node);
    hb_ref a = ir_ref(p->ir, n->in[0]), b = ir_ref(p->ir, n->in[1]);
    hebb_shape space = n->shape;
    int rank = space.rank, merged = 0;
    int64_t rows = space.dim[rank - 2];
    for (int k = rank - 3; k >= 0; k--, merged++) {
        bool row_like = a.view.stride[k] == a.view.stride[rank - 2] * rows || space.dim[k] == 1;
        if (!row_like || (b.view.stride[k] != 0 && space.dim[k] != 1)) break;
        rows *= space.dim[k];
    }
    if (merged < rank - 2)
        return space; /* the strides of what is left must be those of the space */
    return HEBB_SHAPE(rows, space.dim[rank - 1]);
}

static void make_groups(fuser *p) {
    hb_fusion *f = p->f;
    int n = 0;
    for (int node = 0; node < p->ir->n_nodes; node++) n += f->root[node];
    f->groups = ir_memory(p->ir, (size_t)(n + p->ir->n_assigns + 1) * sizeof *f->groups);
    for (int node = 0; node < p->ir->n_nodes && f->groups != NULL; node++) {
        f->group[node] = -1;
        const ir_node *r = get(p, node);
        if (!f->root[node] || r->kind == IR_PARTS) continue;
        if (r->kind == IR_OUTPUT) {
            f->group[node] = f->group[r->in[0]];
            continue;
        }
        hb_group *g = &f->groups[f->n_groups];
        bool special = r->kind == IR_REDUCE || r->kind == IR_MATMUL || r->kind == IR_GATHER ||
                       ir_is_scatter(r->kind) || r->kind == IR_STEP;
        *g = (hb_group){.kind = special ? r->kind : IR_SCALAR,
                        .n_members = 1,
                        .space = r->kind == IR_MATMUL ? product_space(p, node) : space_of(p, node)};
        g->members = ir_memory(p->ir, sizeof *g->members);
        if (g->members == NULL) return;
        g->members[0] = node;
        if (r->kind == IR_REDUCE) memcpy(g->reduce, r->reduce, sizeof g->reduce);
        f->group[node] = f->n_groups++;
    }
}

/* ---- merging ---- */

static int64_t kept_count(const hb_group *g) {
    int64_t kept = 1;
    for (int k = 0; k < g->space.rank; k++)
        if (!g->reduce[k]) kept *= g->space.dim[k];
    return kept;
}

/* A copy whose place in the order of its value's parts does not matter. */
static bool is_free_copy(const fuser *p, const ir_node *n) {
    return n->kind == IR_COPY && p->f->apart[n->into];
}

/* Whether copies into parts that may meet others, or views of the whole, are in the group: those
   stay alone. */
static bool computes(const fuser *p, const hb_group *g) {
    for (int k = 0; k < g->n_members; k++) {
        const ir_node *n = get(p, g->members[k]);
        if (n->kind != IR_SCALAR && n->kind != IR_REDUCE && n->kind != IR_MATMUL &&
            !is_free_copy(p, n))
            return false;
    }
    return true;
}

/* Whether a group reads a value of which the other one writes a part: all parts are needed first.
 */
static bool reads_parts_of(const fuser *p, int reader, int writer) {
    const hb_group *g = &p->f->groups[reader];
    for (int k = 0; k < g->n_places; k++) {
        if (g->places[k].written || g->places[k].node < 0) continue;
        const ir_node *n = get(p, g->places[k].node);
        for (int i = 0; n->kind == IR_PARTS && i < n->n_in; i++)
            if (p->f->group[n->in[i]] == writer) return true;
    }
    return false;
}

/* Whether the index spaces allow one step; `first` then gives the space. */
static bool spaces_fit(const fuser *p, const hb_group *first, const hb_group *second) {
    if (!computes(p, first) || !computes(p, second)) return false;
    int64_t a = hebb_shape_count(first->space), b = hebb_shape_count(second->space);
    if (first->kind == IR_REDUCE && second->kind == IR_REDUCE)
        return hebb_shape_equal(first->space, second->space) &&
               memcmp(first->reduce, second->reduce, sizeof first->reduce) == 0;
    if (second->kind != IR_SCALAR) return false;
    if (first->kind != IR_REDUCE) return a == b;
    return a > kept_count(first) && (b == a || b == kept_count(first));
}

static void visit_node(fuser *p, int node, int *stack, int *depth);

/* Puts the groups that a group reads from on the stack. */
static void visit_group(fuser *p, const hb_group *g, int *stack, int *depth) {
    for (int k = 0; k < g->n_places; k++)
        if (!g->places[k].written && g->places[k].node >= 0)
            visit_node(p, g->places[k].node, stack, depth);
    if (ir_is_scatter(g->kind)) visit_node(p, get(p, g->members[0])->in[0], stack, depth);
}

static void visit_node(fuser *p, int node, int *stack, int *depth) {
    const ir_node *n = get(p, node);
    if (n->kind == IR_PARTS) {
        for (int k = 0; k < n->n_in; k++) visit_node(p, n->in[k], stack, depth);
        return;
    }
    int group = p->f->root[node] ? p->f->group[node] : -1;
    if (group < 0 || p->visited[group] == p->stamp) return;
    p->visited[group] = p->stamp;
    stack[(*depth)++] = group;
}

/* Whether `from` needs `to` by way of a third group. */
static bool needs_indirectly(fuser *p, int from, int to, int *stack) {
    int depth = 0;
    p->stamp++;
    p->visited[from] = p->stamp;
    visit_group(p, &p->f->groups[from], stack, &depth);
    if (p->visited[to] == p->stamp) { /* directly: take it off, the rest must not lead there */
        for (int k = 0; k < depth; k++)
            if (stack[k] == to) stack[k] = stack[--depth];
        p->visited[to] = 0;
    }
    while (depth > 0) {
        visit_group(p, &p->f->groups[stack[--depth]], stack, &depth);
        if (p->visited[to] == p->stamp) return true;
    }
    return false;
}

static void set_members(fuser *p, hb_group *g, int number) {
    for (int k = 0; k < g->n_members; k++) p->f->group[g->members[k]] = number;
}

static int *merged_members(fuser *p, const hb_group *a, const hb_group *b) {
    int *all = ir_memory(p->ir, (size_t)(a->n_members + b->n_members) * sizeof *all);
    if (all == NULL) return NULL;
    for (int i = 0, j = 0, k = 0; k < a->n_members + b->n_members; k++) {
        bool from_a = j == b->n_members || (i < a->n_members && a->members[i] < b->members[j]);
        all[k] = from_a ? a->members[i++] : b->members[j++];
    }
    return all;
}

/* Whether a value is wanted in memory by others than the group that makes it. */
static bool wanted_outside(const fuser *p, int node, int group) {
    if (p->needed[node]) return true;
    for (const use *u = p->uses[node]; u != NULL; u = u->next)
        if (p->f->group[u->root] != group) return true;
    return false;
}

/* Whether one step can compute the group, as far as is known before all groups are made. */
static bool try_lower(fuser *p, int group) {
    hb_group *g = &p->f->groups[group];
    for (int k = 0; k < g->n_members; k++) {
        const ir_node *n = get(p, g->members[k]);
        const int node = n->kind == IR_COPY ? n->into : g->members[k];
        p->f->stored[node] = wanted_outside(p, node, group);
    }
    return hb_lower(p->f, g, false);
}

/* Merges group `second` into `first` if one step can compute both; its space is first's. */
static bool merge(fuser *p, int first, int second, int *stack) {
    hb_group *a = &p->f->groups[first], *b = &p->f->groups[second];
    if (!spaces_fit(p, a, b)) return false;
    if (reads_parts_of(p, first, second) || reads_parts_of(p, second, first)) return false;
    if (needs_indirectly(p, first, second, stack) || needs_indirectly(p, second, first, stack))
        return false;
    int *all = merged_members(p, a, b);
    if (all == NULL) return false;
    hb_group together = *a;
    together.members = all;
    together.n_members = a->n_members + b->n_members;
    hb_group before = *a;
    *a = together;
    set_members(p, a, first);
    b->merged = true;
    if (try_lower(p, first)) return true;
    *a = before;
    b->merged = false;
    set_members(p, a, first);
    set_members(p, b, second);
    return false;
}

static bool try_merge(fuser *p, int a, int b, int *stack) {
    return merge(p, a, b, stack) || merge(p, b, a, stack);
}

/* Merges a group with one that it reads from, point by point; true if it did. A merged group reads
   other things, so the caller starts over with it. */
static bool merge_with_source(fuser *p, int group, int *stack) {
    const hb_group *g = &p->f->groups[group];
    for (int k = 0; k < g->n_places; k++) {
        const hb_place *place = &g->places[k];
        if (place->written || place->node < 0 || !place->pointwise || !p->f->root[place->node])
            continue;
        int other = p->f->group[place->node];
        if (other >= 0 && other != group && try_merge(p, other, group, stack)) return true;
    }
    return false;
}

/* Parts of one value that are computed alike, as the gradients of an LSTM's gates. */
static void merge_parts(fuser *p, int parts, int *stack) {
    const ir_node *n = get(p, parts);
    for (int k = 1; k < n->n_in && p->ir->error.status == HEBB_OK; k++) {
        const int one = p->f->group[n->in[k - 1]], other = p->f->group[n->in[k]];
        if (one != other) try_merge(p, one, other, stack);
    }
}

static void merge_groups(fuser *p) {
    int *stack = ir_memory(p->ir, (size_t)(p->f->n_groups + 1) * sizeof *stack);
    for (int node = 0; node < p->ir->n_nodes && stack != NULL && p->ir->error.status == HEBB_OK;
         node++) {
        if (!p->f->root[node] || p->f->group[node] < 0) continue;
        while (merge_with_source(p, p->f->group[node], stack)) {
        }
    }
    for (int node = 0; node < p->ir->n_nodes && stack != NULL; node++)
        if (get(p, node)->kind == IR_PARTS && p->f->apart[node]) merge_parts(p, node, stack);
}

/* ---- programs that are too long ---- */

/* Marks the elementwise nodes that are computed inside the root's program. */
static void mark_program(const fuser *p, int root, bool *inside) {
    inside[root] = true;
    for (int node = root; node >= 0; node--) {
        const ir_node *n = get(p, node);
        for (int k = 0; inside[node] && k < n->n_in; k++) {
            int base = ir_ref(p->ir, n->in[k]).base;
            if (get(p, base)->kind == IR_SCALAR && !p->f->root[base]) inside[base] = true;
        }
    }
    inside[root] = false;
}

/* Cuts the program of the group's root in pieces: every so many-th node becomes a root, twice as
   many at each further try. False if there is nothing left to cut. */
static bool cut(fuser *p, int group) {
    enum { LONGEST_PIECE = 64 };
    int root = p->f->groups[group].members[0], n = 0;
    bool *inside = ir_memory(p->ir, (size_t)p->ir->n_nodes * sizeof *inside), any = false;
    if (inside == NULL) return false;
    int *piece = &p->piece[root];
    *piece = *piece == 0 ? LONGEST_PIECE : *piece / 2;
    mark_program(p, root, inside);
    for (int node = 0; node<root && * piece> 0; node++)
        if (inside[node] && ++n % *piece == 0) any = p->cut[node] = true;
    return any || *piece > 1;
}

/* Writes the steps; true if one step can compute each group. The others are cut for the next try.
 */
static bool lower_groups(fuser *p, bool final) {
    bool all = true;
    for (int k = 0; k < p->f->n_groups && p->ir->error.status == HEBB_OK; k++) {
        if (p->f->groups[k].merged ||
            (final ? hb_lower(p->f, &p->f->groups[k], true) : try_lower(p, k)))
            continue;
        all = false;
        if (p->ir->error.status == HEBB_OK && !cut(p, k) && p->ir->error.status == HEBB_OK)
            hb_fail(&p->ir->error, HEBB_E_UNSUPPORTED,
                    "run: an op of this graph is too large for one step");
    }
    return all;
}

/* A root's value is kept if a step other than its own reads it, or the user does. */
static void mark_stored(fuser *p) {
    hb_fusion *f = p->f;
    memset(f->stored, 0, (size_t)p->ir->n_nodes * sizeof *f->stored);
    for (int k = 0; k < f->n_groups; k++) {
        const hb_group *g = &f->groups[k];
        if (g->merged) continue;
        for (int i = 0; i < g->n_places; i++)
            if (!g->places[i].written && g->places[i].node >= 0)
                f->stored[g->places[i].node] = true;
    }
    for (int k = 0; k < p->ir->n_fetches; k++)
        if (p->ir->fetches[k] >= 0) f->stored[p->ir->fetches[k]] = true;
}

static void force_roots(fuser *p) {
    hb_fusion *f = p->f;
    for (int node = 0; node < p->ir->n_nodes; node++) force_node(p, node);
    for (int k = 0; k < p->ir->n_fetches; k++)
        if (p->ir->fetches[k] >= 0) need(p, p->ir->fetches[k]);
    for (int k = 0; k < p->ir->n_assigns; k++) {
        hb_assign_target *target = ir_memory(p->ir, sizeof *target);
        if (target == NULL) return;
        int value = p->ir->assigns[k].value;
        *target = (hb_assign_target){p->ir->assigns[k].buffer, f->assigned[value]};
        f->assigned[value] = target;
        force(p, value);
    }
}

/* Chooses roots and groups; whether one step can compute each group. */
static bool group_once(fuser *p) {
    size_t n = (size_t)p->ir->n_nodes;
    memset(p->f->root, 0, n * sizeof *p->f->root);
    memset(p->f->assigned, 0, n * sizeof *p->f->assigned);
    memset(p->uses, 0, n * sizeof *p->uses);
    memset(p->leaves, 0, n * sizeof *p->leaves);
    memset(p->needed, 0, n * sizeof *p->needed);
    p->f->n_groups = 0;
    force_roots(p);
    for (int node = 0; node < p->ir->n_nodes; node++)
        if (p->cut[node]) force(p, node);
    estimate(p);
    choose_roots(p);
    make_groups(p);
    return p->ir->error.status == HEBB_OK && lower_groups(p, false);
}

static void fuse_all(fuser *p) {
    while (!group_once(p) && p->ir->error.status == HEBB_OK) {
    }
    if (p->ir->error.status != HEBB_OK) return;
    p->visited = ir_memory(p->ir, (size_t)(p->f->n_groups + 1) * sizeof *p->visited);
    if (p->visited == NULL) return;
    if (p->fuse) merge_groups(p);
    mark_stored(p);
    lower_groups(p, true);
}

hebb_status hb_defer_assign(hb_fusion *f, int root, int buffer, hb_error *error) {
    hb_ir *ir = f->ir;
    int copy = copy_of(ir, root);
    hb_assign_target **link = &f->assigned[root];
    while (*link != NULL && (*link)->buffer != buffer) link = &(*link)->next;
    hb_group *g = &f->groups[f->n_groups];
    int *members = ir_memory(ir, sizeof *members);
    if (ir->error.status == HEBB_OK && *link != NULL) {
        hb_assign_target *target = *link;
        *link = target->next;
        target->next = NULL;
        f->root[copy] = f->stored[root] = true;
        f->assigned[copy] = target;
        f->group[copy] = f->n_groups++;
        members[0] = copy;
        *g = (hb_group){
            .kind = IR_SCALAR, .n_members = 1, .members = members, .space = ir->nodes[copy].shape};
        hb_lower(f, &f->groups[f->group[root]], true);
        hb_lower(f, g, true);
    }
    if (ir->error.status != HEBB_OK) *error = ir->error;
    return ir->error.status;
}

hebb_status hb_fuse(hb_ir *ir, bool fuse, hb_fusion *fusion, hb_error *error) {
    *fusion = (hb_fusion){.ir = ir};
    fuser p = {.f = fusion, .ir = ir, .fuse = fuse};
    prepare_fetches(ir, &p);
    prepare_assigns(ir, &p);
    fusion->n_before_deferral = ir->n_nodes;
    /* hb_defer_assign() adds a node and a group for a variable at most. */
    size_t n = (size_t)ir->n_nodes + (size_t)ir->n_assigns + 1;
    fusion->root = ir_memory(ir, n * sizeof *fusion->root);
    fusion->stored = ir_memory(ir, n * sizeof *fusion->stored);
    fusion->apart = ir_memory(ir, n * sizeof *fusion->apart);
    fusion->group = ir_memory(ir, n * sizeof *fusion->group);
    fusion->assigned = ir_memory(ir, n * sizeof *fusion->assigned);
    p.cut = ir_memory(ir, n * sizeof *p.cut);
    p.piece = ir_memory(ir, n * sizeof *p.piece);
    p.uses = ir_memory(ir, n * sizeof *p.uses);
    p.flops = ir_memory(ir, n * sizeof *p.flops);
    p.leaves = ir_memory(ir, n * sizeof *p.leaves);
    p.needed = ir_memory(ir, n * sizeof *p.needed);
    if (ir->error.status == HEBB_OK) fuse_all(&p);
    if (ir->error.status != HEBB_OK) *error = ir->error;
    return ir->error.status;
}
