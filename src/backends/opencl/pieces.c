/* Arenas larger than what a device gives in one piece. The executor lays out its values so that
   none goes across a multiple of a piece's size; here an arena becomes a buffer for each piece, and
   steps are copied with operands that name the piece instead of the arena. Called by prepare.c and
   through the table in opencl.c. */
#include <stdlib.h>
#include <string.h>

#include "opencl.h"

/* A multiple of what the executor aligns values to. */
size_t hb_cl_piece(const hb_device *device) {
    const size_t bytes = (size_t)device->max_allocation / 64 * 64;
    return bytes > 0 ? bytes : 64;
}

hebb_status hb_cl_arena_create(hb_device *device, size_t bytes, hb_buffer **out, hb_error *error) {
    const size_t piece = hb_cl_piece(device), n = (bytes + piece - 1) / piece;
    if (n <= 1) return hb_cl_buffer_create(device, bytes, out, error);
    *out = NULL;
    hb_buffer *arena = calloc(1, sizeof *arena);
    if (arena != NULL) arena->pieces = calloc(n, sizeof *arena->pieces);
    if (arena == NULL || arena->pieces == NULL) {
        free(arena);
        return hb_fail_memory(error, "a buffer's record", sizeof *arena);
    }
    arena->bytes = bytes;
    hebb_status status = HEBB_OK;
    for (; arena->n_pieces < n && status == HEBB_OK; arena->n_pieces++) {
        const size_t left = bytes - arena->n_pieces * piece;
        status = hb_cl_buffer_create(device, left < piece ? left : piece,
                                     &arena->pieces[arena->n_pieces], error);
    }
    if (status != HEBB_OK) {
        arena->n_pieces--; /* the one that failed */
        hb_cl_buffer_destroy(device, arena);
        return status;
    }
    /* To plans that need the first one only, it is that one. */
    arena->memory = arena->pieces[0]->memory;
    arena->id = arena->pieces[0]->id;
    *out = arena;
    return HEBB_OK;
}

/* ---- steps ---- */

struct hb_cl_placed {
    hb_step *steps;
    hb_operand *operands; /* of all steps, but for outputs of loops */
    hb_output *outputs;
    hb_buffer **buffers;
    int n_buffers, n_pieces; /* of the session; of the arena that the steps touch */
    size_t piece;
};

static const hb_loop *loop_of(const hb_step *step) {
    if (step->kind == HB_LOOP) return &step->u.loop;
    return step->kind == HB_GEMM ? &step->u.gemm.epilogue : NULL;
}

static void aim(hb_cl_placed *placed, int *buffer, int64_t *offset, int64_t size) {
    const int64_t piece = (int64_t)placed->piece / size, number = *offset / piece;
    if (*buffer != HB_BUFFER_ARENA || number == 0) return;
    *buffer = placed->n_buffers + (int)number - 1;
    *offset -= number * piece;
    if (number + 1 > placed->n_pieces) placed->n_pieces = (int)number + 1;
}

static void aim_operand(hb_cl_placed *placed, hb_operand *operand) {
    aim(placed, &operand->buffer, &operand->offset, (int64_t)hebb_dtype_size(operand->dtype));
}

/* Copies operands to where there is room for them. */
static hb_operand *copy_operands(hb_cl_placed *placed, const hb_operand *from, int n,
                                 hb_operand **room) {
    hb_operand *to = *room;
    if (n > 0) memcpy(to, from, (size_t)n * sizeof *to);
    for (int k = 0; k < n; k++) aim_operand(placed, &to[k]);
    *room += n;
    return to;
}

static void place_loop(hb_cl_placed *placed, hb_loop *loop, hb_operand **operands,
                       hb_output **outputs) {
    loop->in = copy_operands(placed, loop->in, loop->n_in, operands);
    hb_output *to = *outputs;
    if (loop->n_out > 0) memcpy(to, loop->out, (size_t)loop->n_out * sizeof *to);
    for (int k = 0; k < loop->n_out; k++) aim_operand(placed, &to[k].to);
    loop->out = to;
    *outputs += loop->n_out;
}

static void place_step(hb_cl_placed *placed, hb_step *step, hb_operand **operands,
                       hb_output **outputs) {
    aim(placed, &step->scratch_buffer, &step->scratch_offset, 1);
    switch (step->kind) {
    case HB_LOOP: place_loop(placed, &step->u.loop, operands, outputs); break;
    case HB_GEMM:
        aim_operand(placed, &step->u.gemm.a);
        aim_operand(placed, &step->u.gemm.b);
        place_loop(placed, &step->u.gemm.epilogue, operands, outputs);
        break;
    case HB_GATHER:
    case HB_SCATTER_ADD:
    case HB_SCATTER_SET:
        aim_operand(placed, &step->u.indexed.x);
        aim_operand(placed, &step->u.indexed.index);
        aim_operand(placed, &step->u.indexed.y);
        break;
    default:
        step->in = copy_operands(placed, step->in, step->n_in, operands);
        step->out = copy_operands(placed, step->out, step->n_out, operands);
        break;
    }
}

static bool copy_steps(hb_cl_placed *placed, const hb_step *steps, size_t n_steps) {
    size_t n_operands = 1, n_outputs = 1;
    for (size_t k = 0; k < n_steps; k++) {
        const hb_loop *loop = loop_of(&steps[k]);
        if (loop != NULL) n_operands += (size_t)loop->n_in;
        if (loop != NULL) n_outputs += (size_t)loop->n_out;
        if (hb_is_whole(steps[k].kind)) n_operands += (size_t)(steps[k].n_in + steps[k].n_out);
    }
    placed->steps = malloc((n_steps + 1) * sizeof *placed->steps);
    placed->operands = malloc(n_operands * sizeof *placed->operands);
    placed->outputs = malloc(n_outputs * sizeof *placed->outputs);
    if (!placed->steps || !placed->operands || !placed->outputs) return false;
    hb_operand *operands = placed->operands;
    hb_output *outputs = placed->outputs;
    if (n_steps > 0) memcpy(placed->steps, steps, n_steps * sizeof *steps);
    for (size_t k = 0; k < n_steps; k++) place_step(placed, &placed->steps[k], &operands, &outputs);
    return true;
}

hebb_status hb_cl_place(hb_device *device, const hb_step *steps, size_t n_steps, int n_buffers,
                        hb_cl_placed **out, hb_error *error) {
    *out = NULL;
    hb_cl_placed *placed = calloc(1, sizeof *placed);
    if (placed == NULL) return hb_fail_memory(error, "a plan's pieces", sizeof *placed);
    placed->piece = hb_cl_piece(device);
    placed->n_buffers = n_buffers;
    const bool copied = copy_steps(placed, steps, n_steps);
    const bool needed = !copied || placed->n_pieces > 1;
    const size_t room = (size_t)(n_buffers + placed->n_pieces + 1) * sizeof *placed->buffers;
    if (copied && needed) placed->buffers = malloc(room);
    if (placed->buffers != NULL) {
        *out = placed;
        return HEBB_OK;
    }
    hb_cl_placed_free(placed);
    return needed ? hb_fail_memory(error, "a plan's pieces", room) : HEBB_OK;
}

void hb_cl_placed_free(hb_cl_placed *placed) {
    if (placed == NULL) return;
    free(placed->steps);
    free(placed->operands);
    free(placed->outputs);
    free(placed->buffers);
    free(placed);
}

const hb_step *hb_cl_placed_steps(const hb_cl_placed *placed) { return placed->steps; }

hebb_status hb_cl_placed_buffers(hb_cl_placed *placed, const hb_run_args *args,
                                 hb_buffer *const **buffers, hb_error *error) {
    const hb_buffer *arena = args->buffers[HB_BUFFER_ARENA];
    if (arena->n_pieces < (size_t)placed->n_pieces)
        return hb_fail(error, HEBB_E_ARGUMENT, "an arena of %zu pieces for a plan of %d",
                       arena->n_pieces, placed->n_pieces);
    memcpy(placed->buffers, args->buffers, (size_t)placed->n_buffers * sizeof *placed->buffers);
    placed->buffers[HB_BUFFER_ARENA] = arena->pieces[0];
    for (int k = 1; k < placed->n_pieces; k++)
        placed->buffers[placed->n_buffers + k - 1] = arena->pieces[k];
    *buffers = placed->buffers;
    return HEBB_OK;
}
