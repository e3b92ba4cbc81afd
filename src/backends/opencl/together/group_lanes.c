/* The kernel of a group of LOOPs (group.h), for CPUs: a work-item does some rows one after the
   other, each phase as loops over contiguous points, in blocks as the kernels of single loops have
   them (loop_source.c), whose bits sums keep. What a later phase needs of a row's points stays in
   private arrays, in the first cache. Called by group_prepare.c.

   Names in the generated text, besides those of values.c: u the row, j the point; k<i> the values i
   of all points of a row; of the reduction i, w<i> what a block of it reduces, t<i> the total, e<i>
   what rounding has lost of a sum's total; of the reduction over the rows number k, ct<k> and ce<k>
   the same for each column, ca<k> the sum of some rows. */
#include <stdio.h>

#include "group.h"
#include "../loops/reduction.h"

typedef hb_cl_group_writer writer;

enum {
    BEYOND_CACHES = 32 << 20
}; /* bytes of all rows that make asking for the next ones worth it */

#define PRINT(w, ...) hb_cl_print(&(w)->kernel->body, __VA_ARGS__)

static const char *type_of(const writer *w, int value) {
    return hb_cl_type((hebb_dtype)w->loop->instr[value].dtype);
}

static bool is_kept(const writer *w, int i) {
    return hb_cl_is_kept(w->group, i) && !hb_cl_is_reloaded(w->group, i);
}

/* Whether a phase uses what an earlier one has made, or loaded. */
static bool is_taken(const writer *w, int phase, int i) {
    return hb_cl_is_kept(w->group, i) && hb_cl_is_used(w->group, phase, i);
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
        if (is_kept(w, i)) PRINT(w, "%s k%d[%d];\n", type_of(w, i), i, w->cut->elements);
    for (int i = to; i < last; i++) {
        const hb_cl_reduction r = hb_cl_reduction_of(w->loop, i);
        hb_cl_need(w->kernel, HB_CL_BLOCKS, r.dtype);
        PRINT(w, "%s t%d = %s;\n", r.type, i, r.identity);
        if (r.sum) PRINT(w, "%s e%d = 0;\n", r.type, i);
    }
}

static void write_join(writer *w, const hb_cl_reduction *r, const char *more) {
    if (r->sum) PRINT(w, "hb_total_add_%s(&t%d, &e%d, %s);\n", r->suffix, r->at, r->at, more);
    else PRINT(w, "t%d = hb_%s_%s(t%d, %s);\n", r->at, r->join, r->suffix, r->at, more);
}

/* The block's elements are in w<i>, or in k<i> anyway, whose room is a power of two. */
static void write_join_block(writer *w, int i) {
    const hb_cl_reduction r = hb_cl_reduction_of(w->loop, i);
    char text[HB_CL_BLOCK_TEXT];
    if (is_kept(w, r.of))
        snprintf(text, sizeof text, "hb_%s_%s(k%d + block, count)", r.block, r.suffix, r.of);
    else snprintf(text, sizeof text, "hb_%s_%s(w%d, count)", r.block, r.suffix, i);
    write_join(w, &r, text);
}

/* Whether the phase, of values [from, to), does nothing but begin reductions [to, last) of what
   lies in memory as it is. */
static bool is_reduced_here(const writer *w, int from, int to, int last) {
    char text[HB_CL_BLOCK_TEXT];
    if (from == to || to == last) return false;
    for (int i = from; i < to; i++)
        if (is_kept(w, i) || w->loop->instr[i].code != HB_LOAD) return false;
    for (int k = 0; k < w->loop->n_out; k++)
        if (w->loop->out[k].value >= from && w->loop->out[k].value < to) return false;
    for (int k = 0; k < w->group->n_across; k++)
        if (w->group->of[k] >= from && w->group->of[k] < to) return false;
    for (int i = to; i < last; i++) {
        const hb_cl_reduction r = hb_cl_reduction_of(w->loop, i);
        if (r.of < from || !hb_cl_block_here(w->loop, w->space->lane, &r, text)) return false;
    }
    return true;
}

/* Then that is done there, but for a few elements at the end of a row. */
static void write_blocks_here(writer *w, int from, int to, int last) {
    char text[HB_CL_BLOCK_TEXT];
    if (!is_reduced_here(w, from, to, last)) return;
    PRINT(w, HB_CL_BEGIN_HERE, "columns");
    for (int i = to; i < last; i++) {
        const hb_cl_reduction r = hb_cl_reduction_of(w->loop, i);
        hb_cl_block_here(w->loop, w->space->lane, &r, text);
        write_join(w, &r, text);
    }
    PRINT(w, HB_CL_END_HERE);
}

/* Asks for the block's elements of an operand, if they lie side by side: to the second cache, as
   the first one is full of this row. */
static void ask_for(writer *w, const hb_operand *operand, char name, int pointer, int number,
                    int to_write) {
    if (operand->buffer < 0 || operand->stride[w->space->lane] != 1) return;
    PRINT(w,
          "for (int l = 0; l < count; l += %d)\n"
          "__builtin_prefetch((global const char *)(%c%d + b%c%d + block + l), %d, 2);\n",
          64 / (int)hebb_dtype_size(operand->dtype), name, pointer, name, number, to_write);
}

static bool is_large(const writer *w) { return hb_cl_traffic(w->loop) > BEYOND_CACHES; }

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

/* ---- reductions over the rows, as the kernels of columns have them ---- */

enum { ROWS_ADDED = 64 }; /* before a sum's total is */

static hb_cl_reduction across_of(const writer *w, int k) {
    return hb_cl_reduction_of(&w->cut->last->u.loop, w->group->across[k]);
}

static void declare_across(writer *w) {
    const int size = w->cut->elements;
    if (w->group->n_across == 0) return;
    for (int k = 0; k < w->group->n_across; k++) {
        const hb_cl_reduction r = across_of(w, k);
        hb_cl_need(w->kernel, HB_CL_BLOCKS, r.dtype);
        PRINT(w, "%s ct%d[%d];\n", r.type, k, size);
        if (r.sum) PRINT(w, "%s ca%d[%d], ce%d[%d];\n", r.type, k, size, k, size);
    }
    PRINT(w, "for (int j = 0; j < columns; j++) {\n");
    for (int k = 0; k < w->group->n_across; k++) {
        const hb_cl_reduction r = across_of(w, k);
        PRINT(w, "ct%d[j] = %s;\n", k, r.identity);
        if (r.sum) PRINT(w, "ca%d[j] = 0;\nce%d[j] = 0;\n", k, k);
    }
    PRINT(w, "}\n");
}

/* Adds the points of values [from, to). */
static void write_across(writer *w, int from, int to) {
    for (int k = 0; k < w->group->n_across; k++) {
        const hb_cl_reduction r = across_of(w, k);
        const char kind = r.sum ? 'a' : 't';
        const int of = w->group->of[k];
        if (of >= from && of < to)
            PRINT(w, "c%c%d[j] = hb_%s_%s(c%c%d[j], v%d);\n", kind, k, r.join, r.suffix, kind, k,
                  of);
    }
}

static void end_rows_across(writer *w) {
    bool sums = false;
    for (int k = 0; k < w->group->n_across; k++) sums = sums || across_of(w, k).sum;
    if (!sums) return;
    PRINT(w, "if ((u - u0) %% %d == %d || u + 1 == u1) {\n", ROWS_ADDED, ROWS_ADDED - 1);
    for (int k = 0; k < w->group->n_across; k++) {
        const hb_cl_reduction r = across_of(w, k);
        if (r.sum)
            PRINT(w,
                  "for (int j = 0; j < columns; j++) {\n"
                  "hb_total_add_%s(&ct%d[j], &ce%d[j], ca%d[j]);\nca%d[j] = 0;\n}\n",
                  r.suffix, k, k, k, k);
    }
    PRINT(w, "}\n");
}

/* Stores the item's results as partial ones. */
static void store_across(writer *w) {
    const hb_step *last = w->cut->last;
    if (last == NULL) return;
    const hb_cl_cut cut = {.scratch = last->scratch_offset,
                           .splits = hb_ceil_div(w->space->kept, w->cut->rows)};
    PRINT(w, "const hb_index split = (hb_index)HB_ITEM(0) * columns;\n");
    for (int k = 0; k < w->group->n_across; k++) {
        const hb_cl_reduction r = across_of(w, k);
        char name[HB_CL_NAME_SIZE], offset[HB_CL_NAME_SIZE];
        snprintf(name, sizeof name, "p%d", k);
        snprintf(offset, sizeof offset, "ofs%d", k);
        hb_cl_buffer_param(w->kernel, name, last->scratch_buffer, r.dtype, true);
        hb_cl_index_param(w->kernel, offset,
                          hb_cl_partial_offset(w->space->reduced, &cut, k, r.dtype));
        PRINT(w, "for (int j = 0; j < columns; j++) %s[%s + split + j] = ", name, offset);
        if (r.sum) PRINT(w, "hb_total_%s(ct%d[j], ce%d[j]);\n", r.suffix, k, k);
        else PRINT(w, "ct%d[j];\n", k);
    }
}

static void write_points(writer *w, int phase) {
    const int from = first_of(w, phase, HB_CL_POINT), to = first_of(w, phase + 1, 0);
    const int last = phase + 1 < w->group->n_phases ? first_of(w, phase + 1, HB_CL_ROW) : to;
    if (from == last) return;
    declare(w, phase, to, last);
    PRINT(w, "{\n");
    hb_cl_write_bases(w->kernel, w->loop, from, to, w->loop->rank, w->space->lane);
    for (int i = 0; i < first_of(w, phase, 0); i++)
        if (is_taken(w, phase, i) && !is_kept(w, i))
            hb_cl_write_bases(w->kernel, w->loop, i, i + 1, w->loop->rank, w->space->lane);
    PRINT(w, "for (hb_index block = 0; block < columns; block += HB_BLOCK) {\n"
             "const int count = (int)min(columns - block, (hb_index)HB_BLOCK);\n");
    if (phase == 1 && is_large(w)) write_prefetches(w);
    write_blocks_here(w, from, to, last);
    for (int i = to; i < last; i++)
        if (!is_kept(w, w->loop->instr[i].a)) PRINT(w, "%s w%d[HB_BLOCK];\n", type_of(w, i), i);
    hb_cl_declare_streamed(w->kernel, w->loop, from, to);
    PRINT(w, "%sfor (int l = 0; l < count; l++) {\nconst long j = block + l;\n",
          hb_cl_lane_loop(w->space));
    for (int i = 0; i < first_of(w, phase, 0); i++) {
        if (!is_taken(w, phase, i)) continue;
        if (is_kept(w, i)) PRINT(w, "const %s v%d = k%d[j];\n", type_of(w, i), i, i);
        else hb_cl_write_values(w->kernel, w->loop, i, i + 1, w->space->lane, "");
    }
    hb_cl_write_values(w->kernel, w->loop, from, to, w->space->lane, "");
    for (int i = from; i < to; i++)
        if (is_kept(w, i)) PRINT(w, "k%d[j] = v%d;\n", i, i);
    hb_cl_write_stores(w->kernel, w->loop, from, to, w->space->lane);
    for (int i = to; i < last; i++)
        if (!is_kept(w, w->loop->instr[i].a)) PRINT(w, "w%d[l] = v%d;\n", i, w->loop->instr[i].a);
    write_across(w, from, to);
    PRINT(w, "}\n");
    hb_cl_store_streamed(w->kernel, w->loop, from, to);
    for (int i = to; i < last; i++) write_join_block(w, i);
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
    PRINT(&w, "const hb_index u0 = (hb_index)HB_ITEM(0) * per_item;\n"
              "const hb_index u1 = min(u0 + per_item, rows);\n");
    declare_across(&w);
    PRINT(&w, "for (hb_index u = u0; u < u1; u++) {\n");
    hb_cl_write_coordinates(kernel, w.loop, 0, space->n_kept, "u");
    for (int phase = 0; phase < group->n_phases; phase++) {
        write_once(&w, phase);
        write_points(&w, phase);
    }
    end_rows_across(&w);
    PRINT(&w, "}\n");
    store_across(&w);
}
