/* The kernel of a group of LOOPs (group.h), for GPUs: the work-items that share a row hold its
   points in registers, go through them once a phase, and join what they have reduced in local
   memory, as a tree. Called by group_prepare.c.

   Names in the generated text, besides those of values.c: u the row, lane which of its items this
   is, e which of the item's points, q the point; k<i> the values i of all of the item's points,
   t<i> the total of the reduction i, s<i> the totals of all items. */
#include <stdio.h>

#include "group.h"
#include "../loops/reduction.h"

typedef hb_cl_group_writer writer;

#define PRINT(w, ...) hb_cl_print(&(w)->kernel->body, __VA_ARGS__)

static int phase_of(const hb_cl_group *group, int value) {
    int phase = 0;
    while (phase + 1 < group->n_phases && hb_cl_first(group, phase + 1, 0) <= value) phase++;
    return phase;
}

bool hb_cl_is_used(const hb_cl_group *group, int phase, int value) {
    for (int i = hb_cl_first(group, phase, HB_CL_POINT); i < hb_cl_first(group, phase + 1, 0); i++)
        if (hb_uses(&group->loop.instr[i], value)) return true;
    return false;
}

bool hb_cl_is_kept(const hb_cl_group *group, int value) {
    const int own = phase_of(group, value);
    if (value < hb_cl_first(group, own, HB_CL_POINT)) return false;
    for (int phase = own + 1; phase < group->n_phases; phase++)
        if (hb_cl_is_used(group, phase, value)) return true;
    return false;
}

/* ---- the row ---- */

/* Items of rows past the last one stay, for the barriers; they have no points and store nothing. */
static void write_row(writer *w) {
    const int group = (int)w->cut->group, lanes = w->cut->lanes;
    hb_cl_index_param(w->kernel, "rows", w->space->kept);
    hb_cl_index_param(w->kernel, "columns", w->space->reduced);
    PRINT(w, "const int l = (int)HB_LOCAL, lane = l & %d;\n", lanes - 1);
    if (lanes == group)
        PRINT(w, "const hb_index u = (hb_index)HB_GROUP(0), n = columns;\n"
                 "const bool stores = lane == 0;\n");
    else
        PRINT(w,
              "const hb_index place = (hb_index)HB_GROUP(0) * %d + l / %d;\n"
              "const hb_index u = min(place, rows - 1), n = place < rows ? columns : 0;\n"
              "const bool stores = lane == 0 && place < rows;\n",
              group / lanes, lanes);
    hb_cl_write_coordinates(w->kernel, w->loop, 0, w->space->n_kept, "u");
}

/* What is done once a row: by all of its items, but stored by the first. */
static void write_once(writer *w, int phase) {
    const int from = first_of(w, phase, HB_CL_REDUCTIONS), to = first_of(w, phase, HB_CL_POINT);
    bool stored = false;
    for (int i = 0; i < w->loop->n_out; i++)
        stored = stored || (w->loop->out[i].value >= from && w->loop->out[i].value < to);
    hb_cl_write_bases(w->kernel, w->loop, from, to, w->space->n_kept, -1);
    hb_cl_write_values(w->kernel, w->loop, from, to, -1, "");
    if (!stored) return;
    if (w->group->rewrites && w->cut->lanes > 1) PRINT(w, "barrier(CLK_GLOBAL_MEM_FENCE);\n");
    PRINT(w, "if (stores) {\n");
    hb_cl_write_stores(w->kernel, w->loop, from, to, -1);
    PRINT(w, "}\n");
}

/* ---- its points ---- */

static void declare_kept(writer *w, int phase) {
    for (int i = first_of(w, phase, HB_CL_POINT); i < first_of(w, phase + 1, 0); i++)
        if (hb_cl_is_kept(w->group, i))
            PRINT(w, "%s k%d[%d];\n", hb_cl_type((hebb_dtype)w->loop->instr[i].dtype), i,
                  w->cut->elements);
}

static void declare_totals(writer *w, int from, int to) {
    for (int i = from; i < to; i++) {
        const hb_cl_reduction r = hb_cl_reduction_of(w->loop, i);
        hb_cl_need(w->kernel, HB_CL_SCALAR, r.dtype);
        PRINT(w, "%s t%d = %s;\n", r.type, i, r.identity);
    }
}

static void fetch_kept(writer *w, int phase) {
    for (int i = 0; i < first_of(w, phase, 0); i++)
        if (hb_cl_is_kept(w->group, i) && hb_cl_is_used(w->group, phase, i))
            PRINT(w, "const %s v%d = k%d[e];\n", hb_cl_type((hebb_dtype)w->loop->instr[i].dtype), i,
                  i);
}

static void write_points(writer *w, int phase) {
    const int from = first_of(w, phase, HB_CL_POINT), to = first_of(w, phase + 1, 0);
    const int last = phase + 1 < w->group->n_phases ? first_of(w, phase + 1, HB_CL_ROW) : to;
    if (from == last) return;
    declare_kept(w, phase);
    declare_totals(w, to, last);
    PRINT(w,
          "#pragma unroll\nfor (int e = 0; e < %d; e++) {\n"
          "const hb_index q = lane + e * %d;\nif (q < n) {\n",
          w->cut->elements, w->cut->lanes);
    hb_cl_write_coordinates(w->kernel, w->loop, w->space->n_kept, w->loop->rank, "q");
    PRINT(w, "const hb_index j = i%d;\n", w->space->lane);
    fetch_kept(w, phase);
    hb_cl_write_bases(w->kernel, w->loop, from, to, w->loop->rank, w->space->lane);
    hb_cl_write_values(w->kernel, w->loop, from, to, w->space->lane, "");
    for (int i = from; i < to; i++)
        if (hb_cl_is_kept(w->group, i)) PRINT(w, "k%d[e] = v%d;\n", i, i);
    hb_cl_write_stores(w->kernel, w->loop, from, to, w->space->lane);
    for (int i = to; i < last; i++) {
        const hb_cl_reduction r = hb_cl_reduction_of(w->loop, i);
        PRINT(w, "t%d = hb_%s_%s(t%d, v%d);\n", i, r.join, r.suffix, i, r.of);
    }
    PRINT(w, "}\n}\n");
}

/* ---- reductions ---- */

static void declare_shared(writer *w) {
    for (int phase = 1; phase < w->group->n_phases; phase++)
        for (int i = first_of(w, phase, 0); i < first_of(w, phase, HB_CL_ROW); i++) {
            char name[HB_CL_NAME_SIZE];
            snprintf(name, sizeof name, "s%d", i);
            hb_cl_local_array(w->kernel, name, (hebb_dtype)w->loop->instr[i].dtype,
                              (int64_t)w->cut->group);
        }
}

static void write_tree(writer *w, int from, int to) {
    if (from == to) return;
    for (int i = from; i < to; i++) PRINT(w, "s%d[l] = t%d;\n", i, i);
    PRINT(w, "for (int m = %d; m > 0; m >>= 1) {\nbarrier(CLK_LOCAL_MEM_FENCE);\nif (lane < m) {\n",
          w->cut->lanes / 2);
    for (int i = from; i < to; i++) {
        const hb_cl_reduction r = hb_cl_reduction_of(w->loop, i);
        PRINT(w, "s%d[l] = hb_%s_%s(s%d[l], s%d[l + m]);\n", i, r.join, r.suffix, i, i);
    }
    PRINT(w, "}\n}\nbarrier(CLK_LOCAL_MEM_FENCE);\n");
    for (int i = from; i < to; i++)
        PRINT(w, "const %s v%d = s%d[l - lane];\n", hb_cl_type((hebb_dtype)w->loop->instr[i].dtype),
              i, i);
}

void hb_cl_write_group(hb_cl_kernel *kernel, const hb_cl_group *group, const hb_cl_space *space,
                       const hb_cl_group_cut *cut) {
    writer w = {kernel, group, space, cut, &space->loop};
    kernel->wide = space->wide;
    kernel->group = cut->group;
    declare_shared(&w);
    write_row(&w);
    for (int phase = 0; phase < group->n_phases; phase++) {
        write_tree(&w, hb_cl_first(group, phase, 0), hb_cl_first(group, phase, HB_CL_ROW));
        write_once(&w, phase);
        write_points(&w, phase);
    }
}
