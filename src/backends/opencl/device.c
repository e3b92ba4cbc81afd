/* Opening and closing a device, its limits, and OpenCL's error codes in words. */
#include <stdlib.h>
#include <string.h>

#include "opencl.h"

static const char *code_name(cl_int code) {
    static const char *const first[] = {
        "CL_SUCCESS",
        "CL_DEVICE_NOT_FOUND",
        "CL_DEVICE_NOT_AVAILABLE",
        "CL_COMPILER_NOT_AVAILABLE",
        "CL_MEM_OBJECT_ALLOCATION_FAILURE",
        "CL_OUT_OF_RESOURCES",
        "CL_OUT_OF_HOST_MEMORY",
        "CL_PROFILING_INFO_NOT_AVAILABLE",
        "CL_MEM_COPY_OVERLAP",
        "CL_IMAGE_FORMAT_MISMATCH",
        "CL_IMAGE_FORMAT_NOT_SUPPORTED",
        "CL_BUILD_PROGRAM_FAILURE",
        "CL_MAP_FAILURE",
        "CL_MISALIGNED_SUB_BUFFER_OFFSET",
        "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST",
        "CL_COMPILE_PROGRAM_FAILURE",
        "CL_LINKER_NOT_AVAILABLE",
        "CL_LINK_PROGRAM_FAILURE",
    };
    static const char *const invalid[] = {
        "CL_INVALID_VALUE",           "CL_INVALID_DEVICE_TYPE",
        "CL_INVALID_PLATFORM",        "CL_INVALID_DEVICE",
        "CL_INVALID_CONTEXT",         "CL_INVALID_QUEUE_PROPERTIES",
        "CL_INVALID_COMMAND_QUEUE",   "CL_INVALID_HOST_PTR",
        "CL_INVALID_MEM_OBJECT",      "CL_INVALID_IMAGE_FORMAT_DESCRIPTOR",
        "CL_INVALID_IMAGE_SIZE",      "CL_INVALID_SAMPLER",
        "CL_INVALID_BINARY",          "CL_INVALID_BUILD_OPTIONS",
        "CL_INVALID_PROGRAM",         "CL_INVALID_PROGRAM_EXECUTABLE",
        "CL_INVALID_KERNEL_NAME",     "CL_INVALID_KERNEL_DEFINITION",
        "CL_INVALID_KERNEL",          "CL_INVALID_ARG_INDEX",
        "CL_INVALID_ARG_VALUE",       "CL_INVALID_ARG_SIZE",
        "CL_INVALID_KERNEL_ARGS",     "CL_INVALID_WORK_DIMENSION",
        "CL_INVALID_WORK_GROUP_SIZE", "CL_INVALID_WORK_ITEM_SIZE",
        "CL_INVALID_GLOBAL_OFFSET",   "CL_INVALID_EVENT_WAIT_LIST",
        "CL_INVALID_EVENT",           "CL_INVALID_OPERATION",
        "CL_INVALID_GL_OBJECT",       "CL_INVALID_BUFFER_SIZE",
        "CL_INVALID_MIP_LEVEL",       "CL_INVALID_GLOBAL_WORK_SIZE",
    };
    int at = -code;
    if (at >= 0 && at < (int)(sizeof first / sizeof *first)) return first[at];
    at -= 30;
    if (at >= 0 && at < (int)(sizeof invalid / sizeof *invalid)) return invalid[at];
    return "unknown code";
}

hebb_status hb_cl_fail(hb_error *error, const hb_device *device, cl_int code, const char *function,
                       const char *what) {
    bool memory = code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_HOST_MEMORY ||
                  code == CL_INVALID_BUFFER_SIZE;
    return hb_fail(error, memory ? HEBB_E_MEMORY : HEBB_E_DEVICE, "%s on \"%s\" (%s): %s (%d)%s%s",
                   function, device->info.name, device->info.id, code_name(code), code,
                   what != NULL ? " in " : "", what != NULL ? what : "");
}

bool hb_cl_has_f64(cl_device_id id) {
    cl_device_fp_config config = 0;
    clGetDeviceInfo(id, CL_DEVICE_DOUBLE_FP_CONFIG, sizeof config, &config, NULL);
    return config != 0;
}

bool hb_cl_has_dtype(hb_device *device, hebb_dtype dtype) {
    return (unsigned)dtype < HEBB_DTYPES && (dtype != HEBB_F64 || device->info.f64);
}

static bool contains(const char *text, const char *part) { return strstr(text, part) != NULL; }

/* HEBB_OPENCL_KERNELS=cpu or =gpu chooses the form of kernels, so that tests can run either form on
   any device. Without it, a device is a CPU if it says so and does not also claim to be a GPU. */
static bool wants_lanes(cl_device_id id) {
    const char *forced = getenv("HEBB_OPENCL_KERNELS");
    if (forced != NULL && strcmp(forced, "cpu") == 0) return true;
    if (forced != NULL && strcmp(forced, "gpu") == 0) return false;
    cl_device_type type = 0;
    clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    return (type & CL_DEVICE_TYPE_CPU) != 0 && (type & CL_DEVICE_TYPE_GPU) == 0;
}

/* HEBB_OPENCL_PIECE makes it less, in bytes, so that tests need not fill a device. */
static void limit_allocation(hb_device *device) {
    const char *piece = getenv("HEBB_OPENCL_PIECE");
    const unsigned long long bytes = piece != NULL ? strtoull(piece, NULL, 10) : 0;
    if (bytes > 0 && bytes < device->max_allocation) device->max_allocation = bytes;
}

/* cl_nv_device_attribute_query; other devices do not know what is asked. */
static void read_compute_capability(hb_device *device) {
    enum { MAJOR_NV = 0x4000, MINOR_NV = 0x4001 };
    cl_uint major = 0, minor = 0;
    if (!contains(device->info.driver, "NVIDIA") ||
        clGetDeviceInfo(device->id, MAJOR_NV, sizeof major, &major, NULL) != CL_SUCCESS ||
        clGetDeviceInfo(device->id, MINOR_NV, sizeof minor, &minor, NULL) != CL_SUCCESS)
        return;
    device->compute_capability = 10 * (int)major + (int)minor;
}

static void read_limits(hb_device *device) {
    size_t sizes[8] = {0}, group = 0;
    clGetDeviceInfo(device->id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof group, &group, NULL);
    clGetDeviceInfo(device->id, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof sizes, sizes, NULL);
    if (sizes[0] > 0 && sizes[0] < group) group = sizes[0];
    device->max_group = group > 0 ? group : 1;
    device->max_parameters = 1024; /* the least that OpenCL 1.2 allows */
    clGetDeviceInfo(device->id, CL_DEVICE_MAX_PARAMETER_SIZE, sizeof device->max_parameters,
                    &device->max_parameters, NULL);
    clGetDeviceInfo(device->id, CL_DEVICE_LOCAL_MEM_SIZE, sizeof device->local_bytes,
                    &device->local_bytes, NULL);
    clGetDeviceInfo(device->id, CL_DEVICE_MAX_MEM_ALLOC_SIZE, sizeof device->max_allocation,
                    &device->max_allocation, NULL);
    limit_allocation(device);
    device->lanes = wants_lanes(device->id);
    read_compute_capability(device);
    device->caches_kernels = contains(device->info.driver, "Portable Computing Language") ||
                             contains(device->info.driver, "NVIDIA");
}

/* A driver that cannot compile is of no use here. */
static hebb_status check_usable(hb_device *device, hb_error *error) {
    cl_bool available = CL_FALSE, compiler = CL_FALSE;
    clGetDeviceInfo(device->id, CL_DEVICE_AVAILABLE, sizeof available, &available, NULL);
    clGetDeviceInfo(device->id, CL_DEVICE_COMPILER_AVAILABLE, sizeof compiler, &compiler, NULL);
    if (available && compiler) return HEBB_OK;
    return hb_fail(error, HEBB_E_DEVICE, "\"%s\" (%s) %s", device->info.name, device->info.id,
                   available ? "has no compiler" : "is not available");
}

hebb_status hb_cl_open(int index, hb_device **out, hb_error *error) {
    *out = NULL;
    cl_platform_id platform;
    cl_device_id id;
    if (!hb_cl_find(index, &platform, &id))
        return hb_fail(error, HEBB_E_DEVICE, "no OpenCL device %d: there are %d", index,
                       hb_cl_count());
    hb_device *device = calloc(1, sizeof *device);
    if (device == NULL) return hb_fail_memory(error, "a device", sizeof *device);
    device->id = id;
    pthread_mutex_init(&device->lock, NULL);
    hb_cl_read_info(index, platform, id, &device->info);
    read_limits(device);
    hebb_status status = check_usable(device, error);
    cl_int code = CL_SUCCESS;
    if (status == HEBB_OK) {
        cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)platform,
                                              0};
        device->context = clCreateContext(properties, 1, &id, NULL, NULL, &code);
        if (code != CL_SUCCESS) status = hb_cl_fail(error, device, code, "clCreateContext", NULL);
    }
    if (status == HEBB_OK) {
        device->queue = clCreateCommandQueue(device->context, id, 0, &code);
        if (code != CL_SUCCESS)
            status = hb_cl_fail(error, device, code, "clCreateCommandQueue", NULL);
    }
    if (status != HEBB_OK) {
        hb_cl_close(device);
        return status;
    }
    hb_log("%s is \"%s\" (%s), %d units, %zu MiB, %s kernels", device->info.id, device->info.name,
           device->info.driver, device->info.units, device->info.memory >> 20,
           device->lanes ? "cpu" : "gpu");
    *out = device;
    return HEBB_OK;
}

void hb_cl_close(hb_device *device) {
    if (device == NULL) return;
    hb_cl_tuned_free(device);
    hb_cl_programs_free(device);
    if (device->clblast_temp != NULL) clReleaseMemObject(device->clblast_temp);
    if (device->queue != NULL) hb_cl_stages_free(device);
    if (device->queue != NULL) clReleaseCommandQueue(device->queue);
    if (device->context != NULL) clReleaseContext(device->context);
    pthread_mutex_destroy(&device->lock);
    free(device);
}
