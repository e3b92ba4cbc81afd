/* Buffers and copies between them and the host. */
#include <stdlib.h>

#include "opencl.h"

hebb_status hb_cl_buffer_create(hb_device *device, size_t bytes, hb_buffer **out, hb_error *error) {
    *out = NULL;
    if (bytes > device->max_allocation)
        return hb_fail(error, HEBB_E_MEMORY,
                       "a buffer of %zu bytes is more than \"%s\" (%s) gives in one piece: %llu",
                       bytes, device->info.name, device->info.id,
                       (unsigned long long)device->max_allocation);
    hb_buffer *buffer = calloc(1, sizeof *buffer);
    if (buffer == NULL) return hb_fail_memory(error, "a buffer's record", sizeof *buffer);
    /* OpenCL has no empty buffers, and kernels want something to point at. */
    cl_int code;
    buffer->memory =
        clCreateBuffer(device->context, CL_MEM_READ_WRITE, bytes > 0 ? bytes : 64, NULL, &code);
    buffer->bytes = bytes;
    if (code != CL_SUCCESS) {
        free(buffer);
        /* Here a lack of resources can only be a lack of memory. */
        if (code == CL_OUT_OF_RESOURCES) code = CL_MEM_OBJECT_ALLOCATION_FAILURE;
        return hb_cl_fail(error, device, code, "clCreateBuffer", NULL);
    }
    pthread_mutex_lock(&device->lock);
    buffer->id = ++device->n_buffers;
    pthread_mutex_unlock(&device->lock);
    *out = buffer;
    return HEBB_OK;
}

void hb_cl_buffer_destroy(hb_device *device, hb_buffer *buffer) {
    if (buffer == NULL) return;
    clReleaseMemObject(buffer->memory);
    free(buffer);
}

static bool in_bounds(const hb_buffer *buffer, size_t offset, size_t bytes) {
    return offset <= buffer->bytes && bytes <= buffer->bytes - offset;
}

/* Waits outside the lock, so that other sessions can go on meanwhile. */
static hebb_status wait_for(hb_device *device, cl_event event, const char *what, hb_error *error) {
    cl_int code = clWaitForEvents(1, &event);
    clReleaseEvent(event);
    return code == CL_SUCCESS ? HEBB_OK : hb_cl_fail(error, device, code, "clWaitForEvents", what);
}

hebb_status hb_cl_write(hb_device *device, hb_buffer *buffer, size_t offset, const void *from,
                        size_t bytes, hb_error *error) {
    if (!in_bounds(buffer, offset, bytes))
        return hb_fail(error, HEBB_E_ARGUMENT, "a write past the end of a buffer");
    if (bytes == 0) return HEBB_OK;
    cl_event event;
    pthread_mutex_lock(&device->lock);
    cl_int code = clEnqueueWriteBuffer(device->queue, buffer->memory, CL_FALSE, offset, bytes, from,
                                       0, NULL, &event);
    if (code == CL_SUCCESS) clFlush(device->queue);
    pthread_mutex_unlock(&device->lock);
    if (code != CL_SUCCESS) return hb_cl_fail(error, device, code, "clEnqueueWriteBuffer", NULL);
    return wait_for(device, event, "a write", error);
}

hebb_status hb_cl_read(hb_device *device, hb_buffer *buffer, size_t offset, void *to, size_t bytes,
                       hb_error *error) {
    if (!in_bounds(buffer, offset, bytes))
        return hb_fail(error, HEBB_E_ARGUMENT, "a read past the end of a buffer");
    if (bytes == 0) return HEBB_OK;
    cl_event event;
    pthread_mutex_lock(&device->lock);
    cl_int code = clEnqueueReadBuffer(device->queue, buffer->memory, CL_FALSE, offset, bytes, to, 0,
                                      NULL, &event);
    if (code == CL_SUCCESS) clFlush(device->queue);
    pthread_mutex_unlock(&device->lock);
    if (code != CL_SUCCESS) return hb_cl_fail(error, device, code, "clEnqueueReadBuffer", NULL);
    return wait_for(device, event, "a read", error);
}
