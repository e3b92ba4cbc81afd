/* What layers are made of: scopes that name their variables, sharing of variables, the difference
   between training and inference, additional updates and losses of a training step, and inspection
   of a graph. Layers of your own are made as those of the library are:

     hebb_tensor *scale(hebb_tensor *x) {
         hebb_graph *g = hebb_tensor_graph(x);
         hebb_layer_begin(g, "scale", NULL);
         hebb_tensor *s = hebb_variable(g, "factor", HEBB_F32, HEBB_SCALAR, hebb_ones());
         return hebb_layer_end(g, hebb_mul(x, s));
     }

   The variable is called scale/factor, that of a second call scale_1/factor. */
#ifndef HEBB_LAYER_H
#define HEBB_LAYER_H

#include <hebb/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- scopes ----
   Between begin and end, the names given to hebb_variable() and hebb_state() get the layer's name
   and a slash before them. Layers nest: "encoder/dense/kernel". */

/* Opens a layer. `kind` says what it is ("dense"); it is copied, as is `name`, its name in the
   layer around it. NULL: the kind, or kind_1, kind_2, ..., the first under which there is no layer
   and no variable. A name that is given again goes on with that layer. HEBB_E_NULL without a kind,
   HEBB_E_ARGUMENT for an empty name or one with a slash. A NULL graph is ignored. */
HEBB_API void hebb_layer_begin(hebb_graph *graph, const char *kind, const char *name);
/* Closes the layer opened last, and records y as its result; returns y. Every begin has an end,
   also after an error: hebb_run() refuses a graph in which a layer or a sharing is still open, and
   names it. HEBB_E_ARGUMENT if no layer is open. y may be NULL. */
HEBB_API hebb_tensor *hebb_layer_end(hebb_graph *graph, hebb_tensor *y);

/* Layers that are made between these two calls reuse the variables that an earlier pair of the same
   name made, in the same order:

     hebb_share_begin(g, "tower"); a = tower(left); hebb_share_end(g);
     hebb_share_begin(g, "tower"); b = tower(right); hebb_share_end(g);

   Their names begin with "tower/". The second time, hebb_variable() returns what there is if dtype
   and shape are the same (else HEBB_E_DTYPE, HEBB_E_SHAPE), and makes what is not there. */
HEBB_API void hebb_share_begin(hebb_graph *graph, const char *name);
HEBB_API void hebb_share_end(hebb_graph *graph);

/* ---- training and inference ---- */

/* bool scalar: whether the run trains. It is known when a plan is made and folded away, so an
   inference plan has no trace of dropout. A run trains if it assigns to a trainable variable, as
   hebb_minimize() does, unless hebb_session_set_mode() says otherwise; false between
   hebb_inference_begin() and its end. Each call makes a tensor of its own: call it where it is
   used, in the body of a scan too. */
HEBB_API hebb_tensor *hebb_training(hebb_graph *graph);

/* What is built between these two calls is never in training, whatever the run does: dropout drops
   nothing, batch normalization takes its moving averages and does not update them (Keras: a layer
   called with training=False; PyTorch: eval()). For the part of a network that was trained before
   and is kept as it is, or trained on with care, while the rest trains:

     hebb_inference_begin(g);
     hebb_tensor *h = encoder(x);
     hebb_inference_end(g);
     step = hebb_minimize(loss(hebb_dense(h, 10)), hebb_adam(),
                          HEBB_PARAMETER_GROUPS({.match = "encoder/", .frozen = true}));

   They nest. Every begin has an end, also after an error. */
HEBB_API void hebb_inference_begin(hebb_graph *graph);
HEBB_API void hebb_inference_end(hebb_graph *graph);

/* ---- additional updates and losses of a training step ----
   hebb_minimize(loss, ...) carries out the updates, and adds the penalties to the loss, that are
   attached to tensors which the loss depends on (a variable, or a layer's result). */

/* `update` is what hebb_assign() or hebb_group() returned: of moving averages, say. Returns anchor.
   An assignment to a variable that an attached update assigns to already takes its place, and
   should start from hebb_updated(). Between hebb_inference_begin() and its end nothing is attached.
 */
HEBB_API hebb_tensor *hebb_attach_update(hebb_tensor *anchor, hebb_tensor *update);
/* `penalty` is a floating scalar. Returns anchor. */
HEBB_API hebb_tensor *hebb_attach_loss(hebb_tensor *anchor, hebb_tensor *penalty);
/* The value that an attached assignment gives the variable, or the variable itself. */
HEBB_API hebb_tensor *hebb_updated(hebb_tensor *variable);
/* How many updates or penalties belong to the loss; the first `room` of them, in the order in which
   they were attached, are stored in list (may be NULL if room is 0). */
HEBB_API size_t hebb_attached_updates(hebb_tensor *loss, hebb_tensor **list, size_t room);
HEBB_API size_t hebb_attached_losses(hebb_tensor *loss, hebb_tensor **list, size_t room);

/* ---- inspection ---- */

/* Layers, in the order of their ends; inner ones come before what they are in. */
typedef struct hebb_layer {
    const char *kind;    /* "dense" */
    const char *name;    /* in full: "encoder/dense_1"; the graph's */
    hebb_tensor *result; /* may be inert or NULL */
    int depth;           /* number of layers around it */
    size_t first, last;  /* the tensors made for it have ids from `first` to below `last` */
} hebb_layer;
HEBB_API size_t hebb_layer_count(const hebb_graph *graph);
/* False, and *layer untouched, past the end. */
HEBB_API bool hebb_layer_at(const hebb_graph *graph, size_t index, hebb_layer *layer);

/* A tensor's number in its graph, which is higher than those of its inputs; SIZE_MAX if inert. */
HEBB_API size_t hebb_tensor_id(const hebb_tensor *tensor);
/* The tensor of that number; NULL past hebb_graph_size(). */
HEBB_API hebb_tensor *hebb_graph_tensor(const hebb_graph *graph, size_t id);
/* What a tensor is computed from; NULL past the end. */
HEBB_API size_t hebb_tensor_input_count(const hebb_tensor *tensor);
HEBB_API hebb_tensor *hebb_tensor_input(const hebb_tensor *tensor, size_t index);
/* The program's line that built it; NULL if it is not known, else *line (may be NULL) is set. */
HEBB_API const char *hebb_tensor_place(const hebb_tensor *tensor, int *line);

#ifdef __cplusplus
}
#endif

#ifndef HEBB_NO_HERE
#define hebb_layer_begin(graph, kind, name) (hebb_layer_begin)(HEBB_HERE_GRAPH(graph), kind, name)
#define hebb_share_begin(graph, name)       (hebb_share_begin)(HEBB_HERE_GRAPH(graph), name)
#define hebb_training(graph)                (hebb_training)(HEBB_HERE_GRAPH(graph))
#define hebb_inference_begin(graph)         (hebb_inference_begin)(HEBB_HERE_GRAPH(graph))
#define hebb_attach_update(anchor, update)  (hebb_attach_update)(HEBB_HERE(anchor), update)
#define hebb_attach_loss(anchor, penalty)   (hebb_attach_loss)(HEBB_HERE(anchor), penalty)
#endif
#endif
