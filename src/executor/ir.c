/* The memory of an ir, its small constructors, and its listing. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ir.h"

typedef struct ir_chunk {
    struct ir_chunk *next;
    size_t used, size;
    _Alignas(16) char memory[];
} ir_chunk;

void ir_free(hb_ir *ir) {
    while (ir->chunks != NULL) {
        ir_chunk *next = ir->chunks->next;
        free(ir->chunks);
        ir->chunks = next;
    }
    while (ir->bodies != NULL) {
        ir_body *next = ir->bodies->next;
        ir_free(&ir->bodies->raw);
        ir_free(&ir->bodies->ir);
        free(ir->bodies);
        ir->bodies = next;
    }
    free(ir->nodes);
    memset(ir, 0, sizeof *ir);
}

enum { CHUNK = 16 * 1024 };

void *ir_memory(hb_ir *ir, size_t bytes) {
    bytes = (bytes + 15) / 16 * 16;
    ir_chunk *chunk = ir->chunks;
    if (chunk == NULL || chunk->size - chunk->used < bytes) {
        size_t size = bytes > CHUNK ? bytes : CHUNK;
        chunk = malloc(sizeof *chunk + size);
        if (chunk == NULL) {
            if (ir->error.status == HEBB_OK) hb_fail_memory(&ir->error, "a plan", size);
            return NULL;
        }
        *chunk = (ir_chunk){.next = ir->chunks, .size = size};
        ir->chunks = chunk;
    }
    void *memory = chunk->memory + chunk->used;
    chunk->used += bytes;
    return memset(memory, 0, bytes);
}

int ir_add(hb_ir *ir, const ir_node *node, const int *in, int n_in) {
    if (ir->error.status != HEBB_OK) return 0;
    ir_node copy = *node; /* the array may move, and node with it */
    copy.n_in = n_in;
    copy.in = ir_memory(ir, (size_t)n_in * sizeof *copy.in);
    if (copy.in == NULL) return 0;
    for (int k = 0; k < n_in; k++) copy.in[k] = in[k];
    if (node->step != NULL) { /* it may be another ir's */
        hb_step *step = ir_memory(ir, sizeof *step);
        if (step == NULL) return 0;
        *step = *node->step;
        copy.step = step;
    }
    if (ir->n_nodes == ir->node_capacity) {
        int wanted = ir->node_capacity == 0 ? 64 : 2 * ir->node_capacity;
        ir_node *grown = realloc(ir->nodes, (size_t)wanted * sizeof *grown);
        if (grown == NULL) {
            hb_fail_memory(&ir->error, "a plan", (size_t)wanted * sizeof *grown);
            return 0;
        }
        ir->nodes = grown;
        ir->node_capacity = wanted;
    }
    ir->nodes[ir->n_nodes] = copy;
    return ir->n_nodes++;
}

int ir_full(hb_ir *ir, hebb_dtype dtype, hebb_shape shape, double value) {
    ir_node node = {.kind = IR_FULL, .dtype = dtype, .shape = shape};
    if (hb_floating(dtype)) node.imm.f = hb_rounded(dtype, value);
    else node.imm.i = (int64_t)value;
    return ir_add(ir, &node, NULL, 0);
}

int ir_scalar(hb_ir *ir, hb_code code, hebb_dtype dtype, const int *in, int n_in,
              const hebb_tensor *origin) {
    if (ir->error.status != HEBB_OK) return 0;
    ir_node node = {.kind = IR_SCALAR,
                    .code = code,
                    .dtype = dtype,
                    .shape = ir->nodes[in[0]].shape,
                    .origin = origin};
    return ir_add(ir, &node, in, n_in);
}

int ir_view(hb_ir *ir, int x, hebb_shape shape, int64_t offset, const int64_t *stride,
            const hebb_tensor *origin) {
    if (ir->error.status != HEBB_OK) return 0;
    ir_node node = {.kind = IR_VIEW,
                    .dtype = ir->nodes[x].dtype,
                    .shape = shape,
                    .offset = offset,
                    .origin = origin};
    for (int k = 0; k < shape.rank; k++) node.stride[k] = shape.dim[k] == 1 ? 0 : stride[k];
    return ir_add(ir, &node, &x, 1);
}

int ir_reshape(hb_ir *ir, int x, hebb_shape shape, const hebb_tensor *origin) {
    if (ir->error.status != HEBB_OK || hebb_shape_equal(ir->nodes[x].shape, shape)) return x;
    hb_view view = hb_contiguous(shape);
    return ir_view(ir, x, shape, 0, view.stride, origin);
}

int ir_broadcast(hb_ir *ir, int x, hebb_shape shape, const hebb_tensor *origin) {
    if (ir->error.status != HEBB_OK || hebb_shape_equal(ir->nodes[x].shape, shape)) return x;
    hebb_shape from = ir->nodes[x].shape;
    hb_view view = hb_contiguous(from);
    int64_t stride[HEBB_MAX_RANK] = {0};
    for (int k = 1; k <= from.rank; k++)
        if (from.dim[from.rank - k] != 1) stride[shape.rank - k] = view.stride[from.rank - k];
    return ir_view(ir, x, shape, 0, stride, origin);
}

/* ---- names and costs of instructions ---- */

const char *hb_code_name(hb_code code) {
    static const char *const names[HB_CODES] = {
        [HB_LOAD] = "load",     [HB_CONST] = "const",   [HB_ACC] = "product",
        [HB_CAST] = "cast",     [HB_SELECT] = "select", [HB_UNIFORM] = "uniform",
        [HB_NORMAL] = "normal", [HB_USER] = "user",     [HB_SUM] = "sum",
        [HB_REDMAX] = "max",    [HB_REDMIN] = "min",    [HB_PROD] = "prod",
        [HB_BITS] = "bits",
#define SCALAR(CODE, name, arity, types, result, flops) [HB_##CODE] = #name,
#include "../../kernels/scalar.def"
#undef SCALAR
    };
    return (unsigned)code < HB_CODES ? names[code] : "?";
}

double hb_code_flops(hb_code code) {
    static const uint8_t flops[HB_CODES] = {
        [HB_CAST] = 1, [HB_SELECT] = 1, [HB_UNIFORM] = 60, [HB_NORMAL] = 100, [HB_USER] = 24,
        [HB_SUM] = 1,  [HB_REDMAX] = 1, [HB_REDMIN] = 1,   [HB_PROD] = 1,     [HB_BITS] = 50,
#define SCALAR(CODE, name, arity, types, result, cost) [HB_##CODE] = cost,
#include "../../kernels/scalar.def"
#undef SCALAR
    };
    return (unsigned)code < HB_CODES ? flops[code] : 0;
}

/* ---- listing ---- */

static const char *kind_name(const ir_node *n) {
    switch (n->kind) {
    case IR_BUFFER: return "buffer";
    case IR_INDEX: return "index";
    case IR_FULL: return "full";
    case IR_SCALAR:
    case IR_REDUCE: return hb_code_name(n->code);
    case IR_VIEW: return "view";
    case IR_MATMUL: return "matmul";
    case IR_PARTS: return "parts";
    case IR_COPY: return "copy";
    case IR_GATHER: return "gather";
    case IR_SCATTER_ADD: return "scatter_add";
    case IR_SCATTER_SET: return "scatter_set";
    case IR_STEP: return n->step->name;
    case IR_OUTPUT: return "output";
    }
    return "?";
}

void ir_print(const hb_ir *ir, const char *title, FILE *out) {
    fprintf(out, "%s: %d nodes\n", title, ir->n_nodes);
    for (int k = 0; k < ir->n_nodes; k++) {
        const ir_node *n = &ir->nodes[k];
        char shape[160];
        fprintf(out, "%5d  %s", k, n->kind == IR_REDUCE ? "reduce " : "");
        fprintf(out, "%s(", kind_name(n));
        for (int i = 0; i < n->n_in; i++) fprintf(out, "%s%d", i > 0 ? ", " : "", n->in[i]);
        fprintf(out, ") %s %s", hebb_dtype_name(n->dtype),
                hebb_shape_text(n->shape, shape, sizeof shape));
        if (n->kind == IR_FULL && hb_floating(n->dtype)) fprintf(out, " = %.9g", n->imm.f);
        else if (n->kind == IR_FULL) fprintf(out, " = %" PRId64, n->imm.i);
        if (n->kind == IR_VIEW || n->kind == IR_COPY) {
            fprintf(out, " at %" PRId64, n->offset);
            for (int d = 0; d < n->shape.rank; d++) fprintf(out, " %+" PRId64, n->stride[d]);
        }
        if (n->kind == IR_COPY) fprintf(out, " into %d", n->into);
        if (n->origin != NULL) fprintf(out, "  # %s", n->origin->name);
        fprintf(out, "\n");
    }
    for (int k = 0; k < ir->n_assigns; k++)
        fprintf(out, "       assign %s = %d\n", ir->buffers[ir->assigns[k].buffer].tensor->name,
                ir->assigns[k].value);
    for (int k = 0; k < ir->n_fetches; k++)
        if (ir->fetches[k] >= 0) fprintf(out, "       fetch %d\n", ir->fetches[k]);
}
