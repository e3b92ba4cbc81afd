/* CONV_WEIGHT without a matrix product, for few channels, above all one a group: for each tap, the
   products of results' gradients with what the tap reads of the image are summed, a vector of
   places along the width at a time. Called through the solvers' table (cpu.h).

   A task has a group and some of the images, by sizes alone; its sums are vectors, which are added
   in order, then their lanes: the number of threads changes no bit. */
#include "conv_direct.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of a copied source, in the second-level cache, and of what is read of it at a time, in the
   first; of all sums; and tasks that there should be. */
enum { SOURCE_BYTES = 256 << 10, CHUNK_BYTES = 16 << 10, SUM_BYTES = 4 << 20, TASKS = 16 };

typedef struct state {
    const hb_step *step;
    const hb_conv *conv;
    const hb_cpu_direct *kernels;
    const hb_cpu_vector *vector;
    int64_t rows, taps; /* taps of all channels */
    int64_t reach;      /* in rows of the source's planes */
    hb_direct_source source;
    int64_t band;       /* rows of the result for which the source is copied at a time, */
    int64_t chunk;      /* and of these, rows that all rows of weights use */
    int64_t parts;      /* of the images */
    int64_t sum_floats; /* of a task */
    int64_t source_floats, all_sums;
    int threads;
    int64_t offset[]; /* of channels, taps */
} state;

static int64_t source_floats(const state *s, int64_t band) {
    return s->source.channels * hb_direct_channel(&s->source, band + s->reach);
}

static void describe(const hb_device *device, const hb_step *step, state *s) {
    const hb_conv *c = &step->u.conv;
    *s = (state){.step = step,
                 .conv = c,
                 .kernels = device->isa->direct,
                 .vector = device->isa->vector,
                 .rows = c->out_channels,
                 .taps = c->in_channels * hb_volume(c->kernel),
                 .threads = device->threads};
    s->source = (hb_direct_source){.channels = c->in_channels, .spare = s->kernels->lanes};
    for (int axis = 0; axis < 2; axis++) {
        s->source.size[axis] = c->in[axis + 1];
        s->source.step[axis] = c->stride[axis + 1];
        s->source.before[axis] = c->before[axis + 1];
    }
    s->reach = (c->kernel[1] - 1) * c->dilation[1] / c->stride[1];
    s->source.length = c->out[2] + (c->kernel[2] - 1) * c->dilation[2] / c->stride[2];
    s->band = c->out[1];
    while (s->band > 1 && source_floats(s, s->band) * (int64_t)sizeof(float) > SOURCE_BYTES)
        s->band = hb_ceil_div(s->band, 2);
    s->source_floats = source_floats(s, s->band);
    s->chunk = s->band;
    while (s->chunk > 1 && source_floats(s, s->chunk) * (int64_t)sizeof(float) > CHUNK_BYTES)
        s->chunk = hb_ceil_div(s->chunk, 2);
    s->parts = hb_min(c->batch, hb_ceil_div(TASKS, c->groups));
    s->sum_floats = hb_ceil_div(s->rows * s->taps * s->kernels->lanes, 16) * 16;
    s->all_sums = s->parts * c->groups * s->sum_floats;
}

static void find_offsets(state *s) {
    const hb_conv *c = s->conv;
    const int64_t rows = s->band + s->reach, channel = hb_direct_channel(&s->source, rows);
    int64_t *offset = s->offset;
    for (int64_t i = 0; i < c->in_channels; i++)
        for (int64_t y = 0; y < c->kernel[1]; y++)
            for (int64_t x = 0; x < c->kernel[2]; x++)
                *offset++ = i * channel + hb_direct_offset(&s->source, rows, y * c->dilation[1],
                                                           x * c->dilation[2]);
}

typedef struct job {
    const state *s;
    const float *x, *dy;
    float *dw, *sums;
} job;

static void sum_task(const job *j, int64_t number, float *source) {
    const state *s = j->s;
    const hb_conv *c = s->conv;
    const int64_t part = number / c->groups, group = number % c->groups;
    const int64_t area = c->in[1] * c->in[2], places = c->out[1] * c->out[2];
    float *sum = j->sums + number * s->sum_floats;
    memset(sum, 0, (size_t)s->sum_floats * sizeof *sum);
    for (int64_t n = c->batch * part / s->parts; n < c->batch * (part + 1) / s->parts; n++) {
        const int64_t image = n * c->groups + group;
        const float *x = j->x + image * c->in_channels * area;
        const float *dy = j->dy + image * s->rows * places;
        for (int64_t first = 0; first < c->out[1]; first += s->band) {
            const int64_t height = hb_min(s->band, c->out[1] - first);
            hb_direct_copy(&s->source, s->vector, x, first, s->band + s->reach, source);
            for (int64_t r = 0; r < height; r += s->chunk)
                s->kernels->gradient((int)s->rows, (int)s->taps, s->offset,
                                     source + r * s->source.length, s->source.length,
                                     dy + (first + r) * c->out[2], places,
                                     hb_min(s->chunk, height - r), c->out[2], sum, s->taps);
        }
    }
}

static void sum_tasks(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    float *source = j->sums + j->s->all_sums + thread * j->s->source_floats;
    for (int64_t i = begin; i < end; i++) sum_task(j, i, source);
}

/* Vectors of all parts, then lanes, in halves. */
static void add_sums(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    const int64_t lanes = s->kernels->lanes, part = s->conv->groups * s->sum_floats;
    for (int64_t i = begin; i < end; i++) {
        const float *from = j->sums + i / s->rows * s->sum_floats + i % s->rows * s->taps * lanes;
        for (int64_t t = 0; t < s->taps; t++, from += lanes) {
            float sum[HB_DIRECT_MOST_LANES] = {0};
            for (int64_t k = 0; k < s->parts; k++)
                for (int64_t l = 0; l < lanes; l++) sum[l] += from[k * part + l];
            for (int64_t half = lanes / 2; half > 0; half /= 2)
                for (int64_t l = 0; l < half; l++) sum[l] += sum[l + half];
            j->dw[i * s->taps + t] = sum[0];
        }
    }
}

static void run(hb_device *device, const void *made, const hb_run_args *args) {
    const state *s = made;
    const hb_conv *c = s->conv;
    job j = {.s = s,
             .x = (const float *)(const void *)hb_cpu_address(args, &s->step->in[0]),
             .dy = (const float *)(const void *)hb_cpu_address(args, &s->step->in[1]),
             .dw = (float *)(void *)hb_cpu_address(args, &s->step->out[0]),
             .sums =
                 (float *)(void *)(hb_cpu_base(args, HB_BUFFER_ARENA) + s->step->scratch_offset)};
    hb_conv_parallel(device, s->threads, s->parts * c->groups, s->step->flops / 2,
                     s->kernels->lanes, sum_tasks, &j);
    hb_cpu_parallel(device, c->groups * s->rows, (double)s->all_sums / 4, add_sums, &j);
}

/* ---- the solver ---- */

static bool can_do(const hb_device *device, const hb_step *step) {
    if (!hb_direct_fits(step)) return false;
    state s;
    describe(device, step, &s);
    const int64_t bytes = sizeof(float);
    return s.source.channels <= HB_DIRECT_CHANNELS && s.source_floats * bytes <= 2 * SOURCE_BYTES &&
           s.all_sums * bytes <= SUM_BYTES;
}

/* In units of a multiplication in the full tile, as those of conv_weight.c: loads of the image,
   used for three rows or for one, lanes that rows leave empty, and sources copied. */
static double cost(const hb_device *device, const hb_step *step) {
    state s;
    describe(device, step, &s);
    const int64_t lanes = s.kernels->lanes, width = s.conv->out[2];
    const double used = (double)width / (double)(hb_ceil_div(width, lanes) * lanes);
    const double step_area = (double)(s.source.step[0] * s.source.step[1]);
    const double volume = (double)hb_volume(s.conv->kernel);
    return (2.3 + (s.rows < 3 ? 0.7 : 0)) / used + 4 * step_area / (double)s.rows / volume;
}

static size_t scratch(const hb_device *device, const hb_step *step) {
    state s;
    describe(device, step, &s);
    return (size_t)(s.all_sums + device->threads * s.source_floats) * sizeof(float);
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **made, hb_error *error) {
    state described;
    describe(device, step, &described);
    const size_t bytes = sizeof described + (size_t)described.taps * sizeof *described.offset;
    state *s = malloc(bytes);
    if (s == NULL) return hb_fail_memory(error, "a convolution", bytes);
    *s = described;
    s->threads = hb_conv_threads(step, (size_t)s->all_sums * sizeof(float),
                                 (size_t)s->source_floats * sizeof(float));
    find_offsets(s);
    *made = s;
    return HEBB_OK;
}

const hb_cpu_solver hb_cpu_conv_direct_weight = {.name = "direct",
                                                 .kind = HB_CONV_WEIGHT,
                                                 .can_do = can_do,
                                                 .cost = cost,
                                                 .scratch = scratch,
                                                 .prepare = prepare,
                                                 .run = run,
                                                 .release = free};
