/* What the two halves of fusion share: fuse.c, which chooses roots and has the last word, and
   merge.c, which merges groups. */
#ifndef HB_FUSER_H
#define HB_FUSER_H

#include "fusion.h"

/* A reader of a node: the root whose program computes or loads it, and the view from that root's
 * space. */
typedef struct hb_use {
    int root;
    hb_view view;
    struct hb_use *next;
} hb_use;

/* What one element of a value takes. */
typedef struct hb_work {
    float flops;
    int leaves; /* big values that are read */
} hb_work;

typedef struct hb_fuser {
    hb_fusion *f;
    hb_ir *ir;
    bool fuse;
    hb_use **uses; /* by node */
    hb_work *work; /* by node: from roots and buffers on */
    hb_work *own;  /* by node: of that, what is not for values of fewer elements, made but once */
    bool *needed;  /* by node: by a step that is no loop, or by the user */
    bool *cut;     /* by node: made a root because a program was too long */
    int *piece;    /* by root: how long the pieces of its program may be; 0: as long as it is */
} hb_fuser;

static inline const ir_node *get(const hb_fuser *p, int node) { return &p->ir->nodes[node]; }

/* fuse.c: whether one step can compute the group, as far as is known before all groups are made. */
bool hb_try_lower(hb_fuser *p, int group);

/* merge.c: merges groups where one step can compute two of them. */
void hb_merge_groups(hb_fuser *p);

#endif
