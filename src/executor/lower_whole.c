/* Steps that have no scalar program: gather and scatter, and those that came with the ir, whose
   operands are whole tensors. Called by lower.c. */
#include <string.h>

#include "fusion.h"

static void add_place(hb_group *g, hb_operand *operand, int node, bool written) {
    g->places[g->n_places++] = (hb_place){.operand = operand, .node = node, .written = written};
}

static hb_operand whole(const hb_fusion *fusion, int base) {
    const ir_node *n = &fusion->ir->nodes[base];
    hb_operand operand = {.buffer = hb_buffer_of(fusion, base), .dtype = n->dtype};
    hb_view list = hb_contiguous(n->shape);
    memcpy(operand.stride, list.stride, sizeof operand.stride);
    return operand;
}

/* ---- gather and scatter ---- */

bool hb_lower_indexed(hb_fusion *fusion, hb_group *g) {
    hb_ir *ir = fusion->ir;
    int node = g->members[0];
    const ir_node *n = &ir->nodes[node];
    bool gather = n->kind == IR_GATHER;
    /* fuse.c has seen to it that operands are contiguous; a view that is one still has its own
     * number. */
    int x = gather ? ir_ref(ir, n->in[0]).base : node, index = ir_ref(ir, n->in[1]).base;
    int y = gather ? node : ir_ref(ir, n->in[2]).base;
    if (fusion->root[n->in[1]]) index = n->in[1];
    if (gather && fusion->root[n->in[0]]) x = n->in[0];
    if (!gather && fusion->root[n->in[2]]) y = n->in[2];
    hebb_shape table = ir->nodes[gather ? n->in[0] : node].shape;
    int64_t width = 1;
    for (int k = 1; k < table.rank; k++) width *= table.dim[k];
    const bool add = n->kind == IR_SCATTER_ADD;
    g->step = (hb_step){.kind = gather ? HB_GATHER
                                : add  ? HB_SCATTER_ADD
                                       : HB_SCATTER_SET,
                        .name = gather ? "gather"
                                : add  ? "scatter_add"
                                       : "scatter_set"};
    hb_indexed *step = &g->step.u.indexed;
    *step = (hb_indexed){.rows = table.dim[0],
                         .width = width,
                         .count = hebb_shape_count(ir->nodes[n->in[1]].shape),
                         .x = whole(fusion, x),
                         .index = whole(fusion, index),
                         .y = whole(fusion, y)};
    g->step.flops = !add ? 0 : (double)step->count * (double)width;
    g->step.bytes = (double)step->count *
                    (4 + (add ? 3.0 : 2.0) * (double)width * (double)hebb_dtype_size(n->dtype));
    g->places = ir_memory(ir, 3 * sizeof *g->places);
    g->n_places = 0;
    if (g->places == NULL) return false;
    add_place(g, &step->x, x, !gather);
    add_place(g, &step->index, index, false);
    add_place(g, &step->y, y, gather);
    return true;
}

/* ---- steps on whole tensors ---- */

/* Where an operand is: views that fuse.c found to be a range are read from what they show. */
static hb_operand range(const hb_fusion *fusion, int node, int *base) {
    const hb_ir *ir = fusion->ir;
    hb_ref ref = ir_ref(ir, node);
    *base = fusion->root[node] ? node : ref.base;
    hb_operand operand = whole(fusion, *base);
    hb_view list = hb_contiguous(ir->nodes[node].shape);
    memcpy(operand.stride, list.stride, sizeof operand.stride);
    if (*base != node) operand.offset = ref.view.offset;
    return operand;
}

static bool is_output_of(const hb_ir *ir, int node, int step) {
    const ir_node *n = &ir->nodes[node];
    return n->kind == IR_OUTPUT && n->in[0] == step;
}

/* Of a user's op. */
static const hebb_signature *signatures(hb_ir *ir, const ir_node *n) {
    hebb_signature *list = ir_memory(ir, (size_t)(n->n_in + 1) * sizeof *list);
    for (int k = 0; list != NULL && k < n->n_in; k++)
        list[k] = (hebb_signature){ir->nodes[n->in[k]].dtype, ir->nodes[n->in[k]].shape};
    if (list != NULL) list[n->n_in] = (hebb_signature){n->dtype, n->shape};
    return list;
}

bool hb_lower_whole(hb_fusion *fusion, hb_group *g) {
    hb_ir *ir = fusion->ir;
    int node = g->members[0], n_out = 1;
    const ir_node *n = &ir->nodes[node];
    for (int k = node + 1; k < ir->n_nodes; k++) n_out += is_output_of(ir, k, node);
    g->step = *n->step;
    g->step.n_in = n->n_in;
    g->step.n_out = n_out;
    g->step.in = ir_memory(ir, (size_t)(n->n_in + 1) * sizeof *g->step.in);
    g->step.out = ir_memory(ir, (size_t)n_out * sizeof *g->step.out);
    g->places = ir_memory(ir, (size_t)(n->n_in + n_out) * sizeof *g->places);
    g->n_places = 0;
    if (g->step.kind == HB_CUSTOM) g->step.u.custom.signature = signatures(ir, n);
    if (ir->error.status != HEBB_OK) return false;
    for (int k = 0; k < n->n_in; k++) {
        int x;
        g->step.in[k] = range(fusion, n->in[k], &x);
        add_place(g, &g->step.in[k], x, false);
    }
    for (int k = node; k < ir->n_nodes; k++) {
        if (k != node && !is_output_of(ir, k, node)) continue;
        hb_operand *out = &g->step.out[k == node ? 0 : ir->nodes[k].imm.i];
        *out = whole(fusion, k);
        add_place(g, out, k, true);
    }
    return true;
}
