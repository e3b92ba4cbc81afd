/* CONV_WEIGHT of one channel a group, 16 images at a time (conv_depthwise.c): a tap's sums over
   places are those of 16 channels, side by side. Called through the solvers' table (cpu.h).

   A task has a block of channels and some of the images, by sizes alone, band by band of dy's rows;
   a band's sums are added to the task's, and the tasks' in order: the number of threads changes no
   bit. */
#include "conv_depthwise.h"

#include <stdlib.h>

/* Bytes of a band's source, in the second-level cache; of all sums; and how many tasks there should
   be. */
enum { SOURCE_BYTES = 128 << 10, SUM_BYTES = 4 << 20, TASKS = 16, IMAGES = HB_DIRECT_IMAGES };

typedef struct state {
    const hb_step *step;
    const hb_conv *conv;
    const hb_cpu_direct *kernels;
    hb_cpu_gemm_turn *turn;
    int64_t images, volume;
    int64_t blocks, turns, parts; /* of channels; blocks of images for each; tasks for each */
    int64_t row;                  /* of the source with its zeros: places, as all of these */
    int64_t band, rows;           /* of dy, and of the source, at a time */
    int64_t source, flat, dy;
    int64_t sum_floats, thread_floats; /* of all tasks; of a thread */
    int threads;
    int64_t offset[]; /* of all taps, in elements */
} state;

static int64_t rows_for(const hb_conv *c, int64_t band) {
    return (band - 1) * c->stride[1] + (c->kernel[1] - 1) * c->dilation[1] + 1;
}

static void describe(const hb_device *device, const hb_step *step, state *s) {
    const hb_conv *c = &step->u.conv;
    *s = (state){.step = step,
                 .conv = c,
                 .kernels = device->isa->direct,
                 .turn = device->isa->gemm->f32->turn,
                 .images = c->batch * c->groups,
                 .volume = hb_volume(c->kernel),
                 .threads = device->threads};
    s->blocks = hb_side_by_side_blocks(c->groups, s->images);
    s->turns = hb_ceil_div(hb_ceil_div(s->images, IMAGES), s->blocks);
    s->parts = hb_min(s->turns, hb_ceil_div(TASKS, s->blocks));
    s->row = hb_max(c->before[2] + c->in[2],
                    (c->out[2] - 1) * c->stride[2] + (c->kernel[2] - 1) * c->dilation[2] + 1);
    s->band = c->out[1];
    while (s->band > 1 &&
           rows_for(c, s->band) * s->row * IMAGES * (int64_t)sizeof(float) > SOURCE_BYTES)
        s->band = hb_ceil_div(s->band, 2);
    s->rows = rows_for(c, s->band);
    s->source = s->rows * s->row;
    s->flat = hb_side_by_side_flat(s->rows, c->in[2]);
    s->dy = s->band * c->out[2];
    s->sum_floats = s->blocks * s->parts * s->volume * IMAGES;
    s->thread_floats = (s->source + s->flat + s->dy) * IMAGES;
}

static void find_offsets(state *s) {
    const hb_conv *c = s->conv;
    int64_t *offset = s->offset;
    for (int64_t y = 0; y < c->kernel[1]; y++)
        for (int64_t x = 0; x < c->kernel[2]; x++)
            *offset++ = (y * c->dilation[1] * s->row + x * c->dilation[2]) * IMAGES;
}

/* ---- a task ---- */

typedef struct job {
    const state *s;
    const float *x, *dy;
    float *dw, *sums;
} job;

/* The rows of the source that rows [first, ...) of dy read, with zeros where there are none. */
static void copy_source(const job *j, int64_t image, int64_t images, int64_t first, float *to) {
    const state *s = j->s;
    const hb_conv *c = s->conv;
    const hb_side_by_side rows = {.turn = s->turn,
                                  .images = images,
                                  .apart = c->in[1] * c->in[2],
                                  .width = c->in[2],
                                  .before = c->before[2],
                                  .row = s->row};
    const int64_t begin = first * c->stride[1] - c->before[1];
    const int64_t low = hb_min(hb_max(-begin, 0), s->rows); /* rows that are inside: [low, high) */
    const int64_t high = hb_max(hb_min(c->in[1] - begin, s->rows), low);
    hb_side_by_side_zero(to, low * s->row);
    hb_side_by_side_zero(to + high * s->row * IMAGES, (s->rows - high) * s->row);
    if (high > low)
        hb_side_by_side_copy(&rows, j->x + (image * c->in[1] + begin + low) * c->in[2], high - low,
                             to + s->source * IMAGES, to + low * s->row * IMAGES);
}

/* Adds what 16 images have for the sums. Lanes without an image stay zero. */
static void add_images(const job *j, int64_t image, float *sum, float *source) {
    const state *s = j->s;
    const hb_conv *c = s->conv;
    const int64_t images = hb_min(IMAGES, s->images - image), places = c->out[1] * c->out[2];
    float *dy = source + (s->source + s->flat) * IMAGES;
    if (images < IMAGES) hb_side_by_side_zero(source, s->source + s->flat + s->dy);
    for (int64_t first = 0; first < c->out[1]; first += s->band) {
        const int64_t rows = hb_min(s->band, c->out[1] - first);
        copy_source(j, image, images, first, source);
        s->turn(images, rows * c->out[2], j->dy + image * places + first * c->out[2], places,
                IMAGES, dy);
        s->kernels->gradient_images(s->volume, s->offset, rows, c->stride[1] * s->row * IMAGES,
                                    c->out[2], c->stride[2] * IMAGES, source, dy, sum);
    }
}

static void sum_tasks(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    float *own = j->sums + s->sum_floats + thread * s->thread_floats;
    for (int64_t task = begin; task < end; task++) {
        const int64_t block = task / s->parts, part = task % s->parts;
        float *sum = j->sums + task * s->volume * IMAGES;
        hb_side_by_side_zero(sum, s->volume);
        for (int64_t n = s->turns * part / s->parts; n < s->turns * (part + 1) / s->parts; n++) {
            const int64_t image = (n * s->blocks + block) * IMAGES;
            if (image < s->images) add_images(j, image, sum, own);
        }
    }
}

/* A channel's sums: of all blocks and lanes that have it, and of all parts. */
static void add_sums(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    for (int64_t channel = begin; channel < end; channel++)
        for (int64_t t = 0; t < s->volume; t++) {
            float sum = 0;
            for (int64_t at = channel; at < s->blocks * IMAGES; at += s->conv->groups)
                for (int64_t k = 0; k < s->parts; k++)
                    sum += j->sums[((at / IMAGES * s->parts + k) * s->volume + t) * IMAGES +
                                   at % IMAGES];
            j->dw[channel * s->volume + t] = sum;
        }
}

static void run(hb_device *device, const void *made, const hb_run_args *args) {
    const state *s = made;
    job j = {.s = s,
             .x = (const float *)(const void *)hb_cpu_address(args, &s->step->in[0]),
             .dy = (const float *)(const void *)hb_cpu_address(args, &s->step->in[1]),
             .dw = (float *)(void *)hb_cpu_address(args, &s->step->out[0]),
             .sums =
                 (float *)(void *)(hb_cpu_base(args, HB_BUFFER_ARENA) + s->step->scratch_offset)};
    hb_conv_parallel(device, s->threads, s->blocks * s->parts, s->step->flops / 2,
                     s->kernels->lanes, sum_tasks, &j);
    hb_cpu_parallel(device, s->conv->groups, (double)s->sum_floats / 4, add_sums, &j);
}

/* ---- the solver ---- */

static bool can_do(const hb_device *device, const hb_step *step) {
    const hb_conv *c = &step->u.conv;
    if (!hb_direct_fits(step) || c->in_channels != 1 || c->out_channels != 1) return false;
    state s;
    describe(device, step, &s);
    const int64_t bytes = sizeof(float);
    return s.source * IMAGES * bytes <= 4 * SOURCE_BYTES && s.sum_floats * bytes <= SUM_BYTES;
}

/* In the units of conv_direct_weight.c's: images that are missing to 16, and elements that are
   turned around. */
static double cost(const hb_device *device, const hb_step *step) {
    state s;
    describe(device, step, &s);
    const hb_conv *c = s.conv;
    const double images = (double)(s.turns * s.blocks * IMAGES) / (double)s.images;
    const double turned = 1 + (double)(s.row * c->in[1]) / (double)hb_volume(c->out);
    return images * (1.2 + 2 * turned / (double)s.volume);
}

static size_t scratch(const hb_device *device, const hb_step *step) {
    state s;
    describe(device, step, &s);
    return (size_t)(s.sum_floats + device->threads * s.thread_floats) * sizeof(float);
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **made, hb_error *error) {
    const size_t taps = (size_t)hb_volume(step->u.conv.kernel);
    state *s = malloc(sizeof *s + taps * sizeof *s->offset);
    if (s == NULL) return hb_fail_memory(error, "a convolution", sizeof *s);
    describe(device, step, s);
    s->threads = hb_conv_threads(step, (size_t)s->sum_floats * sizeof(float),
                                 (size_t)s->thread_floats * sizeof(float));
    find_offsets(s);
    *made = s;
    return HEBB_OK;
}

const hb_cpu_solver hb_cpu_conv_depthwise_weight = {.name = "images side by side",
                                                    .kind = HB_CONV_WEIGHT,
                                                    .can_do = can_do,
                                                    .cost = cost,
                                                    .scratch = scratch,
                                                    .prepare = prepare,
                                                    .run = run,
                                                    .release = free};
