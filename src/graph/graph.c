/* The life of a graph: its memory, its first error, its nodes. The builders are in build_*.c, the
   shape rules in infer.c, printing in print.c. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"

struct hb_block {
    hb_block *next;
    size_t used, size;
    _Alignas(16) char memory[];
};

const char *hb_op_name(hb_op op) {
    static const char *const names[HB_OPS] = {
#define OP(ID, name, from, to, shape, gradient, lowering, code) #name,
#include "ops.def"
#undef OP
    };
    return (unsigned)op < HB_OPS ? names[op] : "";
}

const char *hb_op_title(hb_op op, const hb_attrs *attrs) {
    if (op == HB_OP_APPLY) return attrs->apply->name;
    return op == HB_OP_CUSTOM ? attrs->custom->name : hb_op_name(op);
}

bool hb_shape_only(const hebb_tensor *node, int index) {
    const hb_scan_info *scan;
    switch (node->op) {
    case HB_OP_FULL:
    case HB_OP_IOTA:
    case HB_OP_SIZE:
    case HB_OP_RANDOM_BITS:
    case HB_OP_RANDOM_UNIFORM:
    case HB_OP_RANDOM_NORMAL:
    case HB_OP_SCAN_SLOT: return true;
    case HB_OP_RESHAPE:
    case HB_OP_BROADCAST:
    case HB_OP_SUM_LIKE:
    case HB_OP_CONCAT_PART:
    case HB_OP_SCAN_STACK:
    case HB_OP_SCAN_LAST:
    case HB_OP_FOLD:
    case HB_OP_RESAMPLE_BACK:
    case HB_OP_UNPAD: return index > 0;
    case HB_OP_CONV_INPUT:
    case HB_OP_CONV_WEIGHT: return index > 1;
    case HB_OP_SCAN:
        scan = node->attrs->scan;
        return index >= scan->n_states + scan->n_sequences + scan->n_captures;
    case HB_OP_ASSIGN: return index == 0; /* it is written, not read */
    default: return false;
    }
}

hebb_graph *hebb_graph_create(void) {
    hebb_graph *graph = calloc(1, sizeof *graph);
    if (graph == NULL) return NULL;
    graph->inert = (hebb_tensor){.graph = graph, .id = -1, .op = HB_OP_INERT, .shape.rank = -1};
    return graph;
}

void hebb_graph_destroy(hebb_graph *graph) {
    if (graph == NULL) return;
    while (graph->blocks != NULL) {
        hb_block *next = graph->blocks->next;
        free(graph->blocks);
        graph->blocks = next;
    }
    free(graph->nodes);
    free(graph->variables);
    free(graph->names);
    free(graph);
}

hebb_status hebb_graph_status(const hebb_graph *graph) {
    return graph == NULL ? HEBB_E_NULL : graph->error.status;
}

const char *hebb_graph_message(const hebb_graph *graph) {
    return graph == NULL ? "the graph is NULL" : graph->error.message;
}

static hebb_tensor *out_of_memory(hebb_graph *graph, size_t bytes) {
    return hb_graph_error(graph, HEBB_E_MEMORY, "out of memory: %zu bytes for the graph", bytes);
}

/* Big enough that a model's nodes fit into a few blocks, small enough for a graph of three nodes.
 */
enum { BLOCK_SIZE = 32 * 1024 };

void *hb_graph_memory(hebb_graph *graph, size_t bytes) {
    if (bytes > PTRDIFF_MAX) {
        out_of_memory(graph, bytes);
        return NULL;
    }
    bytes = (bytes + 15) / 16 * 16;
    hb_block *block = graph->blocks;
    if (block == NULL || block->size - block->used < bytes) {
        size_t size = bytes > BLOCK_SIZE ? bytes : BLOCK_SIZE;
        block = malloc(sizeof *block + size);
        if (block == NULL) {
            out_of_memory(graph, size);
            return NULL;
        }
        *block = (hb_block){.next = graph->blocks, .size = size};
        graph->blocks = block;
    }
    void *memory = block->memory + block->used;
    block->used += bytes;
    return memset(memory, 0, bytes);
}

const char *hb_graph_text(hebb_graph *graph, const char *text) {
    char *copy = hb_graph_memory(graph, strlen(text) + 1);
    return copy == NULL ? NULL : strcpy(copy, text);
}

hebb_tensor *hb_graph_error(hebb_graph *graph, hebb_status status, const char *format, ...) {
    if (graph == NULL) return NULL;
    if (graph->error.status != HEBB_OK) return &graph->inert;
    size_t at = 0;
    if (graph->file != NULL)
        at = (size_t)snprintf(graph->error.message, HB_MESSAGE_SIZE, "%s:%d: ", graph->file,
                              graph->line);
    if (at < HB_MESSAGE_SIZE) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(graph->error.message + at, HB_MESSAGE_SIZE - at, format, arguments);
        va_end(arguments);
    }
    graph->error.status = status;
    return &graph->inert;
}

hebb_tensor *hebb_graph_fail(hebb_graph *graph, hebb_status status, const char *message) {
    return hb_graph_error(graph, status == HEBB_OK ? HEBB_E_ARGUMENT : status, "%s",
                          message == NULL ? "unspecified error" : message);
}

hebb_graph *hebb_here_graph(hebb_graph *graph, const char *file, int line) {
    if (graph != NULL) {
        graph->file = file;
        graph->line = line;
    }
    return graph;
}

hebb_tensor *hebb_here_tensor(hebb_tensor *tensor, const char *file, int line) {
    if (tensor != NULL) hebb_here_graph(tensor->graph, file, line);
    return tensor;
}

/* What the program called: builders that make one op have names of their own. */
static const char *builder_of(hb_op op, const hb_attrs *attrs) {
    if (op != HB_OP_RESHAPE) return hb_op_title(op, attrs);
    switch (attrs->mode) {
    case HB_RESHAPE_LIKE: return "reshape_like";
    case HB_RESHAPE_EXPAND: return "expand_dims";
    case HB_RESHAPE_SQUEEZE: return "squeeze";
    default: return hb_op_title(op, attrs);
    }
}

void hb_describe_node(char *text, size_t size, hb_op op, const hb_attrs *attrs,
                      hebb_tensor *const *in, int n_in, const hb_signature *signatures) {
    size_t at = (size_t)snprintf(text, size, "%s(", builder_of(op, attrs));
    for (int k = 0; k < n_in && at < size; k++) {
        char shape[160];
        hb_signature s =
            signatures != NULL ? signatures[k] : (hb_signature){in[k]->dtype, in[k]->shape};
        at += (size_t)snprintf(text + at, size - at, "%s%s %s %s", k > 0 ? ", " : "",
                               hebb_tensor_name(in[k]), hebb_dtype_name(s.dtype),
                               hebb_shape_text(s.shape, shape, sizeof shape));
    }
    if (at < size) snprintf(text + at, size - at, ")");
}

/* NULL if all inputs are fit to be used, else what the builder shall return. */
static hebb_tensor *check_inputs(hebb_graph **graph, const char *title, bool groups,
                                 hebb_tensor *const *in, int n_in) {
    for (int k = 0; k < n_in && *graph == NULL; k++)
        if (in[k] != NULL) *graph = in[k]->graph;
    if (*graph == NULL) return NULL;
    for (int k = 0; k < n_in; k++) {
        if (in[k] == NULL)
            return hb_graph_error(*graph, HEBB_E_NULL, "%s: operand %d is NULL", title, k);
        if (in[k]->graph != *graph)
            return hb_graph_error(*graph, HEBB_E_GRAPH, "%s: operand %d, %s, is of another graph",
                                  title, k, hebb_tensor_name(in[k]));
        if (in[k]->op == HB_OP_INERT) return &(*graph)->inert;
        if (in[k]->op == HB_OP_GROUP && !groups)
            return hb_graph_error(*graph, HEBB_E_ARGUMENT,
                                  "%s: operand %d, %s, is a group: it has no value", title, k,
                                  hebb_tensor_name(in[k]));
    }
    return (*graph)->error.status != HEBB_OK ? &(*graph)->inert : NULL;
}

bool hb_operands(const char *title, hebb_tensor *const *in, int n_in, hebb_tensor **instead) {
    hebb_graph *graph = NULL;
    *instead = check_inputs(&graph, title, false, in, n_in);
    return *instead == NULL && graph != NULL;
}

/* Room for one more pointer in a growing array. */
static bool reserve(hebb_graph *graph, hebb_tensor ***list, int count, int *capacity) {
    if (count < *capacity) return true;
    int wanted = *capacity == 0 ? 64 : *capacity * 2;
    hebb_tensor **grown = realloc(*list, (size_t)wanted * sizeof **list);
    if (grown == NULL) {
        out_of_memory(graph, (size_t)wanted * sizeof **list);
        return false;
    }
    *list = grown;
    *capacity = wanted;
    return true;
}

static hebb_tensor *append(hebb_graph *graph, hb_op op, hebb_tensor *const *in, int n_in,
                           const hb_attrs *attrs, hb_signature signature) {
    hebb_tensor *node = hb_graph_memory(graph, sizeof *node);
    hebb_tensor **inputs = hb_graph_memory(graph, (size_t)n_in * sizeof *inputs);
    hb_attrs *copy = attrs != NULL ? hb_graph_memory(graph, sizeof *copy) : NULL;
    char name[80];
    snprintf(name, sizeof name, "%s:%d", hb_op_title(op, attrs), graph->n_nodes);
    const char *kept_name = hb_graph_text(graph, name);
    if (node == NULL || inputs == NULL || (attrs != NULL && copy == NULL) || kept_name == NULL)
        return &graph->inert;
    if (!reserve(graph, &graph->nodes, graph->n_nodes, &graph->node_capacity)) return &graph->inert;
    if (n_in > 0) memcpy(inputs, in, (size_t)n_in * sizeof *inputs);
    if (copy != NULL) *copy = *attrs;
    *node = (hebb_tensor){.graph = graph,
                          .id = graph->n_nodes,
                          .op = op,
                          .dtype = signature.dtype,
                          .shape = signature.shape,
                          .n_in = n_in,
                          .in = inputs,
                          .attrs = copy,
                          .name = kept_name,
                          .file = graph->file,
                          .line = graph->line};
    graph->nodes[graph->n_nodes++] = node;
    return node;
}

hebb_tensor *hb_node(hebb_graph *graph, hb_op op, hebb_tensor *const *in, int n_in,
                     const hb_attrs *attrs) {
    hebb_tensor *bad = check_inputs(&graph, hb_op_title(op, attrs), op == HB_OP_GROUP, in, n_in);
    if (bad != NULL || graph == NULL) return bad;
    hb_signature few[8], *signatures = few, result;
    if (n_in > 8) {
        signatures = hb_graph_memory(graph, (size_t)n_in * sizeof *signatures);
        if (signatures == NULL) return &graph->inert;
    }
    for (int k = 0; k < n_in; k++) signatures[k] = (hb_signature){in[k]->dtype, in[k]->shape};
    hb_error error;
    hebb_status status = hb_infer(op, attrs, signatures, n_in, &result, &error);
    if (status != HEBB_OK) {
        char text[600];
        hb_describe_node(text, sizeof text, op, attrs, in, n_in, NULL);
        return hb_graph_error(graph, status, "%s: %s", text, error.message);
    }
    return append(graph, op, in, n_in, attrs, result);
}

/* ---- names of inputs and variables: a hash table with open addressing ---- */

static unsigned hash_name(const char *name) { /* FNV-1a */
    unsigned h = 2166136261u;
    for (; *name != '\0'; name++) h = (h ^ (unsigned char)*name) * 16777619u;
    return h;
}

/* Entries of tensors that were renamed stay, and do not match. */
static void enter_name(hebb_graph *graph, hebb_tensor *tensor) {
    unsigned mask = (unsigned)graph->name_capacity - 1, slot = hash_name(tensor->name) & mask;
    while (graph->names[slot] != NULL) slot = (slot + 1) & mask;
    graph->names[slot] = tensor;
    graph->n_names++;
}

bool hb_register_variable(hebb_tensor *variable) {
    hebb_graph *graph = variable->graph;
    if (!reserve(graph, &graph->variables, graph->n_variables, &graph->variable_capacity))
        return false;
    graph->variables[graph->n_variables++] = variable;
    return hb_register_name(variable);
}

bool hb_register_name(hebb_tensor *tensor) {
    hebb_graph *graph = tensor->graph;
    if (2 * (graph->n_names + 1) > graph->name_capacity) {
        int before = graph->name_capacity, capacity = before == 0 ? 64 : 2 * before;
        hebb_tensor **table = calloc((size_t)capacity, sizeof *table), **old = graph->names;
        if (table == NULL) {
            out_of_memory(graph, (size_t)capacity * sizeof *table);
            return false;
        }
        graph->names = table;
        graph->name_capacity = capacity;
        graph->n_names = 0;
        for (int k = 0; k < before; k++)
            if (old[k] != NULL) enter_name(graph, old[k]);
        free(old);
    }
    enter_name(graph, tensor);
    return true;
}

hebb_tensor *hebb_graph_find(const hebb_graph *graph, const char *name) {
    if (graph == NULL || name == NULL || graph->names == NULL) return NULL;
    unsigned mask = (unsigned)graph->name_capacity - 1, slot = hash_name(name) & mask;
    for (; graph->names[slot] != NULL; slot = (slot + 1) & mask)
        if (strcmp(graph->names[slot]->name, name) == 0) return graph->names[slot];
    return NULL;
}

/* ---- looking ---- */

hebb_graph *hebb_tensor_graph(const hebb_tensor *tensor) {
    return tensor == NULL ? NULL : tensor->graph;
}

hebb_dtype hebb_tensor_dtype(const hebb_tensor *tensor) {
    return tensor == NULL ? HEBB_F32 : tensor->dtype;
}

hebb_shape hebb_tensor_shape(const hebb_tensor *tensor) {
    return tensor == NULL ? (hebb_shape){.rank = -1} : tensor->shape;
}

const char *hebb_tensor_name(const hebb_tensor *tensor) {
    return tensor == NULL || tensor->op == HB_OP_INERT ? "" : tensor->name;
}

bool hb_check_name(hebb_graph *graph, const char *what, const char *name) {
    if (name == NULL || *name != '\0') return true;
    hb_graph_error(graph, HEBB_E_ARGUMENT, "%s: the name is empty", what);
    return false;
}

hebb_tensor *hebb_named(hebb_tensor *tensor, const char *name) {
    if (tensor == NULL || tensor->op == HB_OP_INERT || name == NULL) return tensor;
    if (!hb_check_name(tensor->graph, "named", name)) return &tensor->graph->inert;
    bool unique = tensor->op == HB_OP_INPUT || tensor->op == HB_OP_VARIABLE;
    const hebb_tensor *other = unique ? hebb_graph_find(tensor->graph, name) : NULL;
    if (other != NULL && other != tensor)
        return hb_graph_error(tensor->graph, HEBB_E_ARGUMENT, "named: the name \"%s\" is taken",
                              name);
    const char *copy = hb_graph_text(tensor->graph, name);
    if (copy == NULL) return tensor;
    tensor->name = copy;
    tensor->named = true;
    return !unique || hb_register_name(tensor) ? tensor : &tensor->graph->inert;
}

const char *hebb_tensor_op(const hebb_tensor *tensor) {
    return tensor == NULL ? "" : hb_op_name(tensor->op);
}

bool hebb_tensor_is_inert(const hebb_tensor *tensor) {
    return tensor == NULL || tensor->op == HB_OP_INERT;
}

/* Ids grow from inputs to results: marks run from y's id down to x's. */
bool hebb_depends_on(const hebb_tensor *y, const hebb_tensor *x) {
    if (hebb_tensor_is_inert(y) || hebb_tensor_is_inert(x) || y->graph != x->graph || x->id > y->id)
        return false;
    bool *marked = calloc((size_t)(y->id - x->id) + 1, sizeof *marked);
    if (marked == NULL) {
        out_of_memory(y->graph, (size_t)(y->id - x->id) + 1);
        return false;
    }
    marked[y->id - x->id] = true;
    for (int id = y->id; id > x->id; id--) {
        if (!marked[id - x->id]) continue;
        const hebb_tensor *node = y->graph->nodes[id];
        for (int k = 0; k < node->n_in; k++)
            if (node->in[k]->id >= x->id) marked[node->in[k]->id - x->id] = true;
    }
    bool depends = marked[0];
    free(marked);
    return depends;
}

size_t hebb_graph_variable_count(const hebb_graph *graph) {
    return graph == NULL ? 0 : (size_t)graph->n_variables;
}

hebb_tensor *hebb_graph_variable(const hebb_graph *graph, size_t index) {
    return index < hebb_graph_variable_count(graph) ? graph->variables[index] : NULL;
}

bool hebb_variable_trainable(const hebb_tensor *variable) {
    return variable != NULL && variable->op == HB_OP_VARIABLE && variable->attrs->trainable;
}

size_t hebb_graph_size(const hebb_graph *graph) {
    return graph == NULL ? 0 : (size_t)graph->n_nodes;
}
