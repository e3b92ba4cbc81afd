/* Loaded before Oclgrind's driver, for its check for uninitialized values to see what happens to
   buffers; it follows what the host writes and kernels do, but
   - a released buffer's record goes over to the next one, whatever its size: none is released here;
   - a copy by a command leaves no record: here a kernel copies. */
#include <stddef.h>

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

cl_int clReleaseMemObject(cl_mem memory) {
    (void)memory;
    return CL_SUCCESS;
}

static cl_kernel make_copy(cl_command_queue queue) {
    const char *text =
        "kernel void copy(global const uchar *from, global uchar *to, ulong i, ulong j) {\n"
        "    to[j + get_global_id(0)] = from[i + get_global_id(0)];\n"
        "}\n";
    cl_context context = NULL;
    clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof context, &context, NULL);
    cl_program program = clCreateProgramWithSource(context, 1, &text, NULL, NULL);
    if (clBuildProgram(program, 0, NULL, "-cl-opt-disable", NULL, NULL) != CL_SUCCESS) return NULL;
    cl_kernel kernel = clCreateKernel(program, "copy", NULL);
    clReleaseProgram(program);
    return kernel;
}

cl_int clEnqueueCopyBuffer(cl_command_queue queue, cl_mem from, cl_mem to, size_t from_offset,
                           size_t to_offset, size_t size, cl_uint n, const cl_event *wait,
                           cl_event *event) {
    cl_kernel kernel = make_copy(queue);
    if (kernel == NULL) return CL_OUT_OF_RESOURCES;
    const cl_ulong i = from_offset, j = to_offset;
    clSetKernelArg(kernel, 0, sizeof from, &from);
    clSetKernelArg(kernel, 1, sizeof to, &to);
    clSetKernelArg(kernel, 2, sizeof i, &i);
    clSetKernelArg(kernel, 3, sizeof j, &j);
    cl_int code = clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &size, NULL, n, wait, event);
    clReleaseKernel(kernel);
    return code;
}
