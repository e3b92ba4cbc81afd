/* The executor's own form of a graph: concrete shapes, few kinds of nodes, every broadcast and
   movement a strided view. Written by specialize.c, rewritten by simplify.c, read by fuse.c and
   lower.c. */
#ifndef HB_IR_H
#define HB_IR_H

#include <hebb/session.h>
#include "../backends/step.h"
#include "../base/error.h"
#include "../graph/graph.h"

typedef enum ir_kind {
    IR_BUFFER, /* a variable, feed or constant, contiguous; `buffer` */
    IR_INDEX,  /* i64: element i is i; never in memory unless asked for */
    IR_FULL,   /* every element is `imm` */
    IR_SCALAR, /* elementwise `code` of inputs of the same shape */
    IR_VIEW,   /* element (i...) is element offset + sum i_k stride[k] of the input, taken as a
                  contiguous list; with imm.i, a view that is not to be simplified away */
    IR_REDUCE, /* `code` over the input's axes marked in reduce; those are gone from the shape */
    IR_MATMUL, /* inputs with equal batch sizes: [batch..., m, k] and [batch..., k, n] */
    IR_PARTS,  /* the inputs, each an IR_COPY, written into this value in order */
    IR_COPY,   /* the input, written into the value `into` at offset and stride */
    IR_GATHER, /* rows of input 0 at input 1 */
    IR_SCATTER_ADD, /* input 0 (an IR_COPY into this) plus rows of input 2 at input 1 */
    IR_SCATTER_SET, /* likewise, written in their place */
    IR_STEP,        /* output 0 of a step on whole tensors, the inputs; `step` */
    IR_OUTPUT,      /* output imm.i, 1 or more, of the IR_STEP that is its input */
} ir_kind;

/* Of a product's operands where they may be other than zero, and of itself where that matters. */
typedef struct ir_bands {
    hb_band a, b, c;
    double share; /* of the multiply-adds of the whole product, about */
} ir_bands;

typedef struct ir_node {
    ir_kind kind;
    hb_code code;
    hebb_dtype dtype;
    hebb_shape shape;
    int n_in;
    int *in; /* smaller numbers than the node's own */
    union {
        double f;
        int64_t i;
        const hebb_elementwise *user;
    } imm; /* IR_FULL: f for floating dtypes, i for the others; HB_BITS, HB_UNIFORM, HB_NORMAL: i,
              the op's number; HB_USER: user */
    int buffer; /* IR_BUFFER; of a random op, which time it is computed again */
    bool reduce[HEBB_MAX_RANK];
    int into; /* IR_COPY: the node whose value this is a part of; larger than its own number */
    int64_t offset, stride[HEBB_MAX_RANK];
    const hb_step *step;       /* IR_STEP: kind, u, name, flops and bytes; without operands */
    const ir_bands *bands;     /* IR_MATMUL: NULL, or what bands.c has found */
    const hebb_tensor *origin; /* for names */
} ir_node;

/* What buffer number k (from 1 on; 0 is the arena) of a plan stands for. */
typedef struct ir_buffer {
    const hebb_tensor *tensor; /* an input, a variable or a constant */
    bool written;
} ir_buffer;

typedef struct ir_assign {
    int buffer, value; /* variable's buffer, node */
} ir_assign;

typedef struct hb_ir hb_ir;
typedef struct ir_body ir_body;
struct hb_ir {
    int n_nodes, node_capacity;
    ir_node *nodes;
    int n_buffers;
    ir_buffer *buffers; /* [0] is unused */
    int n_fetches;
    int *fetches; /* node of each fetched tensor; -1 for one without a value */
    int n_assigns;
    ir_assign *assigns;
    struct ir_chunk *chunks; /* memory of the nodes' input lists */
    ir_body *bodies;         /* of its scans */
    hb_error error;          /* sticky, as in a graph */
};

/* The body of a scan: an ir of its own, whose assignments are what an iteration writes. */
struct ir_body {
    ir_body *next;
    hb_ir raw, ir; /* as lowered, which owns the memory of `scan`; and simplified */
    hb_scan scan;  /* complete once the body has been planned */
    double flops, bytes;
};

/* Memory that the value takes. */
static inline size_t ir_bytes(const ir_node *n) {
    return (size_t)hebb_shape_count(n->shape) * hebb_dtype_size(n->dtype);
}

static inline bool ir_is_scatter(ir_kind kind) {
    return kind == IR_SCATTER_ADD || kind == IR_SCATTER_SET;
}

void ir_free(hb_ir *ir); /* and of the bodies of its scans */
/* Memory that lives as long as the ir; NULL, with the error set, if there is none. Zeroed. */
void *ir_memory(hb_ir *ir, size_t bytes);
/* Appends a node; its inputs are copied. Returns its number, or 0 after an error. */
int ir_add(hb_ir *ir, const ir_node *node, const int *in, int n_in);

/* ---- nodes by what they do (ir.c) ---- */
int ir_full(hb_ir *ir, hebb_dtype dtype, hebb_shape shape, double value);
int ir_scalar(hb_ir *ir, hb_code code, hebb_dtype dtype, const int *in, int n_in,
              const hebb_tensor *origin);
int ir_view(hb_ir *ir, int x, hebb_shape shape, int64_t offset, const int64_t *stride,
            const hebb_tensor *origin);
int ir_reshape(hb_ir *ir, int x, hebb_shape shape, const hebb_tensor *origin);
int ir_broadcast(hb_ir *ir, int x, hebb_shape shape, const hebb_tensor *origin);

/* ---- strided views (view.c) ---- */

/* Where the elements of a value of some shape are in a list: offset + sum i_k stride[k]. */
typedef struct hb_view {
    int64_t offset, stride[HEBB_MAX_RANK];
} hb_view;

hb_view hb_contiguous(hebb_shape shape);
/* Whether element number e (in row-major order) is at e. */
bool hb_is_contiguous(hebb_shape shape, const hb_view *view);
/* The same but for where the list begins. */
bool hb_is_range(hebb_shape shape, const hb_view *view);
/* `outer` picks elements of a contiguous list of shape `middle`, whose elements are at `inner`: the
   one view that does both, or false if strides cannot express it. */
bool hb_compose(hebb_shape shape, const hb_view *outer, hebb_shape middle, const hb_view *inner,
                hb_view *result);

/* The node that a value is read from, past all views that can be followed, and where its elements
   are. A view that cannot be followed is its own base. */
typedef struct hb_ref {
    int base;
    hb_view view;
} hb_ref;
hb_ref ir_ref(const hb_ir *ir, int node);

/* ---- passes ---- */

/* specialize.c, scan.c: the nodes that the fetched tensors need, with the fed shapes. inputs[k] is
   the shape fed for input number k, rank -1 if it is not fed; `mode` decides what is trained. */
hebb_status hb_specialize(const hebb_graph *graph, hebb_tensor *const *fetched, size_t n_fetched,
                          const hebb_shape *inputs, hebb_mode mode, hb_ir *result, hb_error *error);
/* The same for the initial values of the variables marked in `wanted`: assigns them. */
hebb_status hb_specialize_initial(const hebb_graph *graph, const bool *wanted, hb_ir *result,
                                  hb_error *error);

/* simplify.c: constant folding, algebra and common subexpressions as asked, and dead nodes. */
hebb_status hb_simplify(const hb_ir *from, bool fold, bool cse, hb_ir *to, hb_error *error);

/* parts.c: whether no two copies of an IR_PARTS fill the same element (so that their order does not
   matter), if that is easy to see. */
bool ir_parts_apart(hb_ir *ir, int parts);
/* parts.c: the sum of two IR_PARTS that are zeros but for parts which do not meet: an IR_PARTS, or
   -1 if they are not such. */
int ir_add_parts(hb_ir *ir, int a, int b);

/* bands.c: products of matrices that are zero, or not wanted, beyond some diagonal. */
void ir_find_bands(hb_ir *ir);

/* fold.c: the scalar function on constants. */
void hb_fold_scalar(hb_code code, hebb_dtype dtype, hebb_dtype in_dtype, const ir_node *const *in,
                    ir_node *result);

void ir_print(const hb_ir *ir, const char *title, FILE *out);
/* "add": an instruction's name. */
const char *hb_code_name(hb_code code);

/* What one evaluation of an instruction counts as. */
double hb_code_flops(hb_code code);

#endif
