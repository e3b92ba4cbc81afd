/* Which steps are small, and how a run of them is prepared (small.h). Called by prepare.c. */
#include <stdlib.h>
#include <string.h>

#include "small.h"

enum {
    MOST_STEPS = 32,         /* in a kernel, ... */
    MOST_INSTRUCTIONS = 512, /* ... and instructions: compilers take their time; ... */
    MOST_BUFFERS = 56,       /* ... these and their shifts fit into 1024 bytes of arguments */
    GROUP = 256,             /* on GPUs */
    CPU_MACS = 16384,        /* of a product that a core does in the time of a launch */
};

/* What an item of a GPU takes from a load to the store behind it, and for each more element that it
   adds up; what a launch costs: seconds. */
static const double gpu_item = 0.5e-6, gpu_depth = 20e-9, gpu_launch = 4e-6;

/* A work-group alone loses what others would have done meanwhile: less than a launch. */
static bool suits_gpu(double items, double depth) {
    const double rounds = items > GROUP ? items / GROUP : 1;
    return rounds * (gpu_item + depth * gpu_depth) <= gpu_launch;
}

static bool is_small_product(const hb_device *device, const hb_gemm *gemm) {
    const double depth = gemm->k > 0 ? (double)gemm->k : 1;
    double elements = (double)gemm->m * (double)gemm->n;
    for (int k = 0; k < gemm->n_batch; k++) elements *= (double)gemm->batch[k];
    if (device->trial != NULL || getenv("HEBB_GEMM") != NULL) return false;
    if (device->lanes) return elements * depth <= CPU_MACS;
    return suits_gpu(elements, depth);
}

static bool is_small_loop(const hb_device *device, const hb_loop *loop) {
    double kept = 1, reduced = 1;
    for (int k = 0; k < loop->rank; k++)
        *(loop->reduce[k] ? &reduced : &kept) *= (double)loop->dim[k];
    if (device->lanes) return hb_cl_loop_items(device, loop) <= 1;
    return suits_gpu(kept, reduced);
}

static bool is_small(const hb_device *device, const hb_step *step) {
    if (step->kind == HB_LOOP) return is_small_loop(device, &step->u.loop);
    return step->kind == HB_GEMM && is_small_product(device, &step->u.gemm);
}

/* ---- runs ---- */

/* What a run has so far. */
typedef struct extent {
    int instructions, n_buffers, buffer[MOST_BUFFERS];
} extent;

static bool add_buffer(extent *e, const hb_operand *operand) {
    for (int k = 0; k < e->n_buffers; k++)
        if (e->buffer[k] == operand->buffer) return true;
    if (operand->buffer == HB_BUFFER_INDEX) return true;
    if (e->n_buffers == MOST_BUFFERS) return false;
    e->buffer[e->n_buffers++] = operand->buffer;
    return true;
}

/* False if the step is too much for the kernel. */
static bool add_step(extent *e, const hb_step *step) {
    const hb_gemm *gemm = step->kind == HB_GEMM ? &step->u.gemm : NULL;
    const hb_loop *loop = gemm != NULL ? &gemm->epilogue : &step->u.loop;
    bool fits = (e->instructions += loop->n_instr) <= MOST_INSTRUCTIONS;
    if (gemm != NULL) fits = fits && add_buffer(e, &gemm->a) && add_buffer(e, &gemm->b);
    for (int k = 0; k < loop->n_in; k++) fits = fits && add_buffer(e, &loop->in[k]);
    for (int k = 0; k < loop->n_out; k++) fits = fits && add_buffer(e, &loop->out[k].to);
    return fits;
}

bool hb_cl_wants_together(void) {
    const char *wanted = getenv("HEBB_OPENCL_SMALL");
    return wanted == NULL || strcmp(wanted, "0") != 0;
}

static size_t count_small(const hb_device *device, const hb_step *steps, size_t n_steps) {
    if (!hb_cl_wants_together()) return 0;
    extent e = {0};
    size_t n = 0;
    while (n < n_steps && n < MOST_STEPS && is_small(device, &steps[n]) && add_step(&e, &steps[n]))
        n++;
    return n > 1 ? n : 0;
}

static size_t group_of(const hb_device *device) {
    size_t group = 1;
    while (2 * group <= GROUP && 2 * group <= device->max_group) group *= 2;
    return device->lanes ? 1 : group;
}

static hebb_status prepare_step(hb_device *device, hb_prepared *parts, const hb_step *step,
                                hb_error *error) {
    const char *solver;
    if (step->kind == HB_GEMM) return hb_cl_gemm_small_prepare(device, parts, step, error);
    return hb_cl_loop_prepare(device, parts, step, &step->u.loop, 0, &solver, error);
}

static hebb_status add_launch(hb_device *device, hb_prepared *prepared, const hb_step *step,
                              const hb_prepared *parts, hb_error *error) {
    if (parts->n_launches == 0) return HEBB_OK;
    hb_cl_launch *launch = hb_cl_launch_add(prepared, step);
    if (launch == NULL) return hb_fail_memory(error, "a launch", sizeof *launch);
    const size_t group = group_of(device);
    hb_cl_write_small(&launch->source, parts->launches, parts->n_launches, group);
    hb_cl_range(launch, (int64_t)group, group);
    return HEBB_OK;
}

hebb_status hb_cl_small_prepare(hb_device *device, hb_prepared *prepared, const hb_step *steps,
                                size_t n_steps, size_t *n_done, hb_error *error) {
    *n_done = count_small(device, steps, n_steps);
    if (*n_done > 0)
        hb_log("%s: \"%s\" and %zu more small steps by one kernel", device->info.id, steps->name,
               *n_done - 1);
    hb_prepared parts = {.single = true};
    hebb_status status = HEBB_OK;
    for (size_t k = 0; k < *n_done && status == HEBB_OK; k++)
        status = prepare_step(device, &parts, &steps[k], error);
    if (status == HEBB_OK) status = add_launch(device, prepared, steps, &parts, error);
    hb_cl_launches_free(device, &parts);
    free(parts.launches);
    return status;
}
