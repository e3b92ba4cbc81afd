/* What the body of a scan computes from captured tensors alone is the same in each iteration: it is
   computed once, before the scan, and the body reads it like a captured tensor. So is the transpose
   of a captured matrix that the body multiplies by, as a matrix of its own: a weight's gradient
   path reads it in each iteration. Called by scan.c. */
#include "specialize.h"

enum { NEVER, VIEWS, WORK }; /* whether an op may be done outside, and is worth it by itself */

/* Random numbers differ from iteration to iteration; scans and users' ops stay where they are. */
static int kind_of(hb_op op) {
    enum {
        SOURCE = NEVER,
        FULL = NEVER,
        IOTA = NEVER,
        RANDOM = NEVER,
        APPLY = NEVER,
        CUSTOM = NEVER,
        GROUP = NEVER,
        SCAN_SLOT = NEVER,
        SCAN = NEVER,
        SCAN_STACK = NEVER,
        SCAN_LAST = NEVER,
        RECOMPUTE = NEVER,
        IDENTITY = NEVER,
        VIEW = VIEWS,
        ELEMENTWISE = WORK,
        REDUCE = WORK,
        PARTS = WORK,
        PAD = WORK,
        MATMUL = WORK,
        GATHER = WORK,
        SCATTER_ADD = WORK,
        SCATTER_SET = WORK,
        ALONG = WORK,
        CONV = WORK,
        FOLD = WORK,
        RESAMPLE = WORK,
        MAX_BACK = WORK
    };
    static const unsigned char kinds[HB_OPS] = {
#define OP(ID, name, from, to, shape, gradient, lowering, code) lowering,
#include "../graph/ops.def"
#undef OP
    };
    return kinds[op];
}

/* A value that needs nothing: cheap enough to be made on either side. */
static bool is_constant(const hebb_tensor *t) {
    return t->op == HB_OP_FULL || t->op == HB_OP_IOTA || t->op == HB_OP_SIZE;
}

/* Whether all of what the tensor is computed from is captured, or computed from that. */
static bool depends_on_captures(const hebb_tensor *t, const bool *captured, const bool *fixed) {
    bool any = false;
    if (kind_of(t->op) == NEVER) return false;
    for (int k = 0; k < t->n_in; k++) {
        const hebb_tensor *x = t->in[k];
        if (hb_shape_only(t, k)) continue;
        if (captured[x->id] || fixed[x->id]) any = true;
        else if (!is_constant(x)) return false;
    }
    return any;
}

static bool is_worth_it(const hebb_tensor *t, const hebb_tensor *reader, int input) {
    if (kind_of(t->op) == WORK) return true;
    return t->op == HB_OP_TRANSPOSE && reader->op == HB_OP_MATMUL && input == 1;
}

/* What is read by the body proper, from the last tensors to the first; what is not worth being kept
   passes that on to what it is computed from. */
static void choose(const specializer *body, const bool *fixed, const bool *bound, bool *hoisted) {
    for (int id = body->n - 1; id >= 0; id--) {
        const hebb_tensor *t = body->graph->nodes[id];
        if (!body->needed[id] || bound[id] || hoisted[id]) continue;
        for (int k = 0; k < t->n_in; k++) {
            const hebb_tensor *x = t->in[k];
            if (!hb_shape_only(t, k) && fixed[x->id] && is_worth_it(x, t, k)) hoisted[x->id] = true;
        }
    }
}

int hb_find_invariants(specializer *body, const bool *captured, const bool *bound, bool *hoisted) {
    bool *fixed = ir_memory(body->ir, (size_t)(body->n + 1) * sizeof *fixed);
    int n = 0;
    if (fixed == NULL) return 0;
    for (int id = 0; id < body->n; id++)
        fixed[id] = body->needed[id] && !bound[id] &&
                    depends_on_captures(body->graph->nodes[id], captured, fixed);
    choose(body, fixed, bound, hoisted);
    for (int id = 0; id < body->n; id++) n += hoisted[id];
    return n;
}

void hb_lower_invariants(specializer *around, const bool *captured, const bool *hoisted) {
    bool *outside = ir_memory(around->ir, (size_t)(around->n + 1) * sizeof *outside);
    for (int id = around->n - 1; outside != NULL && id >= 0; id--) {
        const hebb_tensor *t = around->graph->nodes[id];
        if (hoisted[id]) outside[id] = true;
        for (int k = 0; outside[id] && k < t->n_in; k++)
            if (!hb_shape_only(t, k) && !captured[t->in[k]->id]) outside[t->in[k]->id] = true;
    }
    for (int id = 0; outside != NULL && id < around->n && around->ir->error.status == HEBB_OK; id++)
        if (outside[id]) around->value[id] = hb_lower_tensor(around, around->graph->nodes[id]);
}
