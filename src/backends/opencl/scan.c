/* SCAN: the body's launches, compiled once, enqueued for each iteration with buffers that slide:
   where they begin is an argument of every kernel of a body. All of it is one kernel where that can
   be (scan_kernel.c), but for runs whose steps are watched. Called by prepare.c. */
#include <stdlib.h>

#include "opencl.h"

typedef struct scan_state {
    hb_prepared *whole;  /* by one launch, or NULL */
    hb_prepared *body;   /* an iteration; NULL until it is needed */
    hb_buffer **buffers; /* of the body, by number */
    int64_t *shifts;
} scan_state;

static void free_state(hb_device *device, void *data) {
    scan_state *s = data;
    hb_cl_release(device, s->whole);
    hb_cl_release(device, s->body);
    free(s->buffers);
    free(s->shifts);
    free(s);
}

static int64_t bytes_before(const hb_operand *operand) {
    return operand->offset * (int64_t)hebb_dtype_size(operand->dtype);
}

static void slide(const hb_step *step, const scan_state *s, const hb_run_args *args, int64_t t) {
    const hb_scan *scan = step->u.scan;
    for (int b = 0; b < scan->n_slides; b++) {
        const hb_slide *now = &scan->slides[b];
        const hb_operand *operand = &(now->output ? step->out : step->in)[now->operand];
        s->buffers[b + 1] = args->buffers[operand->buffer];
        s->shifts[b + 1] = bytes_before(operand) + now->start + now->step * (t % now->period) +
                           hb_cl_shift(args, operand->buffer);
    }
}

static hebb_status copy_first(hb_device *device, const hb_step *step, const hb_scan_copy *copy,
                              const hb_run_args *args, hb_error *error) {
    const hb_operand *from = &step->in[copy->from], *to = &step->out[copy->to];
    if (copy->bytes == 0) return HEBB_OK;
    cl_int code = clEnqueueCopyBuffer(
        device->queue, args->buffers[from->buffer]->memory, args->buffers[to->buffer]->memory,
        (size_t)(bytes_before(from) + hb_cl_shift(args, from->buffer)),
        (size_t)(bytes_before(to) + hb_cl_shift(args, to->buffer) + copy->at), copy->bytes, 0, NULL,
        NULL);
    return code == CL_SUCCESS ? HEBB_OK
                              : hb_cl_fail(error, device, code, "clEnqueueCopyBuffer", step->name);
}

static hebb_status run_iterations(hb_device *device, const hb_step *step, scan_state *s,
                                  const hb_run_args *args, hb_run_args *body, hb_error *error) {
    const hb_scan *scan = step->u.scan;
    hebb_status status = HEBB_OK;
    if (s->body == NULL)
        status = hb_cl_prepare_locked(device, scan->steps, scan->n_steps, true, &s->body, error);
    for (int64_t t = 0; t < scan->times && status == HEBB_OK; t++) {
        body->seed = hb_scan_seed(args->seed, t);
        body->iteration = t;
        slide(step, s, args, t);
        status = hb_cl_run_locked(device, s->body, body, error);
    }
    return status;
}

static hebb_status call(hb_device *device, hb_cl_launch *launch, const hb_run_args *args,
                        hb_error *error) {
    const hb_step *step = launch->step;
    scan_state *s = launch->data;
    const hb_scan *scan = step->u.scan;
    hb_run_args body = {
        .buffers = s->buffers, .shifts = s->shifts, .step = args->step, .watch = args->watch};
    s->buffers[0] = args->buffers[step->scratch_buffer];
    s->shifts[0] = step->scratch_offset + hb_cl_shift(args, step->scratch_buffer);
    hebb_status status = HEBB_OK;
    for (int k = 0; k < scan->n_copies && status == HEBB_OK; k++)
        status = copy_first(device, step, &scan->copies[k], args, error);
    if (status != HEBB_OK) return status;
    if (s->whole == NULL || args->watch != NULL)
        return run_iterations(device, step, s, args, &body, error);
    slide(step, s, args, 0);
    return hb_cl_run_locked(device, s->whole, &body, error);
}

hebb_status hb_cl_scan_prepare(hb_device *device, hb_prepared *prepared, const hb_step *step,
                               const char **solver, hb_error *error) {
    const hb_scan *scan = step->u.scan;
    size_t n = (size_t)scan->n_slides + 1;
    *solver = "scan";
    hb_cl_launch *launch = hb_cl_launch_add(prepared, step);
    scan_state *s = calloc(1, sizeof *s);
    if (launch == NULL || s == NULL) {
        free(s);
        return hb_fail_memory(error, "a scan", sizeof *s);
    }
    launch->call = call;
    launch->data = s;
    launch->free = free_state;
    s->buffers = calloc(n, sizeof(hb_buffer *));
    s->shifts = calloc(n, sizeof *s->shifts);
    if (s->buffers == NULL || s->shifts == NULL)
        return hb_fail_memory(error, "a scan", n * sizeof *s->shifts);
    hebb_status status = hb_cl_scan_kernel(device, scan, &s->whole, error);
    if (status != HEBB_OK || s->whole != NULL) return status;
    return hb_cl_prepare_locked(device, scan->steps, scan->n_steps, true, &s->body, error);
}
