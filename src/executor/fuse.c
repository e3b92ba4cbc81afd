/* Fusion: decides which values are materialized (roots), and which roots one step computes
   (groups).

   Elementwise nodes that are not roots are inlined into their readers, through whatever view they
   are read by. A node becomes a root if a matrix product, an index op or the user wants it in
   memory, if a reader's view cannot be expressed by strides, or if recomputing it for several
   readers costs more than keeping it. Then groups over the same index space are merged (merge.c),
   so that a step has several outputs, a matrix product an epilogue, and a reduction an elementwise
   prologue and epilogue. */
#include <stdlib.h>
#include <string.h>

#include "fuser.h"

static int64_t count_of(const hb_fuser *p, int node) {
    return hebb_shape_count(get(p, node)->shape);
}

/* ---- values that must be in memory ---- */

static void force(hb_fuser *p, int node) {
    if (get(p, node)->kind == IR_BUFFER) return;
    p->f->root[node] = true;
}

/* For readers that are no loops: they load from memory whatever is fused. */
static void need(hb_fuser *p, int node) {
    force(p, node);
    p->needed[node] = true;
}

static void force_base(hb_fuser *p, int node) { need(p, ir_ref(p->ir, node).base); }

/* Whether a node has all elements of the value that it is read from, in their order. */
static bool is_whole(const hb_fuser *p, int node, const hb_ref *ref) {
    return hb_is_contiguous(get(p, node)->shape, &ref->view) &&
           count_of(p, node) == count_of(p, ref->base);
}

/* For steps that take whole contiguous tensors: a view of anything else is copied. */
static void force_contiguous(hb_fuser *p, int node) {
    hb_ref ref = ir_ref(p->ir, node);
    need(p, is_whole(p, node, &ref) ? ref.base : node);
}

/* The same for steps that can begin anywhere in what they read. */
static void force_range(hb_fuser *p, int node) {
    hb_ref ref = ir_ref(p->ir, node);
    need(p, hb_is_range(get(p, node)->shape, &ref.view) ? ref.base : node);
}

static void force_node(hb_fuser *p, int node) {
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

/* What is fetched for a node is in the arena: all elements of another value in the same order are
   that value, reshaped; variables change, and are copied. */
static int fetched_for(hb_ir *ir, const hb_fuser *p, int node) {
    const hb_ref ref = ir_ref(ir, node);
    const ir_kind kind = get(p, ref.base)->kind;
    if (get(p, node)->kind == IR_BUFFER) return copy_of(ir, node);
    const bool kept = kind != IR_BUFFER && kind != IR_INDEX && kind != IR_FULL;
    return kept && is_whole(p, node, &ref) ? ref.base : node;
}

static void prepare_fetches(hb_ir *ir, hb_fuser *p) {
    for (int k = 0; k < ir->n_fetches && ir->error.status == HEBB_OK; k++)
        if (ir->fetches[k] >= 0) ir->fetches[k] = fetched_for(ir, p, ir->fetches[k]);
}

static bool is_read(const hb_ir *ir, int buffer) {
    for (int k = 0; k < ir->n_nodes; k++)
        if (ir->nodes[k].kind == IR_BUFFER && ir->nodes[k].buffer == buffer) return true;
    return false;
}

/* A variable is written by the step that computes its value, if that is a step of its own kind; by
   the steps that write its parts, if nobody could see it half written. */
static void prepare_assigns(hb_ir *ir, hb_fuser *p) {
    for (int k = 0; k < ir->n_assigns && ir->error.status == HEBB_OK; k++) {
        int *value = &ir->assigns[k].value;
        ir_kind kind = get(p, *value)->kind;
        bool direct = kind == IR_SCALAR || kind == IR_REDUCE || kind == IR_MATMUL ||
                      (kind == IR_PARTS && !is_read(ir, ir->assigns[k].buffer));
        for (int j = 0; j < k; j++) direct = direct && ir->assigns[j].value != *value;
        if (!direct) *value = copy_of(ir, *value);
    }
}

/* What an iteration of a scan writes for the next one, or for what comes after the scan, its own
   later steps read there, too, instead of from a second copy in the arena. */
static void find_homes(hb_ir *ir, hb_fusion *f, size_t n) {
    f->home = ir_memory(ir, n * sizeof *f->home);
    for (int k = 0; f->home != NULL && k < ir->n_assigns; k++)
        if (!is_read(ir, ir->assigns[k].buffer))
            f->home[ir->assigns[k].value] = ir->assigns[k].buffer;
}

/* ---- roots ---- */

static void add_work(hb_work *to, const hb_work *more) {
    to->flops += more->flops;
    to->leaves += more->leaves;
}

static void estimate(hb_fuser *p) {
    const hb_work leaf = {.leaves = 1};
    for (int node = 0; node < p->ir->n_nodes; node++) {
        const ir_node *n = get(p, node);
        if (n->kind != IR_SCALAR) continue;
        p->work[node].flops = p->own[node].flops = (float)hb_code_flops(n->code);
        for (int k = 0; k < n->n_in; k++) {
            const int base = ir_ref(p->ir, n->in[k]).base;
            const ir_kind kind = get(p, base)->kind;
            const bool inside = kind == IR_SCALAR && !p->f->root[base];
            const bool large = 4 * count_of(p, base) >= count_of(p, node);
            if (kind == IR_FULL || kind == IR_INDEX || (!inside && !large)) continue;
            add_work(&p->work[node], inside ? &p->work[base] : &leaf);
            if (large) add_work(&p->own[node], inside ? &p->own[base] : &leaf);
        }
    }
}

static hebb_shape space_of(const hb_fuser *p, int root) {
    const ir_node *n = get(p, root);
    return n->kind == IR_REDUCE ? get(p, n->in[0])->shape : n->shape;
}

static void add_use(hb_fuser *p, int node, int root, const hb_view *view) {
    hb_use *u = ir_memory(p->ir, sizeof *u);
    if (u == NULL) return;
    *u = (hb_use){root, *view, p->uses[node]};
    p->uses[node] = u;
}

/* Hands a use of a node on to what it is computed from, if `add`; or only says whether that can be
   expressed. */
static bool use_inputs(hb_fuser *p, int node, int root, const hb_view *view, bool add) {
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

static bool same_use(const hb_fuser *p, const hb_use *a, const hb_use *b) {
    if (a->root != b->root || a->view.offset != b->view.offset) return false;
    hebb_shape space = space_of(p, a->root);
    for (int k = 0; k < space.rank; k++)
        if (space.dim[k] != 1 && a->view.stride[k] != b->view.stride[k]) return false;
    return true;
}

/* Work that may be done again for each reader rather than keeping the value: a few additions on one
   big operand read no more than the value itself would, and save writing it. Values of few elements
   that it takes, such as the means of a normalization, are kept themselves. */
enum { CHEAP_FLOPS = 4, CHEAP_LEAVES = 1, MOST_READERS = 4 };

static hb_choice weigh(const hb_fuser *p, int node) {
    hb_choice c = {.flops = p->work[node].flops, .leaves = p->work[node].leaves};
    bool several = false, expands = false;
    for (const hb_use *u = p->uses[node]; u != NULL; u = u->next) {
        c.readers++;
        several = several || !same_use(p, u, p->uses[node]);
        expands = expands || hebb_shape_count(space_of(p, u->root)) > count_of(p, node);
    }
    if (expands) c.reason = c.flops <= 2 && c.leaves == 0 ? HB_CHEAP : HB_GROWS;
    else if (!several) c.reason = HB_ONE_READER;
    else {
        c.flops = p->own[node].flops;
        c.leaves = p->own[node].leaves;
        const bool cheap = c.flops <= CHEAP_FLOPS && c.leaves <= CHEAP_LEAVES;
        c.reason = cheap && c.readers <= MOST_READERS ? HB_CHEAP : HB_COSTLY;
    }
    return c;
}

static bool can_inline(hb_fuser *p, int node) {
    for (const hb_use *u = p->uses[node]; u != NULL; u = u->next)
        if (!use_inputs(p, node, u->root, &u->view, false)) return false;
    return true;
}

static void use_own_inputs(hb_fuser *p, int root) {
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

/* Of a value that had to be kept. */
static hb_reason reason_of(const hb_fuser *p, int node) {
    if (p->needed[node]) return HB_NEEDED;
    if (p->f->assigned[node] != NULL) return HB_ASSIGNED;
    return p->cut[node] ? HB_TOO_LONG : HB_OWN_STEP;
}

/* From readers to what they read. */
static void choose_roots(hb_fuser *p) {
    for (int node = p->ir->n_nodes - 1; node >= 0 && p->ir->error.status == HEBB_OK; node--) {
        bool *root = &p->f->root[node];
        hb_choice *choice = &p->f->choice[node];
        *choice = (hb_choice){.reason = HB_UNREAD};
        if (get(p, node)->kind == IR_SCALAR && !*root && p->uses[node] != NULL) {
            *choice = weigh(p, node);
            const bool wanted = choice->reason == HB_ONE_READER || choice->reason == HB_CHEAP;
            if (wanted && can_inline(p, node)) {
                for (const hb_use *u = p->uses[node]; u != NULL; u = u->next)
                    use_inputs(p, node, u->root, &u->view, true);
                continue;
            }
            if (wanted) choice->reason = HB_NO_STRIDES;
            *root = true;
        } else if (*root) choice->reason = reason_of(p, node);
        if (*root) use_own_inputs(p, node);
    }
}

/* ---- groups ---- */

/* Batch dimensions of a that b does not have become rows: one big product instead of many small
 * ones. */
static hebb_shape product_space(const hb_fuser *p, int node) {
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

static void make_groups(hb_fuser *p) {
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

/* ---- trying ---- */

/* Whether a value is wanted in memory by others than the group that makes it. */
static bool wanted_outside(const hb_fuser *p, int node, int group) {
    if (p->needed[node]) return true;
    for (const hb_use *u = p->uses[node]; u != NULL; u = u->next)
        if (p->f->group[u->root] != group) return true;
    return false;
}

/* Whether one step can compute the group, as far as is known before all groups are made. */
bool hb_try_lower(hb_fuser *p, int group) {
    hb_group *g = &p->f->groups[group];
    for (int k = 0; k < g->n_members; k++) {
        const ir_node *n = get(p, g->members[k]);
        const int node = n->kind == IR_COPY ? n->into : g->members[k];
        p->f->stored[node] = wanted_outside(p, node, group);
    }
    return hb_lower(p->f, g, false);
}

/* ---- programs that are too long ---- */

/* Marks the elementwise nodes that are computed inside the root's program. */
static void mark_program(const hb_fuser *p, int root, bool *inside) {
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
static bool cut(hb_fuser *p, int group) {
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
static bool lower_groups(hb_fuser *p, bool final) {
    bool all = true;
    for (int k = 0; k < p->f->n_groups && p->ir->error.status == HEBB_OK; k++) {
        if (p->f->groups[k].merged ||
            (final ? hb_lower(p->f, &p->f->groups[k], true) : hb_try_lower(p, k)))
            continue;
        all = false;
        if (p->ir->error.status == HEBB_OK && !cut(p, k) && p->ir->error.status == HEBB_OK)
            hb_fail(&p->ir->error, HEBB_E_UNSUPPORTED,
                    "run: an op of this graph is too large for one step");
    }
    return all;
}

/* A root's value is kept if a step other than its own reads it, or the user does. */
static void mark_stored(hb_fuser *p) {
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

static void force_roots(hb_fuser *p) {
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
static bool group_once(hb_fuser *p) {
    size_t n = (size_t)p->ir->n_nodes;
    memset(p->f->root, 0, n * sizeof *p->f->root);
    memset(p->f->assigned, 0, n * sizeof *p->f->assigned);
    memset(p->uses, 0, n * sizeof *p->uses);
    memset(p->work, 0, n * sizeof *p->work);
    memset(p->own, 0, n * sizeof *p->own);
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

static void fuse_all(hb_fuser *p) {
    while (!group_once(p) && p->ir->error.status == HEBB_OK) {
    }
    if (p->ir->error.status != HEBB_OK) return;
    if (p->fuse) hb_merge_groups(p);
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

hebb_status hb_fuse(hb_ir *ir, bool fuse, bool body, hb_fusion *fusion, hb_error *error) {
    *fusion = (hb_fusion){.ir = ir};
    hb_fuser p = {.f = fusion, .ir = ir, .fuse = fuse};
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
    fusion->choice = ir_memory(ir, n * sizeof *fusion->choice);
    p.cut = ir_memory(ir, n * sizeof *p.cut);
    p.piece = ir_memory(ir, n * sizeof *p.piece);
    p.uses = ir_memory(ir, n * sizeof *p.uses);
    p.work = ir_memory(ir, n * sizeof *p.work);
    p.own = ir_memory(ir, n * sizeof *p.own);
    p.needed = ir_memory(ir, n * sizeof *p.needed);
    if (body) find_homes(ir, fusion, n);
    if (ir->error.status == HEBB_OK) fuse_all(&p);
    if (ir->error.status != HEBB_OK) *error = ir->error;
    return ir->error.status;
}
