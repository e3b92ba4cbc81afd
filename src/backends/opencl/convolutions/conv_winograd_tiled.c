/* Convolutions of 3 x 3 filters on GPUs by Winograd's minimal filtering, F(2 x 2, 3 x 3): 16
   products of transforms instead of the 36 multiplications of four places. Called by conv.c.

   A group makes SIDE rows by SIDE columns of all 16 products. Slices of DEPTH pass through local
   memory, transformed on their way there, and nothing that is transformed is ever stored but the
   weights, by a kernel of their own. CONV and CONV_INPUT: rows are the result's channels, columns
   are tiles of 2 x 2 places, the depth is the source's channels. CONV_WEIGHT: rows and columns are
   channels, the depth is tiles; it is cut into parts, which conv.c's second kernel adds.

   The 32 items side by side make two of the 16 products, each item eight rows by four columns of
   both; in the end the products change hands through local memory, and each item turns two rows
   of a column back at a time. */
#include "../../winograd_choice.h"
#include "conv.h"

enum {
    PLANES = 16, /* elements of a tile's transform */
    SIDE = 32,
    DEPTH = 8,
    ITEMS = 256,
    ROWS = 8, /* an item's, in blocks of four that lie half a side apart */
    COLUMNS = 4,
    SLICE = PLANES * DEPTH * SIDE,
    LEAST_SLICES = 4, /* of a part */
    MOST_PARTS = 512
};

static bool is_weight(const hb_cl_conv *p) { return p->step->kind == HB_CONV_WEIGHT; }

/* Of a group's images. */
static int64_t tiles_of(const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    const int64_t *to = p->step->kind == HB_CONV_INPUT ? c->in : c->out;
    return c->batch * hb_ceil_div(to[1], 2) * hb_ceil_div(to[2], 2);
}

/* 3 x 3, strides and dilation of 1, f32, and a device with the items and the local memory. */
bool hb_cl_conv_winograd_tiled_can(const hb_device *device, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    if (device->lanes || p->step->out[0].dtype != HEBB_F32 || device->max_group < ITEMS ||
        device->local_bytes < 2 * SLICE * sizeof(float))
        return false;
    if (c->in[0] != 1 || c->out[0] != 1 || c->before[0] != 0 || c->kernel[0] != 1 ||
        c->kernel[1] != 3 || c->kernel[2] != 3)
        return false;
    for (int d = 0; d < 3; d++)
        if (c->stride[d] != 1 || (d > 0 && c->dilation[d] != 1) || c->in[d] < 1 || c->out[d] < 1)
            return false;
    return c->batch > 0 && c->groups > 0 && c->in_channels > 0 && c->out_channels > 0;
}

/* u[group][rows / SIDE][channels / DEPTH][plane][channel][row] */
int64_t hb_cl_conv_winograd_tiled_elements(const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    if (is_weight(p)) return p->parts > 1 ? p->parts * hb_cl_conv_weights(c) : 0;
    const int64_t depth = p->step->kind == HB_CONV ? c->in_channels : c->out_channels;
    return c->groups * hb_ceil_div(p->rows, SIDE) * hb_ceil_div(depth, DEPTH) * SLICE;
}

/* How much more than asked for is computed where sizes are filled up to whole tiles and slices. */
static double filled(int64_t size, int64_t unit) {
    return (double)(hb_ceil_div(size, unit) * unit) / (double)size;
}

/* On an H200 the tiled kernels took 1.7 times as long for channels and images that fill all tiles
   of both, and 1.3 times for CONV_WEIGHT. */
bool hb_cl_conv_winograd_tiled_pays(const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    const int64_t *to = p->step->kind == HB_CONV_INPUT ? c->in : c->out;
    const int64_t depth = p->step->kind == HB_CONV_INPUT ? c->out_channels : c->in_channels;
    const int64_t bytes = hb_cl_conv_winograd_tiled_elements(p) * (int64_t)sizeof(float);
    const double places = filled(to[1], 2) * filled(to[2], 2) * filled(tiles_of(p), SIDE);
    const double rows = filled(p->rows, SIDE), tiled_rows = filled(p->rows, p->rows > 32 ? 64 : 32);
    if (!is_weight(p) && hb_winograd_is_wasteful(c, bytes)) return false;
    if (is_weight(p))
        return places * rows * filled(depth, SIDE) < 1.3 * tiled_rows * filled(p->columns, 64);
    return places * rows * filled(depth, DEPTH) < 1.5 * tiled_rows * filled(depth, 16);
}

int64_t hb_cl_conv_winograd_tiled_parts(const hb_device *device, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    const int64_t blocks =
        hb_ceil_div(c->out_channels, SIDE) * hb_ceil_div(c->in_channels, SIDE) * c->groups;
    const int64_t parts =
        hb_min((int64_t)device->info.units / blocks, tiles_of(p) / (LEAST_SLICES * DEPTH));
    return hb_max(1, hb_min(parts, MOST_PARTS));
}

/* ---- text of all kernels ---- */

/* us and vs, slices of rows and of columns; the item's place. */
static void write_begin(hb_cl_kernel *kernel) {
    kernel->group = ITEMS;
    hb_cl_local_array(kernel, "us", HEBB_F32, SLICE);
    hb_cl_local_array(kernel, "vs", HEBB_F32, SLICE);
    hb_cl_print(&kernel->body,
                "const int l = (int)HB_LOCAL, lane = l %% 32, pair = l / 32;\n"
                "const int tx = lane / 2 %% 8, ty = lane %% 2 + lane / 16 * 2;\n"
                "float acc[%d], d[%d];\n"
                "#pragma unroll\nfor (int e = 0; e < %d; e++) acc[e] = 0;\n",
                2 * ROWS * COLUMNS, PLANES, 2 * ROWS * COLUMNS);
}

/* d, a tile's 4 x 4 places of an image, transformed and stored at vs + `to`. */
static void write_image(hb_cl_kernel *kernel, const char *to) {
    for (int j = 0; j < 4; j++)
        hb_cl_print(&kernel->body,
                    "const float p0%d = d[%d] - d[%d], p1%d = d[%d] + d[%d], "
                    "p2%d = d[%d] - d[%d], p3%d = d[%d] - d[%d];\n",
                    j, j, 8 + j, j, 4 + j, 8 + j, j, 8 + j, 4 + j, j, 4 + j, 12 + j);
    for (int i = 0; i < 4; i++) {
        const int next = DEPTH * SIDE, at = 4 * i * next;
        hb_cl_print(&kernel->body,
                    "vs[%d + %s] = p%d0 - p%d2;\nvs[%d + %s] = p%d1 + p%d2;\n"
                    "vs[%d + %s] = p%d2 - p%d1;\nvs[%d + %s] = p%d1 - p%d3;\n",
                    at, to, i, i, at + next, to, i, i, at + 2 * next, to, i, i, at + 3 * next, to,
                    i, i);
    }
}

/* d = the places whose bits are set in `mask`, the first of them at `from`, rows `width` apart. */
static void write_places(hb_cl_kernel *kernel, const char *width) {
    for (int e = 0; e < PLANES; e++)
        hb_cl_print(&kernel->body, "d[%d] = mask & %d ? from[%d * %s + %d] : 0;\n", e, 1 << e,
                    e / 4, width, e % 4);
}

/* acc += the slices' products. CONV_WEIGHT's slices are written along their depth: there depth k
   has its blocks of four in an order of its own, so that what is written side by side falls into
   different banks. Indices of registers are numbers in the text: compilers that unroll late would
   leave acc in memory. */
static void write_multiply(hb_cl_kernel *kernel, bool weight) {
    static const char part[4] = "xyzw";
    const char *turn = weight ? " ^ 4 * k" : "";
    hb_cl_print(&kernel->body, "#pragma unroll%s\nfor (int k = 0; k < %d; k++) {\n",
                weight ? "" : " 1", DEPTH);
    for (int plane = 0; plane < 2; plane++) {
        hb_cl_print(&kernel->body,
                    "{\nconst int at = ((2 * pair + %d) * %d + k) * %d;\n"
                    "const float4 v = *(local const float4 *)(vs + at + (4 * tx%s));\n"
                    "const float4 u0 = *(local const float4 *)(us + at + (4 * ty%s));\n"
                    "const float4 u1 = *(local const float4 *)(us + at + (4 * ty + %d%s));\n",
                    plane, DEPTH, SIDE, turn, turn, SIDE / 2, turn);
        for (int e = 0; e < ROWS * COLUMNS; e++)
            hb_cl_print(&kernel->body, "acc[%d] += u%d.%c * v.%c;\n", plane * ROWS * COLUMNS + e,
                        e / 16, part[e / 4 % 4], part[e % 4]);
        hb_cl_print(&kernel->body, "}\n");
    }
    hb_cl_print(&kernel->body, "}\n");
}

/* Half of the rows of all products, from acc to local memory; opens a loop over the rows n that an
   item turns back, whose elements g00 to g33 it declares. */
static void write_exchange(hb_cl_kernel *kernel, int half) {
    const int plane = SIDE / 2 * SIDE;
    hb_cl_print(&kernel->body,
                "barrier(CLK_LOCAL_MEM_FENCE);\n{\n"
                "local float *const to = (pair < 4 ? us : vs) + pair %% 4 * %d + 4 * tx;\n",
                2 * plane);
    for (int r = 0; r < 8; r++) {
        const int e = (r / 4 * ROWS + 4 * half + r % 4) * COLUMNS;
        hb_cl_print(&kernel->body,
                    "*(local float4 *)(to + %d + (4 * ty + %d) * %d) = (float4)(acc[%d], acc[%d], "
                    "acc[%d], acc[%d]);\n",
                    r / 4 * plane, r % 4, SIDE, e, e + 1, e + 2, e + 3);
    }
    hb_cl_print(&kernel->body,
                "}\nbarrier(CLK_LOCAL_MEM_FENCE);\n"
                "#pragma unroll\nfor (int z = 0; z < 2; z++) {\nconst int n = pair + 8 * z;\n");
    for (int e = 0; e < PLANES; e++)
        hb_cl_print(&kernel->body, "const float g%d%d = %s[%d + n * %d + lane];\n", e / 4, e % 4,
                    e < 8 ? "us" : "vs", e % 8 * plane, SIDE);
}

/* ---- CONV and CONV_INPUT ---- */

/* Where the transformed weights begin. */
static int64_t transformed_at(const hb_cl_conv *p) {
    return p->step->scratch_offset / (int64_t)sizeof(float);
}

static bool is_wide(const hb_cl_conv *p) {
    const int64_t end = transformed_at(p) + hb_cl_conv_winograd_tiled_elements(p);
    return hb_cl_conv_is_wide(p) || end > INT32_MAX - (1 << 20);
}

static void write_slices(hb_cl_kernel *kernel) {
    hb_cl_print(&kernel->body,
                "const hb_index slices = (depth + %d) / %d, blocks = (rows + %d) / %d;\n",
                DEPTH - 1, DEPTH, SIDE - 1, SIDE);
}

/* An item transforms the 3 x 3 weights of a row and a channel; those past the ends are zeros. */
static bool add_weights(hb_prepared *prepared, const hb_cl_conv *p) {
    hb_cl_launch *launch = hb_cl_launch_add(prepared, p->step);
    if (launch == NULL) return false;
    launch->prepares = true;
    hb_cl_kernel *kernel = &launch->source;
    const bool backwards = p->step->kind == HB_CONV_INPUT;
    const int64_t depth = backwards ? p->conv->out_channels : p->conv->in_channels;
    const int64_t row = backwards ? 9 : 9 * depth, channel = backwards ? 9 * p->rows : 9;
    kernel->wide = is_wide(p);
    hb_cl_need(kernel, HB_CL_SCALAR, HEBB_F32);
    hb_cl_buffer_param(kernel, "w", p->step->in[1].buffer, HEBB_F32, false);
    hb_cl_index_param(kernel, "ow", p->step->in[1].offset);
    hb_cl_index_param(kernel, "rows", p->rows);
    hb_cl_index_param(kernel, "depth", depth);
    hb_cl_index_param(kernel, "wi", row);
    hb_cl_index_param(kernel, "wk", channel);
    hb_cl_buffer_param(kernel, "s", p->step->scratch_buffer, HEBB_F32, true);
    hb_cl_index_param(kernel, "os", transformed_at(p));
    write_slices(kernel);
    hb_cl_print(&kernel->body,
                "const hb_index row = (hb_index)HB_ITEM(0), c = (hb_index)HB_ITEM(1);\n"
                "const hb_index group = (hb_index)HB_ITEM(2);\n"
                "if (row >= blocks * %d) return;\n"
                "const bool in = row < rows && c < depth;\n"
                "w += ow + group * rows * depth * 9 + (in ? row * wi + c * wk : 0);\n"
                "s += os + ((group * blocks + row / %d) * slices + c / %d) * %d + c %% %d * %d + "
                "row %% %d;\n"
                "float t[12];\n#pragma unroll\nfor (int j = 0; j < 3; j++) {\n"
                "const float g0 = in ? w[%d] : 0, g1 = in ? w[%d] : 0, g2 = in ? w[%d] : 0;\n"
                "t[j] = g0;\nt[3 + j] = 0.5f * (g0 + g1 + g2);\n"
                "t[6 + j] = 0.5f * (g0 - g1 + g2);\nt[9 + j] = g2;\nw += %d;\n}\n",
                SIDE, SIDE, DEPTH, SLICE, DEPTH, SIDE, SIDE, backwards ? 8 : 0, backwards ? 5 : 3,
                backwards ? 2 : 6, backwards ? -1 : 1);
    hb_cl_print(&kernel->body,
                "#pragma unroll\nfor (int i = 0; i < 4; i++, s += %d) {\n"
                "const float x = t[3 * i], y = t[3 * i + 1], z = t[3 * i + 2];\n"
                "s[0] = x;\ns[%d] = 0.5f * (x + y + z);\ns[%d] = 0.5f * (x - y + z);\ns[%d] = z;\n"
                "}\n",
                4 * DEPTH * SIDE, DEPTH * SIDE, 2 * DEPTH * SIDE, 3 * DEPTH * SIDE);
    hb_cl_range_rows(launch, hb_ceil_div(p->rows, SIDE) * SIDE, SIDE,
                     hb_ceil_div(depth, DEPTH) * DEPTH, p->conv->groups);
    return true;
}

/* The item's tile, `lane` of the group's, and which of its source's places there are; `pair` is its
   channel. */
static void write_tile(hb_cl_kernel *kernel, bool forward) {
    hb_cl_print(&kernel->body,
                "const hb_index high = %s1, wide = %s2, down = %s1, over = %s2;\n"
                "const hb_index top = %s, left = %s;\n",
                forward ? "n" : "m", forward ? "n" : "m", forward ? "m" : "n", forward ? "m" : "n",
                forward ? "e1" : "2 - e1", forward ? "e2" : "2 - e2");
    hb_cl_print(
        &kernel->body,
        "const hb_index tiles2 = (over + 1) / 2, tiles1 = (down + 1) / 2, group = "
        "(hb_index)HB_GROUP(2);\n"
        "const hb_index tile = (hb_index)HB_GROUP(0) * %d + lane, image = tile / tiles2 / tiles1;\n"
        "const hb_index q1 = tile / tiles2 %% tiles1 * 2, q2 = tile %% tiles2 * 2;\n"
        "const hb_index f1 = q1 - top, f2 = q2 - left;\n"
        "const bool there = image < batch;\n"
        "int across = 0, places = 0;\n#pragma unroll\n"
        "for (int j = 0; j < 4; j++) across |= f2 + j >= 0 && f2 + j < wide ? 1 << j : 0;\n"
        "#pragma unroll\n"
        "for (int i = 0; i < 4; i++)\n"
        "places |= there && f1 + i >= 0 && f1 + i < high ? across << 4 * i : 0;\n"
        "global const float *from =\n"
        "a + ((image * groups + group) * depth + pair) * plane + f1 * wide + f2;\n"
        "b += (group * blocks + (hb_index)HB_GROUP(1)) * slices * %d + 4 * l;\n",
        SIDE, SLICE);
}

static void write_back(hb_cl_kernel *kernel, int half) {
    write_exchange(kernel, half);
    for (int j = 0; j < 4; j++)
        hb_cl_print(&kernel->body,
                    "const float h0%d = g0%d + g1%d + g2%d, h1%d = g1%d - g2%d - g3%d;\n", j, j, j,
                    j, j, j, j, j);
    hb_cl_print(&kernel->body,
                "const hb_index row = (hb_index)HB_GROUP(1) * %d + %d + n;\n"
                "if (there && row < rows) {\n"
                "global float *to = y + (((image * groups + group) * rows + row) * down + q1) * "
                "over + q2;\n"
                "to[0] = h00 + h01 + h02;\n"
                "if (q2 + 1 < over) to[1] = h01 - h02 - h03;\n"
                "if (q1 + 1 < down) {\n"
                "to[over] = h10 + h11 + h12;\n"
                "if (q2 + 1 < over) to[over + 1] = h11 - h12 - h13;\n}\n}\n}\n",
                SIDE, half * SIDE / 2);
}

/* Its b are the transformed weights. */
static bool add_products(hb_prepared *prepared, const hb_cl_conv *p) {
    hb_cl_launch *launch = hb_cl_launch_add(prepared, p->step);
    if (launch == NULL) return false;
    hb_cl_kernel *kernel = &launch->source;
    hb_operand in[2] = {p->step->in[0], p->step->in[1]};
    in[1].buffer = p->step->scratch_buffer;
    in[1].offset = transformed_at(p);
    hb_step step = *p->step;
    step.in = in;
    hb_cl_conv products = *p;
    products.step = &step;
    hb_cl_conv_operands(kernel, &products);
    kernel->wide = is_wide(p);
    hb_cl_conv_roles(kernel, p);
    write_slices(kernel);
    write_begin(kernel);
    write_tile(kernel, p->step->kind == HB_CONV);
    hb_cl_print(&kernel->body, "for (hb_index z = 0; z <= slices; z++) {\n"
                               "if (z > 0) {\nbarrier(CLK_LOCAL_MEM_FENCE);\n");
    write_image(kernel, "l");
    for (int i = 0; i < SLICE; i += 4 * ITEMS)
        hb_cl_print(&kernel->body,
                    "*(local float4 *)(us + %d + 4 * l) = *(global const float4 *)(b + %d);\n", i,
                    i);
    hb_cl_print(&kernel->body,
                "b += %d;\nbarrier(CLK_LOCAL_MEM_FENCE);\n}\n"
                "if (z < slices) {\n"
                "const int mask = z * %d + pair < depth ? places : 0;\n",
                SLICE, DEPTH);
    write_places(kernel, "wide");
    hb_cl_print(&kernel->body, "from += %d * plane;\n}\nif (z > 0) {\n", DEPTH);
    write_multiply(kernel, false);
    hb_cl_print(&kernel->body, "}\n}\n");
    for (int half = 0; half < 2; half++) write_back(kernel, half);
    hb_cl_range_rows(launch, hb_ceil_div(tiles_of(p), SIDE) * ITEMS, ITEMS,
                     hb_ceil_div(p->rows, SIDE), p->conv->groups);
    return true;
}

/* ---- CONV_WEIGHT ---- */

/* The item's place in a slice: tile `at`, channel `mine` of both sides. */
static void write_part(hb_cl_kernel *kernel, const hb_cl_conv *p) {
    hb_cl_index_param(kernel, "parts", p->parts);
    hb_cl_print(&kernel->body,
                "const hb_index tiles2 = (m2 + 1) / 2, tiles1 = (m1 + 1) / 2, total = batch * "
                "tiles1 * tiles2;\n"
                "const hb_index group = (hb_index)HB_GROUP(2) %% groups;\n"
                "const hb_index part = (hb_index)HB_GROUP(2) / groups;\n"
                "const hb_index count = ((total + parts - 1) / parts + %d) / %d * %d;\n"
                "const hb_index first = part * count, end = min(first + count, total);\n"
                "const hb_index slices = end > first ? (end - first + %d) / %d : 0;\n"
                "const hb_index row = (hb_index)HB_GROUP(1) * %d;\n"
                "const hb_index column = (hb_index)HB_GROUP(0) * %d;\n",
                DEPTH - 1, DEPTH, DEPTH, DEPTH - 1, DEPTH, SIDE, SIDE);
    hb_cl_print(&kernel->body,
                "const int at = l %% %d, mine = l / %d, put = at * %d + (mine ^ 4 * at);\n"
                "const bool has_row = row + mine < outer, has_column = column + mine < inner;\n"
                "hb_index tile = first + at, image = tile / tiles2 / tiles1;\n"
                "hb_index q1 = tile / tiles2 %% tiles1, q2 = tile %% tiles2;\n"
                "a += (group * inner + column + mine) * ins;\n"
                "b += (group * outer + row + mine) * outs;\n"
                "float g[4];\n",
                DEPTH, DEPTH, SIDE);
}

/* g, a tile's 2 x 2 places of a result's gradient, transformed and stored at us + put. */
static void write_gradient(hb_cl_kernel *kernel) {
    hb_cl_print(&kernel->body, "const float w00 = g[0], w01 = g[1], w10 = g[0] + g[2];\n"
                               "const float w11 = g[1] + g[3], w20 = g[0] - g[2];\n"
                               "const float w21 = g[1] - g[3], w30 = -g[2], w31 = -g[3];\n");
    for (int i = 0; i < 4; i++) {
        const int next = DEPTH * SIDE, to = 4 * i * next;
        hb_cl_print(&kernel->body,
                    "us[%d + put] = w%d0;\nus[%d + put] = w%d0 + w%d1;\n"
                    "us[%d + put] = w%d0 - w%d1;\nus[%d + put] = -w%d1;\n",
                    to, i, to + next, i, i, to + 2 * next, i, i, to + 3 * next, i);
    }
}

static void write_fetch(hb_cl_kernel *kernel) {
    hb_cl_print(&kernel->body,
                "const bool there = tile < end;\n"
                "const hb_index f1 = 2 * q1 - e1, f2 = 2 * q2 - e2;\n"
                "int across = 0, mask = 0;\n#pragma unroll\n"
                "for (int j = 0; j < 4; j++) across |= f2 + j >= 0 && f2 + j < n2 ? 1 << j : 0;\n"
                "across = there && has_column ? across : 0;\n#pragma unroll\n"
                "for (int i = 0; i < 4; i++)\n"
                "mask |= f1 + i >= 0 && f1 + i < n1 ? across << 4 * i : 0;\n"
                "global const float *from = a + image * groups * inner * ins + f1 * n2 + f2;\n");
    write_places(kernel, "n2");
    hb_cl_print(&kernel->body,
                "global const float *dy = b + image * groups * outer * outs + 2 * (q1 * m2 + q2);\n"
                "const bool on = there && has_row, right = on && 2 * q2 + 1 < m2;\n"
                "const bool below = 2 * q1 + 1 < m1;\n"
                "g[0] = on ? dy[0] : 0;\ng[1] = right ? dy[1] : 0;\n"
                "g[2] = on && below ? dy[m2] : 0;\ng[3] = right && below ? dy[m2 + 1] : 0;\n"
                "tile += %d;\nq2 += %d;\n"
                "while (q2 >= tiles2) {\nq2 -= tiles2;\nq1++;\n}\n"
                "while (q1 >= tiles1) {\nq1 -= tiles1;\nimage++;\n}\n",
                DEPTH, DEPTH);
}

static void write_filters(hb_cl_kernel *kernel, int half) {
    write_exchange(kernel, half);
    for (int j = 0; j < 4; j++)
        hb_cl_print(&kernel->body,
                    "const float a%d = 0.5f * (g1%d + g2%d), h0%d = g0%d + a%d;\n"
                    "const float h1%d = 0.5f * (g1%d - g2%d), h2%d = a%d + g3%d;\n",
                    j, j, j, j, j, j, j, j, j, j, j, j);
    hb_cl_print(&kernel->body,
                "const hb_index m = row + %d + n, c = column + lane;\n"
                "if (m < outer && c < inner) {\nglobal float *to = y + (m * inner + c) * 9;\n",
                half * SIDE / 2);
    for (int i = 0; i < 3; i++)
        hb_cl_print(&kernel->body,
                    "const float b%d = 0.5f * (h%d1 + h%d2);\nto[%d] = h%d0 + b%d;\n"
                    "to[%d] = 0.5f * (h%d1 - h%d2);\nto[%d] = b%d + h%d3;\n",
                    i, i, i, 3 * i, i, i, 3 * i + 1, i, i, 3 * i + 2, i, i);
    hb_cl_print(&kernel->body, "}\n}\n");
}

static bool add_sums(hb_prepared *prepared, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    hb_cl_launch *launch = hb_cl_launch_add(prepared, p->step);
    if (launch == NULL) return false;
    hb_cl_kernel *kernel = &launch->source;
    hb_cl_conv_operands(kernel, p);
    write_begin(kernel);
    write_part(kernel, p);
    hb_cl_print(&kernel->body, "for (hb_index z = 0; z <= slices; z++) {\n"
                               "if (z > 0) {\nbarrier(CLK_LOCAL_MEM_FENCE);\n");
    write_image(kernel, "put");
    write_gradient(kernel);
    hb_cl_print(&kernel->body, "barrier(CLK_LOCAL_MEM_FENCE);\n}\nif (z < slices) {\n");
    write_fetch(kernel);
    hb_cl_print(&kernel->body, "}\nif (z > 0) {\n");
    write_multiply(kernel, true);
    hb_cl_print(&kernel->body, "}\n}\ny += (part * groups + group) * outer * inner * 9;\n");
    for (int half = 0; half < 2; half++) write_filters(kernel, half);
    hb_cl_range_rows(launch, hb_ceil_div(c->in_channels, SIDE) * ITEMS, ITEMS,
                     hb_ceil_div(c->out_channels, SIDE), c->groups * p->parts);
    return true;
}

hebb_status hb_cl_conv_winograd_tiled(hb_prepared *prepared, const hb_cl_conv *p, hb_error *error) {
    const bool made = is_weight(p) ? add_sums(prepared, p)
                                   : add_weights(prepared, p) && add_products(prepared, p);
    return made ? HEBB_OK : hb_fail_memory(error, "a launch", sizeof(hb_cl_launch));
}
