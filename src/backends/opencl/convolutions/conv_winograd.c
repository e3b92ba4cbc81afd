/* CONV and CONV_INPUT of 3 x 3 and 5 x 5 filters on CPUs by Winograd's minimal filtering
   (kernels/winograd.cl). Called by conv.c; the gradient of the weights is conv_winograd_weight.c's.

   A task makes some tiles, of one or several images: all channels of these are transformed, then
   for each panel of tiles and each eight rows of weights the products, one for each element of a
   transform, are made and transformed back. A work-item does several tasks one after the other in
   memory of its own, which stays in its core's L2; the weights are transformed before, by a kernel
   of their own. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conv_winograd.h"

#include "../../winograd_choice.h"

/* Transformed images that a task keeps in L2; how many tasks there should be, and work-items for
   each core, among which drivers balance. */
enum { IMAGE_BYTES = 384 << 10, MOST_IMAGE_BYTES = 3 << 20, TASKS = 16, ITEMS = 8 };

enum { TILE_ROWS = HB_CL_WINOGRAD_ROWS, PANEL = HB_CL_WINOGRAD_PANEL };

typedef struct layout {
    const hb_conv *conv;
    hb_cl_winograd_form form;
    int planes;
    bool transposed;
    int64_t rows, channels, row_blocks;
    const int64_t *to, *from;   /* sizes of the result and the source */
    int64_t top, left;          /* zeros before the source; fewer than none: left out */
    int64_t tiles_x, tiles_y;   /* of a result */
    int64_t tiles, each, tasks; /* of a group; in a task; of a group */
    int64_t items;              /* that share the tasks of all groups */
    int64_t line, padded;       /* floats of a row, and of a channel, with its zeros, ... */
    int64_t apart_line, apart;  /* ... and with its columns apart */
    int64_t row, plane;         /* floats of a channel; between planes of a task's images */
    int64_t weights_plane, weights, item; /* floats: between planes; of all weights; of an item */
} layout;

int64_t hb_cl_winograd_odd_lines(int64_t floats) { return (hb_ceil_div(floats, 16) | 1) * 16; }

/* A panel alone lies in memory as it is read. What transforms write too much belongs to the next
   channel, which is written later. */
static int64_t row_of(int64_t tiles) {
    return tiles == PANEL ? PANEL : hb_cl_winograd_odd_lines(tiles);
}

static int64_t image_bytes(const layout *l, int64_t tiles) {
    return l->planes * l->channels * row_of(tiles) * (int64_t)sizeof(float);
}

/* Whole panels, so that only the last one of all has less. */
static int64_t tiles_of_a_task(const layout *l) {
    const int64_t panels = hb_ceil_div(l->tiles, PANEL);
    const int64_t most = hb_ceil_div(panels, hb_ceil_div(TASKS, l->conv->groups));
    const int64_t fit = IMAGE_BYTES / image_bytes(l, PANEL);
    return hb_max(1, hb_min(most, fit)) * PANEL;
}

/* Filters of so many taps, strides and dilation of 1, f32, on a CPU. */
static bool fits(hb_cl_winograd_form form, const hb_device *device, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    if (!device->lanes || p->step->out[0].dtype != HEBB_F32 || c->in[0] != 1 || c->out[0] != 1 ||
        c->before[0] != 0 || c->kernel[0] != 1 || c->kernel[1] != form.taps ||
        c->kernel[2] != form.taps)
        return false;
    for (int d = 0; d < 3; d++)
        if (c->stride[d] != 1 || (d > 0 && c->dilation[d] != 1) || c->in[d] < 1 || c->out[d] < 1)
            return false;
    if (hb_cl_winograd_size(form) > 4 && (!hb_winograd_meets(c, 1) || !hb_winograd_meets(c, 2)))
        return false;
    return c->batch > 0 && c->groups > 0 && c->in_channels > 0 && c->out_channels > 0;
}

/* Of a channel of the source, the rows that a task's tiles of one image need. */
static int64_t lines_of(const layout *l) {
    const int64_t rows = hb_min(l->tiles_y, (l->each + l->tiles_x - 2) / l->tiles_x + 1);
    return rows * l->form.step + l->form.taps - 1;
}

static layout layout_of(hb_cl_winograd_form form, const hb_device *device, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    const bool transposed = p->step->kind == HB_CONV_INPUT;
    layout l = {.conv = c,
                .form = form,
                .planes = hb_cl_winograd_planes(form),
                .transposed = transposed,
                .rows = p->rows,
                .channels = transposed ? c->out_channels : c->in_channels,
                .row_blocks = hb_ceil_div(p->rows, TILE_ROWS),
                .to = transposed ? c->in : c->out,
                .from = transposed ? c->out : c->in,
                .top = transposed ? form.taps - 1 - c->before[1] : c->before[1],
                .left = transposed ? form.taps - 1 - c->before[2] : c->before[2]};
    l.tiles_y = hb_ceil_div(l.to[1], form.step);
    l.tiles_x = hb_ceil_div(l.to[2], form.step);
    l.tiles = c->batch * l.tiles_y * l.tiles_x;
    l.each = tiles_of_a_task(&l);
    l.tasks = hb_ceil_div(l.tiles, l.each);
    l.items = hb_min(l.tasks * c->groups, ITEMS * (int64_t)device->info.units);
    l.line = l.tiles_x * form.step + form.taps - 1;
    l.apart_line = hb_ceil_div(l.tiles_x + hb_ceil_div(form.taps - 1, form.step), 16) * 16;
    l.padded = hb_cl_winograd_odd_lines((lines_of(&l) - 1) * l.line + form.step * l.apart_line);
    l.apart = hb_cl_winograd_odd_lines(lines_of(&l) * form.step * l.apart_line + 16);
    l.row = row_of(l.each);
    l.plane = hb_cl_winograd_odd_lines(l.channels * l.row + 7);
    l.weights_plane = hb_cl_winograd_odd_lines(l.row_blocks * l.channels * TILE_ROWS);
    l.weights = c->groups * l.planes * l.weights_plane;
    l.item = l.planes * (l.plane + HB_CL_WINOGRAD_PRODUCT) +
             form.step * form.step * HB_CL_WINOGRAD_PRODUCT + l.padded + l.apart;
    return l;
}

/* ---- the choice of a form ---- */

static int64_t elements_of(hb_cl_winograd_form form, const hb_device *device, const hb_cl_conv *p) {
    if (p->step->kind == HB_CONV_WEIGHT) return hb_cl_winograd_weight_elements(form, p);
    const layout l = layout_of(form, device, p);
    return l.weights + l.items * l.item;
}

static bool can(hb_cl_winograd_form form, const hb_device *device, const hb_cl_conv *p) {
    if (!fits(form, device, p)) return false;
    const int64_t piece = (int64_t)(hb_cl_piece(device) / sizeof(float));
    if (elements_of(form, device, p) > piece) return false;
    if (p->step->kind == HB_CONV_WEIGHT) return true;
    const layout l = layout_of(form, device, p);
    return image_bytes(&l, l.each) <= MOST_IMAGE_BYTES;
}

double hb_cl_winograd_relative(const hb_cl_conv *p, double cycles) {
    const hb_conv *c = p->conv;
    const int64_t *to = p->step->kind == HB_CONV_INPUT ? c->in : c->out;
    return 16 * cycles /
           ((double)(c->batch * to[1] * to[2]) * (double)(c->groups * c->in_channels) *
            (double)(c->out_channels * c->kernel[1] * c->kernel[2]));
}

/* Cycles of a processor with vectors of 16, as measured on a Zen 4 (in the mean within a tenth): of
   the products; of the rows of images that are copied; of their transforms, eight tiles at a time;
   of the results; of the filters. A single task leaves the second core without work. */
static double cost_of(hb_cl_winograd_form form, const hb_device *device, const hb_cl_conv *p) {
    if (p->step->kind == HB_CONV_WEIGHT) return hb_cl_winograd_weight_cost(form, p);
    const layout l = layout_of(form, device, p);
    const double tiles = (double)(hb_ceil_div(l.tiles, PANEL) * PANEL);
    const double rows = (double)(l.row_blocks * TILE_ROWS), channels = (double)l.channels;
    const double tile_rows = (double)(l.conv->batch * l.tiles_y);
    const double products = l.planes * tiles * rows * channels / 16;
    const double lines = 32 * tile_rows * form.step * channels;
    const double eights = 4.5 * l.planes * tile_rows * (double)hb_ceil_div(l.tiles_x, 8) * channels;
    const double results = 2.4 * form.step * form.step * tiles * rows;
    const double filters = 1.2 * l.planes * rows * channels;
    const double cycles = products + lines + eights + results + filters;
    const double all = (double)(l.conv->groups * l.tasks);
    return hb_cl_winograd_relative(p, cycles * (double)l.conv->groups * (all > 1 ? 1 : 2));
}

/* The cheapest of those that can do the step, if any can; HEBB_CONV=winograd2 or winograd4 leaves
   those with so many results. */
static bool choose(const hb_device *device, const hb_cl_conv *p, hb_cl_winograd_form *best) {
    static const hb_cl_winograd_form forms[] = {{2, 3}, {4, 3}, {2, 5}};
    const char *forced = getenv("HEBB_CONV");
    double least = INFINITY;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (forced != NULL && strcmp(forced, forms[i].step == 2 ? "winograd4" : "winograd2") == 0)
            continue;
        const double cost = can(forms[i], device, p) ? cost_of(forms[i], device, p) : INFINITY;
        if (cost >= least) continue;
        least = cost;
        *best = forms[i];
    }
    return least < INFINITY;
}

bool hb_cl_conv_winograd_can(const hb_device *device, const hb_cl_conv *p) {
    hb_cl_winograd_form form;
    return choose(device, p, &form);
}

double hb_cl_conv_winograd_cost(const hb_device *device, const hb_cl_conv *p) {
    hb_cl_winograd_form form;
    return choose(device, p, &form) ? cost_of(form, device, p) : INFINITY;
}

int64_t hb_cl_conv_winograd_elements(const hb_device *device, const hb_cl_conv *p) {
    hb_cl_winograd_form form;
    return choose(device, p, &form) ? elements_of(form, device, p) : 0;
}

/* ---- kernels ---- */

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
    hb_cl_print(&kernel->body,
                "const hb_index block = (hb_index)HB_ITEM(0);\n"
                "const hb_index group = (hb_index)HB_ITEM(1), row = block * 8;\n"
                "global const float *g = b + group * outer * inner * taps + row * ai;\n"
                "global float *u = s + group * %d * pitch + block * depth * 8;\n"
                "const int height = (int)min((hb_index)8, rows - row);\n"
                "for (hb_index c = 0; c < depth; c += 2)\n"
                "hb_winograd_filters(%d, %d, g + c * ak, ai, height, ak,\n"
                "(int)min((hb_index)2, depth - c), %s, u + c * 8, pitch);\n",
                l->planes, l->form.taps, hb_cl_winograd_size(l->form),
                l->transposed ? "true" : "false");
    hb_cl_range_items(launch, l->row_blocks, p->conv->groups, 1);
    return true;
}

/* All channels of a task, image by image: their rows are copied with zeros around them, which
   memory that is zeroed once keeps. Tiles follow each other without gaps: what one writes too much,
   the next one overwrites. What is left of the last panel is zeros, so that no product is made of
   what happens to be there. */
static void write_images(hb_cl_kernel *kernel, const layout *l) {
    const int step = l->form.step, size = hb_cl_winograd_size(l->form);
    hb_cl_print(&kernel->body,
                "for (hb_index c = 0; c < depth; c++) {\n"
                "global float *to = v + c * row;\n"
                "if (tiles %% %d != 0) hb_winograd_clear(%d, to + tiles / %d * %d, vp);\n"
                "for (hb_index t = first, n; t < last; t += n, to += n) {\n"
                "const hb_index image = t / (ty * tx) * groups + group, p = t %% (ty * tx);\n"
                "n = min(last - t, ty * tx - p);\n",
                PANEL, l->planes, PANEL, PANEL);
    hb_cl_print(
        &kernel->body,
        "const int lines = (int)((p + n - 1) / tx - p / tx) * %d + %d;\n"
        "hb_winograd_pad(a + (image * depth + c) * plane, (int)high, (int)wide,\n"
        "(int)(p / tx * %d - top), (int)left, lines, (int)line, padded);\n"
        "hb_winograd_part(%d, padded, (int)line, lines, (int)pitch_apart, apart);\n"
        "hb_winograd_tiles(%d, %d, apart, (int)pitch_apart, (int)tx, (int)(p %% tx), (int)n,\n"
        "to, vp);\n}\n}\n",
        step, size, step, step, step, size);
}

/* Results of a panel: tiles side by side in a row of tiles are runs of elements. */
static void write_results(hb_cl_kernel *kernel, const layout *l) {
    const int step = l->form.step;
    hb_cl_print(
        &kernel->body,
        "const hb_index end = min(q + %d, tiles);\n"
        "for (hb_index t = q, n; t < end; t += n) {\n"
        "const hb_index p = first + t, r = p / tx, x = p %% tx * %d, z = r %% ty * %d;\n"
        "n = min(tx - p %% tx, end - t);\n"
        "const int count = (int)min(%d * n, over - x);\n"
        "const int lines = (int)min((hb_index)%d, down - z);\n"
        "global const float *from = results + (t - q) * %d;\n"
        "global float *to = y + (((r / ty * groups + group) * rows + block * 8) * down + z) "
        "* over + x;\n",
        PANEL, step, step, step, step, step);
    hb_cl_print(&kernel->body,
                "for (int k = 0; k < height; k++)\n"
                "for (int i = 0; i < lines; i++)\n"
                "hb_winograd_copy(count, from + (k * %d + i) * %d, to + (k * down + i) * over);\n"
                "}\n",
                step, step * PANEL);
}

static void declare_numbers(hb_cl_kernel *kernel, const layout *l) {
    const hb_cl_number numbers[] = {{"blocks", l->row_blocks},  {"pitch", l->weights_plane},
                                    {"weights", l->weights},    {"mine", l->item},
                                    {"items", l->items},        {"tasks", l->tasks},
                                    {"each", l->each},          {"row", l->row},
                                    {"vp", l->plane},           {"line", l->line},
                                    {"around", l->padded},      {"pitch_apart", l->apart_line},
                                    {"apart_floats", l->apart}, {"tx", l->tiles_x},
                                    {"ty", l->tiles_y},         {"top", l->top},
                                    {"left", l->left},          {"high", l->from[1]},
                                    {"wide", l->from[2]},       {"down", l->to[1]},
                                    {"over", l->to[2]}};
    hb_cl_winograd_numbers(kernel, numbers, sizeof numbers / sizeof *numbers);
}

static bool add_tasks(hb_prepared *prepared, const hb_cl_conv *p, const layout *l) {
    hb_cl_launch *launch = hb_cl_winograd_launch(prepared, p, l->weights + l->items * l->item);
    if (launch == NULL) return false;
    hb_cl_kernel *kernel = &launch->source;
    const int step = l->form.step, size = hb_cl_winograd_size(l->form);
    hb_cl_conv_roles(kernel, p);
    declare_numbers(kernel, l);
    hb_cl_print(&kernel->body,
                "const hb_index item = (hb_index)HB_ITEM(0), all = groups * tasks;\n"
                "const hb_index share = all / items, more = all %% items;\n"
                "const hb_index begin = item * share + min(item, more);\n"
                "global float *v = s + weights + item * mine, *m = v + %d * vp;\n"
                "global float *results = m + %d, *padded = results + %d;\n"
                "global float *apart = padded + around;\n"
                "for (hb_index i = 0; i < around + apart_floats; i++) padded[i] = 0;\n"
                "for (hb_index i = begin; i < begin + share + (item < more); i++) {\n"
                "const hb_index group = i / tasks, first = i %% tasks * each;\n"
                "const hb_index last = min(first + each, batch * ty * tx), tiles = last - first;\n",
                l->planes, l->planes * HB_CL_WINOGRAD_PRODUCT,
                step * step * HB_CL_WINOGRAD_PRODUCT);
    write_images(kernel, l);
    hb_cl_print(&kernel->body,
                "for (hb_index block = 0; block < blocks; block++) {\n"
                "global const float *u = s + group * %d * pitch + block * depth * 8;\n"
                "const int height = (int)min((hb_index)8, rows - block * 8);\n"
                "for (hb_index q = 0; q < tiles; q += %d) {\n"
                "for (int e = 0; e < %d; e++)\n"
                "hb_vector_packed_f32(u + e * pitch, 8, v + e * vp + q, row, depth, false,\n"
                "m + e * %d);\n"
                "hb_winograd_back(%d, %d, height, m, results);\n",
                l->planes, PANEL, l->planes, HB_CL_WINOGRAD_PRODUCT, step, size);
    write_results(kernel, l);
    hb_cl_print(&kernel->body, "}\n}\n}\n");
    hb_cl_range_items(launch, l->items, 1, 1);
    return true;
}

hebb_status hb_cl_conv_winograd(hb_device *device, hb_prepared *prepared, const hb_cl_conv *p,
                                hb_error *error) {
    hb_cl_winograd_form form = {0};
    (void)choose(device, p, &form); /* as hb_cl_conv_winograd_can() did before */
    if (p->step->kind == HB_CONV_WEIGHT) return hb_cl_winograd_weight(form, prepared, p, error);
    const layout l = layout_of(form, device, p);
    return add_weights(prepared, p, &l) && add_tasks(prepared, p, &l)
               ? HEBB_OK
               : hb_fail_memory(error, "a launch", sizeof(hb_cl_launch));
}
