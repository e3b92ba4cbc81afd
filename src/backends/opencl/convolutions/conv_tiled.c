/* Convolutions on GPUs as tiled products, gathered straight from the images: nothing like a matrix
   of windows is ever stored.

   CONV and CONV_INPUT: columns are the places of all images, the depth is taps (outer) and channels
   (inner), so that an item, which always fetches for the same column, finds its place in the source
   once a tap. CONV_WEIGHT: columns are pairs of channel and tap, the depth is the places of all
   images; it is cut into parts where there are few tiles. Called by conv.c. */
#include "conv.h"
#include "../products/tile.h"

static hebb_dtype dtype_of(const hb_cl_conv *p) { return p->step->out[0].dtype; }

/* Larger tiles were slower on an H200: 196 of 64 x 128 leave half of its units idle at the end.
   Items of 8 x 4 need less of the local memory's bandwidth than 4 x 4, but more of them must be
   there to hide its latency: two tiles a unit. CONV_WEIGHT's tiles, cut into parts, are as many. */
static hb_cl_tile tile_of(const hb_device *device, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    const bool weight = p->step->kind == HB_CONV_WEIGHT;
    if (weight && p->columns <= 16)
        return p->rows <= 32 ? (hb_cl_tile){32, 16, 4, 4} : (hb_cl_tile){64, 16, 4, 4};
    if (p->rows <= 32) return (hb_cl_tile){32, 64, 4, 4};
    const int64_t tiles = hb_ceil_div(p->rows, 64) *
                          hb_ceil_div(p->columns * (weight ? 1 : c->batch), 64) * c->groups;
    const bool many = weight || tiles >= 2 * (int64_t)device->info.units;
    return many ? (hb_cl_tile){64, 64, 8, 4} : (hb_cl_tile){64, 64, 4, 4};
}

bool hb_cl_conv_tiled_can(const hb_device *device, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    int64_t depth = p->step->kind == HB_CONV ? c->in_channels : c->out_channels;
    for (int d = 0; d < 3; d++)
        if (c->in[d] < 1 || c->out[d] < 1) return false;
    bool few = p->step->kind != HB_CONV_WEIGHT && depth < HB_CL_DEPTH / 2;
    return !device->lanes && !few && p->rows >= HB_CL_DEPTH && p->columns >= HB_CL_DEPTH / 2 &&
           hb_cl_tile_fits(device, tile_of(device, p), dtype_of(p));
}

int64_t hb_cl_conv_tiled_parts(const hb_device *device, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    hb_cl_tile t = tile_of(device, p);
    int64_t tiles = hb_ceil_div(p->rows, t.rows) * hb_ceil_div(p->columns, t.columns) * c->groups;
    return hb_cl_tile_parts(device, tiles, c->batch * c->out[0] * c->out[1] * c->out[2]);
}

/* ---- CONV and CONV_INPUT ---- */

/* Tiles and slices that are whole, as most are, are fetched without looking; places outside of the
   image, where the item has something else then, are zeros on the way to local memory. */
static void fetch_gathered(hb_cl_kernel *kernel, const void *product, hb_cl_spread a,
                           hb_cl_spread b) {
    const hb_cl_conv *p = product;
    const char *type = hb_cl_type(dtype_of(p));
    hb_cl_conv_source(kernel, p);
    hb_cl_print(&kernel->body,
                "global const %s *w = b + (t0 * k1 + t1) * k2 + t2 + c * ak;\n"
                "global const %s *from = a + c * plane + max(f, (hb_index)0);\n"
                "zero = f < 0;\n"
                "if (row + %d <= rows && c + %d <= depth) {\n",
                type, type, a.size, HB_CL_DEPTH);
    hb_cl_tile_fetch(kernel, a);
    hb_cl_print(&kernel->body, "ra[i] = w[n * ai + k * ak];\n}\n");
    hb_cl_tile_fetch(kernel, b);
    hb_cl_print(&kernel->body, "rb[i] = from[k * plane];\n}\n} else {\n");
    hb_cl_tile_fetch(kernel, a);
    hb_cl_print(&kernel->body,
                "ra[i] = row + n < rows && c + k < depth ? w[n * ai + k * ak] : 0;\n}\n");
    hb_cl_tile_fetch(kernel, b);
    hb_cl_print(&kernel->body,
                "rb[i] = c + k < depth ? from[k * plane] : 0;\n}\n}\n"
                "c += %d;\n"
                "if (c >= depth) {\nc = 0;\n"
                "if (++t2 == k2) {\nt2 = 0;\nif (++t1 == k1) {\nt1 = 0;\nt0++;\n}\n}\n}\n",
                HB_CL_DEPTH);
}

static void write_gather(hb_cl_kernel *kernel, const hb_cl_conv *p, hb_cl_tile t) {
    int items = hb_cl_tile_items(t);
    hb_cl_conv_operands(kernel, p);
    hb_cl_conv_roles(kernel, p);
    hb_cl_tile_begin(kernel, dtype_of(p), t);
    hb_cl_print(&kernel->body,
                "const hb_index group = (hb_index)HB_GROUP(2), total = batch * points;\n"
                "const hb_index mine = min(column + l %% %d, total - 1), image = mine / points;\n"
                "const hb_index point = mine - image * points;\n",
                t.columns);
    hb_cl_conv_point(kernel, p, "point");
    hb_cl_print(&kernel->body,
                "a += (image * groups + group) * depth * plane;\n"
                "b += group * outer * inner * taps + row * ai;\n"
                "const hb_index slices = (depth + %d) / %d * taps;\n"
                "hb_index t0 = 0, t1 = 0, t2 = 0, c = 0;\nbool zero = true;\n",
                HB_CL_DEPTH - 1, HB_CL_DEPTH);
    hb_cl_spread a = {t.rows, items, p->step->kind == HB_CONV, NULL};
    hb_cl_spread b = {t.columns, items, false, "zero"};
    hb_cl_tile_multiply(kernel, dtype_of(p), t, a, b, fetch_gathered, p);
    hb_cl_tile_results(kernel, t, "m", "n");
    hb_cl_print(&kernel->body,
                "if (m < rows && n < total)\n"
                "y[((n / points * groups + group) * rows + m) * points + n %% points] = acc[e];\n"
                "}\n");
}

/* ---- CONV_WEIGHT ---- */

/* Rows and columns past the end are those at the end again, as their results are not stored. */
static void fetch_weight(hb_cl_kernel *kernel, const void *product, hb_cl_spread a,
                         hb_cl_spread b) {
    const hb_cl_conv *p = product;
    const char *type = hb_cl_type(dtype_of(p)), *whole = kernel->wide ? "ulong" : "uint";
    hb_cl_print(&kernel->body,
                "const bool there = z < end;\n"
                "global const %s *dy = b + image * groups * outer * outs + point;\n"
                "const hb_index p0 = q0 * s0, p1 = q1 * s1, p2 = q2 * s2;\n"
                "global const %s *from = a + image * groups * inner * ins + (p0 * n1 + p1) * n2 + "
                "p2;\n",
                type, type);
    hb_cl_tile_fetch(kernel, a);
    hb_cl_print(&kernel->body, "ra[i] = there ? dy[min(row + n, outer - 1) * outs] : 0;\n}\n"
                               "#pragma unroll\n");
    hb_cl_print(&kernel->body, "for (int i = 0; i < %d; i++)\nrb[i] = there",
                hb_cl_tile_fetched(b));
    for (int d = 0; d < 3; d++)
        if (!hb_cl_conv_is_flat(p->conv, d))
            hb_cl_print(&kernel->body, " && (%s)(p%d + u%d[i]) < (%s)n%d", whole, d, d, whole, d);
    hb_cl_print(&kernel->body, " ? from[at[i]] : 0;\n");
    /* The next place: DEPTH further, in the same image or the ones after it. */
    hb_cl_print(&kernel->body,
                "z += %d;\npoint += %d;\nq2 += %d;\n"
                "while (q2 >= m2) {\nq2 -= m2;\nq1++;\n}\n"
                "while (q1 >= m1) {\nq1 -= m1;\nq0++;\n}\n"
                "while (q0 >= m0) {\nq0 -= m0;\nimage++;\npoint -= outs;\n}\n",
                HB_CL_DEPTH, HB_CL_DEPTH, HB_CL_DEPTH);
}

static void write_weight(hb_cl_kernel *kernel, const hb_cl_conv *p, hb_cl_tile t) {
    int items = hb_cl_tile_items(t);
    hb_cl_spread a = {t.rows, items, true, NULL}, b = {t.columns, items, true, NULL};
    int each = hb_cl_tile_fetched(b);
    hb_cl_conv_operands(kernel, p);
    hb_cl_index_param(kernel, "parts", p->parts);
    hb_cl_tile_begin(kernel, dtype_of(p), t);
    hb_cl_print(&kernel->body,
                "const hb_index width = inner * taps, total = batch * outs;\n"
                "const hb_index part = (hb_index)HB_GROUP(2) / groups;\n"
                "const hb_index group = (hb_index)HB_GROUP(2) %% groups;\n"
                "const hb_index count = ((total + parts - 1) / parts + %d) / %d * %d;\n"
                "const hb_index first = part * count;\n"
                "const hb_index end = min(first + count, total);\n"
                "const hb_index slices = end > first ? (end - first + %d) / %d : 0;\n"
                "a += group * inner * ins;\nb += group * outer * outs;\n"
                "hb_index z = first + l %% %d, image = z / outs, point = z - image * outs;\n"
                "hb_index q2 = point %% m2, q1 = point / m2 %% m1, q0 = point / m2 / m1;\n"
                "hb_index at[%d], u0[%d], u1[%d], u2[%d];\n",
                HB_CL_DEPTH - 1, HB_CL_DEPTH, HB_CL_DEPTH, HB_CL_DEPTH - 1, HB_CL_DEPTH,
                HB_CL_DEPTH, each, each, each, each);
    hb_cl_tile_fetch(kernel, b);
    hb_cl_print(&kernel->body, "const hb_index j = min(column + n, width - 1);\n"
                               "u2[i] = j %% k2 * d2 - e2;\nu1[i] = j / k2 %% k1 * d1 - e1;\n"
                               "u0[i] = j / k2 / k1 %% k0 * d0 - e0;\n"
                               "at[i] = j / taps * ins + (u0[i] * n1 + u1[i]) * n2 + u2[i];\n}\n");
    hb_cl_tile_multiply(kernel, dtype_of(p), t, a, b, fetch_weight, p);
    hb_cl_print(&kernel->body, "y += (part * groups + group) * outer * width;\n");
    hb_cl_tile_results(kernel, t, "m", "n");
    hb_cl_print(&kernel->body, "if (m < outer && n < width) y[m * width + n] = acc[e];\n}\n");
}

void hb_cl_conv_tiled(const hb_device *device, hb_cl_launch *launch, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    bool weight = p->step->kind == HB_CONV_WEIGHT;
    hb_cl_tile t = tile_of(device, p);
    int items = hb_cl_tile_items(t);
    if (weight) write_weight(&launch->source, p, t);
    else write_gather(&launch->source, p, t);
    int64_t columns = p->columns * (weight ? 1 : c->batch);
    hb_cl_range_rows(launch, hb_ceil_div(columns, t.columns) * items, (size_t)items,
                     hb_ceil_div(p->rows, t.rows), c->groups * p->parts);
}
