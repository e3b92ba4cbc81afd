/* CONV and CONV_INPUT of 2 x 2, 3 x 3 and 5 x 5 filters, and at a stride of 2 of those twice as
   large, by Winograd's minimal filtering (winograd_kernels.h): 16 multiplications in place of 36,
   36 in place of 144 or of 100, 9 in place of 16 or 25 in place of 64, by the form that costs
   least. Called through the solvers' table (cpu.h).

   A task makes some rows of tiles, of one or several images: all channels of these are transformed,
   then for each panel of tiles and each few rows of weights the products are made in L1 and
   transformed back. So nothing but the images goes through memory, and the transforms of a task's
   images stay in L2. Phases of an image (winograd.h) are channels more; phases of a result are
   results of their own, of which two at a time are put together. Results differ from those of a
   direct sum by a few roundings more; a value that is not finite spreads over its tiles. */
#include "winograd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Transformed images that a task keeps in L2, if it can; and how many tasks there should be. */
enum { IMAGE_BYTES = 384 << 10, MOST_IMAGE_BYTES = 2 << 20, TASKS = 16 };

typedef struct state {
    const hb_step *of;
    const hb_conv *conv;
    const hb_cpu_gemm_type *gemm;
    const hb_cpu_winograd *kernels;
    const hb_winograd_form *form;
    const hb_winograd_form *by_tiles; /* of images */
    int64_t lanes;                    /* of these */
    int64_t step, planes;             /* of the form; elements of a tile */
    bool transposed;                  /* CONV_INPUT */
    hb_winograd_phases phases;
    int64_t sources, apart;             /* phases of an image; stride of those of a result */
    int64_t rows, channels, row_blocks; /* of the products; channels: of all phases of an image */
    int64_t area, volume;               /* of a plane of an image, of all of them */
    int64_t depth, height, width;       /* of a result */
    int64_t tiles_x, tiles_y;           /* of a phase of a result */
    int64_t tiles_vectors;              /* vectors of a row of tiles */
    int64_t tile_rows, each, tasks;     /* of a group; in a task; tasks of a group */
    int64_t plane, weights_plane;       /* floats between elements of the transforms */
    int64_t row, image_floats, product_floats, band_floats, weights_floats;
    size_t thread_bytes;
    int threads;
} state;

/* ---- layout ---- */

/* Panels are two vectors wide, or one at the end: which takes more than half of the time. */
static double waste(const state *s, int64_t tile_rows) {
    const int64_t tiles = tile_rows * s->tiles_x, lanes = s->gemm->lanes;
    const int64_t vectors = hb_ceil_div(tiles, lanes);
    return ((double)vectors + (vectors % 2 != 0 ? 0.25 : 0)) * (double)lanes / (double)tiles;
}

/* Floats of a channel: what products read and transforms write, in whole vectors. */
static int64_t plane_of(const state *s, int64_t tile_rows) {
    const int64_t tiles = tile_rows * s->tiles_x, wide = 2 * s->gemm->lanes;
    const int64_t read = hb_ceil_div(tiles, wide) * wide;
    const int64_t written = tiles - s->tiles_x + s->tiles_vectors * s->lanes;
    return hb_winograd_odd_lines(read > written ? read : written);
}

/* Of the phases of a row of results. */
static int64_t image_bytes(const state *s, int64_t tile_rows) {
    return s->apart * s->planes * s->channels * plane_of(s, tile_rows) * (int64_t)sizeof(float);
}

/* Of the numbers of rows that fit, the one with the least waste; a panel's worth if it can be. */
static int64_t rows_of_a_task(const state *s) {
    const int64_t tasks = hb_ceil_div(TASKS, s->conv->groups), wide = 2 * s->gemm->lanes;
    const int64_t most = hb_ceil_div(s->tile_rows, tasks);
    int64_t best = 1;
    for (int64_t rows = 2; rows <= s->tile_rows; rows++) {
        const bool little = (rows - 1) * s->tiles_x < wide;
        if (image_bytes(s, rows) > (little ? MOST_IMAGE_BYTES : IMAGE_BYTES)) break;
        if (rows > most && !little) break;
        if (waste(s, rows) <= waste(s, best)) best = rows;
    }
    return best;
}

/* Tiles side by side in a row of the result: from column `from` of a panel's results, to that
   element of the batch's first channel, and how many rows of the tiles are there. */
typedef struct run_of_tiles {
    int64_t panel, from, to, count, rows;
} run_of_tiles;

/* Rows of tiles begin runs, and so do panels. */
static int64_t most_runs(const state *s) {
    return s->each + hb_ceil_div(s->each * s->tiles_x, 2 * s->gemm->lanes);
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
                 .transposed = step->kind == HB_CONV_INPUT,
                 .threads = device->threads};
    hb_winograd_find_phases(form, c, &s->phases);
    if (s->transposed) hb_winograd_transpose_phases(form, c, &s->phases);
    s->sources = s->transposed && s->phases.stride > 1 ? 1 : s->phases.count;
    s->apart = s->transposed ? s->phases.stride : 1;
    s->rows = s->transposed ? c->in_channels : c->out_channels;
    s->channels = s->sources * (s->transposed ? c->out_channels : c->in_channels);
    s->volume = hb_volume(s->transposed ? c->out : c->in);
    s->area = s->volume / (s->transposed ? c->out[0] : c->in[0]);
    s->depth = s->transposed ? c->in[0] : c->out[0];
    s->height = s->transposed ? c->in[1] : c->out[1];
    s->width = s->transposed ? c->in[2] : c->out[2];
    s->tiles_y = hb_ceil_div(s->height, s->apart * s->step);
    s->tiles_x = hb_ceil_div(s->width, s->apart * s->step);
    const hb_cpu_winograd *by_tiles = hb_winograd_by_tiles(s->kernels, s->tiles_x);
    s->by_tiles = &by_tiles->form[number];
    s->lanes = by_tiles->lanes;
    s->tiles_vectors = hb_ceil_div(s->tiles_x, s->lanes);
    s->tile_rows = c->batch * s->depth * s->tiles_y;
    s->each = rows_of_a_task(s);
    s->tasks = hb_ceil_div(s->tile_rows, s->each);
    s->row_blocks = hb_ceil_div(s->rows, s->gemm->rows);
    if (!s->transposed && s->phases.stride > 1)
        hb_winograd_make_bands(form, s->kernels->lanes, hb_min(s->each, s->tiles_y), &s->phases);
    s->row = plane_of(s, s->each);
    s->plane = hb_winograd_odd_lines(s->channels * s->row);
    s->weights_plane = hb_winograd_odd_lines(s->row_blocks * s->channels * s->gemm->rows);
    s->weights_floats = c->groups * s->apart * s->apart * s->planes * s->weights_plane;
    s->image_floats = s->planes * s->plane;
    s->band_floats = hb_winograd_lines(s->sources * s->phases.band);
    s->product_floats =
        (s->planes + s->apart * s->step * s->step) * s->gemm->rows * 2 * s->gemm->lanes +
        s->kernels->lanes;
    s->thread_bytes = hb_conv_aligned(
        (s->apart * s->image_floats + s->product_floats + s->band_floats) * (int64_t)sizeof(float) +
        most_runs(s) * (int64_t)sizeof(run_of_tiles));
}

/* ---- weights: [groups, phases of a result, elements, blocks of rows, channels, rows of a block]
 */

typedef struct job {
    const state *s;
    const float *x, *w;
    float *y, *scratch;
    int64_t parts; /* of the rows */
} job;

static float *weights_of(const job *j, int64_t group, int64_t phase) {
    const state *s = j->s;
    return j->scratch + (group * s->apart * s->apart + phase) * s->planes * s->weights_plane;
}

/* Weights of a block's rows are far from those of the next channel in CONV_INPUT: asks for those of
   a later one. */
enum { AHEAD = 4 };
static void ask_for(const float *w, int64_t floats) {
    for (int64_t i = 0; i < floats; i += HB_WINOGRAD_LINE) __builtin_prefetch(w + i);
}

/* A channel's filters of a block's rows, in all phases: to u, and so many floats further each. */
static void transform_filters(const state *s, int64_t rows, const float *w, int64_t row,
                              float *phases, float *u, int64_t further) {
    const hb_winograd_phases *p = &s->phases;
    if (p->count == 1) {
        s->form->filter(rows, w, row, s->transposed, u, s->weights_plane);
        return;
    }
    hb_winograd_take_apart(p, rows, w, row, phases);
    for (int64_t i = 0; i < p->count; i++)
        s->form->filter(rows, phases + i * p->filters, p->taps, s->transposed, u + i * further,
                        s->weights_plane);
}

static void transform_weights(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    const int64_t height = s->gemm->rows, taps = s->phases.kernel;
    const int64_t channels = s->channels / s->sources;
    const int64_t row = s->transposed ? taps : channels * taps;
    const int64_t along = s->transposed ? s->rows * taps : taps;
    const int64_t further = s->apart > 1 ? s->planes * s->weights_plane : height;
    float phases[HB_WINOGRAD_APART_FLOATS] = {0};
    for (int64_t i = begin; i < end; i++) {
        const int64_t group = i / s->row_blocks, block = i % s->row_blocks, first = block * height;
        const int64_t rows = hb_min(height, s->rows - first);
        const float *w = j->w + group * s->rows * channels * taps + first * row;
        float *u = weights_of(j, group, 0) + block * s->channels * height;
        for (int64_t c = 0; c < channels; c++, w += along, u += s->sources * height) {
            if (s->transposed && c + AHEAD < channels) ask_for(w + AHEAD * along, rows * row);
            transform_filters(s, rows, w, row, phases, u, further);
        }
    }
}

/* ---- a task ---- */

typedef struct task {
    int64_t group, first, count; /* rows of tiles [first, first + count) of the group */
    int64_t block0, block1;      /* of rows */
    float *image, *product, *bands;
    run_of_tiles *runs;
} task;

/* Rows of tiles [first, first + rows) of one plane of an image, the task's from `at` on. */
typedef struct piece {
    int64_t image, z, first, rows, at;
} piece;

/* Of channel c, the phases of a strided convolution: to `to`, and a row further each. Rows of tiles
   follow each other without gaps: what one writes too much the next one overwrites. */
static void transform_phases(const job *j, const task *t, const piece *p, const float *x,
                             bool has_next, float *to) {
    const state *s = j->s;
    hb_winograd_image image[HB_WINOGRAD_MOST_PHASES];
    hb_winograd_split(s->kernels, s->form, &s->phases, x, has_next ? x + s->volume : NULL, p->first,
                      p->rows, t->bands, image);
    for (int64_t i = 0; i < s->sources; i++)
        s->by_tiles->image(&image[i], t->bands + i * s->phases.band, 0, p->rows, s->tiles_x,
                           to + i * s->row, s->tiles_x, s->plane);
}

/* The same of the planes that phase `phase` of the results is made of. */
static void transform_planes(const job *j, const piece *p, int64_t phase, const float *x,
                             bool has_next, float *to) {
    const state *s = j->s;
    static const hb_winograd_image nothing;
    for (int64_t i = 0; i < s->sources; i++) {
        const int64_t z = hb_winograd_plane(s->conv, s->transposed, i, p->z);
        const bool there = z >= 0 && z * s->area < s->volume;
        const hb_winograd_image *image = there ? &s->phases.image[phase] : &nothing;
        const float *plane = x + (there ? z : 0) * s->area;
        if (has_next && there)
            s->kernels->ask(image, plane + s->volume, s->step * p->first,
                            s->step * p->rows + s->form->taps - 1);
        s->by_tiles->image(image, plane, p->first, p->rows, s->tiles_x, to + i * s->row, s->tiles_x,
                           s->plane);
    }
}

static void transform_images(const job *j, const task *t, int64_t phase, float *to) {
    const state *s = j->s;
    const int64_t channels = s->channels / s->sources;
    for (int64_t c = 0; c < channels; c++) {
        piece p = {.at = 0};
        for (; p.at < t->count; p.at += p.rows) {
            const int64_t r = t->first + p.at;
            p.image = r / s->tiles_y / s->depth;
            p.z = r / s->tiles_y % s->depth;
            p.first = r % s->tiles_y;
            p.rows = hb_min(t->count - p.at, s->tiles_y - p.first);
            const int64_t channel = (p.image * s->conv->groups + t->group) * channels + c;
            const float *x = j->x + channel * s->volume;
            float *v = to + c * s->sources * s->row + p.at * s->tiles_x;
            if (s->phases.stride > 1 && !s->transposed)
                transform_phases(j, t, &p, x, c + 1 < channels, v);
            else transform_planes(j, &p, phase, x, c + 1 < channels, v);
        }
    }
}

/* Of all panels of the task, in order, in phases [apart row, apart (row + 1)) of the results. */
static const run_of_tiles *find_runs(const job *j, const task *t, int64_t row, int64_t tiles) {
    const state *s = j->s;
    const int64_t wide = 2 * s->gemm->lanes, apart = s->apart, step = apart * s->step;
    run_of_tiles *run = t->runs;
    for (int64_t i = 0, n; i < tiles; i += n, run++) {
        const int64_t r = t->first + i / s->tiles_x, tile = i % s->tiles_x, at = i % wide;
        const int64_t image = r / s->tiles_y / s->depth, z = r / s->tiles_y % s->depth;
        const int64_t y = step * (r % s->tiles_y) + row;
        const int64_t channel = (image * s->conv->groups + t->group) * s->rows;
        n = hb_min(s->tiles_x - tile, hb_min(wide - at, tiles - i));
        *run = (run_of_tiles){.panel = i / wide,
                              .from = s->step * at,
                              .to = ((channel * s->depth + z) * s->height + y) * s->width +
                                    step * tile,
                              .count = hb_min(step * n, s->width - step * tile),
                              .rows = hb_min(s->step, hb_ceil_div(s->height - y, apart))};
    }
    return run;
}

/* What a panel's products have become, to the runs' places. */
static const run_of_tiles *copy_results(const job *j, int64_t block, int64_t panel,
                                        const float *results, const run_of_tiles *runs,
                                        const run_of_tiles *end) {
    const state *s = j->s;
    const run_of_tiles *run = runs;
    const int64_t height = s->gemm->rows, line = s->step * 2 * s->gemm->lanes;
    const int64_t first = block * height, rows = hb_min(height, s->rows - first);
    for (int64_t r = 0; r < rows; r++) {
        float *y = j->y + (first + r) * s->depth * s->height * s->width;
        for (run = runs; run < end && run->panel == panel; run++)
            for (int64_t i = 0; i < run->rows; i++) {
                const float *from = results + (r * s->step + i) * line + run->from;
                float *to = y + run->to + i * s->apart * s->width;
                if (s->apart == 1) s->kernels->copy(run->count, from, to);
                else s->kernels->zip(run->count, from, from + height * s->step * line, to);
            }
    }
    return run;
}

/* One panel of tiles times one block of rows of the weights, for a phase of the results. */
static void multiply_panel(const job *j, const task *t, int64_t phase, int64_t block, int64_t tile,
                           int64_t count, const float *image, float *results) {
    const state *s = j->s;
    const int64_t height = s->gemm->rows, wide = 2 * s->gemm->lanes, plane = height * wide;
    const int64_t first = block * height, rows = hb_min(height, s->rows - first);
    const float *u = weights_of(j, t->group, phase) + first * s->channels;
    hb_cpu_gemm_tile *multiply = s->gemm->tile[rows - 1][count > s->gemm->lanes];
    for (int64_t e = 0; e < s->planes; e++)
        multiply(s->channels, u + e * s->weights_plane, 1, height, image + e * s->plane + tile,
                 s->row, t->product + e * plane, wide, wide, false);
    const int64_t line = s->step * wide; /* of a panel's results; a row of weights has `step` */
    for (int64_t r = 0; r < rows; r++)
        s->form->back(count, t->product + r * wide, plane, results + r * s->step * line, line);
}

/* Those phases of the task's results that take turns in rows `row`, `row` + apart, ... */
static void run_rows(const job *j, const task *t, int64_t row) {
    const state *s = j->s;
    const int64_t wide = 2 * s->gemm->lanes, tiles = t->count * s->tiles_x;
    const int64_t results = s->step * s->step * s->gemm->rows * wide;
    for (int64_t i = 0; i < s->apart; i++)
        transform_images(j, t, row * s->apart + i, t->image + i * s->image_floats);
    const run_of_tiles *last = find_runs(j, t, row, tiles);
    for (int64_t block = t->block0; block < t->block1; block++) {
        const run_of_tiles *run = t->runs;
        for (int64_t panel = 0; panel * wide < tiles; panel++) {
            float *to = t->product + s->planes * s->gemm->rows * wide;
            for (int64_t i = 0; i < s->apart; i++)
                multiply_panel(j, t, row * s->apart + i, block, panel * wide,
                               hb_min(wide, tiles - panel * wide), t->image + i * s->image_floats,
                               to + i * results);
            run = copy_results(j, block, panel, to, run, last);
        }
    }
}

static void run_tasks(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    task t = {.image = j->scratch + s->weights_floats +
                       thread * (int64_t)(s->thread_bytes / sizeof(float))};
    t.product = t.image + s->apart * s->image_floats;
    t.bands = t.product + s->product_floats;
    t.runs = (run_of_tiles *)(void *)(t.bands + s->band_floats);
    for (int64_t i = begin; i < end; i++) {
        const int64_t part = i % j->parts, row = i / j->parts % s->apart;
        const int64_t number = i / j->parts / s->apart;
        t.block0 = s->row_blocks * part / j->parts;
        t.block1 = s->row_blocks * (part + 1) / j->parts;
        t.group = number / s->tasks;
        t.first = number % s->tasks * s->each;
        t.count = hb_min(s->each, s->tile_rows - t.first);
        run_rows(j, &t, row);
    }
}

static void run(hb_device *device, const void *made, const hb_run_args *args) {
    const state *s = made;
    const hb_conv *c = s->conv;
    job j = {.s = s,
             .x = (const float *)(const void *)hb_cpu_address(args, &s->of->in[0]),
             .w = (const float *)(const void *)hb_cpu_address(args, &s->of->in[1]),
             .y = (float *)(void *)hb_cpu_address(args, &s->of->out[0]),
             .scratch =
                 (float *)(void *)(hb_cpu_base(args, HB_BUFFER_ARENA) + s->of->scratch_offset)};
    const double products = (double)(s->apart * s->apart) * (double)s->rows * (double)s->channels;
    hb_cpu_parallel(device, c->groups * s->row_blocks, (double)c->groups * products * 20,
                    transform_weights, &j);
    const double macs = (double)(c->groups * s->tile_rows * s->tiles_x * s->planes) * products;
    /* Each part of the rows transforms the images for itself: no more than threads need. */
    const int64_t tasks = c->groups * s->tasks * s->apart;
    j.parts = hb_min(s->row_blocks, hb_ceil_div(device->threads, tasks));
    hb_conv_parallel(device, s->threads, tasks * j.parts, macs, s->kernels->lanes, run_tasks, &j);
}

/* ---- the solver ---- */

/* In units of a multiplication in the full tile, as those of conv.c: 16 of 36, say, and the
   transforms of an image's tile, used for all rows of weights, of a result's, used for all
   channels, and of the weights, used for all tiles, which costs more in units of products of wider
   vectors (as measured with AVX-512, and with AVX2 on a Zen 3), and still more where their phases
   are taken apart. */
static double cost_of(const state *s) {
    const double taps = (double)hb_volume(s->conv->kernel) / (double)s->phases.count;
    const double tile = (double)(s->step * s->step);
    const double points = (double)(s->height * s->width) / (double)(s->apart * s->apart);
    const double padded = tile * (double)(s->tiles_y * s->tiles_x) / points;
    const double used = (double)s->tiles_x / (double)(s->tiles_vectors * s->lanes);
    const double transforms = hb_winograd_transform_cost(s->form) / taps;
    const double filters = s->phases.stride > 1 ? 5 : 3;
    return padded * (waste(s, s->each) * (double)s->planes / (tile * taps) +
                     (5 / used / (double)s->rows + 4.5 / (double)s->channels) * transforms) +
           filters * (double)(s->planes * s->kernels->lanes) /
               (taps * points * (double)(s->conv->batch * s->depth));
}

/* By the form that costs least, of those that can do it. */
static bool choose(const hb_device *device, const hb_step *step, state *s) {
    bool found = false;
    for (int k = 0; k < HB_WINOGRAD_FORMS; k++) {
        const hb_winograd_form *form = &device->isa->winograd->form[k];
        if (!hb_winograd_fits(form, step)) continue;
        state other;
        describe(device, step, k, &other);
        if (image_bytes(&other, other.each) > MOST_IMAGE_BYTES) continue;
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
    return (size_t)s.weights_floats * sizeof(float) + (size_t)device->threads * s.thread_bytes;
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **made, hb_error *error) {
    state *s = malloc(sizeof *s);
    if (s == NULL) return hb_fail_memory(error, "a convolution", sizeof *s);
    (void)choose(device, step, s);
    s->threads = hb_conv_threads(step, (size_t)s->weights_floats * sizeof(float), s->thread_bytes);
    *made = s;
    return HEBB_OK;
}

const hb_cpu_solver hb_cpu_winograd_conv = {.name = "Winograd",
                                            .kind = HB_CONV,
                                            .can_do = can_do,
                                            .cost = cost,
                                            .scratch = scratch,
                                            .prepare = prepare,
                                            .run = run,
                                            .release = free};
