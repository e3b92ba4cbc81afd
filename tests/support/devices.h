/* The devices that tests run on. */
#ifndef TESTS_DEVICES_H
#define TESTS_DEVICES_H

#include <hebb/hebb.h>

/* The plain C backend; stops the test if it does not open. */
hebb_device *cpu_device(void);
/* The first OpenCL device; skips the test, with a printed reason, where there is none. */
hebb_device *opencl_device(void);
/* "cpu" or "opencl". */
hebb_device *device_named(const char *name);

/* The same, opened once a process and open until its end: a driver that compiles begins anew with
   every device. Not to be closed. */
hebb_device *kept_device(const char *name);

#endif
