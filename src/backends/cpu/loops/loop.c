/* The LOOP solver and the entrance to the LOOP engine (loop.h): elementwise loops and the epilogues
   of GEMMs. Loops with reductions go on to reduce.c; what happens in a tile is tile.c's. */
#include <stdlib.h>

#include "../../unroll.h"
#include "loop.h"
#include "reduce.h"

/* Tiles of 4 KiB lie at the same place of their pages, and loads wait for stores that only look
   like theirs: max(2x + y, 0) * y - x over 2^24 elements takes 8.1 ms by tiles of 8 KiB, 7.5 by
   4, 4.8 by 2 or 1. (A reduction stores little, and long rows suit it.) */
enum { TILE_BYTES = 2 << 10 };

enum { LONG_ROW = 128 }; /* columns from which a GEMM's block is run row by row, in place */

struct hb_cpu_loop {
    hb_loop simple;
    hb_loop unrolled;       /* owns the instructions, if small dimensions were unrolled */
    hb_cpu_program program; /* unless there are reductions */
    hb_cpu_reduce *reduce;
    int64_t tiles;
    hb_cpu_tile first; /* made ahead: in small plans, finding it costs as much as running it */
};

/* ---- preparing ---- */

static bool is_epilogue(const hb_loop *loop) {
    for (int i = 0; i < loop->n_instr; i++)
        if (loop->instr[i].code == HB_ACC) return true;
    return false;
}

static hebb_status prepare_epilogue(hb_device *device, const hb_loop *loop, hb_cpu_repeat repeat,
                                    hb_cpu_loop *made, hb_error *error) {
    hb_cpu_part part = {.loop = loop,
                        .last = loop->n_instr,
                        .rank = loop->rank,
                        .dim = {0, 1, 2, 3, 4, 5, 6, 7},
                        .boxes = true,
                        .repeat = repeat,
                        .tile = HB_CPU_TILE,
                        .tile_bytes = TILE_BYTES,
                        .scratch = HB_CPU_SCRATCH};
    return hb_cpu_program_make(device, &part, &made->program, error);
}

static hebb_status prepare_elementwise(hb_device *device, hb_cpu_repeat repeat, hb_cpu_loop *made,
                                       hb_error *error) {
    const hb_loop *loop = &made->simple;
    const hb_cpu_order order = hb_cpu_order_of(loop);
    hb_cpu_part part = {.loop = loop,
                        .last = loop->n_instr,
                        .rank = order.rank,
                        .tile = HB_CPU_TILE,
                        .repeat = repeat,
                        .tile_bytes = TILE_BYTES,
                        .scratch = HB_CPU_SCRATCH};
    for (int k = 0; k < order.rank; k++) part.dim[k] = order.dim[k];
    hebb_status status = hb_cpu_program_make(device, &part, &made->program, error);
    if (status) return status;
    const int64_t rows = made->program.space.rows;
    made->tiles = hb_cpu_tile_count(&made->program, rows);
    if (made->tiles > 0) hb_cpu_tile_at(&made->program, 0, rows, 0, &made->first);
    return HEBB_OK;
}

static hebb_status prepare_simple(hb_device *device, hb_cpu_repeat repeat, hb_cpu_loop *made,
                                  hb_error *error) {
    const hb_loop *loop = &made->simple;
    if (loop->n_pre == loop->n_instr) return prepare_elementwise(device, repeat, made, error);
    return hb_cpu_reduce_make(device, loop, repeat, &made->reduce, error);
}

static void swap_loops(hb_loop *a, hb_loop *b) {
    const hb_loop swapped = *a;
    *a = *b;
    *b = swapped;
}

/* Replaces the simple loop by one without its small dimensions; false leaves it as it is. */
static bool unroll(hb_cpu_loop *made) {
    bool small[HEBB_MAX_RANK];
    hb_error ignored;
    hb_loop unrolled, simple;
    if (!hb_cpu_can_unroll(&made->simple, small) ||
        hb_unroll(&made->simple, small, &unrolled, &ignored))
        return false;
    if (hb_cpu_simplify(&unrolled, &simple, &ignored)) {
        hb_unrolled_free(&unrolled);
        return false;
    }
    hb_cpu_simple_free(&made->simple);
    hb_unrolled_free(&made->unrolled);
    made->simple = simple;
    made->unrolled = unrolled;
    return true;
}

/* Whether the loop was prepared with its small dimensions unrolled; first the reduced ones, then
   those that make rows short. Where the program is too long for that, nothing has happened. */
static bool prepare_unrolled(hb_device *device, hb_cpu_repeat repeat, hb_cpu_loop *made) {
    hb_error ignored;
    hb_loop whole;
    if (hb_cpu_simplify(&made->simple, &whole, &ignored)) return false;
    bool done = unroll(made);
    if (done) {
        unroll(made);
        repeat.ahead = NULL; /* there are other inputs now */
        done = prepare_elementwise(device, repeat, made, &ignored) == HEBB_OK;
    }
    if (!done) swap_loops(&made->simple, &whole);
    hb_cpu_simple_free(&whole);
    return done;
}

static hebb_status prepare_loop(hb_device *device, const hb_loop *loop, hb_cpu_repeat repeat,
                                hb_cpu_loop **prepared, hb_error *error) {
    *prepared = NULL;
    hb_cpu_loop *made = calloc(1, sizeof *made);
    if (!made) return hb_fail_memory(error, "a loop", sizeof *made);
    hebb_status status;
    if (is_epilogue(loop)) status = prepare_epilogue(device, loop, repeat, made, error);
    else {
        status = hb_cpu_simplify(loop, &made->simple, error);
        if (!status && !prepare_unrolled(device, repeat, made))
            status = prepare_simple(device, repeat, made, error);
    }
    if (status) hb_cpu_loop_release(made);
    else *prepared = made;
    return status;
}

hebb_status hb_cpu_loop_prepare(hb_device *device, const hb_loop *loop, hb_cpu_loop **prepared,
                                hb_error *error) {
    return prepare_loop(device, loop, (hb_cpu_repeat){0}, prepared, error);
}

hebb_status hb_cpu_loop_prepare_block(hb_device *device, const hb_loop *loop, hb_cpu_repeat repeat,
                                      hb_cpu_loop **prepared, hb_error *error) {
    return prepare_loop(device, loop, repeat, prepared, error);
}

void hb_cpu_loop_release(hb_cpu_loop *prepared) {
    if (!prepared) return;
    hb_cpu_reduce_free(prepared->reduce);
    hb_cpu_program_free(&prepared->program);
    hb_unrolled_free(&prepared->unrolled);
    hb_cpu_simple_free(&prepared->simple);
    free(prepared);
}

/* ---- running ---- */

typedef struct run_context {
    const hb_device *device;
    const hb_cpu_loop *loop;
    const hb_run_args *args;
} run_context;

static void run_tiles(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *c = context;
    const hb_cpu_program *program = &c->loop->program;
    const int64_t rows = program->space.rows;
    _Alignas(64) char scratch[HB_CPU_SCRATCH];
    hb_cpu_worker worker;
    hb_cpu_tile tile = c->loop->first, next;
    hb_cpu_worker_start(&worker, program, c->device, c->args, scratch, &tile);
    if (begin > 0) hb_cpu_tile_at(program, 0, rows, begin, &tile);
    for (int64_t t = begin; t + 1 < end; t++, tile = next) {
        hb_cpu_tile_at(program, 0, rows, t + 1, &next);
        if (program->far) hb_cpu_worker_prefetch(&worker, &next);
        hb_cpu_worker_tile(&worker, &tile);
    }
    hb_cpu_worker_tile(&worker, &tile);
}

/* A fence waits for the stores: one after all tiles of a range, or of a range of blocks. */
static void run_tiles_and_fence(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *c = context;
    run_tiles(context, begin, end, thread);
    if (c->loop->program.streams) c->device->isa->vector->fence();
}

double hb_cpu_loop_ns(const hb_cpu_loop *prepared) {
    if (prepared->reduce) return hb_cpu_reduce_ns(prepared->reduce);
    const hb_cpu_space *space = &prepared->program.space;
    return prepared->program.ns * (double)space->rows * (double)space->columns;
}

void hb_cpu_loop_run(hb_device *device, const hb_cpu_loop *prepared, const hb_run_args *args) {
    if (prepared->reduce) {
        hb_cpu_reduce_run(device, prepared->reduce, args);
        return;
    }
    run_context context = {device, prepared, args};
    hb_cpu_parallel(device, prepared->tiles, hb_cpu_loop_ns(prepared), run_tiles_and_fence,
                    &context);
}

void hb_cpu_loop_run_alone(const hb_device *device, const hb_cpu_loop *prepared,
                           const hb_run_args *args) {
    run_context context = {device, prepared, args};
    if (prepared->reduce) hb_cpu_reduce_run_alone(device, prepared->reduce, args);
    else if (prepared->tiles > 0) run_tiles(&context, 0, prepared->tiles, 0);
}

const hb_cpu_program *hb_cpu_loop_program(const hb_cpu_loop *prepared) {
    return prepared->reduce ? &prepared->reduce->pre : &prepared->program;
}

bool hb_cpu_loop_row_chain(const hb_cpu_loop *prepared, int64_t rows, hb_cpu_row_chain *chain) {
    const hb_loop *loop = &prepared->simple;
    const hb_cpu_program *program = hb_cpu_loop_program(prepared);
    const hb_cpu_space *space = &program->space;
    if (rows < 2 || prepared->unrolled.instr || loop->rank < 1 || loop->rank > 2 ||
        hb_cpu_order_of(loop).dim[0] != 0 || !hb_cpu_program_is_chain(program))
        return false;
    /* A space of one row has all of the block's rows in it, one after the other. */
    const int64_t points = space->rows * space->columns;
    if (space->rank == 2 ? space->rows != rows : points % rows != 0) return false;
    *chain = (hb_cpu_row_chain){
        .program = program, .reduce = prepared->reduce, .columns = points / rows};
    return chain->columns > 1;
}

/* Rows of a block that make a tile. A small block shall not wait for a division. */
static int64_t rows_together(const hb_cpu_program *program, const hb_cpu_tile *block) {
    if (program->loose) return block->rows;
    if (block->columns >= LONG_ROW) return 1;
    if (block->rows * block->columns <= program->tile) return block->rows;
    return program->tile / block->columns;
}

/* A block with few enough columns for a tile; `tile` goes through its rows. */
static void run_box(const hb_device *device, const hb_cpu_program *program, const hb_run_args *args,
                    hb_cpu_tile *tile, const char *acc, int64_t ld) {
    _Alignas(64) char scratch[HB_CPU_SCRATCH];
    const int64_t end = tile->row + tile->rows, together = rows_together(program, tile);
    const int m = program->space.rank - 2;
    hb_cpu_worker worker;
    hb_cpu_tile_locate(&program->space, tile);
    if (tile->rows > together) tile->rows = together;
    hb_cpu_worker_start(&worker, program, device, args, scratch, tile);
    worker.product = acc;
    worker.product_row = ld;
    while (tile->row < end) {
        if (tile->rows > end - tile->row) tile->rows = end - tile->row;
        hb_cpu_worker_tile(&worker, tile);
        worker.product += tile->rows * ld;
        tile->row += tile->rows;
        tile->index[m] += tile->rows; /* a block stays within one matrix */
    }
}

void hb_cpu_loop_block(hb_device *device, const hb_cpu_loop *prepared, const hb_run_args *args,
                       int thread, int64_t batch, int64_t i0, int64_t i1, int64_t j0, int64_t j1,
                       const void *acc, int64_t ld) {
    const hb_cpu_program *program = &prepared->program;
    const int64_t size = prepared->program.product_size;
    const int64_t m = program->space.dim[program->space.rank - 2];
    for (int64_t j = j0; j < j1; j += program->tile) {
        hb_cpu_tile tile = {.row = batch * m + i0,
                            .rows = i1 - i0,
                            .column = j,
                            .columns = j1 - j < program->tile ? j1 - j : program->tile};
        run_box(device, program, args, &tile, (const char *)acc + (j - j0) * size, ld * size);
    }
}

/* ---- the solver ---- */

static bool can_do(const hb_device *device, const hb_step *step) { return true; }

static double cost(const hb_device *device, const hb_step *step) { return step->bytes / 20.0; }

static hebb_status prepare(hb_device *device, const hb_step *step, void **state, hb_error *error) {
    hb_cpu_loop *prepared;
    hebb_status status = hb_cpu_loop_prepare(device, &step->u.loop, &prepared, error);
    *state = prepared;
    return status;
}

static void run(hb_device *device, const void *state, const hb_run_args *args) {
    hb_cpu_loop_run(device, state, args);
}

static void release(void *state) { hb_cpu_loop_release(state); }

static const hb_cpu_solver tiled = {.name = "tiles",
                                    .kind = HB_LOOP,
                                    .can_do = can_do,
                                    .cost = cost,
                                    .prepare = prepare,
                                    .run = run,
                                    .release = release};

const hb_cpu_solver *const hb_cpu_loop_solvers[] = {&tiled, &hb_cpu_turned, &hb_cpu_turned_inputs,
                                                    NULL};
