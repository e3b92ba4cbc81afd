/* Finds CLBlast's functions at run time; see clblast.h. */
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "clblast.h"
#include "../../../base/error.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static hb_cl_clblast library;
static bool found;

/* Whether the library has the function; ISO C has no conversion from objects to functions. */
static bool find(void *handle, const char *name, void *function, size_t size) {
    void *address = dlsym(handle, name);
    memcpy(function, &address, size);
    return address != NULL;
}

static void load(void) {
    void *handle = dlopen(HB_CLBLAST_LIBRARY, RTLD_NOW | RTLD_LOCAL); /* until the process ends */
    if (handle == NULL) {
        hb_log("%s is not used: %s", HB_CLBLAST_LIBRARY, dlerror());
        return;
    }
#define FIND(name, field) find(handle, name, &library.field, sizeof library.field)
    found = FIND("CLBlastSGemmTempBufferSize", s_temp_bytes) &&
            FIND("CLBlastDGemmTempBufferSize", d_temp_bytes) &&
            FIND("CLBlastSgemmWithTempBuffer", sgemm) &&
            FIND("CLBlastDgemmWithTempBuffer", dgemm) &&
            FIND("CLBlastSgemmStridedBatched", sgemm_strided) &&
            FIND("CLBlastDgemmStridedBatched", dgemm_strided);
#undef FIND
    if (!found) hb_log("%s is not used: it lacks a function", HB_CLBLAST_LIBRARY);
}

const hb_cl_clblast *hb_cl_clblast_load(void) {
    pthread_once(&once, load);
    return found ? &library : NULL;
}
