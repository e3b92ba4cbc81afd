/* SCAN: the body's steps, prepared once, run with buffers that slide. Called through its solver. */
#include <stdlib.h>
#include <string.h>

#include "scan.h"

typedef struct scan_state {
    const hb_step *step;
    hb_prepared *body;
    hb_cpu_scan_place place;
    hb_cpu_scan_rows *rows; /* NULL: iterations are run step by step */
} scan_state;

static bool can_do(const hb_device *device, const hb_step *step) { return true; }
static double cost(const hb_device *device, const hb_step *step) { return 0; } /* the only one */

static size_t scratch(const hb_device *device, const hb_step *step) {
    return step->u.scan->arena_bytes;
}

static void release(void *state) {
    scan_state *s = state;
    hb_cpu_release(NULL, s->body);
    hb_cpu_scan_place_free(&s->place);
    hb_cpu_scan_rows_free(s->rows);
    free(s);
}

/* ---- what the next iteration needs (ahead.h) ---- */

/* The product of the body that takes longest. */
static const hb_step *largest_product(const hb_scan *scan) {
    const hb_step *largest = NULL;
    for (size_t i = 0; i < scan->n_steps; i++)
        if (scan->steps[i].kind == HB_GEMM && (!largest || scan->steps[i].flops > largest->flops))
            largest = &scan->steps[i];
    return largest;
}

/* Whether memory moves on that is not yet another slide's, such as the state that one iteration
   writes and the next one reads. */
static bool brings_other_memory(const hb_scan *scan, const hb_slide *slide) {
    if (slide->period < 2 || slide->step == 0) return false;
    for (int b = 0; b < scan->n_slides; b++) {
        const hb_slide *other = &scan->slides[b];
        if (other->output == slide->output && other->operand == slide->operand &&
            other->start == slide->start + slide->step && other->step == slide->step)
            return false;
    }
    return true;
}

static int64_t bytes_of_slide(const hb_slide *slide) {
    return slide->step < 0 ? -slide->step : slide->step;
}

/* Leaves ahead->n at 0 where nobody would ask, where all iterations' slices stay in a core's L2
   anyway, and where those of one would not. */
static void find_sliding(const hb_device *device, const hb_scan *scan, hb_cpu_scan_place *p) {
    int64_t bytes = 0;
    int n = 0;
    for (int b = 0; b < scan->n_slides; b++) {
        if (!brings_other_memory(scan, &scan->slides[b])) continue;
        p->sliding[n++] = b;
        bytes += bytes_of_slide(&scan->slides[b]);
    }
    p->ahead->asks = largest_product(scan);
    const bool pays = p->ahead->asks && bytes <= device->threads * (device->l2_bytes / 2) &&
                      bytes * scan->times > device->l2_bytes;
    p->ahead->n = pays ? n : 0;
}

static void look_ahead(const hb_scan *scan, const hb_cpu_scan_place *p, int64_t part,
                       int64_t parts) {
    for (int k = 0; k < p->ahead->n; k++) {
        const int b = p->sliding[k];
        const hb_slide *slide = &scan->slides[b];
        const int64_t lines = bytes_of_slide(slide) / HB_CPU_LINE, first = lines * part / parts;
        p->ahead->range[k] = (struct hb_cpu_ahead_range){
            .at = p->buffers[b + 1]->base + p->shifts[b + 1] + slide->step + first * HB_CPU_LINE,
            .lines = lines * (part + 1) / parts - first,
            .write = slide->output};
    }
}

/* ---- iterations ---- */

bool hb_cpu_scan_place_make(const hb_device *device, const hb_scan *scan, hb_cpu_scan_place *p) {
    const size_t n = (size_t)scan->n_slides + 1;
    p->buffers = calloc(n, sizeof(hb_buffer *));
    p->shifts = calloc(n, sizeof *p->shifts);
    p->sliding = calloc(n, sizeof *p->sliding);
    p->ahead = calloc(1, sizeof *p->ahead + n * sizeof p->ahead->range[0]);
    if (!p->buffers || !p->shifts || !p->sliding || !p->ahead) return false;
    find_sliding(device, scan, p);
    return true;
}

void hb_cpu_scan_place_free(hb_cpu_scan_place *p) {
    free(p->buffers);
    free(p->shifts);
    free(p->sliding);
    free(p->ahead);
}

hb_run_args hb_cpu_scan_begin(const hb_step *step, const hb_cpu_scan_place *p,
                              const hb_run_args *args) {
    p->buffers[0] = args->buffers[0];
    p->shifts[0] = step->scratch_offset + (args->shifts ? args->shifts[0] : 0);
    return (hb_run_args){
        .buffers = p->buffers, .shifts = p->shifts, .step = args->step, .watch = args->watch};
}

static void slide(const hb_step *step, const hb_cpu_scan_place *p, const hb_run_args *args,
                  int64_t t) {
    const hb_scan *scan = step->u.scan;
    for (int b = 0; b < scan->n_slides; b++) {
        const hb_slide *now = &scan->slides[b];
        const hb_operand *operand = &(now->output ? step->out : step->in)[now->operand];
        const int64_t first = operand->offset * (int64_t)hebb_dtype_size(operand->dtype);
        p->buffers[b + 1] = args->buffers[operand->buffer];
        p->shifts[b + 1] = first + now->start + now->step * (t % now->period) +
                           (args->shifts ? args->shifts[operand->buffer] : 0);
    }
}

void hb_cpu_scan_go_to(const hb_step *step, const hb_cpu_scan_place *p, const hb_run_args *args,
                       int64_t t, int64_t part, int64_t parts, hb_run_args *body) {
    body->seed = hb_scan_seed(args->seed, t);
    body->iteration = t;
    slide(step, p, args, t);
    const bool looks = p->ahead->n > 0 && t + 1 < step->u.scan->times;
    if (looks) look_ahead(step->u.scan, p, part, parts);
    body->own = looks ? p->ahead : NULL;
}

/* ---- the solver ---- */

static hebb_status prepare(hb_device *device, const hb_step *step, void **state, hb_error *error) {
    const hb_scan *scan = step->u.scan;
    scan_state *s = calloc(1, sizeof *s);
    if (!s) return hb_fail_memory(error, "a scan", sizeof *s);
    s->step = step;
    hebb_status status = HEBB_OK;
    if (!hb_cpu_scan_place_make(device, scan, &s->place))
        status = hb_fail_memory(error, "a scan", sizeof *s);
    else status = hb_cpu_prepare(device, scan->steps, scan->n_steps, false, &s->body, error);
    if (!status) status = hb_cpu_scan_rows_make(device, step, &s->rows, error);
    if (status) {
        release(s);
        return status;
    }
    *state = s;
    return status;
}

static void copy_first(const hb_step *step, const hb_run_args *args) {
    const hb_scan *scan = step->u.scan;
    for (int k = 0; k < scan->n_copies; k++) {
        const hb_scan_copy *copy = &scan->copies[k];
        memcpy(hb_cpu_address(args, &step->out[copy->to]) + copy->at,
               hb_cpu_address(args, &step->in[copy->from]), copy->bytes);
    }
}

/* Who watches sees the steps one by one. */
static hebb_status run(hb_device *device, const void *state, const hb_run_args *args,
                       hb_error *error) {
    const scan_state *s = state;
    hb_run_args body = hb_cpu_scan_begin(s->step, &s->place, args);
    hebb_status status = HEBB_OK;
    copy_first(s->step, args);
    if (s->rows && !args->watch) {
        hb_cpu_scan_rows_run(device, s->rows, args);
        return status;
    }
    for (int64_t t = 0; t < s->step->u.scan->times && !status; t++) {
        hb_cpu_scan_go_to(s->step, &s->place, args, t, 0, 1, &body);
        status = hb_cpu_run(device, s->body, &body, error);
    }
    return status;
}

static const hb_cpu_solver scan_solver = {.name = "scan",
                                          .kind = HB_SCAN,
                                          .can_do = can_do,
                                          .cost = cost,
                                          .scratch = scratch,
                                          .prepare = prepare,
                                          .try_run = run,
                                          .release = release};
const hb_cpu_solver *const hb_cpu_scan_solvers[] = {&scan_solver, NULL};
