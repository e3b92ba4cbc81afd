/* Devices: the plain C backend, and whatever OpenCL offers. */
#ifndef HEBB_DEVICE_H
#define HEBB_DEVICE_H

#include <hebb/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hebb_device hebb_device;

/* A device that exists, opened or not. */
typedef struct hebb_device_info {
    char id[32];      /* what hebb_device_open() takes: "cpu", "opencl:0", ... */
    char name[128];   /* the driver's name for it */
    char driver[128]; /* platform and driver version */
    size_t memory;    /* bytes */
    int units;        /* cores or compute units */
    bool f64;         /* computes in float64 */
    bool gpu;         /* calls itself a GPU */
} hebb_device_info;

/* Number of devices, the CPU backend first, then OpenCL devices over all platforms. */
HEBB_API int hebb_device_count(void);
/* HEBB_E_ARGUMENT if index is not in 0...hebb_device_count() - 1. */
HEBB_API hebb_status hebb_device_describe(int index, hebb_device_info *info);

/* Opens "cpu", "opencl" (the first OpenCL device), "opencl:1" (by index over all platforms), a part
   of a device's name or driver such as "radeon", or "auto": a GPU if there is one, else the CPU
   backend. The case of letters does not matter. NULL means "auto". Never falls back to another
   device than the one asked for. Always returns an object, to be closed with hebb_device_close();
   if the device could not be opened, hebb_failed() says so and hebb_message() lists the devices
   there are. */
HEBB_API hebb_device *hebb_device_open(const char *which);

/* Closes the device once its sessions are destroyed. NULL is ignored. */
HEBB_API void hebb_device_close(hebb_device *device);

/* HEBB_E_NULL for NULL, else whether opening succeeded. */
HEBB_API hebb_status hebb_device_status(const hebb_device *device);
HEBB_API const char *hebb_device_message(const hebb_device *device);
/* What the opened device is; zeros for a failed one. */
HEBB_API hebb_device_info hebb_device_get_info(const hebb_device *device);

/* Threads of the CPU backend: 0 asks for one a core (the default; OMP_NUM_THREADS is respected).
   Results do not depend on it. HEBB_E_UNSUPPORTED on another backend. */
HEBB_API hebb_status hebb_device_set_threads(hebb_device *device, int threads);

#ifdef __cplusplus
}
#endif
#endif
