/* SCAN: the body's steps, prepared once, run with buffers that slide. Called through its solver. */
#include <stdlib.h>
#include <string.h>

#include "cpu.h"

typedef struct scan_state {
    const hb_step *step;
    hb_prepared *body;
    hb_buffer **buffers; /* of the body, by number */
    int64_t *shifts;
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
    free(s);
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **state, hb_error *error) {
    const hb_scan *scan = step->u.scan;
    const size_t n = (size_t)scan->n_slides + 1;
    scan_state *s = calloc(1, sizeof *s);
    if (!s) return hb_fail_memory(error, "a scan", sizeof *s);
    s->step = step;
    s->buffers = calloc(n, sizeof(hb_buffer *));
    s->shifts = calloc(n, sizeof *s->shifts);
    hebb_status status = HEBB_OK;
    if (!s->buffers || !s->shifts) status = hb_fail_memory(error, "a scan", n * sizeof *s->shifts);
    else status = hb_cpu_prepare(device, scan->steps, scan->n_steps, false, &s->body, error);
    if (status) release(s);
    else *state = s;
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
