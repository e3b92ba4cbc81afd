/* Plans on a device: preparing steps as launches, compiling what they need, running them,
   releasing. Called by the executor through the table in opencl.c. */
#include <stdlib.h>
#include <string.h>

#include "together/group.h"
#include "together/side.h"
#include "together/small.h"

/* ---- launches ---- */

hb_cl_launch *hb_cl_launch_add(hb_prepared *prepared, const hb_step *step) {
    if (prepared->n_launches == prepared->capacity) {
        size_t capacity = 2 * prepared->capacity + 16;
        hb_cl_launch *launches = realloc(prepared->launches, capacity * sizeof *launches);
        if (launches == NULL) return NULL;
        prepared->launches = launches;
        prepared->capacity = capacity;
    }
    hb_cl_launch *launch = &prepared->launches[prepared->n_launches++];
    memset(launch, 0, sizeof *launch);
    launch->step = step;
    launch->source.sliding = prepared->sliding;
    return launch;
}

void hb_cl_range(hb_cl_launch *launch, int64_t n, size_t group) {
    launch->rank = 1;
    launch->local[0] = group;
    launch->local[1] = launch->local[2] = 1;
    launch->global[0] = hb_round_up((size_t)n, group);
    launch->global[1] = launch->global[2] = 1;
}

void hb_cl_range_rows(hb_cl_launch *launch, int64_t n, size_t group, int64_t y, int64_t z) {
    hb_cl_range(launch, n, group);
    launch->rank = 3;
    launch->global[1] = (size_t)y;
    launch->global[2] = (size_t)z;
}

void hb_cl_range_items(hb_cl_launch *launch, int64_t x, int64_t y, int64_t z) {
    launch->rank = 3;
    launch->global[0] = (size_t)x;
    launch->global[1] = (size_t)y;
    launch->global[2] = (size_t)z;
    launch->local[0] = launch->local[1] = launch->local[2] = 1;
}

/* ---- preparing ---- */

static bool uses_f64(const hb_loop *loop) {
    for (int i = 0; i < loop->n_instr; i++)
        if (loop->instr[i].dtype == HEBB_F64) return true;
    return false;
}

static bool has_f64(const hb_operand *operands, int n) {
    for (int k = 0; k < n; k++)
        if (operands[k].dtype == HEBB_F64) return true;
    return false;
}

/* Users' ops must have a text. */
static hebb_status check_users(hb_device *device, const hb_loop *loop, hb_error *error) {
    for (int i = 0; i < loop->n_instr; i++)
        if (loop->instr[i].code == HB_USER && loop->instr[i].imm.user->text == NULL)
            return hb_fail(error, HEBB_E_UNSUPPORTED, "%s: the op %s has no OpenCL text",
                           device->info.id, loop->instr[i].imm.user->name);
    return HEBB_OK;
}

static hebb_status check_dtypes(hb_device *device, const hb_step *step, hb_error *error) {
    bool f64 = (step->kind == HB_LOOP && uses_f64(&step->u.loop)) ||
               (step->kind == HB_GEMM &&
                (step->u.gemm.dtype == HEBB_F64 || uses_f64(&step->u.gemm.epilogue))) ||
               (hb_is_whole(step->kind) &&
                (has_f64(step->in, step->n_in) || has_f64(step->out, step->n_out)));
    if (!f64 || device->info.f64) return HEBB_OK;
    return hb_fail(error, HEBB_E_UNSUPPORTED, "\"%s\" (%s) has no f64, which \"%s\" needs",
                   device->info.name, device->info.id, step->name);
}

static hebb_status check_step(hb_device *device, const hb_step *step, hb_error *error) {
    hebb_status status = check_dtypes(device, step, error);
    if (status == HEBB_OK && step->kind == HB_LOOP)
        status = check_users(device, &step->u.loop, error);
    if (status == HEBB_OK && step->kind == HB_GEMM)
        status = check_users(device, &step->u.gemm.epilogue, error);
    return status;
}

static hebb_status prepare_step(hb_device *device, hb_prepared *prepared, const hb_step *step,
                                const char **solver, hb_error *error) {
    switch (step->kind) {
    case HB_LOOP:
        return hb_cl_loop_prepare(device, prepared, step, &step->u.loop, step->scratch_offset,
                                  solver, error);
    case HB_GEMM: return hb_cl_gemm_prepare(device, prepared, step, solver, error);
    case HB_GATHER:
    case HB_SCATTER_ADD:
    case HB_SCATTER_SET: return hb_cl_indexed_prepare(device, prepared, step, solver, error);
    case HB_ARGSORT:
    case HB_RECURRENCE:
    case HB_TAKE_ALONG:
    case HB_PUT_ALONG: return hb_cl_along_prepare(device, prepared, step, solver, error);
    case HB_SCAN: return hb_cl_scan_prepare(device, prepared, step, solver, error);
    case HB_CONV:
    case HB_CONV_INPUT:
    case HB_CONV_WEIGHT: return hb_cl_conv_prepare(device, prepared, step, solver, error);
    case HB_FOLD: return hb_cl_fold_prepare(device, prepared, step, solver, error);
    case HB_RESAMPLE:
    case HB_MAX_BACK: return hb_cl_resample_prepare(device, prepared, step, solver, error);
    case HB_CUSTOM: return hb_cl_custom_prepare(device, prepared, step, solver, error);
    default: return hb_fail(error, HEBB_E_UNSUPPORTED, "no kernel for \"%s\"", step->name);
    }
}

size_t hb_cl_scratch(hb_device *device, const hb_step *step) {
    if (step->kind == HB_LOOP) return hb_cl_loop_scratch(device, &step->u.loop);
    if (step->kind == HB_SCAN) return step->u.scan->arena_bytes;
    if (step->kind >= HB_CONV && step->kind <= HB_CONV_WEIGHT)
        return hb_cl_conv_scratch(device, step);
    if (step->kind == HB_RESAMPLE || step->kind == HB_MAX_BACK)
        return hb_cl_resample_scratch(device, step);
    if (step->kind == HB_ARGSORT) return hb_cl_along_scratch(device, step);
    if (step->kind != HB_GEMM) return 0;
    /* Choosing a solver may mean trying one. */
    pthread_mutex_lock(&device->lock);
    size_t bytes = hb_cl_gemm_scratch(device, step);
    pthread_mutex_unlock(&device->lock);
    return bytes;
}

/* Counters, zeros that a kernel which counts with them leaves as zeros; or a table. */
static hebb_status make_own(hb_device *device, hb_cl_launch *launch, hb_error *error) {
    static const char zeros[HB_CL_COUNTER_BYTES];
    cl_int code = CL_SUCCESS;
    for (int i = 0; i < launch->source.n_params && launch->own == NULL && !code; i++) {
        const bool table = launch->source.params[i].kind == HB_CL_TABLE;
        if (table || launch->source.params[i].kind == HB_CL_COUNTERS)
            launch->own = clCreateBuffer(device->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR,
                                         table ? launch->table_bytes : sizeof zeros,
                                         table ? launch->data : (void *)zeros, &code);
    }
    return code == CL_SUCCESS
               ? HEBB_OK
               : hb_cl_fail(error, device, code, "clCreateBuffer", launch->step->name);
}

/* Sizes, strides and such: what stays as it is from run to run. */
static hebb_status set_constants(hb_device *device, hb_cl_launch *launch, hb_error *error) {
    cl_uint at = 0;
    for (int i = 0; i < launch->source.n_params; i++) {
        hb_cl_param *param = &launch->source.params[i];
        if (param->baked) continue;
        cl_int code = CL_SUCCESS, narrow = (cl_int)param->value;
        cl_uint word = (cl_uint)param->value;
        cl_long wide = param->value;
        if (param->kind == HB_CL_U32) code = clSetKernelArg(launch->kernel, at, sizeof word, &word);
        else if (param->kind == HB_CL_INDEX && launch->source.wide)
            code = clSetKernelArg(launch->kernel, at, sizeof wide, &wide);
        else if (param->kind == HB_CL_INDEX)
            code = clSetKernelArg(launch->kernel, at, sizeof narrow, &narrow);
        else if (param->kind == HB_CL_COUNTERS || param->kind == HB_CL_TABLE)
            code = clSetKernelArg(launch->kernel, at, sizeof launch->own, &launch->own);
        if (code != CL_SUCCESS)
            return hb_cl_fail(error, device, code, "clSetKernelArg", launch->step->name);
        at++;
    }
    return HEBB_OK;
}

/* A kernel may be allowed fewer work-items than its device. Its steps are then prepared again with
   groups of that size. */
static hebb_status check_group(hb_device *device, const hb_cl_launch *launch, hb_error *error) {
    size_t most = 0;
    cl_int code = clGetKernelWorkGroupInfo(launch->kernel, device->id, CL_KERNEL_WORK_GROUP_SIZE,
                                           sizeof most, &most, NULL);
    if (code != CL_SUCCESS)
        return hb_cl_fail(error, device, code, "clGetKernelWorkGroupInfo", launch->step->name);
    size_t needed = launch->local[0] * launch->local[1] * launch->local[2];
    if (needed <= most) return HEBB_OK;
    if (most > 0 && most < device->max_group) device->max_group = most;
    return hb_fail(error, HEBB_E_DEVICE, "\"%s\" needs groups of %zu work-items; \"%s\" gives %zu",
                   launch->step->name, needed, device->info.name, most);
}

static hebb_status create_kernel(hb_device *device, hb_cl_launch *launch,
                                 const hb_cl_request *request, hb_error *error) {
    cl_int code;
    launch->kernel = clCreateKernel(request->program, request->name, &code);
    if (code != CL_SUCCESS)
        return hb_cl_fail(error, device, code, "clCreateKernel", launch->step->name);
    hebb_status status = check_group(device, launch, error);
    if (status == HEBB_OK) status = make_own(device, launch, error);
    return status == HEBB_OK ? set_constants(device, launch, error) : status;
}

hebb_status hb_cl_compile_launches(hb_device *device, hb_prepared *prepared, hb_error *error) {
    size_t n = 0;
    hb_cl_request *requests = calloc(prepared->n_launches + 1, sizeof *requests);
    if (requests == NULL) return hb_fail_memory(error, "kernels", sizeof *requests);
    hebb_status status = HEBB_OK;
    for (size_t i = 0; i < prepared->n_launches && status == HEBB_OK; i++) {
        hb_cl_launch *launch = &prepared->launches[i];
        if (launch->call != NULL) continue;
        hb_cl_request *request = &requests[n++];
        request->step = launch->step->name;
        status = hb_cl_kernel_text(device, &launch->source, &request->text, error);
        memcpy(request->parts, launch->source.parts, sizeof request->parts);
        request->alone = launch->source.alone;
        hb_cl_text_free(&launch->source.functions);
        hb_cl_text_free(&launch->source.body);
    }
    if (status == HEBB_OK) status = hb_cl_compile(device, requests, n, error);
    for (size_t i = 0, r = 0; i < prepared->n_launches && status == HEBB_OK; i++)
        if (prepared->launches[i].call == NULL)
            status = create_kernel(device, &prepared->launches[i], &requests[r++], error);
    for (size_t i = 0; i < n; i++) hb_cl_text_free(&requests[i].text);
    free(requests);
    return status;
}

/* The solvers of steps that one kernel does together: of the first, and of the others. */
static const char row_solver[] = "rows, with the next ones";
static const char small_solver[] = "small, with the next ones";
static const char row_member[] = "rows, with the last one";
static const char small_member[] = "small, with the last one";

static bool is_member(const char *solver) { return solver == row_member || solver == small_member; }

/* Steps that one kernel does; *n_done is how many, or 0. Starting one kernel for all small steps
   saves more than a kernel for those that meet within a row. */
static hebb_status prepare_together(hb_device *device, hb_prepared *prepared, const hb_step *steps,
                                    size_t n_steps, size_t *n_done, hb_error *error) {
    const char **solvers = &prepared->solvers[steps - prepared->steps];
    hebb_status status = hb_cl_small_prepare(device, prepared, steps, n_steps, n_done, error);
    for (size_t k = 0; k < *n_done; k++) solvers[k] = k == 0 ? small_solver : small_member;
    if (status != HEBB_OK || *n_done > 0) return status;
    status = hb_cl_group_prepare(device, prepared, steps, n_steps, n_done, error);
    for (size_t k = 0; k < *n_done; k++) solvers[k] = k == 0 ? row_solver : row_member;
    return status;
}

hebb_status hb_cl_add_launches(hb_device *device, hb_prepared *prepared, hb_error *error) {
    const hb_step *steps = prepared->steps;
    hebb_status status = HEBB_OK;
    for (size_t i = 0; i < prepared->n_steps && status == HEBB_OK; i++) {
        prepared->solvers[i] = "none";
        status = check_step(device, &steps[i], error);
    }
    for (size_t i = 0; i < prepared->n_steps && status == HEBB_OK;) {
        size_t together = 0, first = prepared->n_launches;
        const size_t left = prepared->n_steps - i;
        status = prepare_together(device, prepared, &steps[i], left, &together, error);
        if (status == HEBB_OK && together == 0)
            status = prepare_step(device, prepared, &steps[i], &prepared->solvers[i], error);
        if (together == 0) together = 1;
        for (; first < prepared->n_launches; first++) prepared->launches[first].n_steps = together;
        i += together;
    }
    return status;
}

void hb_cl_launches_free(hb_device *device, hb_prepared *prepared) {
    for (size_t i = 0; i < prepared->n_launches; i++) {
        hb_cl_launch *launch = &prepared->launches[i];
        if (launch->kernel != NULL) clReleaseKernel(launch->kernel);
        if (launch->own != NULL) clReleaseMemObject(launch->own);
        hb_cl_kernel_free(&launch->source);
        free(launch->beside);
        if (launch->free != NULL) launch->free(device, launch->data);
        else free(launch->data);
    }
    prepared->n_launches = 0;
}

static hebb_status prepare_again(hb_device *device, hb_prepared *prepared, hb_error *error) {
    for (;;) {
        size_t max_group = device->max_group;
        hebb_status status = hb_cl_add_launches(device, prepared, error);
        if (status == HEBB_OK) status = hb_cl_side_by_side(device, prepared, error);
        if (status == HEBB_OK) status = hb_cl_compile_launches(device, prepared, error);
        if (status == HEBB_OK || device->max_group == max_group) return status;
        hb_cl_launches_free(device, prepared);
    }
}

hb_prepared *hb_cl_prepared_make(const hb_step *steps, size_t n_steps, bool sliding,
                                 hb_error *error) {
    hb_prepared *prepared = calloc(1, sizeof *prepared);
    const char **solvers = calloc(n_steps + 1, sizeof *solvers);
    if (prepared == NULL || solvers == NULL) {
        free(prepared);
        free(solvers);
        hb_fail_memory(error, "a prepared plan", sizeof *prepared);
        return NULL;
    }
    *prepared =
        (hb_prepared){.steps = steps, .solvers = solvers, .n_steps = n_steps, .sliding = sliding};
    return prepared;
}

hebb_status hb_cl_prepare_locked(hb_device *device, const hb_step *steps, size_t n_steps,
                                 bool sliding, hb_prepared **out, hb_error *error) {
    *out = NULL;
    hb_prepared *prepared = hb_cl_prepared_make(steps, n_steps, sliding, error);
    if (prepared == NULL) return HEBB_E_MEMORY;
    hebb_status status = prepare_again(device, prepared, error);
    if (status == HEBB_OK) *out = prepared;
    else hb_cl_release(device, prepared);
    return status;
}

hebb_status hb_cl_prepare(hb_device *device, const hb_step *steps, size_t n_steps, int n_buffers,
                          hb_prepared **prepared, hb_error *error) {
    hb_cl_placed *placed;
    *prepared = NULL;
    hebb_status status = hb_cl_place(device, steps, n_steps, n_buffers, &placed, error);
    if (status != HEBB_OK) return status;
    if (placed != NULL) steps = hb_cl_placed_steps(placed);
    pthread_mutex_lock(&device->lock);
    status = hb_cl_prepare_locked(device, steps, n_steps, false, prepared, error);
    pthread_mutex_unlock(&device->lock);
    if (status == HEBB_OK) (*prepared)->placed = placed;
    else hb_cl_placed_free(placed);
    return status;
}

void hb_cl_release(hb_device *device, hb_prepared *prepared) {
    if (prepared == NULL) return;
    hb_cl_launches_free(device, prepared);
    hb_cl_placed_free(prepared->placed);
    free(prepared->launches);
    free(prepared->solvers);
    free(prepared->beside);
    free(prepared);
}

/* ---- running ---- */

static cl_int set_word(cl_kernel kernel, hb_cl_param *param, cl_uint at, uint32_t word) {
    if (param->set && param->last == word) return CL_SUCCESS;
    cl_int code = clSetKernelArg(kernel, at, sizeof word, &word);
    param->last = word;
    param->set = code == CL_SUCCESS;
    return code;
}

static cl_int set_memory(cl_kernel kernel, hb_cl_param *param, cl_uint at,
                         const hb_run_args *args) {
    const hb_buffer *buffer = args->buffers[param->value];
    if (param->set && param->last == buffer->id) return CL_SUCCESS;
    cl_int code = clSetKernelArg(kernel, at, sizeof buffer->memory, &buffer->memory);
    param->last = buffer->id;
    param->set = code == CL_SUCCESS;
    return code;
}

int64_t hb_cl_shift(const hb_run_args *args, int buffer) {
    return args->shifts != NULL ? args->shifts[buffer] : 0;
}

static cl_int set_shift(cl_kernel kernel, hb_cl_param *param, cl_uint at, const hb_run_args *args) {
    cl_long shift = hb_cl_shift(args, (int)param->value) / (int64_t)param->size;
    if (param->set && param->last == (uint64_t)shift) return CL_SUCCESS;
    cl_int code = clSetKernelArg(kernel, at, sizeof shift, &shift);
    param->last = (uint64_t)shift;
    param->set = code == CL_SUCCESS;
    return code;
}

/* Sets the arguments that differ from the last run's. */
static cl_int set_changed(hb_cl_launch *launch, const hb_run_args *args) {
    cl_uint at = 0;
    for (int i = 0; i < launch->source.n_params; i++) {
        hb_cl_param *param = &launch->source.params[i];
        if (param->baked) continue;
        cl_int code = CL_SUCCESS;
        switch (param->kind) {
        case HB_CL_BUFFER: code = set_memory(launch->kernel, param, at, args); break;
        case HB_CL_SHIFT: code = set_shift(launch->kernel, param, at, args); break;
        case HB_CL_SEED_LOW:
            code = set_word(launch->kernel, param, at, (uint32_t)args->seed);
            break;
        case HB_CL_SEED_HIGH:
            code = set_word(launch->kernel, param, at, (uint32_t)(args->seed >> 32));
            break;
        case HB_CL_RUN_STEP:
            code = set_word(launch->kernel, param, at, (uint32_t)args->step);
            break;
        default: break;
        }
        if (code != CL_SUCCESS) return code;
        at++;
    }
    return CL_SUCCESS;
}

static hebb_status run_launch(hb_device *device, hb_cl_launch *launch, const hb_run_args *args,
                              hb_error *error) {
    if (launch->once && args->iteration > 0) return HEBB_OK;
    if (launch->call != NULL) return launch->call(device, launch, args, error);
    cl_int code = set_changed(launch, args);
    if (code != CL_SUCCESS)
        return hb_cl_fail(error, device, code, "clSetKernelArg", launch->step->name);
    code = clEnqueueNDRangeKernel(device->queue, launch->kernel, launch->rank, NULL, launch->global,
                                  launch->local, 0, NULL, NULL);
    if (code != CL_SUCCESS)
        return hb_cl_fail(error, device, code, "clEnqueueNDRangeKernel", launch->step->name);
    return HEBB_OK;
}

static void begin_watched(const hb_watch *watch, const hb_prepared *prepared,
                          const hb_cl_launch *launch) {
    const size_t i = (size_t)(launch->step - prepared->steps);
    size_t n = 1;
    while (i + n < prepared->n_steps && is_member(prepared->solvers[i + n])) n++;
    const char *solver = prepared->solvers[i];
    if (solver == row_solver) solver = "rows together";
    if (solver == small_solver) solver = "small steps together";
    const hb_step *steps = &prepared->steps[i];
    if (launch->beside != NULL) {
        steps = launch->beside;
        n = launch->n_steps;
        if (n > 1) solver = "steps side by side";
    }
    watch->begin(watch->context, steps, n, solver);
}

/* Whether a launch is watched with the one before it, of the same step. */
static bool goes_on(const hb_cl_launch *launch) {
    return launch->step == launch[-1].step && !launch->beside && !launch[-1].beside;
}

/* The launches of a step one after the other, and the wait for them. */
static hebb_status run_watched(hb_device *device, hb_prepared *prepared, const hb_run_args *args,
                               hb_error *error) {
    const hb_watch *watch = args->watch;
    for (size_t i = 0; i < prepared->n_launches;) {
        hebb_status status = HEBB_OK;
        begin_watched(watch, prepared, &prepared->launches[i]);
        do status = run_launch(device, &prepared->launches[i++], args, error);
        while (i < prepared->n_launches && goes_on(&prepared->launches[i]) && !status);
        if (status == HEBB_OK) status = hb_cl_finish(device, error);
        if (status != HEBB_OK) return status;
        watch->end(watch->context);
    }
    return HEBB_OK;
}

hebb_status hb_cl_run_locked(hb_device *device, hb_prepared *prepared, const hb_run_args *args,
                             hb_error *error) {
    if (args->watch != NULL) return run_watched(device, prepared, args, error);
    hebb_status status = HEBB_OK;
    for (size_t i = 0; i < prepared->n_launches && status == HEBB_OK; i++)
        status = run_launch(device, &prepared->launches[i], args, error);
    return status;
}

hebb_status hb_cl_run(hb_device *device, hb_prepared *prepared, const hb_run_args *args,
                      hb_error *error) {
    hb_run_args all = *args;
    pthread_mutex_lock(&device->lock);
    hebb_status status = HEBB_OK;
    if (prepared->placed != NULL)
        status = hb_cl_placed_buffers(prepared->placed, args, &all.buffers, error);
    if (status == HEBB_OK) status = hb_cl_run_locked(device, prepared, &all, error);
    cl_int code = clFlush(device->queue);
    pthread_mutex_unlock(&device->lock);
    if (status == HEBB_OK && code != CL_SUCCESS)
        return hb_cl_fail(error, device, code, "clFlush", NULL);
    return status;
}

hebb_status hb_cl_finish(hb_device *device, hb_error *error) {
    cl_int code = clFinish(device->queue);
    return code == CL_SUCCESS ? HEBB_OK : hb_cl_fail(error, device, code, "clFinish", NULL);
}

const char *hb_cl_solver(hb_device *device, const hb_prepared *prepared, size_t index) {
    (void)device;
    if (index >= prepared->n_steps) return "none";
    if (prepared->beside != NULL && prepared->beside[index][0] != '\0')
        return prepared->beside[index];
    return prepared->solvers[index];
}
