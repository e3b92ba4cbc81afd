/* The kernels of LOOP steps, one function a form. Called by loop.c, which has cut the space.

   On a CPU a work-item is a work-group: it takes a range of units and loops over contiguous lanes,
   a loop that the compiler vectorizes. A unit of LANES is a chunk of lanes at one point of the
   other dimensions. A unit of ROWS is a kept point; its reduced space is cut into segments of
   lanes, of which a split takes a range, and a segment is reduced in blocks (kernels/blocks.cl). A
   unit of COLUMNS is a chunk of kept lanes, whose reductions are formed side by side while the
   reduced points of a split go by.

   On a GPU a work-item takes a point (POINTS), or a kept point and a split (ITEMS); or a work-group
   takes a kept point and a split, and joins its items' results in a tree (GROUPS).

   Names in the generated text, besides those of values.c: u the unit or kept point, q the reduced
   point or segment; for the reduction that is instruction i, t<i> its total, e<i> what rounding has
   lost of a sum's total. */
#include <stdio.h>
#include <stdlib.h>

#include "reduction.h"

typedef hb_cl_reduction reduction;

typedef struct writer {
    hb_cl_kernel *kernel;
    const hb_cl_space *space;
    const hb_cl_cut *cut;
    const hb_loop *loop; /* of the space */
    reduction *reductions;
    int n;
} writer;

#define PRINT(w, ...) hb_cl_print(&(w)->kernel->body, __VA_ARGS__)

static void param(writer *w, const char *name, int64_t value) {
    hb_cl_index_param(w->kernel, name, value);
}

/* ---- reductions ---- */

static bool find_reductions(writer *w) {
    w->reductions = calloc((size_t)w->loop->n_instr + 1, sizeof *w->reductions);
    if (w->reductions == NULL) return false;
    for (int i = w->loop->n_pre; i < w->loop->n_instr; i++) {
        if (!hb_cl_is_reduction((hb_code)w->loop->instr[i].code)) continue;
        w->reductions[w->n++] = hb_cl_reduction_of(w->loop, i);
        hb_cl_need(w->kernel, HB_CL_BLOCKS, (hebb_dtype)w->loop->instr[i].dtype);
    }
    return true;
}

static void write_totals(writer *w) {
    for (const reduction *r = w->reductions; r < w->reductions + w->n; r++) {
        PRINT(w, "%s t%d = %s;\n", r->type, r->at, r->identity);
        if (r->sum) PRINT(w, "%s e%d = 0;\n", r->type, r->at);
    }
}

/* Joins one more element, or the result of a block, to the total. */
static void write_join(writer *w, const reduction *r, const char *more) {
    if (r->sum) PRINT(w, "hb_total_add_%s(&t%d, &e%d, %s);\n", r->suffix, r->at, r->at, more);
    else PRINT(w, "t%d = hb_%s_%s(t%d, %s);\n", r->at, r->join, r->suffix, r->at, more);
}

/* The results as v<i>; index is "[l]" where totals are arrays. */
static void write_results(writer *w, const char *index) {
    for (const reduction *r = w->reductions; r < w->reductions + w->n; r++) {
        PRINT(w, "const %s v%d = ", r->type, r->at);
        if (r->sum) PRINT(w, "hb_total_%s(t%d%s, e%d%s);\n", r->suffix, r->at, index, r->at, index);
        else PRINT(w, "t%d%s;\n", r->at, index);
    }
}

int64_t hb_cl_partial_offset(int64_t kept, const hb_cl_cut *cut, int r, hebb_dtype dtype) {
    int64_t bytes = cut->scratch + 8 * r * cut->splits * kept;
    return bytes / (int64_t)hebb_dtype_size(dtype);
}

/* Stores the results as the split's partial ones of the kept point number `point`. */
static void write_partials(writer *w, const char *point) {
    param(w, "kept", w->space->kept);
    for (int k = 0; k < w->n; k++) {
        const reduction *r = &w->reductions[k];
        char name[HB_CL_NAME_SIZE], offset[HB_CL_NAME_SIZE];
        snprintf(name, sizeof name, "p%d", r->at);
        snprintf(offset, sizeof offset, "ofs%d", r->at);
        hb_cl_buffer_param(w->kernel, name, w->cut->scratch_buffer, r->dtype, true);
        param(w, offset, hb_cl_partial_offset(w->space->kept, w->cut, k, r->dtype));
        PRINT(w, "%s[%s + split * kept + %s] = v%d;\n", name, offset, point, r->at);
    }
}

static void write_post_bases(writer *w, int lane) {
    if (w->cut->splits > 1) return;
    hb_cl_write_bases(w->kernel, w->loop, w->loop->n_pre, w->loop->n_instr, w->space->n_kept, lane);
}

/* The post program at a kept point whose reductions are v<i>. */
static void write_post(writer *w, int lane, const char *point) {
    const hb_loop *loop = w->loop;
    if (w->cut->splits > 1) {
        write_partials(w, point);
        return;
    }
    hb_cl_write_values(w->kernel, loop, loop->n_pre, loop->n_instr, lane, "");
    hb_cl_write_stores(w->kernel, loop, loop->n_pre, loop->n_instr, lane);
}

/* The pre program at a point whose coordinates and lane's coordinate j are known. */
static void write_pre(writer *w) {
    hb_cl_write_values(w->kernel, w->loop, 0, w->loop->n_pre, w->space->lane, "");
    hb_cl_write_stores(w->kernel, w->loop, 0, w->loop->n_pre, w->space->lane);
}

static void write_pre_bases(writer *w) {
    hb_cl_write_bases(w->kernel, w->loop, 0, w->loop->n_pre, w->loop->rank, w->space->lane);
}

/* ---- CPU forms ---- */

static void write_unit_range(writer *w) {
    param(w, "units", w->cut->units);
    param(w, "per_item", w->cut->per_item);
    PRINT(w, "const hb_index u0 = (hb_index)HB_ITEM(0) * per_item;\n"
             "const hb_index u1 = min(u0 + per_item, units);\n");
}

/* for each unit u of this work-item */
static void open_units(writer *w) {
    write_unit_range(w);
    if (w->cut->splits > 1) PRINT(w, "const hb_index split = (hb_index)HB_ITEM(1);\n");
    PRINT(w, "for (hb_index u = u0; u < u1; u++) {\n");
}

/* first and last lane of a chunk of its number `of` */
static void write_chunk(writer *w, const char *of) {
    param(w, "chunk", w->cut->chunk);
    param(w, "chunks", w->cut->chunks);
    param(w, "lanes", w->loop->dim[w->space->lane]);
    PRINT(w,
          "const hb_index first = %s * chunk;\n"
          "const hb_index last = min(first + chunk, lanes);\n",
          of);
}

/* The split's range [q0, q1) of reduced points or segments. */
static void write_split_range(writer *w, const char *count, int64_t value) {
    param(w, count, value);
    if (w->cut->splits == 1) {
        PRINT(w, "const hb_index q0 = 0, q1 = %s;\n", count);
        return;
    }
    param(w, "per_split", w->cut->per_split);
    PRINT(w, "const hb_index q0 = split * per_split, q1 = min(q0 + per_split, %s);\n", count);
}

/* for each block of the chunk */
static void open_blocks(writer *w) {
    PRINT(w, "for (hb_index block = first; block < last; block += HB_BLOCK) {\n"
             "const int count = (int)min(last - block, (hb_index)HB_BLOCK);\n");
    hb_cl_declare_streamed(w->kernel, w->loop, 0, w->loop->n_pre);
}

static void open_block_lanes(writer *w) {
    PRINT(w, "%sfor (int l = 0; l < count; l++) {\nconst long j = block + l;\n",
          hb_cl_lane_loop(w->space));
}

static void write_streamed_lanes(writer *w) {
    open_blocks(w);
    open_block_lanes(w);
    write_pre(w);
    PRINT(w, "}\n");
    hb_cl_store_streamed(w->kernel, w->loop, 0, w->loop->n_pre);
    PRINT(w, "}\n");
}

/* Units of few lanes would take longer to divide than to work on. */
static void write_lanes(writer *w) {
    const int lane = w->space->lane;
    hb_cl_find_streamed(w->kernel, w->space);
    write_unit_range(w);
    PRINT(w, "hb_index c = u0 %% chunks;\n");
    hb_cl_write_counters(w->kernel, w->loop, lane, "u0 / chunks");
    PRINT(w, "for (hb_index u = u0; u < u1; u++) {\n");
    write_chunk(w, "c");
    write_pre_bases(w);
    if (w->kernel->streamed != 0) write_streamed_lanes(w);
    else {
        PRINT(w, "%sfor (long j = first; j < last; j++) {\n", hb_cl_lane_loop(w->space));
        write_pre(w);
        PRINT(w, "}\n");
    }
    PRINT(w, "if (++c < chunks) continue;\nc = 0;\n");
    hb_cl_write_next(w->kernel, w->loop, lane);
    PRINT(w, "}\n");
}

static void write_row_blocks(writer *w) {
    const reduction *end = w->reductions + w->n;
    open_blocks(w);
    for (const reduction *r = w->reductions; r < end; r++)
        PRINT(w, "%s w%d[HB_BLOCK];\n", r->type, r->at);
    open_block_lanes(w);
    write_pre(w);
    for (const reduction *r = w->reductions; r < end; r++)
        PRINT(w, "w%d[l] = v%d;\n", r->at, r->of);
    PRINT(w, "}\n");
    hb_cl_store_streamed(w->kernel, w->loop, 0, w->loop->n_pre);
    for (const reduction *r = w->reductions; r < end; r++) {
        char text[64];
        snprintf(text, sizeof text, "hb_%s_%s(w%d, count)", r->block, r->suffix, r->at);
        write_join(w, r, text);
    }
    PRINT(w, "}\n");
}

static void write_rows(writer *w) {
    const hb_cl_space *space = w->space;
    int64_t lanes = w->loop->dim[space->lane];
    hb_cl_find_streamed(w->kernel, space);
    open_units(w);
    hb_cl_write_coordinates(w->kernel, w->loop, 0, space->n_kept, "u");
    write_totals(w);
    write_split_range(w, "segments", lanes == 0 ? 0 : space->reduced / lanes * w->cut->chunks);
    PRINT(w, "for (hb_index q = q0; q < q1; q++) {\n");
    write_chunk(w, "(q % chunks)");
    hb_cl_write_coordinates(w->kernel, w->loop, space->n_kept, space->lane, "q / chunks");
    write_pre_bases(w);
    write_row_blocks(w);
    PRINT(w, "}\n");
    write_results(w, "");
    write_post_bases(w, -1);
    write_post(w, -1, "u");
    PRINT(w, "}\n");
}

/* Totals are arrays over the chunk's lanes; of sums, some rows are added in a<i> first. */
static void write_column_arrays(writer *w) {
    const reduction *end = w->reductions + w->n;
    int size = (int)w->cut->chunk;
    for (const reduction *r = w->reductions; r < end; r++) {
        PRINT(w, "%s t%d[%d];\n", r->type, r->at, size);
        if (r->sum) PRINT(w, "%s a%d[%d], e%d[%d];\n", r->type, r->at, size, r->at, size);
    }
    PRINT(w, "for (int l = 0; l < count; l++) {\n");
    for (const reduction *r = w->reductions; r < end; r++) {
        PRINT(w, "t%d[l] = %s;\n", r->at, r->identity);
        if (r->sum) PRINT(w, "a%d[l] = 0;\ne%d[l] = 0;\n", r->at, r->at);
    }
    PRINT(w, "}\n");
}

static void write_column_rows(writer *w) {
    const reduction *end = w->reductions + w->n;
    PRINT(w, "for (hb_index block = q0; block < q1; block += 64) {\n"
             "const hb_index block_end = min(block + 64, q1);\n"
             "for (hb_index q = block; q < block_end; q++) {\n");
    hb_cl_write_coordinates(w->kernel, w->loop, w->space->n_kept, w->loop->rank, "q");
    write_pre_bases(w);
    PRINT(w, "%sfor (int l = 0; l < count; l++) {\nconst long j = first + l;\n",
          hb_cl_lane_loop(w->space));
    write_pre(w);
    for (const reduction *r = w->reductions; r < end; r++)
        PRINT(w, "%c%d[l] = hb_%s_%s(%c%d[l], v%d);\n", r->sum ? 'a' : 't', r->at, r->join,
              r->suffix, r->sum ? 'a' : 't', r->at, r->of);
    PRINT(w, "}\n}\n");
    for (const reduction *r = w->reductions; r < end; r++)
        if (r->sum)
            PRINT(w,
                  "for (int l = 0; l < count; l++) {\n"
                  "hb_total_add_%s(&t%d[l], &e%d[l], a%d[l]);\na%d[l] = 0;\n}\n",
                  r->suffix, r->at, r->at, r->at, r->at);
    PRINT(w, "}\n");
}

static void write_columns(writer *w) {
    int lane = w->space->lane;
    open_units(w);
    write_chunk(w, "(u % chunks)");
    PRINT(w, "const int count = (int)(last - first);\n");
    hb_cl_write_coordinates(w->kernel, w->loop, 0, lane, "u / chunks");
    write_column_arrays(w);
    write_split_range(w, "reduced", w->space->reduced);
    write_column_rows(w);
    write_post_bases(w, lane);
    PRINT(w, "%sfor (int l = 0; l < count; l++) {\nconst long j = first + l;\n",
          hb_cl_lane_loop(w->space));
    write_results(w, "[l]");
    write_post(w, lane, "(u / chunks) * lanes + j");
    PRINT(w, "}\n}\n");
}

/* ---- GPU forms ---- */

/* The lane's coordinate is named j, so that a stride of 1 along it is seen. */
static void name_lane(writer *w) { PRINT(w, "const hb_index j = i%d;\n", w->space->lane); }

static void write_kept_point(writer *w) {
    param(w, "kept", w->space->kept);
    PRINT(w, "const hb_index u = (hb_index)HB_ITEM(0);\nif (u >= kept) return;\n");
}

static void write_points(writer *w) {
    write_kept_point(w);
    hb_cl_write_coordinates(w->kernel, w->loop, 0, w->loop->rank, "u");
    name_lane(w);
    write_pre_bases(w);
    write_pre(w);
}

/* The pre program at reduced points q0 + start, q0 + start + step, ... of the split. */
static void write_reduced_points(writer *w, const char *start, int step) {
    PRINT(w, "for (hb_index q = q0%s; q < q1; q += %d) {\n", start, step);
    hb_cl_write_coordinates(w->kernel, w->loop, w->space->n_kept, w->loop->rank, "q");
    name_lane(w);
    write_pre_bases(w);
    write_pre(w);
    for (const reduction *r = w->reductions; r < w->reductions + w->n; r++) {
        char text[HB_CL_NAME_SIZE];
        snprintf(text, sizeof text, "v%d", r->of);
        write_join(w, r, text);
    }
    PRINT(w, "}\n");
}

static void write_items(writer *w) {
    write_kept_point(w);
    if (w->cut->splits > 1) PRINT(w, "const hb_index split = (hb_index)HB_ITEM(1);\n");
    hb_cl_write_coordinates(w->kernel, w->loop, 0, w->space->n_kept, "u");
    write_totals(w);
    write_split_range(w, "reduced", w->space->reduced);
    write_reduced_points(w, "", 1);
    write_results(w, "");
    write_post_bases(w, -1);
    write_post(w, -1, "u");
}

static void write_tree(writer *w) {
    const reduction *end = w->reductions + w->n;
    for (const reduction *r = w->reductions; r < end; r++)
        if (r->sum) PRINT(w, "s%d[l] = hb_total_%s(t%d, e%d);\n", r->at, r->suffix, r->at, r->at);
        else PRINT(w, "s%d[l] = t%d;\n", r->at, r->at);
    PRINT(w, "for (int m = %d; m > 0; m >>= 1) {\nbarrier(CLK_LOCAL_MEM_FENCE);\nif (l < m) {\n",
          (int)w->cut->group / 2);
    for (const reduction *r = w->reductions; r < end; r++)
        PRINT(w, "s%d[l] = hb_%s_%s(s%d[l], s%d[l + m]);\n", r->at, r->join, r->suffix, r->at,
              r->at);
    PRINT(w, "}\n}\nif (l > 0) return;\n");
    for (const reduction *r = w->reductions; r < end; r++)
        PRINT(w, "const %s v%d = s%d[0];\n", r->type, r->at, r->at);
}

static void write_groups(writer *w) {
    for (const reduction *r = w->reductions; r < w->reductions + w->n; r++) {
        char name[HB_CL_NAME_SIZE];
        snprintf(name, sizeof name, "s%d", r->at);
        hb_cl_local_array(w->kernel, name, r->dtype, (int64_t)w->cut->group);
    }
    PRINT(w, "const int l = (int)HB_LOCAL;\n"
             "const hb_index u = (hb_index)HB_GROUP(0);\n");
    if (w->cut->splits > 1) PRINT(w, "const hb_index split = (hb_index)HB_GROUP(1);\n");
    hb_cl_write_coordinates(w->kernel, w->loop, 0, w->space->n_kept, "u");
    write_totals(w);
    write_split_range(w, "reduced", w->space->reduced);
    write_reduced_points(w, " + l", (int)w->cut->group);
    write_tree(w);
    write_post_bases(w, -1);
    write_post(w, -1, "u");
}

void hb_cl_write_loop(hb_cl_kernel *kernel, const hb_cl_space *space, const hb_cl_cut *cut) {
    static void (*const write[])(writer *) = {
        [HB_CL_LANES] = write_lanes,   [HB_CL_ROWS] = write_rows,   [HB_CL_COLUMNS] = write_columns,
        [HB_CL_POINTS] = write_points, [HB_CL_ITEMS] = write_items, [HB_CL_GROUPS] = write_groups,
    };
    writer w = {.kernel = kernel, .space = space, .cut = cut, .loop = &space->loop};
    kernel->wide = space->wide;
    if (!find_reductions(&w)) kernel->failed = true;
    else write[cut->form](&w);
    free(w.reductions);
}
