/* What workloads.c and models.c share: how a workload is made ready, and what it is made of. */
#ifndef WORKLOADS_H
#define WORKLOADS_H

#include "bench.h"

/* A workload made ready to run: what is fed, what is fetched, what it must cost. */
typedef struct prepared {
    hebb_graph *graph;
    hebb_session *session;
    hebb_tensor *result; /* computed, not copied out: the last is the bus's speed, not ours */
    hebb_tensor *anchor; /* a variable of one element, see settle() */
    hebb_array inputs[2];
    hebb_feed feeds[2];
    size_t n_feeds;
    work work;
} prepared;

struct workload {
    const char *name;
    void (*build)(prepared *p, const workload *w);
    gemm_size gemm; /* of a product */
    int axis;       /* of a reduction */
};

/* A large operand lives on the device, as a variable: feeding it would measure the copy. */
hebb_tensor *operand(prepared *p, const char *name, hebb_shape shape);
/* A batch of numbers in -0.5...0.5, and one of classes, fed at every run as in training. */
hebb_tensor *batch_input(prepared *p, const char *name, hebb_shape shape);
hebb_tensor *label_input(prepared *p, const char *name, hebb_shape shape, int32_t classes);

/* ---- models.c ---- */

void build_cnn(prepared *p, const workload *w);
void build_resblock(prepared *p, const workload *w);
void build_lstm(prepared *p, const workload *w);
void build_transformer(prepared *p, const workload *w);
void build_softmax(prepared *p, const workload *w);
void build_layernorm(prepared *p, const workload *w);

#endif
