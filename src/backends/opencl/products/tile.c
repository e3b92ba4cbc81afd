/* Tiled products' text: see tile.h. */
#include "tile.h"

/* Rows of a slice are longer than the tile, so that a column does not fall into one bank. */
enum { PAD = 4, MOST_PARTS = 512, SUM_GROUP = 256, MOST_LANES = 16, ITEMS_A_UNIT = 512 };

static int across(hb_cl_tile t) { return t.columns / t.item_columns; }
static int down(hb_cl_tile t) { return t.rows / t.item_rows; }
int hb_cl_tile_items(hb_cl_tile t) { return across(t) * down(t); }

bool hb_cl_tile_fits(const hb_device *device, hb_cl_tile t, hebb_dtype dtype) {
    size_t numbers = (size_t)(HB_CL_DEPTH * (t.rows + t.columns + 2 * PAD));
    return device->max_group >= (size_t)hb_cl_tile_items(t) &&
           numbers * hebb_dtype_size(dtype) <= device->local_bytes;
}

int64_t hb_cl_tile_parts(const hb_device *device, int64_t tiles, int64_t depth) {
    if (tiles < 1) return 1;
    /* A part's slices, at least: its first loads, and the sum after it, take longer than a few. */
    const int64_t units = device->info.units, least = 16 * tiles <= units ? 4 : 8;
    int64_t parts = hb_min(3 * units / tiles, depth / (least * HB_CL_DEPTH));
    parts = hb_min(parts, MOST_PARTS);
    return parts > 1 ? parts : 1;
}

int hb_cl_tile_fetched(hb_cl_spread s) { return HB_CL_DEPTH * s.size / s.items; }

void hb_cl_tile_begin(hb_cl_kernel *kernel, hebb_dtype dtype, hb_cl_tile t) {
    const char *type = hb_cl_type(dtype);
    int items = hb_cl_tile_items(t), results = t.item_rows * t.item_columns;
    kernel->group = (size_t)items;
    hb_cl_local_array(kernel, "as", dtype, HB_CL_DEPTH * (t.rows + PAD));
    hb_cl_local_array(kernel, "bs", dtype, HB_CL_DEPTH * (t.columns + PAD));
    hb_cl_print(&kernel->body,
                "const int l = (int)HB_LOCAL, tx = l %% %d, ty = l / %d;\n"
                "const hb_index row = (hb_index)HB_GROUP(1) * %d;\n"
                "const hb_index column = (hb_index)HB_GROUP(0) * %d;\n"
                "%s ra[%d], rb[%d], acc[%d];\n"
                "#pragma unroll\nfor (int e = 0; e < %d; e++) acc[e] = 0;\n",
                across(t), across(t), t.rows, t.columns, type, HB_CL_DEPTH * t.rows / items,
                HB_CL_DEPTH * t.columns / items, results, results);
}

void hb_cl_tile_fetch(hb_cl_kernel *kernel, hb_cl_spread s) {
    hb_cl_print(&kernel->body, "#pragma unroll\nfor (int i = 0; i < %d; i++) {\n",
                hb_cl_tile_fetched(s));
    if (s.along_depth)
        hb_cl_print(&kernel->body, "const int k = l %% %d, n = l / %d + i * %d;\n", HB_CL_DEPTH,
                    HB_CL_DEPTH, s.items / HB_CL_DEPTH);
    else
        hb_cl_print(&kernel->body, "const int k = l / %d + i * %d, n = l %% %d;\n", s.size,
                    s.items / s.size, s.size);
}

static void keep(hb_cl_kernel *kernel, hb_cl_spread s, const char *from, const char *to) {
    hb_cl_tile_fetch(kernel, s);
    hb_cl_print(&kernel->body, "%s[k * %d + n] = ", to, s.size + PAD);
    if (s.zero != NULL) hb_cl_print(&kernel->body, "%s ? 0 : ", s.zero);
    hb_cl_print(&kernel->body, "%s[i];\n}\n", from);
}

/* acc += the slices' product. Indices of registers are numbers in the text: compilers that unroll
   late would leave acc in memory. */
static void multiply(hb_cl_kernel *kernel, const char *type, hb_cl_tile t) {
    static const char part[4] = "xyzw";
    const bool many = t.item_rows * t.item_columns > 32;
    hb_cl_print(&kernel->body, "#pragma unroll%s\nfor (int k = 0; k < %d; k++) {\n",
                many ? " 4" : "", HB_CL_DEPTH);
    for (int j = 0; j < t.item_columns / 4; j++)
        hb_cl_print(&kernel->body,
                    "const %s4 v%d = *(local const %s4 *)(bs + k * %d + 4 * (tx + %d));\n", type, j,
                    type, t.columns + PAD, j * across(t));
    for (int i = 0; i < t.item_rows / 4; i++)
        hb_cl_print(&kernel->body,
                    "const %s4 u%d = *(local const %s4 *)(as + k * %d + 4 * (ty + %d));\n", type, i,
                    type, t.rows + PAD, i * down(t));
    for (int r = 0; r < t.item_rows; r++)
        for (int c = 0; c < t.item_columns; c++)
            hb_cl_print(&kernel->body, "acc[%d] += u%d.%c * v%d.%c;\n", r * t.item_columns + c,
                        r / 4, part[r % 4], c / 4, part[c % 4]);
    hb_cl_print(&kernel->body, "}\n");
}

void hb_cl_tile_multiply(hb_cl_kernel *kernel, hebb_dtype dtype, hb_cl_tile t, hb_cl_spread a,
                         hb_cl_spread b, hb_cl_fetch *fetch, const void *product) {
    hb_cl_print(&kernel->body, "for (hb_index s = 0; s <= slices; s++) {\n"
                               "if (s > 0) {\nbarrier(CLK_LOCAL_MEM_FENCE);\n");
    keep(kernel, a, "ra", "as");
    keep(kernel, b, "rb", "bs");
    hb_cl_print(&kernel->body, "barrier(CLK_LOCAL_MEM_FENCE);\n}\nif (s < slices) {\n");
    fetch(kernel, product, a, b);
    hb_cl_print(&kernel->body, "}\nif (s > 0) {\n");
    multiply(kernel, hb_cl_type(dtype), t);
    hb_cl_print(&kernel->body, "}\n}\n");
}

void hb_cl_tile_results(hb_cl_kernel *kernel, hb_cl_tile t, const char *m, const char *n) {
    hb_cl_print(&kernel->body,
                "#pragma unroll\nfor (int e = 0; e < %d; e++) {\n"
                "const hb_index %s = row + 4 * (ty + e / %d * %d) + e / %d %% 4;\n"
                "const hb_index %s = column + 4 * (tx + e %% %d / 4 * %d) + e %% 4;\n",
                t.item_rows * t.item_columns, m, 4 * t.item_columns, down(t), t.item_columns, n,
                t.item_columns, across(t));
}

/* ---- the sum of parts ---- */

int hb_cl_sum_lanes(const hb_device *device, int64_t elements, int64_t parts) {
    const int64_t wanted = ITEMS_A_UNIT * (int64_t)device->info.units;
    int lanes = 1;
    if (device->lanes || device->max_group < SUM_GROUP) return lanes;
    while (lanes < MOST_LANES && 4 * lanes < parts && elements * lanes < wanted) lanes *= 2;
    return lanes;
}

/* An item sums every lanes-th part, its neighbors those of other elements; the first lane adds up
   what the others have. */
void hb_cl_sum_parts(hb_cl_kernel *kernel, hebb_dtype dtype, int lanes, const char *name,
                     const char *end, const char *at, const char *apart) {
    const char *type = hb_cl_type(dtype);
    const int width = SUM_GROUP / lanes;
    if (lanes == 1)
        hb_cl_print(&kernel->body,
                    "const hb_index %s = (hb_index)HB_ITEM(0);\nconst int lane = 0;\n", name);
    else {
        kernel->group = SUM_GROUP;
        hb_cl_local_array(kernel, "shared", dtype, SUM_GROUP);
        hb_cl_print(&kernel->body,
                    "const int l = (int)HB_LOCAL, lane = l / %d;\n"
                    "const hb_index %s = (hb_index)HB_GROUP(0) * %d + l %% %d;\n",
                    width, name, width, width);
    }
    hb_cl_print(&kernel->body,
                "%s sum = 0;\nif (%s < %s) {\n#pragma unroll 4\n"
                "for (hb_index part = lane; part < parts; part += %d)\n"
                "sum += sums[%s + part * %s];\n}\n",
                type, name, end, lanes, at, apart);
    if (lanes > 1)
        hb_cl_print(&kernel->body,
                    "shared[l] = sum;\nbarrier(CLK_LOCAL_MEM_FENCE);\n"
                    "if (lane == 0)\nfor (int p = 1; p < %d; p++) sum += shared[p * %d + l];\n",
                    lanes, width);
    hb_cl_print(&kernel->body, "if (lane == 0 && %s < %s) {\n", name, end);
}

void hb_cl_sum_range(const hb_device *device, hb_cl_launch *launch, int lanes, int64_t elements,
                     int64_t y, int64_t z) {
    if (lanes == 1) {
        hb_cl_range_rows(launch, elements, device->max_group < 64 ? 1 : 64, y, z);
        return;
    }
    const int64_t groups = hb_ceil_div(elements, SUM_GROUP / lanes);
    hb_cl_range_rows(launch, groups * SUM_GROUP, SUM_GROUP, y, z);
}
