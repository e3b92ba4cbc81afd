/* An OpenCL driver whose devices call themselves GPUs: loaded before the real one, for tests of
   what is chosen where there is one. */
#define _GNU_SOURCE
#include <dlfcn.h>

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

cl_int clGetDeviceInfo(cl_device_id device, cl_device_info what, size_t size, void *value,
                       size_t *needed) {
    cl_int (*real)(cl_device_id, cl_device_info, size_t, void *, size_t *) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "clGetDeviceInfo");
    cl_int code = real(device, what, size, value, needed);
    if (code == CL_SUCCESS && what == CL_DEVICE_TYPE && value != NULL)
        *(cl_device_type *)value = CL_DEVICE_TYPE_GPU;
    return code;
}
