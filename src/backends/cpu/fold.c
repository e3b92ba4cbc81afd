/* FOLD: each row of the result is gathered by one thread, from the windows that reach it, in the
   order of the windows' elements. Called through the solver's table (cpu.h). */
#include <string.h>

#include "convolutions/conv.h"

static bool can_do(const hb_device *device, const hb_step *step) { return true; }
static double cost(const hb_device *device, const hb_step *step) { return 0; } /* the only one */

/* There is nothing to prepare: the state is the step itself. */
static hebb_status prepare(hb_device *device, const hb_step *step, void **state, hb_error *error) {
    *state = (void *)(uintptr_t)step;
    return HEBB_OK;
}

static void release(void *state) {}

/* to[p stride + k dilation] += from[p kernel_volume + k] for all windows p and elements k of a row.
 */
typedef void add_row(const hb_fold *f, const char *from, char *to);

#define ADD_ROW(name, T)                                                                           \
    static void add_row_##name(const hb_fold *f, const char *from_, char *to_) {                   \
        const T *from = (const T *)(const void *)from_;                                            \
        T *to = (T *)(void *)to_;                                                                  \
        const int64_t volume = hb_volume(f->kernel), stride = f->stride[2];                        \
        for (int64_t k = 0; k < f->kernel[2]; k++)                                                 \
            for (int64_t p = 0; p < f->out[2]; p++)                                                \
                to[p * stride + k * f->dilation[2]] =                                              \
                    (T)(to[p * stride + k * f->dilation[2]] + from[p * volume + k]);               \
    }
ADD_ROW(f32, float)
ADD_ROW(f64, double)
ADD_ROW(u32, uint32_t) /* signed ones wrap around, too */
ADD_ROW(u64, uint64_t)
ADD_ROW(u8, uint8_t)

static add_row *const adders[HEBB_DTYPES] = {
    [HEBB_F32] = add_row_f32, [HEBB_F64] = add_row_f64, [HEBB_I32] = add_row_u32,
    [HEBB_I64] = add_row_u64, [HEBB_I8] = add_row_u8,   [HEBB_U8] = add_row_u8,
    [HEBB_BOOL] = add_row_u8};

typedef struct job {
    const hb_fold *f;
    const char *y;
    char *x;
    int64_t size;
    add_row *add;
} job;

/* The window that has element k at place i, or -1. */
static int64_t window_at(const hb_fold *f, int d, int64_t i, int64_t k) {
    const int64_t at = i - k * f->dilation[d];
    return at >= 0 && at % f->stride[d] == 0 && at / f->stride[d] < f->out[d] ? at / f->stride[d]
                                                                              : -1;
}

static void fold_row(const job *j, int64_t outer, int64_t i0, int64_t i1, char *to) {
    const hb_fold *f = j->f;
    const int64_t volume = hb_volume(f->kernel);
    const char *y = j->y + outer * hb_volume(f->out) * volume * j->size;
    for (int64_t k0 = 0; k0 < f->kernel[0]; k0++) {
        const int64_t p0 = window_at(f, 0, i0, k0);
        for (int64_t k1 = 0; p0 >= 0 && k1 < f->kernel[1]; k1++) {
            const int64_t p1 = window_at(f, 1, i1, k1);
            if (p1 < 0) continue;
            const int64_t window = (p0 * f->out[1] + p1) * f->out[2] * volume;
            j->add(f, y + (window + (k0 * f->kernel[1] + k1) * f->kernel[2]) * j->size, to);
        }
    }
}

static void fold_rows(void *context, int64_t begin, int64_t end, int thread) {
    const job *j = context;
    const hb_fold *f = j->f;
    for (int64_t row = begin; row < end; row++) {
        char *to = j->x + row * f->in[2] * j->size;
        memset(to, 0, (size_t)(f->in[2] * j->size));
        fold_row(j, row / f->in[1] / f->in[0], row / f->in[1] % f->in[0], row % f->in[1], to);
    }
}

static void run(hb_device *device, const void *state, const hb_run_args *args) {
    const hb_step *step = state;
    const hb_fold *f = &step->u.fold;
    const hebb_dtype dtype = step->out[0].dtype;
    job j = {.f = f,
             .y = hb_cpu_address(args, &step->in[0]),
             .x = hb_cpu_address(args, &step->out[0]),
             .size = (int64_t)hebb_dtype_size(dtype),
             .add = adders[dtype]};
    if (f->in[2] == 0) return;
    hb_cpu_parallel(device, f->outer * f->in[0] * f->in[1], step->bytes / 4, fold_rows, &j);
}

static const hb_cpu_solver rows = {.name = "rows",
                                   .kind = HB_FOLD,
                                   .can_do = can_do,
                                   .cost = cost,
                                   .prepare = prepare,
                                   .run = run,
                                   .release = release};
const hb_cpu_solver *const hb_cpu_fold_solvers[] = {&rows, NULL};
