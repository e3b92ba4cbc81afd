/* SCAN: the body's steps, prepared once, run with buffers that slide. Called through its solver. */
#include <stdlib.h>
#include <string.h>

#include "ahead.h"
#include "cpu.h"

typedef struct scan_state {
    const hb_step *step;
    hb_prepared *body;
    hb_buffer **buffers; /* of the body, by number */
    int64_t *shifts;
    int *sliding;        /* which slides' next memory is asked for ... */
    hb_cpu_ahead *ahead; /* ... in as many ranges */
} scan_state;

static bool can_do(const hb_device *device, const hb_step *step) { return true; }
static double cost(const hb_device *device, const hb_step *step) { return 0; } /* the only one */

static size_t scratch(const hb_device *device, const hb_step *step) {
    return step->u.scan->arena_bytes;
}

static void release(void *state) {
    scan_state *s = state;
    hb_cpu_release(NULL, s->body);
    free(s->buffers);
    free(s->shifts);
    free(s->sliding);
    free(s->ahead);
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

/* Leaves s->ahead->n at 0 where nobody would ask, where all iterations' slices stay in a core's L2
   anyway, and where those of one would not. */
static void find_sliding(const hb_device *device, scan_state *s) {
    const hb_scan *scan = s->step->u.scan;
    int64_t bytes = 0;
    int n = 0;
    for (int b = 0; b < scan->n_slides; b++) {
        if (!brings_other_memory(scan, &scan->slides[b])) continue;
        s->sliding[n++] = b;
        bytes += bytes_of_slide(&scan->slides[b]);
    }
    s->ahead->asks = largest_product(scan);
    const bool pays = s->ahead->asks && bytes <= device->threads * (device->l2_bytes / 2) &&
                      bytes * scan->times > device->l2_bytes;
    s->ahead->n = pays ? n : 0;
}

static void look_ahead(const scan_state *s) {
    const hb_scan *scan = s->step->u.scan;
    for (int k = 0; k < s->ahead->n; k++) {
        const int b = s->sliding[k];
        const hb_slide *slide = &scan->slides[b];
        s->ahead->range[k] = (struct hb_cpu_ahead_range){
            .at = s->buffers[b + 1]->base + s->shifts[b + 1] + slide->step,
            .lines = bytes_of_slide(slide) / HB_CPU_LINE,
            .write = slide->output};
    }
}

/* ---- the solver ---- */

static hebb_status prepare(hb_device *device, const hb_step *step, void **state, hb_error *error) {
    const hb_scan *scan = step->u.scan;
    const size_t n = (size_t)scan->n_slides + 1;
    scan_state *s = calloc(1, sizeof *s);
    if (!s) return hb_fail_memory(error, "a scan", sizeof *s);
    s->step = step;
    s->buffers = calloc(n, sizeof(hb_buffer *));
    s->shifts = calloc(n, sizeof *s->shifts);
    s->sliding = calloc(n, sizeof *s->sliding);
    s->ahead = calloc(1, sizeof *s->ahead + n * sizeof s->ahead->range[0]);
    hebb_status status = HEBB_OK;
    if (!s->buffers || !s->shifts || !s->sliding || !s->ahead)
        status = hb_fail_memory(error, "a scan", n * sizeof *s->shifts);
    else status = hb_cpu_prepare(device, scan->steps, scan->n_steps, false, &s->body, error);
    if (status) {
        release(s);
        return status;
    }
    find_sliding(device, s);
    *state = s;
    return status;
}

static void slide(const scan_state *s, const hb_run_args *args, int64_t t) {
    const hb_scan *scan = s->step->u.scan;
    for (int b = 0; b < scan->n_slides; b++) {
        const hb_slide *now = &scan->slides[b];
        const hb_operand *operand = &(now->output ? s->step->out : s->step->in)[now->operand];
        const int64_t first = operand->offset * (int64_t)hebb_dtype_size(operand->dtype);
        s->buffers[b + 1] = args->buffers[operand->buffer];
        s->shifts[b + 1] = first + now->start + now->step * (t % now->period) +
                           (args->shifts ? args->shifts[operand->buffer] : 0);
    }
}

static hebb_status run(hb_device *device, const void *state, const hb_run_args *args,
                       hb_error *error) {
    const scan_state *s = state;
    const hb_scan *scan = s->step->u.scan;
    hb_run_args body = {
        .buffers = s->buffers, .shifts = s->shifts, .step = args->step, .watch = args->watch};
    s->buffers[0] = args->buffers[0];
    s->shifts[0] = s->step->scratch_offset + (args->shifts ? args->shifts[0] : 0);
    for (int k = 0; k < scan->n_copies; k++) {
        const hb_scan_copy *copy = &scan->copies[k];
        memcpy(hb_cpu_address(args, &s->step->out[copy->to]) + copy->at,
               hb_cpu_address(args, &s->step->in[copy->from]), copy->bytes);
    }
    hebb_status status = HEBB_OK;
    for (int64_t t = 0; t < scan->times && !status; t++) {
        body.seed = hb_scan_seed(args->seed, t);
        body.iteration = t;
        slide(s, args, t);
        const bool looks = s->ahead->n > 0 && t + 1 < scan->times;
        if (looks) look_ahead(s);
        body.own = looks ? s->ahead : NULL;
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
