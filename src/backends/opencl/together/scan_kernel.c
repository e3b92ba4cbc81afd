/* All iterations of a SCAN as one kernel, by a team (team.h) for which each launch of an iteration
   is a phase. Otherwise every launch would cost the driver more than many take; on CPUs also a wait
   for the drivers' threads, which go to sleep where one has nothing to do. Called by scan.c.

   Names in the generated text, besides those of team.c: t the iteration; m<n> and at<n> the
   buffer number n of the scan's first iteration, and of this one. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "small.h"
#include "team.h"

enum {
    MOST_INSTRUCTIONS = 512,  /* compilers take their time */
    MOST_BUFFERS = 56,        /* these and their shifts fit into 1024 bytes of arguments */
    MOST_TASKS = 1 << 30,     /* which numbers of 32 bits count */
    MOST_GPU_TASKS = 1 << 24, /* half a second: drivers of screens end kernels that take a few */
};

/* ---- whether ---- */

/* Not random numbers, whose seed changes from iteration to iteration. */
static bool can_be_phase(const hb_device *device, const hb_cl_launch *launch) {
    const hb_cl_kernel *source = &launch->source;
    const hb_step_kind kind = launch->step->kind;
    if (kind != HB_LOOP && kind != HB_GEMM) return false;
    for (int i = 0; i < source->n_params; i++)
        if (source->params[i].kind == HB_CL_SEED_LOW) return false;
    return hb_cl_team_can(device, launch);
}

static int instructions_of(const hb_step *step) {
    if (step->kind == HB_GEMM) return step->u.gemm.epilogue.n_instr;
    return step->kind == HB_LOOP ? step->u.loop.n_instr : 0;
}

static bool suits(const hb_device *device, const hb_scan *scan, const hb_prepared *body) {
    if (!hb_cl_wants_together()) return false;
    int instructions = 0;
    int64_t tasks = 0;
    for (size_t i = 0; i < scan->n_steps; i++) instructions += instructions_of(&scan->steps[i]);
    for (size_t i = 0; i < body->n_launches; i++) {
        if (!can_be_phase(device, &body->launches[i])) return false;
        tasks += hb_cl_team_tasks(device, &body->launches[i]);
    }
    const int64_t most = device->lanes ? MOST_TASKS : MOST_GPU_TASKS;
    return body->n_launches > 0 && instructions <= MOST_INSTRUCTIONS &&
           scan->n_slides < MOST_BUFFERS && tasks < most && scan->times > 0 &&
           tasks * scan->times < most;
}

/* ---- text ---- */

/* Where the buffers of an iteration begin. What is the same for all lengths of a scan's sequences
   is a kernel for all of them: numbers are arguments. */
static void write_slides(hb_cl_kernel *kernel, const hb_scan *scan) {
    hb_cl_append(&kernel->body, "global uchar *const at0 = m0;\n");
    for (int b = 0; b < scan->n_slides; b++) {
        const hb_slide *slide = &scan->slides[b];
        char name[HB_CL_NAME_SIZE], step[HB_CL_NAME_SIZE], period[HB_CL_NAME_SIZE];
        snprintf(name, sizeof name, "m%d", b + 1);
        snprintf(step, sizeof step, "step%d", b + 1);
        snprintf(period, sizeof period, "period%d", b + 1);
        hb_cl_buffer_param(kernel, name, b + 1, HEBB_U8, true);
        hb_cl_index_param(kernel, step, slide->step);
        hb_cl_index_param(kernel, period, slide->period);
        hb_cl_print(&kernel->body, "global uchar *const at%d = %s + t %% %s * %s;\n", b + 1, name,
                    period, step);
    }
}

static void write_scan(const hb_device *device, hb_cl_kernel *kernel, const hb_scan *scan,
                       const hb_prepared *body) {
    kernel->wide = true;
    hb_cl_buffer_param(kernel, "m0", 0, HEBB_U8, true);
    hb_cl_index_param(kernel, "times", scan->times);
    hb_cl_team_begin(device, kernel);
    hb_cl_append(&kernel->body, "for (hb_index t = 0; t < times; t++) {\n");
    write_slides(kernel, scan);
    for (size_t i = 0; i < body->n_launches; i++)
        hb_cl_team_phase(device, kernel, &body->launches[i], "at");
    hb_cl_append(&kernel->body, "}\n");
    hb_cl_team_end(kernel);
}

/* ---- the plan ---- */

static hebb_status make_whole(hb_device *device, const hb_scan *scan, const hb_prepared *body,
                              hb_prepared *whole, hb_error *error) {
    hb_cl_launch *launch = hb_cl_launch_add(whole, scan->steps);
    if (launch == NULL) return hb_fail_memory(error, "a launch", sizeof *launch);
    write_scan(device, &launch->source, scan, body);
    hb_cl_team_range(device, launch);
    return hb_cl_compile_launches(device, whole, error);
}

hebb_status hb_cl_scan_kernel(hb_device *device, const hb_scan *scan, hb_prepared **out,
                              hb_error *error) {
    *out = NULL;
    if (!hb_cl_team_device(device)) return HEBB_OK;
    hb_prepared *body = hb_cl_prepared_make(scan->steps, scan->n_steps, true, error);
    hb_prepared *whole = hb_cl_prepared_make(scan->steps, 0, true, error);
    hebb_status status = body == NULL || whole == NULL ? HEBB_E_MEMORY : HEBB_OK;
    if (status == HEBB_OK) status = hb_cl_add_launches(device, body, error);
    const bool suited = status == HEBB_OK && suits(device, scan, body);
    if (suited) status = make_whole(device, scan, body, whole, error);
    hb_cl_release(device, body);
    if (suited && status == HEBB_OK) *out = whole;
    else hb_cl_release(device, whole);
    return status;
}
