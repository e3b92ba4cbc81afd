/* CONV and CONV_INPUT as matrix products of the weights and an image, tile by tile: a panel of the
   image's windows is packed as the micro-kernels of gemm_kernel.c read it, used for all rows of the
   weights, and forgotten. Called through the solver's table (cpu.h).

   Both are one computation. Elements of the result form a grid; each is a sum over channels and
   taps of the source image, tap t of grid point q being at q step + shift[t]. For CONV the grid is
   the result. CONV_INPUT has as many grids as there are residues of a place modulo the strides: in
   each, the taps are those that reach the place from a whole window, at step 1. So no product with
   the zeros between strides is made. Where an image alone would leave much of its last panel empty,
   the grid goes through all images of the batch, one after the other. */
#include <stdlib.h>
#include <string.h>

#include "conv.h"
#include "conv_direct.h"
#include "winograd.h"

/* A panel's depth, in bytes of a row: 8 rows of weights stay in L1. Panels that a task packs at a
   time: its weights are read once for all of them. With fewer points than these, weights are read
   where they are, if they can be. */
enum { DEPTH_BYTES = 384 * 4, TASK_PANELS = 4, FEW_POINTS = 512 };

/* Along one axis: what places with a residue have in common. */
typedef struct residue {
    int64_t count;        /* places */
    int64_t first, n;     /* its taps, in the axis's list */
    int64_t packed_ahead; /* taps of smaller residues */
} residue;

typedef struct axis {
    int64_t residues, stride; /* of places in the result */
    int64_t step;             /* of places in the source */
    residue *residue;
    int64_t *tap, *shift; /* the number of a tap in the kernel, and where it reads */
    int64_t taps;
} axis;

typedef uint32_t __attribute__((may_alias)) word32;
typedef uint64_t __attribute__((may_alias)) word64;

/* The grid that a tap of the kernel belongs to, and its number in it. A tap that reaches no place
   has 0 taps. */
typedef struct target {
    int64_t ahead, taps, number; /* taps of the grids before, and of this one */
} target;

typedef struct state {
    const hb_step *step;
    hb_conv flat;
    const hb_conv *conv; /* that */
    const hb_cpu_gemm_type *kernels;
    bool transposed; /* CONV_INPUT */
    bool packs_weights;
    int64_t element;
    int64_t rows, channels; /* of the product: of the result, of the source */
    int64_t from[3], to[3];
    axis axis[3];
    int64_t phases, blocks; /* grids; and blocks of columns in the largest */
    int64_t together;       /* images of a grid: one, or the whole batch */
    int64_t depth;          /* of a panel, at most */
    int64_t most_runs;
    size_t weights_bytes, panel_bytes, run_bytes, tile_bytes, thread_bytes;
    int threads;
    target *target; /* by tap, of the weights of CONV_INPUT */
} state;

/* ---- layout ---- */

static int64_t width_of(const state *s) { return 2 * s->kernels->lanes; }
static int64_t panel_points(const state *s) { return TASK_PANELS * width_of(s); }

/* Whether a tile's points follow each other in the result, too. */
static bool is_direct(const state *s) {
    return s->together == 1 && s->axis[0].stride == 1 && s->axis[1].stride == 1 &&
           s->axis[2].stride == 1;
}

static int64_t floor_mod(int64_t a, int64_t b) { return (a % b + b) % b; }

/* Images of a grid that has so many points of each. Points of several images take turns in a tile,
   and are copied from there, which costs about as much as TILE_MACS multiplications of each. */
static int64_t images_together(const state *s, int64_t points) {
    enum { TILE_MACS = 12 };
    const int64_t lanes = s->kernels->lanes, sum = s->channels * hb_volume(s->conv->kernel);
    const int64_t made = hb_ceil_div(points, lanes) * lanes;
    const bool copied = s->axis[0].stride * s->axis[1].stride * s->axis[2].stride > 1;
    const bool wasteful = (made - points) * sum > (copied ? 0 : TILE_MACS * points);
    return wasteful ? hb_max(1, s->conv->batch) : 1;
}

static void describe_sizes(const hb_device *device, const hb_step *step, state *s) {
    *s = (state){.step = step,
                 .flat = hb_conv_flat(&step->u.conv),
                 .conv = &s->flat,
                 .kernels = hb_conv_kernels(device, step),
                 .transposed = step->kind == HB_CONV_INPUT,
                 .element = (int64_t)hebb_dtype_size(step->out[0].dtype),
                 .threads = device->threads};
    const hb_conv *c = s->conv;
    s->rows = s->transposed ? c->in_channels : c->out_channels;
    s->channels = s->transposed ? c->out_channels : c->in_channels;
    memcpy(s->from, s->transposed ? c->out : c->in, sizeof s->from);
    memcpy(s->to, s->transposed ? c->in : c->out, sizeof s->to);
    int64_t points = 1;
    s->phases = 1;
    for (int d = 0; d < 3; d++) {
        axis *a = &s->axis[d];
        a->stride = s->transposed ? c->stride[d] : 1;
        a->step = s->transposed ? 1 : c->stride[d];
        a->residues = hb_min(a->stride, s->to[d]);
        s->phases *= a->residues;
        points *= hb_ceil_div(s->to[d], a->stride);
    }
    const int64_t taps = hb_volume(c->kernel), width = width_of(s);
    const int64_t row = s->to[2] / s->axis[2].stride > 0 ? s->to[2] / s->axis[2].stride : 1;
    s->together = images_together(s, points);
    s->blocks = hb_ceil_div(s->together * points, panel_points(s));
    s->depth = DEPTH_BYTES / s->element;
    if (s->depth > taps * s->channels) s->depth = taps * s->channels;
    /* A panel of consecutive points has this many pieces of rows, and one for what is missing. */
    s->most_runs = hb_min(width, hb_ceil_div(width, row) + 1) + 1;
    s->packs_weights = s->transposed || c->batch * points >= FEW_POINTS;
    if (s->packs_weights)
        s->weights_bytes = hb_conv_aligned(c->groups * s->rows * s->channels * taps * s->element);
    s->panel_bytes = hb_conv_aligned((s->depth * TASK_PANELS + 1) * width * s->element);
    s->run_bytes =
        hb_conv_aligned(hb_min(taps, s->depth) * s->most_runs * (int64_t)sizeof(hb_cpu_image_run));
    if (!is_direct(s)) s->tile_bytes = hb_conv_aligned(s->rows * panel_points(s) * s->element);
    s->thread_bytes = s->panel_bytes + s->run_bytes + s->tile_bytes;
}

/* Which taps reach places of each residue, and from where. */
static void describe_axis(const hb_conv *c, int d, bool transposed, int64_t size, axis *a) {
    const int64_t s = a->stride;
    for (int64_t r = 0; r < a->residues; r++) {
        residue *one = &a->residue[r];
        *one =
            (residue){.count = hb_ceil_div(size - r, s), .first = a->taps, .packed_ahead = a->taps};
        for (int64_t k = 0; k < c->kernel[d]; k++) {
            const int64_t at = k * c->dilation[d] - c->before[d];
            if (transposed && floor_mod(r - at, s) != 0) continue;
            a->tap[a->taps] = k;
            a->shift[a->taps++] = transposed ? (r - at) / s : at;
        }
        one->n = a->taps - one->first;
    }
}

static void release(void *made) {
    state *s = made;
    for (int d = 0; d < 3; d++) {
        free(s->axis[d].residue);
        free(s->axis[d].tap);
        free(s->axis[d].shift);
    }
    free(s->target);
    free(s);
}

static void find_targets(const state *s, target *to);

static hebb_status prepare(hb_device *device, const hb_step *step, void **made, hb_error *error) {
    state *s = malloc(sizeof *s);
    if (!s) return hb_fail_memory(error, "a convolution", sizeof *s);
    describe_sizes(device, step, s);
    if (s->thread_bytes > 0) s->threads = hb_conv_threads(step, s->weights_bytes, s->thread_bytes);
    bool failed = false;
    for (int d = 0; d < 3; d++) {
        axis *a = &s->axis[d];
        const size_t n = (size_t)s->conv->kernel[d];
        a->residue = calloc((size_t)a->residues + 1, sizeof *a->residue);
        a->tap = calloc(n + 1, sizeof *a->tap);
        a->shift = calloc(n + 1, sizeof *a->shift);
        failed = failed || !a->residue || !a->tap || !a->shift;
    }
    s->target = calloc((size_t)hb_volume(s->conv->kernel) + 1, sizeof *s->target);
    if (failed || !s->target) {
        release(s);
        return hb_fail_memory(error, "a convolution", sizeof *s);
    }
    for (int d = 0; d < 3; d++) describe_axis(s->conv, d, s->transposed, s->to[d], &s->axis[d]);
    if (s->transposed) find_targets(s, s->target);
    *made = s;
    return HEBB_OK;
}

/* ---- one grid ---- */

typedef struct grid {
    const residue *r[3];
    int64_t place[3], size[3]; /* the first point's place in the result; points of an image */
    int64_t points, taps;      /* points of all images together */
} grid;

static grid grid_of(const state *s, int64_t phase) {
    grid g = {.points = 1, .taps = 1};
    for (int d = 2; d >= 0; d--) {
        g.place[d] = phase % s->axis[d].residues;
        phase /= s->axis[d].residues;
        g.r[d] = &s->axis[d].residue[g.place[d]];
        g.size[d] = g.r[d]->count;
        g.points *= g.size[d];
        g.taps *= g.r[d]->n;
    }
    g.points *= s->together;
    return g;
}

/* Taps of the grids before this one, in order of their phases. */
static int64_t taps_ahead(const state *s, const grid *g) {
    const int64_t t1 = s->axis[1].taps, t2 = s->axis[2].taps;
    return g->r[0]->packed_ahead * t1 * t2 +
           g->r[0]->n * (g->r[1]->packed_ahead * t2 + g->r[1]->n * g->r[2]->packed_ahead);
}

static void tap_of(const grid *g, int64_t t, int64_t index[3]) {
    const int64_t n[3] = {g->r[0]->n, g->r[1]->n, g->r[2]->n};
    hb_conv_split(t, n, index);
    for (int d = 0; d < 3; d++) index[d] += g->r[d]->first;
}

typedef struct job {
    hb_device *device;
    const state *s;
    const char *x, *w;
    char *y, *scratch;
    int64_t row_parts;
} job;

/* ---- weights: [groups, phases, blocks of rows, channels, taps, rows of a block] ---- */

static void find_targets(const state *s, target *to) {
    const hb_conv *c = s->conv;
    for (int64_t phase = 0; phase < s->phases; phase++) {
        const grid g = grid_of(s, phase);
        for (int64_t t = 0; t < g.taps; t++) {
            int64_t k[3];
            tap_of(&g, t, k);
            to[(s->axis[0].tap[k[0]] * c->kernel[1] + s->axis[1].tap[k[1]]) * c->kernel[2] +
               s->axis[2].tap[k[2]]] = (target){taps_ahead(s, &g), g.taps, t};
        }
    }
}

/* Of CONV_INPUT: a channel's weights of the rows of a block, from `row` on. */
#define PACK_CHANNEL(word)                                                                         \
    static void pack_channel_##word(const state *s, const char *w_, int64_t channel, int64_t row,  \
                                    int64_t rows, int64_t volume, char *group) {                   \
        const word *w = (const word *)(const void *)w_;                                            \
        for (int64_t t = 0; t < volume; t++) {                                                     \
            const target *k = &s->target[t];                                                       \
            if (k->taps == 0) continue;                                                            \
            const int64_t block = (k->ahead * s->rows + k->taps * row) * s->channels;              \
            word *to = (word *)(void *)group + block + (channel * k->taps + k->number) * rows;     \
            for (int64_t i = 0; i < rows; i++) to[i] = w[i * volume + t];                          \
        }                                                                                          \
    }
PACK_CHANNEL(word32)
PACK_CHANNEL(word64)

static void pack_block(const state *s, const char *w, int64_t row, int64_t rows, char *to) {
    const int64_t volume = hb_volume(s->conv->kernel), size = s->element;
    const int64_t depth = s->channels * volume;
    if (!s->transposed) {
        s->kernels->pack(rows, depth, w + row * depth * size, depth, 1, rows,
                         to + row * depth * size);
        return;
    }
    if (volume == 1 && s->phases == 1) {
        s->kernels->pack(rows, depth, w + row * size, 1, s->rows, rows, to + row * depth * size);
        return;
    }
    w += row * volume * size;
    for (int64_t c = 0; c < s->channels; c++, w += s->rows * volume * size)
        (size == 4 ? pack_channel_word32 : pack_channel_word64)(s, w, c, row, rows, volume, to);
}

static void pack_weights(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    const int64_t most = s->kernels->rows, blocks = hb_ceil_div(s->rows, most);
    const int64_t group = s->rows * s->channels * hb_volume(s->conv->kernel) * s->element;
    for (int64_t i = begin; i < end; i++) {
        const int64_t row = i % blocks * most, at = i / blocks * group;
        pack_block(s, j->w + at, row, hb_min(most, s->rows - row), j->scratch + at);
    }
}

/* ---- tiles ---- */

/* Part of the sum: channels [c0, c1), taps [t0, t1); all of one or the other. */
typedef struct slice {
    int64_t c0, c1, t0, t1;
} slice;

/* The next slice; false after the last. */
static bool next_slice(const state *s, const grid *g, slice *k) {
    if (g->taps > s->depth) {
        if (k->t1 == g->taps) k->c0++, k->t1 = 0;
        k->t0 = k->t1;
        k->t1 = hb_min(k->t0 + s->depth, g->taps);
        k->c1 = k->c0 + 1;
    } else {
        k->c0 = k->c1;
        k->t1 = g->taps;
        k->c1 = g->taps == 0 ? s->channels : hb_min(k->c0 + s->depth / g->taps, s->channels);
    }
    return k->c0 < s->channels && g->taps > 0;
}

/* A piece of a row of points. */
typedef struct piece {
    int64_t begin, length; /* among those of the panel or tile */
    int64_t image, at[3];  /* its first point */
} piece;

static piece piece_of(const grid *g, int64_t first, int64_t done, int64_t count) {
    const int64_t point = first + done, of_image = hb_volume(g->size);
    piece p = {.begin = done, .image = point / of_image};
    hb_conv_split(point % of_image, g->size, p.at);
    p.length = hb_min(g->size[2] - p.at[2], count - done);
    return p;
}

/* The run of a piece under a tap. */
static hb_cpu_image_run run_of(const state *s, const piece *p, const int64_t tap[3]) {
    int64_t source[3], low = 0, high = 0;
    bool inside = true;
    for (int d = 0; d < 3; d++) {
        source[d] = p->at[d] * s->axis[d].step + s->axis[d].shift[tap[d]];
        inside = inside && (d == 2 || (source[d] >= 0 && source[d] < s->from[d]));
    }
    if (inside) hb_conv_inside(source[2], s->axis[2].step, s->from[2], p->length, &low, &high);
    hb_cpu_image_run run = {.to = (int32_t)p->begin,
                            .count = (int32_t)p->length,
                            .low = (int32_t)low,
                            .high = (int32_t)high};
    if (high > low) {
        const int64_t image = s->conv->groups * s->channels * hb_volume(s->from);
        run.from = p->image * image + (source[0] * s->from[1] + source[1]) * s->from[2] + source[2];
    }
    return run;
}

/* The runs of points [first, first + count) for each tap of the slice. Returns how many each has.
 */
static int64_t find_runs(const state *s, const grid *g, const slice *k, int64_t first,
                         int64_t count, hb_cpu_image_run *run) {
    piece pieces[64];
    int64_t n = 0;
    for (int64_t done = 0; done < count; done += pieces[n++].length)
        pieces[n] = piece_of(g, first, done, count);
    const int64_t width = width_of(s), total = n + (count < width);
    for (int64_t t = k->t0; t < k->t1; t++, run += total) {
        int64_t tap[3];
        tap_of(g, t, tap);
        for (int64_t i = 0; i < n; i++) run[i] = run_of(s, &pieces[i], tap);
        if (count < width)
            run[n] = (hb_cpu_image_run){.to = (int32_t)count, .count = (int32_t)(width - count)};
    }
    return total;
}

typedef struct task {
    int64_t image, group, row0, row1; /* image, the first: number of batch and group together */
    int64_t first, count;             /* points */
    grid g;
    int64_t ahead; /* taps_ahead() */
    char *panels, *tile;
    hb_cpu_image_run *run;
} task;

static void pack_panels(const job *j, const task *t, const slice *k) {
    const state *s = j->s;
    const int64_t width = width_of(s), plane = hb_volume(s->from);
    const int64_t images = s->conv->batch * s->conv->groups * s->channels * plane;
    const int64_t at = (t->image * s->channels + k->c0) * plane;
    const int64_t depth = (k->c1 - k->c0) * (k->t1 - k->t0);
    for (int64_t p = 0; p * width < t->count; p++) {
        const int64_t count = hb_min(width, t->count - p * width);
        const int64_t runs = find_runs(s, &t->g, k, t->first + p * width, count, t->run);
        s->kernels->pack_image(k->c1 - k->c0, k->t1 - k->t0, runs, t->run, s->axis[2].step,
                               j->x + at * s->element, plane, at, images - at,
                               t->panels + p * depth * width * s->element);
    }
}

/* Rows of weights as a tile reads them: from element p of the sum on. */
typedef struct row_block {
    const char *w;
    int64_t row, along; /* elements from row to row, and along the sum */
} row_block;

static row_block block_of(const job *j, const task *t, int64_t row, int64_t rows, int64_t p) {
    const state *s = j->s;
    const int64_t depth = s->channels * t->g.taps;
    const int64_t group = t->group * s->rows * s->channels * hb_volume(s->conv->kernel);
    if (!s->packs_weights)
        return (row_block){j->w + (group + row * depth + p) * s->element, depth, 1};
    const int64_t at = group + t->ahead * s->channels * s->rows + row * depth + p * rows;
    return (row_block){j->scratch + at * s->element, 1, rows};
}

static void multiply(const job *j, const task *t, const slice *k, bool add, char *c,
                     int64_t c_row) {
    const state *s = j->s;
    const hb_cpu_gemm_type *kernels = s->kernels;
    const int64_t width = width_of(s), size = s->element, depth = (k->c1 - k->c0) * (k->t1 - k->t0);
    for (int64_t row = t->row0; row < t->row1; row += kernels->rows) {
        const int64_t rows = hb_min(kernels->rows, t->row1 - row), at = row - t->row0;
        const row_block b = block_of(j, t, row, rows, k->c0 * t->g.taps + k->t0);
        for (int64_t p = 0; p * width < t->count; p++) {
            const int64_t count = hb_min(width, t->count - p * width);
            kernels->tile[rows - 1][count > kernels->lanes](
                depth, b.w, b.row, b.along, t->panels + p * depth * width * size, width,
                c + (at * c_row + p * width) * size, c_row, count, add);
        }
    }
}

/* The tile's points to their places: of one image or several, strides apart. */
static void scatter(const job *j, const task *t, char *y, int64_t plane) {
    const state *s = j->s;
    const int64_t size = s->element, image = s->conv->groups * s->rows * plane;
    piece p;
    for (int64_t done = 0; done < t->count; done += p.length) {
        int64_t at = 0;
        p = piece_of(&t->g, t->first, done, t->count);
        for (int d = 0; d < 3; d++)
            at = at * s->to[d] + t->g.place[d] + p.at[d] * s->axis[d].stride;
        const hb_cpu_box box = {.rows = t->row1 - t->row0,
                                .columns = p.length,
                                .to_row = plane * size,
                                .to_column = s->axis[2].stride * size,
                                .from_row = panel_points(s) * size,
                                .from_column = size};
        j->device->isa->vector->move[size](y + (p.image * image + at) * size, t->tile + done * size,
                                           &box);
    }
}

static void run_task(const job *j, task *t) {
    const state *s = j->s;
    const int64_t plane = hb_volume(s->to), size = s->element;
    const bool direct = is_direct(s);
    char *y = j->y + (t->image * s->rows + t->row0) * plane * size;
    char *c = direct ? y + t->first * size : t->tile;
    const int64_t c_row = direct ? plane : panel_points(s);
    slice k = {0};
    bool add = false;
    while (next_slice(s, &t->g, &k)) {
        pack_panels(j, t, &k);
        multiply(j, t, &k, add, c, c_row);
        add = true;
    }
    if (!add) /* a sum of nothing */
        for (int64_t row = 0; row < t->row1 - t->row0; row++)
            memset(c + row * c_row * size, 0, (size_t)(t->count * size));
    if (!direct) scatter(j, t, y, plane);
}

static void run_tasks(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    char *own = j->scratch + s->weights_bytes + (size_t)thread * s->thread_bytes;
    task t = {.panels = own,
              .run = (hb_cpu_image_run *)(void *)(own + s->panel_bytes),
              .tile = own + s->panel_bytes + s->run_bytes};
    const int64_t units = hb_ceil_div(s->rows, s->kernels->rows);
    for (int64_t i = begin; i < end; i++) {
        const int64_t part = i % j->row_parts, block = i / j->row_parts % s->blocks;
        const int64_t phase = i / j->row_parts / s->blocks % s->phases;
        t.image = i / j->row_parts / s->blocks / s->phases;
        t.group = t.image % s->conv->groups;
        t.g = grid_of(s, phase);
        t.ahead = s->transposed ? taps_ahead(s, &t.g) : 0;
        t.row0 = units * part / j->row_parts * s->kernels->rows;
        t.row1 = hb_min(s->rows, units * (part + 1) / j->row_parts * s->kernels->rows);
        t.first = block * panel_points(s);
        t.count = hb_min(panel_points(s), t.g.points - t.first);
        if (t.count > 0 && t.row1 > t.row0) run_task(j, &t);
    }
}

static double macs_of(const hb_conv *c) {
    return (double)c->batch * (double)c->groups * (double)c->in_channels * (double)c->out_channels *
           (double)hb_volume(c->kernel) * (double)hb_volume(c->out);
}

static void run(hb_device *device, const void *made, const hb_run_args *args) {
    const state *s = made;
    const hb_conv *c = s->conv;
    job j = {.device = device,
             .s = s,
             .x = hb_cpu_address(args, &s->step->in[0]),
             .w = hb_cpu_address(args, &s->step->in[1]),
             .y = hb_cpu_address(args, &s->step->out[0]),
             .scratch = hb_cpu_base(args, HB_BUFFER_ARENA) + s->step->scratch_offset,
             .row_parts = 1};
    const int64_t tasks = c->batch / s->together * c->groups * s->phases * s->blocks;
    if (tasks == 0 || s->rows == 0) return;
    /* Each part of the rows packs the panels for itself, so there are no more than threads need. */
    if (tasks < device->threads)
        j.row_parts =
            hb_min(hb_ceil_div(s->rows, s->kernels->rows), hb_ceil_div(device->threads, tasks));
    if (s->packs_weights)
        hb_cpu_parallel(device, c->groups * hb_ceil_div(s->rows, s->kernels->rows),
                        (double)s->weights_bytes / (double)s->element, pack_weights, &j);
    hb_conv_parallel(device, s->threads, tasks * j.row_parts, macs_of(c), s->kernels->lanes,
                     run_tasks, &j);
}

/* ---- the solver ---- */

static bool can_do(const hb_device *device, const hb_step *step) { return true; }
/* In units of a multiplication in the full tile: packing is shared by the rows; a run of points
   takes as long as eight of them, besides; weights that are packed are so for all points. */
static double cost(const hb_device *device, const hb_step *step) {
    state s;
    describe_sizes(device, step, &s);
    const int64_t run = hb_max(1, s.to[2] / s.axis[2].stride), lanes = s.kernels->lanes;
    const int64_t of_image = hb_volume(s.to) / s.phases, all = s.conv->batch * of_image;
    const int64_t made =
        s.together > 1 ? all : s.conv->batch * hb_ceil_div(of_image, lanes) * lanes;
    const double packing = 1 + 24 / (double)s.rows * (1 + 8 / (double)run);
    return packing * (double)made / (double)hb_max(1, all) +
           (s.packs_weights ? 20 / (double)hb_max(1, all) : 0);
}

static size_t scratch(const hb_device *device, const hb_step *step) {
    state s;
    describe_sizes(device, step, &s);
    return s.weights_bytes + (size_t)device->threads * s.thread_bytes;
}

static const hb_cpu_solver packed = {.name = "packed windows",
                                     .kind = HB_CONV,
                                     .can_do = can_do,
                                     .cost = cost,
                                     .scratch = scratch,
                                     .prepare = prepare,
                                     .run = run,
                                     .release = release};
const hb_cpu_solver *const hb_cpu_conv_solvers[] = {&hb_cpu_winograd_conv,
                                                    &hb_cpu_conv_direct,
                                                    &hb_cpu_conv_depthwise,
                                                    &hb_cpu_conv_shifted,
                                                    &packed,
                                                    NULL};
