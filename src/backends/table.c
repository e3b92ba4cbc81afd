/* The backends of this build, in the order in which devices are listed. */
#include "backend.h"

extern const hb_backend hb_cpu_backend;
#ifdef HEBB_HAVE_OPENCL
extern const hb_backend hb_opencl_backend;
#endif

const hb_backend *const hb_backends[] = {
    &hb_cpu_backend,
#ifdef HEBB_HAVE_OPENCL
    &hb_opencl_backend,
#endif
    NULL,
};
