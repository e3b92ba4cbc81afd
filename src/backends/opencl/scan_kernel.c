/* All iterations of a SCAN as one kernel, on CPUs: the launches of its body as functions
   (small_source.c), whose work-items are the tasks of phases, a phase a launch of an iteration.
   Otherwise every launch would begin with a wait for the drivers' threads, which go to sleep where
   one has nothing to do, longer than many launches take. Called by scan.c.

   The work-groups, each one item, take tasks by number until there are none left, of a phase as
   soon as all tasks of earlier ones are done. Any number of groups may run at a time, also one
   after the other: who waits does so for tasks that groups have which run. Who has waited for long
   leaves, since a processor that is busy otherwise may need it for those; the last group with a
   task waits for nobody and stays. What a task computes does not depend on who does it.

   Names in the generated text, besides those of small_source.c: t the iteration; m<n> and at<n> the
   buffer number n of the scan's first iteration, and of this one. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "small.h"

enum {
    MOST_INSTRUCTIONS = 512, /* compilers take their time */
    MOST_BUFFERS = 56,       /* these and their shifts fit into 1024 bytes of arguments */
    MOST_TASKS = 1 << 30,    /* which numbers of 32 bits count */
    GROUPS_A_UNIT = 4,       /* POCL gives half of the groups, and one more, to who asks first; and
                                some may leave */
    MOST_LOOKS = 1 << 20,    /* at a counter: half a millisecond */
};

/* ---- whether ---- */

/* A kernel that asks for nothing but HB_ITEM, which is ours, as users' functions may ask for more,
   and whose items need no groups; and that has no random numbers, whose seed changes from iteration
   to iteration. */
static bool can_be_member(const hb_cl_launch *launch) {
    const hb_cl_kernel *source = &launch->source;
    const hb_step_kind kind = launch->step->kind;
    if (launch->call != NULL || (kind != HB_LOOP && kind != HB_GEMM)) return false;
    for (int i = 0; i < source->n_params; i++)
        if (source->params[i].kind == HB_CL_SEED_LOW) return false;
    return source->n_locals == 0 && source->body.data != NULL &&
           strstr(source->body.data, "get_") == NULL &&
           strstr(source->body.data, "HB_GROUP") == NULL;
}

static int64_t tasks_of(const hb_cl_launch *launch) {
    return (int64_t)(launch->global[0] * launch->global[1] * launch->global[2]);
}

static int instructions_of(const hb_step *step) {
    if (step->kind == HB_GEMM) return step->u.gemm.epilogue.n_instr;
    return step->kind == HB_LOOP ? step->u.loop.n_instr : 0;
}

/* HEBB_OPENCL_SMALL=0 gives every step a kernel of its own, so that tests can compare. */
static bool suits(const hb_scan *scan, const hb_prepared *body) {
    const char *wanted = getenv("HEBB_OPENCL_SMALL");
    if (wanted != NULL && strcmp(wanted, "0") == 0) return false;
    int instructions = 0;
    int64_t tasks = 0;
    for (size_t i = 0; i < scan->n_steps; i++) instructions += instructions_of(&scan->steps[i]);
    for (size_t i = 0; i < body->n_launches; i++) {
        if (!can_be_member(&body->launches[i])) return false;
        tasks += tasks_of(&body->launches[i]);
    }
    return body->n_launches > 0 && instructions <= MOST_INSTRUCTIONS &&
           scan->n_slides < MOST_BUFFERS && tasks < MOST_TASKS && scan->times > 0 &&
           tasks * scan->times < MOST_TASKS;
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

/* The numbers of a phase's tasks end with `end`. Atomic functions order what is read and written
   around them. */
static void write_phase(hb_cl_kernel *kernel, const hb_cl_launch *launch, const char *name) {
    const size_t x = launch->global[0], y = launch->global[1];
    hb_cl_print(&kernel->body,
                "%s{\nconst int first = end;\nend += %" PRId64 ";\n"
                "for (int task = *taken; task < end; task = *taken) {\n"
                "for (int looks = 0; *done < first; looks++)\nif (looks == %d) return;\n"
                "if (atomic_cmpxchg(taken, task, task + 1) != task) continue;\n"
                "const int item = task - first;\n%s(",
                launch->once ? "if (t == 0) " : "", tasks_of(launch), MOST_LOOKS, name);
    hb_cl_write_arguments(kernel, &launch->source, "at");
    hb_cl_print(&kernel->body,
                "item %% %zu, item / %zu %% %zu, item / %zu);\n"
                "mem_fence(CLK_GLOBAL_MEM_FENCE);\natomic_inc(done);\n}\n}\n",
                x, x, y, x * y);
}

static void write_scan(hb_cl_kernel *kernel, const hb_scan *scan, const hb_prepared *body,
                       size_t counters) {
    kernel->wide = true;
    hb_cl_buffer_param(kernel, "m0", 0, HEBB_U8, true);
    hb_cl_index_param(kernel, "counters", (int64_t)counters);
    hb_cl_index_param(kernel, "times", scan->times);
    hb_cl_append(&kernel->body,
                 "volatile global int *taken = (volatile global int *)(m0 + counters);\n"
                 "volatile global int *done = taken + 16;\n"
                 "int end = 0;\n"
                 "for (hb_index t = 0; t < times; t++) {\n");
    write_slides(kernel, scan);
    for (size_t i = 0; i < body->n_launches; i++) {
        char name[HB_CL_MEMBER_NAME];
        if (tasks_of(&body->launches[i]) == 0) continue;
        hb_cl_write_member(kernel, &body->launches[i].source, 3, name);
        write_phase(kernel, &body->launches[i], name);
    }
    hb_cl_append(&kernel->body, "}\n");
}

/* ---- the plan ---- */

static hebb_status make_whole(hb_device *device, const hb_scan *scan, const hb_prepared *body,
                              size_t counters, hb_prepared *whole, hb_error *error) {
    hb_cl_launch *launch = hb_cl_launch_add(whole, scan->steps);
    if (launch == NULL) return hb_fail_memory(error, "a launch", sizeof *launch);
    write_scan(&launch->source, scan, body, counters);
    hb_cl_range_items(launch, GROUPS_A_UNIT * (int64_t)device->info.units, 1, 1);
    return hb_cl_compile_launches(device, whole, error);
}

hebb_status hb_cl_scan_kernel(hb_device *device, const hb_scan *scan, size_t counters,
                              hb_prepared **out, hb_error *error) {
    *out = NULL;
    if (!device->lanes) return HEBB_OK;
    hb_prepared *body = hb_cl_prepared_make(scan->steps, scan->n_steps, true, error);
    hb_prepared *whole = hb_cl_prepared_make(scan->steps, 0, true, error);
    hebb_status status = body == NULL || whole == NULL ? HEBB_E_MEMORY : HEBB_OK;
    if (status == HEBB_OK) status = hb_cl_add_launches(device, body, error);
    const bool suited = status == HEBB_OK && suits(scan, body);
    if (suited) status = make_whole(device, scan, body, counters, whole, error);
    hb_cl_release(device, body);
    if (suited && status == HEBB_OK) *out = whole;
    else hb_cl_release(device, whole);
    return status;
}
