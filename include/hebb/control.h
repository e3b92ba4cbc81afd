/* Loops over time, custom gradients, and checkpoints. */
#ifndef HEBB_CONTROL_H
#define HEBB_CONTROL_H

#include <hebb/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- scan ----
   A body that is built once and run for each element of one or more sequences, with state carried
   from one iteration to the next: a recurrent network of any length is a handful of nodes.

       static void cell(hebb_scan_frame *f) {
           const weights *w = f->user;
           hebb_tensor *h = hebb_matmul(f->state[0], w->recurrent);
           f->next[0] = f->out[0] = hebb_tanh(hebb_add(f->in[0], h));
       }
       ...
       hebb_scan(&last, &all, .body = cell, .user = &w, .states = HEBB_LIST(h0),
                 .sequences = HEBB_LIST(x), .n_out = 1);

   The body may use any other tensor of the graph: those are constants of the loop, and get
   gradients too. It must not assign variables, and its own tensors have no value outside of it.
   Random ops in it give different numbers in each iteration. The gradient of a scan is a scan in
   reverse, over what the body's gradient needs of each iteration; it can be differentiated again.
   For that the body's tensors are stacked along a new dimension: their rank is 7 at most. Scans
   nest. */

/* A list of tensors. HEBB_LIST(a, b) lives as long as the block that it stands in. */
typedef struct hebb_tensor_list {
    hebb_tensor *const *at;
    int count;
} hebb_tensor_list;
#define HEBB_LIST(...)                                                                             \
    ((hebb_tensor_list){(hebb_tensor *const[]){__VA_ARGS__},                                       \
                        (int)(sizeof((hebb_tensor *const[]){__VA_ARGS__}) /                        \
                              sizeof(hebb_tensor *))})

/* What the body is given, and where it puts its results. All belong to the scan. */
typedef struct hebb_scan_frame {
    hebb_tensor *const *state; /* the state before this iteration; like its first value */
    hebb_tensor *const *in;    /* this iteration's element of each sequence: [...] of [T, ...] */
    hebb_tensor **next;        /* to be set: the next state, of state's shape and dtype */
    hebb_tensor **out;         /* to be set: results of this iteration */
    void *user;
} hebb_scan_frame;

typedef struct hebb_scan_options {
    void (*body)(hebb_scan_frame *frame); /* called once, during hebb_scan() */
    void *user;
    hebb_tensor_list states;    /* the first values; none is fine */
    hebb_tensor_list sequences; /* [T, ...] each, T >= 0 the same for all, any dtype */
    int n_out;                  /* results of an iteration */
    bool reverse;               /* from the last element to the first */
    int64_t length;             /* T if there are no sequences (then there must be a state) */
    const char *file;           /* for messages; NULL: the line of the last builder */
    int line;
} hebb_scan_options;

/* Stores in last[] (may be NULL) the states after the last iteration (the first values if T is 0),
   and in out[n_out] (may be NULL) the results of all iterations, [T, ...] each, at the place of the
   sequences' element that they belong to. Errors, in the graph: HEBB_E_NULL (no body, or one that
   left a result unset), HEBB_E_SHAPE and HEBB_E_DTYPE (lengths that differ, a state that changes
   its shape or dtype), HEBB_E_ARGUMENT; all results are then inert. Without any state or sequence
   there is no graph that could keep an error: the results are NULL. */
#define hebb_scan(last, out_, ...)                                                                 \
    hebb_scan_with((last), (out_), &(const hebb_scan_options){__VA_ARGS__, HEBB_FROM_HERE_})
HEBB_API void hebb_scan_with(hebb_tensor **last, hebb_tensor **out,
                             const hebb_scan_options *options);

/* ---- custom gradients ---- */

/* The gradient of y = f(x[0], x[1], ...): from dy, the cotangent of y, make that of x[k] and store it
   in dx[k], of x[k]'s shape or one that broadcasts to it. Entries left NULL count as zero. Written with
   builder functions, so that it can be differentiated again. */
typedef struct hebb_backward {
    hebb_tensor *y, *dy;
    hebb_tensor *const *x;
    int n_x;
    hebb_tensor **dx; /* NULL on entry */
    void *user;
} hebb_backward;
typedef void (*hebb_backward_rule)(hebb_backward *b);

/* y, whose gradient goes to the xs by the rule and not to what y was computed from. The rule is called
   by hebb_gradients(), maybe several times; `user` must be valid as long as the graph is
   differentiated. hebb_with_gradient(y, HEBB_LIST(x), rule, NULL). */
HEBB_API hebb_tensor *hebb_with_gradient(hebb_tensor *y, hebb_tensor_list xs,
                                         hebb_backward_rule rule, void *user);

/* ---- checkpoints: less memory for more computation ---- */

typedef struct hebb_checkpoint_options {
    void (*body)(hebb_tensor *const *in, hebb_tensor **out, void *user); /* called once, at once */
    void *user;
    hebb_tensor_list inputs;
    int n_out;
    const char *file; /* as above */
    int line;
} hebb_checkpoint_options;

/* out[n_out] of the body, of which nothing but the inputs is kept for the backward pass: gradients
   compute the body again (T. Chen et al., "Training deep nets with sublinear memory cost", 2016).
   For the same reason there is no gradient with respect to a tensor inside the body
   (HEBB_E_GRADIENT).
   Values and gradients are the same, bit by bit, random numbers included; second derivatives exist.
   The results of scans inside the body are kept. Errors as in hebb_scan(). */
#define hebb_checkpoint(out_, ...)                                                                 \
    hebb_checkpoint_with((out_), &(const hebb_checkpoint_options){__VA_ARGS__, HEBB_FROM_HERE_})
HEBB_API void hebb_checkpoint_with(hebb_tensor **out, const hebb_checkpoint_options *options);

#ifdef __cplusplus
}
#endif

#ifndef HEBB_NO_HERE
#define HEBB_FROM_HERE_            .file = __FILE__, .line = __LINE__
#define hebb_with_gradient(y, ...) (hebb_with_gradient)(HEBB_HERE(y), __VA_ARGS__)
#else
#define HEBB_FROM_HERE_ .file = NULL, .line = 0
#endif
#endif
