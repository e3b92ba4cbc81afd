/* An OpenCL driver that breaks: loaded before the real one, it takes the place of one function.
   HEBB_TESTS_BREAK says how: "build" fails always, "once" the first time in a process, as when
   another process was in the way, and "abort" ends the process. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

cl_int clBuildProgram(cl_program program, cl_uint n, const cl_device_id *devices,
                      const char *options, void (*notify)(cl_program, void *), void *data) {
    static int calls;
    const char *how = getenv("HEBB_TESTS_BREAK");
    if (how != NULL && strcmp(how, "abort") == 0) abort();
    if (how == NULL || strcmp(how, "once") != 0 || calls++ == 0) return CL_BUILD_PROGRAM_FAILURE;
    cl_int (*real)(cl_program, cl_uint, const cl_device_id *, const char *,
                   void (*)(cl_program, void *), void *) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "clBuildProgram");
    return real(program, n, devices, options, notify, data);
}
