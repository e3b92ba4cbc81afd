/* MAX_BACK: the gradient of maxima, 16 images at a time. These are turned around, so that an
   element of each makes a vector, strip by strip along the first axis: for its elements of dx, a
   strip has all windows that reach them, and for these all of their elements. Called through the
   solver's table (cpu.h). */
#include <stdlib.h>

#include "cpu.h"

enum { STRIP_BYTES = 1 << 18 }; /* of x, in the second cache */

typedef struct max_back {
    const hb_step *step;
    hb_resample_table elements[3], windows[3]; /* the first axis has windows of its own */
    int64_t outer, row, window_row; /* of images; elements and windows in a row of the first axis */
    int64_t rows, strips;           /* of elements along the first axis; that are a strip */
    int64_t most_elements, most_windows; /* rows that a strip needs */
    int threads;
    int64_t size; /* of an element */
} max_back;

/* What a strip needs, along the first axis. */
typedef struct strip {
    int64_t begin, end; /* elements of dx */
    int64_t first_window, last_window, first_element, last_element;
} strip;

static bool can_do(const hb_device *device, const hb_step *step) { return true; }
static double cost(const hb_device *device, const hb_step *step) { return 0; } /* the only one */

/* ---- planning ---- */

static strip strip_at(const max_back *m, int64_t number) {
    strip s = {.begin = number * m->rows};
    s.end = hb_min(s.begin + m->rows, m->windows[0].rows);
    hb_resample_sources(&m->windows[0], s.begin, s.end, &s.first_window, &s.last_window);
    hb_resample_sources(&m->elements[0], s.first_window, s.last_window, &s.first_element,
                        &s.last_element);
    if (s.first_window == s.last_window) s.first_element = s.begin;
    s.first_element = hb_min(s.first_element, s.begin);
    s.last_element = hb_max(s.last_element, s.end);
    return s;
}

static void choose_strips(max_back *m) {
    const int64_t row = m->row * HB_MAX_BACK_IMAGES * m->size;
    m->rows = hb_max(hb_min(STRIP_BYTES / hb_max(row, 1), m->windows[0].rows), 1);
    m->strips = hb_ceil_div(m->windows[0].rows, m->rows);
    for (int64_t k = 0; k < m->strips; k++) {
        const strip s = strip_at(m, k);
        m->most_elements = hb_max(m->most_elements, s.last_element - s.first_element);
        m->most_windows = hb_max(m->most_windows, s.last_window - s.first_window);
    }
}

static hebb_status plan(const hb_device *device, const hb_step *step, max_back *m,
                        hb_error *error) {
    const hb_resample *of = &step->u.resample;
    const hebb_dtype dtype = step->out[0].dtype;
    static const hb_resample_axis single = {.rule = HB_KEPT, .in = 1, .out = 1};
    hebb_status status = HEBB_OK;
    int first = 0;
    *m = (max_back){.step = step,
                    .outer = of->outer,
                    .row = 1,
                    .window_row = 1,
                    .threads = device->threads,
                    .size = (int64_t)hebb_dtype_size(dtype)};
    for (; first < 2 && of->axis[first].rule == HB_KEPT; first++) m->outer *= of->axis[first].in;
    /* Strips are along the first axis, the innermost loop is along the last one: so are lines that
       need no strips. */
    const bool lines = first == 2 && of->axis[2].in * HB_MAX_BACK_IMAGES * m->size <= STRIP_BYTES;
    for (int k = 0; k < 3 && status == HEBB_OK; k++) {
        const hb_resample_axis *axis = k > first ? &of->axis[k] : &single;
        if (k == (lines ? 2 : 0)) axis = &of->axis[first];
        if (k > 0) m->row *= axis->in, m->window_row *= axis->out;
        status = hb_resample_table_make(axis, false, dtype, &m->elements[k], error);
        if (status == HEBB_OK)
            status = hb_resample_table_make(axis, true, dtype, &m->windows[k], error);
    }
    if (status == HEBB_OK) choose_strips(m);
    return status;
}

static void release_tables(max_back *m) {
    for (int k = 0; k < 3; k++) {
        hb_resample_table_free(&m->elements[k]);
        hb_resample_table_free(&m->windows[k]);
    }
}

/* x, dx, y and dy of a strip, of one image. */
static int64_t scratch_elements(const max_back *m) {
    return (m->most_elements + m->rows) * m->row + 2 * m->most_windows * m->window_row;
}

static size_t scratch(const hb_device *device, const hb_step *step) {
    max_back m;
    hb_error ignored;
    const hebb_status status = plan(device, step, &m, &ignored);
    release_tables(&m);
    return status ? 0 : (size_t)(scratch_elements(&m) * HB_MAX_BACK_IMAGES * m.size * m.threads);
}

static void release(void *state) {
    release_tables(state);
    free(state);
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **state, hb_error *error) {
    max_back *m = malloc(sizeof *m);
    *state = NULL;
    if (!m) return hb_fail_memory(error, "a gradient of maxima", sizeof *m);
    const hebb_status status = plan(device, step, m, error);
    if (status) release(m);
    else *state = m;
    return status;
}

/* ---- running ---- */

typedef struct job {
    const max_back *m;
    const hb_cpu_resample *kernels;
    hb_cpu_gemm_turn *turn;
    const char *x, *y, *dy;
    char *dx, *scratch;
} job;

/* Rows [from, to) of all images, of so many and of so many elements, as vectors of images. */
static void turn_rows(const job *j, int64_t images, int64_t image, int64_t row, int64_t from,
                      int64_t to, const char *memory, char *turned) {
    j->turn(images, (to - from) * row, memory + from * row * j->m->size, image, HB_MAX_BACK_IMAGES,
            turned);
}

static void run_strip(const job *j, int64_t task, char *scratch) {
    const max_back *m = j->m;
    const strip s = strip_at(m, task % m->strips);
    const int64_t at = task / m->strips * HB_MAX_BACK_IMAGES, size = m->size;
    const int64_t images = hb_min(HB_MAX_BACK_IMAGES, m->outer - at);
    const int64_t image = m->windows[0].rows * m->row, maps = m->elements[0].rows * m->window_row;
    const int64_t unit = HB_MAX_BACK_IMAGES * size, f64 = size == 8;
    char *x = scratch, *dx = x + m->most_elements * m->row * unit,
         *y = dx + m->rows * m->row * unit;
    char *dy = y + m->most_windows * m->window_row * unit;
    const hb_cpu_windows w = {m->elements, m->windows, s.first_element, s.first_window};
    turn_rows(j, images, image, m->row, s.first_element, s.last_element, j->x + at * image * size,
              x);
    turn_rows(j, images, maps, m->window_row, s.first_window, s.last_window,
              j->y + at * maps * size, y);
    turn_rows(j, images, maps, m->window_row, s.first_window, s.last_window,
              j->dy + at * maps * size, dy);
    j->kernels->share[f64](&w, s.first_window, s.last_window, x, y, dy);
    j->kernels->collect[f64](&w, s.begin, s.end, x, y, dy, dx);
    j->turn((s.end - s.begin) * m->row, images, dx, HB_MAX_BACK_IMAGES, image,
            j->dx + (at * image + s.begin * m->row) * size);
}

static void run_strips(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    char *own = j->scratch + scratch_elements(j->m) * HB_MAX_BACK_IMAGES * j->m->size * thread;
    for (int64_t task = begin; task < end; task++) run_strip(j, task, own);
}

static void run(hb_device *device, const void *state, const hb_run_args *args) {
    const max_back *m = state;
    const hb_step *step = m->step;
    job j = {.m = m,
             .kernels = device->isa->resample,
             .turn = m->size == 8 ? device->isa->gemm->f64->turn : device->isa->gemm->f32->turn,
             .x = hb_cpu_address(args, &step->in[0]),
             .y = hb_cpu_address(args, &step->in[1]),
             .dy = hb_cpu_address(args, &step->in[2]),
             .dx = hb_cpu_address(args, &step->out[0]),
             .scratch = hb_cpu_base(args, HB_BUFFER_ARENA) + step->scratch_offset};
    const int64_t blocks = hb_ceil_div(m->outer, HB_MAX_BACK_IMAGES);
    hb_cpu_parallel_within(device, m->threads, blocks * m->strips, step->bytes / 2, run_strips, &j);
}

static const hb_cpu_solver strips = {.name = "strips",
                                     .kind = HB_MAX_BACK,
                                     .can_do = can_do,
                                     .cost = cost,
                                     .scratch = scratch,
                                     .prepare = prepare,
                                     .run = run,
                                     .release = release};
const hb_cpu_solver *const hb_cpu_max_back_solvers[] = {&strips, NULL};
