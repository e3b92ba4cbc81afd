/* What workloads.c and models.c share: how a workload is made ready, and what it is made of. */
#ifndef WORKLOADS_H
#define WORKLOADS_H

#include "bench.h"

/* A workload made ready to run: what is fed, what is fetched, what it must cost. */
typedef struct prepared {
    hebb_graph *graph;
    hebb_session *session;
    hebb_tensor *result;     /* computed, not copied out: the last is the bus's speed, not ours */
    hebb_tensor *loss;       /* of a training step, which computes it too; else NULL */
    hebb_tensor *outputs[4]; /* of anything else: what it computes */
    size_t n_outputs;
    size_t n_given;          /* the variables that are weights or operands: the first so many */
    hebb_tensor *anchor;     /* a variable of one element, see workload_settle() */
    bool resident;           /* batches lie on the device as variables instead of being fed */
    hebb_tensor *batches[2]; /* inputs, or those variables, ... */
    hebb_array arrays[2];    /* ... and what is in them */
    size_t n_batches;
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

/* Builds the graph and opens a session; whether that went well, the first run says. */
void workload_prepare(const workload *w, hebb_device *device, prepared *p);
void workload_release(prepared *p);
/* A float32 product. */
void product_prepare(const gemm_size *size, hebb_device *device, prepared *p);
/* One run of a `prepared`, and the wait for what runs have started; both, to be timed. */
bool workload_run(void *context);
bool workload_settle(void *context);
timed workload_timed(prepared *p);

/* So small that it makes no difference whether it is added before the bias correction, as in Keras,
   or after it, as in PyTorch: losses are compared. */
#define ADAM_EPSILON 1e-10

/* Makes the workload a training step. */
void train(prepared *p, hebb_tensor *loss, hebb_optimizer optimizer);
/* Makes it the computation of one tensor. */
void compute(prepared *p, hebb_tensor *result);
/* A large operand lives on the device, as a variable: feeding it would measure the copy. */
hebb_tensor *operand(prepared *p, const char *name, hebb_shape shape);
/* A batch of numbers in -0.5...0.5, and one of classes: fed at every run, which costs nothing where
   the device shares memory with the host; on a GPU it lies there, as that of the peers does. */
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
