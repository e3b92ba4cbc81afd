/* The table by which the executor knows this backend, and which devices there are: those of all
   platforms, in the order in which the loader and the drivers list them. */
#include <stdio.h>
#include <string.h>

#include "together/side.h"

#define MAX_PLATFORMS 32
#define MAX_DEVICES   64

/* No platform (the loader says -1001) is as good as none installed. */
static cl_uint list_platforms(cl_platform_id *platforms) {
    cl_uint n = 0;
    if (clGetPlatformIDs(MAX_PLATFORMS, platforms, &n) != CL_SUCCESS) return 0;
    return n < MAX_PLATFORMS ? n : MAX_PLATFORMS;
}

static cl_uint list_devices(cl_platform_id platform, cl_device_id *devices) {
    cl_uint n = 0;
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, MAX_DEVICES, devices, &n) != CL_SUCCESS)
        return 0;
    return n < MAX_DEVICES ? n : MAX_DEVICES;
}

bool hb_cl_find(int index, cl_platform_id *platform, cl_device_id *id) {
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_device_id devices[MAX_DEVICES];
    cl_uint n_platforms = list_platforms(platforms);
    for (cl_uint p = 0; p < n_platforms && index >= 0; p++) {
        int n = (int)list_devices(platforms[p], devices);
        if (index < n) {
            *platform = platforms[p];
            *id = devices[index];
            return true;
        }
        index -= n;
    }
    return false;
}

int hb_cl_count(void) {
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_device_id devices[MAX_DEVICES];
    cl_uint n_platforms = list_platforms(platforms), n = 0;
    for (cl_uint p = 0; p < n_platforms; p++) n += list_devices(platforms[p], devices);
    return (int)n;
}

/* Drivers pad names with blanks; a name that does not fit is cut. */
static void device_text(cl_device_id id, cl_device_info what, char *text, size_t size) {
    char full[1024] = "";
    clGetDeviceInfo(id, what, sizeof full - 1, full, NULL);
    const char *from = full + strspn(full, " ");
    size_t length = strlen(from);
    while (length > 0 && from[length - 1] == ' ') length--;
    snprintf(text, size, "%.*s", (int)length, from);
}

void hb_cl_read_info(int index, cl_platform_id platform, cl_device_id id, hebb_device_info *info) {
    memset(info, 0, sizeof *info);
    snprintf(info->id, sizeof info->id, "opencl:%d", index);
    device_text(id, CL_DEVICE_NAME, info->name, sizeof info->name);
    char name[512] = "", version[64];
    clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof name - 1, name, NULL);
    device_text(id, CL_DRIVER_VERSION, version, sizeof version);
    snprintf(info->driver, sizeof info->driver, "%.60s %s", name, version);
    cl_ulong bytes = 0;
    clGetDeviceInfo(id, CL_DEVICE_GLOBAL_MEM_SIZE, sizeof bytes, &bytes, NULL);
    info->memory = (size_t)bytes;
    cl_uint units = 0;
    clGetDeviceInfo(id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL);
    info->units = (int)units;
    info->f64 = hb_cl_has_f64(id);
    cl_device_type type = 0;
    clGetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    /* A simulator calls itself everything; nobody wants it by default. */
    info->gpu = (type & CL_DEVICE_TYPE_GPU) != 0 && (type & CL_DEVICE_TYPE_CPU) == 0;
}

static hebb_status describe(int index, hebb_device_info *info, hb_error *error) {
    cl_platform_id platform;
    cl_device_id id;
    if (!hb_cl_find(index, &platform, &id))
        return hb_fail(error, HEBB_E_ARGUMENT, "no OpenCL device %d: there are %d", index,
                       hb_cl_count());
    hb_cl_read_info(index, platform, id, info);
    return HEBB_OK;
}

extern const hb_backend hb_opencl_backend;
const hb_backend hb_opencl_backend = {
    .name = "opencl",
    .count = hb_cl_count,
    .describe = describe,
    .open = hb_cl_open,
    .close = hb_cl_close,
    .has_dtype = hb_cl_has_dtype,
    .buffer_create = hb_cl_buffer_create,
    .buffer_destroy = hb_cl_buffer_destroy,
    .piece = hb_cl_piece,
    .arena_create = hb_cl_arena_create,
    .spreads = hb_cl_wants_side,
    .write = hb_cl_write,
    .read = hb_cl_read,
    .scratch = hb_cl_scratch,
    .prepare = hb_cl_prepare,
    .release = hb_cl_release,
    .run = hb_cl_run,
    .finish = hb_cl_finish,
    .solver = hb_cl_solver,
};
