/* Scopes and layers, sharing, what is attached to tensors, and looking at a graph (hebb/layer.h).
   Called by layers and by whatever lists them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hebb/layer.h>
#include "graph.h"

enum { MOST_NAME = 255 }; /* characters of a full name */

/* An open layer or sharing. */
typedef struct scope {
    struct scope *outer;
    const char *kind; /* NULL of a sharing */
    const char *name; /* in full */
    size_t first;     /* of its tensors */
    int entry;        /* of the sharing that it is or is in; 0: none */
    const char *file; /* the line that began it; NULL: not known */
    int line;
} scope;

/* A name that a layer has had. In a sharing the names start anew each time. */
typedef struct taken {
    struct taken *next;
    const char *name;
    int entry;
    int tried; /* with numbers up to this one it is taken, too */
} taken;

typedef struct record {
    struct record *next;
    hebb_layer layer;
} record;

typedef struct attached {
    struct attached *next;
    hebb_tensor *anchor, *what;
    bool is_loss;
} attached;

/* An open hebb_inference_begin(). */
typedef struct inference {
    struct inference *outer;
    const char *file; /* as of a scope */
    int line;
} inference;

struct hb_layers {
    scope *open;
    inference *inference; /* the innermost; NULL: none is open */
    taken *names;
    record *first, *last;
    size_t n_records;
    attached *attached, *last_attached;
    int entries;
};

/* ---- names ---- */

static hb_layers *layers_of(hebb_graph *graph) {
    if (graph->layers == NULL) {
        graph->layers = hb_graph_memory(graph, sizeof *graph->layers);
        if (graph->layers != NULL) *graph->layers = (hb_layers){0};
    }
    return graph->layers;
}

static const scope *open_scope(const hebb_graph *graph) {
    return graph->layers == NULL ? NULL : graph->layers->open;
}

const char *hb_scoped_name(hebb_graph *graph, const char *name) {
    const scope *in = open_scope(graph);
    if (in == NULL || name == NULL) return name;
    char text[MOST_NAME + 1];
    if (snprintf(text, sizeof text, "%s/%s", in->name, name) <= MOST_NAME)
        return hb_graph_text(graph, text);
    hb_graph_error(graph, HEBB_E_ARGUMENT,
                   "the name \"%.60s.../%.60s\" is longer than %d characters", in->name, name,
                   MOST_NAME);
    return NULL;
}

hebb_tensor *hb_shared_variable(hebb_graph *graph, const char *name) {
    const scope *in = open_scope(graph);
    if (in == NULL || in->entry == 0 || name == NULL) return NULL;
    hebb_tensor *found = hebb_graph_find(graph, name);
    return found != NULL && found->op == HB_OP_VARIABLE ? found : NULL;
}

/* The layer of a name; NULL if there is none. */
static taken *find_layer(const hebb_graph *graph, const char *name, int entry) {
    taken *t = graph->layers->names;
    while (t != NULL && (t->entry != entry || strcmp(t->name, name) != 0)) t = t->next;
    return t;
}

/* Whether a layer cannot get this name by itself: one has it, or a variable of such a name is there
   that no sharing would find again. */
static bool is_taken(const hebb_graph *graph, const char *name, int entry) {
    if (find_layer(graph, name, entry) != NULL) return true;
    size_t length = strlen(name);
    for (int k = 0; k < graph->n_variables && entry == 0; k++) {
        const char *other = graph->variables[k]->name;
        if (strncmp(other, name, length) == 0 && other[length] == '/') return true;
    }
    return false;
}

static bool write_name(const scope *outer, const char *name, int number, char text[MOST_NAME + 1]) {
    char suffix[16] = "";
    if (number > 0) snprintf(suffix, sizeof suffix, "_%d", number);
    int length = snprintf(text, MOST_NAME + 1, "%s%s%s%s", outer != NULL ? outer->name : "",
                          outer != NULL ? "/" : "", name, suffix);
    return length <= MOST_NAME;
}

/* The full name of a layer to open; NULL after recording an error. */
static const char *layer_name(hebb_graph *graph, const char *kind, const char *name) {
    const scope *outer = graph->layers->open;
    int entry = outer != NULL ? outer->entry : 0;
    char text[MOST_NAME + 1];
    bool fits = write_name(outer, name != NULL ? name : kind, 0, text);
    taken *base = fits && name == NULL ? find_layer(graph, text, entry) : NULL;
    int number = base != NULL ? base->tried : 0;
    while (fits && name == NULL && is_taken(graph, text, entry))
        fits = write_name(outer, kind, ++number, text);
    if (base != NULL) base->tried = number;
    if (!fits) {
        hb_graph_error(graph, HEBB_E_ARGUMENT, "layer %s: its name is longer than %d characters",
                       kind, MOST_NAME);
        return NULL;
    }
    taken *t = hb_graph_memory(graph, sizeof *t);
    const char *copy = hb_graph_text(graph, text);
    if (t == NULL || copy == NULL) return NULL;
    *t = (taken){graph->layers->names, copy, entry, 0};
    graph->layers->names = t;
    return copy;
}

/* ---- scopes ---- */

/* A scope is opened after an error too, so that the ends fit the begins. */
static void open(hebb_graph *graph, const char *kind, const char *name, bool shares) {
    if (layers_of(graph) == NULL) return;
    hb_layers *l = graph->layers;
    scope *s = hb_graph_memory(graph, sizeof *s);
    if (s == NULL) return;
    const char *full = graph->error.status == HEBB_OK ? layer_name(graph, kind, name) : NULL;
    *s = (scope){.outer = l->open,
                 .kind = shares ? NULL : hb_graph_text(graph, kind),
                 .name = full != NULL ? full : "",
                 .first = hebb_graph_size(graph),
                 .entry = l->open != NULL ? l->open->entry : 0,
                 .file = graph->file,
                 .line = graph->line};
    if (shares) s->entry = ++l->entries;
    l->open = s;
}

static void write_place(const char *file, int line, char *text, size_t size) {
    text[0] = '\0';
    if (file != NULL) snprintf(text, size, "%s:%d: ", file, line);
}

hebb_status hb_check_ends(const hebb_graph *graph, hb_error *error) {
    char place[200];
    const inference *i = graph->layers == NULL ? NULL : graph->layers->inference;
    const scope *s = open_scope(graph);
    if (s == NULL && i == NULL) return HEBB_OK;
    write_place(s != NULL ? s->file : i->file, s != NULL ? s->line : i->line, place, sizeof place);
    if (s == NULL)
        return hb_fail(error, HEBB_E_GRAPH, "%shebb_inference_begin() has no hebb_inference_end()",
                       place);
    return hb_fail(error, HEBB_E_GRAPH, "%s%s \"%s\" begins, and has no %s", place,
                   s->kind != NULL ? "the layer" : "the sharing", s->name,
                   s->kind != NULL ? "hebb_layer_end()" : "hebb_share_end()");
}

static bool is_name(const char *name) {
    return name == NULL || (name[0] != '\0' && strchr(name, '/') == NULL);
}

void hebb_layer_begin(hebb_graph *graph, const char *kind, const char *name) {
    if (graph == NULL) return;
    if (kind == NULL) hb_graph_error(graph, HEBB_E_NULL, "layer: the kind is NULL");
    else if (!is_name(name) || !is_name(kind))
        hb_graph_error(graph, HEBB_E_ARGUMENT,
                       "layer %s: \"%s\" is no name: empty, or with a slash", kind,
                       is_name(name) ? kind : name);
    open(graph, kind != NULL ? kind : "layer", name, false);
}

static scope *close_scope(hebb_graph *graph, const char *what, bool shares) {
    scope *s = graph->layers == NULL ? NULL : graph->layers->open;
    if (s != NULL && shares == (s->kind == NULL)) {
        graph->layers->open = s->outer;
        return s;
    }
    if (graph->error.status == HEBB_OK)
        hb_graph_error(graph, HEBB_E_ARGUMENT, "%s: %s is open", what,
                       s == NULL         ? "nothing"
                       : s->kind != NULL ? s->kind
                                         : "a sharing");
    return NULL;
}

static int depth_of(const scope *s) {
    int depth = 0;
    for (; s != NULL; s = s->outer) depth += s->kind != NULL;
    return depth;
}

hebb_tensor *hebb_layer_end(hebb_graph *graph, hebb_tensor *y) {
    if (graph == NULL) return y;
    const scope *s = close_scope(graph, "layer_end", false);
    if (s == NULL || graph->error.status != HEBB_OK) return y;
    record *r = hb_graph_memory(graph, sizeof *r);
    if (r == NULL) return y;
    *r = (record){.layer = {.kind = s->kind,
                            .name = s->name,
                            .result = y,
                            .depth = depth_of(s->outer),
                            .first = s->first,
                            .last = hebb_graph_size(graph)}};
    hb_layers *l = graph->layers;
    if (l->last != NULL) l->last->next = r;
    else l->first = r;
    l->last = r;
    l->n_records++;
    return y;
}

void hebb_share_begin(hebb_graph *graph, const char *name) {
    if (graph == NULL) return;
    if (name == NULL) hb_graph_error(graph, HEBB_E_NULL, "share_begin: the name is NULL");
    else if (!is_name(name))
        hb_graph_error(graph, HEBB_E_ARGUMENT,
                       "share_begin: \"%s\" is no name: empty, or with a slash", name);
    open(graph, "shared", name != NULL ? name : "shared", true);
}

void hebb_share_end(hebb_graph *graph) {
    if (graph != NULL) close_scope(graph, "share_end", true);
}

/* ---- training ---- */

static bool is_inference(const hebb_graph *graph) {
    return graph->layers != NULL && graph->layers->inference != NULL;
}

void hebb_inference_begin(hebb_graph *graph) {
    if (graph == NULL || layers_of(graph) == NULL) return;
    inference *i = hb_graph_memory(graph, sizeof *i);
    if (i == NULL) return;
    *i = (inference){graph->layers->inference, graph->file, graph->line};
    graph->layers->inference = i;
}

void hebb_inference_end(hebb_graph *graph) {
    if (graph == NULL) return;
    if (is_inference(graph)) graph->layers->inference = graph->layers->inference->outer;
    else if (graph->error.status == HEBB_OK)
        hb_graph_error(graph, HEBB_E_ARGUMENT, "inference_end: no hebb_inference_begin() is open");
}

hebb_tensor *hebb_training(hebb_graph *graph) {
    if (graph == NULL) return NULL;
    if (is_inference(graph)) return hebb_full(graph, HEBB_BOOL, HEBB_SCALAR, 0);
    return hb_node(graph, HB_OP_TRAINING, NULL, 0,
                   &(hb_attrs){.dtype = HEBB_BOOL, .shape = HEBB_SCALAR});
}

/* ---- attached ---- */

static hebb_tensor *attach(hebb_tensor *anchor, hebb_tensor *what, bool is_loss) {
    const char *title = is_loss ? "attach_loss" : "attach_update";
    hebb_tensor *instead;
    if (!hb_operands(title, (hebb_tensor *[]){anchor, what}, is_loss ? 2 : 1, &instead))
        return instead;
    hebb_graph *graph = anchor->graph;
    if (what == NULL) return hb_graph_error(graph, HEBB_E_NULL, "%s: the update is NULL", title);
    if (what->op == HB_OP_INERT) return what;
    if (what->graph != graph)
        return hb_graph_error(graph, HEBB_E_GRAPH, "%s: %s is of another graph", title, what->name);
    if (layers_of(graph) == NULL) return &graph->inert;
    if (!is_loss && is_inference(graph)) return anchor;
    attached *a = hb_graph_memory(graph, sizeof *a);
    if (a == NULL) return &graph->inert;
    *a = (attached){.anchor = anchor, .what = what, .is_loss = is_loss};
    hb_layers *l = graph->layers;
    if (l->last_attached != NULL) l->last_attached->next = a;
    else l->attached = a;
    l->last_attached = a;
    return anchor;
}

hebb_tensor *hebb_attach_update(hebb_tensor *anchor, hebb_tensor *update) {
    if (update != NULL && update->op != HB_OP_INERT && update->op != HB_OP_ASSIGN &&
        update->op != HB_OP_GROUP)
        return hb_graph_error(update->graph, HEBB_E_ARGUMENT,
                              "attach_update: %s is neither an assignment nor a group",
                              update->name);
    return attach(anchor, update, false);
}

hebb_tensor *hebb_attach_loss(hebb_tensor *anchor, hebb_tensor *penalty) {
    if (penalty != NULL && penalty->op != HB_OP_INERT &&
        (penalty->shape.rank != 0 || !hb_floating(penalty->dtype))) {
        char text[160];
        return hb_graph_error(
            penalty->graph, penalty->shape.rank != 0 ? HEBB_E_SHAPE : HEBB_E_DTYPE,
            "attach_loss: %s is %s %s, not a floating scalar", penalty->name,
            hebb_dtype_name(penalty->dtype), hebb_shape_text(penalty->shape, text, sizeof text));
    }
    return attach(anchor, penalty, true);
}

/* The last assignment to the variable in an update, searching groups; NULL if there is none. */
static hebb_tensor *assignment(hebb_tensor *update, const hebb_tensor *variable) {
    if (update->op == HB_OP_ASSIGN) return update->in[0] == variable ? update : NULL;
    hebb_tensor *found = NULL;
    for (int k = 0; update->op == HB_OP_GROUP && k < update->n_in; k++) {
        hebb_tensor *inner = assignment(update->in[k], variable);
        if (inner != NULL) found = inner;
    }
    return found;
}

hebb_tensor *hebb_updated(hebb_tensor *variable) {
    if (hebb_tensor_is_inert(variable) || variable->graph->layers == NULL) return variable;
    hebb_tensor *value = variable;
    for (const attached *a = variable->graph->layers->attached; a != NULL; a = a->next) {
        hebb_tensor *found = a->is_loss ? NULL : assignment(a->what, variable);
        if (found != NULL) value = found->in[1];
    }
    return value;
}

/* Marks, by id, what y is computed from. NULL, with the graph's error, if memory is out. */
static bool *ancestors(const hebb_tensor *y) {
    bool *marked = calloc((size_t)y->id + 1, sizeof *marked);
    if (marked == NULL) {
        hb_graph_error(y->graph, HEBB_E_MEMORY, "out of memory: %d bytes for the graph", y->id + 1);
        return NULL;
    }
    marked[y->id] = true;
    for (int id = y->id; id >= 0; id--) {
        const hebb_tensor *node = y->graph->nodes[id];
        for (int k = 0; marked[id] && k < node->n_in; k++) marked[node->in[k]->id] = true;
    }
    return marked;
}

/* Whether all that an update assigns is assigned again by a later one that belongs to the loss. */
static bool is_superseded(const attached *a, const hebb_tensor *update, const bool *needed,
                          int last) {
    if (update->op == HB_OP_GROUP) {
        for (int k = 0; k < update->n_in; k++)
            if (!is_superseded(a, update->in[k], needed, last)) return false;
        return update->n_in > 0;
    }
    if (update->op != HB_OP_ASSIGN) return false;
    for (const attached *later = a->next; later != NULL; later = later->next)
        if (!later->is_loss && later->anchor->id <= last && needed[later->anchor->id] &&
            assignment(later->what, update->in[0]) != NULL)
            return true;
    return false;
}

static size_t list_attached(hebb_tensor *loss, bool losses, hebb_tensor **list, size_t room) {
    if (hebb_tensor_is_inert(loss) || loss->graph->layers == NULL) return 0;
    bool *needed = ancestors(loss);
    size_t n = 0;
    for (const attached *a = loss->graph->layers->attached; needed != NULL && a != NULL;
         a = a->next) {
        if (a->is_loss != losses || a->anchor->id > loss->id || !needed[a->anchor->id]) continue;
        if (!losses && is_superseded(a, a->what, needed, loss->id)) continue;
        if (n < room && list != NULL) list[n] = a->what;
        n++;
    }
    free(needed);
    return n;
}

size_t hebb_attached_updates(hebb_tensor *loss, hebb_tensor **list, size_t room) {
    return list_attached(loss, false, list, room);
}

size_t hebb_attached_losses(hebb_tensor *loss, hebb_tensor **list, size_t room) {
    return list_attached(loss, true, list, room);
}

/* ---- looking ---- */

size_t hebb_layer_count(const hebb_graph *graph) {
    return graph == NULL || graph->layers == NULL ? 0 : graph->layers->n_records;
}

bool hebb_layer_at(const hebb_graph *graph, size_t index, hebb_layer *layer) {
    if (layer == NULL || index >= hebb_layer_count(graph)) return false;
    const record *r = graph->layers->first;
    for (size_t k = 0; k < index; k++) r = r->next;
    *layer = r->layer;
    return true;
}

size_t hebb_tensor_id(const hebb_tensor *tensor) {
    return hebb_tensor_is_inert(tensor) ? SIZE_MAX : (size_t)tensor->id;
}

hebb_tensor *hebb_graph_tensor(const hebb_graph *graph, size_t id) {
    return id < hebb_graph_size(graph) ? graph->nodes[id] : NULL;
}

size_t hebb_tensor_input_count(const hebb_tensor *tensor) {
    return hebb_tensor_is_inert(tensor) ? 0 : (size_t)tensor->n_in;
}

hebb_tensor *hebb_tensor_input(const hebb_tensor *tensor, size_t index) {
    return index < hebb_tensor_input_count(tensor) ? tensor->in[index] : NULL;
}

const char *hebb_tensor_place(const hebb_tensor *tensor, int *line) {
    if (hebb_tensor_is_inert(tensor) || tensor->file == NULL) return NULL;
    if (line != NULL) *line = tensor->line;
    return tensor->file;
}
