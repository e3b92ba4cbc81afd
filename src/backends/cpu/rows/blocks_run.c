/* Runs the blocks of rows that blocks.c has made, each on one thread, and after all of them what
   combines their partial results. */
#include "blocks.h"

typedef struct run_context {
    const hb_device *device;
    const hb_cpu_blocks *blocks;
    const hb_run_args *args;
} run_context;

/* The slots' memory for one thread and one block after the other. */
typedef struct bound {
    hb_buffer own[HB_CPU_MOST_SLOTS];
    hb_buffer *buffers[HB_CPU_MOST_SLOTS];
    int64_t shifts[HB_CPU_MOST_SLOTS];
    hb_run_args args;
    char *scratch;
    hb_cpu_link *links;
    hb_cpu_walker walker[HB_CPU_MOST_MEMBERS];
} bound;

static void bind(const run_context *c, int thread, bound *at) {
    const hb_cpu_blocks *b = c->blocks;
    char *scratch = b->scratch + (size_t)thread * b->thread_bytes;
    at->scratch = scratch;
    at->links = (hb_cpu_link *)(void *)(scratch + b->links_at);
    at->args = *c->args;
    at->args.buffers = at->buffers;
    at->args.shifts = at->shifts;
    for (int k = 0; k < b->n_slots; k++) {
        const hb_cpu_slot *s = &b->slot[k];
        at->buffers[k] = &at->own[k];
        at->own[k] = (hb_buffer){.base = s->memory};
        if (s->local >= 0) at->own[k].base = scratch + b->local_at[s->local];
        else if (s->buffer >= 0) at->buffers[k] = c->args->buffers[s->buffer];
    }
}

/* To a block of rows that others are run with. */
static void move_to_rows(const run_context *c, const hb_cpu_block_at *to, bound *at) {
    const hb_cpu_blocks *b = c->blocks;
    for (int k = 0; k < b->n_slots; k++) {
        const hb_cpu_slot *s = &b->slot[k];
        if (s->value >= 0) at->own[k].base = to->value[s->value];
        at->shifts[k] = s->step * to->row;
        for (int i = 0; i < b->around; i++) at->shifts[k] += s->around[i] * to->around[i];
        if (s->buffer >= 0 && c->args->shifts) at->shifts[k] += c->args->shifts[s->buffer];
    }
}

static void move_to(const run_context *c, int64_t block, bound *at) {
    const hb_cpu_blocks *b = c->blocks;
    for (int k = 0; k < b->n_slots; k++) {
        const hb_cpu_slot *s = &b->slot[k];
        at->shifts[k] = s->step * (s->memory ? block : block * b->block_rows);
        if (s->buffer >= 0 && c->args->shifts) at->shifts[k] += c->args->shifts[s->buffer];
    }
}

/* The locals' memory for rows that are number `turn` of those that are run at once. */
static void turn_locals(const hb_cpu_blocks *b, int64_t turn, bound *at) {
    for (int k = 0; k < b->n_locals; k++)
        at->shifts[b->local_slot[k]] =
            turn % b->turns[k] * b->turn_bytes[k] - turn * b->together * b->local_step[k];
}

/* Rows of turn number `turn` of a block of so many rows; the last turn may have fewer. */
static int64_t rows_of_turn(const hb_cpu_blocks *b, int64_t turn, int64_t rows) {
    return turn < 0 ? 0 : hb_max(0, hb_min(b->together, rows - turn * b->together));
}

/* Loops [first, last), which have been aimed at n rows each, as one chain. */
static void run_joined(const run_context *c, bound *at, int64_t now, int first, int last,
                       hb_cpu_link *end, int64_t n) {
    const hb_cpu_blocks *b = c->blocks;
    if (n == 0) return;
    *end = (hb_cpu_link){.code = HB_CHAIN_END};
    if (last == first + 1) hb_cpu_walker_run(&at->walker[first], at->links, n);
    else c->device->isa->vector->chain(at->links, n, b->columns, NULL);
    for (int k = first; k < last; k++) {
        const int64_t turn = now - b->behind[k];
        turn_locals(b, turn, at);
        hb_cpu_walker_finish(&at->walker[k], turn * b->together, n);
    }
}

static void run_turn(const run_context *c, bound *at, int64_t rows, int64_t now) {
    const hb_cpu_blocks *b = c->blocks;
    hb_cpu_link *end = at->links;
    int first = 0;
    int64_t n_first = 0;
    for (int k = 0; k < b->n; k++) {
        const int64_t turn = now - b->behind[k], n = rows_of_turn(b, turn, rows);
        if (k == 0 || b->behind[k] == b->behind[k - 1] || n != n_first) {
            run_joined(c, at, now, first, k, end, n_first);
            first = k;
            n_first = n;
            end = at->links;
        }
        turn_locals(b, turn, at);
        if (n > 0) end = hb_cpu_walker_aim(&at->walker[k], turn * b->together, n, end);
    }
    run_joined(c, at, now, first, b->n, end, n_first);
}

static void run_staggered(const run_context *c, bound *at, int64_t rows) {
    const hb_cpu_blocks *b = c->blocks;
    for (int k = 0; k < b->n; k++)
        hb_cpu_walker_start(&at->walker[k], c->device, b->part[k].block_loop, b->block_rows,
                            b->together, &at->args, at->scratch + b->walker_at[k]);
    const int64_t turns = hb_ceil_div(rows, b->together);
    for (int64_t now = 0; now < turns + b->behind[b->n - 1]; now++) run_turn(c, at, rows, now);
    for (int k = 0; k < b->n; k++) hb_cpu_walker_end(&at->walker[k]);
}

/* What the block's rows have in memory to scratch memory, or back. */
static void turn_arrays(const run_context *c, const bound *at, int64_t block, bool back) {
    const hb_cpu_blocks *b = c->blocks;
    const int64_t rows = hb_min(b->block_rows, b->rows - block * b->block_rows);
    for (int k = 0; k < b->turned.n; k++) {
        const hb_cpu_turned_array *t = &b->turned.array[k];
        if (back ? t->written : t->read)
            hb_cpu_turn(c->device, t, rows, b->across, hb_cpu_base(&at->args, t->slot) + t->at,
                        at->scratch + b->local_at[t->local], back);
    }
}

static void run_one_by_one(const run_context *c, bound *at, int64_t rows) {
    const hb_cpu_blocks *b = c->blocks;
    for (int k = 0; k < b->n; k++)
        hb_cpu_loop_run_alone(c->device,
                              rows == b->block_rows ? b->part[k].block_loop : b->part[k].rest_loop,
                              &at->args);
}

static void run_blocks(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *c = context;
    const hb_cpu_blocks *b = c->blocks;
    bound at;
    bind(c, thread, &at);
    for (int64_t block = begin; block < end; block++) {
        const int64_t rows = hb_min(b->block_rows, b->rows - block * b->block_rows);
        move_to(c, block, &at);
        if (b->together > 0) {
            run_staggered(c, &at, rows);
            continue;
        }
        turn_arrays(c, &at, block, false);
        run_one_by_one(c, &at, rows);
        turn_arrays(c, &at, block, true);
    }
    c->device->isa->vector->fence();
}

void hb_cpu_blocks_run(hb_device *device, const hb_cpu_blocks *b, const hb_run_args *args) {
    run_context context = {device, b, args};
    /* Scratch memory is for the threads that there were when the plan was made. */
    if (device->threads > b->threads) run_blocks(&context, 0, b->blocks, 0);
    else hb_cpu_parallel(device, b->blocks, b->ns, run_blocks, &context);
    bound at;
    bind(&context, 0, &at);
    move_to(&context, 0, &at);
    for (int k = 0; k < b->n; k++)
        if (b->part[k].end_loop) hb_cpu_loop_run(device, b->part[k].end_loop, &at.args);
}

void hb_cpu_blocks_run_one(hb_device *device, const hb_cpu_blocks *b, const hb_run_args *args,
                           int thread, const hb_cpu_block_at *to) {
    const run_context context = {device, b, args};
    bound at;
    bind(&context, thread, &at);
    move_to_rows(&context, to, &at);
    if (b->together > 0) run_staggered(&context, &at, to->rows);
    else run_one_by_one(&context, &at, to->rows);
    device->isa->vector->fence();
}
