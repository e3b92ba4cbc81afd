/* Loops over time, and gradients that are not the usual ones. */
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
   Random ops that it makes give other numbers in each iteration. The gradient of a scan is a scan
   in reverse, over what the body's gradient needs of each iteration; it can be differentiated
   again. Scans nest. */

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
    hebb_tensor *const *state; /* what is carried, before this iteration; like its first value */
    hebb_tensor *const *in;    /* this iteration's element of each sequence: [...] of [T, ...] */
    hebb_tensor **next;        /* to be set: what is carried on, of state's shape and dtype */
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
    const char *file;
    int line;
} hebb_scan_options;

/* Stores in last[] (may be NULL) the states after the last iteration (the first values if T is 0),
   and in out[n_out] (may be NULL) the results of all iterations, [T, ...] each, at the place of the
   sequences' element that they belong to. Errors, in the graph: HEBB_E_NULL (no body, or one that
   left a result unset), HEBB_E_SHAPE and HEBB_E_DTYPE (lengths that differ, a state that changes
   its shape or dtype), HEBB_E_ARGUMENT; all results are then inert. Without any state or sequence
   there is no graph to have an error: the results are NULL. */
#define hebb_scan(last, out_, ...)                                                                 \
    hebb_scan_with((last), (out_),                                                                 \
                   &(const hebb_scan_options){__VA_ARGS__, .file = __FILE__, .line = __LINE__})
HEBB_API void hebb_scan_with(hebb_tensor **last, hebb_tensor **out,
                             const hebb_scan_options *options);

#ifdef __cplusplus
}
#endif
#endif
