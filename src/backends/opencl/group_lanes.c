/* The kernel of a group of LOOPs (group.h), for CPUs: a work-item does some rows one after the
   other, each phase as loops over contiguous points, in blocks as the kernels of single loops have
   them (loop_source.c), whose bits sums keep. What a later phase needs of a row's points stays in
   private arrays, in the first cache. Called by group_prepare.c.

   Names in the generated text, besides those of values.c: u the row, j the point; k<i> the values i
   of all points of a row; of the reduction i, w<i> what a block of it reduces, t<i> the total, e<i>
   what rounding has lost of a sum's total. */
#include "group.h"
#include "reduction.h"

typedef struct writer {
    hb_cl_kernel *kernel;
    const hb_cl_group *group;
    const hb_cl_space *space;
    const hb_cl_group_cut *cut;
    const hb_loop *loop; /* of the space */
} writer;

enum {
    BEYOND_CACHES = 32 << 20
}; /* bytes of all rows that make asking for the next ones worth it */

#define PRINT(w, ...) hb_cl_print(&(w)->kernel->body, __VA_ARGS__)

static int first_of(const writer *w, int phase, int level) {
    return hb_cl_first(w->group, phase, level);
}

static const char *type_of(const writer *w, int value) {
    return hb_cl_type((hebb_dtype)w->loop->instr[value].dtype);
}

static void write_once(writer *w, int phase) {
    const int from = first_of(w, phase, HB_CL_REDUCTIONS), to = first_of(w, phase, HB_CL_POINT);
    for (int i = from; i < first_of(w, phase, HB_CL_ROW); i++) {
        const hb_cl_reduction r = hb_cl_reduction_of(w->loop, i);
        if (r.sum) PRINT(w, "const %s v%d = hb_total_%s(t%d, e%d);\n", r.type, i, r.suffix, i, i);
        else PRINT(w, "const %s v%d = t%d;\n", r.type, i, i);
    }
    hb_cl_write_bases(w->kernel, w->loop, from, to, w->space->n_kept, -1);
    hb_cl_write_values(w->kernel, w->loop, from, to, -1, "");
    hb_cl_write_stores(w->kernel, w->loop, from, to, -1);
}

/* Of the phase: arrays of what is kept of it, and totals of what the next one begins with. */
static void declare(writer *w, int phase, int to, int last) {
    for (int i = first_of(w, phase, HB_CL_POINT); i < to; i++)
        if (hb_cl_is_kept(w->group, i))
            PRINT(w, "%s k%d[%d];\n", type_of(w, i), i, w->cut->elements);
    for (int i = to; i < last; i++) {
        const hb_cl_reduction r = hb_cl_reduction_of(w->loop, i);
        hb_cl_need(w->kernel, HB_CL_BLOCKS, r.dtype);
        PRINT(w, "%s t%d = %s;\n", r.type, i, r.identity);
        if (r.sum) PRINT(w, "%s e%d = 0;\n", r.type, i);
    }
}

static void write_join(writer *w, int i) {
    const hb_cl_reduction r = hb_cl_reduction_of(w->loop, i);
    if (r.sum)
        PRINT(w, "hb_total_add_%s(&t%d, &e%d, hb_%s_%s(w%d, count));\n", r.suffix, i, i, r.block,
              r.suffix, i);
    else
        PRINT(w, "t%d = hb_%s_%s(t%d, hb_%s_%s(w%d, count));\n", i, r.join, r.suffix, i, r.block,
              r.suffix, i);
}

/* Asks for the block's elements of an operand, if they lie side by side. */
static void ask_for(writer *w, const hb_operand *operand, char name, int pointer, int number,
                    int to_write) {
    if (operand->buffer < 0 || operand->stride[w->space->lane] != 1) return;
    PRINT(w,
          "for (int l = 0; l < count; l += %d)\n"
          "__builtin_prefetch((global const char *)(%c%d + b%c%d + block + l), %d);\n",
          64 / (int)hebb_dtype_size(operand->dtype), name, pointer, name, number, to_write);
}

static bool is_large(const writer *w) {
    return w->space->kept * w->space->reduced > BEYOND_CACHES / (int64_t)sizeof(float);
}

/* While the first reductions are used, memory would be idle: what the next row reads first is asked
   for, and where this row's last results go. By a builtin of POCL's compiler. */
static void write_prefetches(writer *w) {
    const hb_loop *loop = w->loop;
    const int first = first_of(w, 0, HB_CL_POINT), end = first_of(w, 1, 0);
    const int last = first_of(w, w->group->n_phases - 1, HB_CL_POINT);
    PRINT(w, "#ifdef POCL_DEVICE_ADDRESS_BITS\n{\n");
    hb_cl_write_bases(w->kernel, loop, last, loop->n_instr, loop->rank, w->space->lane);
    for (int i = 0; i < loop->n_out; i++)
        if (loop->out[i].value >= last && !hb_cl_is_streamed(w->kernel, i))
            ask_for(w, &loop->out[i].to, 'y', hb_cl_output_pointer(loop, i), i, 1);
    PRINT(w, "}\n{\n");
    hb_cl_write_coordinates(w->kernel, loop, 0, w->space->n_kept, "min(u + 1, u1 - 1)");
    hb_cl_write_bases(w->kernel, loop, first, end, loop->rank, w->space->lane);
    for (int i = first; i < end; i++)
        if (loop->instr[i].code == HB_LOAD) {
            const int n = loop->instr[i].a;
            ask_for(w, &loop->in[n], 'x', hb_cl_input_pointer(loop, n), n, 0);
        }
    PRINT(w, "}\n#endif\n");
}

static void write_points(writer *w, int phase) {
    const int from = first_of(w, phase, HB_CL_POINT), to = first_of(w, phase + 1, 0);
    const int last = phase + 1 < w->group->n_phases ? first_of(w, phase + 1, HB_CL_ROW) : to;
    if (from == last) return;
    declare(w, phase, to, last);
    PRINT(w, "{\n");
    hb_cl_write_bases(w->kernel, w->loop, from, to, w->loop->rank, w->space->lane);
    PRINT(w, "for (hb_index block = 0; block < columns; block += HB_BLOCK) {\n"
             "const int count = (int)min(columns - block, (hb_index)HB_BLOCK);\n");
    if (phase == 1 && is_large(w)) write_prefetches(w);
    for (int i = to; i < last; i++) PRINT(w, "%s w%d[HB_BLOCK];\n", type_of(w, i), i);
    hb_cl_declare_streamed(w->kernel, w->loop, from, to);
    PRINT(w, "%sfor (int l = 0; l < count; l++) {\nconst long j = block + l;\n",
          hb_cl_lane_loop(w->space));
    for (int i = 0; i < first_of(w, phase, 0); i++)
        if (hb_cl_is_kept(w->group, i) && hb_cl_is_used(w->group, phase, i))
            PRINT(w, "const %s v%d = k%d[j];\n", type_of(w, i), i, i);
    hb_cl_write_values(w->kernel, w->loop, from, to, w->space->lane, "");
    for (int i = from; i < to; i++)
        if (hb_cl_is_kept(w->group, i)) PRINT(w, "k%d[j] = v%d;\n", i, i);
    hb_cl_write_stores(w->kernel, w->loop, from, to, w->space->lane);
    for (int i = to; i < last; i++) PRINT(w, "w%d[l] = v%d;\n", i, w->loop->instr[i].a);
    PRINT(w, "}\n");
    hb_cl_store_streamed(w->kernel, w->loop, from, to);
    for (int i = to; i < last; i++) write_join(w, i);
    PRINT(w, "}\n}\n");
}

void hb_cl_write_group_lanes(hb_cl_kernel *kernel, const hb_cl_group *group,
                             const hb_cl_space *space, const hb_cl_group_cut *cut) {
    writer w = {kernel, group, space, cut, &space->loop};
    kernel->wide = space->wide;
    hb_cl_find_streamed(kernel, space);
    hb_cl_need(kernel, HB_CL_BLOCKS, HEBB_F32); /* HB_BLOCK */
    hb_cl_index_param(kernel, "rows", space->kept);
    hb_cl_index_param(kernel, "columns", space->reduced);
    hb_cl_index_param(kernel, "per_item", cut->rows);
    PRINT(&w, "const hb_index u0 = (hb_index)get_global_id(0) * per_item;\n"
              "const hb_index u1 = min(u0 + per_item, rows);\n"
              "for (hb_index u = u0; u < u1; u++) {\n");
    hb_cl_write_coordinates(kernel, w.loop, 0, space->n_kept, "u");
    for (int phase = 0; phase < group->n_phases; phase++) {
        write_once(&w, phase);
        write_points(&w, phase);
    }
    PRINT(&w, "}\n");
}
