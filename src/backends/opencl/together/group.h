/* LOOPs that follow each other, done by one kernel row by row: softmax reads its row once, instead
   of three loops that each read all of them. group.c finds such steps and makes one program of
   theirs, group_prepare.c shares its rows among work-items, group_source.c writes the kernel for
   GPUs, group_lanes.c that for CPUs. */
#ifndef HB_OPENCL_GROUP_H
#define HB_OPENCL_GROUP_H

#include "../opencl.h"

enum { HB_CL_MOST_PHASES = 12, HB_CL_MOST_ACROSS = 4 };

/* The instructions of a program are sorted: for each phase its reductions (of points of the phase
   before it), then what is done once a row, then what is done at every point of a row. */
enum { HB_CL_REDUCTIONS, HB_CL_ROW, HB_CL_POINT, HB_CL_LEVELS };

/* One program for all members. Its loop's first dimensions number the rows, the reduced ones run
   along one; no two points share memory, but for reading. */
typedef struct hb_cl_group {
    hb_loop loop; /* owns its operands and instructions; n_pre means nothing */
    int n_steps, n_phases;
    int first[HB_CL_LEVELS * HB_CL_MOST_PHASES + 1]; /* instructions of level l in phase p: from
                                                        first[p * HB_CL_LEVELS + l] to the next */
    bool rewrites; /* what is loaded once a row is stored once a row, too */
    bool *stays;   /* inputs that no output overwrites */
    /* On CPUs the last step may reduce over the rows what it makes at every point: each item its
       own rows, and a second kernel what the items have got. */
    int n_across, across[HB_CL_MOST_ACROSS]; /* its reductions in that step, ... */
    int of[HB_CL_MOST_ACROSS];               /* ... and the values that they reduce here */
} hb_cl_group;

static inline int hb_cl_first(const hb_cl_group *group, int phase, int level) {
    return group->first[phase * HB_CL_LEVELS + level];
}

/* Whether CPUs load a value anew in each phase, from the cache, instead of keeping a copy. */
static inline bool hb_cl_is_reloaded(const hb_cl_group *group, int value) {
    const hb_instr *instr = &group->loop.instr[value];
    return instr->code == HB_LOAD && group->stays[instr->a];
}

/* Finds how many of the steps, from the first on, one kernel can do; n_steps is 0 if there are
   none, or no memory to find out. across: the last one may reduce over the rows. */
void hb_cl_group_find(const hb_step *steps, size_t n_steps, bool across, hb_cl_group *group);
void hb_cl_group_free(hb_cl_group *group);

/* How the rows are shared: `lanes` work-items take one, each `elements` of its points; a work-group
   has rows for all of its items. On CPUs an item takes `rows` of them, and keeps values in arrays
   of `elements`. */
typedef struct hb_cl_group_cut {
    size_t group;
    int lanes, elements;
    int64_t rows;
    const hb_step *last; /* that reduces over the rows, if one does */
} hb_cl_group_cut;

/* Of points, the values that a later phase uses: they stay in registers meanwhile. */
bool hb_cl_is_kept(const hb_cl_group *group, int value);
/* Of points, whether the phase uses a value. */
bool hb_cl_is_used(const hb_cl_group *group, int phase, int value);
void hb_cl_write_group(hb_cl_kernel *kernel, const hb_cl_group *group, const hb_cl_space *space,
                       const hb_cl_group_cut *cut);
void hb_cl_write_group_lanes(hb_cl_kernel *kernel, const hb_cl_group *group,
                             const hb_cl_space *space, const hb_cl_group_cut *cut);

/* Adds a launch for steps that are better done together; *n_done is how many, or 0. */
hebb_status hb_cl_group_prepare(hb_device *device, hb_prepared *prepared, const hb_step *steps,
                                size_t n_steps, size_t *n_done, hb_error *error);

/* What those who write a group's kernel work with. */
typedef struct hb_cl_group_writer {
    hb_cl_kernel *kernel;
    const hb_cl_group *group;
    const hb_cl_space *space;
    const hb_cl_group_cut *cut;
    const hb_loop *loop; /* of the space */
} hb_cl_group_writer;

static inline int first_of(const hb_cl_group_writer *w, int phase, int level) {
    return hb_cl_first(w->group, phase, level);
}

#endif
