/* Builds a kernel on the first OpenCL device and ends with 0 if that worked. scripts/pocl-headers
   and scripts/pocl-library try with it whether POCL takes what they made. */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <stddef.h>

int main(void) {
    const char *text = "kernel void one(global float *x) { x[get_global_id(0)] = 1; }";
    cl_platform_id platform;
    cl_device_id device;
    if (clGetPlatformIDs(1, &platform, NULL) != CL_SUCCESS ||
        clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL) != CL_SUCCESS)
        return 1;
    cl_context context = clCreateContext(NULL, 1, &device, NULL, NULL, NULL);
    if (context == NULL) return 1;
    cl_program program = clCreateProgramWithSource(context, 1, &text, NULL, NULL);
    cl_int code = clBuildProgram(program, 1, &device, "-cl-std=CL1.2 -w", NULL, NULL);
    clReleaseProgram(program);
    clReleaseContext(context);
    return code != CL_SUCCESS;
}
