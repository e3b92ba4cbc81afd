/* Convolutions on CPUs without panels: the source is copied once, padded, and the tiles of
   kernels/gemm_vector.cl read the copy itself. Called by conv.c.

   CONV and CONV_INPUT, with strides of 1: the padded rows of a plane have one length, so that a
   point's neighbor by a tap lies the same distance away for all points. A tile is eight channels of
   the result by neighboring points; those between the rows' ends, which no result has, are computed
   for nothing. The weights are copied, too, eight channels side by side.

   CONV_WEIGHT, with any strides: the channels of a padded place lie side by side. A tile is eight
   channels of dy by channels of x at one tap, a sum over places.

   Names in the generated text, besides those of conv.h: s the copies; p0... the padded sizes; r the
   elements from a row to the next. */
#include "conv.h"

/* MOST_ZEROS: a padded image has at most so many times the places of the image and the result. */
enum { TILE_ROWS = 8, BLOCK_ROWS = 64, FEW_CHANNELS = 12, COPY_GRAIN = 16384, MOST_ZEROS = 64 };

static hebb_dtype dtype_of(const hb_cl_conv *p) { return p->step->out[0].dtype; }
static int64_t width_of(const hb_cl_conv *p) { return dtype_of(p) == HEBB_F32 ? 32 : 16; }

/* What is copied: a source of planes, and how its places are padded. */
typedef struct copy {
    int64_t images, planes; /* images of all groups, each of so many planes */
    int64_t to[3];          /* sizes of the result */
    int64_t padded[3];
    int64_t reach;    /* how far the last tap is away */
    int64_t plane;    /* elements of a padded plane, or of the channels of a place */
    int64_t elements; /* of all of it */
} copy;

/* From the first place of a result to behind its last one, in padded rows. */
static int64_t span_of(const copy *s) {
    return ((s->to[0] - 1) * s->padded[1] + s->to[1] - 1) * s->padded[2] + s->to[2];
}

static copy copy_of(const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    const bool weight = p->step->kind == HB_CONV_WEIGHT, forward = p->step->kind == HB_CONV;
    copy s = {.images = c->batch * c->groups,
              .planes = weight || forward ? c->in_channels : c->out_channels};
    int64_t step = 1;
    for (int d = 2; d >= 0; d--) {
        s.to[d] = weight || forward ? c->out[d] : c->in[d];
        s.padded[d] =
            (s.to[d] - 1) * (weight ? c->stride[d] : 1) + (c->kernel[d] - 1) * c->dilation[d] + 1;
        s.reach += (c->kernel[d] - 1) * c->dilation[d] * step;
        step *= s.padded[d];
    }
    if (weight) {
        s.plane = hb_ceil_div(s.planes, width_of(p)) * width_of(p);
        s.elements = s.images * hb_volume(s.padded) * s.plane;
        return s;
    }
    /* Tiles read up to their full width. An odd number of lines, so that planes do not share the
       same few places of a cache. */
    const int64_t read = hb_ceil_div(span_of(&s), width_of(p)) * width_of(p) + s.reach;
    const int64_t line = width_of(p) / 2;
    s.plane = (hb_ceil_div(hb_max(hb_volume(s.padded), read), line) | 1) * line;
    s.elements = s.images * s.planes * s.plane;
    return s;
}

static int64_t packed_weights(const hb_cl_conv *p, const copy *s) {
    if (p->step->kind == HB_CONV_WEIGHT) return 0;
    return p->conv->groups * hb_ceil_div(p->rows, TILE_ROWS) * TILE_ROWS * s->planes *
           hb_volume(p->conv->kernel);
}

bool hb_cl_conv_shifted_can(const hb_device *device, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    if (!device->lanes || p->rows < TILE_ROWS || c->batch == 0 || !hb_conv_copies_fit(c))
        return false;
    for (int d = 0; d < 3; d++)
        if (c->out[d] < 1 || c->in[d] < 1 || c->kernel[d] < 1) return false;
    const copy s = copy_of(p);
    if (p->step->kind == HB_CONV_WEIGHT)
        return c->in_channels >= FEW_CHANNELS &&
               hb_volume(s.padded) <= MOST_ZEROS * (hb_volume(c->in) + hb_volume(c->out));
    for (int d = 0; d < 3; d++)
        if (c->stride[d] != 1) return false;
    return s.planes > 0 && 3 * hb_volume(s.to) > 2 * (hb_volume(s.padded) - s.reach);
}

int64_t hb_cl_conv_shifted_elements(const hb_cl_conv *p) {
    const copy s = copy_of(p);
    return s.elements + packed_weights(p, &s);
}

double hb_cl_conv_shifted_cost(const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    const double rows = (double)(hb_ceil_div(p->rows, TILE_ROWS) * TILE_ROWS) / (double)p->rows;
    if (p->step->kind == HB_CONV_WEIGHT)
        return rows * (double)(hb_ceil_div(c->in_channels, width_of(p)) * width_of(p)) /
               (double)c->in_channels;
    const copy s = copy_of(p);
    const int64_t columns = hb_ceil_div(span_of(&s), width_of(p)) * width_of(p);
    return rows * (double)columns / (double)hb_volume(s.to) * (1 + 6 / (double)s.planes);
}

/* ---- text ---- */

static bool begin(hb_prepared *prepared, const hb_cl_conv *p, const copy *s, hb_cl_kernel **out) {
    hb_cl_launch *launch = hb_cl_launch_add(prepared, p->step);
    if (launch == NULL) return false;
    hb_cl_kernel *kernel = &launch->source;
    const int64_t size = (int64_t)hebb_dtype_size(dtype_of(p));
    const int64_t parts = p->parts > 1 ? p->parts * hb_cl_conv_weights(p->conv) : 0;
    const int64_t at = p->step->scratch_offset / size + parts;
    hb_cl_conv_operands(kernel, p);
    if (at + s->elements + packed_weights(p, s) > INT32_MAX - (1 << 20)) kernel->wide = true;
    hb_cl_need(kernel, HB_CL_GEMM_VECTOR, dtype_of(p));
    hb_cl_buffer_param(kernel, "s", p->step->scratch_buffer, dtype_of(p), true);
    hb_cl_index_param(kernel, "os", at);
    hb_cl_index_param(kernel, "pitch", s->plane);
    hb_cl_index_param(kernel, "packed", s->elements);
    hb_cl_index_param(kernel, "p1", s->padded[1]);
    hb_cl_index_param(kernel, "p2", s->padded[2]);
    hb_cl_print(&kernel->body, "s += os;\n");
    *out = kernel;
    return true;
}

static void set_items(hb_prepared *prepared, int64_t x, int64_t y, int64_t z) {
    hb_cl_range_items(&prepared->launches[prepared->n_launches - 1], x, y, z);
}

/* Zeros before the source's first element; fewer than none: elements left out. */
static void write_before(hb_cl_kernel *kernel, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    for (int d = 0; d < 3; d++) {
        const char *const names[] = {"z0", "z1", "z2"};
        const int64_t before = p->step->kind == HB_CONV_INPUT
                                   ? (c->kernel[d] - 1) * c->dilation[d] - c->before[d]
                                   : c->before[d];
        hb_cl_index_param(kernel, names[d], before);
    }
}

/* A padded plane: rows between zeros. */
static bool add_planes(hb_prepared *prepared, const hb_cl_conv *p, const copy *s) {
    hb_cl_kernel *kernel;
    if (!begin(prepared, p, s, &kernel)) return false;
    const int64_t planes = s->images * s->planes;
    const int64_t each = hb_min(planes, hb_ceil_div(COPY_GRAIN, s->plane));
    const char *from = p->step->kind == HB_CONV_INPUT ? "m" : "n";
    write_before(kernel, p);
    hb_cl_index_param(kernel, "p0", s->padded[0]);
    hb_cl_index_param(kernel, "planes", planes);
    hb_cl_index_param(kernel, "each", each);
    hb_cl_print(&kernel->body,
                "const hb_index u0 = (hb_index)HB_ITEM(0) * each, u1 = min(u0 + each, planes);\n"
                "for (hb_index u = u0; u < u1; u++) {\n"
                "global %s *to = s + u * pitch;\n"
                "for (hb_index r = 0; r < p0 * p1; r++, to += p2) {\n"
                "const hb_index f0 = r / p1 - z0, f1 = r %% p1 - z1;\n"
                "const bool in = f0 >= 0 && f0 < %s0 && f1 >= 0 && f1 < %s1;\n"
                "const hb_index first = in ? min(max(z2, (hb_index)0), p2) : p2;\n"
                "const hb_index last = in ? max(min(z2 + %s2, p2), first) : p2;\n"
                "global const %s *x = a + ((u * %s0 + f0) * %s1 + f1) * %s2 - z2;\n"
                "for (hb_index i = 0; i < first; i++) to[i] = 0;\n"
                "for (hb_index i = first; i < last; i++) to[i] = x[i];\n"
                "for (hb_index i = last; i < p2; i++) to[i] = 0;\n}\n"
                "for (hb_index i = p0 * p1 * p2; i < pitch; i++) s[u * pitch + i] = 0;\n}\n",
                hb_cl_type(dtype_of(p)), from, from, from, hb_cl_type(dtype_of(p)), from, from,
                from);
    set_items(prepared, hb_ceil_div(planes, each), 1, 1);
    return true;
}

/* w[group][rows / 8][tap][plane][8]; CONV_INPUT sees the taps from the other end. */
static bool add_weights(hb_prepared *prepared, const hb_cl_conv *p, const copy *s) {
    hb_cl_kernel *kernel;
    if (!begin(prepared, p, s, &kernel)) return false;
    const int64_t blocks = hb_ceil_div(p->rows, TILE_ROWS);
    hb_cl_conv_roles(kernel, p);
    hb_cl_index_param(kernel, "blocks", blocks);
    hb_cl_print(&kernel->body,
                "const hb_index u = (hb_index)HB_ITEM(0), row = u %% blocks * 8;\n"
                "global %s *to = s + packed + u * taps * depth * 8;\n"
                "b += u / blocks * outer * inner * taps + row * ai;\n"
                "for (hb_index t = 0; t < taps; t++)\n"
                "for (hb_index c = 0; c < depth; c++)\n"
                "for (int r = 0; r < 8; r++, to++)\n"
                "*to = row + r < rows ? b[r * ai + c * ak + %s] : 0;\n",
                hb_cl_type(dtype_of(p)), p->step->kind == HB_CONV_INPUT ? "taps - 1 - t" : "t");
    set_items(prepared, p->conv->groups * blocks, 1, 1);
    return true;
}

static bool add_tiles(hb_prepared *prepared, const hb_cl_conv *p, const copy *s) {
    hb_cl_kernel *kernel;
    if (!begin(prepared, p, s, &kernel)) return false;
    const char *type = hb_cl_type(dtype_of(p)), *suffix = hb_cl_suffix(dtype_of(p));
    const int width = (int)width_of(p);
    const int64_t span = span_of(s);
    hb_cl_conv_roles(kernel, p);
    hb_cl_index_param(kernel, "to1", s->to[1]);
    hb_cl_index_param(kernel, "to2", s->to[2]);
    hb_cl_index_param(kernel, "span", span);
    hb_cl_print(
        &kernel->body,
        "const hb_index column = (hb_index)HB_ITEM(0) * %d;\n"
        "const hb_index image = (hb_index)HB_ITEM(1), group = image %% groups;\n"
        "%s t[8 * %d];\nhb_index at[%d];\n"
        "for (int l = 0; l < %d; l++) {\n"
        "const hb_index q = column + l, q2 = q %% p2, q1 = q / p2 %% p1, q0 = q / p2 / p1;\n"
        "at[l] = q < span && q2 < to2 && q1 < to1 ? (q0 * to1 + q1) * to2 + q2 : -1;\n}\n"
        "global const %s *x = s + image * depth * pitch + column;\n"
        "global const %s *w = s + packed + group * ((rows + 7) / 8) * taps * depth * 8;\n"
        "for (hb_index row = 0; row < rows; row += 8, w += taps * depth * 8) {\n"
        "hb_vector_shifted_%s(w, x, pitch, depth, k0, k1, k2, d0 * p1 * p2, d1 * p2, d2, t);\n"
        "const int height = (int)min((hb_index)8, rows - row);\n"
        "for (int r = 0; r < height; r++)\n"
        "for (int l = 0; l < %d; l++)\n"
        "if (at[l] >= 0) y[(image * rows + row + r) * points + at[l]] = t[r * %d + l];\n}\n",
        width, type, width, width, width, type, type, suffix, width, width);
    set_items(prepared, hb_ceil_div(span, width), s->images, 1);
    return true;
}

/* ---- CONV_WEIGHT ---- */

/* The channels of padded places side by side: an item takes a row of places. */
static bool add_places(hb_prepared *prepared, const hb_cl_conv *p, const copy *s) {
    hb_cl_kernel *kernel;
    if (!begin(prepared, p, s, &kernel)) return false;
    write_before(kernel, p);
    hb_cl_print(&kernel->body,
                "const hb_index image = (hb_index)HB_ITEM(1), r = (hb_index)HB_ITEM(0);\n"
                "const hb_index f0 = r / p1 - z0, f1 = r %% p1 - z1;\n"
                "const bool in = f0 >= 0 && f0 < n0 && f1 >= 0 && f1 < n1;\n"
                "global const %s *x = a + (image * inner * n0 + f0) * n1 * n2 + f1 * n2;\n"
                "global %s *to = s + (image * (hb_index)get_global_size(0) + r) * p2 * pitch;\n"
                "for (hb_index i = 0; i < p2; i++, to += pitch) {\n"
                "const hb_index f2 = i - z2;\n"
                "const hb_index channels = in && f2 >= 0 && f2 < n2 ? inner : 0;\n"
                "for (hb_index c = 0; c < channels; c++) to[c] = x[c * ins + f2];\n"
                "for (hb_index c = channels; c < pitch; c++) to[c] = 0;\n}\n",
                hb_cl_type(dtype_of(p)), hb_cl_type(dtype_of(p)));
    set_items(prepared, s->padded[0] * s->padded[1], s->images, 1);
    return true;
}

static bool add_sums(hb_prepared *prepared, const hb_cl_conv *p, const copy *s) {
    hb_cl_kernel *kernel;
    if (!begin(prepared, p, s, &kernel)) return false;
    const hb_conv *c = p->conv;
    const char *type = hb_cl_type(dtype_of(p)), *suffix = hb_cl_suffix(dtype_of(p));
    const int width = (int)width_of(p);
    hb_cl_index_param(kernel, "p0", s->padded[0]);
    hb_cl_index_param(kernel, "parts", p->parts);
    hb_cl_print(
        &kernel->body,
        "const hb_index tap = (hb_index)HB_ITEM(0) %% taps;\n"
        "const hb_index column = (hb_index)HB_ITEM(0) / taps * %d;\n"
        "const hb_index row = (hb_index)HB_ITEM(1) * %d;\n"
        "const hb_index part = (hb_index)HB_ITEM(2) / groups;\n"
        "const hb_index group = (hb_index)HB_ITEM(2) %% groups;\n"
        "const int height = (int)min((hb_index)%d, outer - row);\n"
        "const int columns = (int)min((hb_index)%d, inner - column);\n"
        "const hb_index t0 = tap / k2 / k1 * d0, t1 = tap / k2 %% k1 * d1, t2 = tap %% k2 * d2;\n"
        "%s t[%d * %d];\n"
        "for (int l = 0; l < (height + 7) / 8 * 8 * %d; l++) t[l] = 0;\n"
        "const hb_index each = batch / parts, more = batch %% parts;\n"
        "const hb_index first = part * each + min(part, more);\n"
        "for (hb_index n = first; n < first + each + (part < more); n++) {\n"
        "global const %s *dy = b + ((n * groups + group) * outer + row) * outs;\n"
        "global const %s *x = s + (n * groups + group) * p0 * p1 * p2 * pitch + column;\n"
        "for (hb_index q0 = 0; q0 < m0; q0++)\n"
        "for (hb_index q1 = 0; q1 < m1; q1++, dy += m2) {\n"
        "global const %s *from =\n"
        "x + (((q0 * s0 + t0) * p1 + q1 * s1 + t1) * p2 + t2) * pitch;\n"
        "for (int r = 0; r < height; r += 8)\n"
        "hb_vector_tile_apart_%s(dy + r * outs, outs, height - r, m2, from, s2 * pitch,\n"
        "t + r * %d);\n}\n}\n"
        "y += (part * groups + group) * outer * inner * taps + row * inner * taps + tap;\n"
        "for (int r = 0; r < height; r++)\n"
        "for (int l = 0; l < columns; l++)\n"
        "y[(r * inner + column + l) * taps] = t[r * %d + l];\n",
        width, BLOCK_ROWS, BLOCK_ROWS, width, type, BLOCK_ROWS, width, width, type, type, type,
        suffix, width, width);
    set_items(prepared, hb_ceil_div(c->in_channels, width) * hb_volume(c->kernel),
              hb_ceil_div(p->rows, BLOCK_ROWS), c->groups * p->parts);
    return true;
}

hebb_status hb_cl_conv_shifted(hb_prepared *prepared, const hb_cl_conv *p, hb_error *error) {
    const copy s = copy_of(p);
    const bool made = p->step->kind == HB_CONV_WEIGHT
                          ? add_places(prepared, p, &s) && add_sums(prepared, p, &s)
                          : add_planes(prepared, p, &s) && add_weights(prepared, p, &s) &&
                                add_tiles(prepared, p, &s);
    return made ? HEBB_OK : hb_fail_memory(error, "a launch", sizeof(hb_cl_launch));
}
