/* Convolutions on CPUs of few channels, above all one a group, and of strides: a work-item copies a
   band of rows of a source, with zeros around it and elements in the order in which a stride takes
   them, into its own memory, where it stays in the caches. Each tap then reads neighboring elements
   for neighboring results. Called by conv.c.

   CONV and CONV_INPUT: an item makes the results of some rows. A tile is `height` channels of the
   result by `vectors` vectors of places along the width. Along it, CONV_INPUT has as many grids of
   results as there are residues of a place modulo the stride; in each, the taps are those that
   reach the place.

   CONV_WEIGHT: an item goes through some bands. A tile is `height` channels of dy by `vectors` taps
   of a channel, a sum over the band's places in vectors, which are added up at its end.

   Names in the generated text, besides those of conv.h: band[channel, t0][row][phase][place] the
   copy; high and wide the rows and the elements of a row of each of its planes; phase number f
   holds each stride-th element from the f-th on; at[k] how far on in a row the k-th tap reads,
   tap[k] which one it is. */
#include <stdio.h>

#include "conv.h"

/* BAND_BYTES: a part of the second-level cache, and of a stack. SUM_ITEMS: wanted for CONV_WEIGHT,
   whose sums are the same for any number of cores. */
enum {
    BAND_BYTES = 128 << 10,
    SUM_BYTES = 64 << 10,
    SUM_ITEMS = 16,
    MOST_TAPS = 128,
    ROWS = 8,
    TILE = 16
};

static hebb_dtype dtype_of(const hb_cl_conv *p) { return p->step->out[0].dtype; }
static int64_t size_of(const hb_cl_conv *p) { return (int64_t)hebb_dtype_size(dtype_of(p)); }
static int64_t lanes_of(const hb_cl_conv *p) { return 64 / size_of(p); }

/* How a convolution is cut. */
typedef struct bands {
    int64_t planes;        /* that are copied: channels by taps along the first dimension */
    int64_t to[3];         /* the sizes of what bands are rows of: the result, or dy */
    int64_t residues;      /* along the width */
    int64_t phases, pitch; /* of a row of the copy, and the places of a phase */
    int64_t step, before;  /* place i of phase f is element i * step + f - before of the source */
    int64_t rows, high;    /* of a band, and of its copy */
    int64_t bands;         /* of to[1] */
    int64_t length;        /* of a band's rows, in places of a grid */
    int64_t pieces;        /* of such a length */
    int64_t height, vectors;
    int64_t block; /* CONV_WEIGHT: channels of dy of an item */
} bands;

static int64_t power_of_two(int64_t n, int64_t most) {
    int64_t power = 1;
    while (power < n && power < most) power *= 2;
    return power;
}

static int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

static void lay_out_rows(const hb_cl_conv *p, bands *s) {
    const hb_conv *c = p->conv;
    const bool transposed = p->step->kind == HB_CONV_INPUT;
    const int64_t span = (c->kernel[2] - 1) * c->dilation[2], stride = c->stride[2];
    s->pitch = s->length;
    if (transposed) {
        s->phases = s->step = 1;
        s->before = hb_max(0, -floor_div(c->before[2] - span, stride));
        s->pitch += s->before + (stride - 1 + c->before[2]) / stride;
    } else {
        s->phases = hb_min(stride, span + 1);
        s->step = stride;
        s->before = c->before[2];
        s->pitch += span / stride;
    }
}

/* Rows of a copy for so many rows of a band. */
static int64_t high_of(const hb_cl_conv *p, int64_t rows) {
    const hb_conv *c = p->conv;
    const int64_t span = (c->kernel[1] - 1) * c->dilation[1];
    if (p->step->kind == HB_CONV_INPUT) return (rows - 1 + span) / c->stride[1] + 2;
    return (rows - 1) * c->stride[1] + span + 1;
}

/* Whether a band fits, and what is copied of dy. */
static bool fits(const hb_cl_conv *p, const bands *s) {
    const int64_t band = s->planes * high_of(p, s->rows) * s->phases * s->pitch;
    const int64_t dy = s->height * s->rows * s->length;
    return band * size_of(p) <= BAND_BYTES &&
           (p->step->kind != HB_CONV_WEIGHT || dy * size_of(p) <= BAND_BYTES / 2);
}

static void cut_rows(const hb_device *device, const hb_cl_conv *p, bands *s) {
    const hb_conv *c = p->conv;
    const int64_t images = c->batch * c->groups * s->to[0];
    const int64_t items = p->step->kind == HB_CONV_WEIGHT ? SUM_ITEMS : hb_cl_items(device, 1);
    const int64_t wanted = hb_ceil_div(items, hb_max(1, images));
    s->rows = hb_max(1, hb_ceil_div(s->to[1], wanted));
    while (s->rows > 1 && !fits(p, s)) s->rows = hb_ceil_div(s->rows, 2);
    s->bands = hb_ceil_div(s->to[1], s->rows);
    s->high = high_of(p, s->rows);
}

/* Rows too long to be copied are cut into pieces. */
static void cut_band(const hb_device *device, const hb_cl_conv *p, bands *s) {
    const int64_t grid = hb_ceil_div(s->to[2], s->residues);
    const int64_t wide = p->step->kind == HB_CONV_WEIGHT ? lanes_of(p) : s->vectors * lanes_of(p);
    s->length = hb_ceil_div(grid, wide) * wide;
    for (;;) {
        lay_out_rows(p, s);
        cut_rows(device, p, s);
        if (fits(p, s) || s->length <= wide) break;
        s->length = hb_ceil_div(hb_ceil_div(s->length, 2), wide) * wide;
    }
    s->pieces = hb_ceil_div(grid, s->length);
}

static bands cut(const hb_device *device, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    const bool weight = p->step->kind == HB_CONV_WEIGHT, input = p->step->kind == HB_CONV_INPUT;
    bands s = {.planes = (input ? c->out_channels : c->in_channels) * c->kernel[0],
               .residues = input ? hb_min(c->stride[2], c->in[2]) : 1};
    for (int d = 0; d < 3; d++) s.to[d] = input ? c->in[d] : c->out[d];
    if (weight) {
        s.height = power_of_two(c->out_channels, 4);
        s.vectors = power_of_two(c->kernel[1] * c->kernel[2], TILE / 2 / power_of_two(s.height, 2));
        s.block = SUM_BYTES / size_of(p) / hb_max(1, p->columns);
        s.block = hb_min(c->out_channels, s.block / s.height * s.height);
    } else {
        s.height = power_of_two(p->rows, ROWS);
        s.vectors = power_of_two(hb_ceil_div(hb_ceil_div(s.to[2], s.residues), lanes_of(p)),
                                 hb_min(ROWS, TILE / s.height));
    }
    cut_band(device, p, &s);
    return s;
}

bool hb_cl_conv_bands_can(const hb_device *device, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    if (!device->lanes || c->batch == 0 || !hb_conv_copies_fit(c)) return false;
    for (int d = 0; d < 3; d++)
        if (c->out[d] < 1 || c->in[d] < 1 || c->kernel[d] < 1) return false;
    if (c->in_channels < 1 || c->out_channels < 1 || c->kernel[2] > MOST_TAPS) return false;
    if (c->kernel[1] > MOST_TAPS || c->stride[2] > 64) return false;
    const bands s = cut(device, p);
    return fits(p, &s) && (p->step->kind != HB_CONV_WEIGHT || s.block > 0);
}

int64_t hb_cl_conv_bands_parts(const hb_device *device, const hb_cl_conv *p) {
    const bands s = cut(device, p);
    const int64_t others = p->conv->groups * hb_ceil_div(p->conv->out_channels, s.block);
    const int64_t wanted = hb_ceil_div(SUM_ITEMS, others);
    return hb_max(1, hb_min(wanted, p->conv->batch * s.to[0] * s.bands * s.pieces));
}

/* What a tile computes, waits for or does at its end, over its multiplications; and the copy. */
double hb_cl_conv_bands_cost(const hb_device *device, const hb_cl_conv *p) {
    enum { LATENCY = 4, TILE_END = 40, ROW_END = 5, COPIED = 3, TAKEN_APART = 16 };
    const hb_conv *c = p->conv;
    const bands s = cut(device, p);
    const bool weight = p->step->kind == HB_CONV_WEIGHT;
    const double tile = (double)(s.height * s.vectors);
    const int64_t taps = c->kernel[1] * c->kernel[2], length = hb_min(s.length, s.to[2]);
    const int64_t rows = weight ? c->out_channels : p->rows;
    double waits = tile < LATENCY ? LATENCY / tile : 1;
    double used = (double)rows / (double)(hb_ceil_div(rows, s.height) * s.height), terms;
    if (weight) {
        used *= (double)taps / (double)(hb_ceil_div(taps, s.vectors) * s.vectors);
        terms = (double)s.rows * hb_ceil_div(length, lanes_of(p));
    } else {
        used *= (double)s.to[2] / (double)(s.residues * s.pieces * s.length);
        terms = (double)(s.planes * taps) / (double)(s.residues * c->stride[1]);
        waits += ROW_END * (double)s.residues / (tile * (double)c->kernel[2]);
    }
    const double copied = s.step == 1 ? COPIED : TAKEN_APART;
    const double copy = copied * (double)(s.planes * s.high * s.phases * s.pitch);
    double work = (double)(rows * s.rows * length * s.planes * taps);
    if (p->step->kind == HB_CONV_INPUT) work /= (double)hb_volume(c->stride);
    return (waits + TILE_END / (tile * hb_max(1, (int64_t)terms))) / used + copy / work;
}

/* ---- text ---- */

static void begin(hb_cl_kernel *kernel, const hb_cl_conv *p, const bands *s) {
    hb_cl_conv_operands(kernel, p);
    hb_cl_index_param(kernel, "each", s->rows);
    hb_cl_index_param(kernel, "bands", s->bands);
    hb_cl_index_param(kernel, "pieces", s->pieces);
    hb_cl_index_param(kernel, "length", s->length);
    hb_cl_index_param(kernel, "high", s->high);
    hb_cl_index_param(kernel, "pitch", s->pitch);
    hb_cl_index_param(kernel, "step", s->step);
    hb_cl_index_param(kernel, "before", s->before);
    hb_cl_print(&kernel->body, "const hb_index wide = %d * pitch;\n%s band[%d];\n", (int)s->phases,
                hb_cl_type(dtype_of(p)), (int)(BAND_BYTES / size_of(p)));
}

/* Phases of the row x, if the source has it, between zeros. Compilers know how to take vectors
   apart for small steps that they see. */
static void write_copied_row(hb_cl_kernel *kernel, const bands *s, const char *size) {
    hb_cl_print(&kernel->body,
                "for (hb_index f = 0; f < %d; f++, to += pitch) {\n"
                "const hb_index none = before - f - g0 * step, end = %s + none;\n"
                "const hb_index first = none > 0 ? min((none + step - 1) / step, pitch) : 0;\n"
                "const hb_index last = in && end > 0 ? min((end + step - 1) / step, pitch) : 0;\n"
                "for (hb_index i = 0; i < first; i++) to[i] = 0;\n",
                (int)s->phases, size);
    if (s->step <= 4)
        hb_cl_print(&kernel->body,
                    "for (hb_index i = first; i < last; i++) to[i] = x[i * %d - none];\n",
                    (int)s->step);
    else
        hb_cl_append(&kernel->body,
                     "for (hb_index i = first; i < last; i++) to[i] = x[i * step - none];\n");
    hb_cl_append(&kernel->body,
                 "for (hb_index i = max(first, last); i < pitch; i++) to[i] = 0;\n}\n");
}

/* Copies what rows from r0 on of plane q0 read for places from g0 on of the planes that begin at
   `source`; the copy's first row is row low1. */
static void write_copy(hb_cl_kernel *kernel, const hb_cl_conv *p, const bands *s) {
    const bool input = p->step->kind == HB_CONV_INPUT;
    const char *type = hb_cl_type(dtype_of(p)), *from = input ? "m" : "n";
    if (input)
        hb_cl_append(&kernel->body,
                     "const hb_index farthest = r0 + e1 - (k1 - 1) * d1;\n"
                     "const hb_index low1 =\n"
                     "farthest >= 0 ? (farthest + s1 - 1) / s1 : -(-farthest / s1);\n");
    else hb_cl_append(&kernel->body, "const hb_index low1 = r0 * s1 - e1;\n");
    hb_cl_print(&kernel->body,
                "{\n%s *to = band;\n"
                "for (hb_index c = 0; c < %s; c++, source += %s)\n"
                "for (hb_index t0 = 0; t0 < k0; t0++) {\n",
                type, input ? "outer" : "inner", input ? "outs" : "ins");
    if (input)
        hb_cl_append(&kernel->body, "const hb_index v0 = q0 + e0 - t0 * d0, f0 = v0 / s0;\n"
                                    "const bool in0 = v0 >= 0 && f0 * s0 == v0 && f0 < m0;\n");
    else
        hb_cl_append(&kernel->body, "const hb_index f0 = q0 * s0 - e0 + t0 * d0;\n"
                                    "const bool in0 = f0 >= 0 && f0 < n0;\n");
    hb_cl_print(&kernel->body,
                "for (hb_index r = 0; r < high; r++) {\n"
                "const hb_index f1 = low1 + r;\n"
                "const bool in = in0 && f1 >= 0 && f1 < %s1;\n"
                "global const %s *x = source + (in ? (f0 * %s1 + f1) * %s2 : 0);\n",
                from, type, from, from);
    write_copied_row(kernel, s, input ? "m2" : "n2");
    hb_cl_append(&kernel->body, "}\n}\n}\n");
}

/* ---- CONV and CONV_INPUT ---- */

/* The taps along the width that reach places of the residue; `reaching` is how many. */
static void write_taps(hb_cl_kernel *kernel, bool input) {
    hb_cl_print(&kernel->body,
                "hb_index at[%d], tap[%d];\nint reaching = 0;\n"
                "for (hb_index t = 0; t < k2; t++) {\n",
                MOST_TAPS, MOST_TAPS);
    if (input)
        hb_cl_append(&kernel->body,
                     "const hb_index v = residue + e2 - t * d2 + before * s2;\n"
                     "if (v < 0 || v % s2 != 0) continue;\nat[reaching] = v / s2;\n");
    else hb_cl_append(&kernel->body, "at[reaching] = t * d2 % s2 * pitch + t * d2 / s2;\n");
    hb_cl_append(&kernel->body, "tap[reaching++] = t;\n}\n");
}

/* The taps along the height that reach row q1: in which row of the copy. */
static void write_row_taps(hb_cl_kernel *kernel, const hb_cl_conv *p) {
    hb_cl_print(&kernel->body,
                "hb_index at1[%d], tap1[%d];\nint reaching1 = 0;\n"
                "for (hb_index t = 0; t < k1; t++) {\n",
                MOST_TAPS, MOST_TAPS);
    if (p->step->kind != HB_CONV_INPUT)
        hb_cl_append(&kernel->body, "at1[reaching1] = ((q1 - r0) * s1 + t * d1) * wide;\n");
    else
        hb_cl_print(&kernel->body,
                    "const hb_index v = q1 + e1 - t * d1, f = %s;\n"
                    "if (v < 0 || f >= m1%s) continue;\nat1[reaching1] = (f - low1) * wide;\n",
                    p->conv->stride[1] == 1 ? "v" : "v / s1",
                    p->conv->stride[1] == 1 ? "" : " || f * s1 != v");
    hb_cl_append(&kernel->body, "tap1[reaching1++] = t * k2;\n}\n");
}

/* The sums of a tile at channel `row` and place `column`: s[i][v]. */
static void write_tile(hb_cl_kernel *kernel, const hb_cl_conv *p, const bands *s) {
    const char *type = hb_cl_type(dtype_of(p));
    const int lanes = (int)lanes_of(p), height = (int)s->height, vectors = (int)s->vectors;
    hb_cl_print(&kernel->body,
                "%s%d s[%d][%d];\nhb_index wi[%d];\n"
                "#pragma unroll\nfor (int i = 0; i < %d; i++) {\n"
                "wi[i] = row + i < rows ? i * ai : 0;\n"
                "#pragma unroll\nfor (int v = 0; v < %d; v++) s[i][v] = 0;\n}\n"
                "for (hb_index c = 0; c < depth; c++)\n"
                "for (hb_index t0 = 0; t0 < k0; t0++)\n"
                "for (int n = 0; n < reaching1; n++) {\n"
                "const %s *from = band + (c * k0 + t0) * high * wide + at1[n] + column;\n"
                "global const %s *w = b + row * ai + c * ak + t0 * k1 * k2 + tap1[n];\n"
                "for (int k = 0; k < reaching; k++) {\n"
                "%s%d x[%d];\n"
                "#pragma unroll\nfor (int v = 0; v < %d; v++) x[v] = vload%d(v, from + at[k]);\n"
                "#pragma unroll\nfor (int i = 0; i < %d; i++) {\n"
                "const %s factor = w[wi[i] + tap[k]];\n"
                "#pragma unroll\nfor (int v = 0; v < %d; v++) s[i][v] += factor * x[v];\n"
                "}\n}\n}\n",
                type, lanes, height, vectors, height, height, vectors, type, type, type, lanes,
                vectors, vectors, lanes, height, type, vectors);
}

/* Stores the tile, whose places are `residues` apart. */
static void write_results(hb_cl_kernel *kernel, const hb_cl_conv *p, const bands *s) {
    const char *type = hb_cl_type(dtype_of(p)), *to = p->step->kind == HB_CONV_INPUT ? "n" : "m";
    const int lanes = (int)lanes_of(p), height = (int)s->height, vectors = (int)s->vectors;
    hb_cl_print(&kernel->body,
                "const int count = (int)min(grid - column, (hb_index)%d);\n"
                "global %s *to =\n"
                "y + row * points + (q0 * %s1 + q1) * %s2 + (g0 + column) * %d + residue;\n"
                "#pragma unroll\nfor (int i = 0; i < %d; i++, to += points) {\n"
                "if (row + i >= rows) break;\n"
                "%s out[%d];\n"
                "#pragma unroll\nfor (int v = 0; v < %d; v++) vstore%d(s[i][v], v, out);\n"
                "for (int l = 0; l < count; l++) to[l * %d] = out[l];\n}\n",
                vectors * lanes, type, to, to, (int)s->residues, height, type, vectors * lanes,
                vectors, lanes, (int)s->residues);
}

static void write_gather(hb_cl_kernel *kernel, const hb_cl_conv *p, const bands *s) {
    const bool input = p->step->kind == HB_CONV_INPUT;
    const char *to = input ? "n" : "m";
    begin(kernel, p, s);
    hb_cl_conv_roles(kernel, p);
    hb_cl_print(&kernel->body,
                "const hb_index u = (hb_index)HB_ITEM(0), g0 = u %% pieces * length;\n"
                "const hb_index q0 = u / pieces / bands;\n"
                "const hb_index r0 = u / pieces %% bands * each, r1 = min(r0 + each, %s1);\n"
                "const hb_index image = (hb_index)HB_ITEM(1);\n"
                "global const %s *source = a + image * depth * plane;\n"
                "b += image %% groups * outer * inner * taps;\ny += image * rows * points;\n",
                to, hb_cl_type(dtype_of(p)));
    write_copy(kernel, p, s);
    hb_cl_print(&kernel->body,
                "for (hb_index residue = 0; residue < %d; residue++) {\n"
                "const hb_index grid = min((%s2 - residue + %d) / %d - g0, length);\n",
                (int)s->residues, to, (int)s->residues - 1, (int)s->residues);
    write_taps(kernel, input);
    hb_cl_append(&kernel->body, "for (hb_index q1 = r0; q1 < r1; q1++) {\n");
    write_row_taps(kernel, p);
    hb_cl_print(&kernel->body,
                "for (hb_index row = 0; row < rows; row += %d)\n"
                "for (hb_index column = 0; column < grid; column += %d) {\n",
                (int)s->height, (int)(s->vectors * lanes_of(p)));
    write_tile(kernel, p, s);
    write_results(kernel, p, s);
    hb_cl_append(&kernel->body, "}\n}\n}\n");
}

/* ---- CONV_WEIGHT ---- */

/* Rows [row, row + height) of dy in the band, each row of places filled up with zeros. */
static void write_copied_dy(hb_cl_kernel *kernel, const hb_cl_conv *p, const bands *s) {
    const char *type = hb_cl_type(dtype_of(p));
    hb_cl_print(
        &kernel->body,
        "for (int i = 0; i < %d; i++)\nfor (hb_index r = 0; r < r1 - r0; r++) {\n"
        "%s *to = dy + (i * each + r) * length;\n"
        "global const %s *from =\n"
        "b + (image * outer + min(row + i, outer - 1)) * outs + (q0 * m1 + r0 + r) * m2 + g0;\n"
        "for (hb_index l = 0; l < grid; l++) to[l] = from[l];\n"
        "for (hb_index l = grid; l < length; l++) to[l] = 0;\n}\n",
        (int)s->height, type, type);
}

/* s[i][v] += products of the vector from place l on. Past a row's end there are elements of x that
   are not part of the sums, and may be infinite. */
static void write_products(hb_cl_kernel *kernel, const hb_cl_conv *p, const bands *s, bool end) {
    const char *type = hb_cl_type(dtype_of(p));
    const int lanes = (int)lanes_of(p), height = (int)s->height, vectors = (int)s->vectors;
    hb_cl_print(
        &kernel->body,
        "%s%d x[%d];\n"
        "#pragma unroll\nfor (int v = 0; v < %d; v++) x[v] = vload%d(0, from + off[v] + l);\n",
        type, lanes, vectors, vectors, lanes);
    if (end)
        hb_cl_print(
            &kernel->body,
            "#pragma unroll\nfor (int v = 0; v < %d; v++) x[v] = inside ? x[v] : (%s%d)0;\n",
            vectors, type, lanes);
    hb_cl_print(&kernel->body,
                "#pragma unroll\nfor (int i = 0; i < %d; i++) {\n"
                "const %s%d g = vload%d(0, dy + (i * each + r) * length + l);\n"
                "#pragma unroll\nfor (int v = 0; v < %d; v++) s[i][v] += g * x[v];\n}\n",
                height, type, lanes, lanes, vectors);
}

/* Adds the vector s[i][v], half to half, to the sum of its channel and tap. */
static void write_total(hb_cl_kernel *kernel, const hb_cl_conv *p) {
    const int lanes = (int)lanes_of(p);
    hb_cl_print(&kernel->body,
                "%s h[%d];\nvstore%d(s[i][v], 0, h);\n"
                "#pragma unroll\nfor (int reach = %d; reach > 0; reach /= 2) {\n"
                "#pragma unroll\nfor (int l = 0; l < reach; l++) h[l] += h[l + reach];\n}\n"
                "total[(row - begin + i) * width + c / k0 * taps + c %% k0 * k1 * k2 + k + v] += "
                "h[0];\n",
                hb_cl_type(dtype_of(p)), lanes, lanes, lanes / 2);
}

/* The band's sums for channels of dy from `row` on and all taps of all channels. */
static void write_band_sums(hb_cl_kernel *kernel, const hb_cl_conv *p, const bands *s) {
    const char *type = hb_cl_type(dtype_of(p));
    const int lanes = (int)lanes_of(p), height = (int)s->height, vectors = (int)s->vectors;
    hb_cl_print(&kernel->body,
                "for (hb_index c = 0; c < inner * k0; c++)\n"
                "for (hb_index k = 0; k < k1 * k2; k += %d) {\n"
                "hb_index off[%d];\n%s%d s[%d][%d];\n"
                "#pragma unroll\nfor (int v = 0; v < %d; v++) {\n"
                "const hb_index t = min(k + v, k1 * k2 - 1), t1 = t / k2, t2 = t %% k2 * d2;\n"
                "off[v] = t1 * d1 * wide + t2 %% s2 * pitch + t2 / s2;\n}\n"
                "#pragma unroll\nfor (int i = 0; i < %d; i++) {\n"
                "#pragma unroll\nfor (int v = 0; v < %d; v++) s[i][v] = 0;\n}\n"
                "for (hb_index r = 0; r < r1 - r0; r++) {\n"
                "const %s *from = band + (c * high + r * s1) * wide;\n"
                "for (hb_index l = 0; l < whole; l += %d) {\n",
                vectors, vectors, type, lanes, height, vectors, vectors, height, vectors, type,
                lanes);
    write_products(kernel, p, s, false);
    hb_cl_append(&kernel->body, "}\nif (whole < grid) {\nconst hb_index l = whole;\n");
    write_products(kernel, p, s, true);
    hb_cl_print(&kernel->body,
                "}\n}\n#pragma unroll\nfor (int i = 0; i < %d; i++) {\n"
                "#pragma unroll\nfor (int v = 0; v < %d; v++) {\n"
                "if (row + i >= end || k + v >= k1 * k2) continue;\n",
                height, vectors);
    write_total(kernel, p);
    hb_cl_append(&kernel->body, "}\n}\n}\n");
}

static void write_weight(hb_cl_kernel *kernel, const hb_cl_conv *p, const bands *s) {
    const char *type = hb_cl_type(dtype_of(p));
    const char *integer = size_of(p) == 4 ? "int" : "long"; /* as wide as an element */
    const int lanes = (int)lanes_of(p);
    begin(kernel, p, s);
    hb_cl_index_param(kernel, "block", s->block);
    hb_cl_index_param(kernel, "parts", p->parts);
    hb_cl_print(
        &kernel->body,
        "const hb_index begin = (hb_index)HB_ITEM(0) * block, end = min(begin + block, outer);\n"
        "const hb_index group = (hb_index)HB_ITEM(1) %% groups;\n"
        "const hb_index part = (hb_index)HB_ITEM(1) / groups;\n"
        "const hb_index width = inner * taps;\n"
        "%s dy[%d], total[%d];\n"
        "const %s%d lanes = (%s%d)(0, 1, 2, 3, 4, 5, 6, 7%s);\n",
        type, (int)(BAND_BYTES / 2 / size_of(p)), (int)(SUM_BYTES / size_of(p)), integer, lanes,
        integer, lanes, lanes == 16 ? ", 8, 9, 10, 11, 12, 13, 14, 15" : "");
    hb_cl_print(&kernel->body,
                "for (hb_index l = 0; l < (end - begin) * width; l++) total[l] = 0;\n"
                "const hb_index units = batch * m0 * bands * pieces;\n"
                "const hb_index few = units / parts, more = units %% parts;\n"
                "const hb_index u0 = part * few + min(part, more), u1 = u0 + few + (part < more);\n"
                "for (hb_index u = u0; u < u1; u++) {\n"
                "const hb_index g0 = u %% pieces * length, band_u = u / pieces;\n"
                "const hb_index r0 = band_u %% bands * each, r1 = min(r0 + each, m1);\n"
                "const hb_index q0 = band_u / bands %% m0;\n"
                "const hb_index image = band_u / bands / m0 * groups + group;\n"
                "const hb_index grid = min(m2 - g0, length), whole = grid / %d * %d;\n"
                "const %s%d inside = lanes < (%s)(grid - whole);\n"
                "global const %s *source = a + image * inner * ins;\n",
                lanes, lanes, integer, lanes, integer, type);
    write_copy(kernel, p, s);
    hb_cl_print(&kernel->body, "for (hb_index row = begin; row < end; row += %d) {\n",
                (int)s->height);
    write_copied_dy(kernel, p, s);
    write_band_sums(kernel, p, s);
    hb_cl_append(&kernel->body,
                 "}\n}\ny += ((part * groups + group) * outer + begin) * width;\n"
                 "for (hb_index l = 0; l < (end - begin) * width; l++) y[l] = total[l];\n");
}

void hb_cl_conv_bands(const hb_device *device, hb_cl_launch *launch, const hb_cl_conv *p) {
    const bands s = cut(device, p);
    const hb_conv *c = p->conv;
    if (p->step->kind == HB_CONV_WEIGHT) {
        write_weight(&launch->source, p, &s);
        hb_cl_range_items(launch, hb_ceil_div(c->out_channels, s.block), c->groups * p->parts, 1);
    } else {
        write_gather(&launch->source, p, &s);
        hb_cl_range_items(launch, s.to[0] * s.bands * s.pieces, c->batch * c->groups, 1);
    }
}
