/* GATHER, SCATTER-ADD and SCATTER-SET. Called through their solvers (cpu.h). */
#include <stdlib.h>
#include <string.h>

#include "../../../kernels/scalar_dtypes.h"
#include "cpu.h"

static bool can_do(const hb_device *device, const hb_step *step) { return true; }

static double cost(const hb_device *device, const hb_step *step) { return step->bytes / 20.0; }

/* There is nothing to prepare: the state is the step itself. */
static hebb_status prepare(hb_device *device, const hb_step *step, void **state, hb_error *error) {
    *state = (void *)(uintptr_t)step;
    return HEBB_OK;
}

static void release(void *state) {}

typedef struct run_context {
    const hb_indexed *indexed;
    char *x, *y;
    const int32_t *index;
    int64_t size;    /* bytes of an element */
    hb_cpu_map *add; /* NULL: rows are written over */
    int64_t tasks;   /* that share narrow rows */
} run_context;

static void write_row(const run_context *c, char *to, const char *from, int64_t n) {
    if (c->add) c->add(to, to, from, NULL, n);
    else memcpy(to, from, (size_t)(n * c->size));
}

static run_context context_of(const hb_device *device, const hb_indexed *indexed,
                              const hb_run_args *args) {
    return (run_context){
        .indexed = indexed,
        .x = hb_cpu_address(args, &indexed->x),
        .y = hb_cpu_address(args, &indexed->y),
        .index = (const int32_t *)(const void *)hb_cpu_address(args, &indexed->index),
        .size = (int64_t)hebb_dtype_size(indexed->x.dtype),
    };
}

static double move_ns(const hb_indexed *indexed) {
    return (double)indexed->count * (3.0 + 0.3 * (double)indexed->width);
}

/* ---- GATHER ---- */

/* NaN as the dtype has it; NULL for integers and bool. */
static const void *nan_of(hebb_dtype dtype) {
    static const float f32 = __builtin_nanf("");
    static const double f64 = __builtin_nan("");
    static const uint16_t f16 = 0x7E00, bf16 = 0x7FC0;
    switch (dtype) {
    case HEBB_F32: return &f32;
    case HEBB_F64: return &f64;
    case HEBB_F16: return &f16;
    case HEBB_BF16: return &bf16;
    default: return NULL;
    }
}

static void fill_missing(const run_context *c, char *row) {
    const int64_t bytes = c->indexed->width * c->size;
    const void *nan = nan_of(c->indexed->x.dtype);
    if (nan == NULL) memset(row, 0, (size_t)bytes);
    else
        for (int64_t at = 0; at < bytes; at += c->size) memcpy(row + at, nan, (size_t)c->size);
}

static void gather_rows(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *c = context;
    const int64_t bytes = c->indexed->width * c->size;
    for (int64_t i = begin; i < end; i++) {
        const int64_t row = c->index[i];
        if (row < 0 || row >= c->indexed->rows) fill_missing(c, c->y + i * bytes);
        else memcpy(c->y + i * bytes, c->x + row * bytes, (size_t)bytes);
    }
}

static void run_gather(hb_device *device, const void *state, const hb_run_args *args) {
    const hb_indexed *indexed = &((const hb_step *)state)->u.indexed;
    if (indexed->count == 0 || indexed->width == 0) return;
    run_context context = context_of(device, indexed, args);
    hb_cpu_parallel(device, indexed->count, move_ns(indexed), gather_rows, &context);
}

/* ---- SCATTER-ADD and SCATTER-SET ---- */

/* Columns [begin, end) of the pieces that the width is cut into: each element is written by one
   thread, in order. */
enum { PIECE = 64, FEW = 4 };

static void write_pieces(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *c = context;
    const hb_indexed *in = c->indexed;
    const int64_t first = begin * PIECE;
    const int64_t n = (end * PIECE < in->width ? end * PIECE : in->width) - first;
    for (int64_t i = 0; i < in->count; i++) {
        const int64_t row = c->index[i];
        if (row < 0 || row >= in->rows) continue;
        write_row(c, c->x + (row * in->width + first) * c->size,
                  c->y + (i * in->width + first) * c->size, n);
    }
}

/* Narrow rows: a task writes the rows of its range and passes over all indices. */
static void write_rows(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *c = context;
    const hb_indexed *in = c->indexed;
    const int64_t bytes = in->width * c->size;
    for (int64_t task = begin; task < end; task++) {
        const int64_t first = in->rows * task / c->tasks, last = in->rows * (task + 1) / c->tasks;
        for (int64_t i = 0; i < in->count; i++) {
            const int64_t row = c->index[i];
            if (row < first || row >= last) continue;
            write_row(c, c->x + row * bytes, c->y + i * bytes, in->width);
        }
    }
}

/* Rows of a few elements, for which passing over the indices is most of the work. */
#define ADD_ROWS(S, T)                                                                             \
    static void add_rows_##S(const run_context *c) {                                               \
        const hb_indexed *in = c->indexed;                                                         \
        T *x = (T *)(void *)c->x;                                                                  \
        const T *y = (const T *)(const void *)c->y;                                                \
        for (int64_t i = 0; i < in->count; i++, y += in->width) {                                  \
            const int64_t row = c->index[i];                                                       \
            if (row < 0 || row >= in->rows) continue;                                              \
            T *to = x + row * in->width;                                                           \
            for (int64_t j = 0; j < in->width; j++) to[j] = hb_add_##S(to[j], y[j]);               \
        }                                                                                          \
    }
ADD_ROWS(f32, float)
ADD_ROWS(f64, double)
ADD_ROWS(i32, int32_t)
ADD_ROWS(i64, int64_t)
ADD_ROWS(u8, uint8_t)
ADD_ROWS(i8, int8_t)

static void (*const add_rows[HEBB_DTYPES])(const run_context *c) = {
    [HEBB_F32] = add_rows_f32, [HEBB_F64] = add_rows_f64, [HEBB_I32] = add_rows_i32,
    [HEBB_I64] = add_rows_i64, [HEBB_U8] = add_rows_u8,   [HEBB_I8] = add_rows_i8,
};

static void run_scatter(hb_device *device, const void *state, const hb_run_args *args) {
    const hb_step *step = state;
    const hb_indexed *indexed = &step->u.indexed;
    if (indexed->count == 0 || indexed->width == 0) return;
    run_context context = context_of(device, indexed, args);
    if (step->kind == HB_SCATTER_ADD)
        context.add = device->isa->vector->map[HB_ADD][indexed->x.dtype];
    context.tasks = device->threads;
    if (indexed->width >= 4 * PIECE)
        hb_cpu_parallel(device, hb_ceil_div(indexed->width, PIECE), move_ns(indexed), write_pieces,
                        &context);
    else if (indexed->width <= FEW && context.add && add_rows[indexed->x.dtype])
        add_rows[indexed->x.dtype](&context);
    else hb_cpu_parallel(device, context.tasks, move_ns(indexed), write_rows, &context);
}

/* ---- solvers ---- */

static const hb_cpu_solver gather = {.name = "rows",
                                     .kind = HB_GATHER,
                                     .can_do = can_do,
                                     .cost = cost,
                                     .prepare = prepare,
                                     .run = run_gather,
                                     .release = release};
static const hb_cpu_solver scatter_add = {.name = "rows",
                                          .kind = HB_SCATTER_ADD,
                                          .can_do = can_do,
                                          .cost = cost,
                                          .prepare = prepare,
                                          .run = run_scatter,
                                          .release = release};
static const hb_cpu_solver scatter_set = {.name = "rows",
                                          .kind = HB_SCATTER_SET,
                                          .can_do = can_do,
                                          .cost = cost,
                                          .prepare = prepare,
                                          .run = run_scatter,
                                          .release = release};

const hb_cpu_solver *const hb_cpu_gather_solvers[] = {&gather, NULL};
const hb_cpu_solver *const hb_cpu_scatter_add_solvers[] = {&scatter_add, NULL};
const hb_cpu_solver *const hb_cpu_scatter_set_solvers[] = {&scatter_set, NULL};
