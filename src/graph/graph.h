/* The graph as the library sees it: nodes, their attributes, and the one function that makes them.
   Read by graph/, autodiff/ and executor/; it knows of none of the latter two. */
#ifndef HB_GRAPH_H
#define HB_GRAPH_H

#include <hebb/control.h>
#include <hebb/conv.h>
#include <hebb/custom.h>
#include <hebb/graph.h>
#include <hebb/ops.h>
#include "../base/error.h"
#include "../base/resample.h"

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
    HB_RESHAPE_MERGE,   /* attrs.axis and the one after it made one */
} hb_reshape_mode;

/* A SCAN: what stands for what in its body, and which of its inputs is what. These are, in this
   order: the first value of each state, the sequences, captures (other tensors that the body
   needs), and for their shapes only the states' next values and, if `like`, a tensor whose first
   size is the number of iterations. SCAN_STACK(scan, x, like) collects the body's x of all
   iterations; SCAN_LAST(scan, first) is a state after the last. */
typedef struct hb_scan_info {
    bool reverse, like;
    int64_t length; /* number of iterations, unless `like` */
    int n_states, n_sequences, n_captures;
    int random_from;       /* random ops with ids from this to the scan's are in its body ... */
    int light_from;        /* ... and views and numbers, which each iteration makes anew */
    hebb_tensor **state;   /* bound to the states: a SCAN_SLOT each */
    hebb_tensor **next;    /* their values after an iteration */
    hebb_tensor **element; /* bound to the sequences' elements: SCAN_SLOTs, or, in a gradient,
                              tensors of another scan's body that were stacked */
} hb_scan_info;

/* The nodes of a CHECKPOINT: those with ids from `from` to below `to`, and for its inputs what
   stands for them when it is computed again, made at the first gradient. */
typedef struct hb_checkpoint {
    int from, to;
    hebb_tensor **again; /* by position among the node's inputs; NULL: none yet */
} hb_checkpoint;

/* How a window moves over the last n axes of a tensor. */
typedef struct hb_window {
    int n;
    int64_t kernel[3]; /* not of the convolutions, whose weights have it */
    int64_t stride[3], dilation[3];
    hebb_padding padding; /* EXPLICIT or SAME */
    int64_t pad[3][2];    /* EXPLICIT: before and after */
    int64_t extra[3];     /* CONV_INPUT: output_padding */
    int64_t groups;       /* of the convolutions */
} hb_window;

/* How the n axes from attrs.axis on are resampled, all by the same rule. */
typedef struct hb_resampling {
    int n;
    hb_resample_rule rule;
    int64_t size[3];              /* of the results; HEBB_ANY: the axis is kept. Not of ... */
    bool count_padding;           /* ... WINDOWS, which go by attrs.window instead */
    int64_t before;               /* REFLECT and EDGE: elements in front of the only axis */
    hebb_coordinates coordinates; /* NEAREST and LINEAR; not DEFAULT */
} hb_resampling;

/* What an op needs besides its inputs; each op uses some of it. Axes as the user gave them,
   negative ones included, except that they have been checked where the rank is known. */
typedef struct hb_attrs {
    hebb_dtype dtype; /* sources, CAST, SIZE */
    hebb_shape shape; /* sources, RESHAPE, BROADCAST, FOLD */
    double value;     /* FULL, PAD */
    int axis;         /* IOTA, CONCAT, CONCAT_PART, RESHAPE, ops along one axis, RESAMPLE */
    int n_axes;       /* reductions, SIZE, TRANSPOSE, DIAGONAL; -1: all */
    int axes[HEBB_MAX_RANK];
    bool keep; /* reductions */
    hb_reshape_mode mode;
    int n_ranges; /* SLICE, SLICE_SCATTER */
    hebb_range ranges[HEBB_MAX_RANK];
    hb_window
        window; /* convolutions, WINDOWS, FOLD, RESAMPLE; PAD and UNPAD for a window to come */
    hb_resampling resampling; /* RESAMPLE, MAX_POOL, and theirs _BACK */
    int n_borders;            /* PAD, UNPAD */
    hebb_border borders[HEBB_MAX_RANK];
    bool exact;           /* SLICE: a range beyond the size is an error, not clipped */
    bool reverse;         /* RECURRENCE: from the end; ARGSORT: descending */
    int index;            /* CONCAT_PART: which part; DIAGONAL: which; ARGSORT: how many, -1: all;
                             random ops: their number in the graph; VARIABLE, INPUT, CONSTANT:
                             likewise among their kind */
    int again;            /* random ops: made again by a checkpoint, as its node with this id */
    bool trainable;       /* VARIABLE */
    hebb_tensor *initial; /* VARIABLE: the tensor that gives its first value */
    void *data;           /* CONSTANT: the elements, owned by the graph */
    bool element;         /* SCAN_SLOT: of a sequence, else of a state */
    const hb_scan_info *scan;
    void (*rule)(hebb_backward *b); /* WITH_GRADIENT; and its argument */
    void *user;
    hb_checkpoint *checkpoint;
    const hebb_elementwise *apply; /* APPLY; owned by the graph, as are ... */
    const hebb_op *custom;         /* CUSTOM */
    const void *options;           /* ... its options */
} hb_attrs;

/* hb_op_name(), but for a user's op the name that it was given. */
const char *hb_op_title(hb_op op, const hb_attrs *attrs);

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

/* Users' ops that the graph has nodes of. */
typedef struct hb_kept_op hb_kept_op;

/* Scopes, layers and what is attached. */
typedef struct hb_layers hb_layers;

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
    hb_kept_op *kept_ops;
    hb_layers *layers; /* layer.c; NULL: none yet */
    hb_block *blocks;
};

/* Memory that lives as long as the graph; NULL (and the graph's error) if there is none. */
void *hb_graph_memory(hebb_graph *graph, size_t bytes);
const char *hb_graph_text(hebb_graph *graph, const char *text); /* a copy of a string */

/* Lets hebb_graph_find() find an input or variable by its name; false, with the graph's error, if
   memory is out. */
bool hb_register_name(hebb_tensor *tensor);
/* The same for a variable, which becomes the last of the graph's. It has its first value: sessions
   use what a graph holds even if the graph fails later. */
bool hb_register_variable(hebb_tensor *variable);
/* Whether it is NULL or a name; else records that it is empty. `what` begins the message. */
bool hb_check_name(hebb_graph *graph, const char *what, const char *name);

/* The name that a variable called `name` has in the open layers; NULL, with the graph's error, if
   memory is out or it is too long. */
const char *hb_scoped_name(hebb_graph *graph, const char *name);
/* The variable of that full name that sharing layers use again; NULL if they do not. */
hebb_tensor *hb_shared_variable(hebb_graph *graph, const char *name);

/* HEBB_E_GRAPH if a layer or a sharing is still open. */
hebb_status hb_check_ends(const hebb_graph *graph, hb_error *error);

/* Records an error unless there is one, prefixed by the current line; returns the inert tensor. */
hebb_tensor *hb_graph_error(hebb_graph *graph, hebb_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether a builder that looks at its operands before it makes a node can use them: one NULL, of
   another graph or a group is recorded as hb_node() would. If not, *instead is what it returns. */
bool hb_operands(const char *title, hebb_tensor *const *in, int n_in, hebb_tensor **instead);

/* Appends a node after checking its inputs (NULL, inert, another graph, the shape rule). `graph`
   may be NULL if there are inputs. attrs (may be NULL) is copied. Returns the inert tensor on
   error, NULL if there is no graph to record one in. */
hebb_tensor *hb_node(hebb_graph *graph, hb_op op, hebb_tensor *const *in, int n_in,
                     const hb_attrs *attrs);

/* Stored in 16 bits, computed with as f32. */
static inline bool hb_half(hebb_dtype dtype) { return dtype == HEBB_F16 || dtype == HEBB_BF16; }
static inline bool hb_floating(hebb_dtype dtype) {
    return dtype == HEBB_F32 || dtype == HEBB_F64 || hb_half(dtype);
}

/* Whether an integer dtype holds the value's whole part; true for the other dtypes. */
bool hb_representable(hebb_dtype dtype, double value);

/* The value as the dtype holds it, if it can: rounded for floating dtypes (for f16 and bf16 by way
   of f32), its whole part for integers, 0 or 1 for bool. */
double hb_rounded(hebb_dtype dtype, double value);

/* Whether only the shape of input `index` is used, not its value. */
bool hb_shape_only(const hebb_tensor *node, int index);

/* Whether a node of a checkpoint that begins with id `from` is computed again for gradients: others
   are kept. */
bool hb_is_recomputed(const hebb_tensor *node, int from);

/* SCAN_STACK of a tensor of the scan's body. */
hebb_tensor *hb_scan_stack(hebb_tensor *scan, hebb_tensor *x);
/* The stand-in for a state with that first value, or for an element of that sequence. */
hebb_tensor *hb_scan_slot(hebb_tensor *source, bool element);
/* Makes a SCAN: info has all but the captures, which are found as what the results need that does
   not depend on what is bound, views and numbers with ids from info->light_from on apart. first[]:
   the states' first values; `like` may be NULL. Random ops
   with ids from `random_from` on are part of the body. */
hebb_tensor *hb_scan_make(hebb_graph *graph, hb_scan_info *info, hebb_tensor *const *first,
                          hebb_tensor *const *sequences, hebb_tensor *const *results, int n_results,
                          hebb_tensor *like, int random_from);
/* By id, below n: marks (not 0) what depends by its value on a marked node or on a random number
   with an id in [random_from, random_to). */
void hb_scan_spread(const hebb_graph *graph, int n, int random_from, int random_to,
                    unsigned char *marked);

/* ---- shape rules (infer.c), with or without HEBB_ANY among the sizes ---- */

typedef hebb_signature hb_signature;

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
/* Elements of diagonal number `first` (columns right of the main one, or rows below if negative);
   HEBB_ANY if a size is. */
int64_t hb_diagonal_size(int64_t rows, int64_t columns, int first);
hebb_status hb_slice_extents(const hb_attrs *attrs, hebb_shape x, hb_extent extent[HEBB_MAX_RANK],
                             hb_error *error);

/* infer_conv.c: what a window adds before and after a known size along axis d. */
void hb_window_pad(const hb_window *window, int d, int64_t size, int64_t kernel, int64_t pad[2]);
/* What PAD adds to x, by axis. */
void hb_pad_borders(const hb_attrs *attrs, hebb_shape x, int64_t before[HEBB_MAX_RANK],
                    int64_t after[HEBB_MAX_RANK]);

/* infer_resample.c: the axes that RESAMPLE resamples, from *first on; their sizes are HEBB_ANY
   where x's are. */
hebb_status hb_resampled_axes(const hb_attrs *attrs, hebb_shape x, int *first,
                              hb_resample_axis axis[3], hb_error *error);

/* "matmul(x f32 [2, 3], w f32 [4, 5])", for messages. */
void hb_describe_node(char *text, size_t size, hb_op op, const hb_attrs *attrs,
                      hebb_tensor *const *in, int n_in, const hb_signature *signatures);

#endif
