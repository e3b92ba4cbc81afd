/* LOOPs that only move elements, which lie side by side along one dimension where they come from
   and along another where they go: squares of those of 4 or 8 bytes are turned around in registers
   (gemm_kernel.c), so that whole vectors are read and written; smaller ones move one by one, but in
   squares, too. By tiles (tile.c), a row of results would be gathered from as many lines as it has
   elements, which come again for every row. Called through its solver. */
#include <stdlib.h>
#include <string.h>

#include "loop.h"
#include "transpose.h"
#include "turned.h"

/* Sequences, and elements of each, that are turned at a time: both sides stay in the first cache
   where lines are done with in halves. */
enum { WIDTH = 64, DEPTH = 64, LEAST = 8 };

typedef struct turned {
    hb_loop loop;      /* simplified */
    int along, across; /* dimensions: of the source's rows, and of the results' */
    hb_cpu_gemm_turn *turn;
    int64_t parts[HEBB_MAX_RANK]; /* of each dimension; a part of a block or one element */
    int64_t tasks;
} turned;

/* As hb_cpu_gemm_turn, of bytes and of pairs of them: whole squares in registers, the rest one by
   one. */
typedef uint8_t bytes __attribute__((vector_size(16)));
typedef uint16_t pairs __attribute__((vector_size(16)));
HB_DEFINE_TRANSPOSE_16(transpose_bytes, bytes, bytes)
HB_DEFINE_TRANSPOSE_8(transpose_pairs, pairs, pairs)

#define TURN(name, type, element, lanes)                                                           \
    static void turn_square_##name(const element *from, int64_t across, int64_t to_row,            \
                                   element *to) {                                                  \
        type v[lanes];                                                                             \
        for (int i = 0; i < lanes; i++) memcpy(&v[i], from + i * across, sizeof v[i]);             \
        transpose_##name(v);                                                                       \
        for (int i = 0; i < lanes; i++) memcpy(to + i * to_row, &v[i], sizeof v[i]);               \
    }                                                                                              \
    static void turn_##name(int64_t width, int64_t k, const void *from, int64_t across,            \
                            int64_t to_row, void *to) {                                            \
        const element *x = from;                                                                   \
        element *y = to;                                                                           \
        const int64_t rows = k / lanes * lanes, columns = width / lanes * lanes;                   \
        for (int64_t i = 0; i < columns; i += lanes)                                               \
            for (int64_t p = 0; p < rows; p += lanes)                                              \
                turn_square_##name(x + i * across + p, across, to_row, y + p * to_row + i);        \
        for (int64_t p = 0; p < k; p++)                                                            \
            for (int64_t i = p < rows ? columns : 0; i < width; i++)                               \
                y[p * to_row + i] = x[i * across + p];                                             \
    }
TURN(bytes, bytes, uint8_t, 16)
TURN(pairs, pairs, uint16_t, 8)

hb_cpu_gemm_turn *hb_cpu_turn_of(const hb_device *device, hebb_dtype dtype) {
    switch (hebb_dtype_size(dtype)) {
    case 1: return turn_bytes;
    case 2: return turn_pairs;
    case 4: return device->isa->gemm->f32->turn;
    default: return device->isa->gemm->f64->turn;
    }
}

static int side_by_side(const hb_loop *loop, const hb_operand *operand) {
    for (int k = 0; k < loop->rank; k++)
        if (operand->stride[k] == 1 && loop->dim[k] >= LEAST) return k;
    return -1;
}

static bool find(const hb_loop *loop, turned *t) {
    t->along = side_by_side(loop, &loop->in[0]);
    t->across = side_by_side(loop, &loop->out[0].to);
    return t->along >= 0 && t->across >= 0 && t->along != t->across;
}

static bool can_do(const hb_device *device, const hb_step *step) {
    const hb_loop *loop = &step->u.loop;
    if (loop->n_instr != 1 || loop->n_pre != 1 || loop->n_in != 1 || loop->n_out != 1) return false;
    const hb_operand *in = &loop->in[0], *out = &loop->out[0].to;
    if (loop->instr[0].code != HB_LOAD || in->buffer < 0 || in->dtype != out->dtype) return false;
    turned t;
    hb_loop simple;
    hb_error ignored;
    if (hb_cpu_simplify(loop, &simple, &ignored)) return false;
    const bool found = find(&simple, &t);
    hb_cpu_simple_free(&simple);
    return found;
}

static double cost(const hb_device *device, const hb_step *step) { return step->bytes / 40.0; }

static void release(void *state) {
    turned *t = state;
    hb_cpu_simple_free(&t->loop);
    free(t);
}

static hebb_status prepare(hb_device *device, const hb_step *step, void **state, hb_error *error) {
    *state = NULL;
    turned *t = calloc(1, sizeof *t);
    if (!t) return hb_fail_memory(error, "a copy", sizeof *t);
    const hebb_status status = hb_cpu_simplify(&step->u.loop, &t->loop, error);
    if (status) {
        free(t);
        return status;
    }
    (void)find(&t->loop, t);
    t->turn = hb_cpu_turn_of(device, t->loop.in[0].dtype);
    t->tasks = 1;
    for (int k = 0; k < t->loop.rank; k++) {
        t->parts[k] = t->loop.dim[k];
        if (k == t->along) t->parts[k] = hb_ceil_div(t->loop.dim[k], DEPTH);
        if (k == t->across) t->parts[k] = hb_ceil_div(t->loop.dim[k], WIDTH);
        t->tasks *= t->parts[k];
    }
    *state = t;
    return HEBB_OK;
}

typedef struct run_context {
    const turned *t;
    const char *from;
    char *to;
} run_context;

static void turn_block(const run_context *c, int64_t task) {
    const turned *t = c->t;
    const hb_operand *in = &t->loop.in[0], *out = &t->loop.out[0].to;
    const int64_t size = (int64_t)hebb_dtype_size(in->dtype);
    int64_t from = 0, to = 0, width = 0, depth = 0;
    for (int k = t->loop.rank - 1; k >= 0; k--) {
        const int64_t most = k == t->along ? DEPTH : k == t->across ? WIDTH : 1;
        const int64_t at = task % t->parts[k] * most, left = t->loop.dim[k] - at;
        task /= t->parts[k];
        from += at * in->stride[k];
        to += at * out->stride[k];
        if (k == t->along) depth = left < most ? left : most;
        if (k == t->across) width = left < most ? left : most;
    }
    t->turn(width, depth, c->from + from * size, in->stride[t->across], out->stride[t->along],
            c->to + to * size);
}

static void turn_blocks(void *context, int64_t begin, int64_t end, int thread) {
    for (int64_t task = begin; task < end; task++) turn_block(context, task);
}

static void run(hb_device *device, const void *state, const hb_run_args *args) {
    const turned *t = state;
    run_context context = {t, hb_cpu_address(args, &t->loop.in[0]),
                           hb_cpu_address(args, &t->loop.out[0].to)};
    hb_cpu_parallel(device, t->tasks, (double)t->tasks * WIDTH * DEPTH / 4, turn_blocks, &context);
}

const hb_cpu_solver hb_cpu_turned = {.name = "turned",
                                     .kind = HB_LOOP,
                                     .can_do = can_do,
                                     .cost = cost,
                                     .prepare = prepare,
                                     .run = run,
                                     .release = release};
