/* RESAMPLE, axis by axis: sums of rows with weights, or their maxima. Rows of the last axis are
   single elements: if those of a vector of results lie near each other, they are brought together
   by shuffles (resample_lanes.c). Else small images are turned around, many at a time, before and
   after: their rows are then vectors of an element of each image. Of larger ones that is done with
   lines along the last axis. What a part of the rows along the first axis needs stays in scratch
   memory, in the second cache. Called through the solver's table (cpu.h). */
#include <stdlib.h>

#include "resample_lanes.h"

enum {
    LINES = 32,            /* that are turned at a time */
    LEAST_COLUMNS = 8,     /* of rows that are worth summing as they lie */
    IMAGE_BYTES = 1 << 18, /* of small images that are turned at a time, in scratch memory */
    SLAB_BYTES = 1 << 17,  /* wanted at most in scratch memory between two axes of large ones */
    TASKS = 16,            /* wanted at least */
};

/* An axis, of n elements before and m afterwards. */
typedef struct pass {
    hb_resample_table table;
    hb_cpu_lanes lanes;    /* of a last axis that is mixed by shuffles, else without groups */
    int64_t n, m, columns; /* columns: elements of a row when its turn comes */
} pass;

typedef struct resample {
    const hb_step *step;
    int n_passes; /* axes that are kept stand for outer or inner dimensions if they can */
    pass pass[3];
    int64_t outer, inner;
    int64_t images; /* that are turned together, one task; 0: they are large, and ... */
    int64_t rows;   /* ... so many rows of results along the first axis are one */
    int64_t tasks;
    int64_t slab, block; /* elements of a thread's scratch memory: two slabs and a block */
    int threads;
    hb_cpu_mix *mix;
    hb_cpu_mix_lines *mix_lines;
    hb_cpu_gemm_turn *turn;
    int64_t size; /* of an element */
    int64_t vector_bytes;
} resample;

static bool can_do(const hb_device *device, const hb_step *step) { return true; }
static double cost(const hb_device *device, const hb_step *step) { return 0; } /* the only one */

/* ---- planning ---- */

static int64_t size_of(const hb_resample *r, int k, bool result) {
    return result != (bool)r->transposed ? r->axis[k].out : r->axis[k].in;
}

/* Axes [*from, *to), of which the first and the last are not kept, if any is not. */
static void find_axes(const hb_resample *r, int *from, int *to) {
    *from = 0;
    *to = 3;
    while (*to > 1 && r->axis[*to - 1].rule == HB_KEPT) --*to;
    while (*from < *to - 1 && r->axis[*from].rule == HB_KEPT) ++*from;
}

/* The first axis is the first to be done if that leaves less to do for the others, else the last.
 */
static bool shrinks(const pass *first) { return first->m < first->n; }

/* The elements of a row of the first axis when axis number k and those behind it are done. */
static int64_t row_at(const resample *r, int k) {
    int64_t elements = r->inner;
    for (int i = 1; i < r->n_passes; i++) elements *= i < k ? r->pass[i].n : r->pass[i].m;
    return elements;
}

/* The elements of the largest slab between two axes for the tasks' rows. */
static int64_t slab_of(const resample *r, int64_t rows) {
    const pass *first = &r->pass[0];
    int64_t most = shrinks(first) ? rows : 0, row = 0;
    for (int64_t i = 0; i < first->m && !shrinks(first); i += rows) {
        int64_t from, to;
        hb_resample_sources(&first->table, i, hb_min(i + rows, first->m), &from, &to);
        most = hb_max(most, to - from);
    }
    for (int k = r->n_passes; k > 0; k--)
        if (k < r->n_passes || shrinks(first)) row = hb_max(row, row_at(r, k));
    return most * row;
}

static bool is_shuffled(const resample *r) { return r->pass[r->n_passes - 1].lanes.groups > 0; }

/* Elements of an image when axis number k and those behind it are done. */
static int64_t image_at(const resample *r, int k) {
    int64_t elements = r->inner;
    for (int i = 0; i < r->n_passes; i++) elements *= i < k ? r->pass[i].n : r->pass[i].m;
    return elements;
}

/* Whether shuffles are better than turning images that are small: rows of the first axis are
   several vectors. */
static bool suits_shuffles(const resample *r) {
    const int64_t row = row_at(r, shrinks(&r->pass[0]) ? r->n_passes : 1);
    return is_shuffled(r) && (r->n_passes == 1 || row * r->size >= 2 * r->vector_bytes);
}

/* As many images as fit, if they are small or their rows are too short to be summed otherwise. */
static void choose_images(resample *r) {
    int64_t most = 1;
    if (suits_shuffles(r)) return;
    for (int k = 0; k <= r->n_passes; k++) most = hb_max(most, image_at(r, k));
    const bool short_rows = r->n_passes == 1 && r->pass[0].columns < LEAST_COLUMNS;
    r->images = LINES;
    const int64_t least = short_rows ? 1 : LINES / 2;
    while (r->images > least && 2 * most * r->images * r->size > IMAGE_BYTES) r->images /= 2;
    const bool fits = 2 * most * r->images * r->size <= IMAGE_BYTES && r->outer >= r->images;
    if (!fits && !short_rows) r->images = 0;
    r->slab = most * r->images;
    r->tasks = r->images > 0 ? hb_ceil_div(r->outer, r->images) : 0;
}

/* Lines, if there is nothing else. */
static void choose_rows(resample *r) {
    const pass *first = &r->pass[0];
    if (r->n_passes == 1 && is_shuffled(r)) {
        r->rows = hb_max(hb_min(SLAB_BYTES / (first->m * r->size), r->outer / TASKS), 1);
        r->tasks = hb_ceil_div(r->outer, r->rows);
        return;
    }
    const int64_t row = first->columns * r->size;
    r->rows = hb_max(first->m, 1);
    while (r->rows > 4 &&
           (r->rows * row > 8 * SLAB_BYTES || slab_of(r, r->rows) * r->size > SLAB_BYTES ||
            r->outer * hb_ceil_div(first->m, r->rows) < TASKS))
        r->rows = hb_ceil_div(r->rows, 2);
    r->slab = slab_of(r, r->rows);
    r->tasks = r->outer * hb_ceil_div(first->m, r->rows);
}

static int64_t line_up(int64_t elements) { return (elements + 15) / 16 * 16; }

static hebb_status plan(const hb_device *device, const hb_step *step, resample *r,
                        hb_error *error) {
    const hb_resample *of = &step->u.resample;
    const hebb_dtype dtype = step->out[0].dtype;
    int from, to;
    hebb_status status = HEBB_OK;
    find_axes(of, &from, &to);
    *r = (resample){
        .step = step,
        .outer = of->outer,
        .inner = of->inner,
        .threads = device->threads,
        .mix = device->isa->resample->mix[of->maxima != 0][dtype == HEBB_F64],
        .mix_lines = device->isa->resample->mix_lines[of->maxima != 0][dtype == HEBB_F64],
        .turn = dtype == HEBB_F64 ? device->isa->gemm->f64->turn : device->isa->gemm->f32->turn,
        .size = (int64_t)hebb_dtype_size(dtype),
        .vector_bytes = device->isa->resample->vector_bytes};
    for (int k = 0; k < from; k++) r->outer *= of->axis[k].in;
    for (int k = to; k < 3; k++) r->inner *= of->axis[k].in;
    int64_t columns = r->inner;
    for (int k = to - 1; k >= from && status == HEBB_OK; k--) {
        pass *p = &r->pass[k - from];
        *p = (pass){.n = size_of(of, k, false), .m = size_of(of, k, true), .columns = columns};
        columns *= p->m;
        r->block = hb_max(r->block, line_up(LINES * p->n) + line_up(LINES * p->m));
        r->n_passes++;
        status = hb_resample_table_make(&of->axis[k], of->transposed != 0, dtype, &p->table, error);
        if (status == HEBB_OK && p->columns == 1)
            hb_cpu_lanes_make(&p->table, r->vector_bytes / r->size, dtype, &p->lanes);
    }
    if (status == HEBB_OK) choose_images(r);
    if (status == HEBB_OK && r->images == 0) choose_rows(r);
    r->slab = line_up(r->slab);
    return status;
}

static void release_tables(resample *r) {
    for (int k = 0; k < 3; k++) {
        hb_resample_table_free(&r->pass[k].table);
        hb_cpu_lanes_free(&r->pass[k].lanes);
    }
}

static size_t scratch(const hb_device *device, const hb_step *step) {
    resample r;
    hb_error ignored;
    const hebb_status status = plan(device, step, &r, &ignored);
    release_tables(&r);
    return status ? 0 : (size_t)((2 * r.slab + r.block) * r.size * r.threads);
}

static void release(void *state) {
    release_tables(state);
    free(state);
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **state, hb_error *error) {
    resample *r = malloc(sizeof *r);
    *state = NULL;
    if (!r) return hb_fail_memory(error, "a resampling", sizeof *r);
    const hebb_status status = plan(device, step, r, error);
    if (status) release(r);
    else *state = r;
    return status;
}

/* ---- running ---- */

typedef struct job {
    const resample *r;
    const char *x;
    char *y, *scratch;
} job;

/* Lines of n single elements: element i of all of them is a row of the turned block. */
static void mix_turned(const resample *r, const pass *p, int64_t lines, const char *from, char *to,
                       char *block) {
    char *mixed = block + line_up(LINES * p->n) * r->size;
    for (int64_t i = 0; i < lines; i += LINES) {
        const int64_t width = hb_min(LINES, lines - i);
        r->turn(width, p->n, from + i * p->n * r->size, p->n, LINES, block);
        r->mix(&p->table, 0, p->m, block, LINES, mixed, LINES, width);
        r->turn(p->m, width, mixed, LINES, p->m, to + i * p->m * r->size);
    }
}

static void mix_lines(const resample *r, const pass *p, int64_t lines, const char *from, char *to,
                      char *block) {
    if (p->lanes.groups > 0) r->mix_lines(&p->lanes, lines, from, to);
    else mix_turned(r, p, lines, from, to, block);
}

/* [outer, n, columns] becomes [outer, m, columns]. */
static void mix_rows(const resample *r, const pass *p, int64_t outer, int64_t columns,
                     const char *from, char *to) {
    for (int64_t o = 0; o < outer; o++)
        r->mix(&p->table, 0, p->m, from + o * p->n * columns * r->size, columns,
               to + o * p->m * columns * r->size, columns, columns);
}

/* Turned, an element of each image is a row. */
static void run_images(const job *j, int64_t task, char *slabs[2]) {
    const resample *r = j->r;
    const int64_t at = task * r->images, images = hb_min(r->images, r->outer - at);
    const int64_t before = image_at(r, r->n_passes), after = image_at(r, 0);
    char *from = slabs[0], *to = slabs[1];
    r->turn(images, before, j->x + at * before * r->size, before, images, from);
    for (int k = r->n_passes - 1; k >= 0; k--) {
        int64_t above = 1;
        for (int i = 0; i < k; i++) above *= r->pass[i].n;
        mix_rows(r, &r->pass[k], above, r->pass[k].columns * images, from, to);
        char *const done = from;
        from = to;
        to = done;
    }
    r->turn(after, images, from, images, after, j->y + at * after * r->size);
}

/* Along all axes but the first, for so many rows of that. */
static void mix_others(const resample *r, int64_t rows, const char *from, char *to, char *slabs[2],
                       char *block) {
    for (int k = r->n_passes - 1; k > 0; k--) {
        const pass *p = &r->pass[k];
        char *const result = k == 1 ? to : slabs[k % 2];
        int64_t above = rows;
        for (int i = 1; i < k; i++) above *= r->pass[i].n;
        if (p->columns == 1) mix_lines(r, p, above, from, result, block);
        else mix_rows(r, p, above, p->columns, from, result);
        from = result;
    }
}

/* Rows [begin, end) along the first axis of one outer index. */
static void run_rows(const job *j, int64_t task, char *slabs[2], char *block) {
    const resample *r = j->r;
    const pass *first = &r->pass[0];
    const int64_t parts = hb_ceil_div(first->m, r->rows), outer = task / parts;
    const int64_t begin = task % parts * r->rows, end = hb_min(begin + r->rows, first->m);
    const int64_t before = row_at(r, r->n_passes), after = row_at(r, 1);
    const char *x = j->x + outer * first->n * before * r->size;
    char *y = j->y + outer * first->m * after * r->size;
    if (r->n_passes == 1) r->mix(&first->table, begin, end, x, before, y, after, after);
    else if (shrinks(first)) {
        r->mix(&first->table, begin, end, x, before, slabs[1] - begin * before * r->size, before,
               before);
        mix_others(r, end - begin, slabs[1], y + begin * after * r->size, slabs, block);
    } else {
        int64_t from, to;
        hb_resample_sources(&first->table, begin, end, &from, &to);
        mix_others(r, to - from, x + from * before * r->size, slabs[1], slabs, block);
        r->mix(&first->table, begin, end, slabs[1] - from * after * r->size, after, y, after,
               after);
    }
}

/* Lines along the only axis. */
static void run_lines(const job *j, int64_t task) {
    const resample *r = j->r;
    const pass *p = &r->pass[0];
    const int64_t at = task * r->rows, lines = hb_min(r->rows, r->outer - at);
    r->mix_lines(&p->lanes, lines, j->x + at * p->n * r->size, j->y + at * p->m * r->size);
}

static void run_tasks(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const resample *r = j->r;
    char *own = j->scratch + (2 * r->slab + r->block) * r->size * thread;
    char *slabs[2] = {own, own + r->slab * r->size}, *block = own + 2 * r->slab * r->size;
    for (int64_t task = begin; task < end; task++)
        if (r->images > 0) run_images(j, task, slabs);
        else if (r->n_passes == 1 && is_shuffled(r)) run_lines(j, task);
        else run_rows(j, task, slabs, block);
}

static void run(hb_device *device, const void *state, const hb_run_args *args) {
    const resample *r = state;
    job j = {.r = r,
             .x = hb_cpu_address(args, &r->step->in[0]),
             .y = hb_cpu_address(args, &r->step->out[0]),
             .scratch = hb_cpu_base(args, HB_BUFFER_ARENA) + r->step->scratch_offset};
    hb_cpu_parallel_within(device, r->threads, r->tasks, r->step->bytes / 4, run_tasks, &j);
}

static const hb_cpu_solver axes = {.name = "axis by axis",
                                   .kind = HB_RESAMPLE,
                                   .can_do = can_do,
                                   .cost = cost,
                                   .scratch = scratch,
                                   .prepare = prepare,
                                   .run = run,
                                   .release = release};
const hb_cpu_solver *const hb_cpu_resample_solvers[] = {&axes, NULL};
