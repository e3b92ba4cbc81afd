/* CONV and CONV_INPUT of 3 x 3 and 5 x 5 filters by Winograd's minimal filtering
   (winograd_kernels.h): 16 multiplications in place of 36, 36 in place of 144 or of 100, by the
   form that costs least. Called through the solvers' table (cpu.h).

   A task makes some rows of tiles, of one or several images: all channels of these are transformed,
   then for each panel of tiles and each few rows of weights the products are made in L1 and
   transformed back. So nothing but the images goes through memory, and the transforms of a task's
   images stay in L2. Results differ from those of a direct sum by a few roundings more; a value
   that is not finite spreads over its tiles. */
#include "winograd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../winograd_choice.h"

/* Transformed images that a task keeps in L2, if it can; and how many tasks there should be. */
enum { IMAGE_BYTES = 384 << 10, MOST_IMAGE_BYTES = 2 << 20, TASKS = 16 };

typedef struct state {
    const hb_step *of;
    const hb_conv *conv;
    const hb_cpu_gemm_type *gemm;
    const hb_cpu_winograd *kernels;
    const hb_winograd_form *form;
    const hb_winograd_form *by_tiles;   /* of images */
    int64_t lanes;                      /* of these */
    int64_t step, planes;               /* of the form; elements of a tile */
    bool transposed;                    /* CONV_INPUT */
    int64_t rows, channels, row_blocks; /* of the products */
    int64_t height, width;              /* of a result */
    int64_t tiles_x, tiles_y;           /* of a result */
    int64_t tiles_vectors;              /* vectors of a row of tiles */
    int64_t tile_rows, each, tasks;     /* of a group; in a task; tasks of a group */
    int64_t plane, weights_plane;       /* floats between elements of the transforms */
    hb_winograd_image image;
    int64_t row, image_floats, product_floats, weights_floats;
    size_t thread_bytes;
    int threads;
} state;

bool hb_winograd_fits(const hb_winograd_form *form, const hb_step *step) {
    const hb_conv *c = &step->u.conv;
    if (step->out[0].dtype != HEBB_F32 || c->in[0] != 1 || c->out[0] != 1 || c->before[0] != 0 ||
        c->kernel[0] != 1 || c->kernel[1] != form->taps || c->kernel[2] != form->taps)
        return false;
    for (int d = 0; d < 3; d++)
        if (c->stride[d] != 1 || (d > 0 && c->dilation[d] != 1)) return false;
    if (form->size > 4 && (!hb_winograd_meets(c, 1) || !hb_winograd_meets(c, 2))) return false;
    return c->batch > 0 && c->groups > 0 && c->in_channels > 0 && c->out_channels > 0 &&
           hb_volume(c->in) > 0 && hb_volume(c->out) > 0;
}

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

static int64_t image_bytes(const state *s, int64_t tile_rows) {
    return s->planes * s->channels * plane_of(s, tile_rows) * (int64_t)sizeof(float);
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
    s->rows = s->transposed ? c->in_channels : c->out_channels;
    s->channels = s->transposed ? c->out_channels : c->in_channels;
    s->height = s->transposed ? c->in[1] : c->out[1];
    s->width = s->transposed ? c->in[2] : c->out[2];
    s->tiles_y = hb_ceil_div(s->height, s->step);
    s->tiles_x = hb_ceil_div(s->width, s->step);
    const hb_cpu_winograd *by_tiles = hb_winograd_by_tiles(s->kernels, s->tiles_x);
    s->by_tiles = &by_tiles->form[number];
    s->lanes = by_tiles->lanes;
    s->tiles_vectors = hb_ceil_div(s->tiles_x, s->lanes);
    const int64_t edge = form->taps - 1;
    s->image = s->transposed ? (hb_winograd_image){c->out[1], c->out[2], edge - c->before[1],
                                                   edge - c->before[2]}
                             : (hb_winograd_image){c->in[1], c->in[2], c->before[1], c->before[2]};
    s->tile_rows = c->batch * s->tiles_y;
    s->each = rows_of_a_task(s);
    s->tasks = hb_ceil_div(s->tile_rows, s->each);
    s->row_blocks = hb_ceil_div(s->rows, s->gemm->rows);
    s->row = plane_of(s, s->each);
    s->plane = hb_winograd_odd_lines(s->channels * s->row);
    s->weights_plane = hb_winograd_odd_lines(s->row_blocks * s->channels * s->gemm->rows);
    s->weights_floats = c->groups * s->planes * s->weights_plane;
    s->image_floats = s->planes * s->plane;
    s->product_floats = (s->planes + s->step * s->step) * s->gemm->rows * 2 * s->gemm->lanes;
    s->thread_bytes =
        hb_conv_aligned((s->image_floats + s->product_floats) * (int64_t)sizeof(float) +
                        most_runs(s) * (int64_t)sizeof(run_of_tiles));
}

/* ---- weights: [groups, elements, blocks of rows, channels, rows of a block] ---- */

typedef struct job {
    const state *s;
    const float *x, *w;
    float *y, *scratch;
} job;

static float *weights_of(const job *j, int64_t group) {
    return j->scratch + group * j->s->planes * j->s->weights_plane;
}

static void transform_weights(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    const int64_t height = s->gemm->rows, taps = s->form->taps * s->form->taps;
    const int64_t row = s->transposed ? taps : s->channels * taps;
    for (int64_t i = begin; i < end; i++) {
        const int64_t group = i / s->row_blocks, block = i % s->row_blocks, first = block * height;
        const float *w = j->w + group * s->rows * s->channels * taps + first * row;
        float *u = weights_of(j, group) + block * s->channels * height;
        for (int64_t c = 0; c < s->channels; c++, u += height)
            s->form->filter(hb_min(height, s->rows - first),
                            w + c * taps * (s->transposed ? s->rows : 1), row, s->transposed, u,
                            s->weights_plane);
    }
}

/* ---- a task ---- */

typedef struct task {
    int64_t group, first, count; /* rows of tiles [first, first + count) of the group */
    float *image, *product;
    run_of_tiles *runs;
} task;

/* Rows of tiles follow each other without gaps: what one writes too much the next one overwrites.
 */
static void transform_images(const job *j, const task *t) {
    const state *s = j->s;
    const int64_t area = s->image.height * s->image.width;
    for (int64_t c = 0; c < s->channels; c++) {
        float *to = t->image + c * s->row;
        for (int64_t r = 0, n; r < t->count; r += n, to += n * s->tiles_x) {
            const int64_t image = (t->first + r) / s->tiles_y, first = (t->first + r) % s->tiles_y;
            const float *x = j->x + ((image * s->conv->groups + t->group) * s->channels + c) * area;
            n = hb_min(t->count - r, s->tiles_y - first);
            if (c + 1 < s->channels)
                s->kernels->ask(&s->image, x + area, s->step * first,
                                s->step * n + s->form->taps - 1);
            s->by_tiles->image(&s->image, x, first, n, s->tiles_x, to, s->tiles_x, s->plane);
        }
    }
}

/* Of all panels of the task, in order. */
static const run_of_tiles *find_runs(const job *j, const task *t, int64_t tiles) {
    const state *s = j->s;
    const int64_t wide = 2 * s->gemm->lanes;
    run_of_tiles *run = t->runs;
    for (int64_t i = 0, n; i < tiles; i += n, run++) {
        const int64_t r = t->first + i / s->tiles_x, tile = i % s->tiles_x, at = i % wide;
        const int64_t image = r / s->tiles_y, y = s->step * (r % s->tiles_y);
        const int64_t channel = (image * s->conv->groups + t->group) * s->rows;
        n = hb_min(s->tiles_x - tile, hb_min(wide - at, tiles - i));
        *run = (run_of_tiles){.panel = i / wide,
                              .from = s->step * at,
                              .to = (channel * s->height + y) * s->width + s->step * tile,
                              .count = hb_min(s->step * n, s->width - s->step * tile),
                              .rows = hb_min(s->step, s->height - y)};
    }
    return run;
}

/* One panel of tiles times one block of rows of the weights. Returns the next panel's runs. */
static const run_of_tiles *multiply_panel(const job *j, const task *t, int64_t block, int64_t panel,
                                          int64_t count, const run_of_tiles *runs,
                                          const run_of_tiles *end) {
    const state *s = j->s;
    const int64_t tile = panel * 2 * s->gemm->lanes;
    const run_of_tiles *run = runs;
    const int64_t height = s->gemm->rows, wide = 2 * s->gemm->lanes, plane = height * wide;
    const int64_t first = block * height, rows = hb_min(height, s->rows - first);
    const float *u = weights_of(j, t->group) + first * s->channels;
    hb_cpu_gemm_tile *multiply = s->gemm->tile[rows - 1][count > s->gemm->lanes];
    for (int64_t e = 0; e < s->planes; e++)
        multiply(s->channels, u + e * s->weights_plane, 1, height, t->image + e * s->plane + tile,
                 s->row, t->product + e * plane, wide, wide, false);
    float *results = t->product + s->planes * plane;
    const int64_t line = s->step * wide; /* of a panel's results; a row of weights has `step` */
    for (int64_t r = 0; r < rows; r++)
        s->form->back(count, t->product + r * wide, plane, results + r * s->step * line, line);
    for (int64_t r = 0; r < rows; r++) {
        float *y = j->y + (first + r) * s->height * s->width;
        for (run = runs; run < end && run->panel == panel; run++)
            for (int64_t i = 0; i < run->rows; i++)
                s->kernels->copy(run->count, results + (r * s->step + i) * line + run->from,
                                 y + run->to + i * s->width);
    }
    return run;
}

static void run_tasks(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    const int64_t wide = 2 * s->gemm->lanes;
    task t = {.image = j->scratch + s->weights_floats +
                       thread * (int64_t)(s->thread_bytes / sizeof(float))};
    t.product = t.image + s->image_floats;
    t.runs = (run_of_tiles *)(void *)(t.product + s->product_floats);
    for (int64_t i = begin; i < end; i++) {
        t.group = i / s->tasks;
        t.first = i % s->tasks * s->each;
        t.count = hb_min(s->each, s->tile_rows - t.first);
        transform_images(j, &t);
        const int64_t tiles = t.count * s->tiles_x;
        const run_of_tiles *last = find_runs(j, &t, tiles);
        for (int64_t block = 0; block < s->row_blocks; block++) {
            const run_of_tiles *run = t.runs;
            for (int64_t panel = 0; panel * wide < tiles; panel++)
                run = multiply_panel(j, &t, block, panel, hb_min(wide, tiles - panel * wide), run,
                                     last);
        }
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
    const double products = (double)s->rows * (double)s->channels;
    hb_cpu_parallel(device, c->groups * s->row_blocks, (double)c->groups * products * 20,
                    transform_weights, &j);
    const double macs = (double)(c->groups * s->tile_rows * s->tiles_x * s->planes) * products;
    hb_conv_parallel(device, s->threads, c->groups * s->tasks, macs, s->kernels->lanes, run_tasks,
                     &j);
}

/* ---- the solver ---- */

/* In units of a multiplication in the full tile, as those of conv.c: 16 of 36, say, and the
   transforms of an image's tile, used for all rows of weights, of a result's, used for all
   channels, and of the weights, used for all tiles, which costs more in units of products of wider
   vectors (as measured with AVX-512, and with AVX2 on a Zen 3). */
static double cost_of(const state *s) {
    const double taps = s->form->taps * s->form->taps, tile = (double)(s->step * s->step);
    const double points = (double)(s->height * s->width);
    const double padded = tile * (double)(s->tiles_y * s->tiles_x) / points;
    const double used = (double)s->tiles_x / (double)(s->tiles_vectors * s->lanes);
    return padded * (waste(s, s->each) * (double)s->planes / (tile * taps) +
                     (5 / used / (double)s->rows + 4.5 / (double)s->channels) * 9 / taps) +
           3 * (double)(s->planes * s->kernels->lanes) / (taps * points * (double)s->conv->batch);
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
