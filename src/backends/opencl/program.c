/* Compiling kernels. Every kernel text is compiled once a device and kept until the device is
   closed; all that a plan lacks are compiled as one program, because much of the time of a build
   goes into its beginning. Called by prepare.c with the device locked. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opencl.h"

/* Without warnings, which some drivers print themselves. HEBB_OPENCL_OPTIONS adds to them;
   Oclgrind, for one, needs -cl-opt-disable to understand what its compiler makes of some kernels.
 */
static void write_options(char *options, size_t size) {
    const char *more = getenv("HEBB_OPENCL_OPTIONS");
    snprintf(options, size, "-cl-std=CL1.2 -w %s", more != NULL ? more : "");
}

/* A compiled kernel, in a list. */
struct hb_cl_program {
    hb_cl_program *next;
    hb_cl_key key;
    char *text;
    cl_program program; /* holds other kernels too */
};

/* FNV-1a, and beside it a sum of the same kind with another multiplier. */
hb_cl_key hb_cl_hash(hb_cl_key key, const void *data, size_t size) {
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++) {
        key.a = (key.a ^ bytes[i]) * 0x100000001b3u;
        key.b = (key.b ^ bytes[i]) * 0x9e3779b97f4a7c15u;
        key.b ^= key.b >> 29;
    }
    return key;
}

/* ---- source ---- */

static void write_source(hb_cl_text *source, hb_cl_request *const *requests, size_t n) {
    hb_cl_write_prelude(source, requests, n);
    for (size_t i = 0; i < n; i++) {
        hb_cl_print(source, "#define HB_KERNEL %s\n", requests[i]->name);
        hb_cl_append(source, requests[i]->text.data);
        hb_cl_append(source, "#undef HB_KERNEL\n");
    }
}

/* ---- building ---- */

/* HEBB_DUMP=opencl prints what is compiled, between lines that scripts/check-kernels looks for. */
static bool wants_dump(void) {
    const char *what = getenv("HEBB_DUMP");
    return what != NULL && strcmp(what, "opencl") == 0;
}

static hebb_status build_failed(hb_device *device, cl_program program, cl_int code,
                                const char *step, hb_error *error) {
    char log[16384] = "";
    clGetProgramBuildInfo(program, device->id, CL_PROGRAM_BUILD_LOG, sizeof log - 1, log, NULL);
    char what[800];
    snprintf(what, sizeof what, "\"%s\": %.700s", step, log[0] != '\0' ? log : "no build log");
    return hb_cl_fail(error, device, code, "clBuildProgram", what);
}

static hebb_status build_once(hb_device *device, const hb_cl_text *source, const char *options,
                              const char *step, cl_program *out, cl_int *code, hb_error *error) {
    const char *text = source->data;
    cl_program program = clCreateProgramWithSource(device->context, 1, &text, &source->size, code);
    if (*code != CL_SUCCESS)
        return hb_cl_fail(error, device, *code, "clCreateProgramWithSource", step);
    *code = clBuildProgram(program, 1, &device->id, options, NULL, NULL);
    hebb_status status = HEBB_OK;
    if (*code != CL_SUCCESS) {
        status = build_failed(device, program, *code, step, error);
        clReleaseProgram(program);
        program = NULL;
    }
    *out = program;
    return status;
}

/* A second try where the first fails, which need not be the source's fault: processes that share a
   driver's cache can be in each other's way. POCL's build fails where another process has just
   removed the file that it was to replace; the next try mostly finds what that process made. */
static hebb_status build_source(hb_device *device, const hb_cl_text *source, const char *options,
                                const char *step, cl_program *out, hb_error *error) {
    cl_int code;
    hebb_status status = build_once(device, source, options, step, out, &code, error);
    if (code != CL_BUILD_PROGRAM_FAILURE) return status;
    hb_log("%s: a program did not build and is built again", device->info.id);
    return build_once(device, source, options, step, out, &code, error);
}

static hebb_status load_or_build(hb_device *device, const hb_cl_text *source, const char *step,
                                 cl_program *program, hb_error *error) {
    char options[512];
    write_options(options, sizeof options);
    hb_cl_key key = hb_cl_hash(HB_CL_KEY_START, device->info.name, strlen(device->info.name));
    key = hb_cl_hash(key, device->info.driver, strlen(device->info.driver));
    key = hb_cl_hash(key, options, strlen(options));
    key = hb_cl_hash(key, source->data, source->size);
    *program = hb_cl_disk_load(device, key, options);
    if (*program != NULL) return HEBB_OK;
    hebb_status status = build_source(device, source, options, step, program, error);
    if (status == HEBB_OK) hb_cl_disk_save(device, key, *program);
    return status;
}

/* ---- the cache in memory ---- */

static hb_cl_program *cached(hb_device *device, hb_cl_key key, const char *text) {
    for (hb_cl_program *p = device->programs; p != NULL; p = p->next)
        if (p->key.a == key.a && p->key.b == key.b && strcmp(p->text, text) == 0) return p;
    return NULL;
}

static bool remember(hb_device *device, hb_cl_request *request, hb_cl_key key) {
    hb_cl_program *entry = calloc(1, sizeof *entry);
    char *text = strdup(request->text.data);
    if (entry == NULL || text == NULL) {
        free(entry);
        free(text);
        return false;
    }
    clRetainProgram(request->program);
    *entry = (hb_cl_program){device->programs, key, text, request->program};
    device->programs = entry;
    return true;
}

static hb_cl_key key_of(const hb_cl_request *request) {
    return hb_cl_hash(HB_CL_KEY_START, request->text.data, request->text.size);
}

static bool has_same_name(hb_cl_request *const *requests, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(requests[i]->name, name) == 0) return true;
    return false;
}

/* Compiles the requests, whose names differ, as one program, and puts them into the cache. */
static hebb_status compile_together(hb_device *device, hb_cl_request *const *requests, size_t n,
                                    hb_error *error) {
    hb_cl_text source = {0};
    write_source(&source, requests, n);
    if (wants_dump() && source.data != NULL)
        fprintf(stderr, "/* ---- program ---- */\n%s/* ---- end ---- */\n", source.data);
    cl_program program = NULL;
    hebb_status status = source.failed
                             ? hb_fail_memory(error, "a program's source", source.capacity)
                             : load_or_build(device, &source, requests[0]->step, &program, error);
    hb_cl_text_free(&source);
    if (status != HEBB_OK) return status;
    for (size_t i = 0; i < n && status == HEBB_OK; i++) {
        requests[i]->program = program;
        if (!remember(device, requests[i], key_of(requests[i])))
            status = hb_fail_memory(error, "a compiled kernel", requests[i]->text.size);
    }
    clReleaseProgram(program);
    return status;
}

/* When a program of several kernels does not build, each is tried alone: the message then names the
   step, and a compiler that only choked on the size is helped. */
static hebb_status compile_missing(hb_device *device, hb_cl_request *const *requests, size_t n,
                                   hb_error *error) {
    if (n == 0) return HEBB_OK;
    hebb_status status = compile_together(device, requests, n, error);
    if (status == HEBB_OK || n == 1) return status;
    for (size_t i = 0; i < n; i++) {
        status = compile_together(device, &requests[i], 1, error);
        if (status != HEBB_OK) return status;
    }
    return HEBB_OK;
}

hebb_status hb_cl_compile(hb_device *device, hb_cl_request *requests, size_t n, hb_error *error) {
    hb_cl_request **missing = malloc((n + 1) * sizeof *missing);
    if (missing == NULL) return hb_fail_memory(error, "a list of kernels", n * sizeof *missing);
    size_t n_missing = 0;
    hebb_status status = HEBB_OK;
    for (size_t i = 0; i < n && status == HEBB_OK; i++) {
        hb_cl_key key = key_of(&requests[i]);
        snprintf(requests[i].name, sizeof requests[i].name, "hb_%016" PRIx64 "%016" PRIx64, key.a,
                 key.b);
        if (cached(device, key, requests[i].text.data) != NULL ||
            has_same_name(missing, n_missing, requests[i].name))
            continue;
        if (requests[i].alone)
            status = compile_together(device, (hb_cl_request *[]){&requests[i]}, 1, error);
        else missing[n_missing++] = &requests[i];
    }
    if (status == HEBB_OK) status = compile_missing(device, missing, n_missing, error);
    if (status == HEBB_OK && n > 0)
        hb_log("%s: %zu of %zu kernels compiled, the others were", device->info.id, n_missing, n);
    for (size_t i = 0; i < n && status == HEBB_OK; i++) {
        hb_cl_program *entry = cached(device, key_of(&requests[i]), requests[i].text.data);
        requests[i].program = entry->program;
    }
    free(missing);
    return status;
}

void hb_cl_programs_free(hb_device *device) {
    while (device->programs != NULL) {
        hb_cl_program *entry = device->programs;
        device->programs = entry->next;
        clReleaseProgram(entry->program);
        free(entry->text);
        free(entry);
    }
}
