/* CONV and CONV_INPUT of 3 x 3 filters on CPUs by Winograd's minimal filtering
   (kernels/winograd.cl). Called by conv.c; the gradient of the weights is conv_winograd_weight.c's.

   A task makes some rows of tiles, of one or several images: all channels of these are transformed,
   then for each panel of tiles and each eight rows of weights the 16 products are made and
   transformed back. A work-item does several tasks one after the other in memory of its own, which
   stays in its core's L2; the weights are transformed before, by a kernel of their own. */
#include "conv_winograd.h"

/* Transformed images that a task keeps in L2; how many tasks there should be, and work-items for
   each core, among which drivers balance. */
enum { IMAGE_BYTES = 384 << 10, MOST_IMAGE_BYTES = 2 << 20, TASKS = 16, ITEMS = 8 };

enum { TILE_ROWS = HB_CL_WINOGRAD_ROWS, PANEL = HB_CL_WINOGRAD_PANEL };

typedef struct layout {
    const hb_conv *conv;
    bool transposed;
    int64_t rows, channels, row_blocks;
    const int64_t *to, *from;       /* sizes of the result and the source */
    int64_t top, left;              /* zeros before the source; fewer than none: left out */
    int64_t tiles_x, tiles_y;       /* of a result */
    int64_t tile_rows, each, tasks; /* of a group; in a task; of a group */
    int64_t items;                  /* that share the tasks of all groups */
    int64_t row, plane;             /* floats of a channel; between planes of a task's images */
    int64_t weights_plane, weights, item; /* floats: between planes; of all weights; of an item */
} layout;

int64_t hb_cl_winograd_odd_lines(int64_t floats) { return (hb_ceil_div(floats, 16) | 1) * 16; }

/* What products read and transforms write of a channel. */
static int64_t row_of(const layout *l, int64_t tile_rows) {
    const int64_t tiles = tile_rows * l->tiles_x;
    return hb_cl_winograd_odd_lines(hb_max(hb_ceil_div(tiles, PANEL) * PANEL, tiles + 15));
}

static int64_t image_bytes(const layout *l, int64_t tile_rows) {
    return HB_CL_WINOGRAD_PLANES * l->channels * row_of(l, tile_rows) * (int64_t)sizeof(float);
}

static double waste(const layout *l, int64_t tile_rows) {
    const int64_t tiles = tile_rows * l->tiles_x;
    return (double)(hb_ceil_div(tiles, PANEL) * PANEL) / (double)tiles;
}

/* Of the numbers of rows that fit, the one with the least waste; a panel's worth if it can be. */
static int64_t rows_of_a_task(const layout *l) {
    const int64_t most = hb_ceil_div(l->tile_rows, hb_ceil_div(TASKS, l->conv->groups));
    int64_t best = 1;
    for (int64_t rows = 2; rows <= l->tile_rows; rows++) {
        const bool little = (rows - 1) * l->tiles_x < PANEL;
        if (image_bytes(l, rows) > (little ? MOST_IMAGE_BYTES : IMAGE_BYTES)) break;
        if (rows > most && !little) break;
        if (waste(l, rows) <= waste(l, best)) best = rows;
    }
    return best;
}

/* 3 x 3, strides and dilation of 1, f32, on a CPU. */
static bool fits(const hb_device *device, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    if (!device->lanes || p->step->out[0].dtype != HEBB_F32 || c->in[0] != 1 || c->out[0] != 1 ||
        c->before[0] != 0 || c->kernel[0] != 1 || c->kernel[1] != 3 || c->kernel[2] != 3)
        return false;
    for (int d = 0; d < 3; d++)
        if (c->stride[d] != 1 || (d > 0 && c->dilation[d] != 1) || c->in[d] < 1 || c->out[d] < 1)
            return false;
    return c->batch > 0 && c->groups > 0 && c->in_channels > 0 && c->out_channels > 0;
}

static layout layout_of(const hb_device *device, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    const bool transposed = p->step->kind == HB_CONV_INPUT;
    layout l = {.conv = c,
                .transposed = transposed,
                .rows = p->rows,
                .channels = transposed ? c->out_channels : c->in_channels,
                .row_blocks = hb_ceil_div(p->rows, TILE_ROWS),
                .to = transposed ? c->in : c->out,
                .from = transposed ? c->out : c->in,
                .top = transposed ? 2 - c->before[1] : c->before[1],
                .left = transposed ? 2 - c->before[2] : c->before[2]};
    l.tiles_y = hb_ceil_div(l.to[1], 2);
    l.tiles_x = hb_ceil_div(l.to[2], 2);
    l.tile_rows = c->batch * l.tiles_y;
    l.each = rows_of_a_task(&l);
    l.tasks = hb_ceil_div(l.tile_rows, l.each);
    l.items = hb_min(l.tasks * c->groups, ITEMS * (int64_t)device->info.units);
    l.row = row_of(&l, l.each);
    l.plane = hb_cl_winograd_odd_lines(l.channels * l.row);
    l.weights_plane = hb_cl_winograd_odd_lines(l.row_blocks * l.channels * TILE_ROWS);
    l.weights = c->groups * HB_CL_WINOGRAD_PLANES * l.weights_plane;
    l.item = HB_CL_WINOGRAD_PLANES * l.plane + HB_CL_WINOGRAD_PLANES * HB_CL_WINOGRAD_PRODUCT;
    return l;
}

bool hb_cl_conv_winograd_can(const hb_device *device, const hb_cl_conv *p) {
    if (!fits(device, p)) return false;
    const int64_t piece = (int64_t)(hb_cl_piece(device) / sizeof(float));
    if (hb_cl_conv_winograd_elements(device, p) > piece) return false;
    if (p->step->kind == HB_CONV_WEIGHT) return true;
    const layout l = layout_of(device, p);
    return image_bytes(&l, l.each) <= MOST_IMAGE_BYTES;
}

/* 16 of 36, and the transforms of an image's tile, used for all rows of weights, of a result's,
   used for all channels, and of the weights, used for all tiles. */
double hb_cl_conv_winograd_cost(const hb_device *device, const hb_cl_conv *p) {
    if (p->step->kind == HB_CONV_WEIGHT) return hb_cl_winograd_weight_cost(p);
    const layout l = layout_of(device, p);
    const double padded = (double)(4 * l.tiles_y * l.tiles_x) / (double)(l.to[1] * l.to[2]);
    const double vectors = (double)(hb_ceil_div(l.tiles_x, 16) * 16) / (double)l.tiles_x;
    const double rows = (double)(l.row_blocks * TILE_ROWS) / (double)l.rows;
    return padded * (waste(&l, l.each) * rows * 16 / 36 + 4 * vectors / (double)l.rows +
                     6 / (double)l.channels) +
           60 / (double)(l.tile_rows * l.tiles_x);
}

int64_t hb_cl_conv_winograd_elements(const hb_device *device, const hb_cl_conv *p) {
    if (p->step->kind == HB_CONV_WEIGHT) return hb_cl_winograd_weight_elements(p);
    const layout l = layout_of(device, p);
    return l.weights + l.items * l.item;
}

hb_cl_launch *hb_cl_winograd_launch(hb_prepared *prepared, const hb_cl_conv *p, int64_t elements) {
    hb_cl_launch *launch = hb_cl_launch_add(prepared, p->step);
    if (launch == NULL) return NULL;
    hb_cl_kernel *kernel = &launch->source;
    const int64_t at = p->step->scratch_offset / (int64_t)sizeof(float);
    hb_cl_conv_operands(kernel, p);
    if (at + elements > INT32_MAX - (1 << 20)) kernel->wide = true;
    hb_cl_need(kernel, HB_CL_GEMM_VECTOR, HEBB_F32);
    hb_cl_need(kernel, HB_CL_WINOGRAD, HEBB_F32);
    hb_cl_buffer_param(kernel, "s", p->step->scratch_buffer, HEBB_F32, true);
    hb_cl_index_param(kernel, "os", at);
    hb_cl_print(&kernel->body, "s += os;\n");
    return launch;
}

void hb_cl_winograd_numbers(hb_cl_kernel *kernel, const hb_cl_number *numbers, size_t n) {
    for (size_t i = 0; i < n; i++) hb_cl_index_param(kernel, numbers[i].name, numbers[i].value);
}

/* u[group][plane][rows / 8][channel][8] */
static bool add_weights(hb_prepared *prepared, const hb_cl_conv *p, const layout *l) {
    hb_cl_launch *launch = hb_cl_winograd_launch(prepared, p, l->weights + l->items * l->item);
    if (launch == NULL) return false;
    hb_cl_kernel *kernel = &launch->source;
    hb_cl_conv_roles(kernel, p);
    hb_cl_index_param(kernel, "blocks", l->row_blocks);
    hb_cl_index_param(kernel, "pitch", l->weights_plane);
    hb_cl_print(
        &kernel->body,
        "const hb_index block = (hb_index)HB_ITEM(0);\n"
        "const hb_index group = (hb_index)HB_ITEM(1), row = block * 8;\n"
        "global const float *g = b + group * outer * inner * taps + row * ai;\n"
        "global float *u = s + group * %d * pitch + block * depth * 8;\n"
        "for (hb_index c = 0; c < depth; c++, g += ak, u += 8) {\n"
        "const int height = (int)min((hb_index)8, rows - row);\n"
        "for (int r = 0; r < height; r++) hb_winograd_filter(g + r * ai, %s, u + r, pitch);\n"
        "for (int r = height; r < 8; r++)\n"
        "for (int e = 0; e < %d; e++) u[r + e * pitch] = 0;\n}\n",
        HB_CL_WINOGRAD_PLANES, l->transposed ? "true" : "false", HB_CL_WINOGRAD_PLANES);
    hb_cl_range_items(launch, l->row_blocks, p->conv->groups, 1);
    return true;
}

/* All channels of a task. Rows of tiles follow each other without gaps: what one writes too much,
   the next one overwrites. What is left of the last panel is zeros, so that no product is made of
   what happens to be there. */
static void write_images(hb_cl_kernel *kernel) {
    hb_cl_print(&kernel->body,
                "for (hb_index c = 0; c < depth; c++) {\n"
                "global float *to = v + c * row;\n"
                "if (tiles %% %d != 0) hb_winograd_clear(to + tiles / %d * %d, vp);\n"
                "for (hb_index r = first; r < last; r++, to += tx) {\n"
                "const hb_index image = (r / ty * groups + group) * depth + c;\n"
                "hb_winograd_images(a, batch * groups * depth * plane, image * plane, (int)high,\n"
                "(int)wide, (int)(r %% ty * 2 - top), (int)left, (int)tx, to, vp);\n}\n}\n",
                PANEL, PANEL, PANEL);
}

/* Results of a panel: tiles side by side in a row of tiles are a run of elements. */
static void write_results(hb_cl_kernel *kernel) {
    hb_cl_print(
        &kernel->body,
        "const hb_index end = min(q + %d, tiles);\n"
        "for (hb_index t = q, n; t < end; t += n) {\n"
        "const hb_index r = first + t / tx, x = t %% tx * 2, z = r %% ty * 2;\n"
        "n = min(tx - t %% tx, end - t);\n"
        "const int count = (int)min(2 * n, over - x);\n"
        "global float *to = y + (((r / ty * groups + group) * rows + block * 8) * down + z) * over "
        "+ x;\n"
        "for (int k = 0; k < height; k++, to += down * over) {\n"
        "hb_winograd_copy(count, line + k * %d + (int)(t - q) * 2, to);\n"
        "if (z + 1 < down)\n"
        "hb_winograd_copy(count, line + k * %d + %d + (int)(t - q) * 2, to + over);\n}\n}\n",
        PANEL, 4 * PANEL, 4 * PANEL, 2 * PANEL);
}

static bool add_tasks(hb_prepared *prepared, const hb_cl_conv *p, const layout *l) {
    hb_cl_launch *launch = hb_cl_winograd_launch(prepared, p, l->weights + l->items * l->item);
    if (launch == NULL) return false;
    hb_cl_kernel *kernel = &launch->source;
    hb_cl_conv_roles(kernel, p);
    const hb_cl_number numbers[] = {{"blocks", l->row_blocks}, {"pitch", l->weights_plane},
                                    {"weights", l->weights},   {"mine", l->item},
                                    {"items", l->items},       {"tasks", l->tasks},
                                    {"each", l->each},         {"row", l->row},
                                    {"vp", l->plane},          {"tx", l->tiles_x},
                                    {"ty", l->tiles_y},        {"top", l->top},
                                    {"left", l->left},         {"high", l->from[1]},
                                    {"wide", l->from[2]},      {"down", l->to[1]},
                                    {"over", l->to[2]}};
    hb_cl_winograd_numbers(kernel, numbers, sizeof numbers / sizeof *numbers);
    hb_cl_print(
        &kernel->body,
        "const hb_index item = (hb_index)HB_ITEM(0), all = groups * tasks;\n"
        "const hb_index share = all / items, more = all %% items;\n"
        "const hb_index begin = item * share + min(item, more);\n"
        "global float *v = s + weights + item * mine, *m = v + %d * vp;\n"
        "float line[%d];\n"
        "for (hb_index i = begin; i < begin + share + (item < more); i++) {\n"
        "const hb_index group = i / tasks, first = i %% tasks * each;\n"
        "const hb_index last = min(first + each, batch * ty), tiles = (last - first) * tx;\n",
        HB_CL_WINOGRAD_PLANES, TILE_ROWS * 4 * PANEL);
    write_images(kernel);
    hb_cl_print(&kernel->body,
                "for (hb_index block = 0; block < blocks; block++) {\n"
                "global const float *u = s + group * %d * pitch + block * depth * 8;\n"
                "const int height = (int)min((hb_index)8, rows - block * 8);\n"
                "for (hb_index q = 0; q < tiles; q += %d) {\n"
                "for (int e = 0; e < %d; e++)\n"
                "hb_vector_packed_f32(u + e * pitch, 8, v + e * vp + q, row, depth, false,\n"
                "m + e * %d);\n"
                "hb_winograd_back(m, line);\n",
                HB_CL_WINOGRAD_PLANES, PANEL, HB_CL_WINOGRAD_PLANES, TILE_ROWS * PANEL);
    write_results(kernel);
    hb_cl_print(&kernel->body, "}\n}\n}\n");
    hb_cl_range_items(launch, l->items, 1, 1);
    return true;
}

hebb_status hb_cl_conv_winograd(hb_device *device, hb_prepared *prepared, const hb_cl_conv *p,
                                hb_error *error) {
    if (p->step->kind == HB_CONV_WEIGHT) return hb_cl_winograd_weight(prepared, p, error);
    const layout l = layout_of(device, p);
    return add_weights(prepared, p, &l) && add_tasks(prepared, p, &l)
               ? HEBB_OK
               : hb_fail_memory(error, "a launch", sizeof(hb_cl_launch));
}
