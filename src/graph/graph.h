/* The graph as the library sees it: nodes, their attributes, and the one function that makes them.
   Read by graph/, autodiff/ and executor/; it knows of none of the latter two. */
#ifndef HB_GRAPH_H
#define HB_GRAPH_H

#include <hebb/graph.h>
#include <hebb/ops.h>
#include "../base/error.h"

typedef enum hb_op {
#define OP(ID, name, from, to, shape, gradient, lowering, code) HB_OP_##ID,
#include "ops.def"
#undef OP
    HB_OPS,
    HB_OP_INERT = HB_OPS /* what a failed builder returns */
} hb_op;

const char *hb_op_name(hb_op op);

/* How a RESHAPE finds its shape. */
typedef enum hb_reshape_mode {
    HB_RESHAPE_TO,      /* attrs.shape, one size of which may be HEBB_ANY */
    HB_RESHAPE_LIKE,    /* that of input 1 */
    HB_RESHAPE_SAME,    /* that of input 1, which must be the shape it has: a check of open sizes */
    HB_RESHAPE_FLATTEN, /* [first, all the others] */
    HB_RESHAPE_EXPAND,  /* a size 1 inserted at attrs.axis */
    HB_RESHAPE_SQUEEZE, /* the size 1 at attrs.axis removed */
} hb_reshape_mode;

/* What an op needs besides its inputs; each op uses some of it. Axes as the user gave them,
   negative ones included, except that they have been checked where the rank is known. */
typedef struct hb_attrs {
    hebb_dtype dtype; /* sources, CAST, SIZE */
    hebb_shape shape; /* sources, RESHAPE, BROADCAST */
    double value;     /* FULL */
    int axis;         /* IOTA, CONCAT, CONCAT_PART, RESHAPE */
    int n_axes;       /* reductions, SIZE, TRANSPOSE; -1: all */
    int axes[HEBB_MAX_RANK];
    bool keep; /* reductions */
    hb_reshape_mode mode;
    int n_ranges; /* SLICE, SLICE_SCATTER */
    hebb_range ranges[HEBB_MAX_RANK];
    int index;            /* CONCAT_PART: which part; random ops: their number in the graph;
                             VARIABLE, INPUT, CONSTANT: likewise among their kind */
    bool trainable;       /* VARIABLE */
    hebb_tensor *initial; /* VARIABLE: the tensor that gives its first value */
    void *data;           /* CONSTANT: the elements, owned by the graph */
} hb_attrs;

struct hebb_tensor {
    hebb_graph *graph;
    int id; /* place in graph->nodes; inputs have smaller ones */
    hb_op op;
    hebb_dtype dtype;
    hebb_shape shape;
    int n_in;
    hebb_tensor **in;
    hb_attrs *attrs;  /* NULL for ops that need none */
    const char *name; /* "op:id" unless it was given one */
    bool named;
    const char *file; /* where the program built it; NULL if unknown */
    int line;
};

typedef struct hb_block hb_block; /* a piece of the graph's memory */

struct hebb_graph {
    int n_nodes, node_capacity;
    hebb_tensor **nodes;
    int n_variables, variable_capacity;
    hebb_tensor **variables;
    int n_inputs, n_constants, n_random;
    int n_names, name_capacity;
    hebb_tensor **names; /* inputs and variables by name */
    hebb_tensor inert;
    hb_error error;
    const char *file; /* the program's current line */
    int line;
    hb_block *blocks;
};

/* Memory that lives as long as the graph; NULL (and the graph's error) if there is none. */
void *hb_graph_memory(hebb_graph *graph, size_t bytes);
const char *hb_graph_text(hebb_graph *graph, const char *text); /* a copy of a string */

/* Lets hebb_graph_find() find an input or variable by its name; false, with the graph's error, if
   memory is out. */
bool hb_register_name(hebb_tensor *tensor);

/* Records an error unless there is one, prefixed by the current line; returns the inert tensor. */
hebb_tensor *hb_graph_error(hebb_graph *graph, hebb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends a node after checking its inputs (NULL, inert, another graph, the shape rule). `graph`
   may be NULL if there are inputs. attrs (may be NULL) is copied. Returns the inert tensor on
   error, NULL if there is no graph to record one in. */
hebb_tensor *hb_node(hebb_graph *graph, hb_op op, hebb_tensor *const *in, int n_in,
                     const hb_attrs *attrs);

static inline bool hb_floating(hebb_dtype dtype) { return dtype == HEBB_F32 || dtype == HEBB_F64; }

/* Whether an integer dtype holds the value's whole part; true for the other dtypes. */
bool hb_representable(hebb_dtype dtype, double value);

/* Whether only the shape of input `index` is used, not its value. */
bool hb_shape_only(hb_op op, int index);

/* ---- shape rules (infer.c), with or without HEBB_ANY among the sizes ---- */

typedef struct hb_signature {
    hebb_dtype dtype;
    hebb_shape shape;
} hb_signature;

/* The dtype and shape that an op makes of its inputs' ones. On error the message names what does
   not fit, but neither the op nor its inputs: hb_describe_node() has those. */
hebb_status hb_infer(hb_op op, const hb_attrs *attrs, const hb_signature *in, int n_in,
                     hb_signature *result, hb_error *error);

/* The pieces of them that lowering needs too. All for concrete shapes. */
int hb_axis(int axis, int rank); /* from the front; -1 if there is no such axis */
/* Marks the axes of a reduction of an x of that rank. */
void hb_reduced_axes(const hb_attrs *attrs, int rank, bool reduced[HEBB_MAX_RANK]);
/* For each axis of a slice, start, step and number of elements. */
typedef struct hb_extent {
    int64_t start, step, count;
} hb_extent;
hebb_status hb_slice_extents(const hb_attrs *attrs, hebb_shape x, hb_extent extent[HEBB_MAX_RANK],
                             hb_error *error);

/* "matmul(x f32 [2, 3], w f32 [4, 5])", for messages. */
void hb_describe_node(char *text, size_t size, hb_op op, hebb_tensor *const *in, int n_in,
                      const hb_signature *signatures);

#endif
