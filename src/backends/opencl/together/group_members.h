/* A group of LOOPs while it is made: group.c finds its members, group_program.c makes their
 * program. */
#ifndef HB_OPENCL_GROUP_MEMBERS_H
#define HB_OPENCL_GROUP_MEMBERS_H

#include <string.h>

#include "group.h"

enum { MOST_STEPS = 16, MOST_INSTRUCTIONS = 512 };

typedef struct dims {
    int n;
    int64_t size[HEBB_MAX_RANK];
} dims;

/* Where an input's value comes from. */
typedef struct source {
    int member, output; /* member -1: from memory */
} source;

/* A step's loop, and its operands over the common dimensions. */
typedef struct member {
    const hb_loop *loop;
    dims row, column; /* its own */
    hb_operand *in, *to;
    source *source;
    bool *dropped;  /* outputs that nobody reads from memory */
    int16_t *value; /* the program's number of each instruction */
} member;

typedef struct maker {
    const hb_loop *anchor; /* the first that reduces: says what a row is */
    int64_t rows, columns;
    dims row, column; /* common to all members */
    int n;
    member member[MOST_STEPS];
    const hb_loop *across; /* the last member's step, if that reduces over the rows; ... */
    hb_loop points;        /* ... what it does at points is the member */
    hb_loop *program;
    uint8_t level[MOST_INSTRUCTIONS], phase[MOST_INSTRUCTIONS];
    int found; /* loads that need no memory any more */
} maker;

static inline int rank_of(const maker *m) { return m->row.n + m->column.n; }

static inline int64_t size_of(const hb_operand *o) { return (int64_t)hebb_dtype_size(o->dtype); }

static inline bool same_place(const maker *m, const hb_operand *a, const hb_operand *b) {
    return a->buffer == b->buffer && a->offset == b->offset && size_of(a) == size_of(b) &&
           memcmp(a->stride, b->stride, (size_t)rank_of(m) * sizeof *a->stride) == 0;
}

static inline bool same_element(const maker *m, const hb_operand *a, const hb_operand *b) {
    return a->dtype == b->dtype && same_place(m, a, b);
}

/* Whether two operands touch the same memory anywhere. */
bool hb_cl_members_meet(const maker *m, const hb_operand *a, const hb_operand *b);
/* Makes the group's program; false if there is none, or nothing is saved by it. */
bool hb_cl_group_program(maker *m, hb_cl_group *group);

#endif
