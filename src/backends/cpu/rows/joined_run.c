/* Runs joined steps (joined.h), block by block, each on one thread. */
#include "joined.h"

#define PACK_NS 0.1 /* a byte */

typedef struct run_context {
    hb_device *device;
    const hb_cpu_joined *joined;
    const hb_run_args *args;
    char *scratch;
} run_context;

/* ---- copies of B ---- */

static void pack(void *context, int64_t begin, int64_t end, int thread) {
    const run_context *c = context;
    const hb_cpu_joined *j = c->joined;
    const int64_t first = j->batches * j->first.panels;
    if (begin < first) hb_gemm_rows_pack(&j->first, c->args, begin, hb_min(end, first), c->scratch);
    if (end > first)
        hb_gemm_rows_pack(&j->last, c->args, hb_max(begin, first) - first, end - first,
                          c->scratch + j->packed[0]);
}

/* ---- blocks ---- */

/* The slots' memory for one block. */
typedef struct bound {
    hb_buffer own[HB_JOINED_SLOTS];
    hb_buffer *buffers[HB_JOINED_SLOTS];
    int64_t shifts[HB_JOINED_SLOTS];
    hb_run_args args;
} bound;

static void bind(const run_context *c, const hb_cpu_block_at *to, bound *at) {
    const hb_cpu_joined *j = c->joined;
    at->args = *c->args;
    at->args.buffers = at->buffers;
    at->args.shifts = at->shifts;
    for (int k = 0; k < j->n_slots; k++) {
        const int buffer = j->slot[k], number = HB_BUFFER_JOINED - buffer;
        if (number >= 0) {
            at->own[k] = (hb_buffer){.base = to->value[number]};
            at->buffers[k] = &at->own[k];
            at->shifts[k] = -to->row * j->value[number].padded;
        } else {
            at->buffers[k] = c->args->buffers[buffer];
            at->shifts[k] = c->args->shifts ? c->args->shifts[buffer] : 0;
        }
    }
}

static void run_block(const run_context *c, int64_t block, int thread) {
    const hb_cpu_joined *j = c->joined;
    char *own = c->scratch + j->packed[0] + j->packed[1] + (size_t)thread * j->thread_bytes;
    char *value[HB_JOINED_VALUES];
    int64_t around[HEBB_MAX_RANK];
    const int64_t batch = block / j->blocks, row = block % j->blocks * j->block_rows;
    const hb_cpu_block_at to = {around, row, hb_min(j->block_rows, j->rows - row), value};
    int64_t left = batch;
    bound at;
    for (int k = j->n_batch - 1; k >= 0; k--) around[k] = hb_take(&left, j->dim[k]);
    for (int k = 0; k < HB_JOINED_VALUES; k++) value[k] = own + j->value[k].at;
    bind(c, &to, &at);
    hb_gemm_rows_run(c->device, &j->first, &at.args, c->scratch, thread, batch, row, row + to.rows,
                     own + j->waiting_at);
    if (j->loops) hb_cpu_blocks_run_one(c->device, j->loops, c->args, thread, &to);
    hb_gemm_rows_run(c->device, &j->last, &at.args, c->scratch + j->packed[0], thread, batch, row,
                     row + to.rows, own + j->waiting_at);
}

static void run_blocks(void *context, int64_t begin, int64_t end, int thread) {
    for (int64_t block = begin; block < end; block++) run_block(context, block, thread);
}

void hb_cpu_joined_run(hb_device *device, const hb_cpu_joined *j, const hb_run_args *args) {
    const hb_step *first = &j->steps[0];
    run_context context = {device, j, args,
                           hb_cpu_base(args, HB_BUFFER_ARENA) + first->scratch_offset};
    const int64_t panels = j->batches * (j->first.panels + j->last.panels);
    hb_cpu_parallel_within(device, j->threads, panels,
                           PACK_NS * (double)(j->packed[0] + j->packed[1]), pack, &context);
    hb_cpu_parallel_within(device, j->threads, j->batches * j->blocks, j->ns, run_blocks, &context);
}
