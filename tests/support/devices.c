/* The devices that tests run on: see devices.h. */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "devices.h"

hebb_device *cpu_device(void) {
    hebb_device *device = hebb_device_open("cpu");
    cr_assert_not(hebb_failed(device), "%s", hebb_message(device));
    return device;
}

static bool any_opencl(void) {
    for (int i = 0; i < hebb_device_count(); i++) {
        hebb_device_info info;
        if (hebb_device_describe(i, &info) == HEBB_OK && strncmp(info.id, "opencl", 6) == 0)
            return true;
    }
    return false;
}

hebb_device *opencl_device(void) {
    if (!any_opencl()) {
        printf("skipped: no OpenCL device in this build or on this machine\n");
        cr_skip_test("no OpenCL device");
    }
    hebb_device *device = hebb_device_open("opencl");
    cr_assert_not(hebb_failed(device), "%s", hebb_message(device));
    return device;
}

hebb_device *device_named(const char *name) {
    return strcmp(name, "cpu") == 0 ? cpu_device() : opencl_device();
}

hebb_device *kept_device(const char *name) {
    static hebb_device *kept[2];
    hebb_device **device = &kept[strcmp(name, "cpu") == 0];
    if (*device == NULL) *device = device_named(name);
    return *device;
}
