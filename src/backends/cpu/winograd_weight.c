/* CONV_WEIGHT of 3 x 3 filters by Winograd's minimal filtering (winograd_kernels.h): the gradient
   is made of 16 matrix products, of transformed results' gradients [rows, tiles] and transformed
   images [tiles, channels], summed over all tiles. Called through the solvers' table (cpu.h).

   Tiles are taken some rows at a time: the threads first transform them, then multiply, each its
   share of the 16 products, whose sums stay where they are until the end. Every sum is made in the
   order of the tiles, so the number of threads changes no bit. */
#include "winograd.h"

#include <stdlib.h>
#include <string.h>

/* Transforms that are kept at a time, in the L2s of the threads or in L3; of channels that are
   transposed together, so many; and tasks of a product. */
enum {
    KEPT_BYTES = 2 << 20,
    MOST_SUM_BYTES = 64 << 20,
    LINE = 16,
    PARTS = 4,
    MOST_LANES = 16,
    AHEAD = 8
};

typedef struct state {
    const hb_step *step;
    const hb_conv *conv;
    const hb_cpu_gemm_type *gemm;
    const hb_cpu_winograd *kernels;
    int64_t lanes, channels, rows;             /* channels: in whole vectors */
    int64_t tiles_x, tiles_y, tile_rows, each; /* of a group; rows of tiles at a time */
    int64_t row;                               /* floats between rows of the results' transforms */
    int64_t image_plane, result_plane, sum_plane;
    hb_winograd_rows image, result;
    int64_t sum_floats, image_floats, result_floats, split_floats, block_floats;
    size_t thread_bytes, shared_bytes;
    int threads;
} state;

static int64_t aligned_floats(int64_t n) { return hb_conv_up(n, LINE) * LINE; }

static int64_t result_row(const state *s, int64_t tile_rows) {
    return (hb_conv_up(tile_rows * s->tiles_x + s->lanes, LINE) | 1) * LINE;
}

static int64_t kept_bytes(const state *s, int64_t tile_rows) {
    return HB_WINOGRAD_PLANES * (int64_t)sizeof(float) *
           (s->rows * result_row(s, tile_rows) + s->channels * tile_rows * s->tiles_x);
}

static void describe(const hb_device *device, const hb_step *step, state *s) {
    const hb_conv *c = &step->u.conv;
    *s = (state){.step = step,
                 .conv = c,
                 .gemm = device->isa->gemm->f32,
                 .kernels = device->isa->winograd,
                 .lanes = device->isa->winograd->lanes,
                 .rows = c->out_channels,
                 .threads = device->threads};
    s->channels = hb_conv_up(c->in_channels, s->lanes) * s->lanes;
    s->tiles_y = hb_conv_up(c->out[1], 2);
    s->tiles_x = hb_conv_up(c->out[2], 2);
    s->tile_rows = c->batch * s->tiles_y;
    while (s->each < s->tile_rows && kept_bytes(s, s->each + 1) <= KEPT_BYTES) s->each++;
    if (s->each == 0) s->each = 1;
    s->image = hb_winograd_rows_of(s->kernels, s->tiles_x + 1, c->in[1], c->in[2], c->before[1],
                                   c->before[2]);
    s->result = hb_winograd_rows_of(s->kernels, s->tiles_x, c->out[1], c->out[2], 0, 0);
    s->row = result_row(s, s->each);
    s->result_plane = s->rows * s->row;
    s->image_plane = s->each * s->tiles_x * s->channels;
    s->sum_plane = s->rows * s->channels;
    s->sum_floats = aligned_floats(HB_WINOGRAD_PLANES * s->sum_plane);
    s->image_floats = aligned_floats(HB_WINOGRAD_PLANES * s->image_plane);
    s->result_floats = aligned_floats(HB_WINOGRAD_PLANES * s->result_plane);
    s->shared_bytes = hb_conv_aligned((s->sum_floats + s->image_floats + s->result_floats) *
                                      (int64_t)sizeof(float));
    /* A thread's: rows being split, and a vector of channels x a vector of tiles of transforms. */
    s->split_floats = aligned_floats(s->lanes * hb_winograd_rows_floats(&s->image, 4));
    s->block_floats =
        HB_WINOGRAD_PLANES * s->lanes * (hb_conv_up(s->tiles_x, s->lanes) + 1) * s->lanes;
    s->thread_bytes = hb_conv_aligned((s->split_floats + s->block_floats) * (int64_t)sizeof(float));
}

typedef struct job {
    const state *s;
    const float *x, *dy;
    float *dw, *sums, *images, *results;
    char *own;
    int64_t group, first, count; /* rows of tiles at hand */
} job;

/* ---- transforms ---- */

/* A row of tiles of all channels, a vector of channels at a time, to images[e][tile][channel]. */
static void transform_image(const job *j, int64_t r, float *split) {
    const state *s = j->s;
    const int64_t n = (j->first + r) / s->tiles_y, y = (j->first + r) % s->tiles_y;
    const int64_t area = s->image.height * s->image.width, tiles = s->tiles_x, lanes = s->lanes;
    const int64_t total = s->conv->batch * s->conv->groups * s->conv->in_channels * area;
    const int64_t across = (hb_conv_up(tiles, lanes) + 1) * lanes; /* of a channel in the block */
    float *block = split + s->split_floats;
    hb_split_row row[MOST_LANES][4];
    for (int64_t c0 = 0; c0 < s->channels; c0 += lanes) {
        const int64_t channels = hb_conv_min(lanes, s->conv->in_channels - c0);
        const int64_t first = (n * s->conv->groups + j->group) * s->conv->in_channels + c0;
        for (int64_t c = 0; c0 + c + AHEAD < s->conv->in_channels && c < lanes; c++)
            hb_winograd_prefetch(&s->image, j->x, (first + c + AHEAD) * area, 2 * y, 4);
        for (int64_t c = 0; c < channels; c++)
            hb_winograd_split(&s->image, j->x, total, (first + c) * area, 2 * y, 4,
                              split + c * hb_winograd_rows_floats(&s->image, 4), row[c]);
        for (int64_t c = 0; c < channels; c++)
            s->kernels->image(tiles, row[c], block + c * across, lanes * across);
        if (channels < lanes)
            for (int64_t e = 0; e < HB_WINOGRAD_PLANES; e++)
                memset(block + (e * lanes + channels) * across, 0,
                       (size_t)((lanes - channels) * across) * sizeof *block);
        for (int64_t e = 0; e < HB_WINOGRAD_PLANES; e++) {
            float *to = j->images + e * s->image_plane + r * tiles * s->channels + c0;
            const float *from = block + e * lanes * across;
            int64_t t = 0;
            for (; t + lanes <= tiles; t += lanes)
                s->kernels->transpose(from + t, across, to + t * s->channels, s->channels);
            if (t == tiles) continue;
            float rest[MOST_LANES * MOST_LANES]; /* the next row of tiles may be another thread's */
            s->kernels->transpose(from + t, across, rest, lanes);
            for (int64_t i = 0; t + i < tiles; i++)
                s->kernels->copy(lanes, rest + i * lanes, to + (t + i) * s->channels);
        }
    }
}

static void transform_result(const job *j, int64_t r, float *split) {
    const state *s = j->s;
    const int64_t n = (j->first + r) / s->tiles_y, y = (j->first + r) % s->tiles_y;
    const int64_t area = s->result.height * s->result.width;
    const int64_t total = s->conv->batch * s->conv->groups * s->rows * area;
    hb_split_row row[2];
    for (int64_t k = 0; k < s->rows; k++) {
        const int64_t channel = (n * s->conv->groups + j->group) * s->rows + k;
        if (k + AHEAD < s->rows)
            hb_winograd_prefetch(&s->result, j->dy, (channel + AHEAD) * area, 2 * y, 2);
        hb_winograd_split(&s->result, j->dy, total, channel * area, 2 * y, 2, split, row);
        float *to = j->results + k * s->row + r * s->tiles_x, *spare = split + s->split_floats;
        /* What is written too much belongs to the next row of tiles, which another thread may have.
         */
        const int64_t across = (hb_conv_up(s->tiles_x, s->lanes) + 1) * s->lanes;
        s->kernels->result(s->tiles_x, row, spare, across);
        for (int64_t e = 0; e < HB_WINOGRAD_PLANES; e++)
            memcpy(to + e * s->result_plane, spare + e * across, (size_t)s->tiles_x * sizeof *to);
    }
}

/* Two tasks for each row of tiles. */
static void transform_rows(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    float *split = (float *)(void *)(j->own + (size_t)thread * j->s->thread_bytes);
    for (int64_t i = begin; i < end; i++) {
        if (i < j->count) transform_image(j, i, split);
        else transform_result(j, i - j->count, split);
    }
}

/* ---- products ---- */

/* Part of the rows of one of the 16 products. */
static void multiply(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    const int64_t height = s->gemm->rows, blocks = hb_conv_up(s->rows, height);
    const int64_t wide = 2 * s->gemm->lanes, tiles = j->count * s->tiles_x;
    for (int64_t i = begin; i < end; i++) {
        const int64_t e = i / PARTS, part = i % PARTS;
        const float *image = j->images + e * s->image_plane;
        for (int64_t c = 0; c < s->channels; c += wide) {
            const int64_t columns = hb_conv_min(wide, s->channels - c);
            for (int64_t b = blocks * part / PARTS; b < blocks * (part + 1) / PARTS; b++) {
                const int64_t k = b * height, rows = hb_conv_min(height, s->rows - k);
                s->gemm->tile[rows - 1][columns > s->gemm->lanes](
                    tiles, j->results + e * s->result_plane + k * s->row, s->row, 1, image + c,
                    s->channels, j->sums + e * s->sum_plane + k * s->channels + c, s->channels,
                    columns, j->first > 0);
            }
        }
    }
}

static void transform_sums(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    const int64_t channels = s->conv->in_channels;
    for (int64_t k = begin; k < end; k++)
        s->kernels->filter_back(channels, j->sums + k * s->channels, s->sum_plane,
                                j->dw + (j->group * s->rows + k) * channels * 9);
}

static void run(hb_device *device, const void *made, const hb_run_args *args) {
    const state *s = made;
    const hb_conv *c = s->conv;
    job j = {.s = s,
             .x = (const float *)(const void *)hb_cpu_address(args, &s->step->in[0]),
             .dy = (const float *)(const void *)hb_cpu_address(args, &s->step->in[1]),
             .dw = (float *)(void *)hb_cpu_address(args, &s->step->out[0]),
             .own = hb_cpu_base(args, HB_BUFFER_ARENA) + s->step->scratch_offset};
    j.sums = (float *)(void *)j.own;
    j.images = j.sums + s->sum_floats;
    j.results = j.images + s->image_floats;
    j.own += s->shared_bytes;
    const double products = (double)s->rows * (double)s->channels;
    for (j.group = 0; j.group < c->groups; j.group++) {
        for (j.first = 0; j.first < s->tile_rows; j.first += s->each) {
            j.count = hb_conv_min(s->each, s->tile_rows - j.first);
            const double tiles = (double)(j.count * s->tiles_x);
            hb_conv_parallel(device, s->threads, 2 * j.count,
                             tiles * (double)(s->rows + s->channels) * 80, s->gemm->lanes,
                             transform_rows, &j);
            hb_conv_parallel(device, s->threads, HB_WINOGRAD_PLANES * PARTS, tiles * products * 16,
                             s->gemm->lanes, multiply, &j);
        }
        hb_conv_parallel(device, s->threads, s->rows, products * 40, 1, transform_sums, &j);
    }
}

/* ---- the solver ---- */

static bool can_do(const hb_device *device, const hb_step *step) {
    if (!hb_winograd_fits(step)) return false;
    state s;
    describe(device, step, &s);
    return s.sum_floats * (int64_t)sizeof(float) <= MOST_SUM_BYTES &&
           kept_bytes(&s, s.each) <= 2 * KEPT_BYTES;
}

/* In units of a multiplication in the full tile: 16 of 36, and the transforms and transposition. */
static double cost(const hb_device *device, const hb_step *step) {
    state s;
    describe(device, step, &s);
    const double points = (double)hb_conv_volume(s.conv->out);
    const double padded = (double)(4 * s.tiles_y * s.tiles_x) / points;
    return padded * (16.0 / 36 * (double)s.channels / (double)s.conv->in_channels +
                     14 / (double)s.rows + 18 / (double)s.channels) +
           60 / (double)(s.tile_rows * s.tiles_x);
}

static size_t scratch(const hb_device *device, const hb_step *step) {
    state s;
    describe(device, step, &s);
    return s.shared_bytes + (size_t)device->threads * s.thread_bytes;
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **made, hb_error *error) {
    state *s = malloc(sizeof *s);
    if (s == NULL) return hb_fail_memory(error, "a convolution", sizeof *s);
    describe(device, step, s);
    /* The number of threads may have been raised since. */
    s->threads = (int)((step->scratch_bytes - s->shared_bytes) / s->thread_bytes);
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
