/* Convolutions on GPUs as tiled products. A group computes a tile of the result; slices of DEPTH
   rows of both operands pass through local memory, gathered straight from the images: nothing like
   a matrix of windows is ever stored. While a slice is multiplied, the next one is on its way into
   registers. An item computes item_rows x item_columns elements, four neighbors at a time.

   CONV and CONV_INPUT: columns are the places of all images, the depth is taps (outer) and channels
   (inner), so that an item, which always fetches for the same column, finds its place in the source
   once a tap. CONV_WEIGHT: columns are pairs of channel and tap, the depth is the places of all
   images; it is cut into parts where there are few tiles. Called by conv.c. */
#include <stdio.h>

#include "conv.h"

enum { DEPTH = 16, PAD = 4, MOST_PARTS = 64 };

/* Sizes of a group's tile and of an item's share of it. */
typedef struct tiling {
    int rows, columns, item_rows, item_columns;
} tiling;

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

static int items_of(tiling t) { return t.rows / t.item_rows * (t.columns / t.item_columns); }

/* Large tiles where they still give each unit a few, and no more rows than there are. */
static tiling tiling_of(const hb_device *device, const hb_cl_conv *p) {
    static const tiling few_rows = {32, 64, 4, 4}, small = {64, 64, 4, 4}, large = {64, 128, 8, 4};
    if (p->rows <= 32) return few_rows;
    bool weight = p->step->kind == HB_CONV_WEIGHT;
    int64_t columns = p->columns * (weight ? 1 : p->conv->batch);
    int64_t tiles = divide_up(p->rows, large.rows) * divide_up(columns, large.columns);
    return weight || tiles * p->conv->groups < 2 * device->info.units ? small : large;
}

static size_t local_bytes(const hb_cl_conv *p, tiling t) {
    return (size_t)(DEPTH * (t.rows + t.columns + 2 * PAD)) *
           hebb_dtype_size(p->step->out[0].dtype);
}

bool hb_cl_conv_tiled_can(const hb_device *device, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    int64_t depth = p->step->kind == HB_CONV ? c->in_channels : c->out_channels;
    if (p->step->kind == HB_CONV_WEIGHT) depth = DEPTH;
    tiling t = tiling_of(device, p);
    return !device->lanes && p->rows >= DEPTH && p->columns >= DEPTH / 2 && depth >= DEPTH / 2 &&
           device->max_group >= (size_t)items_of(t) && local_bytes(p, t) <= device->local_bytes;
}

int64_t hb_cl_conv_tiled_parts(const hb_device *device, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    tiling t = tiling_of(device, p);
    int64_t depth = c->batch * c->out[0] * c->out[1] * c->out[2];
    int64_t tiles = divide_up(p->rows, t.rows) * divide_up(p->columns, t.columns) * c->groups;
    int64_t parts = min64(divide_up(4 * (int64_t)device->info.units, tiles), depth / (8 * DEPTH));
    parts = min64(parts, MOST_PARTS);
    return parts > 1 ? parts : 1;
}

/* ---- text ---- */

/* Declarations that all kinds share. DEPTH rows of a tile are PAD longer than the tile, so that a
   column does not fall into one bank of local memory. */
static void write_tile(hb_cl_kernel *kernel, const char *type, tiling t) {
    int items = items_of(t);
    hb_cl_print(&kernel->body,
                "local %s as[%d] __attribute__((aligned(32)));\n"
                "local %s bs[%d] __attribute__((aligned(32)));\n"
                "const int l = (int)get_local_id(0), tx = l %% %d, ty = l / %d;\n"
                "const hb_index row = (hb_index)get_group_id(1) * %d;\n"
                "const hb_index column = (hb_index)get_group_id(0) * %d;\n"
                "%s ra[%d], rb[%d];\n%s4 acc[%d];\n"
                "#pragma unroll\nfor (int i = 0; i < %d; i++) acc[i] = 0;\n",
                type, DEPTH * (t.rows + PAD), type, DEPTH * (t.columns + PAD),
                t.columns / t.item_columns, t.columns / t.item_columns, t.rows, t.columns, type,
                DEPTH * t.rows / items, DEPTH * t.columns / items, type,
                t.item_rows * t.item_columns / 4, t.item_rows * t.item_columns / 4);
}

/* How an operand's slice is spread over the items: neighbors hold neighboring depths (which are
   neighbors in memory), or neighboring rows or columns. */
typedef struct spread {
    int size, items;
    bool along_depth;
} spread;

/* For element i of an item: its depth, and its row or column. */
static void write_place(hb_cl_kernel *kernel, spread s, const char *depth, const char *across) {
    if (s.along_depth)
        hb_cl_print(&kernel->body, "const int %s = l %% %d, %s = l / %d + i * %d;\n", depth, DEPTH,
                    across, DEPTH, s.items / DEPTH);
    else
        hb_cl_print(&kernel->body, "const int %s = l / %d + i * %d, %s = l %% %d;\n", depth, s.size,
                    s.items / s.size, across, s.size);
}

static void write_keep(hb_cl_kernel *kernel, spread s, const char *from, const char *to) {
    hb_cl_print(&kernel->body, "#pragma unroll\nfor (int i = 0; i < %d; i++) {\n",
                DEPTH * s.size / s.items);
    write_place(kernel, s, "k", "n");
    hb_cl_print(&kernel->body, "%s[k * %d + n] = %s[i];\n}\n", to, s.size + PAD, from);
}

/* acc += the slices' product. */
static void write_multiply(hb_cl_kernel *kernel, const char *type, tiling t) {
    static const char part[4] = "xyzw";
    int across = t.columns / t.item_columns, down = t.rows / t.item_rows, wide = t.item_columns / 4;
    hb_cl_print(&kernel->body, "#pragma unroll\nfor (int k = 0; k < %d; k++) {\n", DEPTH);
    for (int j = 0; j < wide; j++)
        hb_cl_print(&kernel->body,
                    "const %s4 v%d = *(local const %s4 *)(bs + k * %d + 4 * (tx + %d));\n", type, j,
                    type, t.columns + PAD, j * across);
    for (int i = 0; i < t.item_rows / 4; i++) {
        hb_cl_print(&kernel->body,
                    "const %s4 u%d = *(local const %s4 *)(as + k * %d + 4 * (ty + %d));\n", type, i,
                    type, t.rows + PAD, i * down);
        for (int e = 0; e < 4; e++)
            for (int j = 0; j < wide; j++)
                hb_cl_print(&kernel->body, "acc[%d] += u%d.%c * v%d;\n", (4 * i + e) * wide + j, i,
                            part[e], j);
    }
    hb_cl_print(&kernel->body, "}\n");
}

/* The loop over slices: keep what was fetched, fetch the next, multiply. `fetch` writes what fills
   ra and rb from slice s. */
static void write_slices(hb_cl_kernel *kernel, const hb_cl_conv *p, tiling t, spread a, spread b,
                         void (*fetch)(hb_cl_kernel *, const hb_cl_conv *, spread, spread)) {
    hb_cl_print(&kernel->body, "for (hb_index s = 0; s <= slices; s++) {\n"
                               "if (s > 0) {\nbarrier(CLK_LOCAL_MEM_FENCE);\n");
    write_keep(kernel, a, "ra", "as");
    write_keep(kernel, b, "rb", "bs");
    hb_cl_print(&kernel->body, "barrier(CLK_LOCAL_MEM_FENCE);\n}\nif (s < slices) {\n");
    fetch(kernel, p, a, b);
    hb_cl_print(&kernel->body, "}\nif (s > 0) {\n");
    write_multiply(kernel, hb_cl_type(p->step->out[0].dtype), t);
    hb_cl_print(&kernel->body, "}\n}\n");
}

/* y[at + row step] for the rows and columns that exist; `place` says where column n begins. */
static void write_result(hb_cl_kernel *kernel, const char *type, tiling t, const char *rows,
                         const char *columns, const char *place, const char *step) {
    static const char part[4] = "xyzw";
    int across = t.columns / t.item_columns, down = t.rows / t.item_rows, wide = t.item_columns / 4;
    hb_cl_print(&kernel->body, "#pragma unroll\nfor (int j = 0; j < %d; j++) {\nhb_index at[4];\n",
                wide);
    hb_cl_print(&kernel->body,
                "#pragma unroll\nfor (int e = 0; e < 4; e++) {\n"
                "const hb_index n = column + 4 * (tx + j * %d) + e;\n"
                "at[e] = n < %s ? %s : -1;\n}\n",
                across, columns, place);
    hb_cl_print(&kernel->body,
                "#pragma unroll\nfor (int r = 0; r < %d; r++) {\n"
                "const hb_index m = row + 4 * (ty + r / 4 * %d) + r %% 4;\n"
                "if (m >= %s) continue;\n"
                "const %s4 v = acc[r * %d + j];\n",
                t.item_rows, down, rows, type, wide);
    for (int e = 0; e < 4; e++)
        hb_cl_print(&kernel->body, "if (at[%d] >= 0) y[at[%d] + m * %s] = v.%c;\n", e, e, step,
                    part[e]);
    hb_cl_print(&kernel->body, "}\n}\n");
}

/* ---- CONV and CONV_INPUT ---- */

static void write_gather_fetch(hb_cl_kernel *kernel, const hb_cl_conv *p, spread a, spread b) {
    hb_cl_print(&kernel->body, "global const %s *w = b + (t0 * k1 + t1) * k2 + t2;\n",
                hb_cl_type(p->step->out[0].dtype));
    hb_cl_conv_source(kernel, p);
    hb_cl_print(&kernel->body, "#pragma unroll\nfor (int i = 0; i < %d; i++) {\n",
                DEPTH * a.size / a.items);
    write_place(kernel, a, "k", "n");
    hb_cl_print(&kernel->body,
                "ra[i] = row + n < rows && c + k < depth ? w[n * ai + (c + k) * ak] : 0;\n}\n");
    hb_cl_print(&kernel->body, "#pragma unroll\nfor (int i = 0; i < %d; i++) {\n",
                DEPTH * b.size / b.items);
    write_place(kernel, b, "k", "n");
    hb_cl_print(&kernel->body,
                "rb[i] = mine < total && f >= 0 && c + k < depth ? a[(c + k) * plane + f] : 0;\n}\n"
                "c += %d;\n"
                "if (c >= depth) {\nc = 0;\n"
                "if (++t2 == k2) {\nt2 = 0;\nif (++t1 == k1) {\nt1 = 0;\nt0++;\n}\n}\n}\n",
                DEPTH);
}

static void write_gather(hb_cl_kernel *kernel, const hb_cl_conv *p, tiling t) {
    const char *type = hb_cl_type(p->step->out[0].dtype);
    int items = items_of(t);
    hb_cl_conv_operands(kernel, p);
    hb_cl_conv_roles(kernel, p);
    write_tile(kernel, type, t);
    hb_cl_print(&kernel->body,
                "const hb_index group = (hb_index)get_group_id(2), total = batch * points;\n"
                "const hb_index mine = column + l %% %d, image = mine / points;\n"
                "const hb_index point = mine - image * points;\n",
                t.columns);
    hb_cl_conv_point(kernel, p, "point");
    hb_cl_print(&kernel->body,
                "a += (image * groups + group) * depth * plane;\n"
                "b += group * outer * inner * taps + row * ai;\n"
                "const hb_index slices = (depth + %d) / %d * taps;\n"
                "hb_index t0 = 0, t1 = 0, t2 = 0, c = 0;\n",
                DEPTH - 1, DEPTH);
    spread a = {t.rows, items, p->step->kind == HB_CONV}, b = {t.columns, items, false};
    write_slices(kernel, p, t, a, b, write_gather_fetch);
    write_result(kernel, type, t, "rows", "total",
                 "(n / points * groups + group) * rows * points + n % points", "points");
}

/* ---- CONV_WEIGHT ---- */

static void write_weight_fetch(hb_cl_kernel *kernel, const hb_cl_conv *p, spread a, spread b) {
    (void)p;
    hb_cl_print(&kernel->body,
                "const bool there = z < end;\n"
                "global const %s *dy = b + (image * groups * outer + row) * outs + point;\n"
                "global const %s *from = a + image * groups * inner * ins;\n"
                "#pragma unroll\nfor (int i = 0; i < %d; i++) {\n",
                hb_cl_type(p->step->out[0].dtype), hb_cl_type(p->step->out[0].dtype),
                DEPTH * a.size / a.items);
    write_place(kernel, a, "k", "n");
    hb_cl_print(&kernel->body, "ra[i] = there && row + n < outer ? dy[n * outs] : 0;\n}\n"
                               "const hb_index p0 = q0 * s0, p1 = q1 * s1, p2 = q2 * s2;\n");
    hb_cl_print(&kernel->body,
                "#pragma unroll\nfor (int i = 0; i < %d; i++) {\n"
                "const hb_index f0 = p0 + u0[i], f1 = p1 + u1[i], f2 = p2 + u2[i];\n"
                "const bool in = there && base[i] >= 0 && f0 >= 0 && f0 < n0 && f1 >= 0 && "
                "f1 < n1 && f2 >= 0 && f2 < n2;\n"
                "rb[i] = in ? from[base[i] + (f0 * n1 + f1) * n2 + f2] : 0;\n}\n",
                DEPTH * b.size / b.items);
    /* The next place: DEPTH further, in the same image or the ones after it. */
    hb_cl_print(&kernel->body,
                "z += %d;\npoint += %d;\nq2 += %d;\n"
                "while (q2 >= m2) {\nq2 -= m2;\nq1++;\n}\n"
                "while (q1 >= m1) {\nq1 -= m1;\nq0++;\n}\n"
                "while (q0 >= m0) {\nq0 -= m0;\nimage++;\npoint -= outs;\n}\n",
                DEPTH, DEPTH, DEPTH);
}

static void write_weight(hb_cl_kernel *kernel, const hb_cl_conv *p, tiling t) {
    const char *type = hb_cl_type(p->step->out[0].dtype);
    int items = items_of(t), each = DEPTH * t.columns / items;
    hb_cl_conv_operands(kernel, p);
    hb_cl_index_param(kernel, "parts", p->parts);
    write_tile(kernel, type, t);
    hb_cl_print(&kernel->body,
                "const hb_index width = inner * taps, total = batch * outs;\n"
                "const hb_index part = (hb_index)get_group_id(2) / groups;\n"
                "const hb_index group = (hb_index)get_group_id(2) %% groups;\n"
                "const hb_index count = (total + parts - 1) / parts, first = part * count;\n"
                "const hb_index end = min(first + count, total);\n"
                "const hb_index slices = end > first ? (end - first + %d) / %d : 0;\n"
                "a += group * inner * ins;\nb += group * outer * outs;\n"
                "hb_index z = first + l %% %d, image = z / outs, point = z - image * outs;\n"
                "hb_index q2 = point %% m2, q1 = point / m2 %% m1, q0 = point / m2 / m1;\n"
                "hb_index base[%d], u0[%d], u1[%d], u2[%d];\n"
                "#pragma unroll\nfor (int i = 0; i < %d; i++) {\n",
                DEPTH - 1, DEPTH, DEPTH, each, each, each, each, each);
    spread a = {t.rows, items, true}, b = {t.columns, items, true};
    write_place(kernel, b, "k", "n");
    hb_cl_print(&kernel->body, "const hb_index j = column + n;\n"
                               "base[i] = j < width ? j / taps * ins : -1;\n"
                               "u2[i] = j %% k2 * d2 - e2;\nu1[i] = j / k2 %% k1 * d1 - e1;\n"
                               "u0[i] = j / k2 / k1 %% k0 * d0 - e0;\n}\n");
    write_slices(kernel, p, t, a, b, write_weight_fetch);
    hb_cl_print(&kernel->body, "y += (part * groups + group) * outer * width;\n");
    write_result(kernel, type, t, "outer", "width", "n", "width");
}

void hb_cl_conv_tiled(const hb_device *device, hb_cl_launch *launch, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    bool weight = p->step->kind == HB_CONV_WEIGHT;
    tiling t = tiling_of(device, p);
    int items = items_of(t);
    launch->source.group = (size_t)items;
    if (weight) write_weight(&launch->source, p, t);
    else write_gather(&launch->source, p, t);
    int64_t columns = p->columns * (weight ? 1 : c->batch);
    hb_cl_range(launch, divide_up(columns, t.columns) * items, (size_t)items);
    launch->rank = 3;
    launch->global[1] = (size_t)divide_up(p->rows, t.rows);
    launch->global[2] = (size_t)(c->groups * p->parts);
}
