/* CONV and CONV_INPUT without a matrix product, for few channels, above all one a group: each
   result is a sum over taps, a vector of results along the width at a time. Called through the
   solvers' table (cpu.h).

   A task copies the channels of an image, or of a band of its rows, with zeros around
   (conv_direct.h), makes all results of a channel as one long row that includes what lies between
   rows, and keeps what rows have of it. CONV_INPUT has as many grids of results as there are
   residues of a place modulo the strides, as in conv.c: in each, the taps are those that reach the
   place. */
#include "conv_direct.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of a copied source, in the second-level cache; points of a row of results as they are made,
   in the first-level cache; and how many tasks there should be. */
enum { SOURCE_BYTES = 256 << 10, POINTS = 1024, LONG_ROW = 24, TASKS = 16 };

typedef struct state {
    const hb_step *step;
    const hb_conv *conv;
    const hb_cpu_direct *kernels;
    const hb_cpu_vector *vector;
    bool transposed; /* CONV_INPUT */
    int64_t rows, channels, volume;
    int64_t to[2], stride[2]; /* the result's height and width; residues that have grids */
    int64_t grid[2];          /* of the largest grid */
    int64_t reach[2];         /* of taps, in rows and columns of the source's planes */
    hb_direct_source source;
    int64_t band, bands; /* rows of a grid in a task */
    int64_t chunk;       /* of these made at a time, for all rows of weights, */
    bool in_place;       /* and each by itself */
    int64_t row;         /* floats of results as they are made */
    int64_t source_floats, thread_floats, weights_floats;
    int threads;
    int64_t offset[]; /* of all taps: of grids, channels, taps */
} state;

bool hb_direct_fits(const hb_step *step) {
    const hb_conv *c = &step->u.conv;
    return step->out[0].dtype == HEBB_F32 && c->in[0] == 1 && c->kernel[0] == 1 && c->out[0] == 1 &&
           c->before[0] == 0 && c->stride[0] == 1 && c->batch > 0 && c->groups > 0 &&
           c->in_channels > 0 && c->out_channels > 0 && hb_volume(c->in) > 0 &&
           hb_volume(c->kernel) > 0 && hb_volume(c->out) > 0 && hb_conv_copies_fit(c);
}

/* ---- the source ---- */

/* Columns of one row of the image, `from`, to the phases' rows at `to`, which are `phase` apart. */
static void copy_row(const hb_direct_source *s, const hb_cpu_vector *vector, const float *from,
                     float *to, int64_t phase) {
    const int64_t step = s->step[1], end = hb_min(s->before[1] + s->size[1], s->length * step);
    int64_t x = s->before[1];
    if (step == 1 && x < end) memcpy(to + x, from, (size_t)(end - x) * sizeof *to);
    if (step == 1) return;
    const int64_t pairs = step == 2 && x < end ? (end - x) / 2 : 0;
    if (pairs > 0) {
        void *turns[] = {to + x % 2 * phase + x / 2, to + (x + 1) % 2 * phase + (x + 1) / 2};
        vector->zips->unzip[sizeof *from](turns, from, 0, 1, pairs);
        from += 2 * pairs;
        x += 2 * pairs;
    }
    for (; x < end; x++) to[x % step * phase + x / step] = *from++;
}

void hb_direct_copy(const hb_direct_source *s, const hb_cpu_vector *vector, const float *x,
                    int64_t first, int64_t rows, float *to) {
    const int64_t phase = hb_direct_phase(s, rows), channel = hb_direct_channel(s, rows);
    memset(to, 0, (size_t)(s->channels * channel) * sizeof *to);
    for (int64_t c = 0; c < s->channels; c++, x += s->size[0] * s->size[1], to += channel)
        for (int64_t i = 0; i < rows; i++)
            for (int64_t a = 0; a < s->step[0]; a++) {
                const int64_t y = (first + i) * s->step[0] + a - s->before[0];
                if (y >= 0 && y < s->size[0])
                    copy_row(s, vector, x + y * s->size[1],
                             to + a * s->step[1] * phase + i * s->length, phase);
            }
}

/* ---- layout ---- */

static int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((b - 1 - a) / b); }

/* The place that a tap reads for the first result of a residue, counted with the zeros; -1 if it
   reaches none of that residue. */
static int64_t place_of(const state *s, int axis, int64_t residue, int64_t tap) {
    const hb_conv *c = s->conv;
    const int64_t stride = c->stride[axis + 1], at = tap * c->dilation[axis + 1];
    if (!s->transposed) return at;
    const int64_t away = residue + c->before[axis + 1] - at;
    const int64_t shift = floor_div(away, stride);
    return shift * stride == away ? shift + s->source.before[axis] : -1;
}

static int64_t points_of(const state *s, int64_t rows) {
    return rows > 0 ? (rows - 1) * s->source.length + s->grid[1] : 0;
}

static int64_t source_floats(const state *s, int64_t band) {
    return s->channels * hb_direct_channel(&s->source, band + s->reach[0]);
}

static void describe_axis(state *s, int axis) {
    const hb_conv *c = s->conv;
    const int64_t stride = c->stride[axis + 1], before = c->before[axis + 1];
    const int64_t span = (c->kernel[axis + 1] - 1) * c->dilation[axis + 1];
    hb_direct_source *source = &s->source;
    s->to[axis] = s->transposed ? c->in[axis + 1] : c->out[axis + 1];
    source->size[axis] = s->transposed ? c->out[axis + 1] : c->in[axis + 1];
    source->step[axis] = s->transposed ? 1 : stride;
    s->stride[axis] = s->transposed ? hb_min(stride, s->to[axis]) : 1;
    s->grid[axis] = s->transposed ? hb_ceil_div(s->to[axis], stride) : s->to[axis];
    source->before[axis] = s->transposed ? hb_max(0, -floor_div(before - span, stride)) : before;
    s->reach[axis] = 0;
    for (int64_t residue = 0; residue < s->stride[axis]; residue++)
        for (int64_t k = 0; k < c->kernel[axis + 1]; k++)
            s->reach[axis] =
                hb_max(s->reach[axis], place_of(s, axis, residue, k) / source->step[axis]);
}

static void describe(const hb_device *device, const hb_step *step, state *s) {
    const hb_conv *c = &step->u.conv;
    *s = (state){.step = step,
                 .conv = c,
                 .kernels = device->isa->direct,
                 .vector = device->isa->vector,
                 .transposed = step->kind == HB_CONV_INPUT,
                 .volume = hb_volume(c->kernel),
                 .threads = device->threads};
    s->rows = s->transposed ? c->in_channels : c->out_channels;
    s->channels = s->transposed ? c->out_channels : c->in_channels;
    for (int axis = 0; axis < 2; axis++) describe_axis(s, axis);
    s->source.channels = s->channels;
    s->source.length = s->grid[1] + s->reach[1];
    s->source.spare = s->kernels->lanes;
    const int64_t images = c->batch * c->groups;
    s->band = hb_ceil_div(s->grid[0], hb_ceil_div(TASKS, images));
    while (s->band > 1 && source_floats(s, s->band) * (int64_t)sizeof(float) > SOURCE_BYTES)
        s->band = hb_ceil_div(s->band, 2);
    s->bands = hb_ceil_div(s->grid[0], s->band);
    s->chunk = hb_max(1, hb_min(s->band, POINTS / s->source.length));
    s->in_place = s->rows >= HB_DIRECT_ROWS && s->grid[1] == s->to[1] && s->to[1] >= LONG_ROW;
    s->row = hb_ceil_div(points_of(s, s->chunk), 16) * 16;
    s->source_floats = source_floats(s, s->band);
    s->thread_floats = s->source_floats + s->stride[1] * HB_DIRECT_ROWS * s->row;
    s->weights_floats = hb_ceil_div(c->groups * s->rows * s->channels * s->volume, 16) * 16;
}

/* ---- grids and their taps ---- */

typedef struct grid {
    int64_t residue[2], size[2];
    int64_t taps;  /* of a channel */
    int64_t ahead; /* taps of the grids before this one */
} grid;

/* The taps of an axis that reach a residue. */
static int64_t taps_of(const state *s, int axis, int64_t residue) {
    int64_t n = 0;
    for (int64_t k = 0; k < s->conv->kernel[axis + 1]; k++) n += place_of(s, axis, residue, k) >= 0;
    return n;
}

static grid first_grid(void) { return (grid){.residue = {0, -1}}; }

/* Goes on to the next grid; false after the last. */
static bool next_grid(const state *s, grid *g) {
    g->ahead += g->taps;
    if (++g->residue[1] == s->stride[1]) {
        g->residue[1] = 0;
        if (++g->residue[0] == s->stride[0]) return false;
    }
    const int64_t stride[2] = {s->transposed ? s->conv->stride[1] : 1,
                               s->transposed ? s->conv->stride[2] : 1};
    g->taps = 1;
    for (int axis = 0; axis < 2; axis++) {
        g->size[axis] = hb_ceil_div(s->to[axis] - g->residue[axis], stride[axis]);
        g->taps *= taps_of(s, axis, g->residue[axis]);
    }
    return true;
}

/* Calls are in order of taps: the number of the tap in the kernel, or -1 after the last. */
static int64_t next_tap(const state *s, const grid *g, int64_t tap, int64_t place[2]) {
    while (++tap < s->volume) {
        place[0] = place_of(s, 0, g->residue[0], tap / s->conv->kernel[2]);
        place[1] = place_of(s, 1, g->residue[1], tap % s->conv->kernel[2]);
        if (place[0] >= 0 && place[1] >= 0) return tap;
    }
    return -1;
}

static void find_offsets(state *s) {
    const int64_t rows = s->band + s->reach[0];
    for (grid g = first_grid(); next_grid(s, &g);) {
        int64_t *offset = s->offset + g.ahead * s->channels, place[2];
        for (int64_t c = 0; c < s->channels; c++)
            for (int64_t t = -1; (t = next_tap(s, &g, t, place)) >= 0;)
                *offset++ = c * hb_direct_channel(&s->source, rows) +
                            hb_direct_offset(&s->source, rows, place[0], place[1]);
    }
}

/* ---- weights: [groups, grids, blocks of rows, channels, taps, rows of a block] ---- */

typedef struct job {
    const state *s;
    const float *x, *w;
    float *y, *scratch;
} job;

static void pack_weights(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    for (int64_t group = begin; group < end; group++) {
        const float *w = j->w + group * s->rows * s->channels * s->volume;
        float *to = j->scratch + group * s->rows * s->channels * s->volume;
        for (grid g = first_grid(); next_grid(s, &g);)
            for (int64_t k = 0, rows; k < s->rows; k += rows) {
                rows = hb_min(HB_DIRECT_ROWS, s->rows - k);
                for (int64_t c = 0; c < s->channels; c++)
                    for (int64_t t = -1, place[2]; (t = next_tap(s, &g, t, place)) >= 0;)
                        for (int64_t i = k; i < k + rows; i++) {
                            const int64_t pair =
                                s->transposed ? c * s->rows + i : i * s->channels + c;
                            *to++ = w[pair * s->volume + t];
                        }
            }
    }
}

/* ---- a task ---- */

typedef struct task {
    int64_t image, group, first; /* image: number of batch and group together */
    float *source, *made;
} task;

/* Results of all residues along the width, at `made`, to a row of the result. */
static void keep_row(const state *s, const float *made, int64_t apart, float *to) {
    const int64_t stride = s->stride[1], whole = s->to[1] / stride;
    if (stride == 1) {
        memcpy(to, made, (size_t)s->to[1] * sizeof *to);
        return;
    }
    if (stride == 2) {
        const void *turns[] = {made, made + apart};
        s->vector->zips->zip[sizeof *to](to, turns, 0, 1, whole);
    }
    for (int64_t x = stride == 2 ? 2 * whole : 0; x < s->to[1]; x++)
        to[x] = made[x % stride * apart + x / stride];
}

/* Some results of a task: rows [k, k + rows) of weights, rows [first, first + height) of a grid. */
typedef struct piece {
    int64_t k, rows, first, height;
} piece;

static void make(const job *j, const task *t, const grid *g, const piece *p, int64_t row, float *to,
                 int64_t to_row, int64_t points) {
    const state *s = j->s;
    const float *w = j->scratch + t->group * s->rows * s->channels * s->volume;
    s->kernels->sum((int)p->rows, g->taps * s->channels, s->offset + g->ahead * s->channels,
                    w + (g->ahead * s->rows + g->taps * p->k) * s->channels,
                    t->source + (p->first + row) * s->source.length, to, to_row, points);
}

/* Row r of the piece in row k of weights, in the result. */
static float *row_of(const job *j, const task *t, const grid *g, const piece *p, int64_t k,
                     int64_t r) {
    const state *s = j->s;
    const int64_t stride = s->transposed ? s->conv->stride[1] : 1;
    const int64_t y = (t->first + p->first + r) * stride + g->residue[0];
    return j->y + ((t->image * s->rows + k) * s->to[0] + y) * s->to[1];
}

/* Long rows: where they belong. */
static void make_rows(const job *j, const task *t, const grid *g, const piece *p) {
    const state *s = j->s;
    for (int64_t r = 0; r < p->height; r++)
        make(j, t, g, p, r, row_of(j, t, g, p, p->k, r), s->to[0] * s->to[1], s->to[1]);
}

/* Short ones: together, with what lies between them, and for all residues along the width. */
static void make_and_keep_rows(const job *j, const task *t, const grid *first, const piece *p) {
    const state *s = j->s;
    const int64_t apart = HB_DIRECT_ROWS * s->row;
    grid g = *first;
    for (int64_t x = 0; x < s->stride[1]; x++, next_grid(s, &g))
        make(j, t, &g, p, 0, t->made + x * apart, s->row, points_of(s, p->height));
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t r = 0; r < p->height; r++)
            keep_row(s, t->made + i * s->row + r * s->source.length, apart,
                     row_of(j, t, first, p, p->k + i, r));
}

static void run_task(const job *j, const task *t) {
    const state *s = j->s;
    hb_direct_copy(&s->source, s->vector,
                   j->x + t->image * s->channels * s->source.size[0] * s->source.size[1], t->first,
                   s->band + s->reach[0], t->source);
    for (grid g = first_grid(); next_grid(s, &g);) {
        const int64_t height = hb_min(s->band, g.size[0] - t->first);
        if (g.residue[1] > 0) continue; /* it was made with the first one */
        for (piece p = {.first = 0}; p.first < height; p.first += s->chunk) {
            p.height = hb_min(s->chunk, height - p.first);
            for (p.k = 0; p.k < s->rows; p.k += HB_DIRECT_ROWS) {
                p.rows = hb_min(HB_DIRECT_ROWS, s->rows - p.k);
                (s->in_place ? make_rows : make_and_keep_rows)(j, t, &g, &p);
            }
        }
    }
}

static void run_tasks(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    task t = {.source = j->scratch + s->weights_floats + thread * s->thread_floats};
    t.made = t.source + s->source_floats;
    for (int64_t i = begin; i < end; i++) {
        t.image = i / s->bands;
        t.group = t.image % s->conv->groups;
        t.first = i % s->bands * s->band;
        run_task(j, &t);
    }
}

static void run(hb_device *device, const void *made, const hb_run_args *args) {
    const state *s = made;
    const hb_conv *c = s->conv;
    job j = {.s = s,
             .x = (const float *)(const void *)hb_cpu_address(args, &s->step->in[0]),
             .w = (const float *)(const void *)hb_cpu_address(args, &s->step->in[1]),
             .y = (float *)(void *)hb_cpu_address(args, &s->step->out[0]),
             .scratch =
                 (float *)(void *)(hb_cpu_base(args, HB_BUFFER_ARENA) + s->step->scratch_offset)};
    const int64_t images = c->batch * c->groups;
    hb_cpu_parallel(device, c->groups, (double)s->weights_floats * 4, pack_weights, &j);
    hb_conv_parallel(device, s->threads, images * s->bands, s->step->flops / 2, s->kernels->lanes,
                     run_tasks, &j);
}

/* ---- the solver ---- */

static bool can_do(const hb_device *device, const hb_step *step) {
    if (!hb_direct_fits(step)) return false;
    state s;
    describe(device, step, &s);
    return s.channels <= HB_DIRECT_CHANNELS &&
           s.source_floats * (int64_t)sizeof(float) <= 2 * SOURCE_BYTES;
}

/* In units of a multiplication in the full tile, as those of conv.c: places between rows, sources
   copied, results that are kept. */
static double cost(const hb_device *device, const hb_step *step) {
    state s;
    describe(device, step, &s);
    const double made = (double)s.source.length / (double)s.grid[1];
    const double taps = (double)(s.channels * s.volume) / (double)(s.stride[0] * s.stride[1]);
    const double step_area = (double)(s.source.step[0] * s.source.step[1]);
    return made * 1.1 + 4 * step_area / (double)s.rows / (double)s.volume + 4 / taps;
}

static size_t scratch(const hb_device *device, const hb_step *step) {
    state s;
    describe(device, step, &s);
    return (size_t)(s.weights_floats + device->threads * s.thread_floats) * sizeof(float);
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **made, hb_error *error) {
    state described;
    describe(device, step, &described);
    const size_t bytes = sizeof described +
                         (size_t)(described.channels * described.volume) * sizeof *described.offset;
    state *s = malloc(bytes);
    if (s == NULL) return hb_fail_memory(error, "a convolution", bytes);
    *s = described;
    s->threads = hb_conv_threads(step, (size_t)s->weights_floats * sizeof(float),
                                 (size_t)s->thread_floats * sizeof(float));
    find_offsets(s);
    *made = s;
    return HEBB_OK;
}

const hb_cpu_solver hb_cpu_conv_direct = {.name = "direct",
                                          .kind = HB_CONV,
                                          .can_do = can_do,
                                          .cost = cost,
                                          .scratch = scratch,
                                          .prepare = prepare,
                                          .run = run,
                                          .release = free};
