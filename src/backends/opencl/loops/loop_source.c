/* The kernels of LOOP steps, one function a form. Called by loop.c, which has cut the space.

   On a CPU a work-item is a work-group: it takes a range of units and loops over contiguous lanes,
   a loop that the compiler vectorizes. A unit of LANES is a chunk of lanes at one point of the
   other dimensions. A unit of ROWS is a kept point; its reduced space is cut into segments of
   lanes, of which a split takes a range, and a segment is reduced in blocks (kernels/blocks.cl). A
   unit of COLUMNS is a chunk of kept lanes, whose reductions are formed side by side while the
   reduced points of a split go by.

   On a GPU a work-item takes a point (POINTS), or a kept point and a split (ITEMS); or a work-group
   takes some kept points and a split, a few items for each, and joins their results in a tree
   (GROUPS). Its neighbors are at neighbors in memory: at kept points, or at reduced ones. An item
   goes through its reduced points several at a time, so that as many loads are on their way.

   Names in the generated text, besides those of values.c: u the unit or kept point, q the reduced
   point or segment; for the reduction that is instruction i, t<i> its total, e<i> what rounding has
   lost of a sum's total, s<i> the totals of a group's items. Of the points that a GPU's item takes
   at a time, number n: more<n> whether it is there, i<d>_<n> its coordinates, w<i>_<n> values,
   h<i>_<n> what a reduction takes of it. c<d> are the coordinates of the next point. */
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
        if (!hb_is_reduction(w->loop->instr[i].code)) continue;
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

static void open_chunk_lanes(writer *w) {
    PRINT(w, "%sfor (long j = first; j < last; j++) {\n", hb_cl_lane_loop(w->space));
}

static void write_chunk_lanes(writer *w) {
    const bool streams = w->kernel->streamed != 0;
    if (streams) {
        open_blocks(w);
        open_block_lanes(w);
    } else open_chunk_lanes(w);
    write_pre(w);
    PRINT(w, "}\n");
    if (!streams) return;
    hb_cl_store_streamed(w->kernel, w->loop, 0, w->loop->n_pre);
    PRINT(w, "}\n");
}

/* Looks at all arguments of a chunk before: a loop with a branch has no vectors. What an element
   becomes does not depend on its neighbors. */
static void write_close_or_far(writer *w) {
    w->kernel->close = HB_CL_FOR_CLOSE;
    PRINT(w, "int far = 0;\n");
    open_chunk_lanes(w);
    hb_cl_write_values(w->kernel, w->loop, 0, w->loop->n_pre, w->space->lane, "");
    hb_cl_write_far(w->kernel, w->loop);
    PRINT(w, "}\nif (far == 0) {\n");
    write_chunk_lanes(w);
    w->kernel->close = HB_CL_FOR_EITHER;
    PRINT(w, "} else {\n");
    write_chunk_lanes(w);
    w->kernel->close = HB_CL_FOR_ALL;
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
    if (w->cut->close) write_close_or_far(w);
    else write_chunk_lanes(w);
    PRINT(w, "if (++c < chunks) continue;\nc = 0;\n");
    hb_cl_write_next(w->kernel, w->loop, lane);
    PRINT(w, "}\n");
}

/* What lies in memory as it is is reduced there, but for a few elements at the end of a chunk. */
static void write_blocks_here(writer *w) {
    char text[HB_CL_BLOCK_TEXT];
    for (int k = 0; k < w->loop->n_out; k++)
        if (w->loop->out[k].value < w->loop->n_pre) return;
    for (const reduction *r = w->reductions; r < w->reductions + w->n; r++)
        if (!hb_cl_block_here(w->loop, w->space->lane, r, text)) return;
    PRINT(w, HB_CL_BEGIN_HERE, "last");
    for (const reduction *r = w->reductions; r < w->reductions + w->n; r++) {
        hb_cl_block_here(w->loop, w->space->lane, r, text);
        write_join(w, r, text);
    }
    PRINT(w, HB_CL_END_HERE);
}

static void write_row_blocks(writer *w) {
    const reduction *end = w->reductions + w->n;
    open_blocks(w);
    write_blocks_here(w);
    for (const reduction *r = w->reductions; r < end; r++)
        PRINT(w, "%s w%d[HB_BLOCK];\n", r->type, r->at);
    open_block_lanes(w);
    write_pre(w);
    for (const reduction *r = w->reductions; r < end; r++)
        PRINT(w, "w%d[l] = v%d;\n", r->at, r->of);
    PRINT(w, "}\n");
    hb_cl_store_streamed(w->kernel, w->loop, 0, w->loop->n_pre);
    for (const reduction *r = w->reductions; r < end; r++) {
        char text[HB_CL_BLOCK_TEXT];
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

/* Joins `rows` rows from number q on to the arrays, in order. */
static void write_column_lanes(writer *w, int rows) {
    const reduction *end = w->reductions + w->n;
    PRINT(w, "%sfor (int l = 0; l < count; l++) {\nconst long j = first + l;\n",
          hb_cl_lane_loop(w->space));
    for (const reduction *r = w->reductions; r < end; r++)
        PRINT(w, "%s g%d = %c%d[l];\n", r->type, r->at, r->sum ? 'a' : 't', r->at);
    for (int n = 0; n < rows; n++) {
        char row[HB_CL_NAME_SIZE];
        snprintf(row, sizeof row, "(q + %d)", n);
        PRINT(w, "{\n");
        hb_cl_write_coordinates(w->kernel, w->loop, w->space->n_kept, w->loop->rank, row);
        write_pre_bases(w);
        write_pre(w);
        for (const reduction *r = w->reductions; r < end; r++)
            PRINT(w, "g%d = hb_%s_%s(g%d, v%d);\n", r->at, r->join, r->suffix, r->at, r->of);
        PRINT(w, "}\n");
    }
    for (const reduction *r = w->reductions; r < end; r++)
        PRINT(w, "%c%d[l] = g%d;\n", r->sum ? 'a' : 't', r->at, r->at);
    PRINT(w, "}\n");
}

/* Short programs do several rows at once: what is joined stays in registers meanwhile. */
static int rows_at_once(const writer *w) {
    enum { SHORT = 6, ROWS_AT_ONCE = 8 };
    return w->space->n_reduced == 1 && w->loop->n_pre <= SHORT ? ROWS_AT_ONCE : 1;
}

static void write_column_rows(writer *w) {
    const reduction *end = w->reductions + w->n;
    const int rows = rows_at_once(w);
    PRINT(w, "for (hb_index block = q0; block < q1; block += 64) {\n"
             "const hb_index block_end = min(block + 64, q1);\n"
             "hb_index q = block;\n");
    if (rows > 1) {
        PRINT(w, "for (; q + %d <= block_end; q += %d) {\n", rows, rows);
        write_column_lanes(w, rows);
        PRINT(w, "}\n");
    }
    PRINT(w, "for (; q < block_end; q++) {\n");
    write_column_lanes(w, 1);
    PRINT(w, "}\n");
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

/* ---- GPU forms, without reductions ---- */

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

/* ---- reduced points, some at a time ---- */

/* Whether the values of an instruction leave the point where they are computed. */
static bool is_taken(const writer *w, int i) {
    for (int k = 0; k < w->n; k++)
        if (w->reductions[k].of == i) return true;
    for (int k = 0; k < w->loop->n_out; k++)
        if (w->loop->out[k].value == i) return true;
    return false;
}

static const char *type_of(const writer *w, int i) {
    return hb_cl_type((hebb_dtype)w->loop->instr[i].dtype);
}

/* c<d>, the coordinates of the reduced point number q. */
static void write_next_point(writer *w) {
    const int first = w->space->n_kept;
    PRINT(w, "hb_index c%d = q;\n", first);
    for (int d = w->loop->rank - 1; d > first; d--) {
        char name[HB_CL_NAME_SIZE];
        snprintf(name, sizeof name, "d%d", d);
        param(w, name, w->loop->dim[d]);
        PRINT(w, "hb_index c%d = c%d %% d%d;\nc%d /= d%d;\n", d, first, d, first, d);
    }
}

/* Goes `step` points further, to point number n of those taken at a time, unless the split ends
   before: then the coordinates stay those of a point that is there, and may be read. Digits are
   added, as dividing would take longer than what is done with a point. */
static void write_advance(writer *w, int n, int64_t step) {
    const int first = w->space->n_kept;
    PRINT(w, "q += %d;\nconst bool more%d = q < q1;\n", (int)step, n);
    char carry[HB_CL_NAME_SIZE + 8] = "";
    for (int d = w->loop->rank - 1; d > first; d--) {
        char name[HB_CL_NAME_SIZE];
        snprintf(name, sizeof name, "g%d", d);
        param(w, name, step % w->loop->dim[d]);
        step /= w->loop->dim[d];
        PRINT(w, "c%d += (more%d ? g%d : 0)%s;\n", d, n, d, carry);
        PRINT(w, "const bool full%d_%d = c%d >= d%d;\nc%d -= full%d_%d ? d%d : 0;\n", d, n, d, d, d,
              d, n, d);
        snprintf(carry, sizeof carry, " + full%d_%d", d, n);
    }
    char name[HB_CL_NAME_SIZE];
    snprintf(name, sizeof name, "g%d", first);
    if (w->space->n_reduced == 1) snprintf(name, sizeof name, "%d", (int)step);
    else param(w, name, step);
    PRINT(w, "c%d += (more%d ? %s : 0)%s;\n", first, n, name, carry);
}

/* Coordinates and bases at point number n. */
static void write_place(writer *w, int n) {
    for (int d = w->space->n_kept; d < w->loop->rank; d++)
        PRINT(w, "const hb_index i%d = i%d_%d;\n", d, d, n);
    name_lane(w);
    write_pre_bases(w);
}

static void write_point(writer *w, int n) {
    for (int d = w->space->n_kept; d < w->loop->rank; d++)
        PRINT(w, "const hb_index i%d_%d = c%d;\n", d, n, d);
    for (int i = 0; i < w->loop->n_pre; i++)
        if (is_taken(w, i)) PRINT(w, "%s w%d_%d;\n", type_of(w, i), i, n);
    PRINT(w, "{\n");
    write_place(w, n);
    hb_cl_write_values(w->kernel, w->loop, 0, w->loop->n_pre, w->space->lane, "");
    for (int i = 0; i < w->loop->n_pre; i++)
        if (is_taken(w, i)) PRINT(w, "w%d_%d = v%d;\n", i, n, i);
    PRINT(w, "}\n");
}

/* Behind the loads of all points, which compilers could not move past it. */
static void write_point_stores(writer *w, int n) {
    if (n > 0) PRINT(w, "if (more%d) ", n);
    PRINT(w, "{\n");
    write_place(w, n);
    for (int i = 0; i < w->loop->n_pre; i++)
        if (is_taken(w, i)) PRINT(w, "const %s v%d = w%d_%d;\n", type_of(w, i), i, i, n);
    hb_cl_write_stores(w->kernel, w->loop, 0, w->loop->n_pre, w->space->lane);
    PRINT(w, "}\n");
}

static bool stores_points(const writer *w) {
    for (int k = 0; k < w->loop->n_out; k++)
        if (w->loop->out[k].value < w->loop->n_pre) return true;
    return false;
}

/* The points' elements in a tree, whose result is joined to the total. */
static void write_points_join(writer *w, const reduction *r) {
    const int i = r->at, points = w->cut->unroll;
    for (int n = 0; n < points; n++) {
        PRINT(w, "%s h%d_%d = ", r->type, i, n);
        if (n == 0) PRINT(w, "w%d_0;\n", r->of);
        else PRINT(w, "more%d ? w%d_%d : (%s)(%s);\n", n, r->of, n, r->type, r->identity);
    }
    for (int reach = points / 2; reach > 0; reach /= 2)
        for (int n = 0; n < reach; n++)
            PRINT(w, "h%d_%d = hb_%s_%s(h%d_%d, h%d_%d);\n", i, n, r->join, r->suffix, i, n, i,
                  n + reach);
    char text[HB_CL_NAME_SIZE];
    snprintf(text, sizeof text, "h%d_0", i);
    write_join(w, r, text);
}

/* The pre program at reduced points q0 + start, q0 + start + step, ... of the split. */
static void write_reduced_points(writer *w, const char *start, int64_t step) {
    if (w->space->reduced == 0) return; /* sizes of 0 are not to be divided by */
    PRINT(w, "hb_index q = q0%s;\n", start);
    write_next_point(w);
    PRINT(w, "while (q < q1) {\n");
    for (int n = 0; n < w->cut->unroll; n++) {
        write_point(w, n);
        write_advance(w, n + 1, step);
    }
    if (stores_points(w))
        for (int n = 0; n < w->cut->unroll; n++) write_point_stores(w, n);
    for (const reduction *r = w->reductions; r < w->reductions + w->n; r++) write_points_join(w, r);
    PRINT(w, "}\n");
}

/* ---- GPU forms of reductions ---- */

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

/* s<i>[from + l] of the tree. */
static void write_branch(writer *w, const reduction *r, int from) {
    if (from == 0) PRINT(w, "s%d[l]", r->at);
    else PRINT(w, "s%d[l + %d]", r->at, from);
}

/* Joins the totals of `from` items into those of the first `to`. */
static void write_tree_level(writer *w, int from, int to) {
    PRINT(w, "barrier(CLK_LOCAL_MEM_FENCE);\nif (l < %d) {\n", to);
    for (const reduction *r = w->reductions; r < w->reductions + w->n; r++) {
        PRINT(w, "s%d[l] = ", r->at);
        for (int at = from - to; at > 0; at -= to) PRINT(w, "hb_%s_%s(", r->join, r->suffix);
        write_branch(w, r, 0);
        for (int at = to; at < from; at += to) {
            PRINT(w, ", ");
            write_branch(w, r, at);
            PRINT(w, ")");
        }
        PRINT(w, ";\n");
    }
    PRINT(w, "}\n");
}

/* Leaves the results of the group's kept points in s<i>[0...width). Four at a time: each level
   waits for a barrier and for local memory. */
static void write_tree(writer *w) {
    for (const reduction *r = w->reductions; r < w->reductions + w->n; r++) {
        PRINT(w, "s%d[part * %d + mine] = ", r->at, w->cut->width);
        if (r->sum) PRINT(w, "hb_total_%s(t%d, e%d);\n", r->suffix, r->at, r->at);
        else PRINT(w, "t%d;\n", r->at);
    }
    for (int from = (int)w->cut->group, to; from > w->cut->width; from = to) {
        to = from >= 4 * w->cut->width ? from / 4 : from / 2;
        write_tree_level(w, from, to);
    }
}

/* An item's kept point `mine` among the group's, and its part among the items that share it. */
static void write_share(writer *w) {
    const int width = w->cut->width, sharers = (int)w->cut->group / width;
    PRINT(w, "const int l = (int)HB_LOCAL;\nconst hb_index first = (hb_index)HB_GROUP(0) * %d;\n",
          width);
    if (w->space->lane < w->space->n_kept)
        PRINT(w, "const int mine = l %% %d, part = l / %d;\n", width, width);
    else PRINT(w, "const int mine = l / %d, part = l %% %d;\n", sharers, sharers);
    if (w->cut->splits > 1) PRINT(w, "const hb_index split = (hb_index)HB_GROUP(1);\n");
}

static void write_groups(writer *w) {
    for (const reduction *r = w->reductions; r < w->reductions + w->n; r++) {
        char name[HB_CL_NAME_SIZE];
        snprintf(name, sizeof name, "s%d", r->at);
        hb_cl_local_array(w->kernel, name, r->dtype, (int64_t)w->cut->group);
    }
    param(w, "kept", w->space->kept);
    write_share(w);
    write_totals(w);
    write_split_range(w, "reduced", w->space->reduced);
    PRINT(w, "if (first + mine < kept) {\nconst hb_index u = first + mine;\n");
    hb_cl_write_coordinates(w->kernel, w->loop, 0, w->space->n_kept, "u");
    write_reduced_points(w, " + part", (int64_t)w->cut->group / w->cut->width);
    PRINT(w, "}\n");
    write_tree(w);
    PRINT(w, "const hb_index u = first + l;\nif (l >= %d || u >= kept) return;\n", w->cut->width);
    for (const reduction *r = w->reductions; r < w->reductions + w->n; r++)
        PRINT(w, "const %s v%d = s%d[l];\n", r->type, r->at, r->at);
    hb_cl_write_coordinates(w->kernel, w->loop, 0, w->space->n_kept, "u");
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
    if (cut->form == HB_CL_TILES) hb_cl_write_tiles(kernel, space, cut);
    else if (!find_reductions(&w)) kernel->failed = true;
    else write[cut->form](&w);
    free(w.reductions);
}
