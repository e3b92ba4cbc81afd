/* From an ir to steps: which values get memory (roots), which roots are computed by one step
   (groups), and the steps themselves. fuse.c decides with merge.c, lower.c writes the steps; plan.c
   calls both.
 */
#ifndef HB_FUSION_H
#define HB_FUSION_H

#include "../backends/backend.h"
#include "ir.h"

/* An operand of a step and the node whose memory it is, until memory.c has placed that. */
typedef struct hb_place {
    hb_operand *operand;
    int node;
    bool written;
    bool everywhere; /* written at every point, in a step with reductions */
    bool late;       /* read after the reductions */
    bool pointwise; /* element i of the space is element i of the node: may share memory in place */
} hb_place;

static inline bool hb_in_arena(const hb_place *place) {
    return place->node >= 0 && place->operand->buffer == HB_BUFFER_ARENA;
}

/* What so many bytes take in the arena, where values and scratch memory begin at cache lines. */
static inline size_t hb_arena_bytes(size_t bytes) { return hb_round_up(bytes, 64); }

typedef struct hb_group {
    ir_kind kind; /* IR_SCALAR: a loop; IR_REDUCE: with reductions; IR_MATMUL, IR_GATHER,
                     IR_SCATTER_ADD, IR_STEP */
    bool merged;  /* into another group: no longer there */
    int n_members;
    int *members; /* roots, by growing number */
    hebb_shape space;
    bool reduce[HEBB_MAX_RANK];
    hb_step step;
    int n_places;
    hb_place *places;
} hb_group;

typedef struct hb_assign_target {
    int buffer;
    struct hb_assign_target *next;
} hb_assign_target;

/* Why a value has memory, or has none: for HEBB_DUMP=plan. */
typedef enum hb_reason {
    HB_UNREAD,     /* nobody asks for it */
    HB_ONE_READER, /* none: one step reads it, each element once */
    HB_CHEAP,      /* none: every reader computes it again, which is less than keeping it */
    HB_OWN_STEP,   /* a value of a step of its own kind, or there is no fusion */
    HB_NEEDED,     /* it is read from memory, by a step that is no loop or by the user */
    HB_ASSIGNED,   /* it goes to a variable */
    HB_COSTLY,     /* computing it again for every reader is more than keeping it */
    HB_GROWS,      /* its readers would compute each element many times */
    HB_NO_STRIDES, /* a reader's view of what it is made of cannot be expressed */
    HB_TOO_LONG,   /* the program would be */
} hb_reason;

typedef struct hb_choice {
    hb_reason reason;
    int readers, leaves; /* leaves: large values that computing it again would read */
    float flops;         /* of one element */
} hb_choice;

typedef struct hb_fusion {
    hb_ir *ir;
    bool *root;                  /* by node: has a group or memory of its own */
    bool *stored;                /* by root: its value goes to the arena */
    bool *apart;                 /* by IR_PARTS: its copies may be written in any order */
    int *group;                  /* by root; -1: none (PARTS) */
    hb_assign_target **assigned; /* by root: variables that its value is written to */
    int *home;                   /* by root: the buffer that its value is read from, once it has
                                    been written; NULL: the arena for all */
    hb_choice *choice;           /* by node, for those before the next number */
    int n_before_deferral;       /* nodes from here on are copies made by hb_defer_assign() */
    int n_groups;
    hb_group *groups;
    bool reduces_once; /* as in hb_backend */
    bool spreads;      /* as in hb_backend */
    bool frugal;       /* memory is worth more than time */
    size_t piece;      /* no value in the arena goes across a multiple of so many bytes */
} hb_fusion;

/* The buffer that a node's value is read from. */
static inline int hb_buffer_of(const hb_fusion *f, int node) {
    const ir_node *n = &f->ir->nodes[node];
    if (n->kind == IR_INDEX) return HB_BUFFER_INDEX;
    if (n->kind == IR_BUFFER) return n->buffer;
    return f->home != NULL ? f->home[node] : HB_BUFFER_ARENA;
}

/* fuse.c: with `fuse` false every op is a step of its own; `body`: the ir is that of a scan's body.
   Fails only for want of memory. */
hebb_status hb_fuse(hb_ir *ir, bool fuse, bool body, hb_fusion *fusion, hb_error *error);

/* lower.c: writes group->step and ->places; its members' values go to the arena where
   fusion->stored says so. With `final` false, the group may be one that cannot be expressed:
   returns false then (or for want of memory, which is in the ir's error). */
bool hb_lower(hb_fusion *fusion, hb_group *group, bool final);
/* lower_whole.c: the same for IR_GATHER and scatters, and for IR_STEP. */
bool hb_lower_indexed(hb_fusion *fusion, hb_group *group);
bool hb_lower_whole(hb_fusion *fusion, hb_group *group);

/* fuse.c: lets the variable behind `buffer` be written by a copy at the end instead of by the step
   that computes the root's value: for when others must read the old value after that step. */
hebb_status hb_defer_assign(hb_fusion *fusion, int root, int buffer, hb_error *error);

/* order.c: the numbers of the groups in the order of their steps, in order[n_steps]; memory of the
   ir. With `frugal`, of the steps that can be next, always the one after which the least is in
   memory. */
hebb_status hb_order(hb_fusion *fusion, bool frugal, int **order, int *n_steps, hb_error *error);

/* join.c: finds steps that the backend runs as one and so that values which only they use need no
   memory, and puts them one after the other. hb_part_joined() undoes it, but for the order. */
hebb_status hb_join(hb_fusion *fusion, const hb_backend *backend, hb_device *device, int *order,
                    int n_steps, hb_error *error);
void hb_part_joined(hb_fusion *fusion, const hb_backend *backend, hb_device *device, int *order,
                    int n_steps);

/* memory.c: gives every stored value its place in the arena and writes it into the steps' operands.
   With `look`, only to see what an order takes: shows the placed steps to look->at(), and takes the
   places out again. */
typedef struct hb_arena {
    size_t bytes;   /* the arena's size */
    size_t *offset; /* by node: where in the arena, in bytes */
} hb_arena;
typedef struct hb_look {
    void (*at)(void *context, const int *order, int n_steps);
    void *context;
} hb_look;
hebb_status hb_place_values(hb_fusion *fusion, const int *order, int n_steps, bool reuse,
                            const hb_look *look, hb_arena *arena, hb_error *error);
/* Whether an output may be written over an input that is not needed after the step: each of its
   elements is read where the same element of the output is written, and not later. */
bool hb_in_place(const hb_fusion *fusion, const hb_group *group, const hb_place *out, int node);

#endif
