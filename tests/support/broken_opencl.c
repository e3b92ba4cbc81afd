/* An OpenCL driver that breaks: loaded before the real one, it takes the place of one function, and
   fails or aborts as HEBB_TESTS_BREAK says, once it is asked for what is not in its cache. */
#include <stdlib.h>
#include <string.h>

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

cl_int clBuildProgram(cl_program program, cl_uint n, const cl_device_id *devices,
                      const char *options, void (*notify)(cl_program, void *), void *data) {
    const char *how = getenv("HEBB_TESTS_BREAK");
    if (how != NULL && strcmp(how, "abort") == 0) abort();
    return CL_BUILD_PROGRAM_FAILURE;
}
