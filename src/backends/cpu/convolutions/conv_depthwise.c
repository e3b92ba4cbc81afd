/* CONV and CONV_INPUT of one channel a group: 16 images at a time are turned around, so that a
   place of all of them is one or a few vectors, and so are their weights of a tap. Places are then
   summed over taps whatever the width, the stride or the dilation, and without loads that cross
   lines. Called through the solvers' table (cpu.h).

   An image here is a channel of an element of the batch. A task has 16 of them, one after the other
   in memory, and a band of rows of the results. Rows of the source get zeros before and after them;
   rows that would lie outside of it are left out. The gradient of the input is the same with taps
   read in the other direction, and for each residue of a place modulo the strides by itself. */
#include "conv_depthwise.h"

#include <stdlib.h>

/* Bytes of a band's source, in the second-level cache; how many tasks there should be; and residues
   of a stride. */
enum { SOURCE_BYTES = 256 << 10, TASKS = 16, MOST_RESIDUES = 16, IMAGES = HB_DIRECT_IMAGES };

/* Places of the result take turns where a step of CONV_INPUT goes from one to another: each residue
   has taps of its own, every so many-th. */
typedef struct axis {
    int64_t from, to; /* places of the source, of the result */
    int64_t taps, residues;
    int64_t origin;         /* where tap 0 of place 0 would be, times the residues */
    int64_t step, tap_step; /* of the source, from result to result and tap to tap of a residue */
    int64_t before, after;  /* places outside of the source that are read */
} axis;

/* Result number i of a residue reads place i step + shift + t tap_step for its tap number t, which
   is the kernel's first + t residues. */
typedef struct residue {
    int64_t results, first, taps, shift;
    int64_t low, high; /* of shift + t tap_step */
} residue;

typedef struct state {
    const hb_step *step;
    const hb_cpu_direct *kernels;
    hb_cpu_gemm_turn *turn;
    int64_t images, groups, volume;
    int64_t blocks; /* of weights: 16 channels in turn, until they begin with the first one again */
    axis axis[2];
    int64_t row;         /* of the source with its zeros: vectors of images, as all of these */
    int64_t band, bands; /* rows of the result in a task */
    int64_t most_rows;   /* of the source in a band */
    int64_t source, flat, made;
    int64_t weights_floats, thread_floats;
    int threads;
} state;

/* ---- layout ---- */

static residue residue_of(const axis *a, int64_t number) {
    const int64_t at = number + a->origin;
    residue r = {.results = hb_ceil_div(a->to - number, a->residues), .first = at % a->residues};
    r.taps = r.first < a->taps ? hb_ceil_div(a->taps - r.first, a->residues) : 0;
    r.shift = (at - r.first) / a->residues;
    const int64_t last = r.shift + hb_max(r.taps - 1, 0) * a->tap_step;
    r.low = hb_min(r.shift, last);
    r.high = hb_max(r.shift, last);
    return r;
}

static axis axis_of(const hb_conv *c, int d, bool transposed) {
    const int64_t stride = c->stride[d], dilation = c->dilation[d];
    axis a = {.from = c->in[d],
              .to = c->out[d],
              .taps = c->kernel[d],
              .residues = 1,
              .origin = -c->before[d],
              .step = stride,
              .tap_step = dilation};
    if (transposed)
        a = (axis){.from = c->out[d],
                   .to = c->in[d],
                   .taps = c->kernel[d],
                   .residues = stride,
                   .origin = c->before[d],
                   .step = 1,
                   .tap_step = stride == 1 ? -dilation : -1};
    for (int64_t k = 0; k < hb_min(a.residues, a.to); k++) {
        const residue r = residue_of(&a, k);
        a.before = hb_max(a.before, -r.low);
        a.after = hb_max(a.after, (r.results - 1) * a.step + r.high + 1 - a.from);
    }
    return a;
}

/* Rows [*low, *high) of the source that rows [first, last) of the result read. */
static void source_rows(const axis *y, int64_t first, int64_t last, int64_t *low, int64_t *high) {
    *low = y->from;
    *high = 0;
    for (int64_t row = first; row < last; row++) {
        const residue r = residue_of(y, row % y->residues);
        const int64_t at = row / y->residues * y->step;
        *low = hb_min(*low, hb_max(0, at + r.low));
        *high = hb_max(*high, hb_min(y->from, at + r.high + 1));
    }
    if (*high < *low) *high = *low;
}

static int64_t most_source_rows(const axis *y, int64_t band) {
    int64_t most = 0, low, high;
    for (int64_t first = 0; first < y->to; first += band) {
        source_rows(y, first, hb_min(first + band, y->to), &low, &high);
        most = hb_max(most, high - low);
    }
    return most;
}

static void choose_bands(state *s) {
    const axis *y = &s->axis[0];
    const int64_t tasks = hb_ceil_div(s->images, IMAGES);
    s->band = hb_ceil_div(y->to, hb_ceil_div(TASKS, tasks));
    for (;; s->band = hb_ceil_div(s->band, 2)) {
        s->most_rows = most_source_rows(y, s->band);
        s->source = s->most_rows * s->row;
        if (s->band == 1 || s->source * IMAGES * (int64_t)sizeof(float) <= SOURCE_BYTES) break;
    }
    s->bands = hb_ceil_div(y->to, s->band);
}

static void describe(const hb_device *device, const hb_step *step, state *s) {
    const hb_conv *c = &step->u.conv;
    *s = (state){.step = step,
                 .kernels = device->isa->direct,
                 .turn = device->isa->gemm->f32->turn,
                 .images = c->batch * c->groups,
                 .groups = c->groups,
                 .volume = hb_volume(c->kernel),
                 .threads = device->threads};
    for (int k = 0; k < 2; k++) s->axis[k] = axis_of(c, k + 1, step->kind == HB_CONV_INPUT);
    const axis *x = &s->axis[1];
    s->row = x->before + x->from + x->after;
    s->blocks = hb_side_by_side_blocks(c->groups, s->images);
    choose_bands(s);
    s->flat = hb_side_by_side_flat(s->most_rows, x->from);
    s->made = s->band * x->to;
    s->weights_floats = s->blocks * s->volume * IMAGES;
    s->thread_floats = (s->source + s->flat + s->made) * IMAGES;
}

/* ---- a task ---- */

typedef struct job {
    const state *s;
    const float *x, *w;
    float *y, *weights, *own;
} job;

/* [blocks, taps, images] */
static void pack_weights(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    for (int64_t block = begin; block < end; block++)
        for (int64_t i = 0; i < IMAGES; i++) {
            const float *w = j->w + (block * IMAGES + i) % s->groups * s->volume;
            float *to = j->weights + block * s->volume * IMAGES + i;
            for (int64_t t = 0; t < s->volume; t++) to[t * IMAGES] = w[t];
        }
}

/* The taps [*first, *last) of a residue that are inside of the source for a result at `at`. */
static void taps_inside(const axis *a, const residue *r, int64_t at, int64_t *first,
                        int64_t *last) {
    *first = 0;
    *last = r->taps;
    at += r->shift;
    for (; *first < *last; ++*first) {
        const int64_t place = at + *first * a->tap_step;
        if (place >= 0 && place < a->from) break;
    }
    for (; *last > *first; --*last) {
        const int64_t place = at + (*last - 1) * a->tap_step;
        if (place >= 0 && place < a->from) break;
    }
}

/* Row `row` of the results from the source's rows, of which `low` is the first one at `source`. */
static void make_row(const state *s, int64_t row, int64_t low, const float *source, const float *w,
                     float *to) {
    const axis *y = &s->axis[0], *x = &s->axis[1];
    const residue ry = residue_of(y, row % y->residues);
    const int64_t at = row / y->residues * y->step;
    int64_t first, last;
    taps_inside(y, &ry, at, &first, &last);
    source += (at + ry.shift + first * y->tap_step - low) * s->row * IMAGES;
    w += (ry.first + first * y->residues) * x->taps * IMAGES;
    for (int64_t k = 0; k < hb_min(x->residues, x->to); k++) {
        const residue rx = residue_of(x, k);
        const hb_direct_images sum = {.columns = rx.results,
                                      .x_step = x->step * IMAGES,
                                      .y_step = x->residues * IMAGES,
                                      .taps = rx.taps,
                                      .x_tap = x->tap_step * IMAGES,
                                      .w_tap = x->residues * IMAGES,
                                      .rows = last - first,
                                      .x_row = y->tap_step * s->row * IMAGES,
                                      .w_row = y->residues * x->taps * IMAGES};
        s->kernels->sum_images(&sum, source + (x->before + rx.shift) * IMAGES,
                               w + rx.first * IMAGES, to + k * IMAGES);
    }
}

static void run_task(const job *j, int64_t number, float *source) {
    const state *s = j->s;
    const axis *y = &s->axis[0], *x = &s->axis[1];
    float *flat = source + s->source * IMAGES, *made = flat + s->flat * IMAGES;
    const int64_t block = number / s->bands, image = block * IMAGES;
    const int64_t images = hb_min(IMAGES, s->images - image);
    const int64_t first = number % s->bands * s->band, rows = hb_min(s->band, y->to - first);
    const float *w = j->weights + block % s->blocks * s->volume * IMAGES;
    int64_t low, high;
    source_rows(y, first, first + rows, &low, &high);
    const hb_side_by_side rows_of = {s->turn, images,    y->from * x->from,
                                     x->from, x->before, s->row};
    hb_side_by_side_copy(&rows_of, j->x + (image * y->from + low) * x->from, high - low, flat,
                         source);
    for (int64_t r = 0; r < rows; r++)
        make_row(s, first + r, low, source, w, made + r * x->to * IMAGES);
    s->turn(rows * x->to, images, made, IMAGES, y->to * x->to,
            j->y + (image * y->to + first) * x->to);
}

static void run_tasks(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    float *own = j->own + thread * j->s->thread_floats;
    for (int64_t i = begin; i < end; i++) run_task(j, i, own);
}

static void run(hb_device *device, const void *made, const hb_run_args *args) {
    const state *s = made;
    job j = {.s = s,
             .x = (const float *)(const void *)hb_cpu_address(args, &s->step->in[0]),
             .w = (const float *)(const void *)hb_cpu_address(args, &s->step->in[1]),
             .y = (float *)(void *)hb_cpu_address(args, &s->step->out[0]),
             .weights =
                 (float *)(void *)(hb_cpu_base(args, HB_BUFFER_ARENA) + s->step->scratch_offset)};
    j.own = j.weights + s->weights_floats;
    hb_cpu_parallel(device, s->blocks, (double)s->weights_floats, pack_weights, &j);
    hb_conv_parallel(device, s->threads, hb_ceil_div(s->images, IMAGES) * s->bands,
                     s->step->flops / 2, s->kernels->lanes, run_tasks, &j);
}

/* ---- the solver ---- */

static bool can_do(const hb_device *device, const hb_step *step) {
    const hb_conv *c = &step->u.conv;
    if (!hb_direct_fits(step) || c->in_channels != 1 || c->out_channels != 1) return false;
    for (int d = 1; d < 3 && step->kind == HB_CONV_INPUT; d++)
        if (c->stride[d] > 1 && (c->dilation[d] > 1 || c->stride[d] > MOST_RESIDUES)) return false;
    state s;
    describe(device, step, &s);
    return s.source * IMAGES * (int64_t)sizeof(float) <= 2 * SOURCE_BYTES;
}

/* In the units of conv_direct.c's, whose loads cross lines: images that are missing to 16, and
   elements that are turned around. */
static double cost(const hb_device *device, const hb_step *step) {
    state s;
    describe(device, step, &s);
    const double images = (double)(hb_ceil_div(s.images, IMAGES) * IMAGES) / (double)s.images;
    const double made = (double)(s.axis[0].to * s.axis[1].to);
    const double turned = 1 + (double)(s.axis[0].from * s.row) / made;
    const double taps = (double)s.volume / (double)(s.axis[0].residues * s.axis[1].residues);
    return images * (0.7 + 2 * turned / taps);
}

static size_t scratch(const hb_device *device, const hb_step *step) {
    state s;
    describe(device, step, &s);
    return (size_t)(s.weights_floats + device->threads * s.thread_floats) * sizeof(float);
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **made, hb_error *error) {
    state *s = malloc(sizeof *s);
    if (s == NULL) return hb_fail_memory(error, "a convolution", sizeof *s);
    describe(device, step, s);
    s->threads = hb_conv_threads(step, (size_t)s->weights_floats * sizeof(float),
                                 (size_t)s->thread_floats * sizeof(float));
    *made = s;
    return HEBB_OK;
}

const hb_cpu_solver hb_cpu_conv_depthwise = {.name = "images side by side",
                                             .kind = HB_CONV,
                                             .can_do = can_do,
                                             .cost = cost,
                                             .scratch = scratch,
                                             .prepare = prepare,
                                             .run = run,
                                             .release = free};
