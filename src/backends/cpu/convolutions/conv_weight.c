/* CONV_WEIGHT as matrix products dy [rows, places] x windows [places, columns], summed over the
   images. dy is read where it is; windows are packed as the micro-kernels of gemm_kernel.c read
   them. Called through the solver's table (cpu.h).

   A column is a pair of channel and tap. With enough channels all channels of a tap come one after
   the other, which are packed by transposing rows of the image; else all taps of a channel do,
   whose rows are copied beside each other and transposed together. The images are cut into parts by
   sizes alone, whose sums are added in order: the number of threads changes no bit. */
#include <stdlib.h>
#include <string.h>

#include "conv.h"
#include "conv_direct.h"
#include "winograd.h"

/* Places packed at a time, in bytes of a column; and how many tasks there should be. */
enum { DEPTH_BYTES = 256 * 4, TASKS = 32, FEW_CHANNELS = 8, ADD_ROWS = 32 };
enum { MOST_PIECES = HB_CPU_MOST_VECTOR / 4 * 2 / FEW_CHANNELS + 2 }; /* of a panel */

typedef uint32_t __attribute__((may_alias)) word32;
typedef uint64_t __attribute__((may_alias)) word64;

typedef struct state {
    const hb_step *step;
    const hb_conv *conv;
    const hb_cpu_gemm_type *kernels;
    int64_t element, taps, columns, depth;
    int64_t line; /* elements between pairs before they are turned around */
    bool by_tap;
    int64_t panels; /* of a group */
    int64_t parts;  /* of the images */
    size_t sum_bytes, thread_bytes;
    int threads;
} state;

static int64_t width_of(const state *s) { return 2 * s->kernels->lanes; }

static void describe(const hb_device *device, const hb_step *step, state *s) {
    const hb_conv *c = &step->u.conv;
    *s = (state){.step = step,
                 .conv = c,
                 .kernels = hb_conv_kernels(device, step),
                 .element = (int64_t)hebb_dtype_size(step->out[0].dtype),
                 .taps = hb_volume(c->kernel),
                 .threads = device->threads};
    const int64_t width = width_of(s);
    s->columns = c->in_channels * s->taps;
    s->depth = DEPTH_BYTES / s->element;
    s->by_tap = c->in_channels >= FEW_CHANNELS;
    s->panels = hb_ceil_div(s->columns, width);
    const int64_t tasks = s->panels * c->groups;
    s->parts = tasks == 0 ? 1 : hb_min(c->batch, hb_ceil_div(TASKS, tasks));
    if (s->parts < 1) s->parts = 1;
    s->sum_bytes = hb_conv_aligned(s->parts * tasks * c->out_channels * width * s->element);
    s->line = s->depth + HB_GEMM_ALIGNMENT / s->element;
    s->thread_bytes = hb_conv_aligned(width * (s->depth + (s->by_tap ? 0 : s->line)) * s->element);
}

typedef struct job {
    const state *s;
    const char *x, *dy;
    char *dw, *sums, *own;
} job;

/* Columns of a panel that are channels of one tap. */
typedef struct channels_of_tap {
    int64_t to, count; /* columns [to, to + count) of the panel */
    int64_t c, t;
    int64_t tap[3];
} channels_of_tap;

typedef struct panel {
    int64_t first, count; /* columns */
    int n;
    channels_of_tap piece[MOST_PIECES]; /* if all channels of a tap come one after the other */
} panel;

static panel panel_of(const state *s, int64_t number) {
    const int64_t width = width_of(s), channels = s->conv->in_channels;
    panel p = {.first = number * width};
    p.count = hb_min(width, s->columns - p.first);
    for (int64_t to = 0; s->by_tap && to < p.count; p.n++) {
        channels_of_tap *piece = &p.piece[p.n];
        piece->t = (p.first + to) / channels;
        piece->c = (p.first + to) % channels;
        piece->to = to;
        piece->count = hb_min(channels - piece->c, p.count - to);
        hb_conv_split(piece->t, s->conv->kernel, piece->tap);
        to += piece->count;
    }
    return p;
}

/* ---- packing ---- */

/* A piece of a row of places, under one tap. */
typedef struct piece {
    int64_t at;        /* the first place's element in a channel of x */
    int64_t low, high; /* what of it is inside */
} piece;

static piece piece_of(const hb_conv *c, const int64_t place[3], const int64_t tap[3],
                      int64_t length) {
    int64_t source[3];
    piece p = {0};
    for (int d = 0; d < 3; d++) {
        source[d] = place[d] * c->stride[d] - c->before[d] + tap[d] * c->dilation[d];
        if (d < 2 && (source[d] < 0 || source[d] >= c->in[d])) return p;
    }
    hb_conv_inside(source[2], c->stride[2], c->in[2], length, &p.low, &p.high);
    p.at = (source[0] * c->in[1] + source[1]) * c->in[2] + source[2];
    return p;
}

static void clear_rows(const state *s, int64_t rows, int64_t columns, char *to) {
    const int64_t row = width_of(s) * s->element;
    for (int64_t i = 0; i < rows; i++) memset(to + i * row, 0, (size_t)(columns * s->element));
}

static void pack_tap(const state *s, const channels_of_tap *p, const char *x, const piece *q,
                     int64_t length, char *to) {
    const int64_t row = width_of(s) * s->element, plane = hb_volume(s->conv->in);
    const int64_t step = s->conv->stride[2];
    clear_rows(s, q->low, p->count, to);
    if (q->high > q->low)
        s->kernels->pack_beside(p->count, q->high - q->low,
                                x + (p->c * plane + q->at + q->low * step) * s->element, plane,
                                step, width_of(s), to + q->low * row);
    clear_rows(s, length - q->high, p->count, to + q->high * row);
}

/* Elements of a row that are `step` apart, zeros around them. */
#define COPY_PLACES(word)                                                                          \
    static void copy_places_##word(const char *x_, int64_t step, const piece *q, int64_t length,   \
                                   char *to_) {                                                    \
        const word *x = (const word *)(const void *)x_ + q->at;                                    \
        word *to = (word *)(void *)to_;                                                            \
        const int64_t inside = q->high > q->low ? q->high - q->low : 0;                            \
        for (int64_t j = 0; j < q->low; j++) to[j] = 0;                                            \
        if (step == 1) memcpy(to + q->low, x + q->low, (size_t)inside * sizeof *to);               \
        else                                                                                       \
            for (int64_t j = q->low; j < q->high; j++) to[j] = x[j * step];                        \
        for (int64_t j = q->low + inside; j < length; j++) to[j] = 0;                              \
    }
COPY_PLACES(word32)
COPY_PLACES(word64)

/* Places [first, first + count) under one tap of the channel at x, as a row. */
static void copy_pair(const state *s, const char *x, const int64_t tap[3], int64_t first,
                      int64_t count, char *to) {
    const hb_conv *c = s->conv;
    int64_t place[3], at[3], low, high, length;
    for (int d = 0; d < 3; d++) at[d] = tap[d] * c->dilation[d] - c->before[d];
    hb_conv_inside(at[2], c->stride[2], c->in[2], c->out[2], &low, &high);
    hb_conv_split(first, c->out, place);
    for (int64_t done = 0; done < count; done += length) {
        const int64_t z = place[0] * c->stride[0] + at[0], y = place[1] * c->stride[1] + at[1];
        length = hb_min(c->out[2] - place[2], count - done);
        piece q = {0};
        if (z >= 0 && z < c->in[0] && y >= 0 && y < c->in[1]) {
            q.low = hb_min(hb_max(low - place[2], 0), length);
            q.high = hb_min(hb_max(high - place[2], q.low), length);
            q.at = (z * c->in[1] + y) * c->in[2] + place[2] * c->stride[2] + at[2];
        }
        (s->element == 4 ? copy_places_word32 : copy_places_word64)(x, c->stride[2], &q, length,
                                                                    to + done * s->element);
        place[2] = 0;
        if (++place[1] == c->out[1]) place[1] = 0, place[0]++;
    }
}

/* Columns that are pairs, as rows side by side that are turned around together. */
static void pack_pairs(const state *s, const panel *p, const char *x, int64_t first, int64_t count,
                       char *to) {
    const int64_t plane = hb_volume(s->conv->in), width = width_of(s);
    char *rows = to + s->depth * width * s->element;
    for (int64_t i = 0; i < p->count; i++) {
        int64_t tap[3];
        const int64_t column = p->first + i;
        hb_conv_split(column % s->taps, s->conv->kernel, tap);
        copy_pair(s, x + column / s->taps * plane * s->element, tap, first, count,
                  rows + i * s->line * s->element);
    }
    s->kernels->turn(p->count, count, rows, s->line, width, to);
}

/* Columns that are channels of some taps. */
static void pack_taps(const state *s, const panel *p, const char *x, int64_t first, int64_t count,
                      char *to) {
    int64_t place[3], length;
    for (int64_t done = 0; done < count; done += length) {
        hb_conv_split(first + done, s->conv->out, place);
        length = hb_min(s->conv->out[2] - place[2], count - done);
        char *rows = to + done * width_of(s) * s->element;
        for (int i = 0; i < p->n; i++) {
            const channels_of_tap *one = &p->piece[i];
            const piece q = piece_of(s->conv, place, one->tap, length);
            pack_tap(s, one, x, &q, length, rows + one->to * s->element);
        }
    }
}

/* Places [first, first + count) of an image, x its channels in the group. */
static void pack_places(const state *s, const panel *p, const char *x, int64_t first, int64_t count,
                        char *to) {
    if (p->count < width_of(s)) memset(to, 0, (size_t)(count * width_of(s) * s->element));
    (s->by_tap ? pack_taps : pack_pairs)(s, p, x, first, count, to);
}

/* ---- sums ---- */

/* Adds the product of some places of an image to the panel's sum [rows, width]. */
static void multiply(const state *s, const panel *p, const char *dy, int64_t places, int64_t count,
                     const char *packed, char *sum) {
    const hb_cpu_gemm_type *kernels = s->kernels;
    const int64_t width = width_of(s), size = s->element;
    for (int64_t row = 0; row < s->conv->out_channels; row += kernels->rows) {
        const int64_t rows = hb_min(kernels->rows, s->conv->out_channels - row);
        kernels->tile[rows - 1][p->count > kernels->lanes](
            count, dy + row * places * size, places, 1, packed, width, sum + row * width * size,
            width, p->count, true);
    }
}

static void sum_task(const job *j, int64_t number, int thread) {
    const state *s = j->s;
    const hb_conv *c = s->conv;
    const int64_t size = s->element, rows = c->out_channels, places = hb_volume(c->out);
    const int64_t part = number / s->panels / c->groups, group = number / s->panels % c->groups;
    const panel p = panel_of(s, number % s->panels);
    char *sum = j->sums + number * rows * width_of(s) * size;
    char *packed = j->own + (size_t)thread * s->thread_bytes;
    memset(sum, 0, (size_t)(rows * width_of(s) * size));
    for (int64_t n = c->batch * part / s->parts; n < c->batch * (part + 1) / s->parts; n++) {
        const int64_t image = n * c->groups + group;
        const char *x = j->x + image * c->in_channels * hb_volume(c->in) * size;
        const char *dy = j->dy + image * rows * places * size;
        for (int64_t first = 0; first < places; first += s->depth) {
            const int64_t count = hb_min(s->depth, places - first);
            pack_places(s, &p, x, first, count, packed);
            multiply(s, &p, dy + first * size, places, count, packed, sum);
        }
    }
}

static void sum_tasks(void *context, int64_t begin, int64_t end, int thread) {
    for (int64_t i = begin; i < end; i++) sum_task(context, i, thread);
}

#define ADD_PARTS(name, T)                                                                         \
    static void add_parts_##name(const state *s, const char *sums, int64_t part, char *dw,         \
                                 int64_t stride, int64_t count) {                                  \
        const T *from = (const T *)(const void *)sums;                                             \
        T *to = (T *)(void *)dw;                                                                   \
        for (int64_t i = 0; i < count; i++) {                                                      \
            T sum = 0;                                                                             \
            for (int64_t k = 0; k < s->parts; k++) sum += from[k * part + i];                      \
            to[i * stride] = sum;                                                                  \
        }                                                                                          \
    }
ADD_PARTS(f32, float)
ADD_PARTS(f64, double)

/* Columns [to, to + count) of a panel, the parts' sums added, to every `stride`th of a row from
   column `column` on. */
static void add_columns(const state *s, const char *sums, int64_t to, int64_t count, char *row,
                        int64_t column, int64_t stride) {
    const int64_t part = s->conv->groups * s->panels * s->conv->out_channels * width_of(s);
    (s->element == 4 ? add_parts_f32 : add_parts_f64)(s, sums + to * s->element, part,
                                                      row + column * s->element, stride, count);
}

/* Panels that are about `blocks_of` apart have columns of the same channels, which take turns in
   the weights. */
static int64_t blocks_of(const state *s) {
    return s->by_tap ? hb_max(1, s->conv->in_channels / width_of(s)) : s->panels;
}

/* Every `blocks_of`th panel of a row, from number `block` on. */
static void add_row(const job *j, int64_t group, int64_t block, int64_t row) {
    const state *s = j->s;
    const int64_t size = s->element, rows = s->conv->out_channels;
    char *to = j->dw + (group * rows + row) * s->columns * size;
    for (int64_t number = block; number < s->panels; number += blocks_of(s)) {
        const panel p = panel_of(s, number);
        const char *sums =
            j->sums + ((group * s->panels + number) * rows + row) * width_of(s) * size;
        for (int i = 0; i < p.n; i++)
            add_columns(s, sums, p.piece[i].to, p.piece[i].count, to,
                        p.piece[i].c * s->taps + p.piece[i].t, s->taps);
        if (!s->by_tap) add_columns(s, sums, 0, p.count, to, p.first, 1);
    }
}

/* Some panels of ADD_ROWS rows: sums are read row after row. */
static void add_blocks(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const state *s = j->s;
    const int64_t rows = s->conv->out_channels, chunks = hb_ceil_div(rows, ADD_ROWS);
    for (int64_t i = begin; i < end; i++) {
        const int64_t first = i % chunks * ADD_ROWS, last = hb_min(rows, first + ADD_ROWS);
        for (int64_t row = first; row < last; row++)
            add_row(j, i / chunks / blocks_of(s), i / chunks % blocks_of(s), row);
    }
}

static void run(hb_device *device, const void *made, const hb_run_args *args) {
    const state *s = made;
    const hb_conv *c = s->conv;
    job j = {.s = s,
             .x = hb_cpu_address(args, &s->step->in[0]),
             .dy = hb_cpu_address(args, &s->step->in[1]),
             .dw = hb_cpu_address(args, &s->step->out[0]),
             .sums = hb_cpu_base(args, HB_BUFFER_ARENA) + s->step->scratch_offset};
    j.own = j.sums + s->sum_bytes;
    const int64_t tasks = s->parts * c->groups * s->panels;
    const double macs = s->step->flops / 2;
    if (tasks == 0 || c->out_channels == 0) return;
    hb_conv_parallel(device, s->threads, tasks, macs, s->kernels->lanes, sum_tasks, &j);
    hb_cpu_parallel(device, c->groups * blocks_of(s) * hb_ceil_div(c->out_channels, ADD_ROWS),
                    (double)s->sum_bytes / 4, add_blocks, &j);
}

/* ---- the solver ---- */

static bool can_do(const hb_device *device, const hb_step *step) { return true; }
/* In units of a multiplication in the full tile: columns that are there for nothing, and packing,
   shared by the rows, which is slower by pairs. */
static double cost(const hb_device *device, const hb_step *step) {
    state s;
    describe(device, step, &s);
    const int64_t lanes = s.kernels->lanes, columns = hb_max(1, s.columns);
    const double waste = (double)(hb_ceil_div(columns, lanes) * lanes) / (double)columns;
    return waste * (1.1 + (s.by_tap ? 30 : 40) / (double)hb_max(1, s.conv->out_channels));
}

static size_t scratch(const hb_device *device, const hb_step *step) {
    state s;
    describe(device, step, &s);
    return s.sum_bytes + (size_t)device->threads * s.thread_bytes;
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **made, hb_error *error) {
    state *s = malloc(sizeof *s);
    if (!s) return hb_fail_memory(error, "a convolution", sizeof *s);
    describe(device, step, s);
    s->threads = hb_conv_threads(step, s->sum_bytes, s->thread_bytes);
    *made = s;
    return HEBB_OK;
}

static const hb_cpu_solver packed = {.name = "packed windows",
                                     .kind = HB_CONV_WEIGHT,
                                     .can_do = can_do,
                                     .cost = cost,
                                     .scratch = scratch,
                                     .prepare = prepare,
                                     .run = run,
                                     .release = free};
const hb_cpu_solver *const hb_cpu_conv_weight_solvers[] = {&packed, &hb_cpu_winograd_weight,
                                                           &hb_cpu_conv_direct_weight,
                                                           &hb_cpu_conv_depthwise_weight, NULL};
