/* RECURRENCE, TAKE_ALONG and PUT_ALONG: [outer, n, inner] tensors, along the middle. Called through
   their solvers. */
#include <string.h>

#include "../../../kernels/scalar_dtypes.h"
#include "cpu.h"

enum {
    PIECE = 256,  /* columns that a task takes together */
    CHUNK = 1024, /* rows of a long running sum that are summed by themselves first */
};

static bool can_do(const hb_device *device, const hb_step *step) { return true; }
static double cost(const hb_device *device, const hb_step *step) { return step->bytes / 10.0; }

static hebb_status prepare(hb_device *device, const hb_step *step, void **state, hb_error *error) {
    *state = (void *)(uintptr_t)step;
    return HEBB_OK;
}

static void release(void *state) {}

typedef struct run_context {
    const hb_cpu_vector *vector;
    const hb_along *along;
    hebb_dtype dtype;
    int64_t size;           /* bytes of an element */
    int64_t width;          /* columns of a piece, and ... */
    int64_t pieces, chunks; /* ... how many of them there are of an outer index; of rows */
    const char *a, *b;      /* RECURRENCE; a may be NULL */
    char *x, *y;
    const int32_t *index;
} run_context;

static run_context context_of(const hb_device *device, const hb_step *step) {
    const hb_along *along = &step->u.along;
    const hebb_dtype dtype = step->out[0].dtype;
    return (run_context){.vector = device->isa->vector,
                         .along = along,
                         .dtype = dtype == HEBB_BOOL ? HEBB_U8 : dtype,
                         .size = (int64_t)hebb_dtype_size(dtype),
                         .width = hb_min(PIECE, along->inner),
                         .pieces = along->inner > 0 ? hb_ceil_div(along->inner, PIECE) : 0,
                         .chunks = 1};
}

static double count(int64_t outer, int64_t n, int64_t inner) {
    return (double)outer * (double)n * (double)inner;
}

/* ---- RECURRENCE ---- */

/* Rows [begin, end) in the order of the recurrence, in one column. */
#define LINE(S, T)                                                                                 \
    static void line_##S(const run_context *c, int64_t at, int64_t step, int64_t n) {              \
        const T *a = (const T *)(const void *)c->a, *b = (const T *)(const void *)c->b;            \
        T *y = (T *)(void *)c->y, last = y[at] = b[at];                                            \
        for (int64_t i = 1; i < n; i++) {                                                          \
            at += step;                                                                            \
            last = hb_add_##S(a ? hb_mul_##S(a[at], last) : last, b[at]);                          \
            y[at] = last;                                                                          \
        }                                                                                          \
    }
LINE(f32, float)
LINE(f64, double)
LINE(i32, int32_t)
LINE(i64, int64_t)
LINE(u8, uint8_t)
LINE(i8, int8_t)

typedef void line_function(const run_context *c, int64_t at, int64_t step, int64_t n);
static line_function *const lines[HEBB_DTYPES] = {
    [HEBB_F32] = line_f32, [HEBB_F64] = line_f64, [HEBB_I32] = line_i32,
    [HEBB_I64] = line_i64, [HEBB_U8] = line_u8,   [HEBB_I8] = line_i8,
};

static void rows(const run_context *c, int64_t at, int64_t step, int64_t n, int64_t width) {
    hb_cpu_map *add = c->vector->map[HB_ADD][c->dtype],
               *multiply = c->vector->map[HB_MUL][c->dtype];
    memcpy(c->y + at * c->size, c->b + at * c->size, (size_t)(width * c->size));
    for (int64_t i = 1; i < n; i++) {
        const char *last = c->y + at * c->size;
        at += step;
        char *to = c->y + at * c->size;
        if (c->a) {
            multiply(to, c->a + at * c->size, last, NULL, width);
            last = to;
        }
        add(to, last, c->b + at * c->size, NULL, width);
    }
}

/* The place of row i, counted in the order of the recurrence, in column 0. */
static int64_t row_at(const hb_along *along, int64_t outer, int64_t i) {
    return (outer * along->n + (along->reverse ? along->n - 1 - i : i)) * along->inner;
}

static void recur(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *c = context;
    const hb_along *along = c->along;
    const int64_t step = along->reverse ? -along->inner : along->inner;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t column = unit % c->pieces * c->width, rest = unit / c->pieces;
        const int64_t first = rest % c->chunks * CHUNK;
        const int64_t n = c->chunks > 1 ? hb_min(CHUNK, along->n - first) : along->n;
        const int64_t width = hb_min(c->width, along->inner - column);
        const int64_t at = row_at(along, rest / c->chunks, first) + column;
        if (width >= 8) rows(c, at, step, n, width);
        else
            for (int64_t j = 0; j < width; j++) lines[c->dtype](c, at + j, step, n);
    }
}

static int64_t last_row(const run_context *c, int64_t outer, int64_t chunk) {
    return row_at(c->along, outer, hb_min((chunk + 1) * CHUNK, c->along->n) - 1);
}

/* Chunk ends become sums over all chunks so far. */
static void carry(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *c = context;
    hb_cpu_map *add = c->vector->map[HB_ADD][c->dtype];
    for (int64_t outer = begin; outer < end; outer++)
        for (int64_t k = 1; k < c->chunks; k++) {
            char *to = c->y + last_row(c, outer, k) * c->size;
            add(to, c->y + last_row(c, outer, k - 1) * c->size, to, NULL, c->along->inner);
        }
}

/* Adds the carried element to n others, `step` apart. */
#define SHIFT(S, T)                                                                                \
    static void shift_##S(char *to_, const char *carried, int64_t step, int64_t n) {               \
        T *to = (T *)(void *)to_, x = *(const T *)(const void *)carried;                           \
        for (int64_t i = 0; i < n; i++, to += step) *to = hb_add_##S(x, *to);                      \
    }
SHIFT(f32, float)
SHIFT(f64, double)
SHIFT(i32, int32_t)
SHIFT(i64, int64_t)
SHIFT(u8, uint8_t)
SHIFT(i8, int8_t)

typedef void shift_function(char *to, const char *carried, int64_t step, int64_t n);
static shift_function *const shifts[HEBB_DTYPES] = {
    [HEBB_F32] = shift_f32, [HEBB_F64] = shift_f64, [HEBB_I32] = shift_i32,
    [HEBB_I64] = shift_i64, [HEBB_U8] = shift_u8,   [HEBB_I8] = shift_i8,
};

/* And then the other rows, too. */
static void add_carried(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *c = context;
    hb_cpu_map *add = c->vector->map[HB_ADD][c->dtype];
    const int64_t inner = c->along->inner;
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t outer = unit / (c->chunks - 1), chunk = unit % (c->chunks - 1) + 1;
        const int64_t first = chunk * CHUNK, stop = hb_min(first + CHUNK, c->along->n) - 1;
        const char *carried = c->y + last_row(c, outer, chunk - 1) * c->size;
        if (inner == 1) {
            char *to = c->y + row_at(c->along, outer, first) * c->size;
            shifts[c->dtype](to, carried, c->along->reverse ? -1 : 1, stop - first);
            continue;
        }
        for (int64_t i = first; i < stop; i++) {
            char *to = c->y + row_at(c->along, outer, i) * c->size;
            add(to, carried, to, NULL, inner);
        }
    }
}

static void run_recurrence(hb_device *device, const void *state, const hb_run_args *args) {
    const hb_step *step = state;
    const hb_along *along = &step->u.along;
    const double all = count(along->outer, along->n, along->inner);
    if (all == 0) return;
    run_context c = context_of(device, step);
    c.a = step->n_in > 1 ? hb_cpu_address(args, &step->in[0]) : NULL;
    c.b = hb_cpu_address(args, &step->in[step->n_in - 1]);
    c.y = hb_cpu_address(args, &step->out[0]);
    if (!c.a && along->n >= 4 * CHUNK) c.chunks = hb_ceil_div(along->n, CHUNK);
    hb_cpu_parallel(device, along->outer * c.chunks * c.pieces, all * 2, recur, &c);
    if (c.chunks == 1) return;
    hb_cpu_parallel(device, along->outer, all / CHUNK * 4, carry, &c);
    hb_cpu_parallel(device, along->outer * (c.chunks - 1), all, add_carried, &c);
}

/* ---- TAKE_ALONG ---- */

static void fill_missing(const run_context *c, char *to) {
    const float nan32 = __builtin_nanf("");
    const double nan64 = __builtin_nan("");
    if (c->dtype == HEBB_F32) memcpy(to, &nan32, sizeof nan32);
    else if (c->dtype == HEBB_F64) memcpy(to, &nan64, sizeof nan64);
    else memset(to, 0, (size_t)c->size);
}

/* Elements of any dtype have 1, 2, 4 or 8 bytes. */
static void move_one(char *to, const char *from, int64_t size) {
    switch (size) {
    case 1: *to = *from; break;
    case 2: memcpy(to, from, 2); break;
    case 4: memcpy(to, from, 4); break;
    default: memcpy(to, from, 8); break;
    }
}

/* Elements [begin, end) of y, all of one outer index. */
static inline __attribute__((always_inline)) void
take_some(const run_context *c, const char *x, int64_t begin, int64_t end, int64_t size) {
    const int64_t n = c->along->n, inner = c->along->inner;
    int64_t column = begin % inner;
    for (int64_t at = begin; at < end; at++) {
        const int64_t row = c->index[at];
        if (row < 0 || row >= n) fill_missing(c, c->y + at * size);
        else move_one(c->y + at * size, x + (row * inner + column) * size, size);
        if (++column == inner) column = 0;
    }
}

static void take_elements(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *c = context;
    const hb_along *along = c->along;
    const int64_t of_one = along->m * along->inner;
    for (int64_t at = begin, next; at < end; at = next) {
        const int64_t outer = at / of_one;
        const char *x = c->x + outer * along->n * along->inner * c->size;
        next = hb_min(end, (outer + 1) * of_one);
        switch (c->size) {
        case 1: take_some(c, x, at, next, 1); break;
        case 2: take_some(c, x, at, next, 2); break;
        case 4: take_some(c, x, at, next, 4); break;
        default: take_some(c, x, at, next, 8); break;
        }
    }
}

static void run_take(hb_device *device, const void *state, const hb_run_args *args) {
    const hb_step *step = state;
    const hb_along *along = &step->u.along;
    const double all = count(along->outer, along->m, along->inner);
    if (all == 0) return;
    run_context c = context_of(device, step);
    c.x = hb_cpu_address(args, &step->in[0]);
    c.index = (const int32_t *)(const void *)hb_cpu_address(args, &step->in[1]);
    c.y = hb_cpu_address(args, &step->out[0]);
    hb_cpu_parallel(device, along->outer * along->m * along->inner, all * 2, take_elements, &c);
}

/* ---- PUT_ALONG ---- */

/* A task has some columns to itself: no two write to one element. */
static void put_columns(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *c = context;
    const hb_along *along = c->along;
    hb_cpu_map *add = c->vector->map[HB_ADD][c->dtype];
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t outer = unit / c->pieces, first = unit % c->pieces * c->width;
        const int64_t last = hb_min(first + c->width, along->inner);
        char *x = c->x + outer * along->n * along->inner * c->size;
        for (int64_t i = 0; i < along->m; i++)
            for (int64_t j = first; j < last; j++) {
                const int64_t at = (outer * along->m + i) * along->inner + j;
                if (c->index[at] < 0 || c->index[at] >= along->n) continue;
                char *to = x + (c->index[at] * along->inner + j) * c->size;
                if (along->add) add(to, to, c->y + at * c->size, NULL, 1);
                else move_one(to, c->y + at * c->size, c->size);
            }
    }
}

typedef struct copy_context {
    char *to;
    const char *from;
} copy_context;

static void copy_bytes(void *context, int64_t begin, int64_t end, int thread) {
    const copy_context *c = context;
    memcpy(c->to + begin, c->from + begin, (size_t)(end - begin));
}

static void run_put(hb_device *device, const void *state, const hb_run_args *args) {
    const hb_step *step = state;
    const hb_along *along = &step->u.along;
    const double all = count(along->outer, along->m, along->inner);
    if (along->outer * along->n * along->inner == 0) return;
    run_context c = context_of(device, step);
    c.x = hb_cpu_address(args, &step->out[0]);
    c.index = (const int32_t *)(const void *)hb_cpu_address(args, &step->in[1]);
    c.y = hb_cpu_address(args, &step->in[2]);
    const int64_t bytes = along->outer * along->n * along->inner * c.size;
    hb_cpu_parallel(device, bytes, (double)bytes * 0.1, copy_bytes,
                    &(copy_context){c.x, hb_cpu_address(args, &step->in[0])});
    if (all > 0) hb_cpu_parallel(device, along->outer * c.pieces, all * 4, put_columns, &c);
}

/* ---- solvers ---- */

#define SOLVER(variable, KIND, title, function)                                                    \
    static const hb_cpu_solver variable = {.name = title,                                          \
                                           .kind = HB_##KIND,                                      \
                                           .can_do = can_do,                                       \
                                           .cost = cost,                                           \
                                           .prepare = prepare,                                     \
                                           .run = function,                                        \
                                           .release = release};                                    \
    const hb_cpu_solver *const hb_cpu_##variable##_solvers[] = {&variable, NULL};
SOLVER(recurrence, RECURRENCE, "in order", run_recurrence)
SOLVER(take_along, TAKE_ALONG, "elements", run_take)
SOLVER(put_along, PUT_ALONG, "in order", run_put)
