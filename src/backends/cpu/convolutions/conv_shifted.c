/* CONV and CONV_INPUT of images with strides of 1, without packed windows. With rows padded to one
   length, a point's neighbor by a tap lies the same distance away for all points: the source of a
   tile is the padded image itself, that far on. So an image is padded once, where the packed solver
   (conv.c) copies it once for each tap; the points between the rows' ends, which no result has, are
   computed for nothing. It pays where few rows of weights use a packed panel. Called through the
   solver's table (cpu.h). */
#include <stdlib.h>
#include <string.h>

#include "conv.h"

/* Padded rows of all channels that a task keeps in L2; and how many tasks there should be. */
enum { IMAGE_BYTES = 512 << 10, TASKS = 16, LINE = 64 };

typedef struct state {
    const hb_step *step;
    const hb_conv *conv;
    const hb_cpu_gemm_type *kernels;
    bool transposed; /* CONV_INPUT */
    int64_t element, width;
    int64_t rows, channels, taps; /* of the product */
    int64_t from[2], to[2];       /* the source's and the result's height and width */
    int64_t before[2];            /* zeros before the source; fewer than none: elements left out */
    int64_t length;               /* of a padded row */
    int64_t band, bands;          /* rows of the result in a task */
    int64_t plane;                /* elements of a channel of the padded band */
    size_t weights_bytes, image_bytes, thread_bytes;
    int threads;
} state;

static int64_t points_of(const state *s, int64_t rows) {
    return rows > 0 ? (rows - 1) * s->length + s->to[1] : 0;
}

/* How far the last tap is away. */
static int64_t reach_of(const state *s) {
    const hb_conv *c = s->conv;
    return (c->kernel[1] - 1) * c->dilation[1] * s->length + (c->kernel[2] - 1) * c->dilation[2];
}

/* A channel's elements for a band of that many rows; tiles read up to their full width. An odd
   number of cache lines, so that channels do not share the same few places of L1. */
static int64_t plane_of(const state *s, int64_t band) {
    const hb_conv *c = s->conv;
    const int64_t padded = (band + (c->kernel[1] - 1) * c->dilation[1]) * s->length;
    const int64_t read = hb_ceil_div(points_of(s, band), s->width) * s->width + reach_of(s);
    const int64_t lines = hb_ceil_div(hb_max(padded, read) * s->element, LINE);
    return (lines | 1) * LINE / s->element;
}

static void describe(const hb_device *device, const hb_step *step, state *s) {
    const hb_conv *c = &step->u.conv;
    *s = (state){.step = step,
                 .conv = c,
                 .kernels = hb_conv_kernels(device, step),
                 .transposed = step->kind == HB_CONV_INPUT,
                 .element = (int64_t)hebb_dtype_size(step->out[0].dtype),
                 .taps = hb_volume(c->kernel),
                 .threads = device->threads};
    s->width = 2 * s->kernels->lanes;
    s->rows = s->transposed ? c->in_channels : c->out_channels;
    s->channels = s->transposed ? c->out_channels : c->in_channels;
    for (int d = 0; d < 2; d++) {
        const int64_t reach = (c->kernel[d + 1] - 1) * c->dilation[d + 1];
        s->from[d] = s->transposed ? c->out[d + 1] : c->in[d + 1];
        s->to[d] = s->transposed ? c->in[d + 1] : c->out[d + 1];
        s->before[d] = s->transposed ? reach - c->before[d + 1] : c->before[d + 1];
    }
    s->length = s->to[1] + (c->kernel[2] - 1) * c->dilation[2];
    const int64_t images = hb_max(1, c->batch * c->groups);
    const int64_t wanted = hb_ceil_div(TASKS, images);
    s->band = hb_max(1, hb_ceil_div(s->to[0], wanted));
    while (s->band > 1 && s->channels * plane_of(s, s->band) * s->element > IMAGE_BYTES)
        s->band = hb_ceil_div(s->band, 2);
    s->bands = hb_ceil_div(s->to[0], s->band);
    s->plane = plane_of(s, s->band);
    s->weights_bytes = hb_conv_aligned(c->groups * s->rows * s->channels * s->taps * s->element);
    s->image_bytes = hb_conv_aligned(s->channels * s->plane * s->element);
    s->thread_bytes = s->image_bytes + hb_conv_aligned(HB_GEMM_ROWS * s->width * s->element);
}

/* ---- weights: [groups, taps, rows, channels], in the order in which the source is read ---- */

typedef struct job {
    const state *s;
    const char *x, *w;
    char *y, *scratch;
} job;

static void pack_weights(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    const int64_t size = s->element;
    for (int64_t i = begin; i < end; i++) {
        const int64_t group = i / s->rows, row = i % s->rows;
        const char *w = j->w + group * s->rows * s->channels * s->taps * size;
        char *to = j->scratch + (group * s->taps * s->rows + row) * s->channels * size;
        for (int64_t t = 0; t < s->taps; t++, to += s->rows * s->channels * size) {
            const int64_t tap = s->transposed ? s->taps - 1 - t : t;
            for (int64_t c = 0; c < s->channels; c++) {
                const int64_t at = s->transposed ? c * s->rows + row : row * s->channels + c;
                memcpy(to + c * size, w + (at * s->taps + tap) * size, (size_t)size);
            }
        }
    }
}

/* ---- a band of an image ---- */

typedef struct task {
    int64_t image, group, first, rows; /* rows of the result: [first, first + rows) */
    char *padded, *tile;
} task;

static void pad(const job *j, const task *t) {
    const state *s = j->s;
    const int64_t size = s->element, room = s->plane * size;
    const int64_t reach = (s->conv->kernel[1] - 1) * s->conv->dilation[1];
    const char *x = j->x + t->image * s->channels * s->from[0] * s->from[1] * size;
    int64_t low, high; /* columns of a padded row that the source has */
    hb_conv_inside(-s->before[1], 1, s->from[1], s->length, &low, &high);
    memset(t->padded, 0, (size_t)(s->channels * room));
    for (int64_t c = 0; c < s->channels; c++)
        for (int64_t r = 0; r < t->rows + reach; r++) {
            const int64_t row = t->first + r - s->before[0];
            if (row < 0 || row >= s->from[0] || low >= high) continue;
            const int64_t at = (c * s->from[0] + row) * s->from[1] + low - s->before[1];
            memcpy(t->padded + c * room + (r * s->length + low) * size, x + at * size,
                   (size_t)((high - low) * size));
        }
}

/* Rows [row, row + rows) at points [point, point + count): all taps, into the tile. */
static void sum_taps(const job *j, const task *t, int64_t row, int64_t rows, int64_t point,
                     int64_t count) {
    const state *s = j->s;
    const hb_conv *c = s->conv;
    const int64_t size = s->element;
    const char *w = j->scratch + (t->group * s->taps * s->rows + row) * s->channels * size;
    hb_cpu_gemm_tile *multiply = s->kernels->tile[rows - 1][count > s->kernels->lanes];
    for (int64_t a = 0; a < c->kernel[1]; a++)
        for (int64_t b = 0; b < c->kernel[2]; b++) {
            const int64_t away = a * c->dilation[1] * s->length + b * c->dilation[2];
            multiply(s->channels, w, s->channels, 1, t->padded + (point + away) * size, s->plane,
                     t->tile, s->width, count, a + b > 0);
            w += s->rows * s->channels * size;
        }
}

/* The tile's points to the result, but those between the rows' ends. */
static void keep(const job *j, const task *t, int64_t row, int64_t rows, int64_t point,
                 int64_t count) {
    const state *s = j->s;
    const int64_t size = s->element, plane = s->to[0] * s->to[1];
    char *y = j->y + ((t->image * s->rows + row) * plane + t->first * s->to[1]) * size;
    for (int64_t i = 0, n; i < count; i += n) {
        const int64_t q = (point + i) / s->length, at = (point + i) % s->length;
        n = hb_min(count - i, s->length - at);
        const int64_t kept = hb_min(n, s->to[1] - at);
        if (kept <= 0) continue;
        for (int64_t r = 0; r < rows; r++)
            memcpy(y + (r * plane + q * s->to[1] + at) * size, t->tile + (r * s->width + i) * size,
                   (size_t)(kept * size));
    }
}

static void run_tasks(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    char *own = j->scratch + s->weights_bytes + (size_t)thread * s->thread_bytes;
    for (int64_t i = begin; i < end; i++) {
        task t = {.image = i / s->bands,
                  .group = i / s->bands % s->conv->groups,
                  .first = i % s->bands * s->band,
                  .padded = own,
                  .tile = own + s->image_bytes};
        t.rows = hb_min(s->band, s->to[0] - t.first);
        pad(j, &t);
        const int64_t points = points_of(s, t.rows);
        for (int64_t point = 0; point < points; point += s->width) {
            const int64_t count = hb_min(s->width, points - point);
            for (int64_t row = 0, rows; row < s->rows; row += rows) {
                rows = hb_min(s->kernels->rows, s->rows - row);
                sum_taps(j, &t, row, rows, point, count);
                keep(j, &t, row, rows, point, count);
            }
        }
    }
}

static void run(hb_device *device, const void *made, const hb_run_args *args) {
    const state *s = made;
    const hb_conv *c = s->conv;
    job j = {.s = s,
             .x = hb_cpu_address(args, &s->step->in[0]),
             .w = hb_cpu_address(args, &s->step->in[1]),
             .y = hb_cpu_address(args, &s->step->out[0]),
             .scratch = hb_cpu_base(args, HB_BUFFER_ARENA) + s->step->scratch_offset};
    const int64_t images = c->batch * c->groups;
    if (images * s->bands == 0) return;
    hb_cpu_parallel(device, c->groups * s->rows, (double)s->weights_bytes / (double)s->element * 2,
                    pack_weights, &j);
    const double macs = (double)images * (double)(s->rows * s->channels) * (double)s->taps *
                        (double)(s->to[0] * s->length);
    hb_conv_parallel(device, s->threads, images * s->bands, macs, s->kernels->lanes, run_tasks, &j);
}

/* ---- the solver ---- */

static bool can_do(const hb_device *device, const hb_step *step) {
    const hb_conv *c = &step->u.conv;
    if (c->in[0] != 1 || c->kernel[0] != 1 || c->out[0] != 1 || c->before[0] != 0) return false;
    for (int d = 0; d < 3; d++)
        if (c->stride[d] != 1) return false;
    if (!hb_conv_copies_fit(c)) return false;
    state s;
    describe(device, step, &s);
    return s.rows > 0 && s.channels > 0 && s.to[0] > 0 && s.to[1] > 0 &&
           s.image_bytes <= IMAGE_BYTES;
}

/* What it costs to move all weights once a run, one by one, in units of a multiplication of the
   product: for all points of all images. */
static double moving_weights(const hb_step *step) {
    const hb_conv *c = &step->u.conv;
    const int64_t *to = step->kind == HB_CONV ? c->out : c->in;
    return 200 / (double)hb_max(1, c->batch * hb_volume(to));
}

/* In units of a multiplication in the full tile, as that of conv.c: points for nothing, a tile's
   sums read and written for each tap, and the weights put in order. */
static double cost(const hb_device *device, const hb_step *step) {
    state s;
    describe(device, step, &s);
    const int64_t points = points_of(&s, s.band), lanes = s.kernels->lanes;
    const double made = (double)(hb_ceil_div(points, lanes) * lanes) / (double)(s.band * s.to[1]);
    return made * (1 + 12 / (double)s.channels) + moving_weights(step);
}

static size_t scratch(const hb_device *device, const hb_step *step) {
    state s;
    describe(device, step, &s);
    return s.weights_bytes + (size_t)device->threads * s.thread_bytes;
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **made, hb_error *error) {
    state *s = malloc(sizeof *s);
    if (s == NULL) return hb_fail_memory(error, "a convolution", sizeof *s);
    describe(device, step, s);
    s->threads = hb_conv_threads(step, s->weights_bytes, s->thread_bytes);
    *made = s;
    return HEBB_OK;
}

const hb_cpu_solver hb_cpu_conv_shifted = {.name = "shifted images",
                                           .kind = HB_CONV,
                                           .can_do = can_do,
                                           .cost = cost,
                                           .scratch = scratch,
                                           .prepare = prepare,
                                           .run = run,
                                           .release = free};
