/* Builders of loops and of boundaries: trace bodies, and find what they need from outside. */
#include <stdlib.h>
#include <string.h>

#include "graph.h"

/* ---- what belongs to a body ---- */

static bool is_random(const hebb_tensor *node) {
    return node->op == HB_OP_RANDOM_BITS || node->op == HB_OP_RANDOM_UNIFORM ||
           node->op == HB_OP_RANDOM_NORMAL;
}

enum { INSIDE = 1, RANDOM = 2 }; /* RANDOM: on account of a random number */

void hb_scan_spread(const hebb_graph *graph, int n, int random_from, int random_to,
                    unsigned char *marked) {
    for (int id = 0; id < n; id++) {
        const hebb_tensor *node = graph->nodes[id];
        bool traced = id >= random_from && id < random_to;
        if (is_random(node) && traced) marked[id] = INSIDE | RANDOM;
        for (int k = 0; k < node->n_in; k++)
            if (!hb_shape_only(node, k)) marked[id] |= marked[node->in[k]->id];
        /* A scan's results also depend on what its body makes of random numbers. */
        bool loop = traced && (node->op == HB_OP_SCAN || node->op == HB_OP_SCAN_STACK);
        for (int k = 0; loop && k < node->n_in; k++)
            if (marked[node->in[k]->id] & RANDOM) marked[id] = INSIDE | RANDOM;
    }
}

/* What is cheaper to make in each iteration than to keep: numbers, and other views of a tensor. */
static bool is_light(const hebb_tensor *node) {
    switch (node->op) {
    case HB_OP_FULL:
    case HB_OP_IOTA:
    case HB_OP_SIZE:
    case HB_OP_TRAINING:
    case HB_OP_RESHAPE:
    case HB_OP_BROADCAST:
    case HB_OP_TRANSPOSE:
    case HB_OP_SLICE:
    case HB_OP_STOP_GRADIENT: return true;
    default: return false;
    }
}

typedef struct finder {
    hebb_graph *graph;
    int n, light_from;
    unsigned char *inside;
    bool *bound, *seen;
    hebb_tensor **captures;
    int n_captures;
} finder;

/* From the results down: ids fall from results to inputs. */
static void find_captures(finder *f) {
    for (int id = f->n - 1; id >= 0; id--) {
        hebb_tensor *node = f->graph->nodes[id];
        if (!f->seen[id] || f->bound[id]) continue;
        if (!f->inside[id] && !(is_light(node) && id >= f->light_from)) {
            f->captures[f->n_captures++] = node;
            continue;
        }
        if (node->op == HB_OP_ASSIGN) {
            hb_graph_error(f->graph, HEBB_E_ARGUMENT, "scan: the body assigns the variable %s",
                           hebb_tensor_name(node->in[0]));
            return;
        }
        for (int k = 0; k < node->n_in; k++)
            if (!hb_shape_only(node, k)) f->seen[node->in[k]->id] = true;
    }
}

static bool finder_make(finder *f, hebb_graph *graph) {
    size_t n = (size_t)graph->n_nodes + 1;
    *f = (finder){.graph = graph, .n = graph->n_nodes};
    f->inside = calloc(n, sizeof *f->inside);
    f->bound = calloc(n, sizeof *f->bound);
    f->seen = calloc(n, sizeof *f->seen);
    f->captures = calloc(n, sizeof *f->captures);
    if (f->inside != NULL && f->bound != NULL && f->seen != NULL && f->captures != NULL)
        return true;
    hb_graph_error(graph, HEBB_E_MEMORY, "out of memory: a scan in a graph of %d tensors", f->n);
    return false;
}

static void finder_free(finder *f) {
    free(f->inside);
    free(f->bound);
    free(f->seen);
    free(f->captures);
}

static void bind(finder *f, const hebb_tensor *node) {
    f->inside[node->id] = INSIDE;
    f->bound[node->id] = true;
}

static hebb_tensor *make_node(finder *f, hb_scan_info *info, hebb_tensor *const *first,
                              hebb_tensor *const *sequences, hebb_tensor *like, int random_from) {
    int n = 2 * info->n_states + info->n_sequences + f->n_captures + 1, at = 0;
    hebb_tensor **in = calloc((size_t)n, sizeof *in);
    if (in == NULL)
        return hb_graph_error(f->graph, HEBB_E_MEMORY, "out of memory: a scan with %d operands", n);
    for (int k = 0; k < info->n_states; k++) in[at++] = first[k];
    for (int k = 0; k < info->n_sequences; k++) in[at++] = sequences[k];
    for (int k = 0; k < f->n_captures; k++) in[at++] = f->captures[k];
    for (int k = 0; k < info->n_states; k++) in[at++] = info->next[k];
    if (like != NULL) in[at++] = like;
    info->n_captures = f->n_captures;
    info->like = like != NULL;
    info->random_from = random_from;
    hebb_tensor *scan = hb_node(f->graph, HB_OP_SCAN, in, at, &(hb_attrs){.scan = info});
    free(in);
    return scan;
}

hebb_tensor *hb_scan_make(hebb_graph *graph, hb_scan_info *info, hebb_tensor *const *first,
                          hebb_tensor *const *sequences, hebb_tensor *const *results, int n_results,
                          hebb_tensor *like, int random_from) {
    finder f;
    if (graph->error.status != HEBB_OK) return &graph->inert;
    if (finder_make(&f, graph)) {
        f.light_from = info->light_from;
        for (int k = 0; k < info->n_states; k++) bind(&f, info->state[k]);
        for (int k = 0; k < info->n_sequences; k++) bind(&f, info->element[k]);
        hb_scan_spread(graph, f.n, random_from, f.n, f.inside);
        for (int k = 0; k < info->n_states; k++) f.seen[info->next[k]->id] = true;
        for (int k = 0; k < n_results; k++) f.seen[results[k]->id] = true;
        find_captures(&f);
    }
    hebb_tensor *scan = graph->error.status != HEBB_OK
                            ? &graph->inert
                            : make_node(&f, info, first, sequences, like, random_from);
    finder_free(&f);
    return scan;
}

hebb_tensor *hb_scan_slot(hebb_tensor *source, bool element) {
    return hb_node(NULL, HB_OP_SCAN_SLOT, &source, 1, &(hb_attrs){.element = element});
}

hebb_tensor *hb_scan_stack(hebb_tensor *scan, hebb_tensor *x) {
    if (hebb_tensor_is_inert(scan)) return scan;
    const hb_scan_info *info = scan->attrs->scan;
    hebb_tensor *in[] = {scan, x, scan->in[scan->n_in - 1]};
    return hb_node(NULL, HB_OP_SCAN_STACK, in, info->like ? 3 : 2,
                   &(hb_attrs){.shape = HEBB_SHAPE(info->length)});
}

/* ---- the user's loop ---- */

static bool is_list(const hebb_tensor_list *list) {
    return list->count >= 0 && (list->count == 0 || list->at != NULL);
}

static hebb_graph *graph_of(const hebb_tensor_list *list) {
    if (!is_list(list)) return NULL;
    for (int k = 0; k < list->count; k++)
        if (list->at[k] != NULL) return list->at[k]->graph;
    return NULL;
}

/* `role` begins with the op: "scan: state". */
static bool check_list(hebb_graph *graph, const char *role, hebb_tensor *const *at, int count) {
    for (int k = 0; k < count; k++)
        if (at[k] == NULL) hb_graph_error(graph, HEBB_E_NULL, "%s %d is NULL", role, k);
        else if (at[k]->graph != graph)
            hb_graph_error(graph, HEBB_E_GRAPH, "%s %d is of another graph", role, k);
        else if (at[k]->op == HB_OP_INERT)
            hb_graph_error(graph, HEBB_E_ARGUMENT, "%s %d is what a failed builder gave", role, k);
        else if (at[k]->op == HB_OP_GROUP)
            hb_graph_error(graph, HEBB_E_ARGUMENT, "%s %d is a group: it has no value", role, k);
    return graph->error.status == HEBB_OK;
}

static hebb_tensor **pointers(hebb_graph *graph, int count) {
    return hb_graph_memory(graph, (size_t)(count + 1) * sizeof(hebb_tensor *));
}

/* Runs the body on stand-ins. NULL after an error. */
static hb_scan_info *trace(hebb_graph *graph, const hebb_scan_options *o, hebb_tensor **out) {
    hb_scan_info *info = hb_graph_memory(graph, sizeof *info);
    if (info == NULL) return NULL;
    *info = (hb_scan_info){.light_from = graph->n_nodes,
                           .reverse = o->reverse,
                           .length = o->length,
                           .n_states = o->states.count,
                           .n_sequences = o->sequences.count,
                           .state = pointers(graph, o->states.count),
                           .next = pointers(graph, o->states.count),
                           .element = pointers(graph, o->sequences.count)};
    if (graph->error.status != HEBB_OK) return NULL;
    for (int k = 0; k < info->n_states; k++) {
        info->state[k] = hb_scan_slot(o->states.at[k], false);
        info->next[k] = NULL;
    }
    for (int k = 0; k < info->n_sequences; k++)
        info->element[k] = hb_scan_slot(o->sequences.at[k], true);
    if (graph->error.status != HEBB_OK) return NULL;
    hebb_scan_frame frame = {info->state, info->element, info->next, out, o->user};
    o->body(&frame);
    graph->file = o->file;
    graph->line = o->line;
    if (graph->error.status != HEBB_OK) return NULL;
    bool complete =
        check_list(graph, "scan: the next value of state", info->next, info->n_states) &&
        check_list(graph, "scan: the body's result", out, o->n_out);
    return complete ? info : NULL;
}

static bool check_options(hebb_graph *graph, const hebb_scan_options *o, hebb_tensor **out) {
    if (o->body == NULL) hb_graph_error(graph, HEBB_E_NULL, "scan: there is no body");
    else if (o->n_out < 0 || (o->n_out > 0 && out == NULL))
        hb_graph_error(graph, HEBB_E_ARGUMENT, "scan: %d results and %s for them", o->n_out,
                       out == NULL ? "no place" : "a place");
    else if (o->sequences.count == 0 && o->length < 0)
        hb_graph_error(graph, HEBB_E_ARGUMENT, "scan: the length %lld is negative",
                       (long long)o->length);
    else if (o->sequences.count > 0 && o->length != 0)
        hb_graph_error(graph, HEBB_E_ARGUMENT, "scan: a length is for scans without sequences");
    return graph->error.status == HEBB_OK &&
           check_list(graph, "scan: state", o->states.at, o->states.count) &&
           check_list(graph, "scan: sequence", o->sequences.at, o->sequences.count);
}

static void build(hebb_graph *graph, const hebb_scan_options *o, hebb_tensor **last,
                  hebb_tensor **out, hebb_tensor **body_out) {
    int first_id = graph->n_nodes;
    hb_scan_info *info = trace(graph, o, body_out);
    if (info == NULL) return;
    hebb_tensor *like = o->sequences.count > 0 ? o->sequences.at[0] : NULL;
    hebb_tensor *scan = hb_scan_make(graph, info, o->states.at, o->sequences.at, body_out, o->n_out,
                                     like, first_id);
    for (int k = 0; k < o->n_out; k++) out[k] = hb_scan_stack(scan, body_out[k]);
    for (int k = 0; last != NULL && k < info->n_states; k++)
        last[k] = hb_node(NULL, HB_OP_SCAN_LAST, (hebb_tensor *[]){scan, o->states.at[k]}, 2,
                          &(hb_attrs){.index = k});
}

/* What is built from here on comes from that line; from that of the last builder if there is none,
   which is put in its place. */
static void begin_at(hebb_graph *graph, const char **file, int *line) {
    if (*file == NULL) {
        *file = graph->file;
        *line = graph->line;
    }
    graph->file = *file;
    graph->line = *line;
}

/* The list in the graph's memory, so that it may be where results are stored; false after recording
   an error. */
static bool copy_list(hebb_graph *graph, const char *role, hebb_tensor_list *list) {
    if (!is_list(list)) {
        hb_graph_error(graph, HEBB_E_NULL, "%s: a list of %d without a place", role, list->count);
        *list = (hebb_tensor_list){NULL, 0};
        return false;
    }
    hebb_tensor **copy = pointers(graph, list->count);
    for (int k = 0; copy != NULL && k < list->count; k++) copy[k] = list->at[k];
    list->at = copy;
    return copy != NULL;
}

void hebb_scan_with(hebb_tensor **last, hebb_tensor **out, const hebb_scan_options *options) {
    if (options == NULL) return;
    hebb_scan_options o = *options;
    hebb_graph *graph = graph_of(&o.states);
    if (graph == NULL) graph = graph_of(&o.sequences);
    bool fine = graph != NULL && graph->error.status == HEBB_OK;
    if (fine) {
        begin_at(graph, &o.file, &o.line);
        fine = copy_list(graph, "scan: states", &o.states) &&
               copy_list(graph, "scan: sequences", &o.sequences);
    }
    hebb_tensor *none = graph == NULL ? NULL : &graph->inert;
    for (int k = 0; last != NULL && k < o.states.count; k++) last[k] = none;
    for (int k = 0; out != NULL && k < o.n_out; k++) out[k] = none;
    if (!fine || !check_options(graph, &o, out)) return;
    hebb_tensor **body_out = calloc((size_t)o.n_out + 1, sizeof *body_out);
    if (body_out == NULL)
        hb_graph_error(graph, HEBB_E_MEMORY, "out of memory: a scan with %d results", o.n_out);
    else build(graph, &o, last, out, body_out);
    free(body_out);
}

/* ---- boundaries ---- */

hebb_tensor *hebb_with_gradient(hebb_tensor *y, hebb_tensor_list xs, hebb_backward_rule rule,
                                void *user) {
    hebb_graph *graph = y != NULL ? y->graph : graph_of(&xs);
    if (graph == NULL || (y != NULL && y->op == HB_OP_INERT)) return y;
    if (y == NULL) return hb_graph_error(graph, HEBB_E_NULL, "with_gradient: y is NULL");
    if (rule == NULL) return hb_graph_error(graph, HEBB_E_NULL, "with_gradient: there is no rule");
    if (!is_list(&xs)) return hb_graph_error(graph, HEBB_E_NULL, "with_gradient: the xs are NULL");
    hebb_tensor **in = pointers(graph, xs.count);
    if (in == NULL) return &graph->inert;
    for (int k = 0; k < xs.count; k++) in[k] = xs.at[k];
    in[xs.count] = y;
    return hb_node(graph, HB_OP_WITH_GRADIENT, in, xs.count + 1,
                   &(hb_attrs){.rule = rule, .user = user});
}

/* What a body needs of what was there before, and the sources that it made itself, which are not
   computed at all. */
static int find_sources(const finder *f, int from, hebb_tensor **in) {
    int n = 0;
    for (int id = f->n - 1; id >= 0; id--) {
        hebb_tensor *node = f->graph->nodes[id];
        if (!f->seen[id]) continue;
        if (!hb_is_recomputed(node, from)) {
            in[n++] = node;
            continue;
        }
        for (int k = 0; k < node->n_in; k++) f->seen[node->in[k]->id] = true;
    }
    return n;
}

bool hb_is_recomputed(const hebb_tensor *node, int from) {
    bool source = node->op == HB_OP_VARIABLE || node->op == HB_OP_INPUT ||
                  node->op == HB_OP_CONSTANT || node->op == HB_OP_SCAN_SLOT;
    bool loop = node->op == HB_OP_SCAN_STACK || node->op == HB_OP_SCAN_LAST;
    return node->id >= from && !source && !loop;
}

static void make_checkpoints(hebb_graph *graph, int from, hebb_tensor **out, int n_out) {
    finder f;
    hb_checkpoint *c = hb_graph_memory(graph, sizeof *c);
    if (c == NULL) return;
    if (finder_make(&f, graph)) {
        for (int k = 0; k < n_out; k++) f.seen[out[k]->id] = true;
        int n = find_sources(&f, from, f.captures);
        *c = (hb_checkpoint){from, graph->n_nodes, pointers(graph, n)};
        for (int k = 0; k < n && c->again != NULL; k++) c->again[k] = NULL;
        for (int k = 0; k < n_out && graph->error.status == HEBB_OK; k++) {
            f.captures[n] = out[k];
            out[k] =
                hb_node(graph, HB_OP_CHECKPOINT, f.captures, n + 1, &(hb_attrs){.checkpoint = c});
        }
    }
    finder_free(&f);
}

void hebb_checkpoint_with(hebb_tensor **out, const hebb_checkpoint_options *options) {
    if (options == NULL) return;
    hebb_checkpoint_options o = *options;
    hebb_graph *graph = graph_of(&o.inputs);
    bool fine = graph != NULL && graph->error.status == HEBB_OK;
    if (fine) {
        begin_at(graph, &o.file, &o.line);
        fine = copy_list(graph, "checkpoint: inputs", &o.inputs) &&
               check_list(graph, "checkpoint: input", o.inputs.at, o.inputs.count);
    }
    for (int k = 0; out != NULL && k < o.n_out; k++) out[k] = graph == NULL ? NULL : &graph->inert;
    if (!fine) return;
    if (o.body == NULL) hb_graph_error(graph, HEBB_E_NULL, "checkpoint: there is no body");
    else if (o.n_out < 0 || (o.n_out > 0 && out == NULL))
        hb_graph_error(graph, HEBB_E_ARGUMENT, "checkpoint: %d results and %s for them", o.n_out,
                       out == NULL ? "no place" : "a place");
    if (graph->error.status != HEBB_OK) return;
    int from = graph->n_nodes;
    for (int k = 0; k < o.n_out; k++) out[k] = NULL;
    o.body(o.inputs.at, out, o.user);
    graph->file = o.file;
    graph->line = o.line;
    if (check_list(graph, "checkpoint: the body's result", out, o.n_out))
        make_checkpoints(graph, from, out, o.n_out);
    for (int k = 0; k < o.n_out && graph->error.status != HEBB_OK; k++) out[k] = &graph->inert;
}
