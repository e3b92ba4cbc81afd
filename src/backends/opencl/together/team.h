/* Launches that one kernel does, all those of a scan (scan_kernel.c), so that a driver starts one
   instead of many, which costs it more than such launches take. The kernel's work-groups are a
   team: they take the launches' work as tasks, by number; a launch is a phase, whose tasks begin
   when all tasks of earlier phases are done. What a task computes does not depend on who does it.

   Any number of groups may run at a time, also one after the other: who waits does so for tasks
   that groups have which run. On GPUs a task is a work-group (or several) of the launch, done by a
   group of HB_CL_TEAM_GROUP items; on CPUs an item, done by a group of one. */
#ifndef HB_OPENCL_TEAM_H
#define HB_OPENCL_TEAM_H

#include "../opencl.h"

enum { HB_CL_TEAM_GROUP = 256 };

/* Whether kernels on this device can see what other work-groups have written while they run. */
bool hb_cl_team_device(const hb_device *device);
/* Whether a launch can be a phase there. */
bool hb_cl_team_can(const hb_device *device, const hb_cl_launch *launch);
int64_t hb_cl_team_tasks(const hb_device *device, const hb_cl_launch *launch);

/* The kernel's text: its beginning, phases in order, its end. Buffer number n is passed as m<n>, by
   the pointer that begins with `pointers`. */
void hb_cl_team_begin(const hb_device *device, hb_cl_kernel *kernel);
void hb_cl_team_phase(const hb_device *device, hb_cl_kernel *kernel, const hb_cl_launch *launch,
                      const char *pointers);
void hb_cl_team_end(hb_cl_kernel *kernel);
/* How many work-groups. */
void hb_cl_team_range(const hb_device *device, hb_cl_launch *launch);

#endif
