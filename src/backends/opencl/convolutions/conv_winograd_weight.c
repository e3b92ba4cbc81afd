/* CONV_WEIGHT on CPUs by Winograd's minimal filtering (kernels/winograd.cl): matrix products of
   transformed results' gradients [rows, tiles] and transformed images [tiles, channels], one for
   each element of a transform, summed over all tiles. Called by conv_winograd.c.

   A work-item does a block of rows and channels for a part of the tiles, some rows of tiles at a
   time: it turns images and results so that channels lie side by side, transforms them and adds the
   products to sums of its own, all of it in its core's L2. A second kernel adds the parts' sums, in
   order, and transforms them back. */
#include "conv_winograd.h"

/* Rows and channels of a block at most, tiles at a time, which with the sums are to fit in L2, and
   work-items at least. */
enum { BLOCK = 64, TILES = 16, ITEMS = 16 };

typedef struct layout {
    hb_cl_winograd_form form;
    int planes;
    int64_t tiles_x, tiles_y, tile_rows, each; /* of a group; rows of tiles at a time */
    int64_t rows, channels;                    /* of a block, in whole vectors ... */
    int64_t row_blocks, channel_blocks;        /* ... of which there are so many */
    int64_t parts, blocks;             /* of the tiles; of rows and channels of all groups */
    int64_t image_plane, result_plane; /* floats of a plane of transforms */
    int64_t turned_images;             /* floats: of images that are turned; ... */
    int64_t item, sum_plane, sums;     /* ... of an item; of a plane of sums; of all sums */
} layout;

static layout layout_of(hb_cl_winograd_form form, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    layout l = {.form = form,
                .planes = hb_cl_winograd_planes(form),
                .tiles_x = hb_ceil_div(c->out[2], form.step),
                .tiles_y = hb_ceil_div(c->out[1], form.step)};
    l.tile_rows = c->batch * l.tiles_y;
    l.each = hb_min(l.tile_rows, hb_max(1, TILES / l.tiles_x));
    l.row_blocks = hb_ceil_div(c->out_channels, BLOCK);
    l.channel_blocks = hb_ceil_div(c->in_channels, BLOCK);
    l.rows = hb_ceil_div(hb_ceil_div(c->out_channels, l.row_blocks), 16) * 16;
    l.channels = hb_ceil_div(hb_ceil_div(c->in_channels, l.channel_blocks), HB_CL_WINOGRAD_PANEL) *
                 HB_CL_WINOGRAD_PANEL;
    l.blocks = c->groups * l.row_blocks * l.channel_blocks;
    l.parts = hb_min(l.tile_rows, hb_ceil_div(ITEMS, l.blocks));
    l.image_plane = hb_cl_winograd_odd_lines(l.each * l.tiles_x * l.channels);
    l.result_plane = hb_cl_winograd_odd_lines(l.each * l.tiles_x * l.rows);
    l.turned_images = (form.step * l.each + form.taps - 1) * c->in[2] * l.channels;
    l.item = l.planes * (l.image_plane + l.result_plane) + l.turned_images +
             form.step * l.each * c->out[2] * l.rows;
    l.sum_plane = l.rows * l.channels;
    l.sums = l.parts * l.blocks * l.planes * l.sum_plane;
    return l;
}

/* Cycles as in conv_winograd.c: of the products; of reading and writing their sums; of images and
   results that are turned, and transformed; of the parts' sums that are added. */
double hb_cl_winograd_weight_cost(hb_cl_winograd_form form, const hb_cl_conv *p) {
    const hb_conv *c = p->conv;
    const layout l = layout_of(form, p);
    const double chunks = (double)hb_ceil_div(l.tile_rows, l.each);
    const double tiles = (double)(l.tile_rows * l.tiles_x);
    const double block = (double)l.sum_plane, sides = (double)(l.rows + l.channels);
    const double products = 0.65 * l.planes * tiles * block / 16;
    const double sums = 11.0 * l.planes * chunks * block / HB_CL_WINOGRAD_PRODUCT;
    const double turned =
        0.26 * chunks * (double)(l.turned_images + form.step * l.each * c->out[2] * l.rows);
    const double transforms = 0.3 * l.planes * tiles * sides / 16;
    const double parts = 7.5 * (double)l.parts * l.planes * block / 16;
    const double cycles = products + sums + turned + transforms + parts;
    return hb_cl_winograd_relative(p, cycles * (double)l.blocks);
}

int64_t hb_cl_winograd_weight_elements(hb_cl_winograd_form form, const hb_cl_conv *p) {
    const layout l = layout_of(form, p);
    return l.sums + l.parts * l.blocks * l.item;
}

/* Rows of tiles [first, last) of the group, image by image. */
static void write_transforms(hb_cl_kernel *kernel, const layout *l) {
    const int step = l->form.step, size = hb_cl_winograd_size(l->form);
    hb_cl_print(&kernel->body,
                "for (hb_index r = first, n; r < last; r += n) {\n"
                "const hb_index image = (r / ty * groups + group), z = r %% ty * %d;\n"
                "n = min(last - r, ty - r %% ty);\n"
                "const int x0 = (int)min(max(z - e1, (hb_index)0), n1);\n"
                "const int x1 = (int)max(min(z - e1 + %d * n + %d, n1), (hb_index)x0);\n"
                "const int dy0 = (int)z, dy1 = (int)min(z + %d * n, m1);\n",
                step, step, l->form.taps - 1, step);
    hb_cl_print(&kernel->body,
                "hb_winograd_turn(a + (image * inner + channel) * ins + x0 * n2, ins,\n"
                "(int)min(inner - channel, channels), (x1 - x0) * (int)n2, (int)channels, x);\n"
                "hb_winograd_turn(b + (image * outer + row) * outs + dy0 * m2, outs,\n"
                "(int)min(outer - row, rows), (dy1 - dy0) * (int)m2, (int)rows, dy);\n");
    hb_cl_print(&kernel->body,
                "for (int i = 0; i < n; i++)\n"
                "for (int j = 0; j < tx; j++, t++) {\n"
                "hb_winograd_turned_image(%d, x, x1 - x0, (int)n2, (int)channels,\n"
                "(int)(z - e1) + %d * i - x0, %d * j - (int)e2, v + t * channels, vp);\n"
                "hb_winograd_turned_result(%d, %d, dy, dy1 - dy0, (int)m2, (int)rows, %d * i,\n"
                "%d * j, w + t * 16, wp, each * tx * 16);\n}\n}\n",
                size, step, step, step, size, step, step);
}

static bool add_sums(hb_prepared *prepared, const hb_cl_conv *p, const layout *l) {
    hb_cl_launch *launch =
        hb_cl_winograd_launch(prepared, p, l->sums + l->parts * l->blocks * l->item);
    if (launch == NULL) return false;
    hb_cl_kernel *kernel = &launch->source;
    const hb_cl_number numbers[] = {{"tx", l->tiles_x},
                                    {"ty", l->tiles_y},
                                    {"each", l->each},
                                    {"rows", l->rows},
                                    {"channels", l->channels},
                                    {"parts", l->parts},
                                    {"row_blocks", l->row_blocks},
                                    {"blocks", l->blocks},
                                    {"vp", l->image_plane},
                                    {"wp", l->result_plane},
                                    {"turned", l->turned_images},
                                    {"mine", l->item},
                                    {"sums", l->sums},
                                    {"sp", l->sum_plane}};
    hb_cl_winograd_numbers(kernel, numbers, sizeof numbers / sizeof *numbers);
    hb_cl_print(
        &kernel->body,
        "const hb_index part = (hb_index)HB_ITEM(0), block = (hb_index)HB_ITEM(1);\n"
        "const hb_index group = block %% groups, row = block / groups %% row_blocks * rows;\n"
        "const hb_index channel = block / groups / row_blocks * channels;\n"
        "global float *v = s + sums + (part * blocks + block) * mine, *w = v + %d * vp;\n"
        "global float *x = w + %d * wp, *dy = x + turned;\n"
        "global float *sum = s + (part * blocks + block) * %d * sp;\n"
        "const int height = (int)min((rows + 7) / 8, (outer - row + 7) / 8);\n"
        "const hb_index share = batch * ty / parts, more = batch * ty %% parts;\n"
        "const hb_index begin = part * share + min(part, more);\n"
        "const hb_index end = begin + share + (part < more);\n"
        "for (hb_index first = begin; first < end; first += each) {\n"
        "const hb_index last = min(first + each, end);\n"
        "hb_index t = 0;\n",
        l->planes, l->planes, l->planes);
    write_transforms(kernel, l);
    hb_cl_print(
        &kernel->body,
        "for (int e = 0; e < %d; e++)\n"
        "for (int k = 0; k < height; k++)\n"
        "for (int c = 0; c < channels; c += %d)\n"
        "hb_vector_packed_f32(w + e * wp + k / 2 * each * tx * 16 + k %% 2 * 8, 16,\n"
        "v + e * vp + c, channels, t, first > begin, sum + e * sp + (k * channels + c) * 8);\n}\n",
        l->planes, HB_CL_WINOGRAD_PANEL);
    hb_cl_range_items(launch, l->parts, l->blocks, 1);
    return true;
}

static bool add_back(hb_prepared *prepared, const hb_cl_conv *p, const layout *l) {
    hb_cl_launch *launch =
        hb_cl_winograd_launch(prepared, p, l->sums + l->parts * l->blocks * l->item);
    if (launch == NULL) return false;
    hb_cl_kernel *kernel = &launch->source;
    const hb_cl_number numbers[] = {
        {"rows", l->rows},   {"channels", l->channels}, {"row_blocks", l->row_blocks},
        {"parts", l->parts}, {"blocks", l->blocks},     {"sp", l->sum_plane}};
    hb_cl_winograd_numbers(kernel, numbers, sizeof numbers / sizeof *numbers);
    hb_cl_print(
        &kernel->body,
        "const hb_index row = (hb_index)HB_ITEM(0), group = (hb_index)HB_ITEM(1);\n"
        "y += (group * outer + row) * inner * taps;\n"
        "const hb_index k = row %% rows;\n"
        "for (hb_index channel = 0; channel < inner; channel += 16) {\n"
        "const hb_index c = channel %% channels;\n"
        "const hb_index block = (channel / channels * row_blocks + row / rows) * groups + group;\n"
        "hb_winograd_filters_back(%d, %d, s + block * %d * sp + (k / 8 * channels + c / %d * %d) * "
        "8 +\n"
        "k %% 8 * %d + c %% %d, sp, parts, blocks * %d * sp,\n"
        "(int)min((hb_index)16, inner - channel), y + channel * taps);\n}\n",
        l->form.taps, hb_cl_winograd_size(l->form), l->planes, HB_CL_WINOGRAD_PANEL,
        HB_CL_WINOGRAD_PANEL, HB_CL_WINOGRAD_PANEL, HB_CL_WINOGRAD_PANEL, l->planes);
    hb_cl_range_items(launch, p->rows, p->conv->groups, 1);
    return true;
}

hebb_status hb_cl_winograd_weight(hb_cl_winograd_form form, hb_prepared *prepared,
                                  const hb_cl_conv *p, hb_error *error) {
    const layout l = layout_of(form, p);
    return add_sums(prepared, p, &l) && add_back(prepared, p, &l)
               ? HEBB_OK
               : hb_fail_memory(error, "a launch", sizeof(hb_cl_launch));
}
