/* Which GEMM solver is fastest, by measuring (HEBB_TUNE=1), and a file that remembers it for each
   device and shape: tuned-HASH.txt beside the compiled programs (disk_cache.c), HASH of the device
   and its driver, which the file's first line names. A line a product follows: what it looks like,
   and the solver's name. Lines that mean nothing here are passed over, and nothing that goes wrong
   with the file is an error. Called by gemm.c. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../base/clock.h"
#include "../opencl.h"

enum { LINE = 256, HEAD = 512, RUNS = 20 };
#define MOST_SECONDS 0.05 /* of runs of one solver, after the first */

typedef struct entry {
    char product[LINE];
    const hb_cl_gemm_solver *solver;
    bool measured; /* else the cheapest, as it could not be: not for the file */
    struct entry *next;
} entry;

struct hb_cl_tuned {
    entry *first;
    bool on; /* measures what it does not know */
};

/* ---- names ---- */

/* Along which dimension a matrix is contiguous. */
static char layout_of(const hb_operand *operand, int n_batch) {
    if (operand->stride[n_batch + 1] == 1) return 'r';
    return operand->stride[n_batch] == 1 ? 'c' : 's';
}

static void describe(const hb_gemm *gemm, char *text) {
    int64_t batches = 1;
    for (int k = 0; k < gemm->n_batch; k++) batches *= gemm->batch[k];
    snprintf(text, LINE,
             "%s %" PRId64 "x%" PRId64 "x%" PRId64 " batch %" PRId64 " %c%c epilogue %d.%d.%d",
             hebb_dtype_name(gemm->dtype), gemm->m, gemm->n, gemm->k, batches,
             layout_of(&gemm->a, gemm->n_batch), layout_of(&gemm->b, gemm->n_batch),
             gemm->epilogue.n_in, gemm->epilogue.n_instr, gemm->epilogue.n_out);
}

static const hb_cl_gemm_solver *solver_named(const char *name) {
    for (size_t s = 0; s < hb_cl_n_gemm_solvers; s++)
        if (strcmp(hb_cl_gemm_solvers[s]->name, name) == 0) return hb_cl_gemm_solvers[s];
    return NULL;
}

static bool can_use(hb_device *device, const hb_cl_gemm_solver *solver, const hb_gemm *gemm) {
    return solver->can_do(device, gemm) && (solver->verify == NULL || solver->verify(device));
}

/* ---- the file ---- */

static void first_line(const hb_device *device, char *text, size_t size) {
    snprintf(text, size, "Hebb's solvers 2: %s, %s%s\n", device->info.name, device->info.driver,
             device->lanes ? "" : ", kernels for GPUs");
}

static bool file_path(const hb_device *device, char *path, size_t size) {
    char folder[3500], head[HEAD];
    const char *cache = getenv("HEBB_CACHE");
    if (cache != NULL && strcmp(cache, "never") == 0) return false;
    if (!hb_cl_cache_folder(folder, sizeof folder)) return false;
    first_line(device, head, sizeof head);
    const hb_cl_key key = hb_cl_hash(HB_CL_KEY_START, head, strlen(head));
    const int n = snprintf(path, size, "%s/tuned-%016" PRIx64 ".txt", folder, key.a ^ key.b);
    return n > 0 && (size_t)n < size;
}

static entry *find(const hb_device *device, const char *product) {
    entry *e = device->tuned->first;
    while (e != NULL && strcmp(e->product, product) != 0) e = e->next;
    return e;
}

static bool add(hb_device *device, const char *product, const hb_cl_gemm_solver *solver,
                bool measured) {
    entry *e = strlen(product) < LINE ? calloc(1, sizeof *e) : NULL;
    if (e == NULL) return false;
    memcpy(e->product, product, strlen(product));
    e->solver = solver;
    e->measured = measured;
    e->next = device->tuned->first;
    device->tuned->first = e;
    return true;
}

/* "product: solver\n"; what was found first stays. */
static void read_line(hb_device *device, char *line) {
    char *end = strchr(line, '\n'), *colon = strstr(line, ": ");
    if (end == NULL || colon == NULL) return;
    *end = *colon = '\0';
    const hb_cl_gemm_solver *solver = solver_named(colon + 2);
    if (solver != NULL && find(device, line) == NULL) (void)add(device, line, solver, true);
}

static void read_file(hb_device *device) {
    char path[4096], line[HEAD], head[HEAD];
    if (!file_path(device, path, sizeof path)) return;
    FILE *file = fopen(path, "r");
    if (file == NULL) return;
    first_line(device, head, sizeof head);
    if (fgets(line, sizeof line, file) != NULL && strcmp(line, head) == 0)
        while (fgets(line, sizeof line, file) != NULL) read_line(device, line);
    fclose(file);
}

/* With what others have written meanwhile; aside, and renamed, so that nobody sees half of it. */
static void write_file(hb_device *device) {
    char path[4096], aside[4200], head[HEAD];
    if (!file_path(device, path, sizeof path)) return;
    read_file(device);
    hb_cl_make_folders(path);
    snprintf(aside, sizeof aside, "%s.%ld", path, (long)getpid());
    FILE *file = fopen(aside, "w");
    if (file == NULL) return;
    first_line(device, head, sizeof head);
    bool whole = fputs(head, file) >= 0;
    for (const entry *e = device->tuned->first; e != NULL; e = e->next)
        if (e->measured)
            whole = fprintf(file, "%s: %s\n", e->product, e->solver->name) > 0 && whole;
    whole = fclose(file) == 0 && whole;
    if (!whole || rename(aside, path) != 0) remove(aside);
}

/* ---- a product to measure: the step's, on memory of its own ---- */

typedef struct trial {
    hb_step step;
    hb_operand *in;
    hb_output *out;
    hb_buffer *buffer, **buffers; /* the scratch memory, a, b, inputs, outputs */
    int n;
} trial;

static void trial_free(trial *t) {
    for (int k = 0; k < t->n; k++)
        if (t->buffer[k].memory != NULL) clReleaseMemObject(t->buffer[k].memory);
    free(t->in);
    free(t->out);
    free(t->buffer);
    free(t->buffers);
}

/* Numbers that are neither denormal nor large, whatever the dtype. */
static bool fill(hb_device *device, hb_buffer *buffer, size_t bytes) {
    const float pattern = 0.25f;
    cl_int code;
    buffer->bytes = (bytes + 63) / 64 * 64 + 64;
    buffer->memory = clCreateBuffer(device->context, CL_MEM_READ_WRITE, buffer->bytes, NULL, &code);
    buffer->id = ++device->n_buffers;
    return code == CL_SUCCESS &&
           clEnqueueFillBuffer(device->queue, buffer->memory, &pattern, sizeof pattern, 0,
                               buffer->bytes, 0, NULL, NULL) == CL_SUCCESS;
}

/* Gives an operand over dim[0...rank) a buffer of its own. */
static bool own(hb_device *device, trial *t, hb_operand *operand, int rank, const int64_t *dim) {
    if (operand->buffer == HB_BUFFER_INDEX) return true;
    int64_t low = 0, high = 0;
    for (int k = 0; k < rank; k++) {
        const int64_t reach = operand->stride[k] * (dim[k] - 1);
        if (reach < 0) low += reach;
        else high += reach;
    }
    operand->buffer = t->n;
    operand->offset = -low;
    const size_t size = hebb_dtype_size(operand->dtype);
    return fill(device, &t->buffer[t->n++], (size_t)(high - low + 1) * size);
}

static bool own_matrix(hb_device *device, trial *t, hb_operand *operand, int64_t rows,
                       int64_t columns) {
    const hb_gemm *gemm = &t->step.u.gemm;
    int64_t dim[HEBB_MAX_RANK];
    memcpy(dim, gemm->batch, sizeof dim);
    dim[gemm->n_batch] = rows;
    dim[gemm->n_batch + 1] = columns;
    return own(device, t, operand, gemm->n_batch + 2, dim);
}

static bool own_all(hb_device *device, trial *t) {
    hb_gemm *gemm = &t->step.u.gemm;
    hb_loop *loop = &gemm->epilogue;
    if (!own_matrix(device, t, &gemm->a, gemm->m, gemm->k) ||
        !own_matrix(device, t, &gemm->b, gemm->k, gemm->n))
        return false;
    for (int k = 0; k < loop->n_in; k++)
        if (!own(device, t, &loop->in[k], loop->rank, loop->dim)) return false;
    for (int k = 0; k < loop->n_out; k++)
        if (!own(device, t, &loop->out[k].to, loop->rank, loop->dim)) return false;
    return true;
}

static bool trial_make(hb_device *device, trial *t, const hb_step *step, size_t scratch) {
    const hb_loop *loop = &step->u.gemm.epilogue;
    const size_t n = (size_t)(loop->n_in + loop->n_out + 3);
    *t = (trial){.step = *step};
    t->in = malloc((size_t)(loop->n_in + 1) * sizeof *t->in);
    t->out = malloc((size_t)(loop->n_out + 1) * sizeof *t->out);
    t->buffer = calloc(n, sizeof *t->buffer);
    t->buffers = calloc(n, sizeof *t->buffers);
    if (!t->in || !t->out || !t->buffer || !t->buffers) return false;
    for (size_t k = 0; k < n; k++) t->buffers[k] = &t->buffer[k];
    memcpy(t->in, loop->in, (size_t)loop->n_in * sizeof *t->in);
    memcpy(t->out, loop->out, (size_t)loop->n_out * sizeof *t->out);
    t->step.u.gemm.epilogue.in = t->in;
    t->step.u.gemm.epilogue.out = t->out;
    t->step.scratch_buffer = HB_BUFFER_ARENA;
    t->step.scratch_offset = 0;
    t->step.scratch_bytes = scratch;
    return fill(device, &t->buffer[t->n++], scratch) && own_all(device, t);
}

/* ---- measuring ---- */

static double run_once(hb_device *device, hb_prepared *prepared, const hb_run_args *args) {
    hb_error ignored = {0};
    const double start = hb_seconds();
    if (hb_cl_run_locked(device, prepared, args, &ignored) != HEBB_OK ||
        hb_cl_finish(device, &ignored) != HEBB_OK)
        return -1;
    return hb_seconds() - start;
}

/* The shortest time of some runs after the first, in seconds; -1 where that goes wrong. */
static double measure(hb_device *device, const hb_step *step, const hb_cl_gemm_solver *solver) {
    const hb_gemm *gemm = &step->u.gemm;
    const size_t scratch = solver->scratch != NULL ? solver->scratch(device, gemm) : 0;
    trial t;
    double best = -1;
    hb_prepared *prepared = NULL;
    hb_error ignored = {0};
    device->trial = solver;
    if (trial_make(device, &t, step, scratch) &&
        hb_cl_prepare_locked(device, &t.step, 1, false, &prepared, &ignored) == HEBB_OK) {
        const hb_run_args args = {.buffers = t.buffers};
        double spent = 0, one = run_once(device, prepared, &args);
        for (int k = 0; k < RUNS && one >= 0 && spent < MOST_SECONDS; k++) {
            one = run_once(device, prepared, &args);
            spent += one;
            if (best < 0 || one < best) best = one;
        }
        if (one < 0) best = -1;
    }
    device->trial = NULL;
    hb_cl_release(device, prepared);
    trial_free(&t);
    return best;
}

static const hb_cl_gemm_solver *fastest(hb_device *device, const hb_step *step,
                                        const char *product) {
    const hb_cl_gemm_solver *best = NULL;
    double best_time = 0;
    for (size_t s = 0; s < hb_cl_n_gemm_solvers; s++) {
        const hb_cl_gemm_solver *solver = hb_cl_gemm_solvers[s];
        if (!can_use(device, solver, &step->u.gemm)) continue;
        const double time = measure(device, step, solver);
        hb_log("%s: %s by %s: %.4g ms", device->info.id, product, solver->title, 1e3 * time);
        if (time < 0 || (best != NULL && time >= best_time)) continue;
        best = solver;
        best_time = time;
    }
    return best;
}

/* ---- what gemm.c asks ---- */

static bool load(hb_device *device) {
    if (device->tuned != NULL) return true;
    const char *tune = getenv("HEBB_TUNE");
    device->tuned = calloc(1, sizeof *device->tuned);
    if (device->tuned == NULL) return false;
    device->tuned->on = tune != NULL && strcmp(tune, "1") == 0;
    read_file(device);
    return true;
}

static bool is_empty(const hb_gemm *gemm) {
    for (int k = 0; k < gemm->n_batch; k++)
        if (gemm->batch[k] == 0) return true;
    return gemm->m == 0 || gemm->n == 0 || gemm->k == 0;
}

/* A product for which measuring failed is remembered, too: scratch memory and launches must be
   those of one solver. */
const hb_cl_gemm_solver *hb_cl_gemm_tuned(hb_device *device, const hb_step *step) {
    const hb_gemm *gemm = &step->u.gemm;
    char product[LINE];
    if (!load(device) || (device->tuned->first == NULL && !device->tuned->on) || is_empty(gemm))
        return NULL;
    describe(gemm, product);
    const entry *known = find(device, product);
    if (known == NULL && device->tuned->on) {
        const hb_cl_gemm_solver *best = fastest(device, step, product);
        if (!add(device, product, best, best != NULL)) return NULL;
        if (best != NULL) write_file(device);
        return best;
    }
    const bool usable =
        known != NULL && known->solver != NULL && can_use(device, known->solver, gemm);
    return usable ? known->solver : NULL;
}

void hb_cl_tuned_free(hb_device *device) {
    if (device->tuned == NULL) return;
    for (entry *e = device->tuned->first, *next; e != NULL; e = next) {
        next = e->next;
        free(e);
    }
    free(device->tuned);
    device->tuned = NULL;
}
