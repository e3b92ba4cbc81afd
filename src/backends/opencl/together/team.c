/* The kernel of a team (team.h): each launch's own kernel as a function (small_source.c), called
   for the tasks that a group has taken. Called by scan_kernel.c.

   Names in the text, besides those of small_source.c: taken, done and left, lines of `counters`, of
   tasks, and of the groups that have gone, whose last sets all to zero for the next run; end, the
   number of tasks up to the phase that is being done; task, the one that a GPU's group has. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "small.h"
#include "team.h"

enum {
    GPU_GROUPS_A_UNIT = 2, /* so many have room on an NVIDIA H200, with 128 registers an item */
    CPU_GROUPS_A_UNIT = 4, /* POCL gives half of the groups, and one more, to who asks first; and
                              some may leave */
    MOST_LOOKS = 1 << 20,  /* of a CPU at a counter: half a millisecond */
    TASKS_A_GROUP = 4,     /* of a GPU's phase, at most: tasks are several groups of the launch */
    LINE = 32,             /* between counters */
};

/* What makes a work-item's stores, and those that it has seen, visible to other groups, and theirs
   to it. OpenCL C 1.2 has no such thing: mem_fence() is for the group alone. On CPUs it orders the
   compiler, and what atomic functions order is enough. NULL: not known. */
static const char *fence_of(const hb_device *device) {
    if (!device->info.gpu) return "mem_fence(CLK_GLOBAL_MEM_FENCE)";
    if (device->compute_capability >= 70) /* NVIDIA's, whose PTX has it */
        return "asm volatile(\"fence.acq_rel.gpu;\" ::: \"memory\")";
    return NULL;
}

bool hb_cl_team_device(const hb_device *device) {
    return fence_of(device) != NULL && (device->lanes || device->max_group >= HB_CL_TEAM_GROUP);
}

/* ---- tasks ---- */

static int64_t groups_of(const hb_device *device) {
    return (device->lanes ? CPU_GROUPS_A_UNIT : GPU_GROUPS_A_UNIT) * (int64_t)device->info.units;
}

/* A launch as groups of a GPU's team. */
typedef struct extent {
    int64_t across, down, all; /* in the first two dimensions; in all of them */
    int64_t chunk;             /* one task's */
} extent;

static extent extent_of(const hb_device *device, const hb_cl_launch *launch) {
    extent e = {.across = hb_ceil_div((int64_t)launch->global[0], HB_CL_TEAM_GROUP),
                .down = (int64_t)launch->global[1]};
    e.all = e.across * e.down * (int64_t)launch->global[2];
    e.chunk = hb_ceil_div(e.all, TASKS_A_GROUP * groups_of(device));
    if (e.chunk < 1) e.chunk = 1;
    return e;
}

int64_t hb_cl_team_tasks(const hb_device *device, const hb_cl_launch *launch) {
    if (device->lanes) return (int64_t)(launch->global[0] * launch->global[1] * launch->global[2]);
    const extent e = extent_of(device, launch);
    return hb_ceil_div(e.all, e.chunk);
}

/* A kernel that asks for nothing but what hb_cl_kernel names, as users' functions may ask for more.
 */
static bool is_ours(const hb_cl_launch *launch) {
    const hb_cl_kernel *source = &launch->source;
    return launch->call == NULL && !source->alone && source->body.data != NULL &&
           strstr(source->body.data, "get_") == NULL;
}

bool hb_cl_team_can(const hb_device *device, const hb_cl_launch *launch) {
    const hb_cl_kernel *source = &launch->source;
    if (!is_ours(launch) || launch->local[1] != 1 || launch->local[2] != 1) return false;
    if (device->lanes) return launch->local[0] == 1 && source->n_locals == 0;
    return source->group == 0 || source->group == HB_CL_TEAM_GROUP;
}

/* ---- text ---- */

static void write_leave(hb_cl_kernel *kernel) {
    hb_cl_print(&kernel->functions,
                "static inline void hb_team_leave(volatile global int *counters) {\n"
                "if (atomic_inc(counters + %d) + 1 < (int)get_num_groups(0)) return;\n"
                "atomic_xchg(counters, 0);\natomic_xchg(counters + %d, 0);\n"
                "atomic_xchg(counters + %d, 0);\n}\n",
                2 * LINE, LINE, 2 * LINE);
}

/* A group's next task, after it has done one or at first; and the wait for all tasks before the
   phase. What the items have stored is made visible by the first for all of them. */
static void write_group_functions(const hb_device *device, hb_cl_kernel *kernel) {
    hb_cl_print(&kernel->functions,
                "static inline int hb_team_take(volatile global int *counters, local int *ticket, "
                "int after) {\n"
                "barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);\n"
                "if (get_local_id(0) == 0) {\n"
                "if (after) {\n%s;\natomic_inc(counters + %d);\n}\n"
                "*ticket = atomic_inc(counters);\n}\n"
                "barrier(CLK_LOCAL_MEM_FENCE);\nreturn *ticket;\n}\n"
                "static inline void hb_team_wait(volatile global int *counters, int tasks) {\n"
                "if (get_local_id(0) == 0) {\nwhile (counters[%d] < tasks) {}\n%s;\n}\n"
                "barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);\n}\n",
                fence_of(device), LINE, LINE, fence_of(device));
}

static void write_functions(const hb_device *device, hb_cl_kernel *kernel) {
    hb_cl_append(&kernel->functions, "#ifndef HB_TEAM\n#define HB_TEAM\n");
    write_leave(kernel);
    if (!device->lanes) write_group_functions(device, kernel);
    hb_cl_append(&kernel->functions, "#endif\n");
}

void hb_cl_team_begin(const hb_device *device, hb_cl_kernel *kernel) {
    write_functions(device, kernel);
    hb_cl_param_add(kernel, HB_CL_COUNTERS, "counters", 0);
    hb_cl_append(&kernel->body, "int end = 0;\n");
    if (device->lanes) {
        hb_cl_print(&kernel->body,
                    "volatile global int *const taken = counters, *const done = counters + %d;\n",
                    LINE);
        return;
    }
    kernel->group = HB_CL_TEAM_GROUP;
    hb_cl_local_array(kernel, "ticket", HEBB_I32, 1);
    hb_cl_append(&kernel->body, "int task = hb_team_take(counters, ticket, 0);\n");
}

/* On CPUs. Who has waited for long leaves, since a processor that is busy otherwise may need it for
   what is waited for; the last group with a task waits for nobody and stays. */
static void write_items(const hb_device *device, hb_cl_kernel *kernel, const hb_cl_launch *launch,
                        const char *name, const char *pointers) {
    const int64_t x = (int64_t)launch->global[0], y = (int64_t)launch->global[1];
    hb_cl_print(&kernel->body,
                "const int first = end, across = %" PRId64 ", down = %" PRId64 ";\n"
                "end += %" PRId64 ";\n",
                x, y, x * y * (int64_t)launch->global[2]);
    hb_cl_print(&kernel->body,
                "for (int task = *taken; task < end; task = *taken) {\n"
                "for (int looks = 0; *done < first; looks++)\n"
                "if (looks == %d) {\nhb_team_leave(counters);\nreturn;\n}\n"
                "if (atomic_cmpxchg(taken, task, task + 1) != task) continue;\n"
                "%s;\nconst int item = task - first;\n%s(",
                MOST_LOOKS, fence_of(device), name);
    hb_cl_write_arguments(kernel, &launch->source, pointers);
    hb_cl_print(&kernel->body,
                "item %% across, item / across %% down, item / across / down);\n"
                "%s;\natomic_inc(done);\n}\n",
                fence_of(device));
}

static void write_groups(const hb_device *device, hb_cl_kernel *kernel, const hb_cl_launch *launch,
                         const char *name, const char *pointers) {
    const extent e = extent_of(device, launch);
    hb_cl_print(&kernel->body,
                "const int first = end, across = %" PRId64 ", down = %" PRId64 ", all = %" PRId64
                ", chunk = %" PRId64 ";\n",
                e.across, e.down, e.all, e.chunk);
    hb_cl_print(&kernel->body,
                "end += (all + chunk - 1) / chunk;\n"
                "if (task < end) {\nhb_team_wait(counters, first);\ndo {\n"
                "const int begin = (task - first) * chunk, stop = min(begin + chunk, all);\n"
                "for (int g = begin; g < stop; g++) {\n%s(",
                name);
    hb_cl_write_arguments(kernel, &launch->source, pointers);
    hb_cl_print(
        &kernel->body, "g %% across, g / across %% down, g / across / down, %zu, pool);\n%s}\n",
        launch->global[0], launch->source.n_locals > 0 ? "barrier(CLK_LOCAL_MEM_FENCE);\n" : "");
    hb_cl_append(&kernel->body, "task = hb_team_take(counters, ticket, 1);\n"
                                "} while (task < end);\n}\n");
}

void hb_cl_team_phase(const hb_device *device, hb_cl_kernel *kernel, const hb_cl_launch *launch,
                      const char *pointers) {
    char name[HB_CL_MEMBER_NAME];
    if (hb_cl_team_tasks(device, launch) == 0) return;
    hb_cl_write_member(kernel, &launch->source, device->lanes ? 3 : HB_CL_BY_GROUP, name);
    hb_cl_print(&kernel->body, "%s{\n", launch->once ? "if (t == 0) " : "");
    if (device->lanes) write_items(device, kernel, launch, name, pointers);
    else write_groups(device, kernel, launch, name, pointers);
    hb_cl_append(&kernel->body, "}\n");
}

void hb_cl_team_end(hb_cl_kernel *kernel) {
    if (kernel->group > 0) {
        hb_cl_local_array(kernel, "pool", HEBB_U8, (int64_t)kernel->pool + 1);
        hb_cl_append(&kernel->body, "if (get_local_id(0) == 0) ");
    }
    hb_cl_append(&kernel->body, "hb_team_leave(counters);\n");
}

void hb_cl_team_range(const hb_device *device, hb_cl_launch *launch) {
    const size_t group = device->lanes ? 1 : HB_CL_TEAM_GROUP;
    hb_cl_range(launch, groups_of(device) * (int64_t)group, group);
}
