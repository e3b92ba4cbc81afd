/* CONV and CONV_INPUT as matrix products of the weights and an image, tile by tile: a panel of the
   image's windows is packed as the micro-kernels of gemm_kernel.c read it, used for all rows of the
   weights, and forgotten. Called through the solver's table (cpu.h).

   Both are one computation. Elements of the result form a grid; each is a sum over channels and
   taps of the source image, tap t of grid point q being at q step + shift[t]. For CONV the grid is
   the result. CONV_INPUT has as many grids as there are residues of a place modulo the strides: in
   each, the taps are those that reach the place from a whole window, at step 1. So no product with
   the zeros between strides is made. */
#include <stdlib.h>
#include <string.h>

#include "conv.h"
#include "conv_direct.h"
#include "winograd.h"

/* A panel's depth, in bytes of a row: 8 rows of weights stay in L1. Panels that a task packs at a
   time: its weights are read once for all of them. */
enum { DEPTH_BYTES = 384 * 4, TASK_PANELS = 4 };

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

typedef struct state {
    const hb_step *step;
    const hb_conv *conv;
    const hb_cpu_gemm_type *kernels;
    bool transposed; /* CONV_INPUT */
    int64_t element;
    int64_t rows, channels; /* of the product: of the result, of the source */
    int64_t from[3], to[3];
    axis axis[3];
    int64_t phases, blocks; /* grids; and blocks of columns in the largest */
    int64_t depth;          /* of a panel, at most */
    int64_t most_runs;
    size_t weights_bytes, panel_bytes, run_bytes, tile_bytes, thread_bytes;
    int threads;
} state;

/* ---- layout ---- */

static int64_t width_of(const state *s) { return 2 * s->kernels->lanes; }
static int64_t panel_points(const state *s) { return TASK_PANELS * width_of(s); }

static bool is_direct(const state *s) {
    return s->axis[0].stride == 1 && s->axis[1].stride == 1 && s->axis[2].stride == 1;
}

static int64_t floor_mod(int64_t a, int64_t b) { return (a % b + b) % b; }

static void describe_sizes(const hb_device *device, const hb_step *step, state *s) {
    const hb_conv *c = &step->u.conv;
    *s = (state){.step = step,
                 .conv = c,
                 .kernels = hb_conv_kernels(device, step),
                 .transposed = step->kind == HB_CONV_INPUT,
                 .element = (int64_t)hebb_dtype_size(step->out[0].dtype),
                 .threads = device->threads};
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
        a->residues = hb_conv_min(a->stride, s->to[d]);
        s->phases *= a->residues;
        points *= hb_conv_up(s->to[d], a->stride);
    }
    const int64_t taps = hb_conv_volume(c->kernel), width = width_of(s);
    const int64_t row = s->to[2] / s->axis[2].stride > 0 ? s->to[2] / s->axis[2].stride : 1;
    s->blocks = hb_conv_up(points, panel_points(s));
    s->depth = DEPTH_BYTES / s->element;
    if (s->depth > taps * s->channels) s->depth = taps * s->channels;
    /* A panel of consecutive points has this many pieces of rows, and one for what is missing. */
    s->most_runs = hb_conv_min(width, hb_conv_up(width, row) + 1) + 1;
    if (s->transposed)
        s->weights_bytes = hb_conv_aligned(c->groups * s->rows * s->channels * taps * s->element);
    s->panel_bytes = hb_conv_aligned((s->depth * TASK_PANELS + 1) * width * s->element);
    s->run_bytes = hb_conv_aligned(hb_conv_min(taps, s->depth) * s->most_runs *
                                   (int64_t)sizeof(hb_cpu_image_run));
    if (!is_direct(s)) s->tile_bytes = hb_conv_aligned(s->rows * panel_points(s) * s->element);
    s->thread_bytes = s->panel_bytes + s->run_bytes + s->tile_bytes;
}

/* Which taps reach places of each residue, and from where. */
static void describe_axis(const hb_conv *c, int d, bool transposed, int64_t size, axis *a) {
    const int64_t s = a->stride;
    for (int64_t r = 0; r < a->residues; r++) {
        residue *one = &a->residue[r];
        *one =
            (residue){.count = hb_conv_up(size - r, s), .first = a->taps, .packed_ahead = a->taps};
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
    free(s);
}

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
    if (failed) {
        release(s);
        return hb_fail_memory(error, "a convolution", sizeof *s);
    }
    for (int d = 0; d < 3; d++) describe_axis(s->conv, d, s->transposed, s->to[d], &s->axis[d]);
    *made = s;
    return HEBB_OK;
}

/* ---- one grid ---- */

typedef struct grid {
    const residue *r[3];
    int64_t place[3], size[3]; /* the first point's place in the result; points */
    int64_t points, taps;
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

/* ---- weights of CONV_INPUT: [groups, phases, in channels, out channels, taps] ---- */

static void pack_weights(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    const hb_conv *c = s->conv;
    const int64_t volume = hb_conv_volume(c->kernel), size = s->element;
    for (int64_t i = begin; i < end; i++) {
        const int64_t group = i / s->rows, row = i % s->rows;
        const char *w = j->w + (group * s->channels * s->rows + row) * volume * size;
        char *all = j->scratch + group * s->rows * s->channels * volume * size;
        for (int64_t phase = 0; phase < s->phases; phase++) {
            const grid g = grid_of(s, phase);
            char *to = all + (taps_ahead(s, &g) * s->rows + row * g.taps) * s->channels * size;
            for (int64_t t = 0; t < g.taps; t++) {
                int64_t k[3];
                tap_of(&g, t, k);
                const int64_t at =
                    (s->axis[0].tap[k[0]] * c->kernel[1] + s->axis[1].tap[k[1]]) * c->kernel[2] +
                    s->axis[2].tap[k[2]];
                for (int64_t o = 0; o < s->channels; o++)
                    memcpy(to + (o * g.taps + t) * size, w + (o * s->rows * volume + at) * size,
                           (size_t)size);
            }
        }
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
        k->t1 = hb_conv_min(k->t0 + s->depth, g->taps);
        k->c1 = k->c0 + 1;
    } else {
        k->c0 = k->c1;
        k->t1 = g->taps;
        k->c1 = g->taps == 0 ? s->channels : hb_conv_min(k->c0 + s->depth / g->taps, s->channels);
    }
    return k->c0 < s->channels && g->taps > 0;
}

/* The runs of points [first, first + count) for each tap of the slice. Returns how many each has.
 */
static int64_t find_runs(const state *s, const grid *g, const slice *k, int64_t first,
                         int64_t count, hb_cpu_image_run *run) {
    int64_t point[3], runs = 0, begin[64], length[64], at[64][3];
    for (int64_t done = 0; done < count; done += length[runs++]) {
        hb_conv_split(first + done, g->size, point);
        begin[runs] = done;
        length[runs] = hb_conv_min(g->size[2] - point[2], count - done);
        memcpy(at[runs], point, sizeof point);
    }
    const int64_t width = width_of(s), total = runs + (count < width);
    for (int64_t t = k->t0; t < k->t1; t++, run += total) {
        int64_t tap[3], source[3];
        tap_of(g, t, tap);
        for (int64_t i = 0; i < runs; i++) {
            bool inside = true;
            for (int d = 0; d < 3; d++) {
                source[d] = at[i][d] * s->axis[d].step + s->axis[d].shift[tap[d]];
                inside = inside && (d == 2 || (source[d] >= 0 && source[d] < s->from[d]));
            }
            int64_t low = 0, high = 0;
            if (inside)
                hb_conv_inside(source[2], s->axis[2].step, s->from[2], length[i], &low, &high);
            run[i] = (hb_cpu_image_run){.to = (int32_t)begin[i],
                                        .count = (int32_t)length[i],
                                        .low = (int32_t)low,
                                        .high = (int32_t)high};
            if (high > low)
                run[i].from = (source[0] * s->from[1] + source[1]) * s->from[2] + source[2];
        }
        if (count < width)
            run[runs] = (hb_cpu_image_run){.to = (int32_t)count, .count = (int32_t)(width - count)};
    }
    return total;
}

typedef struct task {
    int64_t image, group, row0, row1; /* image: number of batch and group together */
    int64_t first, count;             /* points */
    grid g;
    int64_t ahead; /* taps_ahead() */
    char *panels, *tile;
    hb_cpu_image_run *run;
} task;

static void pack_panels(const job *j, const task *t, const slice *k) {
    const state *s = j->s;
    const int64_t width = width_of(s), plane = hb_conv_volume(s->from);
    const int64_t images = s->conv->batch * s->conv->groups * s->channels * plane;
    const int64_t at = (t->image * s->channels + k->c0) * plane;
    const int64_t depth = (k->c1 - k->c0) * (k->t1 - k->t0);
    for (int64_t p = 0; p * width < t->count; p++) {
        const int64_t count = hb_conv_min(width, t->count - p * width);
        const int64_t runs = find_runs(s, &t->g, k, t->first + p * width, count, t->run);
        s->kernels->pack_image(k->c1 - k->c0, k->t1 - k->t0, runs, t->run, s->axis[2].step,
                               j->x + at * s->element, plane, at, images - at,
                               t->panels + p * depth * width * s->element);
    }
}

/* Where the weights of the task's first row begin, and how far apart rows are. */
static const char *weights_of(const job *j, const task *t, int64_t *row) {
    const state *s = j->s;
    const int64_t group = s->rows * s->channels * hb_conv_volume(s->conv->kernel);
    *row = s->channels * t->g.taps;
    const char *w = (s->transposed ? j->scratch : j->w) + t->group * group * s->element;
    return w + (t->ahead * s->channels * s->rows + t->row0 * *row) * s->element;
}

static void multiply(const job *j, const task *t, const slice *k, bool add, char *c,
                     int64_t c_row) {
    const state *s = j->s;
    const hb_cpu_gemm_type *kernels = s->kernels;
    const int64_t width = width_of(s), size = s->element, depth = (k->c1 - k->c0) * (k->t1 - k->t0);
    int64_t w_row;
    const char *w = weights_of(j, t, &w_row) + (k->c0 * t->g.taps + k->t0) * size;
    for (int64_t row = t->row0; row < t->row1; row += kernels->rows) {
        const int64_t rows = hb_conv_min(kernels->rows, t->row1 - row), at = row - t->row0;
        for (int64_t p = 0; p * width < t->count; p++) {
            const int64_t count = hb_conv_min(width, t->count - p * width);
            kernels->tile[rows - 1][count > kernels->lanes](
                depth, w + at * w_row * size, w_row, 1, t->panels + p * depth * width * size, width,
                c + (at * c_row + p * width) * size, c_row, count, add);
        }
    }
}

/* The tile's points to their places, which are strides apart. */
static void scatter(const job *j, const task *t, char *y, int64_t plane) {
    const state *s = j->s;
    const int64_t size = s->element, c_row = panel_points(s);
    for (int64_t i = 0; i < t->count; i++) {
        int64_t q[3], at = 0;
        hb_conv_split(t->first + i, t->g.size, q);
        for (int d = 0; d < 3; d++) at = at * s->to[d] + t->g.place[d] + q[d] * s->axis[d].stride;
        for (int64_t row = 0; row < t->row1 - t->row0; row++)
            memcpy(y + (row * plane + at) * size, t->tile + (row * c_row + i) * size, (size_t)size);
    }
}

static void run_task(const job *j, task *t) {
    const state *s = j->s;
    const int64_t plane = hb_conv_volume(s->to), size = s->element;
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
    const int64_t units = hb_conv_up(s->rows, s->kernels->rows);
    for (int64_t i = begin; i < end; i++) {
        const int64_t part = i % j->row_parts, block = i / j->row_parts % s->blocks;
        const int64_t phase = i / j->row_parts / s->blocks % s->phases;
        t.image = i / j->row_parts / s->blocks / s->phases;
        t.group = t.image % s->conv->groups;
        t.g = grid_of(s, phase);
        t.ahead = s->transposed ? taps_ahead(s, &t.g) : 0;
        t.row0 = units * part / j->row_parts * s->kernels->rows;
        t.row1 = hb_conv_min(s->rows, units * (part + 1) / j->row_parts * s->kernels->rows);
        t.first = block * panel_points(s);
        t.count = hb_conv_min(panel_points(s), t.g.points - t.first);
        if (t.count > 0 && t.row1 > t.row0) run_task(j, &t);
    }
}

static double macs_of(const hb_conv *c) {
    return (double)c->batch * (double)c->groups * (double)c->in_channels * (double)c->out_channels *
           (double)hb_conv_volume(c->kernel) * (double)hb_conv_volume(c->out);
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
    const int64_t tasks = c->batch * c->groups * s->phases * s->blocks;
    if (tasks == 0 || s->rows == 0) return;
    /* Each part of the rows packs the panels for itself, so there are no more than threads need. */
    if (tasks < device->threads)
        j.row_parts =
            hb_conv_min(hb_conv_up(s->rows, s->kernels->rows), hb_conv_up(device->threads, tasks));
    if (s->transposed)
        hb_cpu_parallel(device, c->groups * s->rows,
                        (double)s->weights_bytes / (double)s->element * 2, pack_weights, &j);
    hb_conv_parallel(device, s->threads, tasks * j.row_parts, macs_of(c), s->kernels->lanes,
                     run_tasks, &j);
}

/* ---- the solver ---- */

static bool can_do(const hb_device *device, const hb_step *step) { return true; }
/* In units of a multiplication in the full tile: packing is shared by the rows; a run of points
   takes as long as eight of them, besides. */
static double cost(const hb_device *device, const hb_step *step) {
    const hb_conv *c = &step->u.conv;
    const bool forward = step->kind == HB_CONV;
    const double rows = (double)(forward ? c->out_channels : c->in_channels);
    const double run = (double)hb_conv_max(1, forward ? c->out[2] : c->in[2] / c->stride[2]);
    return 1 + 24 / rows * (1 + 8 / run) + (forward ? 0 : hb_conv_moving_weights(step));
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
const hb_cpu_solver *const hb_cpu_conv_solvers[] = {&hb_cpu_winograd_conv, &hb_cpu_conv_direct,
                                                    &hb_cpu_conv_shifted, &packed, NULL};
