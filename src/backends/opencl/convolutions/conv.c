/* CONV, CONV_INPUT and CONV_WEIGHT. On CPUs a work-item computes a block of rows by two vectors of
   columns with the tile of kernels/gemm_vector.cl, from panels that it fills out of the image. On
   GPUs a work-item computes ROWS rows of one column, neighbors at neighboring places, so that each
   element read is used that many times and the weights are the same for all of a group.

   Where channels are many, conv_tiled.c does it on GPUs, and conv_shifted.c on CPUs, where
   conv_bands.c does those of few channels and of strides; filters of 3 x 3 conv_winograd_tiled.c,
   and of 3 x 3 or 5 x 5 conv_winograd.c, if that is cheaper.

   CONV and CONV_INPUT gather: the rows of a product are the result's channels, its columns the
   places, its depth taps and the source's channels. CONV_WEIGHT sums over places and images: in
   parts that a second kernel adds, always in the same order, or on GPUs in a group. Nothing is
   added atomically. Called by prepare.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../winograd_choice.h"
#include "conv.h"
#include "../products/tile.h"

enum { ROWS = 8, BLOCK_ROWS = 128, GROUP = 256, CPU_ITEMS = 32 };

static hebb_dtype dtype_of(const hb_step *step) { return step->out[0].dtype; }
static int width_of(const hb_step *step) { return dtype_of(step) == HEBB_F32 ? 32 : 16; }

/* As those of conv.h. Filling a panel takes most of it where there are few rows to multiply it by.
 */
static double windows_cost(const hb_cl_conv *p) {
    const double fill = p->step->kind == HB_CONV_WEIGHT ? 50 : 24;
    const double rows = (double)(hb_ceil_div(p->rows, ROWS) * ROWS);
    const double columns = (double)(hb_ceil_div(p->columns, width_of(p->step)) * width_of(p->step));
    /* Of a stride, a gradient multiplies the zeros between places, too. */
    const int64_t zeros = p->step->kind == HB_CONV_INPUT ? hb_volume(p->conv->stride) : 1;
    return (rows + fill) / (double)p->rows * columns / (double)p->columns * (double)zeros;
}

/* HEBB_CONV=winograd, bands, shifted or windows forces one wherever it can do the step; winograd2
   or winograd4 a form of the first. */
static hb_cl_conv_way forced_on_cpus(const char *forced, bool shifted, bool bands, bool winograd) {
    if (winograd && strncmp(forced, "winograd", 8) == 0) return HB_CL_CONV_WINOGRAD;
    if (bands && strcmp(forced, "bands") == 0) return HB_CL_CONV_BANDS;
    return shifted && strcmp(forced, "windows") != 0 ? HB_CL_CONV_SHIFTED : HB_CL_CONV_WINDOWS;
}

/* The cheapest. */
static hb_cl_conv_way way_on_cpus(const hb_device *device, const hb_cl_conv *p) {
    const char *forced = getenv("HEBB_CONV");
    const bool shifted = hb_cl_conv_shifted_can(device, p);
    const bool bands = hb_cl_conv_bands_can(device, p);
    const bool winograd = hb_cl_conv_winograd_can(device, p);
    if (forced != NULL) return forced_on_cpus(forced, shifted, bands, winograd);
    hb_cl_conv_way way = shifted ? HB_CL_CONV_SHIFTED : HB_CL_CONV_WINDOWS;
    double cost = shifted ? hb_cl_conv_shifted_cost(p) : windows_cost(p);
    if (bands && hb_cl_conv_bands_cost(device, p) < cost) {
        way = HB_CL_CONV_BANDS;
        cost = hb_cl_conv_bands_cost(device, p);
    }
    if (winograd) {
        const int64_t bytes = hb_cl_conv_winograd_elements(device, p) * (int64_t)sizeof(float);
        if (!hb_winograd_is_wasteful(p->conv, bytes) && hb_cl_conv_winograd_cost(device, p) < cost)
            return HB_CL_CONV_WINOGRAD;
    }
    return way;
}

/* The same on GPUs: HEBB_CONV=winograd, tiled or direct. */
static hb_cl_conv_way way_on_gpus(const hb_device *device, const hb_cl_conv *p) {
    const char *forced = getenv("HEBB_CONV");
    const bool tiled = hb_cl_conv_tiled_can(device, p);
    const bool winograd = hb_cl_conv_winograd_tiled_can(device, p);
    const bool pays = forced != NULL ? strcmp(forced, "winograd") == 0
                                     : tiled && hb_cl_conv_winograd_tiled_pays(p);
    if (winograd && pays) return HB_CL_CONV_WINOGRAD_TILED;
    return tiled && (forced == NULL || strcmp(forced, "direct") != 0) ? HB_CL_CONV_TILED
                                                                      : HB_CL_CONV_DIRECT;
}

/* So that CPUs have work-items enough. */
static int64_t parts_of_windows(const hb_cl_conv *p) {
    const int64_t panels = hb_ceil_div(p->columns, width_of(p->step));
    const int64_t items = hb_ceil_div(p->rows, BLOCK_ROWS) * panels * p->conv->groups;
    return items == 0 ? 1 : hb_max(1, hb_min(p->conv->batch, hb_ceil_div(CPU_ITEMS, items)));
}

static int64_t parts_of_weight(const hb_device *device, const hb_cl_conv *p) {
    switch (p->way) {
    case HB_CL_CONV_WINDOWS:
    case HB_CL_CONV_SHIFTED: return parts_of_windows(p);
    case HB_CL_CONV_BANDS: return hb_cl_conv_bands_parts(device, p);
    case HB_CL_CONV_TILED: return hb_cl_conv_tiled_parts(device, p);
    case HB_CL_CONV_WINOGRAD_TILED: return hb_cl_conv_winograd_tiled_parts(device, p);
    case HB_CL_CONV_DIRECT:
    case HB_CL_CONV_WINOGRAD: break;
    }
    return 1;
}

static hb_cl_conv product_of(hb_device *device, const hb_step *step) {
    const hb_conv *c = &step->u.conv;
    hb_cl_conv p = {.step = step, .conv = c, .parts = 1};
    switch (step->kind) {
    case HB_CONV:
        p.rows = c->out_channels;
        p.columns = hb_volume(c->out);
        break;
    case HB_CONV_INPUT:
        p.rows = c->in_channels;
        p.columns = hb_volume(c->in);
        break;
    default:
        p.rows = c->out_channels;
        p.columns = c->in_channels * hb_volume(c->kernel);
        break;
    }
    p.way = device->lanes ? way_on_cpus(device, &p) : way_on_gpus(device, &p);
    if (step->kind == HB_CONV_WEIGHT) p.parts = parts_of_weight(device, &p);
    return p;
}

int64_t hb_cl_conv_weights(const hb_conv *c) {
    return c->groups * c->in_channels * c->out_channels * hb_volume(c->kernel);
}

size_t hb_cl_conv_scratch(hb_device *device, const hb_step *step) {
    hb_cl_conv p = product_of(device, step);
    if (p.way == HB_CL_CONV_WINOGRAD)
        return (size_t)hb_cl_conv_winograd_elements(device, &p) * sizeof(float);
    if (p.way == HB_CL_CONV_WINOGRAD_TILED)
        return (size_t)hb_cl_conv_winograd_tiled_elements(&p) * sizeof(float);
    int64_t elements = p.parts > 1 ? p.parts * hb_cl_conv_weights(p.conv) : 0;
    if (p.way == HB_CL_CONV_SHIFTED) elements += hb_cl_conv_shifted_elements(&p);
    return (size_t)elements * hebb_dtype_size(dtype_of(step));
}

/* ---- text ---- */

bool hb_cl_conv_is_wide(const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    const int64_t limit = INT32_MAX - (1 << 20);
    int64_t largest = 0;
    for (int k = 0; k < 2; k++) largest = hb_max(largest, p->step->in[k].offset);
    largest = hb_max(largest, p->step->out[0].offset);
    int64_t arena = p->step->scratch_offset / 4 + p->parts * hb_cl_conv_weights(c);
    for (int d = 0; d < 3; d++) /* coordinates, too, before they are found to be outside */
        if (hb_max(c->in[d], c->out[d] * c->stride[d]) + c->kernel[d] * c->dilation[d] +
                c->before[d] >
            limit)
            return true;
    return arena > limit ||
           largest + c->batch * c->groups * c->in_channels * hb_volume(c->in) > limit ||
           largest + c->batch * c->groups * c->out_channels * hb_volume(c->out) > limit ||
           largest + hb_cl_conv_weights(c) > limit;
}

void hb_cl_conv_operands(hb_cl_kernel *kernel, const hb_cl_conv *p) {
    const hb_step *step = p->step;
    const hb_conv *c = p->conv;
    hebb_dtype dtype = dtype_of(step);
    kernel->wide = hb_cl_conv_is_wide(p);
    hb_cl_need(kernel, HB_CL_SCALAR, dtype);
    hb_cl_buffer_param(kernel, "a", step->in[0].buffer, dtype, false);
    hb_cl_buffer_param(kernel, "b", step->in[1].buffer, dtype, false);
    hb_cl_index_param(kernel, "oa", step->in[0].offset);
    hb_cl_index_param(kernel, "ob", step->in[1].offset);
    bool parts = p->parts > 1;
    int64_t sums = step->scratch_offset / (int64_t)hebb_dtype_size(dtype);
    hb_cl_buffer_param(kernel, "y", parts ? step->scratch_buffer : step->out[0].buffer, dtype,
                       true);
    hb_cl_index_param(kernel, "oy", parts ? sums : step->out[0].offset);
    hb_cl_index_param(kernel, "batch", c->batch);
    hb_cl_index_param(kernel, "groups", c->groups);
    hb_cl_index_param(kernel, "inner", c->in_channels);
    hb_cl_index_param(kernel, "outer", c->out_channels);
    hb_cl_sizes_param(kernel, "n", c->in);
    hb_cl_sizes_param(kernel, "k", c->kernel);
    hb_cl_sizes_param(kernel, "m", c->out);
    hb_cl_sizes_param(kernel, "s", c->stride);
    hb_cl_sizes_param(kernel, "d", c->dilation);
    hb_cl_sizes_param(kernel, "e", c->before);
    hb_cl_print(&kernel->body, "a += oa;\nb += ob;\ny += oy;\n"
                               "const hb_index taps = k0 * k1 * k2;\n"
                               "const hb_index ins = n0 * n1 * n2, outs = m0 * m1 * m2;\n");
}

void hb_cl_conv_roles(hb_cl_kernel *kernel, const hb_cl_conv *p) {
    bool forward = p->step->kind == HB_CONV;
    hb_cl_print(&kernel->body,
                "const hb_index rows = %s, depth = %s, points = %s, plane = %s;\n"
                "const hb_index ai = %s, ak = %s;\n",
                forward ? "outer" : "inner", forward ? "inner" : "outer", forward ? "outs" : "ins",
                forward ? "ins" : "outs", forward ? "inner * taps" : "taps",
                forward ? "taps" : "inner * taps");
}

void hb_cl_conv_point(hb_cl_kernel *kernel, const hb_cl_conv *p, const char *point) {
    const char *to = p->step->kind == HB_CONV_INPUT ? "n" : "m";
    hb_cl_print(&kernel->body,
                "const hb_index q2 = (%s) %% %s2, q1 = (%s) / %s2 %% %s1, q0 = (%s) / %s2 / %s1;\n",
                point, to, point, to, to, point, to, to);
}

bool hb_cl_conv_is_flat(const hb_conv *c, int d) {
    return c->in[d] == 1 && c->out[d] == 1 && c->kernel[d] == 1 && c->before[d] == 0;
}

void hb_cl_conv_source(hb_cl_kernel *kernel, const hb_cl_conv *p) {
    bool forward = p->step->kind != HB_CONV_INPUT;
    const char *from = forward ? "n" : "m";
    for (int d = 0; d < 3; d++) {
        if (hb_cl_conv_is_flat(p->conv, d))
            hb_cl_print(&kernel->body, "const hb_index f%d = 0;\nconst bool in%d = true;\n", d, d);
        else if (forward)
            hb_cl_print(&kernel->body,
                        "const hb_index f%d = q%d * s%d - e%d + t%d * d%d;\n"
                        "const bool in%d = f%d >= 0 && f%d < n%d;\n",
                        d, d, d, d, d, d, d, d, d, d);
        else if (p->conv->stride[d] == 1)
            hb_cl_print(&kernel->body,
                        "const hb_index f%d = q%d + e%d - t%d * d%d;\n"
                        "const bool in%d = f%d >= 0 && f%d < m%d;\n",
                        d, d, d, d, d, d, d, d, d);
        else
            hb_cl_print(&kernel->body,
                        "const hb_index v%d = q%d + e%d - t%d * d%d, f%d = v%d / s%d;\n"
                        "const bool in%d = v%d >= 0 && f%d * s%d == v%d && f%d < m%d;\n",
                        d, d, d, d, d, d, d, d, d, d, d, d, d, d, d);
    }
    hb_cl_print(&kernel->body,
                "const hb_index f = in0 && in1 && in2 ? (f0 * %s1 + f1) * %s2 + f2 : -1;\n", from,
                from);
}

static void write_taps(hb_cl_kernel *kernel) {
    hb_cl_print(&kernel->body, "for (hb_index t0 = 0; t0 < k0; t0++)\n"
                               "for (hb_index t1 = 0; t1 < k1; t1++)\n"
                               "for (hb_index t2 = 0; t2 < k2; t2++) {\n");
}

/* ---- CONV and CONV_INPUT ---- */

static void write_gather_lanes(hb_cl_kernel *kernel, const hb_cl_conv *p, int64_t block) {
    const char *type = hb_cl_type(dtype_of(p->step)), *suffix = hb_cl_suffix(dtype_of(p->step));
    int width = width_of(p->step);
    hb_cl_conv_operands(kernel, p);
    hb_cl_conv_roles(kernel, p);
    hb_cl_need(kernel, HB_CL_GEMM_VECTOR, dtype_of(p->step));
    hb_cl_index_param(kernel, "block", block);
    hb_cl_print(&kernel->body,
                "const hb_index column = (hb_index)HB_ITEM(0) * %d;\n"
                "const hb_index row = (hb_index)HB_ITEM(1) * block;\n"
                "const hb_index image = (hb_index)HB_ITEM(2), group = image %% groups;\n"
                "const int height = (int)min(block, rows - row);\n"
                "const int columns = (int)min((hb_index)%d, points - column);\n"
                "a += image * depth * plane;\n"
                "b += group * outer * inner * taps + row * ai;\n"
                "y += (image * rows + row) * points + column;\n"
                "%s panel[HB_DEPTH * %d], t[%d * %d];\nhb_index at[%d];\n"
                "for (int l = 0; l < (height + 7) / 8 * %d; l++) t[l] = 0;\n",
                width, width, type, width, BLOCK_ROWS, width, width, ROWS * width);
    write_taps(kernel);
    hb_cl_print(&kernel->body, "bool any = false;\nfor (int l = 0; l < %d; l++) {\n", width);
    hb_cl_conv_point(kernel, p, "column + l");
    hb_cl_conv_source(kernel, p);
    hb_cl_print(&kernel->body,
                "at[l] = l < columns ? f : -1;\nany = any || at[l] >= 0;\n}\n"
                "if (!any) continue;\n"
                "global const %s *w = b + (t0 * k1 + t1) * k2 + t2;\n"
                "for (hb_index c = 0; c < depth; c += HB_DEPTH) {\n"
                "const int deep = (int)min(depth - c, (hb_index)HB_DEPTH);\n"
                "for (int q = 0; q < deep; q++)\n"
                "for (int l = 0; l < %d; l++)\n"
                "panel[q * %d + l] = at[l] >= 0 ? a[(c + q) * plane + at[l]] : 0;\n"
                "for (int r = 0; r < height; r += 8)\n"
                "hb_vector_tile_%s(w + r * ai + c * ak, ai, ak, height - r, deep, panel, t + r * "
                "%d);\n}\n}\n"
                "for (int r = 0; r < height; r++)\n"
                "for (int l = 0; l < columns; l++) y[r * points + l] = t[r * %d + l];\n",
                type, width, width, suffix, width, width);
}

static void write_gather_items(hb_cl_kernel *kernel, const hb_cl_conv *p) {
    const char *type = hb_cl_type(dtype_of(p->step));
    hb_cl_conv_operands(kernel, p);
    hb_cl_conv_roles(kernel, p);
    hb_cl_print(&kernel->body,
                "const hb_index point = (hb_index)HB_ITEM(0);\n"
                "const hb_index row = (hb_index)HB_ITEM(1) * %d;\n"
                "const hb_index image = (hb_index)HB_ITEM(2), group = image %% groups;\n"
                "if (point >= points) return;\n"
                "a += image * depth * plane;\n"
                "b += group * outer * inner * taps + row * ai;\n"
                "%s acc[%d];\n"
                "#pragma unroll\nfor (int r = 0; r < %d; r++) acc[r] = 0;\n",
                ROWS, type, ROWS, ROWS);
    hb_cl_conv_point(kernel, p, "point");
    write_taps(kernel);
    hb_cl_conv_source(kernel, p);
    hb_cl_print(&kernel->body,
                "if (f < 0) continue;\n"
                "global const %s *w = b + (t0 * k1 + t1) * k2 + t2, *from = a + f;\n"
                "for (hb_index c = 0; c < depth; c++, w += ak, from += plane) {\n"
                "const %s v = *from;\n"
                "#pragma unroll\nfor (int r = 0; r < %d; r++)\n"
                "acc[r] += w[row + r < rows ? r * ai : 0] * v;\n}\n}\n"
                "#pragma unroll\nfor (int r = 0; r < %d; r++)\n"
                "if (row + r < rows) y[(image * rows + row + r) * points + point] = acc[r];\n",
                type, type, ROWS, ROWS);
}

/* Fewer rows an item where that gives every core a few. */
static int64_t block_of(const hb_device *device, int64_t rows, int64_t others) {
    int64_t wanted = hb_ceil_div(4 * (int64_t)device->info.units, hb_max(1, others));
    int64_t block = hb_ceil_div(hb_ceil_div(rows, wanted), ROWS) * ROWS;
    return hb_min(BLOCK_ROWS, hb_max(ROWS, block));
}

static void prepare_gather(hb_device *device, hb_cl_launch *launch, const hb_cl_conv *p) {
    int64_t images = p->conv->batch * p->conv->groups, panels;
    if (!device->lanes) {
        write_gather_items(&launch->source, p);
        hb_cl_range_rows(launch, p->columns, device->max_group < 64 ? 1 : 64,
                         hb_ceil_div(p->rows, ROWS), images);
        return;
    }
    panels = hb_ceil_div(p->columns, width_of(p->step));
    int64_t block = block_of(device, p->rows, panels * images);
    write_gather_lanes(&launch->source, p, block);
    hb_cl_range_items(launch, panels, hb_ceil_div(p->rows, block), images);
}

/* ---- CONV_WEIGHT ---- */

/* A panel's columns are pairs of channel and tap; panel[p][l] is what column l reads for place p.
 */
static void write_weight_lanes(hb_cl_kernel *kernel, const hb_cl_conv *p, int64_t block) {
    const char *type = hb_cl_type(dtype_of(p->step)), *suffix = hb_cl_suffix(dtype_of(p->step));
    int width = width_of(p->step);
    hb_cl_conv_operands(kernel, p);
    hb_cl_need(kernel, HB_CL_GEMM_VECTOR, dtype_of(p->step));
    hb_cl_index_param(kernel, "block", block);
    hb_cl_index_param(kernel, "parts", p->parts);
    hb_cl_print(&kernel->body,
                "const hb_index width = inner * taps;\n"
                "const hb_index column = (hb_index)HB_ITEM(0) * %d;\n"
                "const hb_index row = (hb_index)HB_ITEM(1) * block;\n"
                "const hb_index part = (hb_index)HB_ITEM(2) / groups;\n"
                "const hb_index group = (hb_index)HB_ITEM(2) %% groups;\n"
                "const int height = (int)min(block, outer - row);\n"
                "const int columns = (int)min((hb_index)%d, width - column);\n"
                "%s panel[HB_DEPTH * %d], t[%d * %d];\n"
                "hb_index base[%d], u0[%d], u1[%d], u2[%d];\n"
                "for (int l = 0; l < (height + 7) / 8 * %d; l++) t[l] = 0;\n"
                "for (int l = 0; l < %d; l++) {\n"
                "const hb_index k = l < columns ? column + l : column;\n"
                "base[l] = k / taps * ins;\n"
                "u2[l] = k %% k2 * d2 - e2;\nu1[l] = k / k2 %% k1 * d1 - e1;\n"
                "u0[l] = k / k2 / k1 %% k0 * d0 - e0;\n}\n",
                width, width, type, width, BLOCK_ROWS, width, width, width, width, width,
                ROWS * width, width);
    hb_cl_print(&kernel->body,
                "const hb_index each = batch / parts, more = batch %% parts;\n"
                "const hb_index first = part * each + min(part, more);\n"
                "for (hb_index n = first; n < first + each + (part < more); n++) {\n"
                "global const %s *x = a + (n * groups + group) * inner * ins;\n"
                "global const %s *dy = b + ((n * groups + group) * outer + row) * outs;\n"
                "for (hb_index p = 0; p < outs; p += HB_DEPTH) {\n"
                "const int deep = (int)min(outs - p, (hb_index)HB_DEPTH);\n"
                "for (int q = 0; q < deep; q++) {\n"
                "const hb_index q2 = (p + q) %% m2 * s2, q1 = (p + q) / m2 %% m1 * s1;\n"
                "const hb_index q0 = (p + q) / m2 / m1 * s0;\n"
                "for (int l = 0; l < %d; l++) {\n"
                "const hb_index f0 = q0 + u0[l], f1 = q1 + u1[l], f2 = q2 + u2[l];\n"
                "const bool in = f0 >= 0 && f0 < n0 && f1 >= 0 && f1 < n1 && f2 >= 0 && f2 < n2;\n"
                "panel[q * %d + l] = in ? x[base[l] + (f0 * n1 + f1) * n2 + f2] : 0;\n}\n}\n"
                "for (int r = 0; r < height; r += 8)\n"
                "hb_vector_tile_%s(dy + r * outs + p, outs, 1, height - r, deep, panel, t + r * "
                "%d);\n}\n}\n"
                "y += (part * groups + group) * outer * width + row * width + column;\n"
                "for (int r = 0; r < height; r++)\n"
                "for (int l = 0; l < columns; l++) y[r * width + l] = t[r * %d + l];\n",
                type, type, width, width, suffix, width, width);
}

/* y[i] = the parts' sums. */
static void write_sum_parts(hb_cl_kernel *kernel, const hb_cl_conv *p, int lanes) {
    const hb_step *step = p->step;
    hebb_dtype dtype = dtype_of(step);
    kernel->wide = hb_cl_conv_is_wide(p);
    hb_cl_need(kernel, HB_CL_SCALAR, dtype);
    hb_cl_buffer_param(kernel, "sums", step->scratch_buffer, dtype, false);
    hb_cl_buffer_param(kernel, "y", step->out[0].buffer, dtype, true);
    hb_cl_index_param(kernel, "os", step->scratch_offset / (int64_t)hebb_dtype_size(dtype));
    hb_cl_index_param(kernel, "oy", step->out[0].offset);
    hb_cl_index_param(kernel, "count", hb_cl_conv_weights(p->conv));
    hb_cl_index_param(kernel, "parts", p->parts);
    hb_cl_sum_parts(kernel, dtype, lanes, "i", "count", "os + i", "count");
    hb_cl_append(&kernel->body, "y[oy + i] = sum;\n}\n");
}

/* A group sums over all places of all images for ROWS rows of a column. */
static void write_weight_groups(hb_cl_kernel *kernel, const hb_cl_conv *p, int group) {
    const char *type = hb_cl_type(dtype_of(p->step));
    hb_cl_conv_operands(kernel, p);
    kernel->group = (size_t)group;
    hb_cl_local_array(kernel, "shared", dtype_of(p->step), group);
    hb_cl_print(&kernel->body,
                "const int l = (int)HB_LOCAL;\n"
                "const hb_index column = (hb_index)HB_GROUP(0);\n"
                "const hb_index row = (hb_index)HB_ITEM(1) * %d;\n"
                "const hb_index group = (hb_index)HB_ITEM(2);\n"
                "const hb_index t2 = column %% k2, t1 = column / k2 %% k1;\n"
                "const hb_index t0 = column / k2 / k1 %% k0, c = column / taps;\n"
                "%s acc[%d];\n"
                "#pragma unroll\nfor (int r = 0; r < %d; r++) acc[r] = 0;\n"
                "for (hb_index i = l; i < batch * outs; i += %d) {\n"
                "const hb_index image = i / outs * groups + group, point = i %% outs;\n",
                ROWS, type, ROWS, ROWS, group);
    hb_cl_conv_point(kernel, p, "point");
    hb_cl_conv_source(kernel, p);
    hb_cl_print(
        &kernel->body,
        "if (f < 0) continue;\n"
        "const %s v = a[(image * inner + c) * ins + f];\n"
        "global const %s *dy = b + (image * outer + row) * outs + point;\n"
        "#pragma unroll\nfor (int r = 0; r < %d; r++)\n"
        "acc[r] += dy[row + r < outer ? r * outs : 0] * v;\n}\n"
        "#pragma unroll\nfor (int r = 0; r < %d; r++) {\n"
        "barrier(CLK_LOCAL_MEM_FENCE);\nshared[l] = acc[r];\nbarrier(CLK_LOCAL_MEM_FENCE);\n"
        "for (int reach = %d; reach > 0; reach /= 2) {\n"
        "if (l < reach) shared[l] += shared[l + reach];\nbarrier(CLK_LOCAL_MEM_FENCE);\n}\n"
        "if (l == 0 && row + r < outer)\n"
        "y[((group * outer + row + r) * inner + c) * taps + column %% taps] = shared[0];\n"
        "}\n",
        type, type, ROWS, ROWS, group / 2);
}

/* The second kernel, if the first one left parts. */
static hebb_status prepare_sum(hb_device *device, hb_prepared *prepared, const hb_cl_conv *p,
                               hb_error *error) {
    if (p->parts == 1) return HEBB_OK;
    hb_cl_launch *launch = hb_cl_launch_add(prepared, p->step);
    if (launch == NULL) return hb_fail_memory(error, "a launch", sizeof *launch);
    const int64_t elements = hb_cl_conv_weights(p->conv);
    const int lanes = hb_cl_sum_lanes(device, elements, p->parts);
    write_sum_parts(&launch->source, p, lanes);
    hb_cl_sum_range(device, launch, lanes, elements, 1, 1);
    return HEBB_OK;
}

static hebb_status prepare_weight(hb_device *device, hb_prepared *prepared, hb_cl_launch *launch,
                                  const hb_cl_conv *p, hb_error *error) {
    const hb_conv *c = p->conv;
    if (!device->lanes) {
        int group = GROUP;
        while ((size_t)group > device->max_group) group /= 2;
        write_weight_groups(&launch->source, p, group);
        hb_cl_range_rows(launch, p->columns * group, (size_t)group, hb_ceil_div(p->rows, ROWS),
                         c->groups);
        return HEBB_OK;
    }
    int64_t panels = hb_ceil_div(p->columns, width_of(p->step));
    int64_t block = block_of(device, p->rows, panels * c->groups * p->parts);
    write_weight_lanes(&launch->source, p, block);
    hb_cl_range_items(launch, panels, hb_ceil_div(p->rows, block), c->groups * p->parts);
    return prepare_sum(device, prepared, p, error);
}

/* As they are called in profiles and dumps. */
static const char *const names[] = {
    [HB_CL_CONV_WINDOWS] = "vector windows", [HB_CL_CONV_SHIFTED] = "shifted images",
    [HB_CL_CONV_BANDS] = "bands of rows",    [HB_CL_CONV_WINOGRAD] = "Winograd",
    [HB_CL_CONV_DIRECT] = "direct",          [HB_CL_CONV_TILED] = "tiled windows",
    [HB_CL_CONV_WINOGRAD_TILED] = "Winograd"};

/* By the kernels of this file, or by conv_tiled.c's. */
static hebb_status prepare_windows(hb_device *device, hb_prepared *prepared, const hb_cl_conv *p,
                                   hb_error *error) {
    hb_cl_launch *launch = hb_cl_launch_add(prepared, p->step);
    if (launch == NULL) return hb_fail_memory(error, "a launch", sizeof *launch);
    if (p->way == HB_CL_CONV_TILED) hb_cl_conv_tiled(device, launch, p);
    else if (p->way == HB_CL_CONV_BANDS) hb_cl_conv_bands(device, launch, p);
    else if (p->step->kind == HB_CONV_WEIGHT)
        return prepare_weight(device, prepared, launch, p, error);
    else prepare_gather(device, launch, p);
    return prepare_sum(device, prepared, p, error);
}

hebb_status hb_cl_conv_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                               const char **solver, hb_error *error) {
    const hb_cl_conv p = product_of(device, step);
    *solver = names[p.way];
    if (p.rows == 0 || p.columns == 0 || p.conv->groups == 0) return HEBB_OK;
    if (step->kind != HB_CONV_WEIGHT && p.conv->batch == 0) return HEBB_OK;
    if (p.way == HB_CL_CONV_WINOGRAD) return hb_cl_conv_winograd(device, prepared, &p, error);
    if (p.way != HB_CL_CONV_SHIFTED && p.way != HB_CL_CONV_WINOGRAD_TILED)
        return prepare_windows(device, prepared, &p, error);
    const hebb_status status = p.way == HB_CL_CONV_SHIFTED
                                   ? hb_cl_conv_shifted(prepared, &p, error)
                                   : hb_cl_conv_winograd_tiled(prepared, &p, error);
    return status == HEBB_OK ? prepare_sum(device, prepared, &p, error) : status;
}
