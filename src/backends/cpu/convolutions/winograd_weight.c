/* CONV_WEIGHT of the filters of winograd.c by Winograd's minimal filtering (winograd_kernels.h), by
   the form that costs least: the gradient is made of 9 to 36 matrix products, of transformed
   results' gradients [rows, tiles] and transformed images [tiles, channels], summed over all tiles.
   Phases of an image (winograd.h) are channels more. Called through the solvers' table (cpu.h).

   Tiles are taken some rows at a time. Where the sums are small, the tiles are cut into parts, each
   with sums of its own that are added in the end: a thread transforms and multiplies in its own L2.
   Large sums exist once: the threads first transform rows, then multiply, each its share of the
   products. Every sum is made in an order that sizes alone decide: the number of threads changes no
   bit. */
#include "winograd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../winograd_choice.h"

/* Transforms that are kept at a time, in a thread's L2, or by all threads in L3 for each element of
   a tile, but those of so many tiles in any case, for which large sums are worth the way from
   memory and back; sums that are small, and parts that have some; tasks of a product; threads that
   memory is judged by. */
enum {
    OWN_BYTES = 1 << 20,
    KEPT_BYTES = 128 << 10,
    LITTLE_TILES = 64,
    SMALL_SUM_BYTES = 640 << 10,
    MOST_SUM_BYTES = 64 << 20,
    SUMS = 16,
    PARTS = 4,
    JUDGED = 2
};

typedef struct state {
    const hb_step *of;
    const hb_conv *conv;
    const hb_cpu_gemm_type *gemm;
    const hb_cpu_winograd *kernels;
    const hb_winograd_form *form;
    const hb_winograd_form *by_tiles; /* of results */
    int64_t tile_lanes;               /* of these */
    int64_t step, planes;             /* of the form; elements of a tile */
    hb_winograd_phases phases;
    int64_t lanes, padded, channels, rows; /* padded: in whole vectors; channels: of all phases */
    int64_t tiles_x, tiles_y, tile_rows, each; /* of a group; rows of tiles at a time */
    int64_t sums;                              /* how many there are; more than one: of parts */
    int64_t image_row, row;                    /* floats between rows of the transforms */
    int64_t image_plane, result_plane, sum_plane;
    hb_winograd_image result;
    int64_t sum_floats, image_floats, result_floats, turned_floats, band_floats;
    size_t thread_bytes, shared_bytes;
    int threads;
} state;

static int64_t result_row(const state *s, int64_t tile_rows) {
    return hb_winograd_odd_lines(tile_rows * s->tiles_x + s->tile_lanes);
}

static int64_t kept_bytes(const state *s, int64_t tile_rows) {
    return s->planes * (int64_t)sizeof(float) *
           (s->rows * result_row(s, tile_rows) + s->image_row * tile_rows * s->tiles_x);
}

static bool is_little(const state *s, int64_t tile_rows) {
    return tile_rows * s->tiles_x <= LITTLE_TILES;
}

static void describe(const hb_device *device, const hb_step *step, int number, state *s) {
    const hb_conv *c = &step->u.conv;
    const hb_winograd_form *form = &device->isa->winograd->form[number];
    *s = (state){.of = step,
                 .conv = c,
                 .gemm = device->isa->gemm->f32,
                 .kernels = device->isa->winograd,
                 .form = form,
                 .step = form->step,
                 .planes = hb_winograd_planes(form),
                 .lanes = device->isa->winograd->lanes,
                 .rows = c->out_channels,
                 .threads = device->threads};
    hb_winograd_find_phases(form, c, &s->phases);
    s->padded = hb_ceil_div(c->in_channels, s->lanes) * s->lanes;
    s->channels = s->phases.count * s->padded;
    s->image_row = hb_winograd_odd_lines(s->channels);
    s->tiles_y = hb_ceil_div(c->out[1], s->step);
    s->tiles_x = hb_ceil_div(c->out[2], s->step);
    s->tile_rows = c->batch * c->out[0] * s->tiles_y;
    const hb_cpu_winograd *by_tiles = hb_winograd_by_tiles(s->kernels, s->tiles_x);
    s->by_tiles = &by_tiles->form[number];
    s->tile_lanes = by_tiles->lanes;
    s->sum_plane = s->rows * s->channels;
    s->sum_floats = hb_winograd_lines(s->planes * s->sum_plane);
    const bool small = s->sum_floats * (int64_t)sizeof(float) <= SMALL_SUM_BYTES;
    const int64_t most = small ? hb_min(OWN_BYTES, device->l2_bytes) : s->planes * KEPT_BYTES;
    s->sums = small ? hb_min(SUMS, s->tile_rows) : 1;
    while (s->each < s->tile_rows &&
           (kept_bytes(s, s->each + 1) <= most || (!small && is_little(s, s->each + 1))))
        s->each++;
    if (s->each == 0) s->each = 1;
    s->result = (hb_winograd_image){c->out[1], c->out[2], 0, 0};
    s->row = result_row(s, s->each);
    s->result_plane = hb_winograd_odd_lines(s->rows * s->row);
    s->image_plane = hb_winograd_odd_lines(s->each * s->tiles_x * s->image_row);
    s->image_floats = hb_winograd_lines(s->planes * s->image_plane);
    s->result_floats = hb_winograd_lines(s->planes * s->result_plane);
    const int64_t kept = s->image_floats + s->result_floats, float_bytes = sizeof(float);
    s->shared_bytes =
        hb_conv_aligned((s->sums * s->sum_floats + (s->sums > 1 ? 0 : kept)) * float_bytes);
    s->turned_floats = hb_winograd_turned_floats(form, s->lanes, s->tiles_x);
    if (s->phases.stride > 1)
        hb_winograd_make_bands(form, s->lanes, hb_min(s->each, s->tiles_y), &s->phases);
    s->band_floats = hb_winograd_lines(s->lanes * s->phases.count * s->phases.band);
    s->thread_bytes = hb_conv_aligned(
        (s->turned_floats + s->band_floats + (s->sums > 1 ? kept : 0)) * float_bytes);
}

typedef struct job {
    const state *s;
    const float *x, *dy;
    float *dw, *sums;
    char *own;
    int64_t group;
} job;

/* Rows of tiles at hand, their transforms, and the sums that they go to. */
typedef struct batch {
    const job *j;
    int64_t first, count;
    float *images, *results, *sums;
    bool add; /* to what is there */
} batch;

/* ---- transforms ---- */

/* Rows of tiles [first, first + rows) of one plane, which are the batch's from `at` on. */
typedef struct piece {
    int64_t image, z, first, rows, at;
} piece;

static piece piece_at(const batch *b, int64_t at) {
    const state *s = b->j->s;
    const int64_t tiles_y = s->tiles_y, depth = s->conv->out[0], first = (b->first + at) % tiles_y;
    return (piece){.image = (b->first + at) / tiles_y / depth,
                   .z = (b->first + at) / tiles_y % depth,
                   .first = first,
                   .rows = hb_min(b->count - at, tiles_y - first),
                   .at = at};
}

/* Up to `lanes` channels at x, `area` apart, of one phase; to images[e][tile][column]. */
static void transform_phase(const batch *b, const hb_winograd_image *image, const float *x,
                            int64_t area, int64_t channels, int64_t first, const piece *p,
                            int64_t column, float *turned) {
    const state *s = b->j->s;
    s->form->image_of_channels(image, x, area, channels, first, p->rows, s->tiles_x, turned,
                               b->images + p->at * s->tiles_x * s->image_row + column, s->image_row,
                               s->image_plane);
}

/* Of `channels` channels at x, the phases of a strided convolution. */
static void transform_phases(const batch *b, const float *x, int64_t channels, bool has_next,
                             const piece *p, int64_t column, float *turned) {
    const state *s = b->j->s;
    const hb_winograd_phases *f = &s->phases;
    const int64_t volume = hb_volume(s->conv->in), bands = f->count * f->band;
    float *to = turned + s->turned_floats;
    hb_winograd_image image[HB_WINOGRAD_MOST_PHASES];
    for (int64_t i = 0; i < channels; i++)
        hb_winograd_split(s->kernels, s->form, f, x + i * volume,
                          has_next || i + 1 < channels ? x + (i + 1) * volume : NULL, p->first,
                          p->rows, to + i * bands, image);
    for (int64_t i = 0; i < f->count; i++)
        transform_phase(b, &image[i], to + i * f->band, bands, channels, 0, p,
                        i * s->padded + column, turned);
}

/* A vector of channels from c on. */
static void transform_channels(const batch *b, int64_t c, float *turned) {
    const job *j = b->j;
    const state *s = j->s;
    const hb_conv *conv = s->conv;
    const int64_t area = conv->in[1] * conv->in[2], volume = hb_volume(conv->in);
    const int64_t all = conv->in_channels, channels = hb_min(s->lanes, all - c);
    static const hb_winograd_image nothing;
    for (piece p = piece_at(b, 0); p.at < b->count; p = piece_at(b, p.at + p.rows)) {
        const float *x = j->x + ((p.image * conv->groups + j->group) * all + c) * volume;
        if (s->phases.stride > 1) {
            transform_phases(b, x, channels, c + channels < all, &p, c, turned);
            continue;
        }
        for (int64_t i = 0; i < s->phases.count; i++) {
            const int64_t z = hb_winograd_plane(conv, false, i, p.z);
            const bool there = z >= 0 && z < conv->in[0];
            transform_phase(b, there ? &s->phases.image[i] : &nothing, x + (there ? z : 0) * area,
                            volume, channels, p.first, &p, i * s->padded + c, turned);
        }
    }
}

/* Row k of the results, to results[e][k][tile]. What a row of tiles writes too much the next one
   overwrites. */
static void transform_result(const batch *b, int64_t k) {
    const job *j = b->j;
    const state *s = j->s;
    const int64_t area = s->result.height * s->result.width, volume = hb_volume(s->conv->out);
    for (piece p = piece_at(b, 0); p.at < b->count; p = piece_at(b, p.at + p.rows)) {
        const int64_t row = (p.image * s->conv->groups + j->group) * s->rows + k;
        const float *dy = j->dy + row * volume + p.z * area;
        if (k + 1 < s->rows)
            s->kernels->ask(&s->result, dy + volume, s->step * p.first, s->step * p.rows);
        s->by_tiles->result(&s->result, dy, p.first, p.rows, s->tiles_x,
                            b->results + k * s->row + p.at * s->tiles_x, s->tiles_x,
                            s->result_plane);
    }
}

/* A task is a vector of channels, or as many rows of the results. */
static int64_t transforms_of(const state *s) {
    return s->padded / s->lanes + hb_ceil_div(s->rows, s->lanes);
}

static void transform(void *context, int64_t begin, int64_t end, int thread) {
    const batch *b = context;
    const state *s = b->j->s;
    float *turned = (float *)(void *)(b->j->own + (size_t)thread * s->thread_bytes);
    for (int64_t i = begin; i < end; i++) {
        const int64_t c = i * s->lanes, k = c - s->padded;
        if (k < 0) transform_channels(b, c, turned);
        for (int64_t row = k; row >= 0 && row < hb_min(k + s->lanes, s->rows); row++)
            transform_result(b, row);
    }
}

/* ---- products ---- */

/* Part of the rows of one of the products. */
static void multiply(void *context, int64_t begin, int64_t end, int thread) {
    const batch *b = context;
    const state *s = b->j->s;
    const int64_t height = s->gemm->rows, blocks = hb_ceil_div(s->rows, height);
    const int64_t wide = 2 * s->gemm->lanes, tiles = b->count * s->tiles_x;
    for (int64_t i = begin; i < end; i++) {
        const int64_t e = i / PARTS, part = i % PARTS;
        const float *image = b->images + e * s->image_plane;
        for (int64_t c = 0; c < s->channels; c += wide) {
            const int64_t columns = hb_min(wide, s->channels - c);
            for (int64_t n = blocks * part / PARTS; n < blocks * (part + 1) / PARTS; n++) {
                const int64_t k = n * height, rows = hb_min(height, s->rows - k);
                s->gemm->tile[rows - 1][columns > s->gemm->lanes](
                    tiles, b->results + e * s->result_plane + k * s->row, s->row, 1, image + c,
                    s->image_row, b->sums + e * s->sum_plane + k * s->channels + c, s->channels,
                    columns, b->add);
            }
        }
    }
}

/* Parts of the tiles, from their transforms to their sums. */
static void run_parts(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    float *turned = (float *)(void *)(j->own + (size_t)thread * s->thread_bytes);
    batch b = {.j = j, .images = turned + s->turned_floats + s->band_floats};
    b.results = b.images + s->image_floats;
    for (int64_t part = begin; part < end; part++) {
        const int64_t last = s->tile_rows * (part + 1) / s->sums;
        b.sums = j->sums + part * s->sum_floats;
        b.add = false;
        for (b.first = s->tile_rows * part / s->sums; b.first < last; b.first += b.count) {
            b.count = hb_min(s->each, last - b.first);
            transform(&b, 0, transforms_of(s), thread);
            multiply(&b, 0, s->planes * PARTS, thread);
            b.add = true;
        }
    }
}

/* The parts' sums of a row and a phase, in order, to the first one's. */
static void add_parts(const state *s, float *to) {
    for (int64_t part = 1; part < s->sums; part++)
        for (int64_t e = 0; e < s->planes; e++)
            for (int64_t c = 0; c < s->conv->in_channels; c++)
                to[e * s->sum_plane + c] += to[part * s->sum_floats + e * s->sum_plane + c];
}

/* Columns of the sums of a row, a few channels at a time with all of their phases. */
static void transform_columns(const state *s, const float *sums, float *dw) {
    const hb_winograd_phases *p = &s->phases;
    const int64_t channels = s->conv->in_channels;
    float phases[HB_WINOGRAD_APART_FLOATS];
    if (p->count == 1) {
        s->form->filter_back(channels, sums, s->sum_plane, dw);
        return;
    }
    for (int64_t c = 0; c < channels; c += HB_WINOGRAD_FILTERS) {
        const int64_t n = hb_min(HB_WINOGRAD_FILTERS, channels - c);
        for (int64_t i = 0; i < p->count; i++)
            s->form->filter_back(n, sums + i * s->padded + c, s->sum_plane,
                                 phases + i * p->filters);
        hb_winograd_put_together(p, n, phases, dw + c * p->kernel, p->kernel);
    }
}

static void transform_sums(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    const int64_t row = s->conv->in_channels * s->phases.kernel;
    for (int64_t k = begin; k < end; k++) {
        float *to = j->sums + k * s->channels;
        for (int64_t i = 0; i < s->phases.count; i++) add_parts(s, to + i * s->padded);
        transform_columns(s, to, j->dw + (j->group * s->rows + k) * row);
    }
}

/* All tiles, one batch after the other, each by all threads. */
static void run_together(hb_device *device, const job *j) {
    const state *s = j->s;
    const double products = (double)s->rows * (double)s->channels;
    batch b = {.j = j, .sums = j->sums, .images = j->sums + s->sum_floats};
    b.results = b.images + s->image_floats;
    for (; b.first < s->tile_rows; b.first += s->each, b.add = true) {
        b.count = hb_min(s->each, s->tile_rows - b.first);
        const double tiles = (double)(b.count * s->tiles_x);
        hb_conv_parallel(device, s->threads, transforms_of(s),
                         tiles * (double)(s->rows + s->channels) * 80, s->gemm->lanes, transform,
                         &b);
        hb_conv_parallel(device, s->threads, s->planes * PARTS,
                         tiles * products * (double)s->planes, s->gemm->lanes, multiply, &b);
    }
}

static void run(hb_device *device, const void *made, const hb_run_args *args) {
    const state *s = made;
    const hb_conv *c = s->conv;
    job j = {.s = s,
             .x = (const float *)(const void *)hb_cpu_address(args, &s->of->in[0]),
             .dy = (const float *)(const void *)hb_cpu_address(args, &s->of->in[1]),
             .dw = (float *)(void *)hb_cpu_address(args, &s->of->out[0]),
             .own = hb_cpu_base(args, HB_BUFFER_ARENA) + s->of->scratch_offset};
    j.sums = (float *)(void *)j.own;
    j.own += s->shared_bytes;
    const double products = (double)s->rows * (double)s->channels;
    for (j.group = 0; j.group < c->groups; j.group++) {
        if (s->sums == 1) run_together(device, &j);
        else
            hb_conv_parallel(device, s->threads, s->sums,
                             (double)(s->tile_rows * s->tiles_x * s->planes) * products,
                             s->gemm->lanes, run_parts, &j);
        hb_conv_parallel(device, s->threads, s->rows, (double)s->sums * products * 40, 1,
                         transform_sums, &j);
    }
}

/* ---- the solver ---- */

/* What the solver takes is judged by the scratch memory of JUDGED threads, so that the choice, and
   with it the bits of the result, does not depend on how many there are. More of them work only as
   far as their memory is in proportion, too. */
static bool is_wasteful(const state *s, int threads) {
    return hb_winograd_is_wasteful(s->conv,
                                   (int64_t)(s->shared_bytes + (size_t)threads * s->thread_bytes));
}

static bool can_be(const state *s) {
    return !is_wasteful(s, JUDGED) && s->sum_floats * (int64_t)sizeof(float) <= MOST_SUM_BYTES &&
           (is_little(s, s->each) || kept_bytes(s, s->each) <= 2 * s->planes * KEPT_BYTES);
}

/* In units of a multiplication in the full tile: 16 of 36, say, the transforms and transposition of
   an image's tile, used for all rows, and of a result's, used for all channels that there are, and
   the way back of the weights, whatever the width of vectors. */
static double cost_of(const state *s) {
    const double taps = (double)hb_volume(s->conv->kernel) / (double)s->phases.count;
    const double tile = (double)(s->step * s->step), points = (double)hb_volume(s->conv->out);
    const double padded = tile * (double)(s->conv->out[0] * s->tiles_y * s->tiles_x) / points;
    const double channels = (double)(s->phases.count * s->conv->in_channels);
    const double transforms = hb_winograd_transform_cost(s->form) / taps;
    return padded * ((double)s->planes / (tile * taps) * (double)s->channels / channels +
                     (5.5 / (double)s->rows + 7 / channels) * transforms) +
           3 * (double)(s->planes * s->lanes) / (taps * points * (double)s->conv->batch);
}

/* By the form that costs least, of those that can do it. */
static bool choose(const hb_device *device, const hb_step *step, state *s) {
    bool found = false;
    for (int k = 0; k < HB_WINOGRAD_FORMS; k++) {
        const hb_winograd_form *form = &device->isa->winograd->form[k];
        if (!hb_winograd_fits(form, step)) continue;
        state other;
        describe(device, step, k, &other);
        if (!can_be(&other)) continue;
        if (!found || cost_of(&other) < cost_of(s)) *s = other;
        found = true;
    }
    return found;
}

static bool can_do(const hb_device *device, const hb_step *step) {
    state s;
    return choose(device, step, &s);
}

static double cost(const hb_device *device, const hb_step *step) {
    state s;
    return choose(device, step, &s) ? cost_of(&s) : INFINITY;
}

static size_t scratch(const hb_device *device, const hb_step *step) {
    state s;
    if (!choose(device, step, &s)) return 0;
    int threads = device->threads;
    while (threads > JUDGED && is_wasteful(&s, threads)) threads--;
    return s.shared_bytes + (size_t)threads * s.thread_bytes;
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **made, hb_error *error) {
    state *s = malloc(sizeof *s);
    if (s == NULL) return hb_fail_memory(error, "a convolution", sizeof *s);
    (void)choose(device, step, s);
    s->threads = hb_conv_threads(step, s->shared_bytes, s->thread_bytes);
    *made = s;
    return HEBB_OK;
}

const hb_cpu_solver hb_cpu_winograd_weight = {.name = "Winograd",
                                              .kind = HB_CONV_WEIGHT,
                                              .can_do = can_do,
                                              .cost = cost,
                                              .scratch = scratch,
                                              .prepare = prepare,
                                              .run = run,
                                              .release = free};
