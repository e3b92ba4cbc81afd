/* Plans: everything a run of certain fetches with certain input shapes needs, made once. */
#ifndef HB_PLAN_H
#define HB_PLAN_H

#include <hebb/session.h>
#include "../backends/backend.h"
#include "fusion.h"

struct hebb_device {
    const hb_backend *backend;
    hb_device *device; /* NULL if it could not be opened */
    hebb_device_info info;
    hb_error error;
};

typedef struct hb_plan hb_plan;
struct hb_plan {
    hb_plan *next;
    /* what it was made for */
    int n_inputs;
    hebb_shape *inputs;
    size_t n_fetches;
    hebb_tensor **fetches;
    hebb_mode mode;
    /* what it does */
    hb_ir ir; /* owns the memory of the steps */
    size_t n_steps;
    hb_step *steps;
    size_t arena_bytes;
    int *fetched;         /* nodes that are fetched, -1 for groups: they have the shapes; ... */
    size_t *fetch_offset; /* ... and where in the arena their values are */
    hb_prepared *prepared;
    hebb_device *device;
    hebb_plan_stats stats;
};

typedef struct hb_plan_choices {
    unsigned without;    /* HEBB_NO_... */
    size_t memory_limit; /* of the arena; 0: none */
} hb_plan_choices;

/* The plan that computes the fetched tensors from inputs of these shapes (rank -1: not fed), or,
   with `initial` not NULL, the first values of the variables marked there. NULL on error. */
hb_plan *hb_plan_create(const hebb_graph *graph, hebb_device *device,
                        const hb_plan_choices *choices, hebb_tensor *const *fetches,
                        size_t n_fetches, const hebb_shape *inputs, hebb_mode mode,
                        const bool *initial, hb_error *error);
void hb_plan_destroy(hb_plan *plan);

/* dump.c, dump_values.c: whether HEBB_DUMP=plan is set, and what it shows. */
bool hb_dumping(void);
void hb_dump_values(const hb_fusion *fusion, const int *order, int n_steps, FILE *out);
void hb_dump_plan(const hb_plan *plan, FILE *out);

/* What is fetched as number k; NULL for a group. */
const ir_node *hb_plan_fetched(const hb_plan *plan, size_t k);

#endif
